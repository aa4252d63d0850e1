/* weir/plugin.h: everything a stage plugin needs. There is nothing to link against.
 *
 * A plugin is a shared object that exports one stage type. A stage is one configured instance of it in a
 * chain. Every record travels through the chain as an envelope; each stage looks at it, may change it, and
 * answers with a verdict. In one file and one order, a plugin is: what it does, its state struct, its option
 * table, its callbacks, the exported description.
 *
 *     struct age_filter { int64_t max_age; };
 *
 *     static const struct weir_option options[] = {
 *         WEIR_OPT_DURATION(struct age_filter, max_age, .def = "60s", .help = "reject older records"),
 *         WEIR_OPT_END
 *     };
 *
 *     static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
 *     {
 *         const struct age_filter *f = self;
 *         int64_t ts;
 *
 *         if (!weir_timestamp_ms(env, &ts))
 *             return WEIR_PASS;
 *         return ts < weir_now_ms(stage) - f->max_age ? weir_reject(env, "too old") : WEIR_PASS;
 *     }
 *
 *     WEIR_PLUGIN(.name = "age_filter", .version = "1.0.0", .help = "rejects old records",
 *                 .options = options, .self_size = sizeof(struct age_filter), .process = process)
 *
 * Build:  cc -std=c11 -shared -fPIC -fvisibility=hidden -o age_filter.so age_filter.c
 *
 * The rules, once for all of it:
 *
 * Threads  Calls for one stage never overlap, and process, timer, flush and save come from one thread. Two
 *          instances of a plugin may run on two threads at once, so keep all state in the state struct and
 *          none at file scope. Services may be called only from inside a callback, on its thread. A plugin
 *          may have threads of its own, made in create and joined in destroy.
 * Owns     Whatever the host hands out is borrowed: a slice or handle from an option lives as long as the
 *          stage; a slice from an envelope until that envelope's next set, add, replace or remove, and no
 *          longer than the callback. Whatever a plugin hands over is copied. No memory is ever freed across
 *          the border.
 * Text     is a slice of bytes: not NUL-terminated, may hold NULs. A ptr of NULL means absent, which is not
 *          the same as empty.
 * Units    Durations are milliseconds, times are Unix milliseconds, sizes are bytes.
 * Errors   are statuses: WEIR_OK is zero. A failed call changes nothing.
 * Privacy  No reason, log line or counter may quote a value of a record.
 * Growth   The numbers below are frozen. Structs and tables only ever grow at their end, with a new minor;
 *          what a host does not have is refused at load by needs_minor, never discovered in flight.
 *          ABI log: 1.0 (2026-11) first release.
 */
#ifndef WEIR_PLUGIN_H
#define WEIR_PLUGIN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#else
#include <stdbool.h>
#endif

#define WEIR_ABI_MAGIC UINT32_C(0x52494557) /* "WEIR" in memory on a little-endian machine */
#define WEIR_ABI_MAJOR 1
#define WEIR_ABI_MINOR 0

#if defined(__GNUC__)
#define WEIR_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define WEIR_EXPORT __attribute__((visibility("default")))
#else
#define WEIR_PRINTF(fmt, first)
#define WEIR_EXPORT
#endif

/* ------------------------------------------------------------------------------------------- values */

/** A borrowed run of bytes. Print it with "%.*s", (int)s.len, s.ptr. */
struct weir_str {
    const char *ptr; /**< NULL: absent */
    size_t len;      /**< bytes */
};

/** What an option of type list holds. */
struct weir_list {
    const struct weir_str *items;
    size_t count;
};

/** What an option of type prefix holds: the keys that matched, without the prefix, in file order. */
struct weir_pair {
    struct weir_str name, value;
};
struct weir_pairs {
    const struct weir_pair *items;
    size_t count;
};

struct weir_field; /**< a JSON path, bound when the stage is created; see weir_field() */
struct weir_topic; /**< a topic that a sink sends to; comes from an option of type topic */

/** What an option of type fields holds. */
struct weir_fields {
    const struct weir_field *const *items;
    size_t count;
};

