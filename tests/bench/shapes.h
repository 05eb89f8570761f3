/* SPDX-License-Identifier: MIT
 *
 * shapes.h - the shapes of work that every C queue is put through.  Included once for each peer,
 * after it has defined PEER (a word) and, with Q(name) being PEER_name:
 *
 *     Q(type)                                          a queue
 *     Q(type) *Q(new)(const struct spec *, size_t cap)
 *     void Q(free)(Q(type) *)
 *     void Q(send)(Q(type) *, const void *elem)
 *     bool Q(recv)(Q(type) *, void *elem)              false: closed and drained
 *     void Q(close)(Q(type) *, unsigned receivers)     after the last send
 *     Q_BATCH: also Q(send_n) and Q(recv_n)            or nothing: elements go one by one
 *
 * The calls are direct and can be inlined: no peer pays for the generality.
 */
#define Q_PASTE2(a, b) a##_##b
#define Q_PASTE(a, b) Q_PASTE2(a, b)
#define Q(name) Q_PASTE(PEER, name)

/* ---- p senders, c receivers ---- */

static void Q(send_words)(struct lane *l)
{
    for (uint64_t i = 1; i <= l->n; i++) Q(send)(l->q, &i);
}

/* Elements of any size, with work before each: the value stands in the first and last word. */
static void Q(send_any)(struct lane *l)
{
    uint64_t e[MAX_ELEM / 8] = { 0 };
    size_t last = l->spec->size / 8 - 1;
    for (uint64_t i = 1; i <= l->n; i++) {
        l->sink = work_steps(l->sink, l->spec->work);
        e[0] = e[last] = i;
        Q(send)(l->q, e);
    }
}

static void Q(recv_words)(struct lane *l)
{
    uint64_t v, sum = 0, count = 0;
    while (Q(recv)(l->q, &v)) {
        sum += v;
        count++;
    }
    l->sum = sum;
    l->count = count;
}

static void Q(recv_any)(struct lane *l)
{
    uint64_t e[MAX_ELEM / 8], sum = 0, count = 0;
    size_t last = l->spec->size / 8 - 1;
    while (Q(recv)(l->q, e)) {
        l->sink = work_steps(l->sink, l->spec->work);
        sum += e[0] == e[last] ? e[0] : ~e[0];
        count++;
    }
    l->sum = sum;
    l->count = count;
}

#ifdef Q_BATCH
static void Q(send_batches)(struct lane *l)
{
    uint64_t e[MAX_BATCH], i = 1;
    while (i <= l->n) {
        size_t n = 0;
        while (n < l->spec->batch && i <= l->n) e[n++] = i++;
        Q(send_n)(l->q, e, n);
    }
}

static void Q(recv_batches)(struct lane *l)
{
    uint64_t e[MAX_BATCH];
    size_t n;
    while ((n = Q(recv_n)(l->q, e, l->spec->batch))) {
        l->count += n;
        for (size_t i = 0; i < n; i++) l->sum += e[i];
    }
}
#endif

static void *Q(sender)(void *lane)
{
    struct lane *l = lane;
    start_line(l);
#ifdef Q_BATCH
    if (l->spec->batch > 1) {
        Q(send_batches)(l);
        return NULL;
    }
#endif
    if (l->spec->size > 8 || l->spec->work) Q(send_any)(l);
    else Q(send_words)(l);
    return NULL;
}

static void *Q(receiver)(void *lane)
{
    struct lane *l = lane;
    start_line(l);
#ifdef Q_BATCH
    if (l->spec->batch > 1) Q(recv_batches)(l);
    else
#endif
        if (l->spec->size > 8 || l->spec->work) Q(recv_any)(l);
    else Q(recv_words)(l);
    l->end = now_ns();
    return NULL;
}

static void Q(run_tp)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    uint64_t sum = 0, count = 0;
    Q(type) *q = Q(new)(s, s->cap);
    team_init(&team, s, s->c + s->p, q);
    for (unsigned i = 0; i < s->c; i++) team_start(&team, i, Q(receiver));
    for (unsigned i = 0; i < s->p; i++) {
        team.lanes[s->c + i].n = share(s->n, s->p, i);
        team_start(&team, s->c + i, Q(sender));
    }
    team_go(&team, &m);
    team_join(&team, s->c, s->p);
    Q(close)(q, s->c);
    meter_stop(&m, team_join(&team, 0, s->c));
    for (unsigned i = 0; i < s->c; i++) {
        sum += team.lanes[i].sum;
        count += team.lanes[i].count;
    }
    Q(free)(q);
    report(s, &m, count, s->n, sum, sum_of_shares(s->n, s->p));
}

/* ---- one thread sends and receives ---- */

