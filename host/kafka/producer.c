/* producer.c: see producer.h.
 *
 * Two lanes. The main one batches. A broker that refuses a batch does not say which record it means, so a
 * record that comes back with a fault of its own is sent once more through the solo lane, where every batch
 * holds one record: what is refused there is refused for good. The solo lane is opened when it is first
 * needed.
 *
 * In exactly-once the main lane alone carries records, in one transaction after another; the solo lane only
 * finds out, in a transaction that is always aborted, who was meant (probe.h).
 *
 * Every chain generation has a producer of its own: librdkafka keeps a topic's first settings for the life of
 * a client, so a reload could not change them in an old one. */
#include "kafka/producer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/diag.h"
#include "kafka/lane.h"
#include "kafka/probe.h"
#include "kafka/refusals.h"

#define REOPEN_MS 1000   /* between two attempts to replace a failed client */
#define REOPEN_MAX 10    /* attempts without one acknowledgement between them */
#define OVERDUE_MS 10000 /* a send that is not answered for so long is worth a line in the log */

struct producer {
    struct settings own; /* what `settings` is at: with smaller batches, where these were refused */
    const struct settings *settings;
    struct weir_topic *const *topics;
    size_t n_topics;
    struct outlet *outlets;
    struct producer_events events;
    struct lane lanes[LANES];
    struct buf text;

    /* in exactly-once */
    struct refusals refusals; /* known from aborted transactions */
    struct send *known;       /* sends that are on that list, to be answered; linked by next */
    struct suspects suspects; /* what came back refused, to be judged */
    struct send *lost;        /* what else came back from a spoilt transaction; linked by next */
    size_t n_known, n_lost;

    uint64_t answered_seen; /* the watchdog: when the oldest send last moved on */
    int64_t moved_at;
    bool overdue_said;
};

static struct log_place place(const struct producer *p)
{
    return (struct log_place){p->settings->chain, NULL};
}

/* ---- answers */

static void answer(struct producer *p, struct send *send, enum send_result result, rd_kafka_resp_err_t err)
{
    const char *why = err ? errors_send_phrase(&p->text, err, send->topic->name) : NULL;

    p->events.sent(p->events.self, send, result, why);
}

static bool is_own_fault(enum fault fault)
{
    return fault == FAULT_SIZE || fault == FAULT_TIMESTAMP || fault == FAULT_RECORD;
}

static void fail_lane(struct lane *lane)
{
    lane->failed = true;
    lane->reopen_at = 0;
}

/** In a transaction a refusal by the brokers spoils all of it; one by librdkafka itself does not. */
static void on_left_transaction(struct producer *p, struct lane *lane, struct send *send,
                                rd_kafka_resp_err_t err)
{
    enum fault fault = errors_fault(err);

    if (fault == FAULT_NONE || fault == FAULT_SETUP || (is_own_fault(fault) && !lane->spoilt)) {
        answer(p, send, errors_result(fault), err);
    } else if (!is_own_fault(fault) || !suspects_add(&p->suspects, send, err)) {
        send->next = p->lost;
        p->lost = send;
        p->n_lost++;
    }
}

static void on_left(void *owner, struct lane *lane, struct send *send, rd_kafka_resp_err_t err)
{
    struct producer *p = owner;
    enum fault fault = errors_fault(err);
    struct lane *solo = &p->lanes[LANE_SOLO];

    if (p->settings->exactly_once) {
        on_left_transaction(p, lane, send, err);
        return;
    }
    if (lane == solo || !is_own_fault(fault)) {
        answer(p, send, errors_result(fault), err);
        return;
    }
    if (!solo->client.rk)
        fail_lane(solo); /* producer_poll() opens it */
    lane_send(solo, send);
}

/* ---- a client that must be replaced */

static void give_up(struct producer *p, struct lane *lane, const char *why)
{
    log_at(place(p), WEIR_LOG_ERROR, "the producer fails again and again: error=\"%s\"", why);
    while (lane->head) {
        struct send *send = lane->head;

        lane->unsent = NULL;
        lane->head = send->next;
        lane->count--;
        if (!lane->head)
            lane->tail = NULL;
        p->events.sent(p->events.self, send, SEND_BROKEN, why);
    }
}

