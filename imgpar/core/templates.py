"""Templates: text with fields in braces, such as `{date:%Y-%m-%d}_{stem}-{width}`.

    {field}            the value
    {field:spec}       a number with leading zeros (`{n:04}`, `{n:4}`), a date by its directives
                       (`{date:%Y-%m-%d}`), a text of limited length (`{hash:8}`)
    {field|text}       what stands there where the value is missing; both: `{date:%Y|undated}`
    {{ }}              braces

The caller declares the fields. There is no attribute access, no conversion and no call, so a template from a
recipe of someone else can do nothing but insert these values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, bad_value, closest

Kind = Literal["text", "number", "date"]
Value = str | int | float | datetime | None
"""None and an empty text are missing."""


class Field(NamedTuple):
    """One field that a template may have."""

    name: str
    kind: Kind
    help: str
    """A few words for help and documentation."""
    example: str = ""


class _Part(NamedTuple):
    """A literal text, or a field where `field` is set."""

    text: str
    """The literal; of a field its fallback."""
    field: str = ""
    spec: str = ""
    kind: Kind = "text"
    fallback: bool = False
    """Whether a fallback was given; it may be empty."""


DAY = "%Y-%m-%d"
"""The format of a date without one of its own."""
DIRECTIVES: dict[str, Callable[[datetime], str]] = {
    "Y": lambda date: f"{date.year:04}",
    "y": lambda date: f"{date.year % 100:02}",
    "m": lambda date: f"{date.month:02}",
    "d": lambda date: f"{date.day:02}",
    "H": lambda date: f"{date.hour:02}",
    "M": lambda date: f"{date.minute:02}",
    "S": lambda date: f"{date.second:02}",
    "j": lambda date: f"{date.timetuple().tm_yday:03}",
    "G": lambda date: f"{date.isocalendar().year:04}",
    "V": lambda date: f"{date.isocalendar().week:02}",
    "%": lambda _: "%",
}
"""The directives of dates: digits only, the same on every system and in every language."""
_LONGEST = 2000
"""Characters of a template."""
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([{}])")
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::([^|]*))?(?:\|(.*))?", re.DOTALL)
_DIRECTIVE = re.compile("%(.?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; equal texts give equal templates.

    >>> stem = Field("stem", "text", "the name")
    >>> Template.parse("{stem}-small", [stem]).format({"stem": "IMG_1"})
    'IMG_1-small'
    """

    text: str
    """As it was written."""
    _parts: tuple[_Part, ...] = ()

    @classmethod
    def parse(cls, text: str, fields: Sequence[Field]) -> Template:
        """A template from its text; see `parse_template`."""
        return cls(text, tuple(_parts_of(text, {field.name: field for field in fields})))

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that it has."""
        return frozenset(part.field for part in self._parts if part.field)

    @property
    def literals(self) -> list[str]:
        """Everything in it that is no value: the text between fields, fallbacks, and the text in dates."""
        found = [part.text for part in self._parts if part.text]
        return found + [_DIRECTIVE.sub("", part.spec) for part in self._parts if part.kind == "date"]

    def missing(self, values: Mapping[str, Value]) -> tuple[str, ...]:
        """The fields without a value and without a fallback, in order."""
        return tuple(
            dict.fromkeys(
                part.field
                for part in self._parts
                if part.field and not part.fallback and values.get(part.field) in (None, "")
            )
        )

    def format(
        self,
        values: Mapping[str, Value],
        *,
        default: str | None = None,
        clean: Callable[[str], str] = str,
    ) -> str | None:
        """The text with its values.

        >>> Template.parse("{n:03}", [Field("n", "number", "")]).format({"n": 7})
        '007'

        Args:
            values: by field; others are ignored.
            default: stands for a missing value without a fallback.
            clean: applied to values of kind "text", for example to remove separators of paths. Literals,
                numbers and dates have none.

        Returns:
            None where a value is missing that has neither a fallback nor a default; see `missing`.
        """
        made = list[str]()
        for part in self._parts:
            value = values.get(part.field) if part.field else part.text
            if not part.field:
                made.append(part.text)
            elif value is None or value == "":
                text = part.text if part.fallback else default
                if text is None:
                    return None
                made.append(text)
            else:
                made.append(_formatted(value, part, clean))
        return "".join(made)

    def bound(self, values: Mapping[str, str]) -> str:
        """The text of this template with some fields replaced by values that are the same for all."""
        return "".join(
            _escaped(values[part.field]) if part.field in values else _written(part) for part in self._parts
        )

    def find_number(self, field: str, text: str, values: Mapping[str, Value]) -> int | None:
        """The value of a number in a text that was made with these values; None for any other text.

        >>> width = Field("width", "number", "in pixels")
        >>> Template.parse("{width:04}-a", [width]).find_number("width", "0320-a", {})
        320
        """
        pattern = ""
        for part in self._parts:
            if part.field == field:
                pattern += r"(\d+)" if f"(?P<{field}>" in pattern else rf"(?P<{field}>\d+)"
                continue
            found = Template("", (part,)).format(values)
            if found is None:
                return None
            pattern += re.escape(found)
        match = re.fullmatch(pattern, text)
        return int(match[field]) if match and field in match.re.groupindex else None


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _written(part: _Part) -> str:
    """A part as it stands in the text of a template."""
    if not part.field:
        return _escaped(part.text)
    spec = f":{part.spec}" if part.spec else ""
    return f"{{{part.field}{spec}{'|' + part.text if part.fallback else ''}}}"


def parse_template(value: object, fields: Sequence[Field], what: str = "a text with fields") -> Template:
    """A template from the text of a flag, a recipe or a keyword.

    >>> width = Field("width", "number", "in pixels")
    >>> parse_template("w{width:04}", [width]).fields
    frozenset({'width'})

    Args:
        value: the text.
        fields: that it may have.
        what: names the expected value in errors.

    Raises:
        BadValueError: a field is unknown, or its spec or the braces are wrong.
    """
    if isinstance(value, Template):
        return value
    text = parsing.text(value)
    if len(text) > _LONGEST:
        raise bad_value(parsing.VALUE, f"at most {_LONGEST} characters", text[:40] + "…")
    if any(match[2] for match in _PIECE.finditer(text)):  # a brace that belongs to no field
        example = f"{{{fields[0].name}}}" if fields else "{field}"
        raise bad_value(parsing.VALUE, f"{what} such as {example}, and {{{{ }}}} for braces", text)
    return Template.parse(text, fields)


def _parts_of(text: str, known: Mapping[str, Field]) -> Iterator[_Part]:
    at, literal = 0, ""
    for match in _PIECE.finditer(text):
        literal += text[at : match.start()]
        at = match.end()
        if match[0] in ("{{", "}}"):
            literal += match[0][0]
            continue
        if literal:
            yield _Part(literal)
            literal = ""
        yield _field(match[1] or "", text, known)
    if literal + text[at:]:
        yield _Part(literal + text[at:])


def _field(inner: str, text: str, known: Mapping[str, Field]) -> _Part:
    match = _FIELD.fullmatch(inner)
    name = match[1] if match else inner
    field = known.get(name)
    if match is None or field is None:
        near = closest(name.lower(), known)
        names = ", ".join(f"{{{each}}}" for each in known)
        fix = f"Did you mean {{{near}}}?" if near else f"Known are {names}."
        raise BadValueError(f"There is no {{{inner}}} in {parsing.VALUE} {text!r}.", fix=fix)
    spec = match[2] or ""
    if match[2] is not None and (why := _wrong_spec(spec, field.kind)):
        raise BadValueError(f"In {parsing.VALUE} {text!r}, {{{inner}}} needs {why}.")
    if field.kind == "date":
        spec = spec or DAY
    return _Part(match[3] or "", name, spec, field.kind, fallback=match[3] is not None)


def _wrong_spec(spec: str, kind: Kind) -> str:
    """What a spec should be; empty where it is right."""
    if kind == "number":
        return "" if re.fullmatch(r"0?[1-9]|1\d", spec) else "a number of digits such as 04 behind its colon"
    if kind == "text":
        right = re.fullmatch(r"[1-9]\d{0,2}", spec)
        return "" if right else "a number of characters such as 8 behind its colon"
    directives = _DIRECTIVE.findall(spec)
    if directives and all(letter in DIRECTIVES for letter in directives):
        return ""
    known = ", ".join(f"%{letter}" for letter in DIRECTIVES if letter != "%")
    return f"a format such as {DAY} behind its colon, of {known}"


def _formatted(value: str | int | float | datetime, part: _Part, clean: Callable[[str], str]) -> str:
    if isinstance(value, datetime):
        date = value
        return _DIRECTIVE.sub(lambda match: DIRECTIVES[match[1]](date), part.spec or DAY)
    if isinstance(value, str):
        text = clean(value)
        return text[: int(part.spec)] if part.spec and part.kind == "text" else text
    digits = f"{value:g}" if isinstance(value, float) else str(value)
    if not (part.spec and part.kind == "number"):
        return digits
    return digits.zfill(int(part.spec))
