/* SPDX-License-Identifier: MIT
 *
 * What is on record at about one moment, and how it is put into words.
 */
#ifndef CCPI_OPS_REPORT_H
#define CCPI_OPS_REPORT_H

#include "base/text.h"
#include "base/track.h"
#include "block/sleepers.h"
#include "coord/holders.h"

/* Copies of all records of sleepers, and of who holds what. */
typedef struct ccpi_report {
    ccpi_sleep *sleeps;
    size_t sleep_count;
    ccpi_holder *holders;
    size_t holder_count;
} ccpi_report;

/* False: memory is short. */
bool ccpi_report_make(ccpi_report *r);
void ccpi_report_free(ccpi_report *r);

/* "channel 'orders'", or "channel 0x5581..." if it has no name. */
void ccpi_report_record(ccpi_text *t, const ccpi_record *r);

/* The same of any object, by the call that waits for it if it is not in the table; of a part: "a
 * channel of pool 'x'". */
void ccpi_report_object(ccpi_text *t, const void *object, const char *call);

/* "main.c:55" */
void ccpi_report_place(ccpi_text *t, const char *file, int line);

/* "    holds mutex 'accounts' for 1.2 s\n" for each thing that a thread holds; "" for none. */
void ccpi_report_holds(ccpi_text *t, const ccpi_report *r, uint64_t thread, int64_t now);

/* " has waited 1.2 s in ccp_chan_recv at main.c:55 for channel 'orders'" */
void ccpi_report_sleep(ccpi_text *t, const ccpi_sleep *s, int64_t now);

#endif
