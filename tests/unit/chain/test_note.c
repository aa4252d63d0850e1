/* test_note.c: what a chain notes of its calls, as seen from within each; and that a write behind a plugin's
 * memory ends the process within the call that did it. */
#include "world.h"

#include "chain/note.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define OUT "[stage out]\nplugin = hook_sink\nhook = @send\ntopic = out\n"
#define ERR "[stage err]\nplugin = hook_sink\nhook = @send\nfrom = failed\ntopic = errors\n"
#define MADE "[stage made]\nplugin = hook_sink\nhook = @send\nfrom = made\ntopic = made\n"

static struct note *seen; /* where the chain notes; shared with children */

static const char *call_name(uint32_t call)
{
    static const char *const names[] = {"none",  "load", "create",  "process", "timer",
                                        "flush", "save", "restore", "destroy"};

    return call <= NOTE_DESTROY ? names[call] : "?";
}

static const char *parity(void)
{
    return atomic_load(&seen->count) % 2 ? "in" : "out";
}

/* CALL STAGE PARTITION/OFFSET, a + where it is emitted, and whether a call is under way. */
static void note_seen(void)
{
    note("%s%u:%d/%lld%s-%s", call_name(seen->call), seen->stage, seen->partition, (long long)seen->offset,
         seen->emitted ? "+" : "", parity());
}

static int32_t look(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note_seen();
    (void)stage;
    (void)env;
    return WEIR_PASS;
}

static int32_t look_and_send(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    struct weir_message m = WEIR_MESSAGE_INIT;

    note_seen();
    m.topic = self->topic;
    return weir_send(stage, env, &m) == WEIR_OK ? WEIR_PASS : WEIR_STOP;
}

static int32_t look_and_hold(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self;
    note_seen();
    return weir_hold(stage, env) == WEIR_OK ? WEIR_PASS : WEIR_STOP;
}

static int32_t look_and_emit(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)self, (void)env;
    note_seen();
    assert_int_equal(weir_emit(stage, STR_ABSENT, STR("{}")), WEIR_OK);
    return WEIR_PASS;
}

static int32_t look_and_retry(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)stage;
    note_seen();
    self->own = self->own ? NULL : self;
    return self->own ? weir_retry(env, "not yet") : WEIR_PASS;
}

static int32_t plain_look(struct weir_stage *stage, struct hook_self *self)
{
    (void)stage, (void)self;
    note_seen();
    return WEIR_PASS;
}

static int32_t set_timer(struct weir_stage *stage, struct hook_self *self)
{
    (void)self;
    return weir_set_timer(stage, 250);
}

static int32_t timer(struct weir_stage *stage, struct hook_self *self)
{
    (void)self;
    note_seen();
    return weir_emit(stage, STR_ABSENT, STR("{}")) == WEIR_OK ? WEIR_PASS : WEIR_STOP;
}

static uint64_t saved_as, restored_as; /* the generation of the note then */

static int32_t save(struct weir_stage *stage, struct hook_self *self)
{
    (void)self;
    note_seen();
    saved_as = seen->generation;
    return weir_save_bytes(stage, "x", 1);
}

static int32_t restore(struct weir_stage *stage, struct hook_self *self, uint32_t version, struct weir_str s)
{
    (void)stage, (void)self, (void)version, (void)s;
    note_seen();
    restored_as = seen->generation;
    return WEIR_OK;
}

static void destroy(struct weir_stage *stage, struct hook_self *self)
{
    (void)stage, (void)self;
    note_seen();
}

/* ---- memory */

static size_t asked, written; /* by the hook below, of each of `pieces` pieces; the last one is damaged */
static int pieces, damaged;

static int32_t use_memory(struct weir_stage *stage, struct hook_self *self, struct weir_envelope *env)
{
    (void)stage, (void)self;
    for (int i = 0; i < pieces; i++) {
        volatile char *p = weir_alloc(env, asked);

        assert_non_null((const void *)(uintptr_t)p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < (i == damaged ? written : asked); j++)
            p[j] = 0;
    }
    return WEIR_PASS;
}

