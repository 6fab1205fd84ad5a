"""Look-up tables of .cube files against ffmpeg, and files that are none."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, film_cube, picture, psnr, run, unit
from PIL import Image

from imgpar import Pipeline, UsageError
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.pixels.cube import parse_cube
from imgpar.recipe.tables import make_operation

CURVES = "LUT_1D_SIZE 5\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 0.5 1\n0 0 0.1\n.1 .3 .2\n.4 .5 .5\n.8 .7 .9\n1 1 1\n"


def in_ffmpeg(src: Frame, written: str) -> np.ndarray:
    """What a filter of ffmpeg makes of 16 bits."""
    form = ["-f", "rawvideo", "-pix_fmt", "rgb48le"]
    size = ["-s", f"{src.spec.width}x{src.spec.height}"]
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        *form,
        *size,
        "-i",
        "-",
        "-vf",
        written,
        *form,
        "-",
    ]
    done = subprocess.run(command, input=src.array.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint16).reshape(src.spec.shape) / 65535


@pytest.mark.parametrize("side", [2, 9, 33])
def test_a_cube_is_applied_as_by_ffmpeg(tmp_path: Path, side: int) -> None:
    path = tmp_path / "film.cube"
    path.write_text(film_cube(side))
    src = picture("RGB", "uint16")
    expected = in_ffmpeg(src, f"lut3d=file={path}:interp=trilinear")
    for dtype in DTYPES:
        made = run(make_operation("lut", str(path)), picture("RGB", dtype))
        assert psnr(unit(made), expected) >= (55 if dtype == "uint8" else 75)


def test_a_domain_is_applied_as_by_ffmpeg(tmp_path: Path) -> None:
    path = tmp_path / "film.cube"
    path.write_text(film_cube(5).replace("SIZE 5\n", "SIZE 5\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1.3 2 1\n"))
    src = picture("RGB", "uint16")
    expected = in_ffmpeg(src, f"lut3d=file={path}:interp=trilinear")
    for dtype in ("uint8", "uint16"):
        assert psnr(unit(run(make_operation("lut", str(path)), picture("RGB", dtype))), expected) >= 55


def test_curves_are_applied_as_by_ffmpeg(tmp_path: Path) -> None:
    path = tmp_path / "curves.cube"
    path.write_text(CURVES.replace("1 0.5 1", "1 1 1"))
    src = picture("RGB", "uint16")
    expected = in_ffmpeg(src, f"lut1d=file={path}:interp=linear")
    assert psnr(unit(run(make_operation("lut", str(path)), src)), expected) >= 75


def test_curves_have_a_domain_of_their_own_for_each_channel(tmp_path: Path) -> None:
    path = tmp_path / "curves.cube"
    path.write_text(CURVES)
    src = picture("RGB", "float32")
    made = run(make_operation("lut", str(path)), src).array
    table = np.array([[0, 0, 0.1], [0.1, 0.3, 0.2], [0.4, 0.5, 0.5], [0.8, 0.7, 0.9], [1, 1, 1]])
    for channel, end in enumerate((1, 0.5, 1)):
        expected = np.interp(src.array[..., channel], np.linspace(0, end, 5), table[:, channel])
        np.testing.assert_allclose(made[..., channel], expected, atol=1e-5)


def test_curves_before_a_cube(tmp_path: Path) -> None:
    corners = "\n".join(f"{1 - r} {g} {b}" for b in (0, 1) for g in (0, 1) for r in (0, 1))
    head = "LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE 0 2\nLUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 1\n"
    (tmp_path / "a.cube").write_text(f"{head}0 0 0\n1 1 1\n{corners}\n")
    src = picture("RGB", "float32")
    made = run(make_operation("lut", str(tmp_path / "a.cube")), src).array
    np.testing.assert_allclose(made[..., 0], 1 - src.array[..., 0] / 2, atol=1e-5)
    np.testing.assert_allclose(made[..., 1:], src.array[..., 1:] / 2, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_half_the_strength_is_half_way(tmp_path: Path, dtype: str) -> None:
    path = str(tmp_path / "film.cube")
    Path(path).write_text(film_cube(9))
    src = picture("RGB", dtype)
    full, half = (unit(run(make_operation("lut", path, strength=share), src)) for share in (1, 0.5))
    np.testing.assert_allclose(half, (unit(src) + full) / 2, atol=1.1 / 255 if dtype == "uint8" else 1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_grey_gets_colours_only_from_a_table_that_gives_them(tmp_path: Path, layout: Layout) -> None:
    (tmp_path / "film.cube").write_text(film_cube(5))
    (tmp_path / "grey.cube").write_text("LUT_1D_SIZE 2\n1 1 1\n0 0 0\n")
    spec = Spec(3, 2, layout)
    coloured = make_operation("lut", str(tmp_path / "film.cube")).plan(spec)
    plain = make_operation("lut", str(tmp_path / "grey.cube")).plan(spec)
    assert (coloured.grey, plain) == (False, spec)


def test_another_table_under_the_same_name_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.cube"
    data = io.BytesIO()
    Image.new("L", (2, 2), 200).save(data, "PNG")
    pipe = Pipeline().lut(path)
    keys = set()
    for text, value in (("LUT_1D_SIZE 2\n1 1 1\n0 0 0\n", 55), ("LUT_1D_SIZE 2\n0 0 0\n.5 .5 .5\n", 100)):
        path.write_text(text)
        keys.add(pipe.recipe.key())
        assert Image.open(io.BytesIO(pipe.encode(data.getvalue()))).getpixel((0, 0)) == value
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has neither LUT_1D_SIZE nor LUT_3D_SIZE"),
        ("LUT_3D_SIZE 3\n0 0 0\n", "it has 1 entries instead of 27"),
        ("LUT_3D_SIZE 2\n" + "0 0\n" * 12, "'0 0' is not a line of such a file"),
        ("LUT_3D_SIZE 1000\n", "LUT_3D_SIZE is 1000 instead of 2 to 129"),
        ("LUT_1D_SIZE x\n", "LUT_1D_SIZE is x instead of 2 to 65536"),
        ("LUT_1D_SIZE 2\n0 0 0\nnan 1 1\n", "'nan 1 1' is not a line of such a file"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 1 1e99\n", "an entry is not finite"),
        ("LUT_1D_SIZE 2\nDOMAIN_MAX 0 1 1\n0 0 0\n1 1 1\n", "its input range"),
        ("LUT_1D_SIZE 2\n0 0 0\n1_0 0 0\n", "'1_0 0 0' is not a line of such a file"),
        ("LUT_1D_SIZE 2\nDOMAIN_MAX 1_0 1 1\n0 0 0\n1 1 1\n", "its input range"),
        ("hello", "'hello' is not a line of such a file"),
        ("\0\1", "it is not text"),
    ],
)
def test_what_is_no_table_is_one_sentence_before_the_run(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.cube"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"The look-up table .*bad\.cube cannot be read: ") as caught:
        Pipeline().lut(path).run(tmp_path, tmp_path / "out")
    assert said in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_missing_table_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.cube.* cannot be read: No such file"):
        Pipeline().lut(tmp_path / "no.cube").run(tmp_path, tmp_path / "out")


def test_comments_blank_lines_and_a_byte_order_mark_are_read() -> None:
    found = parse_cube(
        '\ufeff# made by hand\r\nTITLE "a # b"\r\n\r\nlut_1d_size 2 # two\r\n0 0 0 \r\n\t1 1 1'
    )
    assert found.curves is not None
    assert found.curves.entries.shape == (2, 3)
