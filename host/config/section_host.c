/* section_host.c: [host], [kafka] and [http], which serve the whole host; and the list of all sections. */
#include "config/sections.h"

#include "config/names.h"
#include "config/property.h"
#include "config/reserved.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

const struct weir_option config_host_options[] = {
    WEIR_OPT_STRING(
        struct config_host, instance,
        .help = "makes each task a static member of its group, under this name; one of its own for each "
                "running weir"),
    WEIR_OPT_LIST(struct config_host, plugin_path,
                  .help = "directories to look for plugins in, in this order; what does not begin with / "
                          "begins where weir was started"),
    WEIR_OPT_STRING(struct config_host, state_dir,
                    .help = "directory where the quarantine is kept over a restart; it must exist"),
    WEIR_OPT_CHOICE(struct config_host, log_level, .def = "info", .choices = log_levels,
                    .help = "log lines below this level are not written"),
    WEIR_OPT_DURATION(struct config_host, stop_timeout, .def = "30s",
                      .help = "how long a stop may take before the process ends without waiting"),
    WEIR_OPT_INTEGER(struct config_host, crash_limit, .def = "5", .min = 1,
                     .help = "a chain ends as failed when a stage of it has crashed on so many different "
                             "records, or its workers died so often for another cause"),
    WEIR_OPT_DURATION(struct config_host, crash_window, .def = "10m", .min = 1000,
                      .help = "the time in which crash_limit counts"),
    WEIR_OPT_DURATION(struct config_host, reload_guard, .def = "10s",
                      .help = "how long a new generation is on trial: if it crashes in that time, the one "
                              "before comes back; 0s: not at all"),
    WEIR_OPT_BOOL(struct config_host, core_dumps, .def = "no",
                  .help = "lets a process of weir's that crashes leave a core dump, which holds records, "
                          "passwords and keys"),
    WEIR_OPT_SIZE(struct config_host, memory_max, .min = 67108864,
                  .help =
                      "the most private memory that a worker may have, touched or not; no limit where it is "
                      "not set"),
    WEIR_OPT_STRING(struct config_host, socket,
                    .help = "path of the socket through which \"weir status\" and \"weir reload\" find the "
                            "running weir"),
    WEIR_OPT_END};

static const struct config_section sections[] = {
    {"[host]", "the process; in any file, once in all", config_host_options, NULL},
    {"[kafka]", "the brokers, for all chains; in any file, once in all", NULL,
     "every property of librdkafka by its own name"},
    {"[http]", "reserved; not built yet", NULL, NULL},
    {"[chain NAME]", "one source and the stages behind it; one in a file, and it ends with the file",
     config_chain_options, "consumer.NAME and producer.NAME: properties of librdkafka for this chain alone"},
    {"[stage NAME]", "one step of the chain above, in the order of the file", config_stage_options,
     "every option of the plugin"},
};

const struct config_section *config_sections(size_t *count)
{
    *count = sizeof sections / sizeof *sections;
    return sections;
}

/* It becomes a part of group.instance.id, for which Kafka has the rules of a topic's name. */
static void check_instance(const struct config *c, struct diag *d)
{
    const struct config_key *key = config_keys_find(&c->host_keys, "instance");

    if (key && !key->broken && (name_topic_fault(key->value) || key->value.len > 100))
        diag_error(d, key->place,
                   "[host]: option \"instance\": \"" STR_FMT "\" is no name: letters, digits, '.', '_' "
                   "and '-', at most 100",
                   STR_ARG(key->written));
}

/* A warning only: a configuration may be checked on another machine than it is for. */
static void check_dir(struct config *c, const char *option, struct weir_str dir, int mode, struct diag *d)
{
    const struct config_key *key = config_keys_find(&c->host_keys, option);
    struct stat st;

    if (!key || key->broken || !dir.ptr)
        return;
    errno = ENOTDIR;
    if (stat(dir.ptr, &st) == 0 && S_ISDIR(st.st_mode) && access(dir.ptr, mode) == 0)
        return;
    diag_warning(d, key->place, "[host]: %s: \"" STR_FMT "\" cannot be used: %s", option,
                 STR_ARG(key->hidden ? key->written : dir), strerror(errno));
}

static void check_dirs(struct config *c, struct diag *d)
{
    for (size_t i = 0; i < c->host.plugin_path.count; i++)
        check_dir(c, "plugin_path", c->host.plugin_path.items[i], R_OK | X_OK, d);
    check_dir(c, "state_dir", c->host.state_dir, W_OK | X_OK, d);
}

void section_host(struct config *c, struct diag *d)
{
    struct place at = {c->dir, 0};
    struct options_input in = {"[host]", at, &c->host_keys, NULL, NULL, &c->arena, d};

    options_fill(config_host_options, &c->host, &in);
    check_instance(c, d);
    check_dirs(c, d);
}

void section_kafka(struct config *c, struct diag *d)
{
    for (size_t i = 0; i < c->kafka.count; i++) {
        const struct config_key *key = &c->kafka.items[i];
        const char *why = property_refused(key->name);

        if (why)
            diag_error(d, key->place, "[kafka]: \"" STR_FMT "\": %s", STR_ARG(key->name), why);
    }
}
