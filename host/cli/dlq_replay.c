/* dlq_replay.c: `weir dlq replay`, the originals of dead letters through the chain once more.
 *
 * Each partition of the dead letters is read to its end as of now, in portions: the originals of a portion
 * are read by their coordinates, written to their topic anew and acknowledged; only then the place of this
 * run is committed to the group (dlq_progress.h). So a run that is killed repeats one portion at most, and
 * skips nothing. Dead letters that the replay itself leads to stand behind that end, for another run.
 *
 * Transactions, which would repeat nothing, were rejected: they ask for more rights on the cluster, and
 * whoever consumes the source topic has to do with repeats anyway. */
#include "cli/dlq.h"
#include "cli/dlq_portion.h"
#include "cli/dlq_progress.h"
#include "cli/dlq_seen.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define TOPICS_MAX 64 /* that one queue holds dead letters of */

struct replay {
    struct queue queue;
    struct portion portion;
    struct selection selection;
    struct replay_counts counts;
    struct seen seen;
    struct progress progress; /* of the partition at hand */
    struct buf committed;     /* its text, as the brokers have it */
    struct buf text;
    char *topics[TOPICS_MAX]; /* of originals */
    size_t n_topics;
    char group_room[300];
    const char *group, *timestamp;
    int32_t partition;
    int64_t low;
    int64_t letters; /* all that were read */
    bool dry_run;
};

/* ---- the place in a partition */

static int read_progress(struct replay *r, int64_t high)
{
    int64_t offset;
    enum look look = lookup_committed(r->queue.lookup, r->queue.topic, r->partition, &offset, &r->committed);

    if (look != LOOK_GOOD)
        return queue_failed(&r->queue, look, r->queue.lookup);
    r->progress.count = 0;
    if (offset >= 0 && !progress_read(&r->progress, buf_str(&r->committed))) {
        queue_say(&r->queue, "group %s is somebody else's, or of a newer weir: name another with --group",
                  r->group);
        return EXIT_DATA;
    }
    progress_clip(&r->progress, r->low, high);
    return DLQ_GO_ON;
}

static int commit_progress(struct replay *r)
{
    int64_t offset = progress_offset(&r->progress, r->low);
    enum look look;

    buf_reset(&r->text);
    if (!progress_write(&r->progress, &r->text)) {
        queue_say(&r->queue,
                  "group %s remembers too many filters: replay without one, or name another with --group",
                  r->group);
        return EXIT_DATA;
    }
    look = lookup_commit(r->queue.lookup, r->queue.topic, r->partition, offset, buf_str(&r->text));
    if (look != LOOK_GOOD)
        return queue_failed(&r->queue, look, r->queue.lookup);
    buf_reset(&r->committed);
    buf_add(&r->committed, buf_str(&r->text));
    return DLQ_GO_ON;
}

/* Two runs at once would replay everything twice: each begins by writing its number, and the other sees it.
 */
static int check_alone(struct replay *r)
{
    int64_t offset;
    enum look look = lookup_committed(r->queue.lookup, r->queue.topic, r->partition, &offset, &r->text);

    if (look != LOOK_GOOD)
        return queue_failed(&r->queue, look, r->queue.lookup);
    if (str_eq(buf_str(&r->text), buf_str(&r->committed)))
        return DLQ_GO_ON;
    queue_say(&r->queue, "stopped: another replay of this topic runs at the same time (group %s)", r->group);
    return EXIT_TROUBLE;
}

/* Replays what is collected; everything before offset is then done. */
static int finish_portion(struct replay *r, int64_t offset)
{
    int status = DLQ_GO_ON;

    queue_well(&r->queue);
    if (r->portion.count)
        status = portion_run(&r->portion);
    if (status == DLQ_GO_ON && !r->dry_run)
        status = check_alone(r);
    if (status != DLQ_GO_ON || r->dry_run)
        return status;
    if (!progress_set(&r->progress, &r->selection, offset)) {
        queue_say(&r->queue,
                  "group %s remembers too many filters: replay without one, or name another with --group",
                  r->group);
        return EXIT_DATA;
    }
    return commit_progress(r);
}

/* ---- one letter */

