/* section_chain.c: [chain NAME]. Keys that begin with `consumer.` or `producer.` are librdkafka's and leave
 * the section before its table is filled. */
#include "config/sections.h"

#include <stdio.h>

#include "config/names.h"
#include "config/property.h"
#include "config/reserved.h"

static const char *const starts[] = {"earliest", "latest", NULL};
static const char *const lost[] = {"stop", "earliest", "latest", NULL};
static const char *const deliveries[] = {"at-least-once", "exactly-once", NULL};
static const char *const formats[] = {"json", "bytes", NULL};

const struct weir_option config_chain_options[] = {
    WEIR_OPT_STRING(struct config_chain, source, .required = true, .help = "the topic to read"),
    WEIR_OPT_STRING(struct config_chain, group, .required = true, .help = "the consumer group"),
    WEIR_OPT_CHOICE(struct config_chain, start, .def = "earliest", .choices = starts,
                    .help = "where a partition without a committed offset begins; latest: one that is added "
                            "later at its first record"),
    WEIR_OPT_CHOICE(struct config_chain, on_lost_offset, .def = "stop", .choices = lost,
                    .help =
                        "what to do where the committed offset is out of range: stop the chain, or go on at "
                        "either end"),
    WEIR_OPT_CHOICE(struct config_chain, delivery, .def = "at-least-once", .choices = deliveries,
                    .help = "at-least-once repeats records after a crash, and loses none; exactly-once does "
                            "neither, and needs \"instance\" under [host]"),
    WEIR_OPT_CHOICE(struct config_chain, value_format, .def = "json", .choices = formats,
                    .help = "what the values are: one JSON object each, or bytes that no stage looks into"),
    WEIR_OPT_SIZE(struct config_chain, memory, .def = "64MiB", .min = 1048576,
                  .help = "bound on the records in flight; the source waits when it is reached"),
    WEIR_OPT_DURATION(
        struct config_chain, commit_interval, .def = "1s", .min = 10,
        .help = "how often offsets are committed; in exactly-once how long a transaction is, and 100ms "
                "where nothing is set"),
    WEIR_OPT_DURATION(struct config_chain, drain_timeout, .def = "10s",
                      .help = "how long a reload, a stop or a rebalance waits for what is in flight"),
    WEIR_OPT_INTEGER(struct config_chain, tasks, .def = "1", .min = 1, .max = 64,
                     .help = "worker processes, which share the partitions of the source"),
    WEIR_OPT_BOOL(struct config_chain, create_topics, .def = "no", .help = "reserved; not built yet"),
    WEIR_OPT_END};

static bool is_property(struct weir_str name)
{
    return str_starts(name, STR("consumer.")) || str_starts(name, STR("producer."));
}

static void check_property(const char *owner, const struct config_key *key, struct diag *d)
{
    struct weir_str name = str_make(key->name.ptr + 9, key->name.len - 9);
    const char *why = name.len ? property_refused(name) : "a property's name is missing behind the dot";

    if (why)
        diag_error(d, key->place, "%s: \"" STR_FMT "\": %s", owner, STR_ARG(key->name), why);
}

/* Copies into *to (with room) what begins with the prefix, or, for an absent prefix, what is no property. */
static void copy_keys(struct config_keys *to, const struct config_keys *from, struct weir_str prefix)
{
    for (size_t i = 0; i < from->count; i++) {
        struct config_key key = from->items[i];

        if (prefix.ptr ? !str_starts(key.name, prefix) : is_property(key.name))
            continue;
        key.name = str_make(key.name.ptr + prefix.len, key.name.len - prefix.len);
        to->items[to->count++] = key;
    }
}

/* librdkafka's properties for a client: [kafka], then the chain's own. */
static bool merge(struct config_keys *to, const struct config_keys *kafka, const struct config_keys *own,
                  struct weir_str prefix, struct arena *a)
{
    to->items = arena_alloc(a, (kafka->count + own->count) * sizeof *to->items);
    if (!to->items)
        return false;
    copy_keys(to, kafka, STR(""));
    copy_keys(to, own, prefix);
    return true;
}

static void check_topic(const char *owner, const struct config_keys *keys, struct diag *d)
{
    const struct config_key *key = config_keys_find(keys, "source");
    const char *why = key && !key->broken && key->value.len ? name_topic_fault(key->value) : NULL;

    if (why)
        diag_error(d, key->place, "%s: option \"source\": \"" STR_FMT "\" %s", owner, STR_ARG(key->written),
                   why);
}

/* A dot in an unknown key means a property of librdkafka that lacks its prefix. */
static void check_dots(const char *owner, struct config_keys *keys, struct diag *d)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct config_key *key = &keys->items[i];

        if (!memchr(key->name.ptr, '.', key->name.len))
            continue;
        diag_error(d, key->place,
                   "%s: unknown option \"" STR_FMT "\" (a property of librdkafka is written "
                   "\"consumer.NAME\" or \"producer.NAME\" here, or NAME under [kafka])",
                   owner, STR_ARG(key->name));
        *key = keys->items[--keys->count];
        i--;
    }
}

void section_chain(struct config_chain *chain, const struct config_keys *keys,
                   const struct config_keys *kafka, struct arena *a, struct diag *d)
{
    struct options_input in = {NULL, chain->place, &chain->keys, NULL, NULL, a, d};
    char owner[96];

    snprintf(owner, sizeof owner, "chain \"" STR_FMT "\"", STR_ARG(chain->name));
    in.owner = owner;
    chain->keys.items = arena_alloc(a, keys->count * sizeof *keys->items);
    if (!chain->keys.items || !merge(&chain->consumer, kafka, keys, STR("consumer."), a) ||
        !merge(&chain->producer, kafka, keys, STR("producer."), a)) {
        diag_error(d, chain->place, "%s: out of memory", owner);
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (is_property(keys->items[i].name))
            check_property(owner, &keys->items[i], d);
    }
    copy_keys(&chain->keys, keys, STR_ABSENT);
    check_dots(owner, &chain->keys, d);
    reserved_check("chain", owner, &chain->keys, d);
    options_fill(config_chain_options, chain, &in);
    check_topic(owner, &chain->keys, d);
}
