/* buf.h: a byte buffer that grows up to a cap given at the start.
 *
 * A failed add sets `failed` and changes nothing; the adds after it do nothing, so a row of adds needs one
 * look at `failed` at its end. Memory stays for reuse until buf_fini. */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include "base/str.h"

struct buf {
    char *ptr;
    size_t len, room, max; /* bytes */
    bool failed;           /* no memory, or over max */
};

/** An empty buffer that never holds more than max bytes. Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);

/** Empties it and clears `failed`; keeps the memory. */
static inline void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

/** Room for n more bytes at ptr + len, which the caller may fill and count in len. */
bool buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, struct weir_str s);
void buf_add_char(struct buf *b, char c);
void buf_add_text(struct buf *b, const char *text);
void buf_add_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_add_vfmt(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/** What is in it. Borrowed until the next add. */
static inline struct weir_str buf_str(const struct buf *b)
{
    return str_make(b->ptr ? b->ptr : "", b->len);
}

/** The text, NUL-terminated (the NUL is not counted). NULL where an add failed. Borrowed until the next add.
 */
const char *buf_text(struct buf *b);

#endif
