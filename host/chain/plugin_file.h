/* plugin_file.h: the file of a plugin as bytes: found, read, copied to sealed memory.
 *
 * Each function that fails says in *why what is wrong, with the file, and what to do.
 */
#ifndef WEIR_CHAIN_PLUGIN_FILE_H
#define WEIR_CHAIN_PLUGIN_FILE_H

#include "base/buf.h"

#define PLUGIN_FILE_MAX ((size_t)256 << 20) /* bytes */

/** Opens NAME.so in the first directory that has it. -1: none has, or it cannot be read. */
int plugin_file_find(struct weir_list dirs, struct weir_str name, char *path, size_t room, struct buf *why);

/** The whole file from its beginning, wherever its descriptor stands. */
bool plugin_file_read(int fd, const char *path, struct buf *bytes, struct buf *why);

/** Refuses what dlopen() would refuse in words that help nobody. */
bool plugin_file_looks_loadable(const char *path, const struct buf *bytes, struct buf *why);

/** A copy in memory that nobody can change any more, not even its owner. -1: there is no room for it. */
int plugin_file_seal(struct weir_str name, const struct buf *bytes, struct buf *why);

#endif
