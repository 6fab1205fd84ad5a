"""One file of all inputs: `Pipeline.assemble`, `Pipeline.sheet`, `imgpar.concat`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from imgpar.api.run import run
from imgpar.api.settings import Inputs, given_inputs, resolve
from imgpar.batch.account import Listener
from imgpar.batch.gather.options import Gathering
from imgpar.batch.gather.planner import kind_of, read_target
from imgpar.batch.pages.writing import write_report
from imgpar.batch.report import Report
from imgpar.batch.settings import GATHER, in_session
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.formats.registry import Format
from imgpar.inputs.sources import Source, with_archives
from imgpar.outputs.sidefiles import check_report
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken

_ENCODED = {"joined": (), "document": ("fps", "lossless", "codec", "effort", "palette")}
"""Settings that a kind of file does not have, although its call takes them."""


def gather(
    call: str,
    inputs: Inputs,
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
    call: str, inputs: Sequence[str | Source], out: str, recipe: Recipe, own: Mapping[str, Any]
) -> Gathering:
    """What is made, checked against the inputs and the settings.

    Raises:
        UsageError: the file cannot be made like this.
    """
    recipe.check_single(call)
    _, target = read_target(call, out)
    declared = Gathering.options()
    values = {
        key: parsing.named(key, declared[key].parse, value) for key, value in own.items() if value is not None
    }
    made = replace(Gathering(kind=kind_of(call, target)), **values)
    if recipe.to:
        raise UsageError("The name of the output says its format, so there is no `to`.", fix="Leave it out.")
    if recipe.encode.split:
        raise UsageError("Pages cannot be split here.", fix="Choose one page.")
    if made.kind == "joined" and len(inputs) < 2 and not any(map(_is_folder, inputs)):
        fix = "Name two or more, such as: imgpar concat a.mp4 b.mp4 -o c.mp4"
        raise UsageError("Clips are joined out of two or more.", fix=fix)
    if made.kind == "document" and own.get("mixed") is not None:
        raise UsageError("mixed does not apply to PDF: every page has its own size.", fix="Leave it out.")
    _check_settings(call, made, target, recipe)
    return made


def _is_folder(given: str | Source) -> bool:
    """Whether an input may hold several items."""
    return (
        not isinstance(given, str) or os.path.isdir(given) or not isinstance(with_archives([given])[0], str)
    )


def _check_settings(call: str, made: Gathering, target: Format, recipe: Recipe) -> None:
    """Refuse settings that the call takes, but not for this kind of file."""
    plain = type(recipe.encode)()
    given = [name for name in plain.options() if getattr(recipe.encode, name) != getattr(plain, name)]
    known = GATHER[call].recipe
    for name in given:
        if name not in known:
            raise UsageError(f"{call} does not accept {name}.", fix=f"It takes {', '.join(sorted(known))}.")
        if name == "dpi" and target.kind == "video" and not any(one.physical for one in recipe.operations):
            raise UsageError(f"dpi does not apply to {target.title}.", fix="Leave it out.")
        if name in _ENCODED.get(made.kind, ()) or (made.kind == "animation" and name == "codec"):
            raise UsageError(f"{name} does not apply to {target.title}.", fix="Leave it out.")
