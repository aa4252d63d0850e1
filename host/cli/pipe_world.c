/* pipe_world.c: see pipe_world.h.
 *
 * A send is written at once, in the order in which a producer would have got it, and answered as soon as the
 * chain has returned: the shortest way that a broker could take. With a fixed clock every wait moves the
 * clock to its end, so that the same input gives the same output. */
#include "cli/pipe_world.h"

#include "base/clock.h"
#include "chain/json.h"

#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOUR_MS (3600 * 1000)

int64_t pipe_world_now(const struct pipe_world *world)
{
    return world->fixed_clock ? world->now_ms : clock_wall_ms();
}

static int64_t now_ms(void *self)
{
    return pipe_world_now(self);
}

static int64_t mono_ms(void *self)
{
    const struct pipe_world *world = self;

    return world->fixed_clock ? world->mono_ms : clock_mono_ms();
}

static void done(void *self, void *ticket)
{
    (void)self;
    (void)ticket;
}

/* ---- writing */

static bool is_text(struct weir_str s)
{
    return json_quoted_size(s) > 0;
}

static void add_base64(struct buf *out, struct weir_str s)
{
    size_t room = (s.len + 2) / 3 * 4 + 1;

    buf_add_char(out, '"');
    if (s.len <= INT32_MAX && buf_reserve(out, room))
        out->len += (size_t)EVP_EncodeBlock((unsigned char *)out->ptr + out->len,
                                            (const unsigned char *)s.ptr, (int)s.len);
    else
        out->failed = true;
    buf_add_char(out, '"');
}

/* A member of a text that may be no text: "key", or "key_base64". */
static void add_bytes(struct buf *out, const char *name, struct weir_str s)
{
    if (!s.ptr) {
        buf_add_fmt(out, "\"%s\": null", name);
    } else if (is_text(s)) {
        buf_add_fmt(out, "\"%s\": ", name);
        json_quote(out, s);
    } else {
        buf_add_fmt(out, "\"%s_base64\": ", name);
        add_base64(out, s);
    }
}

/* JSON as it stands, on one line: a line end within valid JSON is a blank. */
static void add_json(struct buf *out, struct weir_str json)
{
    size_t start = out->len;

    buf_add(out, json);
    for (size_t i = start; i < out->len && !out->failed; i++) {
        if (out->ptr[i] == '\n' || out->ptr[i] == '\r')
            out->ptr[i] = ' ';
    }
}

static void add_value(struct buf *out, struct weir_str value)
{
    if (value.ptr && json_check(value)) {
        buf_add_text(out, "\"value\": ");
        add_json(out, str_trim(value));
    } else {
        add_bytes(out, "value", value);
    }
}

static void add_headers(struct buf *out, const struct send *send)
{
    buf_add_text(out, "\"headers\": [");
    for (size_t i = 0; i < send->n_headers; i++) {
        const struct weir_header *h = &send->headers[i];

        buf_add_text(out, i ? ", [" : "[");
        if (!json_quote(out, h->name))
            add_base64(out, h->name);
        buf_add_text(out, ", ");
        if (!h->value.ptr) {
            buf_add_text(out, "null");
        } else if (!json_quote(out, h->value)) {
            buf_add_text(out, "{\"base64\": ");
            add_base64(out, h->value);
            buf_add_char(out, '}');
        }
        buf_add_char(out, ']');
    }
    buf_add_char(out, ']');
}

static void write_line(struct pipe_world *world, const struct send *send)
{
    struct buf *out = &world->line;

    buf_reset(out);
    if (world->values_only) {
        buf_add(out, send->topic->name);
        buf_add_char(out, '\t');
        buf_add(out, send->value);
    } else {
        buf_add_text(out, "{\"topic\": ");
        json_quote(out, send->topic->name);
        buf_add_text(out, ", ");
        add_bytes(out, "key", send->key);
        buf_add_text(out, ", ");
        add_value(out, send->value);
        buf_add_text(out, ", ");
        add_headers(out, send);
        buf_add_fmt(out, ", \"timestamp\": %lld}",
                    (long long)(send->has_timestamp ? send->timestamp_ms : now_ms(world)));
    }
    buf_add_char(out, '\n');
    if (out->failed || fwrite(out->ptr, 1, out->len, world->out) != out->len)
        world->output_failed = true;
}

