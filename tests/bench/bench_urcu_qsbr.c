/* SPDX-License-Identifier: MIT
 *
 * bench_urcu_qsbr.c - liburcu's flavour qsbr, inlined.  A section is nothing there: threads say
 * that they do not read, which in mode read they do after each read.
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#define _LGPL_SOURCE /* inlined */
#include <urcu/urcu-qsbr.h>

#define SHAPE qsbr
#define FLAVOR urcu_qsbr
#include "urcu.h"
static inline void qsbr_on(void)
{
    urcu_qsbr_quiescent_state();
}
static inline void qsbr_end(void)
{
    qsbr_leave();
    qsbr_on();
}
#define qsbr_leave qsbr_end
#include "rcu.h"

void urcu_qsbr_run(const struct spec *s);
void urcu_qsbr_run(const struct spec *s)
{
    qsbr_run(s);
}
