/* SPDX-License-Identifier: MIT
 *
 * The wait matrix: every way in which a wait can go, over every call that waits.
 */
#include "wait_columns.h"

/* --- one call --- */

static ccp_status call_here(stage *s, ccp_wait w)
{
    ccp_status rc = s->c->call(s, w);
    s->successes += rc == s->c->success;
    return rc;
}

static void call_there(actor *a)
{
    stage *s = a->arg;
    actor_calls(a);
    a->rc = call_here(s, a->w);
}

static void start_call(actor *a, stage *s, ccp_wait w)
{
    *a = (actor){ .arg = s, .w = w };
    actor_start(a, call_there);
}

/* After a failure the object is unchanged, and still works. */
static void still_works(stage *s)
{
    s->c->unchanged(s);
    if (s->c->once || (!s->c->ready && !s->c->serve))
        return;
    if (s->c->ready)
        s->c->ready(s);
    else
        MUST(s->c->serve(s));
    ASSERT_STATUS(call_here(s, CCP_FOREVER), s->c->success);
    s->c->done(s);
}

static void fails_with(const column *c, ccp_wait w, ccp_status expected)
{
    stage *s = stage_new(c);
    ASSERT_STATUS(call_here(s, w), expected);
    if (expected != c->success)
        still_works(s); /* G1 W4 */
    stage_free(s);
}

/* Ready, and fails all the same; afterwards it succeeds: nothing had happened. */
static void fails_although_ready(const column *c, ccp_wait w, ccp_status expected)
{
    if (!c->ready)
        return;
    stage *s = stage_new(c);
    c->ready(s);
    ASSERT_STATUS(call_here(s, w), expected);
    if (c->once)
        c->unchanged(s);
    else {
        ASSERT_STATUS(call_here(s, CCP_NOWAIT), c->success);
        c->done(s);
    }
    stage_free(s);
}

/* --- the rows --- */

static void nowait(const column *c) /* W3 G1 */
{
    ccp_ctx *alive = ccp_ctx_new(NULL, ccp_within(CCP_SEC(1000)));
    fails_with(c, CCP_NOWAIT, c->at_once);
    fails_with(c, ccp_under(alive, CCP_NOWAIT), c->at_once);
    ASSERT_STATUS(ccp_ctx_free(alive), CCP_OK);
}

static void expired(const column *c) /* W3 G1 */
{
    fails_with(c, ccp_until(1), c->too_late);
    fails_with(c, ccp_until(ccp_now() - 1), c->too_late);
    fails_with(c, ccp_within(0), c->too_late);
    fails_with(c, ccp_within(-CCP_SEC(3)), c->too_late);
    fails_with(c, ccp_start(ccp_within(0)), c->too_late);
}

static void short_timeout(const column *c) /* W3 W4 W6 */
{
    ccp_ctx *alive = ccp_ctx_new(NULL, ccp_within(CCP_SEC(1000)));
    int64_t begin = ccp_now();
    fails_with(c, ccp_within(CCP_MS(2)), c->too_late);
    assert_true(c->early || ccp_now() >= begin + CCP_MS(2));
    int64_t end = ccp_now() + CCP_MS(2);
    fails_with(c, ccp_until(end), c->too_late);
    assert_true(c->early || ccp_now() >= end);
    end = ccp_now() + CCP_MS(2);
    fails_with(c, ccp_under(alive, ccp_until(end)), c->too_late);
    assert_true(c->early || ccp_now() >= end);
    ASSERT_STATUS(ccp_ctx_free(alive), CCP_OK);
}

static void canceled_before(const column *c) /* W2 */
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *leaf = ccp_ctx_new(root, ccp_within(CCP_SEC(1000)));
    ccp_ctx_cancel(root);
    ccp_ctx *ended[] = { root, leaf };
    for (size_t i = 0; i < LENGTH(ended); i++) {
        const ccp_wait waits[] = { ccp_with(ended[i]), ccp_under(ended[i], CCP_NOWAIT),
                                   ccp_under(ended[i], ccp_within(CCP_SEC(1))),
                                   ccp_under(ended[i], ccp_within(0)) };
        for (size_t j = 0; j < LENGTH(waits); j++) {
            fails_with(c, waits[j], CCP_CANCELED);
            fails_although_ready(c, waits[j], CCP_CANCELED);
        }
    }
    ASSERT_STATUS(ccp_ctx_free(leaf), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(root), CCP_OK);
}

static void deadline_before(const column *c) /* W2 */
{
    ccp_ctx *born_ended = ccp_ctx_new(NULL, CCP_NOWAIT);
    ccp_ctx *root = ccp_ctx_new(NULL, ccp_within(CCP_US(1)));
    ccp_ctx *leaf = ccp_ctx_new(root, CCP_FOREVER);
    WAIT_UNTIL(ccp_ctx_status(leaf) == CCP_TIMEOUT);
    ccp_ctx *ended[] = { born_ended, leaf, root };
    for (size_t i = 0; i < LENGTH(ended); i++) {
        const ccp_wait waits[] = { ccp_with(ended[i]), ccp_under(ended[i], CCP_NOWAIT),
                                   ccp_under(ended[i], ccp_within(CCP_SEC(1))) };
        for (size_t j = 0; j < LENGTH(waits); j++) {
            fails_with(c, waits[j], CCP_TIMEOUT);
            fails_although_ready(c, waits[j], CCP_TIMEOUT);
        }
    }
    ASSERT_STATUS(ccp_ctx_free(leaf), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(root), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(born_ended), CCP_OK);
}

