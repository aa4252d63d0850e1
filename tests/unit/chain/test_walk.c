/* test_walk.c: verdicts, routes, and where an envelope waits and ends: the flow of a chain.
 *
 * The stages are the test's own callbacks; world.h explains the words of the transcripts. */
#include "world.h"

#define A "[stage a]\nplugin = hook\nhook = @verdict\n"
#define B "[stage b]\nplugin = hook\nhook = @pass\nfrom = *\n"
#define OUT "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n"
#define SIDE "[stage side]\nplugin = hook_sink\nhook = @send\nfrom = aside\ntopic = side\n"
#define ERR "[stage err]\nplugin = hook_sink\nhook = @send\nfrom = failed\ntopic = errors\n"
#define Z "[stage z]\nplugin = hook\nhook = @tail\nfrom = *\n"

/* Behind the sinks: notes where the record ended, and why. */
static int32_t tail(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_str topic = weir_ended_topic(env), reason = weir_reason(env), failed = weir_failed_stage(env);

    (void)self;
    note_call(stage, env);
    note("{" STR_FMT "|" STR_FMT "|" STR_FMT "}", STR_ARG(topic), STR_ARG(reason), STR_ARG(failed));
    return verdict_of(stage, env);
}

/* Changes all it can, then gives the verdict. */
static int32_t edit(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    assert_int_equal(weir_set_raw(env, self->field, STR("2")), WEIR_OK);
    assert_int_equal(weir_header_add(env, (struct weir_header){STR("seen"), STR("yes")}), WEIR_OK);
    return hook_verdict(stage, self, env);
}

static int32_t bare_fail(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)stage, (void)self, (void)env;
    return WEIR_FAIL;
}

/* Gives a reason and does not mean it. */
static int32_t idle_talk(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)stage, (void)self;
    weir_reject(env, "never mind");
    return WEIR_PASS;
}

/* Sends, and then wants something else than PASS. */
static int32_t send_then(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    hook_send(stage, self, env);
    return str_is(weir_key(env), "out-fail") ? weir_fail(env, "changed its mind") : WEIR_PASS;
}

/* A reason that it has put together itself: as printf() would, up to its length or its end. */
static int32_t spell(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    static const char text[] = "too\0late";
    struct weir_str key = weir_key(env);

    (void)stage, (void)self;
    if (str_is(key, "cut"))
        return weir_fail(env, "%.*s", 2, text);
    if (str_is(key, "longer"))
        return weir_fail(env, "%.*s", (int)sizeof text - 1, text);
    if (str_is(key, "to its end"))
        return weir_fail(env, "%.*s", -1, text);
    if (str_is(key, "nothing"))
        return weir_fail(env, "%.*s", 0, weir_ended_topic(env).ptr); /* NULL */
    return weir_fail(env, "%.*s!", 2, text);
}

static const struct named_hook hooks[] = {
    {"verdict", {.process = hook_verdict}},
    {"pass", {.process = hook_pass}},
    {"send", {.process = hook_send}},
    {"tail", {.process = tail}},
    {"edit", {.process = edit}},
    {"bare", {.process = bare_fail}},
    {"talk", {.process = idle_talk}},
    {"spell", {.process = spell}},
    {"send_then", {.process = send_then}},
    {NULL, {0}},
};

/* ---- one record through `a` (to = aside), sinks for three routes, and a stage behind them */

struct verdict_row {
    const char *name, *key, *expected, *stopped;
};

static const struct verdict_row verdict_rows[] = {
    {"pass", "a-pass", "a:main b:main out:main #0:out | z:main {out||} done0", NULL},
    {"reject goes to the route in `to`", "a-reject",
     "a:main b:aside side:aside #0:side | z:aside {side|not wanted|} done0", NULL},
    {"fail goes to failed", "a-fail",
     "a:main b:failed err:failed #0:errors | z:failed {errors|broken|a} done0", NULL},
    {"stop calls nobody else, and the record is never done", "a-stop", "a:main |", "stage \"a\": given up"},
    {"an unknown verdict stops", "a-strange", "a:main |",
     "stage \"a\": the plugin gave the unknown verdict 99"},
    {"a failure behind the last sink for failed stops", "z-fail",
     "a:main b:main out:main #0:out | z:main {out||}",
     "the record at in partition 3 offset 0 failed, and no sink behind this stage takes the route failed: "
     "broken"},
};

