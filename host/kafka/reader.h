/* reader.h: reads whole topics as they are, without a group: for `weir watch`, the demo, tests.
 *
 * Thread: one.
 */
#ifndef WEIR_KAFKA_READER_H
#define WEIR_KAFKA_READER_H

#include "chain/io.h"
#include "config/config.h"

struct reader;

/** kafka: the properties of [kafka]. topics are copied. latest: from now on; else from the first record that
 * is there. A topic that does not exist yet is read from its first record once it does. name: who is reading,
 * for the log. NULL: diag says why. */
struct reader *reader_new(const char *name, const struct config_keys *kafka, const char *const *topics,
                          size_t n_topics, bool latest, struct diag *diag);
void reader_destroy(struct reader *r);

/** Hands over what comes within timeout_ms, and returns at the latest then; returns the number of records.
 * The record is borrowed for the call. Errors: *why is a phrase where reading has failed, else NULL; it may
 * be passed over. */
size_t reader_poll(struct reader *r, int timeout_ms, void (*see)(void *arg, const struct record *record),
                   void *arg, const char **why);

/** True once every topic has been found. */
bool reader_ready(const struct reader *r);

#endif
