"""Optional steps before everything else: deinterlacing, tone mapping, loudness measurement.

ffmpeg filters do them on both paths: on the native path they precede its filters, the frame path decodes
through an ffmpeg with them.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from functools import cache

from imgpar.core.error_messages import setting
from imgpar.core.errors import EncodeError, HelperKilledError
from imgpar.formats.options import EncodeOptions
from imgpar.video.binary import ffmpeg
from imgpar.video.clip import SDR, Clip, ClipColour
from imgpar.video.ffmpeg import Ffmpeg, guarded
from imgpar.video.timing import Timing

HDR = ("smpte2084", "arib-std-b67")
"""Transfer characteristics of HDR: PQ and HLG."""
LOUDNESS = "I=-23:TP=-1:LRA=50"
"""EBU R128: −23 LUFS. The loudness range is kept: gain is constant."""
_NOMINAL = 203
"""Luminance of SDR white in HDR, in candelas per square metre (ITU-R BT.2408)."""


@cache
def has_filter(name: str) -> bool:
    """Whether this ffmpeg has a filter. Raises HelperKilledError."""
    command = [ffmpeg(), "-nostdin", "-hide_banner", "-filters"]
    listed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if listed.returncode < 0:  # its list may be cut off
        raise HelperKilledError("ffmpeg was killed from outside, perhaps because memory was short.")
    return any(line.split()[1:2] == [name] for line in listed.stdout.decode("utf-8", "replace").splitlines())


def prepared_for_pictures(clip: Clip, options: EncodeOptions) -> Clip:
    """The clip prepared for 8-bit pictures: HDR is tone mapped to SDR where this ffmpeg can, fields are
    deinterlaced if requested.

    Raises:
        EncodeError: this ffmpeg lacks a required filter.
    """
    usual = "hable" if has_filter("zscale") and has_filter("tonemap") else ""
    return prepared(clip, replace(options, tonemap=options.tonemap or usual))


def prepared(clip: Clip, options: EncodeOptions) -> Clip:
    """The clip after its `before` filters; the same clip where none is needed.

    Raises:
        EncodeError: this ffmpeg lacks a required filter.
    """
    picture, found = clip.picture, list[str]()
    if options.deinterlace and picture.interlaced:
        found.append("bwdif=mode=send_frame:deint=interlaced")
        picture = replace(picture, interlaced=False)
    if options.tonemap and picture.colour.transfer in HDR:
        for name in ("zscale", "tonemap"):
            if not has_filter(name):
                raise EncodeError(
                    f"This ffmpeg has no {name} filter, so HDR cannot become SDR.",
                    fix=f"Leave {setting('tonemap')} out, or set IMAGEIO_FFMPEG_EXE to a full build.",
                )
        found.append(_tonemap_filters(options.tonemap, picture.colour))
        picture = replace(picture, colour=SDR, depth=8, pixel_format="yuv420p", subsampling="420", hdr={})
    if options.hardware:
        from imgpar.video.hardware import hardware_decoder

        clip = replace(clip, hardware=hardware_decoder(clip.path, picture.stream.index))
    return replace(clip, picture=picture, before=tuple(found)) if found else clip


def _tonemap_filters(operator: str, colour: ClipColour) -> str:
    """Filters: linear light, BT.709 primaries, tone mapping to SDR range."""
    read = f"tin={colour.transfer}:pin={(colour.primaries or 'bt2020')[:6]}"
    read = read.replace("pin=bt2020", "pin=2020").replace("pin=smpte1", "pin=smpte432")
    matrix = "min=2020_ncl" if "2020" in (colour.matrix or "bt2020nc") else "min=709"
    return (
        f"zscale={read}:{matrix}:t=linear:npl={_NOMINAL},format=gbrpf32le,zscale=p=709,"
        f"tonemap={operator}:desat=0,zscale=t=709:m=709:r=tv,format=yuv420p"
    )


def measured(clip: Clip, options: EncodeOptions) -> Clip:
    """The clip with the measured loudness of each audio stream, if it is to be normalised: the first of two
    passes.

    Raises:
        EncodeError, DamagedError: the audio cannot be measured.
    """
    if not options.loudnorm or options.audio == "none" or clip.loudness:
        return clip
    timing, found = Timing.of(options), {}
    for stream in clip.of_kind("audio"):
        filters = ",".join(replace(timing, speed=1.0).sound_filters(f"loudnorm={LOUDNESS}:print_format=json"))
        source = [*timing.input_options, *guarded(clip.path), "-map", f"0:{stream.index}"]
        child = Ffmpeg(
            [*source, "-filter:a:0", filters, *timing.output_options, "-f", "null", "-"], level="info"
        )
        code = child.wait()
        text = "\n".join(child.lines)
        said = text[text.rfind("{") : text.rfind("}") + 1]
        if code or not said:
            raise EncodeError(f"The loudness of {stream.words} could not be measured.")
        found[stream.index] = _second_pass(json.loads(said))
    return replace(clip, loudness=found)


def _second_pass(numbers: dict[str, str]) -> str:
    """The filter with the measurements of the first pass; silence is not changed."""
    if "inf" in numbers["input_i"]:
        return "anull"
    keys = {"measured_I": "input_i", "measured_TP": "input_tp", "measured_LRA": "input_lra",
            "measured_thresh": "input_thresh", "offset": "target_offset"}  # fmt: skip
    known = ":".join(f"{key}={numbers[name]}" for key, name in keys.items())
    return f"loudnorm={LOUDNESS}:{known}:linear=true"
