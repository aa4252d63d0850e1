/* demo.c: `weir demo`, the shipped pipeline at work in one process, without Kafka and without a file to edit.
 *
 * It puts up an embedded broker, tells the shipped configuration where that is through the environment
 * variable that it reads anyway, runs its chain as `weir run` would, and sends login events to its source.
 * What the embedded broker needs beyond that (short sessions, short waits of fetches) is added to the chain's
 * consumer. */
#include "cli/brokers.h"
#include "cli/colour.h"
#include "cli/commands.h"
#include "cli/demo_run.h"

#include "base/clock.h"
#include "base/log.h"
#include "kafka/embedded.h"
#include "kafka/reader.h"
#include "kafka/writer.h"
#include "supervise/plan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PARTITIONS 4
#define RATE_MAX 5000
#define TOPICS_MAX (FLOW_ROWS_MAX + 1)

struct demo {
    struct demo_run run;
    const char *dir; /* NULL: the shipped one */
    char shipped[PATH_MAX];
    struct embedded *cluster;
    struct loader *loader;
    struct plan *plan;
    struct config_chain *conf;
    struct chain *chain;
    struct brokers brokers;
    const char *topics[TOPICS_MAX]; /* that are read: those that the chain sends to, and its source */
    size_t n_topics;
    struct diag diag;
};

/* The mock cluster holds an empty fetch for its whole time, and counts a member as there for its whole
 * session. */
static const char *const consumer_needs[][2] = {
    {"session.timeout.ms", "6000"},
    {"fetch.wait.max.ms", "10"},
};
#define N_NEEDS (sizeof consumer_needs / sizeof consumer_needs[0])

/* In the source tree it is beside the build folder, installed under share. */
static bool find_shipped(struct demo *d)
{
    static const char *const places[] = {"../conf.d", "../share/doc/weir/conf.d"};
    char program[PATH_MAX / 2];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

    if (n <= 0)
        return false;
    program[n] = '\0';
    program[strrchr(program, '/') - program] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char path[PATH_MAX], file[PATH_MAX + 32];

        snprintf(path, sizeof path, "%s/%s", program, places[i]);
        snprintf(file, sizeof file, "%s/user-login.conf", path);
        if (access(file, R_OK) == 0 && realpath(path, d->shipped)) {
            d->dir = d->shipped;
            return true;
        }
    }
    fprintf(stderr,
            "weir demo: the shipped conf.d is neither at %s/../conf.d nor installed; name one with -c\n",
            program);
    return false;
}

static bool load(struct demo *d)
{
    d->loader = loader_new();
    d->plan = d->loader ? plan_load(&(struct plan_from){.dir = d->dir}, d->loader, &d->diag) : NULL;
    if (!d->plan) {
        diag_print(&d->diag, stderr);
        return false;
    }
    if (d->plan->count != 1) {
        fprintf(stderr, "weir demo: %s has %zu chains; the demo shows one\n", d->dir, d->plan->count);
        return false;
    }
    d->conf = &d->plan->config->chains[0];
    d->chain = d->plan->chains[0];
    log_set_level(d->plan->config->host.log_level > WEIR_LOG_WARN ? d->plan->config->host.log_level
                                                                  : WEIR_LOG_WARN);
    return true;
}

static bool add_needs(struct demo *d)
{
    struct config_keys *keys = &d->conf->consumer;
    struct config_key *items = arena_alloc(&d->plan->config->arena, (keys->count + N_NEEDS) * sizeof *items);

    if (!items)
        return false;
    for (size_t i = 0; i < keys->count; i++)
        items[i] = keys->items[i];
    for (size_t i = 0; i < N_NEEDS; i++) {
        struct weir_str value = str_of(consumer_needs[i][1]);

        items[keys->count + i] = (struct config_key){
            .name = str_of(consumer_needs[i][0]), .written = value, .value = value, .place = d->conf->place};
    }
    keys->items = items;
    keys->count += N_NEEDS;
    return true;
}

