/* test_config.c: what a configuration without a fault holds, and how two of them differ. What is refused is
 * in broken.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/changes.h"
#include "config/config.h"
#include "config/file.h"
#include "config/inifile.h"
#include "config/interpolate.h"
#include "config/property.h"
#include "folder.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static const char *fake_env(void *self, const char *name)
{
    if (strcmp(name, "HOST") == 0)
        return "host-1";
    if (strcmp(name, "CHANGES") == 0)
        return self;
    if (strcmp(name, "TWO_LINES") == 0)
        return "a\nb";
    if (strcmp(name, "EMPTY") == 0)
        return "";
    return strcmp(name, "TRICKY") == 0 ? " a ; b # c ${env:HOST} \\; " : NULL;
}

/* Loads dir, which must have no fault; secret is what ${env:CHANGES} gives. */
static struct config *load(const char *dir, const char *secret)
{
    char text[32];
    const struct config_env env = {.self = text, .get = fake_env};
    struct config *c;
    struct diag d;

    snprintf(text, sizeof text, "%s", secret);
    diag_init(&d);
    c = config_load(dir, &env, &d);
    if (d.count)
        diag_print(&d, stderr);
    assert_int_equal(d.count, 0);
    assert_non_null(c);
    diag_fini(&d);
    return c;
}

static const char plain[] = "[chain c]\nsource = t\ngroup = g\n[stage s]\nplugin = p\n";

static void defaults_are_those_of_the_design(void **state)
{
    const struct config_chain *chain;
    const struct config_stage *s;
    struct config *c;

    (void)state;
    folder_put("a.conf", plain);
    c = load(".", "");
    chain = &c->chains[0];
    s = &chain->stages[0];
    assert_true(c->chain_count == 1 && chain->stage_count == 1 && c->file_count == 1);
    assert_string_equal(c->files[0], "./a.conf");
    assert_true(!c->host.instance.ptr && !c->host.plugin_path.count && !c->host.state_dir.ptr);
    assert_true(c->host.log_level == WEIR_LOG_INFO && c->host.stop_timeout == 30000);
    assert_true(c->host.crash_limit == 5 && c->host.crash_window == 600000 && c->host.reload_guard == 10000);
    assert_true(!c->host.core_dumps && c->host.memory_max == 0 && !c->host.socket.ptr);
    assert_true(str_is(chain->name, "c") && str_is(chain->source, "t") && str_is(chain->group, "g"));
    assert_true(chain->start == CONFIG_EARLIEST && chain->on_lost_offset == CONFIG_LOST_STOP);
    assert_true(chain->delivery == CONFIG_AT_LEAST_ONCE && chain->value_format == CONFIG_JSON);
    assert_true(chain->memory == 64 << 20 && chain->commit_interval == 1000 && chain->drain_timeout == 10000);
    assert_true(chain->tasks == 1 && !chain->create_topics && !chain->consumer.count &&
                !chain->producer.count);
    assert_true(str_is(s->name, "s") && str_is(s->plugin, "p") && !s->from.count && !s->from_all);
    assert_true(!s->to.ptr && !s->emit.ptr && !s->when.ptr && s->on_error == CONFIG_FAIL && !s->unmasked);
    assert_true(s->stage_timeout == 30000 && s->retry_timeout == 60000 && s->keys.count == 0 &&
                s->host_keys.count == 1);
    config_destroy(c);
}

