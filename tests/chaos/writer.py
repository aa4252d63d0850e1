"""Writes login events to the source at a steady rate while everything else breaks, each under a name of its own.

A record whose fate is not known (its client failed for good) is not written again: it would then perhaps stand
there twice, and a name must not. Its place is taken by the next. So what counts as an input is what the checker
finds in the source; `acknowledged` is how many it must find there at least.
"""
import json
import random
import threading
import time

from confluent_kafka import KafkaException, Producer
from rules import name_of

KINDS = "g" * 85 + "m" * 5 + "v" * 8 + "x" * 2
TURN = 0.02  # seconds


class Writer:
    def __init__(self, address, topic, partitions, rate, seed):
        self.sent = self.acknowledged = self.replaced = 0
        self.partitions = partitions
        self._address, self._topic, self._rate = address, topic, rate
        self._chance = random.Random(f"writer {seed}")
        self._numbers = {}
        self._halt = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        """Returns when all that was written is acknowledged."""
        self._halt.set()
        self._thread.join(150)
        if self._error or self._thread.is_alive():
            raise SystemExit(f"chaos: the writer failed: {self._error or 'it hangs'}")

    def _run(self):
        try:
            producer = self._producer()
            due = time.monotonic()
            while not self._halt.is_set():
                due += TURN
                for _ in range(int(self._rate * TURN)):
                    producer = self._write(producer)
                producer.poll(0)
                while (left := due - time.monotonic()) > 0:
                    producer.poll(left)  # returns at the first report
                due = max(due, time.monotonic() - 1)  # what a broker's absence delayed is not made up for
            if producer.flush(120):
                self._error = "records were not acknowledged within two minutes"
        except BaseException as e:  # pylint: disable=broad-except
            self._error = e

    def _producer(self):
        return Producer({
            "bootstrap.servers": self._address,
            "enable.idempotence": True,
            "linger.ms": 5,
            "message.timeout.ms": 0,
            "reconnect.backoff.max.ms": 1000,
            "topic.metadata.refresh.interval.ms": 1000,
            "queue.buffering.max.messages": 20000,
            "log_level": 0,
            "error_cb": lambda error: None,  # else poll() raises what is fatal, as produce() does
        })

    def _write(self, producer):
        partition = self._chance.randrange(self.partitions)
        number = self._numbers[partition] = self._numbers.get(partition, -1) + 1
        name = name_of(self._chance.choice(KINDS), partition, number, f"{self._chance.getrandbits(48):012x}")
        while not self._halt.is_set():
            try:
                producer.produce(self._topic, self._event(name), name, partition, on_delivery=self._delivered)
                self.sent += 1
                break
            except BufferError:
                producer.poll(0.1)
            except KafkaException as e:
                if e.args[0].name() == "_UNKNOWN_PARTITION":  # just added: it hears of it in a moment
                    producer.poll(0.2)
                    continue
                if not e.args[0].fatal() and e.args[0].name() != "_FATAL":
                    raise
                producer = self._producer()
                self.replaced += 1
        return producer

    def _delivered(self, error, _):
        self.acknowledged += not error

    def _event(self, name):
        chance = self._chance
        event = {
            "user_id": name,
            "app_version": "1.9.7" if name[0] == "v" else "2.3.0",
            "ip": ".".join(str(chance.randrange(256)) for _ in range(4)),
            "locale": chance.choice(("TX", "NM", "KS")),
            "device_id": f"{chance.getrandbits(128):032x}",
            "timestamp": 1729894074,
            "device_type": chance.choice(("iOS", "android")),
        }
        if name[0] == "m":
            del event["device_type"]
        return json.dumps(event)[: -1 if name[0] == "x" else None]
