/* SPDX-License-Identifier: MIT
 *
 * Shared fixtures of the unit tests.
 *
 *   actor       a thread that makes one call which may wait, and tells when it sleeps there
 *   MUST        an assertion that may be used in any thread
 *   WAIT_UNTIL  waits for a state, never for a time
 *   memory      an allocator that counts, and fails when told to
 *   element     elements of any size with a recognizable content
 */
#ifndef CCP_TESTS_SUPPORT_H
#define CCP_TESTS_SUPPORT_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ccp.h"
#include "returns_code.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define TEST(name) static void name(__attribute__((unused)) void **state)

/* An entry of a cmocka table: after the test no memory of the library may be in use. */
#define ENTRY(name) cmocka_unit_test_teardown(name, no_block_is_live)
int no_block_is_live(void **state);

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

/* A function that stands in for one of the system by the linker's --wrap: clang's sanitizers, which
 * are linked in, call it before they can be called by what they add to each function. */
#if defined(__clang__) && __has_attribute(disable_sanitizer_instrumentation)
#define STANDS_IN __attribute__((disable_sanitizer_instrumentation))
#else
#define STANDS_IN
#endif

/* Is every access watched: by a sanitizer, or by valgrind? */
bool is_watched(void);

/* n rounds; fewer where every access is watched. */
static inline size_t scaled(size_t n)
{
    return n >= 10 && is_watched() ? n / 10 : n;
}

/* Stops the program at a broken condition; cmocka's asserts are for the main thread only. */
#define MUST(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))
_Noreturn void must_failed(const char *cond, const char *file, int line);

/* Waits for a state.  When it does not come within a generous limit, the program stops. */
#define WAIT_UNTIL(cond)                                                                       \
    do {                                                                                       \
        patience p_ = { 0, 0 };                                                                \
        while (!(cond))                                                                        \
            poll_once(&p_, #cond, __FILE__, __LINE__);                                         \
    } while (0)

/* How long it has waited.  Times at which the whole program stood still do not count. */
typedef struct patience {
    int64_t last, spent;
} patience;
void poll_once(patience *p, const char *cond, const char *file, int line);

/* Waits until a time has passed by each clock that libccp looks at: the coarse one is behind, as
 * far as the machine keeps the kernel from counting. */
void wait_past(int64_t time);

/* --- children --- */

/* Calls fn in a child of a fork, waits for its end, and asserts that it was a good one. */
void in_child(void (*fn)(void *arg), void *arg);

/* In a child: what is not so ends it. */
#define NEED(cond) ((cond) ? (void)0 : need_failed(#cond, __FILE__, __LINE__))
_Noreturn void need_failed(const char *cond, const char *file, int line);

/* Ends a child, with status 0.  It has none of its parent's other threads, and so what only they
 * pointed to is lost; valgrind does not tell of it where a program is replaced. */
_Noreturn void end_child(void);

/* --- threads --- */

typedef struct actor {
    pthread_t id;
    void (*fn)(struct actor *);
    void *arg;
    ccp_chan *ch;
    ccp_wait w;
    ccp_status rc; /* what the call returned; read after the join */
    long value;    /* any number the actor brings or takes */
    size_t index;
    int64_t returned_at;
    _Atomic int tid;
    _Atomic bool calling, done;
} actor;

void actor_start(actor *a, void (*fn)(actor *));
void actor_join(actor *a);
void actor_calls(actor *a);              /* by the actor: the next call is the one that may wait */
bool actor_is_asleep(const actor *a);    /* it made that call, and sleeps in it */
bool actor_is_done(const actor *a);      /* its function has returned */
void actor_send_long(actor *a);          /* sends a->value to a->ch */
void actor_recv_long(actor *a);          /* receives a->value from a->ch */
void actor_sleep_here(actor *a);         /* WAIT_UNTIL(actor_is_asleep(a)), by somebody else */

/* Keeps an actor that sleeps from going on, whatever wakes it, until it is let go: a handler of
 * SIGUSR1 has it.  One at a time, by one thread. */
void actor_hold(const actor *a);
void actor_let_go(void);

/* A gate: those who pass it wait until it is opened. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
    _Atomic int arrived;
} gate;
#define GATE_INIT                                                                              \
    {                                                                                          \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0                          \
    }
void gate_pass(gate *g);
void gate_open(gate *g);
void gate_shut(gate *g); /* nobody may be in it */

/* --- state of a channel --- */

ccp_chan_info info_of(const ccp_chan *ch);
size_t waiting_senders(const ccp_chan *ch);
size_t waiting_receivers(const ccp_chan *ch);
void assert_nobody_waits(const ccp_chan *ch);
void assert_status(ccp_status got, ccp_status expected, const char *file, int line);
#define ASSERT_STATUS(got, expected) assert_status((got), (expected), __FILE__, __LINE__)

/* --- memory --- */

extern atomic_size_t memory_calls; /* allocations asked for */
extern atomic_size_t memory_live;  /* given out and not given back */
void memory_watch(void);           /* from now on the library's memory comes from here */
void memory_fail_at(size_t n);     /* the n-th allocation from now fails, once; 0: none */
void memory_fail_from(size_t n);   /* the n-th and all later ones */
void memory_unwatch(void);

/* --- elements --- */

void element_fill(void *elem, size_t size, unsigned long k);
bool element_is(const void *elem, size_t size, unsigned long k);

/* A drop function that counts into *(atomic_long *)arg. */
void count_drop(void *elem, void *arg);

/* --- random numbers, the same ones for the same seed --- */

uint32_t random_next(uint64_t *seed);

#endif
