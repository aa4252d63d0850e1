"""A plugin that crashes, hangs or exits takes `weir check`, `weir pipe` and `weir plugins` along no more than
`weir run`: they say where, with file and line, and what came before is not lost. No Kafka."""
import os
import shutil
import signal
import subprocess

import pytest

from support.weir import binary, call, environment

PLUGINS = os.path.join(os.path.dirname(binary()), "tests", "plugins")
FIRST = """[host]
plugin_path = {path}
[kafka]
bootstrap.servers = nowhere:9092
[chain first]
source = in
group  = first
[stage out]
plugin = kafka_sink
from   = *
topic  = out
"""
SECOND = """[chain second]
source = in
group  = second
[stage deadly]
plugin = kills
how = {how}
at  = {at}
{more}
[stage out]
plugin = kafka_sink
from   = *
topic  = out
"""
LINES = b'{"user_id":"a"}\n{"user_id":"poison"}\n{"user_id":"b"}\n'
SENT = b'out\t{"user_id":"a"}\n'
TRAP = "SIGTRAP" if os.uname().machine == "aarch64" else "SIGILL"  # what __builtin_trap() ends with
PLACE = 'b.conf:4: stage "deadly": its plugin did not survive its '


@pytest.fixture(name="conf")
def fixture_conf(tmp_path):
    def write(how, at, more=""):
        (tmp_path / "a.conf").write_text(FIRST.format(path=PLUGINS))
        (tmp_path / "b.conf").write_text(SECOND.format(how=how, at=at, more=more))
        return tmp_path

    return write


def log_of(done, conf):
    return done.stderr.decode().replace(f"{conf}/", "").splitlines()


def pipe(conf, *args, **kwargs):
    return call("pipe", "-c", conf, "--chain", "second", "--output", "values", *args, stdin=LINES, **kwargs)


@pytest.mark.parametrize("at", ["create", "destroy"])
@pytest.mark.parametrize("how, death", [("null", "SIGSEGV"), ("exit", "exit status 0"), ("overflow", "SIGSEGV")])
def test_check_tells_the_stage(conf, how, death, at):
    folder = conf(how, at)
    done = call("check", "-c", folder)
    log = log_of(done, folder)
    assert done.returncode == 78
    assert log[-2:] == [f"{PLACE}{at}: {death}", f"{folder}: not checked to its end"]
    frames = [line for line in log if "chain=second stage=deadly backtrace: " in line]
    assert len(frames) == len(log) - 2
    assert bool(frames) == (how != "exit")
    if how == "null":
        assert "(kills.c:" in frames[0] and frames[0].endswith(" in kills")
    if how == "overflow":
        assert len(frames) < 15 and sum(": the same" in line for line in frames) == 1


def test_errors_beside_a_death_are_told(conf):
    """Which stage it was is not known where there is no configuration."""
    folder = conf("null", "create")
    with open(folder / "a.conf", "a", encoding="ascii") as f:
        f.write("[chain third]\nvalue_format = jason\n")
    log = log_of(call("check", "-c", folder), folder)
    told = [line for line in log if "backtrace" not in line]
    assert "a plugin did not survive its create: SIGSEGV" in told
    assert told[-1] == f"{folder}: not checked to its end"
    assert any(line.startswith("a.conf:13: ") and "jason" in line for line in told), told


@pytest.mark.parametrize("how, death", [("null", "SIGSEGV"), ("abort", "SIGABRT"), ("exit", "exit status 0")])
def test_pipe_tells_the_record_and_keeps_what_it_had_sent(conf, how, death):
    folder = conf(how, "process")
    done = pipe(folder)
    assert (done.returncode, done.stdout) == (70, SENT)
    assert log_of(done, folder)[-1] == f"{PLACE}process of the record at partition 0, offset 2: {death}"
    assert b"poison" not in done.stderr


def test_a_call_that_hangs_is_ended(conf):
    folder = conf("loop", "process", "stage_timeout = 1s")
    done = pipe(folder)
    assert (done.returncode, done.stdout) == (70, SENT)
    log = log_of(done, folder)
    assert log[-1] == f"{PLACE}process of the record at partition 0, offset 2: no answer within 1s"
    assert any("(kills.c:" in line for line in log)


