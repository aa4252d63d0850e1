/* answers.c: see answers.h. Whoever asks gets copies, as from the disk, so that a configuration does not
 * depend on where it was read from. */
#include "supervise/answers.h"

#include <stdlib.h>

static const struct answer *find(const struct answers *as, enum answer_kind kind, struct weir_str name)
{
    for (size_t i = 0; i < as->count; i++) {
        if (as->items[i].kind == kind && str_eq(as->items[i].name, name))
            return &as->items[i];
    }
    return NULL;
}

bool answers_add(struct answers *as, struct answer answer)
{
    if (as->count == as->room) {
        size_t room = as->room ? 2 * as->room : 16;
        struct answer *items = realloc(as->items, room * sizeof *items);

        if (!items)
            return false;
        as->items = items;
        as->room = room;
    }
    as->items[as->count++] = answer;
    return true;
}

/* ---- asking */

static struct weir_str join(const struct weir_list *names, struct arena *a)
{
    struct weir_str all;
    size_t len = 0;
    char *to;

    for (size_t i = 0; i < names->count; i++)
        len += names->items[i].len + 1;
    to = arena_zalloc(a, len + 1);
    all = str_make(to, to ? len : 0);
    for (size_t i = 0; to && i < names->count; i++) {
        memcpy(to, names->items[i].ptr, names->items[i].len);
        to += names->items[i].len + 1;
    }
    return all;
}

static struct answer ask_process(struct answers *as, enum answer_kind kind, struct weir_str name)
{
    const struct config_env *process = &config_process_env;
    struct answer answer = {.kind = kind, .name = arena_str(&as->arena, name)};
    struct weir_list names = {NULL, 0};
    const char *why = NULL;

    if (!answer.name.ptr)
        return answer;
    if (kind == ANSWER_VARIABLE)
        answer.text = arena_str(&as->arena, str_of(process->get(process->self, answer.name.ptr)));
    else if (kind == ANSWER_FILE)
        answer.text = env_read(process, answer.name.ptr, &as->arena, &why);
    else if (env_list(process, answer.name.ptr, &as->arena, &names, &why))
        answer.text = join(&names, &as->arena);
    if (!answer.text.ptr)
        answer.why = arena_str(&as->arena, str_of(why));
    return answer;
}

static const struct answer *ask(struct answers *as, enum answer_kind kind, struct weir_str name)
{
    const struct answer *known = find(as, kind, name);
    struct answer answer;

    if (known || !as->recording)
        return known;
    answer = ask_process(as, kind, name);
    if (answer.name.ptr && answers_add(as, answer))
        return &as->items[as->count - 1];
    as->failed = true;
    return NULL;
}

/* ---- answering */

/* False, and *why, where there is no text. */
static bool has_text(const struct answer *answer, const char **why)
{
    if (!answer)
        *why = "was not read when this configuration was";
    else if (!answer->text.ptr)
        *why = answer->why.ptr ? answer->why.ptr : "does not fit into memory";
    return answer && answer->text.ptr;
}

static const char *get(void *self, const char *name)
{
    const struct answer *answer = ask(self, ANSWER_VARIABLE, str_of(name));

    return answer ? answer->text.ptr : NULL;
}

static struct weir_str read_file(void *self, const char *path, struct arena *a, const char **why)
{
    const struct answer *answer = ask(self, ANSWER_FILE, str_of(path));
    struct weir_str text = STR_ABSENT;

    if (!has_text(answer, why))
        return text;
    text = arena_str(a, answer->text);
    if (!text.ptr)
        *why = "does not fit into memory";
    return text;
}

static bool list(void *self, const char *dir, struct arena *a, struct weir_list *names, const char **why)
{
    const struct answer *answer = ask(self, ANSWER_LIST, str_of(dir));
    struct weir_str *items, all;
    size_t n = 0;

    if (!has_text(answer, why))
        return false;
    items = arena_alloc(a, FILE_LIST_MAX * sizeof *items);
    all = arena_str(a, answer->text);
    if (!items || !all.ptr) {
        *why = "does not fit into memory";
        return false;
    }
    while (all.len && n < FILE_LIST_MAX) {
        items[n] = str_of(all.ptr);
        all = str_make(all.ptr + items[n].len + 1, all.len - items[n].len - 1);
        n++;
    }
    *names = (struct weir_list){items, n};
    return true;
}

/* ---- the whole */

void answers_init(struct answers *as, bool recording)
{
    *as = (struct answers){.recording = recording, .env = {as, get, list, read_file}};
    arena_init(&as->arena, 65536, (size_t)1 << 30);
}

void answers_fini(struct answers *as)
{
    free(as->items);
    arena_fini(&as->arena);
}
