/* status.h: the state of a whole weir, as JSON: what `weir status --json` prints.
 *
 *     {"version", "pid", "directory", "started", "now", "generation", "chains": [
 *         {"name", "state", "why", "delivery", "source", "group", "generation", "since", "trial_until",
 *          "last_reload": {"outcome", "why", "pause_ms"}, "restarts",
 *          "last_crash": {"at", "how", "stage", "call", "record": {"topic", "partition", "offset",
 * "emitted"}}, "quarantined": {"count", "records": [{"topic", "partition", "offset", "emitted", "stage",
 * "reason", "since"}]}, "workers": [{"task", "pid", "state", "generation", "since", "silent_ms",
 * "partitions", "lag", "in_flight", "taken", "rate", "last_commit", "waiting_for_brokers", "paused",
 * "counts": {STAGE: {NAME: N}}, "call": {"stage", "call", "ms"}}]}]}
 *
 * Every member is always there; null says that there is nothing, or that it is not known yet. Times are UTC
 * in ISO 8601, the rate is records a second, and what is said of a worker it said itself a moment ago, in its
 * ledger, silent_ms ago: a hanging worker needs not be asked. `call` is there where a stage has not come back
 * for a second.
 */
#ifndef WEIR_SUPERVISE_STATUS_H
#define WEIR_SUPERVISE_STATUS_H

#include "supervise/fleet.h"

#define STATUS_QUARANTINED_MAX 100 /* that are listed; all are counted */
#define STATUS_CALL_MS 1000

void status_add(struct buf *out, const struct fleet *fleet);

/** A text as a JSON string; absent: null. What is no UTF-8 in it becomes question marks. */
void status_add_text(struct buf *out, struct weir_str text);

#endif
