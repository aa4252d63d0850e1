/* summary: counts records, and publishes the totals of its task since it started.
 *
 *     [stage summary]           ; behind the sinks: it counts what really ended
 *     plugin   = summary
 *     from     = *
 *     every    = 1000           ; publish after so many processed records; 0: not by number
 *     interval = 60s            ; and so long after the first record behind the last one; 0: not by time
 *     count    = device_type, locale
 *     filtered = filtered       ; the route of the records that are counted as filtered
 *     emit     = summary
 *
 *     {"total_received_count": 1052, "processed_count": 1000, "filtered_count": 0,
 *      "device_type_counts": {"iOS": 494, "android": 506}, "locale_counts": {"NM": 23}}     (on one line)
 *
 * Received is every record that comes here; processed, what ended on a topic on route main; filtered, what
 * ended on a topic on the route in `filtered`. Values of processed records are counted in order of first
 * appearance: a string by its text, anything else by its JSON text. One over 256 bytes is counted as "other",
 * and so is every new one once max_values of a field are known, or those of all fields would make a summary
 * larger than topics take by default: the chain would have to stop at it. What is absent is not counted.
 * Totals are carried over a reload; fields by their name.
 *
 * Each field has a list of its values in their order, and a search tree (tsearch) over the same values,
 * which no choice of values makes slow. A small table in front of the tree finds nearly all values of a field
 * that has few. Saved state is a run of items: a number, the length of a text, the text.
 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/plugin.h>

#define MAX_TEXT 256
#define MAX_BYTES 900000 /* of all values in a summary; brokers and librdkafka take 1,000,000 by default */
#define MAX_FRAME 26 /* bytes around a value's text: quotes, colon, comma, blanks, and the longest number */
#define RECENT 256   /* places of the small table */

/* A value and how often it came. text points behind the struct, into the same memory. */
struct value {
    struct weir_str text;
    uint64_t count;
    struct value *next;
};
struct tally {
    struct weir_str name; /* of the field */
    struct value *first, **last;
    size_t used;
    void *tree;
    struct value *recent[RECENT]; /* found last, by the ends of their texts; NULL: none */
};
enum { RECEIVED, PROCESSED, FILTERED, TOTALS };
struct summary {
    int64_t every, interval, max_values;
    struct weir_fields count;
    struct weir_str filtered;
    uint64_t totals[TOTALS];
    struct tally *tallies; /* one a field of count */
    size_t bytes;          /* that their values take in a summary, at most */
    bool waiting;          /* for the timer */
};

static const struct weir_option options[] = {
    WEIR_OPT_INTEGER(struct summary, every, .def = "1000", .min = 0, .max = 1e15,
                     .help = "publish after so many processed records; 0: not by number"),
    WEIR_OPT_DURATION(struct summary, interval, .def = "0s", .min = 0, .max = 1e12,
                      .help = "publish so long after the first new record; 0: not by time"),
    WEIR_OPT_FIELDS(struct summary, count, .help = "members whose values are counted"),
    WEIR_OPT_STRING(struct summary, filtered, .def = "filtered", .help = "the route of filtered records"),
    WEIR_OPT_INTEGER(struct summary, max_values, .def = "10000", .min = 1, .max = 1e6,
                     .help = "different values counted a field; the rest is counted as other, as is "
                             "what would make a summary larger than 900,000 bytes"),
    WEIR_OPT_END};

static bool same(struct weir_str a, struct weir_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* The order of the tree: any order will do. */
static int compare(const void *left, const void *right)
{
    struct weir_str a = ((const struct value *)left)->text, b = ((const struct value *)right)->text;

    return a.len != b.len ? (a.len > b.len) - (a.len < b.len) : memcmp(a.ptr, b.ptr, a.len);
}

static size_t place_of(struct weir_str text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;

    return text.len > 0 ? (bytes[0] * 31u + bytes[text.len - 1]) % RECENT : 0;
}

static struct value *find(struct tally *t, struct weir_str text)
{
    struct value **recent = &t->recent[place_of(text)];
    const struct value wanted = {.text = text};
    struct value *const *node;

    if (*recent && same((*recent)->text, text))
        return *recent;
    node = tfind(&wanted, &t->tree, compare);
    if (node)
        *recent = *node;
    return node ? *node : NULL;
}

static struct value *append(struct tally *t, struct weir_str text)
{
    struct value *e = malloc(sizeof(*e) + text.len);

    if (!e)
        return NULL;
    *e = (struct value){.text = {memcpy(e + 1, text.ptr, text.len), text.len}};
    if (!tsearch(e, &t->tree, compare)) {
        free(e);
        return NULL;
    }
    *t->last = e;
    t->last = &e->next;
    t->used++;
    return e;
}

/* Bytes that put_escaped() writes. */
static size_t escaped_size(struct weir_str s)
{
    size_t size = s.len;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        size += c < 0x20 ? strlen("\\u0000") - 1 : c == '"' || c == '\\';
    }
    return size;
}

