/* status.c: see status.h. It writes the document from front to back; a comma goes where something stands
 * before.
 *
 * A ledger belongs to a process that may just be going wrong. What it says is taken as numbers, and the index
 * of a stage only where the chain has one. */
#include "supervise/status.h"

#include "base/clock.h"
#include "chain/json.h"
#include "supervise/autopsy.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* ---- JSON */

void status_add_text(struct buf *out, struct weir_str text)
{
    struct buf mended;

    if (!text.ptr) {
        buf_add_text(out, "null");
    } else if (!json_quote(out, text)) {
        buf_init(&mended, text.len + 1);
        for (const char *at = text.ptr, *end = at + text.len; at < end;) {
            size_t n = json_utf8(at, end);

            buf_add(&mended, n ? str_make(at, n) : STR("?"));
            at += n ? n : 1;
        }
        if (!json_quote(out, buf_str(&mended)))
            buf_add_text(out, "null");
        buf_fini(&mended);
    }
}

/* Before every element of a list or object. */
static void next(struct buf *out)
{
    if (out->len && out->ptr[out->len - 1] != '{' && out->ptr[out->len - 1] != '[')
        buf_add_char(out, ',');
}

static void key(struct buf *out, const char *name)
{
    next(out);
    buf_add_fmt(out, "\"%s\":", name);
}

static void add_str(struct buf *out, const char *name, struct weir_str text)
{
    key(out, name);
    status_add_text(out, text);
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    add_str(out, name, str_of(text));
}

static void add_int(struct buf *out, const char *name, int64_t n)
{
    key(out, name);
    buf_add_fmt(out, "%lld", (long long)n);
}

static void add_bool(struct buf *out, const char *name, bool value)
{
    key(out, name);
    buf_add_text(out, value ? "true" : "false");
}

static void add_null(struct buf *out, const char *name)
{
    key(out, name);
    buf_add_text(out, "null");
}

static void add_known(struct buf *out, const char *name, bool known, int64_t n)
{
    if (known)
        add_int(out, name, n);
    else
        add_null(out, name);
}

