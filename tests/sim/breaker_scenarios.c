/* SPDX-License-Identifier: MIT
 *
 * Circuit breakers: every pair of operations in every state, every schedule; triples of those that
 * move it; two that count in the same cell; functions of the program that are asked meanwhile.  And
 * budgets of retries.
 *
 * The history of each breaker is compared with a sequential one (Q1 Q2 Q3 Q4 Q6 Q9), time included.
 * The changes told make up a chain that leads to the last state (Q7).
 */
#include "scene.h"

#include "base/machine.h"
#include "lin.h"

#include <stdio.h>

enum { OPEN_NS = 100, PROBE_NS = 50, FAILURES = 2, PROBES = 2, CLOSE_AFTER = 2 };

/* ---- The sequential breaker ---- */

enum { B_ALLOW = 20, B_DONE, B_SET, B_INFO, B_TIME };

typedef struct model {
    int64_t now, until;
    uint32_t generation, state, held, probing;
    uint32_t successes, failures, row;
} model;

static void begin_generation(model *m, ccp_breaker_state state)
{
    m->generation++;
    m->state = (uint32_t)state;
    m->probing = m->successes = m->failures = m->row = 0;
    m->until = m->held ? INT64_MAX : m->now + OPEN_NS;
}

static bool is_full(const model *m)
{
    return m->probing >= PROBES || m->probing + m->successes >= CLOSE_AFTER;
}

static void notice_time(model *m)
{
    if (m->state == CCP_BREAKER_OPEN && m->now >= m->until)
        begin_generation(m, CCP_BREAKER_HALF_OPEN);
}

static bool allows(model *m)
{
    notice_time(m);
    if (m->state != CCP_BREAKER_HALF_OPEN)
        return m->state == CCP_BREAKER_CLOSED;
    if (is_full(m)) {
        if (m->now < m->until)
            return false;
        begin_generation(m, CCP_BREAKER_HALF_OPEN);
    }
    m->probing++;
    m->until = m->now + PROBE_NS;
    return true;
}

static void counts(model *m, bool success)
{
    bool half = m->state == CCP_BREAKER_HALF_OPEN;
    m->probing -= half;
    m->successes += success;
    m->failures += !success;
    m->row = success ? 0 : m->row + 1;
    if (half && !success)
        begin_generation(m, CCP_BREAKER_OPEN);
    else if (half && m->successes == CLOSE_AFTER)
        begin_generation(m, CCP_BREAKER_CLOSED);
    else if (!half && !m->held && m->row == FAILURES)
        begin_generation(m, CCP_BREAKER_OPEN);
}

static uint64_t digest(const ccp_breaker_info *i)
{
    const ccp_breaker_counts *c = &i->counts;
    uint64_t h = sim_hash(sim_hash(0, (uint64_t)i->state), i->held);
    h = sim_hash(sim_hash(h, i->generation), i->probing);
    h = sim_hash(sim_hash(h, c->successes), c->failures);
    return sim_hash(h, c->consecutive_failures);
}

static void model_init(void *state, const void *config)
{
    *(model *)state = *(const model *)config;
}

static uint64_t model_hash(const void *state, const void *config)
{
    const model *m = state;
    (void)config;
    uint64_t h = sim_hash(sim_hash(0, (uint64_t)m->now), (uint64_t)m->until);
    h = sim_hash(sim_hash(h, m->generation), (uint64_t)m->state << 8 | m->held);
    h = sim_hash(sim_hash(h, m->probing), m->successes);
    return sim_hash(sim_hash(h, m->failures), m->row);
}

static bool model_step(void *state, const lin_op *op, const void *config)
{
    model *m = state;
    (void)config;
    switch (op->kind) {
    case B_ALLOW:
        if (!allows(m))
            return op->status == CCP_OPEN;
        return op->status == CCP_OK && op->value == m->generation;
    case B_DONE:
        if (op->value == m->generation)
            counts(m, op->n);
        return op->status == CCP_OK;
    case B_SET:
        m->held = op->n;
        begin_generation(m, (ccp_breaker_state)op->value);
        return true;
    case B_TIME:
        m->now += (int64_t)op->value;
        return true;
    default: {
        notice_time(m);
        ccp_breaker_info i = { .state = (ccp_breaker_state)m->state,
                               .held = m->held,
                               .generation = m->generation,
                               .probing = m->probing,
                               .counts = { .successes = m->successes,
                                           .failures = m->failures,
                                           .consecutive_failures = m->row } };
        return op->value == digest(&i);
    }
    }
}

