/* SPDX-License-Identifier: MIT
 *
 * Circuit breakers: the public calls, and what goes without the lock.
 */
/* uses: attempt */
#include "coord/breaker.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/track.h"
#include "block/wait.h"
#include "coord/attempt.h"

#define MOST_CELLS 16
#define COARSE_LAG                                                                                 \
    ((int64_t)20000000) /* how late the coarse clock may be; more costs a clock read */

/* ---- Making ---- */

static bool is_share(double x)
{
    return x >= 0 && x <= 1; /* no NaN */
}

static bool is_right(const ccp_breaker_opts *o)
{
    return o->slow_ns >= 0 && o->window_ns >= 0 && o->open_ns >= 0 && o->probe_ns >= 0 &&
           is_share(o->failure_ratio) && is_share(o->slow_ratio) &&
           (o->slow_ratio == 0 || o->slow_ns > 0) && (int64_t)o->buckets <= o->window_ns;
}

static void fill_in(ccp_breaker_opts *o)
{
    if (o->failures == 0 && o->failure_ratio == 0 && o->slow_ratio == 0 && !o->trip)
        o->failures = 6;
    if (o->min_results == 0)
        o->min_results = 10;
    if (o->buckets == 0)
        o->buckets = 1;
    if (o->open_ns == 0)
        o->open_ns = CCP_SEC(60);
    if (o->probes == 0)
        o->probes = 1;
    if (o->close_after == 0)
        o->close_after = o->probes;
    if (o->probe_ns == 0)
        o->probe_ns = o->open_ns;
}

/* A power of two, about twice as many as processors: two threads rarely meet in one. */
static uint32_t cells_wanted(void)
{
    unsigned cpus = ccpi_cpu_count();
    uint32_t n = 1;
    while (cpus > 1 && n < 2 * cpus && n < MOST_CELLS)
        n *= 2;
    return n;
}

/* Every call goes the ways that ask ccpi_is_dead(): the breaker is not closed, no cell counts. */
static void forked(void *object)
{
    ccp_breaker *b = object;
    for (uint32_t i = 0; i <= b->cell_mask; i++)
        atomic_store_explicit(&b->cells[i].word, 0, CCPI_RLX); /* there is no other thread */
    uint64_t s = atomic_load_explicit(&b->state, CCPI_RLX) & ~(uint64_t)7;
    atomic_store_explicit(&b->state, s | CCP_BREAKER_HALF_OPEN, CCPI_RLX); /* as above */
}

static const ccpi_kind kind = { "circuit breaker", "ccp_breaker_", NULL, forked };

static void release_memory(ccp_breaker *b)
{
    ccpi_untrack(b);
    ccpi_free_lines(b->cells);
    ccpi_free(b->buckets);
    ccpi_free(b);
}

ccp_breaker *ccp_breaker_new(const ccp_breaker_opts *o)
{
    static const ccp_breaker_opts defaults;
    if (!o)
        o = &defaults;
    size_t size;
    if (!is_right(o) || !ccpi_size_mul_add(o->buckets, sizeof(ccpi_breaker_tally), 0, &size))
        return NULL;
    ccp_breaker *b = ccpi_alloc(sizeof *b);
    if (!b)
        return NULL;
    b->o = *o;
    fill_in(&b->o);
    uint32_t cells = cells_wanted();
    b->cell_mask = cells - 1;
    b->cells = ccpi_alloc_lines(cells * sizeof(ccpi_breaker_cell));
    if (b->o.buckets > 1)
        b->buckets = ccpi_alloc(size);
    if (!b->cells || (b->o.buckets > 1 && !b->buckets)) {
        release_memory(b);
        return NULL;
    }
    b->bucket_ns = o->window_ns / b->o.buckets + (o->window_ns % b->o.buckets != 0);
    b->stopped = true;
    ccpi_lock_acquire(&b->lock);
    ccpi_breaker_begin(b, CCP_BREAKER_CLOSED, ccpi_clock_now());
    ccpi_lock_release(&b->lock);
    ccpi_track(b, &kind, b->o.name);
    return b;
}

/* ---- Cells ---- */

static ccpi_breaker_cell *cell_here(ccp_breaker *b)
{
    return &b->cells[ccpi_rand_last() & b->cell_mask];
}

/* Counts a success without the lock, if that can be done.  LP: the exchange. */
CCPI_INLINE bool count_in_cell(ccp_breaker *b, uint64_t generation)
{
    ccpi_breaker_cell *c = cell_here(b);
    uint64_t w = atomic_load_explicit(&c->word, CCPI_RLX);
    for (;;) {
        if ((w & ~CCPI_CELL_COUNT) != CCPI_CELL_OF(generation) ||
            (w & CCPI_CELL_COUNT) == CCPI_CELL_COUNT)
            return false;
        if (CCPI_LIKELY(
                atomic_compare_exchange_weak_explicit(&c->word, &w, w + 1, CCPI_RLX, CCPI_RLX)))
            return true;
        (void)ccpi_rand(); /* another thread counts here: this one does it elsewhere */
        c = cell_here(b);
        w = atomic_load_explicit(&c->word, CCPI_RLX);
    }
}

