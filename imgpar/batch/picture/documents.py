"""Files processed page by page: one output per page (`--pages split`), or pages of several sizes in one file.

    read page header ─► program of the page ─► decode ─► transform ─► encode, commit    one output per page
                                                             └──────► kept ─► encode    pages of several sizes

Only one page of a document is decoded at a time. The frames of an animation depend on earlier frames and are
decoded together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np

from imgpar.batch.picture import planar, programs, reuse, stages
from imgpar.batch.picture.writing import Writing
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import (
    LimitError,
    setting,
)
from imgpar.core.job import OutputFile, Target
from imgpar.core.spec import Frame, Header, Spec
from imgpar.formats import codec
from imgpar.outputs.commit import take_back
from imgpar.outputs.parts import Note, PartTargets, finish
from imgpar.pixels.palette import marked
from imgpar.runtime.stage_times import StageClock

Memory = Callable[[int], memoryview]
"""Returns that many bytes of the arena; the bytes of the previous call become invalid."""

Write = Callable[[Target, list[Frame], Header], tuple[OutputFile, stages.EncodedOutput]]
"""Encodes and commits one output."""


@dataclass(frozen=True, slots=True)
class Page:
    """One processed page. `frame` is valid until the next page is read: both may use the same memory."""

    number: int
    frame: Frame
    header: Header
    notes: tuple[str, ...] = ()


def apart(header: Header, targets: Sequence[Target], run: RunSpec) -> bool:
    """Whether the pages of a file are processed one at a time."""
    if run.arrays or len(header.pages or range(header.frames)) == 1:
        return False
    if any(target.split for target in targets):
        return True
    own = header.frames == 1 or _looks_at_pages(header, run)
    return own and any(target.format == "tiff" for target in targets)


def _looks_at_pages(header: Header, run: RunSpec) -> bool:
    """Whether an operation depends on the pixels, and so on each page."""
    still = header.pages is not None and not header.metadata.durations
    return still and any(operation.looks for operation in run.every_operation)


def read_pages(
    data: bytes | memoryview,
    name: str,
    header: Header,
    run: RunSpec,
    memory: Memory,
    during: Callable[[str], AbstractContextManager[None]],
) -> Iterator[Page]:
    """Decode and transform the pages of a file, in order.

    Args:
        data: the bytes of the file.
        name: file name; its suffix helps to recognize the format.
        header: of the whole file, from `codec.read_header`.
        run: its operations and limits.
        memory: leases of the arena.
        during: context manager that measures a stage.

    Raises:
        ItemError: a page cannot be decoded, exceeds a limit, or an operation fails.
    """
    if header.pages is None:
        yield from _frames(data, header, run, memory, during)
        return
    for number in header.pages:
        with during("decode"):
            page_header = codec.read_header(data, name, replace(run.limits, pages=str(number)))
            program = programs.compile_program(page_header, run.operations, run.limits, keep_frames=False)
        lease = memory(program.nbytes)
        with during("decode"):
            frames, notes = stages.decode(program, data, lease, run.limits)
        with during("transform"):
            found = list[str]()
            frames, _ = stages.transform_frames(program, frames, lease, found)
        made = program.header._replace(lost=program.lost)
        yield Page(
            number, frames[0], made, (*program.notes, *notes, *(f"page {number}: {one}" for one in found))
        )


def _frames(
    data: bytes | memoryview,
    header: Header,
    run: RunSpec,
    memory: Memory,
    during: Callable[[str], AbstractContextManager[None]],
) -> Iterator[Page]:
    """The frames of an animation as still pictures: without durations and loop count."""
    program = programs.compile_program(header, run.operations, run.limits)
    lease = memory(program.nbytes)
    with during("decode"):
        frames, notes = stages.decode(program, data, lease, run.limits)
    with during("transform"):
        found = list[str]()
        frames, _ = stages.transform_frames(program, frames, lease, found)
    still = program.header.metadata._replace(durations=(), loop=0)
    made = program.header._replace(frames=1, lost=program.lost, metadata=still)
    for index, frame in zip(header.numbers or range(len(frames)), frames, strict=False):
        yield Page(index + 1, frame, made, (*program.notes, *notes, *found))


def kept(pages: Iterator[Page], run: RunSpec) -> tuple[list[Frame], Header, tuple[str, ...]]:
    """Copy all pages into private memory, for one file that holds them.

    Returns frames, the header of the first page with the metadata of all, and notes. Raises LimitError where
    the pages exceed the memory limit of the run.
    """
    frames, headers, notes, nbytes = list[Frame](), list[Header](), dict[str, None](), 0
    for page in pages:
        headers.append(page.header)
        notes |= dict.fromkeys(page.notes)
        nbytes += page.frame.array.nbytes
        if nbytes > run.limits.memory:
            raise LimitError(
                f"Its pages together need more than the {run.limits.memory >> 20:,} MiB of --memory.",
                fix=f"Use {setting('pages', 'split')}, or raise {setting('memory')}.",
            )
        frames.append(Frame(page.frame.spec, np.array(page.frame.array)))
    return frames, _together(headers), tuple(notes)


def _together(headers: Sequence[Header]) -> Header:
    """The header of a file of pages, each with its own metadata and ICC profile."""
    lost = dict.fromkeys(loss for header in headers for loss in header.lost)
    pages = tuple(header.metadata._replace(pages=()) for header in headers)
    metadata = headers[0].metadata._replace(pages=pages)
    few_colours = any(header.coding.few_colours for header in headers)
    turned = any(header.orientation != 1 or header.turned for header in headers)
    return marked(headers[0]._replace(lost=tuple(lost), metadata=metadata, turned=turned), few_colours)


def write_document(
    data: bytes | memoryview,
    path: str,
    header: Header,
    targets: Sequence[Target],
    run: RunSpec,
    memory: Memory,
    writing: Writing,
    clock: StageClock,
) -> None:
    """Make the targets of a file that is processed page by page.

    Args:
        data: the bytes of the file.
        path: of the file.
        header: of the whole file.
        targets: of one output of the recipe.
        run: with the operations and settings of that output.
        memory: leases of the arena.
        writing: receives the files.
        clock: measures the stages.

    Raises:
        ItemError: a page cannot be decoded, exceeds a limit, or an operation fails.
    """
    programs.begin_picture(run.operations, header, path, header.frames)
    pages = read_pages(data, os.path.basename(path), header, run, memory, clock.during)
    if any(target.split for target in targets):
        made, lost, notes = write_pages(pages, targets, writing.one, run.note())
        writing.add(made, lost, notes)
        return
    frames, first, notes = kept(pages, run)
    original = reuse.SourceBytes()
    if not first.turned:
        formats = [target.format for target in targets]
        program = planar.choose_program(
            header, run.operations, run.limits, formats, run.encode, keep_frames=False
        )
        size, smaller = Spec(0, 0), writing.keep_smaller
        original = reuse.reusable(program, formats, run.encode, run.limits, data, size, keep_smaller=smaller)
    writing.add((), (), notes)
    writing.each(targets, frames, first, original)


def write_pages(
    pages: Iterator[Page], targets: Sequence[Target], write: Write, note: Note | None = None
) -> tuple[list[tuple[Target, OutputFile]], tuple[str, ...], tuple[str, ...]]:
    """Write every page for every target; all pages or none. Returns files with the targets of their pages,
    losses and notes."""
    made = list[tuple[Target, OutputFile]]()
    order = dict[str, int]()
    parts = list(map(PartTargets, targets))
    lost, notes = dict[str, None](), dict[str, None]()
    try:
        for page in pages:
            notes |= dict.fromkeys(page.notes)
            for index in range(len(targets)):
                page_output = parts[index].target(page.number)
                file, encoded = write(page_output, [page.frame], page.header)
                made.append((page_output, file))
                order[file.path] = index
                lost |= dict.fromkeys(encoded.lost)
                notes |= dict.fromkeys(encoded.notes)
    except Exception:
        take_back(made)
        raise
    made.sort(key=lambda one: order[one[1].path])
    finish(targets, [file for _, file in made], note)
    return made, tuple(lost), tuple(notes)
