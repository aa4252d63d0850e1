/* resend.h: writes records to topics, each alone in its batch, and tells what became of each.
 *
 * A refusal hits a whole batch; alone, a record is refused for its own fault only.
 *
 * Thread: one.
 */
#ifndef WEIR_KAFKA_RESEND_H
#define WEIR_KAFKA_RESEND_H

#include "chain/io.h"
#include "config/config.h"

struct resend;

/** Called from resend_send() and resend_poll(). why: a phrase, NULL with SEND_OK. SEND_BROKEN: nothing that
 * the record could help. */
struct resend_events {
    void *self;
    void (*sent)(void *self, size_t ticket, enum send_result result, const char *why);
};

/** NULL: diag says why. */
struct resend *resend_new(const char *name, const struct config_keys *kafka,
                          const struct resend_events *events, struct diag *diag);
/** What was not acknowledged is lost. Takes NULL. */
void resend_destroy(struct resend *r);

/** Sends a copy; the record's own topic means nothing here. False: too much is under way, poll first. */
bool resend_send(struct resend *r, const char *topic, const struct record *record, size_t ticket);

/** Serves reports, for at most timeout_ms where there are none yet. Returns the number of records without
 * one. */
size_t resend_poll(struct resend *r, int timeout_ms);

/** Why this producer is finished; NULL: it is not. */
const char *resend_broken(const struct resend *r);

#endif
