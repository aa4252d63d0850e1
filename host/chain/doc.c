/* doc.c: reading and changing fields. See doc.h; putting changes into bytes is doc_splice.c's.
 *
 * A change of a field is one struct doc_edit, whatever number of members it reaches, with its text in one
 * piece of the arena; a list of those holds no more than was changed. That is enough as long as no bound path
 * leads through another: a change of `a` moves or ends the places of `a.x`, and a change of `a.x` is not in
 * the bytes that get_raw of `a` would show. Paths know such fields as tangled. A change of one is spliced and
 * parsed again at once, which is slow, right, and rare.
 *
 * A set of one that stands many times writes its text as many times, and it may be a large object that the
 * record itself brought: seven thousand times sixty kilobytes, of a record of a hundred. So the value may
 * become a few times as large by that and no larger; a set that asks for more fails, and remove does not. */
#include "chain/doc.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#define GROWS_BY 4
#define GROWS_ANYWAY ((size_t)1 << 20) /* bytes */

void doc_init(struct doc *doc, const struct paths *paths)
{
    *doc = (struct doc){.paths = paths};
}

int32_t doc_parse(struct doc *doc, struct arena *arena, struct weir_str value, struct json_error *err)
{
    doc->arena = arena;
    doc->most = GROWS_BY * value.len + GROWS_ANYWAY;
    doc->places = NULL;
    doc->edits = NULL;
    return places_parse(doc->paths, arena, value, &doc->places, err);
}

/* ---- reading */

/* A JSON text as it stands now. */
struct text {
    const char *at;
    size_t len;
    bool escaped; /* it may hold a backslash */
};

/* A field's change to what stands, or its append. NULL: it has none. */
static struct doc_edit *find_edit(const struct doc *doc, const struct weir_field *f, bool append)
{
    struct doc_edit *edit = doc->edits;

    while (edit && (edit->field != f || (edit->kind == DOC_APPEND) != append))
        edit = edit->next;
    return edit;
}

static int32_t find_edited(const struct doc *doc, const struct weir_field *f, struct text *text)
{
    const struct doc_edit *edit = find_edit(doc, f, true);
    int32_t status = WEIR_OK;

    if (!edit) {
        edit = find_edit(doc, f, false);
        status = places_find(doc->places, f);
        if (status == WEIR_OK && edit->kind == DOC_REMOVE)
            status = WEIR_ABSENT;
    }
    *text = (struct text){edit->text, edit->len, true};
    return status;
}

static struct text text_at(const struct places *places, struct span place)
{
    return (struct text){places->value + span_begin(place), span_len(place), span_escaped(place)};
}

/* Errors: ABSENT, TYPE (a blocked path). */
static int32_t find_any(const struct doc *doc, const struct weir_field *f, struct text *text)
{
    struct span place;

    if (!doc->places)
        return WEIR_ABSENT;
    place = doc->places->last[f->id];
    if (span_edited(place))
        return find_edited(doc, f, text);
    *text = text_at(doc->places, place);
    return places_find(doc->places, f);
}

/* What find_any does with nearly all fields: they stand in the document itself, and nothing has changed them.
 * False: ask it. */
static inline bool find_soon(const struct doc *doc, const struct weir_field *f, struct text *text)
{
    struct span place;

    if (!doc->places || f->depth > 1)
        return false;
    place = doc->places->last[f->id];
    if (place.len == 0 || span_edited(place))
        return false;
    *text = text_at(doc->places, place);
    return true;
}

static inline int32_t find(const struct doc *doc, const struct weir_field *f, struct text *text)
{
    return find_soon(doc, f, text) ? WEIR_OK : find_any(doc, f, text);
}