/** Statuses. */
enum {
    WEIR_OK = 0,
    WEIR_ABSENT = 1, /**< there is no such member, header, key or value */
    WEIR_TYPE =
        2, /**< it is there, and is of another type (a path that meets a non-object on its way, too) */
    WEIR_RANGE =
        3, /**< a number that the result cannot hold exactly: 2^63, 1.0 or 1e3 as an integer; 1e999 */
    WEIR_INVALID = 4, /**< no valid text or JSON: a lone surrogate read as a string, a bad raw value */
    WEIR_NOMEM = 5,   /**< out of memory, or over the envelope's cap */
    WEIR_MISUSE = 6 /**< not allowed here: a field bound after create, a send from a stage that is no sink */
};

/** Verdicts: what process and flush return. Changes made before any verdict stay. No status but WEIR_OK is
 *  one: a stage that returns it by mistake stops the chain, and drops nothing. */
enum {
    WEIR_PASS = 0,     /**< the envelope walks on */
    WEIR_REJECT = 101, /**< it walks on, on the route in `to`; without `to` it is dropped and counted */
    WEIR_FAIL = 102,   /**< it walks on, on route `failed` */
    WEIR_RETRY = 103,  /**< it is shown to this stage again after a back-off; after `retry_timeout`: fail */
    WEIR_STOP = 104    /**< the stage is broken: the chain stops, and commits nothing for this record */
};

/** Types of a JSON value, as weir_field_type() tells them. */
enum {
    WEIR_JSON_ABSENT = 0,
    WEIR_JSON_NULL = 1,
    WEIR_JSON_BOOL = 2,
    WEIR_JSON_NUMBER = 3,
    WEIR_JSON_STRING = 4,
    WEIR_JSON_ARRAY = 5,
    WEIR_JSON_OBJECT = 6,
    WEIR_JSON_BLOCKED = 7 /**< the path meets a non-object on its way */
};

/** Log levels. */
enum { WEIR_LOG_DEBUG = 0, WEIR_LOG_INFO = 1, WEIR_LOG_WARN = 2, WEIR_LOG_ERROR = 3 };

/** Where a record came from. An emitted envelope has the coordinates of the record that it belongs to. */
struct weir_coordinates {
    struct weir_str topic;
    int32_t partition; /**< -1: none */
    int64_t offset;    /**< -1: none */
};

/** A header. Names may repeat, and order counts. value.ptr NULL: a header without a value. */
struct weir_header {
    struct weir_str name, value;
};

/** A record for weir_send(). Start from WEIR_MESSAGE_INIT, set what is needed.
 *  Owns: key, value, spare and headers must live until the envelope is done: take them from the envelope,
 * from weir_alloc(), or from the stage's options. A send without an envelope copies key and value, and takes
 *        neither spare nor headers. */
struct weir_message {
    uint32_t size;  /**< sizeof(struct weir_message) */
    uint32_t flags; /**< WEIR_SEND_… */
    const struct weir_topic *topic;
    struct weir_str key, value; /**< ptr NULL: null */
    struct weir_str
        spare; /**< with WEIR_SEND_ALWAYS: the value to send where the first is refused for its size */
    int64_t timestamp_ms;              /**< read with WEIR_SEND_TIMESTAMP; else now */
    const struct weir_header *headers; /**< further headers, behind those of the envelope */
    size_t n_headers;
    int32_t partition; /**< read with WEIR_SEND_PARTITION; else by the key */
};
#define WEIR_MESSAGE_INIT                                                                                    \
    {                                                                                                        \
        (uint32_t)sizeof(struct weir_message), 0, NULL, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, NULL, 0, 0       \
    }

enum {
    WEIR_SEND_HEADERS = 1,   /**< with the headers of the envelope */
    WEIR_SEND_TIMESTAMP = 2, /**< with timestamp_ms */
    /** The brokers must not refuse this record for its own fault. Refused for its size it is sent again as
     *  spare, without key and the envelope's headers, but with those of the message (keep them small) and the
     *  header `weir.omitted: size`; refused for its timestamp it is sent again with now, the original in the
     *  header `weir.timestamp`. What the envelope's own headers tell of errors
     *  (`__connect.errors.…` and these two) is never sent with it: only sink and host may say that. */
    WEIR_SEND_ALWAYS = 4,
    WEIR_SEND_PARTITION = 8 /**< to that partition, which the topic must have; not for what a chain emits */
};

/* --------------------------------------------------------------------------------- the host's services */

