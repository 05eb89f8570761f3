/* SPDX-License-Identifier: MIT
 *
 * ccp.h - the whole public interface of libccp, and its specification.
 *
 *    1  Status, version, process-wide settings
 *    2  Time and waiting
 *    3  Context
 *    4  Channel
 *    5  Select
 *    6  Timer channels
 *    7  Wait group
 *    8  Once
 *    9  Semaphore
 *   10  Mutex and reader-writer lock
 *   11  Barrier
 *   12  Phaser
 *   13  Future and promise
 *   14  Group
 *   15  Single-flight
 *   16  Worker pool
 *   17  Pipeline
 *   18  Fan-out and fan-in
 *   19  Generator
 *   20  Timer
 *   21  Rate limiter
 *   22  Circuit breaker
 *   23  Retry
 *   24  Batcher
 *   25  Signals
 *   26  Shutdown
 *   27  Tracking and diagnosis
 *   28  Statistics, health and metrics
 *   29  File descriptors
 *   30  Fork, exit, unload
 *   31  Lock-free deque, seqlock, counter
 *   32  Read-copy-update
 *   33  Lock-free queues and stack
 *
 * Every section is an essay, then types, then functions, then numbered guarantees, which the
 * tests cite by number.  The fields of a function's comment always mean the same:
 *
 *   Waits:    what the call waits for; present if and only if it takes a ccp_wait.
 *   Threads:  who may call it at the same time.
 *   Memory:   what is copied, kept, owned, allocated.
 *   Returns:  every status with its cause.  "the wait codes" are CCP_AGAIN, CCP_TIMEOUT and
 *             CCP_CANCELED as section 2 gives them; and CCP_DEADLOCK, if the program has asked a
 *             watch to end calls that nothing else can end (DG7).
 *   Order:    what happens-before what.
 *   Cost:     complexity, system calls, allocations.
 *   After:    where the idea comes from.
 *   Since:    the first version that has it.
 *
 * Compiles as C11, C17, C23 and C++17.
 */
#ifndef CCP_H
#define CCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Who builds libccp into something else may define CCP_API empty, and so keep it inside. */
#if !defined(CCP_API) && defined(__GNUC__)
#define CCP_API __attribute__((visibility("default")))
#elif !defined(CCP_API)
#define CCP_API
#endif

#if defined(__GNUC__)
#define CCP_MUST_CHECK __attribute__((warn_unused_result))
#define CCP_ALIGN8 __attribute__((aligned(8)))
#define CCP_UNUSED_ __attribute__((unused))
#define CCP_AT_EXIT_(fn) __attribute__((cleanup(fn)))
#else
#define CCP_MUST_CHECK
#define CCP_ALIGN8
#define CCP_UNUSED_
#define CCP_AT_EXIT_(fn)
#endif

#ifdef __cplusplus
#define CCP_LITERAL_(type) type
#else
#define CCP_LITERAL_(type) (type)
#endif

/* ==== 1. STATUS, VERSION, PROCESS-WIDE SETTINGS ============================================
 *
 * Every call that can fail returns a ccp_status and nothing else; results travel through
 * pointers; constructors return NULL when an argument can never be right or memory is short.
 * There is no errno.  libccp never aborts, exits, prints or reads the environment, installs no
 * signal handler but for ccp_signals_new(), and starts no thread that the program did not ask for.
 *
 * Guarantees
 *   G1  Any status but CCP_OK means that nothing happened: the object and the out-parameters are
 *       unchanged, and the element is still the caller's.  (The exceptions: where an index is the
 *       answer, ccp_select() sets *chosen for CCP_CLOSED too; a fragile barrier breaks, B7; and
 *       what functions of the program have done is done, in a pipeline, by ccp_pool_run() or by
 *       the calls of sections 18, 22, 23 and 24, which tell of it; and ccp_seqlock_read() spoils
 *       dst with CCP_AGAIN.)
 *   G2  Misuse that can be seen returns CCP_MISUSE or CCP_INVAL and changes nothing.
 *   G3  No callback of the program is run while libccp holds a lock: any call of libccp may be
 *       made from any callback, unless the callback's comment says otherwise.
 *   G4  Memory comes from the allocator of the program, if it has set one, and goes back to it;
 *       a failed allocation makes the call fail and leaks nothing.
 */

/** The statuses, once: name and meaning. */
#define CCP_STATUS_LIST(X)                                                                     \
    X(OK, "success")                                                                           \
    X(AGAIN, "would have had to wait, and CCP_NOWAIT was given")                               \
    X(TIMEOUT, "the wait, or its context's deadline, ran out")                                 \
    X(CANCELED, "the wait's context was canceled")                                             \
    X(CLOSED, "the object accepts no more work, or is drained")                                \
    X(OPEN, "the circuit breaker is open")                                                     \
    X(NOMEM, "out of memory, threads or descriptors")                                          \
    X(INVAL, "an argument that can never be right")                                            \
    X(MISUSE, "the call breaks the rules of the object; nothing changed")                      \
    X(BUSY, "the object is in use in a way that excludes this call")                           \
    X(DEADLOCK, "the call could never end")                                                    \
    X(FAILED, "user code reported failure")                                                    \
    X(FORKED, "the object belongs to the parent of this process")

typedef enum ccp_status {
#define CCP_STATUS_ENUM_(name, text) CCP_##name,
    CCP_STATUS_LIST(CCP_STATUS_ENUM_)
#undef CCP_STATUS_ENUM_
} ccp_status;

#define CCP_VERSION_MAJOR 0
#define CCP_VERSION_MINOR 1
#define CCP_VERSION_PATCH 0

/**
 * Gives the name of a status, such as "CCP_CLOSED".
 *
 *   Threads: any.
 *   Memory:  returns a constant string.
 *   Returns: the name; "CCP_?" for a number that is no status.
 *   Since:   0.1
 */
CCP_API const char *ccp_status_name(ccp_status s);

/**
 * Describes a status in a few words, such as "the wait's context was canceled".
 *
 *   Threads: any.
 *   Memory:  returns a constant string.
 *   Returns: the description; "unknown status" for a number that is no status.
 *   Since:   0.1
 */
CCP_API const char *ccp_strstatus(ccp_status s);

/**
 * Gives the version of the library that is linked, as "major.minor.patch".
 *
 *   Threads: any.
 *   Memory:  returns a constant string.
 *   Returns: the version.
 *   Since:   0.1
 */
CCP_API const char *ccp_version(void);

/** Where libccp gets memory.  Both functions must be callable from any thread at once. */
typedef struct ccp_allocator {
    void *(*alloc)(size_t size, void *arg); /* aligned for any type; NULL when there is none */
    void (*free)(void *p, void *arg);       /* never called with NULL */
    void *arg;
} ccp_allocator;

/**
 * Sets the allocator of the process; NULL restores malloc() and free().
 *
 *   Threads: one thread, while no object of libccp exists.
 *   Memory:  copies *a.
 *   Returns: CCP_OK; CCP_INVAL if one of the functions is NULL; CCP_BUSY if memory of the present
 *            allocator is still in use.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_set_allocator(const ccp_allocator *a);

/**
 * Counts the blocks of memory that libccp has allocated and not freed yet, for leak tests.
 *
 *   Threads: any.
 *   Returns: the number at some moment during the call.
 *   Since:   0.1
 */
CCP_API size_t ccp_live_blocks(void);

/** Told of each misuse that libccp sees: the public call, and the rule that it broke. */
typedef void (*ccp_misuse_hook)(const char *call, const char *rule);

/**
 * Sets the function that is told of misuse; NULL (the default) tells nobody.
 *
 *   Threads: any; a call that is under way may still use the former hook.
 *   Memory:  keeps the pointer.
 *   Since:   0.1
 */
CCP_API void ccp_set_misuse_hook(ccp_misuse_hook hook);

/* ==== 2. TIME AND WAITING ==================================================================
 *
 * A function can wait if and only if its last parameter is a ccp_wait, which says for how long
 * (ccp_start() and ccp_ctx_new() only convert or keep one; ccp_pool_free() says `Blocks:`):
 *
 *   CCP_FOREVER                until it is done, or the object is closed
 *   CCP_NOWAIT                 not at all
 *   ccp_within(CCP_MS(50))     at most 50 ms, from the moment it has to start waiting
 *   ccp_until(t)               until ccp_now() reaches t
 *   ccp_with(ctx)              until ctx is canceled or its deadline passes
 *   ccp_under(ctx, w)          whichever ends first
 *   ccp_start(w)               w with its clock started, to share one budget among calls
 *
 * Guarantees
 *   W1  What can be done at once is done at once: no clock is read for it, unless the context has
 *       a deadline, and no wait ends in CCP_TIMEOUT or CCP_AGAIN when the call need not wait.
 *   W2  If the context ended before the call, the call fails (CCP_CANCELED or CCP_TIMEOUT) even
 *       if it could be done: success never overtakes a cancellation.
 *   W3  CCP_NOWAIT never gives CCP_TIMEOUT of its own, and a timed wait never CCP_AGAIN.
 *   W4  A wait that ended in any status but CCP_OK left no trace in the object.
 *   W5  What another thread completed is reported as CCP_OK, even if the time ran out or the
 *       context was canceled at the same moment.
 *   W6  Time is the monotonic clock.  A wait may end late, never early (but for limiters, which
 *       know at once what will be too late: R5); spurious wake-ups are not seen; setting the wall
 *       clock changes nothing.
 */

/** Durations in nanoseconds, the unit of all time in libccp. */
#define CCP_US(n) ((int64_t)(n) * 1000)
#define CCP_MS(n) ((int64_t)(n) * 1000000)
#define CCP_SEC(n) ((int64_t)(n) * 1000000000)

typedef struct ccp_ctx ccp_ctx;

/** How long a call may wait.  16 bytes, passed by value; made by the constructors only. */
typedef struct ccp_wait {
    ccp_ctx *ctx_;
    int64_t ns_; /* 0 not at all; < 0 relative; > 0 a time of ccp_now(); INT64_MAX for ever */
} ccp_wait;

#define CCP_WAIT_(ctx, ns) (CCP_LITERAL_(ccp_wait){ (ctx), (ns) })
#define CCP_FOREVER CCP_WAIT_(NULL, INT64_MAX)
#define CCP_NOWAIT CCP_WAIT_(NULL, 0)

/** At most ns nanoseconds, counted from when the call has to wait; ns <= 0 is over at once. */
static inline ccp_wait ccp_within(int64_t ns)
{
    return CCP_WAIT_(NULL, ns > 0 ? -ns : 1);
}

/** Until ccp_now() reaches t; a t that has passed is over at once. */
static inline ccp_wait ccp_until(int64_t t)
{
    return CCP_WAIT_(NULL, t > 0 ? t : 1);
}

/** Until ctx ends; NULL never ends. */
static inline ccp_wait ccp_with(ccp_ctx *ctx)
{
    return CCP_WAIT_(ctx, INT64_MAX);
}

/** As w, and until ctx ends; ctx takes the place of a context that w had. */
static inline ccp_wait ccp_under(ccp_ctx *ctx, ccp_wait w)
{
    return CCP_WAIT_(ctx, w.ns_);
}

/**
 * Gives the time of the monotonic clock.
 *
 *   Threads: any.
 *   Returns: nanoseconds since some fixed moment; always > 0.
 *   Cost:    one clock read.
 *   Since:   0.1
 */
CCP_API int64_t ccp_now(void);

/**
 * Starts the clock of a relative wait, so that several calls share one budget.
 *
 *   Waits:   never; w is only converted.
 *   Threads: any.
 *   Returns: w with its end as a fixed time; w itself if it is not relative.
 *   Cost:    one clock read.
 *   Since:   0.1
 */
CCP_API ccp_wait ccp_start(ccp_wait w);

/**
 * Sleeps until the time of w has come, or its context ends.
 *
 *   Waits:   for time to pass.
 *   Threads: any.
 *   Returns: CCP_OK once the time of w has come (CCP_NOWAIT: at once); CCP_CANCELED or CCP_TIMEOUT
 *            if its context ended first; CCP_DEADLOCK for CCP_FOREVER without a context, which
 *            would never end.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_sleep(ccp_wait w);

/* ==== 3. CONTEXT ===========================================================================
 *
 * A context tells the calls that work for one purpose when to stop.  Contexts form a tree: what
 * ends a context ends all below it.  A context ends when it is canceled, when its parent ends, or
 * when its deadline passes, which is never later than its parent's.  It can carry a value.
 *
 *     ccp_ctx *ctx = ccp_ctx_new(parent, ccp_within(CCP_SEC(5)));
 *     ccp_status rc = ccp_chan_recv(ch, &v, ccp_with(ctx));       // CCP_TIMEOUT after 5 s
 *     ccp_ctx_free(ctx);
 *
 * No thread watches the deadlines.  A thread that waits under a context sleeps no longer than its
 * deadline; ccp_ctx_status() looks at the clock; a call that need not wait looks at the clock's
 * coarse form, which may be a few milliseconds late and is never early.
 *
 * NULL stands for the context that never ends, wherever a context is taken.
 *
 * Guarantees
 *   X1  ccp_ctx_cancel() ends the context and all below it, and wakes every thread that waits under
 *       one of them, before it returns.  (Those that another thread is ending already, that thread
 *       ends.)
 *   X2  A context ends once and stays ended; its status and cause never change afterwards.
 *   X3  A context's deadline is never later than its parent's.
 *   X4  A context may be freed while contexts below it live: they keep their place in the tree.
 *   X5  A hook runs at most once, in the thread that ended the context, noticed its deadline, or
 *       canceled it at the same moment, and under no lock.  After ccp_ctx_unhook() has returned it
 *       neither runs nor will run.
 *   X6  A detached context ends with none of its ancestors, and has their values.
 */

/**
 * Creates a context below parent that ends no later than limit says.
 *
 * ccp_ctx_new(p, CCP_FOREVER) only adds a way to cancel; ccp_ctx_new(p, ccp_within(t)) and
 * ccp_until(t) add a deadline; CCP_NOWAIT makes one that has ended (CCP_TIMEOUT).
 *
 *   Waits:   never; limit is only kept.
 *   Threads: any, also while parent ends.
 *   Memory:  the caller owns the result and must pass it to ccp_ctx_free().
 *   Returns: the context; NULL when memory is short, or if limit has a context of its own.
 *   Cost:    one allocation; one clock read if limit is relative; one lock of the parent.
 *   After:   Go's context.WithCancel, WithTimeout and WithDeadline in one; nsync_note for
 *            deadlines without a timer.
 *   Since:   0.1
 */
CCP_API ccp_ctx *ccp_ctx_new(ccp_ctx *parent, ccp_wait limit);

/**
 * Creates a context below parent in which key has a value.
 *
 *   Threads: any.
 *   Memory:  keeps both pointers; owns neither.  The caller owns the result.
 *   Returns: the context; NULL when memory is short or key is NULL.
 *   Since:   0.1
 */
CCP_API ccp_ctx *ccp_ctx_new_value(ccp_ctx *parent, const void *key, void *value);

/**
 * Creates a context that has the values of parent, and does not end when parent ends.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result.
 *   Returns: the context; NULL when memory is short.
 *   Since:   0.1
 */
CCP_API ccp_ctx *ccp_ctx_new_detached(ccp_ctx *parent);

/**
 * Gives back a context; NULL is allowed.
 *
 * It is not canceled by this.  Contexts below it stay valid.
 *
 *   Threads: one; nobody may use ctx itself any more.
 *   Memory:  freed when the last context below it is.
 *   Returns: CCP_OK; CCP_BUSY if a thread waits under it or a hook is set: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_ctx_free(ccp_ctx *ctx);

/**
 * Ends a context and all below it; one that has ended stays as it is.  NULL is ignored.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Cost:    one lock per context below it; one wake per thread that sleeps.
 *   Since:   0.1
 */
CCP_API void ccp_ctx_cancel(ccp_ctx *ctx);

/**
 * As ccp_ctx_cancel(), and says why: ccp_ctx_cause() gives the same pointer for ctx and all that
 * ended with it.
 *
 *   Threads: any.
 *   Memory:  keeps the pointer; the pointed-to thing should outlive the contexts.
 *   Since:   0.1
 */
CCP_API void ccp_ctx_cancel_cause(ccp_ctx *ctx, const void *cause);

/**
 * Tells whether, and how, a context has ended.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK while it lives (and for NULL); CCP_CANCELED; CCP_TIMEOUT.
 *   Order:   what happened before ccp_ctx_cancel() happens-before the return of CCP_CANCELED.
 *   Cost:    one atomic load; a clock read if the context has a deadline.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_ctx_status(ccp_ctx *ctx);

/**
 * Gives the pointer that ccp_ctx_cancel_cause() left.
 *
 *   Threads: any.
 *   Memory:  the pointer is the canceler's.
 *   Returns: the cause; NULL if there is none or ctx lives.
 *   Since:   0.1
 */
CCP_API const void *ccp_ctx_cause(ccp_ctx *ctx);

/**
 * Gives the time at which a context will have ended at the latest.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: a time of ccp_now(); INT64_MAX if there is none.
 *   Since:   0.1
 */
CCP_API int64_t ccp_ctx_deadline(const ccp_ctx *ctx);

/**
 * Looks up a value in ctx and the contexts above it.
 *
 *   Threads: any.
 *   Memory:  the value is the program's.
 *   Returns: the value nearest to ctx; NULL if key has none.
 *   Cost:    linear in the depth of ctx.
 *   Since:   0.1
 */
CCP_API void *ccp_ctx_value(const ccp_ctx *ctx, const void *key);

/** Something to run when a context ends.  All zero before its first use; no other thread may
 *  copy or free it between ccp_ctx_hook() and the return of ccp_ctx_unhook(). */
typedef struct ccp_hook {
    struct ccp_hook *next_, *prev_;
    ccp_ctx *ctx_;
    void (*fn_)(void *arg);
    void *arg_;
    void *runner_;
    void *waiter_;
    uint32_t state_;
} ccp_hook;

/**
 * Arranges for fn(arg) to run when ctx ends; at once, in this thread, if it has ended.
 *
 *   Threads: any; one hook by one thread at a time.
 *   Memory:  uses *h, allocates nothing; h must stay until ccp_ctx_unhook() has returned.
 *   Returns: CCP_OK; CCP_INVAL if ctx, h or fn is NULL; CCP_BUSY if h is set.
 *   After:   Go's context.AfterFunc.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_ctx_hook(ccp_ctx *ctx, ccp_hook *h, void (*fn)(void *arg), void *arg);

/**
 * Takes a hook back, and waits for its function if that is running in another thread.
 *
 * Called from the hook's own function it does not wait.
 *
 *   Waits:   while the function runs elsewhere; CCP_NOWAIT takes back without waiting.
 *   Threads: any; one hook by one thread at a time.
 *   Memory:  after CCP_OK or CCP_CLOSED the hook is the caller's again.
 *   Returns: CCP_OK if the function did not run and never will; CCP_CLOSED if it has run (or this
 *            is it); CCP_MISUSE if h is NULL or was never set; the wait codes if it is running
 *            still.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_ctx_unhook(ccp_hook *h, ccp_wait w);

/** Defines name_of(ctx) and name_new(parent, value): a context value with its type checked. */
#define CCP_CTX_VALUE_DEFINE(name, T)                                                          \
    CCP_UNUSED_ static const char name##_key_ = 0;                                             \
    CCP_UNUSED_ static inline T *name##_of(const ccp_ctx *ctx)                                 \
    {                                                                                          \
        return (T *)ccp_ctx_value(ctx, &name##_key_);                                          \
    }                                                                                          \
    CCP_UNUSED_ static inline ccp_ctx *name##_new(ccp_ctx *parent, T *value)                   \
    {                                                                                          \
        return ccp_ctx_new_value(parent, &name##_key_, value);                                 \
    }                                                                                          \
    struct ccp_allow_semicolon_

/* ==== 4. CHANNEL ===========================================================================
 *
 * A channel carries elements of one size, by value, from any number of senders to any number of
 * receivers, in the order in which they were accepted.  It holds up to `capacity` elements; a
 * sender waits while it is full, a receiver while it is empty.  With capacity 0 a send completes
 * only when a receiver has taken the element (rendezvous).  With element size 0 it is a counter.
 *
 *     ccp_chan *ch = ccp_chan_new(sizeof(int), 64);
 *     int v = 42;
 *     if (ccp_chan_send(ch, &v, CCP_FOREVER) != CCP_OK) { ... }
 *     ccp_chan_close(ch);                                    // no more; the rest can be received
 *     while (ccp_chan_recv(ch, &v, CCP_FOREVER) == CCP_OK) { ... }
 *     ccp_chan_free(ch);
 *
 * Closing is the sender's: it says that there is no more.  With several senders let each be
 * counted (ccp_chan_add_senders), and the last one that is done closes.  Cancelling is the
 * receiver's: it closes, and discards what is buffered.  Elements that were accepted and are never
 * received go to the channel's drop function, if it has one.
 *
 * May run at the same time (-), or must be kept apart by the caller (X):
 *                send recv close cancel len/info free
 *   free          X    X     X     X       X      X
 *   the others    -    -     -     -       -      X
 *
 * Guarantees
 *   C1  Elements that one thread sends are received in the order sent; elements are accepted and
 *       received first in, first out.
 *   C2  After ccp_chan_close() has returned no send succeeds; what was accepted can be received.
 *   C3  Closing releases every thread that waits to send (CCP_CLOSED, the element is its own) and,
 *       once the channel is drained, every thread that waits to receive (CCP_CLOSED).
 *   C4  Each accepted element is received exactly once or dropped exactly once.
 *   C5  With capacity 0 a send that returned CCP_OK was received by somebody.
 *   C6  After construction no call allocates memory, but the first ccp_chan_fd() (section 29).
 *   C7  A NOWAIT call takes effect at one moment: CCP_AGAIN means that the channel was full
 *       (empty) at some moment during the call; with capacity 0, that no partner was waiting.
 *   C8  A thread that waits is served within a bounded number of operations of others: now and
 *       then, and at least about every millisecond, the one that waited longest is taken.
 *   C9  A thread that waits for long sleeps: it uses no processor time.
 *   C10 The drop function runs in the thread that cancels or frees, under no lock.
 *   C11 When as many ccp_chan_sender_done() have been called as senders were added, the channel is
 *       closed, exactly once.
 *   C12 A channel of n elements takes n times (element size rounded up to 8, plus 8 bytes), or n
 *       cache lines if it was asked to spread them, plus at most 1 KiB.
 *   C13 A batch is sent and received in order.
 */

typedef struct ccp_chan ccp_chan;

/** How to build a channel; zero is the default of every field. */
typedef struct ccp_chan_opts {
    size_t elem_size;                    /* bytes per element; 0: elements carry nothing */
    size_t capacity;                     /* elements held; 0: rendezvous */
    /* gets each element accepted and never received; elem is aligned to 8 bytes, and NULL if
     * elements carry nothing */
    void (*drop)(void *elem, void *arg);
    void *drop_arg;
    const char *name;   /* shown in dumps and metrics; must outlive the channel */
    void *memory;       /* caller's memory of at least ccp_chan_memory() bytes, or NULL */
    size_t memory_size; /* its size */
    bool spread;        /* one cache line or more per element: less false sharing, more memory */
} ccp_chan_opts;

/** A snapshot of a channel. */
typedef struct ccp_chan_info {
    size_t elem_size, capacity;
    size_t len;               /* elements in it */
    size_t high_water;        /* most elements in it at once; may say less by a 64th, and up to 64
                               * and a quarter of the capacity; if it was full it says so */
    size_t waiting_senders;   /* threads parked */
    size_t waiting_receivers;
    uint64_t sent, received;  /* elements in all; counted by rings only: capacity and size > 0 */
    bool closed;
    const char *name;
} ccp_chan_info;

/**
 * Creates a channel.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result and must pass it to ccp_chan_free().
 *   Returns: the channel; NULL when memory is short or the sizes cannot be added up.
 *   Cost:    one allocation.
 *   Since:   0.1
 */
CCP_API ccp_chan *ccp_chan_new(size_t elem_size, size_t capacity);

/**
 * Creates a channel as *o says.
 *
 *   Threads: any.
 *   Memory:  copies *o; with o->memory, builds the channel there (ccp_chan_free() then gives back
 *            nothing, but must be called before the memory is used again).
 *   Returns: the channel; NULL when memory is short, the sizes cannot be added up, or o->memory is
 *            too small.
 *   Since:   0.1
 */
CCP_API ccp_chan *ccp_chan_make(const ccp_chan_opts *o);

/**
 * Tells how many bytes of o->memory a channel as *o says takes.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: bytes; 0 if the sizes cannot be added up.
 *   Since:   0.1
 */
CCP_API size_t ccp_chan_memory(const ccp_chan_opts *o);

/**
 * Frees a channel; NULL is allowed.  What is still in it is dropped.
 *
 *   Threads: one; nobody may use ch any more.
 *   Memory:  frees the channel, unless it was built in the caller's memory.
 *   Returns: CCP_OK; CCP_BUSY if a thread waits in it: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_free(ccp_chan *ch);

/**
 * Sends a copy of one element.
 *
 *   Waits:   while the channel is full (capacity 0: until a receiver takes the element).
 *   Threads: any number at once.
 *   Memory:  copies elem_size bytes from elem before it returns; keeps no pointer.
 *   Returns: CCP_OK; CCP_CLOSED if the channel was closed before it accepted the element;
 *            CCP_INVAL if ch, or elem with elements that carry something, is NULL, or ch is a timer
 *            channel; the wait codes.
 *   Order:   happens-before the return of the ccp_chan_recv() that takes the element; with
 *            capacity n, the k-th receive happens-before the return of the (k+n)-th send.
 *   Cost:    one compare-and-swap on an uncontended channel; no system call unless it waits or
 *            wakes.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_chan_send(ccp_chan *ch, const void *elem, ccp_wait w);

/**
 * Receives one element.
 *
 *   Waits:   while the channel is empty and not closed.
 *   Threads: any number at once.
 *   Memory:  copies elem_size bytes to elem; elem may be NULL, then the element is lost, not
 *            dropped.
 *   Returns: CCP_OK; CCP_CLOSED if the channel is closed and drained; CCP_INVAL if ch is NULL; the
 *            wait codes.
 *   Order:   as for ccp_chan_send().
 *   Cost:    as for ccp_chan_send().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_chan_recv(ccp_chan *ch, void *elem, ccp_wait w);

/**
 * Sends as many of n elements as there is room for, at least one.
 *
 *   Waits:   while the channel is full.
 *   Threads: any number at once.
 *   Memory:  copies from elems, the first element first.
 *   Returns: CCP_OK with *sent in 1..n; otherwise as ccp_chan_send(), and CCP_INVAL if n is 0 or
 *            sent is NULL.
 *   Cost:    one compare-and-swap for the batch; at most one wake.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_chan_send_n(ccp_chan *ch, const void *elems, size_t n,
                                                  size_t *sent, ccp_wait w);

/**
 * Receives up to n elements, at least one.
 *
 *   Waits:   while the channel is empty and not closed.
 *   Threads: any number at once.
 *   Memory:  copies to elems, the oldest element first.
 *   Returns: CCP_OK with *got in 1..n; otherwise as ccp_chan_recv(), and CCP_INVAL if n is 0 or
 *            got is NULL.
 *   Cost:    one compare-and-swap for the batch; at most one wake.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_chan_recv_n(ccp_chan *ch, void *elems, size_t n, size_t *got,
                                                  ccp_wait w);

/**
 * Closes a channel: no more elements.  Never waits.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it was closed already; CCP_INVAL if ch is NULL.
 *   Order:   happens-before every CCP_CLOSED that it causes.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_close(ccp_chan *ch);

/**
 * Closes a channel and drops what is in it.  Never waits for anybody.
 *
 *   Threads: any.
 *   Memory:  each element in it goes to the drop function.
 *   Returns: CCP_OK, also if it was closed but not yet drained; CCP_CLOSED if it was closed and
 *            empty; CCP_INVAL if ch is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_cancel(ccp_chan *ch);

/**
 * Counts n more senders; the channel closes when all that were counted are done.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if ch is closed; CCP_INVAL if ch is NULL, n is 0, or the count
 *            would pass 2^31 - 1.
 *   After:   the sender handles of crossbeam and Rust's std::sync::mpsc.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_add_senders(ccp_chan *ch, unsigned n);

/**
 * Says that one of the counted senders is done; the last one closes the channel.
 *
 *   Threads: any.
 *   Memory:  keeps nothing; after the last one, and a receiver's CCP_CLOSED, ch may be freed as
 *            soon as this call has returned.
 *   Returns: CCP_OK; CCP_MISUSE if no sender is counted; CCP_INVAL if ch is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_sender_done(ccp_chan *ch);

/**
 * Tells how many elements are in a channel.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the number at some moment during the call; 0 with capacity 0, or if ch is NULL.
 *   Since:   0.1
 */
CCP_API size_t ccp_chan_len(const ccp_chan *ch);

/**
 * Tells how many elements a channel can hold.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: its capacity; 0 if ch is NULL.
 *   Since:   0.1
 */
CCP_API size_t ccp_chan_cap(const ccp_chan *ch);

/**
 * Tells whether a channel has been closed (it may still hold elements).
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: true once closed; true if ch is NULL.
 *   Since:   0.1
 */
CCP_API bool ccp_chan_is_closed(const ccp_chan *ch);

/**
 * Fills in a snapshot of a channel.
 *
 *   Threads: any; each field is true at some moment during the call, not all at the same one.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_get_info(const ccp_chan *ch, ccp_chan_info *out);

/** Runs its body for each element received into *ptr, until ccp_chan_recv(ch, ptr, w) fails. */
#define CCP_CHAN_FOR(ptr, ch, w) while (ccp_chan_recv((ch), (ptr), (w)) == CCP_OK)

/** Defines a channel type whose elements are T: name, and its views name_tx (send only) and
 *  name_rx (receive only).  A wrong element type or direction does not compile. */
#define CCP_CHAN_DEFINE(name, T)                                                               \
    typedef struct name {                                                                      \
        ccp_chan *ch;                                                                          \
    } name;                                                                                    \
    typedef struct name##_tx {                                                                 \
        ccp_chan *ch;                                                                          \
    } name##_tx;                                                                               \
    typedef struct name##_rx {                                                                 \
        ccp_chan *ch;                                                                          \
    } name##_rx;                                                                               \
    CCP_UNUSED_ static inline name name##_new(size_t capacity)                                 \
    {                                                                                          \
        name c = { ccp_chan_new(sizeof(T), capacity) };                                        \
        return c;                                                                              \
    }                                                                                          \
    CCP_UNUSED_ static inline name##_tx name##_sender(name c)                                  \
    {                                                                                          \
        name##_tx v = { c.ch };                                                                \
        return v;                                                                              \
    }                                                                                          \
    CCP_UNUSED_ static inline name##_rx name##_receiver(name c)                                \
    {                                                                                          \
        name##_rx v = { c.ch };                                                                \
        return v;                                                                              \
    }                                                                                          \
    CCP_MUST_CHECK CCP_UNUSED_ static inline ccp_status name##_send(name##_tx c,               \
        const T *elem, ccp_wait w)                                                             \
    {                                                                                          \
        return ccp_chan_send(c.ch, elem, w);                                                   \
    }                                                                                          \
    CCP_MUST_CHECK CCP_UNUSED_ static inline ccp_status name##_recv(name##_rx c,               \
        T *elem, ccp_wait w)                                                                   \
    {                                                                                          \
        return ccp_chan_recv(c.ch, elem, w);                                                   \
    }                                                                                          \
    CCP_UNUSED_ static inline ccp_status name##_close(name##_tx c)                             \
    {                                                                                          \
        return ccp_chan_close(c.ch);                                                           \
    }                                                                                          \
    CCP_UNUSED_ static inline ccp_status name##_free(name c)                                   \
    {                                                                                          \
        return ccp_chan_free(c.ch);                                                            \
    }                                                                                          \
    struct ccp_allow_semicolon_

/* ==== 5. SELECT ============================================================================
 *
 * Select waits for the first of several operations that can be done, and does that one only.
 *
 *     size_t i;
 *     int v, beat = 1;
 *     const ccp_case cases[] = { CCP_CASE_RECV(in, &v), CCP_CASE_SEND(out, &beat),
 *                                CCP_CASE_DONE(ctx) };
 *     switch (ccp_select(cases, 3, &i, ccp_within(CCP_SEC(1)))) {
 *     case CCP_OK:      ... the operation of case i was done; DONE: its context has ended
 *     case CCP_CLOSED:  ... the channel of case i is closed (receive: and drained)
 *     case CCP_TIMEOUT: ... none could be done for a second
 *     }
 *
 * A case whose channel or context is NULL is never ready: set it to NULL to switch it off.
 *
 * A case may wait for a file descriptor: a socket, a pipe, a timer.  Its events are those of
 * <poll.h>.
 *
 *     short got;
 *     const ccp_case k[] = { CCP_CASE_FD(listener, POLLIN, &got), CCP_CASE_RECV(in, &v),
 *                            CCP_CASE_DONE(ctx) };
 *
 * It is chosen when poll() says that one of the events is there, or an error or the end of a
 * connection; `got`, which may be NULL, says which.  Nothing is read or written: that is the
 * program's, which does it without waiting (O_NONBLOCK) where others use the descriptor, too.
 *
 * Guarantees
 *   S1  At most one case is done, and *chosen names it.
 *   S2  ccp_select() chooses with equal chance among the cases it finds ready;
 *       ccp_select_first() takes the first of them.
 *   S3  A closed channel is ready, with CCP_CLOSED and *chosen.
 *   S4  The same channel may stand in several cases; a select never meets itself.
 *   S5  With CCP_NOWAIT it never waits; CCP_AGAIN means that no case was ready when looked at.
 *   S6  No memory is allocated, whatever the number of cases, but for more than 15 descriptors.
 *   S7  A descriptor that is ready stays so until the program does something with it: nothing is
 *       taken from it, whether its case is chosen or not.  The same may stand in several cases.
 *   S8  While one of the descriptors is not open when the call begins, it returns CCP_INVAL and
 *       does no case.  A negative number switches a case off.
 */

typedef struct ccp_case {
    void *obj_;
    const void *src_;
    void *dst_;
    uintptr_t op_;
} ccp_case;

#define CCP_CASE_(obj, src, dst, op) (CCP_LITERAL_(ccp_case){ (obj), (src), (dst), (op) })
#define CCP_CASE_RECV(ch, ptr) CCP_CASE_(ccp_chan_case_(ch), NULL, (ptr), 0)
#define CCP_CASE_SEND(ch, ptr) CCP_CASE_(ccp_chan_case_(ch), (ptr), NULL, 1)
#define CCP_CASE_DONE(ctx) CCP_CASE_(ccp_ctx_case_(ctx), NULL, NULL, 2)
#define CCP_CASE_FD(fd, events, got)                                                           \
    CCP_CASE_(ccp_fd_case_(fd), ccp_events_case_(events), ccp_got_case_(got), 3)
static inline void *ccp_chan_case_(ccp_chan *ch)
{
    return ch;
}
static inline void *ccp_ctx_case_(ccp_ctx *ctx)
{
    return ctx;
}
static inline void *ccp_fd_case_(int fd)
{
    return fd < 0 ? NULL : (void *)((uintptr_t)fd + 1);
}
static inline const void *ccp_events_case_(short events)
{
    return (const void *)(uintptr_t)(unsigned short)events;
}
static inline void *ccp_got_case_(short *got)
{
    return got;
}

/**
 * Does one of n operations, chosen at random among those that are ready.
 *
 *   Waits:   while no case is ready.
 *   Threads: any.
 *   Memory:  reads cases; copies to or from the element of the chosen case.
 *   Returns: CCP_OK or CCP_CLOSED with *chosen; the wait codes; CCP_DEADLOCK if no case can ever
 *            be ready and w never ends; CCP_INVAL if chosen is NULL, cases is NULL with n > 0, n is
 *            2^31 or more, or a case can never be right: a send to a timer channel, or of NULL
 *            where elements carry something, or a descriptor that is not open; with cases of
 *            descriptors CCP_NOMEM if memory or descriptors are short.
 *   Cost:    linear in n; no allocation; about 80 bytes of stack per case when it has to wait.
 *            With descriptors a poll() for each look at them; where it has to wait, an event is
 *            made, lowered and closed, and whoever ends the wait raises it: some five system calls.
 *   After:   Go's select statement.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_select(const ccp_case *cases, size_t n, size_t *chosen,
                                             ccp_wait w);

/**
 * As ccp_select(), but does the first of those that are ready: put what matters most first.
 *
 *   Waits:   while no case is ready.
 *   Threads: any.
 *   Memory:  as ccp_select().
 *   Returns: as ccp_select().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_select_first(const ccp_case *cases, size_t n, size_t *chosen,
                                                   ccp_wait w);

/* ==== 6. TIMER CHANNELS ====================================================================
 *
 * A timer channel gives the time (an int64_t of ccp_now()) to whoever receives from it when it is
 * due.  It is received from, selected on, closed and freed like any channel; nothing can be sent
 * to it.  No thread runs for it: the element is computed when somebody receives.
 *
 *     ccp_chan *quiet = ccp_chan_after(CCP_SEC(30));
 *     ...
 *     (void)ccp_chan_reset(quiet, CCP_SEC(30));   // something was heard: 30 s from now
 *
 * Guarantees
 *   T1  An element is never received before it is due.
 *   T2  ccp_chan_after() gives one element, then never another.
 *   T3  ccp_chan_tick() gives elements at least one period apart in due time; ticks that nobody
 *       received are dropped, not queued: at most one is waiting.
 *   T4  Once ccp_chan_stop() or ccp_chan_reset() has returned, nothing is received that was due by
 *       what they changed, and there is nothing to be taken out first.
 *   T5  Who waits for a timer while it is stopped or reset goes on waiting, for its new time.
 */

/**
 * Creates a channel from which one element can be received, ns nanoseconds from now.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result and must pass it to ccp_chan_free().
 *   Returns: the channel; NULL when memory is short.  ns <= 0 is due at once.
 *   After:   Go's time.After; crossbeam's channel::after for doing it without a thread.
 *   Since:   0.1
 */
CCP_API ccp_chan *ccp_chan_after(int64_t ns);

/**
 * Creates a channel from which an element can be received every ns nanoseconds.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result and must pass it to ccp_chan_free().
 *   Returns: the channel; NULL when memory is short or ns <= 0.
 *   Since:   0.1
 */
CCP_API ccp_chan *ccp_chan_tick(int64_t ns);

