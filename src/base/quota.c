/* SPDX-License-Identifier: MIT
 *
 * Quotas of control groups: cpu.max of version 2, cpu.cfs_quota_us of version 1.
 *
 * /proc/self/cgroup names the group that the process is in, one line for each hierarchy; and
 * /proc/self/mountinfo where such a hierarchy can be seen, and from which of its groups on.  A
 * quota holds for all below: the least on the way from the group up to the mount counts.
 *
 *   U1  Nothing here allocates or fails: what cannot be read, is cut off or makes no sense limits
 *       nothing.
 *   U2  Of a line so much is looked at as LINE_MOST has room for; a group whose path is longer than
 *       PATH_MOST counts as one above it.  All buffers fit the smallest stack of a thread.
 */
#define _GNU_SOURCE
#include "base/quota.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define PATH_MOST 1024
#define LINE_MOST 1152 /* so what is cut off a group is more than a path holds */
#define MOST_CPUS 1000000 /* a quota above is none */

/* ---- lines of a file ---- */

typedef struct reader {
    int fd;
    off_t at; /* of what follows the buffer */
    size_t next, end;
    char buf[256];
} reader;

/* Opens the file `name` below the directory `dir`. */
static bool open_below(reader *r, const char *dir, const char *name)
{
    char path[PATH_MOST + 32];
    size_t n = strlen(dir), more = strlen(name) + 1;
    r->at = 0;
    r->next = r->end = 0;
    r->fd = -1;
    if (n + more <= sizeof path) {
        memcpy(path, dir, n + 1);
        memcpy(path + n, name, more);
        r->fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    }
    return r->fd >= 0;
}

/* The next byte; -1 at the end. */
static int next_byte(reader *r)
{
    if (r->next == r->end) {
        ssize_t n = pread(r->fd, r->buf, sizeof r->buf, r->at);
        if (n <= 0)
            return -1;
        r->at += n;
        r->next = 0;
        r->end = (size_t)n;
    }
    return (unsigned char)r->buf[r->next++];
}

/* The next line without its end, cut to what fits; false if there is none. */
static bool next_line(reader *r, char *line, size_t size)
{
    size_t n = 0;
    int c = next_byte(r);
    if (c < 0)
        return false;
    for (; c >= 0 && c != '\n'; c = next_byte(r))
        if (n + 1 < size)
            line[n++] = (char)c;
    line[n] = '\0';
    return true;
}

static bool first_line(const char *dir, const char *name, char *line, size_t size)
{
    reader r;
    if (!open_below(&r, dir, name))
        return false;
    bool ok = next_line(&r, line, size);
    (void)close(r.fd);
    return ok;
}

/* ---- words ---- */

/* The word at *s, which it ends there; *s goes on behind it.  "" at the end of the line. */
static char *next_word(char **s, char separator)
{
    char *word = *s;
    while (**s && **s != separator)
        ++*s;
    if (**s)
        *(*s)++ = '\0';
    return word;
}

/* Is `item` in a list with commas? */
static bool has_item(const char *list, const char *item)
{
    size_t n = strlen(item);
    while (list && (strncmp(list, item, n) != 0 || (list[n] && list[n] != ','))) {
        list = strchr(list, ',');
        if (list)
            list++;
    }
    return list != NULL;
}

/* A number > 0, alone in its word; 0 if it is none, or beyond what a quota can be. */
static uint64_t number(const char *s)
{
    uint64_t n = 0;
    for (; *s >= '0' && *s <= '9' && n <= (uint64_t)1 << 48; s++)
        n = n * 10 + (uint64_t)(*s - '0');
    return *s || n > (uint64_t)1 << 48 ? 0 : n;
}

static uint32_t thousandths(uint64_t quota, uint64_t period)
{
    if (quota == 0 || period == 0 || quota / period >= MOST_CPUS)
        return CCPI_NO_QUOTA;
    return (uint32_t)((quota * 1000 + period - 1) / period);
}

/* ---- groups ---- */

typedef struct hierarchy {
    bool v2;
    char group[LINE_MOST]; /* as /proc/self/cgroup has it */
    char path[PATH_MOST];  /* of the directory that is looked at */
    size_t top;            /* bytes of it that are the mount */
} hierarchy;

