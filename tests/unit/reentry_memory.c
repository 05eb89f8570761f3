/* SPDX-License-Identifier: MIT
 *
 * Calls inside the functions that the process has once: the misuse hook and the allocator.
 */
#include "reentry.h"

static const ccp_promise_opts a_long = { .size = sizeof(long) };

/* --- the misuse hook --- */

static site misused; /* what is being misused */

static void misuse_inside(const char *call, const char *rule)
{
    MUST(call && rule);
    run_inside(&misused);
}

/* The next misuse is of this object. */
static void misuse(void (*use_same)(void *obj), void *obj)
{
    misused = (site){ IN_ccp_set_misuse_hook_hook, use_same, obj };
    once_more(misused.p);
}

static void use_chan(void *ch)
{
    RETURNS(ccp_chan_send(ch, NULL, CCP_NOWAIT));
    RETURNS(ccp_chan_recv(ch, NULL, CCP_NOWAIT));
}

static void use_wg(void *wg)
{
    OK(ccp_wg_add(wg, 1));
    OK(ccp_wg_done(wg));
}

static void use_sem(void *s)
{
    OK(ccp_sem_acquire(s, 1, CCP_NOWAIT));
    OK(ccp_sem_release(s, 1));
}

static void use_mutex(void *m)
{
    OK(ccp_mutex_lock(m, CCP_NOWAIT));
    OK(ccp_mutex_unlock(m));
}

static void use_phaser(void *p)
{
    uint64_t phase;
    OK(ccp_phaser_register(p, 1, &phase));
    OK(ccp_phaser_deregister(p, &phase));
}

static void use_pool(void *p)
{
    OK(ccp_pool_resize(p, 2));
}

void the_misuse_hook_may_be_reentered(void)
{
    ccp_chan *ch = ccp_chan_new(0, 1);
    ccp_wg wg = CCP_WG_INIT;
    ccp_sem s = CCP_SEM_INIT(1);
    ccp_mutex m = CCP_MUTEX_INIT;
    ccp_phaser *ph = ccp_phaser_make(&(ccp_phaser_opts){ .parties = 0 });
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1 });
    MUST(ch && ph && p);
    present_hook = misuse_inside;
    ccp_set_misuse_hook(misuse_inside);
    misuse(use_chan, ch);
    GIVES(ccp_chan_sender_done(ch), CCP_MISUSE);
    misuse(use_wg, &wg);
    GIVES(ccp_wg_done(&wg), CCP_MISUSE);
    misuse(use_sem, &s);
    GIVES(ccp_sem_release(&s, 1), CCP_MISUSE);
    misuse(use_mutex, &m);
    GIVES(ccp_mutex_unlock(&m), CCP_MISUSE);
    misuse(use_pool, p);
    GIVES(ccp_pool_unblock(p), CCP_MISUSE);
    misuse(use_phaser, ph);
    GIVES(ccp_phaser_arrive(ph, NULL), CCP_MISUSE);
    present_hook = NULL;
    ccp_set_misuse_hook(NULL);
    OK(ccp_chan_free(ch));
    OK(ccp_phaser_free(ph));
    OK(ccp_pool_free(p));
}

/* --- the allocator --- */

static void *alloc_inside(size_t size, void *arg)
{
    (void)arg;
    inside(IN_ccp_allocator_alloc, NULL, NULL);
    return malloc(size);
}

static void free_inside(void *p, void *arg)
{
    (void)arg;
    free(p);
    inside(IN_ccp_allocator_free, NULL, NULL);
}

/* The next allocation, and the next time that memory is given back, make calls. */
static void enter_again(void)
{
    once_more(IN_ccp_allocator_alloc);
    once_more(IN_ccp_allocator_free);
}

static ccp_status nothing(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_OK;
}

static void allocate_late(ccp_pool *p, ccp_broadcast *b)
{
    ccp_future *f;
    ccp_promise *promise = ccp_promise_new(&a_long, &f);
    MUST(promise);
    enter_again();
    MUST(ccp_future_done(f));
    enter_again();
    ccp_future *then = ccp_future_then(f, &a_long, then_inside, NULL);
    enter_again();
    OK(ccp_promise_set(promise, &(long){ 1 }));
    enter_again();
    ccp_promise_free(promise);
    ccp_future_free(f);
    ccp_future_free(then);
    enter_again();
    OK(ccp_pool_submit_with(p, nothing, NULL, &(ccp_task_opts){ 0 }, CCP_FOREVER));
    OK(ccp_pool_wait(p, CCP_FOREVER));
    enter_again();
    OK(ccp_pool_resize(p, 3));
    enter_again();
    ccp_chan *member = ccp_broadcast_join(b, NULL);
    enter_again();
    OK(ccp_broadcast_leave(b, member));
}

void the_allocator_may_be_reentered(void)
{
    const ccp_allocator a = { alloc_inside, free_inside, NULL };
    OK(ccp_set_allocator(&a));
    ccp_chan *ch = ccp_chan_new(0, 1);
    enter_again();
    ccp_chan *tick = ccp_chan_tick(CCP_SEC(1000));
    ccp_ctx *c = ccp_ctx_new(NULL, CCP_FOREVER);
    enter_again();
    ccp_ctx *below = ccp_ctx_new(c, ccp_within(CCP_SEC(1000)));
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 4 });
    ccp_broadcast *b = ccp_broadcast_new(ch, NULL);
    MUST(tick && below && p && b);
    allocate_late(p, b);
    enter_again();
    OK(ccp_broadcast_free(b));
    enter_again();
    OK(ccp_pool_free(p));
    enter_again();
    OK(ccp_ctx_free(below));
    OK(ccp_ctx_free(c));
    enter_again();
    OK(ccp_chan_free(tick));
    OK(ccp_chan_free(ch));
    OK(ccp_set_allocator(NULL));
}
