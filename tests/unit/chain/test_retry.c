/* test_retry.c: the verdict RETRY: its back-off, its end, and the order that is kept behind it.
 *
 * The hook `fickle` is a stage that wants a record again until the test lets it pass. */
#include "world.h"

#define OUT "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n"
#define ERR "[stage err]\nplugin = hook_sink\nhook = @send\nfrom = failed\ntopic = errors\n"
#define FICKLE "[stage f]\nplugin = hook\nhook = @fickle\n"
#define TAIL "[stage tail]\nplugin = hook\nhook = @tail\nfrom = *\n"

static int busy;         /* how many more times the stages say: not yet */
static const char *only; /* the key of the records that they say it to; NULL: all */

static int32_t fickle(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note(STR_FMT "(" STR_FMT ")@%d", STR_ARG(weir_stage_name(stage)), STR_ARG(weir_key(env)),
         (int)(world.mono_ms - 1000));
    if (busy > 0 && (!only || str_is(weir_key(env), only))) {
        busy--;
        return weir_retry(env, "not yet");
    }
    return WEIR_PASS;
}

static int32_t fickle_sink(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    int32_t verdict = fickle(stage, self, env);
    struct weir_message m = WEIR_MESSAGE_INIT;

    m.topic = self->topic;
    if (verdict == WEIR_PASS || self->field)
        assert_int_equal(weir_send(stage, env, &m), WEIR_OK);
    return verdict;
}

static int32_t emit_three(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self, (void)env;
    assert_int_equal(weir_emit(stage, STR("A"), STR("{}")), WEIR_OK);
    assert_int_equal(weir_emit(stage, STR("B"), STR("{}")), WEIR_OK);
    assert_int_equal(weir_emit(stage, STR("C"), STR("{}")), WEIR_OK);
    return WEIR_PASS;
}

static int32_t tail(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note_call(stage, env);
    note("{" STR_FMT "}", STR_ARG(weir_reason(env)));
    return WEIR_PASS;
}

static int32_t broken(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)stage, (void)self;
    return weir_fail(env, "broken");
}

static const struct named_hook hooks[] = {
    {"fickle", {.process = fickle}},
    {"fickle_sink", {.process = fickle_sink}},
    {"three", {.process = emit_three}},
    {"send", {.process = hook_send}},
    {"tail", {.process = tail}},
    {"broken", {.process = broken}},
    {NULL, {0}},
};

static void a_retry_backs_off_and_doubles(void **state)
{
    static const int64_t waits[] = {50, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};

    (void)state;
    world_open(FICKLE "retry_timeout = 1h\n" OUT ERR);
    busy = 10;
    only = NULL;
    world_take("r", "{}");
    assert_false(chain_ready(world.chain));
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(world_tick(0), waits[i]);
        assert_int_equal(world_tick(waits[i] - 1), 1);
        world_tick(1);
    }
    world_expect(
        "f(r)@0 f(r)@50 f(r)@150 f(r)@350 f(r)@750 f(r)@1550 f(r)@3150 f(r)@6350 f(r)@12750 f(r)@22750 "
        "f(r)@32750 out:main #0:out");
    assert_true(chain_ready(world.chain));
    assert_int_equal(world_count("f", "retried"), 10);
    assert_int_equal(world_count("f", "passed"), 1);
    world_ack_all();
    world_close();
}

static void a_retry_ends_in_failed(void **state)
{
    (void)state;
    world_open(FICKLE "retry_timeout = 300ms\n" OUT ERR TAIL);
    busy = 100;
    only = NULL;
    world_take("r", "{}");
    while (!chain_ready(world.chain))
        world_tick(chain_tick(world.chain));
    world_expect("f(r)@0 f(r)@50 f(r)@150 f(r)@300 err:failed #0:errors");
    world_ack(0);
    world_expect("tail:failed {not yet} done0");
    assert_int_equal(world_count("f", "failed"), 1);
    world_close();
}

static void each_stage_has_a_timeout_of_its_own(void **state)
{
    (void)state;
    world_open(FICKLE "retry_timeout = 60ms\n"
                      "[stage g]\nplugin = hook\nhook = @fickle\nretry_timeout = 60ms\n" OUT ERR);
    busy = 1;
    only = NULL;
    world_take("r", "{}");
    busy = 0;
    world_tick(50);
    world_expect("f(r)@0 f(r)@50 g(r)@50 out:main #0:out");
    busy = 1;
    world_take("s", "{}");
    world_tick(49);
    busy = 0;
    world_tick(1);
    world_expect("f(s)@50 f(s)@100 g(s)@100 out:main #1:out");
    world_ack_all();
    world_close();
}

