"""`imgpar.compare`: formats and qualities of a picture side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Unpack

from imgpar.api.run import Silent
from imgpar.api.settings import AnyInputs, checked_recipe, given_inputs, resolve
from imgpar.api.typed import CompareSettings
from imgpar.batch.pages.comparing import ComparedPicture, compared, without_files
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import COMPARE, in_session
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.errors import OutputError, UsageError, bad_value
from imgpar.core.job import Event
from imgpar.core.tempfiles import temporary
from imgpar.formats.registry import FORMATS, every_format, find_format
from imgpar.inputs.sources import Source
from imgpar.outputs.sidefiles import check_page, is_page, write_whole
from imgpar.recipe.recipe import Recipe
from imgpar.recipe.tables import parse_formats
from imgpar.runtime.scheduler import CancelToken

QUALITIES = (60, 75, 90)
"""Unless others are named."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of `compare`."""

    pictures: tuple[ComparedPicture, ...]
    page: str = ""
    """Absolute path of the page; empty where none was written."""

    @property
    def exit_code(self) -> int:
        """0: all variants were made; 1: a picture or a variant failed."""
        failed = any(one.error or any(variant.error for variant in one.variants) for one in self.pictures)
        return int(failed)


def compare(
    inputs: AnyInputs,
    page: str | os.PathLike[str] | None = None,
    *,
    to: str | Iterable[str] = (),
    quality: int | Iterable[int] = QUALITIES,
    session: Workers | None = None,
    on_event: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
    **settings: Unpack[CompareSettings],
) -> Comparison:
    """Encode pictures in several formats and qualities, and measure size, time and loss of each.

    >>> import imgpar
    >>> result = imgpar.compare("a.jpg", "a.html", to="webp,avif", quality=(60, 90))  # doctest: +SKIP
    >>> for variant in result.pictures[0].variants:  # doctest: +SKIP
    ...     print(variant.label, variant.bytes, variant.ssimulacra2)

    Args:
        inputs: one or more pictures, folders, patterns or archives; of an animation the first frame is taken.
        page: path of a page with a slider, which contains all pictures; None writes none. An existing file is
            replaced only if it is such a page.
        to: formats of the variants; empty keeps that of each picture.
        quality: one or more, 1 to 100; formats without a quality have one variant.
        session: workers to use; without it, workers are started for this call.
        on_event: called with an `Event` of kind "item" for each variant, and one for each picture itself.
        cancel: stops after the variants in progress.
        settings: operations, which come before encoding, and `jobs`, `memory`, `worker_memory`, `timeout`,
            `max_pixels`, `accept_damaged`, `password`, `include`, `exclude`.

    Returns:
        The pictures in order, each with its variants: formats in the given order, qualities from low to high.

    Raises:
        UsageError: a setting is invalid, no input exists, or the variants are too many.
        OutputError: the page cannot be written.
    """
    recipe, options = resolve(Recipe(), settings, in_session(COMPARE) if session else COMPARE)
    return run_comparison(
        given_inputs(inputs),
        None if page is None else parsing.named("page", parsing.path, page),
        recipe,
        options,
        formats=parsing.named("to", formats_of, to),
        qualities=parsing.named("quality", qualities_of, quality),
        session=session,
        listen=on_event or Silent(),
        cancel=cancel,
    )


def run_comparison(
    inputs: Sequence[str | Source],
    page: str | None,
    recipe: Recipe,
    options: RunOptions,
    *,
    formats: Sequence[str],
    qualities: Sequence[int],
    listen: Callable[[Event], None],
    session: Workers | None = None,
    cancel: CancelToken | None = None,
) -> Comparison:
    """`compare` with parsed arguments, for the command line."""
    recipe = checked_recipe(recipe)
    recipe.check_single("compare")
    if page is not None:
        check_page_name(page, [name for name in inputs if isinstance(name, str)])
    cancel = cancel or CancelToken()
    with ExitStack() as stack:
        workers = session or stack.enter_context(
            Workers(options.jobs, options.memory, worker_memory=options.worker_memory)
        )
        folder = stack.enter_context(temporary())
        found = compared(
            workers, inputs, recipe.operations, formats, qualities, options, cancel, folder, listen
        )
        pictures = tuple(found)
        if page is not None and not (cancel.cancelled or cancel.killed):
            _write(page, pictures)
            return Comparison(without_files(pictures), os.path.abspath(page))
        return Comparison(without_files(pictures))


def check_page_name(page: str, inputs: Iterable[str]) -> None:
    """Raise UsageError where the page cannot be written to this path."""
    if not is_page(page):
        raise UsageError(f"{page} is no name of a page.", fix="Let it end in .html.")
    check_page("compare", page, inputs)


def _write(page: str, pictures: Sequence[ComparedPicture]) -> None:
    from imgpar.batch.pages.compare_page import compare_page

    try:
        write_whole(os.path.abspath(page), compare_page(pictures))
    except OSError as error:
        raise OutputError(
            f"The page {page} cannot be written: {error.strerror}.", fix="Choose another place for it."
        ) from error


@parsing.accepts("str | Iterable[str]")
def formats_of(value: object) -> tuple[str, ...]:
    """Picture formats that can be written.

    >>> formats_of("webp,avif"), formats_of(["JPG"])
    (('webp', 'avif'), ('jpeg',))
    """
    if not value:
        return ()
    names: tuple[str, ...] = tuple(dict.fromkeys(find_format(name).name for name in parse_formats(value)))
    for name in names:
        if FORMATS[name].kind != "image" or not FORMATS[name].writable:
            writable = [one.name for one in every_format() if one.kind == "image" and one.writable]
            raise bad_value(
                parsing.VALUE, f"picture formats that can be written ({', '.join(writable)})", name
            )
    return names


@parsing.accepts("int | str | Iterable[int]")
def qualities_of(value: object) -> tuple[int, ...]:
    """Qualities from low to high.

    >>> qualities_of("90,60"), qualities_of(75)
    ((60, 90), (75,))
    """
    parts: Iterable[Any] = value.split(",") if isinstance(value, str) else [value]
    if isinstance(value, Iterable) and not isinstance(value, str):
        parts = value
    one = parsing.integer(1, 100)
    try:
        found = {one(part.strip() if isinstance(part, str) else part) for part in parts}
    except UsageError:
        raise bad_value(parsing.VALUE, "qualities from 1 to 100, such as 60,75,90", value) from None
    if not found:
        raise bad_value(parsing.VALUE, "at least one quality from 1 to 100", value)
    return tuple(sorted(found))
