"""Runs with a sandbox: what a worker that was taken over cannot do, and what all others still can."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import FolderMaker
from http_server import HttpServer, Page
from PIL import Image
from video_clips import make_clip

import imgpar
from imgpar.batch.confinement import is_confined, sandbox_of
from imgpar.batch.run_options import RunOptions
from imgpar.core.errors import UsageError
from imgpar.inputs.few_folders import FewFolders
from imgpar.inputs.lists import InputList
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out
from imgpar.recipe.recipe import Recipe
from imgpar.runtime import sandbox
from imgpar.runtime.sandbox import why_unsupported

SAMPLES = Path(__file__).parents[2] / "sample_media"
pytestmark = pytest.mark.skipif(bool(why_unsupported()), reason="needs Landlock")


@pytest.fixture
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is no input; not in the folder for temporary files, which is open to workers."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "id_ed25519").write_text("key")
    return folder / "id_ed25519"


def refused(attempt: Callable[[], object]) -> Callable[[np.ndarray], np.ndarray]:
    def hostile(array: np.ndarray) -> np.ndarray:
        attempt()
        return array

    return hostile


def failure(photos: Path, out: Path, attempt: Callable[[], object]) -> str:
    """Why the only picture failed while a function did this."""
    report = imgpar.Pipeline().apply(refused(attempt)).run(photos, out, to="png", sandbox=True, jobs=1)
    assert (report.ok, report.failed) == (0, 1)
    return report.items[0].error


def test_a_worker_reads_no_file_that_is_no_input(photo_folder: FolderMaker, tmp_path: Path, secret: Path):
    place = str(secret)
    why = failure(photo_folder("a.jpg"), tmp_path / "out", lambda: open(place).read())  # noqa: SIM115
    assert "PermissionError" in why


def test_a_worker_lists_no_other_folder(photo_folder: FolderMaker, tmp_path: Path, secret: Path):
    place = str(secret.parent)
    why = failure(photo_folder("a.jpg"), tmp_path / "out", lambda: os.listdir(place))
    assert "PermissionError" in why


def test_a_worker_writes_nowhere_else(photo_folder: FolderMaker, tmp_path: Path, secret: Path):
    place = str(secret.with_name("new"))
    why = failure(photo_folder("a.jpg"), tmp_path / "out", lambda: open(place, "w").close())
    assert "PermissionError" in why
    assert not os.path.exists(place)


def test_a_worker_changes_no_input(photo_folder: FolderMaker, tmp_path: Path):
    photos = photo_folder("a.jpg")
    place, before = str(photos / "a.jpg"), (photos / "a.jpg").read_bytes()
    why = failure(photos, tmp_path / "out", lambda: open(place, "r+b").close())
    assert "PermissionError" in why
    assert (photos / "a.jpg").read_bytes() == before


def test_a_worker_connects_to_no_server(photo_folder: FolderMaker, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        why = failure(photo_folder("a.jpg"), tmp_path / "out", lambda: socket.create_connection(address, 5))
    assert "PermissionError" in why


def test_a_worker_does_not_reach_the_fork_server(photo_folder: FolderMaker, tmp_path: Path):
    """It would start a process that is not restricted, and run there what it is told."""
    photos = photo_folder("a.jpg")
    with imgpar.Session(jobs=1) as session:
        session.run(imgpar.Pipeline(), photos, tmp_path / "first", to="png")  # starts it
        address = forkserver._forkserver._forkserver_address
        why = failure(photos, tmp_path / "out", lambda: socket.socket(socket.AF_UNIX).connect(address))
    assert "PermissionError" in why


def test_a_worker_sends_no_datagram(photo_folder: FolderMaker, tmp_path: Path):
    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"key", ("127.0.0.1", 9))

    assert "PermissionError" in failure(photo_folder("a.jpg"), tmp_path / "out", send)


def test_pairs_of_sockets_and_pipes_work(photo_folder: FolderMaker, tmp_path: Path):
    def ask() -> None:
        one, other = socket.socketpair()
        one.sendall(b"!")
        assert other.recv(1) == b"!"

    pipe = imgpar.Pipeline().apply(refused(ask))
    assert pipe.run(photo_folder("a.jpg"), tmp_path / "out", to="png", sandbox=True, jobs=1).ok == 1


def test_a_program_that_a_worker_starts_can_do_no_more(
    photo_folder: FolderMaker, tmp_path: Path, secret: Path
):
    code = f"import sys\ntry: open({str(secret)!r})\nexcept PermissionError: sys.exit(7)"
    command = [sys.executable, "-c", code]
    why = failure(photo_folder("a.jpg"), tmp_path / "out", lambda: subprocess.run(command, check=True))
    assert "7" in why


def test_a_worker_starts_no_program_from_the_inputs(photo_folder: FolderMaker, tmp_path: Path):
    photos = photo_folder("a.jpg")
    program = photos / "program"
    shutil.copy("/bin/true", program)
    place = str(program)
    why = failure(photos, tmp_path / "out", lambda: subprocess.run([place], check=True))
    assert "PermissionError" in why


def test_without_a_sandbox_a_function_may_do_all_that(
    photo_folder: FolderMaker, tmp_path: Path, secret: Path
):
    place = str(secret)
    pipe = imgpar.Pipeline().apply(refused(lambda: open(place).read()))  # noqa: SIM115
    assert pipe.run(photo_folder("a.jpg"), tmp_path / "out", to="png", sandbox=False, jobs=1).ok == 1


def test_a_link_that_leads_out_of_the_inputs_fails_in_words(
    photo_folder: FolderMaker, tmp_path: Path, secret: Path
):
    photos = photo_folder("a.jpg")
    Image.new("RGB", (8, 8)).save(secret.with_suffix(".png"))
    (photos / "b.png").symlink_to(secret.with_suffix(".png"))
    report = imgpar.convert(photos, tmp_path / "out", to="webp", sandbox=True, jobs=1)
    assert (report.ok, report.failed) == (1, 1)
    (failed,) = (item for item in report.items if item.status == "failed")
    assert "The sandbox forbids it" in failed.error
    assert "--no-sandbox" in failed.error


# ----- what still works -------------------------------------------------------------------------------


def digests(out: Path) -> dict[str, int]:
    return {
        str(path.relative_to(out)): path.stat().st_size
        for path in out.rglob("*")
        if path.is_file() and ".imgpar" not in path.parts
    }


def test_all_samples_become_what_they_become_without(tmp_path: Path):
    made = {}
    for sandboxed in (False, True):
        out = tmp_path / str(sandboxed)
        report = imgpar.convert(SAMPLES, out, resize="64", sandbox=sandboxed, jobs=2)
        assert not report.failed
        made[sandboxed] = digests(out)
    assert made[True].keys() == made[False].keys()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp", "gif", "avif", "heic"])
def test_formats_are_written_and_verified(photo_folder: FolderMaker, tmp_path: Path, suffix: str):
    out = tmp_path / "out"
    report = imgpar.convert(photo_folder("a.png"), out, to=suffix, sandbox=True, verify=True, jobs=1)
    assert (report.ok, report.failed) == (1, 0), report.items[0].error


def test_a_single_file_has_its_output_beside_it(photo_folder: FolderMaker):
    photos = photo_folder("a.png", "b.png")
    report = imgpar.convert(photos / "a.png", photos / "a.webp", sandbox=True, jobs=1)
    assert report.ok == 1
    assert (photos / "a.webp").exists()


def test_a_single_file_in_a_folder_that_is_not_there(photo_folder: FolderMaker, tmp_path: Path):
    out = tmp_path / "new" / "er" / "a.webp"
    assert imgpar.convert(photo_folder("a.png") / "a.png", out, sandbox=True, jobs=1).ok == 1
    assert out.exists()


def test_in_place(photo_folder: FolderMaker):
    photos = photo_folder("a.jpg", "sub/b.jpg", size=(200, 100))
    report = imgpar.convert(photos, in_place=True, resize="50", sandbox=True, jobs=1)
    assert report.ok == 2
    with Image.open(photos / "sub/b.jpg") as image:
        assert image.size == (50, 25)
    imgpar.undo(photos)
    with Image.open(photos / "a.jpg") as image:
        assert image.size == (200, 100)


def test_files_of_the_recipe_are_read(photo_folder: FolderMaker, tmp_path: Path):
    logo = photo_folder("logo.png", under="logos", size=(10, 10)) / "logo.png"
    pipe = imgpar.Pipeline().watermark(logo).watermark_text("© Ünï 漢字")
    report = pipe.run(photo_folder("a.jpg"), tmp_path / "out", to="png", sandbox=True, jobs=1)
    assert report.ok == 1, report.items[0].error


@pytest.mark.parametrize("frames", [False, True])
def test_clips_by_ffmpeg_and_by_frames(tmp_path: Path, frames: bool):
    (tmp_path / "clips").mkdir()
    make_clip(tmp_path / "clips" / "a.mp4")
    pipe = imgpar.Pipeline().resize("32")
    pipe = pipe.apply(lambda array: array) if frames else pipe
    report = pipe.run(tmp_path / "clips", tmp_path / "out", to="webm", sandbox=True, jobs=2)
    assert report.ok == 1, report.items[0].error


def test_an_archive_is_read_and_one_is_written(photo_folder: FolderMaker, tmp_path: Path):
    packed = shutil.make_archive(str(tmp_path / "in"), "zip", photo_folder("a.jpg", "b.png"))
    report = imgpar.convert(packed, tmp_path / "out.tar", to="webp", sandbox=True, jobs=1)
    assert report.ok == 2


def test_a_list_names_files_anywhere(photo_folder: FolderMaker, tmp_path: Path):
    names = [str(photo_folder("a.jpg", under=f"f{n}") / "a.jpg") for n in range(3)]
    report = imgpar.convert(InputList(names), tmp_path / "out", to="png", sandbox=True, jobs=1)
    assert report.ok == 3, report.items[0].error


def test_conditions_are_asked_before_out_is_there(photo_folder: FolderMaker, tmp_path: Path):
    out = tmp_path / "new" / "out"
    report = imgpar.convert(
        photo_folder("a.jpg", "b.jpg"), out, to="png", where="width>10", sandbox=True, jobs=1
    )
    assert report.ok == 2, report.items[0].error


def test_a_journal_elsewhere_keeps_its_notes(photo_folder: FolderMaker, tmp_path: Path):
    (tmp_path / "journals").mkdir()
    options: dict[str, Any] = {"journal": tmp_path / "journals" / "j.db", "sandbox": True, "jobs": 1}
    photos, out = photo_folder("a.jpg"), tmp_path / "out"
    assert imgpar.convert(photos, out, to="png", **options).ok == 1
    assert imgpar.convert(photos, out, to="png", **options).skipped == 1


def test_a_sheet_of_all_inputs(photo_folder: FolderMaker, tmp_path: Path):
    photos, out = photo_folder("a.jpg", "b.png"), tmp_path / "sheet.png"
    report = imgpar.Pipeline().sheet(photos, out, sandbox=True, jobs=1)
    assert report.ok == 2


def test_a_report_with_thumbnails(photo_folder: FolderMaker, tmp_path: Path):
    page = tmp_path / "report.html"
    imgpar.convert(photo_folder("a.jpg"), tmp_path / "out", to="png", report=page, sandbox=True, jobs=1)
    assert "data:image/" in page.read_text()


def test_a_run_in_a_session_leaves_its_workers_free(photo_folder: FolderMaker, tmp_path: Path, secret: Path):
    photos, place = photo_folder("a.jpg"), str(secret)
    pipe = imgpar.Pipeline().apply(refused(lambda: open(place).read()))  # noqa: SIM115
    with imgpar.Session(jobs=1) as session:
        assert session.run(pipe, photos, tmp_path / "one", to="png", sandbox=True).failed == 1
        assert session.run(pipe, photos, tmp_path / "two", to="png").ok == 1


def test_addresses_have_a_sandbox_without_being_asked(tmp_path: Path, photo_folder: FolderMaker):
    data = (photo_folder("a.jpg") / "a.jpg").read_bytes()
    with HttpServer({"/a.jpg": Page(data)}) as server:
        address = f"http://127.0.0.1:{server.port}/a.jpg"
        sources = [one for one in with_sources([address]) if not isinstance(one, str)]
        assert is_confined(RunOptions(), Recipe(), sources)
        report = imgpar.convert([address], tmp_path / "out", to="png", allow_private=True, jobs=1)
    assert report.ok == 1, report.items[0].error


def test_a_watch_follows_links_that_lead_out(photo_folder: FolderMaker, tmp_path: Path, secret: Path):
    Image.new("RGB", (8, 8)).save(secret.with_suffix(".png"))
    (link := photo_folder("a.jpg") / "z.png").symlink_to(secret.with_suffix(".png"))
    for path in (link.parent / "a.jpg", secret.with_suffix(".png")):
        os.utime(path, (0, 0))  # they have settled
    report = imgpar.watch(link.parent, tmp_path / "out", to="webp", once=True, settle=0.01, jobs=1)
    assert (report.ok, report.failed) == (2, 0)


def test_a_watch_has_one_where_it_is_asked_for(photo_folder: FolderMaker, tmp_path: Path, secret: Path):
    Image.new("RGB", (8, 8)).save(secret.with_suffix(".png"))
    (link := photo_folder("a.jpg") / "z.png").symlink_to(secret.with_suffix(".png"))
    for path in (link.parent / "a.jpg", secret.with_suffix(".png")):
        os.utime(path, (0, 0))  # they have settled
    settings = {"once": True, "settle": 0.01, "jobs": 1, "sandbox": True}
    report = imgpar.watch(link.parent, tmp_path / "out", to="webp", **settings)
    assert (report.ok, report.failed) == (1, 1)


# ----- which runs have one ----------------------------------------------------------------------------


def network() -> list[Source]:
    """An address, as a source."""
    return [one for one in with_sources(["https://host/a.jpg"]) if not isinstance(one, str)]


def test_functions_have_none_unless_asked():
    sources = network()
    recipe = imgpar.Pipeline().apply(lambda array: array).recipe
    assert not is_confined(RunOptions(), recipe, sources)
    assert is_confined(RunOptions(sandbox=True), recipe, sources)


def test_folders_have_none_unless_asked():
    assert not is_confined(RunOptions(), Recipe(), [])


def test_none_where_it_is_declined():
    assert is_confined(RunOptions(), Recipe(), network())
    assert not is_confined(RunOptions(sandbox=False), Recipe(), network())


@pytest.mark.parametrize(
    "setting", [{"jobs": 0}, {"engine": "ray"}, {"others": "link"}], ids=lambda given: next(iter(given))
)
def test_what_it_cannot_do_is_refused(photo_folder: FolderMaker, tmp_path: Path, setting: dict[str, Any]):
    with pytest.raises(UsageError, match="sandbox"):
        imgpar.convert(photo_folder("a.jpg"), tmp_path / "out", to="png", sandbox=True, **setting)
    assert not (tmp_path / "out").exists()


def test_an_old_kernel_is_named(monkeypatch: pytest.MonkeyPatch, photo_folder: FolderMaker, tmp_path: Path):
    monkeypatch.setattr(sandbox, "landlock_version", lambda: 1)
    sandbox.why_unsupported.cache_clear()
    try:
        with pytest.raises(UsageError, match=r"Linux 6\.7"):
            imgpar.convert(photo_folder("a.jpg"), tmp_path / "out", to="png", sandbox=True)
        assert not is_confined(RunOptions(), Recipe(), network())
    finally:
        monkeypatch.undo()
        sandbox.why_unsupported.cache_clear()


def test_a_named_file_opens_no_folder(photo_folder: FolderMaker, tmp_path: Path):
    photos = photo_folder("a.jpg", "b.jpg")
    (photos / "a.xmp").write_text("<x/>")
    found = sandbox_of([str(photos / "a.jpg")], [], Recipe(), Out(str(tmp_path / "out")))
    assert set(found.reads) == {str(photos / "a.jpg"), str(photos / "a.xmp")}


def test_the_folder_of_very_many_folders():
    assert list(FewFolders(f"/data/{n}/x" for n in range(1000))) == ["/data"]
    assert list(FewFolders(["/a/b", "/a/c"])) == ["/a/b", "/a/c"]
