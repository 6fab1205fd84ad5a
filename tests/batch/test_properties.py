"""Properties of inputs: what workers read, and what the parent keeps."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar.batch.properties import PropertyReader
from imgpar.batch.property_answers import properties_of
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import OutputSpec, RunSpec
from imgpar.batch.workers import Workers
from imgpar.core.digest import file_digest
from imgpar.core.errors import ItemError
from imgpar.core.job import Item, Job, Outcome, Target
from imgpar.core.properties import Properties, Wants
from imgpar.recipe.tables import make_operation
from imgpar.runtime.scheduler import CancelToken
from imgpar.video.binary import ffmpeg

MADE = Wants(made=True)


def job(path: Path, *targets: tuple[str, int]) -> Job:
    item = Item(str(path), path.name, path.stat().st_size if path.exists() else 0, 1)
    return Job(0, (item,), tuple(Target(name, "", branch=branch) for name, branch in targets))


def test_a_picture_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    found = properties_of(job(tmp_path / "a.jpg"), RunSpec(""))
    assert (found.width, found.height, found.orientation, found.shape) == (20, 30, 6, "portrait")


def test_an_animation_has_frames_and_seconds(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 8), grey) for grey in (0, 100, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=500)
    found = properties_of(job(tmp_path / "a.gif"), RunSpec(""))
    assert (found.animated, found.frames, found.seconds) == (True, 3, 1.5)


def test_pages_are_no_animation(tmp_path: Path) -> None:
    pages = [Image.new("L", (8, 8), grey) for grey in (0, 100)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    found = properties_of(job(tmp_path / "a.tif"), RunSpec(""))
    assert (found.animated, found.frames) == (False, 2)


def test_a_clip_says_its_size_its_time_and_its_title(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    subprocess.run(
        [
            ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=1",
            "-metadata", "title=Sea", "-metadata", "creation_time=2024-05-01T10:00:00Z", str(path),
        ],
        check=True,
    )  # fmt: skip
    found = properties_of(job(path), RunSpec("", wants=Wants(digest=True)))
    assert found == Properties(
        "video", "mp4", 64, 48, 10, 1.0, animated=True, taken="2024-05-01T10:00:00+00:00", title="Sea",
        digest=file_digest(str(path)),
    )  # fmt: skip


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    found = properties_of(job(tmp_path / "a.png"), RunSpec("", wants=Wants(digest=True)))
    assert found.digest == file_digest(str(tmp_path / "a.png"))


def test_nothing_is_computed_that_is_not_asked_for(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    found = properties_of(job(tmp_path / "a.png", ("png", 0)), RunSpec(""))
    assert (found.digest, found.fingerprint, found.made) == ("", "", ())


@pytest.mark.parametrize(
    ("steps", "size"),
    [
        ([], (90, 60)),
        ([("resize", "30")], (30, 20)),
        ([("resize", "500")], (90, 60)),
        ([("rotate", "90"), ("resize", "30x")], (30, 45)),
        ([("crop", "10x10+0+0"), ("resize", "5x")], (5, 5)),
    ],
)
def test_the_size_of_an_output_is_that_of_the_file(
    tmp_path: Path, steps: list[tuple[str, str]], size: tuple[int, int]
) -> None:
    Image.new("RGB", (90, 60)).save(tmp_path / "a.jpg")
    operations = tuple(make_operation(*step) for step in steps)
    found = properties_of(job(tmp_path / "a.jpg", ("png", 0)), RunSpec("", operations, wants=MADE))
    pipe = imgpar.Pipeline()
    for operation in operations:
        pipe = pipe.then(operation)
    (tmp_path / "b.png").write_bytes(pipe.encode((tmp_path / "a.jpg").read_bytes(), to="png"))
    with Image.open(tmp_path / "b.png") as made:
        assert (found.made, made.size) == ((size,), size)


def test_where_a_function_decides_the_size_it_is_called(tmp_path: Path) -> None:
    Image.fromarray(np.full((60, 90), 7, np.uint8)).save(tmp_path / "a.png")
    operations = imgpar.Pipeline().apply(lambda array: array[: array[0, 0, 0]]).recipe.operations
    found = properties_of(job(tmp_path / "a.png", ("png", 0)), RunSpec("", operations, wants=MADE))
    assert found.made == ((90, 7),)


def test_each_output_of_a_recipe_has_its_size(tmp_path: Path) -> None:
    Image.new("RGB", (90, 60)).save(tmp_path / "a.jpg")
    small = OutputSpec((make_operation("resize", "30"),))
    run = RunSpec("", wants=MADE, branches=(OutputSpec(), small))
    found = properties_of(job(tmp_path / "a.jpg", ("png", 1), ("webp", 0)), run)
    assert found.made == ((30, 20), (90, 60))


def test_an_output_that_cannot_be_made_has_no_size(tmp_path: Path) -> None:
    Image.new("RGB", (9, 6)).save(tmp_path / "a.jpg")
    outside = OutputSpec((make_operation("crop", "5x5+50+50"),))
    run = RunSpec("", wants=MADE, branches=(outside, OutputSpec()))
    assert properties_of(job(tmp_path / "a.jpg", ("png", 0), ("png", 1)), run).made == ((0, 0), (9, 6))


def test_where_no_output_can_be_made_the_reason_is_told(tmp_path: Path) -> None:
    Image.new("RGB", (9, 6)).save(tmp_path / "a.jpg")
    run = RunSpec("", (make_operation("crop", "5x5+50+50"),), wants=MADE)
    with pytest.raises(ItemError, match=r"outside|beyond|no pixel"):
        properties_of(job(tmp_path / "a.jpg", ("png", 0)), run)


def test_a_clip_with_odd_sides_is_cut_for_its_encoder(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    source = "testsrc=s=63x47:r=5:d=1"
    subprocess.run(
        [ffmpeg(), "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "ffv1", str(path)], check=True
    )
    run = RunSpec("", (make_operation("resize", "31x"),), wants=MADE)
    made = properties_of(job(path, ("mp4", 0), ("gif", 0)), run).made
    imgpar.convert(str(path), str(tmp_path / "b.mp4"), resize="31x", jobs=1)
    out = properties_of(job(tmp_path / "b.mp4"), RunSpec(""))
    assert made == ((out.width, out.height), (31, 23))


def test_a_file_that_is_no_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture at all")
    with pytest.raises(ItemError):
        properties_of(job(tmp_path / "a.jpg"), RunSpec(""))


@pytest.mark.usefixtures("no_leaks")
def test_the_parent_keeps_properties_and_failures(tmp_path: Path) -> None:
    Image.new("RGB", (90, 60)).save(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"no picture at all")
    with Workers(1) as workers:
        counted = list[int]()
        reader = PropertyReader(lambda: workers, RunOptions(), CancelToken(), progress=counted.append)
        reader.ask([job(tmp_path / "a.jpg"), job(tmp_path / "b.jpg")])
    found, failed = reader.of(str(tmp_path / "a.jpg")), reader.of(str(tmp_path / "b.jpg"))
    assert isinstance(found, Properties)
    assert (found.width, found.height) == (90, 60)
    assert isinstance(failed, Outcome)
    assert (failed.status, failed.stage) == ("failed", "read")
    assert counted == [1, 2]
    assert reader.of("/other") is None


def test_an_impossible_date_of_a_worker_is_none() -> None:
    assert Properties(taken="tomorrow").date is None
