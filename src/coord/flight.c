/* SPDX-License-Identifier: MIT
 *
 * Single-flight: calls by key, of which one at a time runs and all who came meanwhile get the
 * result.
 *
 * Model           A table of calls under way.  The caller that finds none for its key makes one and
 *                 runs it; who finds one waits, or leaves a channel there (a port).
 * Invariants
 *   D1  A call is in the table if and only if it is `listed`: from its making until it is done or
 *       forgotten.  At most one for each key is.
 *   D2  refs counts whoever runs the call, the threads that wait for it, and its ports, until each
 *       has taken the result or left.  The last one gives the call back.
 *   D3  result, status and shared change until `done` is set, by the runner; then they are const.
 *   D4  A node is in a call's queue only until it is done.
 *   D5  A port is in the flight's list until it is served or left; `call` is NULL while it is being
 *       served: then who leaves it only marks it, and who serves it frees the channel.
 *   D6  calls counts the calls that are not done; tails those who have done one, and still use the
 *       flight: freeing waits for them.
 * Locks           `lock` protects all that changes but the result.  No function of the program runs
 *                 under it.
 */
#include "base/backoff.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/track.h"
#include "block/wait.h"

#define BUCKETS 64
#define HEAD sizeof(uint64_t) /* of an element of a port, before the result: CCP_FLIGHT_RESULT */
#define ROUND_UP(n) (((n) + 7) / 8 * 8)

typedef struct call {
    ccpi_link link;    /* under lock: in its bucket, if listed */
    ccpi_list queue;   /* under lock: threads that wait */
    ccpi_list ports;   /* under lock: those to be served */
    ccpi_self *runner; /* under lock: the thread in fn; NULL if there is none */
    size_t refs;       /* under lock */
    size_t len;        /* const after new */
    uint64_t hash;     /* const after new */
    ccp_status status; /* of fn; D3 */
    bool listed;       /* under lock */
    bool done;         /* under lock */
    bool shared;       /* more than one gets the result; D3 */
    bool apart;        /* const after listed: runs in a thread of its own, which wants no result */
    _Alignas(8) unsigned char bytes[]; /* the result, then the key */
} call;

typedef struct port {
    ccpi_link in_call;   /* under lock, while `call` */
    ccpi_link in_flight; /* under lock */
    call *call;          /* under lock; D5 */
    ccp_chan *ch;        /* const after new */
    bool left;           /* under lock; D5 */
    uint64_t elem[];     /* what is sent: HEAD bytes, then the result */
} port;

/* A thread that runs one call. */
typedef struct runner {
    struct runner *next; /* under lock, once it has ended */
    ccp_flight *f;
    call *call;
    ccp_flight_fn fn;
    void *arg;
    ccpi_thread thread;
} runner;

struct ccp_flight {
    ccpi_lock lock;
    size_t calls, tails;        /* under lock; D6 */
    size_t waiting, chans;      /* under lock: threads asleep; ports to be served */
    ccpi_list ports;            /* under lock */
    runner *ended;              /* under lock: threads to be joined */
    ccp_flight_opts o;          /* const after new */
    ccpi_list bucket[BUCKETS];  /* under lock */
};

static const ccpi_kind kind = { "single-flight", "ccp_flight_", NULL, NULL };

/* ---- making ---- */

ccp_flight *ccp_flight_make(const ccp_flight_opts *o)
{
    static const ccp_flight_opts defaults;
    if (!o)
        o = &defaults;
    size_t size; /* the largest block, but for the key */
    if (!ccpi_size_mul_add(o->result_size, 1, sizeof(call) + sizeof(port) + 2 * HEAD, &size) ||
        (o->drop && !o->copy))
        return NULL;
    ccp_flight *f = ccpi_alloc(sizeof *f);
    if (!f)
        return NULL;
    f->o = *o;
    ccpi_track(f, &kind, NULL);
    return f;
}

