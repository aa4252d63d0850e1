/* deaths.c: the policy of deaths.h.
 *
 * An event is a death that counts; that of a record in a stage is one event however often it happens, so that
 * events of a stage are different records. Events older than the window are forgotten, but never the newest:
 * a record that hangs for longer than the window each time must still be found guilty at its second death.
 *
 * The quarantine does not know what has been committed since, so it would grow for ever. When it is full the
 * oldest item gives way: it stands at an offset that was passed long ago, and if not, it will be back after
 * two deaths. Where even the oldest is younger than the window that reasoning fails, and so does the chain.
 */
#include "supervise/deaths.h"

#include "config/names.h"
#include "config/value.h"

#include <stdio.h>
#include <stdlib.h>

#define EVENTS_MAX 512
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 10000
#define LONG_LIFE_MS 60000

struct event {
    int64_t at_ms;
    bool pinned;
    int32_t partition; /* with offset and emitted: pinned only */
    int64_t offset;
    bool emitted;
    char stage[NAME_MAX_LEN + 1]; /* whose doing it was; "": nobody knows */
};

/* The texts of a quarantined item. */
struct texts {
    char stage[NAME_MAX_LEN + 1];
    char reason[DEATHS_REASON_MAX + 1];
};

struct deaths {
    size_t limit;
    int64_t window_ms;
    unsigned restarts;               /* without a long life in between */
    struct event events[EVENTS_MAX]; /* the newest last */
    size_t n_events;
    struct quarantined items[DEATHS_QUARANTINED_MAX]; /* the oldest first */
    struct texts texts[DEATHS_QUARANTINED_MAX];
    int64_t since[DEATHS_QUARANTINED_MAX];
    size_t n_items;
    char why[256];
};

struct deaths *deaths_new(size_t limit, int64_t window_ms)
{
    struct deaths *d = calloc(1, sizeof *d);

    if (d)
        deaths_set_limits(d, limit, window_ms);
    return d;
}

void deaths_destroy(struct deaths *deaths)
{
    free(deaths);
}

void deaths_set_limits(struct deaths *d, size_t limit, int64_t window_ms)
{
    d->limit = limit;
    d->window_ms = window_ms;
}

void deaths_lived(struct deaths *d, int64_t ms)
{
    if (ms >= LONG_LIFE_MS)
        d->restarts = 0;
}

void deaths_forgive(struct deaths *d)
{
    d->n_events = 0;
    d->restarts = 0;
}

/* ---- texts */

const char *death_text(const struct death *death, char text[64])
{
    char span[32];
    const char *name;

    switch (death->how) {
    case DEATH_SIGNAL:
        name = sigabbrev_np(death->number);
        if (name)
            snprintf(text, 64, "SIG%s", name);
        else
            snprintf(text, 64, "signal %d", death->number);
        break;
    case DEATH_EXIT:
        snprintf(text, 64, "exit status %d", death->number);
        break;
    case DEATH_HANG:
        snprintf(text, 64, "no answer within %s", value_duration_text(death->waited_ms, span));
        break;
    case DEATH_KILLED:
        snprintf(text, 64, "SIGKILL from outside");
        break;
    case DEATH_STOPPED:
        snprintf(text, 64, "stopped from outside for %s", value_duration_text(death->waited_ms, span));
        break;
    }
    return text;
}

static void copy(char *to, size_t room, struct weir_str from)
{
    snprintf(to, room, STR_FMT, STR_ARG(from));
}

/* ---- the quarantine */

static bool same_item(const struct quarantined *a, const struct quarantined *b)
{
    return a->partition == b->partition && a->offset == b->offset && a->emitted == b->emitted &&
           str_eq(a->stage, b->stage);
}

static bool is_kept(const struct deaths *d, const struct quarantined *item)
{
    for (size_t i = 0; i < d->n_items; i++) {
        if (same_item(&d->items[i], item))
            return true;
    }
    return false;
}

static void point_at_texts(struct deaths *d, size_t i)
{
    d->items[i].stage = str_of(d->texts[i].stage);
    d->items[i].reason = str_of(d->texts[i].reason);
}

static void forget_oldest(struct deaths *d)
{
    d->n_items--;
    memmove(d->items, d->items + 1, d->n_items * sizeof d->items[0]);
    memmove(d->texts, d->texts + 1, d->n_items * sizeof d->texts[0]);
    memmove(d->since, d->since + 1, d->n_items * sizeof d->since[0]);
    for (size_t i = 0; i < d->n_items; i++)
        point_at_texts(d, i);
}

bool deaths_keep(struct deaths *d, const struct quarantined *item, int64_t since_ms)
{
    size_t i;

    if (!name_is_chain(item->stage) || !item->reason.len || item->reason.len > DEATHS_REASON_MAX ||
        item->partition < 0 || item->offset < 0 || is_kept(d, item))
        return false;
    if (d->n_items == DEATHS_QUARANTINED_MAX)
        forget_oldest(d);
    i = d->n_items++;
    d->items[i] = *item;
    copy(d->texts[i].stage, sizeof d->texts[i].stage, item->stage);
    copy(d->texts[i].reason, sizeof d->texts[i].reason, item->reason);
    point_at_texts(d, i);
    d->since[i] = since_ms;
    return true;
}

const struct quarantined *deaths_quarantined(const struct deaths *d, size_t *count)
{
    *count = d->n_items;
    return d->items;
}

int64_t deaths_quarantined_since(const struct deaths *d, size_t index)
{
    return d->since[index];
}

/* ---- events */

/* Those older than the window go, but for the newest: a record that hangs for longer than that is still
 * found. */
static void forget_events(struct deaths *d, int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->n_events; i++) {
        if (i + 1 == d->n_events || now_ms - d->events[i].at_ms <= d->window_ms)
            d->events[kept++] = d->events[i];
    }
    d->n_events = kept;
}

