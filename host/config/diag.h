/* diag.h: the list of messages about a configuration, every error at once, like a compiler.
 *
 *     conf.d/user-login.conf:7: stage "age": unknown option "max_aeg" (did you mean "max_age"?)
 *     conf.d/user-login.conf:9: warning: …
 *
 * Whoever reads or checks something adds to the list and goes on; nobody stops at the first fault. Messages
 * stand in the order of file and line whatever the order in which they were found, and the same message at
 * the same place stands once. A message never holds a resolved value or a secret: see key.h. */
#ifndef WEIR_CONFIG_DIAG_H
#define WEIR_CONFIG_DIAG_H

#include <stdio.h>

#include "base/arena.h"

struct place {
    const char *file; /* NULL: no file */
    unsigned line;    /* from 1; 0: the file as a whole */
};

struct diag_message {
    struct place place;
    const char *text;
    bool warning;
};

struct diag {
    struct arena arena;
    struct diag_message *items; /* sorted by file, line, then the order of arrival */
    size_t count, room;
    size_t errors, warnings; /* of all, the dropped ones too */
    size_t raised;  /* calls of diag_error, repetitions too: a step compares it to see if it failed */
    size_t dropped; /* counted, but not kept: too many, or no memory */
};

void diag_init(struct diag *d);
void diag_fini(struct diag *d);

/** Adds a message; place.file and the text are copied. Control characters in it become '?'. */
void diag_error(struct diag *d, struct place at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_warning(struct diag *d, struct place at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void diag_vadd(struct diag *d, bool warning, struct place at, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

/** One message as it is printed, without a line end. Absent where memory ends. */
struct weir_str diag_text(const struct diag_message *m, struct arena *a);

/** Prints them all, a line each. */
void diag_print(const struct diag *d, FILE *to);

#endif
