/* age_filter: rejects records that are older than max_age.
 *
 *     [stage age]
 *     plugin  = age_filter
 *     max_age = 60s           ; exactly this old still passes
 *     ; field = timestamp     ; judge this member instead of Kafka's timestamp
 *     ; unit  = s             ; what the member counts: s (the default) or ms
 *
 * The reason is "too old"; without `to` such a record is dropped and counted. The member may be a number, or
 * a string that reads as one. What has no usable time passes: this stage judges age and nothing else, a
 * validator says what is missing. By Kafka's timestamp, and placed first, it runs before values are parsed.
 *
 * The limit is subtracted from now and never from the record's time, so no timestamp can overflow.
 */
#include <weir/plugin.h>

struct age_filter {
    int64_t max_age;
    const struct weir_field *field;
    int32_t unit;
};

static const char *const units[] = {"s", "ms", NULL};
static const double unit_ms[] = {1000, 1};

static const struct weir_option options[] = {
    WEIR_OPT_DURATION(struct age_filter, max_age, .def = "60s", .min = 0, .max = 1e15,
                      .help = "reject records older than this"),
    WEIR_OPT_FIELD(struct age_filter, field, .help = "judge this member instead of Kafka's timestamp"),
    WEIR_OPT_CHOICE(struct age_filter, unit, .def = "s", .choices = units,
                    .help = "what the member counts since 1970"),
    WEIR_OPT_END};

/* To the nearest millisecond: doubles are that exact for 140,000 years. Beyond an integer's limits, the
 * limit. */
static int64_t round_ms(double ms)
{
    if (ms > -9e18 && ms < 9e18)
        return (int64_t)(ms < 0 ? ms - 0.5 : ms + 0.5);
    return ms < 0 ? INT64_MIN : INT64_MAX;
}

static bool record_time(const struct age_filter *f, struct weir_envelope *env, int64_t *ms)
{
    double number;

    if (!f->field)
        return weir_timestamp_ms(env, ms);
    if (weir_get_number(env, f->field, &number) != WEIR_OK)
        return false;
    *ms = round_ms(number * unit_ms[f->unit]);
    return true;
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    const struct age_filter *f = self;
    int64_t ms;

    if (!record_time(f, env, &ms))
        return WEIR_PASS;
    return ms < weir_now_ms(stage) - f->max_age ? weir_reject(env, "too old") : WEIR_PASS;
}

static int32_t create(struct weir_stage *stage, void *self)
{
    const struct age_filter *f = self;

    if (!f->field && weir_is_set(stage, "unit"))
        return weir_error(stage, "unit means something only with field");
    return WEIR_OK;
}

WEIR_PLUGIN(.name = "age_filter", .version = "1.0.0", .help = "rejects records that are too old",
            .options = options, .self_size = sizeof(struct age_filter), .create = create, .process = process)
