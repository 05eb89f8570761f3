/* SPDX-License-Identifier: MIT
 *
 * Calls of channels, and the model of one.
 */
#include "fuzz.h"

#include <string.h>

enum { WIDEST = 24 };

static void count_drop(void *elem, void *arg)
{
    world *w = arg;
    (void)elem;
    w->drop_count++;
}

void chan_open(world *w, int i)
{
    static const size_t sizes[] = { 8, 4, 0, 16, 24, 8, 1, 2 };
    model_chan *m = &w->chan[i];
    uint8_t how = next_byte(&w->in), more = next_byte(&w->in);
    *m = (model_chan){ .size = sizes[how % 8], .cap = how / 8 % 8, .drops = how & 64 };
    m->timer = how >= 240;
    if (m->timer) {
        static const int64_t when[] = { 0, CCP_SEC(100000), -1 };
        m->size = sizeof(int64_t);
        m->cap = 1;
        m->due = more % 3 != 1;
        m->drops = false;
        m->ch = more % 2 && more % 3 == 1 ? ccp_chan_tick(CCP_SEC(100000))
                                          : ccp_chan_after(when[more % 3]);
    } else {
        ccp_chan_opts o = { .elem_size = m->size, .capacity = m->cap, .spread = more & 1 };
        if (m->drops) {
            o.drop = count_drop;
            o.drop_arg = w;
        }
        m->ch = ccp_chan_make(&o);
    }
    TRACE("channel %d: size %zu, capacity %zu%s%s\n", i, m->size, m->cap,
          m->timer ? ", timer" : "", m->drops ? ", drop" : "");
    CHECK(m->ch);
}

static void model_drop_all(world *w, model_chan *m)
{
    if (m->drops)
        w->expected_drops += (uint32_t)m->len;
    m->received += m->len;
    m->len = 0;
}

void chan_shut(world *w, int i)
{
    model_chan *m = &w->chan[i];
    if (!m->ch)
        return;
    model_drop_all(w, m);
    CHECK(ccp_chan_free(m->ch) == CCP_OK);
    CHECK(w->drop_count == w->expected_drops);
    m->ch = NULL;
}

/* Elements show as many bytes of their number as they have; the rest is made of it. */
static void fill(unsigned char *e, size_t size, uint32_t number)
{
    for (size_t i = 0; i < size; i++)
        e[i] = (unsigned char)((number >> (8 * (i % 4))) + i / 4);
}

static void check_elem(const unsigned char *e, size_t size, uint32_t number)
{
    unsigned char expected[WIDEST];
    fill(expected, size, number);
    CHECK(memcmp(e, expected, size) == 0);
}

static void check_untouched(const unsigned char *e, size_t size)
{
    for (size_t i = 0; i < size; i++)
        CHECK(e[i] == 0xEE);
}

static void model_push(world *w, model_chan *m)
{
    m->number[m->len++] = w->next_number++;
    m->sent++;
    if (m->len > m->high)
        m->high = m->len;
}

/* Takes the oldest out, and checks that e is it. */
static void model_pop(model_chan *m, const unsigned char *e)
{
    m->received++;
    if (m->timer) {
        m->due = false;
        return;
    }
    check_elem(e, m->size, m->number[0]);
    memmove(m->number, m->number + 1, (MOST - 1) * sizeof *m->number);
    m->len--;
}

/* What a send or a receive gives now, if it does not wait: CCP_AGAIN if it cannot be done. */
static ccp_status model_send(const model_chan *m)
{
    return m->closed ? CCP_CLOSED : m->len < m->cap ? CCP_OK : CCP_AGAIN;
}

static ccp_status model_receive(const model_chan *m)
{
    if (m->timer)
        return m->closed ? CCP_CLOSED : m->due ? CCP_OK : CCP_AGAIN;
    return m->len ? CCP_OK : m->closed ? CCP_CLOSED : CCP_AGAIN;
}

static ccp_status expected(const model_wait *mw, ccp_status now)
{
    return mw->ended != CCP_OK ? mw->ended : now == CCP_AGAIN ? mw->cannot : now;
}

static void call_send(world *w, model_chan *m)
{
    unsigned char e[WIDEST];
    fill(e, m->size, w->next_number);
    if (m->timer) {
        CHECK(ccp_chan_send(m->ch, e, CCP_NOWAIT) == CCP_INVAL);
        return;
    }
    ccp_status now = model_send(m);
    model_wait mw = any_wait(w, now != CCP_AGAIN);
    ccp_status st = ccp_chan_send(m->ch, e, mw.wait);
    TRACE("  send %s\n", ccp_status_name(st));
    CHECK(st == expected(&mw, now));
    if (st == CCP_OK)
        model_push(w, m);
}

