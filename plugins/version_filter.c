/* version_filter: lets only records of certain versions pass.
 *
 *     [stage version]
 *     plugin = version_filter
 *     field  = app_version
 *     accept = 2.3.0                      ; this text and no other
 *     ; accept = 2.3.0, >=2.4.0 <3, =4.0.0-rc.1
 *     reason = filtered_app_version
 *     to     = filtered
 *
 * Items are alternatives, split at commas. An item without an operator takes exactly that text, whatever it
 * is. One with operators (= > >= < <=) is a range: all of its comparisons, split at blanks, must hold by the
 * order of Semantic Versioning 2.0. A range may say less than three numbers; what it leaves out is zero, so
 * `<3` is
 * `<3.0.0`. By that order 3.0.0-rc.1 comes before 3.0.0, so `<3` takes it; build metadata does not count.
 * A value that is absent, null, no string or (for ranges) no full version is rejected, with the reason, too.
 *
 * Numbers are compared as digits (a longer one is larger), so no version is too large. Ranges are read anew
 * for each record, which costs less than a record's JSON and keeps no state. What is wrong with an item is
 * told by its number: its text may come from ${env:…} or ${file:…}, and is not for the log.
 */
#include <string.h>
#include <weir/plugin.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

struct version_filter {
    const struct weir_field *field;
    struct weir_list accept;
    struct weir_str reason;
};
struct version {
    struct weir_str number[3], pre;
};

/* How the version of a record may compare to that of an operator. */
enum { LESS = 1, EQUAL = 2, GREATER = 4 };
static const struct {
    struct weir_str text;
    int takes;
} operators[] = {
    {{"<=", 2}, LESS | EQUAL}, {{">=", 2}, GREATER | EQUAL}, {{"<", 1}, LESS}, {{">", 1}, GREATER},
    {{"=", 1}, EQUAL},
};

static const struct weir_option options[] = {
    WEIR_OPT_FIELD(struct version_filter, field, .required = true,
                   .help = "the member that holds the version"),
    WEIR_OPT_LIST(struct version_filter, accept, .required = true,
                  .help = "versions (2.3.0: exactly this text) and ranges (>=2.3.0 <3)"),
    WEIR_OPT_STRING(struct version_filter, reason, .def = "filtered_version",
                    .help = "the reason of what does not pass"),
    WEIR_OPT_END};

static bool consists_of(struct weir_str s, const char *set)
{
    size_t i = 0;

    while (i < s.len && s.ptr[i] && strchr(set, s.ptr[i]))
        i++;
    return i == s.len && s.len > 0;
}

/* Cuts what stands before the first `sep` (or all of it) off *rest. False where *rest was used up. */
static bool cut(struct weir_str *rest, char sep, struct weir_str *head)
{
    const char *at;

    if (!rest->ptr)
        return false;
    at = memchr(rest->ptr, sep, rest->len);
    *head = (struct weir_str){rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};
    *rest = at ? (struct weir_str){at + 1, rest->len - head->len - 1} : (struct weir_str){NULL, 0};
    return true;
}

/* Digits without a zero in front. */
static bool is_number(struct weir_str s)
{
    return consists_of(s, DIGITS) && (s.len == 1 || s.ptr[0] != '0');
}

/* Dot-separated identifiers; in a pre-release, digits are a number. An absent text is fine. */
static bool identifiers_ok(struct weir_str text, bool pre)
{
    struct weir_str id;

    while (cut(&text, '.', &id))
        if (!consists_of(id, DIGITS LETTERS "-") || (pre && consists_of(id, DIGITS) && !is_number(id)))
            return false;
    return true;
}

/* Reads a version; a partial one (2 or 2.3, filled up with zeros) where that is allowed. */
static bool read_version(struct weir_str text, bool partial, struct version *v)
{
    struct weir_str core, number;
    size_t n = 0;

    *v = (struct version){{{"0", 1}, {"0", 1}, {"0", 1}}, {NULL, 0}};
    if (!cut(&text, '+', &v->pre) || !identifiers_ok(text, false))
        return false;
    if (!cut(&v->pre, '-', &core) || !identifiers_ok(v->pre, true))
        return false;
    while (cut(&core, '.', &number)) {
        if (n == 3 || !is_number(number))
            return false;
        v->number[n++] = number;
    }
    return n == 3 || (partial && !v->pre.ptr);
}

