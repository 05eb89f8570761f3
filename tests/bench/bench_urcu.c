/* SPDX-License-Identifier: MIT
 *
 * bench_urcu.c - liburcu's flavour memb (membarrier), its sections inlined.
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#define _LGPL_SOURCE /* sections are inlined */
#include <urcu/urcu-memb.h>

#define SHAPE memb
#define FLAVOR urcu_memb
#include "urcu.h"
static void memb_on(void)
{
    memb_leave();
    memb_enter();
}
#include "rcu.h"

void urcu_called_run(const struct spec *s); /* bench_urcu_called.c */
void urcu_qsbr_run(const struct spec *s);   /* bench_urcu_qsbr.c */

int main(int argc, char **argv)
{
    static const char *const peers[] = { "urcu", "urcu-called", "urcu-qsbr", NULL };
    if (list_peers(argc, argv, peers)) return 0;
    struct spec s = parse_spec(argc, argv);
    if (strcmp(s.kind, "rcu")) unsupported(&s, "has-no-such-thing");
    if (!strcmp(s.peer, "urcu")) memb_run(&s);
    else if (!strcmp(s.peer, "urcu-called")) urcu_called_run(&s);
    else if (!strcmp(s.peer, "urcu-qsbr")) urcu_qsbr_run(&s);
    else unsupported(&s, "no-such-peer");
    return 0;
}
