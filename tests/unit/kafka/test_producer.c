/* Every way in which a send can fail, on the mock cluster, and the answer that the chain gets.
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

static void push_errors(struct bench *b, int n, rd_kafka_resp_err_t err)
{
    while (n-- > 0)
        rd_kafka_mock_push_request_errors(setup_cluster(&b->setup), API_PRODUCE, 1, err);
}

/* Four records in one batch; so many produce requests fail, then all are good. */
static void a_failed_send_has_the_right_answer(void **state)
{
    static const struct {
        const char *name;
        rd_kafka_resp_err_t err;
        int times; /* the first is the batch; then each record alone */
        int answers[4];
        const char *why;
    } rows[] = {
        {"no error", 0, 0, {SEND_OK, SEND_OK, SEND_OK, SEND_OK}, ""},
        {"not the leader",
         RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
         2,
         {SEND_OK, SEND_OK, SEND_OK, SEND_OK},
         ""},
        {"not enough replicas",
         RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
         2,
         {SEND_OK, SEND_OK, SEND_OK, SEND_OK},
         ""},
        {"connection lost", RD_KAFKA_RESP_ERR__TRANSPORT, 1, {SEND_OK, SEND_OK, SEND_OK, SEND_OK}, ""},
        {"batch too large, each record not",
         RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
         1,
         {SEND_OK, SEND_OK, SEND_OK, SEND_OK},
         ""},
        {"too large alone",
         RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
         2,
         {SEND_TOO_LARGE, SEND_OK, SEND_OK, SEND_OK},
         "too large for topic out"},
        {"timestamp of the batch",
         RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
         1,
         {SEND_OK, SEND_OK, SEND_OK, SEND_OK},
         ""},
        {"timestamp alone",
         RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
         2,
         {SEND_BAD_TIMESTAMP, SEND_OK, SEND_OK, SEND_OK},
         "timestamp out of the range"},
        {"invalid record alone",
         RD_KAFKA_RESP_ERR_INVALID_RECORD,
         2,
         {SEND_REFUSED, SEND_OK, SEND_OK, SEND_OK},
         "refuses the record"},
        {"all refused alone",
         RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
         5,
         {SEND_REFUSED, SEND_REFUSED, SEND_REFUSED, SEND_REFUSED},
         "refuses the record"},
        {"no right to write",
         RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
         1,
         {SEND_BROKEN, SEND_BROKEN, SEND_BROKEN, SEND_BROKEN},
         "grant Write"},
        {"unknown to us",
         RD_KAFKA_RESP_ERR_UNKNOWN,
         1,
         {SEND_BROKEN, SEND_BROKEN, SEND_BROKEN, SEND_BROKEN},
         "cannot write to topic out"},
    };
    size_t r;

    (void)state;
    for (r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct bench *b = bench_new();
        int i;

        setup_key(&b->setup, "linger.ms", "100"); /* so that the four are one batch */
        open_producer(b);
        push_errors(b, rows[r].times, rows[r].err);
        send_some(b, 4);
        if (!await(b, 4, 15000))
            fail_msg("%s: only %d answers", rows[r].name, b->answered);
        for (i = 0; i < 4; i++) {
            if (b->answers[i] != rows[r].answers[i])
                fail_msg("%s: record %d: answer %d, want %d", rows[r].name, i, b->answers[i],
                         rows[r].answers[i]);
        }
        if (!strstr(b->why, rows[r].why))
            fail_msg("%s: \"%s\", want \"%s\"", rows[r].name, b->why, rows[r].why);
        assert_int_equal(producer_waiting(b->producer), 0);
        bench_destroy(b);
    }
}

static void a_record_over_the_limit_is_refused_alone_and_later(void **state)
{
    static char large[200000];
    struct bench *b = bench_new();
    struct send *send;

    (void)state;
    setup_key(&b->setup, "message.max.bytes", "100000");
    open_producer(b);
    send_some(b, 2);
    send = send_one(b);
    send->value = str_make(large, sizeof large);
    producer_send(b->producer, send);
    assert_int_equal(b->answered, 0); /* never from within */
    send_some(b, 2);
    assert_true(await(b, 5, 10000));
    assert_int_equal(b->answers[2], SEND_TOO_LARGE);
    assert_int_equal(b->answers[1], SEND_OK);
    assert_int_equal(b->answers[4], SEND_OK);
    bench_destroy(b);
}

