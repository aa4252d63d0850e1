"""Nothing that the masker protects gets past it, whatever the document does to hide it: names written with
escapes, members and parents that stand twice, nulls and texts in the way, values of the wrong type, records
that are no JSON at all. Each document goes through `weir pipe` three times: on route main, on a side route,
and as one that has failed before. Every record has a secret of its own, which may stand in no output and in
no log line; key and headers carry it, too.
"""
import base64
import json

import pytest

CONF = """
[kafka]
bootstrap.servers = nowhere:9092

[chain c]
source = in
group  = g

[stage check]
plugin   = validator
allow.go = main, side

[stage side]
plugin = version_filter
field  = go
accept = main
to     = side

[stage pii]
plugin  = pii_masker
mask_ip = ip, net.ip
hash    = id, device.id, deep.a.id
redact  = mail, box.mail
remove  = sid, box.token
key     = hash
hash_headers   = h-hash
redact_headers = h-redact
remove_headers = h-remove

[stage out]
plugin = kafka_sink
topic  = out
header.added = here

[stage out-side]
plugin = kafka_sink
from   = side
topic  = side
format = cleaned
id     = device.id

[stage errors]
plugin = kafka_sink
from   = failed
topic  = errors
format = error
id     = ip

[stage metrics]
plugin = metrics
from   = *
id     = device.id
since  = device
emit   = more

[stage summary]
plugin = summary
from   = *
every  = 1
count  = ip, device, deep.a, net, id, sid, mail
emit   = more

[stage out-more]
plugin = kafka_sink
from   = more
topic  = more
"""

# Members of a document, and where it ends if nothing else is wrong with it. SECRET is made unique.
DOCUMENTS = {
    "the datum": (b'"id":"SECRET"', "out"),
    "an escaped name": (rb'"\u0069d":"SECRET"', "out"),
    "the second of two is escaped": (rb'"id":"a","\u0069\u0064":"SECRET"', "out"),
    "the first of two": (rb'"\u0069d":"SECRET","id":"a"', "out"),
    "the first of three": (b'"id":"SECRET","id":"b","id":"c"', "out"),
    "before a null": (b'"id":"SECRET","id":null', "out"),
    "before an escaped null": (rb'"id":"SECRET","\u0069d":null', "out"),
    "before a number": (b'"id":"SECRET","id":5', "errors"),
    "behind a number": (b'"id":5,"id":"SECRET"', "out"),
    "in a list": (b'"id":["SECRET"]', "errors"),
    "in an object": (b'"id":{"id":"SECRET"}', "errors"),
    "a member's name": (b'"id":{"SECRET":1}', "errors"),
    "a lone surrogate": (rb'"id":"\ud800SECRET"', "errors"),
    "no address": (b'"ip":"SECRET"', "errors"),
    "an address with a port": (b'"ip":"1.2.3.4:SECRET"', "errors"),
    "an address in an escaped name": (rb'"ip":"1.2.3.4","\u0069p":"SECRET"', "errors"),
    "a broken address before a good one": (b'"ip":"SECRET","ip":"1.2.3.4"', "out"),
    "a number for an address": (b'"ip":"SECRET","ip":16909060', "errors"),
    "to redact": (b'"mail":"SECRET"', "out"),
    "an object to redact": (b'"mail":{"a":["SECRET"]}', "out"),
    "to redact, before a null": (b'"mail":"SECRET","mail":null', "out"),
    "to remove": (b'"sid":"SECRET"', "out"),
    "to remove, before a null": (b'"sid":"SECRET","sid":null', "out"),
    "nested": (b'"device":{"id":"SECRET"}', "out"),
    "nested, all names escaped": (rb'"\u0064evice":{"i\u0064":"SECRET"}', "out"),
    "nested, twice": (b'"device":{"id":"SECRET","id":"abc"}', "out"),
    "nested, before a null": (b'"device":{"id":"SECRET","id":null}', "out"),
    "nested, a number": (b'"device":{"id":"SECRET","id":5}', "errors"),
    "nested, an object": (b'"device":{"id":{"a":"SECRET"}}', "errors"),
    "the parent itself": (b'"device":"SECRET"', "errors"),
    "a list for a parent": (b'"device":[{"id":"SECRET"}]', "errors"),
    "a text before the parent": (b'"device":"SECRET","device":{"id":"abc"}', "out"),
    "a list before the parent": (b'"device":["SECRET"],"device":{"id":"abc"}', "out"),
    "a text before an empty parent": (b'"device":"SECRET","device":{}', "out"),
    "a text before a null parent": (b'"device":"SECRET","device":null', "out"),
    "a text behind the parent": (b'"device":{"id":"abc"},"device":"SECRET"', "errors"),
    "the parent before a null": (b'"device":{"id":"SECRET"},"device":null', "out"),
    "the parent before an empty one": (b'"device":{"id":"SECRET"},"device":{}', "out"),
    "the parent behind an empty one": (b'"device":{},"device":{"id":"SECRET"}', "out"),
    "the parent before one with null": (b'"device":{"id":"SECRET"},"device":{"id":null}', "out"),
    "the parent before a number": (b'"device":{"id":"SECRET"},"device":5', "errors"),
    "the parent before an escaped one": (rb'"device":{"id":"SECRET"},"devic\u0065":{"id":"abc"}', "out"),
    "the parent between two": (b'"device":{},"device":{"id":"SECRET"},"device":{"id":"x"}', "out"),
    "deep": (b'"deep":{"a":{"id":"SECRET"}}', "out"),
    "deep, a text before the inner parent": (b'"deep":{"a":"SECRET","a":{"id":"abc"}}', "out"),
    "deep, a text behind the inner parent": (b'"deep":{"a":{"id":"abc"},"a":"SECRET"}', "errors"),
    "deep, a text before the outer parent": (b'"deep":"SECRET","deep":{"a":{"id":"abc"}}', "out"),
    "deep, in another outer parent": (b'"deep":{"a":"SECRET"},"deep":{"a":{"id":"abc"}}', "out"),
    "deep, before a null inner parent": (b'"deep":{"a":{"id":"SECRET"}},"deep":{"a":null}', "out"),
    "deep, before a null outer parent": (b'"deep":{"a":{"id":"SECRET"}},"deep":null', "out"),
    "deep, before another shape": (b'"deep":{"a":{"id":"SECRET"}},"deep":{"b":1}', "out"),
    "the inner parent itself": (b'"deep":{"a":"SECRET"}', "errors"),
    "a nested address": (b'"net":{"ip":"SECRET"}', "errors"),
    "a nested member to remove": (b'"box":{"token":"SECRET","x":1}', "out"),
    "removed, and a text before the parent": (b'"box":"SECRET","box":{"token":"x"}', "out"),
    "removed, and a text behind the parent": (b'"box":{"token":"x"},"box":"SECRET"', "errors"),
    "two fields in one parent": (b'"box":{"token":"SECRET","mail":"SECRET"}', "out"),
    # Another field fails first: what was not looked at yet goes all the same.
    "behind a fault": (b'"id":5,"mail":"SECRET","sid":"SECRET","ip":"SECRET"', "errors"),
    "behind a fault, nested": (b'"id":5,"net":{"ip":"SECRET"}', "errors"),
    "behind a fault, a text before the parent": (b'"id":5,"net":"SECRET","net":{"ip":"1.2.3.4"}', "errors"),
    "behind a fault, a text behind the parent": (b'"id":5,"net":{"ip":"1.2.3.4"},"net":"SECRET"', "errors"),
    "behind a fault, before a null": (b'"id":5,"net":{"ip":"SECRET"},"net":null', "errors"),
    "behind a fault, before an empty parent": (b'"id":5,"box":{"token":"SECRET"},"box":{}', "errors"),
    "behind a fault, a deep one": (b'"id":5,"deep":{"a":"SECRET","a":{"id":"x"}}', "errors"),
    # Withheld: no sink sees a byte of these.
    "cut off": (b'"id":"SECRET', "errors"),
    "a raw control character": (b'"id":"SECRET\x01"', "errors"),
    "not UTF-8": (b'"id":"SECRET\xff"', "errors"),
    "something behind the end": (b'"id":"SECRET"} {"id":"SECRET"', "errors"),
    "too deep": (b'"id":"SECRET","x":' + b"[" * 600 + b"]" * 600, "errors"),
}
ROUTES = {"main": None, "side": "side", "failed": "errors"}


