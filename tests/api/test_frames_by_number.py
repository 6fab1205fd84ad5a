"""Single frames by number, from every container, compared with a decoder that starts at the beginning."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
from painted_clips import number_in, numbers, paint
from video_clips import make_clip

import imgpar

GOP = ("-c:v", "libx264", "-preset", "ultrafast", "-g", 12, "-bf", 2, "-b_strategy", 0, "-sc_threshold", 0)
OPEN = (*GOP, "-x264-params", "open-gop=1:scenecut=0:b-adapt=0")
MPEG2 = ("-c:v", "mpeg2video", "-g", 12, "-bf", 2, "-q:v", 3)
VFR = r"select='not(mod(n\,3))+eq(mod(n\,7)\,0)'"
CLIPS: dict[str, tuple[tuple[object, ...], dict[str, str]]] = {
    "open.mp4": (OPEN, {}),
    "open.mkv": (OPEN, {}),
    "open.ts": (OPEN, {}),
    "edited.mp4": ((*GOP, "-ss", "0.5"), {}),
    "fragments.mp4": ((*GOP, "-movflags", "frag_keyframe+empty_moov"), {}),
    "uneven.mp4": ((*GOP, "-fps_mode", "vfr"), {"filters": VFR}),
    "ntsc.mov": (GOP, {"rate": "30000/1001"}),
    "refresh.mp4": (("-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=20:bframes=0"), {}),
    "hevc.mkv": (("-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                  "log-level=error:keyint=12:bframes=2:open-gop=1"), {}),
    "vp9.webm": (("-c:v", "libvpx-vp9", "-g", 20, "-deadline", "realtime", "-cpu-used", 8), {}),
    "mpeg2.mpg": (MPEG2, {}),
    "mpeg4.avi": (("-c:v", "mpeg4", "-g", 12, "-q:v", 3), {}),
    "h264.avi": (GOP, {}),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("numbered")


@pytest.fixture(scope="module")
def source(folder) -> Path:
    """75 frames with their numbers, a key frame every twelfth, H.264 with reordered frames."""
    return paint(folder / "source.mp4", *GOP, sound=False)


def same_as_decoded(clip: Path) -> None:
    known = [number for number, _ in numbers(clip)]
    order = random.Random(7).sample(range(len(known)), len(known))
    found = list(imgpar.frames(clip, index=order))
    assert [(frame.index, number_in(frame.array)) for frame in found] == [
        (place, known[place]) for place in order
    ]
    for place in order[:4]:
        (frame,) = imgpar.frames(clip, index=place)
        assert number_in(frame.array) == known[place]


@pytest.mark.parametrize("name", CLIPS)
def test_numbers_are_those_of_a_linear_decoder(folder, name):
    options, settings = CLIPS[name]
    same_as_decoded(paint(folder / name, *options, sound=False, **settings))


def test_a_recording_that_begins_between_key_frames(folder):
    whole = paint(folder / "whole.ts", *OPEN, sound=False).read_bytes()
    clip = folder / "cut.ts"
    clip.write_bytes(whole[len(whole) // 188 // 3 * 188 :])
    same_as_decoded(clip)


def test_frames_of_a_gif_with_their_times(folder):
    clip = make_clip(folder / "a.gif", frames=10, size=(32, 24), options=("-loop", 0), filters="fps=10")
    found = list(imgpar.frames(clip))
    assert [frame.time for frame in found] == pytest.approx([0, 0.1, 0.2, 0.3])
    (last,) = imgpar.frames(clip, index=-1)
    assert np.array_equal(last.array, found[-1].array)


def test_only_what_is_needed_is_decoded(source, monkeypatch):
    from imgpar.video.reader import Reader

    stamps, whole = [], Reader._stamped

    def counted(self, origin):
        for stamp, frame in whole(self, origin):
            stamps.append(stamp)
            yield stamp, frame

    monkeypatch.setattr(Reader, "_stamped", counted)
    assert [frame.index for frame in imgpar.frames(source, index=[65, 2, 66, 1, 65])] == [65, 2, 66, 1, 65]
    assert len(stamps) <= 3 + 7  # 0 to 2, and 60 to 66: each once


def test_negative_numbers_count_from_the_end(source):
    assert [frame.index for frame in imgpar.frames(source, index=[-1, -75])] == [74, 0]


def test_a_number_that_the_clip_does_not_have(source):
    with pytest.raises(imgpar.BadValueError, match="its 75 frames, -75 to 74, for index but received 75"):
        list(imgpar.frames(source, index=[3, 75]))


def test_repeated_numbers_have_memory_of_their_own(source):
    one, other = imgpar.frames(source, index=[5, 5])
    assert np.array_equal(one.array, other.array)
    assert not np.shares_memory(one.array, other.array)


# ----- sources --------------------------------------------------------------------------------------


class Stream(io.RawIOBase):
    """Cannot seek, like a pipe."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._file.readinto(buffer)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO, Stream])
