/* commands.h: every command of weir, one file each. */
#ifndef WEIR_CLI_COMMANDS_H
#define WEIR_CLI_COMMANDS_H

#include "cli/args.h"

extern const struct command command_run;
extern const struct command command_status;
extern const struct command command_reload;
extern const struct command command_check;
extern const struct command command_pipe;
extern const struct command command_plugins;
extern const struct command command_generate;
extern const struct command command_watch;
extern const struct command command_dlq;
extern const struct command command_demo;

/** Not listed: see worker.c. */
extern const struct command command_worker;

#endif
