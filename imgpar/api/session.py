"""Sessions: worker processes and shared memory that are kept across runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, Unpack

from imgpar.api.pipeline import Pipeline
from imgpar.api.settings import Paths, texts
from imgpar.api.typed import SessionArraysSettings, SessionRunSettings
from imgpar.batch.settings import SESSION_ARRAYS
from imgpar.batch.stream import read_request, stream
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.job import Event, Item
from imgpar.core.spec import Channels, Dtype
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    import numpy as np

    from imgpar.batch.report import Report

    Array = np.ndarray[Any, Any]

_PARSERS: dict[str, parsing.Parser] = {
    "jobs": parsing.integer(1, 1000),
    "memory": parsing.byte_size,
    "start_method": parsing.choice("forkserver", "spawn"),
    "worker_memory": parsing.worker_memory,
}


class Session(Workers):
    """Workers and shared memory that are kept across runs.

    >>> with Session(jobs=1, memory="64M") as session:
    ...     session.jobs
    1

    Args:
        jobs: worker processes; None is every core that this process may use.
        memory: size of the shared arena in bytes or as text ("2G"); None is a quarter of the memory.
        start_method: "forkserver" or "spawn"; None is the best of this system.
        worker_memory: private memory of a worker on Linux, as bytes or text; None is 4 GiB, or all that the
            machine has. A picture whose decoder needs more fails.

    Raises:
        BadValueError: a value is wrong.
    """

    def __init__(
        self,
        jobs: int | None = None,
        memory: int | str | None = None,
        *,
        start_method: Literal["forkserver", "spawn"] | None = None,
        worker_memory: int | str | None = None,
    ) -> None:
        super().__init__(
            _read("jobs", jobs), _read("memory", memory), start_method=_read("start_method", start_method),
            worker_memory=_read("worker_memory", worker_memory),
        )  # fmt: skip

    def run(
        self,
        pipeline: Pipeline,
        inputs: Paths,
        out: str | os.PathLike[str] | None = None,
        *,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[SessionRunSettings],
    ) -> Report:
        """Convert files with this session's workers and memory.

        >>> with Session(jobs=2) as session:  # doctest: +SKIP
        ...     report = session.run(Pipeline().resize("1920"), "photos/", "web/", to="webp")

        Args:
            pipeline: what is done to each picture.
            inputs, out, on_event, cancel, report: as for `Pipeline.run`.
            settings: as there, without `memory` and `worker_memory`.

        Raises:
            UsageError: a setting is wrong; nothing was written.
            RunError: the run could not go on (disk full, OUT locked).
        """
        return pipeline.run(
            inputs, out, session=self, on_event=on_event, cancel=cancel, report=report, **settings
        )

    def arrays(
        self,
        pipeline: Pipeline,
        inputs: Paths,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[SessionArraysSettings],
    ) -> Iterator[tuple[Item, Array]]:
        """Decoded and transformed pictures as arrays, in the order of the inputs.

        >>> pipe = Pipeline().resize("224x224", fit="cover")
        >>> with Session(jobs=2) as session:  # doctest: +SKIP
        ...     for item, array in session.arrays(pipe, "photos/"):
        ...         print(item.path, array.shape)

        Args:
            pipeline: what is done to each picture.
            inputs: files, folders, globs.
            channels: "RGB", "RGBA", "L" or "LA".
            dtype: "uint8", "uint16" or "float32" (0 to 1).
            copy: give arrays of their own memory instead of views into the shared arena.
            on_event: called with an `Event` for every item, also for those that failed and are not yielded.
            cancel: stops the run.
            settings: `jobs`, `timeout`, `schedule`, `max_pixels`, `max_frames`, `accept_damaged`, `password`,
                `include`, `exclude`; and of the recipe's keys `density` and `pages`. What else it says is for
                files.

        Yields:
            The item and its array: H×W×C, C-contiguous. The array is a view into shared memory, read in
            place; its slot is free again when the last view of it is gone, so keeping it is safe.

        Raises:
            UsageError: a setting is wrong, or this call has no use for it; at once.
            ArenaError: all shared memory is held by arrays that the caller keeps; `copy=True` is the way out.
            NoInputError: nothing matched.
        """
        request = read_request(
            SESSION_ARRAYS, pipeline.recipe, texts(inputs), settings, channels=channels, dtype=dtype,
            copy=copy, on_event=on_event, cancel=cancel,
        )  # fmt: skip
        return stream(self, request)


def _read(name: str, value: object) -> Any:
    return None if value is None else parsing.named(name, _PARSERS[name], value)
