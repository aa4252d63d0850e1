/* test_emit.c: envelopes that stages make, batches that sinks hold, and timers. */
#include "world.h"

#define OUT "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n"
#define ERR "[stage err]\nplugin = hook_sink\nhook = @send\nfrom = failed\ntopic = errors\n"
#define MAKER "[stage maker]\nplugin = hook_emits\nhook = @emit\nemit = made\n"
#define MADE "[stage made]\nplugin = hook_sink\nhook = @send\nfrom = made\ntopic = made\n"
#define STAR "[stage star]\nplugin = hook\nhook = @pass\nfrom = *\n"
#define NAMED "[stage named]\nplugin = hook\nhook = @where\nfrom = made\nfield = n\n"
#define NAMED_LAZY "[stage lazy]\nplugin = hook\nhook = @pass\nfrom = made\nfield = n\n"
#define NESTED                                                                                               \
    MAKER "[stage next]\nplugin = hook_emits\nhook = @emit\nfrom = made\nemit = deep\n" OUT MADE             \
          "[stage deep]\nplugin = hook_sink\nhook = @send\nfrom = deep\ntopic = deep\n" ERR
#define BATCH "[stage batch]\nplugin = hook_sink\nhook = @batch\ntopic = batches\n"

/* Emits as many envelopes as the record's key has letters. */
static int32_t emit(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_str key = weir_key(env);

    (void)self;
    note_call(stage, env);
    for (size_t i = 0; i < key.len; i++)
        assert_int_equal(weir_emit(stage, str_make(key.ptr + i, 1), STR("{\"n\":1}")), WEIR_OK);
    return WEIR_PASS;
}

static int32_t emit_and_reject(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    emit(stage, self, env);
    return weir_reject(env, "not wanted");
}

/* Emits one that the stage v fails. */
static int32_t emit_failing(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note_call(stage, env);
    assert_int_equal(weir_emit(stage, STR("v-fail"), STR("{}")), WEIR_OK);
    return WEIR_PASS;
}

static int32_t emit_odd(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self, (void)env;
    note("%d", weir_emit(stage, STR_ABSENT, STR_ABSENT));
    note("%d", weir_emit(stage, STR_ABSENT, STR("[1]")));
    note("%d", weir_emit(stage, STR_ABSENT, STR("{\"a\":}")));
    note("%d", weir_emit(stage, STR_ABSENT, STR(" {} ")));
    return WEIR_PASS;
}

static int32_t where(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_coordinates at = weir_source(env);
    int64_t ts, n = 0;

    (void)self;
    note_call(stage, env);
    note("{" STR_FMT "/%d/%lld}", STR_ARG(at.topic), at.partition, (long long)at.offset);
    assert_false(weir_timestamp_ms(env, &ts));
    assert_int_equal(weir_header_count(env), 0);
    assert_false(weir_withheld(env));
    assert_int_equal(weir_get_int(env, self->field, &n), WEIR_OK);
    return verdict_of(stage, env);
}

static int32_t set_timer(struct weir_stage *stage, struct hook_self *self)
{
    (void)self;
    return weir_set_timer(stage, 250);
}

static int32_t emit_in_timer(struct weir_stage *stage, struct hook_self *self)
{
    (void)self;
    note("timer@%d", (int)(weir_now_ms(stage) - WORLD_NOW));
    assert_int_equal(weir_emit(stage, STR_ABSENT, STR("{\"n\":1}")), WEIR_OK);
    assert_int_equal(weir_set_timer(stage, 100), WEIR_OK);
    return WEIR_PASS;
}

static int32_t stop_in_timer(struct weir_stage *stage, struct hook_self *self)
{
    (void)stage, (void)self;
    return WEIR_STOP;
}

/* ---- a sink that holds two */

static int32_t send_batch(struct weir_stage *stage, struct hook_self *self)
{
    struct weir_message m = WEIR_MESSAGE_INIT;

    note("flush");
    m.topic = self->topic;
    m.value = STR("batch");
    self->own = NULL;
    assert_int_equal(weir_send(stage, NULL, &m), WEIR_OK);
    return WEIR_PASS;
}

static int32_t batch(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    note_call(stage, env);
    assert_int_equal(weir_hold(stage, env), WEIR_OK);
    assert_int_equal(weir_hold(stage, env), WEIR_MISUSE);
    if (self->own)
        return send_batch(stage, self);
    self->own = self;
    return WEIR_PASS;
}

/* Holds whatever comes. */
static int32_t keep(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    return weir_hold(stage, env);
}

