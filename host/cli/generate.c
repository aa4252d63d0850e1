/* generate.c: `weir generate`, login events for the user-login pipeline at a steady rate.
 *
 * The rate is kept by sleeping until the next event is due. Where brokers are away, at most UNSAFE_MAX events
 * wait for them, and no more are made until they are back: the summary counts what was made, and what of it
 * the brokers have. */
#include "cli/brokers.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/login.h"
#include "cli/pace.h"

#include "base/clock.h"
#include "kafka/writer.h"

#include <errno.h>
#include <stdio.h>

#define BATCH_MAX 500
#define UNSAFE_MAX 10000
#define FLUSH_MS 10000
#define EVENT_MAX 4096 /* bytes */

struct generate {
    struct brokers brokers;
    struct login_maker maker;
    struct pace pace;
    struct interrupt interrupt;
    struct buf event;
    struct writer *writer; /* NULL: to standard output */
    const char *topic;
    int64_t rate, count, seed;
    int64_t last_ms; /* -1: no limit; else when to end: a duration, then a monotonic time */
    bool to_stdout;
};

/* Passes on whether a write went well; says so where it did not. */
static bool written(bool well)
{
    if (!well)
        fprintf(stderr, "weir generate: cannot write to standard output: %s\n", strerror(errno));
    return well;
}

static bool write_event(const struct login *login)
{
    return written(fwrite(login->value.ptr, 1, login->value.len, stdout) == login->value.len &&
                   putchar('\n') != EOF);
}

/* One event to where it goes. False: that does not work, and it is said. */
static bool make_one(struct generate *g)
{
    struct login login;
    struct record record = {.partition = -1, .has_timestamp = true};

    if (!login_next(&g->maker, clock_wall_ms(), &g->event, &login)) {
        fprintf(stderr, "weir generate: no memory\n");
        return false;
    }
    if (!g->writer)
        return write_event(&login);
    record.value = login.value;
    record.timestamp_ms = login.timestamp_ms;
    while (!writer_send(g->writer, &record)) {
        writer_poll(g->writer, 100);
        if (interrupt_wait(&g->interrupt, 0))
            break;
    }
    return true;
}

static uint64_t unsafe(const struct generate *g)
{
    struct writer_counts counts = writer_counts(g->writer);

    return counts.sent - counts.acknowledged - counts.refused;
}

/* How many to make now. */
static int64_t due(struct generate *g)
{
    int64_t most = BATCH_MAX, left = g->count - (int64_t)login_total(&g->maker);

    if (g->count >= 0 && left < most)
        most = left;
    if (g->writer && unsafe(g) > UNSAFE_MAX)
        most = 0;
    return pace_due(&g->pace, clock_mono_ms(), most);
}

/* Nothing was acknowledged and something was refused: it will not get better. */
static bool is_hopeless(const struct generate *g)
{
    struct writer_counts counts;

    if (!g->writer)
        return false;
    counts = writer_counts(g->writer);
    return counts.refused > 0 && counts.acknowledged == 0;
}

static bool is_over(const struct generate *g)
{
    return (g->count >= 0 && (int64_t)login_total(&g->maker) >= g->count) ||
           (g->last_ms >= 0 && clock_mono_ms() >= g->last_ms) || is_hopeless(g);
}

static bool pump(struct generate *g)
{
    int64_t wait = 0;

    while (!is_over(g) && !interrupt_wait(&g->interrupt, wait)) {
        for (int64_t n = due(g); n > 0; n--) {
            if (!make_one(g))
                return false;
        }
        wait = pace_wait_ms(&g->pace, clock_mono_ms());
        if (g->writer)
            writer_poll(g->writer, unsafe(g) > UNSAFE_MAX ? 50 : 0);
        else if (wait && !written(fflush(stdout) == 0))
            return false;
        if (wait > 200)
            wait = 200; /* reports want to be served */
    }
    return true;
}

/* To standard error, so that standard output holds events only. */
static void print_summary(const struct generate *g)
{
    fprintf(stderr, "weir generate: %llu events:", (unsigned long long)login_total(&g->maker));
    for (int kind = 0; kind < LOGIN_KINDS; kind++)
        fprintf(stderr, "%s %llu %s", kind ? "," : "", (unsigned long long)g->maker.made[kind],
                login_kind_name((enum login_kind)kind));
    fprintf(stderr, "\n");
}

/* Waits for the last acknowledgements and tells how it went. */
static int settle(struct generate *g)
{
    struct writer_counts counts;
    bool all = is_hopeless(g) || writer_flush(g->writer, FLUSH_MS);

    counts = writer_counts(g->writer);
    if (counts.refused)
        fprintf(stderr, "weir generate: %llu events were refused: %s\n", (unsigned long long)counts.refused,
                writer_refusal(g->writer));
    if (!all)
        fprintf(stderr, "weir generate: %llu events were not acknowledged: the brokers at %s are away\n",
                (unsigned long long)unsafe(g), brokers_address(&g->brokers));
    return counts.refused ? EXIT_TROUBLE : all ? EXIT_OK : EXIT_UNAVAILABLE;
}

