/* json.h: JSON text, checked to the letter of RFC 8259 and otherwise left alone.
 *
 * The scanner walks over bytes and tells where a value ends, or what is wrong and where. It builds nothing,
 * allocates nothing and never reads at or behind the end. Stricter than most: UTF-8 without overlong forms,
 * surrogates or anything above U+10FFFF, no byte-order mark, and at most JSON_MAX_DEPTH containers in each
 * other. A lone surrogate written as an escape is valid JSON; only reading it as text fails.
 *
 * The scan functions take and give back the place where they stand, NULL for a fault, so that it stays in a
 * register; only the fault lives in the struct. */
#ifndef WEIR_CHAIN_JSON_H
#define WEIR_CHAIN_JSON_H

#include "base/buf.h"
#include "chain/json_plain.h"

#define JSON_MAX_DEPTH 512

/** What is wrong with a text, for a person. */
struct json_error {
    const char *what; /* a fixed phrase; never quotes the text */
    size_t at;        /* bytes before the fault */
};

/** True where the slice is one valid JSON value, blanks around it allowed. */
bool json_check(struct weir_str text);

/** The same for a value that will stand inside `depth` containers. */
bool json_check_at(struct weir_str text, unsigned depth);

/** True where it is one valid JSON object. */
bool json_is_object(struct weir_str text);

/** Adds the text as a JSON string, quotes included. Escapes only what must be.
 *  Errors: false and nothing added where the text is absent or no UTF-8. */
bool json_quote(struct buf *out, struct weir_str text);

/** Bytes that json_write_quoted will write. 0: the text is absent or no UTF-8. */
size_t json_quoted_size(struct weir_str text);

/** Writes a text of which json_quoted_size answered that size. */
void json_write_quoted(char *out, struct weir_str text, size_t size);

/** Decodes what stands between the quotes of a checked string. Writes at most raw.len bytes.
 *  Errors: false on a lone surrogate. */
bool json_decode(struct weir_str raw, char *out, size_t *len);

/** True where the checked string with these bytes between its quotes decodes to just that text. */
bool json_decodes_to(struct weir_str raw, struct weir_str text);

/** Bytes of the UTF-8 sequence at `at`, 1 to 4. 0: it is none. */
size_t json_utf8(const char *at, const char *end);

/* ---- the scanner */

struct json_scan {
    const char *end;      /* of the input */
    const char *fault_at; /* set with fault */
    const char *fault;
    bool escaped; /* set by a backslash; cleared by who wants to know */
};

/** Notes a fault; answers NULL. json_unexpected finds the words itself. */
const char *json_fault(struct json_scan *s, const char *at, const char *what);
const char *json_unexpected(struct json_scan *s, const char *at);

/** json_scan_value of all but strings. */
const char *json_scan_other(struct json_scan *s, const char *at, unsigned depth);

/** The rest of a string, from anywhere in it to behind the closing quote. */
const char *json_scan_rest(struct json_scan *s, const char *at);

/** json_scan_name, whatever stands there. */
const char *json_scan_any_name(struct json_scan *s, const char *at, struct weir_str *name);

/** json_skip_space, however many there are. */
const char *json_skip_blanks(const char *at, const char *end);

static inline bool json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/** The first byte that is no blank, or the end. */
static inline const char *json_skip_space(const char *at, const char *end)
{
    if (at < end && *at == ' ')
        at++; /* nearly always one or none */
    return at < end && (unsigned char)*at > ' ' ? at : json_skip_blanks(at, end);
}

/** The same where at least two bytes are left: one blank, or none, takes no branch. */
static inline const char *json_skip_blank(const char *at, const char *end)
{
    at += *at == ' ';
    return (unsigned char)*at > ' ' ? at : json_skip_blanks(at, end);
}

/** Behind a value: over blanks and, where one is there, a comma and the blanks behind it. Answers whether it
 *  was there. */
static inline bool json_skip_comma(const char **at, const char *end)
{
    if (end - *at >= 3 && **at == ',') {
        *at = json_skip_blank(*at + 1, end);
        return true;
    }
    *at = json_skip_space(*at, end);
    if (*at == end || **at != ',')
        return false;
    *at = json_skip_space(*at + 1, end);
    return true;
}

/** From behind the opening quote to behind the closing one. */
static inline const char *json_scan_string(struct json_scan *s, const char *at)
{
    for (; s->end - at >= JSON_PLAIN_STEP; at += JSON_PLAIN_STEP) {
        unsigned n = json_plain_block(at);

        if (n < JSON_PLAIN_STEP)
            return at[n] == '"' ? at + n + 1 : json_scan_rest(s, at + n);
    }
    return json_scan_rest(s, at);
}

/** From a value's first byte to behind its last. depth: how many containers are open around it. */
static inline const char *json_scan_value(struct json_scan *s, const char *at, unsigned depth)
{
    return at < s->end && *at == '"' ? json_scan_string(s, at + 1) : json_scan_other(s, at, depth);
}

/** Behind a member's name: over the colon and the blanks around it, to the value. */
static inline const char *json_scan_colon(struct json_scan *s, const char *at)
{
    at = json_skip_space(at, s->end);
    if (at == s->end || *at != ':')
        return json_unexpected(s, at);
    return json_skip_space(at + 1, s->end);
}

/** From a member's opening quote to its value. name: what stands between the quotes; s->escaped tells whether
 *  a backslash is in it. A short name with its colon behind it, as nearly all are, takes one step. */
static inline const char *json_scan_name(struct json_scan *s, const char *at, struct weir_str *name)
{
    if (s->end - at > JSON_PLAIN_STEP + 4) {
        unsigned n = json_plain_block(at + 1);
        const char *behind = at + n + 1;

        if (n < JSON_PLAIN_STEP && behind[0] == '"' && behind[1] == ':') {
            *name = str_make(at + 1, n);
            s->escaped = false;
            return json_skip_blank(behind + 2, s->end);
        }
    }
    return json_scan_any_name(s, at, name);
}

#endif