static int32_t hold_and_fail(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    assert_int_equal(weir_hold(stage, env), WEIR_OK);
    return weir_fail(env, "no");
}

static int32_t tail(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note_call(stage, env);
    note("{" STR_FMT "|" STR_FMT "}", STR_ARG(weir_ended_topic(env)), STR_ARG(weir_reason(env)));
    return WEIR_PASS;
}

static const struct named_hook hooks[] = {
    {"pass", {.process = hook_pass}},
    {"send", {.process = hook_send}},
    {"emit", {.process = emit}},
    {"emit_and_reject", {.process = emit_and_reject}},
    {"where", {.process = where}},
    {"timer", {.create = set_timer, .process = hook_pass, .timer = emit_in_timer}},
    {"timer_stop", {.create = set_timer, .process = hook_pass, .timer = stop_in_timer}},
    {"batch", {.process = batch, .flush = send_batch}},
    {"keep", {.process = keep, .flush = send_batch}},
    {"timer_batch", {.create = set_timer, .process = hook_pass, .timer = send_batch}},
    {"emit_failing", {.process = emit_failing}},
    {"emit_odd", {.process = emit_odd}},
    {"hold_and_fail", {.process = hold_and_fail}},
    {"verdict", {.process = hook_verdict}},
    {"tail", {.process = tail}},
    {NULL, {0}},
};

/* ---- emitted in process */

static void emitted_envelopes_start_right_behind_their_stage(void **state)
{
    (void)state;
    world_open("[stage early]\nplugin = hook\nhook = @pass\nfrom = *\n" OUT ERR MAKER NAMED MADE);
    world_take("x", "{}");
    world_expect("early:main out:main #0:out");
    world_ack(0);
    world_expect("maker:main named:made {in/3/0} made:made #1:made");
    world_ack(1);
    world_expect("done0");
    world_close();
}

static void an_emitted_envelope_is_not_seen_by_stages_before_its_own(void **state)
{
    (void)state;
    world_open(MAKER MADE OUT
               "[stage second]\nplugin = hook_emits\nhook = @emit\nemit = made\n"
               "[stage late]\nplugin = hook_sink\nhook = @send\nfrom = made\ntopic = late\n" ERR);
    world_take("x", "{}");
    world_ack_all();
    world_expect(
        "maker:main made:made #0:made out:main #1:out late:made #2:late second:main late:made #3:late done0");
    world_close();
}

static void a_star_does_not_see_emitted_envelopes(void **state)
{
    (void)state;
    world_open(MAKER STAR OUT MADE ERR);
    world_take("x", "{}");
    world_expect("maker:main made:made #0:made star:main out:main #1:out");
    world_ack_all();
    world_expect("done0");
    world_close();
}

static void a_record_is_done_after_all_that_it_emitted(void **state)
{
    static const size_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        world_open(MAKER OUT MADE ERR);
        world_take("xy", "{}");
        world_expect("maker:main made:made #0:made made:made #1:made out:main #2:out");
        assert_int_equal(chain_in_flight(world.chain), 3);
        world_ack(orders[i][0]);
        world_ack(orders[i][1]);
        world_expect("");
        world_ack(orders[i][2]);
        world_expect("done0");
        assert_int_equal(chain_in_flight(world.chain), 0);
        assert_int_equal(chain_in_flight_bytes(world.chain), 0);
        world_close();
    }
}

static void a_dropped_record_waits_for_what_it_emitted(void **state)
{
    (void)state;
    world_open("[stage maker]\nplugin = hook_emits\nhook = @emit_and_reject\nemit = made\n" OUT MADE ERR);
    world_take("x", "{}");
    world_expect("maker:main made:made #0:made");
    world_ack(0);
    world_expect("done0");
    world_close();
}

static void emitted_by_emitted_belongs_to_its_parent(void **state)
{
    (void)state;
    world_open(NESTED);
    world_take("x", "{}");
    world_expect("maker:main next:made deep:deep #0:deep made:made #1:made out:main #2:out");
    world_ack(2);
    world_ack(1);
    world_expect("");
    world_ack(0);
    world_expect("done0");
    world_close();
}

static void expect_in_flight(size_t n)
{
    assert_int_equal(chain_in_flight(world.chain), n);
}

