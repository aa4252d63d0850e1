/* demo_view.c: see demo_view.h.
 *
 * The picture is one line a stage, two or more a topic. What is left of the height goes to the records, which
 * then show more of themselves; what is missing is taken first from the stages that only make records, then
 * from the records. So 24 lines show the shipped chain whole. The last column stays empty: a terminal would
 * erase it together with what is behind it. */
#include "cli/demo_view.h"

#include "cli/colour.h"
#include "cli/pretty.h"
#include "cli/printable.h"

#define FRAME 7       /* lines around the stages: two on top, three that hold them together, two below */
#define RECORD_MAX 12 /* lines of one record */
#define MARGIN 5      /* columns left of a record */
#define NUMBERS 20    /* columns at the right: a count and a rate */
#define BAR_MAX 24
#define WIDTH_MIN 60      /* below it the terminal cuts the lines */
#define RECORD_ROOM 32768 /* bytes of a record as it is drawn, colours included */

struct line {
    struct buf *out;
    size_t column, width;
    bool colour;
};

static void put(struct line *l, enum colour colour, struct weir_str s)
{
    size_t room = l->width > l->column ? l->width - l->column : 0;

    if (colour != COLOUR_NONE)
        buf_add_text(l->out, colour_code(l->colour, colour));
    l->column += printable_add_cut(l->out, s, room);
    if (colour != COLOUR_NONE)
        buf_add_text(l->out, colour_code(l->colour, COLOUR_NONE));
}

/* Our own drawing, whose columns we know: it may hold more than plain text. */
static void draw(struct line *l, enum colour colour, const char *text, size_t columns)
{
    if (l->column + columns > l->width)
        return;
    buf_add_fmt(l->out, "%s%s%s", colour_code(l->colour && colour, colour), text,
                colour_code(l->colour && colour, COLOUR_NONE));
    l->column += columns;
}

static void fill(struct line *l, size_t column)
{
    if (column > l->width)
        column = l->width;
    if (l->column < column) {
        buf_add_fmt(l->out, "%*s", (int)(column - l->column), "");
        l->column = column;
    }
}

static void end(struct line *l)
{
    while (l->out->len && l->out->ptr[l->out->len - 1] == ' ')
        l->out->len--;
    buf_add_char(l->out, '\n');
    l->column = 0;
}

const char *view_number(char text[32], uint64_t n)
{
    char *at = text + 31;

    *at = '\0';
    for (int digits = 0; digits == 0 || n; digits++, n /= 10) {
        if (digits && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + n % 10);
    }
    return at;
}

/* Right-aligned, so that it ends at that column. */
static void put_number(struct line *l, enum colour colour, size_t column, uint64_t n, struct weir_str unit)
{
    char text[32];
    struct weir_str number = str_of(view_number(text, n));

    if (number.len + unit.len < column)
        fill(l, column - number.len - unit.len);
    put(l, colour, number);
    put(l, colour, unit);
}

static void put_numbers(struct line *l, enum colour colour, uint64_t n, double rate)
{
    put_number(l, colour, l->width - 9, n, STR(""));
    put_number(l, COLOUR_FAINT, l->width, (uint64_t)(rate + 0.5), STR("/s"));
}

static enum colour route_colour(struct weir_str route, bool beside)
{
    if (beside)
        return COLOUR_SIDE;
    if (str_is(route, "main"))
        return COLOUR_GOOD;
    return str_is(route, "failed") ? COLOUR_BAD : COLOUR_WARN;
}

/* The width of the names at the left. */
static size_t name_width(const struct flow *flow, bool of_sinks)
{
    size_t width = 8;

    for (size_t i = 0; i < flow->n_rows; i++) {
        const struct flow_row *row = &flow->rows[i];
        size_t len = of_sinks ? row->topic.len : row->topic.ptr ? 0 : row->name.len;

        if (len > width)
            width = len;
    }
    return width < 24 ? width : 24;
}

/* ---- lines */

static void draw_head(struct line *l, const struct view *view)
{
    char clock[32];
    long long s = (long long)view->elapsed_ms / 1000;
    struct weir_str right = str_of(view->state);

    if (!right.ptr)
        right = str_make(clock, (size_t)snprintf(clock, sizeof clock, "%02lld:%02lld", s / 60, s % 60));

    put(l, COLOUR_STRONG, STR(" weir demo"));
    put(l, COLOUR_NONE, STR("  "));
    put(l, COLOUR_NONE, str_of(view->title));
    put(l, COLOUR_FAINT, STR("  embedded broker at "));
    put(l, COLOUR_NONE, str_of(view->brokers));
    if (l->width > right.len)
        fill(l, l->width - right.len);
    put(l, view->state ? COLOUR_WARN : COLOUR_STRONG, right);
    end(l);
    end(l);
}

