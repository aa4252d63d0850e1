/* settings.h: what a task needs to know of the configuration, and the one place that knows how to ask for it.
 *
 * Everything is borrowed from the configuration, which must outlive whoever keeps these settings.
 */
#ifndef WEIR_KAFKA_SETTINGS_H
#define WEIR_KAFKA_SETTINGS_H

#include "config/config.h"

struct settings {
    const char *chain, *source, *group;
    const char *instance; /* NULL: a dynamic member of the group */
    uint32_t task;
    struct place place;                            /* of the chain's section */
    const struct config_keys *consumer, *producer; /* librdkafka's properties */
    size_t shared; /* so many of each stand under [kafka], the others in the chain */
    enum config_start start;
    enum config_lost_offset on_lost;
    bool exactly_once;
    int64_t transaction_timeout_ms;
    int64_t batch_bytes;        /* of the producer, below what its properties say; 0: as they say */
    int64_t memory;             /* bytes */
    int64_t commit_interval_ms; /* between two commits */
    int64_t drain_timeout_ms;   /* how long to wait for what is in flight at a rebalance, reload or stop */
};

static inline void settings_read(struct settings *s, const struct config *config,
                                 const struct config_chain *chain)
{
    *s = (struct settings){
        .chain = chain->name.ptr,
        .source = chain->source.ptr,
        .group = chain->group.ptr,
        .instance = config->host.instance.len ? config->host.instance.ptr : NULL,
        .task = chain->task,
        .place = chain->place,
        .consumer = &chain->consumer,
        .producer = &chain->producer,
        .shared = config->kafka.count,
        .start = (enum config_start)chain->start,
        .on_lost = (enum config_lost_offset)chain->on_lost_offset,
        .exactly_once = chain->delivery == CONFIG_EXACTLY_ONCE,
        .transaction_timeout_ms = config_transaction_timeout(chain),
        .memory = chain->memory,
        .commit_interval_ms = chain->commit_interval,
        .drain_timeout_ms = chain->drain_timeout,
    };
}

/** For commands that talk to the same brokers without a chain: name is who they are, in the log and as
 * client. */
static inline void settings_for_tool(struct settings *s, const char *name, const struct config_keys *kafka)
{
    *s = (struct settings){
        .chain = name,
        .source = "",
        .group = name,
        .consumer = kafka,
        .producer = kafka,
        .shared = kafka->count,
        .memory = 32 << 20,
    };
}

#endif
