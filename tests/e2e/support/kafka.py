"""The broker of a test run, and a client to make topics, write records and read them back.

Records go in and come out as plain values (Record), so that a test compares what it wrote with what it reads.
Reading is always "to the end as of now, committed records only": it asks for the end offsets first, and stops
there, so that no test waits for a silence. Built on Debian's python3-confluent-kafka, whose librdkafka is the
one that weir links; kcat was rejected: it prints headers as text and cannot show a null beside an empty
value.
"""
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

BROKER = Path(__file__).resolve().parents[2] / "kafka" / "broker"
PASSING = ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE",
           "NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS", "_WAIT_COORD",
           "_UNKNOWN_PARTITION", "OFFSET_NOT_AVAILABLE")  # fmt: skip


class Broker:
    """A running tests/kafka/broker in a folder. It ends with this process, whatever happens."""

    environment = None  # of tests/kafka/broker; None: this process's

    def __init__(self, home, *options, **settings):
        self.home = Path(home)
        args = [*options] + [f"--set={k.replace('_', '.')}={v}" for k, v in settings.items()]
        self.address = self._call("start", *args)

    def _call(self, verb, *args):
        done = subprocess.run(
            [BROKER, verb, self.home, *args], capture_output=True, text=True, check=False, env=self.environment
        )
        assert done.returncode == 0, f"broker {verb}: {done.stderr}"
        return done.stdout.strip()

    def start(self):
        """Starts it again after stop or kill: the same port, the same data."""
        self._call("start")

    def stop(self):
        self._call("stop")

    def kill(self):
        """SIGKILL."""
        self._call("kill")

    def restart(self):
        self._call("restart")

    def pause(self):
        """Freezes it: connections stay open, nothing answers."""
        self._call("pause")

    def resume(self):
        self._call("resume")


@dataclass
class Record:
    """A record, to be written or as read. key and value: bytes, or None for null. timestamp: Unix
    milliseconds, None for now. headers: a list of (name, bytes or None), in order. partition: None lets the
    key decide."""

    value: bytes = None
    key: bytes = None
    headers: list = field(default_factory=list)
    timestamp: int = None
    partition: int = None
    offset: int = None
    topic: str = None


