/* dlq.c: `weir dlq`, what an operator does with dead letters: count them, look at them, replay their
 * originals. */
#include "cli/dlq.h"

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/dlq_progress.h"
#include "cli/dlq_time.h"
#include "config/suggest.h"

#include <stdio.h>

static const struct command *const verbs[] = {&command_dlq_ls, &command_dlq_show, &command_dlq_replay};

#define VERBS (sizeof verbs / sizeof verbs[0])

/* "ls" of "dlq ls". */
static const char *verb_name(const struct command *verb)
{
    return verb->name + strlen("dlq ");
}

int dlq_topic(const struct command *command, int argc, char **argv, int first, const char **topic)
{
    if (first == argc)
        return args_wrong(command,
                          "which topic? the shipped pipeline writes its dead letters to processed-errors");
    if (first + 1 < argc)
        return args_wrong(command, "what is \"%s\"? it takes one topic", argv[first + 1]);
    *topic = argv[first];
    return -1;
}

bool dlq_reason(void *selection, const char *value)
{
    struct selection *s = selection;
    size_t len = strlen(value);

    if (!len || len > SELECTION_REASON_MAX)
        return false;
    memcpy(s->reason, value, len + 1);
    return true;
}

bool dlq_since(void *selection, const char *value)
{
    return dlq_time_read(value, clock_wall_ms(), &((struct selection *)selection)->since_ms);
}

static int print_usage(FILE *to, int status)
{
    fprintf(to, "weir dlq %s\n%s.\n\n", command_dlq.usage, command_dlq.summary);
    for (size_t i = 0; i < VERBS; i++)
        fprintf(to, "  %-10s %s\n", verb_name(verbs[i]), verbs[i]->summary);
    fprintf(to, "\n'weir dlq COMMAND --help' explains one of them.\n");
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    struct suggest suggest;

    if (argc < 2)
        return print_usage(stderr, EXIT_USAGE);
    if (strcmp(word, "--help") == 0)
        return print_usage(stdout, EXIT_OK);
    suggest_init(&suggest, str_of(word));
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(word, verb_name(verbs[i])) == 0)
            return verbs[i]->run(verbs[i], argc - 1, argv + 1);
        suggest_offer(&suggest, str_of(verb_name(verbs[i])));
    }
    return args_wrong(command, "unknown command \"%s\"%s", word, suggest_hint(&suggest));
}

const struct command command_dlq = {
    .name = "dlq",
    .usage = "ls|show|replay TOPIC [OPTION]…",
    .summary = "counts and shows the dead letters of a topic, and replays their originals",
    .run = run,
};