/* ---- Asking ---- */

CCPI_INLINE void give(const ccp_breaker *b, uint64_t state, ccp_breaker_ticket *ticket)
{
    ticket->generation_ = CCPI_BREAKER_GENERATION(state);
    ticket->begun_ = b->o.slow_ns ? ccpi_clock_now() : 0;
}

static bool is_before(int64_t t)
{
    if (t == CCPI_NEVER)
        return true;
    int64_t now = ccpi_clock_coarse();
    if (now < t && t - now <= COARSE_LAG)
        now = ccpi_clock_now();
    return now < t;
}

/* Does it refuse at this moment?  Not when in doubt. */
static bool refuses(ccp_breaker *b, uint64_t s)
{
    if (!(s & CCPI_BREAKER_REFUSES))
        return false;
    /* [U2] acquire: if until is another state's, that is seen next.  Pairs with the release in
     * set_until(). */
    int64_t until = (int64_t)atomic_load_explicit(&b->until, CCPI_ACQ);
    /* Relaxed: after until, see above; nothing is read by it. */
    return is_before(until) && atomic_load_explicit(&b->state, CCPI_RLX) == s;
}

static CCPI_NOINLINE ccp_status allow_slow(ccp_breaker *b, uint64_t s, ccp_breaker_ticket *ticket)
{
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    if (refuses(b, s))
        return CCP_OPEN;
    ccpi_lock_acquire(&b->lock);
    int64_t now = ccpi_clock_now();
    if (ccpi_breaker_state(b) == CCP_BREAKER_OPEN && now >= ccpi_breaker_until(b))
        ccpi_breaker_begin(b, CCP_BREAKER_HALF_OPEN, now);
    ccp_breaker_state state = ccpi_breaker_state(b);
    bool yes = state == CCP_BREAKER_CLOSED ||
               (state == CCP_BREAKER_HALF_OPEN && ccpi_breaker_let_probe(b, now));
    if (yes)
        give(b, atomic_load_explicit(&b->state, CCPI_RLX), ticket); /* under lock */
    ccpi_breaker_leave(b);
    return yes ? CCP_OK : CCP_OPEN;
}

ccp_status ccp_breaker_allow(ccp_breaker *b, ccp_breaker_ticket *ticket)
{
    if (!b || !ticket)
        return CCP_INVAL;
    /* [U1] acquire: pairs with the release in publish(). */
    uint64_t s = atomic_load_explicit(&b->state, CCPI_ACQ);
    if (CCPI_UNLIKELY(CCPI_BREAKER_STATE(s) != CCP_BREAKER_CLOSED))
        return allow_slow(b, s, ticket);
    give(b, s, ticket);
    return CCP_OK;
}

/* ---- Reporting ---- */

static CCPI_NOINLINE ccp_status done_slow(ccp_breaker *b, uint64_t generation,
                                          ccp_breaker_verdict v, bool slow)
{
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    ccpi_lock_acquire(&b->lock);
    uint64_t present = ccpi_breaker_generation(b);
    bool known = generation == present ? ccpi_breaker_count(b, v, slow)
                                       : generation > 0 && generation < present;
    ccpi_breaker_leave(b);
    if (!known)
        return CCPI_MISUSE("ccp_breaker_done", "no call with that ticket is under way");
    return CCP_OK;
}

/* A function of the program that gets no lock: counted, so that the breaker is not freed. */
static ccpi_breaker_cell *enter_function(ccp_breaker *b)
{
    ccpi_breaker_cell *c = cell_here(b);
    /* Relaxed, as in leave_function(): who may free it has waited for the calls of others (Q8),
     * and sees its own. */
    atomic_fetch_add_explicit(&c->inside, 1, CCPI_RLX);
    return c;
}

static void leave_function(ccpi_breaker_cell *c)
{
    atomic_fetch_sub_explicit(&c->inside, 1, CCPI_RLX); /* see above */
}

static CCPI_NOINLINE ccp_breaker_verdict classify(ccp_breaker *b, ccp_status outcome)
{
    ccpi_breaker_cell *c = enter_function(b);
    ccp_breaker_verdict v = b->o.classify(outcome, b->o.arg);
    leave_function(c);
    return v == CCP_BREAKER_SUCCESS || v == CCP_BREAKER_EXCLUDED ? v : CCP_BREAKER_FAILURE;
}

CCPI_INLINE ccp_breaker_verdict verdict_of(ccp_breaker *b, ccp_status outcome)
{
    if (CCPI_UNLIKELY(b->o.classify))
        return classify(b, outcome);
    if (CCPI_LIKELY(outcome == CCP_OK))
        return CCP_BREAKER_SUCCESS;
    return outcome == CCP_CANCELED ? CCP_BREAKER_EXCLUDED : CCP_BREAKER_FAILURE;
}

