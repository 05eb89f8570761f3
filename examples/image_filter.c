/* SPDX-License-Identifier: MIT-0
 *
 * image_filter.c - blur many images (PGM, PPM) in a pipeline.
 *
 * Problem: each image is read, filtered and written; the three wait for different things and should
 * overlap, yet a directory with thousands of images must not end up in memory.
 *
 *   names --> read --> blur (4 workers) --> write, one after the other, in order
 *              \--> not an image --> complain
 *
 * At most `queue` images wait between two stages.  An image that cannot be written ends everything:
 * what is still under way goes to drop(), so nothing leaks.
 *
 * To adapt: change blur(); the stages do not care what an image is.
 * Compile:  cc -O2 image_filter.c -o image_filter $(pkg-config --cflags --libs ccp)
 * Run:      image_filter DIRECTORY IMAGE...      writes DIRECTORY/IMAGE
 * Exit:     0; 1 if something could not be read or written; 2 wrong use.
 */
#include <ccp.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct image {
    const char *name;
    size_t width, height, planes; /* planes: 1 is gray, 3 is red, green, blue */
    unsigned char *pixels;
};

/* ---- files: P5 and P6 with one byte per sample -------------------------------------------- */

/* Reads a number of the header, and the one character that comes after it.  0: there is none. */
static size_t read_number(FILE *f)
{
    size_t n = 0;
    int c = getc(f);
    while (c == '#' || isspace(c)) {
        if (c == '#')
            while (c != '\n' && c != EOF)
                c = getc(f);
        c = getc(f);
    }
    for (; isdigit(c) && n < 100000; c = getc(f))
        n = n * 10 + (size_t)(c - '0');
    return isspace(c) && n < 100000 ? n : 0;
}

static bool read_pixels(FILE *f, struct image *im)
{
    int p = getc(f), kind = getc(f);
    im->width = read_number(f);
    im->height = read_number(f);
    im->planes = kind == '6' ? 3 : 1;
    if (p != 'P' || (kind != '5' && kind != '6') || read_number(f) != 255)
        return false;
    size_t row = im->width * im->planes; /* below 2^19 */
    im->pixels = row && im->height ? calloc(im->height, row) : NULL;
    return im->pixels && fread(im->pixels, row, im->height, f) == im->height;
}

static bool write_pixels(FILE *f, const struct image *im)
{
    size_t row = im->width * im->planes;
    return fprintf(f, "P%c\n%zu %zu\n255\n", im->planes == 3 ? '6' : '5', im->width, im->height) >
               0 &&
           fwrite(im->pixels, row, im->height, f) == im->height;
}

/* ---- steps -------------------------------------------------------------------------------- */

static ccp_status next_name(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    char ***names = arg;
    (void)ctx, (void)in;
    if (!**names)
        return CCP_CLOSED;
    *(struct image *)out = (struct image){ .name = *(*names)++ };
    return CCP_OK;
}

static ccp_status read_image(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    struct image im = *(const struct image *)in;
    FILE *f = fopen(im.name, "rb");
    bool ok = f && read_pixels(f, &im);
    (void)ctx, (void)arg;
    if (f)
        fclose(f);
    if (!ok) {
        free(im.pixels);
        return CCP_FAILED;
    }
    *(struct image *)out = im;
    return CCP_OK;
}

/* The mean of the 9 samples around one; beyond an edge, the sample at the edge counts again. */
static unsigned char mean_at(const struct image *im, size_t x, size_t y, size_t plane)
{
    unsigned sum = 4; /* rounds */
    for (size_t j = y ? y - 1 : 0, down = 0; down < 3; down++) {
        for (size_t i = x ? x - 1 : 0, right = 0; right < 3; right++) {
            sum += im->pixels[(j * im->width + i) * im->planes + plane];
            i += i + 1 < im->width && (x || right);
        }
        j += j + 1 < im->height && (y || down);
    }
    return (unsigned char)(sum / 9);
}

static ccp_status blur(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    struct image from = *(const struct image *)in, to = from;
    (void)arg;
    to.pixels = malloc(from.width * from.height * from.planes);
    if (!to.pixels)
        return CCP_NOMEM; /* `in` goes to drop() */
    unsigned char *at = to.pixels;
    for (size_t y = 0; y < from.height; y++) {
        if (ccp_ctx_status(ctx) != CCP_OK) { /* the pipeline has ended */
            free(to.pixels);
            return CCP_CANCELED;
        }
        for (size_t x = 0; x < from.width; x++)
            for (size_t plane = 0; plane < from.planes; plane++)
                *at++ = mean_at(&from, x, y, plane);
    }
    free(from.pixels);
    *(struct image *)out = to;
    return CCP_OK;
}

static ccp_status write_image(ccp_ctx *ctx, const void *in, void *out, void *directory)
{
    const struct image *im = in;
    const char *base = strrchr(im->name, '/');
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", (char *)directory, base ? base + 1 : im->name);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "wb") : NULL;
    bool ok = f && write_pixels(f, im);
    (void)ctx, (void)out;
    if (f)
        ok = fclose(f) == 0 && ok;
    if (!ok)
        return CCP_FAILED; /* and drop() gets the image */
    printf("%s: %zu x %zu\n", path, im->width, im->height);
    free(im->pixels);
    return CCP_OK;
}

static ccp_status complain(ccp_ctx *ctx, const void *in, void *out, void *failed)
{
    const CCP_LETTER(struct image) *letter = in;
    (void)ctx, (void)out;
    fprintf(stderr, "image_filter: %s: not a PGM or PPM file of 8 bits\n", letter->item.name);
    ++*(unsigned *)failed;
    return CCP_OK;
}

static void drop(void *image, void *arg)
{
    (void)arg;
    free(((struct image *)image)->pixels);
}

int main(int argc, char **argv)
{
    const size_t size = sizeof(struct image);
    char **names = argv + 2;
    unsigned failed = 0;
    ccp_item why;
    if (argc < 3) {
        fputs("usage: image_filter DIRECTORY IMAGE...\n", stderr);
        return 2;
    }
    ccp_pipeline *p = ccp_pipeline_new(NULL);
    ccp_pipeline_source(p, next_name, &(ccp_stage_opts){ .arg = &names, .out_size = size });
    ccp_stage *reading = ccp_pipeline_map(
        p, read_image, &(ccp_stage_opts){ .out_size = size, .drop = drop, .queue = 4 });
    ccp_pipeline_map(p, blur,
                     &(ccp_stage_opts){ .workers = 4,
                                        .out_size = size,
                                        .drop = drop,
                                        .queue = 4 });
    ccp_pipeline_sink(p, write_image, &(ccp_stage_opts){ .arg = argv[1], .queue = 4 });
    ccp_pipeline_sink(p, complain,
                      &(ccp_stage_opts){ .after = ccp_stage_branch(reading, CCP_LETTERS),
                                         .arg = &failed });
    ccp_status rc = p ? ccp_pipeline_run(p, CCP_FOREVER) : CCP_NOMEM;
    if (rc == CCP_FAILED && ccp_pipeline_failure(p, &why) == CCP_OK)
        fprintf(stderr, "image_filter: image %llu: %s\n", (unsigned long long)why.index,
                why.status == CCP_NOMEM ? "out of memory" : "cannot be written");
    else if (rc != CCP_OK)
        fprintf(stderr, "image_filter: %s\n", ccp_strstatus(rc));
    ccp_pipeline_free(p);
    return rc == CCP_OK && !failed && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
