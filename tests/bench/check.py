"""Did a contender do the work? A benchmark of a wrong program proves nothing.

The number of records on each of its topics must be exactly what follows from the source, and the first outcomes must
be masked. Without transactions the end offsets are the counts; with them they count markers, too, and a reader of
committed records counts."""
import json
import re
import time

from confluent_kafka import Consumer, TopicPartition
from contenders import METRICS, OUTCOMES
from gauge import Failure

PEEK = 200
SILENCE = 30  # seconds without a record
DETAIL = {"message_id", "processing_time", "topic", "timestamp"}
MASKED_IP = re.compile(r"\d+\.\d+\.\d+\.xxx")
HASH = re.compile(r"[0-9a-f]{64}")


def values(client, topic, most=None):
    """The committed values of a topic, up to its end as of now, or so many of them."""
    consumer = Consumer({"bootstrap.servers": client.address, "group.id": "check", "enable.auto.commit": False,
                         "enable.partition.eof": True, "isolation.level": "read_committed"})  # fmt: skip
    left = {p for p, end in client.ends(topic).items() if end}
    try:
        consumer.assign([TopicPartition(topic, p, 0) for p in left])
        heard = time.monotonic()
        while left:
            found = consumer.consume(10_000, timeout=0.1)  # that is how long it waits for all 10,000
            if found:
                heard = time.monotonic()
            elif time.monotonic() > heard + SILENCE:
                raise Failure(f"{topic} cannot be read to its end")
            for m in found:
                if not m.error():
                    yield m.value()
                    most = most and most - 1
                    if most == 0:
                        return
                elif m.error().name() == "_PARTITION_EOF":
                    left.discard(m.partition())
                else:
                    raise Failure(f"{topic}: {m.error()}")
    finally:
        consumer.close()


def count(client, contender, topic, name):
    if contender.joined and name == METRICS:
        return sum(value.count(b'"message_id"') for value in values(client, topic))
    if contender.transactions:
        return sum(1 for _ in values(client, topic))
    return client.end(topic)


def _is_masked(value):
    event = json.loads(value)
    return MASKED_IP.fullmatch(event["ip"]) and HASH.fullmatch(event["device_id"]) and "user_id" in event


def _is_measured(value):
    details = json.loads(value)["message_details"]
    return details and all(detail.keys() == DETAIL for detail in details)


def _all_are(what, test, client, topic):
    for value in values(client, topic, PEEK):
        if not test(value):
            raise Failure(f"a record on {topic} is not {what}")


def verify(client, contender, place, counts):
    for name, expected in contender.writes(counts).items():
        found = count(client, contender, place.prefix + name, name)
        if found != expected:
            raise Failure(f"it wrote {found} records to {name}, and should have written {expected}")
    if contender.masks:
        _all_are("masked", _is_masked, client, place.prefix + OUTCOMES)
        _all_are("a metrics record", _is_measured, client, place.prefix + METRICS)
