/* validator: fails records whose members are missing or not what they should be.
 *
 *     [stage fields]
 *     plugin    = validator
 *     required  = user_id, device.id       ; absent or null is a fault
 *     non_empty = user_id                  ; and so is "", [] or {}
 *     number    = timestamp                ; also: string, integer, boolean, object, array
 *     allow.device_type = iOS, android     ; one of these texts
 *     range.age         = 0..150           ; inclusive; either end may be left out
 *     max_length.name   = 64               ; characters
 *     ; message = Bad login event          ; instead of the list of faults
 *
 * All faults come in one message: `Missing fields: a, b`, first those of required, then those of non_empty;
 * where none is missing, `Invalid fields: timestamp: not a number; name: too long`, one fault a field, in the
 * order above. No value is ever quoted. Every check but required and non_empty judges only what is there and
 * not null.
 *
 * number takes a number, or a string that reads as one by JSON's grammar and is below 10^12 in size; range
 * takes the same. integer takes a number without fraction or exponent that fits 64 bits. allow compares a
 * string's text, else the JSON text. max_length judges strings.
 *
 * All options become one flat list of checks when the stage is created. A good record costs one walk over it;
 * only a bad one pays for a second walk that collects every fault.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/plugin.h>

#define BLANKS " \t\r\n"

/* Faults of the first two are missing fields, those of the others are invalid ones. */
enum kind {
    REQUIRED,
    NON_EMPTY,
    STRING,
    NUMBER,
    INTEGER,
    BOOLEAN,
    OBJECT,
    ARRAY,
    ALLOW,
    RANGE,
    LENGTH,
    KINDS
};

static const struct {
    int32_t type;           /* where a type is all that is asked for */
    const char *fault;      /* in the message */
    const char *key, *rule; /* of allow.NAME and its like: what stands before the dot, and what must follow */
} kinds[KINDS] = {
    [REQUIRED] = {0, "", NULL, NULL}, /* what is missing has no other fault */
    [NON_EMPTY] = {0, "", NULL, NULL},
    [STRING] = {WEIR_JSON_STRING, "not a string", NULL, NULL},
    [NUMBER] = {0, "not a number", NULL, NULL},
    [INTEGER] = {0, "not an integer", NULL, NULL},
    [BOOLEAN] = {WEIR_JSON_BOOL, "not a boolean", NULL, NULL},
    [OBJECT] = {WEIR_JSON_OBJECT, "not an object", NULL, NULL},
    [ARRAY] = {WEIR_JSON_ARRAY, "not an array", NULL, NULL},
    [ALLOW] = {0, "not an allowed value", "allow", "at least one text"},
    [RANGE] = {0, "out of range", "range", "a range such as 0..150, 0.. or ..150"},
    [LENGTH] = {0, "too long", "max_length", "a number of characters"},
};

struct check {
    enum kind kind;
    const struct weir_field *field;
    struct weir_str name;
    struct weir_str words; /* allow: as written, split at commas */
    double min, max;       /* range; max_length */
};
struct validator {
    struct weir_fields fields[KINDS]; /* up to ARRAY */
    struct weir_pairs rules[KINDS];   /* from ALLOW on */
    struct weir_str message;
    struct check *checks;
    size_t count;
};

#define FIELDS(kind, key, text) WEIR_OPT_FIELDS(struct validator, fields[kind], .name = key, .help = text)
#define RULES(kind, key, text) WEIR_OPT_PREFIX(struct validator, rules[kind], .name = key, .help = text)
static const struct weir_option options[] = {
    FIELDS(REQUIRED, "required", "must be there and not null"),
    FIELDS(NON_EMPTY, "non_empty", "must be there, not null, and not empty"),
    FIELDS(STRING, "string", "must be strings"),
    FIELDS(NUMBER, "number", "must be numbers, or strings that read as one"),
    FIELDS(INTEGER, "integer", "must be whole numbers of at most 64 bits"),
    FIELDS(BOOLEAN, "boolean", "must be true or false"),
    FIELDS(OBJECT, "object", "must be objects"),
    FIELDS(ARRAY, "array", "must be arrays"),
    RULES(ALLOW, "allow.", "the texts that the member may have"),
    RULES(RANGE, "range.", "the least and the greatest number, both inclusive: 0..150, 0.., ..150"),
    RULES(LENGTH, "max_length.", "the greatest number of characters of a string"),
    WEIR_OPT_STRING(struct validator, message, .help = "the reason, instead of the list of faults"),
    WEIR_OPT_END};

