"""Methods of a pipeline that give arrays, one by one or in batches."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from imgpar.api.batches import batches
from imgpar.api.encoding import one_picture
from imgpar.api.settings import (
    AnyInput,
    AnyInputs,
)
from imgpar.api.typed import (
    ArraySettings,
    ArraysSettings,
)
from imgpar.batch.array_item import ArrayItem, Errors
from imgpar.batch.batches import Batches
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import (
    ARRAY,
    ARRAYS,
)
from imgpar.batch.stream import read_array_type, read_request
from imgpar.batch.stream import stream as stream_arrays
from imgpar.batch.workers import Workers
from imgpar.core.errors import naming
from imgpar.core.job import Event
from imgpar.core.spec import Channels, Dtype
from imgpar.inputs.one_file import path_of
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    import numpy as np


class ArrayMethods:
    """What `Pipeline` makes of pictures for a consumer in this process, such as a model."""

    recipe: Recipe

    @overload
    def arrays(
        self,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Literal["raise", "skip"] = "raise",
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[ArraysSettings],
    ) -> Generator[tuple[ArrayItem, np.ndarray[Any, Any]]]: ...
    @overload
    def arrays(
        self,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Errors,
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[ArraysSettings],
    ) -> Generator[tuple[ArrayItem, np.ndarray[Any, Any] | None]]: ...
    def arrays(
        self,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Errors = "raise",
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[ArraysSettings],
    ) -> Generator[tuple[ArrayItem, np.ndarray[Any, Any] | None]]:
        """Decoded and transformed pictures as arrays, in order, from workers started for this call; see
        `Session.arrays`.

        >>> from imgpar import Pipeline
        >>> pipe = Pipeline().resize("224x224", fit="cover")
        >>> for item, array in pipe.arrays("photos/", jobs=8):  # doctest: +SKIP
        ...     print(item.path, array.shape)

        Args:
            inputs: paths of files, folders and archives, globs, addresses, sources; contents: bytes, binary
                files, arrays (H×W or H×W×1 to 4 of uint8, uint16 or float32), pictures of Pillow; pairs of a
                key and one of these, or of a key and the path of a file. Lists are read at once, any other
                iterable as its arrays are needed; an exception in it is raised as it is.
            channels: "RGB", "RGBA", "L" or "LA".
            dtype: "uint8", "uint16" or "float32" (0 to 1).
            copy: return arrays with memory of their own instead of views into shared memory.
            errors: what becomes of an input of which there is no array. "raise" raises its error, with the
                path of the input; "skip" leaves it out, and warns of how many there were (`UserWarning`) if
                there is no `on_event`; "yield" gives None in place of the array, and the
                error in `item.error`.
            prefetch: inputs that are read ahead of the array that the caller has; without it 32 per worker,
                of lists of paths all. No more than 256 MiB of contents wait at a time.
            on_event: called with an `Event` for every input.
            cancel: stops the run, which is an error (`CancelledError`) if results are missing then.
            settings: `jobs`, `memory`, `worker_memory`, `timeout`, `schedule`, `max_pixels`, `max_frames`,
                `accept_damaged`, `password`, `include`, `exclude`, `recursive`, `root`, `where`, `sort`,
                `reverse`,
                `density`, `dpi`, `pages`, `archives`, `allow_private`, `downloads`, `per_host`, `retries`,
                `fetch_timeout`, `max_download`, `robots`, `user_agent`.

        Yields:
            One result for each input, in their order, also for one that is named twice: an `ArrayItem` with
            `index`, `key`, `path` and `error`, and the array, H×W×C, C-contiguous, in sRGB. The array is a
            view into shared memory that is valid as long as it is referenced.

        Raises:
            UsageError: a setting is invalid or not used by this call; raised immediately.
            ItemError: an input cannot be read, of the class that says why, unless `errors` says otherwise.
            ArenaError: all shared memory is in use by arrays that the caller keeps; use `copy=True`.
            CancelledError: `cancel` has left some inputs out.
        """
        request = read_request(
            ARRAYS, self.recipe, inputs, settings, channels=channels, dtype=dtype, copy=copy,
            errors=errors, prefetch=prefetch, on_event=on_event, cancel=cancel,
        )  # fmt: skip

        def stream() -> Generator[tuple[ArrayItem, np.ndarray[Any, Any] | None]]:
            options = request.options
            memory, worker_memory = options.memory, options.worker_memory
            with Workers(options.jobs, memory, worker_memory=worker_memory) as workers:
                yield from stream_arrays(workers, request)

        return stream()

    def batches(
        self,
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
        **settings: Unpack[ArraysSettings],
    ) -> Batches[np.ndarray[Any, Any]]:
        """Decoded and transformed pictures in batches, each one array, from workers started for this call.

        >>> from imgpar import Pipeline
        >>> pipe = Pipeline().resize("224x224", fit="cover")
        >>> for batch in pipe.batches("photos/", size=32, shuffle=0, repeat=10):  # doctest: +SKIP
        ...     train(batch.array, batch.keys)

        The order depends on the inputs and on these settings only, not on the number of workers.

        Args:
            inputs: as for `arrays`. They are listed first, except those of an iterator, which cannot be
                shuffled, shared or repeated.
            size: inputs of a batch; the last one of an epoch may have fewer.
            shuffle: a seed, such as 0: each epoch has an order of its own, which follows from the seed and
                the number of the epoch. False keeps the order of the inputs.
            drop_last: leave out the last batch of an epoch where it is not full.
            rank, world: number of this process, from 0, and of all that share the inputs. Each has as many:
                where they cannot be divided the first ones come again, or with `drop_last` the last ones are
                left out, as by `torch.utils.data.DistributedSampler`.
            repeat: number of epochs; None is endless.
            prefetch: batches that are read ahead; of small ones at least four inputs per worker.
            channels: "RGB", "RGBA", "L" or "LA".
            dtype: "uint8", "uint16" or "float32" (0 to 1).
            layout: "NHWC" or "NCHW", the order of the axes in a batch.
            errors: what becomes of an input of which there is no array. "raise" raises its error; "skip"
                leaves it out, and the batch is smaller, so that all others stay as they are, or missing if
                nothing is left of it; "yield" gives None in `batch.arrays`, and the error in its item.
            state: go on after the batch whose state it is (`batch.state`, or `state_dict()`).
            on_event: called with an `Event` for every input.
            cancel: stops the run, which is an error (`CancelledError`) if results are missing then.
            settings: as for `arrays`.

        Returns:
            An iterator of `Batch`, with `state_dict()`, `load_state_dict(state)` and `close()`. A batch lies
            in shared memory, which is used again when no array of it is referenced any more.

        Raises:
            UsageError: a setting is invalid or not used by this call; raised immediately. Of a state of
                other inputs, with the first batch.
            ItemError: with a batch: an input cannot be read, of the class that says why.
            CancelledError: `cancel` has left some inputs out.
        """
        return batches(
            self.recipe, inputs, settings, session=None, size=size, shuffle=shuffle, drop_last=drop_last,
            rank=rank, world=world, repeat=repeat, prefetch=prefetch, layout=layout, state=state,
            channels=channels, dtype=dtype, errors=errors, on_event=on_event, cancel=cancel,
        )  # fmt: skip

    @overload
    def aarrays(
        self,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Literal["raise", "skip"] = "raise",
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[ArraysSettings],
    ) -> AsyncGenerator[tuple[ArrayItem, np.ndarray[Any, Any]]]: ...
    @overload
    def aarrays(
        self,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Errors,
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[ArraysSettings],
    ) -> AsyncGenerator[tuple[ArrayItem, np.ndarray[Any, Any] | None]]: ...
    def aarrays(
        self,
        inputs: AnyInputs,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        copy: bool = False,
        errors: Errors = "raise",
        prefetch: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[ArraysSettings],
    ) -> AsyncGenerator[tuple[ArrayItem, np.ndarray[Any, Any] | None]]:
        """As `arrays`, for `async for` in an event loop of asyncio, which goes on meanwhile.

        >>> from imgpar import Pipeline
        >>> async def shapes(pipe: Pipeline) -> list[tuple[int, ...]]:
        ...     return [array.shape async for _, array in pipe.aarrays("photos/")]

        Args:
            inputs, channels, dtype, copy, errors, prefetch, settings: as for `arrays`.
            on_event: called in another thread.
            cancel: stops the run. A task that is cancelled stops it at once.

        Yields:
            As `arrays`. The next array is asked for with the next step of the loop. Where a loop is left
            early, `contextlib.aclosing` ends the run at once.

        Raises:
            UsageError: a setting is invalid or not used by this call; raised at the first step.
            RunError, ItemError: as for `arrays`.
        """
        from imgpar.api.asynchronous import each

        token = cancel or CancelToken()
        make = partial(
            self.arrays, inputs, channels=channels, dtype=dtype, copy=copy, errors=errors, prefetch=prefetch,
            on_event=on_event, cancel=token, **settings,
        )  # fmt: skip
        return each(make, token)

    def array(
        self,
        data: AnyInput,
        *,
        channels: Channels = "RGB",
        dtype: Dtype = "uint8",
        name: str = "",
        **settings: Unpack[ArraySettings],
    ) -> np.ndarray[Any, Any]:
        """One decoded and transformed picture as an array, in this process.

        >>> from imgpar import Pipeline
        >>> portable_pixmap = b"P6 2 1 255 " + bytes(6)
        >>> Pipeline().resize("4x2", fit="fill").array(portable_pixmap).shape
        (2, 4, 3)

        Args:
            data: content of a picture file, a binary file, the path of a file, an array or a picture of
                Pillow, as for `arrays`.
            channels: "RGB", "RGBA", "L" or "LA".
            dtype: "uint8", "uint16" or "float32" (0 to 1).
            name: file name, for formats without a signature.
            settings: `density`, `dpi`, `pages`; `max_pixels`, `max_frames`, `memory`, `accept_damaged`,
                `password`.

        Returns:
            H×W×C, C-contiguous, in sRGB, of an animation the first frame; its memory belongs to the caller.

        Raises:
            UsageError: a setting is invalid or not used by this call.
            ItemError: the picture cannot be read, decoded or transformed.
        """
        from imgpar.batch.encoding import limits_here
        from imgpar.batch.picture.outputs import picture_array

        self.recipe.check_single("array")
        ARRAY.check(settings)
        recipe = self.recipe.merged({key: value for key, value in settings.items() if key in ARRAY.recipe})
        options = RunOptions.read({key: value for key, value in settings.items() if key in ARRAY.run})
        layout, kind = read_array_type(channels, dtype)
        (made,) = recipe.branches()
        limits = made.encode.reading(limits_here(options))
        with naming(path_of(data)):
            picture = one_picture(data, name, "array")
            return picture_array(picture.data, picture.name, made.operations, limits, layout, kind)