def secret(number):
    return b"secret%05dx" % number


def record(members, route, own):
    value = b'{"go":"%s",%s}' % (route.encode(), members.replace(b"SECRET", own))
    headers = [[name, own.decode()] for name in ("h-hash", "h-redact", "h-remove", "h-hash")]
    return {"key": own.decode(), "value_base64": base64.b64encode(value).decode(), "headers": headers}


def cases():
    """(name, route, members, where it ends), in the order in which they are sent."""
    for name, (members, ends) in DOCUMENTS.items():
        for route, elsewhere in ROUTES.items():
            broken = not is_json(members)
            yield name, route, members, "errors" if broken else elsewhere or ends


def is_json(members):
    """Strict enough for these documents; Python's own parser does not count depth."""
    if members.count(b"[") > 512:
        return False
    try:
        json.loads(b"{" + members + b"}")
    except ValueError:
        return False
    return True


def decoded(line):
    """An output line with every escape undone, and with members that stand twice."""
    return repr(json.loads(line, object_pairs_hook=list)).encode()


@pytest.fixture(name="conf")
def fixture_conf(tmp_path):
    (tmp_path / "leaks.conf").write_text(CONF)
    return tmp_path


def run(weir_call, conf, records):
    stdin = "".join(json.dumps(r) + "\n" for r in records).encode()
    done = weir_call("pipe", "-c", conf, "--envelopes", "--now", 0, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.splitlines(), done.stderr


def test_nothing_protected_leaves_the_masker(weir_call, conf):
    table = list(cases())
    lines, log = run(weir_call, conf, [record(c[2], c[1], secret(i)) for i, c in enumerate(table)])

    for i, (name, route, members, _) in enumerate(table):
        own = secret(i)
        for line in lines:
            shown = own in line or own in decoded(line)
            assert not shown, f"{name}, on {route}: {members!r} -> {line!r}"
        assert own not in log, f"{name}, on {route}: in the log"


def test_every_document_ends_where_it_should(weir_call, conf):
    table = list(cases())
    lines, _ = run(weir_call, conf, [record(c[2], c[1], secret(i)) for i, c in enumerate(table)])
    ended = [json.loads(line)["topic"] for line in lines]
    ended = [topic for topic in ended if topic != "more"]

    assert len(ended) == len(table)
    for (name, route, members, expected), topic in zip(table, ended):
        assert topic == expected, f"{name}, on {route}: {members!r}"


def test_the_search_finds_what_is_not_protected(weir_call, conf):
    """The same search, on a member that nobody masks: if it found nothing there, it would prove nothing."""
    lines, _ = run(weir_call, conf, [record(b'"other":"SECRET"', "main", rb"se\u0063ret")])

    assert any(b"secret" in decoded(line) for line in lines)
