/* reload.h: a new generation beside the one that runs, and the swap.
 *
 * Thread: the runner's.
 */
#ifndef WEIR_SUPERVISE_RELOAD_H
#define WEIR_SUPERVISE_RELOAD_H

#include "kafka/task.h"
#include "supervise/plan.h"

/** A chain as it runs. */
struct running {
    struct task *task;
    struct plan *plan; /* whose configuration its chain was made from */
    const struct config_chain *conf;
    struct chain *chain; /* the one that task runs */
};

struct running_set {
    const char *dir;
    struct loader *loader;
    struct plan *current; /* the newest that was accepted */
    struct running *items;
    size_t count;
    unsigned number; /* of the newest generation, from 1 */
};

/** Reads the directory again and swaps every chain that changed. Anything wrong leaves what runs as it is.
 * All outcomes go to the log. True: the new configuration is in force in every chain. */
bool reload(struct running_set *set);

#endif
