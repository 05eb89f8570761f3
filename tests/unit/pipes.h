/* SPDX-License-Identifier: MIT
 *
 * Steps for the tests of pipelines, and a ledger of what became of each element.
 */
#ifndef CCP_TESTS_PIPES_H
#define CCP_TESTS_PIPES_H

#include "support.h"

enum { LEDGER = 200000 };

/* Elements are numbers from 0; each is sunk, dropped, or leaves as a letter. */
typedef struct ledger {
    long next, end;          /* of count_up() */
    atomic_long sunk, dropped, letters;
    long last;               /* that keep_order() has seen */
    bool disorder;
    atomic_uchar fate[LEDGER]; /* how often element k met its end */
} ledger;

ledger *ledger_new(long end);
void ledger_free(ledger *l);
void note_fate(ledger *l, long k);
void drop_number(void *elem, void *ledger);
void assert_each_once(ledger *l, long n); /* of 0 .. n-1 each met one end */

ccp_status count_up(ccp_ctx *ctx, const void *in, void *out, void *ledger); /* source of numbers */
ccp_status pass_on(ccp_ctx *ctx, const void *in, void *out, void *arg);     /* of a long */
ccp_status sink_number(ccp_ctx *ctx, const void *in, void *out, void *ledger);
ccp_status want_ten(ccp_ctx *ctx, const void *in, void *out, void *ledger);    /* to sink */
ccp_status sink_letter(ccp_ctx *ctx, const void *in, void *out, void *ledger);
ccp_status fail_tenth(ccp_ctx *ctx, const void *in, void *out, void *arg); /* k % 10 == 3 */
bool is_even(const void *elem, void *arg);

typedef CCP_LETTER(long) letter_of_long;

/* A source of the numbers 0 .. end-1 that are entered in the ledger when dropped. */
ccp_stage *add_numbers(ccp_pipeline *p, ledger *l);
ccp_pipeline *new_pipeline(void);
void end_pipeline(ccp_pipeline *p);
ccp_stage_info stage_info(const ccp_stage *s);

#endif
