/* test_parse.c: where in a chain the value is parsed, what becomes of one that does not parse, and values
 * that stages set. */
#include "world.h"

#define OUT "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n"
#define ERR "[stage err]\nplugin = hook_sink\nhook = @send\nfrom = failed\ntopic = errors\n"
#define LOOK "[stage look]\nplugin = hook\nhook = @look\nfield = n\nfrom = *\n"

/* Notes what the stage sees of the value. */
static int32_t look(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_str value = STR_ABSENT, raw = STR("?");
    int32_t status = weir_value(env, &value);

    note_call(stage, env);
    note("%s value%d=" STR_FMT, weir_withheld(env) ? "withheld" : "open", status, STR_ARG(value));
    if (self->field) {
        note("type%d", weir_field_type(env, self->field));
        note("get%d", weir_get_raw(env, self->field, &raw));
        note("set%d", weir_set_raw(env, self->field, raw));
        note("remove%d", weir_withheld(env) ? weir_remove(env, self->field) : -1);
    }
    return WEIR_PASS;
}

static int32_t reason(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_str text = weir_reason(env), failed = weir_failed_stage(env);

    (void)stage, (void)self;
    note("{" STR_FMT "|" STR_FMT "}", STR_ARG(text), STR_ARG(failed));
    return WEIR_PASS;
}

/* Sets the value to the option `text`, and looks at it at once. */
static int32_t set_value(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_str value;
    int64_t n = -1;
    int32_t status = 0;

    (void)stage;
    weir_value(env, &value); /* asked for before, too */
    note("set%d", weir_set_value(env, str_is(self->text, "none") ? STR_ABSENT : self->text));
    if (self->field)
        status = weir_get_int(env, self->field, &n);
    if (self->field)
        note("n%d=%d", status, (int)n);
    if (weir_value(env, &value) == WEIR_OK)
        note("value=" STR_FMT, STR_ARG(value));
    if (self->other) {
        assert_int_equal(weir_set_raw(env, self->other, STR("9")), WEIR_OK);
        assert_int_equal(weir_value(env, &value), WEIR_OK);
        note("then=" STR_FMT, STR_ARG(value));
    }
    return WEIR_PASS;
}

static int32_t reject_old(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note_call(stage, env);
    return str_is(weir_key(env), "old") ? weir_reject(env, "too old") : WEIR_PASS;
}

static const struct named_hook hooks[] = {
    {"pass", {.process = hook_pass}},
    {"send", {.process = hook_send}},
    {"look", {.process = look}},
    {"reason", {.process = reason}},
    {"set_value", {.process = set_value}},
    {"old", {.process = reject_old}},
    {NULL, {0}},
};

static void a_value_that_does_not_parse_is_withheld_and_failed(void **state)
{
    static char deep[20001];
    const struct {
        const char *name, *value, *reason;
    } rows[] = {
        {"a tombstone", NULL, "the record has no value (a tombstone)"},
        {"nothing", "", ""},
        {"blanks", "  ", ""},
        {"a scalar", "1", ""},
        {"a string", "\"hush\"", ""},
        {"an array", "[{}]", ""},
        {"null", "null", ""},
        {"cut short", "{\"n\": 1", ""},
        {"two", "{}{}", ""},
        {"a byte-order mark", "\xef\xbb\xbf{}", ""},
        {"no UTF-8", "{\"n\": \"\xff\"}", ""},
        {"a raw control character", "{\"n\": \"\x01\"}", ""},
        {"10,000 deep", deep, ""},
        {"words of other languages", "{\"n\": NaN}", ""},
    };

    (void)state;
    memcpy(deep, "{\"n\":", 5);
    memset(deep + 5, '[', 9990);
    memset(deep + 9995, ']', 9990);
    deep[19985] = '}';
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text;

        world_open(LOOK OUT ERR "[stage why]\nplugin = hook\nhook = @reason\nfrom = *\n");
        world_take("k", rows[i].value);
        assert_int_equal(world.n_sends, 1);
        assert_null(world.sends[0]->value.ptr); /* withheld from the sink, too */
        assert_true(str_is(world.sends[0]->key, "k"));
        world_ack_all();
        text = buf_text(&world.transcript);
        if (!str_starts(str_of(text),
                        STR("look:failed withheld value1= type0 get1 set1 remove1 err:failed #0:errors "
                            "{Message parsing error: ")) ||
            !strstr(text, rows[i].reason) || !strstr(text, "|parse} done0"))
            fail_msg("%s: %s", rows[i].name, text);
        assert_null(strstr(text, "hush"));
        world_close();
    }
}

static void a_value_that_parses_is_seen(void **state)
{
    (void)state;
    world_open(LOOK OUT ERR);
    world_take(NULL, " { \"n\" : 1.0e+00 } ");
    world_expect("look:main open value0= { \"n\" : 1.0e+00 }  type3 get0 set0 remove-1 out:main #0:out");
    assert_true(str_is(world.sends[0]->value, " { \"n\" : 1.0e+00 } "));
    world_ack_all();
    world_close();
}

static void what_needs_no_value_runs_before_the_parse(void **state)
{
    (void)state;
    world_open(
        "[stage age]\nplugin = hook\nhook = @old\n[stage raw]\nplugin = hook\nhook = @look\n" LOOK OUT ERR);
    world_take("old", "no json");
    world_expect("age:main done0"); /* dropped, and never judged */
    world_take("new", "no json");
    world_expect("age:main raw:main open value0=no json look:failed withheld value1= type0 get1 set1 remove1 "
                 "err:failed #0:errors");
    world_ack_all();
    world_close();
}

