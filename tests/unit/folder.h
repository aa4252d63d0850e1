/* folder.h: a test in a directory of its own, and what it puts there. */
#ifndef WEIR_TEST_FOLDER_H
#define WEIR_TEST_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Set-up of a cmocka test: a new directory is the current one. */
static inline int folder_enter(void **state)
{
    char dir[] = "/tmp/weir-test-XXXXXX";

    if (!mkdtemp(dir) || chdir(dir) != 0)
        return -1;
    *state = strdup(dir);
    return *state ? 0 : -1;
}

/* And its tear-down. */
static inline int folder_leave(void **state)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r -- '%s'", (char *)*state);
    free(*state);
    return chdir("/") != 0 || system(command) != 0;
}

static inline void folder_put(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* How many descriptors this process has. */
static inline size_t open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

#endif
