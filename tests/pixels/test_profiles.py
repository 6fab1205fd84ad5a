"""When two colour profiles count as the same: all differences below one step of 8 bits."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
from table_profiles import table_profile

from imgpar.core.blocks import Exif, Icc
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.option_values import ColourTarget
from imgpar.formats.options import EncodeOptions
from imgpar.formats.output_profile import fitting_profile, srgb_frame, to_profile
from imgpar.formats.profile_conversion import tagged
from imgpar.formats.registry import find_format
from imgpar.pixels.colour import profiles
from imgpar.pixels.colour.convert import is_outside, is_same
from imgpar.pixels.colour.matrix_profiles import ColourSpace, alike, has_curve_of_srgb, parse_profile

STEP = 0.004
"""One step of 8 bits is 1/255."""
around_a_step = pytest.mark.parametrize(
    ("far", "same"), [(0.0039, True), (-0.0039, True), (0.0041, False), (-0.0041, False)]
)
GRID = np.linspace(0, 1, 4097)


def gamma(value: float, primaries: profiles.Primaries = profiles.SRGB) -> bytes:
    return profiles.rgb_profile("test", primaries, gamma=value)


def curve_difference(one: float, other: float) -> float:
    return float(np.abs(GRID**one - GRID**other).max())


def to_xyz(primaries: profiles.Primaries) -> np.ndarray:
    """Columns of red, green and blue under D65; its adaptation cancels out between two such spaces."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    white = np.array([0.3127 / 0.329, 1, (1 - 0.3127 - 0.329) / 0.329])
    return columns * np.linalg.solve(columns, white)


def matrix_difference(one: profiles.Primaries, other: profiles.Primaries) -> float:
    return float(np.abs(np.linalg.solve(to_xyz(other), to_xyz(one)) - np.eye(3)).max())


# ----- curves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "same"),
    [(2.2, True), (2.205, True), (2.222, True), (2.226, False), (2.3, False), (2.178, True)],
)
def test_curves_may_differ_by_less_than_a_step(other: float, same: bool) -> None:
    # The test's own limits: what is the same differs by less than 0.0039, what is not by more than 0.0041.
    assert (curve_difference(2.2, other) < STEP - 0.0001) is same
    assert (curve_difference(2.2, other) < STEP + 0.0001) is same
    assert is_same(gamma(2.2), gamma(other)) is same
    assert is_same(gamma(other), gamma(2.2)) is same
    assert is_same(profiles.grey("one", 2.2), profiles.grey("other", other)) is same


@pytest.mark.parametrize("channel", range(3))
def test_one_curve_that_differs_is_enough(channel: int) -> None:
    curves = np.stack([GRID**2.2] * 3)
    other = curves.copy()
    other[channel] = GRID**2.3
    assert not alike(ColourSpace(curves, np.eye(3)), ColourSpace(other, np.eye(3)))
    assert not alike(ColourSpace(other, np.eye(3)), ColourSpace(curves, np.eye(3)))
    assert alike(ColourSpace(other, np.eye(3)), ColourSpace(other, np.eye(3)))


@pytest.mark.parametrize(
    ("far", "same"), [(0.0039, True), (-0.0039, True), (0.0041, False), (-0.0041, False)]
)
@pytest.mark.parametrize("at", [0, 4096, 1000])
def test_one_point_of_a_curve_is_enough(far: float, same: bool, at: int) -> None:
    curves = np.stack([GRID] * 3)
    other = curves.copy()
    other[1, at] += far
    assert alike(ColourSpace(curves, np.eye(3)), ColourSpace(other, np.eye(3))) is same


# ----- primaries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("far", [0.0002, 0.0005, 0.003, 0.01])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("which", "axis"), [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)])
def test_primaries_may_differ_by_less_than_a_step(far: float, sign: int, which: int, axis: int) -> None:
    moved = [list(point) for point in profiles.SRGB]
    moved[which][axis] += sign * far
    primaries = tuple((x, y) for x, y in moved)
    difference = matrix_difference(profiles.SRGB, primaries)
    if abs(difference - STEP) < 0.0004:
        pytest.skip("it lies on the limit")
    assert is_same(gamma(2.2), gamma(2.2, primaries)) is (difference < STEP)


