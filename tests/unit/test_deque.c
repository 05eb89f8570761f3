/* SPDX-License-Identifier: MIT
 *
 * Work-stealing deques.  What real threads do to each other is in tests/sim and tests/stress.
 */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static long items[2000];

static void push(ccp_deque *d, size_t k)
{
    ASSERT_STATUS(ccp_deque_push(d, &items[k]), CCP_OK);
}

static void pops(ccp_deque *d, size_t k)
{
    void *got = NULL;
    ASSERT_STATUS(ccp_deque_pop(d, &got), CCP_OK);
    assert_ptr_equal(got, &items[k]);
}

static void steals(ccp_deque *d, size_t k)
{
    void *got = NULL;
    ASSERT_STATUS(ccp_deque_steal(d, &got), CCP_OK);
    assert_ptr_equal(got, &items[k]);
}

static void is_empty(ccp_deque *d)
{
    void *got = &items[7];
    ASSERT_STATUS(ccp_deque_pop(d, &got), CCP_AGAIN);
    ASSERT_STATUS(ccp_deque_steal(d, &got), CCP_AGAIN);
    assert_ptr_equal(got, &items[7]); /* G1 */
    assert_int_equal(ccp_deque_len(d), 0);
}

TEST(wrong_arguments_are_refused) /* G2 */
{
    void *got;
    ccp_deque *d = ccp_deque_new(1, 1);
    assert_null(ccp_deque_new(0, 1));
    assert_null(ccp_deque_new(2, 1));
    assert_null(ccp_deque_new(SIZE_MAX, SIZE_MAX));
    assert_null(ccp_deque_new(SIZE_MAX / 2 + 1, SIZE_MAX));
    ASSERT_STATUS(ccp_deque_push(NULL, d), CCP_INVAL);
    ASSERT_STATUS(ccp_deque_pop(NULL, &got), CCP_INVAL);
    ASSERT_STATUS(ccp_deque_pop(d, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_deque_steal(NULL, &got), CCP_INVAL);
    ASSERT_STATUS(ccp_deque_steal(d, NULL), CCP_INVAL);
    assert_int_equal(ccp_deque_len(NULL), 0);
    ASSERT_STATUS(ccp_deque_free(NULL), CCP_OK);
    ASSERT_STATUS(ccp_deque_free(d), CCP_OK);
}

TEST(the_owner_gets_the_last_and_thieves_the_first) /* LD1 */
{
    ccp_deque *d = ccp_deque_new(8, 8);
    is_empty(d);
    for (int round = 0; round < 5; round++) {
        for (size_t k = 1; k <= 5; k++)
            push(d, k);
        assert_int_equal(ccp_deque_len(d), 5);
        steals(d, 1);
        pops(d, 5);
        push(d, 6);
        pops(d, 6);
        steals(d, 2);
        steals(d, 3);
        assert_int_equal(ccp_deque_len(d), 1);
        if (round % 2)
            pops(d, 4);
        else
            steals(d, 4);
        is_empty(d);
    }
    ASSERT_STATUS(ccp_deque_free(d), CCP_OK);
}

TEST(null_is_an_item_too) /* LD1 */
{
    ccp_deque *d = ccp_deque_new(1, 1);
    for (int i = 0; i < 2; i++) {
        void *got = d;
        ASSERT_STATUS(ccp_deque_push(d, NULL), CCP_OK);
        ASSERT_STATUS(i ? ccp_deque_pop(d, &got) : ccp_deque_steal(d, &got), CCP_OK);
        assert_null(got);
    }
    ASSERT_STATUS(ccp_deque_free(d), CCP_OK);
}

TEST(it_holds_exactly_as_many_as_it_may)
{
    static const size_t most[] = { 1, 2, 3, 5, 8, 9 };
    for (size_t i = 0; i < LENGTH(most); i++)
        for (size_t capacity = 1; capacity <= most[i]; capacity++) {
            ccp_deque *d = ccp_deque_new(capacity, most[i]);
            for (size_t round = 0; round < 3; round++) {
                for (size_t k = 0; k < most[i]; k++)
                    push(d, k);
                ASSERT_STATUS(ccp_deque_push(d, d), CCP_AGAIN);
                assert_int_equal(ccp_deque_len(d), most[i]);
                steals(d, 0); /* makes room for one */
                push(d, most[i]);
                ASSERT_STATUS(ccp_deque_push(d, d), CCP_AGAIN);
                for (size_t k = most[i]; k > 0; k--)
                    pops(d, k);
                is_empty(d);
            }
            ASSERT_STATUS(ccp_deque_free(d), CCP_OK);
        }
}

TEST(it_grows_in_whatever_state_it_is) /* LD1 */
{
    for (size_t stolen = 0; stolen < 6; stolen++) {
        ccp_deque *d = ccp_deque_new(2, SIZE_MAX);
        for (size_t k = 0; k < stolen; k++) { /* it begins anywhere in its ring */
            push(d, k);
            steals(d, k);
        }
        for (size_t k = 0; k < 1000; k++)
            push(d, k);
        for (size_t k = 0; k < 500; k++) {
            steals(d, k);
            pops(d, 999 - k);
        }
        is_empty(d);
        ASSERT_STATUS(ccp_deque_free(d), CCP_OK);
    }
}

TEST(one_that_is_not_empty_is_not_freed)
{
    ccp_deque *d = ccp_deque_new(4, 4);
    push(d, 3);
    ASSERT_STATUS(ccp_deque_free(d), CCP_BUSY);
    pops(d, 3);
    ASSERT_STATUS(ccp_deque_free(d), CCP_OK);
}

TEST(memory_is_taken_only_to_grow) /* LD3 G4 */
{
    memory_watch();
    for (size_t n = 1; n <= 2; n++) {
        memory_fail_at(n);
        assert_null(ccp_deque_new(1, 1));
        assert_int_equal(memory_live, 0);
    }
    memory_fail_at(0);
    ccp_deque *d = ccp_deque_new(4, 16);
    size_t before = memory_calls;
    for (size_t k = 0; k < 4; k++)
        push(d, k);
    assert_int_equal(memory_calls, before);
    memory_fail_at(1);
    ASSERT_STATUS(ccp_deque_push(d, &items[4]), CCP_NOMEM);
    assert_int_equal(ccp_deque_len(d), 4);
    push(d, 4); /* now there is some */
    for (size_t k = 5; k < 16; k++)
        push(d, k);
    assert_int_equal(memory_calls, before + 3); /* one failed; 8, 16 */
    ASSERT_STATUS(ccp_deque_push(d, d), CCP_AGAIN);
    for (size_t k = 16; k > 0; k--)
        pops(d, k - 1);
    ASSERT_STATUS(ccp_deque_free(d), CCP_OK);
    assert_int_equal(memory_live, 0);
    memory_unwatch();
}

static void use_the_copy(void *arg)
{
    ccp_deque *d = arg;
    void *first, *last;
    NEED(ccp_deque_steal(d, &first) == CCP_OK && first == &items[1]);
    NEED(ccp_deque_pop(d, &last) == CCP_OK && last == &items[2]);
    NEED(ccp_deque_free(d) == CCP_OK);
}

TEST(a_child_of_a_fork_goes_on_with_its_copy)
{
    ccp_deque *d = ccp_deque_new(4, 4);
    push(d, 1);
    push(d, 2);
    in_child(use_the_copy, d);
    steals(d, 1);
    pops(d, 2);
    ASSERT_STATUS(ccp_deque_free(d), CCP_OK);
}

/* --- two thieves, one item --- */

/* Where the ring lies: pages of its own.  Nobody may look into them until somebody has tried: a
 * thief that has seen the top, and has not moved it yet. */
static _Alignas(65536) char trap[65536];
static ccp_deque *trapped;
static void *taken_before;

static void *alloc_trap(size_t size, void *used)
{
    if (*(bool *)used)
        return malloc(size);
    *(bool *)used = true;
    return size <= sizeof trap ? trap : NULL;
}

static void free_trap(void *p, void *used)
{
    (void)used;
    if (p != trap)
        free(p);
}

static void open_and_steal(int sig)
{
    (void)sig;
    MUST(mprotect(trap, sizeof trap, PROT_READ | PROT_WRITE) == 0);
    MUST(ccp_deque_steal(trapped, &taken_before) == CCP_OK);
}

TEST(of_two_that_steal_an_item_one_is_told_that_it_lost) /* LD2 */
{
    bool used = false;
    const ccp_allocator a = { alloc_trap, free_trap, &used };
    struct sigaction act = { .sa_handler = open_and_steal }, segv, bus;
    void *got = &items[7];
    MUST(ccp_set_allocator(&a) == CCP_OK);
    trapped = ccp_deque_new(2, 2);
    assert_non_null(trapped);
    push(trapped, 1);
    push(trapped, 2);
    MUST(sigaction(SIGSEGV, &act, &segv) == 0 && sigaction(SIGBUS, &act, &bus) == 0);
    MUST(mprotect(trap, sizeof trap, PROT_NONE) == 0);
    ASSERT_STATUS(ccp_deque_steal(trapped, &got), CCP_BUSY);
    MUST(sigaction(SIGSEGV, &segv, NULL) == 0 && sigaction(SIGBUS, &bus, NULL) == 0);
    assert_ptr_equal(got, &items[7]); /* G1 */
    assert_ptr_equal(taken_before, &items[1]);
    steals(trapped, 2);
    ASSERT_STATUS(ccp_deque_free(trapped), CCP_OK);
    MUST(ccp_set_allocator(NULL) == CCP_OK);
}

/* --- threads --- */

typedef struct shop {
    ccp_deque *d;
    size_t n;
    atomic_size_t taken;
    atomic_uchar times[20000];
} shop;

static void take_note(shop *s, void *item)
{
    size_t k = (size_t)(uintptr_t)item - 1;
    MUST(k < s->n && atomic_fetch_add(&s->times[k], 1) == 0);
    atomic_fetch_add(&s->taken, 1);
}

static void keep_stealing(actor *a)
{
    shop *s = a->arg;
    void *item;
    ccp_spin spin = CCP_SPIN_INIT;
    while (atomic_load(&s->taken) < s->n) {
        ccp_status st = ccp_deque_steal(s->d, &item);
        if (st == CCP_OK) {
            take_note(s, item);
            continue;
        }
        MUST(st == CCP_AGAIN || st == CCP_BUSY);
        (void)ccp_spin_once(&spin);
    }
}

TEST(each_item_is_taken_once) /* LD1 LD2 */
{
    static shop s;
    void *item;
    s.n = scaled(LENGTH(s.times));
    s.d = ccp_deque_new(2, SIZE_MAX);
    actor a[2];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &s };
        actor_start(&a[i], keep_stealing);
    }
    for (uintptr_t k = 1; k <= s.n; k++) {
        ASSERT_STATUS(ccp_deque_push(s.d, (void *)k), CCP_OK);
        if (k % 3 == 0 && ccp_deque_pop(s.d, &item) == CCP_OK)
            take_note(&s, item);
    }
    while (ccp_deque_pop(s.d, &item) == CCP_OK)
        take_note(&s, item);
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_join(&a[i]);
    assert_int_equal(s.taken, s.n);
    ASSERT_STATUS(ccp_deque_free(s.d), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(wrong_arguments_are_refused),
        ENTRY(the_owner_gets_the_last_and_thieves_the_first),
        ENTRY(null_is_an_item_too),
        ENTRY(it_holds_exactly_as_many_as_it_may),
        ENTRY(it_grows_in_whatever_state_it_is),
        ENTRY(one_that_is_not_empty_is_not_freed),
        ENTRY(memory_is_taken_only_to_grow),
        ENTRY(a_child_of_a_fork_goes_on_with_its_copy),
        ENTRY(of_two_that_steal_an_item_one_is_told_that_it_lost),
        ENTRY(each_item_is_taken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
