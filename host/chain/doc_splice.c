/* doc_splice.c: the original bytes with all changes, for doc.h.
 *
 * One walk over the places, which stand in document order, copies what lies between the changes and writes
 * the changes. Removing is a matter of commas: a member goes with the comma before it, unless it and all
 * members before it in its object go; then it goes with the one behind it. */
#include "chain/doc.h"

#include <assert.h>

struct splice {
    const struct doc *doc;
    const char *from, *end; /* of the original: what is not yet copied */
    const char *gone;       /* the comma or `}` behind the last removed member */
    bool all_gone;          /* that one was removed, and so were all before it in its object */
    char *at;               /* behind what is written */
};

static void put(struct splice *w, struct weir_str s)
{
    w->at = mempcpy(w->at, s.ptr, s.len);
}

/* Copies the original up to `to`, and goes on behind `then`. */
static void copy(struct splice *w, const char *to, const char *then)
{
    put(w, str_make(w->from, (size_t)(to - w->from)));
    w->from = then;
}

static void remove_member(struct splice *w, const struct member *place)
{
    const char *before = place->name - 1, *behind = json_skip_space(place->end, w->end);

    while (json_is_space(*before))
        before--;
    w->all_gone = *before == '{' || (w->all_gone && before == w->gone);
    w->gone = behind;
    if (!w->all_gone)
        copy(w, before, place->end);
    else if (*behind == ',')
        copy(w, place->name, json_skip_space(behind + 1, w->end));
    else
        copy(w, place->name, place->end);
}

static const char *tail_of(const struct doc *doc, const struct weir_field *f)
{
    return doc->now->last[f->parent->id].tail;
}

/* The first object end behind `after` where members are to be appended. */
static const char *next_tail(const struct doc *doc, const char *after)
{
    const char *next = NULL;
    size_t i;

    for (i = 0; i < doc->append_count; i++) {
        const char *tail = tail_of(doc, doc->appends[i]);

        if (tail > after && (!next || tail < next))
            next = tail;
    }
    return next;
}

/* Appends all new members of the object whose members end at `tail`; answers the next such end. */
static const char *append_members(struct splice *w, const char *tail)
{
    const struct doc *doc = w->doc;
    bool all_gone = w->all_gone && w->gone == json_skip_space(tail, w->end);
    bool comma = tail[-1] != '{' && !all_gone;
    size_t i;

    copy(w, tail, tail);
    for (i = 0; i < doc->append_count; i++) {
        const struct weir_field *f = doc->appends[i];

        if (tail_of(doc, f) != tail)
            continue;
        if (comma)
            put(w, STR(","));
        put(w, f->member);
        put(w, doc->edits[f->id].text);
        comma = true;
    }
    return next_tail(doc, tail);
}

static void walk(struct splice *w)
{
    const struct doc *doc = w->doc;
    const char *tail = next_tail(doc, w->from);
    const struct place_block *block;
    size_t i;

    for (block = doc->now->first; block; block = block->next) {
        for (i = 0; i < block->used; i++) {
            const struct member *place = &block->items[i];
            const struct doc_edit *edit = &doc->edits[place->field->id];

            while (tail && tail <= place->name)
                tail = append_members(w, tail);
            if (edit->kind == DOC_REPLACE) {
                copy(w, place->value, place->end);
                put(w, edit->text);
            } else if (edit->kind == DOC_REMOVE) {
                remove_member(w, place);
            }
        }
    }
    while (tail)
        tail = append_members(w, tail);
    copy(w, w->end, w->end);
}

/* No fewer bytes than the value will have: what is replaced and removed counts as if it stayed. */
static size_t most(const struct doc *doc)
{
    const struct place_block *block;
    size_t i, bytes = doc->now->value.len;

    for (block = doc->now->first; block; block = block->next) {
        for (i = 0; i < block->used; i++) {
            const struct doc_edit *edit = &doc->edits[block->items[i].field->id];

            bytes += edit->kind == DOC_REPLACE ? edit->text.len : 0;
        }
    }
    for (i = 0; i < doc->append_count; i++)
        bytes += strlen(",") + doc->appends[i]->member.len + doc->edits[doc->appends[i]->id].text.len;
    return bytes;
}

int32_t doc_splice(const struct doc *doc, struct arena *arena, struct weir_str *out)
{
    struct weir_str value = doc->now->value;
    struct splice w = {.doc = doc, .from = value.ptr, .end = value.ptr + value.len};
    size_t room;
    char *bytes;

    if (!doc->arena)
        return WEIR_ABSENT;
    if (!doc->edits) {
        *out = value;
        return WEIR_OK;
    }
    room = most(doc);
    w.at = bytes = arena_alloc(arena, room);
    if (!bytes)
        return WEIR_NOMEM;
    walk(&w);
    assert((size_t)(w.at - bytes) <= room);
    *out = str_make(bytes, (size_t)(w.at - bytes));
    return WEIR_OK;
}
