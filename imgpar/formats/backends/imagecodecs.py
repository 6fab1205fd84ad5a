"""A second decoder for kinds of files that the usual ones refuse: imagecodecs, where it is installed."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from imgpar.core.errors import MissingExtraError, library_words
from imgpar.core.install_hint import pip
from imgpar.formats.base import refused

Array = np.ndarray[Any, Any]


@cache
def imagecodecs_available() -> bool:
    """Whether the package is there, and can be loaded."""
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        return False
    return True


def missing_imagecodecs(what: str) -> MissingExtraError:
    """The error for a file that would be read with this package."""
    return MissingExtraError(f"{what} needs the package imagecodecs.", fix=f"Run: {pip('imagecodecs')}")


def decode(name: str, data: bytes | memoryview, title: str, **how: Any) -> Array:
    """Height × width × channels as they are stored, by a function of imagecodecs.

    Args:
        name: of the codec: `jpeg8`, `avif`, `jpeg2k`.
        data: a whole file.
        title: of the format, for messages.
        how: arguments of the function.

    Raises:
        MissingExtraError: the package is not there.
        DamagedError: it cannot read the file.
        UnsupportedError: it does not know this kind.
    """
    if not imagecodecs_available():
        raise missing_imagecodecs(f"This kind of {title}")
    import imagecodecs

    try:
        pixels = getattr(imagecodecs, f"{name}_decode")(bytes(data), **how)
    except Exception as error:
        raise refused(title, library_words(error), hopeless=True) from error
    return np.asarray(pixels).reshape(*pixels.shape[:2], -1)


def stretched(pixels: Array, bits: int, dtype: str) -> Array:
    """Numbers of so many bits in the range of a type: 0 stays 0, the highest becomes the highest.

    >>> stretched(np.array([0, 4095]), 12, "uint16").tolist()
    [0, 65535]
    """
    peak, top = (1 << bits) - 1, np.iinfo(dtype).max
    made: Array = pixels if peak == top else np.rint(pixels * (top / peak))
    return made.astype(dtype)
