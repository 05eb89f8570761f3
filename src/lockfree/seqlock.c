/* SPDX-License-Identifier: MIT
 *
 * Seqlocks: readers copy without writing anything, and look afterwards whether a writer came.
 *
 *   seq_   even: nobody writes; odd: a writer is inside.  Grows by 1 when one enters and when it
 *          leaves.  64 bits also on 32-bit machines: in 32 a reader that loses its processor for
 *          half a minute could meet the same number again.
 *   data   the program's; only copied here, word by word, by atomics.  Always the same words, since
 *          their bounds depend on its address and size only.
 *
 * Invariants
 *   S1  Only who made seq_ odd stores to the data, and makes it even again: one writer at a time.
 *   S2  Each word is stored with release after seq_ became odd, and loaded with acquire.  So a
 *       reader that has got a word of a later write finds a later seq_ when it looks again, and
 *       what it copied between two looks at the same even seq_ is what the last writer before left.
 *
 * S2 needs no fence standing alone, which race detectors do not understand (A3).  Where loads and
 * stores have these orders anyway, as on x86, it costs nothing; elsewhere one such instruction a
 * word.
 */
#include "base/check.h"
#include "base/machine.h"

#define WRITING ((uint64_t)1)

/* Tries until a call gives up, with a pause where a writer is inside: 1.5 us were measured, where a
 * writer that copies 4 KiB was inside for 0.4 us.  One that has lost its processor is there for
 * milliseconds, and that is for the caller to decide about. */
#define TRIES 64

/* Words may be any type of the program's. */
typedef _Atomic uintptr_t __attribute__((may_alias)) data_word;
typedef _Atomic unsigned char data_byte;

CCPI_INLINE ccpi_word64 *seq_of(const ccp_seqlock *s)
{
    return ccpi_atomic64((uint64_t *)(uintptr_t)&s->seq_);
}

CCPI_INLINE bool can_be_copied(const void *shared, const void *own, size_t size)
{
    return shared && own && size != 0 && (uintptr_t)shared % sizeof(data_word) == 0;
}

CCPI_INLINE void get(unsigned char *dst, const void *src, size_t size)
{
    data_word *word = (data_word *)(uintptr_t)src;
    for (; size >= sizeof *word; size -= sizeof *word, word++, dst += sizeof *word) {
        /* [SL1] acquire: pairs with the release in put(), S2. */
        uintptr_t v = atomic_load_explicit(word, CCPI_ACQ);
        memcpy(dst, &v, sizeof v);
    }
    data_byte *byte = (data_byte *)word;
    for (; size; size--)
        *dst++ = atomic_load_explicit(byte++, CCPI_ACQ); /* [SL1] likewise */
}

static void put(void *dst, const unsigned char *src, size_t size)
{
    data_word *word = dst;
    for (; size >= sizeof *word; size -= sizeof *word, word++, src += sizeof *word) {
        uintptr_t v;
        memcpy(&v, src, sizeof v);
        /* [SL1] release: who gets this word sees that seq_ became odd, S2. */
        atomic_store_explicit(word, v, CCPI_REL);
    }
    data_byte *byte = (data_byte *)word;
    for (; size; size--)
        atomic_store_explicit(byte++, *src++, CCPI_REL); /* [SL1] likewise */
}

/* Copies, unless a writer is inside, or comes. */
CCPI_INLINE bool try_read(const ccp_seqlock *s, void *dst, const void *src, size_t size)
{
    /* [SL2] acquire: pairs with the release in ccp_seqlock_leave().  LP. */
    uint64_t before = atomic_load_explicit(seq_of(s), CCPI_ACQ);
    if (CCPI_UNLIKELY(before & WRITING))
        return false;
    get(dst, src, size);
    /* Relaxed: it comes after the loads of the data, which acquire. */
    return CCPI_LIKELY(atomic_load_explicit(seq_of(s), CCPI_RLX) == before);
}

static CCPI_COLD ccp_status read_slow(const ccp_seqlock *s, void *dst, const void *src,
                                      size_t size)
{
    for (unsigned tries = 1; tries < TRIES; tries++) {
        /* Relaxed: whether to pause.  Who was overtaken tries again before the next one comes. */
        if (atomic_load_explicit(seq_of(s), CCPI_RLX) & WRITING)
            ccpi_relax();
        if (try_read(s, dst, src, size))
            return CCP_OK;
    }
    return CCP_AGAIN;
}

ccp_status ccp_seqlock_read(const ccp_seqlock *s, void *dst, const void *src, size_t size)
{
    if (!s || !can_be_copied(src, dst, size))
        return CCP_INVAL;
    return CCPI_LIKELY(try_read(s, dst, src, size)) ? CCP_OK : read_slow(s, dst, src, size);
}

CCPI_INLINE bool try_enter(ccp_seqlock *s)
{
    uint64_t seq = atomic_load_explicit(seq_of(s), CCPI_RLX);
    /* [SL2] acquire: of what the writer before did.  What is put afterwards releases this. */
    return CCPI_LIKELY(!(seq & WRITING) &&
                       atomic_compare_exchange_strong_explicit(seq_of(s), &seq, seq + WRITING,
                                                               CCPI_ACQ, CCPI_RLX));
}

static CCPI_COLD ccp_status enter_slow(ccp_seqlock *s)
{
    for (unsigned tries = 1; tries < TRIES; tries++) {
        ccpi_relax();
        if (try_enter(s))
            return CCP_OK;
    }
    return CCP_AGAIN;
}

ccp_status ccp_seqlock_enter(ccp_seqlock *s)
{
    if (!s)
        return CCP_INVAL;
    return CCPI_LIKELY(try_enter(s)) ? CCP_OK : enter_slow(s);
}

ccp_status ccp_seqlock_put(void *dst, const void *src, size_t size)
{
    if (!can_be_copied(dst, src, size))
        return CCP_INVAL;
    put(dst, src, size);
    return CCP_OK;
}

ccp_status ccp_seqlock_leave(ccp_seqlock *s)
{
    if (!s)
        return CCP_INVAL;
    /* Relaxed: only the caller may change it now, S1. */
    uint64_t seq = atomic_load_explicit(seq_of(s), CCPI_RLX);
    if (!(seq & WRITING))
        return CCPI_MISUSE("ccp_seqlock_leave", "no writer is inside");
    /* [SL2] release: the data, to readers and the next writer.  LP. */
    atomic_store_explicit(seq_of(s), seq + 1, CCPI_REL);
    return CCP_OK;
}

ccp_status ccp_seqlock_write(ccp_seqlock *s, void *dst, const void *src, size_t size)
{
    if (!s || !can_be_copied(dst, src, size))
        return CCP_INVAL;
    ccp_status st = ccp_seqlock_enter(s);
    if (st != CCP_OK)
        return st;
    put(dst, src, size);
    return ccp_seqlock_leave(s);
}
