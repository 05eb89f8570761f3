/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "support.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Noreturn void must_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, cond);
    abort();
}

void poll_once(patience *p, const char *cond, const char *file, int line)
{
    int64_t now = ccp_now(), step = p->last ? now - p->last : 0;
    p->spent += step < CCP_MS(20) ? step : CCP_MS(20);
    p->last = now;
    if (p->spent > CCP_SEC(60)) {
        fprintf(stderr, "%s:%d: waited in vain for: %s\n", file, line, cond);
        abort();
    }
    sched_yield();
}

static int64_t coarse_now(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
    struct timespec t;
    MUST(clock_gettime(CLOCK_MONOTONIC_COARSE, &t) == 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
#else
    return ccp_now();
#endif
}

void wait_past(int64_t time)
{
    WAIT_UNTIL(ccp_now() > time && coarse_now() > time);
}

bool is_watched(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return UNDER_SANITIZER || (preloaded && strstr(preloaded, "vgpreload"));
}

/* What an earlier test left is its fault alone. */
static size_t left_by_others;

int no_block_is_live(void **state)
{
    (void)state;
    size_t live = ccp_live_blocks(), before = left_by_others;
    left_by_others = live;
    if (live > before)
        print_error("%zu blocks of the library's memory are still in use\n", live - before);
    return live > before ? -1 : 0;
}

/* --- children --- */

void in_child(void (*fn)(void *arg), void *arg)
{
    static const int faults[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV };
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (size_t i = 0; i < LENGTH(faults); i++)
            signal(faults[i], SIG_DFL); /* cmocka's handler would go on with the next test */
        alarm(60); /* a call that hangs ends it */
        fn(arg);
        end_child();
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

_Noreturn void need_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: in the child: does not hold: %s\n", file, line, cond);
    _exit(1);
}

void end_child(void)
{
    if (is_watched())
        execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
    _exit(0);
}

/* --- threads --- */

static void *run_actor(void *arg)
{
    actor *a = arg;
    atomic_store(&a->tid, (int)syscall(SYS_gettid));
    a->fn(a);
    a->returned_at = ccp_now();
    atomic_store(&a->done, true);
    return NULL;
}

enum { STACK = 1 << 20 };

void actor_start(actor *a, void (*fn)(actor *))
{
    a->fn = fn;
    atomic_store(&a->tid, 0);
    atomic_store(&a->calling, false);
    atomic_store(&a->done, false);
    pthread_attr_t small; /* a thousand stacks have to fit into 32 bits */
    MUST(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, STACK) == 0);
    MUST(pthread_create(&a->id, &small, run_actor, a) == 0);
    MUST(pthread_attr_destroy(&small) == 0);
}

void actor_join(actor *a)
{
    WAIT_UNTIL(atomic_load(&a->done));
    MUST(pthread_join(a->id, NULL) == 0);
}

void actor_calls(actor *a)
{
    atomic_store(&a->calling, true);
}

bool actor_is_done(const actor *a)
{
    return atomic_load(&a->done);
}

/* The kernel's letter for the state of a thread: S while it sleeps. */
static char state_of_thread(int tid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *f = fopen(path, "r");
    if (!f)
        return '?';
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    const char *after_name = strrchr(text, ')');
    return after_name && after_name[1] == ' ' ? after_name[2] : '?';
}

bool actor_is_asleep(const actor *a)
{
    return atomic_load(&a->calling) && state_of_thread(atomic_load(&a->tid)) == 'S';
}

void actor_sleep_here(actor *a)
{
    WAIT_UNTIL(actor_is_asleep(a) || actor_is_done(a));
    MUST(!actor_is_done(a));
}

static int end_of_hold[2]; /* a pipe: a byte is the end of it */
static atomic_bool is_held;
static struct sigaction before_hold;

static void stay_until_let_go(int number)
{
    char byte;
    (void)number;
    atomic_store(&is_held, true);
    MUST(read(end_of_hold[0], &byte, 1) == 1);
    atomic_store(&is_held, false);
}

void actor_hold(const actor *a)
{
    const struct sigaction stay = { .sa_handler = stay_until_let_go }; /* without SA_RESTART */
    MUST(pipe(end_of_hold) == 0 && sigaction(SIGUSR1, &stay, &before_hold) == 0);
    MUST(pthread_kill(a->id, SIGUSR1) == 0);
    WAIT_UNTIL(atomic_load(&is_held));
}

