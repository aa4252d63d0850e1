/* test_quarantine.c: a record that a stage must not see again: who sees it, as what, and what becomes of the
 * others. Records have partition 3 and offsets from 0. */
#include "world.h"

#include "chain/quarantine.h"

#define A "[stage a]\nplugin = hook\nhook = @pass\n"
#define B "[stage b]\nplugin = hook\nhook = @pass\n"
#define OUT "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n"
#define ERR "[stage err]\nplugin = hook_sink\nhook = @letter\nfrom = failed\ntopic = errors\n"
#define GUARD "[stage guard]\nplugin = hook_guard\nhook = @pass\n"
#define MAKER "[stage maker]\nplugin = hook_emits\nhook = @emit\nemit = made\n"
#define MADE "[stage made]\nplugin = hook_sink\nhook = @send\nfrom = made\ntopic = made\n"

#define AT(stage_, offset_)                                                                                  \
    {                                                                                                        \
        3, (offset_), false, {stage_, sizeof stage_ - 1},                                                    \
        {                                                                                                    \
            "Plugin crash: SIGSEGV", 21                                                                      \
        }                                                                                                    \
    }
#define LED_TO(stage_, offset_)                                                                              \
    {                                                                                                        \
        3, (offset_), true, {stage_, sizeof stage_ - 1},                                                     \
        {                                                                                                    \
            "Plugin crash: SIGSEGV", 21                                                                      \
        }                                                                                                    \
    }

/* Says all that a sink of failed records can see. */
static int32_t letter(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_message m = WEIR_MESSAGE_INIT;
    int32_t status = weir_value(env, &m.value);
    struct weir_str key = weir_key(env);

    note_call(stage, env);
    note("{" STR_FMT ":" STR_FMT "}", STR_ARG(weir_failed_stage(env)), STR_ARG(weir_reason(env)));
    note("%s key=" STR_FMT " headers=%zu value=" STR_FMT, weir_withheld(env) ? "withheld" : "open",
         STR_ARG(key), weir_header_count(env), STR_ARG(status == WEIR_OK ? m.value : STR("none")));
    m.topic = self->topic;
    assert_int_equal(weir_send(stage, env, &m), WEIR_OK);
    return WEIR_PASS;
}

static int32_t emit(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note_call(stage, env);
    assert_int_equal(weir_emit(stage, STR_ABSENT, STR("{}")), WEIR_OK);
    return WEIR_PASS;
}

static int retries;

static int32_t fickle(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note(STR_FMT "(%d)", STR_ARG(weir_stage_name(stage)), (int)weir_source(env).offset);
    return retries-- > 0 ? weir_retry(env, "not yet") : WEIR_PASS;
}

/* Tries to look into the value and to change it. */
static int32_t meddle(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_str text;

    note_call(stage, env);
    note("get%d set%d value%d", weir_get_raw(env, self->field, &text),
         weir_set_raw(env, self->field, STR("1")), weir_set_value(env, STR("{}")));
    return WEIR_PASS;
}

static const struct named_hook hooks[] = {
    {"pass", {.process = hook_pass}},
    {"send", {.process = hook_send}},
    {"letter", {.process = letter}},
    {"emit", {.process = emit}},
    {"fickle", {.process = fickle}},
    {"meddle", {.process = meddle}},
    {NULL, {0}},
};

/* Opens the chain with that in quarantine; its strings are the list's, not ours. */
static void open_with(const char *lines, const struct quarantined *items, size_t count)
{
    struct quarantined *copies = calloc(count + 1, sizeof *copies);
    char reason[64], stage[64];

    assert_non_null(copies);
    world_open(lines);
    memcpy(copies, items, count * sizeof *copies);
    if (count) {
        snprintf(stage, sizeof stage, STR_FMT, STR_ARG(items[0].stage));
        snprintf(reason, sizeof reason, STR_FMT, STR_ARG(items[0].reason));
        copies[0].stage = str_of(stage);
        copies[0].reason = str_of(reason);
    }
    assert_true(chain_quarantine(world.chain, copies, count));
    memset(stage, 'x', sizeof stage);
    memset(reason, 'x', sizeof reason);
    free(copies);
}

static void take_with_header(const char *value)
{
    const struct weir_header header = {STR("h"), STR("secret")};
    struct record record = world_record("key", value);

    record.headers = &header;
    record.n_headers = 1;
    world_take_record(record);
}

