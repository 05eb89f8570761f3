/* SPDX-License-Identifier: MIT
 *
 * Fuzzing of sequences of calls, by one thread, against a model so simple that it can be seen to be
 * right: a channel is an array of numbers, a context a status and a parent.
 *
 * A string of bytes is a program: the first few choose how the objects are made, each following one
 * a call and its arguments.  After every call its result, and what can be asked for, must be what
 * the model says.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "ccp.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHANS = 4, CTXS = 8, HOOKS = 4, GROUPS = 2, CASES = 6, MOST = 8 };

/** The program's bytes; when they have run out, zeros. */
typedef struct bytes {
    const uint8_t *at, *end;
} bytes;

static inline uint8_t next_byte(bytes *b)
{
    return b->at < b->end ? *b->at++ : 0;
}

typedef struct model_chan {
    ccp_chan *ch;
    size_t size, cap, len, high, senders;
    bool timer, due, closed, drops, pending; /* pending: a wait group will close it */
    uint64_t sent, received;
    uint32_t number[MOST]; /* the elements, the oldest first */
    unsigned id;
} model_chan;

typedef struct model_ctx {
    ccp_ctx *ctx;        /* NULL: no context, or its handle was given back */
    bool exists;
    int parent, values;  /* -1: none.  values: where the look-up of values goes on */
    int below;           /* contexts whose parent or source of values this is */
    ccp_status status;
    const void *cause;
    const void *key;
    void *value;
    int64_t deadline;
} model_ctx;

typedef enum hook_state { HOOK_NEVER, HOOK_SET, HOOK_DONE } hook_state;

typedef struct model_hook {
    ccp_hook hook;
    hook_state state;
    int ctx;
    bool lets_go; /* its function takes it back */
    unsigned ran, expected;
} model_hook;

typedef struct model_wg {
    ccp_wg wg;
    int count;
    int closes; /* -1: none */
} model_wg;

typedef struct world {
    bytes in;
    uint32_t next_number, drop_count, expected_drops;
    model_chan chan[CHANS];
    model_ctx ctx[CTXS];
    model_hook hook[HOOKS];
    model_wg wg[GROUPS];
} world;

extern bool fuzz_trace; /* print each call */

_Noreturn void fuzz_fail(const char *file, int line, const char *what);
#define CHECK(cond) ((cond) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #cond))
#define TRACE(...) (fuzz_trace ? (void)printf(__VA_ARGS__) : (void)0)

/* chans.c */
void chan_open(world *w, int i);
void chan_shut(world *w, int i);
void chan_call(world *w, uint8_t what);
void chan_check(const world *w, int i);
void chan_model_close(world *w, model_chan *m);
void select_call(world *w);

/* ctxs.c: any_ctx gives the number of a usable one, or -1 */
int any_ctx(world *w);
void ctx_call(world *w, uint8_t what);
void ctx_check(const world *w);
void ctx_end_all(world *w);
size_t ctx_blocks(const world *w);

/* groups.c */
void wg_call(world *w, uint8_t what);
void wg_end(world *w);

/* waits.c: a wait that cannot last, and what it says of a call that cannot be done */
typedef struct model_wait {
    ccp_wait wait;
    ccp_status ended;  /* its context has ended: CCP_OK if not */
    ccp_status cannot; /* what a call gives that cannot be done */
} model_wait;
model_wait any_wait(world *w, bool can);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
