"""The command line of `weir pipe`, `weir check` and `weir plugins`: its options, its input and output forms,
and exactly what it says about mistakes, with the exit status."""
import json
import os
import subprocess

import pytest

from support.pipeline import ROOT, Pipeline
from support.weir import binary, call

NOW = 1729894075250
BYTES = (
    "[kafka]\nbootstrap.servers = localhost:1\n"
    "[chain {name}]\nsource = {name}-in\ngroup = g\nvalue_format = bytes\n"
    "[stage out]\nplugin = kafka_sink\ntopic = {name}-out\n"
    "[stage failed]\nplugin = kafka_sink\nfrom = failed\ntopic = {name}-failed\n"
)
PLUGINS = "age_filter kafka_sink metrics pii_masker summary validator version_filter".split()


@pytest.fixture
def conf(tmp_path):
    """A chain `a` that copies its records, whatever they are."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.conf").write_text(BYTES.format(name="a"))
    return tmp_path / "conf.d"


def pipe(conf, stdin, *args):
    return call("pipe", "-c", conf, "--now", NOW, *args, stdin=stdin)


def out(key='"key": null', value='"value": null', headers="[]", timestamp=NOW):
    """The line of output for a record: each member as it is written."""
    return f'{{"topic": "a-out", {key}, {value}, "headers": {headers}, "timestamp": {timestamp}}}\n'.encode()


ENVELOPES = [
    ("nothing given", "{}", out()),
    (
        "all given",
        '{"key": "k", "value": "v", "headers": [["h", "1"], ["h", null]], "timestamp": 5, "topic": "t", '
        '"partition": 3, "offset": 9}',
        out('"key": "k"', '"value": "v"', '[["h", "1"], ["h", null]]', 5),
    ),
    ("a value that is JSON", '{"value": " [1, 2.0] "}', out(value='"value": [1, 2.0]')),
    ("a value with line ends", '{"value": "{\\n\\r\\n}"}', out(value='"value": {   }')),
    ("a text", '{"value": "a\\"\\u0001é"}', out(value='"value": "a\\"\\u0001é"')),
    ("an empty value", '{"value": "", "key": ""}', out('"key": ""', '"value": ""')),
    (
        "no text",
        '{"value_base64": "/wA=", "key_base64": "//8="}',
        out('"key_base64": "//8="', '"value_base64": "/wA="'),
    ),
    ("base64 of text", '{"value_base64": "e30=", "key_base64": ""}', out('"key": ""', '"value": {}')),
    ("a NUL", '{"key": "a\\u0000b"}', out('"key": "a\\u0000b"')),
    (
        "a header that is no text",
        '{"headers": [["h", {"base64": "/w=="}]]}',
        out(headers='[["h", {"base64": "/w=="}]]'),
    ),
    ("no timestamp", '{"timestamp": null}', out()),
    ("the least timestamp", '{"timestamp": -9223372036854775808}', out(timestamp=-9223372036854775808)),
    ("blanks around", '  {"key" : "k"}\t', out('"key": "k"')),
]


@pytest.mark.parametrize("line, expected", [r[1:] for r in ENVELOPES], ids=[r[0] for r in ENVELOPES])
def test_an_envelope(conf, line, expected):
    done = pipe(conf, line.encode() + b"\n", "--envelopes")
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, b"")


NO_OBJECT = "is not one valid JSON object"
PAIRS = "must be an array of [name, value] pairs"
# A line, the member that the message names (None: the line as a whole), and what it says.
BROKEN = [
    ("x", None, NO_OBJECT),
    ("", None, NO_OBJECT),
    ("[]", None, NO_OBJECT),
    ("{}{}", None, NO_OBJECT),
    ("{'key': 'k'}", None, NO_OBJECT),
    (
        '{"kye": "k"}',
        "kye",
        "is no member of an envelope: key, key_base64, value, value_base64, headers, timestamp, topic, "
        "partition, offset",
    ),
    ('{"key": 5}', "key", "must be a string or null"),
    ('{"value": {"ip": "70.201.62.158"}}', "value", "must be a string or null"),
    ('{"value_base64": "e30"}', "value_base64", "must be base64, with its padding"),
    ('{"value_base64": null}', "value_base64", "must be a string of base64"),
    ('{"timestamp": "5"}', "timestamp", "must be a whole number"),
    ('{"timestamp": 5.0}', "timestamp", "must be a whole number"),
    ('{"timestamp": 9223372036854775808}', "timestamp", "is out of range"),
    ('{"offset": -1}', "offset", "is out of range"),
    ('{"partition": 2147483648}', "partition", "is out of range"),
    ('{"topic": null}', "topic", "must be a string"),
    ('{"headers": {"a": "b"}}', "headers", PAIRS),
    ('{"headers": [["a"]]}', "headers", PAIRS),
    ('{"headers": [[null, "a"]]}', "headers", "must have names that are strings"),
    ('{"headers": [["a", 1]]}', "headers", "must be a string or null"),
]


@pytest.mark.parametrize("line, member, what", BROKEN, ids=[r[0] for r in BROKEN])
def test_a_broken_envelope_is_told_with_its_line(conf, line, member, what):
    done = pipe(conf, b"{}\n" + line.encode() + b"\n{}\n", "--envelopes")
    about = f'has a member "{member}" that {what}' if member else what
    assert done.returncode == 65
    assert done.stderr.decode() == f"weir pipe: standard input, line 2 {about}\n"
    assert done.stdout.count(b"\n") == 1  # what stood before it came through


def test_a_line_is_a_value(conf):
    done = pipe(conf, b"a\n\n \xff\x00\nlast without a line end")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    values = [line.get("value", line.get("value_base64")) for line in lines]
    assert values == ["a", "", "IP8A", "last without a line end"]


def test_output_values(conf):
    done = pipe(conf, b" {\"a\" :  1} \n\xff\n\n", "--output", "values")
    assert done.stdout == b'a-out\t {"a" :  1} \na-out\t\xff\na-out\t\n'


def careless(conf, how):
    folder = os.path.join(os.path.dirname(binary()), "tests", "plugins")
    text = f"[host]\nplugin_path = {folder}\n" + BYTES.format(name="a")
    text = text.replace("plugin = kafka_sink\ntopic = a-out", f"plugin = careless\nhow = {how}\ntopic = a-out")
    (conf / "a.conf").write_text(text)


def test_what_a_plugin_prints_is_no_record(conf):
    careless(conf, "print")
    done = pipe(conf, b"1\n2\n", "--output", "values")
    assert (done.returncode, done.stdout) == (0, b"a-out\t1\na-out\t2\n")
    assert sorted(done.stderr.splitlines()) == [b"hello from create"] + 2 * [b"hello from process"]


def test_a_sink_that_keeps_its_records_is_told(conf):
    careless(conf, "keep")
    done = pipe(conf, b"1\n2\n", "--output", "values")
    assert (done.returncode, done.stdout) == (70, b"")
    assert b"weir pipe: records that a stage holds were never sent, not even by its flush: 2\n" in done.stderr


def test_no_input_gives_no_output(conf):
    done = pipe(conf, b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_default_of_an_offset_is_the_number_of_the_line(tmp_path):
    conf = Pipeline(tmp_path / "conf.d", "")
    done = pipe(conf.dir, b"{}\n{}\n", "--output", "envelopes")
    errors = [json.loads(line) for line in done.stdout.splitlines() if b"processed-errors" in line[:40]]
    assert [dict(e["headers"])["__connect.errors.offset"] for e in errors] == ["1", "2"]


def test_one_of_several_chains(conf):
    (conf / "b.conf").write_text(BYTES.format(name="b").split("\n", 2)[2])
    done = pipe(conf, b"x\n")
    assert done.returncode == 64
    assert f"weir pipe: {conf} has 2 chains; choose one with --chain NAME\n" in done.stderr.decode()
    assert b'"b-out"' in pipe(conf, b"x\n", "--chain", "b").stdout
    assert b'"a-out"' in pipe(conf, b"x\n", "--chain=a").stdout
    done = pipe(conf, b"x\n", "--chain", "c")
    assert done.returncode == 64
    assert f'weir pipe: {conf} has no chain "c"' in done.stderr.decode()


USAGE = [
    (["--nwo", "5"], 'unknown option "--nwo" (did you mean "--now"?)'),
    (["--enveloppes"], 'unknown option "--enveloppes" (did you mean "--envelopes"?)'),
    (["--zzzzzz"], 'unknown option "--zzzzzz"'),
    (["-x"], 'unknown option "-x"'),
    (["--now"], "--now needs a value"),
    (["--now", "today"], '--now: "today" is no MS'),
    (["--output", "xml"], '--output: "xml" is no FORM'),
    (["--refuse", "t"], '--refuse: "t" is no TOPIC=FAULT'),
    (["--refuse", "t=size"], '--refuse: "t=size" is no TOPIC=FAULT'),
    (["--refuse", "t=size:big"], '--refuse: "t=size:big" is no TOPIC=FAULT'),
    (["--refuse", "t=moody"], '--refuse: "t=moody" is no TOPIC=FAULT'),
    (["--refuse", "=record"], '--refuse: "=record" is no TOPIC=FAULT'),
    (["records.txt"], 'what is "records.txt"? records come on standard input'),
    (["--envelopes=yes"], "--envelopes takes no value"),
    (["--help=yes"], "--help takes no value"),
]


@pytest.mark.parametrize("args, message", USAGE, ids=[" ".join(r[0]) for r in USAGE])
def test_a_wrong_command_line(args, message):
    done = call("pipe", *args)
    assert done.returncode == 64
    assert done.stderr.decode() == f"weir pipe: {message}\nTry 'weir pipe --help'.\n"
    assert done.stdout == b""


def test_help_names_every_option():
    done = call("pipe", "--help")
    assert done.returncode == 0 and done.stderr == b""
    for option in ("--config", "--chain", "--envelopes", "--output", "--now", "--refuse", "--help"):
        assert option in done.stdout.decode()


def test_what_is_allowed_and_hardly_meant_is_warned_of(conf):
    """Two chains that share out one source, and JSONPath where a member's name belongs."""
    chain = (
        "[chain {0}]\nsource = in\ngroup = g\n[stage pii]\nplugin = pii_masker\nmask_ip = {1}\n"
        "[stage out]\nplugin = kafka_sink\nfrom = *\ntopic = out-{0}\n"
    )
    (conf / "a.conf").write_text("[kafka]\nbootstrap.servers = localhost:1\n" + chain.format("a", "$.ip, x[0].ip"))
    (conf / "b.conf").write_text(chain.format("b", "device.ip"))
    done = call("check", "-c", conf)
    log = done.stderr.decode().replace(str(conf) + "/", "")
    member = "is a member of just that name: paths are names joined by dots, not JSONPath, and reach into no arrays"
    assert done.returncode == 0
    assert [line for line in log.splitlines() if "hash_key" not in line] == [
        f'a.conf:6: warning: stage "pii": the field "$.ip" {member}',
        f'a.conf:6: warning: stage "pii": the field "x[0].ip" {member}',
        'b.conf:1: warning: chain "b": it has the source and the group of chain "a" (a.conf:3), so that each gets some '
        "of the records: for all of them it needs a group of its own",
    ]


