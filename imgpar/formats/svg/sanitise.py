"""Sanitises an SVG: rewrites its text with nothing but what is drawn from the file itself.

resvg opens any file that a picture element names, and this cannot be disabled. So it never receives the
original text: that is parsed as XML, and only SVG elements and attributes are written. References are kept
within the file, pictures if they are embedded (`data:`). Everything else is dropped: paths and URLs, the
document type with its entities, external style sheets, elements of other namespaces.
"""

from __future__ import annotations

import codecs
import re
import zlib
from typing import NamedTuple
from xml.parsers import expat

from imgpar.core.errors import LimitError, UnsupportedError
from imgpar.formats.base import damaged
from imgpar.formats.svg.font_fallback import spans
from imgpar.formats.svg.inline_pictures import embedded
from imgpar.formats.svg.style import variables, with_values, without_escapes

LARGEST = 64 << 20
"""Maximum bytes of an unpacked .svgz, and characters of the result."""
LARGEST_REPLACED = 4 << 20
"""Maximum characters of the replacement text of all entities together."""
MOST_ENTITIES = 100
DEEPEST = 500
"""Maximum nesting of elements; resvg recurses on the stack, see `reader`."""

PICTURES = "pictures outside the file"
PARTS = "references outside the file"

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_XML = "http://www.w3.org/XML/1998/namespace"
_HEAD = f'<svg xmlns="{_SVG}" xmlns:xlink="{_XLINK}"'
_DRAWN = frozenset(
    ("g", "use", "svg", "symbol", "rect", "circle", "ellipse", "line", "polyline", "polygon", "path", "text")
)
"""Elements to which a filter can apply."""
_LINKS = frozenset(("a", "script"))
"""Elements whose references draw nothing."""
_DECLARED = re.compile(rb"\s*<\?xml[^>]{1,100}?encoding\s*=\s*[\"']([\w.-]{1,40})[\"']")
_ENCODINGS = ("ascii", "iso8859", "cp", "koi8", "mac", "shift_jis", "euc", "gb", "big5")
"""Prefixes of encodings that decode in linear time."""
_PREDEFINED = re.compile("&(?:amp|lt|gt|quot|apos);")
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_VALUE = _IN_TEXT | str.maketrans({'"': "&quot;", "\t": "&#9;", "\n": "&#10;"})
_URL = re.compile(r"(url\(\s*+[\"']?+\s*+)(?!#|data:)", re.IGNORECASE)
_SPAN_RULE = re.compile(r"tspan[^<>{}]{0,100}\{")
_IMPORT = re.compile("@import", re.IGNORECASE)


class Drawing(NamedTuple):
    """A sanitised SVG."""

    text: str
    root: dict[str, str]
    """Attributes of the root element."""
    lost: tuple[str, ...]
    """Kinds of dropped content."""
    letters: str = ""
    """Distinct characters of its texts."""
    unjoined: str = ""
    """Characters that may not be drawn."""


def read_drawing(data: bytes | memoryview, *, inner: bool = False, plain: bool = False) -> Drawing:
    """Sanitise a file, or an SVG embedded in another one, in which pictures are not drawn.

    Args:
        data: the file.
        inner: whether it is embedded in another one.
        plain: each text in one font; otherwise characters that the named fonts may lack get a fallback font.

    Raises:
        DamagedError: it is not an SVG.
        LimitError: the result exceeds a limit.
    """
    writer = _Writer(_decoded(bytes(data)), inner=inner, plain=plain)
    try:
        return writer.drawing()
    except expat.ExpatError as error:
        raise damaged("SVG", str(error), hopeless=True) from error


