/* SPDX-License-Identifier: MIT */
#ifndef CCP_TESTS_PLACES_H
#define CCP_TESTS_PLACES_H

ccp_chan *made_at_line_12(void);
ccp_group *made_at_line_17(void);
ccp_status wait_at_line_23(ccp_chan *ch, ccp_wait w);

#endif
