/* SPDX-License-Identifier: MIT-0
 *
 * rcu_config.c - a configuration that many threads read and one replaces while they do.
 *
 * Problem: every request looks at the configuration, so that must cost next to nothing; now and
 * then it is loaded anew, and no request may see half of the old one and half of the new one, nor
 * one that was freed.
 *
 *   reader --\                      old config ... freed when no reader looks at it any more
 *   reader ---> current --swap-->   new config
 *   reader --/
 *
 * Each config is checked when it is read: its sum must fit its values.
 *
 * To adapt: change struct config, load() and serve().
 * Compile:  cc rcu_config.c -o rcu_config $(pkg-config --cflags --libs ccp)
 * Output:   4 readers saw every configuration whole; 100 were loaded, 99 freed meanwhile
 */
#include <ccp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { READERS = 4, RELOADS = 100, REQUESTS = 20 };

struct config {
    ccp_rcu_head head; /* for the call that frees it */
    long limit, timeout, sum;
};

static ccp_rcu *domain;
static ccp_rcu_ptr current;
static atomic_int freed, broken, last_seen;

static struct config *load(long version)
{
    struct config *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->limit = version;
    c->timeout = 1000 - version;
    c->sum = 1000;
    return c;
}

static void discard(void *config)
{
    free(config);
    atomic_fetch_add(&freed, 1);
}

static bool replace(struct config *fresh)
{
    struct config *old = ccp_rcu_ptr_swap(&current, fresh);
    return ccp_rcu_defer(domain, &old->head, discard, old, CCP_FOREVER) == CCP_OK;
}

static void serve(void *arg)
{
    long limit = 0;
    (void)arg;
    if (ccp_rcu_register(domain) != CCP_OK) {
        atomic_fetch_add(&broken, 1);
        return; /* no memory */
    }
    for (int n = 0; n < REQUESTS || limit < RELOADS; n++) { /* until the last one is seen */
        if (ccp_rcu_read_lock(domain) != CCP_OK)
            break; /* cannot be: the thread is registered */
        const struct config *c = ccp_rcu_ptr_get(&current);
        limit = c->limit;
        if (c->limit + c->timeout != c->sum)
            atomic_fetch_add(&broken, 1);
        ccp_rcu_read_unlock(domain); /* from here on c may be freed */
    }
    atomic_fetch_add(&last_seen, 1);
}

int main(void)
{
    ccp_wg readers = CCP_WG_INIT;
    domain = ccp_rcu_new(NULL);
    ccp_rcu_ptr_set(&current, load(1));
    bool ok = domain && ccp_rcu_ptr_get(&current);
    for (int i = 0; ok && i < READERS; i++)
        ok = ccp_wg_go(&readers, serve, NULL) == CCP_OK;
    for (long version = 2; ok && version <= RELOADS; version++) {
        struct config *fresh = load(version);
        ok = fresh && replace(fresh);
    }
    if (!ok) {
        fputs("rcu_config: out of memory or threads\n", stderr);
        return EXIT_FAILURE;
    }
    ccp_wg_wait(&readers, CCP_FOREVER);
    ok = ccp_rcu_barrier(domain, CCP_FOREVER) == CCP_OK && broken == 0 && last_seen == READERS;
    printf("%d readers saw %s; %d were loaded, %d freed meanwhile\n", READERS,
           ok ? "every configuration whole" : "what they should not", RELOADS, freed);
    free(ccp_rcu_ptr_get(&current));
    ccp_rcu_free(domain);
    return EXIT_SUCCESS;
}
