/* ledger.c: see ledger.h.
 *
 * The file is sealed at its size: a worker that truncated it would otherwise take its supervisor down with
 * SIGBUS. The report is guarded by a counter that is odd while it is written (a seqlock): the worker never
 * waits, and a worker that dies in the middle locks nobody out. Its words are copied as atomics, each ordered
 * after the one before, which needs no fence, and only as many as the counts take. Rejected: a pipe for
 * reports, which fills up while nobody reads. */
#include "supervise/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define WORDS (sizeof(struct ledger_report) / sizeof(uint64_t))
#define WORDS_BEFORE_COUNTS (offsetof(struct ledger_report, counts) / sizeof(uint64_t))
#define READS 100

_Static_assert(sizeof(struct ledger_report) % sizeof(uint64_t) == 0, "the report is copied in words");
_Static_assert(offsetof(struct ledger_report, counts) % sizeof(uint64_t) == 0,
               "and its counts after the rest");

struct ledger *ledger_map(int fd)
{
    struct stat st;
    void *at;

    if (fstat(fd, &st) < 0)
        return NULL;
    if (st.st_size != (off_t)sizeof(struct ledger) || fcntl(fd, F_GET_SEALS) != SEALS) {
        errno = EINVAL;
        return NULL;
    }
    at = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? NULL : at;
}

struct ledger *ledger_new(int *fd)
{
    struct ledger *ledger = NULL;

    *fd = memfd_create("weir-ledger", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0)
        return NULL;
    if (ftruncate(*fd, sizeof(struct ledger)) == 0 && fcntl(*fd, F_ADD_SEALS, SEALS) == 0)
        ledger = ledger_map(*fd);
    if (!ledger) {
        int error = errno;

        close(*fd);
        *fd = -1;
        errno = error;
    }
    return ledger;
}

void ledger_unmap(struct ledger *ledger)
{
    if (ledger)
        munmap(ledger, sizeof *ledger);
}

void ledger_clear(struct ledger *ledger)
{
    memset(ledger, 0, sizeof *ledger);
}

const struct note *ledger_open_note(const struct ledger *ledger)
{
    if (atomic_load(&ledger->task.count) % 2)
        return &ledger->task;
    if (atomic_load(&ledger->load.count) % 2)
        return &ledger->load;
    return NULL;
}

/* How many words are in use with so many bytes of counts, a length that is not trusted. */
static size_t words_with(size_t counts_len)
{
    size_t len = counts_len < LEDGER_COUNTS_MAX ? counts_len : LEDGER_COUNTS_MAX;

    return WORDS_BEFORE_COUNTS + (len + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

void ledger_write_report(struct ledger *ledger, const struct ledger_report *report)
{
    uint32_t version = atomic_load_explicit(&ledger->report_version, memory_order_relaxed) | 1;
    uint64_t words[WORDS], *to = (uint64_t *)&ledger->report;
    size_t n_words = words_with(report->counts_len);

    memcpy(words, report, n_words * sizeof *words);
    atomic_store_explicit(&ledger->report_version, version, memory_order_relaxed);
    for (size_t i = 0; i < n_words; i++)
        __atomic_store_n(&to[i], words[i], __ATOMIC_RELEASE);
    atomic_store_explicit(&ledger->report_version, version + 1, memory_order_release);
}

static void load_words(uint64_t *words, const uint64_t *from, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        words[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
}

bool ledger_read_report(const struct ledger *ledger, struct ledger_report *out)
{
    const uint64_t *from = (const uint64_t *)&ledger->report;
    uint64_t words[WORDS];
    uint16_t counts_len;
    size_t n_words;

    for (int n = 0; n < READS; n++) {
        uint32_t version = atomic_load_explicit(&ledger->report_version, memory_order_acquire);

        if (version == 0)
            return false;
        load_words(words, from, 0, WORDS_BEFORE_COUNTS);
        memcpy(&counts_len, (char *)words + offsetof(struct ledger_report, counts_len), sizeof counts_len);
        n_words = words_with(counts_len);
        load_words(words, from, WORDS_BEFORE_COUNTS, n_words);
        if (version % 2 == 0 &&
            atomic_load_explicit(&ledger->report_version, memory_order_relaxed) == version) {
            memcpy(out, words, n_words * sizeof *words);
            return true;
        }
    }
    return false;
}
