"""weir dlq on a real Kafka: dead letters counted and shown, and their originals replayed: each once, marked,
remembered, and never to be seen unmasked. The chain is the shipped one; what it makes of faulty records is the
input here."""
import ctypes
import json
import os
import re
import signal
import time
from collections import Counter

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from support.kafka import Record
from support.logins import logins

EVER = {"MAX_MESSAGE_AGE": "10000d"}
LAX = "user_id, ip, device_id, app_version, timestamp, locale"  # the shipped list without device_type
OLD = 1_700_000_000_000
CONNECT = "__connect.errors."


@pytest.fixture
def dlq(pipeline):
    return pipeline.topic("processed-errors")


@pytest.fixture
def call_dlq(weir, dlq):
    """call_dlq("ls", …) runs `weir dlq ls … processed-errors` to its end; the fixture `weir` looks for leaks."""

    def run(verb, *args, topic=dlq, status=0, env=None):
        w = weir("dlq", verb, *args, topic, env=env)
        got = w.wait(120)
        assert got == status, f"status {got}, not {status}\n{w.stderr}"
        return w

    return run


@pytest.fixture
def through_chain(client, pipeline, weir):
    """through_chain() runs the chain to the end of its source; env as the chain's."""

    def run(env=None):
        w = weir("run", "-c", pipeline.dir, env=EVER if env is None else env)
        client.wait_until_committed(pipeline.group, pipeline.source)
        assert w.terminate() == 0

    return run


def replayed(client, pipeline):
    """The records of the source that a replay has written."""
    return [r for r in client.read(pipeline.source) if "weir.replay.count" in dict(r.headers)]


def plain_headers(r):
    return [(n, v) for n, v in r.headers if not n.startswith(("weir.replay.", CONNECT))]


def letter(topic, number, offset, reason="Missing fields: x", headers=(), **more):
    """A dead letter as the sink writes it; more: where the letter itself goes."""
    own = [(CONNECT + "topic", topic.encode()), (CONNECT + "partition", str(number).encode()),
           (CONNECT + "offset", str(offset).encode()), (CONNECT + "stage", b"fields"),
           (CONNECT + "exception.message", reason.encode())]  # fmt: skip
    value = {"user_id": "u", "error_type": reason, "message_content": {"a": 1}, "timestamp": 1729894075}
    return Record(value=json.dumps(value).encode(), headers=[*headers, *own], **more)


def sums(w):
    """The words of the last line: {"replayed": 3, …}."""
    line = w.stdout.decode().strip().split("\n")[-1]
    return {what: int(n) for n, what in re.findall(r"(\d+) ([^,:]+)", line)}


def test_a_mended_chain_takes_what_is_replayed(client, pipeline, weir, dlq, call_dlq, through_chain):
    headers = [("a", b"1"), ("b", b"2"), ("a", b"\x00\xff"), ("", b"")]
    events = logins(200, missing=40, malformed=20, no_user=10)
    client.produce(pipeline.source, (e.record(headers=headers, timestamp=OLD + n) for n, e in enumerate(events)))
    through_chain()
    originals = {r.key: r for r in client.read(pipeline.source)}
    letters = client.read(dlq)
    assert len(letters) == 70

    found = json.loads(call_dlq("ls", "--json").stdout)
    assert found["count"] == 70 and found["without_coordinates"] == 0
    kinds = Counter()
    for k in found["kinds"]:
        kinds[k["stage"], k["reason"][:15]] += k["count"]
    assert kinds == {("fields", "Missing fields:"): 40, ("user", "Missing user_id"): 10, ("parse", "Message parsing"): 20}
    table = call_dlq("ls").stdout.decode()
    assert re.search(r"^ +40 .* fields +Missing fields: device_type$", table, re.M), table
    assert re.search(r"^ +70 .* in all$", table, re.M), table

    pipeline.set("stage fields", required=LAX)
    w = call_dlq("replay", "--reason", "Missing fields")
    assert sums(w) == {"dead letters match": 40, "replayed": 40}
    assert w.stderr == ""
    again = replayed(client, pipeline)
    assert Counter(r.key for r in again) == Counter(e.key for e in events if e.kind == "missing")
    at = {(r.partition, r.offset): r for r in letters}
    for r in again:
        o = originals[r.key]
        assert (r.value, r.partition, plain_headers(r)) == (o.value, o.partition, headers)
        marks = dict(r.headers[len(headers) :])
        assert marks["weir.replay.count"] == b"1"
        assert marks["weir.replay.timestamp"] == str(o.timestamp).encode()
        topic, partition, offset = marks["weir.replay.letter"].decode().rsplit("/", 2)
        assert topic == dlq and at[int(partition), int(offset)].key == r.key
        assert abs(time.time() * 1000 - r.timestamp) < 300_000

    through_chain(env={"MAX_MESSAGE_AGE": "1h"})  # that would skip the originals
    out = client.read(pipeline.topic("processed-output"))
    masked = {e.key: e.masked for e in events}
    came = [r for r in out if "weir.replay.count" in dict(r.headers)]
    assert Counter(r.key for r in came) == Counter(r.key for r in again)
    assert all(r.value == masked[r.key] for r in came)
    assert client.count(dlq) == 70

    assert "nothing to replay" in call_dlq("replay", "--reason", "Missing fields").stderr
    w = call_dlq("replay")  # the others, and not these again
    assert sums(w)["replayed"] == 30 and sums(w)["done by an earlier run"] == 40
    assert len(replayed(client, pipeline)) == 70
    assert "nothing to replay" in call_dlq("replay").stderr
    assert len(replayed(client, pipeline)) == 70


