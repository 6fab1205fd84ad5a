"""Scaling of planes: wherever the rows lie, the same picture comes out."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from imgpar.video.plane_layout import PlaneLayout, load
from imgpar.video.scaling import Scaler

SIZES = [(128, 96), (130, 98), (3026, 186), (322, 242)]


def frame_of(layout: PlaneLayout) -> tuple[Any, list[np.ndarray]]:
    """A decoder's frame with noise and a slope in it, and its planes in plain memory."""
    noise = np.random.default_rng(2)
    planes = layout.arrays(memoryview(bytearray(layout.nbytes)))
    frame: Any = av.VideoFrame(layout.width, layout.height, layout.pixel_format)
    for plane, room in zip(planes, frame.planes, strict=True):
        slope = np.linspace(40, 200, plane.shape[1])[None]
        plane[...] = slope + noise.integers(0, 30, plane.shape)
        row = np.frombuffer(room, np.uint8).reshape(plane.shape[0], -1)
        row[:, : plane.shape[1]] = plane
    return frame, planes


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_rows_of_any_length_are_read_right(size: tuple[int, int]) -> None:
    layout = PlaneLayout("yuv420p", *size, "420")
    target = layout.resized(size[0] // 4 * 2, size[1] // 4 * 2)
    _, planes = frame_of(layout)
    made = target.arrays(memoryview(bytearray(target.nbytes)))
    Scaler(layout, target, f"scale={target.width}:{target.height}:flags=lanczos")(planes, made)
    expected = Image.fromarray(planes[0]).resize(target.size, Image.Resampling.LANCZOS)
    assert np.abs(made[0].astype(int) - np.asarray(expected)).max() <= 3


@pytest.mark.parametrize("kernel", ["lanczos", "bicubic", "bilinear", "area", "neighbor"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_decoded_frame_gives_what_its_planes_give(size: tuple[int, int], kernel: str) -> None:
    layout = PlaneLayout("yuv420p", *size, "420")
    target = layout.resized(64, 48)
    frame, planes = frame_of(layout)
    load(frame, layout.arrays(memoryview(bytearray(layout.nbytes))))
    made = target.arrays(memoryview(bytearray(target.nbytes)))
    scaler = Scaler(layout, target, f"scale=64:48:flags={kernel}")
    scaler(planes, made)
    frame.color_range = 2  # what a frame says of its colours is no reason to change them
    found = scaler.scaled(frame)
    assert found is not None
    for one, other in zip(found, made, strict=True):
        assert np.array_equal(one, other)


def test_a_frame_of_another_size_is_not_scaled_where_it_lies() -> None:
    layout = PlaneLayout("yuv420p", 128, 96, "420")
    frame, _ = frame_of(layout.resized(64, 48))
    assert Scaler(layout, layout.resized(64, 48), "scale=64:48:flags=lanczos").scaled(frame) is None
