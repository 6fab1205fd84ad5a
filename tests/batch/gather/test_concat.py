"""Clips put together: copied where they fit, encoded like the first where they do not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import video_clips
from painted_clips import beeps, numbers, paint
from video_clips import decoded, make_clip

import imgpar
from imgpar.batch.report import Report
from imgpar.cli import main
from imgpar.core.errors import UsageError
from imgpar.video.probe import probe


def join(clips: list[Path], out: Path, **settings: Any) -> Report:
    """The report of joined clips, all of which went into the new one."""
    report = imgpar.concat(clips, out, jobs=1, **settings)
    assert (report.ok, report.failed) == (len(clips), 0), report.failures
    return report


def notes(report: Report) -> str:
    return " ".join(report.notes)


def test_clips_of_a_kind_are_copied_frame_by_frame(tmp_path):
    first = make_clip(tmp_path / "a.mp4", sound=True)
    second = make_clip(tmp_path / "b.mp4", filters="negate", sound=True)
    assert "copied without encoding" in notes(join([first, second], tmp_path / "c.mp4"))
    frames = decoded(tmp_path / "c.mp4")[1]
    wanted = decoded(first)[1] + decoded(second)[1]
    assert all(np.array_equal(*pair) for pair in zip(frames, wanted, strict=True))


def test_others_are_fitted_into_the_size_of_the_first(tmp_path):
    first = make_clip(tmp_path / "a.mp4", size=(64, 48), sound=True)
    second = make_clip(tmp_path / "b.mkv", size=(32, 32))
    made = join([first, second], tmp_path / "c.mp4")
    clip = probe(str(tmp_path / "c.mp4"))
    assert "were encoded: clip 2 differs" in notes(made)
    assert (clip.picture.width, clip.picture.height, len(clip.times)) == (64, 48, 50)
    assert clip.times[-1] - clip.times[0] == pytest.approx(49 / 25, abs=0.05)
    assert len(clip.of_kind("audio")) == 1
    frame = decoded(tmp_path / "c.mp4")[1][40]
    assert frame[:, :4].max() < 24  # black beside the square
    assert frame[:, 20:44].max() > 100


@pytest.mark.skipif(os.name == "nt", reason="needs names with line breaks")
def test_names_may_have_line_breaks(tmp_path):
    clip = make_clip(tmp_path / "a\nb.mp4")
    assert "copied without encoding" in notes(join([clip, clip], tmp_path / "c.mp4"))


def test_one_clip_is_not_enough(tmp_path):
    with pytest.raises(UsageError, match="two or more"):
        imgpar.concat(make_clip(tmp_path / "a.mp4"), tmp_path / "c.mp4")


def test_the_command_says_what_it_did(tmp_path, capsys):
    first = make_clip(tmp_path / "a.mp4")
    assert main(["concat", str(first), str(first), "-o", str(tmp_path / "c.mp4")]) == 0
    assert "Done: 2 ok" in capsys.readouterr().out
    assert len(probe(str(tmp_path / "c.mp4")).times) == 50


@pytest.fixture(scope="module")
def apart(tmp_path_factory) -> dict[str, Path]:
    """50 frames with beeps; the sound, or the picture, half a second late; frames hidden by an edit list."""
    folder = tmp_path_factory.mktemp("apart")
    made = {"even": paint(folder / "even.mp4", "-c:v", "libx264", "-preset", "veryfast", frames=50)}
    for name, first, second in (("sound", "0:v", "1:a"), ("picture", "0:a", "1:v")):
        late = ("-i", made["even"], "-itsoffset", 0.5, "-i", made["even"], "-map", first, "-map", second)
        video_clips.ffmpeg(*late, "-c", "copy", made.setdefault(name, folder / f"{name}.mp4"))
    hidden = made.setdefault("hidden", folder / "hidden.mp4")
    video_clips.ffmpeg("-ss", 0.4, "-i", made["even"], "-c", "copy", hidden)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"quality": 70}], ids=["as it is", "encoded"])
@pytest.mark.parametrize(
    "order", [("sound", "even"), ("even", "sound"), ("even", "picture"), ("picture", "even")], ids=str
)
def test_late_sound_and_late_pictures_stay_late(apart, tmp_path, order, settings):
    join([apart[name] for name in order], tmp_path / "o.mkv", **settings)
    found = numbers(tmp_path / "o.mkv")
    assert [number for number, _ in found] == [*range(50), *range(50)]
    begin = 2.5 if order[0] != "even" else 2.0
    late = [0.5 if name == "picture" else 0.0 for name in order]
    assert found[50][1] - found[0][1] == pytest.approx(begin + late[1] - late[0], abs=0.03)
    heard = [0.5 if name == "sound" else 0.0 for name in order]
    expected = [heard[0], heard[0] + 1, begin + heard[1], begin + heard[1] + 1]
    assert np.array(beeps(tmp_path / "o.mkv")) == pytest.approx(expected, abs=0.06)


def test_hidden_frames_stay_hidden(apart, tmp_path):
    joined = join([apart["hidden"], apart["even"]], tmp_path / "o.mp4")
    assert "were encoded: clip 1 has an edit list" in notes(joined)
    assert [number for number, _ in numbers(tmp_path / "o.mp4")] == [*range(10, 50), *range(50)]


def test_hdr_and_sdr_are_not_joined(tmp_path):
    sdr = make_clip(tmp_path / "a.mp4", frames=5)
    tags = "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc:range=tv"
    hdr = make_clip(tmp_path / "b.mp4", frames=5, filters=f"format=yuv420p10le,{tags}")
    report = imgpar.concat([sdr, hdr], tmp_path / "c.mp4", jobs=1)
    assert (report.items[1].status, "It is HDR, and the first clip is SDR." in report.items[1].error) == (
        "failed",
        True,
    )
    assert not (tmp_path / "c.mp4").exists()


def test_operations_are_refused_with_advice_that_fits(tmp_path):
    with pytest.raises(UsageError, match="Leave it out, or convert the result"):
        imgpar.concat(["a.mp4", "b.mp4"], tmp_path / "c.mp4", resize="10")  # type: ignore[call-arg]
