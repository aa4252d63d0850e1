"""A weir with a stage that kills on purpose (tests/plugins/kills.c), a load with poison in it, and a second chain on
the same weir, which is to notice nothing.

The poison is a good login event whose user begins with `poison`. The load has it in its midst, and more behind it
than is ever needed, so that each death is one in mid-stream. What is measured is printed (pytest -rP shows it).
"""
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .beat import Beat
from .feed import Feed
from .logins import Ended, logins
from .memory import family
from .weir import binary

PLUGINS = Path(os.environ.get("WEIR_TEST_PLUGINS", Path(binary()).resolve().parent / "tests" / "plugins"))
BEFORE_MASKER, BEHIND_MASKER = "[stage user]", "[stage processed-output]"
EARLY = logins(1000, name="early", missing=50, version=50)
BEFORE = logins(2000, name="before", missing=100, version=100)
BEHIND = logins(100_000, name="behind", missing=4000, version=4000, malformed=300, no_user=300)


def poison(count):
    """Events that kill; what they lead to is an error record like any other."""
    events = logins(count, name="poison")
    for e in events:
        e.kind = "poison"
    return events


def stream(deadly):
    """The load, with the deadly ones in its midst, and a good one behind each of them."""
    among = logins(len(deadly), name="among")
    return BEFORE + [e for two in zip(deadly, among) for e in two] + BEHIND


def install(folder, plugin, name=None):
    """Puts a plugin (a path in PLUGINS, without .so) in place as a package manager does: by a rename."""
    folder.mkdir(exist_ok=True)
    new = folder / "new"
    shutil.copyfile(PLUGINS / f"{plugin}.so", new)
    new.rename(folder / f"{name or Path(plugin).name}.so")


@dataclass
class Letter:
    """An error record, as far as these tests look at it."""

    key: bytes
    value: dict
    reason: str
    stage: str
    at: tuple  # partition and offset of the original


def _letter(r):
    h = {name.removeprefix("__connect.errors."): value.decode() for name, value in r.headers}
    at = int(h["partition"]), int(h["offset"])
    return Letter(r.key, json.loads(r.value), h["exception.message"], h["stage"], at)


class Scene:
    """The shipped pipeline of one test, to which a stage `deadly` and a chain `second` can be added."""

    def __init__(self, pipeline, client, weir):
        self.pipeline = pipeline
        self.client = client
        self.second = [pipeline.topic(f"second-{end}") for end in ("in", "out")]
        self._weir = weir
        client.create_topics(*self.second, partitions=1)
        self.set_host()

    def set_host(self, **options):
        """[host]: a static member, which is back within milliseconds, unless instance is None."""
        options = {"instance": "weir-1", "plugin_path": PLUGINS, **options}
        lines = [f"{name} = {value}\n" for name, value in options.items() if value is not None]
        (self.pipeline.dir / "00-host.conf").write_text("[host]\n" + "".join(lines), encoding="utf-8")

    def add_second(self):
        text = (
            f"[chain second]\nsource = {self.second[0]}\ngroup = {self.second[1]}\nstart = earliest\n"
            f"value_format = bytes\nproducer.linger.ms = 0\n"
            f"[stage out]\nplugin = kafka_sink\ntopic = {self.second[1]}\n"
        )
        (self.pipeline.dir / "second.conf").write_text(text, encoding="utf-8")

    def add_deadly(self, how, before=BEFORE_MASKER, plugin="kills", **options):
        lines = "".join(f"{name} = {value}\n" for name, value in {"how": how, **options}.items())
        self.add_stage(f"[stage deadly]\nplugin = {plugin}\n{lines}", before)

    def add_stage(self, text, before=BEFORE_MASKER):
        whole = self.pipeline.text()
        assert before in whole
        self.pipeline.write(whole.replace(before, f"{text}\n{before}"))

    def remove_deadly(self):
        self.pipeline.remove("stage deadly")

    def run(self):
        """A weir whose chain has its partitions."""
        w = self._weir("run", "-c", self.pipeline.dir, env={"MAX_MESSAGE_AGE": "10000d"})
        w.wait_for("chain=user-login partitions assigned", timeout=60)
        return w

    def load(self, deadly=(), pause=0.05):
        """Feeds the chain, some 2000 events a second; .written is what it was."""
        return Feed(self.client.address, self.pipeline.source, stream(deadly), pause=pause)

    def beat(self):
        return Beat(self.client.address, *self.second)

    def end(self):
        return self.client.end(self.pipeline.topic("processed-output"))

    def moves_on(self, by=1000, timeout=60):
        """Waits until so many more records stand on processed-output."""
        goal = self.end() + by
        self.client.wait_for(f"{by} more records on processed-output", lambda: self.end() >= goal, timeout)

    def finish(self, w, status=0):
        self.client.wait_until_committed(self.pipeline.group, self.pipeline.source, 120)
        assert w.terminate() == status

    def letters(self, beginning="Plugin crash"):
        """The error records with such a reason."""
        found = map(_letter, self.client.read(self.pipeline.topic("processed-errors")))
        return [letter for letter in found if letter.reason.startswith(beginning)]

    def ended(self):
        return Ended(self.client, self.pipeline)

    def check(self, events, once=False):
        """Each event ended where it should, in order. Returns the number of repeats."""
        ended = self.ended()
        ended.check_order(self.client.read(self.pipeline.source))
        repeats = ended.check(events)
        assert repeats == 0 or not once, f"{repeats} repeats"
        return repeats

    def places(self, events):
        """Partition and offset of each of these events in the source."""
        keys = {e.key for e in events}
        return {r.key: (r.partition, r.offset) for r in self.client.read(self.pipeline.source) if r.key in keys}