static void every_option_reaches_its_member(void **state)
{
    const struct config_chain *chain;
    const struct config_stage *s;
    struct config *c;

    (void)state;
    folder_put("a.conf",
               "[host]\ninstance = ${env:HOST}\nplugin_path = /, .\nstate_dir = .\nlog_level = debug\n"
               "stop_timeout = 1m\n"
               "crash_limit = 1\ncrash_window = 1s\nreload_guard = 0s\ncore_dumps = yes\n"
               "memory_max = 64MiB\nsocket = /run/weir\n"
               "[chain c]\nsource = t\ngroup = g\nstart = latest\non_lost_offset = earliest\n"
               "delivery = at-least-once\nvalue_format = bytes\nmemory = 1MiB\ncommit_interval = 10ms\n"
               "drain_timeout = 5s\ntasks = 64\n"
               "[stage s]\nplugin = p\nfrom = main, failed\nto = filtered\nemit = made\nwhen = a == 1\n"
               "on_error = stop\nstage_timeout = 100ms\nretry_timeout = 5s\nunmasked = yes\nmax_age = "
               "5s\ntopic.acks = all\n"
               "[stage t]\nplugin = p\nfrom = *\n");
    c = load(".", "");
    chain = &c->chains[0];
    s = &chain->stages[0];
    assert_true(str_is(c->host.instance, "host-1") && c->host.plugin_path.count == 2);
    assert_true(str_is(c->host.state_dir, ".") && c->host.log_level == WEIR_LOG_DEBUG);
    assert_int_equal(c->host.stop_timeout, 60000);
    assert_true(c->host.crash_limit == 1 && c->host.crash_window == 1000 && c->host.reload_guard == 0);
    assert_true(c->host.core_dumps && c->host.memory_max == 64 << 20 && str_is(c->host.socket, "/run/weir"));
    assert_true(chain->start == CONFIG_LATEST && chain->on_lost_offset == CONFIG_LOST_EARLIEST);
    assert_true(chain->value_format == CONFIG_BYTES && chain->memory == 1 << 20);
    assert_true(chain->commit_interval == 10 && chain->drain_timeout == 5000 && chain->tasks == 64);
    assert_true(s->from.count == 2 && str_is(s->from.items[1], "failed") && !s->from_all);
    assert_true(str_is(s->to, "filtered") && str_is(s->emit, "made") && str_is(s->when, "a == 1"));
    assert_true(s->on_error == CONFIG_STOP && s->retry_timeout == 5000 && s->stage_timeout == 100 &&
                s->unmasked);
    assert_true(s->keys.count == 2 && str_is(s->keys.items[0].name, "max_age") &&
                s->keys.items[0].place.line == 34);
    assert_non_null(config_keys_find(&s->keys, "topic."));
    assert_null(config_keys_find(&s->keys, "topic"));
    assert_int_equal(config_keys_place(&s->host_keys, "to", s->place).line, 27);
    assert_int_equal(config_keys_place(&s->host_keys, "nothing", s->place).line, 24);
    assert_true(chain->stages[1].from_all && !chain->stages[1].from.count);
    config_destroy(c);
}

static void exactly_once_has_defaults_of_its_own(void **state)
{
    struct config *c;

    (void)state;
    mkdir("conf.d", 0700);
    folder_put("conf.d/h.conf",
               "[host]\ninstance = a\n[kafka]\nbootstrap.servers = x\ntransaction.timeout.ms = 40000\n");
    folder_put("conf.d/c.conf",
               "[chain c]\nsource = t\ngroup = g\ndelivery = exactly-once\n[stage s]\nplugin = p\n"
               "[stage r]\nplugin = p\nretry_timeout = 19s\n");
    folder_put("conf.d/d.conf",
               "[chain d]\nsource = t\ngroup = g\ndelivery = exactly-once\ncommit_interval = 1s\n"
               "producer.transaction.timeout.ms = 20000\n[stage s]\nplugin = p\n");
    c = load("conf.d", "");
    assert_int_equal(c->chain_count, 2);
    assert_int_equal(c->chains[0].commit_interval, 100);
    assert_int_equal(c->chains[0].stages[0].retry_timeout, 10000); /* 60s would not fit */
    assert_int_equal(c->chains[0].stages[0].stage_timeout, 20000); /* nor would 30s */
    assert_int_equal(c->chains[0].stages[1].retry_timeout, 19000);
    assert_int_equal(config_transaction_timeout(&c->chains[0]), 40000);
    assert_int_equal(c->chains[1].commit_interval, 1000);
    assert_int_equal(config_transaction_timeout(&c->chains[1]), 20000);
    config_destroy(c);
}

