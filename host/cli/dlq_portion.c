/* dlq_portion.c: see dlq_portion.h.
 *
 * An interrupt does not cut a portion short, which is soon done: only brokers that do not answer do. Nothing
 * of a value is ever printed here, coordinates only. */
#include "cli/dlq_portion.h"

#include "base/clock.h"
#include "cli/args.h"

#include <stdio.h>
#include <stdlib.h>

#define ACKNOWLEDGED_MS 30000 /* without a single answer for so long, brokers are away */
#define INTERRUPTED_MS 5000   /* the same once it has been interrupted */
#define PLACE_MAX 320         /* bytes of topic/partition/offset */

static bool wait(void *self)
{
    const struct portion *p = self;

    return clock_mono_ms() < p->queue->patient_until;
}

static void sent(void *self, size_t ticket, enum send_result result, const char *why)
{
    struct portion *p = self;
    const struct portion_item *i = &p->items[ticket];

    if (result == SEND_OK) {
        p->counts->replayed++;
    } else if (result == SEND_BROKEN) {
        if (!p->broken)
            p->broken = str_dup(str_of(why));
    } else {
        p->counts->refused++;
        queue_say(p->queue, "%s/%d/%lld: the brokers refuse %s/%d/%lld anew: %s", p->queue->topic,
                  i->letter_partition, (long long)i->letter_offset, i->topic, i->partition,
                  (long long)i->offset, why);
    }
}

int portion_open(struct portion *p, bool dry_run)
{
    struct brokers reading = p->queue->brokers, writing = p->queue->brokers;
    struct resend_events events = {p, sent};
    struct config_keys keys;
    struct diag diag;

    p->patience = (struct lookup_patience){p, wait};
    brokers_prefer(&reading, "fetch.wait.max.ms", "20");
    brokers_prefer(&reading, "fetch.message.max.bytes", "262144"); /* much of what comes is read over */
    brokers_prefer(&writing, "message.max.bytes", "100000000");    /* it is the brokers' to refuse */
    keys = brokers_keys(&reading);
    diag_init(&diag);
    p->fetch.lookup = lookup_new("weir-dlq-originals", "weir-dlq", &keys, &p->patience, &diag);
    keys = brokers_keys(&writing);
    if (p->fetch.lookup && !dry_run)
        p->resend = resend_new("weir-dlq-replay", &keys, &events, &diag);
    diag_print(&diag, stderr);
    diag_fini(&diag);
    return p->fetch.lookup && (dry_run || p->resend) ? DLQ_GO_ON : EXIT_CONFIG;
}

void portion_close(struct portion *p)
{
    resend_destroy(p->resend);
    fetch_one_fini(&p->fetch);
    lookup_destroy(p->fetch.lookup);
    anew_fini(&p->anew);
    free(p->broken);
}

