"""Decoding at a reduced scale: what comes of it against an exact resize of the whole picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from imgpar import Pipeline
from imgpar.batch.picture import planar
from imgpar.core.spec import Spec
from imgpar.formats import codec
from imgpar.formats.jpeg import turbo
from imgpar.pixels import layouts

SIZE = (1001, 777)
"""One more than multiples of eight: an eighth has another row and column that are mostly padding."""


def slopes(orientation: int = 1) -> bytes:
    """A JPEG whose brightness tells where a pixel is; a shift of a tenth of a pixel of the result is seen."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    values = 128 + 60 * np.sin(x / 9) * np.cos(y / 11) + 40 * np.sin((x + y) / 40)
    image = Image.fromarray(np.rint(values).astype(np.uint8)).convert("RGB")
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    image.save(file, "JPEG", quality=98, subsampling=2, exif=exif)
    return file.getvalue()


def apart(data: bytes, made: bytes) -> float:
    """PSNR of the brightness in dB."""
    with Image.open(io.BytesIO(data)) as image, Image.open(io.BytesIO(made)) as result:
        whole = ImageOps.exif_transpose(image).convert("L")
        exact = np.asarray(whole.resize(result.size, Image.Resampling.LANCZOS), np.float64)
        error = np.mean((exact - np.asarray(result.convert("L"), np.float64)) ** 2)
    return float(10 * np.log10(255**2 / error))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_last_column_of_a_scaled_decode_is_padding(orientation: int) -> None:
    data = slopes(orientation)
    made = Pipeline().resize("124").encode(data, to="png")
    assert max(Image.open(io.BytesIO(made)).size) == 124
    assert apart(data, made) > 44


@pytest.mark.parametrize("orientation", range(1, 9))
def test_so_it_is_in_a_crop(orientation: int) -> None:
    data = slopes(orientation)
    made = Pipeline().resize("90x90", fit="cover").encode(data, to="png")
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("L")
    exact = np.asarray(ImageOps.fit(upright, (90, 90), Image.Resampling.LANCZOS), np.float64)
    error = np.mean((exact - np.asarray(Image.open(io.BytesIO(made)).convert("L"), np.float64)) ** 2)
    assert 10 * np.log10(255**2 / error) > 42


@pytest.mark.skipif(turbo.library() is None, reason="libturbojpeg is not installed")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_so_it_is_on_planes(orientation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planar, "LEAST", 1)
    data = slopes(orientation)
    assert apart(data, Pipeline().resize("124").encode(data, to="jpg", quality=100, subsampling="420")) > 42


@pytest.mark.parametrize(("size", "scale"), [(256, 4), (250, 8), (251, 4), (666, 4), (667, 2), (1400, 1)])
def test_an_eighth_needs_twice_the_pixels(size: int, scale: int) -> None:
    assert codec.decode_scale("jpeg", Spec(4000, 3000), size, size * 3 // 4) == scale


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_part_of_a_picture_is_turned_with_it(orientation: int) -> None:
    stored = Spec(5, 4)
    frame = np.zeros((4, 5, 1), np.uint8)
    frame[:3, :4] = 1
    upright = layouts.oriented(stored, orientation)
    left, top, right, bottom = layouts.oriented_box((0.0, 0.0, 4.0, 3.0), stored, orientation)
    turned = ImageOps.exif_transpose(_tagged(frame[..., 0], orientation))
    seen = np.asarray(turned)
    assert seen.shape == (upright.height, upright.width)
    assert seen[int(top) : int(bottom), int(left) : int(right)].all()
    assert seen.sum() == (right - left) * (bottom - top)


def _tagged(array: np.ndarray, orientation: int) -> Image.Image:
    image = Image.fromarray(array)
    image.getexif()[0x0112] = orientation
    return image
