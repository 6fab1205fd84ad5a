"""Formats and qualities of a picture side by side: `imgpar.compare`. The variants are made by workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from imgpar.batch.facts import ask
from imgpar.batch.pages.variants import Measured
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import OutputSpec, RunSpec
from imgpar.batch.selected_inputs import item_plan
from imgpar.batch.selection import Selection
from imgpar.batch.workers import Workers
from imgpar.core.errors import (
    UsageError,
    setting,
)
from imgpar.core.job import Event, Item, Job, Outcome, Target
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, format_of_suffix
from imgpar.inputs.batches import is_clip
from imgpar.inputs.numbers import sources_of
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.sources import Source
from imgpar.ops import Operation
from imgpar.runtime.scheduler import CancelToken

MOST = 400
"""Variants in one comparison."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One format and quality of a picture."""

    format: str
    quality: int | None
    """None for formats without a quality."""
    bytes: int = 0
    seconds: float = 0.0
    """Time of the encoder, in one thread."""
    ssimulacra2: float = 0.0
    """At most 100; 90 is visually lossless, 70 high quality, 50 medium."""
    ssim: float = 0.0
    """Of the luma, at most 1."""
    psnr: float = 0.0
    """Decibels over red, green and blue; infinite for equal pixels."""
    lost: tuple[str, ...] = ()
    error: str = ""
    """Why it could not be made; the numbers are 0 then."""
    mime: str = ""
    shown: tuple[int, int] = (0, 0)
    file: str = ""
    """A file with what a page shows, as long as the page is made; otherwise empty."""

    @property
    def label(self) -> str:
        """Format and quality in words.

        >>> Variant("webp", 75).label
        'WebP 75'
        """
        title = FORMATS[self.format].title
        return title if self.quality is None else f"{title} {self.quality}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinity: the PSNR of equal pixels is null."""
        facts: dict[str, Any] = {"format": self.format, "quality": self.quality}
        if self.error:
            return {**facts, "error": self.error}
        psnr = None if self.psnr == float("inf") else self.psnr
        facts |= {"bytes": self.bytes, "seconds": self.seconds, "ssimulacra2": self.ssimulacra2}
        return {**facts, "ssim": self.ssim, "psnr": psnr, "lost": list(self.lost)}


