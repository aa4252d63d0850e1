/* fake_chain.h: the functions of chain/chain.h, for tests of the task without the chain engine.
 *
 * Each record goes out on `out`, once; refused for its own fault it goes to `failed`, with its value cut to
 * 16 bytes; then it is done. With `hold` set, records wait in the sink until so many are there, or
 * chain_flush(). `stuck` keeps every acknowledgement from counting, as a stage that retries for ever would.
 */
#ifndef TEST_KAFKA_FAKE_CHAIN_H
#define TEST_KAFKA_FAKE_CHAIN_H

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "chain/chain.h"

struct fake_send {
    struct send send;
    void *ticket;
    size_t bytes;
    struct fake_send *held;           /* the next that is held */
    struct fake_send *before, *after; /* all there are */
    char value[];
};

struct chain {
    struct weir_topic out, failed;
    struct weir_topic *topics[2];
    struct chain_io io;
    size_t in_flight, bytes, most_in_flight, most_bytes;
    struct fake_send *held_first, *held_last, *live;
    size_t n_held, hold;
    int take_ms;                    /* how long each record takes */
    atomic_int taken, acknowledged; /* tests read these from another thread */
    atomic_bool stuck;
    _Atomic int64_t carried; /* what a reload carries over; read by tests, too */
    bool bad_restore;        /* it refuses to be carried over */
    char *stopped;
};

struct saved_state {
    int64_t carried;
};

static inline void fake_chain_init(struct chain *c)
{
    *c = (struct chain){.out = {.name = STR("out"), .stage = "out"},
                        .failed = {.name = STR("failed"), .stage = "f"}};
    c->topics[0] = &c->out;
    c->topics[1] = &c->failed;
}

struct weir_topic *const *chain_topics(const struct chain *c, size_t *count)
{
    *count = 2;
    return c->topics;
}

void chain_attach(struct chain *c, const struct chain_io *io)
{
    c->io = *io;
}

bool chain_ready(const struct chain *c)
{
    return !c->stopped && !atomic_load(&c->stuck);
}

static void fake_send_held(struct chain *c)
{
    struct fake_send *f = c->held_first;

    c->held_first = c->held_last = NULL;
    c->n_held = 0;
    while (f) {
        struct fake_send *next = f->held;

        c->io.send(c->io.self, &f->send);
        f = next;
    }
}

bool chain_take(struct chain *c, const struct record *r)
{
    size_t n = r->value.ptr ? r->value.len : 0;
    struct fake_send *f = calloc(1, sizeof *f + n + 1);

    if (c->take_ms)
        poll(NULL, 0, c->take_ms);
    if (n)
        memcpy(f->value, r->value.ptr, n);
    f->send = (struct send){.topic = &c->out,
                            .partition = -1,
                            .value = str_make(f->value, n),
                            .has_timestamp = r->has_timestamp,
                            .timestamp_ms = r->timestamp_ms};
    f->send.origin = (struct send_origin){r->partition, r->offset, 0, 0};
    f->ticket = r->ticket;
    f->bytes = n;
    f->after = c->live;
    if (c->live)
        c->live->before = f;
    c->live = f;
    c->in_flight++;
    c->bytes += n;
    c->most_in_flight = c->in_flight > c->most_in_flight ? c->in_flight : c->most_in_flight;
    c->most_bytes = c->bytes > c->most_bytes ? c->bytes : c->most_bytes;
    c->carried++;
    atomic_fetch_add(&c->taken, 1);
    if (!c->hold) {
        c->io.send(c->io.self, &f->send);
        return true;
    }
    if (c->held_last)
        c->held_last->held = f;
    else
        c->held_first = f;
    c->held_last = f;
    if (++c->n_held >= c->hold)
        fake_send_held(c);
    return true;
}

void chain_expect(const struct send *send)
{
    (void)send;
}

void chain_expect_record(const struct send *send)
{
    (void)send;
}

void chain_sent(struct chain *c, struct send *send, enum send_result result, const char *why)
{
    struct fake_send *f = (struct fake_send *)send;

    if (result == SEND_DROPPED)
        return; /* chain_abandon() frees it */
    if (result == SEND_BROKEN || (result != SEND_OK && send->topic == &c->failed)) {
        if (!c->stopped)
            c->stopped = str_dup(str_of(why));
    } else if (result != SEND_OK) {
        f->send.topic = &c->failed;
        f->send.value.len = f->send.value.len < 16 ? f->send.value.len : 16;
        f->send.has_timestamp = false;
        f->send.origin.stage = 1;
        c->io.send(c->io.self, &f->send);
        return;
    } else if (!atomic_load(&c->stuck)) {
        c->io.done(c->io.self, f->ticket);
        atomic_fetch_add(&c->acknowledged, 1);
    }
    c->in_flight--;
    c->bytes -= f->bytes;
    if (f->before)
        f->before->after = f->after;
    else
        c->live = f->after;
    if (f->after)
        f->after->before = f->before;
    free(f);
}

int64_t chain_tick(struct chain *c)
{
    (void)c;
    return -1;
}

void chain_flush(struct chain *c)
{
    fake_send_held(c);
}

void chain_abandon(struct chain *c)
{
    while (c->live) {
        struct fake_send *f = c->live;

        c->live = f->after;
        free(f);
    }
    c->held_first = c->held_last = NULL;
    c->n_held = c->in_flight = c->bytes = 0;
}

size_t chain_in_flight(const struct chain *c)
{
    return c->in_flight;
}

size_t chain_in_flight_bytes(const struct chain *c)
{
    return c->bytes;
}

const char *chain_stopped(const struct chain *c)
{
    return c->stopped;
}

struct saved_state *chain_save(struct chain *c, const char **why)
{
    struct saved_state *s = malloc(sizeof *s);

    (void)why;
    s->carried = c->carried;
    return s;
}

bool chain_restore(struct chain *c, const struct saved_state *s, const char **why)
{
    if (c->bad_restore) {
        *why = "stage x does not take the state of its predecessor";
        return false;
    }
    c->carried = s->carried;
    return true;
}

void saved_state_destroy(struct saved_state *s)
{
    free(s);
}

static inline void fake_chain_fini(struct chain *c)
{
    while (c->live) {
        struct fake_send *f = c->live;

        c->live = f->after;
        free(f);
    }
    free(c->stopped);
    c->stopped = NULL;
}

#endif
