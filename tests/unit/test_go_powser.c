/* SPDX-License-Identifier: MIT
 *
 * What the programs powser1 and powser2 of Go's test/chan check, written anew for threads: power
 * series with rational coefficients.  A series is a thread that computes the next coefficient when
 * it is asked for it; operations are threads that ask others.  One context ends them all.
 */
#include "support.h"

#include <inttypes.h>

/* --- rational numbers --- */

typedef struct rat {
    int64_t num, den; /* in lowest terms, den > 0 */
} rat;

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a < 0 ? -a : a;
}

static rat over(int64_t num, int64_t den)
{
    int64_t g = gcd(num, den);
    if (den < 0)
        g = -g;
    return (rat){ num / g, den / g };
}

static rat add(rat a, rat b)
{
    int64_t g = gcd(a.den, b.den);
    return over(a.num * (b.den / g) + b.num * (a.den / g), a.den / g * b.den);
}

static rat mul(rat a, rat b)
{
    rat x = over(a.num, b.den), y = over(b.num, a.den);
    return (rat){ x.num * y.num, x.den * y.den };
}

static rat negated(rat a)
{
    return (rat){ -a.num, a.den };
}

static rat inverse(rat a)
{
    return over(a.den, a.num);
}

/* --- streams --- */

/* The world of one computation: what ends it, and all that is to be freed afterwards. */
typedef struct world {
    ccp_ctx *ctx;
    ccp_wg threads;
    pthread_mutex_t lock;
    struct piece *all;
} world;

typedef struct stream {
    ccp_chan *ask, *answer; /* both rendezvous: nothing is computed before it is asked for */
} stream;

/* A thread with what it works on, and the streams it gives. */
typedef struct piece {
    struct piece *next;
    world *w;
    stream out[2];
    stream *in[2];
    rat c;
    void (*run)(struct piece *p);
} piece;

static bool asked(piece *p, stream *s)
{
    return ccp_chan_recv(s->ask, NULL, ccp_with(p->w->ctx)) == CCP_OK;
}

static bool answer(piece *p, stream *s, rat v)
{
    return ccp_chan_send(s->answer, &v, ccp_with(p->w->ctx)) == CCP_OK;
}

/* Waits to be asked, then answers. */
static bool put(piece *p, rat v)
{
    return asked(p, &p->out[0]) && answer(p, &p->out[0], v);
}

static bool get(world *w, stream *s, rat *v)
{
    return ccp_chan_send(s->ask, NULL, ccp_with(w->ctx)) == CCP_OK &&
           ccp_chan_recv(s->answer, v, ccp_with(w->ctx)) == CCP_OK;
}

static void run_piece(void *arg)
{
    piece *p = arg;
    p->run(p);
}

static piece *piece_new(world *w, void (*run)(piece *p), stream *a, stream *b)
{
    piece *p = calloc(1, sizeof *p);
    MUST(p);
    *p = (piece){ .w = w, .in = { a, b }, .run = run };
    for (int i = 0; i < 2; i++) {
        p->out[i].ask = ccp_chan_new(0, 0);
        p->out[i].answer = ccp_chan_new(sizeof(rat), 0);
        MUST(p->out[i].ask && p->out[i].answer);
    }
    pthread_mutex_lock(&w->lock);
    p->next = w->all;
    w->all = p;
    pthread_mutex_unlock(&w->lock);
    return p;
}

static void start(piece *p)
{
    MUST(ccp_wg_go(&p->w->threads, run_piece, p) == CCP_OK);
}

static stream *started(world *w, void (*run)(piece *p), stream *a, stream *b)
{
    piece *p = piece_new(w, run, a, b);
    start(p);
    return &p->out[0];
}

/* --- split: one stream becomes two, each read at its own pace --- */

typedef struct backlog {
    rat *v;
    size_t n, room;
} backlog;

static void push(backlog *b, rat v)
{
    if (b->n == b->room) {
        b->room = 2 * b->room + 4;
        b->v = realloc(b->v, b->room * sizeof *b->v);
        MUST(b->v);
    }
    b->v[b->n++] = v;
}

/* Gives v to those who wait for it, and keeps it for the others. */
static bool distribute(piece *p, backlog *late, bool *waits, rat v)
{
    for (int i = 0; i < 2; i++) {
        if (!waits[i])
            push(&late[i], v);
        else if (!answer(p, &p->out[i], v))
            return false;
        waits[i] = false;
    }
    return true;
}

/* While it waits for its source it serves what it has: the source may depend on just that. */
static void run_split(piece *p)
{
    backlog late[2] = { { NULL, 0, 0 }, { NULL, 0, 0 } };
    size_t taken[2] = { 0, 0 }, i;
    bool waits[2] = { false, false }, ok = true;
    rat v;
    while (ok) {
        bool pending = waits[0] || waits[1];
        const ccp_case who[] = { CCP_CASE_RECV(waits[0] ? NULL : p->out[0].ask, NULL),
                                 CCP_CASE_RECV(waits[1] ? NULL : p->out[1].ask, NULL),
                                 CCP_CASE_RECV(pending ? p->in[0]->answer : NULL, &v) };
        if (ccp_select(who, 3, &i, ccp_with(p->w->ctx)) != CCP_OK)
            break;
        if (i == 2) {
            ok = distribute(p, late, waits, v);
        } else if (taken[i] < late[i].n) {
            ok = answer(p, &p->out[i], late[i].v[taken[i]++]);
        } else {
            waits[i] = true;
            ok = pending || ccp_chan_send(p->in[0]->ask, NULL, ccp_with(p->w->ctx)) == CCP_OK;
        }
    }
    free(late[0].v);
    free(late[1].v);
}

