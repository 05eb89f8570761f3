/* SPDX-License-Identifier: MIT-0
 *
 * csv_import.c - import a CSV file with a pool of workers into a table with an index.
 *
 * Problem: the rows of a large file are to be parsed, checked and stored by several threads, in
 * bounded memory.  Bad rows must not stop it, but be kept, with their line numbers; and Ctrl-C must
 * leave a table that is whole, though not complete.
 *
 *   main: lines --> batch --> pool of N workers: parse, check, store --> table, bad rows
 *     ^                                                                  |
 *     +------------------- empty batches (2 * N + 1) <-------------------+
 *
 * The empty batches go around in a channel, and bound the memory.  Signals are blocked: main looks
 * between two batches whether one has come; then it reads no more, and what was read is stored.
 * Workers write at the same time, each into places of its own; the header comes last, so a table
 * whose import was killed says that it has no rows.
 *
 * To adapt: parse() knows the columns (id,name,amount), store() where rows go: say, a database.
 * Compile:  cc -O2 csv_import.c -o csv_import $(pkg-config --cflags --libs ccp)
 * Use:      csv_import [-j WORKERS] [-d MS] [-c ROUNDS] ROWS.csv TABLE   bad rows: TABLE.bad
 *           csv_import -p TABLE                                          prints it, in order of id
 *           -j 0: no pool; -d, -c: each batch takes MS longer to store, each row ROUNDS to check
 * Exit:     0; 1 if something could not be read or written; 2 wrong use; 130 if interrupted.
 */
#define _XOPEN_SOURCE 700
#include <ccp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 64, LINE = 256, HEAD = 64, MAX_WORKERS = 1024 };

/* A table: HEAD bytes, rows, entries of the index sorted by id; numbers as in memory. */
struct head {
    char magic[8];
    uint64_t rows;
    char reserved[HEAD - 16];
};

struct row {
    int64_t id, cents;
    uint64_t checked;
    char name[40];
};

struct entry {
    int64_t id;
    uint64_t place; /* of the row */
};

struct import {
    FILE *in, *bad;
    int table;
    long delay_ms, rounds;
    ccp_chan *empty; /* struct batch * */
    ccp_mutex lock;  /* for what follows */
    uint64_t rows, bad_rows, room;
    struct entry *index;
    bool failed;
};

struct batch {
    struct import *import;
    uint64_t line; /* number of the first one */
    size_t lines;
    char text[BATCH][LINE];
};

/* ---- a row ------------------------------------------------------------------------------- */

/* Cuts a line into fields, in place; also "quoted, with ""quotes""".  Gives how many, or -1. */
static int split(char *s, char **fields, int most)
{
    int n = 0;
    for (bool more = true; more; s++) {
        char *to = s;
        bool quoted = *s == '"', open = quoted;
        if (n == most)
            return -1;
        fields[n++] = s;
        for (s += quoted; *s && (quoted ? open : *s != ',');)
            if (!open || *s != '"' || *++s == '"')
                *to++ = *s++;
            else
                open = false;
        more = *s == ',';
        if (open || (*s && !more))
            return -1;
        *to = '\0';
    }
    return n;
}

/* Makes a row of a line.  Gives what is wrong with it, or NULL. */
static const char *parse(const char *line, long rounds, struct row *r)
{
    char text[LINE], *f[3], *end;
    memcpy(text, line, LINE);
    text[strcspn(text, "\r\n")] = '\0';
    if (!strchr(line, '\n') && strlen(line) == LINE - 1)
        return "too long";
    if (split(text, f, 3) != 3)
        return "not three fields";
    memset(r, 0, sizeof *r);
    r->id = strtoll(f[0], &end, 10);
    if (r->id <= 0 || *end)
        return "id is not a number above 0";
    if (!*f[1] || strlen(f[1]) >= sizeof r->name)
        return "name is empty or too long";
    memcpy(r->name, f[1], strlen(f[1]));
    long long units = strtoll(f[2], &end, 10);
    if (end == f[2] || *end != '.' || strspn(end + 1, "0123456789") != 2 || end[3] ||
        units < -1000000000 || units > 1000000000)
        return "amount is not like 12.50";
    int cents = (end[1] - '0') * 10 + end[2] - '0';
    r->cents = units * 100 + (f[2][0] == '-' ? -cents : cents);
    r->checked = 0xcbf29ce484222325; /* stands for a check that takes its time */
    for (long i = 0; i <= rounds; i++)
        for (const char *s = f[1]; *s; s++)
            r->checked = (r->checked ^ (unsigned char)*s) * 0x100000001b3;
    return NULL;
}

