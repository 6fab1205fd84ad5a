"""Hardware encoders and decoders: asked of the binary, then tried on a few frames; never assumed."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

from imgpar.video.encoders import available_encoders, ffmpeg

MAKERS: dict[str, tuple[str, ...]] = {
    "linux": ("nvenc", "qsv", "vaapi"),
    "win32": ("nvenc", "qsv", "amf", "mf"),
    "darwin": ("videotoolbox",),
}
"""Families of encoders by system, the first that works is taken."""
DECODERS: dict[str, tuple[str, ...]] = {
    "linux": ("cuda", "qsv", "vaapi"),
    "win32": ("cuda", "d3d11va", "dxva2"),
    "darwin": ("videotoolbox",),
}
"""Ways to decode by system. ffmpeg's own choice (`-hwaccel auto`) ends where the driver of one is missing."""
PATIENCE = 15.0


@cache
def hardware_encoder(codec: str) -> str:
    """The encoder of this machine's hardware for a codec, or an empty text where none works."""
    for maker in MAKERS.get(sys.platform, ()):
        name = f"{codec}_{maker}"
        if name in available_encoders() and _works(name):
            return name
    return ""


def _works(encoder: str) -> bool:
    """Whether it writes a few frames; drivers may be missing, cards too old, sessions used up."""
    command = [ffmpeg(), "-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=black:s=256x256:r=25"]
    command += ["-frames:v", "3", *_upload(encoder), "-c:v", encoder, "-f", "null", "-"]
    return _ran(command)


def _ran(command: list[str]) -> bool:
    """Whether it went well and had nothing to complain of."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE
        )
    except (subprocess.TimeoutExpired, OSError):
        return False
    return done.returncode == 0 and not done.stderr


@cache
def hardware_decoder(path: str, stream: int) -> str:
    """The way in which this machine's hardware decodes a stream of a clip, or an empty text."""
    from imgpar.video.ffmpeg import guarded

    asked = subprocess.run(
        [ffmpeg(), "-nostdin", "-v", "error", "-hwaccels"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    known = asked.stdout.decode("utf-8", "replace").split()
    for name in DECODERS.get(sys.platform, ()):
        command = [ffmpeg(), "-nostdin", "-v", "error", "-hwaccel", name, *guarded(path)]
        command += ["-map", f"0:{stream}", "-frames:v", "3", "-f", "null", "-"]
        if name in known and _ran(command):
            return name
    return ""


def _upload(encoder: str) -> list[str]:
    return ["-init_hw_device", "vaapi", "-vf", "format=nv12,hwupload"] if encoder.endswith("vaapi") else []


def hardware_options(encoder: str, quality: int) -> tuple[str, ...]:
    """How an encoder is told a quality: x264's CRF is their nearest number."""
    number = str(round(50 - 0.375 * quality))
    if encoder.endswith("nvenc"):
        return ("-rc", "vbr", "-cq", number, "-b:v", "0")
    if encoder.endswith("qsv"):
        return ("-global_quality", number)
    if encoder.endswith("videotoolbox"):
        return ("-q:v", str(quality))
    if encoder.endswith("amf"):
        return ("-rc", "cqp", "-qp_i", number, "-qp_p", number)
    return ("-qp", number)
