"""One picture of the caller: what `Pipeline.encode`, `encode_with_report` and `array` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from imgpar.api.settings import resolve
from imgpar.batch.encode_all import EncodeAllRequest
from imgpar.batch.encoded_file import target_format
from imgpar.batch.encoding import EncodedPicture, EncodeRequest, encode_aside, encode_here
from imgpar.batch.feed import Inputs
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import ENCODE, Call
from imgpar.core.addresses import is_address
from imgpar.core.errors import SourceError, UsageError, bad_value, naming
from imgpar.core.job import Event
from imgpar.core.parsing import choice, integer, named
from imgpar.inputs.batches import why_unreadable
from imgpar.inputs.handed import GivenInput, bytes_of, file_name, inputs_in_order, is_file, read_input
from imgpar.inputs.one_file import check_file, path_of
from imgpar.inputs.sources import is_source
from imgpar.ops import Operation
from imgpar.recipe.outputs import Branch
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    from imgpar.api.settings import AnyInput, AnyInputs

_BYTES = (bytes, bytearray, memoryview)


class OnePicture(NamedTuple):
    """A picture as a call got it."""

    data: bytes
    name: str
    """File name; empty is unknown."""
    pixels: bool
    """Whether an array or a picture of Pillow was given, which has no format."""


def one_picture(given: AnyInput, name: str, call: str) -> OnePicture:
    """Read one picture: bytes, a file, the path of a file, an array, a picture of Pillow.

    Args:
        given: by the caller.
        name: file name; empty takes that of the file.
        call: name of the call, for errors.

    Raises:
        UsageError: it is not one picture.
        SourceError: it cannot be read.
    """
    if isinstance(given, _BYTES):
        return OnePicture(bytes(given), name, pixels=False)
    found = read_input(given)
    value = found.value
    if is_source(value) or found.keyed or (isinstance(value, str) and is_address(value)):
        raise UsageError(
            f"{call} takes the path of one file, or a content without a key.",
            fix=f"For anything else there is {'arrays' if call == 'array' else 'encode_all'}.",
        )
    if isinstance(value, str):
        others = "Pipeline.arrays" if call == "array" else "Pipeline.encode_all"
        check_file(value, f"{others} takes folders and archives.")
    try:
        data = bytes_of(value)  # type: ignore[arg-type]
    except OSError as error:
        raise SourceError(why_unreadable(error)) from error
    return OnePicture(data, name or file_name(found), not (isinstance(value, str) or is_file(value)))


def read_encode_all(
    call: Call,
    recipe: Recipe,
    inputs: AnyInputs,
    to: str | None,
    settings: Mapping[str, Any],
    *,
    errors: str,
    prefetch: int | None,
    on_event: Callable[[Event], None] | None,
    cancel: CancelToken | None,
) -> EncodeAllRequest:
    """Validate a call of `Pipeline.encode_all`. Raises UsageError."""
    recipe.check_single("encode_all")
    recipe, options = resolve(recipe, {**settings, "to": to}, call)
    _check_one_format(recipe)
    if recipe.encode.split:
        raise UsageError("Pages cannot be split in memory.", fix="Write them into a folder.")
    given, lazy = inputs_in_order(inputs)
    if not recipe.to:
        given = map(_with_format, given) if isinstance(given, Iterator) else [*map(_with_format, given)]
    return EncodeAllRequest(
        recipe,
        Inputs(given, lazy=lazy, access=options.access),
        options,
        named("errors", choice("raise", "skip", "yield"), errors),
        None if prefetch is None else named("prefetch", integer(1, 1 << 20), prefetch),
        on_event,
        cancel or CancelToken(),
    )


def _with_format(given: GivenInput) -> GivenInput:
    """An input whose format its output keeps; raises UsageError where it has none."""
    if given.handed and not isinstance(given.value, (*_BYTES, str)) and not is_file(given.value):
        raise _no_format()
    return given


def _no_format() -> UsageError:
    fix = "Choose one with to, such as to='webp'."
    return UsageError("Arrays and pictures in memory have no format.", fix=fix)


def _check_one_format(recipe: Recipe) -> None:
    if len(recipe.to) > 1:
        raise bad_value("to", "one format", ", ".join(recipe.to))


class _Prepared(NamedTuple):
    """What the settings of a call come to."""

    recipe: Recipe
    """Of the pipeline."""
    to: tuple[str, ...]
    made: Branch
    options: RunOptions


_prepared: dict[tuple[object, ...], _Prepared] = {}
"""Of the last calls: a web service makes the same call all the time. Each holds its recipe, so that no other
one has its identity."""
_MOST_PREPARED = 64
_PLAIN = (str, int, float, bool, type(None))


def _prepare(recipe: Recipe, to: str | None, settings: Mapping[str, Any]) -> _Prepared:
    """Resolve the settings of a call. Raises UsageError."""
    plain = all(type(value) in _PLAIN for value in settings.values())
    key = (id(recipe), to, *((name, type(value), value) for name, value in settings.items()))
    if plain and (found := _prepared.get(key)):
        return found
    recipe.check_single("encode")
    resolved, options = resolve(recipe, {**settings, "to": to}, ENCODE)
    _check_one_format(resolved)
    (made,) = resolved.branches()
    found = _Prepared(recipe, resolved.to, made, options)
    files = made.encode.identity() or any(
        type(step).identity is not Operation.identity for step in made.operations
    )  # which may change
    if plain and not files:
        if len(_prepared) >= _MOST_PREPARED:
            _prepared.clear()
        _prepared[key] = found
    return found


def encode(
    recipe: Recipe, given: AnyInput, to: str | None, name: str, settings: Mapping[str, Any]
) -> EncodedPicture:
    """Encode one picture; see `Pipeline.encode`."""
    _, formats, made, options = _prepare(recipe, to, settings)
    with naming(path_of(given)):
        picture = one_picture(given, name, "encode")
        if picture.pixels and not formats:
            raise _no_format()
        target = target_format(formats, picture.data, picture.name)
        request = EncodeRequest(made.operations, made.encode, target.name, picture.name, options)
        if options.timeout is None:
            return encode_here(picture.data, request)
        return encode_aside(picture.data, request, options.timeout)
