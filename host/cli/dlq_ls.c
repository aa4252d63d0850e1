/* dlq_ls.c: `weir dlq ls`, the dead letters of a topic counted by stage and reason. */
#include "cli/dlq.h"
#include "cli/dlq_queue.h"
#include "cli/dlq_tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct ls {
    struct queue queue;
    struct tally *tally;
    struct buf out;
    bool json;
};

static int see(void *self, const struct record *record, const struct letter *letter)
{
    struct ls *ls = self;

    (void)record;
    if (tally_add(ls->tally, letter))
        return DLQ_GO_ON;
    queue_say(&ls->queue, "no memory");
    return EXIT_TROUBLE;
}

static int print(struct ls *ls)
{
    struct tally *t = ls->tally;

    t->strangers = ls->queue.strangers;
    if (ls->json)
        tally_add_json(t, &ls->out, ls->queue.topic);
    else if (!t->count)
        return queue_empty(&ls->queue);
    else
        tally_add_table(t, &ls->out);
    if (ls->out.failed || fwrite(ls->out.ptr, 1, ls->out.len, stdout) != ls->out.len || fflush(stdout) != 0) {
        queue_say(&ls->queue, "cannot write to standard output: %s", strerror(errno));
        return EXIT_TROUBLE;
    }
    if (!ls->json && t->lost)
        queue_say(&ls->queue, "%lld do not tell where their original is, and cannot be replayed",
                  (long long)t->lost);
    if (!ls->json && t->strangers)
        queue_say(&ls->queue, "%lld records of this topic are no dead letters", (long long)t->strangers);
    return EXIT_OK;
}

static int run_ls(struct ls *ls)
{
    int status = EXIT_TROUBLE;

    buf_init(&ls->out, (size_t)64 << 20);
    ls->tally = malloc(sizeof *ls->tally);
    if (!ls->tally) {
        queue_say(&ls->queue, "no memory");
        return status;
    }
    tally_init(ls->tally);
    status = queue_open(&ls->queue, NULL);
    if (status == DLQ_GO_ON)
        status = queue_scan_all(&ls->queue, see, ls);
    if (status == DLQ_GO_ON)
        status = print(ls);
    queue_close(&ls->queue);
    tally_fini(ls->tally);
    free(ls->tally);
    buf_fini(&ls->out);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct ls ls = {.queue = {.command = command->name, .interrupt.fd = -1}};
    const struct arg args[] = {
        DLQ_BROKER_ARGS(&ls.queue),
        {.name = "json", .help = "one JSON object, for programs", .flag = &ls.json},
        {0},
    };
    int first, status = args_read(command, args, argc, argv, &first);

    if (status < 0)
        status = dlq_topic(command, argc, argv, first, &ls.queue.topic);
    return status < 0 ? run_ls(&ls) : status;
}

const struct command command_dlq_ls = {
    .name = "dlq ls",
    .usage = "[-b BROKERS] [--json] TOPIC",
    .summary = "counts dead letters by stage and reason, with the time of the oldest and the newest",
    .details =
        "It reads the topic from its beginning to its end as of now, joins no group and commits nothing.\n"
        "Times are those of the failures. Of a reason such as \"unexpected end at byte 65\" the place is "
        "left\n"
        "out, and one kind counts them all.\n"
        "Exit status: 0; 65 where the topic holds other records only, 69 where it does not exist or the\n"
        "brokers are away.\n",
    .run = run,
};
