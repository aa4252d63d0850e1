/* source.h: the consumer of a task: a member of the group, the records it takes, the watermarks it commits.
 *
 * Thread: source_new() where you like, the rest on the task's.
 */
#ifndef WEIR_KAFKA_SOURCE_H
#define WEIR_KAFKA_SOURCE_H

#include "base/buf.h"
#include "chain/io.h"
#include "kafka/look.h"
#include "kafka/next.h"
#include "kafka/settings.h"

struct source;
struct diag;

struct source_events {
    void *self;
    /** True where another record may come now. */
    bool (*ready)(void *self);
    /** A record. Its ticket comes back with source_done(), perhaps at once. False: it was not taken, the
     * chain is broken. */
    bool (*take)(void *self, const struct record *record);
    /** Partitions are to be given up, and some of their records are under way: serve them for a moment (some
     * ten milliseconds). final: what sinks hold is to go out. False: there is no use in waiting. */
    bool (*serve)(void *self, bool final);
    /** In exactly-once: true where no transaction is open, and nothing waits for one; else always. */
    bool (*settled)(void *self);
    /** It could not be settled in time, or the partitions are lost: it must be aborted. */
    void (*spoil)(void *self);
};

/** Opens the consumer; joins nothing yet. Keeps no pointer into settings. wake_fd: an eventfd that is written
 * when there is something to poll. NULL: diag says why. */
struct source *source_new(const struct settings *settings, int wake_fd, const struct source_events *events,
                          struct diag *diag);

/** Gives the partitions up, commits, leaves the group, closes. */
void source_destroy(struct source *s);

/** What a reload may change: on_lost, start, intervals, timeouts, memory. */
void source_update(struct source *s, const struct settings *settings);

/** Asks the brokers about the topic. *why is a phrase for anything but LOOK_GOOD, borrowed until the next
 * call. */
enum look source_look(struct source *s, int timeout_ms, const char **why);

/** Joins the group. */
void source_subscribe(struct source *s);

/** Takes what is there while `ready` says so and the group's business allows it; at most some hundred
 * records. Returns false where nothing more is there now. With `taking` false no record is taken; if that
 * lasts, the partitions are paused, so that the group's business goes on. */
bool source_poll(struct source *s, bool taking);

/** The record of this ticket, and all it led to, is safe. */
void source_done(struct source *s, void *ticket);

/** Sends a commit of what is safe. */
void source_commit(struct source *s);

/* ---- in exactly-once: it commits nothing itself; the offsets go with a transaction of the producer's. */

struct lane;

/** True where there are safe offsets that are not committed. */
bool source_uncommitted(const struct source *s);

/** Adds what is safe to the open transaction. Again, with the same offsets, until source_settle(). */
enum transaction_next source_offer(struct source *s, struct lane *lane, int timeout_ms,
                                   struct transaction_fault *fault);
/** What became of that transaction. */
void source_settle(struct source *s, bool committed);

/** The committed offset of a partition; INT64_MAX where it is not assigned. */
int64_t source_committed(struct source *s, int32_t partition);

/** Goes back to what is committed; what was taken since comes again, under new tickets. */
void source_rewind(struct source *s);

/** Why the source is finished; NULL: it is not. Borrowed. */
const char *source_failed(const struct source *s);

/** Brokers take this member for an old one of itself, or an old one for it: it wants source_renew(). */
bool source_spent(const struct source *s);

/** Opens another consumer in the old one's place, and joins the group. What is under way is repeated, as
 * where partitions are lost. Keeps no pointer into settings. False: diag says why. */
bool source_renew(struct source *s, const struct settings *settings, struct diag *diag);

/** Another process has this member's `instance`. */
bool source_fenced(const struct source *s);

struct source_status {
    size_t assigned;        /* partitions */
    size_t under_way;       /* records */
    uint64_t taken;         /* records since the start */
    int64_t lag;            /* records behind what is committed, of all partitions; -1: not known yet */
    int64_t last_commit_ms; /* Unix milliseconds; 0: none yet */
    uint64_t rebalances;    /* assignments since the start */
    bool paused;
};
void source_status(const struct source *s, struct source_status *out);

#endif