class Client:
    """Makes topics, writes and reads them. One for a test; close() when done."""

    def __init__(self, address):
        self.address = address
        self.admin = AdminClient({"bootstrap.servers": address})
        self._producer = None

    def create_topics(self, *names, partitions=4, **config):
        """Creates topics; config in Kafka's names with `_` for `.`: max_message_bytes=2000."""
        settings = {k.replace("_", "."): str(v) for k, v in config.items()}
        new = [NewTopic(n, num_partitions=partitions, replication_factor=-1, config=settings) for n in names]
        for future in self.admin.create_topics(new, operation_timeout=20).values():
            future.result()
        for name in names:  # a busy broker shows them a moment later
            self.wait_for(f"{name} is there", lambda name=name: self.partitions(name) == partitions)

    def alter_topic(self, name, **config):
        """Replaces the settings of a topic: what is not named here goes back to its default."""
        settings = {k.replace("_", "."): str(v) for k, v in config.items()}
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, set_config=settings)
        for future in self.admin.alter_configs([resource]).values():
            future.result()

    def delete_topics(self, *names):
        for future in self.admin.delete_topics(list(names), operation_timeout=20).values():
            future.result()
        for name in names:  # the broker still shows them for a moment
            self.wait_for(f"{name} is gone", lambda name=name: self.partitions(name) == 0)

    def partitions(self, topic):
        """The number of partitions of a topic; 0 where there is none of that name."""
        found = _patiently(self.admin.list_topics, timeout=20).topics.get(topic)
        return len(found.partitions) if found else 0

    def produce(self, topic, records):
        """Writes records (Record, or bytes for a bare value) in order, waits for every acknowledgement, and
        returns their number. A refused record is an error here."""
        if self._producer is None:
            self._producer = Producer({
                "bootstrap.servers": self.address,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.max.bytes": 100_000_000,
                "queue.buffering.max.messages": 1_000_000,
            })
        refused = []
        count = 0
        for r in records:
            r = r if isinstance(r, Record) else Record(value=r)
            extra = {"on_delivery": lambda error, _: error and refused.append(error)}
            if r.headers:
                extra["headers"] = r.headers
            if r.timestamp is not None:
                extra["timestamp"] = r.timestamp
            if r.partition is not None:
                extra["partition"] = r.partition
            while True:
                try:
                    self._producer.produce(topic, value=r.value, key=r.key, **extra)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            count += 1
            self._producer.poll(0)
        left = self._producer.flush(60)
        assert left == 0, f"{left} records were not acknowledged within 60 s"
        assert not refused, f"{len(refused)} records were refused, the first: {refused[0]}"
        return count

    def read(self, topic, timeout=60):
        """Every committed record of a topic up to its end as of now: by partition, then by offset."""
        consumer = Consumer({
            "bootstrap.servers": self.address,
            "group.id": "reader-of-the-tests",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "fetch.message.max.bytes": 20_000_000,
        })
        try:
            return self._drain(consumer, topic, timeout)
        finally:
            consumer.close()

    def _drain(self, consumer, topic, timeout):
        open_ends = {}
        start = []
        partitions = range(self.partitions(topic))
        lows = _offsets(consumer, topic, partitions, OFFSET_BEGINNING)
        for p, high in _offsets(consumer, topic, partitions, OFFSET_END).items():
            if high > lows[p]:
                open_ends[p] = high
                start.append(TopicPartition(topic, p, lows[p]))
        if not start:
            return []
        consumer.assign(start)
        found = []
        deadline = time.monotonic() + timeout
        while open_ends:
            for m in consumer.consume(10_000, timeout=0.2):
                p = m.partition()
                if m.error():
                    if m.error().name() != "_PARTITION_EOF":
                        raise KafkaException(m.error())
                    open_ends.pop(p, None)
                elif p in open_ends and m.offset() < open_ends[p]:
                    found.append(_record(m))
                    if m.offset() + 1 == open_ends[p]:
                        open_ends.pop(p)
            assert time.monotonic() < deadline, f"{topic} was not read to its end within {timeout} s"
        return sorted(found, key=lambda r: (r.partition, r.offset))

    def count(self, topic):
        """The number of committed records of a topic. It reads them: offsets alone count aborted ones,
        too."""
        return len(self.read(topic))

    def end(self, topic):
        """The sum of the end offsets: fast, grows with every write, but counts transaction markers, too."""
        return sum(self.ends(topic).values())

    def ends(self, topic):
        """The end offset of each partition."""
        consumer = self.asker("reader-of-the-tests")
        try:
            return _offsets(consumer, topic, range(self.partitions(topic)), OFFSET_END)
        finally:
            consumer.close()

    def committed(self, group, topic):
        """What a group has committed, by partition; None where it has committed nothing."""
        consumer = self.asker(group)
        try:
            asked = [TopicPartition(topic, p) for p in range(self.partitions(topic))]
            found = _patiently(consumer.committed, asked, timeout=20)
            return {t.partition: t.offset if t.offset >= 0 else None for t in found}
        finally:
            consumer.close()

    def lag(self, group, topic):
        """How many offsets of a topic a group has not committed; without a commit, all of a partition."""
        committed = self.committed(group, topic)
        return sum(end - (committed[p] or 0) for p, end in self.ends(topic).items())

    def wait_for(self, what, condition, timeout=60):
        """Asks condition() until it is true; fails with `what` after the timeout. For states of the broker,
        of which it tells nobody (lag, ends of topics); events of weir are waited for with Weir.wait_for()."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
            time.sleep(0.1)

    def wait_until_committed(self, group, topic, timeout=60):
        """Waits until a group has committed the end of every partition of a topic that has records."""
        self.wait_for(f"group {group} is at the end of {topic}", lambda: self.lag(group, topic) == 0, timeout)

    def asker(self, group):
        """A consumer in the name of a group, which it does not join."""
        return Consumer({
            "bootstrap.servers": self.address,
            "group.id": group,
            "enable.auto.commit": False,
            "topic.metadata.refresh.interval.ms": 500,
        })

    def close(self):
        if self._producer is not None:
            self._producer.flush(10)
            self._producer = None


def _offsets(consumer, topic, partitions, which):
    """The first or the end offset of each. get_watermark_offsets() was rejected: it heeds no timeout, and goes on to
    ask a leader that is dead for as long as it is."""
    asked = [TopicPartition(topic, p, which) for p in partitions]

    def ask():
        found = consumer.offsets_for_times(asked, timeout=5)
        for t in found:
            if t.error:
                raise KafkaException(t.error)
        return {t.partition: t.offset for t in found}

    return _patiently(ask) if asked else {}


def _patiently(ask, *args, **kwargs):
    """A broker that was just paused or killed answers some questions with errors for a moment."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return ask(*args, **kwargs)
        except KafkaException as e:
            if e.args[0].name() not in PASSING or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _record(m):
    kind, timestamp = m.timestamp()
    return Record(
        value=m.value(),
        key=m.key(),
        headers=m.headers() or [],
        timestamp=timestamp if kind else None,
        partition=m.partition(),
        offset=m.offset(),
        topic=m.topic(),
    )
