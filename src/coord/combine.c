/* SPDX-License-Identifier: MIT
 *
 * Futures made of futures: the first k of n, and what a function makes of one.
 *
 * Invariants
 *   K1  A combination has one reference per listener that is listed or being called, and its
 *       maker's; the last one frees it, and with it the handles of the n futures.
 *   K2  At most one of these happens: k have a value, or so many have failed that k cannot.
 *       Whoever counts the one that decides it settles the promise.
 *   K3  Once the promise is settled, or nobody wants it, no listener stays behind: whoever settles
 *       or is the last to go takes back those that are listed; and who made it, when he has listed
 *       the last, does so too if it is settled then.
 */
/* uses: future */
#include "coord/combine.h"

#include "base/mem.h"

/* ---- the first k of n ---- */

typedef struct part {
    ccpi_listener listener;
    struct combination *whole; /* const after new */
    ccp_future *from;          /* const after new: a handle */
} part;

typedef struct combination {
    ccpi_maker maker;      /* first */
    ccpi_word32 refs;      /* atomic, K1 */
    ccp_promise *to;       /* const after new */
    size_t n, k;           /* const after new */
    _Atomic size_t got;    /* atomic: futures that have a value */
    _Atomic size_t placed; /* atomic: of them, those whose number is in the promise's room */
    _Atomic size_t failed; /* atomic */
    part parts[];
} combination;

static void unref(combination *c, uint32_t n)
{
    /* [W1] acq_rel: the last one sees what the others did. */
    if (atomic_fetch_sub_explicit(&c->refs, n, CCPI_ACQ_REL) != n)
        return;
    if (c->to)
        ccpi_promise_made(c->to);
    for (size_t i = 0; i < c->n; i++)
        ccp_future_free(c->parts[i].from);
    ccp_promise_free(c->to);
    ccpi_free(c);
}

/* K3 */
static uint32_t unlisten_all(ccpi_maker *m)
{
    combination *c = (combination *)(void *)m;
    uint32_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += ccpi_future_unlisten(c->parts[i].from, &c->parts[i].listener);
    return n;
}

static void unref_taken_back(ccpi_maker *m, uint32_t n)
{
    unref((combination *)(void *)m, n);
}

static void take_back(combination *c)
{
    uint32_t n = unlisten_all(&c->maker);
    if (n)
        unref(c, n);
}

/* One has a value: its number goes to its place; the k-th in place settles. */
static bool count_value(combination *c, size_t i)
{
    size_t place = atomic_fetch_add_explicit(&c->got, 1, CCPI_RLX); /* relaxed: a number */
    if (place >= c->k)
        return false;
    ((size_t *)ccpi_promise_room(c->to))[place] = i;
    /* [W2] acq_rel: the last one sees the numbers of the others. */
    if (atomic_fetch_add_explicit(&c->placed, 1, CCPI_ACQ_REL) + 1 < c->k)
        return false;
    (void)ccpi_promise_ready(c->to);
    return true;
}

static bool count_failure(combination *c, size_t i)
{
    /* Relaxed: a number. */
    if (atomic_fetch_add_explicit(&c->failed, 1, CCPI_RLX) != c->n - c->k)
        return false;
    (void)ccp_promise_fail(c->to, ccp_future_error(c->parts[i].from));
    return true;
}

static void part_is_settled(ccpi_listener *l)
{
    part *p = CCPI_CONTAINER(l, part, listener);
    combination *c = p->whole;
    size_t i = (size_t)(p - c->parts);
    if (ccpi_future_value(p->from) ? count_value(c, i) : count_failure(c, i))
        take_back(c);
    unref(c, 1);
}

