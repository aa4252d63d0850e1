"""Sessions that end while nobody has died: the broker was away, or the process stood still, for longer than the
group waits. The member comes back as if nothing had happened, and nothing is lost."""
import signal
import time

import pytest
from support.feed import Feed
from support.logins import Ended, logins
from support.processes import Processes

EVER = {"MAX_MESSAGE_AGE": "10000d"}
EVENTS = logins(300_000)
LOST = "partitions lost: "


@pytest.fixture(params=["static", "dynamic", "exactly-once"])
def run(request, weir, pipeline):
    pipeline.set("chain user-login", **{"consumer.session.timeout.ms": 4000, "commit_interval": "20ms"})
    if request.param == "exactly-once":
        pipeline.set("chain user-login", delivery="exactly-once")
    if request.param != "dynamic":
        pipeline.write("[host]\ninstance = one\n\n" + pipeline.text())

    def start():
        return weir("run", "-c", pipeline.dir, env=EVER)

    return start


def moves_on(client, pipeline, by=1000):
    topic = pipeline.topic("processed-output")
    goal = client.end(topic) + by
    client.wait_for(f"{by} more records on {topic}", lambda: client.end(topic) >= goal)


def disturb(client, broker, pipeline, w, what):
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        w.wait_for("partitions assigned")
        for _ in range(2):
            moves_on(client, pipeline)
            mark = w.mark()
            what()
            w.wait_for("partitions assigned", since=mark, timeout=60)
        moves_on(client, pipeline)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    ended = Ended(client, pipeline)
    repeats = ended.check(feed.written)
    print(f"events={feed.sent} repeats={repeats}")
    ended.check_order(client.read(pipeline.source))


def test_a_member_survives_a_broker_that_was_away_for_longer_than_its_session(client, broker, pipeline, run):
    """A commit is on its way when the broker dies, and librdkafka sends it again under the old membership. Where
    the static member has joined anew before, the broker answers `fenced`. That is no other process."""
    w = run()

    def away():
        mark = w.mark()
        broker.pause()
        time.sleep(0.5)  # many commit intervals: nobody tells that one is on its way
        broker.kill()
        w.wait_for(LOST, since=mark, timeout=15)
        broker.start()

    disturb(client, broker, pipeline, w, away)


def test_a_member_survives_a_broker_that_was_frozen_for_longer_than_its_session(client, broker, pipeline, run):
    """What it asked meanwhile (to join, to commit) is answered all at once when the broker goes on. Until then
    nothing holds up the task: it hears of its lost session while the broker is still frozen."""
    w = run()

    def freeze():
        mark = w.mark()
        broker.pause()
        try:
            w.wait_for(LOST, since=mark, timeout=15)
            time.sleep(7)  # until requests are given up, too, and made again
        finally:
            broker.resume()

    disturb(client, broker, pipeline, w, freeze)


def test_a_member_survives_standing_still_for_longer_than_its_session(client, broker, pipeline, run):
    w = run()
    members = client.admin

    def size():
        return len(members.list_groups(pipeline.group, timeout=10)[0].members)

    def stand_still():
        all_of_it = Processes(w.pid)  # the worker, and the supervisor that would miss it
        all_of_it.signal(signal.SIGSTOP)
        try:
            client.wait_for("the group has no member left", lambda: size() == 0)
        finally:
            all_of_it.signal(signal.SIGCONT)

    disturb(client, broker, pipeline, w, stand_still)


def test_of_two_with_one_instance_one_ends_also_after_a_lost_session(client, broker, pipeline, weir):
    """The first has lost its session, and may take one fence for its own doing: then it fences the second, which
    has lost nothing, and ends."""
    pipeline.set("chain user-login", **{"consumer.session.timeout.ms": 4000, "commit_interval": "20ms"})
    pipeline.write("[host]\ninstance = one\n\n" + pipeline.text())
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        first = weir("run", "-c", pipeline.dir, env=EVER)
        first.wait_for("partitions assigned")
        moves_on(client, pipeline)
        broker.pause()
        try:
            first.wait_for(LOST, timeout=15)
            second = weir("run", "-c", pipeline.dir, env=EVER)
            second.wait_for("delivery: mode=")
        finally:
            broker.resume()
        client.wait_for("one of them has ended", lambda: not (first.running() and second.running()))
        ended, left = (second, first) if first.running() else (first, second)
        assert ended.wait() == 70
        assert "another process has joined group" in ended.stderr
        moves_on(client, pipeline)
        assert left.running()
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert left.terminate() == 0
    Ended(client, pipeline).check(feed.written)
