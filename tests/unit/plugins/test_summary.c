/* test_summary.c: totals, what is counted and how, and that they outlive a reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_host.h"

#define OPTIONS "every = 2\ncount = device_type, locale\n"

static void show(struct fake *f, const char *json, const char *route, bool ended)
{
    struct fake_envelope *env = fake_record(f, json);

    env->route = str_of(route);
    env->ended_topic = ended ? STR("topic") : STR_ABSENT;
    CHECK_NUMBER(json ? json : "tombstone", fake_process(f), WEIR_PASS);
}

static void summary_publishes_every_n_processed_records(void **state)
{
    struct fake *f = fake_open("summary", OPTIONS);

    (void)state;
    CHECK_TEXT("created", fake_said(f), "");
    show(f, "{\"device_type\": \"iOS\", \"locale\": \"NM\"}", "main", true);
    show(f, "{\"device_type\": \"android\", \"locale\": \"XX\"}", "filtered", true);
    show(f, "{\"device_type\": \"android\", \"locale\": \"XX\"}", "filtered", false);
    show(f, "{\"locale\": \"XX\"}", "failed", true);
    show(f, "{\"locale\": \"XX\"}", "main", false);
    show(f, NULL, "failed", true);
    CHECK_TEXT("not yet", fake_out(f), "");
    show(f, "{\"device_type\": \"android\", \"locale\": \"NM\"}", "main", true);
    CHECK_TEXT("first", fake_out(f),
               "{\"total_received_count\": 7, \"processed_count\": 2, \"filtered_count\": 1, "
               "\"device_type_counts\": {\"iOS\": 1, \"android\": 1}, \"locale_counts\": {\"NM\": 2}}\n");
    show(f, "{\"device_type\": \"iOS\"}", "main", true);
    CHECK_TEXT("not yet", fake_out(f), "");
    show(f, "{\"locale\": \"TX\"}", "main", true);
    CHECK_TEXT(
        "second", fake_out(f),
        "{\"total_received_count\": 9, \"processed_count\": 4, \"filtered_count\": 1, "
        "\"device_type_counts\": {\"iOS\": 2, \"android\": 1}, \"locale_counts\": {\"NM\": 2, \"TX\": 1}}\n");
    fake_close(f);
}

#define COUNTS(text)                                                                                         \
    "{\"total_received_count\": 1, \"processed_count\": 1, \"filtered_count\": 0, " text "}\n"

static void summary_counts_values_of_every_kind(void **state)
{
    static const struct {
        const char *json, *counts;
    } rows[] = {
        {"{\"v\": \"a\"}", "{\"a\": 1}"},
        {"{\"v\": 5}", "{\"5\": 1}"},
        {"{\"v\": true}", "{\"true\": 1}"},
        {"{\"v\": null}", "{\"null\": 1}"},
        {"{\"v\": [1,\"x\"]}", "{\"[1,\\\"x\\\"]\": 1}"},
        {"{\"v\": \"\"}", "{\"\": 1}"},
        {"{\"v\": \"a\\\"\\\\\\n\\u0001\\u0000\"}", "{\"a\\\"\\\\\\u000a\\u0001\\u0000\": 1}"},
        {"{}", "{}"},
        {NULL, "{}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake *f = fake_open("summary", "every = 1\ncount = v");
        char want[256];

        snprintf(want, sizeof want, COUNTS("\"v_counts\": %s"), rows[i].counts);
        show(f, rows[i].json, "main", true);
        CHECK_TEXT(rows[i].json ? rows[i].json : "tombstone", fake_out(f), want);
        fake_close(f);
    }
}

static void summary_counts_a_long_text_as_other(void **state)
{
    (void)state;
    for (int len = 256; len <= 257; len++) {
        struct fake *f = fake_open("summary", "every = 1\ncount = v");
        char json[512], want[512];

        snprintf(json, sizeof json, "{\"v\": \"%0*d\"}", len, 0);
        snprintf(want, sizeof want, COUNTS("\"v_counts\": {\"%0*d\": 1}"), len, 0);
        show(f, json, "main", true);
        CHECK_TEXT("long", fake_out(f), len > 256 ? COUNTS("\"v_counts\": {\"other\": 1}") : want);
        fake_close(f);
    }
}

static void summary_counts_what_is_too_many_as_other(void **state)
{
    struct fake *f = fake_open("summary", "every = 6\ncount = v\nmax_values = 2");
    static const char *const values[] = {"a", "b", "c", "d", "a", "other"};
    char json[64];

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        snprintf(json, sizeof json, "{\"v\": \"%s\"}", values[i]);
        show(f, json, "main", true);
    }
    CHECK_TEXT("capped", fake_out(f),
               "{\"total_received_count\": 6, \"processed_count\": 6, \"filtered_count\": 0, "
               "\"v_counts\": {\"a\": 2, \"b\": 1, \"other\": 3}}\n");
    fake_close(f);
}

/* However many values of however many fields, and however they are written. */
static void summary_stays_below_what_a_topic_takes(void **state)
{
    static const char *const fillers[] = {"x", "\\u0001", "\\\""};

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct fake *f = fake_open("summary", "every = 4000\ncount = v, w"), *next;
        size_t width = strlen(fillers[k]), len;
        char text[250 * 6 + 1], json[4000];

        for (size_t i = 0; i < 250; i++)
            memcpy(text + i * width, fillers[k], width + 1);
        for (int i = 0; i < 4000; i++) {
            snprintf(json, sizeof json, "{\"v\": \"%s%d\", \"w\": \"%d%s\"}", text, i, i, text);
            show(f, json, "main", true);
        }
        len = strlen(fake_out(f));
        CHECK_NUMBER("nearly full", len > 800000 && len < 910000, true);
        next = fake_open("summary", "every = 4001\ncount = w, v");
        buf_reset(&f->saved);
        assert_int_equal(f->plugin->save(&f->public, f->self), WEIR_OK);
        assert_int_equal(next->plugin->restore(&next->public, next->self, 1, buf_str(&f->saved)), WEIR_OK);
        show(next, json, "main", true);
        len = strlen(fake_out(next));
        CHECK_NUMBER("the same behind a reload", len > 800000 && len < 910000, true);
        fake_close(f);
        fake_close(next);
    }
}

