"""Specs of frames and what metadata hold, by arithmetic."""

from __future__ import annotations

import pytest

from imgpar.core.blocks import Icc, Xmp
from imgpar.core.spec import FrameRef, Metadata, Spec


@pytest.mark.parametrize(
    ("layout", "channels", "alpha", "grey", "planar"),
    [
        ("L", 1, False, True, False),
        ("LA", 2, True, True, False),
        ("RGB", 3, False, False, False),
        ("RGBX", 4, False, False, False),
        ("RGBA", 4, True, False, False),
        ("CMYK", 4, False, False, False),
        ("YCC420", 1, False, False, True),
        ("YCC444", 1, False, False, True),
    ],
)
def test_layouts(layout: str, channels: int, alpha: bool, grey: bool, planar: bool) -> None:
    spec = Spec(5, 3, layout)  # type: ignore[arg-type]
    assert (spec.channels, spec.alpha, spec.grey, spec.planar) == (channels, alpha, grey, planar)
    if not planar:
        assert spec.shape == (3, 5, channels)


@pytest.mark.parametrize(("dtype", "size"), [("uint8", 1), ("uint16", 2), ("float32", 4)])
def test_bytes_of_a_frame(dtype: str, size: int) -> None:
    assert Spec(5, 3, "RGB", dtype).nbytes == 45 * size
    assert FrameRef(7, Spec(5, 3, "RGB", dtype), 4).nbytes == 180 * size


@pytest.mark.parametrize(
    ("layout", "luma", "chroma"),
    [
        # 33 × 17 pixels; rows are multiples of 16 bytes, and chroma samples are whole.
        ("YCC420", (18, 48), (9, 64)),
        ("YCC422", (17, 48), (17, 64)),
        ("YCC440", (18, 48), (9, 96)),
        ("YCC411", (17, 48), (17, 32)),
        ("YCC444", (17, 48), (17, 96)),
    ],
)
def test_planes(layout: str, luma: tuple[int, int], chroma: tuple[int, int]) -> None:
    spec = Spec(33, 17, layout)  # type: ignore[arg-type]
    assert spec.rooms == (luma, chroma)
    assert spec.shape == (luma[0] * luma[1] + chroma[0] * chroma[1], 1, 1)
    assert spec.nbytes == spec.shape[0]


def test_another_size_or_format() -> None:
    spec = Spec(5, 3, "LA", "uint16")
    assert spec.resized(8, 9) == Spec(8, 9, "LA", "uint16")
    assert spec.converted("RGB") == Spec(5, 3, "RGB", "uint16")
    assert spec.converted("RGB", "uint8") == Spec(5, 3, "RGB", "uint8")
    assert spec.size == (5, 3)


BLOCKS = ("icc", "exif", "xmp", "comment", "iptc", "gain_map")


@pytest.mark.parametrize("kind", BLOCKS)
def test_a_block_counts_with_its_bytes(kind: str) -> None:
    metadata = Metadata(**{kind: b"12345"})
    assert metadata.nbytes == 261
    assert not metadata.bare


def test_numbers_alone_are_bare() -> None:
    metadata = Metadata(dpi=(300, 300), durations=(40, 40, 40), loop=2)
    assert metadata.bare
    assert metadata.nbytes == 256 + 24
    assert Metadata().bare


@pytest.mark.parametrize("facts", [{"cicp": (9, 16)}, {"text": ((b"tEXt", b"a"),)}, {"pages": (Metadata(),)}])
def test_what_is_not_bare(facts: dict[str, object]) -> None:
    assert not Metadata(**facts).bare  # type: ignore[arg-type]


def test_pages_count_with_theirs() -> None:
    assert Metadata(xmp=Xmp(b"123"), pages=(Metadata(icc=Icc(b"1")), Metadata())).nbytes == 259 + 257 + 256
