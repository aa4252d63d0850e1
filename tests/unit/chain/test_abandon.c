/* test_abandon.c: what is under way vanishes: no stage sees it again, nothing is done, and the chain goes on
 * as if it had never come; and what a send says of whom it was made for. */
#include "world.h"

static int held;

static int32_t hold(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note_call(stage, env);
    assert_int_equal(weir_hold(stage, env), WEIR_OK);
    held++;
    return WEIR_PASS;
}

static int32_t flush(struct weir_stage *stage, struct hook_self *self)
{
    struct weir_message m = WEIR_MESSAGE_INIT;

    note("flush%d", held);
    held = 0;
    m.topic = self->topic;
    m.value = STR("{}");
    assert_int_equal(weir_send(stage, NULL, &m), WEIR_OK);
    return WEIR_PASS;
}

static int32_t emit(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note_call(stage, env);
    assert_int_equal(weir_emit(stage, STR_ABSENT, STR("{}")), WEIR_OK);
    return WEIR_PASS;
}

static int32_t send_always(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_message m = WEIR_MESSAGE_INIT;

    (void)env;
    m.topic = self->topic;
    m.flags = WEIR_SEND_ALWAYS;
    m.value = m.spare = STR("{}");
    assert_int_equal(weir_send(stage, env, &m), WEIR_OK);
    return WEIR_PASS;
}

static const struct named_hook hooks[] = {
    {"send", {.process = hook_send}},
    {"always", {.process = send_always}},
    {"hold", {.process = hold, .flush = flush}},
    {"emit", {.process = emit}},
    {"verdict", {.process = hook_verdict}},
    {NULL, {0}},
};

/* Answers what is out as the world does before chain_abandon(). */
static void abandon(void)
{
    for (size_t i = 0; i < world.n_sends; i++) {
        if (world.sends[i])
            world_answer(i, SEND_DROPPED, NULL);
    }
    chain_abandon(world.chain);
    assert_int_equal(chain_in_flight(world.chain), 0);
    assert_int_equal(chain_in_flight_bytes(world.chain), 0);
    assert_true(chain_ready(world.chain));
}

static void what_waits_for_an_answer_vanishes(void **state)
{
    (void)state;
    world_open("[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n");
    world_take(NULL, "{}");
    world_take(NULL, "{}");
    world_expect("out:main #0:out out:main #1:out");
    abandon();
    world_expect("");
    world_take(NULL, "{}");
    world_ack(2);
    world_expect("out:main #2:out done2");
    world_close();
}

static void what_a_sink_holds_vanishes_and_its_batch_begins_anew(void **state)
{
    (void)state;
    held = 0;
    world_open("[stage out]\nplugin = hook_sink\nhook = @hold\ntopic = out\n");
    world_take(NULL, "{}");
    world_take(NULL, "{}");
    abandon();
    world_expect("out:main out:main flush2"); /* and nothing goes out */
    world_take(NULL, "{}");
    chain_flush(world.chain);
    world_ack(0);
    world_expect("out:main flush1 #0:out done2");
    world_close();
}

static void what_was_sent_as_a_batch_vanishes(void **state)
{
    (void)state;
    held = 0;
    world_open("[stage out]\nplugin = hook_sink\nhook = @hold\ntopic = out\n");
    world_take(NULL, "{}");
    chain_flush(world.chain);
    abandon();
    world_expect("out:main flush1 #0:out");
    world_close();
}

static void what_waits_for_a_retry_vanishes(void **state)
{
    (void)state;
    world_open("[stage a]\nplugin = hook\nhook = @verdict\n"
               "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n");
    world_take("a-retry", "{}");
    assert_false(chain_ready(world.chain));
    abandon();
    world_expect("a:main");
    assert_int_equal(world_tick(100000), -1);
    world_expect("");
    world_close();
}

static void what_was_emitted_vanishes_with_its_record(void **state)
{
    (void)state;
    world_open("[stage a]\nplugin = hook_emits\nhook = @emit\nemit = m\n"
               "[stage m]\nplugin = hook_sink\nhook = @send\nfrom = m\ntopic = m\n"
               "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n");
    world_take(NULL, "{}");
    world_ack(1); /* the record has ended, and waits for what it emitted */
    world_expect("a:main m:m #0:m out:main #1:out");
    abandon();
    world_take(NULL, "{}");
    world_ack_all();
    world_expect("a:main m:m #2:m out:main #3:out done1");
    world_close();
}

static void assert_origin(size_t n, int32_t partition, int64_t offset, uint32_t stage, uint32_t form)
{
    const struct send_origin *o = &world.sends[n]->origin;

    if (o->partition != partition || o->offset != offset || o->stage != stage || o->form != form)
        fail_msg("send %zu: %d %lld %u %u, want %d %lld %u %u", n, (int)o->partition, (long long)o->offset,
                 o->stage, o->form, (int)partition, (long long)offset, stage, form);
}

static void a_send_says_whom_it_was_made_for(void **state)
{
    (void)state;
    held = 0;
    world_open("[stage a]\nplugin = hook_emits\nhook = @emit\nemit = m\n"
               "[stage m]\nplugin = hook_sink\nhook = @send\nfrom = m\ntopic = m\n"
               "[stage out]\nplugin = hook_sink\nhook = @always\ntopic = out\n");
    world_take(NULL, "{}");
    world_take(NULL, "{}");
    assert_origin(0, 3, 0, 1, 4);
    assert_origin(1, 3, 0, 2, 0);
    assert_origin(3, 3, 1, 2, 0);
    world_answer(3, SEND_TOO_LARGE, "too large");
    assert_origin(4, 3, 1, 2, 1); /* the cured one is another */
    world_ack_all();
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_for_an_answer_vanishes),
        cmocka_unit_test(what_a_sink_holds_vanishes_and_its_batch_begins_anew),
        cmocka_unit_test(what_was_sent_as_a_batch_vanishes),
        cmocka_unit_test(what_waits_for_a_retry_vanishes),
        cmocka_unit_test(what_was_emitted_vanishes_with_its_record),
        cmocka_unit_test(a_send_says_whom_it_was_made_for),
    };

    world.hooks = hooks;
    return cmocka_run_group_tests(tests, NULL, world_end);
}
