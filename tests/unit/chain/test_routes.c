/* test_routes.c: routes_check(): small chains, each with all its messages.
 *
 * A row is the chain in short: one word a stage, KIND:NAME,OPTION=TEXT,… with `/` for a comma and `~` for a
 * blank within a text; and the messages as `weir check` prints them, without the file. The stage in word N
 * begins at line 10 * N. */
#include "world.h"

static const struct named_hook hooks[] = {{"pass", {.process = hook_pass}}, {NULL, {0}}};

struct row {
    const char *name, *chain, *expected;
};

#define NO_FAILED                                                                                            \
    "1: warning: chain \"c\": no sink takes route \"failed\", so the chain stops at the first failure\n"
#define SINKS " sink:out sink:err,from=failed"

static const struct row rows[] = {
    {"a good chain", "hook:a,to=x" SINKS " sink:x,from=x", ""},
    {"main and failed only", "hook:a" SINKS, ""},
    {"star takes all", "hook:a,to=x sink:all,from=*", ""},
    {"no sink for failed", "sink:out", NO_FAILED},
    {"no sink for main", "hook:a sink:err,from=failed", "1: chain \"c\": no sink takes route \"main\"\n"},
    {"a route without a sink", "hook:a,to=x" SINKS,
     "10: stage \"a\": no sink behind it takes route \"x\"; add one with from = x\n"},
    {"a sink in front is no sink behind", "hook:a,to=x sink:s,from=x hook:b,to=x" SINKS,
     "30: stage \"b\": no sink behind it takes route \"x\"; add one with from = x\n"},
    {"reject to failed, no sink for failed", "hook:a,to=failed sink:out",
     "1: warning: chain \"c\": no sink takes route \"failed\", so the chain stops at the first failure\n"
     "10: stage \"a\": no sink behind it takes route \"failed\"; add one with from = failed\n"},
    {"reject to failed", "hook:a,to=failed" SINKS, ""},
    {"reject to main", "hook:a,to=main" SINKS, ""},
    {"an emitted route without a sink", "emits:e,emit=m" SINKS,
     "10: warning: stage \"e\": it stands before sink \"out\", so it does not see where records end; move it "
     "behind if it is to tell that\n"
     "10: stage \"e\": no sink behind it takes route \"m\"; add one with from = m\n"},
    {"an emitting stage behind the sinks",
     "sink:out sink:err,from=failed emits:e,emit=m,from=* sink:m,from=m", ""},
    {"an emitting stage before a sink", "sink:out emits:e,emit=m,from=* sink:m,from=m sink:err,from=failed",
     "20: warning: stage \"e\": it stands before sink \"err\", so it does not see where records end; move it "
     "behind if it is to tell that\n"},
    {"an emitting stage that sees nothing of that sink",
     "sink:out emits:e,emit=m sink:m,from=m sink:err,from=failed", ""},
    {"emit is missing", "sink:out sink:err,from=failed emits:e",
     "30: stage \"e\": hook_emits makes records: say on which route, with emit = NAME\n"},
    {"emit is superfluous", "hook:a,emit=m" SINKS " sink:m,from=m",
     "10: warning: stage \"a\": it stands before sink \"out\", so it does not see where records end; move it "
     "behind if it is to tell that\n"
     "10: stage \"a\": hook makes no records, so it takes no emit\n"},
    {"emit and to share a route",
     "hook:a,to=x sink:out sink:x,from=x sink:err,from=failed emits:e,emit=x sink:y,from=x",
     "50: stage \"e\": route \"x\" is one of the source's records; what is emitted needs a route of its "
     "own\n"},
    {"an unknown route in from", "hook:a,to=filtered hook:b,from=filterd" SINKS " sink:f,from=filtered",
     "20: stage \"b\": nothing before it comes on route \"filterd\" (did you mean \"filtered\"?)\n"},
    {"an unknown route without a near one", "hook:a,from=elsewhere" SINKS,
     "10: stage \"a\": nothing before it comes on route \"elsewhere\"\n"},
    {"a route that begins further down", "hook:b,from=x hook:a,to=x" SINKS " sink:x,from=x",
     "10: stage \"b\": nothing before it comes on route \"x\"\n"},
    {"two unknown routes", "sink:out sink:err,from=failed/aaaa/bbbb",
     "20: stage \"err\": nothing before it comes on route \"aaaa\"\n"
     "20: stage \"err\": nothing before it comes on route \"bbbb\"\n"},
    {"a guard", "hook:a,to=x guard:g" SINKS " sink:x,from=x", ""},
    {"a guard with star", "guard:g,from=*" SINKS, ""},
    {"a guard with a narrower from", "guard:g,from=main" SINKS,
     "10: stage \"g\": hook_guard protects something, so it must see every route: remove from, its default "
     "is *\n"},
    {"a guard with when", "guard:g,when=exists~a" SINKS,
     "10: stage \"g\": hook_guard protects something, so it must see every record: remove when\n"},
    {"a predicate from outside", "hook:a,when=${env:WHEN}" SINKS,
     "10: stage \"a\": when: \"${env:WHEN}\" is no predicate; write \"exists FIELD\", \"missing FIELD\", "
     "\"FIELD == TEXT\" or \"FIELD != TEXT\"\n"},
    {"a sink before a guard", "sink:early guard:g" SINKS,
     "10: stage \"early\": this sink stands before stage \"g\", which protects what it would send; move it "
     "behind, "
     "or say unmasked = yes\n"},
    {"an unmasked sink before a guard", "sink:early,unmasked=yes guard:g" SINKS, ""},
    {"an emitting stage before a guard", "sink:u,unmasked=yes emits:e,emit=m guard:g sink:m,from=m" SINKS,
     "20: stage \"e\": it makes records before stage \"g\" has protected what they may hold; move it behind\n"
     "20: warning: stage \"e\": it stands before sink \"out\", so it does not see where records end; move it "
     "behind if it is to tell that\n"},
    {"unmasked on a stage that is no sink", "hook:a,unmasked=yes" SINKS,
     "10: stage \"a\": unmasked is for sinks, hook is none\n"},
    {"to on a sink", "sink:out,to=x sink:x,from=x sink:err,from=failed",
     "10: stage \"out\": a sink rejects nothing, so it takes no to\n"},
    {"a loop", "sink:out,topic=in sink:err,from=failed",
     "10: stage \"out\": topic \"in\" is the source of this chain: what it sends would come in again\n"},
    {"a sink for main and failed with a predicate",
     "hook:a sink:out,when=exists~x sink:err,from=failed,when=exists~x",
     "20: warning: stage \"out\": no sink takes route \"main\" without a when: a record that none takes ends "
     "there, "
     "and is sent nowhere\n"
     "30: warning: stage \"err\": no sink takes route \"failed\" without a when: a record that none takes "
     "stops the "
     "chain\n"},
    {"a predicate, and another sink", "sink:out,when=exists~x sink:rest sink:err,from=failed", ""},
    {"two sinks on one topic", "sink:out,topic=t sink:err,from=failed/main,topic=t", ""},
    {"several at once",
     "sink:s guard:g,from=main hook:a,to=x,emit=m hook:b,from=zzzz sink:err,from=failed,topic=in",
     "10: stage \"s\": this sink stands before stage \"g\", which protects what it would send; move it "
     "behind, or say "
     "unmasked = yes\n"
     "20: stage \"g\": hook_guard protects something, so it must see every route: remove from, its default "
     "is *\n"
     "30: stage \"a\": no sink behind it takes route \"x\"; add one with from = x\n"
     "30: stage \"a\": hook makes no records, so it takes no emit\n"
     "30: stage \"a\": no sink behind it takes route \"m\"; add one with from = m\n"
     "40: stage \"b\": nothing before it comes on route \"zzzz\"\n"
     "50: stage \"err\": topic \"in\" is the source of this chain: what it sends would come in again\n"},
};

