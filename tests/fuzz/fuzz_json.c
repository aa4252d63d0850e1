/* fuzz_json.c: any bytes through the JSON fields, with json-c as the oracle of what they mean.
 *
 * The input is a number of steps, two bytes for each (what to do to which field), then the document. json-c
 * parses the same document into a model, each step is taken on both, and after each every field must read the
 * same; at the end the spliced bytes, read by json-c, must equal the model.
 *
 * json-c is the oracle of values, not of what is JSON: its strict mode takes raw control characters, NaN,
 * -01,
 * 1. and overlong UTF-8, so only documents that weir accepts are compared. It also saturates large integers,
 * ends a member's name at a NUL, and reads as U+FFFD a lone surrogate, but also an escaped pair whose code
 * point has the lower 16 bits of a surrogate (U+1DE00); where that would show, nothing is compared. */
#include "chain/doc.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 9, DEPTH = 3, MAX_STEPS = 16 };

/* Each path as its names; the tangled ones are t, t.u and t.u.v. */
static const char *const names[FIELDS][DEPTH + 1] = {
    {"a"}, {"b"}, {"c\xc3\xa9"}, {"o", "x"}, {"o", "y"}, {"o", "p", "q"}, {"t"}, {"t", "u"}, {"t", "u", "v"}};

static const char *const strings[] = {
    "", "plain", "q\"\\\n\x01/", "\xc3\xa9\xf0\x9f\x98\x80", "0123456789abcdef\"", "\xff"};
static const char *const values[] = {"null",
                                     "true",
                                     "0",
                                     "-1.5e3",
                                     "\"\\u00e9\\n\"",
                                     "[]",
                                     "{}",
                                     "{\"x\":1}",
                                     " [1,{\"a\":2}] ",
                                     "{\"u\":{\"v\":2}}",
                                     "{\"y\": [] , \"p\":{}}",
                                     "01",
                                     "",
                                     "1 2",
                                     "{"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct pair {
    struct paths *paths;
    const struct weir_field *fields[FIELDS];
    struct doc doc;
    struct arena arena;
    struct json_object *model;
};

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fuzz_json: %s\n", what);
    abort();
}

static void open_pair(struct pair *p)
{
    size_t i, j;

    *p = (struct pair){.paths = paths_new()};
    check(p->paths, "memory");
    for (i = 0; i < FIELDS; i++) {
        char path[32] = "";
        const char *why;

        for (j = 0; names[i][j]; j++)
            snprintf(path + strlen(path), sizeof path - strlen(path), "%s%s", j ? "." : "", names[i][j]);
        p->fields[i] = paths_add(p->paths, str_of(path), &why);
        check(p->fields[i], "path");
    }
    arena_init(&p->arena, 4096, SIZE_MAX);
    doc_init(&p->doc, p->paths);
}

static void close_pair(struct pair *p)
{
    json_object_put(p->model);
    arena_fini(&p->arena);
    paths_destroy(p->paths);
}

static struct json_object *parse(struct json_tokener *tok, struct weir_str text, int flags)
{
    json_tokener_reset(tok);
    json_tokener_set_flags(tok, flags | JSON_TOKENER_VALIDATE_UTF8);
    return json_tokener_parse_ex(tok, text.ptr, (int)text.len);
}

/* Strict where that takes all that is JSON: json-c 0.18 (Debian 13) then refuses integers beyond 64 bits,
 * and every string beyond ASCII where char is signed. */
static int strictness(struct json_tokener *tok)
{
    static int flags = -1; /* asked once */
    struct json_object *odd;

    if (flags < 0) {
        odd = parse(tok, str_of("[\"\xc3\xa9\",123456789012345678901234567890]"), JSON_TOKENER_STRICT);
        flags = odd ? JSON_TOKENER_STRICT : 0;
        json_object_put(odd);
    }
    return flags;
}

