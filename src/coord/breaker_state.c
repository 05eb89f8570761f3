/* SPDX-License-Identifier: MIT
 *
 * Circuit breakers: what happens under the lock.
 */
/* uses: breaker */
#include "base/machine.h"
#include "coord/breaker.h"

/* ---- Cells ---- */

void ccpi_breaker_stop(ccp_breaker *b)
{
    if (b->stopped)
        return;
    uint64_t n = 0;
    for (uint32_t i = 0; i <= b->cell_mask; i++)
        /* Relaxed: a word by itself; what it counts publishes nothing. */
        n += atomic_exchange_explicit(&b->cells[i].word, 0, CCPI_RLX) & CCPI_CELL_COUNT;
    b->stopped = true;
    b->counts.successes += n;
    b->counts.consecutive_successes += n;
    if (b->buckets)
        b->buckets[b->at].successes += n;
}

/* B1, at the end of a section. */
static void go_on(ccp_breaker *b)
{
    uint64_t s = atomic_load_explicit(&b->state, CCPI_RLX); /* under lock */
    if (!b->stopped || CCPI_BREAKER_STATE(s) != CCP_BREAKER_CLOSED ||
        b->counts.consecutive_failures > 0)
        return;
    for (uint32_t i = 0; i <= b->cell_mask; i++)
        /* Relaxed: as in ccpi_breaker_stop(). */
        atomic_store_explicit(&b->cells[i].word, CCPI_CELL_OF(CCPI_BREAKER_GENERATION(s)),
                              CCPI_RLX);
    b->stopped = false;
}

/* ---- State ---- */

static void set_until(ccp_breaker *b, int64_t t)
{
    /* [U2] release: whoever reads it finds the state of before replaced (B3).  Pairs with the
     * acquire in refuses(). */
    atomic_store_explicit(&b->until, (uint64_t)t, CCPI_REL);
}

static void publish(ccp_breaker *b, uint64_t word)
{
    /* [U1] release: until.  Pairs with the acquire in ccp_breaker_allow(). */
    atomic_store_explicit(&b->state, word, CCPI_REL);
}

static void note_change(ccp_breaker *b, ccp_breaker_state from, ccp_breaker_state to)
{
    if (from == to || !b->o.on_change)
        return;
    if (b->changes < CCPI_BREAKER_CHANGES) {
        b->change[(b->first_change + b->changes++) % CCPI_BREAKER_CHANGES] =
            (ccpi_breaker_change){ from, to };
        return;
    }
    ccpi_breaker_change *last =
        &b->change[(b->first_change + CCPI_BREAKER_CHANGES - 1) % CCPI_BREAKER_CHANGES];
    last->to = to;
    if (last->from == to)
        b->changes--;
}

static void set_bucket_end(ccp_breaker *b, int64_t t)
{
    /* Relaxed: a hint for those without the lock, that the time has come. */
    atomic_store_explicit(&b->bucket_end, (uint64_t)t, CCPI_RLX);
}

/* Q3.  Cells must have been stopped. */
void ccpi_breaker_begin(ccp_breaker *b, ccp_breaker_state state, int64_t now)
{
    ccp_breaker_state from = ccpi_breaker_state(b);
    ccpi_breaker_stop(b);
    b->counts = (ccp_breaker_counts){ 0 };
    b->probing = 0;
    for (unsigned i = 0; b->buckets && i < b->o.buckets; i++)
        b->buckets[i] = (ccpi_breaker_tally){ 0 };
    set_bucket_end(b, b->bucket_ns ? ccpi_time_after(now, b->bucket_ns) : CCPI_NEVER);
    uint64_t word = (ccpi_breaker_generation(b) + 1) << 3 | (uint64_t)state;
    if (state == CCP_BREAKER_OPEN) {
        publish(b, word); /* B3 */
        set_until(b, b->held ? CCPI_NEVER : ccpi_time_after(now, b->o.open_ns));
        word |= CCPI_BREAKER_REFUSES;
    }
    publish(b, word);
    note_change(b, from, state);
    go_on(b);
}

/* Ends a section: tells what changed, unless another thread does so already (B6). */
void ccpi_breaker_leave(ccp_breaker *b)
{
    go_on(b);
    if (CCPI_LIKELY(b->changes == 0 || b->telling)) {
        ccpi_lock_release(&b->lock);
        return;
    }
    b->telling = true;
    while (b->changes > 0) {
        ccpi_breaker_change c = b->change[b->first_change];
        b->first_change = (b->first_change + 1) % CCPI_BREAKER_CHANGES;
        b->changes--;
        ccpi_lock_release(&b->lock);
        b->o.on_change(b->o.name, c.from, c.to, b->o.arg);
        ccpi_lock_acquire(&b->lock);
    }
    b->telling = false;
    ccpi_lock_release(&b->lock);
}

/* ---- Counting, under the lock ---- */

static void subtract(ccp_breaker_counts *c, const ccpi_breaker_tally *t)
{
    c->successes -= t->successes;
    c->failures -= t->failures;
    c->excluded -= t->excluded;
    c->slow -= t->slow;
    if (c->consecutive_successes > c->successes)
        c->consecutive_successes = c->successes;
    if (c->consecutive_failures > c->failures)
        c->consecutive_failures = c->failures;
}

void ccpi_breaker_roll(ccp_breaker *b, int64_t now)
{
    int64_t end = (int64_t)atomic_load_explicit(&b->bucket_end, CCPI_RLX); /* under lock */
    if (now < end)
        return;
    int64_t more = (now - end) / b->bucket_ns; /* that have gone by beside this one */
    set_bucket_end(b, ccpi_time_after(end + more * b->bucket_ns, b->bucket_ns));
    if (!b->buckets) {
        b->counts = (ccp_breaker_counts){ 0 };
        return;
    }
    for (unsigned i = 0; i < b->o.buckets && i <= more; i++) {
        b->at = (b->at + 1) % b->o.buckets;
        subtract(&b->counts, &b->buckets[b->at]);
        b->buckets[b->at] = (ccpi_breaker_tally){ 0 };
    }
}

