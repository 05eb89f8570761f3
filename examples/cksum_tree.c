/* SPDX-License-Identifier: MIT-0
 *
 * cksum_tree.c - checksums of every regular file below some directories, many files at once.
 *
 * Problem: read a tree of any size with N threads, in bounded memory, and print in a stable order:
 * the lines are those of `find PATH... -type f | LC_ALL=C sort | xargs cksum`, in the same order.
 *
 *   walk (main) --> window of 1024 files --> pool of N workers     a worker fills in its file
 *                     |  oldest first                              and counts its `done` down
 *                     v
 *                   print (main)
 *
 * The window bounds the memory: when it is full, the walk waits until the older half is finished,
 * so that main is woken once per 512 files and a slow file holds up nobody but the printer.
 * SIGINT and SIGTERM cancel the context `stop`: every wait ends, and so does every task.
 *
 * To adapt: put your own work into task(), your results into `struct file`.
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

enum { WINDOW = 1024, BLOCK = 128 * 1024 };
#define TICK CCP_MS(100) /* output is never later than this, and progress is drawn as often */

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

/* ---- one file, in a worker --------------------------------------------------------------- */

struct file {
    char *path;
    uint32_t crc;
    uint64_t size;
    int error; /* errno of what failed, or 0 */
    ccp_wg done;
};

/* Checksums the file; one that is cut short by the end of ctx never counts as done. */
static ccp_status task(ccp_ctx *ctx, void *arg)
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
    ccp_status failed = f->error ? CCP_FAILED : CCP_OK; /* f is main's after the next line */
    ccp_status rc = ccp_wg_done(&f->done);
    return rc != CCP_OK ? rc : failed;
}

/* ---- the window, in main ----------------------------------------------------------------- */

struct run {
    ccp_ctx *stop; /* ends on SIGINT and SIGTERM, and if the output fails */
    sigset_t signals;
    ccp_pool *pool;
    int status; /* of the program */
    bool progress, drawn;
    int64_t shown; /* when print_finished() ran last */
    uint64_t files, bytes;
    char path[PATH_MAX]; /* where the walk is */
    size_t head, tail;   /* files numbered tail .. head - 1 are in the window */
    struct file window[WINDOW];
};

static struct file *file_at(struct run *r, size_t number)
{
    return &r->window[number % WINDOW];
}

static void erase_progress(struct run *r)
{
    if (r->drawn)
        fputs("\r\033[K", stderr);
    r->drawn = false;
}

static void complain(struct run *r, const char *dir, const char *name, int error)
{
    erase_progress(r);
    fprintf(stderr, "cksum_tree: %s%s: %s\n", dir, name, strerror(error));
    r->status = 1;
}

/* Prints, and takes out, the oldest files up to the first that is not finished. */
static void print_finished(struct run *r)
{
    erase_progress(r);
    while (r->tail != r->head && ccp_wg_wait(&file_at(r, r->tail)->done, CCP_NOWAIT) == CCP_OK) {
        struct file *f = file_at(r, r->tail++);
        if (f->error)
            complain(r, "", f->path, f->error);
        else
            printf("%lu %llu %s\n", (unsigned long)f->crc, (unsigned long long)f->size, f->path);
        r->files++;
        r->bytes += f->size;
        free(f->path);
    }
    if ((fflush(stdout) != 0 || ferror(stdout)) && ccp_ctx_status(r->stop) == CCP_OK) {
        complain(r, "", "standard output", errno);
        ccp_ctx_cancel(r->stop);
    }
    if (r->progress) {
        fprintf(stderr, "%llu files, %.1f MB", (unsigned long long)r->files, (double)r->bytes / 1e6);
        r->drawn = true;
    }
    r->shown = ccp_now();
}

/* Waits until file `number` and the oldest one are finished, but for no more than a tick each.
 * False if the run is to stop. */
static bool settle(struct run *r, size_t number)
{
    ccp_wait w = ccp_under(r->stop, ccp_within(TICK));
    if (ccp_wg_wait(&file_at(r, number)->done, w) == CCP_CANCELED ||
        ccp_wg_wait(&file_at(r, r->tail)->done, w) == CCP_CANCELED)
        return false;
    print_finished(r);
    return true;
}

/* Hands a file to the workers, once there is room.  False if the run is to stop. */
static bool add_file(struct run *r)
{
    while (r->head - r->tail == WINDOW)
        if (!settle(r, r->tail + WINDOW / 2))
            return false;
    if (ccp_now() - r->shown > TICK)
        print_finished(r);

    struct file *f = file_at(r, r->head);
    f->path = strdup(r->path);
    if (!f->path) {
        complain(r, "", r->path, ENOMEM);
        return true;
    }
    if (ccp_wg_add(&f->done, 1) != CCP_OK ||
        ccp_pool_submit(r->pool, task, f, ccp_with(r->stop)) != CCP_OK) {
        free(f->path);
        return false;
    }
    r->head++;
    return true;
}

