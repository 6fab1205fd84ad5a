"""Profiles made of tables: to sRGB by LittleCMS, with 16 bits where imagecodecs is installed."""

from __future__ import annotations

import importlib.util
import struct

import numpy as np
import pytest
from table_profiles import table_profile

from imgpar.core.blocks import Icc
from imgpar.core.spec import Frame, Layout, Metadata, Spec
from imgpar.formats.option_values import ColourTarget
from imgpar.formats.options import EncodeOptions
from imgpar.formats.output_profile import to_profile
from imgpar.formats.registry import find_format
from imgpar.pixels.colour import convert, profiles
from imgpar.pixels.colour.convert import converted, grey_to_srgb, is_usable, keeps_depth

PEAK = {"uint8": 255, "uint16": 65535, "float32": 1.0}
WIDE = importlib.util.find_spec("imagecodecs") is not None
needs_engine = pytest.mark.skipif(not WIDE, reason="16 bits through a table need imagecodecs")


def lightness() -> bytes:
    """A profile by which every colour is a grey: L* is 100 times the mean of red, green and blue."""
    corners = [(r + g + b) / 3 for r in (0, 1) for g in (0, 1) for b in (0, 1)]
    cube = [value for corner in corners for value in (round(corner * 0xFF00), 0x8000, 0x8000)]
    identity = [1 << 16 if at % 4 == 0 else 0 for at in range(9)]
    curves = [0, 0xFFFF] * 3
    content = b"mft2" + bytes(4) + struct.pack(">4B9i2H", 3, 3, 2, 0, *identity, 2, 2)
    content += struct.pack(">6H24H6H", *curves, *cube, *curves)
    return table_profile("lightness", content, b"RGB ", b"Lab ")


def expected(means: np.ndarray) -> np.ndarray:
    """sRGB of an L* (CIE 1976), from 0 to 1."""
    light = 100 * means.astype(np.float64)
    y = np.where(light > 8, ((light + 16) / 116) ** 3, light / 903.2963)
    return np.where(y <= 0.0031308, y * 12.92, 1.055 * y ** (1 / 2.4) - 0.055)


def ramp(layout: Layout, dtype: str) -> Frame:
    """Amounts of red, green and blue that differ, with a mean of every level."""
    width, height = 64, 32
    steps = np.linspace(0, 1, width * height).reshape(height, width)
    count = {"L": 1, "LA": 1}.get(layout, 3)
    spread = np.minimum(steps, 1 - steps) / 2
    colours = [steps] if count == 1 else [steps - spread, steps, steps + spread]
    rest = [np.full_like(steps, 0.25)] if layout in ("LA", "RGBA") else [np.ones_like(steps)]
    channels = colours + (rest if layout in ("LA", "RGBA", "RGBX") else [])
    values = np.stack(channels, axis=-1) * PEAK[dtype]
    array = values.astype(np.float32) if dtype == "float32" else np.rint(values).astype(dtype)
    return Frame(Spec(width, height, layout, dtype), np.ascontiguousarray(array))


def means(frame: Frame) -> np.ndarray:
    count = 1 if frame.spec.grey else 3
    return frame.array[..., :count].astype(np.float64).mean(axis=-1) / PEAK[frame.spec.dtype]


def error(made: Frame, source: Frame) -> float:
    """The largest, in parts of white."""
    count = 1 if made.spec.grey else 3
    values = made.array[..., :count].astype(np.float64) / PEAK[made.spec.dtype]
    return float(np.abs(values - expected(means(source))[..., None]).max())


@pytest.mark.parametrize("layout", ["L", "LA", "RGB", "RGBA", "RGBX"])
@pytest.mark.parametrize(
    ("dtype", "most"),
    [
        ("uint8", 1.3 / 255),
        pytest.param("uint16", 0.002, marks=needs_engine),
        pytest.param("float32", 0.002, marks=needs_engine),
    ],
)
def test_every_depth_and_layout_goes_through_a_table(layout: Layout, dtype: str, most: float) -> None:
    frame = ramp(layout, dtype)
    before = frame.array.copy()
    made = converted(frame, lightness(), profiles.srgb())
    assert made.spec == frame.spec
    assert (frame.array == before).all()
    assert error(made, frame) < most
    count = 1 if frame.spec.grey else 3
    assert (made.array[..., count:] == before[..., count:]).all()
    levels = len(np.unique(made.array[..., 0]))
    assert levels > (180 if dtype == "uint8" else 1500)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("layout", ["RGB", "RGBA"])
