"""What weir inherits from whoever starts it, and limits that it meets: said where they matter, and survived."""
import os
import resource
import signal

import pytest
from support.kills import worker_of
from support.logins import Ended, logins

EVER = {"MAX_MESSAGE_AGE": "10000d"}
ASSIGNED = "partitions assigned"


@pytest.fixture
def run(weir, pipeline):
    def start(inherit=None):
        return weir("run", "-c", pipeline.dir, env=EVER, inherit=inherit)

    return start


def host(pipeline, text):
    (pipeline.dir / "00-host.conf").write_text(f"[host]\n{text}\n", encoding="utf-8")


def soft_core_limit(pid):
    return resource.prlimit(pid, resource.RLIMIT_CORE)[0]


def test_the_death_of_a_worker_is_seen_where_sigchld_was_ignored(run):
    w = run(lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    w.wait_for(ASSIGNED)
    mark = w.mark()
    os.kill(worker_of(w, "user-login"), signal.SIGKILL)
    w.wait_for(ASSIGNED, since=mark)
    assert w.terminate() == 0


def test_a_limit_on_files_is_named(run):
    w = run(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    assert w.wait() == 78
    w.wait_for(r'cannot copy "\w+" to memory: File too large \(see ulimit -f\)')


def test_a_worker_that_cannot_be_started_is_said_once_and_tried_on(run):
    w = run()
    w.wait_for(ASSIGNED)
    limits = resource.prlimit(w.pid, resource.RLIMIT_NOFILE)
    mark = w.mark()
    resource.prlimit(w.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    os.kill(worker_of(w, "user-login"), signal.SIGKILL)
    w.wait_for(r"worker cannot be started, trying on: .*Too many open files \(see ulimit -n\)", since=mark)
    resource.prlimit(w.pid, resource.RLIMIT_NOFILE, limits)
    w.wait_for(ASSIGNED, since=mark)
    assert w.terminate() == 0
    assert w.stderr.count("worker cannot be started") == 1


def test_no_process_leaves_a_core_dump_unless_it_is_told_to(pipeline, run):
    """What a supervisor knows are the passwords of all chains."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    w = run(lambda: resource.setrlimit(resource.RLIMIT_CORE, (most, most)))
    w.wait_for(ASSIGNED)
    assert [soft_core_limit(pid) for pid in (w.pid, worker_of(w, "user-login"))] == [0, 0]
    host(pipeline, "core_dumps = yes")
    w.reload()
    w.wait_for("reload done: .*changed=1")
    assert [soft_core_limit(pid) for pid in (w.pid, worker_of(w, "user-login"))] == [most, most]
    assert w.terminate() == 0


def read_log_until(reader, text):
    """Of a log that no thread reads."""
    log = b""
    while text not in log:
        log += os.read(reader, 4096)


def fill(pipe):
    """By a descriptor of its own: O_NONBLOCK is shared by all who have one."""
    own = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(own, bytes(4096))
    os.close(own)


def test_a_log_that_nobody_reads_keeps_weir_neither_from_its_work_nor_from_its_end(client, pipeline, run):
    events = logins(400, malformed=20, missing=20)
    reader, log = os.pipe()
    w = run(lambda: os.dup2(log, 2))
    read_log_until(reader, ASSIGNED.encode())
    fill(log)
    client.produce(pipeline.source, (e.record() for e in events[:200]))
    client.wait_until_committed(pipeline.group, pipeline.source)
    w.reload()
    os.kill(worker_of(w, "user-login"), signal.SIGKILL)
    client.produce(pipeline.source, (e.record() for e in events[200:]))
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    os.close(reader)
    os.close(log)
    Ended(client, pipeline).check_once(events)


NOT_FOUND = "status and reload do not find weir by this configuration"


def test_a_new_socket_is_said_to_take_a_restart(pipeline, run, tmp_path):
    host(pipeline, "socket = w.sock")
    w = run()
    w.wait_for(ASSIGNED)
    host(pipeline, f"socket = {pipeline.dir}/w.sock")
    w.reload()
    w.wait_for("reload done")
    assert NOT_FOUND not in w.stderr
    host(pipeline, f"socket = {tmp_path}/new.sock")
    w.reload()
    w.wait_for(rf"00-host\.conf:2: .*{NOT_FOUND}: the socket is opened at a start, and that of this one is .*w\.sock")
    assert w.terminate() == 0
