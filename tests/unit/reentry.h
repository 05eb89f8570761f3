/* SPDX-License-Identifier: MIT
 *
 * Calls of the library made from inside its callbacks (G3).  reentry_code.awk takes from ccp.h what
 * the functions of the library are, and the places where it is given functions of the program;
 * what was called from inside a callback, and which callbacks there were, is noted here.
 *
 *   inside        for a callback: makes every call on objects of its own, then what use_same makes
 *                 of the object whose callback it is
 *   run_watched   runs a test in a thread; tells which call of which callback did not come back
 */
#ifndef CCP_TESTS_REENTRY_H
#define CCP_TESTS_REENTRY_H

#include "support.h"

#include "reentry_code.h"

#define CALL_OF(name, kind) CALL_##name,
enum { REENTRY_CALLS(CALL_OF) CALLS };
#define PLACE_OF(where, name) IN_##where##_##name,
typedef enum place { REENTRY_PLACES(PLACE_OF) PLACES } place;

void note_call(int call);

/* Once for each place, and not again inside itself; otherwise it does nothing. */
void inside(place p, void (*use_same)(void *obj), void *obj);
void once_more(place p); /* and once again */

/* What the functions below get: whose callback they are; NULL: they do nothing. */
typedef struct site {
    place p;
    void (*use_same)(void *obj);
    void *obj;
} site;
void run_inside(void *site);
void drop_inside(void *elem, void *site);
ccp_status do_inside(void *site);
ccp_status task_inside(ccp_ctx *ctx, void *site);
ccp_status call_inside(ccp_ctx *ctx, void *site, void *result); /* of a long */
ccp_status then_inside(ccp_status error, const void *value, void *result, void *site);
ccp_status step_inside(ccp_ctx *ctx, const void *in, void *out, void *site); /* of longs */
void unrun_inside(ccp_task fn, void *task_arg, void *site);

void run_watched(void (*test)(void));

/* Tests that test_reentry.c does not have itself. */
void pools_may_be_reentered(void);
void pipelines_may_be_reentered(void);
void fans_may_be_reentered(void);
void generators_may_be_reentered(void);
void ranges_may_be_reentered(void);
void domains_may_be_reentered(void);
void dumps_may_be_reentered(void);
void watches_may_be_reentered(void);
void the_misuse_hook_may_be_reentered(void);
void the_allocator_may_be_reentered(void);

/* Fails unless every call was made on other objects, and on the same if `inside` can. */
bool all_calls_were_made(void);
bool all_places_were_reached(void);

/* Makes every call of the library; none has to wait for anything but a thread of its own. */
void use_everything(void);
void use_tasks(void); /* part of it, as are the others */
void use_rcu(void);
void use_pipelines(void);
void use_stealing(void);
void use_queues(void);

ccp_chan *numbers(size_t n); /* a closed channel with the longs 1 .. n */

/* What use_everything() does to the misuse hook: sets it to this. */
extern ccp_misuse_hook present_hook;

#define OK(call) MUST((call) == CCP_OK)
#define GIVES(call, expected) MUST((call) == (expected))
/* Any status, as long as it comes: what it is depends on what else happens. */
#define RETURNS(call) MUST((unsigned)(call) <= CCP_FAILED)

/* The steps of a pipeline that has a stage of every kind. */
typedef struct steps {
    ccp_step source, map, clone, join, sink, again;
    ccp_flat_step flat;
    ccp_keep keep;
    ccp_route route;
    void (*drop)(void *elem, void *arg);
    void *arg;
} steps;
ccp_stage *build_pipeline(ccp_pipeline *p, const steps *s); /* the map */

#endif
