/* envelope.h: a record on its way through a chain.
 *
 * An envelope owns its bytes: the record is copied into its arena when it is taken, and everything that is
 * made for it later (decoded text, spliced values, what a plugin allocates) goes there, too. Envelopes come
 * from a pool and go back to it whole, so that in the steady state a record costs no malloc.
 */
#ifndef WEIR_CHAIN_ENVELOPE_H
#define WEIR_CHAIN_ENVELOPE_H

#include "base/arena.h"
#include "base/slab.h"
#include "chain/doc.h"
#include "chain/io.h"

struct chain;
struct stage;

/** What an envelope does now. */
enum envelope_state {
    ENVELOPE_WALKING,
    ENVELOPE_SENT,   /* waits at a sink for the outcome of its send */
    ENVELOPE_HELD,   /* waits at a sink that has not sent it yet */
    ENVELOPE_PARKED, /* waits for a retry, or behind one */
    ENVELOPE_ENDED   /* has walked to its end; waits for what it emitted, if for anything */
};

/** A send of ours: what the world sees of it, and whom its outcome moves. */
struct outbound {
    struct send send; /* first: chain_sent() finds the rest by it */
    struct stage *stage;
    struct envelope *waiting; /* the one that it is part of; of a batch the first; NULL: nobody */
    uint32_t flags;           /* WEIR_SEND_… */
    bool reduced, redated;    /* which cures were tried */
    bool is_batch;            /* a struct batch, allocated apart; else part of its envelope */
    struct weir_str spare;
    const struct weir_header *added; /* the message's own, behind the envelope's */
    size_t n_added;
};

/** A send for all that a sink held, or for nobody. */
struct batch {
    struct outbound out; /* first */
    size_t n;
    struct envelope *held[]; /* in order; behind them the bytes of key and value */
};

/** What its way asks for behind an acknowledged send stands first, up to `key`: by then it has left the
 *  processor's cache, and the fewer lines of it are asked for, the better (see chain_expect()). */
struct envelope {
    _Alignas(max_align_t) struct weir_envelope abi; /* first: a plugin's pointer is ours */
    struct chain *chain;
    struct envelope *next;   /* in whichever one list it is: the pool, held, parked, emitted */
    struct envelope *parent; /* of an emitted envelope: what it belongs to; NULL: nothing (any more) */
    struct envelope *heir;   /* the only one of its children, where it has one; NULL: there were several */
    unsigned children;       /* emitted from it and not yet ended */
    enum envelope_state state;
    uint32_t at; /* index of the stage where it is */
    uint8_t route;
    bool parsed;   /* doc speaks of value */
    bool withheld; /* nobody sees the value: it did not parse, or was not protected */
    bool emitted;
    bool answers;     /* at its end the record of the ticket is done */
    bool quarantined; /* at some stage: see quarantine.h */
    bool untaken;     /* it failed, and no sink has seen it since */
    bool has_timestamp;
    uint32_t attempts; /* of the stage where it is parked */
    void *ticket;
    size_t bytes; /* of payload, as it counts against the chain's memory */
    struct arena arena;
    struct doc doc;
    const struct weir_topic *ended;
    struct weir_str said; /* the reason given with the verdict of the current call */
    struct weir_str topic;
    int64_t offset;
    int32_t partition;
    struct outbound out;

    struct weir_str key;
    struct weir_str value;   /* as it was parsed; doc holds the changes */
    struct weir_str spliced; /* value with all changes, where somebody asked; absent: ask doc */
    struct weir_header *headers;
    size_t n_headers, headers_room;
    int64_t timestamp_ms;
    struct weir_str reason, failed_stage;
    int64_t retry_at, give_up_at;
    bool in_slab;                   /* its memory is */
    struct envelope *older, *newer; /* every envelope there is, for the end */
};

/** A chain's pool of envelopes, and how much is out of it. All zero at first. What the chain makes itself
 *  takes them, too, though it needs less: it follows on records, which have just given theirs back. */
struct envelopes {
    struct envelope *free;
    struct envelope *newest; /* of all, in the pool or out of it */
    struct slabs slabs;
    size_t n; /* of all */
    size_t in_flight, bytes;
};

/** Has the processor fetch bytes into its cache. Reads nothing. */
static inline void envelope_fetch(const char *at, size_t n)
{
    const size_t line = 64;

    for (size_t i = 0; i < n; i += line)
        __builtin_prefetch(at + i, 1);
}

/** An empty envelope for the chain. NULL: no memory. */
struct envelope *envelope_take(struct envelopes *pool, struct chain *chain, const struct paths *paths);

/** Back to the pool: nothing of it may be used any more. */
void envelope_give_back(struct envelopes *pool, struct envelope *env);

/** Counts its payload as under way. Once, when its key, value and headers are in. */
void envelope_count(struct envelopes *pool, struct envelope *env);

/** Frees every envelope, also those that are under way. */
void envelopes_fini(struct envelopes *pool);

/** Copies a record in. False: no memory. */
bool envelope_load(struct envelope *env, const struct record *record);

/** A header at the end; copied. False: no memory. */
bool envelope_add_header(struct envelope *env, struct weir_header h);

/** Nobody sees its value, its key or its headers any more. */
void envelope_withhold_all(struct envelope *env);

/** The value with all changes. WEIR_ABSENT: it has none, or it is withheld. WEIR_NOMEM. */
int32_t envelope_value(struct envelope *env, struct weir_str *out);

#endif
