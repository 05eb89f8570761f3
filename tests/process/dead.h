/* SPDX-License-Identifier: MIT
 *
 * One object of each kind: made in the parent, used by its threads, and dead in its children.
 */
#ifndef DEAD_H
#define DEAD_H

/* Makes them; what could not be made, or NULL. */
const char *dead_make(void);

/* Uses them in the parent, in many threads at once, without waiting long. */
void dead_hammer(unsigned k);

/* Ends what the parent's threads have begun, and frees all; what was wrong, or NULL. */
const char *dead_end(void);

/* In a child: each public function that takes an object with a constructor, then the frees; the
 * call that returned something wrong, or NULL. */
const char *dead_use(void);

#endif
