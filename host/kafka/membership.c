/* membership.c: see membership.h.
 *
 * A static member is known to the brokers by its `instance`, and by a member id that they give it when it
 * joins. Who joins under an `instance` that is taken gets a new id and fences the old one: of two processes
 * with one name, one ends. But a process also gets a new id when its session has ended while brokers were
 * away, and something that it sent under the old one (a commit that librdkafka sends once more, a join that
 * a frozen broker reads late) may reach the broker behind the new one. The answer is `fenced`, librdkafka's
 * client is finished, and there is no other process.
 *
 * The rule: a fence that comes after a lost membership, and within LATE_MS of the assignment that followed
 * it, is our own doing. All that is late is on its way to the same broker as the join, so it is answered
 * within moments of it. Each loss forgives one fence. Where a second process has come just then, the mistake
 * costs one round: we join again and fence it, and it, having lost nothing, ends.
 *
 * Rejected: that the first good commit clears us. It proves that the new id is good, not that nothing of the
 * old one is left (a broker's connections are read in any order), and a quiet topic has nothing to commit for
 * days, in which a second process would be taken for ourselves. */
#include "kafka/membership.h"

#define LATE_MS 30000

void membership_lost(struct membership *m)
{
    m->suspect_until = INT64_MAX;
}

void membership_assigned(struct membership *m, int64_t now)
{
    if (m->suspect_until == INT64_MAX)
        m->suspect_until = now + LATE_MS;
}

bool membership_forgives(struct membership *m, int64_t now)
{
    bool forgives = now < m->suspect_until;

    m->suspect_until = 0;
    return forgives;
}
