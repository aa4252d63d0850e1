/* Where records go whose partition nobody names, on the mock cluster.
 *
 * Labels: mock, threads
 * Timeout: 120
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/log.h"
#include "kafka/client.h"
#include "kafka/cluster.h"

#define PARTITIONS 8
#define NO_KEY NULL

struct bench {
    struct setup setup;
    struct settings settings;
    struct diag diag;
    struct client client;
    rd_kafka_topic_t *topic;
    int delivered[PARTITIONS];
    int32_t last; /* the partition of the last report */
};

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct bench *b = ((struct client *)opaque)->owner;

    (void)rk;
    assert_int_equal(m->err, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_in_range(m->partition, 0, PARTITIONS - 1);
    b->delivered[m->partition]++;
    b->last = m->partition;
}

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    setup_start(&b->setup, 1, "placement");
    assert_true(embedded_topic(b->setup.embedded, "out", PARTITIONS));
    setup_key(&b->setup, "linger.ms", "0");
    return b;
}

/* partitioner: NULL is weir's default; so is sticky_ms. */
static void open_topic(struct bench *b, const char *partitioner, const char *sticky_ms)
{
    static const struct client_callbacks callbacks = {.delivered = on_delivered};
    struct weir_topic topic = {.name = STR("out"), .stage = "sink"};

    if (partitioner)
        setup_key(&b->setup, "partitioner", partitioner);
    if (sticky_ms)
        setup_key(&b->setup, "sticky.partitioning.linger.ms", sticky_ms);
    setup_done(&b->setup);
    settings_read(&b->settings, &b->setup.config, &b->setup.chain);
    diag_init(&b->diag);
    b->client = (struct client){.owner = b, .chain = "test", .wake_fd = -1};
    assert_true(client_open(&b->client, CLIENT_PRODUCER, &b->settings, &callbacks, &b->diag));
    b->topic = client_topic(&b->client, &topic, &b->diag);
    assert_non_null(b->topic);
}

static void bench_destroy(struct bench *b)
{
    rd_kafka_topic_destroy(b->topic);
    client_close(&b->client);
    diag_fini(&b->diag);
    setup_stop(&b->setup);
    free(b);
}