/* Allocates it all, or nothing. */
static combination *combine(ccp_future *const *f, size_t n, size_t k, ccp_future **result)
{
    size_t total; /* of which k numbers, at most n, are but a part */
    if (!ccpi_size_mul_add(n, sizeof(part), sizeof(combination), &total) || n >= UINT32_MAX)
        return NULL;
    combination *c = ccpi_alloc(total);
    if (!c)
        return NULL;
    c->maker = (ccpi_maker){ unlisten_all, unref_taken_back };
    c->to = ccpi_promise_of(&(ccp_promise_opts){ .size = k * sizeof(size_t) }, &c->maker, result);
    c->n = n;
    c->k = k;
    atomic_init(&c->refs, (uint32_t)n + 1);
    bool ok = c->to != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        c->parts[i].listener.fn = part_is_settled;
        c->parts[i].whole = c;
        c->parts[i].from = ccp_future_share(f[i]);
        ok = c->parts[i].from != NULL;
    }
    if (ok)
        return c;
    ccp_future *nobodys = c->to ? *result : NULL;
    unref(c, (uint32_t)n + 1);
    ccp_future_free(nobodys);
    return NULL;
}

ccp_future *ccp_future_first(ccp_future *const *f, size_t n, size_t k)
{
    ccp_future *result = NULL;
    combination *c = k <= n && (f || !n) ? combine(f, n, k, &result) : NULL;
    if (!c)
        return NULL;
    if (k == 0)
        (void)ccpi_promise_ready(c->to);
    for (size_t i = 0; i < n; i++)
        if (!ccpi_future_listen(c->parts[i].from, &c->parts[i].listener))
            part_is_settled(&c->parts[i].listener);
    if (ccp_future_is_done(result))
        take_back(c);
    unref(c, 1);
    return result;
}

/* ---- what a function makes of one ---- */

static void forget(ccpi_then *t)
{
    if (t->to)
        ccpi_promise_made(t->to);
    ccp_promise_free(t->to);
    ccp_future_free(t->from);
    ccpi_free(t);
}

void ccpi_then_run(ccpi_then *t)
{
    if (!ccp_promise_canceled(t->to)) {
        ccp_status st = t->fn(ccp_future_error(t->from), ccpi_future_value(t->from),
                              ccpi_promise_room(t->to), t->arg);
        ccpi_promise_end(t->to, st);
    }
    forget(t);
}

void ccpi_then_undo(ccpi_then *t)
{
    forget(t); /* a promise that is given up has failed */
}

static void source_is_settled(ccpi_listener *l)
{
    ccpi_then *t = CCPI_CONTAINER(l, ccpi_then, listener);
    if (!t->hand_over || !t->hand_over(t))
        ccpi_then_run(t);
}

static uint32_t unlisten(ccpi_maker *m)
{
    ccpi_then *t = (ccpi_then *)(void *)m;
    return ccpi_future_unlisten(t->from, &t->listener);
}

static void forget_taken_back(ccpi_maker *m, uint32_t taken_back)
{
    (void)taken_back;
    forget((ccpi_then *)(void *)m);
}

ccp_future *ccpi_future_then(ccp_future *f, const ccp_promise_opts *o, ccp_then fn, void *arg,
                             bool (*hand_over)(ccpi_then *t), ccp_pool *pool)
{
    ccpi_then *t = f && fn ? ccpi_alloc(sizeof *t) : NULL;
    if (!t)
        return NULL;
    ccp_future *result = NULL;
    t->maker = (ccpi_maker){ unlisten, forget_taken_back };
    t->to = ccpi_promise_of(o, &t->maker, &result);
    t->from = t->to ? ccp_future_share(f) : NULL;
    if (!t->from) {
        forget(t);
        ccp_future_free(result);
        return NULL;
    }
    t->listener.fn = source_is_settled;
    t->fn = fn;
    t->arg = arg;
    t->hand_over = hand_over;
    t->pool = pool;
    if (!ccpi_future_listen(f, &t->listener))
        source_is_settled(&t->listener);
    return result;
}

ccp_future *ccp_future_then(ccp_future *f, const ccp_promise_opts *o, ccp_then fn, void *arg)
{
    return ccpi_future_then(f, o, fn, arg, NULL, NULL);
}
