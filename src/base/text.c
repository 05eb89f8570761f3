/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include "base/tasks.h"

static void add_byte(ccpi_text *t, char c)
{
    if (t->n + 1 < sizeof t->s)
        t->s[t->n++] = c;
    t->s[t->n] = '\0';
}

void ccpi_text_add(ccpi_text *t, const char *s)
{
    while (*s)
        add_byte(t, *s++);
}

static void add_in_base(ccpi_text *t, uint64_t n, unsigned base)
{
    char digits[24];
    unsigned count = 0;
    do
        digits[count++] = "0123456789abcdef"[n % base];
    while (n /= base);
    while (count)
        add_byte(t, digits[--count]);
}

void ccpi_text_add_number(ccpi_text *t, uint64_t n)
{
    add_in_base(t, n, 10);
}

void ccpi_text_add_address(ccpi_text *t, const void *p)
{
    ccpi_text_add(t, "0x");
    add_in_base(t, (uintptr_t)p, 16);
}

void ccpi_text_add_time(ccpi_text *t, int64_t ns)
{
    static const struct {
        uint64_t ns;
        const char *name;
    } units[] = { { 1000000000, " s" }, { 1000000, " ms" }, { 1000, " us" }, { 1, " ns" } };
    uint64_t n = ns > 0 ? (uint64_t)ns : 0;
    unsigned i = 0;
    while (i + 1 < sizeof units / sizeof *units && n < units[i].ns)
        i++;
    ccpi_text_add_number(t, n / units[i].ns);
    if (units[i].ns > 1) {
        add_byte(t, '.');
        ccpi_text_add_number(t, n % units[i].ns / (units[i].ns / 10));
    }
    ccpi_text_add(t, units[i].name);
}

void ccpi_text_add_count(ccpi_text *t, uint64_t n, const char *one, const char *many)
{
    ccpi_text_add_number(t, n);
    add_byte(t, ' ');
    ccpi_text_add(t, n == 1 ? one : many);
}

void ccpi_text_add_thread(ccpi_text *t, uint64_t thread)
{
    char name[CCPI_TASK_NAME];
    ccpi_text_add(t, "thread ");
    ccpi_text_add_number(t, thread);
    if (!ccpi_task_name(thread, name))
        return;
    ccpi_text_add(t, " '");
    ccpi_text_add(t, name);
    ccpi_text_add(t, "'");
}