static void produce_to(struct bench *b, int32_t partition, const char *key, int n)
{
    while (n-- > 0)
        assert_int_equal(rd_kafka_produce(b->topic, partition, RD_KAFKA_MSG_F_COPY, "v", 1, key,
                                          key ? strlen(key) : 0, NULL),
                         0);
    assert_int_equal(rd_kafka_flush(b->client.rk, 20000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void produce(struct bench *b, const char *key, int n)
{
    produce_to(b, RD_KAFKA_PARTITION_UA, key, n);
}

/* Has the client learn the leaders of the partitions; this one has one. */
static void learn(struct bench *b, int32_t partition)
{
    produce_to(b, partition, NO_KEY, 1);
    b->delivered[partition] = 0;
}

static int partitions_used(const struct bench *b)
{
    int used = 0;

    for (int i = 0; i < PARTITIONS; i++)
        used += b->delivered[i] > 0;
    return used;
}

/* The hashes of these keys are in the tests of the Java client and of librdkafka: 0xd067cf64, 0xe7c009ca,
 * 0x5a4b5ca1. */
static void a_key_goes_where_java_puts_it(void **state)
{
    static const struct {
        const char *key;
        int32_t partition;
    } rows[] = {{"kafka", 4}, {"234", 2}, {"4", 1}};
    struct bench *b = bench_new();

    (void)state;
    open_topic(b, NULL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        produce(b, rows[i].key, 1);
        assert_int_equal(b->last, rows[i].partition);
    }
    bench_destroy(b);
}

static void a_key_goes_where_the_chosen_partitioner_puts_it(void **state)
{
    static const struct {
        const char *name;
        int32_t (*is)(const rd_kafka_topic_t *, const void *, size_t, int32_t, void *, void *);
    } rows[] = {
        {"consistent_random", rd_kafka_msg_partitioner_consistent},
        {"fnv1a_random", rd_kafka_msg_partitioner_fnv1a},
        {"murmur2_random", rd_kafka_msg_partitioner_murmur2},
        {"consistent", rd_kafka_msg_partitioner_consistent},
        {"fnv1a", rd_kafka_msg_partitioner_fnv1a},
        {"murmur2", rd_kafka_msg_partitioner_murmur2},
    };
    static const char *const keys[] = {"a", "user-2", "62001a69-dc2c-4b28-8650-521ac278de26", "ü"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench *b = bench_new();

        open_topic(b, rows[i].name, NULL);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            produce(b, keys[k], 1);
            assert_int_equal(b->last, rows[i].is(b->topic, keys[k], strlen(keys[k]), PARTITIONS, NULL, NULL));
        }
        bench_destroy(b);
    }
}

/* `random` means it, for a key. */
static void a_random_partitioner_spreads_a_key(void **state)
{
    struct bench *b = bench_new();

    (void)state;
    open_topic(b, "random", "600000");
    produce(b, "kafka", 200);
    assert_true(partitions_used(b) > 1);
    bench_destroy(b);
}

static void records_without_a_key_stay_together(void **state)
{
    static const char *const names[] = {"murmur2_random", "consistent_random", "fnv1a_random", "random"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bench *b = bench_new();

        open_topic(b, names[i], "600000");
        learn(b, 0);
        produce(b, NO_KEY, 200);
        assert_int_equal(partitions_used(b), 1);
        bench_destroy(b);
    }
}

/* An empty key is one to all but `consistent_random`, librdkafka's own default. */
static void an_empty_key_is_a_key_or_none(void **state)
{
    struct bench *b = bench_new();

    (void)state;
    open_topic(b, "consistent_random", "600000");
    learn(b, 0);
    produce(b, NO_KEY, 1);
    produce(b, "", 100);
    assert_int_equal(partitions_used(b), 1);
    bench_destroy(b);

    b = bench_new();
    open_topic(b, "murmur2_random", "600000");
    produce(b, "", 1);
    assert_int_equal(b->last, rd_kafka_msg_partitioner_murmur2(b->topic, "", 0, PARTITIONS, NULL, NULL));
    bench_destroy(b);
}

/* As long as it takes: a few milliseconds a turn. */
static void they_move_on_when_the_linger_is_over(void **state)
{
    int64_t until = clock_mono_ms() + 60000;
    struct bench *b = bench_new();

    (void)state;
    open_topic(b, NULL, "1");
    while (partitions_used(b) < PARTITIONS && clock_mono_ms() < until)
        produce(b, NO_KEY, 1);
    assert_int_equal(partitions_used(b), PARTITIONS);
    bench_destroy(b);
}

static void no_linger_spreads_every_record(void **state)
{
    struct bench *b = bench_new();

    (void)state;
    open_topic(b, NULL, "0");
    produce(b, NO_KEY, 200);
    assert_true(partitions_used(b) > 1);
    bench_destroy(b);
}

static void a_partition_without_a_leader_is_passed_over(void **state)
{
    struct bench *b = bench_new();

    (void)state;
    for (int32_t i = 0; i < PARTITIONS; i++)
        if (i != 3)
            rd_kafka_mock_partition_set_leader(setup_cluster(&b->setup), "out", i, -1);
    open_topic(b, NULL, "1");
    learn(b, 3);
    for (int i = 0; i < 50; i++)
        produce(b, NO_KEY, 1);
    assert_int_equal(b->delivered[3], 50);
    bench_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_goes_where_java_puts_it),
        cmocka_unit_test(a_key_goes_where_the_chosen_partitioner_puts_it),
        cmocka_unit_test(a_random_partitioner_spreads_a_key),
        cmocka_unit_test(records_without_a_key_stay_together),
        cmocka_unit_test(an_empty_key_is_a_key_or_none),
        cmocka_unit_test(they_move_on_when_the_linger_is_over),
        cmocka_unit_test(no_linger_spreads_every_record),
        cmocka_unit_test(a_partition_without_a_leader_is_passed_over),
    };

    log_set_level(WEIR_LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
