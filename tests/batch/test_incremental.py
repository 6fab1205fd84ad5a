"""A second run: what needs no work is told in bulk, and nothing of the report is lost by that."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from PIL import Image

from imgpar import Event, Report
from imgpar.api import run
from imgpar.batch.incremental import TOGETHER, stretches
from imgpar.batch.journal.journal import Journal
from imgpar.core.filenames import in_order, natural
from imgpar.core.model import Outcome
from imgpar.inputs.batches import Batch
from imgpar.recipe.recipe import Recipe

NAMES = ["a/1.png", "a/2.png", "a/10.png", "b/x.png", "b/y.jpg"]


class Listener:
    """Hears everything; in bulk, if it is told so."""

    def __init__(self, *, in_bulk: bool) -> None:
        self.in_bulk = in_bulk
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]


class Place:
    """A folder of five pictures that was converted once."""

    def __init__(self, root: Path) -> None:
        self.source, self.out = root / "in", root / "out"
        for number, name in enumerate(NAMES):
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8 + number, 8), (number, 2, 3)).save(path)
        self.first = self.run()
        assert self.first.ok == len(NAMES)

    def run(self, listener: Listener | None = None, to: str = "png") -> Report:
        return run.run([str(self.source)], str(self.out), Recipe(to=(to,)), on_event=listener)

    def names(self, report: Report) -> list[tuple[str, str]]:
        return [(os.path.relpath(item.source, self.source), item.status) for item in report.items]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_every_input_has_its_line_in_order(place: Place) -> None:
    report = place.run()
    assert report.reasons == {"unchanged": 5}
    assert place.names(report) == [(name, "skipped") for name in NAMES]


def test_a_line_says_what_is_there(place: Place) -> None:
    first = {item.source: item for item in place.first.items}
    for item in place.run().items:
        assert item.outputs == first[item.source].outputs
        assert item.source_bytes == os.path.getsize(item.source)


def test_a_listener_hears_of_every_item(place: Place) -> None:
    listener = Listener(in_bulk=False)
    report = place.run(listener)
    heard = [event.outcome for event in listener.of("item")]
    assert [outcome for outcome in heard if outcome] == list(report.items)
    assert [event.done for event in listener.of("item")] == [1, 2, 3, 4, 5]


def test_a_listener_in_bulk_hears_how_many(place: Place) -> None:
    listener = Listener(in_bulk=True)
    place.run(listener)
    assert [event.done for event in listener.of("unchanged")] == [3, 5]
    assert listener.of("item") == []


def test_what_changed_is_done_in_its_place(place: Place) -> None:
    Image.new("L", (9, 9), 7).save(place.source / "a/2.png")
    listener = Listener(in_bulk=True)
    report = place.run(listener)
    assert place.names(report) == [(name, "ok" if name == "a/2.png" else "skipped") for name in NAMES]
    assert [event.outcome.source for event in listener.of("item") if event.outcome] == [
        str(place.source / "a/2.png")
    ]


@pytest.mark.parametrize("damage", ["gone", "folder"])
def test_a_lost_output_is_made_again(place: Place, damage: str) -> None:
    output = place.out / "a/10.png"
    whole = output.read_bytes()
    output.unlink()
    if damage == "folder":
        for other in ("1.png", "2.png"):
            (place.out / "a" / other).unlink()
        output.parent.rmdir()
    report = place.run()
    assert report.ok == (3 if damage == "folder" else 1)
    assert output.read_bytes() == whole


def test_an_output_that_was_changed_is_left_alone_and_called_so(place: Place) -> None:
    output = place.out / "a/10.png"
    edited = output.read_bytes() + b"x"
    output.write_bytes(edited)
    os.utime(output, ns=(os.stat(place.source / "a/10.png").st_mtime_ns,) * 2)
    assert place.run().reasons == {"unchanged": 4, "changed": 1}
    assert output.read_bytes() == edited


def test_a_newcomer_takes_no_name_that_is_there(place: Place) -> None:
    Image.new("RGB", (3, 3)).save(place.source / "a/1.bmp")
    report = place.run()
    (made,) = [item for item in report.items if item.status == "ok"]
    assert [os.path.basename(file.path) for file in made.outputs] == ["1.bmp.png"]
    with Image.open(place.out / "a/1.png") as older:
        assert older.size == (8, 8)


def test_two_recipes_take_turns(place: Place) -> None:
    assert place.run(to="bmp").ok == 5
    assert place.run(to="png").reasons == {"unchanged": 5}
    assert place.run(to="bmp").reasons == {"unchanged": 5}


def test_a_newer_recipe_makes_an_older_one_a_case_for_a_closer_look(place: Place) -> None:
    Image.new("RGB", (3, 3)).save(place.source / "a/3.png")
    place.run(to="bmp")
    with Journal.open(str(place.out / ".imgpar/journal.db"), str(place.out), lock=False) as journal:
        older, newer = (
            journal.recorded(Batch(str(place.source / "a"), "a", ()), Recipe(to=(to,)).key())
            for to in ("png", "bmp")
        )
    assert set(older.rows) == set()
    assert set(newer.rows) == {b"1.png", b"2.png", b"3.png", b"10.png"}


def test_long_stretches_are_cut() -> None:
    found = [(1, 2, 3, 4, 5, "[]")] * (TOGETHER + 1) + [None]
    assert [(kind, len(places)) for kind, places in stretches(found)] == [
        (tuple, TOGETHER),
        (tuple, 1),
        (type(None), 1),
    ]


@pytest.mark.parametrize("alphabet", ["a01", "ab0129.", "Äß1", "IMG_0", "0123456789aA"])
@pytest.mark.parametrize("many", [1, 20_000])
def test_names_come_in_natural_order(alphabet: str, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgpar.core.filenames._MANY", many)
    dice = random.Random(alphabet)
    for length in (1, 2, 5):
        names = list({"".join(dice.choices(alphabet, k=length)) for _ in range(50)})
        assert list(in_order(names)) == sorted(names, key=lambda name: (natural(name), name))


def test_an_outcome_of_an_unchanged_item_is_like_any_other(place: Place) -> None:
    assert all(isinstance(item, Outcome) and item.reason == "unchanged" for item in place.run().items)
