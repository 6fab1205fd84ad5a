"""The ffmpeg binary: where it is, and which encoders it has."""

from __future__ import annotations

import subprocess
from functools import cache

from imgpar.core.errors import MissingExtraError
from imgpar.core.install_hint import pip


@cache
def ffmpeg() -> str:
    """Path of the ffmpeg binary.

    Raises:
        MissingExtraError: there is none.
    """
    try:
        from imageio_ffmpeg import _utils, get_ffmpeg_exe

        try:
            found: str = get_ffmpeg_exe()
        except RuntimeError:
            # imageio-ffmpeg tests the binary and caches a failure, which may be due to a killed process.
            _utils._get_ffmpeg_exe.cache_clear()
            found = get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        raise MissingExtraError("There is no ffmpeg.", fix=f"Run: {pip('imageio-ffmpeg')}") from None
    return found


@cache
def available_encoders() -> frozenset[str]:
    """Names of the encoders in the binary, which differ between systems."""
    command = [ffmpeg(), "-nostdin", "-hide_banner", "-encoders"]
    for _ in range(3):  # it may be killed like any process
        listed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if listed.returncode == 0:
            break
    lines = listed.stdout.decode("utf-8", "replace").partition("------")[2].splitlines()
    return frozenset(line.split()[1] for line in lines if len(line.split()) > 1)
