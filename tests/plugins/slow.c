/* slow.c: sleeps `delay` on every record. It is the one stage that may look at the real clock. */
#include <time.h>
#include <weir/plugin.h>

struct state {
    int64_t delay;
};

static const struct weir_option options[] = {
    WEIR_OPT_DURATION(struct state, delay, .def = "10ms", .min = 0, .max = 3600e3, .help = "sleep a record"),
    WEIR_OPT_END};

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    const struct state *s = self;
    struct timespec rest = {s->delay / 1000, s->delay % 1000 * 1000000};

    (void)stage;
    (void)env;
    while (nanosleep(&rest, &rest) != 0)
        ;
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "slow", .version = "1.0.0", .help = "sleeps on every record", .options = options,
            .self_size = sizeof(struct state), .process = process)
