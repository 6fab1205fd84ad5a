"""Parts of clips, other speeds, other rates, other sound: by ffmpeg's filters and by frames."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from video_clips import decoded, make_clip, make_uneven

import imgpar
from imgpar.formats.option_values import parse_span
from imgpar.video.probe import probe


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Two seconds, 50 frames, with sound and a key frame every 20."""
    path = tmp_path_factory.mktemp("clips") / "a.mp4"
    return make_clip(path, frames=50, sound=True, options=("-g", 20, "-crf", 12, "-preset", "ultrafast"))


@pytest.fixture(params=["auto", "staged"])
def convert(session, tmp_path, request):
    """`convert(clip, **settings)` gives the new file and its line of the report, by one path or the other."""

    def run(clip: Path, name: str = "out.mp4", **settings):
        settings = {"effort": 0, "journal": str(tmp_path / "j.db"), "schedule": request.param, **settings}
        report = imgpar.convert(clip, tmp_path / "out" / name, session=session, **settings)
        (item,) = report.items
        assert item.error == ""
        return tmp_path / "out" / name, item

    return run


def sound_seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return sum(frame.samples for frame in container.decode(stream)) / stream.rate


def test_a_part_by_time(convert, source):
    made, _ = convert(source, trim="0.6-1.4")
    times, pictures = decoded(made)
    assert times == pytest.approx([k / 25 for k in range(20)], abs=1e-3)
    # The same frames as in the whole clip.
    error = [np.abs(decoded(source)[1][15 + k].astype(int) - pictures[k]).mean() for k in (0, 19)]
    assert max(error) < 6
    assert sound_seconds(made) == pytest.approx(0.8, abs=0.06)


def test_the_end_of_a_clip(convert, source):
    made, _ = convert(source, trim="1.8-")
    assert len(decoded(made)[0]) == 5


def test_twice_as_fast(convert, source):
    made, _ = convert(source, speed=2)
    assert decoded(made)[0] == pytest.approx([k / 50 for k in range(50)], abs=2e-3)
    assert sound_seconds(made) == pytest.approx(1.0, abs=0.08)


def test_four_times_as_slow(convert, source):
    made, _ = convert(source, speed=0.25, trim="-0.4")
    assert decoded(made)[0] == pytest.approx([k * 0.16 for k in range(10)], abs=2e-3)
    assert sound_seconds(made) == pytest.approx(1.6, abs=0.2)


@pytest.mark.parametrize("fps", [10, 40])
def test_another_rate(convert, source, fps):
    made, _ = convert(source, fps=fps)
    times = decoded(made)[0]
    assert abs(len(times) - 2 * fps) <= 1
    assert np.diff(times) == pytest.approx(1 / fps, abs=1e-3)


def test_an_uneven_clip_gets_an_even_rate(convert, tmp_path):
    clip = make_uneven(tmp_path / "in.mp4", [0, 0.1, 0.15, 0.5, 0.6, 1.0])
    made, _ = convert(clip, fps=20, quality=95)
    times, pictures = decoded(made)
    assert np.diff(times) == pytest.approx(0.05, abs=1e-4)
    grey = [picture.mean() for picture in pictures[:20]]
    assert grey == pytest.approx([0, 0, 10] + [20] * 7 + [30, 30] + [40] * 8, abs=3)


def test_sound_can_be_left_out(convert, source):
    made, item = convert(source, audio="none", resize="32")
    assert probe(str(made)).of_kind("audio") == []
    assert item.lost == ()


def test_sound_can_be_encoded_anew(convert, source):
    made, _ = convert(source, audio="opus", resize="32")
    assert [stream.codec for stream in probe(str(made)).of_kind("audio")] == ["opus"]


def test_a_part_that_does_not_exist_is_an_error(session, source, tmp_path):
    report = imgpar.convert(
        source, tmp_path / "o.mp4", trim="60-70", session=session, journal=str(tmp_path / "j")
    )
    assert "No frame is left" in report.items[0].error


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [("10-25", 10, 25), ("1:02:03.5-2:00:00", 3723.5, 7200), ("-0:25", 0, 25), ("90-", 90, float("inf"))],
)
def test_parts_as_people_write_them(text, start, stop):
    span = parse_span(text)
    assert (span.start, span.stop) == (start, stop)
    assert parse_span(str(span)) == span


@pytest.mark.parametrize("text", ["", "-", "25-10", "a-b", "10"])
def test_what_is_no_part(text):
    with pytest.raises(imgpar.BadValueError):
        parse_span(text)


@pytest.mark.parametrize("schedule", ["auto", "staged"])
def test_a_container_with_only_a_rate_keeps_every_frame(session, tmp_path, schedule):
    """The lowest rate at which no frame falls on another: here 20 a second."""
    times = [0, 0.1, 0.15, 0.5, 0.6, 1.0]
    clip = make_uneven(tmp_path / "in.mp4", times, last=0.2)
    settings = {"quality": 95, "effort": 0, "schedule": schedule, "journal": str(tmp_path / "j.db")}
    report = imgpar.convert(clip, tmp_path / "o.avi", session=session, **settings)
    (item,) = report.items
    assert item.error == ""
    assert item.lost == ("variable frame rate",)
    assert any("at 20 a second" in note for note in item.notes)
    grey = [picture.mean() for picture in decoded(tmp_path / "o.avi")[1]]
    expected = [10 * max(k for k, time in enumerate(times) if time <= n / 20 + 1e-6) for n in range(24)]
    assert grey[:24] == pytest.approx(expected, abs=3)


def test_frames_too_near_to_each_other_are_counted(tmp_path):
    from imgpar.video.timing import FASTEST, Timing

    clip = probe(str(make_uneven(tmp_path / "in.mp4", [0, 0.001, 0.1, 0.3])))
    assert Timing().evened(clip) == (Timing(fps=Timing().evened(clip)[0].fps), 1)
    assert Timing().evened(clip)[0].fps <= FASTEST
