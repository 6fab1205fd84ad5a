"""Hardware encoders and decoders: listed by the binary, then tested on a few frames, never assumed."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

from imgpar.video.binary import available_encoders, ffmpeg

MAKERS: dict[str, tuple[str, ...]] = {
    "linux": ("nvenc", "qsv", "vaapi"),
    "win32": ("nvenc", "qsv", "amf", "mf"),
    "darwin": ("videotoolbox",),
}
"""Encoder families by system; the first working one is used."""
DECODERS: dict[str, tuple[str, ...]] = {
    "linux": ("cuda", "qsv", "vaapi"),
    "win32": ("cuda", "d3d11va", "dxva2"),
    "darwin": ("videotoolbox",),
}
"""Hardware decoding methods by system. `-hwaccel auto` fails where the driver of one is missing."""
PATIENCE = 15.0


@cache
def hardware_encoder(codec: str) -> str:
    """The working hardware encoder for a codec, or an empty string."""
    for maker in MAKERS.get(sys.platform, ()):
        name = f"{codec}_{maker}"
        if name in available_encoders() and _works(name):
            return name
    return ""


def _works(encoder: str) -> bool:
    """Whether it encodes a few frames; drivers may be missing, GPUs too old, sessions exhausted."""
    command = [ffmpeg(), "-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=black:s=256x256:r=25"]
    if encoder.endswith("vaapi"):
        command += ["-init_hw_device", "vaapi", "-vf", "format=nv12,hwupload"]
    return _ran([*command, "-frames:v", "3", "-c:v", encoder, "-f", "null", "-"])


def _ran(command: list[str]) -> bool:
    """Whether the command succeeded without messages."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE
        )
    except (subprocess.TimeoutExpired, OSError):
        return False
    return done.returncode == 0 and not done.stderr


@cache
def hardware_decoder(path: str, stream: int) -> str:
    """The working hardware decoding method for a stream of a clip, or an empty string."""
    from imgpar.video.ffmpeg import guarded

    listed = subprocess.run(
        [ffmpeg(), "-nostdin", "-v", "error", "-hwaccels"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    known = listed.stdout.decode("utf-8", "replace").split()
    for name in DECODERS.get(sys.platform, ()):
        command = [ffmpeg(), "-nostdin", "-v", "error", "-hwaccel", name, *guarded(path)]
        command += ["-map", f"0:{stream}", "-frames:v", "3", "-f", "null", "-"]
        if name in known and _ran(command):
            return name
    return ""


def hardware_options(encoder: str, quality: int) -> tuple[str, ...]:
    """Quality options of an encoder: the closest equivalent of x264's CRF."""
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
