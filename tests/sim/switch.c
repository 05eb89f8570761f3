/* SPDX-License-Identifier: MIT
 *
 * Coroutines: by a few instructions where they are known, else by <ucontext.h>.
 */
#define _GNU_SOURCE
#include "sim_int.h"

#if defined(__x86_64__) && !defined(SIM_UCONTEXT)

__attribute__((naked, noinline)) void sim_switch(void **save __attribute__((unused)),
                                                 void *to __attribute__((unused)))
{
    __asm__("push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
            "mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
            "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret");
}

void sim_prepare(thread *t, void (*entry)(void))
{
    uintptr_t *s = (uintptr_t *)t->stack_top;
    *--s = 0;
    *--s = (uintptr_t)entry; /* where the first switch returns to; six registers below */
    for (int i = 0; i < 6; i++)
        *--s = 0;
    t->sp = s;
}

#else

#include <ucontext.h>
static ucontext_t contexts[SIM_THREADS + 1];
static int running = SIM_THREADS; /* the driver */

void sim_switch(void **save, void *to)
{
    char here;
    int from = running, next = SIM_THREADS;
    for (int i = 0; i < SIM_THREADS; i++)
        if (to && (uintptr_t)to - sim.thread[i].stack < STACK_SIZE)
            next = i;
    *save = from == SIM_THREADS ? NULL : (void *)(&here - 256); /* below all that is in use */
    running = next;
    swapcontext(&contexts[from], &contexts[next]);
}

void sim_prepare(thread *t, void (*entry)(void))
{
    ucontext_t *c = &contexts[t->id];
    getcontext(c);
    c->uc_stack.ss_sp = (void *)t->stack;
    c->uc_stack.ss_size = t->stack_top - t->stack;
    c->uc_link = NULL;
    makecontext(c, entry, 0);
    t->sp = (void *)(t->stack_top - 16);
}

#endif
