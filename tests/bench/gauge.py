"""What is measured, and how: processes by the kernel's accounting, progress by the end offsets of a topic.

CPU is utime and stime of /proc/PID/stat: the whole process with all its threads, dead ones too, in ticks of 10 ms.
Peak memory is VmHWM of /proc/PID/status. Both are summed over the children that a process has; what a parent shares
with them, which is code, counts once.

A run is a list of samples, taken every few milliseconds: the time, how many outcomes there are, the CPU seconds of
the contender and of the broker. window() cuts out a part of it, say from 10 % to 90 % of the outcomes, and gives
what a record in that part took; between two samples it takes a straight line."""
import ctypes
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

TICKS = os.sysconf("SC_CLK_TCK")
FIRST_LOOK, LOOK = 0.005, 0.025  # seconds between samples, before and after the first outcome
STALL = 90  # seconds without an outcome after which a contender has failed
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Failure(Exception):
    """Something that the caller should read, not a stack trace."""


def words_of(path):
    """A file of /proc; empty where its process or thread has ended meanwhile."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def tree(pid):
    """A process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in words_of(task / "children").split():
            found += tree(int(child))
    return found


def cpu(pid):
    """CPU seconds so far."""
    stats = [words_of(Path(f"/proc/{p}/stat")) for p in tree(pid)]
    fields = [text.rsplit(")", 1)[1].split() for text in stats if text]
    return sum(int(f[11]) + int(f[12]) for f in fields) / TICKS


def _bytes(path, name):
    lines = words_of(path).splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


def memory(pid, name):
    """Bytes: VmHWM, the most that was resident, or VmRSS, what is."""
    found = tree(pid)
    twice = _bytes(Path(f"/proc/{pid}/smaps_rollup"), "Shared_Clean") if len(found) > 1 else 0
    return sum(_bytes(Path(f"/proc/{p}/status"), name) for p in found) - twice


class Process:
    """A contender's process. Its words go to a file; it dies with the driver, however that ends."""

    def __init__(self, command, env, log):
        self.log = log
        with open(log, "ab") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **env},
                preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
            )  # fmt: skip

    @property
    def pid(self):
        return self._process.pid

    def must_run(self):
        if self._process.poll() is not None:
            raise Failure(f"it ended with status {self._process.returncode}\n{self.words()}")

    def words(self):
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def stop(self):
        """SIGTERM, and its end. A JVM says 143 for that."""
        self._process.terminate()
        try:
            status = self._process.wait(60)
        except subprocess.TimeoutExpired:
            raise Failure(f"it did not end within a minute after SIGTERM\n{self.words()}") from None
        if status not in (0, 143):
            raise Failure(f"it ended with status {status} after SIGTERM\n{self.words()}")

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


class Ends:
    """Asks for the end offsets of a topic's partitions. Not by get_watermark_offsets(), which heeds no timeout."""

    def __init__(self, address, topic, partitions):
        self._asker = Consumer({"bootstrap.servers": address, "group.id": "ends", "enable.auto.commit": False})
        self._partitions = [TopicPartition(topic, p, OFFSET_END) for p in range(partitions)]
        self._connect()

    def _connect(self):
        """A topic that is new is not known everywhere in its first moment."""
        deadline = time.monotonic() + 20
        while True:
            try:
                return self.sum()
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def sum(self):
        found = self._asker.offsets_for_times(self._partitions, timeout=30)
        for p in found:
            if p.error:
                raise KafkaException(p.error)
        return sum(p.offset for p in found)

    def close(self):
        self._asker.close()


@dataclass
class Sample:
    at: float
    outcomes: int
    cpu: float
    broker_cpu: float


def watch(processes, ends, outcomes, broker_pid, begin):
    """Samples until so many outcomes are there."""
    samples = []
    moved = begin
    while True:
        for p in processes:
            p.must_run()
        there = ends.sum()
        now = Sample(time.monotonic(), there, sum(cpu(p.pid) for p in processes), cpu(broker_pid))
        if samples and now.outcomes > samples[-1].outcomes:
            moved = now.at
        samples.append(now)
        if now.outcomes >= outcomes:
            return samples
        if now.at - moved > STALL:
            words = processes[0].words()
            raise Failure(f"{now.outcomes} of {outcomes} outcomes, and no more for {STALL} s\n{words}")
        time.sleep(LOOK if now.outcomes else FIRST_LOOK)


def first_outcome(samples, begin):
    """Seconds from begin until an outcome was seen."""
    return next(s.at for s in samples if s.outcomes) - begin


def at_count(samples, count):
    """The sample that would have been taken at exactly so many outcomes."""
    before = samples[0]
    for s in samples:
        if s.outcomes >= count:
            break
        before = s
    if s.outcomes <= before.outcomes:
        return s
    part = (count - before.outcomes) / (s.outcomes - before.outcomes)

    def between(a, b):
        return a + part * (b - a)

    return Sample(between(before.at, s.at), count, between(before.cpu, s.cpu), between(before.broker_cpu, s.broker_cpu))


def window(samples, low, high, outcomes, records):
    """From the share low to the share high of all outcomes: records a second, CPU and the broker's CPU in
    microseconds a record of the source."""
    a, b = at_count(samples, low * outcomes), at_count(samples, high * outcomes)
    count = (high - low) * records
    return {
        "rate": count / max(b.at - a.at, 1e-9),
        "cpu": (b.cpu - a.cpu) / count * 1e6,
        "broker_cpu": (b.broker_cpu - a.broker_cpu) / count * 1e6,
    }
