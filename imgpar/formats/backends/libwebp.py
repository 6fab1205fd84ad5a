"""libwebp through its C interface, for still pictures: straight into the frame, in half of Pillow's time.

Pillow always composes an animation, and copies its canvas three times. The library is the one inside of its
wheel, or of PyAV's, as on Windows Pillow's has no file of its own; where neither is found, Pillow decodes.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from imgpar.core.spec import Frame

_ABI = 0x0200
"""Version of the structures below; the library refuses another one."""
_RGBA = 1
"""MODE_RGBA: alpha is not premultiplied, 255 where there is none."""
_OK = 0
_NAMES = {"linux": "libwebp[-.]*so*", "darwin": "libwebp.*dylib", "win32": "libwebp-*.dll"}
_FOLDERS = {"linux": ("../{}.libs",), "darwin": (".dylibs",), "win32": ("../{}.libs",)}
_PACKAGES = {"PIL": "pillow", "av": "av"}


class _Features(ctypes.Structure):
    """WebPBitstreamFeatures."""

    _fields_ = (
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("has_alpha", ctypes.c_int),
        ("has_animation", ctypes.c_int),
        ("format", ctypes.c_int),
        ("reserved", ctypes.c_uint32 * 5),
    )


class _Pixels(ctypes.Structure):
    """WebPRGBABuffer, with the room of WebPYUVABuffer, which may stand in its place."""

    _fields_ = (
        ("pixels", ctypes.c_void_p),
        ("stride", ctypes.c_int),
        ("size", ctypes.c_size_t),
        ("other", ctypes.c_size_t * 7),
    )


class _Target(ctypes.Structure):
    """WebPDecBuffer."""

    _fields_ = (
        ("colours", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("is_external_memory", ctypes.c_int),
        ("memory", _Pixels),
        ("reserved", ctypes.c_uint32 * 4),
        ("private_memory", ctypes.c_void_p),
    )


class _Config(ctypes.Structure):
    """WebPDecoderConfig; the options stay as the library sets them."""

    _fields_ = (("features", _Features), ("target", _Target), ("options", ctypes.c_int * 32))


@cache
def webp_library() -> ctypes.CDLL | None:
    """The library; None where no wheel has it as a file."""
    for place in _places():
        try:
            found = ctypes.CDLL(str(place))
            found.WebPGetFeaturesInternal.argtypes = [
                ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(_Features), ctypes.c_int,
            ]  # fmt: skip
            found.WebPInitDecoderConfigInternal.argtypes = [ctypes.POINTER(_Config), ctypes.c_int]
            found.WebPDecode.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(_Config)]
        except (OSError, AttributeError):
            continue
        return found
    return None


def decode(data: bytes | memoryview, frame: Frame) -> bool:
    """Fill a frame with a still picture.

    Args:
        data: the whole file.
        frame: RGBA or RGBX, of the size of the picture; owned by the caller.

    Returns:
        Whether it is filled; undefined pixels where it is not, as with animations and damaged files.
    """
    webp, spec = webp_library(), frame.spec
    if webp is None or spec.layout not in ("RGBA", "RGBX") or spec.dtype != "uint8":
        return False
    source, config = data if isinstance(data, bytes) else bytes(data), _Config()
    if not webp.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI):
        return False
    features = config.features
    if webp.WebPGetFeaturesInternal(source, len(source), ctypes.byref(features), _ABI) != _OK:
        return False
    if (features.width, features.height) != spec.size or features.has_animation:
        return False
    config.target.colours, config.target.is_external_memory = _RGBA, 1
    memory = config.target.memory
    memory.pixels, memory.stride, memory.size = frame.array.ctypes.data, 4 * spec.width, spec.nbytes
    done: int = webp.WebPDecode(source, len(source), ctypes.byref(config))
    return done == _OK


def _places() -> Iterator[Path]:
    """Files of the library inside of wheels."""
    for module, package in _PACKAGES.items():
        spec = find_spec(module)
        if spec is None or not spec.origin:
            continue
        for folder in _FOLDERS.get(sys.platform, ()):
            found = (Path(spec.origin).parent / folder.format(package)).resolve()
            yield from sorted(found.glob(_NAMES[sys.platform]))
