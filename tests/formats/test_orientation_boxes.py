"""AVIF and HEIC say in boxes (irot, imir) how pixels are to be turned: every way, against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from codec_pictures import read, saved
from conftest import make_photo
from PIL import Image

from imgpar import Pipeline
from imgpar.core.spec import Frame
from imgpar.pixels.layouts import orient, oriented

UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}
BOXES = {
    1: set(), 2: {b"imir"}, 3: {b"irot"}, 4: {b"imir"}, 5: {b"irot", b"imir"}, 6: {b"irot"},
    7: {b"irot", b"imir"}, 8: {b"irot"},
}  # fmt: skip
"""By the tables of MIAF and libavif; a half turn may be said with either."""


def turned_file(name: str, orientation: int) -> bytes:
    """Pixels as a sensor has them, with the boxes that make them upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "exif": exif.tobytes()}
    if name == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    return saved(Image.fromarray(make_photo(64, 48)), name, **options)


@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_comes_upright(name: str, orientation: int) -> None:
    data = turned_file(name, orientation)
    if orientation != 1:
        assert {box for box in (b"irot", b"imir") if box in data} & BOXES[orientation]
    header, (pixels,) = read(data)
    spec = oriented(header.spec, header.orientation)
    upright = Frame(spec, np.empty(spec.shape, spec.dtype))
    orient(Frame(header.spec, pixels), upright, orientation=header.orientation)
    expected = UPRIGHT[orientation](make_photo(64, 48)).astype(int)
    assert upright.array.shape[:2] == expected.shape[:2]
    assert np.abs(upright.array[..., :3] - expected).mean() < 3


@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", [6, 7])
def test_it_is_turned_once_only(name: str, orientation: int) -> None:
    result = Pipeline().encode(turned_file(name, orientation), to="png")
    again = Pipeline().encode(result, to="png")
    expected = UPRIGHT[orientation](make_photo(64, 48)).astype(int)
    for data in (result, again):
        header, (pixels,) = read(data)
        assert header.orientation == 1
        assert np.abs(pixels[..., :3] - expected).mean() < 3