static const lin_model breaker_model = { sizeof(model), model_init, model_step, model_hash };

/* ---- The stage ---- */

typedef enum operation {
    ALLOW,   /* and keep the ticket */
    CALL_OK, /* asks, and reports */
    CALL_FAIL,
    OLD_OK, /* reports a call of before */
    OLD_FAIL,
    TIME, /* open_ns pass */
    SOON, /* probe_ns */
    SET_OPEN,
    SET_CLOSED,
    SET_HALF,
    HOLD_OPEN,
    INFO,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "allow", "call_ok",  "call_fail",  "old_ok",   "old_fail",  "time",
    "soon",  "set_open", "set_closed", "set_half", "hold_open", "info",
};

typedef enum beginning {
    CLOSED,
    FAILED_ONCE,
    OPENED,
    DUE, /* open, its time has come, and nobody has noticed */
    HALF,
    HALF_FULL,
    HALF_DUE, /* full, and the time of those who probe has come */
    HELD_CLOSED,
    BEGINNINGS
} beginning;

static const char *const beginning_names[BEGINNINGS] = {
    "closed", "failed_once", "open", "due", "half", "half_full", "half_due", "held_closed",
};

typedef struct play {
    beginning begins;
    bool meet; /* all count in the same cell */
    int ops;
    operation op[3];
} play;

static const play *now;
static ccp_breaker *b;
static lin_history history;
static model at_first;
static ccp_breaker_ticket old;
static ccp_breaker_state told;

static void tell(const char *name, ccp_breaker_state from, ccp_breaker_state to, void *arg)
{
    (void)name;
    (void)arg;
    sim_assert(from == told && to != from); /* Q7; a race on `told` would be seen */
    told = to;
}

/* ---- Operations ---- */

static bool allow(ccp_breaker_ticket *t)
{
    int i = lin_begin(&history, B_ALLOW, 0, 0, 0);
    ccp_status st = ccp_breaker_allow(b, t);
    lin_end(&history, i, (int)st, st == CCP_OK ? t->generation_ : 0, 0);
    return st == CCP_OK;
}

static void done(ccp_breaker_ticket t, bool success)
{
    int i = lin_begin(&history, B_DONE, 0, t.generation_, success);
    ccp_status st = ccp_breaker_done(b, t, success ? CCP_OK : CCP_FAILED);
    lin_end(&history, i, (int)st, t.generation_, success);
}

static void set(ccp_breaker_state state, bool hold)
{
    int i = lin_begin(&history, B_SET, 0, (uint64_t)state, hold);
    ccp_status st = ccp_breaker_set(b, state, hold);
    lin_end(&history, i, (int)st, (uint64_t)state, hold);
}

static void pass_time(int64_t ns)
{
    int i = lin_begin(&history, B_TIME, 0, (uint64_t)ns, 0);
    sim_advance(ns);
    lin_end(&history, i, CCP_OK, (uint64_t)ns, 0);
}

static ccp_breaker_info look(void)
{
    ccp_breaker_info info;
    int i = lin_begin(&history, B_INFO, 0, 0, 0);
    ccp_status st = ccp_breaker_get_info(b, &info);
    sim_assert(st == CCP_OK);
    lin_end(&history, i, (int)st, digest(&info), 0);
    return info;
}

static void act_out(void *arg)
{
    ccp_breaker_ticket t;
    operation op = *(const operation *)arg;
    if (now->meet)
        ccpi_self_get()->rand = 4;
    switch (op) {
    case ALLOW:
        (void)allow(&t);
        break;
    case CALL_OK:
    case CALL_FAIL:
        if (allow(&t))
            done(t, op == CALL_OK);
        break;
    case OLD_OK:
    case OLD_FAIL:
        done(old, op == OLD_OK);
        break;
    case TIME:
        pass_time(OPEN_NS);
        break;
    case SOON:
        pass_time(PROBE_NS);
        break;
    case SET_OPEN:
        set(CCP_BREAKER_OPEN, false);
        break;
    case SET_CLOSED:
        set(CCP_BREAKER_CLOSED, false);
        break;
    case SET_HALF:
        set(CCP_BREAKER_HALF_OPEN, false);
        break;
    case HOLD_OPEN:
        set(CCP_BREAKER_OPEN, true);
        break;
    default:
        (void)look();
        break;
    }
}

/* ---- Beginning and end ---- */

static void call(ccp_status outcome)
{
    ccp_breaker_ticket t;
    sim_assert(ccp_breaker_allow(b, &t) == CCP_OK);
    sim_assert(ccp_breaker_done(b, t, outcome) == CCP_OK);
}

