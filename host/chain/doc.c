/* doc.c: reading and changing fields. See doc.h; putting changes into bytes is doc_splice.c's.
 *
 * A change of a field is one struct doc_edit, whatever number of members it reaches. That is enough as long
 * as no bound path leads through another: a change of `a` moves or ends the places of `a.x`, and a change of
 * `a.x` is not in the bytes that get_raw of `a` would show. Paths know such fields as tangled. A change of
 * one is spliced and parsed again at once, which is slow, right, and rare. */
#include "chain/doc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

void doc_init(struct doc *doc, const struct paths *paths)
{
    *doc = (struct doc){0};
    doc->now = &doc->places[0];
    places_init(&doc->places[0], paths);
    places_init(&doc->places[1], paths);
}

static void forget_edits(struct doc *doc)
{
    doc->edits = NULL;
    doc->appends = NULL;
    doc->append_count = 0;
}

int32_t doc_parse(struct doc *doc, struct arena *arena, struct weir_str value, struct json_error *err)
{
    int32_t status = places_parse(doc->now, arena, value, err);

    forget_edits(doc);
    doc->arena = status == WEIR_OK ? arena : NULL;
    return status;
}

/* ---- reading */

/* The JSON text of a field as it stands now. Errors: ABSENT, TYPE (a blocked path). */
static int32_t find(const struct doc *doc, const struct weir_field *f, struct weir_str *json)
{
    const struct doc_edit *edit = doc->edits ? &doc->edits[f->id] : NULL;
    const struct member *place;
    int32_t status;

    if (!doc->arena)
        return WEIR_ABSENT;
    if (edit && edit->appended) {
        *json = edit->text;
        return WEIR_OK;
    }
    status = places_find(doc->now, f, &place);
    if (status != WEIR_OK)
        return status;
    if (!edit || edit->kind == DOC_KEEP)
        *json = str_make(place->value, (size_t)(place->end - place->value));
    else if (edit->kind == DOC_REPLACE)
        *json = edit->text;
    else
        return WEIR_ABSENT;
    return WEIR_OK;
}

static int32_t type_of(char first)
{
    switch (first) {
    case '"':
        return WEIR_JSON_STRING;
    case '{':
        return WEIR_JSON_OBJECT;
    case '[':
        return WEIR_JSON_ARRAY;
    case 'n':
        return WEIR_JSON_NULL;
    case 't':
    case 'f':
        return WEIR_JSON_BOOL;
    default:
        return WEIR_JSON_NUMBER;
    }
}

int32_t doc_type(const struct doc *doc, const struct weir_field *f)
{
    struct weir_str json;
    int32_t status = find(doc, f, &json);

    if (status == WEIR_OK)
        return type_of(*json.ptr);
    return status == WEIR_TYPE ? WEIR_JSON_BLOCKED : WEIR_JSON_ABSENT;
}

int32_t doc_get_raw(const struct doc *doc, const struct weir_field *f, struct weir_str *out)
{
    return find(doc, f, out);
}

int32_t doc_get_string(const struct doc *doc, const struct weir_field *f, struct weir_str *out)
{
    struct weir_str json, raw;
    int32_t status = find(doc, f, &json);
    char *text;
    size_t len;

    if (status != WEIR_OK)
        return status;
    if (*json.ptr != '"')
        return WEIR_TYPE;
    raw = str_make(json.ptr + 1, json.len - 2);
    if (!memchr(raw.ptr, '\\', raw.len)) {
        *out = raw;
        return WEIR_OK;
    }
    text = arena_alloc(doc->arena, raw.len);
    if (!text)
        return WEIR_NOMEM;
    if (!json_decode(raw, text, &len))
        return WEIR_INVALID;
    *out = str_make(text, len);
    return WEIR_OK;
}

static int32_t find_number(const struct doc *doc, const struct weir_field *f, struct weir_str *json)
{
    int32_t status = find(doc, f, json);

    if (status == WEIR_OK && type_of(*json->ptr) != WEIR_JSON_NUMBER)
        status = WEIR_TYPE;
    return status;
}

int32_t doc_get_int(const struct doc *doc, const struct weir_field *f, int64_t *out)
{
    struct weir_str json;
    int32_t status = find_number(doc, f, &json);

    if (status == WEIR_OK && !str_to_int(json, out))
        status = WEIR_RANGE; /* too large, or with a fraction or an exponent */
    return status;
}

/* Digits with at most one point and no exponent, as nearly all numbers are: both halves are exact doubles, so
 * one division rounds as strtod would. False: it takes strtod. */