void actor_let_go(void)
{
    MUST(write(end_of_hold[1], "x", 1) == 1);
    WAIT_UNTIL(!atomic_load(&is_held));
    MUST(sigaction(SIGUSR1, &before_hold, NULL) == 0);
    MUST(close(end_of_hold[0]) == 0 && close(end_of_hold[1]) == 0);
}

void actor_send_long(actor *a)
{
    actor_calls(a);
    a->rc = ccp_chan_send(a->ch, &a->value, a->w);
}

void actor_recv_long(actor *a)
{
    actor_calls(a);
    a->rc = ccp_chan_recv(a->ch, &a->value, a->w);
}

void gate_pass(gate *g)
{
    pthread_mutex_lock(&g->lock);
    atomic_fetch_add(&g->arrived, 1);
    while (!g->open)
        pthread_cond_wait(&g->opened, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

void gate_open(gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->opened);
    pthread_mutex_unlock(&g->lock);
}

void gate_shut(gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = false;
    atomic_store(&g->arrived, 0);
    pthread_mutex_unlock(&g->lock);
}

/* --- state of a channel --- */

ccp_chan_info info_of(const ccp_chan *ch)
{
    ccp_chan_info info;
    MUST(ccp_chan_get_info(ch, &info) == CCP_OK);
    return info;
}

size_t waiting_senders(const ccp_chan *ch)
{
    return info_of(ch).waiting_senders;
}

size_t waiting_receivers(const ccp_chan *ch)
{
    return info_of(ch).waiting_receivers;
}

void assert_nobody_waits(const ccp_chan *ch)
{
    assert_int_equal(waiting_senders(ch), 0);
    assert_int_equal(waiting_receivers(ch), 0);
}

void assert_status(ccp_status got, ccp_status expected, const char *file, int line)
{
    if (got != expected)
        print_error("%s, expected %s\n", ccp_status_name(got), ccp_status_name(expected));
    _assert_int_equal((LargestIntegralType)got, (LargestIntegralType)expected, file, line);
}

/* --- memory --- */

atomic_size_t memory_calls, memory_live;
static atomic_size_t fail_at, fail_from;

static void *watched_alloc(size_t size, void *arg)
{
    (void)arg;
    size_t n = atomic_fetch_add(&memory_calls, 1) + 1;
    size_t at = atomic_load(&fail_at), from = atomic_load(&fail_from);
    if (n == at || (from && n >= from))
        return NULL;
    void *p = malloc(size);
    if (p)
        atomic_fetch_add(&memory_live, 1);
    return p;
}

static void watched_free(void *p, void *arg)
{
    (void)arg;
    MUST(p != NULL);
    atomic_fetch_sub(&memory_live, 1);
    free(p);
}

void memory_watch(void)
{
    const ccp_allocator a = { watched_alloc, watched_free, NULL };
    atomic_store(&memory_calls, 0);
    atomic_store(&memory_live, 0);
    memory_fail_at(0);
    MUST(ccp_set_allocator(&a) == CCP_OK);
}

void memory_fail_at(size_t n)
{
    atomic_store(&fail_from, 0);
    atomic_store(&fail_at, n ? atomic_load(&memory_calls) + n : 0);
}

void memory_fail_from(size_t n)
{
    atomic_store(&fail_at, 0);
    atomic_store(&fail_from, n ? atomic_load(&memory_calls) + n : 0);
}

void memory_unwatch(void)
{
    memory_fail_at(0);
    MUST(ccp_set_allocator(NULL) == CCP_OK);
    MUST(atomic_load(&memory_live) == 0);
}

/* --- elements --- */

static unsigned char element_byte(size_t i, unsigned long k)
{
    return (unsigned char)((k >> (8 * (i % sizeof k))) + i / sizeof k * 37);
}

void element_fill(void *elem, size_t size, unsigned long k)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)elem)[i] = element_byte(i, k);
}

bool element_is(const void *elem, size_t size, unsigned long k)
{
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)elem)[i] != element_byte(i, k))
            return false;
    return true;
}

void count_drop(void *elem, void *arg)
{
    (void)elem;
    atomic_fetch_add((atomic_long *)arg, 1);
}

uint32_t random_next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}
