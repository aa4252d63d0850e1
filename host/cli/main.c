/* main.c: picks the command. */
#include "cli/commands.h"

#include "base/log.h"
#include "cli/heap.h"
#include "config/suggest.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_run,     &command_status,   &command_reload, &command_check, &command_pipe,
    &command_plugins, &command_generate, &command_watch,  &command_dlq,   &command_demo,
};

#define COUNT (sizeof commands / sizeof commands[0])

static int print_usage(FILE *to, int status)
{
    fprintf(to, "weir COMMAND [OPTION]…\nA plugin host for Kafka streams.\n\n");
    for (size_t i = 0; i < COUNT; i++)
        fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "\n'weir COMMAND --help' explains one of them; 'weir --version' tells the version.\n");
    return status;
}

static int unknown(const char *word)
{
    struct suggest suggest;

    suggest_init(&suggest, str_of(word));
    for (size_t i = 0; i < COUNT; i++)
        suggest_offer(&suggest, str_of(commands[i]->name));
    fprintf(stderr, "weir: unknown command \"%s\"%s\nTry 'weir --help'.\n", word, suggest_hint(&suggest));
    return EXIT_USAGE;
}

static int run_worker(int argc, char **argv)
{
#ifdef WEIR_MIMALLOC_FILE
    const char *why = heap_use_mimalloc();

    if (why)
        log_warn("mimalloc cannot be loaded, a record costs more CPU: error=\"%s\"", why);
#endif
    return command_worker.run(&command_worker, argc, argv);
}

/* Else the next file that is opened, which may hold secrets, would be taken for one of them. What is put
 * there fails when it is used. */
static void hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest number is taken */
    }
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    hold_standard_descriptors();
    if (argc < 2)
        return print_usage(stderr, EXIT_USAGE);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return print_usage(stdout, EXIT_OK);
    if (strcmp(word, "--version") == 0) {
        printf("weir %s (plugin ABI %d.%d)\n", WEIR_VERSION, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
        return EXIT_OK;
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(word, commands[i]->name) == 0)
            return commands[i]->run(commands[i], argc - 1, argv + 1);
    }
    if (strcmp(word, command_worker.name) == 0)
        return run_worker(argc - 1, argv + 1);
    return unknown(word);
}
