"""Pages that go their own ways: each becomes an output (`--pages split`), or they differ and share one file.

    read page ─► program of its own ─► decode ─► transform ─► encode, commit        split: page after page
                                                     └──────► kept ─► encode        pages of several sizes

A document is worked on page by page, so a thousand pages need the memory of one. The frames of an animation
build on each other: they are decoded together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np

from imgpar import formats
from imgpar.batch.picture import programs, stages
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import LimitError
from imgpar.core.filenames import fold, page_path
from imgpar.core.model import Frame, Header, OutputFile, Target
from imgpar.outputs.commit import take_back
from imgpar.pixels.palette import DETAIL, marked

Memory = Callable[[int], memoryview]
"""Gives that many bytes of the arena; what it gave before is gone then."""

Write = Callable[[Target, list[Frame], Header], tuple[OutputFile, stages.EncodedOutput]]
"""Encodes and commits one output."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, worked on; `frame` may look into memory that the next page takes."""

    number: int
    frame: Frame
    header: Header
    notes: tuple[str, ...] = ()


def apart(header: Header, targets: Sequence[Target], run: RunSpec) -> bool:
    """Whether the pages of a file go their own ways."""
    first, last = header.detail.get("pages", (1, header.frames))
    if run.arrays or first == last:
        return False
    if any(target.split for target in targets):
        return True
    differ = header.frames == 1
    return differ and any(_holds_pages(target.format) for target in targets)


def _holds_pages(format_name: str) -> bool:
    return format_name == "tiff"


def read_pages(
    data: bytes | memoryview,
    name: str,
    header: Header,
    run: RunSpec,
    memory: Memory,
    during: Callable[[str], AbstractContextManager[None]],
) -> Iterator[Page]:
    """Every page with the operations of the run done to it, in order."""
    if "pages" not in header.detail:
        yield from _frames(data, header, run, memory, during)
        return
    first, last = header.detail["pages"]
    for number in range(first, last + 1):
        with during("decode"):
            own = formats.read_header(data, name, replace(run.limits, pages=str(number)))
            program = programs.compile_program(own, run.operations, run.limits, keep_frames=False)
        lease = memory(program.nbytes)
        with during("decode"):
            frames, notes = stages.decode(program, data, lease, run.limits)
        with during("transform"):
            frames, _ = stages.transform_frames(program, frames, lease)
        told = program.header._replace(lost=program.lost)
        yield Page(number, frames[0], told, (*program.notes, *notes))


def _frames(
    data: bytes | memoryview,
    header: Header,
    run: RunSpec,
    memory: Memory,
    during: Callable[[str], AbstractContextManager[None]],
) -> Iterator[Page]:
    """The frames of an animation, without what made them one."""
    program = programs.compile_program(header, run.operations, run.limits)
    lease = memory(program.nbytes)
    with during("decode"):
        frames, notes = stages.decode(program, data, lease, run.limits)
    with during("transform"):
        frames, _ = stages.transform_frames(program, frames, lease)
    still = program.header.metadata._replace(durations=(), loop=0)
    told = program.header._replace(frames=1, lost=program.lost, metadata=still)
    for number, frame in enumerate(frames, 1):
        yield Page(number, frame, told, (*program.notes, *notes))


def kept(pages: Iterator[Page], run: RunSpec) -> tuple[list[Frame], Header, tuple[str, ...]]:
    """All pages in this process's own memory, for one file that holds them; the first one's header.

    Raises LimitError where they need more than the memory of the run.
    """
    frames, headers, notes, nbytes = list[Frame](), list[Header](), dict[str, None](), 0
    for page in pages:
        headers.append(page.header)
        notes |= dict.fromkeys(page.notes)
        nbytes += page.frame.array.nbytes
        if nbytes > run.limits.memory:
            raise LimitError(
                f"Its pages need more than the {run.limits.memory >> 20:,} MiB of --memory together.",
                fix="Use --pages split, or give it more with --memory.",
            )
        frames.append(Frame(page.frame.spec, np.array(page.frame.array)))
    return frames, _together(headers), tuple(notes)


def _together(headers: Sequence[Header]) -> Header:
    """The header of a file of pages, each with metadata and a profile of its own."""
    lost = dict.fromkeys(loss for header in headers for loss in header.lost)
    pages = tuple(header.metadata._replace(pages=()) for header in headers)
    metadata = headers[0].metadata._replace(pages=pages)
    few = any(header.detail.get(DETAIL) for header in headers)
    turned = any(header.orientation != 1 or header.detail.get("turned") for header in headers)
    detail = {**headers[0].detail, "turned": turned}
    return marked(headers[0]._replace(lost=tuple(lost), metadata=metadata, detail=detail), few)


def write_pages(
    pages: Iterator[Page], targets: Sequence[Target], write: Write
) -> tuple[tuple[OutputFile, ...], tuple[str, ...], tuple[str, ...]]:
    """Write every page for every target; all pages or none. Returns files, what is lost, and remarks."""
    made = list[tuple[Target, OutputFile]]()
    order = dict[str, int]()
    lost, notes = dict[str, None](), dict[str, None]()
    try:
        for page in pages:
            notes |= dict.fromkeys(page.notes)
            for index, target in enumerate(targets):
                place = page_target(target, page.number)
                file, encoded = write(place, [page.frame], page.header)
                made.append((place, file))
                order[file.path] = index
                lost |= dict.fromkeys(encoded.lost)
                notes |= dict.fromkeys(encoded.notes)
    except Exception:
        take_back(made)
        raise
    files = sorted((file for _, file in made), key=lambda file: order[file.path])
    return tuple(files), tuple(lost), tuple(notes)


def page_target(target: Target, number: int) -> Target:
    """Where one page goes."""
    path = page_path(target.path, number)
    there = {fold(other) for other in target.pages}
    return target._replace(path=path, replaces=fold(path) in there, split=False, pages=())
