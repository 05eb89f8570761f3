/* SPDX-License-Identifier: MIT
 *
 * Misuse: each kind is refused, changes nothing, and is told to the program's hook once.
 */
#include "support.h"

static char told_call[64], told_rule[256];
static int told;

static void note_misuse(const char *call, const char *rule)
{
    told++;
    snprintf(told_call, sizeof told_call, "%s", call);
    snprintf(told_rule, sizeof told_rule, "%s", rule);
}

#define ASSERT_MISUSE(expression, call)                                                        \
    do {                                                                                       \
        told = 0;                                                                              \
        ASSERT_STATUS(expression, CCP_MISUSE);                                                 \
        assert_int_equal(told, 1);                                                             \
        assert_string_equal(told_call, call);                                                  \
        assert_true(strlen(told_rule) > 5);                                                    \
    } while (0)

TEST(each_misuse_is_refused_and_told) /* G2 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    ccp_wg wg = CCP_WG_INIT;
    ccp_hook h = { 0 };
    ccp_sem sem = CCP_SEM_INIT(1);
    ccp_mutex mu = CCP_MUTEX_INIT;
    ccp_rwlock rw = CCP_RWLOCK_INIT;
    ccp_set_misuse_hook(note_misuse);
    ASSERT_MISUSE(ccp_chan_sender_done(ch), "ccp_chan_sender_done");
    ASSERT_MISUSE(ccp_wg_done(&wg), "ccp_wg_done");
    ASSERT_MISUSE(ccp_wg_add(&wg, -1), "ccp_wg_add");
    ASSERT_MISUSE(ccp_ctx_unhook(&h, CCP_NOWAIT), "ccp_ctx_unhook");
    ASSERT_MISUSE(ccp_sem_release(&sem, 1), "ccp_sem_release");
    ASSERT_MISUSE(ccp_sem_forget(&sem, 1), "ccp_sem_forget");
    ASSERT_MISUSE(ccp_mutex_unlock(&mu), "ccp_mutex_unlock");
    ASSERT_MISUSE(ccp_rwlock_rdunlock(&rw), "ccp_rwlock_rdunlock");
    ASSERT_MISUSE(ccp_rwlock_wrunlock(&rw), "ccp_rwlock_wrunlock");
    ccp_set_misuse_hook(NULL);
    assert_false(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    assert_int_equal(ccp_sem_available(&sem), 1);
    ASSERT_STATUS(ccp_mutex_lock(&mu, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(misuse_of_promises_and_phasers_is_refused_and_told) /* G2 F1 */
{
    int v = 1, w = 2;
    ccp_future *kept, *failed;
    ccp_promise *p = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof v }, &kept);
    ccp_promise *q = ccp_promise_new(NULL, &failed);
    ccp_phaser *ph = ccp_phaser_new(0);
    ccp_phaser_info info;
    ASSERT_STATUS(ccp_promise_set(p, &v), CCP_OK);
    ASSERT_STATUS(ccp_promise_fail(q, CCP_CLOSED), CCP_OK);
    ccp_set_misuse_hook(note_misuse);
    ASSERT_MISUSE(ccp_promise_set(p, &w), "ccp_promise_set");
    ASSERT_MISUSE(ccp_promise_fail(p, CCP_FAILED), "ccp_promise_fail");
    ASSERT_MISUSE(ccp_promise_set(q, NULL), "ccp_promise_set");
    ASSERT_MISUSE(ccp_promise_fail(q, CCP_FAILED), "ccp_promise_fail");
    ASSERT_MISUSE(ccp_phaser_arrive(ph, NULL), "ccp_phaser_arrive");
    ASSERT_MISUSE(ccp_phaser_deregister(ph, NULL), "ccp_phaser_deregister");
    ASSERT_MISUSE(ccp_phaser_arrive_and_wait(ph, NULL, CCP_FOREVER), "ccp_phaser_arrive_and_wait");
    ccp_set_misuse_hook(NULL);
    ASSERT_STATUS(ccp_future_get(kept, &w, CCP_NOWAIT), CCP_OK);
    assert_int_equal(w, 1);
    ASSERT_STATUS(ccp_future_error(failed), CCP_CLOSED);
    ASSERT_STATUS(ccp_phaser_get_info(ph, &info), CCP_OK);
    assert_true(info.phase == 0 && info.parties == 0 && info.arrived == 0 && !info.closed);
    ccp_promise_free(p);
    ccp_promise_free(q);
    ccp_future_free(kept);
    ccp_future_free(failed);
    ASSERT_STATUS(ccp_phaser_free(ph), CCP_OK);
}