static bool open_writer(struct generate *g)
{
    struct config_keys keys;
    struct diag diag;

    diag_init(&diag);
    /* A topic that was not found may be a moment old; by default that moment is half a minute. */
    brokers_prefer(&g->brokers, "topic.metadata.propagation.max.ms", "3000");
    keys = brokers_keys(&g->brokers);
    g->writer = writer_new("weir-generate", &keys, g->topic, &diag);
    diag_print(&diag, stderr);
    diag_fini(&diag);
    return g->writer != NULL;
}

static int run_generate(struct generate *g)
{
    int status = EXIT_TROUBLE;

    g->maker.random = (uint64_t)g->seed;
    buf_init(&g->event, EVENT_MAX);
    if (!interrupt_open(&g->interrupt)) {
        fprintf(stderr, "weir generate: %s\n", strerror(errno));
        goto out;
    }
    if (!g->to_stdout && !open_writer(g)) {
        status = EXIT_CONFIG;
        goto out;
    }
    pace_init(&g->pace, g->rate, clock_mono_ms());
    if (g->last_ms >= 0)
        g->last_ms += clock_mono_ms();
    status = pump(g) ? EXIT_OK : EXIT_TROUBLE;
    if (g->writer && status == EXIT_OK)
        status = settle(g);
    if (status == EXIT_OK && !written(fflush(stdout) == 0))
        status = EXIT_TROUBLE;
    print_summary(g);
out:
    writer_destroy(g->writer);
    interrupt_close(&g->interrupt);
    buf_fini(&g->event);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct generate g = {
        .interrupt.fd = -1, .topic = "user-login", .rate = -1, .count = -1, .seed = -1, .last_ms = -1};
    double *shares = g.maker.shares;
    const struct arg args[] = {
        {.letter = 'b',
         .name = "bootstrap",
         .value = "BROKERS",
         .help = "host:port,… (default: $KAFKA_BOOTSTRAP_SERVERS, else localhost:9092)",
         .text = &g.brokers.bootstrap},
        {.letter = 't',
         .name = "topic",
         .value = "TOPIC",
         .help = "where they go (default: user-login)",
         .text = &g.topic},
        {.letter = 'X',
         .name = "property",
         .value = "NAME=VALUE",
         .help = "a property of librdkafka: TLS, SASL, …",
         .take = brokers_property,
         .take_arg = &g.brokers},
        {.letter = 'r',
         .name = "rate",
         .value = "NUMBER",
         .help = "events a second (default: 10; 0: as fast as it goes)",
         .take = args_count,
         .take_arg = &g.rate},
        {.letter = 'n',
         .name = "count",
         .value = "NUMBER",
         .help = "ends after so many events",
         .take = args_count,
         .take_arg = &g.count},
        {.name = "seconds",
         .value = "NUMBER",
         .help = "ends after so many seconds",
         .take = pace_seconds,
         .take_arg = &g.last_ms},
        {.name = "missing",
         .value = "SHARE",
         .help = "of events without device_type (default: 5%)",
         .take = args_share,
         .take_arg = &shares[LOGIN_MISSING]},
        {.name = "other-version",
         .value = "SHARE",
         .help = "of events from another app_version (default: 0)",
         .take = args_share,
         .take_arg = &shares[LOGIN_VERSION]},
        {.name = "malformed",
         .value = "SHARE",
         .help = "of events that are no JSON (default: 0)",
         .take = args_share,
         .take_arg = &shares[LOGIN_MALFORMED]},
        {.name = "old",
         .value = "SHARE",
         .help = "of events with a Kafka timestamp two minutes back (default: 0)",
         .take = args_share,
         .take_arg = &shares[LOGIN_OLD]},
        {.name = "seed",
         .value = "NUMBER",
         .help = "the same number gives the same events (default: from the clock)",
         .take = args_count,
         .take_arg = &g.seed},
        {.name = "stdout",
         .help = "writes the values to standard output, one a line, without Kafka",
         .flag = &g.to_stdout},
        {0},
    };
    int status;

    login_init(&g.maker, 0);
    status = args_read_options(command, args, argc, argv, "it takes options only");
    if (status >= 0)
        return status;
    if (!login_shares_fit(&g.maker))
        return args_wrong(command, "the shares are more than 100%% together");
    if (g.to_stdout && g.maker.shares[LOGIN_OLD] > 0)
        return args_wrong(command, "--old makes Kafka timestamps, which --stdout cannot show");
    if (g.rate < 0)
        g.rate = g.to_stdout ? 0 : 10;
    if (g.seed < 0)
        g.seed = clock_wall_ms();
    return run_generate(&g);
}

const struct command command_generate = {
    .name = "generate",
    .usage = "[-b BROKERS] [--rate N] [--count N] [OPTION]…",
    .summary = "makes login events for the user-login pipeline, with faults in the shares that you choose",
    .details =
        "A SHARE is 5% or 0.05. Each event has one fault at most, so the counts of the summary (on standard\n"
        "error) are what each topic of the pipeline must get. Without --count and --seconds it goes on "
        "until\n"
        "Ctrl-C. With --stdout there is no limit of the rate by default.\n"
        "\n"
        "  weir generate --stdout --count 1000 --seed 1 | weir pipe -c conf.d\n"
        "\n"
        "Exit status: 0; 1 where events were refused, 69 where brokers are away at the end.\n",
    .run = run,
};
