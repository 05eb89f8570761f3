/* SPDX-License-Identifier: MIT
 *
 * Without libFuzzer:
 *
 *   replay random COUNT SEED   programs of random bytes; the calls of a single one are printed
 *   replay corpus FILE         programs written as lines of hexadecimal digits
 *   replay FILE...             each file is a program; its calls are printed
 */
#include "fuzz.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 4096 };
static uint8_t program[LONGEST];

static uint64_t random_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545F4914F6CDD1Du >> 24;
}

static int run_random(unsigned long count, uint64_t seed)
{
    fuzz_trace = count == 1;
    for (unsigned long k = 0; k < count; k++) {
        uint64_t state = (seed + k + 1) * 0x9E3779B97F4A7C15u | 1;
        size_t n = 1 + random_number(&state) % 300;
        for (size_t i = 0; i < n; i++)
            program[i] = (uint8_t)random_number(&state);
        (void)LLVMFuzzerTestOneInput(program, n);
    }
    printf("%lu programs\n", count);
    return 0;
}

static int digit(int c)
{
    return isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
}

/* A line may be continued: the program ends at an empty line. */
static int run_corpus(const char *name)
{
    FILE *f = fopen(name, "r");
    size_t n = 0;
    unsigned long count = 0;
    int c, last = '\n';
    if (!f) {
        perror(name);
        return 1;
    }
    do {
        c = fgetc(f);
        if (c == '#')
            while (c != '\n' && c != EOF)
                c = fgetc(f);
        else if (isxdigit(c) && n < LONGEST)
            program[n++] = (uint8_t)(digit(c) << 4 | digit(fgetc(f)));
        if (n && (c == EOF || (c == '\n' && last == '\n'))) {
            (void)LLVMFuzzerTestOneInput(program, n);
            n = 0;
            count++;
        }
        last = c;
    } while (c != EOF);
    fclose(f);
    printf("%lu programs\n", count);
    return count == 0;
}

static int run_file(const char *name)
{
    FILE *f = fopen(name, "rb");
    if (!f) {
        perror(name);
        return 1;
    }
    size_t n = fread(program, 1, sizeof program, f);
    fclose(f);
    fuzz_trace = true;
    return LLVMFuzzerTestOneInput(program, n);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "random") == 0)
        return run_random(strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "corpus") == 0)
        return run_corpus(argv[2]);
    int bad = argc < 2;
    for (int i = 1; i < argc; i++)
        bad |= run_file(argv[i]);
    return bad;
}
