/* forked.h: work that calls plugins, in a process of its own: `weir check`, `weir plugins`, `weir pipe`.
 *
 * A plugin that crashes, hangs or exits there ends that process alone, and this one says where, as a
 * supervisor says it of its workers.
 *
 * Thread: of a process that has one only.
 */
#ifndef WEIR_SUPERVISE_FORKED_H
#define WEIR_SUPERVISE_FORKED_H

#include "supervise/plan.h"

struct forked;

/** dir: the configuration whose plugins will be called, read here and now; NULL: it is about none. What is
 * wrong with it is told where it matters, by forked_plan() or after a death. loader: must outlive it, notes
 * its calls for it from now on. NULL: no memory. Owns: the caller, by forked_destroy(). */
struct forked *forked_new(const char *dir, struct loader *loader);
void forked_destroy(struct forked *f);

/** plan_load() of the configuration as it was read; in the process of the work. */
struct plan *forked_plan(const struct forked *f, bool no_kafka, struct diag *diag);

/** From now on that chain's calls are watched, too; in the process of the work. index: in its plan. */
void forked_watch(struct forked *f, struct chain *chain, size_t index);
/** plan_destroy() with what is left of it, watched; in the process of the work. Takes NULL. */
void forked_unload(struct forked *f, struct plan *plan);

#define FORKED_DIED (-1)

/** Runs work(self) in a new process, which ends with it. Returns its exit status. FORKED_DIED: it did not get
 * that far; the log has the frames, and diag what is wrong with the configuration without its plugins, and
 * which stage it was. A signal that was meant for both ends both. May be called again. */
int forked_run(struct forked *f, int (*work)(void *self), void *self, struct diag *diag);

#endif
