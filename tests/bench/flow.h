/* SPDX-License-Identifier: MIT
 *
 * flow.h - what the flow cells have in common in C and C++.
 *
 *   lpipe   a pipeline of k stages by the library's own means; each but the first and last adds 1
 *   pmap    n elements of an array of `limit`, one pass after another, by w threads: x * 1.5 + 2,
 *           or `work` steps; one pass more before the clock starts, so that the threads are there
 *   csv     n rows of text, handed to w workers, which parse and add up their three numbers
 */
#ifndef BENCH_FLOW_H
#define BENCH_FLOW_H

#include "common.h"

enum { CSV_ROWS = 4096, CSV_ROW = 32 };

/* Row i % CSV_ROWS: numbers with 5, 3 and 6 digits. */
static inline void csv_make(char rows[CSV_ROWS][CSV_ROW])
{
    for (unsigned i = 0; i < CSV_ROWS; i++) {
        unsigned v[3] = { 10000 + i, 100 + i % 900, 100000 + 3 * i };
        char *p = rows[i];
        for (unsigned k = 0; k < 3; k++) {
            char digits[12];
            unsigned n = 0;
            for (unsigned x = v[k]; x; x /= 10) digits[n++] = (char)('0' + x % 10);
            while (n) *p++ = digits[--n];
            *p++ = k < 2 ? ',' : '\n';
        }
        *p = 0;
    }
}

static inline uint64_t csv_parse(const char *row)
{
    uint64_t sum = 0, v = 0;
    for (; *row; row++) {
        if (*row >= '0' && *row <= '9') {
            v = v * 10 + (uint64_t)(*row - '0');
        } else {
            sum += v;
            v = 0;
        }
    }
    return sum;
}

static inline uint64_t csv_sum(uint64_t n)
{
    uint64_t sum = 0, all = 0;
    for (unsigned i = 0; i < CSV_ROWS; i++) all += 110100 + 4 * (uint64_t)i + i % 900;
    sum = n / CSV_ROWS * all;
    for (unsigned i = 0; i < n % CSV_ROWS; i++) sum += 110100 + 4 * (uint64_t)i + i % 900;
    return sum;
}

struct pmap {
    double *in, *out;
    unsigned steps;
};

static inline void pmap_range(const struct pmap *m, size_t begin, size_t end)
{
    if (!m->steps)
        for (size_t i = begin; i < end; i++) m->out[i] = m->in[i] * 1.5 + 2;
    else
        for (size_t i = begin; i < end; i++)
            m->out[i] = (double)(work_steps((uint64_t)m->in[i], m->steps) >> 12);
}

static inline struct pmap pmap_make(const struct spec *s)
{
    struct pmap m = { (double *)must_alloc(s->limit * sizeof(double)),
                      (double *)must_alloc(s->limit * sizeof(double)), s->work };
    for (unsigned i = 0; i < s->limit; i++) m.in[i] = i;
    for (unsigned i = 0; i < s->limit; i++) m.out[i] = -1; /* its pages are there */
    return m;
}

/* Elements of the pass that begins after `done`. */
static inline size_t pmap_pass(const struct spec *s, uint64_t done)
{
    return s->n - done < s->limit ? (size_t)(s->n - done) : s->limit;
}

/* How many of the elements of the first pass are what they should be. */
static inline uint64_t pmap_right(const struct spec *s, const struct pmap *m)
{
    uint64_t right = 0;
    double want;
    for (size_t i = 0; i < pmap_pass(s, 0); i++) {
        struct pmap one = { &m->in[i], &want, m->steps };
        if (m->steps && i % 97) { /* as good as all */
            right += m->out[i] >= 0;
            continue;
        }
        pmap_range(&one, 0, 1);
        right += m->out[i] == want;
    }
    return right;
}

#endif
