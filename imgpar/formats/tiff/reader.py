"""TIFF reader: Pillow for 8 bits and grey, OpenCV for colour of 16 bits and floats, `samples` for others.

Pillow rotates pictures to upright while decoding; pages decoded by OpenCV keep their stored orientation.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from imgpar.core.blocks import Exif, Xmp
from imgpar.core.errors import DamagedError, LimitError, UnsupportedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Layout, Metadata, Spec
from imgpar.formats.backends import opencv, pillow
from imgpar.formats.base import check_size, chosen_pages, detail_of
from imgpar.formats.metadata import density, exif, iptc
from imgpar.formats.registry import FORMATS, Format
from imgpar.formats.tiff import rare as tiff_rare
from imgpar.formats.tiff import samples as tiff_samples
from imgpar.formats.tiff.compression import PACKINGS
from imgpar.formats.tiff.detail import TiffDetail
from imgpar.pixels.colour.icc_header import rgb_or_grey
from imgpar.pixels.palette import marked

Tags = TiffImagePlugin.ImageFileDirectory_v2

_KEPT = (269, 270, 271, 272, 285, 305, 306, 315, 33432, 18246, 40091, 40092, 40093, 40094, 40095)
"""Tags that describe the picture, not its coding: kept as EXIF."""
_MOST_PAGES = 100_000
_DEEP: dict[tuple[str, int], Layout] = {("rgb", 3): "RGB", ("rgb", 4): "RGBA", ("grey", 1): "L"}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size and kind of the first requested page, and of the others if all are alike."""
    pages = _pages(data)
    chosen = [pages[number] for number in chosen_pages(limits, len(pages))]
    with contextlib.suppress(Exception):  # directories that Pillow rejects may be readable by others
        if tiff_rare.wanted(_tags(data, chosen[0][1])) and tiff_rare.rare_tiff_available():
            return _of_pages(_rare_header(data, fmt, limits, chosen), pages, chosen)
    try:
        return _of_pages(_usual_header(data, fmt, limits, chosen), pages, chosen)
    except LimitError:
        raise
    except Exception:
        with contextlib.suppress(UnsupportedError, DamagedError):
            if tiff_rare.rare_tiff_available():
                return _of_pages(_rare_header(data, fmt, limits, chosen), pages, chosen)
        if (words := _wanted(data, chosen[0][1])) and not tiff_rare.rare_tiff_available():
            raise tiff_rare.missing_rare_tiff(words) from None
        raise


def _wanted(data: bytes | memoryview, at: int) -> str:
    try:
        return tiff_rare.wanted(_tags(data, at))
    except Exception:
        return ""


def _of_pages(header: Header, pages: Sequence[tuple[int, int]], chosen: Sequence[tuple[int, int]]) -> Header:
    """The header with the numbers of the requested pages, from 1."""
    places = {page: place for place, page in enumerate(pages, 1)}
    return header._replace(pages=tuple(places[page] for page in chosen), total=len(pages))


def _rare_header(
    data: bytes | memoryview, fmt: Format, limits: Limits, chosen: Sequence[tuple[int, int]]
) -> Header:
    """Pages that tifffile reads."""
    found = [tiff_rare.rare_page(data, number) for number, _ in chosen]
    samples, metadata, orientation = found[0]
    check_size(*samples.spec.size, limits, len(chosen))
    alike = all((page.samples, page.metadata.icc) == (samples, metadata.icc) for page in found[1:])
    numbers = tuple(number for number, _ in chosen) if alike else (chosen[0][0],)
    exif = Exif()
    with contextlib.suppress(Exception):
        exif = _described(_tags(data, chosen[0][1]))
    icc = rgb_or_grey(metadata.icc)
    return Header(
        format=fmt.name,
        spec=samples.spec,
        orientation=orientation,
        frames=len(numbers),
        metadata=metadata._replace(icc=icc, exif=exif),
        lost=samples.lost if alike else (*samples.lost, "pages"),
        notes=samples.notes,
        numbers=numbers,
        detail=TiffDetail("rare", samples=samples),
    )


