/* buf.c: see buf.h. Grows by doubling. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){.max = b->max};
}

bool buf_reserve(struct buf *b, size_t n)
{
    size_t want, room;
    char *ptr;

    if (b->failed)
        return false;
    if (n <= b->room - b->len)
        return true;
    if (n > b->max - b->len)
        goto fail;
    want = b->len + n;
    room = b->room ? b->room : 64;
    while (room < want)
        room = room > b->max / 2 ? b->max : room * 2;
    if (room > b->max)
        room = b->max;
    ptr = realloc(b->ptr, room);
    if (!ptr)
        goto fail;
    b->ptr = ptr;
    b->room = room;
    return true;
fail:
    b->failed = true;
    return false;
}

void buf_add(struct buf *b, struct weir_str s)
{
    if (!s.len || !buf_reserve(b, s.len))
        return;
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, str_make(&c, 1));
}

void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, str_of(text));
}

void buf_add_vfmt(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        b->failed = true;
    else if (buf_reserve(b, (size_t)n + 1)) {
        vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_add_fmt(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_add_vfmt(b, fmt, ap);
    va_end(ap);
}

const char *buf_text(struct buf *b)
{
    if (!buf_reserve(b, 1))
        return NULL;
    b->ptr[b->len] = '\0';
    return b->ptr;
}
