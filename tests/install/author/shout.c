/* shout.c: an author's plugin, built by tests/install against an installed weir. It turns the letters of one
 * field to upper case: enough to need options, a bound field, per-envelope memory, and a verdict with a
 * reason.
 */
#include <weir/plugin.h>

struct shout {
    const struct weir_field *field;
};

static const struct weir_option options[] = {
    WEIR_OPT_FIELD(struct shout, field, .required = true, .help = "the field to turn to upper case"),
    WEIR_OPT_END};

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    const struct shout *s = self;
    struct weir_str text;
    char *loud;

    (void)stage;
    if (weir_get_string(env, s->field, &text) != WEIR_OK)
        return weir_reject(env, "nothing to shout");
    loud = weir_alloc(env, text.len);
    if (!loud)
        return weir_fail(env, "no memory");
    for (size_t i = 0; i < text.len; i++)
        loud[i] = (char)(text.ptr[i] >= 'a' && text.ptr[i] <= 'z' ? text.ptr[i] - 'a' + 'A' : text.ptr[i]);
    if (weir_set_string(env, s->field, (struct weir_str){loud, text.len}) != WEIR_OK)
        return weir_fail(env, "cannot shout");
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "shout", .version = "1.0.0", .help = "turns a field to upper case", .options = options,
            .self_size = sizeof(struct shout), .process = process)
