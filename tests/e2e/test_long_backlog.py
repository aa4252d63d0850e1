"""A million records wait when weir comes back, with faults in known numbers: each topic gets as many as it should.
`weir generate` makes them and says how many of each kind; that what it makes is what it says is another test's
(test_demo.py)."""
import json
import re

import pytest
from support import weir as process
from support.pipeline import Pipeline

COUNT = 1_000_000
SHARES = {"--missing": "5%", "--other-version": "4%", "--malformed": "1%", "--old": "2%"}
KINDS = r"(\d+) good, (\d+) missing field, (\d+) other version, (\d+) malformed, (\d+) old"


@pytest.fixture
def pipeline(tmp_path, prefix, client):
    """Not searched for leaks at the end: in millions of records that takes longer than all the rest."""
    p = Pipeline(tmp_path / "conf.d", prefix)
    p.create(client)
    return p


def generate(broker, topic, count, seed):
    """Counts of good, missing, version, malformed, old."""
    args = ["-b", broker.address, "-t", topic, "--rate", 0, "--count", count, "--seed", seed]
    done = process.call("generate", *args, *(x for pair in SHARES.items() for x in pair), timeout=300)
    assert done.returncode == 0, done.stderr
    return [int(n) for n in re.search(KINDS, done.stderr.decode()).groups()]


def processed(counts):
    """Nobody is too old here."""
    good, *_, old = counts
    return good + old


def wanted(*runs):
    good, missing, version, malformed, old = map(sum, zip(*runs))
    return {
        "processed-output": good + old,
        "processed-errors": missing + malformed,
        "cleaned-data": version,
        "metrics-output": good + missing + version + malformed + old,
    }


def summaries(counts):
    """What the summaries of one run say: its totals begin at 0."""
    return list(range(1000, processed(counts) + 1, 1000))


def count(client, topic, delivery):
    """Without transactions the offsets count; with them, they count their markers, too."""
    return client.end(topic) if delivery == "at-least-once" else len(client.read(topic, timeout=300))


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_million_records_that_waited_are_counted_right_on_every_topic(client, broker, pipeline, weir, delivery):
    pipeline.set("chain user-login", delivery=delivery)
    pipeline.write("[host]\ninstance = one\n\n" + pipeline.text())

    def run(timeout):
        w = weir("run", "-c", pipeline.dir, env={"MAX_MESSAGE_AGE": "10000d"})
        client.wait_until_committed(pipeline.group, pipeline.source, timeout)
        assert w.terminate(60) == 0

    before = generate(broker, pipeline.source, 5000, seed=1)
    run(60)
    backlog = generate(broker, pipeline.source, COUNT, seed=2)
    assert client.lag(pipeline.group, pipeline.source) == sum(backlog) == COUNT
    run(300)
    expected = wanted(before, backlog)
    assert {topic: count(client, pipeline.topic(topic), delivery) for topic in expected} == expected
    told = [json.loads(r.value)["processed_count"] for r in client.read(pipeline.topic("summary-output"))]
    assert sorted(told) == sorted(summaries(before) + summaries(backlog))
    print(f"backlog: delivery={delivery} {expected} summaries={len(told)}")
