/* cluster.h: an embedded cluster, a configuration for it, and looks at what is on its topics. */
#ifndef TEST_KAFKA_CLUSTER_H
#define TEST_KAFKA_CLUSTER_H

#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "config/diag.h"
#include "kafka/embedded.h"
#include "kafka/reader.h"
#include "kafka/writer.h"
#include "kafka/threads_for_tsan.h"

#define API_PRODUCE 0 /* numbers of Kafka's protocol */
#define API_LIST_OFFSETS 2
#define API_METADATA 3
#define API_OFFSET_COMMIT 8

/** librdkafka's own function of that name, for a test that stands in its place. */
static inline void *librdkafkas(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found)
        abort();
    return found;
}

/* One configuration: a few keys for every client, and a chain from `in` in group `group`. */
struct setup {
    struct embedded *embedded;
    struct config_key keys[16];
    struct config_keys all;
    struct config config;
    struct config_chain chain;
};

static inline void setup_key(struct setup *s, const char *name, const char *value)
{
    s->keys[s->all.count++] =
        (struct config_key){str_of(name), str_of(value), str_of(value), {"test.conf", 1}, false, false};
}

static inline void setup_start(struct setup *s, int brokers, const char *group)
{
    *s = (struct setup){.embedded = embedded_start(brokers)};
    if (!s->embedded)
        abort();
    s->all.items = s->keys;
    setup_key(s, "bootstrap.servers", embedded_brokers(s->embedded));
    setup_key(s, "fetch.wait.max.ms", "10");
    setup_key(s, "session.timeout.ms", "6000");
    setup_key(s, "reconnect.backoff.max.ms", "500");
    s->chain = (struct config_chain){
        .name = STR("test"),
        .source = STR("in"),
        .group = str_of(group),
        .start = CONFIG_EARLIEST,
        .memory = 64 << 20,
        .commit_interval = 100,
        .drain_timeout = 5000,
    };
}

/** Those of the chain: what it reads and writes has so many partitions, its errors have one. */
static inline void setup_topics(struct setup *s, int partitions)
{
    embedded_topic(s->embedded, "in", partitions);
    embedded_topic(s->embedded, "out", partitions);
    embedded_topic(s->embedded, "failed", 1);
}

/** After the last key: the chain's view of them is a copy. */
static inline void setup_done(struct setup *s)
{
    s->config.kafka = s->chain.consumer = s->chain.producer = s->all;
}

static inline void setup_stop(struct setup *s)
{
    embedded_stop(s->embedded);
}

static inline rd_kafka_mock_cluster_t *setup_cluster(struct setup *s)
{
    return embedded_cluster(s->embedded);
}

/** Has the cluster give that error for a topic. False: this librdkafka would crash. One of 2.1 to 2.9 does of
 * an error beside partitions, which brokers do not give but this cluster does (its #4907, mended in 2.10). */
static inline bool setup_topic_error(struct setup *s, const char *topic, rd_kafka_resp_err_t err)
{
    int version = rd_kafka_version();

    if (err && err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && version >= 0x02010000 &&
        version < 0x020a0000)
        return false;
    rd_kafka_mock_topic_set_error(setup_cluster(s), topic, err);
    return true;
}

/** Writes values PREFIX0 … PREFIXn-1, all acknowledged. */
static inline void setup_write(struct setup *s, const char *topic, const char *prefix, int n)
{
    struct diag diag;
    struct writer *w;
    char value[64];
    int i;

    diag_init(&diag);
    w = writer_new("test-writer", &s->all, topic, &diag);
    for (i = 0; w && i < n; i++) {
        struct record r = {.partition = -1};

        snprintf(value, sizeof value, "%s%d", prefix, i);
        r.value = r.key = str_of(value);
        while (!writer_send(w, &r))
            writer_poll(w, 10);
    }
    if (!w || !writer_flush(w, 40000) || writer_counts(w).acknowledged != (uint64_t)n)
        abort();
    writer_destroy(w);
    diag_fini(&diag);
}

/* How often each PREFIXi stands on a topic. */
struct census {
    const char *prefix;
    int *seen;
    int n, total;
};

static inline void census_see(void *arg, const struct record *record)
{
    struct census *c = arg;
    struct weir_str prefix = str_of(c->prefix);
    int64_t number;

    c->total++;
    if (str_starts(record->value, prefix) &&
        str_to_int(str_make(record->value.ptr + prefix.len, record->value.len - prefix.len), &number) &&
        number >= 0 && number < c->n)
        c->seen[number]++;
}

/** Reads until every number was seen, or for timeout_ms. Returns how many are missing; *again: how many came
 * more than once. */
static inline int setup_count(struct setup *s, const char *topic, const char *prefix, int n, int timeout_ms,
                              int *again)
{
    struct census c = {prefix, calloc((size_t)n + 1, sizeof(int)), n, 0};
    int64_t until = clock_mono_ms() + timeout_ms;
    struct diag diag;
    struct reader *r;
    int i, missing = n, repeated = 0;

    diag_init(&diag);
    r = reader_new("test-reader", &s->all, &topic, 1, false, &diag);
    while (r && clock_mono_ms() < until) {
        reader_poll(r, 50, census_see, &c, NULL);
        for (i = 0, missing = 0; i < n; i++)
            missing += c.seen[i] == 0;
        if (missing == 0)
            break;
    }
    if (r && missing == 0)
        reader_poll(r, 200, census_see, &c, NULL); /* is there more than there should be? */
    for (i = 0; i < n; i++)
        repeated += c.seen[i] > 1;
    if (again)
        *again = repeated;
    reader_destroy(r);
    diag_fini(&diag);
    free(c.seen);
    return missing;
}

static inline void total_see(void *arg, const struct record *record)
{
    (void)record;
    ++*(int *)arg;
}

/** How many records a topic has; waits for at least so many. */
static inline int setup_total(struct setup *s, const char *topic, int at_least, int timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    struct reader *r;
    struct diag diag;
    int total = 0;

    diag_init(&diag);
    r = reader_new("test-reader", &s->all, &topic, 1, false, &diag);
    while (r && total < at_least && clock_mono_ms() < until)
        reader_poll(r, 50, total_see, &total, NULL);
    reader_destroy(r);
    diag_fini(&diag);
    return total;
}

/** The sum of the group's committed offsets on the partitions of `in`; those without one count nothing. */
static inline int64_t setup_committed(struct setup *s, const char *topic, int partitions)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    int64_t sum = 0;
    rd_kafka_t *rk;
    int i;

    rd_kafka_conf_set(conf, "bootstrap.servers", s->keys[0].value.ptr, NULL, 0);
    rd_kafka_conf_set(conf, "group.id", s->chain.group.ptr, NULL, 0);
    rd_kafka_conf_set_log_cb(conf, NULL);
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    for (i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i);
    if (rd_kafka_committed(rk, list, 10000))
        sum = -1;
    for (i = 0; i < partitions && sum >= 0; i++)
        sum += list->elems[i].offset > 0 ? list->elems[i].offset : 0;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return sum;
}

#endif
