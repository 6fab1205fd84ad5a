"""WebP, read by libwebp itself: the pixels that Pillow returns, and what is left to Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from conftest import make_photo
from PIL import Image

from imgpar.core.errors import DamagedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Spec
from imgpar.formats import codec
from imgpar.formats.backends import libwebp

needs_library = pytest.mark.skipif(
    libwebp.webp_library() is None, reason="no wheel has libwebp as a file here"
)


def picture(*, alpha: bool, size: tuple[int, int] = (97, 61)) -> Image.Image:
    image = Image.fromarray(make_photo(*size, seed=4))
    if alpha:
        ramp = np.linspace(0, 255, size[0]).astype(np.uint8)
        image.putalpha(Image.fromarray(np.broadcast_to(ramp, size[::-1]).copy()))
    return image


def saved(image: Image.Image, **options: object) -> bytes:
    sink = io.BytesIO()
    image.save(sink, "WEBP", **options)
    return sink.getvalue()


def frame_for(alpha: bool, size: tuple[int, int] = (97, 61)) -> Frame:
    spec = Spec(*size, "RGBA" if alpha else "RGBX")
    return Frame(spec, np.full(spec.shape, 77, np.uint8))


def read(data: bytes) -> np.ndarray:
    header = codec.read_header(data, "a.webp", Limits())
    frame = Frame(header.spec, np.zeros(header.spec.shape, np.uint8))
    codec.decode(data, header, [frame])
    return frame.array


@needs_library
@pytest.mark.parametrize("options", [{"quality": 80}, {"lossless": True}, {"lossless": True, "exact": True}])
@pytest.mark.parametrize("alpha", [False, True])
def test_the_pixels_are_those_of_pillow(alpha: bool, options: dict[str, object]) -> None:
    data, frame = saved(picture(alpha=alpha), **options), frame_for(alpha)
    assert libwebp.decode(data, frame)
    with Image.open(io.BytesIO(data)) as image:
        wanted = np.asarray(image.convert("RGBA" if alpha else "RGB"))
    assert np.array_equal(frame.array[..., : wanted.shape[2]], wanted)


@needs_library
def test_padding_is_set() -> None:
    frame = frame_for(False)
    assert libwebp.decode(saved(picture(alpha=False)), frame)
    assert (frame.array[..., 3] == 255).all()


@needs_library
def test_a_frame_of_another_size_is_not_written_to() -> None:
    frame = frame_for(False, (96, 61))
    assert not libwebp.decode(saved(picture(alpha=False)), frame)
    assert (frame.array == 77).all()


@needs_library
def test_an_animation_is_left_to_pillow() -> None:
    image = picture(alpha=False)
    data = saved(image, save_all=True, append_images=[image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    assert not libwebp.decode(data, frame_for(False))


@pytest.mark.parametrize("options", [{"quality": 80}, {"lossless": True}])
def test_a_truncated_file_is_damaged(options: dict[str, object]) -> None:
    data = saved(picture(alpha=False), **options)
    short = bytearray(data[: len(data) // 2])
    short[4:8] = (len(short) - 8).to_bytes(4, "little")
    with pytest.raises(DamagedError):
        read(bytes(short))


def test_without_the_library_pillow_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libwebp, "webp_library", lambda: None)
    data = saved(picture(alpha=True), lossless=True)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(read(data), np.asarray(image))
