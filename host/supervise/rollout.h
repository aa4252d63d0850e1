/* rollout.h: a reload, from the files on the disk to its outcome in every chain.
 *
 * Everything is read, checked and made first, in processes beside those that run; only when all of it is good
 * does the first chain change. Then each chain changes or refuses by itself.
 */
#ifndef WEIR_SUPERVISE_ROLLOUT_H
#define WEIR_SUPERVISE_ROLLOUT_H

#include "supervise/control.h"
#include "supervise/fleet.h"

enum rollout_phase { ROLLOUT_NONE, ROLLOUT_CHECKING, ROLLOUT_CHANGING };

struct rollout {
    enum rollout_phase phase;
    struct edition edition;
    int64_t began_at;
    size_t changed, added, removed, unchanged, refused;
    bool good;       /* of the last one */
    struct buf text; /* of the last one: its lines, as the log has them */
};

void rollout_init(struct rollout *r);
void rollout_fini(struct rollout *r);

/** Begins one. It may be over at once: phase is ROLLOUT_NONE then. */
void rollout_begin(struct rollout *r, struct fleet *fleet, const struct control *control);

/** Moves on, after the crews did. True: it is over now; good and text say how. */
bool rollout_step(struct rollout *r, struct fleet *fleet);

#endif