static void properties_of_kafka_come_before_those_of_the_chain(void **state)
{
    static const char *const want[] = {"bootstrap.servers", "debug", "client.id", "fetch.wait.max.ms",
                                       "debug"};
    struct config *c;

    (void)state;
    folder_put("a.conf", "[kafka]\nbootstrap.servers = h:1\ndebug = all\n");
    folder_put("b.conf",
               "[chain c]\nsource = t\ngroup = g\nconsumer.fetch.wait.max.ms = 10\nproducer.linger.ms = 5\n"
               "consumer.debug = cgrp\n[stage s]\nplugin = p\n");
    folder_put("c.conf", "[kafka]\nclient.id = x\n");
    c = load(".", "");
    assert_int_equal(c->chains[0].consumer.count, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++)
        assert_true(str_is(c->chains[0].consumer.items[i].name, want[i]));
    assert_true(c->chains[0].producer.count == 4 && str_is(c->chains[0].producer.items[3].name, "linger.ms"));
    assert_string_equal(c->chains[0].consumer.items[3].place.file, "./b.conf");
    assert_int_equal(c->chains[0].consumer.items[3].place.line, 4);
    config_destroy(c);
}

static void files_are_read_in_the_order_of_bytes(void **state)
{
    static const char *const names[] = {"b.conf", "B.conf", "10.conf", "9.conf", "_.conf"};
    static const char *const want[] = {"./10.conf", "./9.conf", "./B.conf",
                                       "./_.conf",  "./b.conf", "./linked.conf"};
    struct config *c;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        folder_put(names[i], "; nothing yet\n");
    folder_put("target", plain);
    folder_put(".hidden.conf", "[broken");
    folder_put("a.conf~", "[broken");
    folder_put("a.conf.dpkg-new", "[broken");
    folder_put(".a.conf.swp", "[broken");
    assert_int_equal(symlink("target", "linked.conf"), 0);
    c = load(".", "");
    assert_int_equal(c->file_count, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++)
        assert_string_equal(c->files[i], want[i]);
    config_destroy(c);
}

static void a_directory_that_is_none_is_an_error(void **state)
{
    static const struct {
        const char *dir, *want;
    } rows[] = {
        {"missing", "the configuration directory cannot be opened: No such file or directory"},
        {"file.conf", "the configuration directory cannot be opened: Not a directory"},
        {"empty", "the directory holds no *.conf file"},
    };

    (void)state;
    folder_put("file.conf", plain);
    assert_int_equal(mkdir("empty", 0700), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct diag d;

        diag_init(&d);
        assert_null(config_load(rows[i].dir, &config_process_env, &d));
        assert_int_equal(d.errors, 1);
        assert_string_equal(d.items[0].text, rows[i].want);
        assert_string_equal(d.items[0].place.file, rows[i].dir);
        diag_fini(&d);
    }
}

static void files_that_are_no_files_are_refused(void **state)
{
    static const struct {
        const char *path, *want;
    } rows[] = {
        {"fifo", "is not a regular file"},
        {"empty", "is empty"},
        {"dir", "is a directory"},
        {"gone", "cannot be opened: No such file or directory"},
        {"dangling", "cannot be opened: No such file or directory"},
        {"/dev/null", "is not a regular file"},
    };
    struct arena a;

    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(mkdir("dir", 0700), 0);
    assert_int_equal(symlink("gone", "dangling"), 0);
    folder_put("empty", "");
    arena_init(&a, 1024, 4 << 20);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *why = "is fine";

        assert_null(file_read(rows[i].path, &a, &why).ptr);
        assert_string_equal(why, rows[i].want);
    }
    arena_fini(&a);
}

/* The value of the key `k` in [s] for the line given, resolved. */
static void check_value(const char *line, const char *want)
{
    const struct config_env env = {.get = fake_env};
    struct inifile f;
    struct arena a;
    struct diag d;
    char text[512];

    arena_init(&a, 4096, 4 << 20);
    diag_init(&d);
    snprintf(text, sizeof text, "[s]\n%s\n", line);
    assert_true(inifile_parse(&f, "f", str_of(text), &a, &d));
    interpolate(&(struct interpolation){&env, ".", &a, &d}, &f.sections[0].keys.items[0]);
    assert_int_equal(d.count, 0);
    if (!str_is(f.sections[0].keys.items[0].value, want))
        fail_msg("%s: got \"" STR_FMT "\", want \"%s\"", line, STR_ARG(f.sections[0].keys.items[0].value),
                 want);
    diag_fini(&d);
    arena_fini(&a);
}

