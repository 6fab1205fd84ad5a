"""`imgpar.Pipeline`: the same operations for folders, arrays and bytes."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from imgpar.api.array_methods import ArrayMethods
from imgpar.api.encode_methods import EncodeMethods
from imgpar.api.file_methods import FileMethods
from imgpar.api.operations import OperationMethods
from imgpar.api.settings import (
    read_output,
)
from imgpar.api.typed import (
    OutputSettings,
)
from imgpar.batch.pickling import pickled
from imgpar.core.error_messages import bad_value, suggested
from imgpar.core.job import Item
from imgpar.core.limits import Limits
from imgpar.core.parsing import choice, integer, named, number_range, odd_integer
from imgpar.core.spec import ITEM_BYTES, Dtype
from imgpar.ops import Operation, find_operation, operation_names
from imgpar.ops.apply import MOST_FRAMES, Apply
from imgpar.ops.apply_batch import MOST_PICTURES, ApplyBatch
from imgpar.ops.plugins import reserve_names
from imgpar.recipe.recipe import Recipe
from imgpar.recipe.tables import make_operation

if TYPE_CHECKING:
    import numpy as np

    from imgpar.ops.returned import Returned


class Pipeline(OperationMethods, FileMethods, ArrayMethods, EncodeMethods):
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