static void call_recv(world *w, model_chan *m)
{
    unsigned char e[WIDEST];
    memset(e, 0xEE, sizeof e);
    ccp_status now = model_receive(m);
    model_wait mw = any_wait(w, now != CCP_AGAIN);
    ccp_status st = ccp_chan_recv(m->ch, e, mw.wait);
    TRACE("  recv %s\n", ccp_status_name(st));
    CHECK(st == expected(&mw, now));
    if (st == CCP_OK)
        model_pop(m, e);
    else
        check_untouched(e, sizeof e);
}

static void call_recv_nowhere(world *w, model_chan *m) /* the element is lost, not dropped */
{
    ccp_status now = model_receive(m);
    model_wait mw = any_wait(w, now != CCP_AGAIN);
    ccp_status st = ccp_chan_recv(m->ch, NULL, mw.wait);
    TRACE("  recv to nowhere %s\n", ccp_status_name(st));
    CHECK(st == expected(&mw, now));
    if (st != CCP_OK)
        return;
    unsigned char e[WIDEST];
    fill(e, m->size, m->number[0]);
    model_pop(m, e);
}

static void call_send_n(world *w, model_chan *m)
{
    unsigned char e[MOST * WIDEST];
    size_t n = next_byte(&w->in) % (MOST + 1), sent = 99;
    for (size_t i = 0; i < n; i++)
        fill(e + i * m->size, m->size, w->next_number + (uint32_t)i);
    ccp_status now = m->timer || n == 0 ? CCP_INVAL : model_send(m);
    model_wait mw = any_wait(w, now != CCP_AGAIN);
    ccp_status st = ccp_chan_send_n(m->ch, e, n, &sent, mw.wait);
    TRACE("  send %zu: %s, %zu\n", n, ccp_status_name(st), sent);
    CHECK(st == (now == CCP_INVAL ? now : expected(&mw, now)));
    size_t room = m->cap - m->len;
    CHECK(sent == (st == CCP_OK ? n < room ? n : room : 99));
    for (size_t i = 0; st == CCP_OK && i < sent; i++)
        model_push(w, m);
}

static void call_recv_n(world *w, model_chan *m)
{
    unsigned char e[MOST * WIDEST];
    memset(e, 0xEE, sizeof e);
    size_t n = next_byte(&w->in) % (MOST + 1), got = 99, has = m->timer ? m->due : m->len;
    ccp_status now = n == 0 ? CCP_INVAL : model_receive(m);
    model_wait mw = any_wait(w, now != CCP_AGAIN);
    ccp_status st = ccp_chan_recv_n(m->ch, e, n, &got, mw.wait);
    TRACE("  recv %zu: %s, %zu\n", n, ccp_status_name(st), got);
    CHECK(st == (now == CCP_INVAL ? now : expected(&mw, now)));
    CHECK(got == (st == CCP_OK ? n < has ? n : has : 99));
    size_t k = st == CCP_OK ? got : 0;
    for (size_t i = 0; i < k; i++)
        model_pop(m, e + i * m->size);
    check_untouched(e + k * m->size, sizeof e - k * m->size);
}

void chan_model_close(world *w, model_chan *m)
{
    (void)w;
    m->closed = true;
}

static void call_close(world *w, model_chan *m)
{
    ccp_status st = ccp_chan_close(m->ch);
    TRACE("  close %s\n", ccp_status_name(st));
    CHECK(st == (m->closed ? CCP_CLOSED : CCP_OK));
    chan_model_close(w, m);
}

static void call_cancel(world *w, model_chan *m)
{
    ccp_status st = ccp_chan_cancel(m->ch);
    TRACE("  cancel %s\n", ccp_status_name(st));
    CHECK(st == (m->closed && (m->timer || m->len == 0) ? CCP_CLOSED : CCP_OK));
    chan_model_close(w, m);
    model_drop_all(w, m);
}

static void call_senders(world *w, model_chan *m)
{
    uint8_t what = next_byte(&w->in);
    if (what & 1) {
        unsigned n = what / 2 % 4;
        ccp_status st = ccp_chan_add_senders(m->ch, n);
        TRACE("  add %u senders %s\n", n, ccp_status_name(st));
        CHECK(st == (n == 0 ? CCP_INVAL : m->closed ? CCP_CLOSED : CCP_OK));
        m->senders += st == CCP_OK ? n : 0;
        return;
    }
    ccp_status st = ccp_chan_sender_done(m->ch);
    TRACE("  sender done %s\n", ccp_status_name(st));
    CHECK(st == (m->senders ? CCP_OK : CCP_MISUSE));
    if (m->senders && --m->senders == 0)
        chan_model_close(w, m);
}

