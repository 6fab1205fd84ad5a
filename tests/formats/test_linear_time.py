"""What runs over the content of files takes a time that grows with its length, not with the square of it."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Callable

import pytest

from imgpar import formats
from imgpar.core.blocks import Xmp
from imgpar.core.errors import ItemError
from imgpar.formats.jpeg import gain_map, motion_photo
from imgpar.formats.metadata import location, policy, xmp
from imgpar.formats.svg import sanitise

pytestmark = pytest.mark.slow

REPEATS = (50, 400, 2500)
"""What is steep shows early; the last makes texts of up to 300 kB."""
TIMES = 4
MOST = 10.0
"""How much longer four times as much may take: four times, with room for noise; its square is sixteen."""
LEAST_SECONDS = 0.02
"""Less cannot be compared."""

FRAGMENTS = [
    *("<rdf:li", "<rdf:li>", "<rdf:li ", "</rdf:li", "<rdf:li>'MotionPhoto", "'MotionPhoto", "> ", "' "),
    *(
        "<rdf:RDF",
        "<rdf:RDF>",
        "<rdf:RDF ",
        "</rdf:RDF",
        "</rdf:RDF ",
        "<rdf:Description",
        "<rdf:Description ",
    ),
    *("<x:gps>", "<x:gps ", "<x:gps/", "gps", " x:gps", " x:gps='", ' x:gps="', " x:gps=", "x:", "<x:a>"),
    *("<HDRGainMap:a>", "<HDRGainMap:a ", "<Container:Directory>", " hdrgm:a", ' hdrgm:a="', " hdrgm:a= "),
    *(
        " a:MotionPhoto",
        " a:MotionPhoto='",
        ":Semantic ",
        ":Length='1",
        "<Item:Length>1",
        "MicroVideoOffset ",
    ),
    *("<xmpNote:HasExtendedXMP>", " xmpNote:HasExtendedXMP ", " xmlns:a", " xmlns:a=", "tiff:Orientation "),
    *(" ", "a", "<", ">", "/", "'", '"', "=", "1", "1 ", "#", "#\n", "url(", "url( ", "\\", "@import", "\n"),
    *("<svg ", "<svg", " a='1'", "<g>", "<!--", "<![CDATA[", "<?xml ", "&a;", "data:", "%20", "\xff", "\0"),
]
BEFORE = ["", " x:", "<x:", " x:gps"]
NAMES = " hdrgm:a HDRGainMap MotionPhoto MicroVideo tiff:Orientation tiff:ImageWidth "
"""Without them nobody looks any closer."""


def seconds(work: Callable[[bytes], object], text: bytes) -> float:
    """How long it takes, at least."""
    begun = time.process_time()
    work(text)
    return time.process_time() - begun


def is_steep(work: Callable[[bytes], object], head: bytes, piece: bytes) -> bool:
    """Whether four times as many pieces take much more than four times as long."""
    for count in REPEATS:
        short, long = head + piece * count, head + piece * (count * TIMES)
        if seconds(work, long) < LEAST_SECONDS:
            continue
        # It can be measured. What is steep is so every time, noise is not.
        return all(seconds(work, long) > MOST * seconds(work, short) for _ in range(5))
    return False


def steep(work: Callable[[bytes], object], fragments: list[str], before: list[str]) -> list[str]:
    """The texts for which it takes far longer when they are longer."""
    return [
        f"{start}({fragment})*"
        for start in before
        for fragment in fragments
        if is_steep(work, start.encode("latin-1"), fragment.encode("latin-1"))
    ]


def with_names(work: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """The same with what makes it look closer."""
    return lambda text: work(NAMES.encode() + text)


def drawn(text: bytes) -> None:
    """Read a drawing, whatever it is."""
    for data in (text, b"<svg><style>" + text, b"<svg style='" + text + b"'/>", b"<svg " + text):
        try:
            sanitise.read_drawing(data)
        except ItemError:
            continue


WORKS: dict[str, Callable[[bytes], object]] = {
    "places": lambda text: location.xmp_without_places(Xmp(text)),
    "has a clip": with_names(lambda text: motion_photo.has_clip(Xmp(text))),
    "without a clip": with_names(motion_photo.without_clip),
    "finds a clip": lambda text: motion_photo.find_clip(bytes(64), NAMES.encode() + text),
    "without promise": with_names(lambda text: gain_map.without_promise(Xmp(text))),
    "behind": lambda text: gain_map.behind(bytes(64), text),
    "promising": lambda text: gain_map._declaring([(0xE1, xmp.XMP + text)], 5),
    "promising a map": lambda text: gain_map._declaring(
        [(0xE1, xmp.XMP + b"<rdf:li>:Semantic='GainMap'</rdf:li>" + text)], 5
    ),
    "names an extension": xmp.extension_name,
    "joins": lambda text: xmp.joined(b"<rdf:RDF " + text, b"<rdf:RDF>" + text + b"</rdf:RDF>"),
    "parts": lambda text: xmp.parted(b"<rdf:RDF>" + text + b"</rdf:RDF>", 2000),
    "bakes": lambda text: policy._bake_xmp(NAMES.encode() + text, 1, 1),
    "draws": drawn,
}


@pytest.mark.parametrize("name", WORKS)
def test_long_content_takes_no_more_than_its_share(name):
    assert steep(WORKS[name], FRAGMENTS, BEFORE) == []


HEADS = {"imgpar.formats.svg.sanitise._DECLARED", "imgpar.formats.pnm._TOKEN"}
"""They see 200 and 4,096 bytes, and begin at a given place."""


def patterns() -> dict[str, re.Pattern]:
    """Every regular expression of the codecs."""
    found = {}
    for info in pkgutil.walk_packages(formats.__path__, "imgpar.formats."):
        try:
            module = importlib.import_module(info.name)
        except ImportError:
            continue  # for a package that is not here
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and f"{info.name}.{name}" not in HEADS:
                found[f"{info.name.removeprefix('imgpar.formats.')}.{name}"] = value
    return found


@pytest.mark.parametrize("name", patterns())
def test_a_regular_expression_takes_no_more_than_its_share(name):
    pattern = patterns()[name]
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    own = list(dict.fromkeys(re.findall(r"[\w:<>=/\"' @#.-]{2,}", source)))

    def search(text: bytes) -> None:
        whole = text.decode("latin-1") if isinstance(pattern.pattern, str) else text
        for _ in pattern.finditer(whole):
            pass

    assert steep(search, [*own, " ", "a", "1", "<", ">", "'", '"', "="], ["", *own]) == []


def test_what_grows_with_the_square_is_seen():
    old = re.compile(rb"<rdf:li\b(?:(?!</rdf:li>).)*</rdf:li\s*>", re.DOTALL)
    assert steep(old.search, ["<rdf:li>"], [""])
