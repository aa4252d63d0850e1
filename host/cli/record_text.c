/* record_text.c: see record_text.h.
 *
 * A metrics record is a list of details about other records. As JSON it is a long line that nobody reads, so
 * it is taken apart (json-c serves: nobody is in a hurry here) and shown as a block a detail. */
#include "cli/record_text.h"

#include "cli/colour.h"
#include "cli/printable.h"

#include <json-c/json.h>
#include <time.h>

#define METRICS_MAX ((size_t)1 << 20) /* bytes of a value that is looked into */

static void add_time(struct buf *out, int64_t ms)
{
    int rest = (int)(ms % 1000); /* negative before 1970: then the second before it, and what is left */
    time_t s = (time_t)(ms / 1000 - (rest < 0));
    char text[64];
    struct tm tm;

    if (gmtime_r(&s, &tm) && tm.tm_year > -1900 && tm.tm_year < 8100 &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm))
        buf_add_fmt(out, "%s.%03d", text, rest < 0 ? rest + 1000 : rest);
    else
        buf_add_fmt(out, "%lld ms", (long long)ms);
}

static void add_header(const struct pretty *pretty, struct buf *out, const struct record *r)
{
    const char *none = colour_code(pretty->colour, COLOUR_NONE);

    buf_add_text(out, colour_code(pretty->colour, COLOUR_STRONG));
    printable_add(out, r->topic);
    buf_add_fmt(out, "%s%s  partition %d  offset %lld  ", none, colour_code(pretty->colour, COLOUR_FAINT),
                r->partition, (long long)r->offset);
    if (r->has_timestamp)
        add_time(out, r->timestamp_ms);
    else
        buf_add_text(out, "no time");
    if (r->key.ptr) {
        buf_add_text(out, "  key ");
        if (r->key.len)
            printable_add_cut(out, r->key, 64);
        else
            buf_add_text(out, "(empty)");
    }
    if (r->n_headers)
        buf_add_fmt(out, "  %zu %s", r->n_headers, r->n_headers == 1 ? "header" : "headers");
    buf_add_fmt(out, "%s\n", none);
}

static void add_line(const struct pretty *pretty, struct buf *out, const char *label,
                     struct json_object *detail, const char *member)
{
    struct json_object *v;
    const char *text = "-";

    if (json_object_object_get_ex(detail, member, &v))
        text = json_object_get_string(v);
    buf_add_fmt(out, "%*s%s%-15s%s  ", (int)pretty->indent, "", colour_code(pretty->colour, COLOUR_NAME),
                label, colour_code(pretty->colour, COLOUR_NONE));
    printable_add(out, str_of(text ? text : "-"));
    buf_add_char(out, '\n');
}

static void add_detail(const struct pretty *pretty, struct buf *out, struct json_object *detail)
{
    add_line(pretty, out, "message id", detail, "message_id");
    add_line(pretty, out, "processing time", detail, "processing_time");
    add_line(pretty, out, "topic", detail, "topic");
    add_line(pretty, out, "timestamp", detail, "timestamp");
}

/* False: it is something else, and nothing was added. */
static bool add_metrics(const struct pretty *pretty, struct buf *out, struct weir_str value)
{
    struct json_tokener *tokener = NULL;
    struct json_object *object = NULL, *list;
    bool is_metrics = false;
    size_t n;

    if (value.len < 2 || value.len > METRICS_MAX || !memmem(value.ptr, value.len, "\"message_details\"", 17))
        return false;
    tokener = json_tokener_new();
    if (tokener)
        object = json_tokener_parse_ex(tokener, value.ptr, (int)value.len);
    if (!object || !json_object_object_get_ex(object, "message_details", &list) ||
        !json_object_is_type(list, json_type_array))
        goto out;
    n = json_object_array_length(list);
    is_metrics = n > 0;
    for (size_t i = 0; i < n; i++)
        is_metrics = is_metrics && json_object_is_type(json_object_array_get_idx(list, i), json_type_object);
    for (size_t i = 0; i < n && is_metrics; i++) {
        if (i)
            buf_add_char(out, '\n');
        add_detail(pretty, out, json_object_array_get_idx(list, i));
    }
out:
    json_object_put(object);
    if (tokener)
        json_tokener_free(tokener);
    return is_metrics;
}

void record_text_add(const struct pretty *pretty, struct buf *out, const struct record *record)
{
    add_header(pretty, out, record);
    if (!add_metrics(pretty, out, record->value))
        pretty_add(pretty, out, record->value);
    buf_add_char(out, '\n');
}

static void add_raw(struct buf *out, struct weir_str s)
{
    buf_add_char(out, '\t');
    if (s.ptr)
        printable_add(out, s);
    else
        buf_add_char(out, '-');
}

void record_text_add_raw(struct buf *out, const struct record *record)
{
    printable_add(out, record->topic);
    buf_add_fmt(out, "\t%d\t%lld\t", record->partition, (long long)record->offset);
    if (record->has_timestamp)
        buf_add_fmt(out, "%lld", (long long)record->timestamp_ms);
    else
        buf_add_char(out, '-');
    add_raw(out, record->key);
    add_raw(out, record->value);
    buf_add_char(out, '\n');
}
