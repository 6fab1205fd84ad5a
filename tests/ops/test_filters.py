"""Operations as ffmpeg filters: the same result, or none."""

from __future__ import annotations

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
from operation_frames import psnr, run

from imgpar.core.spec import Frame, Spec
from imgpar.recipe.tables import make_operation

SPEC = Spec(320, 180)


@pytest.mark.parametrize(
    ("name", "value", "fields"),
    [
        ("resize", "160x", {}),
        ("resize", "100x100", {"fit": "cover", "gravity": "west"}),
        ("resize", "160x", {"kernel": "bicubic"}),
        ("resize", "160x", {"kernel": "box"}),
        ("crop", "160x90", {"gravity": "southeast"}),
        ("crop", "40%", {}),
        ("border", "10,20,6,8", {"colour": "#ff8000"}),
        ("border", "4", {}),
        ("pad", "1:1", {"background": "#ff8000", "gravity": "north"}),
        ("rotate", 90, {}),
        ("rotate", 180, {}),
        ("rotate", -90, {}),
        ("flip", "horizontal", {}),
        ("flip", "vertical", {}),
    ],
)
def test_the_filter_does_what_the_operation_does(name: str, value: object, fields: dict[str, object]) -> None:
    y, x = np.mgrid[:180, :320]
    array = np.stack([128 + 90 * np.sin(x / 31), 128 + 90 * np.cos(y / 27), (x + y) / 2], 2).astype(np.uint8)
    operation = make_operation(name, value, **fields)
    ours = run(operation, Frame(SPEC, array))
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *raw, "-s", "320x180", "-i", "-"]
    command += ["-vf", str(operation.as_filter(SPEC)), *raw, "-"]
    done = subprocess.run(command, input=array.tobytes(), capture_output=True, check=True)
    theirs = np.frombuffer(done.stdout, np.uint8).reshape(ours.spec.shape)
    assert psnr(theirs / 255, ours.array / 255) >= 45


@pytest.mark.parametrize(
    ("name", "value", "fields"),
    [
        ("resize", "160x160", {"fit": "contain"}),
        ("crop", "161x91", {}),
        ("crop", "160x90", {"gravity": "attention"}),
        ("resize", "160x160", {"fit": "cover", "gravity": "entropy"}),
        ("border", "3", {}),
        ("border", "4", {"edges": "mirror"}),
        ("fade", 0.5, {}),
        ("round_corners", 5, {}),
        ("shadow", 5, {}),
        ("pad", "1:1", {"background": "transparent"}),
        ("rotate", 5, {}),
        ("grey", True, {}),
    ],
)
def test_what_ffmpeg_would_do_differently_has_no_filter(
    name: str, value: object, fields: dict[str, object]
) -> None:
    assert make_operation(name, value, **fields).as_filter(SPEC) is None
