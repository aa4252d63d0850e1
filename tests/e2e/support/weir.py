"""weir as a process: started, watched, signalled, and always gone at the end of the test.

Standard error is read by a thread as it comes, into a list of lines; whoever waits for a line is woken by it,
so no test sleeps. A weir dies with the test runner, however that ends.
"""
import ctypes
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def binary():
    """The weir under test: $WEIR_BIN, or build/weir."""
    path = Path(os.environ.get("WEIR_BIN", ROOT / "build" / "weir"))
    assert path.exists(), f"{path} is missing: ./run build, or set WEIR_BIN"
    return str(path)


def environment(extra=None):
    """The environment for weir: that of the tests without the names that the shipped configuration reads, and
    then `extra`. A test must not depend on what the caller's shell happens to export."""
    env = dict(os.environ)
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "MAX_MESSAGE_AGE", "SUMMARY_PUBLISH_INTERVAL"):
        env.pop(name, None)
    env.update({k: str(v) for k, v in (extra or {}).items()})
    return env


class Weir:
    """A running weir. args: what follows the program's name. inherit: called in its process before it begins, for
    limits and signals that are handed down."""

    def __init__(self, args, env=None, log=None, inherit=None):
        self.args = [str(a) for a in args]
        self._lines = []
        self._changed = threading.Condition()
        self._closed = False
        self._inherit = inherit
        self._log = open(log, "wb") if log else None  # pylint: disable=consider-using-with
        self._out = bytearray()
        self.process = subprocess.Popen(
            [binary(), *self.args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(env), preexec_fn=self._begin,
        )  # fmt: skip
        self._threads = [
            threading.Thread(target=self._read_stderr, daemon=True),
            threading.Thread(target=self._read_stdout, daemon=True),
        ]
        for t in self._threads:
            t.start()

    def _begin(self):
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if self._inherit:
            self._inherit()

    def _read_stderr(self):
        for raw in self.process.stderr:
            if self._log:
                self._log.write(raw)
                self._log.flush()
            with self._changed:
                self._lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _read_stdout(self):
        while chunk := self.process.stdout.read1(65536):
            self._out += chunk

    @property
    def pid(self):
        return self.process.pid

    @property
    def stderr(self):
        """All of standard error so far."""
        with self._changed:
            return "\n".join(self._lines)

    @property
    def stdout(self):
        """All of standard output so far, as bytes."""
        return bytes(self._out)

    def mark(self):
        """The number of lines so far: wait_for(…, since=mark) then sees only what comes later."""
        with self._changed:
            return len(self._lines)

    def wait_for(self, pattern, timeout=30, since=0, count=1):
        """Waits for `count` lines of standard error that match, and returns the match of the last of them.
        Fails where weir ends first, or after the timeout; the message quotes the end of the log."""
        wanted = re.compile(pattern)
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = [m for m in map(wanted.search, self._lines[since:]) if m]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                why = "weir ended" if self._closed else "no such line in time" if left <= 0 else None
                assert why is None, f"{why}: waited for {pattern!r} ({len(found)} of {count})\n{self._tail()}"
                self._changed.wait(left)

    def _tail(self):
        return "--- the end of weir's log:\n" + "\n".join(self._lines[-40:])

    def running(self):
        return self.process.poll() is None

    def reload(self):
        """SIGHUP."""
        self.signal(signal.SIGHUP)

    def terminate(self, timeout=30):
        """SIGTERM, then waits; returns the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """SIGKILL, then waits."""
        self.process.kill()
        return self.wait(10)

    def signal(self, number):
        assert self.running(), f"weir has ended with status {self.process.returncode}\n{self.stderr}"
        self.process.send_signal(number)

    def wait(self, timeout=30):
        """Waits for the end; returns the exit status, negative for a signal."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"weir did not end within {timeout} s\n{self.stderr[-4000:]}") from None
        for t in self._threads:
            t.join(5)
        return status

    def close(self):
        """For the fixture: no weir outlives its test."""
        if self.running():
            self.process.kill()
        self.wait(10)
        self.process.stdout.close()
        self.process.stderr.close()
        if self._log:
            self._log.close()


def call(*args, stdin=b"", env=None, timeout=60):
    """Runs weir to its end: `call("check", "-c", DIR)` has .returncode, .stdout and .stderr (bytes)."""
    command = [binary(), *map(str, args)]
    return subprocess.run(
        command, input=stdin, env=environment(env), capture_output=True, timeout=timeout, check=False
    )


def pipe(conf_dir, lines, *args, env=None, timeout=60):
    """Runs `weir pipe` and returns its output as a list of objects. lines: values as bytes or text, one a
    record; or dicts, which are envelopes (`--envelopes` is then given)."""
    lines = list(lines)
    if any(isinstance(line, dict) for line in lines):
        args = ("--envelopes", *args)
    stdin = b"".join(_line(line) for line in lines)
    done = call("pipe", "-c", conf_dir, *args, stdin=stdin, env=env, timeout=timeout)
    log = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, f"weir pipe: status {done.returncode}\n{log}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def _line(line):
    if isinstance(line, dict):
        line = json.dumps(line)
    if isinstance(line, str):
        line = line.encode()
    return line + b"\n"
