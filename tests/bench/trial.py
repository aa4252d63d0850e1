"""One contender, measured once: at full speed through all that waits on the source, and at a fixed rate."""
import json
import re
import subprocess
import time
from contextlib import contextmanager

from check import verify
from contenders import METRICS, OUTCOMES, Counts, Place
from gauge import Ends, Failure, Process, cpu, first_outcome, memory, watch, window
from support.kafka import Record
from support.pipeline import SINKS

PARTITIONS = 4
SETTLE = 120  # seconds for what is still on its way when the last outcome is there
EVENT = {
    "user_id": "62001a69-dc2c-4b28-8650-521ac278de26", "app_version": "2.3.0", "ip": "70.201.62.158", "locale": "KS",
    "device_id": "f6a1baa4-af52-443f-b54f-0eeccb502f12", "timestamp": 1729894074, "device_type": "iOS",
}  # fmt: skip


class Bench:
    """What all trials share: the broker, the source with its records, the programs."""

    def __init__(self, broker, client, build, home, args):
        self.broker, self.client, self.build, self.home, self.args = broker, client, build, home, args
        self.broker_pid = int((broker.home / "broker.pid").read_text(encoding="utf-8").split()[0])
        self.source = "user-login"
        self.counts = None
        self._trials = 0

    def fill(self, records):
        """Writes the source, once."""
        self.client.create_topics(self.source, partitions=PARTITIONS)
        command = [self.build / "weir", "generate", "-b", self.broker.address, "-t", self.source]
        command += ["--rate", "0", "--count", str(records), "--seed", "1", "--missing", "5%"]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        found = re.search(r"(\d+) good, (\d+) missing field", done.stderr)
        if done.returncode != 0 or not found:
            raise Failure(f"the source could not be written\n{done.stderr}")
        self.counts = Counts(records, int(found.group(1)), int(found.group(2)))

    @contextmanager
    def _place(self, contender, source=None):
        """New topics, and a folder; both are gone afterwards, the folder only where all went well."""
        self._trials += 1
        name = f"{contender.key}-{self._trials}"
        home = self.home / name
        home.mkdir()
        topics = [f"{name}.{t}" for t in (*SINKS, *([source] if source else []))]
        self.client.create_topics(*topics, partitions=PARTITIONS)
        for topic in topics:
            self.client.end(topic)  # the first moments of a topic are nobody's figures
        source = f"{name}.{source}" if source else self.source
        place = Place(self.broker.address, source, name + ".", name, home, self.build)
        ends = Ends(self.broker.address, place.prefix + OUTCOMES, PARTITIONS)
        try:
            yield place, ends
        finally:
            ends.close()
            self.client.delete_topics(*topics)

    @contextmanager
    def _running(self, contender, place):
        """The processes, and when they began: what has to be built is built before."""
        command, env = contender.start(place)
        processes = []
        begin = time.monotonic()
        try:
            for i in range(self.args.processes):
                processes.append(Process(command, env, place.home / f"log-{i}"))
            yield processes, begin
        finally:
            for p in processes:
                p.close()

    def full_speed(self, contender):
        """Everything that waits on the source, from the start of the process."""
        c = self.counts
        with self._place(contender) as (place, ends):
            outcomes = contender.writes(c)[OUTCOMES]
            with self._running(contender, place) as (processes, begin):
                samples = watch(processes, ends, outcomes, self.broker_pid, begin)
                self._settle(contender, place)
                peak = sum(memory(p.pid, "VmHWM") for p in processes)
                used = sum(cpu(p.pid) for p in processes)
                for p in processes:
                    p.stop()
            verify(self.client, contender, place, c)
        late = window(samples, 0.5, 0.9, outcomes, c.records)
        return {
            **window(samples, 0.1, 0.9, outcomes, c.records),
            "late_rate": late["rate"],
            "late_cpu": late["cpu"],
            "whole_cpu": used / c.records * 1e6,
            "first": first_outcome(samples, begin),
            "peak": peak,
        }

    def _settle(self, contender, place):
        """Until all the other topics have what they must have. End offsets will not do where markers count."""
        if contender.transactions:
            self.client.wait_until_committed(place.group, place.source, timeout=SETTLE)
            return
        for name, expected in contender.writes(self.counts).items():
            if not (contender.joined and name == METRICS):
                self._wait(place.prefix + name, expected)
        if contender.joined:
            self.client.wait_until_committed(place.group, place.source, timeout=SETTLE)

    def _wait(self, topic, expected):
        self.client.wait_for(f"{topic} has its records", lambda: self.client.end(topic) >= expected, SETTLE)

    def steady(self, contender):
        """At a fixed rate, on a source of its own."""
        a = self.args
        with self._place(contender, "source") as (place, ends):
            with self._running(contender, place) as (processes, begin):
                one_each = [Record(value=json.dumps(EVENT).encode(), partition=p) for p in range(PARTITIONS)]
                self.client.produce(place.source, one_each)
                self.client.close()  # its producer would go on looking for a topic that is deleted soon
                watch(processes, ends, PARTITIONS, self.broker_pid, begin)
                idle = sum(memory(p.pid, "VmRSS") for p in processes)
                before = sum(cpu(p.pid) for p in processes)
                quantiles = self._latency(place)
                used = sum(cpu(p.pid) for p in processes) - before
                for p in processes:
                    p.stop()
        records = a.rate * (a.warm_up + a.measured)
        return {"idle": idle, "rate_cpu": used / records * 1e6, **quantiles}

    def _latency(self, place):
        """Milliseconds; empty where it does not keep up."""
        a = self.args
        command = [self.build / "bench" / "latency", place.address, place.source, place.prefix + OUTCOMES]
        command += map(str, (a.rate, a.warm_up, a.measured))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 3:
            return {}
        if done.returncode != 0:
            raise Failure(f"the latency could not be measured\n{done.stderr}")
        found = dict(pair.split("=") for pair in done.stdout.split())
        return {q: int(found[q]) / 1000 for q in ("p50", "p99", "p999")}