static void values_are_what_was_meant(void **state)
{
    static const struct {
        const char *line, *want;
    } rows[] = {
        {"k = v", "v"},
        {"k=v", "v"},
        {"k\t =\t v w \t", "v w"},
        {"k =", ""},
        {"k = ; comment", ""},
        {"k =;text", ";text"},
        {"k = v ; comment ; more", "v"},
        {"k = v\t;comment", "v"},
        {"k = v;w", "v;w"},
        {"k = v#w", "v#w"},
        {"k = v \\; w", "v ; w"},
        {"k = v \\\\; w", "v \\; w"},
        {"k = v\\; w", "v\\; w"},
        {"k = v \\# w", "v # w"},
        {"k = \\; w", "; w"},
        {"k = \\d+", "\\d+"},
        {"k = a \\d ; c", "a \\d"},
        {"k = a=b==", "a=b=="},
        {"k = a:b", "a:b"},
        {"k = \"v\"", "\"v\""},
        {"k = \"v\" ; c", "\"v\""},
        {"k = [x]", "[x]"},
        {"k = ${env:HOST}", "host-1"},
        {"k = a${env:HOST}b${env:HOST}", "ahost-1bhost-1"},
        {"k = ${env:MISSING:-d}", "d"},
        {"k = ${env:MISSING:-}", ""},
        {"k = ${env:MISSING:-a:-b}", "a:-b"},
        {"k = ${env:HOST:-d}", "host-1"},
        {"k = ${env:EMPTY:-d}", "d"},
        {"k = x${env:EMPTY}y", "xy"},
        {"k = ${env:TRICKY}", " a ; b # c ${env:HOST} \\; "},
        {"k = ${env:TWO_LINES}", "a\nb"},
        {"k = $${env:HOST}", "${env:HOST}"},
        {"k = $$${env:HOST}", "$${env:HOST}"},
        {"k = $ $$ $x}", "$ $$ $x}"},
        {"k = ${file:secrets:key}", "a ; b # c = ${env:HOST}"},
        {"k = ${file:./secrets:other}", "\"quoted\""},
        {"k = ${file:secrets:empty}", ""},
    };

    (void)state;
    folder_put("secrets",
               "; comment\n# comment\n\nkey = a ; b # c = ${env:HOST}\r\nother=\"quoted\"  \nempty =\n");
    for (size_t i = 0; i < COUNT(rows); i++)
        check_value(rows[i].line, rows[i].want);
}

static void long_lines_are_whole(void **state)
{
    static const size_t lengths[] = {49, 50, 190, 196, 197, 198, 199, 200, 201, 400, 8192, 65532};
    char *text = malloc(70000);

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct inifile f;
        struct arena a;
        struct diag d;

        memset(text, 'x', 70000);
        memcpy(text, "[s]\nk = ", 8);
        text[8 + lengths[i] / 2] = '=';
        memcpy(text + 8 + lengths[i], "\nlast = 1\n", 11);
        arena_init(&a, 4096, 4 << 20);
        diag_init(&d);
        assert_true(inifile_parse(&f, "f", str_of(text), &a, &d));
        assert_true(f.count == 1 && f.sections[0].keys.count == 2);
        assert_int_equal(f.sections[0].keys.items[0].value.len, lengths[i]);
        assert_int_equal(f.sections[0].keys.items[1].place.line, 3);
        diag_fini(&d);
        arena_fini(&a);
    }
    free(text);
}

/* Debian's build of inih has these globals, others have none of them. */
extern int ini_max_line __attribute__((weak));
extern bool ini_use_stack __attribute__((weak)), ini_allow_multiline __attribute__((weak)),
    ini_allow_inline_comments __attribute__((weak)), ini_allow_no_value __attribute__((weak)),
    ini_stop_on_first_error __attribute__((weak)), ini_allow_bom __attribute__((weak));

static void every_setting_of_inih_reads_the_same(void **state)
{
    static const char text[] = "[a b]\n[empty]\nkey = a ;comment\n# x\n\n   ; y\n[a]\nx = 1:2 \\; 3\ny = 2\n";

    (void)state;
    if (!&ini_max_line || !&ini_use_stack || !&ini_allow_multiline || !&ini_allow_inline_comments ||
        !&ini_allow_no_value || !&ini_stop_on_first_error || !&ini_allow_bom)
        skip();
    for (unsigned i = 0; i < 64; i++) {
        struct inifile f;
        struct arena a;
        struct diag d;

        ini_max_line = i & 1 ? 24 : 200;
        ini_use_stack = i & 2;
        ini_allow_multiline = i & 4;
        ini_allow_inline_comments = i & 8;
        ini_allow_no_value = i & 16;
        ini_stop_on_first_error = ini_allow_bom = i & 32;
        arena_init(&a, 4096, 4 << 20);
        diag_init(&d);
        assert_true(inifile_parse(&f, "f", str_of(text), &a, &d));
        assert_true(f.count == 3 && f.sections[0].keys.count == 0 && f.sections[1].keys.count == 1);
        assert_true(str_is(f.sections[1].keys.items[0].value, "a") && f.sections[2].keys.count == 2);
        assert_true(str_is(f.sections[2].keys.items[0].value, "1:2 ; 3"));
        assert_int_equal(f.sections[2].keys.items[1].place.line, 9);
        diag_fini(&d);
        arena_fini(&a);
    }
}

