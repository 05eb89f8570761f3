/* SPDX-License-Identifier: MIT
 *
 * steal.h - what is done without locks, in three shapes: threads that count, threads that read what
 * another one changes, and an owner with thieves.  Included once for each peer, after the program
 * has defined SHAPE (a word) and, with H(name) being SHAPE_name:
 *
 *     void H(add)(void)                      counts one
 *     uint64_t H(sum)(void)
 *     void H(read)(uint64_t *d)              copies the four words
 *     void H(write)(const uint64_t *d)
 *     void H(make)(size_t cap)               the deque
 *     bool H(push)(void *p)                  false: it is full
 *     bool H(pop)(void **p)                  false: it is empty
 *     bool H(steal)(void **p)                false: it is empty, or another thread was faster
 *
 * kind=count    t threads count to n together; mode=cas: by a loop of compare-and-swap
 * kind=reads    t threads read n times together; p=2: beside one that writes and works in turn
 * kind=steals   n items: p=1: the owner pushes and pops them, 64 at a time; p=2: it pushes them as
 *               fast as t thieves take them
 */
#include <stdatomic.h>
#include <sched.h>
#include <string.h>

#define H_PASTE2(a, b) a##_##b
#define H_PASTE(a, b) H_PASTE2(a, b)
#define H(name) H_PASTE(SHAPE, name)

static atomic_bool H(over);

static void *H(counting)(void *lane)
{
    struct lane *l = lane;
    start_line(l);
    for (uint64_t i = 0; i < l->n; i++) {
        l->sink = work_steps(l->sink, l->spec->work);
        H(add)();
    }
    l->end = now_ns();
    return NULL;
}

static void *H(reading)(void *lane)
{
    struct lane *l = lane;
    uint64_t d[4], bad = 0;
    start_line(l);
    for (uint64_t i = 0; i < l->n; i++) {
        H(read)(d);
        bad += d[0] != d[1] || d[0] != d[2] || d[0] != d[3];
    }
    l->count = l->n - bad;
    l->end = now_ns();
    return NULL;
}

static void *H(writing)(void *lane)
{
    struct lane *l = lane;
    start_line(l);
    for (uint64_t k = 1; !atomic_load_explicit(&H(over), memory_order_relaxed); k++) {
        const uint64_t d[4] = { k, k, k, k };
        H(write)(d);
        l->sink = work_steps(l->sink, l->spec->work);
    }
    return NULL;
}

static void *H(stealing)(void *lane)
{
    struct lane *l = lane;
    void *p;
    start_line(l);
    for (;;) {
        bool last = atomic_load(&H(over));
        while (H(steal)(&p)) l->count++, l->sum += (uintptr_t)p;
        if (last) break;
    }
    l->end = now_ns();
    return NULL;
}

static void *H(owning)(void *lane)
{
    struct lane *l = lane;
    void *p;
    start_line(l);
    for (uint64_t i = 1; i <= l->spec->n; i++) {
        while (!H(push)((void *)(uintptr_t)i)) sched_yield();
        if (l->spec->p == 1 && i % 64 == 0)
            while (H(pop)(&p)) l->count++, l->sum += (uintptr_t)p;
    }
    while (H(pop)(&p)) l->count++, l->sum += (uintptr_t)p;
    atomic_store(&H(over), true);
    l->end = now_ns();
    return NULL;
}

/* t threads of one kind, and perhaps one of the other. */
static void H(team)(const struct spec *s, void *(*many)(void *), void *(*one)(void *))
{
    static struct team team;
    struct meter m;
    uint64_t count = 0, sum = 0;
    unsigned t = many ? s->t : 0, n = t + (one != NULL);
    team_init(&team, s, n, NULL);
    for (unsigned i = 0; i < t; i++) {
        team.lanes[i].n = share(s->n, t, i);
        team_start(&team, i, many);
    }
    if (one) team_start(&team, t, one);
    team_go(&team, &m);
    int64_t end = t ? team_join(&team, 0, t) : 0;
    if (many == H(reading)) atomic_store(&H(over), true);
    if (one) {
        int64_t last = team_join(&team, t, 1);
        if (!t) end = last;
    }
    meter_stop(&m, end);
    for (unsigned i = 0; i < n; i++) {
        count += team.lanes[i].count;
        sum += team.lanes[i].sum;
    }
    if (many == H(counting)) count = H(sum)();
    report(s, &m, count, s->n, sum, many == H(counting) || many == H(reading) ? 0 : sum_to(s->n));
}

static void H(run)(const struct spec *s)
{
    bool more = s->p > 1;
    if (!strcmp(s->kind, "count")) H(team)(s, H(counting), NULL);
    else if (!strcmp(s->kind, "reads")) H(team)(s, H(reading), more ? H(writing) : NULL);
    else {
        H(make)(s->cap);
        H(team)(s, more ? H(stealing) : NULL, H(owning));
    }
}

#undef SHAPE
