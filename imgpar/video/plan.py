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

from imgpar.codecs.options import EncodeOptions
from imgpar.errors import EncodeError, UnknownFormatError
from imgpar.model import Spec
from imgpar.operations import Operation
from imgpar.operations.geometry import Geometry
from imgpar.operations.resize import Resize
from imgpar.video.clip import Clip, Picture, Stream
from imgpar.video.clock import JUMPING
from imgpar.video.containers import CONTAINERS, Container
from imgpar.video.encoders import OF_CODEC, Encoding, choose, lossless, short_sighted, written
from imgpar.video.hdr import with_hdr
from imgpar.video.streams import Streams, plan_streams
from imgpar.video.timing import Timing

_CHANGING = ("vp8", "vp9", "av1", "h264", "hevc")
"""Codecs that may change the size of frames on the way, as calls do when the network is slow."""
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
    picture = clip.picture
    asked = effective(operations, picture.spec)
    even = same_container or not (clip.guessed or (clip.variable and not container.variable))
    same = same_container and not options.strip and _sound_stays(clip, options)
    stays = same or not (clip.hidden or clip.disordered or options.max_bytes)
    if not asked and even and _copyable(clip, container, options) and stays:
        if same:
            return ClipPlan("copy", "nothing is to be done", container)
        streams = plan_streams(clip, container, options)
        return ClipPlan("remux", "the picture stays as it is", container, streams=streams, lost=streams.lost)
    steps, timing = steps_of(picture, operations), Timing.of(options).fitting(clip)
    squared = steps[: len(steps) - len(asked)]
    size = _final(steps, picture)
    alpha = picture.alpha
    encoding = with_hdr(short_sighted(_encoding(picture, asked, container, options), size), picture)
    if options.lossless and encoding.even and (size[0] % 2 or size[1] % 2):
        raise EncodeError(
            f"{encoding.encoder} cannot keep frames of {size[0]}×{size[1]} without loss: it halves colour.",
            fix="Choose --codec ffv1 in an MKV, or another --resize.",
        )
    filters, why = _filters(steps, picture)
    if clip.jumps and (timing.start or timing.stop < math.inf):
        raise EncodeError(
            "The clock of this clip jumps, so no part of it can be cut out.",
            fix="Convert it as a whole, then take a part of the result.",
        )
    if other := _not_native(clip, timing, staged=staged):
        filters, why = None, other
    streams = plan_streams(clip, container, options)
    notes = streams.notes
    if squared:
        notes += (
            "pixels made square: {}×{} → {}×{}".format(picture.width, picture.height, *picture.spec.size),
        )
    lost = (*encoding.lost, *streams.lost, *(("interlacing",) if picture.interlaced else ()))
    if clip.variable and not container.variable and not timing.fps:
        timing, merged = timing.evened(clip)
        lost += ("variable frame rate", *([f"{merged} frames"] if merged else []))
        notes += (f"each frame is repeated until the next one comes, at {float(timing.fps):g} a second",)
    if filters is not None:
        graph = [*timing.filters, *_one_size(steps, picture), *([filters] if filters else [])]
        if written(picture, encoding) is not picture:
            graph.append(f"scale=out_color_matrix=bt709:out_range=tv,format={encoding.pixel_format}")
        if alpha and "alpha" in encoding.lost:
            graph.append(_on_background(options.background, picture.colour.get("range", "unspecified")))
        if encoding.even and (size[0] % 2 or size[1] % 2):
            graph.append(f"crop={size[0] // 2 * 2}:{size[1] // 2 * 2}:0:0")
        filters = ",".join(graph)
    known = not any(operation.dynamic for operation in steps)
    if known and encoding.even and (size[0] % 2 or size[1] % 2):
        notes += (f"{size[0]}×{size[1]} is odd: the last column or row was cut for {encoding.encoder}",)
    return ClipPlan(
        "frames" if filters is None else "native",
        why,
        container,
        steps,
        filters or "",
        timing.cut(clip),
        encoding,
        streams,
        timing,
        tuple(dict.fromkeys(lost)),
        notes,
    )


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
    from imgpar.codecs.given import into

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


def stored_upright(picture: Picture) -> Spec:
    """The frames once they stand upright, before their pixels are made square."""
    size = (picture.width, picture.height)
    return picture.spec.resized(*(size[::-1] if picture.orientation >= 5 else size))


def _final(operations: Sequence[Operation], picture: Picture) -> tuple[int, int]:
    spec = stored_upright(picture)
    for operation in operations:
        if operation.dynamic:
            break
        spec = operation.plan(spec)
    return spec.size


def _filters(operations: Sequence[Operation], picture: Picture) -> tuple[str | None, str]:
    """The operations as one chain of filters, or None, and why."""
    spec, found = stored_upright(picture), list[str]()
    for operation in operations:
        # ffmpeg would pad what is transparent with white.
        written = None if spec.alpha and operation.name == "pad" else operation.as_filter(spec)
        if written is None:
            return None, f"{operation.name} is no ffmpeg filter"
        found.append(f"{written},setsar=1" if operation.name == "resize" else written)
        spec = operation.plan(spec)
    return ",".join(found), "every operation is an ffmpeg filter" if found else "the picture is encoded anew"


def _one_size(operations: Sequence[Operation], picture: Picture) -> list[str]:
    """The filter that gives every frame the size of the first one, for operations that count in pixels; it
    passes on what has that size."""
    form = picture.pixel_format
    counting = bool(operations) and operations[0].name != "resize"
    if not counting or picture.stream.codec not in _CHANGING or not form.startswith(("yuv4", "yuva4")):
        return []
    width, height = stored_upright(picture).size
    return [f"scale={width}:{height}", f"format={form}"]


def _on_background(colour: tuple[int, int, int, int], span: str) -> str:
    red, green, blue, _ = colour
    fill = f"drawbox=c=0x{red:02x}{green:02x}{blue:02x}@1:t=fill:replace=1"
    return f"split[front][copy];[copy]{fill}[back];[back][front]overlay=format=auto,setrange={span}"
