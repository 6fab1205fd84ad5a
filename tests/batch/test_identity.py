"""What was done before is recognised wherever it lies; what others did keeps its name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import imgpar
from imgpar import testing

posix = pytest.mark.skipif(os.name == "nt", reason="there are no such links there")


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with `in` and, converted from it, `out`."""
    testing.write_pictures(tmp_path / "work/in", ["a.png", "sub/b.png"])
    return tmp_path / "work"


def convert(session, source, out, **settings):
    return imgpar.convert(source, out, session=session, **{"to": "webp", **settings})


def outputs(out: Path) -> list[str]:
    return sorted(
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if path.is_file() and ".imgpar" not in path.parts
    )


def checked_out(work: Path, place: Path) -> Path:
    """The same files at another place with other times and inodes, as a CI job sees them."""
    shutil.copytree(work, place)
    for number, path in enumerate(sorted(place.rglob("*.png"))):
        os.utime(path, (2 * 10**9 + number, 2 * 10**9 + number))
    return place


# ----- moved ----------------------------------------------------------------------------------------


def test_inputs_and_outputs_that_moved_together_are_done(session, work, tmp_path):
    convert(session, work / "in", work / "out")
    place = checked_out(work, tmp_path / "runner/4711/work")
    assert dict(convert(session, place / "in", place / "out").reasons) == {"unchanged": 2}


def test_a_changed_input_replaces_its_output_there(session, work, tmp_path):
    convert(session, work / "in", work / "out")
    place = checked_out(work, tmp_path / "elsewhere")
    testing.write_pictures(place / "in", ["a.png"], size=(40, 20))
    report = convert(session, place / "in", place / "out")
    assert (report.ok, dict(report.reasons)) == (1, {"unchanged": 1})
    assert outputs(place / "out") == ["a.webp", "sub/b.webp"]


def test_the_run_says_how_many_outputs_were_made_anew(session, work):
    convert(session, work / "in", work / "out")
    testing.write_pictures(work / "in", ["a.png"], size=(40, 20))
    assert (
        "1 output was made anew, because the inputs changed."
        in convert(session, work / "in", work / "out").notes
    )


def test_a_new_input_is_not_called_anew(session, work):
    convert(session, work / "in", work / "out")
    testing.write_pictures(work / "in", ["new.png"])
    assert convert(session, work / "in", work / "out").notes == ()


@pytest.mark.parametrize("which", ["in", "out"])
def test_either_may_move_alone(session, work, tmp_path, which):
    convert(session, work / "in", work / "out")
    (work / which).rename(tmp_path / "moved")
    place = {"in": work / "in", "out": work / "out", which: tmp_path / "moved"}
    assert dict(convert(session, place["in"], place["out"]).reasons) == {"unchanged": 2}


def test_both_moved_apart_are_known_by_their_content(session, work, tmp_path):
    convert(session, work / "in", work / "out")
    shutil.copytree(work / "in", tmp_path / "x/y/pictures")
    shutil.copytree(work / "out", tmp_path / "web")
    for _ in range(2):
        assert dict(convert(session, tmp_path / "x/y/pictures", tmp_path / "web").reasons) == {"unchanged": 2}


@posix
def test_a_folder_that_is_named_through_a_link_is_the_same(session, work, tmp_path):
    convert(session, work / "in", work / "out")
    (tmp_path / "link").symlink_to(work / "in")
    assert dict(convert(session, tmp_path / "link", work / "out").reasons) == {"unchanged": 2}


# ----- several roots --------------------------------------------------------------------------------


def test_an_input_of_another_root_takes_its_whole_name(session, tmp_path):
    one = testing.write_pictures(tmp_path / "d1", ["IMG_1.png"], size=(30, 20))
    two = testing.write_pictures(tmp_path / "d2", ["IMG_1.png"], size=(60, 20))
    convert(session, one, tmp_path / "out")
    report = convert(session, two, tmp_path / "out")
    assert outputs(tmp_path / "out") == ["IMG_1.png.webp", "IMG_1.webp"]
    assert "another input of an earlier run has its name, so it was given this one" in report.items[0].notes


def test_where_that_is_taken_the_name_of_its_root_is_a_folder(session, tmp_path):
    for number in (1, 2, 3):
        source = testing.write_pictures(tmp_path / f"d{number}", ["IMG_1.png"], size=(30 * number, 20))
        convert(session, source, tmp_path / "out")
    assert outputs(tmp_path / "out") == ["IMG_1.png.webp", "IMG_1.webp", "d3/IMG_1.webp"]


