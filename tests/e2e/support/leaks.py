"""Looks for what must not be seen: every protected value of every record that a test wrote to its source, on
every output topic (key, value, headers), on standard output and in the logs of weir.

The values are taken from the source topic itself, so no test can forget to name one. An address or an
identifier of the usual form is looked for by its form, which is quick for a hundred thousand of them;
anything else, as it stands. A test may add what it hides elsewhere (in a key, in a record that is no JSON) by
protect().
"""
import json
import re

SHAPES = re.compile(rb"[0-9]+(?:\.[0-9]+){3}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MEMBERS = re.compile(rb'"(?:ip|device_id|\\u0069p)"\s*:\s*("(?:[^"\\]|\\.)*"|[^\s,}"]+)')


class Leaks:
    """The protected values of one test."""

    def __init__(self):
        self.shaped = set()
        self.others = set()
        self.texts = []  # (where, bytes) to look at once everything is known

    def protect(self, *values):
        for v in values:
            v = v.encode() if isinstance(v, str) else v
            (self.shaped if SHAPES.fullmatch(v) else self.others).add(v)

    def learn(self, records):
        """From the source: what stands in `ip` and `device_id`, also where the value is broken."""
        for r in records:
            for text in MEMBERS.findall(r.value or b""):
                self._learn_member(text)

    def _learn_member(self, text):
        if not text.startswith(b'"'):
            value = text
        else:
            try:
                value = json.loads(text).encode()
            except ValueError:
                value = text[1:-1]
        if len(value) > 3 and value not in (b"true", b"false", b"null"):
            self.protect(value)

    def look(self, where, data):
        found = self.shaped.intersection(SHAPES.findall(data)) if self.shaped else set()
        found |= {v for v in self.others if v in data}
        assert not found, f"{len(found)} protected values are in {where}, one of them: {found.pop()!r}"

    def look_at_texts(self):
        for where, data in self.texts:
            self.look(where, data)

    def look_at_records(self, topic, records):
        pieces = []
        for r in records:
            pieces += [r.key or b"", r.value or b""]
            for name, value in r.headers:
                pieces += [name.encode(), value or b""]
        self.look(f"topic {topic}", b"\n".join(pieces))
