/* SPDX-License-Identifier: MIT */
#include "watched.h"

#include <stdio.h>
#include <stdlib.h>

static void false_alarm(ccp_alarm what, const char *text, size_t n, void *arg)
{
    (void)arg;
    fprintf(stderr, "an alarm of kind %d:\n%.*s", (int)what, (int)n, text);
    abort();
}

ccp_watch *watched_begin(void)
{
    (void)ccp_track(true);
    ccp_watch *w = ccp_watch_new(&(ccp_watch_opts){
        .alarm = false_alarm, .period_ns = CCP_US(50), .locks_have_owners = true });
    if (!w)
        abort();
    return w;
}

void watched_end(ccp_watch *w)
{
    if (!w)
        return;
    if (ccp_watch_free(w) != CCP_OK)
        abort();
    (void)ccp_track(false);
}

ccp_watch *watched_if_asked(void)
{
    return getenv("CCP_STRESS_WATCHED") ? watched_begin() : NULL;
}
