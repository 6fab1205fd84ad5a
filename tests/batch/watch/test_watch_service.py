"""The unit for systemd and the container: what they start is what the command takes."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgpar.cli.watch import watch_parser

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
UNIT = EXAMPLES / "imgpar-watch.service"


def started() -> list[str]:
    line = re.search(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert line
    return shlex.split(line[1])


def test_the_unit_starts_a_watch():
    program, command, *argv = started()
    assert (Path(program).name, command) == ("imgpar", "watch")
    args, inputs = watch_parser().parse(argv)
    assert (args.out, inputs) == ("/srv/web", ["/srv/inbox"])


def test_the_container_starts_a_watch():
    text = (EXAMPLES / "Containerfile.watch").read_text()
    (line,) = re.findall(r"^ENTRYPOINT \[(.*)\]$", text, re.MULTILINE)
    args, inputs = watch_parser().parse(line.replace('"', "").split(", ")[2:])
    assert (args.out, inputs) == ("/out", ["/in"])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_accepts_the_unit(tmp_path: Path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(started()[0], sys.executable).replace("User=imgpar\n", ""))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60
    )
    about_us = [line for line in done.stderr.splitlines() if "imgpar-watch" in line]
    assert (done.returncode, about_us) == (0, [])
