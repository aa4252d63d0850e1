/* probe.c: see probe.h.
 *
 * Each suspect is produced once more, alone in its batch, in a transaction of a producer of its own that is
 * always aborted: nobody ever reads it. The first refusal spoils that transaction, so there is one for each
 * guilty record; what was acknowledged before is cleared, and not asked again.
 *
 * Rejected: to halve the batch in the real transaction again and again, which aborts and replays all of it a
 * dozen times for one record; and to take the limit from the topic's settings, which needs a right that weir
 * need not have, and knows nothing of the other reasons to refuse. */
#include "kafka/probe.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/diag.h"
#include "kafka/transaction.h"

#define ROOM_FIRST 64
#define SLICE_MS 500

struct probe {
    struct suspects *suspects;
    size_t next; /* reports come nearly in order: look from here on */
    bool moved;
};

void suspects_fini(struct suspects *s)
{
    free(s->items);
    *s = (struct suspects){NULL, 0, 0};
}

bool suspects_add(struct suspects *s, struct send *send, rd_kafka_resp_err_t err)
{
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : ROOM_FIRST;
        struct suspect *items = realloc(s->items, room * sizeof *items);

        if (!items)
            return false;
        s->items = items;
        s->room = room;
    }
    send->next = NULL;
    s->items[s->count++] = (struct suspect){send, err, SUSPECT_OPEN};
    return true;
}

size_t suspects_bytes(const struct suspects *s)
{
    size_t i, bytes = 0;

    for (i = 0; i < s->count; i++)
        bytes += s->items[i].send->key.len + s->items[i].send->value.len;
    return bytes;
}

static struct suspect *find(struct probe *p, const struct send *send)
{
    struct suspects *s = p->suspects;
    size_t i;

    for (i = 0; i < s->count; i++) {
        size_t at = (p->next + i) % s->count;

        if (s->items[at].send == send) {
            p->next = at + 1;
            return &s->items[at];
        }
    }
    return NULL;
}

static void on_left(void *owner, struct lane *lane, struct send *send, rd_kafka_resp_err_t err)
{
    struct probe *p = owner;
    struct suspect *suspect = find(p, send);
    enum fault fault = errors_fault(err);
    bool own = fault == FAULT_SIZE || fault == FAULT_TIMESTAMP || fault == FAULT_RECORD;

    (void)lane;
    if (!suspect || (!own && fault != FAULT_NONE))
        return; /* purged with the others: still open */
    suspect->verdict = own ? SUSPECT_GUILTY : SUSPECT_CLEARED;
    suspect->err = own ? err : suspect->err;
    p->moved = true;
}

static bool begin(struct lane *lane, int64_t until)
{
    struct transaction_fault fault;
    enum transaction_next next;

    do {
        next = transaction_init(lane, SLICE_MS, &fault);
    } while (next == TRANSACTION_AGAIN && clock_mono_ms() < until);
    return next == TRANSACTION_ON;
}

static bool end(struct lane *lane, int64_t until)
{
    struct transaction_fault fault;
    enum transaction_next next;

    do {
        next = transaction_abort(lane, SLICE_MS, &fault);
    } while (next == TRANSACTION_AGAIN && clock_mono_ms() < until);
    while (lane_pop(lane)) /* what librdkafka never had */
        ;
    return next == TRANSACTION_ON;
}

/** One transaction with all that are open. True: another may find out more. */
static bool ask(struct probe *p, struct lane *lane, int64_t until)
{
    struct transaction_fault fault;
    size_t i, asked = 0;

    p->moved = false;
    if (transaction_begin(lane, &fault) != TRANSACTION_ON)
        return false;
    for (i = 0; i < p->suspects->count; i++) {
        if (p->suspects->items[i].verdict != SUSPECT_OPEN)
            continue;
        lane_send(lane, p->suspects->items[i].send);
        asked++;
    }
    while (lane->count && !lane->spoilt && clock_mono_ms() < until) {
        lane_poll(lane);
        poll(NULL, 0, 1);
    }
    return end(lane, until) && asked && p->moved;
}

void probe_run(struct suspects *s, const struct settings *settings, struct weir_topic *const *topics,
               size_t n_topics, struct lane *lane, int64_t until)
{
    struct probe probe = {.suspects = s};
    struct lane before = *lane;
    struct diag diag;

    diag_init(&diag);
    lane->owner = &probe;
    lane->left = on_left;
    if (lane_open(lane, settings, topics, n_topics, &diag) && begin(lane, until)) {
        while (ask(&probe, lane, until) && clock_mono_ms() < until)
            ;
    }
    lane_close(lane, topics, n_topics);
    while (lane_pop(lane))
        ;
    lane->owner = before.owner;
    lane->left = before.left;
    diag_fini(&diag);
}
