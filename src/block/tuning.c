/* SPDX-License-Identifier: MIT
 *
 * The knobs' values.  Where each comes from: docs/tuning.md.
 */
#include "block/tuning.h"

ccpi_tuning_s ccpi_tuning = {
    .quick_max = 100,
    .quick_min = 10,
    .long_wait = 800,
    .patient_max = 1000,
    .in_flight = 1600,
    .pauses = 40,
    .shared_yield = 2,
    .shared_tries = 2,
    .hog_yield = 20000,
    .hog_skips = 64,
    .shared_burst = 256,
    .shared_grain = 12,
    .shared_waits = 16,
    .streak = 32,
    .defer = 24,
    .fair_every = 40000,
    .fair_pops = 32,
    .brief_pauses = 12,
    .brief_yields = 8,
    .starved = 1000000,
    .first_lap = 0,
};
