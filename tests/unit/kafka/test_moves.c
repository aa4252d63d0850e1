/* Partitions that move inside the call in which their records were gathered: those records are of no known
 * place then, and must be read again.
 *
 * With an eager assignor librdkafka does not do that by itself. So this program stands between weir and
 * librdkafka: it keeps weir's rebalance callback, and where a call has gathered records it takes all
 * partitions away and gives them back before weir sees any.
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
#include "kafka/running.h"

#define PARTITIONS 2
#define RECORDS 4000
#define EVERY 5 /* calls that gathered something, between two moves */

typedef void rebalance_cb(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *, void *);

/* Of the one consumer; all on the task's thread. */
static rebalance_cb *weirs;
static rd_kafka_t *consumer;
static rd_kafka_topic_partition_list_t *assigned; /* NULL: none are */
static void *opaque;
static int gathered;
static atomic_int moved;

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *arg)
{
    consumer = rk;
    opaque = arg;
    if (assigned)
        rd_kafka_topic_partition_list_destroy(assigned);
    assigned = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? rd_kafka_topic_partition_list_copy(list) : NULL;
    weirs(rk, err, list, arg);
}

static void tell(rd_kafka_resp_err_t err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(assigned);

    weirs(consumer, err, list, opaque);
    rd_kafka_topic_partition_list_destroy(list);
}

static void after_call(bool some)
{
    if (!some || !assigned || ++gathered % EVERY)
        return;
    atomic_fetch_add(&moved, 1);
    tell(RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS);
    tell(RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
}

/* ---- in librdkafka's place */

void rd_kafka_conf_set_rebalance_cb(rd_kafka_conf_t *conf, rebalance_cb *cb)
{
    void (*set)(rd_kafka_conf_t *, rebalance_cb *);

    *(void **)&set = librdkafkas("rd_kafka_conf_set_rebalance_cb");
    weirs = cb;
    set(conf, on_rebalance);
}

ssize_t rd_kafka_consume_batch_queue(rd_kafka_queue_t *queue, int timeout_ms, rd_kafka_message_t **to,
                                     size_t n)
{
    ssize_t (*consume)(rd_kafka_queue_t *, int, rd_kafka_message_t **, size_t);
    ssize_t got;

    *(void **)&consume = librdkafkas("rd_kafka_consume_batch_queue");
    got = consume(queue, timeout_ms, to, n);
    after_call(got > 0);
    return got;
}

/* Of versions that are asked for one message at a time. */
rd_kafka_message_t *rd_kafka_consume_queue(rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_message_t *(*consume)(rd_kafka_queue_t *, int), *got;

    *(void **)&consume = librdkafkas("rd_kafka_consume_queue");
    got = consume(queue, timeout_ms);
    after_call(got != NULL);
    return got;
}

/* ---- the test */

static void what_was_gathered_before_a_move_is_read_again(void **state)
{
    struct running r;
    struct setup s;
    int repeated = 0;

    (void)state;
    setup_start(&s, 1, "moves");
    setup_topics(&s, PARTITIONS);
    setup_done(&s);
    setup_write(&s, "in", "v", RECORDS);
    running_start(&r, &s);
    assert_true(running_await(&r, RECORDS, 60000));
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    assert_true(atomic_load(&moved) > 1);
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), RECORDS);
    assert_int_equal(setup_count(&s, "out", "v", RECORDS, 10000, &repeated), 0);
    assert_int_equal(repeated, 0);
    running_clear(&r);
    setup_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_gathered_before_a_move_is_read_again)};

    log_set_level(getenv("VERBOSE") ? WEIR_LOG_DEBUG : WEIR_LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
