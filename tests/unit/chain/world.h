/* world.h: the world around a chain under test: configuration from a text, clocks that stand still, sends
 * that are answered when the test says so, and a transcript of all that happened.
 *
 * A test writes its stages as they would stand in conf.d/, with `hook = @NAME` for the callbacks of NAME (see
 * tests/plugins/hook.h), feeds records, answers sends, and compares the transcript with what it expects:
 *
 *     world_open("[stage a]\nplugin = hook\nhook = @verdict\n…");
 *     world_take("reject", "{}");
 *     world_expect("a:main done0");
 *
 * Words of a transcript: `STAGE:ROUTE` a stage was called; `#N:TOPIC` the chain's send number N; `doneN` the
 * record with offset N is safe. Hooks add words of their own with note(). There is one world at a time, since
 * a process runs one test file. */
#ifndef WEIR_TEST_WORLD_H
#define WEIR_TEST_WORLD_H

#include "base/buf.h"
#include "base/log.h"
#include "chain/chain.h"
#include "chain/loader.h"
#include "config/config.h"

#include "../plugins/hook.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define WORLD_NOW INT64_C(1729894075250)
#define WORLD_SENDS 256

struct named_hook {
    const char *name;
    struct hook hook;
};

struct world {
    const struct named_hook *hooks; /* a name of NULL at the end */
    struct loader *loader;
    struct config *config;
    struct diag diag;
    struct chain *chain;
    struct buf transcript;
    struct send *sends[WORLD_SENDS]; /* NULL: answered */
    size_t n_sends;
    int64_t now_ms, mono_ms, next_offset;
    bool quiet; /* keeps no transcript, for many records; answers at once in world_take() */
};

static struct world world;

/* ---- the transcript */

__attribute__((format(printf, 1, 2))) static inline void note(const char *fmt, ...)
{
    va_list ap;

    if (world.quiet)
        return;
    if (world.transcript.len)
        buf_add_char(&world.transcript, ' ');
    va_start(ap, fmt);
    buf_add_vfmt(&world.transcript, fmt, ap);
    va_end(ap);
}

static inline void world_expect_at(int line, const char *expected)
{
    const char *got = buf_text(&world.transcript);

    assert_non_null(got);
    if (strcmp(got, expected) != 0)
        fail_msg("line %d\n  expected: %s\n       got: %s", line, expected, got);
    buf_reset(&world.transcript);
}
#define world_expect(expected) world_expect_at(__LINE__, expected)

/* ---- what the chain asks of its world */

static inline int64_t world_now(void *self)
{
    (void)self;
    return world.now_ms;
}

static inline int64_t world_mono(void *self)
{
    (void)self;
    return world.mono_ms;
}

static inline void world_send(void *self, struct send *send)
{
    (void)self;
    assert_true(world.n_sends < WORLD_SENDS);
    note("#%zu:" STR_FMT, world.n_sends, STR_ARG(send->topic->name));
    world.sends[world.n_sends++] = send;
}

static inline void world_done(void *self, void *ticket)
{
    (void)self;
    note("done%d", (int)(intptr_t)ticket);
}

/* ---- opening and closing */

/* The folder of the test plugins, beside this program. */
static inline struct weir_str world_plugins(void)
{
    static char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);
    char *slash;

    assert_true(n > 0);
    path[n] = '\0';
    slash = strrchr(path, '/');
    memcpy(slash, "/plugins", sizeof "/plugins");
    return str_of(path);
}

/* Writes the text, with each @NAME turned into the address of that hook. */
static inline void write_stages(FILE *f, const char *text)
{
    while (*text) {
        size_t plain = strcspn(text, "@"), n;
        const struct named_hook *h = world.hooks;

        fprintf(f, "%.*s", (int)plain, text);
        text += plain;
        if (!*text)
            return;
        n = strcspn(++text, " \n");
        while (h->name && (strlen(h->name) != n || memcmp(h->name, text, n) != 0))
            h++;
        if (!h->name)
            fail_msg("no hook @%.*s", (int)n, text);
        fprintf(f, "%lld", (long long)(intptr_t)&h->hook);
        text += n;
    }
}

/** Loads `[chain c]` with these lines, the chain's own first. False: there are errors, and world.diag has
 * them. */
static inline bool world_load(const char *lines)
{
    char dir[] = "/tmp/weir-chain-XXXXXX", file[64];
    const struct weir_str path = world_plugins();
    FILE *f;

    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/c.conf", dir);
    f = fopen(file, "w");
    assert_non_null(f);
    fprintf(f, "[chain c]\nsource = in\ngroup = g\n");
    write_stages(f, lines);
    assert_int_equal(fclose(f), 0);
    diag_init(&world.diag);
    world.config = config_load(dir, &config_process_env, &world.diag);
    unlink(file);
    rmdir(dir);
    if (!world.loader) {
        world.loader = loader_new();
        assert_true(world.loader && loader_set_path(world.loader, &path, 1));
    }
    if (!world.config || world.diag.errors)
        return false;
    assert_int_equal(world.config->chain_count, 1);
    world.chain = chain_new(world.config, &world.config->chains[0], world.loader, &world.diag);
    return world.chain != NULL;
}

static inline void world_attach(void)
{
    struct chain_io io = {&world, world_now, world_mono, world_send, world_done};

    chain_attach(world.chain, &io);
}