static bool has_room(const struct summary *s, const struct tally *t, struct weir_str text)
{
    return text.len <= MAX_TEXT && t->used < (size_t)s->max_values &&
           s->bytes + escaped_size(text) + MAX_FRAME <= MAX_BYTES;
}

static bool add(struct summary *s, struct tally *t, struct weir_str text, uint64_t n)
{
    static const struct weir_str other = {"other", 5};
    struct value *e = find(t, text);

    if (!e && !has_room(s, t, text)) {
        text = other;
        e = find(t, text);
    }
    if (!e) {
        e = append(t, text);
        s->bytes += escaped_size(text) + MAX_FRAME;
    }
    if (e)
        e->count += n;
    return e != NULL;
}

/* The text (which is valid UTF-8), escaped as it must be between quotes. */
static void put_escaped(FILE *out, struct weir_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c < 0x20) {
            fprintf(out, "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            putc('\\', out);
        putc(c, out);
    }
}

static void put_tally(FILE *out, const struct tally *t)
{
    fputs(", \"", out);
    put_escaped(out, t->name);
    fputs("_counts\": {", out);
    for (const struct value *e = t->first; e; e = e->next) {
        fputs(e == t->first ? "\"" : ", \"", out);
        put_escaped(out, e->text);
        fprintf(out, "\": %llu", (unsigned long long)e->count);
    }
    fputs("}", out);
}

static bool publish(struct weir_stage *stage, const struct summary *s)
{
    const struct weir_str no_key = {NULL, 0};
    struct weir_str record = {NULL, 0};
    char *text = NULL;
    FILE *out = open_memstream(&text, &record.len);
    bool ok;

    if (!out)
        return false;
    fprintf(out, "{\"total_received_count\": %llu, \"processed_count\": %llu, \"filtered_count\": %llu",
            (unsigned long long)s->totals[RECEIVED], (unsigned long long)s->totals[PROCESSED],
            (unsigned long long)s->totals[FILTERED]);
    for (size_t i = 0; i < s->count.count; i++)
        put_tally(out, &s->tallies[i]);
    fputs("}", out);
    ok = !ferror(out);
    ok &= fclose(out) == 0;
    record.ptr = text;
    ok = ok && weir_emit(stage, no_key, record) == WEIR_OK;
    free(text);
    return ok;
}

static bool count_values(struct summary *s, struct weir_envelope *env)
{
    struct weir_str text;
    bool ok = true;

    for (size_t i = 0; i < s->count.count; i++)
        if (weir_get_string(env, s->count.items[i], &text) == WEIR_OK ||
            weir_get_raw(env, s->count.items[i], &text) == WEIR_OK)
            ok &= add(s, &s->tallies[i], text, 1);
    return ok;
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    struct summary *s = self;
    struct weir_str route = weir_route(env);
    bool ended = weir_ended_topic(env).ptr != NULL, ok = true;

    s->totals[RECEIVED]++;
    s->totals[FILTERED] += ended && same(route, s->filtered);
    if (ended && same(route, (struct weir_str){"main", 4})) {
        s->totals[PROCESSED]++;
        ok = count_values(s, env);
        if (s->every > 0 && s->totals[PROCESSED] % (uint64_t)s->every == 0)
            ok = ok && publish(stage, s);
    }
    if (s->interval > 0 && !s->waiting)
        s->waiting = weir_set_timer(stage, s->interval) == WEIR_OK;
    return ok ? WEIR_PASS : weir_stop(env, "a summary cannot be made");
}

