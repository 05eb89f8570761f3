/* SPDX-License-Identifier: MIT
 *
 * Pipelines, inside: stages, the edges between them, the workers that run them.
 *
 *   pipeline    making, starting, ending
 *   pipe_plan   adding stages
 *   pipe_worker memory of a worker
 *   pipe_work   what a worker does with items
 *   pipe_order  bringing what several workers made into the order of the items
 *   pipe_again  letters whose items go back to the stage that they came from
 *
 * Representation  A stage has ports, through which elements leave, and one more for letters.  A
 *                 port leads to an edge, which is a channel, or to a fused stage.  An edge ends at
 *                 one stage, or at the program, and may begin at several ports.  The `head` of a
 *                 stage is the one whose workers run it: itself, unless it is fused.
 *
 * Invariants
 *   B1  While an edge is open, each worker of each stage with a port there is counted as a sender
 *       of its channel; a worker counts itself out when it ends.
 *   B2  An element is in one place: in a channel, in `in` of a worker (from `at` on), in `buffer`
 *       of a worker or of a slot, or in the hands of a step.
 *   B3  Workers and slots exchange their buffers: whose memory one is says nothing.
 *   B4  Of the edge `back` of a stage these are counted as senders: each worker of the stage, until
 *       it has seen that nothing new will come; each letter, and each item that comes back, until
 *       it has met its end.  So it is closed when nothing can come back any more.
 */
#ifndef CCPI_FLOW_PIPELINE_H
#define CCPI_FLOW_PIPELINE_H

#include "base/atomic.h"
#include "ccp.h"

#define CCPI_PIPE_MOST 65536 /* workers, inputs, branches: more is a mistake */
#define CCPI_PIPE_QUEUE 64   /* elements in front of a stage, unless it says otherwise */
#define CCPI_PIPE_AHEAD 4    /* chunks per worker that may wait for one that came before */
#define CCPI_PIPE_FLAT 16    /* elements that a flat step makes before they have to go on */

typedef enum ccpi_stage_kind {
    CCPI_SOURCE,
    CCPI_FROM,
    CCPI_MAP,
    CCPI_FILTER,
    CCPI_FLAT_MAP,
    CCPI_BATCH,
    CCPI_SPLIT,
    CCPI_TEE,
    CCPI_JOIN,
    CCPI_AGAIN,
    CCPI_SINK,
    CCPI_BRANCH /* names a port of another stage */
} ccpi_stage_kind;

typedef void (*ccpi_drop)(void *elem, void *arg);

/* What an element is: its size, and who gets it when nobody takes it. */
typedef struct ccpi_elem {
    size_t size;
    ccpi_drop drop; /* NULL: nobody */
    void *drop_arg;
} ccpi_elem;

CCPI_INLINE void ccpi_elem_drop(const ccpi_elem *e, void *elem)
{
    if (e->drop)
        e->drop(elem, e->drop_arg);
}

typedef struct ccpi_edge {
    struct ccpi_edge *next; /* of the pipeline */
    ccp_chan *ch;
    ccpi_elem elem;
    unsigned senders; /* workers that send into it */
    bool counted;     /* const once started: they were */
} ccpi_edge;

typedef struct ccpi_port {
    ccpi_edge *edge;  /* NULL: leads to a fused stage, or nowhere */
    ccp_stage *fused;
} ccpi_port;

/* What one worker counted at one stage.  Relaxed: written by the worker alone. */
typedef struct ccpi_counts {
    ccpi_word64 taken, given, failed, retried, letters;
} ccpi_counts;

CCPI_INLINE void ccpi_count(ccpi_word64 *n, uint64_t more)
{
    atomic_store_explicit(n, atomic_load_explicit(n, CCPI_RLX) + more, CCPI_RLX);
}

typedef enum ccpi_pipe_end {
    CCPI_GOES_ON,
    CCPI_WANTS_NO_MORE, /* it, or all after it */
    CCPI_STOPPED        /* failed, or the pipeline was canceled */
} ccpi_pipe_end;

typedef struct ccpi_pipe_worker {
    ccp_stage *stage;
    unsigned number;
    ccp_ctx *ctx;            /* given to steps; its value is this */
    ccpi_pipe_end end;
    ccp_item item;           /* under way */
    ccp_item failure;        /* const once its task has returned */
    char *in;                /* chunk elements, taken */
    size_t got, at;          /* of them: there are, and dealt with */
    char *buffer;            /* elements made and not handed on */
    size_t made, room;       /* elements in it, and how many may be */
    char **scratch;          /* by depth: an element on its way to a fused stage */
    char *letter;            /* a letter, or a copy for a branch */
    ccpi_counts *counts;     /* by depth */
    bool *shut;              /* by port: nobody wants more there */
    bool no_more;            /* B4: nothing new will come */
    bool cut_off;            /* nothing will come back */
    bool returned;           /* what is in `in` came back */
    bool counted;            /* B4: the item under way is, as a sender of `back` */
    uint64_t ticket;         /* of the chunk, see pipe_order.c */
    ccp_chan *turn;          /* woken through it */
    bool waiting;            /* under the lock of the order */
    uint64_t ahead;          /* under the lock of the order: how far from its turn it may go on */
    void *memory;            /* all of the above */
} ccpi_pipe_worker;

