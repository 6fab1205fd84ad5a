"""What the metadata of a picture say about it: date, camera, title, copyright and artist.

They are read from EXIF, XMP, IPTC and the texts of a PNG.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from imgpar.core.blocks import Exif, Xmp, memoized
from imgpar.core.spec import Metadata
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata.xml import elements
from imgpar.formats.tlv import IPTC_DATASETS, walk

MAKE, MODEL, ARTIST, COPYRIGHT, XP_TITLE = 0x010F, 0x0110, 0x013B, 0x8298, 0x9C9B
ORIGINAL, DIGITIZED = 0x9003, 0x9004
_OFFSETS = {ORIGINAL: 0x9011, DIGITIZED: 0x9012}
_LONGEST = 2000
"""Characters of a value that are kept."""
_STAMP = re.compile(
    r"(\d{4})[:-](\d\d)[:-](\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?(?:[.,]\d+)?\s*(Z|[+-]\d\d:?\d\d)?"
)
_ITEM = re.compile(rb"<rdf:li\b[^<>]*+>([^<]*+)")
_START = re.compile(rb"<[^<>]*+>")
_XMP = {
    b"tiff:Make", b"tiff:Model", b"exif:DateTimeOriginal", b"photoshop:DateCreated", b"xmp:CreateDate",
    b"dc:title", b"dc:rights", b"dc:creator",
}  # fmt: skip
_ATTRIBUTE = re.compile(
    rb"(?<!\S)(" + b"|".join(sorted(_XMP)) + rb")\s*=\s*(?:\"([^\"<]*+)\"|'([^'<]*+)')",
)
_UTF8 = b"\x1b%G"
"""The character set of IPTC records (dataset 1:90): UTF-8."""


class Facts(NamedTuple):
    """What a picture says about itself; empty is unknown."""

    taken: str = ""
    """ISO 8601, local time, with the offset from UTC where it is known."""
    camera: str = ""
    title: str = ""
    copyright: str = ""
    artist: str = ""


def read_facts(metadata: Metadata) -> Facts:
    """What the metadata of a picture say. Of several sources EXIF comes first, then XMP, then IPTC."""
    xmp, iptc = xmp_values(metadata.xmp), iptc_values(metadata.iptc)
    main = tiff.first_ifd(metadata.exif)
    text = dict(_png_texts(metadata))

    def of(tag: int) -> str:
        return exif_text(metadata.exif, main, tag)

    make = of(MAKE) or xmp.get("tiff:Make", "")
    return Facts(
        _taken(metadata.exif, xmp, iptc),
        camera_name(make, of(MODEL) or xmp.get("tiff:Model", "")),
        xmp.get("dc:title")
        or iptc.get((2, 5), "")
        or _wide_text(metadata.exif, main)
        or text.get("Title", ""),
        of(COPYRIGHT) or xmp.get("dc:rights") or iptc.get((2, 116), "") or text.get("Copyright", ""),
        of(ARTIST) or xmp.get("dc:creator") or iptc.get((2, 80), "") or text.get("Author", ""),
    )


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


def timestamp(text: str, offset: str = "") -> str:
    """A date in the format of EXIF, XMP, IPTC or a container, as ISO 8601; empty where it is none.

    >>> timestamp("2024:05:01 10:00:00", "+02:00"), timestamp("2024-05-01T10:00Z")
    ('2024-05-01T10:00:00+02:00', '2024-05-01T10:00:00+00:00')
    >>> timestamp("0000:00:00 00:00:00"), timestamp("2024:02:30 10:00:00")
    ('', '')
    """
    found = _STAMP.match(text.strip())
    if found is None:
        return ""
    numbers = [int(part or 0) for part in found.groups()[:6]]
    zone = _zone(found[7] or offset)
    try:
        return datetime(*numbers, tzinfo=zone).isoformat()  # type: ignore[misc,arg-type]
    except ValueError:
        return ""


def _zone(text: str) -> timezone | None:
    if text == "Z":
        return UTC
    found = re.fullmatch(r"([+-])(\d\d):?(\d\d)", text.strip())
    if found is None or int(found[2]) > 23 or int(found[3]) > 59:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-offset if found[1] == "-" else offset)


def _taken(exif: Exif, xmp: Mapping[str, str], iptc: Mapping[tuple[int, int], str]) -> str:
    """When the picture was taken, else when it was digitized."""
    own = tiff.sub_ifd(exif, tiff.first_ifd(exif), tiff.EXIF_IFD)

    def of(tag: int) -> str:
        return timestamp(exif_text(exif, own, tag), exif_text(exif, own, _OFFSETS[tag]))

    day, clock = iptc.get((2, 55), ""), iptc.get((2, 60), "")
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", day)
    time = re.fullmatch(r"(\d\d)(\d\d)(\d\d)([+-]\d{4})?", clock)
    written = (
        " ".join([":".join(found.groups()), ":".join(time.groups()[:3]) if time else ""]) if found else ""
    )
    return (
        of(ORIGINAL)
        or timestamp(xmp.get("exif:DateTimeOriginal", ""))
        or timestamp(xmp.get("photoshop:DateCreated", ""))
        or timestamp(written, (time[4] or "") if time else "")
        or of(DIGITIZED)
        or timestamp(xmp.get("xmp:CreateDate", ""))
    )


def exif_text(exif: Exif, ifd: tiff.Ifd | None, tag: int) -> str:
    """The text of a tag: UTF-8, which ASCII is part of, else Latin-1. Empty where there is none."""
    entry = ifd.entries.get(tag) if ifd else None
    if entry is None or entry.kind not in (1, 2, 7):
        return ""
    value = bytes(exif[entry.value_at : entry.value_at + min(entry.nbytes, 4 * _LONGEST)])
    return _decoded(value.split(b"\0")[0])


def _wide_text(exif: Exif, ifd: tiff.Ifd | None) -> str:
    """The title that Windows writes, in UTF-16."""
    entry = ifd.entries.get(XP_TITLE) if ifd else None
    if entry is None or entry.kind != 1:
        return ""
    value = bytes(exif[entry.value_at : entry.value_at + min(entry.nbytes & ~1, 4 * _LONGEST)])
    return _short(value.decode("utf-16-le", "replace").split("\0")[0])


@memoized
def _xmp_values(xmp: Xmp) -> dict[str, str]:
    found = dict[str, str]()
    for attribute in _ATTRIBUTE.finditer(xmp):
        value = attribute[2] if attribute[2] is not None else attribute[3]
        found.setdefault(attribute[1].decode(), _short(html.unescape(_decoded(value))))
    for start, end in elements(xmp, _XMP.__contains__):
        whole = bytes(xmp[start:end])
        name = whole[1:].split(b">")[0].split()[0].rstrip(b"/").decode()
        items = _ITEM.findall(whole)
        head = _START.match(whole)
        value = items[0] if items else whole[head.end() :].split(b"<")[0] if head else b""
        found.setdefault(name, _short(html.unescape(_decoded(value))))
    return found


def xmp_values(xmp: Xmp) -> Mapping[str, str]:
    """Date, camera, title, rights and creator in an XMP packet, by their names; the first of a list."""
    return _xmp_values(xmp) if xmp else {}


def iptc_values(records: bytes) -> dict[tuple[int, int], str]:
    """The text of each IPTC dataset by record and number; the first of several."""
    found = dict[tuple[int, int], bytes]()
    for element in walk(records, IPTC_DATASETS):
        record, number = bytes(element.kind)
        found.setdefault((record, number), bytes(element.body))
    return {key: _short(_decoded(value)) for key, value in found.items() if key != (1, 90)}


def _png_texts(metadata: Metadata) -> Iterator[tuple[str, str]]:
    """Keyword and text of the chunks of a PNG that are not compressed."""
    for kind, body in metadata.text:
        keyword, _, rest = body.partition(b"\0")
        if kind == b"tEXt":
            yield keyword.decode("latin-1"), _short(rest.decode("latin-1"))
        elif kind == b"iTXt" and rest[:1] == b"\0":
            yield keyword.decode("latin-1"), _short(_decoded(rest[2:].split(b"\0", 2)[-1]))


def _decoded(value: bytes) -> str:
    try:
        return _short(value.decode())
    except UnicodeDecodeError:
        return _short(value.decode("latin-1"))


def _short(text: str) -> str:
    return text.strip()[:_LONGEST]
