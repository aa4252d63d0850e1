/* A task on the mock cluster: what it takes, sends, commits, and how it ends.
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
#include "kafka/running.h"

#define PARTITIONS 4

static void start_cluster(struct setup *s, const char *group)
{
    setup_start(s, 1, group);
    setup_topics(s, PARTITIONS);
}

static void a_stop_neither_loses_nor_repeats(void **state)
{
    struct setup s;
    struct running r;
    int again, missing, round, before = 0;

    (void)state;
    start_cluster(&s, "stop");
    setup_done(&s);
    setup_write(&s, "in", "v", 3000);
    for (round = 0; round < 2; round++) { /* stopped in mid-stream; then to the end */
        running_make(&r, &s);
        r.chain.hold = round ? 0 : 70; /* some are held when it is stopped */
        running_go(&r);
        assert_true(running_await(&r, round ? 3000 - before : 500, 15000));
        assert_int_equal(running_stop(&r), TASK_STOPPED);
        assert_string_equal(task_why(r.task), "");
        assert_int_equal(r.chain.taken, r.chain.acknowledged);
        before = r.chain.acknowledged;
        running_clear(&r);
    }
    missing = setup_count(&s, "out", "v", 3000, 10000, &again);
    assert_int_equal(missing, 0);
    assert_int_equal(again, 0);
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), 3000);
    setup_stop(&s);
}

static void only_the_safe_is_committed_when_the_chain_stops(void **state)
{
    struct setup s;
    struct running r;

    (void)state;
    start_cluster(&s, "broken");
    setup_done(&s);
    setup_write(&s, "in", "v", 10);
    running_start(&r, &s);
    assert_true(running_await(&r, 10, 15000));
    rd_kafka_mock_push_request_errors(setup_cluster(&s), API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    setup_key(&s, "retries", "5"); /* the writer has a client of its own: its error is not that one */
    {
        struct diag diag;
        struct writer *w;
        struct record record = {.partition = 0, .value = STR("poison")};

        diag_init(&diag);
        w = writer_new("w", &s.all, "in", &diag);
        writer_send(w, &record);
        writer_flush(w, 5000);
        if (writer_counts(w).refused) { /* the error was for whoever came first: make another */
            rd_kafka_mock_push_request_errors(setup_cluster(&s), API_PRODUCE, 2, RD_KAFKA_RESP_ERR_NO_ERROR,
                                              RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
            writer_destroy(w);
            w = writer_new("w", &s.all, "in", &diag);
            writer_send(w, &record);
            writer_flush(w, 5000);
        }
        writer_destroy(w);
        diag_fini(&diag);
    }
    assert_int_equal(running_join(&r), TASK_CHAIN_STOPPED);
    assert_non_null(strstr(task_why(r.task), "grant Write"));
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), 10);
    running_clear(&r);
    setup_stop(&s);
}

static void a_refused_record_moves_the_watermark_once_its_error_record_is_safe(void **state)
{
    struct setup s;
    struct running r;
    char *large = malloc(300000);

    (void)state;
    start_cluster(&s, "refused");
    s.keys[s.all.count] = (struct config_key){STR("message.max.bytes"), STR("100000"), STR("100000"),
                                              {"test.conf", 1},         false,         false};
    setup_done(&s);
    s.chain.producer.count++; /* the limit is the task's alone, not the writer's */
    {
        struct diag diag;
        struct writer *w;
        struct record record = {.partition = 0, .value = str_make(large, 300000)};

        diag_init(&diag);
        memset(large, 'x', 300000);
        w = writer_new("w", &s.all, "in", &diag);
        assert_true(writer_send(w, &record));
        assert_true(writer_flush(w, 10000));
        writer_destroy(w);
        diag_fini(&diag);
    }
    running_start(&r, &s);
    assert_true(running_await(&r, 1, 15000));
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    assert_int_equal(setup_total(&s, "failed", 1, 5000), 1);
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), 1);
    running_clear(&r);
    setup_stop(&s);
    free(large);
}

static void brokers_that_go_and_come_cost_nothing(void **state)
{
    struct setup s;
    struct running r;
    int again = 0, missing;

    (void)state;
    start_cluster(&s, "away");
    setup_done(&s);
    s.chain.memory = 1 << 20; /* a small queue, so that it is kept awake, too (awake.h) */
    setup_write(&s, "in", "v", 20000);
    running_start(&r, &s);
    assert_true(running_await(&r, 1000, 15000));
    rd_kafka_mock_broker_set_down(setup_cluster(&s), 1);
    poll(NULL, 0, 1500);
    rd_kafka_mock_broker_set_up(setup_cluster(&s), 1);
    running_await(&r, 20000, 20000);
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    missing = setup_count(&s, "out", "v", 20000, 10000, &again);
    assert_int_equal(missing, 0);
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), 20000);
    running_clear(&r);
    setup_stop(&s);
}

