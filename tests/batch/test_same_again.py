"""The same input and settings make the same bytes, whatever the time, the time zone and chance."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from codec_pictures import WRITABLE, picture, written
from video_clips import make_clip

import imgpar
from imgpar.core.spec import Metadata
from imgpar.formats.metadata.box_times import without_times
from imgpar.formats.registry import find_format

CONTAINERS = ["mp4", "mov", "mkv", "webm", "avi"]
LONG_AGO = struct.pack(">II", 3_000_000_000, 3_000_000_001)


def pictures(name: str) -> dict[str, bytes]:
    """A still of a format, and an animation where it holds one."""
    made = {"still": written(picture("RGB"), name)}
    if find_format(name).frames and not find_format(name).paged:
        frames = [picture("RGB", shift=shift) for shift in (0, 5)]
        made["animation"] = written(frames, name, Metadata(durations=(100, 100)))
    return made


def times(data: bytes) -> list[int]:
    """The times of creation and change in the heads of a film, its tracks and their media."""
    found = []
    for kind in (b"mvhd", b"tkhd", b"mdhd"):
        at = -1
        while (at := data.find(kind, at + 1)) >= 0:
            found += struct.unpack_from(">QQ" if data[at + 4] else ">II", data, at + 8)
    return found


@pytest.mark.parametrize("name", WRITABLE)
def test_a_picture_is_written_the_same_again(name: str) -> None:
    assert pictures(name) == pictures(name)


@pytest.mark.parametrize("name", [name for name in ("avif", "heic", "jxl", "jp2") if name in WRITABLE])
def test_no_picture_says_when_it_was_written(name: str) -> None:
    assert not any(map(any, map(times, pictures(name).values())))


def test_an_animated_avif_has_times_that_could_tell() -> None:
    assert len(times(pictures("avif")["animation"])) >= 6


@pytest.mark.parametrize("version", [0, 1])
def test_times_of_both_sizes_are_cleared(version: int) -> None:
    body = (
        bytes((version, 0, 0, 7)) + (LONG_AGO if version == 0 else struct.pack(">QQ", 1 << 40, 1)) + b"rest"
    )
    head = struct.pack(">I4s", 8 + len(body), b"mvhd") + body
    film = struct.pack(">I4s", 8 + len(head), b"moov") + head
    made = without_times(film + b"\0\0\0\x0cmdat" + b"mvhd")
    assert times(made[: len(film)]) == [0, 0]
    assert (len(made), made[len(film) :]) == (len(film) + 12, b"\0\0\0\x0cmdatmvhd")
    assert made[len(film) - 4 : len(film)] == b"rest"


@pytest.mark.parametrize(
    "version", [b"", b"\0\0", struct.pack(">I4s", 90, b"moov"), struct.pack(">I4s", 4, b"moov")]
)
def test_what_is_cut_off_is_left_as_it_is(version: bytes) -> None:
    assert without_times(version) == version


@pytest.mark.slow
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("operation", [{"resize": "50%"}, {"blur": 0.5}], ids=["filters", "frames"])
def test_a_clip_is_written_the_same_again(
    tmp_path: Path, container: str, operation: dict[str, object]
) -> None:
    source = make_clip(tmp_path / "a.mp4")
    made = []
    for folder in ("one", "two"):
        imgpar.convert(source, tmp_path / folder, to=container, jobs=1, memory="64M", **operation)
        made.append((tmp_path / folder / f"a.{container}").read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_no_clip_says_when_it_was_written(tmp_path: Path, container: str) -> None:
    source = make_clip(tmp_path / "a.mp4")
    imgpar.convert(source, tmp_path / "out", to=container, resize="50%", jobs=1, memory="64M")
    assert not any(times((tmp_path / "out" / f"a.{container}").read_bytes()))