struct weir_stage {
    const struct weir_host *host;
    /* the rest is the host's own */
};
struct weir_envelope {
    const struct weir_host *host;
    /* the rest is the host's own */
};

/** The host's services. Call the functions below, never these members: the table is the ABI, the functions
 *  are its documentation. A unit test of a plugin fills in a table of its own. */
struct weir_host {
    uint32_t size;
    uint16_t major, minor;

    const struct weir_field *(*field)(struct weir_stage *, const char *path);
    struct weir_str (*field_name)(const struct weir_field *);
    int32_t (*field_type)(struct weir_envelope *, const struct weir_field *);
    int32_t (*get_string)(struct weir_envelope *, const struct weir_field *, struct weir_str *);
    int32_t (*get_int)(struct weir_envelope *, const struct weir_field *, int64_t *);
    int32_t (*get_double)(struct weir_envelope *, const struct weir_field *, double *);
    int32_t (*get_number)(struct weir_envelope *, const struct weir_field *, double *);
    int32_t (*get_raw)(struct weir_envelope *, const struct weir_field *, struct weir_str *);
    int32_t (*set_string)(struct weir_envelope *, const struct weir_field *, struct weir_str);
    int32_t (*set_raw)(struct weir_envelope *, const struct weir_field *, struct weir_str);
    int32_t (*remove)(struct weir_envelope *, const struct weir_field *);

    struct weir_str (*key)(struct weir_envelope *);
    int32_t (*set_key)(struct weir_envelope *, struct weir_str);
    int32_t (*value)(struct weir_envelope *, struct weir_str *);
    int32_t (*set_value)(struct weir_envelope *, struct weir_str);
    bool (*withheld)(struct weir_envelope *);
    bool (*timestamp_ms)(struct weir_envelope *, int64_t *);

    size_t (*header_count)(struct weir_envelope *);
    int32_t (*header_at)(struct weir_envelope *, size_t, struct weir_header *);
    int32_t (*header_add)(struct weir_envelope *, struct weir_header);
    int32_t (*header_replace)(struct weir_envelope *, size_t, struct weir_str);
    int32_t (*header_remove)(struct weir_envelope *, struct weir_str, size_t *);

    struct weir_coordinates (*source)(struct weir_envelope *);
    struct weir_str (*route)(struct weir_envelope *);
    struct weir_str (*reason)(struct weir_envelope *);
    struct weir_str (*failed_stage)(struct weir_envelope *);
    struct weir_str (*ended_topic)(struct weir_envelope *);
    int32_t (*verdict)(struct weir_envelope *, int32_t, const char *, va_list);
    void *(*alloc)(struct weir_envelope *, size_t);

    int32_t (*emit)(struct weir_stage *, struct weir_str key, struct weir_str value);
    int32_t (*send)(struct weir_stage *, struct weir_envelope *, const struct weir_message *);
    int32_t (*hold)(struct weir_stage *, struct weir_envelope *);
    struct weir_str (*topic_name)(const struct weir_topic *);

    int64_t (*now_ms)(struct weir_stage *);
    int32_t (*set_timer)(struct weir_stage *, int64_t after_ms);
    void (*log)(struct weir_stage *, int32_t level, const char *, va_list);
    int32_t (*count)(struct weir_stage *, const char *name, uint64_t n);
    int32_t (*save_bytes)(struct weir_stage *, const void *, size_t);
    int32_t (*error)(struct weir_stage *, const char *, va_list);
    void (*warn)(struct weir_stage *, const char *option, const char *, va_list);
    bool (*is_set)(struct weir_stage *, const char *option);
    bool (*json_values)(struct weir_stage *);
    struct weir_str (*name)(struct weir_stage *);
};

/* ---- fields: the JSON members of a value.
 * A path is names joined by dots, `device.id`; a dot in a name is `\.`, a backslash `\\`. A member's name
 * counts by its decoded text. Where a member stands twice, get sees the last, set and remove reach every one.
 * A stage that must let nothing through calls weir_remove() also where get finds null or nothing: an earlier
 * duplicate may hold what the last one does not. A set of an object, or in one, that stands so many times
 * that the value would become several times as large answers NOMEM; remove it instead. On a withheld
 * envelope, and before the value was parsed, every field is absent and no set succeeds; so it is with NULL,
 * which an option of type field is that is not set. */

