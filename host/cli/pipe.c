/* pipe.c: `weir pipe`, a chain without Kafka: records on standard input, what its sinks would have produced
 * on standard output. The chain is the one that `weir run` would run, from the same files. */
#include "base/log.h"
#include "cli/commands.h"
#include "cli/pipe_input.h"
#include "cli/pipe_world.h"
#include "supervise/forked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <unistd.h>

struct pipe {
    struct pipe_world world;
    struct arena arena; /* of one line */
    struct arena names; /* topics of records, which must outlive them */
    bool envelopes;
    const struct command *command;
    const char *dir, *chain;
    struct forked *forked;
    int64_t line;
    struct weir_str source; /* the chain's source topic: the default of a record's */
    struct weir_str topic;  /* of the last record */
};

static bool take_now(void *self, const char *text)
{
    struct pipe *pipe = self;

    pipe->world.fixed_clock = true;
    return str_to_int(str_of(text), &pipe->world.now_ms);
}

static bool take_output(void *self, const char *text)
{
    struct pipe *pipe = self;

    pipe->world.values_only = strcmp(text, "values") == 0;
    return pipe->world.values_only || strcmp(text, "envelopes") == 0;
}

/* The chain that is asked for. */
static struct chain *choose(struct pipe *pipe, struct plan *g, int *status)
{
    struct chain *chain = NULL;

    *status = EXIT_USAGE;
    if (!pipe->chain && g->count != 1) {
        *status =
            args_wrong(pipe->command, "%s has %zu chains; choose one with --chain NAME", pipe->dir, g->count);
        return NULL;
    }
    for (size_t i = 0; i < g->count && !chain; i++) {
        if (!pipe->chain || str_is(g->config->chains[i].name, pipe->chain)) {
            chain = g->chains[i];
            forked_watch(pipe->forked, chain, i);
            pipe->source = g->config->chains[i].source;
        }
    }
    if (!chain)
        *status = args_wrong(pipe->command, "%s has no chain \"%s\"", pipe->dir, pipe->chain);
    return chain;
}

/* The same topic as the record before has the same text; a new one is kept until the end. Absent: no memory.
 */
static struct weir_str keep_topic(struct pipe *pipe, struct weir_str topic)
{
    if (!str_eq(topic, pipe->topic))
        pipe->topic = arena_str(&pipe->names, topic);
    return pipe->topic;
}

/* One line of input. False: it is broken, and that is said. */
static bool feed(struct pipe *pipe, struct weir_str line)
{
    struct record record = {
        .topic = pipe->source,
        .offset = pipe->line,
        .has_timestamp = true,
        .timestamp_ms = pipe_world_now(&pipe->world),
    };
    struct chain *chain = pipe->world.chain;
    const char *why = NULL;

    arena_reset(&pipe->arena);
    if (!pipe->envelopes) {
        record.value = line;
    } else if (!pipe_read_envelope(line, &pipe->arena, &record, &why)) {
        fprintf(stderr, "weir pipe: standard input, line %lld %s\n", (long long)pipe->line, why);
        return false;
    }
    record.topic = keep_topic(pipe, record.topic);
    chain_take(chain, &record);
    pipe_world_settle(&pipe->world);
    if (fflush(pipe->world.out) != 0) /* whoever reads it need not wait, and no crash takes it along */
        pipe->world.output_failed = true;
    return true;
}

static int pump(struct pipe *pipe)
{
    char *text = NULL;
    size_t room = 0;
    ssize_t n;
    int status = EXIT_OK;

    /* Only this thread reads. A plugin's thread that calls exit() would wait for the lock until the next line
     * comes (seen with glibc 2.41). */
    __fsetlocking(stdin, FSETLOCKING_BYCALLER);
    while (status == EXIT_OK && !chain_stopped(pipe->world.chain) && !pipe->world.output_failed &&
           (n = getline(&text, &room, stdin)) >= 0) {
        pipe->line++;
        if (n > 0 && text[n - 1] == '\n')
            n--;
        if (!feed(pipe, str_make(text, (size_t)n)))
            status = EXIT_DATA;
    }
    free(text);
    if (ferror(stdin)) {
        fprintf(stderr, "weir pipe: cannot read standard input: %s\n", strerror(errno));
        status = EXIT_DATA;
    }
    pipe_world_finish(&pipe->world);
    if (chain_stopped(pipe->world.chain)) {
        fprintf(stderr, "weir pipe: the chain stopped: %s\n", chain_stopped(pipe->world.chain));
        status = EXIT_SOFTWARE;
    } else if (chain_in_flight(pipe->world.chain) && !pipe->world.output_failed) {
        fprintf(stderr, "weir pipe: records that a stage holds were never sent, not even by its flush: %zu\n",
                chain_in_flight(pipe->world.chain));
        status = EXIT_SOFTWARE;
    }
    if (fflush(pipe->world.out) != 0 || pipe->world.output_failed) {
        fprintf(stderr, "weir pipe: cannot write to standard output: %s\n", strerror(errno));
        status = EXIT_TROUBLE;
    }
    return status;
}

