"""`imgpar.Pipeline`: the same operations for folders, arrays and bytes."""

from __future__ import annotations

import os
import pickle
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from imgpar.api.batches import batches
from imgpar.api.encoding import encode, one_picture, read_encode_all
from imgpar.api.gather import gather
from imgpar.api.operations import OperationMethods
from imgpar.api.run import run as execute
from imgpar.api.settings import (
    AnyInput,
    AnyInputs,
    Destination,
    given_inputs,
    read_destination,
    read_output,
    resolve,
)
from imgpar.api.typed import (
    ArraySettings,
    ArraysSettings,
    AssembleSettings,
    DryRunSettings,
    EncodeAllSettings,
    EncodeSettings,
    ExtractSettings,
    OutputSettings,
    RunSettings,
    SheetSettings,
)
from imgpar.batch.array_item import ArrayItem, Errors
from imgpar.batch.batches import Batches
from imgpar.batch.gather.planner import is_document
from imgpar.batch.pickling import pickled
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import (
    ARRAY,
    ARRAYS,
    ENCODE_ALL,
    EXTRACT,
    RUN,
    SESSION_EXTRACT,
    SESSION_RUN,
    Call,
    in_session,
)
from imgpar.batch.stream import read_array_type, read_request
from imgpar.batch.stream import stream as stream_arrays
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.errors import (
    bad_value,
    suggested,
)
from imgpar.core.job import Event, Item
from imgpar.core.limits import Limits
from imgpar.core.parsing import choice, integer, named, number_range, odd_integer
from imgpar.core.spec import ITEM_BYTES, Channels, Dtype
from imgpar.ops import Operation, find_operation, operation_names
from imgpar.ops.apply import MOST_FRAMES, Apply
from imgpar.ops.apply_batch import MOST_PICTURES, ApplyBatch
from imgpar.ops.plugins import reserve_names
from imgpar.outputs.sidefiles import check_report
from imgpar.recipe.recipe import Recipe
from imgpar.recipe.tables import make_operation
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    import numpy as np

    from imgpar.api.plan import Plan
    from imgpar.batch.encoding import EncodedPicture
    from imgpar.batch.report import Report
    from imgpar.ops.returned import Returned


