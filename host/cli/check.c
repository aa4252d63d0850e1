/* check.c: `weir check`, everything that can be known of a configuration without a broker. */
#include "cli/commands.h"
#include "config/brokers.h"
#include "supervise/control_socket.h"
#include "supervise/forked.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_summary(const char *dir, size_t chains, size_t stages, const struct diag *diag)
{
    printf("%s: %zu %s, %zu %s: no errors, %zu %s\n", dir, chains, chains == 1 ? "chain" : "chains", stages,
           stages == 1 ? "stage" : "stages", diag->warnings, diag->warnings == 1 ? "warning" : "warnings");
}

/* The first chain with the same source in the same group; NULL: there is none before this one. */
static const struct config_chain *group_mate(const struct config *config, const struct config_chain *chain)
{
    for (const struct config_chain *other = config->chains; other < chain; other++) {
        if (str_eq(chain->source, other->source) && str_eq(chain->group, other->group) &&
            brokers_shared(&chain->consumer, &other->consumer))
            return other;
    }
    return NULL;
}

static void advise_on_groups(const struct config *config, struct diag *diag)
{
    for (size_t i = 1; i < config->chain_count; i++) {
        const struct config_chain *chain = &config->chains[i], *mate = group_mate(config, chain);

        if (mate)
            diag_warning(diag, chain->place,
                         "chain \"" STR_FMT "\": it has the source and the group of chain \"" STR_FMT
                         "\" (%s:%d), so that each gets some of the records: for all of them it needs a "
                         "group of its own",
                         STR_ARG(chain->name), STR_ARG(mate->name), mate->place.file, mate->place.line);
    }
}

/* ---- the socket, which another machine may not have the place for */

static void advise_on_socket(const struct config *config, struct diag *diag)
{
    char path[CONTROL_PATH_MAX], *slash;
    struct buf why;

    if (!config->host.socket.len)
        return;
    buf_init(&why, 4096);
    if (control_socket_path(config->dir, config->host.socket, path, &why)) {
        slash = strrchr(path, '/');
        slash[slash == path] = '\0';
        if (access(path, W_OK | X_OK) < 0)
            buf_add_fmt(&why, "no socket can be made in %s: %s", path, strerror(errno));
    }
    if (why.len)
        diag_warning(diag, config_keys_place(&config->host_keys, "socket", (struct place){config->dir, 0}),
                     "[host]: socket: %s", buf_text(&why));
    buf_fini(&why);
}

/* ---- times that do not go together */

#define MAX_POLL_MS 300000 /* librdkafka's default */

static int64_t max_poll(const struct config_chain *chain)
{
    const struct config_key *key = config_keys_last(&chain->consumer, "max.poll.interval.ms");
    int64_t ms;

    return key && str_to_int(key->value, &ms) ? ms : MAX_POLL_MS;
}

static void advise_on_calls(const struct config_chain *chain, struct diag *diag)
{
    for (size_t i = 0; i < chain->stage_count; i++) {
        const struct config_stage *stage = &chain->stages[i];

        if (stage->stage_timeout >= max_poll(chain))
            diag_warning(diag, config_keys_place(&stage->host_keys, "stage_timeout", stage->place),
                         "stage \"" STR_FMT
                         "\": a call may take as long as stage_timeout, and the group takes "
                         "the partitions away after the consumer's max.poll.interval.ms: make that longer",
                         STR_ARG(stage->name));
    }
}

static void advise_on_times(const struct config *config, struct diag *diag)
{
    for (size_t i = 0; i < config->chain_count; i++) {
        const struct config_chain *chain = &config->chains[i];
        struct place at = config_keys_place(&chain->keys, "drain_timeout", chain->place);

        if (chain->drain_timeout > config->host.stop_timeout)
            diag_warning(diag, at,
                         "chain \"" STR_FMT
                         "\": a stop is cut short before drain_timeout is over: make [host] "
                         "stop_timeout longer",
                         STR_ARG(chain->name));
        if (chain->drain_timeout >= max_poll(chain))
            diag_warning(diag, at,
                         "chain \"" STR_FMT
                         "\": a rebalance may wait for drain_timeout, and the group takes the "
                         "partitions away after the consumer's max.poll.interval.ms: make that longer",
                         STR_ARG(chain->name));
        advise_on_calls(chain, diag);
    }
}

/* ---- loops over several chains; one over a single chain is an error, and found with the chain */

/* A walk from the chain `first` over those behind it in the list, so that each loop is found once. */
struct loop {
    const struct plan *plan;
    size_t first;
    size_t *next; /* by chain: to which it leads on, plus 1; 0: it was not walked yet */
};

