"""SVG: nothing outside of the file is touched, what is left out is named, and no file takes long."""

from __future__ import annotations

import base64
import gzip
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tracing import traced

from imgpar.core.errors import ItemError, LimitError, UnsupportedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header
from imgpar.formats.codec import decode, read_header
from imgpar.formats.svg import sanitise

pytest.importorskip("resvg_py")

LIMITS = Limits()
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
SHOWN = "<!-- <svg> -->"
"""What tells the kind of the file where its first element has a prefix."""
BOX = 'width="20" height="10"'


def drawing(content: str, before: str = "", attributes: str = "") -> str:
    """An SVG of 20 × 10 pixels."""
    return f'{before}<svg xmlns="{SVG}" xmlns:xlink="{XLINK}" {attributes} {BOX}>{content}</svg>'


def png(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10), colour).save(buffer, "png")
    return buffer.getvalue()


def inline(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def read(data: bytes | str) -> tuple[Header, np.ndarray]:
    """Header and pixels."""
    data = data.encode() if isinstance(data, str) else data
    header = read_header(data, "a.svg", LIMITS)
    array = np.empty(header.spec.shape, header.spec.dtype)
    decode(data, header, [Frame(header.spec, array)])
    return header, array


def is_red(array: np.ndarray) -> bool:
    return bool((array == (255, 0, 0, 255)).all())


def is_clear(array: np.ndarray) -> bool:
    return not array.any()


# ----- what may be there ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        inline(png()),
        f"  {inline(png())}\n",
        inline(png()).replace("data:", "DATA:"),
        inline(png(), "image/jpeg"),
        "data:image/png," + "".join(f"%{byte:02x}" for byte in png()),
        inline(drawing('<rect width="20" height="10" fill="red"/>').encode(), "image/svg+xml"),
        inline(gzip.compress(drawing('<rect width="20" height="10" fill="red"/>').encode()), "image/svg+xml"),
        "data:image/svg+xml;utf8,"
        + drawing("<rect width='20' height='10' fill='red'/>").replace("<", "%3c").replace('"', "'"),
    ],
)
def test_a_picture_inside_the_file_is_drawn(address):
    image = f"<image {BOX} href='{address}'/>" if "'" not in address else f'<image {BOX} href="{address}"/>'
    header, array = read(drawing(image))
    assert is_red(array)
    assert header.lost == ()


@pytest.mark.parametrize("attribute", ["href", "xlink:href"])
def test_a_part_of_the_file_is_drawn(attribute):
    text = f'<defs><rect id="a" {BOX} fill="red"/></defs><use {attribute}="#a"/>'
    header, array = read(drawing(text))
    assert is_red(array)
    assert header.lost == ()


def test_a_gradient_by_reference_is_drawn():
    paint = '<linearGradient id="p"><stop stop-color="red"/></linearGradient>'
    shape = f"<rect {BOX} style=\"fill:url( '#p' )\"/>"
    header, array = read(drawing(paint + shape))
    assert is_red(array)
    assert header.lost == ()


def test_a_filter_may_take_a_part_of_the_file():
    parts = f'<rect id="a" {BOX} fill="red"/><filter id="f"><feImage href="#a"/></filter>'
    assert 'feImage href="#a"' in sanitise.read_drawing(drawing(parts).encode()).text


def test_a_style_sheet_is_kept():
    assert is_red(read(drawing(f"<style><![CDATA[ svg > rect {{fill:red}} ]]></style><rect {BOX}/>"))[1])


