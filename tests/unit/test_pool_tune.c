/* SPDX-License-Identifier: MIT
 *
 * How many workers a tuned pool has: the controller of flow/pool_tune.h with pools that are played
 * on a virtual clock, without threads.  A step is 0.1 ms, a look 10 ms.
 */
#include "support.h"

#include "flow/pool_tune.h"

#define STEP CCP_US(100)
#define LOOK CCP_MS(10)
enum { MOST = 64 };

/* What tasks do, and how they come. */
typedef struct load {
    int64_t cpu, io;    /* ns of a task: it computes, then waits */
    bool random;        /* they are means, of times between nothing and twice as much */
    unsigned backend;   /* so many at once may wait; the others wait for that; 0: all */
    unsigned together;  /* tasks end only when so many have begun, and then at once; 0: not so */
    unsigned parked;    /* so many, the first ones, never end */
    int64_t every;      /* ns between bursts; 0: tasks always wait */
    unsigned burst;     /* tasks */
    uint32_t foreign;   /* threads of others that compute */
} load;

typedef enum doing { GONE, FREE, COMPUTES, WAITS_FOR_BACKEND, WAITS, PARKED } doing;

typedef struct worker {
    doing does;
    int64_t left;  /* ns of what it does */
    int64_t spent; /* since the last look */
} worker;

typedef struct world {
    load l;
    uint32_t cpus; /* thousandths */
    int64_t now;
    uint64_t seed;
    unsigned live, at_backend, begun_together;
    uint64_t accepted, taken, finished;
    int64_t spent;
    worker w[MOST];
    ccpi_tuner t;
    /* for the tests */
    unsigned looks, changes, turns; /* of size; from up to down or back */
    int way;
    unsigned lowest, highest;
    double sum; /* of sizes */
} world;

static int64_t some(world *o, int64_t mean)
{
    return o->l.random ? (int64_t)(random_next(&o->seed) % (2 * (uint64_t)mean + 1)) : mean;
}

static unsigned waiting(const world *o)
{
    return o->l.every ? (unsigned)(o->accepted - o->taken) : 1000;
}

static void arrive(world *o)
{
    if (o->l.every && o->now % o->l.every == 0)
        o->accepted += o->l.burst;
}

static void finish(world *o, worker *w)
{
    o->finished++;
    w->does = FREE;
}

static void begin_io(world *o, worker *w)
{
    if (o->l.together) {
        w->does = WAITS_FOR_BACKEND;
        if (++o->begun_together % o->l.together)
            return;
        for (unsigned i = 0; i < MOST; i++)
            if (o->w[i].does == WAITS_FOR_BACKEND)
                finish(o, &o->w[i]);
    } else if (o->l.io == 0) {
        finish(o, w);
    } else {
        bool room = !o->l.backend || o->at_backend < o->l.backend;
        w->does = room ? WAITS : WAITS_FOR_BACKEND;
        w->left = some(o, o->l.io);
        o->at_backend += room;
    }
}

static void end_io(world *o, worker *w)
{
    finish(o, w);
    o->at_backend--;
    for (unsigned i = 0; i < MOST; i++)
        if (o->w[i].does == WAITS_FOR_BACKEND && o->at_backend < o->l.backend) {
            o->w[i].does = WAITS;
            o->at_backend++;
        }
}

/* Workers that are missing come, and those too many go, if they are free. */
static void man(world *o)
{
    for (unsigned i = 0; i < MOST; i++) {
        worker *w = &o->w[i];
        if (w->does == GONE && o->live < o->t.size) {
            *w = (worker){ .does = FREE };
            o->live++;
        } else if (w->does == FREE && o->live > o->t.size) {
            w->does = GONE;
            o->live--;
        }
    }
}

static void step(world *o)
{
    unsigned computing = 0;
    arrive(o);
    man(o);
    for (unsigned i = 0; i < MOST; i++) {
        worker *w = &o->w[i];
        if (w->does == FREE && waiting(o)) {
            w->does = o->taken++ < o->l.parked ? PARKED : COMPUTES;
            w->left = some(o, o->l.cpu);
        }
        computing += w->does == COMPUTES;
    }
    double part = (double)o->cpus / 1000 / (computing + o->l.foreign);
    int64_t share = (int64_t)((double)STEP * (part < 1 ? part : 1));
    for (unsigned i = 0; i < MOST; i++) {
        worker *w = &o->w[i];
        if (w->does == COMPUTES) {
            w->left -= share;
            w->spent += share;
            o->spent += share;
            if (w->left <= 0)
                begin_io(o, w);
        } else if (w->does == WAITS && (w->left -= STEP) <= 0)
            end_io(o, w);
    }
    o->now += STEP;
}

