"""`--keep-failures DIR`: everything needed to reproduce a failure, in one folder per input."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count

from imgpar.core.addresses import without_secrets
from imgpar.core.filenames import legal, split_suffix
from imgpar.core.fs import long_path, remove_file
from imgpar.core.job import Job, Outcome
from imgpar.inputs.opening import fetch
from imgpar.inputs.sources import Source

MAX_BUNDLES = 1000
"""Most bundles of one run; more failures usually have one cause."""

FACTS = "failure.json"
"""File that identifies a folder as a bundle."""
PRIVATE = 0o700
"""Mode of the folders: inputs may be private."""

README = """\
imgpar could not convert the file in this folder. To reproduce the failure:

  imgpar {verb} {name} -o out/{recipe}

failure.json contains the error, its stage, and the versions of the packages.
"""


class Bundles:
    """The bundles of one run.

    Args:
        folder: for the bundles; None writes none.
        recipe: the recipe as TOML; empty where it has functions, which cannot be serialized.
        note: called once with a message where bundles cannot be written.
        verb: the command that repeats a failure.
        sources: of the run.
    """

    def __init__(
        self,
        folder: str | None,
        recipe: str,
        note: Callable[[str], None],
        verb: str = "convert",
        sources: Sequence[Source] = (),
    ) -> None:
        self._folder, self._recipe, self._note, self._verb = folder, recipe, note, verb
        self._sources = sources
        self._left = MAX_BUNDLES if folder else 0

    def keep(self, outcome: Outcome, job: Job | None) -> None:
        """Write the bundle of one failed input, up to `MAX_BUNDLES`."""
        if not self._folder or not self._left:
            return
        self._left -= 1
        try:
            keep_failure(self._folder, outcome, job, self._recipe, self._verb, self._sources)
        except OSError as error:
            self._left = 0
            self._note(f"Failures cannot be kept in {self._folder}: {error.strerror or error}.")


def keep_failure(
    folder: str,
    outcome: Outcome,
    job: Job | None,
    recipe: str,
    verb: str = "convert",
    sources: Sequence[Source] = (),
) -> str:
    """Write the bundle of one failed input; returns its folder.

    Args:
        folder: for all bundles.
        outcome: of the input.
        job: of the input, for its targets; None where it failed in planning.
        recipe: as TOML, or empty.
        verb: the command that repeats the failure.
        sources: of the run; what lies on a network is not fetched again.

    Raises:
        OSError: the bundle cannot be written.
    """
    name = os.path.basename(outcome.source)
    stem, suffix = split_suffix(name)
    if not os.path.isdir(long_path(folder)):
        os.makedirs(long_path(folder), mode=PRIVATE)
    place = _bundle_folder(os.path.join(folder, legal(f"{outcome.job:06}-{stem}"[:100], "")))
    shown = legal(f"input-{stem}"[:100], suffix)
    try:
        path, item = os.path.join(place, shown), job.item if job else None
        if item and item.fetched and os.path.isfile(item.fetched):
            _copy(item.fetched, path)
        elif item and item.source and not sources[item.source - 1].waits:
            remove_file(path)
            fetch(item._replace(fetched=""), sources, path)
            os.chmod(path, 0o600)
        else:
            _copy(outcome.source, path)
    except Exception as error:  # also one of a source of the user; a copy that is missing ends no run
        why = without_secrets(str(getattr(error, "strerror", None) or error))
        _write(place, "input-missing.txt", f"{outcome.source!a} cannot be read: {why}\n")
    if recipe:
        _write(place, "recipe.toml", recipe)
    _write(place, FACTS, json.dumps(_facts(outcome, job), indent=1) + "\n")
    _write(
        place,
        "README.txt",
        README.format(verb=verb, name=shown, recipe=" --recipe recipe.toml" if recipe else ""),
    )
    return place


def _bundle_folder(wanted: str) -> str:
    """A new folder, or an existing bundle, of that name; other folders are not used."""
    for number in count(1):
        place = wanted if number == 1 else f"{wanted}-{number}"
        if os.path.exists(long_path(os.path.join(place, FACTS))):
            return place
        with suppress(FileExistsError):
            os.mkdir(long_path(place), PRIVATE)
            return place
    raise AssertionError


def _copy(source: str, target: str) -> None:
    """Copy a regular file with its permissions, which are never wider than those of the original."""
    if not os.path.isfile(long_path(source)):
        raise OSError("it is not a regular file")
    remove_file(target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with (
        open(long_path(source), "rb") as original,
        open(os.open(long_path(target), flags, 0o600), "wb") as copy,
    ):
        shutil.copyfileobj(original, copy)
        mode = stat.S_IMODE(os.fstat(original.fileno()).st_mode) & 0o777
    os.chmod(long_path(target), mode)


def _facts(outcome: Outcome, job: Job | None) -> dict[str, object]:
    import platform

    return {
        "source": ascii(outcome.source),
        "error": outcome.error,
        "stage": outcome.stage,
        "traceback": outcome.traceback.splitlines(),
        "notes": outcome.notes,
        "targets": [target.format for target in job.targets] if job else [],
        "bytes": outcome.source_bytes,
        "digest": outcome.digest,
        "python": sys.version,
        "platform": platform.platform(),
        "packages": _versions(),
    }


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("imgpar", "pillow", "numpy", "opencv-python-headless", "opencv-python", "simplejpeg", "av"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _write(place: str, name: str, text: str) -> None:
    with open(long_path(os.path.join(place, name)), "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
