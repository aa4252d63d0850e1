/* status_view.c: see status_view.h. A table of chains and their workers with what is always there, and below
 * it a line for each thing that a person should know of a chain: what failed, crashed, hangs or is in
 * quarantine. */
#include "cli/status_view.h"

#include "cli/ask.h"
#include "cli/colour.h"
#include "cli/dlq_time.h"
#include "cli/printable.h"

#include <json-c/json.h>
#include <stdio.h>

#define QUARANTINED_SHOWN 5
#define SILENT_MS 10000 /* a task tells of itself several times a second, but for long waits for brokers */
#define NAME_MAX_COLUMNS 40
#define TEXT_MAX 48 /* of a number, a span of time */

struct view {
    struct buf *out;
    bool colour;
    size_t name_columns;
    int64_t now_ms;
};

/* ---- pieces */

static size_t count(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static void add(const struct view *v, const char *text)
{
    printable_add(v->out, str_of(text ? text : "-"));
}

static void cell(const struct view *v, const char *text, int width)
{
    buf_add_fmt(v->out, "  %*s", width, text);
}

/* As 5s, 5m 3s, 2h 5m, 3d 2h. */
static const char *span_text(int64_t ms, char text[TEXT_MAX])
{
    static const struct {
        int64_t seconds;
        char big, small;
        int64_t part;
    } units[] = {{86400, 'd', 'h', 3600}, {3600, 'h', 'm', 60}, {60, 'm', 's', 1}};
    int64_t s = ms > 0 ? ms / 1000 : 0;

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (s >= units[i].seconds) {
            snprintf(text, TEXT_MAX, "%lld%c %lld%c", (long long)(s / units[i].seconds), units[i].big,
                     (long long)(s % units[i].seconds / units[i].part), units[i].small);
            return text;
        }
    }
    snprintf(text, TEXT_MAX, "%llds", (long long)s);
    return text;
}

/* How long ago, or how long to go, a moment is. */
static const char *distance(const struct view *v, struct json_object *o, const char *name,
                            char text[TEXT_MAX])
{
    const char *at = ask_text(o, name);
    int64_t ms;

    if (!at || !dlq_time_read(at, v->now_ms, &ms))
        return "-";
    return span_text(ms < v->now_ms ? v->now_ms - ms : ms - v->now_ms, text);
}

static const char *number_text(int64_t n, char text[TEXT_MAX])
{
    if (n < 0)
        return "-";
    snprintf(text, TEXT_MAX, "%lld", (long long)n);
    return text;
}

/* What the workers of a chain come to; -1 where none of them knows. */
static int64_t sum(struct json_object *workers, const char *name)
{
    int64_t all = -1;

    for (size_t i = 0; i < count(workers); i++) {
        int64_t n = ask_number(json_object_array_get_idx(workers, i), name);

        if (n >= 0)
            all = (all < 0 ? 0 : all) + n;
    }
    return all;
}

static enum colour colour_of(const char *state)
{
    struct weir_str s = str_of(state);

    if (str_is(s, "running"))
        return COLOUR_GOOD;
    return str_is(s, "failed") || str_is(s, "suspended") || str_is(s, "waiting") ? COLOUR_BAD : COLOUR_WARN;
}

/* ---- the table */

static void name_cell(const struct view *v, struct weir_str name)
{
    size_t used = printable_add_cut(v->out, name, v->name_columns);

    buf_add_fmt(v->out, "%*s", (int)(v->name_columns - used), "");
}

static void state_cell(const struct view *v, const char *state)
{
    enum colour colour = colour_of(state);

    if (str_is(str_of(state), "failed"))
        state = "FAILED";
    buf_add_fmt(v->out, "  %s%-9s%s", colour_code(v->colour, colour), state ? state : "-",
                colour_code(v->colour, COLOUR_NONE));
}