static void look(world *o)
{
    unsigned computing = 0, free_ones = 0, before = o->t.size;
    for (unsigned i = 0; i < MOST; i++) {
        computing += o->w[i].spent > LOOK / 16;
        free_ones += o->w[i].does == FREE;
        o->w[i].spent = 0;
    }
    unsigned n = waiting(o);
    ccpi_sight s = { o->now + 1, o->taken, o->finished, o->spent, computing, o->cpus,
                     n > free_ones ? n - free_ones : 0, o->live == o->t.size };
    ccpi_tuner_look(&o->t, &s);
    int way = o->t.size > before ? 1 : o->t.size < before ? -1 : 0;
    o->changes += way != 0;
    o->turns += way && o->way && way != o->way;
    o->way = way ? way : o->way;
    o->looks++;
    o->sum += o->t.size;
    o->lowest = o->t.size < o->lowest ? o->t.size : o->lowest;
    o->highest = o->t.size > o->highest ? o->t.size : o->highest;
    MUST(o->t.size >= o->t.least && o->t.size <= o->t.most); /* N1 */
}

/* Forgets what was counted. */
static void count_anew(world *o)
{
    o->looks = o->changes = o->turns = 0;
    o->way = 0;
    o->lowest = UINT32_MAX;
    o->highest = 0;
    o->sum = 0;
}

/* So many looks more; gives the tasks that finished. */
static uint64_t play(world *o, unsigned looks)
{
    uint64_t before = o->finished;
    count_anew(o);
    for (unsigned i = 0; i < looks; i++) {
        for (int64_t t = 0; t < LOOK; t += STEP)
            step(o);
        look(o);
    }
    return o->finished - before;
}

static world *world_of(const load *l, unsigned cpus, unsigned most, unsigned size, uint64_t seed)
{
    world *o = calloc(1, sizeof *o);
    MUST(o != NULL);
    o->l = *l;
    o->cpus = cpus * 1000;
    o->seed = seed;
    ccpi_tuner_init(&o->t, 1, most, size);
    return o;
}

enum { SEEDS = 3, LONG = 600 /* looks */ };

/* What a pool does in 600 looks whose size is the best of some. */
static double best(const load *l, unsigned cpus)
{
    static const unsigned sizes[] = { 1, 2, 3, 4, 8, 20, 64 };
    uint64_t most = 0;
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        world *o = world_of(l, cpus, sizes[i], sizes[i], 1);
        o->t.least = o->t.size = sizes[i];
        play(o, LONG / 6);
        uint64_t n = play(o, LONG / 4);
        most = n > most ? n : most;
        free(o);
    }
    return 4 * (double)most;
}

/* What is right for a load, after `settle` looks. */
typedef struct expectation {
    load l;
    unsigned cpus, start;
    unsigned settle;          /* looks */
    unsigned lowest, highest; /* sizes after that, in 600 looks, tries included */
    unsigned changes;         /* of the size, at most */
    unsigned percent;         /* of the rate of the best size, at least; 0: whatever */
} expectation;

static void expect(const expectation *e)
{
    double ideal = e->percent && !is_watched() ? best(&e->l, e->cpus) : 0;
    for (uint64_t seed = 1; seed <= (is_watched() ? 1 : SEEDS); seed++) {
        world *o = world_of(&e->l, e->cpus, 64, e->start, seed);
        play(o, e->settle);
        double n = (double)play(o, LONG);
        if (o->lowest < e->lowest || o->highest > e->highest || o->changes > e->changes ||
            n * 100 < ideal * e->percent)
            fail_msg("seed %d: sizes %u to %u, %u changes, %.0f of %.0f tasks", (int)seed,
                     o->lowest, o->highest, o->changes, n, ideal);
        free(o);
    }
}

TEST(tasks_that_compute_have_a_worker_for_each_processor) /* N3 */
{
    const load l = { .cpu = CCP_MS(1), .random = true };
    expect(&(expectation){ l, 2, 2, 0, 2, 2, 0, 92 });
    expect(&(expectation){ l, 8, 8, 0, 8, 8, 0, 92 });
    expect(&(expectation){ l, 8, 1, 200, 8, 8, 0, 92 });
    expect(&(expectation){ l, 2, 64, LONG, 2, 2, 0, 92 });
}

TEST(tasks_that_wait_have_all_workers) /* N4 N5 */
{
    expect(&(expectation){ { .cpu = CCP_US(50), .io = CCP_MS(10), .random = true },
                           2, 2, LONG, 42, 64, 14, 90 });
    expect(&(expectation){ { .cpu = CCP_US(50), .io = CCP_SEC(1), .random = true },
                           2, 2, LONG, 42, 64, 4, 90 });
}