def _usual_header(
    data: bytes | memoryview, fmt: Format, limits: Limits, chosen: Sequence[tuple[int, int]]
) -> Header:
    """Pages that Pillow and OpenCV read."""
    directories = [_tags(data, at) for _, at in chosen]
    (first, at), tags = chosen[0], directories[0]
    width, height = int(tags.get(256, 0)), int(tags.get(257, 0))
    check_size(width, height, limits, len(chosen))
    samples, deep = tiff_samples.samples_of(tags, width, height), _deep_spec(tags, width, height)
    if samples:
        header = _deep_header(tags, samples.spec, fmt, TiffDetail("samples", samples=samples))
        header = header._replace(lost=samples.lost, notes=samples.notes)
    elif deep:
        header = _deep_header(tags, deep, fmt, TiffDetail("opencv"))
    else:
        header = _plain_header(data, first, tags, fmt, limits)
    header = header._replace(metadata=header.metadata._replace(iptc=_iptc(data, at, tags)))
    if len(chosen) > 1:
        each = tuple(_page_metadata(data, *page) for page in zip(chosen, directories, strict=True))
        header = header._replace(metadata=header.metadata._replace(pages=each))
    blocks = tags.get(34377)
    alike = all(_kind(other) == _kind(tags) for other in directories[1:])
    lost = list(header.lost)
    if not alike:
        lost.append("pages")
    if isinstance(blocks, bytes) and iptc.has_paths(blocks):
        lost.append("paths")
    numbers = tuple(number for number, _ in chosen) if alike else (first,)
    coding = header.coding._replace(packing=PACKINGS.get(tags.get(259, 1), ""))
    header = header._replace(frames=len(numbers), lost=tuple(lost), numbers=numbers, coding=coding)
    return marked(header, any(_is_few(other) for other in directories))


def _is_few(tags: Tags) -> bool:
    """Whether a page has a palette, or grey of less than 8 bits."""
    return int(tags.get(262, 1)) == 3 or max(tags.get(258, (1,))) < 8


def _page_metadata(data: bytes | memoryview, page: tuple[int, int], tags: Tags) -> Metadata:
    """Metadata of one page of several."""
    return Metadata(
        icc=rgb_or_grey(bytes(tags.get(34675) or b"")),
        exif=_described(tags),
        xmp=Xmp(tags.get(700) or b""),
        iptc=_iptc(data, page[1], tags),
        dpi=_density(tags),
    )


def _plain_header(data: bytes | memoryview, number: int, tags: Tags, fmt: Format, limits: Limits) -> Header:
    """A page that Pillow reads without loss."""
    with pillow.settings(), pillow.open_image(data, fmt) as image:
        if number:
            image.seek(number)
        check_size(*image.size, limits)
        header = pillow.header_of(image, fmt)
        metadata = header.metadata._replace(exif=_exif(image.getexif()))
        orientation = int(tags.get(274, 1))
        if orientation > 4:
            metadata = density.turn_density(metadata)
        return _counted(header._replace(orientation=1, turned=orientation != 1, metadata=metadata), tags)


def _counted(header: Header, tags: Tags) -> Header:
    """Set the bit depth of 12-bit grey, and report reduced precision."""
    bits, mode = tags.get(258, (1,)), detail_of(header, pillow.PillowDetail).mode
    lost = (*header.lost, "depth") if max(bits) > 8 and header.spec.dtype == "uint8" else header.lost
    peak = (1 << bits[0]) - 1 if header.spec.dtype == "uint16" and bits[0] == 12 else 0
    return header._replace(detail=TiffDetail("pillow", mode, peak), lost=lost)