/* Standard output is for records alone: what a plugin prints goes where the log goes. */
static FILE *take_stdout(void)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (!out)
        fprintf(stderr, "weir pipe: cannot write to standard output: %s\n", strerror(errno));
    else if (dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
        setvbuf(stdout, NULL, _IOLBF, 0); /* or a crash would take along what was printed before it */
    return out;
}

/* In a process of its own. */
static int run_pipe(void *self)
{
    struct pipe *pipe = self;
    struct plan *g = NULL;
    struct chain *chain = NULL;
    struct diag diag;
    int status = EXIT_CONFIG;

    diag_init(&diag);
    pipe->world.out = take_stdout();
    if (!pipe->world.out) {
        status = EXIT_TROUBLE;
        goto out;
    }
    g = forked_plan(pipe->forked, true, &diag);
    if (!g) {
        diag_print(&diag, stderr);
        goto out;
    }
    log_set_level(g->config->host.log_level);
    chain = choose(pipe, g, &status);
    if (!chain)
        goto out;
    arena_init(&pipe->arena, 65536, (size_t)1 << 30);
    arena_init(&pipe->names, 1024, SIZE_MAX);
    pipe_world_attach(&pipe->world, chain);
    status = pump(pipe);
    pipe_world_fini(&pipe->world);
    arena_fini(&pipe->names);
    arena_fini(&pipe->arena);
out:
    if (pipe->world.out)
        fclose(pipe->world.out);
    forked_unload(pipe->forked, g);
    diag_fini(&diag);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct pipe pipe = {.command = command, .dir = "conf.d"};
    bool no_fork = false;
    const struct arg args[] = {
        ARG_CONFIG(&pipe.dir),
        {.name = "chain",
         .value = "NAME",
         .help = "the chain to run, where DIR has several",
         .text = &pipe.chain},
        {.name = "envelopes",
         .help = "each line is a JSON object that describes a whole record",
         .flag = &pipe.envelopes},
        {.name = "output",
         .value = "FORM",
         .help = "envelopes (default), or values: topic, tab, value",
         .take = take_output,
         .take_arg = &pipe},
        {.name = "now",
         .value = "MS",
         .help = "fixes the clock, in Unix milliseconds; waits move it on",
         .take = take_now,
         .take_arg = &pipe},
        {.name = "refuse",
         .value = "TOPIC=FAULT",
         .help = "plays a broker that refuses: size:BYTES, timestamp, record",
         .take = pipe_world_refuse,
         .take_arg = &pipe.world},
        {.name = "no-fork", .help = "everything in this one process, for a debugger", .flag = &no_fork},
        {0},
    };
    struct loader *loader;
    struct diag diag;
    int status = args_read_options(command, args, argc, argv, "records come on standard input");

    if (status >= 0)
        return status;
    diag_init(&diag);
    loader = loader_new();
    if (loader && no_fork)
        loader_map_in_place(loader);
    pipe.forked = loader ? forked_new(pipe.dir, loader) : NULL;
    if (!pipe.forked)
        diag_error(&diag, (struct place){pipe.dir, 0}, "cannot start: %s", strerror(errno));
    else
        status = no_fork ? run_pipe(&pipe) : forked_run(pipe.forked, run_pipe, &pipe, &diag);
    if (status == FORKED_DIED) {
        diag_print(&diag, stderr);
        status = EXIT_SOFTWARE;
    }
    forked_destroy(pipe.forked);
    loader_destroy(loader);
    diag_fini(&diag);
    return status;
}

const struct command command_pipe = {
    .name = "pipe",
    .usage = "[-c DIR] [--now MS] <RECORDS",
    .summary = "runs a chain without Kafka: records in on stdin, what its sinks send out on stdout",
    .details =
        "Each line of input is the value of a record. With --envelopes it is an object, every member "
        "optional:\n"
        "  {\"key\": TEXT|null, \"value\": TEXT|null, \"headers\": [[NAME, TEXT|null], …], \"timestamp\": "
        "MS|null,\n"
        "   \"topic\": NAME, \"partition\": N, \"offset\": N}\n"
        "A null value is a tombstone, a null timestamp is none; the timestamp is now where it is not given, "
        "and the\n"
        "offset the number of the line. Bytes that are no text: \"key_base64\", \"value_base64\", and "
        "{\"base64\": …}\n"
        "for the value of a header. Output has the same form, a line for each record, in the order of the "
        "sends.\n"
        "\n"
        "Exit status: 0; 65 for a broken line, 70 where the chain stopped or a plugin crashed or hung, 78 "
        "for a\n"
        "broken configuration.\n",
    .run = run,
};
