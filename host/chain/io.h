/* io.h: the border between a chain and the world that feeds it and carries its records away.
 *
 * A chain knows no Kafka. Whoever runs one (the Kafka task, `weir pipe`, a unit test) hands it records with
 * chain_take() and a struct chain_io to send with; it answers every send, once and later, with chain_sent().
 *
 *     record ──chain_take()──► chain ──io.send()──► world
 *                                ▲                    │
 *                                └──── chain_sent() ──┘        io.done(): the record and all it led to is
 * safe
 *
 * Thread: all of it on the task's thread.
 */
#ifndef WEIR_CHAIN_IO_H
#define WEIR_CHAIN_IO_H

#include "base/str.h"

struct config_key;

/** A topic that a sink of the chain sends to. One per topic name and chain generation. */
struct weir_topic {
    struct weir_str name;
    const struct config_key *const *settings; /* the stage's `topic.` keys: librdkafka's topic properties */
    size_t n_settings;
    const char *stage; /* the first stage that names it */
    void *io;          /* the world's own; the Kafka task keeps its topic handle here */
};

/** A record as it comes in. Borrowed: chain_take() copies what it keeps, except topic, which must outlive it.
 */
struct record {
    struct weir_str key, value; /* absent: null */
    const struct weir_header *headers;
    size_t n_headers;
    bool has_timestamp;
    int64_t timestamp_ms;
    struct weir_str topic;
    int32_t partition;
    int64_t offset;
    void *ticket; /* comes back in io.done() */
};

/** What a send was made for, the same each time that its record passes through the same chain: what the world
 * has learned of a send can be told of it again. */
struct send_origin {
    int32_t partition; /* of the source, with offset; of several that wait for it, the first; -1: of none */
    int64_t offset;
    uint32_t stage; /* index of the sink */
    uint32_t form;  /* which cures are on it, and whether it is a record of its own */
};

/** A record on its way out. Owned by the chain, which frees it after chain_sent(); its bytes stay until then.
 */
struct send {
    const struct weir_topic *topic;
    struct send *next;  /* for a list of the world's own, while it has it */
    void *io;           /* for the world's own use */
    bool emitted;       /* not the outcome of a source record */
    bool has_timestamp; /* else: now, as the world sees it */
    int32_t partition;  /* of the topic; -1: by the key */
    int64_t timestamp_ms;
    struct weir_str key, value; /* absent: null */
    const struct weir_header *headers;
    size_t n_headers;
    struct send_origin origin;
};

/** What became of a send. */
enum send_result {
    SEND_OK,            /* acknowledged */
    SEND_TOO_LARGE,     /* refused for good, for its size */
    SEND_BAD_TIMESTAMP, /* refused for good, for its timestamp */
    SEND_REFUSED,       /* refused for good, for another fault of the record itself */
    SEND_DROPPED,       /* it never was, and never will be: chain_abandon() follows */
    SEND_BROKEN /* nobody's fault but the set-up's (unknown topic, authorization): the chain must stop */
};

struct chain_io {
    void *self;
    int64_t (*now_ms)(void *self);  /* Unix milliseconds */
    int64_t (*mono_ms)(void *self); /* milliseconds that never go back */
    /** Takes a send over. Always succeeds: a full queue is the world's to wait out. Must not call
     *  chain_sent() from within. */
    void (*send)(void *self, struct send *send);
    /** The record of this ticket and everything it led to is safe. May be called from within chain_take(). */
    void (*done)(void *self, void *ticket);
};

#endif