static void messages_are_sorted_and_stand_once(void **state)
{
    struct place b2 = {"b", 2}, a9 = {"a", 9}, b0 = {"b", 0}, none = {NULL, 0};
    char *got = NULL;
    struct diag d;
    size_t len;
    FILE *out = open_memstream(&got, &len);

    (void)state;
    diag_init(&d);
    diag_error(&d, b2, "second");
    diag_warning(&d, a9, "unwise: %d", 1);
    diag_error(&d, b2, "also second");
    diag_error(&d, b2, "second");
    diag_error(&d, none, "nowhere");
    diag_error(&d, b0, "the file\x1b[31m\n");
    diag_print(&d, out);
    fclose(out);
    assert_string_equal(
        got, "nowhere\na:9: warning: unwise: 1\nb: the file?[31m?\nb:2: second\nb:2: also second\n");
    assert_true(d.errors == 4 && d.warnings == 1 && d.count == 5);
    for (int i = 0; i < 2000; i++)
        diag_error(&d, a9, "number %d", i);
    assert_true(d.errors == 2004 && d.count + d.dropped == 2005 && d.dropped > 0);
    diag_fini(&d);
    free(got);
}

/* ---- two configurations */

#define KAFKA "[kafka]\nbootstrap.servers = h:1\nsasl.password = ${env:CHANGES}\n"
#define CHAIN "[chain c]\nsource = t\ngroup = g\n"
#define STAGE "[stage s]\nplugin = p\nmax_age = 5s\n"

static const struct change_row {
    const char *name, *now, *secret;
    bool same;
    const char *changes; /* separated by '|' */
} change_rows[] = {
    {"nothing", KAFKA CHAIN STAGE, "1", true, ""},
    {"a comment and order of lines", "; hello\n" KAFKA "\n" CHAIN "\n" STAGE, "1", true, ""},
    {"an option of a plugin", KAFKA CHAIN "[stage s]\nplugin = p\nmax_age = 6s\n", "1", false, ""},
    {"a stage added", KAFKA CHAIN STAGE "[stage t]\nplugin = p\n", "1", false, ""},
    {"a stage renamed", KAFKA CHAIN "[stage t]\nplugin = p\nmax_age = 5s\n", "1", false, ""},
    {"a host option of a stage", KAFKA CHAIN STAGE "to = x\n", "1", false, ""},
    {"commit_interval", KAFKA CHAIN "commit_interval = 2s\n" STAGE, "1", false, ""},
    {"log_level", "[host]\nlog_level = debug\n" KAFKA CHAIN STAGE, "1", true, ""},
    {"a resolved value", KAFKA CHAIN STAGE, "2", false, "[kafka]: \"sasl.password\"|"},
    {"source and group", KAFKA "[chain c]\nsource = u\ngroup = h\n" STAGE, "1", false,
     "chain \"c\": \"source\"|chain \"c\": \"group\"|"},
    {"instance", "[host]\ninstance = i\n" KAFKA CHAIN STAGE, "1", false, "[host]: \"instance\"|"},
    {"a property added", KAFKA "client.id = x\n" CHAIN STAGE, "1", false, "[kafka]: \"client.id\"|"},
    {"properties removed", CHAIN STAGE, "1", false,
     "[kafka]: \"bootstrap.servers\" (removed)|[kafka]: \"sasl.password\" (removed)|"},
    {"a property of the consumer", KAFKA CHAIN "consumer.debug = all\n" STAGE, "1", false,
     "chain \"c\": consumer: \"debug\"|"},
    {"tasks", KAFKA CHAIN "tasks = 2\n" STAGE, "1", false, "chain \"c\": \"tasks\"|"},
    {"tasks as it is anyway", KAFKA CHAIN "tasks = 1\n" STAGE, "1", false, ""},
    {"a property of the producer", KAFKA CHAIN "producer.linger.ms = 1\n" STAGE, "1", false,
     "chain \"c\": producer: \"linger.ms\"|"},
    {"a chain renamed", KAFKA "[chain d]\nsource = t\ngroup = g\n" STAGE, "1", false,
     "chain \"d\" (added)|chain \"c\" (removed)|"},
};

