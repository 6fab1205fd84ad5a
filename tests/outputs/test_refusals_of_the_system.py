"""A system that refuses what every run needs: that is said, nothing is lost, a second run completes it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import refusing
from PIL import Image

from imgpar import testing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not refusing.supported(), reason="needs a kernel that can refuse calls"),
]

IMGPAR = [sys.executable, "-m", "imgpar", "convert", "-j", "2"]
LARGE = "write:30000"
"""Pictures of 100 pixels and more; the smaller ones and all messages are written."""
COUNT = 6


@dataclass
class Case:
    """One refusal, and what is to be said."""

    error: str
    call: str
    words: str
    code: int
    made: int
    """How many pictures are done all the same."""


CASES = [
    Case("EDQUOT", LARGE, "Your quota is used up in", 4, 3),
    Case("ENOSPC", LARGE, "No space is left in", 4, 3),
    Case("EIO", LARGE, "cannot be written: Input/output error. Check the disk", 1, 3),
    Case("EACCES", LARGE, "cannot be written: Permission denied. Change the permissions", 1, 3),
    Case("EIO", "pwrite64", "disk I/O error. Check the disk, its quota", 4, 0),
    Case("EDQUOT", "pwrite64", "Check the disk, its quota", 4, 0),
    Case("ENOSPC", "pwrite64", "No space is left for the journal", 4, 0),
    Case("EIO", "fsync", "disk I/O error. Check the disk", 4, 0),
    Case("EDQUOT", "mkdir", "Your quota is used up in", 4, 0),
    Case("ENOSPC", "mkdir", "No space is left in", 4, 0),
    Case("EDQUOT", "link", "Your quota is used up in", 4, 0),
    Case("EDQUOT", "fallocate", "The system gives no shared memory", 4, 0),
    Case("EACCES", "mkdir", "cannot be written: Permission denied. Choose another OUT", 4, 0),
    # File systems without hard links, modes or times are no reason to fail.
    Case("EPERM", "link", "6 ok, 0 skipped, 0 failed", 0, COUNT),
    Case("EPERM", "fchmod", "6 ok, 0 skipped, 0 failed", 0, COUNT),
    Case("EPERM", "utimensat", "6 ok, 0 skipped, 0 failed", 0, COUNT),
]


def refused(case: Case, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run imgpar where the system refuses."""
    command = [sys.executable, refusing.__file__, case.error, case.call, "--", *IMGPAR, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Pictures of 7 to 47 kB as BMP; half of them are larger than what can be written."""
    for number in range(COUNT):
        testing.write_pictures(tmp_path / "in", [f"{number}.png"], size=(60 + 40 * number, 60))
    return tmp_path / "in"


def files(folder: Path) -> dict[str, bytes]:
    """What has a name that others see, and what was left behind."""
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.is_file()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.error} {case.call}")
def test_a_refusal_is_said_and_the_second_run_completes_it(pictures, tmp_path, case):
    out = tmp_path / "out"
    done = refused(case, pictures, "-o", out, "--to", "bmp")
    assert case.words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert (done.returncode, len(files(out))) == (case.code, case.made)
    report = tmp_path / "report.json"
    subprocess.run(
        [*IMGPAR, pictures, "-o", out, "--to", "bmp", "--report", report], capture_output=True, check=True
    )
    lines = json.loads(report.read_text())["items"]
    assert sorted(line["status"] for line in lines) == ["ok"] * (COUNT - case.made) + ["skipped"] * case.made
    for path in sorted(pictures.iterdir()):
        with Image.open(path) as wanted, Image.open(out / f"{path.stem}.bmp") as made:
            assert wanted.tobytes() == made.tobytes()


def test_no_place_for_temporary_files_is_one_sentence(pictures, tmp_path):
    out = tmp_path / "out"
    (out / ".imgpar").mkdir(parents=True)
    done = refused(Case("EACCES", "mkdir", "", 4, 0), pictures, "-o", out, "--to", "bmp")
    assert done.returncode == 4
    assert done.stderr.startswith("imgpar: Temporary files cannot be made: Permission denied. Set TMPDIR")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "case",
    [
        *CASES[:5],
        Case("EIO", "rename", "cannot be written", 1, 0),
        Case("EDQUOT", "rename", "Your quota is used up in", 4, 0),
        Case("ENOSPC", "rename", "No space is left in", 4, 0),
    ],
    ids=lambda c: f"{c.error} {c.call}",
)
def test_in_place_a_refusal_leaves_the_original_or_the_new_file(pictures, case):
    before = files(pictures)
    done = refused(case, pictures, "--in-place", "--flip", "horizontal", "--to", "bmp,png")
    assert done.returncode == case.code
    assert "Traceback" not in done.stderr
    after = files(pictures)
    for name, data in before.items():
        flipped = name in after and after[name] != data
        assert flipped == (name.replace("png", "bmp") in after)
    assert sum(name.endswith("bmp") for name in after) == case.made
    assert not [name for name in after if name.endswith("tmp")]
    subprocess.run([sys.executable, "-m", "imgpar", "undo", pictures], capture_output=True, check=False)
    assert files(pictures) == before