/** Binds a path. Call it in create; later, or with a broken path, it answers NULL, and the host has said why:
 *  return WEIR_INVALID. The option types field and fields do it for you. */
static inline const struct weir_field *weir_field(struct weir_stage *stage, const char *path)
{
    return stage->host->field(stage, path);
}
/** The path, as it was written. */
static inline struct weir_str weir_field_name(struct weir_stage *stage, const struct weir_field *f)
{
    return stage->host->field_name(f);
}
/** One of WEIR_JSON_…. */
static inline int32_t weir_field_type(struct weir_envelope *env, const struct weir_field *f)
{
    return env->host->field_type(env, f);
}
/** The decoded text of a string. Errors: ABSENT, TYPE (null, too), INVALID (a lone surrogate). */
static inline int32_t weir_get_string(struct weir_envelope *env, const struct weir_field *f,
                                      struct weir_str *out)
{
    return env->host->get_string(env, f, out);
}
/** A number written without fraction or exponent that fits. Errors: ABSENT, TYPE, RANGE. */
static inline int32_t weir_get_int(struct weir_envelope *env, const struct weir_field *f, int64_t *out)
{
    return env->host->get_int(env, f, out);
}
/** Any finite number. Errors: ABSENT, TYPE, RANGE. */
static inline int32_t weir_get_double(struct weir_envelope *env, const struct weir_field *f, double *out)
{
    return env->host->get_double(env, f, out);
}
/** The same, or a string that reads as one by JSON's grammar for numbers, without blanks: many producers
 *  send `"1729894074"`. Errors: ABSENT, TYPE, RANGE. */
static inline int32_t weir_get_number(struct weir_envelope *env, const struct weir_field *f, double *out)
{
    return env->host->get_number(env, f, out);
}
/** The bytes of the JSON value as they stand, quotes included. Errors: ABSENT, TYPE (a blocked path). */
static inline int32_t weir_get_raw(struct weir_envelope *env, const struct weir_field *f,
                                   struct weir_str *out)
{
    return env->host->get_raw(env, f, out);
}
/** Sets a string; quotes and escapes it. A missing member is appended to its object.
 *  Errors: ABSENT (its object is missing), TYPE (a blocked path), INVALID (not UTF-8), NOMEM. */
static inline int32_t weir_set_string(struct weir_envelope *env, const struct weir_field *f,
                                      struct weir_str s)
{
    return env->host->set_string(env, f, s);
}
/** Sets one JSON value given as its bytes, which are checked. Errors: as weir_set_string. */
static inline int32_t weir_set_raw(struct weir_envelope *env, const struct weir_field *f,
                                   struct weir_str json)
{
    return env->host->set_raw(env, f, json);
}
/** Removes the member, every one of that name. Errors: ABSENT, TYPE (a blocked path), NOMEM. */
static inline int32_t weir_remove(struct weir_envelope *env, const struct weir_field *f)
{
    return env->host->remove(env, f);
}

/* ---- the envelope */

/** The record's key; absent is Kafka's null. */
static inline struct weir_str weir_key(struct weir_envelope *env)
{
    return env->host->key(env);
}
/** Sets the key; an absent slice makes it null. Errors: NOMEM. */
static inline int32_t weir_set_key(struct weir_envelope *env, struct weir_str key)
{
    return env->host->set_key(env, key);
}
/** The value as it stands, with all changes. Errors: ABSENT (a tombstone, or withheld), NOMEM. */
static inline int32_t weir_value(struct weir_envelope *env, struct weir_str *out)
{
    return env->host->value(env, out);
}
/** Sets the whole value, which is parsed again where the chain's values are JSON.
 *  Errors: INVALID (not one JSON object), MISUSE (withheld), NOMEM. */
