/* bad_magic.c: the symbol is there, and what it returns is no description of a plugin. */
#include <weir/plugin.h>

WEIR_EXPORT const struct weir_plugin *weir_plugin_v1(void);
const struct weir_plugin *weir_plugin_v1(void)
{
    static const struct weir_plugin plugin = {.magic = 0x12345678, .name = "bad_magic"};

    return &plugin;
}