def test_a_loop_is_told_within_one_cluster(conf):
    """Over one chain it is an error, over several a warning; between two clusters it is none."""

    def check(**chains):
        for file in conf.glob("*.conf"):
            file.unlink()
        for name, (source, topic, more) in chains.items():
            (conf / f"{name}.conf").write_text(
                f"[chain {name}]\nsource = {source}\ngroup = {name}\n"
                f"consumer.bootstrap.servers = one:1, two:2\nproducer.bootstrap.servers = {more}\n"
                f"[stage out]\nplugin = kafka_sink\nfrom = *\ntopic = {topic}\n"
            )
        done = call("check", "-c", conf)
        return [line for line in done.stderr.decode().replace(f"{conf}/", "").splitlines() if "group of" not in line]

    back = "what it sends comes in again, by way of chain"
    assert check(a=("t", "t", "two:2"))[0] == (
        'a.conf:9: stage "out": topic "t" is the source of this chain: what it sends would come in again'
    )
    assert check(a=("t", "t", "three:3")) == []
    assert check(a=("t", "u", "two:2"), b=("u", "t", "one:1")) == [f'a.conf:1: warning: chain "a": {back} "b"']
    assert check(a=("t", "u", "two:2"), b=("u", "t", "three:3")) == []
    assert check(a=("x", "y", "two:2"), b=("s", "t", "two:2"), c=("u", "s", "two:2"), d=("t", "u", "two:2")) == [
        f'b.conf:1: warning: chain "b": {back} "d", "c"'
    ]


