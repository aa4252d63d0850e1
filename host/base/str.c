/* str.c: the slice helpers that are worth a function call. */
#include "base/str.h"

#include <stdlib.h>

int str_cmp(struct weir_str a, struct weir_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;

    if (order)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct weir_str str_trim(struct weir_str s)
{
    while (s.len && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_split(struct weir_str *rest, char sep, struct weir_str *item)
{
    const char *at;

    if (!rest->ptr)
        return false;
    at = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;
    if (at) {
        *item = str_trim(str_make(rest->ptr, (size_t)(at - rest->ptr)));
        rest->len -= (size_t)(at + 1 - rest->ptr);
        rest->ptr = at + 1;
    } else {
        *item = str_trim(*rest);
        *rest = STR_ABSENT;
    }
    return true;
}

char *str_dup(struct weir_str s)
{
    char *copy;

    if (!s.ptr)
        return NULL;
    copy = malloc(s.len + 1);
    if (!copy)
        return NULL;
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

bool str_to_int(struct weir_str s, int64_t *out)
{
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + negative;
    size_t i = negative;

    if (i >= s.len)
        return false;
    for (; i < s.len; i++) {
        unsigned digit = (unsigned char)s.ptr[i] - (unsigned)'0';

        if (digit > 9 || value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}
