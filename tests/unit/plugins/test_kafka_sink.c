/* test_kafka_sink.c: what is sent, to the byte, and when a batch goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fake_host.h"

#define NOW "1729894075"
#define ERROR(id, reason, content)                                                                           \
    "{\"user_id\": " id ", \"error_type\": \"" reason "\", \"message_content\": " content                    \
    ", \"timestamp\": " NOW "}"
#define ERRORS "topic = t\nformat = error\nid = user_id\nconnect_headers = no"
#define SENT(id, reason, content)                                                                            \
    "t key=null value=" ERROR(id, reason, content) " spare=" ERROR("\"Unknown\"", reason, "{}") " headers\n"
#define CLEANED(id, content)                                                                                 \
    "t key=null value={\"user_id\": " id ", \"message_content\": " content                                   \
    ", \"clean_type\": \"why\", \"timestamp\": " NOW "} headers\n"

struct row {
    const char *name, *options, *json, *reason, *out;
};

static const struct row rows[] = {
    {"a record as it stands", "topic = t", "{ \"a\":1}", "", "t key=null value={ \"a\":1} headers\n"},
    {"a tombstone", "topic = t", NULL, "", "t key=null value=null headers\n"},
    {"a field as key", "topic = t\nkey = k", "{\"k\": \"x\"}", "", "t key=x value={\"k\": \"x\"} headers\n"},
    {"a number as key", "topic = t\nkey = k", "{\"k\": 5}", "", "t key=5 value={\"k\": 5} headers\n"},
    {"null as key", "topic = t\nkey = k", "{\"k\": null}", "", "t key=null value={\"k\": null} headers\n"},
    {"no key", "topic = t\nkey = k", "{}", "", "t key=null value={} headers\n"},
    {"error", ERRORS, "{\"user_id\": \"u\", \"x\": 1}", "Missing fields: a",
     SENT("\"u\"", "Missing fields: a", "{\"user_id\": \"u\", \"x\": 1}")},
    {"error: no id", ERRORS, "{}", "why", SENT("\"Unknown\"", "why", "{}")},
    {"error: a null id", ERRORS, "{\"user_id\": null}", "why",
     SENT("\"Unknown\"", "why", "{\"user_id\": null}")},
    {"error: an empty id", ERRORS, "{\"user_id\": \"\"}", "why",
     SENT("\"Unknown\"", "why", "{\"user_id\": \"\"}")},
    {"error: a number is no id", ERRORS, "{\"user_id\": 5}", "why",
     SENT("\"Unknown\"", "why", "{\"user_id\": 5}")},
    {"error: an object is no id", ERRORS, "{\"user_id\": {}}", "why",
     SENT("\"Unknown\"", "why", "{\"user_id\": {}}")},
    {"error: an id that needs escapes", ERRORS, "{\"user_id\": \"a\\\"\\n\"}", "why",
     SENT("\"a\\\"\\n\"", "why", "{\"user_id\": \"a\\\"\\n\"}")},
    {"error: a tombstone", ERRORS, NULL, "why", SENT("\"Unknown\"", "why", "{}")},
    {"error: a reason of any bytes", ERRORS, "{}",
     "\"\\\n\x01\xC3\xA4\xF0\x9F\x98\x80|\xC0\x80|\xED\xA0\x80|\xF5|\xE2\x82",
     SENT(
         "\"Unknown\"",
         "\\\"\\\\\\u000a\\u0001\xC3\xA4\xF0\x9F\x98\x80|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|\\ufffd|\\ufffd"
         "\\ufffd",
         "{}")},
    {"error: the borders of UTF-8", ERRORS, "{}",
     "\xE0\xA0\x80|\xE0\x9F\xBF|\xF0\x90\x80\x80|\xF0\x8F\xBF\xBF|\xF4\x8F\xBF\xBF|\xF4\x90\x80\x80|"
     "\xED\x9F\xBF",
     SENT("\"Unknown\"",
          "\xE0\xA0\x80|\\ufffd\\ufffd\\ufffd|\xF0\x90\x80\x80|\\ufffd\\ufffd\\ufffd\\ufffd|\xF4\x8F\xBF\xBF|"
          "\\ufffd\\ufffd\\ufffd\\ufffd|\xED\x9F\xBF",
          "{}")},
    {"cleaned", "topic = t\nformat = cleaned\nid = user_id", "{\"user_id\": \"u\"}", "why",
     CLEANED("\"u\"", "{\"user_id\": \"u\"}")},
    {"cleaned: a tombstone", "topic = t\nformat = cleaned\nid = user_id", NULL, "why",
     CLEANED("\"Unknown\"", "{}")},
    {"the id's member is called as it is written", "topic = t\nformat = cleaned\nid = a.b",
     "{\"a\": {\"b\": \"x\"}}", "why",
     "t key=null value={\"a.b\": \"x\", \"message_content\": {\"a\": {\"b\": \"x\"}}, \"clean_type\": "
     "\"why\", \"timestamp\": " NOW "} headers\n"},
    {"and escaped", "topic = t\nformat = cleaned\nid = a\\.b", "{}", "why",
     "t key=null value={\"a\\\\.b\": \"Unknown\", \"message_content\": {}, \"clean_type\": \"why\", "
     "\"timestamp\": " NOW "} headers\n"},
    {"no id, no member", "topic = t\nformat = cleaned", "{}", "why",
     "t key=null value={\"message_content\": {}, \"clean_type\": \"why\", \"timestamp\": " NOW "} headers\n"},
    {"to the source's partition", "topic = t\npartition = source", "{}", "",
     "t key=null value={} partition=3 headers\n"},
    {"properties of librdkafka are the host's", "topic = t\ntopic.compression.type = zstd", "{}", "",
     "t key=null value={} headers\n"},
};

static void kafka_sink_sends_each_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake *f = fake_open("kafka_sink", rows[i].options);

        CHECK_TEXT(rows[i].name, fake_said(f), "");
        fake_record(f, rows[i].json)->reason = str_of(rows[i].reason);
        CHECK_NUMBER(rows[i].name, fake_process(f), WEIR_PASS);
        CHECK_TEXT(rows[i].name, fake_out(f), rows[i].out);
        fake_close(f);
    }
}

static void kafka_sink_keeps_key_headers_and_timestamp(void **state)
{
    struct fake *f = fake_open("kafka_sink", "topic = t\nheader.from = weir\nheader.b = 2");
    struct fake_envelope *env = fake_record(f, "{}");

    (void)state;
    env->key = STR("k");
    env->has_timestamp = true;
    env->timestamp = -1;
    env->headers[env->n_headers++] = (struct weir_header){STR("a"), STR("1")};
    CHECK_NUMBER("verdict", fake_process(f), WEIR_PASS);
    CHECK_TEXT("sent", fake_out(f), "t key=k value={} timestamp=-1 headers from=weir b=2\n");
    CHECK_TEXT("the record stays as it was", fake_headers(f), "k a=1");
    fake_close(f);
}

#define CONNECT_FAULT " __connect.errors.stage=fields __connect.errors.exception.message=why\n"
#define CONNECT                                                                                              \
    " __connect.errors.topic=user-login __connect.errors.partition=3 "                                       \
    "__connect.errors.offset=42" CONNECT_FAULT

static void kafka_sink_adds_the_headers_of_connect(void **state)
{
    struct fake *f = fake_open("kafka_sink", "topic = t\nformat = error\nheader.a = b");
    struct fake_envelope *env = fake_record(f, "{}");

    (void)state;
    env->reason = STR("why");
    env->failed_stage = STR("fields");
    CHECK_NUMBER("verdict", fake_process(f), WEIR_PASS);
    assert_non_null(strstr(fake_out(f), " headers a=b" CONNECT));
    CHECK_TEXT("the record stays as it was", fake_headers(f), "-");
    f->no_partition = true;
    CHECK_NUMBER("verdict", fake_process(f), WEIR_PASS);
    assert_non_null(strstr(fake_out(f), " headers a=b" CONNECT_FAULT));
    fake_close(f);
}

static void kafka_sink_writes_any_number(void **state)
{
    static const struct {
        int64_t now;
        const char *seconds;
    } times[] = {
        {0, "0"},
        {999, "0"},
        {1000, "1"},
        {10000, "10"},
        {-1, "-1"},
        {-1000, "-1"},
        {-1001, "-2"},
        {-10000, "-10"},
        {INT64_MAX, "9223372036854775"},
        {INT64_MIN, "-9223372036854776"},
    };
    struct fake *f = fake_open("kafka_sink", "topic = t\nformat = cleaned");

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char want[128];

        f->now = times[i].now;
        snprintf(
            want, sizeof want,
            "t key=null value={\"message_content\": {}, \"clean_type\": \"\", \"timestamp\": %s} headers\n",
            times[i].seconds);
        fake_record(f, "{}");
        fake_process(f);
        CHECK_TEXT(times[i].seconds, fake_out(f), want);
    }
    fake_close(f);
}

static void kafka_sink_sends_what_has_no_partition_by_its_key(void **state)
{
    struct fake *f = fake_open("kafka_sink", "topic = t\npartition = source");

    (void)state;
    fake_record(f, "{}");
    f->no_partition = true;
    CHECK_NUMBER("verdict", fake_process(f), WEIR_PASS);
    CHECK_TEXT("sent", fake_out(f), "t key=null value={} headers\n");
    fake_close(f);
}

static void kafka_sink_wraps_no_bytes(void **state)
{
    struct fake *f = fake_open_bytes("kafka_sink", "topic = t\nformat = error");

    (void)state;
    CHECK_TEXT("said", fake_said(f), "format = error wraps JSON, and this chain's values are bytes");
    fake_close(f);
    f = fake_open_bytes("kafka_sink", "topic = t");
    CHECK_TEXT("record", fake_said(f), "");
    fake_close(f);
}

static void kafka_sink_withheld_content_is_empty(void **state)
{
    struct fake *f = fake_open("kafka_sink", ERRORS);
    struct fake_envelope *env = fake_record(f, NULL);

    (void)state;
    env->value = STR("{\"secret\"");
    env->withheld = true;
    env->reason = STR("why");
    fake_process(f);
    CHECK_TEXT("withheld", fake_out(f), SENT("\"Unknown\"", "why", "{}"));
    fake_close(f);
}

static void kafka_sink_fails_without_memory(void **state)
{
    struct fake *f = fake_open("kafka_sink", ERRORS);

    (void)state;
    fake_record(f, "{}");
    f->no_memory = true;
    CHECK_NUMBER("verdict", fake_process(f), WEIR_FAIL);
    CHECK_TEXT("reason", f->env.said.ptr, "Publishing error: out of memory");
    fake_close(f);
}

#define BATCH "topic = t\nbatch = 3\nbatch_wait = 2s\njoin = list"

static int32_t join(struct fake *f, const char *json)
{
    fake_record(f, json);
    return fake_process(f);
}

static void kafka_sink_joins_a_full_batch(void **state)
{
    struct fake *f = fake_open("kafka_sink", BATCH);

    (void)state;
    CHECK_TEXT("created", fake_said(f), "");
    CHECK_NUMBER("first", join(f, "{\"list\": [{\"a\": 1}]}"), WEIR_PASS);
    CHECK_NUMBER("the timer begins with it", f->timer, 2000);
    f->timer = 77;
    CHECK_NUMBER("an empty one does not wait", join(f, "{\"list\": []}"), WEIR_PASS);
    CHECK_NUMBER("held", f->held, 1);
    CHECK_NUMBER("second", join(f, "{\"list\": [2, \"x\"]}"), WEIR_PASS);
    CHECK_NUMBER("the timer begins once", f->timer, 77);
    CHECK_TEXT("nothing yet", fake_out(f), "");
    CHECK_NUMBER("third", join(f, "{\"list\": [3]}"), WEIR_PASS);
    CHECK_TEXT("full", fake_out(f), "t key=null value={\"list\": [{\"a\":1}, 2,\"x\", 3]}\nreleased 3\n");
    CHECK_NUMBER("the timer is off", f->timer, -1);
    fake_close(f);
}

static void kafka_sink_sends_an_open_batch_in_time(void **state)
{
    struct fake *f = fake_open("kafka_sink", BATCH);

    (void)state;
    join(f, "{\"list\": [1]}");
    CHECK_NUMBER("timer", f->plugin->timer(&f->public, f->self), WEIR_PASS);
    CHECK_TEXT("by time", fake_out(f), "t key=null value={\"list\": [1]}\nreleased 1\n");
    join(f, "{\"list\": [2]}");
    CHECK_NUMBER("flush", f->plugin->flush(&f->public, f->self), WEIR_PASS);
    CHECK_TEXT("by flush", fake_out(f), "t key=null value={\"list\": [2]}\nreleased 1\n");
    CHECK_NUMBER("flush again", f->plugin->flush(&f->public, f->self), WEIR_PASS);
    CHECK_TEXT("nothing is open", fake_out(f), "");
    fake_close(f);
}

/* 300 KiB twice are more than a batch may hold: the first goes alone. One that is larger by itself goes at
 * once. */
