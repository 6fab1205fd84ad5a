"""apply_batch: a user's function on several pictures at once, such as a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from imgpar.core.errors import ItemError, TransformError
from imgpar.core.spec import Frame
from imgpar.ops.apply import Apply
from imgpar.ops.returned import NO_PICTURES, as_array
from imgpar.ops.user_code import call

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_PICTURES = 1024
"""Maximum pictures of a batch."""
_ONE_FOR_EACH = "Return one result for each picture, in order: N × height × width × channels, or a list."


class OfBatch(NamedTuple):
    """What a call gave for one picture."""

    result: Frame | ItemError
    remark: str = ""
    """For the report; empty where there is nothing to tell."""

    def frame(self) -> Frame:
        """The picture; raises its error."""
        if isinstance(self.result, ItemError):
            raise self.result
        return self.result


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

    def over(self, frames: Iterable[Frame], remarks: list[str] | None = None) -> Iterator[Frame]:
        """Call the function for the frames of one item; raises the first error."""
        self.set_up()
        waiting = iter(frames)
        while chunk := list(islice(waiting, self.size)):
            for made in self.each(chunk):
                if remarks is not None and made.remark and made.remark not in remarks:
                    remarks.append(made.remark)
                yield made.frame()

    def each(self, frames: Sequence[Frame]) -> list[OfBatch]:
        """The result of each frame, or its error. Frames of one size share a call. If the function raises,
        the frames of the call are tried again one by one, so that only those fail that cause it; an answer
        that is not one result for each frame fails all of them."""
        self.set_up()
        found: list[OfBatch | None] = [None] * len(frames)
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

    def _called(self, given: Sequence[Array], frames: Sequence[Frame]) -> list[OfBatch]:
        import numpy as np

        try:
            answer = call(self.function, self._label, np.stack(given))
        except (TransformError, MemoryError) as error:
            if len(given) > 1:
                return self._one_by_one(given, frames, error)
            if isinstance(error, MemoryError):
                raise
            return [OfBatch(error)]
        try:
            results = self._results(answer, len(given))
        except TransformError as error:
            return [OfBatch(error)] * len(given)
        return [self._one(result, frame) for result, frame in zip(results, frames, strict=True)]

    def _one_by_one(
        self, given: Sequence[Array], frames: Sequence[Frame], error: TransformError | MemoryError
    ) -> list[OfBatch]:
        """A call for each picture, after the call for all of them has raised `error`."""
        raised = type(error.__cause__ or error).__name__
        remark = f"{self._label} raised {raised} for {len(given)} pictures; they were repeated one by one."
        pairs = zip(given, frames, strict=True)
        return [
            made._replace(remark=remark) for array, frame in pairs for made in self._called([array], [frame])
        ]

    def _one(self, result: object, frame: Frame) -> OfBatch:
        try:
            return OfBatch(self._taken(result, frame))
        except TransformError as error:
            return OfBatch(error)

    def _results(self, answer: object, expected: int) -> Sequence[object]:
        """One result for each picture. Raises TransformError."""
        sequence = isinstance(answer, (list, tuple))
        results: Any = answer if sequence else as_array(answer, self._label, f"{_ONE_FOR_EACH} {NO_PICTURES}")
        count = len(results) if sequence or results.ndim else 0
        if count != expected:
            raise TransformError(
                f"{self._label} returned {count} {'result' if count == 1 else 'results'} "
                f"for {expected} {'picture' if expected == 1 else 'pictures'}.",
                fix=_ONE_FOR_EACH,
            )
        return list(results)
