/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

ccpi_line ccpi_file_line(void *file, char *line, size_t size)
{
    if (fgets(line, (int)size, file))
        return CCPI_LINE_READ;
    return ferror(file) ? CCPI_LINE_FAILED : CCPI_LINE_END;
}

void ccpi_file_write(int fd, const char *text, size_t n)
{
    int saved = errno;
    while (n > 0) {
        ssize_t k = write(fd, text, n);
        if (k < 0 && errno != EINTR)
            break;
        if (k > 0) {
            text += k;
            n -= (size_t)k;
        }
    }
    errno = saved;
}