static bool read_plain(struct weir_str number, double *out)
{
    static const double tens[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    size_t i = number.ptr[0] == '-', decimals = 0;
    bool point = false;
    int64_t digits = 0;

    if (number.len > 15)
        return false;
    for (; i < number.len; i++) {
        char c = number.ptr[i];

        if (c == '.')
            point = true;
        else if (c >= '0' && c <= '9')
            digits = digits * 10 + (c - '0');
        else
            return false;
        decimals += point && c != '.';
    }
    *out = (double)digits / tens[decimals];
    if (number.ptr[0] == '-')
        *out = -*out;
    return true;
}

int32_t doc_read_double(const struct doc *doc, struct weir_str number, double *out)
{
    char small[64], *copy = small;
    double d;

    if (read_plain(number, out))
        return WEIR_OK;
    if (number.len >= sizeof small) {
        copy = arena_alloc(doc->arena, number.len + 1);
        if (!copy)
            return WEIR_NOMEM;
    }
    memcpy(copy, number.ptr, number.len);
    copy[number.len] = '\0';
    d = strtod_l(copy, NULL, paths_locale(doc->now->paths));
    if (!isfinite(d))
        return WEIR_RANGE;
    *out = d;
    return WEIR_OK;
}

int32_t doc_get_double(const struct doc *doc, const struct weir_field *f, double *out)
{
    struct weir_str json;
    int32_t status = find_number(doc, f, &json);

    return status == WEIR_OK ? doc_read_double(doc, json, out) : status;
}

/* ---- changing */

/* Room for changes, from the first on. False: no memory. */
static bool begin_edits(struct doc *doc)
{
    size_t n = paths_count(doc->now->paths);

    if (!doc->edits) {
        doc->edits = arena_zalloc(doc->arena, n * sizeof *doc->edits);
        doc->appends = doc->edits ? arena_alloc(doc->arena, n * sizeof *doc->appends) : NULL;
        if (!doc->appends)
            doc->edits = NULL;
    }
    return doc->edits != NULL;
}

/* Splices, and parses the result into the places that are not in use. */
static int32_t parse_again(struct doc *doc)
{
    struct places *next = &doc->places[doc->now == &doc->places[0]];
    struct json_error err;
    struct weir_str value;
    int32_t status = doc_splice(doc, doc->arena, &value);

    if (status == WEIR_OK)
        status = places_parse(next, doc->arena, value, &err);
    if (status != WEIR_OK)
        return status;
    doc->now = next;
    forget_edits(doc);
    return WEIR_OK;
}

/* Makes `edit` the field's change, and takes that back where it fails. A tangled field has no change waiting,
 * for each was parsed again at once; so all there may be to take back of its appends is the last one. */
static int32_t apply(struct doc *doc, const struct weir_field *f, struct doc_edit edit)
{
    struct doc_edit before = doc->edits[f->id];
    size_t appends = doc->append_count;
    int32_t status = WEIR_OK;

    doc->edits[f->id] = edit;
    if (edit.appended && !before.appended)
        doc->appends[doc->append_count++] = f;
    if (f->tangled)
        status = parse_again(doc);
    if (status != WEIR_OK) {
        doc->edits[f->id] = before;
        doc->append_count = appends;
    }
    return status;
}

/* Whether a set may be: its object must be there. */
static int32_t check_object(const struct doc *doc, const struct weir_field *f)
{
    return doc->arena ? places_find_object(doc->now, f) : WEIR_ABSENT;
}

/* Sets a field, whose object is there, to a JSON text that lives in the arena. */
static int32_t set(struct doc *doc, const struct weir_field *f, struct weir_str text)
{
    struct weir_str old;
    struct doc_edit edit;

    if (!begin_edits(doc))
        return WEIR_NOMEM;
    edit = doc->edits[f->id];
    edit.text = text;
    if (find(doc, f, &old) != WEIR_OK)
        edit.appended = true;
    if (edit.kind == DOC_KEEP && doc->now->last[f->id].place)
        edit.kind = DOC_REPLACE;
    return apply(doc, f, edit);
}

int32_t doc_set_string(struct doc *doc, const struct weir_field *f, struct weir_str s)
{
    int32_t status = check_object(doc, f);
    size_t size;
    char *text;

    if (status != WEIR_OK)
        return status;
    size = json_quoted_size(s);
    if (!size)
        return WEIR_INVALID;
    text = arena_alloc(doc->arena, size);
    if (!text)
        return WEIR_NOMEM;
    json_write_quoted(text, s, size);
    return set(doc, f, str_make(text, size));
}

int32_t doc_set_raw(struct doc *doc, const struct weir_field *f, struct weir_str json)
{
    int32_t status = check_object(doc, f);
    struct weir_str text;

    if (status != WEIR_OK)
        return status;
    if (!json_check_at(json, f->depth))
        return WEIR_INVALID;
    text = arena_str(doc->arena, str_trim(json));
    return text.ptr ? set(doc, f, text) : WEIR_NOMEM;
}

static void drop_append(struct doc *doc, const struct weir_field *f)
{
    size_t from, to = 0;

    for (from = 0; from < doc->append_count; from++) {
        if (doc->appends[from] != f)
            doc->appends[to++] = doc->appends[from];
    }
    doc->append_count = to;
}

int32_t doc_remove(struct doc *doc, const struct weir_field *f)
{
    const struct doc_edit *edit = doc->edits ? &doc->edits[f->id] : NULL;
    struct weir_str json;
    bool stands;

    if (!doc->arena)
        return WEIR_ABSENT;
    stands = doc->now->last[f->id].place && (!edit || edit->kind != DOC_REMOVE);
    if (!stands && !(edit && edit->appended))
        return find(doc, f, &json);
    if (!begin_edits(doc))
        return WEIR_NOMEM;
    if (edit && edit->appended)
        drop_append(doc, f);
    return apply(doc, f, (struct doc_edit){.kind = doc->now->last[f->id].place ? DOC_REMOVE : DOC_KEEP});
}
