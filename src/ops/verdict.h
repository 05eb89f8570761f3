/* SPDX-License-Identifier: MIT
 *
 * Is this a deadlock, and which?
 *
 *   Q1  That it is one is claimed only if nothing can change any more.  First all sleeps are
 *       copied; then the threads of the process are counted; then it is looked whether each of
 *       these sleeps still goes on.  A thread on record does nothing, and what it did before is
 *       seen by who has found it there.  So if none has a deadline, and there were no more threads
 *       than those, and the one that looks, and watches, then from the count on nobody was there to
 *       end a sleep, and who had ended one before would have been seen.
 *   Q2  A circle of locks among some threads is a deadlock while others run only if the program has
 *       promised that a lock is given back by the thread that took it, and no context watches.
 */
#ifndef CCPI_OPS_VERDICT_H
#define CCPI_OPS_VERDICT_H
/* uses: report */

#include "ops/report.h"

#define CCPI_WATCH_CALL "ccp_watch_new" /* in which the threads of watches sleep */

/* Text of any length, as far as there is memory. */
typedef struct ccpi_page {
    char *s;
    size_t n, room;
} ccpi_page;

void ccpi_page_add(ccpi_page *p, const ccpi_text *t);

/* Q1; false also if the threads of the process cannot be counted. */
bool ccpi_all_are_stuck(const ccpi_report *r);

/* Writes which deadlock it is, and of whom. */
void ccpi_explain(ccpi_page *p, const ccpi_report *r, int64_t now);

/* A circle of threads each of which waits for a lock or permits that the next has; only among
 * calls that nothing else can end, if `strict` (Q2).  in[0 .. n - 1]: indices of their sleeps;
 * gives n. */
size_t ccpi_find_circle(const ccpi_report *r, bool strict, size_t *in);
void ccpi_explain_circle(ccpi_page *p, const ccpi_report *r, const size_t *in, size_t n);

/* Does it only wait for work, as a part of an object of the library? */
bool ccpi_is_idle(const ccpi_sleep *s);

#endif
