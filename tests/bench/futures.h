/* SPDX-License-Identifier: MIT
 *
 * futures.h - values that come once.  Included once for each kind of future, after the program has
 * defined FUTURE (a word) and, with F(name) being FUTURE_name:
 *
 *     F(promise), F(future)                             types of the two ends
 *     F(promise) *F(make)(size_t size, F(future) **)
 *     void F(keep)(F(promise) *, const void *value)     and gives up the promise
 *     void F(await)(F(future) *, void *value)           and gives up the future
 *
 * mode=self: one thread makes a future, keeps it, and takes the value.  mode=cross: two threads
 * write to each other; each letter goes through a future of its own, and brings the promise by
 * which it is answered.  So nothing but futures is waited for.
 */
#define F_PASTE2(a, b) a##_##b
#define F_PASTE(a, b) F_PASTE2(a, b)
#define F(name) F_PASTE(FUTURE, name)

static void F(self)(const struct spec *s)
{
    struct meter m;
    uint64_t sum = 0, count = 0, v;
    meter_start(&m);
    for (uint64_t i = 1; i <= s->n; i++) {
        F(future) *f;
        F(promise) *p = F(make)(sizeof i, &f);
        F(keep)(p, &i);
        F(await)(f, &v);
        sum += v;
        count++;
    }
    meter_stop(&m, now_ns());
    report(s, &m, count, s->n, sum, sum_to(s->n));
}

struct F(letter) {
    uint64_t v;
    F(promise) *reply;
};

/* Sends letters v, v + 2, ..., the first to `to`, and reads the answers, up to letter n. */
static void F(correspond)(struct lane *l, F(promise) *to, uint64_t v)
{
    while (v <= l->spec->n) {
        struct F(letter) mail = { v, NULL };
        F(future) *answer = NULL;
        if (v < l->spec->n) mail.reply = F(make)(sizeof mail, &answer);
        F(keep)(to, &mail);
        if (!answer) return;
        F(await)(answer, &mail);
        l->sum += mail.v;
        l->count++;
        to = mail.reply;
        v = mail.v + 1;
    }
}

static void *F(first)(void *lane)
{
    struct lane *l = lane;
    start_line(l);
    F(correspond)(l, l->q, 1);
    l->end = now_ns();
    return NULL;
}

static void *F(second)(void *lane)
{
    struct lane *l = lane;
    struct F(letter) mail;
    start_line(l);
    F(await)(l->q, &mail);
    l->sum = mail.v;
    l->count = 1;
    F(correspond)(l, mail.reply, mail.v + 1);
    l->end = now_ns();
    return NULL;
}

static void F(cross)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    F(future) *f;
    team_init(&team, s, 2, NULL);
    team.lanes[0].q = F(make)(sizeof(struct F(letter)), &f);
    team.lanes[1].q = f;
    team_start(&team, 0, F(first));
    team_start(&team, 1, F(second));
    team_go(&team, &m);
    meter_stop(&m, team_join(&team, 0, 2));
    report(s, &m, team.lanes[0].count + team.lanes[1].count, s->n,
           team.lanes[0].sum + team.lanes[1].sum, sum_to(s->n));
}

static void F(run)(const struct spec *s)
{
    if (!strcmp(s->mode, "self")) F(self)(s);
    else if (!strcmp(s->mode, "cross")) F(cross)(s);
    else unsupported(s, "no-threads-that-make-calls");
}

#undef FUTURE
