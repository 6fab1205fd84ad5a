"""Clips from pictures: one frame per picture, in the natural order of their names.

Workers decode and transform the pictures; the frames are returned in order through shared memory and encoded
by one FFmpeg process. The clip gets its final name after the number of frames was checked.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, cast

from imgpar.batch.settings import ASSEMBLE, SESSION_ARRAYS, check_settings
from imgpar.batch.stream import read_request, stream
from imgpar.batch.video_writer import VideoWriter
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.errors import (
    DamagedError,
    ItemError,
    NoInputError,
    RunError,
    TransformError,
    UsageError,
)
from imgpar.core.job import Event, Item, OutputFile
from imgpar.core.limits import Limits
from imgpar.core.spec import Spec
from imgpar.formats import codec
from imgpar.formats.registry import FORMATS, format_of_suffix
from imgpar.inputs.local import scan
from imgpar.outputs.sidefiles import identities, names_known_file
from imgpar.recipe.recipe import Recipe
from imgpar.recipe.tables import make_operation
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    import numpy as np

    from imgpar.formats.options import EncodeOptions

    Array = np.ndarray[Any, Any]

MIXED = ("pad", "crop", "stretch", "fail")
"""Modes for pictures of another size than the first one."""
_FITS = {"pad": "contain", "crop": "cover", "stretch": "fill"}
_SEE_THROUGH = ("webm", "vp9", "prores", "ffv1")
"""Containers and codecs with an alpha channel."""
_NUMBER = re.compile(r"\d+(?!.*\d)")
NAMED = 5
"""Maximum number of gaps that are listed."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """The written clip."""

    file: OutputFile
    frames: int
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Listener:
    """Collects failed pictures and forwards all events."""

    tell: Callable[[Event], None] | None
    failed: dict[str, str] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        if event.outcome is not None and event.outcome.status == "failed":
            self.failed[event.outcome.source] = event.outcome.error
        if self.tell is not None:
            self.tell(event)


def assemble_clip(
    inputs: Sequence[str],
    out: str,
    recipe: Recipe,
    *,
    fps: float | str | Fraction = 25.0,
    mixed: str = "pad",
    replace: bool = False,
    accept_damaged: bool = False,
    workers: Workers | None = None,
    on_event: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
) -> Assembled:
    """Encode pictures as a clip.

    Args:
        inputs: folders, files, globs.
        out: path of the clip; its suffix selects the container.
        recipe: operations applied to each picture, and encoder settings (quality, codec …).
        fps: frame rate: a number or a fraction such as "30000/1001"; 29.97 is read as that fraction.
        mixed: pictures of another size than the first one are fitted and padded with black ("pad"), cropped
            to its aspect ratio ("crop"), distorted ("stretch"), or an error ("fail").
        replace: replace an existing file.
        accept_damaged: keep the readable part of a damaged picture; an unreadable picture is replaced by a
            longer duration of the previous one.
        workers: workers to use; without it, workers are started.
        on_event: called with an Event for every picture.
        cancel: cancels the clip.

    Raises:
        UsageError: a value is invalid, or there are no pictures.
        ItemError: a picture cannot be read, or the clip cannot be written.
        RunError: the clip was cancelled.
    """
    items = _checked_items(inputs, out, recipe.encode)
    settings, listener = recipe.encode, _Listener(on_event)
    rate = parsing.named("fps", parsing.rate(0.001, 1000), fps)
    writer = VideoWriter(out, fps=rate, quality=settings.quality, effort=settings.effort, replace=replace,
                         lossless=settings.lossless, codec=settings.codec)  # fmt: skip
    first = _header_of_first(items, accept_damaged=accept_damaged)
    channels = "RGBA" if first.alpha and (settings.lossless or _sees_through(settings, out)) else "RGB"
    try:
        with Workers() if workers is None else contextlib.nullcontext(workers) as own:
            request = read_request(
                SESSION_ARRAYS,
                _of_one_size(recipe, mixed, first),
                [item.path for item in items],
                {"accept_damaged": accept_damaged},
                channels=channels,
                dtype="uint8" if first.dtype == "uint8" else "uint16",
                copy=False,
                on_event=listener,
                cancel=cancel,
            )
            arrays = stream(own, request)
            with contextlib.closing(cast("Generator[tuple[Item, Array]]", arrays)):
                written = _write(arrays, writer, items, rate, listener, accept_damaged=accept_damaged)
        if cancel is not None and (cancel.cancelled or cancel.killed):
            raise RunError("The clip was cancelled.", fix="Run again.")
        if written + len(listener.failed) < len(items):
            raise DamagedError(f"Only {written} of {len(items)} pictures arrived.")
        file = writer.close()
    except BaseException:
        writer.cancel()
        raise
    notes = _notes([item.path for item in items], len(listener.failed), mixed)
    if first.alpha and channels == "RGB":
        notes.append("transparency is lost: it is kept in .webm, and with --codec prores or ffv1")
    return Assembled(file, written, tuple(notes))


def _checked_items(inputs: Sequence[str], out: str, settings: EncodeOptions) -> list[Item]:
    """The pictures, in order; raises UsageError if no clip can be made of them."""
    items = list(pictures_in(inputs))
    if not items:
        raise NoInputError("There are no pictures in the input.", fix="Name a folder of pictures.")
    check_settings("assemble", settings, ASSEMBLE)
    if settings.split:
        raise UsageError("Pages cannot be split into frames.", fix="Choose one, such as --pages 1.")
    if names_known_file(out, identities(item.path for item in items)):
        raise UsageError(f"{out} is one of the inputs.", fix="Choose another name for the clip.")
    return items


def _sees_through(settings: EncodeOptions, out: str) -> bool:
    """Whether the clip can have an alpha channel."""
    return settings.codec in _SEE_THROUGH or (not settings.codec and out.lower().endswith("webm"))


def _notes(paths: Sequence[str], failed: int, mixed: str) -> list[str]:
    """Notes on failed pictures, other sizes and gaps in the numbering."""
    notes = list[str]()
    if failed:
        notes.append(f"{failed} of {len(paths)} pictures could not be read")
    others = _of_other_size(paths) if mixed != "fail" else 0
    if others:
        notes.append(f"{others} of {len(paths)} pictures have another size than the first one: {mixed}")
    return [*notes, *numbering_gaps(paths)]


def _of_other_size(paths: Sequence[str]) -> int:
    """The number of pictures whose stored size differs from the first one; only headers are read."""
    from PIL import Image

    Image.init()
    known = [record.pillow for record in FORMATS.values() if record.pillow in Image.OPEN]
    sizes = list[tuple[int, int]]()
    for path in paths:
        with contextlib.suppress(Exception), Image.open(path, formats=known) as image:
            sizes.append(image.size)
    return sum(size != sizes[0] for size in sizes)


def pictures_in(inputs: Sequence[str]) -> Iterator[Item]:
    """The given files and the pictures in the given folders; raises UsageError if an input does not exist."""
    for batch in scan(inputs, out=None):
        for item in batch.items:
            found = FORMATS.get(item.format) or format_of_suffix(item.path)
            if not batch.folder or (found and found.kind == "image"):  # given files have no folder
                yield item


def _header_of_first(items: Sequence[Item], *, accept_damaged: bool) -> Spec:
    """The upright size and the depth of the first readable picture."""
    from imgpar.pixels.layouts import oriented

    error: Exception | None = None
    for item in items if accept_damaged else items[:1]:
        try:
            with open(item.path, "rb") as file:
                data = file.read()
            limits = Limits(max_pixels=1 << 62, accept_damaged=accept_damaged)
            header = codec.read_header(data, os.path.basename(item.path), limits)
        except (ItemError, OSError) as reason:
            error = error or DamagedError(f"{item.path}: {reason}")
            continue
        return oriented(header.spec, header.orientation)
    assert error is not None
    raise error


def _of_one_size(recipe: Recipe, mixed: str, first: Spec) -> Recipe:
    """The recipe with a final resize of all pictures to the size of the first frame."""
    if mixed == "fail":
        return recipe
    spec = first
    for operation in recipe.operations:
        if operation.dynamic:  # the output size of a function is unknown
            return recipe
        spec = operation.plan(spec)
    black: dict[str, Any] = {"background": (0, 0, 0, 255)} if mixed == "pad" else {}
    resize = make_operation("resize", f"{spec.width}x{spec.height}", fit=_FITS[mixed], **black)
    return recipe.then(resize)


def _write(
    arrays: Iterator[tuple[Item, Array]],
    writer: VideoWriter,
    items: Sequence[Item],
    fps: Fraction,
    listener: _Listener,
    *,
    accept_damaged: bool,
) -> int:
    """Write every frame at its time; returns the number of frames."""
    place, size = -1, (0, 0)
    begin = 0
    for item, array in arrays:
        while items[place := place + 1].path != item.path:
            pass
        if not writer.count:
            begin, size = place, array.shape[1::-1]
        if array.shape[1::-1] != size:
            words = "{}×{}, the first one {}×{}".format(*array.shape[1::-1], *size)
            fix = "Choose --mixed pad, crop or stretch, or another --resize."
            raise TransformError(f"{item.path} is {words}.", fix=fix)
        writer.write(array, float((place - begin) / fps))
        if listener.failed and not accept_damaged:
            break
    if listener.failed and not accept_damaged:
        path, error = next(iter(listener.failed.items()))
        raise DamagedError(f"{path}: {error}")
    return writer.count


def numbering_gaps(paths: Sequence[str]) -> list[str]:
    """Notes on gaps in the numbering of names that differ only in their last number.

    >>> numbering_gaps(["f_08.png", "f_09.png", "f_12.png", "f_13.png", "g_5.png"])
    ['f_10.png to f_11.png are missing']
    """
    found = list[str]()
    for (head, tail), group in groupby(map(_split, paths), key=lambda each: (each[0], each[2])):
        digits = [number for _, number, _ in group if number]
        numbers = [int(number) for number in digits]
        steps = Counter(after - before for before, after in pairwise(numbers))
        usual = min(steps, key=lambda step: (-steps[step], step)) if steps else 1
        for like, (before, after) in zip(digits, pairwise(numbers), strict=False):
            missing = [before + usual, after - usual]
            if usual > 0 and missing[0] <= missing[1]:
                width = len(like) if like.startswith("0") else 0
                names = [f"{os.path.basename(head)}{number:0{width}}{tail}" for number in missing]
                one = missing[0] == missing[1]
                found.append(f"{names[0]} is missing" if one else " to ".join(names) + " are missing")
    more = len(found) - NAMED
    return [*found[:NAMED], *([f"{more} more gaps in the numbering"] if more > 0 else [])]


def _split(path: str) -> tuple[str, str, str]:
    """A path split at the last number of its name: before, number, after."""
    folder, name = os.path.split(path)
    match = _NUMBER.search(os.path.splitext(name)[0])
    if match is None:
        return path, "", ""
    return os.path.join(folder, name[: match.start()]), match[0], name[match.end() :]
