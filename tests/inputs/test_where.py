"""Conditions on inputs and their order: what is written, what fulfils it, what is refused."""

from __future__ import annotations

from datetime import datetime

import pytest

from imgpar.core.errors import BadValueError
from imgpar.core.job import Item
from imgpar.core.properties import Properties
from imgpar.inputs.ordering import in_sorted_order, sort_keys
from imgpar.inputs.where import Condition, conditions

PHOTO = Properties(
    format="jpeg", width=800, height=600, taken="2024-05-17T10:30:20+09:00", camera="Canon EOS 5D"
)
CLIP = Properties("video", "mp4", 1920, 1080, frames=50, seconds=2.0, animated=True)
NOON = int(datetime(2024, 5, 17, 12).timestamp() * 1e9)


def item(name: str = "IMG_1.jpg", size: int = 2048, mtime_ns: int = NOON) -> Item:
    return Item(f"/photos/{name}", name, size, mtime_ns)


def holds(text: str, name: str = "IMG_1.jpg", facts: Properties | None = PHOTO) -> bool:
    return Condition.parse(text).holds(item(name), facts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("width>=800", True),
        ("width > 800", False),
        ("width=>800", True),
        ("width<800", False),
        ("width<=800", True),
        ("width=800", True),
        ("width==800px", True),
        ("width!=800", False),
        ("!width=800", False),
        ("width=100,800", True),
        ("width!=100,200", True),
        ("width=700..800", True),
        ("width=801..", False),
        ("width=..799.5", False),
        ("megapixels>=0.48", True),
        ("mp>0.48MP", False),
        ("bytes=2KiB", True),
        ("size<2k", False),
        ("bytes=1..1M", True),
        ("orientation=landscape", True),
        ("orientation=portrait,square", False),
        ("format=jpg", True),
        ("format!=jpeg", False),
        ("kind=photo", True),
        ("animated", False),
        ("!animated", True),
        ("animated=no", True),
        ("frames=1", True),
        ("name=img_*", True),
        ("name=*.png", False),
        ("camera=canon", True),
        ("camera=eos*", False),
        ("camera!=Nikon", True),
        ("duration>=0", False),
        ("duration=none", True),
        ("date=2024", True),
        ("date=2024-05", True),
        ("date=2024-05-17", True),
        ("date=2024-05-17T10:30", True),
        ("date=2024-05-17 10:30:20", True),
        ("date=2024-05-17 10:30:21", False),
        ("date>2024-05-17", False),
        ("date>=2024-05-17", True),
        ("date<2024-05-17", False),
        ("date<=2024-05-17", True),
        ("date=2024-12", False),
        ("date=2023..2024-05-17", True),
        ("date=2023..2024-05-16", False),
        ("date=9999-12", False),
        ("mtime=2024-05-17T12:00", True),
        ("modified<2024", False),
    ],
)
def test_a_condition_on_a_photo(text: str, expected: bool) -> None:
    assert holds(text) is expected


@pytest.mark.parametrize("text", ["duration>=1.5s", "animated", "kind=video", "frames=50", "seconds<1m"])
def test_a_condition_on_a_clip(text: str) -> None:
    assert holds(text, "a.mp4", CLIP)


@pytest.mark.parametrize("text", ["date>1900", "date<2100", "camera=c"])
def test_what_is_unknown_fulfils_no_comparison(text: str) -> None:
    assert not holds(text, facts=Properties())


@pytest.mark.parametrize("text", ["date=none", "date!=2024", "camera=none"])
def test_what_is_unknown_can_be_asked_for(text: str) -> None:
    assert holds(text, facts=Properties())


def test_a_file_that_cannot_be_read_is_not_left_out() -> None:
    assert Condition.parse("width>9999").holds(item(), None)


