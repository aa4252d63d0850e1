/* producer.c: see producer.h.
 *
 * Two lanes. The main one batches. A broker that refuses a batch does not say which record it means, so a
 * record that comes back with a fault of its own is sent once more through the solo lane, where every batch
 * holds one record: what is refused there is refused for good. The solo lane is opened when it is first
 * needed.
 *
 * Every chain generation has a producer of its own: librdkafka keeps a topic's first settings for the life of
 * a client, so a reload could not change them in an old one. */
#include "kafka/producer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/diag.h"
#include "kafka/lane.h"

#define REOPEN_MS 1000   /* between two attempts to replace a failed client */
#define REOPEN_MAX 10    /* attempts without one acknowledgement between them */
#define OVERDUE_MS 10000 /* a send that is not answered for so long is worth a line in the log */

struct producer {
    const struct settings *settings;
    struct weir_topic *const *topics;
    size_t n_topics;
    struct outlet *outlets;
    struct producer_events events;
    struct lane lanes[LANES];
    struct buf text;

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

static void on_left(void *owner, struct lane *lane, struct send *send, rd_kafka_resp_err_t err)
{
    struct producer *p = owner;
    enum fault fault = errors_fault(err);
    struct lane *solo = &p->lanes[LANE_SOLO];

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
    struct diag diag;

    if (now < lane->reopen_at)
        return;
    lane->reopen_at = now + REOPEN_MS;
    if (lane->client.rk) {
        log_at(place(p), WEIR_LOG_WARN, "the producer failed, opening a new one: sent_again=%zu error=\"%s\"",
               lane->count, lane->client.fatal ? lane->client.fatal : "");
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
        give_up(p, lane,
                diag.count ? diag.items[0].text : "librdkafka's producer ends with a fatal error each time");
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

/* ---- in public */

void producer_send(struct producer *p, struct send *send)
{
    if (!producer_waiting(p))
        p->moved_at = clock_mono_ms();
    lane_send(&p->lanes[LANE_MAIN], send);
}

void producer_poll(struct producer *p)
{
    size_t i;

    for (i = 0; i < LANES; i++) {
        struct lane *lane = &p->lanes[i];

        lane_poll(lane);
        if (lane->failed) {
            reopen(p, lane);
            lane_poll(lane);
        }
    }
    watch(p);
}

size_t producer_waiting(const struct producer *p)
{
    return p->lanes[LANE_MAIN].count + p->lanes[LANE_SOLO].count;
}

enum look producer_look(struct producer *p, int timeout_ms, const char **why)
{
    struct client *client = &p->lanes[LANE_MAIN].client;
    size_t i;

    for (i = 0; i < p->n_topics; i++) {
        rd_kafka_resp_err_t err = client_look(client, p->outlets[i].handle[LANE_MAIN], timeout_ms);

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
        p->lanes[i] = (struct lane){.index = i, .owner = p, .left = on_left};
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
    p->settings = settings;
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
    buf_fini(&p->text);
    free(p->outlets);
    free(p);
}