/**
 * Stops a timer: it gives nothing until it is reset.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK if an element was still to come, which does not come now; CCP_CLOSED if there
 *            was none (it had been received, the timer was stopped, or is closed); CCP_INVAL if ch
 *            is NULL or no timer.
 *   Cost:    one lock.
 *   After:   Go's Timer.Stop, as it is since 1.23.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_stop(ccp_chan *ch);

/**
 * Sets a timer anew, whether it has given its element, was stopped, or neither: one by
 * ccp_chan_after() gives one element ns nanoseconds from now, one by ccp_chan_tick() one every ns.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it is closed; CCP_INVAL if ch is NULL or no timer, or if ns <= 0
 *            and it ticks.
 *   Cost:    one lock, one clock read; if it is due earlier now, a wake for each who waits.
 *   After:   Go's Timer.Reset and Ticker.Reset, as they are since 1.23.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_reset(ccp_chan *ch, int64_t ns);

/* ==== 7. WAIT GROUP ========================================================================
 *
 * A wait group counts tasks under way, and lets threads wait until there are none.
 *
 *     ccp_wg wg = CCP_WG_INIT;                   // all zero is valid
 *     for (int i = 0; i < n; i++)
 *         if (ccp_wg_go(&wg, work, &job[i]) != CCP_OK) ...
 *     ccp_wg_wait(&wg, CCP_FOREVER);             // every work() has returned
 *
 * Guarantees
 *   A1  ccp_wg_wait() returns CCP_OK only at or after a moment at which the count was 0.
 *   A2  What a thread did before ccp_wg_done() happens-before the return of a ccp_wg_wait() that
 *       it released.
 *   A3  The count never becomes negative: ccp_wg_done() too many is CCP_MISUSE.
 *   A4  A wait group can be used again as soon as its waiters have returned.
 *   A5  The channel given to ccp_wg_close_when_done() is closed when the count becomes 0.
 *   A6  The threads that ccp_wg_go() started have ended, and been given back, when the calls of
 *       ccp_wg_wait() that return CCP_OK have returned.
 */

struct ccpi_link;
typedef struct ccp_wg {
    CCP_ALIGN8 uint64_t state_;
    struct ccpi_link *first_, *last_;
    ccp_chan *close_;
    uintptr_t threads_;
    uint32_t lock_;
} ccp_wg;
#define CCP_WG_INIT                                                                            \
    {                                                                                          \
        0, NULL, NULL, NULL, 0, 0                                                              \
    }

/**
 * Counts n tasks more, or, if n is negative, less.
 *
 *   Threads: any; the first task of a round must be counted before anybody waits.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_MISUSE if the count would become negative, or if it is 0 while a thread
 *            still has to return from its wait; CCP_INVAL if wg is NULL or the count would
 *            pass 2^31 - 1.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_wg_add(ccp_wg *wg, int n);

/**
 * Counts one task less.
 *
 *   Threads: any.
 *   Memory:  does not touch *wg after the last waiter was released.
 *   Returns: as ccp_wg_add(wg, -1).
 *   Since:   0.1
 */
CCP_API ccp_status ccp_wg_done(ccp_wg *wg);

/**
 * Waits until no task is under way.
 *
 *   Waits:   while the count is not 0.
 *   Threads: any number at once.
 *   Memory:  joins, and gives back, the threads that ccp_wg_go() started and that have ended.
 *   Returns: CCP_OK; CCP_INVAL if wg is NULL; the wait codes.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_wg_wait(ccp_wg *wg, ccp_wait w);

/**
 * Starts a thread that runs fn(arg), and counts it until it has ended.
 *
 * Somebody must wait for the group in the end, or the thread's memory is not given back.
 *
 *   Threads: any.
 *   Memory:  one small block until a ccp_wg_wait() returns; keeps arg for fn.
 *   Returns: CCP_OK; CCP_NOMEM if memory or threads are short; CCP_INVAL if wg or fn is NULL;
 *            CCP_MISUSE as ccp_wg_add().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_wg_go(ccp_wg *wg, void (*fn)(void *arg), void *arg);

/**
 * Closes ch as soon as no task is under way; at once, if none is.
 *
 *   Threads: any.
 *   Memory:  keeps ch until then.
 *   Returns: CCP_OK; CCP_BUSY if another channel waits for the same; CCP_INVAL if a pointer is
 *            NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_wg_close_when_done(ccp_wg *wg, ccp_chan *ch);

/* ==== 8. ONCE ==============================================================================
 *
 * A once runs a function the first time somebody needs what it makes; who comes meanwhile waits
 * for it.
 *
 *     static ccp_once once = CCP_ONCE_INIT;               // all zero is valid
 *     if (ccp_once_do(&once, load, &config, ccp_with(ctx)) != CCP_OK) ...
 *     use(&config);                                       // load(&config) has run, once
 *
 * A failure counts, and is what every later call is told, unless the once was initialized by
 * CCP_ONCE_RETRY_INIT: then the next call, or one of those that wait, runs its function again.
 *
 * Guarantees
 *   O1  Of all functions given to one once, at most one runs at a time, and none after one that
 *       returned CCP_OK (without CCP_ONCE_RETRY_INIT: after one that returned).
 *   O2  ccp_once_do() returns CCP_OK only when a function has returned CCP_OK, which
 *       happens-before that return.
 *   O3  A function that needs what it is about to make gets CCP_DEADLOCK, and not a thread that
 *       waits for itself.
 */

/* Where threads wait for what stands in this section and the next ones. */
struct ccpi_link;
typedef struct ccp_line_ {
    CCP_ALIGN8 uint64_t state_;
    struct ccpi_link *first_, *last_;
    uint32_t lock_;
} ccp_line_;

typedef struct ccp_once {
    ccp_line_ line_;
    uintptr_t owner_;
} ccp_once;
#define CCP_ONCE_RETRY_ 8
#define CCP_ONCE_INIT                                                                          \
    {                                                                                          \
        { 0, NULL, NULL, 0 }, 0                                                                \
    }
#define CCP_ONCE_RETRY_INIT                                                                    \
    {                                                                                          \
        { CCP_ONCE_RETRY_, NULL, NULL, 0 }, 0                                                  \
    }

/**
 * Runs fn(arg), unless that or the function of another call has been run already.
 *
 *   Waits:   while another thread runs a function; fn itself is waited for without limit.
 *   Threads: any number at once.
 *   Memory:  keeps nothing; fn may call anything, but this with the same o.
 *   Returns: CCP_OK; CCP_FAILED if the function returned anything but CCP_OK, or had before;
 *            CCP_DEADLOCK when called by the function that o runs; CCP_INVAL if o or fn is NULL;
 *            the wait codes.
 *   Order:   what the function did happens-before every CCP_OK and CCP_FAILED that tells of it.
 *   Cost:    one load when it has been done.
 *   After:   Go's sync.Once, with errors; Rust's OnceCell::get_or_try_init for the retry.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_once_do(ccp_once *o, ccp_status (*fn)(void *arg), void *arg, ccp_wait w);

/**
 * Tells whether no function will be run any more.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: true from then on; false if o is NULL.
 *   Order:   as for ccp_once_do(), if true.
 *   Cost:    one load.
 *   Since:   0.1
 */
CCP_API bool ccp_once_is_done(const ccp_once *o);

/* ==== 9. SEMAPHORE =========================================================================
 *
 * A semaphore has a number of permits.  A thread takes one, or several at once (weights: bytes of
 * memory, say), and gives them back; while too few are free it waits.
 *
 *     ccp_sem sem = CCP_SEM_INIT(4);              // a database that likes four at a time
 *     if (ccp_sem_acquire(&sem, 1, ccp_with(ctx)) == CCP_OK) {
 *         query();
 *         ccp_sem_release(&sem, 1);
 *     }
 *
 * The same, so that no way out of the block can forget the release:
 *
 *     CCP_WITH_SEM(rc, &sem, 1, ccp_with(ctx))
 *         query();
 *     if (rc != CCP_OK) ...
 *
 * Without weights, a channel of elements of size 0 is a semaphore too: a send takes a permit, a
 * receive gives one back, the capacity is the number of permits, and too many receives wait where
 * ccp_sem_release() returns CCP_MISUSE.  It can stand in a select.
 *
 * Guarantees
 *   N1  Never more permits are taken than there are.
 *   N2  Who waits is served in the order of coming: many small requests do not starve a large one,
 *       and a call that need not wait overtakes nobody (with CCP_NOWAIT it gets CCP_AGAIN).
 *   N3  A request for more permits than there are waits until w ends, or enough were added, and
 *       holds up nobody meanwhile.
 *   N4  An acquire that failed left no trace: who waits behind a request that gave up is served.
 *   N5  Giving back more than is taken is CCP_MISUSE and changes nothing.
 *   N6  Closing releases everybody who waits (CCP_CLOSED); what is taken can still be given back.
 *   N7  Who has taken all permits may free the memory of the semaphore, if nobody will use it any
 *       more, even while others have still to return from the release that made it possible.
 */

/* Permits that a semaphore can have. */
#define CCP_SEM_MAX 2147483647

typedef struct ccp_sem {
    ccp_line_ line_;
} ccp_sem;

/** A semaphore of n permits, 0 <= n <= CCP_SEM_MAX; all zero is one of none. */
#define CCP_SEM_INIT(n)                                                                        \
    {                                                                                          \
        { (uint64_t)(n) << 32, NULL, NULL, 0 }                                                 \
    }

/**
 * Takes n permits, all at once.
 *
 *   Waits:   while fewer are free, or somebody waits who came before.
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it is closed; CCP_INVAL if s is NULL; the wait codes.
 *   Order:   what happened before the releases of the permits it gets happens-before its return.
 *   Cost:    one compare-and-swap if it need not wait and nobody waits.
 *   After:   Go's x/sync/semaphore.Weighted.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_sem_acquire(ccp_sem *s, unsigned n, ccp_wait w);

/**
 * Gives back n permits.  It need not be the thread that took them.
 *
 *   Threads: any number at once.
 *   Memory:  does not touch *s after somebody else could know that it has given back (N7).
 *   Returns: CCP_OK; CCP_MISUSE if fewer are taken; CCP_INVAL if s is NULL.
 *   Cost:    one compare-and-swap if nobody waits.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_sem_release(ccp_sem *s, unsigned n);

/**
 * Makes n permits that are taken disappear, instead of giving them back.
 *
 *   Threads: any number at once.
 *   Memory:  as ccp_sem_release().
 *   Returns: CCP_OK; CCP_MISUSE if fewer are taken; CCP_INVAL if s is NULL.
 *   After:   tokio's SemaphorePermit::forget.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_sem_forget(ccp_sem *s, unsigned n);

/**
 * Makes n new permits, which are free.
 *
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if s is NULL, or there would be more than CCP_SEM_MAX.
 *   After:   tokio's Semaphore::add_permits.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_sem_add(ccp_sem *s, unsigned n);

/**
 * Closes a semaphore: no permit is given out any more.  Never waits.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it was closed already; CCP_INVAL if s is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_sem_close(ccp_sem *s);

/**
 * Tells how many permits are free.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the number at some moment during the call; 0 if s is NULL.
 *   Since:   0.1
 */
CCP_API unsigned ccp_sem_available(const ccp_sem *s);

/**
 * Tells how many permits there are, free or taken.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the number at some moment during the call; 0 if s is NULL.
 *   Since:   0.1
 */
CCP_API unsigned ccp_sem_cap(const ccp_sem *s);

/**
 * Tells whether a semaphore has been closed.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: true once closed; true if s is NULL.
 *   Since:   0.1
 */
CCP_API bool ccp_sem_is_closed(const ccp_sem *s);

/* What a block that is guarded by a CCP_WITH_ macro gives back when it is left. */
typedef struct ccp_guard_ {
    ccp_sem *sem_;
    unsigned n_;
} ccp_guard_;
#define CCP_GUARD_NAME_2_(line) ccp_guard_##line
#define CCP_GUARD_NAME_(line) CCP_GUARD_NAME_2_(line)
#define CCP_GUARD_ CCP_GUARD_NAME_(__LINE__)
static inline ccp_guard_ ccp_sem_enter_(ccp_status *rc, ccp_sem *s, unsigned n, ccp_wait w)
{
    ccp_guard_ g = { s, n };
    *rc = ccp_sem_acquire(s, n, w);
    if (*rc != CCP_OK)
        g.sem_ = NULL;
    return g;
}
static inline void ccp_sem_leave_(ccp_guard_ *g)
{
    if (g->sem_)
        (void)ccp_sem_release(g->sem_, g->n_);
    g->sem_ = NULL;
}

/** Runs the statement after it with n permits of s, and gives them back when that is left, also by
 *  break or continue, and with gcc and clang by return and goto.  If they cannot be had, rc, a
 *  variable, says why, and the statement is not run. */
#define CCP_WITH_SEM(rc, s, n, w)                                                              \
    for (CCP_AT_EXIT_(ccp_sem_leave_) ccp_guard_ CCP_GUARD_ =                                  \
             ccp_sem_enter_(&(rc), (s), (n), (w));                                             \
         CCP_GUARD_.sem_; ccp_sem_leave_(&CCP_GUARD_))

/* ==== 10. MUTEX AND READER-WRITER LOCK =====================================================
 *
 * A mutex is held by one thread at a time; a reader-writer lock by any number of readers, or by one
 * writer.  Every way to wait for them can be limited or canceled.  Neither belongs to a thread: one
 * may lock and another unlock; a thread that locks what it holds waits for itself.
 *
 *     ccp_mutex mu = CCP_MUTEX_INIT;                      // all zero is valid
 *     if (ccp_mutex_lock(&mu, ccp_with(ctx)) == CCP_OK) {
 *         balance += amount;
 *         ccp_mutex_unlock(&mu);
 *     }
 *
 * A reader that comes while a writer waits stands behind it: a thread that reads must not lock for
 * reading again.
 *
 * Guarantees
 *   M1  At most one thread holds a mutex; writers of a reader-writer lock exclude each other and
 *       readers.
 *   M2  A thread that waits for a mutex may be overtaken, but once it has waited for a millisecond
 *       and then finds the mutex taken again, the next unlock hands it over.
 *   M3  A reader-writer lock serves in the order of coming, readers that follow each other
 *       together: so readers do not starve a writer, nor writers a reader.
 *   M4  Unlocking what is not locked (for the other side: by a reader, a writer) is CCP_MISUSE and
 *       changes nothing.
 *   M5  A thread that has locked may free the memory, if nobody will use it any more, even while
 *       another has still to return from the unlock before.
 */

typedef struct ccp_mutex {
    ccp_line_ line_;
} ccp_mutex;
#define CCP_MUTEX_INIT                                                                         \
    {                                                                                          \
        { 0, NULL, NULL, 0 }                                                                   \
    }

/**
 * Locks a mutex.
 *
 *   Waits:   while it is locked.
 *   Threads: any number at once; one that holds it waits for itself.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if m is NULL; the wait codes.
 *   Order:   every unlock before it happens-before its return.
 *   Cost:    one compare-and-swap if it is free.
 *   After:   Go's sync.Mutex.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_mutex_lock(ccp_mutex *m, ccp_wait w);

/**
 * Unlocks a mutex.
 *
 *   Threads: any.
 *   Memory:  does not touch *m after somebody else could know that it is unlocked (M5).
 *   Returns: CCP_OK; CCP_MISUSE if it is not locked; CCP_INVAL if m is NULL.
 *   Cost:    one compare-and-swap if nobody waits.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_mutex_unlock(ccp_mutex *m);

/**
 * Tells whether a mutex is locked.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: whether it was at some moment during the call; false if m is NULL.
 *   Since:   0.1
 */
CCP_API bool ccp_mutex_is_locked(const ccp_mutex *m);

typedef struct ccp_rwlock {
    ccp_line_ line_;
} ccp_rwlock;
#define CCP_RWLOCK_INIT                                                                        \
    {                                                                                          \
        { 0, NULL, NULL, 0 }                                                                   \
    }

/**
 * Locks for reading.
 *
 *   Waits:   while a writer has it, or somebody waits who came before.
 *   Threads: any number at once; one that has it for writing waits for itself.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if l is NULL; the wait codes.
 *   Order:   every ccp_rwlock_wrunlock() before it happens-before its return.
 *   Cost:    one compare-and-swap if it need not wait and nobody waits.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rwlock_rdlock(ccp_rwlock *l, ccp_wait w);

/**
 * Locks for writing.
 *
 *   Waits:   while a reader or writer has it.
 *   Threads: any number at once; one that has it waits for itself.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if l is NULL; the wait codes.
 *   Order:   every unlock before it happens-before its return.
 *   Cost:    one compare-and-swap if it need not wait and nobody waits.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rwlock_wrlock(ccp_rwlock *l, ccp_wait w);

/**
 * Unlocks what was locked for reading.
 *
 *   Threads: any.
 *   Memory:  as ccp_mutex_unlock().
 *   Returns: CCP_OK; CCP_MISUSE if no reader has it; CCP_INVAL if l is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rwlock_rdunlock(ccp_rwlock *l);

/**
 * Unlocks what was locked for writing.
 *
 *   Threads: any.
 *   Memory:  as ccp_mutex_unlock().
 *   Returns: CCP_OK; CCP_MISUSE if no writer has it; CCP_INVAL if l is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rwlock_wrunlock(ccp_rwlock *l);

/* ==== 11. BARRIER ==========================================================================
 *
 * A barrier lets a fixed number of threads wait for each other, round after round.  The last one
 * to arrive opens it for all, and it is shut again at once, for the next round.
 *
 *     static ccp_barrier all_here = CCP_BARRIER_INIT(4);      // four threads do this
 *     ccp_barrier_pass pass;
 *     for (size_t step = 0; step < n; step++) {
 *         work(&job[step]);
 *         if (ccp_barrier_wait(&all_here, &pass, CCP_FOREVER) != CCP_OK) break;
 *         if (pass.leader) printf("step %zu is done\n", step);  // one of the four
 *     }
 *
 * A thread whose wait ends too early takes its arrival back, and the others go on waiting; it may
 * come again.  If they cannot do without it, make the barrier fragile: then it breaks, and
 * everybody learns.  A broken barrier refuses all until ccp_barrier_reset().
 *
 * Guarantees
 *   B1  ccp_barrier_wait() returns CCP_OK only at or after a moment at which as many threads as
 *       the barrier has parties had arrived, and as many calls return CCP_OK for each generation.
 *   B2  What each of these threads did before its call happens-before the return of all of them.
 *   B3  Exactly one of them is the leader: the last one to arrive.
 *   B4  The first generation is 0, each one is one more than the one before; neither a break nor a
 *       reset counts.
 *   B5  A thread that was refused, or left, does not count as arrived.
 *   B6  When a barrier breaks, every thread that waits there gets CCP_CLOSED, and so does who
 *       comes before the next reset.
 *   B7  A fragile barrier breaks when a ccp_barrier_wait() returns CCP_TIMEOUT or CCP_CANCELED, and
 *       before it does.
 *   B8  The memory may go as soon as every ccp_barrier_wait() has returned.
 */

typedef struct ccp_barrier {
    CCP_ALIGN8 uint64_t state_;
    struct ccpi_link *first_, *last_;
    uint32_t parties_, fragile_, pace_, lock_;
} ccp_barrier;
#define CCP_BARRIER_INIT_(parties, fragile)                                                    \
    {                                                                                          \
        0, NULL, NULL, (uint32_t)(parties), (fragile), 0, 0                                    \
    }
/** A barrier for so many threads, 1 to 16383. */
#define CCP_BARRIER_INIT(parties) CCP_BARRIER_INIT_(parties, 0)
/** One that breaks as soon as a thread that waits there gives up. */
#define CCP_BARRIER_INIT_FRAGILE(parties) CCP_BARRIER_INIT_(parties, 1)

/** What a thread learns when it passes. */
typedef struct ccp_barrier_pass {
    uint64_t generation; /* how often the barrier had opened before */
    bool leader;         /* true for one thread of each generation */
} ccp_barrier_pass;

/** A snapshot of a barrier. */
typedef struct ccp_barrier_info {
    uint64_t generation; /* how often it has opened */
    unsigned arrived;    /* threads that wait there */
    unsigned parties;
    bool broken;
} ccp_barrier_info;

/**
 * Arrives, and waits until all parties have.
 *
 *   Waits:   while one is missing; CCP_NOWAIT arrives only if no other is missing.
 *   Threads: any number at once; more than the parties form further generations.
 *   Memory:  fills in *pass, unless that is NULL; keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if the barrier is, or gets, broken; CCP_INVAL if b is NULL, or has
 *            no parties or too many; the wait codes (a fragile barrier breaks by the latter two).
 *   Order:   as B2 says.
 *   Cost:    one compare-and-swap; no system call if the others come soon.
 *   After:   pthread_barrier_wait() and its serial thread; Java's CyclicBarrier for breaking.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_barrier_wait(ccp_barrier *b, ccp_barrier_pass *pass,
                                                   ccp_wait w);

/**
 * Breaks a barrier: whoever waits there leaves.  Never waits.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it was broken; CCP_INVAL if b is NULL.
 *   Order:   happens-before every CCP_CLOSED that it causes.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_barrier_break(ccp_barrier *b);

/**
 * Makes a barrier as good as new, but for the number of its generation.  If threads wait there, it
 * breaks first, for them.
 *
 * Blocks:  until these have taken notice, which needs nothing but a processor for each.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if b is NULL.
 *   Order:   happens-before every CCP_CLOSED that it causes, and every CCP_OK that would have been
 *            CCP_CLOSED without it.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_barrier_reset(ccp_barrier *b);

/**
 * Fills in a snapshot of a barrier.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_barrier_get_info(const ccp_barrier *b, ccp_barrier_info *out);

/* ==== 12. PHASER ===========================================================================
 *
 * A phaser is a barrier whose parties come and go.  Work proceeds in phases, numbered from 0; a
 * phase is complete when all parties that are registered have arrived.  Then its action runs, if
 * there is one; then the phase has ended, and those who wait for that go on.  Arriving and waiting
 * are two things: a party may arrive, do something else, and wait later, or not at all.
 *
 *     ccp_phaser *ph = ccp_phaser_new(2);                      // two parties
 *     uint64_t phase;
 *     if (ccp_phaser_arrive(ph, &phase) == CCP_OK) {           // one of the two
 *         work(&job[0]);                                       // needs nothing of the other
 *         if (ccp_phaser_wait(ph, phase, CCP_FOREVER) == CCP_OK) work(&job[1]);
 *     }
 *     if (ccp_phaser_deregister(ph, NULL) != CCP_OK) abort();  // it does not take part any more
 *
 * While an action runs the next phase is open already: parties can register and arrive there.  But
 * no more than one: so who arrives without waiting should wait before it arrives again.
 *
 * Guarantees
 *   H1  A phase ends only when as many parties have arrived as are registered, and its action has
 *       returned; phases end one after the other.
 *   H2  The action of each phase runs once, in the thread that made the phase complete, under no
 *       lock.
 *   H3  What a party did before it arrived happens-before the action, and that before the return
 *       of every call that waited for the phase.
 *   H4  ccp_phaser_arrive_and_wait() that fails takes its arrival back.  Once the phase is complete
 *       it cannot any more: then it waits for the action, however long, and succeeds.
 *   H5  A phaser closes when its action does not return CCP_OK, after that phase has ended; without
 *       an action, after a phase that ended with nobody registered; and by ccp_phaser_close().
 *   H6  Closing releases every thread that waits, with CCP_CLOSED; who waits for a phase that is
 *       complete gets CCP_OK when that has ended.
 *   H7  To wait from inside the action is CCP_DEADLOCK; arriving and registering are allowed.
 */

typedef struct ccp_phaser ccp_phaser;

/** Runs when a phase is complete: which one, and how many are registered.  CCP_OK: go on; anything
 *  else closes the phaser. */
typedef ccp_status (*ccp_phase_action)(uint64_t phase, unsigned parties, void *arg);

/** How to build a phaser; zero is the default of every field. */
typedef struct ccp_phaser_opts {
    unsigned parties;        /* registered to begin with */
    ccp_phase_action action; /* NULL: none, and the phaser closes when nobody is left */
    void *arg;               /* for the action */
} ccp_phaser_opts;

/** A snapshot of a phaser. */
typedef struct ccp_phaser_info {
    uint64_t phase;   /* that is open: where parties arrive */
    unsigned parties; /* registered */
    unsigned arrived; /* of them */
    size_t waiting;   /* threads that sleep until a phase has ended */
    bool advancing;   /* the phase before has not ended yet: its action runs */
    bool closed;
} ccp_phaser_info;

/**
 * Creates a phaser with so many parties, without an action.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result and must pass it to ccp_phaser_free().
 *   Returns: the phaser; NULL when memory is short or there are more than 2^31 - 1 parties.
 *   Cost:    one allocation; no other call allocates.
 *   After:   Java's Phaser.
 *   Since:   0.1
 */
CCP_API ccp_phaser *ccp_phaser_new(unsigned parties);

/**
 * Creates a phaser as *o says.
 *
 *   Threads: any.
 *   Memory:  copies *o (NULL: all defaults); keeps o->arg for the action.
 *   Returns: as ccp_phaser_new().
 *   Since:   0.1
 */
CCP_API ccp_phaser *ccp_phaser_make(const ccp_phaser_opts *o);

/**
 * Frees a phaser; NULL is allowed.
 *
 *   Threads: one; nobody may use p any more.
 *   Memory:  frees everything.
 *   Returns: CCP_OK; CCP_BUSY if a thread waits there or the action runs: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_phaser_free(ccp_phaser *p);

/**
 * Registers n parties more, for the phase that is open and all that follow.
 *
 *   Threads: any, the action too.
 *   Memory:  writes the phase to *phase, unless that is NULL.
 *   Returns: CCP_OK; CCP_CLOSED if p is closed; CCP_INVAL if p is NULL or there would be more than
 *            2^31 - 1 parties.
 *   Cost:    one lock.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_phaser_register(ccp_phaser *p, unsigned n, uint64_t *phase);

/**
 * Arrives, and does not wait.  If the phase is complete by that, runs the action.
 *
 *   Threads: any, the action too.
 *   Memory:  writes the phase it arrived at to *phase, unless that is NULL.
 *   Returns: CCP_OK; CCP_CLOSED if p is closed; CCP_MISUSE if all who are registered have arrived;
 *            CCP_INVAL if p is NULL.
 *   Order:   as H3 says.
 *   Cost:    one lock; one wake per thread that sleeps if the phase ends.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_phaser_arrive(ccp_phaser *p, uint64_t *phase);

/**
 * As ccp_phaser_arrive(), and takes the party off: it is not expected any more.
 *
 *   Threads: any, the action too.
 *   Memory:  as ccp_phaser_arrive().
 *   Returns: as ccp_phaser_arrive().
 *   Since:   0.1
 */
CCP_API ccp_status ccp_phaser_deregister(ccp_phaser *p, uint64_t *phase);

/**
 * Arrives, and waits until the phase has ended.
 *
 *   Waits:   while others have not arrived, or the action runs; CCP_NOWAIT arrives only if no other
 *            party is missing, and then runs the action.
 *   Threads: any, but not the action (CCP_DEADLOCK).
 *   Memory:  writes the phase that has ended to *phase, unless that is NULL.
 *   Returns: CCP_OK; CCP_CLOSED if p is closed, or gets closed before the phase is complete;
 *            CCP_MISUSE if all who are registered have arrived; CCP_DEADLOCK if called by the
 *            action; CCP_INVAL if p is NULL; the wait codes.
 *   Order:   as H3 says.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_phaser_arrive_and_wait(ccp_phaser *p, uint64_t *phase,
                                                             ccp_wait w);

/**
 * Waits until a phase has ended: one that is open, or a later one.  Who waits need not be a party.
 *
 *   Waits:   while it has not.
 *   Threads: any number at once, but not the action (CCP_DEADLOCK).
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if p is closed, or gets closed, and the phase can never end;
 *            CCP_DEADLOCK if called by the action; CCP_INVAL if p is NULL; the wait codes.
 *   Order:   as H3 says.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_phaser_wait(ccp_phaser *p, uint64_t phase, ccp_wait w);

/**
 * Closes a phaser: whoever waits leaves, and nobody can register or arrive.  Never waits.
 *
 *   Threads: any, the action too.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it was closed; CCP_INVAL if p is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_phaser_close(ccp_phaser *p);

/**
 * Fills in a snapshot of a phaser.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Cost:    one lock; linear in the number of threads that wait.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_phaser_get_info(const ccp_phaser *p, ccp_phaser_info *out);

/* ==== 13. FUTURE AND PROMISE ===============================================================
 *
 * A future is a value, or an error, that will be there later; the promise is the other end, by
 * which somebody supplies it, once.  Any number of threads can wait for it.
 *
 *     ccp_future *f;
 *     ccp_promise *p = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof(int) }, &f);
 *     ... hand p to a thread, which does this:
 *         ccp_promise_set(p, &answer);               // or ccp_promise_fail(p, CCP_FAILED)
 *         ccp_promise_free(p);
 *     ... and meanwhile:
 *     if (ccp_future_get(f, &v, ccp_within(CCP_SEC(1))) == CCP_OK) ...
 *     ccp_future_free(f);                            // at any time
 *
 * The value travels like an element of a channel: `size` bytes, copied in and copied out.  Who gets
 * it has a copy of his own, and what it points to, if it points to anything, is then for those
 * who got it to share.  A value that nobody gets goes to the `drop` function.
 *
 * ccp_pool_call() runs a function on a pool and gives its future.  To wait for a future and other
 * things at once: CCP_CASE_RECV(ccp_future_done(f), NULL) in a select.
 *
 * Guarantees
 *   F1  A future is settled at most once, by ccp_promise_set(), ccp_promise_fail(),
 *       ccp_future_cancel(), or the end of the promise, and never changes afterwards.
 *   F2  What happened before it was settled happens-before the return of each call that finds it
 *       settled.
 *   F3  Either end may be freed at any time, without regard to the other.  A promise that is freed
 *       without having been kept settles the future with CCP_CLOSED.
 *   F4  A value that no ccp_future_get() has copied goes to the drop function, exactly once, when
 *       the last handle of either end is freed, in the thread that frees it.  One that a function
 *       computed for a future that was canceled meanwhile goes there when the function returns.
 *   F5  A future that is canceled, or has no handle left, is seen to be so by its producer:
 *       ccp_promise_canceled() tells it, and the context of the promise has ended.  If it was to be
 *       made of other futures, their handles that were kept for it are given up.
 *   F6  A function given to ccp_future_then() is called once, after the future was settled, under
 *       no lock; not at all, if the future that it is to settle is canceled before.
 *   F7  ccp_future_first() is settled with its value as soon as k futures have theirs, and fails as
 *       soon as k cannot have one any more.
 *   F8  The function of a lazy future is called at most once, by the first that waits for it.
 */

typedef struct ccp_future ccp_future;
typedef struct ccp_promise ccp_promise;

/** How to build a future; zero is the default of every field. */
typedef struct ccp_promise_opts {
    size_t size;     /* bytes of the value; 0: it carries nothing */
    void (*drop)(void *value, void *arg); /* gets a value that nobody got; may be NULL */
    void *drop_arg;
    bool cancelable; /* the producer gets a context that ends when the future is canceled */
    ccp_ctx *parent; /* that context is below it */
} ccp_promise_opts;

/** Computes a value: writes it to *result, which is aligned for any type, and returns CCP_OK; or
 *  returns an error. */
typedef ccp_status (*ccp_call)(ccp_ctx *ctx, void *arg, void *result);

/** Computes a value from another: error is CCP_OK, and value points to it; or error says why there
 *  is none, and value is NULL.  Writes *result and returns CCP_OK; or returns an error. */
typedef ccp_status (*ccp_then)(ccp_status error, const void *value, void *result, void *arg);

/**
 * Creates a promise and its future.
 *
 *   Threads: any.
 *   Memory:  copies *o (NULL: all defaults).  The caller owns both ends, and must pass them to
 *            ccp_promise_free() and ccp_future_free(), in any order.
 *   Returns: the promise; NULL, with *future unchanged, when memory is short, the size is absurd or
 *            future is NULL.
 *   Cost:    one allocation; two if it is cancelable.
 *   After:   tokio's oneshot and folly's Promise, with many waiters.
 *   Since:   0.1
 */
CCP_API ccp_promise *ccp_promise_new(const ccp_promise_opts *o, ccp_future **future);

/**
 * Keeps a promise: settles the future with a value.
 *
 *   Threads: one promise by one thread at a time.
 *   Memory:  copies the value before it returns.
 *   Returns: CCP_OK, also if nobody waits for it or ever will; CCP_CANCELED if the future was
 *            canceled: the value is still the caller's; CCP_MISUSE if the promise was kept or
 *            failed before; CCP_INVAL if p, or value with a size, is NULL.
 *   Order:   as F2 says.
 *   Cost:    one compare-and-swap; if somebody waits, one lock and a wake for each.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_promise_set(ccp_promise *p, const void *value);

/**
 * Fails a promise: settles the future with an error.
 *
 *   Threads: one promise by one thread at a time.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CANCELED and CCP_MISUSE as ccp_promise_set(); CCP_INVAL if p is NULL or
 *            error is CCP_OK.
 *   Order:   as F2 says.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_promise_fail(ccp_promise *p, ccp_status error);

/**
 * Tells whether nobody wants the value any more: the future was canceled, or all its handles were
 * freed.
 *
 *   Threads: any that may use p.
 *   Memory:  keeps nothing.
 *   Returns: true if nobody wants the value; true if p is NULL.
 *   Cost:    two loads.
 *   Since:   0.1
 */
CCP_API bool ccp_promise_canceled(const ccp_promise *p);

/**
 * Gives the context that ends when the future is canceled, or its last handle is freed before it is
 * settled.
 *
 *   Threads: any that may use p.
 *   Memory:  the promise's; gone when p is freed.
 *   Returns: the context; NULL if the promise is not cancelable, or is NULL.
 *   Since:   0.1
 */
CCP_API ccp_ctx *ccp_promise_ctx(ccp_promise *p);

/**
 * Gives up a promise; NULL is allowed.  If it was not kept, the future fails with CCP_CLOSED.
 *
 *   Threads: one; nobody may use p any more.
 *   Memory:  frees it with the last handle of the future; then the value may be dropped here.
 *   Since:   0.1
 */
CCP_API void ccp_promise_free(ccp_promise *p);

/**
 * Gets the value of a future.  It stays there for others.
 *
 *   Waits:   while it is not settled.  Runs the function of a lazy future, and in a task of a pool
 *            a call that waits in the queue of that pool, however long that takes; not with
 *            CCP_NOWAIT.
 *   Threads: any number at once.
 *   Memory:  copies the value to *value; value may be NULL, then it counts as not gotten.
 *   Returns: CCP_OK; CCP_FAILED if it was settled without a value: ccp_future_error() says how;
 *            CCP_DEADLOCK when called by the function that is to supply the value; CCP_INVAL if f
 *            is NULL; the wait codes.
 *   Cost:    two loads and the copy, if it is settled; no allocation.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_future_get(ccp_future *f, void *value, ccp_wait w);

/**
 * Gives the value where it stands, if it is there.
 *
 *   Threads: any number at once.
 *   Memory:  the future's: good until the caller's handle is freed; if nobody gets it, dropped with
 *            the last handle.
 *   Returns: a pointer to the value; NULL while the future is not settled, and if it failed.
 *   Since:   0.1
 */
CCP_API const void *ccp_future_peek(ccp_future *f);

/**
 * Tells whether a future is settled, with a value or without.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: true once settled; false if f is NULL.
 *   Since:   0.1
 */
CCP_API bool ccp_future_is_done(const ccp_future *f);

/**
 * Tells why a future has no value.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK if it has one, or is not settled; CCP_CANCELED if it was canceled; CCP_CLOSED
 *            if the promise was given up; CCP_FAILED, or whatever else ccp_promise_fail() or the
 *            function of a call gave; CCP_INVAL if f is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_future_error(const ccp_future *f);

/**
 * Gives a channel that is closed when the future is settled: to select on, or to wait for several.
 *
 *   Threads: any.
 *   Memory:  the future's: good until the caller's handle is freed.  Allocated by the first call.
 *   Returns: the channel; NULL when memory is short or f is NULL.
 *   Since:   0.1
 */
CCP_API ccp_chan *ccp_future_done(ccp_future *f);

/**
 * Says that nobody wants the value any more: settles the future with CCP_CANCELED.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it was settled before; CCP_INVAL if f is NULL.
 *   Order:   as F2 says.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_future_cancel(ccp_future *f);

/**
 * Makes one handle more, for another thread to get the value by, and to free.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result and must pass it to ccp_future_free().
 *   Returns: f; NULL if f is NULL or has 2^31 - 1 handles.
 *   Since:   0.1
 */
CCP_API ccp_future *ccp_future_share(ccp_future *f);

/**
 * Frees a handle; NULL is allowed.  The last one of a future that is not settled cancels the
 * producer's context.
 *
 *   Threads: one; nobody may use this handle any more.
 *   Memory:  frees the future with the last handle of either end; then the value may be dropped
 *            here.
 *   Since:   0.1
 */
CCP_API void ccp_future_free(ccp_future *f);

/**
 * Creates a future whose value fn computes, in the thread that first waits for it.
 *
 * ccp_future_then(), ccp_future_first() and ccp_future_done() count as waiting.  With
 * ccp_future_get() the function gets the context of that call's wait, otherwise NULL; unless the
 * future is cancelable, then its own.
 *
 *   Threads: any.
 *   Memory:  copies *o; keeps arg for fn.  The caller owns the result.
 *   Returns: the future; NULL when memory is short, the size is absurd or fn is NULL.
 *   After:   std::launch::deferred of C++.
 *   Since:   0.1
 */
CCP_API ccp_future *ccp_future_lazy(const ccp_promise_opts *o, ccp_call fn, void *arg);

/**
 * Creates a future that fn makes of f, in the thread that settles f; at once, in this thread, if f
 * is settled.
 *
 *   Threads: any.
 *   Memory:  copies *o; has a handle of its own of f, until fn has returned or nobody wants the
 *            result; keeps arg for fn.  The caller owns the result.
 *   Returns: the future; NULL when memory is short, the size is absurd, or f or fn is NULL.
 *   After:   Java's CompletableFuture.handle.
 *   Since:   0.1
 */
CCP_API ccp_future *ccp_future_then(ccp_future *f, const ccp_promise_opts *o, ccp_then fn,
                                    void *arg);

