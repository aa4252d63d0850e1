/* bad_create.c: its create always fails, with a reason. */
#include <weir/plugin.h>

static int32_t create(struct weir_stage *stage, void *self)
{
    (void)self;
    return weir_error(stage, "this plugin never works");
}

static void destroy(struct weir_stage *stage, void *self)
{
    (void)stage;
    (void)self;
    __builtin_trap(); /* not after a create that failed */
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    (void)stage;
    (void)self;
    (void)env;
    return WEIR_PASS;
}

WEIR_PLUGIN(.name = "bad_create", .version = "1.0.0", .help = "never works", .create = create,
            .destroy = destroy, .process = process)
