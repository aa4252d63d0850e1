"""Every way in which a plugin can kill its worker, on a real Kafka under load. What one record explains is pinned to it;
what nothing explains costs no innocent record, and ends the chain at the limit."""
import signal
import time

import pytest
from support.kills import (
    BEFORE_MASKER, BEHIND_MASKER, Scene, gives_up, lines, poison, second_noticed_nothing, survives, worker_of,
)  # fmt: skip
from support.processes import Processes

FAULTS = {
    "null": "SIGSEGV",
    "abort": "SIGABRT",
    "exit": "exit status 0",
    "_exit": "exit status 0",
    "loop": "no answer within 1s",
    "overflow": "SIGSEGV",
    "double_free": "SIGABRT",
}
SLOW = {"loop": {"stage_timeout": "1s"}}


@pytest.fixture
def scene(pipeline, client, weir):
    return Scene(pipeline, client, weir)


# ---- what one record explains


@pytest.mark.parametrize("before", [BEFORE_MASKER, BEHIND_MASKER], ids=["before-masker", "behind-masker"])
@pytest.mark.parametrize("how", FAULTS)
def test_the_record_is_quarantined_and_all_others_come_out_right(scene, how, before):
    scene.add_deadly(how, before, **SLOW.get(how, {}))
    survives(scene, f"Plugin crash: {FAULTS[how]}")


@pytest.mark.parametrize("how", FAULTS)
def test_in_exactly_once_nothing_comes_twice(scene, how):
    scene.pipeline.set("chain user-login", delivery="exactly-once")
    scene.add_deadly(how, **SLOW.get(how, {}))
    survives(scene, f"Plugin crash: {FAULTS[how]}", once=True)


@pytest.mark.parametrize("how", FAULTS)
def test_behind_a_stage_that_protects_the_record_is_withheld(scene, how):
    scene.add_deadly(how, plugin="kills_guard", **SLOW.get(how, {}))
    survives(scene, f"Plugin crash: {FAULTS[how]}", withheld=True)


def test_a_dynamic_member_comes_back_after_its_session(scene):
    scene.set_host(instance=None)
    scene.pipeline.set("chain user-login", **{"consumer.session.timeout.ms": 6000})
    scene.add_deadly("null")
    survives(scene, "Plugin crash: SIGSEGV")


def test_memory_that_is_not_there_is_pinned_where_nobody_looked(scene):
    scene.set_host(memory_max="256MiB")
    scene.add_deadly("huge")
    survives(scene, "Plugin crash: SIGSEGV")


def test_a_write_past_the_memory_of_an_envelope_is_pinned(scene):
    scene.add_deadly("wild")
    bad = poison(1)
    w = scene.run()
    with scene.load(bad) as feed:
        w.wait_for("stage=deadly record quarantined", timeout=60)
        scene.moves_on()
    scene.finish(w)
    assert "the plugin wrote behind the memory that weir_alloc() gave it" in w.stderr or "SIGSEGV" in w.stderr
    assert {letter.at for letter in scene.letters()} == set(scene.places(bad).values())
    scene.check(feed.written)


# ---- what nothing explains


def fails_at_the_limit(scene, why, host=None, **stage):
    """The chain ends; beside it another goes on; and with the stage out everything comes out right."""
    scene.set_host(crash_limit=4, **(host or {}))
    scene.add_second()
    scene.add_deadly(**stage)
    bad = poison(200)
    w = scene.run()
    with scene.beat() as beat, scene.load(bad) as feed:
        w.wait_for(f"chain=user-login chain failed: {why}", timeout=120)
        beat.wait()
    assert len(lines(w, "worker died")) >= 4
    assert "quarantined" not in w.stderr
    second_noticed_nothing(w)
    assert w.terminate() == 70
    assert not scene.letters()
    scene.remove_deadly()
    scene.set_host()
    scene.finish(scene.run())
    for e in bad:
        e.kind = "good"
    print(f"{stage}: repeats={scene.check(feed.written)}")


LOOSE = "its workers died 4 times within 10m, and no record explains it"


@pytest.mark.parametrize("how", ["null", "abort", "double_free", "exit"])
def test_a_thread_of_the_plugins_own_that_crashes_blames_no_record(scene, how):
    fails_at_the_limit(scene, LOOSE, how=how, at="thread")


def test_a_plugin_that_takes_all_memory_blames_no_record(scene):
    fails_at_the_limit(scene, LOOSE, {"memory_max": "256MiB"}, how="hoard")


def test_a_timer_that_crashes_blames_its_stage(scene):
    fails_at_the_limit(scene, 'stage "deadly" did not survive 4 records and other calls', how="null", at="timer")


def test_a_stopped_worker_blames_no_record(scene):
    scene.add_second()
    w = scene.run()
    with scene.beat() as beat, scene.load() as feed:
        scene.moves_on()
        Processes(worker_of(w, "user-login")).signal(signal.SIGSTOP)
        w.wait_for("worker died: .*stopped from outside", timeout=90)
        scene.moves_on()
        beat.wait()
    assert "quarantined" not in w.stderr
    second_noticed_nothing(w)
    scene.finish(w)
    print(f"SIGSTOP: repeats={scene.check(feed.written)} longest way of the second chain {beat.worst()} ms")


def test_a_worker_that_is_stopped_for_a_moment_goes_on(scene):
    w = scene.run()
    with scene.load() as feed:
        scene.moves_on()
        worker = Processes(worker_of(w, "user-login"))
        for _ in range(3):
            worker.signal(signal.SIGSTOP)
            time.sleep(2)  # longer than the supervisor looks away, and far below a session
            worker.signal(signal.SIGCONT)
            scene.moves_on()
    scene.finish(w)
    assert "died" not in w.stderr
    scene.check(feed.written, once=True)


def test_a_worker_that_is_killed_from_outside_comes_back_for_ever(scene):
    scene.set_host(crash_limit=2)
    w = scene.run()
    with scene.load() as feed:
        for n in range(4):
            scene.moves_on()
            Processes(worker_of(w, "user-login")).signal(signal.SIGKILL)
            w.wait_for("worker died: .*SIGKILL from outside", count=n + 1)
        scene.moves_on()
    scene.finish(w)
    assert "quarantined" not in w.stderr
    print(f"SIGKILL from outside: repeats={scene.check(feed.written)}")


# ---- when it is enough


def test_all_chains_failed_is_status_70_and_the_topic_is_not_drained(scene):
    letters, repeats = gives_up(scene, "null", poison(300), 5)
    print(f"letters={letters} repeats={repeats}")


def test_deaths_outside_the_window_do_not_count_together(scene, client):
    scene.set_host(crash_limit=3, crash_window="1s")
    scene.add_deadly("exit")
    bad = poison(4)
    w = scene.run()
    for n, e in enumerate(bad):
        client.produce(scene.pipeline.source, [e.record()])
        w.wait_for("record quarantined", count=n + 1)
        client.wait_until_committed(scene.pipeline.group, scene.pipeline.source)
        time.sleep(1.5)  # the window
    scene.finish(w)
    assert len(scene.letters()) == 4
