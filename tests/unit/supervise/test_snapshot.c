/* test_snapshot.c: what a snapshot holds stays as it was read, whatever becomes of the disk; and what is none
 * is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chain/walk.h"
#include "folder.h"
#include "supervise/plan.h"
#include "supervise/snapshot.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- a folder with a configuration and its plugins */

static int enter(void **state)
{
    return folder_enter(state) != 0 || mkdir("conf.d", 0700) != 0 || mkdir("plugins", 0700) != 0 ? -1 : 0;
}

/* Overwrites plugins/NAME.so with one of the test's plugins. */
static void put_plugin(const char *from, const char *name)
{
    char self[PATH_MAX / 4] = "", command[PATH_MAX];

    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    *strrchr(self, '/') = '\0';
    snprintf(command, sizeof command, "cp '%s/plugins/%s.so' 'plugins/%s.so'", self, from, name);
    assert_int_equal(system(command), 0);
}

#define HOST "[host]\nplugin_path = plugins\n[kafka]\nsasl.password = ${file:secret:pw}\n"
#define CHAIN(name) "[chain " name "]\nsource = ${env:SNAP_TOPIC:-unset}\ngroup = ${env:SNAP_GROUP}\n"
#define COUNTS "[stage counts]\nplugin = counts_state\n"
#define SINK "[stage out]\nplugin = kafka_sink\nfrom = *\ntopic = ${env:SNAP_EMPTY:-out}\n"

static void write_all(void)
{
    folder_put("conf.d/h.conf", HOST);
    folder_put("conf.d/c.conf", CHAIN("c") COUNTS SINK);
    folder_put("conf.d/d.conf", CHAIN("d") "[stage pass]\nplugin = pass_through\n" SINK);
    folder_put("conf.d/secret", "pw = first\n");
    put_plugin("v1/counts_state", "counts_state");
    put_plugin("pass_through", "pass_through");
    put_plugin("../../plugins/kafka_sink", "kafka_sink");
    setenv("SNAP_TOPIC", "topic-1", 1);
    setenv("SNAP_GROUP", "group-1", 1);
    setenv("SNAP_EMPTY", "", 1);
}

static void change_all(void)
{
    folder_put("conf.d/h.conf", "[broken");
    folder_put("conf.d/new.conf", "[broken");
    assert_int_equal(unlink("conf.d/c.conf"), 0);
    folder_put("conf.d/secret", "pw = second\n");
    put_plugin("v2/counts_state", "counts_state");
    assert_int_equal(unlink("plugins/kafka_sink.so"), 0);
    unsetenv("SNAP_TOPIC");
    setenv("SNAP_GROUP", "group-2", 1);
    setenv("SNAP_EMPTY", "out-2", 1);
}

/* ---- taking, handing over, loading */

static struct snapshot *take(void)
{
    struct snapshot *s;
    struct diag diag;

    diag_init(&diag);
    s = snapshot_take("conf.d/", &diag);
    diag_print(&diag, stderr);
    diag_fini(&diag);
    assert_non_null(s);
    return s;
}

static void copy_fds(const struct snapshot *s, int fds[SNAPSHOT_FDS_MAX], size_t *count)
{
    const int *from = snapshot_fds(s, count);

    for (size_t i = 0; i < *count; i++) {
        fds[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
    }
}

/* As a worker gets it. */
static struct snapshot *hand_over(const struct snapshot *s)
{
    int fds[SNAPSHOT_FDS_MAX];
    size_t count;

    copy_fds(s, fds, &count);
    return snapshot_open(fds, count);
}

/* The messages of loading, a line each. *plan may be NULL after it. */
static char *messages(const struct plan_from *from, struct loader *loader, struct plan **plan)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct plan_from with = *from;
    struct diag diag;

    diag_init(&diag);
    if (from->snapshot)
        with.config = config_load(snapshot_dir(from->snapshot), snapshot_env(from->snapshot), &diag);
    *plan = plan_load(&with, loader, &diag);
    if (diag.errors) {
        plan_destroy(*plan); /* of a configuration that had errors before */
        *plan = NULL;
    }
    diag_print(&diag, out);
    fclose(out);
    diag_fini(&diag);
    return text;
}

