/* test_ledger.c: the memory that a worker leaves behind.
 *
 * Labels: unit, threads
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/ledger.h"

static void what_a_process_wrote_is_there_after_its_death(void **state)
{
    struct ledger_report report;
    struct ledger *ledger;
    int fd, status;
    pid_t pid;

    (void)state;
    ledger = ledger_new(&fd);
    assert_non_null(ledger);
    assert_false(ledger_read_report(ledger, &report));
    pid = fork();
    if (pid == 0) {
        struct ledger *mine = ledger_map(fd);

        ledger_write_report(mine, &(struct ledger_report){.taken = 42, .lag = -1, .paused = 1});
        note_record(&mine->task, 3, 77, true);
        note_begin(&mine->task, NOTE_PROCESS, 5);
        _exit(9);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(ledger_read_report(ledger, &report));
    assert_int_equal(report.taken, 42);
    assert_int_equal(report.lag, -1);
    assert_int_equal(report.paused, 1);
    assert_int_equal(atomic_load(&ledger->task.count) % 2, 1);
    assert_int_equal(ledger->task.call, NOTE_PROCESS);
    assert_int_equal(ledger->task.stage, 5);
    assert_int_equal(ledger->task.partition, 3);
    assert_int_equal(ledger->task.offset, 77);
    assert_int_equal(ledger->task.emitted, 1);
    ledger_clear(ledger);
    assert_int_equal(atomic_load(&ledger->task.count), 0);
    assert_false(ledger_read_report(ledger, &report));
    ledger_unmap(ledger);
    close(fd);
}

static void its_size_cannot_be_changed(void **state)
{
    struct ledger *ledger;
    int fd;

    (void)state;
    ledger = ledger_new(&fd);
    assert_non_null(ledger);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    ledger_unmap(ledger);
    close(fd);
}

static void what_is_no_ledger_is_refused(void **state)
{
    int unsealed = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int small = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const struct {
        const char *name;
        int fd;
    } rows[] = {{"nothing", -1}, {"another size", small}, {"one that may change its size", unsealed}};

    (void)state;
    assert_int_equal(ftruncate(unsealed, sizeof(struct ledger)), 0);
    assert_int_equal(fcntl(small, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("  %s\n", rows[i].name);
        assert_null(ledger_map(rows[i].fd));
    }
    close(unsealed);
    close(small);
}

static atomic_bool over;

/* Each report's numbers and counts are of one n, its counts of a length of their own. */
static void *write_reports(void *ledger)
{
    for (uint64_t n = 1; !atomic_load(&over); n++) {
        struct ledger_report r = {
            .generation = n, .taken = n, .lag = (int64_t)n, .sends = n, .assigned = (uint32_t)n};

        r.counts_len = (uint16_t)(n % 100);
        memset(r.counts, (int)(n % 251), r.counts_len);
        ledger_write_report(ledger, &r);
    }
    return NULL;
}

static bool is_whole(const struct ledger_report *r)
{
    uint64_t n = r->generation;

    for (size_t i = 0; i < n % 100; i++)
        if ((uint8_t)r->counts[i] != n % 251)
            return false;
    return r->taken == n && (uint64_t)r->lag == n && r->sends == n && r->assigned == (uint32_t)n &&
           r->counts_len == n % 100;
}

static void a_report_is_read_whole_or_not_at_all(void **state)
{
    struct ledger *ledger;
    struct ledger_report r;
    pthread_t thread;
    int fd, seen = 0;
    bool whole = true;

    (void)state;
    ledger = ledger_new(&fd);
    assert_non_null(ledger);
    assert_int_equal(pthread_create(&thread, NULL, write_reports, ledger), 0);
    while (whole && seen < 20000) {
        if (!ledger_read_report(ledger, &r))
            continue;
        seen++;
        whole = is_whole(&r);
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    assert_true(whole);
    ledger_unmap(ledger);
    close(fd);
}

static void a_report_that_was_never_finished_is_none(void **state)
{
    struct ledger *ledger;
    struct ledger_report report;
    int fd;

    (void)state;
    ledger = ledger_new(&fd);
    assert_non_null(ledger);
    ledger_write_report(ledger, &(struct ledger_report){.taken = 1});
    assert_true(ledger_read_report(ledger, &report));
    atomic_fetch_add(&ledger->report_version, 1); /* killed in the middle of the next one */
    assert_false(ledger_read_report(ledger, &report));
    ledger_unmap(ledger);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_process_wrote_is_there_after_its_death),
        cmocka_unit_test(its_size_cannot_be_changed),
        cmocka_unit_test(what_is_no_ledger_is_refused),
        cmocka_unit_test(a_report_is_read_whole_or_not_at_all),
        cmocka_unit_test(a_report_that_was_never_finished_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
