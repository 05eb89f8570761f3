/* SPDX-License-Identifier: MIT */
#ifndef CCPI_COORD_RETRY_H
#define CCPI_COORD_RETRY_H

#include "ccp.h"

/* Can its fields be right? */
bool ccpi_backoff_is_right(const ccp_backoff *b);

#endif
