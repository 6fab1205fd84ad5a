"""Operations as ffmpeg filters: the same result, or none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from operation_frames import PEAK, film_cube, picture, psnr, run, unit

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
    ("name", "value"),
    [
        ("brightness", 1.3),
        ("gamma", 1.6),
        ("gamma", 0.4),
        ("levels", "20,220"),
        ("levels", "20,220,1.3"),
        ("saturation", 1.6),
        ("sepia", 0.8),
        ("hue", 70),
        ("invert", True),
        ("posterise", 6),
        ("white_balance", 4500),
        ("lut", "film.cube"),
        ("lut", "curves.cube"),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_filter_for_rgb_does_what_the_operation_does(
    name: str, value: object, dtype: str, tmp_path: Path
) -> None:
    (tmp_path / "film.cube").write_text(film_cube(9))
    (tmp_path / "curves.cube").write_text("LUT_1D_SIZE 3\n0 0 .2\n.4 .5 .6\n1 1 .9\n")
    operation = make_operation(name, str(tmp_path / str(value)) if name == "lut" else value)
    src = picture("RGB", dtype, 64, 48)
    written = operation.as_rgb_filter(src.spec)
    if dtype != "uint8" and name in ("brightness", "gamma", "levels", "invert", "posterise", "white_balance"):
        assert written is None  # lutrgb has 8 bits
        return
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24" if dtype == "uint8" else "rgb48le"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *raw, "-s", "64x48", "-i", "-"]
    planar = "gbrp" if dtype == "uint8" else "gbrp12"
    command += ["-vf", f"format={planar},{written},format={raw[-1]}", *raw, "-"]
    done = subprocess.run(command, input=src.array.tobytes(), capture_output=True, check=True)
    theirs = np.frombuffer(done.stdout, dtype).reshape(src.spec.shape)
    assert psnr(theirs / PEAK[dtype], unit(run(operation, src))) >= (48 if dtype == "uint8" else 65)


@pytest.mark.parametrize(
    ("name", "value", "fields"),
    [
        ("saturation", 5, {}),
        ("white_balance", "auto", {}),
        ("lut", "a file.cube", {}),
        ("tint", "teal", {}),
        ("auto_contrast", "1%", {}),
    ],
)
def test_what_ffmpeg_has_no_equal_for_has_no_filter_for_rgb(
    name: str, value: object, fields: dict[str, object]
) -> None:
    assert make_operation(name, value, **fields).as_rgb_filter(SPEC) is None


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
