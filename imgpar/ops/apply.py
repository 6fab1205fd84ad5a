"""apply: a user's function on an array."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from imgpar.core.errors import TransformError
from imgpar.core.job import ItemFacts
from imgpar.core.spec import Frame, Spec
from imgpar.core.unit_range import BEYOND, looks_like_bytes
from imgpar.ops.base import Operation
from imgpar.ops.function_digest import fingerprint
from imgpar.ops.returned import BY_CHANNELS, checked
from imgpar.ops.user_code import call, function_label, know_lines, set_up, source_lines, tear_down
from imgpar.pixels.arrays import PEAK, store_values

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

UNIT = (0.0, 1.0)
"""Black and white of floating point values, where nothing else is declared."""
MOST_FRAMES = 255
"""Maximum frames of a window."""


@dataclass(frozen=True)
class Apply(Operation):
    """Call `function(array)` on every picture; its result replaces the picture.

    The array is height × width × channels, C-contiguous, writable and owned by the function. It returns an
    array of height × width or height × width × 1, 2 (grey, alpha), 3 or 4 (RGBA) channels in uint8, uint16,
    bool (0 and 255) or floating point (`range`). If the result has the same size and no alpha, that of the
    picture is restored. Raises TransformError for anything else, and where the function raises.

    A callable object may have these methods: `setup()` is called once in each process, before the first
    picture; `close()` at the end of the run in a worker. With `reset(item)` it is stateful: it is reset
    before the first frame of each item, and receives the frames of that item in order, in one process.
    """

    name: ClassVar[str] = "apply"
    summary: ClassVar[str] = "call a Python function on every picture (Python only)"
    dynamic: ClassVar[bool] = True
    portable: ClassVar[bool] = False

    function: Callable[[Any], Any]
    channels: Literal["L", "RGB", "RGBA"] = "RGB"
    dtype: str = "uint8"
    range: tuple[float, float] = UNIT
    """Values of black and white where values are floating point."""
    window: int = 1
    """Frames that the function gets at once: the one whose result it returns, and its neighbours."""
    step: int = 0
    """Number of the operation in its pipeline, for messages; 0 is unknown."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lines": source_lines(self.function)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        know_lines(state.pop("_lines"))
        self.__dict__.update(state)

    def numbered(self, step: int) -> Apply:
        """The operation with its number in the pipeline."""
        return replace(self, step=step)

    @property
    def sets_up(self) -> bool:
        """As `Operation.sets_up`."""
        return callable(getattr(self.function, "setup", None))

    def set_up(self) -> None:
        """Call `setup()` of the function, where this process has not; raises SetupError."""
        set_up(self.function, self._label)

    def tear_down(self) -> None:
        """Call `close()` of the function, where this process has set it up."""
        tear_down(self.function)

    def begin(self, item: ItemFacts) -> None:
        """Call the function's `reset(item)`, if it has one."""
        self.set_up()
        if self.in_order:
            call(self.function.reset, self._label, item)  # type: ignore[attr-defined]

    @property
    def in_order(self) -> bool:
        """Whether the function is stateful: it has a method `reset`."""
        return callable(getattr(self.function, "reset", None))

    @property
    def together(self) -> bool:
        """As `Operation.together`."""
        return self.window > 1

    def call(self, frame: Frame) -> Frame:
        """Call the function with a copy of the only frame of an item; the result owns its memory."""
        (made,) = self.over([frame])
        return made

    def over(
        self,
        frames: Iterable[Frame],
        remarks: list[str] | None = None,  # noqa: ARG002
    ) -> Iterator[Frame]:
        """Call the function for each frame of an item, with a copy of it, or of it and its neighbours."""
        self.set_up()
        if self.window > 1:
            return self._over_windows(frames)
        return (self._taken(call(self.function, self._label, self._given(frame)), frame) for frame in frames)

    def _over_windows(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Half a window of frames is read ahead; beyond both ends the first and the last one repeat."""
        half = self.window // 2
        window: deque[Array] = deque(maxlen=self.window)
        waiting = deque[Frame]()
        given = self._repeated_at_ends(frames, half, waiting)
        for array in given:
            window.append(array)
            if len(window) == self.window:
                yield self._taken(call(self.function, self._label, self._stacked(window)), waiting.popleft())

    def _repeated_at_ends(self, frames: Iterable[Frame], half: int, waiting: deque[Frame]) -> Iterator[Array]:
        array: Array | None = None
        for frame in frames:
            waiting.append(frame)
            first, array = array is None, self._given(frame)
            yield from repeat(array, half + 1 if first else 1)
        if array is not None:
            yield from repeat(array, half)

    def _stacked(self, arrays: Sequence[Array]) -> Array:
        """A new array N×H×W×C; raises TransformError where sizes differ."""
        import numpy as np

        if len({array.shape for array in arrays}) > 1:
            raise TransformError(
                f"{self._label} cannot get a window of frames of different sizes.",
                fix="Let the function before it return one size for all frames of an item.",
            )
        return np.stack(arrays)

    def identity(self) -> str:
        """A digest of the function's code and of the plain values it uses."""
        facts: tuple[Any, ...] = (self.function, self.channels, self.dtype)
        facts = facts if self.range == UNIT else (*facts, self.range)
        return fingerprint(facts if self.window == 1 else (*facts, "window", self.window))

    @property
    def _label(self) -> str:
        return function_label(self.function, self.step)

    def _given(self, frame: Frame) -> Array:
        """The argument of the function: a copy of the pixels."""
        import numpy as np

        array = _converted(frame, self.channels, self.dtype)
        if self.range != UNIT and array.dtype == np.float32:
            low, high = self.range
            array *= np.float32(high - low)
            array += np.float32(low)
        return array

    def _taken(self, result: object, source: Frame) -> Frame:
        """The frame of a result; raises TransformError where it is no picture."""
        array, dtype = checked(result, self._label)
        if array.dtype.kind == "f":
            array = self._in_range(array, dtype, source)
        height, width, count = array.shape
        spec = Spec(width, height, BY_CHANNELS[count], array.dtype.name)
        if source.spec.alpha and not spec.alpha and spec.size == source.spec.size:
            return _with_alpha(Frame(spec, array), source)
        return Frame(spec, array)

    def _in_range(self, array: Array, dtype: str, source: Frame) -> Array:
        """Floating point values as 0 to 1, clipped to this range, or to that of the source.

        Resampling and sharpening exceed the range slightly, which is clipped.

        Args:
            array: float32, in the declared range.
            dtype: type that the function returned, for messages.
            source: the frame that the function was given.
        """
        import numpy as np

        least, most = UNIT
        if source.spec.dtype == self.dtype == "float32":
            pixels = source.array[..., : 1 if source.spec.grey else 3]
            least, most = min(least, float(pixels.min())), max(most, float(pixels.max()))
        low, high = float(array.min()), float(array.max())
        if not np.isfinite(low + high):
            raise TransformError(
                f"{self._label} returned values that are not numbers (NaN) or infinite.",
                fix="Look for a division by zero in it, or use numpy.nan_to_num.",
            )
        if self.range != UNIT:
            black, white = self.range
            array = (array - np.float32(black)) * np.float32(1 / (white - black))
        begin, end = float(array.min()), float(array.max())
        if begin < least - BEYOND or end > most + BEYOND:
            raise TransformError(
                f"{self._label} returned {dtype} values from {low:.4g} to {high:.4g}; "
                f"floating point is {self.range[0]:g} (black) to {self.range[1]:g} (white).",
                fix=self._advice_on_range(low, high),
            )
        return array.clip(least, most) if begin < least or end > most else array

    def _advice_on_range(self, low: float, high: float) -> str:
        if self.range != UNIT:
            return "Declare the range that the function returns, or clip its result."
        if looks_like_bytes(low, high):
            return "Divide by 255, return uint8, or declare range=(0, 255)."
        return "Scale it to 0 to 1, clip it with numpy.clip(array, 0, 1), or declare its range."


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
