/* SPDX-License-Identifier: MIT
 *
 * barriers.h - t threads that meet n times.  Included once for each barrier, after the program has
 * defined BARRIER (a word) and, with B(name) being BARRIER_name:
 *
 *     void B(init)(const struct spec *)
 *     bool B(meet)(unsigned i)            thread i: true in one of the threads, each time
 *
 * Both are counted: who has passed, and who was told to be the one.
 */
#define B_PASTE2(a, b) a##_##b
#define B_PASTE(a, b) B_PASTE2(a, b)
#define B(name) B_PASTE(BARRIER, name)

static void *B(party)(void *lane)
{
    struct lane *l = lane;
    uint64_t led = 0, passed = 0;
    unsigned me = (unsigned)l->n;
    start_line(l);
    for (; passed < l->spec->n; passed++) led += B(meet)(me);
    l->count = led;
    l->sum = passed;
    l->end = now_ns();
    return NULL;
}

static void B(run)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    uint64_t led = 0, passed = 0;
    B(init)(s);
    team_init(&team, s, s->t, NULL);
    for (unsigned i = 0; i < s->t; i++) {
        team.lanes[i].n = i;
        team_start(&team, i, B(party));
    }
    team_go(&team, &m);
    meter_stop(&m, team_join(&team, 0, s->t));
    for (unsigned i = 0; i < s->t; i++) {
        led += team.lanes[i].count;
        passed += team.lanes[i].sum;
    }
    report(s, &m, led, s->n, passed, s->n * s->t);
}

#undef BARRIER
