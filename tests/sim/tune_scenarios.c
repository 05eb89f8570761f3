/* SPDX-License-Identifier: MIT
 *
 * Pools that tune themselves, with all workers held up: by who tunes, who submits, who resizes and
 * who shuts down.  And figures, which are read while workers write theirs.
 *
 * Checked in each: the pool goes on as soon as it may have a worker more; it never has more than it
 * may (P2, P23); each task that a worker has finished is in the figures once (P22); threads are
 * joined and memory is given back.
 */
#include "scene.h"

static ccp_pool *pool;
static ccp_chan *gate;

static ccp_status pass_gate(ccp_ctx *c, void *arg)
{
    (void)arg;
    ccp_status st = ccp_chan_recv(gate, NULL, ccp_with(c));
    sim_assert(st == CCP_CLOSED || st == CCP_CANCELED);
    return st;
}

static ccp_status open_gate(ccp_ctx *c, void *arg)
{
    (void)c;
    (void)arg;
    sim_assert(ccp_chan_close(gate) == CCP_OK);
    return CCP_OK;
}

static ccp_pool_info info(void)
{
    ccp_pool_info i;
    sim_assert(ccp_pool_get_info(pool, &i) == CCP_OK);
    return i;
}

/* Two workers, of three that may be: the explorer's machine has two processors.  False if threads
 * are short. */
static bool begin(size_t queue)
{
    scene_tune(STILL);
    gate = scene_chan(0, 1);
    pool = ccp_pool_new(&(ccp_pool_opts){
        .workers = 3, .queue = queue, .tune = 100, .measure = true });
    sim_assert(!pool || scene_threads() == 3);
    return pool != NULL;
}

static void submit(ccp_task fn)
{
    ccp_status st = ccp_pool_submit(pool, fn, NULL, CCP_FOREVER);
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
}

static void submit_opener(void *arg)
{
    (void)arg;
    submit(open_gate);
}

static void end(void)
{
    if (pool) {
        ccp_status st = ccp_pool_shutdown(pool, NULL, NULL, CCP_FOREVER);
        sim_assert(st == CCP_OK || st == CCP_CLOSED);
        sim_assert(info().most <= 3 && info().measured == info().finished); /* P22 P23 */
        sim_assert(ccp_pool_free(pool) == CCP_OK);
    }
    sim_join();
    (void)scene_chan_end(gate);
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
}

/* The third worker opens the gate for the others. */
static void all_blocked(void *queue)
{
    if (begin((uintptr_t)queue)) {
        submit(pass_gate);
        submit(pass_gate);
        submit(open_gate);
        sim_assert(ccp_pool_wait(pool, CCP_FOREVER) == CCP_OK);
        sim_assert(info().most == 3 && info().finished == 3 && info().measured == 3);
    }
    end();
}

/* Now and then it may for a moment have no more, perhaps just when it is about to grow. */
static void resized(void *queue)
{
    if (begin((uintptr_t)queue)) {
        submit(pass_gate);
        submit(pass_gate);
        sim_spawn(submit_opener, NULL);
        for (int i = 0; i < 18; i++) {
            (void)ccp_sleep(ccp_within(50));
            if (i % 6)
                continue;
            sim_assert(ccp_pool_resize(pool, 2) == CCP_OK && info().limit <= 2);
            (void)ccp_sleep(ccp_within(1));
            sim_assert(info().limit <= 2);
            sim_assert(ccp_pool_resize(pool, 3) == CCP_OK);
        }
        sim_settle();
    }
    end();
}

/* Shut down beside who tunes, and who submits. */
static void shut_down(void *queue)
{
    if (begin((uintptr_t)queue)) {
        submit(pass_gate);
        submit(pass_gate);
        sim_spawn(submit_opener, NULL);
        (void)ccp_sleep(ccp_within(450));
        ccp_status st = ccp_pool_shutdown(pool, NULL, NULL, CCP_NOWAIT);
        sim_assert(st == CCP_OK || st == CCP_AGAIN);
        sim_settle(); /* who submits has returned */
    }
    end();
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(void *);
    } scenes[] = { { "all_blocked", all_blocked },
                   { "resized", resized },
                   { "shut_down", shut_down } };
    static const sim_options some = { .mode = SIM_RANDOM, .n = 1000, .max_steps = 20000 };
    static const sim_options short_of = { .mode = SIM_RANDOM, .n = 1000, .max_steps = 20000,
                                          .fail_thread = 1 };
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
        for (size_t queue = 0; queue <= 2; queue++) {
            scene_add(scenes[i].fn, (void *)queue, &some, "%s.queue%zu", scenes[i].name, queue);
            scene_add(scenes[i].fn, (void *)queue, &short_of, "short_%s.queue%zu", scenes[i].name,
                      queue);
        }
    return scene_main(argc, argv);
}
