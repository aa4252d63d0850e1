"""Who takes part: how each is started, and what it must have written when it is done.

All read the same source and write to topics of their own (a prefix), which are new for each run. What a contender
must write follows from what was generated: `good` events, which end on processed-output, and `missing` ones, which
lack device_type and end on processed-errors. Nobody is measured who did not do that."""
import os
from dataclasses import dataclass
from pathlib import Path

import streams
from support.pipeline import Pipeline

HERE = Path(__file__).resolve().parent
OUTCOMES = "processed-output"
METRICS = "metrics-output"
LONG_AGO = "100000d"

PASS = """[kafka]
bootstrap.servers = ${{env:KAFKA_BOOTSTRAP_SERVERS}}

[chain pass]
source       = {source}
group        = {group}
start        = earliest
value_format = bytes

[stage pass]
plugin  = age_filter
max_age = ${{env:MAX_MESSAGE_AGE}}

[stage out]
plugin = kafka_sink
topic  = {prefix}processed-output
"""


@dataclass
class Place:
    """Where a contender is to run."""

    address: str
    source: str
    prefix: str
    group: str
    home: Path  # a folder of its own
    build: Path

    def topics(self, *names):
        return [self.prefix + n for n in names]


@dataclass
class Counts:
    """What the source holds."""

    records: int
    good: int
    missing: int


# ---- what must have been written, by topic


def passed(c):
    return {OUTCOMES: c.records}


def doubled(c):
    return {OUTCOMES: c.records, METRICS: c.records}


def sorted_out(c):
    """The whole pipeline. Summaries are not here: each process makes its own, and Connect none."""
    return {OUTCOMES: c.good, "processed-errors": c.missing, "cleaned-data": 0, METRICS: c.records}


# ---- how they are started: (command, environment)


def limit(*topics, options=()):
    def start(place):
        command = [place.build / "bench" / "limit", *options, place.address, place.group, place.source]
        return [*command, *place.topics(*topics)], {}

    return start


def weir(place):
    env = {"KAFKA_BOOTSTRAP_SERVERS": place.address, "MAX_MESSAGE_AGE": LONG_AGO}
    return [place.build / "weir", "run", "-c", place.home / "conf.d"], env


def weir_pass(place):
    text = PASS.format(source=place.source, group=place.group, prefix=place.prefix)
    folder = place.home / "conf.d"
    folder.mkdir()
    (folder / "pass.conf").write_text(text, encoding="utf-8")
    return weir(place)


def weir_chain(change=None):
    """The shipped configuration; change(pipeline) makes a variant of it."""

    def start(place):
        pipeline = Pipeline(place.home / "conf.d", place.prefix)
        pipeline.set("chain user-login", source=place.source, group=place.group)
        if change:
            change(pipeline)
        return weir(place)

    return start


def join(pipeline):
    pipeline.set("stage metrics-output", batch=100, join="message_details")


def exactly_once(pipeline):
    pipeline.set("chain user-login", delivery="exactly-once")
    pipeline.write(f"[host]\ninstance = bench\n\n{pipeline.text()}")


def kafka_streams(guarantee):
    def start(place):
        command = ["java", "-Xms256m", "-Xmx512m", f"-Djava.io.tmpdir={place.home}"]
        command += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", streams.classpath(), "bench.UserLogin"]
        return [*command, place.address, place.group, place.source, place.prefix, guarantee], {}

    return start


def python(place):
    program = HERE / "peers" / "user_login.py"
    return ["/usr/bin/python3", program, place.address, place.group, place.source, place.prefix], {}


def connect(place):
    env = {"KAFKA": place.address, "SOURCE": place.source, "GROUP": place.group, "PREFIX": place.prefix}
    return [os.environ[CONNECT_BIN], "run", HERE / "peers" / "connect.yaml"], env


# ---- whether they can be


CONNECT_BIN = "CONNECT_BIN"


def connect_absent(_):
    program = os.environ.get(CONNECT_BIN)
    if not program:
        return f"its program is not given (${CONNECT_BIN})"
    return None if os.access(program, os.X_OK) else f"{program} is no program (${CONNECT_BIN})"


def streams_absent(quick):
    """A quick run builds nothing."""
    return "it was not built yet" if quick and not streams.is_built() else None


@dataclass
class Contender:
    key: str
    title: str
    start: object
    writes: object
    masks: bool = True  # outcomes must be masked
    joined: bool = False  # a metrics record holds many details
    transactions: bool = False  # end offsets count markers, too
    absent: object = lambda quick: None  # why it cannot take part


BOTH = (OUTCOMES, METRICS)
TRANSACTIONS = ("--transactions", "100")
ALL = [
    Contender("limit-1", "librdkafka alone, 1 output", limit(OUTCOMES), passed, masks=False),
    Contender("limit", "librdkafka alone, 2 outputs", limit(*BOTH), doubled, masks=False),
    Contender("limit-tx", "librdkafka alone, 2 outputs, transactions of 100 ms", limit(*BOTH, options=TRANSACTIONS),
              doubled, masks=False, transactions=True),
    Contender("pass", "weir, one stage that passes", weir_pass, passed, masks=False),
    Contender("chain", "weir, the shipped chain", weir_chain(), sorted_out),
    Contender("joined", "weir, 100 metrics a record", weir_chain(join), sorted_out, joined=True),
    Contender("exactly", "weir, exactly-once", weir_chain(exactly_once), sorted_out, transactions=True),
    Contender("streams", "Kafka Streams", kafka_streams("at_least_once"), sorted_out, absent=streams_absent),
    Contender("python", "confluent-kafka in Python", python, sorted_out),
    Contender("connect", "Redpanda Connect", connect, sorted_out, absent=connect_absent),
]  # fmt: skip