/* ---- the walk, in main ------------------------------------------------------------------- */

/* A regular file stands here by its name, a directory by its name and '/': sorted like this they
 * give all full paths in sorted order. */
struct names {
    char **list;
    size_t n, capacity;
};

/* Adds what is called name in dir, if it is a file or a directory.  Gives 0 or an errno. */
static int add_name(struct names *names, int dir, const char *name, unsigned char type)
{
    struct stat st;
    if (type == DT_UNKNOWN) {
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            return errno;
        type = S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_LNK;
    }
    if (type != DT_REG && type != DT_DIR)
        return 0;
    if (names->n == names->capacity) {
        size_t capacity = names->capacity * 2 + 16;
        char **list = realloc(names->list, capacity * sizeof *list);
        if (!list)
            return ENOMEM;
        names->list = list;
        names->capacity = capacity;
    }
    size_t length = strlen(name);
    char *copy = malloc(length + 2);
    if (!copy)
        return ENOMEM;
    memcpy(copy, name, length + 1);
    if (type == DT_DIR && name[length - 1] != '/')
        memcpy(copy + length, "/", 2);
    names->list[names->n++] = copy;
    return 0;
}

static void read_directory(struct run *r, struct names *names)
{
    DIR *d = opendir(r->path);
    struct dirent *e;
    if (!d) {
        complain(r, r->path, "", errno);
        return;
    }
    while (errno = 0, (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int error = add_name(names, dirfd(d), e->d_name, e->d_type);
        if (error != 0)
            complain(r, r->path, e->d_name, error);
    }
    if (errno != 0)
        complain(r, r->path, "", errno);
    closedir(d);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool walk(struct run *r, struct names *names, size_t length);

/* The path of the run, of that length, is that of a directory: adds all files below it. */
static bool walk_directory(struct run *r, size_t length)
{
    struct names names = { NULL, 0, 0 };
    if (ccp_ctx_status(r->stop) != CCP_OK)
        return false;
    read_directory(r, &names);
    return walk(r, &names, length);
}

/* Adds all files named, and those below the directories named; the first `length` bytes of the
 * path are that of the directory they are in.  Frees the names.  False if the run is to stop. */
static bool walk(struct run *r, struct names *names, size_t length)
{
    bool go = true;
    if (names->n > 0)
        qsort(names->list, names->n, sizeof *names->list, compare);
    for (size_t i = 0; i < names->n; i++) {
        char *name = names->list[i];
        size_t end = length + strlen(name);
        if (go && end >= sizeof r->path) {
            r->path[length] = '\0';
            complain(r, r->path, name, ENAMETOOLONG);
        } else if (go) {
            memcpy(r->path + length, name, end - length + 1);
            go = r->path[end - 1] == '/' ? walk_directory(r, end) : add_file(r);
        }
        free(name);
    }
    free(names->list);
    return go;
}

/* ---- main -------------------------------------------------------------------------------- */

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
    r->pool = ccp_pool_new(&(ccp_pool_opts){ .workers = workers,
                                             .queue = WINDOW,
                                             .name = "cksum",
                                             .stack_size = 4 * BLOCK,
                                             .parent = r->stop });
    return r->stop && r->pool && ccp_wg_go(watcher, watch_signals, r) == CCP_OK;
}

/* Ends all threads, prints what they had finished, and frees everything. */
static void finish(struct run *r, ccp_wg *watcher)
{
    ccp_pool_free(r->pool);
    print_finished(r);
    erase_progress(r);
    for (; r->tail != r->head; r->tail++)
        free(file_at(r, r->tail)->path);
    kill(getpid(), SIGTERM); /* for the watcher, if no signal has come */
    ccp_wg_wait(watcher, CCP_FOREVER);
    ccp_ctx_free(r->stop);
}

int main(int argc, char **argv)
{
    static struct run r; /* zero is right for all of it */
    ccp_wg watcher = CCP_WG_INIT;
    struct names paths = { NULL, 0, 0 };
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
        int error = add_name(&paths, AT_FDCWD, path, DT_UNKNOWN);
        if (error != 0)
            complain(&r, "", path, error);
    }
    bool go = walk(&r, &paths, 0);
    while (go && r.tail != r.head)
        go = settle(&r, r.head - 1);
    finish(&r, &watcher);
    return go || ferror(stdout) ? r.status : 130;
}