/* A deadline that has passed and that nobody has noticed. */
static void deadline_before_unnoticed(const column *c)
{
    ccp_ctx *root = ccp_ctx_new(NULL, ccp_within(CCP_US(1)));
    ccp_ctx *leaf = ccp_ctx_new(root, CCP_FOREVER);
    WAIT_UNTIL(ccp_now() > ccp_ctx_deadline(leaf));
    fails_with(c, ccp_with(leaf), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_ctx_status(leaf), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_ctx_free(leaf), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(root), CCP_OK);
}

static void canceled_during(const column *c) /* X1 W4 */
{
    for (int of_parent = 0; of_parent < 2; of_parent++) {
        ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
        ccp_ctx *leaf = ccp_ctx_new(root, ccp_within(CCP_SEC(1000)));
        stage *s = stage_new(c);
        actor a;
        start_call(&a, s, of_parent ? ccp_under(leaf, ccp_within(CCP_SEC(500))) : ccp_with(leaf));
        actor_sleep_here(&a);
        ccp_ctx_cancel(of_parent ? root : leaf);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_CANCELED);
        still_works(s); /* G1 */
        stage_free(s);
        ASSERT_STATUS(ccp_ctx_free(leaf), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(root), CCP_OK);
    }
}

static void deadline_during(const column *c) /* W4 W6 */
{
    for (int of_parent = 0; of_parent < 2; of_parent++) {
        int64_t t = ccp_now() + CCP_MS(3);
        ccp_ctx *root = ccp_ctx_new(NULL, of_parent ? ccp_until(t) : CCP_FOREVER);
        ccp_ctx *leaf = ccp_ctx_new(root, of_parent ? CCP_FOREVER : ccp_until(t));
        fails_with(c, of_parent ? ccp_under(leaf, ccp_within(CCP_SEC(1000))) : ccp_with(leaf),
                   CCP_TIMEOUT);
        assert_true(c->early || ccp_now() >= t);
        bool over = ccp_now() >= t;
        ccp_status st = ccp_ctx_status(leaf);
        bool still = ccp_now() < t;
        assert_true(over ? st == CCP_TIMEOUT : still ? st == CCP_OK : true);
        ASSERT_STATUS(ccp_ctx_free(leaf), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(root), CCP_OK);
    }
}

static void closed_during(const column *c) /* C3 */
{
    if (!c->close)
        return;
    ccp_ctx *alive = ccp_ctx_new(NULL, CCP_FOREVER);
    const ccp_wait waits[] = { CCP_FOREVER, ccp_within(CCP_SEC(1000)), ccp_with(alive) };
    for (size_t i = 0; i < LENGTH(waits); i++) {
        stage *s = stage_new(c);
        actor a;
        start_call(&a, s, waits[i]);
        actor_sleep_here(&a);
        ASSERT_STATUS(c->close(s), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_CLOSED);
        c->unchanged(s); /* G1 */
        stage_free(s);
    }
    ASSERT_STATUS(ccp_ctx_free(alive), CCP_OK);
}

static void closed_before(const column *c) /* W1 W2 W3 */
{
    if (!c->close)
        return;
    ccp_ctx *canceled = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx_cancel(canceled);
    const ccp_wait waits[] = { CCP_FOREVER, CCP_NOWAIT, ccp_within(0), ccp_until(1),
                               ccp_within(CCP_SEC(1)) };
    stage *s = stage_new(c);
    ASSERT_STATUS(c->close(s), CCP_OK);
    for (size_t i = 0; i < LENGTH(waits); i++) {
        ASSERT_STATUS(call_here(s, waits[i]), CCP_CLOSED);
        c->unchanged(s); /* G1 */
    }
    ASSERT_STATUS(call_here(s, ccp_with(canceled)), CCP_CANCELED);
    stage_free(s);
    ASSERT_STATUS(ccp_ctx_free(canceled), CCP_OK);
}

static void served_during(const column *c) /* W5 */
{
    if (!c->serve)
        return;
    ccp_ctx *alive = ccp_ctx_new(NULL, ccp_within(CCP_SEC(1000)));
    const ccp_wait waits[] = { CCP_FOREVER, ccp_within(CCP_SEC(1000)), ccp_with(alive),
                               ccp_under(alive, ccp_within(CCP_SEC(500))) };
    for (size_t i = 0; i < LENGTH(waits); i++) {
        stage *s = stage_new(c);
        actor a;
        start_call(&a, s, waits[i]);
        actor_sleep_here(&a);
        WAIT_UNTIL(c->serve(s));
        actor_join(&a);
        ASSERT_STATUS(a.rc, c->success);
        c->done(s);
        stage_free(s);
    }
    ASSERT_STATUS(ccp_ctx_free(alive), CCP_OK);
}

