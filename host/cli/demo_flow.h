/* demo_flow.h: what the demo knows of a chain: its stages in order, and what has gone where so far.
 *
 * It is made from the chain's configuration, fed with the chain's counters and with the records that arrive
 * on its topics, and drawn by demo_view.c. It knows neither Kafka nor the screen. */
#ifndef WEIR_CLI_DEMO_FLOW_H
#define WEIR_CLI_DEMO_FLOW_H

#include "base/buf.h"
#include "chain/chain.h"
#include "config/config.h"

#define FLOW_ROWS_MAX 64
#define FLOW_RATE_SLOTS 8
#define FLOW_RATE_SLOT_MS 250

/** Records a second, over the last two seconds. */
struct flow_rate {
    uint64_t totals[FLOW_RATE_SLOTS];
    int64_t times[FLOW_RATE_SLOTS];
    size_t next, filled;
    double per_second;
};

/** One stage. */
struct flow_row {
    struct weir_str name, plugin; /* plugin absent: the host's own parse */
    struct weir_str from;         /* the first route that it sees, "*" for all */
    struct weir_str to;           /* where it sends what it rejects; absent: nowhere */
    struct weir_str emit;         /* the route of what it makes; absent: it makes nothing */
    struct weir_str topic;        /* of a sink; else absent */
    bool beside;                  /* a sink for what the chain makes itself */
    bool counts;                  /* a sink whose records are outcomes of the source's records */
    uint64_t rejected, dropped, failed;
    uint64_t arrived; /* records on its topic */
    struct flow_rate rate;
    struct buf record;    /* the value to show of its topic */
    int64_t record_at_ms; /* monotonic: since when; 0: none yet */
    size_t longest;       /* bytes of the longest value shown so far */
};

struct flow {
    struct weir_str source;
    struct flow_row rows[FLOW_ROWS_MAX];
    size_t n_rows;
    uint64_t in; /* records on the source topic */
    struct flow_rate rate;
    bool can_balance; /* each source record ends on one topic, so the outcomes must add up */
};

/** Borrows the configuration's texts. False: it has too many stages. */
bool flow_init(struct flow *flow, const struct config_chain *conf);
void flow_fini(struct flow *flow);

/** Takes over the chain's counters. A stage that the configuration does not name (the parse) gets a row. */
void flow_take_counts(struct flow *flow, const struct chain_count *counts, size_t n);

/** A record has arrived on a topic. Its value replaces the one shown, at most once in hold_ms. */
void flow_arrived(struct flow *flow, struct weir_str topic, struct weir_str value, int64_t mono_ms,
                  int64_t hold_ms);

/** Brings the rates up to date. */
void flow_tick(struct flow *flow, int64_t mono_ms);

/** Records that reached an end: outcomes on topics; dropped ones. */
uint64_t flow_out(const struct flow *flow);
uint64_t flow_dropped(const struct flow *flow);

/** What left the way at a stage. */
static inline uint64_t flow_left(const struct flow_row *row)
{
    return row->rejected + row->failed;
}

#endif
