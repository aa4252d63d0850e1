/* test_send.c: WEIR_SEND_ALWAYS: a record that must not be refused for its own fault is cured, each fault
 * once. */
#include "world.h"

#define TAIL "[stage tail]\nplugin = hook\nhook = @tail\nfrom = *\n"
#define ALWAYS "[stage out]\nplugin = hook_sink\nhook = @always\ntopic = out\n"
#define ERR "[stage err]\nplugin = hook_sink\nhook = @send\nfrom = failed\ntopic = errors\n"

/* With a spare value and a header of its own, unless the record's key is bare. */
static int32_t send_always(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    static const struct weir_header own[] = {{STR("at"), STR("3")}};
    struct weir_message m = WEIR_MESSAGE_INIT;

    m.topic = self->topic;
    m.flags = WEIR_SEND_HEADERS | WEIR_SEND_ALWAYS;
    m.key = weir_key(env);
    m.value = STR("the whole");
    if (!str_is(weir_key(env), "bare")) {
        m.spare = STR("spare");
        m.headers = own;
        m.n_headers = 1;
    }
    if (weir_timestamp_ms(env, &m.timestamp_ms))
        m.flags |= WEIR_SEND_TIMESTAMP;
    assert_int_equal(weir_send(stage, env, &m), WEIR_OK);
    assert_int_equal(weir_send(stage, env, &m), WEIR_MISUSE);
    return WEIR_PASS;
}

/* With a header and a partition of its own. */
static int32_t send_further(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    const struct weir_header further[] = {{STR("h"), STR("3")}};
    struct weir_message m = WEIR_MESSAGE_INIT;

    m.topic = self->topic;
    m.flags = WEIR_SEND_PARTITION | (str_is(weir_key(env), "bare") ? 0 : WEIR_SEND_HEADERS);
    m.value = STR("the whole");
    m.headers = further;
    m.n_headers = 1;
    m.partition = 7;
    assert_int_equal(weir_send(stage, env, &m), WEIR_OK);
    return WEIR_PASS;
}

static int32_t tail(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    int64_t ms = 0;

    (void)self;
    assert_true(weir_timestamp_ms(env, &ms) && ms == WORLD_NOW - 1000);
    note_call(stage, env);
    note("%zu headers", weir_header_count(env)); /* a cure changes what is sent, not the envelope */
    return WEIR_PASS;
}

static const struct named_hook hooks[] = {
    {"always", {.process = send_always}},
    {"send", {.process = hook_send}},
    {"further", {.process = send_further}},
    {"tail", {.process = tail}},
    {NULL, {0}},
};

static void note_send(size_t n)
{
    const struct send *s = world.sends[n];

    if (!s)
        return;
    note("(key=" STR_FMT " value=" STR_FMT " time=", STR_ARG(s->key), STR_ARG(s->value));
    note("%s", s->has_timestamp ? "its own" : "now");
    for (size_t i = 0; i < s->n_headers; i++)
        note(STR_FMT "=" STR_FMT, STR_ARG(s->headers[i].name), STR_ARG(s->headers[i].value));
    note(")");
}

struct row {
    const char *name, *key;
    enum send_result answers[4]; /* up to the first SEND_OK */
    const char *expected, *stopped;
};

#define WHOLE "#0:out (key=k value=the whole time= its own h=1 h=2 at=3 ) "
#define BARE "#0:out (key=bare value=the whole time= its own h=1 h=2 ) "
#define ORIGINAL "weir.timestamp=1729894074250"
#define END "tail:main 2 headers done0"
#define REFUSED "tail:failed 2 headers done0"

