"""Frames a second as exact fractions."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

import imgpar
from imgpar.core import parsing
from imgpar.formats.options import EncodeOptions
from imgpar.recipe.recipe import Recipe

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("29.97", NTSC), ("23.976", Fraction(24000, 1001)), ("59.94", Fraction(60000, 1001)),
        ("119.88", Fraction(120000, 1001)), ("30000/1001", NTSC), (29.97, NTSC), (NTSC, NTSC),
        ("25", Fraction(25)), (12.5, Fraction(25, 2)), ("29.9", Fraction(299, 10)), ("1/2", Fraction(1, 2)),
    ],
)  # fmt: skip
def test_rates_as_people_write_them(text, rate):
    assert parsing.rate(0.01, 1000)(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "1/0", "0", "-5", "nan", "inf", True, "2000", "30:1"])
def test_what_is_no_rate(text):
    with pytest.raises(imgpar.BadValueError, match=r"such as 25, 29\.97 or 30000/1001"):
        parsing.named("--fps", parsing.rate(0.01, 1000), text)


@pytest.mark.parametrize(("text", "written"), [("29.97", 'fps = "30000/1001"'), ("25", "fps = 25.0")])
def test_a_recipe_keeps_the_rate(tmp_path, text, written):
    recipe = Recipe(encode=EncodeOptions(fps=parsing.rate(0.01, 1000)(text)))
    assert written in recipe.to_toml()
    recipe.save(tmp_path / "r.toml")
    assert Recipe.load(tmp_path / "r.toml").encode.fps == recipe.encode.fps


@pytest.mark.parametrize("fps", [29.97, "30000/1001", NTSC])
def test_a_writer_takes_it(tmp_path, fps):
    with imgpar.VideoWriter(tmp_path / "a.mp4", fps=fps) as writer:
        for _ in range(6):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    with av.open(str(tmp_path / "a.mp4")) as clip:
        stream = clip.streams.video[0]
        assert stream.average_rate == NTSC
        times = [packet.pts * stream.time_base for packet in clip.demux(stream) if packet.pts is not None]
    assert sorted(times) == pytest.approx([k / NTSC for k in range(6)], abs=1e-4)


@pytest.mark.parametrize("schedule", ["auto", "staged"])
def test_a_clip_gets_it(tmp_path, schedule):
    from painted_clips import paint

    clip = paint(tmp_path / "in.mp4", "-c:v", "libx264")
    report = imgpar.convert(clip, tmp_path / "out.mp4", fps="29.97", schedule=schedule, effort=0, jobs=2)
    assert report.items[0].error == ""
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert made.streams.video[0].average_rate == pytest.approx(NTSC, rel=1e-4)
        times = [frame.time for frame in made.decode(video=0)]
    assert times[-1] - times[0] == pytest.approx((len(times) - 1) / float(NTSC), abs=0.0015)
