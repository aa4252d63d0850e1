/* test_config_broken.c: the table of broken configurations, broken.txt, each with its exact messages.
 *
 * A row is a name, files, and what is expected:
 *
 *     === a_sentence_that_names_it
 *     --- conf.d/a.conf          a file, here with the lines that follow
 *     --- chain                  c.conf: the lines stand in [chain c], from line 4
 *     --- stage                  c.conf: the lines stand in [stage s], from line 6
 *     --- good                   a chain without a fault, in good.conf
 *     --- expect                 the messages; nothing: it is accepted
 *
 * {{0d}} is a byte, {{x*200}} or {{0a*200}} a row of them, {{noeol}} takes the line end before it away. In
 * every row, no message may hold the text of an environment variable or of a file of secrets: they all hold
 * "s3cr3t". */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "config/config.h"

#define ROWS_MAX 400

struct row {
    char *name;
    struct weir_str body; /* the lines below its name */
};

static const char *fake_env(void *self, const char *name)
{
    (void)self;
    if (strcmp(name, "EMPTY") == 0)
        return "";
    if (strcmp(name, "SECRET") == 0)
        return "s3cr3t";
    if (strcmp(name, "NUMBER") == 0)
        return "5";
    if (strcmp(name, "COMMENT") == 0)
        return "s3cr3t ; no comment # ${env:EMPTY} \\;";
    if (strcmp(name, "CONTROL") == 0)
        return "s3cr3t\x1b[31m";
    if (strcmp(name, "LATIN1") == 0)
        return "s3cr3t\xe9";
    return NULL;
}

static void expand(struct buf *out, struct weir_str mark)
{
    char text[32] = "", *end, c;
    long n = 1;

    assert_true(mark.len < sizeof text);
    memcpy(text, mark.ptr, mark.len);
    if (strcmp(text, "noeol") == 0) {
        out->len -= out->len > 0;
        return;
    }
    c = text[0];
    end = text + 1;
    if (text[1] != '*')
        c = (char)strtol(text, &end, 16);
    if (*end == '*')
        n = strtol(end + 1, &end, 10);
    assert_true(*end == '\0' && mark.len >= 2);
    for (; n > 0; n--)
        buf_add_char(out, c);
}

static void add_line(struct buf *out, struct weir_str line)
{
    while (line.len) {
        const char *open = memmem(line.ptr, line.len, "{{", 2);
        const char *close = open ? memmem(open, (size_t)(line.ptr + line.len - open), "}}", 2) : NULL;

        if (!close) {
            buf_add(out, line);
            return;
        }
        buf_add(out, str_make(line.ptr, (size_t)(open - line.ptr)));
        expand(out, str_make(open + 2, (size_t)(close - open - 2)));
        line = str_make(close + 2, (size_t)(line.ptr + line.len - close - 2));
    }
}

static void write_file(const char *path, const struct buf *text)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(text->ptr ? text->ptr : "", 1, text->len, f), text->len);
    assert_int_equal(fclose(f), 0);
}

/* One file, or what is expected, up to the next "--- ". */
static void take_part(struct weir_str head, const struct buf *text, struct buf *expect)
{
    struct buf whole;
    char path[128];

    buf_init(&whole, 8 << 20);
    if (str_is(head, "expect")) {
        buf_add(expect, str_trim(buf_str(text))); /* rows may be set apart by blank lines */
        if (expect->len)
            buf_add_char(expect, '\n');
    } else if (str_is(head, "good")) {
        buf_add_text(&whole, "[chain good]\nsource = t\ngroup = g\n[stage s]\nplugin = p\n");
        write_file("conf.d/good.conf", &whole);
    } else if (str_is(head, "chain")) {
        buf_add_text(&whole, "[chain c]\nsource = t\ngroup = g\n");
        buf_add(&whole, buf_str(text));
        buf_add_text(&whole, "[stage s]\nplugin = p\n");
        write_file("conf.d/c.conf", &whole);
    } else if (str_is(head, "stage")) {
        buf_add_text(&whole, "[chain c]\nsource = t\ngroup = g\n[stage s]\nplugin = p\n");
        buf_add(&whole, buf_str(text));
        write_file("conf.d/c.conf", &whole);
    } else {
        snprintf(path, sizeof path, STR_FMT, STR_ARG(head));
        if (head.ptr[head.len - 1] == '/')
            assert_int_equal(mkdir(path, 0700), 0);
        else
            write_file(path, text);
    }
    buf_fini(&whole);
}

