"""delivery = exactly-once under what a broker and an operator can do to it: a reader of committed records sees the
outcome of every event once, in order; and what was refused stands on processed-errors once."""
import json
import signal
import time

import pytest
from support.feed import Feed
from support.kafka import Broker, Record
from support.logins import Ended, expected_counts, logins
from support.pipeline import SINKS

EVER = {"MAX_MESSAGE_AGE": "10000d"}
EVENTS = logins(300_000, missing=15_000, version=15_000, malformed=1000, no_user=1000)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    b = Broker(tmp_path_factory.mktemp("kafka"), message_max_bytes=20_000_000,
               log_message_timestamp_after_max_ms=2**63 - 1)  # fmt: skip
    yield b
    b.kill()


@pytest.fixture
def run(weir, pipeline):
    pipeline.set("chain user-login", delivery="exactly-once")
    hosts = pipeline.dir / "host.conf"

    def start(instance="weir-1"):
        hosts.write_text(f"[host]\ninstance = {instance}\n", encoding="utf-8")
        w = weir("run", "-c", pipeline.dir, env=EVER)
        w.wait_for("delivery: mode=exactly-once commit_interval_ms=100")
        return w

    return start


def moves_on(client, pipeline, by=1000):
    topic = pipeline.topic("processed-output")
    goal = client.end(topic) + by
    client.wait_for(f"{by} more records on {topic}", lambda: client.end(topic) >= goal)


def finish(client, pipeline, w, timeout=60):
    client.wait_until_committed(pipeline.group, pipeline.source, timeout)
    assert w.terminate() == 0


def check(client, pipeline, events):
    """Each outcome once, in order; and one metrics record for each event that ended somewhere."""
    ended = Ended(client, pipeline)
    ended.check_once(events)
    ended.check_order(client.read(pipeline.source))
    assert client.count(pipeline.topic("metrics-output")) == len(events)


def summaries(client, pipeline):
    records = [json.loads(r.value) for r in client.read(pipeline.topic("summary-output"))]
    return sorted(r["processed_count"] for r in records)


# ---- in peace


def test_fifty_thousand_events_end_once(client, pipeline, run):
    events = logins(50_000, missing=2500, version=2500, malformed=200, no_user=200, old=0)
    client.produce(pipeline.source, (e.record() for e in events))
    finish(client, pipeline, run())
    check(client, pipeline, events)
    seen = summaries(client, pipeline)
    assert seen == [1000 * (n + 1) for n in range(44)]


def test_nothing_is_open_when_nothing_comes(client, pipeline, run):
    w = run()
    w.wait_for("partitions assigned: .*now=4")
    events = logins(10)
    client.produce(pipeline.source, (e.record() for e in events))
    client.wait_until_committed(pipeline.group, pipeline.source)
    topics = [pipeline.topic(t) for t in SINKS]
    before = [client.ends(t) for t in topics]
    time.sleep(1)  # ten intervals
    assert [client.ends(t) for t in topics] == before
    assert w.terminate() == 0
    check(client, pipeline, events)


# ---- ends


def test_kill_9_again_and_again_in_mid_stream(client, broker, pipeline, run):
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        for _ in range(8):
            w = run()
            moves_on(client, pipeline)
            assert w.kill() == -signal.SIGKILL
    finish(client, pipeline, run())
    check(client, pipeline, feed.written)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_stop_commits_first_and_a_restart_goes_on(client, broker, pipeline, run, name):
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        for _ in range(4):
            w = run()
            moves_on(client, pipeline)
            w.signal(getattr(signal, name))
            assert w.wait() == 0
            w.wait_for("repeated_elsewhere=0")
            assert "aborted" not in w.stderr
    finish(client, pipeline, run())
    check(client, pipeline, feed.written)


