/* test_version_filter.c: exact texts, ranges, and the order of Semantic Versioning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_host.h"

struct row {
    const char *accept, *json;
    bool passes;
};

#define V(text) "{\"v\": \"" text "\"}"

static const struct row rows[] = {
    {"2.3.0", V("2.3.0"), true},
    {"2.3.0", V("2.3.1"), false},
    {"2.3.0", V("2.3.0+build"), false},
    {"2.3.0", V("2.3.0 "), false},
    {"2.3.0", V("2.3"), false},
    {"2.3.0", V(""), false},
    {"2.3.0", "{}", false},
    {"2.3.0", "{\"v\": null}", false},
    {"2.3.0", "{\"v\": 2.3}", false},
    {"2.3.0", "{\"v\": [\"2.3.0\"]}", false},
    {"2.3.0", NULL, false},
    {"beta", V("beta"), true},
    {"2.3.0, 2.4.0", V("2.4.0"), true},
    {"2.3.0, 2.4.0", V("2.5.0"), false},
    {">=2.3.0 <3", V("2.3.0"), true},
    {">=2.3.0 <3", V("2.10.0"), true},
    {">=2.3.0 <3", V("2.2.9"), false},
    {">=2.3.0 <3", V("3.0.0"), false},
    {">=2.3.0 <3", V("3.0.0-rc.1"), true},
    {">=2.3.0 <3", V("2.3.0-rc.1"), false},
    {">=2.3.0 <3", V("2.3"), false},
    {">=2.3.0 <3", V("v2.3.0"), false},
    {">=2.3.0 <3", V("2.03.0"), false},
    {">=2.3.0 <3", V("2.3.0.1"), false},
    {">=2.3.0 <3", V("2.3.-1"), false},
    {">=2.3.0 <3", V("2.5.0-"), false},
    {">=2.3.0 <3", V("2.5.0-a..b"), false},
    {">=2.3.0 <3", V("2.5.0-01"), false},
    {">=2.3.0 <3", V("2.5.0+01.x-y"), true},
    {">=2.3.0 <3", V("2.5.0+"), false},
    {">=2.3.0 <3", V("2.5.0+a_b"), false},
    {">= 2.3.0  < 3", V("2.5.0"), true},
    {">2.3", V("2.3.0"), false},
    {">2.3", V("2.3.1"), true},
    {"<=2.3", V("2.3.0"), true},
    {"<=2.3", V("2.3.1"), false},
    {"=2.3.0", V("2.3.0+build.7"), true},
    {"=2.3.0", V("2.3.0-rc"), false},
    {"1.0.0, >=2 <3, >4", V("4.0.1"), true},
    {"1.0.0, >=2 <3, >4", V("1.0.0"), true},
    {"1.0.0, >=2 <3, >4", V("3.5.0"), false},
    {">99999999999999999998.0.0", V("99999999999999999999.0.0"), true},
    {">99999999999999999998.0.0", V("100000000000000000000.0.0"), true},
    {">99999999999999999998.0.0", V("9.0.0"), false},
};

static void version_filter_takes_what_accept_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char options[256], name[256];
        struct fake *f;

        snprintf(options, sizeof options, "field = v\naccept = %s\nreason = 100%% old", rows[i].accept);
        snprintf(name, sizeof name, "%s on %s", rows[i].accept, rows[i].json ? rows[i].json : "a tombstone");
        f = fake_open("version_filter", options);
        CHECK_TEXT(name, fake_said(f), "");
        fake_record(f, rows[i].json);
        CHECK_NUMBER(name, fake_process(f), rows[i].passes ? WEIR_PASS : WEIR_REJECT);
        if (!rows[i].passes)
            CHECK_TEXT(name, f->env.said.ptr, "100% old");
        fake_close(f);
    }
}

/* The example of the specification, and a build that does not count: each comes before the next. */
static void version_filter_knows_the_order_of_semantic_versions(void **state)
{
    static const char *const order[] = {
        "1.0.0-0",    "1.0.0-2",      "1.0.0-10",      "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",  "1.0.0",         "1.0.1",
        "1.1.0",      "2.0.0"};

    (void)state;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        for (size_t n = 0; n < sizeof order / sizeof order[0]; n++) {
            char options[128], json[128], name[128];
            struct fake *f;

            snprintf(options, sizeof options, "field = v\naccept = <%s", order[n]);
            snprintf(json, sizeof json, "{\"v\": \"%s+b.%zu\"}", order[i], n);
            snprintf(name, sizeof name, "%s < %s", order[i], order[n]);
            f = fake_open("version_filter", options);
            fake_record(f, json);
            CHECK_NUMBER(name, fake_process(f), i < n ? WEIR_PASS : WEIR_REJECT);
            fake_close(f);
        }
    }
}

/* No text of an item is told: it may come from ${env:…}. */
#define NO_RANGE "accept: item 2 is neither a version nor a range such as >=2.3.0 <3"
#define PARTIAL "item 2 takes its text and no other; a range such as >=2.3 <2.4 takes every 2.3.x"

static const struct {
    const char *accept, *said;
    bool created;
} said[] = {
    {"2.3", PARTIAL, true},    {"2", PARTIAL, true},         {"2.3.0 2.4.0", NO_RANGE, false},
    {">=x", NO_RANGE, false},  {">=2.3 3", NO_RANGE, false}, {"=>2", NO_RANGE, false},
    {"<>2", NO_RANGE, false},  {">", NO_RANGE, false},       {">= <3", NO_RANGE, false},
    {">2 >", NO_RANGE, false}, {"<3-rc", NO_RANGE, false},
};

static void version_filter_tells_what_is_wrong_with_accept(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        char options[128];
        struct fake *f;

        snprintf(options, sizeof options, "field = v\naccept = 1.0.0, %s", said[i].accept);
        f = fake_open("version_filter", options);
        CHECK_TEXT(said[i].accept, fake_said(f), said[i].said);
        CHECK_NUMBER(said[i].accept, f->created, said[i].created);
        fake_close(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_filter_takes_what_accept_says),
        cmocka_unit_test(version_filter_knows_the_order_of_semantic_versions),
        cmocka_unit_test(version_filter_tells_what_is_wrong_with_accept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
