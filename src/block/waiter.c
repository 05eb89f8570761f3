/* SPDX-License-Identifier: MIT
 *
 * Sleeping and waking of one waiter; the invariants are in waiter.h.  Every thread that sleeps in
 * the library sleeps in ccpi_waiter_sleep().
 */
/* uses: sleepers */
#include "block/waiter.h"

#include "base/fds.h"
#include "base/track.h"
#include "block/sleepers.h"

CCPI_COLD void ccpi_waiter_raise(const ccpi_waiter *w)
{
    ccpi_event_raise(&w->fds->event);
}

bool ccpi_waiter_wake(ccpi_waiter *w)
{
    ccpi_parker *p = w->parker;
    if (!ccpi_waiter_post(w))
        return false;
    ccpi_word_wake(&p->word);
    return true;
}

static uint32_t verdict_of(ccpi_waiter *w)
{
    /* Relaxed: read by the waiter after it took the token, or after its own claim. */
    return atomic_load_explicit(&w->verdict, CCPI_RLX);
}

uint32_t ccpi_waiter_give_up(ccpi_waiter *w)
{
    if (!ccpi_waiter_claim(w, CCPI_GAVE_UP)) {
        ccpi_park(w->parker, CCPI_NEVER); /* V2: the token is on its way */
        if (w->fds)
            ccpi_event_lower(&w->fds->event); /* V5 */
    }
    return verdict_of(w);
}

/* V5.  What the descriptors are is for the caller to see. */
static CCPI_COLD uint32_t sleep_in_poll(ccpi_waiter *w, int64_t deadline)
{
    ccpi_fds_sleep(w->fds, deadline);
    return ccpi_waiter_give_up(w);
}

static uint32_t sleep_until(ccpi_waiter *w, int64_t deadline)
{
    if (w->fds)
        return sleep_in_poll(w, deadline);
    if (!ccpi_park(w->parker, deadline))
        return ccpi_waiter_give_up(w);
    return verdict_of(w);
}

static CCPI_COLD uint32_t sleep_on_record(ccpi_waiter *w, int64_t deadline)
{
    ccpi_sleeper s;
    ccpi_sleepers_enter(&s, w, deadline);
    uint32_t verdict = sleep_until(w, deadline);
    if (ccpi_sleepers_leave(&s))
        ccpi_self_get()->deadlocked = true;
    return verdict;
}

uint32_t ccpi_waiter_sleep(ccpi_waiter *w, int64_t deadline)
{
    return ccpi_tracks() ? sleep_on_record(w, deadline) : sleep_until(w, deadline);
}

int ccpi_queue_claim_all(ccpi_list *q, ccpi_list *won)
{
    int n_out = 0;
    for (; q->first; n_out++) {
        ccpi_node *n = CCPI_NODE(q->first);
        ccpi_queue_remove(q, n);
        if (ccpi_waiter_claim(n->waiter, n->index + 1))
            ccpi_list_append(won, &n->link);
    }
    return n_out;
}

void ccpi_wake_all(ccpi_list *won)
{
    for (ccpi_link *l = won->first, *next; l; l = next) {
        next = l->next; /* V3: the node is gone after the wake */
        ccpi_waiter_wake(CCPI_NODE(l)->waiter);
    }
}
