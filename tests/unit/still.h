/* SPDX-License-Identifier: MIT
 *
 * Time that stands still: a machine for unit tests of one thread, linked in the place of
 * base/clock.c and base/park_*.c.
 *
 * ccp_now() says what the test has set.  A sleep with a deadline moves time there and is over at
 * once; on the way it runs what was put on the programme by still_at().  A sleep that nothing can
 * end stops the program and says so.
 *
 *     still_set(CCP_SEC(100));
 *     still_at(CCP_SEC(103), cancel, ctx);
 *     ASSERT_STATUS(ccp_sleep(ccp_under(ctx, ccp_within(CCP_SEC(5)))), CCP_CANCELED);
 *     assert_int_equal(ccp_now(), CCP_SEC(103));
 *
 * A test program gets it by still_test(NAME) in CMakeLists.txt.  It has one thread: no actors, no
 * pools.  What needs threads and virtual time is for tests/sim.
 */
#ifndef CCP_TESTS_STILL_H
#define CCP_TESTS_STILL_H

#include <stddef.h>
#include <stdint.h>

/* Sets the time, t > 0; to go back is allowed.  What was on the programme is forgotten. */
void still_set(int64_t t);

/* Moves time on by ns >= 0, and runs what comes due on the way, each at its time. */
void still_advance(int64_t ns);

/* Puts fn(arg) on the programme: to be run when time gets to t, or in the next sleep if t has
 * passed.  Of several for one time the first comes first.  fn must not wait. */
void still_at(int64_t t, void (*fn)(void *arg), void *arg);

/* How often a thread has gone to sleep since still_set(). */
size_t still_sleeps(void);

#endif
