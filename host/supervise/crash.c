/* crash.c: see crash.h.
 *
 * In the handler only calls are made that are safe there: open, read, sigaction, tgkill, and backtrace(),
 * which is when it was called once before (the first call loads a library). All signals are blocked
 * meanwhile, so a second crash in the handler ends the process at once; what was noted until then stays. If
 * it should hang (a lock of the dynamic linker), SIGALRM ends it. Returning with the signal pending, and its
 * default meaning back, lets the process die with the registers of the crash, as a core dump wants them.
 *
 * Rejected: libunwind or a walk of frame pointers of our own: plugins are built without them. Symbols are
 * found later, by the supervisor, in a process that may crash over a broken file. */
#include "supervise/crash.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_SIZE ((size_t)128 << 10)
#define GUARD_SIZE ((size_t)64 << 10) /* a page at least, whatever the machine's is */
#define HANG_SECONDS 5

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};

/* A handler has no argument of ours, hence the one pointer of this program that is global. */
static struct ledger_crash *room;
static _Atomic int taken; /* by the first thread that crashes */

/* ---- where */

static uint64_t pc_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return context->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

/* Who made a call that landed nowhere: such a frame has no description to unwind it by. */
static uint64_t caller_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return *(const uint64_t *)(uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return context->uc_mcontext.regs[30];
#else
    (void)context;
    return 0;
#endif
}

/* ---- the executable lines of /proc/self/maps */

/* Keeps the line of `len` bytes at `from` in the text if it is one of code. */
static size_t keep_line(char *text, size_t from, size_t len)
{
    const char *space = memchr(text + from, ' ', len);
    size_t at = space ? (size_t)(space - text) - from : len;

    return at + 3 < len && text[from + at + 3] == 'x' ? len : 0;
}

/* Reads on at the end of what is kept, and closes the gaps as it goes. A line too long for the room is cut.
 */
static void note_maps(void)
{
    size_t kept = 0, have = 0; /* bytes kept, and bytes after them that are not looked at yet */
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    while (fd >= 0 && kept + have < sizeof room->maps) {
        n = read(fd, room->maps + kept + have, sizeof room->maps - kept - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        have += (size_t)n;
        for (const char *end; (end = memchr(room->maps + kept, '\n', have)) != NULL;) {
            size_t len = (size_t)(end - room->maps) + 1 - kept, keep = keep_line(room->maps, kept, len);

            have -= len;
            memmove(room->maps + kept + keep, room->maps + kept + len, have);
            kept += keep;
        }
    }
    if (fd >= 0)
        close(fd);
    room->maps_len = (uint32_t)kept;
}

/* ---- the frames */

/* backtrace() begins with this handler; the frames behind the one where it happened are what is wanted. */
static void note_frames(const ucontext_t *context)
{
    void *frames[LEDGER_FRAMES_MAX];
    int n = backtrace(frames, LEDGER_FRAMES_MAX), first = 0;

    while (first < n && (uint64_t)(uintptr_t)frames[first] != room->frames[0])
        first++;
    for (int i = first + 1; i < n; i++)
        room->frames[i - first] = (uint64_t)(uintptr_t)frames[i];
    if (first + 1 < n) {
        room->n_frames = (uint32_t)(n - first);
    } else {
        room->frames[1] = caller_of(context);
        room->n_frames = 2;
    }
}

/* ---- the handler */

static void die_if_it_hangs(void)
{
    sigset_t alarms;

    sigaction(SIGALRM, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarms, NULL);
    alarm(HANG_SECONDS);
}

static void on_crash(int signal, siginfo_t *info, void *context)
{
    if (atomic_exchange(&taken, 1)) {
        for (;;)
            pause(); /* another thread was first, and ends us all */
    }
    die_if_it_hangs();
    room->signal = signal;
    room->code = info->si_code;
    room->address = (uint64_t)(uintptr_t)info->si_addr;
    room->thread = (int32_t)syscall(SYS_gettid);
    room->frames[0] = pc_of(context);
    room->n_frames = 1;
    note_maps();
    atomic_store(&room->done, 1);
    note_frames(context);
    sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    syscall(SYS_tgkill, getpid(), room->thread, signal);
}

bool crash_catch(struct ledger_crash *to)
{
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    void *frames[4];

    room = to;
    backtrace(frames, 4); /* the first call loads a library */
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        if (sigaction(crashes[i], &action, NULL) < 0)
            return false;
    }
    return true;
}

bool crash_stack(void)
{
    char *at = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = at + GUARD_SIZE, .ss_size = STACK_SIZE};

    if (at == MAP_FAILED)
        return false;
    if (mprotect(at + GUARD_SIZE, STACK_SIZE, PROT_READ | PROT_WRITE) == 0 && sigaltstack(&stack, NULL) == 0)
        return true;
    munmap(at, GUARD_SIZE + STACK_SIZE);
    return false;
}