def test_a_socket_that_cannot_be_made_is_told(conf):
    (conf / "a.conf").write_text(
        "[kafka]\nbootstrap.servers = one:1\n[chain a]\nsource = in\ngroup = g\n"
        "[stage out]\nplugin = kafka_sink\nfrom = *\ntopic = out\n"
    )
    for socket, said in (
        ("/nowhere/x.sock", "no socket can be made in /nowhere: No such file or directory"),
        ("/" + 120 * "x", f"/{120 * 'x'}: the path of a socket has at most 107 bytes"),
        ("weir.sock", None),
    ):
        (conf / "host.conf").write_text(f"[host]\nlog_level = info\nsocket = {socket}\n")
        done = call("check", "-c", conf)
        log = done.stderr.decode().replace(f"{conf}/", "")
        assert done.returncode == 0
        assert log == "" if said is None else log.startswith(f"host.conf:3: warning: [host]: socket: {said}")


def test_times_that_do_not_go_together_are_told(conf):
    (conf / "host.conf").write_text("[host]\nstop_timeout = 20s\n")
    (conf / "a.conf").write_text(
        "[kafka]\nbootstrap.servers = one:1\nmax.poll.interval.ms = 10000\n"
        "[chain a]\nsource = in\ngroup = g\nconsumer.max.poll.interval.ms = 20000\ndrain_timeout = 25s\n"
        "[stage out]\nplugin = kafka_sink\nfrom = *\ntopic = out\nstage_timeout = 20s\n"
        "[stage too]\nplugin = kafka_sink\nfrom = *\ntopic = out\nstage_timeout = 19s\n"
    )
    done = call("check", "-c", conf)
    lost = "and the group takes the partitions away after the consumer's max.poll.interval.ms: make that longer"
    assert done.returncode == 0
    assert done.stderr.decode().replace(f"{conf}/", "").splitlines() == [
        'a.conf:8: warning: chain "a": a stop is cut short before drain_timeout is over: make [host] stop_timeout '
        "longer",
        f'a.conf:8: warning: chain "a": a rebalance may wait for drain_timeout, {lost}',
        f'a.conf:13: warning: stage "out": a call may take as long as stage_timeout, {lost}',
    ]