static void draw_bond(struct line *l)
{
    draw(l, COLOUR_FAINT, " │", 2);
    end(l);
}

static void draw_source(struct line *l, const struct flow *flow)
{
    draw(l, COLOUR_STRONG, " ● ", 3);
    put(l, COLOUR_STRONG, flow->source);
    put_numbers(l, COLOUR_STRONG, flow->in, flow->rate.per_second);
    end(l);
    draw_bond(l);
}

/* Where records leave the way at a stage. */
static void draw_branch(struct line *l, const struct flow_row *row)
{
    bool rejects = row->rejected || row->to.len;
    struct weir_str to = row->to.len ? row->to : STR("skipped");

    if (rejects) {
        enum colour colour = row->to.len ? route_colour(to, false) : COLOUR_FAINT;

        draw(l, colour, "──▶ ", 4);
        put(l, colour, to);
    }
    if (row->failed) {
        draw(l, COLOUR_BAD, rejects ? ", " : "──▶ ", rejects ? 2 : 4);
        put(l, COLOUR_BAD, STR("failed"));
    }
    if (row->emit.len && !rejects && !row->failed) {
        draw(l, COLOUR_SIDE, "┄┄▶ ", 4);
        put(l, COLOUR_SIDE, row->emit);
    }
}

static void draw_stage(struct line *l, const struct flow *flow, const struct flow_row *row)
{
    size_t name = name_width(flow, false);

    draw(l, COLOUR_FAINT, " ├─ ", 4);
    put(l, COLOUR_NONE, row->name);
    fill(l, 4 + name + 2);
    put(l, COLOUR_FAINT, row->plugin.ptr ? row->plugin : STR("strict JSON"));
    fill(l, 4 + name + 2 + 17);
    draw_branch(l, row);
    if (flow_left(row))
        put_numbers(l, COLOUR_NONE, flow_left(row), row->rate.per_second);
    end(l);
}

/* The share of the source's records that arrived here, in eighths of a column. */
static void draw_bar(struct line *l, const struct flow *flow, const struct flow_row *row, enum colour colour)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    size_t room = l->width > l->column + NUMBERS ? l->width - l->column - NUMBERS : 0;
    double share = flow->in ? (double)row->arrived / (double)flow->in : 0;
    size_t size = room < BAR_MAX ? room : BAR_MAX, parts;

    parts = (size_t)((share < 1 ? share : 1) * (double)size * 8 + 0.5);
    if (row->arrived && !parts && size)
        parts = 1;
    for (size_t i = 0; i < parts / 8; i++)
        draw(l, colour, "█", 1);
    if (parts % 8)
        draw(l, colour, eighths[parts % 8], 1);
}

static void draw_record(struct line *l, const struct flow_row *row, bool last, size_t lines)
{
    struct pretty pretty = {.colour = l->colour, .width = l->width > MARGIN ? l->width - MARGIN : 0};
    struct buf text;
    struct weir_str rest;

    buf_init(&text, RECORD_ROOM);
    if (row->record_at_ms)
        pretty_add_lines(&pretty, &text, buf_str(&row->record), lines);
    rest = buf_str(&text);
    for (size_t i = 0; i < lines; i++) {
        const char *stop = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
        size_t len = stop ? (size_t)(stop - rest.ptr) : rest.len, skip = stop ? len + 1 : len;

        draw(l, COLOUR_FAINT, last ? "     " : " │   ", MARGIN);
        buf_add(l->out, str_make(rest.ptr, len));
        end(l);
        rest = str_make(rest.ptr + skip, rest.len - skip);
    }
    buf_fini(&text);
}

static void draw_sink(struct line *l, const struct flow *flow, const struct flow_row *row, bool last)
{
    enum colour colour = route_colour(row->from, row->beside);
    size_t name = name_width(flow, true);

    draw(l, COLOUR_FAINT, last ? " └" : " ├", 2);
    draw(l, colour, row->beside ? "┄▶ " : "─▶ ", 3);
    put(l, COLOUR_STRONG, row->topic);
    fill(l, 5 + name + 1);
    put(l, colour, row->from);
    fill(l, 5 + name + 2 + 9);
    draw_bar(l, flow, row, colour);
    put_numbers(l, COLOUR_STRONG, row->arrived, row->rate.per_second);
    end(l);
}

static void put_sum(struct line *l, uint64_t n, const char *what)
{
    char text[32];

    put(l, COLOUR_NONE, str_of(view_number(text, n)));
    put(l, COLOUR_FAINT, str_of(what));
}

static void draw_foot(struct line *l, const struct view *view)
{
    const struct flow *flow = view->flow;
    uint64_t ended = flow_out(flow) + flow_dropped(flow);

    end(l);
    put(l, COLOUR_NONE, STR(" "));
    if (flow->can_balance) {
        put_sum(l, flow->in, " in = ");
        put_sum(l, flow_out(flow), " out + ");
        put_sum(l, flow_dropped(flow), " skipped + ");
        put_sum(l, flow->in > ended ? flow->in - ended : 0, " under way");
    }
    if (l->width >= l->column + 16) {
        fill(l, l->width - 14);
        put(l, COLOUR_FAINT, STR("Ctrl-C ends it"));
    }
    end(l);
}

