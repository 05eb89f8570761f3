/* SPDX-License-Identifier: MIT
 *
 * Where a watch could be wrong: all threads of the process sleep in the library nearly always, and
 * one at a time goes on.  Tokens go round a ring of threads, by channels of any capacity, selects,
 * mutexes and semaphores, while the main thread waits for all of them; a watch looks again and
 * again, and must find nothing until the last token is taken away, and then must find that.
 *
 *     stress_watch STEPS
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/tasks.h"
#include "ccp.h"

enum { THREADS = 6 };

#define MUST(cond) ((cond) ? (void)0 : failed(#cond, __LINE__))

static void failed(const char *cond, int line)
{
    fprintf(stderr, "line %d: does not hold: %s\n", line, cond);
    abort();
}

typedef struct ring {
    ccp_chan *ch[THREADS];
    ccp_mutex m;
    ccp_sem s;
    ccp_ctx *ctx; /* what the alarm cancels */
    unsigned long rounds;
    atomic_bool over; /* the token was taken away: now it is a deadlock */
    atomic_int alarms;
} ring;

static ring r;

static void alarm(ccp_alarm what, const char *text, size_t n, void *arg)
{
    (void)arg;
    if (what != CCP_ALARM_DEADLOCK || !atomic_load(&r.over)) {
        fprintf(stderr, "a false alarm:\n%.*s", (int)n, text);
        abort();
    }
    atomic_fetch_add(&r.alarms, 1);
    ccp_ctx_cancel(r.ctx);
}

static ccp_status receive(ccp_chan *ch, unsigned long *v, bool by_select)
{
    size_t chosen;
    ccp_case cases[] = { CCP_CASE_RECV(ch, v), CCP_CASE_RECV(NULL, v) };
    return by_select ? ccp_select(cases, 2, &chosen, ccp_with(r.ctx))
                     : ccp_chan_recv(ch, v, ccp_with(r.ctx));
}

static void pass_tokens(void *arg)
{
    size_t i = (uintptr_t)arg;
    unsigned long v = 0;
    while (receive(r.ch[i], &v, v % 3 == 0) == CCP_OK) {
        MUST(ccp_mutex_lock(&r.m, CCP_FOREVER) == CCP_OK);
        MUST(ccp_mutex_unlock(&r.m) == CCP_OK);
        MUST(ccp_sem_acquire(&r.s, 1, CCP_FOREVER) == CCP_OK);
        MUST(ccp_sem_release(&r.s, 1) == CCP_OK);
        if (v == 0) {
            atomic_store(&r.over, true);
            continue; /* takes the token away */
        }
        v--;
        MUST(ccp_chan_send(r.ch[(i + 1) % THREADS], &v, CCP_FOREVER) == CCP_OK);
    }
}

int main(int argc, char **argv)
{
    ccp_wg all = CCP_WG_INIT;
    r.rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    if (ccpi_task_count() == 0) {
        printf("nobody tells how many threads there are\n");
        return 0;
    }
    MUST(ccp_track(true) == CCP_OK);
    r.ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    r.s = (ccp_sem)CCP_SEM_INIT(1);
    for (size_t i = 0; i < THREADS; i++)
        r.ch[i] = ccp_chan_new(sizeof(unsigned long), i % 3);
    ccp_watch *w = ccp_watch_new(&(ccp_watch_opts){
        .alarm = alarm, .period_ns = CCP_US(20), .locks_have_owners = true });
    MUST(r.ctx && w);
    for (uintptr_t i = 0; i < THREADS; i++)
        MUST(ccp_wg_go(&all, pass_tokens, (void *)i) == CCP_OK);
    MUST(ccp_chan_send(r.ch[0], &r.rounds, CCP_FOREVER) == CCP_OK);
    MUST(ccp_wg_wait(&all, CCP_FOREVER) == CCP_OK);
    printf("%lu steps, then %d alarms\n", r.rounds, atomic_load(&r.alarms));
    MUST(atomic_load(&r.over) && atomic_load(&r.alarms) == 1);
    MUST(ccp_watch_free(w) == CCP_OK);
    for (size_t i = 0; i < THREADS; i++)
        MUST(ccp_chan_free(r.ch[i]) == CCP_OK);
    MUST(ccp_ctx_free(r.ctx) == CCP_OK);
    MUST(ccp_track(false) == CCP_OK && ccp_live_blocks() == 0);
    return 0;
}
