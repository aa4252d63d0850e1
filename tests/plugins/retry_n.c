/* retry_n.c: asks for a retry of each record the first `times` times that it sees it, then lets it pass.
 * Records are told apart by their offset, so this works where one at a time is retried. */
#include <weir/plugin.h>

struct state {
    int64_t times, seen, offset;
};

static const struct weir_option options[] = {
    WEIR_OPT_INTEGER(struct state, times, .def = "1", .min = 0, .max = 1e9, .help = "retries of each record"),
    WEIR_OPT_END};

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    struct state *s = self;
    int64_t offset = weir_source(env).offset;

    (void)stage;
    if (s->seen == 0 || offset != s->offset)
        s->seen = 0;
    s->offset = offset;
    if (s->seen++ < s->times)
        return weir_retry(env, "not yet");
    s->seen = 0;
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "retry_n", .version = "1.0.0", .help = "retries every record some times",
            .options = options, .self_size = sizeof(struct state), .process = process)
