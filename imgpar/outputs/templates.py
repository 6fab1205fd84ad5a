"""Templates of file names: `{stem}-thumb`."""

from __future__ import annotations

from string import Formatter

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, bad_value, closest

STEM = "{stem}"
FIELDS = ("stem", "ext")
"""`stem` is the name of the input without its suffix, `ext` the suffix of the output without its dot."""
_SUFFIX = ".{ext}"
_FORBIDDEN = '/\\:*?"<>|'


@parsing.accepts("str")
def parse_name(value: object) -> str:
    """A template of a file name; a final `.{ext}` is implied, and left out. Empty where it changes nothing.

    >>> parse_name("{stem}-thumb.{ext}"), parse_name("{stem}")
    ('{stem}-thumb', '')
    """
    text = parsing.text(value)
    expected = "a name with {stem}, such as {stem}-thumb"
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise bad_value(parsing.VALUE, expected, text) from None
    fields = [field for _, field, _, _ in parts if field is not None]
    for field in fields:
        if field not in FIELDS:
            near = closest(field, FIELDS)
            fix = f"Did you mean {{{near}}}?" if near else "Known are {stem} and {ext}."
            raise BadValueError(f"There is no {{{field}}} in {parsing.VALUE} {text!r}.", fix=fix)
    if any(spec or conversion for _, _, spec, conversion in parts):
        raise bad_value(parsing.VALUE, "a name with plain fields, such as {stem}", text)
    plain = "".join(literal for literal, _, _, _ in parts)
    if "stem" not in fields or not plain.isprintable() or any(letter in plain for letter in _FORBIDDEN):
        raise bad_value(parsing.VALUE, f"{expected}, and none of {_FORBIDDEN}", text)
    text = text.removesuffix(_SUFFIX)
    return "" if text == STEM else text


def named(template: str, stem: str, suffix: str) -> str:
    """The stem of an output by its template; empty keeps the stem.

    >>> named("{stem}-thumb", "IMG_1", ".webp")
    'IMG_1-thumb'
    """
    return template.format(stem=stem, ext=suffix.removeprefix(".")) if template else stem