static struct quarantined record_of(const struct death *death)
{
    return (struct quarantined){.partition = death->partition,
                                .offset = death->offset,
                                .emitted = death->emitted,
                                .stage = death->stage};
}

/* Is it the stage's doing, whatever the record? */
static bool is_stages(const struct death *death)
{
    bool in_call = death->call == NOTE_PROCESS ? death->pinned : death->call != NOTE_NONE;

    return in_call && death->how <= DEATH_HANG && death->stage.ptr && name_is_chain(death->stage);
}

/* Is there one record and one stage to blame? One that is kept from the stage by now cannot have been there.
 */
static bool is_pinned(const struct deaths *d, const struct death *death)
{
    const struct quarantined record = record_of(death);

    return is_stages(death) && death->call == NOTE_PROCESS && death->partition >= 0 && death->offset >= 0 &&
           !is_kept(d, &record);
}

/* Takes the event of that record and stage out. False: there was none. */
static bool take_event(struct deaths *d, const struct death *death)
{
    for (size_t i = 0; i < d->n_events; i++) {
        const struct event *e = &d->events[i];

        if (e->pinned && e->partition == death->partition && e->offset == death->offset &&
            e->emitted == death->emitted && str_is(death->stage, e->stage)) {
            d->n_events--;
            memmove(d->events + i, d->events + i + 1, (d->n_events - i) * sizeof d->events[0]);
            return true;
        }
    }
    return false;
}

static void add_event(struct deaths *d, const struct death *death, bool pinned, int64_t now_ms)
{
    struct event *e = &d->events[d->n_events++];

    *e = (struct event){now_ms, pinned, death->partition, death->offset, death->emitted, ""};
    if (is_stages(death))
        copy(e->stage, sizeof e->stage, death->stage);
}

static bool counts(const struct deaths *d, const struct event *e, int64_t now_ms)
{
    return now_ms - e->at_ms <= d->window_ms;
}

/* Events of the stage, pinned to a record or not. */
static size_t count_stage(const struct deaths *d, struct weir_str stage, int64_t now_ms, bool *all_pinned)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n_events; i++) {
        if (str_is(stage, d->events[i].stage) && counts(d, &d->events[i], now_ms)) {
            *all_pinned = *all_pinned && d->events[i].pinned;
            n++;
        }
    }
    return n;
}

static size_t count_loose(const struct deaths *d, int64_t now_ms)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n_events; i++)
        n += !d->events[i].pinned && counts(d, &d->events[i], now_ms);
    return n;
}

/* ---- the verdict */

/* Is that the end? Then d->why says why. */
static bool is_over(struct deaths *d, const struct death *death, int64_t now_ms)
{
    char last[64], span[32];
    bool all_pinned = true;
    size_t of_stage = is_stages(death) ? count_stage(d, death->stage, now_ms, &all_pinned) : 0;
    size_t loose = count_loose(d, now_ms);

    death_text(death, last);
    value_duration_text(d->window_ms, span);
    if (of_stage >= d->limit)
        snprintf(d->why, sizeof d->why, "stage \"" STR_FMT "\" did not survive %zu %s within %s (last: %s)",
                 STR_ARG(death->stage), of_stage,
                 all_pinned ? "different records" : "records and other calls", span, last);
    else if (loose >= d->limit)
        snprintf(d->why, sizeof d->why,
                 "its workers died %zu times within %s, and no record explains it (last: %s)", loose, span,
                 last);
    else if (d->n_events == EVENTS_MAX)
        snprintf(d->why, sizeof d->why, "its workers died more than %d times within %s (last: %s)",
                 EVENTS_MAX - 1, span, last);
    else
        return false;
    return true;
}

static bool is_full(struct deaths *d, int64_t wall_ms)
{
    if (d->n_items < DEATHS_QUARANTINED_MAX || wall_ms - d->since[0] > d->window_ms)
        return false;
    snprintf(d->why, sizeof d->why, "more than %d records would be in quarantine", DEATHS_QUARANTINED_MAX);
    return true;
}

static enum deaths_verdict judge(struct deaths *d, const struct death *death, int64_t now_ms)
{
    bool pinned = is_pinned(d, death), again = pinned && take_event(d, death);
    struct quarantined item = record_of(death);
    char text[64], reason[96];

    add_event(d, death, pinned, now_ms);
    if (is_over(d, death, now_ms))
        return DEATHS_FAILED;
    if (!again)
        return DEATHS_RESTART;
    if (is_full(d, death->wall_ms))
        return DEATHS_FAILED;
    snprintf(reason, sizeof reason, "Plugin crash: %s", death_text(death, text));
    item.reason = str_of(reason);
    deaths_keep(d, &item, death->wall_ms);
    return DEATHS_QUARANTINED;
}

static int64_t backoff_ms(unsigned restarts)
{
    int64_t ms = BACKOFF_FIRST_MS;

    if (restarts == 0)
        return 0;
    while (--restarts && ms < BACKOFF_MOST_MS)
        ms *= 2;
    return ms < BACKOFF_MOST_MS ? ms : BACKOFF_MOST_MS;
}

struct deaths_answer deaths_note(struct deaths *d, const struct death *death, int64_t now_ms)
{
    struct deaths_answer answer = {.verdict = DEATHS_RESTART, .delay_ms = backoff_ms(d->restarts)};

    if (d->restarts < 1000)
        d->restarts++;
    if (death->how == DEATH_KILLED)
        return answer;
    forget_events(d, now_ms);
    answer.verdict = judge(d, death, now_ms);
    if (answer.verdict == DEATHS_FAILED)
        answer.why = d->why;
    return answer;
}
