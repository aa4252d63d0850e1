"""Record by record: the shipped pipeline through `weir pipe` with a clock that stands still, and every byte
that comes out on its five topics. The table is pipe_table/*.txt; support/pipe_table.py says how to read it.
No row may show a protected value of its input, on any topic, in an error or in the log."""
import json
import re

import pytest

from support import pipe_table
from support.kafka import Record
from support.leaks import Leaks
from support.pipeline import Pipeline
from support.weir import call

NOW = pipe_table.NOW
SUMMARY = "summary-output"


@pytest.fixture
def conf(tmp_path):
    return Pipeline(tmp_path / "conf.d", "")


def run(conf, stdin, *args):
    return call("pipe", "-c", conf.dir, "--now", NOW, *args, stdin=stdin)


@pytest.mark.parametrize("row", pipe_table.load(), ids=lambda row: row.name)
def test_row(conf, row):
    for section, option, value in row.changes:
        conf.set(section, **{option: value})
    stdin = b"".join(line + b"\n" for line in row.records)
    done = run(conf, stdin, *(["--envelopes"] if row.envelopes else []), *row.args)
    log = done.stderr.decode("utf-8", "replace")

    assert done.returncode == row.status, log
    if not re.fullmatch(row.pattern(), done.stdout, re.S):
        assert done.stdout.decode("utf-8", "replace") == b"".join(e + b"\n" for e in row.expected).decode()
    if row.last_words:
        assert log.splitlines()[-1] == row.last_words
    check_leaks(row.values(), done)


def check_leaks(values, done):
    leaks = Leaks()
    leaks.learn(Record(value=v) for v in values)
    leaks.look("standard output", done.stdout)
    leaks.look("the log", done.stderr)


def login(n, **changes):
    event = {
        "user_id": f"u-{n}", "app_version": "2.3.0", "ip": f"10.11.{n // 250}.{n % 250}",
        "locale": ("TX", "NM", "AK")[n % 3], "device_id": f"00000000-0000-4000-8000-{n:012}",
        "timestamp": 1729894074, "device_type": ("iOS", "android")[n % 2],
    }  # fmt: skip
    event.update(changes)
    return json.dumps({k: v for k, v in event.items() if v is not None}).encode()


def outputs(done, topic):
    lines = map(json.loads, done.stdout.splitlines())
    return [line["value"] for line in lines if line["topic"] == topic]


def test_a_summary_comes_after_a_thousand_processed_records(conf):
    events = []
    for n in range(1000):
        events.append(login(n))
        if n % 50 == 7:
            events.append(login(n + 5000, device_type=None))
        if n % 100 == 3:
            events.append(login(n + 6000, app_version="2.4.0"))
    events += [login(n) for n in range(7000, 7999)]
    done = run(conf, b"\n".join(events) + b"\n")
    assert done.returncode == 0, done.stderr
    assert len(outputs(done, "processed-output")) == 1999
    (summary,) = outputs(done, SUMMARY)
    assert list(summary.items()) == [
        ("total_received_count", 1030),
        ("processed_count", 1000),
        ("filtered_count", 10),
        ("device_type_counts", {"iOS": 500, "android": 500}),
        ("locale_counts", {"TX": 334, "NM": 333, "AK": 333}),
    ]
    assert list(summary["locale_counts"]) == ["TX", "NM", "AK"]
    check_leaks(events, done)


def test_more_values_than_the_summary_keeps_are_other(conf):
    conf.set("stage summary", every=5, max_values=2)
    done = run(conf, b"\n".join(login(n, locale=f"L{n}") for n in range(5)) + b"\n")
    (summary,) = outputs(done, SUMMARY)
    assert summary["locale_counts"] == {"L0": 1, "L1": 1, "other": 3}


def test_a_record_of_ten_megabytes_that_its_topic_refuses(conf):
    event = login(1, more="x" * 10_000_000)
    done = run(conf, event + b"\n", "--refuse", "processed-output=size:1000000",
               "--refuse", "processed-errors=size:1000000")  # fmt: skip
    (error,) = outputs(done, "processed-errors")
    assert error["user_id"] == "Unknown" and error["message_content"] == {}
    assert outputs(done, "processed-output") == []
    check_leaks([event], done)