def test_without_a_format_it_is_the_folder_at_once(session, tmp_path):
    for number in (1, 2):
        source = testing.write_pictures(tmp_path / f"d{number}", ["IMG_1.png"], size=(30 * number, 20))
        convert(session, source, tmp_path / "out", to=None, grey=True)
    assert outputs(tmp_path / "out") == ["IMG_1.png", "d2/IMG_1.png"]


def test_each_keeps_its_name_in_later_runs(session, tmp_path):
    sources = [
        testing.write_pictures(tmp_path / f"d{number}", ["IMG_1.png"], size=(30 * number, 20))
        for number in (1, 2, 3)
    ]
    for source in sources:
        convert(session, source, tmp_path / "out")
    for source in reversed(sources):
        assert dict(convert(session, source, tmp_path / "out").reasons) == {"unchanged": 1}
    assert len(outputs(tmp_path / "out")) == 3


def test_lists_of_files_are_kept_apart_too(session, tmp_path):
    for number in (1, 2):
        testing.write_pictures(tmp_path / f"d{number}", ["IMG_1.png"], size=(30 * number, 20))
    for number in (1, 2):
        convert(session, [tmp_path / f"d{number}/IMG_1.png"], tmp_path / "out")
    assert outputs(tmp_path / "out") == ["IMG_1.png.webp", "IMG_1.webp"]


def test_the_same_picture_in_another_folder_is_done(session, tmp_path):
    for name in ("d1", "d2"):
        testing.write_pictures(tmp_path / name, ["IMG_1.png"])
    convert(session, tmp_path / "d1", tmp_path / "out")
    assert dict(convert(session, tmp_path / "d2", tmp_path / "out").reasons) == {"unchanged": 1}
    assert outputs(tmp_path / "out") == ["IMG_1.webp"]


def test_a_file_that_imgpar_did_not_make_is_still_no_input_of_ours(session, work):
    (work / "out").mkdir()
    (work / "out/a.webp").write_bytes(b"of the user")
    report = convert(session, work / "in", work / "out")
    assert dict(report.reasons) == {"exists": 1}
    assert "Files that imgpar did not make were kept" in report.summary()


def test_a_single_file_that_was_not_written_is_named(session, work):
    (work / "own.webp").write_bytes(b"of the user")
    report = convert(session, work / "in/a.png", work / "own.webp")
    assert (report.skipped, report.exit_code) == (1, 0)
    assert report.notes == (
        f"{work / 'own.webp'} exists, so it was not written; --on-exists overwrite replaces it.",
    )


def test_a_kept_file_beside_a_new_output_is_in_the_summary(session, work):
    (work / "out").mkdir()
    (work / "out/a.webp").write_bytes(b"of the user")
    report = convert(session, work / "in", work / "out", to="webp,png")
    assert (report.ok, report.skipped) == (2, 0)
    assert (
        f"{work / 'out/a.webp'} exists and was left alone; --on-exists overwrite replaces" in report.summary()
    )


# ----- other settings -------------------------------------------------------------------------------


def test_outputs_of_other_settings_are_replaced_after_a_note(session, work):
    convert(session, work / "in", work / "out", resize="40")
    report = convert(session, work / "in", work / "out", resize="20")
    assert report.ok == 2
    assert any(
        note.startswith("Outputs of up to 2 inputs that were made with other settings")
        for note in report.notes
    )


def test_one_output_of_other_settings_is_one_in_the_note(session, work):
    convert(session, work / "in/a.png", work / "out", resize="40")
    report = convert(session, work / "in/a.png", work / "out", resize="20")
    assert report.notes[0].startswith("Outputs of 1 input that were made with other settings")


def test_the_note_counts_an_input_once_whatever_was_made_of_it_before(session, work):
    for size in ("40", "30"):
        convert(session, work / "in/a.png", work / "out", resize=size)
    report = convert(session, work / "in/a.png", work / "out", resize="20")
    assert report.notes[0].startswith("Outputs of 1 input that were made with other settings")


@pytest.mark.parametrize("on_exists", ["skip", "rename"])
def test_what_the_user_says_of_files_that_are_there_holds_for_them(session, work, on_exists):
    convert(session, work / "in", work / "out", resize="40")
    before = (work / "out/a.webp").read_bytes()
    convert(session, work / "in", work / "out", resize="20", on_exists=on_exists)
    assert (work / "out/a.webp").read_bytes() == before
    assert (work / "out/a-1.webp").exists() == (on_exists == "rename")