static void summary_counts_many_values_in_their_order(void **state)
{
    struct fake *f = fake_open("summary", "every = 10000\ncount = v");
    char json[64];
    const char *out;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        snprintf(json, sizeof json, "{\"v\": \"%d\"}", i % 5000);
        show(f, json, "main", true);
    }
    out = fake_out(f);
    assert_non_null(strstr(out, "{\"0\": 2, \"1\": 2, \"2\": 2, "));
    assert_non_null(strstr(out, "\"4998\": 2, \"4999\": 2}}"));
    fake_close(f);
}

/* What shares a place in the table of recent values, and differs in its middle or its length only. */
static void summary_tells_values_of_like_ends_apart(void **state)
{
    static const char *const values[] = {"axb", "ayb", "ab", "axb", "axb", "ayb", "axxb", "a", "aa", "a"};
    struct fake *f = fake_open("summary", "every = 10\ncount = v");
    char json[64];

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        snprintf(json, sizeof json, "{\"v\": \"%s\"}", values[i]);
        show(f, json, "main", true);
    }
    CHECK_TEXT("counts", fake_out(f),
               "{\"total_received_count\": 10, \"processed_count\": 10, \"filtered_count\": 0, \"v_counts\": "
               "{\"axb\": 3, \"ayb\": 2, \"ab\": 1, \"axxb\": 1, \"a\": 2, \"aa\": 1}}\n");
    fake_close(f);
}

static void summary_publishes_by_time(void **state)
{
    struct fake *f = fake_open("summary", "every = 0\ninterval = 5s");

    (void)state;
    CHECK_NUMBER("no record yet", f->timer, -1);
    show(f, "{}", "main", true);
    CHECK_NUMBER("armed", f->timer, 5000);
    f->timer = 0;
    show(f, "{}", "failed", true);
    CHECK_NUMBER("armed once", f->timer, 0);
    CHECK_NUMBER("timer", f->plugin->timer(&f->public, f->self), WEIR_PASS);
    CHECK_TEXT("by time", fake_out(f),
               "{\"total_received_count\": 2, \"processed_count\": 1, \"filtered_count\": 0}\n");
    show(f, "{}", "main", true);
    CHECK_NUMBER("armed again", f->timer, 5000);
    f->no_memory = true;
    CHECK_NUMBER("no memory", f->plugin->timer(&f->public, f->self), WEIR_STOP);
    fake_close(f);
}

static struct weir_str save(struct fake *f)
{
    buf_reset(&f->saved);
    assert_int_equal(f->plugin->save(&f->public, f->self), WEIR_OK);
    return buf_str(&f->saved);
}

