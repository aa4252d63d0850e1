/* services.c: what weir/plugin.h promises, done by the chain.
 *
 * Every function here is called from a plugin and trusts it as far as its pointers go; what it asks for at
 * the wrong time is answered with WEIR_MISUSE. Fields are doc.c's; this file only keeps the envelope's own
 * copy of the spliced value in step. */
#include "chain/services.h"

#include "base/clock.h"
#include "chain/walk.h"
#include "config/config.h"
#include "config/diag.h"
#include "config/options.h"

#include <stdio.h>
#include <stdlib.h>

#define REASON_MAX 1024 /* bytes */

/* ---- fields */

static const struct weir_field *field(struct weir_stage *handle, const char *path)
{
    struct stage *stage = stage_of(handle);
    const char *why = NULL;
    const struct weir_field *f;

    if (!stage->diag) {
        log_at(chain_place(stage->chain, stage), WEIR_LOG_ERROR, "a field may be bound in create only");
        return NULL;
    }
    f = stage_bind(stage, path, &why);
    if (!f) {
        weir_error(handle, "field \"%s\" %s", path, why);
        return NULL;
    }
    return f;
}

static struct weir_str field_name(const struct weir_field *f)
{
    return f ? paths_name(f) : STR_ABSENT;
}

/* An emitted value is parsed when it is made; but when somebody first asks, where only a verdict has led it
 * to a route on which anybody does. Apart, so that a service for a parsed value is one comparison. */
static __attribute__((cold)) bool parse_late(struct envelope *env)
{
    struct json_error error;

    if (!env->emitted || env->withheld || !env->value.ptr)
        return false;
    env->parsed = doc_parse(&env->doc, &env->arena, env->value, &error) == WEIR_OK;
    return env->parsed;
}

/* An option of type field that is not set is a NULL: absent in every record. */
static inline bool has_field(struct envelope *env, const struct weir_field *f)
{
    return f && (env->parsed || parse_late(env));
}

static int32_t field_type(struct weir_envelope *handle, const struct weir_field *f)
{
    struct envelope *env = envelope_of(handle);

    return has_field(env, f) ? doc_type(&env->doc, f) : WEIR_JSON_ABSENT;
}

static int32_t get_string(struct weir_envelope *handle, const struct weir_field *f, struct weir_str *out)
{
    struct envelope *env = envelope_of(handle);

    return has_field(env, f) ? doc_get_string(&env->doc, f, out) : WEIR_ABSENT;
}

static int32_t get_int(struct weir_envelope *handle, const struct weir_field *f, int64_t *out)
{
    struct envelope *env = envelope_of(handle);

    return has_field(env, f) ? doc_get_int(&env->doc, f, out) : WEIR_ABSENT;
}

static int32_t get_double(struct weir_envelope *handle, const struct weir_field *f, double *out)
{
    struct envelope *env = envelope_of(handle);

    return has_field(env, f) ? doc_get_double(&env->doc, f, out) : WEIR_ABSENT;
}

/* A text that is one JSON number and nothing else, blanks included. */
static bool is_number(struct weir_str s)
{
    return s.len && (s.ptr[0] == '-' || (s.ptr[0] >= '0' && s.ptr[0] <= '9')) && s.ptr[s.len - 1] >= '0' &&
           s.ptr[s.len - 1] <= '9' && json_check(s);
}

static int32_t get_number(struct weir_envelope *handle, const struct weir_field *f, double *out)
{
    struct envelope *env = envelope_of(handle);
    int32_t status = get_double(handle, f, out);
    struct weir_str text;

    if (status != WEIR_TYPE || field_type(handle, f) != WEIR_JSON_STRING)
        return status;
    if (doc_get_string(&env->doc, f, &text) != WEIR_OK || !is_number(text))
        return WEIR_TYPE;
    return doc_read_double(&env->doc, text, out);
}

static int32_t get_raw(struct weir_envelope *handle, const struct weir_field *f, struct weir_str *out)
{
    struct envelope *env = envelope_of(handle);

    return has_field(env, f) ? doc_get_raw(&env->doc, f, out) : WEIR_ABSENT;
}

