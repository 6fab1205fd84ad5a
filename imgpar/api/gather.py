"""One file of all inputs: `Pipeline.assemble`, `Pipeline.sheet`, `imgpar.concat`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from imgpar.api.run import run
from imgpar.api.settings import AnyInputs, given_inputs, resolve
from imgpar.batch.gather.options import OF_PAPER, Gathering
from imgpar.batch.gather.planner import kind_of, read_target
from imgpar.batch.gather.sheet_layout import PAPER, check_margin
from imgpar.batch.pages.writing import write_report
from imgpar.batch.report import Report
from imgpar.batch.settings import GATHER, in_session
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.core.job import Listener
from imgpar.formats.option_values import several_pages
from imgpar.formats.options import CODECS
from imgpar.formats.registry import FORMATS, Format
from imgpar.formats.relevance import says_something
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.sources import Source
from imgpar.outputs.sidefiles import check_report
from imgpar.pixels.page_sizes import PageSize
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken
from imgpar.video.containers import CONTAINERS

_NEVER = {
    "joined": (),
    "document": ("fps",),
    "sheet": ("fps",),
    "icon": ("fps", "lossless"),
}
"""Settings that a kind of file does not have, although its call takes them and its format might."""
_OF_TILES = ("label_size", "font")
"""Settings that apply to the text of a sheet."""


def gather(
    call: str,
    inputs: AnyInputs,
    out: str | os.PathLike[str],
    recipe: Recipe,
    settings: Mapping[str, Any],
    *,
    session: Workers | None = None,
    on_event: Listener | None = None,
    cancel: CancelToken | None = None,
    report: str | os.PathLike[str] | None = None,
) -> Report:
    """Make one file of all inputs.

    Args:
        call: "assemble", "sheet" or "concat".
        inputs: files, folders and patterns, in order.
        out: the file; its suffix determines the format.
        recipe: operations on each input, and settings of the encoder.
        settings: further ones, as keywords of the call.
        session: workers to use.
        on_event: called with every event.
        cancel: of the caller.
        report: path of the report, JSON or a page.

    Raises:
        UsageError: a setting is invalid; nothing was written.
        RunError: the run could not continue.
    """
    if not isinstance(out, (str, os.PathLike)):
        raise UsageError(f"{call} writes one file: {type(out).__name__} is no path.", fix="Name the file.")
    taken = in_session(GATHER[call]) if session else GATHER[call]
    taken.check(settings)
    own = {key: value for key, value in settings.items() if key in taken.gather}
    rest = {key: value for key, value in settings.items() if key not in own}
    recipe, options = resolve(recipe, rest, taken)
    names = given_inputs(inputs)
    if report is not None:
        check_report(
            report := parsing.named("report", parsing.path, report),
            [name for name in names if isinstance(name, str)],
        )
    made = read_gathering(call, names, os.fspath(out), recipe, own)
    result = run(
        names, os.fspath(out), recipe, options,
        on_event=on_event, cancel=cancel, workers=session, gather=made,
    )  # fmt: skip
    if report is not None:
        write_report(result, os.fspath(report), options, cancel, session)
    return result


def read_gathering(
    call: str,
    inputs: Sequence[str | Source],
    out: str,
    recipe: Recipe,
    own: Mapping[str, Any],
    label: Callable[[str], str] = str,
) -> Gathering:
    """What is made, checked against the inputs and the settings.

    Args:
        call: "assemble", "sheet" or "concat".
        inputs: as given.
        out: the file.
        recipe: operations and settings of the encoder.
        own: settings of the file; None is "not given".
        label: converts the name of a setting for messages.

    Raises:
        UsageError: the file cannot be made like this.
    """
    recipe.check_single(call)
    _, target = read_target(call, out)
    declared = Gathering.options()
    values = {
        key: parsing.named(label(key), declared[key].parse, value)
        for key, value in own.items()
        if value is not None
    }
    made = replace(Gathering(kind=kind_of(call, target)), **values)
    if recipe.to:
        raise UsageError(
            f"The name of the output says its format, so there is no {label('to')}.", fix="Leave it out."
        )
    if recipe.encode.split:
        raise UsageError("Pages cannot be split here.", fix=f"Leave {label('pages')} out, or name some.")
    if made.kind in ("sheet", "icon") and several_pages(recipe.encode.pages):
        raise UsageError(f"{call} takes one page of each input here.", fix=f"Name one with {label('pages')}.")
    if made.kind == "joined" and len(inputs) < 2 and not any(map(_is_folder, inputs)):
        fix = "Name two or more, such as: imgpar concat a.mp4 b.mp4 -o c.mp4"
        raise UsageError("Clips are joined out of two or more.", fix=fix)
    _check_file(made, target, list(values), label)
    _check_settings(call, made, target, recipe, label)
    return made


def _check_file(made: Gathering, target: Format, given: list[str], label: Callable[[str], str]) -> None:
    """Refuse settings of the file that this kind of file does not have."""
    paper = target.name == "pdf" and not (made.page_size and made.page_size.fits)
    refused = {
        "mixed": made.kind not in ("clip", "animation"),
        "title": target.name != "pdf" and made.kind != "sheet",
        "margin": made.kind == "sheet" and paper,
        **dict.fromkeys(OF_PAPER, target.name != "pdf"),
    }
    for name in given:
        if refused.get(name):
            more = f": {label('page_margin')} is that of the page" if name == "margin" else ""
            raise UsageError(f"{label(name)} does not apply to {target.title}{more}.", fix="Leave it out.")
        if name in _OF_TILES and made.labels is None and not made.title:
            raise UsageError(
                f"{label(name)} is for text, but there is none.",
                fix=f"Add {label('labels')} or {label('title')}.",
            )
    check_margin(made.page_size or (PAPER if made.kind == "sheet" else PageSize()), made.page_margin or 0.0)


def _is_folder(given: str | Source) -> bool:
    """Whether an input may hold several items."""
    return not isinstance(given, str) or os.path.isdir(given) or not isinstance(with_sources([given])[0], str)


def _check_settings(
    call: str, made: Gathering, target: Format, recipe: Recipe, label: Callable[[str], str]
) -> None:
    """Refuse settings of the encoder that the call takes, but not for this kind of file."""
    plain = type(recipe.encode)()
    given = [name for name in plain.options() if getattr(recipe.encode, name) != getattr(plain, name)]
    known = GATHER[call].recipe
    encoder = FORMATS["jpeg"] if target.name == "pdf" else target
    for name in given:
        if name not in known:
            raise UsageError(
                f"{call} does not accept {label(name)}.",
                fix=f"It takes {', '.join(map(label, sorted(known)))}.",
            )
        says = (name == "background" and made.kind == "sheet") or says_something(name, None, encoder)
        says = says or (name == "lossless" and target.name == "pdf")  # its pages are then no JPEGs
        if name == "dpi" and target.kind == "video":  # it gives sizes such as 10x15cm their pixels
            says = any(one.physical for one in recipe.operations)
        if name in _NEVER.get(made.kind, ()) or not says:
            raise UsageError(f"{label(name)} does not apply to {target.title}.", fix="Leave it out.")
    codec = recipe.encode.codec
    if target.name in CONTAINERS and codec and codec not in CONTAINERS[target.name].video:
        fitting = [one for one in CODECS if one in CONTAINERS[target.name].video]
        raise UsageError(
            f"{target.title} holds no {codec}.", fix=f"Choose {label('codec')} {' or '.join(fitting)}."
        )