def test_what_fails_again_and_again_is_given_up(client, pipeline, call_dlq, through_chain):
    client.produce(pipeline.source, (e.record(timestamp=OLD) for e in logins(5, missing=2)))
    for n in (1, 2, 3):
        through_chain()
        assert sums(call_dlq("replay")) == {"dead letters match": 2, "replayed": 2}
        newest = sorted(replayed(client, pipeline), key=lambda r: r.timestamp)[-2:]
        for r in newest:
            counts = [v for name, v in r.headers if name == "weir.replay.count"]
            firsts = [v for name, v in r.headers if name == "weir.replay.timestamp"]
            assert (counts, firsts) == ([str(n).encode()], [str(OLD).encode()])
    through_chain()
    w = call_dlq("replay", status=1)
    assert sums(w) == {"dead letters match": 2, "replayed": 0, "replayed too often": 2}
    assert w.stderr.count("has failed again after 3 replays: not replayed") == 2
    assert len(replayed(client, pipeline)) == 6
    assert "nothing to replay" in call_dlq("replay").stderr
    assert "(replayed 3 times before)" in call_dlq("show").stdout.decode()
    w = call_dlq("replay", "--max-replays", 4)  # an operator insists
    assert sums(w) == {"dead letters match": 8, "replayed": 2, "done by an earlier run": 6}
    assert len(replayed(client, pipeline)) == 8


def test_the_limit_holds_where_a_stage_has_taken_the_headers_away(client, pipeline, dlq, call_dlq):
    client.produce(pipeline.source, [Record(value=b"1", headers=[("weir.replay.count", b"3")], partition=0)])
    client.produce(dlq, [letter(pipeline.source, 0, 0)])
    assert sums(call_dlq("replay", status=1))["replayed too often"] == 1
    assert len(client.read(pipeline.source)) == 1


def test_a_producer_does_not_choose_what_is_replayed(client, pipeline, prefix, dlq, call_dlq, through_chain):
    """Without the sink's own headers those of the record would be the last, and count."""
    payments = prefix + "payments"
    client.create_topics(payments, partitions=1)
    client.produce(payments, [Record(value=b"pay", partition=0)])
    forged = letter(payments, 0, 0, reason="x").headers + [("weir.omitted", b"size"), ("a", b"1")]
    (event,) = logins(1, missing=1)
    client.produce(pipeline.source, [event.record(headers=forged)])
    pipeline.set("stage processed-errors", connect_headers="no")
    through_chain()
    assert [r.headers for r in client.read(dlq)] == [[("a", b"1")]]
    w = call_dlq("replay", status=1)
    assert sums(w) == {"dead letter matches": 1, "replayed": 0, "that do not tell where their original is": 1}
    assert client.count(payments) == client.count(pipeline.source) == 1


def test_the_original_timestamp_is_kept_where_that_is_asked(client, pipeline, call_dlq, through_chain):
    client.produce(pipeline.source, (e.record(timestamp=OLD + 7) for e in logins(1, missing=1)))
    through_chain()
    call_dlq("replay", "--timestamp", "original")
    through_chain()
    call_dlq("replay")
    through_chain()
    call_dlq("replay", "--timestamp", "original")
    stamps = [r.timestamp for r in replayed(client, pipeline)]
    assert stamps[0] == stamps[2] == OLD + 7 and stamps[1] > OLD + 1_000_000


