/* test_services.c: the host's services as a plugin sees them: headers, key, misuse, counters, memory.
 *
 * Fields are test_json.c's. That a record costs no malloc in the steady state is counted by malloc functions
 * of this program's own, which stand in front of the C library's; under a sanitizer, which has its own, that
 * test only runs the records. */
#include "world.h"

#define OUT "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n"
#define ERR "[stage err]\nplugin = hook_sink\nhook = @send\nfrom = failed\ntopic = errors\n"

/* ---- counting */

static size_t allocations;

#if defined(__has_feature)
#define HAS(feature) __has_feature(feature)
#else
#define HAS(feature) 0
#endif
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !HAS(address_sanitizer) &&            \
    !HAS(thread_sanitizer)
#define COUNTED 1
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}
#else
#define COUNTED 0
#endif

/* ---- headers */

static void note_headers(struct weir_envelope *env)
{
    struct weir_header h;

    note("[");
    for (size_t i = 0; weir_header_at(env, i, &h) == WEIR_OK; i++)
        note(STR_FMT "=%s" STR_FMT, STR_ARG(h.name), h.value.ptr ? "" : "null", STR_ARG(h.value));
    note("]");
}

static int32_t headers(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    size_t removed = 99;
    struct weir_header h;

    (void)stage, (void)self;
    note_headers(env);
    note("add%d", weir_header_add(env, (struct weir_header){STR("a"), STR("4")}));
    note("add%d", weir_header_add(env, (struct weir_header){STR("n"), STR_ABSENT}));
    note("add%d", weir_header_add(env, (struct weir_header){STR_ABSENT, STR("4")}));
    note_headers(env);
    note("replace%d", weir_header_replace(env, 1, STR("two")));
    note("replace%d", weir_header_replace(env, 0, STR_ABSENT));
    note("replace%d", weir_header_replace(env, 5, STR("x")));
    note_headers(env);
    note("remove%d", weir_header_remove(env, STR("a"), &removed));
    note("%zu", removed);
    note("remove%d", weir_header_remove(env, STR("a"), NULL));
    note_headers(env);
    for (int i = 0; i < 20; i++)
        assert_int_equal(weir_header_add(env, (struct weir_header){STR("many"), STR("")}), WEIR_OK);
    assert_int_equal(weir_header_count(env), 22);
    assert_int_equal(weir_header_at(env, 22, &h), WEIR_ABSENT);
    assert_int_equal(weir_header_remove(env, STR("many"), &removed), WEIR_OK);
    assert_int_equal(removed, 20);
    return WEIR_PASS;
}

/* ---- key, coordinates, misuse */

static int32_t key(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    char text[] = "new";
    struct weir_coordinates at = weir_source(env);

    (void)stage, (void)self;
    note("key=" STR_FMT, STR_ARG(weir_key(env)));
    assert_true(str_is(at.topic, "in") && at.partition == 3);
    assert_int_equal(weir_set_key(env, str_of(text)), WEIR_OK);
    memset(text, 'x', 3); /* it was copied */
    note("key=" STR_FMT, STR_ARG(weir_key(env)));
    if (at.offset == 1)
        assert_int_equal(weir_set_key(env, STR_ABSENT), WEIR_OK);
    return WEIR_PASS;
}

static int32_t misuse(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_message m = WEIR_MESSAGE_INIT;

    (void)self;
    assert_int_equal(weir_emit(stage, STR_ABSENT, STR("{}")), WEIR_MISUSE);
    assert_int_equal(weir_send(stage, env, &m), WEIR_MISUSE);
    assert_int_equal(weir_send(stage, NULL, &m), WEIR_MISUSE);
    assert_int_equal(weir_hold(stage, env), WEIR_MISUSE);
    assert_int_equal(weir_save_bytes(stage, "x", 1), WEIR_MISUSE);
    assert_null(weir_field(stage, "late"));
    note("misuse");
    return WEIR_PASS;
}

static int32_t create_bad_field(struct weir_stage *stage, struct hook_self *self)
{
    (void)self;
    assert_null(weir_field(stage, "a..b"));
    return WEIR_INVALID;
}

static int32_t sink_misuse(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_message m = WEIR_MESSAGE_INIT;

    assert_int_equal(weir_send(stage, env, &m), WEIR_MISUSE); /* no topic */
    m.topic = self->topic;
    assert_true(str_is(weir_topic_name(stage, m.topic), "out"));
    assert_int_equal(weir_send(stage, env, &m), WEIR_OK);
    assert_int_equal(weir_send(stage, env, &m), WEIR_MISUSE);
    assert_int_equal(weir_hold(stage, env), WEIR_MISUSE);
    return WEIR_PASS;
}

