"""What takes longer: many deaths in a row, and outputs that stand still before a large backlog."""
import os
import random
import re
import signal
from pathlib import Path

import pytest
from support.feed import Feed
from support.logins import Ended, logins

EVER = {"MAX_MESSAGE_AGE": "10000d"}


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


def peak_kib(w):
    status = Path(f"/proc/{w.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1))


def test_memory_stays_bounded_while_brokers_stand_still_before_a_backlog(client, broker, pipeline, run):
    pipeline.set("chain user-login", memory="1MiB", commit_interval="500ms")
    events = logins(200_000, missing=10_000)
    client.produce(pipeline.source, (e.record() for e in events))
    w = run()
    moves_on(client, pipeline, 1)
    before = peak_kib(w)
    for _ in range(2):
        mark = w.mark()
        broker.pause()
        try:
            w.wait_for("sends are not acknowledged|partitions lost", since=mark, timeout=60)
        finally:
            broker.resume()
        moves_on(client, pipeline, 1)
    client.wait_until_committed(pipeline.group, pipeline.source, timeout=180)
    after = peak_kib(w)
    print(f"VmHWM KiB: at first={before} in the end={after}")
    assert w.terminate() == 0
    Ended(client, pipeline).check(events)
    if "san" not in os.environ.get("WEIR_BIN", ""):
        assert after < 64 * 1024


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
