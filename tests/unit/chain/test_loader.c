/* test_loader.c: plugins that must be refused, each with its exact message; and files that are replaced,
 * overwritten or cut short under a running plugin. */
#include "world.h"

#include "folder.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>

static char folder[64]; /* of the test's own plugins; $D in the messages */
static struct loader *loader;

static void path_of(char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s.so", folder, name);
}

static struct buf read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct buf b;

    if (!f)
        fail_msg("cannot read %s", path);
    buf_init(&b, 64 << 20);
    do {
        assert_true(buf_reserve(&b, 65536));
        b.len += fread(b.ptr + b.len, 1, 65536, f);
    } while (!feof(f));
    fclose(f);
    return b;
}

/* Overwrites in place, as cp does. */
static void write_file(const char *path, struct weir_str bytes)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

/* Copies a built test plugin to NAME.so; only the first `share` of it. */
static void copy_plugin(const char *from, const char *name, double share)
{
    char source[PATH_MAX + 64], path[128];
    struct buf bytes;

    snprintf(source, sizeof source, "%s/%s.so", world_plugins().ptr, from);
    bytes = read_file(source);
    path_of(path, name);
    write_file(path, str_make(bytes.ptr, (size_t)((double)bytes.len * share)));
    buf_fini(&bytes);
}

static int setup(void **state)
{
    struct weir_str dir;

    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-loader-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = str_of(folder);
    loader = loader_new();
    assert_non_null(loader);
    assert_true(loader_set_path(loader, &dir, 1));
    return 0;
}

static int teardown(void **state)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    (void)state;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.' && unlinkat(dirfd(dir), entry->d_name, 0) != 0)
            unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
    rmdir(folder);
    loader_destroy(loader);
    return 0;
}

/* ---- refusals */

static void make_directory(const char *path)
{
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_text(const char *path)
{
    write_file(path, STR("#!/bin/sh\necho no plugin\n"));
}

static void make_empty(const char *path)
{
    write_file(path, STR(""));
}

static void make_endless(const char *path)
{
    assert_int_equal(symlink(path, path), 0);
}

static void make_fifo(const char *path)
{
    assert_int_equal(mkfifo(path, 0600), 0);
}

static void make_elf_head(const char *path)
{
    write_file(path, STR("\x7f"
                         "ELF\x02\x01\x01"));
}

struct row {
    const char *name;               /* the plugin's */
    const char *from;               /* a built test plugin, of which this is a copy, */
    double share;                   /* this much of it; */
    void (*make)(const char *path); /* or who makes the file */
    const char *message;            /* `*`: anything */
};

static const struct row rows[] = {
    {"missing", NULL, 0, NULL,
     "there is no plugin \"missing\": no missing.so in $D; put it there, or name its folder in plugin_path, "
     "a list with commas, under [host]"},
    {"folder", NULL, 0, make_directory, "$D/folder.so is not a regular file"},
    {"pipe", NULL, 0, make_fifo, "$D/pipe.so is not a regular file"},
    {"endless", NULL, 0, make_endless, "cannot read $D/endless.so: Too many levels of symbolic links"},
    {"script", NULL, 0, make_text,
     "$D/script.so is not a shared object (no ELF header); build it with cc -shared -fPIC"},
    {"empty", NULL, 0, make_empty,
     "$D/empty.so is not a shared object (no ELF header); build it with cc -shared -fPIC"},
    {"head", NULL, 0, make_elf_head,
     "$D/head.so does not load: file too short; build it against this machine's libraries, all symbols "
     "defined"},
    {"half", "hook", 0.5, NULL,
     "$D/half.so is truncated: it has * bytes and its header speaks of more; copy it again"},
    {"most", "hook", 0.99, NULL,
     "$D/most.so is truncated: it has * bytes and its header speaks of more; copy it again"},
    {"bad_no_symbol", "bad_no_symbol", 1, NULL,
     "$D/bad_no_symbol.so is no weir plugin: it does not export weir_plugin_v1; end it with WEIR_PLUGIN(…)"},
    {"bad_null", "bad_null", 1, NULL,
     "$D/bad_null.so is no weir plugin: its weir_plugin_v1() gives nothing; end it with WEIR_PLUGIN(…)"},
    {"bad_magic", "bad_magic", 1, NULL,
     "$D/bad_magic.so is no weir plugin: its magic is 0x*, not 0x52494557; export it with WEIR_PLUGIN()"},
    {"bad_major", "bad_major", 1, NULL,
     "$D/bad_major.so was built for ABI 2.0, this weir has 1.0; build it with this weir's plugin.h"},
    {"bad_needs_minor", "bad_needs_minor", 1, NULL,
     "$D/bad_needs_minor.so needs ABI 1.*, this weir has 1.0; update weir, or build it with "
     "-DWEIR_NEEDS_MINOR=0"},
    {"bad_undefined_symbol", "bad_undefined_symbol", 1, NULL,
     "$D/bad_undefined_symbol.so does not load: undefined symbol: nobody_has_this_function; build it against "
     "this "
     "machine's libraries, all symbols defined"},
    {"renamed", "hook", 1, NULL,
     "$D/renamed.so has a broken description: its name is not that of the file; rename one of them"},
    {"bad_name", "bad_name", 1, NULL,
     "$D/bad_name.so has a broken description: its name is not that of the file; rename one of them"},
    {"bad_no_process", "bad_no_process", 1, NULL,
     "$D/bad_no_process.so has a broken description: it has no process callback"},
    {"bad_options_table", "bad_options_table", 1, NULL,
     "$D/bad_options_table.so has a broken option table: *"},
};

static void make(const struct row *row, char path[128])
{
    path_of(path, row->name);
    if (row->make)
        row->make(path);
    else if (row->from)
        copy_plugin(row->from, row->name, row->share);
}

static bool matches(const char *pattern, const char *text)
{
    for (; *pattern; pattern++) {
        if (pattern[0] == '$' && pattern[1] == 'D') {
            if (strncmp(text, folder, strlen(folder)) != 0)
                return false;
            text += strlen(folder);
            pattern++;
        } else if (*pattern == '*') {
            for (; *text; text++) {
                if (matches(pattern + 1, text))
                    return true;
            }
            return pattern[1] == '\0';
        } else if (*text++ != *pattern) {
            return false;
        }
    }
    return *text == '\0';
}

static void a_plugin_that_cannot_work_is_refused_with_file_reason_and_cure(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        const char *why = NULL;
        char path[128];

        make(row, path);
        for (int again = 0; again < 2; again++) { /* a reload gets the same answer */
            assert_null(loader_open(loader, str_of(row->name), &why));
            if (!matches(row->message, why))
                fail_msg("%s\n  expected: %s\n       got: %s", row->name, row->message, why);
        }
    }
}

