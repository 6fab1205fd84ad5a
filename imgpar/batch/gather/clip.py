"""A clip of pictures: one frame each, in order."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from imgpar.batch.clip.encoder import FrameEncoder
from imgpar.batch.picture.stages import to_array
from imgpar.core.job import OutputFile
from imgpar.core.spec import Spec
from imgpar.formats.options import EncodeOptions

if TYPE_CHECKING:
    from imgpar.batch.gather.making import Making

FPS = Fraction(25)
"""Frames a second, where the recipe has none."""
NAMED = 5
"""Maximum number of gaps that are listed."""
_NUMBER = re.compile(r"\d+(?!.*\d)")
_WITH_ALPHA = ("webm", "vp9", "prores", "ffv1")
"""Containers and codecs with an alpha channel."""


def make_clip(making: Making) -> OutputFile:
    """Encode the items as a clip. An item that was left out prolongs the frame before it.

    Raises:
        ItemError: an item cannot be read, or the clip cannot be encoded or written.
    """
    options, target = making.run.encode, making.target
    rate = options.fps or FPS
    first, fit = making.of_one_size(dtype="")
    layout, dtype = _stored(first[1].spec, options, target.format)
    if (layout, dtype) != (first[1].spec.layout, first[1].spec.dtype):
        fit = fit._replace(layout=layout, dtype=dtype)
        first = (first[0], to_array(first[1], layout, dtype), first[2])
    with making.begin() as half:
        encoder = FrameEncoder(first[1].spec, half.path, target.format, rate, options, making.helpers.cores)
        try:
            for place, frame, _ in making.every(first, fit):
                with making.clock.during("encode"):
                    encoder.write(frame, float((place - first[0]) / rate))
            with making.clock.during("encode"):
                made = encoder.finish()
        except BaseException:
            encoder.kill()
            raise
        making.note_sizes()
        making.remarks.notes.update(dict.fromkeys(encoder.notes))
        if first[2].spec.alpha and layout == "RGB":
            making.remarks.lost["alpha"] = None
        if "alpha" in making.remarks.lost:
            note = "transparency is kept in .webm, and with the codecs prores and ffv1"
            making.remarks.notes[note] = None
        gaps = numbering_gaps([item.path for item in making.task.job.items])
        making.remarks.notes.update(dict.fromkeys(gaps))
        return making.commit_half(half, made.picture.upright)


def _stored(spec: Spec, options: EncodeOptions, container: str) -> tuple[str, str]:
    """Channels and type of the frames that are sent to the encoder."""
    codec = options.codec or container
    keeps = spec.alpha and (options.lossless or codec in _WITH_ALPHA)
    return "RGBA" if keeps else "RGB", "uint8" if spec.dtype == "uint8" else "uint16"


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
