/* SPDX-License-Identifier: MIT
 *
 * The stack whose nodes are the program's, and lie in one piece of memory.
 *
 * Representation  A place is the distance of a node from the beginning of the memory, in units of
 *                 a node's alignment, and 1: so 0 is no place.  The head is a place, with a number
 *                 above it that counts pushes, in as many bits as the places leave.  The link of a
 *                 node is the place of the node below it, and 1: so 0 is the link of a node that is
 *                 in no stack.
 * Invariants
 *   ST1  Each push gives the head a number that it has not had before, until the numbers wrap.
 *   ST2  Without a push the head only goes down, to places where it has not been since.  So while
 *        it is the same it has always been the same, and the link that was read at its place is
 *        the one of now: a node that was taken out and put in again meanwhile (ABA) is noticed.
 *   ST3  A node may be taken out, and belong to another thread, while a pop still reads its link.
 *        Links are atomic, therefore, and the memory must stay; what was read is then thrown away.
 * Why so          A pointer with a number beside it needs an atomic of two words, which C11 has
 *                 without a lock on some processors only; hazard pointers or RCU would make a pop
 *                 cost more than a lock.  Places are half a word everywhere, and stacks are mostly
 *                 lists of free nodes, which come from one piece of memory anyway.
 * Progress        Lock-free.
 */
#include "base/check.h"

#include "base/atomic.h"

enum { UNIT = sizeof(uint32_t) };

static ccpi_word32 *link_of(ccp_stack_node *node)
{
    return ccpi_atomic32(&node->below_);
}

static ccp_stack_node *node_at(const ccp_stack *s, uint64_t place)
{
    return (ccp_stack_node *)(void *)((unsigned char *)s->memory_ + (size_t)(place - 1) * UNIT);
}

/* The bits of the head that are a place. */
static uint64_t places(const ccp_stack *s)
{
    uint64_t most = s->size_ / UNIT; /* >= 1 */
    return UINT64_MAX >> __builtin_clzll(most);
}

/* The node's place; 0: it has none. */
static uint64_t place_of(const ccp_stack *s, const ccp_stack_node *node)
{
    uintptr_t at = (uintptr_t)node - (uintptr_t)s->memory_;
    return at % UNIT == 0 && s->size_ >= sizeof *node && at <= s->size_ - sizeof *node
               ? at / UNIT + 1
               : 0;
}

ccp_status ccp_stack_init(ccp_stack *s, void *memory, size_t size)
{
    if (!s || !memory || (uintptr_t)memory % UNIT != 0 || size < sizeof(ccp_stack_node) ||
        size / UNIT > UINT32_MAX - 2)
        return CCP_INVAL;
    s->memory_ = memory;
    s->size_ = size;
    /* Relaxed: nobody else may use it yet. */
    atomic_store_explicit(ccpi_atomic64(&s->head_), 0, CCPI_RLX);
    return CCP_OK;
}

ccp_status ccp_stack_push(ccp_stack *s, ccp_stack_node *node)
{
    uint64_t place = s && node ? place_of(s, node) : 0;
    if (CCPI_UNLIKELY(place == 0))
        return CCP_INVAL;
    /* Relaxed: it is the caller's, if he keeps to the rules. */
    if (CCPI_UNLIKELY(atomic_load_explicit(link_of(node), CCPI_RLX) != 0))
        return CCPI_MISUSE("ccp_stack_push", "a node is in one stack at a time");
    uint64_t mask = places(s), now;
    /* Relaxed: nothing is read at that place. */
    uint64_t head = atomic_load_explicit(ccpi_atomic64(&s->head_), CCPI_RLX);
    do {
        /* Relaxed: published by the compare-and-swap. */
        atomic_store_explicit(link_of(node), (uint32_t)(head & mask) + 1, CCPI_RLX);
        now = (head & ~mask) + mask + 1 + place; /* ST1 */
        /* [TS1] release: the link, and what was done to the node's struct.  Pairs with
         * ccp_stack_pop(): also with one that finds the node only after those above it were taken
         * out, as each change of the head goes on from the one before.  [TS2] seq_cst: who finds
         * the stack empty after it has returned would be wrong (LQ10).  LP. */
    } while (!atomic_compare_exchange_weak_explicit(ccpi_atomic64(&s->head_), &head, now, CCPI_SC,
                                                    CCPI_RLX));
    return CCP_OK;
}

ccp_status ccp_stack_pop(ccp_stack *s, ccp_stack_node **node)
{
    if (CCPI_UNLIKELY(!s || !node || s->size_ == 0))
        return CCP_INVAL;
    uint64_t mask = places(s), now;
    ccp_stack_node *top;
    /* [TS1] acquire: the link of the node, and its struct.  [TS2] seq_cst: a push that ended before
     * this call began is seen.  Both pair with ccp_stack_push(). */
    uint64_t head = atomic_load_explicit(ccpi_atomic64(&s->head_), CCPI_SC);
    do {
        if ((head & mask) == 0)
            return CCP_AGAIN; /* LP(empty): the load that found it */
        top = node_at(s, head & mask);
        /* Relaxed: ST2, ST3. */
        uint32_t below = atomic_load_explicit(link_of(top), CCPI_RLX);
        now = (head & ~mask) | ((below - 1) & mask);
        /* [TS1] [TS2] as above, where it fails; C11 allows no weaker one where it does not.  LP. */
    } while (!atomic_compare_exchange_weak_explicit(ccpi_atomic64(&s->head_), &head, now, CCPI_SC,
                                                    CCPI_SC));
    /* Relaxed: it is the caller's now. */
    atomic_store_explicit(link_of(top), 0, CCPI_RLX);
    *node = top;
    return CCP_OK;
}