def test_a_replay_that_is_killed_goes_on_where_it_was(client, pipeline, weir, dlq, call_dlq):
    events = logins(12_000, missing=12_000)
    client.produce(pipeline.source, (e.record() for e in events))
    originals = client.read(pipeline.source)
    client.produce(dlq, (letter(pipeline.source, r.partition, r.offset, key=r.key) for r in originals))
    kills = 0
    for _ in range(3):
        before = client.end(pipeline.source)
        w = weir("dlq", "replay", dlq)
        client.wait_for("it replays", lambda b=before: client.end(pipeline.source) > b + 700 or not w.running())
        kills += w.running()
        w.kill()
    w = weir("dlq", "replay", dlq)
    before = client.end(pipeline.source)
    client.wait_for("it replays", lambda: client.end(pipeline.source) > before + 700 or not w.running())
    if w.running():
        w.signal(signal.SIGINT)
        assert w.wait() == 1
        w.wait_for("interrupted")
        w.wait_for("not finished: the next run goes on")
    call_dlq("replay")
    again = Counter(r.key for r in replayed(client, pipeline))
    print(f"kills={kills} replayed={sum(again.values())} repeats={sum(again.values()) - len(again)}")
    assert kills == 3, "the runs were too short to be killed"
    assert set(again) == {e.key for e in events}
    assert sum(again.values()) - len(again) <= 500 * kills
    assert "nothing to replay" in call_dlq("replay").stderr


def delete_before(client, topic, partition, offset):
    """What retention does, at once. Debian's python3-confluent-kafka lacks the call; its librdkafka has it."""
    lib = ctypes.CDLL("librdkafka.so.1")
    for name in ("conf_new", "new", "topic_partition_list_new", "topic_partition_list_add", "DeleteRecords_new",
                 "queue_new", "queue_poll"):  # fmt: skip
        getattr(lib, "rd_kafka_" + name).restype = ctypes.c_void_p
    at = ctypes.c_void_p
    conf, why = at(lib.rd_kafka_conf_new()), ctypes.create_string_buffer(200)
    lib.rd_kafka_conf_set(conf, b"bootstrap.servers", client.address.encode(), why, ctypes.c_size_t(200))
    rk = at(lib.rd_kafka_new(0, conf, why, ctypes.c_size_t(200)))
    asked = at(lib.rd_kafka_topic_partition_list_new(1))
    lib.rd_kafka_topic_partition_list_add(asked, topic.encode(), partition)
    lib.rd_kafka_topic_partition_list_set_offset(asked, topic.encode(), partition, ctypes.c_int64(offset))
    queue = at(lib.rd_kafka_queue_new(rk))
    lib.rd_kafka_DeleteRecords(rk, (at * 1)(lib.rd_kafka_DeleteRecords_new(asked)), ctypes.c_size_t(1), None, queue)
    answer = at(lib.rd_kafka_queue_poll(queue, 20_000))
    assert answer and lib.rd_kafka_event_error(answer) == 0


def test_originals_that_are_gone_are_said_one_by_one(client, pipeline, prefix, dlq, call_dlq):
    source = prefix + "compacted"
    client.create_topics(source, partitions=1, cleanup_policy="delete")
    client.produce(source, (Record(value=b"%d" % n, key=b"k", partition=0) for n in range(10)))
    numbers = {2: "retention has taken it", 4: "retention has taken it", 7: None, 99: "was the topic made anew"}
    client.produce(dlq, (letter(source, 0, n, partition=0) for n in numbers))
    nowhere = [letter(source, 9, 0), letter(prefix + "nowhere", 0, 0), Record(value=b'{"error_type":"Odd"}')]
    client.produce(dlq, nowhere)
    delete_before(client, source, 0, 5)
    w = call_dlq("replay", status=1)
    assert sums(w) == {"dead letters match": 7, "replayed": 1, "whose original retention has taken": 2,
                       "whose original does not exist": 3, "that do not tell where their original is": 1}  # fmt: skip
    for n, why in numbers.items():
        lines = [line for line in w.stderr.split("\n") if f" {source}/0/{n} is gone: " in line]
        assert len(lines) == (1 if why else 0) and all(why in line for line in lines), w.stderr
    assert "the partition begins at 5" in w.stderr
    assert f"{source}/9/0 is gone: the topic has no such partition" in w.stderr
    assert f"{prefix}nowhere/0/0 is gone: the topic does not exist" in w.stderr
    assert "does not tell where its original is" in w.stderr
    assert client.read(source)[-1].value == b"7"


