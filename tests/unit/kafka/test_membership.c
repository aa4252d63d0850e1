/* A member that is fenced: by itself, after its session was lost, which it survives; or by another process,
 * which ends it. The mock cluster knows no static members, so the brokers' answers are pushed in.
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
#include "kafka/membership.h"
#include "kafka/running.h"

#define API_HEARTBEAT 12
#define PARTITIONS 4

/* ---- the rule */

static void a_fence_is_forgiven_once_and_soon_after_a_loss(void **state)
{
    static const struct {
        const char *name;
        const char *story; /* l: lost, a: assigned, m: a minute passes, f: fenced and forgiven, F: and not */
    } rows[] = {
        {"never assigned", "F"},
        {"no loss", "aF"},
        {"lost, not assigned again", "alf"},
        {"lost a minute before it was assigned again", "almaf"},
        {"soon after the assignment", "alaf"},
        {"after a rebalance, soon", "alaaf"},
        {"long after the assignment", "alamF"},
        {"rebalances do not make it longer", "alamaF"},
        {"twice for one loss", "alafF"},
        {"twice for one loss, assigned between", "alafaF"},
        {"twice for two losses", "alaflaf"},
        {"two losses before one assignment", "allafF"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct membership m = {0};
        int64_t now = 1000;
        const char *c;

        for (c = rows[i].story; *c; c++) {
            bool forgiven = false;

            if (*c == 'l')
                membership_lost(&m);
            else if (*c == 'a')
                membership_assigned(&m, now);
            else if (*c == 'm')
                now += 60000;
            else
                forgiven = membership_forgives(&m, now);
            if (forgiven != (*c == 'f'))
                fail_msg("%s: %s: at %d forgiven is %d", rows[i].name, rows[i].story,
                         (int)(c - rows[i].story), forgiven);
        }
    }
}

/* ---- a task */

static void start_task(struct setup *s, struct running *r, const char *group, int64_t commit_interval)
{
    setup_start(s, 1, group);
    setup_key(s, "heartbeat.interval.ms", "300");
    setup_topics(s, PARTITIONS);
    setup_done(s);
    s->config.host.instance = STR("one");
    s->chain.commit_interval = commit_interval;
    running_start(r, s);
}

static void end_task(struct setup *s, struct running *r)
{
    running_clear(r);
    setup_stop(s);
}

static bool await_assignments(struct running *r, uint64_t count)
{
    int64_t until = clock_mono_ms() + 30000;
    struct task_status status;

    do {
        poll(NULL, 0, 5);
        task_status(r->task, &status);
    } while ((status.source.rebalances < count || status.source.assigned != PARTITIONS) &&
             status.end == TASK_RUNS && clock_mono_ms() < until);
    return status.source.rebalances >= count && status.source.assigned == PARTITIONS;
}

static void write_records(struct setup *s, struct running *r, const char *prefix)
{
    int before = atomic_load(&r->chain.acknowledged);

    setup_write(s, "in", prefix, 100);
    assert_true(running_await(r, before + 100, 15000));
}

static void answer_heartbeat(struct setup *s, rd_kafka_resp_err_t err)
{
    rd_kafka_mock_push_request_errors(setup_cluster(s), API_HEARTBEAT, 1, err);
}

static void lose_session(struct setup *s)
{
    answer_heartbeat(s, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
}

/** The next commit is answered for each of its partitions. */
static void fence(struct setup *s)
{
    rd_kafka_mock_push_request_errors(setup_cluster(s), API_OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
}

static void assert_nothing_lost(struct setup *s, const char *const *prefixes, int n)
{
    int i, missing;

    for (i = 0; i < n; i++) {
        missing = setup_count(s, "out", prefixes[i], 100, 10000, NULL);
        if (missing)
            fail_msg("%s: %d missing", prefixes[i], missing);
    }
    assert_int_equal(setup_committed(s, "in", PARTITIONS), 100 * n);
}

static void a_member_that_fenced_itself_joins_again_and_loses_nothing(void **state)
{
    static const char *const prefixes[] = {"a", "b", "c"};
    struct setup s;
    struct running r;
    int i;

    (void)state;
    start_task(&s, &r, "itself", 100);
    assert_true(await_assignments(&r, 1));
    write_records(&s, &r, "a");
    lose_session(&s);
    assert_true(await_assignments(&r, 2));
    fence(&s);
    write_records(&s, &r, "b");
    assert_true(await_assignments(&r, 3)); /* as another member */
    write_records(&s, &r, "c");
    for (i = 0; i < 100 && setup_committed(&s, "in", PARTITIONS) < 300; i++)
        poll(NULL, 0, 50);
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    assert_nothing_lost(&s, prefixes, 3);
    end_task(&s, &r);
}

static void assert_fenced(struct running *r)
{
    assert_int_equal(running_join(r), TASK_FENCED);
    assert_non_null(strstr(task_why(r->task), "another process has joined group"));
}

static void a_fence_without_a_lost_session_ends_the_task(void **state)
{
    struct setup s;
    struct running r;

    (void)state;
    start_task(&s, &r, "another", 100);
    assert_true(await_assignments(&r, 1));
    fence(&s);
    setup_write(&s, "in", "a", 100);
    assert_fenced(&r);
    end_task(&s, &r);
}

static void a_second_fence_without_another_loss_ends_the_task(void **state)
{
    struct setup s;
    struct running r;

    (void)state;
    start_task(&s, &r, "twice", 100);
    assert_true(await_assignments(&r, 1));
    lose_session(&s);
    assert_true(await_assignments(&r, 2));
    fence(&s);
    write_records(&s, &r, "a");
    assert_true(await_assignments(&r, 3));
    fence(&s);
    setup_write(&s, "in", "b", 100);
    assert_fenced(&r);
    end_task(&s, &r);
}

/* The client reports such a fence and a lost session at once: that loss excuses nothing. */
static void a_fence_that_a_heartbeat_hears_of_ends_the_task(void **state)
{
    struct setup s;
    struct running r;

    (void)state;
    start_task(&s, &r, "heartbeat", 100);
    assert_true(await_assignments(&r, 1));
    answer_heartbeat(&s, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    assert_fenced(&r);
    end_task(&s, &r);
}

static void a_fence_in_a_rebalance_ends_the_task(void **state)
{
    struct setup s;
    struct running r;

    (void)state;
    start_task(&s, &r, "rebalance", 60000); /* nothing is committed before the rebalance */
    assert_true(await_assignments(&r, 1));
    write_records(&s, &r, "a");
    fence(&s);
    answer_heartbeat(&s, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
    assert_fenced(&r);
    end_task(&s, &r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fence_is_forgiven_once_and_soon_after_a_loss),
        cmocka_unit_test(a_member_that_fenced_itself_joins_again_and_loses_nothing),
        cmocka_unit_test(a_fence_without_a_lost_session_ends_the_task),
        cmocka_unit_test(a_second_fence_without_another_loss_ends_the_task),
        cmocka_unit_test(a_fence_that_a_heartbeat_hears_of_ends_the_task),
        cmocka_unit_test(a_fence_in_a_rebalance_ends_the_task),
    };

    log_set_level(getenv("VERBOSE") ? WEIR_LOG_DEBUG : WEIR_LOG_ERROR + 1);
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
