"""The results as a page: a table of the medians, and the goals with what was reached.

A ratio between two contenders is formed within each round and its median is shown: the load of a machine changes from
minute to minute, and those that ran side by side share it."""
import os
import platform
import shlex
import sys
from importlib.util import find_spec
from statistics import median

import confluent_kafka
from contenders import ALL

MS, MB = 1000, 1e6
MIB = 1 << 20

COLUMNS = [
    # title, figure, format
    ("records/s", "rate", lambda v: f"{v:,.0f}"),
    ("CPU us/record", "cpu", lambda v: f"{v:.2f}"),
    ("with its start", "whole_cpu", lambda v: f"{v:.2f}"),
    ("of the broker", "broker_cpu", lambda v: f"{v:.2f}"),
    ("peak RSS MB", "peak", lambda v: f"{v / MB:.0f}"),
    ("idle RSS MB", "idle", lambda v: f"{v / MB:.1f}"),
    ("first outcome s", "first", lambda v: f"{v:.2f}"),
    ("p50 ms", "p50", lambda v: f"{v:.1f}"),
    ("p99 ms", "p99", lambda v: f"{v:.1f}"),
    ("p99.9 ms", "p999", lambda v: f"{v:.1f}"),
    ("CPU us/record then", "rate_cpu", lambda v: f"{v:.1f}"),
]


def quotient(a, b):
    return a / b


def difference(a, b):
    return a - b


# What is compared, how, the two contenders, the figure, the bound: at most (a minus sign: at least), and its scale.
GOALS = [
    ("CPU a record against librdkafka with as many outputs", quotient, "chain", "limit", "cpu", "<=", 1.25),
    ("records/s, the same two", quotient, "chain", "limit", "rate", ">=", 0.75),
    ("CPU a record, 100 metrics joined, against one output", quotient, "joined", "limit-1", "cpu", "<=", 1.5),
    ("CPU a record against Kafka Streams, second half", quotient, "chain", "streams", "late_cpu", "<=", 0.4),
    ("records/s against Kafka Streams, second half", quotient, "chain", "streams", "late_rate", ">=", 2.5),
    ("peak RSS against Kafka Streams", quotient, "chain", "streams", "peak", "<=", 1 / 3),
    ("first outcome against Kafka Streams", quotient, "chain", "streams", "first", "<=", 0.1),
    ("CPU a record against Python", quotient, "chain", "python", "cpu", "<=", 0.25),
    ("CPU a record against Redpanda Connect", quotient, "chain", "connect", "cpu", "<=", 1 / 12),
    ("records/s against Redpanda Connect", quotient, "chain", "connect", "rate", ">=", 10),
    ("records/s, exactly-once against at-least-once", quotient, "exactly", "chain", "rate", ">=", 0.75),
    ("the same of librdkafka alone (no goal)", quotient, "limit-tx", "limit", "rate", ">=", 0),
    ("peak RSS above librdkafka's, MiB", difference, "chain", "limit", "peak", "<=", 15),
    ("first outcome later than librdkafka's, ms", difference, "chain", "limit", "first", "<=", 100),
    ("p99 above librdkafka's, ms", difference, "chain", "limit", "p99", "<=", 1),
]  # fmt: skip
SCALES = {"peak": 1 / MIB, "first": MS}  # of differences


def medians(rounds, figure):
    found = [r[figure] for r in rounds if figure in r]
    return median(found) if found else None


def table(results):
    lines = ["| contender | " + " | ".join(title for title, _, _ in COLUMNS) + " |"]
    lines.append("| --- |" + " ---: |" * len(COLUMNS))
    for c in ALL:
        if c.key in results.by_key:
            values = [(medians(results.by_key[c.key], figure), form) for _, figure, form in COLUMNS]
            cells = [form(v) if v is not None else "-" for v, form in values]
        elif c.key in results.absent:
            cells = [f"not run: {results.absent[c.key]}"] + [""] * (len(COLUMNS) - 1)
        else:
            continue
        lines.append(f"| {c.title} | " + " | ".join(cells) + " |")
    return lines


def reached(results, how, a, b, figure):
    """Of each round in which both have it."""
    pairs = zip(results.by_key.get(a, []), results.by_key.get(b, []))
    scale = SCALES.get(figure, 1) if how is difference else 1
    return [how(x[figure], y[figure]) * scale for x, y in pairs if figure in x and figure in y]


def goals(results):
    lines = ["| measure | goal | measured | reached | by round |", "| --- | ---: | ---: | --- | --- |"]
    for what, how, a, b, figure, sign, bound in GOALS:
        by_round = reached(results, how, a, b, figure)
        if not by_round:
            continue
        value = median(by_round)
        well = value <= bound if sign == "<=" else value >= bound
        goal = f"{'at most' if sign == '<=' else 'at least'} {bound:.3g}" if bound else ""
        word = ("yes" if well else "**no**") if bound else ""
        lines.append(f"| {what} | {goal} | {value:.2f} | {word} | {', '.join(f'{v:.2f}' for v in by_round)} |")
    chain = results.by_key.get("chain", [])
    for what, figure, bound in (("peak RSS, MB", "peak", 110 * MB), ("idle RSS, MiB", "idle", 10 * MIB)):
        value = medians(chain, figure)
        if value is not None:
            unit = MB if "MB" in what else MIB
            well = "yes" if value <= bound else "**no**"
            by_round = ", ".join(f"{r[figure] / unit:.1f}" for r in chain if figure in r)
            lines.append(f"| {what} | at most {bound / unit:.0f} | {value / unit:.1f} | {well} | {by_round} |")
    return lines


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())


def conditions(args, counts):
    librdkafka = confluent_kafka.libversion()[0]
    latency = ""
    if args.rate:
        latency = f"Latency at {args.rate:,} records a second, {args.measured} s after {args.warm_up} s. "
    several = f"{args.processes} processes of each contender, in one group. " if args.processes > 1 else ""
    return (
        f"{counts.records:,} login events on 4 partitions ({counts.missing:,} of them lack a field), medians of "
        f"{args.rounds} rounds. {several}{latency}Apache Kafka 4.1.0, one broker with a heap of 1 GiB, on the same "
        f"{os.cpu_count()} cores ({processor()}); librdkafka {librdkafka}; "
        f"Python {'with' if find_spec('orjson') else 'without'} orjson."
    )


def made_by():
    return shlex.join(["./run", "bench", *sys.argv[1:]])


def report(args, results, counts):
    lines = ["# weir beside others that do its work", "", f"Made by `{made_by()}`; README.md here says how.", ""]
    lines += [conditions(args, counts), "", *table(results), "", "![The same as bars](results.svg)", ""]
    lines += ["## Goals", "", *goals(results)]
    if results.failed:
        lines += ["", "## Failed", "", *(f"- {text.splitlines()[0]}" for text in results.failed)]
    return "\n".join(lines) + "\n"
