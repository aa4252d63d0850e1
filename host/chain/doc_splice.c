/* doc_splice.c: the original bytes with all changes, for doc.h.
 *
 * One walk over the edits, which stand in document order, copies what lies between them and writes them.
 * Where a member stands twice, it goes over the list of all members instead. Removing is a matter of commas:
 * a member goes with the comma before it, unless it and all members before it in its object go; then it goes
 * with the one behind it. */
#include "chain/doc.h"

#include <assert.h>

struct splice {
    const struct doc *doc;
    const struct doc_edit *appends; /* those of the edits, which are their last */
    const struct member *members;   /* all, where one of them stands twice */
    size_t member_count;
    size_t room;             /* no fewer bytes than the value will have */
    const char *value, *end; /* the original */
    const char *from;        /* what is not yet copied of it */
    const char *tail;        /* where the next appends go; NULL: there are no more */
    const char *gone;        /* the comma or `}` behind the last removed member */
    bool all_gone;           /* that one was removed, and so were all before it in its object */
    char *at;                /* behind what is written */
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

/* The opening quote of the name before a value. Between them are a colon and blanks; and of all quotes only
 * those inside the name have a backslash before them. */
static const char *name_before(const char *value)
{
    const char *at = value - 1;

    while (*at != '"')
        at--;
    do
        at--;
    while (*at != '"' || at[-1] == '\\');
    return at;
}

static void remove_member(struct splice *w, const char *value, const char *end)
{
    const char *name = name_before(value), *before = name - 1, *behind = json_skip_space(end, w->end);

    while (json_is_space(*before))
        before--;
    w->all_gone = *before == '{' || (w->all_gone && before == w->gone);
    w->gone = behind;
    if (!w->all_gone)
        copy(w, before, end);
    else if (*behind == ',')
        copy(w, name, json_skip_space(behind + 1, w->end));
    else
        copy(w, name, end);
}

/* The first place behind `after` where members are to be appended. */
static const char *next_tail(const struct splice *w, const char *after)
{
    const char *next = NULL;
    const struct doc_edit *edit;

    for (edit = w->appends; edit; edit = edit->next) {
        const char *tail = w->value + edit->at;

        if (tail > after && (!next || tail < next))
            next = tail;
    }
    return next;
}

/* Appends all new members of the object whose members end at the tail, and goes on to the next. */
static void append_members(struct splice *w)
{
    const char *tail = w->tail;
    bool all_gone = w->all_gone && w->gone == json_skip_space(tail, w->end);
    bool comma = tail[-1] != '{' && !all_gone;
    const struct doc_edit *edit;

    copy(w, tail, tail);
    for (edit = w->appends; edit; edit = edit->next) {
        if (w->value + edit->at != tail)
            continue;
        if (comma)
            put(w, STR(","));
        put(w, edit->field->member);
        put(w, str_make(edit->text, edit->len));
        comma = true;
    }
    w->tail = next_tail(w, tail);
}

/* Changes one member. What is appended before it is written first. */
static void change(struct splice *w, const struct doc_edit *edit, struct span place)
{
    const char *value = w->value + span_begin(place), *end = value + span_len(place);

    while (w->tail && w->tail < value)
        append_members(w);
    if (edit->kind == DOC_REMOVE) {
        remove_member(w, value, end);
    } else {
        copy(w, value, end);
        put(w, str_make(edit->text, edit->len));
    }
}

/* The change that reaches a member. NULL: none. */
static const struct doc_edit *edit_of(const struct splice *w, const struct member *member)
{
    const struct doc_edit *edit = w->doc->edits;

    if (!span_edited(w->doc->places->last[member->field]))
        return NULL;
    while (edit != w->appends && edit->field->id != member->field)
        edit = edit->next;
    return edit != w->appends ? edit : NULL;
}

/* Visits all members that change, in document order. */
static inline void walk(struct splice *w,
                        void (*visit)(struct splice *, const struct doc_edit *, struct span))
{
    const struct doc_edit *edit;
    size_t i;

    if (!w->doc->places->hidden) {
        for (edit = w->doc->edits; edit != w->appends; edit = edit->next)
            visit(w, edit, w->doc->places->last[edit->field->id]);
        return;
    }
    for (i = 0; i < w->member_count; i++) {
        edit = edit_of(w, &w->members[i]);
        if (edit)
            visit(w, edit, w->members[i].place);
    }
}

/* What is removed counts as if it stayed. */
static void measure(struct splice *w, const struct doc_edit *edit, struct span place)
{
    if (edit->kind == DOC_REPLACE)
        w->room += (size_t)edit->len - span_len(place);
}

static void begin(struct splice *w)
{
    const struct doc_edit *edit = w->doc->edits;

    while (edit && edit->kind != DOC_APPEND)
        edit = edit->next;
    w->appends = edit;
    w->tail = next_tail(w, w->value);
    for (; edit; edit = edit->next)
        w->room += strlen(",") + edit->field->member.len + edit->len;
    walk(w, measure);
}

static void write_all(struct splice *w)
{
    walk(w, change);
    while (w->tail)
        append_members(w);
    copy(w, w->end, w->end);
}

struct weir_str doc_splice_within(const struct doc *doc, struct arena *arena, size_t most)
{
    const struct places *places = doc->places;
    struct splice w = {.doc = doc};
    char *bytes;

    if (!places)
        return STR_ABSENT;
    if (!doc->edits)
        return str_make(places->value, places->len);
    w.value = w.from = places->value;
    w.end = w.value + places->len;
    w.room = places->len;
    if (places->hidden) {
        w.members = places_list(places, doc->paths, arena, &w.member_count);
        if (!w.members)
            return STR_ABSENT;
    }
    begin(&w);
    w.at = bytes = w.room <= most ? arena_alloc(arena, w.room) : NULL;
    if (!bytes)
        return STR_ABSENT;
    write_all(&w);
    assert((size_t)(w.at - bytes) <= w.room);
    return str_make(bytes, (size_t)(w.at - bytes));
}

struct weir_str doc_splice(const struct doc *doc, struct arena *arena)
{
    return doc_splice_within(doc, arena, SIZE_MAX);
}