static void lay_out(const struct row *row, struct buf *expect)
{
    const char *p = row->body.ptr, *end = p + row->body.len;
    struct weir_str head = STR_ABSENT;
    struct buf text;

    buf_init(&text, 8 << 20);
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        struct weir_str line = str_make(p, (size_t)((eol ? eol : end) - p));

        p = eol ? eol + 1 : end;
        if (!str_starts(line, STR("--- "))) {
            add_line(&text, line);
            if (!str_starts(line, STR("{{noeol}}")))
                buf_add_char(&text, '\n');
            continue;
        }
        if (head.ptr)
            take_part(head, &text, expect);
        buf_reset(&text);
        head = str_make(line.ptr + 4, line.len - 4);
    }
    assert_true(str_is(head, "expect"));
    take_part(head, &text, expect);
    buf_fini(&text);
}

static void remove_all(const char *dir)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r -- '%s'", dir);
    assert_int_equal(system(command), 0);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    const struct config_env env = {.get = fake_env};
    char dir[] = "/tmp/weir-test-XXXXXX", *got = NULL;
    struct config *c;
    struct buf expect;
    struct diag d;
    size_t got_len;
    FILE *out;

    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(mkdir("conf.d", 0700), 0);
    buf_init(&expect, 8 << 20);
    diag_init(&d);
    lay_out(row, &expect);
    c = config_load("conf.d/", &env, &d);
    out = open_memstream(&got, &got_len);
    diag_print(&d, out);
    fclose(out);
    diag_fini(&d);
    config_destroy(c);
    assert_int_equal(chdir("/"), 0);
    remove_all(dir);
    if (strcmp(got, buf_text(&expect)) != 0)
        fail_msg("row %s\n---- expected\n%s---- got\n%s", row->name, buf_text(&expect), got);
    if (strstr(got, "s3cr3t"))
        fail_msg("row %s: a message shows a secret\n%s", row->name, got);
    free(got);
    buf_fini(&expect);
}

static char *read_table(void)
{
    FILE *f = fopen(TEST_DATA "/broken.txt", "rb");
    char *text = NULL;
    size_t room = 0;
    ssize_t n;

    if (!f)
        return NULL;
    n = getdelim(&text, &room, '\0', f);
    fclose(f);
    if (n <= 0) {
        free(text);
        return NULL;
    }
    return text;
}

static size_t cut_rows(char *text, struct row rows[ROWS_MAX])
{
    char *at = strstr(text, "=== ");
    size_t n = 0;

    while (at && n < ROWS_MAX) {
        char *next = strstr(at + 4, "\n=== "), *eol = strchr(at, '\n');

        *eol = '\0';
        rows[n].name = at + 4;
        rows[n].body = str_make(eol + 1, next ? (size_t)(next + 1 - eol - 1) : strlen(eol + 1));
        n++;
        at = next ? next + 1 : NULL;
    }
    return n;
}

int main(void)
{
    static struct CMUnitTest tests[ROWS_MAX];
    static struct row rows[ROWS_MAX];
    char *text = read_table();
    size_t n = text ? cut_rows(text, rows) : 0;
    int failed;

    if (!n) {
        fprintf(stderr, "no rows in " TEST_DATA "/broken.txt\n");
        return 1;
    }
    for (size_t i = 0; i < n; i++)
        tests[i] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL, &rows[i]};
    failed = _cmocka_run_group_tests("broken configurations", tests, n, NULL, NULL);
    free(text);
    return failed;
}
