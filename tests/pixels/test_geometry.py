"""Sizes, places and lengths as people write them."""

from __future__ import annotations

import pytest

from imgpar.core.errors import BadValueError
from imgpar.pixels.geometry import (
    GRAVITIES,
    Aspect,
    Length,
    Lengths,
    Region,
    parse_gravity,
    parse_length,
    parse_lengths,
    parse_share,
    place,
)
from imgpar.pixels.sizes import Geometry, parse_canvas, parse_geometry, parse_region


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1920x1080", Geometry(1920, 1080)),
        ("1920X1080", Geometry(1920, 1080)),
        (" 1920 × 1080 ", Geometry(1920, 1080)),
        ("1920x", Geometry(1920, 0)),
        ("x1080", Geometry(0, 1080)),
        ("50%", Geometry(percent=50)),
        ("12.5%", Geometry(percent=12.5)),
        ("2MP", Geometry(megapixels=2)),
        ("0.5mp", Geometry(megapixels=0.5)),
        ("1920", Geometry(longest=1920)),
        (1920, Geometry(longest=1920)),
        ((800, None), Geometry(800, 0)),
        ((None, 600), Geometry(0, 600)),
        ([800, 600], Geometry(800, 600)),
        ("65535x1", Geometry(65535, 1)),
    ],
)
def test_a_geometry_is_read(value: object, expected: Geometry) -> None:
    assert parse_geometry(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "0",
        "0x5",
        "5x0",
        "65536",
        "-5",
        "1920x1080x3",
        "50 percent",
        "0%",
        "MP",
        "0MP",
        "1e3",
        "9" * 5000,
        True,
        None,
        0,
        (1, 2, 3),
        (0, 0),
        "nan%",
        "inf",
    ],
)
def test_a_wrong_geometry_is_one_sentence_with_the_limits(value: object) -> None:
    with pytest.raises(
        BadValueError,
        match=r"1920x1080, 1920x, x1080, 1920, .*10x15cm, 4x6in or A4, with sides from 1 to 65535",
    ):
        parse_geometry(value)


@pytest.mark.parametrize("text", ["1920x1080", "1920x", "x1080", "1920", "50%", "12.5%", "2MP", "0.333MP"])
def test_the_text_of_a_geometry_is_what_was_written(text: str) -> None:
    assert str(parse_geometry(text)) == text


@pytest.mark.parametrize(
    ("text", "size", "box"),
    [
        ("1920x1080", (4000, 3000), (1920, 1080)),
        ("1920x", (4000, 3000), (1920, 1440)),
        ("x1080", (4000, 3000), (1440, 1080)),
        ("1920", (4000, 3000), (1920, 1440)),
        ("1920", (3000, 4000), (1440, 1920)),
        ("50%", (4001, 3001), (2001, 1501)),
        ("1", (4000, 10), (1, 1)),
        ("x1", (10000, 3), (3333, 1)),
        ("12MP", (4000, 3000), (4000, 3000)),
    ],
)
def test_a_box_follows_the_picture(text: str, size: tuple[int, int], box: tuple[int, int]) -> None:
    assert parse_geometry(text).box(*size) == box


@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4001), (12345, 77), (5000, 5000), (1, 9_000_000)])
def test_megapixels_are_a_maximum_that_is_nearly_reached(size: tuple[int, int]) -> None:
    width, height = parse_geometry("0.5MP").box(*size)
    assert width * height <= 500_000 or 1 in (width, height)
    assert (width + 1) * (height + 1) >= 500_000


@pytest.mark.parametrize("text", ["800x600", "800x600+10+20", "800x600+0+0", "16:9", "1.91:1"])
def test_a_region_keeps_its_text(text: str) -> None:
    assert str(parse_region(text)) == text


def test_a_region_without_offset_leaves_the_place_open() -> None:
    assert parse_region("8x6") == Region(8, 6)


@pytest.mark.parametrize("value", ["800x600+1", "120%", "2MP", "16:0", "0:9", "1000:1", "16:9:4", None])
def test_a_wrong_region_is_refused(value: object) -> None:
    with pytest.raises(BadValueError, match="aspect such as 16:9"):
        parse_region(value)


@pytest.mark.parametrize("value", ["50%", "2MP", "800x600+1+1", "1:0"])
def test_a_canvas_is_neither_smaller_nor_a_region(value: object) -> None:
    with pytest.raises(BadValueError, match=r"a canvas such as 1920x1080.* or an aspect such as 1:1"):
        parse_canvas(value)


