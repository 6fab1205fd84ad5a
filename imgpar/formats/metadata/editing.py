"""Metadata with new fields (`--set`), other dates (`--shift-dates`) or a position from a track (`--gpx`).

EXIF, XMP and IPTC agree afterwards, as the Metadata Working Group requires (MWG 2.0): what has a tag in EXIF
is written as EXIF and XMP, everything else as XMP; IPTC is updated where the file has it, and not created.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from imgpar.core.blocks import Exif, Xmp
from imgpar.core.spec import Metadata
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata import position as places
from imgpar.formats.metadata import reading
from imgpar.formats.metadata.dates import (
    Shift,
    exif_date,
    fraction,
    in_zone,
    iptc_date,
    offset_of,
    read_date,
    xmp_date,
)
from imgpar.formats.metadata.edits import MetadataEdits
from imgpar.formats.metadata.exif_rewrite import NewTag, ascii_tag, with_tags
from imgpar.formats.metadata.fields import TAGS, Content
from imgpar.formats.metadata.gpx import GpxTrack
from imgpar.formats.metadata.iptc_fields import read_datasets, shortened, with_datasets
from imgpar.formats.metadata.position import Position
from imgpar.formats.metadata.room import check_room
from imgpar.formats.metadata.xmp_properties import with_properties, xmp_values
from imgpar.formats.registry import Format

_XP = {"title": 0x9C9B, "artist": 0x9C9D, "keywords": 0x9C9E, "description": 0x9C9F}
"""Tags of Windows that repeat a field in UTF-16; they are removed, as they would contradict."""
_RATING_PERCENT = 0x4749
_DATES = {
    "main": (reading.CHANGED, reading.CHANGED_OFFSET),
    "exif": (
        reading.DATE, reading.OFFSET, reading.SUBSECONDS,
        reading.DIGITISED, reading.DIGITISED_OFFSET, reading.DIGITISED_SUBSECONDS, 0x9010, 0x9290,
    ),
}  # fmt: skip
_XMP_DATES = (
    "photoshop:DateCreated", "exif:DateTimeOriginal", "exif:DateTimeDigitized", "xmp:CreateDate",
    "xmp:ModifyDate", "tiff:DateTime",
)  # fmt: skip
_IPTC_DATES = ((55, 60), (62, 63))
_ONLY_REPEATED = frozenset({"make", "model"})
"""Fields that belong to EXIF: XMP gets them only where it has them already, or where there is no EXIF."""


class Edited(NamedTuple):
    """Metadata after a change, what the format could not store of it, and remarks."""

    metadata: Metadata
    changes: Changes
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Changes:
    """What becomes of tags, properties and datasets."""

    main: dict[int, NewTag | None] = field(default_factory=dict)
    exif: dict[int, NewTag | None] = field(default_factory=dict)
    gps: Position | None = None
    """The new position."""
    without_gps: bool = False
    """Whether the old position is removed."""
    rating: int | None = None
    xmp: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    iptc: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    png: dict[bytes, str] = field(default_factory=dict)
    """Text chunks of a PNG; empty removes."""

    def in_tiff(self, block: bytes, more: Mapping[int, NewTag | None] | None = None) -> bytes:
        """EXIF, or a TIFF file, with the changes; empty where its directory cannot be parsed.

        Args:
            block: EXIF or a file; empty makes new EXIF, if there is anything to write.
            more: further tags of the first directory.
        """
        order = tiff.byte_order(block) or "<"
        main = {**self.main, **(more or {})}
        first = tiff.leading_ifd(block) if block else None
        if self.rating is not None and first and TAGS["rating"].exif in first.entries:
            stars = struct.pack(order + "H", max(self.rating, 0))
            main |= {TAGS["rating"].exif: (tiff.SHORT, 1, stars), _RATING_PERCENT: None}
        gps = places.exif_tags(self.gps, order) if self.gps else {0: None} if self.without_gps else None
        return with_tags(block, main, self.exif, gps, new_gps=self.without_gps)


def edited(metadata: Metadata, edits: MetadataEdits, fmt: Format, path: str, strip: str = "") -> Edited:
    """The metadata with all changes.

    Args:
        metadata: without what is to be stripped.
        edits: what is to be changed.
        fmt: of the output: blocks that it cannot store are not made.
        path: of the input, for templates.
        strip: what was stripped: `exif` and `xmp` are not made again.

    Raises:
        EncodeError: the format has no room for them.
    """
    exif, xmp = fmt.exif and strip != "exif", fmt.xmp and strip != "xmp"
    changes, notes = Changes(), list[str]()
    taken = reading.read_taken(metadata)
    if edits.shift:
        taken = _shift_dates(metadata, edits.shift, changes, notes)
    values, missing = edits.fields.filled(
        {**reading.template_values(metadata, path), "date": taken} if edits.fields.facts else {}
    )
    notes += [f"--set: it has no {name}" for name in missing]
    if isinstance(date := values.get("date"), datetime):
        taken = date
    if edits.track and (found := _on_track(edits, edits.track, taken, notes)):
        values["gps"] = found
    for name, value in values.items():
        _change(metadata, name, value, changes, with_exif=exif)
    lost = [
        name for name, value in values.items() if value is not None and not _held(name, exif=exif, xmp=xmp)
    ]
    made, more = _applied(metadata, changes, exif=exif, xmp=xmp)
    check_room(metadata, made, fmt)
    return Edited(made, changes, (*dict.fromkeys(name.rstrip("+") for name in lost), *more), tuple(notes))


def _held(name: str, *, exif: bool, xmp: bool) -> bool:
    """Whether a format with these blocks stores a field."""
    return xmp or (
        exif and (name in ("date", "gps") or (bool(TAGS[name.rstrip("+")].exif) and name != "rating"))
    )


def _applied(
    metadata: Metadata, changes: Changes, *, exif: bool, xmp: bool
) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata with the changes, and what is lost: a packet of XMP that is damaged."""
    lost = tuple[str, ...]()
    if exif:
        block = metadata.exif if tiff.is_sound(metadata.exif) else Exif()
        if (new := changes.in_tiff(block)) != block:
            metadata = metadata._replace(exif=Exif(new))
    if xmp and changes.xmp:
        packet = with_properties(metadata.xmp, changes.xmp)
        if packet is None:
            packet, lost = with_properties(Xmp(), changes.xmp), ("xmp",)
        metadata = metadata._replace(xmp=packet or Xmp())
    if metadata.iptc and changes.iptc:
        metadata = metadata._replace(iptc=with_datasets(metadata.iptc, changes.iptc))
    if changes.png and metadata.text:
        metadata = metadata._replace(text=_texts(metadata.text, changes.png))
    if metadata.pages:  # those of the file are those of the first page
        pages = (_first_page(metadata), *metadata.pages[1:])
        metadata = metadata._replace(pages=pages)
    return metadata, lost


