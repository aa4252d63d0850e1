/* hook.c: see hook.h: a stage that only looks and changes. */
#define HOOK_NAME "hook"
#define HOOK_FLAGS 0
#include "hook.h"
