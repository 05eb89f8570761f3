/* SPDX-License-Identifier: MIT
 *
 * Waiting for another thread that is in the middle of a few instructions.
 */
#ifndef CCPI_BASE_BACKOFF_H
#define CCPI_BASE_BACKOFF_H

/* Pauses, longer each time; yields, once it is clear that the other thread is not running; then
 * sleeps briefly, so that a thread of lower priority gets to run. */
void ccpi_backoff(unsigned *tries);

#endif