/* The rest of a row, from GEN on. row: who has generation and since; numbers: partitions and the rest. */
static void last_cells(const struct view *v, struct json_object *row, const int64_t numbers[4])
{
    static const int widths[] = {5, 8, 7, 9}; /* as in head() */
    char text[TEXT_MAX];

    cell(v, number_text(ask_number(row, "generation"), text), 3);
    cell(v, distance(v, row, "since", text), 7);
    for (size_t i = 0; i < 4; i++)
        cell(v, number_text(numbers[i], text), widths[i]);
    buf_add_char(v->out, '\n');
}

static const char *worker_name(struct json_object *w, char name[TEXT_MAX])
{
    char task[TEXT_MAX], pid[TEXT_MAX];

    snprintf(name, TEXT_MAX, "  task %.9s pid %.9s", number_text(ask_number(w, "task"), task),
             number_text(ask_number(w, "pid"), pid));
    return name;
}

static void worker_row(const struct view *v, struct json_object *w)
{
    const int64_t numbers[] = {ask_number(w, "partitions"), ask_number(w, "lag"), ask_number(w, "rate"),
                               ask_number(w, "in_flight")};
    char name[TEXT_MAX];

    name_cell(v, str_of(worker_name(w, name)));
    state_cell(v, ask_text(w, "state"));
    last_cells(v, w, numbers);
}

static void chain_rows(const struct view *v, struct json_object *chain)
{
    struct json_object *workers = ask_member(chain, "workers");
    const int64_t numbers[] = {sum(workers, "partitions"), sum(workers, "lag"), sum(workers, "rate"),
                               sum(workers, "in_flight")};

    name_cell(v, str_of(ask_text(chain, "name")));
    state_cell(v, ask_text(chain, "state"));
    last_cells(v, chain, numbers);
    for (size_t i = 0; i < count(workers); i++)
        worker_row(v, json_object_array_get_idx(workers, i));
}

static void head(const struct view *v)
{
    buf_add_text(v->out, colour_code(v->colour, COLOUR_STRONG));
    buf_add_fmt(v->out, "%-*s  %-9s  %3s  %7s  %5s  %8s  %7s  %9s", (int)v->name_columns, "CHAIN", "STATE",
                "GEN", "SINCE", "PARTS", "LAG", "REC/S", "IN FLIGHT");
    buf_add_text(v->out, colour_code(v->colour, COLOUR_NONE));
    buf_add_char(v->out, '\n');
}

/* ---- the notes */

static void begin_note(const struct view *v, struct json_object *chain, enum colour colour)
{
    buf_add_text(v->out, colour_code(v->colour, colour));
    add(v, ask_text(chain, "name"));
    buf_add_text(v->out, ": ");
}

static void end_note(const struct view *v)
{
    buf_add_text(v->out, colour_code(v->colour, COLOUR_NONE));
    buf_add_char(v->out, '\n');
}

static void add_record(const struct view *v, struct json_object *record)
{
    add(v, ask_text(record, "topic"));
    buf_add_fmt(v->out, "[%lld]@%lld", (long long)ask_number(record, "partition"),
                (long long)ask_number(record, "offset"));
    if (ask_flag(record, "emitted"))
        buf_add_text(v->out, " (of what it led to)");
}

static void note_end_of_chain(const struct view *v, struct json_object *chain)
{
    const char *why = ask_text(chain, "why");

    if (!why)
        return;
    begin_note(v, chain, COLOUR_BAD);
    add(v, ask_text(chain, "state"));
    buf_add_text(v->out, ": ");
    add(v, why);
    end_note(v);
}

static void note_reload(const struct view *v, struct json_object *chain)
{
    struct json_object *reload = ask_member(chain, "last_reload");
    const char *outcome = ask_text(reload, "outcome"), *why = ask_text(reload, "why");
    int64_t pause = ask_number(reload, "pause_ms");
    char text[TEXT_MAX];

    if (outcome) {
        begin_note(v, chain, str_is(str_of(outcome), "in force") ? COLOUR_NONE : COLOUR_WARN);
        buf_add_text(v->out, "last reload ");
        add(v, outcome);
        if (pause >= 0)
            buf_add_fmt(v->out, ", pause %lld ms", (long long)pause);
        buf_add_text(v->out, why ? ": " : "");
        add(v, why ? why : "");
        end_note(v);
    }
    if (ask_text(chain, "trial_until")) {
        begin_note(v, chain, COLOUR_NONE);
        buf_add_fmt(v->out, "generation %lld is on trial for %s more",
                    (long long)ask_number(chain, "generation"), distance(v, chain, "trial_until", text));
        end_note(v);
    }
}

