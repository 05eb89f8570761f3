// SPDX-License-Identifier: MIT
//
// bench_cpp.cpp - the C++ peers: TBB's concurrent_bounded_queue, task_group and
// task_group_context, moodycamel's BlockingConcurrentQueue, and std::stop_source.  The barrier and
// the futures of C++ itself are in bench_std.cpp.
#include "common.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#ifdef BENCH_TBB
#include <tbb/concurrent_queue.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include "bench_flow_tbb.h"
#endif
#ifdef BENCH_MOODYCAMEL
#include <concurrentqueue/blockingconcurrentqueue.h>
#endif

bool run_std(const spec *s);      // in bench_std.cpp
bool free_run_cpp(const spec *s); // in bench_free.cpp

namespace {

template <size_t Size> struct elem {
    uint64_t v[Size / 8];
};

constexpr uint64_t end_mark = ~uint64_t(0); // in the first word: stands for close

#ifdef BENCH_TBB
template <typename E> struct tbb_queue {
    tbb::concurrent_bounded_queue<E> q;
    tbb_queue(const spec *s, size_t cap)
    {
        if (!cap) unsupported(s, "no-capacity-0");
        q.set_capacity(static_cast<std::ptrdiff_t>(cap));
    }
    void send(const E &e) { q.push(e); }
    bool recv(E &e)
    {
        q.pop(e);
        return e.v[0] != end_mark;
    }
};
#endif

#ifdef BENCH_MOODYCAMEL
template <typename E> struct moodycamel_queue {
    moodycamel::BlockingConcurrentQueue<E> q;
    moodycamel_queue(const spec *s, size_t cap)
    {
        if (!cap) unsupported(s, "no-capacity-0");
    }
    void send(const E &e) { q.enqueue(e); }
    bool recv(E &e)
    {
        q.wait_dequeue(e);
        return e.v[0] != end_mark || another(e);
    }
    // The queue is not first in, first out among senders: an end mark may come early.
    bool another(E &mark)
    {
        unsigned marks = 1;
        E e = mark;
        while (q.try_dequeue(e) && e.v[0] == end_mark) marks++;
        bool found = e.v[0] != end_mark;
        for (unsigned i = found ? 0 : 1; i < marks; i++) q.enqueue(mark);
        if (found) mark = e;
        return found;
    }
};
#endif

template <typename Q, typename E> struct shapes {
    static void close(Q &q, unsigned receivers)
    {
        E e{};
        e.v[0] = end_mark;
        while (receivers--) q.send(e);
    }

    template <typename Fn> static void start(team *t, unsigned i, Fn fn)
    {
        struct call {
            lane *l;
            Fn fn;
        };
        call *c = new call{ &t->lanes[i], fn };
        auto run = [](void *arg) -> void * {
            std::unique_ptr<call> c(static_cast<call *>(arg));
            start_line(c->l);
            c->fn(*c->l);
            return nullptr;
        };
        if (pthread_create(&t->threads[i], nullptr, run, c)) die("cannot start a thread");
    }

    static void send_all(Q &q, uint64_t n, unsigned steps, lane &l)
    {
        E e{};
        constexpr size_t last = sizeof e.v / 8 - 1;
        for (uint64_t i = 1; i <= n; i++) {
            if (steps) l.sink = work_steps(l.sink, steps);
            e.v[0] = i;
            e.v[last] = i;
            q.send(e);
        }
    }

    static void recv_all(Q &q, unsigned steps, lane &l)
    {
        E e;
        constexpr size_t last = sizeof e.v / 8 - 1;
        uint64_t sum = 0, count = 0;
        while (q.recv(e)) {
            if (steps) l.sink = work_steps(l.sink, steps);
            sum += e.v[0] == e.v[last] ? e.v[0] : ~e.v[0];
            count++;
        }
        l.sum = sum;
        l.count = count;
        l.end = now_ns();
    }

    static void tp(const spec *s)
    {
        static team t;
        meter m;
        uint64_t sum = 0, count = 0;
        Q q(s, s->cap);
        team_init(&t, s, s->c + s->p, &q);
        for (unsigned i = 0; i < s->c; i++)
            start(&t, i, [&q, s](lane &l) { recv_all(q, s->work, l); });
        for (unsigned i = 0; i < s->p; i++)
            start(&t, s->c + i, [&q, s, n = share(s->n, s->p, i)](lane &l) {
                send_all(q, n, s->work, l);
            });
        team_go(&t, &m);
        team_join(&t, s->c, s->p);
        close(q, s->c);
        meter_stop(&m, team_join(&t, 0, s->c));
        for (unsigned i = 0; i < s->c; i++) {
            sum += t.lanes[i].sum;
            count += t.lanes[i].count;
        }
        report(s, &m, count, s->n, sum, sum_of_shares(s->n, s->p));
    }

    static void pair(const spec *s)
    {
        meter m;
        uint64_t sum = 0, count = 0;
        Q q(s, s->cap);
        E e{};
        meter_start(&m);
        for (uint64_t i = 1; i <= s->n; i++) {
            e.v[0] = i;
            q.send(e);
            count += q.recv(e);
            sum += e.v[0];
        }
        meter_stop(&m, now_ns());
        report(s, &m, count, s->n, sum, sum_to(s->n));
    }

    // There and back; the answer is the element, or the time at which it came.
    static void back_and_forth(const spec *s, bool sleeps)
    {
        static team t;
        meter m;
        uint64_t sum = 0, count = 0;
        std::vector<int64_t> late;
        Q there(s, s->cap), back(s, s->cap);
        late.reserve(sleeps ? s->n : 0);
        team_init(&t, s, 1, nullptr);
        start(&t, 0, [&](lane &) {
            for (E e; there.recv(e);) {
                if (sleeps) e.v[0] = static_cast<uint64_t>(now_ns());
                back.send(e);
            }
        });
        team_go(&t, &m);
        for (uint64_t i = 1; i <= s->n; i++) {
            E e{};
            if (sleeps) sleep_us(500); // the state to be measured: it has slept for a while
            int64_t begin = sleeps ? now_ns() : 0;
            e.v[0] = i;
            there.send(e);
            count += back.recv(e);
            sum += sleeps ? i : e.v[0];
            if (sleeps) late.push_back(static_cast<int64_t>(e.v[0]) - begin);
        }
        meter_stop(&m, now_ns());
        close(there, 1);
        team_join(&t, 0, 1);
        if (sleeps) {
            sort_ns(late.data(), late.size());
            report_also("p50", static_cast<double>(late[late.size() / 2]));
            report_also("p99", static_cast<double>(late[late.size() * 99 / 100]));
        }
        report(s, &m, count, s->n, sum, sum_to(s->n));
    }

    static void pp(const spec *s) { back_and_forth(s, false); }
    static void wake(const spec *s) { back_and_forth(s, true); }

    static void idle(const spec *s)
    {
        static team t;
        meter m;
        Q q(s, s->cap);
        team_init(&t, s, s->t, nullptr);
        for (unsigned i = 0; i < s->t; i++) start(&t, i, [&q](lane &l) { recv_all(q, 0, l); });
        team_go(&t, &m);
        sleep_us(100000); // to the state to be measured
        meter_start(&m);
        sleep_us(static_cast<int64_t>(s->ms) * 1000);
        meter_stop(&m, now_ns());
        close(q, s->t);
        team_join(&t, 0, s->t);
        report(s, &m, 0, 0, 0, 0);
    }

    static void pipe(const spec *s)
    {
        static team t;
        meter m;
        std::vector<std::unique_ptr<Q>> q;
        for (unsigned i = 0; i + 1 < s->k; i++) q.push_back(std::make_unique<Q>(s, s->cap));
        team_init(&t, s, s->k, nullptr);
        start(&t, 0, [&](lane &l) {
            send_all(*q[0], s->n, 0, l);
            close(*q[0], 1);
        });
        for (unsigned i = 1; i + 1 < s->k; i++)
            start(&t, i, [&q, i](lane &) {
                for (E e; q[i - 1]->recv(e);) {
                    e.v[0]++;
                    q[i]->send(e);
                }
                close(*q[i], 1);
            });
        start(&t, s->k - 1, [&](lane &l) { recv_all(*q[s->k - 2], 0, l); });
        team_go(&t, &m);
        meter_stop(&m, team_join(&t, 0, s->k));
        const lane &end = t.lanes[s->k - 1];
        report(s, &m, end.count, s->n, end.sum, sum_to(s->n) + s->n * (s->k - 2));
    }

    static void sieve(const spec *s)
    {
        meter m;
        uint64_t sum = 0, found = 0, want = 0, primes = 0;
        meter_start(&m);
        for (uint64_t i = 0; i < s->n; i++) sum += sieve_once(s, found);
        meter_stop(&m, now_ns());
        for (uint64_t i = 2, d; i < s->limit; i++) {
            for (d = 2; d < i && i % d; d++) {}
            want += d == i ? i : 0;
            primes += d == i;
        }
        report(s, &m, found, primes * s->n, sum, want * s->n);
    }

    static uint64_t sieve_once(const spec *s, uint64_t &found)
    {
        std::vector<std::unique_ptr<Q>> q;
        std::vector<std::thread> threads;
        uint64_t sum = 0;
        q.push_back(std::make_unique<Q>(s, s->cap));
        threads.emplace_back([s, out = q[0].get()] {
            E e{};
            for (e.v[0] = 2; e.v[0] < s->limit; e.v[0]++) out->send(e);
            close(*out, 1);
        });
        for (E e; q.back()->recv(e);) {
            Q *in = q.back().get();
            q.push_back(std::make_unique<Q>(s, s->cap));
            threads.emplace_back([in, out = q.back().get(), prime = e.v[0]] {
                for (E e; in->recv(e);)
                    if (e.v[0] % prime) out->send(e);
                close(*out, 1);
            });
            sum += e.v[0];
            found++;
        }
        for (auto &t : threads) t.join();
        return sum;
    }

    static void fair(const spec *s)
    {
        static team t;
        meter m;
        Q q(s, s->cap);
        team_init(&t, s, s->c + s->p, nullptr);
        for (unsigned i = 0; i < s->c; i++)
            start(&t, i, [&q](lane &l) {
                E e;
                for (int64_t t = now_ns(); q.recv(e); t = fair_note(&l, t)) l.sum += e.v[0];
                l.end = now_ns();
            });
        for (unsigned i = 0; i < s->p; i++)
            start(&t, s->c + i, [&q](lane &l) {
                E e{};
                e.v[0] = 1;
                for (int64_t t = now_ns(); !fair_is_over(); t = fair_note(&l, t)) q.send(e);
            });
        team_go(&t, &m);
        fair_run(s);
        team_join(&t, s->c, s->p);
        close(q, s->c);
        meter_stop(&m, team_join(&t, 0, s->c));
        fair_report(s, &m, &t);
    }

    static bool run(const spec *s)
    {
        static const struct {
            const char *kind;
            void (*run)(const spec *);
        } kinds[] = { { "tp", tp },       { "pair", pair }, { "pp", pp },     { "wake", wake },
                      { "idle", idle },   { "pipe", pipe }, { "sieve", sieve }, { "fair", fair } };
        for (auto &k : kinds) {
            if (strcmp(s->kind, k.kind)) continue;
            k.run(s);
            return true;
        }
        return false;
    }
};

template <template <typename> class Q> bool run_sizes(const spec *s)
{
    switch (s->size) {
    case 8: return shapes<Q<elem<8>>, elem<8>>::run(s);
    case 64: return shapes<Q<elem<64>>, elem<64>>::run(s);
    case 256: return shapes<Q<elem<256>>, elem<256>>::run(s);
    case 4096: return shapes<Q<elem<4096>>, elem<4096>>::run(s);
    default: return false;
    }
}

// ---- TBB's task_group: submitters in, workers of an arena; whoever waits helps ----

#ifdef BENCH_TBB
struct alignas(LINE) worker_sum {
    uint64_t count, sum, sink;
};
worker_sum sums[MAX_THREADS];
std::atomic<unsigned> sums_used;
thread_local worker_sum *my_sum;

void add_up(uint64_t arg, unsigned steps)
{
    if (!my_sum) my_sum = &sums[sums_used++];
    if (steps) my_sum->sink = work_steps(my_sum->sink, steps);
    my_sum->count++;
    my_sum->sum += arg;
}

void tbb_pool(const spec *s)
{
    static team t;
    meter m;
    bool wait = !strcmp(s->mode, "rt");
    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, s->w + 1);
    tbb::task_arena arena(static_cast<int>(s->w + 1), 1);
    tbb::task_group group;
    team_init(&t, s, wait ? 0 : s->s, nullptr);
    using any = shapes<tbb_queue<elem<8>>, elem<8>>;
    for (unsigned i = 0; i < t.n; i++)
        any::start(&t, i, [&, n = share(s->n, s->s, i), steps = s->work](lane &) {
            arena.execute([&] {
                for (uint64_t i = 1; i <= n; i++) group.run([i, steps] { add_up(i, steps); });
            });
        });
    team_go(&t, &m);
    if (wait)
        arena.execute([&] {
            for (uint64_t i = 1; i <= s->n; i++) {
                group.run([i] { add_up(i, 0); });
                group.wait();
            }
        });
    team_join(&t, 0, t.n);
    arena.execute([&] { group.wait(); });
    meter_stop(&m, now_ns());
    uint64_t count = 0, sum = 0;
    for (auto &w : sums) {
        count += w.count;
        sum += w.sum;
    }
    report(s, &m, count, s->n, sum, wait ? sum_to(s->n) : sum_of_shares(s->n, s->s));
}
#endif

