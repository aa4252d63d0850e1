"""The user-login pipeline on a real Kafka: what becomes of every record. Nothing is disturbed here; the files
beside this one do that."""
import json
import re
from collections import Counter

from support.kafka import Record
from support.logins import ENDS, OUTCOMES, Ended, expected_counts, logins
from support.weir import call

EVER = {"MAX_MESSAGE_AGE": "10000d"}


def test_a_hundred_thousand_events_end_where_they_should(client, pipeline, weir):
    events = logins(100_000, missing=5000, version=7000, malformed=300, no_user=200, old=2500)
    client.produce(pipeline.source, (e.record() for e in events))
    w = weir("run", "-c", pipeline.dir, env={"MAX_MESSAGE_AGE": "1h"})
    client.wait_until_committed(pipeline.group, pipeline.source, timeout=90)
    assert w.terminate() == 0

    ended = Ended(client, pipeline)
    ended.check_once(events)
    ended.check_order(client.read(pipeline.source))
    check_metrics(client, pipeline, events)
    check_summaries(client, pipeline, events)


def check_metrics(client, pipeline, events):
    """One record for each outcome, with the topic where it ended; without key and headers."""
    records = client.read(pipeline.topic("metrics-output"))
    assert all(r.key is None and r.headers == [] for r in records)
    found = Counter()
    for r in records:
        (detail,) = json.loads(r.value)["message_details"]
        found[detail["message_id"], detail["topic"]] += 1
        assert re.search(rb'"processing_time": ?-?\d+\.\d{3}\b', r.value), r.value
        assert re.search(rb'"timestamp": ?\d+\.\d{3}\b', r.value), r.value
    expected = Counter()
    for e in events:
        if ENDS[e.kind]:
            unknown = e.kind in ("malformed", "no_user")
            expected["Unknown" if unknown else e.key.decode(), pipeline.topic(ENDS[e.kind])] += 1
    assert found == expected


def check_summaries(client, pipeline, events, every=1000):
    """One after every 1000 processed records; each begins with what those before it counted."""
    processed = expected_counts(events)["processed-output"]
    records = client.read(pipeline.topic("summary-output"))
    assert all(r.key is None and r.headers == [] for r in records)
    found = sorted((json.loads(r.value) for r in records), key=lambda s: s["processed_count"])
    assert [s["processed_count"] for s in found] == [*range(every, processed + 1, every)]
    for s in found:
        assert sum(s["device_type_counts"].values()) == s["processed_count"]
        assert sum(s["locale_counts"].values()) == s["processed_count"]
        assert s["total_received_count"] >= s["processed_count"] + s["filtered_count"]
    last = found[-1]
    total = sum(1 for e in events if e.kind != "old")
    assert total - 10 * every < last["total_received_count"] <= total
    good = Counter(json.loads(e.value)["locale"] for e in events if e.kind == "good")
    assert set(last["locale_counts"]) == set(good)


def test_what_generate_says_is_what_the_topics_get(client, broker, pipeline, weir):
    shares = ("--missing", "10%", "--other-version", "10%", "--malformed", "5%", "--old", "5%")
    where = ("-b", broker.address, "-t", pipeline.source)
    done = call("generate", *where, "--rate", 0, "--count", 5000, *shares)
    assert done.returncode == 0, done.stderr
    w = weir("run", "-c", pipeline.dir)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    counts = {t: client.count(pipeline.topic(t)) for t in OUTCOMES}
    kinds = r"(\d+) (good|missing|other|malformed|old)"
    said = {kind: int(n) for n, kind in re.findall(kinds, done.stderr.decode())}
    assert sum(said.values()) == 5000
    assert counts == {
        "processed-output": said["good"],
        "processed-errors": said["missing"] + said["malformed"],
        "cleaned-data": said["other"],
    }


