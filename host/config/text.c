/* text.c: see text.h. */
#include "config/text.h"

/* Bytes of the UTF-8 character at s (not empty); 0: none. *code gets its number. */
static size_t decode(struct weir_str s, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)s.ptr[0];
    size_t n = first < 0x80   ? 1
               : first < 0xc2 ? 0
               : first < 0xe0 ? 2
               : first < 0xf0 ? 3
               : first < 0xf5 ? 4
                              : 0;
    uint32_t c = n == 1 ? first : first & (0x7fu >> n);

    if (!n || n > s.len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)s.ptr[i];

        if ((next & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (next & 0x3f);
    }
    if (n > 1 && (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)))
        return 0;
    *code = c;
    return n;
}

static const char *fault(struct weir_str s, bool lines)
{
    uint32_t c = 0;

    while (s.len) {
        size_t n = decode(s, &c);

        if (!n)
            return "bytes that are not UTF-8";
        if (c == 0)
            return "a NUL byte";
        if (c == '\r' && !lines)
            return "a carriage return that ends no line (end lines with LF or CR LF)";
        if ((c < 0x20 && c != '\t' && !(lines && (c == '\n' || c == '\r'))) || (c >= 0x7f && c < 0xa0))
            return "a control character";
        if (c == 0xfeff)
            return "a byte-order mark (save the file as UTF-8 without one)";
        s.ptr += n;
        s.len -= n;
    }
    return NULL;
}

const char *text_line_fault(struct weir_str line)
{
    return fault(line, false);
}

const char *text_value_fault(struct weir_str value)
{
    return fault(value, true);
}
