/* SPDX-License-Identifier: MIT
 *
 * Budgets of spinning for scenarios: each pause is a step, so there are none, or few.
 */
#ifndef TUNE_H
#define TUNE_H

#include "block/tuning.h"

static inline void tune_no_spinning(void)
{
    ccpi_tuning = (ccpi_tuning_s){ .fair_every = UINT32_MAX, .fair_pops = 32 };
}

static inline void tune_a_little(void)
{
    ccpi_tuning = (ccpi_tuning_s){ .quick_max = 2,
                                   .brief_pauses = 2,
                                   .quick_min = 1,
                                   .pauses = 1,
                                   .patient_max = 1,
                                   .shared_tries = 1,
                                   .streak = 2,
                                   .defer = 1,
                                   .fair_every = 10000,
                                   .fair_pops = 2 };
}

#endif