/* Numbers come before words. */
static int compare_identifiers(struct weir_str a, struct weir_str b)
{
    int longer = (a.len > b.len) - (a.len < b.len), order;

    if (is_number(a) != is_number(b))
        return is_number(a) ? -1 : 1;
    if (is_number(a) && longer != 0)
        return longer;
    order = memcmp(a.ptr, b.ptr, longer > 0 ? b.len : a.len);
    return order != 0 ? order : longer;
}

/* No pre-release comes after any; a list of identifiers after its own beginning. */
static int compare(const struct version *a, const struct version *b)
{
    struct weir_str left = a->pre, right = b->pre, x, y;
    int order = 0;

    for (size_t i = 0; i < 3 && order == 0; i++)
        order = compare_identifiers(a->number[i], b->number[i]);
    if (order == 0 && (!left.ptr || !right.ptr))
        return !left.ptr - !right.ptr;
    while (order == 0) {
        bool more_left = cut(&left, '.', &x), more_right = cut(&right, '.', &y);

        if (!more_left || !more_right)
            return more_left - more_right;
        order = compare_identifiers(x, y);
    }
    return order;
}

/* Cuts an operator off the beginning of a word. Returns what it takes; 0: there is none. */
static int cut_operator(struct weir_str *word)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        struct weir_str op = operators[i].text;

        if (word->len >= op.len && memcmp(word->ptr, op.ptr, op.len) == 0) {
            *word = (struct weir_str){word->ptr + op.len, word->len - op.len};
            return operators[i].takes;
        }
    }
    return 0;
}

/* Whether the version is in the range. Sets *valid to false where that is no range at all. */
static bool in_range(struct weir_str range, const struct version *version, bool *valid)
{
    struct weir_str word;
    struct version than;
    int takes = 0, order;
    bool in = true;

    while (cut(&range, ' ', &word)) {
        takes = takes ? takes : cut_operator(&word);
        if (word.len == 0)
            continue; /* blanks, or behind an operator */
        *valid &= read_version(word, true, &than) && takes;
        order = compare(version, &than);
        in &= (takes & (order < 0 ? LESS : order > 0 ? GREATER : EQUAL)) != 0;
        takes = 0;
    }
    *valid &= !takes;
    return in;
}

static bool is_range(struct weir_str item)
{
    return item.ptr[0] >= '<' && item.ptr[0] <= '>'; /* or = between them */
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    const struct version_filter *f = self;
    const struct weir_str *item = f->accept.items, *end = item + f->accept.count;
    struct version version;
    struct weir_str text;
    bool valid = true;

    (void)stage;
    if (weir_get_string(env, f->field, &text) != WEIR_OK)
        end = item;
    for (; item < end; item++)
        if (is_range(*item) ? read_version(text, false, &version) && in_range(*item, &version, &valid)
                            : item->len == text.len && memcmp(item->ptr, text.ptr, text.len) == 0)
            return WEIR_PASS;
    return weir_reject(env, "%.*s", (int)f->reason.len, f->reason.ptr);
}

static int32_t create(struct weir_stage *stage, void *self)
{
    const struct version_filter *f = self;

    for (size_t i = 0; i < f->accept.count; i++) {
        struct weir_str item = f->accept.items[i];
        struct version v;
        bool partial = read_version(item, true, &v), full = read_version(item, false, &v), valid = true;

        if (is_range(item))
            in_range(item, &v, &valid);
        if (!valid || (!is_range(item) && memchr(item.ptr, ' ', item.len)))
            return weir_error(stage, "accept: item %zu is neither a version nor a range such as >=2.3.0 <3",
                              i + 1);
        if (partial && !full)
            weir_warn(stage, "accept",
                      "item %zu takes its text and no other; a range such as >=2.3 <2.4 takes "
                      "every 2.3.x",
                      i + 1);
    }
    return WEIR_OK;
}

WEIR_PLUGIN(.name = "version_filter", .version = "1.0.0",
            .help = "lets only records of certain versions pass", .options = options,
            .self_size = sizeof(struct version_filter), .create = create, .process = process)
