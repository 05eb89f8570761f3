/* SPDX-License-Identifier: MIT */
#include "knobs.h"

#include "block/tuning.h"

const char *const tuning_names[TUNINGS] = { "still", "quick", "yielding", "streak",
                                            "fair", "deferring", "everything" };

static const ccpi_tuning_s knobs[TUNINGS] = {
    [STILL] = { .fair_every = UINT32_MAX, .fair_pops = 32 },
    [QUICK] = { .quick_max = 2, .quick_min = 1, .brief_pauses = 2, .fair_every = UINT32_MAX,
                .fair_pops = 32 },
    [YIELDING] = { .quick_max = 1, .quick_min = 1, .pauses = 1, .patient_max = 1, .in_flight = 1,
                   .shared_tries = 1, .brief_pauses = 1, .fair_every = UINT32_MAX,
                   .fair_pops = 32 },
    [STREAK] = { .quick_max = 1, .quick_min = 1, .pauses = 1, .patient_max = 1, .shared_tries = 1,
                 .streak = 1, .hog_yield = 1, .hog_skips = 1, .brief_pauses = 1,
                 .fair_every = UINT32_MAX, .fair_pops = 32 },
    [FAIR] = { .fair_every = 0, .fair_pops = 1 },
    [DEFERRING] = { .defer = 1, .fair_every = UINT32_MAX, .fair_pops = 32 },
    [EVERYTHING] = { .quick_max = 2, .quick_min = 1, .pauses = 1, .patient_max = 1, .in_flight = 1,
                     .shared_tries = 2, .hog_yield = 1, .hog_skips = 1, .streak = 2, .defer = 1,
                     .brief_pauses = 2, .fair_every = 0, .fair_pops = 1 },
};

void knobs_set(tuning t)
{
    ccpi_tuning = knobs[t];
}
