/* test_options.c: option tables: filling a state struct, telling an author of mistakes, describing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/options.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

struct state {
    int64_t age, room, count;
    double share;
    bool on;
    struct weir_str text, password;
    int32_t mode;
    struct weir_list names;
    const struct weir_field *field;
    struct weir_fields fields;
    const struct weir_topic *topic;
    struct weir_pairs extra;
};

static const char *const modes[] = {"fast", "slow", NULL};
static const struct weir_option table[] = {
    WEIR_OPT_DURATION(struct state, age, .def = "60s", .min = 10, .help = "reject older records"),
    WEIR_OPT_SIZE(struct state, room, .def = "1MiB", .min = 1024, .max = 1073741824),
    WEIR_OPT_INTEGER(struct state, count, .name = "every", .min = -5, .max = 5),
    WEIR_OPT_FLOAT(struct state, share, .min = 0, .max = 1),
    WEIR_OPT_BOOL(struct state, on, .def = "yes"),
    WEIR_OPT_STRING(struct state, text, .required = true),
    WEIR_OPT_SECRET(struct state, password),
    WEIR_OPT_CHOICE(struct state, mode, .def = "slow", .choices = modes),
    WEIR_OPT_LIST(struct state, names),
    WEIR_OPT_FIELD(struct state, field),
    WEIR_OPT_FIELDS(struct state, fields),
    WEIR_OPT_TOPIC(struct state, topic),
    WEIR_OPT_PREFIX(struct state, extra, .name = "topic."),
    WEIR_OPT_END};

static const struct weir_option host_names[] = {WEIR_OPT_STRING(struct state, text, .name = "from"),
                                                WEIR_OPT_END};

/* Binds a path to the address of its copy; "bad" is refused. */
static const struct weir_field *bind_field(void *self, const char *path, const char **why)
{
    (void)self;
    *why = "is not a path";
    return strcmp(path, "bad") == 0 ? NULL : (const struct weir_field *)(const void *)path;
}

static const struct weir_topic *bind_topic(void *self, struct weir_str name, const char **why)
{
    (void)self;
    *why = "is also the source";
    return str_is(name, "source") ? NULL : (const struct weir_topic *)(const void *)name.ptr;
}

struct filled {
    struct state state;
    struct arena arena;
    struct diag diag;
    char *messages;
    bool ok;
};

/* pairs: "name=value" each, NULL at the end; line numbers from 1. A value of "$…" was interpolated: what is
 * behind the '$' is the resolved value, and "${…}" what was written. */
static struct config_keys make_keys(const char *const *pairs, struct arena *a)
{
    struct config_keys keys = {arena_zalloc(a, 32 * sizeof *keys.items), 0};

    for (; *pairs; pairs++) {
        struct config_key *k = &keys.items[keys.count++];
        const char *equals = strchr(*pairs, '=');

        k->name = arena_str(a, str_make(*pairs, (size_t)(equals - *pairs)));
        k->hidden = equals[1] == '$';
        k->value = arena_str(a, str_of(equals + 1 + k->hidden));
        k->written = k->hidden ? STR("${...}") : k->value;
        k->place = (struct place){"f", (unsigned)keys.count};
    }
    return keys;
}

static void fill(struct filled *f, const struct weir_option *options, const char *const *pairs)
{
    const struct option_binder binder = {NULL, bind_field, bind_topic};
    struct config_keys keys;
    size_t len;
    FILE *out;

    *f = (struct filled){.ok = false};
    arena_init(&f->arena, 4096, 1 << 20);
    diag_init(&f->diag);
    keys = make_keys(pairs, &f->arena);
    f->ok = options_fill(
        options, &f->state,
        &(struct options_input){"stage \"s\"", {"f", 0}, &keys, host_names, &binder, &f->arena, &f->diag});
    out = open_memstream(&f->messages, &len);
    diag_print(&f->diag, out);
    fclose(out);
    assert_int_equal(f->ok, f->diag.errors == 0);
}

