/* fake_services.c: the host's services of fake_host.h. A field is its path, split at dots; json-c's objects
 * hold the values. What is asked at the wrong time is our own test's mistake, and asserted. */
#include "fake_host.h"

#include <assert.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>

#define MAX_NAMES 12

struct weir_field {
    struct weir_str path;
    const char *names[MAX_NAMES];
    size_t count;
};
struct weir_topic {
    struct weir_str name;
};

static struct fake *fake_of(struct weir_stage *stage)
{
    return (struct fake *)stage;
}

static struct fake_envelope *env_of(struct weir_envelope *env)
{
    return (struct fake_envelope *)env;
}

/* ---- fields */

const struct weir_field *fake_bind(void *self, const char *path, const char **why)
{
    struct fake *f = self;
    struct weir_field *field = arena_zalloc(&f->arena, sizeof *field);
    struct weir_str copy = arena_str(&f->arena, str_of(path));
    char *to = arena_alloc(&f->arena, copy.len + 1);

    assert(field && to);
    field->path = copy;
    field->names[field->count++] = to;
    for (size_t i = 0; i < copy.len; i++) {
        if (copy.ptr[i] == '\\' && i + 1 < copy.len) {
            *to++ = copy.ptr[++i];
        } else if (copy.ptr[i] == '.') {
            *to++ = '\0';
            assert(field->count < MAX_NAMES);
            field->names[field->count++] = to;
        } else {
            *to++ = copy.ptr[i];
        }
    }
    *to = '\0';
    if (why)
        *why = "is not a path";
    return copy.len > 0 && copy.ptr[copy.len - 1] != '.' ? field : NULL;
}

const struct weir_topic *fake_bind_topic(void *self, struct weir_str name, const char **why)
{
    struct fake *f = self;
    struct weir_topic *topic = arena_alloc(&f->arena, sizeof *topic);

    (void)why;
    assert(topic);
    topic->name = arena_str(&f->arena, name);
    return topic;
}

static const struct weir_field *field(struct weir_stage *stage, const char *path)
{
    const char *why;
    const struct weir_field *f = fake_bind(fake_of(stage), path, &why);

    if (!f)
        weir_error(stage, "field \"%s\" %s", path, why);
    return f;
}

static struct weir_str field_name(const struct weir_field *f)
{
    return f->path;
}

/* Finds the object in which the field stands. */
static int32_t find_parent(struct fake_envelope *env, const struct weir_field *f, struct json_object **parent)
{
    *parent = env->root;
    if (!env->root)
        return WEIR_JSON_ABSENT;
    for (size_t i = 0; i + 1 < f->count; i++) {
        if (!json_object_object_get_ex(*parent, f->names[i], parent))
            return WEIR_JSON_ABSENT;
        if (!json_object_is_type(*parent, json_type_object))
            return WEIR_JSON_BLOCKED;
    }
    return WEIR_JSON_OBJECT;
}

static int32_t find(struct weir_envelope *handle, const struct weir_field *f, struct json_object **value)
{
    struct json_object *parent;
    int32_t found = find_parent(env_of(handle), f, &parent);

    if (found != WEIR_JSON_OBJECT)
        return found;
    if (!json_object_object_get_ex(parent, f->names[f->count - 1], value))
        return WEIR_JSON_ABSENT;
    switch (json_object_get_type(*value)) {
    case json_type_null:
        return WEIR_JSON_NULL;
    case json_type_boolean:
        return WEIR_JSON_BOOL;
    case json_type_double:
    case json_type_int:
        return WEIR_JSON_NUMBER;
    case json_type_object:
        return WEIR_JSON_OBJECT;
    case json_type_array:
        return WEIR_JSON_ARRAY;
    case json_type_string:
        return WEIR_JSON_STRING;
    }
    return WEIR_JSON_ABSENT;
}

static int32_t field_type(struct weir_envelope *env, const struct weir_field *f)
{
    struct json_object *value;

    return find(env, f, &value);
}

static int32_t find_typed(struct weir_envelope *env, const struct weir_field *f, int32_t type,
                          struct json_object **value)
{
    int32_t found = find(env, f, value);

    return found == WEIR_JSON_ABSENT ? WEIR_ABSENT : found == type ? WEIR_OK : WEIR_TYPE;
}

