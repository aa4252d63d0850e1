/* bad_constructor.c: dies while it is being loaded, before the host has asked it anything. */
#include <weir/plugin.h>

__attribute__((constructor)) static void die(void)
{
    __builtin_trap();
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    (void)stage;
    (void)self;
    (void)env;
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "bad_constructor", .version = "1.0.0", .help = "dies at load", .process = process)