static void reopen(struct producer *p, struct lane *lane)
{
    int64_t now = clock_mono_ms();
    char fatal[512] = "";
    struct diag diag;

    if (now < lane->reopen_at)
        return;
    lane->reopen_at = now + REOPEN_MS;
    if (lane->client.rk) {
        snprintf(fatal, sizeof fatal, "%s", lane->client.fatal ? lane->client.fatal : "");
        log_at(place(p), WEIR_LOG_WARN, "the producer failed, opening a new one: sent_again=%zu error=\"%s\"",
               lane->count, fatal);
        lane->failures++;
    }
    lane_close(lane, p->topics, p->n_topics);
    diag_init(&diag);
    if (!lane_open(lane, p->settings, p->topics, p->n_topics, &diag)) {
        lane_close(lane, p->topics, p->n_topics);
        lane->failed = true;
        lane->failures++;
    }
    if (lane->failures > REOPEN_MAX)
        give_up(p, lane, diag.count ? diag.items[0].text : fatal);
    diag_fini(&diag);
}

/* ---- the watchdog */

static void watch(struct producer *p)
{
    uint64_t answered = p->lanes[LANE_MAIN].answered + p->lanes[LANE_SOLO].answered;
    int64_t now = clock_mono_ms();
    const struct lane *lane = &p->lanes[p->lanes[LANE_MAIN].count ? LANE_MAIN : LANE_SOLO];

    if (!lane->count || answered != p->answered_seen) {
        if (p->overdue_said && answered != p->answered_seen)
            log_at(place(p), WEIR_LOG_INFO, "sends are acknowledged again: waited_ms=%lld",
                   (long long)(now - p->moved_at));
        p->overdue_said = p->overdue_said && answered == p->answered_seen;
        p->answered_seen = answered;
        p->moved_at = now;
        return;
    }
    if (p->overdue_said || now - p->moved_at < OVERDUE_MS)
        return;
    p->overdue_said = true;
    log_at(place(p), WEIR_LOG_WARN,
           "sends are not acknowledged, waiting for brokers: waiting=%zu topic=" STR_FMT, producer_waiting(p),
           STR_ARG(lane->head->topic->name));
}

/* ---- exactly-once */

static void answer_known(struct producer *p)
{
    struct send *send = p->known, *next;

    p->known = NULL;
    p->n_known = 0;
    for (; send; send = next) {
        const struct refusal *refusal = refusals_find(&p->refusals, &send->origin);
        rd_kafka_resp_err_t err = (rd_kafka_resp_err_t)refusal->err;

        next = send->next;
        send->next = NULL;
        answer(p, send, errors_result(errors_fault(err)), err);
    }
}

struct lane *producer_lane(struct producer *p)
{
    return &p->lanes[LANE_MAIN];
}

void producer_hurry(struct producer *p, int timeout_ms)
{
    lane_hurry(&p->lanes[LANE_MAIN], timeout_ms);
}

static int64_t batch_size(struct producer *p)
{
    char text[32] = "";
    size_t room = sizeof text;

    rd_kafka_conf_get(rd_kafka_conf(p->lanes[LANE_MAIN].client.rk), "batch.size", text, &room);
    return strtoll(text, NULL, 10);
}

/** Nobody is at fault: it was the company. Half the batch, each time, ends at one record a batch. */
static bool halve(struct producer *p)
{
    int64_t now = batch_size(p), all = (int64_t)suspects_bytes(&p->suspects);

    now = (now < all ? now : all) / 2;
    p->own.batch_bytes = now > 1 ? now : 1;
    log_at(place(p), WEIR_LOG_WARN,
           "a batch was refused, and none of its records alone: going on with smaller ones (is the topic's "
           "max.message.bytes below the producer's batch.size?): batch.size=%lld topic=" STR_FMT,
           (long long)p->own.batch_bytes, STR_ARG(p->suspects.items[0].send->topic->name));
    return false;
}

bool producer_judge(struct producer *p, int timeout_ms)
{
    size_t i, guilty = 0, cleared = 0;

    if (!p->suspects.count)
        return true;
    probe_run(&p->suspects, p->settings, p->topics, p->n_topics, &p->lanes[LANE_SOLO],
              clock_mono_ms() + timeout_ms);
    for (i = 0; i < p->suspects.count; i++) {
        const struct suspect *s = &p->suspects.items[i];

        cleared += s->verdict == SUSPECT_CLEARED;
        if (s->verdict == SUSPECT_GUILTY && refusals_add(&p->refusals, &s->send->origin, (int)s->err))
            guilty++;
    }
    if (guilty)
        log_at(place(p), WEIR_LOG_WARN,
               "records were refused, the transaction is aborted and comes again without them: refused=%zu "
               "asked=%zu topic=" STR_FMT,
               guilty, p->suspects.count, STR_ARG(p->suspects.items[0].send->topic->name));
    return guilty > 0 || cleared < p->suspects.count || halve(p);
}

static void drop(struct producer *p, struct send *send)
{
    send->next = NULL;
    p->events.sent(p->events.self, send, SEND_DROPPED, NULL);
}

