"""One picture of the caller: what `Pipeline.encode`, `encode_with_report` and `array` share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from imgpar.api.settings import resolve
from imgpar.batch.encoded_file import target_format
from imgpar.batch.encoding import EncodedPicture, EncodeRequest, encode_aside, encode_here
from imgpar.batch.settings import ENCODE
from imgpar.core.addresses import is_address
from imgpar.core.errors import SourceError, UsageError, bad_value, item_error
from imgpar.inputs.batches import named_item, why_unreadable
from imgpar.inputs.handed import bytes_of, file_name, is_file, read_input
from imgpar.inputs.sources import is_source
from imgpar.recipe.recipe import Recipe

if TYPE_CHECKING:
    from imgpar.api.settings import AnyInput

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
    if isinstance(value, str) and (missing := named_item(value, "")).error:
        raise item_error(missing.kind, missing.error)
    try:
        data = bytes_of(value)  # type: ignore[arg-type]
    except OSError as error:
        raise SourceError(why_unreadable(error)) from error
    return OnePicture(data, name or file_name(found), not (isinstance(value, str) or is_file(value)))


def encode(
    recipe: Recipe, given: AnyInput, to: str | None, name: str, settings: Mapping[str, Any]
) -> EncodedPicture:
    """Encode one picture; see `Pipeline.encode`."""
    recipe.check_single("encode")
    recipe, options = resolve(recipe, {**settings, "to": to}, ENCODE)
    if len(recipe.to) > 1:
        raise bad_value("to", "one format", ", ".join(recipe.to))
    picture = one_picture(given, name, "encode")
    if picture.pixels and not recipe.to:
        fix = "Choose one with to, such as to='webp'."
        raise UsageError("Arrays and pictures in memory have no format.", fix=fix)
    target = target_format(recipe.to, picture.data, picture.name)
    (made,) = recipe.branches()
    request = EncodeRequest(made.operations, made.encode, target.name, picture.name, options)
    if options.timeout is None:
        return encode_here(picture.data, request)
    return encode_aside(picture.data, request, options.timeout)
