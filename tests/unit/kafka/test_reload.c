/* A new generation of a chain under a running task; and offsets that are no longer there.
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

static void start(struct setup *s, const char *group)
{
    setup_start(s, 1, group);
    setup_topics(s, 2);
}

static void a_new_generation_takes_over_between_two_records(void **state)
{
    struct setup s;
    struct running r;
    struct chain next;
    struct chain *old = NULL;
    struct task_status status;
    struct buf why;
    int again;

    (void)state;
    start(&s, "swap");
    setup_done(&s);
    setup_write(&s, "in", "v", 6000);
    running_make(&r, &s);
    r.chain.hold = 70;
    running_go(&r);
    assert_true(running_await(&r, 70, 15000));
    fake_chain_init(&next);
    buf_init(&why, 1000);
    if (!task_swap(r.task, &s.config, &s.chain, &next, &old, &why))
        fail_msg("%s", buf_text(&why));
    assert_ptr_equal(old, &r.chain);
    assert_int_equal(old->in_flight, 0);
    assert_int_equal(old->taken, old->acknowledged);
    setup_write(&s, "in", "w", 10);
    while (next.carried < 6010 && clock_mono_ms() % 100000)
        poll(NULL, 0, 5);
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    assert_int_equal(next.carried, 6010); /* state went over: the old one's count goes on */
    assert_int_equal(old->taken + next.taken, 6010);
    task_status(r.task, &status);
    assert_int_equal(status.source.rebalances, 1);
    assert_int_equal(setup_count(&s, "out", "v", 6000, 10000, &again), 0);
    assert_int_equal(again, 0);
    assert_int_equal(setup_committed(&s, "in", 2), 6010);
    buf_fini(&why);
    running_clear(&r);
    fake_chain_fini(&next);
    setup_stop(&s);
}

static void a_generation_that_cannot_take_over_leaves_the_old_one_running(void **state)
{
    struct setup s;
    struct running r;
    struct chain next;
    struct chain *old = NULL;
    struct buf why;

    (void)state;
    start(&s, "refuse");
    setup_done(&s);
    s.chain.drain_timeout = 400;
    setup_write(&s, "in", "v", 10);
    running_start(&r, &s);
    assert_true(running_await(&r, 10, 15000));
    buf_init(&why, 1000);

    fake_chain_init(&next);
    next.bad_restore = true;
    assert_false(task_swap(r.task, &s.config, &s.chain, &next, &old, &why));
    assert_non_null(strstr(buf_text(&why), "does not take the state"));
    setup_write(&s, "in", "w", 10);
    assert_true(running_await(&r, 20, 5000));

    buf_reset(&why);
    fake_chain_init(&next);
    next.out.name = STR("out");
    if (setup_topic_error(&s, "failed", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)) {
        assert_false(task_swap(r.task, &s.config, &s.chain, &next, &old, &why));
        assert_non_null(strstr(buf_text(&why), "grant Write"));
        setup_topic_error(&s, "failed", RD_KAFKA_RESP_ERR_NO_ERROR);
    }

    assert_null(old);
    setup_write(&s, "in", "x", 10);
    assert_true(running_await(&r, 30, 5000));
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    buf_reset(&why);
    assert_false(task_swap(r.task, &s.config, &s.chain, &next, &old, &why));
    assert_string_equal(buf_text(&why), "the task has ended");
    buf_fini(&why);
    running_clear(&r);
    setup_stop(&s);
}

#define LARGE 20

/* The mock cluster keeps 5 MiB a partition: write more than that behind a committed offset. */
static void lose_records(struct setup *s)
{
    static char large[500000];
    struct record record = {.partition = 0, .value = {large, sizeof large}};
    struct diag diag;
    struct writer *w;
    int i;

    diag_init(&diag);
    for (i = 0; i < (int)sizeof large; i++)
        large[i] = (char)('a' + i % 26);
    w = writer_new("w", &s->all, "in", &diag);
    for (i = 0; i < LARGE; i++) {
        assert_true(writer_send(w, &record));
        assert_true(writer_flush(w, 5000)); /* a batch each */
    }
    writer_destroy(w);
    diag_fini(&diag);
}

/* No interval passes here: what is committed was committed before a record could be taken. */
static void await_committed(struct setup *s, int64_t sum)
{
    int64_t until = clock_mono_ms() + 15000;

    while (setup_committed(s, "in", 2) != sum && clock_mono_ms() < until)
        poll(NULL, 0, 50);
    assert_int_equal(setup_committed(s, "in", 2), sum);
}

static void an_offset_that_is_gone_stops_the_task_or_is_logged(void **state)
{
    static const struct {
        const char *name;
        enum config_lost_offset on_lost;
        enum task_end end;
        const char *why;
    } rows[] = {
        {"by default it stops", CONFIG_LOST_STOP, TASK_FAILED, "set on_lost_offset = earliest or latest"},
        {"on_lost_offset = earliest", CONFIG_LOST_EARLIEST, TASK_STOPPED, ""},
        {"on_lost_offset = latest", CONFIG_LOST_LATEST, TASK_STOPPED, ""},
    };
    struct setup s;
    struct running r;
    size_t i;

    (void)state;
    start(&s, "lost");
    setup_key(&s, "compression.type", "none");
    setup_done(&s);
    setup_write(&s, "in", "v", 10);
    running_start(&r, &s);
    assert_true(running_await(&r, 10, 15000));
    assert_int_equal(running_stop(&r), TASK_STOPPED);
    running_clear(&r);
    lose_records(&s);
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        s.chain.on_lost_offset = (int32_t)rows[i].on_lost;
        s.chain.commit_interval = rows[i].on_lost == CONFIG_LOST_LATEST ? 3600000 : 100;
        running_start(&r, &s);
        if (rows[i].end == TASK_STOPPED) {
            assert_true(running_await_partitions(&r, 2, 15000));
            if (rows[i].on_lost == CONFIG_LOST_EARLIEST)
                assert_true(running_await(&r, 5, 10000));
            else
                await_committed(&s, 10 + 2 * LARGE);
            task_stop(r.task);
        }
        if (running_join(&r) != rows[i].end || !strstr(task_why(r.task), rows[i].why))
            fail_msg("%s: end %d \"%s\"", rows[i].name, (int)r.end, task_why(r.task));
        running_clear(&r);
        if (rows[i].end == TASK_STOPPED)
            lose_records(&s);
    }
    setup_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_generation_takes_over_between_two_records),
        cmocka_unit_test(a_generation_that_cannot_take_over_leaves_the_old_one_running),
        cmocka_unit_test(an_offset_that_is_gone_stops_the_task_or_is_logged),
    };

    log_set_level(getenv("VERBOSE") ? WEIR_LOG_DEBUG : WEIR_LOG_ERROR + 1);
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
