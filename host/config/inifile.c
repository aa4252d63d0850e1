/* inifile.c: see inifile.h.
 *
 * inih has limits and habits that differ from build to build: a line buffer of 200 bytes, the rest of a
 * longer line read as a line of its own; 50 bytes of a section's or continued key's name; values continued by
 * indented lines; inline comments; empty sections that are never told; a handler with or without the line's
 * number. Some builds have global variables to change that, others do not, and no global can be set safely
 * beside a running chain.
 *
 * So inih never sees the text. Our reader takes each physical line, checks and splits it (line.h), notes its
 * section or key in a table, and hands inih a stand-in of a few bytes that holds only the row: `[4]` for a
 * section, `7=1` for a key, an empty line for the rest. inih answers which key stands under which section,
 * and that is taken from the rows. The stand-ins are ASCII digits, never long, never indented, without
 * comment characters: every build of inih reads them in the same way.
 *
 * Rejected: raising ini_max_line (a global, Debian's alone); refusing lines over 196 bytes (a list of fields
 * or a PEM key is longer). */
#include "config/inifile.h"

#include <ini.h>
#include <stdio.h>

#include "config/line.h"

#if INI_HANDLER_LINENO
#define LINENO_PARAMETER , int lineno
#define LINENO_UNUSED (void)lineno
#else
#define LINENO_PARAMETER
#define LINENO_UNUSED (void)0
#endif

struct reading {
    struct inifile *file;
    struct weir_str rest; /* the text that was not yet read; absent at the end */
    unsigned line;
    struct config_key *keys;
    size_t key_count, told; /* told: keys that inih gave back */
    struct arena *arena;
    struct diag *diag;
};

static struct place here(const struct reading *r)
{
    return (struct place){r->file->path, r->line};
}

static bool next_physical(struct reading *r, struct weir_str *line)
{
    const char *end;

    if (!r->rest.ptr || !r->rest.len)
        return false;
    end = memchr(r->rest.ptr, '\n', r->rest.len);
    *line = str_make(r->rest.ptr, end ? (size_t)(end - r->rest.ptr) : r->rest.len);
    r->rest = end ? str_make(end + 1, r->rest.len - line->len - 1) : STR_ABSENT;
    if (end && line->len && line->ptr[line->len - 1] == '\r')
        line->len--;
    r->line++;
    return true;
}

static void title(const struct inifile_section *s, char text[160])
{
    if (s->name.ptr)
        snprintf(text, 160, "[%.*s %.*s]", (int)(s->kind.len < 64 ? s->kind.len : 64), s->kind.ptr,
                 (int)(s->name.len < 64 ? s->name.len : 64), s->name.ptr);
    else
        snprintf(text, 160, "[%.*s]", (int)(s->kind.len < 64 ? s->kind.len : 64), s->kind.ptr);
}

static void note_section(struct reading *r, const struct line *line)
{
    struct inifile_section *s = &r->file->sections[r->file->count++];
    char text[160];

    *s = (struct inifile_section){line->head, line->tail, here(r), {NULL, 0}, line->fault != NULL};
    for (size_t i = 0; i + 1 < r->file->count && !s->broken; i++) {
        const struct inifile_section *other = &r->file->sections[i];

        if (other->broken || !str_eq(other->kind, s->kind) || !str_eq(other->name, s->name))
            continue;
        title(s, text);
        diag_error(r->diag, here(r), "section %s stands here and at %s:%u", text, other->place.file,
                   other->place.line);
        s->broken = true;
    }
}

static void note_key(struct reading *r, const struct line *line)
{
    r->keys[r->key_count++] =
        (struct config_key){.name = line->head, .written = line->tail, .value = line->tail, .place = here(r)};
}

/* inih's reader: like fgets. num is the room, 200 in every build known. */
static char *next_line(char *to, int num, void *user)
{
    struct reading *r = user;
    struct weir_str text;
    struct line line;
    int n;

    if (!next_physical(r, &text))
        return NULL;
    line = line_read(text, r->arena);
    if (line.fault)
        diag_error(r->diag, here(r), "%s", line.fault);
    if (line.kind == LINE_SECTION) {
        n = snprintf(to, (size_t)num, "[%zu]\n", r->file->count);
        note_section(r, &line);
    } else if (line.kind == LINE_KEY && !line.fault) {
        n = snprintf(to, (size_t)num, "%zu=1\n", r->key_count);
        note_key(r, &line);
    } else {
        n = snprintf(to, (size_t)num, "\n");
    }
    return n < num ? to : NULL;
}

static void add_key(struct reading *r, struct inifile_section *s, struct config_key *key)
{
    struct config_keys *keys = &s->keys;

    for (size_t i = 0; i < keys->count && !s->broken; i++) {
        if (!str_eq(keys->items[i].name, key->name))
            continue;
        diag_error(r->diag, key->place, "\"" STR_FMT "\" stands here and at line %u", STR_ARG(key->name),
                   keys->items[i].place.line);
        return;
    }
    if (!keys->count)
        keys->items = key;
    /* rows of one section are neighbours; a refused duplicate leaves a gap, which closes here */
    keys->items[keys->count++] = *key;
}

/* inih's handler. name is NULL where a build calls it for a section. */
static int take_key(void *user, const char *section, const char *name, const char *value LINENO_PARAMETER)
{
    struct reading *r = user;
    struct config_key *key;
    int64_t s, k;

    (void)value;
    LINENO_UNUSED;
    if (!name || !str_to_int(str_of(name), &k) || k < 0 || (size_t)k >= r->key_count)
        return 1;
    r->told++;
    key = &r->keys[k];
    if (!section || !*section)
        diag_error(r->diag, key->place, "\"" STR_FMT "\" stands before the first [section]",
                   STR_ARG(key->name));
    else if (str_to_int(str_of(section), &s) && s >= 0 && (size_t)s < r->file->count)
        add_key(r, &r->file->sections[s], key);
    return 1;
}

static size_t count_lines(struct weir_str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    return n;
}

bool inifile_parse(struct inifile *file, const char *path, struct weir_str text, struct arena *a,
                   struct diag *d)
{
    struct reading r = {.file = file, .rest = text, .arena = a, .diag = d};
    size_t before = d->raised, lines = count_lines(text);
    int status;

    *file = (struct inifile){.path = path};
    if (lines > INIFILE_LINES_MAX) {
        diag_error(d, (struct place){path, 0}, "has more than %d lines", INIFILE_LINES_MAX);
        return false;
    }
    file->sections = arena_alloc(a, lines * sizeof *file->sections);
    r.keys = arena_alloc(a, lines * sizeof *r.keys);
    if (!file->sections || !r.keys) {
        diag_error(d, (struct place){path, 0}, "out of memory");
        return false;
    }
    status = ini_parse_stream(next_line, &r, take_key, &r);
    if (status != 0 || r.told != r.key_count || r.rest.len)
        diag_error(d, (struct place){path, 0}, "this build of libinih does not read plain lines (status %d)",
                   status);
    return d->raised == before;
}

bool inifile_load(struct inifile *file, const char *path, const struct config_env *env, struct arena *a,
                  struct diag *d)
{
    const char *why;
    struct weir_str text = env_read(env, path, a, &why);

    *file = (struct inifile){.path = path};
    if (!text.ptr) {
        diag_error(d, (struct place){path, 0}, "the file %s", why);
        return false;
    }
    return inifile_parse(file, path, text, a, d);
}
