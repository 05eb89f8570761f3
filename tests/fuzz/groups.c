/* SPDX-License-Identifier: MIT
 *
 * Calls of wait groups.
 */
#include "fuzz.h"

static void at_zero(world *w, model_wg *m)
{
    if (m->count != 0 || m->closes < 0)
        return;
    chan_model_close(w, &w->chan[m->closes]);
    w->chan[m->closes].pending = false;
    m->closes = -1;
}

static void call_add(world *w, model_wg *m)
{
    int n = (int)(next_byte(&w->in) % 9) - 4;
    ccp_status st = ccp_wg_add(&m->wg, n);
    TRACE("wait group: add %d: %s\n", n, ccp_status_name(st));
    CHECK(st == (m->count + n < 0 ? CCP_MISUSE : CCP_OK));
    if (st == CCP_OK)
        m->count += n;
    if (n < 0)
        at_zero(w, m);
}

static void call_done(world *w, model_wg *m)
{
    ccp_status st = ccp_wg_done(&m->wg);
    TRACE("wait group: done: %s\n", ccp_status_name(st));
    CHECK(st == (m->count == 0 ? CCP_MISUSE : CCP_OK));
    if (st == CCP_OK)
        m->count--;
    at_zero(w, m);
}

static void call_wait(world *w, model_wg *m)
{
    model_wait mw = any_wait(w, m->count == 0);
    ccp_status st = ccp_wg_wait(&m->wg, mw.wait);
    TRACE("wait group: wait: %s\n", ccp_status_name(st));
    CHECK(st == (mw.ended != CCP_OK ? mw.ended : m->count ? mw.cannot : CCP_OK));
}

static void call_close_when_done(world *w, model_wg *m)
{
    int i = next_byte(&w->in) % CHANS;
    if (w->chan[i].pending)
        return;
    ccp_status st = ccp_wg_close_when_done(&m->wg, w->chan[i].ch);
    TRACE("wait group: close channel %d when done: %s\n", i, ccp_status_name(st));
    CHECK(st == (m->closes >= 0 ? CCP_BUSY : CCP_OK));
    if (st != CCP_OK)
        return;
    m->closes = i;
    w->chan[i].pending = true;
    at_zero(w, m);
}

void wg_call(world *w, uint8_t what)
{
    static void (*const calls[])(world *, model_wg *) = { call_add, call_done, call_wait,
                                                          call_close_when_done };
    calls[what / GROUPS % 4](w, &w->wg[what % GROUPS]);
}

void wg_end(world *w)
{
    for (int i = 0; i < GROUPS; i++) {
        model_wg *m = &w->wg[i];
        CHECK(ccp_wg_add(&m->wg, -m->count) == CCP_OK);
        m->count = 0;
        at_zero(w, m);
        CHECK(ccp_wg_wait(&m->wg, CCP_FOREVER) == CCP_OK);
    }
}