static void clear(struct filled *f)
{
    free(f->messages);
    diag_fini(&f->diag);
    arena_fini(&f->arena);
}

static void fills_every_type(void **unused)
{
    static const char *const pairs[] = {
        "age=5m",        "room=64KiB", "every=-5",       "share=0.25",  "on=off",
        "text=a b",      "password=x", "mode=fast",      "names=a, b",  "field=a.b",
        "fields=c, d.e", "topic=out",  "topic.acks=all", "topic.x.y=1", NULL};
    struct filled f;

    (void)unused;
    fill(&f, table, pairs);
    assert_string_equal(f.messages, "");
    assert_true(f.state.age == 300000 && f.state.room == 65536 && f.state.count == -5);
    assert_true(f.state.share > 0.24 && f.state.share < 0.26 && !f.state.on && f.state.mode == 0);
    assert_true(str_is(f.state.text, "a b") && str_is(f.state.password, "x"));
    assert_true(f.state.names.count == 2 && str_is(f.state.names.items[1], "b"));
    assert_string_equal((const char *)(const void *)f.state.field, "a.b");
    assert_int_equal(f.state.fields.count, 2);
    assert_string_equal((const char *)(const void *)f.state.fields.items[1], "d.e");
    assert_string_equal((const char *)(const void *)f.state.topic, "out");
    assert_int_equal(f.state.extra.count, 2);
    assert_true(str_is(f.state.extra.items[0].name, "acks") && str_is(f.state.extra.items[0].value, "all"));
    assert_true(str_is(f.state.extra.items[1].name, "x.y"));
    clear(&f);
}

static void defaults_fill_what_is_not_set(void **unused)
{
    static const char *const pairs[] = {"text=", "text=x", NULL};
    struct filled f;

    (void)unused;
    fill(&f, table, pairs + 1);
    assert_string_equal(f.messages, "");
    assert_true(f.state.age == 60000 && f.state.room == 1048576 && f.state.on && f.state.mode == 1);
    assert_true(f.state.count == 0 && !f.state.password.ptr && !f.state.names.items && !f.state.field);
    clear(&f);
}

static void reports_what_is_wrong(void **unused)
{
    static const struct {
        const char *name, *pair, *want;
    } rows[] = {
        {"unknown", "agee=1", "f:2: stage \"s\": unknown option \"agee\" (did you mean \"age\"?)\n"},
        {"a host option", "form=x", "f:2: stage \"s\": unknown option \"form\" (did you mean \"from\"?)\n"},
        {"nothing near", "zebra=x", "f:2: stage \"s\": unknown option \"zebra\"\n"},
        {"an empty prefix", "topic.=x",
         "f:2: stage \"s\": unknown option \"topic.\" (did you mean \"topic\"?)\n"},
        {"below, a duration", "age=9ms", "f:2: stage \"s\": option \"age\": \"9ms\" is below 10ms\n"},
        {"below, a size", "room=1B", "f:2: stage \"s\": option \"room\": \"1B\" is below 1KiB\n"},
        {"above, a size", "room=2GiB", "f:2: stage \"s\": option \"room\": \"2GiB\" is above 1GiB\n"},
        {"above, a number", "every=6", "f:2: stage \"s\": option \"every\": \"6\" is above 5\n"},
        {"below, a number", "every=-6", "f:2: stage \"s\": option \"every\": \"-6\" is below -5\n"},
        {"below, a float", "share=-0.1", "f:2: stage \"s\": option \"share\": \"-0.1\" is below 0\n"},
        {"no unit", "age=5",
         "f:2: stage \"s\": option \"age\": \"5\" has no unit (write \"5s\"; units are ms, s, m, h, d)\n"},
        {"no float", "share=x", "f:2: stage \"s\": option \"share\": \"x\" is not a number\n"},
        {"no bool", "on=2", "f:2: stage \"s\": option \"on\": \"2\" is neither yes nor no\n"},
        {"an empty secret", "password=", "f:2: stage \"s\": option \"password\": its value is empty\n"},
        {"no choice", "mode=x", "f:2: stage \"s\": option \"mode\": \"x\" is none of fast, slow\n"},
        {"no field", "field=bad", "f:2: stage \"s\": option \"field\": \"bad\" is not a path\n"},
        {"an empty field", "field=", "f:2: stage \"s\": option \"field\": \"\" is empty\n"},
        {"no field in a list", "fields=a, bad",
         "f:2: stage \"s\": option \"fields\": \"a, bad\" is not a path\n"},
        {"a topic in a loop", "topic=source",
         "f:2: stage \"s\": option \"topic\": \"source\" is also the source\n"},
        {"a topic by field", "topic=a-{b}",
         "f:2: stage \"s\": option \"topic\": \"a-{b}\" names a topic by a field: that is not built yet\n"},
        {"no topic", "topic=a b",
         "f:2: stage \"s\": option \"topic\": \"a b\" is no topic: Kafka takes letters, digits, '.', '_' and "
         "'-'\n"},
        {"resolved", "age=$4711",
         "f:2: stage \"s\": option \"age\": \"${...}\" has no unit (ms, s, m, h, d)\n"},
        {"resolved, a range", "age=$1ms", "f:2: stage \"s\": option \"age\": \"${...}\" is below 10ms\n"},
    };

    (void)unused;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *pairs[] = {"text=x", rows[i].pair, NULL};
        struct filled f;

        fill(&f, table, pairs);
        if (strcmp(f.messages, rows[i].want) != 0)
            fail_msg("%s: got %swant %s", rows[i].name, f.messages, rows[i].want);
        clear(&f);
    }
}

