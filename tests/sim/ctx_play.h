/* SPDX-License-Identifier: MIT
 *
 * What a play of operations on a small tree of contexts is made of.
 */
#ifndef CTX_PLAY_H
#define CTX_PLAY_H

#include <stdbool.h>

#define NODES 3
#define LIMIT 100 /* of contexts with a deadline */
#define SHORT 50  /* of waits with a limit of their own */

/* ---- Trees ---- */

typedef struct tree {
    const char *name;
    const char *node[NODES]; /* NULL: not there */
    int parent[NODES];       /* -1: none */
    bool detached[NODES];
    bool late[NODES];        /* has a deadline */
    bool freed[NODES];       /* the handle is given back before the play begins */
} tree;

static const tree trees[] = {
    { "pair", { "p", "c" }, { -1, 0 }, { 0 }, { 0 }, { 0 } },
    { "chain", { "p", "c", "g" }, { -1, 0, 1 }, { 0 }, { 0 }, { 0 } },
    { "fan", { "p", "c", "d" }, { -1, 0, 0 }, { 0 }, { 0 }, { 0 } },
    { "detached", { "p", "c", "g" }, { -1, 0, 1 }, { false, true }, { 0 }, { 0 } },
    { "gap", { "p", "c", "g" }, { -1, 0, 1 }, { 0 }, { 0 }, { false, true } },
    { "late", { "p", "c" }, { -1, 0 }, { 0 }, { true }, { 0 } },
    { "late_child", { "p", "c" }, { -1, 0 }, { 0 }, { false, true }, { 0 } },
    { "late_chain", { "p", "c", "g" }, { -1, 0, 1 }, { 0 }, { true }, { 0 } },
};
#define TREES (sizeof trees / sizeof *trees)

/* ---- Operations ---- */

typedef enum operation {
    CANCEL,
    STATUS,
    FREE,
    RECV,        /* wait on an empty channel */
    MEET,        /* the same, capacity 0 */
    RECV_TIMED,
    SLEEP,
    SELECT,      /* the end of the context is a case */
    GROUP,       /* wait for a group that is not done */
    HOOK,        /* set one, and leave it */
    HOOK_UNHOOK, /* set one, and take it back */
    NEW,         /* make a child, and keep it */
    NEW_FREE,    /* and free it */
    NEW_LATE,    /* with a deadline */
    NEW_DETACHED,
    PASS,        /* let time pass beyond every limit */
    UNHOOK,      /* take the hook of the set-up back */
    UNHOOK_NOWAIT,
    UNHOOK_TIMED,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "cancel", "status", "free", "recv", "meet", "recv_timed", "sleep", "select", "group", "hook",
    "hook_unhook", "new", "new_free", "new_late", "new_detached", "pass", "unhook", "unhook_nowait",
    "unhook_timed",
};

/* What is there before the play begins, at the node `at`. */
typedef enum set_up {
    NOTHING,
    WAITER,         /* a thread waits under it */
    HOOKED,         /* a hook is set */
    HOOK_TAKES,     /* a hook that takes itself back */
    HOOK_FREES,     /* and frees its own memory */
    HOOK_SETS,      /* and sets itself again */
    HOOK_CANCELS,   /* a hook that cancels the root */
    HOOK_MAKES,     /* a hook that makes a child of its context */
    TWO_HOOKS,      /* the one that runs first takes the other back */
    SET_UPS
} set_up;

static const char *const set_up_names[SET_UPS] = { "plain", "waiter", "hooked", "hook_takes",
                                                   "hook_frees", "hook_sets", "hook_cancels",
                                                   "hook_makes", "two_hooks" };

typedef struct act {
    operation op;
    int node;
} act;

typedef struct play {
    const tree *t;
    set_up before;
    int at; /* node of the set-up */
    int acts;
    act a[3];
} play;

#endif
