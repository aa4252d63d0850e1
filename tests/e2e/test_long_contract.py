"""Rows of docs/delivery.md that no other file shows: what an operator did to topics, groups and ids, and a log that
cannot be written. Each has a message that says what to do."""
import json
import os
import signal
import subprocess

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from support.feed import Feed
from support.kafka import Broker
from support.logins import Ended, logins
from support.weir import binary, environment

EVER = {"MAX_MESSAGE_AGE": "10000d"}
OLD = 1_700_000_000_000
EVENTS = logins(300_000, missing=15_000, version=15_000)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    b = Broker(tmp_path_factory.mktemp("kafka"), log_retention_check_interval_ms=500,
               log_initial_task_delay_ms=500)
    yield b
    b.kill()


@pytest.fixture
def run(weir, pipeline):
    def start(**env):
        return weir("run", "-c", pipeline.dir, env={**EVER, **env})

    return start


MODES = ["dynamic", "static", "exactly-once"]


def choose(pipeline, mode):
    if mode != "dynamic":
        (pipeline.dir / "host.conf").write_text("[host]\ninstance = one\n", encoding="utf-8")
    if mode == "exactly-once":
        pipeline.set("chain user-login", delivery="exactly-once")


def moves_on(client, pipeline, by=1000):
    topic = pipeline.topic("processed-output")
    goal = client.end(topic) + by
    client.wait_for(f"{by} more records on {topic}", lambda: client.end(topic) >= goal)


def finish(client, pipeline, w, timeout=60):
    client.wait_until_committed(pipeline.group, pipeline.source, timeout)
    assert w.terminate() == 0


# ---- the source topic


@pytest.mark.parametrize("mode", ["dynamic", "exactly-once"])
def test_what_retention_took_while_weir_was_down_is_said_and_nothing_is_skipped(client, pipeline, run, mode):
    choose(pipeline, mode)
    first, taken, left = logins(400, name="first"), logins(400, name="taken"), logins(400, name="left")
    client.produce(pipeline.source, (e.record(timestamp=OLD) for e in first))
    finish(client, pipeline, run())
    committed = client.committed(pipeline.group, pipeline.source)

    client.produce(pipeline.source, (e.record(timestamp=OLD) for e in taken))
    ends = client.ends(pipeline.source)
    client.alter_topic(pipeline.source, retention_ms=3_600_000)
    client.wait_for("retention has passed", lambda: begins(client, pipeline.source) == ends)
    client.produce(pipeline.source, (e.record() for e in left))

    w = run()
    assert w.wait() == 70
    w.wait_for(r"task ended: offset \d+ of topic .*user-login, partition \d, is no longer there \(it has \d+ to \d+\): "
               "records are lost; set on_lost_offset = earliest or latest")  # fmt: skip
    assert client.committed(pipeline.group, pipeline.source) == committed

    pipeline.set("chain user-login", on_lost_offset="earliest")
    w = run()
    w.wait_for("offset is no longer there, going on: topic=.* partition=3 from=.* to=")
    finish(client, pipeline, w)
    Ended(client, pipeline).check_once(first + left)


def begins(client, topic):
    asker = client.asker("reader-of-the-tests")
    try:
        return {p: asker.get_watermark_offsets(TopicPartition(topic, p), timeout=20)[0] for p in range(4)}
    finally:
        asker.close()


def make_anew(client, topic, partitions):
    client.delete_topics(topic)
    client.create_topics(topic, partitions=partitions)
    client.close()  # its producer would go on with as many as before


@pytest.mark.parametrize("mode", MODES)
def test_a_source_made_anew_with_fewer_partitions_while_weir_was_down_is_read_from_its_start(
    client, pipeline, run, mode
):
    """The brokers forget a topic's committed offsets with the topic. They keep what a static member had assigned
    until its session is over, partitions that are no more included: weir then ends, and says what to do."""
    choose(pipeline, mode)
    before, after = logins(400, name="before"), logins(40, name="after")
    client.produce(pipeline.source, (e.record() for e in before))
    finish(client, pipeline, run())
    make_anew(client, pipeline.source, partitions=2)
    client.produce(pipeline.source, (e.record() for e in after))
    if mode != "dynamic":
        w = run()
        assert w.wait(90) == 70
        w.wait_for("task ended: group .* still shares out partitions that source topic .* does not have .*: stop all")
        client.wait_for("the session is over", lambda: not members(client, pipeline.group))
    w = run()
    w.wait_for("partitions assigned: added=2 now=2")
    finish(client, pipeline, w)
    Ended(client, pipeline).check_once(before + after)


def members(client, group):
    return client.admin.list_groups(group, timeout=10)[0].members


@pytest.mark.parametrize("mode", MODES)
def test_a_source_deleted_while_it_is_read_is_said_and_a_new_one_is_read_from_its_start(client, pipeline, run, mode):
    """librdkafka 2.0.2 cannot take leave of partitions that are gone, hence SIGKILL. It tells of it in a notice
    only, which is heard also where the log is to have none of them."""
    choose(pipeline, mode)
    pipeline.set("kafka", log_level=3)
    before, after = logins(400, name="before"), logins(4000, name="after")
    client.produce(pipeline.source, (e.record() for e in before))
    w = run()
    client.wait_until_committed(pipeline.group, pipeline.source)
    client.delete_topics(pipeline.source)
    w.wait_for("error .*a topic was deleted while it was in use, or made anew with fewer partitions: stop weir, see that")
    w.kill()
    client.wait_for("the session is over", lambda: not members(client, pipeline.group))
    client.create_topics(pipeline.source, partitions=2)
    client.close()
    client.produce(pipeline.source, (e.record() for e in after))
    finish(client, pipeline, run())
    Ended(client, pipeline).check_once(before + after)