static void bring_about(beginning begins)
{
    sim_assert(ccp_breaker_allow(b, &old) == CCP_OK);
    switch (begins) {
    case FAILED_ONCE:
        call(CCP_FAILED);
        break;
    case OPENED:
    case DUE:
        call(CCP_FAILED);
        call(CCP_FAILED);
        if (begins == DUE)
            sim_advance(OPEN_NS);
        break;
    case HALF:
    case HALF_FULL:
    case HALF_DUE:
        sim_assert(ccp_breaker_set(b, CCP_BREAKER_HALF_OPEN, false) == CCP_OK);
        sim_assert(ccp_breaker_allow(b, &old) == CCP_OK);
        if (begins != HALF)
            sim_assert(ccp_breaker_allow(b, &old) == CCP_OK);
        if (begins == HALF_DUE)
            sim_advance(PROBE_NS);
        break;
    case HELD_CLOSED:
        sim_assert(ccp_breaker_set(b, CCP_BREAKER_CLOSED, true) == CCP_OK);
        sim_assert(ccp_breaker_allow(b, &old) == CCP_OK);
        break;
    default:
        break;
    }
}

/* What the sequential breaker begins with.  A look at the breaker would notice the time. */
static model model_of(beginning begins)
{
    model m = { .now = sim_now(), .generation = 1 };
    switch (begins) {
    case FAILED_ONCE:
        m.failures = m.row = 1;
        break;
    case OPENED:
    case DUE:
        m.generation = 2;
        m.state = CCP_BREAKER_OPEN;
        m.until = m.now + (begins == DUE ? 0 : OPEN_NS);
        break;
    case HALF:
    case HALF_FULL:
    case HALF_DUE:
        m.generation = 2;
        m.state = CCP_BREAKER_HALF_OPEN;
        m.probing = begins == HALF ? 1 : 2;
        m.until = m.now + (begins == HALF_DUE ? 0 : PROBE_NS);
        break;
    case HELD_CLOSED:
        m.generation = 2;
        m.held = true;
        break;
    default:
        break;
    }
    return m;
}

static void set_up(const play *p)
{
    now = p;
    scene_tune(STILL);
    lin_history_clear(&history, sim_is_weak());
    told = CCP_BREAKER_CLOSED;
    const ccp_breaker_opts o = { .failures = FAILURES,
                                 .open_ns = OPEN_NS,
                                 .probes = PROBES,
                                 .close_after = CLOSE_AFTER,
                                 .probe_ns = PROBE_NS,
                                 .on_change = tell };
    b = ccp_breaker_new(&o);
    sim_assert(b);
    bring_about(p->begins);
    at_first = model_of(p->begins);
}