/* A sink that does not look at what it is answered. */
static int32_t send_nowhere(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_message m = WEIR_MESSAGE_INIT;

    (void)self;
    assert_int_equal(weir_send(stage, env, NULL), WEIR_MISUSE);
    assert_int_equal(weir_send(stage, env, &m), WEIR_MISUSE);
    return str_is(weir_key(env), "fail") ? weir_fail(env, "no topic") : WEIR_PASS;
}

static int32_t nulls(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_str s;
    int64_t i;
    double d;

    (void)self;
    assert_int_equal(weir_field_type(env, NULL), WEIR_JSON_ABSENT);
    assert_int_equal(weir_get_string(env, NULL, &s), WEIR_ABSENT);
    assert_int_equal(weir_get_int(env, NULL, &i), WEIR_ABSENT);
    assert_int_equal(weir_get_double(env, NULL, &d), WEIR_ABSENT);
    assert_int_equal(weir_get_number(env, NULL, &d), WEIR_ABSENT);
    assert_int_equal(weir_get_raw(env, NULL, &s), WEIR_ABSENT);
    assert_int_equal(weir_set_string(env, NULL, STR("x")), WEIR_ABSENT);
    assert_int_equal(weir_set_raw(env, NULL, STR("1")), WEIR_ABSENT);
    assert_int_equal(weir_remove(env, NULL), WEIR_ABSENT);
    assert_null(weir_field_name(stage, NULL).ptr);
    assert_null(weir_topic_name(stage, NULL).ptr);
    assert_int_equal(weir_count(stage, NULL, 1), WEIR_MISUSE);
    return env->host->verdict(env, WEIR_FAIL, NULL, (va_list){0});
}

static const char *long_reason;

static int32_t fail_at_length(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)stage, (void)self;
    if (str_is(weir_key(env), "s"))
        return weir_stop(env, "%.*s", -1, long_reason);
    return str_is(weir_key(env), "f") ? weir_fail(env, "%s%s", long_reason, "")
                                      : weir_fail(env, "%.*s", -1, long_reason);
}

static int32_t note_reason(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_str reason = weir_reason(env);

    (void)stage, (void)self;
    note("%zu:" STR_FMT, reason.len, (int)(reason.len < 8 ? reason.len : 8),
         reason.ptr + reason.len - (reason.len < 8 ? reason.len : 8));
    return WEIR_PASS;
}

/* ---- numbers */

static int32_t number(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    double d = -1;
    int32_t status = weir_get_number(env, self->field, &d);

    assert_true(weir_json_values(stage));
    note("%d:%g", status, d);
    return WEIR_PASS;
}

/* ---- counters, memory */

static int32_t count(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                        "j", "k", "l", "m", "n", "o", "p", "q"};

    (void)self, (void)env;
    for (size_t i = 0; i < 17; i++)
        assert_int_equal(weir_count(stage, names[i], i + 1), i < 16 ? WEIR_OK : WEIR_MISUSE);
    return WEIR_PASS;
}

static int32_t greedy(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    size_t n = 0;

    (void)stage, (void)self;
    assert_non_null(weir_alloc(env, 0));
    for (size_t i = 1; i < 64; i++) { /* aligned for any type, apart from each other */
        char *p = weir_alloc(env, i);

        assert_true(p && (uintptr_t)p % _Alignof(max_align_t) == 0);
        memset(p, 0xff, i);
    }
    assert_null(weir_alloc(env, SIZE_MAX));
    assert_null(weir_alloc(env, (size_t)2 << 30));
    while (n < 100 && weir_alloc(env, (size_t)64 << 20))
        n++;
    note("%zu", n); /* the cap is 1 GiB */
    return weir_fail(env, "no memory %d", 1);
}

static int32_t work(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_str s;

    (void)stage;
    assert_int_equal(weir_get_string(env, self->field, &s), WEIR_OK);
    assert_int_equal(weir_set_string(env, self->field, STR("masked")), WEIR_OK);
    assert_int_equal(weir_remove(env, self->other), WEIR_OK);
    assert_int_equal(weir_header_add(env, (struct weir_header){STR("h"), STR("v")}), WEIR_OK);
    return weir_key(env).len == 1 ? weir_fail(env, "every now and then %d", 1) : WEIR_PASS;
}