static inline int32_t weir_set_value(struct weir_envelope *env, struct weir_str value)
{
    return env->host->set_value(env, value);
}
/** True where the host keeps the value back, because it did not parse: it has no value and no fields. */
static inline bool weir_withheld(struct weir_envelope *env)
{
    return env->host->withheld(env);
}
/** The Kafka timestamp. False: the record has none. */
static inline bool weir_timestamp_ms(struct weir_envelope *env, int64_t *ms)
{
    return env->host->timestamp_ms(env, ms);
}
static inline size_t weir_header_count(struct weir_envelope *env)
{
    return env->host->header_count(env);
}
/** The i-th header. Errors: ABSENT. */
static inline int32_t weir_header_at(struct weir_envelope *env, size_t i, struct weir_header *out)
{
    return env->host->header_at(env, i, out);
}
/** Appends a header. Errors: NOMEM. */
static inline int32_t weir_header_add(struct weir_envelope *env, struct weir_header h)
{
    return env->host->header_add(env, h);
}
/** Replaces the value of the i-th header. Errors: ABSENT, NOMEM. */
static inline int32_t weir_header_replace(struct weir_envelope *env, size_t i, struct weir_str value)
{
    return env->host->header_replace(env, i, value);
}
/** Removes every header of that name; *removed, if not NULL, gets their number. Errors: ABSENT. */
static inline int32_t weir_header_remove(struct weir_envelope *env, struct weir_str name, size_t *removed)
{
    return env->host->header_remove(env, name, removed);
}
static inline struct weir_coordinates weir_source(struct weir_envelope *env)
{
    return env->host->source(env);
}
/** The name of the route that the envelope is on. */
static inline struct weir_str weir_route(struct weir_envelope *env)
{
    return env->host->route(env);
}
/** Why it was last rejected or failed; absent where it was not. */
static inline struct weir_str weir_reason(struct weir_envelope *env)
{
    return env->host->reason(env);
}
/** The name of the stage that last failed it; absent where none did. */
static inline struct weir_str weir_failed_stage(struct weir_envelope *env)
{
    return env->host->failed_stage(env);
}
/** The topic that last acknowledged it; absent before the first sink, and where the sink refused it. */
static inline struct weir_str weir_ended_topic(struct weir_envelope *env)
{
    return env->host->ended_topic(env);
}
/** Memory that lives as long as the envelope, aligned for any type, not cleared. NULL: over the cap. */
static inline void *weir_alloc(struct weir_envelope *env, size_t n)
{
    return env->host->alloc(env, n);
}

/* ---- verdicts with their reason: `return weir_fail(env, "Missing fields: %.*s", …);`
 * A reason is UTF-8 and one line; it is cut behind 1024 bytes. */

WEIR_PRINTF(2, 3) static inline int32_t weir_reject(struct weir_envelope *env, const char *reason, ...)
{
    va_list ap;
    int32_t v;

    va_start(ap, reason);
    v = env->host->verdict(env, WEIR_REJECT, reason, ap);
    va_end(ap);
    return v;
}
WEIR_PRINTF(2, 3) static inline int32_t weir_fail(struct weir_envelope *env, const char *reason, ...)
{
    va_list ap;
    int32_t v;

    va_start(ap, reason);
    v = env->host->verdict(env, WEIR_FAIL, reason, ap);
    va_end(ap);
    return v;
}
WEIR_PRINTF(2, 3) static inline int32_t weir_retry(struct weir_envelope *env, const char *reason, ...)
{
    va_list ap;
    int32_t v;

    va_start(ap, reason);
    v = env->host->verdict(env, WEIR_RETRY, reason, ap);
    va_end(ap);
    return v;
}
WEIR_PRINTF(2, 3) static inline int32_t weir_stop(struct weir_envelope *env, const char *reason, ...)
{
    va_list ap;
    int32_t v;

    va_start(ap, reason);
    v = env->host->verdict(env, WEIR_STOP, reason, ap);
    va_end(ap);
    return v;
}

/* ---- what a stage makes */

/** Makes a new envelope, which starts right behind this stage on the route in `emit`. Made in process, it
 *  belongs to the current record: that record's offset waits for it. key and value are copied.
 *  Errors: MISUSE (the stage has no `emit`), INVALID (no JSON object, in a chain of JSON), NOMEM. */
static inline int32_t weir_emit(struct weir_stage *stage, struct weir_str key, struct weir_str value)
{
    return stage->host->emit(stage, key, value);
}
/** For sinks: sends a record. The envelope waits at this stage, after its verdict PASS, until the send is
 *  acknowledged or refused, and only then walks on. With env NULL the send is for every envelope that this
 *  stage holds: its acknowledgement releases them all; where it holds none, nobody waits for it. With
 *  another verdict than PASS nothing is sent for env. Whoever passes an envelope whose send or hold was not
 *  OK stops the chain, since the record would be lost: fail it, or ask for it again.
 *  Errors: MISUSE (no sink, no topic, or already sent for this envelope), NOMEM. */