static void call_reopen(world *w, model_chan *m)
{
    if (m->pending)
        return;
    int i = (int)(m - w->chan);
    TRACE("  another channel\n");
    chan_shut(w, i);
    chan_open(w, i);
}

void chan_call(world *w, uint8_t what)
{
    static void (*const calls[])(world *, model_chan *) = {
        call_send,   call_recv,   call_send,    call_recv,         call_send_n, call_recv_n,
        call_close,  call_cancel, call_senders, call_recv_nowhere, call_reopen, call_send_n,
        call_recv_n, call_send,   call_recv,    call_send,
    };
    int i = what % CHANS;
    TRACE("channel %d:\n", i);
    calls[what / CHANS % (sizeof calls / sizeof *calls)](w, &w->chan[i]);
}

void chan_check(const world *w, int i)
{
    const model_chan *m = &w->chan[i];
    ccp_chan_info info;
    CHECK(ccp_chan_get_info(m->ch, &info) == CCP_OK);
    size_t len = m->timer ? m->due && !m->closed : m->len;
    CHECK(info.elem_size == m->size && info.capacity == m->cap);
    CHECK(info.len == len && ccp_chan_len(m->ch) == len);
    CHECK(info.closed == m->closed && ccp_chan_is_closed(m->ch) == m->closed);
    CHECK(info.waiting_senders == 0 && info.waiting_receivers == 0);
    if (m->timer)
        return;
    CHECK(info.high_water == m->high);
    if (m->cap && m->size)
        CHECK(info.sent == m->sent && info.received == m->received);
}

/* ---- Select ---- */

typedef struct model_case {
    model_chan *chan; /* NULL: a context, or switched off */
    bool sends;
    ccp_status now;
} model_case;

typedef struct selection {
    ccp_case cases[CASES];
    model_case model[CASES];
    size_t n;
    bool ready;
    unsigned char out[WIDEST * CHANS], in[CASES][WIDEST];
} selection;

static void add_case(world *w, selection *s, uint8_t what)
{
    size_t i = s->n++;
    model_case *k = &s->model[i];
    model_chan *m = &w->chan[what % CHANS];
    *k = (model_case){ .now = CCP_AGAIN };
    if (what >= 224) { /* a context, or nothing */
        int c = any_ctx(w);
        s->cases[i] = CCP_CASE_DONE(c < 0 ? NULL : w->ctx[c].ctx);
        k->now = c >= 0 && w->ctx[c].status != CCP_OK ? CCP_OK : CCP_AGAIN;
    } else if (what >= 208) {
        s->cases[i] = CCP_CASE_RECV(NULL, s->in[i]);
    } else if ((what & 4) && !m->timer) {
        unsigned char *e = s->out + WIDEST * (what % CHANS);
        fill(e, m->size, w->next_number);
        s->cases[i] = CCP_CASE_SEND(m->ch, e);
        *k = (model_case){ m, true, model_send(m) };
    } else {
        s->cases[i] = CCP_CASE_RECV(m->ch, s->in[i]);
        *k = (model_case){ m, false, model_receive(m) };
    }
    s->ready = s->ready || k->now != CCP_AGAIN;
}

static void apply_case(world *w, selection *s, size_t i, ccp_status st)
{
    model_case *k = &s->model[i];
    for (size_t j = 0; j < s->n; j++)
        if (j != i || st != CCP_OK || !k->chan || k->sends)
            check_untouched(s->in[j], WIDEST);
    if (st != CCP_OK || !k->chan)
        return;
    if (k->sends)
        model_push(w, k->chan);
    else
        model_pop(k->chan, s->in[i]);
}

void select_call(world *w)
{
    selection s = { .n = 0 };
    memset(s.in, 0xEE, sizeof s.in);
    uint8_t how = next_byte(&w->in);
    for (size_t n = how % (CASES + 1); s.n < n;)
        add_case(w, &s, next_byte(&w->in));
    bool first = how & 128;
    size_t chosen = 99, ready = 0;
    model_wait mw = any_wait(w, s.ready);
    ccp_status st = first ? ccp_select_first(s.cases, s.n, &chosen, mw.wait)
                          : ccp_select(s.cases, s.n, &chosen, mw.wait);
    TRACE("select%s of %zu: %s, %zu\n", first ? " first" : "", s.n, ccp_status_name(st), chosen);
    while (ready < s.n && s.model[ready].now == CCP_AGAIN)
        ready++;
    if (mw.ended != CCP_OK || !s.ready) {
        CHECK(st == expected(&mw, CCP_AGAIN) && chosen == 99);
        apply_case(w, &s, 0, CCP_AGAIN);
        return;
    }
    CHECK(chosen < s.n && st == s.model[chosen].now);
    CHECK(!first || chosen == ready);
    apply_case(w, &s, chosen, st);
}
