/* A transactional producer on the mock cluster: what goes out when, what a refusal does, who is found guilty,
 * and what follows a fatal error. What readers see of it only a real broker can show: see
 * tests/e2e/test_long_exactly_once.py.
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
#include "kafka/sender.h"
#include "kafka/transaction.h"

#define SENDS 4
#define NONE (-1)

static struct transaction_fault fault;

static enum transaction_next init(struct bench *b)
{
    int64_t until = clock_mono_ms() + 10000;
    enum transaction_next next;

    do {
        next = transaction_init(producer_lane(b->producer), 200, &fault);
    } while (next == TRANSACTION_AGAIN && clock_mono_ms() < until);
    return next;
}

static struct bench *bench_exactly_once(void)
{
    struct bench *b = bench_new();

    b->setup.chain.delivery = CONFIG_EXACTLY_ONCE;
    b->setup.config.host.instance = STR("one");
    open_producer(b);
    assert_int_equal(init(b), TRANSACTION_ON);
    return b;
}

static void send_all(struct bench *b)
{
    static const char *const values[SENDS] = {"v0", "v1", "v2", "v3"};
    int i;

    for (i = 0; i < SENDS; i++) {
        b->answers[i] = NONE;
        b->sends[i] = (struct send){
            .topic = &b->topic, .partition = 0, .value = str_of(values[i]), .origin = {0, i, 0, 0}};
        producer_send(b->producer, &b->sends[i]);
    }
}

static void assert_answers(const struct bench *b, const char *name, int a, int c, int d, int e)
{
    const int want[SENDS] = {a, c, d, e};
    int i;

    for (i = 0; i < SENDS; i++) {
        if (b->answers[i] != want[i])
            fail_msg("%s: answer %d is %d, want %d", name, i, b->answers[i], want[i]);
    }
}

static void await_reports(struct bench *b)
{
    int64_t until = clock_mono_ms() + 10000;

    while ((producer_lane(b->producer)->with_client || producer_lane(b->producer)->unsent) &&
           !producer_lane(b->producer)->spoilt && clock_mono_ms() < until) {
        producer_hurry(b->producer, 5);
        producer_poll(b->producer);
    }
}

static enum transaction_next commit(struct bench *b)
{
    enum transaction_next next;

    while ((next = transaction_commit(producer_lane(b->producer), 200, &fault)) == TRANSACTION_AGAIN)
        ;
    return next;
}

static enum transaction_next abort_it(struct bench *b)
{
    enum transaction_next next;

    while ((next = transaction_abort(producer_lane(b->producer), 500, &fault)) == TRANSACTION_AGAIN)
        ;
    return next;
}

static void sends_wait_for_a_transaction(void **state)
{
    struct bench *b = bench_exactly_once();

    (void)state;
    send_all(b);
    producer_poll(b->producer);
    assert_int_equal(producer_lane(b->producer)->with_client, 0);
    assert_int_equal(transaction_begin(producer_lane(b->producer), &fault), TRANSACTION_ON);
    await_reports(b);
    assert_answers(b, "in a transaction", SEND_OK, SEND_OK, SEND_OK, SEND_OK);
    assert_int_equal(commit(b), TRANSACTION_ON);
    assert_false(producer_lane(b->producer)->in_transaction);
    bench_destroy(b);
}

/* librdkafka 2.0.2 may spoil the transaction that follows a refusal once more, by a gap in its numbers. */
static void send_until_it_is_not_spoilt(struct bench *b)
{
    int again;

    for (again = 0; again < 5; again++) {
        assert_int_equal(transaction_begin(producer_lane(b->producer), &fault), TRANSACTION_ON);
        send_all(b);
        await_reports(b);
        if (!producer_lane(b->producer)->spoilt)
            return;
        assert_int_equal(abort_it(b), TRANSACTION_ON);
        producer_drop(b->producer);
    }
}

/* The first transaction: its one batch is refused. */
static void be_refused(struct bench *b, int then_guilty)
{
    rd_kafka_mock_cluster_t *cluster = setup_cluster(&b->setup);

    rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    assert_int_equal(transaction_begin(producer_lane(b->producer), &fault), TRANSACTION_ON);
    send_all(b);
    await_reports(b);
    assert_true(producer_lane(b->producer)->spoilt);
    assert_answers(b, "refused as a batch", NONE, NONE, NONE, NONE);
    assert_int_equal(abort_it(b), TRANSACTION_ON);
    if (then_guilty)
        rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
}