static inline int32_t weir_send(struct weir_stage *stage, struct weir_envelope *env,
                                const struct weir_message *m)
{
    return stage->host->send(stage, env, m);
}
/** For sinks: keeps the current envelope at this stage, after its verdict PASS, until a later weir_send()
 * with env NULL. The stage must have a flush that sends. Errors: MISUSE. */
static inline int32_t weir_hold(struct weir_stage *stage, struct weir_envelope *env)
{
    return stage->host->hold(stage, env);
}
static inline struct weir_str weir_topic_name(struct weir_stage *stage, const struct weir_topic *topic)
{
    return stage->host->topic_name(topic);
}

/* ---- the stage */

/** Now, in Unix milliseconds. Take the time from here, never from the system: tests fix it. */
static inline int64_t weir_now_ms(struct weir_stage *stage)
{
    return stage->host->now_ms(stage);
}
/** Calls timer() once, after_ms from now; a second call replaces the first; negative: never. Errors: MISUSE.
 */
static inline int32_t weir_set_timer(struct weir_stage *stage, int64_t after_ms)
{
    return stage->host->set_timer(stage, after_ms);
}
/** Writes a log line: a fixed phrase, then key=value. The host adds chain and stage. */
WEIR_PRINTF(3, 4) static inline void weir_log(struct weir_stage *stage, int32_t level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    stage->host->log(stage, level, fmt, ap);
    va_end(ap);
}
/** Adds to a counter of this stage. name: [a-z_]+, a string constant, none of the host's own (passed,
 * rejected, dropped, failed, retried). Errors: NOMEM, MISUSE (such a name, or too many). */
static inline int32_t weir_count(struct weir_stage *stage, const char *name, uint64_t n)
{
    return stage->host->count(stage, name, n);
}
/** For save: appends bytes to the stage's saved state. Errors: MISUSE (outside save), NOMEM. */
static inline int32_t weir_save_bytes(struct weir_stage *stage, const void *bytes, size_t n)
{
    return stage->host->save_bytes(stage, bytes, n);
}
/** For create and restore: says why it failed; the host adds file and line. `return weir_error(stage, "…");`
 * is WEIR_INVALID. Elsewhere it is a line in the log. */
WEIR_PRINTF(2, 3) static inline int32_t weir_error(struct weir_stage *stage, const char *fmt, ...)
{
    va_list ap;
    int32_t status;

    va_start(ap, fmt);
    status = stage->host->error(stage, fmt, ap);
    va_end(ap);
    return status;
}
/** For create: says what is legal but unwise about an option (NULL: about the stage); `weir check` shows it.
 * Elsewhere it is a line in the log. */
WEIR_PRINTF(3, 4)
static inline void weir_warn(struct weir_stage *stage, const char *option, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    stage->host->warn(stage, option, fmt, ap);
    va_end(ap);
}
/** True where the configuration sets this option, false where it has its default. */
static inline bool weir_is_set(struct weir_stage *stage, const char *option)
{
    return stage->host->is_set(stage, option);
}
/** True where the values of the chain are JSON objects, false where they are bytes and have no fields. */
static inline bool weir_json_values(struct weir_stage *stage)
{
    return stage->host->json_values(stage);
}
/** The stage's name in its chain. */
static inline struct weir_str weir_stage_name(struct weir_stage *stage)
{
    return stage->host->name(stage);
}

/* ------------------------------------------------------------------------------------------- options
 * A table that says where in the state struct each option goes. The host reads, checks and fills them before
 * create. Each macro takes the struct, the member, then designated extras, of which each option takes those
 * that mean something for it:
 *
 *     .name      the key in the file, where it is not the member's name
 *     .def       the default, as it would be written in the file; without it an absent option is zero or
 *                absent
 *     .required  it must be given
 *     .min .max  bounds, both inclusive, in milliseconds, bytes or plain numbers; both 0: none; a max of 0
 *                under a min above 0: no upper bound
 *     .choices   for a choice: the words, NULL at the end; the member gets the index
 *     .help      one line, lower case, no full stop */

