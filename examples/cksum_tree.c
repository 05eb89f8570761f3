/* SPDX-License-Identifier: MIT-0
 *
 * cksum_tree.c - checksums of every regular file below some directories, many files at once.
 *
 * Problem: read a tree of any size with N threads, in bounded memory, and print in a stable order:
 * the lines are those of `find PATH... -type f | LC_ALL=C sort | xargs cksum`, in the same order.
 *
 *           +--- pool of N workers ----+
 *   main -->| walk: finds more files,  |--> window of 1024 files --> main prints, oldest first
 *     ^     | submits a task for each  |      each counts its `done` down when it is finished
 *     |     +--------------------------+                                |
 *     +------------ half of the window is free: walk on ----------------+
 *
 * The window bounds the memory.  The walk is a task too, and never waits: it ends when it has
 * filled the window, and main submits it again.  So main sleeps most of the time, a file that
 * takes long holds up nothing but the printing, and no lock is needed: what `struct run` has is
 * either the walk's or main's.  SIGINT and SIGTERM cancel the context `stop`: every wait ends, and
 * so does every task.
 *
 * To adapt: put your own work into checksum(), its results into `struct file`.
 * Compile:  cc -O2 cksum_tree.c -o cksum_tree $(pkg-config --cflags --libs ccp)
 * Use:      cksum_tree [-j WORKERS] [PATH...]
 * Output:   one line for each file: checksum, size and path, as POSIX cksum prints them.
 * Exit:     0; 1 if something could not be read or written; 2 wrong use; 130 if interrupted.
 *
 * Symbolic links are not followed.  The paths are taken in sorted order; files below two of them
 * come twice, once for each.
 */
#define _DEFAULT_SOURCE /* d_type */
#include <ccp.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 1024, BLOCK = 128 * 1024 }; /* files, bytes */
#define TICK CCP_MS(100) /* output is no later than this, and progress drawn as often */

/* ---- the checksum: CRC-32 of POSIX cksum, 8 bytes at a time ------------------------------ */

static uint32_t table[8][256]; /* table[k][b]: byte b, followed by k zero bytes */

static void crc_init(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc >> 31 ? 0x04C11DB7 : 0);
        table[0][b] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++)
            table[k][b] = table[k - 1][b] << 8 ^ table[0][table[k - 1][b] >> 24];
}

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t crc_add(uint32_t crc, const unsigned char *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t a = crc ^ big_endian(p), b = big_endian(p + 4);
        crc = table[7][a >> 24] ^ table[6][a >> 16 & 255] ^ table[5][a >> 8 & 255] ^
              table[4][a & 255] ^ table[3][b >> 24] ^ table[2][b >> 16 & 255] ^
              table[1][b >> 8 & 255] ^ table[0][b & 255];
    }
    for (; n > 0; n--)
        crc = crc << 8 ^ table[0][crc >> 24 ^ *p++];
    return crc;
}

/* ---- one file: a task -------------------------------------------------------------------- */

struct file {
    char *path;
    uint32_t crc;
    uint64_t size;
    int error; /* errno of what failed, or 0 */
    ccp_wg done;
};

/* Checksums the file; one that is cut short by the end of ctx never counts as done. */
static ccp_status checksum(ccp_ctx *ctx, void *arg)
{
    struct file *f = arg;
    unsigned char block[BLOCK];
    uint32_t crc = 0;
    uint64_t size = 0;
    ssize_t n = -1;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    while (fd >= 0 && (n = read(fd, block, BLOCK)) > 0) {
        crc = crc_add(crc, block, (size_t)n);
        size += (uint64_t)n;
        if (ccp_ctx_status(ctx) != CCP_OK) {
            close(fd);
            return CCP_CANCELED;
        }
    }
    f->error = n < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    for (uint64_t rest = size; rest > 0; rest >>= 8)
        crc = crc_add(crc, &(unsigned char){ rest & 255 }, 1);
    f->crc = ~crc;
    f->size = size;
    ccp_status result = f->error ? CCP_FAILED : CCP_OK; /* f is main's after the next line */
    return ccp_wg_done(&f->done) == CCP_OK ? result : CCP_MISUSE;
}

/* ---- the walk: a task -------------------------------------------------------------------- */

/* A directory that the walk is in.  A regular file stands here by its name, a directory by its
 * name and '/': sorted like this they give all full paths in sorted order. */
struct level {
    struct level *above;
    size_t length; /* of the directory's path, with its '/' */
    char **names;
    size_t n, capacity, next;
};

struct run {
    ccp_ctx *stop; /* ends on SIGINT and SIGTERM, and if the output fails */
    ccp_pool *pool;
    struct file window[WINDOW]; /* file k is at [k % WINDOW] */

