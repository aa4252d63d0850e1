/* dlq_queue.c: see dlq_queue.h. */
#include "cli/dlq_queue.h"

#include "base/clock.h"
#include "cli/args.h"

#include <errno.h>
#include <stdio.h>

#define PATIENCE_MS 15000 /* brokers that do not answer for so long are away */
#define LETTER_MAX ((size_t)1 << 30)

void queue_say(const struct queue *q, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "weir %s: ", q->command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void queue_well(struct queue *q)
{
    q->patient_until = clock_mono_ms() + PATIENCE_MS;
}

static bool wait(void *self)
{
    struct queue *q = self;

    return !interrupt_wait(&q->interrupt, 0) && clock_mono_ms() < q->patient_until;
}

int queue_failed(struct queue *q, enum look look, const struct lookup *lookup)
{
    if (q->interrupt.asked) {
        queue_say(q, "interrupted");
        return EXIT_TROUBLE;
    }
    queue_say(q, "%s%s%s%s", lookup_trouble(lookup),
              look == LOOK_BAD ? "" : " (brokers: ", look == LOOK_BAD ? "" : brokers_address(&q->brokers),
              look == LOOK_BAD ? "" : ")");
    return look == LOOK_BAD ? EXIT_TROUBLE : EXIT_UNAVAILABLE;
}

int queue_open(struct queue *q, const char *group)
{
    struct brokers reading = q->brokers;
    struct config_keys keys;
    struct diag diag;
    enum look look;

    buf_init(&q->room, LETTER_MAX);
    if (!interrupt_open(&q->interrupt)) {
        queue_say(q, "%s", strerror(errno));
        return EXIT_TROUBLE;
    }
    q->patience = (struct lookup_patience){q, wait};
    /* Room for what comes while one partition is read to its end, and no long wait for its end. */
    brokers_prefer(&reading, "queued.max.messages.kbytes", "65536");
    brokers_prefer(&reading, "fetch.wait.max.ms", "20");
    keys = brokers_keys(&reading);
    diag_init(&diag);
    q->lookup = lookup_new("weir-dlq", group ? group : "weir-dlq", &keys, &q->patience, &diag);
    diag_print(&diag, stderr);
    diag_fini(&diag);
    if (!q->lookup)
        return EXIT_CONFIG;
    queue_well(q);
    look = lookup_partitions(q->lookup, q->topic, &q->partitions);
    return look == LOOK_GOOD ? DLQ_GO_ON : queue_failed(q, look, q->lookup);
}

void queue_close(struct queue *q)
{
    lookup_destroy(q->lookup);
    interrupt_close(&q->interrupt);
    buf_fini(&q->room);
}

int queue_scan(struct queue *q, int32_t partition, int64_t from, int64_t high,
               int (*see)(void *arg, const struct record *record, const struct letter *letter), void *arg)
{
    int status = DLQ_GO_ON;
    struct record record;
    struct letter letter;

    if (from >= high)
        return status;
    if (!lookup_at(q->lookup, q->topic, partition, from))
        return queue_failed(q, LOOK_BAD, q->lookup);
    do {
        queue_well(q);
        switch (lookup_next(q->lookup, &record)) {
        case LOOKUP_RECORD:
            break;
        case LOOKUP_END:
            return status;
        case LOOKUP_OUT_OF_RANGE:
            queue_say(q, "partition %d of %s has changed its beginning meanwhile: start again", partition,
                      q->topic);
            return EXIT_TROUBLE;
        default:
            return queue_failed(q, LOOK_AWAY, q->lookup);
        }
        if (record.offset >= high)
            break;
        if (letter_read(&record, &q->room, &letter))
            status = see(arg, &record, &letter);
        else
            q->strangers++;
        if (status == DLQ_GO_ON && interrupt_wait(&q->interrupt, 0))
            status = queue_failed(q, LOOK_AWAY, q->lookup);
    } while (status == DLQ_GO_ON && record.offset + 1 < high);
    return status;
}

int queue_scan_all(struct queue *q,
                   int (*see)(void *arg, const struct record *record, const struct letter *letter), void *arg)
{
    int status = DLQ_GO_ON;

    for (int32_t p = 0; p < q->partitions && status == DLQ_GO_ON; p++) {
        int64_t low, high;
        enum look look = lookup_range(q->lookup, q->topic, p, &low, &high);

        status = look == LOOK_GOOD ? queue_scan(q, p, low, high, see, arg) : queue_failed(q, look, q->lookup);
    }
    return status;
}

int queue_empty(const struct queue *q)
{
    if (!q->strangers) {
        queue_say(q, "topic %s has no dead letters", q->topic);
        return EXIT_OK;
    }
    queue_say(
        q,
        "none of the %lld records of topic %s is a dead letter: name the topic of a sink with format = error",
        (long long)q->strangers, q->topic);
    return EXIT_DATA;
}
