/* walk.h: the chain as it runs, and the movement of envelopes through it.
 *
 * struct chain is open to this room: chain.c builds it, services.c serves its plugins, routes.c checks it,
 * outbound.c sends for it, state.c saves it, abandon.c empties it, quarantine.c keeps records from stages,
 * walk.c moves envelopes. Others have chain.h.
 */
#ifndef WEIR_CHAIN_WALK_H
#define WEIR_CHAIN_WALK_H

#include "base/log.h"
#include "chain/chain.h"
#include "chain/envelope.h"
#include "chain/guards.h"
#include "chain/note.h"
#include "chain/quarantine.h"
#include "chain/stage.h"

struct chain {
    const struct config *config;
    const struct config_chain *conf;
    struct arena arena; /* for what lives as long as the generation */
    struct paths *paths;
    struct routes routes;
    struct stage *stages;
    uint32_t n_stages;
    uint32_t parse_at;        /* the value is parsed before this stage; n_stages + 1: never */
    uint64_t looked_into;     /* routes whose values are JSON of which a stage binds fields, a bit each */
    int64_t last_failed_sink; /* index of the last sink that takes `failed`, -1: none */
    struct weir_topic **topics;
    size_t n_topics;
    struct quarantine quarantine;

    struct note *note; /* of the calls; its own where nobody gave another */
    struct note own_note;
    uint64_t generation;  /* of who gave it its note */
    struct guards guards; /* of the memory that the current call asked for */

    struct chain_io io;
    struct envelopes envelopes;
    struct envelope *current;     /* the one in process(), NULL outside */
    struct stage *calling;        /* the stage in a callback, NULL outside */
    struct outbound *ready;       /* what process() asked to send; goes out with its PASS */
    const char *refused;          /* the service that it was refused last, of those of sinks; NULL: none */
    struct envelope_list emitted; /* made by the current call, not yet on their way */
    size_t n_parked;
    struct buf *saying; /* what restore() says with weir_error(); NULL: not in restore() */
    bool abandoning;    /* what a sink sends now, it sends to nobody */
    uint64_t parse_failures;
    char *stopped; /* why; NULL: it runs */
};

/** Where a log line about a stage happened. */
struct log_place chain_place(const struct chain *chain, const struct stage *stage);

/** Around each call of a stage's callback once the chain is there. env: what process() is shown, else NULL.
 *  Between them the plugin may use the services of a call. */
static inline void chain_enter(struct chain *chain, struct stage *stage, enum note_call call,
                               struct envelope *env)
{
    chain->current = env;
    chain->calling = stage;
    if (env)
        note_record(chain->note, env->partition, env->offset, env->emitted);
    else
        note_record(chain->note, NOTE_NO_RECORD, -1, false);
    note_begin(chain->note, call, stage->index);
}

static inline void chain_leave(struct chain *chain)
{
    if (chain->guards.count)
        guards_check(&chain->guards, chain_place(chain, chain->calling));
    note_end(chain->note);
    chain->calling = NULL;
    chain->current = NULL;
}

/** Moves an envelope on from where it is until it waits or ends. */
void walk(struct chain *chain, struct envelope *env);

/** Puts it on route `failed`, or stops the chain where that is the end of the path. */
void walk_fail(struct chain *chain, struct envelope *env, struct weir_str stage, int64_t index,
               struct weir_str reason);

/** Starts what the last callback emitted. */
void walk_emitted(struct chain *chain);

/** Stops the chain: no stage is called from here on. The first reason counts. */
void chain_stop(struct chain *chain, const char *stage, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** Stops it unless a timer or a flush has said that all is well: they may say only that, or stop. */
void chain_stop_unless_passed(struct chain *chain, const struct stage *stage, const char *callback,
                              int32_t verdict);

/** outbound.c: hands a prepared send to the world. */
void outbound_go(struct chain *chain, struct outbound *out);
/** outbound.c: frees what an outbound of its own memory has. */
void outbound_release(struct outbound *out);

#endif
