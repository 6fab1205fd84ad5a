"""What imagecodecs does not tell of a JPEG XL, told by ffmpeg where its build has libjxl: the colour profile,
which is compressed in the codestream, and how long each frame of an animation is shown.

ffmpeg gets the bare codestream: its reader of containers never ends on some of them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from imgpar.core.tempfiles import temporary

_SECONDS = 60
_NEW_GROUP_NO_WINDOW = 0x0800_0200
_BASE = b"#tb 0: "


def ffmpeg_profile(codestream: bytes, *, animated: bool) -> bytes:
    """The ICC profile that the pixels are in; empty where ffmpeg cannot tell."""
    # A PNG of one pixel carries it.
    png = _told(
        codestream, ("-frames:v", "1", "-vf", "crop=1:1:0:0", "-c:v", "png", "-f", "image2pipe"), animated
    )
    try:
        with Image.open(BytesIO(png), formats=("PNG",)) as image:
            return bytes(image.info.get("icc_profile", b""))
    except OSError:
        return b""


def durations(codestream: bytes, most: int) -> tuple[int, ...]:
    """Milliseconds of each frame, of at most `most` frames; empty where ffmpeg cannot tell."""
    table = ("-frames:v", str(most), "-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framecrc")
    lines = _told(codestream, table, animated=True).splitlines()
    base = next(
        (Fraction(line[len(_BASE) :].decode()) for line in lines if line.startswith(_BASE)), Fraction(0)
    )
    ticks = [int(line.split(b",")[3]) for line in lines if line[:1].isdigit()]
    return tuple(round(count * base * 1000) for count in ticks)


def _told(codestream: bytes, wanted: Sequence[str], animated: bool) -> bytes:
    """What ffmpeg writes to its standard output; it needs a file, in which it can go back."""
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
                **_apart(),
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


def _apart() -> dict[str, Any]:
    """Ctrl-C on the terminal is the parent's business; no window opens for it."""
    return {"creationflags": _NEW_GROUP_NO_WINDOW} if os.name == "nt" else {"process_group": 0}