# ---- an output topic


@pytest.mark.parametrize("mode", MODES)
def test_an_output_deleted_while_weir_runs_ends_it_and_nothing_is_lost(client, broker, pipeline, run, mode):
    choose(pipeline, mode)
    pipeline.set("kafka", **{"topic.metadata.propagation.max.ms": 2000})
    pipeline.set("chain user-login", **{"producer.transaction.timeout.ms": 10_000})  # an abort waits for half of it
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        w = run()
        moves_on(client, pipeline)
        client.delete_topics(pipeline.topic("cleaned-data"))
        assert w.wait(90) == 70
        w.wait_for('task ended: stage "cleaned-data": .* (does not exist: create it|does not have that partition: '
                   "was it deleted)")  # fmt: skip
    client.create_topics(pipeline.topic("cleaned-data"))
    finish(client, pipeline, run())
    ended = Ended(client, pipeline)
    kept = [e for e in feed.written if e.kind != "version"]  # what stood on the topic went with it
    ended.by_key = {key: found for key, found in ended.by_key.items() if found[0][0] != "cleaned-data"}
    repeats = ended.check(kept)
    assert mode != "exactly-once" or repeats == 0


# ---- the group, the transactional id


def test_a_group_that_others_use_with_another_protocol_is_said(client, pipeline, run):
    other = Consumer({"bootstrap.servers": client.address, "group.id": pipeline.group,
                      "partition.assignment.strategy": "cooperative-sticky"})  # fmt: skip
    assigned = []
    other.subscribe([pipeline.source], on_assign=lambda c, p: assigned.extend(p))
    try:
        client.wait_for("the other is in the group", lambda: other.poll(0.1) or assigned)
        w = run()
        assert w.wait() == 70
        w.wait_for(f"task ended: group {pipeline.group} is in use with another partition.assignment.strategy: "
                   "stop the others, or use theirs")  # fmt: skip
    finally:
        other.close()
    events = logins(100)
    client.produce(pipeline.source, (e.record() for e in events))
    finish(client, pipeline, run())
    Ended(client, pipeline).check_once(events)


def test_a_transactional_id_that_is_in_use_elsewhere_is_said(client, broker, pipeline, run):
    choose(pipeline, "exactly-once")
    other = Producer({"bootstrap.servers": client.address,
                      "transactional.id": f"{pipeline.group}/one/user-login/0"})  # fmt: skip
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        w = run()
        moves_on(client, pipeline)
        other.init_transactions(20)
        assert w.wait() == 70
        w.wait_for("task ended: another process uses the same transactional id: give each process of the group its "
                   "own `instance` under")  # fmt: skip
    finish(client, pipeline, run())
    Ended(client, pipeline).check_once(feed.written)


# ---- a joined batch that is refused

JOINED = """[host]
instance = one

[kafka]
bootstrap.servers = ${{env:KAFKA_BOOTSTRAP_SERVERS}}
compression.type  = none

[chain joined]
source   = {0}in
group    = {0}joined
delivery = {1}

[stage out]
plugin = kafka_sink
topic  = {0}out
batch  = 20
join   = items

[stage errors]
plugin = kafka_sink
from   = failed
topic  = {0}errors
format = error
"""


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_the_records_of_a_joined_batch_that_is_refused_end_on_failed_once(client, weir, tmp_path, prefix, delivery):
    """Twenty of them are too large for the topic, fewer are not: what the end of a transaction cuts short passes."""
    (tmp_path / "chain.conf").write_text(JOINED.format(prefix, delivery), encoding="utf-8")
    client.create_topics(prefix + "in", prefix + "errors")
    client.create_topics(prefix + "out", max_message_bytes=4000)
    names = [f"r-{n:05}" for n in range(2010)]
    client.produce(prefix + "in", [json.dumps({"items": [name + "x" * 250]}).encode() for name in names])
    w = weir("run", "-c", tmp_path)
    client.wait_until_committed(prefix + "joined", prefix + "in", timeout=120)
    assert w.terminate() == 0
    joined = [item[:7] for r in client.read(prefix + "out") for item in json.loads(r.value)["items"]]
    errors = [json.loads(r.value) for r in client.read(prefix + "errors")]
    failed = [e["message_content"]["items"][0][:7] for e in errors]
    assert sorted(joined + failed) == names
    assert len(failed) >= 1000
    assert all(e["error_type"].startswith("Publishing error: record too large") for e in errors)


# ---- the log


@pytest.mark.parametrize("where", ["full", "gone"])
def test_a_log_that_cannot_be_written_stops_nothing(client, broker, pipeline, run, where):
    """On a disk that is full (ENOSPC), or into a pipe whose reader has ended (EPIPE)."""
    reader, log = os.pipe() if where == "gone" else (None, os.open("/dev/full", os.O_WRONLY))
    if reader:
        os.close(reader)
    env = environment({**EVER, "KAFKA_BOOTSTRAP_SERVERS": broker.address})
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        with subprocess.Popen([binary(), "run", "-c", pipeline.dir], stderr=log, env=env) as w:
            os.close(log)
            try:
                moves_on(client, pipeline)
                w.send_signal(signal.SIGHUP)
                moves_on(client, pipeline)
                w.terminate()
                assert w.wait(30) == 0
            finally:
                w.kill()
    finish(client, pipeline, run())
    Ended(client, pipeline).check_once(feed.written)
