"""`--where`: conditions on inputs, such as `width>=800`.

    width>=1000          <  <=  >  >=  =  !=
    width=800..1600      from 800 to 1600; `800..` and `..1600` have one end
    format=jpeg,png      one of several
    date=2024-05         in May 2024; `date>=2024-05-17`, `mtime<2024-05-17T10:30`
    name=IMG_*           `*` and `?` as in file names
    camera=canon         contains it, in any case
    animated, !animated  yes or no
    date=none            unknown

What is unknown fulfils no comparison. `bytes`, `mtime`, `name`, `format` and `kind` are known without opening
a file; all other fields are read from its header by a worker.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, bad_value, closest
from imgpar.core.filenames import fold
from imgpar.core.job import Item
from imgpar.core.properties import Properties
from imgpar.formats.registry import FORMATS, every_format, find_format
from imgpar.inputs.batches import is_clip, known_suffix, suffix_of

Span = tuple[float, float]
"""A half-open range: from the first number to below the second."""
Fact = float | str | None
"""The value of a field for one input: a number, a folded text, or None where it is unknown. Dates are seconds
since 1970 as the clock showed them where the picture was taken."""
Kind = Literal["number", "date", "word", "text", "part", "switch"]
"""How values are written and compared. `text` is matched as a whole, `part` anywhere."""

_DAY_ZERO = datetime(1970, 1, 1)
_EXAMPLE = "a condition such as width>=800, format=jpeg, date=2024-05 or animated"
_CONDITION = re.compile(r"\s*(!?)\s*([A-Za-z_]+)\s*(?:(>=|=>|<=|=<|!=|==|=|>|<)\s*(.*?))?\s*", re.DOTALL)
_OPERATORS = {"=>": ">=", "=<": "<=", "==": "="}
_DATE = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d))?)?)?)?")
_NONE = "none"
_NO_FACTS = Properties()


class FieldRule(NamedTuple):
    """One field of an input that conditions and orders may name."""

    kind: Kind
    of: Callable[[Item, Properties], Fact]
    help: str
    header: bool = True
    """Whether it is read from the header; False: known from the name and the status of the file."""
    by_name: bool = False
    """Whether the name is enough, so that it is known of a file that cannot be read, too."""
    words: tuple[str, ...] = ()
    """All values, where there are few."""


def seconds_of(date: datetime) -> float:
    """A date as a number, without regard to its offset from UTC."""
    return (date.replace(tzinfo=None) - _DAY_ZERO).total_seconds()


def changed_at(item: Item) -> Fact:
    """The modification time, as the clock here shows it."""
    return seconds_of(datetime.fromtimestamp(item.mtime_ns / 1e9)) if item.mtime_ns else None


def named_format(item: Item) -> str:
    """The format that the suffix says, else the one that was detected."""
    found = known_suffix(suffix_of(item.name)) or FORMATS.get(item.format)
    return found.name if found else item.format


def _taken(_: Item, facts: Properties) -> Fact:
    return seconds_of(facts.date) if facts.date else None


def _aspect(facts: Properties) -> Fact:
    short, long = sorted((facts.width, facts.height))
    return long / short if short else None


def _frames(_: Item, facts: Properties) -> Fact:
    return float(facts.frames)


FIELDS: dict[str, FieldRule] = {
    "name": FieldRule("text", lambda item, _: fold(item.name), "file name", header=False, by_name=True),
    "bytes": FieldRule(
        "number",
        lambda item, _: float(item.size),
        "size of the file, such as 20M (k, M: powers of 1000; KiB, MiB: of 1024)",
        header=False,
    ),
    "mtime": FieldRule("date", lambda item, _: changed_at(item), "time of modification", header=False),
    "format": FieldRule("word", lambda item, _: named_format(item), "format", header=False, by_name=True),
    "kind": FieldRule(
        "word",
        lambda item, _: "clip" if is_clip(item) else "picture",
        "picture or clip",
        header=False,
        by_name=True,
        words=("picture", "clip"),
    ),
    "width": FieldRule("number", lambda _, facts: float(facts.width), "in pixels, upright"),
    "height": FieldRule("number", lambda _, facts: float(facts.height), "in pixels, upright"),
    "short": FieldRule("number", lambda _, facts: float(min(facts.width, facts.height)), "shorter side"),
    "long": FieldRule("number", lambda _, facts: float(max(facts.width, facts.height)), "longer side"),
    "aspect": FieldRule("number", lambda _, facts: _aspect(facts), "longer side divided by the shorter one"),
    "megapixels": FieldRule(
        "number", lambda _, facts: facts.width * facts.height / 1e6, "width × height in millions"
    ),
    "orientation": FieldRule(
        "word",
        lambda _, facts: facts.shape,
        "landscape, portrait or square",
        words=("landscape", "portrait", "square"),
    ),
    "animated": FieldRule("switch", lambda _, facts: "yes" if facts.animated else "no", "yes or no"),
    "frames": FieldRule("number", _frames, "number of frames or pages"),
    "duration": FieldRule(
        "number", lambda _, facts: facts.seconds if facts.animated else None, "such as 30s or 2m"
    ),
    "date": FieldRule("date", _taken, "when it was taken"),
    "camera": FieldRule("part", lambda _, facts: fold(facts.camera) or None, "make and model"),
}
ALIASES = {
    "size": "bytes",
    "filesize": "bytes",
    "modified": "mtime",
    "type": "kind",
    "mp": "megapixels",
    "taken": "date",
    "pages": "frames",
    "seconds": "duration",
}
"""Other names of fields."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    >>> Condition.parse("width >= 800").holds(Item("/a.jpg", "a.jpg", 9, 9), Properties(width=640))
    False
    >>> Condition.parse("format=jpeg,png").holds(Item("/a.jpg", "a.jpg", 9, 9))
    True
    """

    text: str
    """As the user wrote it."""
    field: str
    negated: bool = False
    spans: tuple[Span, ...] = ()
    words: tuple[str, ...] = ()
    unknown: bool = False
    """Whether an unknown value fulfils it."""

    @classmethod
    def parse(cls, value: object) -> Condition:
        """Read one condition. Raises BadValueError."""
        match = _CONDITION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise bad_value(parsing.VALUE, _EXAMPLE, value)
        text, (bang, name, operator, right) = match[0].strip(), match.groups()
        field = field_named(name)
        rule, negated = FIELDS[field], bool(bang)
        if operator is None:
            if rule.kind != "switch":
                raise BadValueError(
                    f"Expected {_EXAMPLE} for {parsing.VALUE} but received {text!r}.",
                    fix=f"A shell takes < and > for itself, so quote the condition: '{field}{_usual(rule)}'.",
                )
            operator, right = "=", "yes"
        operator = _OPERATORS.get(operator, operator)
        negated ^= operator == "!="
        if not right:
            raise BadValueError(
                f"There is no value in the condition {text!r} of {parsing.VALUE}.",
                fix=f"Write one, such as {field}{_usual(rule)}.",
            )
        words, spans, unknown = list[str](), list[Span](), False
        for part in right.split(",") if operator in ("=", "!=") else [right]:
            if part.strip().lower() == _NONE and operator in ("=", "!="):
                unknown = True
            elif rule.kind in ("number", "date"):
                spans.append(_span(field, rule, operator, part.strip()))
            else:
                words.append(_word(field, rule, operator, part.strip()))
        return cls(text, field, negated, tuple(spans), tuple(words), unknown)

    @property
    def header(self) -> bool:
        """Whether it needs the header of a file."""
        return FIELDS[self.field].header

    def holds(self, item: Item, facts: Properties | None = None) -> bool:
        """Whether an input fulfils it. One that cannot be read does, unless its name is enough to know.

        Args:
            item: the input.
            facts: its properties, for the fields that are read from the header; None where that cannot be
                read.
        """
        rule = FIELDS[self.field]
        if (item.error and not rule.by_name) or (rule.header and facts is None):
            return True
        fact = rule.of(item, facts or _NO_FACTS)
        if fact is None:
            found = self.unknown
        elif isinstance(fact, float):
            found = any(low <= fact < high for low, high in self.spans)
        else:
            found = any(fnmatch.fnmatchcase(fact, word) for word in self.words)
        return found != self.negated


@parsing.accepts("str | Sequence[str]")
def conditions(value: object) -> tuple[Condition, ...]:
    """One condition, or several that all have to be fulfilled.

    >>> [condition.field for condition in conditions(["width>=800", "!animated"])]
    ['width', 'animated']
    """
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, Sequence):
        raise bad_value(parsing.VALUE, f"{_EXAMPLE}, or several", value)
    return tuple(one if isinstance(one, Condition) else Condition.parse(one) for one in several)


def field_named(name: str, what: str = "field", also: Sequence[str] = ()) -> str:
    """The name of a field as it is declared, or one of `also`.

    >>> field_named("Size")
    'bytes'

    Raises:
        BadValueError: there is none of this name.
    """
    word = ALIASES.get(name.lower(), name.lower())
    if word in FIELDS or word in also:
        return word
    near = closest(word, [*FIELDS, *ALIASES, *also])
    fix = f"Did you mean {near!r}?" if near else f"There are {', '.join([*also, *FIELDS])}."
    raise BadValueError(f"There is no {what} {name!r} for {parsing.VALUE}.", fix=fix)


def _usual(rule: FieldRule) -> str:
    """A comparison for examples in messages."""
    words = {"number": ">=800", "date": ">=2024-01-01", "text": "=IMG_*", "part": "=canon", "switch": "=no"}
    return words.get(rule.kind) or f"={rule.words[0] if rule.words else 'jpeg'}"


def _span(field: str, rule: FieldRule, operator: str, text: str) -> Span:
    """The numbers that fulfil a comparison."""
    read = _date if rule.kind == "date" else _number
    if operator in ("=", "!=") and ".." in text:
        low, high = text.split("..", 1)
        span = read(field, low)[0] if low else -math.inf, read(field, high)[1] if high else math.inf
        if not (low or high) or span[0] >= span[1]:
            raise bad_value(parsing.VALUE, f"a range from low to high, such as {field}=10..20,", text)
        return span
    start, end = read(field, text)
    return {
        "<": (-math.inf, start),
        "<=": (-math.inf, end),
        ">": (end, math.inf),
        ">=": (start, math.inf),
    }.get(operator, (start, end))


def _number(field: str, text: str) -> Span:
    number: float
    if field == "bytes":
        number = parsing.named(f"{field} in {parsing.VALUE}", parsing.file_size, text)
    elif field == "duration":
        number = 0.0 if text == "0" else parsing.named(f"{field} in {parsing.VALUE}", parsing.duration, text)
    else:
        words = text.lower().removesuffix("mp") if field == "megapixels" else text.lower().removesuffix("px")
        try:
            number = float(words)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise bad_value(f"{field} in {parsing.VALUE}", "a number", text)
    return float(number), math.nextafter(number, math.inf)


def _date(field: str, text: str) -> Span:
    """From the start to the end of a year, month, day, minute or second."""
    match = _DATE.fullmatch(text.strip())
    given = [int(part) for part in match.groups() if part] if match else []
    try:
        start = datetime(*(given + [1, 1][len(given) - 1 :])) if given else None  # type: ignore[arg-type]
        if start is None:
            raise ValueError
        end = _after(start, len(given))
    except (ValueError, OverflowError):
        expected = "a date such as 2024, 2024-05, 2024-05-17 or 2024-05-17T10:30"
        raise bad_value(f"{field} in {parsing.VALUE}", expected, text) from None
    return seconds_of(start), end if isinstance(end, float) else seconds_of(end)


def _after(start: datetime, parts: int) -> datetime | float:
    """The end of the period that begins there; `parts` says how much of the date was written."""
    if parts == 1:
        return datetime(start.year + 1, 1, 1) if start.year < 9999 else math.inf
    if parts == 2:
        later = (start + timedelta(days=31)) if (start.year, start.month) < (9999, 12) else None
        return later.replace(day=1) if later else math.inf
    return start + {3: timedelta(days=1), 5: timedelta(minutes=1)}.get(parts, timedelta(seconds=1))


def _word(field: str, rule: FieldRule, operator: str, text: str) -> str:
    """A pattern for the folded text of the field."""
    if operator not in ("=", "!="):
        raise BadValueError(
            f"{field} cannot be compared with {operator} in {parsing.VALUE}.",
            fix=f"Write {field}{_usual(rule)}.",
        )
    if rule.kind == "switch":
        return "yes" if parsing.named(f"{field} in {parsing.VALUE}", _switch, text) else "no"
    if field == "format":
        return _format(text)
    if rule.words:
        found: str = parsing.named(f"{field} in {parsing.VALUE}", _choice(rule.words), text)
        return found
    folded = fold(text)
    plain = rule.kind == "part" and not set("*?[").intersection(folded)
    return f"*{folded}*" if plain else folded


def _format(text: str) -> str:
    try:
        return find_format(text).name
    except BadValueError as error:
        fix = error.fix or f"There are {', '.join(known.name for known in every_format())}."
        raise BadValueError(f"There is no format {text!r} for {parsing.VALUE}.", fix=fix) from None


def _choice(words: tuple[str, ...]) -> parsing.Parser:
    also = {"image": "picture", "photo": "picture", "video": "clip", "pictures": "picture", "clips": "clip"}
    return parsing.choice(*words, aliases={key: word for key, word in also.items() if word in words})


def _switch(value: object) -> bool:
    found: bool = parsing.switch(value)
    return found