TEST(tasks_that_do_both_have_as_many_as_use_the_processors_up) /* N3 N4 */
{
    expect(&(expectation){ { .cpu = CCP_MS(2), .io = CCP_MS(2), .random = true },
                           2, 2, LONG, 3, 6, 6, 80 });
    expect(&(expectation){ { .cpu = CCP_MS(1), .io = CCP_MS(9), .random = true },
                           2, 2, LONG, 12, 32, 14, 80 });
    expect(&(expectation){ { .cpu = CCP_MS(1), .io = CCP_MS(9), .random = true },
                           2, 64, LONG, 12, 64, 14, 80 });
}

/* A worker more than what they wait for bears does not raise the rate. */
TEST(tasks_that_wait_for_something_scarce_have_about_as_many_as_it_bears) /* N4 */
{
    const load l = { .cpu = CCP_US(50), .io = CCP_MS(5), .random = true, .backend = 8 };
    expect(&(expectation){ l, 2, 2, LONG, 5, 15, 6, 80 });
    expect(&(expectation){ l, 2, 64, LONG, 5, 15, 6, 80 });
}

/* netxms#3436: nothing is taken while all are blocked. */
TEST(a_pool_whose_workers_are_all_blocked_grows_until_it_goes_on) /* N6 */
{
    const load l = { .cpu = CCP_US(50), .together = 20 };
    world *o = world_of(&l, 2, 64, 2, 1);
    play(o, 50); /* 2 3 4 6 9 13 19 28 */
    assert_int_equal(o->highest, 28);
    free(o);
    expect(&(expectation){ l, 2, 2, 300, 19, 64, 14, 0 }); /* and does not try 19 all the time */
}

TEST(a_pool_that_stays_blocked_has_all_workers_and_no_more) /* N1 N6 */
{
    expect(&(expectation){ { .cpu = CCP_US(50), .together = 1000 }, 2, 2, 50, 64, 64, 0, 0 });
}

/* dotnet#46077: a worker that is parked for good costs a processor. */
TEST(workers_that_do_not_come_back_are_made_up_for) /* N3 */
{
    expect(&(expectation){ { .cpu = CCP_MS(1), .random = true, .parked = 1 },
                           2, 2, 300, 2, 3, 8, 85 });
    expect(&(expectation){ { .cpu = CCP_MS(1), .random = true, .parked = 9 },
                           2, 2, LONG, 9, 16, 10, 85 });
}

TEST(tasks_that_compute_for_long_are_not_blocked) /* N6 */
{
    expect(&(expectation){ { .cpu = CCP_SEC(3) }, 2, 2, LONG, 2, 2, 0, 0 });
    expect(&(expectation){ { .cpu = CCP_SEC(3), .foreign = 4 }, 2, 2, LONG, 1, 3, 2, 0 });
}

TEST(beside_other_programs_there_are_few_more) /* N4 */
{
    expect(&(expectation){ { .cpu = CCP_MS(2), .random = true, .foreign = 2 },
                           2, 2, LONG, 1, 6, 12, 0 });
}

TEST(bursts_do_not_make_it_swing) /* N2 */
{
    expect(&(expectation){ { .cpu = CCP_US(50), .io = CCP_MS(10), .random = true,
                             .every = CCP_SEC(1), .burst = 50 },
                           2, 2, LONG, 3, 6, 2, 0 });
    expect(&(expectation){ { .cpu = CCP_US(50), .io = CCP_MS(10), .random = true,
                             .every = CCP_SEC(1), .burst = 1000 },
                           2, 2, 2 * LONG, 19, 64, 8, 0 });
    expect(&(expectation){ { .cpu = CCP_MS(1), .random = true, .every = CCP_SEC(1), .burst = 500 },
                           2, 2, 0, 2, 2, 0, 0 });
}

TEST(when_the_load_becomes_another_it_follows) /* N5 N6 */
{
    const load computes = { .cpu = CCP_MS(1), .random = true };
    const load waits = { .cpu = CCP_US(50), .io = CCP_MS(10), .random = true };
    world *o = world_of(&computes, 2, 64, 2, 3);
    for (int round = 0; round < 3; round++) {
        o->l = waits;
        play(o, 2 * LONG);
        play(o, LONG / 2);
        assert_true(o->sum / o->looks > 50);
        o->l = computes;
        play(o, 2 * LONG);
        play(o, LONG / 2);
        assert_true(o->sum / o->looks < 4);
    }
    free(o);
}

TEST(tries_that_change_nothing_become_rare) /* N5 */
{
    const load l = { .cpu = CCP_US(50), .io = CCP_MS(5), .random = true, .backend = 8 };
    world *o = world_of(&l, 2, 64, 8, 5);
    play(o, 5 * LONG);
    play(o, 10 * LONG); /* 6000 looks, about 300 windows */
    assert_true(o->changes <= 2 * (300 / 64 + 3));
    free(o);
}

