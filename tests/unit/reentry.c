/* SPDX-License-Identifier: MIT */
#include "reentry.h"

/* Relaxed: a test must not become right by what is noted about it. */
#define SET(flag) atomic_store_explicit(&(flag), true, memory_order_relaxed)
#define IS_SET(flag) atomic_load_explicit(&(flag), memory_order_relaxed)

static const struct {
    const char *name, *kind;
} calls[] = {
#define NAME_OF_CALL(name, kind) { #name, #kind },
    REENTRY_CALLS(NAME_OF_CALL)
};

static const char *const places[] = {
#define NAME_OF_PLACE(where, name) #where "." #name,
    REENTRY_PLACES(NAME_OF_PLACE)
};

/* Where a thread is: in no callback, or there with its own or the same objects. */
enum { OUTSIDE, ON_OWN, ON_SAME };
static _Thread_local int where;

static atomic_bool entered[PLACES], left[PLACES], made[ON_SAME + 1][CALLS];
static atomic_int last_call, last_place;

void note_call(int call)
{
    if (where == OUTSIDE)
        return;
    SET(made[where][call]);
    atomic_store_explicit(&last_call, call, memory_order_relaxed);
}

void inside(place p, void (*use_same)(void *obj), void *obj)
{
    if (where != OUTSIDE || atomic_exchange(&entered[p], true))
        return;
    atomic_store_explicit(&last_place, (int)p, memory_order_relaxed);
    where = ON_OWN;
    use_everything();
    where = ON_SAME;
    if (use_same)
        use_same(obj);
    where = OUTSIDE;
    atomic_store(&left[p], true);
}

void once_more(place p)
{
    atomic_store(&entered[p], false);
}

/* --- callbacks --- */

void run_inside(void *arg)
{
    site *s = arg;
    if (s)
        inside(s->p, s->use_same, s->obj);
}

void drop_inside(void *elem, void *arg)
{
    (void)elem;
    run_inside(arg);
}

ccp_status do_inside(void *arg)
{
    run_inside(arg);
    return CCP_OK;
}

ccp_status task_inside(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    return do_inside(arg);
}

ccp_status call_inside(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx;
    *(long *)result = 7;
    return do_inside(arg);
}

ccp_status then_inside(ccp_status error, const void *value, void *result, void *arg)
{
    (void)error;
    (void)value;
    return call_inside(NULL, arg, result);
}

ccp_status step_inside(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    if (out)
        *(long *)out = in ? *(const long *)in : 7;
    return do_inside(arg);
}

void unrun_inside(ccp_task fn, void *task_arg, void *arg)
{
    (void)fn;
    (void)task_arg;
    run_inside(arg);
}

/* --- a thread for a test --- */

static void run_it(actor *a)
{
    void (*const *test)(void) = a->arg;
    (*test)();
}

void run_watched(void (*test)(void))
{
    actor a = { .arg = &test };
    patience p = { 0, 0 };
    char what[160];
    actor_start(&a, run_it);
    while (!actor_is_done(&a)) {
        snprintf(what, sizeof what, "the return of %s from inside %s",
                 calls[atomic_load(&last_call)].name, places[atomic_load(&last_place)]);
        poll_once(&p, what, __FILE__, __LINE__);
    }
    actor_join(&a);
}

/* --- what is left out --- */

/* Calls that cannot be made for an object while a callback of it runs, and why. */
static const struct {
    const char *name, *why;
} left_out[] = {
    { "ccp_chan_free", "excludes every other call, such as that which runs the drop function" },
    { "ccp_ctx_free", "excludes every other call, such as that which runs the hook" },
    { "ccp_promise_free", "the call that runs the function uses the promise" },
    { "ccp_merge_free", "excludes every other call, such as that which runs the function" },
    { "ccp_merge_recv", "is made by one at a time, and runs the function" },
    { "ccp_pipeline_source", "is for the one who builds, before the start" },
    { "ccp_pipeline_from", "as ccp_pipeline_source()" },
    { "ccp_pipeline_map", "as ccp_pipeline_source()" },
    { "ccp_pipeline_filter", "as ccp_pipeline_source()" },
    { "ccp_pipeline_flat_map", "as ccp_pipeline_source()" },
    { "ccp_pipeline_batch", "as ccp_pipeline_source()" },
    { "ccp_pipeline_split", "as ccp_pipeline_source()" },
    { "ccp_pipeline_tee", "as ccp_pipeline_source()" },
    { "ccp_pipeline_join", "as ccp_pipeline_source()" },
    { "ccp_pipeline_sink", "as ccp_pipeline_source()" },
    { "ccp_pipeline_again", "as ccp_pipeline_source()" },
    { "ccp_pipeline_output", "as ccp_pipeline_source()" },
    { "ccp_pipeline_start", "as ccp_pipeline_source()" },
    { "ccp_pipeline_run", "as ccp_pipeline_source()" },
    { "ccp_stage_branch", "as ccp_pipeline_source()" },
};

static bool is_left_out(const char *name)
{
    for (size_t i = 0; i < LENGTH(left_out); i++)
        if (!strcmp(left_out[i].name, name))
            return true;
    return false;
}

/* Kinds of objects that never run a function of the program. */
static bool has_callbacks(const char *kind)
{
    static const char *const without[] = {
        "none",        "ccp_sem",          "ccp_mutex",     "ccp_rwlock",
        "ccp_barrier", "ccp_rate",         "ccp_rate_map",  "ccp_limiter",
        "ccp_backoff", "ccp_retry_budget", "ccp_sometimes", "ccp_signals",
        "ccp_window",  "ccp_deque",        "ccp_seqlock",   "ccp_counter",
        "ccp_spin",    "ccp_retry_tally",  "ccp_rcu_ptr",   "ccp_rcu_list",
        "ccp_rcu_map", "ccp_spsc",         "ccp_mpmc",      "ccp_mpsc",
        "ccp_stack",   "ccp_rcu_reader",
    };
    for (size_t i = 0; i < LENGTH(without); i++)
        if (!strcmp(kind, without[i]))
            return false;
    return true;
}

bool all_calls_were_made(void)
{
    bool all = true;
    for (size_t i = 0; i < CALLS; i++) {
        if (!IS_SET(made[ON_OWN][i])) {
            print_error("%s() was not called inside a callback\n", calls[i].name);
            all = false;
        }
        bool wanted = has_callbacks(calls[i].kind) && !is_left_out(calls[i].name);
        if (wanted && !IS_SET(made[ON_SAME][i])) {
            print_error("%s() was not called for an object inside a callback of that\n",
                        calls[i].name);
            all = false;
        }
    }
    return all;
}

bool all_places_were_reached(void)
{
    bool all = true;
    for (size_t i = 0; i < PLACES; i++)
        if (!atomic_load(&left[i])) {
            print_error("no call was made inside %s\n", places[i]);
            all = false;
        }
    return all;
}
