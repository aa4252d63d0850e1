/* fake_host.h: a host for unit tests of plugins: one stage, one envelope at a time, a clock that stands
 * still.
 *
 * The built .so is opened as the host would open it, and its options are filled by the host's own code.
 * Fields are json-c objects, which is not how the host does it, and is enough to see what a plugin does with
 * them. A string that holds U+FFFD stands for one with a lone surrogate. What json-c cannot show (a member
 * that stands twice, bytes that stay as they came) is tested on the real host. */
#ifndef WEIR_TEST_FAKE_HOST_H
#define WEIR_TEST_FAKE_HOST_H

#include <json-c/json.h>

#include "base/buf.h"
#include "config/options.h"

#define FAKE_NOW INT64_C(1729894075250)
#define FAKE_HEADERS 16

struct fake;

struct fake_envelope {
    struct weir_envelope public;
    struct fake *fake;
    struct arena arena;
    struct json_object *root; /* NULL: no fields */
    bool changed, has_timestamp, withheld;
    int64_t timestamp;
    struct weir_str value, key, route, reason, failed_stage, ended_topic, said;
    struct weir_header headers[FAKE_HEADERS];
    size_t n_headers;
};

struct fake {
    struct weir_stage public;
    const struct weir_plugin *plugin;
    void *library, *self;
    struct arena arena;
    struct diag diag; /* errors and warnings of options and create */
    struct config_keys keys;
    bool created;
    struct fake_envelope env;
    int64_t now, timer; /* timer: as it was last set; -1: never */
    struct buf out;     /* what was emitted and sent, a line each */
    struct buf saved;
    size_t held, released;
    bool no_memory, no_set, no_remove; /* make these services fail */
    bool no_partition;                 /* the record belongs to none */
    bool bytes;                        /* the chain's values are no JSON */
};

/** Opens the plugin and creates a stage. options: a `name = value` a line. f->created tells whether it
 * worked; f->diag holds what was said. Owns: the caller closes. */
struct fake *fake_open(const char *plugin, const char *options);
/** The same in a chain whose values are bytes. */
struct fake *fake_open_bytes(const char *plugin, const char *options);
void fake_close(struct fake *f);

/** The first error or warning, without its place; "" where there is none. */
const char *fake_said(const struct fake *f);

/** A new record on route main; json NULL: a tombstone. Borrowed until the next one. */
struct fake_envelope *fake_record(struct fake *f, const char *json);

/** Shows the current record to the stage. Returns its verdict; env.said is the reason. */
int32_t fake_process(struct fake *f);

/** The record's value as it stands, NUL-terminated. */
const char *fake_value(struct fake *f);

/** What was emitted and sent since the last look. Borrowed until the next. */
const char *fake_out(struct fake *f);

/** The headers as "a=1 b=2 c", and the key (or "-"). */
const char *fake_headers(struct fake *f);

/** The services, and what binds options to them. */
extern const struct weir_host fake_services;
const struct weir_field *fake_bind(void *fake, const char *path, const char **why);
const struct weir_topic *fake_bind_topic(void *fake, struct weir_str name, const char **why);

/** Says which row of a table failed, with both texts. */
#define CHECK_TEXT(row, got, want)                                                                           \
    do {                                                                                                     \
        const char *got_ = (got), *want_ = (want);                                                           \
        if (strcmp(got_, want_) != 0)                                                                        \
            fail_msg("%s:\n  got:  %s\n  want: %s", (row), got_, want_);                                     \
    } while (0)
#define CHECK_NUMBER(row, got, want)                                                                         \
    do {                                                                                                     \
        long long got_ = (long long)(got), want_ = (long long)(want);                                        \
        if (got_ != want_)                                                                                   \
            fail_msg("%s: got %lld, want %lld", (row), got_, want_);                                         \
    } while (0)

#endif