/* ---- the same, whatever becomes of the disk */

static void check_first(const struct plan *plan)
{
    const struct config *c = plan->config;
    const struct config_chain *chain = &c->chains[0];

    assert_int_equal(c->chain_count, 2);
    assert_true(str_is(chain->name, "c") && str_is(chain->source, "topic-1"));
    assert_true(str_is(chain->group, "group-1") && str_is(c->kafka.items[0].value, "first"));
    assert_true(str_is(config_keys_find(&chain->stages[1].keys, "topic")->value, "out"));
    assert_int_equal(plan->chains[0]->stages[0].plugin->about.state_version, 1);
}

static void what_was_read_stays_whatever_becomes_of_the_disk(void **state)
{
    struct loader *loader = loader_new();
    struct snapshot *taken, *got;
    struct plan *plan;
    char *text;

    (void)state;
    write_all();
    taken = take();
    change_all();
    got = hand_over(taken);
    snapshot_release(taken);
    assert_non_null(got);
    assert_int_equal(chdir("/"), 0);
    text = messages(&(struct plan_from){.snapshot = got, .no_kafka = true}, loader, &plan);
    snapshot_release(got);
    if (!plan)
        fail_msg("%s", text);
    free(text);
    check_first(plan);
    assert_true(str_is(plan->chains[0]->stages[0].plugin->path, "plugins/counts_state.so"));
    assert_int_equal(chdir(*state), 0);
    plan_destroy(plan);
    loader_destroy(loader);
}

static void a_worker_may_make_one_chain_alone_for_its_task(void **state)
{
    struct loader *loader = loader_new();
    struct snapshot *s;
    struct plan *plan;

    (void)state;
    write_all();
    folder_put("plugins/pass_through.so", "broken"); /* the other chain's */
    s = take();
    free(messages(&(struct plan_from){.snapshot = s, .only = STR("c"), .task = 3, .no_kafka = true}, loader,
                  &plan));
    assert_non_null(plan);
    assert_true(plan->count == 2 && plan->chains[0] && !plan->chains[1]);
    assert_int_equal(plan->config->chains[0].task, 3);
    plan_destroy(plan);
    free(messages(&(struct plan_from){.snapshot = s, .no_kafka = true}, loader, &plan));
    assert_null(plan);
    snapshot_release(s);
    loader_destroy(loader);
}

static void two_generations_live_in_one_loader(void **state)
{
    struct loader *loader = loader_new();
    struct snapshot *first, *second;
    struct plan *a, *b;
    size_t files = 0;

    (void)state;
    write_all();
    first = take();
    put_plugin("v2/counts_state", "counts_state");
    second = take();
    for (int i = 0; i < 3; i++) {
        free(messages(&(struct plan_from){.snapshot = first, .no_kafka = true}, loader, &a));
        free(messages(&(struct plan_from){.snapshot = second, .no_kafka = true}, loader, &b));
        assert_true(a && a->chains[0]->stages[0].plugin->about.state_version == 1);
        assert_true(b && b->chains[0]->stages[0].plugin->about.state_version == 2);
        plan_destroy(a);
        plan_destroy(b);
        if (i == 0)
            files = open_files();
    }
    assert_int_equal(open_files(), files); /* what is mapped is not opened again */
    snapshot_release(first);
    snapshot_release(second);
    loader_destroy(loader);
}

/* ---- messages */

static const struct row {
    const char *name, *conf, *damaged; /* a plugin's file that holds no plugin */
} rows[] = {
    {"a warning", CHAIN("c") COUNTS SINK, NULL}, /* no sink takes failed: it says so */
    {"an unknown option of a plugin", CHAIN("c") COUNTS "max_age = 5s\n" SINK, NULL},
    {"a plugin that is not there", CHAIN("c") "[stage x]\nplugin = nobody\n" SINK, NULL},
    {"a plugin that is none", CHAIN("c") COUNTS SINK, "plugins/counts_state.so"},
    {"a plugin that cannot be read", CHAIN("c") "[stage x]\nplugin = a_folder\n" SINK, NULL},
    {"a create that fails", CHAIN("c") "[stage x]\nplugin = bad_create\n" SINK, NULL},
};