/* ---- the rules one by one ---- */

static ccpi_sight sight_at(int look)
{
    return (ccpi_sight){ .now = 1 + look * LOOK, .cpus = 2000, .waiting = 5, .settled = true };
}

TEST(nothing_changes_while_no_task_waits) /* N2 */
{
    ccpi_tuner t;
    ccpi_tuner_init(&t, 1, 64, 4);
    for (int i = 0; i < 1000; i++) {
        ccpi_sight s = sight_at(i);
        s.waiting = i % 4 == 3 ? 0 : 5; /* a stall takes four looks after the first */
        ccpi_tuner_look(&t, &s);
        assert_int_equal(t.size, 4);
    }
}

TEST(the_first_size_is_within_the_bounds) /* N1 */
{
    ccpi_tuner t;
    ccpi_tuner_init(&t, 2, 4, 1);
    assert_int_equal(t.size, 2);
    ccpi_tuner_init(&t, 2, 4, 9);
    assert_int_equal(t.size, 4);
}

TEST(no_more_are_made_than_tasks_wait) /* N6 */
{
    ccpi_tuner t;
    ccpi_tuner_init(&t, 1, 64, 20);
    for (int i = 0; i <= 4; i++) {
        ccpi_sight s = sight_at(i);
        s.waiting = 3;
        ccpi_tuner_look(&t, &s);
    }
    assert_int_equal(t.size, 23);
}

TEST(what_cannot_be_had_is_not_wanted_for_a_while)
{
    ccpi_tuner t;
    ccpi_tuner_init(&t, 2, 64, 20);
    ccpi_tuner_deny(&t, 25);
    assert_int_equal(t.size, 20);
    ccpi_tuner_deny(&t, 9);
    assert_int_equal(t.size, 9);
    ccpi_tuner_deny(&t, 1);
    assert_int_equal(t.size, 2);
}

TEST(a_new_bound_holds_at_once) /* N1 */
{
    ccpi_tuner t;
    ccpi_tuner_init(&t, 4, 64, 20);
    ccpi_tuner_bound(&t, 10);
    assert_int_equal(t.size, 10);
    ccpi_tuner_bound(&t, 2);
    assert_int_equal(t.size, 2);
    ccpi_tuner_bound(&t, 64);
    assert_int_equal(t.size, 2);
}

/* Whatever it sees. */
TEST(the_size_stays_within_the_bounds) /* N1 */
{
    uint64_t seed = 11;
    for (int round = 0; round < 200; round++) {
        unsigned least = 1 + random_next(&seed) % 4, most = least + random_next(&seed) % 40;
        ccpi_tuner t;
        ccpi_sight s = { .now = 1 };
        ccpi_tuner_init(&t, least, most, random_next(&seed) % 50);
        for (int i = 0; i < 500; i++) {
            uint32_t r = random_next(&seed);
            s.now += 1 + r % LOOK;
            s.taken += r / 3 % 100 * (r % 5 != 0);
            s.finished += r / 7 % 100 * (r % 3 != 0);
            s.spent += r % (3 * LOOK);
            s.computing = r / 11 % 4;
            s.cpus = 1 + r / 5 % 8000;
            s.waiting = r % 17 == 0 ? 0 : 1 + r % 50;
            s.settled = r % 13 != 0;
            ccpi_tuner_look(&t, &s);
            if (r % 97 == 0)
                ccpi_tuner_deny(&t, r / 97 % 50);
            assert_true(t.size >= least && t.size <= most);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(tasks_that_compute_have_a_worker_for_each_processor),
        ENTRY(tasks_that_wait_have_all_workers),
        ENTRY(tasks_that_do_both_have_as_many_as_use_the_processors_up),
        ENTRY(tasks_that_wait_for_something_scarce_have_about_as_many_as_it_bears),
        ENTRY(a_pool_whose_workers_are_all_blocked_grows_until_it_goes_on),
        ENTRY(a_pool_that_stays_blocked_has_all_workers_and_no_more),
        ENTRY(workers_that_do_not_come_back_are_made_up_for),
        ENTRY(tasks_that_compute_for_long_are_not_blocked),
        ENTRY(beside_other_programs_there_are_few_more),
        ENTRY(bursts_do_not_make_it_swing),
        ENTRY(when_the_load_becomes_another_it_follows),
        ENTRY(tries_that_change_nothing_become_rare),
        ENTRY(nothing_changes_while_no_task_waits),
        ENTRY(the_first_size_is_within_the_bounds),
        ENTRY(no_more_are_made_than_tasks_wait),
        ENTRY(what_cannot_be_had_is_not_wanted_for_a_while),
        ENTRY(a_new_bound_holds_at_once),
        ENTRY(the_size_stays_within_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
