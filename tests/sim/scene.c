/* SPDX-License-Identifier: MIT
 *
 * See scene.h.  Linked with --wrap for the functions that make channels, so that those that the
 * library makes for itself have their hints marked too, and for those that start and join threads.
 */
#include "scene.h"

#include "base/thread.h"
#include "block/tuning.h"
#include "chan/chan.h"
#include "chan/life.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Knobs ---- */

static tuning tuned;

static void misused(const char *call, const char *rule)
{
    sim_fail("misuse of %s: %s", call, rule);
}

void scene_tune(tuning t)
{
    tuned = t;
    knobs_set(t);
    ccp_set_misuse_hook(misused);
}

/* ---- Channels ---- */

/* What spinning learns is no step; a deferred wake is tried at once, not after it has paid. */
static ccp_chan *marked(ccp_chan *c)
{
    if (!c)
        return NULL;
    for (int s = 0; s < 2 && ccpi_tuning.defer; s++)
        atomic_store_explicit(&c->pace[s].defer, 256, memory_order_relaxed);
    sim_hint(c->pace, sizeof c->pace);
    sim_hint(c->waits, sizeof c->waits);
    sim_hint(&c->high_water, sizeof c->high_water);
    sim_hint(&c->look, sizeof c->look);
    return c;
}

ccp_chan *__real_ccp_chan_make(const ccp_chan_opts *o);
ccp_chan *__wrap_ccp_chan_make(const ccp_chan_opts *o);
ccp_chan *__wrap_ccp_chan_make(const ccp_chan_opts *o)
{
    return marked(__real_ccp_chan_make(o));
}

ccp_chan *__real_ccpi_chan_alloc(const ccp_chan_opts *o, ccpi_flavor flavor);
ccp_chan *__wrap_ccpi_chan_alloc(const ccp_chan_opts *o, ccpi_flavor flavor);
ccp_chan *__wrap_ccpi_chan_alloc(const ccp_chan_opts *o, ccpi_flavor flavor)
{
    return marked(__real_ccpi_chan_alloc(o, flavor));
}

ccp_chan *scene_chan(size_t elem_size, size_t capacity)
{
    ccp_chan *ch =
        ccp_chan_make(&(ccp_chan_opts){ .elem_size = elem_size, .capacity = capacity });
    sim_assert(ch);
    return ch;
}

size_t scene_chan_end(ccp_chan *ch)
{
    size_t n = 0;
    (void)ccp_chan_close(ch);
    while (ccp_chan_recv(ch, NULL, CCP_NOWAIT) == CCP_OK)
        n++;
    sim_assert(atomic_load(&ch->crowd[0]) == 0 && atomic_load(&ch->crowd[1]) == 0);
    sim_assert(ccp_chan_free(ch) == CCP_OK);
    return n;
}

/* ---- Threads ---- */

static _Atomic int threads;

static void count_threads(int n)
{
    sim_hint(&threads, sizeof threads);
    atomic_fetch_add(&threads, n);
}

int scene_threads(void)
{
    return atomic_load(&threads);
}

bool __real_ccpi_thread_start(ccpi_thread *t, const ccpi_thread_opts *o, void (*fn)(void *),
                              void *arg);
bool __wrap_ccpi_thread_start(ccpi_thread *t, const ccpi_thread_opts *o, void (*fn)(void *),
                              void *arg);
bool __wrap_ccpi_thread_start(ccpi_thread *t, const ccpi_thread_opts *o, void (*fn)(void *),
                              void *arg)
{
    count_threads(1);
    bool ok = __real_ccpi_thread_start(t, o, fn, arg);
    count_threads(ok ? 0 : -1);
    return ok;
}

void __real_ccpi_thread_join(ccpi_thread t);
void __wrap_ccpi_thread_join(ccpi_thread t);
void __wrap_ccpi_thread_join(ccpi_thread t)
{
    __real_ccpi_thread_join(t);
    count_threads(-1);
}

bool scene_any(const int flags[SIM_THREADS])
{
    bool any = false;
    for (int t = 0; t < SIM_THREADS; t++)
        any |= flags[t] != 0;
    return any;
}

/* ---- The table ---- */

static sim_scenario *table;
static size_t count, room;

void *scene_keep(const void *from, size_t size)
{
    void *p = malloc(size);
    if (!p)
        abort();
    return memcpy(p, from, size);
}

void scene_add(void (*fn)(void *arg), void *arg, const sim_options *o, const char *name, ...)
{
    char text[128];
    va_list args;
    va_start(args, name);
    int length = vsnprintf(text, sizeof text, name, args);
    va_end(args);
    if (length < 0 || length >= (int)sizeof text)
        abort();
    if (count == room) {
        room = room ? 2 * room : 1024;
        table = realloc(table, room * sizeof *table);
        if (!table)
            abort();
    }
    table[count++] =
        (sim_scenario){ scene_keep(text, (size_t)length + 1), fn, arg, o ? *o : (sim_options){ 0 },
                        NULL };
}

int scene_main(int argc, char **argv)
{
    return sim_main(argc, argv, table, count);
}