/* ---- sending and answering */

static enum send_result judge(struct pipe_world *world, const struct send *send)
{
    for (size_t i = 0; i < world->n_refusals; i++) {
        const struct pipe_refusal *r = &world->refusals[i];
        bool size = r->result == SEND_TOO_LARGE, time = r->result == SEND_BAD_TIMESTAMP;

        if (!str_eq(r->topic, send->topic->name))
            continue;
        if (size && (int64_t)(send->key.len + send->value.len) <= r->max_bytes)
            continue;
        if (time && (!send->has_timestamp ||
                     (send->timestamp_ms >= 0 && send->timestamp_ms <= now_ms(world) + HOUR_MS)))
            continue;
        return r->result;
    }
    return SEND_OK;
}

static void take_send(void *self, struct send *send)
{
    struct pipe_world *world = self;

    send->next = NULL;
    if (world->last)
        world->last->next = send;
    else
        world->first = send;
    world->last = send;
    if (judge(world, send) == SEND_OK)
        write_line(world, send);
}

static const char *phrase(enum send_result result)
{
    if (result == SEND_TOO_LARGE)
        return "the record is larger than the topic takes";
    if (result == SEND_BAD_TIMESTAMP)
        return "the topic does not take this timestamp";
    return "the topic does not take this record";
}

static void answer_all(struct pipe_world *world)
{
    struct send *send;

    while ((send = world->first)) {
        enum send_result result = judge(world, send);

        world->first = send->next;
        if (!world->first)
            world->last = NULL;
        chain_sent(world->chain, send, result, result == SEND_OK ? NULL : phrase(result));
    }
}

static void wait_ms(struct pipe_world *world, int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    if (world->fixed_clock) {
        world->now_ms += ms;
        world->mono_ms += ms;
    } else {
        nanosleep(&t, NULL);
    }
}

void pipe_world_settle(struct pipe_world *world)
{
    int64_t next;

    for (;;) {
        answer_all(world);
        next = chain_tick(world->chain);
        if (world->first)
            continue;
        if (chain_stopped(world->chain) || chain_ready(world->chain))
            return;
        wait_ms(world, next < 0 ? 1 : next);
    }
}

void pipe_world_finish(struct pipe_world *world)
{
    bool sent;

    pipe_world_settle(world);
    do { /* what one flush sets free, a sink further down may hold */
        chain_flush(world->chain);
        sent = world->first != NULL;
        pipe_world_settle(world);
    } while (sent && !chain_stopped(world->chain));
}

void pipe_world_attach(struct pipe_world *world, struct chain *chain)
{
    struct chain_io io = {world, now_ms, mono_ms, take_send, done};

    world->chain = chain;
    buf_init(&world->line, (size_t)1 << 30);
    chain_attach(chain, &io);
}

void pipe_world_fini(struct pipe_world *world)
{
    buf_fini(&world->line);
}

bool pipe_world_refuse(void *self, const char *text)
{
    struct pipe_world *world = self;
    struct weir_str rest = str_of(text), topic, kind, number;
    struct pipe_refusal r = {.result = SEND_REFUSED};

    if (world->n_refusals == PIPE_REFUSALS_MAX || !str_split(&rest, '=', &topic) || !topic.len ||
        !str_split(&rest, ':', &kind))
        return false;
    r.topic = topic;
    if (str_is(kind, "size")) {
        r.result = SEND_TOO_LARGE;
        if (!str_split(&rest, ':', &number) || !str_to_int(number, &r.max_bytes))
            return false;
    } else if (str_is(kind, "timestamp")) {
        r.result = SEND_BAD_TIMESTAMP;
    } else if (!str_is(kind, "record")) {
        return false;
    }
    world->refusals[world->n_refusals++] = r;
    return !rest.ptr;
}
