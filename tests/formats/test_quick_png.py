"""PNG, read and written by the quick libraries: the same pixels as by the others, and the same refusals."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from conftest import make_photo
from PIL import Image

from imgpar.core.errors import DamagedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats import base, codec
from imgpar.formats.backends import pillow
from imgpar.formats.options import EncodeOptions
from imgpar.formats.png import filtered, quick, writer
from imgpar.formats.png.chunks import SIGNATURE, build_chunk
from imgpar.formats.registry import find_format

LAYOUTS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
TYPES = {"L": 0, "RGB": 2, "RGBA": 6}


def pixels(layout: str, dtype: str = "uint8", size: tuple[int, int] = (97, 61)) -> np.ndarray:
    """H×W×C with gradients and noise in every channel."""
    photo = make_photo(*size, seed=3)
    four = np.concatenate([photo, photo[..., ::-1][..., :1] // 2 + 60], axis=-1)
    wanted = four[..., {"L": [0], "LA": [0, 3], "RGB": [0, 1, 2], "RGBA": [0, 1, 2, 3]}[layout]]
    deep = wanted.astype(np.uint16) * 257 + np.arange(wanted.size, dtype=np.uint16).reshape(wanted.shape) % 97
    return np.ascontiguousarray(deep if dtype == "uint16" else wanted)


def by_libpng(array: np.ndarray) -> bytes:
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[array.shape[2]]
    return cv2.imencode(".png", np.ascontiguousarray(array[..., order]))[1].tobytes()


def read(data: bytes) -> np.ndarray:
    header = codec.read_header(data, "a.png", Limits())
    frame = Frame(header.spec, np.full(header.spec.shape, 77, header.spec.dtype))
    codec.decode(data, header, [frame])
    return frame.array


def written(array: np.ndarray, layout: str, **options: int) -> bytes:
    frame = Frame(Spec(array.shape[1], array.shape[0], layout, array.dtype.name), array)  # type: ignore[arg-type]
    made = writer.encode([frame], find_format("png"), Metadata(), EncodeOptions(**options))  # type: ignore[arg-type]
    return bytes(made.data)


def interlaced() -> bytes:
    """Adam7 with one row and one column a pass: 8×8 grey."""
    grid = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    array = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
    rows = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in grid for row in array[y::dy, x::dx])
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1)
    return b"".join(
        (
            SIGNATURE,
            build_chunk(b"IHDR", head),
            build_chunk(b"IDAT", zlib.compress(rows)),
            build_chunk(b"IEND", b""),
        )
    )


@pytest.fixture
def without_quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where neither package is installed."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "kornia_rs", None)
        patch.setitem(sys.modules, "deflate", None)
        base.loadable.cache_clear()
        quick._function.cache_clear()
        yield
    base.loadable.cache_clear()
    quick._function.cache_clear()


needs_quick = pytest.mark.skipif(not base.loadable("kornia_rs"), reason="kornia_rs has no wheel here")


@needs_quick
class TestQuickReading:
    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    @pytest.mark.parametrize("layout", TYPES)
    def test_it_returns_the_pixels(self, layout: str, dtype: str) -> None:
        array = pixels(layout, dtype)
        frame = Frame(Spec(97, 61, layout, dtype), np.zeros_like(array))  # type: ignore[arg-type]
        assert quick.decode(by_libpng(array), TYPES[layout], frame)
        assert np.array_equal(frame.array, array)

    def test_colours_get_their_padding(self) -> None:
        array = pixels("RGB")
        frame = Frame(Spec(97, 61, "RGBX"), np.zeros((61, 97, 4), np.uint8))
        assert quick.decode(by_libpng(array), 2, frame)
        assert np.array_equal(frame.array[..., :3], array)

    def test_interlaced_rows_are_in_their_places(self) -> None:
        frame = Frame(Spec(8, 8, "L"), np.zeros((8, 8, 1), np.uint8))
        assert quick.decode(interlaced(), 0, frame)
        assert frame.array.ravel().tolist() == [value * 3 for value in range(64)]

    def test_a_palette_is_left_to_the_others(self) -> None:
        sink = io.BytesIO()
        Image.fromarray(make_photo()).quantize(16).save(sink, "PNG")
        frame = Frame(Spec(96, 64, "RGBX"), np.zeros((64, 96, 4), np.uint8))
        assert not quick.decode(sink.getvalue(), 3, frame)

    @pytest.mark.parametrize("lost", [100, 2000])
    def test_a_truncated_stream_is_left_to_the_others(self, lost: int) -> None:
        frame = Frame(Spec(97, 61, "RGBX"), np.zeros((61, 97, 4), np.uint8))
        assert not quick.decode(by_libpng(pixels("RGB"))[:-lost], 2, frame)


class TestReading:
    @pytest.mark.parametrize("kind", ["transparent", "palette", "clear palette", "two bits"])
    def test_a_rare_kind_is_read_as_without_the_quick_decoder(
        self, kind: str, without_quick: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sink, photo = io.BytesIO(), Image.fromarray(make_photo())
        if kind == "transparent":
            photo.save(sink, "PNG", transparency=photo.getpixel((5, 5)))
        elif kind == "two bits":
            photo.convert("L").quantize(4).save(sink, "PNG", bits=2)
        else:
            clear = {"transparency": 3} if kind == "clear palette" else {}
            photo.quantize(16).save(sink, "PNG", **clear)
        slowly = read(sink.getvalue())
        monkeypatch.undo()
        base.loadable.cache_clear()
        assert np.array_equal(read(sink.getvalue()), slowly)

    @pytest.mark.parametrize("layout", ["L", "RGB", "RGBA"])
    def test_without_the_package_the_pixels_are_the_same(self, layout: str, without_quick: None) -> None:
        array = pixels(layout)
        assert np.array_equal(read(by_libpng(array))[..., : array.shape[2]], array)

    def test_a_file_without_pixels_is_damaged(self) -> None:
        head = build_chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0))
        with pytest.raises(DamagedError):
            read(SIGNATURE + head + build_chunk(b"IEND", b""))

    def test_a_missing_row_is_damage(self) -> None:
        array = pixels("RGB", size=(40, 30))
        rows = b"".join(b"\0" + row.tobytes() for row in array)[:-1]
        head = build_chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0))
        data = SIGNATURE + head + build_chunk(b"IDAT", zlib.compress(rows)) + build_chunk(b"IEND", b"")
        with pytest.raises(DamagedError):
            read(data)


class TestIntoTheFrame:
    @pytest.mark.parametrize(
        ("name", "mode"), [("BMP", "RGB"), ("TIFF", "RGBA"), ("PNG", "L"), ("PNG", "RGB")]
    )
    def test_pillow_decodes_without_a_copy(self, name: str, mode: str, without_quick: None) -> None:
        image, sink = Image.fromarray(make_photo()).convert(mode), io.BytesIO()
        image.save(sink, name)
        layout = "RGBX" if mode == "RGB" else mode
        frame = Frame(Spec(96, 64, layout), np.zeros((64, 96, LAYOUTS.get(mode, 1)), np.uint8))  # type: ignore[arg-type]
        if mode == "RGB":
            frame = frame._replace(array=np.zeros((64, 96, 4), np.uint8))
        opened = pillow.open_image(sink.getvalue(), find_format(name.lower()))
        assert pillow._stored_directly(opened, frame)
        assert np.array_equal(frame.array[..., : len(mode)], np.asarray(image).reshape(64, 96, -1))

    def test_the_first_frame_of_an_animation_stays_what_it_is(self) -> None:
        images = [Image.fromarray(make_photo(seed=seed)).convert("RGBA") for seed in (1, 2)]
        sink = io.BytesIO()
        images[0].save(sink, "PNG", save_all=True, append_images=images[1:])
        header = codec.read_header(sink.getvalue(), "a.png", Limits())
        frames = [Frame(header.spec, np.zeros(header.spec.shape, np.uint8)) for _ in images]
        codec.decode(sink.getvalue(), header, frames)
        for frame, image in zip(frames, images, strict=True):
            assert np.array_equal(frame.array[..., :3], np.asarray(image)[..., :3])


class TestWriting:
    @pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (97, 61), (30011, 4)])
    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_every_pixel_comes_back(self, layout: str, dtype: str, size: tuple[int, int]) -> None:
        array = pixels(layout, dtype, size)
        found = cv2.imdecode(np.frombuffer(written(array, layout), np.uint8), cv2.IMREAD_UNCHANGED)
        found = found.reshape(*array.shape[:2], -1)
        order = {"L": [0], "LA": [0, 3], "RGB": [2, 1, 0], "RGBA": [2, 1, 0, 3]}[layout]
        assert found.dtype == array.dtype
        assert np.array_equal(found[..., order], array)

    def test_padding_is_not_stored(self) -> None:
        array = pixels("RGBA")
        with Image.open(io.BytesIO(written(array, "RGBX"))) as image:
            assert image.mode == "RGB"
            assert np.array_equal(np.asarray(image), array[..., :3])

    def test_each_row_has_the_filter_nearest_to_zero(self) -> None:
        array = np.zeros((5, 64, 1), np.uint8)
        array[1] = 7  # one value: as on the left, but for the first pixel
        array[2] = array[3] = np.random.default_rng(0).integers(0, 256, (64, 1))  # twice: as above
        lines = filtered.filtered(array)
        assert lines[1, 0] == 1
        assert lines[3, 0] == 2
        assert not lines[3, 1:].any()

    def test_it_is_smaller_than_by_libpng(self) -> None:
        array = make_photo(640, 400, seed=5)
        assert len(written(array, "RGB")) < len(by_libpng(array))

    def test_more_effort_makes_it_smaller(self) -> None:
        array = make_photo(320, 200, seed=6)
        sizes = [len(written(array, "RGB", effort=effort)) for effort in (0, 4, 9)]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[2] < sizes[0]

    def test_without_the_package_zlib_packs_it(self, without_quick: None) -> None:
        array = pixels("RGB")
        with Image.open(io.BytesIO(written(array, "RGB", effort=10))) as image:
            assert np.array_equal(np.asarray(image), array)
