"""`imgpar.Batch`: the arrays of several inputs as one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from imgpar.batch.array_item import ArrayItem
from imgpar.core.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow

A = TypeVar("A")
"""Type of an array: numpy's, or a tensor."""

Make = Callable[[tuple[int, ...], str], tuple[A, "np.ndarray[Any, Any]"]]
"""A new array of a shape and a type, and numpy's view of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch(Generic[A]):
    """The arrays of several inputs.

    The memory of the arrays belongs to this batch and may be written to. It is used for another batch when
    the last reference to any of them is gone.

    >>> import numpy as np
    >>> batch = Batch((), np.zeros((2, 4, 6, 3), np.uint8))
    >>> len(batch), batch.array.shape, batch.arrays[1].shape
    (2, (2, 4, 6, 3), (4, 6, 3))
    """

    items: tuple[ArrayItem, ...]
    """Which input each array is of; `index` is its place among all inputs, in whatever order they come."""
    content: A | tuple[A | None, ...] = field(repr=False)
    """One array of all, or a tuple of one for each item where sizes differ or one is missing."""
    epoch: int = 0
    number: int = 0
    """Of the batch in its epoch, from 0."""
    state: Mapping[str, Any] | None = field(default=None, repr=False)
    """The state with which `batches` goes on after this one; None where inputs come from an iterator."""

    def __len__(self) -> int:
        return len(self.content)  # type: ignore[arg-type]

    @property
    def array(self) -> A:
        """All arrays as one: N×H×W×C, or N×C×H×W with `layout="NCHW"`; C-contiguous.

        Raises:
            UsageError: sizes differ, or an input has no array.
        """
        if not isinstance(self.content, tuple):
            return self.content
        if missing := sum(one is None for one in self.content):
            raise UsageError(
                f"{missing} of {len(self)} inputs of the batch have no array.",
                fix="Use batch.arrays, or errors='skip', which leaves such inputs out.",
            )
        raise UsageError(
            "The arrays of the batch have different sizes.",
            fix="Use batch.arrays, or bring them to one size: Pipeline().resize('224x224', fit='cover').",
        )

    @property
    def arrays(self) -> list[A | None]:
        """One array for each item, H×W×C; None where there is none (`errors="yield"`)."""
        return list(cast("tuple[A | None, ...]", self.content))

    @property
    def keys(self) -> list[Hashable]:
        """What the caller calls each input: the key that was given with it, else its path."""
        return [item.key for item in self.items]

    @property
    def indices(self) -> list[int]:
        """The place of each input among all that were given, such as for `labels[batch.indices]`."""
        return [item.index for item in self.items]

    def to_arrow(self) -> pyarrow.RecordBatch:
        """The batch as a table of Arrow: `key` (text), `index`, and `image`, a column of tensors, which is a
        view of `array`.

        Raises:
            UsageError: sizes differ, or an input has no array.
            MissingExtraError: pyarrow is not installed.
        """
        array = self.array
        try:
            import pyarrow
        except ImportError as error:
            raise MissingExtraError(
                "Tables of Arrow need pyarrow.", fix="Install it: pip install 'imgpar[parquet]'"
            ) from error
        columns = {
            "key": pyarrow.array([str(key) for key in self.keys], pyarrow.string()),
            "index": pyarrow.array(self.indices, pyarrow.int64()),
            "image": pyarrow.FixedShapeTensorArray.from_numpy_ndarray(array),
        }
        return pyarrow.RecordBatch.from_pydict(columns)


class Rows(Generic[A]):
    """The arrays of one batch, copied into memory that lasts.

    Args:
        make: makes the array of all.
        count: the most that are added.
        channels_first: whether arrays are stored C×H×W.
    """

    def __init__(self, make: Make[A], count: int, *, channels_first: bool) -> None:
        self._make, self._count, self._channels_first = make, count, channels_first
        self._whole: A | None = None
        self._view: np.ndarray[Any, Any] | None = None
        self._rows: list[A | None] = []
        self._uniform = True

    def add(self, array: np.ndarray[Any, Any] | None) -> None:
        """Add a copy of one array H×W×C."""
        if array is None:
            self._uniform = False
            self._rows.append(None)
            return
        if self._channels_first:
            array = array.transpose(2, 0, 1)
        if self._view is None or self._whole is None:
            self._whole, self._view = self._make((self._count, *array.shape), array.dtype.name)
        at = len(self._rows)
        if array.shape == self._view.shape[1:]:
            self._view[at] = array
            self._rows.append(self._whole[at])  # type: ignore[index]
            return
        self._uniform = False
        alone, view = self._make(array.shape, array.dtype.name)
        view[:] = array
        self._rows.append(alone)

    def __len__(self) -> int:
        return len(self._rows)

    def content(self) -> A | tuple[A | None, ...]:
        """What `Batch.content` is."""
        if self._uniform and self._whole is not None:
            return cast("A", self._whole[: len(self._rows)])  # type: ignore[index]
        return tuple(self._rows)