/**
 * Creates a future whose value is an array of k size_t: which of n futures had a value first, in
 * that order.  It fails with the error of the one by which k became impossible.
 *
 *   Threads: any.
 *   Memory:  has a handle of its own of each, until it is settled or nobody wants it.  The caller
 *            owns the result.
 *   Returns: the future; NULL when memory is short, one of them is NULL, or k > n.
 *   Cost:    linear in n.
 *   After:   folly's collectN.
 *   Since:   0.1
 */
CCP_API ccp_future *ccp_future_first(ccp_future *const *f, size_t n, size_t k);

/** The first of n futures that has a value: its number is the value, a size_t. */
static inline ccp_future *ccp_future_any(ccp_future *const *f, size_t n)
{
    return ccp_future_first(f, n, 1);
}

/** Settled when all of n futures have a value; fails with the first error. */
static inline ccp_future *ccp_future_all(ccp_future *const *f, size_t n)
{
    return ccp_future_first(f, n, n);
}

/* ==== 14. GROUP ============================================================================
 *
 * A group runs tasks that belong together, at most `limit` of them at once, on threads of its own.
 * The first task that fails ends the group's context, and with it, if they listen, the others.
 *
 *     ccp_group *g = ccp_group_new(parent, 4);                // at most 4 at once; 0: no limit
 *     ccp_wait w = ccp_with(ccp_group_ctx(g));                // stop starting when one has failed
 *     for (size_t i = 0; i < n && ccp_group_go(g, fetch, urls[i], w) == CCP_OK; i++)
 *         continue;
 *     ccp_group_error e;
 *     if (ccp_group_wait(g, CCP_FOREVER) == CCP_FAILED && ccp_group_errors(g, &e, 1) > 0) ...
 *     ccp_group_free(g);
 *
 * A thread that has finished a task takes the next one; it ends when the group is freed.
 *
 * A task may start tasks of its own group.  Where it would have to wait for the limit, which it may
 * itself be keeping reached, it runs the new task at once instead.  So a task that holds a lock
 * must not start one that takes it.
 *
 * Guarantees
 *   E1  Never more tasks run at once than the limit; nor does the group have more threads.
 *   E2  ccp_group_wait() returns CCP_OK or CCP_FAILED only at or after a moment at which no task
 *       was under way.  What tasks did happens-before its return; a failure, before it is told.
 *   E3  The first task that does not return CCP_OK ends the group's context; the cause is its
 *       ccp_group_error.  With `keep_going` it does not, and the errors of all are kept.
 *   E4  Every accepted task runs exactly once, also if the context has ended.
 *   E5  ccp_group_go() by a task of the group never waits for the limit: while that is reached, the
 *       new task runs in the caller, before the call returns.
 *   E6  A group is not freed while a task is under way.
 *   E7  Tasks that one thread starts are numbered in the order of the calls, from 0, and their
 *       errors have that number.
 */

/** A task of a group or a pool.  Any status but CCP_OK says that it failed. */
typedef ccp_status (*ccp_task)(ccp_ctx *ctx, void *arg);

typedef struct ccp_group ccp_group;

/** A task that failed. */
typedef struct ccp_group_error {
    size_t index;      /* of the task: the first one that was started has 0 */
    ccp_status status; /* what it returned */
    void *arg;         /* what it was given */
} ccp_group_error;

/** How to build a group; zero is the default of every field. */
typedef struct ccp_group_opts {
    ccp_ctx *parent;   /* the group's context is below it */
    unsigned limit;    /* tasks that may be under way at once; 0: any number */
    bool keep_going;   /* a failure does not end the context, and all of them are kept */
    const char *name;  /* of the threads; NULL: none; must outlive the group */
    size_t stack_size; /* bytes of stack per thread; 0: the system's default */
} ccp_group_opts;

/**
 * Creates a group whose context is below parent.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result and must pass it to ccp_group_free().
 *   Returns: the group; NULL when memory is short.
 *   After:   Go's errgroup.WithContext and SetLimit.
 *   Since:   0.1
 */
CCP_API ccp_group *ccp_group_new(ccp_ctx *parent, unsigned limit);

/**
 * Creates a group as *o says.
 *
 *   Threads: any.
 *   Memory:  copies *o (NULL: all defaults).  The caller owns the result.
 *   Returns: the group; NULL when memory is short.
 *   Since:   0.1
 */
CCP_API ccp_group *ccp_group_make(const ccp_group_opts *o);

/**
 * Gives the context that the tasks get: to pass it on, to cancel it, to wait under it.
 *
 *   Threads: any.
 *   Memory:  the group's; gone when the group is freed.
 *   Returns: the context; NULL if g is NULL.
 *   Since:   0.1
 */
CCP_API ccp_ctx *ccp_group_ctx(const ccp_group *g);

/**
 * Starts a task, on a thread of the group.
 *
 *   Waits:   while as many tasks are under way as the limit allows; a task of the group does not
 *            wait, see E5.
 *   Threads: any, tasks of the group too.
 *   Memory:  keeps arg for fn; with `keep_going`, one small block until the task has succeeded or
 *            the group is freed.
 *   Returns: CCP_OK; CCP_NOMEM if memory or threads are short; CCP_INVAL if g or fn is NULL; the
 *            wait codes.
 *   Order:   happens-before fn.
 *   Cost:    no allocation, unless a thread is started or the group has `keep_going`.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_group_go(ccp_group *g, ccp_task fn, void *arg, ccp_wait w);

/**
 * Waits until no task is under way, and tells whether one has failed.  The group can go on.
 *
 *   Waits:   while a task is under way.
 *   Threads: any number at once, but not a task of the group (CCP_DEADLOCK).
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK if every task so far returned CCP_OK; CCP_FAILED if one did not: see
 *            ccp_group_errors(); CCP_DEADLOCK when called by a task of g; CCP_INVAL if g is NULL;
 *            the wait codes.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_group_wait(ccp_group *g, ccp_wait w);

/**
 * Lists the tasks that have failed, in the order in which they did.
 *
 *   Threads: any, also while tasks run.
 *   Memory:  writes up to max elements of out.
 *   Returns: how many there are: with `keep_going` all, otherwise the first one only.
 *   Since:   0.1
 */
CCP_API size_t ccp_group_errors(ccp_group *g, ccp_group_error *out, size_t max);

/**
 * Frees a group; NULL is allowed.
 *
 * Blocks:  for its threads to end; they have nothing to do.
 *
 *   Threads: one; nobody may use g any more.
 *   Memory:  frees everything.
 *   Returns: CCP_OK; CCP_BUSY if a task is under way, a thread waits for the group or under its
 *            context, or a hook is set there: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_group_free(ccp_group *g);

/* ==== 15. SINGLE-FLIGHT ====================================================================
 *
 * Single-flight keeps many threads from doing the same work at the same time.  Of the calls with
 * the same key that come while one is under way, the first runs the function; the others wait, and
 * all get its result.  Nothing is remembered: the next call after that runs the function again.
 *
 *     ccp_flight *f = ccp_flight_new(sizeof(int));            // look_up() writes an int
 *     const ccp_flight_call c = { .key = "user:7", .len = 6, .fn = look_up, .arg = &job[7] };
 *     if (ccp_flight_do(f, &c, &v, NULL, ccp_within(CCP_SEC(1))) == CCP_OK) ...
 *
 * Results are bytes, result_size of them.  The function writes its result to memory of the library,
 * aligned to 8 bytes; each caller gets the bytes.  If a result owns something (memory, a count),
 * give `copy`, which makes a second one, and `drop`, which gives one back: then each caller owns
 * what it got, and what nobody took is dropped.  A function that fails must own nothing any more.
 *
 * The thread that runs the function cannot leave before that has returned; the others can, and the
 * call goes on.  Who cannot wait at all uses ccp_flight_do_chan(): the function runs in a thread
 * of its own, and the result comes through a channel, which can be selected on.
 *
 * Guarantees
 *   D1  For each key at most one function runs at a time, but for those that were forgotten.
 *   D2  A call that began while one of the same key was under way, and was not forgotten, gets the
 *       result of that one.
 *   D3  What the function did happens-before the return of every call that gets its result.
 *   D4  `shared` is the same for all who get a result: whether they are more than one.
 *   D5  A caller that leaves takes nothing from the others, and does not end the call.
 *   D6  With `copy` and `drop`, of one successful function: 1 + copies made = results taken +
 *       drops made.
 *   D7  A call from inside the function of the same key is CCP_DEADLOCK.
 *   D8  Keys are compared by their bytes, and copied.
 */

typedef struct ccp_flight ccp_flight;

/** Does the work: writes the result to *result, which begins as zeros.  What it returns goes to all
 *  callers; unless it is CCP_OK there is no result. */
typedef ccp_status (*ccp_flight_fn)(void *result, void *arg);

/** What to do, and the key that says what is the same. */
typedef struct ccp_flight_call {
    const void *key; /* len bytes; NULL only if len is 0 */
    size_t len;
    ccp_flight_fn fn;
    void *arg; /* of the caller whose fn runs */
} ccp_flight_call;

/** How to build a single-flight; zero is the default of every field. */
typedef struct ccp_flight_opts {
    size_t result_size;
    void (*copy)(void *to, const void *from, void *arg); /* NULL: the bytes will do */
    void (*drop)(void *result, void *arg);               /* only together with copy */
    void *arg;                                           /* for both */
} ccp_flight_opts;

/** A snapshot of a single-flight. */
typedef struct ccp_flight_info {
    size_t calls;   /* functions that run */
    size_t waiting; /* threads that wait for one */
    size_t chans;   /* channels that wait for one */
} ccp_flight_info;

/** The struct to receive a result of type T with, from a channel of ccp_flight_do_chan(); value is
 *  valid if status, what the function returned, is CCP_OK. */
#define CCP_FLIGHT_RESULT(T)                                                                   \
    struct {                                                                                   \
        ccp_status status;                                                                     \
        bool shared;                                                                           \
        CCP_ALIGN8 T value;                                                                    \
    }

/**
 * Creates a single-flight whose results are so many bytes, and own nothing.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result and must pass it to ccp_flight_free().
 *   Returns: the single-flight; NULL when memory is short or results are absurdly large.
 *   After:   Go's golang.org/x/sync/singleflight.
 *   Since:   0.1
 */
CCP_API ccp_flight *ccp_flight_new(size_t result_size);

/**
 * Creates a single-flight as *o says.
 *
 *   Threads: any.
 *   Memory:  copies *o (NULL: all defaults); keeps o->arg for the functions.
 *   Returns: as ccp_flight_new(); also NULL if there is a drop without a copy.
 *   Since:   0.1
 */
CCP_API ccp_flight *ccp_flight_make(const ccp_flight_opts *o);

/**
 * Frees a single-flight; NULL is allowed.  The channels it made must have been left before.
 *
 * Blocks:  until threads of its own whose function has returned have ended.
 *
 *   Threads: one; nobody may use f any more.
 *   Memory:  frees everything.
 *   Returns: CCP_OK; CCP_BUSY if a function runs: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_flight_free(ccp_flight *f);

/**
 * Gets the result for a key: runs c->fn(result, c->arg), or waits for who runs one already.
 *
 *   Waits:   while another thread runs the function; CCP_NOWAIT runs it, or gives CCP_AGAIN.
 *   Threads: any number at once; fn may use f, with other keys.
 *   Memory:  writes the result to *result (NULL: it is dropped), and to *shared (may be NULL)
 *            whether others got it, too.  Keeps c->arg until fn has returned.
 *   Returns: CCP_OK; CCP_FAILED, or whatever else fn returned; CCP_DEADLOCK if the thread runs the
 *            function of this key already; CCP_NOMEM if memory is short; CCP_INVAL if f, c, c->fn,
 *            or c->key with c->len > 0, is NULL; the wait codes.
 *   Order:   as D3 says.
 *   Cost:    who runs the function: one allocation; who waits: none.  A few locks.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_flight_do(ccp_flight *f, const ccp_flight_call *c,
                                                void *result, bool *shared, ccp_wait w);

/**
 * As ccp_flight_do(), but never waits: gives a channel from which the result can be received, as a
 * CCP_FLIGHT_RESULT, once; then it is closed.
 *
 *   Threads: any number at once.
 *   Memory:  writes the channel to *out; the caller must pass it to ccp_flight_leave().  Keeps
 *            c->arg until fn has returned.
 *   Returns: CCP_OK; CCP_NOMEM if memory or threads are short; CCP_INVAL as ccp_flight_do(), and if
 *            out is NULL.
 *   Cost:    some allocations, and a thread, unless a call of this key is under way.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_flight_do_chan(ccp_flight *f, const ccp_flight_call *c,
                                                     ccp_chan **out);

/**
 * Gives back a channel of ccp_flight_do_chan(), whether or not the result has come.
 *
 *   Threads: one; nobody may use ch any more.
 *   Memory:  frees the channel; a result in it is dropped.
 *   Returns: CCP_OK; CCP_BUSY if a thread waits to receive from it: nothing is freed; CCP_INVAL if
 *            a pointer is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_flight_leave(ccp_flight *f, ccp_chan *ch);

/**
 * Forgets the call of a key that is under way, if there is one: the next one runs its function.
 * Those who wait for the former get the result of that.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if f, or key with len > 0, is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_flight_forget(ccp_flight *f, const void *key, size_t len);

/**
 * Fills in a snapshot of a single-flight.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_flight_get_info(const ccp_flight *f, ccp_flight_info *out);

/* ==== 16. WORKER POOL ======================================================================
 *
 * A pool runs tasks on a limited number of threads.  Tasks wait in a bounded queue: when it is
 * full, ccp_pool_submit() waits, which is how a fast producer is held back.
 *
 *     ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 4, .queue = 64 });
 *     for (size_t i = 0; i < n; i++)
 *         if (ccp_pool_submit(pool, resize, images[i], CCP_FOREVER) != CCP_OK) break;
 *     ccp_pool_drain(pool, CCP_FOREVER);          // all have run
 *     ccp_pool_free(pool);
 *
 * A task gets a context that ends when the pool is shut down, or the pool's parent context ends.
 * What it returns is counted: ccp_pool_info tells how many did not return CCP_OK.
 *
 * All workers are started at once, and stay.  With `idle` they are started when tasks need them,
 * and end when they have had nothing to do for so long; `min` of them stay.  ccp_pool_resize() sets
 * how many there may be, while the pool works:
 *
 *     ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){                 // 1 to 16 threads
 *         .workers = 16, .min = 1, .idle = CCP_SEC(10), .queue = 64 });
 *     ...
 *     if (ccp_pool_resize(pool, 4) != CCP_OK) ...
 *
 * ccp_pool_submit_with() gives a task a priority, a time before which it does not begin, one by
 * which it must have begun, a limit for its run, an owner who may withdraw it while it waits, a
 * context that it ends with:
 *
 *     ccp_task_opts urgent = { .priority = 9, .within = CCP_MS(50), .owner = urls };
 *     if (ccp_pool_submit_with(pool, fetch, urls[0], &urgent, CCP_NOWAIT) != CCP_OK) ...
 *     ...
 *     ccp_pool_cancel(pool, urls, NULL);          // what waits goes to `unrun`
 *
 * With `tune` the pool finds out by itself how many workers are worth their while: it begins with
 * as many as there are processors, and between `min` and `workers` it tries how many get most tasks
 * done.  It takes a thread, which sleeps while no task waits.  What ccp_pool_resize() sets is then
 * how many there may be:
 *
 *     ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){
 *         .workers = 64, .min = 2, .tune = CCP_MS(10), .queue = 64 });
 *
 * How many workers are right depends on the tasks.  Tasks that compute want as many as there are
 * processors; those that wait want more, as ccp_pool_recommend() tells.  With `measure` the pool
 * finds out which they are:
 *
 *     ccp_pool_info info;
 *     ccp_pool_get_info(pool, &info);             // .measure = true
 *     if (info.crowded) puts("more workers than processors, for tasks that compute");
 *     printf("%u workers would use the processors up\n", info.recommended);
 *
 * Guarantees
 *   P1  Tasks start in the order in which they were accepted (but for P13, P18, P24).
 *   P2  Never more tasks run at once than the pool may have workers: `workers`, or what
 *       ccp_pool_resize() has set (P10 says when that takes effect), and `spare` more for P14, P15.
 *   P3  Every accepted task runs exactly once, or is handed back exactly once by
 *       ccp_pool_shutdown(), ccp_pool_abort() or the `unrun` function of the pool.
 *   P4  ccp_pool_drain() returns CCP_OK only when each task accepted before it has finished, or was
 *       dropped by `full` or as P19 and P20 say, or had no place in the queue yet (P24).
 *   P5  Pools share nothing: no use of one delays or stops another.
 *   P6  What happened before ccp_pool_submit() happens-before the task; the task happens-before
 *       the return of the ccp_pool_drain() that waited for it.
 *   P7  Workers that have nothing to do use no processor time, and block all signals that are
 *       not errors of their own making.
 *   P8  No memory is allocated per task, but for ccp_pool_submit_with().
 *   P9  A call that is handed back fails its future with CCP_CLOSED, and so does what was to run on
 *       the pool when another future is settled; `unrun` does not see them.
 *   P10 When ccp_pool_resize() leaves a pool with workers too many, each of these finishes the task
 *       that it has or is just taking, and ends; those without one end at once.  No task is lost.
 *   P11 With `idle`, an accepted task does not wait while fewer tasks run than may, unless memory
 *       or threads are short.  While the pool accepts tasks it never has less than `min` workers.
 *   P12 ccp_pool_wait() returns CCP_OK only at or after a moment at which no accepted task was
 *       unfinished, tasks that were submitted by tasks included.
 *   P13 ccp_future_get() by a task, for a ccp_pool_call() on the same pool that has not begun,
 *       calls its function there and then, and runs nothing else.  So tasks that wait for the calls
 *       that they have made finish with any number of workers.
 *   P14 While a task is in a blocking section, or waits for room in the queue of its own pool,
 *       there may be a worker more, up to `spare`.  A task that would wait for that room for ever
 *       while all other workers do gets CCP_DEADLOCK instead.
 *   P15 With `stall` and `spare` a pool whose workers are all blocked goes on: one worker more is
 *       started each time that tasks have waited for so long while none began or finished.
 *   P16 With `full`, ccp_pool_submit() returns CCP_OK instead of CCP_AGAIN or CCP_TIMEOUT when it
 *       was the queue that had no room: the task has run in the caller, beside those of P2 and
 *       before those that wait; or it, or the oldest that waits, was handed to `unrun` there.
 *       When the pool is closed at the same time, the oldest may have been dropped by a call that
 *       then gives CCP_CLOSED.
 *   P17 Where it is not said how many workers to have, a pool, a fan or a range in parallel has
 *       ccp_cpu_count(), as it is then: no more than affinity and quotas allow.
 *   P18 A place in the queue that a task got by ccp_pool_submit_with() goes to that one of all such
 *       tasks which has the highest priority when a worker comes to it; of equal ones, to the one
 *       accepted first.  With `aging` n every n-th such place goes to the one that has waited
 *       longest.  Tasks of ccp_pool_submit() keep their places.
 *   P19 A task that has not begun when its `within` is over, or its `ctx` ends, does not begin: it
 *       goes to `unrun` when it would have begun.
 *   P20 When ccp_pool_cancel() returns, no task of that owner waits that was accepted before the
 *       call: each has been handed to `unrun`, once, unless a worker already had it.
 *   P21 `done` is counted by one more before the task can begin, and by one less, once, after the
 *       task has returned or `unrun` has: also when it is handed back.
 *   P22 With `measure`, the figures of ccp_pool_info tell of each task that a worker has finished,
 *       once; who has waited for a task finds it in them.
 *   P23 With `tune` there are at least `min` workers and at most `workers`, or what
 *       ccp_pool_resize() has set.  While all are blocked and tasks wait, more are started, until
 *       one goes on or no more may be.
 *   P24 A task with `after` is accepted at once, and does not begin before its time.  Then it gets
 *       a place in the queue as soon as there is one, in the order of these times, and counts as
 *       accepted by then for P1, P4 and P18.  ccp_pool_close() and ccp_pool_shutdown() hand back
 *       those without a place before they return; ccp_pool_wait() waits for them.
 */

typedef struct ccp_pool ccp_pool;

/** Gets a task that will not run any more; gets the pool's unrun_arg too. */
typedef void (*ccp_unrun)(ccp_task fn, void *task_arg, void *unrun_arg);

/** What becomes of a task when the queue is full and its ccp_pool_submit() may not wait, or has
 *  waited for as long as it may. */
typedef enum ccp_pool_full {
    CCP_FULL_FAILS,    /* the call fails: CCP_AGAIN, CCP_TIMEOUT */
    CCP_FULL_RUNS,     /* the task runs in the caller */
    CCP_FULL_DROPS_IT, /* the task goes to `unrun` */
    CCP_FULL_DROPS_OLDEST /* the task that has waited longest goes to `unrun`, to make room */
} ccp_pool_full;

/** How to build a pool; zero is the default of every field. */
typedef struct ccp_pool_opts {
    unsigned workers;  /* threads, at most; 0: ccp_cpu_count() */
    size_t queue;      /* tasks that wait; 0: rendezvous, a task is accepted by an idle worker */
    const char *name;  /* threads are called name-0, name-1, ...; NULL: "ccp" */
    size_t stack_size; /* bytes of stack per worker, thread-local storage included; 0: the system's
                        * default */
    ccp_ctx *parent;   /* tasks' contexts are below it */
    ccp_unrun unrun;   /* gets tasks that will not run: when the pool is freed, or by `full` */
    void *unrun_arg;
    int64_t idle;      /* ns; a worker that has had nothing to do for so long ends; 0: it stays */
    unsigned min;      /* with idle or tune: workers that stay; they are started at once */
    bool partial;      /* if threads are short, go on with fewer, at least one */
    /* run in each worker before its first task, and after its last, with their context */
    void (*worker_start)(ccp_ctx *ctx, void *worker_arg);
    void (*worker_end)(ccp_ctx *ctx, void *worker_arg);
    void *worker_arg;
    unsigned spare;    /* workers more, at most, while tasks block: see ccp_pool_block() */
    ccp_pool_full full; /* what becomes of tasks for which the queue has no room */
    int64_t stall;     /* ns; with spare: one more when tasks wait and none began or finished for
                        * so long; 0: not for that reason */
    unsigned aging;    /* of tasks with priorities every so many-th that begins is the one that has
                        * waited longest; 0: one of low priority may wait for ever */
    int64_t tune;      /* ns; look so often how many workers are right, from min, or 1, up to
                        * `workers`; what a look shall tell takes some tasks: 10 ms are much for
                        * tasks of 0.1 ms, and little for those of 100 ms; 0: they are `workers` */
    bool measure;      /* take the figures that ccp_pool_info has: four system calls per task */
    bool respawn;      /* in a child of a fork it works anew, see FK7 */
} ccp_pool_opts;

/** How to submit a task; zero is the default of every field. */
typedef struct ccp_task_opts {
    int priority;      /* higher ones begin first, of those that wait */
    int64_t within;    /* ns from the call; a task that has not begun by then is dropped; 0: none */
    int64_t limit;     /* ns from its beginning, after which its context ends; 0: none */
    const void *owner; /* for ccp_pool_cancel() */
    ccp_ctx *ctx;      /* a task that waits is dropped when this ends, and the context of one that
                        * runs ends too; must live until the task has ended */
    ccp_wg *done;      /* counts the task until it has ended, see P21; NULL: nobody does */
    int64_t after;     /* ns from the call, before which it does not begin; then it needs a place in
                        * the queue, and `within` counts from then, see P24; 0: none */
} ccp_task_opts;

/** A snapshot of a pool. */
typedef struct ccp_pool_info {
    unsigned workers;   /* that there are now */
    size_t queued;      /* tasks accepted and not started */
    size_t queue_cap;
    size_t queue_high_water; /* most tasks queued at once; as ccp_chan_info.high_water */
    uint64_t finished;  /* tasks that have returned */
    uint64_t failed;    /* of them, those that did not return CCP_OK */
    const char *name;
    unsigned limit;     /* workers that there may be */
    unsigned most;      /* workers that there were at once, at most */
    unsigned busy;      /* workers that have a task */
    uint64_t handed_back; /* tasks accepted that will not run */
    uint64_t dropped;   /* of them, because the queue was full */
    uint64_t expired;   /* of them, because their `within` or their context's time was over */
    uint64_t canceled;  /* of them, by ccp_pool_cancel() or because their context was canceled */
    size_t delayed;     /* tasks with `after` that have no place in the queue yet */
    /* with `measure`, else 0; sums, so that two snapshots tell what was in between: */
    uint64_t measured;  /* tasks that workers have finished; of these: */
    int64_t queue_ns;   /* ns that they waited, from ccp_pool_submit() on */
    int64_t queue_ns_max; /* that one of them waited, at most */
    int64_t run_ns;     /* ns that they took: over time and workers, how much these had to do */
    int64_t cpu_ns;     /* ns of the processors that they used */
    uint64_t blocked;   /* tasks that gave their processor up to wait for something */
    unsigned recommended; /* workers that use the processors up, by ccp_pool_recommend() */
    bool crowded;       /* there are more workers than processors, and not one task in ten has
                         * blocked: fewer would do as much */
} ccp_pool_info;

/**
 * Creates a pool and starts its workers.
 *
 *   Threads: any.
 *   Memory:  copies *o (NULL: all defaults); the name must outlive the pool.
 *   Returns: the pool, its workers started (with `idle`, `min` of them; with `partial`, one or
 *            more); NULL if memory or threads are short or an option is absurd (more than 65536
 *            workers, or as many to spare; idle, stall or tune < 0; with idle or tune min >
 *            workers; tune together with stall): then nothing is left behind.
 *   Since:   0.1
 */
CCP_API ccp_pool *ccp_pool_new(const ccp_pool_opts *o);

/**
 * Hands over a task.
 *
 *   Waits:   while the queue is full.
 *   Threads: any, tasks of the same pool too (P14).
 *   Memory:  keeps arg for fn; owns nothing.
 *   Returns: CCP_OK; CCP_CLOSED if the pool accepts no more; CCP_NOMEM if the pool has no worker
 *            (idle, min 0) and none can be started; CCP_DEADLOCK as P14 says; CCP_INVAL if p or fn
 *            is NULL; the wait codes.
 *   Order:   as P6 says.
 *   Cost:    that of ccp_chan_send(); with idle, two atomic operations more, a look at each worker
 *            while there are fewer than may be, and now and then the start of one.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_pool_submit(ccp_pool *p, ccp_task fn, void *arg, ccp_wait w);

/**
 * Hands over a task with options.
 *
 * It takes a place in the queue like any other, or that of one that ccp_pool_cancel() withdrew;
 * which of such tasks begins when a worker comes to one of their places, P18 says.  So where
 * priorities matter all tasks of the pool should be submitted in this way; a pool without a queue
 * has nothing to choose from.  Nobody watches `within`: a task is dropped when it would have begun.
 * A task that shall end when its `limit` is over has to watch its context, which it may not keep.
 *
 * Without `aging` tasks of higher priority that keep coming keep lower ones, and a ccp_pool_drain()
 * that waits for these, for ever.
 *
 * A task with `after` is brought into the queue by a thread, which the pool starts with the first
 * such task and keeps; `full` says nothing of it.  It goes to `unrun` if then the pool has no
 * worker and cannot start one.
 *
 *   Waits:   while the queue is full; with `after` never.
 *   Threads: as ccp_pool_submit().
 *   Memory:  copies *o (NULL: all defaults); keeps arg for fn, and what *o points to.
 *   Returns: as ccp_pool_submit(); CCP_NOMEM if memory is short, or with `after` a thread;
 *            CCP_INVAL if a time in *o is < 0, or o->done cannot be counted up; CCP_CANCELED or
 *            CCP_TIMEOUT if o->ctx has ended.
 *   Order:   as P6 says.
 *   Cost:    one allocation, freed when the task has ended and a worker has come to its place;
 *            three locks; for n tasks that wait, about log n steps.  With `limit` or `ctx`, a
 *            context, made when the task begins: if memory is short then, it goes to `unrun`.
 *   After:   priorities of GLib's and APR's pools, expiration of folly's.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_pool_submit_with(ccp_pool *p, ccp_task fn, void *arg,
                                                       const ccp_task_opts *o, ccp_wait w);

/** A task: a function and its argument. */
typedef struct ccp_pool_task {
    ccp_task fn;
    void *arg;
} ccp_pool_task;

/**
 * Hands over those of n tasks for which there is room, at least one; all with the options of *o,
 * or, if o is NULL, without, which costs least.  To hand over all, and wait for their end:
 *
 *     ccp_wg all = CCP_WG_INIT;
 *     ccp_task_opts o = { .done = &all };
 *     for (size_t i = 0, k; i < n; i += k)
 *         if (ccp_pool_submit_n(pool, tasks + i, n - i, &o, &k, CCP_FOREVER) != CCP_OK) break;
 *     ccp_wg_wait(&all, CCP_FOREVER);
 *
 * A task should not wait like this for others of its own pool: none helps.  It uses ccp_pool_call()
 * and P13, or ccp_parallel_for(), or tells the pool by ccp_pool_block().
 *
 *   Waits:   while there is room for none.
 *   Threads: as ccp_pool_submit().
 *   Memory:  as ccp_pool_submit_with(); copies what it accepts.
 *   Returns: CCP_OK, and *accepted of them, the first ones, were accepted in their order; otherwise
 *            none was: as ccp_pool_submit_with(), and CCP_INVAL if n is 0, a function or accepted
 *            is NULL.  What `full` says holds for the first task alone.
 *   Order:   as P6 says.
 *   Cost:    without options and with a queue, and workers that stay: one compare-and-swap for
 *            all; otherwise that of each.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_pool_submit_n(ccp_pool *p, const ccp_pool_task *tasks,
                                                    size_t n, const ccp_task_opts *o,
                                                    size_t *accepted, ccp_wait w);

/**
 * Withdraws the tasks of an owner that have not begun: the pool's `unrun` gets them, in this
 * thread.  Those that have begun go on: `done` tells when they have ended.
 *
 *   Threads: any, tasks of the pool and `unrun` itself too.
 *   Memory:  keeps nothing; owner is only compared.
 *   Returns: CCP_OK, and *withdrawn is their number (withdrawn may be NULL); CCP_INVAL if p or
 *            owner is NULL.
 *   Cost:    one lock, held for a look at each task of ccp_pool_submit_with() that waits.
 *   After:   apr_thread_pool_tasks_cancel().
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_cancel(ccp_pool *p, const void *owner, size_t *withdrawn);

/**
 * Hands over a function whose value is wanted, and gives its future.
 *
 * It is not called if the future has been canceled, or has no handle left, when its turn comes.
 *
 *   Waits:   while the queue is full.
 *   Threads: as ccp_pool_submit().
 *   Memory:  copies *o (NULL: no value); keeps arg for fn.  The caller owns *future.
 *   Returns: CCP_OK; CCP_CLOSED if the pool accepts no more; CCP_NOMEM; CCP_DEADLOCK as
 *            ccp_pool_submit(); CCP_INVAL if p, fn or future is NULL or the size is absurd; the
 *            wait codes.
 *   Order:   happens-before fn, which happens-before the return of what finds the future settled.
 *   Cost:    one allocation; two if it is cancelable.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_pool_call(ccp_pool *p, const ccp_promise_opts *o, ccp_call fn,
                                                void *arg, ccp_future **future, ccp_wait w);

/**
 * Hands over a function and waits for its value, but not longer than w: then the context of the
 * function ends, and what it still makes is dropped.
 *
 *     ccp_promise_opts o = { .size = sizeof(page), .drop = free_page };
 *     if (ccp_pool_run(pool, &o, fetch, url, &page, ccp_within(CCP_MS(200))) == CCP_TIMEOUT) ...
 *
 * Nobody waits for a function that does not watch its context: it keeps its worker until it
 * returns, and what arg points to must last as long.  A task of the same pool runs it itself if it
 * has not begun (P13), and then w does not end it.
 *
 *   Waits:   while the queue is full; until the function has returned.
 *   Threads: as ccp_pool_submit().
 *   Memory:  as ccp_pool_call(); writes *value (NULL: it counts as not gotten) only with CCP_OK.
 *   Returns: CCP_OK; CCP_FAILED if fn did not return CCP_OK, or was handed back; otherwise as
 *            ccp_pool_call(): the wait codes if w ended first.  CCP_NOWAIT gives CCP_AGAIN.
 *   Order:   happens-before fn, which happens-before a return of CCP_OK or CCP_FAILED.
 *   Cost:    two allocations.
 *   After:   the deadline of go-resiliency; the context of errgroup.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_pool_run(ccp_pool *p, const ccp_promise_opts *o, ccp_call fn,
                                               void *arg, void *value, ccp_wait w);

/**
 * As ccp_future_then(), but calls fn on a pool: in the thread that settles f only if the queue is
 * full at that moment.
 *
 *   Threads: any.
 *   Memory:  as ccp_future_then(); the pool must live until the result is settled.
 *   Returns: the future, which fails with CCP_CLOSED if the pool accepts no more when f is settled;
 *            NULL as ccp_future_then(), and if p is NULL.
 *   Since:   0.1
 */
CCP_API ccp_future *ccp_pool_then(ccp_pool *p, ccp_future *f, const ccp_promise_opts *o,
                                  ccp_then fn, void *arg);

/**
 * Closes a pool: no more tasks are accepted; those accepted run, but for those with `after` that
 * have no place in the queue yet: they go to `unrun`, in this thread.  Never waits.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it was closed; CCP_INVAL if p is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_close(ccp_pool *p);

/**
 * Waits until every task accepted so far has finished.  The pool stays open.
 *
 *   Waits:   while such tasks wait or run; and for one that came later, of each worker at most, if
 *            that was begun before the calling thread came to look.
 *   Threads: any, but not from a task of the same pool (CCP_DEADLOCK).
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if none of them waits or runs, but a shutdown or ccp_pool_abort()
 *            hands some back, or has; CCP_DEADLOCK when called by a task of p; CCP_INVAL if p is
 *            NULL; the wait codes.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_drain(ccp_pool *p, ccp_wait w);

/**
 * Waits until a pool has nothing to do: no task waits and none runs, also of those that tasks
 * submitted.  Tasks that keep coming can keep it for ever; ccp_pool_drain() does not wait for them.
 *
 *   Waits:   while tasks wait or run.
 *   Threads: any, but not from a task of the same pool (CCP_DEADLOCK).
 *   Memory:  keeps nothing.
 *   Returns: as ccp_pool_drain(); CCP_CLOSED, too, if tasks with `after` were handed back since the
 *            pool was closed.  CCP_AGAIN arms the descriptor of ccp_pool_fd().
 *   After:   Java's ForkJoinPool.awaitQuiescence.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_wait(ccp_pool *p, ccp_wait w);

/**
 * Sets how many workers a pool may have.  Starts those that are missing (with `idle`, those that
 * tasks wait for; with `tune`, none); lets go of those that are too many, as P10 says.  Never waits
 * for a task.
 *
 *   Threads: any, tasks of the same pool too; of two calls at once, one is the last.
 *   Memory:  what new workers take; that of those who end stays with the pool, for the next.
 *   Returns: CCP_OK; CCP_CLOSED if the pool accepts no more; CCP_NOMEM if memory or threads are
 *            short: then the limit is as before, unless the pool is `partial`, which gives CCP_OK
 *            and goes on with those it has; CCP_INVAL if p is NULL or workers is 0 or more than
 *            65536.
 *   After:   Tune() of ants, g_thread_pool_set_max_threads().
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_resize(ccp_pool *p, unsigned workers);

/**
 * Closes a pool, hands back what has not begun, and cancels the context of the tasks that run.
 * Waits for none of them: ccp_pool_wait() does, and ccp_pool_shutdown() then joins the workers.
 *
 *   Threads: any, tasks too.
 *   Memory:  the pool is still to be freed.
 *   Returns: CCP_OK, each task that did not start having been handed to unrun (NULL: to the
 *            pool's); CCP_INVAL if p is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_abort(ccp_pool *p, ccp_unrun unrun, void *unrun_arg);

/**
 * Stops a pool: closes it, lets what was accepted run until w ends, then cancels the tasks'
 * context, hands back what did not start, and joins the workers.
 *
 *   Waits:   for accepted tasks until w ends; and then, without limit, for tasks that run already:
 *            they should watch their context.
 *   Threads: one, but not a task of the same pool.
 *   Memory:  the pool is still to be freed.
 *   Returns: CCP_OK if everything ran (but for tasks with `after` that had no place in the queue:
 *            those go to unrun first); the wait codes if w ended first: then each task that did not
 *            start has been handed to unrun (NULL: to the pool's); CCP_CLOSED if it was shut down
 *            before, or ccp_pool_abort() has been called; CCP_DEADLOCK when called by a task of p;
 *            CCP_INVAL if p is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_shutdown(ccp_pool *p, ccp_unrun unrun, void *unrun_arg, ccp_wait w);

/**
 * Frees a pool; NULL is allowed.  One that was not shut down is, without waiting for tasks that
 * did not start.
 *
 * Blocks:  for tasks that run already.
 *
 *   Threads: one; nobody may use p any more.
 *   Memory:  frees everything.
 *   Returns: CCP_OK; CCP_DEADLOCK when called by a task of p: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_free(ccp_pool *p);

/**
 * Fills in a snapshot of a pool.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_get_info(const ccp_pool *p, ccp_pool_info *out);

/**
 * Says that the task that calls this is about to block, in a system call for instance: until
 * ccp_pool_unblock() the pool may have a worker more in its place, `spare` more in all.
 *
 * To wait in ccp_pool_submit() for room in the own queue counts as blocking by itself.  Sections
 * may be nested; those that a task leaves open end with the task.
 *
 *   Threads: a task's own.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK, also if no worker is spare; CCP_MISUSE if the caller is no task of p;
 *            CCP_INVAL if p is NULL.
 *   Cost:    one lock; the start of a thread, if tasks wait.
 *   After:   Java's ForkJoinPool.managedBlock.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_block(ccp_pool *p);

/**
 * Ends the section that the last ccp_pool_block() of the same task began.  Never waits: for a while
 * one task more may run than before.
 *
 *   Threads: a task's own.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_MISUSE if the caller is no task of p, or in no section; CCP_INVAL if p is
 *            NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_unblock(ccp_pool *p);

/**
 * Tells a task which worker runs it.  No two that there are at once have the same number; one that
 * has ended leaves his to the next.
 *
 *   Threads: the task's own.
 *   Memory:  keeps nothing.
 *   Returns: 0 .. workers - 1, in a pool that keeps its size; otherwise more may be in use, since
 *            a worker that ends has its number until it has; -1 if ctx is not the context of a
 *            task.
 *   Since:   0.1
 */