def test_a_hole_in_the_source_is_no_other_record(client, prefix, dlq, call_dlq):
    """Offsets that hold no record: a transaction's markers. Compaction leaves the same holes."""
    source = prefix + "holes"
    client.create_topics(source, partitions=1)
    p = Producer({"bootstrap.servers": client.address, "transactional.id": prefix + "t"})
    p.init_transactions(20)
    for n in range(3):  # records at 0, 2, 4; markers at 1, 3, 5
        p.begin_transaction()
        p.produce(source, value=b"%d" % n, partition=0)
        p.commit_transaction(20)
    client.produce(dlq, (letter(source, 0, n, partition=0) for n in (0, 1, 2, 3, 4, 5)))
    w = call_dlq("replay", status=1)
    assert sums(w) == {"dead letters match": 6, "replayed": 3, "whose original does not exist": 3}
    assert w.stderr.count("is gone: it is not there: compacted away, or deleted") == 3
    assert [r.value for r in client.read(source)] == [b"0", b"1", b"2"] * 2


def test_a_queue_that_ends_in_a_marker_is_read_to_its_end(client, prefix, pipeline, call_dlq):
    queue = prefix + "queue"
    client.create_topics(queue, partitions=1)
    client.produce(pipeline.source, [Record(value=b"1", partition=0)])
    p = Producer({"bootstrap.servers": client.address, "transactional.id": prefix + "t"})
    p.init_transactions(20)
    one = letter(pipeline.source, 0, 0)
    for commit in (True, False):
        p.begin_transaction()
        p.produce(queue, value=one.value, headers=one.headers)
        p.flush(20)
        p.commit_transaction(20) if commit else p.abort_transaction(20)
    assert json.loads(call_dlq("ls", "--json", topic=queue).stdout)["count"] == 1
    assert sums(call_dlq("replay", topic=queue))["replayed"] == 1
    assert "nothing to replay" in call_dlq("replay", topic=queue).stderr


def test_a_dry_run_changes_nothing(client, pipeline, dlq, call_dlq, through_chain):
    client.produce(pipeline.source, (e.record() for e in logins(30, missing=10)))
    through_chain()
    ends = client.end(pipeline.source), client.end(dlq)
    for _ in range(2):
        w = call_dlq("replay", "--dry-run")
        lines = w.stdout.decode().strip().split("\n")
        assert lines[-1] == "10 dead letters match: 10 would be replayed"
        assert all(re.fullmatch(rf"{pipeline.source}/\d/\d+ for dead letter {dlq}/\d/\d+", li) for li in lines[:-1])
    assert (client.end(pipeline.source), client.end(dlq)) == ends
    assert set(client.committed(f"weir-dlq-replay-{dlq}", dlq).values()) == {None}
    assert sums(call_dlq("replay"))["replayed"] == 10


def test_an_original_with_two_letters_is_replayed_once(client, pipeline, dlq, call_dlq):
    headers = [("a", None), ("weir.replay.letter", b"x"), ("a", b"")]
    client.produce(pipeline.source, [Record(value=None, key=b"\x00", headers=headers, partition=1)])
    client.produce(dlq, [letter(pipeline.source, 1, 0, partition=p) for p in (0, 0, 2)])
    w = call_dlq("replay")
    assert sums(w)["replayed"] == 1 and sums(w)["of an original that another one has"] == 2
    first, again = client.read(pipeline.source)
    assert (again.value, again.key, again.partition) == (None, b"\x00", 1)
    assert again.headers == [("a", None), ("a", b""), ("weir.replay.count", b"1"),
                             ("weir.replay.timestamp", str(first.timestamp).encode()),
                             ("weir.replay.letter", f"{dlq}/0/0".encode())]  # fmt: skip


def test_a_record_that_the_brokers_refuse_is_said_and_the_rest_goes_on(client, prefix, dlq, call_dlq):
    source = prefix + "small"
    client.create_topics(source, partitions=1)
    values = [b"a", os.urandom(5000), b"c"]
    client.produce(source, (Record(value=v, partition=0) for v in values))
    client.produce(dlq, (letter(source, 0, n) for n in range(3)))
    client.alter_topic(source, max_message_bytes=2000)
    w = call_dlq("replay", status=1)
    assert sums(w) == {"dead letters match": 3, "replayed": 2, "refused by the brokers": 1}
    assert f"the brokers refuse {source}/0/1 anew: record too large" in w.stderr
    assert sorted(r.value for r in client.read(source)[3:]) == [b"a", b"c"]


