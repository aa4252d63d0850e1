/* pipe_input.c: a record written as a JSON object, for `weir pipe --envelopes`.
 *
 * Our own strict check goes first, since json-c takes more than JSON; json-c then builds the object. */
#include "cli/pipe_input.h"

#include "chain/json.h"

#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdio.h>

struct reader {
    struct arena *arena;
    struct record *record;
    const char *why;
};

static bool wrong(struct reader *r, const char *why)
{
    r->why = why;
    return false;
}

/* A string's bytes, or the absence that null stands for. */
static bool take_text(struct reader *r, json_object *v, struct weir_str *out)
{
    if (!v) {
        *out = STR_ABSENT;
        return true;
    }
    if (!json_object_is_type(v, json_type_string))
        return wrong(r, "must be a string or null");
    *out = arena_str(r->arena, str_make(json_object_get_string(v), (size_t)json_object_get_string_len(v)));
    return out->ptr ? true : wrong(r, "does not fit into memory");
}

static bool take_base64(struct reader *r, json_object *v, struct weir_str *out)
{
    struct weir_str text;
    char *bytes;
    int n;

    if (!v || !take_text(r, v, &text))
        return wrong(r, "must be a string of base64");
    bytes = arena_alloc(r->arena, text.len / 4 * 3 + 1);
    if (!bytes)
        return wrong(r, "does not fit into memory");
    n = text.len % 4
            ? -1
            : EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)text.ptr, (int)text.len);
    if (n < 0)
        return wrong(r, "must be base64, with its padding");
    for (size_t i = 0; i < 2 && i < text.len && text.ptr[text.len - 1 - i] == '='; i++)
        n--;
    *out = str_make(bytes, (size_t)n);
    return true;
}

static bool take_int(struct reader *r, json_object *v, int64_t min, int64_t max, int64_t *out)
{
    struct weir_str text;

    if (!json_object_is_type(v, json_type_int))
        return wrong(r, "must be a whole number");
    text = str_of(json_object_to_json_string(v));
    if (!str_to_int(text, out) || *out < min || *out > max)
        return wrong(r, "is out of range");
    return true;
}

static bool take_header(struct reader *r, json_object *v, struct weir_header *h)
{
    json_object *value, *base64;

    if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) != 2)
        return wrong(r, "must be an array of [name, value] pairs");
    if (!take_text(r, json_object_array_get_idx(v, 0), &h->name) || !h->name.ptr)
        return wrong(r, "must have names that are strings");
    value = json_object_array_get_idx(v, 1);
    if (json_object_is_type(value, json_type_object) && json_object_object_get_ex(value, "base64", &base64))
        return take_base64(r, base64, &h->value);
    return take_text(r, value, &h->value);
}

static bool take_headers(struct reader *r, json_object *v)
{
    struct weir_header *headers;
    size_t n;

    if (!json_object_is_type(v, json_type_array))
        return wrong(r, "must be an array of [name, value] pairs");
    n = json_object_array_length(v);
    headers = arena_zalloc(r->arena, (n + 1) * sizeof *headers);
    if (!headers)
        return wrong(r, "does not fit into memory");
    for (size_t i = 0; i < n; i++) {
        if (!take_header(r, json_object_array_get_idx(v, i), &headers[i]))
            return false;
    }
    r->record->headers = headers;
    r->record->n_headers = n;
    return true;
}

static bool take_timestamp(struct reader *r, json_object *v)
{
    r->record->has_timestamp = v != NULL; /* null: the record has none */
    return !v || take_int(r, v, INT64_MIN, INT64_MAX, &r->record->timestamp_ms);
}

static bool take_member(struct reader *r, const char *name, json_object *v)
{
    struct record *rec = r->record;
    int64_t n = 0;

    if (strcmp(name, "key") == 0)
        return take_text(r, v, &rec->key);
    if (strcmp(name, "key_base64") == 0)
        return take_base64(r, v, &rec->key);
    if (strcmp(name, "value") == 0)
        return take_text(r, v, &rec->value);
    if (strcmp(name, "value_base64") == 0)
        return take_base64(r, v, &rec->value);
    if (strcmp(name, "headers") == 0)
        return take_headers(r, v);
    if (strcmp(name, "timestamp") == 0)
        return take_timestamp(r, v);
    if (strcmp(name, "topic") == 0)
        return take_text(r, v, &rec->topic) && (rec->topic.ptr || wrong(r, "must be a string"));
    if (strcmp(name, "offset") == 0)
        return take_int(r, v, 0, INT64_MAX, &rec->offset);
    if (strcmp(name, "partition") == 0) {
        if (!take_int(r, v, 0, INT32_MAX, &n))
            return false;
        rec->partition = (int32_t)n;
        return true;
    }
    return wrong(
        r, "is no member of an envelope: key, key_base64, value, value_base64, headers, timestamp, topic, "
           "partition, offset");
}

bool pipe_read_envelope(struct weir_str line, struct arena *arena, struct record *record, const char **why)
{
    struct reader r = {arena, record, NULL};
    json_tokener *tokener = NULL;
    json_object *object = NULL;
    bool good = false;

    *why = "is not one valid JSON object";
    line = str_trim(line);
    if (!line.len || line.ptr[0] != '{' || line.len > INT32_MAX || !json_check(line))
        return false;
    *why = "does not fit into memory";
    tokener = json_tokener_new_ex(JSON_MAX_DEPTH + 1);
    if (tokener)
        object = json_tokener_parse_ex(tokener, line.ptr, (int)line.len);
    if (!object)
        goto out;
    good = true;
    json_object_object_foreach(object, name, v)
    {
        if (!take_member(&r, name, v)) {
            struct weir_str text = arena_fmt(arena, "has a member \"%.40s\" that %s", name, r.why);

            *why = text.ptr ? text.ptr : r.why;
            good = false;
            break;
        }
    }
out:
    json_object_put(object);
    json_tokener_free(tokener);
    return good;
}