static void fill(struct fake *f)
{
    show(f, "{\"device_type\": \"iOS\", \"locale\": \"NM\"}", "main", true);
    show(f, "{\"device_type\": \"iOS\", \"locale\": \"TX\"}", "filtered", true);
    show(f, "{\"device_type\": \"android\", \"locale\": \"KS\"}", "main", true);
    show(f, "{\"device_type\": \"iOS\", \"locale\": \"NM\"}", "main", true);
}

static void summary_carries_totals_over_a_reload(void **state)
{
    struct fake *old = fake_open("summary", "every = 1000\ncount = device_type, locale");
    struct fake *new = fake_open("summary", "every = 4\ncount = locale, country");

    (void)state;
    fill(old);
    assert_int_equal(new->plugin->restore(&new->public, new->self, old->plugin->state_version, save(old)),
                     WEIR_OK);
    show(new, "{\"device_type\": \"iOS\", \"locale\": \"KS\", \"country\": \"US\"}", "main", true);
    CHECK_TEXT("a changed list keeps what it still counts", fake_out(new),
               "{\"total_received_count\": 5, \"processed_count\": 4, \"filtered_count\": 1, "
               "\"locale_counts\": {\"NM\": 2, \"KS\": 2}, \"country_counts\": {\"US\": 1}}\n");
    fake_close(old);
    fake_close(new);
}

/* As an aborted transaction does: what was counted since the save comes again. */
static void summary_takes_its_own_state_back_in_place_of_what_it_has(void **state)
{
    struct fake *f = fake_open("summary", "every = 3\ncount = locale");
    struct weir_str saved;

    (void)state;
    show(f, "{\"locale\": \"NM\"}", "main", true);
    saved = save(f);
    show(f, "{\"locale\": \"NM\"}", "main", true);
    show(f, "{\"locale\": \"TX\"}", "filtered", true);
    assert_int_equal(f->plugin->restore(&f->public, f->self, 1, saved), WEIR_OK);
    show(f, "{\"locale\": \"KS\"}", "main", true);
    show(f, "{\"locale\": \"KS\"}", "main", true);
    CHECK_TEXT("counted once", fake_out(f),
               "{\"total_received_count\": 3, \"processed_count\": 3, \"filtered_count\": 0, "
               "\"locale_counts\": {\"NM\": 1, \"KS\": 2}}\n");
    fake_close(f);
}

/* Every beginning of a good state is either a state of its own (whole fields) or refused; none crashes. */
static void summary_refuses_a_broken_state(void **state)
{
    struct fake *old = fake_open("summary", OPTIONS);
    size_t taken = 0;
    struct weir_str saved;
    char wrong[1024];

    (void)state;
    fill(old);
    saved = save(old);
    for (size_t n = 0; n < saved.len; n++) {
        struct fake *f = fake_open("summary", OPTIONS);

        taken += f->plugin->restore(&f->public, f->self, 1, str_make(saved.ptr, n)) == WEIR_OK;
        fake_close(f);
    }
    CHECK_NUMBER("after the totals, and after the first field", taken, 2);
    assert_true(saved.len < sizeof wrong);
    for (size_t n = 0; n < saved.len; n++) { /* a huge length or count somewhere */
        struct fake *f = fake_open("summary", OPTIONS);

        memcpy(wrong, saved.ptr, saved.len);
        wrong[n] = '\x7F';
        f->plugin->restore(&f->public, f->self, 1, str_make(wrong, saved.len));
        fake_close(f);
    }
    assert_int_not_equal(old->plugin->restore(&old->public, old->self, 2, saved), WEIR_OK);
    fake_close(old);
}

static void summary_refuses_to_be_silent_forever(void **state)
{
    struct fake *f = fake_open("summary", "every = 0");

    (void)state;
    CHECK_TEXT("said", fake_said(f), "it would never publish: give every or interval");
    fake_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary_publishes_every_n_processed_records),
        cmocka_unit_test(summary_counts_values_of_every_kind),
        cmocka_unit_test(summary_counts_a_long_text_as_other),
        cmocka_unit_test(summary_counts_what_is_too_many_as_other),
        cmocka_unit_test(summary_stays_below_what_a_topic_takes),
        cmocka_unit_test(summary_counts_many_values_in_their_order),
        cmocka_unit_test(summary_tells_values_of_like_ends_apart),
        cmocka_unit_test(summary_publishes_by_time),
        cmocka_unit_test(summary_carries_totals_over_a_reload),
        cmocka_unit_test(summary_takes_its_own_state_back_in_place_of_what_it_has),
        cmocka_unit_test(summary_refuses_a_broken_state),
        cmocka_unit_test(summary_refuses_to_be_silent_forever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
