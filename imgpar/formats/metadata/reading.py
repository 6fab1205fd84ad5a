"""What the metadata of a picture say: title, creator, date, position, camera.

EXIF comes first, then XMP, IPTC and the text chunks of a PNG.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from imgpar.core.blocks import Exif, memoized
from imgpar.core.spec import Metadata
from imgpar.core.templates import Value
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata.dates import read_date, xmp_date, zone
from imgpar.formats.metadata.fields import TAGS
from imgpar.formats.metadata.iptc_fields import read_datasets
from imgpar.formats.metadata.position import Position, xmp_degrees
from imgpar.formats.metadata.xmp_properties import xmp_values

DATE, OFFSET, SUBSECONDS = 0x9003, 0x9011, 0x9291
DIGITISED, DIGITISED_OFFSET, DIGITISED_SUBSECONDS = 0x9004, 0x9012, 0x9292
CHANGED, CHANGED_OFFSET = 0x0132, 0x9010
_EXPOSURE, _APERTURE, _SENSITIVITY, _FOCAL = 0x829A, 0x829D, 0x8827, 0x920A
_LENS, _XP_TITLE = 0xA434, 0x9C9B


class ExifFacts(NamedTuple):
    """Values of EXIF by directory and tag: texts, and fractions as numbers."""

    main: Mapping[int, str | tuple[float, ...]] = {}
    detail: Mapping[int, str | tuple[float, ...]] = {}
    gps: Mapping[int, str | tuple[float, ...]] = {}

    def text(self, tag: int, *, detail: bool = False) -> str:
        """A text; empty where there is none."""
        value = (self.detail if detail else self.main).get(tag, "")
        return value if isinstance(value, str) else ""

    def number(self, tag: int) -> float:
        """A number of the exposure; 0 where there is none."""
        value = self.detail.get(tag, ())
        return value[0] if value and not isinstance(value, str) else 0.0


@memoized
def read_exif(exif: Exif) -> ExifFacts:
    """The values of a block; empty where it cannot be parsed."""
    main = tiff.first_ifd(exif)
    below = (tiff.sub_ifd(exif, main, tag) for tag in (tiff.EXIF_IFD, tiff.GPS_IFD))
    return ExifFacts(*(_values(exif, ifd) for ifd in (main, *below)))


def _values(exif: bytes, ifd: tiff.Ifd | None) -> dict[int, str | tuple[float, ...]]:
    found: dict[int, str | tuple[float, ...]] = {}
    order = tiff.byte_order(exif) or "<"
    for tag, entry in ifd.entries.items() if ifd else ():
        body = exif[entry.value_at : entry.value_at + entry.nbytes]
        if entry.kind == 2:
            text = body.split(b"\0")[0]
            try:
                found[tag] = text.decode().strip()
            except UnicodeDecodeError:
                found[tag] = text.decode("cp1252", "replace").strip()
        elif entry.kind in tiff.WHOLE and entry.number <= 16:
            found[tag] = tuple(
                map(float, struct.unpack(f"{order}{entry.number}{tiff.WHOLE[entry.kind]}", body))
            )
        elif entry.kind in (5, 10) and entry.number <= 16:
            code = "I" if entry.kind == 5 else "i"
            parts = struct.unpack(f"{order}{2 * entry.number}{code}", body)
            found[tag] = tuple(a / b if b else 0.0 for a, b in zip(parts[::2], parts[1::2], strict=True))
    return found


def field_values(metadata: Metadata, name: str) -> tuple[str, ...]:
    """The texts of a field of `TAGS`, other than date and gps; empty where there is none."""
    tag = TAGS[name]
    text = read_exif(metadata.exif).text(tag.exif) if tag.exif else ""
    listed = xmp_values(metadata.xmp).get(tag.xmp[0], ())
    if text and name != "artist" and name != "rating":
        return (text,)
    if name == "artist" and text:
        return tuple(part.strip() for part in text.split(";") if part.strip())
    if any(listed):
        return listed if tag.xmp[1] in ("seq", "bag") else listed[:1]
    if tag.iptc and (found := read_datasets(metadata.iptc).get(tag.iptc)):
        return found
    if name == "title" and (wide := _wide_title(metadata.exif)):
        return (wide,)
    return tuple(filter(None, (_png_text(metadata, tag.png),))) if tag.png else ()


def _wide_title(exif: Exif) -> str:
    """The title that Windows writes, in UTF-16."""
    main = tiff.first_ifd(exif)
    entry = main.entries.get(_XP_TITLE) if main else None
    if entry is None or entry.kind != 1:
        return ""
    value = exif[entry.value_at : entry.value_at + (entry.nbytes & ~1)]
    return value.decode("utf-16-le", "replace").split("\0")[0].strip()


def _png_text(metadata: Metadata, keyword: bytes) -> str:
    for kind, body in metadata.text:
        word, _, rest = bytes(body).partition(b"\0")
        if word == keyword and kind == b"tEXt":
            return rest.decode("latin-1").strip()
        if word == keyword and kind == b"iTXt" and rest[:1] == b"\0":
            return rest[2:].split(b"\0", 2)[-1].decode("utf-8", "replace").strip()
    return ""


def read_taken(metadata: Metadata) -> datetime | None:
    """When the picture was taken, else when it was digitised; with its time zone where that is known."""
    exif, properties = read_exif(metadata.exif), xmp_values(metadata.xmp)

    def in_exif(date: int, offset: int, subseconds: int) -> datetime | None:
        found = read_date(exif.text(date, detail=True))
        digits = exif.text(subseconds, detail=True)
        if found is not None and digits.isascii() and digits.isdigit():
            found = found.replace(microsecond=int(digits.ljust(6, "0")[:6]))
        return found and found.replace(tzinfo=zone(exif.text(offset, detail=True)))

    def in_xmp(name: str) -> datetime | None:
        return read_date(next(iter(properties.get(name, ())), ""))

    return (
        in_exif(DATE, OFFSET, SUBSECONDS)
        or in_xmp("exif:DateTimeOriginal")
        or in_xmp("photoshop:DateCreated")
        or _in_iptc(metadata.iptc)
        or in_exif(DIGITISED, DIGITISED_OFFSET, DIGITISED_SUBSECONDS)
        or in_xmp("xmp:CreateDate")
    )


def _in_iptc(records: bytes) -> datetime | None:
    datasets = read_datasets(records)
    day, time = (next(iter(datasets.get(number, ())), "") for number in (55, 60))
    if len(day) != 8:
        return None
    clock = f"T{time[:2]}:{time[2:4]}:{time[4:6]}{time[6:]}" if len(time) >= 6 else ""
    return read_date(f"{day[:4]}-{day[4:6]}-{day[6:]}{clock}")


def read_position(metadata: Metadata) -> Position | None:
    """Where the picture was taken; None where it is not known."""
    gps = read_exif(metadata.exif).gps
    places = [_degrees(gps, tag) for tag in (2, 4)]
    altitude = gps.get(6)
    if None not in places:
        height = altitude[0] if altitude and not isinstance(altitude, str) else None
        below = gps.get(5) == (1.0,)
        return Position(
            places[0] or 0.0, places[1] or 0.0, -height if below and height is not None else height
        )
    properties = xmp_values(metadata.xmp)
    texts = [next(iter(properties.get(f"exif:GPS{name}", ())), "") for name in ("Latitude", "Longitude")]
    north, east = map(xmp_degrees, texts)
    return None if north is None or east is None else Position(north, east)


def _degrees(gps: Mapping[int, str | tuple[float, ...]], tag: int) -> float | None:
    value, way = gps.get(tag), gps.get(tag - 1)
    if not isinstance(value, tuple) or len(value) != 3 or not isinstance(way, str):
        return None
    whole = value[0] + value[1] / 60 + value[2] / 3600
    return (-whole if way.upper() in ("S", "W") else whole) if whole <= 180 else None


def read_camera(metadata: Metadata) -> str:
    """Make and model, without the make twice."""
    return camera_name(*(next(iter(field_values(metadata, name)), "") for name in ("make", "model")))


def camera_name(make: str, model: str) -> str:
    """Make and model, without the make twice.

    >>> camera_name("Canon", "Canon EOS R5"), camera_name("NIKON CORPORATION", "NIKON Z 6")
    ('Canon EOS R5', 'NIKON Z 6')
    >>> camera_name("Apple", "iPhone 15")
    'Apple iPhone 15'
    """
    first = make.split(" ")[0]
    if not model or (first and model.lower().startswith(first.lower())):
        return model or make
    return f"{make} {model}".strip()


def template_values(metadata: Metadata, path: str) -> dict[str, Value]:
    """The values for templates (`fields.FACTS`) of a picture; those that are missing are None or empty.

    Args:
        metadata: without what is to be stripped.
        path: of the input.
    """
    name = os.path.basename(path)
    exif, position = read_exif(metadata.exif), read_position(metadata)
    texts = ("copyright", "artist", "title", "description", "city", "country")
    lens = xmp_values(metadata.xmp).get("aux:Lens", ("",))[0]
    return {
        "date": read_taken(metadata),
        "filename": name,
        "stem": os.path.splitext(name)[0],
        **{field: "; ".join(field_values(metadata, field)) for field in texts},
        "gps": position.words if position else None,
        "camera": read_camera(metadata),
        "lens": exif.text(_LENS, detail=True) or lens,
        "exposure": _exposure(exif),
    }


def _exposure(exif: ExifFacts) -> str:
    """`1/250 s f/2.8 ISO 100 50 mm`, as far as it is known."""
    seconds, aperture = exif.number(_EXPOSURE), exif.number(_APERTURE)
    words = []
    if seconds:
        words.append(f"{seconds:g} s" if seconds >= 0.3 else f"1/{round(1 / seconds)} s")
    words += [f"f/{aperture:.3g}"] if aperture else []
    words += [f"ISO {exif.number(_SENSITIVITY):.0f}"] if exif.number(_SENSITIVITY) else []
    words += [f"{exif.number(_FOCAL):.3g} mm"] if exif.number(_FOCAL) else []
    return " ".join(words)


def shown_fields(metadata: Metadata) -> dict[str, str | tuple[str, ...]]:
    """The fields for `imgpar info`, without empty ones."""
    found: dict[str, str | tuple[str, ...]] = {}
    for name in TAGS:
        if name in ("date", "gps", "make", "model"):
            continue
        values = field_values(metadata, name)
        if values and name == "keywords":
            found[name] = values
        elif values:
            found[name] = "; ".join(values)
    taken, position = read_taken(metadata), read_position(metadata)
    more = {
        "date": xmp_date(taken) if taken else "",
        "camera": read_camera(metadata),
        "gps": _shown(position) if position else "",
    }
    return found | {name: text for name, text in more.items() if text}


def _shown(position: Position) -> str:
    height = "" if position.altitude is None else f", {position.altitude:g}"
    return position.words + height
