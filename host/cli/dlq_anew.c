/* dlq_anew.c: see dlq_anew.h. An original that was replayed before has these headers already: they are
 * replaced, so that there is one of each. */
#include "cli/dlq_anew.h"

#include <stdio.h>
#include <stdlib.h>

#define OWN 3

void anew_fini(struct anew *a)
{
    free(a->headers);
    *a = (struct anew){.room = 0};
}

static bool is_own(struct weir_str name)
{
    return str_is(name, REPLAY_COUNT_HEADER) || str_is(name, REPLAY_TIMESTAMP_HEADER) ||
           str_is(name, REPLAY_LETTER_HEADER);
}

static bool make_room(struct anew *a, size_t n)
{
    struct weir_header *more;

    if (n <= a->room)
        return true;
    more = realloc(a->headers, n * sizeof *more);
    if (!more)
        return false;
    a->headers = more;
    a->room = n;
    return true;
}

static struct weir_str write_number(char *to, size_t room, int64_t n)
{
    return str_make(to, (size_t)snprintf(to, room, "%lld", (long long)n));
}

bool anew_make(struct anew *a, const struct record *original, struct weir_str letter, bool now)
{
    int64_t count = letter_number(original, REPLAY_COUNT_HEADER, 0);
    int64_t first = letter_number(original, REPLAY_TIMESTAMP_HEADER, -1);
    bool has_first = first >= 0 || original->has_timestamp;
    size_t n = 0;

    if (!make_room(a, original->n_headers + OWN))
        return false;
    if (first < 0)
        first = original->timestamp_ms;
    for (size_t i = 0; i < original->n_headers; i++) {
        if (!is_own(original->headers[i].name))
            a->headers[n++] = original->headers[i];
    }
    a->headers[n++] =
        (struct weir_header){STR(REPLAY_COUNT_HEADER),
                             write_number(a->count, sizeof a->count, count < INT64_MAX ? count + 1 : count)};
    if (has_first)
        a->headers[n++] = (struct weir_header){STR(REPLAY_TIMESTAMP_HEADER),
                                               write_number(a->timestamp, sizeof a->timestamp, first)};
    a->headers[n++] = (struct weir_header){STR(REPLAY_LETTER_HEADER), letter};
    a->record = *original;
    a->record.headers = a->headers;
    a->record.n_headers = n;
    a->record.has_timestamp = !now && has_first;
    a->record.timestamp_ms = first;
    return true;
}
