// SPDX-License-Identifier: MIT
//
// bench_free.cpp - Boost's and moodycamel's queues and stack that never wait.
#include "common.h"

#include <cstring>
#ifdef BENCH_BOOST
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/lockfree/stack.hpp>
#endif
#ifdef BENCH_MOODYCAMEL
#include <concurrentqueue/concurrentqueue.h>
#endif

bool free_run_cpp(const struct spec *s);

namespace {

#ifdef BENCH_BOOST
using boost_spsc_type = boost::lockfree::spsc_queue<uint64_t>;
boost_spsc_type *boost_spsc_new(const spec *s) { return new boost_spsc_type(s->cap); }
void boost_spsc_free(boost_spsc_type *q) { delete q; }
inline size_t boost_spsc_push(boost_spsc_type *q, const uint64_t *e, size_t n)
{
    return n == 1 ? q->push(*e) : q->push(e, n);
}
inline size_t boost_spsc_pop(boost_spsc_type *q, uint64_t *e, size_t n)
{
    return n == 1 ? q->pop(*e) : q->pop(e, n);
}
#define FREE boost_spsc
#include "free.h"

using boost_mpmc_type = boost::lockfree::queue<uint64_t, boost::lockfree::fixed_sized<true>>;
boost_mpmc_type *boost_mpmc_new(const spec *s) { return new boost_mpmc_type(s->cap); }
void boost_mpmc_free(boost_mpmc_type *q) { delete q; }
inline size_t boost_mpmc_push(boost_mpmc_type *q, const uint64_t *e, size_t) { return q->push(*e); }
inline size_t boost_mpmc_pop(boost_mpmc_type *q, uint64_t *e, size_t) { return q->pop(*e); }
#define FREE boost_mpmc
#include "free.h"

boost::lockfree::stack<void *, boost::lockfree::fixed_sized<true>> *boost_blocks;
void boost_stack_put(void *p) { boost_blocks->push(p); }
void *boost_stack_get()
{
    void *p;
    return boost_blocks->pop(p) ? p : nullptr;
}
void boost_stack_fill(size_t n)
{
    boost_blocks = new boost::lockfree::stack<void *, boost::lockfree::fixed_sized<true>>(n);
    for (size_t i = 0; i < n; i++) boost_stack_put(must_alloc(LINE));
}
#define FREE boost_stack
#define FREE_STACK
#include "free.h"
#endif

#ifdef BENCH_MOODYCAMEL
using moodycamel_type = moodycamel::ConcurrentQueue<uint64_t>;
moodycamel_type *moodycamel_new(const spec *s) { return new moodycamel_type(s->cap); }
void moodycamel_free(moodycamel_type *q) { delete q; }
inline size_t moodycamel_push(moodycamel_type *q, const uint64_t *e, size_t n)
{
    if (n == 1) return q->enqueue(*e);
    return q->enqueue_bulk(e, n) ? n : 0;
}
inline size_t moodycamel_pop(moodycamel_type *q, uint64_t *e, size_t n)
{
    return n == 1 ? q->try_dequeue(*e) : q->try_dequeue_bulk(e, n);
}
#define FREE moodycamel
#include "free.h"
#endif

} // namespace

bool free_run_cpp(const struct spec *s)
{
    if (strcmp(s->kind, "free")) return false;
    bool is_stack = !strcmp(s->mode, "stack");
    (void)is_stack;
#ifdef BENCH_BOOST
    if (!strcmp(s->peer, "boost")) {
        if (!strcmp(s->mode, "spsc")) boost_spsc_run(s);
        else if (is_stack) boost_stack_run(s);
        else boost_mpmc_run(s);
        return true;
    }
#endif
#ifdef BENCH_MOODYCAMEL
    if (!strcmp(s->peer, "moodycamel") && !is_stack) {
        moodycamel_run(s);
        return true;
    }
#endif
    unsupported(s, "no-such-structure");
}
