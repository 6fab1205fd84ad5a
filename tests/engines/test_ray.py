"""Runs on a Ray cluster: several nodes on this machine, which are killed and added meanwhile."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import FolderMaker
from ray_cluster import MISSING, SmallCluster

import imgpar

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
    pytest.mark.filterwarnings("ignore"),  # of Ray
    pytest.mark.timeout(180),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[SmallCluster]:
    started = SmallCluster()
    yield started
    started.stop()


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, without the journal."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".imgpar" not in path.parts
    }


def test_a_cluster_writes_the_files_of_one_machine(
    cluster: SmallCluster, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    photos = photo_folder(*(f"{number // 10}/{number}.jpg" for number in range(40)))
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing else")
    settings = {"resize": "60", "to": "webp"}
    here = imgpar.convert(photos, tmp_path / "here", **settings)
    there = imgpar.convert(photos, tmp_path / "there", engine="ray", ray_address=cluster.address, **settings)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert (there.ok, there.failed, there.exit_code) == (here.ok, here.failed, here.exit_code) == (40, 1, 1)
    told = [
        sorted((item.source, item.status, item.error, item.reason) for item in report.items)
        for report in (here, there)
    ]
    assert told[0] == told[1]
    assert there.workers == 2


def test_a_run_goes_on_with_the_other_engine(
    cluster: SmallCluster, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(4)))
    out, ray = tmp_path / "out", {"engine": "ray", "ray_address": cluster.address}
    reports = [imgpar.convert(photos, out, to="png", include="[01].jpg", **ray)]
    reports += [imgpar.convert(photos, out, to="png", include="[012].jpg")]
    reports += [imgpar.convert(photos, out, to="png", **ray)]
    assert [(report.ok, report.skipped) for report in reports] == [(2, 0), (1, 2), (1, 3)]


def test_the_command_line_has_a_cluster(
    cluster: SmallCluster, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(6)))
    command = [sys.executable, "-m", "imgpar", "convert", str(photos), "-o", str(tmp_path / "out")]
    command += ["--to", "webp", "--engine", "ray", "--ray-address", cluster.address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "6 ok" in done.stdout) == (0, True), done.stdout + done.stderr
    assert len(contents(tmp_path / "out")) == 6
