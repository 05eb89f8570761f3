/* SPDX-License-Identifier: MIT */
#ifndef CTX_HAND_H
#define CTX_HAND_H

/* Adds the scenarios of contexts that are written by hand. */
void ctx_hand_scenes(void);

#endif
