"""lut: apply a look-up table of colours from a .cube file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from imgpar.core.errors import TransformError, UsageError
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.ops.marks import asset_digest, parse_file
from imgpar.pixels.arrays import bands, keep_rest, layout_with
from imgpar.pixels.colourwise import map_colours
from imgpar.pixels.cube import MOST_BYTES, Cube, blended, parse_cube, through_cube, through_curves
from imgpar.pixels.geometry import parse_share
from imgpar.pixels.tables import apply_curves

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np

    Array = np.ndarray[Any, Any]

_PILLOW_SIDE = 65
"""Greatest cube that Pillow takes."""


class File(NamedTuple):
    """A file as a cache key."""

    path: str
    size: int
    changed: int


@dataclass(frozen=True)
class Lut(Operation):
    """Apply the look-up table of a .cube file: a curve for each channel, a cube (trilinear interpolation), or
    both.

    The table gets the values of the picture as they are encoded, in its own profile; values outside of the
    table's domain are clamped to it, so floats brighter than that lose their range. A grey picture becomes
    RGB where the table gives greys a colour. Alpha is kept. Clips and animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "lut"
    summary: ClassVar[str] = "apply the look-up table of a .cube file (1D or 3D), such as the look of a film"

    file: str = option(parse_file, "the .cube file", metavar="FILE", example="film.cube")
    strength: float = option(
        parse_share,
        "strength of the effect, 1 (or 100%) is full",
        default=1.0,
        metavar="SHARE",
        example="50%",
    )

    def plan(self, spec: Spec) -> Spec:
        return (
            spec.converted(layout_with(spec, (255, 0, 0, 255))) if spec.grey and self._read(_tints) else spec
        )

    def apply(self, src: Frame, dst: Frame) -> None:
        found: Cube = self._read(_loaded, self.strength)
        if found.curves and not found.cube and src.spec == dst.spec:
            return apply_curves(
                src, dst, *(partial(through_curves, found.curves, channel) for channel in range(3))
            )
        if src.spec.dtype == "uint8" and not src.spec.grey and _for_pillow_too(found):
            return _with_pillow(src, dst, self._read(_for_pillow, self.strength))
        return map_colours(src, dst, partial(_mapped, found))

    def as_rgb_filter(self, spec: Spec) -> str | None:  # noqa: ARG002
        # ffmpeg opens the file itself: only by a name without anything to quote.
        if self.strength != 1 or not re.fullmatch(r"/[\w./-]+", self.file, re.ASCII):
            return None
        found: Cube = self._read(_loaded, self.strength)
        if found.cube and not found.curves and found.cube.plain:
            return f"lut3d=file={self.file}:interp=trilinear"
        if found.curves and not found.cube and found.curves.plain:
            return f"lut1d=file={self.file}:interp=linear"
        return None

    def check(self) -> None:
        try:
            _loaded(self._file(), self.strength)
        except (OSError, ValueError) as error:
            raise UsageError(self._unreadable(error), fix="Give a .cube file.") from None

    def state(self) -> Hashable:
        """The status of the file: it may change during a session."""
        try:
            return self._file()
        except OSError:
            return None

    def identity(self) -> str:
        """A digest of the file, so that another table under the same name counts as a change."""
        return asset_digest(self.name, self.file)

    def _file(self) -> File:
        found = os.stat(self.file)
        return File(self.file, found.st_size, found.st_mtime_ns)

    def _read(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function that reads the file; raises TransformError."""
        try:
            return function(self._file(), *arguments)
        except (OSError, ValueError) as error:
            raise TransformError(self._unreadable(error), fix="Give a .cube file.") from error

    def _unreadable(self, error: OSError | ValueError) -> str:
        reason = (error.strerror or "it cannot be opened") if isinstance(error, OSError) else str(error)
        return f"The look-up table {self.file} cannot be read: {reason}."


@lru_cache(maxsize=2)
def _loaded(file: File, strength: float) -> Cube:
    if file.size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES >> 20} MiB")
    with open(file.path, "rb") as opened:
        data = opened.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # titles of old programs
    if "\0" in text:
        raise ValueError("it is not text")
    return blended(parse_cube(text), strength)


@lru_cache(maxsize=8)
def _tints(file: File) -> bool:
    """Whether the table gives a grey some colour."""
    import numpy as np

    greys = np.linspace(0, 1, 1025, dtype=np.float32)[None, :, None].repeat(3, axis=2)
    return bool((np.ptp(_mapped(_loaded(file, 1.0), greys), axis=2) > _TINT).any())


_TINT = 0.5 / 255
"""Greatest difference between the channels of a grey: rounding of decimals."""


def _mapped(found: Cube, colours: Array) -> Array:
    """The colours through curves and cube.

    Args:
        found: the tables.
        colours: h×W×3 or, where all channels are treated alike, h×W×1 float32.
    """
    import numpy as np

    count = colours.shape[2]
    colours = colours.repeat(3, axis=2) if count == 1 else colours
    if found.curves:
        curved = [through_curves(found.curves, channel, colours[..., channel]) for channel in range(3)]
        colours = np.stack(curved, axis=2)
    if found.cube:
        colours = through_cube(found.cube, colours)
    return colours if count == 3 else colours[..., 1:2]


def _for_pillow_too(found: Cube) -> bool:
    cube = found.cube
    return cube is not None and cube.plain and not found.curves and len(cube.entries) <= _PILLOW_SIDE


@lru_cache(maxsize=2)
def _for_pillow(file: File, strength: float) -> Any:
    from PIL import ImageFilter

    table = _loaded(file, strength).cube
    assert table is not None
    return ImageFilter.Color3DLUT(len(table.entries), table.entries.ravel(), _copy_table=False)


def _with_pillow(src: Frame, dst: Frame, table: Any) -> None:
    """The same for 8 bits, ten times as fast."""
    import numpy as np
    from PIL import Image

    for rows in bands(src.spec.height):
        colours = np.ascontiguousarray(src.array[rows, :, :3])
        dst.array[rows, :, :3] = np.asarray(Image.fromarray(colours).filter(table))
    keep_rest(src, dst)