static const struct named_hook hooks[] = {
    {"look", {.process = look, .destroy = destroy}},
    {"sink", {.process = look_and_send, .destroy = destroy}},
    {"batch", {.process = look_and_hold, .flush = plain_look}},
    {"emit", {.process = look_and_emit}},
    {"retry", {.process = look_and_retry}},
    {"timer", {.create = set_timer, .timer = timer}},
    {"state", {.save = save, .restore = restore}},
    {"memory", {.process = use_memory}},
    {"pass", {.process = hook_pass}},
    {"send", {.process = hook_send}},
    {NULL, {0}},
};

static void open_noted(const char *lines)
{
    memset(seen, 0, sizeof *seen);
    world_open(lines);
    chain_note(world.chain, seen, 0);
}

static void a_record_is_noted_at_each_stage(void **state)
{
    (void)state;
    open_noted("[stage a]\nplugin = hook\nhook = @look\n[stage b]\nplugin = hook\nhook = @look\n"
               "[stage out]\nplugin = hook_sink\nhook = @sink\ntopic = out\n" ERR);
    world_take(NULL, "{}");
    note("%s", parity());
    world_take(NULL, "{}");
    world_ack_all();
    world_expect("process0:3/0-in process1:3/0-in process2:3/0-in #0:out out process0:3/1-in process1:3/1-in "
                 "process2:3/1-in #1:out done0 done1");
    assert_int_equal(atomic_load(&seen->count), 12);
    chain_destroy(world.chain);
    world.chain = NULL;
    world_expect("destroy0:-1/-1-in destroy1:-1/-1-in destroy2:-1/-1-in");
    assert_int_equal(atomic_load(&seen->count) % 2, 0);
    world_close();
}

static void what_a_record_led_to_is_noted_as_its(void **state)
{
    (void)state;
    open_noted("[stage e]\nplugin = hook_emits\nhook = @emit\nemit = made\n"
               "[stage look]\nplugin = hook\nhook = @look\nfrom = main, made\n" MADE OUT ERR);
    world_take(NULL, "{}");
    world_ack_all();
    world_expect("process0:3/0-in process1:3/0+-in made:made #0:made process1:3/0-in out:main #1:out done0");
    assert_string_equal(parity(), "out");
    world_close();
}

static void a_retry_is_noted_with_its_record(void **state)
{
    (void)state;
    open_noted("[stage r]\nplugin = hook\nhook = @retry\n" OUT ERR);
    world_take(NULL, "{}");
    world_tick(60000);
    world_ack_all();
    world_expect("process0:3/0-in process0:3/0-in out:main #0:out done0");
    world_close();
}

static void a_timer_and_what_it_makes_have_no_record(void **state)
{
    (void)state;
    open_noted("[stage t]\nplugin = hook_emits\nhook = @timer\nemit = made\n"
               "[stage look]\nplugin = hook\nhook = @look\nfrom = main, made\n" MADE OUT ERR);
    world_take(NULL, "{}");
    world_tick(250);
    world_ack_all();
    world_expect(
        "process1:3/0-in out:main #0:out timer0:-1/-1-in process1:-1/-1+-in made:made #1:made done0");
    world_close();
}

static void flush_and_state_are_noted(void **state)
{
    struct saved_state *saved;
    const char *why;

    (void)state;
    open_noted("[stage s]\nplugin = hook\nhook = @state\n"
               "[stage b]\nplugin = hook_sink\nhook = @batch\ntopic = out\n" ERR);
    world_take(NULL, "{}");
    chain_flush(world.chain);
    note("%s", parity());
    chain_note(world.chain, seen, 2);
    seen->generation = 1; /* of the one that runs, until it has given all to its successor */
    saved = chain_save(world.chain, &why);
    assert_non_null(saved);
    assert_true(chain_restore(world.chain, saved, &why));
    assert_int_equal(saved_as, 1);
    assert_int_equal(restored_as, 2);
    assert_int_equal(seen->generation, 1);
    note("%s", parity());
    saved_state_destroy(saved);
    chain_abandon(world.chain);
    world_expect("process1:3/0-in flush1:-1/-1-in out save0:-1/-1-in restore0:-1/-1-in out flush1:-1/-1-in");
    assert_string_equal(parity(), "out");
    world_close();
}

