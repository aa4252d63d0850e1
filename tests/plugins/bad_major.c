/* bad_major.c: built for the next major ABI. */
#include <weir/plugin.h>

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    (void)stage;
    (void)self;
    (void)env;
    return WEIR_PASS;
}

WEIR_EXPORT const struct weir_plugin *weir_plugin_v1(void);
const struct weir_plugin *weir_plugin_v1(void)
{
    static const struct weir_plugin plugin = {.magic = WEIR_ABI_MAGIC,
                                              .major = WEIR_ABI_MAJOR + 1,
                                              .size = sizeof(struct weir_plugin),
                                              .name = "bad_major",
                                              .version = "1.0.0",
                                              .process = process};

    return &plugin;
}