static piece *split(world *w, stream *s)
{
    piece *p = piece_new(w, run_split, s, NULL);
    start(p);
    return p;
}

/* --- series --- */

static void run_constant(piece *p) /* c + c x + c x^2 + ... */
{
    while (put(p, p->c))
        continue;
}

static stream *constant(world *w, rat c)
{
    piece *p = piece_new(w, run_constant, NULL, NULL);
    p->c = c;
    start(p);
    return &p->out[0];
}

static void forward(piece *p, stream *s)
{
    rat v;
    while (asked(p, &p->out[0]) && get(p->w, s, &v) && answer(p, &p->out[0], v))
        continue;
}

static void run_add(piece *p)
{
    rat a, b;
    while (asked(p, &p->out[0]) && get(p->w, p->in[0], &a) && get(p->w, p->in[1], &b) &&
           answer(p, &p->out[0], add(a, b)))
        continue;
}

static void run_scale(piece *p) /* c F */
{
    rat v;
    while (asked(p, &p->out[0]) && get(p->w, p->in[0], &v) &&
           answer(p, &p->out[0], mul(p->c, v)))
        continue;
}

static stream *scale(world *w, rat c, stream *s)
{
    piece *p = piece_new(w, run_scale, s, NULL);
    p->c = c;
    start(p);
    return &p->out[0];
}

static void run_shift(piece *p) /* c + x F */
{
    if (put(p, p->c))
        forward(p, p->in[0]);
}

static stream *shift(world *w, rat c, stream *s)
{
    piece *p = piece_new(w, run_shift, s, NULL);
    p->c = c;
    start(p);
    return &p->out[0];
}

static void run_derive(piece *p)
{
    rat v;
    if (!asked(p, &p->out[0]) || !get(p->w, p->in[0], &v))
        return;
    for (int64_t n = 1; get(p->w, p->in[0], &v); n++)
        if (!answer(p, &p->out[0], mul(over(n, 1), v)) || !asked(p, &p->out[0]))
            return;
}

static void run_integrate(piece *p) /* c + the integral from 0 */
{
    rat v;
    if (!put(p, p->c))
        return;
    for (int64_t n = 1; asked(p, &p->out[0]) && get(p->w, p->in[0], &v); n++)
        if (!answer(p, &p->out[0], mul(over(1, n), v)))
            return;
}

/* (f + x F)(g + x G) = f g + x (f G + g F + x F G) */
static void run_multiply(piece *p)
{
    world *w = p->w;
    rat f, g;
    if (!asked(p, &p->out[0]) || !get(w, p->in[0], &f) || !get(w, p->in[1], &g) ||
        !answer(p, &p->out[0], mul(f, g)) || !asked(p, &p->out[0]))
        return;
    piece *ff = split(w, p->in[0]), *gg = split(w, p->in[1]);
    stream *fg = started(w, run_add, scale(w, f, &gg->out[0]), scale(w, g, &ff->out[0]));
    stream *rest = started(w, run_multiply, &ff->out[1], &gg->out[1]);
    stream *sum = started(w, run_add, fg, shift(w, over(0, 1), rest));
    rat v;
    while (get(w, sum, &v) && answer(p, &p->out[0], v) && asked(p, &p->out[0]))
        continue;
}

/* Z = 1 / (f + x F) = (1 - x F Z) / f: the series is made of itself. */
static void run_reciprocal(piece *p)
{
    rat f, v;
    if (!asked(p, &p->out[0]) || !get(p->w, p->in[0], &f) ||
        !answer(p, &p->out[0], inverse(f)) || !asked(p, &p->out[0]))
        return;
    piece *own = piece_new(p->w, run_split, NULL, NULL);
    stream *rest = scale(p->w, negated(inverse(f)),
                         started(p->w, run_multiply, p->in[0], &own->out[0]));
    own->in[0] = shift(p->w, inverse(f), rest);
    start(own);
    if (!get(p->w, &own->out[1], &v)) /* 1/f, which was given */
        return;
    while (get(p->w, &own->out[1], &v) && answer(p, &p->out[0], v) && asked(p, &p->out[0]))
        continue;
}

static stream *integrate(world *w, rat c, stream *s)
{
    piece *p = piece_new(w, run_integrate, s, NULL);
    p->c = c;
    start(p);
    return &p->out[0];
}

