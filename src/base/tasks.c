/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/tasks.h"

#include <string.h>

#if defined(__linux__)
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* As much of a file as fits, with a 0 behind it; false if it cannot be read. */
static bool read_file(const char *path, char *to, size_t size)
{
    int saved = errno;
    int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, to, size - 1, 0);
    if (fd >= 0)
        (void)close(fd);
    errno = saved;
    to[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* The 20th word of /proc/self/stat; the 2nd, a name in parentheses, may have spaces. */
size_t ccpi_task_count(void)
{
    char line[512];
    const char *s = read_file("/proc/self/stat", line, sizeof line) ? strrchr(line, ')') : NULL;
    for (int word = 2; s && word < 20; word++)
        s = strchr(s + 1, ' ');
    size_t n = 0;
    for (s = s ? s + 1 : ""; *s >= '0' && *s <= '9'; s++)
        n = n * 10 + (size_t)(*s - '0');
    return n;
}

bool ccpi_task_name(uint64_t id, char name[CCPI_TASK_NAME])
{
    static const char head[] = "/proc/self/task/", tail[] = "/comm";
    char path[sizeof head + sizeof tail + 20], digits[20];
    size_t n = sizeof head - 1, k = 0;
    memcpy(path, head, n);
    do
        digits[k++] = (char)('0' + id % 10);
    while (id /= 10);
    while (k)
        path[n++] = digits[--k];
    memcpy(path + n, tail, sizeof tail);
    bool ok = read_file(path, name, CCPI_TASK_NAME);
    char *end = strchr(name, '\n');
    if (end)
        *end = '\0';
    return ok;
}
#else
size_t ccpi_task_count(void)
{
    return 0;
}

bool ccpi_task_name(uint64_t id, char name[CCPI_TASK_NAME])
{
    (void)id;
    name[0] = '\0';
    return false;
}
#endif