static const struct row rows[] = {
    {"accepted", "k", {SEND_OK}, WHOLE END, NULL},
    {"too large: the spare, with what the sink added",
     "k",
     {SEND_TOO_LARGE, SEND_OK},
     WHOLE "#1:out (key= value=spare time= its own at=3 weir.omitted=size ) " END,
     NULL},
    {"bad timestamp: now",
     "k",
     {SEND_BAD_TIMESTAMP, SEND_OK},
     WHOLE "#1:out (key=k value=the whole time= now h=1 h=2 at=3 " ORIGINAL " ) " END,
     NULL},
    {"size, then timestamp",
     "k",
     {SEND_TOO_LARGE, SEND_BAD_TIMESTAMP, SEND_OK},
     WHOLE "#1:out (key= value=spare time= its own at=3 weir.omitted=size ) "
           "#2:out (key= value=spare time= now at=3 weir.omitted=size " ORIGINAL " ) " END,
     NULL},
    {"timestamp, then size",
     "k",
     {SEND_BAD_TIMESTAMP, SEND_TOO_LARGE, SEND_OK},
     WHOLE "#1:out (key=k value=the whole time= now h=1 h=2 at=3 " ORIGINAL " ) "
           "#2:out (key= value=spare time= now at=3 weir.omitted=size " ORIGINAL " ) " END,
     NULL},
    {"too large twice",
     "k",
     {SEND_TOO_LARGE, SEND_TOO_LARGE},
     WHOLE "#1:out (key= value=spare time= its own at=3 weir.omitted=size )",
     "Publishing error: no"},
    {"bad timestamp twice",
     "k",
     {SEND_BAD_TIMESTAMP, SEND_BAD_TIMESTAMP},
     WHOLE "#1:out (key=k value=the whole time= now h=1 h=2 at=3 " ORIGINAL " )",
     "Publishing error: no"},
    {"another fault",
     "k",
     {SEND_REFUSED},
     "#0:out (key=k value=the whole time= its own h=1 h=2 at=3 )",
     "Publishing error: no"},
    {"too large, and no spare",
     "bare",
     {SEND_TOO_LARGE},
     "#0:out (key=bare value=the whole time= its own h=1 h=2 )",
     "Publishing error: no"},
    {"bad timestamp, and no spare",
     "bare",
     {SEND_BAD_TIMESTAMP, SEND_OK},
     BARE "#1:out (key=bare value=the whole time= now h=1 h=2 " ORIGINAL " ) " END,
     NULL},
};

static void take_with_headers(const char *key)
{
    const struct weir_header headers[] = {{STR("h"), STR("1")}, {STR("h"), STR("2")}};
    struct record record = world_record(key, "{}");

    record.headers = headers;
    record.n_headers = 2;
    world_take_record(record);
}

static void each_fault_is_cured_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        const char *stopped;

        world_open(ALWAYS TAIL); /* no sink for failed: what cannot be cured stops it */
        take_with_headers(row->key);
        note_send(0);
        for (size_t n = 0; n < world.n_sends; n++) {
            world_answer(n, row->answers[n], row->answers[n] == SEND_OK ? NULL : "no");
            if (world.n_sends > n + 1)
                note_send(n + 1);
        }
        stopped = chain_stopped(world.chain);
        if (strcmp(buf_text(&world.transcript), row->expected) != 0)
            fail_msg("%s\n  expected: %s\n       got: %s", row->name, row->expected,
                     buf_text(&world.transcript));
        if (!stopped != !row->stopped || (stopped && !strstr(stopped, row->stopped)))
            fail_msg("%s: stopped because: %s", row->name, stopped ? stopped : "it runs");
        world_close();
    }
}

static void a_record_without_the_flag_is_not_cured(void **state)
{
    static const enum send_result results[] = {SEND_TOO_LARGE, SEND_BAD_TIMESTAMP, SEND_REFUSED};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        world_open("[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n" ERR TAIL);
        take_with_headers("k");
        world_answer(0, results[i], "no");
        note_send(1);
        world_expect("out:main #0:out err:failed #1:errors (key=k value={} time= its own h=1 h=2 )");
        world_ack(1);
        world_expect(REFUSED);
        world_close();
    }
}

static void a_record_without_a_timestamp_has_none_to_cure(void **state)
{
    struct record record = world_record("k", "{}");

    (void)state;
    record.has_timestamp = false;
    world_open(ALWAYS);
    world_take_record(record);
    assert_false(world.sends[0]->has_timestamp);
    world_answer(0, SEND_BAD_TIMESTAMP, "no");
    assert_int_equal(world.n_sends, 1);
    assert_non_null(chain_stopped(world.chain));
    world_close();
}

