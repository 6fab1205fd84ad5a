"""One picture to bytes: what `Pipeline.encode` and `encode_with_report` share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imgpar.api.settings import resolve
from imgpar.batch.encoded_file import target_format
from imgpar.batch.encoding import EncodedPicture, EncodeRequest, encode_aside, encode_here
from imgpar.batch.settings import ENCODE
from imgpar.core.addresses import is_address
from imgpar.core.errors import SourceError, UsageError, bad_value, item_error
from imgpar.inputs.batches import named_item, why_unreadable
from imgpar.inputs.handed import GivenInput, content_bytes, file_name, read_input
from imgpar.inputs.sources import is_source
from imgpar.recipe.recipe import Recipe

if TYPE_CHECKING:
    from imgpar.inputs.handed import Content

_CONTENTS = (bytes, bytearray, memoryview)


def encode(
    recipe: Recipe,
    given: Content | str | os.PathLike[str],
    to: str | None,
    name: str,
    settings: Mapping[str, Any],
) -> EncodedPicture:
    """Encode one picture; see `Pipeline.encode`."""
    recipe.check_single("encode")
    recipe, options = resolve(recipe, {**settings, "to": to}, ENCODE)
    if len(recipe.to) > 1:
        raise bad_value("to", "one format", ", ".join(recipe.to))
    found = GivenInput(given) if isinstance(given, _CONTENTS) else read_input(given)
    _check(found)
    if not recipe.to and found.handed and _is_pixels(found.value):
        raise UsageError(
            "Arrays and pictures in memory have no format.", fix="Choose one with to, as 'webp'."
        )
    name = name or file_name(found)
    try:
        data = content_bytes(found.value)  # type: ignore[arg-type]
    except OSError as error:
        raise SourceError(why_unreadable(error)) from error
    target = target_format(recipe.to, data, name)
    (made,) = recipe.branches()
    request = EncodeRequest(made.operations, made.encode, target.name, name, options)
    if options.timeout is None:
        return encode_here(data, request)
    return encode_aside(data, request, options.timeout)


def _check(given: GivenInput) -> None:
    """Refuse what is not one picture. Raises UsageError; SourceError for a file that is not there."""
    value = given.value
    if is_source(value) or given.keyed or (isinstance(value, str) and is_address(value)):
        raise UsageError(
            "encode takes the path of one file, or a content without a key.",
            fix="convert and encode_all take anything else.",
        )
    if isinstance(value, str) and (missing := named_item(value, "")).error:
        raise item_error(missing.kind, missing.error)


def _is_pixels(value: object) -> bool:
    """Whether a content is an array or a picture of Pillow."""
    return not isinstance(value, _CONTENTS) and not hasattr(value, "read")
