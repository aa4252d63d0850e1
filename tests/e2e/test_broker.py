"""The ground that the other end-to-end tests stand on: the broker and the fixtures themselves. Where these
fail, nothing that the others say counts."""
import subprocess
import sys
import textwrap

import pytest
from confluent_kafka import KafkaException
from support.kafka import BROKER, Client, Record
from support.pipeline import SHIPPED, SINKS, Pipeline
from support.weir import Weir


def test_a_record_comes_back_as_it_was_written(client, prefix):
    topic = prefix + "t"
    client.create_topics(topic, partitions=2)
    headers = [("a", b"1"), ("b", None), ("a", b"\x00\xff"), ("c", b"")]
    client.produce(topic, [Record(value=b"v", key=b"k", headers=headers, timestamp=1234, partition=1)])
    assert client.read(topic) == [
        Record(value=b"v", key=b"k", headers=headers, timestamp=1234, partition=1, offset=0, topic=topic)
    ]


def test_null_and_empty_values_differ(client, prefix):
    topic = prefix + "t"
    client.create_topics(topic, partitions=1)
    client.produce(topic, [Record(value=None), Record(value=b"")])
    assert [r.value for r in client.read(topic)] == [None, b""]


def test_records_older_than_any_retention_stay(client, prefix):
    topic = prefix + "t"
    client.create_topics(topic, partitions=1)
    client.produce(topic, [Record(value=b"old", timestamp=1)])
    assert [r.timestamp for r in client.read(topic)] == [1]


def test_topics_are_not_created_by_accident(client, prefix):
    assert client.partitions(prefix + "none") == 0
    assert client.read(prefix + "none") == []


def test_a_topic_has_the_settings_that_were_asked_for(client, prefix):
    topic = prefix + "t"
    client.create_topics(topic, partitions=3, max_message_bytes=1000)
    assert client.partitions(topic) == 3
    with pytest.raises(AssertionError, match="refused"):
        client.produce(topic, [b"x" * 2000])
    client.alter_topic(topic, max_message_bytes=5000)
    client.produce(topic, [b"x" * 2000])
    with pytest.raises(KafkaException):
        client.create_topics(topic)


def test_a_restart_keeps_address_and_data(broker, client, prefix):
    topic = prefix + "t"
    client.create_topics(topic)
    client.produce(topic, (b"%d" % i for i in range(1000)))
    before = broker.address
    broker.restart()
    assert broker.address == before
    client.produce(topic, [b"after"])
    assert client.count(topic) == 1001


def test_a_killed_broker_comes_back_with_what_it_acknowledged(own_broker):
    mine = own_broker(message_max_bytes=2_000_000)
    c = Client(mine.address)
    c.create_topics("t", partitions=1)
    c.produce("t", [b"x" * 1_500_000])
    mine.kill()
    mine.start()
    assert len(c.read("t")[0].value) == 1_500_000
    mine.pause()
    mine.resume()
    assert c.count("t") == 1
    c.close()


def test_no_broker_outlives_its_owner(tmp_path):
    code = f"""
        import os, subprocess
        subprocess.run(["{BROKER}", "start", "{tmp_path}", "--heap", "256m"], check=True)
        print(open("{tmp_path}/broker.pid").read().split()[0], flush=True)
        os.kill(os.getpid(), 9)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -9
    pid = int(done.stdout.split()[-1])
    subprocess.run(["tail", f"--pid={pid}", "-f", "/dev/null"], timeout=10, check=True)


@pytest.mark.skipif(not SHIPPED.exists(), reason="conf.d/user-login.conf is not there yet")
def test_the_shipped_pipeline_is_moved_to_topics_of_its_own(tmp_path):
    p = Pipeline(tmp_path / "conf.d", "x.")
    for name in ("user-login", *SINKS):
        assert f"= x.{name}\n" in p.text() or f"= x.{name} " in p.text(), name
    p.set("stage age", max_age="1h", reason=None)
    assert "[stage age]\nmax_age = 1h\n" in p.text()
    assert p.text().count("max_age") == 1
    p.remove("stage age")
    assert "[stage age]" not in p.text()
    assert "[stage user]" in p.text()


def test_the_log_of_a_process_is_waited_for(tmp_path, monkeypatch):
    fake = tmp_path / "weir"
    fake.write_text("#!/bin/sh\necho out\necho ready port=1 >&2\ntrap 'echo bye >&2; exit 3' TERM\n"
                    "while :; do sleep 0.05; done\n", encoding="utf-8")  # fmt: skip
    fake.chmod(0o755)
    monkeypatch.setenv("WEIR_BIN", str(fake))
    w = Weir(["run"])
    assert w.wait_for(r"ready port=(\d+)").group(1) == "1"
    with pytest.raises(AssertionError, match="no such line in time"):
        w.wait_for("never", timeout=0.1)
    mark = w.mark()
    assert w.terminate() == 3
    w.wait_for("bye", since=mark)
    assert w.stdout == b"out\n"
    with pytest.raises(AssertionError, match="weir ended"):
        w.wait_for("never")
    w.close()
