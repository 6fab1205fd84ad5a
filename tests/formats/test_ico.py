"""ICO: sizes of one picture, checked with Pillow and by their bytes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from codec_pictures import saved
from PIL import Image

from imgpar import Pipeline
from imgpar.core.errors import BadValueError
from imgpar.formats.option_values import icon_sizes


def icon(image: Image.Image, **settings: object) -> bytes:
    return Pipeline().encode(saved(image, "PNG"), to="ico", **settings)  # type: ignore[arg-type]


def entries(data: bytes) -> list[tuple[int, bytes]]:
    """Width and body of each entry."""
    reserved, kind, count = struct.unpack_from("<HHH", data)
    assert (reserved, kind) == (0, 1)
    found = []
    for number in range(count):
        width, _, _, _, planes, bits, size, at = struct.unpack_from("<BBBBHHII", data, 6 + 16 * number)
        assert (planes, bits) == (1, 32)
        assert at + size <= len(data)
        found.append((width or 256, data[at : at + size]))
    return found


def at_size(data: bytes, side: int) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    image.size = (side, side)
    image.load()
    return np.asarray(image.convert("RGBA")).astype(int)


def gradient(side: int, alpha: int = 255) -> Image.Image:
    values = np.linspace(0, 255, side).astype(np.uint8)
    array = np.empty((side, side, 4), np.uint8)
    array[..., 0], array[..., 1], array[..., 2], array[..., 3] = values, values[:, None], 90, alpha
    return Image.fromarray(array, "RGBA")


def test_the_usual_sizes_are_made_of_one_picture():
    data = icon(gradient(600))
    assert [width for width, _ in entries(data)] == [16, 32, 48, 256]
    assert [body[:4] == b"\x89PNG" for _, body in entries(data)] == [False, False, False, True]


@pytest.mark.parametrize("side", [16, 48, 256])
def test_each_size_is_the_picture_scaled(side):
    found = at_size(icon(gradient(512)), side)
    wanted = np.asarray(gradient(512).resize((side, side), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(found - wanted).max() <= 3


def test_transparency_is_kept_and_its_mask_is_set():
    image = gradient(32)
    image.paste((0, 0, 0, 0), (0, 0, 32, 7))
    data = icon(image, icon_sizes=32)
    assert (at_size(data, 32)[..., 3] == np.asarray(image)[..., 3]).all()
    body = entries(data)[0][1]
    mask = np.unpackbits(np.frombuffer(body[-32 * 4 :], np.uint8).reshape(32, 4), axis=1)[::-1]
    assert (mask.astype(bool) == (np.asarray(image)[..., 3] == 0)).all()


@pytest.mark.parametrize("size", [(64, 20), (20, 64), (33, 5)])
def test_other_shapes_are_centred_in_a_square(size):
    found = at_size(icon(Image.new("RGB", size, (200, 10, 10)), icon_sizes=16), 16)
    assert tuple(found[8, 8]) == (200, 10, 10, 255)
    corner = found[0, 0]
    assert corner[3] == 0


def test_it_is_never_enlarged():
    assert [width for width, _ in entries(icon(gradient(40)))] == [16, 32]
    assert [width for width, _ in entries(icon(gradient(7)))] == [7]


def test_sizes_that_are_left_out_are_named(tmp_path):
    (tmp_path / "a.png").write_bytes(saved(gradient(40), "PNG"))
    import imgpar

    report = imgpar.convert(tmp_path / "a.png", tmp_path / "a.ico", icon_sizes="16,64", jobs=1)
    assert report.items[0].notes == ("sizes above 40 pixels are left out: it is not enlarged",)


def test_deep_and_grey_pictures_become_icons():
    deep = Image.fromarray(np.full((20, 20), 40_000, np.uint16))
    assert tuple(at_size(icon(deep), 16)[5, 5]) == (156, 156, 156, 255)


def test_an_icon_that_nothing_changes_is_a_copy():
    data = icon(gradient(64))
    assert Pipeline().encode(data, name="a.ico") == data
    assert [width for width, _ in entries(Pipeline().encode(data, name="a.ico", icon_sizes="16"))] == [16]


@pytest.mark.parametrize("value", ["0", "257", "", "16,x", True, "16;32"])
def test_wrong_sizes_are_refused(value):
    with pytest.raises(BadValueError, match="1 to 256 pixels"):
        icon_sizes(value)
