/* SPDX-License-Identifier: MIT
 *
 * locks.h - threads that take turns: each enters, works, and leaves, n times in all.  Included once
 * for each lock, after the program has defined LOCK (a word) and, with L(name) being LOCK_name:
 *
 *     void L(init)(const struct spec *)
 *     void L(enter)(void)
 *     void L(leave)(void)
 *
 * What is counted inside is checked, if only one can be inside.
 */
#define L_PASTE2(a, b) a##_##b
#define L_PASTE(a, b) L_PASTE2(a, b)
#define L(name) L_PASTE(LOCK, name)

static uint64_t L(inside);

static void *L(taker)(void *lane)
{
    struct lane *l = lane;
    bool alone = l->spec->cap <= 1;
    start_line(l);
    for (uint64_t i = 0; i < l->n; i++) {
        L(enter)();
        l->sink = work_steps(l->sink, l->spec->work);
        if (alone) L(inside)++;
        L(leave)();
    }
    l->count = l->n;
    l->end = now_ns();
    return NULL;
}

static void L(run)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    uint64_t count = 0;
    L(init)(s);
    team_init(&team, s, s->t, NULL);
    for (unsigned i = 0; i < s->t; i++) {
        team.lanes[i].n = share(s->n, s->t, i);
        team_start(&team, i, L(taker));
    }
    team_go(&team, &m);
    meter_stop(&m, team_join(&team, 0, s->t));
    for (unsigned i = 0; i < s->t; i++) count += team.lanes[i].count;
    report(s, &m, s->cap <= 1 ? L(inside) : count, s->n, 0, 0);
}

#undef LOCK