static void what_is_stuck_bounds_memory_and_is_not_committed(void **state)
{
    struct setup s;
    struct running r;
    struct task_status status;
    int i;

    (void)state;
    start_cluster(&s, "stuck");
    setup_done(&s);
    s.chain.memory = 1 << 20; /* 512 records at once */
    s.chain.drain_timeout = 300;
    setup_write(&s, "in", "v", 5000);
    running_make(&r, &s);
    atomic_store(&r.chain.stuck, true);
    running_go(&r);
    for (i = 0; i < 1500; i++) {
        task_status(r.task, &status);
        if (status.source.paused)
            break;
        poll(NULL, 0, 10);
    }
    assert_true(status.source.paused); /* and the group goes on being served */
    assert_true(r.chain.most_in_flight <= 512);
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), 0);
    running_clear(&r);
    setup_stop(&s);
}

static void a_sink_that_waits_for_more_than_may_be_in_flight_sends_what_it_has(void **state)
{
    struct setup s;
    struct running r;

    (void)state;
    start_cluster(&s, "full");
    setup_done(&s);
    s.chain.memory = 1 << 20;
    setup_write(&s, "in", "v", 3000);
    running_make(&r, &s);
    r.chain.hold = 100000;
    running_go(&r);
    assert_true(running_await(&r, 2500, 20000));
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    assert_int_equal(r.chain.acknowledged, r.chain.taken);
    running_clear(&r);
    setup_stop(&s);
}

/* linger.ms is for company, and at a stop none comes. */
static void a_long_linger_does_not_hold_up_a_stop(void **state)
{
    struct setup s;
    struct running r;

    (void)state;
    start_cluster(&s, "linger");
    setup_key(&s, "linger.ms", "60000");
    setup_done(&s);
    setup_write(&s, "in", "v", 15);
    running_start(&r, &s);
    while (atomic_load(&r.chain.taken) < 15)
        poll(NULL, 0, 5);
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    assert_int_equal(r.chain.acknowledged, 15);
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), 15);
    running_clear(&r);
    setup_stop(&s);
}

static void a_task_that_cannot_finish_in_time_says_so(void **state)
{
    struct setup s;
    struct running r;
    int64_t start;

    (void)state;
    start_cluster(&s, "slow");
    setup_done(&s);
    s.chain.drain_timeout = 500;
    setup_write(&s, "in", "v", 15);
    running_make(&r, &s);
    r.chain.hold = 100;
    running_go(&r);
    while (atomic_load(&r.chain.taken) < 15)
        poll(NULL, 0, 5);
    rd_kafka_mock_broker_set_down(setup_cluster(&s), 1);
    start = clock_mono_ms();
    assert_int_equal(running_stop(&r), TASK_CUT_SHORT);
    assert_non_null(strstr(task_why(r.task), "will be repeated"));
    assert_true(clock_mono_ms() - start <
                20000); /* with a consumer that does not close, seen in 1 of 50 runs */
    running_clear(&r);
    setup_stop(&s);
}

/* What is taken at once is bounded by time: a slow stage holds up no commit, not the group, and no stop. */
static void a_slow_stage_holds_up_nothing_else(void **state)
{
    struct setup s;
    struct running r;
    int64_t start;

    (void)state;
    start_cluster(&s, "patient");
    setup_key(&s, "max.poll.interval.ms",
              "6000"); /* less than 64 records take, which librdkafka gives at once */
    setup_done(&s);
    setup_write(&s, "in", "v", 200);
    running_make(&r, &s);
    r.chain.take_ms = 100;
    running_go(&r);
    assert_true(running_await(&r, 80, 30000));
    assert_true(setup_committed(&s, "in", PARTITIONS) >= 60);
    start = clock_mono_ms();
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    assert_true(clock_mono_ms() - start < 5000);
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), r.chain.taken);
    assert_int_equal(r.chain.taken, r.chain.acknowledged);
    assert_true(r.chain.taken < 200);
    running_clear(&r);
    setup_stop(&s);
}

/* As in the moments after a leader was elected. */
static void offsets_that_cannot_be_told_yet_are_asked_for_again(void **state)
{
    static const rd_kafka_resp_err_t errors[] = {
        RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION};
    struct setup s;
    struct running r;
    size_t i;

    (void)state;
    start_cluster(&s, "untold");
    setup_done(&s);
    setup_write(&s, "in", "v", 15);
    for (i = 0; i < sizeof errors / sizeof *errors; i++)
        rd_kafka_mock_push_request_errors(setup_cluster(&s), API_LIST_OFFSETS, 4, errors[i], errors[i],
                                          errors[i], errors[i]);
    running_start(&r, &s);
    if (!running_await(&r, 15, 20000))
        fail_msg("%d records: %s", (int)r.chain.taken, task_why(r.task) ? task_why(r.task) : "it runs");
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    running_clear(&r);
    setup_stop(&s);
}