static void a_broken_option_table_is_told_whole(void **state)
{
    static const char *const parts[] = {"number", "choice", "soon", "far", "from", "pairs", "strange"};
    const char *why = NULL;

    (void)state;
    copy_plugin("bad_options_table", "bad_options_table", 1);
    assert_null(loader_open(loader, STR("bad_options_table"), &why));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!strstr(why, parts[i]))
            fail_msg("nothing of %s in: %s", parts[i], why);
    }
}

static void refusals_cost_nothing_on_repetition(void **state)
{
    static const char *const names[] = {"bad_magic", "bad_undefined_symbol", "bad_options_table", "missing"};
    const char *why;
    size_t files = 0, bytes = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        copy_plugin(names[i], names[i], 1);
    for (int round = 0; round < 200; round++) {
        if (round == 100) {
            files = open_files();
            bytes = mallinfo2().uordblks;
        }
        for (size_t i = 0; i < 4; i++)
            assert_null(loader_open(loader, str_of(names[i]), &why));
    }
    assert_int_equal(open_files(), files);
    assert_true(mallinfo2().uordblks <= bytes + 1024); /* dlerror() and stdio may keep a little */
}

/* ---- files that change */

static bool runs(const struct plugin *p)
{
    struct hook hook = {0};
    struct hook_self self = {.hook = (intptr_t)&hook};

    return p->about.process(NULL, &self, NULL) == WEIR_PASS; /* calls into the mapped file */
}

static void the_same_bytes_are_mapped_once(void **state)
{
    const char *why = NULL;
    const struct plugin *a, *b;
    char path[128];

    (void)state;
    copy_plugin("hook", "hook", 1);
    a = loader_open(loader, STR("hook"), &why);
    assert_non_null(a);
    path_of(path, "hook");
    unlink(path);
    copy_plugin("hook", "hook", 1); /* a new file of the same bytes */
    b = loader_open(loader, STR("hook"), &why);
    assert_ptr_equal(a, b);
    assert_true(str_is(a->path, path));
    assert_int_equal(strlen(a->hash), 64);
}

static const char *name_of(const struct plugin *p)
{
    Dl_info info;

    return dladdr(*(void *const *)&p->about.process, &info) ? info.dli_fname : "nowhere";
}

