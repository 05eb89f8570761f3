/* SPDX-License-Identifier: MIT-0
 *
 * pipeline.c - count the lines, words and bytes of many files at once, and print them in order.
 *
 * Problem: reading waits for the disk, counting takes the processor; both should go on at the same
 * time, for several files, in bounded memory, and the output be the same as that of wc.
 *
 *   names --> read (2 threads) --> count (4 threads) --> print, in the order of the names
 *                  \--> files that cannot be read --> complain
 *
 * A stage keeps the order of its items whatever the number of its workers.  What cannot be read
 * leaves by the branch CCP_LETTERS, after two attempts, and stops nothing.
 *
 * To adapt: change `struct file` and the steps; each runs in threads of its own, and what it gets
 * is its own, so steps need no locks.
 * Compile:  cc pipeline.c -o pipeline $(pkg-config --cflags --libs ccp)
 * Run:      pipeline FILE...
 * Output:   lines, words, bytes and name of each file, and the sums.
 * Exit:     0; 1 if something could not be read or written.
 */
#include <ccp.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct file {
    const char *name;
    char *text;
    size_t lines, words, bytes;
};

/* The source: makes a file of each name. */
static ccp_status next_name(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    char ***names = arg;
    (void)ctx, (void)in;
    if (!**names)
        return CCP_CLOSED;
    *(struct file *)out = (struct file){ .name = *(*names)++ };
    return CCP_OK;
}

static ccp_status read_text(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    struct file f = *(const struct file *)in;
    FILE *stream = fopen(f.name, "rb");
    size_t room = 0, got = 1;
    (void)ctx, (void)arg;
    while (stream && got > 0) {
        if (f.bytes == room) {
            char *more = realloc(f.text, room += 65536);
            if (!more)
                break;
            f.text = more;
        }
        got = fread(f.text + f.bytes, 1, room - f.bytes, stream);
        f.bytes += got;
    }
    bool ok = stream && got == 0 && !ferror(stream);
    if (stream)
        fclose(stream);
    if (!ok) {
        free(f.text); /* failed: nothing was made */
        return CCP_FAILED;
    }
    *(struct file *)out = f;
    return CCP_OK;
}

static ccp_status count(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    struct file f = *(const struct file *)in;
    bool inside = false;
    (void)ctx, (void)arg;
    for (size_t i = 0; i < f.bytes; i++) {
        bool space = isspace((unsigned char)f.text[i]);
        f.lines += f.text[i] == '\n';
        f.words += !space && !inside;
        inside = !space;
    }
    free(f.text);
    f.text = NULL;
    *(struct file *)out = f;
    return CCP_OK;
}

static ccp_status print(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const struct file *f = in;
    struct file *sum = arg; /* only this step uses it, and it has one worker */
    (void)ctx, (void)out;
    sum->lines += f->lines;
    sum->words += f->words;
    sum->bytes += f->bytes;
    return printf("%zu %zu %zu %s\n", f->lines, f->words, f->bytes, f->name) < 0 ? CCP_FAILED
                                                                                 : CCP_OK;
}

static ccp_status complain(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const CCP_LETTER(struct file) *letter = in;
    (void)ctx, (void)out;
    fprintf(stderr, "pipeline: %s cannot be read (%u attempts)\n", letter->item.name,
            letter->why.attempts);
    ++*(unsigned *)arg;
    return CCP_OK;
}

/* Gets files that nobody takes, when the pipeline ends early. */
static void drop(void *file, void *arg)
{
    (void)arg;
    free(((struct file *)file)->text);
}

int main(int argc, char **argv)
{
    char **names = argv + (argc > 0);
    struct file sum = { .name = "total" };
    unsigned unread = 0;
    ccp_pipeline *p = ccp_pipeline_new(NULL);
    ccp_pipeline_source(p, next_name, &(ccp_stage_opts){ .arg = &names, .out_size = sizeof sum });
    ccp_stage *reading = ccp_pipeline_map(
        p, read_text,
        &(ccp_stage_opts){
            .workers = 2, .attempts = 2, .out_size = sizeof sum, .drop = drop, .queue = 8 });
    ccp_pipeline_map(p, count,
                     &(ccp_stage_opts){ .workers = 4, .out_size = sizeof sum, .queue = 8 });
    ccp_pipeline_sink(p, print, &(ccp_stage_opts){ .arg = &sum });
    ccp_stage *failed = ccp_stage_branch(reading, CCP_LETTERS);
    ccp_pipeline_sink(p, complain, &(ccp_stage_opts){ .after = failed, .arg = &unread });
    ccp_status rc = p ? ccp_pipeline_run(p, CCP_FOREVER) : CCP_NOMEM;
    ccp_pipeline_free(p);
    if (rc != CCP_OK || printf("%zu %zu %zu total\n", sum.lines, sum.words, sum.bytes) < 0 ||
        fflush(stdout) != 0) {
        fprintf(stderr, "pipeline: %s\n", ccp_strstatus(rc == CCP_OK ? CCP_FAILED : rc));
        return EXIT_FAILURE;
    }
    return unread ? EXIT_FAILURE : EXIT_SUCCESS;
}