/* Relaxed: see set_bucket_end(). */
CCPI_INLINE bool bucket_is_over(const ccp_breaker *b)
{
    return b->bucket_ns &&
           ccpi_clock_coarse() >= (int64_t)atomic_load_explicit(&b->bucket_end, CCPI_RLX);
}

ccp_status ccp_breaker_done(ccp_breaker *b, ccp_breaker_ticket ticket, ccp_status outcome)
{
    if (!b)
        return CCP_INVAL;
    ccp_breaker_verdict v = verdict_of(b, outcome);
    bool slow = b->o.slow_ns && ccpi_clock_now() - ticket.begun_ > b->o.slow_ns;
    if (CCPI_LIKELY(v == CCP_BREAKER_SUCCESS && !slow) && !bucket_is_over(b) &&
        count_in_cell(b, ticket.generation_))
        return CCP_OK;
    return done_slow(b, ticket.generation_, v, slow);
}

/* ---- Running ---- */

/* As if it had not asked. */
static void take_back(ccp_breaker *b, ccp_breaker_ticket t)
{
    ccpi_lock_acquire(&b->lock);
    if (ccpi_breaker_generation(b) == t.generation_ && b->probing > 0)
        ccpi_breaker_forget_probe(b);
    ccpi_breaker_leave(b);
}

ccp_status ccp_breaker_run(ccp_breaker *b, ccp_task fn, void *arg, ccp_status *outcome, ccp_wait w)
{
    if (!b || !fn)
        return CCP_INVAL;
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    ccp_breaker_ticket ticket;
    st = ccp_breaker_allow(b, &ticket);
    if (st != CCP_OK)
        return st;
    ccp_ctx *own = NULL, *ctx = w.ctx_;
    if (w.ns_ != INT64_MAX) {
        ctx = own = ccp_ctx_new(w.ctx_, ccp_under(NULL, w));
        st = own ? ccp_ctx_status(own) : CCP_NOMEM;
        if (st != CCP_OK) {
            take_back(b, ticket);
            ccpi_attempt_end(own);
            return st;
        }
    }
    ccpi_breaker_cell *c = enter_function(b);
    ccp_status result = fn(ctx, arg);
    st = result == CCP_OK ? CCP_OK : ccp_ctx_status(ctx);
    ccpi_attempt_end(own);
    (void)ccp_breaker_done(b, ticket, result);
    leave_function(c);
    if (outcome)
        *outcome = result;
    return result != CCP_OK && st == CCP_OK ? CCP_FAILED : st;
}

/* ---- By hand ---- */

ccp_status ccp_breaker_set(ccp_breaker *b, ccp_breaker_state state, bool hold)
{
    if (!b || (unsigned)state > CCP_BREAKER_HALF_OPEN || (hold && state == CCP_BREAKER_HALF_OPEN))
        return CCP_INVAL;
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    ccpi_lock_acquire(&b->lock);
    b->held = hold;
    ccpi_breaker_begin(b, state, ccpi_clock_now());
    ccpi_breaker_leave(b);
    return CCP_OK;
}

ccp_status ccp_breaker_get_info(ccp_breaker *b, ccp_breaker_info *out)
{
    if (!b || !out)
        return CCP_INVAL;
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    ccpi_lock_acquire(&b->lock);
    int64_t now = ccpi_clock_now();
    if (ccpi_breaker_state(b) == CCP_BREAKER_OPEN && now >= ccpi_breaker_until(b))
        ccpi_breaker_begin(b, CCP_BREAKER_HALF_OPEN, now);
    ccpi_breaker_stop(b);
    ccp_breaker_state state = ccpi_breaker_state(b);
    if (state == CCP_BREAKER_CLOSED)
        ccpi_breaker_roll(b, now);
    *out = (ccp_breaker_info){ .state = state,
                               .held = b->held,
                               .generation = ccpi_breaker_generation(b),
                               .counts = b->counts,
                               .probing = b->probing,
                               .until = state == CCP_BREAKER_OPEN ? ccpi_breaker_until(b) : 0,
                               .name = b->o.name };
    ccpi_breaker_leave(b);
    return CCP_OK;
}

const char *ccp_breaker_state_name(ccp_breaker_state state)
{
    static const char *const names[] = { "closed", "open", "half-open" };
    return (unsigned)state <= CCP_BREAKER_HALF_OPEN ? names[state] : "?";
}

/* ---- Freeing ---- */

ccp_status ccp_breaker_free(ccp_breaker *b)
{
    if (!b)
        return CCP_OK;
    if (ccpi_is_dead(b)) {
        release_memory(b);
        return CCP_OK;
    }
    ccpi_lock_acquire(&b->lock);
    uint32_t inside = b->inside + b->telling;
    ccpi_lock_release(&b->lock);
    for (uint32_t i = 0; i <= b->cell_mask; i++)
        inside += atomic_load_explicit(&b->cells[i].inside, CCPI_RLX); /* see enter_function() */
    if (inside)
        return CCP_BUSY;
    release_memory(b);
    return CCP_OK;
}
