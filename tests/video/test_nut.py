"""Raw frames in NUT: read back by ffmpeg's own demuxer."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from imgpar.video.nut import NutHeaders
from imgpar.video.plane_layout import PlaneLayout, load

BASE = Fraction(1, 15360)
LAYOUTS = [
    PlaneLayout("yuv420p", 66, 50, "420"),
    PlaneLayout("yuv444p10le", 32, 30, "444", 10),
    PlaneLayout("yuva420p", 64, 48, "420", 8, True),
    PlaneLayout("gray", 33, 31, ""),
]


def written(layout: PlaneLayout, stamps: list[int]) -> tuple[bytes, list[bytes]]:
    """A stream with a frame of noise at each stamp, and the frames."""
    noise, headers = np.random.default_rng(1), NutHeaders(layout, Fraction(30), BASE)
    frames = [(noise.integers(0, 256, layout.nbytes, np.uint8) & 3).tobytes() for _ in stamps]
    parts = [headers.frame(stamp) + frame for stamp, frame in zip(stamps, frames, strict=True)]
    return b"".join([headers.start, *parts]), frames


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.pixel_format)
def test_every_sample_arrives(layout: PlaneLayout) -> None:
    data, frames = written(layout, [0, 512, 1024])
    room = memoryview(bytearray(layout.nbytes))
    with av.open(io.BytesIO(data), format="nut") as container:
        for frame, sent in zip(container.decode(video=0), frames, strict=True):
            assert frame.format.name == layout.pixel_format
            load(frame, layout.arrays(room))
            assert bytes(room) == sent


def test_stamps_arrive_however_uneven_late_or_early() -> None:
    stamps = [-40, 0, 1, 513, 514, 90_000_000, 1 << 40]
    with av.open(io.BytesIO(written(LAYOUTS[0], stamps)[0]), format="nut") as container:
        assert container.streams.video[0].time_base == BASE
        assert [packet.pts for packet in container.demux(video=0) if packet.size] == stamps


def test_the_rate_is_told() -> None:
    with av.open(io.BytesIO(written(LAYOUTS[0], [0, 512])[0]), format="nut") as container:
        assert container.streams.video[0].base_rate == 30
