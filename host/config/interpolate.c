/* interpolate.c: see interpolate.h. */
#include "config/interpolate.h"

#include "base/buf.h"
#include "config/text.h"

#define VALUE_MAX ((size_t)1 << 20)
#define SYNTAX                                                                                               \
    "write \"${env:NAME}\", \"${env:NAME:-default}\" or \"${file:PATH:KEY}\"; \"$${\" is the text \"${\""

struct resolving {
    const struct interpolation *with;
    struct config_key *key;
    struct buf out;
};

static bool refuse(const struct resolving *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(const struct resolving *r, const char *fmt, ...)
{
    struct arena *a = r->with->arena;
    struct weir_str text;
    va_list ap;

    va_start(ap, fmt);
    text = arena_vfmt(a, fmt, ap);
    va_end(ap);
    diag_error(r->with->diag, r->key->place, "option \"" STR_FMT "\": " STR_FMT, STR_ARG(r->key->name),
               STR_ARG(text));
    return false;
}

static bool is_env_name(struct weir_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return s.len > 0;
}

static bool resolve_env(struct resolving *r, struct weir_str what)
{
    const char *colon = memchr(what.ptr, ':', what.len), *text;
    struct weir_str name = what, otherwise = STR_ABSENT, value;

    if (colon) {
        name.len = (size_t)(colon - what.ptr);
        otherwise = str_make(colon + 1, what.len - name.len - 1);
        if (!otherwise.len || otherwise.ptr[0] != '-')
            return refuse(r, "a default is written behind \":-\": \"${env:NAME:-default}\"");
        otherwise = str_make(otherwise.ptr + 1, otherwise.len - 1);
    }
    if (!is_env_name(name))
        return refuse(r, "\"${env:…}\" needs the name of a variable: letters, digits and '_'");
    name = arena_str(r->with->arena, name);
    if (!name.ptr)
        return refuse(r, "out of memory");
    text = r->with->env->get(r->with->env->self, name.ptr);
    value = str_of(text);
    if (otherwise.ptr && !value.len)
        value = otherwise;
    if (!value.ptr)
        return refuse(r, "environment variable %s is not set (set it, or write \"${env:%s:-default}\")",
                      name.ptr, name.ptr);
    if (text_value_fault(value))
        return refuse(r, "environment variable %s holds %s", name.ptr, text_value_fault(value));
    buf_add(&r->out, value);
    return true;
}

/* Finds `name = value` in the text of a file of secrets. False: an error was reported, with the line in that
 * file, but never its text. */
static bool find_in_file(struct resolving *r, const char *path, struct weir_str text, struct weir_str name,
                         struct weir_str *out)
{
    struct place at = {path, 0}, first = {NULL, 0};
    struct weir_str line;

    while (str_split(&text, '\n', &line)) {
        const char *equals = line.len ? memchr(line.ptr, '=', line.len) : NULL;
        const char *why = text_line_fault(line);
        struct weir_str key;

        at.line++;
        if (why || (line.len && line.ptr[0] != ';' && line.ptr[0] != '#' && !equals)) {
            diag_error(r->with->diag, at, "%s", why ? why : "neither \"key = value\" nor a comment");
            return false;
        }
        if (!equals || line.ptr[0] == ';' || line.ptr[0] == '#')
            continue;
        key = str_trim(str_make(line.ptr, (size_t)(equals - line.ptr)));
        if (!str_eq(key, name))
            continue;
        if (first.file) {
            diag_error(r->with->diag, at, "\"" STR_FMT "\" stands here and at line %u", STR_ARG(name),
                       first.line);
            return false;
        }
        first = at;
        *out = str_trim(str_make(equals + 1, (size_t)(line.ptr + line.len - equals - 1)));
    }
    if (!first.file)
        return refuse(r, "%s has no key \"" STR_FMT "\"", path, STR_ARG(name));
    return true;
}

static bool resolve_file(struct resolving *r, struct weir_str what)
{
    const char *colon = what.len ? memrchr(what.ptr, ':', what.len) : NULL, *why;
    struct weir_str path, name, text, value;
    struct arena scratch;
    bool ok = false;

    if (!colon || colon == what.ptr || colon + 1 == what.ptr + what.len)
        return refuse(r, "\"${file:…}\" needs a path and a key: \"${file:PATH:KEY}\"");
    path = str_make(what.ptr, (size_t)(colon - what.ptr));
    name = str_trim(str_make(colon + 1, what.len - path.len - 1));
    arena_init(&scratch, 4096, 4 * FILE_MAX);
    if (path.ptr[0] == '/')
        path = arena_str(&scratch, path);
    else
        path = arena_fmt(&scratch, "%s/" STR_FMT, r->with->dir, STR_ARG(path));
    if (!path.ptr) {
        refuse(r, "out of memory");
        goto out;
    }
    text = env_read(r->with->env, path.ptr, &scratch, &why);
    if (!text.ptr) {
        refuse(r, "%s %s", path.ptr, why);
        goto out;
    }
    ok = find_in_file(r, path.ptr, text, name, &value);
    if (ok)
        buf_add(&r->out, value);
out:
    arena_fini(&scratch);
    return ok;
}

/* s begins with "${". *used gets the bytes of the whole reference. */
static bool resolve(struct resolving *r, struct weir_str s, size_t *used)
{
    const char *close = memchr(s.ptr, '}', s.len);
    struct weir_str inner;

    if (!close)
        return refuse(r, "a \"${\" without its '}' (" SYNTAX ")");
    *used = (size_t)(close - s.ptr) + 1;
    inner = str_make(s.ptr + 2, *used - 3);
    if (memmem(inner.ptr, inner.len, "${", 2))
        return refuse(r, "a \"${\" inside another: they cannot be nested");
    if (str_starts(inner, STR("env:")))
        return resolve_env(r, str_make(inner.ptr + 4, inner.len - 4));
    if (str_starts(inner, STR("file:")))
        return resolve_file(r, str_make(inner.ptr + 5, inner.len - 5));
    return refuse(r, "unknown \"${…}\" (" SYNTAX ")");
}

static bool resolve_all(struct resolving *r)
{
    struct weir_str s = r->key->written;
    size_t used;

    while (s.len) {
        const char *dollar = memchr(s.ptr, '$', s.len);
        size_t plain = dollar ? (size_t)(dollar - s.ptr) : s.len;

        buf_add(&r->out, str_make(s.ptr, plain));
        s = str_make(s.ptr + plain, s.len - plain);
        used = s.len ? 1 : 0;
        if (str_starts(s, STR("$${"))) {
            buf_add_text(&r->out, "${");
            used = 3;
        } else if (str_starts(s, STR("${"))) {
            r->key->hidden = true;
            if (!resolve(r, s, &used))
                return false;
        } else {
            buf_add(&r->out, str_make(s.ptr, used));
        }
        s = str_make(s.ptr + used, s.len - used);
    }
    return true;
}

void interpolate(const struct interpolation *with, struct config_key *key)
{
    struct resolving r = {.with = with, .key = key};
    bool ok;

    if (!key->written.len || !memchr(key->written.ptr, '$', key->written.len))
        return;
    buf_init(&r.out, VALUE_MAX);
    ok = resolve_all(&r);
    if (ok && r.out.failed)
        ok = refuse(&r, "its value is longer than 1 MiB");
    if (ok) {
        key->value = arena_str(with->arena, buf_str(&r.out));
        if (!key->value.ptr)
            ok = refuse(&r, "out of memory");
    }
    if (!ok) {
        key->broken = true;
        key->value = STR("");
    }
    buf_fini(&r.out);
}
