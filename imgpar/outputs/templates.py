"""Templates of output names, such as `{date:%Y}/{stem}-{width}`, and the settings that make them.

A template without `/` names a file in the folder of its input below OUT; one with `/` is a path below OUT.
A final `.{ext}` is implied: the suffix follows from the format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, UsageError, bad_value
from imgpar.core.filenames import fold, legal, split_suffix
from imgpar.core.fs import OURS
from imgpar.core.options import Declared, option
from imgpar.core.templates import Field, Template, Value, parse_template
from imgpar.formats.registry import format_of_suffix
from imgpar.outputs.name_function import FIELD, FORBIDDEN, FunctionName, NoNameError

STEM = "{stem}"
SIZED = "{stem}-{width}"
"""The name of outputs of several sizes."""
OWN_SIZE = -1
"""Stands for the width of the input among several sizes."""
FIELDS = (
    Field("stem", "text", "name of the input without its suffix", "IMG_1"),
    Field("ext", "text", "suffix of the output without its dot", "webp"),
    Field("dir", "text", "path of the input's folder below OUT", "2024/may"),
    Field("parent", "text", "name of the folder that the input lies in", "may"),
    Field("n", "number", "1, 2, 3 … in the order of the inputs", "7"),
    Field("date", "date", "when it was taken, else the time of the file", "2024-05-01"),
    Field("camera", "text", "make and model of the camera", "Canon EOS R5"),
    Field("width", "number", "width of the output in pixels", "1920"),
    Field("height", "number", "height of the output in pixels", "1280"),
    Field("page", "number", "number of the first page that is read", "3"),
    Field("hash", "text", "digest of the input's content: 32 hexadecimal digits", "0a1b2c3d"),
    Field("recipe", "text", "name of the recipe", "web"),
)
"""The fields of file names."""
HEADER_FIELDS = frozenset(("date", "camera", "width", "height", "hash"))
"""Fields whose values workers read in the input."""
_PER_INPUT = frozenset(field.name for field in FIELDS) - {"ext", "recipe", "page", "width", "height"}
_FOLDERS = Field("folders", "text", "the path of the folder, with separators")
_FUNCTION = Field(FIELD, "text", "what a function returns")
_WHOLE_DIR = re.compile(r"(^|/)\{dir(\|[^{}]*)?\}(?=/)")
_ILLEGAL = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
_SUFFIX = ".{ext}"
_OUTSIDE = "Begin with a name: no /, no .. and no drive."


class NameTemplate(NamedTuple):
    """A parsed template of names."""

    template: Template
    folders: bool
    """Whether it is a path below OUT."""
    fields: frozenset[str]
    """Its fields; `dir` also where it stands for folders."""
    needs_date: bool
    """Whether there has to be a date: at least one has no fallback."""

    def path(self, values: Mapping[str, Value], more: str, suffix: str) -> str:
        """The path of an output, relative to OUT or to the folder of its input, with `/`.

        Args:
            values: of the fields; texts that are no names of files or folders are made legal.
            more: appended to the stem where `stem` is no field: the name has to be another one.
            suffix: of the output, with its dot.

        Raises:
            NoNameError: a value is missing, or what is left is no name.
        """
        if absent := self.template.missing(values):
            name = absent[0]
            raise NoNameError(
                f"It has no {{{name}}} for its name.",
                fix=f"Add a fallback to the template: {{{name}|unknown}}.",
            )
        text = self.template.format(values) or ""
        *above, stem = text.split("/")
        if more and "stem" not in self.fields:
            stem += f"-{more}" if stem else more
        folders = [legal(part.strip(), "") for part in above if part.strip()]
        if wrong := next((part for part in folders if not part.strip(".") or fold(part) == OURS), None):
            raise NoNameError(f"The template gives {wrong!r}, which is no name for a folder.")
        if not stem.strip(". "):
            raise NoNameError(f"The template gives {text!r}, which is no name.", fix="Add {stem} to it.")
        return "/".join([*folders, legal(stem, suffix)])


def clean(text: str) -> str:
    """A text from metadata as part of a name: without separators and characters that a file system refuses.

    >>> clean("../a/b: c"), clean("NIKON D100 ")
    ('_a_b_ c', 'NIKON D100')
    """
    return _ILLEGAL.sub("_", text).strip(" .")


@parsing.accepts("str | Callable[[Item], str]")
def parse_name(value: object) -> str:
    """The template of one output; a final `.{ext}` is left out. Empty where it changes nothing.

    >>> parse_name("{stem}-thumb.{ext}"), parse_name("{stem}"), parse_name("{date:%Y}/{n:04}")
    ('{stem}-thumb', '', '{date:%Y}/{n:04}')
    """
    text = parse_names(value)
    return "" if text == STEM else text


@parsing.accepts("str | Callable[[Item], str]")
def parse_names(value: object) -> str:
    """The template of all outputs: as for one, but `{stem}` stays, because sizes have another default.

    >>> parse_names("{stem}.{ext}")
    '{stem}'
    """
    if isinstance(value, FunctionName):
        return value
    if callable(value):
        return FunctionName(value)
    text = parsing.text(value)
    template = parse_template(text, FIELDS, "a name with fields")
    text = text.removesuffix(_SUFFIX)
    _check_literals(text, template)
    if not template.fields & _PER_INPUT:
        raise bad_value(parsing.VALUE, "a name with a field such as {stem}, {n} or {date}", text)
    return text


def _check_literals(text: str, template: Template) -> None:
    """Refuse names that would lie outside of OUT, or that some file system refuses."""
    plain = "".join(template.literals)
    wrong = sorted(FORBIDDEN.intersection(plain)) + [repr(c) for c in plain if not c.isprintable()]
    if wrong:
        fix = "Folders are separated by /." if wrong == ["\\"] else "Leave it out."
        raise BadValueError(f"{parsing.VALUE} {text!r} has {wrong[0]} in it, which is for no name.", fix=fix)
    if counter := re.search(r"%(0?\d*)d", re.sub(r"\{[^{}]*\}", "", text)):
        field = f"{{n:{counter[1]}}}" if counter[1] else "{n}"
        raise BadValueError(f"{parsing.VALUE} {text!r} has {counter[0]} in it.", fix=f"Write {field}.")
    fallbacks = re.findall(r"\{[^{}|]*\|([^{}]*)\}", text)
    if any("/" in fallback for fallback in fallbacks):
        raise BadValueError(f"A fallback in {parsing.VALUE} {text!r} has a /.", fix="Write a name.")
    parts = re.sub(r"\{\{|\}\}", "x", text)
    parts = re.sub(r"\{date:([^{}|]*)[^{}]*\}", r"\1", parts)
    shown = re.sub(r"\{[^{}]*\}", "x", parts).split("/")
    inside = all(part.strip() and part.strip(". ") for part in shown)
    if not inside or any(not fallback.strip(". ") for fallback in fallbacks if "." in fallback):
        raise BadValueError(f"{parsing.VALUE} {text!r} may lead out of OUT.", fix=_OUTSIDE)
    if any(fold(part.strip()) == OURS for part in (*shown, *fallbacks)):
        raise BadValueError(f"{parsing.VALUE} {text!r} leads into {OURS}, which belongs to imgpar.")
    ending = split_suffix(shown[-1])[1]
    if ending and text.endswith(ending) and format_of_suffix(shown[-1]):
        fix = f"Leave {ending} out, or write .{{ext}}."
        raise BadValueError(f"{parsing.VALUE} {text!r} names a suffix, but the format decides it.", fix=fix)


@lru_cache(maxsize=1024)
def name_template(text: str) -> NameTemplate:
    """The template for a text from `parse_name`; empty is the name of the input."""
    text = _WHOLE_DIR.sub(lambda found: f"{found[1]}{{folders{found[2] or '|'}}}", text or STEM)
    text = text.replace("{dir}", "{dir|}")  # OUT itself has none
    template = Template.parse(text, (*FIELDS, _FOLDERS, _FUNCTION))
    folders = FIELD in template.fields or any("/" in literal for literal in template.literals)
    fields = template.fields
    if "folders" in fields:
        fields = (fields - {"folders"}) | {"dir"}
    return NameTemplate(template, folders, fields, "date" in template.missing({}))


def is_numbered(text: str) -> bool:
    """Whether a template has the counter of the inputs."""
    return bool(text) and "n" in name_template(text).fields


@parsing.accepts("str")
def parse_affix(value: object) -> str:
    """Text before or behind a name; braces are no fields.

    >>> parse_affix("web-")
    'web-'
    """
    text = parsing.text(value)
    if not text.isprintable() or not {*FORBIDDEN, "/"}.isdisjoint(text):
        raise bad_value(
            parsing.VALUE,
            "a part of a file name, without / and none of " + " ".join(sorted(FORBIDDEN)),
            text,
        )
    return text


@parsing.accepts("str | int | Sequence[int]")
def parse_sizes(value: object) -> tuple[int, ...]:
    """Widths in ascending order, each once.

    >>> parse_sizes("640,320"), parse_sizes([320])
    ((320, 640), (320,))
    """
    each = value.split(",") if isinstance(value, str) else value
    each = [each] if isinstance(each, int) else each
    if isinstance(each, (list, tuple)) and each and len(each) <= _MOST_SIZES:
        try:
            return tuple(
                sorted(
                    {
                        parsing.integer(1, 65_535)(str(one).strip() if isinstance(one, str) else one)
                        for one in each
                    }
                )
            )
        except BadValueError:
            pass
    raise bad_value(parsing.VALUE, f"up to {_MOST_SIZES} widths in pixels, such as 320,640,1280,", value)


_MOST_SIZES = 50


@dataclass(frozen=True, slots=True)
class Naming(Declared):
    """Which files are made of an input, and how they are named: settings of a recipe."""

    name: str = option(
        parse_names,
        "template of the names, such as '{date:%Y-%m-%d}_{stem}-{width}.{ext}'; with / it is a path below "
        "OUT; fields: "
        + ", ".join(field.name for field in FIELDS)
        + " ({n:04}: digits, {hash:8}: length, {camera|other}: where it is missing)",
        default="",
        metavar="TEMPLATE",
        example="{stem}-{width}.{ext}",
        calls="run",
    )
    prefix: str = option(
        parse_affix, "text before each name", default="", metavar="TEXT", example="web-", calls="run"
    )
    suffix: str = option(
        parse_affix,
        "text behind each name, before its dot",
        default="",
        metavar="TEXT",
        example="-small",
        calls="run",
    )
    flat: bool = option(
        parsing.switch,
        "write all outputs directly into OUT, without the folders of the inputs",
        default=False,
        calls="run",
    )
    sizes: tuple[int, ...] = option(
        parse_sizes,
        "widths in pixels: each is an output of its own, named {stem}-{width}; nothing is enlarged: of a "
        "smaller input its own width is made",
        default=(),
        metavar="W,W,…",
        example="320,640,1280",
        calls="run",
    )

    def template(self, own: str = "") -> str:
        """The template of one output, with prefix and suffix.

        Args:
            own: the template of the output; empty takes that of the recipe.
        """
        text = own or self.name or (SIZED if self.sizes else STEM)
        if isinstance(text, FunctionName):
            return FunctionName(text.function, self.prefix, self.suffix)
        if not (self.prefix or self.suffix):
            return "" if text == STEM else text
        above, slash, stem = text.rpartition("/")
        prefix, suffix = (part.replace("{", "{{").replace("}", "}}") for part in (self.prefix, self.suffix))
        return f"{above}{slash}{prefix}{stem}{suffix}"

    def check(self, own: str = "") -> None:
        """Refuse settings that contradict each other; `own` is the template of an output. Raises
        UsageError."""
        template = name_template(self.template(own))
        if self.flat and template.folders:
            raise UsageError(
                "A name with folders and --flat exclude each other.", fix="Leave one of them out."
            )
        if len(self.sizes) > 1 and not template.fields & {"width", "height"}:
            raise UsageError(
                "Outputs of several sizes need {width} or {height} in their name.",
                fix="An example is {stem}-{width}.",
            )

    @property
    def renames(self) -> bool:
        """Whether outputs have other names or folders than their inputs."""
        return bool(self.template() or self.flat)
