/* SPDX-License-Identifier: MIT
 *
 * Calls of contexts and their hooks, and the model of a tree.
 */
#include "fuzz.h"

#include <string.h>

static const char keys[3] = { 1, 2, 3 };
static int values[3];

int any_ctx(world *w)
{
    int i = next_byte(&w->in) % CTXS;
    return w->ctx[i].ctx ? i : -1;
}

static int free_slot(const world *w)
{
    for (int i = 0; i < CTXS; i++)
        if (!w->ctx[i].exists)
            return i;
    return -1;
}

/* ---- Making ---- */

static ccp_wait some_limit(world *w, uint8_t how, int64_t *deadline)
{
    *deadline = INT64_MAX;
    switch (how % 4) {
    case 0:
        *deadline = 0;
        return CCP_NOWAIT;
    case 1: /* a time that has passed */
        *deadline = 1;
        return ccp_until(how % 8 < 4 ? -5 : 1);
    case 2:
        *deadline = ccp_now() + CCP_SEC(100000 + next_byte(&w->in));
        return ccp_until(*deadline);
    default:
        return CCP_FOREVER;
    }
}

static void call_new(world *w)
{
    int i = free_slot(w), up = any_ctx(w);
    uint8_t how = next_byte(&w->in);
    if (i < 0)
        return;
    model_ctx *m = &w->ctx[i];
    model_ctx *p = up < 0 ? NULL : &w->ctx[up];
    *m = (model_ctx){ .exists = true, .parent = up, .values = up, .deadline = INT64_MAX };
    if (how % 3 == 0) {
        ccp_wait limit = some_limit(w, how / 3, &m->deadline);
        m->ctx = ccp_ctx_new(p ? p->ctx : NULL, limit);
    } else if (how % 3 == 1) {
        m->key = &keys[how / 3 % 3];
        m->value = &values[how / 9 % 3];
        m->ctx = ccp_ctx_new_value(p ? p->ctx : NULL, m->key, m->value);
    } else {
        m->parent = -1;
        m->ctx = ccp_ctx_new_detached(p ? p->ctx : NULL);
    }
    CHECK(m->ctx);
    if (p)
        p->below++;
    if (m->parent >= 0) {
        m->status = p->status;
        m->cause = p->cause;
        if (p->deadline < m->deadline)
            m->deadline = p->deadline;
    }
    if (m->status == CCP_OK && m->deadline <= 1)
        m->status = CCP_TIMEOUT;
    TRACE("context %d below %d: %s\n", i, up, ccp_status_name(m->status));
}

/* ---- Ending ---- */

static bool is_below(const world *w, int i, int top)
{
    while (i >= 0 && i != top)
        i = w->ctx[i].parent;
    return i == top;
}

static void call_cancel(world *w)
{
    int i = any_ctx(w);
    const void *cause = next_byte(&w->in) % 2 ? &values[1] : NULL;
    TRACE("cancel context %d\n", i);
    if (cause)
        ccp_ctx_cancel_cause(i < 0 ? NULL : w->ctx[i].ctx, cause);
    else
        ccp_ctx_cancel(i < 0 ? NULL : w->ctx[i].ctx);
    for (int k = 0; i >= 0 && w->ctx[i].status == CCP_OK && k < CTXS; k++) {
        model_ctx *m = &w->ctx[k];
        if (!m->exists || k == i || !is_below(w, k, i) || m->status != CCP_OK)
            continue;
        m->status = CCP_CANCELED;
        m->cause = cause;
    }
    if (i >= 0 && w->ctx[i].status == CCP_OK) {
        w->ctx[i].status = CCP_CANCELED;
        w->ctx[i].cause = cause;
    }
    for (int k = 0; k < HOOKS; k++) {
        model_hook *h = &w->hook[k];
        if (h->state == HOOK_SET && w->ctx[h->ctx].status != CCP_OK) {
            h->state = h->lets_go ? HOOK_NEVER : HOOK_DONE;
            h->expected++;
        }
    }
}

static bool hooked(const world *w, int i)
{
    for (int k = 0; k < HOOKS; k++)
        if (w->hook[k].state == HOOK_SET && w->hook[k].ctx == i)
            return true;
    return false;
}

/* A context stays while its handle, or a context below it, does. */
static void let_go(world *w, int i)
{
    while (i >= 0 && w->ctx[i].exists && !w->ctx[i].ctx && w->ctx[i].below == 0) {
        w->ctx[i].exists = false;
        i = w->ctx[i].values;
        if (i >= 0)
            w->ctx[i].below--;
    }
}

