/* SPDX-License-Identifier: MIT
 *
 * Calls of read-copy-update, from everywhere and from calls that it has deferred.
 */
#include "reentry.h"

static void call_nothing(void *arg)
{
    (void)arg;
}

static void read_a_little(ccp_rcu *d)
{
    OK(ccp_rcu_register(d));
    OK(ccp_rcu_read_lock(d));
    OK(ccp_rcu_quiescent(d));
    OK(ccp_rcu_read_unlock(d));
    ccp_rcu_reader *r;
    OK(ccp_rcu_reader_get(d, &r));
    OK(ccp_rcu_reader_lock(r));
    OK(ccp_rcu_reader_quiescent(r));
    OK(ccp_rcu_reader_unlock(r));
    OK(ccp_rcu_unregister(d));
}

static void use_maps(ccp_rcu *d)
{
    ccp_rcu_list l = { NULL, NULL, 0 };
    ccp_rcu_node n = { NULL, NULL };
    ccp_rcu_item i = { .key = "k", .len = 1 }, j = i, *old;
    ccp_rcu_map *m = ccp_rcu_map_new(d, 0);
    MUST(m);
    OK(ccp_rcu_map_add(m, &i));
    OK(ccp_rcu_map_put(m, &j, &old));
    MUST(old == &i && ccp_rcu_map_get(m, "k", 1) == &j && ccp_rcu_map_len(m) == 1);
    MUST(ccp_rcu_map_remove(m, "k", 1) == &j);
    OK(ccp_rcu_map_free(m));
    OK(ccp_rcu_list_add(&l, &n));
    MUST(ccp_rcu_list_first(&l) == &n && !ccp_rcu_list_next(&n));
    OK(ccp_rcu_list_remove(&l, &n));
}

void use_rcu(void)
{
    int v = 1;
    ccp_rcu_info info;
    ccp_rcu_head h;
    ccp_rcu_ptr p = { NULL };
    ccp_rcu *d = ccp_rcu_new(NULL);
    MUST(d);
    read_a_little(d);
    use_maps(d);
    OK(ccp_rcu_defer(d, &h, call_nothing, NULL, CCP_NOWAIT));
    OK(ccp_rcu_synchronize(d, CCP_FOREVER));
    OK(ccp_rcu_barrier(d, CCP_FOREVER));
    OK(ccp_rcu_get_info(d, &info));
    OK(ccp_rcu_free(d));
    ccp_rcu_ptr_set(&p, &v);
    MUST(ccp_rcu_ptr_get(&p) == &v && ccp_rcu_ptr_cas(&p, &v, NULL));
    MUST(ccp_rcu_ptr_swap(&p, &v) == NULL);
}

static void use_same_domain(void *d)
{
    static ccp_rcu_head h;
    ccp_rcu_info info;
    read_a_little(d);
    use_maps(d);
    OK(ccp_rcu_defer(d, &h, call_nothing, NULL, CCP_NOWAIT));
    OK(ccp_rcu_synchronize(d, CCP_FOREVER));
    GIVES(ccp_rcu_barrier(d, CCP_FOREVER), CCP_DEADLOCK);
    OK(ccp_rcu_get_info(d, &info));
    MUST(info.pending == 2);
    GIVES(ccp_rcu_free(d), CCP_BUSY);
}

void domains_may_be_reentered(void)
{
    ccp_rcu_head h;
    site call = { IN_ccp_rcu_defer_fn, use_same_domain, NULL };
    ccp_rcu *d = ccp_rcu_new(NULL);
    MUST(d);
    call.obj = d;
    OK(ccp_rcu_defer(d, &h, run_inside, &call, CCP_NOWAIT));
    OK(ccp_rcu_barrier(d, CCP_FOREVER));
    OK(ccp_rcu_barrier(d, CCP_FOREVER));
    OK(ccp_rcu_free(d));
}