static void each_verdict_has_its_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof verdict_rows / sizeof verdict_rows[0]; i++) {
        const struct verdict_row *row = &verdict_rows[i];
        const char *stopped;

        world_open(A "to = aside\n" B OUT SIDE ERR Z);
        world_take(row->key, "{}");
        note("|");
        world_ack_all();
        stopped = chain_stopped(world.chain);
        if (strcmp(buf_text(&world.transcript), row->expected) != 0)
            fail_msg("%s\n  expected: %s\n       got: %s", row->name, row->expected,
                     buf_text(&world.transcript));
        if (!stopped != !row->stopped || (stopped && !strstr(stopped, row->stopped)))
            fail_msg("%s: stopped because: %s", row->name, stopped ? stopped : "it runs");
        assert_int_equal(chain_ready(world.chain), !stopped);
        assert_int_equal(chain_in_flight(world.chain), stopped ? 1 : 0);
        world_close();
    }
}

static void reject_without_to_drops_and_is_done_at_once(void **state)
{
    (void)state;
    world_open(A B OUT);
    world_take("a-reject", "{}");
    world_expect("a:main done0");
    assert_int_equal(world_count("a", "rejected"), 1);
    assert_int_equal(world_count("a", "dropped"), 1);
    assert_int_equal(chain_in_flight(world.chain), 0);
    world_close();
}

static void reject_with_to_does_not_count_as_dropped(void **state)
{
    (void)state;
    world_open(A "to = aside\n" OUT SIDE);
    world_take("a-reject", "{}");
    world_ack_all();
    assert_int_equal(world_count("a", "rejected"), 1);
    assert_int_equal(world_count("a", "dropped"), 0);
    world_close();
}

