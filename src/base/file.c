/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <stdio.h>

ccpi_line ccpi_file_line(void *file, char *line, size_t size)
{
    if (fgets(line, (int)size, file))
        return CCPI_LINE_READ;
    return ferror(file) ? CCPI_LINE_FAILED : CCPI_LINE_END;
}