@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_bytes_and_file_objects_are_clips(folder, kind, suffix):
    clip = folder / f"content.{suffix}"
    if not clip.exists():
        paint(clip, "-c:v", "mpeg4", "-g", 12, "-q:v", 3, frames=30, sound=False)
    found = imgpar.frames(kind(clip.read_bytes()), index=[20, 3, 29])
    assert [number_in(frame.array) for frame in found] == [20, 3, 29]


def test_a_file_object_is_read_from_its_beginning_and_stays_open(source):
    with open(source, "rb") as file:
        file.seek(100)
        assert len(list(imgpar.frames(file))) == 75
        assert not file.closed


def test_one_file_object_for_two_readers(source):
    with open(source, "rb") as file:
        pairs = zip(imgpar.frames(file), imgpar.frames(file, start=1.0), strict=False)
        assert [(one.index, other.index) for one, other in pairs] == [(k, k + 25) for k in range(50)]


@pytest.mark.parametrize("given", [7, None, io.StringIO("text")])
def test_what_is_no_clip_is_refused(given):
    with pytest.raises(imgpar.BadValueError, match="for the clip"):
        imgpar.frames(given)


def test_a_closed_file_is_refused(source):
    with open(source, "rb") as file:
        pass
    with pytest.raises(imgpar.SourceError, match="file object"):
        imgpar.frames(file)


class Broken(Stream):
    """Can seek, and fails when it is read for the third time."""

    reads = 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer) -> int:
        self.reads += 1
        if self.reads > 2:
            raise OSError("the connection is lost")
        return super().readinto(buffer)


def test_a_file_object_that_fails_is_a_source_error(source):
    with pytest.raises(imgpar.SourceError, match="the connection is lost"):
        list(imgpar.frames(Broken(source.read_bytes())))


def test_bytes_that_are_no_clip():
    with pytest.raises(imgpar.UnknownFormatError):
        list(imgpar.frames(b"nothing"))


# ----- selection and batches ------------------------------------------------------------------------


def test_one_frame_per_interval(source):
    assert [frame.index for frame in imgpar.frames(source, every="0.5s")] == [0, 13, 25, 38, 50, 63]


def test_every_key_frame(source):
    assert [frame.index for frame in imgpar.frames(source, every="key")] == list(range(0, 75, 12))


@pytest.mark.parametrize("settings", [{}, {"index": list(range(74, -1, -1))}, {"start": 0.01}])
def test_batches_hold_the_same_frames(source, settings):
    single = list(imgpar.frames(source, **settings))
    batches = list(imgpar.frames(source, batch=16, **settings))
    assert [len(batch) for batch in batches] == [16] * (len(single) // 16) + [len(single) % 16]
    assert np.array_equal(
        np.concatenate([batch.array for batch in batches]), np.stack([frame.array for frame in single])
    )
    assert [place for batch in batches for place in batch.indices] == [frame.index for frame in single]
    assert [time for batch in batches for time in batch.times] == [frame.time for frame in single]


def test_batches_own_their_memory(source):
    first, second, *_ = (batch.array for batch in imgpar.frames(source, batch=8))
    assert first.flags.c_contiguous
    assert first.flags.writeable
    assert not np.shares_memory(first, second)


def test_frames_of_several_sizes_make_no_batch(source):
    pipe = imgpar.Pipeline().apply(lambda array: array[: 10 + int(array[0, 0, 0] > 100)])
    with pytest.raises(imgpar.TransformError, match="one size"):
        list(imgpar.frames(source, pipeline=pipe, batch=4))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"index": 1, "at": 1}, "already says"),
        ({"index": 1, "every": "2s"}, "index= already says"),
        ({"index": 1.5}, "for index"),
        ({"index": "first"}, "for index"),
        ({"batch": 0}, "for batch"),
        ({"every": 0.5}, "for every"),
        ({"every": "1s", "scenes": 10}, "exclude each other"),
    ],
)
def test_contradictions_are_refused_before_anything_is_read(tmp_path, settings, words):
    with pytest.raises(imgpar.UsageError, match=words):
        imgpar.frames(tmp_path / "missing.mp4", **settings)


@pytest.mark.parametrize("form", ["yuv420p", "yuvj422p", "yuv444p10le", "gray", "gbrp"])
def test_without_operations_pixels_are_the_same_as_with_one(folder, form):
    clip = make_clip(
        folder / f"{form}.mkv", frames=2, options=("-c:v", "ffv1", "-pix_fmt", form, "-strict", -2)
    )
    pipe = imgpar.Pipeline().apply(lambda array: array)
    for plain, applied in zip(imgpar.frames(clip), imgpar.frames(clip, pipeline=pipe), strict=True):
        assert np.array_equal(plain.array, applied.array)
