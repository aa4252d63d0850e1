"""Ends of weir under load, wanted and unwanted: nothing is lost, and nothing is repeated where it could say
goodbye. Also what its exit status says."""
import signal

import pytest
from support.feed import Feed
from support.logins import Ended, logins

EVER = {"MAX_MESSAGE_AGE": "10000d"}
EVENTS = logins(300_000, missing=15_000, version=15_000, malformed=1000, no_user=1000)


@pytest.fixture
def run(weir, pipeline):
    def start(**env):
        return weir("run", "-c", pipeline.dir, env={**EVER, **env})

    return start


def host(pipeline, **options):
    """Writes a [host] section into a file of its own."""
    lines = [f"{name} = {value}\n" for name, value in options.items()]
    (pipeline.dir / "host.conf").write_text("[host]\n" + "".join(lines), encoding="utf-8")


def moves_on(client, pipeline, by=1000):
    """Waits until so many more records stand on processed-output."""
    topic = pipeline.topic("processed-output")
    goal = client.end(topic) + by
    client.wait_for(f"{by} more records on {topic}", lambda: client.end(topic) >= goal)


def commits(client, pipeline):
    """Waits until the group has committed more, some records behind what it had."""

    def committed():
        return sum(offset or 0 for offset in client.committed(pipeline.group, pipeline.source).values())

    goal = committed() + 1000
    client.wait_for("a commit", lambda: committed() >= goal)


def test_kill_9_in_mid_stream_loses_nothing(client, broker, pipeline, run):
    host(pipeline, instance="weir-1")  # a static member: back within milliseconds
    pipeline.set("chain user-login", commit_interval="200ms")
    uncommitted = 0
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        for _ in range(5):
            w = run()
            commits(client, pipeline)
            assert w.kill() == -signal.SIGKILL
            uncommitted += client.lag(pipeline.group, pipeline.source)
    w = run()
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    ended = Ended(client, pipeline)
    repeats = ended.check(feed.written)
    print(f"five times kill -9: events={feed.sent} repeats={repeats} uncommitted={uncommitted}")
    assert repeats <= uncommitted
    ended.check_order(client.read(pipeline.source))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_stop_in_mid_stream_neither_loses_nor_repeats(client, broker, pipeline, run, name):
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        for _ in range(4):
            w = run()
            moves_on(client, pipeline)
            w.signal(getattr(signal, name))
            assert w.wait() == 0
            w.wait_for("repeated_elsewhere=0")
    w = run()
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(feed.written)


def test_a_second_sigterm_ends_at_once(client, broker, pipeline, run):
    host(pipeline, instance="weir-1")
    events = logins(5000)
    client.produce(pipeline.source, (e.record() for e in events))
    w = run()
    moves_on(client, pipeline, 1)
    broker.pause()
    try:
        w.signal(signal.SIGTERM)
        w.wait_for("SIGTERM: draining")
        w.signal(signal.SIGTERM)
        assert w.wait(2) == 128 + signal.SIGTERM
        w.wait_for("SIGTERM again: ending at once")
    finally:
        broker.resume()
    w = run()
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check(events)


def test_a_stop_without_brokers_is_bounded_and_says_so(client, broker, pipeline, run):
    host(pipeline, stop_timeout="3s", instance="weir-1")
    pipeline.set("chain user-login", drain_timeout="1s")
    events = logins(5000)
    client.produce(pipeline.source, (e.record() for e in events))
    w = run()
    moves_on(client, pipeline, 1)
    broker.pause()
    try:
        assert w.terminate(timeout=5) in (0, 1)  # 0: all of it was acknowledged before the pause
    finally:
        broker.resume()
    w = run()
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check(events)


def test_a_second_instance_takes_over_and_gives_back_without_loss_or_repeats(client, broker, pipeline, run):
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        first = run()
        moves_on(client, pipeline)
        second = run()
        second.wait_for("partitions assigned: .*now=2")
        first.wait_for("partitions assigned: .*now=2")
        moves_on(client, pipeline, 3000)
        mark = first.mark()
        assert second.terminate() == 0
        first.wait_for("partitions assigned: .*now=4", since=mark)
        moves_on(client, pipeline)
        third = run()
        third.wait_for("partitions assigned: .*now=2")
        moves_on(client, pipeline)
        assert first.terminate() == 0
        third.wait_for("partitions assigned: .*now=4")
        moves_on(client, pipeline)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert third.terminate() == 0
    Ended(client, pipeline).check_once(feed.written)


def test_what_a_dead_instance_had_is_taken_over(client, broker, pipeline, run):
    pipeline.set("chain user-login", **{"consumer.session.timeout.ms": 2000})
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        first = run()
        second = run()
        for w in (first, second):
            w.wait_for("partitions assigned: .*now=2")
        moves_on(client, pipeline)
        mark = first.mark()
        second.kill()
        first.wait_for("partitions assigned: .*now=4", since=mark)
        moves_on(client, pipeline)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert first.terminate() == 0
    Ended(client, pipeline).check(feed.written)


def test_a_broken_configuration_ends_with_78(pipeline, run):
    pipeline.set("stage age", max_aeg="1h")
    w = run()
    assert w.wait() == 78
    w.wait_for(r'user-login\.conf:\d+: .*unknown option "max_aeg" \(did you mean "max_age"\?\)')


def test_a_chain_that_stops_ends_with_70_and_does_not_commit_what_stopped_it(client, pipeline, run):
    pipeline.remove("stage processed-errors")
    pipeline.set("stage summary", every=1)
    good, bad = logins(50, name="good"), logins(1, name="bad", missing=1)
    client.produce(pipeline.source, (e.record(partition=0) for e in good + bad))
    w = run()
    assert w.wait() == 70
    w.wait_for(r"task ended: .*stage.*fields")
    assert (client.committed(pipeline.group, pipeline.source)[0] or 0) <= len(good)
    Ended(client, pipeline).check_once(good)