/* ---- the picture */

struct plan {
    size_t width;
    bool emitters;       /* stages that only make records have a line */
    size_t record_lines; /* at most, for each topic */
};

static bool is_shown(const struct plan *plan, const struct flow_row *row)
{
    return row->topic.ptr || !row->emit.len || plan->emitters;
}

/* A row gets what its longest record so far needs, so that the picture does not jump with every record. */
static size_t record_lines(const struct plan *plan, const struct flow_row *row)
{
    size_t lines = 1 + row->longest / (plan->width - MARGIN);

    return lines < plan->record_lines ? lines : plan->record_lines;
}

static size_t count_lines(const struct plan *plan, const struct flow *flow)
{
    size_t lines = FRAME;

    for (size_t i = 0; i < flow->n_rows; i++) {
        const struct flow_row *row = &flow->rows[i];

        if (is_shown(plan, row))
            lines += 1 + (row->topic.ptr ? record_lines(plan, row) : 0);
    }
    return lines;
}

/* First a line for each record, then the emitting stages, then more of each record. */
static struct plan make_plan(const struct view *view, size_t width)
{
    struct plan plan = {width, true, 1};

    if (count_lines(&plan, view->flow) > view->height)
        plan.emitters = false;
    if (count_lines(&plan, view->flow) > view->height)
        plan.record_lines = 0;
    while (plan.record_lines && plan.record_lines < RECORD_MAX) {
        plan.record_lines++;
        if (count_lines(&plan, view->flow) > view->height) {
            plan.record_lines--;
            break;
        }
    }
    return plan;
}

/* Cuts what is too high from below. */
static void cut_lines(struct buf *out, size_t start, size_t height)
{
    for (size_t i = start; i < out->len; i++) {
        if (out->ptr[i] == '\n' && height-- == 1) {
            out->len = i + 1;
            return;
        }
    }
}

void view_draw(const struct view *view, struct buf *out)
{
    size_t width = view->width > WIDTH_MIN ? view->width - 1 : WIDTH_MIN;
    struct line l = {.out = out, .width = width, .colour = view->colour};
    struct plan plan = make_plan(view, width);
    const struct flow *flow = view->flow;
    size_t start = out->len, last = flow->n_rows;
    bool bound = false; /* the gap before the first topic has been drawn */

    for (size_t i = 0; i < flow->n_rows; i++) {
        if (is_shown(&plan, &flow->rows[i]))
            last = i;
    }
    draw_head(&l, view);
    draw_source(&l, flow);
    for (size_t i = 0; i < flow->n_rows; i++) {
        const struct flow_row *row = &flow->rows[i];

        if (!is_shown(&plan, row))
            continue;
        if (!row->topic.ptr) {
            draw_stage(&l, flow, row);
        } else {
            if (!bound)
                draw_bond(&l);
            bound = true;
            draw_sink(&l, flow, row, i == last);
            draw_record(&l, row, i == last, record_lines(&plan, row));
        }
    }
    draw_foot(&l, view);
    cut_lines(out, start, view->height);
}

static void add_line(struct buf *out, struct weir_str name, uint64_t n, const char *what)
{
    char text[32];

    buf_add_text(out, "  ");
    printable_add(out, name);
    buf_add_fmt(out, "%*s  %s\n", (int)(name.len < 32 ? 34 - name.len : 2), view_number(text, n), what);
}

void view_add_summary(const struct flow *flow, struct buf *out)
{
    uint64_t out_n = flow_out(flow), dropped = flow_dropped(flow);

    add_line(out, flow->source, flow->in, "in");
    for (size_t i = 0; i < flow->n_rows; i++) {
        const struct flow_row *row = &flow->rows[i];

        if (row->topic.ptr)
            add_line(out, row->topic, row->arrived, row->beside ? "made by the chain" : "out");
    }
    add_line(out, STR("skipped"), dropped, "dropped by a stage, and counted");
    if (!flow->can_balance)
        return;
    buf_add_fmt(out, "%llu in = %llu out + %llu skipped", (unsigned long long)flow->in,
                (unsigned long long)out_n, (unsigned long long)dropped);
    if (flow->in == out_n + dropped)
        buf_add_text(out, ": nothing was lost.\n");
    else if (flow->in > out_n + dropped)
        buf_add_fmt(out, " + %llu that did not arrive.\n", (unsigned long long)(flow->in - out_n - dropped));
    else
        buf_add_fmt(out, " - %llu that arrived twice.\n", (unsigned long long)(out_n + dropped - flow->in));
}
