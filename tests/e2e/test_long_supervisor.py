"""The supervisor and its workers as processes: who outlives whom, who disturbs whom, and what is remembered."""
import re
import signal

import pytest
from support.kills import Scene, lines, poison, second_noticed_nothing
from support.processes import Processes


@pytest.fixture
def scene(pipeline, client, weir):
    return Scene(pipeline, client, weir)


# ---- ends


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_kill_9_of_the_supervisor_leaves_no_process_and_nothing_half_done(scene, client, delivery):
    scene.pipeline.set("chain user-login", delivery=delivery, tasks=2)
    scene.add_second()
    once = delivery == "exactly-once"
    uncommitted = 0
    with scene.load() as feed:
        for _ in range(5):
            w = scene.run()
            processes = Processes(w.pid)
            assert len(processes) == 4
            scene.moves_on()
            assert w.kill() == -signal.SIGKILL
            processes.wait_until_gone(timeout=5)
            if not once:  # else a transaction may have been cut off, and until it ends the broker does not answer
                uncommitted += client.lag(scene.pipeline.group, scene.pipeline.source)
    scene.finish(scene.run())
    repeats = scene.check(feed.written, once=once)
    if not once:
        assert repeats <= uncommitted
        print(f"five times kill -9: repeats={repeats} uncommitted={uncommitted}")


def test_sigterm_drains_all_workers(scene):
    scene.pipeline.set("chain user-login", tasks=2)
    scene.add_second()
    with scene.beat() as beat, scene.load() as feed:
        for _ in range(3):
            w = scene.run()
            processes = Processes(w.pid)
            scene.moves_on()
            beat.wait()
            assert w.terminate() == 0
            processes.wait_until_gone()
            assert len(re.findall("repeated_elsewhere=0", w.stderr)) >= 3 and "repeated_elsewhere=1" not in w.stderr
        w = scene.run()
    scene.finish(w)
    scene.check(feed.written, once=True)


@pytest.mark.parametrize("name, status", [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_second_signal_ends_at_once_even_while_a_stage_hangs(scene, client, name, status):
    scene.set_host(stop_timeout="60s")
    scene.add_deadly("loop", stage_timeout="60s")
    w = scene.run()
    processes = Processes(w.pid)
    client.produce(scene.pipeline.source, (e.record() for e in poison(1)))
    client.wait_for("it has the record", lambda: processes.busy() == 1)
    w.signal(getattr(signal, name))
    w.wait_for("draining")
    w.signal(getattr(signal, name))
    assert w.wait(timeout=5) == status
    processes.wait_until_gone(timeout=5)
    scene.remove_deadly()
    w = scene.run()
    client.wait_until_committed(scene.pipeline.group, scene.pipeline.source)
    assert w.terminate() == 0


def test_a_stage_that_hangs_delays_a_stop_by_no_more_than_stop_timeout(scene, client):
    scene.set_host(stop_timeout="2s")
    scene.add_deadly("loop", stage_timeout="60s")
    w = scene.run()
    processes = Processes(w.pid)
    client.produce(scene.pipeline.source, (e.record() for e in poison(1)))
    client.wait_for("it has the record", lambda: processes.busy() == 1)
    w.signal(signal.SIGTERM)
    w.wait_for("stop_timeout is over: ending at once", timeout=20)
    assert w.wait() == 1
    processes.wait_until_gone()


# ---- one beside the other


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_the_death_of_one_task_leaves_the_partitions_of_the_other_alone(scene, delivery):
    scene.pipeline.set("chain user-login", tasks=2, delivery=delivery)
    scene.add_deadly("null")
    bad = poison(1)
    w = scene.run()
    w.wait_for("chain=user-login partitions assigned: .*now=2", count=2, timeout=60)
    mark = w.mark()
    with scene.load(bad) as feed:
        w.wait_for("record quarantined", timeout=60)
        scene.moves_on()
    scene.finish(w)
    since = w.stderr.splitlines()[mark:]
    assert len([line for line in since if "worker died" in line]) == 2
    before_end = since[: next(n for n, line in enumerate(since) if "SIGTERM" in line)]
    assert len([line for line in before_end if "partitions assigned" in line]) == 2, "the other one was disturbed"
    assert not [line for line in before_end if "given up" in line or "lost" in line], before_end
    scene.check(feed.written, once=delivery == "exactly-once")


# ---- what is remembered


def test_a_quarantine_outlives_a_restart_where_there_is_a_state_dir(scene, client, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    scene.set_host(state_dir=state)
    scene.pipeline.set("chain user-login", commit_interval="1h")
    scene.add_deadly("abort")
    bad = poison(1)
    client.produce(scene.pipeline.source, (e.record() for e in bad))
    errors = scene.pipeline.topic("processed-errors")
    w = scene.run()
    client.wait_for("the error record", lambda: client.end(errors) == 1)
    assert len(lines(w, "worker died")) == 2
    w.kill()  # before a commit: the record comes again
    w = scene.run()
    client.wait_for("the error record again", lambda: client.end(errors) == 2)
    assert w.terminate() == 0
    assert not lines(w, "worker died")
    assert len(scene.letters()) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in state.iterdir()), "others can read it"


def test_without_one_it_is_learnt_anew(scene, client):
    scene.pipeline.set("chain user-login", commit_interval="1h")
    scene.add_deadly("abort")
    client.produce(scene.pipeline.source, (e.record() for e in poison(1)))
    for _ in range(2):
        w = scene.run()
        w.wait_for('stage=deadly first record failed: reason="Plugin crash: SIGABRT"', timeout=60)
        assert len(lines(w, "worker died")) == 2
        w.kill()


def test_a_second_chain_starts_and_stops_by_reloads_beside_one_that_crashes(scene):
    scene.set_host(reload_guard="0s")
    scene.add_deadly("null")
    bad = poison(1)
    w = scene.run()
    with scene.load(bad) as feed:
        scene.add_second()
        w.reload()
        w.wait_for("reload done: .*added=1", timeout=60)
        w.wait_for("chain=second partitions assigned", timeout=60)
        with scene.beat() as beat:
            w.wait_for("record quarantined", timeout=60)
            beat.wait()
        second_noticed_nothing(w)
        (scene.pipeline.dir / "second.conf").unlink()
        w.reload()
        w.wait_for("reload done: .*removed=1", timeout=60)
        w.wait_for("chain=second task ended", timeout=60)
        scene.moves_on()
    scene.finish(w)
    scene.check(feed.written)
