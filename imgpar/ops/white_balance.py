"""white_balance: remove the colour cast of the light."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.errors import bad_value
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.tables import Curve, apply_curves, curve_filter
from imgpar.pixels.tones import channel_histograms

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

NEUTRAL = 6500
"""Correlated colour temperature in kelvins at which nothing changes."""
LEAST, MOST = 2500, 25_000
"""Kelvins: below, light has hardly any blue in sRGB; above, colours hardly change."""
AUTO = 0

_MOST_GAIN = 4.0
"""Of a channel, in grey world: a picture of one colour would otherwise turn grey."""
_LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of linear red, green and blue (BT.709, sRGB)."""
_FROM_XYZ = ((3.2406, -1.5372, -0.4986), (-0.9689, 1.8758, 0.0415), (0.0557, -0.2040, 1.0570))
"""CIE XYZ to linear sRGB (IEC 61966-2-1)."""


@parsing.accepts('int | str | Literal["auto"]')
def parse_light(value: object) -> int:
    """`auto` (0), or a colour temperature in kelvins: 5200, 5200K.

    >>> parse_light("auto"), parse_light("5200 K"), parse_light(3200)
    (0, 5200, 3200)
    """
    text = str(value).strip().lower()
    match = re.fullmatch(r"(\d{3,5})\s*k?", text)
    kelvins = int(match[1]) if match else 0
    if text == "auto" or (text == "0" and value == AUTO):
        return AUTO
    if isinstance(value, bool) or not LEAST <= kelvins <= MOST:
        wanted = f"auto, or the colour temperature of the light from {LEAST} to {MOST} kelvins such as 5200,"
        raise bad_value(parsing.VALUE, wanted, value, ["auto"])
    return kelvins


@dataclass(frozen=True)
class WhiteBalance(Operation):
    """Scale red, green and blue in linear light so that the light becomes neutral; luminance of grey is kept.

    `auto` is grey world: the mean of the visible pixels becomes grey, by gains of at most 4. A number is the
    colour temperature of the light in the scene, as in raw converters: a lower one makes the picture bluer,
    6500 changes nothing. The transfer function is that of sRGB, whatever the profile. Grey pictures and alpha
    are unchanged. Clips and animations: on RGB; with `auto` each frame by itself.
    """

    name: ClassVar[str] = "white_balance"
    summary: ClassVar[str] = (
        "remove a colour cast: auto (grey world), or the temperature of the light in kelvins"
    )

    light: int = option(
        parse_light, "auto, or kelvins from 2500 to 25000", metavar="auto|KELVINS", example="4500"
    )

    def idle(self, spec: Spec) -> bool:
        return spec.grey or self.light == NEUTRAL

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        if src.spec.grey:
            return np.copyto(dst.array, src.array)
        gains = gains_of_light(self.light) if self.light else grey_world(channel_histograms(src))
        return apply_curves(src, dst, *map(_scaling, gains))

    def as_rgb_filter(self, spec: Spec) -> str | None:
        if self.light == AUTO:
            return None
        return curve_filter(spec, *(_expression(gain) for gain in gains_of_light(self.light)))


def grey_world(histograms: Sequence[Array]) -> list[float]:
    """Gains of linear red, green and blue that make their means equal.

    Args:
        histograms: of each channel, over encoded values from 0 to 1.
    """
    import numpy as np

    from imgpar.pixels.colour.transfer import srgb_to_light

    means = []
    for counts in histograms:
        light = srgb_to_light(np.linspace(0, 1, len(counts)))
        means.append(float(counts @ light) / max(int(counts.sum()), 1))
    luminance = sum(weight * mean for weight, mean in zip(_LUMINANCE, means, strict=True))
    gains = [luminance / mean if mean else 1.0 for mean in means]
    return [min(max(gain, 1 / _MOST_GAIN), _MOST_GAIN) for gain in gains]


def gains_of_light(kelvins: float) -> list[float]:
    """Gains of linear red, green and blue that turn light of this temperature into light of 6500 K.

    >>> [round(gain, 3) for gain in gains_of_light(6500)]
    [1.0, 1.0, 1.0]
    >>> red, green, blue = gains_of_light(3200)
    >>> red < green < blue
    True
    """
    ratios = [now / then for now, then in zip(_planck(NEUTRAL), _planck(kelvins), strict=True)]
    white = sum(weight / ratio for weight, ratio in zip(_LUMINANCE, ratios, strict=True))
    return [ratio * white for ratio in ratios]


def _planck(kelvins: float) -> list[float]:
    """Linear sRGB of a black body of luminance 1: chromaticity by the cubic approximation of Kim et al.,
    valid from 1667 to 25,000 K."""
    t = 1000 / kelvins
    if kelvins <= 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if kelvins <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.8733867 * x**2 + 3.75112997 * x - 0.37001483
    xyz = (x / y, 1.0, (1 - x - y) / y)
    return [sum(row * value for row, value in zip(rows, xyz, strict=True)) for rows in _FROM_XYZ]


def _expression(gain: float) -> str:
    """`_scaling` in the language of ffmpeg."""
    light = f"{gain:.9g}*if(lte(x,0.04045),x/12.92,pow((x+0.055)/1.055,2.4))"
    return f"st(0,{light});if(lte(ld(0),0.0031308),ld(0)*12.92,1.055*pow(ld(0),1/2.4)-0.055)"


def _scaling(gain: float) -> Curve:
    from imgpar.pixels.colour.transfer import light_to_srgb, srgb_to_light

    return lambda values: light_to_srgb(srgb_to_light(values) * gain)
