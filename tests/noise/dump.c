/* SPDX-License-Identifier: MIT
 *
 * The inside of a channel, for the report of a hang.
 */
#include "harness.h"

#include "block/waiter.h"
#include "chan/chan.h"
#include "chan/crowd.h"
#include "chan/ring.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>

static void dump_info(const char *name, ccp_chan *ch)
{
    ccp_chan_info i;
    if (ccp_chan_get_info(ch, &i) != CCP_OK)
        return;
    fprintf(stderr,
            "channel %s: size %zu, capacity %zu, len %zu, high %zu, waiting senders %zu, "
            "receivers %zu, sent %" PRIu64 ", received %" PRIu64 "%s\n",
            name, i.elem_size, i.capacity, i.len, i.high_water, i.waiting_senders,
            i.waiting_receivers, i.sent, i.received, i.closed ? ", closed" : "");
}

static void dump_words(const ccp_chan *c)
{
    static const char *const sides[] = { "receivers", "senders" };
    for (int s = 0; s < 2; s++) {
        uint64_t crowd = atomic_load(&c->crowd[s]);
        fprintf(stderr, "  crowd of %s: parked %" PRIu32 ", active %" PRIu32 "\n", sides[s],
                ccpi_crowd_parked(crowd), ccpi_crowd_active(crowd));
    }
    fprintf(stderr, "  tail %#" PRIx64 ", head %#" PRIx64 ", mark %#" PRIx64 ", lap %#" PRIx64
            ", closed %" PRIu32 ", lock %" PRIu32 ", senders %" PRIu32 "\n",
            atomic_load(&c->tail), atomic_load(&c->head), c->mark, c->lap,
            atomic_load(&c->closed), atomic_load(&c->lock.word), atomic_load(&c->senders));
}

static void dump_slots(const ccp_chan *c)
{
    if (c->flavor != CCPI_RING && c->flavor != CCPI_MEET)
        return;
    for (uint64_t i = 0; i < c->capacity && i < 64; i++)
        fprintf(stderr, "  slot %" PRIu64 ": stamp %#" PRIx64 "\n", i,
                atomic_load(&ccpi_ring_slot(c, c->mark - c->capacity + i)->stamp));
}

/* The queues may be walked under the lock only; a hang may have left it held. */
static bool try_lock(ccp_chan *c)
{
    for (int i = 0; i < 100000; i++) {
        uint32_t unlocked = 0;
        if (atomic_compare_exchange_strong(&c->lock.word, &unlocked, 1))
            return true;
        sched_yield();
    }
    return false;
}

static void dump_queues(ccp_chan *c)
{
    if (!try_lock(c)) {
        fprintf(stderr, "  the lock is held: no look at the queues\n");
        return;
    }
    for (int s = 0; s < 2; s++)
        for (ccpi_link *l = c->parked[s].first; l; l = l->next) {
            ccpi_node *n = CCPI_NODE(l);
            fprintf(stderr, "  parked %s: case %" PRIu32 ", verdict %#" PRIx32 ", parker %" PRIu32
                    "\n", s ? "sender" : "receiver", n->index, atomic_load(&n->waiter->verdict),
                    atomic_load(&n->waiter->parker->word));
        }
    ccpi_lock_release(&c->lock);
}

void dump_chan(const char *name, ccp_chan *ch)
{
    dump_info(name, ch);
    dump_words(ch);
    dump_slots(ch);
    dump_queues(ch);
}