static void kafka_sink_bounds_a_batch_by_bytes(void **state)
{
    struct fake *f = fake_open("kafka_sink", BATCH);
    char *json = malloc(700 * 1024);

    (void)state;
    snprintf(json, 700 * 1024, "{\"list\": [\"%0*d\"]}", 300 * 1024, 0);
    join(f, json);
    CHECK_TEXT("one fits", fake_out(f), "");
    join(f, json);
    assert_non_null(strstr(fake_out(f), "released 1\n"));
    CHECK_NUMBER("the second waits", f->held, 1);
    snprintf(json, 700 * 1024, "{\"list\": [\"%0*d\"]}", 600 * 1024, 0);
    join(f, json);
    CHECK_NUMBER("a large one does not", f->held, 0);
    free(json);
    fake_close(f);
}

static void kafka_sink_fails_what_it_cannot_join(void **state)
{
    static const char *const values[] = {"{}", "{\"list\": null}", "{\"list\": 5}", "{\"list\": {}}", NULL};
    struct fake *f = fake_open("kafka_sink", BATCH);

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        CHECK_NUMBER(values[i] ? values[i] : "tombstone", join(f, values[i]), WEIR_FAIL);
        CHECK_TEXT("reason", f->env.said.ptr, "Publishing error: list: not an array");
    }
    CHECK_NUMBER("held", f->held, 0);
    fake_close(f);
}

