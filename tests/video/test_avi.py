"""AVI: frames in a row, some of them empty, some stored out of order."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from video_clips import decoded, ffmpeg

import imgpar
from imgpar.video.avi import empty_chunks
from imgpar.video.probe import probe

FRAMES = 30
SOURCE = f"nullsrc=size=64x48:rate=25,trim=end_frame={FRAMES},geq=lum='20+6*N':cb=128:cr=128"
"""Frame n has the grey of `grey(n)`."""


def grey(number: int) -> float:
    return (20 + 6 * number - 16) * 255 / 219


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture(params=["auto", "staged"])
def convert(session, tmp_path, request):
    def run(clip: Path, name: str):
        settings = {"flip": "horizontal", "effort": 0, "quality": 95, "schedule": request.param}
        report = imgpar.convert(
            clip, tmp_path / name, session=session, journal=str(tmp_path / "j.db"), **settings
        )
        (item,) = report.items
        assert item.error == ""
        return tmp_path / name

    return run


def row(path: Path, *options: object) -> Path:
    ffmpeg("-f", "lavfi", "-i", SOURCE, "-pix_fmt", "yuv420p", *options, path)
    return path


def with_empty(source: Path, path: Path, empty: set[int]) -> Path:
    """The same AVI, in which the chunks with these numbers hold nothing; its header promises them all."""
    data = source.read_bytes()
    movi, index = data.index(b"movi"), data.rindex(b"idx1")
    made, entries = bytearray(b"movi"), bytearray()
    for number in range(FRAMES):
        name, flags, place, length = struct.unpack_from("<4sIII", data, index + 8 + 16 * number)
        body = b"" if number in empty else data[movi + place + 8 : movi + place + 8 + length]
        entries += struct.pack("<4sIII", name, flags, len(made), len(body))
        made += name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    whole = data[: movi - 4] + struct.pack("<I", len(made)) + made
    whole += b"idx1" + struct.pack("<I", len(entries)) + entries
    path.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
    return path


@pytest.mark.slow
@pytest.mark.parametrize("empty", [{5, 6, 7, 20}, {0, 9}, {28, 29}], ids=["inside", "first", "last"])
def test_an_empty_chunk_is_no_missing_frame(convert, tmp_path, empty):
    clip = with_empty(row(tmp_path / "a.avi", "-c:v", "ffv1", "-g", 1), tmp_path / "b.avi", empty)
    with clip.open("rb") as file:
        assert empty_chunks(file, 0) == len(empty)
    made = convert(clip, "out.mp4")
    kept = [number for number in range(FRAMES) if number not in empty]
    times, frames = decoded(made)
    assert times == pytest.approx([number / 25 for number in kept], abs=0.001)
    assert [frame.mean() for frame in frames] == pytest.approx([grey(number) for number in kept], abs=4)


def test_the_frame_before_empty_chunks_stays(convert, tmp_path):
    clip = with_empty(
        row(tmp_path / "a.avi", "-c:v", "ffv1", "-g", 1), tmp_path / "b.avi", {25, 26, 27, 28, 29}
    )
    made = probe(str(convert(clip, "out.mp4")))
    assert (made.times[-1], made.last) == pytest.approx((24 / 25, 6 / 25), abs=0.001)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_frames_stored_out_of_order_come_in_order_and_at_their_times(convert, tmp_path, codec):
    clip = row(tmp_path / "a.avi", "-c:v", codec, "-bf", 2, "-q:v", 2)
    assert probe(str(clip)).guessed
    times, frames = decoded(convert(clip, "out.mp4"))
    assert times == pytest.approx([number / 25 for number in range(FRAMES)], abs=0.001)
    assert [frame.mean() for frame in frames] == pytest.approx([grey(n) for n in range(FRAMES)], abs=4)


def test_what_is_cut_off_is_missing_all_the_same(session, tmp_path):
    clip = with_empty(row(tmp_path / "a.avi", "-c:v", "ffv1", "-g", 1), tmp_path / "b.avi", {5, 6})
    clip.write_bytes(clip.read_bytes()[: -FRAMES * 16 - 500])  # the index and a few frames
    report = imgpar.convert(clip, tmp_path / "out.mp4", session=session, flip="horizontal")
    assert "of 28 frames are there" in report.items[0].error