static void only_the_guilty_is_answered_when_all_come_again(void **state)
{
    struct bench *b = bench_exactly_once();

    (void)state;
    be_refused(b, 1);
    assert_true(producer_judge(b->producer, 20000));
    producer_drop(b->producer);
    assert_answers(b, "dropped", SEND_DROPPED, SEND_DROPPED, SEND_DROPPED, SEND_DROPPED);
    assert_int_equal(producer_waiting(b->producer), 0);
    send_until_it_is_not_spoilt(b);
    assert_answers(b, "again", SEND_TOO_LARGE, SEND_OK, SEND_OK, SEND_OK);
    assert_int_equal(commit(b), TRANSACTION_ON);
    bench_destroy(b);
}

static void where_nobody_is_guilty_batches_become_smaller(void **state)
{
    struct bench *b = bench_exactly_once();
    char text[32] = "";
    size_t room = sizeof text;
    struct buf why;

    (void)state;
    be_refused(b, 0);
    assert_false(producer_judge(b->producer, 20000));
    buf_init(&why, 1000);
    assert_true(producer_replace(b->producer, &why));
    producer_drop(b->producer);
    rd_kafka_conf_get(rd_kafka_conf(producer_lane(b->producer)->client.rk), "batch.size", text, &room);
    assert_string_equal(text, "4"); /* half of v0 … v3 */
    assert_int_equal(init(b), TRANSACTION_ON);
    assert_int_equal(transaction_begin(producer_lane(b->producer), &fault), TRANSACTION_ON);
    send_all(b);
    await_reports(b);
    assert_answers(b, "again", SEND_OK, SEND_OK, SEND_OK, SEND_OK);
    assert_int_equal(commit(b), TRANSACTION_ON);
    buf_fini(&why);
    bench_destroy(b);
}

static void a_fatal_error_asks_for_a_new_producer_which_then_works(void **state)
{
    struct bench *b = bench_exactly_once();
    struct buf why;

    (void)state;
    assert_int_equal(transaction_begin(producer_lane(b->producer), &fault), TRANSACTION_ON);
    send_all(b);
    producer_break(b->producer);
    await_reports(b);
    producer_poll(b->producer);
    assert_true(abort_it(b) == TRANSACTION_REPLACE || producer_lane(b->producer)->failed);
    assert_true(producer_lane(b->producer)->failed);
    buf_init(&why, 1000);
    assert_true(producer_replace(b->producer, &why));
    producer_drop(b->producer);
    assert_int_equal(init(b), TRANSACTION_ON);
    assert_int_equal(transaction_begin(producer_lane(b->producer), &fault), TRANSACTION_ON);
    send_all(b);
    await_reports(b);
    assert_answers(b, "again", SEND_OK, SEND_OK, SEND_OK, SEND_OK);
    assert_int_equal(commit(b), TRANSACTION_ON);
    buf_fini(&why);
    bench_destroy(b);
}

/* ---- offsets, while brokers are slow */

#define SLOW_MS 1500
#define CALL_MS 100

static rd_kafka_t *open_consumer(struct bench *b)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_mock_topic_create(setup_cluster(&b->setup), "in", 1, 1); /* whose offsets are offered */
    rd_kafka_conf_set(conf, "bootstrap.servers", b->setup.keys[0].value.ptr, NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "transaction", NULL, 0);
    rd_kafka_conf_set_log_cb(conf, NULL);
    return rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
}

/* A transaction with records, and brokers that take their time from now on. */
static void begin_then_slow_down(struct bench *b)
{
    assert_int_equal(transaction_begin(producer_lane(b->producer), &fault), TRANSACTION_ON);
    send_all(b);
    await_reports(b);
    assert_int_equal(rd_kafka_mock_broker_set_rtt(setup_cluster(&b->setup), 1, SLOW_MS), 0);
}

