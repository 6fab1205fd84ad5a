"""HDR side data of clips: read from the first frame, passed to the encoder."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from imgpar.video.clip import Picture
from imgpar.video.encoders import Encoding
from imgpar.video.side_data import side_data

MASTERING, LIGHT = "mastering display", "MaxCLL and MaxFALL"
DYNAMIC = {"DYNAMIC_HDR_PLUS": "HDR10+", "DYNAMIC_HDR_VIVID": "HDR Vivid", "DOVI_METADATA": "Dolby Vision",
           "AMBIENT_VIEWING_ENVIRONMENT": "ambient viewing environment"}  # fmt: skip
_CHROMA, _LUMA = 50_000, 10_000
"""Units of chromaticities and luminance in HEVC (ITU-T H.265, D.3.28)."""


def hdr_of(frame: Any) -> dict[str, str]:
    """HDR side data of a frame, by names for reports: mastering display and light levels in HEVC units.

    The mastering display is "G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)", the light levels "MaxCLL,MaxFALL".
    """
    data = side_data(frame, "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL", *DYNAMIC)
    found = {}
    if written := _mastering(data.get("MASTERING_DISPLAY_METADATA", b"")):
        found[MASTERING] = written
    if len(light := data.get("CONTENT_LIGHT_LEVEL", b"")) >= 8:
        found[LIGHT] = "{},{}".format(*struct.unpack_from("=II", light))
    return found | {words: "there" for kind, words in DYNAMIC.items() if kind in data}


def _mastering(data: bytes) -> str:
    """Decode libavutil's AVMasteringDisplayMetadata: ten fractions (red, green, blue, white, min and max
    luminance), flags."""
    if len(data) < 88:
        return ""
    numbers = struct.unpack_from("=22i", data)
    if not (numbers[20] and numbers[21]):
        return ""
    ratios = [
        Fraction(top, bottom or 1) for top, bottom in zip(numbers[0:20:2], numbers[1:20:2], strict=True)
    ]
    red, green, blue, white = ([round(part * _CHROMA) for part in ratios[at : at + 2]] for at in (0, 2, 4, 6))
    least, most = (round(part * _LUMA) for part in ratios[8:])
    return "G({},{})B({},{})R({},{})WP({},{})L({},{})".format(*green, *blue, *red, *white, most, least)


def with_hdr(encoding: Encoding, picture: Picture) -> Encoding:
    """The encoder with the HDR side data of the picture, where it has options for them."""
    known = {LIGHT: "cll", MASTERING: "mastering-display"}
    if encoding.encoder == "libx265":
        known = {LIGHT: "max-cll", MASTERING: "master-display"}
    if encoding.encoder == "libsvtav1":
        known[LIGHT] = "content-light"
    options = {"libx264": "-x264-params", "libx265": "-x265-params", "libsvtav1": "-svtav1-params"}
    named = [(name, word) for name, word in known.items() if name in picture.hdr]
    parameters = [f"{word}={_value(name, picture.hdr, encoding.encoder)}" for name, word in named]
    if not parameters or encoding.encoder not in options:
        return encoding
    flag, encoder_options = options[encoding.encoder], list(encoding.options)
    if flag in encoder_options:
        encoder_options[encoder_options.index(flag) + 1] += ":" + ":".join(parameters)
    else:
        encoder_options += [flag, ":".join(parameters)]
    return replace(encoding, options=tuple(encoder_options))


def _value(name: str, hdr: Mapping[str, str], encoder: str) -> str:
    """The value in the syntax of the encoder: SVT-AV1 takes fractions, the others HEVC units."""
    if name == LIGHT or encoder != "libsvtav1":
        return hdr[name]
    parts = hdr[name].replace("(", " ").replace(")", " ").replace(",", " ").split()
    found = []
    for at in range(0, len(parts), 3):
        unit = _LUMA if parts[at] == "L" else _CHROMA
        one, other = (int(part) / unit for part in parts[at + 1 : at + 3])
        found.append(f"{parts[at]}({one:.6g},{other:.6g})")
    return "".join(found)


def lost_of(before: Picture, after: Picture) -> list[str]:
    """Side data that is missing or different in the new picture."""
    return [name for name, value in before.hdr.items() if after.hdr.get(name) != value]