static void finish(void)
{
    sim_join();
    ccp_breaker_info info = look();
    sim_assert(told == info.state);
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &breaker_model, &at_first));
    sim_assert(ccp_breaker_free(b) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    set_up(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish();
}

/* ---- Functions of the program, asked without the lock ---- */

static bool trip(const ccp_breaker_counts *c, void *arg)
{
    (void)arg;
    ccp_breaker_info info;
    sim_assert(ccp_breaker_get_info(b, &info) == CCP_OK);
    sim_assert(ccp_breaker_free(b) == CCP_BUSY); /* Q8 */
    sim_assert(c->failures > 0);
    return c->failures >= 2;
}

static ccp_breaker_verdict classify(ccp_status outcome, void *arg)
{
    (void)arg;
    sim_assert(ccp_breaker_free(b) == CCP_BUSY); /* Q8 */
    return outcome == CCP_OK ? CCP_BREAKER_SUCCESS : CCP_BREAKER_FAILURE;
}

static void report(void *arg)
{
    sim_assert(ccp_breaker_done(b, old, *(const ccp_status *)arg) == CCP_OK);
}

static void open_by_hand(void *arg)
{
    (void)arg;
    sim_assert(ccp_breaker_set(b, CCP_BREAKER_OPEN, false) == CCP_OK);
}

/* Two failures, whose function is asked each time, and perhaps somebody who opens it by hand: once
 * both are counted it is open, and it opens once. */
static void asks(void *arg)
{
    static const ccp_status failure = CCP_FAILED;
    bool by_hand = *(const int *)arg;
    scene_tune(STILL);
    told = CCP_BREAKER_CLOSED;
    const ccp_breaker_opts o = { .trip = trip,
                                 .on_change = tell,
                                 .classify = by_hand ? NULL : classify };
    b = ccp_breaker_new(&o);
    sim_assert(b);
    sim_assert(ccp_breaker_allow(b, &old) == CCP_OK);
    sim_spawn(report, (void *)(uintptr_t)&failure);
    if (by_hand)
        sim_spawn(open_by_hand, NULL);
    else
        sim_spawn(report, (void *)(uintptr_t)&failure);
    sim_join();
    ccp_breaker_info info;
    sim_assert(ccp_breaker_get_info(b, &info) == CCP_OK);
    sim_assert(info.state == CCP_BREAKER_OPEN && info.generation == 2 && told == info.state);
    sim_assert(ccp_breaker_free(b) == CCP_OK);
}

/* ---- Budgets ---- */

enum { EARN = 40, SPEND };

static bool budget_step(void *state, const lin_op *op, const void *config)
{
    uint64_t *spent = state;
    (void)config;
    if (op->kind == EARN) {
        *spent -= *spent < 50 ? *spent : 50;
        return true;
    }
    if (*spent + 100 > 200)
        return op->status == CCP_AGAIN;
    *spent += 100;
    return op->status == CCP_OK;
}

static void budget_init(void *state, const void *config)
{
    *(uint64_t *)state = *(const uint64_t *)config;
}

static uint64_t budget_hash(const void *state, const void *config)
{
    (void)config;
    return *(const uint64_t *)state;
}

static const lin_model budget_model = { sizeof(uint64_t), budget_init, budget_step, budget_hash };
static ccp_retry_budget budget;

static void earn(void *arg)
{
    (void)arg;
    int i = lin_begin(&history, EARN, 0, 0, 0);
    lin_end(&history, i, (int)ccp_retry_budget_earn(&budget), 0, 0);
}

static void spend(void *arg)
{
    (void)arg;
    int i = lin_begin(&history, SPEND, 0, 0, 0);
    lin_end(&history, i, (int)ccp_retry_budget_spend(&budget), 0, 0);
}

static void run_budget(void *arg)
{
    uint64_t spent = *(const uint64_t *)arg;
    scene_tune(STILL);
    lin_history_clear(&history, sim_is_weak());
    budget = (ccp_retry_budget){ .percent = 50, .reserve = 2, .state_ = spent };
    sim_spawn(earn, NULL);
    sim_spawn(spend, NULL);
    sim_spawn(spend, NULL);
    sim_join();
    spend(NULL);
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &budget_model, &spent));
}

/* ---- The table ---- */

static bool moves(operation op)
{
    return op == CALL_OK || op == CALL_FAIL || op == OLD_OK || op == OLD_FAIL || op == TIME ||
           op == INFO;
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[60] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s%s.%s.%s", how, p->meet ? "_meet" : "",
              beginning_names[p->begins], ops);
}

/* A ticket is given back once. */
static bool is_legal(const play *p)
{
    int olds = 0;
    for (int i = 0; i < p->ops; i++)
        olds += p->op[i] == OLD_OK || p->op[i] == OLD_FAIL;
    return olds <= 1;
}

static void pairs(void)
{
    for (int begins = 0; begins < BEGINNINGS; begins++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int c = a; c < OPERATIONS; c++) {
                play p = { (beginning)begins, false, 2, { (operation)a, (operation)c } };
                if (is_legal(&p))
                    add_play(&p, NULL, "pair");
                p.meet = true;
                if (begins == CLOSED && is_legal(&p) && moves(p.op[0]) && moves(p.op[1]))
                    add_play(&p, NULL, "pair");
            }
}

static void triples(void)
{
    const sim_options few = { .mode = SIM_DFS, .preemptions = 1 };
    for (int begins = 0; begins < BEGINNINGS; begins++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int c = a; c < OPERATIONS; c++)
                for (int d = c; d < OPERATIONS; d++) {
                    play p = {
                        (beginning)begins, true, 3, { (operation)a, (operation)c, (operation)d }
                    };
                    if (is_legal(&p) && moves(p.op[0]) && moves(p.op[1]) && moves(p.op[2]))
                        add_play(&p, &few, "one");
                }
}

int main(int argc, char **argv)
{
    static const int no = 0, yes = 1;
    static const uint64_t spent[] = { 0, 50, 100, 150, 200 };
    pairs();
    triples();
    scene_add(asks, (void *)(uintptr_t)&no, NULL, "asks.twice");
    scene_add(asks, (void *)(uintptr_t)&yes, NULL, "asks.by_hand");
    for (int i = 0; i < 5; i++)
        scene_add(run_budget, (void *)(uintptr_t)&spent[i], NULL, "budget.%d", (int)spent[i]);
    return scene_main(argc, argv);
}