// ---- std::stop_source ----

void stop_tree(const spec *s, meter *m, uint64_t &count)
{
    meter all{};
    for (uint64_t done = 0; done < s->n; done += TREE) {
        std::stop_source parent;
        auto stop = [](std::stop_source &kid) { kid.request_stop(); };
        using callback = std::stop_callback<std::function<void()>>;
        std::vector<std::stop_source> kids(std::min<uint64_t>(TREE, s->n - done));
        std::vector<std::unique_ptr<callback>> links;
        for (auto &kid : kids)
            links.push_back(std::make_unique<callback>(parent.get_token(), [&] { stop(kid); }));
        meter_start(m);
        parent.request_stop();
        meter_stop(m, now_ns());
        all.wall += m->wall;
        all.cpu += m->cpu;
        for (auto &kid : kids) count += kid.stop_requested();
    }
    *m = all;
}

void stop_source(const spec *s)
{
    meter m;
    uint64_t count = 0;
    if (!strcmp(s->kind, "ctx") && !strcmp(s->mode, "tree")) {
        stop_tree(s, &m, count);
    } else if (!strcmp(s->kind, "ctx") && !strcmp(s->mode, "cancel")) {
        std::stop_source root; // each source hangs below it, as a context does
        meter_start(&m);
        for (uint64_t i = 0; i < s->n; i++) {
            std::stop_source source;
            std::stop_callback link(root.get_token(), [&source] { source.request_stop(); });
            source.request_stop();
            count += source.stop_requested();
        }
        meter_stop(&m, now_ns());
    } else if (!strcmp(s->kind, "ctx") && !strcmp(s->mode, "status")) {
        auto source = std::make_unique<std::stop_source>();
        std::stop_token token = source->get_token();
        meter_start(&m);
        for (uint64_t i = 0; i < s->n; i++) count += !token.stop_requested();
        meter_stop(&m, now_ns());
    } else {
        unsupported(s, "cancels-only-and-has-no-deadlines");
    }
    report(s, &m, count, s->n, 0, 0);
}