static int32_t changed(struct envelope *env, int32_t status)
{
    if (status == WEIR_OK)
        env->spliced = STR_ABSENT;
    return status;
}

static int32_t set_string(struct weir_envelope *handle, const struct weir_field *f, struct weir_str s)
{
    struct envelope *env = envelope_of(handle);

    return has_field(env, f) ? changed(env, doc_set_string(&env->doc, f, s)) : WEIR_ABSENT;
}

static int32_t set_raw(struct weir_envelope *handle, const struct weir_field *f, struct weir_str json)
{
    struct envelope *env = envelope_of(handle);

    return has_field(env, f) ? changed(env, doc_set_raw(&env->doc, f, json)) : WEIR_ABSENT;
}

static int32_t remove_field(struct weir_envelope *handle, const struct weir_field *f)
{
    struct envelope *env = envelope_of(handle);

    return has_field(env, f) ? changed(env, doc_remove(&env->doc, f)) : WEIR_ABSENT;
}

/* ---- the envelope */

static struct weir_str key(struct weir_envelope *handle)
{
    return envelope_of(handle)->key;
}

static int32_t set_key(struct weir_envelope *handle, struct weir_str new_key)
{
    struct envelope *env = envelope_of(handle);
    struct weir_str copy = arena_str(&env->arena, new_key);

    if (new_key.ptr && !copy.ptr)
        return WEIR_NOMEM;
    env->key = copy;
    return WEIR_OK;
}

static int32_t value(struct weir_envelope *handle, struct weir_str *out)
{
    return envelope_value(envelope_of(handle), out);
}

bool services_value_fits(const struct chain *chain, struct weir_str s)
{
    return chain->conf->value_format != CONFIG_JSON || json_is_object(s);
}

static int32_t set_value(struct weir_envelope *handle, struct weir_str new_value)
{
    struct envelope *env = envelope_of(handle);
    struct json_error error;
    struct weir_str copy;
    int32_t status;

    if (env->withheld)
        return WEIR_MISUSE;
    if (!services_value_fits(env->chain, new_value))
        return WEIR_INVALID;
    copy = arena_str(&env->arena, new_value);
    if (new_value.ptr && !copy.ptr)
        return WEIR_NOMEM;
    if (env->parsed) {
        status = doc_parse(&env->doc, &env->arena, copy, &error);
        if (status != WEIR_OK) { /* it was checked: memory it is, and the old fields are gone */
            env->parsed = false;
            env->withheld = true;
            return WEIR_NOMEM;
        }
    }
    env->value = copy;
    env->spliced = STR_ABSENT;
    return WEIR_OK;
}

static bool withheld(struct weir_envelope *handle)
{
    return envelope_of(handle)->withheld;
}

static bool timestamp_ms(struct weir_envelope *handle, int64_t *ms)
{
    const struct envelope *env = envelope_of(handle);

    if (env->has_timestamp)
        *ms = env->timestamp_ms;
    return env->has_timestamp;
}

static size_t header_count(struct weir_envelope *handle)
{
    return envelope_of(handle)->n_headers;
}

static int32_t header_at(struct weir_envelope *handle, size_t i, struct weir_header *out)
{
    const struct envelope *env = envelope_of(handle);

    if (i >= env->n_headers)
        return WEIR_ABSENT;
    *out = env->headers[i];
    return WEIR_OK;
}

static int32_t header_add(struct weir_envelope *handle, struct weir_header h)
{
    if (!h.name.ptr)
        return WEIR_INVALID;
    return envelope_add_header(envelope_of(handle), h) ? WEIR_OK : WEIR_NOMEM;
}

static int32_t header_replace(struct weir_envelope *handle, size_t i, struct weir_str new_value)
{
    struct envelope *env = envelope_of(handle);
    struct weir_str copy;

    if (i >= env->n_headers)
        return WEIR_ABSENT;
    copy = arena_str(&env->arena, new_value);
    if (new_value.ptr && !copy.ptr)
        return WEIR_NOMEM;
    env->headers[i].value = copy;
    return WEIR_OK;
}

