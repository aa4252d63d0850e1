/* lane.c: see lane.h.
 *
 * The lane keeps every unanswered send in one list, in order, with a cursor at the first that librdkafka does
 * not have. A full queue leaves the cursor where it is; a client that failed for good is replaced, and the
 * cursor put back to the head: everything unacknowledged goes out again in the old order, which can repeat
 * records but neither lose nor reorder any. Rejected: to rewind the consumer instead, which takes every
 * record in flight through the plugins twice, and with it their counts.
 *
 * A list of their own, because librdkafka forgets what it had when it is destroyed. It costs no memory: the
 * links are in the send.
 *
 * Reports are gathered first and settled then, since a send that has waited for its report has left the
 * processor's cache: the next ones are fetched while one is settled, which saves a tenth of a record's cost.
 * Rejected: librdkafka's interceptors, which tell of a report on its own thread and spare the queue between;
 * but that saves nothing: the messages are then freed on a thread that has not allocated them.
 *
 * A transactional lane (exactly-once) sends nothing again by itself: what goes wrong spoils its transaction,
 * and whoever runs that aborts it, and takes the records from the source once more. */
#include "kafka/lane.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "chain/chain.h"
#include "config/diag.h"
#include "kafka/offer.h"

#define AHEAD 8         /* reports whose sends are fetched into the cache before they are settled */
#define ROOM_FIRST 1024 /* reports */
#define SLICE_MS 1      /* of a wait for reports */
#define RUN 32          /* sends that go to librdkafka in one call */
#define COPIED_MAX 768  /* bytes of key and value; with librdkafka's own, malloc counts it as small */

/* ---- the list */

static void append(struct lane *lane, struct send *send)
{
    send->next = NULL;
    send->io = lane->tail;
    if (lane->tail)
        lane->tail->next = send;
    else
        lane->head = send;
    lane->tail = send;
    if (!lane->unsent)
        lane->unsent = send;
    lane->count++;
}

static void unlink_send(struct lane *lane, struct send *send)
{
    struct send *before = send->io;

    if (lane->unsent == send)
        lane->unsent = send->next;
    if (before)
        before->next = send->next;
    else
        lane->head = send->next;
    if (send->next)
        send->next->io = before;
    else
        lane->tail = before;
    lane->count--;
    lane->answered += before == NULL;
    send->next = NULL;
    send->io = NULL;
}

/* ---- to librdkafka */

/** librdkafka's calls take void * for what they only read. */
static void *bytes(struct weir_str s)
{
    return (void *)(uintptr_t)s.ptr;
}

static rd_kafka_headers_t *make_headers(const struct send *send)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(send->n_headers);
    size_t i;

    for (i = 0; i < send->n_headers; i++) {
        const struct weir_header *h = &send->headers[i];

        rd_kafka_header_add(headers, h->name.ptr ? h->name.ptr : "", (ssize_t)h->name.len, h->value.ptr,
                            (ssize_t)h->value.len);
    }
    return headers;
}

/** librdkafka takes 0 for "now": the first millisecond of 1970 becomes the second. */
static int64_t timestamp(const struct send *send)
{
    if (!send->has_timestamp)
        return 0;
    return send->timestamp_ms ? send->timestamp_ms : 1;
}

/** A small value is copied into librdkafka's own message: its thread reads one run of memory a record, which
 * costs less than the copy. A larger one stays where it is, until its report. */
static int how(const struct send *send)
{
    return send->key.len + send->value.len <= COPIED_MAX ? RD_KAFKA_MSG_F_COPY : 0;
}

