/* bad_null.c: the symbol is there, and returns nothing. */
#include <weir/plugin.h>

WEIR_EXPORT const struct weir_plugin *weir_plugin_v1(void);
const struct weir_plugin *weir_plugin_v1(void)
{
    return NULL;
}