static int32_t header_remove(struct weir_envelope *handle, struct weir_str name, size_t *removed)
{
    struct envelope *env = envelope_of(handle);
    size_t kept = 0, count = env->n_headers;

    for (size_t i = 0; i < count; i++) {
        if (!str_eq(env->headers[i].name, name))
            env->headers[kept++] = env->headers[i];
    }
    env->n_headers = kept;
    if (removed)
        *removed = count - kept;
    return kept < count ? WEIR_OK : WEIR_ABSENT;
}

static struct weir_coordinates source(struct weir_envelope *handle)
{
    const struct envelope *env = envelope_of(handle);

    return (struct weir_coordinates){env->topic, env->partition, env->offset};
}

static struct weir_str route(struct weir_envelope *handle)
{
    const struct envelope *env = envelope_of(handle);

    return env->chain->routes.names[env->route];
}

static struct weir_str reason(struct weir_envelope *handle)
{
    return envelope_of(handle)->reason;
}

static struct weir_str failed_stage(struct weir_envelope *handle)
{
    return envelope_of(handle)->failed_stage;
}

static struct weir_str ended_topic(struct weir_envelope *handle)
{
    const struct envelope *env = envelope_of(handle);

    return env->ended ? env->ended->name : STR_ABSENT;
}

/* A reason goes into logs and headers, whatever a plugin puts there. */
static struct weir_str cut(struct envelope *env, struct weir_str s)
{
    size_t n = REASON_MAX;

    if (s.len <= REASON_MAX)
        return s;
    while (n > 0 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
        n--;
    return arena_fmt(&env->arena, "%.*s…", (int)n, s.ptr);
}

/* What `%.*s` prints: a text that a plugin has put together itself. */
static struct weir_str ready_text(va_list ap)
{
    int len = va_arg(ap, int);
    const char *text = va_arg(ap, const char *);

    if (!text)
        return STR("");
    return str_make(text, len < 0 ? strlen(text) : strnlen(text, (size_t)len));
}

static int32_t verdict(struct weir_envelope *handle, int32_t v, const char *fmt, va_list ap)
{
    struct envelope *env = envelope_of(handle);
    struct weir_str said = STR_ABSENT;

    if (fmt && strcmp(fmt, "%.*s") == 0)
        said = arena_str(&env->arena, ready_text(ap));
    else if (fmt && strchr(fmt, '%'))
        said = arena_vfmt(&env->arena, fmt, ap);
    else if (fmt)
        said = arena_str(&env->arena, str_of(fmt));
    env->said = cut(env, said);
    return v;
}

/* Outside of a call nobody looks at a guard. */
static void *alloc(struct weir_envelope *handle, size_t n)
{
    struct envelope *env = envelope_of(handle);
    struct chain *chain = env->chain;

    if (!chain->calling)
        return arena_alloc(&env->arena, n);
    return guards_alloc(&chain->guards, &env->arena, n, chain_place(chain, chain->calling));
}

static struct weir_str topic_name(const struct weir_topic *topic)
{
    return topic ? topic->name : STR_ABSENT;
}

/* ---- the stage */

static int64_t now_ms(struct weir_stage *handle)
{
    const struct chain_io *io = &stage_of(handle)->chain->io;

    return io->now_ms ? io->now_ms(io->self) : clock_wall_ms();
}

static int32_t set_timer(struct weir_stage *handle, int64_t after_ms)
{
    struct stage *stage = stage_of(handle);
    const struct chain_io *io = &stage->chain->io;

    if (!stage->plugin->about.timer)
        return WEIR_MISUSE;
    if (!io->mono_ms)
        stage->timer_first = after_ms; /* in create: it begins to run when the chain does */
    else
        stage->timer_at = after_ms < 0 ? -1 : io->mono_ms(io->self) + after_ms;
    return WEIR_OK;
}

static void log_stage(struct weir_stage *handle, int32_t level, const char *fmt, va_list ap)
{
    struct stage *stage = stage_of(handle);

    log_vat(chain_place(stage->chain, stage), level, fmt, ap);
}

/* Not one of the host's own, which stand beside them. */
static bool is_counter(const char *name)
{
    static const char *const taken[] = {"passed", "rejected", "dropped", "failed", "retried"};

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strcmp(name, taken[i]) == 0)
            return false;
    }
    return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")] == '\0';
}

