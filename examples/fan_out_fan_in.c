/* SPDX-License-Identifier: MIT-0
 *
 * fan_out_fan_in.c - workers share the elements of one channel; their results come through one.
 *
 * Problem: of many numbers the longest Collatz run is wanted.  Each number takes its own time, so
 * dividing them beforehand would leave some workers idle; and a number that fails (one is too large
 * here) should be reported and not stop the others.
 *
 *                       +--> worker --+
 *   numbers -- chan --> +--> worker --+-- chan --> main: which is the longest?
 *                       +--> worker --+
 *
 * The results say of each number what became of it.  Without .results, the first failure would stop
 * everything, and ccp_fan_wait() would return CCP_FAILED.
 *
 * To adapt: change measure() and `struct run`; `.ordered = true` keeps the order of the input.
 * Compile:  cc fan_out_fan_in.c -o fan_out_fan_in $(pkg-config --cflags --libs ccp)
 * Output:   113383 cannot be done: user code reported failure
 *           the longest run below 150000 begins at 142587: 374 steps
 */
#include <ccp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBERS = 150000 };

struct run {
    ccp_result result; /* filled in by the fan */
    int64_t start;
    int steps;
};

/* How long is the Collatz run that begins at *in?  It must stay below 2^31. */
static ccp_status measure(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    struct run *r = out;
    r->start = *(const int64_t *)in;
    r->steps = 0;
    (void)ctx;
    (void)arg;
    for (int64_t n = r->start; n > 1; r->steps++) {
        n = n % 2 ? 3 * n + 1 : n / 2;
        if (n > INT32_MAX)
            return CCP_FAILED;
    }
    return CCP_OK;
}

int main(void)
{
    ccp_gen *numbers = ccp_gen_range(1, NUMBERS, 1, &(ccp_gen_opts){ .capacity = 256 });
    ccp_fan *fan = ccp_fan_out(ccp_gen_chan(numbers), measure,
                               &(ccp_fan_opts){ .workers = 3,
                                                .out_size = sizeof(struct run),
                                                .capacity = 256,
                                                .results = true });
    struct run r, longest = { .steps = 0 };
    int failed = 0;
    if (!numbers || !fan)
        return EXIT_FAILURE;
    while (ccp_chan_recv(ccp_fan_chan(fan), &r, CCP_FOREVER) == CCP_OK)
        if (r.result.status != CCP_OK && failed++ == 0)
            printf("%" PRId64 " cannot be done: %s\n", r.start, ccp_strstatus(r.result.status));
        else if (r.steps > longest.steps)
            longest = r;
    printf("the longest run below %d begins at %" PRId64 ": %d steps\n", NUMBERS, longest.start,
           longest.steps);
    ccp_fan_free(fan);
    ccp_gen_free(numbers);
    return EXIT_SUCCESS;
}
