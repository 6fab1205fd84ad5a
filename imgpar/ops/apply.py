"""apply: a user's function on an array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from imgpar.core.errors import TransformError
from imgpar.core.job import ItemFacts
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.ops.base import Operation
from imgpar.ops.function_digest import fingerprint, qualified_name
from imgpar.pixels.arrays import PEAK, store_values

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_BY_CHANNELS: dict[int, Layout] = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
BEYOND = 0.5
"""Maximum distance of float values from 0 … 1 that is clipped."""
_ODD_BYTE = 300.0
"""Up to here float values look like 8-bit values."""
_ADVICE = {
    "b": "Return a mask as (mask * 255).astype('uint8').",
    "i": "Return result.clip(0, 255).astype('uint8').",
    "u": "Return result.clip(0, 255).astype('uint8').",
    "f": "Return result.astype('float32'), from 0 to 1, or result.clip(0, 255).astype('uint8').",
    "c": "Return numpy.abs(result).astype('float32'), from 0 to 1: complex numbers are not pixels.",
    "O": "It holds Python objects: return numpy.array(result, dtype='uint8').",
}
"""Advice for a dtype that is not a pixel type, by numpy kind."""
_RESULT = "height × width or height × width × 1 to 4 channels of uint8, uint16 or float32"


@dataclass(frozen=True)
class Apply(Operation):
    """Call `function(array)` on every picture; its result replaces the picture.

    The array is height × width × channels, C-contiguous, writable and owned by the function. It returns an
    array of height × width or height × width × 1, 2 (grey, alpha), 3 or 4 (RGBA) channels in uint8, uint16 or
    float32 (0 to 1). If the result has the same size and no alpha, that of the picture is restored. Raises
    TransformError for anything else, and where the function raises.

    A callable object with a method `reset(item)` is stateful: it is reset before the first frame of each
    item, and receives the frames of that item in order, in one process.
    """

    name: ClassVar[str] = "apply"
    summary: ClassVar[str] = "call a Python function on every picture (Python only)"
    dynamic: ClassVar[bool] = True
    portable: ClassVar[bool] = False

    function: Callable[[Any], Any]
    channels: Literal["L", "RGB", "RGBA"] = "RGB"
    dtype: str = "uint8"

    def begin(self, item: ItemFacts) -> None:
        """Call the function's `reset(item)`, if it has one."""
        if self.in_order:
            self._guarded(self.function.reset, item)  # type: ignore[attr-defined]

    @property
    def in_order(self) -> bool:
        """Whether the function is stateful: it has a method `reset`."""
        return callable(getattr(self.function, "reset", None))

    def call(self, frame: Frame) -> Frame:
        """Call the function with a copy of the frame; the result owns its memory."""
        given = _converted(frame, self.channels, self.dtype)
        deep = frame.spec.dtype == self.dtype == "float32"
        least, most = (float(given.min()), float(given.max())) if deep else (0.0, 1.0)
        array = self._checked(self._guarded(self.function, given))
        if array.dtype.kind == "f":
            array = self._in_range(array, min(least, 0.0), max(most, 1.0))
        height, width, count = array.shape
        spec = Spec(width, height, _BY_CHANNELS[count], array.dtype.name)
        if frame.spec.alpha and not spec.alpha and spec.size == frame.spec.size:
            return _with_alpha(Frame(spec, array), frame)
        return Frame(spec, array)

    def identity(self) -> str:
        """A digest of the function's code and of the plain values it uses."""
        return fingerprint((self.function, self.channels, self.dtype))

    def _guarded(self, function: Callable[[Any], Any], given: object) -> object:
        """Call a user's function."""
        try:
            return function(given)
        except MemoryError:
            raise  # the memory limit of workers, reported by the runtime
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}".removesuffix(": ").removesuffix(".")
            raise TransformError(
                f"{self._label} raised {reason}.", fix="Its traceback is in the report."
            ) from error

    @property
    def _label(self) -> str:
        return f"The function {qualified_name(self.function)}"

    def _checked(self, result: object) -> Array:
        """The result as a contiguous height × width × channels array without other references."""
        import numpy as np

        if result is None:
            raise TransformError(f"{self._label} returned None.", fix="Let it return the array.")
        if not isinstance(result, np.ndarray):
            kind = type(result).__name__
            raise TransformError(f"{self._label} returned a {kind}.", fix=f"Return a numpy array: {_RESULT}.")
        shape, array = result.shape, result[..., None] if result.ndim == 2 else result
        if (
            array.ndim != 3
            or array.shape[2] not in _BY_CHANNELS
            or 0 in shape
            or array.dtype.name not in PEAK
        ):
            advice = _ADVICE.get(array.dtype.kind, "") if array.dtype.name not in PEAK else ""
            raise TransformError(
                f"{self._label} returned an array of shape {shape} and type {result.dtype}.",
                fix=advice or f"Return {_RESULT}.",
            )
        # A contiguous result that owns its memory is used directly; views may be shared.
        return np.ascontiguousarray(array)

    def _in_range(self, array: Array, least: float, most: float) -> Array:
        """Floating point values clipped to 0 … 1, or to the range of the input.

        Resampling and sharpening exceed the range slightly, which is clipped.
        """
        import numpy as np

        low, high = float(array.min()), float(array.max())
        if not np.isfinite(low + high):
            raise TransformError(
                f"{self._label} returned values that are not numbers (NaN) or infinite.",
                fix="Look for a division by zero in it, or use numpy.nan_to_num.",
            )
        if low < least - BEYOND or high > most + BEYOND:
            scale = (
                "Divide by 255, or return uint8."
                if low >= 0 and 2 < high <= _ODD_BYTE
                else "Scale it to 0 to 1, or clip it: numpy.clip(array, 0, 1)."
            )
            raise TransformError(
                f"{self._label} returned {array.dtype} values from {low:.4g} to {high:.4g}; "
                "floating point is 0 (black) to 1 (white).",
                fix=scale,
            )
        return array.clip(least, most) if low < least or high > most else array


def _converted(frame: Frame, layout: Literal["L", "RGB", "RGBA"], dtype: str) -> Array:
    """A copy of the frame's pixels in another layout and depth; float32 is 0 to 1."""
    import cv2
    import numpy as np

    pixels, spec = frame.array, frame.spec
    count = 1 if spec.grey else 3
    colours, alpha = pixels[..., :count], pixels[..., -1:]
    if layout == "L" and count == 3:
        colours = cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2GRAY)[..., None]
    elif layout != "L" and count == 1:
        colours = np.repeat(colours, 3, axis=2)
    if layout == "RGBA":
        opaque = np.full((spec.height, spec.width, 1), PEAK[spec.dtype], spec.dtype)
        colours = np.concatenate([colours, alpha if spec.alpha else opaque], axis=2)
    result = np.empty(colours.shape, dtype)
    if dtype == spec.dtype:
        np.copyto(result, colours)
    else:
        store_values(colours.astype(np.float32) * np.float32(PEAK[dtype] / PEAK[spec.dtype]), result)
    return result


def _with_alpha(result: Frame, source: Frame) -> Frame:
    """The result with the alpha of the source, in the result's depth."""
    import numpy as np

    spec = result.spec.converted("LA" if result.spec.grey else "RGBA")
    array = np.empty(spec.shape, spec.dtype)
    array[..., :-1] = result.array
    scale = np.float32(PEAK[spec.dtype] / PEAK[source.spec.dtype])
    store_values(source.array[..., -1].astype(np.float32) * scale, array[..., -1])
    return Frame(spec, array)
