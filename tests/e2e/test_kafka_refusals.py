"""What Kafka refuses for a record's own fault ends on processed-errors, and its neighbours do not; and
positions that are lost, or were never there."""
import json
import time

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import NewPartitions
from support.kafka import Broker, Client, Record
from support.logins import Ended, logins
from support.pipeline import SINKS

EVER = {"MAX_MESSAGE_AGE": "10000d"}
LARGE = 10_000_000


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    b = Broker(tmp_path_factory.mktemp("kafka"), message_max_bytes=20_000_000,
               log_message_timestamp_after_max_ms=2**63 - 1)  # fmt: skip
    yield b
    b.kill()


@pytest.fixture
def run(weir, pipeline):
    def start(**env):
        return weir("run", "-c", pipeline.dir, env={**EVER, **env})

    return start


def recreate(client, pipeline, *names, **config):
    """With other settings. To alter them takes effect only some time later."""
    topics = [pipeline.topic(name) for name in names]
    client.delete_topics(*topics)
    client.create_topics(*topics, **config)


def through(client, pipeline, run, records):
    client.produce(pipeline.source, records)
    w = run()
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    return w


def padded(event, size):
    return event.value[:-1] + b', "padding": "' + b"x" * size + b'"}'


def test_a_record_too_large_for_its_topic_is_an_error_and_its_neighbours_are_not(client, pipeline, run):
    recreate(client, pipeline, "processed-output", max_message_bytes=20_000)
    pipeline.set("kafka", **{"linger.ms": 200, "compression.type": "none"})  # the whole lot in one batch
    events = logins(60, name="near")
    big = logins(1, name="big", seed=2)[0]
    records = [e.record(partition=0) for e in events]
    records.insert(30, Record(value=padded(big, 50_000), key=big.key, headers=[("h", b"1")], partition=0))
    through(client, pipeline, run, records)
    ended = Ended(client, pipeline)
    ((topic, r),) = ended.by_key.pop(big.key)
    assert topic == "processed-errors"
    error = json.loads(r.value)
    assert error["error_type"].startswith("Publishing error: ")
    assert error["user_id"] == "big-000000"
    assert len(error["message_content"]["padding"]) == 50_000
    assert ("h", b"1") in r.headers
    assert ended.check(events) == 0


def test_an_error_record_that_is_too_large_is_written_reduced_and_tells_of_its_original(client, pipeline, run, weir):
    recreate(client, pipeline, "processed-output", "processed-errors", max_message_bytes=20_000)
    big = logins(1, name="big")[0]
    events = logins(20, name="near", missing=10)
    records = [Record(value=padded(big, LARGE), key=big.key, headers=[("h", b"1")], partition=0)]
    w = through(client, pipeline, run, records + [e.record(partition=0) for e in events])
    ended = Ended(client, pipeline)
    ((topic, r),) = ended.by_key.pop(None)
    assert topic == "processed-errors"
    headers = dict(r.headers)
    assert headers["weir.omitted"] == b"size" and "h" not in headers
    assert headers["__connect.errors.topic"] == pipeline.source.encode()
    at = (int(headers["__connect.errors.partition"]), int(headers["__connect.errors.offset"]))
    assert at == (0, 0)
    assert weir("dlq", "replay", "--dry-run", pipeline.topic("processed-errors")).wait() == 0
    error = json.loads(r.value)
    assert (error["message_content"], error["user_id"]) == ({}, "Unknown")
    assert error["error_type"].startswith("Publishing error: ")
    assert ended.check(events) == 0
    assert "xxxxx" not in w.stderr


@pytest.mark.parametrize("stamp", ["int64-max", "future"])
def test_an_impossible_timestamp_ends_on_processed_errors_with_the_original_in_a_header(
    client, pipeline, run, stamp
):
    recreate(client, pipeline, *SINKS, message_timestamp_after_max_ms=60_000)
    original = 2**63 - 1 if stamp == "int64-max" else int(time.time() * 1000) + 7_200_000
    odd = logins(1, name="odd")[0]
    events = logins(20, name="near")
    records = [e.record(partition=0) for e in events]
    records.insert(10, odd.record(partition=0, timestamp=original))
    through(client, pipeline, run, records)
    ended = Ended(client, pipeline)
    ((topic, r),) = ended.by_key.pop(odd.key)
    assert topic == "processed-errors"
    assert ("weir.timestamp", str(original).encode()) in r.headers
    assert abs(r.timestamp - time.time() * 1000) < 120_000
    assert json.loads(r.value)["error_type"].startswith("Publishing error: ")
    assert ended.check(events) == 0


# ---- positions


def lose(client, pipeline):
    """Records, and a committed offset that lies behind them all."""
    events = logins(400)
    client.produce(pipeline.source, (e.record(partition=n % 4) for n, e in enumerate(events)))
    asker = client.asker(pipeline.group)
    asker.commit(offsets=[TopicPartition(pipeline.source, p, 1000) for p in range(4)], asynchronous=False)
    asker.close()
    return events


def test_a_lost_offset_stops_the_chain(client, pipeline, run):
    lose(client, pipeline)
    w = run()
    assert w.wait() == 70
    w.wait_for(r"offset 1000 of topic .* is no longer there .*set on_lost_offset = earliest or latest")
    assert client.committed(pipeline.group, pipeline.source) == {p: 1000 for p in range(4)}


def test_a_lost_offset_goes_on_where_it_is_told_to(client, pipeline, run):
    events = lose(client, pipeline)
    pipeline.set("chain user-login", on_lost_offset="earliest")
    w = run()
    client.wait_for("all have come", lambda: client.end(pipeline.topic("processed-output")) == len(events))
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)


