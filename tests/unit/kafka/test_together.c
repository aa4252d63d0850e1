/* Sends that have waited for room in librdkafka's queue, and go out many at a time.
 *
 * Labels: mock, threads
 * Timeout: 240
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/log.h"
#include "kafka/sender.h"

#define TOGETHER 400

static const struct weir_header one_header[] = {{{"h", 1}, {"x", 1}}};

/* The i-th of them: most are plain, some have what librdkafka's call for many cannot carry. */
static struct send *make_mixed(struct bench *b, int i)
{
    struct send *send = send_one(b);

    if (i % 3 == 0)
        send->key = send->value;
    if (i % 10 == 4)
        send->value = STR_ABSENT;
    if (i % 10 == 6) {
        send->headers = one_header;
        send->n_headers = 1;
    }
    if (i % 10 == 8) {
        send->has_timestamp = true;
        send->timestamp_ms = 1000 + i;
    }
    return send;
}

struct seen_mixed {
    int count;
    int wrong; /* the first that was not as it was sent; -1: none */
};

static void see_mixed(void *arg, const struct record *r)
{
    struct seen_mixed *s = arg;
    int i = s->count++;
    char value[16];
    bool good;

    snprintf(value, sizeof value, "v%d", i);
    good = i % 10 == 4 ? r->value.ptr == NULL : str_is(r->value, value);
    good &= i % 3 == 0 ? str_is(r->key, value) : r->key.ptr == NULL;
    good &= i % 10 == 6 ? r->n_headers == 1 && str_is(r->headers[0].name, "h") : r->n_headers == 0;
    good &= i % 10 == 8 ? r->timestamp_ms == 1000 + i : r->timestamp_ms > 1000000;
    if (!good && s->wrong < 0)
        s->wrong = i;
}

/* In librdkafka's place. */
static struct {
    bool fewer; /* the topic has been made anew with fewer partitions: a named one is not there, till one call
                   names none */
    int refused, named, calls;
} together;

int rd_kafka_produce_batch(rd_kafka_topic_t *topic, int32_t partition, int flags, rd_kafka_message_t *run,
                           int n)
{
    int (*produce)(rd_kafka_topic_t *, int32_t, int, rd_kafka_message_t *, int);

    *(void **)&produce = librdkafkas("rd_kafka_produce_batch");
    if (partition >= 0 && together.fewer) {
        assert_int_equal(together.refused++, 0);
        while (n-- > 0)
            run[n].err = RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
        return 0;
    }
    together.fewer &= !together.refused;
    together.named += partition >= 0;
    together.calls++;
    return produce(topic, partition, flags, run, n);
}

#define PARTITIONS 8

struct seen_places {
    int count;
    int stays; /* where those without a key are; -1: nowhere yet */
    bool good;
};

static void see_place(void *arg, const struct record *r)
{
    struct seen_places *s = arg;

    s->count++;
    if (r->key.ptr) {
        s->good &= r->partition ==
                   rd_kafka_msg_partitioner_murmur2(NULL, r->key.ptr, r->key.len, PARTITIONS, NULL, NULL);
        return;
    }
    if (str_is(r->value, "v0"))
        return; /* when it was placed no partition had a leader, as far as librdkafka knew */
    if (s->stays < 0)
        s->stays = r->partition;
    s->good &= r->partition == s->stays;
}

static struct seen_places where_they_are(struct bench *b)
{
    struct seen_places seen = {0, -1, true};
    const char *topic = "out";
    struct reader *reader = reader_new("places", &b->setup.all, &topic, 1, false, &b->diag);

    for (int i = 0; i < 200 && seen.count < TOGETHER; i++)
        reader_poll(reader, 50, see_place, &seen, NULL);
    reader_destroy(reader);
    return seen;
}

/* Keys: each finds its own partition. None: all stay on one, which librdkafka need not look up for each. */
static void what_goes_out_together_names_its_partition_where_it_has_no_key(void **state)
{
    static const struct {
        int keyed; /* each so many-th; 0: none */
        bool fewer;
    } rows[] = {{0, false}, {0, true}, {1, false}, {3, false}, {40, false}};

    (void)state;
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct bench *b = bench_on(PARTITIONS);
        struct seen_places seen;

        setup_key(&b->setup, "queue.buffering.max.messages", "50");
        setup_key(&b->setup, "sticky.partitioning.linger.ms", "600000");
        open_producer(b);
        for (int i = 0; i < 2; i++) {
            send_some(b, 1);
            assert_true(await(b, i + 1, 30000));
        }
        together.refused = together.named = together.calls = 0;
        together.fewer = rows[row].fewer;
        for (int i = 2; i < TOGETHER; i++) {
            struct send *send = send_one(b);

            if (rows[row].keyed && i % rows[row].keyed == 0)
                send->key = send->value;
            producer_send(b->producer, send);
        }
        assert_true(await(b, TOGETHER, 30000));
        for (int i = 0; i < TOGETHER; i++)
            assert_int_equal(b->answers[i], SEND_OK);
        assert_int_equal(together.refused, rows[row].fewer);
        if (rows[row].keyed == 1)
            assert_int_equal(together.named, 0);
        if (!rows[row].keyed)
            assert_int_equal(together.named == together.calls, !rows[row].fewer);
        seen = where_they_are(b);
        assert_int_equal(seen.count, TOGETHER);
        assert_true(seen.good || rows[row].fewer);
        bench_destroy(b);
    }
}

static void what_goes_out_together_arrives_as_it_was(void **state)
{
    struct bench *b = bench_new();
    struct seen_mixed seen = {0, -1};
    const char *topic = "out";
    struct reader *reader;

    (void)state;
    setup_key(&b->setup, "queue.buffering.max.messages", "50");
    open_producer(b);
    for (int i = 0; i < TOGETHER; i++)
        producer_send(b->producer, make_mixed(b, i));
    assert_true(await(b, TOGETHER, 30000));
    for (int i = 0; i < TOGETHER; i++)
        assert_int_equal(b->answers[i], SEND_OK);
    reader = reader_new("mixed", &b->setup.all, &topic, 1, false, &b->diag);
    for (int i = 0; i < 100 && seen.count < TOGETHER; i++)
        reader_poll(reader, 50, see_mixed, &seen, NULL);
    assert_int_equal(seen.count, TOGETHER);
    assert_int_equal(seen.wrong, -1);
    reader_destroy(reader);
    bench_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_out_together_arrives_as_it_was),
        cmocka_unit_test(what_goes_out_together_names_its_partition_where_it_has_no_key),
    };

    log_set_level(getenv("VERBOSE") ? WEIR_LOG_DEBUG : WEIR_LOG_ERROR + 1);
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