static void messages_are_those_of_the_disk(void **state)
{
    (void)state;
    write_all();
    assert_int_equal(unlink("conf.d/d.conf"), 0);
    put_plugin("bad_create", "bad_create");
    assert_int_equal(mkdir("plugins/a_folder.so", 0700), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loader *loader = loader_new(), *other = loader_new();
        struct plan *plan, *again;
        struct snapshot *s;
        char *want, *got;

        folder_put("conf.d/c.conf", rows[i].conf);
        if (rows[i].damaged)
            folder_put(rows[i].damaged, "#!/bin/sh\n");
        want = messages(&(struct plan_from){.dir = "conf.d/"}, loader, &plan);
        s = take();
        got = messages(&(struct plan_from){.snapshot = s}, other, &again);
        if (strcmp(want, got) != 0 || !plan != !again)
            fail_msg("%s\n  from the disk: %s\n  from a snapshot: %s", rows[i].name, want, got);
        if (i > 0 && !*want)
            fail_msg("%s: no message", rows[i].name);
        free(want);
        free(got);
        plan_destroy(plan);
        plan_destroy(again);
        snapshot_release(s);
        loader_destroy(loader);
        loader_destroy(other);
        put_plugin("v1/counts_state", "counts_state");
    }
}

static void a_configuration_with_errors_is_not_kept(void **state)
{
    static const struct {
        const char *name, *conf, *want;
    } faults[] = {
        {"an option", CHAIN("c") "memory = 1\n" COUNTS SINK, "memory"},
        {"a variable", "[chain c]\nsource = ${env:SNAP_NOWHERE}\ngroup = g\n" COUNTS SINK,
         "environment variable SNAP_NOWHERE is not set"},
        {"a file", "[chain c]\nsource = ${file:gone:x}\ngroup = g\n" COUNTS SINK,
         "conf.d/gone cannot be opened: No such file or directory"},
        {"a folder", "[chain c]\nsource = ${file:../plugins:x}\ngroup = g\n" COUNTS SINK,
         "conf.d/../plugins is a directory"},
    };
    size_t files;

    (void)state;
    write_all();
    files = open_files();
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct diag diag;

        folder_put("conf.d/c.conf", faults[i].conf);
        diag_init(&diag);
        assert_null(snapshot_take("conf.d", &diag));
        assert_int_equal(diag.errors, 1);
        if (!strstr(diag.items[0].text, faults[i].want))
            fail_msg("%s: %s", faults[i].name, diag.items[0].text);
        diag_fini(&diag);
    }
    assert_int_equal(open_files(), files);
}

/* ---- what a supervisor asks */

static void the_environment_is_what_was_asked_for(void **state)
{
    static const char *const want[] = {"SNAP_TOPIC=topic-1", "SNAP_GROUP=group-1", "SNAP_EMPTY="};
    struct snapshot *s, *got;

    (void)state;
    write_all();
    s = take();
    got = hand_over(s);
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_string_equal(snapshot_environ(s)[i], want[i]);
        assert_string_equal(snapshot_environ(got)[i], want[i]);
    }
    assert_null(snapshot_environ(s)[COUNT(want)]);
    snapshot_release(s);
    snapshot_release(got);
    unsetenv("SNAP_TOPIC");
    s = take(); /* its default is not part of the environment */
    assert_string_equal(snapshot_environ(s)[0], want[1]);
    snapshot_release(s);
}