static bool feeds(const struct plan *plan, size_t from, size_t to)
{
    const struct config_chain *a = &plan->config->chains[from], *b = &plan->config->chains[to];
    size_t count;
    struct weir_topic *const *topics = chain_topics(plan->chains[from], &count);

    for (size_t i = 0; i < count; i++) {
        if (str_eq(topics[i]->name, b->source) && brokers_shared(&a->producer, &b->consumer))
            return true;
    }
    return false;
}

static bool leads_back(struct loop *loop, size_t from)
{
    for (size_t to = loop->first; to < loop->plan->count; to++) {
        if (from == to || !feeds(loop->plan, from, to) || (to != loop->first && loop->next[to]))
            continue;
        loop->next[from] = to + 1;
        if (to == loop->first || leads_back(loop, to))
            return true;
    }
    if (!loop->next[from])
        loop->next[from] = from + 1;
    return false;
}

static void warn_of_loop(const struct loop *loop, struct diag *diag)
{
    const struct config_chain *chains = loop->plan->config->chains;
    struct buf path;

    buf_init(&path, 4096);
    for (size_t at = loop->next[loop->first] - 1; at != loop->first; at = loop->next[at] - 1)
        buf_add_fmt(&path, "%s\"" STR_FMT "\"", path.len ? ", " : "", STR_ARG(chains[at].name));
    diag_warning(diag, chains[loop->first].place,
                 "chain \"" STR_FMT "\": what it sends comes in again, by way of chain %s",
                 STR_ARG(chains[loop->first].name), buf_text(&path));
    buf_fini(&path);
}

static void advise_on_loops(const struct plan *plan, struct diag *diag)
{
    struct loop loop = {.plan = plan, .next = calloc(plan->count + 1, sizeof *loop.next)};

    for (; loop.next && loop.first < plan->count; loop.first++) {
        memset(loop.next, 0, plan->count * sizeof *loop.next);
        if (leads_back(&loop, loop.first))
            warn_of_loop(&loop, diag);
    }
    free(loop.next);
}

/* ---- the command */

struct checking {
    const char *dir;
    struct forked *forked;
};

/* In a process of its own. Stages are destroyed before anything is said: what dies of that is no good, and
 * is told by who waits. */
static int check(void *self)
{
    const struct checking *c = self;
    size_t chains = 0, stages = 0;
    struct plan *g;
    struct diag diag;
    bool good;

    diag_init(&diag);
    g = forked_plan(c->forked, false, &diag);
    good = g != NULL;
    if (good) {
        advise_on_groups(g->config, &diag);
        advise_on_socket(g->config, &diag);
        advise_on_times(g->config, &diag);
        advise_on_loops(g, &diag);
        chains = g->count;
        for (size_t i = 0; i < chains; i++)
            stages += g->config->chains[i].stage_count;
    }
    forked_unload(c->forked, g);
    diag_print(&diag, stderr);
    if (good)
        print_summary(c->dir, chains, stages, &diag);
    else
        fprintf(stderr, "%s: %zu %s\n", c->dir, diag.errors, diag.errors == 1 ? "error" : "errors");
    diag_fini(&diag);
    return good ? EXIT_OK : EXIT_CONFIG;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct checking c = {.dir = "conf.d"};
    const struct arg args[] = {
        ARG_CONFIG(&c.dir),
        {0},
    };
    struct loader *loader;
    struct diag diag;
    int status = args_read_options(command, args, argc, argv, "name the directory with -c");

    if (status >= 0)
        return status;
    diag_init(&diag);
    loader = loader_new();
    c.forked = loader ? forked_new(c.dir, loader) : NULL;
    if (!c.forked)
        diag_error(&diag, (struct place){c.dir, 0}, "cannot start: %s", strerror(errno));
    status = c.forked ? forked_run(c.forked, check, &c, &diag) : FORKED_DIED;
    diag_print(&diag, stderr);
    if (status == FORKED_DIED) {
        fprintf(stderr, "%s: not checked to its end\n", c.dir);
        status = EXIT_CONFIG;
    }
    forked_destroy(c.forked);
    loader_destroy(loader);
    diag_fini(&diag);
    return status;
}

const struct command command_check = {
    .name = "check",
    .usage = "[-c DIR]",
    .summary = "checks a configuration and all its plugins, without a broker",
    .details = "Errors and warnings go to standard error, each with file and line.\n"
               "Exit status: 0 where there are no errors, else 78.\n",
    .run = run,
};
