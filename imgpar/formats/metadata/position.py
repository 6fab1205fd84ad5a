"""Geographic positions: parsed, and written as EXIF, XMP and ISO 6709."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from imgpar.core import parsing
from imgpar.core.errors import bad_value
from imgpar.formats.metadata.exif import RATIONAL

_BYTE, _ASCII = 1, 2
_DEGREES = re.compile(
    r"([NSEW])?\s{0,2}([+-]?\d{1,3}(?:\.\d{1,20})?)\s{0,2}°?\s{0,2}"
    r"(?:(\d{1,2}(?:\.\d{1,20})?)\s{0,2}['′]\s{0,2})?"
    r"(?:(\d{1,2}(?:\.\d{1,20})?)\s{0,2}(?:[\"″]|'')\s{0,2})?([NSEW])?"
)
_ARC = 10_000
"""Denominator of seconds of arc: 3 mm."""


class Position(NamedTuple):
    """A position in WGS 84."""

    latitude: float
    """Degrees, north is positive."""
    longitude: float
    """Degrees, east is positive."""
    altitude: float | None = None
    """Metres above sea level."""

    @property
    def words(self) -> str:
        """The coordinates for people.

        >>> Position(48.2082, 16.3738).words
        '48.20820, 16.37380'
        """
        return f"{self.latitude:.5f}, {self.longitude:.5f}"

    @property
    def iso6709(self) -> str:
        """As containers of clips store it.

        >>> Position(48.2082, -16.5, 171).iso6709
        '+48.20820-016.50000+171.000/'
        """
        height = "" if self.altitude is None else f"{self.altitude:+.3f}"
        return f"{self.latitude:+09.5f}{self.longitude:+010.5f}{height}/"


def parse_position(text: str) -> Position:
    """`48.2082,16.3738` or `48.2082,16.3738,171`; also degrees, minutes and seconds with N, S, E, W.

    >>> parse_position("48.2, 16.37, 171")
    Position(latitude=48.2, longitude=16.37, altitude=171.0)

    Raises:
        BadValueError: it is none, or lies outside of the globe.
    """
    parts = text.split(",")
    altitude = re.fullmatch(r"\s*([+-]?\d+(?:\.\d+)?)\s*m?\s*", parts[2]) if len(parts) == 3 else None
    places = (
        [_degrees(part, ways) for part, ways in zip(parts, ("NS", "EW"), strict=False)]
        if len(parts) in (2, 3)
        else []
    )
    wrong = len(places) != 2 or None in places or (len(parts) == 3 and altitude is None)
    for place, most, what in zip(places, (90, 180), ("latitude", "longitude"), strict=False):
        if not wrong and abs(place or 0) > most:
            raise bad_value(parsing.VALUE, f"a {what} from -{most} to {most} degrees", text)
    if wrong:
        expected = "latitude,longitude in degrees, such as 48.2082,16.3738, and perhaps an altitude"
        raise bad_value(parsing.VALUE, expected, text)
    return Position(places[0] or 0.0, places[1] or 0.0, float(altitude[1]) if altitude else None)


def _degrees(text: str, ways: str) -> float | None:
    match = _DEGREES.fullmatch(text.strip())
    way = (match[1] or match[5] or "") if match else ""
    if match is None or (way and way not in ways) or (match[1] and match[5]):
        return None
    minutes, seconds = float(match[3] or 0), float(match[4] or 0)
    if minutes >= 60 or seconds >= 60:
        return None
    whole = abs(float(match[2])) + minutes / 60 + seconds / 3600
    return -whole if match[2].startswith("-") or way in ("S", "W") else whole


def exif_tags(position: Position, order: str) -> dict[int, tuple[int, int, bytes]]:
    """Type, count and bytes by tag of the GPS directory; `order` is that of struct."""
    tags = {0: (_BYTE, 4, b"\2\3\0\0")}
    for tag, value, ways in ((1, position.latitude, b"NS"), (3, position.longitude, b"EW")):
        tags[tag] = (_ASCII, 2, bytes((ways[value < 0], 0)))
        tags[tag + 1] = (RATIONAL, 3, _arc(abs(value), order))
    if position.altitude is not None:
        tags[5] = (_BYTE, 1, bytes((position.altitude < 0,)))
        tags[6] = (RATIONAL, 1, struct.pack(order + "II", round(abs(position.altitude) * 1000), 1000))
    tags[18] = (_ASCII, 7, b"WGS-84\0")
    return tags


def _arc(value: float, order: str) -> bytes:
    """Degrees, minutes and seconds as three fractions."""
    total = round(value * 3600 * _ARC)
    minutes, seconds = divmod(total, 60 * _ARC)
    return struct.pack(order + "6I", minutes // 60, 1, minutes % 60, 1, seconds, _ARC)


def xmp_properties(position: Position) -> dict[str, str]:
    """The properties of XMP: degrees and decimal minutes (XMP specification, part 2, 1.2.7.4)."""
    found = {"exif:GPSVersionID": "2.3.0.0", "exif:GPSMapDatum": "WGS-84"}
    for name, value, ways in (("Latitude", position.latitude, "NS"), ("Longitude", position.longitude, "EW")):
        total = round(abs(value) * 60 * 1_000_000)
        degrees, minutes = divmod(total, 60 * 1_000_000)
        found[f"exif:GPS{name}"] = f"{degrees},{minutes / 1_000_000:.6f}{ways[value < 0]}"
    if position.altitude is not None:
        found["exif:GPSAltitudeRef"] = str(int(position.altitude < 0))
        found["exif:GPSAltitude"] = f"{round(abs(position.altitude) * 1000)}/1000"
    return found


def xmp_degrees(text: str) -> float | None:
    """Degrees from the text of XMP: `48,12.5N` or `48,12,30N`."""
    match = re.fullmatch(r"(\d+),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?([NSEW])", text.strip())
    if match is None:
        return None
    whole = int(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600
    return -whole if match[4] in "SW" else whole