static void an_unknown_topic_is_answered_with_what_to_do(void **state)
{
    struct bench *b = bench_new();

    (void)state;
    setup_key(&b->setup, "topic.metadata.propagation.max.ms", "1000");
    setup_key(&b->setup, "topic.metadata.refresh.interval.ms", "300");
    setup_topic_error(&b->setup, "out", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    open_producer(b);
    send_some(b, 1);
    assert_true(await(b, 1, 15000));
    assert_int_equal(b->answers[0], SEND_BROKEN);
    assert_non_null(strstr(b->why, "topic out does not exist: create it"));
    bench_destroy(b);
}

static void a_look_at_the_topics_says_what_is_wrong(void **state)
{
    static const struct {
        const char *name;
        rd_kafka_resp_err_t err;
        enum look look;
        const char *why;
    } rows[] = {
        {"all is well", 0, LOOK_GOOD, ""},
        {"absent", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, LOOK_ABSENT, "does not exist: create it"},
        {"no right", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, LOOK_BAD,
         "not authorized to write to topic out"},
        {"no leader yet", RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, LOOK_AWAY, ""},
    };
    size_t r;

    (void)state;
    for (r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct bench *b = bench_new();
        const char *why = "";
        enum look look;

        open_producer(b);
        if (setup_topic_error(&b->setup, "out", rows[r].err)) {
            look = producer_look(b->producer, 5000, &why);
            if (look != rows[r].look || !strstr(why, rows[r].why))
                fail_msg("%s: %d \"%s\", want %d \"%s\"", rows[r].name, (int)look, why, (int)rows[r].look,
                         rows[r].why);
        }
        bench_destroy(b);
    }
}

static void a_full_queue_is_waited_out_in_order(void **state)
{
    struct bench *b = bench_new();
    int i;

    (void)state;
    setup_key(&b->setup, "queue.buffering.max.messages", "50");
    open_producer(b);
    send_some(b, 2000);
    assert_true(await(b, 2000, 20000));
    for (i = 0; i < 2000; i++) {
        assert_int_equal(b->answers[i], SEND_OK);
        assert_int_equal(b->order[i], i);
    }
    bench_destroy(b);
}

static void brokers_that_are_away_are_waited_for(void **state)
{
    struct bench *b = bench_new();

    (void)state;
    open_producer(b);
    send_some(b, 10);
    assert_true(await(b, 10, 10000));
    rd_kafka_mock_broker_set_down(setup_cluster(&b->setup), 1);
    send_some(b, 100);
    assert_false(await(b, 11, 1500));
    assert_int_equal(producer_waiting(b->producer), 100);
    rd_kafka_mock_broker_set_up(setup_cluster(&b->setup), 1);
    assert_true(await(b, 110, 20000));
    bench_destroy(b);
}

/** In the order of the topic, each value at least once, and its first place in order. */
struct order {
    int next, again;
};

static void see_order(void *arg, const struct record *record)
{
    struct order *o = arg;
    int64_t n = -1;

    str_to_int(str_make(record->value.ptr + 1, record->value.len - 1), &n);
    if (n == o->next)
        o->next++;
    else if (n < o->next)
        o->again++;
    else
        o->next = -1000000; /* one was skipped */
}

static void a_fatal_error_repeats_but_loses_nothing(void **state)
{
    struct bench *b = bench_new();
    struct order order = {0, 0};
    const char *topic = "out";
    struct reader *reader;
    int i, round;

    (void)state;
    open_producer(b);
    for (round = 0; round < 2; round++) {
        send_some(b, 500);
        producer_poll(b->producer);
        producer_break(b->producer);
        send_some(b, 500);
    }
    assert_true(await(b, 2000, 20000));
    for (i = 0; i < 2000; i++)
        assert_int_equal(b->answers[i], SEND_OK);
    reader = reader_new("order", &b->setup.all, &topic, 1, false, &b->diag);
    for (i = 0; i < 200 && order.next < 2000; i++)
        reader_poll(reader, 50, see_order, &order, NULL);
    assert_int_equal(order.next, 2000);
    reader_destroy(reader);
    bench_destroy(b);
}

struct place_seen {
    int count;
    int32_t partition;
};

static void see_partition(void *arg, const struct record *record)
{
    struct place_seen *seen = arg;

    seen->count++;
    seen->partition = record->partition;
}

static void a_send_may_name_its_partition(void **state)
{
    struct bench *b = bench_new();
    struct place_seen seen = {0, -1};
    const char *topic = "wide";
    struct reader *reader;
    struct send *send;
    int i;

    (void)state;
    assert_true(embedded_topic(b->setup.embedded, "wide", 9));
    open_producer(b);
    producer_destroy(b->producer);
    b->topic.name = str_of(topic);
    b->producer =
        producer_new(&b->settings, b->topics, 1, -1, &(struct producer_events){b, on_sent}, &b->diag);
    send = send_one(b);
    send->partition = 7;
    producer_send(b->producer, send);
    send = send_one(b);
    send->partition = 9; /* there is none */
    producer_send(b->producer, send);
    assert_true(await(b, 2, 10000));
    assert_int_equal(b->answers[0], SEND_OK);
    assert_int_equal(b->answers[1], SEND_BROKEN);
    assert_non_null(strstr(b->why, "does not have that partition"));
    reader = reader_new("partition", &b->setup.all, &topic, 1, false, &b->diag);
    for (i = 0; i < 100 && !seen.count; i++)
        reader_poll(reader, 50, see_partition, &seen, NULL);
    assert_int_equal(seen.partition, 7);
    reader_destroy(reader);
    bench_destroy(b);
}

struct seen {
    int count;
    bool good;
};

static void see_one(void *arg, const struct record *r)
{
    struct seen *s = arg;

    s->count++;
    s->good = str_is(r->key, "k") && r->value.ptr == NULL && r->n_headers == 3 &&
              str_is(r->headers[0].name, "a") && str_eq(r->headers[0].value, str_make("\0x", 2)) &&
              str_is(r->headers[1].name, "a") && r->headers[1].value.ptr == NULL &&
              str_is(r->headers[2].name, "b") && r->headers[2].value.len == 0 && r->has_timestamp &&
              r->timestamp_ms == 1234567890123;
}

static void key_headers_and_timestamp_arrive_as_they_were(void **state)
{
    static const struct weir_header headers[] = {
        {{"a", 1}, {"\0x", 2}}, {{"a", 1}, {NULL, 0}}, {{"b", 1}, {"", 0}}};
    struct bench *b = bench_new();
    const char *topic = "out";
    struct seen seen = {0, false};
    struct reader *reader;
    struct send *send;
    int i;

    (void)state;
    open_producer(b);
    send = send_one(b);
    *send = (struct send){.topic = &b->topic,
                          .partition = -1,
                          .key = STR("k"),
                          .headers = headers,
                          .n_headers = 3,
                          .has_timestamp = true,
                          .timestamp_ms = 1234567890123};
    producer_send(b->producer, send);
    assert_true(await(b, 1, 10000));
    reader = reader_new("headers", &b->setup.all, &topic, 1, false, &b->diag);
    for (i = 0; i < 100 && !seen.count; i++)
        reader_poll(reader, 50, see_one, &seen, NULL);
    assert_true(seen.good);
    reader_destroy(reader);
    bench_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_send_has_the_right_answer),
        cmocka_unit_test(a_record_over_the_limit_is_refused_alone_and_later),
        cmocka_unit_test(an_unknown_topic_is_answered_with_what_to_do),
        cmocka_unit_test(a_look_at_the_topics_says_what_is_wrong),
        cmocka_unit_test(a_full_queue_is_waited_out_in_order),
        cmocka_unit_test(brokers_that_are_away_are_waited_for),
        cmocka_unit_test(a_fatal_error_repeats_but_loses_nothing),
        cmocka_unit_test(a_send_may_name_its_partition),
        cmocka_unit_test(key_headers_and_timestamp_arrive_as_they_were),
    };

    log_set_level(getenv("VERBOSE") ? WEIR_LOG_DEBUG : WEIR_LOG_ERROR + 1);
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