static void a_chain_can_note_elsewhere_and_to_itself(void **state)
{
    uint64_t count;

    (void)state;
    open_noted("[stage a]\nplugin = hook\nhook = @pass\n" OUT ERR);
    world_take(NULL, "{}");
    count = atomic_load(&seen->count);
    assert_int_equal(count, 4);
    chain_note(world.chain, NULL, 0);
    world_take(NULL, "{}");
    world_ack_all();
    assert_int_equal(atomic_load(&seen->count), count);
    world_close();
}

/* ---- writes behind memory */

/* Runs one record in a child. Returns how it ended. */
static int end_of_child(void)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        struct record record = world_record(NULL, "{}");

        setrlimit(RLIMIT_CORE, &no_core);
        log_set_level(WEIR_LOG_ERROR + 1);
        record.offset = 77;
        _exit(chain_take(world.chain, &record) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_write_behind_the_memory_ends_the_call_that_did_it(void **state)
{
    static const struct {
        const char *name;
        size_t asked, written;
        int pieces, damaged;
        bool dies;
    } rows[] = {
        {"all of it, to the last byte", 13, 13, 3, 0, false},
        {"one byte too many", 13, 14, 1, 0, true},
        {"one byte too many of a whole word", 16, 17, 1, 0, true},
        {"a few more", 16, 24, 1, 0, true},
        {"nothing asked, nothing written", 0, 0, 1, 0, false},
        {"nothing asked, one written", 0, 1, 1, 0, true},
        {"the first of many", 10, 11, 40, 0, true},
        {"one in the middle of many", 10, 11, 40, 20, true},
        {"the last of many", 10, 11, 40, 39, true},
        {"many, all well", 10, 10, 1000, 0, false},
        {"more than a block", 5000, 5001, 2, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status;

        open_noted("[stage a]\nplugin = hook\nhook = @pass\n"
                   "[stage m]\nplugin = hook\nhook = @memory\n"
                   "[stage b]\nplugin = hook\nhook = @pass\n" OUT ERR);
        asked = rows[i].asked;
        written = rows[i].written;
        pieces = rows[i].pieces;
        damaged = rows[i].damaged;
        status = end_of_child();
        if (rows[i].dies ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT : status != 0)
            fail_msg("%s: status %#x", rows[i].name, (unsigned)status);
        if (rows[i].dies &&
            (seen->call != NOTE_PROCESS || seen->stage != 1 || seen->offset != 77 || seen->count % 2 == 0))
            fail_msg("%s: noted call %u stage %u offset %lld count %llu", rows[i].name, seen->call,
                     seen->stage, (long long)seen->offset, (unsigned long long)seen->count);
        world_close();
    }
}

static int begin(void **state)
{
    (void)state;
    world.hooks = hooks;
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return seen == MAP_FAILED ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_noted_at_each_stage),
        cmocka_unit_test(what_a_record_led_to_is_noted_as_its),
        cmocka_unit_test(a_retry_is_noted_with_its_record),
        cmocka_unit_test(a_timer_and_what_it_makes_have_no_record),
        cmocka_unit_test(flush_and_state_are_noted),
        cmocka_unit_test(a_chain_can_note_elsewhere_and_to_itself),
        cmocka_unit_test(a_write_behind_the_memory_ends_the_call_that_did_it),
    };

    return cmocka_run_group_tests(tests, begin, world_end);
}