/* ---- storing ----------------------------------------------------------------------------- */

/* Reserves places for n rows, and enters them into the index.  False: memory is short. */
static bool reserve(struct import *im, const struct row *rows, size_t n, uint64_t *place)
{
    bool ok = true;
    if (ccp_mutex_lock(&im->lock, CCP_FOREVER) != CCP_OK)
        return false;
    if (im->rows + n > im->room) {
        uint64_t room = im->room * 2 + BATCH;
        struct entry *more = realloc(im->index, room * sizeof *more);
        ok = more != NULL;
        if (more) {
            im->index = more;
            im->room = room;
        }
    }
    *place = im->rows;
    for (size_t i = 0; ok && i < n; i++, im->rows++)
        im->index[im->rows] = (struct entry){ rows[i].id, im->rows };
    ccp_mutex_unlock(&im->lock);
    return ok;
}

static bool write_at(int fd, const void *data, size_t n, uint64_t at)
{
    for (const char *p = data; n > 0;) {
        ssize_t some = pwrite(fd, p, n, (off_t)at);
        if (some <= 0)
            return false;
        p += some, n -= (size_t)some, at += (uint64_t)some;
    }
    return true;
}

static bool store(struct import *im, const struct row *rows, size_t n)
{
    uint64_t place;
    if (im->delay_ms) /* like a database that is far away */
        (void)ccp_sleep(ccp_within(CCP_MS(im->delay_ms)));
    return reserve(im, rows, n, &place) &&
           write_at(im->table, rows, n * sizeof *rows, HEAD + place * sizeof *rows);
}

/* ---- a batch: a task --------------------------------------------------------------------- */

static ccp_status work(ccp_ctx *ctx, void *arg)
{
    struct batch *b = arg;
    struct import *im = b->import;
    struct row rows[BATCH];
    size_t n = 0, bad = 0;
    bool ok = true;
    (void)ctx; /* what was read is stored in any case */
    for (size_t i = 0; i < b->lines; i++) {
        const char *why = parse(b->text[i], im->rounds, &rows[n]);
        if (!why)
            n++;
        else if (++bad, fprintf(im->bad, "%llu: %s: %.*s\n", (unsigned long long)(b->line + i), why,
                                (int)strcspn(b->text[i], "\r\n"), b->text[i]) < 0)
            ok = false;
    }
    ok = (n == 0 || store(im, rows, n)) && ok;
    if (ccp_mutex_lock(&im->lock, CCP_FOREVER) == CCP_OK) {
        im->bad_rows += bad;
        im->failed = im->failed || !ok;
        ccp_mutex_unlock(&im->lock);
    }
    return ccp_chan_send(im->empty, &b, CCP_NOWAIT); /* there is room for all of them */
}

/* ---- the whole file ---------------------------------------------------------------------- */

