"""A plugin that kills its worker under load: the record that it does not survive becomes an error record, all others
come out right and in order, and a second chain on the same weir notices nothing. The whole matrix of faults is in
test_long_crashes.py."""
import signal

import pytest
from support.kills import BEFORE_MASKER, BEHIND_MASKER, Scene, gives_up, poison, survives
from support.processes import Processes


@pytest.fixture
def scene(pipeline, client, weir):
    return Scene(pipeline, client, weir)


@pytest.mark.parametrize(
    "how, before, delivery, reason",
    [
        ("null", BEFORE_MASKER, "at-least-once", "SIGSEGV"),
        ("exit", BEHIND_MASKER, "exactly-once", "exit status 0"),
    ],
)
def test_the_record_that_kills_is_quarantined_and_all_others_come_out_right(scene, how, before, delivery, reason):
    scene.pipeline.set("chain user-login", delivery=delivery)
    scene.add_deadly(how, before)
    survives(scene, f"Plugin crash: {reason}", once=delivery == "exactly-once")


def test_a_record_that_kills_a_stage_that_protects_is_withheld(scene):
    scene.add_deadly("abort", plugin="kills_guard")
    survives(scene, "Plugin crash: SIGABRT", withheld=True)


def test_a_stage_that_kills_with_many_records_ends_its_chain_and_fills_no_dead_letters(scene):
    scene.set_host(crash_limit=3)
    gives_up(scene, "abort", poison(60), 3, " .*SIGABRT")


def test_no_process_outlives_its_supervisor(scene):
    scene.add_second()
    with scene.load() as feed:
        for name, status in (("SIGKILL", -signal.SIGKILL), ("SIGTERM", 0)):
            w = scene.run()
            processes = Processes(w.pid)
            assert len(processes) == 3
            scene.moves_on()
            w.signal(getattr(signal, name))
            assert w.wait() == status
            processes.wait_until_gone()
    scene.finish(scene.run())
    scene.check(feed.written)
