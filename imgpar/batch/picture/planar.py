"""JPEG to JPEG on Y′CbCr planes: decoded, scaled and encoded without conversion to RGB.

Subsampled chroma stays subsampled, which saves half of the resize and both colour conversions. Used only
where a picture is scaled down and rotated upright, and nothing else; it needs libturbojpeg.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from operator import gt
from typing import cast

from imgpar.batch.picture import programs
from imgpar.batch.picture.reading import read_whole
from imgpar.core.limits import Limits
from imgpar.core.spec import CHROMA, Header, Layout, Spec
from imgpar.formats import codec, quality
from imgpar.formats.base import detail_of
from imgpar.formats.jpeg import turbo
from imgpar.formats.jpeg.detail import JpegDetail
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation
from imgpar.pixels import layouts, planes, resampling
from imgpar.pixels.colour.icc_header import profile_space

LEAST = 1 << 20
"""Least number of decoded pixels. Photos scaled to 1920 take 11 % less time, to 1280 8 % less; pictures of
500×375 scaled to 256 would take 7 % more, as three planes need more calls than one picture."""

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
    """Plan every step from the header and the outputs: on planes where that gives the same picture.

    Args:
        header: from `codec.read_header`.
        operations: of the recipe, in order.
        limits: pictures that exceed them are refused.
        formats: of the outputs; empty where the result is an array.
        options: encoder settings.
        keep_frames: as in `programs.compile_program`.

    Raises:
        LimitError: the picture, or an intermediate size, exceeds the limits.
        TransformError: an operation cannot handle such a picture.
    """
    if turbo.library() is not None and resampling.fast():
        made = _planned(header, operations, formats, options)
        if made is not None:
            return programs.checked_program(made, limits)
    return programs.compile_program(header, operations, limits, keep_frames=keep_frames)


def explain_planes(
    path: str,
    operations: Sequence[Operation],
    formats: Collection[str],
    options: EncodeOptions,
    limits: Limits,
) -> list[str]:
    """Notes on whether a picture is processed on planes, for `explain`.

    Args:
        path: of the picture.
        operations: of the recipe, in order.
        formats: of the outputs.
        options: encoder settings.
        limits: pictures that exceed them are refused.

    Raises:
        ItemError: the picture cannot be read.

    Returns:
        One note; none where planes are impossible, or the file is no JPEG.
    """
    data, _ = read_whole(path)
    made = _planned(codec.read_header(data, path, limits), operations, formats, options)
    if made is None:
        return []
    available = turbo.library() is not None and resampling.fast()
    return ["jpeg by its planes" if available else f"jpeg by its colours: {MISSING}"]


def _planned(
    header: Header, operations: Sequence[Operation], formats: Collection[str], options: EncodeOptions
) -> programs.Program | None:
    if not (_input_fits(header) and _outputs_fit(formats, options)):
        return None
    sampling = f"YCC{quality.chroma(options)}"
    scaled = _scaled_only(layouts.oriented(header.spec, header.orientation), operations)
    decoded = _decoded(header, scaled[0], sampling) if scaled else None
    if not (scaled and decoded):
        return None
    small, kernel = scaled
    extent = codec.scaled_part(header.spec, decoded.scale)[2:]
    work = partial(planes.resize, orientation=header.orientation, kernel=kernel, extent=extent)
    steps = (programs.Step("resize", Spec(*small, cast(Layout, sampling)), work),)
    sides = programs.sides_of(decoded.spec, steps, 1)
    return programs.Program(decoded, header, 1, sides, steps, lost=header.lost, notes=header.notes)


def _input_fits(header: Header) -> bool:
    """Whether the input can be decoded to planes and is large enough."""
    detail = header.detail
    return (
        isinstance(detail, JpegDetail)
        and header.spec.width * header.spec.height >= LEAST
        and detail.reader == "simplejpeg"
        and detail.ycc
        and profile_space(header.metadata.icc) != "GRAY"
    )


def _outputs_fit(formats: Collection[str], options: EncodeOptions) -> bool:
    """Whether the outputs can be encoded from planes."""
    return (
        bool(formats)
        and all(name == "jpeg" for name in formats)
        and options.colour is None
        and not options.progressive
        and not options.lossless
        and not options.target  # measured in colours
        and not options.shrink
    )


def _scaled_only(spec: Spec, operations: Sequence[Operation]) -> tuple[tuple[int, int], str] | None:
    """The size to which the whole picture is scaled, and the kernel, where that is the only effective
    operation and possible on planes."""
    first, following = programs.first_effective(operations, spec)
    if first is None or first.dynamic:
        return None
    size, kernel = first.shrinks_to(spec), first.plane_kernel(spec)
    made = first.plan(spec)
    if size is None or not kernel or made != spec.resized(*size):
        return None
    return (size, kernel) if programs.first_effective(following, made)[0] is None else None


def _decoded(header: Header, size: tuple[int, int], sampling: str) -> Header | None:
    """The header of the decoded planes; None where they are too small, or where a scaled decode would give
    chroma planes smaller than those of the output."""
    swapped = header.orientation > 4
    smaller = codec.shrink(header, *(size[::-1] if swapped else size))
    if smaller.spec.width * smaller.spec.height < LEAST:
        return None
    stored = f"YCC{detail_of(header, JpegDetail).frame.subsampling}"
    steps = CHROMA[sampling][::-1] if swapped else CHROMA[sampling]
    if smaller is not header and any(map(gt, CHROMA[stored], steps)):
        return None
    return smaller._replace(spec=smaller.spec.converted(cast(Layout, stored)))
