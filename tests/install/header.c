/* header.c: the public header alone, as C11 (and, by -x c++, as C++17), with every warning on. */
#include <weir/plugin.h>

int main(void)
{
    struct weir_message m = WEIR_MESSAGE_INIT;

    return m.size == sizeof(struct weir_message) ? 0 : 1;
}