def test_show_prints_the_newest_first_and_nothing_unmasked(client, pipeline, dlq, call_dlq, through_chain):
    client.produce(pipeline.source, (e.record() for e in logins(40, missing=12, malformed=6)))
    through_chain()
    w = call_dlq("show", "-n", 5, "--reason", "Missing fields")
    text = w.stdout.decode()
    assert len(re.findall(rf"^{dlq}/\d/\d+  \d{{4}}-", text, re.M)) == 5
    assert len(re.findall(rf"^  original  {pipeline.source}/\d/\d+$", text, re.M)) == 5
    assert text.count("Missing fields: device_type") == 5 and "Message parsing" not in text
    assert text.count('.xxx"') == 5
    times = re.findall(r"  (\d{4}-\d\d-\d\d [\d:]+) UTC", text)
    assert times == sorted(times, reverse=True)
    assert "5 shown, the newest first, of 12 that match; 18 dead letters in all" in w.stderr
    assert call_dlq("show", "--since", "2100-01-01").stdout == b""
    assert call_dlq("show", "--since", "1h").stdout.count(b"original") == 10


def test_since_goes_by_the_time_of_the_failure(client, pipeline, dlq, call_dlq):
    client.produce(pipeline.source, [Record(value=b"%d" % n, partition=0) for n in range(2)])
    old, new = letter(pipeline.source, 0, 0), letter(pipeline.source, 0, 1)
    new.value = new.value.replace(b"1729894075", b"1792000000")
    client.produce(dlq, [old, new])
    assert sums(call_dlq("replay", "--since", "2025-01-01"))["replayed"] == 1
    assert client.read(pipeline.source)[-1].value == b"1"
    w = call_dlq("replay")
    assert sums(w) == {"dead letters match": 2, "replayed": 1, "done by an earlier run": 1}


def test_what_is_not_a_queue_of_dead_letters_is_said(client, pipeline, prefix, call_dlq, dlq):
    out = pipeline.topic("processed-output")
    for verb in ("ls", "show", "replay"):
        assert "topic " + prefix + "nosuch does not exist" in call_dlq(verb, topic=prefix + "nosuch", status=69).stderr
    assert f"topic {dlq} has no dead letters" in call_dlq("ls").stderr
    assert "nothing to replay" in call_dlq("replay").stderr
    client.produce(out, [Record(value=b'{"user_id": "u"}'), Record(value=b"x"), Record(value=None)])
    for verb in ("ls", "show", "replay"):
        w = call_dlq(verb, topic=out, status=65)
        assert "none of the 3 records" in w.stderr and "format = error" in w.stderr


def test_brokers_that_are_away_are_said(weir):
    for w in [weir("dlq", verb, "-b", "127.0.0.1:1", "dlq") for verb in ("ls", "show", "replay")]:
        assert w.wait() == 69
        assert "the brokers do not answer" in w.stderr and "127.0.0.1:1" in w.stderr


def test_two_replays_at_once_are_noticed(client, pipeline, weir, dlq, call_dlq):
    client.produce(pipeline.source, (Record(value=b"%d" % n, partition=0) for n in range(8000)))
    client.produce(dlq, (letter(pipeline.source, 0, n, partition=0) for n in range(8000)))
    both = [weir("dlq", "replay", dlq) for _ in range(2)]
    status = sorted(w.wait(120) for w in both)
    texts = "".join(w.stderr for w in both)
    assert status[1] == 1 and "another replay of this topic runs at the same time" in texts
    twice = len(replayed(client, pipeline)) - 8000
    print(f"status={status} twice={twice}")
    assert twice <= 1000
    assert "nothing to replay" in call_dlq("replay").stderr


def test_a_group_of_somebody_else_is_not_overwritten(client, pipeline, dlq, call_dlq, prefix):
    client.produce(pipeline.source, [Record(value=b"1", partition=0)])
    client.produce(dlq, [letter(pipeline.source, 0, 0, partition=0)])
    other = Consumer({"bootstrap.servers": client.address, "group.id": prefix + "theirs"})
    other.commit(offsets=[TopicPartition(dlq, 0, 1)], asynchronous=False)
    other.close()
    w = call_dlq("replay", "--group", prefix + "theirs", status=65)
    assert "is somebody else's" in w.stderr
    assert len(client.read(pipeline.source)) == 1
