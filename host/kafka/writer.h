/* writer.h: writes records to one topic: for `weir generate`, the demo, tests.
 *
 * Thread: one.
 */
#ifndef WEIR_KAFKA_WRITER_H
#define WEIR_KAFKA_WRITER_H

#include "chain/io.h"
#include "config/config.h"

struct writer;

/** kafka: the properties of [kafka]. name: who is writing. NULL: diag says why. */
struct writer *writer_new(const char *name, const struct config_keys *kafka, const char *topic,
                          struct diag *diag);
/** What was not acknowledged is lost. */
void writer_destroy(struct writer *w);

/** Sends a record; topic, ticket and offset of it mean nothing here, partition -1: by the key. Copies it.
 *  False: the queue is full; writer_poll() makes room. */
bool writer_send(struct writer *w, const struct record *record);

/** Serves reports, for at most timeout_ms where there are none yet. */
void writer_poll(struct writer *w, int timeout_ms);

/** Waits until all is acknowledged or refused. False: not within timeout_ms. */
bool writer_flush(struct writer *w, int timeout_ms);

struct writer_counts {
    uint64_t sent, acknowledged, refused;
};
struct writer_counts writer_counts(const struct writer *w);

/** Why a record was last refused, a phrase; NULL: none was. */
const char *writer_refusal(const struct writer *w);

#endif