static rd_kafka_resp_err_t produce(struct lane *lane, struct send *send)
{
    const struct outlet *outlet = send->topic->io;
    rd_kafka_headers_t *headers = send->n_headers ? make_headers(send) : NULL;
    rd_kafka_resp_err_t err;

    err = rd_kafka_producev(
        lane->client.rk, RD_KAFKA_V_RKT(outlet->handle[lane->index]), RD_KAFKA_V_PARTITION(send->partition),
        RD_KAFKA_V_VALUE(bytes(send->value), send->value.len),
        RD_KAFKA_V_KEY(bytes(send->key), send->key.len), RD_KAFKA_V_TIMESTAMP(timestamp(send)),
        RD_KAFKA_V_MSGFLAGS(how(send)), RD_KAFKA_V_OPAQUE(send), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (err && headers)
        rd_kafka_headers_destroy(headers);
    return err;
}

/** For so many more reports than librdkafka owes now. False: no memory, as yet. */
static bool make_room(struct lane *lane, size_t n)
{
    size_t room = lane->reports_room ? lane->reports_room * 2 : ROOM_FIRST;
    struct report *reports;

    if (lane->with_client + n <= lane->reports_room)
        return true;
    reports = realloc(lane->reports, room * sizeof *reports);
    if (!reports)
        return false;
    lane->reports = reports;
    lane->reports_room = room;
    return true;
}

static bool may_push(const struct lane *lane)
{
    return !lane->failed && lane->client.rk &&
           (!lane->transactional || (lane->in_transaction && !lane->spoilt));
}

/** librdkafka takes nothing more: it is finished, or its transaction is. */
static void close_gate(struct lane *lane)
{
    if (lane->transactional)
        lane->spoilt = true;
    if (!lane->transactional || rd_kafka_fatal_error(lane->client.rk, NULL, 0))
        lane->failed = true;
}

static void pushed(struct lane *lane, struct send *send)
{
    lane->unsent = send->next;
    lane->with_client++;
}

/** Gives the first unsent one to librdkafka, where that takes it now. */
static rd_kafka_resp_err_t push(struct lane *lane)
{
    struct send *send = lane->unsent;
    rd_kafka_resp_err_t err = make_room(lane, 1) ? produce(lane, send) : RD_KAFKA_RESP_ERR__QUEUE_FULL;

    if (!err)
        pushed(lane, send);
    return err;
}

/** After what librdkafka said of the first unsent one. False: it takes no others now. */
static bool go_on(struct lane *lane, rd_kafka_resp_err_t err)
{
    struct send *send = lane->unsent;

    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return false;
    if (errors_fault(err) == FAULT_PRODUCER) {
        close_gate(lane);
        return false;
    }
    unlink_send(lane, send);
    lane->left(lane->owner, lane, send, err);
    return true;
}

/** Whether librdkafka's call for many can carry it: that knows no headers and no timestamp. */
static bool is_plain(const struct send *send)
{
    return !send->n_headers && !send->has_timestamp && send->partition < 0 &&
           how(send) == RD_KAFKA_MSG_F_COPY;
}

/** The plain ones that come first, for one topic. Returns how many. */
static size_t gather(const struct lane *lane, rd_kafka_message_t *to)
{
    const struct weir_topic *topic = lane->unsent->topic;
    struct send *send = lane->unsent;
    size_t n;

    for (n = 0; n < RUN && send && send->topic == topic && is_plain(send); n++, send = send->next)
        to[n] = (rd_kafka_message_t){
            .payload = bytes(send->value),
            .len = send->value.len,
            .key = bytes(send->key),
            .key_len = send->key.len,
            ._private = send,
        };
    return n;
}

/** The partition of all of them, where that can be told before librdkafka asks. */
static int32_t partition_of(const rd_kafka_topic_t *topic, const rd_kafka_message_t *run, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (run[i].key)
            return RD_KAFKA_PARTITION_UA;
    }
    return placement_now(topic);
}

/** Gives those to librdkafka, in one call. False: it takes no others now. */
static bool push_run(struct lane *lane, rd_kafka_message_t *run, size_t n)
{
    const struct outlet *outlet = lane->unsent->topic->io;
    rd_kafka_topic_t *topic = outlet->handle[lane->index];
    int32_t partition = partition_of(topic, run, n);
    size_t i;

    if (!make_room(lane, n))
        return false;
    rd_kafka_produce_batch(topic, partition, RD_KAFKA_MSG_F_COPY, run, (int)n);
    if (partition >= 0 && run[0].err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
        placement_forget(topic); /* the topic has been made anew, with fewer of them; none of the run is in */
        return true;
    }
    for (i = 0; i < n; i++) {
        if (!run[i].err)
            pushed(lane, run[i]._private);
        else if (!go_on(lane, run[i].err))
            return false;
    }
    return true;
}

static void push_unsent(struct lane *lane)
{
    rd_kafka_message_t run[RUN];
    bool more = true;

    while (more && lane->unsent && may_push(lane)) {
        size_t n = gather(lane, run);

        if (n > 1) {
            more = push_run(lane, run, n);
        } else {
            rd_kafka_resp_err_t err = push(lane);

            more = !err || go_on(lane, err);
        }
    }
}

