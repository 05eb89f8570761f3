/* SPDX-License-Identifier: MIT-0
 *
 * deadlock.c - a program that says why it hangs, and gets out of it.
 *
 * Problem: two threads take two locks in different orders.  Now and then each has what the other
 * one wants, and both wait for ever.
 *
 *   teller 1: takes `mine`,  then wants `yours` --\
 *                                                  circle --> watch: tells of it, ends one call
 *   teller 2: takes `yours`, then wants `mine`  --/
 *
 * A watch looks every 20 ms.  `locks_have_owners` is a promise: a lock is given back by the thread
 * that took it; so such a circle is found even while other threads run.  The call that closed the
 * circle fails with CCP_DEADLOCK: its thread gives back what it has, and the other one goes on.
 *
 * To adapt: change transfer(); write the text of the alarm to a log.
 * Compile:  cc deadlock.c -o deadlock $(pkg-config --cflags --libs ccp)
 * Output:   a circle of 2 threads, each of which waits for what the next one has
 *           teller 1: CCP_OK
 *           teller 2: CCP_DEADLOCK
 */
#include <ccp.h>
#include <stdio.h>
#include <string.h>

static ccp_mutex mine, yours;

struct teller {
    ccp_mutex *first, *second;
    int64_t work; /* ns that it takes between the two */
    ccp_status rc;
};

static void transfer(void *arg)
{
    struct teller *t = arg;
    t->rc = ccp_mutex_lock(t->first, CCP_FOREVER);
    if (t->rc != CCP_OK)
        return;
    t->rc = ccp_sleep(ccp_within(t->work));
    if (t->rc == CCP_OK)
        t->rc = ccp_mutex_lock(t->second, CCP_FOREVER);
    if (t->rc == CCP_OK)
        (void)ccp_mutex_unlock(t->second);
    (void)ccp_mutex_unlock(t->first);
}

/* Called in the watch's thread.  The whole text names each thread, and what it has for how long. */
static void alarm_rings(ccp_alarm what, const char *text, size_t n, void *arg)
{
    const char *line = memchr(text, '\n', n);
    (void)arg;
    if (what == CCP_ALARM_DEADLOCK && line)
        printf("%.*s\n", (int)strcspn(line + 1, ":"), line + 1);
}

int main(void)
{
    ccp_wg all = CCP_WG_INIT;
    struct teller t[] = { { &mine, &yours, CCP_MS(50), CCP_OK },
                          { &yours, &mine, CCP_MS(150), CCP_OK } };
    (void)ccp_track(true); /* before the threads are started */
    (void)ccp_name(&mine, "mine");
    (void)ccp_name(&yours, "yours");
    ccp_watch *w = ccp_watch_new(&(ccp_watch_opts){ .alarm = alarm_rings,
                                                    .period_ns = CCP_MS(20),
                                                    .locks_have_owners = true,
                                                    .end_one = true });
    if (!w)
        return 1;
    for (int i = 0; i < 2; i++)
        if (ccp_wg_go(&all, transfer, &t[i]) != CCP_OK)
            return 1;
    if (ccp_wg_wait(&all, CCP_FOREVER) != CCP_OK)
        return 1;
    for (int i = 0; i < 2; i++)
        printf("teller %d: %s\n", i + 1, ccp_status_name(t[i].rc));
    return ccp_watch_free(w) == CCP_OK && ccp_track(false) == CCP_OK ? 0 : 1;
}
