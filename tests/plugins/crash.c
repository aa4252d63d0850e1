/* crash.c: dies on a record whose member `field` is there; every other one passes. */
#include <weir/plugin.h>

struct state {
    const struct weir_field *field;
};

static const struct weir_option options[] = {
    WEIR_OPT_FIELD(struct state, field, .def = "crash", .help = "the member that kills"), WEIR_OPT_END};

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    const struct state *s = self;

    (void)stage;
    if (weir_field_type(env, s->field) != WEIR_JSON_ABSENT)
        __builtin_trap();
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "crash", .version = "1.0.0", .help = "dies on some records", .options = options,
            .self_size = sizeof(struct state), .process = process)