static void it_fails_at_the_stage_and_walks_on_behind(void **state)
{
    static const struct quarantined items[] = {AT("b", 1)};

    (void)state;
    open_with(A B "[stage c]\nplugin = hook\nhook = @pass\nfrom = *\n" OUT ERR, items, 1);
    for (int i = 0; i < 3; i++)
        world_take("k", "{\"x\":1}");
    world_ack_all();
    world_expect("a:main b:main c:main out:main #0:out a:main c:failed err:failed {b:Plugin crash: SIGSEGV} "
                 "open key=k headers=0 value={\"x\":1} #1:errors a:main b:main c:main out:main #2:out "
                 "done0 done1 done2");
    assert_int_equal(world_count("b", "failed"), 1);
    assert_int_equal(world_count("b", "passed"), 2);
    world_close();
}

static void only_that_record_at_that_stage(void **state)
{
    static const struct quarantined items[] = {
        {2, 0, false, {"a", 1}, {"r", 1}}, AT("a", 1), AT("nobody", 0), LED_TO("a", 0), AT("out", 2),
    };

    (void)state;
    open_with(A OUT ERR, items, 5);
    world_take("k", "{}");
    world_expect("a:main out:main #0:out");
    world_take("k", "{}");
    world_expect("err:failed {a:Plugin crash: SIGSEGV} open key=k headers=0 value={} #1:errors");
    world_take("k", "{}");
    world_expect("a:main err:failed {out:Plugin crash: SIGSEGV} open key=k headers=0 value={} #2:errors");
    world_take("k", "{}");
    world_expect("a:main out:main #3:out");
    world_ack_all();
    world_expect("done0 done1 done2 done3");
    world_close();
}

static void two_stages_may_be_spared_one_record(void **state)
{
    static const struct quarantined items[] = {AT("c", 0), AT("a", 0)};

    (void)state;
    open_with(A B "[stage c]\nplugin = hook\nhook = @pass\nfrom = *\n" OUT ERR, items, 2);
    world_take("k", "{}");
    world_ack_all();
    world_expect("err:failed {c:Plugin crash: SIGSEGV} open key=k headers=0 value={} #0:errors done0");
    assert_int_equal(world_count("a", "failed"), 1);
    assert_int_equal(world_count("c", "failed"), 1);
    world_close();
}

static void behind_a_fail_closed_stage_nobody_sees_it(void **state)
{
    static const struct quarantined items[] = {AT("guard", 0)};

    (void)state;
    open_with("[stage look]\nplugin = hook\nhook = @meddle\nfield = x\n" GUARD
              "[stage late]\nplugin = hook\nhook = @meddle\nfield = x\nfrom = *\n" OUT ERR,
              items, 1);
    take_with_header("{\"x\":\"secret\"}");
    world_ack_all();
    world_expect("look:main get0 set0 value0 late:failed get1 set1 value6 err:failed "
                 "{guard:Plugin crash: SIGSEGV} withheld key= headers=0 value=none #0:errors done0");
    world_close();
}

static void it_is_withheld_also_where_values_are_bytes(void **state)
{
    static const struct quarantined items[] = {AT("guard", 0)};

    (void)state;
    open_with("value_format = bytes\n" GUARD OUT ERR, items, 1);
    take_with_header("secret");
    world_ack_all();
    world_expect(
        "err:failed {guard:Plugin crash: SIGSEGV} withheld key= headers=0 value=none #0:errors done0");
    take_with_header("plain"); /* nothing stays with the envelope, which is used again */
    world_ack_all();
    world_expect("guard:main out:main #1:out done1");
    world_close();
}

static void without_a_sink_for_failed_the_chain_stops(void **state)
{
    static const struct quarantined items[] = {AT("a", 0)};

    (void)state;
    open_with(A OUT, items, 1);
    world_take("k", "{}");
    world_stopped(
        "stage \"a\": the record at in partition 3 offset 0 failed, and no sink behind this stage takes "
        "the route failed: Plugin crash: SIGSEGV");
    world_expect("");
    world_close();
}

static void on_error_stop_stops(void **state)
{
    static const struct quarantined items[] = {AT("a", 0)};

    (void)state;
    open_with(A "on_error = stop\n" OUT ERR, items, 1);
    world_take("k", "{}");
    world_stopped("stage \"a\": the record at in partition 3 offset 0 failed: Plugin crash: SIGSEGV "
                  "(on_error = stop)");
    world_expect("");
    world_close();
}

static void what_a_record_led_to_stops_the_chain(void **state)
{
    static const struct quarantined items[] = {LED_TO("made", 1)};

    (void)state;
    open_with(MAKER MADE OUT ERR, items, 1);
    world_take("k", "{}");
    world_ack_all();
    world_expect("maker:main made:made #0:made out:main #1:out done0");
    world_take("k", "{}");
    world_expect("maker:main");
    world_stopped("stage \"made\": a record that the chain itself made failed: Plugin crash: SIGSEGV");
    world_close();
}

