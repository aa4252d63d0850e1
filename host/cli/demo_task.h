/* demo_task.h: a chain at work for the demo: its task on a thread of its own, and what it counts, safe to
 * read from another thread. */
#ifndef WEIR_CLI_DEMO_TASK_H
#define WEIR_CLI_DEMO_TASK_H

#include "cli/demo_flow.h"
#include "kafka/task.h"

#include <pthread.h>

#define DEMO_COUNTS_MAX 1024

struct demo_task {
    struct task *task;
    pthread_t thread;
    bool running;         /* the thread has been started and not joined */
    pthread_mutex_t lock; /* over the rest */
    struct task_status status;
    bool ended;
    struct chain_count counts[DEMO_COUNTS_MAX];
    size_t n_counts;
};

/** Opens the task and starts its thread. Everything given must outlive it. False: diag says why. */
bool demo_task_start(struct demo_task *t, const struct config *config, const struct config_chain *conf,
                     struct chain *chain, struct diag *diag);

/** Asks it to end, waits for it. Its last counts are then there to read. Takes one that never started. */
enum task_end demo_task_stop(struct demo_task *t);
void demo_task_fini(struct demo_task *t);

/** Hands its counters to the flow. Returns where it stands. */
struct task_status demo_task_read(struct demo_task *t, struct flow *flow, bool *ended);

/** Why it ended by itself. After demo_task_stop(). */
const char *demo_task_why(const struct demo_task *t);

#endif
