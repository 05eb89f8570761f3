/* SPDX-License-Identifier: MIT
 *
 * free.h - queues that never wait: p producers and c consumers, who try again until it works.
 * Included once for each queue, after the program has defined FREE (a word) and, with F(name) being
 * FREE_name:
 *
 *     F(type)                                            a queue of 8-byte elements
 *     F(type) *F(new)(const struct spec *)
 *     void F(free)(F(type) *)
 *     size_t F(push)(F(type) *, const uint64_t *, size_t n)   how many were put in
 *     size_t F(pop)(F(type) *, uint64_t *, size_t n)          how many were taken out
 *
 * n is 1 unless the cell says `batch`.  The calls are direct and can be inlined.  Who fails pauses,
 * and from the 100th time on yields.  With FREE_STACK it is a list of free blocks instead, of which
 * t threads take one and give it back, again and again:
 *
 *     void F(fill)(size_t n)
 *     void *F(get)(void)
 *     void F(put)(void *)
 */
#include <sched.h>

#define F_PASTE2(a, b) a##_##b
#define F_PASTE(a, b) F_PASTE2(a, b)
#define F(name) F_PASTE(FREE, name)

#ifndef FREE_PAUSE
#define FREE_PAUSE
static inline void pause_or_yield(unsigned *tries)
{
    if (++*tries >= 100) sched_yield();
#if defined(__x86_64__) || defined(__i386__)
    else __builtin_ia32_pause();
#endif
}
#endif

#ifndef FREE_STACK
static inline void F(push_all)(F(type) *q, uint64_t *e, size_t n)
{
    unsigned tries = 0;
    for (size_t done = 0, k; done < n; done += k)
        if (!(k = F(push)(q, e + done, n - done))) pause_or_yield(&tries);
}

static void *F(producer)(void *lane)
{
    struct lane *l = (struct lane *)lane;
    F(type) *q = (F(type) *)l->q;
    uint64_t e[MAX_BATCH], i = 1, batch = l->spec->batch;
    start_line(l);
    if (batch <= 1)
        for (; i <= l->n; i++) F(push_all)(q, &i, 1);
    while (i <= l->n) {
        size_t n = 0;
        while (n < batch && i <= l->n) e[n++] = i++;
        F(push_all)(q, e, n);
    }
    return NULL;
}

static void *F(consumer)(void *lane)
{
    struct lane *l = (struct lane *)lane;
    F(type) *q = (F(type) *)l->q;
    uint64_t e[MAX_BATCH], sum = 0, batch = l->spec->batch;
    unsigned tries = 0;
    start_line(l);
    for (uint64_t left = l->n; left;) {
        size_t n = batch <= 1 ? F(pop)(q, e, 1) : F(pop)(q, e, left < batch ? left : batch);
        if (!n) {
            pause_or_yield(&tries);
            continue;
        }
        tries = 0;
        left -= n;
        for (size_t i = 0; i < n; i++) sum += e[i];
    }
    l->sum = sum;
    l->count = l->n;
    l->end = now_ns();
    return NULL;
}

static void F(run)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    uint64_t sum = 0, count = 0;
    F(type) *q = F(new)(s);
    team_init(&team, s, s->c + s->p, q);
    for (unsigned i = 0; i < s->c + s->p; i++) {
        team.lanes[i].n = i < s->c ? share(s->n, s->c, i) : share(s->n, s->p, i - s->c);
        team_start(&team, i, i < s->c ? F(consumer) : F(producer));
    }
    team_go(&team, &m);
    team_join(&team, s->c, s->p);
    meter_stop(&m, team_join(&team, 0, s->c));
    for (unsigned i = 0; i < s->c; i++) {
        sum += team.lanes[i].sum;
        count += team.lanes[i].count;
    }
    F(free)(q);
    report(s, &m, count, s->n, sum, sum_of_shares(s->n, s->p));
}

#else
static void *F(taker)(void *lane)
{
    struct lane *l = (struct lane *)lane;
    unsigned tries = 0;
    start_line(l);
    for (uint64_t i = 0; i < l->n; i++) {
        void *p;
        while (!(p = F(get)())) pause_or_yield(&tries);
        F(put)(p);
    }
    l->count = l->n;
    l->end = now_ns();
    return NULL;
}

static void F(run)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    uint64_t count = 0;
    F(fill)(s->cap);
    team_init(&team, s, s->t, NULL);
    for (unsigned i = 0; i < s->t; i++) {
        team.lanes[i].n = share(s->n, s->t, i);
        team_start(&team, i, F(taker));
    }
    team_go(&team, &m);
    meter_stop(&m, team_join(&team, 0, s->t));
    for (unsigned i = 0; i < s->t; i++) count += team.lanes[i].count;
    report(s, &m, count, s->n, 0, 0);
}
#undef FREE_STACK
#endif

#undef FREE