/* 0, and what no calendar has: null. */
static void add_time(struct buf *out, const char *name, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;
    char text[32];

    if (unix_ms <= 0 || !gmtime_r(&seconds, &tm) || tm.tm_year >= 8100 ||
        !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
        add_null(out, name);
    else
        add_text(out, name, text);
}

/* A time of the monotonic clock, which starts anywhere. */
static void add_moment(struct buf *out, const char *name, int64_t mono_ms)
{
    add_time(out, name, mono_ms ? clock_wall_ms() + mono_ms - clock_mono_ms() : 0);
}

/* ---- a worker */

static const char *worker_state(const struct child *child)
{
    static const char *const names[] = {[CHILD_NONE] = "waiting", /* it died, and a delay runs */
                                        [CHILD_LOADING] = "loading",
                                        [CHILD_READY] = "ready",
                                        [CHILD_RUNNING] = "running",
                                        [CHILD_STOPPING] = "stopping"};

    if (child_lives(child) && child->held)
        return "suspended"; /* by a signal */
    return names[child->state];
}

/* The call that has not come back, by what the supervisor saw when it looked the last time. */
static bool is_stuck(const struct child *child, int64_t *ms)
{
    uint64_t count;

    if (!child_lives(child) || !child->ledger)
        return false;
    count = atomic_load_explicit(&child->ledger->task.count, memory_order_acquire);
    *ms = clock_mono_ms() - child->seen_at;
    return count % 2 && count == child->seen_count && *ms >= STATUS_CALL_MS;
}

static void add_call(struct buf *out, const struct child *child)
{
    const struct config_chain *conf = child->snapshot ? snapshot_chain(child->snapshot, child->chain) : NULL;
    uint32_t stage;
    int64_t ms;

    if (!is_stuck(child, &ms)) {
        add_null(out, "call");
        return;
    }
    stage = child->ledger->task.stage;
    key(out, "call");
    buf_add_char(out, '{');
    add_str(out, "stage", conf && stage < conf->stage_count ? conf->stages[stage].name : STR_ABSENT);
    add_text(out, "call", autopsy_call(child->ledger->task.call));
    add_int(out, "ms", ms);
    buf_add_char(out, '}');
}

/* A line of the ledger's counts, which may have been written over. */
static bool take_count(struct weir_str *rest, struct weir_str *stage, struct weir_str *name, int64_t *n)
{
    struct weir_str line;

    return str_split(rest, '\n', &line) && str_split(&line, ' ', stage) && str_split(&line, ' ', name) &&
           str_to_int(line, n);
}

/* {STAGE: {NAME: N, …}, …}: lines of one stage stand together. */
static void add_counts(struct buf *out, const struct ledger_report *report)
{
    size_t len = report->counts_len < LEDGER_COUNTS_MAX ? report->counts_len : LEDGER_COUNTS_MAX;
    struct weir_str rest = str_make(report->counts, len), stage, name, before = STR_ABSENT;
    int64_t n;

    key(out, "counts");
    buf_add_char(out, '{');
    while (take_count(&rest, &stage, &name, &n)) {
        if (!str_eq(stage, before)) {
            buf_add_text(out, before.ptr ? "}" : "");
            next(out);
            status_add_text(out, stage);
            buf_add_text(out, ":{");
            before = stage;
        }
        next(out);
        status_add_text(out, name);
        buf_add_fmt(out, ":%lld", (long long)n);
    }
    buf_add_text(out, before.ptr ? "}}" : "}");
}

static void add_report(struct buf *out, const struct child *child)
{
    struct ledger_report report = {.lag = -1};
    bool known = child_lives(child) && child->ledger && ledger_read_report(child->ledger, &report);

    add_known(out, "silent_ms", known, (int64_t)((uint64_t)clock_mono_ms() - (uint64_t)report.at_ms));
    add_known(out, "partitions", known, report.assigned);
    add_known(out, "lag", known && report.lag >= 0, report.lag);
    add_known(out, "in_flight", known, (int64_t)report.in_flight);
    add_known(out, "taken", known, (int64_t)report.taken);
    if (known && child->rate.known) {
        key(out, "rate");
        buf_add_fmt(out, "%.1f", child->rate.per_second);
    } else {
        add_null(out, "rate");
    }
    add_time(out, "last_commit", known ? report.last_commit_ms : 0);
    add_bool(out, "waiting_for_brokers", known && report.waiting_for_brokers);
    add_bool(out, "paused", known && report.paused);
    add_counts(out, &report);
}

static void add_worker(struct buf *out, const struct child *child)
{
    bool lives = child_lives(child);

    next(out);
    buf_add_char(out, '{');
    add_int(out, "task", child->task);
    add_known(out, "pid", lives, child->pid);
    add_text(out, "state", worker_state(child));
    add_known(out, "generation", lives, (int64_t)child->generation);
    add_moment(out, "since", lives ? child->started_at : 0);
    add_report(out, child);
    add_call(out, child);
    buf_add_char(out, '}');
}

/* ---- a chain */

static const char *chain_state(const struct crew *crew)
{
    static const char *const names[] = {
        [CREW_STARTING] = "starting",  [CREW_RUNNING] = "running",        [CREW_PROBING] = "reloading",
        [CREW_SWAPPING] = "reloading", [CREW_HANDING_OVER] = "reloading", [CREW_STOPPING] = "stopping",
        [CREW_OVER] = "stopped"};
    bool failed = crew->verdict == CREW_FAILED || crew->verdict == CREW_CONFIG;

    return failed && crew->phase == CREW_OVER ? "failed" : names[crew->phase];
}

static bool is_ending(const struct crew *crew)
{
    return crew->phase == CREW_STOPPING || crew->phase == CREW_OVER;
}

static const char *reload_outcome(const struct crew *crew)
{
    switch (crew->outcome) {
    case OUTCOME_PENDING:
        return "under way";
    case OUTCOME_REFUSED:
        return "refused";
    default:
        return crew_taken_back(crew) ? "taken back" : "in force";
    }
}

static struct weir_str why_of(const struct crew *crew, bool wanted)
{
    return wanted && crew->why.len ? buf_str(&crew->why) : STR_ABSENT;
}

static void add_reload(struct buf *out, const struct crew *crew)
{
    if (crew->outcome == OUTCOME_NONE) {
        add_null(out, "last_reload");
        return;
    }
    key(out, "last_reload");
    buf_add_char(out, '{');
    add_text(out, "outcome", reload_outcome(crew));
    add_str(out, "why",
            why_of(crew, (crew->outcome == OUTCOME_REFUSED || crew_taken_back(crew)) && !is_ending(crew)));
    add_known(out, "pause_ms", crew->outcome == OUTCOME_GOOD && crew->pause_ms >= 0, crew->pause_ms);
    buf_add_char(out, '}');
}

static void add_record(struct buf *out, struct weir_str topic, int32_t partition, int64_t offset,
                       bool emitted)
{
    add_str(out, "topic", topic);
    add_int(out, "partition", partition);
    add_int(out, "offset", offset);
    add_bool(out, "emitted", emitted);
}

static void add_crash(struct buf *out, const struct crew *crew, struct weir_str topic)
{
    const struct death *death = &crew->last_death;
    char text[64];

    if (!death->wall_ms) {
        add_null(out, "last_crash");
        return;
    }
    key(out, "last_crash");
    buf_add_char(out, '{');
    add_time(out, "at", death->wall_ms);
    add_text(out, "how", death_text(death, text));
    add_str(out, "stage", death->stage);
    add_text(out, "call", autopsy_call(death->call));
    if (death->partition == NOTE_NO_RECORD) {
        add_null(out, "record");
    } else {
        key(out, "record");
        buf_add_char(out, '{');
        add_record(out, topic, death->partition, death->offset, death->emitted);
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
}

/* The newest ones, where not all are listed. */
static void add_quarantined(struct buf *out, const struct crew *crew, struct weir_str topic)
{
    size_t count;
    const struct quarantined *items = deaths_quarantined(crew->deaths, &count);

    key(out, "quarantined");
    buf_add_char(out, '{');
    add_int(out, "count", (int64_t)count);
    key(out, "records");
    buf_add_char(out, '[');
    for (size_t i = count > STATUS_QUARANTINED_MAX ? count - STATUS_QUARANTINED_MAX : 0; i < count; i++) {
        next(out);
        buf_add_char(out, '{');
        add_record(out, topic, items[i].partition, items[i].offset, items[i].emitted);
        add_str(out, "stage", items[i].stage);
        add_str(out, "reason", items[i].reason);
        add_time(out, "since", deaths_quarantined_since(crew->deaths, i));
        buf_add_char(out, '}');
    }
    buf_add_text(out, "]}");
}

/* While a chain changes hands its new workers are not yet in `tasks`: they have done nothing worth telling.
 */
static void add_workers(struct buf *out, const struct crew *crew)
{
    key(out, "workers");
    buf_add_char(out, '[');
    for (size_t i = 0; i < crew->n_tasks; i++) {
        if (child_lives(&crew->tasks[i]) || !is_ending(crew))
            add_worker(out, &crew->tasks[i]);
    }
    buf_add_char(out, ']');
}

static void add_chain(struct buf *out, const struct crew *crew)
{
    const struct snapshot *snapshot = crew->current.snapshot;
    const struct config_chain *conf = snapshot ? snapshot_chain(snapshot, str_of(crew->name)) : NULL;
    struct weir_str source = conf ? conf->source : STR_ABSENT;

    next(out);
    buf_add_char(out, '{');
    add_text(out, "name", crew->name);
    add_text(out, "state", chain_state(crew));
    add_str(out, "why", why_of(crew, is_ending(crew)));
    add_text(out, "delivery",
             !conf                                   ? NULL
             : conf->delivery == CONFIG_EXACTLY_ONCE ? "exactly-once"
                                                     : "at-least-once");
    add_str(out, "source", source);
    add_str(out, "group", conf ? conf->group : STR_ABSENT);
    add_int(out, "generation", (int64_t)crew->current.number);
    add_time(out, "since", crew->since_ms);
    add_moment(out, "trial_until", crew->trial_until);
    add_reload(out, crew);
    add_int(out, "restarts", (int64_t)crew->restarts);
    add_crash(out, crew, source);
    add_quarantined(out, crew, source);
    add_workers(out, crew);
    buf_add_char(out, '}');
}

/* ---- the whole */

void status_add(struct buf *out, const struct fleet *fleet)
{
    buf_add_char(out, '{');
    add_text(out, "version", WEIR_VERSION);
    add_int(out, "pid", getpid());
    add_text(out, "directory", fleet->dir);
    add_time(out, "started", fleet->started_ms);
    add_time(out, "now", clock_wall_ms());
    add_int(out, "generation", (int64_t)fleet->newest.number);
    key(out, "chains");
    buf_add_char(out, '[');
    for (size_t i = 0; i < fleet->count; i++)
        add_chain(out, fleet->crews[i]);
    buf_add_text(out, "]}");
}