/* Z = exp(F), F(0) = 0: Z' = F' Z, Z(0) = 1. */
static stream *exponential(world *w, stream *s)
{
    piece *own = piece_new(w, run_split, NULL, NULL);
    stream *derived = started(w, run_derive, s, NULL);
    own->in[0] =
        integrate(w, over(1, 1), started(w, run_multiply, derived, &own->out[0]));
    start(own);
    return &own->out[1];
}

/* Z = tan x: Z' = 1 + Z^2, Z(0) = 0. */
static stream *tangent(world *w)
{
    piece *own = piece_new(w, run_split, NULL, NULL), *both = split(w, &own->out[0]);
    stream *square = started(w, run_multiply, &both->out[0], &both->out[1]);
    piece *one = piece_new(w, run_shift, constant(w, over(0, 1)), NULL);
    one->c = over(1, 1);
    start(one);
    own->in[0] = integrate(w, over(0, 1), started(w, run_add, &one->out[0], square));
    start(own);
    return &own->out[1];
}

/* --- checks --- */

static void open_world(world *w)
{
    memset(w, 0, sizeof *w);
    w->ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    pthread_mutex_init(&w->lock, NULL);
}

static void close_world(world *w)
{
    ccp_ctx_cancel(w->ctx);
    ASSERT_STATUS(ccp_wg_wait(&w->threads, CCP_FOREVER), CCP_OK);
    for (piece *p = w->all, *next; p; p = next) {
        next = p->next;
        for (int i = 0; i < 2; i++) {
            ASSERT_STATUS(ccp_chan_free(p->out[i].ask), CCP_OK);
            ASSERT_STATUS(ccp_chan_free(p->out[i].answer), CCP_OK);
        }
        free(p);
    }
    pthread_mutex_destroy(&w->lock);
    ASSERT_STATUS(ccp_ctx_free(w->ctx), CCP_OK);
}

static void check(world *w, stream *s, const rat *expected, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rat v = { 0, 0 };
        assert_true(get(w, s, &v));
        if (v.num != expected[i].num || v.den != expected[i].den)
            fail_msg("coefficient %zu is %" PRId64 "/%" PRId64, i, v.num, v.den);
    }
    close_world(w);
}
#define CHECK(w, s, ...)                                                                       \
    do {                                                                                       \
        static const rat expected_[] = { __VA_ARGS__ };                                        \
        check((w), (s), expected_, LENGTH(expected_));                                         \
    } while (0)

static stream *ones(world *w)
{
    return constant(w, over(1, 1));
}

TEST(series_are_added_and_scaled)
{
    world w;
    open_world(&w);
    CHECK(&w, started(&w, run_add, ones(&w), scale(&w, over(2, 3), ones(&w))), { 5, 3 },
          { 5, 3 }, { 5, 3 }, { 5, 3 });
}

TEST(the_derivative_of_ones_counts)
{
    world w;
    open_world(&w);
    CHECK(&w, started(&w, run_derive, ones(&w), NULL), { 1, 1 }, { 2, 1 }, { 3, 1 }, { 4, 1 },
          { 5, 1 }, { 6, 1 }, { 7, 1 });
}

TEST(the_integral_of_ones_is_harmonic)
{
    world w;
    open_world(&w);
    CHECK(&w, integrate(&w, over(0, 1), ones(&w)), { 0, 1 }, { 1, 1 }, { 1, 2 }, { 1, 3 },
          { 1, 4 }, { 1, 5 }, { 1, 6 });
}

TEST(the_square_of_ones_counts)
{
    world w;
    open_world(&w);
    CHECK(&w, started(&w, run_multiply, ones(&w), ones(&w)), { 1, 1 }, { 2, 1 }, { 3, 1 },
          { 4, 1 }, { 5, 1 }, { 6, 1 }, { 7, 1 }, { 8, 1 });
}

TEST(the_reciprocal_of_ones_is_one_minus_x)
{
    world w;
    open_world(&w);
    CHECK(&w, started(&w, run_reciprocal, ones(&w), NULL), { 1, 1 }, { -1, 1 }, { 0, 1 },
          { 0, 1 }, { 0, 1 }, { 0, 1 });
}

TEST(the_exponential_of_x)
{
    world w;
    open_world(&w);
    stream *x = shift(&w, over(0, 1), shift(&w, over(1, 1), constant(&w, over(0, 1))));
    CHECK(&w, exponential(&w, x), { 1, 1 }, { 1, 1 }, { 1, 2 }, { 1, 6 }, { 1, 24 }, { 1, 120 },
          { 1, 720 });
}

TEST(the_tangent_of_x)
{
    world w;
    open_world(&w);
    CHECK(&w, tangent(&w), { 0, 1 }, { 1, 1 }, { 0, 1 }, { 1, 3 }, { 0, 1 }, { 2, 15 }, { 0, 1 },
          { 17, 315 }, { 0, 1 }, { 62, 2835 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(series_are_added_and_scaled),
        ENTRY(the_derivative_of_ones_counts),
        ENTRY(the_integral_of_ones_is_harmonic),
        ENTRY(the_square_of_ones_counts),
        ENTRY(the_reciprocal_of_ones_is_one_minus_x),
        ENTRY(the_exponential_of_x),
        ENTRY(the_tangent_of_x),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