def test_a_chain_that_stops_leaves_nothing_half_done_and_goes_on_when_mended(client, pipeline, run):
    whole = pipeline.text()
    pipeline.remove("stage processed-errors")
    pipeline.set("stage summary", every=1)
    good, bad = logins(500, name="good"), logins(1, name="bad", missing=1)
    client.produce(pipeline.source, (e.record(partition=0) for e in good + bad))
    w = run()
    assert w.wait() == 70
    w.wait_for(r"task ended: .*stage.*fields")
    done = client.count(pipeline.topic("processed-output"))
    assert done == (client.committed(pipeline.group, pipeline.source)[0] or 0) <= len(good)
    pipeline.write(whole)
    finish(client, pipeline, run())
    check(client, pipeline, good + bad)


# ---- reload


def test_a_reload_under_load_changes_generation_between_transactions(client, broker, pipeline, run):
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        w = run()
        for n in range(6):
            moves_on(client, pipeline)
            mark = w.mark()
            pipeline.set("stage summary", every=1001 + n)
            w.reload()
            w.wait_for("chain reloaded", since=mark)
        moves_on(client, pipeline)
    finish(client, pipeline, w)
    check(client, pipeline, feed.written)
    assert "fenced" not in w.stderr and "aborted" not in w.stderr


# ---- several


def test_a_second_instance_joins_and_leaves(client, broker, pipeline, run):
    pipeline.set("chain user-login", **{"consumer.session.timeout.ms": 6000})
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        first = run("weir-1")
        moves_on(client, pipeline)
        second = run("weir-2")
        second.wait_for("partitions assigned: .*now=2")
        first.wait_for("partitions assigned: .*now=2")
        moves_on(client, pipeline, 3000)
        mark = first.mark()
        assert second.terminate() == 0  # a static member: missed after a session
        first.wait_for("partitions assigned: .*now=4", since=mark)
        moves_on(client, pipeline)
    finish(client, pipeline, first)
    check(client, pipeline, feed.written)


def test_what_a_dead_instance_had_is_taken_over(client, broker, pipeline, run):
    """Its open transaction ends at its timeout; until then its partitions' offsets may not be told, and readers
    of committed records see nothing behind it."""
    pipeline.set("chain user-login", **{"consumer.session.timeout.ms": 6000,
                                        "producer.transaction.timeout.ms": 10_000})  # fmt: skip
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        first, second = run("weir-1"), run("weir-2")
        for w in (first, second):
            w.wait_for("partitions assigned: .*now=2")
        moves_on(client, pipeline)
        mark = first.mark()
        second.kill()
        first.wait_for("partitions assigned: .*now=4", since=mark, timeout=60)
        moves_on(client, pipeline)
    finish(client, pipeline, first)
    wanted = expected_counts(feed.written)
    client.wait_for("the dead one's transaction has ended",
                    lambda: Ended(client, pipeline).counts() == wanted)  # fmt: skip
    check(client, pipeline, feed.written)


def test_of_two_processes_with_one_instance_one_is_fenced_and_says_what_to_set(client, broker, pipeline, run):
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        first = run()
        moves_on(client, pipeline)
        second = run()
        assert first.wait() == 70
        first.wait_for("task ended: another process .*`instance`")
        moves_on(client, pipeline)
    finish(client, pipeline, second)
    check(client, pipeline, feed.written)


# ---- the broker


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_the_broker_restarts_in_mid_stream(client, broker, pipeline, run, how):
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        w = run()
        for _ in range(2):
            moves_on(client, pipeline)
            if how == "restart":
                broker.restart()
            else:
                broker.kill()
                broker.start()
        moves_on(client, pipeline)
    finish(client, pipeline, w, timeout=90)
    check(client, pipeline, feed.written)


def test_a_broker_that_freezes_past_the_timeout_is_no_fence(client, broker, pipeline, run):
    pipeline.set("chain user-login", **{"producer.transaction.timeout.ms": 5000})
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        w = run()
        moves_on(client, pipeline)
        broker.pause()
        time.sleep(12)  # the time itself is what is tested
        broker.resume()
        moves_on(client, pipeline)
    finish(client, pipeline, w, timeout=90)
    check(client, pipeline, feed.written)


# ---- refused records