CCP_API int ccp_pool_worker(const ccp_ctx *ctx);

/**
 * Tells how many processors this process may use: those that the affinity of the calling thread
 * allows, or fewer if the quota of a control group that it is in allows less (cpu.max, or
 * cpu.cfs_quota_us of version 1).
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the number, at least 1.  A quota of 1.5 processors counts as 2: with 1 it could not be
 *            used up.
 *   Cost:    a system call; now and then, at most once a second, quotas are read from some small
 *            files, which takes tens of microseconds.  A change is seen within two seconds.
 *   After:   Go 1.25 and Java round up, too; Rust's available_parallelism() rounds down.
 *   Since:   0.1
 */
CCP_API unsigned ccp_cpu_count(void);

/**
 * Tells how many workers keep the processors busy with tasks that compute for cpu_ns and wait for
 * wait_ns, on average: processors * utilization * (1 + wait / cpu).
 *
 * What tasks wait for must bear so many at once.  And the time that a task waits for a processor is
 * no wait: where many compute, as in a pool that is too large, the time it takes says little.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the number, rounded up, at most 65536; 0 if cpu_ns is not above 0, wait_ns is below 0,
 *            or utilization, the part of the processors to be used, is not above 0 and at most 1.
 *   Cost:    that of ccp_cpu_count().
 *   After:   Goetz and others, Java Concurrency in Practice, 8.2.
 *   Since:   0.1
 */
CCP_API unsigned ccp_pool_recommend(int64_t cpu_ns, int64_t wait_ns, double utilization);

/* ==== 17. PIPELINE =========================================================================
 *
 * A pipeline takes items from a source through stages to a sink.  Each stage has threads of its own
 * and a bounded channel in front of it, so that the stages work at the same time, and a slow one
 * holds back those before it.  The functions of the program, its steps, need no synchronization.
 *
 *     ccp_pipeline *p = ccp_pipeline_new(NULL);
 *     ccp_pipeline_source(p, read_line, &(ccp_stage_opts){ .arg = file, .out_size = 256 });
 *     ccp_pipeline_map(p, parse, &(ccp_stage_opts){ .out_size = sizeof(record), .workers = 8 });
 *     ccp_pipeline_sink(p, store, &(ccp_stage_opts){ .arg = base });
 *     ccp_status rc = ccp_pipeline_run(p, CCP_FOREVER);
 *     ccp_pipeline_free(p);
 *
 * A stage takes what the one added before it makes, or the one named by `after`; from several
 * `inputs` it takes whatever comes first.  The functions that build give NULL when something is
 * wrong, and the next ones then do nothing: ccp_pipeline_start() and _run() tell what it was.
 *
 * A step returns CCP_OK when it has dealt with its item, which is then its own; CCP_CLOSED when it
 * wants no more (a source: has no more); anything else when it failed.  After `attempts` the failed
 * item is dropped with `skip_failed`, leaves by the branch CCP_LETTERS if a stage has been put
 * there, or else ends the pipeline.
 *
 * Guarantees
 *   L1  Each element that a step made is taken by a step of the stage after it that returns CCP_OK,
 *       or leaves as a letter, or is dropped: exactly one of them, and once.
 *   L2  A stage hands on what it makes in the order of the items that it was made of, however many
 *       workers it has, unless it is `unordered`.
 *   L3  A stage calls its step from at most as many threads at once as it has workers.
 *   L4  Once started a pipeline allocates nothing, whatever the number of items: a connection holds
 *       at most `queue` elements, and a stage that finds it full waits.
 *   L5  A stage ends when all before it have ended and it has worked off what they handed on; then
 *       those after it are told, by its last worker.
 *   L6  The first failure that is neither skipped nor sent as a letter cancels the pipeline, and
 *       ccp_pipeline_failure() tells of it.
 *   L7  A letter says which stage failed, how, at which item, after how many attempts.
 *   L8  When a step wants no more, or nobody wants what a stage makes, the stages before it end,
 *       and those after it get all that was handed on.
 *   L9  An element that nobody will take any more goes to the drop function of the stage that made
 *       it.
 *   L10 What a step did before it returned happens-before the step that takes what it made.
 *   L11 An item that ccp_pipeline_again() sends back is taken once more, before anything new; a
 *       stage that items may come back to ends when, besides, none of its letters is left.
 */

typedef struct ccp_pipeline ccp_pipeline;
typedef struct ccp_stage ccp_stage;

/** What is known of an item at a stage. */
typedef struct ccp_item {
    ccp_stage *stage;
    uint64_t index;    /* of the item, in the order in which the stage took them: from 0 */
    ccp_status status; /* what the step returned; CCP_OK before it has */
    unsigned attempts; /* calls of the step for this item */
    unsigned worker;   /* of the stage: from 0 */
} ccp_item;

/** An item of type T that failed, as the branch CCP_LETTERS carries it. */
#define CCP_LETTER(T)                                                                          \
    struct {                                                                                   \
        ccp_item why;                                                                          \
        T item;                                                                                \
    }
#define CCP_LETTERS (~0u) /* the branch of failed items */

/** Up to n elements of type T, as ccp_pipeline_batch() makes them. */
#define CCP_BATCH(T, n)                                                                        \
    struct {                                                                                   \
        uint64_t count;                                                                        \
        T items[n];                                                                            \
    }

/** Makes *out of *in.  A source has in NULL, a sink has out NULL; with ccp_pipeline_join(), in
 *  points to an array of pointers, one for each input.  ctx ends when the pipeline is canceled. */
typedef ccp_status (*ccp_step)(ccp_ctx *ctx, const void *in, void *out, void *arg);

/** Where the elements go that a ccp_flat_step makes. */
typedef struct ccp_out ccp_out;

/** Makes any number of elements of *in, by ccp_stage_emit(out, ...). */
typedef ccp_status (*ccp_flat_step)(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg);

/** Tells whether to keep an element. */
typedef bool (*ccp_keep)(const void *elem, void *arg);

/** Tells by which branch an element goes on; one that does not exist: it is dropped. */
typedef unsigned (*ccp_route)(const void *elem, void *arg);

/** How to build a stage; zero is the default of every field. */
typedef struct ccp_stage_opts {
    ccp_stage *after;      /* takes what this one makes; NULL: the one added last */
    ccp_stage **inputs;    /* in place of `after`: takes what all of these make */
    size_t input_count;
    size_t out_size;       /* bytes of an element that it makes; 0: the kind that it takes, with
                            * its drop function */
    unsigned workers;      /* threads; 0: one */
    bool unordered;        /* several workers: hands on what is finished first */
    bool fused;            /* no thread and no channel of its own: its step runs in the threads of
                            * the stage before it, right after that one's */
    size_t queue;          /* elements that may wait in front of it; 0: 64 */
    size_t chunk;          /* items that a worker takes at once if they are there, handing on
                            * together what it made of them; 0: one */
    unsigned attempts;     /* calls of the step until an item counts as failed; 0: one */
    int64_t backoff_ns;    /* pause before the second attempt, doubled before each further one */
    int64_t backoff_max_ns; /* at most; 0: no limit */
    bool skip_failed;      /* drop an item that failed, and go on */
    void (*drop)(void *elem, void *arg); /* gets each element it made that nobody takes (L9) */
    void *drop_arg;
    void *arg;             /* for the step */
    const char *name;      /* must outlive the pipeline; NULL: what kind of stage it is */
} ccp_stage_opts;

/** How to build a pipeline; zero is the default of every field. */
typedef struct ccp_pipeline_opts {
    ccp_ctx *parent;   /* the pipeline is canceled when this one ends */
    const char *name;  /* of the threads; NULL: none; must outlive the pipeline */
    size_t stack_size; /* bytes of stack per thread; 0: the system's default */
} ccp_pipeline_opts;

/** A snapshot of a stage. */
typedef struct ccp_stage_info {
    const char *name;
    unsigned workers;   /* 0: fused */
    uint64_t taken;     /* items begun; of a source: elements made */
    uint64_t given;     /* elements handed on */
    uint64_t failed;    /* items that failed for good */
    uint64_t retried;   /* attempts after the first */
    uint64_t letters;   /* failed items that left by CCP_LETTERS */
    ccp_chan_info queue; /* the channel in front of it; all 0 if it has none */
} ccp_stage_info;

/**
 * Creates a pipeline without stages.
 *
 *   Threads: any.
 *   Memory:  copies *o (NULL: all defaults).  The caller owns the result, which owns its stages.
 *   Returns: the pipeline; NULL when memory is short.
 *   Since:   0.1
 */
CCP_API ccp_pipeline *ccp_pipeline_new(const ccp_pipeline_opts *o);

/**
 * Adds a source: step makes an element per call, until it returns CCP_CLOSED.
 *
 *   Threads: the one that builds p, before it is started.
 *   Memory:  copies *o; keeps its pointers.
 *   Returns: the stage; NULL if p has an error already, memory is short, step is NULL, an option
 *            cannot be right or makes no sense here, or p was started.
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_source(ccp_pipeline *p, ccp_step step, const ccp_stage_opts *o);

/**
 * Adds a source that takes its elements from a channel, until that is closed and drained.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  keeps ch, which must outlive p.  A pipeline that wants no more cancels ch.
 *   Returns: as ccp_pipeline_source(); o->out_size must be 0 or the size of ch's elements.
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_from(ccp_pipeline *p, ccp_chan *ch, const ccp_stage_opts *o);

/**
 * Adds a stage that makes one element of each.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  copies *o (NULL: all defaults); keeps its pointers.
 *   Returns: as ccp_pipeline_source().
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_map(ccp_pipeline *p, ccp_step step, const ccp_stage_opts *o);

/**
 * Adds a stage that hands on those elements for which keep() is true, and drops the others.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  as ccp_pipeline_map().
 *   Returns: as ccp_pipeline_source(); o->out_size must be 0.
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_filter(ccp_pipeline *p, ccp_keep keep, const ccp_stage_opts *o);

/**
 * Adds a stage that makes any number of elements of each.
 *
 * What a step has emitted is not taken back when it fails afterwards.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  as ccp_pipeline_map().
 *   Returns: as ccp_pipeline_source().
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_flat_map(ccp_pipeline *p, ccp_flat_step step,
                                         const ccp_stage_opts *o);

/**
 * Adds a stage that collects up to `most` elements, or what has come within ns nanoseconds after
 * the first one, into one: a CCP_BATCH(T, most).
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  as ccp_pipeline_map(); each element of a batch that nobody takes is dropped.
 *   Returns: as ccp_pipeline_source(); most must not be 0; ns <= 0: as long as it takes.
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_batch(ccp_pipeline *p, size_t most, int64_t ns,
                                      const ccp_stage_opts *o);

/**
 * Adds a stage that sends each element on by one of `branches` branches.
 *
 * An element for a branch whose stages want no more is dropped.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  as ccp_pipeline_map().
 *   Returns: as ccp_pipeline_source(); branches must be 1..65536.
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_split(ccp_pipeline *p, ccp_route route, unsigned branches,
                                      const ccp_stage_opts *o);

/**
 * Adds a stage that sends each element on by all of `branches` branches.
 *
 * All but the last one get copies that clone() made, or, if it is NULL, of the bytes.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  as ccp_pipeline_map().
 *   Returns: as ccp_pipeline_source(); branches must be 1..65536, and clone given if elements have
 *            a drop function.
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_tee(ccp_pipeline *p, ccp_step clone, unsigned branches,
                                    const ccp_stage_opts *o);

/**
 * Adds a stage that makes one element of the first of each input, one of the second ones, and so
 * on, until one of the inputs has no more.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  as ccp_pipeline_map().
 *   Returns: as ccp_pipeline_source(); there must be 1..65536 inputs, an out_size and one worker.
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_join(ccp_pipeline *p, ccp_step step, const ccp_stage_opts *o);

/**
 * Adds a stage that ends the way of each element.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  as ccp_pipeline_map().
 *   Returns: as ccp_pipeline_source(); o->out_size must be 0.
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_sink(ccp_pipeline *p, ccp_step step, const ccp_stage_opts *o);

/**
 * Adds a stage that deals with the letters of another and sends their items back to that one: of a
 * CCP_LETTER(T) step makes the item, a T, which is then taken there once more, as a new one.
 *
 *     ccp_stage *letters = ccp_stage_branch(s, CCP_LETTERS);
 *     ccp_pipeline_again(p, mend, &(ccp_stage_opts){ .after = letters, .skip_failed = true });
 *
 * When step fails, the letter is what failed: it is dropped, or leaves as a letter of a letter, or
 * ends the pipeline.  How often an item has come back is to be counted in the item.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  as ccp_pipeline_map(); a letter that step makes an item of is step's.
 *   Returns: as ccp_pipeline_source(); `after` must be the branch CCP_LETTERS of a map, a flat_map
 *            or a sink that is not fused; drop must be NULL.
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_pipeline_again(ccp_pipeline *p, ccp_step step, const ccp_stage_opts *o);

/**
 * Ends a way in a channel from which the program receives the elements itself.
 *
 * It is closed when the stages before it have ended; to cancel it is to want no more.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  the channel is the pipeline's; gone when that is freed.
 *   Returns: the channel; NULL as ccp_pipeline_source(); of o, `after`, `inputs`, `queue` and
 *            `name` count.
 *   Since:   0.1
 */
CCP_API ccp_chan *ccp_pipeline_output(ccp_pipeline *p, const ccp_stage_opts *o);

/**
 * Names a branch of a stage, as `after` or one of the `inputs` of another.
 *
 *   Threads: as ccp_pipeline_source().
 *   Memory:  the pipeline's.
 *   Returns: a stage for that use alone; NULL if s is NULL or has no such branch (CCP_LETTERS: of
 *            a stage that takes items and does not skip failed ones), memory is short, or the
 *            pipeline was started.
 *   Since:   0.1
 */
CCP_API ccp_stage *ccp_stage_branch(ccp_stage *s, unsigned branch);

/**
 * Hands on an element, from the step of a ccp_pipeline_flat_map().
 *
 *   Waits:   while the channel after it is full, or, to keep the order, for items before it.
 *   Threads: the step's own.
 *   Memory:  copies *elem before it returns.
 *   Returns: CCP_OK; CCP_CLOSED if nobody wants it; CCP_INVAL if a pointer is NULL; the wait codes,
 *            also if the pipeline is canceled, unless w has a context of its own that is not below
 *            the step's: the element is still the caller's.  A wait for a fused stage has no limit
 *            but the step's context.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_stage_emit(ccp_out *out, const void *elem, ccp_wait w);

/**
 * Tells a step which item it is called for, and by which worker.
 *
 *   Threads: the step's own.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if ctx is not the context of a step, or out is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_stage_item(const ccp_ctx *ctx, ccp_item *out);

/**
 * Starts the threads of a pipeline.
 *
 *   Threads: the one that builds p.
 *   Memory:  allocates all that p will need.
 *   Returns: CCP_OK; CCP_NOMEM if memory or threads are short, now or when a stage was added: no
 *            step has been called; CCP_INVAL if p is NULL, a stage could not be added, nobody takes
 *            what some stage makes, or there is no stage; CCP_MISUSE if it was started.
 *   Order:   happens-before every step.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pipeline_start(ccp_pipeline *p);

/**
 * Waits until all stages have ended.
 *
 *   Waits:   while a stage has not ended.
 *   Threads: any number at once, but no step of p.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK if every item has gone all its way; CCP_FAILED if one failed and that ended the
 *            pipeline; CCP_CLOSED if it was canceled before it was done; CCP_DEADLOCK when called
 *            by a step of p; CCP_INVAL if p is NULL; CCP_MISUSE if it was not started; the wait
 *            codes.
 *   Order:   every step happens-before the return of CCP_OK, CCP_FAILED or CCP_CLOSED.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pipeline_wait(ccp_pipeline *p, ccp_wait w);

/**
 * Starts a pipeline and waits for its end: ccp_pipeline_start() and ccp_pipeline_wait().
 *
 *   Waits:   while a stage has not ended.
 *   Threads: the one that builds p.
 *   Memory:  as the two.
 *   Returns: CCP_OK, CCP_FAILED, CCP_CLOSED as ccp_pipeline_wait(); CCP_NOMEM, CCP_INVAL and
 *            CCP_MISUSE as ccp_pipeline_start(); the wait codes: then the pipeline goes on, unless
 *            the context of w had ended before: then it was not started.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pipeline_run(ccp_pipeline *p, ccp_wait w);

/**
 * Lets the sources make no more; what they made goes all its way.  Never waits.
 *
 * A source whose step is under way ends when that returns.  Channels of ccp_pipeline_from() are
 * closed.
 *
 *   Threads: any, steps too.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if p is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pipeline_close(ccp_pipeline *p);

/**
 * Ends all stages as soon as the steps that are under way return.  Never waits.
 *
 *   Threads: any, steps too.
 *   Memory:  elements on their way are dropped, those in channels when p is freed.
 *   Returns: CCP_OK; CCP_INVAL if p is NULL; CCP_MISUSE if it was not started.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pipeline_cancel(ccp_pipeline *p);

/**
 * Tells of the failure that ended a pipeline.
 *
 *   Threads: any, also while it runs.
 *   Memory:  writes *out.
 *   Returns: CCP_OK if there was one; CCP_AGAIN if not; CCP_INVAL if a pointer is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pipeline_failure(ccp_pipeline *p, ccp_item *out);

/**
 * Counts the connections of a pipeline: the channels between its stages, and to the program.
 *
 *   Threads: any, once p is built.
 *   Memory:  keeps nothing.
 *   Returns: how many there are; 0 if p is NULL.
 *   Since:   0.1
 */
CCP_API size_t ccp_pipeline_edge_count(const ccp_pipeline *p);

/**
 * Fills in a snapshot of a stage.
 *
 *   Threads: any; each field is true at some moment during the call, not all at the same one.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL, or s is a branch.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_stage_get_info(const ccp_stage *s, ccp_stage_info *out);

/**
 * Frees a pipeline and its stages; NULL is allowed.  One that has not ended is canceled first.
 *
 * Blocks:  for steps that are under way: they should watch their context.
 *
 *   Threads: one; nobody may use p, its stages or its channels any more.
 *   Memory:  frees everything, and drops what is left in the channels.
 *   Returns: CCP_OK; CCP_DEADLOCK when called by a step of p: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pipeline_free(ccp_pipeline *p);

/* ==== 18. FAN-OUT AND FAN-IN ===============================================================
 *
 * Many threads for one stream, many streams for one thread, and arrays in parallel.
 *
 * Fan-out: workers take the elements of a channel; what they make of them comes through another.
 *
 *     const ccp_fan_opts o = { .workers = 8, .out_size = sizeof page };
 *     ccp_fan *f = ccp_fan_out(in, download, &o);           // download(ctx, &url, &page, arg)
 *     while (ccp_chan_recv(ccp_fan_chan(f), &page, CCP_FOREVER) == CCP_OK)
 *         index_page(&page);
 *     ccp_status rc = ccp_fan_wait(f, CCP_FOREVER);         // CCP_FAILED: one of them failed
 *     ccp_fan_free(f);
 *
 * Parallel for: the calling thread and helpers share a range of indices; results in an array are in
 * order by themselves.  A call may be made inside another, whatever the pool: the caller does
 * what nobody else does.
 *
 *     ccp_parallel_for(n, scale, numbers, NULL, CCP_FOREVER);   // scale(ctx, begin, end, numbers)
 *
 * Merge: one receiver, many channels, which may come and go; it is told which one it was.
 *
 *     ccp_merge *m = ccp_merge_new(NULL, NULL);
 *     ccp_merge_add(m, in, NULL);                           // more, at any time, from any thread
 *     ccp_merge_close(m);                                   // no more sources
 *     while (ccp_merge_recv(m, &v, &source, CCP_FOREVER) == CCP_OK)
 *         printf("%zu: %d\n", source, v);
 *     ccp_merge_free(m);
 *
 * Broadcast: every member gets every element of a channel; of each member it is said what happens
 * when it is slow.
 *
 *     ccp_broadcast *b = ccp_broadcast_new(in, NULL);
 *     ccp_chan *log = ccp_broadcast_join(b, NULL);        // holds the others back if it is slow
 *     ccp_chan *view = ccp_broadcast_join(b, &(ccp_member_opts){ .capacity = 1,
 *                                                                .slow = CCP_SLOW_DROP_OLDEST });
 *     ccp_broadcast_start(b);                               // and more members, at any time
 *
 * Scatter and gather: several tasks at once; all of them, the first, the first k, or what there is
 * when the time is over.
 *
 *     ccp_part ask[] = { { fetch, urls[0], CCP_OK }, { fetch, urls[1], CCP_OK } };
 *     ccp_status first = ccp_gather(ask, 2, &(ccp_gather_opts){ .want = 1 }, CCP_FOREVER);
 *
 * Calls of this section run functions of the program.  When such a call fails, what they did is
 * done; but none of them runs any more once the call has returned.
 *
 * Guarantees
 *   K1  A fan gives every element of its input to one worker; each gives one result, in any order
 *       or, with `ordered`, in the order of the input.
 *   K2  The output of a fan is closed when its input is closed and all results are in it, or when
 *       the fan has stopped.  Who cancels the output stops the fan, which then cancels its input:
 *       so the whole chain stops.
 *   K3  A failure stops a fan (its context ends), unless it has `keep_going` or `results`.
 *   K4  A slow or failed worker does not keep others from taking elements; with `ordered`, until
 *       four results per worker wait for an earlier one.
 *   K5  ccp_parallel_for() and ccp_parallel_map() do each index exactly once, if they return
 *       CCP_OK; and never return while one is being done.
 *   K6  They need no worker but the caller: calls inside calls do not deadlock.
 *   K7  After a failure, unless `keep_going` is set, or when the wait has ended, no further range
 *       is begun.
 *   K8  In a merge the sources that have elements take turns; each element comes once, with the
 *       number of its source, and those of one source in order.
 *   K9  A merge is closed when ccp_merge_close() was called and all its sources are closed and
 *       drained.
 *   K10 ccp_gather() stops the other tasks as soon as enough have succeeded, or too many failed;
 *       none runs any more when it returns.
 *   K11 A member of a broadcast receives, in order and once, every element that was taken after it
 *       had joined, until it leaves; but for those that ccp_broadcast_lost() counts.
 *   K12 None is lost to a member with CCP_SLOW_WAIT, and one with another policy never holds
 *       anybody up.
 *   K13 When its input is closed and drained, or its parent has ended, a broadcast closes the
 *       channels of all members; in the second case, and when it is freed, it cancels its input.
 */

/** What became of one piece of work. */
typedef struct ccp_result {
    size_t index;      /* of the item: the first one has 0; of a fan that is neither `ordered` nor
                        * with `results`: of the call, in the order in which workers began them */
    ccp_status status; /* what the function returned */
    unsigned worker;   /* that ran it, from 0 */
} ccp_result;

typedef struct ccp_fan ccp_fan;

/** How to fan out; zero is the default of every field. */
typedef struct ccp_fan_opts {
    unsigned workers;  /* threads; 0: ccp_cpu_count() */
    size_t out_size;   /* bytes per result; 0: there are none, and the output only closes */
    size_t capacity;   /* results that the output holds */
    bool ordered;      /* results in the order of the input */
    bool keep_going;   /* an element whose step fails gives no result, and that is all */
    bool results;      /* every result begins with a ccp_result, those of failures too */
    void *arg;         /* for the step */
    ccp_ctx *parent;   /* the steps' context is below it */
    void (*drop)(void *elem, void *arg); /* as of a channel, for results */
    void *drop_arg;
    const char *name;  /* of the threads; NULL: none; must outlive the fan */
    size_t stack_size; /* bytes of stack per thread; 0: the system's default */
} ccp_fan_opts;

/** A snapshot of a fan. */
typedef struct ccp_fan_info {
    unsigned workers;
    uint64_t taken;   /* elements that workers have taken */
    uint64_t failed;  /* steps that did not return CCP_OK */
    ccp_result first; /* the first of these, if there is one */
} ccp_fan_info;

/**
 * Starts workers that do step(ctx, element, result, o->arg) for each element of a channel.
 *
 * With o->results the step finds in the result what comes after the ccp_result in its place, and
 * the ccp_result itself is filled in later.
 *
 *   Threads: any; nobody else should receive from `in`.
 *   Memory:  copies *o (NULL: all defaults).  Uses `in` until the fan is freed.  The caller owns
 *            the result and must pass it to ccp_fan_free().
 *   Returns: the fan, with fewer workers if threads are short, but one at least; NULL if there are
 *            none, memory is short, a pointer is NULL, o->workers is above 65536, or o->results is
 *            set and o->out_size below sizeof(ccp_result).
 *   Cost:    one thread per worker; nothing is allocated per element.
 *   Since:   0.1
 */
CCP_API ccp_fan *ccp_fan_out(ccp_chan *in, ccp_step step, const ccp_fan_opts *o);

/**
 * Gives the channel through which the results come.
 *
 *   Threads: any.
 *   Memory:  the fan's; gone when that is freed.
 *   Returns: the channel; NULL if f is NULL.
 *   Since:   0.1
 */
CCP_API ccp_chan *ccp_fan_chan(const ccp_fan *f);

/**
 * Waits until all workers have ended, and tells how it went.
 *
 *   Waits:   while a worker is under way; somebody must receive the results meanwhile.
 *   Threads: any number at once, but not a step of the fan (CCP_DEADLOCK).
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK if each element was taken and succeeded; CCP_FAILED if one failed; CCP_CLOSED
 *            if the fan was stopped before the end of its input, by its consumer or its parent;
 *            CCP_DEADLOCK when called by a step of f; CCP_INVAL if f is NULL; the wait codes.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_fan_wait(ccp_fan *f, ccp_wait w);

/**
 * Fills in a snapshot of a fan.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_fan_get_info(ccp_fan *f, ccp_fan_info *out);

/**
 * Stops a fan and frees it; NULL is allowed.
 *
 * Blocks:  for steps that run already: they should watch their context.
 *
 *   Threads: one; nobody may use f any more.
 *   Memory:  frees everything; results that were not received are dropped.
 *   Returns: CCP_OK; CCP_BUSY if a thread waits for a result or for the workers: nothing is freed;
 *            CCP_DEADLOCK when called by a step of f: nothing happens.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_fan_free(ccp_fan *f);

typedef struct ccp_merge ccp_merge;

/** Told in the receiving thread that a merge does not use a source any more: it may be freed. */
typedef void (*ccp_source_gone)(size_t source, ccp_chan *ch, void *arg);

/**
 * Creates a merge: the elements of many channels, which come and go, for one receiver.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result.  gone (NULL: nobody is told) and arg are kept.
 *   Returns: the merge; NULL when memory is short.
 *   Since:   0.1
 */
CCP_API ccp_merge *ccp_merge_new(ccp_source_gone gone, void *arg);

/**
 * Adds a channel.  It leaves when it is closed and drained.
 *
 *   Threads: any, also while somebody receives.
 *   Memory:  uses ch until it has left or the merge is freed.  Writes its number, 0 for the first
 *            one that was added, to *source (NULL: nobody wants to know).
 *   Returns: CCP_OK; CCP_CLOSED after ccp_merge_close(); CCP_NOMEM; CCP_INVAL if m or ch is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_merge_add(ccp_merge *m, ccp_chan *ch, size_t *source);

/**
 * Says that no more channels will be added.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if that was said before; CCP_INVAL if m is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_merge_close(ccp_merge *m);

/**
 * Receives the next element of any source; they take turns.
 *
 *   Waits:   while no source has an element, unless it is closed and all sources have left.
 *   Threads: one at a time.
 *   Memory:  copies to elem, which is large enough for the elements of each source, or NULL; writes
 *            *source (NULL: nobody wants to know).
 *   Returns: CCP_OK; CCP_CLOSED if the merge is closed and all sources have left; CCP_NOMEM;
 *            CCP_INVAL if m is NULL; the wait codes.
 *   Cost:    linear in the number of sources when it has to wait; no allocation unless there are
 *            more sources than ever before.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_merge_recv(ccp_merge *m, void *elem, size_t *source,
                                                 ccp_wait w);

/**
 * Frees a merge, but none of its channels; NULL is allowed.
 *
 *   Threads: one; nobody may use m any more.
 *   Memory:  frees everything that is its own.
 *   Returns: CCP_OK.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_merge_free(ccp_merge *m);

typedef struct ccp_broadcast ccp_broadcast;

/** What a broadcast does when the channel of a member is full. */
typedef enum ccp_slow {
    CCP_SLOW_WAIT,        /* wait for it, and so keep the others waiting */
    CCP_SLOW_DROP_NEWEST, /* the member does not get this element */
    CCP_SLOW_DROP_OLDEST, /* what has been in the channel for longest makes room */
    CCP_SLOW_DISCONNECT   /* close its channel */
} ccp_slow;

/** How to build a broadcast; zero is the default of every field. */
typedef struct ccp_broadcast_opts {
    ccp_ctx *parent;   /* its end stops the broadcast */
    ccp_step clone;    /* makes the copy for a member; NULL: of the bytes.  When it fails, the
                        * member loses the element */
    void *arg;         /* for it */
    void (*drop)(void *elem, void *arg); /* gets each element when all have their copies, and
                                          * copies that nobody receives; only with clone */
    void *drop_arg;
    const char *name;  /* of the thread; NULL: none; must outlive the broadcast */
    size_t stack_size; /* bytes of stack; 0: the system's default */
} ccp_broadcast_opts;

/** How to join a broadcast; zero is the default of every field. */
typedef struct ccp_member_opts {
    size_t capacity;  /* elements that its channel holds; 0: 64 */
    ccp_slow slow;    /* what happens when it is full */
    const char *name; /* of the channel; must outlive it */
} ccp_member_opts;

/** A snapshot of a broadcast. */
typedef struct ccp_broadcast_info {
    size_t members;
    uint64_t taken;        /* elements received from the input */
    uint64_t lost;         /* elements that some member did not get; for two members: two */
    uint64_t disconnected; /* members whose channel was closed since they were slow */
} ccp_broadcast_info;

/**
 * Creates a broadcast of what comes through a channel.  It takes nothing before
 * ccp_broadcast_start(), so that the first members can join.
 *
 *   Threads: any; nobody else should receive from `in`.
 *   Memory:  copies *o (NULL: all defaults).  Uses `in` until the broadcast is freed.  The caller
 *            owns the result and must pass it to ccp_broadcast_free().
 *   Returns: the broadcast; NULL if memory is short, `in` is NULL, or there is a drop without a
 *            clone.
 *   After:   core.async's mult, and its buffers for slow taps.
 *   Since:   0.1
 */
CCP_API ccp_broadcast *ccp_broadcast_new(ccp_chan *in, const ccp_broadcast_opts *o);

/**
 * Starts a broadcast.  What is taken while nobody is a member is lost.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it was started before; CCP_NOMEM if memory or threads are short;
 *            CCP_INVAL if b is NULL.
 *   Cost:    one thread; nothing is allocated per element.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_broadcast_start(ccp_broadcast *b);

/**
 * Joins a broadcast: gives the channel through which the elements come.
 *
 * To cancel it is to want no more; it is still to be left.
 *
 *   Threads: any, at any time.
 *   Memory:  copies *o (NULL: all defaults).  The channel is the broadcast's, until it is left or
 *            the broadcast is freed.
 *   Returns: the channel, which is closed if the broadcast has ended; NULL if memory is short, b is
 *            NULL, or an option is absurd.
 *   Since:   0.1
 */
CCP_API ccp_chan *ccp_broadcast_join(ccp_broadcast *b, const ccp_member_opts *o);

/**
 * Leaves a broadcast.
 *
 *   Threads: one for each member; nobody may use ch any more.
 *   Memory:  frees ch; what is in it is dropped.
 *   Returns: CCP_OK; CCP_BUSY if a thread waits to receive from ch: nothing has happened; CCP_INVAL
 *            if b or ch is NULL, or ch is not of a member of b.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_broadcast_leave(ccp_broadcast *b, ccp_chan *ch);

/**
 * Tells how many elements a member did not get since it was slow, or cloning them failed.
 *
 *   Threads: any.
 *   Memory:  writes *lost.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL, or ch is not of a member of b.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_broadcast_lost(ccp_broadcast *b, const ccp_chan *ch, uint64_t *lost);

/**
 * Fills in a snapshot of a broadcast.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_broadcast_get_info(ccp_broadcast *b, ccp_broadcast_info *out);

/**
 * Stops a broadcast and frees it, with the channels of its members; NULL is allowed.
 *
 * Blocks:  for a clone() that is under way.
 *
 *   Threads: one; nobody may use b or these channels any more.
 *   Memory:  frees everything; copies that were not received are dropped.
 *   Returns: CCP_OK; CCP_BUSY if a thread waits to receive from such a channel, and CCP_DEADLOCK
 *            when called by clone() or drop() in its thread: nothing has happened.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_broadcast_free(ccp_broadcast *b);

/** One of several tasks. */
typedef struct ccp_part {
    ccp_task fn;
    void *arg;
    ccp_status status; /* what it returned; CCP_AGAIN if it was not started */
} ccp_part;

/** How many of the parts are enough; zero is the default of every field. */
typedef struct ccp_gather_opts {
    size_t want;       /* as soon as so many have succeeded the others are stopped; 0: all */
    size_t need;       /* so many will do when w has ended or no more can succeed; 0: `want` */
    unsigned limit;    /* tasks at once; 0: all */
    const char *name;  /* of the threads */
    size_t stack_size;
} ccp_gather_opts;

/**
 * Runs n tasks at the same time, until enough of them have succeeded or w ends.
 *
 * With want 1 the first answer wins; with need below want a deadline gives what there is by then.
 *
 *   Waits:   until `want` have succeeded, or so many have failed that `need` cannot be reached, or
 *            w ends; then the context of the tasks ends, and those that run are waited for.
 *   Threads: any.
 *   Memory:  reads *o (NULL: all defaults); writes the status of each part in any case, but for
 *            CCP_INVAL, CCP_NOMEM and CCP_AGAIN.
 *   Returns: CCP_OK if `want` have succeeded, or `need` and it was over; CCP_FAILED if fewer have
 *            since others failed; CCP_NOMEM if memory or threads are short; CCP_INVAL if a function
 *            is NULL, `want` is above n or `need` above `want`; the wait codes if w ended first.
 *            CCP_NOWAIT gives CCP_AGAIN unless n is 0.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_gather(ccp_part *parts, size_t n, const ccp_gather_opts *o, ccp_wait w);

/** Does the indices begin .. end - 1.  Any status but CCP_OK says that it failed. */
typedef ccp_status (*ccp_range)(ccp_ctx *ctx, size_t begin, size_t end, void *arg);

/** How to do a range in parallel; zero is the default of every field. */
typedef struct ccp_parallel_opts {
    unsigned workers;   /* threads, the caller included; 0: ccp_cpu_count(), or the workers of
                         * the pool and the caller */
    size_t grain;       /* indices that are not worth dividing; 0: 1 */
    ccp_pool *pool;     /* whose workers help; NULL: threads that are started for this call */
    bool keep_going;    /* a failure does not end it */
    ccp_result *errors; /* gets the failures, as far as there is room; of a range the first index */
    size_t max_errors;  /* elements of it */
    size_t *failed;     /* gets how many there were; NULL: nobody wants to know */
    const void *in;     /* of ccp_parallel_map(): the array of what is given to the steps */
    size_t in_size;     /* bytes per element of it */
    void *out;          /* of ccp_parallel_map(): the array of what they make of it */
    size_t out_size;
    const char *name;   /* of threads that are started */
    size_t stack_size;
} ccp_parallel_opts;

/**
 * Does the indices 0 .. n - 1, in ranges that threads take one after another, large ones first.
 *
 *   Waits:   for the functions to return.  When w ends no more ranges are begun and the context of
 *            the functions ends; they are waited for all the same.
 *   Threads: any; tasks of o->pool, and functions of other such calls, too.
 *   Memory:  keeps nothing; writes *o->errors and *o->failed in any case.
 *   Returns: CCP_OK; CCP_FAILED if a function did not return CCP_OK, unless it returned how the
 *            context had ended when w ended: then the wait codes; CCP_NOMEM; CCP_INVAL if fn is
 *            NULL, or o->workers above 65536.  CCP_NOWAIT gives CCP_AGAIN unless n is 0.
 *   Order:   the call happens-before the functions; these happen-before its return.
 *   Cost:    two or three allocations; without a pool one thread per helper; one compare-and-swap
 *            per range, of which there are about 4 * workers * log2(n / workers) at most.
 *   After:   OpenMP's guided schedule; the helping caller of oneTBB.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_parallel_for(size_t n, ccp_range fn, void *arg, const ccp_parallel_opts *o,
                                    ccp_wait w);

/**
 * Does step(ctx, in + i, out + i, arg) for the n elements of two arrays, o->in and o->out; one that
 * has size 0 is given as it is to all.
 *
 *   Waits:   as ccp_parallel_for().
 *   Threads: as ccp_parallel_for().
 *   Memory:  as ccp_parallel_for(); the index of an error is that of the element.
 *   Returns: as ccp_parallel_for().
 *   Since:   0.1
 */
CCP_API ccp_status ccp_parallel_map(size_t n, ccp_step step, void *arg, const ccp_parallel_opts *o,
                                    ccp_wait w);

/* ==== 19. GENERATOR ========================================================================
 *
 * A generator is a function that yields elements, one after another, to whoever asks for the next.
 * It runs on a thread of its own, at most `capacity` elements ahead, until it returns or the
 * consumer has had enough.
 *
 *     ccp_gen *g = ccp_gen_new(fibonacci, NULL, &(ccp_gen_opts){ .elem_size = sizeof v });
 *     while (ccp_gen_next(g, &v, CCP_FOREVER) == CCP_OK && v < 1000)
 *         printf("%d\n", v);
 *     ccp_gen_free(g);                           // stops it: fibonacci() has returned
 *
 * Where ccp_gen_yield() does not return CCP_OK nobody wants more: the function should clean up and
 * return.
 *
 * What it yields comes through a channel, ccp_gen_chan(), which may be received from, selected on,
 * shared among consumers, and cancelled: that stops the generator at its next yield.
 *
 * Guarantees
 *   Y1  Elements are received in the order in which they were yielded; each that was accepted is
 *       received exactly once or dropped exactly once.
 *   Y2  At most `capacity` elements have been accepted and not received; with 0 a yield ends when
 *       its element has been received.
 *   Y3  Once the channel of a generator is cancelled, or its context has ended, every yield fails,
 *       also one that waits.
 *   Y4  When ccp_gen_free() has returned CCP_OK the function has returned, its thread has ended,
 *       and everything is given back.
 *   Y5  When the function has returned and all has been received, ccp_gen_next() returns
 *       CCP_CLOSED, and ccp_gen_status() is what the function returned.
 */

