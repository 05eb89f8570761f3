/* SPDX-License-Identifier: MIT
 *
 * Barriers and single-flight under stress.
 *
 *   barrier  generations by two threads, then by eight: each sees what its neighbour did
 *   million  the same, a million each
 *   fragile  barriers that break, are broken and reset while threads come, wait and give up
 *   flight   callers with limits, channels and few keys: results made, copied and dropped add up
 */
#include "stress.h"

/* --- barrier --- */

typedef struct lap {
    ccp_barrier b;
    unsigned long generations;
    atomic_ulong leaders;
    struct {
        unsigned long n; /* plain: the race detector watches */
        char room[56];   /* of a line of its own */
    } at[8];
    size_t threads;
} lap;

static void run_laps(worker *w)
{
    lap *r = w->round;
    unsigned long led = 0;
    for (unsigned long i = 0; i < r->generations; i++) {
        ccp_barrier_pass pass;
        if (i % 2 == 0)
            r->at[w->index].n = i + 1;
        if (i % 1024 == 0)
            worker_does(w, "barrier");
        MUST(ccp_barrier_wait(&r->b, &pass, CCP_FOREVER) == CCP_OK);
        MUST(pass.generation == i); /* B4 */
        led += pass.leader;
        if (i % 2 == 0)
            MUST(r->at[(w->index + 1) % r->threads].n == i + 1); /* B1 B2 */
    }
    atomic_fetch_add(&r->leaders, led);
}

static void laps(size_t threads, unsigned long generations, uint64_t seed)
{
    static worker w[8];
    lap *r = calloc(1, sizeof *r);
    MUST(r);
    r->b = (ccp_barrier)CCP_BARRIER_INIT(threads);
    r->generations = generations;
    r->threads = threads;
    for (size_t i = 0; i < threads; i++)
        worker_start(&w[i], run_laps, r, i, seed);
    for (size_t i = 0; i < threads; i++)
        worker_join(&w[i]);
    MUST(atomic_load(&r->leaders) == generations); /* B3 */
    free(r);
}

static void barrier(uint64_t seed)
{
    laps(2, 1000000, seed);
    laps(8, 1000000, seed);
}

static void barrier_short(uint64_t seed)
{
    laps(2, 100000, seed);
    laps(8, 10000, seed);
}

/* --- fragile --- */

enum { CALLS = 2000, MEETERS = 6, PARTIES = 3 };

static ccp_wait some_wait(dice *d)
{
    return roll(d, 4) ? ccp_within(CCP_US(roll(d, 60))) : CCP_NOWAIT;
}

typedef struct meeting {
    ccp_barrier b;
    atomic_ulong passed, leaders;
} meeting;

static void run_meeter(worker *w)
{
    meeting *m = w->round;
    for (int i = 0; i < CALLS; i++) {
        ccp_barrier_pass pass;
        worker_does(w, "fragile");
        switch (roll(&w->dice, 40)) {
        case 0:
            (void)ccp_barrier_break(&m->b);
            break;
        case 1:
        case 2:
        case 3:
            MUST(ccp_barrier_reset(&m->b) == CCP_OK);
            break;
        default:
            if (ccp_barrier_wait(&m->b, &pass, some_wait(&w->dice)) != CCP_OK)
                continue;
            atomic_fetch_add(&m->passed, 1);
            atomic_fetch_add(&m->leaders, pass.leader);
        }
    }
}

static void fragile(uint64_t seed)
{
    static worker w[MEETERS];
    meeting m = { .passed = 0 };
    m.b = seed % 2 ? (ccp_barrier)CCP_BARRIER_INIT_FRAGILE(PARTIES)
                   : (ccp_barrier)CCP_BARRIER_INIT(PARTIES);
    for (size_t i = 0; i < MEETERS; i++)
        worker_start(&w[i], run_meeter, &m, i, seed);
    for (size_t i = 0; i < MEETERS; i++)
        worker_join(&w[i]);
    ccp_barrier_info info;
    MUST(ccp_barrier_get_info(&m.b, &info) == CCP_OK && info.arrived == 0);
    MUST(atomic_load(&m.leaders) == info.generation);          /* B3 */
    MUST(atomic_load(&m.passed) == PARTIES * info.generation); /* B1 */
}

/* --- flight --- */

static atomic_long made, copied, taken, dropped, running[2];

static ccp_status make_one(void *result, void *arg)
{
    atomic_long *mine = arg;
    MUST(atomic_fetch_add(mine, 1) == 0); /* D1 */
    *(long *)result = atomic_fetch_add(&made, 1) + 1;
    ccp_status rc = ccp_sleep(ccp_within(CCP_US(20)));
    atomic_fetch_sub(mine, 1);
    return rc;
}

static void copy_one(void *to, const void *from, void *arg)
{
    (void)arg;
    *(long *)to = *(const long *)from;
    atomic_fetch_add(&copied, 1);
}

static void drop_one(void *result, void *arg)
{
    (void)arg;
    MUST(*(long *)result > 0);
    atomic_fetch_add(&dropped, 1);
}

static void fly_by_chan(worker *w, ccp_flight *f, const ccp_flight_call *c)
{
    CCP_FLIGHT_RESULT(long) r;
    ccp_chan *ch;
    if (ccp_flight_do_chan(f, c, &ch) != CCP_OK)
        return;
    if (ccp_chan_recv(ch, &r, some_wait(&w->dice)) == CCP_OK) {
        MUST(r.status == CCP_OK && r.value > 0);
        atomic_fetch_add(&taken, 1);
    }
    MUST(ccp_flight_leave(f, ch) == CCP_OK);
}

static void run_caller(worker *w)
{
    for (int i = 0; i < CALLS / 4; i++) {
        size_t key = roll(&w->dice, 2);
        const ccp_flight_call c = { key ? "one" : "two", 3, make_one, &running[key] };
        long value = 0;
        worker_does(w, "flight");
        if (roll(&w->dice, 8) == 0)
            fly_by_chan(w, w->round, &c);
        else if (ccp_flight_do(w->round, &c, &value, NULL, some_wait(&w->dice)) == CCP_OK) {
            MUST(value > 0);
            atomic_fetch_add(&taken, 1);
        }
    }
}

static void flight(uint64_t seed)
{
    static worker w[MEETERS];
    ccp_flight *f = ccp_flight_make(&(ccp_flight_opts){
        .result_size = sizeof(long), .copy = copy_one, .drop = drop_one });
    MUST(f);
    for (size_t i = 0; i < MEETERS; i++)
        worker_start(&w[i], run_caller, f, i, seed);
    for (size_t i = 0; i < MEETERS; i++)
        worker_join(&w[i]);
    while (ccp_flight_free(f) == CCP_BUSY) /* functions that run for nobody */
        MUST(ccp_sleep(ccp_within(CCP_US(50))) == CCP_OK);
    MUST(atomic_load(&made) + atomic_load(&copied) ==
         atomic_load(&taken) + atomic_load(&dropped)); /* D6 */
}

int main(int argc, char **argv)
{
    static const mode modes[] = {
        { "barrier", barrier_short },
        { "million", barrier },
        { "fragile", fragile },
        { "flight", flight },
    };
    return stress_main(argc, argv, modes, LENGTH(modes));
}