static void add_crash(const struct view *v, struct json_object *crash)
{
    const char *call = ask_text(crash, "call");
    struct json_object *record = ask_member(crash, "record");
    char text[TEXT_MAX];

    buf_add_fmt(v->out, "last crash %s ago: ", distance(v, crash, "at", text));
    add(v, ask_text(crash, "how"));
    if (call) {
        buf_add_text(v->out, " in ");
        add(v, call);
        buf_add_text(v->out, " of stage ");
        add(v, ask_text(crash, "stage"));
    }
    if (record) {
        buf_add_text(v->out, ", record ");
        add_record(v, record);
    }
}

static void note_crashes(const struct view *v, struct json_object *chain)
{
    struct json_object *crash = ask_member(chain, "last_crash");
    int64_t restarts = ask_number(chain, "restarts");

    if (!crash && restarts <= 0)
        return;
    begin_note(v, chain, COLOUR_WARN);
    if (restarts > 0)
        buf_add_fmt(v->out, "%lld restart%s%s", (long long)restarts, restarts == 1 ? "" : "s",
                    crash ? ", " : "");
    if (crash)
        add_crash(v, crash);
    end_note(v);
}

/* What it told last stands in the table, and may be true no more. */
static void note_silence(const struct view *v, struct json_object *chain, struct json_object *worker)
{
    int64_t ms = ask_number(worker, "silent_ms");
    char text[TEXT_MAX];

    if (ms < SILENT_MS)
        return;
    begin_note(v, chain, COLOUR_WARN);
    buf_add_fmt(v->out, "task %lld has said nothing of itself for %s: its figures are of then",
                (long long)ask_number(worker, "task"), span_text(ms, text));
    end_note(v);
}

static void note_calls(const struct view *v, struct json_object *chain)
{
    struct json_object *workers = ask_member(chain, "workers");

    for (size_t i = 0; i < count(workers); i++) {
        struct json_object *w = json_object_array_get_idx(workers, i), *call = ask_member(w, "call");
        char text[TEXT_MAX];

        if (call) {
            begin_note(v, chain, COLOUR_BAD);
            buf_add_fmt(v->out, "task %lld has been in ", (long long)ask_number(w, "task"));
            add(v, ask_text(call, "call"));
            buf_add_text(v->out, " of stage ");
            add(v, ask_text(call, "stage"));
            buf_add_fmt(v->out, " for %s", span_text(ask_number(call, "ms"), text));
            end_note(v);
        } else {
            note_silence(v, chain, w);
        }
        if (ask_flag(w, "waiting_for_brokers")) {
            begin_note(v, chain, COLOUR_BAD);
            buf_add_fmt(v->out, "task %lld waits for the brokers", (long long)ask_number(w, "task"));
            end_note(v);
        }
    }
}

/* Adds one worker's {STAGE: {NAME: N}} to that of the chain. */
static void sum_counts(struct json_object *sums, struct json_object *counts)
{
    json_object_object_foreach(counts, stage, names)
    {
        struct json_object *mine = ask_member(sums, stage);

        if (!json_object_is_type(names, json_type_object))
            continue;
        if (!mine) {
            mine = json_object_new_object();
            json_object_object_add(sums, stage, mine);
        }
        json_object_object_foreach(names, name, n)
        {
            int64_t before = ask_number(mine, name);

            json_object_object_add(
                mine, name, json_object_new_int64((before > 0 ? before : 0) + json_object_get_int64(n)));
        }
    }
}

static void add_counts(const struct view *v, struct json_object *sums)
{
    const char *between = "";

    json_object_object_foreach(sums, stage, names)
    {
        json_object_object_foreach(names, name, n)
        {
            if (str_is(str_of(name), "passed"))
                continue;
            buf_add_text(v->out, between);
            add(v, stage);
            buf_add_fmt(v->out, " %lld ", (long long)json_object_get_int64(n));
            add(v, name);
            between = ", ";
        }
    }
}