typedef struct ccp_gen ccp_gen;

/** What yields.  Any status but CCP_OK says that it failed. */
typedef ccp_status (*ccp_gen_fn)(ccp_gen *g, void *arg);

/** How to build a generator; zero is the default of every field. */
typedef struct ccp_gen_opts {
    size_t elem_size;                    /* bytes per element; 0: elements carry nothing */
    size_t capacity;                     /* elements ahead; 0: none but the one it offers */
    ccp_ctx *parent;                     /* the generator's context is below it */
    void (*drop)(void *elem, void *arg); /* as of a channel */
    void *drop_arg;
    const char *name;                    /* of the thread; NULL: none; must outlive it */
    size_t stack_size;                   /* bytes of stack; 0: the system's default */
} ccp_gen_opts;

/**
 * Starts a generator.
 *
 *   Threads: any.
 *   Memory:  copies *o (NULL: all defaults); keeps arg for fn.  The caller owns the result and
 *            must pass it to ccp_gen_free().
 *   Returns: the generator; NULL if memory or threads are short, or fn is NULL.
 *   Cost:    one thread.
 *   Since:   0.1
 */
CCP_API ccp_gen *ccp_gen_new(ccp_gen_fn fn, void *arg, const ccp_gen_opts *o);

/**
 * Hands an element to the consumer.
 *
 * A wait without a context of its own ends when the context of the generator does.
 *
 *   Waits:   while `capacity` elements have not been received (0: until this one is).
 *   Threads: the generator's function, and threads that work for it.
 *   Memory:  copies elem_size bytes from elem.
 *   Returns: CCP_OK; CCP_CLOSED if the consumer has stopped; CCP_INVAL if g, or elem with elements
 *            that carry something, is NULL, or g is a ticker; the wait codes.
 *   Order:   happens-before the return of the ccp_gen_next() that gets the element.
 *   After:   the yield of Python and C#; Go's iter.Pull for the consumer that stops early.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_gen_yield(ccp_gen *g, const void *elem, ccp_wait w);

/**
 * Receives the next element.
 *
 *   Waits:   until the generator yields one, or has returned.
 *   Threads: any number at once.
 *   Memory:  copies elem_size bytes to elem; NULL: the element is lost.
 *   Returns: CCP_OK; CCP_CLOSED if there are no more; CCP_INVAL if g is NULL; the wait codes.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_gen_next(ccp_gen *g, void *elem, ccp_wait w);

/**
 * Gives the channel through which the elements come.
 *
 *   Threads: any.
 *   Memory:  the generator's; gone when that is freed.
 *   Returns: the channel; NULL if g is NULL.
 *   Since:   0.1
 */
CCP_API ccp_chan *ccp_gen_chan(const ccp_gen *g);

/**
 * Gives the context of a generator, which ends when it is freed: for what its function waits for
 * beside its yields.
 *
 *   Threads: any.
 *   Memory:  the generator's; gone when that is freed.
 *   Returns: the context; NULL if g is NULL, or a ticker.
 *   Since:   0.1
 */
CCP_API ccp_ctx *ccp_gen_ctx(const ccp_gen *g);

/**
 * Tells how a generator ended.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK while its function runs, and if g is a ticker; then what the function returned,
 *            such as CCP_FAILED, or CCP_CLOSED, CCP_CANCELED or CCP_TIMEOUT if it gave up because
 *            a yield failed; CCP_INVAL if g is NULL.
 *   Order:   the function happens-before the return of what it returned, unless that is CCP_OK.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_gen_status(const ccp_gen *g);

/**
 * Stops a generator and frees it; NULL is allowed.
 *
 * Blocks:  until its function has returned: it should give up when a yield fails.
 *
 *   Threads: one; nobody may use g any more.
 *   Memory:  frees everything; what was yielded and not received is dropped.
 *   Returns: CCP_OK; CCP_BUSY if a thread waits for an element, or has still to leave a wait under
 *            the generator's context: nothing is freed; CCP_DEADLOCK when called by the generator's
 *            function: nothing happens.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_gen_free(ccp_gen *g);

/**
 * Yields the numbers first, first + step, ... as int64_t, up to end, which is not among them.
 *
 *   Threads: any.
 *   Memory:  as ccp_gen_new(); o->elem_size does not matter.
 *   Returns: the generator; NULL if memory or threads are short, or step is 0.
 *   Since:   0.1
 */
CCP_API ccp_gen *ccp_gen_range(int64_t first, int64_t end, int64_t step, const ccp_gen_opts *o);

/**
 * Yields copies of one element without end.
 *
 *   Threads: any.
 *   Memory:  copies o->elem_size bytes from elem; otherwise as ccp_gen_new().
 *   Returns: the generator; NULL if memory or threads are short, or elem is NULL and its size is
 *            not 0.
 *   Since:   0.1
 */
CCP_API ccp_gen *ccp_gen_repeat(const void *elem, const ccp_gen_opts *o);

/**
 * Yields the next n elements of a channel, such as another generator's, and cancels that then, or
 * when its own consumer stops; yields fewer if the channel is closed and drained before.
 *
 *   Threads: any; it should be the only receiver of `in`.
 *   Memory:  uses `in` until it is freed.  An element that it received and that nobody wants goes
 *            to o->drop.  o->elem_size does not matter: it is that of `in`.
 *   Returns: the generator; NULL if memory or threads are short, or `in` is NULL.
 *   Since:   0.1
 */
CCP_API ccp_gen *ccp_gen_take(ccp_chan *in, size_t n, const ccp_gen_opts *o);

/**
 * Yields the lines of a file as strings in elements of o->elem_size bytes.
 *
 * A line keeps its newline; what is longer comes in several elements, as fgets() does it, all but
 * the last one without a newline.  ccp_gen_status() is CCP_FAILED if the file could not be read.
 *
 *   Threads: any; nobody else may use the file until the generator is freed, which may have to
 *            wait for a read that is under way.
 *   Memory:  file is a FILE * that is open for reading; it stays the caller's.
 *   Returns: the generator; NULL if memory or threads are short, file is NULL, or o->elem_size is
 *            below 2 or above INT_MAX.
 *   Since:   0.1
 */
CCP_API ccp_gen *ccp_gen_lines(void *file, const ccp_gen_opts *o);

/**
 * Yields the time (an int64_t of ccp_now()) every ns nanoseconds: ccp_chan_tick() as a generator,
 * and like it without a thread.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result.
 *   Returns: the generator; NULL when memory is short or ns <= 0.
 *   Since:   0.1
 */
CCP_API ccp_gen *ccp_gen_tick(int64_t ns);

/* ==== 20. TIMER ============================================================================
 *
 * A timer calls a function when its time has come: once, or again and again.  Timers belong to a
 * ccp_timers, which has one thread for all of them; a ccp_timer lives in the program's own structs:
 *
 *     ccp_timers *ts = ccp_timers_new(NULL);
 *     ccp_timer_opts o = { .fn = hang_up, .arg = conn, .after = CCP_SEC(30) };
 *     if (ccp_timer_start(ts, &conn->idle, &o) != CCP_OK) ... // a ccp_timer
 *     ...
 *     ccp_timer_reset(&conn->idle, CCP_SEC(30));             // something was received
 *     ...
 *     if (ccp_timer_stop(&conn->idle, CCP_FOREVER) == CCP_CLOSED) puts("hung up already");
 *     ccp_timers_free(ts);
 *
 * The functions are called one after another, so they should be short: what takes long is a task
 * for a pool, which can wait for its time by itself (`after` of ccp_task_opts).  A channel that
 * gives an element at a time, for select, is that of section 6, and needs no thread.
 *
 * Guarantees
 *   I1  A function is called for each time that was set, unless the timer was stopped or reset
 *       before; never before that time (W6).
 *   I2  Functions are called in the order of their times; of equal times the one that was set first
 *       comes first.
 *   I3  When ccp_timer_stop() has returned CCP_OK or CCP_CLOSED the function does not run, and is
 *       not called before the timer is started or reset again; libccp does not use the timer any
 *       more.  (The function itself may stop its own timer: then it alone still runs.)
 *   I4  When ccp_timer_reset() has returned, the function is not called for the former time.  A
 *       call that is under way goes on; the next comes at the new time, and after it.
 *   I5  The times of a timer with `every` are its first time and whole numbers of periods later:
 *       they do not drift.  Those that come while the function runs, or that it is late for, are
 *       left out: calls are never made up for.
 *   I6  Functions are called under no lock, and any call of libccp may be made from them, for their
 *       own timer too.
 *   I7  No memory is allocated per timer.  The thread is started with the first one, blocks all
 *       signals that are not errors of its own making, and sleeps while there is nothing to call:
 *       only a timer whose time comes before all others wakes it when it is set.
 */

typedef struct ccp_timers ccp_timers;

/** How to build a ccp_timers; zero is the default of every field. */
typedef struct ccp_timers_opts {
    const char *name;  /* of the thread; NULL: none; must outlive it */
    size_t stack_size; /* bytes of stack; 0: the system's default */
} ccp_timers_opts;

/** What a timer does, and when; zero is the default of every field but fn. */
typedef struct ccp_timer_opts {
    void (*fn)(void *arg);
    void *arg;
    int64_t after; /* ns from `at`; <= 0: then */
    int64_t at;    /* a time of ccp_now(); 0: that of the call */
    int64_t every; /* ns from one call to the next; 0: there is one */
} ccp_timer_opts;

struct ccpi_leaf;

/** A timer.  All zero before its first use; must stay where it is until it was stopped, or its
 *  ccp_timers is freed. */
typedef struct ccp_timer {
    struct ccpi_leaf *child_, *next_, *prev_;
    int64_t due_;
    CCP_ALIGN8 uint64_t number_;
    int64_t every_;
    void (*fn_)(void *arg);
    void *arg_;
    ccp_timers *timers_;
    uint32_t state_;
    bool again_;
} ccp_timer;

/**
 * Makes what timers belong to.  It has no thread before a timer is started.
 *
 *   Threads: any.
 *   Memory:  copies *o (NULL: all defaults).  The caller owns the result and must pass it to
 *            ccp_timers_free().
 *   Returns: the timers; NULL when memory is short.
 *   Cost:    one allocation.
 *   Since:   0.1
 */
CCP_API ccp_timers *ccp_timers_new(const ccp_timers_opts *o);

/**
 * Frees what timers belong to, and ends its thread; NULL is allowed.
 *
 *   Threads: one; nobody may use ts, or reset its timers, any more.
 *   Memory:  frees everything but the timers, which are the program's.
 *   Returns: CCP_OK; CCP_BUSY if a timer is set, or a function runs, such as the one that calls
 *            this: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_timers_free(ccp_timers *ts);

/**
 * Sets a timer: its function will be called in the thread of ts.
 *
 *   Threads: any; for one timer by one thread, while no other call is made for it.
 *   Memory:  uses *t, and keeps o->arg for o->fn, until the timer is stopped or ts freed; copies
 *            *o.
 *   Returns: CCP_OK; CCP_BUSY if the timer is set, or its function runs; CCP_NOMEM if the thread
 *            cannot be started; CCP_INVAL if a pointer or o->fn is NULL, o->every or o->at < 0.
 *   Order:   happens-before the call of o->fn.
 *   Cost:    one lock, constant time; a clock read unless o->at says when; a wake as I7 says; the
 *            first time the start of a thread.  Calling a function takes, for n timers that are
 *            set, log n steps on average; but the first ones after n were set at once up to n.
 *   After:   Go's time.AfterFunc and Ticker; hrtimers of Linux.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_timer_start(ccp_timers *ts, ccp_timer *t,
                                                  const ccp_timer_opts *o);

/**
 * Stops a timer, and waits for its function if that is running in another thread.
 *
 * Called from the timer's own function it does not wait, and the timer is the caller's at once.
 *
 *   Waits:   while the function runs elsewhere; CCP_NOWAIT stops a timer that is set.
 *   Threads: any number at once.
 *   Memory:  after CCP_OK or CCP_CLOSED the timer is the caller's again.
 *   Returns: CCP_OK if the timer was set: the call that it was set for will not come; CCP_CLOSED if
 *            it was not: its function has been called (or this is it), or it was stopped before;
 *            CCP_MISUSE if t is NULL or was never started; the wait codes if the function is
 *            running still: then nothing has happened, and a timer with `every` goes on.
 *   Order:   the function happens-before the return of CCP_CLOSED.
 *   Cost:    one lock; as many steps as for ccp_timer_start(), constant for one set lately.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_timer_stop(ccp_timer *t, ccp_wait w);

/**
 * Sets a timer anew that was started before, whether it is set, has run, runs or was stopped: the
 * next call comes ns from now (<= 0: at once), and then those of `every`.
 *
 *   Threads: any number at once, also the timer's own function.
 *   Memory:  as for ccp_timer_start(), of which all but the time stays; what the timer belongs to
 *            must be there still.
 *   Returns: CCP_OK; CCP_MISUSE if t is NULL or was never started.
 *   Order:   happens-before the next call.
 *   Cost:    one lock, one clock read; a wake as I7 says.
 *   After:   Go's Timer.Reset, which has had no stale ticks since 1.23.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_timer_reset(ccp_timer *t, int64_t ns);
/* ==== 21. RATE LIMITER =====================================================================
 *
 * A rate limiter is a bucket that holds `burst` tokens at most and gets `per_second` of them each
 * second, evenly.  Who wants to do something takes a token, or several; when there are too few, the
 * call fails, waits, or is told when they will be there.
 *
 *     ccp_rate limit = CCP_RATE_INIT(100, 10);             // 100 per second, 10 of them at once
 *     if (ccp_rate_take(&limit, 1, CCP_NOWAIT) == CCP_OK)  // now or not at all
 *         query();
 *     if (ccp_rate_take(&limit, 1, ccp_with(ctx)) == CCP_OK)
 *         query();                                         // when it may; in the order of coming
 *
 * To plan ahead, without a thread that waits:
 *
 *     ccp_reservation when;
 *     if (ccp_rate_reserve(&slow, 3, &when) == CCP_OK)
 *         do_at(when.at);                                  // a time of ccp_now()
 *
 * With a burst of 1 it paces (a leaky bucket): what it lets through is at least 1 / per_second
 * apart.  ccp_every(ns) is the rate of one each ns nanoseconds.  A rate of 0 gives what is in the
 * bucket and no more; CCP_RATE_INFINITE lets everything pass, whatever the burst.  In a step of a
 * pipeline or a task of a pool, ccp_rate_take() with the context that it was given is all that is
 * needed.
 *
 * Time is ccp_now().  The calls that end in _at take another one, for tests and simulations; a
 * limiter should be used with one kind of time.
 *
 * Guarantees
 *   R1  Whatever threads do, in no stretch of time t are there more than burst + per_second * t
 *       tokens for those who act when they may: each call counts at a moment while it runs.  Right
 *       to a nanosecond, or to 2^-50 of the time in which the bucket fills, if that is more.
 *   R2  Nothing gets lost: a bucket that is not full gets per_second tokens, however the time is
 *       cut into calls and however long it runs (but for what R1 calls right, every 26 days).
 *   R3  Who waits, or has reserved, may act in the order of coming; a call that need not wait
 *       overtakes nobody.  (Tokens that were given back go to who comes next.)
 *   R4  A call that failed has taken nothing.
 *   R5  A wait that is going to be too long fails at once: CCP_TIMEOUT, although the time has not
 *       come yet.
 *   R6  A change of rate and burst is one step: the tokens that are there, or owed, stay, and what
 *       was reserved keeps its time.
 *   R7  Time that goes back gives nothing, and takes nothing once it is where it was.
 */

/* Lets everything pass.  So does every rate from 10^12 per second on.  A double has this number
 * exactly: so it is equal to itself also where constants have more digits. */
#define CCP_RATE_INFINITE 1e22
/* The largest burst. */
#define CCP_RATE_BURST_MAX ((uint64_t)1 << 51)
#define CCP_RATE_WORDS_ 8

typedef struct ccp_rate {
    CCP_ALIGN8 uint64_t state_;
    CCP_ALIGN8 uint64_t plan_[2][CCP_RATE_WORDS_];
    int64_t last_;
    double per_second_;
    uint64_t burst_;
    uint32_t lock_;
} ccp_rate;

/** A limiter whose bucket is full; all zero is one that gives nothing. */
#define CCP_RATE_INIT(per_second, burst)                                                       \
    {                                                                                          \
        0, { { 0, 0, 0, 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0, 0, 0, 0 } }, 0, (per_second),        \
            (burst), 0                                                                         \
    }

/** Tokens that were reserved. */
typedef struct ccp_reservation {
    int64_t at; /* from this time on they may be used */
    ccp_rate *rate_;
    uint64_t taken_, plan_;
    int64_t used_, last_;
    double mark_;
} ccp_reservation;

/**
 * Converts the time from one to the next into a rate.
 *
 *   Threads: any.
 *   Returns: how many there are per second; CCP_RATE_INFINITE if ns <= 0.
 *   After:   Go's rate.Every.
 *   Since:   0.1
 */
CCP_API double ccp_every(int64_t ns);

/**
 * Makes a limiter whose bucket is full, as CCP_RATE_INIT does.
 *
 *   Threads: one; nobody may use r yet.
 *   Memory:  writes *r; there is nothing to be freed.
 *   Returns: CCP_OK; CCP_INVAL if r is NULL, per_second is negative or not a number, or burst is
 *            above CCP_RATE_BURST_MAX.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rate_init(ccp_rate *r, double per_second, uint64_t burst);

/**
 * Takes n tokens.
 *
 *   Waits:   while there are fewer; with CCP_NOWAIT it only tells (CCP_AGAIN).
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_TIMEOUT, at once, if they will be there only after the end of w (R5);
 *            CCP_INVAL if n is above the burst, r is NULL, or CCP_RATE_INIT was given what
 *            ccp_rate_init() refuses; CCP_DEADLOCK if the rate is 0 and w allows to wait; CCP_BUSY
 *            if so much is owed that it would be weeks; the wait codes.
 *   Cost:    one clock read and one compare-and-swap if it need not wait; no clock read if the rate
 *            is infinite.
 *   After:   Allow and Wait of Go's x/time/rate; the one word of folly's TokenBucket.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rate_take(ccp_rate *r, uint64_t n, ccp_wait w);

/**
 * As ccp_rate_take() with CCP_NOWAIT, at time t.
 *
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_AGAIN if there are fewer; CCP_INVAL as ccp_rate_take().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rate_take_at(ccp_rate *r, uint64_t n, int64_t t);

/**
 * Takes n tokens that may be there only later, and tells when: out->at, which is the present time
 * if they are there.
 *
 *   Threads: any number at once.
 *   Memory:  writes *out, which keeps the pointer to r; there is nothing to be freed.
 *   Returns: CCP_OK; CCP_INVAL if n is above the burst, a pointer is NULL, or CCP_RATE_INIT was
 *            given what ccp_rate_init() refuses; CCP_DEADLOCK if the rate is 0 and there are fewer;
 *            CCP_BUSY if so much is owed that it would be weeks.
 *   Cost:    as ccp_rate_take(); a lock and a division if they are not there.
 *   After:   Reserve of Go's x/time/rate.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rate_reserve(ccp_rate *r, uint64_t n, ccp_reservation *out);

/**
 * As ccp_rate_reserve(), at time t.
 *
 *   Threads: any number at once.
 *   Memory:  as ccp_rate_reserve().
 *   Returns: as ccp_rate_reserve().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rate_reserve_at(ccp_rate *r, uint64_t n, int64_t t,
                                                      ccp_reservation *out);

/**
 * Gives back tokens that were reserved and will not be used.
 *
 * What comes back is what nobody has reserved after them; nothing if their time has passed.  So
 * those who act at their time are never more than R1 says.
 *
 *   Threads: one that has the reservation.
 *   Memory:  writes *res: it is not held any more.
 *   Returns: CCP_OK; CCP_MISUSE if it is not held; CCP_INVAL if res is NULL.
 *   After:   Cancel of Go's x/time/rate, where a burst may be exceeded after several of them.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rate_cancel(ccp_reservation *res);

/**
 * As ccp_rate_cancel(), at time t.
 *
 *   Threads: one that has the reservation.
 *   Memory:  as ccp_rate_cancel().
 *   Returns: as ccp_rate_cancel().
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rate_cancel_at(ccp_reservation *res, int64_t t);

/**
 * Changes rate and burst.  Tokens above the new burst are lost; a bucket of an infinite rate is
 * full.
 *
 *   Threads: any, while others use it.  Who sleeps keeps the time that it was given.
 *   Memory:  keeps nothing.
 *   Returns: as ccp_rate_init().
 *   After:   SetLimit and SetBurst of Go's x/time/rate, in one step.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rate_set(ccp_rate *r, double per_second, uint64_t burst);

/**
 * As ccp_rate_set(), at time t, or at the time of the last change if that is later.
 *
 *   Threads: any, while others use it.
 *   Memory:  keeps nothing.
 *   Returns: as ccp_rate_init().
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rate_set_at(ccp_rate *r, double per_second, uint64_t burst, int64_t t);

/**
 * Tells how many tokens there are.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the number at some moment during the call, with its fraction; negative: so many are
 *            owed to reservations; the burst if the rate is infinite; 0 if r is NULL.
 *   Since:   0.1
 */
CCP_API double ccp_rate_tokens(const ccp_rate *r);

/**
 * As ccp_rate_tokens(), at time t.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: as ccp_rate_tokens().
 *   Since:   0.1
 */
CCP_API double ccp_rate_tokens_at(const ccp_rate *r, int64_t t);

/**
 * Tells the rate of a limiter.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: tokens per second, as they were set; 0 if r is NULL.
 *   Since:   0.1
 */
CCP_API double ccp_rate_limit(const ccp_rate *r);

/**
 * Tells the burst of a limiter.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: tokens, as they were set; 0 if r is NULL.
 *   Since:   0.1
 */
CCP_API uint64_t ccp_rate_burst(const ccp_rate *r);

/* ---- Rate limiters by key ----
 *
 * A limiter for each key, such as the address of a client, in memory that is allocated once:
 *
 *     ccp_rate_map *clients = ccp_rate_map_new(&(ccp_rate_map_opts){
 *         .per_second = 5, .burst = 20, .keys = 10000 });
 *     if (ccp_rate_map_take(clients, address, strlen(address), 1, CCP_NOWAIT) != CCP_OK)
 *         refuse();
 *
 * Guarantees
 *   R8  A key whose bucket is full can be forgotten without being noticed: that makes room.  There
 *       always is room if some key was not asked about for as long as a bucket takes to fill; if
 *       there is none, a new key is refused (CCP_BUSY), so that no limit is exceeded, or with
 *       `forget` the key goes that was not asked about for the longest time.
 *   R9  Each key has R1 to R5 and R7 for itself.
 */
typedef struct ccp_rate_map ccp_rate_map;

/** Zero is the default of every field but burst. */
typedef struct ccp_rate_map_opts {
    double per_second; /* of each key */
    uint64_t burst;
    size_t keys;       /* that are remembered at most; 0: 1024 */
    size_t key_size;   /* bytes of the longest key; 0: 46, as many as an address takes as text */
    bool forget;       /* R8 */
} ccp_rate_map_opts;

/**
 * Makes a limiter for each key.
 *
 *   Threads: any.
 *   Memory:  copies *o; the caller owns the result and must pass it to ccp_rate_map_free().
 *   Returns: the limiter; NULL if memory is short, or o is NULL or has what ccp_rate_init()
 *            refuses.
 *   Cost:    three allocations, one of about keys * (key_size + 70) bytes.
 *   Since:   0.1
 */
CCP_API ccp_rate_map *ccp_rate_map_new(const ccp_rate_map_opts *o);

/**
 * Frees it; NULL is allowed.
 *
 *   Threads: one; nobody may use m any more.
 *   Memory:  frees it.
 *   Returns: CCP_OK; CCP_BUSY if somebody waits in it: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rate_map_free(ccp_rate_map *m);

/**
 * Takes n tokens from the bucket of a key.
 *
 *   Waits:   as ccp_rate_take().
 *   Threads: any number at once.
 *   Memory:  copies len bytes of key; keeps no pointer.
 *   Returns: CCP_OK; CCP_TIMEOUT, at once, if they will be there only after the end of w; CCP_INVAL
 *            if n is above the burst, m or key is NULL, or len above key_size; CCP_BUSY if there is
 *            no room for a new key, or so much is owed that it would be weeks; CCP_DEADLOCK as
 *            ccp_rate_take(); the wait codes.
 *   Cost:    one clock read and one lock; no allocation.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rate_map_take(ccp_rate_map *m, const void *key, size_t len,
                                                    uint64_t n, ccp_wait w);

/**
 * As ccp_rate_map_take() with CCP_NOWAIT, at time t.
 *
 *   Threads: any number at once.
 *   Memory:  copies len bytes of key; keeps no pointer.
 *   Returns: CCP_OK; CCP_AGAIN if there are fewer; CCP_INVAL as ccp_rate_map_take(); CCP_BUSY if
 *            there is no room for a new key.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rate_map_take_at(ccp_rate_map *m, const void *key, size_t len,
                                                       uint64_t n, int64_t t);

/**
 * Tells how many keys are remembered.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the number at some moment during the call; 0 if m is NULL.
 *   Since:   0.1
 */
CCP_API size_t ccp_rate_map_len(const ccp_rate_map *m);

/* ---- How many at once ----
 *
 * A limiter of concurrency is a semaphore that finds out by itself how many permits are good for
 * what it protects: one more for as many good results as there are permits, while they are in use;
 * a part less when a result is bad or took too long (additive increase, multiplicative decrease).
 *
 *     ccp_limiter db;
 *     if (ccp_limiter_init(&db, &(ccp_limiter_opts){ .max = 64, .latency = CCP_MS(50) }) != CCP_OK)
 *         return;
 *     if (ccp_limiter_acquire(&db, ccp_with(ctx)) == CCP_OK) {
 *         int64_t begin = ccp_now();
 *         ccp_status done = load(&config);
 *         ccp_limiter_release(&db, done, ccp_now() - begin);
 *     }
 *
 * Guarantees
 *   R10 The limit stays between min and max; never more permits are given out than it was when the
 *       last of them was.
 *   R11 A bad result lowers the limit once for all that were under way with it.
 */

/** Zero is the default of every field. */
typedef struct ccp_limiter_opts {
    unsigned min, max, start; /* permits; 0: 1, 1024, and 10 or what is nearest to it */
    int64_t latency;          /* what takes longer than so many ns is bad; 0: nothing is */
    double decrease;          /* what remains of the limit after a bad result; 0: 0.9 */
} ccp_limiter_opts;

typedef struct ccp_limiter {
    ccp_sem sem_;
    ccp_limiter_opts o_;
    double limit_;
    unsigned calm_;
    uint32_t lock_;
} ccp_limiter;

/**
 * Makes a limiter of concurrency; NULL are the defaults.
 *
 *   Threads: one; nobody may use l yet.
 *   Memory:  writes *l; there is nothing to be freed.
 *   Returns: CCP_OK; CCP_INVAL if l is NULL, min above max, start not between them, max above
 *            CCP_SEM_MAX, latency negative, or decrease not in [0, 1).
 *   Since:   0.1
 */
CCP_API ccp_status ccp_limiter_init(ccp_limiter *l, const ccp_limiter_opts *o);

/**
 * Takes a permit.
 *
 *   Waits:   while as many as the limit are taken, or somebody waits who came before.
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if l is NULL; the wait codes.
 *   Cost:    as ccp_sem_acquire().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_limiter_acquire(ccp_limiter *l, ccp_wait w);

/**
 * Gives a permit back, and says what came of it.
 *
 * CCP_OK is a good result if it took o.latency at most; CCP_CANCELED says nothing; all else is bad.
 *
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_MISUSE if no permit is taken; CCP_INVAL if l is NULL.
 *   Cost:    a lock, and what ccp_sem_release() costs.
 *   After:   the AIMD limit of Netflix' concurrency-limits.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_limiter_release(ccp_limiter *l, ccp_status result, int64_t took);

/**
 * Tells the present limit.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the number at some moment during the call; 0 if l is NULL.
 *   Since:   0.1
 */
CCP_API unsigned ccp_limiter_limit(ccp_limiter *l);

/* ---- At most so many in any stretch of time ----
 *
 * A bucket lets through its burst and what comes meanwhile.  Where the rule is "at most n in any ns
 * nanoseconds", as with the quotas of many services, a window is exact: it remembers when the last
 * n were.
 *
 *     ccp_window *quota = ccp_window_new(100, CCP_SEC(60));    // 100 in any minute
 *     if (ccp_window_take(quota, 1, ccp_with(ctx)) == CCP_OK)  // when it may; or CCP_NOWAIT
 *         query();
 *     ccp_window_free(quota);
 *
 * Guarantees
 *   R12 In no stretch of time shorter than the window are there more than n: each call counts at a
 *       moment while it runs, or at its t, which is not taken for earlier than that of another
 *       before it.
 *   R13 Nothing else is refused: what is as old as the window is free again, to the nanosecond, and
 *       a call that failed has left no trace, whoever waited behind it.
 *   R14 Who waits gets it in the order of coming, and is overtaken by nobody.  R5 holds for them:
 *       what they wait for who came before is counted, as single ones if it is more than n.
 */
typedef struct ccp_window ccp_window;

/**
 * Makes a limiter that lets n through in any ns nanoseconds.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result and must pass it to ccp_window_free().
 *   Returns: the limiter; NULL if memory is short, n is 0, or ns is not above 0.
 *   Cost:    one allocation of 8 bytes for each of n.
 *   Since:   0.1
 */
CCP_API ccp_window *ccp_window_new(size_t n, int64_t ns);

/**
 * Frees it; NULL is allowed.
 *
 *   Threads: one; nobody may use x any more.
 *   Memory:  frees it.
 *   Returns: CCP_OK; CCP_BUSY if somebody waits in it: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_window_free(ccp_window *x);

/**
 * Takes k of the n.
 *
 *   Waits:   while the window has fewer, or somebody waits who came before; with CCP_NOWAIT it only
 *            tells (CCP_AGAIN).
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_TIMEOUT, at once, if they will be there only after the end of w (R14);
 *            CCP_INVAL if x is NULL or k above n; the wait codes.
 *   Cost:    one lock, one clock read, O(k) stores.
 *   After:   the sliding log of times; the calls of ccp_rate_take().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_window_take(ccp_window *x, size_t k, ccp_wait w);

/**
 * As ccp_window_take() with CCP_NOWAIT, at time t.
 *
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_AGAIN if there are fewer, or somebody waits; CCP_INVAL as
 *            ccp_window_take().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_window_take_at(ccp_window *x, size_t k, int64_t t);

/**
 * Tells when k of the n can be taken, after those who wait: for who plans ahead, or tells a client
 * when to come again.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the time, as things are at some moment during the call, which is the present time if
 *            they are there; INT64_MAX if x is NULL, k is above n, or it is beyond all time.
 *   Since:   0.1
 */
CCP_API int64_t ccp_window_when(ccp_window *x, size_t k);

/**
 * As ccp_window_when(), at time t.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: as ccp_window_when().
 *   Since:   0.1
 */
CCP_API int64_t ccp_window_when_at(ccp_window *x, size_t k, int64_t t);

/* ---- Sometimes ---- */

/** What is to be done only sometimes, such as a line in a log; all zero is once.  The conditions
 *  are joined by "or"; the first time is always one of them. */
typedef struct ccp_sometimes {
    uint64_t first;   /* the first so many times */
    uint64_t every;   /* every so manyth time */
    int64_t interval; /* when so many ns have passed since it was last done */
    uint64_t count_;
    int64_t last_;
    uint32_t lock_;
} ccp_sometimes;

/**
 * Is this one of the times?
 *
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: true if it is; false if s is NULL.
 *   Cost:    a lock; a clock read if there is an interval.
 *   After:   Go's rate.Sometimes; there is no function to be called under a lock.
 *   Since:   0.1
 */
CCP_API bool ccp_sometimes_now(ccp_sometimes *s);

/**
 * As ccp_sometimes_now(), at time t.
 *
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: as ccp_sometimes_now().
 *   Since:   0.1
 */
CCP_API bool ccp_sometimes_at(ccp_sometimes *s, int64_t t);

/* ==== 22. CIRCUIT BREAKER ==================================================================
 *
 * A circuit breaker stands before calls to something that may be out of order.  While they succeed
 * it is closed and lets all of them through.  When too many have failed it opens: calls are refused
 * at once, without troubling who cannot answer anyhow.  After a time it is half-open, lets a few
 * through to see how it goes, and closes or opens again.
 *
 *     const ccp_breaker_opts o = { .failures = 5, .open_ns = CCP_SEC(10) };
 *     ccp_breaker *b = ccp_breaker_new(&o);
 *     ccp_breaker_ticket t;
 *     if (ccp_breaker_allow(b, &t) == CCP_OK)
 *         (void)ccp_breaker_done(b, t, ask(ctx, &question));   // CCP_OK, or how it failed
 *     else ...                                            // CCP_OPEN: do without
 *
 * ccp_breaker_run() does both around a function.  ccp_retry() knows breakers, too.
 *
 * Only what its callers report moves a breaker, and time.  It has no thread; who looks at it first
 * when a time has come does what is due then.
 *
 * Guarantees
 *   Q1  Closed, it lets every call through; open, none until open_ns have passed, never earlier.
 *   Q2  Half-open, it lets through at most `probes` at once and, unless there is a `judge`, no more
 *       than are still needed to close it.
 *   Q3  A change of state, ccp_breaker_set(), and Q6 begin a generation, whose counts are 0.  The
 *       result of a call that was let through in an earlier one is ignored.
 *   Q4  Each result is counted once, at one moment.  The rules are applied to each failure and each
 *       slow call, with all that was counted before it.
 *   Q5  Counts are of the window: of the present bucket and as many full ones as make `buckets`.
 *   Q6  A call whose result never comes keeps its place among the probes until probe_ns have passed
 *       since the last one was let through; then half-open begins anew.
 *   Q7  on_change is told of the changes of state in their order, one at a time, each from where
 *       the one before led.  While it runs, up to 16 changes wait; of more, the last are told as
 *       one.
 *   Q8  From its functions, and from on_change, all calls for the same breaker may be made, too;
 *       ccp_breaker_free() is CCP_BUSY then.
 *   Q9  A state that is held stays until the next ccp_breaker_set().
 */

typedef struct ccp_breaker ccp_breaker;

typedef enum ccp_breaker_state {
    CCP_BREAKER_CLOSED,
    CCP_BREAKER_OPEN,
    CCP_BREAKER_HALF_OPEN
} ccp_breaker_state;

/** What a result says about what was called. */
typedef enum ccp_breaker_verdict {
    CCP_BREAKER_SUCCESS,
    CCP_BREAKER_FAILURE,
    CCP_BREAKER_EXCLUDED /* nothing: it is not among those of which a rule takes a share */
} ccp_breaker_verdict;

/** The results in the window of the present generation. */
typedef struct ccp_breaker_counts {
    uint64_t successes, failures, excluded;
    uint64_t slow;                  /* of the successes and failures: those that took too long */
    uint64_t consecutive_successes; /* the last ones; those that are excluded do not interrupt */
    uint64_t consecutive_failures;
} ccp_breaker_counts;

/** A call that was let through.  May be copied; goes to ccp_breaker_done() once. */
typedef struct ccp_breaker_ticket {
    uint64_t generation_;
    int64_t begun_;
} ccp_breaker_ticket;

/** How to build a breaker; zero is the default of every field. */
typedef struct ccp_breaker_opts {
    /* What opens it when closed: each of these that is given; if none is, 6 failures in a row. */
    unsigned failures;     /* so many in a row */
    double failure_ratio;  /* such a share of successes and failures: above 0, up to 1 */
    double slow_ratio;     /* the same for slow calls, with slow_ns */
    unsigned min_results;  /* successes and failures from which on shares are looked at; 0: 10 */
    /* asked after a failure or a slow call: shall it open? */
    bool (*trip)(const ccp_breaker_counts *counts, void *arg);
    int64_t slow_ns;       /* a call that takes longer is slow; 0: nobody looks at the time */
    int64_t window_ns;     /* counts are forgotten after that; 0: never */
    unsigned buckets;      /* in so many parts, one after another; 0: 1, all of them at once */
    int64_t open_ns;       /* it stays open so long; 0: 60 s */
    unsigned probes;       /* calls at once when half-open; 0: 1 */
    unsigned close_after;  /* successes that close it; 0: as many as probes */
    int64_t probe_ns;      /* see Q6; 0: open_ns */
    /* asked when half-open, after each result that counts, where to go; NULL: a failure, or, with
     * slow_ratio, a slow call opens it, and `close_after` successes close it */
    ccp_breaker_state (*judge)(const ccp_breaker_counts *counts, void *arg);
    /* what a result is; NULL: CCP_OK is a success, CCP_CANCELED is excluded since a caller that
     * goes away says nothing about who was called, and all else is a failure */
    ccp_breaker_verdict (*classify)(ccp_status outcome, void *arg);
    void (*on_change)(const char *name, ccp_breaker_state from, ccp_breaker_state to, void *arg);
    void *arg;             /* for these functions */
    const char *name;      /* for on_change and ccp_breaker_get_info(); must outlive the breaker */
} ccp_breaker_opts;

/** A snapshot of a breaker. */
typedef struct ccp_breaker_info {
    ccp_breaker_state state;
    bool held;           /* by ccp_breaker_set() */
    uint64_t generation; /* the first one is 1 */
    ccp_breaker_counts counts;
    unsigned probing;    /* half-open: calls under way */
    int64_t until;       /* open: when that ends; INT64_MAX if it is held; otherwise 0 */
    const char *name;
} ccp_breaker_info;

/**
 * Creates a breaker, which is closed.
 *
 *   Threads: any.
 *   Memory:  copies *o (NULL: all defaults).  The caller owns the result and must pass it to
 *            ccp_breaker_free().
 *   Returns: the breaker; NULL when memory is short, a time is negative, a ratio is not from 0 to
 *            1, there is a slow_ratio without slow_ns, or window_ns has more buckets than
 *            nanoseconds.
 *   Cost:    two or three allocations: one cache line per processor and more, at most 16, and 32
 *            bytes per bucket.
 *   After:   sony/gobreaker; resilience4j for slow calls and held states.
 *   Since:   0.1
 */
