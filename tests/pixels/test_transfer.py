"""Transfer functions at published points, against decimal arithmetic with the constants of the standards, and
there and back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import pytest

from imgpar.pixels.colour.transfer import (
    gamma_to_light,
    hlg_to_scene,
    light_to_pq,
    light_to_srgb,
    light_to_srgb_table,
    pq_to_light,
    scene_to_hlg,
    srgb_to_light,
    srgb_to_light_table,
)

STEPS = np.linspace(0, 1, 101)
PAIRS = {
    "sRGB": (srgb_to_light, light_to_srgb),
    "PQ": (pq_to_light, light_to_pq),
    "HLG": (hlg_to_scene, scene_to_hlg),
}


def exact_srgb(code: Decimal) -> Decimal:
    """IEC 61966-2-1."""
    if code <= Decimal("0.04045"):
        return code / Decimal("12.92")
    return ((code + Decimal("0.055")) / Decimal("1.055")) ** Decimal("2.4")


def exact_pq(code: Decimal) -> Decimal:
    """SMPTE ST 2084, with the decimal constants that it gives beside the fractions."""
    m1, m2 = Decimal("0.1593017578125"), Decimal("78.84375")
    c1, c2, c3 = Decimal("0.8359375"), Decimal("18.8515625"), Decimal("18.6875")
    power = code ** (1 / m2)
    return 10000 * (max(power - c1, Decimal(0)) / (c2 - c3 * power)) ** (1 / m1)


def exact_hlg(code: Decimal) -> Decimal:
    """ARIB STD-B67 with light from 0 to 1, b and c from a as in ITU-R BT.2100, table 5."""
    if code <= Decimal("0.5"):
        return code**2 / 3
    a = Decimal("0.17883277")
    b = 1 - 4 * a
    c = Decimal("0.5") - a * (4 * a).ln()
    return (((code - c) / a).exp() + b) / 12


EXACT = {"sRGB": exact_srgb, "PQ": exact_pq, "HLG": exact_hlg}


@pytest.mark.parametrize("name", EXACT)
def test_codes_are_decoded_as_the_standard_says(name: str) -> None:
    with localcontext() as context:
        context.prec = 40
        expected = [float(EXACT[name](Decimal(step) / 100)) for step in range(101)]
    assert PAIRS[name][0](STEPS) == pytest.approx(expected, rel=2e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("encode", "light", "code"),
    [
        # Luminance and signal of ITU-R BT.2408, table 1, and its reference white.
        (light_to_pq, 0.0, 0.0),
        (light_to_pq, 100.0, 0.508),
        (light_to_pq, 203.0, 0.581),
        (light_to_pq, 1000.0, 0.752),
        (light_to_pq, 10000.0, 1.0),
        (scene_to_hlg, 1 / 12, 0.5),
        (scene_to_hlg, 0.265, 0.75),
        (scene_to_hlg, 1.0, 1.0),
    ],
)
def test_published_points(encode: Callable[[np.ndarray], np.ndarray], light: float, code: float) -> None:
    assert encode(np.array(light)) == pytest.approx(code, abs=6e-4)


@pytest.mark.parametrize("name", PAIRS)
def test_light_is_encoded_to_the_code_it_came_from(name: str) -> None:
    decode, encode = PAIRS[name]
    assert encode(decode(STEPS)) == pytest.approx(STEPS, abs=2e-6)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_of_their_kind(name: str, dtype: type) -> None:
    decode, encode = PAIRS[name]
    light = decode(STEPS.astype(dtype))
    assert (light.dtype, encode(light).dtype) == (dtype, dtype)


@pytest.mark.parametrize(
    ("coded", "light"),
    [
        (0.0, 0.0),
        (0.02, 0.0015479876),
        (0.04045, 0.0031308050),
        (0.0405, 0.0031347),
        (0.2, 0.033104767),
        (0.5, 0.21404114),
        (0.735357, 0.5),
        (1.0, 1.0),
    ],
)
def test_the_curve_of_srgb(coded: float, light: float) -> None:
    assert srgb_to_light(np.array([coded]))[0] == pytest.approx(light, abs=5e-7)
    assert light_to_srgb(np.array([light]))[0] == pytest.approx(coded, abs=2e-6)


def test_below_black_the_curve_is_a_line() -> None:
    assert light_to_srgb(np.array([-0.1]))[0] == pytest.approx(-1.292)
    assert srgb_to_light(np.array([-0.1]))[0] == pytest.approx(-0.1 / 12.92)


def test_the_table_of_srgb_holds_every_code() -> None:
    with localcontext() as context:
        context.prec = 40
        expected = [float(exact_srgb(Decimal(code) / 255)) for code in range(256)]
    assert srgb_to_light_table() == pytest.approx(expected, rel=1e-6)


def test_the_tables_of_srgb_are_inverse() -> None:
    steps = np.rint(srgb_to_light_table().astype(np.float64) * 65535).astype(np.uint16)
    # 16 bits of light are finer than 8 bits of codes everywhere: the steepest code spans 19.9 steps.
    assert light_to_srgb_table()[steps].tolist() == list(range(256))


@pytest.mark.parametrize("table", [srgb_to_light_table, light_to_srgb_table])
def test_a_table_cannot_be_changed(table: Callable[[], np.ndarray]) -> None:
    with pytest.raises(ValueError, match="read-only"):
        table()[0] = 1


def test_a_power_function_decodes_with_its_exponent() -> None:
    assert gamma_to_light(np.array([0.0, 0.5, 1.0]), 1.8) == pytest.approx([0.0, 0.5**1.8, 1.0])
