"""apply: a function of the user's own, on an array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from imgpar.errors import TransformError
from imgpar.model import Frame, Layout, Spec
from imgpar.operations.arrays import PEAK, store
from imgpar.operations.base import Operation
from imgpar.operations.fingerprint import fingerprint, qualified_name

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_BY_CHANNELS: dict[int, Layout] = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_RESULT = "height × width or height × width × 1 to 4 channels of uint8, uint16 or float32"


@dataclass(frozen=True)
class Apply(Operation):
    """Call `function(array)` on every picture; what it returns goes on.

    The array is height × width × channels, C-contiguous, writable and the function's own. It returns
    an array of height × width or height × width × 1, 2 (grey, alpha), 3 or 4 (RGBA) channels in uint8,
    uint16 or float32 (0 to 1). A picture's transparency is put back where the result has none and the
    same size. Raises TransformError for anything else, and where the function raises.
    """

    name: ClassVar[str] = "apply"
    summary: ClassVar[str] = "call a Python function on every picture (Python only)"
    dynamic: ClassVar[bool] = True

    function: Callable[[Any], Any]
    channels: Literal["L", "RGB", "RGBA"] = "RGB"
    dtype: str = "uint8"

    def call(self, frame: Frame) -> Frame:
        """Run the function on a copy of the frame; the result owns its memory."""
        given = converted(frame, self.channels, self.dtype)
        try:
            result = self.function(given)
        except MemoryError:
            raise  # the limit of workers, which the runtime names
        except (Exception, SystemExit) as error:
            said = f"{type(error).__name__}: {error}".removesuffix(": ").removesuffix(".")
            raise TransformError(
                f"{self._label} raised {said}.", fix="Its traceback is in the report."
            ) from error
        array = self._checked(result)
        height, width, count = array.shape
        spec = Spec(width, height, _BY_CHANNELS[count], array.dtype.name)
        if frame.spec.alpha and not spec.alpha and spec.size == frame.spec.size:
            return _with_alpha(Frame(spec, array), frame)
        return Frame(spec, array)

    def identity(self) -> str:
        """A digest of the function's code and of the plain values it uses."""
        return fingerprint((self.function, self.channels, self.dtype))

    @property
    def _label(self) -> str:
        return f"The function {qualified_name(self.function)}"

    def _checked(self, result: object) -> Array:
        """The result as a contiguous height × width × channels array that nobody else writes to."""
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
            raise TransformError(
                f"{self._label} returned an array of shape {shape} and type {result.dtype}.",
                fix=f"Return {_RESULT}.",
            )
        # A contiguous result that owns its memory is used as it is; views may look at anything.
        return np.ascontiguousarray(array)


def converted(frame: Frame, layout: Literal["L", "RGB", "RGBA"], dtype: str) -> Array:
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
        store(colours.astype(np.float32) * np.float32(PEAK[dtype] / PEAK[spec.dtype]), result)
    return result


def _with_alpha(result: Frame, source: Frame) -> Frame:
    """The result with the transparency of the source, in the result's depth."""
    import numpy as np

    spec = result.spec.converted("LA" if result.spec.grey else "RGBA")
    array = np.empty(spec.shape, spec.dtype)
    array[..., :-1] = result.array
    scale = np.float32(PEAK[spec.dtype] / PEAK[source.spec.dtype])
    store(source.array[..., -1].astype(np.float32) * scale, array[..., -1])
    return Frame(spec, array)
