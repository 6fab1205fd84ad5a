"""The fields of metadata that `--set` writes: their tags in EXIF, XMP, IPTC and clips, and their values.

The tags are those of the Metadata Working Group (MWG 2.0): EXIF, XMP and IPTC get the same value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from math import isfinite
from typing import Literal, NamedTuple

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, bad_value, closest
from imgpar.core.item_fields import FACTS
from imgpar.core.templates import Template, Value, parse_template
from imgpar.formats.metadata.dates import parse_date
from imgpar.formats.metadata.position import Position, parse_position

Form = Literal["text", "lang", "seq", "bag"]
"""How XMP stores a property: plain text, alternatives by language, a list in order, a list without order."""
Content = str | tuple[str, ...] | datetime | Position
"""The value of a field."""


class Tag(NamedTuple):
    """Where a field is stored."""

    help: str
    xmp: tuple[str, Form] = ("", "text")
    """Property of XMP; of date and gps there are several, see `editing`."""
    exif: int = 0
    """Tag of the first directory of EXIF; 0 where EXIF has none."""
    iptc: int = 0
    """Dataset of record 2; 0 where IPTC has none."""
    longest: int = 0
    """Bytes that IPTC allows."""
    clip: str = ""
    """ffmpeg's key for containers of clips; empty where there is none."""
    png: bytes = b""
    """Keyword of the text chunk of a PNG, which is updated where there is one."""


TAGS: dict[str, Tag] = {
    "copyright": Tag(
        "copyright notice", ("dc:rights", "lang"), 0x8298, 116, 128, "copyright", b"Copyright"
    ),
    "artist": Tag(
        "creator; several are separated by semicolons",
        ("dc:creator", "seq"), 0x013B, 80, 32, "artist", b"Author",
    ),
    "title": Tag("title", ("dc:title", "lang"), 0, 5, 64, "title", b"Title"),
    "description": Tag(
        "caption", ("dc:description", "lang"), 0x010E, 120, 2000, "description", b"Description"
    ),
    "keywords": Tag(
        "separated by commas; keywords+=A,B adds to those that are there",
        ("dc:subject", "bag"), 0, 25, 64, "keywords",
    ),
    "headline": Tag("headline", ("photoshop:Headline", "text"), 0, 105, 256),
    "credit": Tag("credit line", ("photoshop:Credit", "text"), 0, 110, 32),
    "location": Tag("name of the place", ("Iptc4xmpCore:Location", "text"), 0, 92, 32),
    "city": Tag("city", ("photoshop:City", "text"), 0, 90, 32),
    "state": Tag("state or province", ("photoshop:State", "text"), 0, 95, 32),
    "country": Tag("country", ("photoshop:Country", "text"), 0, 101, 64),
    "rating": Tag("0 to 5, or -1 for rejected", ("xmp:Rating", "text"), 0x4746),
    "software": Tag("program", ("xmp:CreatorTool", "text"), 0x0131, 65, 32, "", b"Software"),
    "make": Tag("maker of the camera", ("tiff:Make", "text"), 0x010F),
    "model": Tag("model of the camera", ("tiff:Model", "text"), 0x0110),
    "date": Tag(
        "when it was taken, such as 2024-05-01T10:00:00+02:00", clip="creation_time", png=b"Creation Time"
    ),
    "gps": Tag("latitude, longitude and, if known, altitude in metres: 48.2082,16.3738,171"),
}  # fmt: skip
"""By the name that `--set` uses."""
_STARS = "a number from 0 to 5, or -1"
PLACES = frozenset({"gps", "location", "city", "state", "country"})
"""Fields that `--strip gps` removes."""
LISTS = {"artist": ";", "keywords": ","}
"""Fields with several values, and what separates them."""
ALIASES = {
    "creator": "artist",
    "author": "artist",
    "byline": "artist",
    "caption": "description",
    "imagedescription": "description",
    "rights": "copyright",
    "keyword": "keywords",
    "subject": "keywords",
    "tags": "keywords",
    "datetimeoriginal": "date",
    "position": "gps",
    "province": "state",
    "creatortool": "software",
}
"""Other names, as other tools use them."""