void lane_send(struct lane *lane, struct send *send)
{
    bool first = !lane->unsent && may_push(lane);

    append(lane, send);
    if (first && !lane->settling)
        push(lane); /* what it says, it will say again at the next poll */
}

/* ---- from librdkafka */

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct lane *lane = ((struct client *)opaque)->owner;

    (void)rk;
    lane->reports[lane->n_reports++] = (struct report){message->_private, message->err};
}

static void settle(struct lane *lane, struct send *send, rd_kafka_resp_err_t err)
{
    lane->with_client--;
    if (lane->transactional) {
        if (err)
            close_gate(lane);
        unlink_send(lane, send);
        lane->left(lane->owner, lane, send, err);
        return;
    }
    if (err && (errors_fault(err) == FAULT_PRODUCER || rd_kafka_fatal_error(lane->client.rk, NULL, 0))) {
        lane->failed = true; /* it stays in the list, and goes out again */
        return;
    }
    unlink_send(lane, send);
    if (errors_fault(err) == FAULT_PASSING) {
        append(lane, send);
        return;
    }
    if (!err) {
        lane->failures = 0;
        client_well(&lane->client);
    }
    lane->left(lane->owner, lane, send, err);
}

/** Each send is fetched into the cache in two steps, a little before it is settled. */
static void settle_reported(struct lane *lane)
{
    size_t i, n = lane->n_reports;

    lane->settling = true;
    for (i = 0; i < n + AHEAD; i++) {
        if (i < n)
            chain_expect(lane->reports[i].send);
        if (i >= AHEAD / 2 && i < n + AHEAD / 2)
            chain_expect_record(lane->reports[i - AHEAD / 2].send);
        if (i >= AHEAD)
            settle(lane, lane->reports[i - AHEAD].send, lane->reports[i - AHEAD].err);
        if (i % RUN == RUN - 1)
            push_unsent(lane); /* while they are in the cache */
    }
    lane->settling = false;
    lane->n_reports = 0;
}

void lane_poll(struct lane *lane)
{
    if (!lane->client.rk)
        return;
    rd_kafka_poll(lane->client.rk, 0);
    settle_reported(lane);
    if (lane->client.fatal)
        lane->failed = true;
    push_unsent(lane);
}

/* In slices: what reports lead to goes out behind them, and not behind all that librdkafka has. */
void lane_hurry(struct lane *lane, int timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;

    do {
        if (lane->client.rk && lane->with_client)
            rd_kafka_flush(lane->client.rk, SLICE_MS);
        lane_poll(lane);
    } while (lane->with_client && clock_mono_ms() < until);
}

struct send *lane_pop(struct lane *lane)
{
    struct send *send = lane->head;

    if (send)
        unlink_send(lane, send);
    return send;
}

/* ---- open and closed */

static bool open_topics(struct lane *lane, struct weir_topic *const *topics, size_t n_topics,
                        struct diag *diag)
{
    size_t i;

    for (i = 0; i < n_topics; i++) {
        struct outlet *outlet = topics[i]->io;

        outlet->handle[lane->index] = client_topic(&lane->client, topics[i], diag);
        if (!outlet->handle[lane->index])
            return false;
    }
    return true;
}

bool lane_open(struct lane *lane, const struct settings *settings, struct weir_topic *const *topics,
               size_t n_topics, struct diag *diag)
{
    static const struct client_callbacks callbacks = {.delivered = on_delivered};
    enum client_kind kind = lane->index == LANE_SOLO ? CLIENT_SOLO_PRODUCER : CLIENT_PRODUCER;

    lane->client.owner = lane;
    lane->failed = lane->spoilt = lane->in_transaction = false;
    lane->with_client = 0;
    lane->unsent = lane->head;
    return client_open(&lane->client, kind, settings, &callbacks, diag) &&
           open_topics(lane, topics, n_topics, diag);
}

void lane_close(struct lane *lane, struct weir_topic *const *topics, size_t n_topics)
{
    size_t i;

    offer_destroy(lane->offer);
    lane->offer = NULL;
    for (i = 0; i < n_topics; i++) {
        struct outlet *outlet = topics[i]->io;

        if (outlet && outlet->handle[lane->index])
            rd_kafka_topic_destroy(outlet->handle[lane->index]);
        if (outlet)
            outlet->handle[lane->index] = NULL;
    }
    client_close(&lane->client);
    free(lane->reports);
    lane->reports = NULL;
    lane->n_reports = lane->reports_room = 0;
}
