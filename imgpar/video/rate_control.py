"""Target size and target quality of a clip.

size       bit rate of the picture = (bytes − audio) · 8 / seconds, in two passes on the native path, in one
on the frame path; a result that is too large is encoded again with a lower bit rate
quality    parts of the clip are encoded with a few qualities and measured with libvmaf or ssim of ffmpeg
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from imgpar.core.error_messages import setting
from imgpar.core.errors import EncodeError
from imgpar.core.tempfiles import remove_folder, temporary, temporary_folder
from imgpar.formats.option_values import QualityTarget
from imgpar.formats.options import EncodeOptions
from imgpar.video.clip import Clip, Stream
from imgpar.video.demux import open_clip
from imgpar.video.encoders import first_available
from imgpar.video.ffmpeg import Ffmpeg, guarded
from imgpar.video.native import (
    check_exit,
    decoder_options,
    encode_options,
    last_words,
    thread_options,
)
from imgpar.video.plan import ClipPlan
from imgpar.video.prepare import has_filter

TRIES = 4
SPARE = 0.97
"""Part of the bytes for the streams; the rest is container overhead."""
SMALL_SOUND = (64, 32, 16)
"""Bit rates per audio channel in kb/s that are tried where the audio leaves no space for the picture."""
MIN_BIT_RATE = 10_000
"""Minimum bit rate of the picture, in bits per second."""
SAMPLES, SAMPLE_SECONDS = 3, 2.0
_CRF = re.compile(r"-crf|-qp|-q:v")
_MEASURED = re.compile(r"VMAF score: ([\d.]+)|SSIM.*All:([\d.]+)")


def bitrate(clip: Clip, most: int, sound: int) -> int:
    """Bit rate for the picture beside `sound` bytes of audio; zero or less where no space is left.

    Args:
        clip: the source.
        most: maximum bytes of the file.
        sound: bytes of the audio.
    """
    seconds = _seconds(clip)
    return int(most * 8 * SPARE / seconds - sound * 8 / seconds - len(clip.times) * 8 * 12 / seconds)


def _seconds(clip: Clip) -> float:
    return max(clip.duration, (clip.times[-1] - clip.times[0] + clip.last) if clip.times else 0.0, 0.04)


def sound_bytes(clip: Clip, plan: ClipPlan) -> int:
    """Bytes of the audio: measured where it is copied, from its bit rate where it is encoded."""
    given = dict(pairwise(plan.streams.options))
    streams = [stream for stream in plan.streams.kept if stream.kind == "audio"]
    copied = {stream.index for number, stream in enumerate(streams) if given.get(f"-c:a:{number}") == "copy"}
    total = sum(_rate(given.get(f"-b:a:{number}", ""), stream) for number, stream in enumerate(streams)
                if stream.index not in copied) * _seconds(clip) / 8  # fmt: skip
    if not copied:
        return int(total)
    begin, end = plan.timing.start, plan.timing.stop
    with open_clip(clip.path) as container:
        first = (container.start_time or 0) / 1_000_000
        for packet in container.demux([container.streams[index] for index in sorted(copied)]):
            at = float(packet.pts * packet.time_base) - first if packet.pts is not None else begin
            total += packet.size if begin <= at < end else 0
    return int(total)


def _rate(written: str, stream: Stream) -> int:
    return int(written[:-1]) * 1000 if written else 96_000 * max(1, stream.channels)


def fitting(clip: Clip, plan: ClipPlan, most: int) -> tuple[ClipPlan, int, str]:
    """The plan with audio that leaves space for the picture, the bit rate of the picture, and a note.

    Raises:
        EncodeError: even audio of a low bit rate leaves none.
    """
    sound = sound_bytes(clip, plan)
    if (bits := bitrate(clip, most, sound)) >= MIN_BIT_RATE:
        return plan, bits, ""
    for rate in SMALL_SOUND if sound else ():
        small = with_small_sound(plan, rate)
        if (bits := bitrate(clip, most, sound_bytes(clip, small))) >= MIN_BIT_RATE:
            return (
                small,
                bits,
                f"audio encoded with {rate} kb/s per channel: unchanged it has {sound:,} bytes",
            )
    least = sound_bytes(clip, with_small_sound(plan, SMALL_SOUND[-1])) if sound else 0
    words = f", and the audio alone takes at least {least:,}" if sound else ""
    raise EncodeError(
        f"{most:,} bytes are too few for {_seconds(clip):.0f} seconds{words}.",
        fix=f"Allow more with {setting('max_bytes')}"
        + (f", or remove the audio with {setting('audio', 'none')}." if sound else "."),
    )


def with_small_sound(plan: ClipPlan, rate: int) -> ClipPlan:
    """The plan with all audio encoded with `rate` kb/s per channel."""
    options, streams = list(plan.streams.options), plan.streams
    sounds = [stream for stream in streams.kept if stream.kind == "audio"]
    for number, stream in enumerate(sounds):
        place = options.index(f"-c:a:{number}") + 1
        if options[place] == "copy":
            options[place] = first_available(plan.container.audio_encoders)
        given = f"{rate * max(1, stream.channels)}k"
        if f"-b:a:{number}" in options:
            options[options.index(f"-b:a:{number}") + 1] = given
        else:
            options[place + 1 : place + 1] = [f"-b:a:{number}", given]
    return replace(plan, streams=replace(streams, options=tuple(options)))


def with_rate(plan: ClipPlan, bits: int) -> ClipPlan:
    """The plan with a bit rate instead of a quality.

    Raises:
        EncodeError: the encoder has no bit rate control.
    """
    assert plan.encoding is not None
    options, skip = list[str](), False
    for option in plan.encoding.options:
        if skip:
            skip = False
        elif _CRF.fullmatch(option):
            skip = True
        elif option != "-b:v":
            options.append(option)
        else:
            skip = True
    if plan.encoding.encoder in ("prores_ks", "ffv1"):
        raise EncodeError(
            f"{plan.encoding.encoder} has no bit rate control.",
            fix=f"Leave {setting('max_bytes')} out, or choose another {setting('codec')}.",
        )
    limits = ["-b:v", str(bits)]
    if plan.encoding.encoder != "libsvtav1":
        limits += ["-maxrate", str(bits * 2), "-bufsize", str(bits * 4)]
    return replace(plan, encoding=replace(plan.encoding, options=(*options, *limits)))


def first_pass(plan: ClipPlan, clip: Clip, threads: int, log: str) -> tuple[str, ...]:
    """Run the first pass over the whole clip.

    Args:
        plan: of the clip.
        clip: the source.
        threads: of the encoder.
        log: path of the pass log.

    Returns:
        The options of the second pass.
    """
    assert plan.encoding is not None
    if plan.encoding.encoder not in ("libx264", "libvpx-vp9", "libx265"):
        return ()
    arguments = ["-threads", str(threads + 1), *decoder_options(clip), *plan.timing.input_options]
    arguments += [*guarded(clip.path), "-map", f"0:{clip.picture.stream.index}"]
    filters = ",".join(filter(None, (*clip.before, plan.cut, plan.filters)))
    arguments += ["-filter:v:0", filters] if filters else []
    arguments += _passed(encode_options(plan, clip, threads), plan.encoding.encoder, 1, log)
    child = Ffmpeg([*arguments, "-an", *plan.timing.output_options, "-f", "null", "-"])
    check_exit(child.wait(), child.lines)
    return ("2", log)


def _passed(options: list[str], encoder: str, number: int, log: str) -> list[str]:
    if encoder == "libx265":
        place = options.index("-x265-params") + 1
        escaped = log.replace("\\", "/").replace(":", "\\:")
        return [*options[:place], f"{options[place]}:pass={number}:stats={escaped}", *options[place + 1 :]]
    return [*options, "-pass:v:0", str(number), "-passlogfile:v:0", log]


def second_pass(plan: ClipPlan, log: str) -> ClipPlan:
    """The plan of the second pass, which writes the output."""
    assert plan.encoding is not None
    options = _passed(list(plan.encoding.options), plan.encoding.encoder, 2, log)
    return replace(plan, encoding=replace(plan.encoding, options=tuple(options)))


def within(
    most: int,
    plan: ClipPlan,
    clip: Clip,
    output: str,
    threads: int,
    write: Callable[[ClipPlan], tuple[str, ...]],
) -> tuple[tuple[str, ...], str]:
    """Encode the clip with at most `most` bytes.

    Args:
        most: maximum bytes of the file.
        plan: of the clip.
        clip: the source.
        output: path of the new file.
        threads: of the encoder.
        write: encodes a plan and returns log lines.

    Returns:
        Log lines of ffmpeg, and a note on the audio.

    Raises:
        EncodeError: it does not fit.
    """
    plan, bits, note = fitting(clip, plan, most)
    with temporary() as folder:
        for number in range(TRIES):
            rated = with_rate(plan, bits)
            log = os.path.join(folder, f"pass{number}")
            if plan.way == "native" and first_pass(rated, clip, threads, log):
                rated = second_pass(rated, log)
            complaints = write(rated)
            size = os.path.getsize(output)
            if size <= most:
                return complaints, note
            bits = int(bits * min(0.95, 0.98 * most / size))
            if bits < MIN_BIT_RATE:
                break
    raise EncodeError(
        f"It does not fit into {most:,} bytes.", fix=f"Allow more with {setting('max_bytes')}, or resize it."
    )


def aimed(
    target: QualityTarget, options: EncodeOptions, measure: Callable[[int], float]
) -> tuple[int, float]:
    """The lowest quality that reaches a target, and its score; calls `measure` for few qualities."""
    low, high = 1, 100
    reached: dict[int, float] = {}
    guess = options.quality or 80
    while low < high:
        reached[guess] = measure(guess)
        if reached[guess] >= target.value:
            high = guess
        else:
            low = guess + 1
        guess = (low + high) // 2
        if high - low < 3:
            guess = high
            break
    reached.setdefault(guess, measure(guess))
    return guess, reached[guess]


class LosslessSamples:
    """Lossless samples of a clip as sent to the encoder, in a temporary folder.

    Args:
        clip, plan: the source, and the plan whose filters and pixel format are used.
        measure: "vmaf" or "ssim".
        threads: of the measurement; those of the encoder follow from the picture.

    Raises:
        EncodeError: this ffmpeg lacks the filter for the measurement.
    """

    def __init__(self, clip: Clip, plan: ClipPlan, measure: str, threads: int) -> None:
        if measure == "vmaf" and not has_filter("libvmaf"):
            raise EncodeError(
                "This ffmpeg cannot measure VMAF.", fix=f"Use {setting('target', 'ssim=0.98')}."
            )
        self._clip, self._threads = clip, threads
        self._graph = {"vmaf": f"libvmaf=n_threads={threads}", "ssim": "ssim"}[measure]
        self._folder = temporary_folder()
        try:
            self._wholes = [self._whole(plan, start) for start in _starts(clip)]
        except BaseException:
            remove_folder(self._folder)
            raise

    def __enter__(self) -> LosslessSamples:
        return self

    def __exit__(self, *_: object) -> None:
        remove_folder(self._folder)

    def measured(self, plan: ClipPlan) -> float:
        """Mean score of the plan's encoder and options over the samples."""
        return sum(self._compared(whole, plan) for whole in self._wholes) / len(self._wholes)

    def _whole(self, plan: ClipPlan, start: float) -> str:
        assert plan.encoding is not None
        clip, several = self._clip, len(_starts(self._clip)) > 1
        filters = ",".join(filter(None, (*clip.before, plan.filters))) or "null"
        length = SAMPLE_SECONDS if several else SAMPLES * SAMPLE_SECONDS
        path = os.path.join(self._folder, f"{start:.3f}.mkv")
        source = [*decoder_options(clip), "-ss", f"{start:.3f}", "-t", f"{length:.3f}", *guarded(clip.path)]
        source += ["-map", f"0:{clip.picture.stream.index}"]
        even = "crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0"
        _run([*source, "-vf", f"{filters},{even}", "-c:v", "ffv1", *_form(plan), path])
        return path

    def _compared(self, whole: str, plan: ClipPlan) -> float:
        assert plan.encoding is not None
        encoding, made = plan.encoding, os.path.join(self._folder, "made.mkv")
        encoder = ["-c:v", encoding.encoder, *encoding.options, *_form(plan)]
        _run(["-i", whole, *encoder, *thread_options(plan, self._clip, self._threads), made])
        graph = f"[0:v]setpts=PTS-STARTPTS[a];[1:v]setpts=PTS-STARTPTS[b];[a][b]{self._graph}"
        lines = _run(["-i", made, "-i", whole, "-lavfi", graph, "-f", "null", "-"], level="info")
        found = _MEASURED.search("\n".join(lines))
        if found is None:
            raise EncodeError(f"ffmpeg could not compare: {last_words(lines)}")
        return float(found[1] or found[2])


def _form(plan: ClipPlan) -> list[str]:
    assert plan.encoding is not None
    return ["-pix_fmt", plan.encoding.pixel_format, "-fps_mode", "passthrough"]


def _starts(clip: Clip) -> list[float]:
    first, last = clip.times[0] - clip.start, clip.times[-1] - clip.start
    if last - first <= SAMPLES * SAMPLE_SECONDS:
        return [first]
    return [first + (last - first - SAMPLE_SECONDS) * number / (SAMPLES - 1) for number in range(SAMPLES)]


def _run(arguments: list[str], level: str = "error") -> tuple[str, ...]:
    child = Ffmpeg(arguments, level=level)
    check_exit(child.wait(), child.lines)
    return tuple(child.lines)