@dataclass(frozen=True, slots=True)
class NewFields:
    """The fields that `--set` writes, in the order of `TAGS`; an empty text removes a field.

    >>> NewFields((("title", "Lake"),)) | NewFields((("title", "Sea"), ("rating", "5")))
    NewFields(entries=(('title', 'Sea'), ('rating', '5')))
    """

    entries: tuple[tuple[str, str], ...] = ()
    """Name and text; the name of keywords that are added ends in `+`."""

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __str__(self) -> str:
        return ", ".join(f"{name}={text}" for name, text in self.entries)

    def __or__(self, later: NewFields) -> NewFields:
        """Both; of equal names the later one."""
        merged = dict(self.entries)
        for name, text in later.entries:
            if name.endswith("+") and name[:-1] in merged:
                name = name[:-1]
                text = ",".join(filter(None, (merged[name], text)))
            elif name.endswith("+") and name in merged:
                text = f"{merged[name]},{text}"
            else:
                merged.pop(name + "+", None)
            merged[name] = text
        return _ordered(merged)

    def plain(self) -> dict[str, str]:
        """The value as a table of a recipe."""
        return dict(self.entries)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields, without `+`."""
        return tuple(dict.fromkeys(name.rstrip("+") for name, _ in self.entries))

    @property
    def facts(self) -> frozenset[str]:
        """What the templates in it need to know of an input."""
        return frozenset(
            name for _, text in self.entries if "{" in text for name in value_template(text).fields
        )

    def _with_own(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Values for templates: those of the input, and those that are given here for other fields."""
        known = dict(values)
        for name, text in self.entries:
            if name in known and not ("{" in text and _takes_template(name)):
                known[name] = _as_value(name, text) if text else None
        return known

    def applied(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Values for templates as they are with these fields: `values` without and with what is set."""
        found = dict(values)
        for name, new in self.filled(values)[0].items():
            if name in found:
                words = new.words if isinstance(new, Position) else new
                found[name] = "; ".join(words) if isinstance(words, tuple) else words
        return found

    def literal(self, values: Mapping[str, Value]) -> NewFields:
        """The fields with texts instead of templates."""
        made, values = dict[str, str](), self._with_own(values)
        for name, text in self.entries:
            if "{" in text and _takes_template(name):
                text = (value_template(text).format(values, default="") or "").strip()
                if not text:
                    continue
                text = text.replace("{", "{{").replace("}", "}}")
            made[name] = text
        return NewFields(tuple(made.items()))

    def filled(self, values: Mapping[str, Value]) -> tuple[dict[str, Content | None], tuple[str, ...]]:
        """What is to be written: content by field, None removes it; and the facts that are missing.

        The name of keywords that are added ends in `+`. A text that is empty because all of its facts are
        missing is not written.

        Args:
            values: of `FACTS`, for the templates.
        """
        made, missing = dict[str, Content | None](), dict[str, None]()
        values = self._with_own(values)
        for name, text in self.entries:
            if not _takes_template(name) or not ("{" in text or "}" in text):
                made[name] = content(name, text) if text else None
                continue
            pattern = value_template(text)
            missing |= dict.fromkeys(pattern.missing(values))
            whole = " ".join((pattern.format(values, default="") or "").split(" ")).strip()
            if whole:
                made[name] = content(name, whole)
        return made, tuple(missing)


@parsing.accepts("Mapping[str, object]")
def parse_fields(value: object) -> NewFields:
    """Fields from `KEY=VALUE`, a list of these, or a table.

    >>> parse_fields("copyright=© Ada")
    NewFields(entries=(('copyright', '© Ada'),))
    >>> parse_fields({"caption": "A lake", "keywords": ["a", "b"]})
    NewFields(entries=(('description', 'A lake'), ('keywords', 'a,b')))

    Raises:
        BadValueError: a field is unknown, or a value is none of this field.
    """
    if isinstance(value, NewFields):
        return value
    if isinstance(value, Mapping):
        pairs = [(str(key), one) for key, one in value.items()]
    elif isinstance(value, str):
        pairs = [_pair(value)]
    elif isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        pairs = [_pair(str(one)) for one in value]
    else:
        raise bad_value(parsing.VALUE, "KEY=VALUE such as copyright=Ada, or a table", value)
    fields = NewFields()
    for key, one in pairs:
        name = _name(key)
        fields |= NewFields(((name, _checked(name, key, one)),))
    return fields


def content(name: str, text: str) -> Content:
    """The value of a field from its text, which is not empty.

    >>> content("keywords", "sea, sky")
    ('sea', 'sky')
    """
    if name == "date":
        return parse_date(text)
    if name == "gps":
        return parse_position(text)
    separator = LISTS.get(name.rstrip("+"))
    if separator is None:
        return text
    return tuple(dict.fromkeys(part.strip() for part in text.split(separator) if part.strip()))


@lru_cache(maxsize=256)
def value_template(text: str) -> Template:
    """The template of a text; raises BadValueError for an unknown field."""
    return parse_template(text, FACTS)


def _as_value(name: str, text: str) -> Value:
    """A given text as the value of a field in templates."""
    if name == "gps":
        return parse_position(text).words
    return parse_date(text) if name == "date" else text


def _takes_template(name: str) -> bool:
    return name not in ("date", "gps", "rating")


def _pair(text: str) -> tuple[str, str]:
    key, equals, one = text.partition("=")
    if not equals or not key.strip():
        raise bad_value(parsing.VALUE, "KEY=VALUE such as copyright=Ada", text)
    return key, one


def _name(key: str) -> str:
    """The name of a field as `TAGS` has it; with `+` where keywords are added."""
    plain = re.sub(r"[\s_-]", "", key.strip().lower())
    adds = plain.endswith("+")
    plain = plain.rstrip("+")
    name = ALIASES.get(plain, plain)
    if name not in TAGS:
        near = closest(plain, [*TAGS, *ALIASES])
        fix = f"Did you mean {near!r}?" if near else f"Known are {', '.join(TAGS)}."
        raise BadValueError(f"There is no field {key.strip()!r} for {parsing.VALUE}.", fix=fix)
    if adds and name != "keywords":
        raise BadValueError(
            f"{key} of {parsing.VALUE}: only keywords can be added to.", fix=f"Write {name}=VALUE."
        )
    return name + "+" * adds


def _checked(name: str, key: str, value: object) -> str:
    """The value as text, checked as far as it is known without an input."""
    if isinstance(value, (list, tuple)) and name.rstrip("+") in LISTS:
        parts = [_text(key, one) for one in value]
        separator = LISTS[name.rstrip("+")]
        if inner := next((part for part in parts if separator in part), ""):
            raise bad_value(f"{key} of {parsing.VALUE}", f"values without {separator!r}", inner)
        return separator.join(parts)
    if name == "gps" and isinstance(value, (list, tuple)):
        value = ",".join(map(str, value))
    if name == "date" and isinstance(value, date):
        value = value.isoformat()
    if name == "rating" and isinstance(value, bool):
        raise bad_value(f"{key} of {parsing.VALUE}", _STARS, value)
    text = _text(key, value).strip()
    try:
        _check(name, text)
    except BadValueError as error:
        words = error.message.replace(parsing.VALUE, f"{key.strip()} of {parsing.VALUE}")
        raise BadValueError(words, fix=error.fix) from None
    return text


def _text(key: str, value: object) -> str:
    plain = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    if not plain or (isinstance(value, float) and not isfinite(value)):
        raise bad_value(f"{key} of {parsing.VALUE}", "a text", value)
    text = str(value)
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in text) or not _encodable(text):
        raise bad_value(f"{key} of {parsing.VALUE}", "a text without control characters", text)
    return text


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check(name: str, text: str) -> None:
    if not text:
        return
    if name == "rating" and text not in ("-1", "0", "1", "2", "3", "4", "5"):
        raise bad_value(parsing.VALUE, _STARS, text)
    if not _takes_template(name):
        content(name, text)
    elif "{" in text or "}" in text:
        value_template(text)


def _ordered(entries: Mapping[str, str]) -> NewFields:
    return NewFields(tuple(_in_order(entries)))


def _in_order(entries: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in TAGS:
        for key in (name, name + "+"):
            if key in entries:
                yield key, entries[key]
