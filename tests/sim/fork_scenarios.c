/* SPDX-License-Identifier: MIT
 *
 * Forks with ccp_fork_guard(): threads are cut off in the midst of operations, and what the child
 * finds of their objects must be dead, whatever was being done to them.
 *
 *   pair     one thread acts, and is cut off at each of its steps
 *   one      two threads do, with one preemption
 *   some     the library's locks are taken for the fork while the others run: at random
 *   respawn  two threads of the child call a pool of the parent that works anew
 *
 * Checked in each: every call on a dead object says so at once, though locks were held and threads
 * slept (FK4); it can be freed, and no function of the program is called for what was in it (FK5);
 * records of threads that are not there are not told of, and what is made in the child works (FK1).
 * A pool with `respawn` is made anew once, and no task of the parent runs in the child (FK7).
 */
#include "fork.h"
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum operation {
    SEND,
    RECV,
    SELECT,
    CLOSE,
    TIMED,   /* receives, with a limit and under the context */
    CANCEL,  /* the context */
    BELOW,   /* makes a context under it, and frees that */
    SETTLE,  /* the promise */
    GET,     /* waits for the future */
    MAKE,    /* a channel, and frees it */
    ADVANCE, /* a phase */
    SUBMIT,  /* a task to the pool, and waits for it */
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "send", "recv",   "select", "close", "timed",   "cancel",
    "below", "settle", "get",    "make",  "advance", "submit",
};

typedef struct play {
    size_t capacity;
    bool pool;  /* there is one, which begins anew if `again` */
    bool again;
    bool early; /* the library's locks are taken before the threads begin */
    int ops;
    operation op[2];
} play;

static const play *now;
static ccp_chan *chan;
static ccp_ctx *ctx;
static ccp_future *future;
static ccp_promise *promise;
static ccp_phaser *phaser;
static ccp_pool *pool;
static bool is_child;
static atomic_int ran;

static void drop(void *elem, void *arg)
{
    (void)elem;
    (void)arg;
    sim_assert(!is_child); /* FK5 */
}

static ccp_status task(ccp_ctx *of, void *arg)
{
    (void)of;
    sim_assert(is_child == (arg == &is_child)); /* FK7: the child's tasks are marked */
    atomic_fetch_add(&ran, 1);
    return CCP_OK;
}

/* ---- In the parent ---- */

static void act(void *arg)
{
    long v = 1;
    size_t chosen;
    const ccp_case cases[] = { CCP_CASE_RECV(chan, &v), CCP_CASE_DONE(ctx) };
    ccp_chan *own;
    switch (*(const operation *)arg) {
    case SEND: (void)!ccp_chan_send(chan, &v, CCP_FOREVER); break;
    case RECV: (void)!ccp_chan_recv(chan, &v, CCP_FOREVER); break;
    case SELECT: (void)!ccp_select(cases, 2, &chosen, CCP_FOREVER); break;
    case CLOSE: (void)ccp_chan_close(chan); break;
    case TIMED: (void)!ccp_chan_recv(chan, &v, ccp_under(ctx, ccp_within(CCP_SEC(1)))); break;
    case CANCEL: ccp_ctx_cancel(ctx); break;
    case BELOW: (void)ccp_ctx_free(ccp_ctx_new(ctx, CCP_FOREVER)); break;
    case SETTLE: (void)ccp_promise_set(promise, &v); break;
    case GET: (void)!ccp_future_get(future, &v, CCP_FOREVER); break;
    case MAKE:
        own = ccp_chan_make(&(ccp_chan_opts){ .elem_size = sizeof v, .capacity = 1 });
        (void)ccp_chan_free(own);
        break;
    case ADVANCE: (void)!ccp_phaser_arrive_and_wait(phaser, NULL, CCP_FOREVER); break;
    default:
        (void)!ccp_pool_submit(pool, task, NULL, CCP_FOREVER);
        (void)!ccp_pool_wait(pool, CCP_FOREVER);
        break;
    }
}

static void make_all(void)
{
    scene_tune(STILL);
    sim_assert(ccp_track(true) == CCP_OK && ccp_fork_guard(true) == CCP_OK);
    chan = ccp_chan_make(&(ccp_chan_opts){ .elem_size = sizeof(long), .capacity = now->capacity,
                                           .drop = drop });
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    promise = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof(long), .drop = drop }, &future);
    phaser = ccp_phaser_new(2);
    sim_assert(chan && ctx && promise && phaser);
    if (now->pool)
        pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1, .respawn = now->again });
    sim_assert(!now->pool || pool);
}

static void fork_in_the_midst(void)
{
    if (now->early)
        sim_fork_prepare();
    for (int i = 0; i < now->ops; i++)
        sim_spawn(act, (void *)(uintptr_t)&now->op[i]);
    if (!now->early)
        sim_fork_prepare();
    sim_fork_child();
    is_child = true;
}

/* ---- In the child ---- */

