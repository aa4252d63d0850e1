/* places.c: the one pass of places.h.
 *
 * Objects that paths lead through are read here, member by member; every other value is handed to the
 * scanner. The recursion follows the tree of paths and so ends with the longest of them, whatever a record
 * holds.
 *
 * A member of an earlier duplicate of its object is noted like any other: get must not see it, set and remove
 * must. places_find tells them apart by the `{` they stand in: the last member of a field in document order
 * counts if it stands in the object that counts. */
#include "chain/places.h"

struct parse {
    struct places *places;
    struct arena *arena;
    struct json_scan scan;
};

static const char no_memory[] = "out of memory";

void places_init(struct places *p, const struct paths *paths)
{
    *p = (struct places){.paths = paths};
}

/* Room for one member of each field. False: no memory. */
static bool begin(struct places *p, struct arena *arena, struct weir_str value)
{
    size_t n = paths_count(p->paths);

    p->value = value;
    p->last = arena_zalloc(arena, n * sizeof *p->last);
    p->first = p->current = arena_alloc(arena, sizeof *p->first + n * sizeof p->first->items[0]);
    if (!p->last || !p->first)
        return false;
    *p->first = (struct place_block){.room = n};
    return true;
}

static bool add_block(struct parse *p)
{
    size_t room = p->places->current->room * 2;
    struct place_block *block = arena_alloc(p->arena, sizeof *block + room * sizeof block->items[0]);

    if (!block)
        return false;
    *block = (struct place_block){.room = room};
    p->places->current->next = block;
    p->places->current = block;
    return true;
}

/* A new place, the last one of its field from now on. NULL: no memory. */
static struct member *note(struct parse *p, const struct weir_field *f)
{
    struct place_block *block = p->places->current;
    struct member *place;

    if (block->used == block->room) {
        if (!add_block(p))
            return NULL;
        block = p->places->current;
    }
    place = &block->items[block->used++];
    place->field = f;
    p->places->last[f->id].place = place;
    return place;
}

static const struct weir_field *look_up(const struct weir_field *object, const char *name, size_t len)
{
    const struct weir_field *f = paths_child(object, name, len);

    if (f || !memchr(name, '\\', len))
        return f;
    return paths_child_escaped(object, str_make(name, len));
}

static const char *parse_object(struct parse *p, const struct weir_field *f, const char *at);

static const char *parse_value(struct parse *p, const struct weir_field *f, const char *at)
{
    if (f->children && at < p->scan.end && *at == '{')
        return parse_object(p, f, at);
    return json_scan_value(&p->scan, at, f->depth);
}

/* From a member's opening quote to behind its value. */
static const char *parse_member(struct parse *p, const struct weir_field *f, const char *object,
                                const char *at)
{
    struct json_scan *s = &p->scan;
    const char *name = at, *value;
    const struct weir_field *child;
    struct member *place;

    at = json_scan_string(s, at + 1);
    if (!at)
        return NULL;
    child = look_up(f, name + 1, (size_t)(at - name) - 2);
    value = json_scan_colon(s, at);
    if (!value)
        return NULL;
    if (!child)
        return json_scan_value(s, value, f->depth + 1);
    place = note(p, child);
    if (!place)
        return json_fault(s, name, no_memory);
    place->object = object;
    place->name = name;
    place->value = value;
    place->end = parse_value(p, child, value);
    return place->end;
}

/* From an object's `{` to behind its `}`. Never too deep: paths are no longer than values may be deep. */
static const char *parse_object(struct parse *p, const struct weir_field *f, const char *object)
{
    struct json_scan *s = &p->scan;
    const char *at = json_skip_space(object + 1, s->end), *tail = object + 1;

    while (at < s->end && *at == '"') {
        tail = parse_member(p, f, object, at);
        if (!tail)
            return NULL;
        at = json_skip_space(tail, s->end);
        if (at == s->end || *at != ',')
            break;
        at = json_skip_space(at + 1, s->end);
        if (at < s->end && *at == '}')
            return json_unexpected(s, at);
    }
    if (at == s->end || *at != '}')
        return json_unexpected(s, at);
    p->places->last[f->id].tail = tail;
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

static const char *parse_document(struct parse *p, struct weir_str value)
{
    struct json_scan *s = &p->scan;
    const struct weir_field *root = paths_root(p->places->paths);
    const char *object = json_skip_space(value.ptr, s->end), *end;
    struct member *place;

    if (object == s->end || *object != '{')
        return refuse_start(s, value.ptr, object);
    place = note(p, root);
    end = parse_object(p, root, object);
    if (!end)
        return NULL;
    *place = (struct member){root, NULL, object, object, end};
    end = json_skip_space(end, s->end);
    return end == s->end ? end : json_fault(s, end, "text after the value");
}

int32_t places_parse(struct places *places, struct arena *arena, struct weir_str value,
                     struct json_error *err)
{
    struct parse p = {.places = places, .arena = arena};

    if (!value.ptr) {
        *err = (struct json_error){"no value", 0};
        return WEIR_INVALID;
    }
    if (!begin(places, arena, value)) {
        *err = (struct json_error){no_memory, 0};
        return WEIR_NOMEM;
    }
    p.scan.end = value.ptr + value.len;
    if (parse_document(&p, value))
        return WEIR_OK;
    *err = (struct json_error){p.scan.fault, (size_t)(p.scan.fault_at - value.ptr)};
    return p.scan.fault == no_memory ? WEIR_NOMEM : WEIR_INVALID;
}

int32_t places_find_object(const struct places *p, const struct weir_field *f)
{
    const struct member *object;
    int32_t status;

    if (!f->parent->parent)
        return WEIR_OK; /* the document */
    status = places_find(p, f->parent, &object);
    if (status == WEIR_OK && *object->value != '{')
        status = WEIR_TYPE;
    return status;
}

int32_t places_find(const struct places *p, const struct weir_field *f, const struct member **out)
{
    const struct member *place = p->last[f->id].place;
    int32_t status;

    if (f->parent->parent) { /* there is one document, but there may be several objects of any other name */
        status = places_find_object(p, f);
        if (status != WEIR_OK)
            return status;
        if (place && place->object != p->last[f->parent->id].place->value)
            return WEIR_ABSENT;
    }
    *out = place;
    return place ? WEIR_OK : WEIR_ABSENT;
}