enum {
    WEIR_TYPE_END = 0,
    WEIR_TYPE_DURATION = 1, /**< int64_t, milliseconds: 500ms 60s 5m 2h 7d */
    WEIR_TYPE_SIZE = 2,     /**< int64_t, bytes: 100B 64KiB 1MiB 1GiB, 64kB 1MB 1GB */
    WEIR_TYPE_INTEGER = 3,  /**< int64_t */
    WEIR_TYPE_FLOAT = 4,    /**< double, finite */
    WEIR_TYPE_BOOL = 5,     /**< bool: yes no true false on off */
    WEIR_TYPE_STRING = 6,   /**< struct weir_str */
    WEIR_TYPE_SECRET = 7,   /**< struct weir_str; never shown */
    WEIR_TYPE_CHOICE = 8,   /**< int32_t: the index in .choices */
    WEIR_TYPE_LIST = 9,     /**< struct weir_list: split at commas, trimmed, none empty */
    WEIR_TYPE_FIELD = 10,   /**< const struct weir_field * */
    WEIR_TYPE_FIELDS = 11,  /**< struct weir_fields */
    WEIR_TYPE_TOPIC = 12,   /**< const struct weir_topic *; for sinks */
    WEIR_TYPE_PREFIX = 13   /**< struct weir_pairs: every key that begins with .name, which ends with a dot */
};

struct weir_option {
    uint32_t size; /**< sizeof(struct weir_option) of the header that the plugin was built with */
    uint32_t type;
    size_t offset;
    const char *member;
    const char *name;
    const char *def;
    const char *help;
    const char *const *choices;
    double min, max;
    bool required;
};

#ifndef __cplusplus
/* A member of the wrong type has no branch in _Generic, and does not compile. */
#define WEIR_OFFSET_(T, m, ctype) (offsetof(T, m) + 0 * sizeof(_Generic(&((T *)0)->m, ctype * : 1)))
#define WEIR_OPT_(T, m, ctype, kind, ...)                                                                    \
    {                                                                                                        \
        .size = (uint32_t)sizeof(struct weir_option), .type = (kind), .member = #m,                          \
        .offset = WEIR_OFFSET_(T, m, ctype), __VA_ARGS__                                                     \
    }
#define WEIR_OPT_DURATION(T, m, ...) WEIR_OPT_(T, m, int64_t, WEIR_TYPE_DURATION, __VA_ARGS__)
#define WEIR_OPT_SIZE(T, m, ...) WEIR_OPT_(T, m, int64_t, WEIR_TYPE_SIZE, __VA_ARGS__)
#define WEIR_OPT_INTEGER(T, m, ...) WEIR_OPT_(T, m, int64_t, WEIR_TYPE_INTEGER, __VA_ARGS__)
#define WEIR_OPT_FLOAT(T, m, ...) WEIR_OPT_(T, m, double, WEIR_TYPE_FLOAT, __VA_ARGS__)
#define WEIR_OPT_BOOL(T, m, ...) WEIR_OPT_(T, m, bool, WEIR_TYPE_BOOL, __VA_ARGS__)
#define WEIR_OPT_STRING(T, m, ...) WEIR_OPT_(T, m, struct weir_str, WEIR_TYPE_STRING, __VA_ARGS__)
#define WEIR_OPT_SECRET(T, m, ...) WEIR_OPT_(T, m, struct weir_str, WEIR_TYPE_SECRET, __VA_ARGS__)
#define WEIR_OPT_CHOICE(T, m, ...) WEIR_OPT_(T, m, int32_t, WEIR_TYPE_CHOICE, __VA_ARGS__)
#define WEIR_OPT_LIST(T, m, ...) WEIR_OPT_(T, m, struct weir_list, WEIR_TYPE_LIST, __VA_ARGS__)
#define WEIR_OPT_FIELD(T, m, ...) WEIR_OPT_(T, m, const struct weir_field *, WEIR_TYPE_FIELD, __VA_ARGS__)
#define WEIR_OPT_FIELDS(T, m, ...) WEIR_OPT_(T, m, struct weir_fields, WEIR_TYPE_FIELDS, __VA_ARGS__)
#define WEIR_OPT_TOPIC(T, m, ...) WEIR_OPT_(T, m, const struct weir_topic *, WEIR_TYPE_TOPIC, __VA_ARGS__)
#define WEIR_OPT_PREFIX(T, m, ...) WEIR_OPT_(T, m, struct weir_pairs, WEIR_TYPE_PREFIX, __VA_ARGS__)
#define WEIR_OPT_END                                                                                         \
    {                                                                                                        \
        .size = (uint32_t)sizeof(struct weir_option), .type = WEIR_TYPE_END                                  \
    }
