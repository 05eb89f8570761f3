/* SPDX-License-Identifier: MIT
 *
 * One program of calls.
 */
#include "fuzz.h"

#include "block/tuning.h"

#include <string.h>

bool fuzz_trace;

_Noreturn void fuzz_fail(const char *file, int line, const char *what)
{
    fflush(stdout);
    fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
    abort();
}

/* CCP_FOREVER only where the call can be done: nobody else is there who could make it so. */
model_wait any_wait(world *w, bool can)
{
    uint8_t how = next_byte(&w->in);
    int i = how & 8 ? any_ctx(w) : -1;
    ccp_ctx *ctx = i < 0 ? NULL : w->ctx[i].ctx;
    model_wait m = { CCP_NOWAIT, i < 0 ? CCP_OK : w->ctx[i].status, CCP_AGAIN };
    if (how % 4 == 1)
        m = (model_wait){ ccp_within(0), m.ended, CCP_TIMEOUT };
    else if (how % 4 == 2)
        m = (model_wait){ ccp_until(how % 16), m.ended, CCP_TIMEOUT };
    else if (how % 4 == 3 && (can || m.ended != CCP_OK))
        m = (model_wait){ CCP_FOREVER, m.ended, CCP_DEADLOCK };
    m.wait = ccp_under(ctx, how % 32 < 16 ? m.wait : ccp_start(m.wait));
    return m;
}

static void call_sleep(world *w)
{
    model_wait mw = any_wait(w, false);
    CHECK(ccp_sleep(mw.wait) == mw.ended);
}

static void step(world *w)
{
    uint8_t what = next_byte(&w->in);
    switch (what >> 5) {
    case 5:
        ctx_call(w, what);
        break;
    case 6:
        select_call(w);
        break;
    case 7:
        if (what == 255)
            call_sleep(w);
        else
            wg_call(w, what);
        break;
    default:
        chan_call(w, next_byte(&w->in));
    }
    for (int i = 0; i < CHANS; i++)
        chan_check(w, i);
    ctx_check(w);
    CHECK(w->drop_count == w->expected_drops);
    CHECK(ccp_live_blocks() == CHANS + ctx_blocks(w));
}

/* The knobs at their extremes, and the positions of rings just below their wrap. */
static void set_up(world *w)
{
    static bool saved;
    static ccpi_tuning_s usual;
    if (!saved)
        usual = ccpi_tuning;
    saved = true;
    uint8_t how = next_byte(&w->in);
    ccpi_tuning = how & 1 ? usual : (ccpi_tuning_s){ .fair_pops = 1 };
    ccpi_tuning.first_lap = how & 2 ? -(uint64_t)(1 + how / 4 % 4) : 0;
    for (int i = 0; i < CHANS; i++)
        chan_open(w, i);
    for (int i = 0; i < GROUPS; i++)
        w->wg[i].closes = -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static world w;
    memset(&w, 0, sizeof w);
    w.in = (bytes){ data, data + (size < 4096 ? size : 4096) };
    w.next_number = 1;
    set_up(&w);
    while (w.in.at < w.in.end)
        step(&w);
    wg_end(&w);
    ctx_end_all(&w);
    for (int i = 0; i < CHANS; i++)
        chan_shut(&w, i);
    CHECK(ccp_live_blocks() == 0);
    return 0;
}