static bool interrupted(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

/* Fills a batch with the next lines.  The rest of one that is too long is lost. */
static bool fill(struct batch *b, uint64_t line)
{
    FILE *in = b->import->in;
    b->line = line;
    for (b->lines = 0; b->lines < BATCH && fgets(b->text[b->lines], LINE, in); b->lines++)
        if (!strchr(b->text[b->lines], '\n'))
            for (int c = getc(in); c != EOF && c != '\n';)
                c = getc(in);
    return b->lines > 0;
}

/* Reads all lines, and hands them to the pool, or works them off itself.  False: cut short. */
static bool import_all(struct import *im, ccp_pool *pool)
{
    int64_t next = ccp_now();
    struct batch *b;
    for (uint64_t line = 1; ccp_chan_recv(im->empty, &b, CCP_FOREVER) == CCP_OK; line += b->lines) {
        if (interrupted() || !fill(b, line))
            return !interrupted();
        if (pool ? ccp_pool_submit(pool, work, b, CCP_FOREVER) != CCP_OK : work(NULL, b) != CCP_OK)
            return false;
        if (isatty(STDERR_FILENO) && ccp_now() >= next) {
            fprintf(stderr, "\r%llu lines", (unsigned long long)(line + b->lines - 1));
            next = ccp_now() + CCP_MS(100);
        }
    }
    return false;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = ((const struct entry *)a)->id, y = ((const struct entry *)b)->id;
    return (x > y) - (x < y);
}

/* Writes the index, and then the header. */
static bool complete(struct import *im)
{
    struct head h = { "ccptable", im->rows, "" };
    uint64_t end = HEAD + im->rows * sizeof(struct row);
    if (im->rows > 0)
        qsort(im->index, im->rows, sizeof *im->index, by_id);
    return write_at(im->table, im->index, im->rows * sizeof *im->index, end) &&
           write_at(im->table, &h, sizeof h, 0);
}

/* Imports all of a file whose parts are open.  Gives the exit status. */
static int import(struct import *im, unsigned workers)
{
    unsigned batches = 2 * workers + 1;
    struct batch *all = calloc(batches, sizeof *all);
    ccp_pool *pool = workers ? ccp_pool_new(&(ccp_pool_opts){ .workers = workers,
                                                              .queue = batches,
                                                              .name = "import" })
                             : NULL;
    im->empty = ccp_chan_new(sizeof(struct batch *), batches);
    bool ok = all && im->empty && (pool || !workers);
    for (unsigned i = 0; ok && i < batches; i++) {
        struct batch *b = &all[i];
        b->import = im;
        ok = ccp_chan_send(im->empty, &b, CCP_NOWAIT) == CCP_OK;
    }
    bool all_read = ok && import_all(im, pool);
    ok = ok && (!pool || ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK) && !ferror(im->in);
    ccp_pool_free(pool);
    ccp_chan_free(im->empty);
    free(all);
    if (!ok || im->failed || !complete(im))
        return 1;
    printf("%llu rows, %llu bad\n", (unsigned long long)im->rows,
           (unsigned long long)im->bad_rows);
    return all_read ? 0 : interrupted() ? 130 : 1;
}

/* ---- main -------------------------------------------------------------------------------- */

/* Prints a table in order of id.  False: it is not one, or not whole. */
static bool print_table(const char *path)
{
    struct head h;
    struct row r;
    struct entry e;
    int fd = open(path, O_RDONLY);
    bool ok = fd >= 0 && pread(fd, &h, sizeof h, 0) == sizeof h &&
              memcmp(h.magic, "ccptable", sizeof h.magic) == 0 &&
              lseek(fd, 0, SEEK_END) == (off_t)(HEAD + h.rows * (sizeof r + sizeof e));
    for (uint64_t i = 0; ok && i < h.rows; i++) {
        off_t at = (off_t)(HEAD + h.rows * sizeof r + i * sizeof e);
        ok = pread(fd, &e, sizeof e, at) == sizeof e && e.place < h.rows &&
             pread(fd, &r, sizeof r, (off_t)(HEAD + e.place * sizeof r)) == sizeof r &&
             r.id == e.id &&
             printf("%lld,%s,%s%lld.%02lld\n", (long long)r.id, r.name, r.cents < 0 ? "-" : "",
                    (long long)llabs(r.cents) / 100, (long long)llabs(r.cents) % 100) > 0;
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Opens the files, imports, and closes them. */
static int run(struct import *im, const char *rows, const char *table, unsigned workers)
{
    char bad[4096];
    sigset_t signals;
    struct head none = { "", 0, "" };
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* for the workers, too */
    int n = snprintf(bad, sizeof bad, "%s.bad", table);
    im->in = fopen(rows, "r");
    im->table = open(table, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    im->bad = n > 0 && (size_t)n < sizeof bad ? fopen(bad, "w") : NULL;
    int status = 1;
    if (im->in && im->bad && im->table >= 0 && write_at(im->table, &none, sizeof none, 0))
        status = import(im, workers);
    if (im->in)
        fclose(im->in);
    if ((im->bad && fclose(im->bad) != 0) || (im->table >= 0 && close(im->table) != 0))
        status = 1;
    if (status == 1)
        perror("csv_import");
    free(im->index);
    return status;
}

int main(int argc, char **argv)
{
    struct import im = { .lock = CCP_MUTEX_INIT };
    long workers = 4;
    int option, print = 0;
    while ((option = getopt(argc, argv, "j:d:c:p")) != -1) {
        char none[] = "", *end = none;
        long n = optarg ? strtol(optarg, &end, 10) : 0;
        *(option == 'j' ? &workers : option == 'd' ? &im.delay_ms : &im.rounds) = n;
        print += option == 'p';
        if (option == '?' || *end || n < 0 || n > 1000000)
            workers = MAX_WORKERS + 1;
    }
    if (workers > MAX_WORKERS || argc - optind != 2 - print) {
        fputs("usage: csv_import [-j WORKERS] [-d MS] [-c ROUNDS] ROWS.csv TABLE\n"
              "       csv_import -p TABLE\n", stderr);
        return 2;
    }
    if (print)
        return print_table(argv[optind]) && fflush(stdout) == 0 ? 0 : 1;
    return run(&im, argv[optind], argv[optind + 1], (unsigned)workers);
}