static void ready_at_once(const column *c) /* W1 */
{
    if (!c->ready)
        return;
    ccp_ctx *alive = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *timed = ccp_ctx_new(alive, ccp_within(CCP_SEC(1000)));
    const ccp_wait waits[] = { CCP_FOREVER,         CCP_NOWAIT,
                               ccp_within(0),       ccp_until(1),
                               ccp_until(INT64_MIN), ccp_within(CCP_SEC(1)),
                               ccp_with(alive),     ccp_under(timed, CCP_NOWAIT),
                               ccp_with(NULL),      ccp_under(timed, ccp_within(0)) };
    for (size_t i = 0; i < LENGTH(waits); i++) {
        stage *s = stage_new(c);
        c->ready(s);
        ASSERT_STATUS(call_here(s, waits[i]), c->success);
        c->done(s);
        stage_free(s);
    }
    ASSERT_STATUS(ccp_ctx_free(timed), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(alive), CCP_OK);
}

/* Served and ended at the same moment: the status and the object agree, whoever came first. */
static void race_once(const column *c, size_t round, uint64_t *seed, size_t *successes)
{
    stage *s = stage_new(c);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    int64_t span = CCP_US(20) + random_next(seed) % CCP_US(100);
    bool cancels = round % 3 != 0, timed = round % 3 != 1, served = false;
    actor a;
    start_call(&a, s, ccp_under(cancels ? ctx : NULL, timed ? ccp_within(span) : CCP_FOREVER));
    if (round % 2)
        WAIT_UNTIL(atomic_load(&a.calling));
    int64_t moment = ccp_now() + random_next(seed) % (uint32_t)span;
    WAIT_UNTIL(ccp_now() >= moment);
    if (cancels && round % 4 < 2)
        ccp_ctx_cancel(ctx);
    if (c->serve)
        do
            served = c->serve(s);
        while (!served && !actor_is_done(&a) && !(cancels && round % 4 >= 2));
    if (cancels)
        ccp_ctx_cancel(ctx);
    actor_join(&a);
    bool ok = a.rc == c->success;
    if (!ok && !(cancels && a.rc == CCP_CANCELED))
        ASSERT_STATUS(a.rc, timed ? c->too_late : c->success);
    if (c->raced)
        c->raced(s, ok, served); /* W5 W4 C4 */
    *successes += ok;
    stage_free(s);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

static void same_instant(const column *c) /* W5 */
{
    uint64_t seed = 20240607;
    size_t successes = 0, rounds = scaled(120);
    for (size_t round = 0; round < rounds; round++)
        race_once(c, round, &seed, &successes);
    print_message("%s: %zu of %zu succeeded\n", c->name, successes, rounds);
}

/* --- the matrix --- */

typedef struct cell {
    void (*row)(const column *c);
    const column *c;
    char name[120];
} cell;

static void run_cell(void **state)
{
    const cell *x = *state;
    x->row(x->c);
}

static const struct {
    const char *name;
    void (*row)(const column *c);
} rows[] = {
    { "NOWAIT", nowait },
    { "expired", expired },
    { "short timeout", short_timeout },
    { "canceled before", canceled_before },
    { "deadline before", deadline_before },
    { "deadline before, unnoticed", deadline_before_unnoticed },
    { "canceled during", canceled_during },
    { "deadline during", deadline_during },
    { "closed during", closed_during },
    { "closed before", closed_before },
    { "served during", served_during },
    { "ready at once", ready_at_once },
    { "same instant", same_instant },
};

int main(void)
{
    const struct {
        const column *first;
        size_t n;
    } parts[] = { { columns_chan, columns_chan_n },
                  { columns_line, columns_line_n },
                  { columns_meet, columns_meet_n },
                  { columns_other, columns_other_n },
                  { columns_task, columns_task_n },
                  { columns_flow, columns_flow_n },
                  { columns_pipe, columns_pipe_n },
                  { columns_rcu, columns_rcu_n } };
    size_t columns = 0, n = 0;
    for (size_t p = 0; p < LENGTH(parts); p++)
        columns += parts[p].n;
    cell *cells = calloc(LENGTH(rows) * columns, sizeof *cells);
    struct CMUnitTest *tests = calloc(LENGTH(rows) * columns, sizeof *tests);
    MUST(cells && tests);
    for (size_t r = 0; r < LENGTH(rows); r++)
        for (size_t p = 0; p < LENGTH(parts); p++)
            for (size_t k = 0; k < parts[p].n; k++) {
                cell *x = &cells[n];
                x->row = rows[r].row;
                x->c = &parts[p].first[k];
                snprintf(x->name, sizeof x->name, "%s: %s", rows[r].name, x->c->name);
                tests[n++] = (struct CMUnitTest){ x->name, run_cell, NULL, no_block_is_live, x };
            }
    int failed = _cmocka_run_group_tests("wait matrix", tests, n, NULL, NULL);
    free(cells);
    free(tests);
    return failed;
}
