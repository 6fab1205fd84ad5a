"""Files compressed better without a change of a pixel.

PNG     oxipng (the package pyoxipng-ng); without it zlib at its highest level, with the filters as they are
JPEG    optimised Huffman tables, progressive or baseline, whichever is smaller: mozjpeg (the package
        mozjpeg-lossless-optimization), or libturbojpeg where the system has it
WebP    lossless ones only: encoded again with the highest effort
GIF     gifsicle, where the system has it

Every result is decoded and compared: pixels, frames, timing and metadata are the same, and it is smaller;
else the file stays as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from imgpar.core.errors import ItemError
from imgpar.core.install_hint import pip
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header
from imgpar.formats import codec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format, find_format

Data = bytes | bytearray | memoryview
_LEVEL = 4
"""Of oxipng, 0 to 6: its default is 2, above 4 the time grows more than the gain."""
_SECONDS = 300
_LIMITS = Limits(max_pixels=1 << 62, max_frames=1 << 30, memory=1 << 62)


class Optimised(NamedTuple):
    """The smaller file, or the same one; and a remark, where a better way is not installed."""

    data: Data
    note: str = ""


def optimise(data: Data, fmt: Format) -> Optimised:
    """Compress a file better without a change of its pixels, its timing or its metadata.

    >>> optimise(b"BM...", find_format("bmp")).data
    b'BM...'

    Args:
        data: the whole file; not modified.
        fmt: its format; other formats than PNG, JPEG, WebP and GIF are left as they are.

    Returns:
        The smallest file that is equal, possibly the same object.
    """
    way = _WAYS.get(fmt.name)
    if way is None:
        return Optimised(data)
    whole = bytes(data)
    try:
        made, note = way(whole)
    except (ItemError, ValueError, OSError, subprocess.SubprocessError, zlib.error) as error:
        return Optimised(data, f"not optimised: {error}")
    if not made or len(made) >= len(whole) or not _equal(whole, bytes(made), fmt):
        return Optimised(data, note)
    return Optimised(made, note)


def _png(data: bytes) -> Optimised:
    os.environ.setdefault("RAYON_NUM_THREADS", "1")  # each core has a worker
    try:
        import oxipng
    except ImportError:
        note = f"optimised with zlib only: oxipng is not installed ({pip('pyoxipng-ng')})"
        return Optimised(_deflated(data), note)
    try:
        return Optimised(oxipng.optimize_from_memory(data, level=_LEVEL))
    except oxipng.PngError as error:
        raise ValueError(f"oxipng failed ({error})") from error


def _deflated(data: bytes) -> bytes:
    """The PNG with its pixel data compressed again; empty for animations."""
    from imgpar.formats.png.chunks import SIGNATURE, build_chunk
    from imgpar.formats.tlv import PNG_CHUNKS, walk

    before, pixels, after = list[bytes](), list[bytes](), list[bytes]()
    for kind, body, whole, _ in walk(data, PNG_CHUNKS):
        if kind == b"acTL":
            return b""
        if kind == b"IDAT":
            pixels.append(bytes(body))
        else:
            (after if pixels else before).append(bytes(whole))
    raw = zlib.decompress(b"".join(pixels))
    tries = []
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED):
        packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, strategy)
        tries.append(packer.compress(raw) + packer.flush())
    packed = build_chunk(b"IDAT", min(tries, key=len))
    return b"".join((SIGNATURE, *before, packed, *after))


def _jpeg(data: bytes) -> Optimised:
    from imgpar.formats.jpeg import turbo
    from imgpar.formats.jpeg.multi_picture import others

    if others(data) or not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return Optimised(b"", "not optimised: it has a second picture")
    try:
        import mozjpeg_lossless_optimization as mozjpeg
    except ImportError:
        if turbo.library() is None:
            hint = pip("mozjpeg-lossless-optimization")
            return Optimised(b"", f"not optimised: a package is missing ({hint})")
        return Optimised(min((_recoded(data, progressive=each) for each in (True, False)), key=len))
    return Optimised(mozjpeg.optimize(data, copy=mozjpeg.COPY_MARKERS.ALL))


def _recoded(data: bytes, *, progressive: bool) -> bytes:
    """The JPEG with optimised tables and its own segments."""
    from imgpar.formats.jpeg import turbo
    from imgpar.formats.jpeg.header import join_head, split_head

    segments, _ = split_head(data)
    kept = [(marker, body) for marker, body in segments if marker == 0xFE or 0xE0 <= marker <= 0xEF]
    stream = turbo.recode_coefficients(data, progressive=progressive)
    coding, rest = split_head(stream)
    own = {marker for marker, _ in kept}
    return join_head([*kept, *(one for one in coding if one[0] not in own or one[0] < 0xE0)]) + stream[rest:]


def _webp(data: bytes) -> Optimised:
    fmt = find_format("webp")
    header = codec.read_header(data, "a.webp", _LIMITS)
    if header.frames > 1 or not header.coding.lossless:
        return Optimised(b"")
    frames = _decoded(data, header)
    encoded = codec.encode(frames, fmt, header.metadata, EncodeOptions(lossless=True, effort=10))
    return Optimised(bytes(encoded.data))


def _gif(data: bytes) -> Optimised:
    program = shutil.which("gifsicle")
    if program is None:
        hint = "apt install gifsicle, brew install gifsicle or www.lcdf.org/gifsicle"
        return Optimised(b"", f"not optimised: gifsicle is not installed ({hint})")
    command = [program, "-O3", "--no-warnings", "-", "-o", "-"]
    done = subprocess.run(command, input=data, capture_output=True, timeout=_SECONDS, check=True)
    return Optimised(done.stdout)


_WAYS: dict[str, Callable[[bytes], Optimised]] = {"png": _png, "jpeg": _jpeg, "webp": _webp, "gif": _gif}


def _equal(one: bytes, other: bytes, fmt: Format) -> bool:
    """Whether two files have the same pixels, frames and metadata."""
    try:
        headers = [codec.read_header(data, f"a.{fmt.suffix}", _LIMITS) for data in (one, other)]
        first, second = headers
        facts = [(header.orientation, header.frames, header.metadata) for header in headers]
        if facts[0] != facts[1]:
            return False
        frames = [_decoded(data, header) for data, header in zip((one, other), headers, strict=True)]
    except ItemError:
        return False
    if first.spec == second.spec:
        return all(np.array_equal(a.array, b.array) for a, b in zip(*frames, strict=True))
    # A palette or less depth may have taken the place of the samples.
    return all(_alike(a, b) for a, b in zip(*frames, strict=True))


def _alike(one: Frame, other: Frame) -> bool:
    from imgpar.pixels.layouts import convert_layout

    wide = one.spec.converted("RGBA", max(one.spec.dtype, other.spec.dtype, key=len))
    made = [Frame(wide, np.empty(wide.shape, wide.dtype)) for _ in range(2)]
    if one.spec.size != other.spec.size:
        return False
    for source, target in zip((one, other), made, strict=True):
        convert_layout(source, target)
    return bool(np.array_equal(made[0].array, made[1].array))


def _decoded(data: bytes, header: Header) -> list[Frame]:
    frames = [
        Frame(header.spec, np.empty(header.spec.shape, header.spec.dtype)) for _ in range(header.frames)
    ]
    codec.decode(data, header, frames)
    return frames