/* Writes one word as a section that begins at the next line that is divisible by 10. */
static void add_stage(struct buf *out, struct weir_str word, size_t n, size_t *line)
{
    struct weir_str kind, name, option, rest = word;
    bool plain, sink, topic = false;

    assert_true(str_split(&rest, ':', &kind) && str_split(&rest, ',', &name));
    sink = str_is(kind, "sink");
    plain = str_is(kind, "hook");
    for (; *line < 10 * n; ++*line)
        buf_add_char(out, '\n');
    buf_add_fmt(out, "[stage " STR_FMT "]\nplugin = hook%s" STR_FMT "\nhook = @pass\n", STR_ARG(name),
                plain ? "" : "_", STR_ARG(plain ? STR("") : kind));
    *line += 3;
    while (str_split(&rest, ',', &option)) {
        for (size_t i = 0; i < option.len; i++)
            buf_add_char(out, option.ptr[i] == '/' ? ',' : option.ptr[i] == '~' ? ' ' : option.ptr[i]);
        buf_add_char(out, '\n');
        ++*line;
        topic = topic || str_starts(option, STR("topic="));
    }
    if (sink && !topic) {
        buf_add_fmt(out, "topic = t-" STR_FMT "\n", STR_ARG(name));
        ++*line;
    }
}

