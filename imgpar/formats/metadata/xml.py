"""Elements in the text of XMP packets, found in one pass: a packet may have megabytes, and be malicious.

Packets are edited as text, so that everything else keeps its bytes; they need not be well-formed. A regular
expression that searches the end of each element from its start takes quadratic time where end tags are
missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

Span = tuple[int, int]
"""Start and end of a part."""

_TAG = re.compile(rb"<(/?)([\w:.-]++)[^<>]*+>")


def elements(text: bytes, wanted: Callable[[bytes], object]) -> Iterator[Span]:
    """The elements with a matching name, each up to the first end tag of that name; not nested.

    >>> list(elements(b"<a:b>1</a:b><a:c/><a:b>2", lambda name: name in (b"a:b", b"a:c")))
    [(0, 12), (12, 18)]
    """
    last = {tag[2]: tag.start() for tag in _TAG.finditer(text) if tag[1] and wanted(tag[2])}
    open_name, start = b"", 0
    for tag in _TAG.finditer(text):
        ends, name = tag[1], tag[2]
        if open_name:
            if ends and name == open_name:
                yield start, tag.end()
                open_name = b""
        elif ends or not wanted(name):
            continue
        elif tag[0].endswith(b"/>"):
            yield tag.span()
        elif last.get(name, -1) > tag.start():
            open_name, start = name, tag.start()


def without(text: bytes, spans: Iterable[Span]) -> bytes:
    """The text without some spans, given in order.

    >>> without(b"abcdef", [(1, 2), (3, 5)])
    b'acf'
    """
    kept, at = list[bytes](), 0
    for start, end in spans:
        kept.append(text[at:start])
        at = end
    return b"".join((*kept, text[at:]))