static void Q(run_pair)(const struct spec *s)
{
    struct meter m;
    uint64_t sum = 0, count = 0, v = 0;
    Q(type) *q = Q(new)(s, s->cap);
    meter_start(&m);
    for (uint64_t i = 1; i <= s->n; i++) {
        Q(send)(q, &i);
        count += Q(recv)(q, &v);
        sum += v;
    }
    meter_stop(&m, now_ns());
    Q(free)(q);
    report(s, &m, count, s->n, sum, sum_to(s->n));
}

/* ---- there and back ---- */

struct Q(two) {
    Q(type) *there, *back;
};

static void *Q(echo)(void *lane)
{
    struct lane *l = lane;
    struct Q(two) *two = l->q;
    uint64_t v;
    start_line(l);
    while (Q(recv)(two->there, &v)) Q(send)(two->back, &v);
    return NULL;
}

static void Q(run_pp)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    uint64_t sum = 0, count = 0, v = 0;
    struct Q(two) two = { Q(new)(s, s->cap), Q(new)(s, s->cap) };
    team_init(&team, s, 1, &two);
    team_start(&team, 0, Q(echo));
    team_go(&team, &m);
    for (uint64_t i = 1; i <= s->n; i++) {
        Q(send)(two.there, &i);
        count += Q(recv)(two.back, &v);
        sum += v;
    }
    meter_stop(&m, now_ns());
    Q(close)(two.there, 1);
    team_join(&team, 0, 1);
    Q(free)(two.there);
    Q(free)(two.back);
    report(s, &m, count, s->n, sum, sum_to(s->n));
}

/* ---- k threads in a row, k - 1 queues between them; each but the first and last adds 1 ---- */

static void *Q(inner_stage)(void *lane)
{
    struct lane *l = lane;
    Q(type) **q = l->q;
    uint64_t v;
    start_line(l);
    while (Q(recv)(q[0], &v)) {
        v++;
        Q(send)(q[1], &v);
    }
    Q(close)(q[1], 1);
    return NULL;
}

static void *Q(source)(void *lane)
{
    struct lane *l = lane;
    Q(type) **q = l->q;
    start_line(l);
    for (uint64_t i = 1; i <= l->n; i++) Q(send)(q[0], &i);
    Q(close)(q[0], 1);
    return NULL;
}

static void *Q(last_stage)(void *lane)
{
    struct lane *l = lane;
    l->q = *(Q(type) **)l->q;
    return Q(receiver)(l);
}

static void Q(run_pipe)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    Q(type) *q[MAX_THREADS];
    if (s->k < 2) die("a pipeline has at least two stages");
    for (unsigned i = 0; i + 1 < s->k; i++) q[i] = Q(new)(s, s->cap);
    team_init(&team, s, s->k, NULL);
    team.lanes[0].n = s->n;
    for (unsigned i = 0; i < s->k; i++) {
        team.lanes[i].q = &q[i ? i - 1 : 0];
        team_start(&team, i, i == 0 ? Q(source) : i + 1 == s->k ? Q(last_stage) : Q(inner_stage));
    }
    team_go(&team, &m);
    meter_stop(&m, team_join(&team, 0, s->k));
    for (unsigned i = 0; i + 1 < s->k; i++) Q(free)(q[i]);
    const struct lane *end = &team.lanes[s->k - 1];
    report(s, &m, end->count, s->n, end->sum, sum_to(s->n) + s->n * (s->k - 2));
}

/* ---- the primes below limit, one thread and one queue for each ---- */

struct Q(filter) {
    const struct spec *s;
    Q(type) *in, *out;
    uint64_t prime;
    pthread_t thread;
};

static void *Q(sieve_source)(void *filter)
{
    struct Q(filter) *f = filter;
    for (uint64_t i = 2; i < f->s->limit; i++) Q(send)(f->out, &i);
    Q(close)(f->out, 1);
    return NULL;
}

static void *Q(sieve_filter)(void *filter)
{
    struct Q(filter) *f = filter;
    uint64_t v;
    while (Q(recv)(f->in, &v))
        if (v % f->prime) Q(send)(f->out, &v);
    Q(close)(f->out, 1);
    return NULL;
}

static uint64_t Q(sieve_once)(const struct spec *s, uint64_t *found)
{
    static struct Q(filter) filters[MAX_THREADS];
    uint64_t sum = 0, prime = 0;
    unsigned n = 0;
    for (;;) {
        struct Q(filter) *f = &filters[n];
        *f = (struct Q(filter)){ s, n ? filters[n - 1].out : NULL, Q(new)(s, s->cap), prime, 0 };
        if (pthread_create(&f->thread, NULL, n ? Q(sieve_filter) : Q(sieve_source), f))
            die("cannot start a thread");
        n++;
        if (!Q(recv)(f->out, &prime)) break;
        sum += prime;
        (*found)++;
        if (n == MAX_THREADS) die("the sieve has too many primes");
    }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(filters[i].thread, NULL);
        Q(free)(filters[i].out);
    }
    return sum;
}

