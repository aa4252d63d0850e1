/* placement.c: see placement.h.
 *
 * For every record without a key librdkafka asks whether the partition that it stays on has a leader, and
 * what time it is: two locks and eight reference counts that its other threads change, too, and 5 % of what a
 * record of the shipped chain costs. Here the kernel's coarse clock is asked alone, and the leader only when
 * the partition changes; the lane even asks once for a run of records, and names the partition to librdkafka.
 * A partition that loses its leader meanwhile gets at most sticky.partitioning.linger.ms of records more,
 * which wait for the next one, as those do that it has. */
#include "kafka/placement.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

typedef int32_t partitioner(const rd_kafka_topic_t *topic, const void *key, size_t len, int32_t count,
                            void *topic_opaque, void *message_opaque);

struct placement {
    struct placement *next;
    partitioner *keyed;
    bool empty_is_none; /* an empty key counts as none */
    int64_t sticky_ms;
    /* librdkafka asks under some lock of the topic's, the lane under none: `until` is set behind `at` */
    _Atomic int64_t until; /* coarse monotonic milliseconds */
    _Atomic int32_t at;
};

/* Those of librdkafka that are sticky; the others look at keys alone. */
static const struct {
    const char *name;
    partitioner *keyed;
    bool empty_is_none;
} sticky[] = {
    {"murmur2_random", rd_kafka_msg_partitioner_murmur2, false},
    {"consistent_random", rd_kafka_msg_partitioner_consistent, true},
    {"fnv1a_random", rd_kafka_msg_partitioner_fnv1a, false},
    {"random", rd_kafka_msg_partitioner_random, false},
};

/** Any partition that has a leader. False: none has, and *at is just any. */
static bool choose(const rd_kafka_topic_t *topic, int32_t count, int32_t *at)
{
    int32_t first = rd_kafka_msg_partitioner_random(topic, NULL, 0, count, NULL, NULL);

    for (int32_t i = 0; i < count; i++) {
        *at = (int32_t)(((int64_t)first + i) % count);
        if (rd_kafka_topic_partition_available(topic, *at))
            return true;
    }
    *at = first;
    return false;
}

/** The partition that records without a key stay on; RD_KAFKA_PARTITION_UA: none, or not any more. */
static int32_t stays(const struct placement *p, int64_t now)
{
    if (now >= atomic_load_explicit(&p->until, memory_order_acquire))
        return RD_KAFKA_PARTITION_UA;
    return atomic_load_explicit(&p->at, memory_order_relaxed);
}

static int32_t place(const rd_kafka_topic_t *topic, const void *key, size_t len, int32_t count, void *self,
                     void *message_opaque)
{
    struct placement *p = self;
    int64_t now;
    int32_t at;

    if (key && (len || !p->empty_is_none))
        return p->keyed(topic, key, len, count, NULL, message_opaque);
    now = clock_coarse_ms();
    at = stays(p, now);
    if (at >= 0 && at < count)
        return at;
    if (choose(topic, count, &at)) {
        atomic_store_explicit(&p->at, at, memory_order_relaxed);
        atomic_store_explicit(&p->until, now + p->sticky_ms, memory_order_release);
    }
    return at;
}

int32_t placement_now(const rd_kafka_topic_t *topic)
{
    const struct placement *p = rd_kafka_topic_opaque(topic);

    return p ? stays(p, clock_coarse_ms()) : RD_KAFKA_PARTITION_UA;
}

void placement_forget(const rd_kafka_topic_t *topic)
{
    struct placement *p = rd_kafka_topic_opaque(topic);

    if (p)
        atomic_store_explicit(&p->until, 0, memory_order_relaxed);
}

#define STICKY "sticky.partitioning.linger.ms"

int64_t placement_take_over(rd_kafka_conf_t *conf)
{
    char text[32] = "";
    size_t room = sizeof text;
    int64_t ms;

    if (rd_kafka_conf_get(conf, STICKY, text, &room) != RD_KAFKA_CONF_OK)
        return 0;
    ms = strtoll(text, NULL, 10);
    if (ms > 0 && rd_kafka_conf_set(conf, STICKY, "0", NULL, 0) != RD_KAFKA_CONF_OK)
        return 0;
    return ms;
}

struct placement *placement_add(rd_kafka_topic_conf_t *conf, int64_t sticky_ms, struct placement *others)
{
    char name[64] = "";
    size_t room = sizeof name, i = 0, n = sizeof sticky / sizeof *sticky;
    struct placement *p;

    rd_kafka_topic_conf_get(conf, "partitioner", name, &room);
    while (i < n && strcmp(sticky[i].name, name) != 0)
        i++;
    p = i < n ? malloc(sizeof *p) : NULL;
    if (!p)
        return others;
    *p = (struct placement){.next = others,
                            .keyed = sticky[i].keyed,
                            .empty_is_none = sticky[i].empty_is_none,
                            .sticky_ms = sticky_ms};
    rd_kafka_topic_conf_set_opaque(conf, p);
    rd_kafka_topic_conf_set_partitioner_cb(conf, place);
    return p;
}

void placement_free(struct placement *list)
{
    while (list) {
        struct placement *next = list->next;

        free(list);
        list = next;
    }
}
