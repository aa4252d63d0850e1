"""The processes of a weir, held by descriptors: a number that the kernel gives out again fools nobody."""
import os
import signal
import time
from pathlib import Path

from .memory import family


class Processes:
    """A process and all that descend from it, as of now."""

    def __init__(self, pid):
        self._held = {p: os.pidfd_open(p) for p in family(pid)}
        self._used = None

    def __len__(self):
        return len(self._held)

    def signal(self, number):
        for fd in self._held.values():
            signal.pidfd_send_signal(fd, number)

    def busy(self):
        """How many of them have used a second of processor time since this was asked first."""
        used = {pid: _used(pid) for pid in self._held}
        self._used = self._used or used
        return sum(used[pid] - self._used[pid] >= 1 for pid in used)

    def wait_until_gone(self, timeout=30):
        """Waits until none of them runs, whoever its parent is by then."""
        deadline = time.monotonic() + timeout
        for pid, fd in self._held.items():
            while _runs(pid, fd):
                assert time.monotonic() < deadline, f"process {pid} is left"
                time.sleep(0.01)
            os.close(fd)
        self._held = {}


def _runs(pid, fd):
    """One that is dead and that nobody has waited for does not."""
    try:
        signal.pidfd_send_signal(fd, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def _used(pid):
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
