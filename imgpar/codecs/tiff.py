"""TIFF, read: Pillow for 8 bits and grey, OpenCV for colour of 16 bits and floats.

Pillow turns pictures upright while it decodes; the pages of OpenCV come as they are stored.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from imgpar.codecs import iptc, opencv, pillow
from imgpar.codecs.base import check_size, chosen_pages
from imgpar.codecs.formats import Format
from imgpar.codecs.metadata import profile_space
from imgpar.codecs.tiff_writer import encode
from imgpar.errors import ItemError
from imgpar.model import Frame, Header, Layout, Limits, Metadata, Spec

__all__ = ["decode", "encode", "read_header"]

_KEPT = (270, 271, 272, 305, 306, 315, 33432, 18246, 40091, 40092, 40093, 40094, 40095)
"""Tags of the file that describe the picture, not its coding: they travel on as EXIF."""
_DEEP: dict[tuple[str, int], Layout] = {("rgb", 3): "RGB", ("rgb", 4): "RGBA", ("grey", 1): "L"}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size and kind of the first page, and of the others where all are alike."""
    tags = _tags(data)
    width, height = int(tags.get(256, 0)), int(tags.get(257, 0))
    check_size(width, height, limits)
    deep = _deep_spec(tags, width, height)
    if deep is None:
        with pillow.settings(), pillow.open_image(data, fmt) as image:
            pages = chosen_pages(limits, getattr(image, "n_frames", 1))
            image.seek(pages[0])
            check_size(*image.size, limits)
            header = pillow.header_of(image, fmt)
            header = replace(
                header,
                orientation=1,
                metadata=replace(header.metadata, exif=_exif(image.getexif()), iptc=_iptc(tags)),
            )
            return _with_pages(header, image, limits, pages)
    if limits.pages not in ("", "1"):
        raise ItemError(
            "Only the first page of such a TIFF (deep colour) can be read.", fix="Use --pages first."
        )
    icc = bytes(tags.get(34675) or b"")
    orientation = int(tags.get(274, 1))
    return Header(
        format=fmt.name,
        spec=deep,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        metadata=Metadata(
            icc=icc if profile_space(icc) in ("RGB", "GRAY") else b"",
            exif=_described(tags),
            xmp=bytes(tags.get(700) or b""),
            iptc=_iptc(tags),
        ),
        lost=("pages",) if tags.next and not limits.pages else (),
        detail={"deep": True},
    )


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the frames, one for each page."""
    if not header.detail.get("deep"):
        return pillow.decode(data, header, frames, accept_damaged=accept_damaged)
    np.copyto(frames[0].array, opencv.decode(data, header.spec, "TIFF"))
    return ()


def _tags(data: bytes | memoryview) -> TiffImagePlugin.ImageFileDirectory_v2:
    """The first directory of the file."""
    source = BytesIO(data)
    head = source.read(8)
    if len(head) == 8 and head[2:4] in (b"+\0", b"\0+"):
        head += source.read(8)
    with pillow.settings():
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        source.seek(tags.next)
        tags.load(source)
        # Values are decoded when they are first read, and a broken one raises then.
        tags.get(256)
    return tags


def _iptc(tags: TiffImagePlugin.ImageFileDirectory_v2) -> bytes:
    """From the tag of its own, or from the one with Photoshop's blocks; some writers call it longs."""
    found = tags.get(33723)
    if isinstance(found, tuple) and all(isinstance(value, int) for value in found):
        order = ">" if tags.prefix == b"MM" else "<"
        return struct.pack(f"{order}{len(found)}I", *found).rstrip(b"\0")
    if isinstance(found, bytes) and found:
        return found
    blocks = tags.get(34377)
    return iptc.find(blocks) if isinstance(blocks, bytes) else b""


def _deep_spec(tags: TiffImagePlugin.ImageFileDirectory_v2, width: int, height: int) -> Spec | None:
    """The spec of a page that Pillow would read with fewer bits or not at all; None for all others."""
    bits, samples = set(tags.get(258, (1,))), int(tags.get(277, 1))
    kind = set(tags.get(339, (1,)))
    colours = {1: "grey", 2: "rgb"}.get(int(tags.get(262, 1)), "")
    layout = _DEEP.get((colours, samples))
    if layout is None or (layout == "L" and not (kind == {3} and bits == {32})):
        return None
    if bits == {16} and kind == {1}:
        return Spec(width, height, layout, "uint16")
    if bits == {32} and kind == {3}:
        return Spec(width, height, layout, "float32")
    return None


def _with_pages(header: Header, image: Image.Image, limits: Limits, pages: range) -> Header:
    """All pages as frames when they are alike; else the first, with the loss named."""
    count = len(pages)
    header = replace(header, frames=count, detail={**header.detail, "first": pages[0]})
    if count == 1:
        return header
    check_size(*header.spec.size, limits, count)
    alike, real = True, 1
    for number in pages[1:]:
        image.seek(number)
        reduced = bool(int(getattr(image, "tag_v2", {}).get(254, 0)) & 1)
        real += not reduced
        same = image.size == header.spec.size and image.mode == header.detail["mode"]
        alike = alike and same and not reduced
    image.seek(pages[0])
    if alike:
        return header
    return replace(header, frames=1, lost=(*header.lost, "pages") if real > 1 else header.lost)


def described(data: bytes | memoryview) -> bytes:
    """The description in the directories of a TIFF file, as camera raw often is, as an EXIF block."""
    source = Image.Exif()
    with pillow.settings():
        source.load(bytes(data))
        return _exif(source)


def _exif(source: Image.Exif) -> bytes:
    """The description in a file's directories, as the EXIF block of other formats."""
    target = Image.Exif()
    for tag in _KEPT:
        if tag in source:
            target[tag] = source[tag]
    for tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        values = source.get_ifd(tag)
        if values:
            target.get_ifd(tag).update(values)
            target[tag] = target.get_ifd(tag)
    return target.tobytes().removeprefix(b"Exif\0\0") if len(target) else b""


def _described(tags: TiffImagePlugin.ImageFileDirectory_v2) -> bytes:
    """The same for a file that Pillow cannot open."""
    target = Image.Exif()
    for tag in _KEPT:
        if tag in tags:
            target[tag] = tags[tag]
    return target.tobytes().removeprefix(b"Exif\0\0") if len(target) else b""