static void a_plugin_is_found_by_name_and_by_inode(void **state)
{
    const struct snapshot_plugin *p, *none;
    struct snapshot *s, *got;
    size_t count;
    struct stat st;

    (void)state;
    write_all();
    folder_put("conf.d/d.conf", CHAIN("d") "[stage x]\nplugin = nobody\n" SINK);
    s = take();
    got = hand_over(s);
    snapshot_fds(s, &count);
    assert_int_equal(count, 3); /* itself, and each plugin that there is once */
    p = snapshot_plugin(s, STR("counts_state"));
    assert_true(p && p->fd >= 0 && str_is(p->path, "plugins/counts_state.so") && p->hash.len == 64);
    assert_int_equal(fstat(p->fd, &st), 0);
    assert_ptr_equal(snapshot_by_inode(s, st.st_ino), p);
    assert_true(str_is(snapshot_by_inode(got, st.st_ino)->name, "counts_state"));
    assert_null(snapshot_by_inode(s, st.st_ino + 1000000));
    assert_null(snapshot_plugin(s, STR("pass_through")));
    none = snapshot_plugin(got, STR("nobody"));
    assert_true(none && none->fd < 0 && !none->path.ptr && none->why.len > 0);
    assert_null(snapshot_config(got));
    assert_true(str_is(snapshot_chain(s, STR("d"))->name, "d") && !snapshot_chain(s, STR("e")));
    snapshot_release(got);
    snapshot_release(s);
}

static void put_secret(void)
{
    folder_put("conf.d/secret", "pw = second\n");
}
static void put_comment(void)
{
    folder_put("conf.d/c.conf", "; hello\n" CHAIN("c") COUNTS SINK);
}
static void put_second_version(void)
{
    put_plugin("v2/counts_state", "counts_state");
}
static void remove_plugin(void)
{
    unlink("plugins/counts_state.so");
}
static void remove_chain(void)
{
    unlink("conf.d/d.conf");
}
static void touch_nothing(void)
{
}