static void an_ended_record_leaves_its_end_to_its_only_child(void **state)
{
    (void)state;
    world_open(NESTED);
    world_take("x", "{}");
    world_expect("maker:main next:made deep:deep #0:deep made:made #1:made out:main #2:out");
    expect_in_flight(3);
    world_ack(2);
    expect_in_flight(2);
    world_ack(1);
    expect_in_flight(1);
    world_expect("");
    world_ack(0);
    world_expect("done0");
    expect_in_flight(0);

    world_take("x", "{}"); /* the child in the middle goes first: its own child is the record's then */
    world_expect("maker:main next:made deep:deep #3:deep made:made #4:made out:main #5:out");
    world_ack(4);
    expect_in_flight(2);
    world_ack(5);
    expect_in_flight(1);
    world_expect("");
    world_ack(3);
    world_expect("done1");
    expect_in_flight(0);
    world_close();
}

static void an_ended_record_with_two_children_waits_for_both(void **state)
{
    (void)state;
    world_open(MAKER OUT MADE ERR);
    world_take("xy", "{}");
    world_expect("maker:main made:made #0:made made:made #1:made out:main #2:out");
    world_ack(0);
    world_ack(2);
    expect_in_flight(2); /* who is the other is not known any more */
    world_expect("");
    world_ack(1);
    world_expect("done0");
    expect_in_flight(0);
    world_close();
}

static void a_refused_emitted_record_stops_the_chain(void **state)
{
    (void)state;
    world_open(MAKER OUT MADE ERR);
    world_take("x", "{}");
    world_answer(0, SEND_REFUSED, "no");
    world_stopped("stage \"made\": a record that the chain itself made failed: Publishing error: no");
    world_ack(1);
    world_expect("maker:main made:made #0:made out:main #1:out");
    world_close();
}

static void a_failed_emitted_record_stops_the_chain(void **state)
{
    (void)state;
    world_open("[stage maker]\nplugin = hook_emits\nhook = @emit_failing\nemit = made\n"
               "[stage v]\nplugin = hook\nhook = @verdict\nfrom = made\n" OUT MADE ERR);
    world_take(NULL, "{}");
    world_expect("maker:main v:made");
    world_stopped("stage \"v\": a record that the chain itself made failed: broken");
    world_close();
}

static void an_emitted_value_is_an_object_where_the_chain_has_json(void **state)
{
    (void)state;
    world_open("[stage maker]\nplugin = hook_emits\nhook = @emit_odd\nemit = made\n" OUT MADE ERR);
    world_take(NULL, "{}");
    world_expect("4 4 4 0 made:made #0:made out:main #1:out");
    world_ack_all();
    world_close();
    world_open("[stage maker]\nplugin = hook_emits\nhook = @emit_odd\nemit = made\n" OUT NAMED_LAZY MADE ERR);
    world_take(NULL, "{}");
    world_expect("4 4 4 0 lazy:made made:made #0:made out:main #1:out");
    world_ack_all();
    world_close();
    world_open(
        "value_format = bytes\n[stage maker]\nplugin = hook_emits\nhook = @emit_odd\nemit = made\n" OUT MADE
            ERR);
    world_take(NULL, "{}");
    world_expect(
        "0 0 0 0 made:made #0:made made:made #1:made made:made #2:made made:made #3:made out:main #4:out");
    world_ack_all();
    world_close();
}

/* ---- emitted in a timer */

static void a_timer_emits_what_belongs_to_no_record(void **state)
{
    (void)state;
    world_open(OUT ERR "[stage maker]\nplugin = hook_emits\nhook = @timer\nemit = made\n" NAMED MADE);
    assert_int_equal(world_tick(0), 250);
    assert_int_equal(world_tick(249), 1);
    world_expect("");
    assert_int_equal(world_tick(1), 100);
    world_expect("timer@250 named:made {in/-1/-1} made:made #0:made");
    assert_int_equal(world_tick(60), 40);
    world_ack(0);
    world_expect("");
    world_tick(40);
    world_expect("timer@350 named:made {in/-1/-1} made:made #1:made");
    world_answer(1, SEND_REFUSED, "no");
    world_stopped("stage \"made\": a record that the chain itself made failed: Publishing error: no");
    world_close();
}

static void a_timer_may_stop_the_chain(void **state)
{
    (void)state;
    world_open("[stage t]\nplugin = hook\nhook = @timer_stop\n" OUT ERR);
    assert_int_equal(world_tick(300), -1);
    world_stopped("stage \"t\": its timer asked for the stop");
    world_close();
}

/* ---- batches */