static bool holds_surrogate(struct json_object *value)
{
    return json_object_is_type(value, json_type_string) &&
           memmem(json_object_get_string(value), (size_t)json_object_get_string_len(value), "\xEF\xBF\xBD",
                  3);
}

static int32_t get_string(struct weir_envelope *env, const struct weir_field *f, struct weir_str *out)
{
    struct json_object *value;
    int32_t status = find_typed(env, f, WEIR_JSON_STRING, &value);

    if (status != WEIR_OK)
        return status;
    *out = str_make(json_object_get_string(value), (size_t)json_object_get_string_len(value));
    return holds_surrogate(value) ? WEIR_INVALID : WEIR_OK;
}

static int32_t get_int(struct weir_envelope *env, const struct weir_field *f, int64_t *out)
{
    struct json_object *value;
    int32_t status = find_typed(env, f, WEIR_JSON_NUMBER, &value);

    if (status != WEIR_OK)
        return status;
    *out = json_object_get_int64(value);
    return json_object_is_type(value, json_type_int) ? WEIR_OK : WEIR_RANGE;
}

static int32_t get_double(struct weir_envelope *env, const struct weir_field *f, double *out)
{
    struct json_object *value;
    int32_t status = find_typed(env, f, WEIR_JSON_NUMBER, &value);

    if (status != WEIR_OK)
        return status;
    *out = json_object_get_double(value);
    return isfinite(*out) ? WEIR_OK : WEIR_RANGE;
}

/* JSON's grammar of a number. */
static bool is_number(struct weir_str text)
{
    char *copy = str_dup(text);
    regex_t number;
    bool matches;

    assert(copy && regcomp(&number, "^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?$", REG_EXTENDED) == 0);
    matches = strlen(copy) == text.len && regexec(&number, copy, 0, NULL, 0) == 0;
    regfree(&number);
    free(copy);
    return matches;
}

static int32_t get_number(struct weir_envelope *env, const struct weir_field *f, double *out)
{
    int32_t status = get_double(env, f, out);
    struct weir_str text;
    double number;

    if (status != WEIR_TYPE || field_type(env, f) != WEIR_JSON_STRING)
        return status;
    if (get_string(env, f, &text) != WEIR_OK || !is_number(text))
        return WEIR_TYPE;
    number = strtod(text.ptr, NULL); /* json-c ends its texts with a NUL */
    if (!isfinite(number))
        return WEIR_RANGE;
    *out = number;
    return WEIR_OK;
}

static int32_t get_raw(struct weir_envelope *env, const struct weir_field *f, struct weir_str *out)
{
    struct json_object *value = NULL;
    int32_t found = find(env, f, &value);

    if (found == WEIR_JSON_ABSENT || found == WEIR_JSON_BLOCKED)
        return found == WEIR_JSON_ABSENT ? WEIR_ABSENT : WEIR_TYPE;
    if (holds_surrogate(value))
        *out = STR("\"\\ud800\"");
    else
        *out = value ? str_of(json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE))
                     : STR("null");
    return WEIR_OK;
}

static int32_t set(struct weir_envelope *handle, const struct weir_field *f, struct json_object *value)
{
    struct json_object *parent;
    int32_t found = find_parent(env_of(handle), f, &parent);

    if (found != WEIR_JSON_OBJECT || env_of(handle)->fake->no_set) {
        json_object_put(value);
        return found == WEIR_JSON_OBJECT ? WEIR_NOMEM : found == WEIR_JSON_ABSENT ? WEIR_ABSENT : WEIR_TYPE;
    }
    env_of(handle)->changed = true;
    json_object_object_add(parent, f->names[f->count - 1], value);
    return WEIR_OK;
}

static int32_t set_string(struct weir_envelope *env, const struct weir_field *f, struct weir_str s)
{
    return set(env, f, json_object_new_string_len(s.ptr, (int)s.len));
}

static int32_t set_raw(struct weir_envelope *env, const struct weir_field *f, struct weir_str json)
{
    char *text = str_dup(json);
    int32_t status = set(env, f, json_tokener_parse(text));

    free(text);
    return status;
}

