"""The contract of sources: what a subclass gets, and what becomes of an object that is no subclass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import imgpar
from imgpar.api.settings import given_inputs
from imgpar.core.job import Item
from imgpar.inputs.batches import Batch
from imgpar.inputs.fetching import Fetched, Ongoing
from imgpar.inputs.foreign import as_source
from imgpar.inputs.opening import fetch, host_of, opened
from imgpar.inputs.sources import Entry, Source, in_folders


class Album(Source):
    """A source that has no more than it must."""

    root = "album://holiday"

    def batches(self, mirror: str, patterns: object = None) -> Iterator[Batch]:
        return in_folders(self.root, mirror, [Entry("a.png", 3)])

    def open(self, item: Item) -> bytes:
        if item.mirror == "bad.png":
            raise ValueError("its sum is wrong")
        return b"abc"


@pytest.mark.parametrize(("given", "key"), [({}, "b/a.png"), ({"key": "7"}, "7")])
def test_an_item_has_the_key_of_its_entry_or_its_path(given: dict[str, str], key: str) -> None:
    (batch,) = in_folders("album://holiday", "", [Entry("b/a.png", **given)])
    assert [item.key for item in batch.items] == [key]


class Careful(Album):
    damage = (ValueError,)


class Shoebox:
    """No source, but it has the members of one."""

    root, waits = "box://shoes", True
    single = True

    def batches(self, mirror: str, patterns: object = None) -> Iterator[Batch]:
        return in_folders(self.root, mirror, [Entry("a.png", 3)])

    def open(self, _item: Item) -> bytes:
        raise KeyError("bug")


class Garage(Shoebox):
    """It has what it need not have, too."""

    damage = (KeyError,)

    def __init__(self) -> None:
        self.open_doors = 1

    def fetch(self, _item: Item, path: str, _ongoing: Ongoing) -> Fetched:
        return Fetched(Path(path).write_bytes(b"tyres"), "v2")

    def host_of(self, item: Item) -> str:
        return item.mirror

    def close(self) -> None:
        self.open_doors = 0


ITEM = Item("album://holiday/a.png", "a.png", 3, 10**18, source=1)


def test_what_opens_an_item_fetches_it_with_its_time(tmp_path: Path) -> None:
    found = fetch(ITEM, [Album()], str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes() == b"abc"
    assert (tmp_path / "a.png").stat().st_mtime_ns == found.mtime_ns == 10**18


def test_all_items_of_a_source_come_from_one_host() -> None:
    assert host_of(ITEM, [Album()]) == "album://holiday"


def test_an_exception_is_damage_only_where_the_source_says_so() -> None:
    with (
        pytest.raises(imgpar.SourceError, match="its sum"),
        opened(ITEM._replace(mirror="bad.png"), [Album()]),
    ):
        pass
    with pytest.raises(imgpar.DamagedError), opened(ITEM._replace(mirror="bad.png"), [Careful()]):
        pass


def test_an_item_that_was_listed_as_failed_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(imgpar.SourceError, match="Gone"):
        fetch(ITEM._replace(error="Gone.", kind="SourceError"), [Album()], str(tmp_path / "a.png"))


def test_a_source_stays_itself() -> None:
    album = Album()
    assert as_source(album) is album


def test_an_object_with_the_members_of_a_source_is_asked_for_them() -> None:
    source = as_source(Shoebox())
    assert (source.root, source.waits, source.single, source.loose) == ("box://shoes", True, True, False)
    assert [item.path for batch in source.batches("") for item in batch.items] == ["box://shoes/a.png"]


def test_what_such_an_object_lacks_is_as_of_any_source(tmp_path: Path) -> None:
    source = as_source(Shoebox())
    assert (source.damage, host_of(ITEM, [source])) == ((), "box://shoes")
    with pytest.raises(imgpar.SourceError, match="KeyError: 'bug'"):
        fetch(ITEM, [source], str(tmp_path / "a.png"))


def test_what_such_an_object_has_is_used(tmp_path: Path) -> None:
    garage = Garage()
    source = as_source(garage)
    assert fetch(ITEM, [source], str(tmp_path / "a.png")) == Fetched(5, "v2")
    assert host_of(ITEM, [source]) == "a.png"
    with pytest.raises(imgpar.DamagedError), opened(ITEM, [source]):
        pass
    source.close()
    assert garage.open_doors == 0


def test_an_object_that_is_named_twice_is_one_source() -> None:
    box = Shoebox()
    first, second = given_inputs([box, box])
    assert first is second
