/* SPDX-License-Identifier: MIT
 *
 * Tracking: every pair and triple of operations beside a thread that looks.  A dump goes over
 * records on stacks of threads that come and go, and over objects that are freed meanwhile; a check
 * must be right when it says that nobody can go on, at whatever moment it looks.  When tracking
 * ends nothing is left.
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef enum operation {
    RECV,       /* waits for an element, or the end */
    SEND,       /* waits for room, or the end */
    SELECT,     /* receives from either */
    LOCK_BOTH,  /* one mutex, then the other */
    LOCK_OTHER, /* the other way round */
    MAKE,       /* a channel with a descriptor, and frees both */
    DUMP,
    TURN_OFF,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "recv", "send", "select", "lock_both", "lock_other", "make", "dump", "turn_off",
};

typedef struct play {
    size_t capacity;
    int ops;
    operation op[3];
} play;

static const play *now;
static ccp_chan *ch, *other;
static ccp_future *futures[3]; /* handles of one */
static ccp_promise *promise;
static ccp_mutex m[2];
static atomic_int done[SIM_THREADS];

static void read_text(const char *text, size_t n, void *arg)
{
    (void)arg;
    sim_assert(n > 0 && text[n - 1] == '\n' && strlen(text) == n);
}

static void lock(int first)
{
    sim_assert(ccp_mutex_lock(&m[first], CCP_FOREVER) == CCP_OK);
    ccp_status st = ccp_mutex_lock(&m[1 - first], ccp_within(CCP_SEC(1)));
    if (st == CCP_OK)
        sim_assert(ccp_mutex_unlock(&m[1 - first]) == CCP_OK);
    sim_assert(ccp_mutex_unlock(&m[first]) == CCP_OK);
}

static void make(void)
{
    int fd;
    ccp_chan *c = ccp_chan_new(0, 1);
    sim_assert(c && ccp_chan_fd(c, CCP_POLL_RECV, &fd) == CCP_OK);
    sim_assert(ccp_chan_free(c) == CCP_OK);
}

static void act(operation op)
{
    long v = 0;
    size_t chosen;
    ccp_case cases[] = { CCP_CASE_RECV(other, &v), CCP_CASE_RECV(ch, &v) };
    switch (op) {
    case RECV: (void)!ccp_chan_recv(ch, &v, CCP_FOREVER); break;
    case SEND: (void)!ccp_chan_send(ch, &v, CCP_FOREVER); break;
    case SELECT: (void)!ccp_select(cases, 2, &chosen, CCP_FOREVER); break;
    case LOCK_BOTH: lock(0); break;
    case LOCK_OTHER: lock(1); break;
    case MAKE: make(); break;
    case DUMP: (void)ccp_dump(read_text, NULL); break;
    default: (void)ccp_track(false); break;
    }
}

static void run_thread(void *arg)
{
    int i = (int)(intptr_t)arg;
    act(now->op[i]);
    atomic_store_explicit(&done[i], 1, memory_order_relaxed);
}

static int finished(void)
{
    int n = 0;
    for (int i = 0; i < now->ops; i++)
        n += atomic_fetch_add_explicit(&done[i], 0, memory_order_relaxed); /* never stale */
    return n;
}

static void begin(const play *p)
{
    now = p;
    sim_hint(done, sizeof done);
    memset(m, 0, sizeof m);
    scene_tune(STILL);
    sim_assert(ccp_track(true) == CCP_OK);
    ch = scene_chan(sizeof(long), now->capacity);
    other = scene_chan(sizeof(long), 1);
    for (int i = 0; i < now->ops; i++)
        sim_spawn(run_thread, (void *)(intptr_t)i);
}

static void end(void)
{
    (void)ccp_chan_close(ch);
    (void)ccp_chan_close(other);
    sim_join();
    (void)scene_chan_end(ch);
    (void)scene_chan_end(other);
    sim_assert(ccp_track(false) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_dump(void *arg)
{
    begin(arg);
    (void)ccp_dump(read_text, NULL);
    end();
}

/* Takes the lock of each object under that of its shard. */
static void run_scrape(void *arg)
{
    begin(arg);
    (void)ccp_metrics_write(CCP_METRICS_PROMETHEUS, read_text, NULL);
    end();
}

/* DG5: if it says so, nobody gets on, however long one waits. */
static void run_check(void *arg)
{
    begin(arg);
    ccp_status st = ccp_deadlock_check(read_text, NULL);
    int before = finished();
    sim_settle();
    if (st == CCP_DEADLOCK)
        sim_assert(finished() == before && before < now->ops);
    sim_outcome(st);
    end();
}

/* ---- Futures: who has read an outcome notes that in the same word ---- */

static void read_one(void *arg)
{
    long v = 0;
    sim_assert(ccp_future_get(*(ccp_future **)arg, &v, CCP_FOREVER) == CCP_OK && v == 7);
    sim_assert(ccp_future_is_done(*(ccp_future **)arg));
}

static void settle(void *arg)
{
    long v = 7;
    (void)arg;
    sim_assert(ccp_promise_set(promise, &v) == CCP_OK);
    ccp_promise_free(promise);
}

static void find_unread(const char *text, size_t n, void *arg)
{
    (void)n;
    *(int *)arg += strstr(text, "nobody has asked for it") != NULL;
}

/* arg: how many read it.  DG10: only what nobody has read is told of as that. */
static void run_read(void *arg)
{
    int readers = *(const int *)arg, unread = 0;
    scene_tune(STILL);
    sim_assert(ccp_track(true) == CCP_OK);
    promise = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof(long) }, &futures[0]);
    sim_assert(promise);
    for (int i = 1; i < readers; i++)
        futures[i] = ccp_future_share(futures[0]);
    sim_spawn(settle, NULL);
    for (int i = 0; i < readers; i++)
        sim_spawn(read_one, &futures[i]);
    (void)ccp_audit(read_text, NULL);
    sim_join();
    sim_assert(ccp_audit(find_unread, &unread) == 1 && unread == (readers == 0));
    for (int i = 0; i < (readers ? readers : 1); i++)
        ccp_future_free(futures[i]);
    sim_assert(ccp_audit(NULL, NULL) == 0 && ccp_track(false) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void add_play(const play *p, void (*fn)(void *arg), const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(fn, scene_keep(p, sizeof *p), o, "%s.cap%zu.%s", how, p->capacity, ops);
}

/* At random: a look goes over all shards, which makes too many steps to try every schedule. */
int main(int argc, char **argv)
{
    const sim_options two = { .mode = SIM_PCT, .n = 400, .max_steps = 20000 };
    const sim_options some = { .mode = SIM_PCT, .n = 40, .max_steps = 20000 };
    for (int readers = 0; readers <= 3; readers++)
        scene_add(run_read, scene_keep(&readers, sizeof readers), &two, "some2.read_by_%d",
                  readers);
    for (size_t cap = 0; cap < 2; cap++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int b = a; b < OPERATIONS; b++) {
                play p = { cap, 2, { (operation)a, (operation)b } };
                add_play(&p, run_dump, &two, "some2.dump");
                add_play(&p, run_scrape, &two, "some2.scrape");
                if (b < DUMP)
                    add_play(&p, run_check, &two, "some2.check");
                for (int c = b; c < OPERATIONS; c++) {
                    play q = { cap, 3, { (operation)a, (operation)b, (operation)c } };
                    add_play(&q, run_dump, &some, "some3.dump");
                    if (c < DUMP)
                        add_play(&q, run_check, &some, "some3.check");
                }
            }
    return scene_main(argc, argv);
}