bool run(const spec *s)
{
    if (free_run_cpp(s)) return true;
    if (!strcmp(s->peer, "boost")) unsupported(s, "queues-and-stacks-that-never-wait-only");
    if (!strcmp(s->peer, "stop_source")) {
        stop_source(s);
        return true;
    }
    if (!strcmp(s->peer, "cxx")) return run_std(s);
#ifdef BENCH_TBB
    if (!strcmp(s->peer, "tbb") && tbb_flow(s)) return true;
    if (!strcmp(s->peer, "tbb") && !strcmp(s->kind, "pool")) {
        tbb_pool(s);
        return true;
    }
    if (!strcmp(s->peer, "tbb")) return run_sizes<tbb_queue>(s);
#endif
#ifdef BENCH_MOODYCAMEL
    if (!strcmp(s->peer, "moodycamel")) return run_sizes<moodycamel_queue>(s);
#endif
    die("no such peer");
}

} // namespace

int main(int argc, char **argv)
{
    static const char *const peers[] = {
#ifdef BENCH_TBB
        "tbb",
#endif
#ifdef BENCH_MOODYCAMEL
        "moodycamel",
#endif
#ifdef BENCH_BOOST
        "boost",
#endif
        "stop_source", "cxx", nullptr
    };
    if (list_peers(argc, argv, peers)) return 0;
    spec s = parse_spec(argc, argv);
    if (!run(&s)) unsupported(&s, "no-such-kind-of-work-for-this-peer");
    return 0;
}
