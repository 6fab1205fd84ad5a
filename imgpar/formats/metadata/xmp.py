"""XMP as text: the two parts of a packet that is too large for one JPEG segment.

The first part refers to the second by its MD5 digest. In memory both are one packet, as in all other formats.
"""

from __future__ import annotations

import re

XMP = b"http://ns.adobe.com/xap/1.0/\0"
XMP_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"

_NOTE = re.compile(
    rb"(?<!\s)\s+xmpNote:HasExtendedXMP\s*=\s*[\"']([0-9A-Fa-f]{32})[\"']"
    rb"|<xmpNote:HasExtendedXMP>\s*([0-9A-Fa-f]{32})\s*</xmpNote:HasExtendedXMP>"
)
_RDF = re.compile(rb"<rdf:RDF\b[^<>]*+>")
_RDF_END = re.compile(rb"</rdf:RDF\s*+>")
_NAMESPACE = re.compile(rb"\s(xmlns:[\w.-]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_TAG = re.compile(rb"<(/?)rdf:Description\b[^<>]*+>")
_NAMED = b"""<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"
 xmpNote:HasExtendedXMP="%s"/>"""


def extension_name(packet: bytes) -> bytes:
    """The name of the second part to which a first one refers; empty without."""
    found = _NOTE.search(packet)
    return (found[1] or found[2]) if found else b""


def joined(first: bytes, second: bytes) -> bytes:
    """Both parts as one packet; empty where they are not well-formed XMP."""
    one, other = _inside(first), _inside(second)
    if one is None or other is None:
        return b""
    head, tail = first[: one.start], first[one.stop :]
    declared = dict(_NAMESPACE.findall(head))
    above = _NAMESPACE.findall(second[: other.start])
    more = b"".join(b" %s=%s" % pair for pair in above if pair[0] not in declared)
    packet = b"".join((head[:-1], more, b">", first[one], second[other], tail))
    packet = _NOTE.sub(b"", packet)
    return packet if is_well_formed(packet) else b""


def parted(packet: bytes, room: int) -> tuple[bytes, bytes, bytes]:
    """Split a packet: a first part of at most `room` bytes, a second part, and the name of the second.

    The second is empty where one part suffices; both are where the packet cannot be split.
    """
    if len(packet) <= room:
        return packet, b"", b""
    found = _inside(packet)
    if found is None:
        return b"", b"", b""
    head, tail = packet[: found.start], packet[found.stop :].rstrip(b"\0 \n\r\t")
    left = room - len(head) - len(tail) - len(_NAMED) - 32
    kept, moved = list[bytes](), list[bytes]()
    for part in _descriptions(packet[found]):
        if len(part) <= left:
            left -= len(part)
            kept.append(part)
        else:
            moved.append(part)
    second = head[head.find(b"<x:xmpmeta") :] + b"".join(moved) + b"</rdf:RDF></x:xmpmeta>"
    if left < 0 or not is_well_formed(second):
        return b"", b"", b""
    name = digest(second)
    return head + b"".join(kept) + _NAMED % name + tail, second, name


def digest(second: bytes) -> bytes:
    """The digest by which the first part refers to the second."""
    from hashlib import md5  # rarely needed; OpenSSL is a large library

    return md5(second, usedforsecurity=False).hexdigest().upper().encode()


def segments(packet: bytes, room: int) -> list[bytes]:
    """Bodies of the JPEG segments of a packet, each at most `room` bytes; empty where it does not fit."""
    first, second, name = parted(packet, room - len(XMP) - len(_NAMED) - 32)
    if not first:
        return []
    size = room - len(XMP_EXTENSION) - 40
    total = len(second)
    head = XMP_EXTENSION + name + total.to_bytes(4, "big")
    starts = range(0, total, size)
    return [XMP + first, *(head + at.to_bytes(4, "big") + second[at : at + size] for at in starts)]


def is_well_formed(packet: bytes) -> bool:
    """Whether it is well-formed XML; document types, which can expand text, are not XMP."""
    if b"<!" in packet:
        return False
    from xml.parsers import expat

    try:
        expat.ParserCreate().Parse(packet.strip(b"\0 \n\r\t"), True)
    except expat.ExpatError:
        return False
    return True


def _inside(packet: bytes) -> slice | None:
    """Position of the descriptions: between the start and end tags of their parent."""
    begin, ends = _RDF.search(packet), list(_RDF_END.finditer(packet))
    if begin is None or not ends or ends[-1].start() < begin.end():
        return None
    return slice(begin.end(), ends[-1].start())


def _descriptions(text: bytes) -> list[bytes]:
    """The outermost descriptions, each with the text before it."""
    found, depth, start = list[bytes](), 0, 0
    for tag in _TAG.finditer(text):
        depth += -1 if tag[1] else 0 if tag[0].endswith(b"/>") else 1
        if depth == 0:
            found.append(text[start : tag.end()])
            start = tag.end()
    return found
