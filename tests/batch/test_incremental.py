"""A second run: what needs no work is told in bulk, and nothing of the report is lost by that."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from PIL import Image

from imgpar import Event, Report
from imgpar.api import run
from imgpar.batch.incremental import TOGETHER, Recorded, find_unchanged, intact, stretches
from imgpar.batch.journal.journal import Journal
from imgpar.core.errors import OutputError
from imgpar.core.filenames import in_order, natural
from imgpar.core.job import Outcome, OutputFile
from imgpar.inputs.batches import Batch, Entries
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


# ----- what makes an input another one --------------------------------------------------------------

SEEN = ("a.png", 100, 2_000_000_000, 44, 3_000_000_000)
"""Name, size, mtime_ns, inode, ctime_ns, as folders are listed."""


class Unpacked:
    """Stands for the journal's paths."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix


def unchanged(
    tmp_path: Path, seen: tuple[str, int, int, int, int] = SEEN, outputs: str = '[["a.png",5]]', **known: int
) -> bool:
    """Whether a file that looks like `seen` is taken for the one that was done."""
    facts = {"size": 100, "mtime": 2_000_000_000, "ctime": 3_000_000_000, "inode": 44, **known}
    row = (7, facts["size"], facts["mtime"], facts["ctime"], facts["inode"], outputs, b"a.png")
    (tmp_path / "a.png").write_bytes(b"12345")
    recorded = Recorded({b"a.png": row}, Unpacked(f"{tmp_path}{os.sep}"))
    found = find_unchanged(Entries.of("/in", "", [seen], {}), recorded, f"{tmp_path}{os.sep}")
    assert found in ([row], [None])
    return found == [row]


def test_an_input_that_is_as_recorded_is_unchanged(tmp_path: Path) -> None:
    assert unchanged(tmp_path)


@pytest.mark.parametrize("what", ["size", "mtime", "ctime", "inode"])
@pytest.mark.parametrize("step", [1, -1, 1_000_000_000, -1_000_000_000])
def test_a_nanosecond_or_a_byte_more_or_less_is_a_change(tmp_path: Path, what: str, step: int) -> None:
    at = {"size": 1, "mtime": 2, "inode": 3, "ctime": 4}[what]
    seen = (*SEEN[:at], SEEN[at] + step, *SEEN[at + 1 :])
    assert not unchanged(tmp_path, seen)


@pytest.mark.parametrize(("at", "what"), [(3, "inode"), (4, "ctime")])
def test_what_the_system_or_the_journal_does_not_know_is_no_change(
    tmp_path: Path, at: int, what: str
) -> None:
    assert unchanged(tmp_path, (*SEEN[:at], 0, *SEEN[at + 1 :]))
    assert unchanged(tmp_path, **{what: 0})


@pytest.mark.parametrize("what", ["size", "mtime"])
def test_size_and_time_are_always_compared(tmp_path: Path, what: str) -> None:
    assert not unchanged(tmp_path, **{what: 0})
    at = {"size": 1, "mtime": 2}[what]
    assert not unchanged(tmp_path, (*SEEN[:at], 0, *SEEN[at + 1 :]))


@pytest.mark.parametrize(("at", "other"), [(3, "ctime"), (4, "inode")])
def test_an_unknown_time_excuses_no_other_inode(tmp_path: Path, at: int, other: str) -> None:
    assert not unchanged(tmp_path, (*SEEN[:at], 0, *SEEN[at + 1 :]), **{other: 1})


@pytest.mark.parametrize(
    ("outputs", "same"),
    [
        ('[["a.png",5]]', True),
        ('[["a.png",4]]', False),
        ('[["a.png",6]]', False),
        ('[["b.png",5]]', False),
        ('[["sub/a.png",5]]', False),
        ('[["a.png",5],["b.png",5]]', False),
        ('[["a.png",5,"more"],["a.png",5]]', True),
        ("[]", True),
    ],
)
def test_every_output_has_to_be_there_with_its_size(tmp_path: Path, outputs: str, same: bool) -> None:
    assert unchanged(tmp_path, outputs=outputs) == same


def test_a_link_to_an_output_is_none(tmp_path: Path) -> None:
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    assert not unchanged(tmp_path, outputs='[["b.png",5]]')


def test_an_unknown_file_is_no_unchanged_one(tmp_path: Path) -> None:
    assert find_unchanged(
        Entries.of("/in", "", [SEEN], {}), Recorded({}, Unpacked("/")), f"{tmp_path}{os.sep}"
    ) == [None]


def test_outputs_of_another_folder_are_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.png").write_bytes(b"12345")
    row = (7, 100, 2_000_000_000, 3_000_000_000, 44, '[["sub/a.png",5]]', b"a.png")
    entries = Entries.of("/in", "", [SEEN], {})
    recorded = Recorded({b"a.png": row}, Unpacked(f"{tmp_path}{os.sep}"))
    assert find_unchanged(entries, recorded, f"{tmp_path}{os.sep}sub{os.sep}") == [row]
    assert find_unchanged(entries, recorded, f"{tmp_path}{os.sep}") == [None]
    elsewhere = Recorded({b"a.png": row}, Unpacked("/another/"))
    assert find_unchanged(entries, elsewhere, f"{tmp_path}{os.sep}sub{os.sep}") == [None]


@pytest.mark.parametrize("outputs", ["[", '[["a.png"]]', "[[5,5]]", "[5]", '{"a":1}'])
def test_a_garbled_journal_is_an_error(tmp_path: Path, outputs: str) -> None:
    with pytest.raises(OutputError):
        unchanged(tmp_path, outputs=outputs)


@pytest.mark.parametrize("size", [4, 5, 6])
def test_intact_compares_the_size_of_what_is_there(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.png").write_bytes(b"12345")
    made = [OutputFile(str(tmp_path / "a.png"), size)]
    inside = {f"{tmp_path}{os.sep}"}
    assert intact(made, None) is (size == 5)
    assert intact(made, inside) is (size == 5)
    assert intact(made, {"/another/"}) is False
    assert intact([*made, OutputFile(str(tmp_path / "b.png"), 5)], inside) is False


@pytest.mark.parametrize("key", ["mtime", "content"])
def test_a_run_sees_what_changed_since(place: Place, key: str) -> None:
    """Content that is as it was is not converted again, whatever its time is; else it is."""
    path = place.source / "a/2.png"
    status = path.stat()
    if key == "content":
        data = bytearray(path.read_bytes())
        Image.new("RGB", (9, 8), (200, 2, 3)).save(path)
        assert path.read_bytes() != data
        path.write_bytes(path.read_bytes().ljust(status.st_size, b"\0")[: status.st_size])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    report = place.run()
    assert place.names(report)[1] == ("a/2.png", "ok" if key == "content" else "skipped")