#endif

/* --------------------------------------------------------------------------------------- the description */

/** Flags of a plugin. */
enum {
    WEIR_SINK = 1,        /**< it sends: may call weir_send and weir_hold */
    WEIR_FAIL_CLOSED = 2, /**< it protects something: sees every route, and stands before every sink */
    WEIR_EMITS = 4        /**< it makes envelopes: needs the track option `emit` */
};

/** What a plugin exports. Absent callbacks are NULL; only process is required. */
struct weir_plugin {
    uint32_t magic;
    uint16_t major, minor; /**< of the header that it was built with */
    uint32_t size;         /**< sizeof(struct weir_plugin) of that header */
    uint32_t needs_minor;  /**< a host with a lower minor refuses it */

    const char *name;    /**< [a-z][a-z0-9_]*, the file's name without .so */
    const char *version; /**< the author's own */
    const char *help;    /**< one line, lower case, no full stop */
    const struct weir_option *options;
    size_t self_size; /**< bytes of the state struct; the host allocates it zeroed, aligned as by malloc */
    uint32_t flags;
    uint32_t state_version; /**< of what save writes */

    /** Makes a stage ready, once its options are in self; binds fields. No I/O on the network. It runs in
     *  `weir check`, too, and once more for each reload and each worker that starts again: what it opens may
     *  be open elsewhere. Returns WEIR_OK, or weir_error(…): destroy is then not called. */
    int32_t (*create)(struct weir_stage *stage, void *self);
    void (*destroy)(struct weir_stage *stage, void *self);
    /** One envelope. Returns a verdict. */
    int32_t (*process)(struct weir_stage *stage, void *self, struct weir_envelope *env);
    /** The timer set by weir_set_timer() has run out. Returns WEIR_PASS or WEIR_STOP. */
    int32_t (*timer)(struct weir_stage *stage, void *self);
    /** For sinks: send what is held, now. Called before a commit point: a reload, a rebalance, the end, in
     *  exactly-once every commit; and where a transaction is aborted, when what it sends goes nowhere.
     *  Returns WEIR_PASS or WEIR_STOP. */
    int32_t (*flush)(struct weir_stage *stage, void *self);
    /** Writes the state that should survive a reload with weir_save_bytes(). Must not change self. In
     *  exactly-once it is called at every commit, too. */
    int32_t (*save)(struct weir_stage *stage, void *self);
    /** Takes over what the stage of the same name and plugin saved in the generation before. Anything but
     *  WEIR_OK refuses the reload, and the old generation goes on. In exactly-once a stage also gets back
     *  what it saved itself, when a transaction is aborted: so the saved state replaces all that it has. */
    int32_t (*restore)(struct weir_stage *stage, void *self, uint32_t version, struct weir_str bytes);
};

/** The one exported symbol: `const struct weir_plugin *weir_plugin_v1(void)`. */
#define WEIR_PLUGIN_SYMBOL "weir_plugin_v1"
typedef const struct weir_plugin *weir_plugin_function(void);

/** Define it before the include to run on hosts older than this header; what they lack is then not declared.
 */
#ifndef WEIR_NEEDS_MINOR
#define WEIR_NEEDS_MINOR WEIR_ABI_MINOR
#endif

#ifndef __cplusplus
#define WEIR_PLUGIN(...)                                                                                     \
    WEIR_EXPORT const struct weir_plugin *weir_plugin_v1(void);                                              \
    const struct weir_plugin *weir_plugin_v1(void)                                                           \
    {                                                                                                        \
        static const struct weir_plugin plugin = {.magic = WEIR_ABI_MAGIC,                                   \
                                                  .major = WEIR_ABI_MAJOR,                                   \
                                                  .minor = WEIR_ABI_MINOR,                                   \
                                                  .size = (uint32_t)sizeof(struct weir_plugin),              \
                                                  .needs_minor = WEIR_NEEDS_MINOR,                           \
                                                  __VA_ARGS__};                                              \
        return &plugin;                                                                                      \
    }
#endif

#ifdef __cplusplus
}
#endif
#endif