def test_on_lost_offset_latest_takes_only_what_comes(client, pipeline, run):
    lose(client, pipeline)
    pipeline.set("chain user-login", on_lost_offset="latest")
    w = run()
    for p in range(4):
        w.wait_for(rf"offset is no longer there, going on: .*partition={p} from=1000 to=100")
    events = logins(40, name="new")
    client.produce(pipeline.source, (e.record() for e in events))
    client.wait_for("the new ones have come", lambda: client.end(pipeline.topic("processed-output")) >= 40)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)


def takes_only_what_comes(client, pipeline, run):
    pipeline.set("chain user-login", start="latest")
    w = run()
    w.wait_for("partitions assigned")
    events = logins(100, name="after")
    client.produce(pipeline.source, (e.record() for e in events))
    client.wait_for("they have come", lambda: client.end(pipeline.topic("processed-output")) >= 100)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)


def test_start_latest_begins_at_the_end(client, pipeline, run):
    client.produce(pipeline.source, (e.record() for e in logins(100, name="before")))
    takes_only_what_comes(client, pipeline, run)


def add_partition(client, pipeline, events):
    """One more, and its records at once, by a client that learns of it as it begins."""
    number = client.partitions(pipeline.source)
    for future in client.admin.create_partitions([NewPartitions(pipeline.source, number + 1)]).values():
        future.result()
    client.wait_for("it is there", lambda: client.partitions(pipeline.source) == number + 1)
    other = Client(client.address)
    other.produce(pipeline.source, (e.record(partition=number) for e in events))
    other.close()


def test_start_latest_skips_nothing_of_a_partition_that_is_added_later(client, pipeline, run):
    """Not while weir runs, and has not seen it yet, nor while it is down."""
    client.produce(pipeline.source, (e.record() for e in logins(100, name="before")))
    pipeline.set("chain user-login", start="latest")
    pipeline.set("kafka", **{"topic.metadata.refresh.interval.ms": 1000})
    events = [logins(50, name=name) for name in ("meanwhile", "down")]
    w = run()
    w.wait_for("partitions assigned: .*now=4")
    add_partition(client, pipeline, events[0])
    w.wait_for("partitions assigned: .*now=5")
    client.wait_for("they have come", lambda: client.end(pipeline.topic("processed-output")) >= 50)
    assert w.terminate() == 0
    add_partition(client, pipeline, events[1])
    w = run()
    client.wait_for("they have come", lambda: client.end(pipeline.topic("processed-output")) >= 100)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events[0] + events[1])


def test_start_latest_skips_nothing_of_a_topic_that_was_waited_for(client, pipeline, run):
    pipeline.set("chain user-login", start="latest")
    client.delete_topics(pipeline.source)
    events = logins(50, name="first")
    w = run()
    w.wait_for("if the source topic is made while weir waits, it is read from its first record: ")
    client.create_topics(pipeline.source)
    client.produce(pipeline.source, (e.record() for e in events))
    client.wait_for("they have come", lambda: client.end(pipeline.topic("processed-output")) >= 50)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)


def test_start_latest_skips_what_another_consumer_of_the_group_has_not_committed(client, pipeline, run):
    """One that commits only where it has read: what stands below was there, too."""
    client.produce(pipeline.source, (e.record() for e in logins(100, name="before")))
    last = client.partitions(pipeline.source) - 1
    other = client.asker(pipeline.group)
    other.commit(offsets=[TopicPartition(pipeline.source, last, client.ends(pipeline.source)[last])], asynchronous=False)
    other.close()
    takes_only_what_comes(client, pipeline, run)


def test_start_latest_ends_an_open_transaction_before_it_waits_for_it(client, pipeline, run):
    """Of a process of its own name that has died; the brokers would end it after ten minutes."""
    instance(pipeline, "one")
    pipeline.set("chain user-login", start="latest", delivery="exactly-once")
    dead = Producer({"bootstrap.servers": client.address, "transactional.id": f"{pipeline.group}/one/user-login/0",
                     "transaction.timeout.ms": 600_000})  # fmt: skip
    dead.init_transactions(20)
    dead.begin_transaction()
    other = client.asker(pipeline.group)
    dead.send_offsets_to_transaction([TopicPartition(pipeline.source, 0, 0)], other.consumer_group_metadata(), 20)
    other.close()
    w = run()
    w.wait_for("partitions assigned: .*now=4")
    assert w.terminate() == 0


# ---- static members


def instance(pipeline, name):
    (pipeline.dir / "00-host.conf").write_text(f"[host]\ninstance = {name}\n", encoding="utf-8")


def test_a_static_member_has_its_partitions_back_at_once(client, pipeline, run):
    instance(pipeline, "node-1")
    w = run()
    w.wait_for("partitions assigned: .*now=4")
    w.kill()
    w = run()
    w.wait_for("partitions assigned: .*now=4", timeout=3)  # a dynamic one would wait for 10 s
    assert w.terminate() == 0
    w = run()
    w.wait_for("partitions assigned: .*now=4", timeout=3)
    assert w.terminate() == 0


def test_of_two_with_one_instance_name_one_is_fenced_and_told(client, pipeline, run):
    instance(pipeline, "node-1")
    first = run()
    first.wait_for("partitions assigned: .*now=4")
    second = run()
    second.wait_for("partitions assigned: .*now=4")
    assert first.wait() == 70
    first.wait_for("another process has joined group .* under the same `instance`: give each its own")
    events = logins(100)
    client.produce(pipeline.source, (e.record() for e in events))
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert second.terminate() == 0
    Ended(client, pipeline).check_once(events)
