// SPDX-License-Identifier: MIT
//
// bench_flow_tbb.h - TBB in the flow cells, see flow.h: parallel_pipeline, parallel_for.
#include "flow.h"

#include <tbb/parallel_for.h>
#include <tbb/parallel_pipeline.h>

inline void tbb_pipe(const spec *s)
{
    meter m;
    uint64_t next = 0, count = 0, sum = 0;
    const auto one = tbb::filter_mode::serial_in_order;
    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, s->k);
    auto source = tbb::make_filter<void, uint64_t>(one, [&](tbb::flow_control &fc) -> uint64_t {
        if (next == s->n) {
            fc.stop();
            return 0;
        }
        return ++next;
    });
    auto add = [](uint64_t v) { return v + 1; };
    auto sink = tbb::make_filter<uint64_t, void>(one, [&](uint64_t v) {
        count++;
        sum += v;
    });
    tbb::filter<void, uint64_t> chain = source;
    for (unsigned i = 2; i < s->k; i++)
        chain = chain & tbb::make_filter<uint64_t, uint64_t>(one, add);
    meter_start(&m);
    tbb::parallel_pipeline(s->cap, chain & sink);
    meter_stop(&m, now_ns());
    report(s, &m, count, s->n, sum, sum_to(s->n) + s->n * (s->k - 2));
}

inline void tbb_map(const spec *s)
{
    meter m;
    pmap map = pmap_make(s);
    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, s->w);
    tbb::task_arena arena(static_cast<int>(s->w));
    auto pass = [&](size_t n) {
        arena.execute([&] {
            tbb::parallel_for(tbb::blocked_range<size_t>(0, n), [&](const auto &r) {
                pmap_range(&map, r.begin(), r.end());
            });
        });
    };
    pass(pmap_pass(s, 0));
    meter_start(&m);
    for (uint64_t done = 0; done < s->n; done += pmap_pass(s, done)) pass(pmap_pass(s, done));
    meter_stop(&m, now_ns());
    report(s, &m, pmap_right(s, &map), pmap_pass(s, 0), 0, 0);
}

inline void tbb_csv(const spec *s)
{
    static char rows[CSV_ROWS][CSV_ROW];
    meter m;
    uint64_t next = 0, count = 0, sum = 0;
    csv_make(rows);
    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, s->w);
    using tbb::filter_mode;
    auto source = tbb::make_filter<void, char *>(filter_mode::serial_in_order,
                                                 [&](tbb::flow_control &fc) -> char * {
        if (next == s->n) {
            fc.stop();
            return nullptr;
        }
        return rows[next++ % CSV_ROWS];
    });
    auto parse = tbb::make_filter<char *, uint64_t>(filter_mode::parallel,
                                                    [](char *row) { return csv_parse(row); });
    auto sink = tbb::make_filter<uint64_t, void>(filter_mode::serial_out_of_order, [&](uint64_t v) {
        count++;
        sum += v;
    });
    meter_start(&m);
    tbb::parallel_pipeline(s->cap, source & parse & sink);
    meter_stop(&m, now_ns());
    report(s, &m, count, s->n, sum, csv_sum(s->n));
}

inline bool tbb_flow(const spec *s)
{
    if (!strcmp(s->kind, "lpipe")) tbb_pipe(s);
    else if (!strcmp(s->kind, "pmap")) tbb_map(s);
    else if (!strcmp(s->kind, "csv")) tbb_csv(s);
    else return false;
    return true;
}
