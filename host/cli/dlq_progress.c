/* dlq_progress.c: see dlq_progress.h. */
#include "cli/dlq_progress.h"

#include <ctype.h>

#define FORMAT "weir1:"

/* ---- selections */

bool selection_takes(const struct selection *selection, const struct letter *letter)
{
    if (!str_starts(letter->reason, str_of(selection->reason)))
        return false;
    return selection->since_ms == INT64_MIN || !letter->has_time || letter->time_ms >= selection->since_ms;
}

/* True where everything that b selects is selected by a. */
static bool covers(const struct selection *a, const struct selection *b)
{
    return str_starts(str_of(b->reason), str_of(a->reason)) && a->since_ms <= b->since_ms &&
           a->max_replays >= b->max_replays;
}

static bool is_unfiltered(const struct selection *s)
{
    return !s->reason[0] && s->since_ms == INT64_MIN;
}

/* ---- the text */

static void write_escaped(struct buf *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x80 && (isalnum(*c) || strchr("-_.:", *c)))
            buf_add_char(out, (char)*c);
        else
            buf_add_fmt(out, "%%%02x", *c);
    }
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c) : NULL;

    return found ? (int)(found - digits) : -1;
}

static bool read_escaped(struct weir_str from, char *to, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < from.len; i++) {
        char c = from.ptr[i];

        if (c == '%') {
            int high = i + 2 < from.len ? hex(from.ptr[i + 1]) : -1;
            int low = i + 2 < from.len ? hex(from.ptr[i + 2]) : -1;

            if (high < 0 || low < 0 || high + low == 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (n + 1 == room)
            return false;
        to[n++] = c;
    }
    to[n] = '\0';
    return true;
}

/* One item of a mark, up to the comma or the end. False: there is none. */
static bool next_item(struct weir_str *rest, struct weir_str *item)
{
    const char *comma = rest->ptr ? memchr(rest->ptr, ',', rest->len) : NULL;

    if (!rest->ptr)
        return false;
    *item = str_make(rest->ptr, comma ? (size_t)(comma - rest->ptr) : rest->len);
    *rest = comma ? str_make(comma + 1, rest->len - item->len - 1) : STR_ABSENT;
    return true;
}

static bool read_mark(struct weir_str text, struct mark *m)
{
    struct weir_str item;

    if (!next_item(&text, &item) || !str_to_int(item, &m->offset) || m->offset < 0)
        return false;
    if (!next_item(&text, &item) || !str_to_int(item, &m->selection.max_replays))
        return false;
    if (!next_item(&text, &item))
        return false;
    m->selection.since_ms = INT64_MIN;
    if (!str_is(item, "-") && !str_to_int(item, &m->selection.since_ms))
        return false;
    return next_item(&text, &item) && !text.ptr &&
           read_escaped(item, m->selection.reason, sizeof m->selection.reason);
}

bool progress_read(struct progress *p, struct weir_str text)
{
    struct weir_str item;

    p->count = 0;
    if (!str_split(&text, ';', &item) || !str_starts(item, STR(FORMAT)))
        return false;
    while (str_split(&text, ';', &item)) {
        if (p->count == PROGRESS_MARKS_MAX || !read_mark(item, &p->marks[p->count]))
            return false;
        p->count++;
    }
    return true;
}

bool progress_write(const struct progress *p, struct buf *out)
{
    buf_add_fmt(out, FORMAT "%016llx", (unsigned long long)p->run);
    for (size_t i = 0; i < p->count; i++) {
        const struct mark *m = &p->marks[i];

        buf_add_fmt(out, ";%lld,%lld,", (long long)m->offset, (long long)m->selection.max_replays);
        if (m->selection.since_ms == INT64_MIN)
            buf_add_char(out, '-');
        else
            buf_add_fmt(out, "%lld", (long long)m->selection.since_ms);
        buf_add_char(out, ',');
        write_escaped(out, m->selection.reason);
    }
    return !out->failed && out->len <= PROGRESS_TEXT_MAX;
}

/* ---- marks */

static void drop(struct progress *p, size_t i)
{
    p->marks[i] = p->marks[--p->count];
}

void progress_clip(struct progress *p, int64_t low, int64_t high)
{
    for (size_t i = p->count; i-- > 0;) {
        if (p->marks[i].offset <= low || p->marks[i].offset > high)
            drop(p, i);
    }
}

int64_t progress_start(const struct progress *p, const struct selection *selection, int64_t low)
{
    int64_t start = low;

    for (size_t i = 0; i < p->count; i++) {
        if (covers(&p->marks[i].selection, selection) && p->marks[i].offset > start)
            start = p->marks[i].offset;
    }
    return start;
}

bool progress_has(const struct progress *p, const struct letter *letter, int64_t offset)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct selection *s = &p->marks[i].selection;

        if (offset < p->marks[i].offset && letter->replays < s->max_replays && selection_takes(s, letter))
            return true;
    }
    return false;
}

bool progress_set(struct progress *p, const struct selection *selection, int64_t offset)
{
    for (size_t i = p->count; i-- > 0;) {
        if (covers(selection, &p->marks[i].selection) && p->marks[i].offset <= offset)
            drop(p, i);
    }
    if (progress_start(p, selection, -1) >= offset)
        return true; /* another mark says it already */
    if (p->count == PROGRESS_MARKS_MAX)
        return false;
    p->marks[p->count++] = (struct mark){*selection, offset};
    return true;
}

int64_t progress_offset(const struct progress *p, int64_t low)
{
    int64_t offset = low;

    for (size_t i = 0; i < p->count; i++) {
        if (is_unfiltered(&p->marks[i].selection) && p->marks[i].offset > offset)
            offset = p->marks[i].offset;
    }
    return offset;
}
