/* SPDX-License-Identifier: MIT */
#include "page.h"

#include "support.h"

void page_clear(page *p)
{
    p->n = 0;
    p->calls = 0;
    p->text[0] = '\0';
}

void page_write(const char *text, size_t n, void *arg)
{
    page *p = arg;
    MUST(n > 0 && text[n - 1] == '\n'); /* DG4 */
    MUST(p->n + n < sizeof p->text);
    memcpy(p->text + p->n, text, n);
    p->n += n;
    p->text[p->n] = '\0';
    p->calls++;
}

void page_dump(page *p)
{
    page_clear(p);
    ASSERT_STATUS(ccp_dump(page_write, p), CCP_OK);
}

int page_says(const page *p, const char *what)
{
    int n = 0;
    for (const char *s = p->text; (s = strstr(s, what)); s++)
        n++;
    return n;
}

void page_must_say(const page *p, const char *what, const char *file, int line)
{
    if (page_says(p, what))
        return;
    print_error("this is not said: %s\n%s", what, p->text);
    _fail(file, line);
}

int tracking_on(void **state)
{
    (void)state;
    return ccp_track(true) != CCP_OK;
}

int tracking_off(void **state)
{
    return ccp_track(false) != CCP_OK || no_block_is_live(state);
}

void guard_forks(bool on)
{
    ASSERT_STATUS(ccp_track(on), CCP_OK);
    ASSERT_STATUS(ccp_fork_guard(on), CCP_OK);
}
