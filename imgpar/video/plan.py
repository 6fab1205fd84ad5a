"""What becomes of a clip: which stream goes where, by which path, and what is lost on the way. Pure.

way       when                                                     pixels
copy      nothing to do, same container                            the file is copied byte by byte
remux     nothing to do to the picture, the container takes it     packets are copied
native    every operation is an ffmpeg filter                      one ffmpeg
frames    some operation is not                                    through shared memory, by all workers
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from imgpar.core.errors import EncodeError, UnknownFormatError
from imgpar.core.model import Spec
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation
from imgpar.ops.resize import Resize
from imgpar.pixels.geometry import Geometry
from imgpar.video.clip import Clip, Picture, Stream
from imgpar.video.containers import CONTAINERS, Container
from imgpar.video.encoders import OF_CODEC, Encoding, choose, lossless, short_sighted
from imgpar.video.filters import filters_of, last_filters, odd, one_size, stored_upright
from imgpar.video.hdr import with_hdr
from imgpar.video.streams import Streams, plan_streams
from imgpar.video.timing import Timing
from imgpar.video.transport_stream import JUMPING

Way = Literal["copy", "remux", "native", "frames"]


_GREY = frozenset({"resize", "crop", "flip", "rotate", "grey", "blur", "sharpen"})
"""Operations that make nothing coloured of a grey picture."""


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """What will be done to one clip for one target."""

    way: Way
    why: str
    """The reason for this way, for `--explain`."""
    container: Container
    operations: tuple[Operation, ...] = ()
    """Those that change something, on upright frames of square pixels."""
    filters: str = ""
    """The same as an ffmpeg filter graph; empty where there is none."""
    cut: str = ""
    """The filter that keeps a part of the source's frames, before all others."""
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
    """Decide what becomes of a clip.

    Args:
        clip: from `probe`.
        target: name of the container's format record.
        operations: of the recipe.
        options: of the recipe.
        same_container: whether the file is of this format already, by its content.
        staged: whether frames shall go through shared memory in any case.

    Raises:
        EncodeError: this ffmpeg has no encoder for it.
        TransformError: an operation cannot handle frames of this size.
    """
    container = CONTAINERS.get(target)
    if container is None:
        raise UnknownFormatError(
            f"A clip cannot be written as {target}.", fix="Choose " + ", ".join(CONTAINERS)
        )
    asked = effective(operations, clip.picture.spec)
    untouched = None if asked else _untouched(clip, container, options, same_container=same_container)
    return untouched or _encoded(clip, container, asked, options, staged=staged)


def _untouched(
    clip: Clip, container: Container, options: EncodeOptions, *, same_container: bool
) -> ClipPlan | None:
    """The plan for a clip whose picture stays as it is; None where that cannot be."""
    even = same_container or not (clip.guessed or (clip.variable and not container.variable))
    same = same_container and not options.strip and _sound_stays(clip, options)
    stays = same or not (clip.hidden or clip.disordered or options.max_bytes)
    if not (even and stays and _copyable(clip, container, options)):
        return None
    if same:
        return ClipPlan("copy", "nothing is to be done", container)
    streams = plan_streams(clip, container, options)
    return ClipPlan("remux", "the picture stays as it is", container, streams=streams, lost=streams.lost)


def _encoded(
    clip: Clip,
    container: Container,
    asked: Sequence[Operation],
    options: EncodeOptions,
    *,
    staged: bool,
) -> ClipPlan:
    """The plan for a clip whose picture is encoded anew; `asked` are the operations that change something."""
    picture, timing = clip.picture, Timing.of(options).fitting(clip)
    timing = timing if container.variable else timing.from_first(clip)
    steps = steps_of(picture, asked)
    size = _final(steps, picture)
    encoding = with_hdr(short_sighted(_encoding(picture, asked, container, options), size), picture)
    _check_possible(clip, timing, encoding, size, lossless=options.lossless)
    filters, why = filters_of(steps, picture)
    if other := _not_native(clip, timing, staged=staged):
        filters, why = None, other
    streams = plan_streams(clip, container, options)
    notes = (*streams.notes, *_said_of_size(steps, picture, encoding, size))
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
    """Refuse what would come out as something else than was asked for; raises EncodeError."""
    if lossless and odd(encoding, size):
        raise EncodeError(
            f"{encoding.encoder} cannot keep frames of {size[0]}×{size[1]} without loss: it halves colour.",
            fix="Choose --codec ffv1 in an MKV, or another --resize.",
        )
    if clip.jumps and (timing.start or timing.stop < math.inf):
        raise EncodeError(
            "The clock of this clip jumps, so no part of it can be cut out.",
            fix="Convert it as a whole, then take a part of the result.",
        )


def _said_of_size(
    steps: Sequence[Operation], picture: Picture, encoding: Encoding, size: tuple[int, int]
) -> tuple[str, ...]:
    """Remarks on pixels that are made square, and on a column or row that is cut."""
    said: tuple[str, ...] = ()
    if picture.aspect != 1:
        shown = (picture.width, picture.height, *picture.spec.size)
        said += ("pixels made square: {}×{} → {}×{}".format(*shown),)
    if odd(encoding, size) and not any(operation.dynamic for operation in steps):
        said += (f"{size[0]}×{size[1]} is odd: the last column or row was cut for {encoding.encoder}",)
    return said


