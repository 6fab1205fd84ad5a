"""libturbojpeg through its C interface: lossless rotation, and access to planes.

The library is searched for when first needed: on the system (libturbojpeg0 in Debian, jpeg-turbo in
Homebrew, the installer of libjpeg-turbo on Windows), then in the wheel of pylibjxl, which imgpar requires
where that wheel exports its functions. They are those of TurboJPEG 2, which version 3 keeps.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import threading
from collections.abc import Iterator
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from typing import Any

from imgpar.core.errors import EncodeError

OPERATIONS = {2: 1, 3: 6, 4: 2, 5: 3, 6: 5, 7: 4, 8: 7}
"""The transform (TJXOP) that makes a picture of this EXIF orientation upright."""
_PERFECT, _PROGRESSIVE, _NO_MARKERS, _OPTIMISE = 1, 32, 64, 256
_STOP_ON_WARNING, _ACCURATE, _NO_REALLOC = 8192, 4096, 1024
_SAMPLINGS = {"444": 0, "422": 1, "420": 2, "440": 4, "411": 5}
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


_YCC = 1
"""TJCS_YCbCr."""

Planes = tuple[tuple[int, int, int], tuple[int, int, int]]
"""Addresses and row strides of Y, Cb and Cr, in bytes."""
_per_thread = threading.local()
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
"""Memory that a forked child does not share with its parent."""


class _Transform(ctypes.Structure):
    """tjtransform: region (the whole picture), operation, and two null pointers."""

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
    """The library, or None where neither the system nor a wheel has one."""
    for place in _candidates():
        try:
            found = ctypes.CDLL(place)
            _declare(found)
        except (OSError, AttributeError):
            continue
        return found
    return None


def turn_coefficients(data: bytes, orientation: int, *, progressive: bool) -> bytes:
    """Rotate a JPEG of this EXIF orientation (2 to 8) to upright in the DCT domain, without markers.

    Raises:
        EncodeError: it is not exact (incomplete blocks at an edge), or the library cannot read the file.
            `library()` must not be None.
    """
    options = _PERFECT | _NO_MARKERS | _OPTIMISE | (_PROGRESSIVE if progressive else 0)
    return _transformed(data, _Transform(operation=OPERATIONS[orientation], options=options))


def recode_coefficients(data: bytes, *, progressive: bool) -> bytes:
    """Write the coefficients of a JPEG with optimised Huffman tables, without markers.

    Raises:
        EncodeError: the library cannot read the file. `library()` must not be None.
    """
    options = _NO_MARKERS | _OPTIMISE | (_PROGRESSIVE if progressive else 0)
    return _transformed(data, _Transform(options=options))


def _transformed(data: bytes, wanted: _Transform) -> bytes:
    tj = library()
    assert tj is not None
    handle = tj.tjInitTransform()
    result, size = ctypes.c_void_p(), ctypes.c_ulong()
    try:
        failed = tj.tjTransform(
            handle, data, len(data), 1, ctypes.byref(result), ctypes.byref(size), ctypes.byref(wanted),
            _STOP_ON_WARNING,
        )  # fmt: skip
        if failed or not result.value:
            words = tj.tjGetErrorStr2(handle).decode("ascii", "replace")
            raise EncodeError(f"libturbojpeg cannot transform it: {words}.")
        return ctypes.string_at(result.value, size.value)
    finally:
        tj.tjFree(result)
        tj.tjDestroy(handle)


def decode_planes(
    data: bytes | memoryview, planes: Planes, whole: tuple[int, int], size: tuple[int, int], sampling: str
) -> None:
    """Decode the planes of a YCbCr JPEG, scaled to `size` (1, 1/2, 1/4, 1/8).

    Args:
        data: the whole file.
        planes: addresses and strides of memory to fill; owned by the caller.
        whole: width and height of the full picture.
        size: scaled width and height.
        sampling: chroma subsampling.

    Raises:
        ValueError: at the first warning of the library, or if it reads another size or subsampling from the
            file, which would not fit.
    """
    tj, handle = _handle("tjInitDecompress")
    source = data if isinstance(data, bytes) else bytes(data)
    addresses, strides = planes
    facts = (ctypes.c_int * 4)()
    each = [ctypes.byref(facts, number * ctypes.sizeof(ctypes.c_int)) for number in range(4)]
    failed = tj.tjDecompressHeader3(handle, source, len(source), *each)
    if failed or tuple(facts) != (*whole, _SAMPLINGS[sampling], _YCC):
        _renew("tjInitDecompress")
        raise ValueError("its header is not what it seemed to be")
    if tj.tjDecompressToYUVPlanes(
        handle, source, len(source), (ctypes.c_void_p * 3)(*addresses), size[0], (ctypes.c_int * 3)(*strides),
        size[1], _STOP_ON_WARNING,
    ):  # fmt: skip
        words = tj.tjGetErrorStr2(handle).decode("ascii", "replace")
        _renew("tjInitDecompress")
        raise ValueError(words)


def encode_planes(planes: Planes, size: tuple[int, int], sampling: str, quality: int) -> memoryview:
    """Encode planes as a JPEG; the result is valid until the next call in this thread.

    Odd sides need one more row or column of luma, so that chroma samples are complete.

    Args:
        planes: addresses and strides of memory, which is not modified.
        size: width and height in pixels.
        sampling: chroma subsampling.
        quality: 1 to 100.

    Raises:
        EncodeError: the library failed.
    """
    tj, handle = _handle("tjInitCompress")
    kind = _SAMPLINGS[sampling]
    room = _room(tj.tjBufSize(*size, kind))
    result, length = ctypes.c_void_p(ctypes.addressof(room)), ctypes.c_ulong(len(room))
    addresses, strides = planes
    failed = tj.tjCompressFromYUVPlanes(
        handle, (ctypes.c_void_p * 3)(*addresses), size[0], (ctypes.c_int * 3)(*strides), size[1], kind,
        ctypes.byref(result), ctypes.byref(length), quality, _ACCURATE | _NO_REALLOC,
    )  # fmt: skip
    if failed:
        words = tj.tjGetErrorStr2(handle).decode("ascii", "replace")
        _renew("tjInitCompress")
        raise EncodeError(f"libturbojpeg failed: {words}.")
    return memoryview(room).cast("B")[: length.value]


class _Handle:
    """A library handle of one thread."""

    def __init__(self, tj: ctypes.CDLL, make: str) -> None:
        self._tj = tj
        self.pointer = getattr(tj, make)()

    def __del__(self) -> None:
        self._tj.tjDestroy(self.pointer)


def _handle(make: str) -> tuple[ctypes.CDLL, Any]:
    tj = library()
    assert tj is not None
    handle = getattr(_per_thread, make, None)
    if handle is None:
        handle = _Handle(tj, make)
        setattr(_per_thread, make, handle)
    return tj, handle.pointer


def _renew(make: str) -> None:
    """Give up the handle of this thread: after an error in a header it would go on there in the next file."""
    delattr(_per_thread, make)


def _room(nbytes: int) -> Any:
    """Output memory of an encoder, reused: only written pages are allocated."""
    room = getattr(_per_thread, "room", None)
    if room is None or len(room) < nbytes:
        room = _per_thread.room = (ctypes.c_ubyte * nbytes).from_buffer(mmap.mmap(-1, nbytes, **_PRIVATE))
    return room


def _candidates() -> Iterator[str]:
    yield from _PLACES.get(sys.platform, ())
    yield from in_wheel()
    if sys.platform != "linux":  # there the loader searches all locations, and this would start a process
        from ctypes.util import find_library

        if found := find_library("turbojpeg"):
            yield found


def in_wheel() -> Iterator[str]:
    """The extension module of pylibjxl, which contains libjpeg-turbo. It is loaded as a library: its Python
    code does not run. Where it exports no functions of libturbojpeg, as on Windows, it is not used."""
    package = PathFinder.find_spec("pylibjxl")
    for folder in (package.submodule_search_locations or ()) if package else ():
        for suffix in EXTENSION_SUFFIXES:
            module = os.path.join(folder, f"_pylibjxl{suffix}")
            if os.path.isfile(module):
                yield module


def _declare(tj: ctypes.CDLL) -> None:
    """Declare the function types; raises AttributeError where one is missing."""
    for make in ("tjInitTransform", "tjInitDecompress", "tjInitCompress"):
        getattr(tj, make).restype = ctypes.c_void_p
        getattr(tj, make).argtypes = []
    tj.tjTransform.restype = ctypes.c_int
    tj.tjTransform.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
        ctypes.c_void_p, ctypes.c_int,
    ]  # fmt: skip
    tj.tjDecompressHeader3.restype = ctypes.c_int
    tj.tjDecompressHeader3.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulong, *[ctypes.c_void_p] * 4,
    ]  # fmt: skip
    tj.tjDecompressToYUVPlanes.restype = ctypes.c_int
    tj.tjDecompressToYUVPlanes.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p,
        ctypes.c_int, ctypes.c_int,
    ]  # fmt: skip
    tj.tjCompressFromYUVPlanes.restype = ctypes.c_int
    tj.tjCompressFromYUVPlanes.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int,
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int,
    ]  # fmt: skip
    tj.tjBufSize.restype = ctypes.c_ulong
    tj.tjBufSize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
    tj.tjGetErrorStr2.restype = ctypes.c_char_p
    tj.tjGetErrorStr2.argtypes = [ctypes.c_void_p]
    tj.tjFree.restype = None
    tj.tjFree.argtypes = [ctypes.c_void_p]
    tj.tjDestroy.restype = ctypes.c_int
    tj.tjDestroy.argtypes = [ctypes.c_void_p]
