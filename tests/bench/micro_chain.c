/* micro_chain.c: what the shipped chain costs without Kafka: every send is acknowledged as soon as the chain
 * has returned, or a given number of records later, as a broker would.
 *
 *   micro_chain CONF_DIR PLUGIN_DIR [IN_FLIGHT [RECORDS]]
 *
 * Prints nanoseconds a record of the whole walk through all stages, metrics record included. */
#include "base/clock.h"
#include "chain/chain.h"
#include "chain/loader.h"
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH 500

struct world {
    struct chain *chain;
    struct send *first, *last;
    size_t open;
    int64_t now;
    uint64_t sent, done, bytes;
};

static int64_t now_ms(void *self)
{
    return ((struct world *)self)->now;
}

static void take_send(void *self, struct send *send)
{
    struct world *w = self;

    send->next = NULL;
    if (w->last)
        w->last->next = send;
    else
        w->first = send;
    w->last = send;
    w->open++;
    w->sent++;
    w->bytes += send->value.len;
}

static void done(void *self, void *ticket)
{
    (void)ticket;
    ((struct world *)self)->done++;
}

static void answer(struct world *w, size_t keep)
{
    while (w->open > keep) {
        struct send *send = w->first;

        w->first = send->next;
        if (!w->first)
            w->last = NULL;
        w->open--;
        chain_sent(w->chain, send, SEND_OK, NULL);
    }
}

static void run(struct world *w, size_t in_flight, uint64_t records)
{
    static const char value[] = "{\"user_id\": \"62001a69-dc2c-4b28-8650-521ac278de26\", \"app_version\": "
                                "\"2.3.0\", \"ip\": \"70.201.62.158\", "
                                "\"locale\": \"KS\", \"device_id\": "
                                "\"f6a1baa4-af52-443f-b54f-0eeccb502f12\", \"timestamp\": 1729894074, "
                                "\"device_type\": \"iOS\"}";
    struct record record = {
        .value = {value, sizeof value - 1},
        .has_timestamp = true,
        .timestamp_ms = w->now,
        .topic = STR("user-login"),
    };

    for (uint64_t i = 0; i < records; i++) {
        record.offset = (int64_t)i;
        chain_take(w->chain, &record);
        if (i % BATCH == 0)
            answer(w, in_flight);
    }
    answer(w, 0);
}

int main(int argc, char **argv)
{
    size_t in_flight = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    uint64_t records = argc > 4 ? strtoull(argv[4], NULL, 10) : 1000000;
    struct world w = {.now = 1729894075250};
    struct chain_io io = {&w, now_ms, now_ms, take_send, done};
    struct loader *loader = loader_new();
    struct weir_str dir;
    struct config *config;
    struct diag diag;
    double best = 0;

    if (argc < 3 || !loader) {
        fprintf(stderr, "usage: micro_chain CONF_DIR PLUGIN_DIR [IN_FLIGHT [RECORDS]]\n");
        return 2;
    }
    dir = str_of(argv[2]);
    diag_init(&diag);
    loader_set_path(loader, &dir, 1);
    config = config_load(argv[1], &config_process_env, &diag);
    if (config && !diag.errors)
        w.chain = chain_new(config, &config->chains[0], loader, &diag);
    if (!w.chain) {
        diag_print(&diag, stderr);
        return 1;
    }
    chain_attach(w.chain, &io);
    for (int round = 0; round < 5; round++) {
        int64_t begin = clock_mono_ns();
        double ns;

        run(&w, in_flight, records);
        ns = (double)(clock_mono_ns() - begin) / (double)records;
        if (round == 0 || ns < best)
            best = ns;
    }
    printf("%7.1f ns a record, %zu in flight (%llu sends, %llu bytes, %llu done)\n", best, in_flight,
           (unsigned long long)w.sent, (unsigned long long)w.bytes, (unsigned long long)w.done);
    chain_destroy(w.chain);
    config_destroy(config);
    loader_destroy(loader);
    diag_fini(&diag);
    return 0;
}