ccp_flight *ccp_flight_new(size_t result_size)
{
    return ccp_flight_make(&(ccp_flight_opts){ .result_size = result_size });
}

static void join_ended(ccp_flight *f)
{
    ccpi_lock_acquire(&f->lock);
    runner *r = f->ended;
    f->ended = NULL;
    ccpi_lock_release(&f->lock);
    while (r) {
        runner *next = r->next;
        ccpi_thread_join(r->thread);
        ccpi_free(r);
        r = next;
    }
}

/* Calls that were under way stay where they are. */
static void release_dead(ccp_flight *f)
{
    ccpi_untrack(f);
    ccpi_free(f);
}

ccp_status ccp_flight_free(ccp_flight *f)
{
    if (!f)
        return CCP_OK;
    if (ccpi_is_dead(f)) {
        release_dead(f);
        return CCP_OK;
    }
    size_t calls, tails;
    for (unsigned tries = 0;;) {
        ccpi_lock_acquire(&f->lock);
        calls = f->calls;
        tails = f->tails;
        ccpi_lock_release(&f->lock);
        if (calls || !tails)
            break;
        ccpi_backoff(&tries); /* D6: they have nothing to do but hand out the result */
    }
    if (calls)
        return CCP_BUSY;
    ccpi_untrack(f);
    join_ended(f);
    ccpi_free(f);
    return CCP_OK;
}

/* ---- the table ---- */