def test_the_name_of_a_file_that_cannot_be_read_is_known() -> None:
    assert not Condition.parse("format=png").holds(item()._replace(error="It cannot be read."), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format=jpg,foo", "There is no format 'foo' for the value. There are jpeg, png, webp,"),
        ("widht>=8", "There is no field 'widht' for the value. Did you mean 'width'?"),
        ("width", "quote the condition: 'width>=800'"),
        ("width>=", "There is no value in the condition 'width>=' of the value."),
        ("width>=x", "Expected a number for width in the value but received 'x'."),
        ("width=nan", "Expected a number for width in the value but received 'nan'."),
        ("bytes>big", "Expected a size such as 300k, 2M or 1.5MiB for bytes in the value"),
        ("format=jepg", "There is no format 'jepg' for the value. Did you mean 'jpg'?"),
        ("orientation=tall", "Expected one of landscape, portrait, square for orientation in the value"),
        ("orientation>square", "orientation cannot be compared with > in the value."),
        ("animated=perhaps", "Expected true or false for animated in the value"),
        ("date=2024-13", "Expected a date such as 2024, 2024-05"),
        ("date=2023-02-29", "Expected a date such as 2024, 2024-05"),
        ("date=yesterday", "Expected a date such as 2024, 2024-05"),
        ("width=9..3", "Expected a range from low to high"),
        ("width=..", "Expected a range from low to high"),
        ("", "Expected a condition such as width>=800"),
        ("800<width", "Expected a condition such as width>=800"),
    ],
)
def test_a_bad_condition_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(BadValueError) as caught:
        Condition.parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("value", [7, None, {"width": 3}])
def test_conditions_are_texts(value: object) -> None:
    with pytest.raises(BadValueError):
        conditions(value)


def order(text: str, items: list[Item], facts: dict[str, Properties], *, reverse: bool = False) -> list[str]:
    places = in_sorted_order(items, sort_keys(text), lambda one: facts.get(one.mirror), reverse=reverse)
    return [items[at].mirror for at in places]


ITEMS = [item("a10.jpg", 5), item("a2.jpg", 9), item("b/a1.jpg", 5), item("c.jpg", 1)]
TAKEN = {
    "a10.jpg": Properties(taken="2024-01-02T00:00:00"),
    "a2.jpg": Properties(),
    "b/a1.jpg": Properties(taken="2024-01-01T00:00:00+01:00"),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name", ["b/a1.jpg", "a2.jpg", "a10.jpg", "c.jpg"]),
        ("path", ["a2.jpg", "a10.jpg", "b/a1.jpg", "c.jpg"]),
        ("bytes", ["c.jpg", "a10.jpg", "b/a1.jpg", "a2.jpg"]),
        ("size:desc", ["a2.jpg", "a10.jpg", "b/a1.jpg", "c.jpg"]),
        ("bytes,name:desc", ["c.jpg", "a10.jpg", "b/a1.jpg", "a2.jpg"]),
        ("date", ["b/a1.jpg", "a10.jpg", "a2.jpg", "c.jpg"]),
        ("date:desc", ["a10.jpg", "b/a1.jpg", "a2.jpg", "c.jpg"]),
    ],
)
def test_items_are_sorted_with_the_unknown_last(text: str, expected: list[str]) -> None:
    assert order(text, ITEMS, TAKEN) == expected


def test_reverse_turns_the_order_round() -> None:
    assert order("bytes", ITEMS, {}, reverse=True) == order("bytes", ITEMS, {})[::-1]


@pytest.mark.parametrize("text", ["", "widht", "name:up", "name,", 3])
def test_a_bad_order_is_refused(text: object) -> None:
    with pytest.raises(BadValueError):
        sort_keys(text)


@pytest.mark.parametrize(
    ("text", "fix"), [("foo", "There are path, name, bytes,"), ("pathh", "Did you mean 'path'?")]
)
def test_a_message_on_the_order_names_all_fields(text: str, fix: str) -> None:
    with pytest.raises(BadValueError) as caught:
        sort_keys(text)
    assert caught.value.fix.startswith(fix)