static int32_t timer(struct weir_stage *stage, void *self)
{
    struct summary *s = self;

    s->waiting = false;
    return publish(stage, s) ? WEIR_PASS : WEIR_STOP;
}

static bool save_item(struct weir_stage *stage, uint64_t number, struct weir_str text)
{
    const uint64_t head[2] = {number, text.len};

    return weir_save_bytes(stage, head, sizeof(head)) == WEIR_OK &&
           weir_save_bytes(stage, text.ptr, text.len) == WEIR_OK;
}

static bool take_item(struct weir_str *in, uint64_t *number, struct weir_str *text)
{
    uint64_t head[2];

    if (in->len < sizeof(head))
        return false;
    memcpy(head, in->ptr, sizeof(head));
    *in = (struct weir_str){in->ptr + sizeof(head), in->len - sizeof(head)};
    if (head[1] > in->len)
        return false;
    *number = head[0];
    *text = (struct weir_str){in->ptr, head[1]};
    *in = (struct weir_str){in->ptr + head[1], in->len - head[1]};
    return true;
}

/* The totals; then, for each field, its name with the number of its values, and these. */
static int32_t save(struct weir_stage *stage, void *self)
{
    const struct summary *s = self;
    bool ok = true;

    for (size_t i = 0; i < TOTALS; i++)
        ok = ok && save_item(stage, s->totals[i], (struct weir_str){"", 0});
    for (size_t i = 0; i < s->count.count; i++) {
        ok = ok && save_item(stage, s->tallies[i].used, s->tallies[i].name);
        for (const struct value *e = s->tallies[i].first; e && ok; e = e->next)
            ok = save_item(stage, e->count, e->text);
    }
    return ok ? WEIR_OK : WEIR_NOMEM;
}

/* Counts of a field that is no longer counted are read and forgotten. */
static bool take_tally(struct summary *s, struct weir_str *in)
{
    struct tally *t = NULL;
    struct weir_str text;
    uint64_t values, n;

    if (!take_item(in, &values, &text))
        return false;
    for (size_t i = 0; i < s->count.count; i++)
        if (same(s->tallies[i].name, text))
            t = &s->tallies[i];
    for (; values > 0; values--)
        if (!take_item(in, &n, &text) || (t && !add(s, t, text, n)))
            return false;
    return true;
}

/* An aborted transaction gives back what was saved before it, to be taken in place of what was counted since.
 */
static void forget(struct tally *t)
{
    tdestroy(t->tree, free);
    *t = (struct tally){.name = t->name, .last = &t->first};
}

static int32_t restore(struct weir_stage *stage, void *self, uint32_t version, struct weir_str bytes)
{
    struct summary *s = self;
    struct weir_str empty;
    bool ok = version == 1;

    for (size_t i = 0; ok && i < s->count.count; i++)
        forget(&s->tallies[i]);
    s->bytes = 0;
    for (size_t i = 0; i < TOTALS; i++)
        ok = ok && take_item(&bytes, &s->totals[i], &empty);
    while (ok && bytes.len > 0)
        ok = take_tally(s, &bytes);
    return ok ? WEIR_OK : weir_error(stage, "the saved counts (state version %u) cannot be read", version);
}

static int32_t create(struct weir_stage *stage, void *self)
{
    struct summary *s = self;

    if (s->every == 0 && s->interval == 0)
        return weir_error(stage, "it would never publish: give every or interval");
    s->tallies = calloc(s->count.count + 1, sizeof(*s->tallies));
    if (!s->tallies)
        return weir_error(stage, "out of memory");
    for (size_t i = 0; i < s->count.count; i++) {
        s->tallies[i].name = weir_field_name(stage, s->count.items[i]);
        s->tallies[i].last = &s->tallies[i].first;
    }
    return WEIR_OK;
}

static void destroy(struct weir_stage *stage, void *self)
{
    struct summary *s = self;

    (void)stage;
    for (size_t i = 0; i < s->count.count; i++)
        tdestroy(s->tallies[i].tree, free);
    free(s->tallies);
}

WEIR_PLUGIN(.name = "summary", .version = "1.0.0", .help = "counts records and publishes the totals",
            .options = options, .self_size = sizeof(struct summary), .flags = WEIR_EMITS, .state_version = 1,
            .create = create, .destroy = destroy, .process = process, .timer = timer, .save = save,
            .restore = restore)
