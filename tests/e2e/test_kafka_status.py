"""`weir status` and `weir reload` against a weir at work on a real Kafka, and against none."""
import json
import os
import re
import signal
import subprocess
from collections import Counter

import pytest
from support.feed import Feed
from support.logins import logins
from support.weir import binary

EVER = {"MAX_MESSAGE_AGE": "10000d"}


@pytest.fixture
def run(weir, pipeline):
    w = weir("run", "-c", pipeline.dir, env=EVER)
    w.wait_for("partitions assigned")
    return w


@pytest.fixture
def ask(weir_call, pipeline):
    """ask("status", "--json") of the weir that runs the pipeline: exit status, standard output and error."""

    def call(command, *args):
        done = weir_call(command, "-c", pipeline.dir, *args)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return call


def document(ask):
    code, out, err = ask("status", "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_status_tells_what_flows(client, broker, pipeline, run, ask):
    with Feed(broker.address, pipeline.source, logins(200_000, missing=20_000, version=20_000)) as feed:
        worker = {}

        def flows():
            worker.update(document(ask)["chains"][0]["workers"][0])
            return worker["rate"] and worker["partitions"] and worker["last_commit"]

        client.wait_for("a rate, partitions and a commit", flows)
        assert worker["taken"] > 0 and worker["lag"] >= 0 and worker["state"] == "running"
        code, out, _ = ask("status")
    assert code == 0
    assert re.search(rf"pid {run.pid}, generation 1, up \d+s\n\n *CHAIN +STATE +GEN", out)
    assert re.search(r"^user-login +running +1 +\d+s +\d+ +\d+ +\d+ +\d+$", out, re.M), out
    assert re.search(rf"^  task 0 pid {worker['pid']} +running +1 ", out, re.M), out
    client.wait_until_committed(pipeline.group, pipeline.source)

    def settled():
        w = document(ask)["chains"][0]["workers"][0]
        return (w["lag"], w["in_flight"], w["rate"]) == (0, 0, 0)

    client.wait_for("nothing is left to do", settled)
    whole = document(ask)
    assert whole["pid"] == run.pid and whole["chains"][0]["source"] == pipeline.source
    kinds = Counter(e.kind for e in feed.written)
    counts = whole["chains"][0]["workers"][0]["counts"]
    assert counts["fields"]["failed"] == kinds["missing"] > 0
    assert counts["version"]["rejected"] == kinds["version"] > 0
    assert counts["age"] == {"passed": len(feed.written)}
    _, out, _ = ask("status")
    assert f"user-login: so far: fields {kinds['missing']} failed, version {kinds['version']} rejected\n" in out
    assert whole["chains"][0]["restarts"] == 0 and whole["chains"][0]["last_crash"] is None
    assert run.terminate() == 0


def test_a_reload_tells_its_outcome(pipeline, run, ask):
    good = pipeline.text()
    code, out, err = ask("reload")
    assert (code, err) == (0, "") and "unchanged=1" in out
    pipeline.set("stage age", max_age="9999d")
    code, out, err = ask("reload")
    assert (code, err) == (0, "") and re.search("reload done: generation=.* changed=1", out)
    changed = document(ask)["chains"][0]
    assert changed["last_reload"]["outcome"] == "in force" and changed["last_reload"]["pause_ms"] >= 0
    assert changed["generation"] > 1 and changed["trial_until"]

    for text, said in (
        (good.replace("max_age", "max_aeg"), r"user-login\.conf:\d+: .*max_aeg.*did you mean"),
        (re.sub(r"(plugin *= )age_filter", r"\1nowhere", good), r"user-login\.conf:\d+: .*nowhere"),
        (good + "\n[stage", r"user-login\.conf:\d+: "),
    ):
        assert text != good
        pipeline.write(text)
        code, out, err = ask("reload")
        assert (code, out) == (1, "") and re.search(said, err), err
        assert "the old generation goes on" in err
        assert document(ask)["chains"][0]["generation"] == changed["generation"]
    assert run.terminate() == 0


def test_status_answers_while_a_worker_does_not(client, run, ask):
    pid = document(ask)["chains"][0]["workers"][0]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        client.wait_for("it is seen", lambda: "suspended" in ask("status")[1])
    finally:
        os.kill(pid, signal.SIGCONT)
    client.wait_for("it goes on", lambda: document(ask)["chains"][0]["workers"][0]["state"] == "running")
    assert run.terminate() == 0


def test_many_may_ask_at_once(run, pipeline):
    command = [binary(), "status", "--json", "-c", str(pipeline.dir)]
    # pylint: disable=consider-using-with
    asking = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(12)]
    for p in asking:
        out, _ = p.communicate(timeout=30)
        assert p.returncode == 0 and json.loads(out)["pid"] == run.pid
    assert run.terminate() == 0


def test_a_second_weir_of_one_configuration_runs_without_a_socket(weir, pipeline, run, ask):
    second = weir("run", "-c", pipeline.dir, env=EVER)
    second.wait_for(rf"will not find this weir: another weir has the control socket .*pid={run.pid};.*\[host\]")
    second.wait_for("weir started")
    assert second.terminate() == 0
    assert document(ask)["pid"] == run.pid
    assert run.terminate() == 0
    assert ask("status")[0] == 69


def test_where_no_weir_runs_that_is_said(pipeline, ask):
    for command in ("status", "reload"):
        code, out, err = ask(command)
        assert (code, out) == (69, "")
        assert f"no weir runs the configuration {pipeline.dir}" in err and f"weir run -c {pipeline.dir}" in err


def test_the_socket_may_be_named_and_a_dead_one_is_replaced(weir, pipeline, ask):
    (pipeline.dir / "00-host.conf").write_text("[host]\nsocket = weir.sock\n", encoding="utf-8")
    socket = pipeline.dir / "weir.sock"
    for end in ("kill", "terminate"):
        w = weir("run", "-c", pipeline.dir, env=EVER)
        w.wait_for("weir started")
        assert socket.stat().st_mode & 0o777 == 0o600
        assert document(ask)["pid"] == w.pid
        getattr(w, end)()
        assert ask("status")[0] == 69
    assert not socket.exists()
