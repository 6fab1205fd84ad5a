"""Planning of a clip: path, operations, encoder, streams, and losses. Pure.

path      when                                                     pixels
copy      nothing to do, same container                            the file is copied
remux     the picture is unchanged, the container takes it         packets are copied
native    every operation is an ffmpeg filter                      one ffmpeg
frames    some operation is not                                    through shared memory, on all workers
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from imgpar.core.errors import (
    EncodeError,
    TransformError,
    UnknownFormatError,
    setting,
)
from imgpar.core.spec import Spec
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation
from imgpar.ops.resize import Resize
from imgpar.pixels.sizes import Geometry
from imgpar.video.clip import SDR, Clip, Picture, Stream
from imgpar.video.containers import CONTAINERS, Container
from imgpar.video.encoders import OF_CODEC, Encoding, choose, encoding_for, lossless, short_sighted
from imgpar.video.filters import filters_of, last_filters, odd, one_size, stored_upright
from imgpar.video.hdr import with_hdr
from imgpar.video.lossless import PIXEL_FORMATS, Kind, lossless_encoders
from imgpar.video.streams import Streams, plan_streams
from imgpar.video.timing import Timing
from imgpar.video.transport_stream import JUMPING

Way = Literal["copy", "remux", "native", "frames"]


_GREY = frozenset({"resize", "crop", "flip", "rotate", "grey", "blur", "sharpen"})
"""Operations that keep a grey picture grey."""


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """The plan for one clip and one target."""

    way: Way
    why: str
    """The reason for this path, for `--explain`."""
    container: Container
    operations: tuple[Operation, ...] = ()
    """Effective operations, on upright frames with square pixels."""
    filters: str = ""
    """The same as an ffmpeg filter graph; empty where there is none."""
    cut: str = ""
    """The filter that selects the frames of the trimmed part, before all others."""
    encoding: Encoding | None = None
    streams: Streams = field(default_factory=Streams)
    timing: Timing = field(default_factory=Timing)
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def make_plan(
    clip: Clip,
    target: str,
    operations: Sequence[Operation],
    options: EncodeOptions,
    *,
    same_container: bool = False,
    staged: bool = False,
) -> ClipPlan:
    """Plan a clip.

    Args:
        clip: from `probe`.
        target: name of the container's format record.
        operations: of the recipe.
        options: of the recipe.
        same_container: whether the file is of this format already, by its content.
        staged: whether to use the frame path in any case.

    Raises:
        UnknownFormatError: the target is not a container.
        EncodeError: this ffmpeg has no encoder for it.
        TransformError: an operation cannot handle frames of this size.
    """
    container = CONTAINERS.get(target)
    if container is None:
        raise UnknownFormatError(
            f"A clip cannot be written as {target}.", fix="Choose " + ", ".join(CONTAINERS)
        )
    active = effective(operations, clip.picture.spec)
    untouched = None if active else _untouched(clip, container, options, same_container=same_container)
    return untouched or _encoded(clip, container, active, options, staged=staged)


def _untouched(
    clip: Clip, container: Container, options: EncodeOptions, *, same_container: bool
) -> ClipPlan | None:
    """The plan for a clip whose picture is not re-encoded; None where that is impossible."""
    even = same_container or not (clip.guessed or (clip.variable and not container.variable))
    same = same_container and not (options.strip or options.edits) and _sound_stays(clip, options)
    stays = same or not (clip.hidden or clip.disordered or options.max_bytes)
    if not (even and stays and _copyable(clip, container, options)):
        return None
    if same:
        return ClipPlan("copy", "there is nothing to do", container)
    streams = plan_streams(clip, container, options)
    why, notes = "the picture is unchanged", streams.notes
    return ClipPlan("remux", why, container, streams=streams, lost=streams.lost, notes=notes)


def _encoded(
    clip: Clip,
    container: Container,
    active: Sequence[Operation],
    options: EncodeOptions,
    *,
    staged: bool,
) -> ClipPlan:
    """The plan for a clip whose picture is re-encoded.

    Args:
        clip: the source.
        container: of the target.
        active: effective operations.
        options: of the recipe.
        staged: whether to use the frame path in any case.
    """
    picture, timing = clip.picture, Timing.of(options).fitting(clip)
    timing = timing if container.variable else timing.from_first(clip)
    steps = steps_of(picture, active)
    size = _final(steps, picture)
    encoding = with_hdr(short_sighted(_encoding(picture, active, container, options), size), picture)
    _check_possible(clip, timing, encoding, size, lossless=options.lossless)
    filters, why = filters_of(steps, picture)
    if other := _not_native(clip, timing, staged=staged):
        filters, why = None, other
    streams = plan_streams(clip, container, options)
    notes = (*streams.notes, *search_notes(steps, picture), *_size_notes(steps, picture, encoding, size))
    lost = (*encoding.lost, *streams.lost, *(("interlacing",) if picture.interlaced else ()))
    if clip.variable and not container.variable and not timing.fps:
        timing, merged = timing.evened(clip)
        lost += ("variable frame rate", *([f"{merged} frames"] if merged else []))
        notes += (f"each frame is repeated until the next one comes, at {float(timing.fps):g} a second",)
    graph = ""
    if filters is not None:
        chain = [*timing.filters, *one_size(steps, picture), *([filters] if filters else [])]
        graph = ",".join([*chain, *last_filters(picture, encoding, options, size)])
    return ClipPlan(
        "frames" if filters is None else "native",
        why,
        container,
        steps,
        graph,
        timing.cut(clip),
        encoding,
        streams,
        timing,
        tuple(dict.fromkeys(lost)),
        notes,
    )


def _check_possible(
    clip: Clip, timing: Timing, encoding: Encoding, size: tuple[int, int], *, lossless: bool
) -> None:
    """Refuse plans whose result would differ from the request; raises EncodeError."""
    if lossless:
        check_whole(encoding, size)
    if clip.jumps and (timing.start or timing.stop < math.inf):
        raise EncodeError(
            "The timestamps of this clip are discontinuous, so it cannot be trimmed.",
            fix="Convert the whole clip, then trim the result.",
        )


def _size_notes(
    steps: Sequence[Operation], picture: Picture, encoding: Encoding, size: tuple[int, int]
) -> tuple[str, ...]:
    """Notes on square pixels, and on a column or row that is cropped."""
    notes: tuple[str, ...] = ()
    if picture.aspect != 1:
        shown = (picture.width, picture.height, *picture.spec.size)
        notes += ("pixels made square: {}×{} → {}×{}".format(*shown),)
    if not any(operation.dynamic for operation in steps):
        notes += cut_note(encoding, size)
    return notes


def check_whole(encoding: Encoding, size: tuple[int, int]) -> None:
    """Raise EncodeError where a lossless clip would lose a column or row."""
    if odd(encoding, size):
        raise EncodeError(
            f"{encoding.encoder} cannot encode {size[0]}×{size[1]} losslessly: it subsamples chroma.",
            fix=f"Choose {setting('codec', 'ffv1')} in an MKV, or another {setting('resize')}.",
        )


def cut_note(encoding: Encoding, size: tuple[int, int]) -> tuple[str, ...]:
    """The note on a column or row that is cropped for the encoder; empty where none is."""
    if not odd(encoding, size):
        return ()
    return (f"{size[0]}×{size[1]} is odd: the last column or row was cut for {encoding.encoder}",)


def _encoding(
    picture: Picture, active: Sequence[Operation], container: Container, options: EncodeOptions
) -> Encoding:
    names = encoders_of(container, options, picture.depth, alpha=picture.alpha)
    if not options.lossless:
        return choose(picture, names, options, alpha=picture.alpha, depth=picture.depth)
    if options.max_bytes or options.target:
        raise EncodeError(
            "A lossless encoding has no target size or quality.",
            fix=f"Leave {setting('lossless')} out, or {setting('max_bytes')} and {setting('target')}.",
        )
    if picture.pixel_format.startswith("gray") and any(step.name not in _GREY for step in active):
        picture = replace(picture, pixel_format="rgb")  # the operation may draw in colour
    return lossless(picture, container.name, names, options)


def _not_native(clip: Clip, timing: Timing, *, staged: bool) -> str:
    """Why the native path is not possible; empty where it is."""
    if staged:
        return "the schedule is staged"
    if clip.guessed or (clip.row and timing.start):
        return "frames of an AVI without timestamps are counted"
    return "this container has no index of key frames" if timing.start and clip.demuxer in JUMPING else ""


def plan_of_frames(
    spec: Spec,
    target: str,
    rate: Fraction,
    time_base: Fraction,
    options: EncodeOptions,
    pixel_format: str = "",
) -> tuple[Clip, ClipPlan]:
    """The clip and plan for frames from memory.

    Args:
        spec: of the frames.
        target: name of the container.
        rate: frames per second.
        time_base: unit of the timestamps in seconds.
        options: of the recipe.
        pixel_format: one of `PIXEL_FORMATS`; empty is the default of the encoder.

    Raises:
        EncodeError: the frames cannot be encoded like this.
    """
    container, kind = CONTAINERS[target], PIXEL_FORMATS.get(pixel_format)
    picture = _given(spec, rate, time_base, options, kind)
    names = encoders_of(container, options, picture.depth, alpha=spec.alpha)
    if kind is not None:
        encoding = encoding_for(
            kind, options.codec or target, _candidates(container, options, names), options
        )
    elif options.lossless:
        encoding = lossless(picture, target, names, options)
    else:
        encoding = choose(picture, names, options, alpha=spec.alpha, depth=picture.depth)
    streams = Streams(options=container.flags)
    return Clip("", "", 0.0, picture, ()), ClipPlan(
        "frames", "frames come from memory", container, encoding=encoding, streams=streams,
        notes=cut_note(encoding, spec.size), timing=Timing() if container.variable else Timing(fps=rate),
    )  # fmt: skip


def _candidates(container: Container, options: EncodeOptions, names: Sequence[str]) -> Sequence[str]:
    """Encoders that may be taken for a requested pixel format, in order of preference."""
    if options.lossless:
        return lossless_encoders(container.name, options.codec, names)
    if not options.codec:
        names = (*container.encoders, *container.deep_encoders, *container.alpha_encoders)
    return tuple(dict.fromkeys((*names, *(["libx264rgb"] if "libx264" in names else []))))


def _check_holds(spec: Spec, kind: Kind) -> None:
    """Raise EncodeError where frames cannot be kept exactly in a pixel format."""
    grey = spec.layout == "L" and kind.name == "grey"
    if not grey and not (kind.name.startswith("rgb") and kind.alpha >= spec.alpha):
        exact = "rgba" if spec.alpha else "rgb24"
        raise EncodeError(
            f"{kind.words} does not hold {spec.layout} frames exactly.",
            fix=f"Choose pixel_format {exact}, or leave lossless out.",
        )


def _given(
    spec: Spec, rate: Fraction, time_base: Fraction, options: EncodeOptions, kind: Kind | None
) -> Picture:
    """Properties assumed for frames in memory: unchanged if lossless, else those of video."""
    if options.lossless and spec.dtype == "float32":
        raise EncodeError("Frames of float32 cannot be encoded losslessly.", fix="Give uint8 or uint16.")
    if kind is not None:
        if options.lossless:
            _check_holds(spec, kind)
        matrix = {"gre": "", "rgb": "gbr"}.get(kind.name[:3])
        colour = SDR if matrix is None else SDR._replace(range="pc", matrix=matrix)
        return Picture(
            Stream(0, "video", "rawvideo"), *spec.size, "rgb24" if kind.subsampling else "gray", kind.depth,
            kind.alpha, kind.subsampling, rate=rate, time_base=time_base, colour=colour,
        )  # fmt: skip
    deep, grey = spec.dtype != "uint8", spec.layout == "L" and options.lossless
    colour = SDR._replace(range="pc", matrix="" if grey else "gbr") if options.lossless else SDR
    depth = 8 if not deep else 16 if options.lossless else 10
    return Picture(
        Stream(0, "video", "rawvideo"), *spec.size, "gray" if grey else "rgb24", depth, spec.alpha,
        "" if grey else "420", rate=rate, time_base=time_base,
        colour=colour,
    )  # fmt: skip


def steps_of(picture: Picture, operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Operations on upright frames: scaling to square pixels, then the effective operations.

    Raises TransformError where one would give each frame another size or place.
    """
    active = effective(operations, picture.spec)
    if looking := next((one for one in active if one.looks and not one.each_frame), None):
        raise TransformError(
            f"{looking.name} depends on the pixels of each picture, so the frames of a clip would differ.",
            fix="Extract pictures with imgpar frames and convert these, or crop to a fixed region.",
        )
    return (*_squared(picture), *_with_converted_colours(picture, active))


