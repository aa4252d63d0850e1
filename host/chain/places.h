/* places.h: where the bound members stand in one value.
 *
 * One strict pass over the bytes checks all of it and notes, in document order, every member that a path
 * names or leads through: four pointers into the value and nothing else. For each field the last of its
 * members is at hand, for an object also where its members end, which is where a new one would go. Commas are
 * not noted: they are found again from a member's ends by whoever removes it.
 *
 * Its memory is the record's own arena: a fixed part for each bound path, and more only for members that
 * stand twice, so a record of duplicates is bounded like any other. */
#ifndef WEIR_CHAIN_PLACES_H
#define WEIR_CHAIN_PLACES_H

#include "base/arena.h"
#include "chain/json.h"
#include "chain/paths.h"

/* One member. The first place of all is the document, as if it were the member of something. */
struct member {
    const struct weir_field *field;
    const char *object;      /* the `{` of the object it stands in */
    const char *name;        /* its opening quote */
    const char *value, *end; /* of its value, and behind it */
};

struct place_block {
    struct place_block *next;
    size_t used, room;
    struct member items[];
};

struct place_last {
    const struct member *place; /* the last member of a field, in document order; NULL: none */
    const char *tail;           /* where its value is an object: behind its last member, or behind its `{` */
};

struct places {
    const struct paths *paths;
    struct weir_str value;
    struct place_last *last; /* by the field's id; in the arena, as all that follows */
    struct place_block *first, *current;
};

/** Allocates nothing. All paths must have been added. */
void places_init(struct places *p, const struct paths *paths);

/** Checks that a value is one strict JSON object and notes what is bound in it.
 *  Owns: points into the value and takes its memory from the arena; both must live until the next parse.
 *  Errors: INVALID (see err), NOMEM; the places are then of no use until the next parse. */
int32_t places_parse(struct places *p, struct arena *arena, struct weir_str value, struct json_error *err);

/** The member that counts for a field: the last in the last of each object on its way.
 *  Errors: ABSENT; TYPE (a non-object on its way). */
int32_t places_find(const struct places *p, const struct weir_field *f, const struct member **out);

/** Whether a field's object is there; OK, ABSENT or TYPE. */
int32_t places_find_object(const struct places *p, const struct weir_field *f);

#endif
