""".cube look-up tables of colours, as written by Adobe and DaVinci Resolve programs.

TITLE "Film"            the order of the header does not matter; # starts a comment
DOMAIN_MIN 0 0 0        input values of the first and the last entry, of each channel
DOMAIN_MAX 1 1 1        (or LUT_1D_INPUT_RANGE and LUT_3D_INPUT_RANGE, of all channels)
LUT_1D_SIZE 1024        a curve for each channel,
LUT_3D_SIZE 33          a cube in which red changes fastest, or first the one, then the other
0.0 0.0 0.0
...
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_BYTES = 64 << 20
"""Of a file: a cube with 129 entries a side has up to 60 MB."""
_MOST_1D, _MOST_3D = 65_536, 129
_MOST = 1e30
"""Greater entries would overflow between two others."""
_NUMBERS = re.compile(r"[-+.\dE]+(\s+[-+.\dE]+){2}", re.ASCII | re.IGNORECASE)
"""Three numbers; numpy would also take those of other scripts, and underscores between digits."""
_WORDS = {
    "TITLE",
    "DOMAIN_MIN",
    "DOMAIN_MAX",
    "LUT_1D_INPUT_RANGE",
    "LUT_3D_INPUT_RANGE",
    "LUT_1D_SIZE",
    "LUT_3D_SIZE",
}


class Table(NamedTuple):
    """Entries and the range of input values that they cover."""

    entries: Array
    """float32: N×3 for curves, B×G×R×3 for a cube."""
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def plain(self) -> bool:
        """Whether the input range is 0 to 1."""
        return set(self.low) == {0.0} and set(self.high) == {1.0}


class Cube(NamedTuple):
    """What a file holds: curves, a cube, or curves before a cube."""

    curves: Table | None
    cube: Table | None


def parse_cube(text: str) -> Cube:
    """Read the text of a file.

    Raises:
        ValueError: it is no such file; the message is the rest of a sentence about it.

    >>> parse_cube("LUT_1D_SIZE 2\\n0 0 0\\n1 1 0.5").curves.entries.tolist()
    [[0.0, 0.0, 0.0], [1.0, 1.0, 0.5]]
    """
    import numpy as np

    words, numbers = _lines(text)
    curves, side = _size(words, "LUT_1D_SIZE", _MOST_1D), _size(words, "LUT_3D_SIZE", _MOST_3D)
    if not curves and not side:
        raise ValueError("it has neither LUT_1D_SIZE nor LUT_3D_SIZE")
    wanted = 3 * (curves + side**3)
    try:
        entries = np.array(" ".join(numbers).split(), np.float64)
    except ValueError:
        raise ValueError("an entry is not a number") from None
    if len(entries) != wanted:
        raise ValueError(f"it has {len(entries) // 3:,} entries instead of {wanted // 3:,}")
    if not (np.abs(entries) < _MOST).all():
        raise ValueError("an entry is not finite")
    entries = entries.astype(np.float32)
    first = entries[: 3 * curves].reshape(-1, 3)
    last = entries[3 * curves :].reshape(side, side, side, 3)
    # With both tables DOMAIN_MIN and DOMAIN_MAX are those of the first.
    return Cube(
        Table(first, *_domain(words, "LUT_1D_INPUT_RANGE", shared=True)) if curves else None,
        Table(last, *_domain(words, "LUT_3D_INPUT_RANGE", shared=not curves)) if side else None,
    )


def _lines(text: str) -> tuple[dict[str, list[str]], list[str]]:
    """Keywords with their values, and all other lines."""
    words, numbers = dict[str, list[str]](), list[str]()
    for line in text.removeprefix("\ufeff").splitlines():
        line = (
            line.partition("#")[0].strip() if "#" in line and not line.startswith("TITLE") else line.strip()
        )
        first = line.split(None, 1)[0].upper() if line else ""
        if first in _WORDS:
            words[first] = line.split()[1:]
        elif line and not _NUMBERS.fullmatch(line):
            raise ValueError(f"{line[:40]!r} is not a line of such a file")
        elif line:
            numbers.append(line)
    return words, numbers


def _size(words: dict[str, list[str]], key: str, most: int) -> int:
    """The number of entries a side, 0 where there is no such table."""
    if key not in words:
        return 0
    given = " ".join(words[key])
    if not (given.isascii() and given.isdigit() and 2 <= int(given[:9]) <= most):
        raise ValueError(f"{key} is {given or 'empty'} instead of 2 to {most}")
    return int(given)


def _domain(
    words: dict[str, list[str]], key: str, *, shared: bool
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The first and the last input value of each channel."""
    try:
        low: tuple[float, ...] = (0.0,) * 3
        high: tuple[float, ...] = (1.0,) * 3
        if shared:
            low = tuple(map(_number, words.get("DOMAIN_MIN", ["0"] * 3)))
            high = tuple(map(_number, words.get("DOMAIN_MAX", ["1"] * 3)))
        if key in words:
            least, greatest = map(_number, words[key])
            low, high = (least,) * 3, (greatest,) * 3
    except ValueError:
        low = high = ()
    if len(low) != 3 or len(high) != 3 or not all(a < b for a, b in zip(low, high, strict=True)):
        raise ValueError("its input range is not that of numbers that increase")
    return low, high


def _number(text: str) -> float:
    if "_" in text:  # digits may be grouped so in Python only
        raise ValueError(text)
    return float(text)


def blended(cube: Cube, share: float) -> Cube:
    """The same with a share of its effect; the rest is the input."""
    import numpy as np

    if share == 1:
        return cube
    if cube.curves and cube.cube:
        raise ValueError("curves and a cube cannot be blended")

    def mixed(table: Table | None) -> Table | None:
        if table is None:
            return None
        axes = [np.linspace(table.low[n], table.high[n], table.entries.shape[0]) for n in range(3)]
        if table.entries.ndim == 2:
            same = np.stack(axes, axis=-1)
        else:
            blue, green, red = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
            same = np.stack([red, green, blue], axis=-1)
        return table._replace(entries=(table.entries * share + same * (1 - share)).astype(np.float32))

    return Cube(mixed(cube.curves), mixed(cube.cube))


def through_cube(table: Table, colours: Array) -> Array:
    """Trilinear interpolation in a cube; what lies outside of its range is clamped.

    Args:
        table: a cube.
        colours: h×W×3 float32.

    Returns:
        h×W×3 float32, new.
    """
    import numpy as np

    side = len(table.entries)
    low, high = np.array(table.low, np.float32), np.array(table.high, np.float32)
    place = np.clip((colours - low) / (high - low), 0, 1) * np.float32(side - 1)
    step = np.minimum(place.astype(np.int32), side - 2)
    part = place - step
    flat = table.entries.reshape(-1, 3)
    start = step @ np.array([1, side, side * side], np.int32)
    red, green, blue = (part[..., n : n + 1] for n in range(3))

    def edge(offset: int) -> Array:
        first = flat[start + offset]
        mixed: Array = first + red * (flat[start + offset + 1] - first)
        return mixed

    def face(offset: int) -> Array:
        first = edge(offset)
        mixed: Array = first + green * (edge(offset + side) - first)
        return mixed

    front = face(0)
    result: Array = front + blue * (face(side * side) - front)
    return result


def through_curves(table: Table, channel: int, values: Array) -> Array:
    """Linear interpolation in the curve of one channel; what lies outside of its range is clamped."""
    import numpy as np

    axis = np.linspace(table.low[channel], table.high[channel], len(table.entries))
    return np.interp(values, axis, table.entries[:, channel]).astype(values.dtype)
