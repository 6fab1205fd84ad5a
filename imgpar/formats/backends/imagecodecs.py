"""A second decoder for files that the default ones reject: imagecodecs, where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgpar.core.error_messages import library_words
from imgpar.core.errors import MissingExtraError
from imgpar.core.install_hint import pip
from imgpar.formats.base import loadable, refused

Array = np.ndarray[Any, Any]


def imagecodecs_available() -> bool:
    """Whether the package is installed and can be loaded."""
    return loadable("imagecodecs")


def missing_imagecodecs(what: str) -> MissingExtraError:
    """The error for a file that this package could read."""
    return MissingExtraError(f"{what} needs the package imagecodecs.", fix=f"Run: {pip('imagecodecs')}")


def decode(name: str, data: bytes | memoryview, title: str, **how: Any) -> Array:
    """Decode with a function of imagecodecs.

    Args:
        name: of the codec: `jpeg8`, `avif`, `jpeg2k`.
        data: a whole file.
        title: of the format, for messages.
        how: arguments of the function.

    Returns:
        A new array, height × width × channels, as stored.

    Raises:
        MissingExtraError: the package is not installed.
        DamagedError: it cannot read the file.
        UnsupportedError: it does not support this kind.
    """
    pixels = _decoded(name, data, title, **how)
    return np.asarray(pixels).reshape(*pixels.shape[:2], -1)


def unpacked(name: str, data: bytes | memoryview, title: str, size: int) -> bytes:
    """The first `size` bytes of what a general codec (`lzw`) packed; fewer where there are no more. Raises as
    `decode`."""
    return bytes(_decoded(name, data, title, out=size))


def _decoded(name: str, data: bytes | memoryview, title: str, **how: Any) -> Any:
    if not imagecodecs_available():
        raise missing_imagecodecs(f"This kind of {title}")
    import imagecodecs

    try:
        return getattr(imagecodecs, f"{name}_decode")(bytes(data), **how)
    except Exception as error:
        raise refused(title, library_words(error), hopeless=True) from error


def stretched(pixels: Array, bits: int, dtype: str) -> Array:
    """Scale values of `bits` bits to the full range of a dtype.

    >>> stretched(np.array([0, 4095]), 12, "uint16").tolist()
    [0, 65535]
    """
    peak, top = (1 << bits) - 1, np.iinfo(dtype).max
    made: Array = pixels if peak == top else np.rint(pixels * (top / peak))
    return made.astype(dtype)