static uint64_t hash_of(const unsigned char *key, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        h = (h ^ key[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

static size_t result_space(const ccp_flight *f)
{
    return ROUND_UP(f->o.result_size);
}

/* Under the lock. */
static call *find(ccp_flight *f, const ccp_flight_call *c, uint64_t hash)
{
    for (ccpi_link *l = f->bucket[hash % BUCKETS].first; l; l = l->next) {
        call *k = CCPI_CONTAINER(l, call, link);
        if (k->hash == hash && k->len == c->len &&
            (c->len == 0 || memcmp(k->bytes + result_space(f), c->key, c->len) == 0))
            return k;
    }
    return NULL;
}

static call *new_call(const ccp_flight *f, const ccp_flight_call *c, uint64_t hash)
{
    size_t size;
    bool fits = ccpi_size_mul_add(c->len, 1, sizeof(call) + result_space(f), &size);
    call *k = fits ? ccpi_alloc(size) : NULL;
    if (!k)
        return NULL;
    k->refs = 1;
    k->len = c->len;
    k->hash = hash;
    if (c->len)
        memcpy(k->bytes + result_space(f), c->key, c->len);
    return k;
}

/* Under the lock. */
static void list(ccp_flight *f, call *k)
{
    ccpi_list_append(&f->bucket[k->hash % BUCKETS], &k->link);
    k->listed = true;
    f->calls++;
}

/* Under the lock. */
static void unlist(ccp_flight *f, call *k)
{
    if (k->listed)
        ccpi_list_remove(&f->bucket[k->hash % BUCKETS], &k->link);
    k->listed = false;
}

/* Finds the call of a key, or lists a new one: *made.  The lock is held then; NULL, and it is not:
 * memory is short. */
static call *find_or_list(ccp_flight *f, const ccp_flight_call *c, bool *made)
{
    uint64_t hash = hash_of(c->key, c->len);
    call *fresh = NULL;
    for (;;) {
        ccpi_lock_acquire(&f->lock);
        call *k = find(f, c, hash);
        *made = !k && fresh;
        if (*made)
            list(f, fresh);
        if (*made || (k && !fresh))
            return k ? k : fresh;
        ccpi_lock_release(&f->lock); /* the allocator is the program's */
        if (k) {                     /* somebody was faster */
            ccpi_free(fresh);
            fresh = NULL;
        } else if (!(fresh = new_call(f, c, hash)))
            return NULL;
    }
}

/* ---- results ---- */

static void drop_result(const ccp_flight *f, void *result)
{
    if (f->o.drop)
        f->o.drop(result, f->o.arg);
}

/* D2: one less; gives the call back if that was the last one. */
static void release(ccp_flight *f, call *k)
{
    ccpi_lock_acquire(&f->lock);
    bool last = --k->refs == 0;
    ccpi_lock_release(&f->lock);
    if (!last)
        return;
    if (k->status == CCP_OK)
        drop_result(f, k->bytes);
    ccpi_free(k);
}

/* Takes the result of a call that is done, and lets go of it; `to` may be NULL.  The last one gets
 * the original, the others a copy. */
static void take(ccp_flight *f, call *k, void *to)
{
    if (k->status != CCP_OK || !to) {
        release(f, k);
        return;
    }
    ccpi_lock_acquire(&f->lock);
    bool last = k->refs == 1;
    ccpi_lock_release(&f->lock);
    if (last || !f->o.copy)
        ccpi_copy(to, k->bytes, f->o.result_size);
    else
        f->o.copy(to, k->bytes, f->o.arg);
    if (last)
        ccpi_free(k);
    else
        release(f, k);
}

/* ---- ports ---- */

static void drop_unreceived(void *elem, void *arg)
{
    const ccp_flight_opts *o = (const ccp_flight_opts *)arg;
    ccp_status status;
    memcpy(&status, elem, sizeof status);
    if (status == CCP_OK && o->drop)
        o->drop((unsigned char *)elem + HEAD, o->arg);
}

static port *new_port(ccp_flight *f)
{
    size_t size = HEAD + result_space(f);
    port *p = ccpi_alloc(sizeof *p + size);
    if (!p)
        return NULL;
    p->ch = ccp_chan_make(&(ccp_chan_opts){
        .elem_size = size, .capacity = 1, .drop = drop_unreceived, .drop_arg = &f->o });
    if (p->ch)
        return p;
    ccpi_free(p);
    return NULL;
}

static void free_port(port *p)
{
    (void)ccp_chan_free(p->ch);
    ccpi_free(p);
}

/* Under the lock. */
static void attach(ccp_flight *f, call *k, port *p)
{
    p->call = k;
    k->refs++;
    f->chans++;
    ccpi_list_append(&k->ports, &p->in_call);
    ccpi_list_append(&f->ports, &p->in_flight);
}

/* Under the lock: from now on nobody but the caller serves it. */
static void detach(ccp_flight *f, port *p)
{
    ccpi_list_remove(&p->call->ports, &p->in_call);
    p->call = NULL;
    f->chans--;
}

static void serve(ccp_flight *f, call *k, port *p)
{
    unsigned char *elem = (unsigned char *)p->elem;
    struct {
        ccp_status status;
        bool shared;
    } head = { k->status, k->shared };
    memset(elem, 0, HEAD);
    memcpy(elem, &head.status, sizeof head.status);
    memcpy(elem + sizeof head.status, &head.shared, sizeof head.shared);
    take(f, k, elem + HEAD);
    if (ccp_chan_send(p->ch, elem, CCP_NOWAIT) == CCP_OK) /* there is room for one */
        (void)ccp_chan_close(p->ch);
    ccpi_lock_acquire(&f->lock);
    ccpi_list_remove(&f->ports, &p->in_flight);
    bool left = p->left;
    ccpi_lock_release(&f->lock);
    if (left)
        (void)ccp_chan_free(p->ch);
    ccpi_free(p);
}

static void serve_all(ccp_flight *f, call *k)
{
    for (;;) {
        ccpi_lock_acquire(&f->lock);
        port *p = k->ports.first ? CCPI_CONTAINER(k->ports.first, port, in_call) : NULL;
        if (p)
            detach(f, p);
        ccpi_lock_release(&f->lock);
        if (!p)
            return;
        serve(f, k, p);
    }
}

/* ---- running ---- */

/* fn has returned: everybody gets the result.  Leaves a tail (D6). */
static void finish(ccp_flight *f, call *k, ccp_status status)
{
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(&f->lock);
    unlist(f, k);
    k->done = true;
    k->status = status;
    k->runner = NULL;
    k->shared = k->refs - k->apart > 1;
    f->calls--;
    f->tails++;
    f->waiting -= (size_t)ccpi_queue_claim_all(&k->queue, &won);
    ccpi_lock_release(&f->lock);
    ccpi_wake_all(&won);
    serve_all(f, k);
}

static ccp_status run_here(ccp_flight *f, call *k, const ccp_flight_call *c, void *result,
                           bool *shared)
{
    finish(f, k, c->fn(k->bytes, c->arg));
    ccp_status st = k->status;
    if (st == CCP_OK && shared)
        *shared = k->shared;
    take(f, k, result);
    ccpi_lock_acquire(&f->lock);
    f->tails--;
    ccpi_lock_release(&f->lock);
    return st;
}

/* The lock is held.  Waits for a call that somebody else runs. */
static ccp_status join(ccp_flight *f, call *k, void *result, bool *shared, ccp_wait w)
{
    ccpi_waiter waiter;
    ccpi_node node;
    ccpi_waiter_init(&waiter, "ccp_flight_do", f);
    ccpi_node_init(&node, &waiter, 0, NULL);
    ccp_status st = k->runner == ccpi_self_get() ? CCP_DEADLOCK
                    : ccpi_wait_not_at_all(w)    ? CCP_AGAIN
                                                 : CCP_OK;
    if (st == CCP_OK) {
        k->refs++;
        f->waiting++;
        ccpi_queue_add(&k->queue, &node);
    }
    ccpi_lock_release(&f->lock);
    if (st != CCP_OK)
        return st;
    uint32_t verdict = ccpi_wait_sleep(w, &waiter, ccpi_wait_deadline(w));
    ccpi_lock_acquire(&f->lock);
    bool done = k->done;
    if (!done) {
        ccpi_queue_remove(&k->queue, &node);
        f->waiting--;
        k->refs--; /* the runner has one still */
    }
    ccpi_lock_release(&f->lock);
    if (!done)
        return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
    st = k->status;
    if (st == CCP_OK && shared)
        *shared = k->shared;
    take(f, k, result);
    return st;
}

static bool is_call(const ccp_flight *f, const ccp_flight_call *c)
{
    return f && c && c->fn && (c->key || c->len == 0);
}

ccp_status ccp_flight_do(ccp_flight *f, const ccp_flight_call *c, void *result, bool *shared,
                         ccp_wait w)
{
    if (!is_call(f, c))
        return CCP_INVAL;
    if (ccpi_is_dead(f))
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    bool made;
    call *k = find_or_list(f, c, &made);
    if (!k)
        return CCP_NOMEM;
    if (!made)
        return join(f, k, result, shared, w);
    k->runner = ccpi_self_get();
    ccpi_lock_release(&f->lock);
    return run_here(f, k, c, result, shared);
}

/* ---- running in a thread ---- */

static void run_apart(void *arg)
{
    runner *r = arg;
    ccp_flight *f = r->f;
    r->thread = ccpi_thread_self();
    ccpi_lock_acquire(&f->lock);
    r->call->runner = ccpi_self_get();
    ccpi_lock_release(&f->lock);
    finish(f, r->call, r->fn(r->call->bytes, r->arg));
    release(f, r->call);
    ccpi_lock_acquire(&f->lock);
    r->next = f->ended;
    f->ended = r;
    f->tails--;
    ccpi_lock_release(&f->lock); /* the last access; who frees f joins this thread first */
}

/* The call is listed, with a port.  If there is no thread for it, all get CCP_NOMEM. */
static ccp_status start(ccp_flight *f, runner *r, port *p)
{
    ccpi_thread thread; /* the runner notes its own: it may have ended before we return */
    call *k = r->call;
    if (ccpi_thread_start(&thread, &(ccpi_thread_opts){ 0 }, run_apart, r))
        return CCP_OK;
    ccpi_lock_acquire(&f->lock);
    detach(f, p);
    ccpi_list_remove(&f->ports, &p->in_flight);
    k->refs--; /* the runner's is there still */
    ccpi_lock_release(&f->lock);
    finish(f, k, CCP_NOMEM);
    release(f, k);
    ccpi_lock_acquire(&f->lock);
    f->tails--;
    ccpi_lock_release(&f->lock);
    return CCP_NOMEM;
}

ccp_status ccp_flight_do_chan(ccp_flight *f, const ccp_flight_call *c, ccp_chan **out)
{
    if (!is_call(f, c) || !out)
        return CCP_INVAL;
    if (ccpi_is_dead(f))
        return CCP_FORKED;
    join_ended(f);
    bool made = false;
    port *p = new_port(f);
    runner *r = p ? ccpi_alloc(sizeof *r) : NULL;
    call *k = r ? find_or_list(f, c, &made) : NULL;
    ccp_status st = k ? CCP_OK : CCP_NOMEM;
    ccp_chan *ch = p ? p->ch : NULL;
    if (k) {
        k->apart |= made;
        attach(f, k, p);
        ccpi_lock_release(&f->lock);
        if (made) {
            *r = (runner){ .f = f, .call = k, .fn = c->fn, .arg = c->arg };
            st = start(f, r, p);
        }
    }
    if (!made || st != CCP_OK)
        ccpi_free(r);
    if (st == CCP_OK)
        *out = ch; /* the port may be gone already */
    else if (p)
        free_port(p);
    return st;
}

ccp_status ccp_flight_leave(ccp_flight *f, ccp_chan *ch)
{
    if (!f || !ch)
        return CCP_INVAL;
    if (ccpi_is_dead(f))
        return CCP_FORKED;
    ccp_chan_info info;
    (void)ccp_chan_get_info(ch, &info);
    if (info.waiting_receivers)
        return CCP_BUSY;
    port *p = NULL;
    bool served = true;
    ccpi_lock_acquire(&f->lock);
    for (ccpi_link *l = f->ports.first; l && !p; l = l->next)
        if (CCPI_CONTAINER(l, port, in_flight)->ch == ch)
            p = CCPI_CONTAINER(l, port, in_flight);
    if (p && p->call) {
        p->call->refs--; /* the runner has one still */
        detach(f, p);
        ccpi_list_remove(&f->ports, &p->in_flight);
    } else if (p) { /* D5 */
        p->left = true;
        p = NULL;
        served = false;
    }
    ccpi_lock_release(&f->lock);
    if (served)
        (void)ccp_chan_free(ch);
    ccpi_free(p);
    return CCP_OK;
}

/* ---- forgetting, looking ---- */

ccp_status ccp_flight_forget(ccp_flight *f, const void *key, size_t len)
{
    if (!f || (!key && len))
        return CCP_INVAL;
    if (ccpi_is_dead(f))
        return CCP_FORKED;
    uint64_t hash = hash_of(key, len);
    ccpi_lock_acquire(&f->lock);
    call *k = find(f, &(ccp_flight_call){ .key = key, .len = len }, hash);
    if (k)
        unlist(f, k);
    ccpi_lock_release(&f->lock);
    return CCP_OK;
}

ccp_status ccp_flight_get_info(const ccp_flight *f, ccp_flight_info *out)
{
    if (!f || !out)
        return CCP_INVAL;
    if (ccpi_is_dead(f))
        return CCP_FORKED;
    ccp_flight *g = (ccp_flight *)(uintptr_t)f; /* but for the lock it is not changed */
    ccpi_lock_acquire(&g->lock);
    *out = (ccp_flight_info){ .calls = f->calls, .waiting = f->waiting, .chans = f->chans };
    ccpi_lock_release(&g->lock);
    return CCP_OK;
}
