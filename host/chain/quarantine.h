/* quarantine.h: records that a stage is not shown again, because it did not survive them.
 *
 * Such a record counts as if the stage had failed it: it walks on behind the stage on route `failed`. Where
 * the stage is fail-closed, nobody knows how far its protection got, so value, key and headers are withheld.
 * What the chain itself made has no way to fail: that stops the chain, as it always does.
 *
 * Thread: the task's.
 */
#ifndef WEIR_CHAIN_QUARANTINE_H
#define WEIR_CHAIN_QUARANTINE_H

#include "base/arena.h"

struct chain;
struct envelope;
struct stage;

struct quarantined {
    int32_t partition;
    int64_t offset;
    bool emitted;          /* not the record itself, but what it led to */
    struct weir_str stage; /* by name: a reload may move it */
    struct weir_str reason;
};

/** The records that are quarantined from now on, in place of those before. Copied; one for a
 *  stage that the chain does not have has no effect. False: no memory, and nothing changed. A record that is
 * under way is not looked at again: call it before the first, or while nothing is in flight. */
bool chain_quarantine(struct chain *chain, const struct quarantined *items, size_t count);

/* ---- for the chain */

/** In order of record and stage. */
struct quarantine {
    struct arena arena;
    struct quarantined *items;
    size_t count;
};

void quarantine_init(struct quarantine *q);
void quarantine_fini(struct quarantine *q);

/** Sets env->quarantined, once, when it is about to walk; for a list that is not empty. */
void quarantine_mark(const struct chain *chain, struct envelope *env);

/** What keeps the envelope from the stage. NULL: nothing. */
const struct quarantined *quarantine_find(const struct chain *chain, const struct envelope *env,
                                          const struct stage *stage);

#endif