static const struct named_hook hooks[] = {
    {"pass", {.process = hook_pass}},
    {"send", {.process = hook_send}},
    {"headers", {.process = headers}},
    {"key", {.process = key}},
    {"misuse", {.process = misuse}},
    {"bad_field", {.create = create_bad_field}},
    {"sink_misuse", {.process = sink_misuse}},
    {"send_nowhere", {.process = send_nowhere}},
    {"nulls", {.process = nulls}},
    {"fail_at_length", {.process = fail_at_length}},
    {"note_reason", {.process = note_reason}},
    {"number", {.process = number}},
    {"count", {.process = count}},
    {"greedy", {.process = greedy}},
    {"work", {.process = work}},
    {NULL, {0}},
};

static void headers_keep_order_and_duplicates(void **state)
{
    const struct weir_header some[] = {{STR("a"), STR("1")}, {STR("b"), STR("2")}, {STR("a"), STR("3")}};
    struct record record = world_record(NULL, "{}");

    (void)state;
    record.headers = some;
    record.n_headers = 3;
    world_open("[stage h]\nplugin = hook\nhook = @headers\n" OUT ERR);
    world_take_record(record);
    world_expect("[ a=1 b=2 a=3 ] add0 add0 add4 [ a=1 b=2 a=3 a=4 n=null ] replace0 replace0 replace1 "
                 "[ a=null b=two a=3 a=4 n=null ] remove0 3 remove1 [ b=two n=null ] out:main #0:out");
    assert_int_equal(world.sends[0]->n_headers, 2);
    world_ack_all();
    world_close();
}

static void a_key_is_copied_and_may_become_null(void **state)
{
    (void)state;
    world_open("[stage k]\nplugin = hook\nhook = @key\n" OUT ERR);
    world_take("old", "{}");
    world_take(NULL, "{}");
    world_expect("key=old key=new out:main #0:out key= key=new out:main #1:out");
    assert_true(str_is(world.sends[0]->key, "new"));
    assert_null(world.sends[1]->key.ptr);
    world_ack_all();
    world_close();
}

static void services_at_the_wrong_time_are_misuse(void **state)
{
    (void)state;
    world_open(
        "[stage m]\nplugin = hook\nhook = @misuse\n[stage out]\nplugin = hook_sink\nhook = @sink_misuse\n"
        "topic = out\n" ERR);
    world_take(NULL, "{}");
    world_expect("misuse #0:out");
    world_ack_all();
    world_close();
}

/* Its record would walk on, and be committed, without having been sent. */
static void a_sink_that_was_refused_must_not_pass(void **state)
{
    (void)state;
    world_open("[stage s]\nplugin = hook_sink\nhook = @send_nowhere\ntopic = out\n" ERR);
    world_take("fail", "{}"); /* it may fail it */
    world_expect("err:failed #0:errors");
    world_ack_all();
    world_take("k", "{}");
    world_stopped(
        "stage \"s\": the plugin passed a record for which weir_send() was not WEIR_OK; this is a fault of "
        "the plugin (the record at in partition 3 offset 1)");
    world_close();
}

#define REASON "[stage r]\nplugin = hook\nhook = @note_reason\nfrom = *\n" OUT ERR

static void what_is_null_is_absent(void **state)
{
    (void)state;
    world_open("[stage p]\nplugin = hook\nhook = @pass\nfield = a\n[stage n]\nplugin = hook\nhook = "
               "@nulls\n" REASON);
    world_take(NULL, "{\"a\":1}");
    world_expect("p:main 15:on given err:failed #0:errors");
    world_ack_all();
    world_close();
    world_open("[stage n]\nplugin = hook\nhook = @nulls\n" REASON); /* nobody has the value parsed */
    world_take(NULL, "{\"a\":1}");
    world_expect("15:on given err:failed #0:errors");
    world_ack_all();
    world_close();
}

