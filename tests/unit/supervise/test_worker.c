/* test_worker.c: a worker as its supervisor sees it: a process of its own, on an embedded cluster.
 *
 * The test is the supervisor, and the same program is the worker: spawn_worker() starts it again.
 *
 * Labels: mock
 * Timeout: 240
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain/note.h"
#include "kafka/cluster.h"
#include "kafka/task.h"
#include "supervise/backtrace.h"
#include "supervise/ledger.h"
#include "supervise/message.h"
#include "supervise/snapshot.h"
#include "supervise/spawn.h"
#include "supervise/worker.h"

#define WAIT_MS 30000
#define BROKEN "[stage x]\nplugin = bad_create\n"

/* ---- a folder with a configuration */

static char folder[64];
static struct setup cluster;

/* The folder with the build's plugins, and the one with the tests'. */
static void plugin_folders(char *to, size_t room, const char *counts_version)
{
    char self[PATH_MAX / 4] = "";
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n <= 0 || !strrchr(self, '/'))
        abort();
    *strrchr(self, '/') = '\0';
    snprintf(to, room, "%s/plugins, %s/plugins/%s, %s/../plugins", self, self, counts_version, self);
}

/* more: sections for the end of the file. */
static void write_conf(const char *counts_version, const char *more)
{
    char path[128], plugins[PATH_MAX];
    FILE *f;

    plugin_folders(plugins, sizeof plugins, counts_version);
    snprintf(path, sizeof path, "%s/test.conf", folder);
    f = fopen(path, "w");
    if (!f)
        abort();
    fprintf(f,
            "[host]\nplugin_path = %s\n[kafka]\nbootstrap.servers = %s\nsession.timeout.ms = 6000\n"
            "[chain c]\nsource = in\ngroup = worker\nstart = earliest\ncommit_interval = 100ms\n"
            "[stage counts]\nplugin = counts_state\n"
            "[stage deadly]\nplugin = kills\nfield = n\nvalue = deadly\n"
            "[stage out]\nplugin = kafka_sink\nfrom = *\ntopic = out\n%s",
            plugins, embedded_brokers(cluster.embedded), more);
    fclose(f);
}

static struct snapshot *take(void)
{
    struct diag diag;
    struct snapshot *s;

    diag_init(&diag);
    s = snapshot_take(folder, &diag);
    if (!s)
        diag_print(&diag, stderr);
    diag_fini(&diag);
    assert_non_null(s);
    return s;
}

/* ---- the supervisor's side */

struct played {
    pid_t pid;
    int socket, ledger_fd, status;
    struct ledger *ledger;
    struct snapshot *snapshot;
    struct message got;
    struct message_room room;
};

static void start(struct played *p, enum start how)
{
    int fds[2];

    *p = (struct played){.status = -1};
    assert_true(message_pair(fds));
    p->ledger = ledger_new(&p->ledger_fd);
    assert_non_null(p->ledger);
    p->pid =
        spawn_worker(&(struct spawn){.label = "c/0", .start = how, .socket = fds[1], .ledger = p->ledger_fd});
    assert_true(p->pid > 0);
    close(fds[1]);
    p->socket = fds[0];
}

static void tell(struct played *p, enum message_kind kind, int64_t number, const char *text)
{
    assert_true(
        message_send(p->socket, &(struct message){.kind = kind, .number = number, .text = str_of(text)}));
}

static void tell_generation(struct played *p, enum message_kind kind, int64_t number)
{
    struct message m = {.kind = kind, .number = number, .text = STR("c")};

    snapshot_release(p->snapshot);
    p->snapshot = take();
    m.fds = snapshot_fds(p->snapshot, &m.n_fds);
    assert_true(message_send(p->socket, &m));
}

/* The next message, whose kind must be this. */
static const struct message *await(struct played *p, enum message_kind kind)
{
    struct pollfd fd = {p->socket, POLLIN, 0};

    if (poll(&fd, 1, WAIT_MS) != 1 || message_receive(p->socket, false, &p->room, &p->got) != MESSAGE_GOT)
        fail_msg("no message, where one of kind %d is due", kind);
    if (p->got.kind != kind)
        fail_msg("a message of kind %d (" STR_FMT ") where %d is due", p->got.kind, STR_ARG(p->got.text),
                 kind);
    return &p->got;
}

