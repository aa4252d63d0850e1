/* snapshot.h: one generation of a configuration, exactly as it was read: files, values from outside, plugins.
 *
 * The supervisor takes it once from the disk and keeps it for as long as a worker may have to be started
 * anew; a worker reads it in place of the disk. So a worker that starts again an hour later runs what its
 * generation was, whatever has become of the files since, and two workers of one generation never differ.
 * What holds secrets is in sealed memory, never in a file.
 *
 * Thread: one at a time.
 */
#ifndef WEIR_SUPERVISE_SNAPSHOT_H
#define WEIR_SUPERVISE_SNAPSHOT_H

#include "chain/loader.h"
#include "config/config.h"

struct snapshot;

#define SNAPSHOT_FDS_MAX 250 /* what one message can carry */

/** Reads a directory and the files of the plugins that its stages name. What this floor can judge of the
 *  configuration is judged. A plugin that cannot be read is kept as the reason why, for a worker to say so
 *  with file and line. NULL: diag says why; warnings may be there in any case.
 *  Owns: the caller, by snapshot_release(). */
struct snapshot *snapshot_take(const char *dir, struct diag *diag);

/** In a worker: from the descriptors that came in a message; they become the snapshot's, whatever the answer.
 *  NULL: they are not what snapshot_fds() gave, or no memory. */
struct snapshot *snapshot_open(const int *fds, size_t count);

struct snapshot *snapshot_keep(struct snapshot *s);
/** Takes NULL. */
void snapshot_release(struct snapshot *s);

/** The descriptors of a snapshot, for a message; they stay the snapshot's. */
const int *snapshot_fds(const struct snapshot *s, size_t *count);

/** The variables that the configuration asked for and that are set, as NAME=VALUE, behind the last one NULL:
 *  the environment of a worker. Lives as long as the snapshot. */
char *const *snapshot_environ(const struct snapshot *s);

/** The configuration as the supervisor read it; of a taken snapshot only. */
const struct config *snapshot_config(const struct snapshot *s);
/** NULL: there is no chain of that name. */
const struct config_chain *snapshot_chain(const struct snapshot *s, struct weir_str name);

/** Where config_load() and a loader read from, in place of the disk. Live as long as the snapshot; what was
 *  loaded from it does not need it any more. */
const char *snapshot_dir(const struct snapshot *s);
const struct config_env *snapshot_env(const struct snapshot *s);
/** The loader takes these files for the plugins of these names, until loader_forget(), which comes before the
 *  last snapshot_release(). False: no memory. */
bool snapshot_give(const struct snapshot *s, struct loader *loader);

/** True where the chain of that name is the same in both: configuration, and the plugins' files. */
bool snapshot_chain_same(const struct snapshot *a, const struct snapshot *b, struct weir_str name);

/** The file of a plugin. */
struct snapshot_plugin {
    struct weir_str name;
    struct weir_str path; /* absent, and fd -1: it could not be read, and why says so */
    struct weir_str hash, why;
    int fd;
    uint64_t inode; /* of the copy, as /proc/PID/maps shows it where it is mapped */
};
/** NULL: no such copy. */
const struct snapshot_plugin *snapshot_by_inode(const struct snapshot *s, uint64_t inode);
const struct snapshot_plugin *snapshot_plugin(const struct snapshot *s, struct weir_str name);

#endif
