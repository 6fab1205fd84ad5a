"""Dates of metadata: parsed, written as EXIF, XMP and IPTC, and shifted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from imgpar.core import parsing
from imgpar.core.errors import bad_value

_DATE = re.compile(
    r"(\d{4})[-:](\d\d)[-:](\d\d)(?:[T ]+(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d)?)?"
)
_SHIFT = re.compile(r"([+-]?)((?:\d{1,9}(?:\.\d{1,6})?\s{0,2}[dhms]\s{0,2}){1,8}|\d{1,6}:\d\d(?::\d\d)?)")
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s{0,2}([dhms])")
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_MOST = timedelta(days=200 * 366)


@dataclass(frozen=True, slots=True)
class Shift:
    """A difference that is added to dates."""

    seconds: int
    """Whole seconds, so that fractions of a second are kept as they are."""

    def __str__(self) -> str:
        rest, words = abs(self.seconds), ""
        for unit, size in _SECONDS.items():
            count, rest = divmod(rest, size)
            words += f"{count}{unit}" if count else ""
        return ("-" if self.seconds < 0 else "+") + (words or "0s")

    def added(self, date: datetime) -> datetime | None:
        """The shifted date; None outside of the years 1 to 9999."""
        try:
            return date + timedelta(seconds=self.seconds)
        except OverflowError:
            return None


@parsing.accepts("str")
def parse_shift(value: object) -> Shift:
    """`+1h30m`, `-2d`, `45s`, or `-1:30` (hours and minutes).

    >>> parse_shift("+1h30m"), str(parse_shift("-2d 60s"))
    (Shift(seconds=5400), '-2d1m')
    """
    if isinstance(value, Shift):
        return value
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    else:
        match = _SHIFT.fullmatch(str(value).strip())
        if match is None or not isinstance(value, str):
            raise bad_value(
                parsing.VALUE, "a difference such as +1h30m, -2d, -45s or 1:30 (hours and minutes)", value
            )
        if ":" in match[2]:
            hours, minutes, *rest = map(int, match[2].split(":"))
            seconds = hours * 3600.0 + minutes * 60 + sum(rest)
        else:
            seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(match[2]))
        seconds = -seconds if match[1] == "-" else seconds
    if not seconds or seconds % 1 or abs(seconds) > _MOST.total_seconds():
        expected = "a difference such as +1h30m, in whole seconds, of at most 200 years and not 0"
        raise bad_value(parsing.VALUE, expected, value)
    return Shift(int(seconds))


@parsing.accepts("str")
def parse_utc_offset(value: object) -> str:
    """A difference from UTC: `+02:00`, `-0330` or `Z`.

    >>> parse_utc_offset("+0200"), parse_utc_offset("Z")
    ('+02:00', '+00:00')
    """
    text = str(value).strip()
    match = re.fullmatch(r"([+-])(\d\d?):?(\d\d)?", text)
    if text in ("Z", "z", "UTC", "utc"):
        return "+00:00"
    if match is None or int(match[2]) > 15 or int(match[3] or 0) > 59:
        raise bad_value(parsing.VALUE, "a difference from UTC such as +02:00", value)
    return f"{match[1]}{int(match[2]):02}:{int(match[3] or 0):02}"


def zone(offset: str) -> timezone | None:
    """The time zone of an offset as EXIF writes it; None where it is none."""
    if offset.strip() == "Z":
        return UTC
    match = re.fullmatch(r"([+-])(\d\d):?(\d\d)", offset.strip())
    if match is None or int(match[2]) > 23 or int(match[3]) > 59:
        return None
    span = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-span if match[1] == "-" else span)


def in_zone(date: datetime, offset: str) -> datetime | None:
    """The date with a time zone: the given one, or else its own; None where neither is known."""
    if offset:
        return date.replace(tzinfo=zone(offset) or UTC)
    return date if date.tzinfo is not None else None


def parse_date(text: str) -> datetime:
    """A date with or without time, fractions and offset, as ISO 8601 or EXIF write it; BadValueError if not.

    >>> parse_date("2024-05-01T10:00:00.25+02:00").isoformat()
    '2024-05-01T10:00:00.250000+02:00'
    """
    found = read_date(text)
    if found is None:
        raise bad_value(parsing.VALUE, "a date such as 2024-05-01T10:00:00+02:00", text)
    return found


def read_date(text: str) -> datetime | None:
    """The date in a file; None where it is none, such as 0000:00:00."""
    match = _DATE.fullmatch(text.strip().rstrip("\0"))
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction = int((match[7] or "0").ljust(6, "0")[:6])
    try:
        return datetime(
            year, month, day, hour, minute, second, fraction, zone(match[8]) if match[8] else None
        )
    except ValueError:
        return None


def exif_date(date: datetime) -> str:
    """`2024:05:01 10:00:00`."""
    return f"{date.year:04}:{date.month:02}:{date.day:02} {date:%H:%M:%S}"


def fraction(date: datetime) -> str:
    """The digits of a fraction of a second, without zeros at the end."""
    return f"{date.microsecond:06}".rstrip("0")


def offset_of(date: datetime) -> str:
    """`+02:00`; empty without a time zone."""
    span = date.utcoffset()
    if span is None:
        return ""
    minutes = round(span.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def xmp_date(date: datetime) -> str:
    """`2024-05-01T10:00:00.25+02:00`."""
    digits = fraction(date)
    return f"{date.year:04}-{date:%m-%dT%H:%M:%S}" + (f".{digits}" if digits else "") + offset_of(date)


def iptc_date(date: datetime) -> tuple[bytes, bytes]:
    """Date (CCYYMMDD) and time (HHMMSS±HHMM) of IPTC, whose time needs an offset: without one it is UTC."""
    offset = (offset_of(date) or "+00:00").replace(":", "")
    return f"{date.year:04}{date:%m%d}".encode(), f"{date:%H%M%S}{offset}".encode()
