/* bad_no_symbol.c: a shared object that is no plugin: it exports nothing that a host asks for. */
#include <weir/plugin.h>

WEIR_EXPORT int bad_no_symbol(void);
int bad_no_symbol(void)
{
    return 0;
}