static void drop_list(struct producer *p, struct send **list, size_t *count)
{
    struct send *send = *list, *next;

    *list = NULL;
    *count = 0;
    for (; send; send = next) {
        next = send->next;
        drop(p, send);
    }
}

void producer_drop(struct producer *p)
{
    struct send *send;
    size_t i;

    while ((send = lane_pop(&p->lanes[LANE_MAIN])))
        drop(p, send);
    drop_list(p, &p->lost, &p->n_lost);
    drop_list(p, &p->known, &p->n_known);
    for (i = 0; i < p->suspects.count; i++)
        drop(p, p->suspects.items[i].send);
    p->suspects.count = 0;
}

bool producer_replace(struct producer *p, struct buf *why)
{
    struct lane *lane = &p->lanes[LANE_MAIN];
    struct diag diag;
    bool good;

    lane_close(lane, p->topics, p->n_topics);
    diag_init(&diag);
    good = lane_open(lane, p->settings, p->topics, p->n_topics, &diag);
    if (!good) {
        buf_add_text(why, diag.count ? diag.items[0].text : "no memory");
        lane_close(lane, p->topics, p->n_topics);
    }
    diag_fini(&diag);
    return good;
}

void producer_forget(struct producer *p, int64_t (*committed)(void *self, int32_t partition), void *self)
{
    refusals_forget(&p->refusals, committed, self);
}

/* ---- in public */

void producer_send(struct producer *p, struct send *send)
{
    if (!producer_waiting(p))
        p->moved_at = clock_mono_ms();
    if (p->refusals.count && refusals_find(&p->refusals, &send->origin)) {
        send->next = p->known;
        p->known = send;
        p->n_known++;
        return;
    }
    lane_send(&p->lanes[LANE_MAIN], send);
}

void producer_poll(struct producer *p)
{
    size_t i;

    for (i = 0; i < LANES; i++) {
        struct lane *lane = &p->lanes[i];

        lane_poll(lane);
        if (lane->failed && !p->settings->exactly_once) {
            reopen(p, lane);
            lane_poll(lane);
        }
    }
    if (p->known)
        answer_known(p);
    watch(p);
}

size_t producer_waiting(const struct producer *p)
{
    return p->lanes[LANE_MAIN].count + p->lanes[LANE_SOLO].count + p->n_known + p->n_lost + p->suspects.count;
}

enum look producer_look(struct producer *p, int timeout_ms, const char **why)
{
    struct client *client = &p->lanes[LANE_MAIN].client;
    size_t i;

    for (i = 0; i < p->n_topics; i++) {
        int32_t partitions;
        rd_kafka_resp_err_t err =
            client_look(client, p->outlets[i].handle[LANE_MAIN], timeout_ms, &partitions);

        if (!err)
            continue;
        *why = errors_send_phrase(&p->text, err, p->topics[i]->name);
        return errors_look(err);
    }
    return LOOK_GOOD;
}

void producer_break(struct producer *p)
{
    rd_kafka_test_fatal_error(p->lanes[LANE_MAIN].client.rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                              "a test");
}

static void init_lanes(struct producer *p, int wake_fd)
{
    int i;

    for (i = 0; i < LANES; i++) {
        p->lanes[i] = (struct lane){
            .index = i, .owner = p, .left = on_left, .transactional = p->settings->exactly_once};
        p->lanes[i].client.chain = p->settings->chain;
        p->lanes[i].client.wake_fd = wake_fd;
    }
}

struct producer *producer_new(const struct settings *settings, struct weir_topic *const *topics,
                              size_t n_topics, int wake_fd, const struct producer_events *events,
                              struct diag *diag)
{
    struct producer *p = calloc(1, sizeof *p);
    size_t i;

    if (!p || !(p->outlets = calloc(n_topics + 1, sizeof *p->outlets))) {
        diag_error(diag, settings->place, "no memory");
        free(p);
        return NULL;
    }
    p->own = *settings;
    p->settings = &p->own;
    p->topics = topics;
    p->n_topics = n_topics;
    p->events = *events;
    buf_init(&p->text, 4096);
    init_lanes(p, wake_fd);
    for (i = 0; i < n_topics; i++)
        topics[i]->io = &p->outlets[i];
    if (lane_open(&p->lanes[LANE_MAIN], settings, topics, n_topics, diag))
        return p;
    producer_destroy(p);
    return NULL;
}

void producer_destroy(struct producer *p)
{
    size_t i;

    if (!p)
        return;
    for (i = 0; i < LANES; i++)
        lane_close(&p->lanes[i], p->topics, p->n_topics);
    for (i = 0; i < p->n_topics; i++)
        p->topics[i]->io = NULL;
    refusals_fini(&p->refusals);
    suspects_fini(&p->suspects);
    buf_fini(&p->text);
    free(p->outlets);
    free(p);
}
