/* names.c: see names.h. */
#include "config/names.h"

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool only(struct weir_str s, const char *extra)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!is_lower(c) && !is_digit(c) && (!c || !strchr(extra, c)))
            return false;
    }
    return s.len > 0 && s.len <= NAME_MAX_LEN;
}

bool name_is_chain(struct weir_str s)
{
    return only(s, "_-") && (is_lower(s.ptr[0]) || is_digit(s.ptr[0]));
}

bool name_is_route(struct weir_str s)
{
    return only(s, "_-") && is_lower(s.ptr[0]);
}

bool name_is_plugin(struct weir_str s)
{
    return only(s, "_") && is_lower(s.ptr[0]);
}

const char *name_topic_fault(struct weir_str s)
{
    if (!s.len)
        return "is empty";
    if (s.len > 249)
        return "is longer than 249 characters";
    if (str_is(s, ".") || str_is(s, ".."))
        return "is no name that Kafka takes for a topic";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!is_lower(c) && !is_digit(c) && !(c >= 'A' && c <= 'Z') && c != '.' && c != '_' && c != '-')
            return "is no topic: Kafka takes letters, digits, '.', '_' and '-'";
    }
    return NULL;
}
