"""Two minutes at a steady rate: see tests/chaos/soak, which is meant for twenty and more. So short a run shows that it
completes, that every outcome is there once, and that no leak is a gross one."""
import subprocess
from pathlib import Path

import pytest

SOAK = Path(__file__).resolve().parents[1] / "chaos" / "soak"


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_two_minutes_at_a_steady_rate_leave_no_mark(delivery):
    command = [SOAK, "--minutes", "2", "--delivery", delivery, "--most", "16"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=400)
    print(done.stdout)
    assert done.returncode == 0
    assert f"check: {delivery} was kept" in done.stdout