TEST(without_a_hook_nobody_is_told)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    told = 0;
    ASSERT_STATUS(ccp_chan_sender_done(ch), CCP_MISUSE);
    ccp_set_misuse_hook(note_misuse);
    ccp_set_misuse_hook(NULL);
    ASSERT_STATUS(ccp_chan_sender_done(ch), CCP_MISUSE);
    assert_int_equal(told, 0);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(what_is_only_a_wrong_argument_or_too_late_is_not_misuse)
{
    long v = 0;
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    told = 0;
    ccp_set_misuse_hook(note_misuse);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_NOWAIT), CCP_CLOSED);
    ccp_set_misuse_hook(NULL);
    assert_int_equal(told, 0);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static ccp_chan *hook_chan;
static ccp_wg hook_wg;

static void call_back(const char *call, const char *rule)
{
    long v = 3;
    (void)call;
    (void)rule;
    told++;
    MUST(ccp_chan_send(hook_chan, &v, CCP_NOWAIT) == CCP_OK);
    MUST(ccp_chan_recv(hook_chan, &v, CCP_NOWAIT) == CCP_OK);
    MUST(ccp_chan_add_senders(hook_chan, 1) == CCP_OK);
    MUST(ccp_wg_add(&hook_wg, 1) == CCP_OK);
    MUST(ccp_wg_done(&hook_wg) == CCP_OK);
    ccp_set_misuse_hook(NULL);
}

TEST(the_hook_may_call_the_library) /* G3 */
{
    hook_chan = ccp_chan_new(sizeof(long), 1);
    told = 0;
    ccp_set_misuse_hook(call_back);
    ASSERT_STATUS(ccp_chan_sender_done(hook_chan), CCP_MISUSE);
    ccp_set_misuse_hook(call_back);
    ASSERT_STATUS(ccp_wg_done(&hook_wg), CCP_MISUSE);
    assert_int_equal(told, 2);
    ASSERT_STATUS(ccp_chan_free(hook_chan), CCP_OK);
}

/* A drop function may call anything but free. */
typedef struct drop_calls {
    ccp_chan *ch, *other;
    ccp_wg wg;
    long drops;
} drop_calls;

static void drop_and_call(void *elem, void *arg)
{
    drop_calls *d = arg;
    long v;
    memcpy(&v, elem, sizeof v);
    MUST(ccp_chan_send(d->other, &v, CCP_NOWAIT) == CCP_OK);
    MUST(ccp_chan_send(d->ch, &v, CCP_FOREVER) == CCP_CLOSED);
    MUST(ccp_chan_cancel(d->ch) == CCP_OK || ccp_chan_cancel(d->ch) == CCP_CLOSED);
    ccp_chan_info info;
    MUST(ccp_chan_get_info(d->ch, &info) == CCP_OK && info.closed);
    MUST(ccp_wg_done(&d->wg) == CCP_OK);
    d->drops++;
}

TEST(a_drop_function_may_call_the_library) /* G3 C10 */
{
    drop_calls d = { .other = ccp_chan_new(sizeof(long), 16) };
    d.ch = ccp_chan_make(&(ccp_chan_opts){
        .elem_size = sizeof(long), .capacity = 8, .drop = drop_and_call, .drop_arg = &d });
    for (long i = 0; i < 8; i++)
        ASSERT_STATUS(ccp_chan_send(d.ch, &i, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_wg_add(&d.wg, 8), CCP_OK);
    ASSERT_STATUS(ccp_chan_cancel(d.ch), CCP_OK);
    assert_int_equal(d.drops, 8);
    assert_int_equal(ccp_chan_len(d.other), 8);
    ASSERT_STATUS(ccp_wg_wait(&d.wg, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(d.ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(d.other), CCP_OK);
    assert_int_equal(d.drops, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(each_misuse_is_refused_and_told),
        ENTRY(misuse_of_promises_and_phasers_is_refused_and_told),
        ENTRY(without_a_hook_nobody_is_told),
        ENTRY(what_is_only_a_wrong_argument_or_too_late_is_not_misuse),
        ENTRY(the_hook_may_call_the_library),
        ENTRY(a_drop_function_may_call_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
