#!/usr/bin/python3
"""check.py ADDRESS PREFIX [--delivery at-least-once|exactly-once] [--journal FILE]: reads the topics of a pipeline
after a run under fire, committed records only, and says whether the delivery mode was kept. rules.py says what that
means. It prints one line of figures; exit status 1 where something was broken, with examples.

The journal is the driver's, a JSON object a line; of it come the disturbances that explain repeats.

It reads with python3-confluent-kafka and asks weir nothing: what is judged must not be its own witness."""
import argparse
import json
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition
from rules import FAULTS, SINKS, Judge, Sample

SOURCE, METRICS = "user-login", "metrics-output"


def read(address, topic):
    """Every committed record of a topic, each partition in its order, up to where it ends now."""
    consumer = Consumer({
        "bootstrap.servers": address,
        "group.id": "checker",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
    })
    try:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        start = [TopicPartition(topic, p, 0) for p in partitions]
        consumer.assign(start)
        left = set(partitions)
        heard = time.monotonic()
        while left:
            messages = consumer.consume(1000, timeout=0.2)  # waits so long for the last of a thousand
            if messages:
                heard = time.monotonic()
            if time.monotonic() - heard > 60:
                raise SystemExit(f"check.py: {topic} does not answer")
            for m in messages:
                if not m.error():
                    yield m
                elif m.error().name() == "_PARTITION_EOF":
                    left.discard(m.partition())
                else:
                    raise KafkaException(m.error())
    finally:
        consumer.close()


def text(data):
    return (data or b"").decode("utf-8", "replace")


def samples(journal):
    """None without a journal: repeats need no explanation then."""
    if not journal:
        return None
    found = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        look = json.loads(line)
        committed, ends = ({int(p): o for p, o in look[k].items()} for k in ("committed", "ends"))
        found.append(Sample(look["time"], committed, ends, look["until"]))
    return found


def judge(address, prefix):
    j = Judge()
    for m in read(address, prefix + SOURCE):
        j.input(text(m.key()), m.partition(), m.offset())
    for sink in sorted(set(SINKS.values())):
        for m in read(address, prefix + sink):
            j.outcome(sink, m.partition(), text(m.key()), json.loads(m.value()).get("user_id"))
    for m in read(address, prefix + METRICS):
        for detail in json.loads(m.value())["message_details"]:
            j.metric(detail["message_id"], detail["topic"].removeprefix(prefix))
    return j


def main():
    p = argparse.ArgumentParser(prog="check.py", description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("address")
    p.add_argument("prefix", help="what the names of all topics begin with")
    p.add_argument("--delivery", choices=list(FAULTS), default="at-least-once")
    p.add_argument("--journal", type=Path)
    args = p.parse_args()
    j = judge(args.address, args.prefix)
    figures = j.figures(samples(args.journal))
    faults = figures.faults(args.delivery)
    print(f"check: {figures}")
    for fault in faults:
        print(f"check: {fault}: " + "; ".join(j.examples[fault] or ["repeated outcomes"]))
    print(f"check: {args.delivery} was {'BROKEN: ' + ', '.join(faults) if faults else 'kept'}")
    return 1 if faults or not figures.records else 0


if __name__ == "__main__":
    sys.exit(main())
