/* bad_verdict.c: answers with a verdict that does not exist. */
#include <weir/plugin.h>

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    (void)stage;
    (void)self;
    (void)env;
    return 99;
}

WEIR_PLUGIN(.name = "bad_verdict", .version = "1.0.0", .help = "answers nonsense", .process = process)