static void the_parse_stands_before_whoever_could_see_the_value(void **state)
{
    static const char *const firsts[] = {
        "[stage x]\nplugin = hook\nhook = @pass\nfield = n\n",
        "[stage x]\nplugin = hook\nhook = @pass\nwhen = exists n\n",
        "[stage x]\nplugin = hook_sink\nhook = @send\ntopic = x\n",
        "[stage x]\nplugin = hook_guard\nhook = @pass\n[stage o]\nplugin = hook_sink\nhook = @send\ntopic = "
        "o\n",
        ("[stage x]\nplugin = hook_emits\nhook = @pass\nemit = m\n"
         "[stage o]\nplugin = hook_sink\nhook = @send\ntopic = o\nfrom = main, m\n"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        char text[1024];

        snprintf(text, sizeof text, "[stage first]\nplugin = hook\nhook = @pass\n%s%s", firsts[i], OUT ERR);
        world_open(text);
        world_take(NULL, "no json");
        if (strcmp(buf_text(&world.transcript), i == 3 ? "first:main x:failed err:failed #0:errors"
                                                       : "first:main err:failed #0:errors") != 0)
            fail_msg("%s: %s", firsts[i], buf_text(&world.transcript));
        world_ack_all();
        world_close();
    }
}

static void a_chain_of_bytes_parses_nothing(void **state)
{
    (void)state;
    world_open("value_format = bytes\n[stage raw]\nplugin = hook\nhook = @look\n" OUT ERR);
    world_take(NULL, "\xff no json");
    world_take(NULL, NULL);
    world_expect("raw:main open value0=\xff no json out:main #0:out raw:main open value1= out:main #1:out");
    assert_true(str_is(world.sends[0]->value, "\xff no json"));
    assert_null(world.sends[1]->value.ptr);
    world_ack_all();
    world_close();
}

static void a_field_in_a_chain_of_bytes_is_an_error(void **state)
{
    (void)state;
    assert_false(world_load("value_format = bytes\n" LOOK OUT ERR));
    assert_true(world.diag.errors == 1);
    assert_non_null(strstr(world.diag.items[0].text, "values are bytes"));
    world_close();
}

static void a_value_that_a_stage_sets_is_parsed_again(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"{\"n\": 2}", "set0 n0=2 value={\"n\": 2} then={\"n\": 2,\"m\":9} out:main #0:out"},
        {"{\"m\": 2}", "set0 n1=-1 value={\"m\": 2} then={\"m\": 9} out:main #0:out"},
        {"[1]", "set4 n0=1 value={\"n\": 1} then={\"n\": 1,\"m\":9} out:main #0:out"},
        {"none", "set4 n0=1 value={\"n\": 1} then={\"n\": 1,\"m\":9} out:main #0:out"},
        {"{", "set4 n0=1 value={\"n\": 1} then={\"n\": 1,\"m\":9} out:main #0:out"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];

        snprintf(text, sizeof text,
                 "[stage s]\nplugin = hook\nhook = @set_value\nfield = n\nother = m\ntext = %s\n%s",
                 rows[i].text, OUT ERR);
        world_open(text);
        world_take(NULL, "{\"n\": 1}");
        if (strcmp(buf_text(&world.transcript), rows[i].expected) != 0)
            fail_msg("%s\n  expected: %s\n       got: %s", rows[i].text, rows[i].expected,
                     buf_text(&world.transcript));
        world_ack_all();
        world_close();
    }
}

static void a_value_set_before_the_parse_is_what_is_parsed(void **state)
{
    (void)state;
    world_open("[stage s]\nplugin = hook\nhook = @set_value\ntext = {\"n\": 5}\n" LOOK OUT ERR);
    world_take(NULL, "no json");
    world_expect(
        "set0 value={\"n\": 5} look:main open value0={\"n\": 5} type3 get0 set0 remove-1 out:main #0:out");
    world_ack_all();
    world_close();
}

static void a_withheld_value_cannot_be_set(void **state)
{
    (void)state;
    world_open("[stage s]\nplugin = hook\nhook = @set_value\nfield = n\nfrom = *\ntext = {}\n" OUT ERR);
    world_take(NULL, "no json");
    world_expect("set6 n1=-1 err:failed #0:errors");
    assert_null(world.sends[0]->value.ptr);
    world_ack_all();
    world_close();
}

static void a_parse_failure_without_a_sink_for_failed_stops(void **state)
{
    (void)state;
    world_open(LOOK OUT);
    world_take(NULL, NULL);
    world_expect("");
    world_stopped(
        "stage \"parse\": the record at in partition 3 offset 0 failed, and no sink behind this stage takes "
        "the route failed: Message parsing error: the record has no value (a tombstone)");
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_that_does_not_parse_is_withheld_and_failed),
        cmocka_unit_test(a_value_that_parses_is_seen),
        cmocka_unit_test(what_needs_no_value_runs_before_the_parse),
        cmocka_unit_test(the_parse_stands_before_whoever_could_see_the_value),
        cmocka_unit_test(a_chain_of_bytes_parses_nothing),
        cmocka_unit_test(a_field_in_a_chain_of_bytes_is_an_error),
        cmocka_unit_test(a_value_that_a_stage_sets_is_parsed_again),
        cmocka_unit_test(a_value_set_before_the_parse_is_what_is_parsed),
        cmocka_unit_test(a_withheld_value_cannot_be_set),
        cmocka_unit_test(a_parse_failure_without_a_sink_for_failed_stops),
    };

    world.hooks = hooks;
    return cmocka_run_group_tests(tests, NULL, world_end);
}