def test_the_true_reason_is_said(session, work):
    convert(session, work / "in", work / "out", resize="40")
    report = convert(session, work / "in", work / "out", resize="20", on_exists="skip")
    assert "made with other settings were kept" in report.summary()
    assert "did not make" not in report.summary()


# ----- edits ----------------------------------------------------------------------------------------


def edit_with_kept_time(path: Path) -> bytes:
    status, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 0xFF
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return bytes(data)


@posix
def test_an_input_that_was_edited_and_kept_its_time_is_done_again(session, work):
    testing.write_pictures(work / "in", ["a.bmp"])
    convert(session, work / "in", work / "out")
    edit_with_kept_time(work / "in/a.bmp")
    report = convert(session, work / "in", work / "out")
    assert [Path(item.source).name for item in report.items if item.status == "ok"] == ["a.bmp"]


@posix
@pytest.mark.parametrize("cause", ["settings", "input"])
def test_an_output_that_was_edited_and_kept_size_and_time_is_not_replaced(session, work, cause):
    convert(session, work / "in", work / "out")
    edited = edit_with_kept_time(work / "out/a.webp")
    if cause == "input":
        testing.write_pictures(work / "in", ["a.png"], size=(40, 20))
    report = convert(session, work / "in", work / "out", **({"resize": "20"} if cause == "settings" else {}))
    assert (work / "out/a.webp").read_bytes() == edited
    assert report.reasons["changed"] == 1
    assert "changed since imgpar made them were kept" in report.summary()


@posix
def test_overwrite_is_the_users_word_for_it(session, work):
    convert(session, work / "in", work / "out")
    edited = edit_with_kept_time(work / "out/a.webp")
    testing.write_pictures(work / "in", ["a.png"], size=(40, 20))
    convert(session, work / "in", work / "out", on_exists="overwrite")
    assert (work / "out/a.webp").read_bytes() != edited


# ----- where the inputs lay -------------------------------------------------------------------------


def broken(work: Path) -> bytes:
    good = (work / "in/a.png").read_bytes()
    (work / "in/a.png").write_bytes(good[:200])
    return good


def test_retry_knows_where_the_inputs_lay(session, work):
    good = broken(work)
    assert convert(session, work / "in", work / "out").failed == 1
    (work / "in/a.png").write_bytes(good)
    report = imgpar.retry(work / "out", session=session)
    assert (report.ok, report.total) == (1, 1)


def test_on_another_machine_retry_asks_where_they_lie(session, work, tmp_path, monkeypatch):
    good = broken(work)
    convert(session, work / "in", work / "out")
    (work / "in/a.png").write_bytes(good)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other machine"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "other machine"))
    with pytest.raises(imgpar.UsageError, match="does not know where the inputs"):
        imgpar.retry(work / "out", session=session)
    assert imgpar.retry(work / "out", work / "in", session=session).ok == 1


def test_the_journal_of_a_run_with_failures_names_no_place(session, work, tmp_path):
    broken(work)
    convert(session, work / "in", work / "out")
    for path in (work / "out/.imgpar").rglob("*"):
        assert not path.is_file() or os.fsencode(tmp_path) not in path.read_bytes()


# ----- journals of strangers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"notes of mine", b"SQLite format 3\0" + b"\xff" * 5000, b"\xff\xd8\xff"], ids=len
)
def test_a_file_that_is_no_journal_is_refused_and_stays(session, work, tmp_path, content):
    path = tmp_path / "file.db"
    path.write_bytes(content)
    with pytest.raises(imgpar.ImgparError):
        convert(session, work / "in", work / "out", journal=str(path))
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir() if "broken" in entry.name] == []


def test_another_database_is_refused_and_stays(session, work, tmp_path):
    import sqlite3
    from contextlib import closing

    path = tmp_path / "mine.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE runs(mine)")
        database.commit()
    before = path.read_bytes()
    with pytest.raises(imgpar.OutputError, match="no journal of imgpar"):
        convert(session, work / "in", work / "out", journal=str(path))
    assert path.read_bytes() == before


GARBLED = {
    "outputs": "UPDATE items SET outputs = 'not JSON'",
    "facts": 'UPDATE items SET outputs = \'[["a.webp", "many"]]\'',
    "outside": 'UPDATE items SET outputs = \'[["../../victim", 1, 1, 1, 1, 1, 1, ""]]\'',
    "absolute": 'UPDATE items SET outputs = \'[["/etc/victim", 1, 1, 1, 1, 1, 1, ""]]\'',
    "planned": "UPDATE items SET planned = '{}', key = 'other'",
    "counts": "UPDATE runs SET counts = 'x'",
    "digest": 'UPDATE items SET outputs = \'[["a.webp", 1, 1, 1, 1, 1, 1, ["x"]]]\'',
    "deep": f"UPDATE items SET outputs = '{'[' * 100_000}'",
    "half a character": 'UPDATE items SET outputs = \'[["\\ud800.png", 1, 1, 1, 1, 1, 1, ""]]\'',
    "salt": "UPDATE about SET salt = 'x'",
    "long salt": "UPDATE about SET salt = zeroblob(65)",
}


