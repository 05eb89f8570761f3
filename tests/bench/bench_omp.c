/* SPDX-License-Identifier: MIT
 *
 * bench_omp.c - OpenMP's static schedule in the pmap cells, see flow.h.
 */
#include "flow.h"

#include <string.h>

static void run_pass(const struct spec *s, const struct pmap *map, uint64_t done)
{
    size_t n = pmap_pass(s, done);
    long parts = (long)s->w;
#pragma omp parallel for schedule(static, 1) num_threads(s->w)
    for (long i = 0; i < parts; i++) /* a contiguous part for each, as schedule(static) does */
        pmap_range(map, n * (size_t)i / s->w, n * ((size_t)i + 1) / s->w);
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "openmp", NULL };
    if (list_peers(argc, argv, peers)) return 0;
    struct spec s = parse_spec(argc, argv);
    if (strcmp(s.kind, "pmap")) unsupported(&s, "no-such-kind-of-work-for-this-peer");
    struct meter m;
    struct pmap map = pmap_make(&s);
    run_pass(&s, &map, 0);
    meter_start(&m);
    for (uint64_t done = 0; done < s.n; done += pmap_pass(&s, done)) run_pass(&s, &map, done);
    meter_stop(&m, now_ns());
    report(&s, &m, pmap_right(&s, &map), pmap_pass(&s, 0), 0, 0);
    return 0;
}
