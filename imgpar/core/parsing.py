"""Parsers for option values: the text of a flag, a TOML value or a Python value.

Each `make` function returns a parser `object -> value` that raises BadValueError. The name in its message is
a placeholder that the caller replaces: see `named`. The type that a parser accepts from Python is noted
with `accepts`; the signatures of the public calls are generated from it.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from imgpar.core.error_messages import InWords, bad_value
from imgpar.core.errors import BadValueError
from imgpar.core.limits import Secret

T = TypeVar("T")
Parser = Callable[[object], Any]
P = TypeVar("P", bound=Parser)

VALUE = "the value"
"""Placeholder for the name of the option in messages."""

LEAST_WORKER_MEMORY = 128 << 20
"""Minimum bytes with which Python and the codecs start."""
LEAST_MEMORY = 1 << 20
"""Minimum bytes of shared memory: a picture of 400 × 300 needs as much."""
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_BYTE_PREFIXES = ("", "k", "m", "g", "t")


def accepts(annotation: str) -> Callable[[P], P]:
    """Note the type of the Python values that a parser takes, as an annotation. The text of a flag need not
    be among them: `integer` reads "82", but is annotated as int.

    >>> annotation_of(duration)
    'float | str'
    """

    def mark(parse: P) -> P:
        vars(parse)["accepts"] = annotation
        return parse

    return mark


def annotation_of(parse: Parser) -> str:
    """The type that was noted with `accepts`."""
    return str(vars(parse)["accepts"])


def literal(words: Iterable[str]) -> str:
    """The annotation of one of these words.

    >>> literal(["gps", "all"])
    'Literal["gps", "all"]'
    """
    return "Literal[" + ", ".join(f'"{word}"' for word in words) + "]"


def named(name: str, parse: Parser, value: object) -> Any:
    """Parse `value`, with `name` (the flag or key as the user wrote it) in the error.

    >>> named("--quality", integer(1, 100), "82")
    82
    """
    try:
        return parse(value)
    except BadValueError as error:
        raise BadValueError(error.message.replace(VALUE, name), fix=error.fix) from None


def integer(low: int, high: int) -> Parser:
    """A whole number from `low` to `high`, both included."""

    @accepts("int")
    def parse(value: object) -> int:
        try:
            number = int(str(value))
        except ValueError:
            number = low - 1
        if isinstance(value, (bool, float)) or not low <= number <= high:
            raise bad_value(VALUE, f"a whole number from {low} to {high}", value)
        return number

    return parse


def odd_integer(low: int, high: int) -> Parser:
    """An odd whole number from `low` to `high`, both included."""

    @accepts("int")
    def parse(value: object) -> int:
        with contextlib.suppress(BadValueError):
            number: int = integer(low, high)(value)
            if number % 2:
                return number
        raise bad_value(VALUE, f"an odd whole number from {low} to {high}", value)

    return parse


@accepts('int | Literal["none"]')
def days(value: object) -> int:
    """A number of days, or "none" for 0.

    >>> days("none"), days("30")
    (0, 30)
    """
    if value == "none":
        return 0
    try:
        found: int = integer(0, 100_000)(value)
    except BadValueError:
        raise bad_value(VALUE, "a number of days, or none", value, ["none"]) from None
    return found


def rate(low: float, high: float) -> Parser:
    """A frame rate from `low` to `high` as an exact fraction: a number, or numerator/denominator.

    The NTSC rates 23.976, 29.97, 59.94 and 119.88 stand for 1000/1001 of the next whole number.

    >>> rate(1, 1000)("29.97"), rate(1, 1000)("25"), rate(1, 1000)("24000/1001"), rate(1, 1000)(12.5)
    (Fraction(30000, 1001), Fraction(25, 1), Fraction(24000, 1001), Fraction(25, 2))
    """

    @accepts("float | str | Fraction")
    def parse(value: object) -> Fraction:
        try:
            result = Fraction(str(value).strip()).limit_denominator(100_000)
        except (ValueError, ZeroDivisionError):
            result = Fraction(-1)
        if isinstance(value, bool) or not Fraction(str(low)) <= result <= Fraction(str(high)):
            wanted = f"frames a second from {low:g} to {high:g}, such as 25, 29.97 or 30000/1001"
            raise bad_value(VALUE, wanted, value)
        return next((exact for exact in _NTSC_RATES if abs(result - exact) < _NTSC_TOLERANCE * exact), result)

    return parse


_NTSC_RATES = tuple(Fraction(whole * 1000, 1001) for whole in (24, 30, 48, 60, 120))
_NTSC_TOLERANCE = Fraction(1, 30_000)
"""Relative difference within which a decimal (23.976, 29.97, but not 23.98) stands for an NTSC rate."""


def number(low: float, high: float) -> Parser:
    """A number from `low` to `high`, both included."""

    @accepts("float")
    def parse(value: object) -> float:
        try:
            result = float(str(value))
        except ValueError:
            result = float("nan")
        if isinstance(value, bool) or not low <= result <= high:
            raise bad_value(VALUE, f"a number from {low:g} to {high:g}", value)
        return result

    return parse


def choice(*known: str, aliases: Mapping[str, str] | None = None) -> Parser:
    """One of the known words, in any case; `aliases` maps alternative spellings to them."""
    also = dict(aliases or {})

    @accepts(literal((*known, *also)))
    def parse(value: object) -> str:
        word = str(value).lower()
        word = also.get(word, word)
        if not isinstance(value, str) or word not in known:
            raise bad_value(VALUE, "one of " + ", ".join(known), value, known)
        return word

    return parse


@accepts("bool")
def switch(value: object) -> bool:
    """True or false; a flag without a value gives True."""
    if isinstance(value, bool):
        return value
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if str(value).lower() in words:
        return words[str(value).lower()]
    raise bad_value(VALUE, "true or false", value)


@accepts("str")
def text(value: object) -> str:
    """Any non-empty text."""
    if not isinstance(value, str) or not value:
        raise bad_value(VALUE, "text", value)
    return value


@accepts("str | os.PathLike[str]")
def path(value: object) -> str:
    """A path as text: str, bytes or anything that is os.PathLike."""
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise bad_value(VALUE, "a path", value)
    found = os.fsdecode(value)
    if "\0" in found:
        shown = f"{len(value):,} bytes of content" if isinstance(value, bytes) else "a text with NUL in it"
        fix = "Write a content to a file, and name that."
        raise bad_value(VALUE, "the path of a file", InWords(shown), fix=fix)
    try:
        os.fsencode(found)
    except UnicodeEncodeError:
        shown = f"{found!a}, which has a lone surrogate"
        raise bad_value(VALUE, "a path", InWords(shown), fix="Decode names with os.fsdecode.") from None
    return found


_NO_URL = re.compile(r"[\s\"'<>\\,]|[^\x21-\x7e]")
"""What has to be escaped in a URL, or would end one in a list."""


@accepts("str")
def base_url(value: object) -> str:
    """The beginning of URLs, with a slash at its end.

    >>> base_url("/img"), base_url("https://cdn.example/a/")
    ('/img/', 'https://cdn.example/a/')
    """
    if not isinstance(value, str) or not value or _NO_URL.search(value):
        raise bad_value(VALUE, "the beginning of a URL, such as /img/", value)
    return value if value.endswith("/") else value + "/"


_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_DIRECTIVE = rf'{_NAME}(?:=(?:{_NAME}|"[ !#-\[\]-~]*"))?'
_DIRECTIVES = re.compile(rf"{_DIRECTIVE}(?: *, *{_DIRECTIVE})*")


@accepts("str")
def cache_control(value: object) -> str:
    """The directives of a Cache-Control.

    >>> cache_control("public, max-age=31536000")
    'public, max-age=31536000'
    """
    text = value.strip() if isinstance(value, str) else ""
    if not _DIRECTIVES.fullmatch(text):
        raise bad_value(VALUE, "directives such as max-age=86400, or public, max-age=86400", value)
    return text


@accepts("str | Sequence[str]")
def patterns(value: object) -> tuple[str, ...]:
    """One file name pattern, or several.

    >>> patterns("*.jpg"), patterns(["*.jpg", "2024/**"])
    (('*.jpg',), ('*.jpg', '2024/**'))
    """
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, Sequence) or not all(
        isinstance(one, str) and one.strip("/") for one in several
    ):
        raise bad_value(VALUE, "a pattern such as *.jpg, or several", value)
    return tuple(several)


@accepts("int | str")
def file_size(value: object) -> int:
    """Bytes of a file, as a number or with a unit: k, M and G are powers of 1000, as sizes are printed;
    KiB, MiB and GiB are powers of 1024.

    >>> file_size("300k"), file_size("1.5 MB"), file_size("300KiB")
    (300000, 1500000, 307200)
    """
    return _bytes(value, 1000, "a size such as 300k, 2M or 1.5MiB")


@accepts("int | str")
def memory_size(value: object) -> int:
    """Bytes of memory, as a number or with a unit: M and G are powers of 1024, with and without iB.

    >>> memory_size("1.5G") == memory_size("1.5GiB") == 3 << 29
    True
    """
    return _bytes(value, 1024, "a size such as 800M or 2G")


def _bytes(value: object, thousand: int, wanted: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b?)", str(value).strip().lower())
    if isinstance(value, bool) or not match:
        raise bad_value(VALUE, wanted, value)
    unit: int = (1024 if match[3] else thousand) ** _BYTE_PREFIXES.index(match[2] or "")
    return round(float(match[1]) * unit)


@accepts("int | str")
def shared_memory(value: object) -> int:
    """Bytes of shared memory for decoded frames. A number without a unit that is too small is one of M or G.

    >>> shared_memory("2G") == 2 << 30
    True
    """
    return _at_least(LEAST_MEMORY, value)


@accepts("int | str")
def worker_memory(value: object) -> int:
    """Bytes of private memory of one worker.

    >>> worker_memory("2G") == 2 << 30
    True
    """
    return _at_least(LEAST_WORKER_MEMORY, value)


def _at_least(least: int, value: object) -> int:
    """Bytes of memory; where a number has no unit and is too small, the error names the likely units."""
    size = memory_size(value)
    if size < least:
        number = str(value).strip()
        meant = [f"{number}{unit}" for unit in "MG"] if number[-1].isdigit() and size else []
        meant = [text for text in meant if memory_size(text) >= least]
        fix = f"Did you mean {' or '.join(meant)}?" if meant else ""
        raise bad_value(VALUE, f"at least {least >> 20}M", value, fix=fix)
    return size


@accepts("str")
def cluster_address(value: object) -> str:
    """The address of a Ray cluster: HOST:PORT, auto or local, or one with a scheme, which Ray knows.

    >>> cluster_address("10.0.0.1:6379"), cluster_address("[::1]:6379"), cluster_address("auto")
    ('10.0.0.1:6379', '[::1]:6379', 'auto')
    """
    address: str = text(value)
    if address not in ("auto", "local") and "://" not in address:
        found = re.fullmatch(r"[^\s/]+:(\d{1,5})", address)
        if not found or not 0 < int(found[1]) < 1 << 16:
            raise bad_value(VALUE, "HOST:PORT, such as 10.0.0.1:6379, or auto", value, ["auto", "local"])
    return address


@accepts("float | str")
def duration(value: object) -> float:
    """Seconds from 30, 30s, 2m, 1.5h.

    >>> duration("2m")
    120.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", str(value).strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if isinstance(value, bool) or not 0 < seconds <= 1e9:
        raise bad_value(VALUE, "a time such as 30, 30s, 2m or 1h", value)
    return seconds


