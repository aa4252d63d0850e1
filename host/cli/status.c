/* status.c: `weir status`, what a running weir does. */
#include "cli/ask.h"
#include "cli/colour.h"
#include "cli/commands.h"
#include "cli/status_view.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static int print(const struct command *command, struct weir_str text)
{
    if (fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0)
        return EXIT_OK;
    fprintf(stderr, "weir %s: cannot write to standard output: %s\n", command->name, strerror(errno));
    return EXIT_TROUBLE;
}

static int show(const struct command *command, const char *dir, bool json)
{
    const struct ask ask = {command->name, dir, "status", PATIENCE_MS};
    struct json_object *answer = NULL;
    struct buf text, table;
    int status;

    buf_init(&text, (size_t)64 << 20);
    buf_init(&table, (size_t)64 << 20);
    status = ask_weir(&ask, &text, &answer);
    if (status == EXIT_OK && json) {
        buf_add_char(&text, '\n');
        status = print(command, buf_str(&text));
    } else if (status == EXIT_OK) {
        status_view_add(&table, answer, colour_wanted(STDOUT_FILENO));
        status = print(command, buf_str(&table));
    }
    json_object_put(answer);
    buf_fini(&table);
    buf_fini(&text);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *dir = "conf.d";
    bool json = false;
    const struct arg args[] = {
        ARG_CONFIG(&dir),
        {.name = "json", .help = "one JSON object, for programs", .flag = &json},
        {0},
    };
    int status = args_read_options(command, args, argc, argv, "name the directory with -c");

    if (status >= 0)
        return status;
    return show(command, dir, json);
}

const struct command command_status = {
    .name = "status",
    .usage = "[-c DIR] [--json]",
    .summary = "shows what a running weir does: chains, workers, crashes, quarantine, lag",
    .details =
        "It asks the weir that runs this configuration, as the same user or as root, and works while a\n"
        "stage hangs. REC/S is of the last seconds; LAG is in records, up to what is committed.\n"
        "Exit status: 0; 69 where no weir runs this configuration.\n",
    .run = run,
};