static enum transaction_next offer(struct bench *b, rd_kafka_t *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int64_t start = clock_mono_ms();
    enum transaction_next next;

    rd_kafka_topic_partition_list_add(list, "in", 0)->offset = SENDS;
    next = transaction_offer(producer_lane(b->producer), consumer, list, CALL_MS, &fault);
    rd_kafka_topic_partition_list_destroy(list);
    if (clock_mono_ms() - start >= SLOW_MS)
        fail_msg("an offer took %d ms", (int)(clock_mono_ms() - start));
    return next;
}

static void slow_brokers_do_not_hold_up_whoever_offers_offsets(void **state)
{
    struct bench *b = bench_exactly_once();
    rd_kafka_t *consumer = open_consumer(b);
    int64_t until = clock_mono_ms() + 20000;
    enum transaction_next next;

    (void)state;
    begin_then_slow_down(b);
    assert_int_equal(offer(b, consumer), TRANSACTION_AGAIN);
    while ((next = offer(b, consumer)) == TRANSACTION_AGAIN && clock_mono_ms() < until)
        ;
    assert_int_equal(next, TRANSACTION_ON);
    rd_kafka_mock_broker_set_rtt(setup_cluster(&b->setup), 1, 0);
    assert_int_equal(commit(b), TRANSACTION_ON);
    rd_kafka_destroy(consumer);
    bench_destroy(b);
}

static void an_abort_waits_for_the_offer_under_way(void **state)
{
    struct bench *b = bench_exactly_once();
    rd_kafka_t *consumer = open_consumer(b);

    (void)state;
    begin_then_slow_down(b);
    assert_int_equal(offer(b, consumer), TRANSACTION_AGAIN);
    assert_int_equal(transaction_abort(producer_lane(b->producer), CALL_MS, &fault), TRANSACTION_AGAIN);
    assert_non_null(producer_lane(b->producer)->offer);
    rd_kafka_mock_broker_set_rtt(setup_cluster(&b->setup), 1, 0);
    assert_int_equal(abort_it(b), TRANSACTION_ON);
    assert_null(producer_lane(b->producer)->offer);
    rd_kafka_destroy(consumer);
    bench_destroy(b);
}

static void a_producer_may_be_closed_with_an_offer_under_way(void **state)
{
    struct bench *b = bench_exactly_once();
    rd_kafka_t *consumer = open_consumer(b);

    (void)state;
    begin_then_slow_down(b);
    assert_int_equal(offer(b, consumer), TRANSACTION_AGAIN);
    rd_kafka_destroy(consumer);
    bench_destroy(b);
}

static void a_set_up_that_forbids_it_says_what_to_mend(void **state)
{
    static const struct {
        int err;
        bool fenced;
        const char *mend; /* a part of it; NULL: a new producer may do */
    } rows[] = {
        {RD_KAFKA_RESP_ERR__FENCED, true, NULL},
        {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, true, NULL},
        {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, false, NULL},
        {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, false, "transactional ids"},
        {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, false, "transaction.max.timeout.ms"},
        {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, false, "too old"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *mend = transaction_mend(rows[i].err);

        if (transaction_fenced(rows[i].err) != rows[i].fenced || !mend != !rows[i].mend ||
            (mend && !strstr(mend, rows[i].mend)))
            fail_msg("%s: fenced %d, mend %s", rd_kafka_err2name((rd_kafka_resp_err_t)rows[i].err),
                     transaction_fenced(rows[i].err), mend ? mend : "nothing");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_wait_for_a_transaction),
        cmocka_unit_test(only_the_guilty_is_answered_when_all_come_again),
        cmocka_unit_test(where_nobody_is_guilty_batches_become_smaller),
        cmocka_unit_test(a_fatal_error_asks_for_a_new_producer_which_then_works),
        cmocka_unit_test(slow_brokers_do_not_hold_up_whoever_offers_offsets),
        cmocka_unit_test(an_abort_waits_for_the_offer_under_way),
        cmocka_unit_test(a_producer_may_be_closed_with_an_offer_under_way),
        cmocka_unit_test(a_set_up_that_forbids_it_says_what_to_mend),
    };

    log_set_level(getenv("VERBOSE") ? WEIR_LOG_DEBUG : WEIR_LOG_ERROR + 1);
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
