/* SPDX-License-Identifier: MIT
 *
 * fault KIND: runs every site of the kind with its k-th request failing, once and for ever, for
 * k = 1, 2, .. until none fails any more.  KIND: alloc thread fd poll cpu cond wait eintr.
 */
#include "fault.h"

#include "block/tuning.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char what_runs[200];

_Noreturn void wrong(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: not true: %s\n  in %s\n", file, line, what, what_runs);
    fflush(NULL);
    _exit(1); /* threads of the site may still run */
}

/* Runs a site once; true if a fault was injected.  `reports`: the caller must see a fault. */
static bool run_once(const fault_site *s, fault_kind kind, unsigned long k, bool for_ever,
                     bool reports)
{
    snprintf(what_runs, sizeof what_runs, "site %s, request %lu of kind %d fails%s", s->name, k,
             (int)kind, for_ever ? ", and all after it" : "");
    fault_arm(kind, k, for_ever);
    unsigned failed = s->run();
    bool injected = fault_disarm();
    CHECK(reports && injected ? failed > 0 : failed == 0);
    CHECK(ccp_live_blocks() == 0);
    CHECK(fault_blocks_out() == 0);
    CHECK(fault_threads_out() == 0);
    return injected;
}

/* Gives the number of faults that were injected. */
static unsigned long run_sites(const fault_site *sites, size_t count, fault_kind kind, bool reports,
                               unsigned long most)
{
    unsigned long points = 0;
    for (size_t i = 0; i < count; i++)
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            unsigned long k = 1;
            while (k <= most && run_once(&sites[i], kind, k, for_ever, reports))
                k++;
            points += k - 1;
            run_once(&sites[i], FAULT_NONE, 1, false, false); /* and it works again */
        }
    printf("%zu sites, %lu faults\n", count, points);
    return points;
}

typedef struct kind_name {
    const char *name;
    fault_kind kind;
    bool makes;         /* which sites */
    unsigned long most; /* faults per site: waits have no fixed number */
} kind_name;

static const kind_name kinds[] = {
    { "alloc", FAULT_ALLOC, true, 1000 },  { "thread", FAULT_THREAD, true, 1000 },
    { "fd", FAULT_FD, true, 1000 },        { "cpu", FAULT_CPU, true, 100 },
    { "cond", FAULT_COND, false, 25 },     { "wait", FAULT_WAIT, false, 25 },
    { "eintr", FAULT_EINTR, false, 25 },   { "poll", FAULT_POLL, true, 1000 },
};

static const struct {
    bool makes, reports; /* reports: only where every fault must be seen */
    const fault_site *sites;
    const size_t *count;
} lists[] = {
    { true, false, making_sites, &making_count }, { true, false, agree_sites, &agree_count },
    { true, true, flow_sites, &flow_count },      { false, false, lock_sites, &lock_count },
    { false, false, meet_sites, &meet_count },    { false, false, waiting_sites, &waiting_count },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof kinds / sizeof *kinds; i++) {
        const kind_name *k = &kinds[i];
        if (strcmp(argv[1], k->name) != 0)
            continue;
        CHECK(ccp_set_allocator(&fault_allocator) == CCP_OK);
        bool reports = k->kind == FAULT_ALLOC || k->kind == FAULT_THREAD || k->kind == FAULT_FD ||
                       k->kind == FAULT_POLL;
        if (!k->makes) /* sleep at once: it is the sleeping that is tested */
            ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
        unsigned long points = 0;
        for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
            if (lists[l].makes == k->makes && (reports || !lists[l].reports))
                points +=
                    run_sites(lists[l].sites, *lists[l].count, k->kind, reports, k->most);
        CHECK(points > 0); /* a test that injects nothing tests nothing */
        CHECK(ccp_set_allocator(NULL) == CCP_OK);
        return 0;
    }
    fprintf(stderr, "usage: %s alloc|thread|fd|poll|cpu|cond|wait|eintr\n", argv[0]);
    return 2;
}
