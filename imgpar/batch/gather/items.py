"""One item of a gather job as a frame: read, decoded, transformed and fitted, by any worker."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from imgpar.batch.gather.page import page_of, tiff_page
from imgpar.batch.picture import stages
from imgpar.batch.picture.programs import Program, begin_picture, compile_program, operations_for
from imgpar.batch.picture.reading import read_item
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import LimitError, SourceError, TransformError
from imgpar.core.job import Item
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats import codec
from imgpar.formats.metadata.facts import MetadataFacts, facts_of_metadata
from imgpar.formats.option_values import pages_among
from imgpar.formats.output_profile import srgb_frame
from imgpar.inputs.batches import clip_format
from imgpar.ops import Operation
from imgpar.pixels.layouts import oriented
from imgpar.recipe.tables import make_operation
from imgpar.runtime.protocol import Task
from imgpar.runtime.serialization import pack, unpack
from imgpar.runtime.stage_times import StageClock

FITS = {"pad": "contain", "crop": "cover", "stretch": "fill"}
TAIL = 4096
"""Bytes behind a frame in a slot, for what else is known of the item."""
FIRST_FRAME = "of animations the first frame is taken; --pages 1- (pages) takes all"
_SILENT = ("frames", "pages")
"""Losses that the files made of several inputs do not report: these are chosen."""
_METADATA = ("camera segments", "content credentials", "exif", "extended xmp", "paths")
"""The same where the file has no metadata of its inputs, as all but TIFF."""
_LEAST_DPI = 10
"""Lower densities are no sizes of paper."""
_MOST_TEXTS, _LONGEST = 8, 200
_SCRATCH = 128 << 20
"""Largest memory that a worker keeps from item to item."""


class Fit(NamedTuple):
    """What becomes of every item, besides the operations of the recipe; sent to helpers."""

    width: int = 0
    """Size of every frame; 0 keeps its own."""
    height: int = 0
    how: str = "contain"
    background: tuple[int, int, int, int] = (0, 0, 0, 255)
    layout: str = ""
    """Channels of the frames; empty keeps their own."""
    dtype: str = "uint8"
    capacity: int = 0
    """Bytes of a slot for one frame."""
    page: Literal["", "jpeg", "tiff"] = ""
    """The format of a page, whose bytes are the result as one row of samples, instead of pixels."""
    pages: bool = False
    """Whether all requested pages of a document are taken, and not the first one only."""
    number: int = 0
    """Number of the page, from 1; 0 is the first requested one."""
    clips: bool = False
    """Whether a clip is taken too: one frame of it."""
    facts: bool = False
    """Whether date and camera are wanted."""
    share: int = 0
    """Most bytes that a helper may use for one item: all workers together stay below the limit of memory."""

    def operation(self) -> Operation | None:
        """The final resize; None where frames keep their size."""
        if not self.width:
            return None
        background: dict[str, Any] = {"background": self.background} if self.how == "contain" else {}
        return make_operation("resize", f"{self.width}x{self.height}", fit=self.how, **background)


class ItemRemarks(NamedTuple):
    """What is known of an item besides its pixels."""

    spec: Spec
    """Of the frame."""
    size: tuple[int, int]
    """Upright size in the file."""
    shown: tuple[int, int]
    """Size after all operations."""
    dpi: tuple[float, float] | None = None
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    following: int = 0
    """Number of the next page of the item; 0 is none."""
    format: str = ""
    """Of the item."""
    taken: str = ""
    """When it was taken, as ISO 8601; empty is unknown."""
    camera: str = ""


class Scratch:
    """Memory of this process for one item at a time, kept from item to item."""

    def __init__(self) -> None:
        self._memory = memoryview(b"")

    def take(self, nbytes: int) -> memoryview:
        """At least `nbytes` bytes with undefined contents; valid until the next call."""
        if nbytes > len(self._memory):
            self._memory = memoryview(b"")  # freed before more is taken
            memory = memoryview(bytearray(nbytes))
            if nbytes > _SCRATCH:
                return memory
            self._memory = memory
        return self._memory[:nbytes]


def frame_of_item(
    item: Item, run: RunSpec, fit: Fit, clock: StageClock, scratch: Scratch, *, most: int = 0
) -> tuple[Frame, ItemRemarks]:
    """The frame of an item, and what else is known of it.

    Args:
        item: a picture, or a page of one; a clip where `fit` allows it.
        run: recipe and limits of the run.
        fit: size and pixel format of the result, and the number of the page.
        clock: measures the stages.
        scratch: memory for the frames; the result may be a view of it.
        most: bytes that it may use; 0 is the limit of the run.

    Raises:
        NoSuchPageError: it has none of the requested pages.
        ItemError: it cannot be read, or an operation fails.
    """
    with clock.during("read"):
        if item.error:
            raise SourceError(item.error)
        if fit.clips and clip_format(item):
            return _frame_of_clip(item, run, fit, clock)
        data, _ = read_item(item, run)
        header, following, notes = _page(data, os.path.basename(item.path), run, fit)
    with clock.during("decode"):
        last = fit.operation()
        own, remarks = operations_for(run.operations, header, item.path, run.encode)
        operations = (*own, last) if last else own
        program = compile_program(header, operations, run.limits, keep_frames=False)
        if most and program.nbytes > most:
            raise LimitError("It needs more memory than a helper may use.")
        memory = scratch.take(program.nbytes)
        frames, more = stages.decode(program, data, memory, run.limits)
        notes = (*notes, *program.notes, *remarks, *more)
    with clock.during("transform"):
        begin_picture(own, program.source, item.path, 1)
        found = list[str]()
        frames, _offset = stages.transform_frames(program, frames, memory, found)
        notes = (*notes, *found)
    frame, shown, lost = _result(frames[0], data, program, run, fit, clock, item.path)
    silent = _SILENT if fit.page == "tiff" else (*_SILENT, *_METADATA)
    lost = (*(kind for kind in program.lost if kind not in silent), *lost)
    upright = oriented(header.spec, header.orientation).size
    given = run.encode.dpi
    dpi = (given, given) if given else _upright_dpi(header.metadata, header.orientation)
    about = facts_of_metadata(header.metadata) if fit.facts else MetadataFacts()
    return frame, ItemRemarks(
        frame.spec, upright, shown, dpi, lost, notes, following, header.format, about.taken, about.camera
    )


def _page(data: bytes, name: str, run: RunSpec, fit: Fit) -> tuple[Header, int, tuple[str, ...]]:
    """The header of the page to read, the number of the one after it, and notes."""
    limits = run.limits
    if fit.number:
        header = codec.read_header(data, name, replace(limits, pages=str(fit.number)))
        wanted = [number + 1 for number in pages_among(limits.pages, header.total)]
        return header, next((number for number in wanted if number > fit.number), 0), ()
    header = codec.read_header(data, name, limits)
    wanted = list(header.pages or [number + 1 for number in header.numbers])
    several = header.frames > 1 and not header.pages and not limits.pages
    notes = (FIRST_FRAME,) if several and fit.pages else ()
    if len(wanted) > 1:
        header = codec.read_header(data, name, replace(limits, pages=str(wanted[0])))
    return header, wanted[1] if len(wanted) > 1 and fit.pages else 0, notes


def _result(
    frame: Frame, data: bytes, program: Program, run: RunSpec, fit: Fit, clock: StageClock, path: str
) -> tuple[Frame, tuple[int, int], tuple[str, ...]]:
    """What becomes of a transformed frame, the size at which it is shown, and losses."""
    header, shown = program.source, frame.spec.size
    if fit.page == "tiff":
        with clock.during("encode"):
            return tiff_page(frame, program, run, path), shown, ()
    with clock.during("transform"):
        frame, lost = srgb_frame(frame, header.metadata)
        if frame.spec.alpha and fit.layout in ("L", "RGB", "RGBX"):
            lost = (*lost, "alpha")
        if fit.page and frame.spec.dtype != "uint8" and stages.is_used("depth", frame):
            lost = (*lost, "depth")
        frame = stages.to_array(frame, fit.layout or frame.spec.layout, fit.dtype or frame.spec.dtype)
    if fit.page:
        with clock.during("encode"):
            frame, more = page_of(frame, data, header, run)
            lost = (*lost, *more)
    return frame, shown, lost


def _frame_of_clip(item: Item, run: RunSpec, fit: Fit, clock: StageClock) -> tuple[Frame, ItemRemarks]:
    """One frame of a clip, fitted."""
    from imgpar.batch.gather.clip_frame import poster_of

    with clock.during("decode"):
        frame, size, notes = poster_of(item, run)
    with clock.during("transform"):
        last = fit.operation()
        frames = stages.run_dynamic([frame], [last] if last else [])
        frame = stages.to_array(frames[0], fit.layout or frames[0].spec.layout, fit.dtype or "uint8")
    shape = frame.spec.size
    return frame, ItemRemarks(
        frame.spec, size, shape, notes=notes, format=clip.name if (clip := clip_format(item)) else ""
    )


def _upright_dpi(metadata: Metadata, orientation: int) -> tuple[float, float] | None:
    if metadata.dpi is None or min(metadata.dpi) < _LEAST_DPI:  # 1 is what TIFFs say that know none
        return None
    if orientation < 5:
        return metadata.dpi
    return metadata.dpi[1], metadata.dpi[0]


def put_item(slot: memoryview, frame: Frame, facts: ItemRemarks, capacity: int) -> None:
    """Write a frame and its facts into a slot of `capacity` + `TAIL` bytes.

    Raises:
        TransformError: the frame is larger than the slot.
    """
    if frame.spec.nbytes > capacity:
        raise TransformError("The frame is larger than its slot.")
    stages.frames_in_buffer(slot, 0, frame.spec, 1)[0].array[...] = frame.array
    short = facts._replace(lost=_short(facts.lost), notes=_short(facts.notes))
    blob = pack(short)
    if len(blob) + 4 > TAIL:
        blob = pack(short._replace(lost=(), notes=()))
    slot[capacity : capacity + 4] = len(blob).to_bytes(4, "little")
    slot[capacity + 4 : capacity + 4 + len(blob)] = blob


def take_item(slot: memoryview, capacity: int) -> tuple[Frame, ItemRemarks]:
    """The frame in a slot, a view of it, and its facts.

    Raises:
        TransformError: a helper has left something else there.
    """
    length = int.from_bytes(slot[capacity : capacity + 4], "little")
    if not 0 < length <= TAIL - 4:
        raise TransformError("The intermediate data of this file cannot be read.", fix="Run again.")
    facts = unpack(bytes(slot[capacity + 4 : capacity + 4 + length]), ItemRemarks)
    if not 0 < facts.spec.nbytes <= capacity or min(facts.spec.size) < 1:
        raise TransformError("The intermediate data of this file cannot be read.", fix="Run again.")
    return stages.frames_in_buffer(slot, 0, facts.spec, 1)[0], facts


def _short(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text[:_LONGEST] for text in texts[:_MOST_TEXTS])


def help_with_item(task: Task, run: RunSpec, clock: StageClock, buffer: memoryview, scratch: Scratch) -> None:
    """Read one item for the worker of a gather job, into its slot.

    Raises:
        ItemError: it cannot be read; the worker of the job then reads it itself, and fails on it.
    """
    piece, lease = task.piece, task.lease
    assert piece is not None
    assert lease is not None
    fit = unpack(piece.facts, Fit)
    size = fit.capacity + TAIL
    if not lease.offset <= piece.output <= piece.output + size <= lease.offset + lease.size:
        raise TransformError("An offered item is outside of the memory of its job.")
    frame, facts = frame_of_item(task.job.item, run, fit, clock, scratch, most=fit.share)
    put_item(buffer[piece.output : piece.output + size], frame, facts, fit.capacity)
