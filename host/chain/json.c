/* json.c: the scanner of json.h.
 *
 * A state machine without recursion: which of the open containers are objects is one bit for each level, so
 * the deepest legal text costs 64 bytes of stack. Text in and out of strings is in json_text.c. */
#include "chain/json.h"

static const char too_deep[] = "nested too deep";

const char *json_fault(struct json_scan *s, const char *at, const char *what)
{
    s->fault_at = at;
    s->fault = what;
    return NULL;
}

const char *json_unexpected(struct json_scan *s, const char *at)
{
    if (at == s->end)
        return json_fault(s, at, "unexpected end");
    if ((unsigned char)*at >= 0x80 && !json_utf8(at, s->end))
        return json_fault(s, at, "invalid UTF-8");
    return json_fault(s, at, "unexpected character");
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

const char *json_skip_blanks(const char *at, const char *end)
{
    while (at < end && json_is_space(*at))
        at++;
    return at;
}

/* at: the backslash. */
static const char *scan_escape(struct json_scan *s, const char *at)
{
    const char *digit = at + 2;

    s->escaped = true;
    if (s->end - at < 2)
        return json_unexpected(s, s->end);
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        while (digit < s->end && digit - at < 6 && is_hex(*digit))
            digit++;
        if (digit - at == 6)
            return digit;
        return digit == s->end ? json_unexpected(s, digit) : json_fault(s, at, "bad escape");
    default:
        return json_fault(s, at, "bad escape");
    }
}

const char *json_scan_rest(struct json_scan *s, const char *at)
{
    while (at) {
        size_t n;

        at = json_plain(at, s->end);
        if (at == s->end)
            return json_unexpected(s, at);
        if (*at == '"')
            return at + 1;
        if (*at == '\\') {
            at = scan_escape(s, at);
            continue;
        }
        if ((unsigned char)*at < 0x20)
            return json_fault(s, at, "control character in a string");
        for (; at < s->end && (unsigned char)*at >= 0x80; at += n) {
            n = json_utf8(at, s->end);
            if (!n)
                return json_fault(s, at, "invalid UTF-8");
        }
    }
    return NULL;
}

const char *json_scan_any_name(struct json_scan *s, const char *at, struct weir_str *name)
{
    const char *begin = at + 1;

    s->escaped = false;
    at = json_scan_string(s, begin);
    if (!at)
        return NULL;
    *name = str_make(begin, (size_t)(at - begin) - 1);
    return json_scan_colon(s, at);
}

/* One digit or more. */
static inline const char *scan_digits(struct json_scan *s, const char *at)
{
    const char *from = at;

    at = json_digits(at, s->end);
    if (at > from)
        return at;
    return at == s->end ? json_unexpected(s, at) : json_fault(s, at, "bad number");
}

static const char *scan_number(struct json_scan *s, const char *at)
{
    if (*at == '-')
        at++;
    if (at < s->end && *at == '0')
        at++;
    else if (!(at = scan_digits(s, at)))
        return NULL;
    if (at < s->end && *at == '.' && !(at = scan_digits(s, at + 1)))
        return NULL;
    if (at < s->end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < s->end && (*at == '+' || *at == '-'))
            at++;
        if (!(at = scan_digits(s, at)))
            return NULL;
    }
    /* 01, 1.2.3, 0x1: the value after this one would be "unexpected", which says less. */
    if (at < s->end && (json_is_digit(*at) || *at == '.' || *at == 'x' || *at == '-' || *at == '+'))
        return json_fault(s, at, "bad number");
    return at;
}

static const char *scan_word(struct json_scan *s, const char *at, const char *word)
{
    for (; *word; word++, at++) {
        if (at == s->end || *at != *word)
            return json_unexpected(s, at);
    }
    return at;
}

