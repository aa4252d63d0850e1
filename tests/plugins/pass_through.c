/* pass_through.c: the smallest plugin: lets everything pass. */
#include <weir/plugin.h>

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    (void)stage;
    (void)self;
    (void)env;
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "pass_through", .version = "1.0.0", .help = "lets everything pass", .process = process)