def _deep_header(tags: Tags, spec: Spec, fmt: Format, detail: TiffDetail) -> Header:
    """A page that OpenCV or `samples` reads."""
    orientation = int(tags.get(274, 1))
    return Header(
        format=fmt.name,
        spec=spec,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        metadata=Metadata(
            icc=rgb_or_grey(bytes(tags.get(34675) or b"")),
            exif=_described(tags),
            xmp=Xmp(tags.get(700) or b""),
            dpi=_density(tags),
        ),
        detail=detail,
    )


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the frames, one per page.

    Args:
        data: the whole file.
        header: from `read_header`.
        frames: arrays to fill, H×W×C of `header.spec`; owned by the caller.
        accept_damaged: whether to keep what can be read of a damaged file.

    Returns:
        Remarks of the decoder.

    Raises:
        ItemError: it cannot be decoded.
    """
    detail, chosen = detail_of(header, TiffDetail), list(zip(header.numbers, frames, strict=False))
    if detail.peak:
        _decode_whole(data, header, chosen, detail.peak, accept_damaged=accept_damaged)
        return ()
    if detail.reader == "pillow":
        try:
            return pillow.decode(data, header, frames, accept_damaged=accept_damaged)
        except OSError as error:
            words = _wanted(data, dict(_pages(data))[header.numbers[0]])
            if not words or tiff_rare.rare_tiff_available():
                raise
            raise tiff_rare.missing_rare_tiff(words) from error
    places = {} if detail.reader == "rare" else dict(_pages(data))
    for number, frame in chosen:
        if detail.samples is None:
            pixels = opencv.decode(data, header.spec, "TIFF", page=number)
        elif detail.reader == "rare":
            pixels = tiff_rare.decode(data, number, detail.samples)
        else:
            tags = _tags(data, places[number])
            pixels = tiff_samples.decode(data, tags, detail.samples, accept_damaged=accept_damaged)
        np.copyto(frame.array, pixels)
    return _reach(frames) if header.spec.dtype == "float32" else ()


def _reach(frames: Sequence[Frame]) -> tuple[str, ...]:
    """Remarks on floats outside of 0 … 1, as the file does not define white, and on those that are no
    numbers, which become black."""
    notes = list[str]()
    for frame in frames:
        missing = np.isnan(frame.array)
        if missing.any():
            frame.array[missing] = 0
            notes = ["values that are not numbers (NaN) become black"]
    low = min(float(frame.array.min()) for frame in frames)
    high = max(float(frame.array.max()) for frame in frames)
    if low < -0.01 or high > 1.01:
        notes.append(f"its floats reach from {low:.4g} to {high:.4g}; 0 is taken as black, 1 as white")
    return tuple(notes)


def _decode_whole(
    data: bytes | memoryview,
    header: Header,
    chosen: Sequence[tuple[int, Frame]],
    peak: int,
    *,
    accept_damaged: bool,
) -> None:
    """Grey of 12 bits, whose values Pillow does not scale: pages by number, each with its frame."""
    fmt = FORMATS[header.format]
    with pillow.settings(accept_damaged=accept_damaged), pillow.open_image(data, fmt) as image:
        for number, frame in chosen:
            image.seek(number)
            scaled = np.rint(np.asarray(image) * (65535 / peak)).reshape(frame.array.shape)
            np.copyto(frame.array, scaled, casting="unsafe")


def _pages(data: bytes | memoryview) -> list[tuple[int, int]]:
    """Number and offset of every directory that is a page: not a reduced copy."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]), "<")
    big = bytes(data[2:4]) in (b"+\0", b"\0+")
    count_of, link_of, step = (f"{order}Q", f"{order}Q", 20) if big else (f"{order}H", f"{order}I", 12)
    pages, small, seen = list[tuple[int, int]](), list[tuple[int, int]](), set[int]()
    (at,) = struct.unpack_from(link_of, data, 8 if big else 4)
    with contextlib.suppress(struct.error):  # the last link points outside of the file
        while at and at not in seen and len(seen) < _MOST_PAGES:
            seen.add(at)
            (count,) = struct.unpack_from(count_of, data, at)
            begin = at + struct.calcsize(count_of)
            reduced = _is_reduced(data, range(begin, begin + step * min(count, 1000), step), order)
            (small if reduced else pages).append((len(seen) - 1, at))
            (at,) = struct.unpack_from(link_of, data, begin + step * count)
    return pages or small or [(0, at)]


