"""The bridge between frames and OpenCV's decoders and encoders, which use BGR order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np

from imgpar.core.errors import EncodeError
from imgpar.core.spec import Frame, Spec
from imgpar.formats.base import damaged

_TO_BGR = {"RGB": cv2.COLOR_RGB2BGR, "RGBX": cv2.COLOR_RGBA2BGR, "RGBA": cv2.COLOR_RGBA2BGRA}
_BLOCKS = {"exif": "IMAGE_METADATA_EXIF", "xmp": "IMAGE_METADATA_XMP", "icc": "IMAGE_METADATA_ICCP"}
_ORDER = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}


def decode(data: bytes | memoryview, spec: Spec, title: str, page: int = 0) -> np.ndarray[Any, Any]:
    """Decode pixels in stored orientation.

    Args:
        data: a whole file.
        spec: layout and dtype of the result.
        title: of the format, for messages.
        page: number of the page, from 0.

    Returns:
        An array, height × width × channels in the order of `spec`.

    Raises:
        DamagedError: it cannot be decoded.
    """
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    stream = np.frombuffer(data, np.uint8)
    with _silence():
        if page:
            pixels = next(iter(cv2.imdecodemulti(stream, flags, range=(page, page + 1))[1]), None)
        else:
            pixels = cv2.imdecode(stream, flags)
    if pixels is None or pixels.shape[:2] != (spec.height, spec.width) or pixels.dtype != spec.dtype:
        raise damaged(title, "the pixel data cannot be read", hopeless=True)
    pixels = pixels.reshape(spec.height, spec.width, -1)
    # Grey with alpha is decoded to four channels.
    order = [0, 3] if spec.layout == "LA" and pixels.shape[-1] == 4 else _ORDER[pixels.shape[-1]]
    return pixels[..., order]


@contextmanager
def _silence() -> Iterator[None]:
    """Disable OpenCV's log, which names places in its source; the setting belongs to the user's process."""
    logs: Any = getattr(cv2.utils, "logging", None)
    level = logs.setLogLevel(logs.LOG_LEVEL_SILENT) if logs else None
    try:
        yield
    finally:
        if logs:
            logs.setLogLevel(level)


def encode(frame: Frame, suffix: str, parameters: Sequence[int]) -> bytes:
    """Encode one frame of any layout but LA."""
    return encode_with(frame, suffix, parameters, {})[0]


def encode_with(
    frame: Frame, suffix: str, parameters: Sequence[int], blocks: Mapping[str, bytes]
) -> tuple[bytes, tuple[str, ...]]:
    """Encode one frame with metadata ("exif", "xmp", "icc").

    Args:
        frame: of any layout but LA; not modified.
        suffix: of the format.
        parameters: of `cv2.imencode`.
        blocks: metadata by name.

    Returns:
        The file, and the names of metadata that this OpenCV cannot write.
    """
    given = {name: block for name, block in blocks.items() if block}
    writable = [name for name in given if hasattr(cv2, _BLOCKS[name])]
    code = _TO_BGR.get(frame.spec.layout)
    pixels = frame.array if code is None else cv2.cvtColor(frame.array, code)
    if writable:
        kinds = [getattr(cv2, _BLOCKS[name]) for name in writable]
        content = [np.frombuffer(given[name], np.uint8) for name in writable]
        done, stream = cv2.imencodeWithMetadata(f".{suffix}", pixels, kinds, content, list(parameters))
    else:
        done, stream = cv2.imencode(f".{suffix}", pixels, list(parameters))
    if not done:
        raise EncodeError(f"The {suffix} encoder failed without giving a reason.")
    return stream.tobytes(), tuple(name for name in given if name not in writable)
