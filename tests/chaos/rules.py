"""What a run under fire must have kept, over plain values: no Kafka here, so that test_check.py can plant faults.

An input is known by its name, which tells where it must end: g (good), m (a field is missing), v (another version),
x (no JSON), then its partition, its number there, and a text that no other has. Where it stands in the source is
taken from the source topic as it is, not from what the driver believes to have sent.

    lost         an input without an outcome
    stranger     an outcome of no input
    misplaced    an outcome on a topic where it does not belong, or with another's content
    repeated     outcomes beyond the first of an input
    unexplained  repeats that no disturbance explains: one explains one repeat of each record that was not committed
                 when it began, and had been written when it was over
    reordered    first outcomes of one input partition, in one partition of an output, against the order of their
                 offsets. A repeat cannot break the order: whoever repeats begins below what was written before.
    unmeasured   inputs without their record in the metrics; overmeasured: such records beyond one

At-least-once allows explained repeats, and metrics of theirs; exactly-once allows neither."""
from collections import Counter, defaultdict
from dataclasses import dataclass, fields
from itertools import accumulate

SINKS = {"g": "processed-output", "m": "processed-errors", "x": "processed-errors", "v": "cleaned-data"}
UNKNOWN = "Unknown"
FAULTS = {
    "at-least-once": ("lost", "strangers", "misplaced", "unexplained", "reordered", "unmeasured"),
    "exactly-once": ("lost", "strangers", "misplaced", "repeated", "reordered", "unmeasured", "overmeasured"),
}


def name_of(kind, partition, number, unique):
    return f"{kind}-{partition}-{number}-{unique}"


def shown_as(name):
    """The user_id of its outcome and of its metrics record."""
    return UNKNOWN if name.startswith("x") else name


@dataclass
class Figures:
    records: int = 0
    outcomes: int = 0
    lost: int = 0
    strangers: int = 0
    misplaced: int = 0
    repeated: int = 0
    unexplained: int = 0
    reordered: int = 0
    unmeasured: int = 0
    overmeasured: int = 0
    most_repeats: int = 0  # of one record

    def faults(self, delivery):
        """The names of those that must be 0, and are not."""
        return [name for name in FAULTS[delivery] if getattr(self, name)]

    def __str__(self):
        return " ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self))


@dataclass
class Sample:
    """A look at the source, just before something was done: what the group had committed, where the partitions
    ended. until: when the disturbance was over, with the time that its effects may take; None: it disturbs nobody."""

    time: float
    committed: dict
    ends: dict
    until: float = None


def windows(samples):
    """For each disturbance and partition: (partition, first offset, offset behind the last) of what it may repeat."""
    found = []
    for i, sample in enumerate(samples):
        if sample.until is None:
            continue
        after = next((s for s in samples[i + 1 :] if s.time >= sample.until), samples[-1])
        found += [(p, sample.committed.get(p) or 0, end) for p, end in after.ends.items()]
    return found


class Judge:
    """Feed it the inputs, then the outcomes of each output partition in their order, then the metrics."""

    def __init__(self):
        self._at = {}  # name: (partition, offset)
        self._outcomes = Counter()
        self._newest = {}  # (sink, its partition, input partition): offset
        self._metrics = Counter()
        self._figures = Figures()
        self.examples = defaultdict(list)

    def input(self, name, partition, offset):
        if name in self._at:
            raise ValueError(f"{name} stands in the source twice: the driver is wrong")
        self._at[name] = (partition, offset)

    def outcome(self, sink, partition, name, shown):
        """One record of an output topic: its key, and the user_id in its value."""
        if name not in self._at:
            self._count("strangers", f"{name} on {sink}")
            return
        if sink != SINKS[name[0]] or shown != shown_as(name):
            self._count("misplaced", f"{name} on {sink} as {shown}")
        self._outcomes[name] += 1
        if self._outcomes[name] > 1:
            return
        source, offset = self._at[name]
        newest = self._newest.get((sink, partition, source), -1)
        if offset < newest:
            self._count("reordered", f"{name} (offset {offset}) behind {newest} on {sink}, partition {partition}")
        self._newest[sink, partition, source] = max(offset, newest)

    def metric(self, shown, sink):
        self._metrics[shown, sink] += 1

    def figures(self, samples=None):
        """samples: None where repeats need no explanation."""
        f = self._figures
        f.records = len(self._at)
        f.outcomes = sum(self._outcomes.values())
        f.repeated = f.outcomes - len(self._outcomes)
        f.most_repeats = max(self._outcomes.values(), default=1) - 1
        for name in self._at.keys() - self._outcomes.keys():
            self._count("lost", f"{name} at {self._at[name]}")
        if samples is not None:
            self._explain(samples)
        self._measure()
        return f

    def _count(self, fault, example, by=1):
        setattr(self._figures, fault, getattr(self._figures, fault) + by)
        if len(self.examples[fault]) < 5:
            self.examples[fault].append(example)

    def _explain(self, samples):
        ends = defaultdict(int)
        for p, offset in self._at.values():
            ends[p] = max(ends[p], offset + 1)
        steps = {p: [0] * (end + 1) for p, end in ends.items()}
        for p, low, high in windows(samples):
            if p in steps and low < high:
                steps[p][min(low, ends[p])] += 1
                steps[p][min(high, ends[p])] -= 1
        allowed = {p: list(accumulate(s)) for p, s in steps.items()}
        for name, count in self._outcomes.items():
            partition, offset = self._at[name]
            excess = count - 1 - allowed[partition][offset]
            if count > 1 and excess > 0:
                self._count("unexplained", f"{name} at {self._at[name]}: {count} outcomes", excess)

    def _measure(self):
        expected = Counter((shown_as(name), SINKS[name[0]]) for name in self._at)
        for what, count in expected.items():
            found = self._metrics.pop(what, 0)
            if found < count:
                self._count("unmeasured", f"{what}: {found} of {count}", count - found)
            elif found > count:
                self._count("overmeasured", f"{what}: {found} for {count}", found - count)
        for what, found in self._metrics.items():
            self._count("overmeasured", f"{what}: {found} for nothing", found)
