"""What a user's function returned, as pixels: accepted, converted by a stated rule, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from imgpar.core.errors import TransformError
from imgpar.core.spec import Layout
from imgpar.pixels.arrays import PEAK

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class SupportsDLPack(Protocol):
    """An array of any library that exports its memory by DLPack."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any:
        """The capsule."""

    def __dlpack_device__(self) -> Any:
        """Kind and number of the device."""


if TYPE_CHECKING:
    Returned: TypeAlias = np.ndarray[Any, Any] | SupportsDLPack
    """What a function of the user may return."""

BY_CHANNELS: dict[int, Layout] = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
WANTED = "height × width or height × width × 1 to 4 channels of uint8, uint16, bool or floating point"
NO_PICTURES = (
    "Call a model that returns no pictures (classes, vectors) in a loop, on the arrays of Pipeline.batches."
)
_CPU = 1
"""The number of main memory among the devices of DLPack."""
_ADVICE = {
    "i": "Return result.clip(0, 255).astype('uint8').",
    "u": "Return result.clip(0, 255).astype('uint8').",
    "c": "Return numpy.abs(result).astype('float32'), from 0 to 1: complex numbers are not pixels.",
    "O": "It holds Python objects: return numpy.array(result, dtype='uint8').",
}
"""Advice for a dtype that is not a pixel type, by numpy kind."""


def as_array(result: object, label: str, advice: str = f"Return a numpy array: {WANTED}.") -> Array:
    """The result of a function as a numpy array of any shape and type.

    Arrays and objects with `__dlpack__` in main memory (such as tensors of PyTorch) are not copied; those on
    another device are. Masked arrays are refused: what is masked has no value.

    Args:
        result: anything.
        label: names the function in errors.
        advice: what to do where it is no array.

    Raises:
        TransformError: it is no array, or cannot be read as one.
    """
    import numpy as np

    if result is None:
        raise TransformError(f"{label} returned None.", fix="Let it return the array.")
    if isinstance(result, np.ma.MaskedArray):
        raise TransformError(f"{label} returned a masked array.", fix="Return result.filled(0).")
    if isinstance(result, np.ndarray):
        return np.asarray(result)
    if hasattr(result, "__dlpack__"):
        return _from_dlpack(result, label)
    raise TransformError(f"{label} returned a {type(result).__name__}.", fix=advice)


def _from_dlpack(result: Any, label: str) -> Array:
    import numpy as np

    try:
        if result.__dlpack_device__()[0] == _CPU:
            return np.from_dlpack(result)
        if callable(getattr(result, "cpu", None)):  # PyTorch
            return np.from_dlpack(result.cpu())
        return np.from_dlpack(result, device="cpu", copy=True)
    except Exception as error:
        raise TransformError(
            f"{label} returned a {type(result).__name__} that cannot be read: {error}.".replace("..", "."),
            fix="Return a numpy array: of a tensor result.detach().cpu().numpy().",
        ) from error


def checked(result: object, label: str) -> tuple[Array, str]:
    """The result as a C-contiguous H×W×C array of uint8, uint16 or float32 in this machine's byte order, and
    the name of its type. The array may share memory with `result`.

    Masks become 0 and 255. Floating point of any precision becomes float32; its range is not checked here.

    Args:
        result: anything.
        label: names the function in errors.

    Raises:
        TransformError: it is no picture.
    """
    import numpy as np

    given = as_array(result, label)
    array = given[..., None] if given.ndim == 2 else given
    kind, pixels = array.dtype.kind, array.dtype.kind in "bf" or array.dtype.name in PEAK
    if array.ndim != 3 or array.shape[2] not in BY_CHANNELS or 0 in array.shape or not pixels:
        advice = "" if pixels else _ADVICE.get(kind, "")
        raise TransformError(
            f"{label} returned an array of shape {given.shape} and type {given.dtype}.",
            fix=advice or _advice_on_axes(given.shape) or f"Return {WANTED}.",
        )
    if kind == "b":
        return array * np.uint8(255), "bool"
    wanted = np.dtype(np.float32) if kind == "f" else array.dtype.newbyteorder("=")
    with np.errstate(over="ignore"):  # what becomes infinite is refused with its range
        return np.ascontiguousarray(array, wanted), given.dtype.name


def _advice_on_axes(shape: tuple[int, ...]) -> str:
    """What to do where only the order or the number of axes is wrong, or where it is no picture at all."""
    if len(shape) < 2:
        return NO_PICTURES
    if len(shape) == 4 and shape[0] == 1:
        return "It is a batch of one: return result[0]."
    if len(shape) == 3 and shape[0] in BY_CHANNELS and shape[2] not in BY_CHANNELS and 0 not in shape:
        return "Its channels come first: return numpy.moveaxis(result, 0, -1)."
    return ""
