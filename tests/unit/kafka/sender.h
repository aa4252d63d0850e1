/* sender.h: the chain's side of a producer on the mock cluster: sends, and what became of each.
 */
#ifndef TEST_KAFKA_SENDER_H
#define TEST_KAFKA_SENDER_H

#include "kafka/producer.h"
#include "kafka/cluster.h"

#define SENDS_MAX 5000

struct bench {
    struct setup setup;
    struct settings settings;
    struct diag diag;
    struct weir_topic topic;
    struct weir_topic *topics[1];
    struct producer *producer;
    struct send sends[SENDS_MAX];
    char values[SENDS_MAX][16];
    int answers[SENDS_MAX]; /* enum send_result, -1: none */
    int n, answered, order[SENDS_MAX];
    char why[256];
};

static inline void on_sent(void *self, struct send *send, enum send_result result, const char *why)
{
    struct bench *b = self;
    ptrdiff_t i = send - b->sends;

    assert_int_equal(b->answers[i], -1);
    b->answers[i] = (int)result;
    b->order[b->answered++] = (int)i;
    if (why)
        snprintf(b->why, sizeof b->why, "%s", why);
}

static inline void open_producer(struct bench *b)
{
    struct producer_events events = {b, on_sent};

    setup_done(&b->setup);
    settings_read(&b->settings, &b->setup.config, &b->setup.chain);
    b->topic = (struct weir_topic){.name = STR("out"), .stage = "sink"};
    b->topics[0] = &b->topic;
    diag_init(&b->diag);
    b->producer = producer_new(&b->settings, b->topics, 1, -1, &events, &b->diag);
    assert_non_null(b->producer);
}

static inline struct bench *bench_on(int partitions)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    setup_start(&b->setup, 1, "producer");
    assert_true(embedded_topic(b->setup.embedded, "out", partitions));
    return b;
}

static inline struct bench *bench_new(void)
{
    return bench_on(1);
}

static inline void bench_destroy(struct bench *b)
{
    producer_destroy(b->producer);
    diag_fini(&b->diag);
    setup_stop(&b->setup);
    free(b);
}

static inline struct send *send_one(struct bench *b)
{
    struct send *send = &b->sends[b->n];

    snprintf(b->values[b->n], sizeof b->values[0], "v%d", b->n);
    *send = (struct send){.topic = &b->topic, .partition = -1, .value = str_of(b->values[b->n])};
    b->answers[b->n++] = -1;
    return send;
}

static inline void send_some(struct bench *b, int n)
{
    while (n-- > 0)
        producer_send(b->producer, send_one(b));
}

static inline bool await(struct bench *b, int answered, int timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;

    while (b->answered < answered && clock_mono_ms() < until) {
        producer_poll(b->producer);
        poll(NULL, 0, 2);
    }
    return b->answered >= answered;
}

#endif