static int32_t type_of(char first)
{
    if (first == '"')
        return WEIR_JSON_STRING;
    switch (first) {
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

/* doc_type, whatever there is. */
static int32_t find_type(const struct doc *doc, const struct weir_field *f)
{
    struct text json;
    int32_t status = find_any(doc, f, &json);

    if (status == WEIR_OK)
        return type_of(*json.at);
    return status == WEIR_TYPE ? WEIR_JSON_BLOCKED : WEIR_JSON_ABSENT;
}

int32_t doc_type(const struct doc *doc, const struct weir_field *f)
{
    struct text json;

    return find_soon(doc, f, &json) ? type_of(*json.at) : find_type(doc, f);
}

int32_t doc_get_raw(const struct doc *doc, const struct weir_field *f, struct weir_str *out)
{
    struct text json;
    int32_t status = find(doc, f, &json);

    if (status == WEIR_OK)
        *out = str_make(json.at, json.len);
    return status;
}

static int32_t decode(const struct doc *doc, struct weir_str raw, struct weir_str *out)
{
    char *text = arena_alloc(doc->arena, raw.len);
    size_t len;

    if (!text)
        return WEIR_NOMEM;
    if (!json_decode(raw, text, &len))
        return WEIR_INVALID;
    *out = str_make(text, len);
    return WEIR_OK;
}

/* doc_get_string, whatever there is. Not part of it: plain strings shall not pay for its registers. */
__attribute__((noinline)) static int32_t find_string(const struct doc *doc, const struct weir_field *f,
                                                     struct weir_str *out)
{
    struct text json;
    struct weir_str raw;
    int32_t status = find_any(doc, f, &json);

    if (status != WEIR_OK)
        return status;
    if (*json.at != '"')
        return WEIR_TYPE;
    raw = str_make(json.at + 1, json.len - 2);
    if (json.escaped && memchr(raw.ptr, '\\', raw.len))
        return decode(doc, raw, out);
    *out = raw;
    return WEIR_OK;
}

int32_t doc_get_string(const struct doc *doc, const struct weir_field *f, struct weir_str *out)
{
    struct text json;

    if (!find_soon(doc, f, &json) || json.escaped || *json.at != '"')
        return find_string(doc, f, out);
    *out = str_make(json.at + 1, json.len - 2);
    return WEIR_OK;
}

static int32_t find_number(const struct doc *doc, const struct weir_field *f, struct weir_str *number)
{
    struct text json;
    int32_t status = find(doc, f, &json);

    if (status == WEIR_OK && type_of(*json.at) != WEIR_JSON_NUMBER)
        status = WEIR_TYPE;
    if (status == WEIR_OK)
        *number = str_make(json.at, json.len);
    return status;
}

/* A number as nearly all are: at most fifteen characters, at most one point among its digits, no exponent. */
struct decimal {
    bool minus;
    int64_t digits; /* all of them, without sign and point */
    size_t places;  /* how many stand behind the point */
};

/* False: it is no such number. */
static bool read_decimal(struct weir_str number, struct decimal *out)
{
    const char *at = number.ptr, *end = at + number.len, *point = NULL;
    int64_t digits = 0;

    if (number.len > 15)
        return false;
    out->minus = *at == '-';
    for (at += out->minus; at < end; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';

        if (digit <= 9)
            digits = digits * 10 + digit;
        else if (*at == '.')
            point = at + 1;
        else
            return false;
    }
    out->digits = digits;
    out->places = point ? (size_t)(end - point) : 0;
    return true;
}

/* False: too large, or with a fraction or an exponent. */
static bool read_int(struct weir_str number, int64_t *out)
{
    struct decimal d;

    if (!read_decimal(number, &d))
        return str_to_int(number, out);
    if (d.places > 0)
        return false;
    *out = d.minus ? -d.digits : d.digits;
    return true;
}

int32_t doc_get_int(const struct doc *doc, const struct weir_field *f, int64_t *out)
{
    struct weir_str number;
    int32_t status = find_number(doc, f, &number);

    return status == WEIR_OK && !read_int(number, out) ? WEIR_RANGE : status;
}

/* Digits and power of ten are exact doubles, so one division rounds as strtod would. */
static double to_double(struct decimal d)
{
    static const double tens[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    double n = (double)d.digits;

    if (d.places > 0)
        n /= tens[d.places];
    return d.minus ? -n : n;
}

/* Any other number. Errors: RANGE, NOMEM. */
static int32_t convert(const struct doc *doc, struct weir_str number, double *out)
{
    char small[64], *copy = small;
    double d;

    if (number.len >= sizeof small) {
        copy = arena_alloc(doc->arena, number.len + 1);
        if (!copy)
            return WEIR_NOMEM;
    }
    memcpy(copy, number.ptr, number.len);
    copy[number.len] = '\0';
    d = strtod_l(copy, NULL, paths_locale(doc->paths));
    if (!isfinite(d))
        return WEIR_RANGE;
    *out = d;
    return WEIR_OK;
}

int32_t doc_read_double(const struct doc *doc, struct weir_str number, double *out)
{
    struct decimal d;

    if (!read_decimal(number, &d))
        return convert(doc, number, out);
    *out = to_double(d);
    return WEIR_OK;
}

int32_t doc_get_double(const struct doc *doc, const struct weir_field *f, double *out)
{
    struct weir_str json;
    int32_t status = find_number(doc, f, &json);

    return status == WEIR_OK ? doc_read_double(doc, json, out) : status;
}

/* ---- changing */

/* An edit with room for its text. NULL: no memory, or none that an edit could count. */
static struct doc_edit *new_edit(struct doc *doc, const struct weir_field *f, size_t len)
{
    struct doc_edit *edit = NULL;

    if (len <= UINT32_MAX)
        edit = arena_alloc(doc->arena, offsetof(struct doc_edit, text) + len);
    if (edit) {
        edit->field = f;
        edit->len = (uint32_t)len;
    }
    return edit;
}

/* Where an edit goes in the list: at what it takes the place of, or before all that come behind it. */
static struct doc_edit **find_room(struct doc *doc, const struct doc_edit *edit)
{
    struct doc_edit **room = &doc->edits;

    if (edit->kind == DOC_APPEND)
        while (*room && ((*room)->kind != DOC_APPEND || (*room)->field != edit->field))
            room = &(*room)->next;
    else
        while (*room && (*room)->kind != DOC_APPEND && (*room)->at < edit->at)
            room = &(*room)->next;
    return room;
}

/* An edit of what stands replaces the one that the field had, and so does an append. */
static void enter(struct doc *doc, struct doc_edit *edit, enum doc_edit_kind kind)
{
    const struct places *places = doc->places;
    const struct weir_field *f = edit->field;
    struct doc_edit **room, *old;

    edit->kind = (uint8_t)kind;
    edit->at = kind == DOC_APPEND ? places_tail(places, f->parent) : span_begin(places->last[f->id]);
    room = find_room(doc, edit);
    old = *room;
    edit->next =
        old && old->field == f && (old->kind == DOC_APPEND) == (kind == DOC_APPEND) ? old->next : old;
    *room = edit;
    doc->places->last[f->id].len |= SPAN_FLAG;
}

/* Takes an edit out of the list; NULL is none. */
static void leave(struct doc *doc, const struct doc_edit *edit)
{
    struct doc_edit **at = &doc->edits;

    if (!edit)
        return;
    while (*at != edit)
        at = &(*at)->next;
    *at = edit->next;
    if (!find_edit(doc, edit->field, true) && !find_edit(doc, edit->field, false))
        doc->places->last[edit->field->id].len &= ~SPAN_FLAG;
}

/* Splices, and parses the result. */
static int32_t parse_again(struct doc *doc)
{
    struct places *next;
    struct json_error err;
    struct weir_str value = doc_splice_within(doc, doc->arena, doc->places->hidden ? doc->most : SIZE_MAX);
    int32_t status = value.ptr ? places_parse(doc->paths, doc->arena, value, &next, &err) : WEIR_NOMEM;
    if (status != WEIR_OK)
        return status;
    doc->places = next;
    doc->edits = NULL;
    return WEIR_OK;
}

/* What a tangled field asks for once its edits are in; takes them back where that fails. There were none
 * before, for each was parsed again at once. */
static int32_t settle(struct doc *doc, const struct weir_field *f)
{
    int32_t status = f->tangled ? parse_again(doc) : WEIR_OK;

    if (status != WEIR_OK) {
        leave(doc, find_edit(doc, f, true));
        leave(doc, find_edit(doc, f, false));
    }
    return status;
}

/* Whether a set may be: its object must be there. */
static int32_t check_object(const struct doc *doc, const struct weir_field *f)
{
    return doc->places ? places_find_object(doc->places, f) : WEIR_ABSENT;
}

/* Whether members stand that no change removes, and whether the field has, or needs, a new one besides: none
 * of those may be one that get sees. */
static void look(const struct doc *doc, const struct weir_field *f, bool *stands, bool *append)
{
    struct span place = doc->places->last[f->id];
    const struct doc_edit *edit = span_edited(place) ? find_edit(doc, f, false) : NULL;

    *stands = span_len(place) && !(edit && edit->kind == DOC_REMOVE);
    *append = !*stands || places_find(doc->places, f) != WEIR_OK;
}

/* Sets a field, whose object is there, to the text of an edit. */
static int32_t set(struct doc *doc, struct doc_edit *edit)
{
    const struct weir_field *f = edit->field;
    struct doc_edit *second = edit;
    bool stands, append;

    look(doc, f, &stands, &append);
    if (stands && append) {
        second = new_edit(doc, f, edit->len);
        if (!second)
            return WEIR_NOMEM;
        memcpy(second->text, edit->text, edit->len);
    }
    if (stands)
        enter(doc, edit, DOC_REPLACE);
    if (append)
        enter(doc, second, DOC_APPEND);
    return settle(doc, f);
}

int32_t doc_set_string(struct doc *doc, const struct weir_field *f, struct weir_str s)
{
    int32_t status = check_object(doc, f);
    struct doc_edit *edit;
    size_t size;

    if (status != WEIR_OK)
        return status;
    size = json_quoted_size(s);
    if (!size)
        return WEIR_INVALID;
    edit = new_edit(doc, f, size);
    if (!edit)
        return WEIR_NOMEM;
    json_write_quoted(edit->text, s, size);
    return set(doc, edit);
}

int32_t doc_set_raw(struct doc *doc, const struct weir_field *f, struct weir_str json)
{
    int32_t status = check_object(doc, f);
    struct doc_edit *edit;

    if (status != WEIR_OK)
        return status;
    if (!json_check_at(json, f->depth))
        return WEIR_INVALID;
    json = str_trim(json);
    edit = new_edit(doc, f, json.len);
    if (!edit)
        return WEIR_NOMEM;
    memcpy(edit->text, json.ptr, json.len);
    return set(doc, edit);
}

int32_t doc_remove(struct doc *doc, const struct weir_field *f)
{
    struct doc_edit *edit, *append;
    struct text json;
    struct span place;

    if (!doc->places)
        return WEIR_ABSENT;
    place = doc->places->last[f->id];
    append = span_edited(place) ? find_edit(doc, f, true) : NULL;
    edit = span_edited(place) ? find_edit(doc, f, false) : NULL;
    if (!append && (!span_len(place) || (edit && edit->kind == DOC_REMOVE)))
        return find(doc, f, &json);
    if (span_len(place)) {
        edit = new_edit(doc, f, 0);
        if (!edit)
            return WEIR_NOMEM;
        enter(doc, edit, DOC_REMOVE);
    }
    leave(doc, append);
    return settle(doc, f);
}
