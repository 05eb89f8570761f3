/* SPDX-License-Identifier: MIT-0
 *
 * timer.c - sessions that end when nothing was heard of them for a while, and a beat.
 *
 * Problem: a server has many sessions.  One that is silent for too long is to be closed; most are
 * not, so their timers are put off again and again and hardly ever run out.
 *
 *   ccp_timers --+-- session a  --time is up--> expire() --> [ channel ] --> main
 *                +-- session b  ... put off whenever something is heard
 *                +-- beat       every 2 ms
 *
 * The timer lives in the session: no memory is allocated for it.  All functions are called by one
 * thread, so they hand on what takes long.
 *
 * To adapt: change `struct session` and what main() does with one whose time is up; where that
 * takes long give it to a pool.
 * Compile:  cc timer.c -o timer $(pkg-config --cflags --libs ccp)
 * Output:   dora has left
 *           anna was silent for too long
 *           bert was silent for too long
 *           carl was heard of, then silent for too long
 *           the beat goes on
 */
#include <ccp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct session {
    const char *name;
    ccp_timer idle; /* all zero before its first use */
    ccp_chan *silent;
};

/* In the thread of the timers: there is room for all sessions, so this does not wait. */
static void expire(void *arg)
{
    struct session *s = arg;
    if (ccp_chan_send(s->silent, &s, CCP_NOWAIT) != CCP_OK)
        fprintf(stderr, "%s is lost\n", s->name);
}

static void beat(void *count)
{
    atomic_fetch_add((atomic_int *)count, 1);
}

static ccp_status watch(ccp_timers *timers, struct session *s, int64_t patience)
{
    return ccp_timer_start(timers, &s->idle,
                           &(ccp_timer_opts){ .fn = expire, .arg = s, .after = patience });
}

static int serve(ccp_timers *timers, ccp_chan *silent)
{
    static struct session anna = { .name = "anna" }, bert = { .name = "bert" };
    static struct session carl = { .name = "carl" }, dora = { .name = "dora" };
    static atomic_int beats;
    ccp_timer clock = { 0 };
    struct session *s;
    anna.silent = bert.silent = carl.silent = dora.silent = silent;
    if (ccp_timer_start(timers, &clock,
                        &(ccp_timer_opts){ .fn = beat, .arg = &beats, .every = CCP_MS(2) }) ||
        watch(timers, &anna, CCP_MS(10)) || watch(timers, &bert, CCP_MS(20)) ||
        watch(timers, &carl, CCP_SEC(60)) || watch(timers, &dora, CCP_SEC(60)))
        return EXIT_FAILURE;
    ccp_timer_reset(&carl.idle, CCP_MS(30)); /* it said something: count from now */
    if (ccp_timer_stop(&dora.idle, CCP_FOREVER) == CCP_OK) /* else its time was up before */
        printf("dora has left\n");
    for (int i = 0; i < 3 && ccp_chan_recv(silent, &s, CCP_FOREVER) == CCP_OK; i++)
        printf("%s was %ssilent for too long\n", s->name, s == &carl ? "heard of, then " : "");
    while (atomic_load(&beats) < 5)
        ccp_sleep(ccp_within(CCP_MS(1)));
    printf("the beat goes on\n");
    ccp_timer_stop(&clock, CCP_FOREVER); /* no function runs any more */
    for (int i = 0; i < 3; i++)
        ccp_timer_stop(i == 0 ? &anna.idle : i == 1 ? &bert.idle : &carl.idle, CCP_FOREVER);
    return EXIT_SUCCESS;
}

int main(void)
{
    ccp_timers *timers = ccp_timers_new(NULL);
    ccp_chan *silent = ccp_chan_new(sizeof(struct session *), 4);
    int rc = timers && silent ? serve(timers, silent) : EXIT_FAILURE;
    if (ccp_timers_free(timers) != CCP_OK) /* a timer is set still */
        return EXIT_FAILURE;
    ccp_chan_free(silent);
    return rc;
}
