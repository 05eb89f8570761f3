/* SPDX-License-Identifier: MIT
 *
 * bench_urcu_called.c - liburcu's flavour memb, its sections by function calls.
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include <urcu/urcu-memb.h>

#define SHAPE called
#define FLAVOR urcu_memb
#include "urcu.h"
static void called_on(void)
{
    called_leave();
    called_enter();
}
#include "rcu.h"

void urcu_called_run(const struct spec *s);
void urcu_called_run(const struct spec *s)
{
    called_run(s);
}