def lines(w, words):
    """The log lines of the first chain with these words."""
    return [line for line in w.stderr.splitlines() if re.search(words, line) and "chain=second" not in line]


def seconds(line):
    hours, minutes, rest = re.match(r"\S+T(\d\d):(\d\d):([\d.]+)Z", line).groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def worker_of(w, chain):
    """The process of its first task."""
    for pid in family(w.pid):
        if f"\0{chain}/0\0".encode() in Path(f"/proc/{pid}/cmdline").read_bytes() + b"\0":
            return pid
    raise AssertionError(f"no worker of {chain}\n{w.stderr}")


def second_noticed_nothing(w):
    of_second = [line for line in w.stderr.splitlines() if "chain=second" in line]
    assert not [line for line in of_second if re.search("died|starts again|failed|reload", line)], of_second
    assert sum("partitions assigned" in line for line in of_second) == 1, of_second


def survives(scene, reason, once=False, withheld=False):
    """The whole promise about one record that kills stage `deadly`, for which the scene is set. once: in exactly-once."""
    bad = poison(1)
    scene.add_second()
    scene.client.produce(scene.pipeline.source, (e.record() for e in EARLY))
    w = scene.run()
    scene.client.wait_until_committed(scene.pipeline.group, scene.pipeline.source)
    with scene.beat() as beat, scene.load(bad) as feed:
        beat.wait()
        calm = beat.mark()
        w.wait_for("worker died", timeout=60)
        died = beat.mark()
        w.wait_for("stage=deadly record quarantined", timeout=60)
        scene.moves_on()
        beat.wait()
    scene.finish(w)
    events = EARLY + feed.written
    _check_log(w, reason)
    second_noticed_nothing(w)
    _check_letters(scene, bad[0], reason, withheld)
    repeats = _check_outcomes(scene, events, bad, once, withheld)
    ways = f"{beat.worst(calm, died - 5)} ms before, {beat.worst(died - 5)} ms since"
    print(f"{reason}: recovery {_recovery(w)}, repeats={repeats} of {len(events)}, second chain's longest way {ways}")


def _check_log(w, reason):
    how = re.escape(reason.removeprefix("Plugin crash: "))
    deaths = lines(w, "worker died")
    assert len(deaths) == 2, deaths
    for line in deaths:
        assert re.search(rf'stage=deadly .*how="{how}".* call=process .*plugin=kills', line), line


def _recovery(w):
    """From a death to the next sign of life: of the first, the second death; of that, the record walks on."""
    first, second = map(seconds, lines(w, "worker died"))
    past = seconds(lines(w, 'stage=deadly first record failed: reason="Plugin crash')[0])
    return f"{1000 * (second - first):.0f} ms, {1000 * (past - second):.0f} ms"


def _check_letters(scene, event, reason, withheld):
    letters = scene.letters()
    assert letters and {letter.at for letter in letters} == {scene.places([event])[event.key]}
    for letter in letters:
        assert (letter.reason, letter.stage) == (reason, "deadly")
        if withheld:
            value = dict(letter.value, timestamp=0)
            assert (letter.key, value) == (
                None, {"user_id": "Unknown", "error_type": reason, "message_content": {}, "timestamp": 0})  # fmt: skip


def _check_outcomes(scene, events, bad, once, withheld):
    ended = scene.ended()
    if withheld:  # checked already; without its key it is nobody's
        assert ended.by_key.pop(None)
        ended.topics["processed-errors"] = [r for r in ended.topics["processed-errors"] if r.key]
        events = [e for e in events if e not in bad]
    ended.check_order(scene.client.read(scene.pipeline.source))
    repeats = ended.check(events)
    assert repeats == 0 or not once, f"{repeats} repeats"
    early = {e.key for e in EARLY}
    assert not [k for k, found in ended.by_key.items() if k in early and len(found) > 1], "committed, and repeated"
    return repeats


def gives_up(scene, how, bad, limit, more=""):
    """Stage `deadly` does not survive `limit` of the records of bad: its chain, the only one, ends as failed, and does
    not drain its topic into the dead letters; without the stage all come out. Returns (dead letters, repeats)."""
    scene.add_deadly(how)
    w = scene.run()
    with scene.load(bad) as feed:
        w.wait_for(
            f'chain failed: stage "deadly" did not survive {limit} different records within 10m{more}', timeout=60
        )
        assert w.wait() == 70
    letters = {letter.key for letter in scene.letters()}
    assert len(letters) < limit
    scene.remove_deadly()
    scene.finish(scene.run())
    for e in bad:
        e.kind = "poison" if e.key in letters else "good"
    return len(letters), scene.check(feed.written)