def test_an_entity_may_stand_for_text():
    shape = f"<rect {BOX} fill='red'/>".replace('"', "'")
    before = f'<!DOCTYPE svg [<!ENTITY ns "{SVG}"><!ENTITY shape "{shape}">]>'
    assert is_red(read(f'{before}<svg xmlns="&ns;" {BOX}>&shape;</svg>')[1])


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "shift_jis"]
)
def test_the_encoding_is_that_of_the_file(encoding):
    name = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16"}.get(encoding, encoding)
    letter = "é" if encoding != "shift_jis" else "ゴ"
    before = f'<?xml version="1.0" encoding="{name}"?>'
    data = drawing(f'<rect id="{letter}" {BOX} fill="red"/>', before).encode(encoding)
    assert f'id="{letter}"' in sanitise.read_drawing(data).text


def test_any_prefix_may_stand_for_svg_and_for_links():
    shape = f'<s:rect id="a" {BOX} fill="red"/><s:use l:href="#a"/>'
    text = f'{SHOWN}<s:svg xmlns:s="{SVG}" xmlns:l="{XLINK}" {BOX}>{shape}</s:svg>'
    assert is_red(read(text)[1])


# ----- what may not ---------------------------------------------------------------------------------

OUTSIDE = "pictures outside the file"
PARTS = "references outside the file"
SECRET = "SECRET"


def nested(text: str) -> str:
    return f'<image {BOX} href="{inline(text.encode(), "image/svg+xml")}"/>'


HOSTILE = {
    "absolute": (drawing(f'<image {BOX} href="SECRET"/>'), OUTSIDE),
    "xlink": (drawing(f'<image {BOX} xlink:href="SECRET"/>'), OUTSIDE),
    "file address": (drawing(f'<image {BOX} href="file://SECRET"/>'), OUTSIDE),
    "relative": (drawing(f'<image {BOX} href="../near/secret.png"/>'), OUTSIDE),
    "spaces": (drawing(f'<image {BOX} href=" &#10;SECRET&#9;"/>'), OUTSIDE),
    "another prefix": (drawing(f'<image {BOX} xmlns:q="{XLINK}" q:href="SECRET"/>'), OUTSIDE),
    "another element name": (
        f'{SHOWN}<s:svg xmlns:s="{SVG}" {BOX}><s:image {BOX} href="SECRET"/></s:svg>',
        OUTSIDE,
    ),
    "no language": (f'<svg {BOX}><image {BOX} href="SECRET"/></svg>', OUTSIDE),
    "letters as numbers": (drawing(f'<image {BOX} href="&#47;near&#x2f;..SECRET"/>'), OUTSIDE),
    "a false data address": (drawing(f'<image {BOX} href="data:SECRET"/>'), "pictures that cannot be read"),
    "a part as a picture": (drawing(f'<image {BOX} href="#near"/>'), OUTSIDE),
    "in a filter": (
        drawing(f'<filter id="f"><feImage href="SECRET"/></filter><rect {BOX} filter="url(#f)"/>'),
        OUTSIDE,
    ),
    "a part that is not there": (
        drawing(f'<filter id="f"><feImage href="#near"/></filter><rect {BOX} filter="url(#f)"/>'),
        PARTS,
    ),
    "used": (drawing('<use href="SECRET#a"/>'), OUTSIDE),
    "paint": (drawing('<linearGradient id="a" href="SECRET#b"/>'), PARTS),
    "paint by style": (drawing(f'<rect {BOX} fill="url(SECRET#a)"/>'), PARTS),
    "style": (drawing(f"<rect {BOX} style=\"mask: URL( 'SECRET#a' )\"/>"), PARTS),
    "escaped style": (drawing(f'<rect {BOX} style="mask:\\75 r\\6C(SECRET)"/>'), PARTS),
    "style sheet": (drawing("<style>@import 'SECRET'; a {}</style>"), PARTS),
    "escaped style sheet": (drawing("<style>@\\69mpo\\rt 'SECRET';</style>"), PARTS),
    "font": (drawing("<style>@font-face {font-family:x; src:url(SECRET)}</style>"), PARTS),
    "style sheet in pieces": (drawing("<style>@imp<![CDATA[ort 'SECRET]]>';</style>"), PARTS),
    "element in a style sheet": (drawing("<style><b/>@import url(SECRET);</style>"), PARTS),
    "style sheet by instruction": (drawing("", '<?xml-stylesheet href="SECRET"?>'), PARTS),
    "entity": (drawing("&x;", '<!DOCTYPE svg [<!ENTITY x SYSTEM "SECRET">]>'), PARTS),
    "document type": (drawing("", '<!DOCTYPE svg SYSTEM "SECRET">'), None),
    "parameter": (drawing("", '<!DOCTYPE svg [<!ENTITY % x SYSTEM "SECRET"> %x;]>'), None),
    "entity as address": (
        drawing(f'<image {BOX} href="&x;"/>', '<!DOCTYPE svg [<!ENTITY x "SECRET">]>'),
        OUTSIDE,
    ),
    "base": (drawing(f'<image {BOX} xml:base="SECRET" href="a.png"/>'), OUTSIDE),
    "included": (drawing('<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="SECRET"/>'), None),
    "page": (
        drawing(
            f'<foreignObject {BOX}><img xmlns="http://www.w3.org/1999/xhtml" src="SECRET"/></foreignObject>'
        ),
        None,
    ),
    "in a drawing in it": (drawing(nested(drawing(f'<image {BOX} href="SECRET"/>'))), OUTSIDE),
    "in a packed drawing in it": (
        drawing(
            f'<image {BOX} href="' + inline(gzip.compress(drawing('<use href="SECRET"/>').encode())) + '"/>'
        ),
        OUTSIDE,
    ),
    "as plain text in it": (
        drawing(
            f'<image {BOX} href="' + inline(drawing('<use href="SECRET"/>').encode(), "text/plain") + '"/>'
        ),
        OUTSIDE,
    ),
    "a link": (drawing(f'<a href="SECRET"><rect {BOX}/></a>'), None),
}


