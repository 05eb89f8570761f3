/* SPDX-License-Identifier: MIT
 *
 * urcu.h - one flavour of liburcu as rcu.h wants it.  Included after the program has defined SHAPE
 * and FLAVOR (urcu_memb, urcu_qsbr).
 */
#define U_PASTE2(a, b) a##_##b
#define U_PASTE(a, b) U_PASTE2(a, b)
#define U(name) U_PASTE(FLAVOR, name)
#define S(name) U_PASTE(SHAPE, name)

struct S(pair) {
    uint64_t v[2];
    struct rcu_head head;
};

static struct S(pair) *S(current);

static struct S(pair) *S(new_pair)(uint64_t v)
{
    struct S(pair) *p = must_alloc(sizeof *p);
    p->v[0] = p->v[1] = v;
    return p;
}
static void S(make)(uint64_t v)
{
    S(current) = S(new_pair)(v);
}
static void S(come)(void)
{
    U(register_thread)();
}
static void S(go)(void)
{
    U(unregister_thread)();
}
static inline void S(enter)(void)
{
    U(read_lock)();
}
static inline const uint64_t *S(get)(void)
{
    return rcu_dereference(S(current))->v;
}
static inline void S(leave)(void)
{
    U(read_unlock)();
}
static void S(free_pair)(struct rcu_head *h)
{
    free(caa_container_of(h, struct S(pair), head));
}
static void S(change)(uint64_t v)
{
    struct S(pair) *old = rcu_xchg_pointer(&S(current), S(new_pair)(v));
    U(call_rcu)(&old->head, S(free_pair));
}
static void S(wait)(void)
{
    U(synchronize_rcu)();
}
