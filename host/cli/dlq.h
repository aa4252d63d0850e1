/* dlq.h: the commands below `weir dlq`, one file each. */
#ifndef WEIR_CLI_DLQ_H
#define WEIR_CLI_DLQ_H

#include "cli/args.h"

extern const struct command command_dlq_ls;
extern const struct command command_dlq_show;
extern const struct command command_dlq_replay;

/** The one topic of the command line. DLQ_GO_ON (-1), else the exit status, all being said. */
int dlq_topic(const struct command *command, int argc, char **argv, int first, const char **topic);

/** A take function for how a reason begins, into a struct selection. */
bool dlq_reason(void *selection, const char *value);
/** A take function for a time, into a struct selection. */
bool dlq_since(void *selection, const char *value);

#endif
