"""Frames out of clips and into clips, in one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from video_clips import decoded, make_clip, make_uneven, psnr, rotated

import imgpar
from imgpar import testing
from imgpar.video.probe import probe


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """50 frames of 64×48 with a key frame every tenth."""
    return make_clip(tmp_path_factory.mktemp("clips") / "a.mp4", frames=50, options=("-g", 10, "-crf", 10))


def test_every_frame_with_its_time_and_place(source):
    found = list(imgpar.frames(source))
    assert [frame.index for frame in found] == list(range(50))
    assert [frame.time for frame in found] == pytest.approx([k / 25 for k in range(50)])
    assert found[7].array.shape == (48, 64, 3)
    assert found[7].array.flags.c_contiguous
    assert psnr(found[7].array, decoded(source)[1][7]) > 30


def test_frames_own_their_memory(source):
    first, second = (frame.array for frame, _ in zip(imgpar.frames(source), range(2), strict=False))
    assert not np.shares_memory(first, second)


def test_a_part_by_time_is_the_same_part(source):
    part = list(imgpar.frames(source, start=0.92, stop=1.2))
    assert [frame.index for frame in part] == list(range(23, 30))
    whole = list(imgpar.frames(source))
    assert all(np.array_equal(frame.array, whole[frame.index].array) for frame in part)


def test_every_nth_frame(source):
    assert [frame.index for frame in imgpar.frames(source, every=20)] == [0, 20, 40]


def test_a_pipeline_is_applied(source):
    pipe = imgpar.Pipeline().resize("32").apply(lambda array: 255 - array)
    frame = next(imgpar.frames(source, pipeline=pipe))
    assert frame.array.shape == (24, 32, 3)


def test_channels_and_depth(source):
    frame = next(imgpar.frames(source, channels="L", dtype="float32"))
    assert (frame.array.shape, frame.array.dtype) == ((48, 64, 1), np.float32)
    assert frame.array.max() <= 1


def test_frames_stand_upright(source, tmp_path):
    clip = rotated(source, tmp_path / "turned.mp4", 90)
    frame = next(imgpar.frames(clip))
    assert frame.array.shape == (64, 48, 3)
    assert psnr(frame.array, np.rot90(decoded(source)[1][0], -1)) > 30


def test_wrong_values_are_found_before_anything_is_read(tmp_path):
    with pytest.raises(imgpar.BadValueError, match="channels"):
        imgpar.frames(tmp_path / "missing.mp4", channels="CMYK")


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
def test_a_clip_from_arrays(tmp_path, suffix):
    path = tmp_path / f"new.{suffix}"
    with imgpar.VideoWriter(path, fps=10, quality=95, effort=0) as writer:
        for k in range(12):
            writer.write(np.full((48, 64, 3), (20 * k, 100, 200), np.uint8))
    times, pictures = decoded(path)
    assert times == pytest.approx([k / 10 for k in range(12)], abs=1e-3)
    assert [picture[..., 0].mean() for picture in pictures] == pytest.approx(
        [20 * k for k in range(12)], abs=5
    )


def test_frames_with_times(tmp_path):
    times = [0, 0.1, 0.15, 0.9, 1.0]
    with imgpar.VideoWriter(tmp_path / "new.mp4", effort=0) as writer:
        for seconds in times:
            writer.write(testing.pattern(64, 48), seconds)
    assert decoded(tmp_path / "new.mp4")[0] == pytest.approx(times, abs=1e-4)


def test_what_is_read_can_be_written(tmp_path):
    source = make_uneven(tmp_path / "in.mp4", [0, 0.1, 0.5, 0.6])
    with imgpar.VideoWriter(tmp_path / "out.mp4", quality=95) as writer:
        for frame in imgpar.frames(source):
            writer.write(frame.array, frame.time)
    assert decoded(tmp_path / "out.mp4")[0] == pytest.approx([0, 0.1, 0.5, 0.6], abs=1e-4)


def test_sixteen_bits_become_ten(tmp_path):
    with imgpar.VideoWriter(tmp_path / "new.mp4", effort=0) as writer:
        writer.write(np.full((48, 64, 3), 30000, np.uint16))
    assert probe(str(tmp_path / "new.mp4")).picture.depth == 10


def test_an_error_leaves_nothing_behind(tmp_path):
    def give_up() -> None:
        with imgpar.VideoWriter(tmp_path / "new.mp4") as writer:
            writer.write(testing.pattern(64, 48))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        give_up()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def writer(tmp_path):
    """A writer that has one frame, shown at one second."""
    writer = imgpar.VideoWriter(tmp_path / "new.mp4")
    writer.write(testing.pattern(64, 48), 1.0)
    yield writer
    writer.cancel()


def test_frames_of_another_size_are_refused(writer):
    with pytest.raises(imgpar.BadValueError, match="a frame"):
        writer.write(testing.pattern(32, 48))


def test_times_must_grow(writer):
    with pytest.raises(imgpar.BadValueError, match="time"):
        writer.write(testing.pattern(64, 48), 0.5)


def test_a_clip_without_frames_is_an_error(tmp_path):
    with pytest.raises(imgpar.EncodeError), imgpar.VideoWriter(tmp_path / "new.mp4"):
        pass


def test_a_name_that_is_no_clip_is_refused(tmp_path):
    with pytest.raises(imgpar.UsageError, match="named like a clip"):
        imgpar.VideoWriter(tmp_path / "new.png")


def test_explain_says_the_way(source, tmp_path, capsys):
    from imgpar.cli import main

    ways = {"--resize=32": "native: every operation", "--grey": "frames: grey is no", "--quiet": ""}
    for flag, words in ways.items():
        main(["convert", str(source), "-o", str(tmp_path / "out"), flag, "--explain"])
        assert words in capsys.readouterr().out


# ----- moments --------------------------------------------------------------------------------------


def test_the_frames_at_some_moments_in_the_order_asked_for(source):
    found = list(imgpar.frames(source, at=[1.5, 0.03, 0.04, 1.999, 0.05]))
    assert [frame.index for frame in found] == [37, 0, 1, 49, 1]
    whole = list(imgpar.frames(source))
    assert all(np.array_equal(frame.array, whole[frame.index].array) for frame in found)
    assert not np.shares_memory(found[2].array, found[4].array)


def test_a_frame_is_seen_until_the_next_one_comes(tmp_path):
    clip = make_uneven(tmp_path / "vfr.mp4", [0, 0.1, 0.9, 1.0])
    assert [frame.index for frame in imgpar.frames(clip, at=[0.85, 0.9, 0.899])] == [1, 2, 1]


def test_one_moment_far_on_is_sought(tmp_path):
    clip = make_clip(
        tmp_path / "long.mp4", size=(32, 32), frames=1500, options=("-g", 50, "-preset", "ultrafast")
    )
    (frame,) = imgpar.frames(clip, at=59.0)
    assert (frame.index, frame.time) == (1475, pytest.approx(59.0))
    assert psnr(frame.array, decoded(clip)[1][1475]) > 28


def test_a_moment_after_the_end_is_refused(source):
    with pytest.raises(imgpar.BadValueError, match=r"up to the end of the clip \(2.000\) for at"):
        list(imgpar.frames(source, at=[0.5, 7]))


@pytest.mark.parametrize("settings", [{"start": 7}, {"start": 2}, {"start": 7, "every": "1s", "batch": 2}])
def test_a_start_after_the_end_is_refused(source, settings):
    with pytest.raises(imgpar.BadValueError, match=r"before the end of the clip \(2.000\) for start"):
        list(imgpar.frames(source, **settings))


def test_a_part_that_reaches_beyond_the_end_is_what_there_is(source):
    assert [frame.index for frame in imgpar.frames(source, start=1.95, stop=9)] == [49]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"start": 3, "stop": 2}, "after start"),
        ({"start": "soon"}, "number from 0"),
        ({"every": 0}, "every"),
        ({"at": 1, "every": 2}, "at= already says"),
        ({"at": "start"}, "for at"),
        ({"at": [0, -1]}, "for at"),
        ({"scenes": 120}, "scenes"),
        ({"pipeline": "web"}, "an imgpar.Pipeline"),
        ({"threads": -1}, "threads"),
        ({"dtype": "int8"}, "dtype"),
    ],
)
def test_misuse_is_one_sentence_before_anything_is_read(tmp_path, settings, words):
    with pytest.raises(imgpar.UsageError, match=words):
        imgpar.frames(tmp_path / "missing.mp4", **settings)


def test_a_damaged_clip_raises_after_what_could_be_read(tmp_path):
    clip = make_clip(tmp_path / "c.mp4", frames=50, options=("-movflags", "+faststart", "-g", 5))
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 2 // 3])
    seen = []
    with pytest.raises(imgpar.DamagedError, match="of 50 frames could be read"):
        seen.extend(frame.index for frame in imgpar.frames(clip))
    assert len(seen) > 10
    assert [frame.index for frame in imgpar.frames(clip, accept_damaged=True)] == seen


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (None, "an array"),
        (np.zeros((4, 4, 7), np.uint8), "channels"),
        (np.zeros(4, np.uint8), "H×W"),
        (np.zeros((4, 4, 3), np.int64), "uint8, uint16 or float32"),
        (np.zeros((0, 4, 3), np.uint8), "pixel"),
    ],
)
def test_what_is_no_frame_is_refused(tmp_path, array, words):
    writer = imgpar.VideoWriter(tmp_path / "new.mp4")
    with pytest.raises(imgpar.BadValueError, match=words):
        writer.write(array)
    writer.cancel()


def test_a_closed_writer_takes_nothing_more(tmp_path):
    with imgpar.VideoWriter(tmp_path / "new.mp4", effort=0) as writer:
        writer.write(testing.pattern(64, 48))
    with pytest.raises(imgpar.UsageError, match="closed"):
        writer.write(testing.pattern(64, 48))


def test_what_is_there_can_be_protected(tmp_path):
    (tmp_path / "new.mp4").write_bytes(b"mine")
    with pytest.raises(imgpar.UsageError, match="already exists"):
        imgpar.VideoWriter(tmp_path / "new.mp4", replace=False)
    assert (tmp_path / "new.mp4").read_bytes() == b"mine"


@pytest.mark.parametrize("end", ["", "; del writer; import gc; gc.collect()"])
def test_a_writer_that_is_not_closed_leaves_nothing(tmp_path, end):
    code = (
        "import imgpar, numpy as np; writer = imgpar.VideoWriter('a.mp4');"
        f"writer.write(np.zeros((48, 64, 3), np.uint8)){end}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (0, "", [])