@dataclass(frozen=True, slots=True)
class ComparedPicture:
    """A picture and its variants."""

    path: str
    bytes: int
    """Of the input file."""
    format: str = ""
    size: tuple[int, int] = (0, 0)
    """Width and height in pixels, after the operations."""
    variants: tuple[Variant, ...] = ()
    error: str = ""
    """Why it could not be read; there are no variants then."""
    shown: tuple[int, int] = (0, 0)
    file: str = ""
    """As of `Variant`."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        facts: dict[str, Any] = {"path": self.path, "bytes": self.bytes}
        if self.error:
            return {**facts, "error": self.error}
        facts |= {"format": self.format, "width": self.size[0], "height": self.size[1]}
        return {**facts, "variants": [variant.as_dict() for variant in self.variants]}


def compared(
    workers: Workers,
    inputs: Sequence[str | Source],
    operations: tuple[Operation, ...],
    formats: Sequence[str],
    qualities: Sequence[int],
    options: RunOptions,
    cancel: CancelToken,
    folder: str,
    listen: Callable[[Event], None],
) -> Iterator[ComparedPicture]:
    """Each picture with its variants, in order.

    Args:
        workers: that encode and measure.
        inputs: files, folders, patterns and sources.
        operations: before encoding.
        formats: of the variants; empty keeps that of each input.
        qualities: of the formats that have one.
        options: of the run.
        cancel: ends the iteration early.
        folder: an empty one, for the files that a page shows.
        listen: called with an event for each variant.

    Raises:
        UsageError: there are too many variants, or no input.
    """
    named = with_sources(inputs, options.access)
    selection = Selection(options, lambda: workers, cancel, tuple(sources_of(named)))
    entries = item_plan(named, options, selection)
    plan = [_planned(entry, formats, qualities, folder, at) for at, entry in enumerate(entries)]
    if (count := sum(len(jobs) for jobs in plan)) > MOST:
        raise UsageError(
            f"{count} variants are too many to look at.",
            fix=f"Name fewer pictures; up to {MOST} are compared.",
        )
    specs = [OutputSpec(operations, EncodeOptions(quality=quality)) for quality in (*qualities, None)]
    spec = RunSpec(
        "compare",
        limits=workers.limits(options),
        digests=False,
        asks="variant",
        sources=tuple(sources_of(named)),
        branches=tuple(specs),
    )
    # What cannot be decoded is tried once, not for every variant.
    with closing(ask(workers, spec, (jobs[0] for jobs in plan), options, cancel, Measured)) as answers:
        originals = [_told(answer, done, listen) for done, answer in enumerate(answers, 1)]
    originals += [None] * (len(plan) - len(originals))
    jobs = [jobs[1:] if _was_made(original) else [] for jobs, original in zip(plan, originals, strict=True)]
    listen(Event("planned", len(plan), total=len(plan) + sum(map(len, jobs))))
    every = (job for some in jobs for job in some)
    with closing(ask(workers, spec, every, options, cancel, Measured)) as answers:
        told = (_told(answer, done, listen) for done, answer in enumerate(answers, len(plan) + 1))
        for (first, *_), original, variants in zip(plan, originals, jobs, strict=True):
            results = [(job, next(told, None)) for job in variants]
            yield _picture(first, original, results, qualities)


Result = tuple[Job, Measured] | Outcome | None
"""None where the run was stopped."""


def _was_made(result: Result) -> bool:
    return result is not None and not isinstance(result, Outcome)


def _told(answer: tuple[Job, Measured] | Outcome, done: int, listen: Callable[[Event], None]) -> Result:
    outcome = answer if isinstance(answer, Outcome) else Outcome(answer[0].item.path, "ok")
    listen(Event("item", done, outcome=outcome))
    return answer


def _planned(
    entry: Job | Outcome, formats: Sequence[str], qualities: Sequence[int], folder: str, at: int
) -> list[Job | Outcome]:
    """A job for the picture itself, and one for each variant; or the reason why there are none."""
    if isinstance(entry, Outcome):
        return [entry]
    item = entry.item
    chosen = formats or _own_format(item)
    if is_clip(item) or not chosen:
        words = "It is a clip; imgpar compare takes pictures." if is_clip(item) else _UNWRITABLE
        return [Outcome(item.path, "failed", error=words, source_bytes=item.size, kind="UnsupportedError")]
    places = [("", 0)]
    for name in chosen:
        several = "quality" in FORMATS[name].takes
        places += [(name, branch) for branch in (range(len(qualities)) if several else [len(qualities)])]
    return [
        Job(0, (item,), (Target(name, os.path.join(folder, f"{at}-{number}"), branch=branch),), kind="file")
        for number, (name, branch) in enumerate(places)
    ]


_UNWRITABLE = f"Its format cannot be written. Choose others with {setting('to')}, such as webp,avif."


def _own_format(item: Item) -> tuple[str, ...]:
    found = FORMATS.get(item.format) or format_of_suffix(item.path)
    return (found.name,) if found is not None and found.writable else ()


def _picture(
    planned: Job | Outcome,
    original: Result,
    results: Sequence[tuple[Job | Outcome, Result]],
    qualities: Sequence[int],
) -> ComparedPicture:
    if original is None or isinstance(original, Outcome):
        source = planned.source if isinstance(planned, Outcome) else planned.item.path
        nbytes = planned.source_bytes if isinstance(planned, Outcome) else planned.item.size
        return ComparedPicture(source, nbytes, error=original.error if original else _STOPPED)
    job, found = original
    variants = [_variant(entry, result, qualities) for entry, result in results if isinstance(entry, Job)]
    size = (found.width, found.height)
    return ComparedPicture(
        job.item.path, job.item.size, _known(found.format), size, tuple(variants),
        shown=found.shown, file=job.targets[0].path,
    )  # fmt: skip


_STOPPED = "It was not made, because the run was stopped."


def _variant(planned: Job, result: Result, qualities: Sequence[int]) -> Variant:
    (target,) = planned.targets
    quality = None if target.branch == len(qualities) else qualities[target.branch]
    variant = Variant(target.format, quality)
    if result is None or isinstance(result, Outcome):
        return replace(variant, error=result.error if result else _STOPPED)
    _, found = result
    return replace(
        variant, bytes=found.bytes, seconds=found.seconds, ssimulacra2=found.ssimulacra2, ssim=found.ssim,
        psnr=found.psnr, lost=found.lost, mime=found.mime if found.mime in _MIMES else "", shown=found.shown,
        file=target.path,
    )  # fmt: skip


_MIMES = {record.mime for record in FORMATS.values()}


def _known(name: str) -> str:
    """A format that a worker has named, if there is such a one."""
    return name if name in FORMATS else ""


def without_files(pictures: Iterable[ComparedPicture]) -> tuple[ComparedPicture, ...]:
    """The pictures for the caller: the files of the page are gone."""
    return tuple(
        replace(one, file="", variants=tuple(replace(variant, file="") for variant in one.variants))
        for one in pictures
    )
