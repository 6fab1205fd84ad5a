"""Clips one after the other: packets are copied if the clips are compatible, else encoded like the first
one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imgpar.core.error_messages import setting
from imgpar.core.errors import EncodeError, SourceError
from imgpar.core.job import Item, OutputFile
from imgpar.core.tempfiles import temporary
from imgpar.formats.options import EncodeOptions
from imgpar.inputs.opening import local_file

if TYPE_CHECKING:
    from imgpar.batch.gather.making import Making
    from imgpar.video.clip import Clip, Stream
    from imgpar.video.plan import ClipPlan


SPARE = 0.1
"""Tolerance for the start of each clip in seconds per clip: audio packets are not cut."""

Seen = Callable[[int], None]
"""Called with the number of frames written so far."""


def join_clips(making: Making) -> OutputFile:
    """Join the clips of a job.

    Raises:
        ItemError: a clip cannot be read, or the new one is incomplete.
    """
    with contextlib.ExitStack() as stack:
        return _join(making, stack)


def _join(making: Making, stack: contextlib.ExitStack) -> OutputFile:
    """The same; `stack` removes temporary copies of clips that are no files."""
    from imgpar.video.probe import probe

    options, target, clock = making.run.encode, making.target, making.clock
    clips = []
    for index, item in enumerate(making.task.job.items):
        clock.at_item(index)
        with clock.during("decode"):
            clips.append(_readable(item, making, stack))
    _check_ranges(clips, making)
    clock.at_item(-1)
    why = _difference(clips, target.format, options)
    total = sum(len(clip.times) for clip in clips)
    with making.begin() as half:
        with clock.during("encode"):
            listed = b"" if why else _list_of(clips)
            arguments = (
                _encoding(clips, target.format, options, half.path, making.helpers.cores)
                if why
                else _copying(clips, target.format, half.path)
            )
            _run(arguments, listed, lambda done: making.helpers.advanced(done, total))
            made = probe(half.path)
            _check(clips, made)
        making.remarks.lost.update(dict.fromkeys(_left_out(clips)))
        how = f"the clips were encoded: {why}" if why else "the clips were copied without encoding"
        making.remarks.notes[how] = None
        return making.commit_half(half, made.picture.upright)


def _check_ranges(clips: Sequence[Clip], making: Making) -> None:
    """Raise EncodeError where some clips are HDR and others are not: their samples mean other colours."""
    from imgpar.video.prepare import HDR

    first = clips[0].picture.colour.transfer in HDR
    for index, clip in enumerate(clips):
        if (clip.picture.colour.transfer in HDR) != first:
            making.clock.at_item(index)
            kinds = ("SDR", "HDR") if first else ("HDR", "SDR")
            raise EncodeError(
                f"It is {kinds[0]}, and the first clip is {kinds[1]}.",
                fix="Convert the HDR clips first: imgpar convert CLIP -o sdr/ --tonemap hable",
            )


def _readable(item: Item, making: Making, stack: contextlib.ExitStack) -> Clip:
    """A complete clip; raises ItemError."""
    from imgpar.video.check import check_source
    from imgpar.video.probe import probe

    if item.error:
        raise SourceError(item.error)
    path = stack.enter_context(local_file(item, making.run.sources))
    if "\n" in path:  # FFmpeg's list of clips has one a line
        link = os.path.join(stack.enter_context(temporary()), "clip")
        os.symlink(os.path.abspath(path), link)
        path = link
    clip: Clip = probe(os.path.abspath(path), making.run.limits)
    check_source(clip, accept_damaged=False)
    return clip


def _run(arguments: Sequence[str], listed: bytes, seen: Seen) -> None:
    """Run FFmpeg with a list on its standard input."""
    from imgpar.video.ffmpeg import Ffmpeg
    from imgpar.video.native import check_exit

    child = Ffmpeg(arguments, counted=True, feed=True)
    try:
        with contextlib.suppress(BrokenPipeError):  # it has ended: its exit code says why
            child.stdin.write(listed)
            child.stdin.close()
        code = child.wait(seen)
    except BaseException:
        child.kill()
        raise
    check_exit(code, child.lines)


def _difference(clips: Sequence[Clip], target: str, options: EncodeOptions) -> str:
    """The reason why packets cannot be copied; empty if they can."""
    from imgpar.video.containers import CONTAINERS

    if options != EncodeOptions():
        return "settings of the encoder are given"
    container, first = CONTAINERS[target], clips[0]
    for number, clip in enumerate(clips, 1):
        if clip.hidden or clip.row:
            return f"clip {number} " + ("has an edit list" if clip.hidden else "has no time stamps")
    if first.picture.stream.codec not in container.video:
        return f"{target} holds no {first.picture.stream.codec}"
    for number, clip in enumerate(clips[1:], 2):
        for name, facts in _facts(clip).items():
            if facts != _facts(first)[name]:
                return f"clip {number} differs in its {name}"
    if any(stream.codec not in container.audio for stream in first.of_kind("audio")):
        return f"{target} does not hold its sound"
    return ""


def _facts(clip: Clip) -> dict[str, object]:
    """Properties that must be equal in all clips, so that they can share one header."""
    from imgpar.video.demux import open_clip

    picture = clip.picture
    with open_clip(clip.path) as container:
        header = bytes(container.streams[picture.stream.index].codec_context.extradata or b"")
    return {
        "codec": picture.stream.codec,
        "size": (picture.width, picture.height),
        "pixel format": picture.pixel_format,
        "orientation": picture.orientation,
        "pixel aspect": picture.aspect,
        "colours": picture.colour,
        "sound": [(stream.codec, stream.channels, stream.rate) for stream in clip.of_kind("audio")],
        "order of streams": [picture.stream.index, *(stream.index for stream in clip.of_kind("audio"))],
        "encoder's header": header,
    }


def _list_of(clips: Sequence[Clip]) -> bytes:
    """The list of clips for the concat demuxer."""
    quoted = (clip.path.replace("'", "'\\''") for clip in clips)
    return os.fsencode("".join(f"file 'file:{path}'\n" for path in quoted))


def _copying(clips: Sequence[Clip], target: str, output: str) -> list[str]:
    """Arguments of FFmpeg to copy packets with the concat demuxer, whose list is on standard input."""
    from imgpar.video.containers import CONTAINERS
    from imgpar.video.native import output_options
    from imgpar.video.plan import ClipPlan

    plan = ClipPlan("remux", "", CONTAINERS[target])
    whitelist = ["-protocol_whitelist", "file,pipe", "-f", "concat", "-safe", "0", "-i", "pipe:0"]
    maps = [f"0:{clips[0].picture.stream.index}"]
    maps += [f"0:{stream.index}" for stream in clips[0].of_kind("audio")]
    mapped = [part for number in maps for part in ("-map", number)]
    return [*whitelist, *mapped, "-c", "copy", *plan.container.flags, *output_options(plan, output)]


def _encoding(
    clips: Sequence[Clip], target: str, options: EncodeOptions, output: str, threads: int
) -> list[str]:
    """Arguments of FFmpeg to encode: clips are fitted to the size of the first; missing audio is silence."""
    from imgpar.video.ffmpeg import guarded
    from imgpar.video.native import decoder_options, encode_options, output_options

    first = clips[0]
    plan, size = _plan(first, target, options)
    fitted = _kept(clips, plan) if options.lossless else _fitted(size, first)
    sounds = any(clip.of_kind("audio") for clip in clips) and options.audio != "none"
    arguments, graph = list[str](), list[str]()
    for number, clip in enumerate(clips):
        arguments += [*decoder_options(clip), *guarded(clip.path)]
        graph.append(f"[{number}:{clip.picture.stream.index}]{fitted}[v{number}]")
        if sounds:
            graph.append(f"{_sounding(number, clip)}[a{number}]")
    pairs = "".join(f"[v{number}]" + (f"[a{number}]" if sounds else "") for number in range(len(clips)))
    graph.append(f"{pairs}concat=n={len(clips)}:v=1:a={int(sounds)}[v]" + ("[a]" if sounds else ""))
    arguments += ["-filter_complex", ";".join(graph), "-map", "[v]"]
    arguments += encode_options(plan, replace(first, variable=False), threads)
    arguments[arguments.index("-enc_time_base:v:0") + 1] = "filter"
    if sounds:
        arguments += ["-map", "[a]", "-c:a:0", _encoder_of(plan, options)]
    return [*arguments, *plan.container.flags, *output_options(plan, output)]


def _plan(first: Clip, target: str, options: EncodeOptions) -> tuple[ClipPlan, tuple[int, int]]:
    """The plan of the first clip with encoding forced, and the size of all frames."""
    from imgpar.video.plan import make_plan

    quality = options.quality or 80
    plan = make_plan(first, target, (), replace(options, quality=quality))
    width, height = first.picture.upright
    if not plan.container.variable:
        raise EncodeError("Clips cannot be put together into AVI.", fix="Use .mp4, .mov, .mkv or .webm.")
    return replace(plan, filters=" "), (width // 2 * 2, height // 2 * 2)


def _encoder_of(plan: ClipPlan, options: EncodeOptions) -> str:
    from imgpar.video.encoders import first_available

    wanted = {"aac": ("aac",), "opus": ("libopus", "opus")}.get(options.audio, plan.container.audio_encoders)
    return first_available(wanted)


def _fitted(size: tuple[int, int], first: Clip) -> str:
    width, height = size
    # Timestamps are kept: the time base 1/90000 can represent all of them.
    return (
        f"scale={width}:{height}:force_original_aspect_ratio=decrease:flags=lanczos:reset_sar=1,"
        f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2,setsar=1,settb=1/90000,"
        f"format={_form(first)}"
    )


def _kept(clips: Sequence[Clip], plan: ClipPlan) -> str:
    """The filters of a lossless clip, which change timestamps only; raises EncodeError if clips differ."""
    from imgpar.video.lossless import frame_kind

    first = clips[0].picture
    for number, clip in enumerate(clips[1:], 2):
        facts = (clip.picture.upright, frame_kind(clip.picture), clip.picture.colour)
        if facts != (first.upright, frame_kind(first), first.colour):
            raise EncodeError(
                f"Clip {number} has frames of another size or kind than the first one.",
                fix=f"Leave {setting('lossless')} out; then they are made the same.",
            )
    assert plan.encoding is not None
    return f"setsar=1,settb=1/90000,format={plan.encoding.pixel_format}"


def _form(first: Clip) -> str:
    return "yuv420p" if first.picture.depth <= 8 else "yuv420p10le"


def _sounding(number: int, clip: Clip) -> str:
    """The first audio stream of a clip, padded or cut to the duration of the clip."""
    seconds = _seconds(clip)
    form = "aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo"
    stream: Stream | None = next(iter(clip.of_kind("audio")), None)
    if stream is None:
        return f"anullsrc=r=48000:cl=stereo,atrim=duration={seconds:.6f},{form}"
    # Audio that starts late is padded with silence: each segment must start with its clip.
    late = "aresample=48000:async=1:first_pts=0"
    return f"[{number}:{stream.index}]{late},{form},apad,atrim=end={seconds:.6f}"


def _seconds(clip: Clip) -> float:
    """Duration of a clip, from the start of its first stream to the end of its last one."""
    return max(clip.duration, clip.times[-1] - clip.start + clip.last)


def _left_out(clips: Sequence[Clip]) -> tuple[str, ...]:
    kinds = [
        stream.kind for clip in clips for stream in clip.of_kind("subtitle", "cover", "attachment", "data")
    ]
    chapters = ["chapters"] if any(clip.chapters for clip in clips) else []
    return tuple(dict.fromkeys([*kinds, *chapters]))


def _check(clips: Sequence[Clip], made: Clip) -> None:
    """Check the number of frames and the start of each clip; raises EncodeError."""
    wanted = sum(len(clip.times) for clip in clips)
    if len(made.times) != wanted:
        raise EncodeError(f"The new clip is not whole: {len(made.times)} of {wanted} frames are there.")
    place, begin = 0, 0.0
    zero = clips[0].times[0] - clips[0].start
    for number, clip in enumerate(clips, 1):
        shown = made.times[place] - made.times[0]
        planned = begin + clip.times[0] - clip.start - zero
        if abs(shown - planned) > SPARE * number:
            raise EncodeError(f"Clip {number} begins at {shown:.2f} seconds instead of {planned:.2f}.")
        place += len(clip.times)
        begin += _seconds(clip)
