"""Asks workers how files look. A file that cannot be decoded, crashes its decoder or hangs has no answer."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from typing import Literal

from imgpar.batch.facts import ask
from imgpar.batch.pages.looks import LONGEST, Looks
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec
from imgpar.batch.workers import Workers
from imgpar.core.job import Item, Job, Outcome
from imgpar.formats.registry import FORMATS, format_of_suffix
from imgpar.recipe.tables import make_operation
from imgpar.runtime.scheduler import CancelToken

COLOUR = re.compile("(#[0-9a-f]{6})?")
"""The dominant colour, which is part of a style sheet."""
SECONDS = 60.0
"""Time limit of one file: looking at it takes less than having made it."""

Look = Callable[[Iterable[str]], Generator[tuple[str, Looks | None]]]
"""Takes paths of files; yields each with how it looks, in order, None where that is not known."""


def looker(
    workers: Workers, options: RunOptions, cancel: CancelToken, asks: Literal["looks", "thumbnail"]
) -> Look:
    """A function that asks these workers.

    Args:
        workers: of the session or the run.
        options: of the run, with its limits.
        cancel: ends the iteration early.
        asks: for colour and hashes, or for a thumbnail.
    """

    def look(paths: Iterable[str]) -> Generator[tuple[str, Looks | None]]:
        spec = RunSpec(
            "looks",
            operations=(make_operation("resize", str(LONGEST)),),
            limits=workers.limits(options),
            digests=False,
            asks=asks,
        )
        limit = min(options.timeout or SECONDS, SECONDS)
        plan = (Job(0, (_item(path),), kind="file") for path in paths)
        for answer in ask(workers, spec, plan, replace(options, timeout=limit), cancel, Looks):
            if isinstance(answer, Outcome):
                yield answer.source, None
            else:
                yield answer[0].item.path, believed(answer[1])

    return look


def may_be_seen(path: str) -> bool:
    """Whether a worker can be asked about a file: a picture or a clip on this machine, by its name."""
    return format_of_suffix(path) is not None and os.path.isfile(path)


class Answers:
    """The answers to questions that were asked in the order of a list, for a reader of the same list."""

    def __init__(self, answers: Iterator[tuple[str, Looks | None]]) -> None:
        self._answers = answers
        self._next = next(answers, None)

    def take(self, path: str) -> Looks | None:
        """The answer about a file; None where it was not asked about, or there is none."""
        if self._next is None or self._next[0] != path:
            return None
        found = self._next[1]
        self._next = next(self._answers, None)
        return found


def _item(path: str) -> Item:
    try:
        size = os.path.getsize(path)
    except OSError:
        size = 0
    return Item(path, os.path.basename(path), size, 0)


def believed(found: Looks) -> Looks | None:
    """The answer, if it is what a page may contain: it comes from a process that reads untrusted files.

    >>> believed(Looks(colour="#102030")) is not None, believed(Looks(colour="red;}"))
    (True, None)
    """
    texts = (found.digest, found.colour, found.blurhash, found.thumbhash)
    known = found.format in FORMATS or not found.format
    plain = all(len(text) < 200 and text.isascii() and text.isprintable() for text in texts)
    return found if known and plain and COLOUR.fullmatch(found.colour) else None
