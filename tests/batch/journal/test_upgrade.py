"""Journals and originals of imgpar 0.1.0 are read, checked and undone.

`data/imgpar-0.1.tar.xz` was written by that version, below /tmp/imgpar-0.1:

    out/in, out/web   two PNGs, converted to WebP
    place             three PNGs, halved in place
    renamed           two PNGs, halved in place and written as JPEG
    killed            three PNGs in place; the run was killed when it had replaced a.png
"""

from __future__ import annotations

import os
import sqlite3
import tarfile
import time
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar.core.errors import OutputError

DATA = Path(__file__).parents[2] / "data/imgpar-0.1.tar.xz"
HOME = b"/tmp/imgpar-0.1"


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The folders where they are now; the journals speak of another place."""
    with tarfile.open(DATA) as archive:
        archive.extractall(tmp_path, **({"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}))
    return tmp_path


@pytest.fixture
def unmoved(old: Path) -> Path:
    """The same, as if they had always been here."""
    for path in old.glob("**/journal.db"):
        database = sqlite3.connect(path)
        folders = database.execute("SELECT id, path FROM folders").fetchall()
        for number, folder in folders:
            here = folder.replace(HOME, os.fsencode(old))
            database.execute("UPDATE folders SET path = ? WHERE id = ?", (here, number))
        database.commit()
        database.close()
    return old


def widths(folder: Path) -> dict[str, int]:
    found = {}
    for path in sorted(folder.rglob("*.*g")):
        if ".imgpar" not in path.parts:
            with Image.open(path) as image:
                found[path.relative_to(folder).as_posix()] = image.width
    return found


@pytest.mark.parametrize("place", ["old", "unmoved"])
def test_what_was_done_is_done(session, request, place):
    folder = request.getfixturevalue(place) / "out"
    report = imgpar.convert(folder / "in", folder / "web", to="webp", session=session)
    assert dict(report.reasons) == {"unchanged": 2}


def test_the_second_run_after_it_needs_no_digests(session, old):
    for _ in range(2):
        report = imgpar.convert(old / "out/in", old / "out/web", to="webp", session=session)
    assert [item.digest for item in report.items] == ["", ""]


def test_outputs_are_checked(old):
    (old / "out/web/a.webp").write_bytes(b"edited")
    report = imgpar.verify(old / "out/web")
    assert (report.ok, report.failed) == (1, 1)


@pytest.mark.parametrize("place", ["old", "unmoved"])
def test_what_was_made_in_place_is_recognised(session, request, place):
    folder = request.getfixturevalue(place) / "place"
    report = imgpar.convert(folder, None, in_place=True, resize="50%", session=session)
    assert dict(report.reasons) == {"unchanged": 3}


@pytest.mark.parametrize("place", ["old", "unmoved"])
def test_originals_are_put_back(request, place):
    folder = request.getfixturevalue(place) / "place"
    assert imgpar.undo(folder).ok == 3
    assert widths(folder) == {"a.png": 24, "b.png": 24, "sub/c.png": 24}


def test_an_edit_since_is_left_alone(old):
    (old / "place/a.png").write_bytes(b"edited")
    report = imgpar.undo(old / "place")
    assert (report.ok, report.failed) == (2, 1)
    assert (old / "place/a.png").read_bytes() == b"edited"


def test_a_new_run_keeps_the_old_originals(session, old):
    imgpar.convert(old / "place", None, in_place=True, resize="6", session=session)
    imgpar.undo(old / "place")
    assert widths(old / "place") == {"a.png": 24, "b.png": 24, "sub/c.png": 24}


def test_what_took_another_name_goes(old):
    assert imgpar.undo(old / "renamed").ok == 2
    assert widths(old / "renamed") == {"a.png": 24, "sub/c.png": 24}


def just_killed(folder: Path) -> None:
    """As if the run had been killed a moment ago: its journal is younger than what it wrote."""
    for path in (folder / ".imgpar").glob("journal.db*"):
        os.utime(path, (time.time(), time.time()))


def test_a_killed_run_goes_on_and_shrinks_nothing_twice(session, unmoved):
    folder = unmoved / "killed"
    just_killed(folder)
    imgpar.convert(folder, None, in_place=True, resize="50%", session=session)
    assert widths(folder) == {"a.png": 12, "b.png": 12, "c.png": 12}
    assert imgpar.undo(folder).ok == 3
    assert widths(folder) == {"a.png": 24, "b.png": 24, "c.png": 24}


def test_what_may_have_been_edited_after_a_kill_is_left_alone(old):
    """Nothing tells here that a.png is what the run wrote, except its time, which tools keep."""
    folder = old / "killed"
    before = (folder / "a.png").read_bytes()
    report = imgpar.undo(folder)
    assert (folder / "a.png").read_bytes() == before
    assert (folder / ".imgpar/undo/1/a.png").exists()
    assert report.failed == 1


def test_a_newer_journal_is_a_sentence_and_no_original_goes(session, old):
    database = sqlite3.connect(old / "place/.imgpar/journal.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    for call in (
        lambda: imgpar.undo(old / "place"),
        lambda: imgpar.convert(old / "place", None, in_place=True, resize="6", session=session),
    ):
        with pytest.raises(OutputError, match="newer imgpar"):
            call()
    assert len(list((old / "place/.imgpar/undo/1").rglob("*.png"))) == 3


def test_the_new_journal_names_no_place_outside_of_its_home(session, old):
    imgpar.convert(old / "out/in", old / "out/web", to="webp", session=session)
    content = (old / "out/web/.imgpar/journal.db").read_bytes()
    assert HOME not in content
    assert os.fsencode(old) not in content


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE runs SET facts = '[1]'",
        "UPDATE items SET outputs = 'x'",
        "UPDATE items SET outputs = '[5]'",
        """UPDATE items SET state = 'planned', planned = '[["\\ud800", null, 1, 1, 1]]'""",
        "UPDATE folders SET path = 7 WHERE id = 1",
        "UPDATE folders SET path = x'00' WHERE id = 1",
    ],
)
def test_a_garbled_journal_is_a_sentence_and_stays(session, old, change):
    path = old / "out/web/.imgpar/journal.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(change)
        database.commit()
    with pytest.raises(OutputError, match="has rows that cannot be read"):
        imgpar.convert(old / "out/in", old / "out/web", to="webp", session=session)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
