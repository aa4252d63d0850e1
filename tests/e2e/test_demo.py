"""The demo and the generator, as a person meets them first. No Kafka: the broker is inside weir."""
import collections
import json
import re
import signal
import subprocess
import time

from support import weir as process
from support.weir import ROOT

CONF = ROOT / "conf.d"
CLEAR_IP = re.compile(r'"ip": "[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+"')
CLEAR_DEVICE = re.compile(r'"device_id": "[0-9a-f]{8}-')


def summary(text):
    """Of the demo: what was made of each kind, and what arrived on each topic."""
    made = {kind: int(n) for n, kind in re.findall(r"(\d+) ([a-z][a-z ]+?)(?=,|\n|$)", re.search(
        r"login events: (.*)", text).group(1))}  # fmt: skip
    topics = {t: int(n.replace(",", "")) for t, n in re.findall(r"^  (\S+) +([\d,]+)  ", text, re.M)}
    return made, topics


def check_demo(out):
    made, topics = summary(out)
    events = sum(made.values())
    assert events > 0
    assert topics["user-login"] == events
    assert topics["processed-output"] == made["good"]
    assert topics["processed-errors"] == made["missing field"] + made["malformed"]
    assert topics["cleaned-data"] == made["other version"]
    assert topics["skipped"] == made["old"]
    assert topics["metrics-output"] == events - made["old"]
    assert "nothing was lost." in out


def test_demo_in_plain_form_ends_by_itself_with_sums_that_agree(weir_call):
    done = weir_call("demo", "--seconds", "3", "--rate", "200")
    out = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    check_demo(out)
    assert topics_of_status_lines(out)
    assert b"\x1b" not in done.stdout + done.stderr
    both = out + done.stderr.decode()
    assert not CLEAR_IP.search(both) and not CLEAR_DEVICE.search(both)
    assert not re.search(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4", both)


def topics_of_status_lines(out):
    return re.findall(r"^\d\d:\d\d  in \d+  processed-output \d+ .* skipped \d+$", out, re.M)


def test_demo_at_full_rate_loses_nothing(weir_call):
    done = weir_call("demo", "--seconds", "3", "--rate", "5000")
    assert done.returncode == 0, done.stdout + done.stderr
    check_demo(done.stdout.decode())


def demo_until(number):
    demo = subprocess.Popen(
        [process.binary(), "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=process.environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        for line in demo.stdout:
            if re.match(rb"00:0[1-9]  in", line):
                break
        demo.send_signal(number)
        out = demo.stdout.read().decode()
        return demo.wait(20), out
    finally:
        demo.kill()
        demo.wait()
        demo.stdout.close()
        demo.stderr.close()


def test_demo_ends_with_its_sums_at_an_interrupt():
    for number in (signal.SIGINT, signal.SIGTERM):
        status, out = demo_until(number)
        assert status == 0
        check_demo(out)


def test_demo_takes_an_age_limit_from_the_environment(weir_call):
    done = weir_call("demo", "--seconds", "1", env={"MAX_MESSAGE_AGE": "1h"})
    assert done.returncode == 0, done.stderr
    assert summary(done.stdout.decode())[1]["skipped"] == 0


def test_other_clients_can_read_and_write_while_the_demo_runs():
    demo = subprocess.Popen(
        [process.binary(), "demo", "--seconds", "8"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=process.environment(),
    )  # fmt: skip
    try:
        broker = re.search(rb"127\.0\.0\.1:\d+", demo.stdout.readline()).group().decode()
        for line in demo.stdout:
            if line.startswith(b"00:0"):
                break
        done = process.call("generate", "-b", broker, "--count", "100", "--rate", "0", "--seed", "1")
        assert done.returncode == 0, done.stderr
        assert b"100 events:" in done.stderr
        watch = process.call("watch", "-b", broker, "--from-beginning", "-n", "5", "metrics-output")
        assert watch.returncode == 0, watch.stderr
        assert watch.stdout.count(b"  message id       ") == 5
        raw = process.call("watch", "-b", broker, "--from-beginning", "--raw", "-n", "3", "processed-output")
        for line in raw.stdout.decode().splitlines():
            topic, _, _, _, key, value = line.split("\t")
            assert (topic, key) == ("processed-output", "-")
            assert json.loads(value)["ip"].endswith(".xxx")
        out = demo.stdout.read().decode()
        assert demo.wait(20) == 0
        assert "nothing was lost." in out
        made, topics = summary(out)
        assert topics["user-login"] == sum(made.values()) + 100
    finally:
        demo.kill()
        demo.wait()
        demo.stdout.close()
        demo.stderr.close()


def generate(*args):
    done = process.call("generate", "--stdout", *args)
    assert done.returncode == 0, done.stderr
    made = {kind: int(n) for n, kind in re.findall(
        r"(\d+) ([a-z][a-z ]+?)(?=,|$)", done.stderr.decode().split("events:")[1].strip())}  # fmt: skip
    return done.stdout.splitlines(), made


def test_generated_events_end_where_their_faults_say(weir_pipe):
    events, made = generate(
        "--count", 1000, "--seed", 1, "--missing", "10%", "--other-version", "0.2", "--malformed", "5%"
    )
    assert len(events) == 1000
    out = weir_pipe(CONF, events, "--now", int(time.time() * 1000))
    topics = collections.Counter(record["topic"] for record in out)
    assert topics == {
        "processed-output": made["good"],
        "cleaned-data": made["other version"],
        "processed-errors": made["missing field"] + made["malformed"],
        "metrics-output": 1000,
    }
    assert min(made[kind] for kind in ("good", "other version", "missing field", "malformed")) > 20
    text = json.dumps(out)
    assert not CLEAR_IP.search(text) and not CLEAR_DEVICE.search(text)


def without_time(events):
    return [re.sub(rb'"timestamp": \d+', b"", event) for event in events]


def test_the_same_seed_gives_the_same_events():
    one, other, third = (generate("--count", 200, "--seed", seed)[0] for seed in (5, 5, 6))
    assert without_time(one) == without_time(other)
    assert without_time(one) != without_time(third)


def test_a_rate_is_kept():
    start = time.monotonic()
    events, _ = generate("--count", 100, "--rate", 100)
    assert len(events) == 100
    assert 0.9 < time.monotonic() - start < 3


def test_generate_says_that_brokers_are_away():
    done = process.call("generate", "-b", "127.0.0.1:1", "--count", "3", "--seconds", "1")
    assert done.returncode == 69
    assert b"3 events were not acknowledged: the brokers at 127.0.0.1:1 are away" in done.stderr


def test_shares_that_cannot_be_are_refused():
    for args, message in (
        (("--missing", "60%", "--malformed", "50%"), b"more than 100% together"),
        (("--missing", "5x"), b'"5x" is no SHARE'),
        (("--stdout", "--old", "5%"), b"--old makes Kafka timestamps"),
    ):
        done = process.call("generate", "--count", "0", *args)
        assert done.returncode == 64, done.stderr
        assert message in done.stderr
