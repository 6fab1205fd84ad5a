"""levels: set the black point, the white point and the gamma."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, bad_value
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.tables import apply_curves, curve_filter, power
from imgpar.pixels.tones import WHITE, parse_tone

_GAMMA = parsing.number(0.1, 10)


@dataclass(frozen=True)
class Points:
    """Tones that become black and white, 0 to 255, and the gamma of what lies between."""

    black: float
    white: float
    gamma: float = 1.0

    def __str__(self) -> str:
        """As it is given.

        >>> str(parse_points("4%, 240, 1.20"))
        '10.2,240,1.2'
        """
        numbers = (self.black, self.white) if self.gamma == 1 else (self.black, self.white, self.gamma)
        return ",".join(f"{number:.10g}" for number in numbers)


@parsing.accepts("str | tuple[float, float] | tuple[float, float, float]")
def parse_points(value: object) -> Points:
    """Black and white point, and perhaps gamma: `10,240`, `4%,94%`, `10,240,1.2`, or a tuple.

    >>> parse_points("10,240")
    Points(black=10.0, white=240.0, gamma=1.0)
    """
    if isinstance(value, Points):
        return value
    parts = list(value) if isinstance(value, (tuple, list)) else str(value).split(",")
    try:
        black, white = map(parse_tone, parts[:2])
        gamma = float(_GAMMA(parts[2])) if len(parts) == 3 else 1.0
    except (BadValueError, ValueError):
        black, white = 1.0, 0.0
    if len(parts) not in (2, 3) or black >= white:
        wanted = "a black point below a white point such as 10,240 or 4%,94%, and perhaps a gamma,"
        raise bad_value(parsing.VALUE, wanted, value)
    return Points(black, white, gamma)


@dataclass(frozen=True)
class Levels(Operation):
    """Stretch the tones between the black point and the white point to the whole range, then apply gamma.

    Values are taken as they are encoded (about sRGB), not in linear light. What is darker or brighter is
    clipped in integers, and lies below black or above white in floats. Alpha is kept. Clips and animations:
    on RGB, frame by frame.
    """

    name: ClassVar[str] = "levels"
    summary: ClassVar[str] = "set black point, white point and perhaps gamma, such as 10,240 or 4%,94%,1.1"

    points: Points = option(
        parse_points,
        "black point, white point (0 to 255, or percent) and perhaps gamma",
        metavar="BLACK,WHITE[,GAMMA]",
        example="10,240",
    )

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        return self.points == Points(0, WHITE)

    def apply(self, src: Frame, dst: Frame) -> None:
        low, scale = self.points.black / WHITE, WHITE / (self.points.white - self.points.black)
        exponent = 1 / self.points.gamma
        if exponent == 1:
            return apply_curves(src, dst, lambda values: (values - low) * scale)
        return apply_curves(src, dst, lambda values: power((values - low) * scale, exponent))

    def as_rgb_filter(self, spec: Spec) -> str | None:
        low, high = self.points.black / WHITE, self.points.white / WHITE
        return curve_filter(
            spec, f"pow(clip((x-{low:.9g})/{high - low:.9g},0,1),{1 / self.points.gamma:.9g})"
        )
