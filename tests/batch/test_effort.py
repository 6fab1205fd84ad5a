"""What must stay cheap, counted in calls, not in seconds: the same on every machine."""

from __future__ import annotations

import cProfile
import io
import pstats
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar.api import run
from imgpar.recipe.recipe import Recipe


def calls(work: Callable[[], object]) -> int:
    """Function calls, of Python and of C."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return int(pstats.Stats(profile, stream=io.StringIO()).total_calls)  # type: ignore[attr-defined]


def second_run_calls(root: Path, count: int) -> int:
    """Calls of a second run over so many files."""
    source = root / f"in-{count}"
    source.mkdir()
    Image.new("L", (2, 2)).save(source / "0.png")
    data = (source / "0.png").read_bytes()
    for number in range(1, count):
        (source / f"{number}.png").write_bytes(data)

    def convert() -> imgpar.Report:
        return run.run([str(source)], str(root / f"out-{count}"), Recipe())

    assert convert().ok == count
    spent = calls(lambda: convert().reasons)
    assert convert().reasons == {"unchanged": count}
    return spent


def test_an_unchanged_file_takes_few_calls(tmp_path: Path) -> None:
    few, many = second_run_calls(tmp_path, 50), second_run_calls(tmp_path, 350)
    assert (many - few) / 300 < 25


def test_a_small_picture_takes_few_calls_beside_its_codecs() -> None:
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, "JPEG")
    pipe, data = imgpar.Pipeline().resize("64"), buffer.getvalue()
    pipe.encode(data)
    assert calls(lambda: [pipe.encode(data) for _ in range(20)]) / 20 < 1000


@pytest.mark.parametrize("unneeded", ["cv2", "sqlite3", "imgpar.video.planes", "tqdm"])
def test_workers_begin_without_what_few_runs_need(unneeded: str) -> None:
    code = (
        f"import sys, imgpar.runtime.process, imgpar.batch.performer; sys.exit({unneeded!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "unneeded",
    [
        "numpy", "PIL", "cv2", "av", "tqdm", "importlib.metadata", "asyncio", "ssl",
        "imgpar.ops.crop", "imgpar.ops.watermark_text", "imgpar.pixels.text", "imgpar.pixels.faces",
    ],
)  # fmt: skip
def test_the_parent_of_a_conversion_does_without_what_few_runs_need(
    unneeded: str, imported: set[str]
) -> None:
    assert unneeded not in imported


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules of the process that converts a picture with a resize, after its end."""
    folder = tmp_path_factory.mktemp("imported")
    Image.new("RGB", (64, 48), "teal").save(folder / "a.jpg")
    code = "import sys; from imgpar.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    command = ["convert", str(folder / "a.jpg"), "-o", str(folder / "out"), "--resize", "32x", "-q"]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "unneeded", ["imgpar.inputs.sources", "imgpar.ops.watermark_text", "imgpar.pixels.faces"]
)
def test_workers_of_a_conversion_begin_without_what_few_runs_need(unneeded: str) -> None:
    code = f"import sys, imgpar.batch.preload; sys.exit({unneeded!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_call_imports_no_operation_that_it_does_not_name() -> None:
    code = (
        "import sys; from imgpar.batch.settings import RUN; "
        "RUN.check({'resize': '9', 'fit': 'cover', 'jobs': 1}); sys.exit('imgpar.ops.crop' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_opencv_has_one_thread_in_workers(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    def threads(array):  # type: ignore[no-untyped-def]
        import cv2

        assert (cv2.getNumThreads(), cv2.ocl.useOpenCL()) == (1, False)
        return array

    report = imgpar.Pipeline().apply(threads).run(tmp_path / "a.png", tmp_path / "out", jobs=1)
    assert report.ok == 1


def test_a_jpeg_becomes_smaller_without_opencv(tmp_path: Path) -> None:
    pytest.importorskip("simplejpeg")
    pytest.importorskip("cykooz_resizer")
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "a.jpg")
    code = (
        "import imgpar, sys; data = open(sys.argv[1], 'rb').read(); "
        "made = imgpar.Pipeline().resize('32').encode(data, to='jpg'); "
        "assert made[:2] == bytes((255, 216)); assert 'cv2' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "a.jpg"], check=False).returncode == 0
