/* SPDX-License-Identifier: MIT
 *
 * The names that pieces of code in the prose take for granted.
 */
#define _POSIX_C_SOURCE 200809L
#include "ccp.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern ccp_ctx *parent, *ctx;
extern ccp_chan *ch, *in, *out;
extern ccp_pool *pool;
extern ccp_spsc *ring;
extern int v, answer;
extern size_t n;
extern int job[100];
extern void *images[100], *urls[100];
extern ccp_pool_task tasks[100];
void piece(void);
void work(void *arg);
ccp_status resize(ccp_ctx *ctx, void *image);
ccp_status fetch(ccp_ctx *ctx, void *url);
ccp_status count_words(ccp_ctx *ctx, void *text, void *number);
extern struct config {
    int value;
} config;
extern ccp_status rc;
extern ccp_sem sem;
extern long balance, amount;
ccp_status load(void *config);
void use(const void *config);
void query(void);
extern ccp_rate slow;
void do_at(int64_t t);
extern char address[46];
void refuse(void);
ccp_status look_up(void *result, void *arg);
ccp_status fibonacci(ccp_gen *g, void *arg);
ccp_status download(ccp_ctx *ctx, const void *url, void *page, void *arg);
ccp_status scale(ccp_ctx *ctx, size_t begin, size_t end, void *numbers);
void index_page(const void *page);
extern char page[64];
extern double numbers[100];
extern FILE *file;
extern void *base;
typedef struct record {
    int fields[8];
} record;
ccp_status read_line(ccp_ctx *ctx, const void *in, void *line, void *file);
ccp_status parse(ccp_ctx *ctx, const void *line, void *record, void *arg);
ccp_status store(ccp_ctx *ctx, const void *record, void *out, void *base);
extern size_t source;
extern ccp_breaker *breaker;
void insert_rows(ccp_batch_item *items, size_t n, void *arg);
extern long row;
extern int question;
ccp_status ask(ccp_ctx *ctx, void *question);
void hang_up(void *conn);
extern struct conn {
    ccp_timer idle;
} *conn;

extern struct server server;
extern int listener;
ccp_status stop_listening(void *server, ccp_wait w);
extern ccp_rcu *domain;
extern ccp_rcu_ptr current;
void keep_for_later(ccp_task fn, void *task_arg, void *arg);

extern ccp_deque *own, *other;
void run(void *task);
extern _Atomic long highest;
