/* reload.c: `weir reload`, which tells how it went. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/printable.h"

#include <json-c/json.h>
#include <stdio.h>

static void print_lines(struct json_object *outcome, FILE *to)
{
    struct json_object *lines = ask_member(outcome, "lines");
    size_t n = json_object_is_type(lines, json_type_array) ? json_object_array_length(lines) : 0;
    struct buf text;

    buf_init(&text, (size_t)16 << 20);
    for (size_t i = 0; i < n; i++) {
        printable_add(&text, str_of(json_object_get_string(json_object_array_get_idx(lines, i))));
        buf_add_char(&text, '\n');
    }
    fprintf(to, STR_FMT, STR_ARG(buf_str(&text)));
    buf_fini(&text);
}

static int reload(const struct command *command, const char *dir)
{
    const struct ask ask = {.command = command->name, .dir = dir, .request = "reload"};
    struct json_object *outcome = NULL;
    struct buf answer;
    int status;

    buf_init(&answer, (size_t)64 << 20);
    status = ask_weir(&ask, &answer, &outcome);
    if (status == EXIT_OK) {
        bool good = ask_flag(outcome, "ok");

        print_lines(outcome, good ? stdout : stderr);
        status = good ? EXIT_OK : EXIT_TROUBLE;
    }
    json_object_put(outcome);
    buf_fini(&answer);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *dir = "conf.d";
    const struct arg args[] = {
        ARG_CONFIG(&dir),
        {0},
    };
    int status = args_read_options(command, args, argc, argv, "name the directory with -c");

    if (status >= 0)
        return status;
    return reload(command, dir);
}

const struct command command_reload = {
    .name = "reload",
    .usage = "[-c DIR]",
    .summary = "reloads what a running weir runs, waits, and tells the outcome",
    .details =
        "It is what SIGHUP does. Where something is wrong with the new generation, it is said with file and\n"
        "line, and the old one goes on.\n"
        "Exit status: 0 where the new generation is in force in every chain, 1 where it was refused, 69 "
        "where\n"
        "no weir runs this configuration.\n",
    .run = run,
};
