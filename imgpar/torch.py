"""Batches as tensors of PyTorch, beside a `DataLoader` or inside its workers. Importing it needs torch.

dataset = imgpar.torch.IterableDataset(pipe, "photos/", size=32, shuffle=0, repeat=10)
for batch in torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=2):
    train(batch.array, labels[batch.indices])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack

from imgpar.api.batches import batch_request, workers_of
from imgpar.api.pipeline import Pipeline
from imgpar.batch.array_batch import Batch, Make
from imgpar.batch.array_item import Errors
from imgpar.batch.batches import Batches, in_shared_memory
from imgpar.batch.sampling import State
from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.core.spec import Channels, Dtype

try:
    import torch
    from torch.utils import data as loading
    from torch.utils.data._utils.collate import default_collate_fn_map
except ImportError as error:
    raise ImportError("imgpar.torch needs PyTorch. Install it: pip install torch.") from error

if TYPE_CHECKING:
    import numpy as np

    from imgpar.api.settings import AnyInputs
    from imgpar.api.typed import ArraysSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class TensorBatch(Batch[torch.Tensor]):
    """A batch whose arrays are tensors, N×H×W×C or N×C×H×W.

    A `DataLoader` sends it between processes in shared memory, and pins it with `pin_memory=True`.
    """

    def pin_memory(self) -> Self:
        """A copy in pinned memory, from which a GPU copies without waiting."""
        return self._each(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """A copy on a device; the batch itself where it is there already."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def _each(self, convert: Callable[[torch.Tensor], torch.Tensor]) -> Self:
        content = self.content
        if isinstance(content, tuple):
            return replace(self, content=tuple(None if one is None else convert(one) for one in content))
        return replace(self, content=convert(content))


def to_tensor(batch: Batch[np.ndarray[Any, Any]], *, pinned: bool = False) -> torch.Tensor:
    """The arrays of a batch as one tensor.

    Args:
        batch: of `Pipeline.batches` or `Session.batches`.
        pinned: return a copy in pinned memory, where there is CUDA; else the tensor is a view of the batch,
            whose memory stays in use as long as the tensor.

    Raises:
        UsageError: sizes differ, or an input has no array.
    """
    tensor = torch.from_numpy(batch.array)
    return tensor.pin_memory() if pinned and torch.cuda.is_available() else tensor