static void await_death(struct played *p)
{
    int64_t until = clock_mono_ms() + WAIT_MS;

    while (waitpid(p->pid, &p->status, WNOHANG) == 0 && clock_mono_ms() < until)
        poll(NULL, 0, 5);
    if (p->status == -1) {
        kill(p->pid, SIGKILL);
        fail_msg("the worker does not end");
    }
}

static void assert_exit(const struct played *p, enum worker_end end)
{
    assert_true(WIFEXITED(p->status));
    assert_int_equal(WEXITSTATUS(p->status), end);
}

static void played_fini(struct played *p)
{
    snapshot_release(p->snapshot);
    ledger_unmap(p->ledger);
    close(p->ledger_fd);
    close(p->socket);
}

static void start_working(struct played *p)
{
    start(p, START_FIRST);
    tell_generation(p, MESSAGE_LOAD, 1);
    await(p, MESSAGE_READY);
    tell(p, MESSAGE_GO, 0, NULL);
}

static void await_taken(struct played *p, uint64_t taken)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    struct ledger_report r = {0};

    while ((!ledger_read_report(p->ledger, &r) || r.taken < taken || r.in_flight) && clock_mono_ms() < until)
        poll(NULL, 0, 5);
    assert_int_equal(r.taken, taken);
}

/* ---- records */

static void write_record(const char *value)
{
    struct record r = {.partition = 0, .value = str_of(value), .key = STR("k")};
    struct diag diag;
    struct writer *w;

    diag_init(&diag);
    w = writer_new("test-writer", &cluster.all, "in", &diag);
    assert_true(w && writer_send(w, &r) && writer_flush(w, WAIT_MS));
    writer_destroy(w);
    diag_fini(&diag);
}

struct sought {
    const char *text;
    bool found;
};

static void see_record(void *arg, const struct record *record)
{
    struct sought *s = arg;

    s->found = s->found || memmem(record->value.ptr, record->value.len, s->text, strlen(s->text));
}

static void assert_out_has(const char *text)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    struct sought sought = {text, false};
    const char *topic = "out";
    struct diag diag;
    struct reader *r;

    diag_init(&diag);
    r = reader_new("test-reader", &cluster.all, &topic, 1, false, &diag);
    while (!sought.found && clock_mono_ms() < until)
        reader_poll(r, 50, see_record, &sought, NULL);
    reader_destroy(r);
    diag_fini(&diag);
    if (!sought.found)
        fail_msg("no record on the topic has %s", text);
}

/* ---- tests */

static void it_works_reloads_and_gives_its_state_to_a_successor(void **state)
{
    struct played p, next;
    int state_fd;

    (void)state;
    write_conf("v1", "");
    start_working(&p);
    write_record("{\"n\":\"one\"}");
    assert_true(await(&p, MESSAGE_ASSIGNED)->number > 0);
    await_taken(&p, 1);
    assert_int_not_equal(p.ledger->task_thread, 0);
    assert_int_not_equal(p.ledger->task_thread, p.pid);
    assert_int_equal(p.ledger->task.generation, 1);
    assert_out_has("{\"n\":\"one\",\"count\":1,\"version\":1}");

    write_conf("v2", "");
    tell_generation(&p, MESSAGE_RELOAD, 2);
    await(&p, MESSAGE_SWAPPED);
    assert_int_equal(p.ledger->task.generation, 2);
    write_record("{\"n\":\"two\"}");
    await_taken(&p, 2);
    assert_out_has("{\"n\":\"two\",\"count\":2,\"version\":2}");

    tell(&p, MESSAGE_STOP, 1, NULL);
    assert_int_equal(await(&p, MESSAGE_ENDED)->number, TASK_STOPPED);
    assert_int_equal(p.got.n_fds, 1);
    state_fd = p.got.fds[0];
    await_death(&p);
    assert_exit(&p, WORKER_STOPPED);

    start(&next, START_FIRST);
    tell_generation(&next, MESSAGE_LOAD, 3);
    assert_true(
        message_send(next.socket, &(struct message){.kind = MESSAGE_STATE, .fds = &state_fd, .n_fds = 1}));
    close(state_fd);
    await(&next, MESSAGE_READY);
    tell(&next, MESSAGE_GO, 0, NULL);
    write_record("{\"n\":\"three\"}");
    await(&next, MESSAGE_ASSIGNED);
    assert_out_has("{\"n\":\"three\",\"count\":3,\"version\":2}");
    tell(&next, MESSAGE_STOP, 0, NULL);
    await(&next, MESSAGE_ENDED);
    assert_int_equal(next.got.n_fds, 0);
    await_death(&next);
    assert_exit(&next, WORKER_STOPPED);
    played_fini(&p);
    played_fini(&next);
}

