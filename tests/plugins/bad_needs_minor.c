/* bad_needs_minor.c: of this major ABI, and in need of a later minor one. */
#include <weir/plugin.h>
#undef WEIR_NEEDS_MINOR
#define WEIR_NEEDS_MINOR (WEIR_ABI_MINOR + 1)

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    (void)stage;
    (void)self;
    (void)env;
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "bad_needs_minor", .version = "1.0.0", .help = "asks too much of its host",
            .process = process)
