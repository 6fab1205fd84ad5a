"""Clips put together: copied where they fit, encoded like the first where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from video_clips import decoded, make_clip

from imgpar.cli import main
from imgpar.errors import UsageError
from imgpar.join import join
from imgpar.video.probe import probe


def test_clips_of_a_kind_are_copied_frame_by_frame(tmp_path):
    first = make_clip(tmp_path / "a.mp4", sound=True)
    second = make_clip(tmp_path / "b.mp4", filters="negate", sound=True)
    made = join([str(first), str(second)], str(tmp_path / "c.mp4"))
    assert (made.copied, made.frames) == (True, 50)
    frames = decoded(tmp_path / "c.mp4")[1]
    wanted = decoded(first)[1] + decoded(second)[1]
    assert all(np.array_equal(*pair) for pair in zip(frames, wanted, strict=True))


def test_others_are_fitted_into_the_size_of_the_first(tmp_path):
    first = make_clip(tmp_path / "a.mp4", size=(64, 48), sound=True)
    second = make_clip(tmp_path / "b.mkv", size=(32, 32))
    made = join([str(first), str(second)], str(tmp_path / "c.mp4"))
    clip = probe(str(tmp_path / "c.mp4"))
    assert not made.copied
    assert "clip 2" in made.why
    assert (clip.picture.width, clip.picture.height, len(clip.times)) == (64, 48, 50)
    assert clip.times[-1] - clip.times[0] == pytest.approx(49 / 25, abs=0.05)
    assert len(clip.of_kind("audio")) == 1
    frame = decoded(tmp_path / "c.mp4")[1][40]
    assert frame[:, :4].max() < 24  # black beside the square
    assert frame[:, 20:44].max() > 100


def test_one_clip_is_not_enough(tmp_path):
    with pytest.raises(UsageError, match="two or more"):
        join([str(make_clip(tmp_path / "a.mp4"))], str(tmp_path / "c.mp4"))


def test_the_command_says_what_it_did(tmp_path, capsys):
    first = make_clip(tmp_path / "a.mp4")
    assert main(["concat", str(first), str(first), "-o", str(tmp_path / "c.mp4")]) == 0
    assert "50 frames, copied" in capsys.readouterr().out
    assert main(["concat", str(first), str(first), "-o", str(tmp_path / "c.mp4")]) != 0
