/* stage.h: one configured instance of a plugin in a chain.
 *
 * The stage is what a plugin holds as struct weir_stage: its options are in `self`, its services in
 * services.c, its calls are made by walk.c.
 */
#ifndef WEIR_CHAIN_STAGE_H
#define WEIR_CHAIN_STAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "chain/loader.h"
#include "chain/routes.h"
#include "config/config.h"

struct chain;
struct envelope;
struct outbound;
struct when;

#define STAGE_COUNTERS_MAX 16 /* counters of a plugin's own */
#define STAGE_REASONS_MAX 16  /* different reasons whose first record is logged */

struct stage_counter {
    const char *name; /* the plugin's constant */
    uint64_t n;
};

/** What the host counts of every stage. */
struct stage_counts {
    uint64_t passed, rejected, dropped, failed, retried;
};

/** A first-in-first-out list of envelopes. */
struct envelope_list {
    struct envelope *first, *last;
    size_t count;
};

struct stage {
    struct weir_stage abi; /* first: a plugin's pointer is ours */
    struct chain *chain;
    const struct config_stage *conf;
    const struct plugin *plugin;
    void *self;
    bool sound;   /* its section has no error: create may be called */
    bool created; /* create was called and succeeded: destroy is owed */
    uint32_t index;

    uint64_t from;           /* the routes it sees, a bit each */
    int32_t to, emit;        /* routes, or -1 */
    const struct when *when; /* NULL: always */
    bool stop_on_error;
    bool binds_fields; /* it looks into the value */
    int64_t retry_timeout_ms;

    struct envelope_list parked; /* in order: the first waits for its retry, the others behind it */
    struct envelope_list held;
    int64_t timer_at; /* monotonic milliseconds, -1: none */

    int64_t timer_first; /* what create asked for, milliseconds from the first record's time on; -1 */

    struct diag *diag;        /* during init and create */
    struct buf *saving;       /* during save */
    bool error_said;          /* create has explained itself */
    struct weir_topic *topic; /* where a sink sends to */

    struct stage_counts counts;
    struct stage_counter own[STAGE_COUNTERS_MAX];
    size_t n_own;
    uint64_t reasons_seen[STAGE_REASONS_MAX]; /* hashes */
    size_t n_reasons_seen;
};

/** Makes a stage from its section: plugin, options, routes; not yet create. Errors go to diag, and the rest
 * of a broken stage is still checked. False where there is no plugin: then only stage_fini() may follow. */
bool stage_init(struct stage *stage, struct chain *chain, const struct config_stage *conf, uint32_t index,
                struct loader *loader, struct diag *diag);
/** Calls the plugin's create, and lets the loader note it. False, with an error in diag, where it fails. */
bool stage_create(struct stage *stage, struct loader *loader, struct diag *diag);
void stage_fini(struct stage *stage);

/** Binds a field for the stage. NULL, and *why is a predicate. */
const struct weir_field *stage_bind(struct stage *stage, const char *path, const char **why);

/** Adds a message about an option (NULL: about the stage), at its line, with the stage's name. */
void stage_say(struct stage *stage, const char *option, bool warning, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

/** Where an option of the stage is set, else where its section begins. */
struct place stage_place(const struct stage *stage, const char *option);

/** True the first time that this stage sees this reason, for as many different ones as it remembers. */
bool stage_first_time(struct stage *stage, int32_t verdict, struct weir_str reason);

void envelope_list_add(struct envelope_list *list, struct envelope *env);
void envelope_list_push(struct envelope_list *list, struct envelope *env); /* at the front */
struct envelope *envelope_list_take(struct envelope_list *list);

#endif
