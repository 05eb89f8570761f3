/* SPDX-License-Identifier: MIT
 *
 * Steps in words, source locations, and replay strings.
 *
 * A replay string is the list of decisions of a schedule: a thread's number, as "1" or "1x12" for
 * twelve times, or a choice, as "c3"; with dots between.
 */
#define _GNU_SOURCE
#include "sim_int.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Names of memory ---- */

#define NAMES 64
static struct {
    uintptr_t start;
    size_t size;
    const char *name;
} names[NAMES];
static int name_count;

void sim_name(const void *p, size_t size, const char *name)
{
    if (name_count == NAMES)
        return;
    names[name_count].start = (uintptr_t)p;
    names[name_count].size = size;
    names[name_count++].name = name;
}

void trace_describe(uintptr_t a, char *out, size_t size)
{
    for (int i = 0; i < name_count; i++)
        if (a - names[i].start < names[i].size) {
            snprintf(out, size, "%s+%zu", names[i].name, (size_t)(a - names[i].start));
            return;
        }
    size_t offset = a - arena - HEAP_SIZE;
    if (a == 0)
        snprintf(out, size, "%s", "");
    else if (offset < SIM_THREADS * STACK_SIZE) {
        const thread *t = &sim.thread[offset / STACK_SIZE];
        if (a > t->stack_top)
            snprintf(out, size, "T%d's self+%zu", t->id, (size_t)(a - t->stack_top - 64));
        else
            snprintf(out, size, "T%d's stack-%zu", t->id, (size_t)(t->stack_top - a));
    } else if (a - arena >= HEAP_SIZE || !heap_describe(a, out, size))
        snprintf(out, size, "@%lx@", (unsigned long)a + 1); /* trace_expand() takes one away */
}

/* ---- Source locations ---- */

/* One addr2line answers for all addresses: to start it takes longer than to ask. */
static FILE *ask, *answers;

static void start_addr2line(void)
{
    char name[] = "addr2line", how[] = "-fse", exe[64];
    char *const command[] = { name, how, exe, NULL };
    int to[2], from[2];
    pid_t child;
    posix_spawn_file_actions_t files;
    snprintf(exe, sizeof exe, "/proc/%ld/exe", (long)getpid());
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        return;
    signal(SIGPIPE, SIG_IGN); /* there may be no such program */
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, from[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&child, command[0], &files, NULL, command, environ) == 0) {
        ask = fdopen(to[1], "w");
        answers = fdopen(from[0], "r");
    }
    posix_spawn_file_actions_destroy(&files);
    close(to[0]);
    close(from[1]);
}

extern char __data_start[], _end[];

static bool is_data(unsigned long a)
{
    return a - (unsigned long)__data_start < (unsigned long)(_end - __data_start);
}

/* One line about an address of the program: a function and its place, or a variable. */
static void locate(unsigned long a, char *out, size_t size)
{
    static bool started;
    char function[128] = "", line[256] = "";
    snprintf(out, size, "0x%lx", a);
    if (a == 0)
        return;
    if (!started)
        start_addr2line();
    started = true;
    if (!ask || !answers)
        return;
    fprintf(ask, "0x%lx\n", a);
    fflush(ask);
    if (fgets(function, sizeof function, answers) && fgets(line, sizeof line, answers)) {
        function[strcspn(function, "\n")] = 0;
        line[strcspn(line, " \n")] = 0;
        if (is_data(a) && line[0] != '?') /* its name may be that of a neighbour */
            snprintf(out, size, "the variable of %s", line);
        else if (function[0] != '?' && line[0] != '?')
            snprintf(out, size, "%s (%s)", function, line);
        else if (function[0] != '?')
            snprintf(out, size, "%s", function);
    }
}

/* What was asked last; a long trace has more addresses than places. */
static struct {
    unsigned long a;
    char text[160];
} cache[1024];

static const char *location(unsigned long a)
{
    size_t k = a % (sizeof cache / sizeof cache[0]);
    if (cache[k].a != a || !cache[k].text[0]) {
        cache[k].a = a;
        locate(a, cache[k].text, sizeof cache[k].text);
    }
    return cache[k].text;
}

