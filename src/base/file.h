/* SPDX-License-Identifier: MIT
 *
 * Lines of files of the C library; text to files of the system.
 */
#ifndef CCPI_BASE_FILE_H
#define CCPI_BASE_FILE_H

#include <stddef.h>

typedef enum ccpi_line {
    CCPI_LINE_READ,
    CCPI_LINE_END, /* of the file */
    CCPI_LINE_FAILED
} ccpi_line;

/* Reads the rest of a line, or as much of it as fits, with its newline; size is 2 .. INT_MAX. */
ccpi_line ccpi_file_line(void *file, char *line, size_t size);

/* Writes all of it, unless that fails. */
void ccpi_file_write(int fd, const char *text, size_t n);

#endif
