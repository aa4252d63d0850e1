/* dlq_tally.c: see dlq_tally.h. A row of kinds, searched from its beginning: there are few, and the frequent
 * ones come early. */
#include "cli/dlq_tally.h"

#include "chain/json.h"
#include "cli/dlq_time.h"
#include "cli/printable.h"

#include <stdlib.h>

void tally_init(struct tally *t)
{
    *t = (struct tally){.count = 0};
}

static void drop(struct tally_kind *k)
{
    free(k->stage);
    free(k->reason);
}

void tally_fini(struct tally *t)
{
    for (size_t i = 0; i < t->count; i++)
        drop(&t->kinds[i]);
    t->count = 0;
}

static struct tally_kind *find(struct tally *t, struct weir_str stage, struct weir_str reason)
{
    struct tally_kind *k;

    for (size_t i = 0; i < t->count; i++) {
        k = &t->kinds[i];
        if (str_eq(str_of(k->reason), reason) && str_eq(str_of(k->stage), stage))
            return k;
    }
    if (t->count >= TALLY_KINDS_MAX)
        stage = reason = STR_ABSENT;
    if (t->count == TALLY_KINDS_MAX + 1)
        return &t->kinds[TALLY_KINDS_MAX];
    k = &t->kinds[t->count];
    *k = (struct tally_kind){.stage = str_dup(stage), .reason = str_dup(reason)};
    if ((stage.ptr && !k->stage) || (reason.ptr && !k->reason)) {
        drop(k);
        return NULL;
    }
    t->count++;
    return k;
}

static void count(struct tally_kind *k, const struct letter *letter)
{
    k->count++;
    if (!letter->has_time)
        return;
    if (!k->has_time || letter->time_ms < k->oldest_ms)
        k->oldest_ms = letter->time_ms;
    if (!k->has_time || letter->time_ms > k->newest_ms)
        k->newest_ms = letter->time_ms;
    k->has_time = true;
}

/* What is no JSON fails with the place of its fault, which each has elsewhere. */
static struct weir_str without_place(struct weir_str reason)
{
    struct weir_str place = STR(" at byte ");
    size_t n = reason.len;

    while (n > 0 && reason.ptr[n - 1] >= '0' && reason.ptr[n - 1] <= '9')
        n--;
    if (n == reason.len || n < place.len || memcmp(reason.ptr + n - place.len, place.ptr, place.len) != 0)
        return reason;
    return str_make(reason.ptr, n - place.len);
}

bool tally_add(struct tally *t, const struct letter *letter)
{
    struct tally_kind *k = find(t, letter->stage, without_place(letter->reason));

    if (!k)
        return false;
    count(k, letter);
    count(&t->total, letter);
    t->lost += !letter->topic.ptr;
    return true;
}

static int by_count(const void *a, const void *b)
{
    const struct tally_kind *x = a, *y = b;

    return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

static void sort(struct tally *t)
{
    qsort(t->kinds, t->count, sizeof t->kinds[0], by_count);
}

/* ---- for a person */

static void add_padded(struct buf *out, struct weir_str text, size_t columns)
{
    size_t used = printable_add_cut(out, text, columns);

    buf_add_fmt(out, "%*s  ", (int)(columns - used), "");
}

static void add_times(struct buf *out, const struct tally_kind *k)
{
    size_t begin = out->len;

    if (k->has_time) {
        dlq_time_add(out, k->oldest_ms);
        buf_add_text(out, "  ");
        dlq_time_add(out, k->newest_ms);
    } else {
        buf_add_text(out, "-                    -");
    }
    buf_add_fmt(out, "%*s  ", out->len - begin < 40 ? (int)(40 - (out->len - begin)) : 0, "");
}

static void add_row(struct buf *out, const struct tally_kind *k, size_t stage_columns)
{
    buf_add_fmt(out, "%9lld  ", (long long)k->count);
    add_times(out, k);
    add_padded(out, k->stage ? str_of(k->stage) : STR("-"), stage_columns);
    printable_add(out, k->reason ? str_of(k->reason) : STR("-"));
    buf_add_char(out, '\n');
}

void tally_add_table(struct tally *t, struct buf *out)
{
    size_t widest = strlen("STAGE");

    sort(t);
    for (size_t i = 0; i < t->count; i++) {
        size_t n = t->kinds[i].stage ? strlen(t->kinds[i].stage) : 1;

        widest = n > widest ? n : widest;
    }
    widest = widest > 30 ? 30 : widest;
    buf_add_fmt(out, "%9s  %-19s  %-19s  %-*s  REASON\n", "COUNT", "OLDEST (UTC)", "NEWEST (UTC)",
                (int)widest, "STAGE");
    for (size_t i = 0; i < t->count; i++)
        add_row(out, &t->kinds[i], widest);
    if (t->count > 1) {
        buf_add_fmt(out, "%9lld  ", (long long)t->total.count);
        add_times(out, &t->total);
        buf_add_text(out, "in all\n");
    }
}

/* ---- for a program */

static void add_quoted(struct buf *out, const char *text)
{
    struct buf shown;

    if (!text) {
        buf_add_text(out, "null");
    } else if (!json_quote(out, str_of(text))) {
        buf_init(&shown, 1 << 20);
        printable_add(&shown, str_of(text));
        if (!json_quote(out, buf_str(&shown)))
            buf_add_text(out, "null");
        buf_fini(&shown);
    }
}

static void add_counts(struct buf *out, const struct tally_kind *k)
{
    buf_add_fmt(out, "\"count\": %lld, \"oldest\": ", (long long)k->count);
    if (k->has_time)
        dlq_time_add_json(out, k->oldest_ms);
    else
        buf_add_text(out, "null");
    buf_add_text(out, ", \"newest\": ");
    if (k->has_time)
        dlq_time_add_json(out, k->newest_ms);
    else
        buf_add_text(out, "null");
}

void tally_add_json(struct tally *t, struct buf *out, const char *topic)
{
    sort(t);
    buf_add_text(out, "{\"topic\": ");
    add_quoted(out, topic);
    buf_add_text(out, ", ");
    add_counts(out, &t->total);
    buf_add_fmt(out, ", \"without_coordinates\": %lld, \"no_dead_letters\": %lld, \"kinds\": [",
                (long long)t->lost, (long long)t->strangers);
    for (size_t i = 0; i < t->count; i++) {
        buf_add_text(out, i ? ", {\"stage\": " : "{\"stage\": ");
        add_quoted(out, t->kinds[i].stage);
        buf_add_text(out, ", \"reason\": ");
        add_quoted(out, t->kinds[i].reason);
        buf_add_text(out, ", ");
        add_counts(out, &t->kinds[i]);
        buf_add_char(out, '}');
    }
    buf_add_text(out, "]}\n");
}
