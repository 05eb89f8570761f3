/* SPDX-License-Identifier: MIT-0
 *
 * log_merge.c - merge many sorted logs into one.
 *
 * Problem: several machines write logs, each in order of time.  They are to be read as one log, in
 * order of time, without holding any of them in memory; "| head" should stop at once.
 *
 *   lines of log 0 -- yields --> +
 *   lines of log 1 -- yields --> +--> the line with the smallest time --> output
 *   lines of log 2 -- yields --> +
 *
 * Each log is a generator that reads ahead by 64 lines on a thread of its own, so the files are
 * read at the same time; the merge holds one line of each.
 *
 * To adapt: change `struct line` and compare(); with very many logs use a heap in place of first().
 * Compile:  cc log_merge.c -o log_merge $(pkg-config --cflags --libs ccp)
 * Run:      log_merge FILE...      (without arguments: three small logs of its own)
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    char text[512]; /* longer ones are cut into several, and stay in their place */
};

struct log {
    FILE *file;
    ccp_gen *lines;
    struct line head; /* the next one */
    bool ended;
};

/* Lines begin with their time, "09:15:02 ...". */
static int compare(const struct line *a, const struct line *b)
{
    return strncmp(a->text, b->text, 8);
}

static void advance(struct log *l)
{
    l->ended = ccp_gen_next(l->lines, &l->head, CCP_FOREVER) != CCP_OK;
    if (l->ended && ccp_gen_status(l->lines) != CCP_OK)
        fputs("log_merge: a file cannot be read to its end\n", stderr);
}

/* The log whose next line is the earliest; NULL when all have ended. */
static struct log *first(struct log *logs, int n)
{
    struct log *best = NULL;
    for (struct log *l = logs; l < logs + n; l++)
        if (!l->ended && (!best || compare(&l->head, &best->head) < 0))
            best = l;
    return best;
}

/* Merges n open files; closes them. */
static int merge(struct log *logs, int n)
{
    const ccp_gen_opts ahead = { .elem_size = sizeof(struct line), .capacity = 64 };
    int rc = EXIT_SUCCESS;
    for (int i = 0; i < n; i++) {
        logs[i].lines = logs[i].file ? ccp_gen_lines(logs[i].file, &ahead) : NULL;
        logs[i].ended = !logs[i].lines;
        if (logs[i].lines)
            advance(&logs[i]);
        else
            rc = EXIT_FAILURE;
    }
    for (struct log *l; (l = first(logs, n)) && fputs(l->head.text, stdout) >= 0;)
        advance(l);
    for (int i = 0; i < n; i++) {
        ccp_gen_free(logs[i].lines); /* also if it has not come to its end */
        if (logs[i].file)
            fclose(logs[i].file);
    }
    return rc;
}

static FILE *small_log(const char *text)
{
    FILE *f = tmpfile();
    if (f && fputs(text, f) >= 0)
        rewind(f);
    return f;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? argc - 1 : 3;
    struct log *logs = calloc((size_t)n, sizeof *logs);
    if (!logs)
        return EXIT_FAILURE;
    for (int i = 1; i < argc; i++)
        if (!(logs[i - 1].file = fopen(argv[i], "r")))
            perror(argv[i]);
    if (argc == 1) {
        logs[0].file = small_log("09:00:00 web: up\n09:00:07 web: GET /\n09:02:00 web: down\n");
        logs[1].file = small_log("09:00:02 db: up\n09:00:08 db: slow query\n");
        logs[2].file = small_log("09:00:09 cache: full\n");
    }
    int rc = merge(logs, n);
    free(logs);
    return rc;
}
