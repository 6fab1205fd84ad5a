"""A short storm of kills; the long ones are run by hand, see docs/reliability.md."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "storm.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.skipif(not SCRIPT.exists(), reason="the scripts are not here"),
]


@pytest.mark.parametrize("arguments", [(), ("--in-place",)], ids=["copies", "in place"])
def test_no_kill_loses_a_file(tmp_path: Path, arguments: tuple[str, ...]):
    limits = ["--kills", "25", "--seconds", "8", "--files", "80", "--storm-seconds", "1", "4"]
    table = tmp_path / "table.json"
    command = [sys.executable, str(SCRIPT), *limits, *arguments, "--json", str(table)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(json.loads(table.read_text())["kills"].values()) > 0
