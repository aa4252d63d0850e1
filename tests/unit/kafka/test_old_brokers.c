/* Brokers that are too old for what weir needs, on a mock cluster that cannot give ids to producers: the task
 * ends with what to do, and commits nothing. A real broker that old (Kafka before 0.11) runs on no Java of
 * today.
 *
 * Labels: mock
 * Timeout: 120
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/log.h"
#include "kafka/running.h"

#define API_INIT_PRODUCER_ID 22 /* it came together with transactions */

static const struct row {
    const char *name;
    int32_t delivery;
    enum task_end end;
    const char *why;
} rows[] = {
    {"exactly-once", CONFIG_EXACTLY_ONCE, TASK_SET_UP, "needs Kafka 2.5"},
    {"at-least-once", CONFIG_AT_LEAST_ONCE, TASK_CHAIN_STOPPED, "broker version >= 0.11"},
};

static void check_row(const struct row *row)
{
    struct setup s;
    struct running r;

    setup_start(&s, 1, "old");
    setup_topics(&s, 1);
    setup_done(&s);
    s.chain.delivery = row->delivery;
    s.config.host.instance = STR("one");
    setup_write(&s, "in", "v", 10);
    if (rd_kafka_mock_set_apiversion(setup_cluster(&s), API_INIT_PRODUCER_ID, -1, -1))
        abort();
    running_start(&r, &s);
    if (running_join(&r) != row->end || !strstr(task_why(r.task), row->why))
        fail_msg("%s: end %d, want %d: \"%s\"", row->name, (int)r.end, (int)row->end, task_why(r.task));
    if (setup_committed(&s, "in", 1) != 0)
        fail_msg("%s: %lld were committed", row->name, (long long)setup_committed(&s, "in", 1));
    running_clear(&r);
    setup_stop(&s);
}

static void brokers_too_old_end_the_task_with_what_to_do(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brokers_too_old_end_the_task_with_what_to_do),
    };

    log_set_level(getenv("VERBOSE") ? WEIR_LOG_DEBUG : WEIR_LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
