/* watch.c: `weir watch`, the records of topics as they arrive, for a person to read.
 *
 * It reads without a consumer group, so it disturbs nobody and commits nothing. What a record holds is made
 * printable before it reaches the terminal. */
#include "cli/brokers.h"
#include "cli/colour.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/record_text.h"

#include "base/clock.h"
#include "kafka/reader.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TOPICS_MAX 64
#define POLL_MS 100
#define ABSENT_MS 3000 /* how long a topic may be missing before it is said */

static const char *const pipeline_topics[] = {
    "processed-output", "cleaned-data", "processed-errors", "metrics-output", "summary-output",
};

struct watch {
    struct brokers brokers;
    struct interrupt interrupt;
    struct pretty pretty;
    struct buf text;
    const char *const *topics;
    size_t n_topics;
    uint64_t seen[TOPICS_MAX];
    int64_t total, limit; /* -1: no limit */
    int64_t start_ms;
    bool from_beginning, raw, failed, absent_said;
    char trouble[512]; /* the last that was said */
};

static size_t screen_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

static void see(void *self, const struct record *record)
{
    struct watch *w = self;

    if (w->failed || (w->limit >= 0 && w->total >= w->limit))
        return;
    w->total++;
    for (size_t i = 0; i < w->n_topics; i++)
        w->seen[i] += str_is(record->topic, w->topics[i]);
    buf_reset(&w->text);
    if (w->raw)
        record_text_add_raw(&w->text, record);
    else
        record_text_add(&w->pretty, &w->text, record);
    if (w->text.failed)
        fprintf(stderr, "weir watch: no memory for a record\n");
    else if (fwrite(w->text.ptr, 1, w->text.len, stdout) != w->text.len)
        w->failed = true;
}

/* Each trouble once: it will come again and again. */
static void say(struct watch *w, struct reader *reader, const char *why)
{
    if (why && strcmp(why, w->trouble) != 0) {
        snprintf(w->trouble, sizeof w->trouble, "%s", why);
        fprintf(stderr, "weir watch: %s\n", why);
    }
    if (!w->absent_said && !reader_ready(reader) && clock_mono_ms() - w->start_ms > ABSENT_MS) {
        w->absent_said = true;
        fprintf(stderr, "weir watch: waiting: not every topic is there yet, or the brokers at %s are away\n",
                brokers_address(&w->brokers));
    }
}

static void loop(struct watch *w, struct reader *reader)
{
    w->start_ms = clock_mono_ms();
    while (!w->failed && !(w->limit >= 0 && w->total >= w->limit) && !interrupt_wait(&w->interrupt, 0)) {
        const char *why = NULL;

        w->pretty.width = screen_width();
        reader_poll(reader, POLL_MS, see, w, &why);
        if (fflush(stdout) != 0)
            w->failed = true;
        say(w, reader, why);
    }
}

static void print_counts(const struct watch *w)
{
    fprintf(stderr, "weir watch: %lld %s:", (long long)w->total, w->total == 1 ? "record" : "records");
    for (size_t i = 0; i < w->n_topics; i++)
        fprintf(stderr, "%s %s %llu", i ? "," : "", w->topics[i], (unsigned long long)w->seen[i]);
    fprintf(stderr, "\n");
}

static int run_watch(struct watch *w)
{
    struct reader *reader = NULL;
    struct config_keys keys;
    struct diag diag;
    int status = EXIT_TROUBLE;

    diag_init(&diag);
    buf_init(&w->text, (size_t)1 << 30);
    w->pretty = (struct pretty){.colour = colour_wanted(STDOUT_FILENO), .indent = 2};
    if (!interrupt_open(&w->interrupt)) {
        fprintf(stderr, "weir watch: %s\n", strerror(errno));
        goto out;
    }
    keys = brokers_keys(&w->brokers);
    reader = reader_new("weir-watch", &keys, w->topics, w->n_topics, !w->from_beginning, &diag);
    diag_print(&diag, stderr);
    if (!reader) {
        status = EXIT_CONFIG;
        goto out;
    }
    loop(w, reader);
    print_counts(w);
    status = w->failed ? EXIT_TROUBLE : EXIT_OK;
    if (w->failed)
        fprintf(stderr, "weir watch: cannot write to standard output: %s\n", strerror(errno));
out:
    reader_destroy(reader);
    interrupt_close(&w->interrupt);
    buf_fini(&w->text);
    diag_fini(&diag);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct watch w = {.interrupt.fd = -1, .limit = -1};
    const struct arg args[] = {
        {.letter = 'b',
         .name = "bootstrap",
         .value = "BROKERS",
         .help = "host:port,… (default: $KAFKA_BOOTSTRAP_SERVERS, else localhost:9092)",
         .text = &w.brokers.bootstrap},
        {.letter = 'X',
         .name = "property",
         .value = "NAME=VALUE",
         .help = "a property of librdkafka: TLS, SASL, …",
         .take = brokers_property,
         .take_arg = &w.brokers},
        {.name = "from-beginning",
         .help = "begins with the oldest records, not with the next ones",
         .flag = &w.from_beginning},
        {.letter = 'n',
         .name = "count",
         .value = "NUMBER",
         .help = "ends after so many records",
         .take = args_count,
         .take_arg = &w.limit},
        {.name = "raw",
         .help = "a line a record: topic, partition, offset, timestamp, key, value, with tabs between",
         .flag = &w.raw},
        {0},
    };
    int first, status = args_read(command, args, argc, argv, &first);

    if (status >= 0)
        return status;
    w.topics = first < argc ? (const char *const *)&argv[first] : pipeline_topics;
    w.n_topics = first < argc ? (size_t)(argc - first) : sizeof pipeline_topics / sizeof pipeline_topics[0];
    if (w.n_topics > TOPICS_MAX)
        return args_wrong(command, "%d topics at most", TOPICS_MAX);
    return run_watch(&w);
}

const struct command command_watch = {
    .name = "watch",
    .usage = "[-b BROKERS] [--from-beginning] [-n N] [TOPIC]…",
    .summary = "prints the records of topics as they arrive, readable by a person",
    .details =
        "Without a TOPIC it shows the five of the user-login pipeline: processed-output, cleaned-data,\n"
        "processed-errors, metrics-output, summary-output. It joins no group and commits nothing. Ctrl-C "
        "ends\n"
        "it, with the counts on standard error. Control characters and bytes that are no UTF-8 are shown as\n"
        "escapes. NO_COLOR turns colours off.\n",
    .run = run,
};
