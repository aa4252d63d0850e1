"""A record every 20 ms through a chain from one topic to another: how long does each take, while other things happen?"""
import re
import threading
import time

from confluent_kafka import Consumer, Producer

NUMBER = re.compile(rb'{"n": *(\d+)')


class Beat:
    """with Beat(address, source, sink) as beat: …; beat.worst(since, until) is the longest way, in ms, of the records
    written between two marks. Others may take the same way. At the end all have come, or it is an error."""

    def __init__(self, address, source, sink, every=0.02):
        self._sent, self._came = {}, {}
        self._source, self._every = source, every
        self._producer = Producer({"bootstrap.servers": address, "linger.ms": 0})
        self._consumer = Consumer({
            "bootstrap.servers": address, "group.id": f"{sink}-beat", "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10, "enable.auto.commit": False,
        })  # fmt: skip
        self._consumer.subscribe([sink])
        self._halt = threading.Event()
        self._end = None
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._write, self._read)]

    def _write(self):
        n = 0
        while not self._halt.wait(self._every):
            self._sent[n] = time.monotonic()
            self._producer.produce(self._source, value=b'{"n": %d}' % n)
            self._producer.poll(0)
            n += 1
        self._producer.flush(30)

    def _read(self):
        while not self._end or (len(self._came) < len(self._sent) and time.monotonic() < self._end):
            m = self._consumer.poll(0.2)
            n = NUMBER.match(m.value()) if m and not m.error() else None
            if n:
                self._came.setdefault(int(n[1]), time.monotonic())

    def mark(self):
        return len(self._sent)

    def worst(self, since=0, until=None):
        ways = [came - self._sent[n] for n, came in dict(self._came).items() if since <= n < (until or len(self._sent))]
        return round(1000 * max(ways, default=0))

    def wait(self, timeout=60):
        """Waits until one that is written from now on has come through."""
        n, deadline = self.mark(), time.monotonic() + timeout
        while n not in self._came:
            assert time.monotonic() < deadline, f"record {n} does not come through within {timeout} s"
            time.sleep(0.02)

    def __enter__(self):
        for t in self._threads:
            t.start()
        return self

    def __exit__(self, kind, value, trace):
        self._halt.set()
        self._threads[0].join(60)
        self._end = time.monotonic() + 30
        self._threads[1].join(60)
        self._consumer.close()
        assert kind or len(self._came) == len(self._sent), "a record of the second chain is lost"
