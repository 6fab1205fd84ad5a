"""Tags of containers: their values for templates, and new ones (`--set`, `--shift-dates`, `--gpx`)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from imgpar.core.templates import Value
from imgpar.formats.metadata.dates import read_date, xmp_date
from imgpar.formats.metadata.edits import MetadataEdits
from imgpar.formats.metadata.fields import LISTS, TAGS, Content
from imgpar.formats.metadata.position import Position
from imgpar.formats.metadata.reading import camera_name

PLACES = ("location", "gps", "geo", "\xa9xyz")
"""Parts of the keys of positions and places."""
_CREATED, _APPLE_CREATED = "creation_time", "com.apple.quicktime.creationdate"
_APPLE_PLACE = "com.apple.quicktime.location.iso6709"
_DATES = (_APPLE_CREATED, _CREATED, "date")
_PLACE = re.compile(r"([+-]\d{1,3}(?:\.\d{1,9})?)([+-]\d{1,3}(?:\.\d{1,9})?)")


class NewTags(NamedTuple):
    """ffmpeg options for new tags, and what becomes of the fields."""

    options: tuple[str, ...] = ()
    written: tuple[tuple[str, str], ...] = ()
    """Key of the container and field of `--set`: whether the container has it is seen in the new file."""
    removed: frozenset[str] = frozenset()
    """Keys that are removed, in lower case."""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def is_stripped(key: str, strip: str) -> bool:
    """Whether `--strip` removes this metadata entry."""
    return strip in ("exif", "all") or (strip == "gps" and any(word in key.lower() for word in PLACES))


def read_date_of(tags: Mapping[str, str]) -> datetime | None:
    """When a clip was taken; the times of containers are UTC."""
    known = {key.lower(): value for key, value in tags.items()}
    for key in _DATES:
        found = read_date(known.get(key, ""))
        if found is not None:
            return found if found.tzinfo or key != _CREATED else found.replace(tzinfo=UTC)
    return None


def clip_values(tags: Mapping[str, str], path: str) -> dict[str, Value]:
    """The values for templates (`metadata.fields.FACTS`) of a clip.

    >>> clip_values({"TITLE": "Sea"}, "a/b.mkv")["title"]
    'Sea'

    Args:
        tags: of the container, without what is to be stripped.
        path: of the input.
    """
    known = {key.lower(): value for key, value in tags.items()}
    name = os.path.basename(path)
    camera = (known.get(f"com.apple.quicktime.{word}", known.get(word, "")) for word in ("make", "model"))
    places = (_PLACE.match(value) for key, value in known.items() if "location" in key or "xyz" in key)
    place = next(filter(None, places), None)
    found: dict[str, Value] = {
        field: known.get(TAGS[field].clip) or known.get(f"com.apple.quicktime.{field}")
        for field in ("copyright", "artist", "title", "description")
    }
    return found | {
        "date": read_date_of(tags),
        "filename": name,
        "stem": os.path.splitext(name)[0],
        "gps": Position(float(place[1]), float(place[2])).words if place else None,
        "camera": camera_name(*camera),
    }


def new_tags(tags: Mapping[str, str], edits: MetadataEdits | None, strip: str, path: str) -> NewTags:
    """The new tags of a clip.

    Args:
        tags: of the container of the input.
        edits: what is to be changed; None for nothing.
        strip: what is stripped before.
        path: of the input, for templates.
    """
    if edits is None:
        return NewTags()
    known = {key.lower(): value for key, value in tags.items() if not is_stripped(key, strip)}
    notes = list[str]()
    taken = read_date_of(known)
    facts = clip_values(known, path)
    values, missing = edits.fields.filled({**facts, "date": edits.shifted(taken)})
    notes += [f"--set: it has no {name}" for name in missing]
    if edits.shift and taken is None:
        notes.append("no date to shift")
    elif edits.shift and taken:
        moved = edits.shift.added(taken)
        values = {"date": moved, **values} if moved else values
    if edits.track:
        position = _on_track(edits, values.get("date", taken), notes)
        values |= {"gps": position} if position else {}
    new, lost = dict[str, tuple[str, str]](), list[str]()
    for name, value in values.items():
        field = name.rstrip("+")
        texts = _texts(field, value, known, adds=name.endswith("+"))
        if not texts and value is not None:
            lost.append(field)
        new |= {key: (text, field) for key, text in texts.items()}
    options = [word for key, (text, _) in new.items() for word in ("-metadata", f"{key}={text}")]
    written = tuple((key, field) for key, (text, field) in new.items() if text)
    gone = frozenset(key for key, (text, _) in new.items() if not text)
    return NewTags(tuple(options), written, gone, tuple(lost), tuple(notes))


def _texts(field: str, value: Content | None, known: Mapping[str, str], *, adds: bool) -> dict[str, str]:
    """The keys of a field with their texts; an empty text removes."""
    if field == "date":
        date = value if isinstance(value, datetime) else None
        keys = [_CREATED, *(key for key in (_APPLE_CREATED, "date") if key in known)]
        return {key: _date(key, date) for key in keys}
    if field == "gps":
        place = value.iso6709 if isinstance(value, Position) else ""
        old = [key for key in known if any(word in key for word in PLACES)]
        return {**dict.fromkeys(old, ""), **{key: place for key in ("location", *old) if _is_point(key)}}
    key = TAGS[field].clip
    if not key:
        return {}
    parts = (value,) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, tuple) else ()
    if adds:
        before = [part.strip() for part in known.get(key, "").split(",") if part.strip()]
        parts = tuple(dict.fromkeys((*before, *parts)))
    text = f"{LISTS.get(field, ';')} ".join(parts)
    apple = f"com.apple.quicktime.{key}"
    return {key: text, **({apple: text} if apple in known else {})}


def _is_point(key: str) -> bool:
    return key in ("location", _APPLE_PLACE, "\xa9xyz")


def _date(key: str, date: datetime | None) -> str:
    if date is None:
        return ""
    if key != _CREATED:
        return xmp_date(date)
    utc = (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    return f"{utc.year:04}{utc:-%m-%dT%H:%M:%S}.{utc.microsecond:06}Z"


def _on_track(edits: MetadataEdits, taken: Content | None, notes: list[str]) -> Position | None:
    if not isinstance(taken, datetime) or edits.track is None:
        notes.append("no position: it has no date")
        return None
    moment = taken if taken.tzinfo else taken.replace(tzinfo=UTC)
    found = edits.track.at(moment, edits.gap)
    if found is None:
        notes.append(f"no position: the track has none within {edits.gap:g} s of {xmp_date(moment)}")
    return found
