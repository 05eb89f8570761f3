/* SPDX-License-Identifier: MIT
 *
 * Which mutant of a woven library (weave.py) a program is, and which ones it has come by.
 *
 *   CCP_MUTANT=NUMBER       the one
 *   CCP_MUTANTS_SEEN=FILE   a byte for each number, not 0 if the program has asked for it; in a
 *                           file, so that what dies, and what was forked, counts too
 *
 * The explorer must not see this, nor may a sanitizer.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__GNUC__)
#define UNSEEN __attribute__((no_sanitize_thread))
#endif

int ccpi_mutant_is(int number);

static int chosen = -1;
static volatile unsigned char *seen;
static int numbers;

__attribute__((constructor)) UNSEEN static void choose(void)
{
    const char *number = getenv("CCP_MUTANT"), *path = getenv("CCP_MUTANTS_SEEN");
    if (number)
        chosen = atoi(number);
    int fd = path ? open(path, O_RDWR) : -1;
    struct stat file;
    if (fd >= 0 && fstat(fd, &file) == 0) {
        void *at = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at != MAP_FAILED) {
            numbers = (int)file.st_size;
            seen = at;
        }
    }
    if (fd >= 0)
        close(fd);
}

UNSEEN int ccpi_mutant_is(int number)
{
    if (number < numbers && !seen[number])
        seen[number] = 1;
    return number == chosen;
}
