"""SQLite files that somebody else made are refused before SQLite does what they say."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

import imgpar
from imgpar.core.errors import OutputError

posix = pytest.mark.skipif(os.name == "nt", reason="links need privileges there")
ENDLESS = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r"
DATABASES = (".imgpar/journal.db", ".imgpar/undo/originals.db")


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=1, memory="64M") as session:
        yield session


@pytest.fixture
def place(session, photo_folder) -> Path:
    """A folder that was converted in place, and that somebody gives to another one."""
    folder = photo_folder("a.png")
    imgpar.convert(folder, None, in_place=True, resize="50%", session=session)
    return folder


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    path = tmp_path / "precious.txt"
    path.write_bytes(b"")
    return path


def everything(folder: Path, session):
    yield lambda: imgpar.convert(folder, None, in_place=True, resize="9", dry_run=True, session=session)
    yield lambda: imgpar.verify(folder)
    yield lambda: imgpar.undo(folder)
    yield lambda: imgpar.retry(folder, session=session)
    yield lambda: imgpar.convert(folder, None, in_place=True, resize="8", session=session)


def refused(folder: Path, session) -> int:
    """How many of the calls refuse to work there; the others did not need the file."""
    count = 0
    for call in everything(folder, session):
        try:
            call()
        except OutputError as error:
            count += "imgpar" in str(error)
        except imgpar.UsageError:
            pass
    return count


def rollback_journal(database: Path, further: str) -> bytes:
    """A rollback journal that names a further file, as SQLite writes it for several databases at once."""
    size = struct.unpack(">H", database.read_bytes()[16:18])[0]
    magic, name = bytes.fromhex("d9d505f920a163d7"), further.encode()
    head = magic + struct.pack(">5I", 0, 1, database.stat().st_size // size, 512, size)
    tail = struct.pack(">I", (1 << 30) // size + 1) + name + struct.pack(">2I", len(name), sum(name)) + magic
    return head.ljust(512, b"\0") + tail


@pytest.mark.parametrize("name", DATABASES)
def test_a_file_that_a_rollback_journal_names_stays(session, place, precious, name):
    journal = place / f"{name}-journal"
    journal.write_bytes(rollback_journal(place / name, str(precious)))
    assert refused(place, session)
    assert precious.exists()


@posix
@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize("there", [True, False], ids=["empty", "missing"])
def test_what_a_link_in_the_place_of_a_database_leads_to_stays(session, place, precious, name, there):
    (place / name).unlink()
    (place / name).symlink_to(precious)
    if not there:
        precious.unlink()
    assert refused(place, session)
    assert precious.exists() == there
    assert not there or precious.read_bytes() == b""


@posix
def test_a_pipe_in_the_place_of_a_journal_is_not_waited_for(session, place):
    (place / DATABASES[0]).unlink()
    os.mkfifo(place / DATABASES[0])
    assert refused(place, session) == 5


@posix
def test_a_journal_that_the_user_named_may_be_a_link(session, photo_folder, tmp_path):
    folder, link = photo_folder("a.png"), tmp_path / "link.db"
    link.symlink_to(tmp_path / "journal.db")
    for journal, skipped in ((tmp_path / "journal.db", 0), (link, 1)):
        report = imgpar.convert(folder, tmp_path / "out", resize="50%", journal=journal, session=session)
        assert report.skipped == skipped


@pytest.mark.parametrize(
    "statements",
    [
        ("DROP TABLE about", f"CREATE VIEW about AS SELECT ({ENDLESS}) AS salt"),
        (f"CREATE TRIGGER t AFTER INSERT ON runs BEGIN UPDATE runs SET counts = ({ENDLESS}); END",),
        ("DROP TABLE about", "CREATE TABLE about(salt AS (hex(zeroblob(5))), x CHECK(x LIKE '%a%a%a%'))"),
    ],
    ids=["view", "trigger", "computed"],
)
def test_a_journal_with_programs_is_not_run(session, place, statements):
    database = sqlite3.connect(place / DATABASES[0], isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()
    assert refused(place, session) == 5


@posix
@pytest.mark.parametrize("name", [".imgpar/undo/written", ".imgpar/journal.db.parts"])
def test_workers_write_nothing_through_a_link(session, place, tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    (place / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="is a link"):
        imgpar.convert(place, None, in_place=True, resize="8", session=session)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (place / name).is_symlink()


@pytest.mark.parametrize("line", [b"[" * 100_000, b'["61", 1e400, 1, 1, 1, 1, 1, "x"]', b"[[]]", b'["zz"]'])
def test_notes_that_no_worker_wrote_are_left_out(session, place, line):
    written = place / ".imgpar/undo/written"
    written.mkdir()
    (written / "0123456789abcdef-0123456789abcdef-0").write_bytes(line + b"\n")
    assert imgpar.convert(place, None, in_place=True, resize="8", session=session).ok == 1


@posix
def test_originals_behind_a_link_are_not_looked_after(session, place, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(place, other)
    with closing(sqlite3.connect(other / DATABASES[1])) as register:
        register.execute("UPDATE originals SET state = 'planned'")
        register.commit()
    before = (other / DATABASES[1]).read_bytes()
    (place / "link").symlink_to(other)
    with closing(sqlite3.connect(place / DATABASES[1])) as register:
        register.execute("INSERT INTO nested VALUES (CAST('link' AS BLOB))")
        register.commit()
    assert imgpar.undo(place).ok == 1
    assert (other / DATABASES[1]).read_bytes() == before


@posix
def test_a_pipe_among_the_notes_of_workers_is_not_waited_for(session, place):
    written = place / ".imgpar/undo/written"
    written.mkdir()
    os.mkfifo(written / "0123456789abcdef-0123456789abcdef-0")
    assert imgpar.convert(place, None, in_place=True, resize="8", session=session).ok == 1