def near(folder: Path) -> dict[str, str]:
    """The drawings, with the path of a picture that is there; its neighbour is there too."""
    (folder / "near").mkdir()
    (folder / "near/secret.png").write_bytes(png())
    (folder / "#near").write_bytes(png())
    (folder / "work").mkdir()
    (folder / "work/#near").write_bytes(png())
    secret = str(folder / "near/secret.png")
    made = {kind: text.replace(SECRET, secret) for kind, (text, _) in HOSTILE.items()}
    # Those that lie in base64 are made again.
    made["in a drawing in it"] = drawing(nested(drawing(f'<image {BOX} href="{secret}"/>')))
    return made


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_lies_outside_is_not_drawn_and_named(tmp_path, monkeypatch, kind):
    text = near(tmp_path)[kind]
    monkeypatch.chdir(tmp_path / "work")
    header, array = read(text)
    assert not (array == (255, 0, 0, 255)).all(axis=-1).any()
    assert header.lost == ((HOSTILE[kind][1],) if HOSTILE[kind][1] else ())


DECODE = """
import sys
import numpy as np
from imgpar.formats.codec import decode, read_header
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        data = file.read()
    header = read_header(data, "a.svg", Limits())
    decode(data, header, [Frame(header.spec, np.empty(header.spec.shape, header.spec.dtype))])
"""


def test_no_path_that_a_drawing_names_is_touched(tmp_path):
    files = []
    for number, text in enumerate(near(tmp_path).values()):
        files.append(tmp_path / f"{number}.svg")
        files[-1].write_text(text)
        files.append(tmp_path / f"{number}.svgz")
        files[-1].write_bytes(gzip.compress(text.encode()))
    calls = traced([sys.executable, "-c", DECODE, *map(str, files)], tmp_path / "work").splitlines()
    # The first call is that of the program itself, with all the names.
    assert [line for line in calls[1:] if "near" in line and "execve" not in line] == []
    assert sum(".svg" in line for line in calls) >= len(files)


