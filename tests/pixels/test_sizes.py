"""Sizes with units, paper and named sides; each in pixels is compared with its definition."""

from __future__ import annotations

import pytest

from imgpar.core.errors import BadValueError
from imgpar.pixels.papers import PAPERS
from imgpar.pixels.sizes import Geometry, parse_canvas, parse_geometry, parse_region

LANDSCAPE, PORTRAIT, SQUARE = (4000, 3000), (3000, 4000), (3000, 3000)


@pytest.mark.parametrize(
    ("text", "dpi", "picture", "box"),
    [
        ("10x15cm", 300, LANDSCAPE, (1772, 1181)),
        ("10x15cm", 300, PORTRAIT, (1181, 1772)),
        ("15x10cm", 300, PORTRAIT, (1181, 1772)),
        ("10x15cm", 300, SQUARE, (1181, 1772)),
        ("4x6in", 300, LANDSCAPE, (1800, 1200)),
        ("4inx6in", 100, PORTRAIT, (400, 600)),
        ("10x15cm-landscape", 254, PORTRAIT, (1500, 1000)),
        ("10x15cm-portrait", 254, LANDSCAPE, (1000, 1500)),
        ("A4", 300, PORTRAIT, (2480, 3508)),
        ("a4", 300, LANDSCAPE, (3508, 2480)),
        ("A4-landscape", 300, PORTRAIT, (3508, 2480)),
        ("A4-portrait", 300, LANDSCAPE, (2480, 3508)),
        ("letter", 100, PORTRAIT, (850, 1100)),
        ("10cm", 254, LANDSCAPE, (1000, 750)),
        ("120mm", 254, PORTRAIT, (900, 1200)),
        ("width=800", 300, LANDSCAPE, (800, 600)),
        ("height=600", 300, LANDSCAPE, (800, 600)),
        ("short=600", 300, LANDSCAPE, (800, 600)),
        ("short=600", 300, PORTRAIT, (600, 800)),
        ("long=800", 300, PORTRAIT, (600, 800)),
        ("width=10cm", 254, PORTRAIT, (1000, 1333)),
        ("short=1in", 300, LANDSCAPE, (400, 300)),
        ("1920x1080-auto", 300, PORTRAIT, (1080, 1920)),
        ("1920x1080", 300, PORTRAIT, (1920, 1080)),
        ("0.1mm", 1, LANDSCAPE, (1, 1)),
    ],
)
def test_a_size_has_these_pixels(
    text: str, dpi: float, picture: tuple[int, int], box: tuple[int, int]
) -> None:
    assert parse_geometry(text).at(dpi).box(*picture) == box


def test_without_a_density_there_are_300_dots_per_inch() -> None:
    assert parse_geometry("A4").box(*PORTRAIT) == parse_geometry("A4").at(300).box(*PORTRAIT)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("10 x 15 cm", "10x15cm"),
        ("15x10cm-portrait", "10x15cm-portrait"),
        ("a4-LANDSCAPE", "A4-landscape"),
        ("A4-auto", "A4"),
        ("width=800", "800x"),
        ("w=800px", "800x"),
        ("height=10cm", "height=10cm"),
        ("x10cm", "height=10cm"),
        ("long=800", "800"),
        ("longest=10in", "10in"),
        ("short=800", "short=800"),
        ("1920x1080-auto", "1920x1080-auto"),
        ("1080x1920-landscape", "1920x1080"),
    ],
)
def test_the_text_of_a_size_is_read_as_the_same_size(written: str, text: str) -> None:
    made = parse_geometry(written)
    assert (str(made), parse_geometry(text)) == (text, made)


@pytest.mark.parametrize("text", ["A4", "10x15cm", "10cm", "short=2in", "A4-landscape", "width=3cm"])
def test_a_size_in_pixels_keeps_its_text(text: str) -> None:
    made = parse_geometry(text).at(300)
    assert parse_geometry(str(made)) == made


@pytest.mark.parametrize(
    "value",
    [
        "10kg", "0cm", "0x5cm", "5x0cm", "A11", "A", "A4x5", "4in x 6cm", "4inx6", "5.5x6", "width=",
        "width=50%", "breadth=5", "10cm-landscape", "A4-sideways", "10x15cmx3", "1e9cm", "width=0",
        "99999999mm", "100x100m",
    ],
)  # fmt: skip
def test_nonsense_is_one_sentence(value: str) -> None:
    with pytest.raises(BadValueError, match=r"Expected a size such as 1920x1080.* but received '"):
        parse_geometry(value)


def test_a_mistyped_paper_gets_a_suggestion() -> None:
    with pytest.raises(BadValueError, match="Did you mean 'a4-landscape'"):
        parse_geometry("a4-lanscape")


def test_a_size_beyond_65535_pixels_names_the_density() -> None:
    with pytest.raises(BadValueError, match="A0 at 9000 dots per inch is 421299 pixels long"):
        parse_geometry("A0").at(9000)


@pytest.mark.parametrize(("paper", "size"), [("a5", (148, 210)), ("a3", (297, 420)), ("b5", (176, 250))])
def test_paper_has_the_size_of_iso_216(paper: str, size: tuple[float, float]) -> None:
    assert PAPERS[paper] == size


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("width=5000", (5000, 3000)),
        ("800x", (800, 3000)),
        ("x600", (4000, 600)),
        ("long=5000", (5000, 3000)),
        ("short=3500", (4000, 3500)),
        ("A4", (3508, 2480)),
        ("110%", (4400, 3300)),
        ("10cm", (1181, 3000)),
    ],
)
def test_a_canvas_keeps_the_side_that_is_not_given(text: str, sides: tuple[int, int]) -> None:
    canvas = parse_canvas(text)
    assert isinstance(canvas, Geometry)
    assert canvas.sides(*LANDSCAPE) == sides


@pytest.mark.parametrize("text", ["800x", "x600", "50%", "10x15cm", "A4", "short=800"])
def test_a_region_may_be_any_size(text: str) -> None:
    assert parse_region(text) == parse_geometry(text)


@pytest.mark.parametrize(
    ("text", "near"), [("0", ""), ("A11", ""), ("lettr", "letter"), ("A4-potrait", "a4-portrait")]
)
def test_a_paper_is_suggested_for_a_word_only(text: str, near: str) -> None:
    with pytest.raises(BadValueError) as caught:
        parse_geometry(text)
    assert ("Did you mean" in str(caught.value), near in str(caught.value)) == (bool(near), True)