static const struct row bad[] = {
    {"batch alone", "topic = t\nbatch = 5", NULL, NULL,
     "batch and join need each other: join names the array whose elements become one"},
    {"join alone", "topic = t\njoin = a", NULL, NULL,
     "batch and join need each other: join names the array whose elements become one"},
    {"a nested join", "topic = t\nbatch = 5\njoin = a.b", NULL, NULL,
     "join takes the plain name of a member of the value itself"},
    {"join and format", "topic = t\nbatch = 5\njoin = a\nformat = error", NULL, NULL,
     "a joined record has no key, no headers, no source and no other format"},
    {"join and partition", "topic = t\nbatch = 5\njoin = a\npartition = source", NULL, NULL,
     "a joined record has no key, no headers, no source and no other format"},
    {"id without format", "topic = t\nid = a", NULL, NULL, "id is for format = error and format = cleaned"},
    {"connect_headers without errors", "topic = t\nconnect_headers = no", NULL, NULL,
     "connect_headers is for format = error"},
};

static void kafka_sink_refuses_options_that_contradict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fake *f = fake_open("kafka_sink", bad[i].options);

        assert_false(f->created);
        CHECK_TEXT(bad[i].name, fake_said(f), bad[i].out);
        fake_close(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kafka_sink_sends_each_format),
        cmocka_unit_test(kafka_sink_keeps_key_headers_and_timestamp),
        cmocka_unit_test(kafka_sink_adds_the_headers_of_connect),
        cmocka_unit_test(kafka_sink_writes_any_number),
        cmocka_unit_test(kafka_sink_sends_what_has_no_partition_by_its_key),
        cmocka_unit_test(kafka_sink_wraps_no_bytes),
        cmocka_unit_test(kafka_sink_withheld_content_is_empty),
        cmocka_unit_test(kafka_sink_fails_without_memory),
        cmocka_unit_test(kafka_sink_joins_a_full_batch),
        cmocka_unit_test(kafka_sink_sends_an_open_batch_in_time),
        cmocka_unit_test(kafka_sink_bounds_a_batch_by_bytes),
        cmocka_unit_test(kafka_sink_fails_what_it_cannot_join),
        cmocka_unit_test(kafka_sink_refuses_options_that_contradict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
