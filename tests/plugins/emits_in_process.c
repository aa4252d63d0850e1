/* emits_in_process.c: makes `count` records {"n": 1}, {"n": 2}, … for every record, which passes. */
#include <stdio.h>
#include <weir/plugin.h>

struct state {
    int64_t count;
};

static const struct weir_option options[] = {
    WEIR_OPT_INTEGER(struct state, count, .def = "1", .min = 0, .max = 1000, .help = "records made for each"),
    WEIR_OPT_END};

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    const struct state *s = self;
    char text[40];

    for (int64_t i = 1; i <= s->count; i++) {
        int len = snprintf(text, sizeof text, "{\"n\": %lld}", (long long)i);

        if (weir_emit(stage, weir_key(env), (struct weir_str){text, (size_t)len}) != WEIR_OK)
            return weir_stop(env, "cannot emit");
    }
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "emits_in_process", .version = "1.0.0", .help = "makes records for every record",
            .options = options, .self_size = sizeof(struct state), .flags = WEIR_EMITS, .process = process)
