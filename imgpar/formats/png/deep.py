"""PNGs with 16 bits through OpenCV, stills and animations; Pillow reduces colour to 8."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from imgpar.core.spec import Frame, Header, Layout, Spec
from imgpar.formats.backends import opencv
from imgpar.formats.base import damaged, detail_of
from imgpar.formats.png import animation as apng
from imgpar.formats.png.chunks import SIGNATURE, build_chunk, ihdr
from imgpar.formats.png.detail import PngDetail
from imgpar.pixels.layouts import convert_layout

Array = np.ndarray[Any, Any]
Chunks = Sequence[tuple[bytes, memoryview]]

LAYOUTS: dict[int, Layout] = {0: "L", 2: "RGB", 4: "LA", 6: "RGBA"}


def decode(chunks: Chunks, header: Header, frames: Sequence[Frame], *, accept_damaged: bool) -> None:
    """Fill the frames with full bit depth.

    Args:
        chunks: of the file.
        header: from the reader.
        frames: arrays to fill; owned by the caller.
        accept_damaged: whether to keep what can be read.
    """
    if detail_of(header, PngDetail).deep_frames:
        _decode_animation(chunks, header, frames, accept_damaged=accept_damaged)
        return
    wanted = [(kind, bytes(body)) for kind, body in chunks if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT")]
    np.copyto(frames[0].array, _deep_pixels(wanted, header.spec, accept_damaged=accept_damaged))


def _decode_animation(
    chunks: Chunks, header: Header, frames: Sequence[Frame], *, accept_damaged: bool
) -> None:
    """16 bits through OpenCV, frame by frame, composed on a canvas of 16 bits."""
    head = bytes(chunks[0][1])
    numbers = header.numbers or range(len(frames))
    wanted = dict(zip(numbers, frames, strict=False))
    clear = [(kind, bytes(body)) for kind, body in chunks if kind == b"tRNS"]
    layout: Layout = "RGBA" if clear else LAYOUTS[head[9]]

    def decoded() -> Iterator[tuple[apng.StoredFrame, Array]]:
        for part in apng.stored_frames(chunks)[: max(wanted) + 1]:
            if part.left + part.width > header.spec.width or part.top + part.height > header.spec.height:
                raise damaged("PNG", "a frame lies outside the canvas", hopeless=True)
            own = struct.pack(">II", part.width, part.height) + head[8:]
            still = [(b"IHDR", own), *clear, *((b"IDAT", piece) for piece in part.stream)]
            spec = Spec(
                part.width, part.height, "LA" if layout == "RGBA" and head[9] == 0 else layout, "uint16"
            )
            frame = Frame(spec, _deep_pixels(still, spec, accept_damaged=accept_damaged))
            whole = spec.converted("RGBA")
            result = Frame(whole, np.empty(whole.shape, np.uint16))
            convert_layout(frame, result)
            yield part, result.array

    canvas = np.empty((header.spec.height, header.spec.width, 4), np.uint16)
    for number, seen in enumerate(apng.composed(decoded(), canvas)):
        if number in wanted:
            np.copyto(wanted[number].array, seen[..., : header.spec.channels])


def _deep_pixels(chunks: list[tuple[bytes, bytes]], spec: Spec, *, accept_damaged: bool) -> Array:
    """The pixels of one picture of 16 bits, with a transparent colour as alpha."""
    stream = [build_chunk(kind, body) for kind, body in chunks if kind != b"tRNS"]
    # Only pixel data: no animation, profile or text is passed to the decoder.
    plain = b"".join((SIGNATURE, *stream, build_chunk(b"IEND", b"")))
    if not accept_damaged:
        _check_pixels(plain, [(kind, memoryview(body)) for kind, body in chunks])
    pixels = opencv.decode(plain, spec, "PNG")
    clear = next((body for kind, body in chunks if kind == b"tRNS"), b"")
    return _with_alpha(pixels, spec, clear)


def _check_pixels(data: bytes | memoryview, chunks: Chunks) -> None:
    """OpenCV fills missing data silently: count the bytes first."""
    width, height, bits, colour_type = ihdr(data)
    pixel = bits // 8 * {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    interlaced = bytes(data[28:29]) == b"\1"
    expected = sum((1 + w * pixel) * h for w, h in _passes(width, height, interlaced) if w and h)
    inflate, found = zlib.decompressobj(), 0
    for kind, body in chunks:
        if kind == b"IDAT":
            rest: bytes | memoryview = body
            while rest and not inflate.eof and found <= expected:
                found += len(inflate.decompress(rest, 1 << 20))
                rest = inflate.unconsumed_tail
    if found < expected:
        raise damaged("PNG", f"{expected - found:,} of {expected:,} bytes of pixel data are missing")


def _passes(width: int, height: int, interlaced: bool) -> list[tuple[int, int]]:
    """Size of every pass: one, or the seven of Adam7."""
    if not interlaced:
        return [(width, height)]
    grid = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    return [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in grid]


def _with_alpha(pixels: Array, spec: Spec, clear: bytes) -> Array:
    if not clear:
        return pixels
    out = np.empty(spec.shape, np.uint16)
    count = spec.channels - 1
    out[..., :count] = pixels[..., :count]
    key = np.frombuffer(clear[: 2 * count], ">u2")
    out[..., -1] = np.where((out[..., :-1] == key).all(axis=-1), 0, 65535)
    return out
