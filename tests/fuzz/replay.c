/* replay.c: runs a fuzz target over the files of a folder, so that what a fuzzer once found is checked by
 * every build, whatever its compiler. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long size = -1;
    int status = 1;

    if (file && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0)
        goto out;
    data = malloc((size_t)size + 1);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
        goto out;
    fprintf(stderr, "%s\n", path); /* the last line names the file that failed */
    status = LLVMFuzzerTestOneInput(data, (size_t)size);
out:
    if (file)
        fclose(file);
    free(data);
    return status;
}

int main(int argc, char **argv)
{
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    int files = 0, failed = 0;

    if (!dir) {
        fprintf(stderr, "usage: replay FOLDER\n");
        return 2;
    }
    while ((entry = readdir(dir))) {
        char path[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        files++;
        if (replay_file(path) != 0)
            failed++;
    }
    closedir(dir);
    printf("%d files, %d failed\n", files, failed);
    return files == 0 || failed > 0;
}
