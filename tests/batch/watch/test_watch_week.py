"""A small simulated week: bursts of files, restarts by SIGKILL, nothing missing and nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("watchfiles")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")]
SCRIPT = Path(__file__).resolve().parents[3] / "bench" / "watch_week.py"


def test_a_small_week():
    options = ["--files", "600", "--restarts", "4", "--burst", "300", "--pause", "1", "--minutes", "1"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options], capture_output=True, text=True, timeout=110
    )
    found = json.loads(done.stdout)
    assert (found["missed"], found["twice"], found["unreadable"], found["left_over"]) == (0, 0, 0, 0)
    assert (found["restarts"], found["exit_code"], done.returncode) == (4, 0, 0)
