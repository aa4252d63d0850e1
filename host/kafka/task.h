/* task.h: one chain at work on Kafka: its consumer, its producer, its loop.
 *
 * A task does not care which thread or process it is in. It never owns its chain: who made the chain destroys
 * it, after the task.
 */
#ifndef WEIR_KAFKA_TASK_H
#define WEIR_KAFKA_TASK_H

#include "chain/chain.h"
#include "kafka/source.h"

struct task;

/** Why a task ended. */
enum task_end {
    TASK_RUNS,          /* it has not */
    TASK_STOPPED,       /* it was asked to, and everything is safe */
    TASK_CUT_SHORT,     /* it was asked to, and what was not safe in time will be repeated */
    TASK_CHAIN_STOPPED, /* the chain refuses to go on */
    TASK_SET_UP,        /* a topic or a right is missing */
    TASK_FENCED,        /* another process runs under the same `instance` */
    TASK_FAILED         /* anything else; another start may help */
};

struct task_status {
    enum task_end end;
    struct source_status source;
    size_t in_flight, in_flight_bytes; /* of the chain */
    size_t sends;                      /* not acknowledged */
    bool waiting_for_brokers;          /* at the start: topics could not be looked at yet */
};

/** Called on the task's thread a few times a second, and after a reload and at the end. */
struct task_watcher {
    void *self;
    void (*see)(void *self, const struct chain *chain, const struct task_status *status);
};

/** Opens the clients; connects the chain. config must live as long as the task, or until a reload replaced
 * it. watcher may be NULL. NULL: diag says why. */
struct task *task_new(const struct config *config, const struct config_chain *conf, struct chain *chain,
                      const struct task_watcher *watcher, struct diag *diag);
void task_destroy(struct task *task);

/** Runs until it is stopped or cannot go on; then everything safe is committed and the group is left. Once.
 */
enum task_end task_run(struct task *task);

/** Before task_run(), on any one thread: looks until the topics of its source and sinks are good. False: they
 * are not, or the brokers do not tell in time; why says so. */
bool task_look(struct task *task, int64_t timeout_ms, struct buf *why);

/** Why it ended, for people; "" where there is nothing to say. After task_run(). */
const char *task_why(struct task *task);

/** Asks it to end: what is in flight may finish within the chain's drain_timeout.
 *  Thread: any; also a signal handler. */
void task_stop(struct task *task);

/** Puts a new generation in the old one's place, between two records: what is in flight finishes, state is
 * carried over. True: *old is the chain that ran until now, for the caller to destroy, and its configuration
 * is free. False: the old one runs on as if nothing had happened, why says what was wrong, and chain is the
 * caller's. Thread: any but the task's; waits for it. One at a time. */
bool task_swap(struct task *task, const struct config *config, const struct config_chain *conf,
               struct chain *chain, struct chain **old, struct buf *why);

/** Thread: any. */
void task_status(struct task *task, struct task_status *out);

#endif