def test_a_broken_configuration_is_told_whole(conf):
    (conf / "a.conf").write_text(
        "[kafka]\nbootstrap.servers = localhost:1\n[chain a]\nsource = in\ngroup = g\n"
        "[stage age]\nplugin = age_filter\nmax_aeg = 5s\n"
        "[stage check]\nplugin = validator\n"
        "[stage route]\nplugin = version_filter\nfield = v\naccept = 1\nto = nowhere\n"
        "[stage out]\nplugin = kafka_sink\ntopic = out\n"
    )
    for command in ("pipe", "check"):
        done = call(command, "-c", conf, stdin=b"")
        log = done.stderr.decode().replace(str(conf) + "/", "")
        assert done.returncode == 78 and done.stdout == b""
        assert log.splitlines()[:5] == [
            'a.conf:3: warning: chain "a": no sink takes route "failed", so the chain stops at the first '
            "failure",
            'a.conf:8: stage "age": unknown option "max_aeg" (did you mean "max_age"?)',
            'a.conf:9: stage "check": nothing to check: give at least one check, such as required = NAME',
            'a.conf:14: warning: stage "route": accept: item 1 takes its text and no other; a range such '
            "as >=2.3 <2.4 takes every 2.3.x",
            'a.conf:15: stage "route": no sink behind it takes route "nowhere"; add one with from = nowhere',
        ]