/* Or no brokers would take the error record that quotes it. */
static void a_reason_is_cut(void **state)
{
    static char text[5000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    memcpy(text + 1023, "\xc3\xa9", 2);
    long_reason = text;
    world_open("[stage l]\nplugin = hook\nhook = @fail_at_length\n" REASON);
    world_take("f", "{}");
    world_take("t", "{}");
    memset(text + 1023, 'x', 2);
    text[1024] = '\0'; /* as long as it may be */
    world_take("f", "{}");
    world_expect("1026:xxxxx\xe2\x80\xa6 err:failed #0:errors 1026:xxxxx\xe2\x80\xa6 err:failed #1:errors "
                 "1024:xxxxxxxx err:failed #2:errors");
    world_ack_all();
    text[1024] = 'x';
    world_take("s", "{}");
    assert_non_null(
        strstr(chain_stopped(world.chain), "xxx\xe2\x80\xa6 (the record at in partition 3 offset 3)"));
    world_close();
}

static void a_broken_path_is_said_with_the_stage(void **state)
{
    (void)state;
    assert_false(world_load("[stage m]\nplugin = hook\nhook = @bad_field\n" OUT ERR));
    assert_int_equal(world.diag.errors, 1);
    assert_non_null(strstr(world.diag.items[0].text, "stage \"m\": field \"a..b\" "));
    assert_int_equal(world.diag.items[0].place.line, 4);
    world_close();
}

static void a_string_may_read_as_a_number(void **state)
{
    static const char *const good[] = {"1", "-0.5", "1e3", "\"1\"", "\"-0.5\"", "\"1e3\"", "\"\\u0031\""};
    static const char *const expected[] = {"0:1", "0:-0.5", "0:1000", "0:1", "0:-0.5", "0:1000", "0:1"};
    static const char *const bad[] = {"\"\"",    "\" 1\"",  "\"1 \"",  "\"+1\"",  "\"01\"",
                                      "\"1.\"",  "\"abc\"", "\"0x1\"", "\"--1\"", "\"1 2\"",
                                      "[1]",     "{}",      "null",    "true",    "\"[1]\"",
                                      "\"NaN\"", "\"1,1\"", "\"-\"",   "\"1e\"",  "\"\\ud800\""};
    char value[64];

    (void)state;
    world_open("[stage n]\nplugin = hook\nhook = @number\nfield = n\n" OUT ERR);
    for (size_t i = 0; i < sizeof good / sizeof good[0] + sizeof bad / sizeof bad[0]; i++) {
        bool is_good = i < sizeof good / sizeof good[0];
        const char *text = is_good ? good[i] : bad[i - sizeof good / sizeof good[0]];

        snprintf(value, sizeof value, "{\"n\": %s}", text);
        world_take(NULL, value);
        world_ack_all();
        if (!str_starts(buf_str(&world.transcript), str_of(is_good ? expected[i] : "2:-1 ")))
            fail_msg("%s: %s", text, buf_text(&world.transcript));
        buf_reset(&world.transcript);
    }
    world_take(NULL, "{\"n\": \"1e999\"}");
    world_take(NULL, "{}");
    world_expect("3:-1 out:main #27:out 1:-1 out:main #28:out");
    world_ack_all();
    world_close();
}

static void a_stage_has_sixteen_counters(void **state)
{
    (void)state;
    world_open("[stage c]\nplugin = hook\nhook = @count\n" OUT ERR);
    world_take(NULL, "{}");
    world_take(NULL, "{}");
    assert_int_equal(world_count("c", "a"), 2);
    assert_int_equal(world_count("c", "p"), 32);
    assert_int_equal(world_count("c", "q"), UINT64_MAX);
    assert_int_equal(world_count("c", "passed"), 2);
    assert_int_equal(world_count("out", "passed"), 2);
    world_ack_all();
    world_close();
}

static void memory_of_an_envelope_is_capped(void **state)
{
    (void)state;
    world_open("[stage g]\nplugin = hook\nhook = @greedy\n" OUT ERR);
    world_take(NULL, "{}");
    world_expect("15 err:failed #0:errors");
    world_ack_all();
    world_close();
}

static void a_record_costs_no_malloc_in_the_steady_state(void **state)
{
    static const char value[] =
        "{\"user_id\": \"62001a69\", \"ip\": \"70.201.62.158\", \"locale\": \"KS\", \"n\": 1}";
    size_t before = 0;

    (void)state;
    world_open("[stage w]\nplugin = hook\nhook = @work\nfield = ip\nother = n\n" OUT ERR);
    world.quiet = true;
    for (int i = 0; i < 10000; i++) {
        if (i == 100)
            before = allocations;
        world_take(i % 100 ? "key" : "k", value);
        if (i % 10 == 9)
            world_ack_all();
    }
    if (COUNTED)
        assert_int_equal(allocations - before, 0);
    assert_int_equal(world_count("w", "passed"), 9900);
    assert_int_equal(chain_in_flight(world.chain), 0);
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_keep_order_and_duplicates),
        cmocka_unit_test(a_key_is_copied_and_may_become_null),
        cmocka_unit_test(services_at_the_wrong_time_are_misuse),
        cmocka_unit_test(a_sink_that_was_refused_must_not_pass),
        cmocka_unit_test(what_is_null_is_absent),
        cmocka_unit_test(a_reason_is_cut),
        cmocka_unit_test(a_broken_path_is_said_with_the_stage),
        cmocka_unit_test(a_string_may_read_as_a_number),
        cmocka_unit_test(a_stage_has_sixteen_counters),
        cmocka_unit_test(memory_of_an_envelope_is_capped),
        cmocka_unit_test(a_record_costs_no_malloc_in_the_steady_state),
    };

    world.hooks = hooks;
    return cmocka_run_group_tests(tests, NULL, world_end);
}
