/* file.h: a small file, read whole; and the files of a configuration's directory. */
#ifndef WEIR_CONFIG_FILE_H
#define WEIR_CONFIG_FILE_H

#include "base/arena.h"

#define FILE_MAX ((size_t)1 << 20) /* bytes of a file that config reads */
#define FILE_LIST_MAX 1000         /* files of a configuration */

/** Reads a regular file into the arena. The text is absent, and *why says what is wrong as a predicate ("is a
 *  directory"), where it is missing, unreadable, no regular file, empty, or over 1 MiB.
 *  Owns: the arena; *why may point into it. */
struct weir_str file_read(const char *path, struct arena *a, const char **why);

/** Lists the names in a directory that end in `.conf` and do not begin with a dot, in the order of their
 *  bytes. False, and *why is a predicate, where it cannot be read or holds too many.
 *  Owns: the arena; *why may point into it. */
bool file_list(const char *dir, struct arena *a, struct weir_list *names, const char **why);

#endif