static void a_sink_that_retried_starts_anew_at_the_next_stage(void **state)
{
    (void)state;
    world_open(
        "[stage s]\nplugin = hook_sink\nhook = @fickle_sink\ntopic = out\nretry_timeout = 60ms\n" FICKLE
        "retry_timeout = 60ms\n" OUT ERR);
    busy = 1;
    only = NULL;
    world_take("r", "{}");
    world_tick(50);
    world_expect("s(r)@0 s(r)@50 #0:out");
    world_tick(100);
    busy = 1;
    world_ack(0);
    world_expect("f(r)@150"); /* not failed at once: its own 60 ms begin here */
    world_tick(50);
    world_expect("f(r)@200 out:main #1:out");
    world_ack_all();
    world_close();
}

static void records_behind_a_retry_keep_their_order(void **state)
{
    (void)state;
    world_open("[stage first]\nplugin = hook_sink\nhook = @send\ntopic = first\n" FICKLE OUT ERR);
    busy = 1;
    only = "A";
    world_take("A", "{}");
    world_take("B", "{}");
    world_take("C", "{}");
    world_ack_all();
    world_expect("first:main #0:first first:main #1:first first:main #2:first f(A)@0");
    world_tick(50);
    world_expect("f(A)@50 out:main #3:out f(B)@50 out:main #4:out f(C)@50 out:main #5:out");
    world_ack_all();
    world_close();
}

static void a_second_retry_behind_the_first_keeps_its_place(void **state)
{
    (void)state;
    world_open("[stage first]\nplugin = hook_sink\nhook = @send\ntopic = first\n" FICKLE OUT ERR);
    busy = 1;
    only = NULL;
    world_take("A", "{}");
    world_take("B", "{}");
    world_take("C", "{}");
    world_ack_all();
    only = "B";
    busy = 2;
    world_tick(50);
    world_tick(50);
    world_tick(100);
    world_expect(
        "first:main #0:first first:main #1:first first:main #2:first f(A)@0 f(A)@50 out:main #3:out f(B)@50 "
        "f(B)@100 f(B)@200 out:main #4:out f(C)@200 out:main #5:out");
    world_ack_all();
    world_expect("done0 done1 done2");
    world_close();
}

/* Those behind the first are shown to it as they stand there, not as they come. */
static void failed_records_that_wait_at_their_sink_are_taken_by_it(void **state)
{
    (void)state;
    world_open("[stage first]\nplugin = hook_sink\nhook = @send\ntopic = first\n"
               "[stage b]\nplugin = hook\nhook = @broken\n" OUT
               "[stage e]\nplugin = hook_sink\nhook = @fickle_sink\nfrom = failed\ntopic = errors\n");
    busy = 1;
    only = "A";
    world_take("A", "{}");
    world_take("B", "{}");
    world_ack_all();
    world_tick(50);
    world_expect("first:main #0:first first:main #1:first e(A)@0 e(A)@50 #2:errors e(B)@50 #3:errors");
    world_ack_all();
    world_expect("done0 done1");
    world_stopped(NULL);
    world_close();
}

static void emitted_envelopes_wait_behind_a_retry_too(void **state)
{
    (void)state;
    world_open("[stage maker]\nplugin = hook_emits\nhook = @three\nemit = made\n"
               "[stage f]\nplugin = hook\nhook = @fickle\nfrom = made\n"
               "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\nfrom = main, made\n" ERR);
    busy = 1;
    only = "A";
    world_take("r", "{}");
    world_expect("f(A)@0 out:main #0:out");
    world_ack(0);
    assert_false(chain_ready(world.chain));
    world_expect("");
    world_tick(50);
    world_expect("f(A)@50 out:made #1:out f(B)@50 out:made #2:out f(C)@50 out:made #3:out");
    world_ack_all();
    world_expect("done0");
    world_close();
}

static void a_send_before_a_retry_is_forgotten(void **state)
{
    (void)state;
    world_open("[stage s]\nplugin = hook_sink\nhook = @fickle_sink\ntopic = out\nfield = any\n" ERR);
    busy = 2;
    only = NULL;
    world_take("r", "{}");
    world_tick(50);
    world_expect("s(r)@0 s(r)@50");
    world_tick(100);
    world_expect("s(r)@150 #0:out");
    world_ack(0);
    world_expect("done0");
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retry_backs_off_and_doubles),
        cmocka_unit_test(a_retry_ends_in_failed),
        cmocka_unit_test(each_stage_has_a_timeout_of_its_own),
        cmocka_unit_test(a_sink_that_retried_starts_anew_at_the_next_stage),
        cmocka_unit_test(records_behind_a_retry_keep_their_order),
        cmocka_unit_test(a_second_retry_behind_the_first_keeps_its_place),
        cmocka_unit_test(failed_records_that_wait_at_their_sink_are_taken_by_it),
        cmocka_unit_test(emitted_envelopes_wait_behind_a_retry_too),
        cmocka_unit_test(a_send_before_a_retry_is_forgotten),
    };

    world.hooks = hooks;
    return cmocka_run_group_tests(tests, NULL, world_end);
}
