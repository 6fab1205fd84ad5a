"""The frame path: the same as ffmpeg's own filters, functions, order, what goes wrong in a helper."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from video_clips import decoded, make_clip, make_uneven, psnr, rotated

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline
from imgpar.core.errors import EncodeError
from imgpar.core.spec import Spec
from imgpar.formats.options import EncodeOptions
from imgpar.video.frame_feed import Feed
from imgpar.video.plan import plan_of_frames
from imgpar.video.plane_layout import PlaneLayout
from imgpar.video.probe import probe
from imgpar.video.scaling import Scaler


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """30 frames of 96×64 with sound."""
    return make_clip(tmp_path_factory.mktemp("clips") / "a.mp4", size=(96, 64), frames=30, sound=True)


@pytest.fixture
def run(session, tmp_path):
    """`run(pipeline, clip, **settings)` gives the new file and its line of the report."""

    def convert(pipe: Pipeline, clip: Path, name: str = "out.mp4", session=session, **settings):
        settings = {"effort": 0, "quality": 100, "journal": str(tmp_path / "journal.db"), **settings}
        report = pipe.run(clip, tmp_path / "out" / name, session=session, **settings)
        (item,) = report.items
        return tmp_path / "out" / name, item

    return convert


SOFT = "gblur=sigma=3"
"""Hard edges between saturated colours lose more in halved colour planes than this tests."""


def same(array: np.ndarray) -> np.ndarray:
    return array


# ----- the two paths are tests for each other -------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "pipe",
    [
        Pipeline().resize("48"),
        Pipeline().resize("60x60", fit="cover", gravity="west"),
        Pipeline().resize("40x60", fit="fill"),
        Pipeline().crop("48x32+8+16"),
        Pipeline().flip("horizontal").rotate(90),
        Pipeline().crop("64x64").resize("50%"),
    ],
    ids=str,
)
def test_both_paths_make_the_same_clip(run, source, pipe):
    native, one = run(pipe, source, "native.mp4")
    frames, other = run(pipe, source, "frames.mp4", schedule="staged")
    assert (one.error, other.error) == ("", "")
    (times, pictures), (times_too, pictures_too) = decoded(native), decoded(frames)
    assert times == times_too
    assert pictures[0].shape == pictures_too[0].shape
    assert min(psnr(a, b) for a, b in zip(pictures, pictures_too, strict=True)) > 32


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_baked_once_on_planes(run, tmp_path, source, degrees):
    clip = rotated(source, tmp_path / "turned.mp4", degrees)
    native, _ = run(Pipeline().resize("48"), clip, "native.mp4")
    frames, _ = run(Pipeline().resize("48"), clip, "frames.mp4", schedule="staged")
    assert psnr(decoded(native)[1][7], decoded(frames)[1][7]) > 32
    assert probe(str(frames)).picture.orientation == 1


def test_planes_and_colours_agree(run, tmp_path):
    """A function that changes nothing forces red, green and blue."""
    source = make_clip(tmp_path / "in.mp4", filters=SOFT)
    planes, _ = run(Pipeline(), source, "planes.mp4", schedule="staged")
    colours, _ = run(Pipeline().apply(same), source, "colours.mp4")
    assert min(map(psnr, decoded(planes)[1], decoded(colours)[1])) > 35


@pytest.mark.parametrize("form", ["yuv422p", "yuv444p", "yuv420p10le", "gray"])
def test_pixel_formats_arrive_as_they_were(run, tmp_path, form):
    clip = make_clip(
        tmp_path / "in.mkv", filters=f"format={form}", options=("-crf", 8, "-preset", "ultrafast")
    )
    made, item = run(Pipeline().apply(same), clip, "out.mkv")
    assert item.error == ""
    before, after = probe(str(clip)).picture, probe(str(made)).picture
    assert after.depth == before.depth
    assert after.subsampling == (before.subsampling or "420")
    assert psnr(decoded(clip)[1][5], decoded(made)[1][5]) > 33


def test_the_full_range_stays_full(run, tmp_path):
    clip = make_clip(tmp_path / "in.mp4", filters=f"{SOFT},scale=out_range=pc,format=yuvj420p")
    made, _ = run(Pipeline().apply(same), clip)
    assert probe(str(made)).picture.colour.range == "pc"
    assert psnr(decoded(clip)[1][5], decoded(made)[1][5]) > 33


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc"])
def test_colours_do_not_shift(run, tmp_path, matrix):
    clip = make_clip(tmp_path / "in.mp4", filters=f"{SOFT},scale=out_color_matrix={matrix.removesuffix('nc')}"
                     f":in_color_matrix=bt709,format=yuv420p,setparams=colorspace={matrix}")  # fmt: skip
    made, _ = run(Pipeline().apply(same), clip)
    assert probe(str(made)).picture.colour.matrix == matrix
    assert psnr(decoded(clip)[1][5], decoded(made)[1][5]) > 33


def test_sound_and_late_starts_are_kept(run, tmp_path, source):
    from video_clips import ffmpeg

    ffmpeg("-i", source, "-itsoffset", "0.2", "-i", source, "-map", "1:v", "-map", "0:a", "-c", "copy",
           tmp_path / "late.mp4")  # fmt: skip
    made, item = run(Pipeline().apply(same), tmp_path / "late.mp4")
    assert item.error == ""
    assert decoded(made)[0][0] == pytest.approx(0.2, abs=0.001)
    assert [stream.codec for stream in probe(str(made)).of_kind("audio")] == ["aac"]


# ----- functions ------------------------------------------------------------------------------------


def test_frames_stay_in_order_with_their_times(run, tmp_path):
    times = [0, 0.04, 0.05, 0.5, 0.52, 1.5, 1.51, 1.6, 1.7, 1.9, 2.0, 2.1]
    clip = make_uneven(tmp_path / "vfr.mp4", times)
    made, item = run(Pipeline().apply(lambda array: 255 - array), clip)
    assert item.error == ""
    stamps, pictures = decoded(made)
    assert stamps == pytest.approx(times, abs=1e-4)
    assert [picture.mean() for picture in pictures] == pytest.approx([255 - 10 * k for k in range(12)], abs=4)


def test_a_function_may_change_the_size(run, source):
    made, _ = run(Pipeline().apply(lambda array: array[:33, :41]), source)
    assert probe(str(made)).picture.upright == (40, 32)


def test_operations_after_a_function_are_done(run, source):
    made, _ = run(Pipeline().resize("48").apply(same).resize("24"), source)
    assert probe(str(made)).picture.upright == (24, 16)


def test_a_watermark_lies_on_every_frame(run, source, tmp_path):
    from PIL import Image

    Image.new("RGB", (20, 20), "red").save(tmp_path / "logo.png")
    mark = Pipeline().watermark(str(tmp_path / "logo.png"), gravity="northwest", margin="0", scale="25%")
    made, item = run(mark, source)
    assert item.error == ""
    for picture in decoded(made)[1]:
        assert picture[4:16, 4:16].reshape(-1, 3).mean(axis=0) == pytest.approx([254, 0, 0], abs=12)


def test_all_workers_help(run, source, tmp_path):
    folder = tmp_path / "pids"
    folder.mkdir()

    def note(array):
        (folder / str(os.getpid())).touch()
        # On a busy machine the other worker may get its turn late: this one stays at its frame for a while.
        for _ in range(1000):
            if len(os.listdir(folder)) == 2:
                break
            np.sort(array, axis=None)
        return array

    run(Pipeline().apply(note), source)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("jobs", [1, 3])
def test_any_number_of_workers_makes_the_same_bytes(run, source, tmp_path, jobs):
    pipe = Pipeline().apply(lambda array: array[::-1].copy())
    expected, _ = run(pipe, source)
    with imgpar.Session(jobs=jobs, memory="64M") as other:
        made, item = run(pipe, source, f"other{jobs}.mp4", session=other)
    assert item.error == ""
    assert all(map(np.array_equal, decoded(expected)[1], decoded(made)[1]))


def test_very_little_memory_is_enough(run, tmp_path):
    source = make_clip(tmp_path / "a.mp4", size=(192, 128), frames=30)
    with imgpar.Session(jobs=2, memory="1M") as small:
        made, item = run(Pipeline().apply(same), source, session=small)
    assert item.error == ""
    assert len(decoded(made)[0]) == 30


# ----- what goes wrong ------------------------------------------------------------------------------


def test_a_function_that_fails_fails_the_clip(run, source, tmp_path):
    made, item = run(Pipeline().apply(testing.fail), source)
    assert "ZeroDivisionError: on purpose" in item.error
    assert not made.exists()


def test_frames_of_different_sizes_fail_the_clip(run, tmp_path):
    clip = make_uneven(tmp_path / "in.mp4", [k / 25 for k in range(8)])
    _, item = run(Pipeline().apply(lambda array: array[: 20 + 2 * int(array[0, 0, 0] // 10)]), clip)
    assert "the first one" in item.error


def test_a_worker_that_dies_costs_nothing(run, source, tmp_path):
    made, item = run(Pipeline().apply(testing.die_once(str(tmp_path / "died"))), source)
    assert item.error == ""
    assert (tmp_path / "died").exists()
    assert len(decoded(made)[0]) == 30


def test_a_function_that_kills_every_worker_fails_only_its_clip(tmp_path, source):
    folder = testing.write_pictures(tmp_path / "in", ["a.png", "b.png"])
    make_clip(folder / "c.mp4", frames=6)

    def kill_clips(array):
        return testing.crash(array) if array.shape[:2] == (48, 64) else array

    with imgpar.Session(jobs=2, memory="64M") as session:
        report = Pipeline().apply(kill_clips).run(folder, tmp_path / "out", session=session)
    assert (report.ok, report.failed) == (2, 1)
    assert not (tmp_path / "out" / "c.mp4").exists()


def test_planes_know_their_bytes():
    layout = PlaneLayout("yuva420p10le", 33, 17, "420", 10, alpha=True)
    assert layout.nbytes == 2 * (33 * 17 * 2 + 2 * 17 * 9)
    assert [array.shape for array in layout.arrays(memoryview(bytearray(layout.nbytes)))] == layout.shapes


def test_a_frame_that_ffmpeg_cannot_take_is_an_error_and_nobody_waits(tmp_path):
    clip, plan = plan_of_frames(Spec(64, 48), "mp4", Fraction(25), Fraction(1, 1000), EncodeOptions())
    layout = PlaneLayout("yuv420p", 64, 48, "420")
    feed = Feed(plan, clip, layout, str(tmp_path / "out.mp4"), 1)
    frame = memoryview(bytearray(layout.nbytes))
    feed.write(40, [frame])
    with pytest.raises(EncodeError, match="could not be sent"):
        feed.write(0, [frame])
    feed.kill()


@pytest.mark.parametrize("height", [48, 50, 70, 270])
def test_every_plane_is_scaled_from_its_own_place(height):
    source, target = PlaneLayout("yuv420p", 64, height, "420"), PlaneLayout("yuv420p", 32, 22, "420")
    planes = source.arrays(memoryview(bytearray(source.nbytes)))
    for plane, level in zip(planes, (120, 100, 150), strict=True):
        plane[...] = level
    made = target.arrays(memoryview(bytearray(target.nbytes)))
    Scaler(source, target, "scale=32:22:flags=lanczos")(planes, made)
    for plane, level in zip(made, (120, 100, 150), strict=True):
        assert np.abs(plane.astype(int) - level).max() <= 2