static struct json_object *read_by_json_c(struct weir_str text)
{
    struct json_tokener *tok = json_tokener_new_ex(JSON_MAX_DEPTH * 2);
    struct json_object *root = parse(tok, text, strictness(tok));

    check(json_tokener_get_error(tok) == json_tokener_success, "json-c refuses what weir accepts");
    check(json_object_is_type(root, json_type_object), "json-c sees no object");
    json_tokener_free(tok);
    return root;
}

/* The object that field i stands in, by the model. */
static int32_t model_object(const struct pair *p, size_t i, struct json_object **object, const char **name)
{
    size_t j;

    *object = p->model;
    for (j = 0; names[i][j + 1]; j++) {
        if (!json_object_object_get_ex(*object, names[i][j], object))
            return WEIR_ABSENT;
        if (!json_object_is_type(*object, json_type_object))
            return WEIR_TYPE;
    }
    *name = names[i][j];
    return WEIR_OK;
}

static int32_t model_get(const struct pair *p, size_t i, struct json_object **member)
{
    struct json_object *object;
    const char *name;
    int32_t status = model_object(p, i, &object, &name);

    if (status == WEIR_OK && !json_object_object_get_ex(object, name, member))
        status = WEIR_ABSENT;
    return status;
}

static int32_t type_in_model(int32_t status, struct json_object *member)
{
    if (status != WEIR_OK)
        return status == WEIR_ABSENT ? WEIR_JSON_ABSENT : WEIR_JSON_BLOCKED;
    switch (json_object_get_type(member)) {
    case json_type_null:
        return WEIR_JSON_NULL;
    case json_type_boolean:
        return WEIR_JSON_BOOL;
    case json_type_string:
        return WEIR_JSON_STRING;
    case json_type_array:
        return WEIR_JSON_ARRAY;
    case json_type_object:
        return WEIR_JSON_OBJECT;
    default:
        return WEIR_JSON_NUMBER;
    }
}

static void compare_number(struct pair *p, size_t i, struct json_object *member)
{
    bool saturated = false;
    int64_t n;
    double d;

    if (doc_get_int(&p->doc, p->fields[i], &n) == WEIR_OK)
        check(json_object_get_int64(member) == n, "an integer differs");
    else
        saturated = json_object_is_type(member, json_type_int);
    if (doc_get_double(&p->doc, p->fields[i], &d) == WEIR_OK && !saturated)
        check(json_object_get_double(member) == d, "a double differs");
}

static void compare_string(struct pair *p, size_t i, struct json_object *member)
{
    struct weir_str in_model =
                        str_make(json_object_get_string(member), (size_t)json_object_get_string_len(member)),
                    s;
    int32_t status = doc_get_string(&p->doc, p->fields[i], &s);
    bool doubtful = memmem(in_model.ptr, in_model.len, "\xef\xbf\xbd", 3);

    if (status == WEIR_OK)
        check(doubtful || str_eq(s, in_model), "a string differs");
    else
        check(status == WEIR_INVALID && doubtful, "a string is refused");
}

/* Whole values: json-c reads our raw text. */
static void compare_raw(struct pair *p, size_t i, struct json_object *member)
{
    struct json_tokener *tok = json_tokener_new_ex(JSON_MAX_DEPTH * 2);
    struct json_object *mine;
    struct weir_str raw;

    check(doc_get_raw(&p->doc, p->fields[i], &raw) == WEIR_OK, "no raw value");
    check(json_check(raw), "a raw value is no JSON");
    raw = arena_str(&p->arena, raw);
    mine = json_tokener_parse_ex(tok, raw.ptr, (int)raw.len + 1);
    check(json_object_equal(mine, member), "a raw value differs");
    json_object_put(mine);
    json_tokener_free(tok);
}