/* Replaces @address@ in a message. */
void trace_expand(char *text, size_t size)
{
    char *out = malloc(size), *end;
    if (!out)
        return;
    size_t n = 0;
    for (const char *p = text; *p && n + 1 < size;) {
        unsigned long a = *p == '@' ? strtoul(p + 1, &end, 16) : 0;
        if (*p == '@' && end > p + 1 && *end == '@') {
            int k = snprintf(out + n, size - n, "%s", a == 1 ? "" : location(a > 1 ? a - 1 : a));
            n += k > 0 ? (size_t)k : 0;
            if (n >= size)
                n = size - 1;
            p = end + 1;
        } else {
            out[n++] = *p++;
        }
    }
    out[n] = 0;
    memcpy(text, out, n + 1);
    free(out);
}

/* ---- Steps ---- */

#define STEPS 20000
static struct step {
    const char *op;
    uint64_t value;
    uint32_t pc;
    int step, thread;
    char what[48];
} *steps;
static int step_count;

void trace_begin(void)
{
    step_count = 0;
    name_count = 0;
    if (sim.tracing && !steps)
        steps = calloc(STEPS, sizeof *steps);
}

void trace_step(const char *op, uintptr_t a, uint64_t value, uint32_t pc)
{
    if (step_count == STEPS || !steps)
        return;
    struct step *s = &steps[step_count++];
    s->op = op;
    s->value = value;
    s->pc = pc;
    s->step = sim.steps;
    s->thread = sim.self->id;
    trace_describe(a, s->what, sizeof s->what);
}

#define SHOWN 300 /* of a long trace: the first and the last so many steps */

void trace_print(void)
{
    FILE *out = sim.o.out ? sim.o.out : stdout;
    for (int i = 0; i < step_count; i++) {
        if (step_count > 2 * SHOWN && i == SHOWN) {
            fprintf(out, "  ... %d steps\n", step_count - 2 * SHOWN);
            i = step_count - SHOWN;
        }
        struct step *s = &steps[i];
        char what[200];
        snprintf(what, sizeof what, "%s", s->what);
        trace_expand(what, sizeof what);
        fprintf(out, "  %4d %*sT%d %-14s %-24s %-10llu %s\n", s->step, 2 * s->thread, "", s->thread,
               s->op, what, (unsigned long long)s->value, s->pc ? location(s->pc - 1) : "");
    }
}

/* ---- Decisions ---- */

#define DECISIONS (4 * TICK_MAX)
static int16_t *record, *replay; /* a thread, or -1 - choice */
static int record_count, replay_count, replay_position;

void record_begin(void)
{
    if (!record)
        record = malloc(DECISIONS * sizeof *record);
    if (!record)
        abort();
    record_count = 0;
    replay_position = 0;
}

void record_choice(bool is_thread, int value)
{
    if (record_count == DECISIONS)
        sim_fail("more than %d decisions", DECISIONS);
    record[record_count++] = (int16_t)(is_thread ? value : -1 - value);
}

int record_replayed(bool is_thread)
{
    if (replay_position >= replay_count)
        return -1;
    int d = replay[replay_position++];
    if ((d >= 0) != is_thread)
        sim_fail("this is not a replay of this scenario");
    return is_thread ? d : -1 - d;
}

void record_load(const char *text)
{
    replay_count = 0;
    if (!text)
        return;
    if (!replay)
        replay = malloc(DECISIONS * sizeof *replay);
    for (char *p = (char *)text; replay && *p;) {
        bool choice = *p == 'c';
        long value = strtol(p + choice, &p, 10), times = 1;
        if (*p == 'x')
            times = strtol(p + 1, &p, 10);
        while (times-- > 0 && replay_count < DECISIONS)
            replay[replay_count++] = (int16_t)(choice ? -1 - value : value);
        if (*p == '.')
            p++;
        else if (*p)
            break;
    }
}

char *record_string(void)
{
    static char *text;
    size_t room = (size_t)record_count * 8 + 16, n = 0;
    free(text);
    text = malloc(room);
    if (!text)
        abort();
    text[0] = 0;
    for (int i = 0, k; i < record_count; i = k) {
        for (k = i + 1; k < record_count && record[k] == record[i];)
            k++;
        int d = record[i];
        n += (size_t)sprintf(text + n, d < 0 ? "%sc%d" : "%s%d", i ? "." : "", d < 0 ? -1 - d : d);
        if (k > i + 1)
            n += (size_t)sprintf(text + n, "x%d", k - i);
    }
    return text;
}