/* gdb opens the name of what is loaded, in its own process. */
static void a_debugger_finds_the_code_by_its_name(void **state)
{
    const char *why = NULL;
    const struct plugin *p;
    char expected[64], hash[SHA256_HEX], path[128];
    struct buf bytes;

    (void)state;
    copy_plugin("hook", "hook", 1);
    p = loader_open(loader, STR("hook"), &why);
    assert_non_null(p);
    snprintf(expected, sizeof expected, "/proc/%d/fd/", (int)getpid());
    assert_int_equal(strncmp(name_of(p), expected, strlen(expected)), 0);
    bytes = read_file(name_of(p));
    sha256_hex(buf_str(&bytes), hash);
    buf_fini(&bytes);
    assert_string_equal(hash, p->hash);
    loader_map_in_place(loader);
    copy_plugin("pass_through", "pass_through", 1);
    p = loader_open(loader, STR("pass_through"), &why);
    assert_non_null(p);
    path_of(path, "pass_through");
    assert_string_equal(name_of(p), path);
}

static void a_replaced_file_is_new_code_beside_the_old(void **state)
{
    static const char *const ways[] = {"rename", "overwrite"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct plugin *first, *second, *third;
        const char *why = NULL;
        char path[128], aside[128];

        copy_plugin("v1/counts_state", "counts_state", 1);
        first = loader_open(loader, STR("counts_state"), &why);
        assert_non_null(first);
        assert_int_equal(first->about.state_version, 1);
        path_of(path, "counts_state");
        path_of(aside, "aside");
        if (i == 0) {
            copy_plugin("v2/counts_state", "aside", 1);
            assert_int_equal(rename(aside, path), 0);
        } else {
            copy_plugin("v2/counts_state", "counts_state", 1);
        }
        second = loader_open(loader, STR("counts_state"), &why);
        if (!second || second->about.state_version != 2 || second->about.process == first->about.process)
            fail_msg("%s: not the new code", ways[i]);
        assert_string_not_equal(first->hash, second->hash);
        copy_plugin("v1/counts_state", "counts_state", 1); /* and back */
        third = loader_open(loader, STR("counts_state"), &why);
        assert_ptr_equal(third, first);
    }
}

static void a_file_cut_short_under_a_running_plugin_harms_nobody(void **state)
{
    const char *why = NULL;
    const struct plugin *p;
    char path[128];

    (void)state;
    copy_plugin("hook", "hook", 1);
    p = loader_open(loader, STR("hook"), &why);
    assert_non_null(p);
    path_of(path, "hook");
    assert_int_equal(truncate(path, 100), 0);
    assert_true(runs(p));
    assert_null(loader_open(loader, STR("hook"), &why));
    write_file(path, STR("overwritten with something else"));
    assert_true(runs(p));
    assert_int_equal(unlink(path), 0);
    assert_true(runs(p));
}

/* ---- copies that another process made */

static void a_copy_is_refused_in_the_words_for_its_file(void **state)
{
    struct loader *other = loader_new();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct plugin_copy copy;
        const char *why = NULL;
        char path[128];

        make(row, path);
        if (loader_copy(loader, str_of(row->name), &copy) != (copy.fd >= 0))
            fail_msg("%s: neither copy nor reason", row->name);
        assert_true(loader_give(other, str_of(row->name), &copy));
        if (row->make == make_directory)
            rmdir(path);
        else
            unlink(path); /* nobody looks there any more */
        assert_null(loader_open(other, str_of(row->name), &why));
        if (!matches(row->message, why))
            fail_msg("%s\n  expected: %s\n       got: %s", row->name, row->message, why);
        if (copy.fd >= 0)
            close(copy.fd);
    }
    loader_destroy(other);
}

/* How many lines of /proc/self/maps have this inode. */
static size_t count_mappings(ino_t inode)
{
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned long long found;
    char line[PATH_MAX];
    size_t n = 0;

    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char *at = line;

        for (int column = 0; column < 4; column++) /* addresses, rights, offset, device */
            at += strcspn(at, " ") + 1;
        found = strtoull(at, NULL, 10);
        n += found == inode;
    }
    fclose(f);
    return n;
}

