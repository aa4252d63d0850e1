/* diag.c: see diag.h. The list is kept sorted by inserting each message where it belongs: it is short (a cap
 * of a thousand), and so it can be read at any time without a step that sorts it. */
#include "config/diag.h"

#include <stdlib.h>

#define MESSAGES_MAX 1000
#define TEXT_MAX ((size_t)8 << 20)

void diag_init(struct diag *d)
{
    *d = (struct diag){.items = NULL};
    arena_init(&d->arena, 4096, TEXT_MAX);
}

void diag_fini(struct diag *d)
{
    free(d->items);
    arena_fini(&d->arena);
    diag_init(d);
}

static int place_cmp(struct place a, struct place b)
{
    int order = str_cmp(str_of(a.file), str_of(b.file));

    if (order)
        return order;
    return a.line < b.line ? -1 : a.line > b.line;
}

static bool grow(struct diag *d)
{
    size_t room = d->room ? d->room * 2 : 16;
    struct diag_message *items;

    if (d->count < d->room)
        return true;
    if (d->count >= MESSAGES_MAX)
        return false;
    items = realloc(d->items, room * sizeof *items);
    if (!items)
        return false;
    d->items = items;
    d->room = room;
    return true;
}

static char *printable(struct arena *a, struct weir_str text)
{
    char *copy = arena_alloc(a, text.len + 1);

    if (!copy || !text.ptr)
        return NULL;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        copy[i] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
    }
    copy[text.len] = '\0';
    return copy;
}

static void insert(struct diag *d, struct diag_message m)
{
    size_t at = d->count;

    while (at > 0 && place_cmp(d->items[at - 1].place, m.place) > 0)
        at--;
    memmove(d->items + at + 1, d->items + at, (d->count - at) * sizeof *d->items);
    d->items[at] = m;
    d->count++;
}

static bool is_known(const struct diag *d, const struct diag_message *m)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct diag_message *k = &d->items[i];

        if (k->warning == m->warning && !place_cmp(k->place, m->place) && !strcmp(k->text, m->text))
            return true;
    }
    return false;
}

void diag_vadd(struct diag *d, bool warning, struct place at, const char *fmt, va_list ap)
{
    size_t *count = warning ? &d->warnings : &d->errors;
    struct diag_message m = {.place = at, .warning = warning};

    d->raised += !warning;
    if (!grow(d))
        goto drop;
    if (at.file) {
        m.place.file = printable(&d->arena, str_of(at.file));
        if (!m.place.file)
            goto drop;
    }
    m.text = printable(&d->arena, arena_vfmt(&d->arena, fmt, ap));
    if (!m.text)
        goto drop;
    if (is_known(d, &m))
        return;
    insert(d, m);
    (*count)++;
    return;
drop:
    d->dropped++;
    (*count)++;
}

void diag_error(struct diag *d, struct place at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    diag_vadd(d, false, at, fmt, ap);
    va_end(ap);
}

void diag_warning(struct diag *d, struct place at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    diag_vadd(d, true, at, fmt, ap);
    va_end(ap);
}

struct weir_str diag_text(const struct diag_message *m, struct arena *a)
{
    const char *kind = m->warning ? "warning: " : "";

    if (!m->place.file)
        return arena_fmt(a, "%s%s", kind, m->text);
    if (!m->place.line)
        return arena_fmt(a, "%s: %s%s", m->place.file, kind, m->text);
    return arena_fmt(a, "%s:%u: %s%s", m->place.file, m->place.line, kind, m->text);
}

void diag_print(const struct diag *d, FILE *to)
{
    struct arena a;

    arena_init(&a, 4096, TEXT_MAX);
    for (size_t i = 0; i < d->count; i++) {
        struct weir_str line = diag_text(&d->items[i], &a);

        fprintf(to, STR_FMT "\n", STR_ARG(line));
        arena_reset(&a);
    }
    if (d->dropped)
        fprintf(to, "%zu more messages are not shown\n", d->dropped);
    arena_fini(&a);
}
