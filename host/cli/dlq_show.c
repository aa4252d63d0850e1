/* dlq_show.c: `weir dlq show`, the newest dead letters that match, set out for a person.
 *
 * Only what came through the chain's masker is shown, the member message_content of an error record; what has
 * none shows none. There is no option that shows the original: it is not masked, and who may read its topic
 * has its coordinates here. */
#include "cli/colour.h"
#include "cli/dlq.h"
#include "cli/dlq_newest.h"
#include "cli/dlq_progress.h"
#include "cli/dlq_queue.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SHOWN_MAX 10000

struct show {
    struct queue queue;
    struct selection selection;
    struct newest newest;
    struct pretty pretty;
    struct buf text;
    int64_t count; /* asked for */
    int64_t letters, matching;
};

static size_t screen_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

static int see(void *self, const struct record *record, const struct letter *letter)
{
    struct show *s = self;

    s->letters++;
    if (!selection_takes(&s->selection, letter))
        return DLQ_GO_ON;
    s->matching++;
    if (!newest_wants(&s->newest, record, letter))
        return DLQ_GO_ON;
    buf_reset(&s->text);
    newest_add_letter(&s->pretty, &s->text, record, letter);
    if (!s->text.failed && newest_keep(&s->newest, record, letter, buf_str(&s->text)))
        return DLQ_GO_ON;
    queue_say(&s->queue, "no memory for a letter");
    return EXIT_TROUBLE;
}

static int print(struct show *s)
{
    if (!s->letters)
        return queue_empty(&s->queue);
    newest_sort(&s->newest);
    for (size_t i = 0; i < s->newest.count; i++)
        fputs(s->newest.items[i].text, stdout);
    if (fflush(stdout) != 0) {
        queue_say(&s->queue, "cannot write to standard output: %s", strerror(errno));
        return EXIT_TROUBLE;
    }
    queue_say(&s->queue, "%zu shown, the newest first, of %lld that match; %lld dead letters in all",
              s->newest.count, (long long)s->matching, (long long)s->letters);
    return EXIT_OK;
}

static int run_show(struct show *s)
{
    int status = EXIT_TROUBLE;

    buf_init(&s->text, (size_t)64 << 20);
    s->pretty = (struct pretty){.colour = colour_wanted(STDOUT_FILENO), .width = screen_width(), .indent = 2};
    if (!newest_init(&s->newest, (size_t)s->count)) {
        queue_say(&s->queue, "no memory");
        return status;
    }
    status = queue_open(&s->queue, NULL);
    if (status == DLQ_GO_ON)
        status = queue_scan_all(&s->queue, see, s);
    if (status == DLQ_GO_ON)
        status = print(s);
    queue_close(&s->queue);
    newest_fini(&s->newest);
    buf_fini(&s->text);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct show s = {.queue = {.command = command->name, .interrupt.fd = -1},
                     .selection.since_ms = INT64_MIN,
                     .count = 10};
    const struct arg args[] = {
        DLQ_BROKER_ARGS(&s.queue),
        {.name = "reason",
         .value = "TEXT",
         .help = "only those whose reason begins like this",
         .take = dlq_reason,
         .take_arg = &s.selection},
        {.name = "since",
         .value = "TIME",
         .help = "only those that failed since then: 2h, 2024-10-25, 2024-10-25T22:07 (UTC)",
         .take = dlq_since,
         .take_arg = &s.selection},
        {.letter = 'n',
         .name = "count",
         .value = "NUMBER",
         .help = "how many at most (default: 10)",
         .take = args_count,
         .take_arg = &s.count},
        {0},
    };
    int first, status = args_read(command, args, argc, argv, &first);

    if (status < 0)
        status = dlq_topic(command, argc, argv, first, &s.queue.topic);
    if (status < 0 && (s.count < 1 || s.count > SHOWN_MAX))
        status = args_wrong(command, "--count: 1 to %d", SHOWN_MAX);
    return status < 0 ? run_show(&s) : status;
}

const struct command command_dlq_show = {
    .name = "dlq show",
    .usage = "[-b BROKERS] [--reason TEXT] [--since TIME] [-n N] TOPIC",
    .summary = "prints the newest dead letters that match, the newest first",
    .details =
        "Each with its own place and its original's, stage, reason, time of the failure, key, and the\n"
        "content as the chain's masker left it. Originals are neither read nor shown.\n",
    .run = run,
};