static void a_reason_is_formatted_as_by_printf(void **state)
{
    static const struct {
        const char *key, *expected;
    } rows[] = {{"cut", "{errors|to|a}"},
                {"longer", "{errors|too|a}"},
                {"to its end", "{errors|too|a}"},
                {"nothing", "{errors||a}"},
                {"else", "{errors|to!|a}"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world_open("[stage a]\nplugin = hook\nhook = @spell\n" OUT ERR Z);
        world_take(rows[i].key, "{}");
        world_ack_all();
        if (!strstr(buf_text(&world.transcript), rows[i].expected))
            fail_msg("%s\n  expected: %s\n       got: %s", rows[i].key, rows[i].expected,
                     buf_text(&world.transcript));
        world_close();
    }
}

static void a_verdict_without_a_reason_has_one(void **state)
{
    (void)state;
    world_open("[stage a]\nplugin = hook\nhook = @bare\n" OUT ERR Z);
    world_take(NULL, "{}");
    world_ack_all();
    world_expect("err:failed #0:errors z:failed {errors|no reason given|a} done0");
    world_close();
}

static void a_reason_belongs_to_its_call(void **state)
{
    (void)state;
    world_open("[stage t]\nplugin = hook\nhook = @talk\n[stage a]\nplugin = hook\nhook = @bare\n" OUT ERR Z);
    world_take(NULL, "{}");
    world_ack_all();
    world_expect("err:failed #0:errors z:failed {errors|no reason given|a} done0");
    world_close();
}

static void a_stage_sees_only_its_routes(void **state)
{
    (void)state;
    world_open(A "to = aside\n"
                 "[stage m]\nplugin = hook\nhook = @pass\n"
                 "[stage two]\nplugin = hook\nhook = @pass\nfrom = aside, failed\n" OUT SIDE ERR);
    world_take("a-pass", "{}");
    world_take("a-reject", "{}");
    world_take("a-fail", "{}");
    world_expect(
        "a:main m:main out:main #0:out a:main two:aside side:aside #1:side a:main two:failed err:failed "
        "#2:errors");
    world_ack_all();
    world_close();
}

static void the_last_reason_and_stage_count(void **state)
{
    (void)state;
    world_open(
        "[stage a]\nplugin = hook\nhook = @bare\n[stage b]\nplugin = hook\nhook = @verdict\nfrom = *\n" OUT
            ERR Z);
    world_take("b-fail", "{}");
    world_ack_all();
    world_expect("b:failed err:failed #0:errors z:failed {errors|broken|b} done0");
    world_close();
}

/* ---- edits */

static void edits_before_any_verdict_stay(void **state)
{
    static const char *const keys[] = {"e-pass", "e-reject", "e-fail"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        world_open("[stage e]\nplugin = hook\nhook = @edit\nfield = n\nto = aside\n" OUT SIDE ERR);
        world_take(keys[i], "{\"n\": 1, \"x\":  3}");
        assert_int_equal(world.n_sends, 1);
        assert_true(str_is(world.sends[0]->value, "{\"n\": 2, \"x\":  3}"));
        assert_int_equal(world.sends[0]->n_headers, 1);
        assert_true(str_is(world.sends[0]->headers[0].name, "seen"));
        world_ack_all();
        world_close();
    }
}

/* ---- sinks */

static void nobody_behind_a_sink_sees_the_record_before_its_acknowledgement(void **state)
{
    (void)state;
    world_open(OUT ERR Z);
    world_take(NULL, "{}");
    world_expect("out:main #0:out");
    assert_int_equal(chain_in_flight(world.chain), 1);
    assert_int_equal(chain_tick(world.chain), -1);
    world_expect("");
    world_ack(0);
    world_expect("z:main {out||} done0");
    world_close();
}

static void a_refused_record_walks_on_failed_behind_its_sink(void **state)
{
    (void)state;
    world_open(OUT ERR Z);
    world_take(NULL, "{}");
    world_answer(0, SEND_REFUSED, "too heavy");
    world_expect("out:main #0:out err:failed #1:errors");
    world_ack(1);
    world_expect("z:failed {errors|Publishing error: too heavy|out} done0");
    assert_int_equal(world_count("out", "failed"), 1);
    world_close();
}

static void a_refused_record_has_no_topic_where_it_ended(void **state)
{
    (void)state;
    world_open(OUT "[stage copy]\nplugin = hook_sink\nhook = @send\ntopic = copy\n" Z ERR);
    world_take(NULL, "{}");
    world_ack(0);
    world_answer(1, SEND_REFUSED, "no");
    world_expect(
        "out:main #0:out copy:main #1:copy z:failed {|Publishing error: no|copy} err:failed #2:errors");
    world_ack(2);
    world_close();
}

static void a_refusal_by_the_last_sink_for_failed_stops(void **state)
{
    (void)state;
    world_open(A OUT ERR Z);
    world_take("a-fail", "{}");
    world_answer(0, SEND_REFUSED, "too heavy");
    world_expect("a:main err:failed #0:errors");
    world_stopped(
        "stage \"err\": the record at in partition 3 offset 0 failed, and no sink behind this stage takes "
        "the route failed: Publishing error: too heavy");
    world_close();
}

static void a_broken_topic_stops_the_chain(void **state)
{
    (void)state;
    world_open(OUT ERR);
    world_take(NULL, "{}");
    world_take(NULL, "{}");
    world_answer(0, SEND_BROKEN, "no such topic");
    world_stopped("stage \"out\": cannot send to out: no such topic");
    world_expect("out:main #0:out out:main #1:out");
    world_ack(1); /* what is answered later moves nothing */
    world_expect("");
    world_close();
}

static void two_sinks_are_asked_one_after_the_other(void **state)
{
    (void)state;
    world_open(OUT "[stage copy]\nplugin = hook_sink\nhook = @send\ntopic = copy\n" ERR Z);
    world_take(NULL, "{}");
    world_expect("out:main #0:out");
    world_ack(0);
    world_expect("copy:main #1:copy");
    world_ack(1);
    world_expect("z:main {copy||} done0");
    world_close();
}

static void acknowledgements_may_come_in_any_order(void **state)
{
    (void)state;
    world_open(OUT ERR Z);
    for (int i = 0; i < 3; i++)
        world_take(NULL, "{}");
    world_expect("out:main #0:out out:main #1:out out:main #2:out");
    world_ack(2);
    world_ack(0);
    world_answer(1, SEND_REFUSED, "no");
    world_ack(3);
    world_expect("z:main {out||} done2 z:main {out||} done0 err:failed #3:errors z:failed "
                 "{errors|Publishing error: no|out} done1");
    world_close();
}

static void outcomes_of_a_sink_stand_in_offset_order(void **state)
{
    (void)state;
    world_open(A "to = aside\n" OUT SIDE ERR);
    for (int i = 0; i < 6; i++)
        world_take(i % 2 ? "a-reject" : NULL, "{}");
    for (size_t i = 0; i < 6; i++)
        assert_true(str_is(world.sends[i]->topic->name, i % 2 ? "side" : "out"));
    world_ack_all();
    world_close();
}

static void a_send_goes_out_with_its_pass_only(void **state)
{
    (void)state;
    world_open("[stage out]\nplugin = hook_sink\nhook = @send_then\ntopic = out\n" ERR);
    world_take("out-fail", "{}");
    world_expect("out:main err:failed #0:errors");
    world_ack_all();
    world_close();
}

/* ---- on_error, a chain without a sink for failed */

static void on_error_stop_stops_at_a_failure(void **state)
{
    (void)state;
    world_open(A "on_error = stop\n" OUT ERR);
    world_take("a-reject", "{}");
    world_stopped(NULL);
    world_take("a-fail", "{}");
    world_expect("a:main done0 a:main");
    world_stopped("stage \"a\": the record at in partition 3 offset 1 failed: broken (on_error = stop)");
    world_close();
}

static void on_error_stop_of_a_sink_stops_at_a_refusal(void **state)
{
    (void)state;
    world_open(OUT "on_error = stop\n" ERR);
    world_take(NULL, "{}");
    world_answer(0, SEND_TOO_LARGE, "too large");
    world_stopped("stage \"out\": Publishing error: too large (on_error = stop)");
    world_close();
}

static void a_chain_without_a_sink_for_failed_stops_at_the_first_failure(void **state)
{
    (void)state;
    world_open(A OUT);
    world_take("a-fail", "{}");
    world_expect("a:main");
    world_stopped(
        "stage \"a\": the record at in partition 3 offset 0 failed, and no sink behind this stage takes "
        "the route failed: broken");
    world_close();
}

static void a_stopped_chain_calls_no_stage(void **state)
{
    (void)state;
    world_open(A OUT ERR);
    world_take("a-stop", "{}");
    world_take("a-pass", "{}");
    chain_flush(world.chain);
    assert_int_equal(world_tick(100000), -1);
    world_expect("a:main");
    world_close();
}

/* ---- when */

static void a_predicate_that_does_not_hold_passes_the_stage_by(void **state)
{
    static const struct {
        const char *when, *value;
        bool sees;
    } rows[] = {
        {"exists x", "{\"x\": 1}", true},
        {"exists x", "{\"x\": null}", false},
        {"exists x", "{}", false},
        {"exists x.y", "{\"x\": 1}", false},
        {"missing x", "{}", true},
        {"missing x", "{\"x\": null}", true},
        {"missing x", "{\"x\": 0}", false},
        {"x == a b", "{\"x\": \"a b\"}", true},
        {"x == a", "{\"x\": \"b\"}", false},
        {"x == 1", "{\"x\": 1}", true},
        {"x == 1", "{\"x\": \"1\"}", true},
        {"x == 1", "{\"x\": 1.0}", false},
        {"x == true", "{\"x\": true}", true},
        {"x == null", "{\"x\": null}", true},
        {"x == a", "{}", false},
        {"x != a", "{}", true},
        {"x != a", "{\"x\": \"a\"}", false},
        {"x != a", "{\"x\": \"\\u0061\"}", false},
        {"x == a and exists y", "{\"x\": \"a\", \"y\": 1}", true},
        {"x == a and exists y", "{\"x\": \"a\"}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];

        snprintf(text, sizeof text, "[stage p]\nplugin = hook\nhook = @pass\nwhen = %s\n" OUT, rows[i].when);
        world_open(text);
        world_take(NULL, rows[i].value);
        if (strcmp(buf_text(&world.transcript),
                   rows[i].sees ? "p:main out:main #0:out" : "out:main #0:out") != 0)
            fail_msg("%s on %s: %s", rows[i].when, rows[i].value, buf_text(&world.transcript));
        world_ack_all();
        world_close();
    }
}

static void a_failure_that_no_sink_takes_stops_the_chain(void **state)
{
    (void)state;
    world_open(
        A OUT
        "[stage err]\nplugin = hook_sink\nhook = @send\nfrom = failed\ntopic = errors\nwhen = exists f\n");
    world_take("a-fail", "{\"f\": 1}");
    world_expect("a:main err:failed #0:errors");
    world_ack_all();
    world_stopped(NULL);
    world_take("a-fail", "{}");
    world_stopped(
        "stage \"a\": the record at in partition 3 offset 1 failed, and the `when` of each sink behind it "
        "that takes the route failed leaves it out: broken");
    world_close();
}

/* ---- the log */

static void the_first_record_of_each_reason_is_logged(void **state)
{
    static const char *const wanted[] = {"stage=a first record dropped: reason=\"not wanted\"",
                                         "stage=a first record failed: reason=\"broken\""};
    char text[8192] = "";
    int saved = dup(2), pipes[2];
    ssize_t n;

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    world_open(A OUT ERR);
    log_set_level(WEIR_LOG_INFO);
    dup2(pipes[1], 2);
    for (int i = 0; i < 3; i++) {
        world_take("a-reject", "{\"secret\": \"hush\"}");
        world_take("a-fail", "{\"secret\": \"hush\"}");
        world_take(NULL, "[\"hush\"]");
    }
    dup2(saved, 2);
    close(pipes[1]);
    n = read(pipes[0], text, sizeof text - 1);
    close(pipes[0]);
    close(saved);
    assert_true(n > 0);
    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(text, wanted[i]);

        if (!at || strstr(at + 1, wanted[i]))
            fail_msg("not once in the log: %s\n%s", wanted[i], text);
    }
    assert_non_null(strstr(text, " topic=in partition=3 offset=1\n"));
    assert_null(strstr(text, "hush"));
    world_ack_all();
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_verdict_has_its_path),
        cmocka_unit_test(reject_without_to_drops_and_is_done_at_once),
        cmocka_unit_test(reject_with_to_does_not_count_as_dropped),
        cmocka_unit_test(a_verdict_without_a_reason_has_one),
        cmocka_unit_test(a_reason_is_formatted_as_by_printf),
        cmocka_unit_test(a_reason_belongs_to_its_call),
        cmocka_unit_test(a_stage_sees_only_its_routes),
        cmocka_unit_test(the_last_reason_and_stage_count),
        cmocka_unit_test(edits_before_any_verdict_stay),
        cmocka_unit_test(nobody_behind_a_sink_sees_the_record_before_its_acknowledgement),
        cmocka_unit_test(a_refused_record_walks_on_failed_behind_its_sink),
        cmocka_unit_test(a_refused_record_has_no_topic_where_it_ended),
        cmocka_unit_test(a_refusal_by_the_last_sink_for_failed_stops),
        cmocka_unit_test(a_broken_topic_stops_the_chain),
        cmocka_unit_test(two_sinks_are_asked_one_after_the_other),
        cmocka_unit_test(acknowledgements_may_come_in_any_order),
        cmocka_unit_test(outcomes_of_a_sink_stand_in_offset_order),
        cmocka_unit_test(a_send_goes_out_with_its_pass_only),
        cmocka_unit_test(on_error_stop_stops_at_a_failure),
        cmocka_unit_test(a_failure_that_no_sink_takes_stops_the_chain),
        cmocka_unit_test(on_error_stop_of_a_sink_stops_at_a_refusal),
        cmocka_unit_test(a_chain_without_a_sink_for_failed_stops_at_the_first_failure),
        cmocka_unit_test(a_stopped_chain_calls_no_stage),
        cmocka_unit_test(a_predicate_that_does_not_hold_passes_the_stage_by),
        cmocka_unit_test(the_first_record_of_each_reason_is_logged),
    };

    world.hooks = hooks;
    return cmocka_run_group_tests(tests, NULL, world_end);
}