def test_an_exit_between_two_calls_is_a_death(conf):
    """Of a thread that the plugin has; its status 0 says nothing about the work."""
    with subprocess.Popen(
        [binary(), "pipe", "-c", conf("exit", "thread"), "--chain", "second", "--output", "values"],
        env=environment(None), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as p:  # fmt: skip
        p.stdin.write(LINES)
        p.stdin.flush()
        assert p.wait(30) == 70
        assert b"the process died outside of a call of a plugin: exit status 0" in p.stderr.read()


def test_it_tells_a_status_whatever_signals_it_was_given(conf):
    folder = conf("null", "create")
    done = subprocess.run(
        [binary(), "check", "-c", folder], env=environment(None), capture_output=True, timeout=60, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    )  # fmt: skip
    assert done.returncode == 78 and log_of(done, folder)[-2] == f"{PLACE}create: SIGSEGV"


def test_a_death_repeats_no_warning(conf):
    folder = conf("null", "destroy")
    (folder / "0.conf").write_text("[host]\nstate_dir = /nowhere\n")
    done = call("check", "-c", folder)
    assert done.returncode == 78 and done.stdout == b""
    assert done.stderr.count(b"/nowhere") == 1


def test_a_closed_standard_input_is_told(conf):
    folder = conf("null", "save")
    done = subprocess.run(
        [binary(), "pipe", "-c", folder, "--chain", "second"], env=environment(None), capture_output=True,
        timeout=60, check=False, preexec_fn=lambda: os.close(0),
    )  # fmt: skip
    assert done.returncode == 65 and b"cannot read standard input" in done.stderr


def test_a_stop_from_outside_is_no_crash(conf):
    """A signal for the process that works ends the one that waits in the same way, and without a word."""
    with subprocess.Popen(
        [binary(), "pipe", "-c", conf("null", "process"), "--chain", "second", "--output", "values"],
        env=environment(None), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as p:  # fmt: skip
        p.stdin.write(b'{"user_id":"a"}\n')
        p.stdin.flush()
        assert p.stdout.readline() == SENT, "it is written before the input ends"
        children = open(f"/proc/{p.pid}/task/{p.pid}/children", encoding="ascii").read().split()
        os.kill(int(children[0]), signal.SIGTERM)
        assert p.wait(30) == -signal.SIGTERM
        assert p.stderr.read() == b""


def test_the_work_ends_with_who_waits_for_it(conf):
    with subprocess.Popen(
        [binary(), "pipe", "-c", conf("null", "process"), "--chain", "second", "--output", "values"],
        env=environment(None), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as p:  # fmt: skip
        p.stdin.write(b'{"user_id":"a"}\n')
        p.stdin.flush()
        assert p.stdout.readline() == SENT
        p.kill()
        assert p.stdout.read() == b"", "both have let go of it"


def test_a_debugger_gets_one_process(conf):
    done = pipe(conf("null", "process"), "--no-fork")
    assert done.returncode not in (0, 70) and b"did not survive" not in done.stderr
    assert pipe(conf("null", "save"), "--no-fork").stdout.count(b"\n") == 3


def test_plugins_lists_the_others(tmp_path):
    for name, folder in (("bad_constructor", "deadly"), ("kills", "")):
        shutil.copy(os.path.join(PLUGINS, folder, f"{name}.so"), tmp_path)
    (tmp_path / "a.conf").write_text(FIRST.format(path=tmp_path))
    done = call("plugins", "-c", tmp_path)
    names = [line.split()[0] for line in done.stdout.decode().splitlines()]
    death = f"weir plugins: bad_constructor: a plugin did not survive its load: {TRAP}"
    assert done.returncode == 1
    assert names[0] == "age_filter" and "kills" in names and "bad_constructor" not in names
    assert death in done.stderr.decode().splitlines()
    one = call("plugins", "-c", tmp_path, "bad_constructor")
    assert one.returncode == 1 and death in one.stderr.decode().splitlines()
    reference = call("plugins", "-c", tmp_path, "--markdown")
    assert (reference.returncode, reference.stdout) == (1, b"")
    assert death in reference.stderr.decode().splitlines()
