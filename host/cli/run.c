/* run.c: `weir run`, the command that it is all about. */
#include "cli/commands.h"
#include "supervise/supervisor.h"

static int run(const struct command *command, int argc, char **argv)
{
    const char *dir = "conf.d";
    bool no_fork = false;
    const struct arg args[] = {
        ARG_CONFIG(&dir),
        {.name = "no-fork",
         .help = "everything in this one process, for a debugger; a plugin that crashes ends it",
         .flag = &no_fork},
        {0},
    };
    int status = args_read_options(command, args, argc, argv, "name the directory with -c");

    if (status >= 0)
        return status;
    switch (no_fork ? runner_run(dir) : supervisor_run(dir)) {
    case RUNNER_STOPPED:
        return EXIT_OK;
    case RUNNER_CONFIG:
        return EXIT_CONFIG;
    case RUNNER_CHAIN_FAILED:
        return EXIT_SOFTWARE;
    default:
        return EXIT_TROUBLE;
    }
}

const struct command command_run = {
    .name = "run",
    .usage = "[-c DIR] [--no-fork]",
    .summary = "runs the chains of a configuration until it is told to stop",
    .details =
        "Each task of a chain is a process of its own; one that a plugin takes down is started again. "
        "SIGHUP\n"
        "reloads the configuration and replaced plugins while records flow; what is wrong with them is "
        "logged,\n"
        "and the old generation goes on. SIGTERM and SIGINT take no more records, finish what is in flight,\n"
        "commit and leave the consumer group; a second one ends at once.\n"
        "\n"
        "Exit status: 0; 1 where a stop left something undone (it comes again), 70 where every chain has\n"
        "stopped by itself, 78 for a broken configuration.\n",
    .run = run,
};
