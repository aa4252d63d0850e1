/* test_state.c: what stages carry over a reload: save by one generation, restore by the next. */
#include "world.h"

#define OUT "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n"

static int32_t save_fails_with = WEIR_OK, restore_fails_with = WEIR_OK;
static int created;
static const char *saved_text = "state", *restore_says;

static int32_t save(struct weir_stage *stage, struct hook_self *self)
{
    (void)self;
    note("save:" STR_FMT, STR_ARG(weir_stage_name(stage)));
    assert_int_equal(weir_save_bytes(stage, saved_text, strlen(saved_text)), WEIR_OK);
    assert_int_equal(weir_save_bytes(stage, "!", 1), WEIR_OK);
    return save_fails_with;
}

static int32_t save_much(struct weir_stage *stage, struct hook_self *self)
{
    static const char block[1 << 20];

    (void)self;
    for (int i = 0; i < 256; i++)
        assert_int_equal(weir_save_bytes(stage, block, sizeof block), WEIR_OK);
    assert_int_equal(weir_save_bytes(stage, block, 1), WEIR_NOMEM);
    return WEIR_OK;
}

static int32_t restore(struct weir_stage *stage, struct hook_self *self, uint32_t version,
                       struct weir_str bytes)
{
    (void)self;
    note("restore:" STR_FMT "=%u:" STR_FMT, STR_ARG(weir_stage_name(stage)), version, STR_ARG(bytes));
    if (restore_says)
        assert_int_equal(weir_error(stage, "%s", restore_says) | weir_error(stage, "sorry"), WEIR_INVALID);
    return restore_fails_with;
}

static int32_t create(struct weir_stage *stage, struct hook_self *self)
{
    (void)self;
    created++;
    note("create:" STR_FMT, STR_ARG(weir_stage_name(stage)));
    return weir_set_timer(stage, 100);
}

static void destroy(struct weir_stage *stage, struct hook_self *self)
{
    (void)self;
    note("destroy:" STR_FMT, STR_ARG(weir_stage_name(stage)));
}

static int32_t timer(struct weir_stage *stage, struct hook_self *self)
{
    (void)self;
    note("timer:" STR_FMT, STR_ARG(weir_stage_name(stage)));
    return WEIR_PASS;
}

static const struct named_hook hooks[] = {
    {"send", {.process = hook_send, .save = NULL}},
    {"keep", {.process = hook_pass, .save = save, .restore = restore}},
    {"much", {.process = hook_pass, .save = save_much}},
    {"life", {.create = create, .destroy = destroy, .timer = timer}},
    {NULL, {0}},
};

/* The next generation, beside the one that runs; its world is the same. */
static struct chain *next_generation(const char *lines, struct config **config)
{
    struct chain *running = world.chain, *next;
    struct config *old = world.config;

    diag_fini(&world.diag);
    assert_true(world_load(lines));
    next = world.chain;
    *config = world.config;
    world.chain = running;
    world.config = old;
    return next;
}

static void a_stage_of_the_same_name_and_plugin_gets_the_state(void **state)
{
    const char *why = NULL;
    struct saved_state *saved;
    struct config *config;
    struct chain *next;

    (void)state;
    world_open("[stage a]\nplugin = hook\nhook = @keep\n[stage b]\nplugin = hook\nhook = @keep\n"
               "[stage c]\nplugin = hook\nhook = @keep\n" OUT);
    saved = chain_save(world.chain, &why);
    assert_non_null(saved);
    world_expect("save:a save:b save:c");
    /* b is gone, c has another plugin, d is new, and a stands elsewhere */
    next = next_generation(
        "[stage d]\nplugin = hook\nhook = @keep\n[stage c]\nplugin = hook_emits\nhook = @keep\n"
        "emit = m\n[stage a]\nplugin = hook\nhook = @keep\n" OUT
        "[stage m]\nplugin = hook_sink\nhook = @send\nfrom = m\ntopic = m\n",
        &config);
    assert_true(chain_restore(next, saved, &why));
    world_expect("restore:a=7:state!");
    saved_state_destroy(saved);
    chain_destroy(next);
    config_destroy(config);
    world_close();
}

static void the_saved_state_outlives_its_generation(void **state)
{
    const char *why = NULL, lines[] = "[stage a]\nplugin = hook\nhook = @keep\n" OUT;
    struct saved_state *saved;
    struct config *config;
    struct chain *next;

    (void)state;
    world_open(lines);
    saved = chain_save(world.chain, &why);
    next = next_generation(lines, &config);
    chain_destroy(world.chain);
    config_destroy(world.config);
    world.chain = next;
    world.config = config;
    assert_true(chain_restore(next, saved, &why));
    saved_state_destroy(saved);
    world_expect("save:a restore:a=7:state!");
    world_close();
}

static void a_refused_restore_says_who_refused(void **state)
{
    const char *why = NULL, lines[] = "[stage a]\nplugin = hook\nhook = @keep\n" OUT;
    struct saved_state *saved;
    struct config *config;
    struct chain *next;

    (void)state;
    world_open(lines);
    saved = chain_save(world.chain, &why);
    next = next_generation(lines, &config);
    restore_fails_with = WEIR_INVALID;
    assert_false(chain_restore(next, saved, &why));
    assert_string_equal(why, "stage \"a\" does not take over the state (version 7) of the generation before");
    restore_says = "too old";
    assert_false(chain_restore(next, saved, &why));
    restore_says = NULL;
    restore_fails_with = WEIR_OK;
    assert_string_equal(
        why, "stage \"a\" does not take over the state (version 7) of the generation before: too old; sorry");
    chain_destroy(next);
    config_destroy(config);
    saved_state_destroy(saved);
    world_take(NULL, "{}"); /* the old one goes on */
    world_expect("save:a restore:a=7:state! restore:a=7:state! a:main out:main #0:out");
    world_ack_all();
    world_close();
}