static bool make_topics(struct demo *d)
{
    size_t n;
    struct weir_topic *const *topics = chain_topics(d->chain, &n);

    if (n >= TOPICS_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        d->topics[d->n_topics++] = topics[i]->name.ptr;
    d->topics[d->n_topics++] = d->conf->source.ptr;
    for (size_t i = 0; i < d->n_topics; i++) {
        if (!embedded_topic(d->cluster, d->topics[i], PARTITIONS))
            return false;
    }
    return true;
}

static bool open_clients(struct demo *d)
{
    struct config_keys keys;

    d->brokers.bootstrap = d->run.brokers;
    keys = brokers_keys(&d->brokers);
    d->run.writer = writer_new("weir-demo-generator", &keys, d->conf->source.ptr, &d->diag);
    brokers_prefer(&d->brokers, "fetch.wait.max.ms", "10");
    keys = brokers_keys(&d->brokers);
    d->run.reader = reader_new("weir-demo-view", &keys, d->topics, d->n_topics, false, &d->diag);
    return d->run.writer && d->run.reader;
}

/* Everything that the demo consists of. Returns an exit status; what is wrong is said. */
static int set_up(struct demo *d)
{
    if (!d->dir && !find_shipped(d))
        return EXIT_CONFIG;
    if (interrupt_open(&d->run.interrupt)) /* before the first thread */
        d->cluster = embedded_start(1);
    if (!d->cluster) {
        fprintf(stderr,
                "weir demo: the embedded broker does not start: no loopback, or no descriptors left\n");
        return EXIT_UNAVAILABLE;
    }
    d->run.brokers = embedded_brokers(d->cluster);
    setenv(BROKERS_ENV, d->run.brokers, 1);
    setenv("SUMMARY_PUBLISH_INTERVAL", "100", 0);
    if (!load(d))
        return EXIT_CONFIG;
    if (!flow_init(&d->run.flow, d->conf) || !add_needs(d) || !make_topics(d)) {
        fprintf(stderr, "weir demo: this chain is too large for the demo\n");
        return EXIT_CONFIG;
    }
    if (!open_clients(d) || !demo_task_start(&d->run.task, d->plan->config, d->conf, d->chain, &d->diag)) {
        diag_print(&d->diag, stderr);
        return EXIT_SOFTWARE;
    }
    return EXIT_OK;
}

static void tear_down(struct demo *d)
{
    demo_task_fini(&d->run.task);
    reader_destroy(d->run.reader);
    writer_destroy(d->run.writer);
    flow_fini(&d->run.flow);
    plan_destroy(d->plan);
    loader_destroy(d->loader);
    embedded_stop(d->cluster);
    interrupt_close(&d->run.interrupt);
    diag_fini(&d->diag);
}

static void greet(const struct demo *d)
{
    if (d->run.on_screen)
        return;
    printf("weir demo: %s on an embedded broker at %s\n", d->dir, d->run.brokers);
    printf("weir demo: its records: weir watch -b %s\n", d->run.brokers);
    printf("weir demo: joining the consumer group: the first time takes 3 seconds\n");
    fflush(stdout);
}

static int run_demo(struct demo *d)
{
    int status;

    diag_init(&d->diag);
    status = set_up(d);
    if (status == EXIT_OK) {
        d->run.title = d->conf->name.ptr;
        greet(d);
        if (!demo_run(&d->run))
            status = d->run.failed ? EXIT_SOFTWARE : EXIT_TROUBLE;
        fflush(stdout);
    }
    tear_down(d);
    return status;
}

static void set_shares(struct login_maker *maker)
{
    login_init(maker, (uint64_t)clock_wall_ms());
    maker->shares[LOGIN_VERSION] = 0.05;
    maker->shares[LOGIN_MALFORMED] = 0.02;
    maker->shares[LOGIN_OLD] = 0.03;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct demo d = {.run = {.interrupt.fd = -1, .rate = 100, .length_ms = -1}};
    const struct arg args[] = {
        {.letter = 'c',
         .name = "config",
         .value = "DIR",
         .help = "the configuration (default: the shipped conf.d)",
         .text = &d.dir},
        {.name = "seconds",
         .value = "NUMBER",
         .help = "ends after so many seconds (default: at Ctrl-C)",
         .take = pace_seconds,
         .take_arg = &d.run.length_ms},
        {.letter = 'r',
         .name = "rate",
         .value = "NUMBER",
         .help = "login events a second, 1 to 5000 (default: 100)",
         .take = args_count,
         .take_arg = &d.run.rate},
        {0},
    };
    int status = args_read_options(command, args, argc, argv, "it takes options only");

    if (status >= 0)
        return status;
    if (d.run.rate < 1 || d.run.rate > RATE_MAX)
        return args_wrong(command, "--rate is 1 to %d: the embedded broker keeps only 5 MiB a partition",
                          RATE_MAX);
    d.run.on_screen = colour_terminal(STDOUT_FILENO);
    set_shares(&d.run.maker);
    return run_demo(&d);
}

const struct command command_demo = {
    .name = "demo",
    .usage = "[--seconds N] [--rate N] [-c DIR]",
    .summary = "shows the user-login pipeline at work on an embedded broker; needs no Kafka",
    .details =
        "The broker runs in this process and listens on a loopback port, which is shown: kcat and weir watch "
        "can\n"
        "read along. Topics have 4 partitions of 5 MiB each in memory; the oldest records go first, so the "
        "sums\n"
        "come from counters, and the rate has a limit. Of the events, 5 % lack a field, 5 % are of another\n"
        "version, 3 % are old and 2 % are no JSON.\n"
        "\n"
        "It ends at Ctrl-C or after --seconds, with the sums: what went in must have come out. Where "
        "standard\n"
        "output is no terminal it prints a line a second. NO_COLOR turns colours off. The variables of the\n"
        "shipped file apply (MAX_MESSAGE_AGE); SUMMARY_PUBLISH_INTERVAL is 100 here where it is not set.\n"
        "\n"
        "Exit status: 0; 1 where records are missing, 70 where the chain stopped, 78 for a broken "
        "configuration.\n",
    .run = run,
};
