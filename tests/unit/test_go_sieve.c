/* SPDX-License-Identifier: MIT
 *
 * What the programs sieve1 and sieve2 of Go's test/chan check, written anew for threads: prime
 * numbers by long chains of threads joined by channels.
 */
#include "support.h"

static const long primes[] = { 2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,
                               43,  47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101,
                               103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
                               173, 179, 181, 191, 193, 197, 199, 211, 223, 227, 229 };

/* --- sieve1: a filter for each prime found; nobody ever closes, a context ends it all --- */

typedef struct filter {
    ccp_ctx *ctx;
    ccp_chan *in, *out;
    long prime;
} filter;

static void generate(void *arg)
{
    filter *f = arg;
    for (long v = 2; ccp_chan_send(f->out, &v, ccp_with(f->ctx)) == CCP_OK; v++)
        continue;
}

static void pass_on(void *arg)
{
    filter *f = arg;
    long v;
    CCP_CHAN_FOR(&v, f->in, ccp_with(f->ctx))
    if (v % f->prime != 0 && ccp_chan_send(f->out, &v, ccp_with(f->ctx)) != CCP_OK)
        break;
}

static void sieve(size_t n, size_t capacity)
{
    filter f[LENGTH(primes) + 1];
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_wg wg = CCP_WG_INIT;
    f[0] = (filter){ ctx, NULL, ccp_chan_new(sizeof(long), capacity), 0 };
    ASSERT_STATUS(ccp_wg_go(&wg, generate, &f[0]), CCP_OK);
    for (size_t i = 0; i < n; i++) {
        long v = 0;
        ASSERT_STATUS(ccp_chan_recv(f[i].out, &v, CCP_FOREVER), CCP_OK);
        assert_int_equal(v, primes[i]);
        f[i + 1] = (filter){ ctx, f[i].out, ccp_chan_new(sizeof(long), capacity), v };
        ASSERT_STATUS(ccp_wg_go(&wg, pass_on, &f[i + 1]), CCP_OK);
    }
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK); /* all are released: X1 */
    for (size_t i = 0; i <= n; i++)
        ASSERT_STATUS(ccp_chan_free(f[i].out), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(sieve1_at_a_rendezvous) /* C5 X1 */
{
    sieve(LENGTH(primes), 0);
}

TEST(sieve1_with_buffers) /* C1 X1 */
{
    sieve(LENGTH(primes), 1);
    sieve(LENGTH(primes), 16);
}

/* --- sieve2: the multiples of each prime come from a thread of its own; a merger takes the least
 * of them, and what is in no stream is prime --- */

typedef struct stream {
    ccp_ctx *ctx;
    ccp_chan *ch;
    long prime, next;
} stream;

static void send_multiples(void *arg)
{
    stream *s = arg;
    for (long v = s->prime * s->prime; ccp_chan_send(s->ch, &v, ccp_with(s->ctx)) == CCP_OK;
         v += s->prime)
        continue;
}

static bool is_composite(stream *streams, size_t n, long v)
{
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        while (streams[i].next < v)
            ASSERT_STATUS(ccp_chan_recv(streams[i].ch, &streams[i].next, CCP_FOREVER), CCP_OK);
        found |= streams[i].next == v;
    }
    return found;
}

static void merge_sieve(size_t capacity)
{
    stream streams[LENGTH(primes)];
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_wg wg = CCP_WG_INIT;
    size_t n = 0;
    for (long v = 2; n < LENGTH(primes); v++) {
        if (is_composite(streams, n, v))
            continue;
        assert_int_equal(v, primes[n]);
        streams[n] = (stream){ ctx, ccp_chan_new(sizeof(long), capacity), v, 0 };
        ASSERT_STATUS(ccp_wg_go(&wg, send_multiples, &streams[n]), CCP_OK);
        n++;
    }
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
    for (size_t i = 0; i < n; i++)
        ASSERT_STATUS(ccp_chan_free(streams[i].ch), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(sieve2_merges_streams_of_multiples) /* C1 X1 */
{
    merge_sieve(0);
    merge_sieve(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(sieve1_at_a_rendezvous),
        ENTRY(sieve1_with_buffers),
        ENTRY(sieve2_merges_streams_of_multiples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
