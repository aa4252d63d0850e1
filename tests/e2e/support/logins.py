"""Login events with faults in known numbers, and what must become of each.

Every event has a key that no other has, so that it is found again on whatever topic it ended, even where
nothing of its value may be shown. An outcome is compared whole: the masked value byte by byte, the others
member by member. `weir generate` was rejected as the source of these: it shares its idea of an event with
weir.
"""
import hashlib
import json
import random
import uuid
from collections import Counter
from dataclasses import dataclass

from .kafka import Record

OUTCOMES = ("processed-output", "processed-errors", "cleaned-data")
ENDS = {
    "good": "processed-output",
    "missing": "processed-errors",
    "no_user": "processed-errors",
    "malformed": "processed-errors",
    "version": "cleaned-data",
    "poison": "processed-errors",
    "old": None,
}
REASONS = {
    "missing": "Missing fields: device_type",
    "no_user": "Missing user_id",
    "malformed": "Message parsing error: ",
    "poison": "Plugin crash: ",
}


@dataclass
class Login:
    """One event. kind: a name of ENDS."""

    key: bytes
    kind: str
    value: bytes
    masked: bytes
    ip: str
    device_id: str

    def record(self, **more):
        if self.kind == "old":
            more["timestamp"] = 1_600_000_000_000
        return Record(value=self.value, key=self.key, **more)


def logins(count, seed=1, name="u", **faults):
    """`count` events in random order, of which faults[kind] are of that kind; the others are good.
    name: what their keys begin with."""
    chance = random.Random(seed)
    kinds = [kind for kind, n in faults.items() for _ in range(n)]
    kinds += ["good"] * (count - len(kinds))
    chance.shuffle(kinds)
    return [_login(chance, f"{name}-{n:06}", kind) for n, kind in enumerate(kinds)]


def _login(chance, name, kind):
    ip = ".".join(str(chance.randrange(11, 255)) for _ in range(4))
    device_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
    event = {
        "user_id": name,
        "app_version": "1.9.7" if kind == "version" else "2.3.0",
        "ip": ip,
        "locale": chance.choice(("TX", "NM", "KS", "\u00d6\u2603")),
        "device_id": device_id,
        "timestamp": 1729894074,
        "device_type": chance.choice(("iOS", "android")),
    }
    if kind == "missing":
        del event["device_type"]
    elif kind == "no_user":
        event["user_id"] = ""
    text = json.dumps(event, ensure_ascii=False)
    if kind == "malformed":
        text = text[:-1]
    masked = text.replace(ip, ip[: ip.rindex(".") + 1] + "xxx")
    masked = masked.replace(device_id, hashlib.sha256(device_id.encode()).hexdigest())
    return Login(name.encode(), kind, text.encode(), masked.encode(), ip, device_id)


class Ended:
    """What stands on the outcome topics of a pipeline."""

    def __init__(self, client, pipeline):
        self.topics = {t: client.read(pipeline.topic(t)) for t in OUTCOMES}
        self.by_key = {}
        for topic, records in self.topics.items():
            for r in records:
                self.by_key.setdefault(r.key, []).append((topic, r))

    def counts(self):
        return {topic: len(records) for topic, records in self.topics.items()}

    def check(self, events):
        """Each event ended where it should, with the right content, at least once, and nothing else is there.
        Returns the number of repeats."""
        for e in events:
            found = self.by_key.get(e.key, [])
            if ENDS[e.kind] is None:
                assert not found, f"{e.key} ({e.kind}) was to be skipped, and ended on {found[0][0]}"
                continue
            assert found, f"{e.key} ({e.kind}) is lost"
            for topic, r in found:
                assert topic == ENDS[e.kind], f"{e.key} ({e.kind}) ended on {topic}"
                _check_content(e, r)
        strangers = set(self.by_key) - {e.key for e in events}
        assert not strangers, f"records that nobody wrote: {sorted(strangers)[:5]}"
        expected = sum(1 for e in events if ENDS[e.kind])
        return sum(map(len, self.by_key.values())) - expected

    def check_once(self, events):
        """As check(), and none is repeated."""
        repeats = self.check(events)
        assert repeats == 0, f"{repeats} repeats, the first: {self._first_repeat()}"
        assert self.counts() == expected_counts(events)

    def _first_repeat(self):
        repeated = (v for v in self.by_key.values() if len(v) > 1)
        return next([(t, r.key, r.partition, r.offset) for t, r in found] for found in repeated)

    def check_order(self, source):
        """Within each partition of a topic, the outcomes of one partition of the source (the records as read)
        stand in the order of their offsets, repeats aside."""
        at = {r.key: (r.partition, r.offset) for r in source}
        for topic, records in self.topics.items():
            newest = {}
            seen = set()
            for r in records:
                partition, offset = at[r.key]
                pair = (r.partition, partition)
                if r.key not in seen:
                    last = newest.get(pair, -1)
                    assert last < offset, f"{topic}: {r.key} stands behind offset {last}"
                    newest[pair] = offset
                seen.add(r.key)


def expected_counts(events):
    """How many records each outcome topic gets."""
    kinds = Counter(ENDS[e.kind] for e in events)
    return {t: kinds[t] for t in OUTCOMES}


def _check_content(e, r):
    if e.kind == "good":
        assert r.value == e.masked, f"{e.key}: {r.value}"
        return
    got = json.loads(r.value)
    assert isinstance(got.pop("timestamp"), int)
    content = {} if e.kind == "malformed" else json.loads(e.masked)
    user = "Unknown" if e.kind in ("malformed", "no_user") else e.key.decode()
    if e.kind == "version":
        assert got == {"user_id": user, "message_content": content, "clean_type": "filtered_app_version"}, got
        return
    reason = got.pop("error_type")
    assert reason.startswith(REASONS[e.kind]), reason
    assert e.kind in ("malformed", "poison") or reason == REASONS[e.kind], reason
    assert got == {"user_id": user, "message_content": content}, got
