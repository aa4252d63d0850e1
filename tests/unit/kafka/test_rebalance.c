/* Two tasks of one group on the mock cluster: partitions move, and nothing is lost. The mock cluster refuses
 * commits from the moment a rebalance begins, so that what was done since the last commit is repeated (a real
 * broker takes them): the test only bounds how much.
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
#define RECORDS 12000

static void partitions_move_without_loss(void **state)
{
    struct setup s;
    struct running a, b;
    int again = 0, missing, i;

    (void)state;
    setup_start(&s, 1, "move");
    setup_key(&s, "heartbeat.interval.ms", "300");
    setup_topics(&s, PARTITIONS);
    setup_done(&s);
    running_make(&a, &s);
    a.chain.hold = 50; /* so that there is something to flush when partitions go */
    running_go(&a);
    assert_true(running_await_partitions(&a, PARTITIONS, 15000));
    running_make(&b, &s);
    b.chain.hold = 50;
    running_go(&b);
    for (i = 0; i < 6; i++) { /* records flow while the group turns over */
        char prefix[16];

        snprintf(prefix, sizeof prefix, "%c", 'a' + i);
        setup_write(&s, "in", prefix, RECORDS / 6);
        poll(NULL, 0, 300);
    }
    assert_true(running_await_partitions(&b, 2, 15000));
    assert_true(running_await_partitions(&a, 2, 1000));
    setup_write(&s, "in", "y", 1000);
    poll(NULL, 0, 500);
    assert_int_equal(running_stop(&b), TASK_STOPPED); /* and back */
    setup_write(&s, "in", "z", 1000);
    assert_true(running_await_partitions(&a, PARTITIONS, 20000));
    for (i = 0; i < 50 && setup_committed(&s, "in", PARTITIONS) < RECORDS + 2000; i++)
        poll(NULL, 0, 100);
    assert_int_equal(running_stop(&a), TASK_STOPPED);
    assert_int_equal(setup_committed(&s, "in", PARTITIONS), RECORDS + 2000);
    for (i = 0; i < 8; i++) {
        char prefix[16];
        int n = i < 6 ? RECORDS / 6 : 1000, repeated = 0;

        snprintf(prefix, sizeof prefix, "%c", i < 6 ? 'a' + i : 'y' + i - 6);
        missing = setup_count(&s, "out", prefix, n, 10000, &repeated);
        if (missing)
            fail_msg("%s: %d missing", prefix, missing);
        again += repeated;
    }
    assert_true(again < 6000);
    assert_true(atomic_load(&b.chain.acknowledged) > 0);
    running_clear(&a);
    running_clear(&b);
    setup_stop(&s);
}

static void a_pause_does_not_outlive_its_assignment(void **state)
{
    struct setup s;
    struct running a, b;
    struct task_status status = {.source = {.paused = false}};
    int i;

    (void)state;
    setup_start(&s, 1, "pause");
    setup_key(&s, "heartbeat.interval.ms", "300");
    setup_topics(&s, PARTITIONS);
    setup_done(&s);
    running_start(&a, &s);
    assert_true(running_await_partitions(&a, PARTITIONS, 15000));
    atomic_store(&a.chain.stuck, true);
    for (i = 0; i < 500 && !status.source.paused; i++) {
        poll(NULL, 0, 10);
        task_status(a.task, &status);
    }
    assert_true(status.source.paused);
    running_start(&b, &s);
    assert_true(running_await_partitions(&a, 0, 15000));
    atomic_store(&a.chain.stuck, false); /* between two assignments */
    assert_true(running_await_partitions(&a, 2, 15000));
    setup_write(&s, "in", "v", 1000);
    assert_true(running_await(&a, 1, 10000));
    assert_int_equal(running_stop(&a), TASK_STOPPED);
    assert_int_equal(running_stop(&b), TASK_STOPPED);
    running_clear(&a);
    running_clear(&b);
    setup_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_move_without_loss),
        cmocka_unit_test(a_pause_does_not_outlive_its_assignment),
    };

    log_set_level(getenv("VERBOSE") ? WEIR_LOG_DEBUG : WEIR_LOG_ERROR + 1);
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
