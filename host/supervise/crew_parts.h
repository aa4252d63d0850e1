/* crew_parts.h: what the files that drive a crew share: crew.c (life), mourn.c (deaths), handover.c
 * (reloads). */
#ifndef WEIR_SUPERVISE_CREW_PARTS_H
#define WEIR_SUPERVISE_CREW_PARTS_H

#include "base/log.h"
#include "supervise/crew.h"

#define CREW_LOOK_MS 500    /* at least so often a crew wants to be looked at: calls that hang */
#define CREW_READY_MS 30000 /* to load plugins and open clients */
#define CREW_HELD_MS 30000  /* for a process that a signal has stopped */
#define CREW_ABORT_MS 2000  /* to note where a call hangs */
#define CREW_AGAIN_MS 1000  /* where not even a process could be started */

/** The chain as the generation that runs has it. */
const struct config_chain *crew_conf(const struct crew *crew);
struct log_place crew_place(const struct crew *crew);
/** How many tasks that is. */
size_t crew_wanted(const struct crew *crew);
/** mourn.c: reads what was learnt before this supervisor came, where that is kept. */
void crew_recall(struct crew *crew);

/** Begins to count the deaths of the generation that runs; what is in quarantine stays there. */
void crew_new_deaths(struct crew *crew);

/** Makes an array of children as long as wanted. False: no memory. */
bool crew_make(struct crew *crew, struct child **children, size_t *count, size_t wanted);
/** Ends and forgets them. */
void crew_drop(struct child **children, size_t *count);
bool crew_all(const struct child *children, size_t count, enum child_state state);
bool crew_start_child(struct crew *crew, struct child *child, const struct edition *edition, enum start how);

/** Ends the chain, with that verdict once all have gone. */
void crew_give_up(struct crew *crew, enum crew_end verdict, const char *why);

/** handover.c: one of the proposed generation died; it is child_died() already. */
void crew_probe_died(struct crew *crew, struct child *child, int wait_status);
/** handover.c: moves a proposal on. */
void crew_hand_over(struct crew *crew, int64_t now);
/** handover.c: the generation before comes back: the one that runs has failed its trial. */
void crew_fall_back(struct crew *crew, const char *why);

#endif