/* Any value but an object, an array or a string. */
static const char *scan_scalar(struct json_scan *s, const char *at)
{
    if (json_is_digit(*at))
        return scan_number(s, at);
    switch (*at) {
    case 't':
        return scan_word(s, at, "true");
    case 'f':
        return scan_word(s, at, "false");
    case 'n':
        return scan_word(s, at, "null");
    case '-':
        return scan_number(s, at);
    case '+':
    case '.':
        return json_fault(s, at, "bad number");
    default:
        return json_unexpected(s, at);
    }
}

/* The containers that are open, from the outermost. */
struct nest {
    unsigned depth;
    bool object;                           /* the innermost is one, else an array */
    uint64_t objects[JSON_MAX_DEPTH / 64]; /* the same of all, a bit for each level */
};

static inline void nest_open(struct nest *n, bool object)
{
    uint64_t bit = UINT64_C(1) << n->depth % 64, *word = &n->objects[n->depth / 64];

    *word = object ? *word | bit : *word & ~bit;
    n->object = object;
    n->depth++;
}

/* Answers whether one above base is left. */
static inline bool nest_close(struct nest *n, unsigned base)
{
    if (--n->depth == base)
        return false;
    n->object = n->objects[(n->depth - 1) / 64] >> (n->depth - 1) % 64 & 1;
    return true;
}

static inline bool is_close(const struct json_scan *s, const char *at, const struct nest *n)
{
    return at < s->end && *at == (n->object ? '}' : ']');
}

/* From where an item may begin to its value: in an object, over the name. */
static inline const char *scan_to_value(struct json_scan *s, const struct nest *n, const char *at)
{
    struct weir_str name;

    if (!n->object)
        return at;
    return at < s->end && *at == '"' ? json_scan_name(s, at, &name) : json_unexpected(s, at);
}

/* Behind a value: closes what ends here, and goes on to the next value unless all down to base is closed. */
static inline const char *scan_on(struct json_scan *s, struct nest *n, unsigned base, const char *at)
{
    while (!json_skip_comma(&at, s->end)) {
        if (!is_close(s, at, n))
            return json_unexpected(s, at);
        at++;
        if (!nest_close(n, base))
            return at;
    }
    return scan_to_value(s, n, at);
}

/* Not part of json_scan_other: numbers shall not pay for its room. */
__attribute__((noinline)) static const char *scan_container(struct json_scan *s, const char *at,
                                                            unsigned base)
{
    struct nest n = {.depth = base};

    while (at) {
        if (at == s->end)
            return json_unexpected(s, at);
        if (*at == '"') {
            at = json_scan_string(s, at + 1);
        } else if (*at != '{' && *at != '[') {
            at = scan_scalar(s, at);
        } else if (n.depth == JSON_MAX_DEPTH) {
            return json_fault(s, at, too_deep);
        } else {
            nest_open(&n, *at == '{');
            at = json_skip_space(at + 1, s->end);
            if (!is_close(s, at, &n)) {
                at = scan_to_value(s, &n, at);
                continue;
            }
        }
        if (at)
            at = scan_on(s, &n, base, at);
        if (n.depth == base)
            return at;
    }
    return NULL;
}

const char *json_scan_other(struct json_scan *s, const char *at, unsigned depth)
{
    if (at == s->end)
        return json_unexpected(s, at);
    return *at == '{' || *at == '[' ? scan_container(s, at, depth) : scan_scalar(s, at);
}

bool json_check_at(struct weir_str text, unsigned depth)
{
    struct json_scan s = {0};
    const char *at;

    if (!text.ptr)
        return false;
    s.end = text.ptr + text.len;
    at = json_scan_value(&s, json_skip_space(text.ptr, s.end), depth);
    return at && json_skip_space(at, s.end) == s.end;
}

bool json_check(struct weir_str text)
{
    return json_check_at(text, 0);
}

bool json_is_object(struct weir_str text)
{
    return json_check(text) && *json_skip_space(text.ptr, text.ptr + text.len) == '{';
}
