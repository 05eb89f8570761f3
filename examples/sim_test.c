/* SPDX-License-Identifier: MIT-0
 *
 * sim_test.c - a test that finds a deadlock which a test by hand never meets.
 *
 * Problem: two parts of a program lock two accounts in different orders.  It hangs once a month.
 *
 *   transfer(mine, yours):  lock mine  -> lock yours
 *   transfer(yours, mine):  lock yours -> lock mine     each may have what the other one wants
 *
 * The test runs both at the same time, on one order of steps after another (ccp_sim), and gets a
 * report with who waits for what.  The seed in the report runs the same order again; the corrected
 * transfer() passes a thousand.
 *
 * To adapt: put your own code in the place of transfer(); end with CCP_SIM_ASSERT() on the outcome.
 * Compile:  cc -g -c sim_test.c $(pkg-config --cflags ccp_sim) &&
 *           cc sim_test.o -o sim_test $(pkg-config --libs ccp_sim)
 * Output:   deadlock: no thread can go on
 *           the same again by its seed: yes
 *           corrected: passed 1000 schedules
 */
#include <ccp_sim.h>
#include <stdio.h>
#include <string.h>

struct account {
    ccp_mutex lock;
    int number, cents;
};

static struct account mine = { CCP_MUTEX_INIT, 1, 500 }, yours = { CCP_MUTEX_INIT, 2, 500 };
static bool corrected; /* locks in the order of the numbers */

static void transfer(struct account *from, struct account *to, int cents)
{
    bool swap = corrected && from->number > to->number;
    struct account *first = swap ? to : from, *second = swap ? from : to;
    CCP_SIM_ASSERT(ccp_mutex_lock(&first->lock, CCP_FOREVER) == CCP_OK);
    CCP_SIM_ASSERT(ccp_mutex_lock(&second->lock, CCP_FOREVER) == CCP_OK);
    from->cents -= cents;
    to->cents += cents;
    (void)ccp_mutex_unlock(&second->lock);
    (void)ccp_mutex_unlock(&first->lock);
}

static void pay(void *arg)
{
    (void)arg;
    transfer(&mine, &yours, 100);
}

static void pay_back(void *arg)
{
    (void)arg;
    transfer(&yours, &mine, 30);
}

/* One schedule: all that happens, from the beginning. */
static void both_ways(void *arg)
{
    ccp_wg wg = CCP_WG_INIT;
    corrected = arg != NULL;
    CCP_SIM_ASSERT(ccp_wg_go(&wg, pay, NULL) == CCP_OK);
    CCP_SIM_ASSERT(ccp_wg_go(&wg, pay_back, NULL) == CCP_OK);
    CCP_SIM_ASSERT(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    CCP_SIM_ASSERT(mine.cents == 430 && yours.cents == 570);
}

int main(void)
{
    ccp_sim_report r = ccp_sim_search(&(ccp_sim_opts){ .schedules = 1000 }, both_ways, NULL);
    if (!r.failed)
        return 1;
    printf("%.*s\n", (int)strcspn(r.what, "\n"), r.what);
    r = ccp_sim_run(r.seed, both_ways, NULL);
    printf("the same again by its seed: %s\n", r.failed ? "yes" : "no");

    r = ccp_sim_search(&(ccp_sim_opts){ .schedules = 1000 }, both_ways, &corrected);
    if (r.failed)
        puts(r.what);
    else
        printf("corrected: passed %d schedules\n", (int)r.schedules);
    return r.failed;
}