class Pipeline(OperationMethods):
    """An immutable chain of operations; every method returns a new one.

    Each operation is a method: its first parameter is the operation's main value, the others are keywords.

    >>> pipe = Pipeline().resize("640x480", fit="cover").grey()
    >>> len(pipe.recipe.operations)
    2
    """

    def __init__(self, recipe: Recipe | str | os.PathLike[str] | None = None) -> None:
        """`recipe` is a Recipe, the path of a TOML file, or the name of a built-in recipe.

        Raises:
            UsageError: the recipe does not exist or is invalid.
        """
        self.recipe = Recipe.of(recipe)

    def __repr__(self) -> str:
        words = [operation.name for operation in self.recipe.operations]
        if count := len(self.recipe.outputs):
            words.append("1 output" if count == 1 else f"{count} outputs")
        return f"Pipeline({', '.join(words)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and self.recipe == other.recipe

    def __hash__(self) -> int:
        return hash(self.recipe)

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: functions of modules by reference, lambdas and those of scripts by value."""
        operations = (operation for branch in self.recipe.branches() for operation in branch.operations)
        return vars(self) | {"recipe": pickled(self.recipe, operations)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, recipe=pickle.loads(state["recipe"]))  # noqa: S301 - part of a pickle

    @overload
    def __call__(self, data: bytes | bytearray | memoryview, /) -> bytes: ...
    @overload
    def __call__(self, data: np.ndarray[Any, Any], /) -> np.ndarray[Any, Any]: ...
    def __call__(
        self, data: bytes | bytearray | memoryview | np.ndarray[Any, Any], /
    ) -> bytes | np.ndarray[Any, Any]:
        """Convert one picture in this process: bytes to bytes, an array to an array. For the `map` of other
        frameworks: a pipeline can be pickled, and threads may share it.

        >>> picture = Pipeline().encode(b"P6 2 1 255 " + bytes(6), to="png")
        >>> [made[1:4] for made in map(Pipeline().grey(), [picture])]
        [b'PNG']

        Args:
            data: content of a picture file, of which `encode` makes another one with the format and the
                settings of the recipe; for others use `partial(pipe.encode, to="webp")`. Or an array H×W or
                H×W×1 to 4 (grey, grey with alpha, RGB, RGBA) of uint8, uint16 or float32 (0 to 1), in sRGB,
                to which the operations are applied. It is only read.

        Returns:
            Bytes; or a C-contiguous array with memory of its own, with the type and the number of channels of
            `data`: the size may be another one.

        Raises:
            UsageError: it is neither, or the recipe has several outputs.
            ItemError: the picture cannot be decoded, transformed or encoded.
        """
        if isinstance(data, (bytes, bytearray, memoryview)):
            return self.encode(data)
        import numpy as np

        from imgpar.batch.picture.array_steps import transformed

        if not isinstance(data, np.ndarray):
            raise bad_value("data", "the bytes of a picture file or a numpy array", data)
        self.recipe.check_single("A call")
        (made,) = self.recipe.branches()
        return transformed(data, made.operations, made.encode, Limits(memory=1 << 40))

    def then(self, operation: Operation) -> Self:
        """This pipeline with one more operation."""
        longer = copy(self)
        longer.recipe = self.recipe.then(operation)
        return longer

    def output(
        self,
        pipeline: Pipeline | None = None,
        /,
        *,
        name: str | Callable[[Item], str] | None = None,
        **settings: Unpack[OutputSettings],
    ) -> Self:
        """This pipeline with one more output per input: the operations of this pipeline run once, then those
        of each output.

        >>> sizes = Pipeline().output(resize="2000").output(resize="400", to="webp", name="{stem}-thumb")
        >>> sizes
        Pipeline(2 outputs)

        Args:
            pipeline: operations of this output.
            name: file name without suffix; `{stem}` is the name of the input, `{ext}` the suffix of the
                output. Without it the output has the name of the input.
            settings: operations, which follow those of `pipeline`; `to` and settings of the encoder, such as
                `quality`. They take precedence over those given for all outputs. `typed.OutputSettings` has
                the type and meaning of each.

        Raises:
            UsageError: a setting is invalid. That two outputs have the same name is an error of `run`.
        """
        inner = pipeline.recipe if pipeline is not None else Recipe()
        longer = copy(self)
        longer.recipe = self.recipe.with_output(read_output(inner, settings, name))
        return longer

    def _operation(self, name: str, value: object = None, /, **given: Any) -> Self:
        return self.then(make_operation(name, value, **given))

    if not TYPE_CHECKING:  # checkers would take it for a class that has every method; see `imgpar stubs`

        def __getattr__(self, name: str) -> Any:
            """The method of an operation that another package adds."""
            said = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name.startswith("_"):  # copies and pickles ask for these
                raise AttributeError(said)
            if (kind := find_operation(name)) is None:
                near = suggested(name, operation_names())
                raise AttributeError(f"{said}. Did you mean {near!r}?" if near else said)

            def method(value: object = None, /, **given: Any) -> Self:
                return self._operation(name, value, **given)

            method.__name__, method.__doc__ = name, kind.__doc__
            return method

    def apply(
        self,
        function: Callable[[np.ndarray[Any, Any]], Returned],
        *,
        channels: Literal["RGB", "RGBA", "L"] = "RGB",
        dtype: Dtype = "uint8",
        range: tuple[float, float] = (0, 1),  # noqa: A002 - the word of the field
        window: int = 1,
    ) -> Self:
        """Call a user function on every picture, in the worker processes.

        >>> Pipeline().apply(lambda picture: 255 - picture)
        Pipeline(apply)

        Args:
            function: takes a C-contiguous array H×W×C that it may modify and keep. It returns an array H×W
                or H×W×1 to 4 of any height and width, of uint8 (0 to 255), uint16 (0 to 65535), bool (black
                and white) or floating point (`range`), or a tensor that exports one by DLPack. Its memory
                must not be modified afterwards. Lambdas and functions of scripts and notebooks are
                supported; objects that they refer to are sent with them. An object may have the methods
                `setup()`, called once in each worker before the first picture, `reset(item)`, called before
                each item, whose frames it then gets in order, and `close()`, called at the end of the run.
            channels: channels of the array: "RGB", "RGBA" or "L".
            dtype: type of the array: "uint8", "uint16" or "float32" (`range`).
            range: floating point values of black and of white, given and returned.
            window: odd number of frames W: the function gets W×H×W×C, the frame in the middle and its
                neighbours in a clip or an animation, and returns the one in the middle. Beyond both ends the
                first and the last frame repeat; a still picture is repeated W times.

        Raises:
            BadValueError: a value is invalid. An exception in the function fails its picture: see
                `Outcome.error`; one in `setup()` is a RunError of the run.
        """
        frames = named("window", odd_integer(1, MOST_FRAMES), window)
        return self.then(Apply(**_function("apply", function, channels, dtype, range), window=frames))

    def apply_batch(
        self,
        function: Callable[[np.ndarray[Any, Any]], Returned | Sequence[Returned]],
        *,
        size: int = 16,
        channels: Literal["RGB", "RGBA", "L"] = "RGB",
        dtype: Dtype = "uint8",
        range: tuple[float, float] = (0, 1),  # noqa: A002 - the word of the field
    ) -> Self:
        """Call a user function on several pictures at once, such as a model, in the worker processes.

        >>> pipe = Pipeline().resize("224x224", fit="cover")
        >>> pipe.apply_batch(lambda pictures: 255 - pictures, size=8)
        Pipeline(resize, apply_batch)

        Args:
            function: takes a C-contiguous array N×H×W×C, at most `size` pictures of the same size, which it
                may modify and keep. It returns N results, in order: an array, a tensor that exports one by
                DLPack, or a sequence; what holds for each is said at `apply`. What it returns for a picture
                must not depend on the others. An object may have the methods `setup()` and `close()`.
            size: most pictures in one call. Fewer are given where the others have another size, and at the
                end of the run; one where the pictures are pages or have several outputs, where one file is
                made of all, and by `encode`. Of a clip or an animation they are successive frames.
            channels, dtype, range: as for `apply`.

        Raises:
            BadValueError: a value is invalid. If a call fails, its pictures are tried again one by one, and
                fail by themselves.
        """
        if callable(getattr(function, "reset", None)):
            expected = "a function without reset(item), because it gets several items at once"
            raise bad_value("apply_batch", expected, function)
        count = named("size", integer(1, MOST_PICTURES), size)
        return self.then(ApplyBatch(**_function("apply_batch", function, channels, dtype, range), size=count))

    def run(
        self,
        inputs: AnyInputs,
        out: Destination | None = None,
        *,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[RunSettings],
    ) -> Report:
        """Convert files and folders.

        >>> pipe = Pipeline().resize("1920")
        >>> report = pipe.run("photos/", "web/", to="webp", quality=82)  # doctest: +SKIP

        Args:
            inputs: one or more files, folders (recursive), globs, archives or sources; contents with names:
                `{"a.jpg": data}` or `[("a.jpg", data)]`, where data are bytes, a binary file, an array or a
                picture of Pillow, as for `Session.arrays`.
            out: output folder, a file name if there is one input file, `….zip`, or a sink, such as
                `MemorySink()`; `….pdf` makes one document of all inputs, as `assemble`. A function is called
                in this process with each output, an `OutputData`, by one item at a time and in no order; an
                exception in it fails the item, and `cancel` stops the run.
            session: workers to use; without it, workers are started for this run.
            on_event: called with every `Event`.
            cancel: `cancel()` stops the run after the tasks in progress, `kill()` immediately.
            report: path of the report: JSON, or a page where it ends in .html; an existing file is
                replaced only if it is a report.
            settings: operations; `to` and the other recipe keys: `quality`, `lossless`, `effort`,
                `palette`, `subsampling`, `progressive`, `icon_sizes`, `loop`, `strip`, `metadata`, `set`
                (fields of the metadata), `shift_dates`, `gpx`, `gpx_gap`, `gpx_offset`, `background`,
                `colour`, `pages`, `density`, `dpi`, `max_bytes`, `shrink`, `target`,
                `best_format`, `only_if_smaller`, `optimise`,
                and for clips `codec`, `audio`, `trim`, `speed`, `fps`,
                `map`, `loudnorm`, `deinterlace`, `tonemap`, `hardware`; and how to
                run: `jobs`, `memory`, `timeout`, `on_exists`, `schedule`, `in_place`, `keep_originals`,
                `dry_run`, `strict`, `companions`, `accept_damaged`, `password`, `verify`, `keep_failures`,
                `max_pixels`, `max_frames`, `worker_memory`, `journal`, `recursive`, `root`, `sort`,
                `reverse`,
                `others`, `duplicates`, `where` (one condition or several), `include`, `exclude` (one
                pattern or several, see `imgpar convert --help`); and which files are made: `sizes`, `name`,
                `prefix`, `suffix`, `flat`; and for web sites `manifest`, `html`, `base_url`,
                `cache_control`; for archives `archives`, `deterministic`; for shards `shard`, `shard_keys`,
                `shard_checksum`, `caption_column`, `checksum_column`; and limits of transfers:
                `allow_private`, `downloads`, `per_host`, `retries`, `fetch_timeout`, `max_download`,
                `robots`, `user_agent`.
                A session has its own `memory` and `worker_memory`.
                With `dry_run` nothing is written; inputs that would be converted have the status "planned"
                in the report. `imgpar.api.typed.RunSettings` has the type and meaning of each.

        Returns:
            Counts, and in `items` an outcome for every input.

        Raises:
            UsageError: a setting is invalid, or no input exists; nothing was written.
            RunError: the run could not continue (disk full, OUT locked).
        """
        call = RUN if session is None else SESSION_RUN
        return self._run(
            call, inputs, out, settings, report, on_event=on_event, cancel=cancel, workers=session
        )

    def dry_run(
        self,
        inputs: AnyInputs,
        out: Destination | None = None,
        *,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[DryRunSettings],
    ) -> Plan:
        """Plan a call of `run` with the same arguments; nothing is written. See `imgpar.dry_run`.

        >>> plan = Pipeline().resize("1920").dry_run("photos/", "web/", to="webp")  # doctest: +SKIP
        >>> print([output.path for output in plan.outputs])  # doctest: +SKIP

        Args:
            inputs, out, on_event, cancel, settings: as for `imgpar.dry_run`.

        Returns:
            An item for every input, counts, and notes.

        Raises:
            UsageError: a setting is invalid, or no input exists.
            OutputError: `out` cannot be read.
        """
        from imgpar.api.plan import dry_run

        return dry_run(inputs, out, recipe=self.recipe, on_event=on_event, cancel=cancel, **settings)

    async def arun(
        self,
        inputs: AnyInputs,
        out: Destination | None = None,
        *,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[RunSettings],
    ) -> Report:
        """As `run`, to be awaited in an event loop of asyncio, which goes on meanwhile.

        >>> async def convert(pipe: Pipeline) -> int:
        ...     return (await pipe.arun("photos/", "web/", to="webp")).ok

        Args:
            inputs, out, session, report, settings: as for `run`.
            on_event: called in another thread; `loop.call_soon_threadsafe` hands events to the loop.
            cancel: stops the run. A task that is cancelled stops it at once, as `kill()`; the next run
                continues it.

        Raises:
            UsageError, RunError: as for `run`.
        """
        from imgpar.api.asynchronous import in_thread

        token = cancel or CancelToken()
        work = partial(
            self.run, inputs, out, session=session, on_event=on_event, cancel=token, report=report, **settings
        )
        return await in_thread(work, token)

    def extract(
        self,
        inputs: AnyInputs,
        out: Destination,
        *,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[ExtractSettings],
    ) -> Report:
        """Extract pictures from clips: single frames, posters, contact sheets, sprites, animations. The
        operations apply to each frame.

        >>> pipe = Pipeline().resize("640")
        >>> report = pipe.extract("clips/", "stills/", every="2s", to="webp")  # doctest: +SKIP

        Args:
            inputs: one or more clips, folders (of which only the clips are taken) or globs.
            out: output folder, or a file name for one picture of one clip.
            session, on_event, cancel, report: as for `run`.
            settings: what is extracted, one of `every` (a number, "2s", "key", "scene"), `poster`, `sheet`
                ("5x4"), `sprites` ("5s"), `animation` and `motion`; without any, every frame; `threshold`
                of scene changes. Operations, `to` (one picture format), `quality`, `lossless`, `effort`,
                `palette`, `subsampling`, `progressive`, `colour`, `dpi`, `trim`, `fps` and `loop` of
                animations,
                `deinterlace`, `tonemap`; and how to run: `jobs`, `memory`, `timeout`, `on_exists`,
                `dry_run`, `strict`, `accept_damaged`, `verify`, `keep_failures`, `max_pixels`,
                `worker_memory`, `journal`, `include`, `exclude`, `recursive`, `where`, `sort`, `reverse`,
                `archives`, `password`, `deterministic`, `cache_control`, `allow_private`, `downloads`,
                `per_host`, `retries`, `fetch_timeout`, `max_download`, `robots`, `user_agent`.

        Returns:
            Counts, and in `items` an outcome for every clip with all its files.

        Raises:
            UsageError: a setting is invalid or not used by this call, or no input exists; nothing was
                written.
            RunError: the run could not continue (disk full, OUT locked).
        """
        call = EXTRACT if session is None else SESSION_EXTRACT
        return self._run(
            call, inputs, out, settings, report, on_event=on_event, cancel=cancel, workers=session
        )

    def _run(
        self,
        call: Call,
        inputs: AnyInputs,
        out: Destination | None,
        settings: Mapping[str, Any],
        report: str | os.PathLike[str] | None,
        **hooks: Any,
    ) -> Report:
        if call in (RUN, SESSION_RUN) and is_document(out):
            session = hooks.pop("workers")
            return gather(
                "assemble", inputs, out, self.recipe, settings, session=session, report=report, **hooks
            )
        recipe, options = resolve(self.recipe, settings, call)
        names = given_inputs(inputs)
        if report is not None:
            paths = [name for name in names if isinstance(name, str)]
            place_of_run = out if isinstance(out, str) else ""
            check_report(report := named("report", parsing.path, report), paths, place_of_run)
        place = None if out is None else read_destination(out)
        result = execute(names, place, recipe, options, **hooks)
        if report is not None:
            from imgpar.batch.pages.writing import write_report

            write_report(result, os.fspath(report), options, hooks["cancel"], hooks["workers"])
        return result

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
                path of the input; "skip" leaves it out; "yield" gives None in place of the array, and the
                error in `item.error`.
            prefetch: inputs that are read ahead of the array that the caller has; without it 32 per worker,
                of lists of paths all. No more than 256 MiB of contents wait at a time.
            on_event: called with an `Event` for every input.
            cancel: stops the run.
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
            NoInputError: no input matched.
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
            cancel: stops the run.
            settings: as for `arrays`.

        Returns:
            An iterator of `Batch`, with `state_dict()`, `load_state_dict(state)` and `close()`. A batch lies
            in shared memory, which is used again when no array of it is referenced any more.

        Raises:
            UsageError: a setting is invalid or not used by this call; raised immediately. Of a state of
                other inputs, with the first batch.
            ItemError: with a batch: an input cannot be read, of the class that says why.
            NoInputError: no input matched.
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
        picture = one_picture(data, name, "array")
        (made,) = recipe.branches()
        limits = made.encode.reading(limits_here(options))
        return picture_array(picture.data, picture.name, made.operations, limits, layout, kind)

    def assemble(
        self,
        inputs: AnyInputs,
        out: str | os.PathLike[str],
        *,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[AssembleSettings],
    ) -> Report:
        """Make one file of all pictures, in natural order of their names: a clip or an animation with a
        frame for each, a PDF or TIFF with a page for each, or an icon with a size for each.

        >>> pipe = Pipeline().resize("1920x1080", fit="cover")
        >>> report = pipe.assemble("timelapse/", "day.mp4", fps=30)  # doctest: +SKIP
        >>> report = Pipeline().assemble("scans/", "album.pdf", page_size="A4")  # doctest: +SKIP

        Args:
            inputs: files, folders and globs, in this order.
            out: the file; its suffix determines what is made: .mp4, .mov, .mkv, .webm or .avi a clip; .gif,
                .webp, .avif or .png an animation; .pdf a document, in which JPEGs that nothing changes are
                embedded as they are; .tif a document that keeps depth, profile and descriptions; .ico an
                icon. Documents give all their pages, animations their first frame; `pages` chooses.
            session, on_event, cancel, report: as for `run`; `cancel()` stops at once, and no file is made.
            settings: operations, `fps` (25; 10 for animations), `loop`, `mixed`; of a PDF `page_size`,
                `page_margin`, `title`, `author`, `subject` and `keywords`; settings of the encoder and of
                the run.

        Returns:
            An outcome for every input. If the file is not made, one input has failed, and the others are
            skipped as "incomplete".

        Raises:
            UsageError: a setting is invalid; nothing was written.
            RunError: the run could not continue.
        """
        return gather(
            "assemble", inputs, out, self.recipe, settings, session=session, on_event=on_event, cancel=cancel,
            report=report,
        )  # fmt: skip

    def sheet(
        self,
        inputs: AnyInputs,
        out: str | os.PathLike[str],
        *,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[SheetSettings],
    ) -> Report:
        """Make a contact sheet: all pictures in one, in natural order of their names; of a clip one frame.

        >>> report = Pipeline().sheet("photos/", "sheet.jpg", columns=8, labels="{stem}")  # doctest: +SKIP

        Args:
            inputs: files, folders and globs, in this order.
            out: the file; its suffix determines the format. A PDF has pages of paper (A4), a TIFF those that
                `rows` asks for.
            session, on_event, cancel, report: as for `assemble`.
            settings: operations, which apply to each picture; `columns`, `rows`, `tile`, `gap`, `margin`,
                `background`, `labels` with the fields `{stem}`, `{name}`, `{n}`, `{width}`, `{height}`,
                `{date}`, `{camera}`, `{bytes}` and `{format}`, `label_size`, `font`, `title`; of a PDF
                `page_size`, `page_margin`, `author`, `subject`, `keywords`; settings of the encoder and of
                the run.

        Returns:
            An outcome for every input, as for `assemble`.

        Raises:
            UsageError: a setting is invalid; nothing was written.
            RunError: the run could not continue.
        """
        return gather(
            "sheet", inputs, out, self.recipe, settings, session=session, on_event=on_event, cancel=cancel,
            report=report,
        )  # fmt: skip

    def encode(
        self,
        data: AnyInput,
        *,
        to: str | None = None,
        name: str = "",
        **settings: Unpack[EncodeSettings],
    ) -> bytes:
        """Convert one picture to bytes, in this process; from any number of threads at once.

        >>> portable_pixmap = b"P6 2 1 255 " + bytes(6)
        >>> Pipeline().resize("1x1").encode(portable_pixmap, to="png")[:4]
        b'\\x89PNG'

        Args:
            data: content of a picture file; an open binary file, which is read to its end and not closed; the
                path of a file; an array (H×W or H×W×1 to 4 of uint8, uint16 or float32) or a picture of
                Pillow. It is not modified.
            to: output format; None keeps the format. Arrays and pictures have none.
            name: file name, for formats without a signature.
            settings: operations; `quality`, `lossless`, `effort`, `palette`, `subsampling`, `progressive`,
                `icon_sizes`, `loop`, `strip`, `metadata`, `set` (fields of the metadata), `shift_dates`,
                `gpx`, `gpx_gap`, `gpx_offset`, `background`, `colour`, `pages`, `density`, `dpi`,
                `max_bytes`, `shrink`, `target`, `only_if_smaller`, `optimise`;
                `max_pixels`, `max_frames`, `memory` (of the frames; a quarter of that of the machine),
                `accept_damaged`, `password`, `strict` (any loss is an error) and `verify` (the result is
                decoded and compared). With `timeout` the work is done in a worker process, which is killed
                when it takes longer; the process stays for the next call.

        Returns:
            Content of the file; it belongs to the caller.

        Raises:
            UsageError: a setting is invalid or not used by this call.
            ItemError: the picture cannot be read, decoded, transformed or encoded; `WorkerDiedError`: it took
                longer than `timeout`.
        """
        return encode(self.recipe, data, to, name, settings).data

    def encode_with_report(
        self,
        data: AnyInput,
        *,
        to: str | None = None,
        name: str = "",
        **settings: Unpack[EncodeSettings],
    ) -> EncodedPicture:
        """As `encode`, with what is known of the result.

        >>> portable_pixmap = b"P6 2 1 255 " + bytes(6)
        >>> made = Pipeline().encode_with_report(portable_pixmap, to="png")
        >>> made.format, made.size, made.lost
        ('png', (2, 1), ())

        Args:
            data, to, name, settings: as for `encode`.

        Returns:
            The bytes, format and size, what was lost, remarks and the time it took.

        Raises:
            UsageError, ItemError: as for `encode`.
        """
        return encode(self.recipe, data, to, name, settings)

    @overload
    def encode_all(
        self,
        inputs: AnyInputs,
        *,
        to: str | None = None,
        errors: Literal["raise", "skip"] = "raise",
        prefetch: int | None = None,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[EncodeAllSettings],
    ) -> Generator[tuple[ArrayItem, EncodedPicture]]: ...
    @overload
    def encode_all(
        self,
        inputs: AnyInputs,
        *,
        to: str | None = None,
        errors: Errors,
        prefetch: int | None = None,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[EncodeAllSettings],
    ) -> Generator[tuple[ArrayItem, EncodedPicture | None]]: ...
    def encode_all(
        self,
        inputs: AnyInputs,
        *,
        to: str | None = None,
        errors: Errors = "raise",
        prefetch: int | None = None,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[EncodeAllSettings],
    ) -> Generator[tuple[ArrayItem, EncodedPicture | None]]:
        """Convert pictures to bytes, in order, in worker processes: as `arrays`, but encoded.

        >>> pipe = Pipeline().resize("640")
        >>> for item, made in pipe.encode_all("photos/", to="webp", jobs=8):  # doctest: +SKIP
        ...     print(item.key, made.size, len(made.data))

        Args:
            inputs: as for `arrays`.
            to: output format; None keeps that of each input. Arrays and pictures of Pillow have none.
            errors, on_event, cancel: as for `arrays`.
            prefetch: pictures that are made ahead of the one that the caller has; without it 32 per worker.
                They wait in temporary files.
            session: workers to use; without it, workers are started for this call.
            settings: operations and settings of the encoder as for `encode`; `jobs`, `memory`,
                `worker_memory`, `timeout`, `max_pixels`, `max_frames`, `accept_damaged`, `password`,
                `strict`, `verify`, `include`, `exclude`, `recursive`, `where`, `sort`, `reverse`, `archives`,
                `allow_private`, `downloads`, `per_host`, `retries`, `fetch_timeout`, `max_download`,
                `robots`, `user_agent`.

        Yields:
            One result for each input, in their order: an `ArrayItem`, and the picture with its bytes, which
            belong to the caller.

        Raises:
            UsageError: a setting is invalid or not used by this call; raised immediately.
            ItemError: an input cannot be converted, unless `errors` says otherwise.
            NoInputError: no input matched.
        """
        from imgpar.batch.encode_all import encode_all

        call = ENCODE_ALL if session is None else in_session(ENCODE_ALL)
        request = read_encode_all(
            call, self.recipe, inputs, to, settings, errors=errors, prefetch=prefetch, on_event=on_event,
            cancel=cancel,
        )  # fmt: skip
        if session is not None:
            return encode_all(session, request)

        def made() -> Generator[tuple[ArrayItem, EncodedPicture | None]]:
            options = request.options
            memory, worker_memory = options.memory, options.worker_memory
            with Workers(options.jobs, memory, worker_memory=worker_memory) as workers:
                yield from encode_all(workers, request)

        return made()

    async def aencode(
        self,
        data: AnyInput,
        *,
        to: str | None = None,
        name: str = "",
        **settings: Unpack[EncodeSettings],
    ) -> bytes:
        """As `encode`, to be awaited in an event loop of asyncio, which goes on meanwhile.

        >>> async def thumbnail(data: bytes) -> bytes:
        ...     return await Pipeline().resize("640").aencode(data, to="jpg", timeout=5)

        Args:
            data, to, name, settings: as for `encode`. Where the task is cancelled, the picture is encoded to
                its end all the same; `timeout` limits that.

        Returns:
            Content of the file; it belongs to the caller.

        Raises:
            UsageError, ItemError: as for `encode`.
        """
        import asyncio

        return await asyncio.to_thread(partial(self.encode, data, to=to, name=name, **settings))


def _function(name: str, function: object, channels: object, dtype: object, given: object) -> dict[str, Any]:
    """The fields that operations with a function of the user share; raises BadValueError."""
    if not callable(function):
        raise bad_value(name, "a function", function)
    return {
        "function": function,
        "channels": named("channels", choice("rgb", "rgba", "l"), channels).upper(),
        "dtype": named("dtype", choice(*ITEM_BYTES), dtype),
        "range": named("range", number_range, given),
    }


reserve_names(dir(Pipeline()))