static void a_chain_is_the_same_where_configuration_and_plugins_are(void **state)
{
    static const struct {
        const char *name;
        void (*change)(void);
        bool same_c, same_d;
    } changes[] = {
        {"nothing", touch_nothing, true, true},
        {"a comment", put_comment, true, true},
        {"a secret of all", put_secret, false, false},
        {"a plugin of c", put_second_version, false, true},
        {"a plugin of c is gone", remove_plugin, false, true},
        {"d is gone", remove_chain, true, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct snapshot *a, *b;

        write_all();
        a = take();
        changes[i].change();
        b = take();
        if (snapshot_chain_same(a, b, STR("c")) != changes[i].same_c ||
            snapshot_chain_same(a, b, STR("d")) != changes[i].same_d)
            fail_msg("%s: not judged right", changes[i].name);
        snapshot_release(a);
        snapshot_release(b);
    }
}

/* ---- what is no snapshot */

static int sealed(const char *bytes, size_t len, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

/* Opens the snapshot with another blob in place of its own, which must fail, and leave nothing open. */
static void refuse(const struct snapshot *s, const char *bytes, size_t len, int seals, const char *name)
{
    size_t count, before = open_files();
    int fds[SNAPSHOT_FDS_MAX];

    copy_fds(s, fds, &count);
    close(fds[0]);
    fds[0] = sealed(bytes, len, seals);
    if (snapshot_open(fds, count))
        fail_msg("%s, %zu bytes: taken", name, len);
    if (open_files() != before)
        fail_msg("%s: descriptors are left", name);
}

static void a_damaged_snapshot_is_refused(void **state)
{
    static char bytes[65536];
    struct snapshot *s, *good;
    int fds[SNAPSHOT_FDS_MAX];
    size_t count;
    ssize_t n;

    (void)state;
    write_all();
    s = take();
    n = pread(snapshot_fds(s, &count)[0], bytes, sizeof bytes, 0);
    assert_true(n > 200 && (size_t)n < sizeof bytes);
    for (size_t len = 0; len < (size_t)n; len += 13)
        refuse(s, bytes, len, ALL_SEALS, "cut short");
    bytes[n] = 'x';
    refuse(s, bytes, (size_t)n + 1, ALL_SEALS, "too long");
    for (ssize_t i = 0; i < n; i += 7) {
        bytes[i] ^= 1;
        refuse(s, bytes, (size_t)n, ALL_SEALS, "a bit is wrong");
        bytes[i] ^= 1;
    }
    refuse(s, bytes, (size_t)n, F_SEAL_WRITE | F_SEAL_SHRINK, "not sealed");
    copy_fds(s, fds, &count);
    close(fds[0]);
    fds[0] = sealed(bytes, (size_t)n, ALL_SEALS);
    good = snapshot_open(fds, count);
    assert_non_null(good);
    snapshot_release(good);
    snapshot_release(s);
}

static void descriptors_must_be_as_many_as_there_are_plugins(void **state)
{
    int fds[SNAPSHOT_FDS_MAX + 1];
    struct snapshot *s;
    size_t count, before;

    (void)state;
    write_all();
    s = take();
    before = open_files();
    copy_fds(s, fds, &count);
    close(fds[count - 1]);
    assert_null(snapshot_open(fds, count - 1));
    copy_fds(s, fds, &count);
    fds[count] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
    assert_null(snapshot_open(fds, count + 1));
    assert_null(snapshot_open(fds, 0));
    copy_fds(s, fds, &count);
    close(fds[1]);
    fds[1] = open("/dev/null", O_RDONLY | O_CLOEXEC); /* no plugin, and nothing that can be sealed */
    assert_null(snapshot_open(fds, count));
    assert_int_equal(open_files(), before);
    snapshot_release(s);
}

/* The hash is right, but the text behind it is not: of broken numbers, nothing is believed. */
static void a_broken_text_is_refused_where_its_hash_is_right(void **state)
{
    static char bytes[65536], damaged[65536];
    struct snapshot *s;
    size_t count, taken = 0;
    ssize_t n;

    (void)state;
    write_all();
    s = take();
    n = pread(snapshot_fds(s, &count)[0], bytes, sizeof bytes, 0);
    assert_true(n > 200 && (size_t)n < sizeof bytes);
    for (ssize_t i = 64; i < n; i++) {
        int fds[SNAPSHOT_FDS_MAX];
        char hash[SHA256_HEX];
        struct snapshot *got;

        memcpy(damaged, bytes, (size_t)n);
        damaged[i] ^= (char)0x81;
        sha256_hex(str_make(damaged + 64, (size_t)n - 64), hash);
        memcpy(damaged, hash, 64);
        copy_fds(s, fds, &count);
        close(fds[0]);
        fds[0] = sealed(damaged, (size_t)n, ALL_SEALS);
        got = snapshot_open(fds, count); /* a changed letter of a text is no fault of the form */
        taken += got != NULL;
        snapshot_release(got);
    }
    assert_true(taken > 0 && taken < (size_t)n - 64 - 100);
    snapshot_release(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_read_stays_whatever_becomes_of_the_disk, enter,
                                        folder_leave),
        cmocka_unit_test_setup_teardown(a_worker_may_make_one_chain_alone_for_its_task, enter, folder_leave),
        cmocka_unit_test_setup_teardown(two_generations_live_in_one_loader, enter, folder_leave),
        cmocka_unit_test_setup_teardown(messages_are_those_of_the_disk, enter, folder_leave),
        cmocka_unit_test_setup_teardown(a_configuration_with_errors_is_not_kept, enter, folder_leave),
        cmocka_unit_test_setup_teardown(the_environment_is_what_was_asked_for, enter, folder_leave),
        cmocka_unit_test_setup_teardown(a_plugin_is_found_by_name_and_by_inode, enter, folder_leave),
        cmocka_unit_test_setup_teardown(a_chain_is_the_same_where_configuration_and_plugins_are, enter,
                                        folder_leave),
        cmocka_unit_test_setup_teardown(a_damaged_snapshot_is_refused, enter, folder_leave),
        cmocka_unit_test_setup_teardown(descriptors_must_be_as_many_as_there_are_plugins, enter,
                                        folder_leave),
        cmocka_unit_test_setup_teardown(a_broken_text_is_refused_where_its_hash_is_right, enter,
                                        folder_leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
