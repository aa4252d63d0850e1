"""A record of 10 MB in a stream of small ones: where everything on its way allows it, it passes, and weir holds it
within its bound on memory; where its topic or weir's own producer does not, it is refused with a reason, its error
record is written without the content, and its neighbours go on as if nothing had been."""
import json
import os
import random

import pytest
from support.kafka import Broker, Record
from support.logins import Ended, logins
from support.memory import Watch

EVER = {"MAX_MESSAGE_AGE": "10000d"}
SIZE = 10_000_000
# Beside `memory`: what weir and librdkafka take with nothing to do, and the copies of such records on their way: as
# fetched, as sent, in the buffer to the broker; and of one that is refused, in an error record that is refused, too.
PASSED_MIB, REFUSED_MIB = 96, 192


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    b = Broker(tmp_path_factory.mktemp("kafka"), message_max_bytes=20_000_000)
    yield b
    b.kill()


def large(seed):
    event = logins(1, seed=seed, name=f"large{seed}")[0]
    padding = random.Random(seed).randbytes(SIZE // 2).hex().encode()  # compressed, it is still far above 1 MB
    return event, Record(value=event.value[:-1] + b', "padding": "' + padding + b'"}', key=event.key, partition=0)


def stream():
    """2000 small events with five large ones among them, on one partition: (small, large, records)."""
    small = logins(2000, missing=100, version=100)
    records = [e.record(partition=0) for e in small]
    pairs = [large(seed) for seed in range(5)]
    for n, (_, record) in enumerate(pairs):
        records.insert(1000 + 2 * n, record)
    return small, [event for event, _ in pairs], records


def pass_through(client, pipeline, weir, records):
    """Runs weir until all is committed; returns how many MiB of it were resident at most."""
    client.produce(pipeline.source, records)
    w = weir("run", "-c", pipeline.dir, env=EVER)
    with Watch(w.pid) as watch:
        client.wait_until_committed(pipeline.group, pipeline.source, timeout=120)
    assert w.terminate() == 0
    return watch.most / 1024


def assert_bounded(most, limit):
    if "san" not in os.environ.get("WEIR_BIN", ""):
        assert most < limit


@pytest.fixture(params=["at-least-once", "exactly-once"])
def delivery(request, pipeline):
    pipeline.set("chain user-login", delivery=request.param)
    pipeline.write("[host]\ninstance = one\n\n" + pipeline.text())
    return request.param


def accept(pipeline):
    pipeline.set("kafka", **{"message.max.bytes": 20_000_000})


@pytest.mark.parametrize("memory", [1, 64])
def test_large_records_pass_within_memory(client, pipeline, weir, delivery, memory):
    accept(pipeline)
    pipeline.set("chain user-login", memory=f"{memory}MiB")
    small, big, records = stream()
    most = pass_through(client, pipeline, weir, records)
    print(f"10 MB: delivery={delivery} memory={memory}MiB most_rss_mib={most:.1f}")
    ended = Ended(client, pipeline)
    for event in big:
        ((topic, r),) = ended.by_key.pop(event.key)
        assert topic == "processed-output" and len(r.value) > SIZE
        assert event.ip.encode() not in r.value
        ended.topics[topic].remove(r)
    ended.check_once(small)
    assert client.count(pipeline.topic("metrics-output")) == len(records)
    assert_bounded(most, memory + PASSED_MIB)


def refuse_by_topic(client, pipeline):
    accept(pipeline)
    topics = [pipeline.topic(name) for name in ("processed-output", "processed-errors")]
    client.delete_topics(*topics)
    client.create_topics(*topics, max_message_bytes=1_000_000)


def refuse_by_producer(_client, _pipeline):
    """librdkafka's message.max.bytes is 1 MB by itself. It fetches what is larger nevertheless."""


@pytest.mark.parametrize("refuse", [refuse_by_topic, refuse_by_producer])
def test_large_records_that_are_refused_cost_no_neighbour(client, pipeline, weir, delivery, refuse):
    refuse(client, pipeline)
    small, big, records = stream()
    most = pass_through(client, pipeline, weir, records)
    print(f"10 MB refused: delivery={delivery} by={refuse.__name__} most_rss_mib={most:.1f}")
    ended = Ended(client, pipeline)
    refused = ended.by_key.pop(None)
    assert len(refused) == len(big)
    for topic, r in refused:
        error = json.loads(r.value)
        assert topic == "processed-errors" and ("weir.omitted", b"size") in r.headers
        assert error["error_type"].startswith("Publishing error: ")
        assert (error["message_content"], error["user_id"]) == ({}, "Unknown")
        ended.topics[topic].remove(r)
    ended.check_once(small)
    assert_bounded(most, 64 + REFUSED_MIB)  # the default of memory
