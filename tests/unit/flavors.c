/* SPDX-License-Identifier: MIT */
#include "flavors.h"

static const size_t sizes[] = { 0, 1, 4, 8, 16, 24, MAX_ELEM };
static const size_t capacities[] = { 0, 1, 2, 3, 64 };

enum { DENSE, SPREAD, OWN_MEMORY, WAYS };
static const char *const ways[] = { "", " spread", " in own memory" };

typedef struct job {
    const flavor_test *test;
    flavor f;
    char name[160];
} job;

ccp_chan *flavor_chan(const flavor *f)
{
    ccp_chan_opts o = f->o;
    ccp_chan *ch = ccp_chan_make(&o);
    assert_non_null(ch);
    return ch;
}

static void run_job(void **state)
{
    job *j = *state;
    void *memory = NULL;
    if (j->f.o.memory_size) {
        size_t n = ccp_chan_memory(&j->f.o);
        assert_true(n > 0);
        memory = malloc(n);
        memset(memory, 0xa5, n);
        j->f.o.memory = memory;
        j->f.o.memory_size = n;
    }
    j->test->fn(&j->f);
    free(memory);
}

static void describe(job *j, const flavor_test *t, size_t size, size_t capacity, int way)
{
    j->test = t;
    j->f.o = (ccp_chan_opts){ .elem_size = size, .capacity = capacity, .spread = way == SPREAD };
    j->f.o.memory_size = way == OWN_MEMORY; /* only marks it: the real size comes later */
    snprintf(j->f.name, sizeof j->f.name, "size %zu capacity %zu%s", size, capacity, ways[way]);
    snprintf(j->name, sizeof j->name, "%s [%s]", t->name, j->f.name);
}

static size_t list_jobs(job *jobs, const flavor_test *t)
{
    size_t n = 0;
    for (size_t s = 0; s < LENGTH(sizes); s++)
        for (size_t c = 0; c < LENGTH(capacities); c++)
            for (int way = 0; way < WAYS; way++)
                if (sizes[s] >= t->min_size && capacities[c] >= t->min_capacity &&
                    capacities[c] <= t->max_capacity)
                    describe(&jobs[n++], t, sizes[s], capacities[c], way);
    return n;
}

int run_over_flavors(const char *group, const flavor_test *tests, size_t n)
{
    size_t most = n * LENGTH(sizes) * LENGTH(capacities) * WAYS, used = 0;
    job *jobs = calloc(most, sizeof *jobs);
    struct CMUnitTest *entries = calloc(most, sizeof *entries);
    MUST(jobs && entries);
    for (size_t i = 0; i < n; i++)
        used += list_jobs(jobs + used, &tests[i]);
    for (size_t i = 0; i < used; i++)
        entries[i] = (struct CMUnitTest){ jobs[i].name, run_job, NULL, no_block_is_live, &jobs[i] };
    int failed = _cmocka_run_group_tests(group, entries, used, NULL, NULL);
    free(entries);
    free(jobs);
    return failed;
}