struct ccpi_pipe_order;

struct ccp_stage {
    ccp_stage *next; /* of the pipeline */
    ccp_pipeline *pipeline;
    ccpi_stage_kind kind;
    ccp_stage_opts opts;
    union {
        ccp_step step;
        ccp_flat_step flat;
        ccp_keep keep;
        ccp_route route;
    } fn;
    ccp_chan *from;       /* of the program; CCPI_FROM only */
    ccpi_elem in, out;
    ccpi_edge **inputs;   /* one, or, of a join, one for each */
    size_t input_count;
    ccpi_port *ports;
    unsigned port_count;
    ccpi_port letters;
    ccp_stage *head;
    unsigned depth;       /* below the head: 0 */
    unsigned fused;       /* of the head: stages fused to it, one after the other */
    size_t most;          /* of a batch */
    int64_t within_ns;    /* of a batch */
    ccp_stage *of;        /* CCPI_BRANCH, CCPI_AGAIN: the stage that it is about */
    ccpi_edge *back;      /* items that come back; NULL: none do */
    unsigned branch;      /* CCPI_BRANCH only */
    ccpi_word64 next_index;
    ccpi_pipe_worker *workers; /* of a head, once started */
    struct ccpi_pipe_order *order; /* of a head that keeps the order, once started */
};

struct ccp_pipeline {
    ccp_pipeline_opts opts;
    ccp_stage *stages, **last_stage;
    ccp_stage *last; /* added last, with something to take from it */
    ccpi_edge *edges;
    ccp_status status;    /* of the plan */
    ccp_group *group;     /* once started: a task per worker */
    ccp_chan *gate;       /* closed when all workers have been started */
    ccpi_word32 started;  /* atomic */
    ccpi_word32 closing;  /* atomic: sources make no more */
    ccpi_word32 cut;      /* atomic: something was not worked off */
};

/* pipeline */
bool ccpi_pipe_is_started(const ccp_pipeline *p);

/* pipe_plan */
bool ccpi_pipe_can_build(ccp_pipeline *p);
void *ccpi_pipe_refuse(ccp_pipeline *p, ccp_status why);
ccp_stage *ccpi_pipe_add(ccp_pipeline *p, ccpi_stage_kind kind, unsigned ports,
                         const ccp_stage_opts *o);
ccpi_edge *ccpi_pipe_edge(ccp_pipeline *p, const ccpi_elem *e, const ccp_stage_opts *o);
ccpi_port *ccpi_pipe_port(ccp_stage *s, unsigned branch);
bool ccpi_stage_is_ordered(const ccp_stage *head);
size_t ccpi_stage_chunk(const ccp_stage *head);
size_t ccpi_stage_room(ccp_stage *head);
bool ccpi_stage_buffer(ccp_stage *head, size_t *bytes);
ccp_stage *ccpi_pipe_tail(ccp_stage *head);
void ccpi_stage_free(ccp_stage *s);

/* pipe_worker */
bool ccpi_pipe_worker_make(ccp_stage *head, unsigned number, ccp_ctx *parent);
void ccpi_pipe_worker_drop(ccpi_pipe_worker *w);
void ccpi_pipe_worker_unmake(ccpi_pipe_worker *w);

/* pipe_work */
ccp_status ccpi_pipe_work(ccp_ctx *ctx, void *worker);
void ccpi_pipe_send(ccpi_pipe_worker *w, char *elems, size_t n);
ccp_status ccpi_pipe_take(ccpi_pipe_worker *w);

/* pipe_order */
bool ccpi_pipe_order_make(ccp_stage *head);
void ccpi_pipe_order_free(ccp_stage *head);
ccp_status ccpi_pipe_order_take(ccpi_pipe_worker *w);
void ccpi_pipe_order_hand_on(ccpi_pipe_worker *w);
ccp_status ccpi_pipe_order_turn(ccpi_pipe_worker *w, ccp_wait wait);

/* pipe_again */
ccp_status ccpi_pipe_take_again(ccpi_pipe_worker *w);
void ccpi_pipe_count_letter(ccpi_pipe_worker *w, const ccp_stage *s);
void ccpi_pipe_item_done(ccpi_pipe_worker *w);
void ccpi_pipe_give_back(ccpi_pipe_worker *w, ccp_stage *s);
void ccpi_pipe_leave_back(ccpi_pipe_worker *w);

extern const char ccpi_pipe_key; /* its address is the key of a worker's context */

#endif
