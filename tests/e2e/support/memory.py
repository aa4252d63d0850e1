"""What a process has resident, as the kernel counts it: weir and whatever processes it started."""
import re
import threading
from pathlib import Path


def family(pid):
    """The process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*"):
            try:
                found += map(int, (task / "children").read_text(encoding="ascii").split())
            except OSError:  # that thread has ended meanwhile
                continue
    return found


def rss_kib(pid):
    """Resident memory of a process and its children, together, now."""
    return sum(_status(p, "VmRSS") for p in family(pid))


def _status(pid, name):
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:  # it has ended meanwhile
        return 0
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.M)
    return int(found.group(1)) if found else 0


class Watch:
    """with Watch(w.pid) as watch: …; watch.most is then the most that was resident, in KiB, looked at every 20 ms.
    VmHWM was rejected: it forgets nothing, not even what start-up took."""

    def __init__(self, pid):
        self.most = 0
        self._pid = pid
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._halt.wait(0.02):
            self.most = max(self.most, rss_kib(self._pid))

    def __enter__(self):
        self.most = rss_kib(self._pid)
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._halt.set()
        self._thread.join()
