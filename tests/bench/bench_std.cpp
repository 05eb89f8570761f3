// SPDX-License-Identifier: MIT
//
// bench_std.cpp - what C++ has of its own: std::barrier, std::promise, std::async.
#include "common.h"

#include <barrier>
#include <cstring>
#include <future>

namespace {

// ---- t threads that meet; the completion function, which one of them calls, counts ----

uint64_t met;

struct count_up {
    void operator()() noexcept { met++; }
};

void *party(void *lane_)
{
    lane *l = static_cast<lane *>(lane_);
    auto *barrier = static_cast<std::barrier<count_up> *>(l->q);
    uint64_t passed = 0;
    start_line(l);
    for (; passed < l->spec->n; passed++) barrier->arrive_and_wait();
    l->sum = passed;
    l->end = now_ns();
    return nullptr;
}

void run_barrier(const spec *s)
{
    static team t;
    meter m;
    uint64_t passed = 0;
    std::barrier<count_up> barrier(static_cast<std::ptrdiff_t>(s->t));
    team_init(&t, s, s->t, &barrier);
    for (unsigned i = 0; i < s->t; i++) team_start(&t, i, party);
    team_go(&t, &m);
    meter_stop(&m, team_join(&t, 0, s->t));
    for (unsigned i = 0; i < s->t; i++) passed += t.lanes[i].sum;
    report(s, &m, met, s->n, passed, s->n * s->t);
}

// ---- one thread makes a promise, keeps it, and takes the value; or asks for a call ----

void in_one_thread(const spec *s, bool call)
{
    meter m;
    uint64_t sum = 0, count = 0;
    meter_start(&m);
    for (uint64_t i = 1; i <= s->n; i++, count++) {
        if (call) {
            sum += std::async(std::launch::async, [i] { return i; }).get();
            continue;
        }
        std::promise<uint64_t> p;
        std::future<uint64_t> f = p.get_future();
        p.set_value(i);
        sum += f.get();
    }
    meter_stop(&m, now_ns());
    report(s, &m, count, s->n, sum, sum_to(s->n));
}

// ---- two threads that write to each other, as futures.h says ----

struct letter {
    uint64_t v;
    std::promise<letter> *reply; // made by new, deleted by who answers
};

void correspond(lane *l, std::promise<letter> *to, uint64_t v)
{
    while (v <= l->spec->n) {
        letter mail{ v, nullptr };
        std::future<letter> answer;
        if (v < l->spec->n) {
            mail.reply = new std::promise<letter>;
            answer = mail.reply->get_future();
        }
        to->set_value(mail);
        delete to;
        if (!answer.valid()) return;
        mail = answer.get();
        l->sum += mail.v;
        l->count++;
        to = mail.reply;
        v = mail.v + 1;
    }
}

void *write_first(void *lane_)
{
    lane *l = static_cast<lane *>(lane_);
    start_line(l);
    correspond(l, static_cast<std::promise<letter> *>(l->q), 1);
    l->end = now_ns();
    return nullptr;
}

void *read_first(void *lane_)
{
    lane *l = static_cast<lane *>(lane_);
    start_line(l);
    letter mail = static_cast<std::future<letter> *>(l->q)->get();
    l->sum = mail.v;
    l->count = 1;
    correspond(l, mail.reply, mail.v + 1);
    l->end = now_ns();
    return nullptr;
}

void across_threads(const spec *s)
{
    static team t;
    meter m;
    auto *first = new std::promise<letter>;
    std::future<letter> f = first->get_future();
    team_init(&t, s, 2, nullptr);
    t.lanes[0].q = first;
    t.lanes[1].q = &f;
    team_start(&t, 0, write_first);
    team_start(&t, 1, read_first);
    team_go(&t, &m);
    meter_stop(&m, team_join(&t, 0, 2));
    report(s, &m, t.lanes[0].count + t.lanes[1].count, s->n, t.lanes[0].sum + t.lanes[1].sum,
           sum_to(s->n));
}

} // namespace

bool run_std(const spec *s);
bool run_std(const spec *s)
{
    if (!strcmp(s->kind, "barrier")) run_barrier(s);
    else if (strcmp(s->kind, "future")) return false;
    else if (!strcmp(s->mode, "cross")) across_threads(s);
    else in_one_thread(s, !strcmp(s->mode, "call"));
    return true;
}