def _is_reduced(data: bytes | memoryview, entries: range, order: str) -> bool:
    """Whether a directory is marked as a thumbnail (tag 254)."""
    for entry in entries:
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag == 254:
            value = entry + (12 if entries.step == 20 else 8)
            return bool(struct.unpack_from(order + ("H" if kind == 3 else "I"), data, value)[0] & 1)
    return False


def _tags(data: bytes | memoryview, at: int) -> Tags:
    """The directory at an offset."""
    source = BytesIO(data)
    head = source.read(8)
    if len(head) == 8 and head[2:4] in (b"+\0", b"\0+"):
        head += source.read(8)
    with pillow.settings():
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        source.seek(at)
        tags.load(source)
        # Values are decoded when first read, and a damaged one raises then.
        tags.get(256)
    return tags


def _kind(tags: Tags) -> tuple[object, ...]:
    """What pages must have in common to be frames of one size, layout and colour space."""
    return tuple(tags.get(tag) for tag in (256, 257, 258, 262, 277, 338, 339, 274, 34675))


def _density(tags: Tags) -> tuple[float, float] | None:
    scale = {2: 1.0, 3: 2.54}.get(int(tags.get(296, 2)))
    across, down = (float(tags.get(tag) or 0) for tag in (282, 283))
    return (across * scale, down * scale) if scale and across > 0 and down > 0 else None


def _iptc(data: bytes | memoryview, at: int, tags: Tags) -> bytes:
    """IPTC from its own tag, or from the Photoshop resources; some writers store it as longs."""
    directory = exif.read_ifd(data, at)
    entry = directory.entries.get(33723) if directory else None
    if entry and entry.nbytes:
        return bytes(data[entry.value_at : entry.value_at + entry.nbytes]).rstrip(b"\0")
    blocks = tags.get(34377)
    return iptc.find_iptc(blocks) if isinstance(blocks, bytes) else b""


def _deep_spec(tags: Tags, width: int, height: int) -> Spec | None:
    """The spec of a page that Pillow would reduce or reject; None for all others."""
    bits, samples = set(tags.get(258, (1,))), int(tags.get(277, 1))
    kind = set(tags.get(339, (1,)))
    colours = {1: "grey", 2: "rgb"}.get(int(tags.get(262, 1)), "")
    layout = _DEEP.get((colours, samples))
    if layout is not None and layout != "L" and bits == {16} and kind == {1}:
        return Spec(width, height, layout, "uint16")
    if layout is not None and bits == {32} and kind == {3}:
        return Spec(width, height, layout, "float32")
    return None


def description_as_exif(data: bytes | memoryview) -> Exif:
    """Descriptive tags of a TIFF file, such as a camera raw, as an EXIF block."""
    source = Image.Exif()
    with pillow.settings():
        source.load(bytes(data))
        return _exif(source)


def _exif(source: Image.Exif) -> Exif:
    """Descriptive tags of a file, as an EXIF block."""
    target = Image.Exif()
    for tag in _KEPT:
        if tag in source:
            target[tag] = _as_stored(source[tag])
    for tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        values = source.get_ifd(tag)
        if values:
            target.get_ifd(tag).update(values)
            target[tag] = target.get_ifd(tag)
    return Exif(target.tobytes().removeprefix(b"Exif\0\0") if len(target) else b"")


def _as_stored(value: Any) -> Any:
    """A text as its bytes, usually UTF-8: Pillow decodes them as Latin-1, and writes ASCII only."""
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()


def _described(tags: Tags) -> Exif:
    """The same for a file that Pillow cannot open."""
    target = Image.Exif()
    for tag in _KEPT:
        if tag in tags:
            target[tag] = _as_stored(tags[tag])
    return Exif(target.tobytes().removeprefix(b"Exif\0\0") if len(target) else b"")
