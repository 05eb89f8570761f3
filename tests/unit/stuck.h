/* SPDX-License-Identifier: MIT
 *
 * Threads that are stuck, for tests of who finds that.  They wait under a context, which
 * stuck_end() cancels.
 */
#ifndef CCP_TESTS_STUCK_H
#define CCP_TESTS_STUCK_H

#include "page.h"
#include "pools.h"

#include "base/tasks.h"

/* The run time of a sanitizer has a thread of its own; emulators do not tell. */
#if defined(__SANITIZE_THREAD__)
#define THREADS_ARE_COUNTED false
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREADS_ARE_COUNTED false
#endif
#endif
#ifndef THREADS_ARE_COUNTED
#define THREADS_ARE_COUNTED (ccpi_task_count() > 0)
#endif

extern page now; /* what was said last */
#define ASSERT_SAYS(what) PAGE_MUST_SAY(&now, (what))

/* ccp_deadlock_check() into `now`. */
ccp_status check(void);

enum { MOST = 8 };

/* What the threads of a deadlock share. */
typedef struct scene {
    ccp_ctx *ctx;
    ccp_chan *ch[2];
    ccp_mutex m[2];
    ccp_sem s[2];
    ccp_rwlock l;
    ccp_once once[2];
    ccp_barrier barrier;
    ccp_wg wg;
    ccp_future *future;
    ccp_pool *pool;
    gate both;
    atomic_int inside;
    actor a[MOST];
    size_t n;
} scene;

extern scene sc;

ccp_wait forever(void); /* under its context */
ccp_chan *channel(const char *name, size_t capacity); /* of longs */
void stuck_begin(void);
void enter(void (*fn)(actor *a), size_t index); /* starts a thread */
void meet(int all); /* all of them come here before one goes on */

/* Waits until it is found that they are stuck. */
void must_be_found(void);

/* Ends it, and must find nothing any more. */
void stuck_end(void);

/* What threads do. */
void lock_in_order_of_index(actor *a);
void sleep_in_channel(actor *a); /* receives from a->ch, with a->w */
void stay(actor *a);             /* passes the gate a->arg */

#endif
