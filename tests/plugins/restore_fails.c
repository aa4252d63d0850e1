/* restore_fails.c: saves some state, and refuses to take it back. */
#include <weir/plugin.h>

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    (void)stage;
    (void)self;
    (void)env;
    return WEIR_PASS;
}

static int32_t save(struct weir_stage *stage, void *self)
{
    (void)self;
    return weir_save_bytes(stage, "state", 5);
}

static int32_t restore(struct weir_stage *stage, void *self, uint32_t version, struct weir_str bytes)
{
    (void)self;
    (void)version;
    (void)bytes;
    return weir_error(stage, "this plugin takes nothing back");
}

WEIR_PLUGIN(.name = "restore_fails", .version = "1.0.0", .help = "takes no state back", .state_version = 1,
            .process = process, .save = save, .restore = restore)
