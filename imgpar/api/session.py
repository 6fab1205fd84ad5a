"""`imgpar.Session`: worker processes and shared memory kept across runs."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from imgpar.api.batches import batches
from imgpar.api.pipeline import Pipeline
from imgpar.api.settings import AnyInputs, Destination, given_inputs
from imgpar.api.typed import SessionArraysSettings, SessionDescribeSettings, SessionRunSettings
from imgpar.batch.array_item import ArrayItem, Errors
from imgpar.batch.batches import Batches
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import SESSION_ARRAYS, SESSION_DESCRIBE
from imgpar.batch.stream import read_request, stream
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.job import Event
from imgpar.core.spec import Channels, Dtype
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    import numpy as np

    from imgpar.batch.describing import PictureInfo
    from imgpar.batch.report import Report
    from imgpar.core.errors import ItemError
    from imgpar.video.clip_info import ClipInfo

    Array = np.ndarray[Any, Any]

_START_METHOD = parsing.choice("forkserver", "spawn")


class Session(Workers):
    """Worker processes and shared memory kept across runs.

    >>> with Session(jobs=1, memory="64M") as session:
    ...     session.jobs
    1

    Args:
        jobs: number of worker processes; None uses all cores available to this process.
        memory: size of the shared arena in bytes or as text ("2G"); None uses a quarter of the memory.
        start_method: "forkserver" or "spawn"; None selects the default of the platform.
        worker_memory: limit of private memory per worker on Linux, in bytes or as text; None is 4 GiB, or
            the memory of the machine if less. A picture whose decoder needs more fails.

    Raises:
        BadValueError: a value is invalid.
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
        inputs: AnyInputs,
        out: Destination | None = None,
        *,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[SessionRunSettings],
    ) -> Report:
        """Convert files with the workers and the memory of this session.

        >>> with Session(jobs=2) as session:  # doctest: +SKIP
        ...     report = session.run(Pipeline().resize("1920"), "photos/", "web/", to="webp")

        Args:
            pipeline: operations and settings.
            inputs, out, on_event, cancel, report: as for `Pipeline.run`.
            settings: as there, without `memory` and `worker_memory`.

        Raises:
            UsageError: a setting is invalid; nothing was written.
            RunError: the run could not continue (disk full, OUT locked).
        """
        return pipeline.run(
            inputs, out, session=self, on_event=on_event, cancel=cancel, report=report, **settings
        )

    @overload
    def arrays(
        self,
        pipeline: Pipeline,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Literal["raise", "skip"] = "raise",
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[SessionArraysSettings],
    ) -> Generator[tuple[ArrayItem, Array]]: ...
    @overload
    def arrays(
        self,
        pipeline: Pipeline,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Errors,
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[SessionArraysSettings],
    ) -> Generator[tuple[ArrayItem, Array | None]]: ...
    def arrays(
        self,
        pipeline: Pipeline,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Errors = "raise",
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[SessionArraysSettings],
    ) -> Generator[tuple[ArrayItem, Array | None]]:
        """Decoded and transformed pictures as arrays, in the order of the inputs.

        >>> pipe = Pipeline().resize("224x224", fit="cover")
        >>> with Session(jobs=2) as session:  # doctest: +SKIP
        ...     for item, array in session.arrays(pipe, "photos/"):
        ...         print(item.path, array.shape)

        Args:
            pipeline: operations applied to each picture.
            inputs: paths of files, folders and archives, globs, addresses, sources; contents: bytes, binary
                files, arrays (H×W or H×W×1 to 4 of uint8, uint16 or float32), pictures of Pillow; pairs of a
                key and one of these, or of a key and the path of a file. Lists are read at once, any other
                iterable as its arrays are needed; an exception in it is raised as it is.
            channels: "RGB", "RGBA", "L" or "LA".
            dtype: "uint8", "uint16" or "float32" (0 to 1).
            copy: return arrays with memory of their own instead of views into the shared arena.
            errors: what becomes of an input of which there is no array. "raise" raises its error, with the
                path of the input; "skip" leaves it out, and warns of how many there were (`UserWarning`) if
                there is no `on_event`; "yield" gives None in place of the array, and the
                error in `item.error`.
            prefetch: inputs that are read ahead of the array that the caller has; without it 32 per worker,
                of lists of paths all. No more than 256 MiB of contents wait at a time.
            on_event: called with an `Event` for every input.
            cancel: stops the run, which is an error (`CancelledError`) if results are missing then.
            settings: `jobs`, `timeout`, `schedule`, `max_pixels`, `max_frames`, `accept_damaged`, `password`,
                `include`, `exclude`, `recursive`, `where`, `sort`, `reverse`, `archives`, `root`,
                `allow_private`, `downloads`, `per_host`, `retries`, `fetch_timeout`, `max_download`,
                `robots`, `user_agent`; and `density`, `dpi` and `pages` of the recipe. Its other keys apply
                to files only.

        Yields:
            One result for each input, in their order, also for one that is named twice: an `ArrayItem` with
            `index`, `key`, `path` and `error`, and the array, H×W×C, C-contiguous, in sRGB. The array is a
            view into shared memory, which is released with the last reference to the array.

        Raises:
            UsageError: a setting is invalid or not used by this call; raised immediately.
            ItemError: an input cannot be read, of the class that says why, unless `errors` says otherwise.
            ArenaError: all shared memory is in use by arrays that the caller keeps; use `copy=True`.
            CancelledError: `cancel` has left some inputs out.
        """
        request = read_request(
            SESSION_ARRAYS, pipeline.recipe, inputs, settings, channels=channels, dtype=dtype,
            copy=copy, errors=errors, prefetch=prefetch, on_event=on_event, cancel=cancel,
        )  # fmt: skip
        return stream(self, request)

    def batches(
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
        state: Mapping[str, Any] | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[SessionArraysSettings],
    ) -> Batches[Array]:
        """Decoded and transformed pictures in batches, as of `Pipeline.batches`, with the workers of this
        session.

        >>> pipe = Pipeline().resize("224x224", fit="cover")
        >>> with Session(jobs=2) as session:  # doctest: +SKIP
        ...     for batch in session.batches(pipe, "photos/", size=32, shuffle=0):
        ...         train(batch.array, batch.keys)

        Args:
            pipeline: operations applied to each picture.
            inputs, size, shuffle, drop_last, rank, world, repeat, prefetch: as for `Pipeline.batches`.
            channels, dtype, layout, errors, state, on_event, cancel: as there.
            settings: as for `Session.arrays`.

        Returns:
            An iterator of `Batch`, with `state_dict()`, `load_state_dict(state)` and `close()`.

        Raises:
            UsageError: a setting is invalid or not used by this call; raised immediately.
            ItemError: with a batch: an input cannot be read, of the class that says why.
        """
        return batches(
            pipeline.recipe, inputs, settings, session=self, size=size, shuffle=shuffle, drop_last=drop_last,
            rank=rank, world=world, repeat=repeat, prefetch=prefetch, layout=layout, state=state,
            channels=channels, dtype=dtype, errors=errors, on_event=on_event, cancel=cancel,
        )  # fmt: skip

    @overload
    def aarrays(
        self,
        pipeline: Pipeline,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Literal["raise", "skip"] = "raise",
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[SessionArraysSettings],
    ) -> AsyncGenerator[tuple[ArrayItem, Array]]: ...
    @overload
    def aarrays(
        self,
        pipeline: Pipeline,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Errors,
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[SessionArraysSettings],
    ) -> AsyncGenerator[tuple[ArrayItem, Array | None]]: ...
    def aarrays(
        self,
        pipeline: Pipeline,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Errors = "raise",
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[SessionArraysSettings],
    ) -> AsyncGenerator[tuple[ArrayItem, Array | None]]:
        """As `arrays`, for `async for` in an event loop of asyncio; see `Pipeline.aarrays`.

        >>> async def shapes(session: Session, pipe: Pipeline) -> list[tuple[int, ...]]:
        ...     return [array.shape async for _, array in session.aarrays(pipe, "photos/")]

        Args:
            pipeline: operations applied to each picture.
            inputs, channels, dtype, copy, errors, prefetch, on_event, cancel: as for `Pipeline.aarrays`.
            settings: as for `arrays`.

        Yields:
            As `arrays`.

        Raises:
            UsageError: a setting is invalid or not used by this call; raised at the first step.
        """
        from imgpar.api.asynchronous import each

        token = cancel or CancelToken()
        make = partial(
            self.arrays, pipeline, inputs, channels=channels, dtype=dtype, copy=copy, errors=errors,
            prefetch=prefetch, on_event=on_event, cancel=token, **settings,
        )  # fmt: skip
        return each(make, token)

    def describe(
        self,
        inputs: AnyInputs,
        *,
        cancel: CancelToken | None = None,
        **settings: Unpack[SessionDescribeSettings],
    ) -> Iterator[tuple[str, PictureInfo | ClipInfo | ItemError]]:
        """The properties of files, as of `imgpar.describe`, from worker processes: a file that crashes or
        occupies its decoder is one error.

        >>> with Session(jobs=2) as session:  # doctest: +SKIP
        ...     for path, info in session.describe("photos/"):
        ...         print(path, info if isinstance(info, imgpar.ItemError) else info.size)

        Args:
            inputs: files, folders (recursive), globs, archives, sources.
            cancel: stops the run, which is an error (`CancelledError`) if results are missing then.
            settings: `jobs`, `timeout`, `max_pixels` (no limit unless given), `max_frames`, `password`,
                `include`, `exclude`, `where`, `sort`, `reverse`.

        Yields:
            The absolute path of a file, in the order of the inputs, and its properties, or the error why
            there are none, which is not raised.

        Raises:
            UsageError: a setting is invalid or not used by this call; raised immediately.
            CancelledError: `cancel` has left some files out.
        """
        from imgpar.batch.selected_inputs import describe_all

        SESSION_DESCRIBE.check(settings)
        options = RunOptions.read(settings)
        limited = settings.get("max_pixels") is not None
        return describe_all(self, given_inputs(inputs), options, cancel or CancelToken(), limited=limited)


def _read(name: str, value: object) -> Any:
    """A value as the options of a run declare it; None is "not given"."""
    parse = _START_METHOD if name == "start_method" else RunOptions.options()[name].parse
    return None if value is None else parsing.named(name, parse, value)
