/* SPDX-License-Identifier: MIT
 *
 * The stack of nodes in one piece of memory: every pair of short programs of pushes and pops at
 * every fill, every schedule, and triples; among them those that bring a node back while another
 * thread is in the middle of a pop (ABA).
 *
 * The history is compared with a stack (LQ10).  The explorer sees whether who took a node out is
 * alone with its struct.
 */
#include "scene.h"

#include "lin.h"

#include <stdio.h>
#include <string.h>

enum { NODES = 9, OWN = 2 }; /* each of three threads has its own; the others are in the stack */

/* ---- The stage ---- */

/* +: pushes a node of its own; -: pops; a, b: pushes what it popped first, second. */
static const char *const programs[] = { "+", "-", "++", "--", "-a", "+-", "--a", "--ab", "--ba" };

typedef struct play {
    int fill;
    int threads;
    const char *program[3];
} play;

typedef struct block {
    uint64_t owner; /* plain: the explorer watches */
    ccp_stack_node node;
} block;

static block *blocks;
static ccp_stack *stack;
static lin_history history;

static void push(block *b)
{
    b->owner = 0;
    int i = lin_begin(&history, LIN_PUSH, 0, 0, 0);
    ccp_status st = ccp_stack_push(stack, &b->node);
    lin_end(&history, i, (int)st, (uint64_t)(b - blocks), 1);
    sim_assert(st == CCP_OK);
}

static block *pop(void)
{
    ccp_stack_node *n = NULL;
    int i = lin_begin(&history, LIN_POP, 0, 0, 0);
    ccp_status st = ccp_stack_pop(stack, &n);
    block *b = n ? (block *)(void *)((char *)n - offsetof(block, node)) : NULL;
    lin_end(&history, i, (int)st, b ? (uint64_t)(b - blocks) : 0, 1);
    sim_assert(st == CCP_OK ? b && b->owner == 0 : st == CCP_AGAIN);
    if (b)
        b->owner = 1 + (uint64_t)sim_self();
    return b;
}

typedef struct actor {
    const char *program;
    block *own;
} actor;

static void act_out(void *arg)
{
    const actor *a = arg;
    block *got[2] = { NULL, NULL }, *own = a->own;
    int n = 0;
    for (const char *p = a->program; *p; p++) {
        if (*p == '+')
            push(own++);
        else if (*p == '-')
            got[n++] = pop();
        else if (got[*p - 'a'])
            push(got[*p - 'a']);
    }
}

static void run_play(void *arg)
{
    static actor actors[3];
    const play *p = arg;
    scene_tune(STILL);
    lin_history_clear(&history, sim_is_weak());
    blocks = sim_alloc(NODES * sizeof *blocks);
    stack = sim_alloc(sizeof *stack);
    sim_assert(blocks && stack);
    memset(blocks, 0, NODES * sizeof *blocks);
    sim_assert(ccp_stack_init(stack, blocks, NODES * sizeof *blocks) == CCP_OK);
    for (int i = 0; i < p->fill; i++)
        push(&blocks[3 * OWN + i]);
    for (int i = 0; i < p->threads; i++) {
        actors[i] = (actor){ p->program[i], &blocks[OWN * i] };
        sim_spawn(act_out, &actors[i]);
    }
    sim_join();
    for (int i = 0; i < NODES && pop(); i++)
        ;
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &lin_deque_model, &(lin_deque){ NODES }));
    sim_free(stack);
    sim_free(blocks);
}

int main(int argc, char **argv)
{
    enum { PROGRAMS = sizeof programs / sizeof *programs };
    const sim_options two = { .mode = SIM_DFS, .preemptions = 2, .n = 100 };
    for (int fill = 0; fill <= 3; fill++)
        for (int a = 0; a < PROGRAMS; a++)
            for (int b = a; b < PROGRAMS; b++) {
                play p = { fill, 2, { programs[a], programs[b], NULL } };
                scene_add(run_play, scene_keep(&p, sizeof p), NULL, "pair.fill%d.%s.%s", fill,
                          programs[a], programs[b]);
                for (int c = b; c < PROGRAMS; c++) {
                    p = (play){ fill, 3, { programs[a], programs[b], programs[c] } };
                    scene_add(run_play, scene_keep(&p, sizeof p), &two, "two.fill%d.%s.%s.%s", fill,
                              programs[a], programs[b], programs[c]);
                }
            }
    return scene_main(argc, argv);
}