static void a_batch_releases_all_that_it_holds(void **state)
{
    (void)state;
    world_open(BATCH ERR "[stage tail]\nplugin = hook\nhook = @tail\nfrom = *\n");
    world_take(NULL, "{}");
    world_expect("batch:main");
    assert_int_equal(chain_in_flight(world.chain), 1);
    world_take(NULL, "{}");
    world_expect("batch:main flush #0:batches");
    assert_true(world.sends[0]->emitted);
    assert_true(str_is(world.sends[0]->value, "batch"));
    world_take(NULL, "{}"); /* held for the next one */
    world_expect("batch:main");
    world_ack(0);
    world_expect("tail:main {batches|} done0 tail:main {batches|} done1");
    chain_flush(world.chain);
    world_expect("flush #1:batches");
    chain_flush(world.chain); /* nothing is held: nobody is asked */
    world_expect("");
    world_ack(1);
    world_expect("tail:main {batches|} done2");
    world_close();
}

static void a_large_batch_releases_them_in_order(void **state)
{
    (void)state;
    world_open("[stage batch]\nplugin = hook_sink\nhook = @keep\ntopic = batches\n");
    for (int i = 0; i < 12; i++)
        world_take(NULL, "{}");
    chain_flush(world.chain);
    world_expect("flush #0:batches");
    assert_true(str_is(world.sends[0]->value, "batch"));
    world_ack(0);
    world_expect("done0 done1 done2 done3 done4 done5 done6 done7 done8 done9 done10 done11");
    assert_int_equal(chain_in_flight(world.chain), 0);
    world_close();
}

static void a_refused_batch_fails_each_of_its_envelopes(void **state)
{
    (void)state;
    world_open(BATCH ERR "[stage tail]\nplugin = hook\nhook = @tail\nfrom = *\n");
    world_take(NULL, "{}");
    world_take(NULL, "{}");
    world_expect("batch:main batch:main flush #0:batches");
    world_answer(0, SEND_TOO_LARGE, "too large");
    world_expect("err:failed #1:errors err:failed #2:errors");
    world_ack_all();
    world_expect("tail:failed {errors|Publishing error: too large} done0 "
                 "tail:failed {errors|Publishing error: too large} done1");
    assert_int_equal(world_count("batch", "failed"), 2);
    world_close();
}

static void a_refused_batch_that_nobody_waits_for_stops_the_chain(void **state)
{
    (void)state;
    world_open(OUT "[stage batch]\nplugin = hook_sink\nhook = @timer_batch\ntopic = batches\n" ERR);
    world_tick(250);
    world_expect("flush #0:batches");
    world_answer(0, SEND_REFUSED, "no");
    world_stopped("stage \"batch\": batches refused a record that the chain itself made: no");
    world_close();
}

static void a_verdict_other_than_pass_for_a_held_record_stops(void **state)
{
    (void)state;
    world_open("[stage h]\nplugin = hook_sink\nhook = @hold_and_fail\ntopic = out\n" ERR);
    world_take(NULL, "{}");
    world_stopped(
        "stage \"h\": the plugin gave a verdict other than PASS to a record that it holds; this is a fault "
        "of the plugin (the record at in partition 3 offset 0)");
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(emitted_envelopes_start_right_behind_their_stage),
        cmocka_unit_test(an_emitted_envelope_is_not_seen_by_stages_before_its_own),
        cmocka_unit_test(a_star_does_not_see_emitted_envelopes),
        cmocka_unit_test(a_record_is_done_after_all_that_it_emitted),
        cmocka_unit_test(an_ended_record_leaves_its_end_to_its_only_child),
        cmocka_unit_test(an_ended_record_with_two_children_waits_for_both),
        cmocka_unit_test(a_dropped_record_waits_for_what_it_emitted),
        cmocka_unit_test(emitted_by_emitted_belongs_to_its_parent),
        cmocka_unit_test(a_refused_emitted_record_stops_the_chain),
        cmocka_unit_test(a_failed_emitted_record_stops_the_chain),
        cmocka_unit_test(an_emitted_value_is_an_object_where_the_chain_has_json),
        cmocka_unit_test(a_timer_emits_what_belongs_to_no_record),
        cmocka_unit_test(a_timer_may_stop_the_chain),
        cmocka_unit_test(a_batch_releases_all_that_it_holds),
        cmocka_unit_test(a_large_batch_releases_them_in_order),
        cmocka_unit_test(a_refused_batch_fails_each_of_its_envelopes),
        cmocka_unit_test(a_refused_batch_that_nobody_waits_for_stops_the_chain),
        cmocka_unit_test(a_verdict_other_than_pass_for_a_held_record_stops),
    };

    world.hooks = hooks;
    return cmocka_run_group_tests(tests, NULL, world_end);
}