def padded(event, size):
    return event.value[:-1] + b', "padding": "' + b"x" * size + b'"}'


def recreate(client, pipeline, *names, **config):
    topics = [pipeline.topic(name) for name in names]
    client.delete_topics(*topics)
    client.create_topics(*topics, **config)


def on_errors_once(ended, key):
    ((topic, r),) = ended.by_key.pop(key)
    assert topic == "processed-errors"
    error = json.loads(r.value)
    assert error["error_type"].startswith("Publishing error: ")
    del ended.topics["processed-errors"][ended.topics["processed-errors"].index(r)]
    return r, error


def test_refused_records_in_a_busy_stream_end_on_processed_errors_once(client, pipeline, run):
    recreate(client, pipeline, "processed-output", max_message_bytes=20_000, message_timestamp_after_max_ms=60_000)
    recreate(client, pipeline, "processed-errors", "cleaned-data", "metrics-output", "summary-output",
             message_timestamp_after_max_ms=60_000)  # fmt: skip
    pipeline.set("kafka", **{"linger.ms": 50, "compression.type": "none", "batch.size": 16000})
    events = logins(20_000, missing=500, version=500)
    big, odd = logins(1, name="big", seed=2)[0], logins(1, name="odd", seed=3)[0]
    future = int(time.time() * 1000) + 7_200_000
    records = [e.record() for e in events]
    records.insert(7000, Record(value=padded(big, 50_000), key=big.key, headers=[("h", b"1")]))
    records.insert(13_000, odd.record(timestamp=future))
    client.produce(pipeline.source, records)
    w = run()
    finish(client, pipeline, w)
    ended = Ended(client, pipeline)
    r, error = on_errors_once(ended, big.key)
    assert len(error["message_content"]["padding"]) == 50_000 and ("h", b"1") in r.headers
    r, error = on_errors_once(ended, odd.key)
    assert ("weir.timestamp", str(future).encode()) in r.headers
    ended.check_once(events)
    assert client.count(pipeline.topic("metrics-output")) == len(events) + 2
    seen = summaries(client, pipeline)  # what was counted in aborted transactions is not in them
    assert seen == [1000 * (n + 1) for n in range(len(seen))] and len(seen) == 19
    print("refused:", [line for line in w.stderr.splitlines() if "refused" in line])


def test_an_error_record_that_is_refused_for_its_size_is_written_reduced(client, pipeline, run):
    recreate(client, pipeline, "processed-output", "processed-errors", max_message_bytes=20_000)
    pipeline.set("kafka", **{"compression.type": "none", "batch.size": 16000})
    big = logins(1, name="big")[0]
    events = logins(2000, name="near", missing=100)
    records = [e.record() for e in events]
    records.insert(900, Record(value=padded(big, 50_000), key=big.key))
    client.produce(pipeline.source, records)
    finish(client, pipeline, run())
    ended = Ended(client, pipeline)
    r, error = on_errors_once(ended, None)
    assert ("weir.omitted", b"size") in r.headers
    assert (error["message_content"], error["user_id"]) == ({}, "Unknown")
    ended.check_once(events)


def test_batches_larger_than_the_topic_takes_become_smaller(client, pipeline, run):
    recreate(client, pipeline, "processed-output", max_message_bytes=5000)
    pipeline.set("kafka", **{"linger.ms": 50, "compression.type": "none"})
    events = logins(5000)
    client.produce(pipeline.source, (e.record() for e in events))
    w = run()
    finish(client, pipeline, w)
    check(client, pipeline, events)
    w.wait_for("going on with smaller ones")


# ---- the configuration


def test_contradictions_are_errors_with_file_and_line(pipeline, weir_call):
    pipeline.set("chain user-login", **{"delivery": "exactly-once", "commit_interval": "20s"})
    done = weir_call("check", "-c", pipeline.dir, env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 78
    assert 'user-login.conf:' in said and 'exactly-once needs "instance" under [host]' in said
    assert "a commit_interval of 20s is too long" in said