def test_a_directory_that_is_not_there(tmp_path):
    done = call("pipe", "-c", tmp_path / "nothing", stdin=b"")
    assert done.returncode == 78
    assert str(tmp_path / "nothing") in done.stderr.decode()


def test_a_plugin_that_is_not_there(conf):
    text = BYTES.format(name="a").replace("plugin = kafka_sink", "plugin = kafka_snik", 1)
    (conf / "a.conf").write_text(text)
    done = call("check", "-c", conf)
    assert done.returncode == 78
    message = 'a.conf:8: stage "out": plugin: there is no plugin "kafka_snik": no kafka_snik.so in '
    assert message in done.stderr.decode()


@pytest.mark.parametrize("target", ["/dev/full", None])
def test_an_output_that_cannot_be_written(conf, target):
    """A full disk, and no standard output at all."""
    stdout = open(target, "wb") if target else None
    done = subprocess.run(
        [binary(), "pipe", "-c", conf, "--now", "0"],
        input=b"x\n" * 20000, stdout=stdout, stderr=subprocess.PIPE,
        preexec_fn=None if target else lambda: os.close(1), timeout=60, check=False,
    )  # fmt: skip
    if stdout:
        stdout.close()
    assert done.returncode == 1
    assert b"weir pipe: cannot write to standard output: " in done.stderr


def test_a_reader_that_leaves_ends_it_quietly(conf):
    with subprocess.Popen(
        [binary(), "pipe", "-c", conf], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as p:
        p.stdout.close()
        try:
            p.stdin.write(b"x\n" * 200000)
            p.stdin.close()
        except BrokenPipeError:
            pass
        assert p.wait(30) != 0
        assert b"ERROR" not in p.stderr.read()


def test_the_shipped_configuration_is_good():
    done = call("check", "-c", ROOT / "conf.d")
    assert done.returncode == 0
    assert done.stdout.decode() == f"{ROOT}/conf.d: 1 chain, 12 stages: no errors, 1 warning\n"
    (warning,) = done.stderr.decode().splitlines()
    assert 'warning: stage "pii": hash: a guessable identifier needs hash_key' in warning


def test_plugins_lists_all_seven():
    done = call("plugins")
    assert done.returncode == 0 and done.stderr == b""
    assert [line.split()[0] for line in done.stdout.decode().splitlines()] == PLUGINS


@pytest.mark.parametrize("name", PLUGINS)
def test_plugins_tells_the_options_of_one(name):
    done = call("plugins", name)
    text = done.stdout.decode()
    assert done.returncode == 0 and done.stderr == b""
    assert text.startswith(f"{name} 1.0.0: ")
    options = text[text.index("\nOptions:\n") + 10 : text.index("\nBeside them")].rstrip("\n").split("\n")
    assert len(options) >= 2 and len(options) % 2 == 0
    for head, doc in zip(options[::2], options[1::2]):
        assert head.startswith("  ") and head[2] != " " and "(" in head, head
        assert doc.startswith("      ") and doc.strip(), doc
    beside = text[text.index("\nBeside them, every stage takes ") :]
    assert ", stage_timeout" in beside and "plugin" not in beside, beside


def test_a_plugin_that_does_not_exist_is_told():
    done = call("plugins", "age_fitler")
    assert done.returncode == 1
    message = 'weir plugins: there is no plugin "age_fitler": no age_fitler.so in '
    assert done.stderr.decode().startswith(message)


def test_a_pipe_needs_no_brokers_and_a_check_says_that_a_run_does(tmp_path, weir_call, weir_pipe):
    (tmp_path / "a.conf").write_text(
        "[chain a]\nsource = in\ngroup = g\n"
        "[stage out]\nplugin = kafka_sink\ntopic = out\n"
        "[stage err]\nplugin = kafka_sink\nfrom = failed\ntopic = err\nformat = error\n"
    )
    assert [record["topic"] for record in weir_pipe(tmp_path, [b'{"a":1}'], "--now", 0)] == ["out"]
    checked = weir_call("check", "-c", tmp_path)
    assert checked.returncode == 78
    assert "a.conf:1: no brokers: set bootstrap.servers under [kafka]" in str(checked.stderr)
