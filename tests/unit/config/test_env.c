/* test_env.c: a configuration that is read from somebody's memory: no question goes to the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

struct in_memory {
    const char *dir, *name, *text, *why; /* why: of every file and directory */
};

static bool memory_list(void *self, const char *dir, struct arena *a, struct weir_list *names,
                        const char **why)
{
    const struct in_memory *m = self;
    struct weir_str *item = arena_alloc(a, sizeof *item);

    assert_string_equal(dir, m->dir);
    *item = str_of(m->name);
    *names = (struct weir_list){item, 1};
    *why = m->why;
    return !m->why;
}

static struct weir_str memory_read(void *self, const char *path, struct arena *a, const char **why)
{
    const struct in_memory *m = self;

    (void)a;
    *why = strstr(path, "secret") ? NULL : m->why;
    if (*why)
        return STR_ABSENT;
    return str_of(strcmp(path, "nowhere/secret") == 0 ? "pw = s3\n" : m->text);
}

static const char *memory_get(void *self, const char *name)
{
    (void)self;
    return strcmp(name, "HOST") == 0 ? "host-1" : NULL;
}

static void a_configuration_need_not_be_on_a_disk(void **state)
{
    struct in_memory m = {"nowhere", "m.conf",
                          "[kafka]\nsasl.password = ${file:secret:pw}\n"
                          "[chain c]\nsource = ${env:HOST}\ngroup = g\n"
                          "[stage s]\nplugin = p\n",
                          NULL};
    const struct config_env env = {&m, memory_get, memory_list, memory_read};
    struct config *c;
    struct diag d;

    (void)state;
    diag_init(&d);
    c = config_load("nowhere/", &env, &d);
    assert_true(c && !d.count && c->chain_count == 1 && str_is(c->chains[0].source, "host-1"));
    assert_true(str_is(c->kafka.items[0].value, "s3"));
    assert_string_equal(c->files[0], "nowhere/m.conf");
    config_destroy(c);
    m.why = "has gone";
    assert_null(config_load("nowhere", &env, &d));
    assert_string_equal(d.items[0].text, "the configuration directory has gone");
    diag_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_configuration_need_not_be_on_a_disk)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