def search_notes(steps: Sequence[Operation], picture: Picture) -> Iterator[str]:
    """What the report says about operations that are settled on each frame."""
    return (note for one in steps if one.looks and (note := one.remark((), picture.spec)))


def _with_converted_colours(picture: Picture, operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """Convert colours of operations from sRGB, which is treated as BT.709, to those of an HDR picture."""
    if not picture.cicp:
        return operations
    from imgpar.pixels.colour.named_colours import into

    given = into(b"", picture.cicp)
    return tuple(operation.coloured(given) for operation in operations) if given else operations


def encoders_of(
    container: Container, options: EncodeOptions, depth: int, *, alpha: bool = False
) -> tuple[str, ...]:
    """Permitted encoders in order of preference.

    Args:
        container: of the target.
        options: of the recipe.
        depth: bits per sample.
        alpha: whether frames have alpha.

    Raises:
        EncodeError: the container holds no such codec.
    """
    if not options.codec:
        usual = container.encoders if depth <= 8 else container.deep_encoders
        return (*container.alpha_encoders, *usual) if alpha else usual
    if options.codec not in container.video:
        known = sorted(container.video & set(OF_CODEC))
        raise EncodeError(
            f"{container.name} holds no {options.codec}.",
            fix=f"Choose {setting('codec')} from {', '.join(known)}, or another {setting('to')}.",
        )
    return OF_CODEC[options.codec]


def effective(operations: Sequence[Operation], spec: Spec) -> tuple[Operation, ...]:
    """The operations that change frames of this size; all of them from a Python function on."""
    found = list[Operation]()
    for index, operation in enumerate(operations):
        if operation.dynamic:
            return (*found, *operations[index:])
        if not operation.idle(spec):
            found.append(operation)
            spec = operation.plan(spec)
    return tuple(found)


def _sound_stays(clip: Clip, options: EncodeOptions) -> bool:
    """Whether all audio is copied, which is also the case where there is none."""
    tracks = clip.of_kind("audio")
    wanted = options.audio == "copy" or all(track.codec == options.audio for track in tracks)
    return not tracks or (wanted and not options.loudnorm)


def _copyable(clip: Clip, container: Container, options: EncodeOptions) -> bool:
    if clip.before or options.target or (options.max_bytes and clip.size > options.max_bytes):
        return False
    if not Timing.of(options).fitting(clip).idle:
        return False  # packets can only be cut at key frames
    if options.quality is not None or options.effort is not None or options.lossless:
        return False
    if options.codec and options.codec != clip.picture.stream.codec:
        return False
    # Only these containers store the orientation reliably.
    upright = clip.picture.orientation == 1 or container.name in ("mp4", "mov")
    alpha = not clip.picture.alpha or container.name in ("webm", "mkv")
    return clip.picture.stream.codec in container.video and upright and alpha


def _squared(picture: Picture) -> tuple[Operation, ...]:
    """Scaling to square pixels: sizes are then display sizes."""
    if picture.aspect == 1:
        return ()
    width, height = picture.upright
    return (Resize(Geometry(width=width, height=height), fit="fill"),)


def output_size(plan: ClipPlan, clip: Clip) -> tuple[int, int]:
    """Width and height of the clip that a plan makes; (0, 0) where a function decides it."""
    if plan.encoding is None:
        return clip.picture.upright
    if any(operation.dynamic for operation in plan.operations):
        return 0, 0
    width, height = _final(plan.operations, clip.picture)
    return (width & ~1, height & ~1) if odd(plan.encoding, (width, height)) else (width, height)


def _final(operations: Sequence[Operation], picture: Picture) -> tuple[int, int]:
    spec = stored_upright(picture)
    for operation in operations:
        if operation.dynamic:
            break
        spec = operation.plan(spec)
    return spec.size
