"""The native path: one ffmpeg reads the clip, filters it and writes the container."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable

from imgpar.core.error_messages import setting
from imgpar.core.errors import (
    CommitError,
    DamagedError,
    DiskFullError,
    EncodeError,
    HelperKilledError,
    OutOfMemoryError,
)
from imgpar.video.clip import Clip, Picture
from imgpar.video.ffmpeg import Ffmpeg, guarded
from imgpar.video.plan import ClipPlan, output_size

LINES_A_THREAD = 120
"""Lines of a frame for each thread of an encoder."""
PIXELS_A_THREAD = 16_000_000
"""Pixels of all frames of a clip for each further thread: starting it takes longer in a shorter clip."""
PIXELS_A_DECODER = 32_000_000
"""The same for threads of the decoder."""
BRIEF = 64_000_000
"""Most pixels of all frames of a clip that a quick encoder makes within seconds: a second of 1080p."""
FASTEST_KNOWN = 240
"""Frames per second: of faster raw frames ffmpeg does not know the duration, which the last frame needs."""
REFERRED_TO = 6
"""Frames that a decoder holds as references, and those in its output queue."""
_THREAD_DEPENDENT = frozenset({"libx264", "libx264rgb", "mpeg4"})
"""Encoders whose output depends on the number of threads."""
_NO_ROOM = {"no space left on device": "No space is left", "quota exceeded": "Your quota is used up"}
"""Log messages of ffmpeg for a lack of space, and their meaning."""
_TOO_LARGE = -getattr(signal, "SIGXFSZ", 1 << 30)
"""Exit code for SIGXFSZ: the file exceeds the limit of the shell."""
_NO_MEMORY = ("Cannot allocate memory", "malloc of size")
"""Log messages of ffmpeg and of x264."""
ACCEPT = f"Use {setting('accept_damaged', True)} to keep what can be read."


def run_native(
    plan: ClipPlan,
    clip: Clip,
    output: str,
    threads: int,
    during: Callable[[int], None] | None = None,
    *,
    decoders: int = 0,
) -> tuple[str, ...]:
    """Convert or remux a clip.

    Args:
        plan: of the clip.
        clip: the source.
        output: path of the new file, with any name.
        threads: of encoder and filters.
        during: called at intervals with the number of frames written.
        decoders: threads of the decoder; 0 is automatic.

    Returns:
        The log lines of ffmpeg.

    Raises:
        ItemError, RunError: as `check_exit`.
    """
    arguments = native_arguments(plan, clip, output, threads, decoders or threads + 1)
    child = Ffmpeg(arguments, counted=during is not None, brief=_is_brief(plan, clip))
    try:
        code = child.wait(during)
    except BaseException:
        child.kill()
        raise
    check_exit(code, child.lines)
    return tuple(child.lines)


def _is_brief(plan: ClipPlan, clip: Clip) -> bool:
    """Whether ffmpeg makes a clip within seconds."""
    quick = plan.encoding is None or plan.encoding.encoder in _THREAD_DEPENDENT
    return quick and clip.picture.width * clip.picture.height * len(clip.times) <= BRIEF


def decoder_threads(picture: Picture, frames: int, cores: int, memory: int) -> int:
    """Number of decoder threads: one more than cores, as one waits while the encoder takes its frame. Each
    holds one frame in addition to the reference frames, so large frames get fewer threads, and so do short
    clips.

    >>> from imgpar.video.clip import Stream
    >>> film = Picture(Stream(0, "video", "h264"), 7680, 4320, "yuv420p", 8, False, "420")
    >>> decoder_threads(film, 900, 16, 512 << 20), decoder_threads(film, 900, 16, 4 << 30)
    (1, 17)
    >>> decoder_threads(film, 1, 16, 4 << 30)
    2
    """
    planes = 1.5 if picture.subsampling == "420" else 3
    pixels = picture.width * picture.height
    held = int(memory / 2 / (pixels * planes * (1 if picture.depth <= 8 else 2))) - REFERRED_TO
    return max(1, min(cores + 1, held, 1 + pixels * frames // PIXELS_A_DECODER))


def native_arguments(plan: ClipPlan, clip: Clip, output: str, threads: int, decoders: int) -> list[str]:
    """Arguments of ffmpeg after its name and the general options.

    Args:
        plan: of the clip.
        clip: the source.
        output: path of the new file.
        threads: of encoder and filters.
        decoders: threads of the decoder; 0 is automatic.
    """
    picture = clip.picture
    arguments = ["-threads", str(decoders)]
    if plan.encoding:
        arguments += decoder_options(clip)
    arguments += [
        *plan.timing.input_options,
        *guarded(clip.path, clip.demuxer),
        "-map",
        f"0:{picture.stream.index}",
    ]
    if plan.encoding is None:
        arguments += ["-c:v:0", "copy", *tag_options(plan, picture.stream.codec)]
        if clip.timecode and picture.rate and plan.container.name in ("mp4", "mov"):
            arguments += ["-r:v:0", str(picture.rate)]  # the frame rate of a timecode
    else:
        arguments += filter_options(plan, clip, threads)
        arguments += encode_options(plan, clip, threads)
    return [*arguments, *stream_options(plan, 0), *output_options(plan, output)]


def filter_options(plan: ClipPlan, clip: Clip, threads: int) -> list[str]:
    """Filters between decoder and encoder."""
    filters = ",".join(filter(None, (*clip.before, plan.cut, plan.filters)))
    if not filters:
        return []
    # Decoder and encoder have threads of their own; a filter is faster on one than in slices.
    return ["-filter:v:0", filters, "-filter_threads", str(max(1, threads // 2))]


def decoder_options(clip: Clip) -> list[str]:
    """Choose a decoder: ffmpeg's default one ignores the alpha of these."""
    picture = clip.picture
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(picture.stream.codec) if picture.alpha else None
    if name:
        return [f"-c:{picture.stream.index}", name]
    return ["-hwaccel", clip.hardware] if clip.hardware else []


