/* producer.h: carries a chain's sends to the brokers, and says what became of each.
 *
 * Thread: producer_new() where you like, the rest on the task's.
 */
#ifndef WEIR_KAFKA_PRODUCER_H
#define WEIR_KAFKA_PRODUCER_H

#include "base/buf.h"
#include "chain/io.h"
#include "kafka/look.h"
#include "kafka/settings.h"

struct lane;
struct producer;

/** Where the answers go; never called from within producer_send(). */
struct producer_events {
    void *self;
    void (*sent)(void *self, struct send *send, enum send_result result, const char *why);
};

/** Opens the client and the topics, which get their handles in weir_topic.io. settings must outlive it, and
 * the topics, too. wake_fd: an eventfd that is written when there is something to poll. NULL: diag says why.
 */
struct producer *producer_new(const struct settings *settings, struct weir_topic *const *topics,
                              size_t n_topics, int wake_fd, const struct producer_events *events,
                              struct diag *diag);

/** What is unanswered stays so. Before the chain goes: librdkafka may still hold its bytes. */
void producer_destroy(struct producer *p);

/** Asks the brokers about the topics, up to the first that is not good; waits at most timeout_ms for each.
 * *why is a phrase for anything but LOOK_GOOD, borrowed until the next call. */
enum look producer_look(struct producer *p, int timeout_ms, const char **why);

/** Takes a send over. Never refuses, never blocks. */
void producer_send(struct producer *p, struct send *send);

/** Serves what has come back; calls events.sent. */
void producer_poll(struct producer *p);

/** Sends that are not answered. */
size_t producer_waiting(const struct producer *p);

/* ---- in exactly-once: the producer is transactional, and sends nothing again by itself. Sends wait until a
 * transaction is open; the first that the brokers refuse spoils it. Whoever runs the transactions
 * (exactly.h) works on the lane. */

struct lane *producer_lane(struct producer *p);

/** Sends at once, without linger, and waits up to timeout_ms for the answers. */
void producer_hurry(struct producer *p, int timeout_ms);

/** After an abort: finds out which of the sends that came back refused are refused even alone, and remembers
 * those, so that they are answered at once when they come again. Blocks for up to timeout_ms. False: none was
 * at fault alone, and the client must be replaced, which then makes smaller batches. */
bool producer_judge(struct producer *p, int timeout_ms);

/** After an abort, or where the client is finished: answers every send with SEND_DROPPED. */
void producer_drop(struct producer *p);

/** Closes the client and opens a new one. False: why says what was wrong. */
bool producer_replace(struct producer *p, struct buf *why);

/** Forgets remembered refusals below what is committed (see refusals.h). */
void producer_forget(struct producer *p, int64_t (*committed)(void *self, int32_t partition), void *self);

/** For tests of what follows a fatal error of librdkafka's: makes one. */
void producer_break(struct producer *p);

#endif
