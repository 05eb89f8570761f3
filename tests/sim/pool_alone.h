/* SPDX-License-Identifier: MIT
 *
 * Scenarios of pools that few threads use.
 */
#ifndef CCP_TESTS_POOL_ALONE_H
#define CCP_TESTS_POOL_ALONE_H

void pool_alone_scenes(void);

#endif
