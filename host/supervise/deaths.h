/* deaths.h: what a chain does about the deaths of its workers: start anew, keep a record from a stage, or
 * give up.
 *
 * Pure bookkeeping: it starts nothing, reads no clock, and is asked once a death. A death that one call with
 * one record explains is pinned to that record; the second of the same record in the same stage quarantines
 * it there. The same stage with `limit` different records within the window is a bad plugin, and as many
 * deaths that nothing explains are a bad worker: both are the end of the chain. A death that somebody else
 * willed (SIGKILL from outside) only slows the start down.
 *
 * Thread: one at a time.
 */
#ifndef WEIR_SUPERVISE_DEATHS_H
#define WEIR_SUPERVISE_DEATHS_H

#include "base/buf.h"
#include "chain/note.h"
#include "chain/quarantine.h"

struct deaths;

enum death_how {
    DEATH_SIGNAL, /* of its own: a crash, an abort; number: the signal */
    DEATH_EXIT,   /* number: the status */
    DEATH_HANG,   /* a call did not come back, and the supervisor ended it; waited_ms */
    DEATH_KILLED, /* by SIGKILL from outside, the kernel's for want of memory included */
    DEATH_STOPPED /* it was stopped (SIGSTOP) and did not move, and the supervisor ended it; waited_ms */
};

struct death {
    enum death_how how;
    int number;
    int64_t waited_ms;
    enum note_call call;   /* NOTE_NONE: in none */
    struct weir_str stage; /* by name; absent: in none, or it is not known */
    int32_t partition;     /* of the record, or NOTE_NO_RECORD */
    int64_t offset;
    bool emitted;
    bool pinned;     /* call, stage and record explain it; of use with NOTE_PROCESS and a record only */
    bool offered;    /* it was a stage of the generation that a reload had offered */
    int64_t wall_ms; /* when, as Unix milliseconds; for people and for the file */
};

/** What to do now. */
enum deaths_verdict {
    DEATHS_RESTART,
    DEATHS_QUARANTINED, /* restart, with this record in quarantine at this stage from now on */
    DEATHS_FAILED       /* the chain is over until somebody does something about it */
};

struct deaths_answer {
    enum deaths_verdict verdict;
    int64_t delay_ms; /* before the restart; 0: at once */
    const char *why;  /* DEATHS_FAILED: a sentence for people; lives until the next call. Else NULL */
};

#define DEATHS_QUARANTINED_MAX 400 /* their lines fit in one message (MESSAGE_TEXT_MAX) */
#define DEATHS_REASON_MAX 60       /* bytes */

/** limit: as in [host] crash_limit. NULL: no memory. */
struct deaths *deaths_new(size_t limit, int64_t window_ms);
void deaths_destroy(struct deaths *deaths);

/** Other limits from now on, as a reload may want. */
void deaths_set_limits(struct deaths *deaths, size_t limit, int64_t window_ms);

/** now_ms: of a clock that never goes back. */
struct deaths_answer deaths_note(struct deaths *deaths, const struct death *death, int64_t now_ms);

/** A worker has lived that long: before the note of its death, or at any time. A minute resets the back-off.
 */
void deaths_lived(struct deaths *deaths, int64_t ms);

/** Forgets what was counted, as where other code takes over; what is in quarantine stays there. */
void deaths_forgive(struct deaths *deaths);

/** What is in quarantine, the oldest first. Lives until the next call that changes it. */
const struct quarantined *deaths_quarantined(const struct deaths *deaths, size_t *count);
/** Since when, for the item of this index. Units: Unix milliseconds. */
int64_t deaths_quarantined_since(const struct deaths *deaths, size_t index);

/** "SIGSEGV", "exit status 0", "no answer within 30s", …: how it died. Returns text. */
const char *death_text(const struct death *death, char text[64]);

/** One line "partition offset emitted stage reason", with its newline, for MESSAGE_QUARANTINE and the file.
 */
void quarantined_write(struct buf *to, const struct quarantined *item);
/** From such a line, without its newline. Borrows from it. False: it is none. */
bool quarantined_read(struct weir_str line, struct quarantined *out);

/** Puts an item in quarantine as if it had been learnt then. False: it is there already, or its line would be
 *  none. Where there are too many, the oldest gives way. */
bool deaths_keep(struct deaths *deaths, const struct quarantined *item, int64_t since_ms);

/** deaths_file.c: keeps what is in quarantine in a file, all or nothing. about: one line that says what the
 *  coordinates are of (chain and topic). False: errno says why; the file is the old one, or
 *  the new one whole. */
bool deaths_save(const struct deaths *deaths, const char *path, const char *about);

/** deaths_file.c: adds what such a file has. Left out, and logged: a file that cannot be read or is about
 *  something else, and lines that are damaged. Left out silently: what is older than a week. No file is an
 *  empty one. */
void deaths_load(struct deaths *deaths, const char *path, const char *about, int64_t wall_ms);

#endif