def encode_options(plan: ClipPlan, clip: Clip, threads: int) -> list[str]:
    """Encoder options; each frame keeps its timestamp."""
    encoding = plan.encoding
    assert encoding is not None
    arguments = ["-c:v:0", encoding.encoder, *encoding.options, "-pix_fmt:v:0", encoding.pixel_format]
    arguments += thread_options(plan, clip, threads)
    if encoding.encoder == "libx265":
        arguments[arguments.index("-x265-params") + 1] += f":pools={threads}"
    if not plan.container.variable:
        arguments += ["-bf:v:0", "0"]  # a container without timestamps cannot reorder frames
        arguments += ["-r:v:0", str(plan.timing.fps)] if plan.timing.fps else []
    else:
        arguments += ["-fps_mode:v:0", "passthrough"]
        arguments += ["-enc_time_base:v:0", "filter" if plan.timing.fps and plan.filters else "demux"]
        if clip.lingers:
            # Encoders drop frame durations, and nothing else stores that of the last frame. Players cut the
            # end off where the last frame is not the last packet, so frames must not be reordered.
            last = len(clip.times) - 1
            expression = f"if(eq(N\\,{last})\\,{clip.last:.9f}/TB\\,DURATION)"
            arguments += ["-bf:v:0", "0", "-bsf:v:0", f"setts=duration={expression}"]
        elif not clip.path and (rate := clip.picture.rate or 0) > FASTEST_KNOWN:
            arguments += ["-bsf:v:0", f"setts=duration={1 / rate}/TB"]
    return arguments + tag_options(plan, "hevc" if encoding.encoder == "libx265" else "")


def thread_options(plan: ClipPlan, clip: Clip, threads: int) -> list[str]:
    """Threads of the encoder of a plan; `threads` where they do not change the output."""
    assert plan.encoding is not None
    width, height = output_size(plan, clip)
    if not height:  # a function of the user decides it
        width, height = clip.picture.upright
    return [
        "-threads:v:0",
        str(encoder_threads(plan.encoding.encoder, width, height, len(clip.times), threads)),
    ]


def encoder_threads(encoder: str, width: int, height: int, frames: int, threads: int) -> int:
    """Number of threads of an encoder. Where it changes the output, it depends on the output only: on its
    size, and on the number of frames; 0 if that is unknown.

    >>> [encoder_threads("libx264", 1280, 720, frames, 2) for frames in (1, 30, 250, 0)]
    [1, 2, 6, 6]
    >>> encoder_threads("libx264", 1280, 720, 250, 16), encoder_threads("libsvtav1", 1280, 720, 250, 16)
    (6, 16)
    """
    if encoder in _THREAD_DEPENDENT:
        threads = min(8, max(1, height // LINES_A_THREAD))
        return min(threads, 1 + width * height * frames // PIXELS_A_THREAD) if frames else threads
    # a single thread of VP9 produces different output
    return max(2, threads) if encoder == "libvpx-vp9" else threads


def tag_options(plan: ClipPlan, codec: str) -> list[str]:
    """Apple players need this tag for HEVC."""
    return ["-tag:v:0", "hvc1"] if codec == "hevc" and plan.container.name in ("mp4", "mov") else []


def stream_options(plan: ClipPlan, source: int) -> list[str]:
    """All other streams, from the input with this number."""
    options = []
    for option in plan.streams.options:
        head, mark, rest = option.partition("{source}")
        options.append(f"{source}{rest}" if mark and not head else option)
    return options


def output_options(plan: ClipPlan, output: str) -> list[str]:
    """Muxer and output file."""
    return [
        *plan.timing.output_options,
        "-max_muxing_queue_size",
        "4096",
        "-f",
        plan.container.muxer,
        f"file:{output}",
    ]


def check_exit(code: int, lines: Iterable[str]) -> None:
    """Raise an error for an ffmpeg that failed, with its last log lines.

    Args:
        code: exit code.
        lines: log lines.

    Raises:
        DiskFullError: there is no space for the output.
        LimitError: it needed more memory than a worker may use.
        DamagedError: it could not read the input.
        CommitError: the output exceeds the file size limit.
        HelperKilledError: it was killed from outside.
        EncodeError: anything else.
    """
    if code == 0:
        return
    lines = list(lines)
    log = last_words(lines)
    for theirs, reason in _NO_ROOM.items():
        if theirs in log.lower():
            raise DiskFullError(
                f"{reason} where the clip is written.",
                fix="Free some space and run again; finished outputs are kept.",
            )
    if any(words in line for line in lines for words in _NO_MEMORY):
        raise OutOfMemoryError(
            "ffmpeg needed more memory than a worker may use.",
            fix=f"Allow more with {setting('worker_memory', '16G')}, or scale it with {setting('resize')}.",
        )
    if "Invalid data found when processing input" in log:
        raise DamagedError(f"This clip is truncated or corrupt: {log}", fix=ACCEPT)
    if code == _TOO_LARGE or "File too large" in log:
        raise CommitError("The clip became larger than a file may be.", fix="Raise the limit (ulimit -f).")
    if code == -9:
        raise HelperKilledError("ffmpeg was killed from outside, perhaps because memory was short.")
    how = f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"
    raise EncodeError(f"ffmpeg {how}: {log or 'no reason given'}")


def last_words(lines: Iterable[str]) -> str:
    """The last log lines of ffmpeg, joined."""
    return " | ".join(list(lines)[-3:])