static void a_refused_reload_says_where_and_leaves_it_as_it_was(void **state)
{
    struct played p;

    (void)state;
    write_conf("v1", "");
    start_working(&p);
    await(&p, MESSAGE_ASSIGNED);
    write_conf("v1", BROKEN);
    tell_generation(&p, MESSAGE_RELOAD, 2);
    await(&p, MESSAGE_SAY);
    assert_non_null(memmem(p.got.text.ptr, p.got.text.len, "test.conf:", 10));
    await(&p, MESSAGE_REFUSED);
    assert_non_null(memmem(p.got.text.ptr, p.got.text.len, "test.conf:", 10));
    assert_int_equal(p.ledger->task.generation, 1);
    write_record("{\"n\":\"refused\"}");
    await_taken(&p, 1);
    tell(&p, MESSAGE_STOP, 0, NULL);
    await(&p, MESSAGE_ENDED);
    await_death(&p);
    assert_exit(&p, WORKER_STOPPED);
    played_fini(&p);
}

static void read_back(int fd, char *text, size_t room)
{
    ssize_t n = pread(fd, text, room - 1, 0);

    text[n > 0 ? n : 0] = '\0';
}

static void a_death_in_a_stage_leaves_the_record_and_the_line(void **state)
{
    int old = dup(STDERR_FILENO), file = memfd_create("stderr", MFD_CLOEXEC);
    char text[20000], line[100];
    struct played p;
    pid_t tracer;

    (void)state;
    write_conf("v1", "");
    start_working(&p);
    await(&p, MESSAGE_ASSIGNED);
    write_record("{\"n\":\"deadly\"}");
    await_death(&p);
    assert_true(WIFSIGNALED(p.status));
    assert_int_equal(p.ledger->crash.signal, WTERMSIG(p.status));
    assert_int_equal(p.ledger->crash.thread, p.ledger->task_thread);
    assert_int_equal(atomic_load(&p.ledger->task.count) % 2, 1);
    assert_int_equal(p.ledger->task.call, NOTE_PROCESS);
    assert_int_equal(p.ledger->task.stage, 1);
    assert_int_equal(p.ledger->task.partition, 0);

    dup2(file, STDERR_FILENO);
    tracer = backtrace_log((struct log_place){"c", "deadly"}, &p.ledger->crash, p.snapshot);
    if (tracer > 0)
        waitpid(tracer, NULL, 0);
    dup2(old, STDERR_FILENO);
    read_back(file, text, sizeof text);
    if (!strstr(text, " process") || !strstr(text, "(kills.c:") || !strstr(text, " in kills\n"))
        fail_msg("%s", text);
    close(file);
    close(old);

    /* Its successor is told, and gets past it. */
    snprintf(line, sizeof line, "0 %lld 0 deadly Plugin crash: SIGSEGV\n", (long long)p.ledger->task.offset);
    played_fini(&p);
    start(&p, START_FIRST);
    tell(&p, MESSAGE_QUARANTINE, 0, line);
    tell_generation(&p, MESSAGE_LOAD, 1);
    await(&p, MESSAGE_READY);
    tell(&p, MESSAGE_GO, 0, NULL);
    await(&p, MESSAGE_ASSIGNED);
    assert_out_has("\"n\":\"deadly\"");
    tell(&p, MESSAGE_STOP, 0, NULL);
    await(&p, MESSAGE_ENDED);
    await_death(&p);
    assert_exit(&p, WORKER_STOPPED);
    played_fini(&p);
}

