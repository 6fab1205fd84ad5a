"""One call of imgpar for one drop: a file of each input, or one file of all."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import imgpar
from imgpar.desktop.paths import folder_of_files
from imgpar.desktop.settings import Settings

MARK = ".imgpar"
"""The folder by which imgpar knows outputs: such a folder is no input when its parent is dropped later."""


def make_files(
    settings: Settings,
    inputs: Sequence[str],
    out: str,
    on_event: Callable[[imgpar.Event], None],
    cancel: imgpar.CancelToken | None = None,
) -> imgpar.Report:
    """Convert the inputs as the settings say. Nothing that exists is replaced.

    Args:
        settings: of the window.
        inputs: absolute paths.
        out: the output folder.
        on_event: receives every event.
        cancel: stops the run.

    Raises:
        UsageError: a field is invalid.
        RunError: the run could not continue.
    """
    pipeline = settings.pipeline()
    if not settings.make:
        place, how = _place(settings, out)
        if settings.watches:
            return imgpar.watch(
                inputs, place, recipe=pipeline.recipe, on_event=on_event, cancel=cancel, **how
            )
        return pipeline.run(inputs, place, on_event=on_event, cancel=cancel, **how)
    with suppress(OSError):  # the run says why nothing can be written
        os.makedirs(os.path.join(out, MARK), exist_ok=True)
    file = os.path.join(out, title(inputs) + settings.suffix)
    if settings.make == "pdf":
        return pipeline.assemble(inputs, file, on_exists="rename", on_event=on_event, cancel=cancel)
    return pipeline.sheet(inputs, file, labels="{stem}", on_exists="rename", on_event=on_event, cancel=cancel)


def estimate_run(
    settings: Settings, inputs: Sequence[str], out: str, cancel: imgpar.CancelToken
) -> imgpar.Estimate:
    """What a run would take; a few files are converted for it. Nothing is written to `out`.

    Raises:
        UsageError: a field is invalid, or one file is to be made of all inputs.
        NoInputError: there is nothing to convert.
    """
    place, how = _place(settings, out)
    return imgpar.estimate(inputs, place, recipe=settings.pipeline().recipe, cancel=cancel, **how)


def _place(settings: Settings, out: str) -> tuple[str | None, dict[str, Any]]:
    """OUT, and what happens to files that exist."""
    return (None, {"in_place": True}) if settings.replaces else (out, {"on_exists": "rename"})


def title(inputs: Sequence[str]) -> str:
    """The name of the file that is made of all inputs: that of their folder or archive.

    >>> title([os.path.abspath("/photos/Phone/a.jpg")])
    'Phone'
    >>> title([os.path.abspath("/photos/trip.tar.gz")])
    'trip'
    """
    first = inputs[0]
    folder = folder_of_files(first) if len(inputs) == 1 else ""
    folder = folder or os.path.dirname(first)
    return os.path.basename(folder) or "imgpar"