    /* --- the walk's, while `walking` counts it; otherwise main's --- */
    ccp_wg walking;
    struct level *level;
    char path[PATH_MAX];
    size_t found, limit; /* files found so far; no more than so many, for now */

    /* --- main's --- */
    sigset_t signals;
    size_t ready, printed; /* what `found` was after the last walk; files printed */
    uint64_t bytes;
    int status; /* of the program */
    bool progress, drawn;
};

/* Puts a file into the window, and submits its task; or only an error about the path. */
static ccp_status add_file(struct run *r, int error)
{
    struct file *f = &r->window[r->found % WINDOW];
    f->path = strdup(r->path);
    f->error = f->path ? error : ENOMEM;
    f->size = 0;
    r->found++;
    if (f->error)
        return CCP_OK;
    ccp_status rc = ccp_wg_add(&f->done, 1);
    return rc == CCP_OK ? ccp_pool_submit(r->pool, checksum, f, ccp_with(r->stop)) : rc;
}

/* Adds what is called name in dir, if it is a file or a directory.  Gives 0 or an errno. */
static int add_name(struct level *l, int dir, const char *name, unsigned char type)
{
    struct stat st;
    if (type == DT_UNKNOWN) {
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            return errno;
        type = S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_LNK;
    }
    if (type != DT_REG && type != DT_DIR)
        return 0;
    if (l->n == l->capacity) {
        size_t capacity = l->capacity * 2 + 16;
        char **names = realloc(l->names, capacity * sizeof *names);
        if (!names)
            return ENOMEM;
        l->names = names;
        l->capacity = capacity;
    }
    size_t length = strlen(name);
    char *copy = malloc(length + 2);
    if (!copy)
        return ENOMEM;
    memcpy(copy, name, length + 1);
    if (type == DT_DIR && name[length - 1] != '/')
        memcpy(copy + length, "/", 2);
    l->names[l->n++] = copy;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_names(struct level *l)
{
    if (l->n > 1)
        qsort(l->names, l->n, sizeof *l->names, compare);
}

/* Goes into the directory r->path.  Gives 0 or an errno. */
static int enter(struct run *r, size_t length)
{
    struct level *l = calloc(1, sizeof *l);
    DIR *d = l ? opendir(r->path) : NULL;
    int error = d ? 0 : errno;
    struct dirent *e;
    while (errno = 0, d && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int failed = add_name(l, dirfd(d), e->d_name, e->d_type);
        error = failed ? failed : error;
    }
    error = errno ? errno : error;
    if (d)
        closedir(d);
    if (!l)
        return error;
    sort_names(l);
    l->above = r->level;
    l->length = length;
    r->level = l;
    return error;
}

static void leave(struct run *r)
{
    struct level *l = r->level;
    r->level = l->above;
    while (l->n > 0)
        free(l->names[--l->n]);
    free(l->names);
    free(l);
}

/* Goes on with the walk until it has found `limit` files, or all. */
static ccp_status walk(ccp_ctx *ctx, void *arg)
{
    struct run *r = arg;
    ccp_status rc = CCP_OK;
    while (rc == CCP_OK && r->level && r->found < r->limit) {
        struct level *l = r->level;
        if (l->next == l->n) {
            leave(r);
            continue;
        }
        const char *name = l->names[l->next++];
        size_t length = strlen(name), end = l->length + length;
        bool fits = end < sizeof r->path, directory = name[length - 1] == '/';
        memcpy(r->path + l->length, fits ? name : "", fits ? length + 1 : 1);
        int error = !fits ? ENAMETOOLONG : directory ? enter(r, end) : 0;
        rc = error || !directory ? add_file(r, error) : ccp_ctx_status(ctx);
    }
    return rc == CCP_OK ? ccp_wg_done(&r->walking) : rc;
}

/* ---- main -------------------------------------------------------------------------------- */

static void erase_progress(struct run *r)
{
    if (r->drawn)
        fputs("\r\033[K", stderr);
    r->drawn = false;
}

static void complain(struct run *r, const char *what, int error)
{
    erase_progress(r);
    fprintf(stderr, "cksum_tree: %s: %s\n", what, strerror(error));
    r->status = 1;
}

/* Prints the oldest files, up to the first that is not finished. */
static void print_finished(struct run *r)
{
    erase_progress(r);
    for (; r->printed < r->ready; r->printed++) {
        struct file *f = &r->window[r->printed % WINDOW];
        if (ccp_wg_wait(&f->done, CCP_NOWAIT) != CCP_OK)
            break;
        if (f->error)
            complain(r, f->path ? f->path : "a file", f->error);
        else
            printf("%lu %llu %s\n", (unsigned long)f->crc, (unsigned long long)f->size, f->path);
        r->bytes += f->size;
        free(f->path);
    }
    if ((fflush(stdout) != 0 || ferror(stdout)) && ccp_ctx_status(r->stop) == CCP_OK) {
        complain(r, "standard output", errno);
        ccp_ctx_cancel(r->stop);
    }
    if (r->progress) {
        fprintf(stderr, "%zu files, %.1f MB", r->printed, (double)r->bytes / 1e6);
        r->drawn = true;
    }
}

/* Waits for what wg counts, for a tick at most, and prints what is finished. */
static ccp_status wait_and_print(struct run *r, ccp_wg *wg)
{
    ccp_status rc = ccp_wg_wait(wg, ccp_under(r->stop, ccp_within(TICK)));
    print_finished(r);
    return rc;
}

/* Walks, and prints, in turns.  CCP_OK when all is printed. */
static ccp_status run(struct run *r)
{
    ccp_status rc;
    do {
        r->limit = r->printed + WINDOW;
        if ((rc = ccp_wg_add(&r->walking, 1)) != CCP_OK ||
            (rc = ccp_pool_submit(r->pool, walk, r, ccp_with(r->stop))) != CCP_OK)
            return rc;
        while ((rc = wait_and_print(r, &r->walking)) == CCP_TIMEOUT)
            continue;
        if (rc != CCP_OK)
            return rc;
        r->ready = r->found;
        size_t until = r->ready - (r->level ? WINDOW / 2 : 0);
        while (r->printed < until) { /* the newest first: mostly one wait is enough */
            rc = wait_and_print(r, &r->window[(until - 1) % WINDOW].done);
            if (rc == CCP_OK && r->printed < until)
                rc = wait_and_print(r, &r->window[r->printed % WINDOW].done);
            if (rc != CCP_OK && rc != CCP_TIMEOUT)
                return rc;
        }
    } while (r->level);
    return CCP_OK;
}

static void watch_signals(void *arg)
{
    struct run *r = arg;
    int signal;
    if (sigwait(&r->signals, &signal) == 0)
        ccp_ctx_cancel(r->stop);
}

/* Starts the workers, and a thread that waits for the signals; all others have them blocked. */
static bool start(struct run *r, ccp_wg *watcher, unsigned workers)
{
    crc_init();
    r->progress = isatty(STDERR_FILENO);
    sigemptyset(&r->signals);
    sigaddset(&r->signals, SIGINT);
    sigaddset(&r->signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &r->signals, NULL);
    r->stop = ccp_ctx_new(NULL, CCP_FOREVER);
    r->level = calloc(1, sizeof *r->level); /* the paths to walk */
    r->pool = ccp_pool_new(&(ccp_pool_opts){ .workers = workers,
                                             .queue = WINDOW + 1, /* no submit has to wait */
                                             .name = "cksum",
                                             .stack_size = 16 * BLOCK, /* a block lives there */
                                             .parent = r->stop });
    return r->stop && r->level && r->pool && ccp_wg_go(watcher, watch_signals, r) == CCP_OK;
}

/* Ends all threads, prints what they had finished, and frees everything. */
static void finish(struct run *r, ccp_wg *watcher)
{
    ccp_pool_free(r->pool);
    r->ready = r->found;
    print_finished(r);
    erase_progress(r);
    for (; r->printed < r->found; r->printed++)
        free(r->window[r->printed % WINDOW].path);
    while (r->level)
        leave(r);
    kill(getpid(), SIGTERM); /* for the watcher, if no signal has come */
    ccp_wg_wait(watcher, CCP_FOREVER);
    ccp_ctx_free(r->stop);
}

int main(int argc, char **argv)
{
    static struct run r; /* zero is right for all of it */
    ccp_wg watcher = CCP_WG_INIT;
    long workers = 0; /* as many as there are processors */
    int option;
    while ((option = getopt(argc, argv, "j:")) != -1) {
        char *end = optarg;
        workers = option == 'j' ? strtol(optarg, &end, 10) : 0;
        if (workers < 1 || workers > 1024 || *end) {
            fputs("usage: cksum_tree [-j WORKERS] [PATH...]\n", stderr);
            return 2;
        }
    }
    if (!start(&r, &watcher, (unsigned)workers)) {
        fputs("cksum_tree: out of memory or threads\n", stderr);
        return 1;
    }
    for (int i = optind; i == optind || i < argc; i++) {
        const char *path = i < argc ? argv[i] : ".";
        int error = add_name(r.level, AT_FDCWD, path, DT_UNKNOWN);
        if (error != 0)
            complain(&r, path, error);
    }
    sort_names(r.level);
    ccp_status rc = run(&r);
    finish(&r, &watcher);
    return rc == CCP_OK || ferror(stdout) ? r.status : 130;
}