def test_a_parent_that_stands_many_times_costs_its_record_and_no_more(conf):
    """Each would get the last one's sixty kilobytes, and a mask in every one."""
    conf.set("stage pii", mask_ip="ip, device.ip", hash="device_id, device.id")
    hostile = login(1)[:-1] + b', "device": 1' * 7000 + b', "device": {"id": "secret-id", "pad": "%b"}}' % (b"p" * 60000)
    done = run(conf, hostile + b"\n" + login(2) + b"\n")
    assert done.returncode == 0, done.stderr
    (error,) = outputs(done, "processed-errors")
    assert error["error_type"] == "Transformation error: device.id: cannot be masked"
    assert "device" not in error["message_content"] and "ip" not in error["message_content"]
    assert len(outputs(done, "processed-output")) == 1
    assert b"secret-id" not in done.stdout + done.stderr


def test_values_of_any_size_leave_a_summary_that_its_topic_takes(conf):
    events = [login(n, locale="\x01" * 250 + f"{n:06}") for n in range(1000)]
    done = run(conf, b"\n".join(events) + b"\n", "--refuse", "summary-output=size:1000000")
    assert done.returncode == 0, done.stderr
    (summary,) = outputs(done, SUMMARY)
    assert 500 < len(summary["locale_counts"]) < 1000 and sum(summary["locale_counts"].values()) == 1000
    assert summary["locale_counts"]["other"] > 1


def test_open_batches_are_sent_at_the_end_one_after_the_other(tmp_path):
    """What the flush of the first batch sets free is held by the second sink, which is flushed after it."""
    (tmp_path / "c.conf").write_text(
        "[kafka]\nbootstrap.servers = localhost:1\n[chain c]\nsource = in\ngroup = g\n"
        "[stage out]\nplugin = kafka_sink\ntopic = out\nbatch = 3\njoin = items\n"
        "[stage metrics]\nplugin = metrics\nid = id\nemit = m\n"
        "[stage m]\nplugin = kafka_sink\nfrom = m\ntopic = m\nbatch = 3\njoin = message_details\n"
        "[stage errors]\nplugin = kafka_sink\nfrom = failed\ntopic = errors\n"
    )
    stdin = b'{"items": [1]}\n{"items": [2]}\n'
    done = call("pipe", "-c", tmp_path, "--now", NOW, "--output", "values", stdin=stdin)
    out, m = done.stdout.splitlines()
    assert out == b'out\t{"items": [1, 2]}'
    assert m.startswith(b'm\t{"message_details": [{"message_id": "Unknown"')
    assert m.count(b'"topic": "out"') == 2


def test_a_record_that_waits_keeps_its_source(tmp_path):
    (tmp_path / "c.conf").write_text(
        "[kafka]\nbootstrap.servers = localhost:1\n[chain c]\nsource = in\ngroup = g\n"
        "[stage out]\nplugin = kafka_sink\ntopic = out\nbatch = 2\njoin = items\n"
        "[stage errors]\nplugin = kafka_sink\nfrom = failed\ntopic = errors\nformat = error\n"
    )
    lines = [{"value": '{"items": [1]}', "topic": t, "partition": 4} for t in ("first", "other")]
    stdin = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    done = call("pipe", "-c", tmp_path, "--envelopes", "--refuse", "out=record", stdin=stdin)
    headers = [dict(json.loads(line)["headers"]) for line in done.stdout.splitlines()]
    assert [h["__connect.errors.topic"] for h in headers] == ["first", "other"]
    assert [h["__connect.errors.partition"] for h in headers] == ["4", "4"]


def test_the_same_input_gives_the_same_output(conf):
    stdin = b"\n".join(login(n, user_id=None if n % 5 == 0 else "u") for n in range(100)) + b"\n"
    assert run(conf, stdin).stdout == run(conf, stdin).stdout