@accepts("int | str")
def pixels(value: object) -> int:
    """Pixels from 100000000 or 100MP.

    >>> pixels("1.5MP")
    1500000
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(M|MP|MPX)?", str(value).strip().upper())
    count = float(match[1]) * (1_000_000 if match[2] else 1) if match else 0.0
    if isinstance(value, bool) or not 1 <= count <= 1 << 62:
        raise bad_value(VALUE, "a number of pixels such as 100MP or 250000000", value)
    return int(count)


@accepts("str | tuple[int, int]")
def grid(value: object) -> tuple[int, int]:
    """Width and height from 320x240, or a pair.

    >>> grid("320x240")
    (320, 240)
    """
    found = pair(value, 65535)
    if found is None:
        raise bad_value(VALUE, "width and height such as 320x240", value)
    return found


def number_range(value: object) -> tuple[float, float]:
    """Two finite numbers, the smaller one first.

    >>> number_range((-1, 1))
    (-1.0, 1.0)
    """
    if isinstance(value, (tuple, list)) and len(value) == 2:
        with contextlib.suppress(TypeError, ValueError):
            low, high = map(float, value)
            if math.isfinite(high - low) and low < high:
                return low, high
    raise bad_value(VALUE, "two numbers, the smaller one first", value)


def pair(value: object, most: int) -> tuple[int, int] | None:
    """Two whole numbers of 1 to `most`, as text with an x between them or as a pair; None for anything else.

    >>> pair("5x4", 99), pair("5 × 4", 99), pair((5, 4), 99), pair("5x400", 99)
    ((5, 4), (5, 4), (5, 4), None)
    """
    if isinstance(value, str):
        match = re.fullmatch(r"(\d{1,5})\s*[x×]\s*(\d{1,5})", value.strip().lower())
        value = (int(match[1]), int(match[2])) if match else ()
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return None
    one, other = value
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in (one, other))
    return (one, other) if whole and 0 < one <= most and 0 < other <= most else None


@accepts("str | tuple[int, int, int] | tuple[int, int, int, int]")
def colour(value: object) -> tuple[int, int, int, int]:
    """A colour as red, green, blue, alpha (0 to 255): a CSS name, #rgb, #rrggbb, #rrggbbaa or a tuple.

    >>> colour("#f80")
    (255, 136, 0, 255)
    >>> colour("transparent")
    (0, 0, 0, 0)
    """
    if isinstance(value, (tuple, list)) and len(value) in (3, 4) and all(isinstance(v, int) for v in value):
        red, green, blue, *rest = value
        if all(0 <= v <= 255 for v in value):
            return (red, green, blue, rest[0] if rest else 255)
    if value == "transparent":
        return (0, 0, 0, 0)
    if isinstance(value, str):
        from PIL import ImageColor

        try:
            rgba = ImageColor.getcolor(value, "RGBA")
        except ValueError:
            pass
        else:
            return (rgba[0], rgba[1], rgba[2], rgba[3])  # type: ignore[index]
    raise bad_value(VALUE, "a colour such as white, #ff8800 or transparent", value)


@accepts("str")
def secret(value: object) -> Secret:
    """A password, unchanged.

    >>> secret("open sesame")
    Secret()
    """
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str) or not value:
        raise BadValueError(f"Expected a password as text for {VALUE}.")
    return Secret(value)