static int32_t count(struct weir_stage *handle, const char *name, uint64_t n)
{
    struct stage *stage = stage_of(handle);

    if (!name)
        return WEIR_MISUSE;
    for (size_t i = 0; i < stage->n_own; i++) {
        if (stage->own[i].name == name || strcmp(stage->own[i].name, name) == 0) {
            stage->own[i].n += n;
            return WEIR_OK;
        }
    }
    if (stage->n_own == STAGE_COUNTERS_MAX || !is_counter(name))
        return WEIR_MISUSE;
    stage->own[stage->n_own++] = (struct stage_counter){name, n};
    return WEIR_OK;
}

static int32_t save_bytes(struct weir_stage *handle, const void *bytes, size_t n)
{
    struct stage *stage = stage_of(handle);

    if (!stage->saving)
        return WEIR_MISUSE;
    buf_add(stage->saving, str_make(bytes, n));
    return stage->saving->failed ? WEIR_NOMEM : WEIR_OK;
}

static void add_said(struct buf *said, const char *fmt, va_list ap)
{
    if (said->len)
        buf_add_text(said, "; ");
    buf_add_vfmt(said, fmt, ap);
}

static int32_t error(struct weir_stage *handle, const char *fmt, va_list ap)
{
    struct stage *stage = stage_of(handle);

    if (stage->diag)
        stage_say(stage, NULL, false, fmt, ap);
    else if (stage->chain->saying)
        add_said(stage->chain->saying, fmt, ap);
    else
        log_stage(handle, WEIR_LOG_ERROR, fmt, ap);
    stage->error_said = true;
    return WEIR_INVALID;
}

static void warn(struct weir_stage *handle, const char *option, const char *fmt, va_list ap)
{
    struct stage *stage = stage_of(handle);

    if (stage->diag)
        stage_say(stage, option, true, fmt, ap);
    else
        log_stage(handle, WEIR_LOG_WARN, fmt, ap);
}

static bool is_set(struct weir_stage *handle, const char *option)
{
    return config_keys_find(&stage_of(handle)->conf->keys, option) != NULL;
}

static bool json_values(struct weir_stage *handle)
{
    return stage_of(handle)->chain->conf->value_format == CONFIG_JSON;
}

static struct weir_str name(struct weir_stage *handle)
{
    return stage_of(handle)->conf->name;
}

const struct weir_host services = {
    .size = sizeof services,
    .major = WEIR_ABI_MAJOR,
    .minor = WEIR_ABI_MINOR,
    .field = field,
    .field_name = field_name,
    .field_type = field_type,
    .get_string = get_string,
    .get_int = get_int,
    .get_double = get_double,
    .get_number = get_number,
    .get_raw = get_raw,
    .set_string = set_string,
    .set_raw = set_raw,
    .remove = remove_field,
    .key = key,
    .set_key = set_key,
    .value = value,
    .set_value = set_value,
    .withheld = withheld,
    .timestamp_ms = timestamp_ms,
    .header_count = header_count,
    .header_at = header_at,
    .header_add = header_add,
    .header_replace = header_replace,
    .header_remove = header_remove,
    .source = source,
    .route = route,
    .reason = reason,
    .failed_stage = failed_stage,
    .ended_topic = ended_topic,
    .verdict = verdict,
    .alloc = alloc,
    .emit = services_emit,
    .send = services_send,
    .hold = services_hold,
    .topic_name = topic_name,
    .now_ms = now_ms,
    .set_timer = set_timer,
    .log = log_stage,
    .count = count,
    .save_bytes = save_bytes,
    .error = error,
    .warn = warn,
    .is_set = is_set,
    .json_values = json_values,
    .name = name,
};