def test_key_headers_and_timestamp_reach_every_outcome_topic(client, pipeline, weir):
    headers = [("a", b"1"), ("b", None), ("a", b"\x00\xff\xfe"), ("", b""), ("z", b"last"), ("b", b"")]
    events = logins(40, missing=10, version=10, malformed=10)
    stamps = {e.key: 1_700_000_000_123 + n for n, e in enumerate(events)}
    client.produce(pipeline.source, (e.record(headers=headers, timestamp=stamps[e.key]) for e in events))
    client.produce(pipeline.source, [Record(value=e.value, key=b"\x00\xff" + e.key) for e in events[:1]])
    w = weir("run", "-c", pipeline.dir, env={**EVER, "SUMMARY_PUBLISH_INTERVAL": 5})
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    ended = Ended(client, pipeline)
    for e in events:
        ((_, r),) = ended.by_key[e.key]
        assert r.timestamp == stamps[e.key]
        assert r.headers[: len(headers)] == headers
        added = [name for name, _ in r.headers[len(headers) :]]
        assert all(name.startswith(("__connect.", "weir.")) for name in added), added
    assert b"\x00\xff" + events[0].key in ended.by_key
    for topic in ("metrics-output", "summary-output"):
        records = client.read(pipeline.topic(topic))
        assert records
        assert all(r.key is None and r.headers == [] for r in records)


def test_old_records_are_skipped_and_counted_and_committed(client, pipeline, weir):
    events = logins(600, old=500)
    client.produce(pipeline.source, (e.record() for e in events))
    w = weir("run", "-c", pipeline.dir)  # MAX_MESSAGE_AGE is the shipped one
    client.wait_until_committed(pipeline.group, pipeline.source)
    w.wait_for(r'stage=age first record dropped: reason="too old"')
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)
    assert client.count(pipeline.topic("metrics-output")) == 100


def good(**members):
    event = {"user_id": "u", "app_version": "2.3.0", "ip": "1.2.3.4", "locale": "TX",
             "device_id": "dev-secret", "timestamp": 1729894074, "device_type": "iOS"}  # fmt: skip
    event.update(members)
    return json.dumps(event).encode()