static int in_source_order(const void *a, const void *b)
{
    const struct portion_item *x = a, *y = b;
    int topics = strcmp(x->topic, y->topic);

    if (topics)
        return topics;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* What a person is told of an original that is not there. */
static void say_gone(struct portion *p, const struct portion_item *i, enum fetched fetched)
{
    char begins[64] = "";
    const char *why = "it is not there: compacted away, or deleted";

    if (fetched == FETCH_RETENTION) {
        why = "retention has taken it";
        snprintf(begins, sizeof begins, ", the partition begins at %lld", (long long)p->fetch.low);
        p->counts->retention++;
    } else {
        p->counts->missing++;
    }
    if (fetched == FETCH_BEYOND)
        why = "the partition ends before it: was the topic made anew?";
    else if (fetched == FETCH_NO_PARTITION)
        why = "the topic has no such partition: was it made anew?";
    else if (fetched == FETCH_NO_TOPIC)
        why = "the topic does not exist";
    queue_say(p->queue, "%s/%d/%lld: the original %s/%d/%lld is gone: %s%s", p->queue->topic,
              i->letter_partition, (long long)i->letter_offset, i->topic, i->partition, (long long)i->offset,
              why, begins);
}

/* The original itself tells how often it has been replayed: a stage may have taken the letter's headers away.
 */
static bool is_given_up(struct portion *p, const struct portion_item *i, const struct record *original)
{
    int64_t replays = letter_number(original, REPLAY_COUNT_HEADER, 0);

    if (replays < p->max_replays)
        return false;
    p->counts->given_up++;
    queue_say(p->queue,
              "%s/%d/%lld: %s/%d/%lld has failed again after %lld replays: not replayed (--max-replays)",
              p->queue->topic, i->letter_partition, (long long)i->letter_offset, i->topic, i->partition,
              (long long)i->offset, (long long)replays);
    return true;
}

/* Waits for the brokers' answers. */
static int settle(struct portion *p)
{
    int64_t until = clock_mono_ms() + ACKNOWLEDGED_MS;
    size_t before = 0;

    for (;;) {
        size_t left = p->resend ? resend_poll(p->resend, 100) : 0;
        const char *why = p->broken ? p->broken : p->resend ? resend_broken(p->resend) : NULL;
        int64_t now = clock_mono_ms();

        if (why) {
            queue_say(p->queue, "stopped: %s", why);
            return EXIT_TROUBLE;
        }
        if (!left)
            return DLQ_GO_ON;
        if (left != before)
            until = now + ACKNOWLEDGED_MS;
        before = left;
        if (interrupt_wait(&p->queue->interrupt, 0) && until > now + INTERRUPTED_MS)
            until = now + INTERRUPTED_MS;
        if (now >= until) {
            queue_say(p->queue,
                      "the brokers at %s do not acknowledge %zu records: the next run sends them again",
                      brokers_address(&p->queue->brokers), left);
            return EXIT_UNAVAILABLE;
        }
    }
}

/* One original onto its way. */
static int write_one(struct portion *p, size_t index, const struct record *original)
{
    const struct portion_item *i = &p->items[index];
    char letter[PLACE_MAX];
    int n = snprintf(letter, sizeof letter, "%s/%d/%lld", p->queue->topic, i->letter_partition,
                     (long long)i->letter_offset);

    if (!p->resend) {
        p->counts->replayed++;
        printf("%s/%d/%lld for dead letter %s\n", i->topic, i->partition, (long long)i->offset, letter);
        return DLQ_GO_ON;
    }
    if (n < 0 || (size_t)n >= sizeof letter ||
        !anew_make(&p->anew, original, str_make(letter, (size_t)n), p->now)) {
        queue_say(p->queue, "no memory");
        return EXIT_TROUBLE;
    }
    while (!resend_send(p->resend, i->topic, &p->anew.record, index)) {
        int status = settle(p); /* too much is under way */

        if (status != DLQ_GO_ON)
            return status;
    }
    return DLQ_GO_ON;
}

static int replay_one(struct portion *p, size_t index)
{
    const struct portion_item *i = &p->items[index];
    struct record original;
    enum fetched fetched = fetch_one(&p->fetch, i->topic, i->partition, i->offset, &original);

    if (fetched == FETCH_FAILED)
        return queue_failed(p->queue, LOOK_AWAY, p->fetch.lookup);
    queue_well(p->queue);
    if (fetched != FETCHED)
        say_gone(p, i, fetched);
    else if (!is_given_up(p, i, &original))
        return write_one(p, index, &original);
    return DLQ_GO_ON;
}

int portion_run(struct portion *p)
{
    int status = DLQ_GO_ON;

    qsort(p->items, p->count, sizeof *p->items, in_source_order);
    for (size_t i = 0; i < p->count && status == DLQ_GO_ON; i++) {
        status = replay_one(p, i);
        if (p->resend)
            resend_poll(p->resend, 0);
    }
    if (status == DLQ_GO_ON)
        status = settle(p);
    p->count = 0;
    return status;
}