/** The same, which must work, and a world to run it in. */
static inline void world_open(const char *lines)
{
    world.now_ms = WORLD_NOW;
    world.mono_ms = 1000;
    world.next_offset = 0;
    world.n_sends = 0;
    world.quiet = false;
    log_set_level(WEIR_LOG_ERROR);
    buf_init(&world.transcript, 1 << 20);
    if (!world_load(lines)) {
        diag_print(&world.diag, stderr);
        fail_msg("the configuration has errors, see above");
    }
    world_attach();
}

/** Takes the chain down; every send must have been answered. */
static inline void world_close(void)
{
    for (size_t i = 0; i < world.n_sends; i++)
        assert_null(world.sends[i]);
    world.n_sends = 0;
    chain_destroy(world.chain);
    config_destroy(world.config);
    diag_fini(&world.diag);
    buf_fini(&world.transcript);
    world.chain = NULL;
    world.config = NULL;
}

static inline int world_end(void **state)
{
    (void)state;
    loader_destroy(world.loader);
    world.loader = NULL;
    return 0;
}

/* ---- records, answers, time */

static inline struct record world_record(const char *key, const char *value)
{
    return (struct record){
        .key = str_of(key),
        .value = str_of(value),
        .has_timestamp = true,
        .timestamp_ms = WORLD_NOW - 1000,
        .topic = STR("in"),
        .partition = 3,
        .offset = world.next_offset,
        .ticket = (void *)(intptr_t)world.next_offset,
    };
}

static inline void world_take_record(struct record record)
{
    world.next_offset++;
    assert_true(chain_take(world.chain, &record));
}

static inline void world_take(const char *key, const char *value)
{
    world_take_record(world_record(key, value));
}

/** Answers send number n. */
static inline void world_answer(size_t n, enum send_result result, const char *why)
{
    struct send *send = world.sends[n];

    assert_true(n < world.n_sends && send);
    world.sends[n] = NULL;
    chain_sent(world.chain, send, result, why);
}

static inline void world_ack(size_t n)
{
    world_answer(n, SEND_OK, NULL);
}

/** Acknowledges all there is, in order, also what comes of that. */
static inline void world_ack_all(void)
{
    for (size_t i = 0; i < world.n_sends; i++) {
        if (world.sends[i])
            world_ack(i);
    }
    if (world.quiet)
        world.n_sends = 0;
}

/** Moves the clocks on and runs what is due. Returns when the next is. */
static inline int64_t world_tick(int64_t ms)
{
    world.now_ms += ms;
    world.mono_ms += ms;
    return chain_tick(world.chain);
}

static inline void world_stopped_at(int line, const char *expected)
{
    const char *got = chain_stopped(world.chain);

    if (!got || !expected ? got != expected : strcmp(got, expected) != 0)
        fail_msg("line %d: stopped\n  expected: %s\n       got: %s", line, expected ? expected : "it runs",
                 got ? got : "it runs");
}
#define world_stopped(expected) world_stopped_at(__LINE__, expected)

static inline uint64_t world_count(const char *stage, const char *name)
{
    struct chain_count counts[256];
    size_t n = chain_counts(world.chain, counts, 256);

    assert_true(n <= 256);
    for (size_t i = 0; i < n; i++) {
        if (str_is(counts[i].stage, stage) && str_is(counts[i].name, name))
            return counts[i].n;
    }
    return UINT64_MAX;
}

/* ---- hooks of general use */

/** Notes that the stage was called. */
static inline void note_call(struct weir_stage *stage, struct weir_envelope *env)
{
    note(STR_FMT ":" STR_FMT, STR_ARG(weir_stage_name(stage)), STR_ARG(weir_route(env)));
}

static inline int32_t hook_pass(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note_call(stage, env);
    return WEIR_PASS;
}

/** The verdict that is the record's key, where that has the form STAGE-VERDICT and names this stage. */
static inline int32_t verdict_of(struct weir_stage *stage, struct weir_envelope *env)
{
    struct weir_str key = weir_key(env), name = weir_stage_name(stage);

    if (!str_starts(key, name) || key.len <= name.len || key.ptr[name.len] != '-')
        return WEIR_PASS;
    key = str_make(key.ptr + name.len + 1, key.len - name.len - 1);
    if (str_is(key, "reject"))
        return weir_reject(env, "not wanted");
    if (str_is(key, "fail"))
        return weir_fail(env, "broken");
    if (str_is(key, "retry"))
        return weir_retry(env, "not yet");
    if (str_is(key, "stop"))
        return weir_stop(env, "given up");
    return str_is(key, "strange") ? 99 : WEIR_PASS;
}

static inline int32_t hook_verdict(struct weir_stage *stage, struct hook_self *self,
                                   struct weir_envelope *env)
{
    (void)self;
    note_call(stage, env);
    return verdict_of(stage, env);
}

/** A sink of the key and the value, with headers and timestamp. */
static inline int32_t hook_send(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_message m = WEIR_MESSAGE_INIT;

    note_call(stage, env);
    m.topic = self->topic;
    m.flags = WEIR_SEND_HEADERS;
    m.key = weir_key(env);
    if (weir_timestamp_ms(env, &m.timestamp_ms))
        m.flags |= WEIR_SEND_TIMESTAMP;
    if (weir_value(env, &m.value) != WEIR_OK)
        m.value = STR_ABSENT;
    assert_int_equal(weir_send(stage, env, &m), WEIR_OK);
    return WEIR_PASS;
}

#endif