/* No interval passes here: what is committed was committed before a record could be taken. */
static void latest_is_committed_before_a_record_is_taken(void **state)
{
    struct setup s;
    struct running r;

    (void)state;
    start_cluster(&s, "latest");
    setup_done(&s);
    s.chain.start = CONFIG_LATEST;
    s.chain.commit_interval = 3600000;
    setup_write(&s, "in", "v", 15);
    /* The first answer is no: then it takes nothing and joins again. */
    rd_kafka_mock_push_request_errors(setup_cluster(&s), API_OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE);
    running_start(&r, &s);
    assert_true(running_await_partitions(&r, PARTITIONS, 15000));
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), 15);
    setup_write(&s, "in", "w", 10);
    assert_true(running_await(&r, 10, 15000));
    assert_int_equal(r.chain.taken, 10);
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), 15);
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    running_clear(&r);
    setup_stop(&s);
}

static bool waits_for_its_topics(struct running *r)
{
    struct task_status status;

    task_status(r->task, &status);
    return status.waiting_for_brokers;
}

static void end_with_new_ones(struct running *r, struct setup *s)
{
    setup_write(s, "in", "w", 10);
    assert_true(running_await(r, 10, 15000));
    assert_int_equal(running_stop(r), TASK_STOPPED);
    assert_int_equal(r->chain.taken, 10); /* none of those that stood there */
    running_clear(r);
    setup_stop(s);
}

/* As one that has just started does. What stands on the topic is old all the same. */
static void a_broker_that_does_not_know_a_topic_for_a_moment_makes_it_no_new_one(void **state)
{
    struct setup s;
    struct running r;
    int64_t until = clock_mono_ms() + 15000;

    (void)state;
    start_cluster(&s, "moment");
    setup_done(&s);
    s.chain.start = CONFIG_LATEST;
    setup_write(&s, "in", "v", 15);
    assert_true(setup_topic_error(&s, "in", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART));
    running_start(&r, &s);
    while (!waits_for_its_topics(&r) && clock_mono_ms() < until)
        poll(NULL, 0, 5);
    assert_true(setup_topic_error(&s, "in", RD_KAFKA_RESP_ERR_NO_ERROR));
    assert_true(running_await_partitions(&r, PARTITIONS, 15000));
    end_with_new_ones(&r, &s);
}

/* Some questions have had no answer when it comes back. What asks brokers in that way must outlive it. */
static void a_coordinator_that_is_away_at_the_start_is_waited_for(void **state)
{
    struct setup s;
    struct running r;
    int64_t until;

    (void)state;
    setup_start(&s, 3, "away");
    setup_topics(&s, PARTITIONS);
    setup_done(&s);
    s.chain.start = CONFIG_LATEST;
    setup_write(&s, "in", "v", 15);
    for (int32_t p = 0; p < PARTITIONS; p++)
        rd_kafka_mock_partition_set_leader(setup_cluster(&s), "in", p, 1);
    rd_kafka_mock_coordinator_set(setup_cluster(&s), "group", "away", 3);
    rd_kafka_mock_broker_set_down(setup_cluster(&s), 3);
    running_start(&r, &s);
    until = clock_mono_ms() + 3500; /* three questions of a second, and no more: it is the time that counts */
    while (clock_mono_ms() < until)
        poll(NULL, 0, 50);
    assert_true(waits_for_its_topics(&r));
    rd_kafka_mock_broker_set_up(setup_cluster(&s), 3);
    assert_true(running_await_partitions(&r, PARTITIONS, 20000));
    end_with_new_ones(&r, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_neither_loses_nor_repeats),
        cmocka_unit_test(only_the_safe_is_committed_when_the_chain_stops),
        cmocka_unit_test(a_refused_record_moves_the_watermark_once_its_error_record_is_safe),
        cmocka_unit_test(brokers_that_go_and_come_cost_nothing),
        cmocka_unit_test(what_is_stuck_bounds_memory_and_is_not_committed),
        cmocka_unit_test(a_sink_that_waits_for_more_than_may_be_in_flight_sends_what_it_has),
        cmocka_unit_test(a_long_linger_does_not_hold_up_a_stop),
        cmocka_unit_test(a_task_that_cannot_finish_in_time_says_so),
        cmocka_unit_test(a_slow_stage_holds_up_nothing_else),
        cmocka_unit_test(offsets_that_cannot_be_told_yet_are_asked_for_again),
        cmocka_unit_test(latest_is_committed_before_a_record_is_taken),
        cmocka_unit_test(a_broker_that_does_not_know_a_topic_for_a_moment_makes_it_no_new_one),
        cmocka_unit_test(a_coordinator_that_is_away_at_the_start_is_waited_for),
    };

    log_set_level(getenv("VERBOSE") ? WEIR_LOG_DEBUG : WEIR_LOG_ERROR + 1);
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