static void no_error_stops_the_rest(void **unused)
{
    static const char *const pairs[] = {"age=1", "mode=x", "nothing=1", "every=3", NULL};
    struct filled f;

    (void)unused;
    fill(&f, table, pairs);
    assert_int_equal(f.diag.errors, 4);
    assert_non_null(strstr(f.messages, "f: stage \"s\": option \"text\" is missing\n"));
    assert_true(f.state.count == 3 && f.state.on);
    clear(&f);
}

static void long_values_are_cut_in_messages(void **unused)
{
    char pair[300] = "every=";
    const char *pairs[] = {"text=x", pair, NULL};
    struct filled f;

    (void)unused;
    for (size_t i = 6; i + 2 < sizeof pair; i += 2)
        memcpy(pair + i, "\xc3\xa9", 3);
    fill(&f, table, pairs);
    assert_non_null(strstr(f.messages, "\xc3\xa9…\" is not a whole number"));
    assert_true(strlen(f.messages) < 200);
    clear(&f);
}

/* An entry as a newer header might have it. */
struct large_option {
    struct weir_option o;
    int64_t new_member[3];
};

static void newer_and_larger_entries_are_walked_by_their_own_size(void **unused)
{
    static const struct large_option large[] = {
        {{.size = sizeof(struct large_option),
          .type = WEIR_TYPE_INTEGER,
          .member = "count",
          .offset = offsetof(struct state, count)},
         {-1, -1, -1}},
        {{.size = sizeof(struct large_option),
          .type = WEIR_TYPE_BOOL,
          .member = "on",
          .offset = offsetof(struct state, on)},
         {-1, -1, -1}},
        {{.size = sizeof(struct large_option), .type = WEIR_TYPE_END}, {-1, -1, -1}}};
    static const char *const pairs[] = {"count=7", "on=yes", NULL};
    struct filled f;

    (void)unused;
    fill(&f, &large[0].o, pairs);
    assert_string_equal(f.messages, "");
    assert_true(f.state.count == 7 && f.state.on);
    assert_true(
        options_check_table(&large[0].o, sizeof(struct state), NULL, (struct place){"p", 0}, &f.diag));
    clear(&f);
}

