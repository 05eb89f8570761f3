/* SPDX-License-Identifier: MIT
 *
 * Work-stealing deques: what the owner may do, beside one or two thieves, with none to three items
 * there, in rings that have room, are full, or have to grow: every schedule; and in weak memory.
 * Longer ones, where the owner does this and that beside three thieves, at random.
 *
 * Each item is plain memory that was written before the push, so the explorer sees a race where it
 * came too early.  The history of each deque is compared with a list (LD1, LD2).
 */
#include "scene.h"

#include "lin.h"

#include <stdatomic.h>
#include <stdio.h>

enum { ITEMS = 24, MOST_ACTS = 4, CROWD_ACTS = 12 };

/* What the owner does: a letter each. */
static const char *const owners[] = { "+", "-", "++", "+-", "-+", "--",
                                       "+--", "-+-", "--+", "-++" };
#define OWNERS (sizeof owners / sizeof *owners)

typedef struct play {
    const char *owner; /* '+' push, '-' pop; NULL: CROWD_ACTS of them, at random */
    int fill;
    size_t capacity, most;
    int thieves, steals; /* each */
} play;

static const play *now;
static ccp_deque *deque;
static long items[ITEMS]; /* plain: [k] is k when it was pushed, and -k when it was taken */
static int pushed;
static lin_history history;

/* ---- The history ---- */

/* LD2: an item left the deque while it was busy. */
static bool somebody_took_one(const lin_op *busy)
{
    for (size_t i = 0; i < history.n; i++) {
        const lin_op *op = &history.op[i];
        if (op != busy && op->kind != LIN_PUSH && op->status == CCP_OK && op->end > busy->begin &&
            op->begin < busy->end)
            return true;
    }
    return false;
}

static void check_history(void)
{
    lin_deque room = { (uint32_t)now->most };
    sim_assert(lin_history_check(&history, 0, &lin_deque_model, &room));
    for (size_t i = 0; i < history.n; i++)
        sim_assert(history.op[i].status != CCP_BUSY || somebody_took_one(&history.op[i]));
}

/* ---- The operations ---- */

static void push(void)
{
    int k = ++pushed;
    items[k] = k;
    int i = lin_begin(&history, LIN_PUSH, 0, (uint64_t)k, 0);
    ccp_status st = ccp_deque_push(deque, &items[k]);
    lin_end(&history, i, st, (uint64_t)k, 0);
    sim_assert(st == CCP_OK || st == CCP_AGAIN || st == CCP_NOMEM);
    if (st != CCP_OK)
        items[k] = -k; /* nobody else has it */
}

static void take(bool steals)
{
    void *got = NULL;
    int i = lin_begin(&history, steals ? LIN_STEAL : LIN_POP, 0, 0, 0);
    ccp_status st = steals ? ccp_deque_steal(deque, &got) : ccp_deque_pop(deque, &got);
    long k = st == CCP_OK ? (long *)got - items : 0;
    lin_end(&history, i, st, (uint64_t)k, 0);
    sim_assert(st == CCP_OK || st == CCP_AGAIN || (steals && st == CCP_BUSY));
    sim_assert(st == CCP_OK || !got);
    if (st != CCP_OK)
        return;
    sim_assert(items[k] == k); /* whole, and nobody else has taken it */
    items[k] = -k;
}

static void act(void)
{
    for (int i = 0; !now->owner && i < CROWD_ACTS; i++)
        if (sim_choose(5) < 3)
            push();
        else
            take(false);
    for (const char *a = now->owner; a && *a; a++)
        if (*a == '+')
            push();
        else
            take(false);
}

static void steal(void *arg)
{
    (void)arg;
    for (int i = 0; i < now->steals; i++) {
        take(true);
        if (!now->owner)
            sim_assert(ccp_deque_len(deque) <= (size_t)ITEMS);
    }
}

static void run_play(void *arg)
{
    now = arg;
    pushed = 0;
    scene_tune(STILL);
    lin_history_clear(&history, sim_is_weak());
    deque = ccp_deque_new(now->capacity, now->most);
    if (!deque)
        sim_skip();
    for (int i = 0; i < now->fill; i++)
        push();
    for (int i = 0; i < now->thieves; i++)
        sim_spawn(steal, NULL);
    act();
    sim_join();
    uint64_t left = ccp_deque_len(deque);
    sim_assert(left == 0 || ccp_deque_free(deque) == CCP_BUSY);
    for (uint64_t i = 0; i < left; i++)
        take(i % 2);
    take(true);
    take(false);
    for (int k = 1; k <= pushed; k++)
        sim_assert(items[k] == -k); /* once, LD1 */
    if (!sim_is_weak())
        check_history();
    sim_assert(ccp_deque_free(deque) == CCP_OK && ccp_live_blocks() == 0);
    sim_outcome(left);
}

/* ---- The table ---- */

static void add_play(const play *p)
{
    static const sim_options few = { .mode = SIM_DFS, .preemptions = 2 };
    static const sim_options scarce = { .fail_alloc = 1 };
    char owner[MOST_ACTS + 1] = "";
    for (size_t i = 0; p->owner[i]; i++)
        owner[i] = p->owner[i] == '+' ? 'u' : 'o'; /* push, pop */
    bool large = p->thieves == 2;
    bool grows = p->most > p->capacity;
    scene_add(run_play, scene_keep(p, sizeof *p), large ? &few : grows ? &scarce : NULL,
              "%s.%s.fill%d.room%d_%d.thieves%d.steals%d", large ? "two" : "pair", owner, p->fill,
              (int)p->capacity, (int)p->most, p->thieves, p->steals);
}

int main(int argc, char **argv)
{
    static const size_t room[][2] = { { 4, 4 }, { 1, 8 }, { 2, 2 }, { 3, 3 } };
    for (size_t o = 0; o < OWNERS; o++)
        for (int fill = 0; fill <= 3; fill++)
            for (size_t r = 0; r < 4; r++)
                for (int thieves = 1; thieves <= 2; thieves++)
                    for (int steals = 1; steals <= 3 - thieves; steals++) {
                        play p = { owners[o], fill, room[r][0], room[r][1], thieves, steals };
                        if (fill <= (int)p.most)
                            add_play(&p);
                    }
    for (size_t r = 0; r < 4; r++)
        for (int how = 0; how < 2; how++) {
            play p = { NULL, 2, room[r][0], room[r][1], 3, 4 };
            sim_options o = { .mode = how ? SIM_PCT : SIM_RANDOM, .n = 10000, .depth = 5 };
            scene_add(run_play, scene_keep(&p, sizeof p), &o, "crowd.room%d_%d.%s", (int)p.capacity,
                      (int)p.most, how ? "pct" : "rnd");
        }
    return scene_main(argc, argv);
}
