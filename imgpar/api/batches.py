"""`Pipeline.batches` and `Session.batches`, from the values of the caller."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from imgpar.batch.batches import Batches, BatchRequest, in_shared_memory
from imgpar.batch.sampling import Sampling
from imgpar.batch.settings import BATCHES, SESSION_BATCHES
from imgpar.batch.stream import read_request
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.job import Event
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    import numpy as np

    from imgpar.api.settings import AnyInputs


def batches(
    recipe: Recipe,
    inputs: AnyInputs,
    settings: Mapping[str, Any],
    *,
    session: Workers | None,
    size: object,
    shuffle: object,
    drop_last: object,
    rank: object,
    world: object,
    repeat: object,
    prefetch: object,
    layout: object,
    state: Mapping[str, Any] | None,
    channels: str,
    dtype: str,
    errors: str,
    on_event: Callable[[Event], None] | None,
    cancel: CancelToken | None,
) -> Batches[np.ndarray[Any, Any]]:
    """The batches of a call; `session` has the workers, None starts some."""
    request = batch_request(
        recipe, inputs, settings, in_session=session is not None, size=size, shuffle=shuffle,
        drop_last=drop_last, rank=rank, world=world, repeat=repeat, prefetch=prefetch, layout=layout,
        channels=channels, dtype=dtype, errors=errors, on_event=on_event, cancel=cancel,
    )  # fmt: skip
    opened = workers_of(request) if session is None else lambda: contextlib.nullcontext(session)
    made = Batches(opened, request, in_shared_memory())
    if state is not None:
        made.load_state_dict(state)
    return made


def batch_request(
    recipe: Recipe,
    inputs: AnyInputs,
    settings: Mapping[str, Any],
    *,
    in_session: bool,
    size: object,
    shuffle: object,
    drop_last: object,
    rank: object,
    world: object,
    repeat: object,
    prefetch: object,
    layout: object,
    **of_arrays: Any,
) -> BatchRequest:
    """The values of a call, validated.

    Raises:
        UsageError: a setting is invalid, or not used by this call.
    """
    sampling = Sampling.read(size, shuffle, drop_last, rank, world, repeat)
    ahead = parsing.named("prefetch", parsing.integer(1, 1 << 10), prefetch) * sampling.size
    call = SESSION_BATCHES if in_session else BATCHES
    read = partial(read_request, call, recipe, settings=settings, copy=False, prefetch=ahead, **of_arrays)
    arrays = read(inputs=inputs)
    if arrays.inputs.lazy and not isinstance(inputs, Iterator):  # a column, a view of a mapping
        arrays = read(inputs=list(cast("Iterable[Any]", inputs)))
    return BatchRequest.read(arrays, sampling, layout)


def workers_of(request: BatchRequest) -> Callable[[], Workers]:
    """Starts the workers of a request, as its options say."""
    options = request.arrays.options
    return lambda: Workers(options.jobs, options.memory, worker_memory=options.worker_memory)
