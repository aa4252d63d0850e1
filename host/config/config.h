/* config.h: a configuration directory (conf.d/), read and checked as far as this floor can: without plugins,
 * chains or brokers.
 *
 * Every `*.conf` of the directory is read in the order of names. [host], [kafka] and [http] may stand in any
 * file and serve the whole host; [chain NAME] opens a chain that ends with its file, and [stage NAME] adds a
 * stage to it. Everything that is wrong is in the list of messages, never only the first fault. The texts and
 * lists of a configuration are constant, and live as long as it does. */
#ifndef WEIR_CONFIG_CONFIG_H
#define WEIR_CONFIG_CONFIG_H

#include "config/env.h"
#include "config/options.h"

enum config_start { CONFIG_EARLIEST, CONFIG_LATEST };
enum config_lost_offset { CONFIG_LOST_STOP, CONFIG_LOST_EARLIEST, CONFIG_LOST_LATEST };
enum config_delivery { CONFIG_AT_LEAST_ONCE, CONFIG_EXACTLY_ONCE };
enum config_value_format { CONFIG_JSON, CONFIG_BYTES };
enum config_on_error { CONFIG_FAIL, CONFIG_STOP };

/* Members that an option table fills have the types of weir/plugin.h; an absent text has ptr NULL. */

struct config_host {
    struct weir_str instance;
    struct weir_list plugin_path; /* empty: the command line decides */
    struct weir_str state_dir;
    int32_t log_level; /* WEIR_LOG_… */
    int64_t stop_timeout;
    int64_t crash_limit, crash_window, reload_guard;
    bool core_dumps;
    int64_t memory_max; /* bytes; 0: no limit */
    struct weir_str socket;
};

struct config_stage {
    struct weir_str name;
    struct place place;
    struct weir_str plugin;
    struct weir_list from; /* not set: empty */
    bool from_all;         /* from = * ; from is then empty */
    struct weir_str to, emit, when;
    int32_t on_error; /* enum config_on_error */
    int64_t retry_timeout, stage_timeout;
    bool unmasked;
    struct config_keys host_keys; /* those of the host's options that the file sets */
    struct config_keys keys;      /* all others: the plugin's */
};

struct config_chain {
    struct weir_str name;
    struct place place;
    struct weir_str source, group;
    int32_t start, on_lost_offset, delivery, value_format; /* enum config_… */
    int64_t memory, commit_interval, drain_timeout, tasks;
    bool create_topics;
    uint32_t task; /* which of its tasks this process runs; not from the file */
    struct config_stage *stages;
    size_t stage_count;
    struct config_keys keys; /* its own options, as the file sets them */
    /* librdkafka's properties by their own names, in the order in which to set them: those of [kafka], then
     * the chain's own without `consumer.` and `producer.`; a later one replaces an earlier one. */
    struct config_keys consumer, producer;
};

struct config {
    struct arena arena;
    const char *dir;
    const char *const *files; /* what was read, in order */
    size_t file_count;
    struct config_host host;
    struct config_keys host_keys, kafka;
    struct config_chain *chains;
    size_t chain_count;
};

/** Reads a directory. NULL where there is nothing to work with (no such directory, no memory). Where d has
 * errors the rest may be checked further, with zero in place of what was refused, but must not be run. Owns:
 * the caller, by config_destroy(). */
struct config *config_load(const char *dir, const struct config_env *env, struct diag *d);
void config_destroy(struct config *c);

/** NULL: there is no chain of that name. */
const struct config_chain *config_chain_named(const struct config *c, struct weir_str name);

/** The producer's transaction.timeout.ms, in exactly-once: what is set, or librdkafka's default. */
int64_t config_transaction_timeout(const struct config_chain *chain);

/** The option tables of the sections, to document them, and to keep plugins off the host's names. */
struct config_section {
    const char *title; /* "[chain NAME]" */
    const char *help;
    const struct weir_option *options; /* NULL: no own options */
    const char *passes;                /* what else it takes, or NULL */
};
const struct config_section *config_sections(size_t *count);
extern const struct weir_option config_host_options[], config_chain_options[], config_stage_options[];

#endif
