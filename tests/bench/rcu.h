/* SPDX-License-Identifier: MIT
 *
 * rcu.h - what is read by many and replaced now and then.  Included once for each peer, after the
 * program has defined SHAPE (a word) and, with H(name) being SHAPE_name:
 *
 *     void H(make)(uint64_t v)     the pair (v, v) is what can be read
 *     void H(come)(void)           the thread is going to call what follows
 *     void H(go)(void)             and will not any more
 *     void H(enter)(void)          begins to read
 *     const uint64_t *H(get)(void) the pair
 *     void H(leave)(void)
 *     void H(on)(void)             it reads on, and holds on to nothing
 *     void H(change)(uint64_t v)   puts (v, v) in the place of the pair; does not wait
 *     void H(wait)(void)           until nobody reads any more what was replaced before
 *
 * mode=read     t threads read n times together, in a section each
 * mode=reader   the same; libccp by what each thread keeps (ccp_rcu_reader), where others do, too
 * mode=on       as read, in one section, going on every 64 reads
 * mode=sync     one thread waits n times, beside t that read all the time
 * mode=mix      as read, and every k-th time they change
 */
#include <stdatomic.h>
#include <string.h>

#define H_PASTE2(a, b) a##_##b
#define H_PASTE(a, b) H_PASTE2(a, b)
#define H(name) H_PASTE(SHAPE, name)

static atomic_bool H(over);

static inline uint64_t H(differs)(void)
{
    const uint64_t *p = H(get)();
    return p[0] ^ p[1];
}

static void *H(reading)(void *lane)
{
    struct lane *l = lane;
    uint64_t bad = 0;
    H(come)();
    start_line(l);
    for (uint64_t i = 0; i < l->n; i++) {
        H(enter)();
        bad |= H(differs)();
        H(leave)();
    }
    l->end = now_ns();
    l->count = bad ? 0 : l->n;
    H(go)();
    return NULL;
}

static void *H(reading_on)(void *lane)
{
    struct lane *l = lane;
    uint64_t bad = 0;
    H(come)();
    start_line(l);
    H(enter)();
    for (uint64_t i = 1; i <= l->n; i++) {
        bad |= H(differs)();
        if (i % 64 == 0) H(on)();
    }
    H(leave)();
    l->end = now_ns();
    l->count = bad ? 0 : l->n;
    H(go)();
    return NULL;
}

static void *H(mixing)(void *lane)
{
    struct lane *l = lane;
    uint64_t bad = 0;
    H(come)();
    start_line(l);
    for (uint64_t i = 1; i <= l->n; i++) {
        if (i % l->spec->k == 0) {
            H(change)(i);
            continue;
        }
        H(enter)();
        bad |= H(differs)();
        H(leave)();
    }
    l->end = now_ns();
    l->count = bad ? 0 : l->n;
    H(go)();
    return NULL;
}

static void *H(reading_all_the_time)(void *lane)
{
    struct lane *l = lane;
    H(come)();
    start_line(l);
    while (!atomic_load_explicit(&H(over), memory_order_relaxed)) {
        H(enter)();
        l->sink |= H(differs)();
        H(leave)();
    }
    H(go)();
    return NULL;
}

static void *H(waiting)(void *lane)
{
    struct lane *l = lane;
    start_line(l);
    for (uint64_t i = 0; i < l->n; i++) H(wait)();
    l->end = now_ns();
    l->count = l->n;
    atomic_store(&H(over), true);
    return NULL;
}

static void H(run)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    uint64_t count = 0;
    bool waits = !strcmp(s->mode, "sync");
    unsigned t = s->t, n = t + waits;
    H(make)(0);
    team_init(&team, s, n, NULL);
    for (unsigned i = 0; i < t; i++) {
        team.lanes[i].n = share(s->n, t, i);
        team_start(&team, i, waits                        ? H(reading_all_the_time)
                             : !strcmp(s->mode, "on")     ? H(reading_on)
                             : !strcmp(s->mode, "mix")    ? H(mixing)
                                                          : H(reading));
    }
    if (waits) {
        team.lanes[t].n = s->n;
        team_start(&team, t, H(waiting));
    }
    team_go(&team, &m);
    int64_t end = waits ? team_join(&team, t, 1) : team_join(&team, 0, t);
    if (waits) (void)team_join(&team, 0, t);
    meter_stop(&m, end);
    for (unsigned i = 0; i < n; i++) count += team.lanes[i].count;
    report(s, &m, count, s->n, 0, 0);
}

#undef SHAPE
