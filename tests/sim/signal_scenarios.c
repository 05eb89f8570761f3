/* SPDX-License-Identifier: MIT
 *
 * Signals: they come in any thread, in the midst of everything, beside those who begin and end to
 * catch them.  base/signal.c is explored, too (sim_signal.c).
 *
 * Checked in each: a signal that came while it was caught is given once (Z1), and before the
 * context ends, whose cause it is (Z3); nothing else is given; the second one, and only that, has
 * its default effect if that is wanted (Z6); at the end dispositions are what they were (Z4), and
 * nothing is left.
 */
#include "scene.h"
#include "sim_signal.h"

#include <stdatomic.h>
#include <stdio.h>

enum { A = SIGTERM, B = SIGUSR1, ROOM = 8 };

typedef enum operation {
    COME_A,  /* a signal that is caught */
    COME_B,  /* another one, which is caught by ANOTHER and ANEW only */
    ANOTHER, /* catches both for a moment, beside */
    ANEW,    /* ends to catch A, and catches B instead */
    LOOK,    /* waits for the context, and looks what the channel has */
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "come_a", "come_b", "another", "anew", "look",
};

typedef struct play {
    bool second_ends;
    int ops;
    operation op[3];
} play;

static const play *now;
static ccp_signals *signals;
static ccp_chan *chan, *anew_chan;
static ccp_ctx *ctx, *anew_ctx;
static atomic_int handled; /* of B, by the program's own handler */
static atomic_int beside;  /* of A, given to ANOTHER */

static void own_handler(int sig)
{
    sim_assert(sig == B);
    atomic_fetch_add(&handled, 1);
}

static ccp_signals *catch_one(int sig, ccp_chan *to, ccp_ctx *ends)
{
    const ccp_signals_opts o = { .chan = to, .ctx = ends, .second_ends = now->second_ends };
    return ccp_signals_new(&sig, 1, &o);
}

static void catch_both(void)
{
    static const int both[] = { A, B };
    ccp_chan *to = ccp_chan_new(sizeof(int), ROOM);
    sim_assert(to);
    ccp_signals *s = ccp_signals_new(both, 2, &(ccp_signals_opts){ .chan = to });
    sim_assert(s && ccp_signals_free(s) == CCP_OK);
    for (int got; ccp_chan_recv(to, &got, CCP_NOWAIT) == CCP_OK;)
        atomic_fetch_add(&beside, got == A);
    sim_assert(ccp_chan_free(to) == CCP_OK);
}

static void catch_anew(void)
{
    sim_assert(ccp_signals_free(signals) == CCP_OK);
    signals = catch_one(B, anew_chan, anew_ctx);
    sim_assert(signals);
}

static int cause_of(ccp_ctx *c)
{
    const int *cause = ccp_ctx_cause(c);
    return cause ? *cause : 0;
}

static void look(void)
{
    size_t chosen;
    const ccp_case cases[] = { CCP_CASE_DONE(ctx) };
    sim_assert(ccp_select(cases, 1, &chosen, CCP_FOREVER) == CCP_OK);
    if (cause_of(ctx) == A) /* or the scenario has ended it */
        sim_assert(ccp_chan_len(chan) > 0);
}

static void act(void *arg)
{
    switch (*(const operation *)arg) {
    case COME_A: sim_deliver(A); break;
    case COME_B: sim_deliver(B); break;
    case ANOTHER: catch_both(); break;
    case ANEW: catch_anew(); break;
    default: look(); break;
    }
}

static int count(operation op)
{
    int n = 0;
    for (int i = 0; i < now->ops; i++)
        n += now->op[i] == op;
    return n;
}

/* Each of them is sig; gives how many there are. */
static int given(ccp_chan *from, int sig)
{
    int n = 0, got;
    for (; ccp_chan_recv(from, &got, CCP_NOWAIT) == CCP_OK; n++)
        sim_assert(got == sig);
    return n;
}

/* Who is not caught any more has its default effect; with `second_ends` the second one does, and
 * all that come after it. */
static void check_given(void)
{
    int came_a = count(COME_A), came_b = count(COME_B), a = given(chan, A), b = given(anew_chan, B);
    int effects = sim_default_effects(A);
    sim_assert(a <= came_a && effects <= came_a);
    sim_assert(a + effects + atomic_load(&beside) >= came_a); /* Z1 */
    if (!now->second_ends)
        sim_assert(a + effects <= came_a && (count(ANEW) || a == came_a));
    else if (!count(ANEW) && !count(ANOTHER))
        sim_assert(a >= (came_a < 2 ? came_a : 2) && effects == (came_a > 1 ? came_a - 1 : 0));
    sim_assert(b <= came_b && b + atomic_load(&handled) + sim_default_effects(B) >= came_b);
    sim_assert(sim_default_effects(B) < (b > 1 ? came_b : 1));
    sim_assert(cause_of(ctx) == (a ? A : 0) && cause_of(anew_ctx) == (b ? B : 0));
    sim_outcome((uint64_t)(a * 64 + b * 8 + effects));
}

static void check_dispositions(void)
{
    struct sigaction a, b;
    sim_sigaction(A, NULL, &a);
    sim_sigaction(B, NULL, &b);
    sim_assert(!(a.sa_flags & SA_SIGINFO) && a.sa_handler == SIG_DFL);
    if (sim_default_effects(B) == 0)
        sim_assert(!(b.sa_flags & SA_SIGINFO) && b.sa_handler == own_handler);
}

static void run_play(void *arg)
{
    now = arg;
    scene_tune(STILL);
    struct sigaction own = { .sa_flags = 0 };
    own.sa_handler = own_handler;
    sim_sigaction(B, &own, NULL);
    chan = ccp_chan_new(sizeof(int), ROOM);
    anew_chan = ccp_chan_new(sizeof(int), ROOM);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    anew_ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(chan && anew_chan && ctx && anew_ctx);
    signals = catch_one(A, chan, ctx);
    sim_assert(signals);
    for (int i = 0; i < now->ops; i++)
        sim_spawn(act, (void *)(uintptr_t)&now->op[i]);
    sim_settle();
    check_given();
    ccp_ctx_cancel(ctx); /* for who looks */
    sim_settle();
    sim_assert(ccp_signals_free(signals) == CCP_OK);
    sim_join();
    check_dispositions();
    sim_assert(ccp_chan_free(chan) == CCP_OK && ccp_chan_free(anew_chan) == CCP_OK);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK && ccp_ctx_free(anew_ctx) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *many)
{
    char ops[60] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s%s.%s", many,
              p->second_ends ? ".second_ends" : "", ops);
}

int main(int argc, char **argv)
{
    static const sim_options one = { .mode = SIM_DFS, .preemptions = 1 };
    static const sim_options some = { .mode = SIM_PCT, .n = 300 };
    static const sim_options many = { .mode = SIM_PCT, .n = 2000 }; /* all are 413,000 */
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++) {
            if (a == ANEW && b == ANEW)
                continue; /* one object, which is freed once */
            for (int ends = 0; ends < 2; ends++) {
                play p = { .second_ends = ends, .ops = 2, .op = { (operation)a, (operation)b } };
                if (a == COME_A && b == ANOTHER)
                    add_play(&p, &many, "some");
                else
                    add_play(&p, &one, "one");
                p.ops = 3;
                for (int c = b; c < OPERATIONS; c++) {
                    p.op[2] = (operation)c;
                    if (b != ANEW || c != ANEW)
                        add_play(&p, &some, "some");
                }
            }
        }
    return scene_main(argc, argv);
}