static int32_t remove_field(struct weir_envelope *handle, const struct weir_field *f)
{
    struct json_object *parent, *value;
    int32_t found = find(handle, f, &value);

    if (found == WEIR_JSON_ABSENT || found == WEIR_JSON_BLOCKED)
        return found == WEIR_JSON_ABSENT ? WEIR_ABSENT : WEIR_TYPE;
    if (env_of(handle)->fake->no_remove)
        return WEIR_NOMEM;
    find_parent(env_of(handle), f, &parent);
    json_object_object_del(parent, f->names[f->count - 1]);
    env_of(handle)->changed = true;
    return WEIR_OK;
}

/* ---- the envelope */

static struct weir_str key(struct weir_envelope *env)
{
    return env_of(env)->key;
}

static int32_t set_key(struct weir_envelope *env, struct weir_str k)
{
    if (k.ptr && env_of(env)->fake->no_set)
        return WEIR_NOMEM;
    env_of(env)->key = arena_str(&env_of(env)->arena, k);
    return WEIR_OK;
}

static int32_t value(struct weir_envelope *handle, struct weir_str *out)
{
    struct fake_envelope *env = env_of(handle);

    if (env->withheld || !env->value.ptr)
        return WEIR_ABSENT;
    *out = env->value;
    if (env->changed)
        *out =
            arena_str(&env->arena, str_of(json_object_to_json_string_ext(
                                       env->root, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)));
    return WEIR_OK;
}

static int32_t set_value(struct weir_envelope *env, struct weir_str v)
{
    (void)env;
    (void)v;
    return WEIR_MISUSE; /* no shipped plugin sets a whole value */
}

static bool withheld(struct weir_envelope *env)
{
    return env_of(env)->withheld;
}

static bool timestamp_ms(struct weir_envelope *env, int64_t *ms)
{
    if (env_of(env)->has_timestamp)
        *ms = env_of(env)->timestamp;
    return env_of(env)->has_timestamp;
}

static size_t header_count(struct weir_envelope *env)
{
    return env_of(env)->n_headers;
}

static int32_t header_at(struct weir_envelope *env, size_t i, struct weir_header *out)
{
    if (i >= env_of(env)->n_headers)
        return WEIR_ABSENT;
    *out = env_of(env)->headers[i];
    return WEIR_OK;
}

static int32_t header_add(struct weir_envelope *handle, struct weir_header h)
{
    struct fake_envelope *env = env_of(handle);

    assert(env->n_headers < FAKE_HEADERS);
    env->headers[env->n_headers++] =
        (struct weir_header){arena_str(&env->arena, h.name), arena_str(&env->arena, h.value)};
    return WEIR_OK;
}

static int32_t header_replace(struct weir_envelope *env, size_t i, struct weir_str v)
{
    if (env_of(env)->fake->no_set)
        return WEIR_NOMEM;
    env_of(env)->headers[i].value = arena_str(&env_of(env)->arena, v);
    return WEIR_OK;
}

static int32_t header_remove(struct weir_envelope *handle, struct weir_str name, size_t *removed)
{
    struct fake_envelope *env = env_of(handle);
    size_t kept = 0, count = env->n_headers;

    for (size_t i = 0; i < count; i++)
        if (!str_eq(env->headers[i].name, name))
            env->headers[kept++] = env->headers[i];
    env->n_headers = kept;
    if (removed)
        *removed = count - kept;
    return kept < count ? WEIR_OK : WEIR_ABSENT;
}

static struct weir_coordinates source(struct weir_envelope *env)
{
    return env_of(env)->fake->no_partition ? (struct weir_coordinates){STR("user-login"), -1, -1}
                                           : (struct weir_coordinates){STR("user-login"), 3, 42};
}

static struct weir_str route(struct weir_envelope *env)
{
    return env_of(env)->route;
}

static struct weir_str reason(struct weir_envelope *env)
{
    return env_of(env)->reason;
}

static struct weir_str failed_stage(struct weir_envelope *env)
{
    return env_of(env)->failed_stage;
}

static struct weir_str ended_topic(struct weir_envelope *env)
{
    return env_of(env)->ended_topic;
}

static int32_t verdict(struct weir_envelope *env, int32_t v, const char *fmt, va_list ap)
{
    env_of(env)->said = arena_vfmt(&env_of(env)->arena, fmt, ap);
    return v;
}

static void *alloc(struct weir_envelope *env, size_t n)
{
    return env_of(env)->fake->no_memory ? NULL : arena_alloc(&env_of(env)->arena, n);
}