static void compare_fields(struct pair *p)
{
    size_t i;

    for (i = 0; i < FIELDS; i++) {
        struct json_object *member = NULL;
        int32_t status = model_get(p, i, &member), type = type_in_model(status, member);

        check(doc_type(&p->doc, p->fields[i]) == type, "a type differs");
        if (status == WEIR_OK)
            compare_raw(p, i, member);
        if (type == WEIR_JSON_NUMBER)
            compare_number(p, i, member);
        else if (type == WEIR_JSON_STRING)
            compare_string(p, i, member);
    }
}

/* Takes a step on the document, and on the model where there is one. */
static void set(struct pair *p, size_t i, bool string, unsigned pick)
{
    const char *text = string ? strings[pick % COUNT(strings)] : values[pick % COUNT(values)];
    bool sound = string ? json_quoted_size(str_of(text)) > 0 : json_check(str_of(text));
    struct json_object *object;
    const char *name;
    int32_t expected, status = string ? doc_set_string(&p->doc, p->fields[i], str_of(text))
                                      : doc_set_raw(&p->doc, p->fields[i], str_of(text));

    if (!p->model)
        return;
    expected = model_object(p, i, &object, &name);
    if (expected == WEIR_OK && !sound)
        expected = WEIR_INVALID;
    check(status == expected, "a set has another status");
    if (status == WEIR_OK)
        json_object_object_add(object, name,
                               string ? json_object_new_string(text) : json_tokener_parse(text));
}

static void drop(struct pair *p, size_t i)
{
    struct json_object *object, *member;
    const char *name;
    int32_t expected, status = doc_remove(&p->doc, p->fields[i]);

    check(doc_remove(&p->doc, p->fields[i]) != WEIR_OK, "a removed member is there");
    if (!p->model)
        return;
    expected = model_get(p, i, &member);
    /* OK may also be for a duplicate that no get sees. */
    check(status == expected || (status == WEIR_OK && expected != WEIR_OK), "a remove has another status");
    if (expected == WEIR_OK && model_object(p, i, &object, &name) == WEIR_OK)
        json_object_object_del(object, name);
}

static void compare_bytes(struct pair *p)
{
    struct json_object *mine;
    struct weir_str out;

    out = doc_splice(&p->doc, &p->arena);
    check(out.ptr, "no splice");
    check(json_is_object(out), "what was spliced is no JSON");
    if (!p->model)
        return;
    mine = read_by_json_c(out);
    check(json_object_equal(mine, p->model), "what was spliced differs");
    json_object_put(mine);
}

static void take_steps(struct pair *p, const uint8_t *steps, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        uint8_t what = steps[2 * i], pick = steps[2 * i + 1];
        size_t field = what % FIELDS;

        if (what / FIELDS % 4 == 0)
            drop(p, field);
        else
            set(p, field, what / FIELDS % 4 == 1, pick);
        if (p->model)
            compare_fields(p);
        if (pick & 0x80)
            compare_bytes(p);
    }
    compare_bytes(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t steps = size ? data[0] % MAX_STEPS : 0, begin = 1 + 2 * steps;
    struct json_error err = {0};
    struct pair p;
    char *exact;
    size_t len;

    if (size < begin || size > 1 << 20)
        return 0;
    len = size - begin;
    exact = malloc(len ? len : 1); /* in its exact length, for the address sanitizer */
    check(exact, "memory");
    memcpy(exact, data + begin, len);
    open_pair(&p);
    if (doc_parse(&p.doc, &p.arena, str_make(exact, len), &err) == WEIR_OK) {
        check(json_is_object(str_make(exact, len)), "two readers differ");
        if (!memmem(exact, len, "\\u0000", 6)) {
            p.model = read_by_json_c(str_make(exact, len));
            compare_fields(&p);
        }
        take_steps(&p, data + 1, steps);
    } else {
        check(!json_is_object(str_make(exact, len)), "two readers differ");
        check(err.what && err.at <= len, "a fault without words or place");
    }
    close_pair(&p);
    free(exact);
    return 0;
}