static void note_counts(const struct view *v, struct json_object *chain)
{
    struct json_object *workers = ask_member(chain, "workers"), *sums = json_object_new_object();
    size_t before = v->out->len, empty;

    for (size_t i = 0; i < count(workers); i++) {
        struct json_object *counts = ask_member(json_object_array_get_idx(workers, i), "counts");

        if (counts && json_object_is_type(counts, json_type_object))
            sum_counts(sums, counts);
    }
    begin_note(v, chain, COLOUR_NONE);
    buf_add_text(v->out, "so far: ");
    empty = v->out->len;
    add_counts(v, sums);
    if (v->out->len > empty)
        end_note(v);
    else
        v->out->len = before; /* all have passed */
    json_object_put(sums);
}

static void note_quarantined(const struct view *v, struct json_object *chain)
{
    struct json_object *records = ask_member(ask_member(chain, "quarantined"), "records");
    int64_t all = ask_number(ask_member(chain, "quarantined"), "count");
    size_t n = count(records), shown = n < QUARANTINED_SHOWN ? n : QUARANTINED_SHOWN;

    for (size_t i = n - shown; i < n; i++) {
        struct json_object *record = json_object_array_get_idx(records, i);

        begin_note(v, chain, COLOUR_WARN);
        buf_add_text(v->out, "quarantined at stage ");
        add(v, ask_text(record, "stage"));
        buf_add_text(v->out, ": ");
        add_record(v, record);
        buf_add_text(v->out, ": ");
        add(v, ask_text(record, "reason"));
        end_note(v);
    }
    if (all > (int64_t)shown) {
        begin_note(v, chain, COLOUR_WARN);
        buf_add_fmt(v->out, "and %lld more in quarantine; --json lists them",
                    (long long)(all - (int64_t)shown));
        end_note(v);
    }
}

/* ---- the whole */

static void measure_name(struct view *v, const char *name)
{
    size_t n = name ? strlen(name) : 0;

    if (n > v->name_columns)
        v->name_columns = n < NAME_MAX_COLUMNS ? n : NAME_MAX_COLUMNS;
}

static void measure_names(struct view *v, struct json_object *chains)
{
    char name[TEXT_MAX];

    measure_name(v, "CHAIN");
    for (size_t i = 0; i < count(chains); i++) {
        struct json_object *chain = json_object_array_get_idx(chains, i),
                           *workers = ask_member(chain, "workers");

        measure_name(v, ask_text(chain, "name"));
        for (size_t j = 0; j < count(workers); j++)
            measure_name(v, worker_name(json_object_array_get_idx(workers, j), name));
    }
}

void status_view_add(struct buf *out, struct json_object *status, bool colour)
{
    struct json_object *chains = ask_member(status, "chains");
    struct view v = {.out = out, .colour = colour};
    const char *now = ask_text(status, "now");
    char text[TEXT_MAX];

    if (now && !dlq_time_read(now, 0, &v.now_ms))
        v.now_ms = 0;
    measure_names(&v, chains);
    buf_add_text(out, "weir ");
    add(&v, ask_text(status, "version"));
    buf_add_text(out, ", ");
    add(&v, ask_text(status, "directory"));
    buf_add_fmt(out, ", pid %lld, generation %lld, up %s\n\n", (long long)ask_number(status, "pid"),
                (long long)ask_number(status, "generation"), distance(&v, status, "started", text));
    head(&v);
    for (size_t i = 0; i < count(chains); i++)
        chain_rows(&v, json_object_array_get_idx(chains, i));
    for (size_t i = 0; i < count(chains); i++) {
        struct json_object *chain = json_object_array_get_idx(chains, i);
        size_t before = out->len;

        buf_add_text(out, "\n");
        note_end_of_chain(&v, chain);
        note_counts(&v, chain);
        note_reload(&v, chain);
        note_crashes(&v, chain);
        note_calls(&v, chain);
        note_quarantined(&v, chain);
        if (out->len == before + 1)
            out->len = before; /* there was nothing to say */
    }
}
