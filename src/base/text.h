/* SPDX-License-Identifier: MIT
 *
 * Writing text into memory of a fixed size.  What does not fit is left out; the text always ends
 * with a 0.
 */
#ifndef CCPI_BASE_TEXT_H
#define CCPI_BASE_TEXT_H

#include "base/atomic.h"

#define CCPI_TEXT_ROOM 1024

typedef struct ccpi_text {
    size_t n; /* bytes before the 0 */
    char s[CCPI_TEXT_ROOM];
} ccpi_text;

CCPI_INLINE void ccpi_text_clear(ccpi_text *t)
{
    t->n = 0;
    t->s[0] = '\0';
}

void ccpi_text_add(ccpi_text *t, const char *s);
void ccpi_text_add_number(ccpi_text *t, uint64_t n);
void ccpi_text_add_address(ccpi_text *t, const void *p);

/* Nanoseconds, in a unit that fits, cut to tenths: "3.2 ms".  Less than nothing is nothing. */
void ccpi_text_add_time(ccpi_text *t, int64_t ns);

/* "thread 4711 'main'", by the number that ccpi_thread_id() gives in it. */
void ccpi_text_add_thread(ccpi_text *t, uint64_t thread);

/* "1 sender waits", "3 senders wait": the number, then one or many. */
void ccpi_text_add_count(ccpi_text *t, uint64_t n, const char *one, const char *many);

#endif
