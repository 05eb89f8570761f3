/* SPDX-License-Identifier: MIT
 *
 * How channels begin and end.
 */
#ifndef CCPI_CHAN_LIFE_H
#define CCPI_CHAN_LIFE_H
/* uses: chan */

#include "chan/chan.h"

/* A channel of a given flavor; NULL when memory is short or a size absurd. */
ccp_chan *ccpi_chan_alloc(const ccp_chan_opts *o, ccpi_flavor flavor);

#endif
