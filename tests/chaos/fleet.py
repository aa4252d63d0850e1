"""The weir processes of a chaos run: slots, each with a conf.d of its own for the same chain and group.

A slot with an instance is a static member: after a kill it has its partitions back at once. One without joins and
leaves as a dynamic member. What ends without having been told to is noted in `deaths`, which must stay empty.
"""
import signal

from support.pipeline import Pipeline
from support.processes import Processes
from support.weir import Weir

GROUP_SESSION_MS = 6000
ENDED_WELL = (0, 1)  # 1: it was told to stop while nothing could be acknowledged


class Slot:
    def __init__(self, name, home, prefix, settings, static):
        self.name, self.static = name, static
        self.home = home
        self.weir = None
        self.stalled = False
        self.starts = 0
        self.pipeline = Pipeline(home / f"conf-{name}", prefix)
        self.pipeline.set("chain user-login", **settings)
        self.pipeline.set("kafka", **{"topic.metadata.refresh.interval.ms": 2000})
        if static:
            self.pipeline.write(f"[host]\ninstance = {name}\n\n{self.pipeline.text()}")

    def running(self):
        return self.weir is not None and self.weir.running()

    def start(self, address):
        log = self.home / f"weir-{self.name}-{self.starts:03}.log"
        env = {"KAFKA_BOOTSTRAP_SERVERS": address, "MAX_MESSAGE_AGE": "10000d"}
        self.weir = Weir(["run", "-c", self.pipeline.dir], env=env, log=log)
        self.starts += 1


class Fleet:
    """Five slots, of which at most three run."""

    MOST = 3

    def __init__(self, home, prefix, address, delivery):
        settings = {"delivery": delivery, "consumer.session.timeout.ms": GROUP_SESSION_MS}
        dynamic_too = delivery == "at-least-once"
        names = {"one": True, "two": True, "three": True, "four": not dynamic_too, "five": not dynamic_too}
        self.slots = [Slot(n, home, prefix, settings, static) for n, static in names.items()]
        self.address = address
        self.deaths = []

    def running(self):
        """Those that run and are not stalled. Notes who is gone."""
        for s in self.slots:
            if s.weir and not s.weir.running():
                last = s.weir.stderr.splitlines()[-1:]
                self.deaths.append(f"{s.name} ended with status {s.weir.process.returncode}: {' '.join(last)}")
                self._forget(s)
        return [s for s in self.slots if s.running() and not s.stalled]

    def idle(self):
        return [s for s in self.slots if not s.weir]

    def has_room(self):
        return len([s for s in self.slots if s.weir]) < self.MOST

    def start(self, slot):
        slot.start(self.address)

    def kill(self, slot):
        slot.weir.kill()
        self._forget(slot)

    def stop(self, slot, timeout=60):
        slot.weir.signal(signal.SIGTERM)
        self.forget_stopped(slot, timeout)

    def forget_stopped(self, slot, timeout=60):
        status = slot.weir.wait(timeout)
        if status not in ENDED_WELL:
            self.deaths.append(f"{slot.name} ended a stop with status {status}: {slot.weir.stderr[-500:]}")
        self._forget(slot)

    def stall(self, slot):
        Processes(slot.weir.pid).signal(signal.SIGSTOP)
        slot.stalled = True

    def go_on(self, slot):
        if slot.stalled and slot.running():
            Processes(slot.weir.pid).signal(signal.SIGCONT)
        slot.stalled = False

    def close(self):
        for s in self.slots:
            if s.weir:
                s.weir.close()

    @staticmethod
    def _forget(slot):
        slot.weir.close()
        slot.weir = None
        slot.stalled = False