static void count(ccp_breaker *b, ccp_breaker_verdict v, bool slow)
{
    ccpi_breaker_tally nowhere = { 0 };
    ccpi_breaker_tally *t = b->buckets ? &b->buckets[b->at] : &nowhere;
    ccp_breaker_counts *c = &b->counts;
    if (v == CCP_BREAKER_EXCLUDED) {
        c->excluded++;
        t->excluded++;
        return;
    }
    if (slow) {
        c->slow++;
        t->slow++;
    }
    if (v == CCP_BREAKER_SUCCESS) {
        c->successes++;
        t->successes++;
        c->consecutive_successes++;
        c->consecutive_failures = 0;
    } else {
        c->failures++;
        t->failures++;
        c->consecutive_failures++;
        c->consecutive_successes = 0;
    }
}

/* ---- Closed, under the lock ---- */

static bool breaks_a_rule(const ccp_breaker *b)
{
    const ccp_breaker_counts *c = &b->counts;
    const ccp_breaker_opts *o = &b->o;
    if (o->failures && c->consecutive_failures >= o->failures)
        return true;
    uint64_t all = c->successes + c->failures;
    if (all < o->min_results)
        return false;
    return (o->failure_ratio > 0 && (double)c->failures >= o->failure_ratio * (double)all) ||
           (o->slow_ratio > 0 && (double)c->slow >= o->slow_ratio * (double)all);
}

/* Asks the program, for a moment without the lock. */
static bool is_tripped(ccp_breaker *b)
{
    if (breaks_a_rule(b))
        return true;
    if (!b->o.trip)
        return false;
    ccp_breaker_counts c = b->counts;
    uint64_t generation = ccpi_breaker_generation(b);
    b->inside++;
    ccpi_lock_release(&b->lock);
    bool yes = b->o.trip(&c, b->o.arg);
    ccpi_lock_acquire(&b->lock);
    b->inside--;
    return yes && ccpi_breaker_generation(b) == generation;
}

static void done_closed(ccp_breaker *b, ccp_breaker_verdict v, bool slow)
{
    ccpi_breaker_stop(b);
    ccpi_breaker_roll(b, ccpi_clock_now());
    count(b, v, slow);
    bool bad = v == CCP_BREAKER_FAILURE || (slow && v == CCP_BREAKER_SUCCESS);
    if (bad && !b->held && is_tripped(b))
        ccpi_breaker_begin(b, CCP_BREAKER_OPEN, ccpi_clock_now());
}

/* ---- Half-open, under the lock ---- */

/* R says whether another call would be refused: it follows what was counted (Q2). */
static void update_places(ccp_breaker *b)
{
    bool full = b->probing >= b->o.probes ||
                (!b->o.judge && b->probing + b->counts.successes >= b->o.close_after);
    uint64_t s = atomic_load_explicit(&b->state, CCPI_RLX); /* under lock */
    publish(b, full ? s | CCPI_BREAKER_REFUSES : s & ~CCPI_BREAKER_REFUSES);
}

static ccp_breaker_state judge(ccp_breaker *b, ccp_breaker_verdict v, bool slow)
{
    const ccp_breaker_opts *o = &b->o;
    if (v == CCP_BREAKER_EXCLUDED)
        return CCP_BREAKER_HALF_OPEN;
    if (!o->judge) {
        if (v == CCP_BREAKER_FAILURE || (slow && o->slow_ratio > 0))
            return CCP_BREAKER_OPEN;
        return b->counts.successes >= o->close_after ? CCP_BREAKER_CLOSED : CCP_BREAKER_HALF_OPEN;
    }
    ccp_breaker_counts c = b->counts;
    uint64_t generation = ccpi_breaker_generation(b);
    b->inside++;
    ccpi_lock_release(&b->lock);
    ccp_breaker_state to = o->judge(&c, o->arg);
    ccpi_lock_acquire(&b->lock);
    b->inside--;
    return ccpi_breaker_generation(b) == generation ? to : CCP_BREAKER_HALF_OPEN;
}

static void done_probe(ccp_breaker *b, ccp_breaker_verdict v, bool slow)
{
    b->probing--; /* B4 */
    count(b, v, slow);
    update_places(b);
    ccp_breaker_state to = judge(b, v, slow);
    if (to == CCP_BREAKER_CLOSED || to == CCP_BREAKER_OPEN)
        ccpi_breaker_begin(b, to, ccpi_clock_now());
}

/* Q6: takes the places from those who do not come back. */
bool ccpi_breaker_let_probe(ccp_breaker *b, int64_t now)
{
    if (atomic_load_explicit(&b->state, CCPI_RLX) & CCPI_BREAKER_REFUSES) { /* under lock */
        if (now < ccpi_breaker_until(b))
            return false;
        ccpi_breaker_begin(b, CCP_BREAKER_HALF_OPEN, now);
    }
    b->probing++;
    /* B3: until changes only while R is not set. */
    set_until(b, ccpi_time_after(now, b->o.probe_ns));
    update_places(b);
    return true;
}

bool ccpi_breaker_count(ccp_breaker *b, ccp_breaker_verdict v, bool slow)
{
    if (ccpi_breaker_state(b) == CCP_BREAKER_CLOSED)
        done_closed(b, v, slow);
    else if (b->probing > 0)
        done_probe(b, v, slow);
    else
        return false;
    return true;
}

void ccpi_breaker_forget_probe(ccp_breaker *b)
{
    b->probing--;
    update_places(b);
}
