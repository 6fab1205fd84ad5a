"""What is refused of a cluster, and what one machine does not need of it."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import FolderMaker

import imgpar
from imgpar import MemorySink, MemorySource
from imgpar.core.errors import UsageError


def refused(*arguments: object, **settings: object) -> str:
    """The message of a run on a cluster that is refused."""
    with pytest.raises(UsageError) as caught:
        imgpar.convert(*arguments, engine="ray", **settings)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.fixture
def ray_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused with Ray is refused before Ray is imported."""
    monkeypatch.setattr("imgpar.engines.ray.find_spec", lambda _: True)


@pytest.mark.skipif(find_spec("ray") is not None, reason="ray is installed")
def test_without_ray_the_command_that_installs_it(photo_folder: FolderMaker, tmp_path: Path) -> None:
    message = refused(photo_folder("a.jpg"), tmp_path / "out")
    assert message.startswith("--engine ray (engine='ray') needs the package ray. Run: ")
    assert message.endswith('install "imgpar[ray]"')
    assert not (tmp_path / "out").exists()


def test_one_machine_imports_no_ray(photo_folder: FolderMaker, tmp_path: Path) -> None:
    given = str(photo_folder("a.jpg")), str(tmp_path / "out")
    code = (
        f"import sys, imgpar\nassert imgpar.convert(*{given!r}, to='png').ok == 1\n"
        "print([name for name in sys.modules if name.startswith('ray') or name == 'imgpar.engines.ray'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_dry_run_touches_no_cluster(photo_folder: FolderMaker, tmp_path: Path, ray_is_there: None) -> None:
    settings = {"engine": "ray", "ray_address": "127.0.0.1:1", "to": "png"}
    report = imgpar.convert(photo_folder("a.jpg"), tmp_path / "out", dry_run=True, **settings)
    assert [item.status for item in report.items] == ["planned"]


def test_the_address_of_a_cluster_needs_its_engine(photo_folder: FolderMaker, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the engine is local"):
        imgpar.convert(photo_folder("a.jpg"), tmp_path / "out", ray_address="auto")


def test_an_address_where_nothing_listens(
    photo_folder: FolderMaker, tmp_path: Path, ray_is_there: None
) -> None:
    pytest.importorskip("ray")
    with pytest.raises(imgpar.RunError, match="No Ray cluster answers at 127"):
        imgpar.convert(photo_folder("a.jpg"), tmp_path / "out", engine="ray", ray_address="127.0.0.1:1")
    assert not (tmp_path / "out").exists()


def test_a_value_that_is_no_address_is_refused(photo_folder: FolderMaker, tmp_path: Path) -> None:
    message = refused(photo_folder("a.jpg"), tmp_path / "out", ray_address="garbage")
    assert message.endswith("or auto for ray_address but received 'garbage'.")


@pytest.mark.usefixtures("ray_is_there")
def test_a_variable_that_holds_no_address_is_refused(
    photo_folder: FolderMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "garbage")
    assert "for RAY_ADDRESS but received 'garbage'" in refused(photo_folder("a.jpg"), tmp_path / "out")


@pytest.mark.usefixtures("ray_is_there")
def test_what_a_cluster_cannot_do_is_refused(photo_folder: FolderMaker, tmp_path: Path) -> None:
    photos, out = photo_folder("a.jpg", "b.jpg"), tmp_path / "out"
    assert "keeps their originals" in refused(photos, in_place=True)
    assert "is written by one process" in refused(photos, tmp_path / "out.zip")
    assert "is written by one process" in refused(photos, MemorySink())
    assert "is written by one process" in refused(photos, out, shard="1GB")
    assert "OUT is one file" in refused(photos / "a.jpg", tmp_path / "a.png")
    assert "lies in this process" in refused(MemorySource({"a.png": b""}), out)
    assert "jobs=0 starts none" in refused(photos, out, jobs=0)
    assert "does not go through Ray Client" in refused(photos, out, ray_address="ray://head:10001")
    assert "unpacked by one machine" in refused(photos, out, archives=True)
    with imgpar.Session(jobs=1) as session:
        assert "does not accept engine" in refused(photos, out, session=session)
    assert not out.exists()


@pytest.mark.usefixtures("ray_is_there")
def test_a_watch_has_the_processes_of_its_machine(photo_folder: FolderMaker, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="A watch has the processes of this machine"):
        imgpar.watch(photo_folder("a.jpg"), tmp_path / "out", engine="ray", once=True)


@pytest.mark.usefixtures("ray_is_there")
def test_standard_output_is_of_this_process(photo_folder: FolderMaker) -> None:
    assert "there is no --engine ray" in refused(photo_folder("a.jpg") / "a.jpg", "-")


@pytest.mark.usefixtures("ray_is_there")
def test_an_estimate_is_of_this_machine(photo_folder: FolderMaker, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="measured on this machine"):
        imgpar.estimate(photo_folder("a.jpg"), tmp_path / "out", engine="ray")
