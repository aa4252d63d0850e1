/* doc.h: one record's JSON value: bound fields read, changed, and spliced back into its bytes.
 *
 * Reading looks at the original bytes where places.h found the member. Changing only notes the new JSON text
 * of a field, or that it goes; nothing is copied until somebody asks for the value, and then once: the
 * original bytes with the changes in their places, so what nobody touched leaves as it came. One doc serves
 * one record after the other without allocating.
 *
 * A member that stands twice: get sees the last, set and remove reach every one, also those in an earlier
 * duplicate of their object, which no get can see. So a caller that must not let a value through calls remove
 * even where get finds none, or null: remove answers ABSENT (or TYPE) only if there was nothing to remove. */
#ifndef WEIR_CHAIN_DOC_H
#define WEIR_CHAIN_DOC_H

#include "chain/places.h"

enum doc_edit_kind {
    DOC_REPLACE, /* the value of every member that stands */
    DOC_REMOVE,  /* every member that stands */
    DOC_APPEND   /* a new member behind the last one of its object */
};

/* One change of one field. A field may have one to the members that stand and an append. */
struct doc_edit {
    struct doc_edit *next;
    const struct weir_field *field;
    uint32_t at;  /* in the value: where the last member's begins, or where the append goes */
    uint32_t len; /* of the new JSON text */
    uint8_t kind; /* an enum doc_edit_kind */
    char text[];
};

struct doc {
    const struct paths *paths;
    struct arena *arena;    /* of the parse */
    struct places *places;  /* in the value as it was parsed last; in the arena; NULL: there is no value */
    size_t most;            /* bytes that the value may grow to by what stands many times; see doc.c */
    struct doc_edit *edits; /* what stands and changes, by place; then the appends as they came */
};

/** Allocates nothing: all memory is of the arena of a parse. All paths must have been added. */
void doc_init(struct doc *doc, const struct paths *paths);

/** Takes a new value, which must be one strict JSON object.
 *  Owns: refers to the value and takes its memory from the arena; both must live until the next parse.
 *  Errors: INVALID, NOMEM, err says why; all fields are then absent. */
int32_t doc_parse(struct doc *doc, struct arena *arena, struct weir_str value, struct json_error *err);

/** One of WEIR_JSON_…. */
int32_t doc_type(const struct doc *doc, const struct weir_field *f);

/* As weir_get_… and weir_set_… of plugin.h; their text is the contract. What they answer lives as long as the
 * arena. set_raw answers INVALID also for a value that would be nested too deep in its place. */
int32_t doc_get_string(const struct doc *doc, const struct weir_field *f, struct weir_str *out);
int32_t doc_get_int(const struct doc *doc, const struct weir_field *f, int64_t *out);
int32_t doc_get_double(const struct doc *doc, const struct weir_field *f, double *out);
/** The text of a JSON number that stands anywhere. Errors: RANGE, NOMEM. */
int32_t doc_read_double(const struct doc *doc, struct weir_str number, double *out);
int32_t doc_get_raw(const struct doc *doc, const struct weir_field *f, struct weir_str *out);
int32_t doc_set_string(struct doc *doc, const struct weir_field *f, struct weir_str s);
int32_t doc_set_raw(struct doc *doc, const struct weir_field *f, struct weir_str json);
int32_t doc_remove(struct doc *doc, const struct weir_field *f);

/** The value with all changes, in the arena; without changes the very bytes that were parsed.
 *  Absent: nothing was parsed, or no memory. */
struct weir_str doc_splice(const struct doc *doc, struct arena *arena);

/** The same, and absent where the changes need more than `most` bytes. */
struct weir_str doc_splice_within(const struct doc *doc, struct arena *arena, size_t most);

#endif
