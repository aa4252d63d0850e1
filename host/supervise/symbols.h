/* symbols.h: the names of places in an ELF file: function, source file and line.
 *
 * It reads files that anybody may have made, by a library that trusts them more than weir does: call it only
 * in a process that may die of it.
 */
#ifndef WEIR_SUPERVISE_SYMBOLS_H
#define WEIR_SUPERVISE_SYMBOLS_H

#include "base/str.h"

struct symbols;

/** Loads that library, before the first symbols_open(). False: it is not there, *why says so. */
bool symbols_load(const char **why);

/** fd stays the caller's. name: of the file, to search its separate debug information by. NULL: it is no ELF
 * file, or no memory. */
struct symbols *symbols_open(int fd, const char *name);
/** Takes NULL. */
void symbols_close(struct symbols *s);

struct symbol {
    uint64_t address;     /* as the file has it, for addr2line and objdump */
    const char *function; /* NULL: not known */
    uint64_t beyond;      /* bytes from its start */
    const char *source;   /* the last part of the path; NULL: not known */
    int line;
};

/** What is at that offset of the file. behind: the address to return to, so the call before it is meant.
 * Borrowed until symbols_close(). */
struct symbol symbols_find(struct symbols *s, uint64_t file_offset, bool behind);

#endif
