/* SPDX-License-Identifier: MIT
 *
 * stress_items N [again]: N numbers through an ordered pipeline of four stages, two of which have
 * four workers each and fail for every 20th number; what fails leaves as a letter, or, with
 * "again", comes back twice at most.  Every number must be sunk or leave as a letter, once; what is
 * sunk must be in order, unless it came back.
 *
 * Prints the figures, among them the resident memory: at the beginning of the flow, and the most.
 */
#define _DEFAULT_SOURCE /* ru_maxrss */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "ccp.h"
#include "watched.h"

typedef struct item {
    uint64_t k;
    uint64_t rounds; /* how often it has come back */
} item;

typedef CCP_LETTER(item) letter;

static struct state {
    uint64_t next, n;
    uint64_t sunk, sunk_sum, last, disorder; /* the sink's */
    uint64_t letters, letter_sum;            /* of the one that counts letters */
    long early;                              /* resident memory after some items, in KiB */
    bool again;
} s;

static long resident(void)
{
    struct rusage use;
    return getrusage(RUSAGE_SELF, &use) == 0 ? use.ru_maxrss : -1;
}

static ccp_status count_up(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx, (void)in, (void)arg;
    if (s.next == s.n)
        return CCP_CLOSED;
    *(item *)out = (item){ s.next++, 0 };
    return CCP_OK;
}

/* Some take longer than others: so workers finish in another order than they begin. */
static uint64_t work(uint64_t k)
{
    uint64_t x = k * 0x9e3779b97f4a7c15;
    for (uint64_t i = x >> 58; i > 0; i--)
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return x;
}

/* Fails for every 20th; with "again", for every 40th only until it comes for the third time. */
static ccp_status step(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    item i = *(const item *)in;
    volatile uint64_t result = work(i.k);
    uint64_t at = (uintptr_t)arg;
    (void)ctx, (void)result;
    if (i.k % 20 == at && !(s.again && i.k % 40 == at && i.rounds == 2))
        return CCP_FAILED;
    *(item *)out = i;
    return CCP_OK;
}

static ccp_status come_again(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    item i = ((const letter *)in)->item;
    (void)ctx, (void)arg;
    if (i.rounds++ == 2)
        return CCP_FAILED;
    *(item *)out = i;
    return CCP_OK;
}

static ccp_status sink(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const item *i = in;
    (void)ctx, (void)out, (void)arg;
    s.disorder += i->rounds == 0 && s.sunk > 0 && i->k <= s.last;
    if (i->rounds == 0)
        s.last = i->k;
    s.sunk++;
    s.sunk_sum += i->k;
    if (s.sunk == 10000)
        s.early = resident();
    return CCP_OK;
}

static ccp_status count_letter(ccp_ctx *ctx, const void *in, void *out, void *size)
{
    const item *i = (const void *)((const char *)in + (size_t)(uintptr_t)size);
    (void)ctx, (void)out;
    s.letters++;
    s.letter_sum += i->k;
    return CCP_OK;
}

static ccp_status run(void)
{
    const ccp_stage_opts many = { .workers = 4, .out_size = sizeof(item), .queue = 64, .chunk = 8 };
    ccp_stage *failed[2];
    size_t before = offsetof(letter, item);
    ccp_pipeline *p = ccp_pipeline_new(NULL);
    ccp_pipeline_source(p, count_up, &(ccp_stage_opts){ .out_size = sizeof(item), .chunk = 8 });
    for (uintptr_t i = 0; i < 2; i++) {
        ccp_stage_opts o = many;
        o.arg = (void *)(3 + i);
        failed[i] = ccp_pipeline_map(p, step, &o);
    }
    ccp_pipeline_sink(p, sink, &(ccp_stage_opts){ .queue = 64, .chunk = 8 });
    for (size_t i = 0; i < 2; i++) {
        failed[i] = ccp_stage_branch(failed[i], CCP_LETTERS);
        if (s.again)
            failed[i] = ccp_stage_branch(
                ccp_pipeline_again(p, come_again, &(ccp_stage_opts){ .after = failed[i] }),
                CCP_LETTERS);
    }
    if (s.again)
        before *= 2; /* letters of letters */
    ccp_pipeline_sink(p, count_letter,
                      &(ccp_stage_opts){ .inputs = failed,
                                         .input_count = 2,
                                         .arg = (void *)(uintptr_t)before });
    ccp_status rc = ccp_pipeline_run(p, CCP_FOREVER);
    return ccp_pipeline_free(p) == CCP_OK ? rc : CCP_MISUSE;
}

int main(int argc, char **argv)
{
    s.n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    s.again = argc > 2 && strcmp(argv[2], "again") == 0;
    int64_t begin = ccp_now();
    ccp_watch *w = watched_if_asked();
    ccp_status rc = run();
    watched_end(w);
    double seconds = (double)(ccp_now() - begin) / 1e9;
    uint64_t wrong = s.n / 10; /* n is a multiple of 20 */
    wrong = s.again ? wrong / 2 : wrong;
    printf("items %" PRIu64 " sunk %" PRIu64 " letters %" PRIu64 " disorder %" PRIu64
           " early_kib %ld most_kib %ld seconds %.2f\n",
           s.n, s.sunk, s.letters, s.disorder, s.early, resident(), seconds);
    bool all = s.sunk + s.letters == s.n && s.sunk_sum + s.letter_sum == s.n * (s.n - 1) / 2;
    if (rc != CCP_OK || !all || s.letters != wrong || s.disorder || s.n % 40) {
        fprintf(stderr, "%s; not each number came to one end, in order\n", ccp_strstatus(rc));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
