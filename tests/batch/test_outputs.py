"""Recipes with [[output]]: each output is what a run of its own makes, and the journal knows each."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from codec_pictures import saved
from conftest import make_photo
from PIL import Image
from video_clips import decoded, make_clip, psnr

import imgpar
from imgpar import Pipeline, Recipe, testing
from imgpar.api import retry
from imgpar.batch.picture.programs import compile_program
from imgpar.batch.picture.trees import compile_tree
from imgpar.core.errors import UsageError
from imgpar.core.limits import Limits
from imgpar.core.spec import Header, Spec
from imgpar.pixels.colour import profiles
from imgpar.recipe.outputs import Branch, Output
from imgpar.recipe.tables import make_operation

TREE = (
    Pipeline()
    .resize("80")
    .output(to="png", name="{stem}-whole")
    .output(to="webp", lossless=True, name="{stem}-small", resize="33x21", fit="cover")
    .output(Pipeline().grey().rotate(90), to="tiff", name="{stem}-grey")
    .output(to="jpg", quality=90, subsampling="444", flip="horizontal")
    .output(to="avif", quality=80, name="{stem}-frame", pad="120x120", background="red", blur=1.5)
)
"""Shared operations; outputs without steps, with one, with two, and with more."""


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="256M") as session:
        yield session


def apart(tree: Pipeline, source: Path, out: Path, session: imgpar.Session, **settings: Any) -> None:
    """Make every output by a run of its own, and give it the name that it has in the tree."""
    for number, branch in enumerate(tree.recipe.branches()):
        alone = Pipeline(Recipe(branch.operations, branch.to, branch.encode))
        part = out / f"part{number}"
        alone.run(source, part, session=session, **settings)
        for path in part.rglob("*"):
            if path.is_file() and ".imgpar" not in path.parts:
                name = (branch.name or "{stem}").format(stem=path.stem, ext=path.suffix[1:])
                path.rename(out / (name + path.suffix))
        shutil.rmtree(part)


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in found
        if ".imgpar" not in path.parts
    }


def source_of(kind: str) -> tuple[str, bytes]:
    """Name and bytes of a picture of each kind that is treated in its own way; sides are odd."""
    colours = Image.fromarray(make_photo(143, 97))
    alpha = Image.fromarray(make_photo(143, 97)[..., 0])
    deep = (make_photo(143, 97).astype(np.uint16) * 257 + 11).astype(np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [Image.fromarray(make_photo(143, 97, seed)) for seed in range(3)]
    made = {
        "rgb": lambda: ("a.png", saved(colours, "PNG")),
        "grey": lambda: ("a.png", saved(alpha, "PNG")),
        "alpha": lambda: ("a.png", saved(Image.merge("RGBA", (*colours.split(), alpha)), "PNG")),
        "deep": lambda: ("a.png", bytes(cv2.imencode(".png", deep)[1])),
        "cmyk": lambda: ("a.jpg", saved(colours.convert("CMYK"), "JPEG", quality=95)),
        "palette": lambda: ("a.gif", saved(colours.convert("P"), "GIF")),
        "turned": lambda: ("a.jpg", saved(colours, "JPEG", quality=95, exif=exif)),
        "animation": lambda: (
            "a.gif",
            saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=90),
        ),
        "pages": lambda: ("a.pdf", saved(frames[0], "PDF", save_all=True, append_images=frames[1:])),
        "tiff pages": lambda: ("a.tif", saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])),
    }
    return made[kind]()


KINDS = ("rgb", "grey", "alpha", "deep", "cmyk", "palette", "turned", "animation", "pages", "tiff pages")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_each_output_is_what_a_run_of_its_own_makes(kind: str, tmp_path: Path, session: imgpar.Session):
    name, data = source_of(kind)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(data)
    report = TREE.run(tmp_path / "in", tmp_path / "tree", session=session)
    assert (report.ok, report.failed) == (1, 0), report.items[0]
    apart(TREE, tmp_path / "in", tmp_path / "apart", session)
    assert contents(tmp_path / "tree") == contents(tmp_path / "apart")


@pytest.mark.parametrize("schedule", ["staged", "chain", "auto"])
def test_every_schedule_makes_the_same_files(schedule: str, tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png", "b.jpg"])
    TREE.run(photos, tmp_path / "chain", session=session, schedule="chain")
    TREE.run(photos, tmp_path / "other", session=session, schedule=schedule)
    assert contents(tmp_path / "other") == contents(tmp_path / "chain")


def test_a_jpeg_is_decoded_at_the_scale_of_the_largest_output(tmp_path: Path, session: imgpar.Session):
    """The small one has more pixels to be made from than alone, so it is close, not equal."""
    (tmp_path / "in").mkdir()
    Image.fromarray(make_photo(1600, 1200)).save(tmp_path / "in/a.jpg", quality=95)
    tree = Pipeline().output(to="png", resize="90", name="{stem}-small").output(to="png", resize="700")
    tree.run(tmp_path / "in", tmp_path / "tree", session=session)
    apart(tree, tmp_path / "in", tmp_path / "apart", session)
    made, wanted = contents(tmp_path / "tree"), contents(tmp_path / "apart")
    assert made["a.png"] == wanted["a.png"]
    small = [cv2.imread(str(tmp_path / folder / "a-small.png")) for folder in ("tree", "apart")]
    assert small[0].shape == small[1].shape
    assert psnr(*small) > 38


def test_what_is_made_later_does_not_depend_on_what_exists(tmp_path: Path, session: imgpar.Session):
    (tmp_path / "in").mkdir()
    Image.fromarray(make_photo(1600, 1200)).save(tmp_path / "in/a.jpg", quality=95)
    tree = Pipeline().output(to="png", resize="700").output(to="png", resize="90", name="{stem}-small")
    tree.run(tmp_path / "in", tmp_path / "out", session=session)
    whole = contents(tmp_path / "out")
    (tmp_path / "out/a-small.png").unlink()
    report = tree.run(tmp_path / "in", tmp_path / "out", session=session)
    assert [Path(file.path).name for file in report.items[0].outputs] == ["a-small.png"]
    assert contents(tmp_path / "out") == whole


class Counted:
    """A function that keeps count of its calls in the pixels, and of its pictures by `reset`."""

    def __init__(self) -> None:
        self.calls = 0

    def reset(self, item: object) -> None:
        self.calls = 0

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        self.calls += 1
        picture[:] = self.calls
        return picture


def test_shared_functions_run_once_and_own_ones_once_per_output(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    tree = (
        Pipeline()
        .apply(Counted())
        .output(to="png")
        .output(Pipeline().apply(lambda picture: picture + 10), to="png", name="{stem}-ten")
        .output(Pipeline().resize("5").apply(lambda picture: picture + 20), to="png", name="{stem}-small")
    )
    report = tree.run(photos, tmp_path / "out", session=session)
    assert report.ok == 1, report.items[0]
    files = (tmp_path / "out").glob("*.png")
    values = {path.name: np.unique(cv2.imread(str(path))).tolist() for path in files}
    assert values == {"a.png": [1], "a-ten.png": [11], "a-small.png": [21]}


def test_outputs_that_read_other_pages_are_made_from_a_decode_of_their_own(tmp_path: Path, session):
    name, data = source_of("tiff pages")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(data)
    tree = (
        Pipeline()
        .output(to="png", pages="2", name="{stem}-second")
        .output(to="png", pages="split", name="{stem}-page", resize="40")
        .output(to="webp", lossless=True)
    )
    report = tree.run(tmp_path / "in", tmp_path / "out", session=session)
    assert report.ok == 1, report.items[0]
    pictures = {name: cv2.imread(str(tmp_path / "out" / name)) for name in contents(tmp_path / "out")}
    small = {f"a-page-p{number}.png": (27, 40, 3) for number in (1, 2, 3)}
    shapes = {name: picture.shape for name, picture in pictures.items()}
    assert shapes == {"a-second.png": (97, 143, 3), "a.webp": (97, 143, 3), **small}
    assert (pictures["a-second.png"][..., ::-1] == make_photo(143, 97, 1)).all()
    again = tree.run(tmp_path / "in", tmp_path / "out", session=session)
    assert again.reasons == {"unchanged": 1}


def test_a_clip_gets_each_output(tmp_path: Path, session: imgpar.Session):
    make_clip(tmp_path / "in/film.mp4")
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    tree = (
        Pipeline()
        .resize("48")
        .output(to="webp,mp4", codec="h264")
        .output(to="webp,mkv", name="{stem}-grey", grey=True)
    )
    report = tree.run(photos, tmp_path / "out", session=session)
    assert report.ok == 2, [item.error for item in report.items]
    assert sorted(contents(tmp_path / "out")) == ["a-grey.webp", "a.webp", "film-grey.mkv", "film.mp4"]
    colours, grey = (decoded(tmp_path / "out" / name)[1][0] for name in ("film.mp4", "film-grey.mkv"))
    assert colours.shape == grey.shape
    assert max(colours.shape) == 48
    assert np.ptp(grey.astype(int), axis=2).max() <= 4 < np.ptp(colours.astype(int), axis=2).max()
    assert tree.run(photos, tmp_path / "out", session=session).reasons == {"unchanged": 2}


def test_frames_of_a_clip_get_the_operations_of_their_output(tmp_path: Path, session: imgpar.Session):
    """A function needs the frames in Python; they are offered to the other workers."""
    clip = make_clip(tmp_path / "in/film.mp4")
    tree = (
        Pipeline()
        .output(Pipeline().apply(lambda picture: picture * 0 + 40), to="mkv", name="{stem}-dark")
        .output(Pipeline().apply(lambda picture: picture * 0 + 200), to="mkv")
    )
    report = tree.run(clip.parent, tmp_path / "out", session=session)
    assert report.ok == 1, report.items[0]
    for name, value in (("film-dark.mkv", 40), ("film.mkv", 200)):
        frames = decoded(tmp_path / "out" / name)[1]
        assert all(abs(frame.astype(int) - value).max() <= 4 for frame in frames)


COPIES = (
    Pipeline()
    .output()
    .output(strip="all", name="{stem}-bare")
    .output(to="webp,mkv", name="{stem}-web", lossless=True)
    .output(name="{stem}-small", resize="50")
)
"""Outputs that are copies of the input, and others from the same decode."""


@pytest.mark.parametrize("kind", ["rgb", "turned", "palette", "animation", "deep"])
def test_copies_are_copies_beside_other_outputs(kind: str, tmp_path: Path, session: imgpar.Session):
    name, data = source_of(kind)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(data)
    assert COPIES.run(tmp_path / "in", tmp_path / "tree", session=session).ok == 1
    apart(COPIES, tmp_path / "in", tmp_path / "apart", session)
    assert contents(tmp_path / "tree") == contents(tmp_path / "apart")
    if kind != "turned":
        assert (tmp_path / "tree" / name).read_bytes() == data


def test_a_grey_profile_is_converted_only_for_the_output_that_adds_colours(tmp_path: Path, session):
    profile = profiles.grey("Gamma 1", 1.0)
    (tmp_path / "in").mkdir()
    grey = Image.fromarray(make_photo(143, 97)[..., 0])
    (tmp_path / "in/a.png").write_bytes(saved(grey, "PNG", icc_profile=bytes(profile)))
    tree = (
        Pipeline()
        .output(to="png", name="{stem}-grey", flip="horizontal")
        .output(to="png", pad="200x200", background="red")
    )
    assert tree.run(tmp_path / "in", tmp_path / "tree", session=session).ok == 1
    apart(tree, tmp_path / "in", tmp_path / "apart", session)
    assert contents(tmp_path / "tree") == contents(tmp_path / "apart")
    with Image.open(tmp_path / "tree/a-grey.png") as kept, Image.open(tmp_path / "tree/a.png") as red:
        assert (kept.mode, red.mode) == ("L", "RGB")


def test_outputs_that_do_not_fit_together_are_made_one_by_one(tmp_path: Path):
    """Three sides of 23.5 MB exceed the memory, two do not."""
    (tmp_path / "in").mkdir()
    picture = np.random.default_rng(1).integers(0, 255, (70, 70, 3), np.uint8).repeat(40, 0).repeat(40, 1)
    Image.fromarray(picture).save(tmp_path / "in/a.bmp")
    steps = Pipeline().flip("horizontal").rotate(90)
    tree = Pipeline().output().output(steps, to="bmp", name="{stem}-turned")
    with imgpar.Session(jobs=1, memory="64M") as session:
        report = tree.run(tmp_path / "in", tmp_path / "tree", session=session)
        assert report.ok == 1, report.items[0]
        turned = np.rot90(picture[:, ::-1], -1)
        with Image.open(tmp_path / "tree/a-turned.bmp") as image:
            assert (np.asarray(image) == turned).all()


def test_the_lease_of_a_tree_holds_all_its_frames():
    """Sides by hand: decoded 100×60, shared result 50×30; own results 30×50, then 40×40 behind it."""
    header = Header("png", Spec(100, 60))
    shared = (make_operation("resize", "50"),)
    turn, stretch = make_operation("rotate", 90), make_operation("resize", "40x40", fit="fill")
    own = [(), (turn,), (turn, stretch)]
    operations = [shared + each for each in own]
    limits = Limits()
    programs = [compile_program(header, each, limits) for each in operations]
    tree = compile_tree(programs, operations, limits)
    aligned = [-(-nbytes // 64) * 64 for nbytes in (100 * 60 * 3, 50 * 30 * 3, 40 * 40 * 3)]
    assert len(tree.shared) == 1
    assert tree.sides == (aligned[0], aligned[1], aligned[2])


def test_companions_have_one_copy_beside_the_outputs(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    (photos / "a.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    tree = Pipeline().output(to="webp").output(to="jpg", name="{stem}-b")
    tree.run(photos, tmp_path / "out", session=session, companions="copy")
    assert sorted(contents(tmp_path / "out")) == ["a-b.jpg", "a.webp", "a.xmp"]
    again = tree.run(photos, tmp_path / "out", session=session, companions="copy")
    assert again.reasons == {"unchanged": 2}


# ----- failures -----------------------------------------------------------------------------------


def fail(_: np.ndarray) -> np.ndarray:
    raise ValueError("no")


def broken(good: Pipeline, bad: Pipeline) -> Pipeline:
    return (
        good.output(to="png").output(bad, to="png", name="{stem}-bad").output(to="webp", name="{stem}-last")
    )


@pytest.mark.parametrize("schedule", ["staged", "chain"])
def test_an_output_that_fails_does_not_lose_the_others(schedule: str, tmp_path: Path, session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    tree = broken(Pipeline().resize("9"), Pipeline().apply(fail))
    report = tree.run(photos, tmp_path / "out", session=session, schedule=schedule)
    (item,) = report.items
    assert (item.status, item.kind, item.stage) == ("failed", "TransformError", "transform")
    assert item.error.startswith("a-bad.png: The function")
    assert sorted(os.path.basename(file.path) for file in item.outputs) == ["a-last.webp", "a.png"]
    assert sorted(contents(tmp_path / "out")) == ["a-last.webp", "a.png"]


@pytest.mark.parametrize("schedule", ["staged", "chain"])
def test_a_format_that_fails_does_not_lose_the_others(schedule: str, tmp_path: Path, session):
    """Without [[output]] as well: WebP has at most 16,383 pixels on a side."""
    (tmp_path / "in").mkdir()
    Image.new("RGB", (17_000, 2), "red").save(tmp_path / "in/a.png")
    settings = {"to": "webp,png", "session": session, "schedule": schedule}
    (item,) = imgpar.convert(tmp_path / "in", tmp_path / "out", grey=True, **settings).items
    assert (item.status, item.kind) == ("failed", "EncodeError")
    assert [os.path.basename(file.path) for file in item.outputs] == ["a.png"]
    assert list(contents(tmp_path / "out")) == ["a.png"]


def test_only_the_failed_output_is_made_again(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    tree = broken(Pipeline(), Pipeline().resize("65000x65000", fit="fill"))
    first = tree.run(photos, tmp_path / "out", session=session)
    assert first.failed == 1
    before = {name: os.stat(tmp_path / "out" / name).st_ino for name in contents(tmp_path / "out")}
    for report in (
        tree.run(photos, tmp_path / "out", session=session),
        retry.retry(tmp_path / "out", session=session),
    ):
        (item,) = report.items
        assert (item.status, item.outputs) == ("failed", ())
    assert {name: os.stat(tmp_path / "out" / name).st_ino for name in before} == before


def test_strict_makes_all_or_nothing(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    tree = broken(Pipeline(), Pipeline().apply(fail))
    report = tree.run(photos, tmp_path / "out", session=session, strict=True)
    assert (report.failed, contents(tmp_path / "out")) == (1, {})


def test_a_crash_in_one_output_does_not_lose_the_others(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])

    def die(picture: np.ndarray) -> np.ndarray:
        os.kill(os.getpid(), signal.SIGSEGV)
        return picture

    tree = broken(Pipeline(), Pipeline().apply(die))
    (item,) = tree.run(photos, tmp_path / "out", session=session).items
    assert (item.status, item.kind) == ("failed", "WorkerDiedError")
    assert sorted(os.path.basename(file.path) for file in item.outputs) == ["a-last.webp", "a.png"]
    assert sorted(contents(tmp_path / "out")) == ["a-last.webp", "a.png"]


def test_a_damaged_input_fails_as_a_whole(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png", "b.png"])
    (photos / "a.png").write_bytes((photos / "a.png").read_bytes()[:200])
    report = TREE.run(photos, tmp_path / "out", session=session)
    assert [(item.status, item.kind) for item in report.items] == [("failed", "DamagedError"), ("ok", "")]
    assert len(contents(tmp_path / "out")) == 5


# ----- the journal --------------------------------------------------------------------------------


def statuses(report: imgpar.Report) -> dict[str, list[str]]:
    return {
        item.reason or item.status: sorted(os.path.basename(file.path) for file in item.outputs)
        for item in report.items
    }


def test_a_second_run_finds_all_outputs_unchanged(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png", "b.jpg"])
    first = TREE.run(photos, tmp_path / "out", session=session)
    second = TREE.run(photos, tmp_path / "out", session=session)
    assert second.reasons == {"unchanged": 2}
    assert [sorted(item.outputs) for item in second.items] == [sorted(item.outputs) for item in first.items]


def test_a_new_output_is_the_only_one_that_is_made(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png", "b.jpg"])
    TREE.run(photos, tmp_path / "out", session=session)
    before = contents(tmp_path / "out")
    more = TREE.output(to="webp", resize="10", name="{stem}-icon")
    report = more.run(photos, tmp_path / "out", session=session)
    made = [[os.path.basename(file.path) for file in item.outputs] for item in report.items]
    assert made == [["a-icon.webp"], ["b-icon.webp"]]
    assert more.run(photos, tmp_path / "out", session=session).reasons == {"unchanged": 2}
    assert contents(tmp_path / "out").items() > before.items()


def test_without_an_output_nothing_is_made(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png", "b.jpg"])
    TREE.run(photos, tmp_path / "out", session=session)
    fewer = Pipeline(Recipe(TREE.recipe.operations, outputs=TREE.recipe.outputs[1:]))
    assert fewer.run(photos, tmp_path / "out", session=session).reasons == {"unchanged": 2}


def test_outputs_are_added_to_what_a_plain_recipe_has_made(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    Pipeline().resize("20").run(photos, tmp_path / "out", session=session, to="webp", quality=70)
    tree = Pipeline().resize("20").output(to="webp", quality=70).output(to="jpg")
    report = tree.run(photos, tmp_path / "out", session=session)
    assert statuses(report) == {"ok": ["a.jpg"]}


def test_a_changed_input_is_made_anew_in_all_outputs(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    TREE.run(photos, tmp_path / "out", session=session)
    Image.new("RGB", (77, 55), "red").save(photos / "a.png")
    (item,) = TREE.run(photos, tmp_path / "out", session=session).items
    assert (item.status, len(item.outputs)) == ("ok", 5)


def test_a_touched_input_is_compared_by_its_digest(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    TREE.run(photos, tmp_path / "out", session=session)
    os.utime(photos / "a.png", (1, 1))
    assert TREE.run(photos, tmp_path / "out", session=session).reasons == {"unchanged": 1}
    assert TREE.run(photos, tmp_path / "out", session=session).reasons == {"unchanged": 1}


def test_a_changed_output_of_the_user_is_kept_and_the_others_are_made(tmp_path: Path, session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    TREE.run(photos, tmp_path / "out", session=session)
    (tmp_path / "out/a-small.webp").write_bytes(b"mine")
    (tmp_path / "out/a-grey.tif").unlink()
    (item,) = TREE.run(photos, tmp_path / "out", session=session).items
    assert [os.path.basename(file.path) for file in item.outputs] == ["a-grey.tif"]
    assert (tmp_path / "out/a-small.webp").read_bytes() == b"mine"
    assert (tmp_path / "out/a-grey.tif").exists()


def test_a_dry_run_plans_only_what_is_missing(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    TREE.run(photos, tmp_path / "out", session=session)
    more = TREE.output(to="webp", resize="10", name="{stem}-icon")
    plan = imgpar.dry_run(photos, tmp_path / "out", recipe=more.recipe)
    assert [os.path.basename(file.path) for file in plan.outputs] == ["a-icon.webp"]


PARTS = ("run.py", "pulled_plan.py", "before_writing.py", "settling.py", "rows.py")
FILES = (*PARTS, "journal.py", "database.py", "history.py", "scheduler.py")
RUN = f"""
import sys
import imgpar.batch.run
from imgpar.cli import main
from imgpar.testing import strike_at
strike_at(int(sys.argv[1]), {FILES!r}, group=True)
sys.exit(main(["convert", *sys.argv[2:], "-j", "1", "-q"]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")
def test_a_run_after_a_kill_makes_what_is_missing(tmp_path: Path, session: imgpar.Session):
    photos = testing.write_pictures(tmp_path / "in", ["a.png", "b.jpg", "c.png"])
    TREE.recipe.save(tmp_path / "tree.toml")
    TREE.run(photos, tmp_path / "whole", session=session)
    whole, partly = contents(tmp_path / "whole"), 0
    for step in (300, 1000, 1300, 1450, 1600):
        out = tmp_path / str(step)
        command = [
            sys.executable,
            "-c",
            RUN,
            str(step),
            photos,
            "-o",
            out,
            "--recipe",
            tmp_path / "tree.toml",
        ]
        subprocess.run(list(map(str, command)), start_new_session=True, check=False, capture_output=True)
        before = {path: os.stat(path).st_ino for path in out.glob("*.*") if path.name[0] != "."}
        partly += 0 < len(before) < len(whole)
        report = TREE.run(photos, out, session=session)
        assert report.failed == 0
        assert contents(out) == whole
        assert {path: os.stat(path).st_ino for path in before} == before, step
        assert TREE.run(photos, out, session=session).reasons == {"unchanged": 3}
    assert partly


# ----- names --------------------------------------------------------------------------------------


def planned(names: Sequence[str], tree: Pipeline, tmp_path: Path) -> dict[str, list[str]]:
    (tmp_path / "in").mkdir(exist_ok=True)
    for name in names:
        testing.write_pictures(tmp_path / "in", [name])
    plan = imgpar.dry_run(tmp_path / "in", tmp_path / "out", recipe=tree.recipe)
    return {
        os.path.basename(item.source): [os.path.basename(file.path) for file in item.outputs]
        for item in plan.items
    }


def test_templates_name_outputs(tmp_path: Path):
    tree = Pipeline().output(to="jpg", name="web_{stem}.{ext}").output(to="jpg", name="{stem}_{ext}")
    assert planned(["a.png"], tree, tmp_path) == {"a.png": ["web_a.jpg", "a_jpg.jpg"]}


def test_outputs_of_different_inputs_never_meet(tmp_path: Path):
    tree = Pipeline().output(to="webp").output(to="webp", name="{stem}-x")
    made = planned(["a.png", "a-x.png", "b.png", "b.jpg"], tree, tmp_path)
    every = [name for names in made.values() for name in names]
    assert len(every) == len(set(every)) == 8
    assert made["b.png"] == ["b.png.webp", "b.png-x.webp"]


def test_an_input_is_made_into_the_outputs_of_its_kind(tmp_path: Path):
    make_clip(tmp_path / "in/film.mp4")
    tree = Pipeline().output(to="webp", name="{stem}-web").output(to="mkv", codec="h264")
    made = planned(["a.png"], tree, tmp_path)
    assert made == {"a.png": ["a-web.webp"], "film.mp4": ["film.mkv"]}


def test_an_input_without_output_of_its_kind_keeps_its_format_once_per_name(tmp_path: Path):
    make_clip(tmp_path / "in/film.mp4")
    tree = Pipeline().output(to="webp").output(to="avif").output(to="webp", name="{stem}-b", resize="9")
    assert planned([], tree, tmp_path) == {"film.mp4": ["film.mp4", "film-b.mp4"]}


# ----- recipes ------------------------------------------------------------------------------------

TOML = """quality = 80

[[operations]]
resize = "1000"

[[output]]
to = "jpeg"

[[output]]
name = "{stem}-thumb"
to = ["webp", "avif"]
quality = 60

[[output.operations]]
resize = "200"
fit = "cover"

[[output.operations]]
sharpen = 0.5
"""


def test_a_recipe_goes_to_toml_and_back(tmp_path: Path):
    (tmp_path / "r.toml").write_text(TOML)
    recipe = Recipe.load(tmp_path / "r.toml")
    assert recipe.to_toml() == TOML
    assert [branch.encode.quality for branch in recipe.branches()] == [80, 60]
    assert [len(branch.operations) for branch in recipe.branches()] == [1, 3]


def test_the_key_of_an_output_is_that_of_the_recipe_that_makes_it_alone():
    tree = Pipeline().resize("90").output(to="webp", quality=70).output(to="png", name="{stem}-b")
    alone = Recipe().merged({"to": "webp", "quality": 70})
    assert tree.recipe.branches()[0].key() == Pipeline(alone).resize("90").recipe.key()
    second = tree.recipe.branches()[1]
    assert second.key() != second._replace(name="").key()
    assert Branch().key() == Recipe().key()


def test_a_setting_of_an_output_wins_over_that_of_the_recipe_and_of_the_call():
    tree = Pipeline().output(quality=60).output(name="{stem}-b")
    recipe = tree.recipe.merged({"quality": 90, "to": "webp"})
    assert [(branch.encode.quality, branch.to) for branch in recipe.branches()] == [
        (60, ("webp",)),
        (90, ("webp",)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[output]]\nqualty = 3", "There is no key qualty of output 1 of r.toml. Did you mean 'quality'"),
        ("[[outputs]]\nquality = 3", "There is no key outputs in r.toml. Did you mean 'output'"),
        ("output = 3", r"output in r.toml"),
        ('[[output]]\nname = "thumb"', "name of output 1 of r.toml"),
        ('[[output]]\nname = "../{stem}"', "name of output 1 of r.toml"),
        (
            '[[output]]\nname = "{stm}"',
            "There is no {stm} in name of output 1 of r.toml.*Did you mean {stem}",
        ),
        ('[[output]]\nname = "{stem!r}"', "name of output 1 of r.toml"),
        ('[[output]]\nname = "{stem.x}"', "There is no {stem.x}"),
        ("[[output]]\n[[output.operations]]\nresiz = 3", "operation 1 of output 1 of r.toml"),
        ('[[output]]\n[[output.output]]\nto = "png"', "There is no key output of output 1"),
    ],
)
def test_mistakes_are_one_sentence(text: str, message: str, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        Recipe.load("r.toml")


@pytest.mark.parametrize(
    "tree",
    [
        Pipeline().output(to="jpg").output(to="jpeg,webp"),
        Pipeline().output(to="webp").output(resize="30"),
        Pipeline().output(to="webp", name="{stem}-A").output(to="webp", name="{stem}-a"),
    ],
)
def test_two_outputs_of_one_name_are_refused(tree: Pipeline, tmp_path: Path):
    with pytest.raises(UsageError, match="Outputs 1 and 2 of the recipe would have the same name"):
        tree.run(tmp_path, tmp_path / "out")


def test_several_outputs_are_refused_where_there_is_one_file(tmp_path: Path):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    with pytest.raises(UsageError, match="In place"):
        TREE.run(photos, in_place=True)
    with pytest.raises(UsageError, match="OUT is named like one file"):
        TREE.run(photos / "a.png", tmp_path / "b.png")
    with pytest.raises(UsageError, match="encode takes no recipe"):
        TREE.encode((photos / "a.png").read_bytes(), to="png")
    with pytest.raises(UsageError, match="arrays takes no recipe"):
        TREE.arrays(photos)
    with pytest.raises(UsageError, match="frames takes no recipe"):
        imgpar.frames("a.mp4", pipeline=TREE)
    with pytest.raises(UsageError, match="An output takes no recipe"):
        Pipeline().output(TREE)


def test_the_settings_of_a_pipeline_given_as_an_output_are_its_own():
    inner = Pipeline(Recipe(to=("webp",)).merged({"quality": 33})).grey()
    (output,) = Pipeline().output(inner, lossless=True, quality=44).recipe.outputs
    assert (output.to, output.settings) == (("webp",), (("quality", 44), ("lossless", True)))
    assert output == Output(inner.recipe.operations, ("webp",), (("quality", 44), ("lossless", True)))


def test_the_command_line_explains_and_plans_outputs(tmp_path: Path):
    photos = testing.write_pictures(tmp_path / "in", ["a.png"])
    (tmp_path / "r.toml").write_text(TOML)
    places = [photos, "-o", tmp_path / "out", "--recipe", tmp_path / "r.toml"]
    command = [sys.executable, "-m", "imgpar", "convert", *map(str, places)]

    def told(*flags: str) -> str:
        return subprocess.run([*command, *flags], check=True, capture_output=True, text=True).stdout

    words = told("--explain")
    assert "1. resize 1000, fit inside" in words
    assert "output 2: {stem}-thumb\n   2. resize 200, fit cover" in words
    outputs = json.loads(told("-n", "--json").splitlines()[0])["outputs"]
    assert [Path(out["path"]).name for out in outputs] == ["a.jpg", "a-thumb.webp", "a-thumb.avif"]
