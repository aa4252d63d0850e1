/* args.c: see args.h. getopt_long() reads, this file finds the words. */
#include "cli/args.h"

#include "config/suggest.h"
#include "config/value.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define ARGS_MAX 32

int args_wrong(const struct command *command, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "weir %s: ", command->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nTry 'weir %s --help'.\n", command->name);
    return EXIT_USAGE;
}

static void print_help(const struct command *command, const struct arg *args)
{
    printf("weir %s %s\n%s.\n\n", command->name, command->usage, command->summary);
    for (const struct arg *a = args; a->name; a++) {
        char left[64], letter[8] = "    ";

        if (a->letter)
            snprintf(letter, sizeof letter, "-%c, ", a->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, a->name, a->value ? " " : "",
                 a->value ? a->value : "");
        printf("  %-30s  %s\n", left, a->help);
    }
    printf("  %-30s  %s\n", "    --help", "this text");
    if (command->details)
        printf("\n%s", command->details);
}

static int unknown(const struct command *command, const struct arg *args, const char *word)
{
    struct suggest suggest;
    const char *name = word;

    while (*name == '-')
        name++;
    suggest_init(&suggest, str_make(name, strcspn(name, "=")));
    suggest_offer(&suggest, STR("help"));
    for (const struct arg *a = args; a->name; a++)
        suggest_offer(&suggest, str_of(a->name));
    if (!suggest.best.ptr)
        return args_wrong(command, "unknown option \"%.*s\"", (int)strcspn(word, "="), word);
    return args_wrong(command, "unknown option \"%.*s\" (did you mean \"--" STR_FMT "\"?)",
                      (int)strcspn(word, "="), word, STR_ARG(suggest.best));
}

static int take(const struct command *command, const struct arg *a, const char *value)
{
    if (a->flag)
        *a->flag = true;
    else if (a->text)
        *a->text = value;
    else if (!a->take(a->take_arg, value))
        return args_wrong(command, "--%s: \"%s\" is no %s", a->name, value, a->value);
    return -1;
}

/* getopt's two tables from ours. Index i of ours is value i + 256. */
static void describe(const struct arg *args, struct option *longs, char *shorts)
{
    size_t n = 0, s = 0;

    shorts[s++] = ':';
    for (; args[n].name && n < ARGS_MAX; n++) {
        longs[n] = (struct option){args[n].name, args[n].value ? required_argument : no_argument, NULL,
                                   (int)n + 256};
        if (args[n].letter) {
            shorts[s++] = args[n].letter;
            if (args[n].value)
                shorts[s++] = ':';
        }
    }
    longs[n++] = (struct option){"help", no_argument, NULL, 'h' + 1024};
    longs[n] = (struct option){0};
    shorts[s] = '\0';
}

static const struct arg *chosen(const struct arg *args, int c)
{
    if (c >= 256)
        return &args[c - 256];
    for (const struct arg *a = args; a->name; a++) {
        if (a->letter == c)
            return a;
    }
    return NULL;
}

int args_read(const struct command *command, const struct arg *args, int argc, char **argv, int *first)
{
    struct option longs[ARGS_MAX + 2];
    char shorts[2 * ARGS_MAX + 2];
    int c, status;

    describe(args, longs, shorts);
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (c == 'h' + 1024) {
            print_help(command, args);
            return EXIT_OK;
        }
        if (c == ':')
            return args_wrong(command, "%s needs a value", argv[optind - 1]);
        if (c == '?' && optopt >= 256) /* getopt's word for a switch with a value */
            return args_wrong(command, "--%s takes no value",
                              optopt == 'h' + 1024 ? "help" : args[optopt - 256].name);
        if (c == '?')
            return unknown(command, args, argv[optind - 1]);
        status = take(command, chosen(args, c), optarg);
        if (status >= 0)
            return status;
    }
    *first = optind;
    return -1;
}

int args_read_options(const struct command *command, const struct arg *args, int argc, char **argv,
                      const char *hint)
{
    int first, status = args_read(command, args, argc, argv, &first);

    if (status < 0 && first < argc)
        return args_wrong(command, "what is \"%s\"? %s", argv[first], hint);
    return status;
}

bool args_duration(void *ms, const char *value)
{
    struct value_fault fault = {0};

    return value_duration(str_of(value), ms, &fault) && *(int64_t *)ms >= 0;
}

bool args_count(void *n, const char *value)
{
    return str_to_int(str_of(value), n) && *(int64_t *)n >= 0;
}

bool args_share(void *share, const char *value)
{
    struct weir_str text = str_of(value);
    bool percent = text.len && text.ptr[text.len - 1] == '%';
    struct value_fault fault = {0};
    double d;

    text.len -= percent;
    if (!value_float(text, &d, &fault))
        return false;
    if (percent)
        d /= 100;
    if (!(d >= 0 && d <= 1))
        return false;
    *(double *)share = d;
    return true;
}
