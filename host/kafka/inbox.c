/* inbox.c: see inbox.h.
 *
 * Many messages a call cost a third less than rd_kafka_consumer_poll() for each (a clock, two locks and an
 * error code a message; measured). But librdkafka's call for many advances its own position before the
 * application has seen the messages, and that has lost records:
 *
 *   before 2.1.0     where the library itself pauses partitions in a cooperative rebalance, or another thread
 *                    does. Neither happens here: properties.c refuses cooperative assignors, and only the
 *                    task's thread pauses.
 *   2.1.0 to 2.13.1  where an error stands among the messages and partitions are paused later.
 *
 * So those in between are asked for one message at a time. With any of them callbacks run inside the call,
 * and may move the partitions that messages were just gathered from: source.c looks after that. */
#include "kafka/inbox.h"

#define SAFE_BELOW 0x02010000
#define SAFE_FROM 0x020d02ff

#define AHEAD_HEAD 6  /* messages that the processor fetches before their turn: first what describes them, */
#define AHEAD_VALUE 3 /* then the value itself; another thread wrote both */
#define LINE 64

void inbox_open(struct inbox *in, rd_kafka_t *rk)
{
    int version = rd_kafka_version();

    *in = (struct inbox){
        .queue = rd_kafka_queue_get_consumer(rk),
        .batches = version < SAFE_BELOW || version >= SAFE_FROM,
    };
}

void inbox_close(struct inbox *in)
{
    rd_kafka_message_t *m;

    while ((m = inbox_take(in)))
        rd_kafka_message_destroy(m);
    if (in->queue)
        rd_kafka_queue_destroy(in->queue);
    in->queue = NULL;
}

size_t inbox_forget(struct inbox *in)
{
    size_t i, kept = 0, count = in->count;

    for (i = 0; i < count; i++) {
        rd_kafka_message_t *m = in->items[in->first + i];

        if (m->err)
            in->items[in->first + kept++] = m;
        else
            rd_kafka_message_destroy(m);
    }
    in->count = kept;
    return count - kept;
}

/** To the front, so that all the room is behind it. */
static void close_up(struct inbox *in)
{
    size_t i;

    for (i = 0; in->first && i < in->count; i++)
        in->items[i] = in->items[in->first + i];
    in->first = 0;
}

void inbox_fill(struct inbox *in, size_t most)
{
    rd_kafka_message_t **end;
    ssize_t n;

    if (in->count >= most)
        return;
    close_up(in);
    end = &in->items[in->count];
    if (in->batches)
        n = rd_kafka_consume_batch_queue(in->queue, 0, end, most - in->count);
    else
        n = (*end = rd_kafka_consume_queue(in->queue, 0)) != NULL;
    in->count += n > 0 ? (size_t)n : 0;
}

static void fetch(const struct inbox *in)
{
    const rd_kafka_message_t *m;
    size_t i;

    if (in->count > AHEAD_HEAD)
        __builtin_prefetch(in->items[in->first + AHEAD_HEAD]);
    if (in->count <= AHEAD_VALUE)
        return;
    m = in->items[in->first + AHEAD_VALUE];
    for (i = 0; i < m->len && i < 4 * LINE; i += LINE)
        __builtin_prefetch((const char *)m->payload + i);
}

rd_kafka_message_t *inbox_take(struct inbox *in)
{
    if (!in->count)
        return NULL;
    fetch(in);
    in->count--;
    return in->items[in->first++];
}

rd_kafka_message_t *inbox_take_error(struct inbox *in)
{
    size_t i = in->first, end = in->first + in->count;
    rd_kafka_message_t *error;

    while (i < end && !in->items[i]->err)
        i++;
    if (i == end)
        return NULL;
    error = in->items[i];
    for (; i + 1 < end; i++)
        in->items[i] = in->items[i + 1];
    in->count--;
    return error;
}
