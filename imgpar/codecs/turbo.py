"""libturbojpeg by its C interface, where the system has it: it turns JPEGs without decoding their pixels.

No package for Python brings that along, so the library is looked for when it is first needed: libturbojpeg0
in Debian, jpeg-turbo in Homebrew, the installer of libjpeg-turbo on Windows. Functions and constants are
those of TurboJPEG 2, which version 3 keeps.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from ctypes.util import find_library
from functools import cache

from imgpar.errors import EncodeError

OPERATIONS = {2: 1, 3: 6, 4: 2, 5: 3, 6: 5, 7: 4, 8: 7}
"""The transform (TJXOP) that makes a picture of this EXIF orientation upright."""
_PERFECT, _PROGRESSIVE, _NO_MARKERS, _OPTIMISE = 1, 32, 64, 256
_STOP_ON_WARNING = 8192
_PLACES = {
    "linux": ("libturbojpeg.so.0",),
    "darwin": (
        "libturbojpeg.dylib",
        "/opt/homebrew/lib/libturbojpeg.dylib",
        "/usr/local/lib/libturbojpeg.dylib",
        "/opt/libjpeg-turbo/lib64/libturbojpeg.dylib",
    ),
    "win32": ("turbojpeg.dll", r"C:\libjpeg-turbo64\bin\turbojpeg.dll"),
}


class _Transform(ctypes.Structure):
    """tjtransform: the region that is kept (all of it), what to do, and two pointers that stay empty."""

    _fields_ = (
        ("x", ctypes.c_int),
        ("y", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("operation", ctypes.c_int),
        ("options", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("filter", ctypes.c_void_p),
    )


@cache
def library() -> ctypes.CDLL | None:
    """The library, or None where the system has none."""
    for place in _candidates():
        try:
            found = ctypes.CDLL(place)
            _declare(found)
        except (OSError, AttributeError):
            continue
        return found
    return None


def transform(data: bytes, orientation: int, *, progressive: bool) -> bytes:
    """A JPEG of this EXIF orientation (2 to 8) turned upright, coefficient by coefficient, without markers.

    Raises EncodeError where that is not exact (blocks at an edge are not whole), or where the library cannot
    read the file. `library()` must have found one.
    """
    tj = library()
    assert tj is not None
    options = _PERFECT | _NO_MARKERS | _OPTIMISE | (_PROGRESSIVE if progressive else 0)
    wanted = _Transform(operation=OPERATIONS[orientation], options=options)
    handle = tj.tjInitTransform()
    result, size = ctypes.c_void_p(), ctypes.c_ulong()
    try:
        failed = tj.tjTransform(
            handle, data, len(data), 1, ctypes.byref(result), ctypes.byref(size), ctypes.byref(wanted),
            _STOP_ON_WARNING,
        )  # fmt: skip
        if failed or not result.value:
            words = tj.tjGetErrorStr2(handle).decode("ascii", "replace")
            raise EncodeError(f"libturbojpeg cannot turn it: {words}.")
        return ctypes.string_at(result.value, size.value)
    finally:
        tj.tjFree(result)
        tj.tjDestroy(handle)


def _candidates() -> Iterator[str]:
    yield from _PLACES.get(sys.platform, ())
    found = find_library("turbojpeg")
    if found:
        yield found


def _declare(tj: ctypes.CDLL) -> None:
    """Types of the functions; raises AttributeError where one is missing."""
    tj.tjInitTransform.restype = ctypes.c_void_p
    tj.tjInitTransform.argtypes = []
    tj.tjTransform.restype = ctypes.c_int
    tj.tjTransform.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
        ctypes.c_void_p, ctypes.c_int,
    ]  # fmt: skip
    tj.tjGetErrorStr2.restype = ctypes.c_char_p
    tj.tjGetErrorStr2.argtypes = [ctypes.c_void_p]
    tj.tjFree.restype = None
    tj.tjFree.argtypes = [ctypes.c_void_p]
    tj.tjDestroy.restype = ctypes.c_int
    tj.tjDestroy.argtypes = [ctypes.c_void_p]
