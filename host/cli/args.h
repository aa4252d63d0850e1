/* args.h: the options of a command, from one table that also prints its help.
 *
 * `--name VALUE`, `--name=VALUE`, `-n VALUE`, `--` and `--help` work everywhere; what is mistyped gets a
 * suggestion and exit status 64. */
#ifndef WEIR_CLI_ARGS_H
#define WEIR_CLI_ARGS_H

#include "base/str.h"

/** Exit statuses, as in sysexits.h. */
enum {
    EXIT_OK = 0,
    EXIT_TROUBLE = 1,      /* it ran, and it did not end well */
    EXIT_USAGE = 64,       /* the command line is wrong */
    EXIT_DATA = 65,        /* the input is wrong */
    EXIT_UNAVAILABLE = 69, /* the brokers, or something else outside */
    EXIT_SOFTWARE = 70,    /* a stage or a fault of ours stopped it */
    EXIT_CONFIG = 78       /* the configuration is wrong */
};

struct arg {
    char letter;       /* 0: it has none */
    const char *name;  /* NULL: the end of the table */
    const char *value; /* what stands for its value in the help, "DIR"; NULL: it is a switch */
    const char *help;
    bool *flag;                                 /* a switch sets it, */
    const char **text;                          /* or the value goes here; */
    bool (*take)(void *arg, const char *value); /* or here, each time: false where it cannot be read */
    void *take_arg;
};

/** The option that names the configuration, for every command that runs or checks one. */
#define ARG_CONFIG(dir)                                                                                      \
    {                                                                                                        \
        .letter = 'c', .name = "config", .value = "DIR", .help = "the configuration (default: conf.d)",      \
        .text = (dir)                                                                                        \
    }

struct command {
    const char *name;
    const char *usage;   /* what follows the name: "[-c DIR] TOPIC…" */
    const char *summary; /* one line, lower case, no full stop */
    const char *details; /* paragraphs below the options; NULL: none */
    int (*run)(const struct command *command, int argc, char **argv);
};

/** Reads the options. What is no option stays in argv[*first] and after it.
 *  Returns -1 to go on; else the exit status, all being said. */
int args_read(const struct command *command, const struct arg *args, int argc, char **argv, int *first);

/** The same for a command that takes options only; hint: what to do with a word instead. */
int args_read_options(const struct command *command, const struct arg *args, int argc, char **argv,
                      const char *hint);

/** Says what is wrong with the command line, and how to get help. Returns EXIT_USAGE. */
int args_wrong(const struct command *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** A take function for a duration such as 5s into an int64_t of milliseconds. */
bool args_duration(void *ms, const char *value);
/** A take function for a whole number that is not negative, into an int64_t. */
bool args_count(void *n, const char *value);
/** A take function for a share such as 5% or 0.05, into a double from 0 to 1. */
bool args_share(void *share, const char *value);

#endif
