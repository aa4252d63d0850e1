/* line.c: see line.h. */
#include "config/line.h"

#include "config/text.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct line fault(enum line_kind kind, const char *why)
{
    return (struct line){.kind = kind, .fault = why};
}

static bool is_end(struct weir_str rest)
{
    struct weir_str s = str_trim(rest);

    return !s.len || (s.len < rest.len && is_blank(rest.ptr[0]) && s.ptr[0] == ';');
}

static struct line read_section(struct weir_str s, struct arena *a)
{
    const char *close = memchr(s.ptr, ']', s.len);
    struct line line = {.kind = LINE_SECTION};
    struct weir_str inner, rest;
    size_t n = 0;

    if (!close)
        return fault(LINE_SECTION, "the ']' that ends the section's name is missing");
    rest = str_make(close + 1, (size_t)(s.ptr + s.len - close - 1));
    if (!is_end(rest))
        return fault(LINE_SECTION, "text behind the ']' of a section (a comment there is a blank, then ';')");
    inner = str_trim(str_make(s.ptr + 1, (size_t)(close - s.ptr - 1)));
    if (!inner.len)
        return fault(LINE_SECTION, "a section without a name");
    if (memchr(inner.ptr, '[', inner.len))
        return fault(LINE_SECTION, "a '[' inside the name of a section");
    while (n < inner.len && !is_blank(inner.ptr[n]))
        n++;
    line.head = arena_str(a, str_make(inner.ptr, n));
    if (n < inner.len)
        line.tail = arena_str(a, str_trim(str_make(inner.ptr + n, inner.len - n)));
    if (!line.head.ptr || (n < inner.len && !line.tail.ptr))
        return fault(LINE_SECTION, "out of memory");
    return line;
}

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static const char *key_fault(struct weir_str key)
{
    if (!key.len)
        return "nothing stands before the '='";
    if (memchr(key.ptr, ':', key.len))
        return "a ':' before the '=' (the key ends at '=', and has no ':')";
    for (size_t i = 0; i < key.len; i++) {
        if (!is_key_char(key.ptr[i]))
            return "a key is made of letters, digits, '_', '-' and '.' (is this the rest of the line above? "
                   "a value is one line)";
    }
    return NULL;
}

/* Where the ';' or '#' that ends a value stands, or its length. */
static size_t find_comment(struct weir_str s)
{
    for (size_t i = 1; i < s.len; i++) {
        if ((s.ptr[i] == ';' || s.ptr[i] == '#') && is_blank(s.ptr[i - 1]))
            return i;
    }
    return s.len;
}

/* A comment that cuts off the closing quote of a quoted value was meant as a part of it. */
static bool cuts_quotes(struct weir_str value)
{
    char quote = value.len ? value.ptr[0] : '\0';

    return (quote == '"' || quote == '\'') && (value.len == 1 || value.ptr[value.len - 1] != quote);
}

/* A blank (or the start), backslashes, then ';' or '#': one backslash goes. */
static struct weir_str unescape(struct weir_str s, struct arena *a)
{
    char *to = arena_alloc(a, s.len + 1);
    size_t n = 0;

    if (!to)
        return STR_ABSENT;
    for (size_t i = 0; i < s.len;) {
        size_t slashes = 0;

        if (i == 0 || is_blank(s.ptr[i - 1])) {
            while (i + slashes < s.len && s.ptr[i + slashes] == '\\')
                slashes++;
            if (slashes && i + slashes < s.len && (s.ptr[i + slashes] == ';' || s.ptr[i + slashes] == '#'))
                i++;
        }
        to[n++] = s.ptr[i++];
    }
    to[n] = '\0';
    return str_make(to, n);
}

static struct line read_key(struct weir_str s, const char *equals, struct arena *a)
{
    struct weir_str key = str_trim(str_make(s.ptr, (size_t)(equals - s.ptr)));
    struct weir_str rest = str_make(equals + 1, (size_t)(s.ptr + s.len - equals - 1));
    size_t end = find_comment(rest);
    struct weir_str value = str_trim(str_make(rest.ptr, end));
    struct line line = {.kind = LINE_KEY};
    const char *why = key_fault(key);

    if (why)
        return fault(LINE_KEY, why);
    if (end < rest.len && rest.ptr[end] == '#')
        return fault(LINE_KEY,
                     "' #' begins no comment behind a value (write ' ;' for a comment, ' \\#' for the "
                     "text ' #')");
    if (end < rest.len && cuts_quotes(value))
        return fault(LINE_KEY,
                     "a comment cuts a quoted value: quotes protect nothing (write ' \\;' for the text "
                     "' ;')");
    line.head = arena_str(a, key);
    line.tail = unescape(value, a);
    if (!line.head.ptr || !line.tail.ptr)
        return fault(LINE_KEY, "out of memory");
    return line;
}

struct line line_read(struct weir_str text, struct arena *a)
{
    struct weir_str s = str_trim(text);
    bool section = s.len && s.ptr[0] == '[';
    enum line_kind kind = section ? LINE_SECTION : LINE_KEY;
    const char *equals, *why = text_line_fault(text);

    if (text.len > LINE_MAX_LEN)
        return fault(kind, "the line is longer than 64 KiB");
    if (why)
        return fault(kind, why);
    if (!s.len || s.ptr[0] == ';' || s.ptr[0] == '#')
        return (struct line){.kind = LINE_NOTHING};
    if (s.ptr > text.ptr)
        return fault(kind,
                     "the line is indented: keys and sections begin in the first column, and a value is "
                     "one line");
    if (section)
        return read_section(s, a);
    equals = memchr(s.ptr, '=', s.len);
    if (!equals)
        return fault(kind, memchr(s.ptr, ':', s.len)
                               ? "no '=' (write \"key = value\"; a ':' separates nothing)"
                               : "neither \"key = value\" nor \"[section]\" nor a comment");
    return read_key(s, equals, a);
}