class IterableDataset(loading.IterableDataset[TensorBatch]):
    """Batches of a pipeline, for a `DataLoader` with `batch_size=None`, or without one.

    Without workers of the loader imgpar has its own, one per core. In each worker of the loader it works in
    that process, and takes every n-th batch; so the loader gives the same batches in the same order with any
    number of workers. Each iteration begins with the epoch of `set_epoch`, at first 0, and has `repeat`
    epochs. `len()` is the number of its batches: the inputs are listed when it is first asked for.

    Args:
        pipeline: operations applied to each picture.
        inputs: as for `Pipeline.batches`, but no iterator, as they are read in each epoch.
        size, shuffle, drop_last, rank, world, repeat, prefetch, channels, dtype, layout, errors: as there.
        pinned: tensors in pinned memory, where there is CUDA. In workers of a loader it is refused: there
            `DataLoader(pin_memory=True)` does the same.
        settings: as for `Pipeline.arrays`.

    Raises:
        UsageError: a setting is invalid or not used by this call.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        inputs: AnyInputs,
        *,
        size: int = 8,
        shuffle: int | Literal[False] = False,
        drop_last: bool = False,
        rank: int = 0,
        world: int = 1,
        repeat: int | None = 1,
        prefetch: int = 2,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        layout: Literal["NHWC", "NCHW"] = "NHWC",
        errors: Errors = "raise",
        pinned: bool = False,
        **settings: Unpack[ArraysSettings],
    ) -> None:
        super().__init__()
        if isinstance(inputs, Iterator):
            raise UsageError(
                "A data set is read in each epoch, but an iterator can be read once.",
                fix="Give a list, a folder or a source, or use Pipeline.batches.",
            )
        self._pipeline, self._inputs, self._settings = pipeline, inputs, settings
        self._pinned = parsing.named("pinned", parsing.switch, pinned)
        self._given = {
            "size": size, "shuffle": shuffle, "drop_last": drop_last, "rank": rank, "world": world,
            "repeat": repeat, "prefetch": prefetch, "channels": channels, "dtype": dtype, "layout": layout,
            "errors": errors,
        }  # fmt: skip
        self._state = State(self._request().sampling).plain()
        self._count: int | None = None
        # First epoch, epoch and batch; shared, so that workers that a loader keeps hear of the next epoch.
        self._place = torch.zeros(3, dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Begin the next iteration with this epoch; the place of a loaded state in this epoch is kept."""
        epoch = parsing.named("epoch", parsing.integer(0, 1 << 31), epoch)
        number = int(self._place[2]) if int(self._place[1]) == epoch else 0
        self._place[:] = torch.tensor([epoch, epoch, number])

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Begin the next iteration after the batch whose state it is (`batch.state`).

        Raises:
            UsageError: it is no state, or was saved with other settings.
        """
        sampling = self._request().sampling
        found = State(sampling).resumed(state)
        covered = sampling.repeat is None or found.epoch < sampling.repeat
        self._state = found.plain()
        self._place[:] = torch.tensor([0 if covered else found.epoch, found.epoch, found.number])

    def __len__(self) -> int:
        """Batches of the next iteration; with errors="skip" there may be fewer.

        Raises:
            TypeError: it is not known: `repeat` is None, or `where` chooses the inputs.
        """
        request = self._request()
        if self._count is None:
            self._count = request.count()
        repeat, (first, epoch, number) = request.sampling.repeat, self._place.tolist()
        if repeat is None or self._count is None:
            name = "repeat=None is endless" if repeat is None else "where= chooses them as they are read"
            raise TypeError(f"The number of batches is not known: {name}.")
        left: int = request.sampling.batches(self._count) * (first + repeat - epoch) - number
        return left

    def __iter__(self) -> Iterator[TensorBatch]:
        request, info = self._request(), loading.get_worker_info()
        if info is not None and self._pinned:
            raise UsageError(
                "Workers of a DataLoader cannot pin memory.",
                fix="Leave out pinned, and use DataLoader(pin_memory=True).",
            )
        first, epoch, number = self._place.tolist()
        sampling = request.sampling
        sampling = replace(
            sampling,
            repeat=None if sampling.repeat is None else first + sampling.repeat,
            part=info.id if info else 0,
            parts=info.num_workers if info else 1,
        )
        batches = Batches(
            workers_of(request),
            replace(request, sampling=sampling),
            _make(self._pinned, sent=info is not None),
        )
        batches.load_state_dict({**self._state, "epoch": epoch, "number": number})
        for batch in batches:
            yield TensorBatch(batch.items, batch.content, batch.epoch, batch.number, batch.state)

    def _request(self) -> Any:
        return batch_request(
            self._pipeline.recipe, self._inputs, self._settings, in_session=False, on_event=None, cancel=None,
            **self._given,
        )  # fmt: skip


def _refuse_collation(batches: list[TensorBatch], *, collate_fn_map: object = None) -> None:  # noqa: ARG001
    """A loader makes batches of batches, unless its `batch_size` is None."""
    raise UsageError(
        "A DataLoader cannot make batches of imgpar's batches.",
        fix="Use DataLoader(dataset, batch_size=None), and give size= to the data set.",
    )


default_collate_fn_map[TensorBatch] = _refuse_collation


def _make(pinned: bool, *, sent: bool) -> Make[torch.Tensor]:
    """Makes tensors: in memory that other processes can have, in pinned memory, or in memory used in turn."""
    if sent:
        return lambda shape, dtype: _with_view(
            torch.empty(shape, dtype=getattr(torch, dtype)).share_memory_()
        )
    if pinned and torch.cuda.is_available():
        return lambda shape, dtype: _with_view(
            torch.empty(shape, dtype=getattr(torch, dtype), pin_memory=True)
        )
    shared = in_shared_memory()

    def make(shape: tuple[int, ...], dtype: str) -> tuple[torch.Tensor, np.ndarray[Any, Any]]:
        array, view = shared(shape, dtype)
        return torch.from_numpy(array), view

    return make


def _with_view(tensor: torch.Tensor) -> tuple[torch.Tensor, np.ndarray[Any, Any]]:
    return tensor, tensor.numpy()