def test_the_primaries_of_these_tests_lie_on_both_sides() -> None:
    found = [
        matrix_difference(profiles.SRGB, ((0.64 + far, 0.33), *profiles.SRGB[1:]))
        for far in (0.0002, 0.0005, 0.003, 0.01)
    ]
    assert all(before < after for before, after in pairwise(found))
    assert found[2] < STEP < found[3]


@pytest.mark.parametrize("at", list(np.ndindex(3, 3)), ids=str)
@pytest.mark.parametrize(
    ("far", "same"), [(0.0039, True), (-0.0039, True), (0.0041, False), (-0.0041, False)]
)
def test_one_number_of_the_matrix_is_enough(at: tuple[int, int], far: float, same: bool) -> None:
    curves, matrix = np.stack([GRID] * 3), np.eye(3)
    matrix[at] += far
    # From the second space to the first the matrix is the difference itself.
    assert alike(ColourSpace(curves, matrix), ColourSpace(curves, np.eye(3))) is same


def test_another_white_is_no_other_colour() -> None:
    """Profiles are relative to their white; primaries that are as far from it mean the same."""
    assert is_same(profiles.srgb(), profiles.rgb_profile("another name", profiles.SRGB))
    assert not is_same(profiles.srgb(), profiles.rgb_profile("D50", profiles.SRGB, (0.3457, 0.3585)))


@pytest.mark.parametrize("other", [profiles.P3, profiles.REC2020])
def test_wider_gamuts_are_others(other: profiles.Primaries) -> None:
    assert not is_same(profiles.srgb(), profiles.rgb_profile("wide", other))
    assert not is_same(profiles.rgb_profile("wide", other), profiles.srgb())


# ----- grey, and profiles without a formula ---------------------------------------------------------


@pytest.mark.parametrize(("of_grey", "same"), [(2.2, True), (2.222, True), (2.226, False), (1.0, False)])
def test_grey_is_the_same_under_the_same_curve(of_grey: float, same: bool) -> None:
    grey = profiles.grey("grey", of_grey)
    assert is_same(grey, gamma(2.2)) is same
    assert is_same(grey, gamma(2.2, profiles.P3)) is same
    assert is_same(gamma(2.2), grey) is False


def test_profiles_of_tables_are_never_the_same() -> None:
    table = table_profile("lut", b"mft2" + bytes(100), b"RGB ", b"Lab ")
    assert not is_same(table, table)
    assert not is_same(table, profiles.srgb())
    assert not is_same(profiles.srgb(), table)


@pytest.mark.parametrize(("value", "same"), [(2.2, False), (2.19, False), (1.8, False)])
def test_no_power_is_the_curve_of_srgb(value: float, same: bool) -> None:
    assert has_curve_of_srgb(gamma(value)) is same
    assert has_curve_of_srgb(profiles.grey("g", value)) is same


def test_who_has_the_curve_of_srgb() -> None:
    assert has_curve_of_srgb(profiles.display_p3())
    assert not has_curve_of_srgb(b"no profile")


# ----- what follows from it -------------------------------------------------------------------------


def picture(*colours: tuple[int, int, int]) -> Frame:
    return Frame(Spec(len(colours), 1), np.array([colours], np.uint8))


def test_pixels_stay_where_profiles_are_the_same() -> None:
    frame = picture((1, 100, 200))
    (made,), metadata, lost, notes = to_profile(
        [frame], Metadata(icc=profiles.rgb_profile("mine", profiles.SRGB)), find_format("png"),
        EncodeOptions(colour=ColourTarget("srgb")),
    )  # fmt: skip
    assert made is frame
    assert (metadata.icc, lost, notes) == (b"", (), ())


def test_pixels_change_where_they_are_not() -> None:
    (made,), metadata, _, _ = to_profile(
        [picture((1, 100, 200))], Metadata(icc=gamma(2.3)), find_format("png"),
        EncodeOptions(colour=ColourTarget("p3")),
    )  # fmt: skip
    assert made.array.tolist() != [[[1, 100, 200]]]
    assert metadata.icc == profiles.display_p3()


def test_what_is_shown_is_in_srgb() -> None:
    frame = picture((55, 128, 188))
    assert srgb_frame(frame, Metadata())[0].array.tolist() == frame.array.tolist()
    light = srgb_frame(frame, Metadata(icc=gamma(1.0)))[0].array.ravel().astype(int)
    expected = [255 * (1.055 * (value / 255) ** (1 / 2.4) - 0.055) for value in (55, 128, 188)]
    assert np.abs(light - expected).max() < 1


