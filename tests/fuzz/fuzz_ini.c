/* fuzz_ini.c: the reader of configuration files under arbitrary bytes.
 *
 * What must hold: no crash and no leak; every place is a line of the text; names and values hold no byte that
 * the reader refuses; a text that is accepted, written out again from what was read, reads as the same; and a
 * resolved value never comes out in a message. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "config/inifile.h"
#include "config/interpolate.h"
#include "config/text.h"
#include "config/value.h"

#define SECRET "correct-horse-battery-staple"

static const char *fake_env(void *self, const char *name)
{
    (void)self;
    return name[0] == 'M' ? NULL : SECRET;
}

static size_t count_lines(struct weir_str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    return n;
}

static void check_places(const struct inifile *f, const struct diag *d, size_t lines)
{
    unsigned last = 0;

    for (size_t i = 0; i < f->count; i++) {
        const struct inifile_section *s = &f->sections[i];

        assert(s->place.line > last && s->place.line <= lines);
        last = s->place.line;
        for (size_t j = 0; j < s->keys.count; j++) {
            const struct config_key *k = &s->keys.items[j];

            assert(k->place.line > last && k->place.line <= lines);
            last = k->place.line;
            assert(k->name.len && !text_line_fault(k->name) && !text_line_fault(k->written));
        }
    }
    for (size_t i = 0; i < d->count; i++)
        assert(d->items[i].place.line <= lines);
}

/* A value as it must be written: the reverse of what line.h says of backslashes. */
static void write_value(struct buf *out, struct weir_str v)
{
    for (size_t i = 0; i < v.len; i++) {
        size_t end = i;

        if (i == 0 || v.ptr[i - 1] == ' ' || v.ptr[i - 1] == '\t') {
            while (end < v.len && v.ptr[end] == '\\')
                end++;
            if (end < v.len && (v.ptr[end] == ';' || v.ptr[end] == '#'))
                buf_add_char(out, '\\');
        }
        buf_add_char(out, v.ptr[i]);
    }
}

static void write_out(struct buf *out, const struct inifile *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct inifile_section *s = &f->sections[i];

        buf_add_fmt(out, "[" STR_FMT "%s" STR_FMT "]\n", STR_ARG(s->kind), s->name.ptr ? " " : "",
                    STR_ARG(s->name));
        for (size_t j = 0; j < s->keys.count; j++) {
            buf_add(out, s->keys.items[j].name);
            buf_add_text(out, " = ");
            write_value(out, s->keys.items[j].written);
            buf_add_char(out, '\n');
        }
    }
}

static void check_same(const struct inifile *a, const struct inifile *b)
{
    assert(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert(str_eq(a->sections[i].kind, b->sections[i].kind));
        assert(str_eq(a->sections[i].name, b->sections[i].name));
        assert(config_keys_eq(&a->sections[i].keys, &b->sections[i].keys));
    }
}

static void check_round_trip(const struct inifile *f, struct arena *a, size_t size)
{
    struct inifile again;
    struct buf out;
    struct diag d;

    diag_init(&d);
    buf_init(&out, 4 * size + 1024);
    write_out(&out, f);
    assert(!out.failed && inifile_parse(&again, "again", buf_str(&out), a, &d) && !d.count);
    check_same(f, &again);
    buf_fini(&out);
    diag_fini(&d);
}

static void check_values(struct inifile *f, struct arena *a, struct diag *d)
{
    const struct config_env env = {.get = fake_env};
    const struct interpolation with = {&env, "/nonexistent", a, d};
    struct weir_list list;
    double number;
    int64_t n;

    for (size_t i = 0; i < f->count; i++) {
        for (size_t j = 0; j < f->sections[i].keys.count; j++) {
            struct config_key *k = &f->sections[i].keys.items[j];
            struct value_fault why = {.hide = true};

            interpolate(&with, k);
            value_duration(k->value, &n, &why);
            value_size(k->value, &n, &why);
            value_integer(k->value, &n, &why);
            value_float(k->value, &number, &why);
            value_list(k->value, a, &list, &why);
            assert(!strstr(why.text, SECRET));
        }
    }
    for (size_t i = 0; i < d->count; i++)
        assert(!strstr(d->items[i].text, SECRET));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_str text = str_make((const char *)data, size);
    struct inifile f;
    struct arena a;
    struct diag d;

    if (memmem(data, size, SECRET, sizeof SECRET - 1))
        return 0;
    arena_init(&a, 65536, (size_t)1 << 30);
    diag_init(&d);
    if (inifile_parse(&f, "fuzz", text, &a, &d)) {
        assert(!d.errors);
        check_round_trip(&f, &a, size);
    } else {
        assert(d.errors);
    }
    check_places(&f, &d, count_lines(text));
    check_values(&f, &a, &d);
    diag_fini(&d);
    arena_fini(&a);
    return 0;
}
