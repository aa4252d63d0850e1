"""Three brokers, and the one that leads what weir reads, writes or commits to is killed, again and again, under
load. Everything is on all three, and two must have what is acknowledged, so nothing may be lost; and weir itself
never ends, so nothing may be repeated without a cause that its log names."""
import re
import time

import pytest
from support.cluster import Cluster
from support.feed import Feed
from support.logins import Ended, logins

EVENTS = logins(600_000, missing=30_000, version=30_000)
KILLS = ("user-login", "processed-output", "__consumer_offsets", "processed-errors", "__transaction_state",
         "user-login")  # fmt: skip
CAUSES = "partitions lost|the producer failed, opening a new one"


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("kafka"))
    yield cluster
    cluster.kill()


def moves_on(client, pipeline, by=1000):
    topic = pipeline.topic("processed-output")
    goal = client.end(topic) + by
    client.wait_for(f"{by} more records on {topic}", lambda: client.end(topic) >= goal, timeout=120)


def kill_leaders(client, cluster, pipeline):
    for name in KILLS:
        topic = name if name.startswith("__") else pipeline.topic(name)
        if topic not in cluster.topics(client):  # no transactions in at-least-once
            continue
        cluster.wait_until_in_sync(client)
        victim = cluster.nodes[cluster.leader(client, topic)]
        victim.kill()
        moves_on(client, pipeline)  # without it
        victim.start()
        moves_on(client, pipeline)


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_killed_leaders_cost_no_record(client, broker, pipeline, weir, delivery):
    pipeline.set("chain user-login", delivery=delivery)
    pipeline.write("[host]\ninstance = one\n\n" + pipeline.text())
    w = weir("run", "-c", pipeline.dir, env={"MAX_MESSAGE_AGE": "10000d"})
    w.wait_for("partitions assigned")
    with Feed(broker.address, pipeline.source, EVENTS, pause=0.03) as feed:
        moves_on(client, pipeline)
        kill_leaders(client, broker, pipeline)
    client.wait_until_committed(pipeline.group, pipeline.source, timeout=120)
    assert w.terminate() == 0
    ended = Ended(client, pipeline)
    if delivery == "exactly-once":
        ended.check_once(feed.written)
        repeats = 0
    else:
        repeats = ended.check(feed.written)
        assert repeats == 0 or re.search(CAUSES, w.stderr), f"{repeats} repeats that the log does not explain"
    ended.check_order(client.read(pipeline.source))
    print(f"leaders killed: delivery={delivery} events={feed.sent} repeats={repeats}")


def test_weir_stops_in_time_while_a_leader_is_gone(client, broker, pipeline, weir):
    """In the moment of its death, with much to read: what weir asked it then must not keep weir from ending."""
    pipeline.set("chain user-login", memory="4MiB")  # a small prefetch is refilled, and asked for, often
    padding = b', "padding": "' + b"x" * 4000 + b'"}'
    client.produce(pipeline.source, (e.value[:-1] + padding for e in EVENTS[:20_000]))
    w = weir("run", "-c", pipeline.dir, env={"MAX_MESSAGE_AGE": "10000d"})
    moves_on(client, pipeline)
    victim = broker.nodes[broker.leader(client, pipeline.source)]
    victim.kill()
    try:
        time.sleep(1)  # so long it takes the others to know; what is asked meanwhile goes to the dead
        assert w.terminate(timeout=60) in (0, 1)  # 1: what was in flight needed longer than drain_timeout
        assert "stop_timeout is over" not in w.stderr
    finally:
        victim.start()
