/* places.h: where the bound members stand in one value.
 *
 * One strict pass over the bytes checks all of it and notes every member that a path names or leads through:
 * for each field eight bytes, where the value of its last member begins and how long it is. Names, commas and
 * the ends of objects are not noted: they are found again from a value's ends by whoever changes something.
 *
 * Thousands of records are in flight, so what one holds is kept small and in one piece, in the record's own
 * arena. Members that stand twice are only counted; a change of one has the value read a second time, for the
 * list of all. */
#ifndef WEIR_CHAIN_PLACES_H
#define WEIR_CHAIN_PLACES_H

#include "base/arena.h"
#include "chain/json.h"
#include "chain/paths.h"

#define PLACES_MAX INT32_MAX /* bytes of a value: what 31 bits count */

/* Where a member's value stands, counted from the first byte of the whole. No member: zeros. Each number has
 * a bit to spare; read them with the functions below. */
struct span {
    uint32_t begin; /* SPAN_FLAG: it may hold a backslash */
    uint32_t len;   /* SPAN_FLAG: doc.h's, it has a change for the field */
};

#define SPAN_FLAG UINT32_C(0x80000000)

static inline uint32_t span_begin(struct span s)
{
    return s.begin & ~SPAN_FLAG;
}

static inline uint32_t span_len(struct span s)
{
    return s.len & ~SPAN_FLAG;
}

static inline bool span_escaped(struct span s)
{
    return s.begin & SPAN_FLAG;
}

static inline bool span_edited(struct span s)
{
    return s.len & SPAN_FLAG;
}

struct places {
    const char *value;
    uint32_t len;
    uint32_t hidden;    /* members behind which another one of the same field stands */
    struct span last[]; /* by the field's id; the root's is the document */
};

/* One of all the members that are noted. */
struct member {
    struct span place;
    uint32_t field; /* its id */
};

/** Checks that a value is one strict JSON object and notes what is bound in it.
 *  Owns: points into the value and takes its memory from the arena; both must outlive the places.
 *  Errors: INVALID (see err), NOMEM. */
int32_t places_parse(const struct paths *paths, struct arena *arena, struct weir_str value,
                     struct places **out, struct json_error *err);

/** All noted members, the hidden ones too, in the order in which their values end.
 *  Errors: NULL: no memory. */
struct member *places_list(const struct places *p, const struct paths *paths, struct arena *arena,
                           size_t *count);

/** Whether a field's object is there; OK, ABSENT or TYPE (a non-object on its way). */
int32_t places_find_object(const struct places *p, const struct weir_field *f);

/** Where a new member of a field's object goes, which is there: behind its last one, or behind its `{`. */
uint32_t places_tail(const struct places *p, const struct weir_field *object);

/** As places_find, for a field that does not stand in the document itself. */
int32_t places_find_below(const struct places *p, const struct weir_field *f);

/** Whether the last member of a field counts: it does where it stands in the last of each object on its way.
 *  Errors: ABSENT; TYPE. */
static inline int32_t places_find(const struct places *p, const struct weir_field *f)
{
    if (f->depth > 1)
        return places_find_below(p, f);
    return span_len(p->last[f->id]) ? WEIR_OK : WEIR_ABSENT;
}

#endif