static void a_record_is_not_what_it_led_to(void **state)
{
    static const struct quarantined items[] = {AT("both", 0)};

    (void)state;
    open_with(MAKER "[stage both]\nplugin = hook\nhook = @pass\nfrom = main, made\n" MADE OUT ERR, items, 1);
    world_take("k", "{}");
    world_ack_all();
    world_expect("maker:main both:made made:made #0:made err:failed {both:Plugin crash: SIGSEGV} open key=k "
                 "headers=0 value={} #1:errors done0");
    world_close();
}

static void it_waits_behind_those_that_wait(void **state)
{
    static const struct quarantined items[] = {LED_TO("f", 9), AT("f", 1)};
    struct record record;

    (void)state;
    open_with("[stage f]\nplugin = hook\nhook = @fickle\n" OUT ERR, items, 2);
    retries = 1;
    world_take("k", "{}");
    record = world_record("k", "{}");
    world_take_record(record);
    world_expect("f(0)");
    assert_int_equal(chain_in_flight(world.chain), 2);
    world_tick(60);
    world_ack_all();
    world_expect(
        "f(0) out:main #0:out err:failed {f:Plugin crash: SIGSEGV} open key=k headers=0 value={} #1:errors "
        "done0 done1");
    assert_true(chain_ready(world.chain));
    world_close();
}

static void the_list_can_be_replaced_at_any_time(void **state)
{
    static const struct quarantined one[] = {AT("a", 1)}, other[] = {AT("a", 2), AT("a", 3)};

    (void)state;
    open_with(A OUT ERR, one, 1);
    world_take("k", "{}");
    world_expect("a:main out:main #0:out");
    world_ack_all();
    for (int i = 0; i < 100; i++)
        assert_true(chain_quarantine(world.chain, i % 2 ? other : one, i % 2 ? 2 : 1));
    world_take("k", "{}");
    world_take("k", "{}");
    world_expect(
        "done0 a:main out:main #1:out err:failed {a:Plugin crash: SIGSEGV} open key=k headers=0 value={} "
        "#2:errors");
    assert_true(chain_quarantine(world.chain, NULL, 0)); /* with one under way: its reason is its own */
    world_take("k", "{}");
    world_ack_all();
    world_expect("a:main out:main #3:out done1 done2 done3");
    world_close();
}

static void a_reason_outlives_the_list(void **state)
{
    static const struct quarantined one[] = {AT("a", 0)},
                                    other[] = {{9, 9, false, {"a", 1}, {"Zlugin zzzzz: SIGSEGV", 21}}};

    (void)state;
    open_with(A "[stage f]\nplugin = hook\nhook = @fickle\nfrom = *\n" OUT ERR, one, 1);
    retries = 1;
    world_take("k", "{}");
    world_expect("f(0)");
    for (int i = 0; i < 10; i++)
        assert_true(chain_quarantine(world.chain, other, 1));
    world_tick(60);
    world_ack_all();
    world_expect("f(0) err:failed {a:Plugin crash: SIGSEGV} open key=k headers=0 value={} #0:errors done0");
    world_close();
}

/* Every third of a thousand offsets, given backwards, in two partitions. */
static void each_of_many_is_found(void **state)
{
    struct quarantined items[668];
    size_t n = 0;

    (void)state;
    for (int i = 999; i >= 0; i -= 3) {
        struct quarantined item = AT("a", i);

        items[n++] = item;
        item.partition = i % 2 ? 2 : 4;
        items[n++] = item;
    }
    open_with(A OUT ERR, items, n);
    world.quiet = true;
    for (int i = 0; i < 1000; i++) {
        uint64_t before = world_count("a", "failed");

        world_take("k", "{}");
        world_ack_all();
        if ((world_count("a", "failed") != before) != (i % 3 == 0))
            fail_msg("offset %d", i);
    }
    assert_int_equal(world_count("a", "failed"), 334);
    world_close();
}

static int begin(void **state)
{
    (void)state;
    world.hooks = hooks;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_fails_at_the_stage_and_walks_on_behind),
        cmocka_unit_test(only_that_record_at_that_stage),
        cmocka_unit_test(two_stages_may_be_spared_one_record),
        cmocka_unit_test(behind_a_fail_closed_stage_nobody_sees_it),
        cmocka_unit_test(it_is_withheld_also_where_values_are_bytes),
        cmocka_unit_test(without_a_sink_for_failed_the_chain_stops),
        cmocka_unit_test(on_error_stop_stops),
        cmocka_unit_test(what_a_record_led_to_stops_the_chain),
        cmocka_unit_test(a_record_is_not_what_it_led_to),
        cmocka_unit_test(it_waits_behind_those_that_wait),
        cmocka_unit_test(the_list_can_be_replaced_at_any_time),
        cmocka_unit_test(a_reason_outlives_the_list),
        cmocka_unit_test(each_of_many_is_found),
    };

    return cmocka_run_group_tests(tests, begin, world_end);
}
