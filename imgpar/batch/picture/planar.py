"""JPEG to JPEG on planes: decoded, scaled and encoded without red, green and blue in between.

Half the resize, no change of colours either way, and colour that is stored at half the size stays so. Only a
picture of which nothing else is wanted than to be smaller and upright goes this way; it needs libturbojpeg.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from operator import gt
from typing import cast

from imgpar import formats as codecs
from imgpar.batch.picture import programs
from imgpar.batch.picture.reading import read_whole
from imgpar.core.errors import ImgparError
from imgpar.core.model import CHROMA, Header, Layout, Limits, Spec
from imgpar.formats import quality
from imgpar.formats.jpeg import turbo
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation
from imgpar.pixels import layouts, planes, resampling
from imgpar.pixels.colour.profiles import profile_space

LEAST = 1 << 20
"""Pixels that are decoded, from which planes pay: of photos to 1920 they take 11 % off the time, to 1280 8 %;
to pictures of 500×375 made 256 they would add 7 %, as small planes cost more calls than one picture."""

MISSING = "libturbojpeg or cykooz.resizer is missing, which make it faster (imgpar doctor)"


def choose_program(
    header: Header,
    operations: Sequence[Operation],
    limits: Limits,
    formats: Collection[str],
    options: EncodeOptions,
    *,
    keep_frames: bool = True,
) -> programs.Program:
    """Plan every step from the header and from what is written: on planes where that gives the same picture.

    Args:
        header: from `codecs.read_header`.
        operations: of the recipe, in order.
        limits: refused is what exceeds them.
        formats: of the outputs; empty where the frames themselves are wanted.
        options: of the encoders.
        keep_frames: as `programs.compile_program` has it.

    Raises:
        LimitError: the picture, or a size on the way, is larger than the limits allow.
        TransformError: an operation cannot handle such a picture.
    """
    if turbo.library() is not None and resampling.fast():
        made = _planned(header, operations, formats, options)
        if made is not None:
            return programs.checked_program(made, limits)
    return programs.compile_program(header, operations, limits, keep_frames=keep_frames)


def explain_planes(
    path: str, operations: Sequence[Operation], formats: Collection[str], options: EncodeOptions
) -> list[str]:
    """Whether a picture goes, or could go, on planes, in words; nothing where it could not, or is no JPEG."""
    try:
        data, _ = read_whole(path)
        header = codecs.read_header(data, path, Limits())
        made = _planned(header, operations, formats, options)
    except ImgparError:
        return []
    if made is None:
        return []
    there = turbo.library() is not None and resampling.fast()
    return ["jpeg by its planes" if there else f"jpeg by its colours: {MISSING}"]


def _planned(
    header: Header, operations: Sequence[Operation], formats: Collection[str], options: EncodeOptions
) -> programs.Program | None:
    if not (_suits(header) and _suit(formats, options)):
        return None
    sampling = f"YCC{quality.chroma(options)}"
    small = _only_smaller(layouts.oriented(header.spec, header.orientation), operations)
    decoded = _decoded(header, small, sampling) if small else None
    if not (small and decoded):
        return None
    work = partial(planes.resize, orientation=header.orientation)
    steps = (programs.Step("resize", Spec(*small, cast(Layout, sampling)), work),)
    sides = programs.sides_of(decoded.spec, steps, 1)
    return programs.Program(decoded, header, 1, sides, steps, lost=header.lost, notes=header.notes)


def _suits(header: Header) -> bool:
    """Whether the input can be read as planes, and is not too small to pay."""
    return (
        header.format == "jpeg"
        and header.spec.width * header.spec.height >= LEAST
        and header.detail["reader"] == "simplejpeg"
        and header.detail["ycc"]
        and profile_space(header.metadata.icc) != "GRAY"
    )


def _suit(formats: Collection[str], options: EncodeOptions) -> bool:
    """Whether the outputs can be written from planes."""
    return (
        bool(formats)
        and all(name == "jpeg" for name in formats)
        and options.colour is None
        and not options.progressive
        and not options.lossless
    )


def _only_smaller(spec: Spec, operations: Sequence[Operation]) -> tuple[int, int] | None:
    """The size to which the whole picture is scaled, if that is all that happens to it."""
    first, following = programs.first_effective(operations, spec)
    if first is None or first.dynamic:
        return None
    size = first.shrinks_to(spec)
    made = first.plan(spec)
    if size is None or made != spec.resized(*size):
        return None
    return size if programs.first_effective(following, made)[0] is None else None


def _decoded(header: Header, size: tuple[int, int], sampling: str) -> Header | None:
    """The header of the planes that are decoded; None where they are too small to pay, or where a
    scaled decode would give too little colour."""
    lies = header.orientation > 4
    smaller = codecs.shrink(header, *(size[::-1] if lies else size))
    if smaller.spec.width * smaller.spec.height < LEAST:
        return None
    stored = f"YCC{header.detail['subsampling']}"
    steps = CHROMA[sampling][::-1] if lies else CHROMA[sampling]
    if smaller is not header and any(map(gt, CHROMA[stored], steps)):
        return None
    return smaller._replace(spec=smaller.spec.converted(cast(Layout, stored)))