def _encoding(
    picture: Picture, asked: Sequence[Operation], container: Container, options: EncodeOptions
) -> Encoding:
    names = encoders_of(container, options, picture.depth, alpha=picture.alpha)
    if not options.lossless:
        return choose(picture, names, options, alpha=picture.alpha, depth=picture.depth)
    if options.max_bytes or options.target:
        raise EncodeError(
            "What is lossless has no size or quality that could be chosen.",
            fix="Leave --lossless out, or --max-bytes and --target.",
        )
    if picture.pixel_format.startswith("gray") and any(step.name not in _GREY for step in asked):
        picture = replace(picture, pixel_format="rgb")  # the operation may draw in colour
    return lossless(picture, container.name, names, options)


def _not_native(clip: Clip, timing: Timing, *, staged: bool) -> str:
    """Why one ffmpeg is not enough, whatever the operations are; nothing where it may be."""
    if staged:
        return "the schedule is staged"
    if clip.guessed or (clip.row and timing.start):
        return "the frames of this AVI must be counted"
    return "this container has no index of key frames" if timing.start and clip.demuxer in JUMPING else ""


def plan_of_frames(
    spec: Spec, target: str, rate: Fraction, time_base: Fraction, options: EncodeOptions
) -> tuple[Clip, ClipPlan]:
    """A clip of frames that come from elsewhere: what it is taken for, and how it is written."""
    container = CONTAINERS[target]
    picture = _given(spec, rate, time_base, options)
    names = encoders_of(container, options, picture.depth, alpha=spec.alpha)
    if options.lossless:
        encoding = lossless(picture, target, names, options)
    else:
        encoding = choose(picture, names, options, alpha=spec.alpha, depth=picture.depth)
    streams = Streams(options=container.flags)
    return Clip("", "", 0.0, picture, ()), ClipPlan(
        "frames", "the frames are given", container, encoding=encoding, streams=streams
    )


def _given(spec: Spec, rate: Fraction, time_base: Fraction, options: EncodeOptions) -> Picture:
    """What frames in memory are taken for: as they are where nothing may be lost, or else as video."""
    if options.lossless and spec.dtype == "float32":
        raise EncodeError("Frames of float32 cannot be kept without loss.", fix="Give uint8 or uint16.")
    deep, grey = spec.dtype != "uint8", spec.layout == "L" and options.lossless
    colour = {"range": "tv", "primaries": "bt709", "transfer": "bt709", "matrix": "bt709"}
    if options.lossless:
        colour |= {"range": "pc", "matrix": "" if grey else "gbr"}
    depth = 8 if not deep else 16 if options.lossless else 10
    return Picture(
        Stream(0, "video", "rawvideo"), *spec.size, "gray" if grey else "rgb24", depth, spec.alpha,
        "" if grey else "420", rate=rate, time_base=time_base,
        colour={key: value for key, value in colour.items() if value},
    )  # fmt: skip


def steps_of(picture: Picture, operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """What is done to upright frames: pixels are made square, then the operations that change something."""
    return (*_squared(picture), *_in_its_colours(picture, effective(operations, picture.spec)))


def _in_its_colours(picture: Picture, operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """Colours that are given are meant in sRGB, which is taken for the same as BT.709; in HDR they look the
    same when they are converted."""
    if not picture.cicp:
        return operations
    from imgpar.pixels.colour.named_colours import into

    given = into(b"", picture.cicp)
    return tuple(operation.coloured(given) for operation in operations) if given else operations


def encoders_of(
    container: Container, options: EncodeOptions, depth: int, *, alpha: bool = False
) -> tuple[str, ...]:
    """Encoders that may be taken, the best first; raises EncodeError where the container has none."""
    if not options.codec:
        usual = container.encoders if depth <= 8 else container.deep_encoders
        return (*container.alpha_encoders, *usual) if alpha else usual
    if options.codec not in container.video:
        known = sorted(container.video & set(OF_CODEC))
        raise EncodeError(
            f"{container.name} holds no {options.codec}.",
            fix=f"Choose --codec {', '.join(known)}, or another --to.",
        )
    return OF_CODEC[options.codec]


def effective(operations: Sequence[Operation], spec: Spec) -> tuple[Operation, ...]:
    """The operations that change something on frames of this size; all from a Python function on."""
    found = list[Operation]()
    for index, operation in enumerate(operations):
        if operation.dynamic:
            return (*found, *operations[index:])
        if not operation.idle(spec):
            found.append(operation)
            spec = operation.plan(spec)
    return tuple(found)


def _sound_stays(clip: Clip, options: EncodeOptions) -> bool:
    """Whether all sound is as it is wanted already; it always is where there is none."""
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
    # Of the containers only these say for certain how a picture is turned.
    upright = clip.picture.orientation == 1 or container.name in ("mp4", "mov")
    alpha = not clip.picture.alpha or container.name in ("webm", "mkv")
    return clip.picture.stream.codec in container.video and upright and alpha


def _squared(picture: Picture) -> tuple[Operation, ...]:
    """The scaling to square pixels: sizes are then what people see."""
    if picture.aspect == 1:
        return ()
    width, height = picture.upright
    return (Resize(Geometry(width=width, height=height), fit="fill"),)


def _final(operations: Sequence[Operation], picture: Picture) -> tuple[int, int]:
    spec = stored_upright(picture)
    for operation in operations:
        if operation.dynamic:
            break
        spec = operation.plan(spec)
    return spec.size
