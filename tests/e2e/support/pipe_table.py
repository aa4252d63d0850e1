"""Reads pipe_table/*.txt: records, and exactly what `weir pipe` writes for them.

    === a sentence that names the row
    $ --refuse TOPIC=record          more arguments
    % stage summary: every = 2       a change of the shipped configuration
    each NAME NAME                   the row once for each of the lines that follow; $NAME below stands for a
    a b                              word of it (the last name takes the rest; `·` is a blank)
    < {"user_id": …}                 a record: its value
    << {"value": …, "key": …}        a record as an envelope
    > TOPIC ATTRIBUTE=… VALUE        a line of output: what is not said is as usual (below)
    m ID TIME                        the metrics record of the line above
    ! STATUS TEXT                    the exit status, and the last line of standard error

Attributes of an output line: key= and key_base64= (null), headers= ([]), timestamp= (now), stage=NAME: it
has the headers of Kafka Connect, with offset= (1) and the reason that stands in the value, and more= behind
them. A `*` as a word of `each` stands for any text. {{ff}} is a byte, {{x*200}} a row of them, {{sha:TEXT}}
and {{hmac:KEY:TEXT}} are hashes. $P is what the pipeline protects, $M the same masked, $A and $V the other
members.

A file of JSON was rejected: the values would be escaped twice, and nobody would read it.
"""
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "pipe_table"
NOW = 1729894075250
SHORT = {
    "P": '"ip": "70.201.62.158", "device_id": "device-1"',
    "M": '"ip": "70.201.62.xxx", "device_id": "{{sha:device-1}}"',
    "A": '"app_version": "2.3.0", "locale": "KS", "timestamp": 1729894074, "device_type": "iOS"',
    "V": '"app_version": "2.3.0"',
}
ANY = b"any-text-at-all"


@dataclass
class Row:
    name: str
    args: list = field(default_factory=list)
    changes: list = field(default_factory=list)  # (section, option, value)
    records: list = field(default_factory=list)  # lines of standard input, bytes
    envelopes: bool = False
    expected: list = field(default_factory=list)  # lines of standard output, bytes
    status: int = 0
    last_words: str = None

    def values(self):
        """The values that go in."""
        return [_value(line) if self.envelopes else line for line in self.records]

    def pattern(self):
        """All of standard output, as a regular expression."""
        text = b"".join(line + b"\n" for line in self.expected)
        return re.escape(text).replace(re.escape(ANY), rb'[^"]*')


def _value(line):
    value = json.loads(line).get("value")
    return value.encode() if value else b""


def load():
    """Every row of every file."""
    rows = []
    for path in sorted(TABLE.glob("*.txt")):
        parts = re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.M)
        for part in parts[1:]:
            rows += _rows(path.stem, part.split("\n"))
    assert rows, "the table is empty"
    return rows


def _rows(file, lines):
    name, lines = f"{file}: {lines[0]}", [line for line in lines[1:] if line]
    at = next((i for i, line in enumerate(lines) if line.startswith("each ")), None)
    if at is None:
        return [_row(name, lines, {})]
    names = lines[at].split()[1:]
    end = next(i for i, line in enumerate(lines) if i > at and re.match(r"(<<?|>|m|[$%!])( |$)", line))
    rows = []
    for words in lines[at + 1 : end]:
        found = [w.replace("·", " ") for w in words.split(" ", len(names) - 1)]
        assert len(found) == len(names), f"{name}: {words}"
        known = dict(zip(names, found))
        rows.append(_row(f"{name} [{words[:40]}]", lines[:at] + lines[end:], known))
    return rows


def _row(name, lines, known):
    row = Row(name)
    topic = None
    for line in lines:
        sign, _, rest = line.partition(" ")
        if sign == "$":
            row.args += rest.split()
        elif sign == "%":
            section, option, value = re.fullmatch(r"(.+?): (.+?) = (.*)", rest).groups()
            row.changes.append((section, option, value))
        elif sign in ("<", "<<"):
            row.envelopes = sign == "<<"
            row.records.append(_expand(rest, known))
        elif sign == ">":
            topic = rest.split()[0] if not rest.startswith("summary") else topic
            row.expected.append(_output(rest, known))
        elif sign == "m":
            row.expected.append(_metrics(rest, topic, known))
        elif sign == "!":
            status, row.last_words = rest.split(" ", 1)
            row.status = int(status)
        else:
            raise AssertionError(f"{name}: what is {line!r}?")
    assert row.records, f"{name}: no record"
    return row


def _expand(text, known):
    for values in (known, SHORT):
        text = re.sub(r"\$([A-Z]+)", lambda m, v=values: v.get(m.group(1), m.group(0)), text)
    data = text.encode()
    data = re.sub(rb"\{\{([0-9a-f]{2})\}\}", lambda m: bytes.fromhex(m.group(1).decode()), data)
    data = re.sub(rb"\{\{([^{}]+)\*([0-9]+)\}\}", lambda m: m.group(1) * int(m.group(2)), data)
    data = re.sub(rb"\{\{sha:([^{}]*)\}\}", lambda m: hashlib.sha256(m.group(1)).hexdigest().encode(), data)
    data = re.sub(rb"\{\{hmac:([^{}:]*):([^{}]*)\}\}", _hmac, data)
    return b"" if data == b"{{}}" else data


def _hmac(m):
    return hmac.new(m.group(1), m.group(2), hashlib.sha256).hexdigest().encode()


def _dump(value):
    return json.dumps(value, ensure_ascii=False)


def _output(text, known):
    known = {k: ANY.decode() if v == "*" else v for k, v in known.items()}
    text = _expand(text, known).decode()
    topic, text = text.split(" ", 1)
    said = {}
    while m := re.match(r"(key|headers|more)=|(\w+)=(\S*) ", text):
        if m.group(1):
            said[m.group(1)], end = json.JSONDecoder().raw_decode(text, m.end())
            text = text[end + 1 :]
        else:
            said[m.group(2)] = m.group(3)
            text = text[m.end() :]
    headers = said.get("headers", []) + _connect(said, text) + said.get("more", [])
    key = f'"key": {_dump(said.get("key"))}'
    if "key_base64" in said:
        key = f'"key_base64": {said["key_base64"]}'
    return (
        f'{{"topic": "{topic}", {key}, "value": {text}, "headers": {_dump(headers)}, '
        f'"timestamp": {said.get("timestamp", NOW)}}}'
    ).encode()


def _connect(said, value):
    if "stage" not in said:
        return []
    reason = re.search(r'"error_type": "([^"]*)"', value).group(1)
    prefix = "__connect.errors."
    return [
        [prefix + "topic", "user-login"],
        [prefix + "partition", "0"],
        [prefix + "offset", said.get("offset", "1")],
        [prefix + "stage", said["stage"]],
        [prefix + "exception.message", reason],
    ]


def _metrics(text, topic, known):
    ident, took = text.rsplit(" ", 1)
    detail = (
        f'{{"message_id": "{ident}", "processing_time": {took}, "topic": "{topic}", '
        f'"timestamp": {NOW // 1000}.{NOW % 1000:03}}}'
    )
    return _output(f'metrics-output {{"message_details": [{detail}]}}', known)