static uint32_t quota_of_group(hierarchy *h)
{
    char line[64], *s = line;
    if (h->v2) {
        if (!first_line(h->path, "/cpu.max", line, sizeof line))
            return CCPI_NO_QUOTA;
        const char *quota = next_word(&s, ' ');
        return thousandths(number(quota), number(s));
    }
    char period[64];
    if (!first_line(h->path, "/cpu.cfs_quota_us", line, sizeof line) ||
        !first_line(h->path, "/cpu.cfs_period_us", period, sizeof period))
        return CCPI_NO_QUOTA;
    return thousandths(number(line), number(period));
}

/* From the group up to the mount. */
static uint32_t least_quota(hierarchy *h)
{
    uint32_t least = quota_of_group(h);
    while (strlen(h->path) > h->top) {
        *strrchr(h->path, '/') = '\0';
        uint32_t quota = quota_of_group(h);
        least = quota < least ? quota : least;
    }
    return least;
}

/* ---- mounts ---- */

/* Where a group lies below another; NULL if it does not. */
static const char *below(const char *group, const char *root)
{
    size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(group, root, n) != 0 || (group[n] && group[n] != '/') || strstr(group, "/.."))
        return NULL;
    return strcmp(group + n, "/") == 0 ? "" : group + n;
}

/* Spaces and the like stand in mountinfo as a backslash and three octal digits. */
static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++)
        if (s[0] == '\\' && s[1] && s[2] && s[3]) {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else
            *to++ = *s;
    *to = '\0';
}

typedef enum sight {
    NO_MOUNT, /* of this hierarchy */
    OTHERS,   /* shows groups of the hierarchy, ours not by its name */
    OURS
} sight;

/* Sets the path by the mount's root directory and place. */
static sight set_path(hierarchy *h, const char *base, const char *root, const char *place)
{
    const char *group = below(h->group, root);
    size_t n = strlen(base), top = n + strlen(place), more = group ? strlen(group) : 0;
    if (top >= PATH_MOST)
        return NO_MOUNT;
    while (top + more >= PATH_MOST) /* U2 */
        do
            more--;
        while (group[more] != '/');
    memcpy(h->path, base, n);
    memcpy(h->path + n, place, top - n);
    if (group)
        memcpy(h->path + top, group, more);
    h->path[top + more] = '\0';
    h->top = top;
    return group ? OURS : OTHERS;
}

/* A line of mountinfo: id, parent, device, root, place, options ... - kind, source, options. */
static sight take_mount(hierarchy *h, const char *base, char *line)
{
    char *rest = strstr(line, " - ");
    if (!rest)
        return NO_MOUNT;
    *rest = '\0';
    rest += 3;
    const char *kind = next_word(&rest, ' ');
    (void)next_word(&rest, ' ');
    if (h->v2 ? strcmp(kind, "cgroup2") != 0
              : strcmp(kind, "cgroup") != 0 || !has_item(rest, "cpu"))
        return NO_MOUNT;
    for (int skip = 0; skip < 3; skip++)
        (void)next_word(&line, ' ');
    char *root = next_word(&line, ' '), *place = next_word(&line, ' ');
    unescape(root);
    unescape(place);
    return set_path(h, base, root, place);
}

static bool find_mount(hierarchy *h, const char *base, sight wanted)
{
    char line[LINE_MOST];
    reader r;
    sight is = NO_MOUNT;
    if (!open_below(&r, base, "/proc/self/mountinfo"))
        return false;
    while (is != wanted && next_line(&r, line, sizeof line))
        is = take_mount(h, base, line);
    (void)close(r.fd);
    return is == wanted;
}

/* A line of /proc/self/cgroup: number, controllers, group.  False if it has no quotas. */
static bool take_group(hierarchy *h, char *line)
{
    (void)next_word(&line, ':');
    const char *controllers = next_word(&line, ':');
    h->v2 = !*controllers;
    size_t n = strlen(line);
    memcpy(h->group, line, n + 1);
    return h->v2 || has_item(controllers, "cpu");
}

uint32_t ccpi_cpu_quota(const char *root)
{
    hierarchy h;
    reader r;
    char line[LINE_MOST];
    uint32_t least = CCPI_NO_QUOTA;
    if (!open_below(&r, root, "/proc/self/cgroup"))
        return least;
    while (next_line(&r, line, sizeof line))
        /* In a container the first mount of others is often our own, under another name. */
        if (take_group(&h, line) && (find_mount(&h, root, OURS) || find_mount(&h, root, OTHERS))) {
            uint32_t quota = least_quota(&h);
            least = quota < least ? quota : least;
        }
    (void)close(r.fd);
    return least;
}
