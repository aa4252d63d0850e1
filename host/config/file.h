/* file.h: a small file, read whole. */
#ifndef WEIR_CONFIG_FILE_H
#define WEIR_CONFIG_FILE_H

#include "base/arena.h"

#define FILE_MAX ((size_t)1 << 20) /* bytes of a file that config reads */

/** Reads a regular file into the arena. The text is absent, and *why says what is wrong as a predicate ("is a
 *  directory"), where it is missing, unreadable, no regular file, empty, or over 1 MiB.
 *  Owns: the arena; *why may point into it. */
struct weir_str file_read(const char *path, struct arena *a, const char **why);

#endif
