"""Fixtures of the end-to-end tests. Run them all with `./run test -R e2e`, one file with
`/usr/bin/python3 -m pytest tests/e2e/test_NAME.py` (weir is $WEIR_BIN, or build/weir).

    broker     a real Apache Kafka, one for the whole run. broker.address, .restart(), .stop(), .start(),
               .kill(), .pause(), .resume(); each returns when it is done. A test that needs a broker of its
               own, or other settings: own_broker(message_max_bytes=…). Three of them: a `broker` of the file's
               own, which is a Cluster (support/cluster.py, test_long_three_brokers.py).
    client     a Client on it: create_topics, produce, read, count, lag, committed, wait_until_committed
               (support/kafka.py).
    prefix     a text that no other test has: begin every topic and group with it.
    pipeline   the shipped user-login.conf on topics of this test's own, which exist already: pipeline.dir,
               .source, .group, .topic("processed-output"), .set("stage age", max_age="1h")
               (support/pipeline.py). Give weir(…) the broker's address by env; `weir` below does. At the end
               of the test every `ip` and `device_id` of its source is searched for on its output topics, in
               standard output and in the logs (support/leaks.py); leaks.protect(…) adds values to that.
    weir       starts processes: w = weir("run", "-c", pipeline.dir, env={"MAX_MESSAGE_AGE": "10000d"}); then
               w.wait_for("a regex of its log"), w.reload(), w.terminate(), w.kill(), w.stderr
               (support/weir.py). $KAFKA_BOOTSTRAP_SERVERS is set. What still runs at the end of the test is
               killed.
    weir_call  runs weir to its end: weir_call("check", "-c", DIR).returncode
    weir_pipe  weir_pipe(DIR, [b'{"user_id":…}', …], "--now", 0) gives the list of output objects. No Kafka.

A whole test:

    def test_old_records_are_skipped(client, pipeline, weir):
        client.produce(pipeline.source, [Record(value=b'{"user_id":"u"}', timestamp=1)])
        w = weir("run", "-c", pipeline.dir)
        client.wait_until_committed(pipeline.group, pipeline.source)
        assert w.terminate() == 0
        assert client.read(pipeline.topic("processed-errors")) == []

With WEIR_BIN=build-asan/weir (./run build --asan) the same tests look for leaks and worse: the sanitizers'
words go to weir's log, and its exit status is then no longer the one that a test expects.

Rules: no fixed port, no network but loopback, no sleep where something can be waited for, names of tests are
sentences. A file test_long_*.py runs only with `./run test --long`. What a failed test leaves behind (conf.d,
logs of weir and of the broker) is in pytest's temporary folder, whose name it prints.
"""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import weir as process  # noqa: E402
from support.kafka import Broker, Client  # noqa: E402
from support.leaks import Leaks  # noqa: E402
from support.pipeline import SINKS, Pipeline  # noqa: E402


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    b = Broker(tmp_path_factory.mktemp("kafka"))
    yield b
    b.kill()


@pytest.fixture
def own_broker(tmp_path):
    """own_broker(**settings) starts one more broker, for this test alone: settings with `_` for `.`."""
    started = []

    def start(**settings):
        b = Broker(tmp_path / f"kafka-{len(started)}", **settings)
        started.append(b)
        return b

    yield start
    for b in started:
        b.kill()


@pytest.fixture
def client(broker):
    c = Client(broker.address)
    yield c
    c.close()


@pytest.fixture
def prefix(request):
    short = "".join(c if c.isalnum() else "-" for c in request.node.name)[:60]
    return f"{short}-{os.urandom(3).hex()}."


@pytest.fixture
def leaks():
    found = Leaks()
    yield found
    found.look_at_texts()


@pytest.fixture
def pipeline(tmp_path, prefix, client, leaks):
    p = Pipeline(tmp_path / "conf.d", prefix)
    p.create(client)
    yield p
    leaks.learn(client.read(p.source))
    for topic in map(p.topic, SINKS):
        leaks.look_at_records(topic, client.read(topic))


@pytest.fixture
def weir(broker, tmp_path, leaks):
    started = []

    def start(*args, env=None, inherit=None):
        known = {"KAFKA_BOOTSTRAP_SERVERS": broker.address}
        known.update(env or {})
        w = process.Weir(args, env=known, inherit=inherit, log=tmp_path / f"weir-{len(started)}.log")
        started.append(w)
        return w

    yield start
    for w in started:
        w.close()
        leaks.texts += [("standard output", w.stdout), ("the log", w.stderr.encode())]


@pytest.fixture
def weir_call():
    return process.call


@pytest.fixture
def weir_pipe():
    return process.pipe