static void a_proposed_generation_tells_its_faults_by_messages(void **state)
{
    struct played p;

    (void)state;
    write_conf("v1", BROKEN);
    start(&p, START_PROBE);
    tell_generation(&p, MESSAGE_LOAD, 1);
    await(&p, MESSAGE_SAY);
    assert_int_equal(p.got.number, WEIR_LOG_ERROR);
    await_death(&p);
    assert_exit(&p, WORKER_CONFIG);
    played_fini(&p);
}

static void it_is_hardened_and_dies_with_its_supervisor(void **state)
{
    struct played p;
    char path[64], text[8192];
    int fd;

    (void)state;
    write_conf("v1", "");
    start(&p, START_FIRST);
    tell_generation(&p, MESSAGE_LOAD, 1);
    await(&p, MESSAGE_READY);
    snprintf(path, sizeof path, "/proc/%d/status", (int)p.pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    read_back(fd, text, sizeof text);
    close(fd);
    assert_non_null(strstr(text, "NoNewPrivs:\t1"));
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
    snprintf(path, sizeof path, "/proc/%d/limits", (int)p.pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    read_back(fd, text, sizeof text);
    close(fd);
    assert_non_null(strstr(text, "Max core file size        0 "));
    kill(p.pid, SIGTERM);
    kill(p.pid, SIGINT);
    kill(p.pid, SIGHUP);
    close(p.socket); /* as if the supervisor were dead */
    await_death(&p);
    assert_true(WIFEXITED(p.status)); /* by the end of the socket, not by one of the signals */
    p.socket = open("/dev/null", O_RDONLY | O_CLOEXEC);
    played_fini(&p);
}

/* A supervisor that is killed while its worker is busy with something else than the socket. */
static void a_killed_supervisor_leaves_no_worker(void **state)
{
    int pipe_fds[2], socket[2];
    char byte;
    pid_t pid, worker = 0;

    (void)state;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_true(message_pair(socket)); /* stays open here, so that the worker sees no end of it */
    pid = fork();
    if (pid == 0) {
        int ledger_fd;
        struct ledger *ledger = ledger_new(&ledger_fd);
        pid_t child = spawn_worker(&(struct spawn){.label = "c/0", .socket = socket[1], .ledger = ledger_fd});

        if (!ledger || write(pipe_fds[1], &child, sizeof child) != sizeof child)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(pipe_fds[0], &worker, sizeof worker), sizeof worker);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close(socket[1]);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    /* The other end closes when the last process that has it is gone. */
    assert_int_equal(poll(&(struct pollfd){socket[0], POLLIN, 0}, 1, WAIT_MS), 1);
    assert_int_equal(recv(socket[0], &byte, 1, 0), 0);
    close(socket[0]);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-test-worker-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    setup_start(&cluster, 1, "worker");
    setup_done(&cluster);
    embedded_topic(cluster.embedded, "in", 1);
    embedded_topic(cluster.embedded, "out", 1);
    return 0;
}

static int tear_down(void **state)
{
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/test.conf", folder);
    unlink(path);
    rmdir(folder);
    setup_stop(&cluster);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_works_reloads_and_gives_its_state_to_a_successor),
        cmocka_unit_test(a_refused_reload_says_where_and_leaves_it_as_it_was),
        cmocka_unit_test(a_death_in_a_stage_leaves_the_record_and_the_line),
        cmocka_unit_test(a_proposed_generation_tells_its_faults_by_messages),
        cmocka_unit_test(it_is_hardened_and_dies_with_its_supervisor),
        cmocka_unit_test(a_killed_supervisor_leaves_no_worker),
    };
    int64_t parent;

    if (argc > 2 && strcmp(argv[1], "worker") == 0 && str_to_int(str_of(argv[2]), &parent))
        return (int)worker_run((pid_t)parent, argc > 4);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
