/* SPDX-License-Identifier: MIT
 *
 * messages.h - elements of queues that link them, with MESSAGE_LINK for the queue.  Each producer
 * has its share of the cell's capacity, and uses one again when the consumer is done with it: so
 * these queues are as bounded as those that copy.  Before it is included <stdatomic.h> is.
 */
typedef struct message {
    MESSAGE_LINK;
    uint64_t value;
    atomic_bool sent; /* and not used up */
} message;

static _Thread_local message *messages; /* of this producer */
static _Thread_local size_t next_message;
static size_t messages_each;

static message *message_of(uint64_t value)
{
    if (!messages) {
        messages = must_alloc(messages_each * sizeof *messages);
        memset(messages, 0, messages_each * sizeof *messages);
    }
    message *m = &messages[next_message];
    if (atomic_load_explicit(&m->sent, memory_order_acquire)) return NULL;
    atomic_store_explicit(&m->sent, true, memory_order_relaxed);
    m->value = value;
    next_message = next_message + 1 == messages_each ? 0 : next_message + 1;
    return m;
}

static uint64_t value_of(message *m)
{
    uint64_t value = m->value;
    atomic_store_explicit(&m->sent, false, memory_order_release);
    return value;
}
