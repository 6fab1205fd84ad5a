"""apply_batch: a user's function on several pictures at once, such as a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core.errors import ItemError, TransformError
from imgpar.core.spec import Frame
from imgpar.ops.apply import Apply
from imgpar.ops.returned import as_array
from imgpar.ops.user_code import call

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_PICTURES = 1024
"""Maximum pictures of a batch."""


@dataclass(frozen=True)
class ApplyBatch(Apply):
    """Call `function(arrays)` on several pictures at once; its results replace them, one by one.

    The array is N × height × width × channels, C-contiguous, writable and owned by the function: pictures of
    one size, at most `size` of them. It returns N results, in order, as an array or a sequence; each is
    treated as that of `Apply`.
    """

    name: ClassVar[str] = "apply_batch"
    summary: ClassVar[str] = "call a Python function on several pictures at once (Python only)"

    size: int = 16

    @property
    def together(self) -> bool:
        """As `Operation.together`."""
        return self.size > 1

    @property
    def batch(self) -> int:
        """As `Operation.batch`."""
        return self.size

    def over(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Call the function for the frames of one item; raises the first error."""
        self.set_up()
        waiting = iter(frames)
        while chunk := list(islice(waiting, self.size)):
            for made in self.each(chunk):
                if isinstance(made, ItemError):
                    raise made
                yield made

    def each(self, frames: Sequence[Frame]) -> list[Frame | ItemError]:
        """The result of each frame, or its error. Frames of one size share a call. If a call fails, its
        frames are tried again one by one, so that only those fail that cause it."""
        self.set_up()
        found: list[Frame | ItemError | None] = [None] * len(frames)
        given = [self._given(frame) for frame in frames]
        alike: dict[tuple[int, ...], list[int]] = {}
        for number, array in enumerate(given):
            alike.setdefault(array.shape, []).append(number)
        for numbers in alike.values():
            for at in range(0, len(numbers), self.size):
                part = numbers[at : at + self.size]
                made = self._called([given[number] for number in part], [frames[number] for number in part])
                for number, result in zip(part, made, strict=True):
                    found[number] = result
        return [made for made in found if made is not None]

    def identity(self) -> str:
        """As `Apply.identity`; the number of pictures in a call has no influence on their results."""
        return f"batch {super().identity()}"

    def _called(self, given: Sequence[Array], frames: Sequence[Frame]) -> list[Frame | ItemError]:
        try:
            results = self._results(given)
        except (TransformError, MemoryError) as error:
            if len(given) > 1:
                pairs = zip(given, frames, strict=True)
                return [made for array, frame in pairs for made in self._called([array], [frame])]
            if isinstance(error, MemoryError):
                raise
            return [error]
        made = list[Frame | ItemError]()
        for result, frame in zip(results, frames, strict=True):
            try:
                made.append(self._taken(result, frame))
            except TransformError as error:
                made.append(error)
        return made

    def _results(self, given: Sequence[Array]) -> Sequence[object]:
        """One result for each picture. Raises TransformError."""
        import numpy as np

        result = call(self.function, self._label, np.stack(given))
        results: Any = result if isinstance(result, (list, tuple)) else as_array(result, self._label)
        count = len(results) if isinstance(results, (list, tuple)) or results.ndim else 0
        if count != len(given):
            pictures = "1 picture" if len(given) == 1 else f"{len(given)} pictures"
            raise TransformError(
                f"{self._label} returned {count} results for {pictures}.",
                fix="Return one for each picture, in order: N × height × width × channels.",
            )
        return list(results)
