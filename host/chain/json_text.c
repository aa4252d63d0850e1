/* json_text.c: text into JSON strings and out of them; the UTF-8 check of json.h.
 *
 * Decoding runs only over strings that the scanner has passed, so it need not doubt an escape again. */
#include "chain/json.h"

static bool is_tail(const char *at)
{
    return ((unsigned char)*at & 0xc0) == 0x80;
}

/* The second byte tells overlong forms, surrogates and what is above U+10FFFF from the rest. */
size_t json_utf8(const char *at, const char *end)
{
    unsigned char lead = (unsigned char)*at, low = 0x80, high = 0xbf;
    size_t n, i;

    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    n = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if ((size_t)(end - at) < n)
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if ((unsigned char)at[1] < low || (unsigned char)at[1] > high)
        return 0;
    for (i = 2; i < n; i++) {
        if (!is_tail(at + i))
            return 0;
    }
    return n;
}

static size_t put_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Four hexadecimal digits. */
static uint32_t get_unit(const char *at)
{
    uint32_t unit = 0;
    int i;

    for (i = 0; i < 4; i++) {
        char c = at[i];

        unit = unit << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return unit;
}

/* Reads the \u escape at *at. UINT32_MAX: a surrogate without its other half. */
static uint32_t get_code_point(const char **at, const char *end)
{
    uint32_t high = get_unit(*at + 2), low;

    *at += 6;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return UINT32_MAX;
    low = get_unit(*at + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return UINT32_MAX;
    *at += 6;
    return 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
}

/* Reads the escape at *at into out; its bytes, 0 for a lone surrogate. */
static size_t unescape(const char **at, const char *end, char out[4])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = (*at)[1];
    const char *known;

    if (c == 'u') {
        uint32_t point = get_code_point(at, end);

        return point == UINT32_MAX ? 0 : put_utf8(point, out);
    }
    known = strchr(from, c);
    out[0] = known ? to[known - from] : c;
    *at += 2;
    return 1;
}

/* The next backslash, or the end. */
static const char *find_escape(const char *at, const char *end)
{
    const char *found = at < end ? memchr(at, '\\', (size_t)(end - at)) : NULL;

    return found ? found : end;
}

bool json_decode(struct weir_str raw, char *out, size_t *len)
{
    const char *at = raw.ptr, *end = raw.ptr + raw.len;
    char *to = out;

    while (at < end) {
        const char *stop = find_escape(at, end);
        size_t n = (size_t)(stop - at);

        memcpy(to, at, n);
        to += n;
        at = stop;
        if (at == end)
            break;
        n = unescape(&at, end, to);
        if (!n)
            return false;
        to += n;
    }
    *len = (size_t)(to - out);
    return true;
}

bool json_decodes_to(struct weir_str raw, struct weir_str text)
{
    const char *at = raw.ptr, *end = raw.ptr + raw.len;
    char c[4];

    while (at < end) {
        const char *stop = find_escape(at, end), *piece = at;
        size_t n = (size_t)(stop - at);

        if (n) {
            at = stop;
        } else {
            piece = c;
            n = unescape(&at, end, c);
            if (!n)
                return false;
        }
        if (n > text.len || memcmp(text.ptr, piece, n) != 0)
            return false;
        text.ptr += n;
        text.len -= n;
    }
    return text.len == 0;
}

/* The letter of a short escape, 'u' for a long one. */
static char escape_of(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 'u';
    }
}

size_t json_quoted_size(struct weir_str text)
{
    const char *at = text.ptr, *end;
    size_t size = text.len + 2, n;

    if (!text.ptr)
        return 0;
    if (json_all_plain(text.ptr, text.len))
        return size;
    end = at + text.len;
    while ((at = json_plain(at, end)) < end) {
        if ((unsigned char)*at >= 0x80) {
            n = json_utf8(at, end);
            if (!n)
                return 0;
            at += n;
        } else {
            size += escape_of(*at) == 'u' ? 5 : 1;
            at++;
        }
    }
    return size;
}

static char *write_escape(char *out, char c)
{
    static const char hex[] = "0123456789abcdef";
    char letter = escape_of(c);

    *out++ = '\\';
    *out++ = letter;
    if (letter == 'u') {
        *out++ = '0';
        *out++ = '0';
        *out++ = hex[(unsigned char)c >> 4];
        *out++ = hex[c & 0xf];
    }
    return out;
}

static char *write_escaped(char *out, struct weir_str text)
{
    const char *at = text.ptr, *end = text.ptr + text.len;

    while (at < end) {
        const char *stop = json_plain(at, end);

        while (stop < end && (unsigned char)*stop >= 0x80)
            stop = json_plain(stop + 1, end);
        memcpy(out, at, (size_t)(stop - at));
        out += stop - at;
        at = stop;
        if (at < end)
            out = write_escape(out, *at++);
    }
    return out;
}

void json_write_quoted(char *out, struct weir_str text, size_t size)
{
    *out++ = '"';
    if (size == text.len + strlen("\"\""))
        out = mempcpy(out, text.ptr, text.len);
    else
        out = write_escaped(out, text);
    *out = '"';
}

bool json_quote(struct buf *out, struct weir_str text)
{
    size_t size = json_quoted_size(text);

    if (!size)
        return false;
    if (buf_reserve(out, size)) {
        json_write_quoted(out->ptr + out->len, text, size);
        out->len += size;
    }
    return true;
}
