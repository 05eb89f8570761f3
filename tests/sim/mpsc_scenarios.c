/* SPDX-License-Identifier: MIT
 *
 * The queue of nodes with one consumer: producers that put in one or two nodes beside a consumer
 * that takes out up to three, at every fill.
 *
 * The history is compared with a channel that is never full (LQ9); what was CCP_BUSY is no part of
 * it, and happens only beside a push.  The explorer sees whether a node is its owner's alone.
 */
#include "scene.h"

#include "lin.h"

typedef struct letter {
    uint64_t text; /* plain: the explorer watches */
    ccp_mpsc_node node;
} letter;

typedef struct play {
    int fill;         /* at the beginning */
    int producers;
    int puts[2];      /* of each producer */
    int takes;        /* of the consumer */
    bool again;       /* it puts in again what it took out */
} play;

static ccp_mpsc *queue;
static lin_history history;
static bool alone;

static letter *letter_of(ccp_mpsc_node *n)
{
    return (letter *)(void *)((char *)n - offsetof(letter, node));
}

static void put(letter *m, uint64_t text)
{
    m->text = text;
    int i = lin_begin(&history, LIN_SEND, 0, 0, 0);
    ccp_status st = ccp_mpsc_push(queue, &m->node);
    lin_end(&history, i, (int)st, text, 1);
    sim_assert(st == CCP_OK);
}

static letter *new_letter(void)
{
    letter *m = sim_alloc(sizeof *m);
    sim_assert(m);
    return m;
}

static letter *take(ccp_status *st)
{
    ccp_mpsc_node *n = NULL;
    int i = lin_begin(&history, LIN_RECV, 0, 0, 0);
    *st = ccp_mpsc_pop(queue, &n);
    sim_assert(*st == CCP_OK || *st == CCP_AGAIN || (*st == CCP_BUSY && !alone));
    if (*st == CCP_BUSY)
        lin_set(&history, i, LIN_RECV, LIN_NOTHING);
    letter *m = *st == CCP_OK ? letter_of(n) : NULL;
    lin_end(&history, i, (int)*st, m ? m->text : 0, m ? 1 : 0);
    return m;
}

static void produce(void *arg)
{
    int n = *(const int *)arg;
    for (int i = 0; i < n; i++)
        put(new_letter(), (uint64_t)(100 * sim_self() + i));
}

static void consume(void *arg)
{
    const play *p = arg;
    ccp_status st;
    for (int i = 0; i < p->takes; i++) {
        letter *m = take(&st);
        if (m && p->again)
            put(m, (uint64_t)(100 * sim_self() + i));
        else if (m)
            sim_free(m);
    }
}

static void run_play(void *arg)
{
    const play *p = arg;
    scene_tune(STILL);
    lin_history_clear(&history, sim_is_weak());
    queue = sim_alloc(sizeof *queue);
    sim_assert(queue);
    *queue = (ccp_mpsc)CCP_MPSC_INIT;
    alone = true;
    for (int i = 0; i < p->fill; i++)
        put(new_letter(), (uint64_t)i);
    alone = false;
    for (int i = 0; i < p->producers; i++)
        sim_spawn(produce, (void *)(uintptr_t)&p->puts[i]);
    sim_spawn(consume, arg);
    sim_join();
    alone = true;
    ccp_status st;
    for (letter *m; (m = take(&st));)
        sim_free(m);
    sim_assert(st == CCP_AGAIN);
    sim_assert(lin_history_conserves(&history, 0, false));
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &lin_channel_model,
                                     &(lin_channel){ LIN_CAPACITY, false }));
    sim_free(queue);
}

static void add(play p, const char *how, const sim_options *o)
{
    scene_add(run_play, scene_keep(&p, sizeof p), o, "%s.fill%d.puts%d_%d.takes%d%s", how, p.fill,
              p.puts[0], p.producers > 1 ? p.puts[1] : 0, p.takes, p.again ? ".again" : "");
}

int main(int argc, char **argv)
{
    const sim_options two = { .mode = SIM_DFS, .preemptions = 2, .n = 5000 };
    for (int fill = 0; fill <= 2; fill++)
        for (int takes = 1; takes <= 3; takes++)
            for (int again = 0; again < 2; again++)
                for (int a = 1; a <= 2; a++) {
                    play p = { fill, 1, { a, 0 }, takes, again };
                    add(p, "pair", NULL);
                    p.producers = 2;
                    p.puts[1] = 1;
                    add(p, "two", &two);
                }
    return scene_main(argc, argv);
}
