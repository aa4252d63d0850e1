/* main.c: picks the command. */
#include <stdio.h>

int main(void)
{
    printf("weir %s\n", WEIR_VERSION);
    return 0;
}
