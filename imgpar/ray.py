"""Pictures in a column of `ray.data`. Importing it needs ray.

dataset = ray.data.read_binary_files("s3://bucket/photos/")
small = imgpar.ray.map_batches(dataset, imgpar.Pipeline().resize("640"), to="webp", quality=80)
small.drop_columns(["bytes"]).write_parquet("s3://bucket/small/")
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from imgpar.api.encoding import read_encode_all
from imgpar.api.pipeline import Pipeline
from imgpar.api.session import Session
from imgpar.batch.settings import ARRAYS, ENCODE_ALL, in_session
from imgpar.batch.stream import read_request
from imgpar.core import parsing
from imgpar.core.errors import ItemError, SourceError, UsageError, bad_value, traced
from imgpar.core.install_hint import pip
from imgpar.core.spec import Channels, Dtype

try:
    import pyarrow
    import ray.data as data
    from ray.data.extensions import ArrowTensorArray
except ImportError as error:
    raise ImportError(f"imgpar.ray needs Ray. Install it: {pip('ray[data]>=2.40')}") from error

if TYPE_CHECKING:
    import numpy as np

    from imgpar.batch.array_item import ArrayItem
    from imgpar.batch.encoding import EncodedPicture

_OF_SESSIONS = ("jobs", "memory", "worker_memory")
_OF_ROWS = frozenset(
    {"include", "exclude", "recursive", "root", "where", "sort", "reverse", "archives", "schedule"}
)
"""Settings that choose or order inputs: a row stays the row that it is."""


def map_batches(
    dataset: data.Dataset,
    pipeline: Pipeline,
    *,
    column: str = "bytes",
    output: Literal["encoded", "array"] = "encoded",
    into: str | None = None,
    key: str | None = None,
    to: str | None = None,
    channels: Channels | None = None,
    dtype: Dtype | None = None,
    errors: Literal["raise", "skip", "column"] = "raise",
    batch_size: int = 64,
    concurrency: int | tuple[int, int] | None = None,
    jobs: int = 1,
    **settings: Any,
) -> data.Dataset:
    """A data set with a column of converted pictures, one for each row.

    >>> import imgpar, ray
    >>> dataset = ray.data.read_binary_files("s3://bucket/photos/", include_paths=True)  # doctest: +SKIP
    >>> pipe = imgpar.Pipeline().resize("640")
    >>> small = imgpar.ray.map_batches(dataset, pipe, to="webp", key="path")  # doctest: +SKIP

    The work is done by actors, each with a session that stays for all its batches. It begins when the data
    set is read, as for every method of `ray.data`.

    Args:
        dataset: its other columns are kept.
        pipeline: operations applied to each picture.
        column: column with the contents of picture files, or with the path or the address of one file in
            each row. Paths are those of the node that does the work.
        output: "encoded" gives the bytes of files; "array" arrays H×W×C, of all rows of one size or not.
        into: name of the column with the results, which is new; None is that of `output`.
        key: column whose text names a row in errors, such as "path"; None numbers the rows of a batch.
        to: output format of encoded pictures; None keeps that of each input.
        channels, dtype: of arrays, as for `Pipeline.arrays`; None is "RGB" and "uint8".
        errors: what becomes of a row whose picture cannot be converted. "raise" ends the run with its error;
            "skip" leaves the row out, and warns of how many there were in each batch (`UserWarning`);
            "column" keeps it, without bytes or with an array of no pixels (0×0×C), and adds a column
            INTO_error with a text, which is null where there was no error.
        batch_size: rows that an actor gets at once.
        concurrency: number of actors, or the least and the most; None is as many as the cluster has room for.
        jobs: worker processes of an actor, which reserves as many cores. A file that crashes or occupies its
            decoder ends such a process, and is an error of its row. 0 works in the process of the actor.
        settings: of encoded pictures as for `Pipeline.encode_all`, such as `quality`; of arrays as for
            `Pipeline.arrays`. `memory` and `worker_memory` are those of one actor.

    Returns:
        A data set that is not computed yet.

    Raises:
        UsageError: a setting is invalid or not used by this call; raised immediately. That there is no such
            column, or one named `into`, is an error of the run.
    """
    batch_size = parsing.named("batch_size", parsing.integer(1, 1 << 20), batch_size)
    task = _Task(
        pipeline=pipeline,
        column=parsing.named("column", parsing.text, column),
        array=parsing.named("output", parsing.choice("encoded", "array"), output) == "array",
        into=parsing.named("into", parsing.text, output if into is None else into),
        key=None if key is None else parsing.named("key", parsing.text, key),
        errors=parsing.named("errors", parsing.choice("raise", "skip", "column"), errors),
        session={"jobs": parsing.named("jobs", parsing.integer(0, 1 << 10), jobs)}
        | {name: settings[name] for name in _OF_SESSIONS if name in settings},
        settings={name: value for name, value in settings.items() if name not in _OF_SESSIONS},
        only=_only(output, to, channels, dtype),
    )
    task.check()
    return dataset.map_batches(
        _Converter,
        fn_constructor_args=(task,),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=_actors(concurrency),
        num_cpus=max(1, jobs),
    )


def _only(output: str, to: str | None, channels: Channels | None, dtype: Dtype | None) -> dict[str, Any]:
    """The parameters that one kind of output has and the other has not. Raises UsageError."""
    encoded, arrays = {"to": to}, {"channels": channels, "dtype": dtype}
    taken, refused = (arrays, encoded) if output == "array" else (encoded, arrays)
    if name := next((name for name, value in refused.items() if value is not None), None):
        raise UsageError(f"{name} is not used with output={output!r}.", fix="Leave it out.")
    return {name: value for name, value in taken.items() if value is not None}


def _actors(concurrency: object) -> data.ActorPoolStrategy:
    """The actors that do the work. Raises BadValueError."""
    count = parsing.integer(1, 1 << 20)
    if concurrency is None:
        return data.ActorPoolStrategy(min_size=1)
    if isinstance(concurrency, int):
        return data.ActorPoolStrategy(size=parsing.named("concurrency", count, concurrency))
    match concurrency:
        case (least, most):
            least, most = (parsing.named("concurrency", count, number) for number in (least, most))
            if least <= most:
                return data.ActorPoolStrategy(min_size=least, max_size=most)
    raise bad_value("concurrency", "a number of actors, or the least and the most", concurrency)


@dataclass(frozen=True, kw_only=True)
class _Task:
    """What an actor does with its batches; sent to it."""

    pipeline: Pipeline
    column: str
    array: bool
    into: str
    key: str | None
    errors: str
    session: dict[str, Any]
    settings: dict[str, Any]
    only: dict[str, Any] = field(default_factory=dict)
    """Parameters of this kind of output."""

    def check(self) -> None:
        """Raise UsageError where a setting is invalid, before anything is sent."""
        if name := next((name for name in self.settings if name in _OF_ROWS), None):
            raise UsageError(f"{name} is not used by map_batches.", fix="Leave it out.")
        Session(**{**self.session, "jobs": 0, "worker_memory": None}).close()
        if self.array:
            given = {"channels": "RGB", "dtype": "uint8", **self.only}
            call = in_session(ARRAYS)
            read_request(
                call, self.pipeline.recipe, [], self.settings, copy=True, errors="yield", prefetch=None,
                on_event=None, cancel=None, **given,
            )  # fmt: skip
        else:
            read_encode_all(
                in_session(ENCODE_ALL), self.pipeline.recipe, [], self.only.get("to"), self.settings,
                errors="yield", prefetch=None, on_event=None, cancel=None,
            )  # fmt: skip

    def results(self, session: Session, rows: list[Any]) -> Iterator[tuple[ArrayItem, Any]]:
        """One result for each row, in order."""
        given = {"errors": "yield", **self.only, **self.settings}
        if self.array:
            yield from session.arrays(self.pipeline, rows, copy=True, **given)
            return
        made: EncodedPicture | None
        for item, made in self.pipeline.encode_all(rows, session=session, **given):
            yield item, None if made is None else made.data

    def empty(self) -> np.ndarray[Any, Any]:
        """An array of no pixels, as Arrow has no null among tensors."""
        import numpy as np

        channels, dtype = self.only.get("channels", "RGB"), self.only.get("dtype", "uint8")
        return np.empty((0, 0, len(channels)), dtype)


class _Converter:
    """The state of an actor: a session whose workers stay from batch to batch."""

    def __init__(self, task: _Task) -> None:
        self._task = task
        self._session = Session(**task.session)

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        """The batch with its results."""
        task = self._task
        self._check(table)
        values: list[Any] = table.column(task.column).to_pylist()
        given = [(row, value) for row, value in enumerate(values) if value is not None]
        made: list[Any] = [None] * len(values)
        failed: dict[int, ItemError] = {
            row: SourceError("There is nothing in this row.")
            for row, value in enumerate(values)
            if value is None
        }
        for item, result in task.results(self._session, given) if given else ():
            row = given[item.index][0]
            made[row] = result
            if item.error is not None:
                failed[row] = item.error
            if failed and task.errors == "raise":
                break
        if failed and task.errors == "raise":
            self._raise(table, *min(failed.items()))
        return self._with_results(table, made, failed)

    def _check(self, table: pyarrow.Table) -> None:
        task, names = self._task, table.column_names
        for name in (task.column, *([task.key] if task.key else [])):
            if name not in names:
                raise UsageError(f"The data set has no column {name!r}.", fix=f"It has {', '.join(names)}.")
        for name in (task.into, f"{task.into}_error"):
            if name in names:
                raise UsageError(
                    f"The data set has a column {name!r} already.", fix="Choose a name with into."
                )

    def _raise(self, table: pyarrow.Table, row: int, error: ItemError) -> None:
        name = (
            f"Row {row} of a batch" if self._task.key is None else table.column(self._task.key)[row].as_py()
        )
        fix = "errors='skip' leaves such rows out, errors='column' keeps them with the error."
        raise traced(type(error)(f"{name}: {error}", fix=fix), error.traceback) from None

    def _with_results(
        self, table: pyarrow.Table, made: list[Any], failed: dict[int, ItemError]
    ) -> pyarrow.Table:
        task = self._task
        if failed and task.errors == "skip":
            first = next(iter(failed.values()))
            warnings.warn(
                f"{len(failed)} of {len(made)} rows are left out, the first one: {first}", stacklevel=2
            )
            kept = [row for row in range(len(made)) if row not in failed]
            table, made = table.take(pyarrow.array(kept, pyarrow.int64())), [made[row] for row in kept]
        if task.array:
            column = self._tensors([task.empty() if one is None else one for one in made])
        else:
            column = pyarrow.array(made, pyarrow.large_binary())
        table = table.append_column(task.into, column)
        if task.errors == "column":
            words = [str(failed[row]) if row in failed else None for row in range(len(made))]
            table = table.append_column(f"{task.into}_error", pyarrow.array(words, pyarrow.string()))
        return table

    def _tensors(self, arrays: list[np.ndarray[Any, Any]]) -> ArrowTensorArray:
        """A column of arrays, which may have different sizes."""
        import numpy as np

        if len({array.shape for array in arrays}) == 1:
            return ArrowTensorArray.from_numpy(np.stack(arrays))
        if not arrays:
            return ArrowTensorArray.from_numpy(self._task.empty()[None][:0])
        column = np.empty(len(arrays), object)
        for row, array in enumerate(arrays):
            column[row] = array
        return ArrowTensorArray.from_numpy(column)