@pytest.mark.parametrize(
    ("size", "inside", "around"),
    [
        ((1000, 1000), (1000, 563), (1778, 1000)),
        ((1920, 1080), (1920, 1080), (1920, 1080)),
        ((1, 100), (1, 1), (178, 100)),
    ],
)
def test_an_aspect_fits_inside_and_around(
    size: tuple[int, int], inside: tuple[int, int], around: tuple[int, int]
) -> None:
    aspect = Aspect(16, 9)
    assert (aspect.inside(*size), aspect.around(*size)) == (inside, around)


@pytest.mark.parametrize(
    ("value", "whole", "pixels"), [("10", 500, 10), ("5%", 500, 25), (7, 1, 7), ("0.1%", 500, 1)]
)
def test_a_length_is_pixels_or_percent(value: object, whole: int, pixels: int) -> None:
    assert parse_length(value).pixels(whole) == pixels


@pytest.mark.parametrize("text", ["10", "5%", "2.5%"])
def test_a_length_keeps_its_text(text: str) -> None:
    assert str(parse_length(text)) == text


@pytest.mark.parametrize("value", ["", "-1", "101%", "ten", None, True])
def test_a_wrong_length_is_refused(value: object) -> None:
    with pytest.raises(BadValueError, match="10, 5% or 5mm"):
        parse_length(value)


def test_a_length_accepts_itself() -> None:
    assert parse_length(Length(3, percent=True)) == Length(3, percent=True)


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("20", (20, 20, 20, 20)),
        ("10,5%", (10, 25, 10, 25)),
        ("1, 2, 3, 4", (1, 2, 3, 4)),
        ("0", (0, 0, 0, 0)),
    ],
)
def test_lengths_of_sides_are_those_of_css(text: str, sides: tuple[int, ...]) -> None:
    assert parse_lengths(text).pixels(500) == sides


@pytest.mark.parametrize("value", ["", "1,2,3", "1,", "1,x", None, True, "-1"])
def test_wrong_lengths_of_sides_are_refused(value: object) -> None:
    with pytest.raises(BadValueError):
        parse_lengths(value)


def test_a_physical_length_has_the_pixels_of_its_density() -> None:
    assert parse_length("2.54cm").at(200) == Length(200)


def test_lengths_of_sides_keep_their_text() -> None:
    assert str(parse_lengths("5mm, 5%")) == "5mm,5%"
    assert isinstance(parse_lengths(parse_lengths("1,2")), Lengths)


def test_a_share_is_percent_or_a_fraction() -> None:
    assert parse_share("30%") == parse_share(0.3) == parse_share("0.3")


@pytest.mark.parametrize("value", [0, "0%", "101%", 1.5, "half", True])
def test_a_wrong_share_is_refused(value: object) -> None:
    with pytest.raises(BadValueError, match=r"30% or 0.3"):
        parse_share(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("centre", "centre"),
        ("CENTER", "centre"),
        ("middle", "centre"),
        ("top", "north"),
        ("bottom", "south"),
        ("left", "west"),
        ("right", "east"),
        ("top left", "northwest"),
        ("left-top", "northwest"),
        ("bottom_right", "southeast"),
        ("top center", "north"),
        ("North-East", "northeast"),
        ("se", "southeast"),
        ("C", "centre"),
    ],
)
def test_gravity_has_many_names(value: str, expected: str) -> None:
    assert parse_gravity(value) == expected


@pytest.mark.parametrize("value", ["", "up", "northsouth", "north north", 5, None])
def test_a_wrong_gravity_is_refused(value: object) -> None:
    with pytest.raises(BadValueError, match="one of centre, north"):
        parse_gravity(value)


def test_a_mistyped_gravity_gets_a_suggestion() -> None:
    with pytest.raises(BadValueError, match="Did you mean 'north'"):
        parse_gravity("noth")


def test_every_gravity_places_inside() -> None:
    corners = {gravity: place(gravity, (10, 8), (4, 2)) for gravity in GRAVITIES}
    assert corners == {
        "centre": (3, 3),
        "north": (3, 0),
        "northeast": (6, 0),
        "east": (6, 3),
        "southeast": (6, 6),
        "south": (3, 6),
        "southwest": (0, 6),
        "west": (0, 3),
        "northwest": (0, 0),
    }