/* The number of a topic's name, from 1. 0: there are too many, or no memory. */
static uint32_t know_topic(struct replay *r, struct weir_str topic)
{
    size_t i = 0;

    while (i < r->n_topics && !str_is(topic, r->topics[i]))
        i++;
    if (i == TOPICS_MAX)
        return 0;
    if (i == r->n_topics) {
        r->topics[i] = str_dup(topic);
        r->n_topics += r->topics[i] != NULL;
    }
    return i < r->n_topics ? (uint32_t)i + 1 : 0;
}

static int collect(struct replay *r, const struct record *record, const struct letter *letter)
{
    struct seen_item item = {letter->offset, letter->partition, know_topic(r, letter->topic)};
    bool before;

    if (!item.topic || !seen_add(&r->seen, item, &before)) {
        queue_say(&r->queue, "no memory, or dead letters of more than %d topics", TOPICS_MAX);
        return EXIT_TROUBLE;
    }
    r->counts.repeats += before;
    if (!before)
        r->portion.items[r->portion.count++] = (struct portion_item){
            r->topics[item.topic - 1], letter->partition, letter->offset, record->partition, record->offset};
    return r->portion.count == PORTION_MAX ? finish_portion(r, record->offset + 1) : DLQ_GO_ON;
}

static void say_no_coordinates(struct replay *r, const struct record *record)
{
    r->counts.no_coordinates++;
    queue_say(
        &r->queue,
        "%s/%d/%lld: it does not tell where its original is (connect_headers = no?): it cannot be replayed",
        r->queue.topic, record->partition, (long long)record->offset);
}

static int see(void *self, const struct record *record, const struct letter *letter)
{
    struct replay *r = self;

    r->letters++;
    if (!selection_takes(&r->selection, letter))
        return DLQ_GO_ON;
    r->counts.matching++;
    if (progress_has(&r->progress, letter, record->offset))
        r->counts.before++;
    else if (!letter->topic.ptr)
        say_no_coordinates(r, record);
    else
        return collect(r, record, letter);
    return DLQ_GO_ON;
}

/* ---- all of them */

static int replay_partition(struct replay *r)
{
    int64_t high, from;
    enum look look = lookup_range(r->queue.lookup, r->queue.topic, r->partition, &r->low, &high);
    int status;

    if (look != LOOK_GOOD)
        return queue_failed(&r->queue, look, r->queue.lookup);
    status = read_progress(r, high);
    from = progress_start(&r->progress, &r->selection, r->low);
    if (status != DLQ_GO_ON || from >= high)
        return status;
    if (!r->dry_run) /* who cannot remember must not begin */
        status = commit_progress(r);
    if (status == DLQ_GO_ON)
        status = queue_scan(&r->queue, r->partition, from, high, see, r);
    return status == DLQ_GO_ON ? finish_portion(r, high) : status;
}

static void print_count(int64_t n, const char *what)
{
    if (n)
        printf(", %lld %s", (long long)n, what);
}

static void print_counts(const struct replay *r)
{
    const struct replay_counts *c = &r->counts;

    printf("%lld %s: %lld %s", (long long)c->matching,
           c->matching == 1 ? "dead letter matches" : "dead letters match", (long long)c->replayed,
           r->dry_run ? "would be replayed" : "replayed");
    print_count(c->before, "done by an earlier run");
    print_count(c->repeats, "of an original that another one has, too");
    print_count(c->retention, "whose original retention has taken");
    print_count(c->missing, "whose original does not exist");
    print_count(c->no_coordinates, "that do not tell where their original is");
    print_count(c->refused, "refused by the brokers");
    print_count(c->given_up, "replayed too often");
    printf("\n");
}

static int conclude(const struct replay *r)
{
    const struct replay_counts *c = &r->counts;

    if (!r->letters && r->queue.strangers)
        return queue_empty(&r->queue);
    if (!c->matching)
        queue_say(&r->queue,
                  "nothing to replay: topic %s has no dead letters that match and are new to group %s",
                  r->queue.topic, r->group);
    return c->retention || c->missing || c->no_coordinates || c->refused || c->given_up ? EXIT_TROUBLE
                                                                                        : EXIT_OK;
}