@pytest.mark.parametrize(("outside", "named"), [(0, False), (1, False), (2, True), (500, True)])
def test_a_thousandth_of_the_pixels_outside_is_a_loss(outside: int, named: bool) -> None:
    pixels = [(120, 120, 120)] * (1500 - outside) + [(0, 255, 0)] * outside
    assert is_outside(picture(*pixels), profiles.display_p3(), profiles.srgb()) is named


@pytest.mark.parametrize(("level", "named"), [(50, False), (56, False), (62, True), (255, True)])
def test_a_colour_is_outside_where_it_misses_by_a_hundredth_of_the_light(level: int, named: bool) -> None:
    """Green of P3 at an amount that is all below 0 in red of sRGB."""
    matrix = np.linalg.solve(to_xyz(profiles.SRGB), to_xyz(profiles.P3))
    light = ((level / 255 + 0.055) / 1.055) ** 2.4
    assert (float((matrix @ np.array([0, light, 0])).min()) < -0.01) is named
    frame = picture(*[(0, level, 0)] * 10)
    assert is_outside(frame, profiles.display_p3(), profiles.srgb()) is named


def test_brighter_than_white_is_outside_too() -> None:
    """Yellow of P3 is more red and green than sRGB has; blue is left at an amount that it has."""
    frame = picture(*[(255, 240, 200)] * 10)
    light = ((np.array([255, 240, 200]) / 255 + 0.055) / 1.055) ** 2.4
    matrix = np.linalg.solve(to_xyz(profiles.SRGB), to_xyz(profiles.P3))
    assert (matrix @ light).max() > 1.01
    assert (matrix @ light).min() > 0
    assert is_outside(frame, profiles.display_p3(), profiles.srgb()) is True


@pytest.mark.parametrize(
    ("layout", "icc", "kept", "lost"),
    [
        ("RGB", profiles.srgb(), True, ()),
        ("L", profiles.grey("g", 2.2), True, ()),
        ("L", profiles.srgb(), False, ()),
        ("L", profiles.display_p3(), False, ()),
        ("L", gamma(1.8), False, ("icc",)),
        ("RGB", profiles.grey("g", 2.2), False, ("icc",)),
        ("RGBA", b"", False, ()),
    ],
)
def test_a_profile_for_other_channels_is_left_out(
    layout: str, icc: bytes, kept: bool, lost: tuple[str, ...]
) -> None:
    metadata, gone = fitting_profile(Metadata(icc=Icc(icc)), Spec(2, 2, layout))  # type: ignore[arg-type]
    assert (metadata.icc, gone) == (icc if kept else b"", lost)


def test_a_broken_profile_is_none() -> None:
    assert parse_profile(profiles.srgb()[:100]) is None
    assert tagged(Exif()) == b""


# ----- parametric curves ----------------------------------------------------------------------------


def parametric(kind: int, *values: float) -> bytes:
    """A grey profile with a parametric curve of ICC.1, 10.18."""
    numbers = [round(value * 65536) for value in values]
    curve = b"para" + bytes(4) + struct.pack(f">HH{len(numbers)}i", kind, 0, *numbers)
    header = bytearray(128)
    header[16:20] = b"GRAY"
    return bytes(header) + struct.pack(">I4sII", 1, b"kTRC", 144, len(curve)) + curve


@pytest.mark.parametrize(
    ("kind", "values", "at_half", "at_tenth"),
    [
        (0, (2.0,), 0.25, 0.01),
        (1, (2.0, 1.25, -0.25), 0.140625, 0.0),  # (1.25·0.5 − 0.25)²; below −b/a = 0.2 it is 0
        (2, (2.0, 1.25, -0.25, 0.125), 0.265625, 0.125),  # the same, and c everywhere
        (3, (2.0, 1.0, 0.0, 0.5, 0.25), 0.25, 0.05),  # below d = 0.25 a line of slope c
        (4, (2.0, 1.0, 0.0, 0.5, 0.25, 0.125, 0.0625), 0.375, 0.1125),
    ],
)
def test_parametric_curves(kind: int, values: tuple[float, ...], at_half: float, at_tenth: float) -> None:
    space = parse_profile(parametric(kind, *values))
    assert space is not None
    grid = np.linspace(0, 1, space.curves.shape[1])
    found = np.interp([0.5, 0.1], grid, space.curves[0])
    assert found == pytest.approx([at_half, at_tenth], abs=1e-3)