CCP_API ccp_breaker *ccp_breaker_new(const ccp_breaker_opts *o);

/**
 * Frees a breaker; NULL is allowed.  Tickets may be left.
 *
 *   Threads: one; nobody may use b any more.
 *   Memory:  frees everything.
 *   Returns: CCP_OK; CCP_BUSY if one of its functions or ccp_breaker_run() is under way: nothing is
 *            freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_breaker_free(ccp_breaker *b);

/**
 * Asks whether a call may be made.  It should be followed by ccp_breaker_done().
 *
 *   Threads: any number at once.
 *   Memory:  writes *ticket.
 *   Returns: CCP_OK; CCP_OPEN if not; CCP_INVAL if a pointer is NULL.
 *   Cost:    closed: one load, and a clock read with slow_ns; open: two loads and a read of the
 *            coarse clock; half-open: a lock, while there are places.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_breaker_allow(ccp_breaker *b, ccp_breaker_ticket *ticket);

/**
 * Reports how a call went that was let through.
 *
 *   Threads: any number at once; another than the one that asked, too.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK, also if the result comes too late to count; CCP_MISUSE if no such ticket was
 *            given, or, half-open, if no call is under way; CCP_INVAL if b is NULL.
 *   Cost:    a success when closed, if the result before it was one: one compare-and-swap in a
 *            cache line that threads rarely share, a clock read with slow_ns, a read of the coarse
 *            clock with window_ns; otherwise a lock and a clock read.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_breaker_done(ccp_breaker *b, ccp_breaker_ticket ticket,
                                    ccp_status outcome);

/**
 * Runs fn(ctx, arg), if that may be done, and reports how it went.
 *
 *   Waits:   for fn; the context that fn gets ends with w.
 *   Threads: any number at once.
 *   Memory:  writes what fn returned to *outcome (NULL: nobody wants to know), if it was run.
 *   Returns: CCP_OK; CCP_OPEN if fn was not run; CCP_FAILED if it returned anything but CCP_OK,
 *            unless w ended before that: then the wait codes; CCP_NOMEM; CCP_INVAL if b or fn is
 *            NULL.  CCP_NOWAIT gives CCP_AGAIN, and fn is not run.
 *   Cost:    an allocation if w has a time of its own.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_breaker_run(ccp_breaker *b, ccp_task fn, void *arg, ccp_status *outcome,
                                   ccp_wait w);

/**
 * Puts a breaker into a state: to open or close it by hand, or, with hold, for good.
 *
 * Open or half-open and not held, it goes on from there by itself.  (CCP_BREAKER_CLOSED, false) is
 * how a new one is.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if b is NULL, state is none, or is CCP_BREAKER_HALF_OPEN and to be
 *            held.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_breaker_set(ccp_breaker *b, ccp_breaker_state state, bool hold);

/**
 * Fills in a snapshot of a breaker, all of one moment.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Cost:    a lock and a clock read.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_breaker_get_info(ccp_breaker *b, ccp_breaker_info *out);

/**
 * Gives the name of a state: "closed", "open", "half-open".
 *
 *   Threads: any.
 *   Memory:  returns a constant string.
 *   Returns: the name; "?" for a number that is no state.
 *   Since:   0.1
 */
CCP_API const char *ccp_breaker_state_name(ccp_breaker_state state);

/* ==== 23. RETRY ============================================================================
 *
 * A retry runs a function until it succeeds, with a wait between two attempts, as long as that is
 * likely to be of use.
 *
 *     const ccp_retry_opts o = { .attempts = 5,
 *                                .backoff = ccp_backoff_full_jitter(CCP_MS(50), CCP_SEC(2)),
 *                                .attempt_ns = CCP_SEC(1),
 *                                .breaker = breaker };
 *     ccp_retry_report r;
 *     if (ccp_retry(&o, ask, &question, &r, ccp_within(CCP_SEC(10))) != CCP_OK) ... r.last says why
 *
 * How long the waits are a ccp_backoff says: a plain struct, of which a copy goes through the same
 * waits.  It can be used alone: ccp_backoff_next() gives one wait after another.
 *
 * When a service is slow since it has too much to do, retries make that worse.  A budget bounds
 * them to a share of all requests; callers of the same service share it.  A tally, shared likewise,
 * says how many attempts it took, and why calls ended.
 *
 * Guarantees
 *   V1  The attempts of a call run one after another, in the thread that called.
 *   V2  Between two attempts at least the time passes that the backoff or the classifier gave.
 *   V3  No attempt begins after w has ended; and if the next one, for its wait or for the token
 *       that it needs, could only begin then, the call returns CCP_TIMEOUT at once.
 *   V4  The context of an attempt ends with w, and after attempt_ns.
 *   V5  A wait of a backoff is never negative, nor longer than max_ns; the same seed gives the
 *       same waits.
 *   V6  Of all that share a budget there are at most reserve + percent / 100 * calls retries.
 *   V7  The breaker is asked before each attempt, and told of each that it let through.
 *   V8  A tally has each call that made an attempt, from when it returns, once.
 */

typedef enum ccp_backoff_kind {
    CCP_BACKOFF_FULL_JITTER,  /* any time from 0 to that of CCP_BACKOFF_EXPONENTIAL */
    CCP_BACKOFF_DECORRELATED, /* any time from first_ns to three times the last wait */
    CCP_BACKOFF_EXPONENTIAL,  /* first_ns, then each `factor` times the last one */
    CCP_BACKOFF_CONSTANT,     /* first_ns each time */
    CCP_BACKOFF_LIST          /* those of a list, then its last one again and again */
} ccp_backoff_kind;

/** Which waits follow each other; zero is the default of every field, and valid. */
typedef struct ccp_backoff {
    ccp_backoff_kind kind;
    double factor;       /* above 0; 0: 2 */
    double jitter;       /* of the last three kinds: up to such a share more or less, at most 1 */
    int64_t first_ns;    /* 0: 100 ms; of CCP_BACKOFF_CONSTANT: 0 */
    int64_t max_ns;      /* no wait is longer; 0: 100 times first_ns; of the last two: no limit */
    const int64_t *list; /* must outlive the backoff and its copies */
    size_t list_len;
    uint64_t seed;       /* 0: another one each time */
    uint64_t rand_;
    int64_t last_;
    size_t step_;
} ccp_backoff;
#define CCP_BACKOFF_(kind, first, max, list, len)                                              \
    (CCP_LITERAL_(ccp_backoff){ (kind), 0, 0, (first), (max), (list), (len), 0, 0, 0, 0 })

static inline ccp_backoff ccp_backoff_full_jitter(int64_t first_ns, int64_t max_ns)
{
    return CCP_BACKOFF_(CCP_BACKOFF_FULL_JITTER, first_ns, max_ns, NULL, 0);
}

static inline ccp_backoff ccp_backoff_decorrelated(int64_t first_ns, int64_t max_ns)
{
    return CCP_BACKOFF_(CCP_BACKOFF_DECORRELATED, first_ns, max_ns, NULL, 0);
}

static inline ccp_backoff ccp_backoff_exponential(int64_t first_ns, int64_t max_ns)
{
    return CCP_BACKOFF_(CCP_BACKOFF_EXPONENTIAL, first_ns, max_ns, NULL, 0);
}

static inline ccp_backoff ccp_backoff_constant(int64_t ns)
{
    return CCP_BACKOFF_(CCP_BACKOFF_CONSTANT, ns, 0, NULL, 0);
}

static inline ccp_backoff ccp_backoff_list(const int64_t *list, size_t n)
{
    return CCP_BACKOFF_(CCP_BACKOFF_LIST, 0, 0, list, n);
}

/**
 * Gives the next wait.
 *
 *   Threads: one backoff by one thread at a time.
 *   Memory:  changes *b; allocates nothing.
 *   Returns: nanoseconds, at least 0; 0 if b is NULL or a field can never be right: a negative
 *            time, a factor or jitter that is negative or no number, a jitter above 1, a list of
 *            none.
 *   After:   go-resiliency's backoffs; "Exponential Backoff And Jitter" of AWS for the two kinds of
 *            jitter.
 *   Since:   0.1
 */
CCP_API int64_t ccp_backoff_next(ccp_backoff *b);

/** A share of all requests that may be retries, for those who share it; all zero is valid. */
typedef struct ccp_retry_budget {
    unsigned percent; /* 0: 10 */
    unsigned reserve; /* retries beyond that, at first and after a quiet time; 0: 10 */
    CCP_ALIGN8 uint64_t state_;
} ccp_retry_budget;
#define CCP_RETRY_BUDGET_INIT(percent, reserve)                                                \
    {                                                                                          \
        (percent), (reserve), 0                                                                \
    }

/**
 * Counts a request, which allows `percent` of a retry more.  ccp_retry() does it by itself.
 *
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if b is NULL.
 *   Cost:    one load while nothing is spent, otherwise a compare-and-swap.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_retry_budget_earn(ccp_retry_budget *b);

/**
 * Asks for one retry.  ccp_retry() does it by itself.
 *
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_AGAIN if the budget is spent; CCP_INVAL if b is NULL.
 *   Cost:    one compare-and-swap.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_retry_budget_spend(ccp_retry_budget *b);

/** What to do after an attempt. */
typedef enum ccp_retry_verdict {
    CCP_RETRY_DONE,  /* it succeeded: ccp_retry() returns CCP_OK */
    CCP_RETRY_AGAIN, /* try again, after the backoff's next wait */
    CCP_RETRY_AFTER, /* try again after *after, as whoever was called has asked for */
    CCP_RETRY_STOP   /* it will not succeed */
} ccp_retry_verdict;

/** Why there was no further attempt. */
typedef enum ccp_retry_end {
    CCP_RETRY_SUCCEEDED,
    CCP_RETRY_STOPPED,      /* the classifier said CCP_RETRY_STOP */
    CCP_RETRY_NO_ATTEMPT,   /* there were `attempts` */
    CCP_RETRY_NO_TIME,      /* elapsed_ns */
    CCP_RETRY_NO_BUDGET,
    CCP_RETRY_WAIT_ENDED,   /* w has ended, or would have */
    CCP_RETRY_NO_TOKEN,     /* the limiter will not give one */
    CCP_RETRY_NO_MEMORY,
    CCP_RETRY_ENDS          /* how many there are */
} ccp_retry_end;

/** Counts the calls of all who share it; all zero is valid. */
typedef struct ccp_retry_tally {
    CCP_ALIGN8 uint64_t attempts_;
    uint64_t waited_, ended_[CCP_RETRY_ENDS];
} ccp_retry_tally;

/** How to retry; zero is the default of every field. */
typedef struct ccp_retry_opts {
    unsigned attempts;  /* at most so many; 0: any number */
    int64_t elapsed_ns; /* none begins later than so long after the first; 0: no limit */
    int64_t attempt_ns; /* when the context of an attempt ends; 0: with w */
    ccp_backoff backoff; /* all zero: full jitter from 100 ms to 10 s */
    /* says what to do after an attempt, the first one is 1; NULL: CCP_OK is done; CCP_CANCELED,
     * CCP_CLOSED, CCP_OPEN, CCP_INVAL, CCP_MISUSE, CCP_DEADLOCK, CCP_FORKED would come again:
     * stop; all else again */
    ccp_retry_verdict (*classify)(ccp_status outcome, unsigned attempt, int64_t *after, void *arg);
    void *classify_arg;
    ccp_retry_budget *budget; /* NULL: no limit */
    ccp_rate *rate;           /* each attempt waits for a token of it first; may be NULL */
    ccp_breaker *breaker;     /* an attempt that it refuses has the outcome CCP_OPEN; may be NULL */
    ccp_retry_tally *tally;   /* counts the call; NULL: nobody does */
} ccp_retry_opts;

/** How it went. */
typedef struct ccp_retry_report {
    unsigned attempts; /* that were made; those that the breaker refused, too */
    ccp_status last;   /* outcome of the last one */
    ccp_retry_end end;
} ccp_retry_report;

/** What a tally has counted. */
typedef struct ccp_retry_figures {
    uint64_t calls;    /* that have returned, after an attempt or more */
    uint64_t attempts; /* of these calls */
    int64_t waited_ns; /* of the waits between them, as they were meant to be */
    uint64_t ended[CCP_RETRY_ENDS]; /* calls, by ccp_retry_end: their sum is `calls` */
} ccp_retry_figures;

/**
 * Tells what a tally has counted so far.
 *
 *   Threads: any number at once.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Order:   each number is one of some moment during the call: those of a call that is just ending
 *            may be in some of them only.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_retry_tally_get(const ccp_retry_tally *t, ccp_retry_figures *out);

/**
 * Runs fn(ctx, arg) until it succeeds, or there is a reason to stop.
 *
 *   Waits:   for fn, and between two attempts; the context that fn gets ends with w.
 *   Threads: any number at once, also with the same *o.
 *   Memory:  reads *o (NULL: all defaults) until it returns; its backoff is copied.  Writes *report
 *            (NULL: nobody wants to know) if there was an attempt.
 *   Returns: CCP_OK; CCP_FAILED if it did not succeed; CCP_OPEN if it did not, and the breaker
 *            refused the last attempt; CCP_NOMEM; CCP_INVAL if fn is NULL or a field of *o can
 *            never be right; CCP_DEADLOCK and CCP_BUSY as ccp_rate_take(); the wait codes if w has
 *            ended, or would before the next attempt (V3).  CCP_NOWAIT gives CCP_AGAIN, and fn is
 *            not run.
 *   Cost:    an allocation per attempt, another with attempt_ns; one if w has a time of its own.
 *   After:   go-resiliency's retrier; gRPC and finagle for the budget.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_retry(const ccp_retry_opts *o, ccp_task fn, void *arg,
                                            ccp_retry_report *report, ccp_wait w);

/**
 * Gives the number of the attempt whose context, or one below it, ctx is.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the number, from 1; 0 if there is none.
 *   Cost:    linear in the depth of ctx.
 *   Since:   0.1
 */
CCP_API unsigned ccp_retry_attempt(const ccp_ctx *ctx);

/* ==== 24. BATCHER ==========================================================================
 *
 * A batcher collects what many threads want, and has one function do it together: one statement for
 * a hundred rows, one write for many lines.  Each caller waits until its own is done, and gets what
 * came of it.
 *
 *     const ccp_batcher_opts o = { .fn = insert_rows, .most = 100, .delay_ns = CCP_MS(5) };
 *     ccp_batcher *b = ccp_batcher_new(&o);
 *     if (ccp_batcher_call(b, &row, NULL, ccp_with(ctx)) != CCP_OK) ...   // in each thread
 *
 * A batch begins when `most` calls have come, or `delay_ns` after its first one.  The function runs
 * in a thread of the batcher; what comes meanwhile is the next batch.
 *
 * Guarantees
 *   U1  A call that returned CCP_OK or CCP_FAILED was given to the function exactly once; one that
 *       returned anything else, not at all.
 *   U2  One batch is handled at a time, of `most` calls at most, in the order of coming.
 *   U3  No call waits longer than delay_ns for its batch to begin, unless another one is handled.
 *   U4  A call whose wait ends before its batch begins leaves it; later it waits for its end.
 *   U5  When it is closed, the calls that were accepted are handled at once.
 *   U6  A call happens-before the function, and that happens-before its return.
 */

typedef struct ccp_batcher ccp_batcher;

/** A call, as the function sees it. */
typedef struct ccp_batch_item {
    void *param;       /* of the call */
    ccp_status status; /* what becomes of it: CCP_OK, unless the function writes something else */
} ccp_batch_item;

/** How to build a batcher; zero is the default of every field but fn. */
typedef struct ccp_batcher_opts {
    void (*fn)(ccp_batch_item *items, size_t n, void *arg); /* handles n calls, n > 0 */
    void *arg;
    size_t most;       /* calls in a batch; 0: 64 */
    int64_t delay_ns;  /* how long the first one waits for others; INT64_MAX: for ever */
    const char *name;  /* of the thread; NULL: none; must outlive the batcher */
    size_t stack_size; /* bytes of its stack; 0: the system's default */
} ccp_batcher_opts;

/** A snapshot of a batcher. */
typedef struct ccp_batcher_info {
    size_t waiting, handling;  /* calls */
    uint64_t batches, handled; /* batches done, and calls in them */
    bool closed;
} ccp_batcher_info;

/**
 * Creates a batcher, and starts its thread.
 *
 *   Threads: any.
 *   Memory:  copies *o.  The caller owns the result and must pass it to ccp_batcher_free().
 *   Returns: the batcher; NULL if memory or threads are short, o or o->fn is NULL, o->delay_ns is
 *            negative, or o->most is absurd.
 *   After:   go-resiliency's batcher.
 *   Since:   0.1
 */
CCP_API ccp_batcher *ccp_batcher_new(const ccp_batcher_opts *o);

/**
 * Frees a batcher; NULL is allowed.
 *
 * Blocks:  for its thread to end, which has nothing to do.
 *
 *   Threads: one; nobody may use b any more.
 *   Memory:  frees everything.
 *   Returns: CCP_OK; CCP_BUSY if a call waits or is handled: nothing is freed; CCP_DEADLOCK when
 *            called by its function: nothing happens.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_batcher_free(ccp_batcher *b);

/**
 * Has param handled, in a batch.
 *
 *   Waits:   for the batch to begin, and for its end (U4).
 *   Threads: any number at once.
 *   Memory:  keeps param until it returns; nothing is allocated.  Writes the status that the
 *            function gave to *outcome (NULL: nobody wants to know), if it was handled.
 *   Returns: CCP_OK; CCP_FAILED if the function gave another status; CCP_CLOSED if b was closed
 *            before; CCP_DEADLOCK when called by the function of b; CCP_INVAL if b is NULL; the
 *            wait codes.  CCP_NOWAIT gives CCP_AGAIN.
 *   Order:   as U6 says.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_batcher_call(ccp_batcher *b, void *param,
                                                   ccp_status *outcome, ccp_wait w);

/**
 * Has the calls that wait handled without further delay.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if b is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_batcher_flush(ccp_batcher *b);

/**
 * Closes a batcher: no more calls are accepted, and those that wait are handled at once.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it was closed before; CCP_INVAL if b is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_batcher_close(ccp_batcher *b);

/**
 * Fills in a snapshot of a batcher.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_batcher_get_info(ccp_batcher *b, ccp_batcher_info *out);

/* ==== 25. SIGNALS ==========================================================================
 *
 * Signals of the system, to a channel, or to the context of all that is to stop.
 *
 *     ccp_ctx *stop = ccp_ctx_new(NULL, CCP_FOREVER);
 *     ccp_signals *ask = ccp_signals_new((const int[]){ SIGINT, SIGTERM }, 2,
 *                                        &(ccp_signals_opts){ .ctx = stop, .second_ends = true });
 *     ...                                         // works until ccp_ctx_status(stop) != CCP_OK
 *     (void)ccp_signals_free(ask);
 *     (void)ccp_ctx_free(stop);
 *
 * Each ccp_signals takes a thread, which sleeps until a signal comes.  A signal goes to each of
 * them that asked for it, and to the handler that the program had for it before, if there was one.
 *
 * Guarantees
 *   Z1  Each signal that the system delivers after ccp_signals_new() has returned, and before
 *       ccp_signals_free() is called, ends the context and is sent to the channel, once.  (The
 *       system itself may make one of several that come at once.)
 *   Z2  Nothing is waited for on the way: what finds the channel full is dropped.
 *   Z3  The channel has the signal before the context ends, and ccp_ctx_cause() points to its
 *       number, an int.
 *   Z4  When the last who asked for a signal is freed, it has the disposition that it had before,
 *       unless the program has changed it in between: then it has that.
 *   Z5  Without `even_ignored`, a signal that was ignored stays ignored, as SIGINT and SIGHUP are
 *       for programs that nohup or a shell started in the background.
 *   Z6  With `second_ends`, the second of them has its default effect at once, whatever the threads
 *       of the program are doing.
 */

typedef struct ccp_signals ccp_signals;

/** What becomes of signals; zero is the default of every field. */
typedef struct ccp_signals_opts {
    ccp_chan *chan;    /* of elements of type int, to which their numbers are sent; NULL: none */
    ccp_ctx *ctx;      /* that the first one cancels; NULL: none */
    bool second_ends;  /* the second one does what it does to a program that does not catch it */
    bool even_ignored; /* catch those, too, that are ignored now */
    const char *name;  /* of the thread; NULL: "ccp-signals" */
} ccp_signals_opts;

/**
 * Begins to catch signals.
 *
 *   Threads: any; while no other thread changes the dispositions of the same signals by itself.
 *   Memory:  copies *o and the numbers; chan, ctx and name must live until ccp_signals_free().
 *   Returns: what catches them; NULL if memory or threads are short or there are 16 already, if n
 *            is 0, o is NULL or has neither channel nor context, if the channel's elements are no
 *            ints, or if one cannot be caught: SIGKILL, SIGSTOP, numbers that the system does not
 *            have or keeps for itself, and those by which a thread is told of its own errors
 *            (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT).
 *   After:   Go's signal.Notify and signal.NotifyContext.
 *   Since:   0.1
 */
CCP_API ccp_signals *ccp_signals_new(const int *signals, size_t n, const ccp_signals_opts *o);

/**
 * Catches no more; NULL is allowed.
 *
 * Blocks:  while hooks of the context run in the thread of s.
 *
 *   Threads: one; nobody may use s any more.
 *   Memory:  frees s; channel and context stay, and are not used any more.
 *   Returns: CCP_OK; CCP_DEADLOCK if it is called by such a hook: nothing has happened.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_signals_free(ccp_signals *s);

/* ==== 26. SHUTDOWN =========================================================================
 *
 * How a program ends in good order: what it has to do for that, in four phases, each of which has
 * its time, and a report of what did not come to its end.
 *
 *     ccp_shutdown *end = ccp_shutdown_new();
 *     if (ccp_shutdown_add(end, CCP_PHASE_INTAKE, "listener", stop_listening, &server) != CCP_OK ||
 *         ccp_shutdown_add_pool(end, "workers", pool, keep_for_later, NULL) != CCP_OK) ...
 *     ...
 *     ccp_status st = ccp_shutdown_run(end, &(ccp_shutdown_limits){ .drain = CCP_SEC(20) },
 *                                      CCP_FOREVER);
 *
 *   intake   nothing new comes in
 *   drain    what has come in is finished
 *   cancel   what has not been finished is told to stop; what has not begun is handed back
 *   join     what was told to stop has ended
 *
 * Guarantees
 *   J1  The steps of a phase run one after the other, in the order in which they were added, and
 *       those of a phase before those of the next.  Each runs once, also when others have failed or
 *       the time is over: then with a wait that is over.
 *   J2  A phase that has its time waits for no longer in all, and the whole for no longer than w,
 *       as far as the steps keep to the wait that they get.
 *   J3  The report tells of each step in which phase it was, what it returned, and how long it
 *       took.
 *   J4  A pool is closed, and waited for until the drain's time is over; then its tasks are
 *       canceled and those that did not begin are handed back; then they are waited for until the
 *       time of the join is over, and if all have ended, its workers are joined.
 */

typedef struct ccp_shutdown ccp_shutdown;

/** When a step runs. */
typedef enum ccp_phase {
    CCP_PHASE_INTAKE,
    CCP_PHASE_DRAIN,
    CCP_PHASE_CANCEL,
    CCP_PHASE_JOIN
} ccp_phase;

/** For how long a phase may wait, in ns; 0: as long as the whole may. */
typedef struct ccp_shutdown_limits {
    int64_t intake, drain, cancel, join;
} ccp_shutdown_limits;

/** What became of a step. */
typedef struct ccp_shutdown_result {
    const char *name;
    ccp_phase phase;
    ccp_status status; /* what it returned */
    int64_t ns;        /* how long it took */
} ccp_shutdown_result;

/**
 * Makes an empty list of steps.
 *
 *   Threads: any.
 *   Memory:  the caller owns the result and must pass it to ccp_shutdown_free().
 *   Returns: the list; NULL if memory is short.
 *   Since:   0.1
 */
CCP_API ccp_shutdown *ccp_shutdown_new(void);

/** A step: gets its argument, and how long it may wait; says what became of it.  May make any call
 *  of libccp. */
typedef ccp_status (*ccp_shutdown_step)(void *arg, ccp_wait w);

/**
 * Adds a step.
 *
 *   Threads: any.
 *   Memory:  keeps name and arg, which must live as long as s.
 *   Returns: CCP_OK; CCP_NOMEM; CCP_CLOSED if s has begun to run; CCP_INVAL if s, name or fn is
 *            NULL or there is no such phase.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_shutdown_add(ccp_shutdown *s, ccp_phase phase, const char *name,
                                    ccp_shutdown_step fn, void *arg);

/**
 * Adds what a pool needs (J4), in each phase.
 *
 *   Threads: any.
 *   Memory:  keeps name, p, and arg for unrun (NULL: the pool's own); the pool is still to be
 *            freed afterwards.
 *   Returns: CCP_OK; CCP_NOMEM; CCP_CLOSED if s has begun to run; CCP_INVAL if s, name or p is
 *            NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_shutdown_add_pool(ccp_shutdown *s, const char *name, ccp_pool *p,
                                         ccp_unrun unrun, void *arg);

/**
 * Runs all steps.
 *
 *   Waits:   as the steps do.
 *   Threads: one.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK if every step returned it; otherwise what the first one gave that did not, if
 *            that is one of the wait codes, and CCP_FAILED if it is not, see ccp_shutdown_report();
 *            CCP_CLOSED if it has run already, or another thread runs it; CCP_INVAL if s is NULL or
 *            a limit is negative; CCP_CANCELED or CCP_TIMEOUT also if the context of w had ended
 *            before: then nothing has run.  With CCP_NOWAIT all steps run, and none waits.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_shutdown_run(ccp_shutdown *s, const ccp_shutdown_limits *limits, ccp_wait w);

/**
 * Tells what became of the steps that have run, in their order.
 *
 *   Threads: any.
 *   Memory:  copies up to max results to out (NULL if max is 0).
 *   Returns: how many there are.
 *   Since:   0.1
 */
CCP_API size_t ccp_shutdown_report(ccp_shutdown *s, ccp_shutdown_result *out, size_t max);

/**
 * Gives back a list of steps; NULL is allowed.
 *
 *   Threads: one; nobody may use s any more.
 *   Memory:  frees s; names and arguments stay.
 *   Returns: CCP_OK; CCP_BUSY while it runs: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_shutdown_free(ccp_shutdown *s);

/* ==== 27. TRACKING AND DIAGNOSIS ===========================================================
 *
 * What the program's objects and threads are doing, as text.  Off until the program asks for it.
 *
 *     (void)ccp_track(true);                       // first thing in main()
 *     ...
 *     static ccp_mutex accounts;
 *     (void)ccp_name(&accounts, "accounts");       // optional
 *     ...
 *     int fd = 2;
 *     (void)ccp_dump(ccp_to_fd, &fd);
 *
 * writes a line for each object and for each thread that waits in a call of libccp:
 *
 *     // channel 'orders', 4 of 4 elements, 1 sender waits
 *     // thread 4711 'reader' has waited 12.3 s in ccp_chan_send for channel 'orders'
 *     //     holds mutex 'accounts' for 12.3 s
 *     // 3 threads do not wait in libccp
 *
 * Guarantees
 *   DG1  While tracking is off nothing is kept, and a dump says nothing.
 *   DG2  An object with a constructor that was made while tracking was on and is not freed has its
 *        line, with its kind and its name, or its address if it has none; but for those that
 *        belong to another, as the queue of a pool does.
 *   DG3  A thread that went to sleep in a call while tracking was on, and still sleeps, has its
 *        line: the call, what it waits for, for how long by now, and what it has locked.
 *   DG4  The sink is called in the thread that asked, with whole lines, and under no lock: it may
 *        make any call of libccp; so may the alarm of a watch, which its own thread calls.
 *   DG5  That all threads are in a deadlock is said only if it is so: each thread of the process
 *        sleeps in a call of libccp that was made while tracking was on and has no deadline, of its
 *        own or a context's, no timer, and nobody has ended it.  (Signal handlers may not call
 *        libccp.  Threads of which libccp knows nothing, those that wait for a signal, a socket or
 *        a join included, count as running.  Where the system does not tell how many threads there
 *        are, as only Linux does, nothing is said.)  It is told once.
 *   DG6  With `locks_have_owners`, which is the program's promise for its mutexes and reader-writer
 *        locks, a circle of threads that wait for each other's locks, without a limit or a context,
 *        is told of even while others run.
 *   DG7  With `end_one` one call in each deadlock that was told of, the last of a circle, if it is
 *        one, or of all, fails with CCP_DEADLOCK, and has changed nothing, as if its time were
 *        over.  Calls that wait and must not fail, like those that free what has threads, are not
 *        ended.
 *   DG8  Each wait that lasts for stall_ns is told of once, at the first look after that, if the
 *        look finds no deadlock.
 *   DG9  With CCP_TRACE_PLACES a dump, an alarm and an audit say where an object was made, and
 *        where a call that waits was made.
 *   DG10 An audit tells of everything that has not been freed or given back, and nothing else; and
 *        of a future whether it has an outcome for which nobody has asked.
 *   DG11 With `task_ns` each task that a worker of a tracked pool has had for so long, by MT6, is
 *        told of once by each watch, at the first look after that.
 */

/**
 * Turns tracking on, for the whole process, or off: then all that is known is forgotten.
 *
 * Only what is made, and who goes to sleep or locks, from then on is known.
 *
 *   Threads: any.
 *   Memory:  while it is on, a block for each object and each lock that is held.
 *   Returns: CCP_OK; CCP_NOMEM, and nothing has changed, if memory is short to look after forks.
 *   Cost:    while it is off, making and freeing an object, locking and unlocking, and going to
 *            sleep each look at one word more; while it is on, each takes a short lock, and going
 *            to sleep a system call more.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_track(bool on);

/**
 * Names an object: any, also one in the program's own memory, such as a mutex.  NULL takes the name
 * back: to be done before memory of the program's own that was named is used for something else.
 * Does nothing while tracking is off.
 *
 *   Threads: any.
 *   Memory:  copies up to 47 bytes of name.
 *   Returns: CCP_OK; CCP_NOMEM; CCP_INVAL if object is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_name(const void *object, const char *name);

/** Takes n bytes of text. */
typedef void (*ccp_sink)(const char *text, size_t n, void *arg);

/**
 * Tells of all objects, and of all threads that wait.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED while tracking is off; CCP_NOMEM, before or after the lines of
 *            objects; CCP_INVAL if sink is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_dump(ccp_sink sink, void *arg);

/**
 * A sink: writes to the file descriptor at arg, an int.  For a FILE *:
 *
 *     static void to_file(const char *text, size_t n, void *file) { fwrite(text, 1, n, file); }
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Since:   0.1
 */
CCP_API void ccp_to_fd(const char *text, size_t n, void *arg);

/**
 * Looks once whether all threads of the process but the calling one wait in calls that nothing
 * can end, unless the calling one does it (DG5), and tells which deadlock that is.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_DEADLOCK if so: then sink (NULL: nobody) has been told; CCP_OK if not, or it
 *            cannot be known; CCP_NOMEM; CCP_CLOSED while tracking is off.
 *   After:   Go's "all goroutines are asleep - deadlock!".
 *   Since:   0.1
 */
CCP_API ccp_status ccp_deadlock_check(ccp_sink sink, void *arg);

typedef struct ccp_watch ccp_watch;

/** What a watch has seen. */
typedef enum ccp_alarm {
    CCP_ALARM_DEADLOCK, /* nothing can end these waits: DG5, DG6 */
    CCP_ALARM_STALL,    /* these last long, that is all: DG8 */
    CCP_ALARM_TASK      /* workers of pools have had their tasks for long: DG11 */
} ccp_alarm;

/** What a watch looks for; zero is the default of every field but alarm. */
typedef struct ccp_watch_opts {
    void (*alarm)(ccp_alarm what, const char *text, size_t n, void *arg); /* told, in its thread */
    void *arg;
    int64_t period_ns;      /* from one look to the next; 0: a second */
    int64_t stall_ns;       /* a wait that lasts so long is a stall; 0: none is */
    int64_t task_ns;        /* a task of a pool that runs so long is told of; 0: none is */
    bool locks_have_owners; /* DG6: here, a lock is given back by the thread that took it */
    bool end_one;           /* DG7: one of the calls in a deadlock ends with CCP_DEADLOCK */
    const char *name;       /* of the thread; NULL: "ccp-watch"; must outlive the watch */
} ccp_watch_opts;

/**
 * Starts a thread that looks for deadlocks and stalls, while tracking is on.
 *
 *   Threads: any.
 *   Memory:  copies *o; the caller owns the result and must pass it to ccp_watch_free().
 *   Returns: the watch; NULL if memory or threads are short, o or its alarm is NULL, or a time is
 *            negative.
 *   Cost:    a look takes time for each thread that waits, and holds up none for longer than a few
 *            of them take.
 *   Since:   0.1
 */
CCP_API ccp_watch *ccp_watch_new(const ccp_watch_opts *o);

/**
 * Ends a watch; NULL is allowed.
 *
 * Blocks:  while it is looking, or its alarm runs.
 *
 *   Threads: one; nobody may use w any more.
 *   Memory:  frees w.
 *   Returns: CCP_OK; CCP_DEADLOCK if its own alarm calls this: nothing has happened.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_watch_free(ccp_watch *w);

/**
 * Tells of everything that has not been given back: each object that has a line in a dump (DG2),
 * and each lock and permit that somebody still holds.  For the end of a test: it should be 0.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: how many there are; 0 also while tracking is off, or for holders if memory is short.
 *            sink (NULL: nobody) is told of each.
 *   Since:   0.1
 */
CCP_API size_t ccp_audit(ccp_sink sink, void *arg);

/**
 * Says from where in the program the calling thread makes its next call.
 *
 * With CCP_TRACE_PLACES defined before ccp.h is included, the calls that make objects or wait do it
 * themselves; then dumps, alarms and audits have the file and the line, as long as all that the
 * thread calls is compiled so.
 *
 *   Threads: any.
 *   Memory:  keeps call and file, which must be constant strings.
 *   Cost:    three words of the thread's own are written.
 *   Since:   0.1
 */
CCP_API void ccp_place(const char *call, const char *file, int line);

/* ==== 28. STATISTICS, HEALTH AND METRICS ===================================================
 *
 * Figures of objects, for programs and for people.
 *
 * A pool tells how long its tasks wait and run, and whether it goes on:
 *
 *     ccp_pool_stats s;
 *     ccp_pool_get_stats(pool, &s);               // .measure = true
 *     printf("one in a hundred waited for more than %lld ns\n",
 *            (long long)ccp_histogram_quantile(&s.queue, 0.99));
 *     ccp_pool_health h;
 *     ccp_pool_get_health(pool, NULL, &h);
 *     if (h.state == CCP_HEALTH_STUCK) puts(h.why);
 *
 * A channel tells how often and for how long threads slept in it, and what that means:
 *
 *     ccp_chan_stats before, after;
 *     ccp_chan_get_stats(ch, &before);
 *     ...                                         // some seconds
 *     ccp_chan_get_stats(ch, &after);
 *     ccp_chan_advice advice;
 *     if (ccp_chan_advise(&before, &after, &advice) == CCP_OK)
 *         printf("full for %.0f %% of the time: %s\n", 100 * advice.full, advice.why);
 *
 * A task that runs does not look at the clock, unless the pool was made with `measure`: then the
 * times below are exact.  Otherwise they count from the first look that has found it so; who looks
 * every ten seconds knows them to ten seconds.  Looks are calls of ccp_pool_get_stats(),
 * ccp_pool_get_workers(), ccp_pool_get_health() and ccp_metrics_write(), and those of a watch.
 *
 * The figures of all objects that are tracked, as text that Prometheus reads: there is no server
 * here, the text goes to a sink, and from there to whoever asks, such as one who serves HTTP.
 *
 *     (void)ccp_track(true);                                  // first thing in main()
 *     ...
 *     int fd = 1;
 *     (void)ccp_metrics_write(CCP_METRICS_PROMETHEUS, ccp_to_fd, &fd);
 *
 * writes
 *
 *     // # HELP ccp_channel_elements Elements in the channel.
 *     // # TYPE ccp_channel_elements gauge
 *     // ccp_channel_elements{name="orders",id="7"} 3
 *     // ...
 *
 * Channels, pools, circuit breakers, batchers, broadcasts, fans and single-flights have figures;
 * what belongs to another object, as the queue of a pool does, has none of its own.
 *
 * Guarantees
 *   MT1  Names of metrics and labels do not change while the major version does not.
 *   MT2  Each object has samples with the labels `name`, which is "" if it has no name, and `id`,
 *        which no other object of the process has or had: so no two samples are the same.
 *   MT3  A counter never goes back while its object lives.
 *   MT4  The sink is called in the thread that asked, with whole lines, and under no lock: it may
 *        make any call of libccp.
 *   MT5  The histograms of a measured pool have each task that a worker has finished once; who has
 *        waited for a task finds it in them.
 *   MT6  A task has waited, and run, for at least as long as is told; in a measured pool what is
 *        told of tasks that run is all of it.
 *   MT7  A pool is said to be stuck only if tasks wait, each of its workers has had the same task
 *        for at least as long as the limit says, and it may have no more of them.
 *   MT8  A wait of a channel is counted once each time that a thread goes to sleep there, and its
 *        time until somebody ends it; who spins or does not wait is not counted.  The times of both
 *        sides never go back.
 */

#define CCP_HISTOGRAM_BUCKETS 28

/** The longest time, in ns, that bucket i counts, but for the last one: 1 us, 2 us, ... 67 s. */
#define CCP_HISTOGRAM_BOUND(i) ((int64_t)1000 << (i))

/** How often something took how long. */
typedef struct ccp_histogram {
    uint64_t count;  /* the sum of the buckets */
    int64_t sum_ns;  /* of all, but perhaps some of the last */
    int64_t max_ns;
    uint64_t bucket[CCP_HISTOGRAM_BUCKETS]; /* each has what the ones before it have not; the last
                                             * has all that took longer */
} ccp_histogram;

/**
 * Tells which time a part of what was measured did not exceed: with 0.5 the median.
 *
 *   Threads: any; h must not change.
 *   Memory:  keeps nothing.
 *   Returns: ns, up to twice too much: the bound of a bucket, or h->max_ns; 0 if h is NULL or has
 *            nothing, or part is not above 0 and at most 1.
 *   Since:   0.1
 */
