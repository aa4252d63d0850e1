/* places.c: the one pass of places.h.
 *
 * Objects that paths lead through are read here, member by member; every other value is handed to the
 * scanner. The recursion follows the tree of paths and so ends with the longest of them, whatever a record
 * holds.
 *
 * A member of an earlier duplicate of its object is noted like any other: get must not see it, set and remove
 * must. places_find tells them apart by where they stand: the last member of a field counts if it stands
 * behind the beginning of the object that counts. */
#include "chain/places.h"

struct parse {
    struct json_scan scan;
    struct places *places;
    struct member *list; /* where the next member goes, if a list of all is asked for; else NULL */
};

static inline void note(struct parse *p, const struct weir_field *f, const char *begin, const char *end)
{
    struct places *places = p->places;
    struct span place = {(uint32_t)(begin - places->value), (uint32_t)(end - begin)};

    if (p->scan.escaped)
        place.begin |= SPAN_FLAG;
    if (p->list) {
        *p->list++ = (struct member){place, f->id};
        return;
    }
    if (places->last[f->id].len)
        places->hidden++;
    places->last[f->id] = place;
}

static const char *parse_object(struct parse *p, struct weir_field *f, const char *at);

static inline const char *parse_value(struct parse *p, struct weir_field *f, const char *at)
{
    if (f->children && at < p->scan.end && *at == '{')
        return parse_object(p, f, at);
    return json_scan_value(&p->scan, at, f->depth);
}

/* From a member's opening quote to its value; *child: the field that it is of, NULL: none is bound. next:
 * where the guess stands, which is put right. */
static inline const char *parse_name(struct parse *p, const struct weir_field *f, const char *at,
                                     struct weir_field **next, struct weir_field **child)
{
    struct json_scan *s = &p->scan;
    struct weir_str name;

    *child = *next;
    if (*child && paths_starts_with(at, s->end, *child))
        return json_skip_blank(at + (*child)->member.len, s->end);
    at = json_scan_name(s, at, &name);
    if (!at)
        return NULL;
    *child = s->escaped ? paths_child_escaped(f, name) : paths_child(f, name.ptr, name.len);
    if (*child)
        *next = *child;
    return at;
}

/* From a member's opening quote to behind its value. next: as above, and moved on behind a bound member. */
static inline const char *parse_member(struct parse *p, const struct weir_field *f, const char *at,
                                       struct weir_field ***next)
{
    struct weir_field *child;
    const char *value = parse_name(p, f, at, *next, &child), *end;

    if (!value)
        return NULL;
    if (!child)
        return json_scan_value(&p->scan, value, f->depth + 1);
    *next = &child->next;
    p->scan.escaped = false;
    end = parse_value(p, child, value);
    if (end)
        note(p, child, value, end);
    return end;
}

/* From an object's `{` to behind its `}`. Never too deep: paths are no longer than values may be deep. */
static const char *parse_object(struct parse *p, struct weir_field *f, const char *object)
{
    struct json_scan *s = &p->scan;
    struct weir_field **next = &f->first;
    const char *at = json_skip_space(object + 1, s->end);
    bool more = at < s->end && *at != '}';

    while (more) {
        if (at == s->end || *at != '"')
            return json_unexpected(s, at);
        at = parse_member(p, f, at, &next);
        if (!at)
            return NULL;
        more = json_skip_comma(&at, s->end);
    }
    if (at == s->end || *at != '}')
        return json_unexpected(s, at);
    return at + 1;
}

/* The value's first byte says that it is no object: in which words? */
static const char *refuse_start(struct json_scan *s, const char *start, const char *at)
{
    size_t left = (size_t)(s->end - at);

    if (!left)
        return json_fault(s, at, at == start ? "empty value" : "unexpected end");
    if (left >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        return json_fault(s, at, "byte-order mark");
    if (strchr("[\"-0123456789tfn", *at) && *at)
        return json_fault(s, at, "not an object");
    return json_unexpected(s, at);
}

static const char *parse_document(struct parse *p, struct weir_field *root)
{
    struct json_scan *s = &p->scan;
    const char *value = p->places->value, *object = json_skip_space(value, s->end), *end;

    if (object == s->end || *object != '{')
        return refuse_start(s, value, object);
    end = parse_object(p, root, object);
    if (!end)
        return NULL;
    note(p, root, object, end);
    end = json_skip_space(end, s->end);
    return end == s->end ? end : json_fault(s, end, "text after the value");
}

int32_t places_parse(const struct paths *paths, struct arena *arena, struct weir_str value,
                     struct places **out, struct json_error *err)
{
    struct places *places;
    struct parse p;

    if (!value.ptr || value.len > PLACES_MAX) {
        *err = (struct json_error){value.ptr ? "larger than 2 GiB" : "no value", 0};
        return WEIR_INVALID;
    }
    places = arena_zalloc(arena, sizeof *places + paths_count(paths) * sizeof places->last[0]);
    if (!places) {
        *err = (struct json_error){"out of memory", 0};
        return WEIR_NOMEM;
    }
    places->value = value.ptr;
    places->len = (uint32_t)value.len;
    p = (struct parse){.scan = {.end = value.ptr + value.len}, .places = places};
    if (!parse_document(&p, paths_root(paths))) {
        *err = (struct json_error){p.scan.fault, (size_t)(p.scan.fault_at - value.ptr)};
        return WEIR_INVALID;
    }
    *out = places;
    return WEIR_OK;
}

struct member *places_list(const struct places *places, const struct paths *paths, struct arena *arena,
                           size_t *count)
{
    struct member *list = arena_alloc(arena, (places->hidden + paths_count(paths)) * sizeof *list);
    struct places same = {.value = places->value};
    struct parse p = {.scan = {.end = places->value + places->len}, .places = &same, .list = list};

    if (!list)
        return NULL;
    parse_document(&p, paths_root(paths));
    *count = (size_t)(p.list - list);
    return list;
}

int32_t places_find_object(const struct places *p, const struct weir_field *f)
{
    int32_t status;

    if (f->depth == 1)
        return WEIR_OK; /* the document */
    status = places_find(p, f->parent);
    if (status == WEIR_OK && p->value[span_begin(p->last[f->parent->id])] != '{')
        status = WEIR_TYPE;
    return status;
}

/* There is one document, but there may be several objects of any other name. */
int32_t places_find_below(const struct places *p, const struct weir_field *f)
{
    int32_t status = places_find_object(p, f);

    if (status == WEIR_OK && span_begin(p->last[f->id]) < span_begin(p->last[f->parent->id]))
        status = WEIR_ABSENT;
    return status;
}

uint32_t places_tail(const struct places *p, const struct weir_field *object)
{
    struct span place = p->last[object->id];
    const char *at = p->value + span_begin(place) + span_len(place) - 1;

    while (json_is_space(at[-1]))
        at--;
    return (uint32_t)(at - p->value);
}
