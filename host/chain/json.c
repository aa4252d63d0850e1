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

/* at: the backslash. */
static const char *scan_escape(struct json_scan *s, const char *at)
{
    const char *digit = at + 2;

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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One digit or more. */
static const char *scan_digits(struct json_scan *s, const char *at)
{
    const char *from = at;

    while (at < s->end && is_digit(*at))
        at++;
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
    if (at < s->end && (is_digit(*at) || *at == '.' || *at == 'x' || *at == '-' || *at == '+'))
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

/* Any value but an object or an array. */
static const char *scan_scalar(struct json_scan *s, const char *at)
{
    if (at == s->end)
        return json_unexpected(s, at);
    switch (*at) {
    case '"':
        return json_scan_string(s, at + 1);
    case 't':
        return scan_word(s, at, "true");
    case 'f':
        return scan_word(s, at, "false");
    case 'n':
        return scan_word(s, at, "null");
    case '+':
    case '.':
        return json_fault(s, at, "bad number");
    default:
        return *at == '-' || is_digit(*at) ? scan_number(s, at) : json_unexpected(s, at);
    }
}

/* The containers that are open, from the outermost. */
struct nest {
    unsigned depth;
    uint64_t objects[JSON_MAX_DEPTH / 64]; /* a bit for each level: an object, else an array */
};

static void nest_open(struct nest *n, bool object)
{
    uint64_t bit = UINT64_C(1) << n->depth % 64, *word = &n->objects[n->depth / 64];

    *word = object ? *word | bit : *word & ~bit;
    n->depth++;
}

static bool nest_in_object(const struct nest *n)
{
    return n->objects[(n->depth - 1) / 64] >> (n->depth - 1) % 64 & 1;
}

static bool is_open(const struct json_scan *s, const char *at)
{
    return at < s->end && (*at == '{' || *at == '[');
}

static bool is_close(const struct json_scan *s, const char *at, const struct nest *n)
{
    return at < s->end && *at == (nest_in_object(n) ? '}' : ']');
}

/* From where an item may begin to its value: in an object, over the name. */
static const char *scan_to_value(struct json_scan *s, const struct nest *n, const char *at)
{
    if (!nest_in_object(n))
        return at;
    if (at == s->end || *at != '"')
        return json_unexpected(s, at);
    at = json_scan_string(s, at + 1);
    return at ? json_scan_colon(s, at) : NULL;
}

/* Behind a value: closes what ends here, and goes on to the next value unless all down to base is closed. */
static const char *scan_on(struct json_scan *s, struct nest *n, unsigned base, const char *at)
{
    for (;;) {
        at = json_skip_space(at, s->end);
        if (at < s->end && *at == ',')
            return scan_to_value(s, n, json_skip_space(at + 1, s->end));
        if (!is_close(s, at, n))
            return json_unexpected(s, at);
        at++;
        if (--n->depth == base)
            return at;
    }
}

static const char *scan_container(struct json_scan *s, const char *at, unsigned base)
{
    struct nest n = {.depth = base};

    while (at) {
        if (!is_open(s, at)) {
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

const char *json_scan_value(struct json_scan *s, const char *at, unsigned depth)
{
    return is_open(s, at) ? scan_container(s, at, depth) : scan_scalar(s, at);
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