def _first_page(metadata: Metadata) -> Metadata:
    return metadata.pages[0]._replace(exif=metadata.exif, xmp=metadata.xmp, iptc=metadata.iptc)


def _texts(
    texts: tuple[tuple[bytes, bytes], ...], new: Mapping[bytes, str]
) -> tuple[tuple[bytes, bytes], ...]:
    """Text chunks of a PNG in which some keywords have another text; none is added."""
    made = list[tuple[bytes, bytes]]()
    for kind, body in texts:
        keyword = bytes(body).partition(b"\0")[0]
        if keyword not in new:
            made.append((kind, body))
        elif new[keyword]:
            made.append((b"iTXt", keyword + b"\0\0\0\0\0" + new[keyword].encode()))
    return tuple(made)


def _change(
    metadata: Metadata, name: str, value: Content | None, changes: Changes, *, with_exif: bool
) -> None:
    """Note what becomes of one field."""
    if name == "date":
        _set_date(metadata, value if isinstance(value, datetime) else None, changes)
        return
    if name == "gps":
        _set_gps(metadata, value if isinstance(value, Position) else None, changes, with_exif=with_exif)
        return
    texts = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
    values = tuple(map(str, texts))
    if name.endswith("+"):
        name = name[:-1]
        values = tuple(dict.fromkeys((*_keywords(metadata), *values)))
    tag = TAGS[name]
    joined = "; ".join(values)
    if name == "rating":
        changes.rating = int(joined) if joined else -1
    elif tag.exif:
        changes.main[tag.exif] = ascii_tag(joined) if joined else None
    if name in _XP:
        changes.main[_XP[name]] = None
    if name not in _ONLY_REPEATED or not with_exif or tag.xmp[0] in xmp_values(metadata.xmp):
        changes.xmp[tag.xmp[0]] = (tag.xmp[1], values)
    if tag.iptc:
        changes.iptc[tag.iptc] = tuple(shortened(one, tag.longest) for one in values)
    if tag.png:
        changes.png[tag.png] = joined


def _keywords(metadata: Metadata) -> tuple[str, ...]:
    listed = xmp_values(metadata.xmp).get("dc:subject", ())
    return listed or read_datasets(metadata.iptc).get(TAGS["keywords"].iptc, ())


