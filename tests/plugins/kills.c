/* kills.c: kills its process on purpose. `how` is the fault, `at` is where it happens. In process, a timer
 * and a thread of its own a record sets it off, whose member `field` begins with `value`; the other calls
 * need none. Each fault is made as a careless author would make it; what is volatile only keeps the compiler
 * from seeing it coming. Built a second time as kills_guard, which is fail-closed (kills_guard.c). One plugin
 * a fault was rejected: the tests are tables over faults. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <weir/plugin.h>

#ifndef KILLS_NAME
#define KILLS_NAME "kills"
#define KILLS_FLAGS 0
#endif

enum how {
    HOW_NULL,
    HOW_ABORT,
    HOW_EXIT,
    HOW_QUICK_EXIT,
    HOW_LOOP,
    HOW_OVERFLOW,
    HOW_DOUBLE_FREE,
    HOW_HUGE,
    HOW_HOARD,
    HOW_WILD
};
static const char *const hows[] = {"null",        "abort", "exit",  "_exit", "loop", "overflow",
                                   "double_free", "huge",  "hoard", "wild",  NULL};

enum at { AT_PROCESS, AT_CREATE, AT_TIMER, AT_SAVE, AT_RESTORE, AT_DESTROY, AT_THREAD };
static const char *const ats[] = {"process", "create", "timer", "save", "restore", "destroy", "thread", NULL};

#define HUGE_SIZE ((size_t)1 << 40)
#define HOARD_PIECE ((size_t)64 << 10)
#define WILD_SIZE ((size_t)64 << 10)

struct state {
    int32_t how, at;
    const struct weir_field *field;
    struct weir_str value;
};

static const struct weir_option options[] = {
    WEIR_OPT_CHOICE(struct state, how, .def = "null", .choices = hows, .help = "the fault"),
    WEIR_OPT_CHOICE(struct state, at, .def = "process", .choices = ats, .help = "where it happens"),
    WEIR_OPT_FIELD(struct state, field, .def = "user_id", .help = "the member that sets it off"),
    WEIR_OPT_STRING(struct state, value, .def = "poison", .help = "what that member begins with"),
    WEIR_OPT_END};

/* ---- the faults */

/* For the kernel to see, not for a sanitizer. */
__attribute__((no_sanitize("undefined"), no_sanitize("address"))) static void write_to_null(void)
{
    volatile int *volatile nowhere = NULL;

    *nowhere = 1;
}

static void loop_for_ever(void)
{
    for (volatile uint64_t n = 0;; n++)
        ;
}

static uint64_t dive(volatile uint64_t depth)
{
    volatile char room[512];

    room[depth % sizeof room] = 1;
    return depth == UINT64_MAX ? 0 : dive(depth + 1) + (uint64_t)room[0];
}

static void free_twice(void)
{
    void *volatile memory = malloc(100);

    free(memory);
    free(memory);
}

static void use_too_much(void)
{
    volatile char *volatile memory = malloc(HUGE_SIZE);

    memory[0] = 1; /* nobody looked */
}

/* All that there is, of every size, and none is given back. */
static void hoard(void)
{
    for (size_t size = HOARD_PIECE; size >= 16; size /= 2) {
        for (char *volatile memory; (memory = malloc(size)) != NULL;)
            memset(memory, 1, size);
    }
}

static void write_past(struct weir_envelope *env)
{
    char *memory = env ? weir_alloc(env, 16) : malloc(16);
    volatile size_t size = WILD_SIZE;

    if (memory)
        memset(memory, 0x5a, size);
}

static void fault(const struct state *s, struct weir_envelope *env)
{
    switch (s->how) {
    case HOW_NULL:
        write_to_null();
        break;
    case HOW_ABORT:
        abort();
    case HOW_EXIT:
        exit(0);
    case HOW_QUICK_EXIT:
        _exit(0);
    case HOW_LOOP:
        loop_for_ever();
        break;
    case HOW_OVERFLOW:
        dive(0);
        break;
    case HOW_DOUBLE_FREE:
        free_twice();
        break;
    case HOW_HUGE:
        use_too_much();
        break;
    case HOW_HOARD:
        hoard();
        break;
    default:
        write_past(env);
    }
}

/* ---- where they happen */

static void *own_thread(void *self)
{
    nanosleep(&(struct timespec){0, 20000000}, NULL); /* the record that began this is gone by then */
    fault(self, NULL);
    return NULL;
}

static void start_thread(struct state *s)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, own_thread, s) == 0)
        pthread_detach(thread);
}

static bool is_meant(const struct state *s, struct weir_envelope *env)
{
    struct weir_str text;

    return weir_get_string(env, s->field, &text) == WEIR_OK && text.len >= s->value.len &&
           memcmp(text.ptr, s->value.ptr, s->value.len) == 0;
}

static int32_t process(struct weir_stage *stage, void *self, struct weir_envelope *env)
{
    struct state *s = self;

    if (!is_meant(s, env))
        return WEIR_PASS;
    if (s->at == AT_PROCESS)
        fault(s, env);
    else if (s->at == AT_THREAD)
        start_thread(s);
    else if (s->at == AT_TIMER)
        return weir_set_timer(stage, 1) == WEIR_OK ? WEIR_PASS : weir_stop(env, "no timer");
    return WEIR_PASS;
}

static int32_t create(struct weir_stage *stage, void *self)
{
    const struct state *s = self;

    (void)stage;
    if (s->at == AT_CREATE)
        fault(s, NULL);
    return WEIR_OK;
}

static void destroy(struct weir_stage *stage, void *self)
{
    const struct state *s = self;

    (void)stage;
    if (s->at == AT_DESTROY)
        fault(s, NULL);
}

static int32_t timer(struct weir_stage *stage, void *self)
{
    (void)stage;
    fault(self, NULL);
    return WEIR_PASS;
}

static int32_t save(struct weir_stage *stage, void *self)
{
    const struct state *s = self;

    if (s->at == AT_SAVE)
        fault(s, NULL);
    return weir_save_bytes(stage, "1", 1);
}

static int32_t restore(struct weir_stage *stage, void *self, uint32_t version, struct weir_str bytes)
{
    const struct state *s = self;

    (void)stage;
    (void)version;
    (void)bytes;
    if (s->at == AT_RESTORE)
        fault(s, NULL);
    return WEIR_OK;
}

WEIR_PLUGIN(.name = KILLS_NAME, .version = "1.0.0", .help = "kills its process on purpose",
            .options = options, .self_size = sizeof(struct state), .flags = KILLS_FLAGS, .state_version = 1,
            .create = create, .destroy = destroy, .process = process, .timer = timer, .save = save,
            .restore = restore)