def _read_inner(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of an embedded SVG, and what was dropped."""
    made = read_drawing(data, inner=True)
    return made.text, made.lost


def _decoded(content: bytes) -> str:
    """The text of a file, in its detected or declared encoding."""
    if content[:2] == b"\x1f\x8b":
        unpacker = zlib.decompressobj(wbits=31)
        try:
            content = unpacker.decompress(content, LARGEST)
        except zlib.error as error:
            raise damaged("SVG", str(error), hopeless=True) from error
        if unpacker.unconsumed_tail:
            raise _too_large()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if content[:2] in (b"<\0", b"\0<"):
        return content.decode("utf-16-le" if content[1] == 0 else "utf-16-be", "replace")
    return content.decode(_encoding(content), "replace").removeprefix("\ufeff")


def _encoding(content: bytes) -> str:
    declared = _DECLARED.match(content[:200])
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name if declared else "utf-8"
    except (LookupError, UnicodeDecodeError):
        return "utf-8"
    return name if name.startswith(_ENCODINGS) else "utf-8"


def _too_large() -> LimitError:
    return LimitError(f"This SVG becomes more than {LARGEST >> 20} MiB.", fix="Leave it out.")


class _Writer:
    """Parses XML and writes sanitised SVG."""

    def __init__(self, text: str, *, inner: bool, plain: bool) -> None:
        self._text, self._inner = text, inner
        self._parts: list[str] = []
        self._size = 0
        self._root: dict[str, str] = {}
        self._depth = 0
        self._foreign = 0
        """Depth at which a foreign element began; 0 outside of one."""
        self._style: list[str] | None = None
        """The current style sheet."""
        self._lost: dict[str, None] = {}
        self._ids: set[str] = set()
        self._used: list[tuple[int, str]] = []
        """Indices of parts with a filter reference, and its target."""
        self._entities = self._replaced = 0
        self._within_text = 0
        """Number of open text elements."""
        self._letters: dict[str, None] = {}
        self._variables = variables(text)
        # Style sheet rules for spans would apply to inserted ones.
        self._plain = plain
        self._choose_fonts = not plain and not _SPAN_RULE.search(text)
        self._nodes: list[tuple[int, str]] = []
        """Text nodes of the current text element, and the indices of their parts."""
        self._unjoined: dict[str, None] = {}

    def drawing(self) -> Drawing:
        """The whole drawing."""
        # A space between namespace and name, which neither contains.
        parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = parser.specified_attributes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.ProcessingInstructionHandler = self._instruction
        parser.EntityDeclHandler = self._entity
        parser.ExternalEntityRefHandler = self._outside
        parser.Parse(self._text.encode("utf-8", "replace"), True)
        for at, name in self._used:
            if name not in self._ids:
                self._parts[at] = ""
                self._lost[PARTS] = None
        letters, unjoined = "".join(self._letters), "".join(self._unjoined)
        return Drawing("".join(self._parts), self._root, tuple(self._lost), letters, unjoined)

    def _put(self, text: str) -> None:
        self._size += len(text)
        if self._size > LARGEST:
            raise _too_large()
        self._parts.append(text)

    # ----- elements -------------------------------------------------------------------------------

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise LimitError(f"This SVG has more than {DEEPEST} levels of nested elements.")
        if self._foreign:
            return
        if self._style is not None:
            self._foreign = self._depth  # a style sheet is text
            return
        language, _, name = full.rpartition(" ")
        if language not in ("", _SVG):
            if self._depth == 1:
                raise damaged("SVG", "it has no svg element", hopeless=True)
            # Not drawn, but counted by style sheet selectors.
            self._foreign = self._depth
            self._put("<metadata/>")
            return
        if self._depth == 1:
            self._begin(name, attributes)
        else:
            self._put(f"<{name}")
        if name in _DRAWN and (own := attributes.get("id")):
            self._ids.add(own)
        for key, value in attributes.items():
            self._attribute(name, key, value)
        self._put(">")
        self._within_text += name == "text"
        if name == "style":
            self._style = []

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if name != "svg":
            raise damaged("SVG", "it has no svg element", hopeless=True)
        self._root = attributes
        self._put(_HEAD)

    def _end(self, full: str) -> None:
        self._depth -= 1
        if self._foreign:
            if self._foreign > self._depth:
                self._foreign = 0
            return
        if self._style is not None:
            self._put(self._closed("".join(self._style)).translate(_IN_TEXT))
            self._style = None
        name = full.rpartition(" ")[2]
        self._within_text -= name == "text"
        if self._nodes and not self._within_text:
            if self._choose_fonts:
                self._end_text()
            self._nodes.clear()
        self._put(f"</{name}>")

    def _data(self, text: str) -> None:
        if self._foreign or not self._depth:
            return
        if self._style is None:
            if self._within_text:
                self._letters |= dict.fromkeys(text)
                self._nodes.append((len(self._parts), text))
            self._put(text.translate(_IN_TEXT))
        else:
            self._style.append(text)

    def _end_text(self) -> None:
        """Set fallback fonts in a text element."""
        chosen = spans([text for _, text in self._nodes], self._text)
        for (at, _), node in zip(self._nodes, chosen.nodes, strict=True):
            self._parts[at] = ""
            for text, family in node:
                letters = text.translate(_IN_TEXT)
                family = family.translate(_IN_VALUE)
                self._parts[at] += f'<tspan font-family="{family}">{letters}</tspan>' if family else letters
            self._size += len(self._parts[at])
        if self._size > LARGEST:
            raise _too_large()
        self._unjoined |= dict.fromkeys(chosen.unjoined)

    # ----- references -----------------------------------------------------------------------------

    def _attribute(self, element: str, full: str, value: str) -> None:
        language, _, name = full.rpartition(" ")
        if name == "href" and language in ("", _XLINK):
            self._reference(element, "xlink:href" if language else "href", value.strip(" \t\r\n"))
        elif language == _XML and name in ("space", "lang"):
            self._put(f' xml:{name}="{value.translate(_IN_VALUE)}"')
        elif self._plain and element == "tspan" and name == "font-family":
            return
        elif not language and name != "src":
            if "\\" in value or "(" in value:
                value = self._closed(value)
            self._put(f' {name}="{value.translate(_IN_VALUE)}"')

    def _reference(self, element: str, name: str, value: str) -> None:
        picture = element in ("image", "feImage")
        if value[:1] == "#" and element != "image":
            if element == "feImage":
                # resvg treats references outside of the drawing as file names.
                self._used.append((len(self._parts), value[1:]))
            self._put(f' {name}="{value.translate(_IN_VALUE)}"')
        elif picture and value[:5].lower() == "data:":
            if not self._inner:
                made, lost = embedded(value, _read_inner)
                self._lost |= dict.fromkeys(lost)
                self._put(f' {name}="{made}"' if made else "")
        elif value and element not in _LINKS:
            self._lost[PICTURES if picture or element == "use" else PARTS] = None

    def _closed(self, style: str) -> str:
        """Style rules without external references, which become a name that does not exist."""
        style = with_values(without_escapes(style), self._variables)
        style, addresses = _URL.subn(r"\1#", style)
        style, sheets = _IMPORT.subn("@none", style)
        if addresses or sheets:
            self._lost[PARTS] = None
        return style

    def _instruction(self, target: str, _: str) -> None:
        if target == "xml-stylesheet":
            self._lost[PARTS] = None

    # ----- entities -------------------------------------------------------------------------------

    def _entity(self, name: str, parameter: bool, value: str | None, *_: str | None) -> None:
        """Entities may be text, but not nested, and not large."""
        if parameter or value is None:
            return
        if "&" in _PREDEFINED.sub("", value):
            raise UnsupportedError("The entities of this SVG are nested, which imgpar does not support.")
        self._entities += 1
        self._replaced += len(value) * self._text.count(f"&{name};")
        if self._entities > MOST_ENTITIES or self._replaced > LARGEST_REPLACED:
            raise LimitError("The entities of this SVG expand to too much text.")

    def _outside(self, *_: str | None) -> int:
        self._lost[PARTS] = None
        return 1
