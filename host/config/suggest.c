/* suggest.c: see suggest.h. The distance is Damerau's and Levenshtein's in its restricted form (a pair of
 * neighbours swaps at most once), by three rows on the stack; names are short, and longer ones get no
 * suggestion. */
#include "config/suggest.h"

#include <stdio.h>

#define WORD_MAX 64

static char fold(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(struct weir_str a, struct weir_str b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];

    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *oldest = before;

        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t same = fold(a.ptr[i - 1]) == fold(b.ptr[j - 1]) ? 0 : 1;

            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + same);
            if (i > 1 && j > 1 && fold(a.ptr[i - 1]) == fold(b.ptr[j - 2]) &&
                fold(a.ptr[i - 2]) == fold(b.ptr[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
        before = last;
        last = now;
        now = oldest;
    }
    return last[b.len];
}

void suggest_init(struct suggest *s, struct weir_str word)
{
    size_t allowed = word.len < 6 ? 1 : word.len / 3;

    *s = (struct suggest){.word = word, .best = STR_ABSENT, .distance = allowed + 1};
}

void suggest_offer(struct suggest *s, struct weir_str name)
{
    size_t d;

    if (!s->word.len || s->word.len > WORD_MAX || !name.len || name.len > WORD_MAX || str_eq(name, s->word))
        return;
    d = distance(s->word, name);
    if (d >= s->distance || d >= name.len)
        return;
    s->best = name;
    s->distance = d;
}

const char *suggest_hint(struct suggest *s)
{
    s->hint[0] = '\0';
    if (s->best.ptr)
        snprintf(s->hint, sizeof s->hint, " (did you mean \"" STR_FMT "\"?)", STR_ARG(s->best));
    return s->hint;
}

const char *suggest_among(struct suggest *s, struct weir_str word, const char *const *names)
{
    suggest_init(s, word);
    for (; *names; names++)
        suggest_offer(s, str_of(*names));
    return suggest_hint(s);
}
