/* dlq_newest.c: see dlq_newest.h. */
#include "cli/dlq_newest.h"

#include "cli/colour.h"
#include "cli/dlq_time.h"
#include "cli/printable.h"

#include <stdlib.h>

bool newest_init(struct newest *n, size_t max)
{
    *n = (struct newest){.items = calloc(max, sizeof *n->items), .max = max};
    return n->items != NULL;
}

void newest_fini(struct newest *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->items[i].text);
    free(n->items);
    *n = (struct newest){.max = 0};
}

/* By time, then by place, so that the order is always the same. */
static int compare(const struct newest_item *a, const struct newest_item *b)
{
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static struct newest_item make(const struct record *record, const struct letter *letter)
{
    return (struct newest_item){.time_ms = letter->has_time ? letter->time_ms : INT64_MIN,
                                .offset = record->offset,
                                .partition = record->partition};
}

bool newest_wants(const struct newest *n, const struct record *record, const struct letter *letter)
{
    struct newest_item item = make(record, letter);

    return n->count < n->max || compare(&n->items[0], &item) < 0;
}

static void swap(struct newest_item *a, struct newest_item *b)
{
    struct newest_item t = *a;

    *a = *b;
    *b = t;
}

static void sink(struct newest *n, size_t at)
{
    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n->count; child++) {
            if (compare(&n->items[child], &n->items[least]) < 0)
                least = child;
        }
        if (least == at)
            return;
        swap(&n->items[at], &n->items[least]);
        at = least;
    }
}

static void rise(struct newest *n, size_t at)
{
    for (; at > 0 && compare(&n->items[at], &n->items[(at - 1) / 2]) < 0; at = (at - 1) / 2)
        swap(&n->items[at], &n->items[(at - 1) / 2]);
}

bool newest_keep(struct newest *n, const struct record *record, const struct letter *letter,
                 struct weir_str text)
{
    struct newest_item item = make(record, letter);

    item.text = str_dup(text);
    if (!item.text)
        return false;
    if (n->count < n->max) {
        n->items[n->count++] = item;
        rise(n, n->count - 1);
    } else {
        free(n->items[0].text);
        n->items[0] = item;
        sink(n, 0);
    }
    return true;
}

static int newest_first(const void *a, const void *b)
{
    return compare(b, a);
}

void newest_sort(struct newest *n)
{
    qsort(n->items, n->count, sizeof *n->items, newest_first);
}

/* ---- one letter */

static void add_line(const struct pretty *pretty, struct buf *out, const char *label)
{
    buf_add_fmt(out, "  %s%-9s%s ", colour_code(pretty->colour, COLOUR_NAME), label,
                colour_code(pretty->colour, COLOUR_NONE));
}

static void add_text(const struct pretty *pretty, struct buf *out, const char *label, struct weir_str text)
{
    add_line(pretty, out, label);
    printable_add(out, text.ptr ? text : STR("-"));
    buf_add_char(out, '\n');
}

static void add_original(const struct pretty *pretty, struct buf *out, const struct letter *letter)
{
    add_line(pretty, out, "original");
    if (letter->topic.ptr) {
        printable_add(out, letter->topic);
        buf_add_fmt(out, "/%d/%lld", letter->partition, (long long)letter->offset);
    } else {
        buf_add_text(out, "not told: it cannot be replayed");
    }
    if (letter->replays)
        buf_add_fmt(out, "  (replayed %lld %s before)", (long long)letter->replays,
                    letter->replays == 1 ? "time" : "times");
    buf_add_char(out, '\n');
}

void newest_add_letter(const struct pretty *pretty, struct buf *out, const struct record *record,
                       const struct letter *letter)
{
    buf_add_text(out, colour_code(pretty->colour, COLOUR_STRONG));
    printable_add(out, record->topic);
    buf_add_fmt(out, "/%d/%lld%s  ", record->partition, (long long)record->offset,
                colour_code(pretty->colour, COLOUR_NONE));
    if (letter->has_time)
        dlq_time_add(out, letter->time_ms);
    buf_add_text(out, letter->has_time ? " UTC\n" : "no time\n");
    add_original(pretty, out, letter);
    add_text(pretty, out, "stage", letter->stage);
    add_text(pretty, out, "reason", letter->reason);
    if (letter->omitted.ptr)
        add_text(pretty, out, "omitted", letter->omitted);
    add_text(pretty, out, "key", record->key);
    add_line(pretty, out, "content");
    if (letter->content.ptr) {
        buf_add_char(out, '\n');
        pretty_add(&(struct pretty){pretty->colour, pretty->width, 4}, out, letter->content);
    } else {
        buf_add_text(out, "none that went through a masker\n");
    }
    buf_add_char(out, '\n');
}
