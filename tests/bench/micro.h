/* micro.h: a chain without Kafka: every send is acknowledged as soon as the chain has returned, or a given
 * number of records later, as a broker would. One at a time. */
#ifndef WEIR_BENCH_MICRO_H
#define WEIR_BENCH_MICRO_H

#include "base/clock.h"
#include "chain/chain.h"
#include "chain/loader.h"
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

#define MICRO_BATCH 500 /* records between two looks at what is to be acknowledged */
#define MICRO_NOW INT64_C(1729894075250)

struct micro {
    struct loader *loader;
    struct config *config;
    struct diag diag;
    struct chain *chain;
    struct send *first, *last;
    size_t open;
    uint64_t sent, done, bytes;
};

static inline int64_t micro_now_ms(void *self)
{
    (void)self;
    return MICRO_NOW;
}

static inline void micro_send(void *self, struct send *send)
{
    struct micro *m = self;

    send->next = NULL;
    if (m->last)
        m->last->next = send;
    else
        m->first = send;
    m->last = send;
    m->open++;
    m->sent++;
    m->bytes += send->value.len;
}

static inline void micro_done(void *self, void *ticket)
{
    (void)ticket;
    ((struct micro *)self)->done++;
}

/* Opens the one chain of a folder. Errors: says why, and ends the program. */
static inline void micro_open(struct micro *m, const char *conf_dir, const char *plugin_dir)
{
    struct chain_io io = {m, micro_now_ms, micro_now_ms, micro_send, micro_done};
    struct weir_str dir = str_of(plugin_dir);

    *m = (struct micro){.loader = loader_new()};
    diag_init(&m->diag);
    loader_set_path(m->loader, &dir, 1);
    m->config = config_load(conf_dir, &config_process_env, &m->diag);
    if (m->config && !m->diag.errors)
        m->chain = chain_new(m->config, &m->config->chains[0], m->loader, &m->diag);
    if (!m->chain) {
        diag_print(&m->diag, stderr);
        exit(1);
    }
    chain_attach(m->chain, &io);
}

static inline void micro_close(struct micro *m)
{
    chain_destroy(m->chain);
    config_destroy(m->config);
    loader_destroy(m->loader);
    diag_fini(&m->diag);
}

static inline void micro_answer(struct micro *m, size_t keep)
{
    while (m->open > keep) {
        struct send *send = m->first;

        m->first = send->next;
        if (!m->first)
            m->last = NULL;
        m->open--;
        chain_sent(m->chain, send, SEND_OK, NULL);
    }
}

/* Nanoseconds a record. */
static inline double micro_run(struct micro *m, size_t in_flight, uint64_t records)
{
    static const char value[] =
        "{\"user_id\": \"62001a69-dc2c-4b28-8650-521ac278de26\", \"app_version\": \"2.3.0\", \"ip\": "
        "\"70.201.62.158\", \"locale\": \"KS\", \"device_id\": \"f6a1baa4-af52-443f-b54f-0eeccb502f12\", "
        "\"timestamp\": 1729894074, \"device_type\": \"iOS\"}";
    int64_t begin = clock_mono_ns();
    struct record record = {
        .value = {value, sizeof value - 1},
        .has_timestamp = true,
        .timestamp_ms = MICRO_NOW,
        .topic = STR("user-login"),
    };

    for (uint64_t i = 0; i < records; i++) {
        record.offset = (int64_t)i;
        chain_take(m->chain, &record);
        if (i % MICRO_BATCH == 0)
            micro_answer(m, in_flight);
    }
    micro_answer(m, 0);
    return (double)(clock_mono_ns() - begin) / (double)records;
}

#endif