static void Q(run_sieve)(const struct spec *s)
{
    struct meter m;
    uint64_t sum = 0, found = 0, want = 0, primes = 0;
    meter_start(&m);
    for (uint64_t i = 0; i < s->n; i++) sum += Q(sieve_once)(s, &found);
    meter_stop(&m, now_ns());
    for (uint64_t i = 2, d; i < s->limit; i++) {
        for (d = 2; d < i && i % d; d++) {}
        want += d == i ? i : 0;
        primes += d == i;
    }
    report(s, &m, found, primes * s->n, sum, want * s->n);
}

/* ---- how long a thread that sleeps takes to answer; what threads that sleep cost ---- */

static void *Q(sleeper)(void *lane)
{
    struct lane *l = lane;
    struct Q(two) *two = l->q;
    uint64_t v;
    start_line(l);
    while (Q(recv)(two->there, &v)) {
        v = (uint64_t)now_ns();
        Q(send)(two->back, &v);
    }
    return NULL;
}

static void Q(run_wake)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    struct Q(two) two = { Q(new)(s, s->cap), Q(new)(s, s->cap) };
    int64_t *late = must_alloc(s->n * sizeof *late);
    uint64_t v = 1, count = 0;
    team_init(&team, s, 1, &two);
    team_start(&team, 0, Q(sleeper));
    team_go(&team, &m);
    for (uint64_t i = 0; i < s->n; i++) {
        sleep_us(500); /* the state to be measured: the other thread has slept for a while */
        int64_t t = now_ns();
        Q(send)(two.there, &v);
        count += Q(recv)(two.back, &v);
        late[i] = (int64_t)v - t;
    }
    meter_stop(&m, now_ns());
    Q(close)(two.there, 1);
    team_join(&team, 0, 1);
    Q(free)(two.there);
    Q(free)(two.back);
    sort_ns(late, s->n);
    report_also("p50", (double)late[s->n / 2]);
    report_also("p99", (double)late[s->n * 99 / 100]);
    free(late);
    report(s, &m, count, s->n, 0, 0);
}

static void *Q(idler)(void *lane)
{
    struct lane *l = lane;
    uint64_t v;
    start_line(l);
    while (Q(recv)(l->q, &v)) l->count++;
    return NULL;
}

static void Q(run_idle)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    Q(type) *q = Q(new)(s, s->cap);
    uint64_t count = 0;
    team_init(&team, s, s->t, q);
    for (unsigned i = 0; i < s->t; i++) team_start(&team, i, Q(idler));
    team_go(&team, &m);
    sleep_us(100000); /* to the state to be measured */
    meter_start(&m);
    sleep_us(s->ms * 1000);
    meter_stop(&m, now_ns());
    Q(close)(q, s->t);
    team_join(&team, 0, s->t);
    for (unsigned i = 0; i < s->t; i++) count += team.lanes[i].count;
    Q(free)(q);
    report(s, &m, count, 0, 0, 0);
}

/* ---- for a given time: who gets how much, and who waits how long ---- */

static void *Q(fair_sender)(void *lane)
{
    struct lane *l = lane;
    start_line(l);
    for (int64_t t = now_ns(); !fair_is_over();) {
        uint64_t v = 1;
        Q(send)(l->q, &v);
        t = fair_note(l, t);
    }
    return NULL;
}

static void *Q(fair_receiver)(void *lane)
{
    struct lane *l = lane;
    uint64_t v;
    start_line(l);
    for (int64_t t = now_ns(); Q(recv)(l->q, &v); t = fair_note(l, t)) l->sum += v;
    l->end = now_ns();
    return NULL;
}

static void Q(run_fair)(const struct spec *s)
{
    static struct team team;
    struct meter m;
    Q(type) *q = Q(new)(s, s->cap);
    team_init(&team, s, s->c + s->p, q);
    for (unsigned i = 0; i < s->c; i++) team_start(&team, i, Q(fair_receiver));
    for (unsigned i = 0; i < s->p; i++) team_start(&team, s->c + i, Q(fair_sender));
    team_go(&team, &m);
    fair_run(s);
    team_join(&team, s->c, s->p);
    Q(close)(q, s->c);
    meter_stop(&m, team_join(&team, 0, s->c));
    Q(free)(q);
    fair_report(s, &m, &team);
}

/* ---- */

static void Q(run)(const struct spec *s)
{
    static const struct {
        const char *kind;
        void (*run)(const struct spec *s);
    } kinds[] = { { "tp", Q(run_tp) },       { "pair", Q(run_pair) },   { "pp", Q(run_pp) },
                  { "pipe", Q(run_pipe) },   { "sieve", Q(run_sieve) }, { "wake", Q(run_wake) },
                  { "idle", Q(run_idle) },   { "fair", Q(run_fair) } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(s->kind, kinds[i].kind)) continue;
        kinds[i].run(s);
        return;
    }
    unsupported(s, "no-such-kind-of-work-for-this-peer");
}

