/* demo_flow.c: see demo_flow.h.
 *
 * A sink is known by its option `topic`, which is what the shipped sink calls it. Outcomes are counted where
 * they are safe, on the topics, not where the chain sent them: what the demo shows as arrived has arrived. */
#include "cli/demo_flow.h"

#define SHOWN_MAX 4096 /* bytes of a value that are kept to be shown */

static void rate_update(struct flow_rate *r, uint64_t total, int64_t ms)
{
    size_t last = (r->next + FLOW_RATE_SLOTS - 1) % FLOW_RATE_SLOTS, oldest;

    if (r->filled && ms - r->times[last] < FLOW_RATE_SLOT_MS)
        return;
    oldest = r->filled < FLOW_RATE_SLOTS ? 0 : r->next;
    if (r->filled && ms > r->times[oldest])
        r->per_second = (double)(total - r->totals[oldest]) * 1000 / (double)(ms - r->times[oldest]);
    r->totals[r->next] = total;
    r->times[r->next] = ms;
    r->next = (r->next + 1) % FLOW_RATE_SLOTS;
    if (r->filled < FLOW_RATE_SLOTS)
        r->filled++;
}

static bool is_emitted(const struct config_chain *conf, struct weir_str route)
{
    for (size_t i = 0; i < conf->stage_count; i++) {
        if (conf->stages[i].emit.len && str_eq(conf->stages[i].emit, route))
            return true;
    }
    return false;
}

static void init_row(struct flow_row *row, const struct config_chain *conf, const struct config_stage *stage)
{
    const struct config_key *topic = config_keys_find(&stage->keys, "topic");

    row->name = stage->name;
    row->plugin = stage->plugin;
    row->to = stage->to;
    row->emit = stage->emit;
    row->from = stage->from_all ? STR("*") : stage->from.count ? stage->from.items[0] : STR("main");
    row->topic = topic ? topic->value : STR_ABSENT;
    row->beside = is_emitted(conf, row->from);
    buf_init(&row->record, SHOWN_MAX);
}

/* One sink a route, each for one route, none with a condition: then every record ends on one topic. */
static void plan_balance(struct flow *flow, const struct config_chain *conf)
{
    flow->can_balance = true;
    for (size_t i = 0; i < flow->n_rows; i++) {
        struct flow_row *row = &flow->rows[i];

        row->counts = row->topic.ptr && !row->beside;
        if (!row->counts)
            continue;
        if (conf->stages[i].from_all || conf->stages[i].from.count > 1 || conf->stages[i].when.len)
            flow->can_balance = false;
        for (size_t j = 0; j < i; j++) {
            if (flow->rows[j].counts && str_eq(flow->rows[j].from, row->from))
                flow->can_balance = false;
        }
    }
}

bool flow_init(struct flow *flow, const struct config_chain *conf)
{
    *flow = (struct flow){.source = conf->source};
    if (conf->stage_count >= FLOW_ROWS_MAX)
        return false;
    for (size_t i = 0; i < conf->stage_count; i++)
        init_row(&flow->rows[flow->n_rows++], conf, &conf->stages[i]);
    plan_balance(flow, conf);
    return true;
}

void flow_fini(struct flow *flow)
{
    for (size_t i = 0; i < flow->n_rows; i++)
        buf_fini(&flow->rows[i].record);
}

static struct flow_row *find_row(struct flow *flow, struct weir_str name)
{
    for (size_t i = 0; i < flow->n_rows; i++) {
        if (str_eq(flow->rows[i].name, name))
            return &flow->rows[i];
    }
    return NULL;
}

/* Behind `before`; NULL: in front. */
static struct flow_row *insert_row(struct flow *flow, struct flow_row *before, struct weir_str name)
{
    size_t at = before ? (size_t)(before - flow->rows) + 1 : 0;

    if (flow->n_rows == FLOW_ROWS_MAX)
        return NULL;
    memmove(&flow->rows[at + 1], &flow->rows[at], (flow->n_rows - at) * sizeof flow->rows[0]);
    flow->rows[at] = (struct flow_row){.name = name};
    buf_init(&flow->rows[at].record, SHOWN_MAX);
    flow->n_rows++;
    return &flow->rows[at];
}

void flow_take_counts(struct flow *flow, const struct chain_count *counts, size_t n)
{
    struct flow_row *row = NULL, *last = NULL;

    for (size_t i = 0; i < n; i++) {
        row = find_row(flow, counts[i].stage);
        if (!row)
            row = insert_row(flow, last, counts[i].stage);
        if (!row)
            continue;
        if (str_is(counts[i].name, "rejected"))
            row->rejected = counts[i].n;
        else if (str_is(counts[i].name, "dropped"))
            row->dropped = counts[i].n;
        else if (str_is(counts[i].name, "failed"))
            row->failed = counts[i].n;
        last = row;
    }
}

static void keep_record(struct flow_row *row, struct weir_str value, int64_t mono_ms)
{
    if (!value.ptr || value.len > SHOWN_MAX)
        value = str_make(value.ptr ? value.ptr : "", value.ptr ? SHOWN_MAX : 0);
    row->record_at_ms = mono_ms;
    buf_reset(&row->record);
    buf_add(&row->record, value);
    if (value.len > row->longest)
        row->longest = value.len;
}

void flow_arrived(struct flow *flow, struct weir_str topic, struct weir_str value, int64_t mono_ms,
                  int64_t hold_ms)
{
    for (size_t i = 0; i < flow->n_rows; i++) {
        struct flow_row *row = &flow->rows[i];

        if (!row->topic.ptr || !str_eq(row->topic, topic))
            continue;
        row->arrived++;
        if (!row->record_at_ms || mono_ms - row->record_at_ms >= hold_ms)
            keep_record(row, value, mono_ms);
        return; /* stages that share a topic share the first one's row */
    }
}

void flow_tick(struct flow *flow, int64_t mono_ms)
{
    rate_update(&flow->rate, flow->in, mono_ms);
    for (size_t i = 0; i < flow->n_rows; i++) {
        struct flow_row *row = &flow->rows[i];

        rate_update(&row->rate, row->topic.ptr ? row->arrived : flow_left(row), mono_ms);
    }
}

uint64_t flow_out(const struct flow *flow)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < flow->n_rows; i++)
        sum += flow->rows[i].counts ? flow->rows[i].arrived : 0;
    return sum;
}

uint64_t flow_dropped(const struct flow *flow)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < flow->n_rows; i++)
        sum += flow->rows[i].dropped;
    return sum;
}
