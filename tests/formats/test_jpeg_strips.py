"""JPEGs with restart markers, decoded in strips by several threads: the same planes as the whole."""

from __future__ import annotations

import io
from itertools import product

import numpy as np
import pytest
from PIL import Image

from imgpar.core.errors import DamagedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame
from imgpar.core.threads import on_cores
from imgpar.formats import codec
from imgpar.formats.base import detail_of
from imgpar.formats.jpeg import strips, turbo
from imgpar.formats.jpeg.detail import JpegDetail

pytestmark = pytest.mark.skipif(turbo.library() is None, reason="libturbojpeg is not installed")

SAMPLINGS = {"444": 0, "422": 1, "420": 2}
"""As Pillow numbers them."""
NOISE = np.random.default_rng(7)


def jpeg(width: int = 333, height: int = 507, sampling: str = "420", **options: object) -> bytes:
    pixels = NOISE.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), np.uint8)
    sink = io.BytesIO()
    picture = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    picture.save(sink, "JPEG", quality=92, subsampling=SAMPLINGS[sampling], **options)
    return sink.getvalue()


def pieces(data: bytes, count: int = 4) -> list[strips.Strip]:
    return strips.cut(data, detail_of(codec.read_header(data, "a.jpg", Limits()), JpegDetail).frame, count)


def decoded(data: bytes, cores: int, scale: int = 1) -> bytes:
    header = codec.at_scale(codec.read_header(data, "a.jpg", Limits()), scale)
    layout = f"YCC{detail_of(header, JpegDetail).frame.subsampling}"
    header = header._replace(spec=header.spec.converted(layout))  # type: ignore[arg-type]
    frame = Frame(header.spec, np.full(header.spec.shape, 99, np.uint8))
    with on_cores(cores):
        codec.decode(data, header, [frame])
    return frame.array.tobytes()


@pytest.mark.parametrize(("sampling", "scale", "cores"), list(product(SAMPLINGS, (1, 2, 4, 8), (2, 5))))
def test_strips_are_decoded_to_the_planes_of_the_whole(sampling: str, scale: int, cores: int) -> None:
    data = jpeg(sampling=sampling, restart_marker_rows=1)
    assert len(pieces(data, cores)) > 1
    assert decoded(data, cores, scale) == decoded(data, 1, scale)


@pytest.mark.parametrize("size", [(16, 512), (17, 511), (640, 769), (1001, 1203)])
def test_so_are_those_of_other_sizes(size: tuple[int, int]) -> None:
    data = jpeg(*size, restart_marker_rows=1)
    assert decoded(data, 3) == decoded(data, 1)


@pytest.mark.parametrize("blocks", [1, 3, 7, 21, 42])
def test_markers_may_stand_anywhere_in_a_row(blocks: int) -> None:
    data = jpeg(336, 1024, restart_marker_blocks=blocks)
    assert len(pieces(data, 2)) == 2
    assert decoded(data, 2) == decoded(data, 1)


def test_strips_go_on_for_a_row_of_blocks() -> None:
    made = pieces(jpeg(restart_marker_rows=1))
    assert [strip.top + 16 for strip in made[1:]] == [strip.top + strip.rows for strip in made[:-1]]


@pytest.mark.parametrize("superfluous", [b"\x00", b"\x55\x01", b"\xff\x00\x7f\x00\x00"])
def test_superfluous_bytes_between_two_strips_are_noticed(superfluous: bytes) -> None:
    data = jpeg(restart_marker_rows=1)
    at = data.index(b"\xff\xd7", data.index(b"\xff\xda"))
    data = data[:at] + superfluous + data[at:]
    assert len(pieces(data)) > 1
    assert decoded(data, 4) == decoded(data, 1)


def test_the_last_strip_ends_with_the_picture() -> None:
    last = pieces(jpeg(restart_marker_rows=1))[-1]
    assert last.top + last.rows == 507


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True, "restart_marker_rows": 1},
        {"restart_marker_blocks": 100_000 // 2},
        {"restart_marker_blocks": 5},
    ],
    ids=["none", "progressive", "none reached", "never at the end of a row"],
)
def test_what_cannot_be_cut_is_decoded_as_a_whole(options: dict[str, object]) -> None:
    assert pieces(jpeg(333, 507, **options)) == []


def damaged_markers(data: bytes) -> dict[str, bytes]:
    at = data.index(b"\xff\xd3", data.index(b"\xff\xda"))
    return {
        "missing": data[:at] + data[at + 2 :],
        "wrong number": data[:at] + b"\xff\xd5" + data[at + 2 :],
        "truncated": data[: at + 40],
        "no end": data[:-2],
        "another marker": data[:at] + b"\xff\xfe" + data[at + 2 :],
        "twice": data[:at] + b"\xff\xd3" + data[at:],
        "none": data[: data.index(b"\xff\xd0", data.index(b"\xff\xda"))],
    }


@pytest.mark.parametrize(
    "kind", ["missing", "wrong number", "truncated", "no end", "another marker", "twice", "none"]
)
def test_damaged_markers_are_left_to_the_whole(kind: str) -> None:
    assert pieces(damaged_markers(jpeg(restart_marker_rows=1))[kind]) == []


def test_a_damaged_strip_is_reported_like_the_whole() -> None:
    data = bytearray(jpeg(restart_marker_rows=1))
    at = data.index(b"\xff\xd2", data.index(b"\xff\xda"))
    data[at - 30 : at - 2] = bytes(28)
    messages = []
    for cores in (1, 3):
        try:
            messages.append(decoded(bytes(data), cores).hex()[:200])
        except Exception as error:
            messages.append(str(error))
    assert messages[0] == messages[1]


def test_a_damaged_header_changes_nothing_about_the_next_picture() -> None:
    data = jpeg()
    tables = data.index(b"\xff\xc4")
    damaged = data[: tables + 5] + b"\xff" * 16 + data[tables + 21 :]
    before = decoded(data, 1)
    with pytest.raises(DamagedError):
        decoded(damaged, 1)
    assert decoded(data, 1) == before