PARSE = "Message parsing error: "
BAD_INPUT = {
    # key: (value, topic, error_type or what the value holds)
    "empty": (b"", "processed-errors", PARSE),
    "tombstone": (None, "processed-errors", PARSE),
    "blanks": (b"  \n", "processed-errors", PARSE),
    "not-utf8": (good(locale="@@").replace(b"@@", b"\xff\xfe"), "processed-errors", PARSE),
    "overlong-utf8": (good(locale="@@").replace(b"@@", b"\xc0\xaf"), "processed-errors", PARSE),
    "byte-order-mark": (b"\xef\xbb\xbf" + good(), "processed-errors", PARSE),
    "scalar": (b"42", "processed-errors", PARSE),
    "array": (b"[" + good() + b"]", "processed-errors", PARSE),
    "two-objects": (good() + good(), "processed-errors", PARSE),
    "control-character": (good(locale="@").replace(b"@", b"\x01"), "processed-errors", PARSE),
    "zero-byte": (good() + b"\x00", "processed-errors", PARSE),
    "nested-10000": (good()[:-1] + b', "x": ' + b"[" * 10000 + b"]" * 10000 + b"}", "processed-errors",
                     PARSE),
    "nested-objects": (b'{"a":' * 10000 + b"1" + b"}" * 10000, "processed-errors", PARSE),
    "nested-open": (b"[" * 10000, "processed-errors", PARSE),
    "nested-500": (good()[:-1] + b', "x": ' + b"[" * 500 + b"]" * 500 + b"}", "processed-output", b"[" * 500),
    "duplicate-ip": (good()[:-1] + b', "ip": "5.6.7.8"}', "processed-output", b'"ip": "5.6.7.xxx"'),
    "escaped-ip": (good()[:-1] + b', "\\u0069p": "5.6.7.9"}', "processed-output", b'"5.6.7.xxx"'),
    "huge-integer": (good(n=10**400), "processed-output", b"1" + b"0" * 400),
    "huge-exponent": (good(n="@").replace(b'"@"', b"1e999999"), "processed-output", b"1e999999"),
    "huge-timestamp": (good(timestamp=10**400), "processed-output", b"1" + b"0" * 400),
    "huge-text-timestamp": (good(timestamp="1" + "0" * 400), "processed-errors",
                            "Invalid fields: timestamp: "),
    "text-timestamp": (good(timestamp="1729894074"), "processed-output", b'"timestamp": "1729894074"'),
    "word-timestamp": (good(timestamp="soon"), "processed-errors", "Invalid fields: timestamp: "),
    "null-device": (good(device_id=None), "processed-errors", "Missing fields: device_id"),
    "several-missing": (b'{"user_id":"u","ip":"9.8.7.6"}', "processed-errors",
                        "Missing fields: device_id, app_version, device_type, timestamp, locale"),
    "null-user": (good(user_id=None), "processed-errors", "Missing user_id"),
    "object-user": (good(user_id={}), "processed-errors", "Missing user_id"),
    "ip-number": (good(ip=1234567890), "processed-errors", "Transformation error: "),
    "ip-no-address": (good(ip="top-secret-host"), "processed-errors", "Transformation error: "),
    "ip-v6": (good(ip="2001:db8:1:2:3:4:5:6"), "processed-output", b'"2001:db8:1::"'),
    "device-object": (good(device_id={"serial": "SER-4711"}), "processed-errors", "Transformation error: "),
    "device-lone-surrogate": (good(device_id="@").replace(b"@", b"\\ud800-hidden"), "processed-errors",
                              "Transformation error: "),
    "old-version-bad-ip": (good(app_version="1.0.0", ip="hidden-host"), "cleaned-data", b'"clean_type"'),
    "version-number": (good(app_version=2.3), "cleaned-data", b'"clean_type"'),
    "empty-member-name": (good(**{"": 1}), "processed-output", b'"": 1'),
    "long-user": (good(user_id="u" * 300_000), "processed-output", b"u" * 300_000),
}  # fmt: skip


def test_bad_input_goes_where_the_reference_says_and_nothing_crashes(client, pipeline, weir, leaks):
    leaks.protect("dev-secret", "top-secret-host", "SER-4711", "-hidden", "hidden-host", "1234567890",
                  "2001:db8:1:2:3:4:5:6")  # fmt: skip
    records = [Record(value=v, key=k.encode()) for k, (v, _, _) in BAD_INPUT.items()]
    events = logins(200)
    client.produce(pipeline.source, records + [e.record() for e in events])
    w = weir("run", "-c", pipeline.dir, env=EVER)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    ended = Ended(client, pipeline)
    wrong = []
    for name, (value, topic, expected) in BAD_INPUT.items():
        found = ended.by_key.pop(name.encode(), [])
        if len(found) != 1 or found[0][0] != topic:
            wrong.append(f"{name}: ended on {[t for t, _ in found]}, not on {topic}")
            continue
        wrong += [f"{name}: {what}" for what in faults(value, found[0][1], expected)]
    assert not wrong, "\n".join(wrong)
    assert ended.check(events) == 0
    assert client.count(pipeline.topic("metrics-output")) == len(BAD_INPUT) + len(events)


def faults(value, record, expected):
    if isinstance(expected, bytes):
        if expected not in record.value:
            yield f"{expected[:60]!r} is not in {record.value[:300]!r}"
        return
    error = json.loads(record.value)
    if not error["error_type"].startswith(expected):
        yield f"{expected!r} does not begin {error['error_type']!r}"
    if expected == PARSE:
        if error["user_id"] != "Unknown" or error["message_content"] != {}:
            yield f"shows something of it: {record.value[:300]!r}"
    elif json.loads(value)["user_id"] == "u" and error["user_id"] != "u":
        yield f"has lost its id: {record.value[:300]!r}"