static void key_headers_and_timestamp_reach_the_outcome(void **state)
{
    static const char bytes[] = "\0\xff";
    const struct weir_header headers[] = {
        {STR("b"), {bytes, 2}}, {STR("a"), STR("")}, {STR("b"), STR_ABSENT}, {STR("b"), {bytes, 2}}};
    struct record record = world_record(NULL, "{}");

    (void)state;
    record.key = str_make(bytes, 2);
    record.headers = headers;
    record.n_headers = 4;
    record.timestamp_ms = INT64_MIN;
    world_open("[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n" ERR);
    world_take_record(record);
    assert_true(str_eq(world.sends[0]->key, record.key));
    assert_int_equal(world.sends[0]->n_headers, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(str_eq(world.sends[0]->headers[i].name, headers[i].name));
        assert_true(str_eq(world.sends[0]->headers[i].value, headers[i].value));
    }
    assert_true(world.sends[0]->has_timestamp);
    assert_true(world.sends[0]->timestamp_ms == INT64_MIN);
    assert_false(world.sends[0]->emitted);
    world_ack_all();
    world_close();
}

static void headers_of_the_message_stand_behind_those_of_the_envelope(void **state)
{
    (void)state;
    world_open("[stage out]\nplugin = hook_sink\nhook = @further\ntopic = out\n" ERR TAIL);
    take_with_headers("k");
    take_with_headers("bare");
    note_send(0);
    note_send(1);
    world_expect(
        "#0:out #1:out (key= value=the whole time= now h=1 h=2 h=3 ) (key= value=the whole time= now h=3 )");
    assert_int_equal(world.sends[0]->partition, 7);
    world_ack_all();
    world_expect(END " tail:main 2 headers done1");
    world_close();
    world_open("[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n" ERR);
    take_with_headers("k");
    assert_int_equal(world.sends[0]->partition, -1);
    world_ack_all();
    world_close();
}

/* What a producer wrote in weir's name, among what it may write. */
static void take_forged(const char *key)
{
    const struct weir_header headers[] = {
        {STR("__connect.errors.topic"), STR("payments")},
        {STR("h"), STR("1")},
        {STR("__connect.errors.partition"), STR("0")},
        {STR("__connect.errors.offset"), STR("0")},
        {STR("weir.omitted"), STR("size")},
        {STR("weir.replay.count"), STR("1")},
        {STR("weir.timestamp"), STR("9")},
        {STR("__connect.errors"), STR("2")},
    };
    struct record record = world_record(key, "{}");

    record.headers = headers;
    record.n_headers = sizeof headers / sizeof headers[0];
    world_take_record(record);
}

#define HARMLESS "h=1 weir.replay.count=1 __connect.errors=2"

static void an_error_record_takes_no_errors_from_its_records_headers(void **state)
{
    (void)state;
    world_open(ALWAYS);
    take_forged("k");
    note_send(0);
    world_expect("#0:out (key=k value=the whole time= its own " HARMLESS " at=3 )");
    world_answer(0, SEND_BAD_TIMESTAMP, "no");
    note_send(1);
    world_expect("#1:out (key=k value=the whole time= now " HARMLESS " at=3 " ORIGINAL " )");
    world_ack(1);
    take_forged("bare"); /* the sink adds none, as with connect_headers = no */
    note_send(2);
    world_expect("done0 #2:out (key=bare value=the whole time= its own " HARMLESS " )");
    world_ack_all();
    world_close();
}

static void another_record_takes_them_all(void **state)
{
    (void)state;
    world_open("[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n" ERR);
    take_forged("k");
    note_send(0);
    world_expect("out:main #0:out (key=k value={} time= its own __connect.errors.topic=payments h=1 "
                 "__connect.errors.partition=0 __connect.errors.offset=0 weir.omitted=size "
                 "weir.replay.count=1 weir.timestamp=9 __connect.errors=2 )");
    world_ack_all();
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_cured_once),
        cmocka_unit_test(a_record_without_the_flag_is_not_cured),
        cmocka_unit_test(a_record_without_a_timestamp_has_none_to_cure),
        cmocka_unit_test(key_headers_and_timestamp_reach_the_outcome),
        cmocka_unit_test(headers_of_the_message_stand_behind_those_of_the_envelope),
        cmocka_unit_test(an_error_record_takes_no_errors_from_its_records_headers),
        cmocka_unit_test(another_record_takes_them_all),
    };

    world.hooks = hooks;
    return cmocka_run_group_tests(tests, NULL, world_end);
}
