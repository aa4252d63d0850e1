/* loading.h: how a worker gets from a message with a snapshot to a chain, or to the reasons why not.
 *
 * Thread: the worker's main thread.
 */
#ifndef WEIR_SUPERVISE_LOADING_H
#define WEIR_SUPERVISE_LOADING_H

#include "config/diag.h"
#include "supervise/ledger.h"
#include "supervise/message.h"
#include "supervise/plan.h"
#include "supervise/snapshot.h"

/** A generation of one chain. */
struct loaded {
    uint64_t number;
    struct plan *plan; /* has the configuration */
    const struct config_chain *conf;
    struct chain *chain;
};

/** One attempt. */
struct loading {
    uint64_t number; /* of the generation */
    struct weir_str chain;
    uint32_t task;
    struct loader *loader;
    struct note *note;         /* of every call into a plugin */
    struct snapshot *snapshot; /* NULL: it could not be read */
    struct config *config;     /* until a chain is made of it; NULL: it could not be read */
    struct diag diag;          /* but for what config shows by itself, which the supervisor has told */
};

/** Takes the snapshot out of a LOAD or RELOAD, and reads the configuration. loader and note must outlive it.
 */
void loading_begin(struct loading *l, const struct message *m, struct loader *loader, struct note *note);
void loading_end(struct loading *l);

/** Loads the plugins and makes the chain, which notes its calls as those of loading. False: diag has errors.
 * Then, too, loaded_fini(). */
bool loading_make(struct loading *l, struct loaded *out);
void loaded_fini(struct loaded *loaded);

/** Tells what is wrong, but for what the supervisor has seen itself, and for warnings where another process
 * has told them: as `weir check` prints it, on standard error; */
void loading_print(const struct loading *l, bool warnings);
/** or in the log, and in a message a line for who waits for the outcome. */
void loading_say(const struct loading *l, bool warnings, int socket);
/** The first error, with file and line. */
void loading_first_error(const struct loading *l, struct buf *to);

#endif
