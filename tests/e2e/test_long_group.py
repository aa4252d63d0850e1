"""A group that changes while records flow: processes that are restarted in turn, a topic that gets one more
partition; and the consumer protocol of KIP-848, where librdkafka has it."""
import re

import confluent_kafka
import pytest
from confluent_kafka.admin import NewPartitions
from support.feed import Feed
from support.kafka import Client
from support.logins import Ended, logins
from support.pipeline import Pipeline

EVER = {"MAX_MESSAGE_AGE": "10000d"}
EVENTS = logins(300_000, missing=15_000, version=15_000)
DELIVERIES = ["at-least-once", "exactly-once"]


@pytest.fixture
def run(weir, pipeline):
    """run("one") starts a static member of that name."""
    hosts = pipeline.dir / "host.conf"

    def start(instance):
        hosts.write_text(f"[host]\ninstance = {instance}\n", encoding="utf-8")
        w = weir("run", "-c", pipeline.dir, env=EVER)
        w.wait_for("delivery: mode=")
        return w

    return start


def moves_on(client, pipeline, by=1000):
    topic = pipeline.topic("processed-output")
    goal = client.end(topic) + by
    client.wait_for(f"{by} more records on {topic}", lambda: client.end(topic) >= goal)


def check(client, pipeline, events, delivery):
    """Nothing is lost or repeated, and the order is kept, in both modes: nobody died."""
    ended = Ended(client, pipeline)
    ended.check_once(events)
    ended.check_order(client.read(pipeline.source))
    print(f"delivery={delivery} events={len(events)} repeats=0")


def assignments(w):
    """What its log says about partitions that came or went."""
    return re.findall(r"partitions (?:assigned|revoked|lost).*", w.stderr)


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_rolling_restart_of_static_members_moves_nothing(client, broker, pipeline, run, delivery):
    pipeline.set("chain user-login", delivery=delivery)
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        fleet = {name: run(name) for name in ("one", "two")}
        for w in fleet.values():
            w.wait_for("partitions assigned: .*now=2")
        for name in ("one", "two", "one"):
            stays = fleet["two" if name == "one" else "one"]
            before = assignments(stays)
            moves_on(client, pipeline)
            assert fleet[name].terminate() == 0
            fleet[name] = run(name)
            fleet[name].wait_for("partitions assigned: added=2 now=2")
            moves_on(client, pipeline)
            assert assignments(stays) == before
    client.wait_until_committed(pipeline.group, pipeline.source)
    for w in fleet.values():
        assert w.terminate() == 0
    check(client, pipeline, feed.written, delivery)


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_records_of_a_partition_added_meanwhile_are_processed(client, broker, pipeline, run, delivery):
    pipeline.set("chain user-login", delivery=delivery)
    pipeline.set("kafka", **{"topic.metadata.refresh.interval.ms": 1000})  # how soon it is seen: 5 min by default
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        w = run("one")
        moves_on(client, pipeline)
        for future in client.admin.create_partitions([NewPartitions(pipeline.source, 5)]).values():
            future.result()
        more = logins(2000, seed=2, name="added")
        client.produce(pipeline.source, (e.record(partition=4) for e in more))
        w.wait_for("partitions assigned: .*now=5")
        moves_on(client, pipeline)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert client.committed(pipeline.group, pipeline.source)[4] >= len(more)
    assert w.terminate() == 0
    check(client, pipeline, feed.written + more, delivery)


HAS_KIP_848 = confluent_kafka.libversion()[1] >= 0x020C00FF


def test_the_consumer_protocol_works_or_is_refused(own_broker, weir, weir_call, tmp_path):
    """A static member that was killed holds its place for as long as its session lasts: its successor waits."""
    broker = own_broker(
        group_consumer_min_heartbeat_interval_ms=1000, group_consumer_heartbeat_interval_ms=1000,
        group_consumer_min_session_timeout_ms=6000, group_consumer_session_timeout_ms=6000,
    )  # fmt: skip
    client = Client(broker.address)
    pipeline = Pipeline(tmp_path / "conf.d", "")
    pipeline.create(client)
    pipeline.set("chain user-login", **{"consumer.group.protocol": "consumer"})
    (pipeline.dir / "host.conf").write_text("[host]\ninstance = one\n", encoding="utf-8")
    env = {**EVER, "KAFKA_BOOTSTRAP_SERVERS": broker.address}
    if not HAS_KIP_848:
        done = weir_call("check", "-c", pipeline.dir, env=env)
        assert done.returncode == 78
        assert b"group.protocol: the consumer protocol is not finished before librdkafka 2.12" in done.stderr
        return
    events = logins(20_000, missing=1000, version=1000)
    client.produce(pipeline.source, (e.record() for e in events[:10_000]))
    w = weir("run", "-c", pipeline.dir, env=env)
    client.wait_until_committed(pipeline.group, pipeline.source)
    w.kill()
    client.produce(pipeline.source, (e.record() for e in events[10_000:]))
    w = weir("run", "-c", pipeline.dir, env=env)
    w.wait_for("waiting: the group has another member of this instance")
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.stderr.count("waiting: the group has") == w.stderr.count("partitions assigned") == 1
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)
    client.close()
