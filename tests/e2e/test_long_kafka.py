"""What takes longer: many deaths in a row, and outputs that stand still before a large backlog."""
import os
import random
import signal
import time
from dataclasses import replace

import pytest
from support.feed import Feed
from support.logins import Ended, logins
from support.memory import Watch

EVER = {"MAX_MESSAGE_AGE": "10000d"}
FROZEN = 60  # seconds
# Beside `memory`: what weir, its plugins and librdkafka take whatever the bound; and what a small record in flight
# costs beyond what is counted for it.
REST_MIB = 128


@pytest.fixture
def run(weir, pipeline):
    def start(**env):
        return weir("run", "-c", pipeline.dir, env={**EVER, **env})

    return start


def moves_on(client, pipeline, by):
    topic = pipeline.topic("processed-output")
    goal = client.end(topic) + by
    client.wait_for(f"{by} more records on {topic}", lambda: client.end(topic) >= goal, timeout=120)


def test_twenty_deaths_at_odd_moments_lose_nothing(client, broker, pipeline, run):
    chance = random.Random(7)
    pipeline.set("chain user-login", **{"consumer.session.timeout.ms": 2000, "commit_interval": "100ms"})
    events = logins(2_000_000, missing=100_000, version=100_000)
    with Feed(broker.address, pipeline.source, events, pause=0.02) as feed:
        for _ in range(20):
            w = run()
            moves_on(client, pipeline, chance.choice((1, 100, 2000)))
            assert w.kill() == -signal.SIGKILL
    w = run()
    client.wait_until_committed(pipeline.group, pipeline.source, timeout=120)
    assert w.terminate() == 0
    ended = Ended(client, pipeline)
    print(f"twenty times kill -9: events={feed.sent} repeats={ended.check(feed.written)}")
    ended.check_order(client.read(pipeline.source))


def padded(event, size):
    """The same event, so much larger."""
    more = b', "padding": "' + b"x" * size + b'"}'
    return replace(event, value=event.value[:-1] + more, masked=event.masked[:-1] + more)


@pytest.mark.parametrize(("memory", "size"), [(1, None), (64, None), (64, 20_000)])
def test_a_minute_before_a_frozen_broker_and_a_backlog_keeps_memory_bounded(client, broker, pipeline, run, memory, size):
    pipeline.set("chain user-login", memory=f"{memory}MiB", commit_interval="500ms")
    events = [padded(e, size) for e in logins(8000)] if size else logins(200_000, missing=10_000)
    client.produce(pipeline.source, (e.record() for e in events))
    w = run()
    with Watch(w.pid) as watch:
        moves_on(client, pipeline, 1)
        mark = w.mark()
        broker.pause()
        try:
            begin = time.monotonic()
            w.wait_for("sends are not acknowledged|partitions lost", since=mark, timeout=60)
            time.sleep(max(0, begin + FROZEN - time.monotonic()))  # the time itself is what is tested
        finally:
            broker.resume()
        moves_on(client, pipeline, 1)
        client.wait_until_committed(pipeline.group, pipeline.source, timeout=180)
    most = watch.most / 1024
    print(f"frozen for {FROZEN} s: memory={memory}MiB padding={size} most_rss_mib={most:.1f}")
    assert w.terminate() == 0
    Ended(client, pipeline).check(events)
    if "san" not in os.environ.get("WEIR_BIN", ""):
        assert most < memory + REST_MIB


def test_weir_catches_up_after_ten_restarts_of_the_broker(client, broker, pipeline, run):
    events = logins(2_000_000, missing=100_000)
    w = run()
    with Feed(broker.address, pipeline.source, events, pause=0.02) as feed:
        w.wait_for("partitions assigned")
        for n in range(10):
            moves_on(client, pipeline, 500)
            if n % 2:
                broker.restart()
            else:
                broker.kill()
                broker.start()
        moves_on(client, pipeline, 500)
    client.wait_until_committed(pipeline.group, pipeline.source, timeout=120)
    assert w.terminate() == 0
    ended = Ended(client, pipeline)
    print(f"ten restarts: events={feed.sent} repeats={ended.check(feed.written)}")
    ended.check_order(client.read(pipeline.source))