static void a_failed_save_says_who_failed(void **state)
{
    const char *why = NULL;

    (void)state;
    world_open("[stage a]\nplugin = hook\nhook = @keep\n" OUT);
    save_fails_with = WEIR_NOMEM;
    assert_null(chain_save(world.chain, &why));
    save_fails_with = WEIR_OK;
    assert_string_equal(why, "stage \"a\" could not save its state");
    world_close();
}

static void a_state_that_is_too_large_is_not_saved_in_part(void **state)
{
    const char *why = NULL;

    (void)state;
    world_open("[stage a]\nplugin = hook\nhook = @much\n" OUT);
    assert_null(chain_save(world.chain, &why));
    assert_string_equal(why, "stage \"a\" could not save its state");
    world_close();
}

static void a_stage_with_a_broken_option_is_not_created(void **state)
{
    (void)state;
    created = 0;
    assert_false(world_load("[stage a]\nplugin = hook\nhook = @life\nfeild = x\n"
                            "[stage b]\nplugin = hook\nhook = @life\n" OUT));
    assert_int_equal(created, 1); /* b is, to hear what it has to say */
    assert_int_equal(world.diag.errors, 1);
    assert_string_equal(world.diag.items[world.diag.count - 1].text,
                        "stage \"a\": unknown option \"feild\" (did you mean \"field\"?)");
    world_close();
}

static void a_timer_of_create_begins_when_the_chain_is_attached(void **state)
{
    (void)state;
    world_open("[stage a]\nplugin = hook\nhook = @life\n" OUT);
    world_expect("create:a");
    assert_int_equal(world_tick(0), 100);
    world_tick(100);
    world_expect("timer:a");
    assert_int_equal(world_tick(1000), -1); /* once */
    world_expect("");
    chain_destroy(world.chain);
    world.chain = NULL;
    world_expect("destroy:a");
    world_close();
}

static void same_plugins_are_told_by_their_bytes(void **state)
{
    struct config *config, *other_config;
    struct chain *next, *other;

    (void)state;
    world_open("[stage a]\nplugin = hook\nhook = @keep\n" OUT);
    next = next_generation("[stage z]\nplugin = hook\nhook = @keep\n" OUT, &config);
    other = next_generation("[stage a]\nplugin = hook_guard\nhook = @keep\n" OUT, &other_config);
    assert_true(chain_same_plugins(world.chain, next));
    assert_false(chain_same_plugins(world.chain, other));
    chain_destroy(next);
    chain_destroy(other);
    config_destroy(config);
    config_destroy(other_config);
    world_close();
}

static void as_bytes_it_is_the_same_state(void **state)
{
    const char *why = NULL;
    struct saved_state *saved, *read;
    struct buf bytes;

    (void)state;
    world_open("[stage a]\nplugin = hook\nhook = @keep\n[stage b]\nplugin = hook\nhook = @keep\n" OUT);
    saved = chain_save(world.chain, &why);
    buf_init(&bytes, SIZE_MAX);
    assert_true(saved_state_write(saved, &bytes));
    saved_state_destroy(saved);
    read = saved_state_read(buf_str(&bytes));
    assert_non_null(read);
    assert_true(chain_restore(world.chain, read, &why));
    world_expect("save:a save:b restore:a=7:state! restore:b=7:state!");
    saved_state_destroy(read);
    buf_fini(&bytes);
    world_close();
}

/* Every beginning of them, and every byte of them turned around, is refused or read, and nothing worse. */
static void bytes_that_are_no_state_are_refused(void **state)
{
    const char *why = NULL;
    struct saved_state *saved;
    struct buf bytes;

    (void)state;
    world_open("[stage a]\nplugin = hook\nhook = @keep\n" OUT);
    saved = chain_save(world.chain, &why);
    buf_init(&bytes, SIZE_MAX);
    assert_true(saved_state_write(saved, &bytes));
    saved_state_destroy(saved);
    for (size_t n = 0; n < bytes.len; n++)
        assert_null(saved_state_read(str_make(bytes.ptr, n)));
    for (size_t n = 0; n < bytes.len; n++) {
        bytes.ptr[n] = (char)~bytes.ptr[n];
        saved_state_destroy(saved_state_read(buf_str(&bytes)));
        bytes.ptr[n] = (char)~bytes.ptr[n];
    }
    buf_add_char(&bytes, 'x');
    assert_null(saved_state_read(buf_str(&bytes)));
    world_expect("save:a");
    buf_fini(&bytes);
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stage_of_the_same_name_and_plugin_gets_the_state),
        cmocka_unit_test(the_saved_state_outlives_its_generation),
        cmocka_unit_test(a_refused_restore_says_who_refused),
        cmocka_unit_test(a_failed_save_says_who_failed),
        cmocka_unit_test(a_state_that_is_too_large_is_not_saved_in_part),
        cmocka_unit_test(a_stage_with_a_broken_option_is_not_created),
        cmocka_unit_test(a_timer_of_create_begins_when_the_chain_is_attached),
        cmocka_unit_test(same_plugins_are_told_by_their_bytes),
        cmocka_unit_test(as_bytes_it_is_the_same_state),
        cmocka_unit_test(bytes_that_are_no_state_are_refused),
    };

    world.hooks = hooks;
    return cmocka_run_group_tests(tests, NULL, world_end);
}