/* ---- the stage */

static int32_t emit(struct weir_stage *stage, struct weir_str k, struct weir_str v)
{
    assert(!k.ptr);
    if (fake_of(stage)->no_memory)
        return WEIR_NOMEM;
    buf_add_fmt(&fake_of(stage)->out, STR_FMT "\n", STR_ARG(v));
    return WEIR_OK;
}

static int32_t send_message(struct weir_stage *stage, struct weir_envelope *env, const struct weir_message *m)
{
    struct fake *f = fake_of(stage);

    assert(m->size == sizeof *m && m->topic);
    buf_add_fmt(&f->out, STR_FMT " key=" STR_FMT " value=" STR_FMT, STR_ARG(m->topic->name),
                STR_ARG(m->key.ptr ? m->key : STR("null")), STR_ARG(m->value.ptr ? m->value : STR("null")));
    if (m->flags & WEIR_SEND_ALWAYS)
        buf_add_fmt(&f->out, " spare=" STR_FMT, STR_ARG(m->spare));
    if (m->flags & WEIR_SEND_TIMESTAMP)
        buf_add_fmt(&f->out, " timestamp=%lld", (long long)m->timestamp_ms);
    if (m->flags & WEIR_SEND_PARTITION)
        buf_add_fmt(&f->out, " partition=%d", m->partition);
    if (m->flags & WEIR_SEND_HEADERS)
        buf_add_text(&f->out, " headers");
    for (size_t i = 0; i < m->n_headers; i++)
        buf_add_fmt(&f->out, " " STR_FMT "=" STR_FMT, STR_ARG(m->headers[i].name),
                    STR_ARG(m->headers[i].value));
    buf_add_char(&f->out, '\n');
    if (!env) {
        buf_add_fmt(&f->out, "released %zu\n", f->held);
        f->held = 0;
    }
    return WEIR_OK;
}

static int32_t hold(struct weir_stage *stage, struct weir_envelope *env)
{
    (void)env;
    fake_of(stage)->held++;
    return WEIR_OK;
}

static struct weir_str topic_name(const struct weir_topic *topic)
{
    return topic->name;
}

static int64_t now_ms(struct weir_stage *stage)
{
    return fake_of(stage)->now;
}

static int32_t set_timer(struct weir_stage *stage, int64_t after_ms)
{
    fake_of(stage)->timer = after_ms;
    return WEIR_OK;
}

static void write_log(struct weir_stage *stage, int32_t level, const char *fmt, va_list ap)
{
    (void)stage;
    (void)level;
    (void)fmt;
    (void)ap;
}

static int32_t count(struct weir_stage *stage, const char *name, uint64_t n)
{
    (void)stage;
    (void)name;
    (void)n;
    return WEIR_OK;
}

static int32_t save_bytes(struct weir_stage *stage, const void *bytes, size_t n)
{
    buf_add(&fake_of(stage)->saved, str_make(bytes, n));
    return WEIR_OK;
}

static int32_t error(struct weir_stage *stage, const char *fmt, va_list ap)
{
    diag_vadd(&fake_of(stage)->diag, false, (struct place){"test", 0}, fmt, ap);
    return WEIR_INVALID;
}

static void warn(struct weir_stage *stage, const char *option, const char *fmt, va_list ap)
{
    (void)option;
    diag_vadd(&fake_of(stage)->diag, true, (struct place){"test", 0}, fmt, ap);
}

static bool is_set(struct weir_stage *stage, const char *option)
{
    return config_keys_find(&fake_of(stage)->keys, option) != NULL;
}

static bool json_values(struct weir_stage *stage)
{
    return !fake_of(stage)->bytes;
}

static struct weir_str name(struct weir_stage *stage)
{
    (void)stage;
    return STR("stage");
}

const struct weir_host fake_services = {
    .size = sizeof(struct weir_host),
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
    .emit = emit,
    .send = send_message,
    .hold = hold,
    .topic_name = topic_name,
    .now_ms = now_ms,
    .set_timer = set_timer,
    .log = write_log,
    .count = count,
    .save_bytes = save_bytes,
    .error = error,
    .warn = warn,
    .is_set = is_set,
    .json_values = json_values,
    .name = name,
};