static bool same(struct weir_str a, struct weir_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* Cuts the next word, without the blanks around it, off a list that is split at commas. */
static struct weir_str cut(struct weir_str *list)
{
    const char *p = list->ptr, *end = p + list->len, *comma = memchr(p, ',', list->len);

    list->ptr = comma ? comma + 1 : end;
    list->len = (size_t)(end - list->ptr);
    for (end = comma ? comma : end; end > p && end[-1] == ' '; end--)
        ;
    while (p < end && *p == ' ')
        p++;
    return (struct weir_str){p, (size_t)(end - p)};
}

/* A number, or a string that reads as one. */
static bool read_number(struct weir_envelope *env, const struct check *c, int32_t type, double *n)
{
    return weir_get_number(env, c->field, n) == WEIR_OK && (type == WEIR_JSON_NUMBER || fabs(*n) < 1e12);
}

static bool is_allowed(struct weir_envelope *env, const struct check *c)
{
    struct weir_str text, words = c->words;
    int32_t status = weir_get_string(env, c->field, &text);

    if (status == WEIR_TYPE)
        status = weir_get_raw(env, c->field, &text);
    while (status == WEIR_OK && words.len > 0)
        if (same(cut(&words), text))
            return true;
    return false;
}

static bool is_short(struct weir_envelope *env, const struct check *c)
{
    struct weir_str text;
    size_t characters = 0;
    int32_t status = weir_get_string(env, c->field, &text);

    for (size_t i = 0; status == WEIR_OK && i < text.len; i++)
        characters += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return status == WEIR_TYPE || (status == WEIR_OK && (double)characters <= c->max);
}

static bool is_empty(struct weir_envelope *env, const struct check *c, int32_t type)
{
    struct weir_str raw;

    if (type < WEIR_JSON_STRING || weir_get_raw(env, c->field, &raw) != WEIR_OK)
        return false;
    return raw.len == 2 ||
           (type != WEIR_JSON_STRING && strchr("]}", raw.ptr[1 + strspn(raw.ptr + 1, BLANKS)]));
}

static bool is_there(int32_t type)
{
    return type != WEIR_JSON_ABSENT && type != WEIR_JSON_NULL && type != WEIR_JSON_BLOCKED;
}

/* type: of the check's field. */
static bool holds(struct weir_envelope *env, const struct check *c, int32_t type)
{
    double number;
    int64_t integer;

    if (!is_there(type))
        return c->kind > NON_EMPTY;
    switch (c->kind) {
    case REQUIRED:
        return true;
    case NON_EMPTY:
        return !is_empty(env, c, type);
    case NUMBER:
        return type == WEIR_JSON_NUMBER || read_number(env, c, type, &number);
    case INTEGER:
        return weir_get_int(env, c->field, &integer) == WEIR_OK;
    case ALLOW:
        return is_allowed(env, c);
    case RANGE:
        return read_number(env, c, type, &number) && number >= c->min && number <= c->max;
    case LENGTH:
        return is_short(env, c);
    default:
        return type == kinds[c->kind].type;
    }
}

/* Whether this check is to be told: it does not hold, is of the class, and its field was not told before. */
static bool is_told(const struct validator *v, struct weir_envelope *env, const struct check *c, bool missing)
{
    if ((c->kind <= NON_EMPTY) != missing || holds(env, c, weir_field_type(env, c->field)))
        return false;
    for (const struct check *other = v->checks; other < c; other++)
        if (same(other->name, c->name) && is_told(v, env, other, missing))
            return false;
    return true;
}

static char *put(char *p, const char *text)
{
    return mempcpy(p, text, strlen(text));
}

/* The message about all faults of one class. */
static int32_t refuse(const struct validator *v, struct weir_envelope *env, bool missing)
{
    const char *const begin = missing ? "Missing fields: " : "Invalid fields: ", *before = begin;
    size_t room = strlen(begin) + 1;
    char *text, *p;

    for (const struct check *c = v->checks; c < v->checks + v->count; c++)
        room += c->name.len + strlen("; : ") + strlen(kinds[c->kind].fault);
    text = p = weir_alloc(env, room);
    for (const struct check *c = v->checks; text && c < v->checks + v->count; c++) {
        if (!is_told(v, env, c, missing))
            continue;
        p = mempcpy(put(p, before), c->name.ptr, c->name.len);
        if (!missing)
            p = put(put(p, ": "), kinds[c->kind].fault);
        before = missing ? ", " : "; ";
    }
    if (!text)
        return weir_fail(env, begin);
    return weir_fail(env, "%.*s", (int)(p - text), text);
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    const struct validator *v = self;

    (void)stage;
    for (const struct check *c = v->checks; c < v->checks + v->count; c++) {
        int32_t type = weir_field_type(env, c->field);

        if ((c->kind == REQUIRED && is_there(type)) || holds(env, c, type)) /* most are of the first kind */
            continue;
        if (v->message.ptr)
            return weir_fail(env, "%.*s", (int)v->message.len, v->message.ptr);
        return refuse(v, env, c->kind <= NON_EMPTY); /* the checks for missing ones come first */
    }
    return WEIR_PASS;
}

/* A bound of a range, or a length; where there is none, *bound stays. */
static bool read_bound(const char *text, double *bound)
{
    char *end;

    if (text[strspn(text, BLANKS)] == '\0')
        return true;
    *bound = strtod(text, &end);
    return isfinite(*bound) && end > text && end[strspn(end, BLANKS)] == '\0';
}

/* What follows the `=` of allow.NAME, range.NAME or max_length.NAME. */
static bool read_rule(struct check *c, struct weir_str value)
{
    char text[128], *dots;

    c->words = value;
    if (value.len == 0 || c->kind == ALLOW || value.len >= sizeof(text))
        return value.len > 0 && c->kind == ALLOW;
    *(char *)mempcpy(text, value.ptr, value.len) = '\0';
    if (c->kind == LENGTH)
        return read_bound(text, &c->max) && c->max >= 0;
    dots = strstr(text, "..");
    if (!dots)
        return false;
    *dots = '\0';
    c->min = -INFINITY;
    c->max = INFINITY;
    return read_bound(text, &c->min) && read_bound(dots + 2, &c->max) && c->min <= c->max && value.len > 2;
}

static int32_t add_rule(struct weir_stage *stage, struct validator *v, enum kind kind, struct weir_pair rule)
{
    char *path = strndup(rule.name.ptr, rule.name.len);
    struct check *c = &v->checks[v->count++];

    *c = (struct check){.kind = kind, .name = rule.name, .field = path ? weir_field(stage, path) : NULL};
    free(path);
    if (!c->field)
        return WEIR_INVALID; /* the host has said why */
    if (!read_rule(c, rule.value))
        return weir_error(stage, "%s.%.*s: needs %s", kinds[kind].key, (int)rule.name.len, rule.name.ptr,
                          kinds[kind].rule);
    return WEIR_OK;
}

static int32_t create(struct weir_stage *stage, void *self)
{
    struct validator *v = self;
    size_t total = 0;
    int32_t status = WEIR_OK;

    for (size_t kind = 0; kind < KINDS; kind++)
        total += v->fields[kind].count + v->rules[kind].count;
    if (total == 0)
        return weir_error(stage, "nothing to check: give at least one check, such as required = NAME");
    v->checks = calloc(total, sizeof(*v->checks));
    if (!v->checks)
        return weir_error(stage, "out of memory");
    for (enum kind kind = REQUIRED; kind < KINDS; kind++) {
        for (size_t i = 0; i < v->fields[kind].count; i++) {
            const struct weir_field *field = v->fields[kind].items[i];

            v->checks[v->count++] =
                (struct check){.kind = kind, .field = field, .name = weir_field_name(stage, field)};
        }
        for (size_t i = 0; i < v->rules[kind].count && status == WEIR_OK; i++)
            status = add_rule(stage, v, kind, v->rules[kind].items[i]);
    }
    if (status != WEIR_OK)
        free(v->checks);
    return status;
}

static void destroy(struct weir_stage *stage, void *self)
{
    struct validator *v = self;

    (void)stage;
    free(v->checks);
}

WEIR_PLUGIN(.name = "validator", .version = "1.0.0", .help = "fails records with missing or wrong members",
            .options = options, .self_size = sizeof(struct validator), .create = create, .destroy = destroy,
            .process = process)
