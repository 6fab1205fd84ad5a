"""AVI has no time stamps: its frames are counted. Index k is the k-th decoded frame, after a seek as well."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from painted_clips import number_in, numbers, paint

import imgpar
from imgpar.video.probe import probe

pytestmark = pytest.mark.slow

KINDS = {
    "mpeg4": ("-c:v", "mpeg4", "-bf", 0),
    "mpeg4-b2": ("-c:v", "mpeg4", "-bf", 2),
    "mpeg4-b3": ("-c:v", "mpeg4", "-bf", 3),
    "h264": ("-c:v", "libx264", "-bf", 0),
    "h264-b3": ("-c:v", "libx264", "-bf", 3),
    "h264-open": ("-c:v", "libx264", "-bf", 3, "-x264-params", "open-gop=1:scenecut=0"),
    "mjpeg": ("-c:v", "mjpeg",),
}  # fmt: skip


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, Path]:
    """75 frames each, a key frame every 12."""
    folder = tmp_path_factory.mktemp("avi")
    usual = ("-q:v", 2, "-g", 12, "-c:a", "libmp3lame", "-tag:v")
    tags = {"mpeg4": "FMP4", "mjpeg": "MJPG"}
    return {
        name: paint(folder / f"{name}.avi", *options, *usual, tags.get(options[1], "H264"))
        for name, options in KINDS.items()
    }


@pytest.fixture(scope="module", params=KINDS)
def clip(request, clips) -> Path:
    return clips[request.param]


def read(clip: Path, **choice) -> list[tuple[int, int]]:
    return [(frame.index, number_in(frame.array)) for frame in imgpar.frames(clip, **choice)]


def test_every_index_is_its_frame(clip):
    with av.open(str(clip)) as container:  # counted by another program from the beginning
        reference = [number_in(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert reference == list(range(75))
    assert read(clip) == list(enumerate(reference))


@pytest.mark.parametrize("choice", [{"start": 1.6, "every": 5}, {"start": 1.04, "stop": 1.9}], ids=str)
def test_every_index_after_a_seek(clip, choice):
    times = probe(str(clip)).times
    stop = choice.get("stop", 9.0)
    wanted = [k for k, time in enumerate(times) if choice["start"] - 1e-6 <= time < stop - 1e-6]
    wanted = wanted[:: choice.get("every", 1)]
    assert read(clip, **choice) == [(k, k) for k in wanted]


def test_frames_at_moments_in_any_order(clip):
    times = probe(str(clip)).times
    wanted = [60, 3, 25, 26, 74, 0]
    assert read(clip, at=[times[k] + 0.001 for k in wanted]) == [(k, k) for k in wanted]


def test_key_frames_have_their_index(clip):
    found = read(clip, keys=True)
    assert len(found) >= 4
    assert all(index == number for index, number in found)


@pytest.mark.parametrize("schedule", ["auto", "staged"])
@pytest.mark.parametrize("span", ["1.6-2.4", "0.53-1.11"])
def test_a_part(session, clip, tmp_path, schedule, span):
    start, stop = map(float, span.split("-"))
    times = probe(str(clip)).times
    report = imgpar.convert(
        clip, tmp_path / "out.mp4", trim=span, session=session, journal=str(tmp_path / "j.db"),
        schedule=schedule, effort=0,
    )  # fmt: skip
    assert report.items[0].error == ""
    wanted = [(k, time - start) for k, time in enumerate(times) if start - 1e-6 <= time < stop - 1e-6]
    made = numbers(tmp_path / "out.mp4")
    assert [k for k, _ in made] == [k for k, _ in wanted]
    first = wanted[0][1] - made[0][1]
    assert [time + first for _, time in made] == pytest.approx([time for _, time in wanted], abs=0.001)


def test_a_whole_clip(session, clip, tmp_path):
    report = imgpar.convert(
        clip, tmp_path / "out.mp4", session=session, journal=str(tmp_path / "j.db"), quality=90, effort=0
    )
    assert report.items[0].error == ""
    assert [number for number, _ in numbers(tmp_path / "out.mp4")] == list(range(75))
