/* SPDX-License-Identifier: MIT
 *
 * Descriptors of channels; the invariants are in poll.h.
 */
/* uses: chan crowd */
#include "chan/poll.h"

#include "base/mem.h"
#include "chan/crowd.h"

/* Changes it, if it is not so already; false if it is. */
static bool set_armed_locked(ccp_chan *c, ccpi_poll *p, ccpi_side s, bool armed)
{
    if (ccpi_poll_is_armed(p, s) == armed)
        return false;
    atomic_store_explicit(&p->armed[s], armed, CCPI_RLX); /* as ccpi_poll_is_armed() */
    if (c->flavor != CCPI_MEET) /* P2, P3 */
        ccpi_crowd_add(c, s, armed ? CCPI_PARKED_ONE : -CCPI_PARKED_ONE);
    return true;
}

void ccpi_poll_tell_slow_locked(ccp_chan *c, ccpi_side s)
{
    ccpi_poll *p = ccpi_poll_of(c);
    if (set_armed_locked(c, p, s, false))
        ccpi_event_raise(&p->event[s]);
}

static bool is_ready_locked(const ccp_chan *c, ccpi_side s)
{
    if (c->flavor != CCPI_MEET)
        return ccpi_chan_ready(c, s);
    return ccpi_chan_closed(c) || c->parked[ccpi_other(s)].first;
}

/* P4 */
static void arm_locked(ccp_chan *c, ccpi_poll *p, ccpi_side s)
{
    if (!set_armed_locked(c, p, s, true))
        return;
    if (is_ready_locked(c, s))
        ccpi_poll_tell_slow_locked(c, s);
    else
        ccpi_event_lower(&p->event[s]);
}

CCPI_NOINLINE void ccpi_poll_again_slow(ccp_chan *c, ccpi_side s)
{
    ccpi_lock_acquire(&c->lock);
    ccpi_poll *p = ccpi_poll_of(c);
    if (p->made[s])
        arm_locked(c, p, s);
    ccpi_lock_release(&c->lock);
}

/* Makes what a side needs, as far as it is not there; false if that cannot be had. */
static bool make_locked(ccp_chan *c, ccpi_side s, ccpi_poll **fresh)
{
    if (!ccpi_poll_of(c)) {
        atomic_store_explicit(&c->poll, *fresh, CCPI_RLX); /* as ccpi_poll_of() */
        *fresh = NULL;
    }
    ccpi_poll *p = ccpi_poll_of(c);
    if (p && !p->made[s])
        p->made[s] = ccpi_event_open(&p->event[s]);
    return p && p->made[s];
}

ccp_status ccp_chan_fd(ccp_chan *ch, ccp_poll what, int *fd)
{
    if (!ch || !fd || ch->flavor == CCPI_TIMER || (what != CCP_POLL_RECV && what != CCP_POLL_SEND))
        return CCP_INVAL;
    if (ch->flavor == CCPI_DEAD)
        return CCP_FORKED;
    ccpi_side s = what == CCP_POLL_RECV ? CCPI_RECEIVERS : CCPI_SENDERS;
    ccpi_poll *fresh = ccpi_poll_of(ch) ? NULL : ccpi_alloc(sizeof *fresh);
    ccpi_lock_acquire(&ch->lock);
    bool made = make_locked(ch, s, &fresh);
    if (made) {
        arm_locked(ch, ccpi_poll_of(ch), s);
        *fd = ccpi_poll_of(ch)->event[s].fd;
    }
    ccpi_lock_release(&ch->lock);
    ccpi_free(fresh);
    return made ? CCP_OK : CCP_NOMEM;
}

CCPI_COLD void ccpi_poll_free_slow(ccp_chan *c)
{
    ccpi_poll *p = ccpi_poll_of(c);
    for (int s = 0; s < 2; s++) {
        (void)set_armed_locked(c, p, (ccpi_side)s, false);
        if (p->made[s])
            ccpi_event_close(&p->event[s]);
    }
    ccpi_free(p);
}