#define BAD_(T, m, kind, ...)                                                                                \
    {                                                                                                        \
        .size = sizeof(struct weir_option), .type = (kind), .member = #m, .offset = offsetof(T, m),          \
        __VA_ARGS__                                                                                          \
    }
#define BAD(m, kind, ...) BAD_(struct state, m, kind, __VA_ARGS__)

static void authors_are_told_of_mistakes(void **unused)
{
    static const char *const twice[] = {"a", "a", NULL}, *const none[] = {NULL};
    static const struct {
        const char *name;
        struct weir_option options[3];
        const char *want;
    } rows[] = {
        {"a bad name",
         {BAD(age, WEIR_TYPE_DURATION, .name = "Max-Age"), WEIR_OPT_END},
         "p: option table: \"Max-Age\": a name is [a-z][a-z0-9_]*, at most 64 bytes\n"},
        {"no name",
         {{.size = sizeof(struct weir_option), .type = WEIR_TYPE_BOOL}, WEIR_OPT_END},
         "p: option table: entry 1 has no name\n"},
        {"a name of the host",
         {BAD(text, WEIR_TYPE_STRING, .name = "from"), WEIR_OPT_END},
         "p: option table: \"from\": this name belongs to the host\n"},
        {"a prefix without a dot",
         {BAD(extra, WEIR_TYPE_PREFIX, .name = "topic"), WEIR_OPT_END},
         "p: option table: \"topic\": a prefix ends with a dot\n"},
        {"twice",
         {BAD(age, WEIR_TYPE_DURATION), BAD(age, WEIR_TYPE_DURATION), WEIR_OPT_END},
         "p: option table: \"age\": stands twice\n"},
        {"an unknown type",
         {BAD(age, 99), WEIR_OPT_END},
         "p: option table: \"age\": its type 99 is not known to this host: build the plugin with a header of "
         "this "
         "host\n"},
        {"a broken default",
         {BAD(age, WEIR_TYPE_DURATION, .def = "60"), WEIR_OPT_END},
         "p: option table: option \"age\": its default \"60\" has no unit (write \"60s\"; units are ms, s, "
         "m, h, "
         "d)\n"},
        {"a default out of range",
         {BAD(age, WEIR_TYPE_DURATION, .def = "1ms", .min = 10), WEIR_OPT_END},
         "p: option table: option \"age\": its default \"1ms\" is below 10ms\n"},
        {"a default that is no choice",
         {BAD(mode, WEIR_TYPE_CHOICE, .def = "x", .choices = modes), WEIR_OPT_END},
         "p: option table: option \"mode\": its default \"x\" is none of fast, slow\n"},
        {"required with a default",
         {BAD(text, WEIR_TYPE_STRING, .def = "x", .required = true), WEIR_OPT_END},
         "p: option table: \"text\": a required option, a prefix and a secret have no default\n"},
        {"no choices",
         {BAD(mode, WEIR_TYPE_CHOICE), WEIR_OPT_END},
         "p: option table: \"mode\": a choice needs .choices: words, and NULL at the end\n"},
        {"no choice at all",
         {BAD(mode, WEIR_TYPE_CHOICE, .choices = none), WEIR_OPT_END},
         "p: option table: \"mode\": a choice needs .choices: words, and NULL at the end\n"},
        {"a choice twice",
         {BAD(mode, WEIR_TYPE_CHOICE, .choices = twice), WEIR_OPT_END},
         "p: option table: \"mode\": the choice \"a\" stands twice\n"},
        {"choices of a number",
         {BAD(age, WEIR_TYPE_DURATION, .choices = modes), WEIR_OPT_END},
         "p: option table: \"age\": only a choice has choices\n"},
        {"a range of a text",
         {BAD(text, WEIR_TYPE_STRING, .min = 1), WEIR_OPT_END},
         "p: option table: \"text\": only numbers, durations and sizes have a min and a max\n"},
        {"max below min",
         {BAD(age, WEIR_TYPE_INTEGER, .min = 5, .max = 4), WEIR_OPT_END},
         "p: option table: \"age\": its max is below its min, or one is no number\n"},
    };

    (void)unused;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct diag d;
        char *got = NULL;
        size_t len;
        FILE *out = open_memstream(&got, &len);

        diag_init(&d);
        assert_false(options_check_table(rows[i].options, sizeof(struct state), host_names,
                                         (struct place){"p", 0}, &d));
        diag_print(&d, out);
        fclose(out);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s: got %swant %s", rows[i].name, got, rows[i].want);
        free(got);
        diag_fini(&d);
    }
}

