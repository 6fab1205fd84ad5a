"""Destination of the outputs: OUT as given, checked before anything is written."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imgpar.core.addresses import is_address
from imgpar.core.confined import is_real_folder
from imgpar.core.errors import (
    OutputError,
    UsageError,
    setting,
)
from imgpar.core.fs import OURS
from imgpar.formats.registry import format_of_suffix, nearest_format
from imgpar.inputs.batches import UNDO
from imgpar.inputs.roots import absolute
from imgpar.inputs.sources import Source
from imgpar.outputs.sinks import FILES, Place, Sink, Stored, check_sink, sink_of

UNDO_FOLDER = f"{OURS}/{UNDO}"
"""Folder of originals, below the folder in which files were replaced."""
RESERVE = 64 << 20
"""Bytes of disk space that a run leaves free."""
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{2,3}")


@dataclass(frozen=True, slots=True)
class Out:
    """The destination of all outputs."""

    folder: str
    """Absolute path. In place: the folder that contains all inputs."""
    name: str = ""
    """Set when OUT is one file in that folder."""
    in_place: bool = False
    stored: Stored | None = None
    """Set where outputs go to a sink; `folder` is then its root."""

    @property
    def place(self) -> Place:
        """What answers questions about existing outputs."""
        return self.stored or FILES

    @property
    def path(self) -> str:
        """OUT as one absolute path."""
        return os.path.join(self.folder, self.name) if self.name else self.folder

    def below(self, mirror: str) -> str:
        """The folder for this mirror path, with a trailing separator."""
        return os.path.join(self.folder, *mirror.split("/"), "")


def read_out(
    out: str | Sink | None,
    inputs: Sequence[str | Source],
    *,
    to: Sequence[str] = (),
    in_place: bool = False,
) -> Out:
    """Interpret OUT: a sink, a folder, or a file if it is named like one and there is one input file.

    Args:
        out: as given; None only in place.
        inputs: as given, with archives as sources; may be empty where they come from a list.
        to: names of formats.
        in_place: whether inputs are replaced.

    Raises:
        UsageError: OUT cannot be interpreted.
        OutputError: a file is in its place.
    """
    paths = [given for given in inputs if isinstance(given, str)]
    others = [given.root for given in inputs if not isinstance(given, str)]
    if in_place:
        if out is not None:
            raise UsageError("OUT and --in-place exclude each other.", fix="Leave one of them out.")
        if any(given.loose for given in inputs if not isinstance(given, str)):
            raise UsageError("An address cannot be converted in place.", fix="Name a place with -o OUT.")
        if others:
            raise UsageError(f"{others[0]} cannot be converted in place.", fix="Name a place with -o OUT.")
        return Out(home(_common(paths)), in_place=True)
    if out is not None and out != "" and (known := known_out(out)).stored:
        if known.path in others:
            raise UsageError(f"OUT is an input itself ({known.path}).", fix="Choose another OUT.")
        return _file_in_store(out, known, inputs, to) or known
    if not out:
        raise UsageError(
            "There is no destination for the outputs.",
            fix=f"Name one with -o OUT (out), or use {setting('in_place', True)}.",
        )
    assert isinstance(out, str)
    path = absolute(out)
    if os.path.isdir(path):
        _not_an_input(path, paths)
        return Out(path)
    if format_of_suffix(path) is None or out.endswith(("/", os.sep)):
        _not_mistyped(out, paths)
        if os.path.lexists(path):
            raise OutputError(f"{path} is a file; the outputs need a folder.", fix="Choose another OUT.")
        return Out(path)
    _check_one_file(path, inputs)
    _same_format(path, to)
    return Out(os.path.dirname(path), os.path.basename(path))


def _file_in_store(
    out: str | Sink, known: Out, inputs: Sequence[str | Source], to: Sequence[str]
) -> Out | None:
    """One file below an address, if OUT is named like one; else None."""
    if not isinstance(out, str) or not is_address(out) or format_of_suffix(known.path) is None:
        return None
    folder, _, name = out.rpartition("/")
    if not name or folder.endswith("/"):  # a folder, or a bucket with a dot in its name
        return None
    _check_one_file(known.path, inputs)
    _same_format(known.path, to)
    above = known_out(folder)
    return Out(above.folder, name, stored=above.stored)


def _check_one_file(path: str, inputs: Sequence[str | Source]) -> None:
    """Refuse the name of one file where there are several inputs."""
    if len(inputs) != 1 or not _is_file(inputs[0]):
        raise UsageError(
            f"OUT is named like one file ({os.path.basename(path)}), but the input is not one file.",
            fix=f"Name a folder with -o (out), and the format with {setting('to')}.",
        )


def _is_file(given: str | Source) -> bool:
    """Whether an input is one file, not a folder or a pattern."""
    if not isinstance(given, str):
        return given.single
    return not os.path.isdir(given) and (not glob.has_magic(given) or os.path.exists(given))


def known_out(out: str | Sink) -> Out:
    """OUT of a run: a sink, or a folder."""
    if isinstance(out, str):
        sink = sink_of(out)
        return Out(absolute(out)) if sink is None else Out(sink.root, stored=Stored(sink))
    return Out(check_sink(out).root, stored=Stored(out))


def above(folder: str) -> Iterator[str]:
    """All parent folders, the nearest first."""
    while (outer := os.path.dirname(folder)) != folder:
        yield outer
        folder = outer


def home(folder: str) -> str:
    """The folder whose journal has the originals replaced in `folder`: itself, or one above it."""
    return next((at for at in (folder, *above(folder)) if is_home(at)), folder)


def is_home(folder: str) -> bool:
    """Whether a run replaced files in or below this folder and keeps their originals here. Links do not
    count: they may lead outside."""
    ours = os.path.join(folder, OURS)
    return is_real_folder(os.path.join(ours, UNDO)) and is_real_folder(ours)


def free_space_problem(out: str, bytes_needed: int) -> str:
    """One sentence if the disk of `out`, which need not exist yet, lacks the space, else empty."""
    folder = absolute(out)
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""
    if free >= bytes_needed + RESERVE:
        return ""
    return (
        f"{folder} has {free / 1e6:,.0f} MB free, and the outputs may take {bytes_needed / 1e6:,.0f} MB. "
        "Free some space or choose another OUT."
    )


def _not_an_input(path: str, inputs: Sequence[str]) -> None:
    folders = [given for given in inputs if os.path.isdir(given)]
    if len(inputs) == 1 and folders and os.path.samefile(folders[0], path):
        raise UsageError(
            f"OUT is the input folder itself ({path}).",
            fix=f"Name another folder with -o (out), or replace the files: {setting('in_place', True)}.",
        )


def _not_mistyped(out: str, inputs: Sequence[str]) -> None:
    """Refuse `photo.wepb` for one file, which would become a folder of that name; not `photos.2024`."""
    suffix = os.path.splitext(out)[1]
    if os.path.lexists(out) or len(inputs) != 1 or not os.path.isfile(inputs[0]):
        return
    near = nearest_format(suffix)
    if near or _SUFFIX.fullmatch(suffix):
        meant = f"Did you mean '.{near}'? " if near else ""
        raise UsageError(
            f"OUT ({os.path.basename(out)}) is named like a file, but there is no format {suffix!r}.",
            fix=f"{meant}For a folder of that name, end it with '/'.",
        )


def _same_format(path: str, to: Sequence[str]) -> None:
    named = format_of_suffix(path)
    requested = [format_of_suffix("x." + word.lstrip(".")) for word in to]
    if named is not None and requested and requested != [named]:
        raise UsageError(
            f"OUT ({os.path.basename(path)}) is named as {named.title}, but --to is {', '.join(to)}.",
            fix=f"Leave {setting('to')} out, or name a folder with -o (out).",
        )


def _common(inputs: Sequence[str]) -> str:
    """The folder that contains all inputs; its journal records what was replaced."""
    if not inputs:
        return os.getcwd()
    paths = [absolute(path) for path in inputs]
    folders = [path if os.path.isdir(path) else os.path.dirname(path) for path in paths]
    try:
        return os.path.commonpath(folders)
    except ValueError:
        raise UsageError(
            "--in-place works on one disk at a time.", fix="Run it once for the inputs of each disk."
        ) from None
