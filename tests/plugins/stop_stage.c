/* stop_stage.c: lets `after` records pass, then stops the chain. */
#include <weir/plugin.h>

struct state {
    int64_t after, seen;
};

static const struct weir_option options[] = {WEIR_OPT_INTEGER(struct state, after, .def = "0", .min = 0,
                                                              .max = 1e9, .help = "records that still pass"),
                                             WEIR_OPT_END};

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    struct state *s = self;

    (void)stage;
    return s->seen++ < s->after ? WEIR_PASS : weir_stop(env, "this stage is broken on purpose");
}

WEIR_PLUGIN(.name = "stop_stage", .version = "1.0.0", .help = "stops the chain", .options = options,
            .self_size = sizeof(struct state), .process = process)
