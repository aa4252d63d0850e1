/* test_loader_notes.c: what is noted while a generation is made: for who asks, after the end, which plugin it
 * died of. */
#include "world.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* The folder of the test plugins, and the one with those that kill. */
static bool set_path(void)
{
    struct weir_str dirs[2] = {world_plugins()};
    char deadly[PATH_MAX + 16];

    if (!world.loader)
        world.loader = loader_new();
    snprintf(deadly, sizeof deadly, "%s/deadly", dirs[0].ptr);
    dirs[1] = str_of(deadly);
    return world.loader && loader_set_path(world.loader, dirs, 2);
}

static void a_plugin_that_dies_while_it_is_loaded_leaves_a_note(void **state)
{
    struct note *note = mmap(NULL, sizeof *note, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const char *why = NULL;
    int status;
    pid_t pid;

    (void)state;
    assert_true(note != MAP_FAILED);
    assert_true(set_path());
    loader_note(world.loader, note);
    pid = fork();
    if (pid == 0) {
        sigaction(SIGILL, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        sigaction(SIGTRAP, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        loader_for_stage(world.loader, 6);
        loader_open(world.loader, STR("hook"), &why);
        loader_for_stage(world.loader, 7);
        loader_open(world.loader, STR("bad_constructor"), &why);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(note->count, 3); /* one call came back, one did not */
    assert_int_equal(note->call, NOTE_LOAD);
    assert_int_equal(note->stage, 7);
    assert_int_equal(note->partition, NOTE_NO_RECORD);
    loader_note(world.loader, NULL);
    munmap(note, sizeof *note);
}

static struct note watched;

static int32_t look_at_note(struct weir_stage *stage, struct hook_self *self)
{
    (void)stage;
    (void)self;
    assert_int_equal(watched.count % 2, 1);
    assert_int_equal(watched.call, NOTE_CREATE);
    assert_int_equal(watched.stage, 1);
    assert_int_equal(watched.partition, NOTE_NO_RECORD);
    return WEIR_OK;
}

static void create_is_noted_with_its_stage(void **state)
{
    static const struct named_hook hooks[] = {{"a", {0}}, {"b", {.create = look_at_note}}, {NULL, {0}}};

    (void)state;
    assert_true(set_path());
    world.hooks = hooks;
    loader_note(world.loader, &watched);
    world_open("[stage a]\nplugin = hook\nhook = @a\n[stage b]\nplugin = hook_sink\nhook = @b\ntopic = t\n"
               "from = *\n");
    assert_int_equal(watched.count, 8); /* two loads, two creates, all came back */
    assert_int_equal(watched.call, NOTE_CREATE);
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plugin_that_dies_while_it_is_loaded_leaves_a_note),
        cmocka_unit_test(create_is_noted_with_its_stage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