static void use_chan(void)
{
    long v = 0;
    size_t chosen;
    ccp_chan_info info;
    const ccp_case cases[] = { CCP_CASE_RECV(chan, &v), CCP_CASE_SEND(chan, &v) };
    sim_assert(ccp_chan_send(chan, &v, CCP_FOREVER) == CCP_FORKED);
    sim_assert(ccp_chan_recv(chan, &v, CCP_FOREVER) == CCP_FORKED);
    sim_assert(ccp_chan_recv(chan, &v, CCP_NOWAIT) == CCP_FORKED);
    sim_assert(ccp_select(cases, 2, &chosen, CCP_FOREVER) == CCP_FORKED);
    sim_assert(ccp_chan_get_info(chan, &info) == CCP_FORKED);
    sim_assert(ccp_chan_close(chan) == CCP_FORKED);
    sim_assert(ccp_chan_free(chan) == CCP_OK);
}

static void use_others(void)
{
    long v = 0;
    sim_assert(ccp_ctx_status(ctx) == CCP_FORKED);
    sim_assert(ccp_sleep(ccp_with(ctx)) == CCP_FORKED);
    ccp_ctx_cancel(ctx);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_assert(ccp_future_get(future, &v, CCP_FOREVER) == CCP_FORKED);
    sim_assert(ccp_promise_set(promise, &v) == CCP_FORKED);
    ccp_promise_free(promise);
    ccp_future_free(future);
    sim_assert(ccp_phaser_arrive_and_wait(phaser, NULL, CCP_FOREVER) == CCP_FORKED);
    sim_assert(ccp_phaser_free(phaser) == CCP_OK);
}

static void use_pool(void)
{
    ccp_status expected = now->again ? CCP_OK : CCP_FORKED;
    sim_assert(ccp_pool_submit(pool, task, &is_child, CCP_FOREVER) == expected);
    sim_assert(ccp_pool_wait(pool, CCP_FOREVER) == expected);
    sim_assert(ccp_pool_free(pool) == CCP_OK);
}

static void count_lines(const char *text, size_t n, void *arg)
{
    (void)text;
    *(size_t *)arg += n;
}

/* Nothing of the parent is told of, and what is new works. */
static void use_new(void)
{
    long v = 7, got = 0;
    size_t told = 0;
    sim_assert(ccp_audit(count_lines, &told) == 0);
    ccp_chan *own = scene_chan(sizeof v, 1);
    sim_assert(ccp_chan_send(own, &v, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_chan_recv(own, &got, CCP_FOREVER) == CCP_OK && got == v);
    sim_assert(ccp_sleep(ccp_within(1)) == CCP_OK);
    sim_assert(scene_chan_end(own) == 0);
    sim_assert(ccp_track(false) == CCP_OK);
}

static void run_play(void *arg)
{
    now = arg;
    make_all();
    fork_in_the_midst();
    use_chan();
    use_others();
    if (pool)
        use_pool();
    use_new();
}

static void submit_one(void *arg)
{
    (void)arg;
    sim_assert(ccp_pool_submit(pool, task, &is_child, CCP_FOREVER) == CCP_OK);
}

static void run_respawn(void *arg)
{
    now = arg;
    make_all();
    fork_in_the_midst();
    atomic_store(&ran, 0);
    sim_spawn(submit_one, NULL);
    sim_spawn(submit_one, NULL);
    sim_settle();
    sim_assert(ccp_pool_wait(pool, CCP_FOREVER) == CCP_OK && atomic_load(&ran) == 2);
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    use_chan();
    use_others();
    use_new();
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *many)
{
    char ops[40] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.cap%zu%s.%s", many, p->capacity,
              p->again ? ".again" : p->pool ? ".pool" : "", ops);
}

static void add_ops(size_t capacity)
{
    static const sim_options every = { .mode = SIM_DFS, .max_steps = 20000 };
    static const sim_options one = { .mode = SIM_DFS, .preemptions = 1, .max_steps = 20000 };
    static const sim_options some = { .mode = SIM_PCT, .n = 25, .max_steps = 20000 };
    for (int a = 0; a < OPERATIONS; a++)
        for (int again = 0; again < (a == SUBMIT ? 2 : 1); again++) {
            play p = { .capacity = capacity, .pool = a == SUBMIT, .again = again,
                       .early = true, .ops = 1, .op = { (operation)a } };
            add_play(&p, a == SUBMIT ? &one : &every, a == SUBMIT ? "one" : "pair");
            p.early = false;
            add_play(&p, &some, "some");
            p.ops = 2;
            for (int b = 0; b <= a && b < SUBMIT; b++) {
                if (b == a && b == SETTLE)
                    continue; /* a promise is kept once */
                p.op[1] = (operation)b;
                p.early = true;
                add_play(&p, &one, "one");
                p.early = false;
                add_play(&p, &some, "some");
            }
        }
}

int main(int argc, char **argv)
{
    static const sim_options one = { .mode = SIM_DFS, .preemptions = 1, .max_steps = 20000 };
    static const play again = { .capacity = 1, .pool = true, .again = true, .early = true };
    add_ops(0);
    add_ops(1);
    scene_add(run_respawn, scene_keep(&again, sizeof again), &one, "respawn");
    return scene_main(argc, argv);
}