/* The messages, with the line of the section instead of that of the option. */
static void print_messages(struct buf *out)
{
    for (size_t i = 0; i < world.diag.count; i++) {
        const struct diag_message *m = &world.diag.items[i];
        unsigned line = m->place.line;

        buf_add_fmt(out, "%u: %s%s\n", line < 10 ? line : line / 10 * 10, m->warning ? "warning: " : "",
                    m->text);
    }
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct weir_str rest = str_of(row->chain), word;
    struct buf text, got;
    size_t n = 0, line = 4;
    bool good;

    world.hooks = hooks;
    buf_init(&text, 1 << 20);
    buf_init(&got, 1 << 20);
    buf_add_text(&text, "");
    while (rest.len && str_split(&rest, ' ', &word)) {
        if (word.len)
            add_stage(&text, word, ++n, &line);
    }
    good = world_load(buf_text(&text));
    print_messages(&got);
    if (strcmp(buf_text(&got), row->expected) != 0)
        fail_msg("%s\n---- expected\n%s---- got\n%s", row->name, row->expected, buf_text(&got));
    assert_int_equal(good, world.diag.errors == 0);
    buf_fini(&text);
    buf_fini(&got);
    world_close();
}

static void a_chain_has_at_most_64_routes(void **state)
{
    struct buf text;
    size_t found = 0;

    (void)state;
    world.hooks = hooks;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < 63; i++)
        buf_add_fmt(&text, "[stage s%d]\nplugin = hook\nhook = @pass\nto = r%d\n", i, i);
    buf_add_text(&text, "[stage out]\nplugin = hook_sink\nhook = @pass\nfrom = *\ntopic = t\n");
    assert_false(world_load(buf_text(&text)));
    for (size_t i = 0; i < world.diag.count; i++)
        found += strstr(world.diag.items[i].text, "the chain has more than 64 routes") != NULL;
    assert_int_equal(found, 1);
    assert_int_equal(world.diag.errors, 1);
    world_close();
    buf_reset(&text);
    for (int i = 0; i < 62; i++)
        buf_add_fmt(&text, "[stage s%d]\nplugin = hook\nhook = @pass\nto = r%d\n", i, i);
    buf_add_text(&text, "[stage out]\nplugin = hook_sink\nhook = @pass\nfrom = *\ntopic = t\n");
    assert_true(world_load(buf_text(&text)));
    buf_fini(&text);
    world_close();
}

int main(void)
{
    static struct CMUnitTest tests[sizeof rows / sizeof rows[0] + 1];
    size_t n = 0;

    setenv("WHEN", "TOPSECRET value ,x", 1);
    for (; n < sizeof rows / sizeof rows[0]; n++) {
        static struct row copies[sizeof rows / sizeof rows[0]];

        copies[n] = rows[n];
        tests[n] = (struct CMUnitTest){rows[n].name, check_row, NULL, NULL, &copies[n]};
    }
    tests[n] = (struct CMUnitTest)cmocka_unit_test(a_chain_has_at_most_64_routes);
    return _cmocka_run_group_tests("routes", tests, n + 1, NULL, world_end);
}