static void a_copy_is_mapped_itself_and_stays_when_its_giver_lets_go(void **state)
{
    struct loader *other = loader_new();
    const struct plugin *p;
    struct plugin_copy copy;
    const char *why = NULL;
    char path[128];
    struct stat st;
    size_t files;

    (void)state;
    copy_plugin("hook", "hook", 1);
    assert_true(loader_copy(loader, STR("hook"), &copy));
    assert_int_equal(fstat(copy.fd, &st), 0);
    assert_int_equal(count_mappings(st.st_ino), 0); /* copied, not mapped */
    assert_int_equal(write(copy.fd, "x", 1), -1);
    path_of(path, "hook");
    unlink(path);
    assert_true(loader_give(other, STR("hook"), &copy));
    p = loader_open(other, STR("hook"), &why);
    assert_non_null(p);
    assert_true(str_is(p->path, path) && strcmp(p->hash, copy.hash) == 0);
    assert_true(count_mappings(st.st_ino) > 0);
    files = open_files();
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(loader_open(other, STR("hook"), &why), p);
    assert_int_equal(open_files(), files); /* no descriptor for what is mapped already */
    loader_forget(other);
    assert_null(loader_open(other, STR("hook"), &why));
    close(copy.fd);
    assert_true(runs(p));
    assert_int_equal(open_files(), files - 1); /* the loader has one of its own, for good */
    loader_destroy(other);
}

static void the_last_copy_given_counts_and_a_known_one_is_not_mapped_again(void **state)
{
    struct loader *other = loader_new();
    const struct plugin *first, *second;
    struct plugin_copy old, new;
    const char *why = NULL;

    (void)state;
    copy_plugin("v1/counts_state", "counts_state", 1);
    assert_true(loader_copy(loader, STR("counts_state"), &old));
    copy_plugin("v2/counts_state", "counts_state", 1);
    assert_true(loader_give(other, STR("counts_state"), &old));
    first = loader_open(other, STR("counts_state"), &why);
    assert_true(loader_copy(loader, STR("counts_state"), &new));
    assert_true(loader_give(other, STR("counts_state"), &new));
    second = loader_open(other, STR("counts_state"), &why);
    assert_true(first && first->about.state_version == 1);
    assert_true(second && second->about.state_version == 2);
    assert_true(loader_give(other, STR("counts_state"), &old));
    assert_ptr_equal(loader_open(other, STR("counts_state"), &why), first);
    close(old.fd);
    close(new.fd);
    loader_destroy(other);
}

/* ---- the search path */

static void the_first_directory_counts(void **state)
{
    char other[] = "/tmp/weir-loader-XXXXXX", path[128];
    struct weir_str dirs[3];
    const struct plugin *p;
    const char *why = NULL;

    (void)state;
    assert_non_null(mkdtemp(other));
    dirs[0] = str_of(other);
    dirs[1] = str_of(folder);
    dirs[2] = world_plugins();
    assert_true(loader_set_path(loader, dirs, 3));
    copy_plugin("hook", "hook", 1);
    p = loader_open(loader, STR("hook"), &why);
    path_of(path, "hook");
    assert_true(p && str_is(p->path, path));
    p = loader_open(loader, STR("hook_sink"), &why);
    assert_true(p && str_starts(p->path, world_plugins()));
    assert_int_equal(rmdir(other), 0); /* a folder that is gone is passed over */
    assert_non_null(loader_open(loader, STR("hook"), &why));
    assert_true(loader_set_path(loader, NULL, 0));
    assert_null(loader_open(loader, STR("hook"), &why));
    assert_string_equal(
        why, "there is no plugin \"hook\": no hook.so in the empty plugin path; put it there, or name "
             "its folder in plugin_path, a list with commas, under [host]");
}

static void add_name(void *arg, struct weir_str name)
{
    struct buf *b = arg;

    buf_add(b, name);
    buf_add_char(b, ' ');
}

static void a_listing_has_each_name_once_in_order(void **state)
{
    struct weir_str dirs[2] = {str_of(folder), str_of(folder)};
    char path[128];
    struct buf names;

    (void)state;
    buf_init(&names, 4096);
    copy_plugin("hook", "b", 1);
    copy_plugin("hook", "a", 1);
    copy_plugin("hook", "c", 1);
    snprintf(path, sizeof path, "%s/.so", folder);
    make_text(path);
    snprintf(path, sizeof path, "%s/readme.txt", folder);
    make_text(path);
    assert_true(loader_set_path(loader, dirs, 2));
    loader_list(loader, add_name, &names);
    assert_string_equal(buf_text(&names), "a b c ");
    buf_fini(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plugin_that_cannot_work_is_refused_with_file_reason_and_cure, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_broken_option_table_is_told_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_cost_nothing_on_repetition, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_bytes_are_mapped_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_debugger_finds_the_code_by_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replaced_file_is_new_code_beside_the_old, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_cut_short_under_a_running_plugin_harms_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_copy_is_refused_in_the_words_for_its_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_is_mapped_itself_and_stays_when_its_giver_lets_go, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_last_copy_given_counts_and_a_known_one_is_not_mapped_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_first_directory_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_listing_has_each_name_once_in_order, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