static int run_replay(struct replay *r)
{
    int status;

    snprintf(r->group_room, sizeof r->group_room, "weir-dlq-replay-%s", r->queue.topic);
    if (!r->group)
        r->group = r->group_room;
    buf_init(&r->committed, 1 << 16);
    buf_init(&r->text, 1 << 16);
    r->portion.queue = &r->queue;
    r->portion.counts = &r->counts;
    r->portion.max_replays = r->selection.max_replays;
    r->portion.now = strcmp(r->timestamp, "now") == 0;
    status = queue_open(&r->queue, r->group);
    if (status == DLQ_GO_ON)
        status = portion_open(&r->portion, r->dry_run);
    for (; r->partition < r->queue.partitions && status == DLQ_GO_ON; r->partition++)
        status = replay_partition(r);
    if (status == DLQ_GO_ON)
        status = conclude(r);
    else if (r->letters && !r->dry_run)
        queue_say(&r->queue, "not finished: the next run goes on where this one ends");
    if (r->counts.matching)
        print_counts(r);
    portion_close(&r->portion);
    queue_close(&r->queue);
    seen_fini(&r->seen);
    while (r->n_topics)
        free(r->topics[--r->n_topics]);
    buf_fini(&r->committed);
    buf_fini(&r->text);
    return status;
}

static int start(const struct command *command, int argc, char **argv, struct replay *r)
{
    const struct arg args[] = {
        DLQ_BROKER_ARGS(&r->queue),
        {.name = "reason",
         .value = "TEXT",
         .help = "only those whose reason begins like this",
         .take = dlq_reason,
         .take_arg = &r->selection},
        {.name = "since",
         .value = "TIME",
         .help = "only those that failed since then: 2h, 2024-10-25, 2024-10-25T22:07 (UTC)",
         .take = dlq_since,
         .take_arg = &r->selection},
        {.name = "timestamp",
         .value = "now|original",
         .help = "the timestamp that they get (default: now)",
         .text = &r->timestamp},
        {.name = "max-replays",
         .value = "NUMBER",
         .help = "gives up what has been replayed so often and failed again (default: 3)",
         .take = args_count,
         .take_arg = &r->selection.max_replays},
        {.name = "group",
         .value = "GROUP",
         .help = "where it remembers how far it got (default: weir-dlq-replay-TOPIC)",
         .text = &r->group},
        {.name = "dry-run", .help = "says what it would do, and does nothing", .flag = &r->dry_run},
        {0},
    };
    int first, status = args_read(command, args, argc, argv, &first);

    if (status < 0)
        status = dlq_topic(command, argc, argv, first, &r->queue.topic);
    if (status >= 0)
        return status;
    if (strcmp(r->timestamp, "now") != 0 && strcmp(r->timestamp, "original") != 0)
        return args_wrong(command, "--timestamp: \"%s\" is neither now nor original", r->timestamp);
    if (r->selection.max_replays < 1)
        return args_wrong(command, "--max-replays: at least 1");
    return run_replay(r);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct replay *r = calloc(1, sizeof *r);
    int status;

    if (!r) {
        fprintf(stderr, "weir %s: no memory\n", command->name);
        return EXIT_TROUBLE;
    }
    r->queue.command = command->name;
    r->queue.interrupt.fd = -1;
    r->selection = (struct selection){.since_ms = INT64_MIN, .max_replays = 3};
    r->timestamp = "now";
    if (getrandom(&r->progress.run, sizeof r->progress.run, 0) < 0)
        r->progress.run = (uint64_t)clock_wall_ms();
    status = start(command, argc, argv, r);
    free(r);
    return status;
}

const struct command command_dlq_replay = {
    .name = "dlq replay",
    .usage = "[-b BROKERS] [--reason TEXT] [--since TIME] [--dry-run] [OPTION]… TOPIC",
    .summary = "writes the originals of dead letters to their source topics anew",
    .details =
        "It goes on where the last run with the same --group has ended, whatever its filters; a run that is\n"
        "killed repeats 500 records at most. Each record keeps its key, headers and value, goes to the "
        "partition\n"
        "where it stood, and gets the headers weir.replay.count, weir.replay.timestamp and "
        "weir.replay.letter.\n"
        "Run one at a time.\n"
        "Exit status: 0; 1 where some could not be replayed, each of which is said; 65 where the topic "
        "holds\n"
        "other records only, 69 where it does not exist or the brokers are away.\n",
    .run = run,
};