@pytest.mark.parametrize("change", GARBLED.values(), ids=GARBLED)
@pytest.mark.parametrize("resize", [None, "20"])
def test_garbled_rows_are_a_sentence(session, work, change, resize):
    import sqlite3
    from contextlib import closing

    convert(session, work / "in", work / "out")
    with closing(sqlite3.connect(work / "out/.imgpar/journal.db")) as database:
        database.execute(change)
        database.commit()
    settings = {"resize": resize} if resize else {}
    said = "has rows that cannot be read"
    try:
        convert(session, work / "in", work / "out", **settings)
        imgpar.verify(work / "out")
    except imgpar.OutputError as error:
        said = str(error)
    assert "has rows that cannot be read" in said


# ----- one file for several inputs ------------------------------------------------------------------


def test_an_output_that_another_input_took_over_in_the_same_size_is_not_unchanged(session, tmp_path):
    folder = testing.write_pictures(tmp_path / "in", ["a.bmp", "b.bmp"])
    out = tmp_path / "out.bmp"
    settings = {"to": None, "resize": "20", "on_exists": "overwrite"}
    convert(session, folder / "a.bmp", out, **settings)
    first = out.read_bytes()
    convert(session, folder / "b.bmp", out, **settings)
    assert len(out.read_bytes()) == len(first)
    assert out.read_bytes() != first
    assert convert(session, folder / "a.bmp", out, **settings).ok == 1
    assert out.read_bytes() == first


def test_a_journal_of_two_outs_calls_no_stale_output_unchanged(session, tmp_path):
    folder = testing.write_pictures(tmp_path / "in", ["a.bmp"])
    journal = {"journal": str(tmp_path / "both.db"), "to": None, "resize": "20"}
    convert(session, folder, tmp_path / "o1", **journal)
    shutil.move(testing.write_pictures(tmp_path / "new", ["x.bmp", "a.bmp"]) / "a.bmp", folder / "a.bmp")
    convert(session, folder, tmp_path / "o2", **journal)
    report = convert(session, folder, tmp_path / "o1", **journal)
    assert "unchanged" not in report.reasons


# ----- an input that is an output -------------------------------------------------------------------


@posix
@pytest.mark.parametrize("hard", [False, True], ids=["symbolic", "hard"])
def test_an_output_that_is_an_input_by_a_link_is_not_replaced(session, tmp_path, hard):
    out = testing.write_pictures(tmp_path / "out", ["a.png"], size=(60, 40))
    (tmp_path / "in").mkdir()
    if hard:
        os.link(out / "a.png", tmp_path / "in/a.png")
    else:
        (tmp_path / "in/a.png").symlink_to(out / "a.png")
    before = (out / "a.png").read_bytes()
    report = convert(session, tmp_path / "in", out, to=None, resize="10", on_exists="overwrite")
    assert report.failed == 1
    assert "is an input itself" in report.failures[0].error
    assert (out / "a.png").read_bytes() == before


def test_retry_takes_inputs_wherever_they_lie_now(session, work, tmp_path, monkeypatch):
    good = broken(work)
    convert(session, work / "in", work / "out")
    (work / "in/a.png").write_bytes(good)
    shutil.copytree(work / "in", tmp_path / "far/away/pictures")
    (work / "out").rename(tmp_path / "web")
    shutil.rmtree(work)
    assert imgpar.retry(tmp_path / "web", tmp_path / "far/away/pictures", session=session).ok == 1
    with pytest.raises(imgpar.UsageError, match="Nothing failed"):
        imgpar.retry(tmp_path / "web", tmp_path / "far/away/pictures", session=session)


def test_an_output_that_was_edited_in_place_is_no_input_of_another_root(session, work):
    convert(session, work / "in", work / "out")
    made = outputs(work / "out")
    imgpar.convert(work / "out", in_place=True, set={"artist": "Ana"}, session=session)
    report = convert(session, work / "in", work / "out")
    assert (outputs(work / "out"), dict(report.reasons)) == (made, {"changed": 2})
