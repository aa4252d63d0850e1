/* message.h: what supervisor and worker say to each other, over a socket pair of packets.
 *
 * A message is a kind, a few numbers, a text and descriptors. Both ends are the same program, so it has no
 * version; what a broken plugin might have sent is checked all the same.
 */
#ifndef WEIR_SUPERVISE_MESSAGE_H
#define WEIR_SUPERVISE_MESSAGE_H

#include "base/buf.h"

enum message_kind {
    /* to a worker */
    MESSAGE_LOAD = 1,   /* descriptors: a snapshot; text: the chain; task: which of its tasks; number:
                           generation. Answer: READY, or it ends with EXIT_CONFIG */
    MESSAGE_QUARANTINE, /* text: lines of quarantined_write(), all that there are; before GO */
    MESSAGE_STATE,      /* descriptor: what the stages of a task before it had saved; before GO */
    MESSAGE_GO,         /* join the group and work */
    MESSAGE_RELOAD,     /* as LOAD, but for text and task; answer: SWAPPED or REFUSED */
    MESSAGE_STOP,       /* drain and end; number 1: give the saved state back, for a successor */

    /* from a worker */
    MESSAGE_READY,    /* loaded, checked, clients made; text: lines of chain_versions() */
    MESSAGE_ASSIGNED, /* number: partitions; once after GO, for measuring a pause */
    MESSAGE_SWAPPED,  /* number: milliseconds; text: as READY */
    MESSAGE_REFUSED,  /* text: why */
    MESSAGE_SAY,      /* text: one line for who waits for the outcome; number: a WEIR_LOG_… level */
    MESSAGE_ENDED /* number: enum task_end; text: why; a descriptor: the saved state, if that was asked for */
};

#define MESSAGE_TEXT_MAX 65536
#define MESSAGE_FDS_MAX 253 /* the kernel's own limit */

struct message {
    enum message_kind kind;
    int64_t number;
    uint32_t task;
    struct weir_str text; /* borrowed */
    const int *fds;       /* sending: stay the sender's; receiving: become the receiver's */
    size_t n_fds;
};

/** A socket pair: [0] for the supervisor, whose sends never wait, [1] for the worker. Both are closed at
 * exec. False: errno. */
bool message_pair(int fds[2]);

/** False: the other end is gone or broken, or (errno is EAGAIN) takes nothing more now; or (EMSGSIZE) the
 * text is longer than MESSAGE_TEXT_MAX. A worker's end waits while the socket is full. Thread: any. */
bool message_send(int fd, const struct message *m);

enum message_got {
    MESSAGE_GOT,
    MESSAGE_NOTHING,
    MESSAGE_GONE /* the other end is closed, or sends what is no message */
};

/** The next one. Text and descriptors are in room until the next call; who does not want the descriptors
 * closes them by message_drop(). */
struct message_room {
    char text[MESSAGE_TEXT_MAX];
    int fds[MESSAGE_FDS_MAX];
};
enum message_got message_receive(int fd, bool wait, struct message_room *room, struct message *m);
void message_drop(const struct message *m);

#endif