def _set_date(metadata: Metadata, date: datetime | None, changes: Changes) -> None:
    if date is None:
        changes.main |= dict.fromkeys(_DATES["main"])
        changes.exif |= dict.fromkeys(_DATES["exif"])
        changes.xmp |= dict.fromkeys(_XMP_DATES, ("text", ()))
        changes.iptc |= {number: () for pair in _IPTC_DATES for number in pair}
        changes.png[b"Creation Time"] = ""
        return
    exif, digits, offset = reading.read_exif(metadata.exif), fraction(date), offset_of(date)
    tags = [(reading.DATE, reading.OFFSET, reading.SUBSECONDS)]
    before = exif.text(reading.DATE, detail=True)
    if before and before == exif.text(reading.DIGITISED, detail=True):  # a photo of a digital camera
        tags.append((reading.DIGITISED, reading.DIGITISED_OFFSET, reading.DIGITISED_SUBSECONDS))
        changes.xmp |= dict.fromkeys(("xmp:CreateDate", "exif:DateTimeDigitized"), ("text", ()))
        if 62 in read_datasets(metadata.iptc):
            changes.iptc |= {62: (iptc_date(date)[0],), 63: (iptc_date(date)[1],)}
    for taken, zone, part in tags:
        changes.exif[taken] = ascii_tag(exif_date(date))
        changes.exif[zone] = ascii_tag(offset) if offset else None
        changes.exif[part] = ascii_tag(digits) if digits else None
    changes.xmp |= {
        "exif:DateTimeOriginal": ("text", ()),
        "photoshop:DateCreated": ("text", (xmp_date(date),)),
    }
    day, time = iptc_date(date)
    changes.iptc |= {55: (day,), 60: (time,)}
    changes.png[b"Creation Time"] = xmp_date(date)


def _set_gps(metadata: Metadata, position: Position | None, changes: Changes, *, with_exif: bool) -> None:
    """XMP repeats the position where it did before, or where there is no EXIF."""
    known = {name for name in xmp_values(metadata.xmp) if name.startswith("exif:GPS")}
    changes.gps, changes.without_gps = position, True
    changes.xmp |= dict.fromkeys(known, ("text", ()))
    if position and (known or not with_exif):
        changes.xmp |= {name: ("text", (text,)) for name, text in places.xmp_properties(position).items()}


def _on_track(
    edits: MetadataEdits, track: GpxTrack, taken: datetime | None, notes: list[str]
) -> Position | None:
    """The position at the time of the picture; a note where there is none."""
    if taken is None:
        notes.append("no position: it has no date")
        return None
    moment = in_zone(taken, edits.offset)
    if moment is None:
        notes.append("no position: its date has no time zone; --gpx-offset +02:00 gives that of the camera")
        return None
    found = track.at(moment, edits.gap)
    if found is None:
        notes.append(f"no position: the track has none within {edits.gap:g} s of {xmp_date(moment)}")
    return found


def _shift_dates(metadata: Metadata, shift: Shift, changes: Changes, notes: list[str]) -> datetime | None:
    """Note the shifted dates; returns the new date of the picture."""
    exif = reading.read_exif(metadata.exif)
    found = False
    for tag, detail in ((reading.CHANGED, False), (reading.DATE, True), (reading.DIGITISED, True)):
        text = _shifted(exif.text(tag, detail=detail), shift)
        if text:
            (changes.exif if detail else changes.main)[tag] = ascii_tag(text)
            found = True
    properties = xmp_values(metadata.xmp)
    for name in _XMP_DATES:
        text = _shifted(next(iter(properties.get(name, ())), ""), shift)
        if text:
            changes.xmp[name] = ("text", (text,))
            found = True
    found = _shift_iptc(metadata.iptc, shift, changes) or found
    taken = reading.read_taken(metadata)
    if not found:
        notes.append("no date to shift")
        return taken
    return shift.added(taken) if taken else None


def _shifted(text: str, shift: Shift) -> str:
    """A date as EXIF or XMP write it, shifted; fractions and offset stay. Empty where it is none."""
    date = read_date(text)
    moved = shift.added(date.replace(tzinfo=None)) if date else None
    if moved is None:
        return ""
    text = text.strip()
    day = f"{moved.year:04}{text[4]}{moved:%m}{text[7]}{moved:%d}"
    if len(text) < 16:
        return day
    seconds = len(text) > 16 and text[16] == ":"
    clock = f"{moved:%H:%M:%S}" if seconds else f"{moved:%H:%M}"
    rest = text[19:] if seconds else text[16:]
    return f"{day}{text[10]}{clock}{rest}"


def _shift_iptc(records: bytes, shift: Shift, changes: Changes) -> bool:
    """Shift dates of IPTC; one without a time by whole days."""
    datasets, found = read_datasets(records), False
    for day_number, time_number in _IPTC_DATES:
        day, time = (next(iter(datasets.get(number, ())), "") for number in (day_number, time_number))
        if len(day) != 8:
            continue
        clock = f"T{time[:2]}:{time[2:4]}:{time[4:6]}" if len(time) >= 6 else ""
        date = read_date(f"{day[:4]}-{day[4:6]}-{day[6:]}{clock}")
        whole = 86400 * int(shift.seconds / 86400)
        moved = replace(shift, seconds=shift.seconds if clock else whole).added(date) if date else None
        if moved is not None:
            found = True
            changes.iptc[day_number] = (f"{moved.year:04}{moved:%m%d}".encode(),)
            if clock:
                changes.iptc[time_number] = (f"{moved:%H%M%S}{time[6:]}".encode(),)
    return found