def test_the_trace_sees_what_the_library_opens(tmp_path):
    """Of the text as it is."""
    text = near(tmp_path)["absolute"]
    code = "import sys, resvg_py; resvg_py.svg_to_bytes(svg_string=sys.stdin.read())"
    (tmp_path / "a.svg").write_text(text)
    calls = traced(
        ["sh", "-c", f'exec "{sys.executable}" -c "{code}" < {tmp_path / "a.svg"}'], tmp_path / "work"
    )
    assert "secret.png" in calls


# ----- what would take long -------------------------------------------------------------------------


def laughs(depth: int = 10) -> str:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, depth))
    return f'<!DOCTYPE svg [<!ENTITY l0 "lol">{levels}]>'


@pytest.mark.parametrize(
    "text",
    [
        drawing("<text>&l9;</text>", laughs()),
        drawing('<rect id="&l9;"/>', laughs()),
        drawing("&x;" * 100_000, f'<!DOCTYPE svg [<!ENTITY x "{"x" * 100_000}">]>'),
        drawing(f'<rect id="{"&x;" * 100_000}"/>', f'<!DOCTYPE svg [<!ENTITY x "{"x" * 100_000}">]>'),
        drawing("&a;", '<!DOCTYPE svg [<!ENTITY a "&#38;b;"><!ENTITY b "&#38;a;">]>'),
        drawing("", "<!DOCTYPE svg [" + "".join(f'<!ENTITY x{n} "">' for n in range(101)) + "]>"),
    ],
    ids=["of each other", "in a value", "long", "long in a value", "in a circle", "many"],
)
def test_entities_that_become_much_are_refused(text):
    with pytest.raises((LimitError, UnsupportedError), match="entities"):
        sanitise.read_drawing(text.encode())


def test_default_values_are_not_multiplied():
    before = f'<!DOCTYPE svg [<!ATTLIST g class CDATA "{"x" * 100_000}">]>'
    assert len(sanitise.read_drawing(drawing("<g/>" * 10_000, before).encode()).text) < 200_000


def test_a_packed_drawing_that_becomes_too_large_is_refused():
    with pytest.raises(LimitError, match="64 MiB"):
        read(gzip.compress(drawing(" " * (65 << 20)).encode(), 1))


def test_a_packed_drawing_inside_another_that_becomes_too_large_is_left_out():
    inner = gzip.compress(drawing(" " * (65 << 20)).encode(), 1)
    header, _ = read(drawing(f'<image {BOX} href="{inline(inner, "image/svg+xml")}"/>'))
    assert header.lost == ("pictures that cannot be read",)


def test_elements_in_each_other_have_a_limit():
    with pytest.raises(LimitError, match="500 levels"):
        read(drawing("<g>" * 500 + "</g>" * 500))


def test_as_many_as_are_allowed_are_drawn():
    deep = sanitise.DEEPEST - 2
    assert is_red(read(drawing("<g>" * deep + f'<rect {BOX} fill="red"/>' + "</g>" * deep))[1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<svg",
        "<html/>",
        "<svg/><svg/>",
        f'<x xmlns="urn:x"><svg xmlns="{SVG}"/></x>',
        "<q:svg/>",
        "<svg a='1' a='2'/>",
    ],
)
def test_what_is_no_drawing_is_damaged(text):
    with pytest.raises(ItemError):
        sanitise.read_drawing(text.encode())


@pytest.mark.parametrize(
    "value", ["1..2", "1e999", "nan", "inf", "-5", "1" * 200, "1 " * 1000, "e", "1e", "٣"]
)
@pytest.mark.parametrize("name", ["width", "height", "viewBox"])
def test_no_size_is_more_than_a_wrong_one(name, value):
    value = f"0 0 {value} {value}" if name == "viewBox" else value
    try:
        header = read_header(f'<svg xmlns="{SVG}" {name}="{value}"/>'.encode(), "a.svg", LIMITS)
    except LimitError:
        return
    assert min(header.spec.size) > 0