CCP_API int64_t ccp_histogram_quantile(const ccp_histogram *h, double part);

/** What a look at a pool finds. */
typedef struct ccp_pool_stats {
    ccp_pool_info info;
    int64_t waited_ns;   /* ns that the task which waits longest has waited in the queue: MT6 */
    int64_t task_ns;     /* ns that the task which has run longest has run so far: MT6 */
    ccp_histogram queue; /* with `measure`: how long tasks waited, from ccp_pool_submit() on */
    ccp_histogram run;   /* with `measure`: how long they ran */
} ccp_pool_stats;

/**
 * Looks at a pool.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Cost:    that of ccp_pool_get_info(), two locks, and with `measure` 56 words per worker that
 *            there ever was at once.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_get_stats(ccp_pool *p, ccp_pool_stats *out);

/** A worker of a pool. */
typedef struct ccp_worker_info {
    int index;         /* what ccp_pool_worker() tells its tasks, and the end of its name */
    bool busy;         /* has a task */
    int64_t task_ns;   /* ns that this has run so far: MT6; 0 if there is none */
    uint64_t finished; /* tasks, also of workers that had the index before */
    uint64_t failed;   /* of them, those that did not return CCP_OK */
    int64_t run_ns;    /* with `measure`: ns that they took */
    int64_t run_ns_max; /* with `measure`: ns that one of them took, at most */
    uint64_t thread;   /* the number that the system has for the thread; 0 until it runs */
} ccp_worker_info;

/**
 * Tells of the workers that a pool has now.
 *
 *   Threads: any.
 *   Memory:  writes up to max of them to out (NULL if max is 0).
 *   Returns: how many there are; 0 if p is NULL, or out is and max is not 0.
 *   After:   questdb#3860: how many are busy says little, how long each has been says more.
 *   Since:   0.1
 */
CCP_API size_t ccp_pool_get_workers(ccp_pool *p, ccp_worker_info *out, size_t max);

typedef enum ccp_health {
    CCP_HEALTH_GOOD,
    CCP_HEALTH_DEGRADED, /* some of it does not go on as it should */
    CCP_HEALTH_STUCK     /* nothing goes on: MT7 */
} ccp_health;

/** What is too long; zero is the default of every field. */
typedef struct ccp_health_limits {
    int64_t task_ns;  /* for a task to run: its worker is stuck then; 0: a minute */
    int64_t queue_ns; /* for a task to wait; 0: a minute */
} ccp_health_limits;

/** How a pool is. */
typedef struct ccp_pool_health {
    ccp_health state;
    const char *why;   /* a sentence, for people; never NULL */
    unsigned workers;  /* that there are */
    unsigned busy;     /* of them, those that have a task */
    unsigned stuck;    /* of these, those that have had it for too long */
    size_t queued;     /* tasks that wait */
    int64_t waited_ns; /* as in ccp_pool_stats */
    int64_t task_ns;   /* as in ccp_pool_stats */
} ccp_pool_health;

/**
 * Looks whether a pool goes on.
 *
 * It is degraded if a worker is stuck, or a task waits for too long.  That the queue is full is no
 * fault: so producers are held back.
 *
 *   Threads: any.
 *   Memory:  writes *out; keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if p or out is NULL, or a limit is negative.
 *   Cost:    that of ccp_pool_get_stats(), and a look more at each worker.
 *   After:   joyent/libuv#1042, which asks for it.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_get_health(ccp_pool *p, const ccp_health_limits *limits,
                                       ccp_pool_health *out);

/** What one side of a channel has waited. */
typedef struct ccp_side_stats {
    uint64_t waits;     /* times that a thread went to sleep, selects included: MT8 */
    int64_t blocked_ns; /* ns that they slept, all together */
    int64_t some_ns;    /* ns in which at least one slept */
} ccp_side_stats;

/** What a look at a channel finds. */
typedef struct ccp_chan_stats {
    ccp_chan_info info;
    int64_t at_ns; /* when: by the clock of these times, which is that of ccp_now() */
    ccp_side_stats send, receive;
} ccp_chan_stats;

/**
 * Looks at a channel.
 *
 * Times are by a clock that moves every few milliseconds: one wait may be told as that much longer
 * or shorter, sums are right on average.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Cost:    a lock, and a step for each thread that sleeps there.  Who sends or receives pays two
 *            looks at that clock when it goes to sleep, and nothing otherwise.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_get_stats(ccp_chan *ch, ccp_chan_stats *out);

/** What should be different. */
typedef enum ccp_advice {
    CCP_ADVICE_FINE,
    CCP_ADVICE_TOO_SMALL,      /* the channel, for bursts of its senders and receivers */
    CCP_ADVICE_TOO_LARGE,      /* three quarters of its room, or more, were never used */
    CCP_ADVICE_SLOW_CONSUMERS, /* more room would only delay that it is full */
    CCP_ADVICE_SLOW_PRODUCERS
} ccp_advice;

/** What the figures of a channel say about a while. */
typedef struct ccp_chan_advice {
    ccp_advice what;
    const char *why;   /* a sentence, for people; never NULL */
    double full;       /* part of the time in which a sender slept: 0 to 1 */
    double empty;      /* part of the time in which a receiver slept */
    double senders;    /* threads that slept to send, on average */
    double receivers;  /* threads that slept to receive, on average */
    uint64_t passed;   /* elements received; counted by rings only */
    size_t high_water; /* most elements in it at once; see ccp_chan_info */
    size_t capacity;
} ccp_chan_advice;

/**
 * Says what happened between two looks at a channel: which side held the other one up.
 *
 * Both for a tenth of the time: more room would help.  Only senders: receivers are too slow.
 * Receivers for half of it: senders are.  Otherwise it is fine, or much larger than it need be.
 *
 *   Threads: any.
 *   Memory:  writes *out; keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL, or no time lies between the looks.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_advise(const ccp_chan_stats *before, const ccp_chan_stats *after,
                                   ccp_chan_advice *out);

/** What a channel before some workers is to cope with. */
typedef struct ccp_load {
    double per_second;  /* elements that come, on average */
    int64_t service_ns; /* that a worker takes for one, on average */
    unsigned workers;
    int64_t latency_ns; /* that an element may wait; 0: any time */
    double turned_away; /* part of the elements that may find no room; 0: one in a hundred */
} ccp_load;

/** What to do about it. */
typedef struct ccp_chan_plan {
    size_t capacity;    /* at most a billion */
    bool keeps_up;      /* are the workers enough?  If not, no channel is large enough */
    bool in_time;       /* is that what `turned_away` wants?  If not, `latency_ns` allows less, or
                         * none is large enough */
    unsigned workers;   /* the least number of them that would be enough; at most 65536 */
    double utilization; /* part of the time in which a worker is busy; from 1 on they cannot */
    int64_t wait_ns;    /* that an element waits on average; 0 if they do not keep up */
} ccp_chan_plan;

/**
 * Recommends a capacity, for elements that come independently of each other and take different
 * times (M/M/c: Poisson and exponential).  What comes evenly wants less, what comes in bursts more.
 *
 *   Threads: any.
 *   Memory:  writes *out; keeps nothing.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL, or a number is absurd: rates and times not
 *            above 0, a rate above 1e12, no workers or more than 65536, a negative limit, a part
 *            not below 1.
 *   Cost:    a few operations for each worker.
 *   After:   Erlang's C formula (1917); Little's law (1961): who finds n before it waits for n *
 *            service_ns / workers.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_recommend(const ccp_load *l, ccp_chan_plan *out);

/** How the text is to be written. */
typedef enum ccp_metrics_format {
    CCP_METRICS_PROMETHEUS, /* text/plain; version=0.0.4 */
    CCP_METRICS_OPENMETRICS /* application/openmetrics-text; version=1.0.0; charset=utf-8 */
} ccp_metrics_format;

/**
 * Tells the figures of all objects that are tracked.
 *
 *   Threads: any.
 *   Memory:  allocates a block per object, and frees it; keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED while tracking is off; CCP_NOMEM; CCP_INVAL if sink is NULL or
 *            there is no such format.  But for CCP_OK nothing was told.
 *   Cost:    a short lock per object.
 *   After:   the client libraries of Prometheus; joyent/libuv#1042 for what one asks of a pool.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_metrics_write(ccp_metrics_format format, ccp_sink sink, void *arg);

/* ==== 29. FILE DESCRIPTORS =================================================================
 *
 * An event loop waits for sockets, in poll(), epoll, libuv or GLib.  It can wait for channels
 * beside them: ccp_chan_fd() gives a descriptor that can be read when a call on one side of the
 * channel has something to do.  It behaves as a socket does that does not block:
 *
 *     int fd;
 *     if (ccp_chan_fd(in, CCP_POLL_RECV, &fd) != CCP_OK) { ... }
 *     ...                                      // the loop watches fd; when it can be read:
 *     while ((rc = ccp_chan_recv(in, &v, CCP_NOWAIT)) == CCP_OK)
 *         use(&v);
 *     if (rc == CCP_CLOSED) { ... }            // the loop stops watching fd
 *     ...                                      // CCP_AGAIN: it will tell when there is more
 *
 * What the descriptor says is advice: another thread may be faster.  So calls are made with
 * CCP_NOWAIT, and one that comes back with CCP_AGAIN arms the descriptor anew.  A loop that is told
 * of levels (poll, epoll without EPOLLET, libuv, GLib) may do one call for each event; one that is
 * told of edges (EPOLLET) goes on until CCP_AGAIN or CCP_CLOSED.
 *
 * A thread that is no event loop waits for sockets and channels by ccp_select(): CCP_CASE_FD().
 *
 * Only who finds a descriptor armed pays: one system call to make it readable.  While it can be
 * read already, or nobody asked for one, calls on the channel cost what they always do.
 *
 * Guarantees
 *   FD1 While there is something to do for its side (an element, room, with capacity 0 a partner
 *       that waits, or the end) and no thread is in the middle of a call there, the descriptor can
 *       be read.
 *   FD2 After a call on its side has returned CCP_AGAIN, the descriptor cannot be read until there
 *       is something to do; and then there is a new edge, even if it came during that call.
 *   FD3 Calls on the descriptor by the program but to wait for it are not needed, and the
 *       descriptor stays the same, until the channel is freed, which closes it.
 *   FD4 A descriptor that waits takes nothing from a thread that waits: both are told.
 *   FD5 The descriptor of a context can be read once the context has ended, that of a future once
 *       it is settled, and from then on.
 *   FD6 While a pool has nothing to do, and no thread is in the middle of a call on it, its
 *       descriptor can be read.  After ccp_pool_wait() has returned CCP_AGAIN it cannot, until
 *       there was a moment when the pool had nothing to do; and then there is a new edge.
 */

/** The side of a channel that a descriptor tells of. */
typedef enum ccp_poll { CCP_POLL_RECV, CCP_POLL_SEND } ccp_poll;

/**
 * Gives the descriptor that can be read when ch can be received from (sent to); the first call
 * makes it.
 *
 * Each later call gives the same one, after looking anew, as a call that returned CCP_AGAIN does.
 * The program only waits for it to become readable, and never reads, writes or closes it.  With
 * capacity 0 there is something to do only while a thread waits on the other side: two loops never
 * meet.
 *
 *   Threads: any.
 *   Memory:  the descriptor is the channel's: ccp_chan_free() closes it, so the loop must have let
 *            go of it before.
 *   Returns: CCP_OK; CCP_NOMEM if memory or descriptors are short; CCP_INVAL if ch or fd is NULL,
 *            what is neither, or ch is a timer channel (a loop has time limits of its own).
 *   Cost:    one descriptor, or two where there is no eventfd(); they do not outlive an exec.
 *   After:   mio, flume and crossbeam, whose users ask for it (mio#1607), and GCancellable, which
 *            has it.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_chan_fd(ccp_chan *ch, ccp_poll what, int *fd);

/**
 * Gives the descriptor that can be read once ctx has ended; the first call makes it.
 *
 * A deadline ends a context when somebody looks: let the loop's own time limit be that of
 * ccp_ctx_deadline(), and ask ccp_ctx_status() then.
 *
 *   Threads: any.
 *   Memory:  the descriptor is the context's: the loop must have let go of it before
 *            ccp_ctx_free().
 *   Returns: CCP_OK; CCP_NOMEM if memory or descriptors are short; CCP_INVAL if ctx or fd is NULL.
 *   Cost:    as ccp_chan_fd().
 *   After:   GCancellable's g_cancellable_get_fd().
 *   Since:   0.1
 */
CCP_API ccp_status ccp_ctx_fd(ccp_ctx *ctx, int *fd);

/**
 * Gives the descriptor that can be read once f is settled; the first call makes it.
 *
 * A lazy future's function is called, as by ccp_future_done().
 *
 *   Threads: any.
 *   Memory:  the descriptor is the future's: the loop must have let go of it before the last
 *            handle is freed.
 *   Returns: CCP_OK; CCP_NOMEM if memory or descriptors are short; CCP_INVAL if f or fd is NULL.
 *   Cost:    as ccp_chan_fd(), and a channel.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_future_fd(ccp_future *f, int *fd);

/**
 * Gives the descriptor that can be read while p has nothing to do: no task waits and none runs; the
 * first call makes it.
 *
 * Each later call gives the same one, after looking anew.  As those of channels it gives advice:
 * tasks may have come since.  So the loop then calls ccp_pool_wait() with CCP_NOWAIT, which tells,
 * and with CCP_AGAIN arms the descriptor anew.
 *
 *   Threads: any.
 *   Memory:  the descriptor is the pool's: the loop must have let go of it before ccp_pool_free().
 *   Returns: CCP_OK; CCP_NOMEM if descriptors are short; CCP_INVAL if p or fd is NULL.
 *   Cost:    as ccp_chan_fd(); while it is armed, a short lock for each task that ends, and a look
 *            at each worker.  A pool without one, or while it can be read, costs nothing more.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_pool_fd(ccp_pool *p, int *fd);

/* ==== 30. FORK, EXIT, UNLOAD ===============================================================
 *
 * A child of fork() has a copy of the memory, and one thread: the one that called fork().  The
 * objects that it has from its parent are as the parent's threads left them, perhaps in the middle
 * of a change that nobody will finish.  So the child may exec, it may _exit, or it may go on with
 * objects that it makes itself; but it may not use, nor free, those of the parent, unless the
 * parent has asked for ccp_fork_guard() (FK4).
 *
 *     pid_t child = fork();
 *     if (child == 0) {
 *         ccp_pool *mine = ccp_pool_new(NULL);     // FK1; not the parent's pool
 *         ...
 *         _exit(0);
 *     }
 *
 * What lives in the program's own structs, such as a mutex, may be used if no other thread of the
 * parent was using it at the moment of the fork; else it is to be made anew, as by
 * `m = (ccp_mutex)CCP_MUTEX_INIT`.  A function that libccp called, such as a task, may call fork(),
 * but must not return to libccp in the child.  An allocator of the program must itself be good
 * after a fork, as malloc() is.  Signals that a ccp_signals of the parent catches reach nobody in
 * the child until it execs, or frees that object (FK5).
 *
 * Guarantees
 *   FK1  In the child all that has no object, and all calls on objects that the child has made,
 *        work, whatever the other threads of the parent were doing in libccp at the moment of the
 *        fork.  Dumps, audits and metrics of the child tell of its own objects and threads.
 *   FK2  exit(), or the return from main(), may come while other threads are inside libccp: it has
 *        no functions that run at exit, so what runs is cut off where it is, as with _exit().
 *   FK3  When no object is left that has threads, descriptors or signals, nor a ccp_rcu, and no
 *        thread is inside libccp or in fork(), a plugin that has libccp in it, or has loaded it,
 *        can be unloaded: there is no thread of it, no descriptor, no signal handler, no memory,
 *        and nothing that would be called when a thread or the process ends.
 *   FK4  With ccp_fork_guard(), in the child all objects with a constructor (but a ccp_deque) that
 *        were made while tracking was on, and not freed before the fork, are dead: each call on one
 *        returns CCP_FORKED at once, without waiting, whatever was being done to it.  What returns
 *        no status says that there is nothing: NULL, 0, that it is closed, done or canceled.  (But
 *        ccp_chan_cap(), ccp_spsc_cap() and ccp_mpmc_cap(), ccp_ctx_deadline(), ccp_ctx_value(),
 *        and ccp_fan_chan() and its like give what never changes.)  A wait under a dead context
 *        returns CCP_FORKED too; ccp_select() with a dead channel does so, or does another case
 *        that can be done.
 *   FK5  A dead object can be freed.  That gives back its memory and closes the child's copies of
 *        its descriptors, but for what its threads may have been in the middle of changing, such
 *        as tasks and calls under way.  No function of the program is called: what elements, values
 *        and tasks own is the parent's.
 *   FK6  A wait group in which tasks of the parent were counted, or whose threads had not been
 *        waited for, is dead for ccp_wg_go(), ccp_wg_wait() and ccp_wg_close_when_done(), until it
 *        is set to CCP_WG_INIT.  (ccp_wg_add() and ccp_wg_done() count in it, or say CCP_FORKED.)
 *   FK7  A pool with `respawn` is not dead in the child, but begins anew with the first call on it
 *        there: with the same options, workers of its own, no tasks, and no parent context if that
 *        is dead.  Tasks of the parent run in the parent, and nowhere else.  While memory or
 *        threads are short for that, calls return CCP_FORKED, and the next one tries again.
 */

/**
 * Makes the objects of this process dead in its children (FK4), from the next fork on, or not any
 * more.  In a child it is as it was in the parent.
 *
 *   Threads: any.
 *   Returns: CCP_OK; CCP_CLOSED, and nothing has changed, if tracking is off and on is true.
 *   Cost:    of a fork, some microseconds, and about as long as a dump takes to look at each
 *            object; of other calls none that was measured.
 *   After:   libuv's uv_loop_fork() and Python's os.register_at_fork(), which leave it to the user.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_fork_guard(bool on);

/* ==== 31. LOCK-FREE DEQUE, SEQLOCK, COUNTER ================================================
 *
 * Structures that no thread has to wait for: none of these calls waits, takes a lock or sleeps, so
 * a thread that has lost its processor holds nobody up (but for a seqlock's writer).  They are for
 * programs whose own figures say that a mutex or a channel is what they wait for.  What is said
 * here of where they do not help was measured on two processors, as docs/lock-free.md tells.
 *
 * A deque holds pointers.  Its owner pushes and pops at one end, as from a stack; any thread may
 * steal at the other end what was pushed first.  So each worker has one of its own for the tasks
 * that its tasks make, and looks at those of others when it is empty:
 *
 *     void *task;
 *     if (ccp_deque_pop(own, &task) == CCP_OK || ccp_deque_steal(other, &task) == CCP_OK)
 *         run(task);
 *
 * It does not help where tasks come from outside: as a queue between two threads it took 64 ns for
 * an item, and a channel 45.  Nor where they take more than some microseconds: a pool (section 16)
 * does that, and sleeps when there is nothing to do, which a deque cannot.
 *
 * A seqlock keeps data of a fixed size that is read all the time and changes seldom.  A reader
 * copies it, without writing anything that another one would have to fetch, and copies it anew when
 * a writer came meanwhile:
 *
 *     static ccp_seqlock lock;                        // all zero is valid
 *     static struct config shared;                    // touched by these calls only
 *     struct config c;
 *     while (ccp_seqlock_read(&lock, &c, &shared, sizeof c) == CCP_AGAIN)
 *         sched_yield();                              // a writer lost its processor inside
 *
 * It does not help where pointers are followed in what is read, since a copy may be half old until
 * it is known to be good; nor where writers come all the time: a read of 32 bytes then took 44 to
 * 820 ns instead of 10, and the longer the data is, the less readers get.
 *
 * A counter is spread over cache lines, so that threads that count at the same time do not take
 * them from each other; to read it, all have to be fetched.  It does not help a thread that counts
 * alone (14.5 ns instead of 10.7), nor threads that have a microsecond of work between two counts
 * (482 ns instead of 498), nor where it is read as often as it changes: one atomic does.
 *
 * A spin is for loops of the program that try until nobody else was faster.  A thread that failed
 * stays away for a while, longer each time, so that the others get through.  With two threads that
 * do nothing else this took 17 ns instead of 40; where they seldom meet, it does nothing:
 *
 *     ccp_spin s = CCP_SPIN_INIT;
 *     long old = atomic_load(&highest);
 *     while (old < v && !atomic_compare_exchange_weak(&highest, &old, v))
 *         (void)ccp_spin_once(&s);
 *
 * None of these is tracked, or dead after a fork (FK4): who forks may use in the child what no
 * other thread was changing, and a deque of its own in any case.
 *
 * Guarantees
 *   LD1  What was pushed is popped or stolen once.  The owner gets what it pushed last; who steals,
 *        what was pushed first of what is there.  That holds as if each call happened at one
 *        moment.
 *   LD2  Of threads that steal at the same time one succeeds, if the owner does not get there
 *        first.  CCP_BUSY means that another thread took an item during the call, CCP_AGAIN that
 *        there was none at some moment of it.
 *   LD3  A deque takes no memory but when it grows, and then has less than four times what its
 *        largest number of items needs.
 *   LD4  What ccp_seqlock_read() gives with CCP_OK is what one writer left, or the beginning.  Data
 *        is read and written by atomics only: there is no race, whatever a writer does meanwhile.
 *   LD5  A call that reads or writes by a seqlock comes back after a fixed number of tries.  The
 *        only writer never gets CCP_AGAIN.
 *   LD6  A sum has all that was added before it began, nothing that was added after it returned,
 *        and of what is added meanwhile something or nothing, independently.  So it is exact when
 *        nobody adds; and if no number is negative, it is never below what it was when the call
 *        began, nor above what it is when it returns.
 *   LD7  All that is added is in exactly one ccp_counter_take(), or in the sum that is left.
 */

typedef struct ccp_deque ccp_deque;

/**
 * Creates a deque with room for capacity pointers, which grows up to most, by doubling.
 *
 *   Threads: any.
 *   Memory:  allocates room for capacity pointers, rounded up to a power of two, and about 250
 *            bytes.
 *   Returns: the deque, whose owner is the caller; NULL if memory is short, or capacity is 0 or
 *            above most.
 *   Since:   0.1
 */
CCP_API ccp_deque *ccp_deque_new(size_t capacity, size_t most);

/**
 * Frees a deque that is empty; NULL is allowed.
 *
 *   Threads: one; nobody may use d any more.
 *   Memory:  frees everything.
 *   Returns: CCP_OK; CCP_BUSY if there is an item in it: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_deque_free(ccp_deque *d);

/**
 * Adds an item, which may be NULL, at the owner's end.
 *
 *   Threads: the owner.  Another thread may become that, if what the former one did happens-before.
 *   Memory:  keeps the pointer.
 *   Returns: CCP_OK; CCP_AGAIN if it holds as many as it may; CCP_NOMEM if it cannot grow;
 *            CCP_INVAL if d is NULL.
 *   Order:   happens-before the return of the call that gives the item.
 *   Cost:    no exclusive access; if it grows, an allocation, and a copy of all pointers.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_deque_push(ccp_deque *d, void *item);

/**
 * Takes the item that was pushed last.
 *
 *   Threads: the owner.
 *   Memory:  writes *item.
 *   Returns: CCP_OK; CCP_AGAIN if it is empty; CCP_INVAL if d or item is NULL.
 *   Cost:    one exclusive access, and another for the last item; none if it is seen to be empty.
 *   After:   Chase and Lev's deque, with the orders of C11 as Le, Pop, Cohen and Nardelli gave
 *            them.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_deque_pop(ccp_deque *d, void **item);

/**
 * Takes the item that was pushed first.
 *
 *   Threads: any number at once, beside the owner.
 *   Memory:  writes *item.
 *   Returns: CCP_OK; CCP_AGAIN if it is empty; CCP_BUSY if another thread took that item at the
 *            same time, and there may be more; CCP_INVAL if d or item is NULL.
 *   Order:   the push happens-before its return.
 *   Cost:    one exclusive access; none if it is empty.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_deque_steal(ccp_deque *d, void **item);

/**
 * Counts the items.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: how many there were; while others use it, about so many; 0 if d is NULL.
 *   Since:   0.1
 */
CCP_API size_t ccp_deque_len(const ccp_deque *d);

typedef struct ccp_seqlock {
    CCP_ALIGN8 uint64_t seq_;
} ccp_seqlock;
#define CCP_SEQLOCK_INIT                                                                       \
    {                                                                                          \
        0                                                                                      \
    }

/**
 * Copies size bytes of what writers change, from src to dst.
 *
 *   Threads: any number at once, beside writers.
 *   Memory:  src must be aligned as a pointer is; src and size must be those with which it is
 *            written (a part may begin and end at a multiple of a pointer's size).  If it returns
 *            CCP_AGAIN, what is in dst is of no use.
 *   Returns: CCP_OK; CCP_AGAIN if writers were inside all the time; CCP_INVAL if a pointer is NULL,
 *            src is not aligned, or size is 0.
 *   Order:   the write that left what is read happens-before its return.
 *   Cost:    two loads, and one for each word; as much again for each writer that comes.
 *   After:   Linux' seqlock_t; Boehm on how to have it without a data race.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_seqlock_read(const ccp_seqlock *s, void *dst, const void *src,
                                                   size_t size);

/**
 * Copies size bytes from src to dst, which readers see all together.
 *
 *   Threads: any number at once; they take turns.
 *   Memory:  dst must be aligned as a pointer is.
 *   Returns: CCP_OK; CCP_AGAIN if other writers were inside all the time; CCP_INVAL if a pointer is
 *            NULL, dst is not aligned, or size is 0.
 *   Order:   the writes before it happen-before its return.
 *   Cost:    one exclusive access, and a store for each word.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_seqlock_write(ccp_seqlock *s, void *dst, const void *src,
                                                    size_t size);

/**
 * Begins to write in several steps, or to change what is there: the caller may read the data
 * directly until it leaves.  Readers get nothing in this time.
 *
 *   Threads: as ccp_seqlock_write().
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_AGAIN if other writers were inside all the time; CCP_INVAL if s is NULL.
 *   Order:   the writes before it happen-before its return.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_seqlock_enter(ccp_seqlock *s);

/**
 * Copies size bytes from src to dst, data that a seqlock guards.
 *
 *   Threads: the writer that has entered.
 *   Memory:  as ccp_seqlock_write().
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL, dst is not aligned, or size is 0.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_seqlock_put(void *dst, const void *src, size_t size);

/**
 * Ends what ccp_seqlock_enter() began.
 *
 *   Threads: the writer that has entered.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_MISUSE if no writer is inside; CCP_INVAL if s is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_seqlock_leave(ccp_seqlock *s);

/** A count in 1 KiB: 16 cache lines. */
#define CCP_COUNTER_SHARDS 16
typedef struct ccp_counter {
    CCP_ALIGN8 uint64_t shard_[CCP_COUNTER_SHARDS][8];
} ccp_counter;
#define CCP_COUNTER_INIT                                                                       \
    {                                                                                          \
        {                                                                                      \
            { 0 }                                                                              \
        }                                                                                      \
    }

/**
 * Adds n, which may be negative; the count is modulo 2^64.  Does nothing if c is NULL.
 *
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Cost:    one exclusive access, to a line that soon is the calling thread's; two when it has met
 *            another thread there.
 *   After:   Java's LongAdder.
 *   Since:   0.1
 */
CCP_API void ccp_counter_add(ccp_counter *c, int64_t n);

/**
 * Gives the sum of all that was added and not taken.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the sum (LD6); 0 if c is NULL.
 *   Order:   none: who sees what was counted knows nothing about other memory.
 *   Cost:    a load for each cache line.
 *   Since:   0.1
 */
CCP_API int64_t ccp_counter_sum(const ccp_counter *c);

/**
 * Takes the sum away: what is counted from one call to the next.
 *
 *   Threads: any number at once.
 *   Memory:  keeps nothing.
 *   Returns: the sum (LD7); 0 if c is NULL.
 *   Cost:    a load for each cache line, and an exclusive access if it is not 0.
 *   Since:   0.1
 */
CCP_API int64_t ccp_counter_take(ccp_counter *c);

/** How often a loop has failed so far: a struct in the frame of the function. */
typedef struct ccp_spin {
    uint32_t rounds_;
} ccp_spin;
#define CCP_SPIN_INIT                                                                          \
    {                                                                                          \
        0                                                                                      \
    }

/**
 * Stays away for a moment: some pauses of the processor, more each time, their number drawn by
 * chance; after eight times it yields the processor to another thread.  It never sleeps.
 *
 *   Threads: the one whose spin it is.
 *   Memory:  keeps nothing.
 *   Returns: true; false when it yields, or s is NULL: then the program may rather want to wait for
 *            something, or to give up.
 *   Cost:    at most some microseconds; one system call when it yields.
 *   Since:   0.1
 */
CCP_API bool ccp_spin_once(ccp_spin *s);

/* ==== 32. READ-COPY-UPDATE =================================================================
 *
 * For data that is read all the time and changed now and then: a configuration, a routing table.
 * Who reads takes no lock and waits for nobody, in a section that costs about a nanosecond.  Who
 * changes makes a copy, changes that, and puts it in the place of the old one; readers have one or
 * the other, whole.  The old one is given back after a grace period, when every section has ended
 * that may have seen it.
 *
 *     struct settings { ccp_rcu_head head; int limit; };     // domain = ccp_rcu_new(NULL)
 *     struct settings *s;                                    // ccp_rcu_ptr current
 *     if (ccp_rcu_read_lock(domain) != CCP_OK) return;       // RU5: memory is short
 *     s = ccp_rcu_ptr_get(&current);                         // any number of threads
 *     int limit = s->limit;
 *     ccp_rcu_read_unlock(domain);                           // from here on s may be gone
 *     use(&limit);
 *
 * and who changes it:
 *
 *     struct settings { ccp_rcu_head head; int limit; } *fresh = malloc(sizeof *fresh), *old;
 *     if (!fresh) return;
 *     fresh->limit = 42;
 *     old = ccp_rcu_ptr_swap(&current, fresh);
 *     rc = ccp_rcu_defer(domain, &old->head, free, old, CCP_FOREVER);
 *
 * A thread that reads a lot may stay in one section and say now and then that it holds on to
 * nothing: ccp_rcu_quiescent().  Then a read is a load.
 *
 * Calls that are given the domain look up what the calling thread has of it.  A thread may instead
 * keep that, its reader, for calls that do not:
 *
 *     ccp_rcu_reader *me;                                    // this thread's alone: RU11
 *     if (ccp_rcu_reader_get(domain, &me) != CCP_OK) return; // RU5
 *     for (int i = 0; i < 1000; i++) {
 *         ccp_rcu_reader_lock(me);
 *         use(ccp_rcu_ptr_get(&current));
 *         ccp_rcu_reader_unlock(me);
 *     }
 *
 * A section is for reading, not for waiting: while one is open nothing that was taken out after it
 * began is given back, and who waits for that waits for it.  Such a wait looks again and again, at
 * last with naps that are an eighth as long as it has waited, and a millisecond at most; so it ends
 * a little after it could, and notices the end of a context up to a millisecond late.  It is no
 * sleep that a watch tells of (section 27); in a dump it stands in the line of the domain, with the
 * thread whose section it waits for.
 *
 * Sections are no locks: threads that change take turns by a ccp_mutex, or by ccp_rcu_ptr_cas().
 * Where every fifth access is a change, or who changes has to wait for the old one each time, a
 * ccp_mutex is as good and simpler; docs/lock-free.md has the figures.
 *
 * Guarantees
 *   RU1  A grace period does not end before every section has ended, or said that it is quiescent,
 *        that was open when it began.  What was done in those happens-before what comes after it.
 *   RU2  To begin, to end and to go on with a section is wait-free: a bounded number of steps,
 *        whatever other threads do.  (But for a thread's first section in a domain: RU5.)
 *   RU3  Sections nest, in one domain and across several.  Only the end of the outermost counts.
 *   RU4  A deferred call is made once, after a grace period that began after it was deferred, under
 *        no lock, by a thread that calls ccp_rcu_defer(), ccp_rcu_synchronize() or
 *        ccp_rcu_barrier() on the domain; calls may be made at the same time, and in any order.
 *   RU5  The first section of a thread, or ccp_rcu_register(), takes memory, and can fail; after
 *        one that has not, no section of the thread fails.  The memory is for another thread when
 *        this one has ended, or calls ccp_rcu_unregister(): there is as much as for the threads
 *        that there were at once.
 *   RU6  No more than max_pending deferred calls have not returned, however long a section lasts:
 *        then ccp_rcu_defer() waits, or says that it would have to.
 *   RU7  A thread that ends in a section leaves it; the misuse hook is told.
 *   RU8  To wait for a grace period in a section of the same domain is CCP_DEADLOCK, at once.
 *   RU9  Who goes through a list in a section meets each node once that is in it from its beginning
 *        to its end, in the order in which they were added, and others at most once; from a node
 *        that is taken out meanwhile it goes on.
 *   RU10 A map has at most one item for a key, and who looks for a key that is there all the time
 *        finds it, while items come, go and are replaced and the map grows.
 *   RU11 A thread has one reader of a domain, until it ends or calls ccp_rcu_unregister(), or the
 *        domain is freed.  After that, and by other threads, it must not be used.  That is seen,
 *        and CCP_MISUSE, where libccp is compiled without NDEBUG, which CMake's Release defines;
 *        with it only in nested sections, and at an end where no section is open.
 *   RU12 Sections of a reader are sections of its thread in its domain: all that is said of those
 *        holds for them, they nest with each other, and calls of either kind may end them.
 */

/** A domain: readers are waited for by those who change things in the same one. */
typedef struct ccp_rcu ccp_rcu;

/** What a thread has of a domain. */
typedef struct ccp_rcu_reader ccp_rcu_reader;

/** How to make a domain; zero is the default of every field. */
typedef struct ccp_rcu_opts {
    size_t max_pending; /* deferred calls that may be pending, see RU6; 0: 16384 */
    bool no_membarrier; /* a fence in each section, even if the system can do without (Linux) */
} ccp_rcu_opts;

/** A snapshot of a domain. */
typedef struct ccp_rcu_info {
    unsigned threads; /* registered */
    unsigned reading; /* in a section */
    size_t pending;   /* deferred calls that have not returned */
    size_t max_pending;
    uint64_t grace_periods; /* that have begun */
    bool membarrier; /* sections have no fence: the thread that waits has all others pass one */
} ccp_rcu_info;

/** Room for one deferred call, in what it is about.  All fields are private. */
typedef struct ccp_rcu_head {
    struct ccp_rcu_head *next_;
    void (*fn_)(void *arg);
    void *arg_;
    uint64_t stamp_;
} ccp_rcu_head;

/** A pointer that is changed while others follow it; all zero is NULL.  The field is private. */
typedef struct ccp_rcu_ptr {
    void *p_;
} ccp_rcu_ptr;

/**
 * Creates a domain as *o says.
 *
 *   Threads: any.
 *   Memory:  copies *o (NULL: all defaults); the caller owns the result and must pass it to
 *            ccp_rcu_free().
 *   Returns: the domain; NULL when memory is short, or the system has no more keys for what threads
 *            have of their own, of which each domain takes one (POSIX: 128 at least).
 *   Cost:    one allocation, and two system calls on Linux.
 *   After:   liburcu.
 *   Since:   0.1
 */
CCP_API ccp_rcu *ccp_rcu_new(const ccp_rcu_opts *o);

