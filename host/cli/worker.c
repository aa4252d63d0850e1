/* worker.c: `weir worker`, which `weir run` starts for itself and nobody types: it stands in no help. */
#include "cli/commands.h"
#include "supervise/worker.h"

#include <limits.h>

static int status_of(enum worker_end end)
{
    switch (end) {
    case WORKER_STOPPED:
        return EXIT_OK;
    case WORKER_CUT_SHORT:
        return EXIT_TROUBLE;
    case WORKER_CONFIG:
        return EXIT_CONFIG;
    default:
        return EXIT_SOFTWARE;
    }
}

static int run(const struct command *command, int argc, char **argv)
{
    bool probe = false, again = false;
    const struct arg args[] = {
        {.name = "again", .help = "logs what is wrong, and no warnings", .flag = &again},
        {.name = "probe", .help = "also tells its supervisor, and looks at the topics", .flag = &probe},
        {0},
    };
    int first, status = args_read(command, args, argc, argv, &first);
    enum worker_end end = WORKER_NO_PARENT;
    int64_t parent;

    if (status >= 0)
        return status;
    if (argc - first == 2 && str_to_int(str_of(argv[first]), &parent) && parent > 0 && parent <= INT_MAX)
        end = worker_run((pid_t)parent, probe ? START_PROBE : again ? START_AGAIN : START_FIRST);
    if (end == WORKER_NO_PARENT)
        return args_wrong(command, "\"weir run\" starts its workers itself; this is not for people");
    return status_of(end);
}

const struct command command_worker = {
    .name = "worker",
    .usage = "PARENT_PID LABEL [--again|--probe]",
    .summary = "runs one task of one chain, for a \"weir run\" that started it",
    .run = run,
};