static void check_changes(const struct change_row *row)
{
    struct config *before, *now;
    struct config_changes changes;
    char got[400] = "";
    struct arena a;

    folder_put("before/a.conf", KAFKA CHAIN STAGE);
    folder_put("now/a.conf", row->now);
    before = load("before", "1");
    now = load("now", row->secret);
    arena_init(&a, 4096, 1 << 20);
    assert_true(config_client_changes(before, now, &a, &changes));
    for (size_t i = 0; i < changes.count; i++) {
        size_t n = strlen(got);

        snprintf(got + n, sizeof got - n, STR_FMT "|", STR_ARG(changes.items[i].what));
    }
    if (strcmp(got, row->changes) != 0)
        fail_msg("%s: got \"%s\", want \"%s\"", row->name, got, row->changes);
    if (config_chain_same(before, &before->chains[0], now, &now->chains[0]) != row->same)
        fail_msg("%s: the chain %s", row->name, row->same ? "is the same" : "has changed");
    arena_fini(&a);
    config_destroy(before);
    config_destroy(now);
}

static void changes_are_told_by_name(void **state)
{
    (void)state;
    assert_int_equal(mkdir("before", 0700), 0);
    assert_int_equal(mkdir("now", 0700), 0);
    for (size_t i = 0; i < COUNT(change_rows); i++)
        check_changes(&change_rows[i]);
}

static void the_shipped_configuration_is_accepted(void **state)
{
    struct config *c;

    (void)state;
    c = load(TEST_DATA "/../../../conf.d", "");
    assert_int_equal(c->chain_count, 1);
    assert_true(str_is(c->chains[0].name, "user-login") && c->chains[0].stage_count > 10);
    config_destroy(c);
}

static void the_hosts_own_tables_have_no_mistakes(void **state)
{
    static const struct {
        const struct weir_option *table;
        size_t size;
    } rows[] = {
        {config_host_options, sizeof(struct config_host)},
        {config_chain_options, sizeof(struct config_chain)},
        {config_stage_options, sizeof(struct config_stage)},
    };
    size_t sections;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct options_walk w = options_walk(rows[i].table);
        struct weir_option o;
        struct diag d;

        diag_init(&d);
        if (!options_check_table(rows[i].table, rows[i].size, NULL, (struct place){"t", (unsigned)i}, &d))
            diag_print(&d, stderr);
        assert_int_equal(d.count, 0);
        while (options_next(&w, &o))
            assert_true(o.help && o.help[0] && o.help[strlen(o.help) - 1] != '.');
        diag_fini(&d);
    }
    for (const struct config_section *s = config_sections(&sections); sections > 0; s++, sections--)
        assert_true(s->title[0] == '[' && s->help[0]);
    assert_true(property_is_secret(STR("sasl.password")) && !property_is_secret(STR("sasl.username")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_those_of_the_design, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(every_option_reaches_its_member, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(exactly_once_has_defaults_of_its_own, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(properties_of_kafka_come_before_those_of_the_chain, folder_enter,
                                        folder_leave),
        cmocka_unit_test_setup_teardown(files_are_read_in_the_order_of_bytes, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(a_directory_that_is_none_is_an_error, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(files_that_are_no_files_are_refused, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(values_are_what_was_meant, folder_enter, folder_leave),
        cmocka_unit_test(long_lines_are_whole),
        cmocka_unit_test(every_setting_of_inih_reads_the_same),
        cmocka_unit_test(messages_are_sorted_and_stand_once),
        cmocka_unit_test_setup_teardown(changes_are_told_by_name, folder_enter, folder_leave),
        cmocka_unit_test(the_shipped_configuration_is_accepted),
        cmocka_unit_test(the_hosts_own_tables_have_no_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
