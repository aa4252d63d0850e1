/* when.c: see when.h. A predicate is a list of tests, all of which must hold. */
#include "chain/when.h"

#include "chain/envelope.h"

enum test_kind { TEST_EXISTS, TEST_MISSING, TEST_EQUAL, TEST_UNEQUAL };

struct when {
    struct when *next;
    enum test_kind kind;
    const struct weir_field *field;
    struct weir_str text;
};

/* Cuts the next word off, up to a blank. */
static struct weir_str word(struct weir_str *rest)
{
    struct weir_str w;

    *rest = str_trim(*rest);
    w = str_make(rest->ptr, 0);
    while (w.len < rest->len && w.ptr[w.len] != ' ' && w.ptr[w.len] != '\t')
        w.len++;
    rest->ptr += w.len;
    rest->len -= w.len;
    return w;
}

/* Cuts off what stands before the next ` and `. */
static struct weir_str clause(struct weir_str *rest)
{
    static const char sep[] = " and ";
    struct weir_str c = *rest;

    for (size_t i = 0; i + sizeof sep - 1 <= rest->len; i++) {
        if (memcmp(rest->ptr + i, sep, sizeof sep - 1) == 0) {
            c.len = i;
            rest->ptr += i + sizeof sep - 1;
            rest->len -= i + sizeof sep - 1;
            return str_trim(c);
        }
    }
    *rest = STR_ABSENT;
    return str_trim(c);
}

static bool read_test(struct when *w, struct arena *arena, struct paths *paths, struct weir_str text,
                      const char **why)
{
    struct weir_str first = word(&text), second = word(&text), field = first;

    *why =
        "is no predicate; write \"exists FIELD\", \"missing FIELD\", \"FIELD == TEXT\" or \"FIELD != TEXT\"";
    if (str_is(first, "exists") || str_is(first, "missing")) {
        w->kind = str_is(first, "exists") ? TEST_EXISTS : TEST_MISSING;
        field = second;
        if (!field.len || str_trim(text).len)
            return false;
    } else if (str_is(second, "==") || str_is(second, "!=")) {
        w->kind = str_is(second, "==") ? TEST_EQUAL : TEST_UNEQUAL;
        w->text = arena_str(arena, str_trim(text));
        if (!w->text.len)
            return false;
    } else {
        return false;
    }
    w->field = paths_add(paths, field, why);
    return w->field != NULL;
}

struct when *when_new(struct arena *arena, struct paths *paths, struct weir_str text, const char **why)
{
    struct when *head = NULL, **tail = &head;

    do {
        struct when *w = arena_zalloc(arena, sizeof *w);

        if (!w) {
            *why = "cannot be kept: no memory";
            return NULL;
        }
        if (!read_test(w, arena, paths, clause(&text), why))
            return NULL;
        *tail = w;
        tail = &w->next;
    } while (text.ptr);
    return head;
}

static bool equals(struct envelope *env, const struct when *w)
{
    struct weir_str s;
    int32_t status = weir_get_string(&env->abi, w->field, &s);

    if (status == WEIR_TYPE)
        status = weir_get_raw(&env->abi, w->field, &s);
    return status == WEIR_OK && str_eq(s, w->text);
}

static bool test_holds(const struct when *w, struct envelope *env)
{
    int32_t type;

    switch (w->kind) {
    case TEST_EQUAL:
        return equals(env, w);
    case TEST_UNEQUAL:
        return !equals(env, w);
    default:
        type = weir_field_type(&env->abi, w->field);
        return (type != WEIR_JSON_ABSENT && type != WEIR_JSON_NULL && type != WEIR_JSON_BLOCKED) ==
               (w->kind == TEST_EXISTS);
    }
}

bool when_holds(const struct when *when, struct envelope *env)
{
    for (const struct when *w = when; w; w = w->next) {
        if (!test_holds(w, env))
            return false;
    }
    return true;
}