/**
 * Frees a domain; NULL is allowed.
 *
 * Threads that were registered may go on, and end.  (If libccp is to be unloaded, FK3, one that is
 * just about to end counts as inside libccp; one that was joined has ended.)
 *
 *   Threads: one; nobody may use d any more.
 *   Memory:  frees everything.
 *   Returns: CCP_OK; CCP_BUSY if a section is open, or a deferred call has not returned (see
 *            ccp_rcu_barrier()): nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_free(ccp_rcu *d);

/**
 * Begins a section of the calling thread.
 *
 *   Threads: any, but no signal handler.
 *   Memory:  keeps nothing; allocates for a thread's first section (RU5).
 *   Returns: CCP_OK; CCP_NOMEM if the thread is not registered and memory is short: then there is
 *            no section; CCP_INVAL if d is NULL.
 *   Order:   as RU1 says.
 *   Cost:    a load and a store; one fence more without membarrier().  As RU2 says.
 *   After:   liburcu's rcu_read_lock().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rcu_read_lock(ccp_rcu *d);

/**
 * Ends the section that the calling thread has begun last.
 *
 *   Threads: the one that began it.
 *   Memory:  what was read in the section must not be touched any more.
 *   Returns: CCP_OK; CCP_MISUSE if the thread is in no section of d; CCP_INVAL if d is NULL.
 *   Order:   as RU1 says.
 *   Cost:    a store.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_read_unlock(ccp_rcu *d);

/**
 * Ends the section of the calling thread and begins another, at once: what was read before must not
 * be touched any more.
 *
 *   Threads: one that is in a section of d, and in no nested one.
 *   Memory:  as ccp_rcu_read_unlock().
 *   Returns: CCP_OK; CCP_MISUSE if the thread is in no section of d, or in a nested one; CCP_INVAL
 *            if d is NULL.
 *   Order:   as RU1 says.
 *   Cost:    two loads, if no grace period has begun meanwhile; and a store.
 *   After:   liburcu's QSBR flavour.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_quiescent(ccp_rcu *d);

/**
 * Registers the calling thread: from now on none of its sections fails.
 *
 *   Threads: any.
 *   Memory:  allocates a record, unless the thread has one or there is one of a thread that has
 *            ended.
 *   Returns: CCP_OK; CCP_NOMEM if memory is short; CCP_INVAL if d is NULL.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rcu_register(ccp_rcu *d);

/**
 * Gives back what the calling thread has of d, before it ends.  The next section registers it anew.
 *
 *   Threads: any.
 *   Memory:  the record is for the next thread that registers.
 *   Returns: CCP_OK, also if it was not registered; CCP_MISUSE if it is in a section of d;
 *            CCP_INVAL if d is NULL.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_unregister(ccp_rcu *d);

/**
 * Gives the reader of the calling thread, and registers it if it was not.
 *
 *   Threads: any; the reader is for the calling one.
 *   Memory:  as ccp_rcu_register().  *out is the domain's, and good as long as RU11 says.
 *   Returns: CCP_OK; CCP_NOMEM if memory is short; CCP_INVAL if a pointer is NULL.
 *   After:   Concurrency Kit's ck_epoch_record, and crossbeam-epoch's LocalHandle.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rcu_reader_get(ccp_rcu *d, ccp_rcu_reader **out);

/**
 * Begins a section of the calling thread, as ccp_rcu_read_lock() does.
 *
 *   Threads: the one whose reader it is, but no signal handler.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_MISUSE if r is not the calling thread's, see RU11; CCP_INVAL if r is
 *            NULL.
 *   Order:   as RU1 says.
 *   Cost:    as ccp_rcu_read_lock(), without looking up what the thread has of the domain.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_reader_lock(ccp_rcu_reader *r);

/**
 * Ends the section that the calling thread has begun last, as ccp_rcu_read_unlock() does.
 *
 *   Threads: the one whose reader it is.
 *   Memory:  as ccp_rcu_read_unlock().
 *   Returns: CCP_OK; CCP_MISUSE if the thread is in no section, or r is not the thread's, see RU11;
 *            CCP_INVAL if r is NULL.
 *   Order:   as RU1 says.
 *   Cost:    a store.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_reader_unlock(ccp_rcu_reader *r);

/**
 * Ends the section of the calling thread and begins another, as ccp_rcu_quiescent() does.
 *
 *   Threads: the one whose reader it is, in a section and in no nested one.
 *   Memory:  as ccp_rcu_read_unlock().
 *   Returns: CCP_OK; CCP_MISUSE if the thread is in no section, or in a nested one, or r is not the
 *            thread's, see RU11; CCP_INVAL if r is NULL.
 *   Order:   as RU1 says.
 *   Cost:    as ccp_rcu_quiescent().
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_reader_quiescent(ccp_rcu_reader *r);

/**
 * Waits for a grace period: until no thread is in a section any more that began before this call.
 * Then makes the deferred calls whose time has come.
 *
 *   Waits:   for the sections that are open.  If it fails, what was taken out may still be read.
 *   Threads: any number at once, but not in a section of d (RU8).
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_DEADLOCK if the calling thread is in a section; CCP_FAILED if the system
 *            has granted membarrier() before and refuses it now; CCP_INVAL if d is NULL; the wait
 *            codes.
 *   Order:   as RU1 says.
 *   Cost:    a lock, a system call (with membarrier), and a look at each thread that is registered.
 *   After:   liburcu's synchronize_rcu().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rcu_synchronize(ccp_rcu *d, ccp_wait w);

/**
 * Has fn(arg) called after a grace period, and does not wait for that.
 *
 * Now and then, one time in 256 by default, it first looks which calls can be made, and makes them:
 * so do not call it while holding a lock that such a function takes.  Calls that were deferred last
 * are made when somebody defers more, or by ccp_rcu_synchronize() and ccp_rcu_barrier(): a thread
 * of the program that calls one of these every now and then is enough.
 *
 *   Waits:   while max_pending calls have not returned, for a grace period.
 *   Threads: any number at once, in a section too; but there, and in a function that was deferred,
 *            it does not wait (CCP_DEADLOCK).
 *   Memory:  keeps head, which is the caller's and stays what it is until fn is called; it can lie
 *            in what fn frees.  Keeps arg for fn.  Allocates nothing.
 *   Returns: CCP_OK; CCP_DEADLOCK if it would have to wait for the calling thread; CCP_FAILED as
 *            ccp_rcu_synchronize(); CCP_INVAL if d, head or fn is NULL; the wait codes.
 *   Order:   what was done before happens-before the call of fn; and as RU1 says.
 *   Cost:    a lock; see above.
 *   After:   liburcu's call_rcu(), and the bound that its users ask for.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rcu_defer(ccp_rcu *d, ccp_rcu_head *head,
                                                void (*fn)(void *arg), void *arg, ccp_wait w);

/**
 * Waits until all calls have returned that were deferred before, making those that can be made.
 *
 *   Waits:   for a grace period, if some are pending, and for other threads that make calls.
 *   Threads: any number at once, but not in a section of d, nor in a function that was deferred
 *            (CCP_DEADLOCK, if some are pending).
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_DEADLOCK if it would have to wait for the calling thread; CCP_FAILED as
 *            ccp_rcu_synchronize(); CCP_INVAL if d is NULL; the wait codes.
 *   Order:   what those calls did happens-before the return.
 *   After:   liburcu's rcu_barrier().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_rcu_barrier(ccp_rcu *d, ccp_wait w);

/**
 * Fills in a snapshot of a domain.
 *
 *   Threads: any.
 *   Memory:  writes *out.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Cost:    linear in the number of threads that are registered.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_get_info(const ccp_rcu *d, ccp_rcu_info *out);

/**
 * Gives where a pointer points to now.
 *
 *   Threads: any, in a section; or one that keeps others from changing it.
 *   Memory:  what it points to is there until the section ends.
 *   Returns: the pointer.
 *   Order:   what was done before it was set happens-before the return.
 *   Cost:    a load; a macro, where the compiler is gcc or clang.
 *   Since:   0.1
 */
CCP_API void *ccp_rcu_ptr_get(const ccp_rcu_ptr *p);
#if defined(__GNUC__)
#define ccp_rcu_ptr_get(p) __atomic_load_n(&(p)->p_, __ATOMIC_ACQUIRE)
#endif

/**
 * Makes a pointer point to something else.
 *
 *   Threads: any.
 *   Memory:  keeps `to`; what it pointed to before is to be given back after a grace period.
 *   Order:   what was done before happens-before what those do who follow it.
 *   Since:   0.1
 */
CCP_API void ccp_rcu_ptr_set(ccp_rcu_ptr *p, void *to);

/**
 * Makes a pointer point to something else.
 *
 *   Threads: any.
 *   Memory:  as ccp_rcu_ptr_set().
 *   Returns: what it pointed to before.
 *   Order:   as ccp_rcu_ptr_set().
 *   Since:   0.1
 */
CCP_API void *ccp_rcu_ptr_swap(ccp_rcu_ptr *p, void *to);

/**
 * Makes a pointer that points to `from` point to `to`; otherwise it stays.
 *
 *   Threads: any.
 *   Memory:  as ccp_rcu_ptr_set().
 *   Returns: whether it pointed to `from`.
 *   Order:   as ccp_rcu_ptr_set(), if it did.
 *   Since:   0.1
 */
CCP_API bool ccp_rcu_ptr_cas(ccp_rcu_ptr *p, void *from, void *to);

/** A node of a list, in the program's own struct; all zero is in none.  The fields are private. */
typedef struct ccp_rcu_node {
    struct ccp_rcu_node *next_, **at_;
} ccp_rcu_node;

/** A list of such nodes that is read without a lock; all zero is empty.  The fields are private. */
typedef struct ccp_rcu_list {
    ccp_rcu_node *first_, **end_;
    uint32_t lock_;
} ccp_rcu_list;

/**
 * Appends a node to a list.
 *
 *   Threads: any, at once; also while others read.
 *   Memory:  keeps n, which is the program's, until it is removed.
 *   Returns: CCP_OK; CCP_MISUSE if the node is in a list; CCP_INVAL if a pointer is NULL.
 *   Order:   what was done before happens-before what those do who find it.
 *   Cost:    a short lock.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_list_add(ccp_rcu_list *l, ccp_rcu_node *n);

/**
 * Takes a node out of the list that it is in.  Who stands on it goes on in the list: so it may be
 * given back, or added anew, after a grace period.
 *
 *   Threads: any, at once; also while others read.
 *   Memory:  the node is the program's again.
 *   Returns: CCP_OK; CCP_MISUSE if the node is in no list; CCP_INVAL if a pointer is NULL.
 *   Cost:    a short lock.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_list_remove(ccp_rcu_list *l, ccp_rcu_node *n);

/**
 * Gives the first node of a list.
 *
 *   Threads: any, in a section; or one that keeps others from changing it.
 *   Memory:  the node is there until the section ends.
 *   Returns: the node; NULL if there is none, or l is NULL.
 *   Since:   0.1
 */
CCP_API ccp_rcu_node *ccp_rcu_list_first(const ccp_rcu_list *l);

/**
 * Gives the node that comes after n.  Who goes from the first one to the end sees every node that
 * is in the list all the time, once, and of the others some.
 *
 *   Threads: as ccp_rcu_list_first(), in the same section.
 *   Memory:  as ccp_rcu_list_first().
 *   Returns: the node; NULL if there is none, or n is NULL.
 *   Since:   0.1
 */
CCP_API ccp_rcu_node *ccp_rcu_list_next(const ccp_rcu_node *n);

/** A hash map that is read without a lock. */
typedef struct ccp_rcu_map ccp_rcu_map;

/** What a map holds, in the program's own struct: set the key, and the rest to zero. */
typedef struct ccp_rcu_item {
    const void *key; /* the program's, and unchanged while the item is in a map */
    size_t len;
    struct ccp_rcu_item *next_[2];
    struct ccp_rcu_map *map_;
    uint64_t hash_;
} ccp_rcu_item;

/**
 * Creates a map, with room for so many items before it grows (0: 16).
 *
 *   Threads: any.
 *   Memory:  keeps domain, which must stay until the map is freed; the caller owns the result and
 *            must pass it to ccp_rcu_map_free().
 *   Returns: the map; NULL when memory is short, or domain is NULL.
 *   Since:   0.1
 */
CCP_API ccp_rcu_map *ccp_rcu_map_new(ccp_rcu *domain, size_t capacity);

/**
 * Frees a map; NULL is allowed.
 *
 *   Threads: one; nobody may use m any more.
 *   Memory:  frees all but the items, which are the program's.
 *   Returns: CCP_OK; CCP_BUSY if there are items in it: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_map_free(ccp_rcu_map *m);

/**
 * Finds the item with a key.
 *
 *   Threads: any, in a section; or one that keeps others from changing it.
 *   Memory:  the item is there until the section ends.
 *   Returns: the item; NULL if there is none, or m is NULL.
 *   Order:   what was done before it was put there happens-before the return.
 *   Cost:    linear in len; wait-free; a chain of one item on average.
 *   After:   liburcu's rculfhash, and tables with two links per item, as of Linux's rhashtable
 *            before them.
 *   Since:   0.1
 */
CCP_API ccp_rcu_item *ccp_rcu_map_get(const ccp_rcu_map *m, const void *key, size_t len);

/**
 * Adds an item, unless there is one with its key.
 *
 *   Threads: any, at once; also while others read.
 *   Memory:  keeps the item until it is replaced or removed.  May allocate a larger table; if
 *            memory is short, or a section has lasted since the last time, chains become longer
 *            instead.
 *   Returns: CCP_OK; CCP_BUSY if there is an item with this key; CCP_MISUSE if this item is in a
 *            map; CCP_INVAL if a pointer is NULL.
 *   Cost:    a lock; when it grows, under it, time linear in the number of items.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_map_add(ccp_rcu_map *m, ccp_rcu_item *item);

/**
 * Adds an item, or puts it in the place of the one with its key.  Who reads finds one of the two.
 *
 *   Threads: as ccp_rcu_map_add().
 *   Memory:  as ccp_rcu_map_add().  Writes to *old what was replaced, or NULL: it is the program's
 *            again, to be given back after a grace period.
 *   Returns: CCP_OK; CCP_MISUSE if this item is in a map; CCP_INVAL if a pointer is NULL.
 *   Cost:    as ccp_rcu_map_add().
 *   Since:   0.1
 */
CCP_API ccp_status ccp_rcu_map_put(ccp_rcu_map *m, ccp_rcu_item *item, ccp_rcu_item **old);

/**
 * Removes the item with a key.
 *
 *   Threads: as ccp_rcu_map_add().
 *   Memory:  the result is the program's again, to be given back after a grace period.
 *   Returns: the item; NULL if there is none, or m is NULL.
 *   Cost:    a lock.
 *   Since:   0.1
 */
CCP_API ccp_rcu_item *ccp_rcu_map_remove(ccp_rcu_map *m, const void *key, size_t len);

/**
 * Counts the items of a map.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the number at some moment during the call; 0 if m is NULL.
 *   Since:   0.1
 */
CCP_API size_t ccp_rcu_map_len(const ccp_rcu_map *m);

/* ==== 33. LOCK-FREE QUEUES AND STACK =======================================================
 *
 * Containers that never wait: no call sleeps, yields or makes a system call, and none is held up by
 * a thread that was stopped in the middle of a call.  So they may be used where waiting is not
 * allowed: in a callback that has to be done in time, such as that of a sound card, and (but for
 * new and free) in a signal handler.  Nobody is woken either: who has nothing to do looks again
 * later, sleeps for a while, or is told by other means.
 *
 * A ccp_spsc is a ring between one thread that puts in, the producer, and one that takes out, the
 * consumer.
 *
 *     ccp_spsc *ring = ccp_spsc_new(sizeof(float[2]), 1024);
 *     float sample[2];
 *     if (ccp_spsc_push(ring, sample) == CCP_AGAIN)        // the producer: full
 *         n++;                                             // counts what it had to drop
 *     while (ccp_spsc_pop(ring, sample) == CCP_OK)         // the consumer
 *         use(sample);
 *
 * Or without a copy, in the ring's own memory:
 *
 *     void *room;
 *     if (ccp_spsc_reserve(ring, 64, &room, &n) == CCP_OK) {
 *         memset(room, 0, n * sizeof(float[2]));           // n elements, 64 at most
 *         rc = ccp_spsc_commit(ring, n);                   // or fewer; 0: none
 *     }
 *
 * A ccp_mpmc is the same between any number of threads on both sides: a bounded queue.  Its calls
 * are lock-free: one begins anew only because another one has done its work.  A thread that was
 * stopped in the middle of a call holds up none of them, but those that need its place in the queue
 * say CCP_BUSY: neither full nor empty, and not now.
 *
 * A ccp_mpsc has one consumer, and no bound: its elements are structs of the program, with a node
 * in them.  So a push never fails.
 *
 *     struct mail {
 *         ccp_mpsc_node node;                              // first: a node is its struct
 *         int text;
 *     };
 *     ccp_mpsc box = CCP_MPSC_INIT;
 *     struct mail *m = malloc(sizeof *m);
 *     ccp_mpsc_push(&box, &m->node);                       // any thread
 *     ccp_mpsc_node *next;
 *     while (ccp_mpsc_pop(&box, &next) == CCP_OK)          // one thread
 *         free(next);
 *
 * A ccp_stack is what lists of free blocks are made of: who needs one pops, who is done pushes.
 *
 *     static struct buffer {
 *         ccp_stack_node node;
 *         char bytes[2000];
 *     } buffers[100];
 *     static ccp_stack free_ones = CCP_STACK_INIT(buffers); // empty: push each of them first
 *
 * Its head is the place of a node in that memory and a number that changes with each push, in one
 * word of 64 bits, so that a node which was taken out and is back is not taken for one that never
 * went (ABA).  The number has the bits that the places leave: after 2^45 pushes for a megabyte of
 * buffers, while one thread stands still in the middle of a call, it would come again.
 *
 * Where it does not help.  A ccp_chan does the same for any number of threads, which may wait, be
 * canceled, and select, in 38 ns for an element where a ring of one producer and one consumer takes
 * 9, and 4 in batches; a ccp_mpmc takes 32, so it is for who must not wait, not for speed.  A list
 * under a mutex takes 55 ns, a ccp_stack 34, and with two threads 231 and 172 (docs/lock-free.md).
 *
 * Guarantees
 *   LQ1 Elements come out as they were put in, each once, in the order in which they were put in.
 *   LQ2 Each call on a ccp_spsc but new and free ends after a bounded number of steps of its own,
 *       whatever the other thread does, or does not do (it is wait-free), and allocates nothing.
 *   LQ3 A push fails with CCP_AGAIN only while the ring is full, a pop only while it is empty: what
 *        happened before the call is seen.
 *   LQ4 What the producer did before it put an element in happens-before what the consumer does
 *       after it took it out; what the consumer did before it took an element out happens-before
 *       what the producer does after the push that got the room.
 *   LQ5 After a close no element is put in; those that are there come out, and then CCP_CLOSED.
 *   LQ6 What is reserved is nobody else's until the commit, what is peeked at until the release;
 *       meanwhile the same side's other calls are CCP_MISUSE, and change nothing.
 *   LQ7 A ccp_mpmc does what a queue does whose calls come one at a time, in an order that agrees
 *       with the calls that did not overlap (it is linearizable); CCP_BUSY changes nothing, and
 *       comes only while another call is under way.  LQ5 holds for it, too.
 *   LQ8 What was done before a push happens-before what is done after the pop of that element.
 *   LQ9 Nodes come out of a ccp_mpsc in the order in which they were put in, each once.  A pop says
 *       CCP_AGAIN only while it is empty, and CCP_BUSY only while a push is under way.
 *   LQ10 A ccp_stack is linearizable: a pop takes the node that was put in last, and says CCP_AGAIN
 *       only while it is empty.
 */

/** A ring between one producer and one consumer. */
typedef struct ccp_spsc ccp_spsc;

/**
 * Creates a ring for elements of a fixed size.
 *
 * It has memory for the next power of two of elements; capacity is how many are used.
 *
 *   Threads: any.
 *   Memory:  one allocation; none later.  The first element is on a line of the cache of its own,
 *            and so each is aligned as its type wants it.  The caller owns the result.
 *   Returns: the ring; NULL when memory is short, or if elem_size or capacity is 0, or absurd.
 *   After:   FastForward and Rigtorp's SPSCQueue, where each side remembers what it last saw of the
 *            other.
 *   Since:   0.1
 */
CCP_API ccp_spsc *ccp_spsc_new(size_t elem_size, size_t capacity);

/**
 * Gives back a ring; NULL is allowed.  Elements that are in it are lost.
 *
 *   Threads: one; nobody may use the ring any more.
 *   Memory:  frees it.
 *   Returns: CCP_OK; CCP_BUSY if something is reserved or peeked at: nothing is freed.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_spsc_free(ccp_spsc *q);

/**
 * Puts one element in.
 *
 *   Threads: the producer.
 *   Memory:  copies from elem.
 *   Returns: CCP_OK; CCP_AGAIN if it is full; CCP_CLOSED after ccp_spsc_close(); CCP_INVAL if a
 *            pointer is NULL; CCP_MISUSE while room is reserved.
 *   Order:   LQ4.
 *   Cost:    a copy and a store; now and then a look at the consumer's position.  If looks find
 *            little room, again and again, a second one after 1 to 16 pauses (400 ns in all).
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_spsc_push(ccp_spsc *q, const void *elem);

/**
 * Takes one element out.
 *
 *   Threads: the consumer.
 *   Memory:  copies to elem; NULL: drops the element.
 *   Returns: CCP_OK; CCP_AGAIN if it is empty; CCP_CLOSED if it is empty and closed; CCP_INVAL if q
 *            is NULL; CCP_MISUSE while elements are peeked at.
 *   Order:   LQ4.
 *   Cost:    as ccp_spsc_push().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_spsc_pop(ccp_spsc *q, void *elem);

/**
 * Puts in as many of n elements as there is room for, at least one, at one moment.
 *
 *   Threads: the producer.
 *   Memory:  copies from elems, the first element first.
 *   Returns: CCP_OK with *pushed in 1..n; otherwise as ccp_spsc_push(), and CCP_INVAL if n is 0 or
 *            pushed is NULL.
 *   Cost:    a copy or two, and one store for the batch.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_spsc_push_n(ccp_spsc *q, const void *elems, size_t n,
                                                  size_t *pushed);

/**
 * Takes out up to n elements, at least one, at one moment.
 *
 *   Threads: the consumer.
 *   Memory:  copies to elems, the oldest element first.
 *   Returns: CCP_OK with *popped in 1..n; otherwise as ccp_spsc_pop(), and CCP_INVAL if n is 0 or
 *            elems or popped is NULL.
 *   Cost:    as ccp_spsc_push_n().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_spsc_pop_n(ccp_spsc *q, void *elems, size_t n,
                                                 size_t *popped);

/**
 * Lends the producer room for up to `want` elements that lie side by side, at least one, to be
 * filled in place.  They are put in by ccp_spsc_commit().
 *
 * At the end of the ring's memory there are fewer than are free: commit those, and reserve again.
 *
 *   Threads: the producer.
 *   Memory:  *room is the ring's, and the producer's to write until the commit (LQ6).
 *   Returns: CCP_OK with *n in 1..want; CCP_AGAIN if it is full; CCP_CLOSED after ccp_spsc_close();
 *            CCP_INVAL if a pointer is NULL or want is 0; CCP_MISUSE if room is reserved already.
 *   After:   bip buffers, and DPDK's rte_ring_enqueue_zc_burst_start().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_spsc_reserve(ccp_spsc *q, size_t want, void **room,
                                                   size_t *n);

/**
 * Puts in the first n of the elements that were reserved, and gives back the room of the others.
 *
 *   Threads: the producer.
 *   Memory:  what was reserved is the ring's again.
 *   Returns: CCP_OK; CCP_MISUSE if n is more than is reserved; CCP_INVAL if q is NULL.
 *   Order:   LQ4.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_spsc_commit(ccp_spsc *q, size_t n);

/**
 * Lends the consumer up to `want` elements that lie side by side, at least one, the oldest first.
 * They stay in the ring until ccp_spsc_release().
 *
 *   Threads: the consumer.
 *   Memory:  *elems is the ring's, and does not change until the release (LQ6).
 *   Returns: CCP_OK with *n in 1..want; CCP_AGAIN if it is empty; CCP_CLOSED if it is empty and
 *            closed; CCP_INVAL if a pointer is NULL or want is 0; CCP_MISUSE if elements are peeked
 *            at already.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_spsc_peek(ccp_spsc *q, size_t want, const void **elems,
                                                size_t *n);

/**
 * Takes out the first n of the elements that were peeked at, and leaves the others.
 *
 *   Threads: the consumer.
 *   Memory:  what was peeked at is the ring's again.
 *   Returns: CCP_OK; CCP_MISUSE if n is more than were peeked at; CCP_INVAL if q is NULL.
 *   Order:   LQ4.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_spsc_release(ccp_spsc *q, size_t n);

/**
 * Says that no more elements will come.
 *
 *   Threads: the producer.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it was closed already; CCP_INVAL if q is NULL; CCP_MISUSE while
 *            room is reserved.
 *   Order:   happens-before the CCP_CLOSED that it causes.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_spsc_close(ccp_spsc *q);

/**
 * Counts the elements in a ring.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: how many there are, or were a moment ago; 0 if q is NULL.  For the producer there are
 *            no more than that, for the consumer no fewer.
 *   Since:   0.1
 */
CCP_API size_t ccp_spsc_len(const ccp_spsc *q);

/**
 * Gives the capacity of a ring.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the capacity; 0 if q is NULL.
 *   Since:   0.1
 */
CCP_API size_t ccp_spsc_cap(const ccp_spsc *q);

/** A bounded queue between any number of producers and consumers. */
typedef struct ccp_mpmc ccp_mpmc;

/**
 * Creates a queue for elements of a fixed size.
 *
 *   Threads: any.
 *   Memory:  one allocation; none later.  The caller owns the result.
 *   Returns: the queue; NULL when memory is short, or if elem_size or capacity is 0, or absurd.
 *   After:   Dmitry Vyukov's bounded queue, with any capacity.
 *   Since:   0.1
 */
CCP_API ccp_mpmc *ccp_mpmc_new(size_t elem_size, size_t capacity);

/**
 * Gives back a queue; NULL is allowed.  Elements that are in it are lost.
 *
 *   Threads: one; nobody may use the queue any more.
 *   Memory:  frees it.
 *   Returns: CCP_OK.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_mpmc_free(ccp_mpmc *q);

/**
 * Puts one element in.
 *
 *   Threads: any.
 *   Memory:  copies from elem.
 *   Returns: CCP_OK; CCP_AGAIN if it is full; CCP_BUSY if another thread is in the middle of taking
 *            out the element whose place it would need; CCP_CLOSED after ccp_mpmc_close();
 *            CCP_INVAL if a pointer is NULL.
 *   Order:   LQ8.
 *   Cost:    a compare-and-swap and a copy.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_mpmc_push(ccp_mpmc *q, const void *elem);

/**
 * Takes one element out.
 *
 *   Threads: any.
 *   Memory:  copies to elem; NULL: drops the element.
 *   Returns: CCP_OK; CCP_AGAIN if it is empty; CCP_BUSY if another thread is in the middle of
 *            putting in the oldest element; CCP_CLOSED if it is empty and closed; CCP_INVAL if q is
 *            NULL.
 *   Order:   LQ8.
 *   Cost:    as ccp_mpmc_push().
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_mpmc_pop(ccp_mpmc *q, void *elem);

/**
 * Puts in as many of n elements as there is room for, at least one; they stand side by side.
 *
 *   Threads: any.
 *   Memory:  copies from elems, the first element first.
 *   Returns: CCP_OK with *pushed in 1..n; otherwise as ccp_mpmc_push(), and CCP_INVAL if n is 0 or
 *            pushed is NULL.
 *   Cost:    one compare-and-swap for the batch.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_mpmc_push_n(ccp_mpmc *q, const void *elems, size_t n,
                                                  size_t *pushed);

/**
 * Takes out up to n elements, at least one.
 *
 *   Threads: any.
 *   Memory:  copies to elems, the oldest element first.
 *   Returns: CCP_OK with *popped in 1..n; otherwise as ccp_mpmc_pop(), and CCP_INVAL if n is 0 or
 *            elems or popped is NULL.
 *   Cost:    one compare-and-swap for the batch.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_mpmc_pop_n(ccp_mpmc *q, void *elems, size_t n,
                                                 size_t *popped);

/**
 * Says that no more elements will come.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: CCP_OK; CCP_CLOSED if it was closed already; CCP_INVAL if q is NULL.
 *   Order:   happens-before every CCP_CLOSED that it causes.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_mpmc_close(ccp_mpmc *q);

/**
 * Counts the elements in a queue.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: how many there are, about, if others are putting in and taking out; 0 if q is NULL.
 *   Since:   0.1
 */
CCP_API size_t ccp_mpmc_len(const ccp_mpmc *q);

/**
 * Gives the capacity of a queue.
 *
 *   Threads: any.
 *   Memory:  keeps nothing.
 *   Returns: the capacity; 0 if q is NULL.
 *   Since:   0.1
 */
CCP_API size_t ccp_mpmc_cap(const ccp_mpmc *q);

/** What makes a struct of the program an element of a ccp_mpsc: a member of this type. */
typedef struct ccp_mpsc_node {
    struct ccp_mpsc_node *next_;
} ccp_mpsc_node;

/** An unbounded queue of nodes with one consumer.  Zero is an empty one; it must not be moved. */
typedef struct ccp_mpsc {
    ccp_mpsc_node *last_;
    char pad_[64 - sizeof(void *)]; /* the producers' line, and the consumer's */
    ccp_mpsc_node *first_;
    ccp_mpsc_node stub_;
} ccp_mpsc;
#define CCP_MPSC_INIT                                                                          \
    {                                                                                          \
        NULL, { 0 }, NULL,                                                                     \
        {                                                                                      \
            NULL                                                                               \
        }                                                                                      \
    }

/**
 * Puts a node in.
 *
 *   Threads: any.
 *   Memory:  the node is the queue's until it comes out; it must not be in a queue already.
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL.
 *   Order:   happens-before what the consumer does after it took the node out.
 *   Cost:    wait-free: one exchange and two stores.
 *   After:   Dmitry Vyukov's intrusive queue.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_mpsc_push(ccp_mpsc *q, ccp_mpsc_node *node);

/**
 * Takes the oldest node out.
 *
 *   Threads: the consumer.
 *   Memory:  *node is the caller's again.
 *   Returns: CCP_OK; CCP_AGAIN if the queue is empty; CCP_BUSY if a push that has begun has not
 *            ended, and until then the node cannot be reached: come again; CCP_INVAL if a pointer
 *            is NULL.
 *   Cost:    wait-free: a few loads; an exchange for the last node.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_mpsc_pop(ccp_mpsc *q, ccp_mpsc_node **node);

/** What makes a struct of the program an element of a ccp_stack: a member of this type, which is
 *  zero while it is in no stack. */
typedef struct ccp_stack_node {
    uint32_t below_;
} ccp_stack_node;

/** A stack of nodes in one piece of memory.  Made by CCP_STACK_INIT or ccp_stack_init(). */
typedef struct ccp_stack {
    uint64_t head_ CCP_ALIGN8;
    void *memory_;
    size_t size_;
} ccp_stack;
/** An empty stack for the nodes of an array. */
#define CCP_STACK_INIT(array)                                                                  \
    {                                                                                          \
        0, (array), sizeof(array)                                                              \
    }

/**
 * Makes an empty stack for nodes that lie in a piece of memory, such as an array of structs that
 * have a node.  Several stacks may share it.
 *
 *   Threads: one; nobody may use the stack yet.
 *   Memory:  keeps the pointer.  The memory must stay as long as the stack is used, also where
 *            nodes have been taken out (their structs may be used for anything, but for the node).
 *   Returns: CCP_OK; CCP_INVAL if a pointer is NULL, memory is not aligned as a node, or size is
 *            less than a node's or more than 16 GiB.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_stack_init(ccp_stack *s, void *memory, size_t size);

/**
 * Puts a node on top.
 *
 *   Threads: any.
 *   Memory:  the node is the stack's until it comes out.
 *   Returns: CCP_OK; CCP_MISUSE if the node is in a stack; CCP_INVAL if a pointer is NULL, or the
 *            node does not lie in the memory of the stack.
 *   Order:   happens-before what is done after the node was taken out.
 *   Cost:    a compare-and-swap.
 *   Since:   0.1
 */
CCP_API ccp_status ccp_stack_push(ccp_stack *s, ccp_stack_node *node);

/**
 * Takes the topmost node.
 *
 *   Threads: any.
 *   Memory:  *node is the caller's.
 *   Returns: CCP_OK; CCP_AGAIN if the stack is empty; CCP_INVAL if a pointer is NULL, or the stack
 *            has no memory.
 *   Cost:    a compare-and-swap.
 *   After:   R. K. Treiber; IBM's System/370 for the number beside the head.
 *   Since:   0.1
 */
CCP_API CCP_MUST_CHECK ccp_status ccp_stack_pop(ccp_stack *s, ccp_stack_node **node);

#ifdef __cplusplus
}
#endif

#ifdef CCP_TRACE_PLACES
/* Each call says first where it is, and as which of the calls it is seen to wait. */
#define CCP_AT_(seen_as, call) (ccp_place((seen_as), __FILE__, __LINE__), (call))
#define ccp_sleep(...) CCP_AT_("ccp_sleep", ccp_sleep(__VA_ARGS__))
#define ccp_ctx_unhook(...) CCP_AT_("ccp_ctx_unhook", ccp_ctx_unhook(__VA_ARGS__))
#define ccp_chan_send(...) CCP_AT_("ccp_chan_send", ccp_chan_send(__VA_ARGS__))
#define ccp_chan_recv(...) CCP_AT_("ccp_chan_recv", ccp_chan_recv(__VA_ARGS__))
#define ccp_chan_send_n(...) CCP_AT_("ccp_chan_send", ccp_chan_send_n(__VA_ARGS__))
#define ccp_chan_recv_n(...) CCP_AT_("ccp_chan_recv", ccp_chan_recv_n(__VA_ARGS__))
#define ccp_select(...) CCP_AT_("ccp_select", ccp_select(__VA_ARGS__))
#define ccp_select_first(...) CCP_AT_("ccp_select", ccp_select_first(__VA_ARGS__))
#define ccp_wg_wait(...) CCP_AT_("ccp_wg_wait", ccp_wg_wait(__VA_ARGS__))
#define ccp_once_do(...) CCP_AT_("ccp_once_do", ccp_once_do(__VA_ARGS__))
#define ccp_sem_acquire(...) CCP_AT_("ccp_sem_acquire", ccp_sem_acquire(__VA_ARGS__))
#define ccp_mutex_lock(...) CCP_AT_("ccp_mutex_lock", ccp_mutex_lock(__VA_ARGS__))
#define ccp_rwlock_rdlock(...) CCP_AT_("ccp_rwlock_rdlock", ccp_rwlock_rdlock(__VA_ARGS__))
#define ccp_rwlock_wrlock(...) CCP_AT_("ccp_rwlock_wrlock", ccp_rwlock_wrlock(__VA_ARGS__))
#define ccp_barrier_wait(...) CCP_AT_("ccp_barrier_wait", ccp_barrier_wait(__VA_ARGS__))
#define ccp_phaser_wait(...) CCP_AT_("ccp_phaser_wait", ccp_phaser_wait(__VA_ARGS__))
#define ccp_phaser_arrive_and_wait(...) \
    CCP_AT_("ccp_phaser_arrive_and_wait", ccp_phaser_arrive_and_wait(__VA_ARGS__))
#define ccp_future_get(...) CCP_AT_("ccp_future_get", ccp_future_get(__VA_ARGS__))
#define ccp_group_go(...) CCP_AT_("ccp_chan_send", ccp_group_go(__VA_ARGS__))
#define ccp_group_wait(...) CCP_AT_("ccp_group_wait", ccp_group_wait(__VA_ARGS__))
#define ccp_flight_do(...) CCP_AT_("ccp_flight_do", ccp_flight_do(__VA_ARGS__))
#define ccp_pool_submit(...) CCP_AT_("ccp_chan_send", ccp_pool_submit(__VA_ARGS__))
#define ccp_pool_submit_with(...) CCP_AT_("ccp_chan_send", ccp_pool_submit_with(__VA_ARGS__))
#define ccp_pool_submit_n(...) CCP_AT_("ccp_chan_send", ccp_pool_submit_n(__VA_ARGS__))
#define ccp_pool_drain(...) CCP_AT_("ccp_pool_drain", ccp_pool_drain(__VA_ARGS__))
#define ccp_pool_wait(...) CCP_AT_("ccp_pool_drain", ccp_pool_wait(__VA_ARGS__))
#define ccp_pipeline_wait(...) CCP_AT_("ccp_group_wait", ccp_pipeline_wait(__VA_ARGS__))
#define ccp_fan_wait(...) CCP_AT_("ccp_group_wait", ccp_fan_wait(__VA_ARGS__))
#define ccp_merge_recv(...) CCP_AT_("ccp_select", ccp_merge_recv(__VA_ARGS__))
#define ccp_gen_yield(...) CCP_AT_("ccp_chan_send", ccp_gen_yield(__VA_ARGS__))
#define ccp_gen_next(...) CCP_AT_("ccp_chan_recv", ccp_gen_next(__VA_ARGS__))
#define ccp_timer_stop(...) CCP_AT_("ccp_timer_stop", ccp_timer_stop(__VA_ARGS__))
#define ccp_rate_take(...) CCP_AT_("ccp_rate_take", ccp_rate_take(__VA_ARGS__))
#define ccp_rate_map_take(...) CCP_AT_("ccp_rate_map_take", ccp_rate_map_take(__VA_ARGS__))
#define ccp_chan_new(...) CCP_AT_("ccp_chan_new", ccp_chan_new(__VA_ARGS__))
#define ccp_chan_make(...) CCP_AT_("ccp_chan_make", ccp_chan_make(__VA_ARGS__))
#define ccp_chan_after(...) CCP_AT_("ccp_chan_after", ccp_chan_after(__VA_ARGS__))
#define ccp_chan_tick(...) CCP_AT_("ccp_chan_tick", ccp_chan_tick(__VA_ARGS__))
#define ccp_ctx_new(...) CCP_AT_("ccp_ctx_new", ccp_ctx_new(__VA_ARGS__))
#define ccp_ctx_new_value(...) CCP_AT_("ccp_ctx_new_value", ccp_ctx_new_value(__VA_ARGS__))
#define ccp_ctx_new_detached(...) CCP_AT_("ccp_ctx_new_detached", ccp_ctx_new_detached(__VA_ARGS__))
#define ccp_phaser_new(...) CCP_AT_("ccp_phaser_new", ccp_phaser_new(__VA_ARGS__))
#define ccp_phaser_make(...) CCP_AT_("ccp_phaser_make", ccp_phaser_make(__VA_ARGS__))
#define ccp_promise_new(...) CCP_AT_("ccp_promise_new", ccp_promise_new(__VA_ARGS__))
#define ccp_group_new(...) CCP_AT_("ccp_group_new", ccp_group_new(__VA_ARGS__))
#define ccp_group_make(...) CCP_AT_("ccp_group_make", ccp_group_make(__VA_ARGS__))
#define ccp_flight_new(...) CCP_AT_("ccp_flight_new", ccp_flight_new(__VA_ARGS__))
#define ccp_flight_make(...) CCP_AT_("ccp_flight_make", ccp_flight_make(__VA_ARGS__))
#define ccp_pool_new(...) CCP_AT_("ccp_pool_new", ccp_pool_new(__VA_ARGS__))
#define ccp_pipeline_new(...) CCP_AT_("ccp_pipeline_new", ccp_pipeline_new(__VA_ARGS__))
#define ccp_fan_out(...) CCP_AT_("ccp_fan_out", ccp_fan_out(__VA_ARGS__))
#define ccp_merge_new(...) CCP_AT_("ccp_merge_new", ccp_merge_new(__VA_ARGS__))
#define ccp_broadcast_new(...) CCP_AT_("ccp_broadcast_new", ccp_broadcast_new(__VA_ARGS__))
#define ccp_gen_new(...) CCP_AT_("ccp_gen_new", ccp_gen_new(__VA_ARGS__))
#define ccp_timers_new(...) CCP_AT_("ccp_timers_new", ccp_timers_new(__VA_ARGS__))
#define ccp_rate_map_new(...) CCP_AT_("ccp_rate_map_new", ccp_rate_map_new(__VA_ARGS__))
#define ccp_breaker_new(...) CCP_AT_("ccp_breaker_new", ccp_breaker_new(__VA_ARGS__))
#define ccp_batcher_new(...) CCP_AT_("ccp_batcher_new", ccp_batcher_new(__VA_ARGS__))
#define ccp_signals_new(...) CCP_AT_("ccp_signals_new", ccp_signals_new(__VA_ARGS__))
#define ccp_rcu_new(...) CCP_AT_("ccp_rcu_new", ccp_rcu_new(__VA_ARGS__))
#define ccp_rcu_map_new(...) CCP_AT_("ccp_rcu_map_new", ccp_rcu_map_new(__VA_ARGS__))
#define ccp_shutdown_new() CCP_AT_("ccp_shutdown_new", ccp_shutdown_new())
#define ccp_mpmc_new(...) CCP_AT_("ccp_mpmc_new", ccp_mpmc_new(__VA_ARGS__))
#define ccp_spsc_new(...) CCP_AT_("ccp_spsc_new", ccp_spsc_new(__VA_ARGS__))
#endif
#endif
