/* value.c: see value.h. Durations and sizes are one parser over two tables of units. Combined forms (1h30m)
 * and fractions (1.5s) are refused on purpose: one number with one unit is never ambiguous. */
#include "config/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/suggest.h"

struct unit {
    const char *name;
    int64_t factor;
};

struct measure {
    const char *what, *list, *example; /* example: the unit to propose for a bare number */
    const struct unit *units;          /* rising; ends with a NULL name */
};

static const struct unit time_units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                         {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit size_units[] = {
    {"B", 1},         {"kB", 1000},       {"KiB", 1024},       {"MB", 1000000},
    {"MiB", 1048576}, {"GB", 1000000000}, {"GiB", 1073741824}, {NULL, 0}};
static const struct measure durations = {"a duration", "ms, s, m, h, d", "s", time_units};
static const struct measure sizes = {"a size", "B, kB, KiB, MB, MiB, GB, GiB", "MiB", size_units};

static bool fail(struct value_fault *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct value_fault *f, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t count_digits(struct weir_str s)
{
    size_t n = 0;

    while (n < s.len && is_digit(s.ptr[n]))
        n++;
    return n;
}

static bool bad_unit(const struct measure *m, struct weir_str number, struct weir_str unit,
                     struct value_fault *f)
{
    struct weir_str trimmed = str_trim(unit);

    if (!unit.len && (f->hide || number.len > 20))
        return fail(f, "has no unit (%s)", m->list);
    if (!unit.len)
        return fail(f, "has no unit (write \"" STR_FMT "%s\"; units are %s)", STR_ARG(number), m->example,
                    m->list);
    if (unit.ptr[0] == '.' || unit.ptr[0] == ',')
        return fail(f, "is not a whole number with a unit (take a smaller unit: %s)", m->list);
    if (trimmed.len < unit.len)
        return fail(f, "has a blank before its unit (write the unit right behind the number)");
    if (f->hide || unit.len > 20)
        return fail(f, "has an unknown unit (one number with one of %s)", m->list);
    return fail(f, "has the unknown unit \"" STR_FMT "\" (one number with one of %s)", STR_ARG(unit),
                m->list);
}

static bool measured(const struct measure *m, struct weir_str s, int64_t *out, struct value_fault *f)
{
    size_t digits = count_digits(s);
    struct weir_str number = str_make(s.ptr, digits), unit = str_make(s.ptr + digits, s.len - digits);
    const struct unit *u = m->units;
    int64_t n;

    if (!s.len)
        return fail(f, "is empty");
    if (s.ptr[0] == '-')
        return fail(f, "is negative");
    if (!digits)
        return fail(f, "is not %s (a whole number with one of %s)", m->what, m->list);
    while (u->name && !str_is(unit, u->name))
        u++;
    if (!u->name)
        return bad_unit(m, number, unit, f);
    if (!str_to_int(number, &n) || n > INT64_MAX / u->factor)
        return fail(f, "is too large");
    *out = n * u->factor;
    return true;
}

bool value_duration(struct weir_str s, int64_t *out, struct value_fault *f)
{
    return measured(&durations, s, out, f);
}

bool value_size(struct weir_str s, int64_t *out, struct value_fault *f)
{
    return measured(&sizes, s, out, f);
}

bool value_integer(struct weir_str s, int64_t *out, struct value_fault *f)
{
    struct weir_str digits = s;

    if (!s.len)
        return fail(f, "is empty");
    if (str_to_int(s, out))
        return true;
    if (digits.ptr[0] == '-') {
        digits.ptr++;
        digits.len--;
    }
    if (digits.len && count_digits(digits) == digits.len)
        return fail(f, "is too large: it does not fit 64 bits");
    return fail(f, "is not a whole number");
}

/* -?digits(.digits)?([eE][+-]?digits)?, so that strtod is never shown "inf", "0x1" or " 1". */
static bool is_decimal(struct weir_str s)
{
    size_t i = s.len && s.ptr[0] == '-', n;

    n = count_digits(str_make(s.ptr + i, s.len - i));
    i += n;
    if (!n)
        return false;
    if (i < s.len && s.ptr[i] == '.') {
        i++;
        n = count_digits(str_make(s.ptr + i, s.len - i));
        i += n;
        if (!n)
            return false;
    }
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        i++;
        if (i < s.len && (s.ptr[i] == '+' || s.ptr[i] == '-'))
            i++;
        n = count_digits(str_make(s.ptr + i, s.len - i));
        i += n;
        if (!n)
            return false;
    }
    return i == s.len;
}

bool value_float(struct weir_str s, double *out, struct value_fault *f)
{
    char text[128];
    double d;

    if (!s.len)
        return fail(f, "is empty");
    if (s.len >= sizeof text || !is_decimal(s))
        return fail(f, "is not a number");
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    d = strtod(text, NULL);
    if (!isfinite(d))
        return fail(f, "is too large");
    *out = d;
    return true;
}

bool value_bool(struct weir_str s, bool *out, struct value_fault *f)
{
    static const char *const yes[] = {"yes", "true", "on"}, *const no[] = {"no", "false", "off"};

    for (size_t i = 0; i < 3; i++) {
        if (str_is(s, yes[i]) || str_is(s, no[i])) {
            *out = str_is(s, yes[i]);
            return true;
        }
    }
    return fail(f, s.len ? "is neither yes nor no" : "is empty");
}

bool value_choice(struct weir_str s, const char *const *choices, int32_t *out, struct value_fault *f)
{
    struct suggest near;
    size_t at = 0;
    int n;

    for (int32_t i = 0; choices[i]; i++) {
        if (str_is(s, choices[i])) {
            *out = i;
            return true;
        }
    }
    if (!s.len)
        return fail(f, "is empty");
    n = snprintf(f->text, sizeof f->text, "is none of ");
    for (size_t i = 0; choices[i] && n >= 0 && at + (size_t)n < sizeof f->text; i++) {
        at += (size_t)n;
        n = snprintf(f->text + at, sizeof f->text - at, "%s%s", i ? ", " : "", choices[i]);
    }
    if (!f->hide && n >= 0 && at + (size_t)n < sizeof f->text) {
        at += (size_t)n;
        snprintf(f->text + at, sizeof f->text - at, "%s", suggest_among(&near, s, choices));
    }
    return false;
}

bool value_list(struct weir_str s, struct arena *a, struct weir_list *out, struct value_fault *f)
{
    struct weir_str rest = s, item, *items;
    size_t room = 1, n = 0;

    if (!str_trim(s).len)
        return fail(f, "is empty");
    for (size_t i = 0; i < s.len; i++)
        room += s.ptr[i] == ',';
    items = arena_alloc(a, room * sizeof *items);
    if (!items)
        return fail(f, "does not fit into memory");
    while (str_split(&rest, ',', &item)) {
        if (!item.len)
            return fail(f, "has an empty item (number %zu of the list)", n + 1);
        items[n] = arena_str(a, item);
        if (!items[n].ptr)
            return fail(f, "does not fit into memory");
        n++;
    }
    *out = (struct weir_list){items, n};
    return true;
}

static const char *measure_text(const struct measure *m, int64_t n, char text[32])
{
    const struct unit *best = m->units;

    for (const struct unit *u = m->units; u->name; u++) {
        if (n && n % u->factor == 0)
            best = u;
    }
    snprintf(text, 32, "%lld%s", (long long)(n / best->factor), best->name);
    return text;
}

const char *value_duration_text(int64_t ms, char text[32])
{
    return measure_text(&durations, ms, text);
}

const char *value_size_text(int64_t bytes, char text[32])
{
    return measure_text(&sizes, bytes, text);
}