static void call_free(world *w)
{
    int i = any_ctx(w);
    ccp_status st = ccp_ctx_free(i < 0 ? NULL : w->ctx[i].ctx);
    TRACE("free context %d: %s\n", i, ccp_status_name(st));
    CHECK(st == (i >= 0 && hooked(w, i) ? CCP_BUSY : CCP_OK));
    if (i < 0 || st != CCP_OK)
        return;
    w->ctx[i].ctx = NULL;
    let_go(w, i);
}

/* ---- Hooks ---- */

static void on_end(void *arg)
{
    model_hook *h = arg;
    h->ran++;
    if (h->lets_go) /* from itself it does not wait, and the hook is the program's again */
        CHECK(ccp_ctx_unhook(&h->hook, CCP_FOREVER) == CCP_CLOSED);
}

static void call_hook(world *w)
{
    model_hook *h = &w->hook[next_byte(&w->in) % HOOKS];
    int i = any_ctx(w);
    if (h->state != HOOK_SET)
        h->lets_go = next_byte(&w->in) & 1;
    ccp_status st = ccp_ctx_hook(i < 0 ? NULL : w->ctx[i].ctx, &h->hook, on_end, h);
    TRACE("hook to context %d: %s\n", i, ccp_status_name(st));
    CHECK(st == (i < 0 ? CCP_INVAL : h->state == HOOK_SET ? CCP_BUSY : CCP_OK));
    if (st != CCP_OK)
        return;
    h->ctx = i;
    h->state = w->ctx[i].status == CCP_OK ? HOOK_SET : h->lets_go ? HOOK_NEVER : HOOK_DONE;
    h->expected += h->state != HOOK_SET;
}

static void call_unhook(world *w)
{
    model_hook *h = &w->hook[next_byte(&w->in) % HOOKS];
    model_wait mw = any_wait(w, true);
    ccp_status st = ccp_ctx_unhook(&h->hook, mw.wait);
    TRACE("unhook: %s; hook %d, state %d, ended %s\n", ccp_status_name(st), (int)(h - w->hook),
          (int)h->state, ccp_status_name(mw.ended));
    CHECK(st == (h->state == HOOK_NEVER ? CCP_MISUSE
                 : mw.ended != CCP_OK   ? mw.ended
                 : h->state == HOOK_SET ? CCP_OK
                                        : CCP_CLOSED));
    if (st == CCP_OK)
        h->state = HOOK_NEVER;
}

/* ---- Asking ---- */

static void *model_value(const world *w, int i, const void *key)
{
    for (; i >= 0; i = w->ctx[i].values)
        if (w->ctx[i].key == key)
            return w->ctx[i].value;
    return NULL;
}

static void check_one(const world *w, int i)
{
    const model_ctx *m = &w->ctx[i];
    CHECK(ccp_ctx_status(m->ctx) == m->status);
    CHECK(ccp_ctx_cause(m->ctx) == m->cause);
    if (m->deadline > 1) /* of one that has passed no more is promised than that it has */
        CHECK(ccp_ctx_deadline(m->ctx) == m->deadline);
    for (int k = 0; k < 3; k++)
        CHECK(ccp_ctx_value(m->ctx, &keys[k]) == model_value(w, i, &keys[k]));
}

void ctx_check(const world *w)
{
    for (int i = 0; i < CTXS; i++)
        if (w->ctx[i].ctx)
            check_one(w, i);
    for (int i = 0; i < HOOKS; i++)
        CHECK(w->hook[i].ran == w->hook[i].expected);
}

size_t ctx_blocks(const world *w)
{
    size_t n = 0;
    for (int i = 0; i < CTXS; i++)
        n += w->ctx[i].exists;
    return n;
}

void ctx_call(world *w, uint8_t what)
{
    static void (*const calls[])(world *) = { call_new,  call_new,    call_cancel, call_free,
                                              call_hook, call_unhook, call_free,   call_new };
    calls[what % 8](w);
}

void ctx_end_all(world *w)
{
    for (int i = 0; i < HOOKS; i++)
        if (w->hook[i].state == HOOK_SET)
            CHECK(ccp_ctx_unhook(&w->hook[i].hook, CCP_NOWAIT) == CCP_OK);
    for (int i = 0; i < CTXS; i++)
        CHECK(ccp_ctx_free(w->ctx[i].ctx) == CCP_OK);
}
