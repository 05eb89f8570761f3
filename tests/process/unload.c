/* SPDX-License-Identifier: MIT
 *
 * unload PLUGIN [N]: loads a plugin that uses libccp, uses it, and unloads it, a hundred times: it
 * goes each time, and leaves no thread and no descriptor behind (FK3).
 */
#define _POSIX_C_SOURCE 200809L
#include "use.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int entries(const char *directory)
{
    DIR *d = opendir(directory);
    int n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* The kernel lists a thread a little longer than until it was joined. */
static bool as_many_threads_as(int n)
{
    for (int tries = 0; tries < 60000 && entries("/proc/self/task") != n; tries++)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    return entries("/proc/self/task") == n;
}

static void fail(int round, const char *what)
{
    fprintf(stderr, "round %d: %s\n", round, what);
    exit(1);
}

int main(int argc, char **argv)
{
    int fds = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    int rounds = argc == 3 ? atoi(argv[2]) : 100;
    for (int round = 0; argc > 1 && round < rounds; round++) {
        void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (!plugin)
            fail(round, dlerror());
        use_fn use;
        void *symbol = dlsym(plugin, "use_everything");
        memcpy(&use, &symbol, sizeof use);
        const char *wrong = use();
        if (wrong)
            fail(round, wrong);
        if (dlclose(plugin) != 0)
            fail(round, dlerror());
        if (dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD))
            fail(round, "the plugin is still loaded");
        if (entries("/proc/self/fd") != fds)
            fail(round, "a descriptor was left");
        if (!as_many_threads_as(threads))
            fail(round, "a thread was left");
    }
    return argc > 1 ? 0 : 2;
}
