/* SPDX-License-Identifier: MIT
 *
 * bench_uv.c - timers of libuv: they belong to the loop of one thread, which alone may use them.
 */
#include "timers.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

static void do_nothing(uv_timer_t *t)
{
    (void)t;
}

static void set(uv_timer_t *t, int64_t after)
{
    if (uv_timer_start(t, do_nothing, (uint64_t)after / 1000000, 0)) die("uv_timer_start");
}

static uv_timer_t *set_many(uv_loop_t *loop, size_t n)
{
    uv_timer_t *many = must_alloc(n * sizeof *many);
    for (size_t i = 0; i < n; i++) {
        uv_timer_init(loop, &many[i]);
        set(&many[i], far_away(i));
    }
    return many;
}

static void run_timer(const struct spec *s)
{
    struct meter m;
    uv_timer_t t;
    uv_loop_t *loop = uv_default_loop();
    uv_timer_t *many = set_many(loop, s->cap);
    bool stops = strcmp(s->mode, "reset") != 0;
    uint64_t count = 0;
    uv_timer_init(loop, &t);
    meter_start(&m);
    for (uint64_t i = 0; i < s->n; i++) {
        set(&t, 50000000000 + (int64_t)i);
        count += stops ? !uv_timer_stop(&t) : 1;
    }
    meter_stop(&m, now_ns());
    uv_timer_stop(&t);
    for (size_t i = 0; i < s->cap; i++) uv_timer_stop(&many[i]);
    free(many);
    report(s, &m, count, s->n, 0, 0);
}

void libuv_run(const struct spec *s)
{
    if (!strcmp(s->kind, "timer")) run_timer(s);
    else if (!strcmp(s->kind, "tick")) unsupported(s, "its-clock-has-milliseconds");
    else unsupported(s, "timers-only");
}
