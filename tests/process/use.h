/* SPDX-License-Identifier: MIT
 *
 * A little of everything, begun and ended.
 */
#ifndef USE_H
#define USE_H

/* Makes objects and threads, uses them, and gives them back; what went wrong, or NULL. */
const char *use_everything(void);

/* The same, as a plugin has it. */
typedef const char *(*use_fn)(void);

#endif
