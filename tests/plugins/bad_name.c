/* bad_name.c: its name is another than its file's. */
#include <weir/plugin.h>

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    (void)stage;
    (void)self;
    (void)env;
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "another_name", .version = "1.0.0", .help = "has two names", .process = process)
