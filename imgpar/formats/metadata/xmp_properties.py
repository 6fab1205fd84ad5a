"""Properties of XMP: read, and replaced in the text of a packet, whose other parts keep their bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from imgpar.core.blocks import Xmp, memoized
from imgpar.formats.metadata.xml import Span, elements, without
from imgpar.formats.metadata.xmp import is_well_formed

NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
}
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PREFIXES = {uri: prefix for prefix, uri in NAMESPACES.items()}
_NEW = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n<rdf:RDF xmlns:rdf="' + _RDF + '">\n</rdf:RDF>\n</x:xmpmeta>\n'
    '<?xpacket end="w"?>'
).encode()
_END = re.compile(rb"</([\w.-]+):RDF\s*>")
_EMPTY_RDF = re.compile(rb"<([\w.-]+):RDF\b([^<>]*)/>")
_ABOUT = re.compile(rb"<rdf:Description\b[^<>]*?\srdf:about\s*=\s*(\"[^\"<>]*\"|'[^'<>]*')")
_DECLARED = re.compile(rb"xmlns:([\w.-]+)\s*=\s*[\"']([^\"']*)[\"']")
_ATTRIBUTE = re.compile(rb"(?<!\s)\s++([\w.-]+:[\w.-]+)\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+')")
_SPARE = re.compile(rb"<rdf:Description\s+rdf:about\s*=\s*(?:\"[^\"]*\"|'[^']*')\s*"
                    rb"(?:/>|>\s*</rdf:Description>)\s*")  # fmt: skip

Values = tuple[str, ...]


@memoized
def xmp_values(xmp: Xmp) -> dict[str, Values]:
    """The simple properties and lists of text, by the usual prefix: `dc:title`. Empty where it is not
    well-formed. Of alternatives by language the default comes first.

    >>> packet = b'<rdf:RDF xmlns:rdf="%s"><rdf:Description xmlns:xmp="%s" xmp:Rating="5"/></rdf:RDF>'
    >>> uris = (_RDF.encode(), NAMESPACES["xmp"].encode())
    >>> xmp_values(Xmp(packet % uris))
    {'xmp:Rating': ('5',)}
    """
    packet: bytes = xmp
    if not packet or b"<!" in packet:
        return {}
    from xml.parsers import expat

    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text.append
    try:
        parser.Parse(packet.strip(b"\0 \n\r\t"), True)
    except (expat.ExpatError, ValueError):
        return {}
    return {name: tuple(values) for name, values in reader.found.items()}


class _Reader:
    """Collects properties: children and attributes of a Description, and the items of their lists."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}
        self.text: list[str] = []
        self._open: list[str] = []
        self._default = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == f"{_RDF} Description" and self._open[-1:] in ([], [f"{_RDF} RDF"]):
            for name, value in attributes.items():
                self._add(name, value)
        self._default = attributes.get("http://www.w3.org/XML/1998/namespace lang") == "x-default"
        self._open.append(tag)
        self.text.clear()

    def end(self, tag: str) -> None:
        self._open.pop()
        words = "".join(self.text)
        self.text.clear()
        above = self._open
        if above[-2:] == [f"{_RDF} RDF", f"{_RDF} Description"] and words.strip():
            self._add(tag, words)
        elif (
            tag == f"{_RDF} li" and len(above) >= 4 and above[-4:-2] == [f"{_RDF} RDF", f"{_RDF} Description"]
        ):
            self._add(above[-2], words, first=self._default)
        self._default = False

    def _add(self, name: str, value: str, *, first: bool = False) -> None:
        uri, _, own = name.rpartition(" ")
        if uri not in _PREFIXES:
            return
        values = self.found.setdefault(f"{_PREFIXES[uri]}:{own}", [])
        values.insert(0 if first else len(values), value)


def with_properties(xmp: Xmp, changes: Mapping[str, tuple[str, Values]]) -> Xmp | None:
    """The packet with other values of some properties.

    Args:
        xmp: the packet; empty makes a new one.
        changes: by name with the usual prefix, such as `dc:title`: its form ("text", "lang", "seq", "bag")
            and its values; no value removes it.

    Returns:
        None where the packet is not well-formed, so that it cannot be changed.
    """
    made: bytes = xmp
    if made:
        made = _EMPTY_RDF.sub(rb"<\1:RDF\2></\1:RDF>", made)
        if not is_well_formed(made):
            return None
        names = _written_names(made, changes)
        made = without(made, _attributes(made, names))
        made = without(made, elements(made, names.__contains__))
        if made != xmp:
            made = _SPARE.sub(b"", made)
    new = {name: value for name, value in changes.items() if value[1]}
    if new:
        made = _inserted(made or _NEW, new)
        if not made:
            return None
    if made == xmp:
        return xmp
    return Xmp(made) if is_well_formed(made) else None


def _written_names(packet: bytes, changes: Mapping[str, object]) -> set[bytes]:
    """The names of properties with the prefixes that the packet declares."""
    prefixes: dict[str, set[bytes]] = {}
    for prefix, uri in _DECLARED.findall(packet):
        if usual := _PREFIXES.get(uri.decode("utf-8", "replace")):
            prefixes.setdefault(usual, set()).add(prefix)
    return {
        prefix + b":" + name.partition(":")[2].encode()
        for name in changes
        for prefix in prefixes.get(name.partition(":")[0], ())
    }


def _attributes(packet: bytes, names: set[bytes]) -> list[Span]:
    return [match.span() for match in _ATTRIBUTE.finditer(packet) if match[1] in names]


def _inserted(packet: bytes, new: Mapping[str, tuple[str, Values]]) -> bytes:
    """The packet with a description of the new properties; empty where it has no place for one."""
    end = None
    for end in _END.finditer(packet):  # noqa: B007
        pass
    if end is None:
        return b""
    about = _ABOUT.search(packet)
    prefixes = dict.fromkeys(name.partition(":")[0] for name in new)
    spaces = "".join(f' xmlns:{prefix}="{NAMESPACES[prefix]}"' for prefix in prefixes)
    parts = [f'<rdf:Description xmlns:rdf="{_RDF}" rdf:about='.encode(), about[1] if about else b'""']
    parts += [spaces.encode(), b">\n"]
    parts += [_element(name, form, values).encode() for name, (form, values) in new.items()]
    parts.append(b"</rdf:Description>\n")
    return packet[: end.start()] + b"".join(parts) + packet[end.start() :]


def _escaped(text: str) -> str:
    """The text as content of an element. `xml.sax.saxutils` has this function too, and imports the clients of
    HTTP and TLS for others, which would be a twelfth of the start of a worker."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _element(name: str, form: str, values: Values) -> str:
    if form == "text":
        return f"<{name}>{_escaped(values[0])}</{name}>\n"
    kind = {"lang": "Alt", "seq": "Seq", "bag": "Bag"}[form]
    lang = ' xml:lang="x-default"' if form == "lang" else ""
    items = "".join(f"<rdf:li{lang}>{_escaped(value)}</rdf:li>" for value in values)
    return f"<{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>\n"
