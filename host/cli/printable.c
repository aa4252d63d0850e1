/* printable.c: see printable.h.
 *
 * Columns are counted without the locale's wcwidth(): what is not plain ASCII or Latin counts as two wide.
 * That cuts a line of Greek early, but no line is ever too long for the screen. */
#include "cli/printable.h"

#include "chain/json.h"

#include <stdio.h>

static uint32_t decode(const char *at, size_t n)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)at[0] & masks[n];

    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)at[i] & 0x3f);
    return c;
}

/* Characters that show nothing themselves and change how others show. */
static bool is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
           (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || c >= 0xe0000;
}

static void write_escape(struct printable *p, uint32_t c, bool is_byte)
{
    int n;

    if (c == '\n' || c == '\r' || c == '\t')
        n = snprintf(p->escape, sizeof p->escape, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (is_byte || c < 0x80)
        n = snprintf(p->escape, sizeof p->escape, "\\x%02x", (unsigned)c & 0xff);
    else
        n = snprintf(p->escape, sizeof p->escape, "\\u{%x}", (unsigned)c & 0x1fffff);
    p->text = str_make(p->escape, (size_t)n);
    p->columns = (size_t)n;
}

void printable_look(struct printable *p, const char *at, const char *end)
{
    size_t n = json_utf8(at, end);
    uint32_t c = n ? decode(at, n) : (unsigned char)*at;

    p->taken = n ? n : 1;
    if (!n || is_hidden(c)) {
        write_escape(p, c, !n);
        return;
    }
    p->text = str_make(at, n);
    p->columns = c < 0x370 ? 1 : 2;
}

void printable_add(struct buf *out, struct weir_str s)
{
    struct printable p;

    for (size_t i = 0; i < s.len; i += p.taken) {
        printable_look(&p, s.ptr + i, s.ptr + s.len);
        buf_add(out, p.text);
    }
}

size_t printable_add_cut(struct buf *out, struct weir_str s, size_t columns)
{
    struct printable p;
    size_t used = 0, mark = out->len, mark_used = 0; /* mark: the last place where an ellipsis would fit */

    for (size_t i = 0; i < s.len; i += p.taken) {
        printable_look(&p, s.ptr + i, s.ptr + s.len);
        if (used + p.columns > columns) {
            if (!columns)
                return 0;
            out->len = mark;
            buf_add_text(out, "…");
            return mark_used + 1;
        }
        buf_add(out, p.text);
        used += p.columns;
        if (used < columns) {
            mark = out->len;
            mark_used = used;
        }
    }
    return used;
}
