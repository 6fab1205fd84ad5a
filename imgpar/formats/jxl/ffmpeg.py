"""Properties of a JPEG XL that imagecodecs does not expose, from an ffmpeg with libjxl: the colour profile,
which is compressed in the codestream, and the durations of frames.

ffmpeg gets the bare codestream: its container parser does not terminate on some files.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path

from PIL import Image

from imgpar.core.children import program_options
from imgpar.core.tempfiles import temporary

_SECONDS = 60
_BASE = b"#tb 0: "


def ffmpeg_profile(codestream: bytes, *, animated: bool) -> bytes:
    """The ICC profile of the pixels; empty where ffmpeg cannot read it."""
    # Transferred in a PNG of one pixel.
    png = _run(
        codestream, ("-frames:v", "1", "-vf", "crop=1:1:0:0", "-c:v", "png", "-f", "image2pipe"), animated
    )
    try:
        with Image.open(BytesIO(png), formats=("PNG",)) as image:
            return bytes(image.info.get("icc_profile", b""))
    except OSError:
        return b""


def durations(codestream: bytes, most: int) -> tuple[int, ...]:
    """Milliseconds of each of at most `most` frames; empty where ffmpeg cannot read them."""
    table = ("-frames:v", str(most), "-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framecrc")
    lines = _run(codestream, table, animated=True).splitlines()
    base = next(
        (Fraction(line[len(_BASE) :].decode()) for line in lines if line.startswith(_BASE)), Fraction(0)
    )
    ticks = [int(line.split(b",")[3]) for line in lines if line[:1].isdigit()]
    return tuple(round(count * base * 1000) for count in ticks)


def _run(codestream: bytes, wanted: Sequence[str], animated: bool) -> bytes:
    """Standard output of ffmpeg; its input is a file, in which it can seek."""
    with temporary() as folder:
        path = Path(folder, "a.jxl")
        path.write_bytes(codestream)
        command = [
            _ffmpeg(), "-nostdin", "-v", "error", "-xerror", "-threads", "1", "-timelimit", str(_SECONDS),
            "-protocol_whitelist", "file,pipe", "-f", "jpegxl_anim" if animated else "jpegxl_pipe",
            "-i", f"file:{path}", "-map", "0:v:0", *wanted, "pipe:1",
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
                **program_options(),
            )
        except (OSError, subprocess.TimeoutExpired):
            return b""
    return done.stdout if done.returncode == 0 else b""


def _ffmpeg() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    try:
        return str(get_ffmpeg_exe())
    except RuntimeError:
        return ""
