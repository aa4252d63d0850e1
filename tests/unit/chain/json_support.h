/* json_support.h: what the tests of the JSON fields share: bytes on the heap in their exact length, so that
 * the address sanitizer sees a read one byte too far, and a document with its paths. */
#ifndef WEIR_TEST_JSON_SUPPORT_H
#define WEIR_TEST_JSON_SUPPORT_H

#include "chain/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/** Owns: free. */
static inline char *json_exact(struct weir_str s)
{
    char *copy = malloc(s.len ? s.len : 1);

    assert_non_null(copy);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

/** A document, its paths and its arena. */
struct json_fixture {
    struct paths *paths;
    struct doc doc;
    struct arena arena;
};

static inline const struct weir_field *json_bind(struct json_fixture *x, const char *path)
{
    const char *why;
    const struct weir_field *f = paths_add(x->paths, str_of(path), &why);

    if (!f)
        fail_msg("path \"%s\" %s", path, why);
    return f;
}

/** paths: separated by blanks, NULL for none. */
static inline void json_setup(struct json_fixture *x, const char *paths)
{
    struct weir_str rest = str_of(paths), path;

    x->paths = paths_new();
    assert_non_null(x->paths);
    while (str_split(&rest, ' ', &path)) {
        const char *why;

        assert_non_null(paths_add(x->paths, path, &why));
    }
    arena_init(&x->arena, 4096, SIZE_MAX);
    doc_init(&x->doc, x->paths);
}

static inline void json_teardown(struct json_fixture *x)
{
    arena_fini(&x->arena);
    paths_destroy(x->paths);
}

static inline int32_t json_parse(struct json_fixture *x, struct weir_str value, struct json_error *err)
{
    arena_reset(&x->arena);
    *err = (struct json_error){0};
    return doc_parse(&x->doc, &x->arena, value, err);
}

#endif
