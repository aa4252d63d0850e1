/* pretty.c: see pretty.h.
 *
 * One walk over the checked bytes, no tree: numbers and strings show as they were written. Whether a
 * container fits on the line is found out by writing it there; where the line is full it is taken back, and
 * set out. A try ends at the line's end, so the walk stays linear in the size of the value. */
#include "cli/pretty.h"

#include "chain/json.h"
#include "cli/colour.h"
#include "cli/printable.h"

#include <stdio.h>

#define STEP 2
#define INDENT_MAX 40
#define SHOWN_MAX 65536 /* bytes of a value: nobody reads more */

struct writer {
    struct buf *out;
    bool colour;
    size_t width, column; /* of the screen; where the next character goes */
    bool one_line;        /* nothing goes behind width */
    size_t lines; /* with one_line: how many there are; the last keeps a column for the ellipsis. 0: one */
    bool full;    /* something did not fit */
    enum colour paint; /* what is painted with now */
};

static void paint(struct writer *w, enum colour colour)
{
    buf_add_text(w->out, colour_code(w->colour, colour));
    w->paint = colour;
}

/* Goes on in the next line, where there is one. Whoever frames the lines finds each in its own colours. */
static void next_line(struct writer *w)
{
    enum colour colour = w->paint;

    if (w->lines <= 1) {
        w->full = true;
        return;
    }
    paint(w, COLOUR_NONE);
    buf_add_char(w->out, '\n');
    paint(w, colour);
    w->lines--;
    w->column = 0;
}

static void put(struct writer *w, struct weir_str s)
{
    struct printable p;

    for (size_t i = 0; i < s.len && !w->full; i += p.taken) {
        printable_look(&p, s.ptr + i, s.ptr + s.len);
        if (w->one_line && w->column + p.columns + (w->lines == 1) > w->width)
            next_line(w);
        if (w->full)
            return;
        buf_add(w->out, p.text);
        w->column += p.columns;
    }
}

static void new_line(struct writer *w, size_t indent)
{
    w->column = indent < INDENT_MAX ? indent : INDENT_MAX;
    buf_add_fmt(w->out, "\n%*s", (int)w->column, "");
}

static const char *token_end(const char *at, const char *end)
{
    struct json_scan scan = {.end = end};

    if (*at == '"')
        return json_scan_string(&scan, at + 1);
    while (at < end && !json_is_space(*at) && !strchr(",:]}", *at))
        at++;
    return at;
}

/* A string, number or word; a string before a colon is a member's name. */
static const char *put_scalar(struct writer *w, const char *at, const char *end)
{
    const char *stop = token_end(at, end), *after = json_skip_space(stop, end);
    enum colour colour = COLOUR_SIDE;

    if (*at == '"')
        colour = after < end && *after == ':' ? COLOUR_NAME : COLOUR_GOOD;
    paint(w, colour);
    put(w, str_make(at, (size_t)(stop - at)));
    paint(w, COLOUR_NONE);
    return after;
}

static bool is_open(char c)
{
    return c == '{' || c == '[';
}

/* A whole value on this line. */
static const char *put_inline(struct writer *w, const char *at, const char *end)
{
    size_t depth = 0;

    do {
        char c = *at;

        if (is_open(c) || c == '}' || c == ']') {
            if (is_open(c))
                depth++;
            else
                depth--;
            put(w, str_make(at++, 1));
        } else if (c == ',' || c == ':') {
            put(w, c == ',' ? STR(", ") : STR(": "));
            at++;
        } else {
            at = put_scalar(w, at, end);
        }
        at = json_skip_space(at, end);
    } while (depth && !w->full);
    return at;
}

/* The same, only if it fits; else nothing was written and the answer is NULL. One column is kept for a comma.
 */
static const char *try_inline(struct writer *w, const char *at, const char *end)
{
    size_t mark = w->out->len, column = w->column;

    w->one_line = true;
    w->width--;
    at = put_inline(w, at, end);
    w->width++;
    w->one_line = false;
    if (!w->full)
        return at;
    w->full = false;
    w->out->len = mark;
    w->column = column;
    return NULL;
}

/* Recursion is as deep as json.h lets values be. Answers the place behind the value and the blanks after it.
 */
static const char *put_value(struct writer *w, const char *at, const char *end, size_t indent)
{
    const char *fits;
    char close = *at == '{' ? '}' : ']';

    if (!is_open(*at))
        return put_scalar(w, at, end);
    fits = try_inline(w, at, end);
    if (fits)
        return fits;
    put(w, str_make(at, 1));
    at = json_skip_space(at + 1, end);
    while (*at != close) {
        new_line(w, indent + STEP);
        if (close == '}') {
            at = put_scalar(w, at, end);
            put(w, STR(": "));
            at = json_skip_space(at + 1, end);
        }
        at = put_value(w, at, end, indent + STEP);
        if (*at == ',') {
            put(w, STR(","));
            at = json_skip_space(at + 1, end);
        }
    }
    new_line(w, indent);
    put(w, str_make(at, 1));
    return json_skip_space(at + 1, end);
}

static void put_remark(struct writer *w, const char *text)
{
    paint(w, COLOUR_FAINT);
    put(w, str_of(text));
    paint(w, COLOUR_NONE);
}

void pretty_add(const struct pretty *pretty, struct buf *out, struct weir_str value)
{
    struct writer w = {
        .out = out, .colour = pretty->colour, .width = pretty->width, .column = pretty->indent};
    char remark[64];

    buf_add_fmt(out, "%*s", (int)pretty->indent, "");
    if (!value.ptr) {
        put_remark(&w, "(no value: a tombstone)");
    } else if (!value.len) {
        put_remark(&w, "(empty)");
    } else if (value.len > SHOWN_MAX) {
        put(&w, str_make(value.ptr, SHOWN_MAX));
        snprintf(remark, sizeof remark, "… (the first 64 KiB of %zu bytes)", value.len);
        put_remark(&w, remark);
    } else if (json_check(value)) {
        put_value(&w, json_skip_space(value.ptr, value.ptr + value.len), value.ptr + value.len,
                  pretty->indent);
    } else {
        put(&w, value);
    }
    buf_add_char(out, '\n');
}

void pretty_add_lines(const struct pretty *pretty, struct buf *out, struct weir_str value, size_t lines)
{
    struct writer w = {.out = out, .colour = pretty->colour, .width = pretty->width, .one_line = true};

    w.lines = lines;
    if (w.width < 8 || !lines)
        return;
    if (!value.ptr)
        put_remark(&w, "(no value: a tombstone)");
    else if (json_check(value))
        put_inline(&w, json_skip_space(value.ptr, value.ptr + value.len), value.ptr + value.len);
    else
        put(&w, value);
    if (w.full)
        buf_add_text(out, "…");
}