def test_without_imagecodecs_it_goes_with_eight_bits(
    dtype: str, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "_wide_engine", lambda: None)
    frame = ramp(layout, dtype)
    made = converted(frame, lightness(), profiles.srgb())
    assert made.spec == frame.spec
    assert error(made, frame) < 2.5 / 255
    assert len(np.unique(made.array[..., 0])) <= 256


@pytest.mark.parametrize(
    ("dtype", "engine", "kept"),
    [("uint8", False, True), ("uint16", True, True), ("uint16", False, False), ("float32", False, False)],
)
def test_the_depth_that_is_lost_is_named(
    dtype: str, engine: bool, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "_wide_engine", lambda: convert if engine else None)
    frame = ramp("RGB", dtype)
    assert keeps_depth(frame.spec, lightness(), profiles.srgb()) is kept
    assert keeps_depth(frame.spec, profiles.display_p3(), profiles.srgb()) is True
    if engine:
        return
    options = EncodeOptions(colour=ColourTarget("srgb"))
    _, metadata, lost, notes = to_profile(
        [frame], Metadata(icc=Icc(lightness())), find_format("tiff"), options
    )
    assert (metadata.icc, lost, notes) == (b"", () if kept else ("depth",), ())


def test_what_littlecms_cannot_use() -> None:
    assert is_usable(lightness(), profiles.srgb())
    assert not is_usable(b"no profile", profiles.srgb())
    assert not is_usable(lightness()[:200], profiles.srgb())
    assert not is_usable(profiles.srgb(), lightness())  # it has no way back


def coloured() -> Frame:
    return ramp("RGB", "uint8")


def test_pixels_of_srgb_stay_as_they_are() -> None:
    frame = coloured()
    before = frame.array.copy()
    assert grey_to_srgb([frame], profiles.srgb()) == ()
    assert (frame.array == before).all()


def test_a_profile_for_grey_is_of_no_use_for_colours() -> None:
    frame, icc = coloured(), profiles.grey("g", 1.0)
    before = frame.array.copy()
    (note,) = grey_to_srgb([frame], icc)
    assert "cannot be used" in note
    assert (frame.array == before).all()


def test_three_channels_that_are_alike_are_grey() -> None:
    grey = ramp("L", "uint8")
    frame = Frame(Spec(64, 32), np.repeat(grey.array, 3, axis=-1))
    assert grey_to_srgb([frame], profiles.grey("g", 1.0)) == ()
    light = grey.array[..., 0] / 255
    wanted = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(frame.array / 255 - wanted[..., None]).max() < 1.01 / 255


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_every_value_of_grey_is_within_a_step(gamma: float) -> None:
    """Dark values of a linear profile, too, where its curve and that of sRGB differ most."""
    array = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    made = converted(Frame(Spec(16, 16, "L"), array), profiles.grey("g", gamma), profiles.srgb())
    light = (array / 255) ** gamma
    wanted = 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(made.array - wanted).max() < 0.6


@pytest.mark.parametrize(("share", "tint", "used"), [(0.01, 9, False), (0.01, 8, True), (0.0005, 100, True)])
def test_what_compression_makes_of_grey_is_grey(share: float, tint: int, used: bool) -> None:
    """A thousandth of the pixels may be coloured, and all of them by 8 of 255."""
    array = np.full((100, 100, 3), 100, np.uint8)
    array.reshape(-1, 3)[: int(10_000 * share), 0] += tint
    note = grey_to_srgb([Frame(Spec(100, 100), array)], profiles.grey("g", 1.0))
    assert (note == ()) is used
