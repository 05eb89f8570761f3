/* SPDX-License-Identifier: MIT-0
 *
 * spsc_audio.c - a sound card's callback that must not wait, and a recorder.
 *
 * Problem: a driver calls a function for each block of samples, and that has to be done before the
 * next one: it may not lock, allocate, print, or wait for a disk.  What the recorder does not fetch
 * in time is dropped and counted, and the recorder learns where.
 *
 *   card --callback--> [ ring of 8 blocks ] --> recorder: looks at the blocks where they are
 *            full: counts
 *
 * The card is a thread here.  At first the recorder sleeps; then the card is no quicker than it, so
 * that the output is always the same.  The callback does not know of that.
 *
 * To adapt: call on_block() from your driver's callback, with its samples.
 * Compile:  cc spsc_audio.c -o spsc_audio $(pkg-config --cflags --libs ccp)
 * Output:   blocks 0 to 7
 *           4 blocks are missing
 *           blocks 12 to 99
 *           recorded 96 blocks, dropped 4, peak 990
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCKS = 100, ASLEEP = 12, RING = 8, SAMPLES = 64 };

struct block {
    unsigned number; /* so that a gap is seen */
    short samples[SAMPLES];
};

struct card {
    ccp_spsc *ring;
    ccp_chan *begun; /* closed when the recorder is to wake up */
    unsigned next, dropped;
};

/* The callback: no lock, no memory, no system call, and no loop but the one over the samples. */
static void on_block(struct card *c, short level)
{
    void *room;
    size_t n;
    unsigned number = c->next++;
    if (ccp_spsc_reserve(c->ring, 1, &room, &n) != CCP_OK) {
        c->dropped++;
        return;
    }
    struct block *b = room;
    b->number = number;
    for (int i = 0; i < SAMPLES; i++)
        b->samples[i] = i % 2 ? level : (short)-level;
    ccp_spsc_commit(c->ring, 1);
}

static void run_card(void *arg)
{
    struct card *c = arg;
    for (int i = 0; i < BLOCKS; i++) {
        if (i == ASLEEP)
            ccp_chan_close(c->begun);
        while (i >= ASLEEP && ccp_spsc_len(c->ring) == RING)
            (void)ccp_sleep(ccp_within(CCP_US(10)));
        on_block(c, (short)(10 * i));
    }
    ccp_spsc_close(c->ring);
}

struct record {
    unsigned first, next; /* blocks without a gap */
    unsigned count;
    short peak;
};

static void take(struct record *r, const struct block *b)
{
    if (b->number != r->next) {
        printf("blocks %u to %u\n%u blocks are missing\n", r->first, r->next - 1,
               b->number - r->next);
        r->first = b->number;
    }
    r->next = b->number + 1;
    r->count++;
    for (int i = 0; i < SAMPLES; i++)
        if (b->samples[i] > r->peak)
            r->peak = b->samples[i];
}

/* The recorder is in no hurry: when there is nothing it sleeps, and nobody has to wake it. */
static struct record record(ccp_spsc *ring)
{
    struct record r = { 0, 0, 0, 0 };
    for (;;) {
        const void *blocks;
        size_t n;
        ccp_status rc = ccp_spsc_peek(ring, RING, &blocks, &n);
        if (rc == CCP_CLOSED)
            return r;
        if (rc != CCP_OK) {
            (void)ccp_sleep(ccp_within(CCP_MS(1)));
            continue;
        }
        for (size_t i = 0; i < n; i++)
            take(&r, (const struct block *)blocks + i);
        ccp_spsc_release(ring, n);
    }
}

int main(void)
{
    struct card c = { ccp_spsc_new(sizeof(struct block), RING), ccp_chan_new(0, 0), 0, 0 };
    ccp_wg threads = CCP_WG_INIT;
    if (!c.ring || !c.begun || ccp_wg_go(&threads, run_card, &c) != CCP_OK)
        return EXIT_FAILURE;
    if (ccp_chan_recv(c.begun, NULL, CCP_FOREVER) != CCP_CLOSED)
        return EXIT_FAILURE;
    struct record r = record(c.ring);
    (void)ccp_wg_wait(&threads, CCP_FOREVER);
    printf("blocks %u to %u\n", r.first, r.next - 1);
    printf("recorded %u blocks, dropped %u, peak %d\n", r.count, c.dropped, r.peak);
    ccp_chan_free(c.begun);
    ccp_spsc_free(c.ring);
    return EXIT_SUCCESS;
}