static void members_must_lie_inside_the_struct(void **unused)
{
    static const struct weir_option outside[] = {BAD(extra, WEIR_TYPE_PREFIX, .name = "x."), WEIR_OPT_END};
    static const struct weir_option no_size[] = {{.size = 0, .type = WEIR_TYPE_BOOL, .member = "a"}};
    static const struct weir_option other_size[] = {BAD(on, WEIR_TYPE_BOOL),
                                                    {.size = 3, .type = WEIR_TYPE_BOOL}};
    struct diag d;

    (void)unused;
    diag_init(&d);
    assert_false(
        options_check_table(outside, offsetof(struct state, extra) + 8, NULL, (struct place){"p", 0}, &d));
    assert_non_null(strstr(d.items[0].text, "\"x.\": its member ends behind self_size"));
    assert_false(options_check_table(no_size, 8, NULL, (struct place){"q", 0}, &d));
    assert_non_null(strstr(d.items[1].text, "its first entry states a size of 0 bytes"));
    assert_false(options_check_table(other_size, sizeof(struct state), NULL, (struct place){"r", 0}, &d));
    assert_non_null(strstr(d.items[2].text, "entry 2 states another size"));
    assert_true(options_check_table(NULL, 0, NULL, (struct place){"s", 0}, &d));
    assert_true(options_check_table(table, sizeof(struct state), host_names, (struct place){"t", 0}, &d));
    diag_fini(&d);
}

static void options_describe_themselves(void **unused)
{
    static const char *const want[] = {
        "age|duration|60s|at least 10ms|reject older records",
        "room|size|1MiB|1KiB to 1GiB|",
        "every|integer||-5 to 5|",
        "share|float||0 to 1|",
        "on|yes or no|yes||",
        "text|text|||",
        "password|secret|||",
        "mode|choice|slow|fast, slow|",
        "names|list|||",
        "field|field|||",
        "fields|fields|||",
        "topic|topic|||",
        "topic.*|prefix|||",
    };
    struct options_walk w = options_walk(table);
    struct option_doc doc;
    struct weir_option o;
    struct arena a;
    size_t n = 0;

    (void)unused;
    arena_init(&a, 4096, 65536);
    for (; options_next(&w, &o); n++) {
        char got[200];

        assert_true(options_describe(&o, &a, &doc));
        snprintf(got, sizeof got, STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT, STR_ARG(doc.name),
                 STR_ARG(doc.type), STR_ARG(doc.def), STR_ARG(doc.range), STR_ARG(doc.help));
        assert_string_equal(got, want[n]);
        assert_int_equal(doc.required, strcmp(want[n], "text|text|||") == 0);
    }
    assert_int_equal(n, COUNT(want));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_every_type),
        cmocka_unit_test(defaults_fill_what_is_not_set),
        cmocka_unit_test(reports_what_is_wrong),
        cmocka_unit_test(no_error_stops_the_rest),
        cmocka_unit_test(long_values_are_cut_in_messages),
        cmocka_unit_test(newer_and_larger_entries_are_walked_by_their_own_size),
        cmocka_unit_test(authors_are_told_of_mistakes),
        cmocka_unit_test(members_must_lie_inside_the_struct),
        cmocka_unit_test(options_describe_themselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
