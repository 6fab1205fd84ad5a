"""Tracks of a GPS receiver (GPX): where the camera was at a time."""

from __future__ import annotations

import os
import struct
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, bad_value
from imgpar.formats.metadata.dates import read_date
from imgpar.formats.metadata.position import Position

_POINT = struct.Struct("<dddd")
_LARGEST = 256 << 20
_UNKNOWN = float("nan")


@dataclass(frozen=True, slots=True)
class GpxTrack:
    """The points of a GPX file, in order of time."""

    name: str
    """The path as given."""
    points: bytes = field(default=b"", repr=False)
    """Seconds since 1970, latitude, longitude, altitude (NaN where it is unknown), each a 64-bit float."""

    def __str__(self) -> str:
        return self.name

    def at(self, date: datetime, gap: float) -> Position | None:
        """The position at a time, interpolated; None outside of the track, or where the points before and
        after are more than `gap` seconds apart (one within `gap` at an end of the track is taken).

        Args:
            date: with its time zone.
            gap: in seconds.
        """
        times = _times(self.points)
        wanted = date.timestamp()
        place = bisect_left(times, wanted)
        before, after = max(place - 1, 0), min(place, len(times) - 1)
        if before == after or times[after] == wanted:
            return self._point(after) if abs(times[after] - wanted) <= gap else None
        span = times[after] - times[before]
        if not times[before] <= wanted <= times[after]:
            nearest = before if abs(times[before] - wanted) < abs(times[after] - wanted) else after
            return self._point(nearest) if abs(times[nearest] - wanted) <= gap else None
        if span > gap:
            return None
        return _between(self._point(before), self._point(after), (wanted - times[before]) / span)

    def _point(self, index: int) -> Position:
        _, latitude, longitude, altitude = _POINT.unpack_from(self.points, index * _POINT.size)
        return Position(latitude, longitude, None if altitude != altitude else altitude)


def _between(one: Position, other: Position, share: float) -> Position:
    """A point on the line between two; across the date line on the shorter way."""
    turn = other.longitude - one.longitude
    turn -= 360 * round(turn / 360)
    longitude = one.longitude + turn * share
    altitude = None
    if one.altitude is not None and other.altitude is not None:
        altitude = one.altitude + (other.altitude - one.altitude) * share
    return Position(
        one.latitude + (other.latitude - one.latitude) * share,
        longitude - 360 * round(longitude / 360),
        altitude,
    )


@lru_cache(maxsize=4)
def _times(points: bytes) -> tuple[float, ...]:
    return tuple(time for time, *_ in _POINT.iter_unpack(points))


@parsing.accepts("str | os.PathLike[str]")
def parse_track(value: object) -> GpxTrack:
    """The track in a GPX file.

    Raises:
        BadValueError: there is no such file, or it has no points with times.
    """
    if isinstance(value, GpxTrack):
        return value
    if not isinstance(value, (str, os.PathLike)):
        raise bad_value(parsing.VALUE, "the path of a GPX file", value)
    name = os.fspath(value)
    if not os.path.isfile(name):
        problem = "is not a file" if os.path.lexists(name) else "does not exist"
        raise BadValueError(f"The track {name!r} of {parsing.VALUE} {problem}.")
    with open(name, "rb") as file:
        data = file.read(_LARGEST + 1)
    found = _read(data, name)
    if not found:
        raise BadValueError(f"{parsing.VALUE}: {name} has no track points with times.")
    return GpxTrack(name, b"".join(_POINT.pack(*point) for point in sorted(found)))


def _read(data: bytes, name: str) -> list[tuple[float, float, float, float]]:
    """The points of a file. Document types, which can expand text, are refused."""
    from xml.parsers import expat

    found = list[tuple[float, float, float, float]]()
    current: dict[str, Any] = {}
    text = list[str]()

    def start(tag: str, attributes: dict[str, str]) -> None:
        text.clear()
        if tag.rpartition(":")[2] in ("trkpt", "rtept"):
            current.clear()
            current.update(attributes)

    def end(tag: str) -> None:
        own = tag.rpartition(":")[2]
        if own in ("time", "ele"):
            current.setdefault(own, "".join(text))
        elif own in ("trkpt", "rtept") and (point := _point(current)):
            found.append(point)
        text.clear()

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    try:
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data or len(data) > _LARGEST:
            raise BadValueError(f"{parsing.VALUE}: {name} is not a GPX file.")
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError) as error:
        raise BadValueError(
            f"{parsing.VALUE}: {name} is not a GPX file, it is not well-formed XML."
        ) from error
    return found


def _point(facts: dict[str, Any]) -> tuple[float, float, float, float] | None:
    date = read_date(str(facts.get("time", "")))
    try:
        latitude, longitude = float(facts["lat"]), float(facts["lon"])
        altitude = float(facts["ele"]) if "ele" in facts else _UNKNOWN
    except (KeyError, ValueError):
        return None
    if date is None or date.tzinfo is None or not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    return date.timestamp(), latitude, longitude, altitude
