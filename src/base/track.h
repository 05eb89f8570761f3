/* SPDX-License-Identifier: MIT
 *
 * The table of the library's objects: what there is, by which name, since when.  Off until the
 * program asks for it; then making and freeing an object costs a lock of one of many shards and a
 * block of memory beside the object, which itself has nothing of it.
 *
 *   T1  A record is in the table if and only if the object was made, or named, while tracking was
 *       on, and has not been freed since, and there was memory for it.
 *   T2  `ccpi_tracking` changes before the table is emptied, and records come in under the lock of
 *       their shard only while it is set: so no record is left behind.
 *   T3  An object is taken out of the table before its memory is given back.  So under the lock of
 *       the shard what a record stands for is there.
 *   T4  Records of a shard are linked in the order of their serials.  One that is pinned stays
 *       linked when it is taken out, and is `gone`: who goes over the table can let go of the lock.
 *   T5  In the child of a fork a record of the parent is `forked`, and nobody who goes over the
 *       table is told of it: its object may be in the middle of anything.
 *   T6  If the program wants that, objects with such a record are dead: each call on one says
 *       CCP_FORKED, takes no lock that may be held by a thread that is not there, and waits for
 *       nothing; but it can be freed.
 * Locks           Of a shard: under it whoever looks at an object may take that object's own lock,
 *                 as its get_info() does.  No shard is locked under the lock of an object: objects
 *                 are made and freed under none, as that calls the program's allocator (G3).
 *                 Nothing is allocated under the lock of a shard either.
 */
#ifndef CCPI_BASE_TRACK_H
#define CCPI_BASE_TRACK_H

#include "base/list.h"
#include "base/text.h"

/* What kind of object it is.  Constant. */
typedef struct ccpi_kind {
    const char *noun;   /* "channel" */
    const char *prefix; /* of its calls: "ccp_chan_" */
    /* Adds to *t what there is to say, such as ", 3 of 4 elements".  May be NULL.  See Locks. */
    void (*describe)(const void *object, ccpi_text *t);
    /* In the child of a fork: makes of the object one that is dead (T6), whatever was being done to
     * it.  Neither locks nor allocates.  NULL: its calls ask ccpi_is_dead(). */
    void (*forked)(void *object);
} ccpi_kind;

#define CCPI_NAME_ROOM 48

typedef struct ccpi_record {
    struct ccpi_record *next;  /* in the bucket; under the shard's lock */
    ccpi_link order;           /* under the shard's lock */
    const void *object;        /* const after init, as the following */
    uint64_t serial;           /* 1, 2, ... */
    int64_t since;             /* by the clock */
    const char *file;          /* where it was made; NULL: not known */
    int line;
    uint32_t pins;             /* under the shard's lock, as the following; T4 */
    bool gone;                 /* T4 */
    bool forked;               /* T5 */
    bool dead;                 /* T6 */
    const ccpi_kind *kind;     /* NULL: the program has named it, that is all */
    const void *owner;         /* the object that it is a part of; NULL: none */
    char name[CCPI_NAME_ROOM]; /* "": none */
} ccpi_record;

extern ccpi_word32 ccpi_tracking; /* atomic */

CCPI_INLINE bool ccpi_tracks(void)
{
    /* Relaxed: T2 says what orders it. */
    return CCPI_UNLIKELY(atomic_load_explicit(&ccpi_tracking, CCPI_RLX) != 0);
}

/* How many forks have left dead objects to this process, one after the other.  Changes only while
 * there is one thread. */
extern ccpi_word32 ccpi_forks;

CCPI_INLINE bool ccpi_has_dead(void)
{
    /* Relaxed: see above. */
    return CCPI_UNLIKELY(atomic_load_explicit(&ccpi_forks, CCPI_RLX) != 0);
}

/* T6 */
bool ccpi_is_dead_slow(const void *object);
CCPI_INLINE bool ccpi_is_dead(const void *object)
{
    return ccpi_has_dead() && ccpi_is_dead_slow(object);
}

/* From the next fork on T6 holds in the child, or not any more. */
void ccpi_track_guard(bool on);

void ccpi_track_slow(const void *object, const ccpi_kind *kind, const char *name);
void ccpi_track_part_slow(const void *object, const void *owner);
void ccpi_untrack_slow(const void *object);

/* A new object, which others may see from now on; name may be NULL, and is copied, cut to what
 * there is room for. */
CCPI_INLINE void ccpi_track(const void *object, const ccpi_kind *kind, const char *name)
{
    if (ccpi_tracks())
        ccpi_track_slow(object, kind, name);
}

/* Says that it is a part of another, which has made it for itself. */
CCPI_INLINE void ccpi_track_part(const void *object, const void *owner)
{
    if (ccpi_tracks())
        ccpi_track_part_slow(object, owner);
}

/* The object is about to be freed.  One that is not in the table is ignored. */
CCPI_INLINE void ccpi_untrack(const void *object)
{
    if (ccpi_tracks())
        ccpi_untrack_slow(object);
}

/* Turns it on, or off: then it forgets all.  Others must look after forks already. */
void ccpi_track_turn(bool on);

/* Names what is in the table, or puts it there; NULL takes out what has no kind.  False: no
 * memory. */
bool ccpi_track_name(const void *object, const char *name);

/* Copies the record of an object; false if there is none.  The copy's links mean nothing. */
bool ccpi_track_find(const void *object, ccpi_record *copy);

/* How many objects have no record because memory was short. */
size_t ccpi_track_missed(void);

/* Goes over all records that there were at the beginning and are not gone, in the order of their
 * serials: look(), under the lock, and if it gave true tell(), under none. */
typedef struct ccpi_visit {
    bool (*look)(const ccpi_record *r, void *arg);
    void (*tell)(void *arg);
    void *arg;
} ccpi_visit;
void ccpi_track_visit(const ccpi_visit *v);

#endif
