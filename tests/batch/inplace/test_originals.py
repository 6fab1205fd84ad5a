"""What runs in place replaced is kept until it is forgotten, and never put over what was changed since."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.batch.inplace.originals import Originals
from imgpar.cli import main
from imgpar.core.errors import OutputError

posix = pytest.mark.skipif(os.name == "nt", reason="there are no such signals, modes or links there")
linux = pytest.mark.skipif(sys.platform != "linux", reason="extended attributes of Linux")


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return testing.write_pictures(tmp_path / "photos", ["a.png", "b.png", "sub/c.png"])


def in_place(session, folder, **settings):
    return imgpar.convert(folder, None, in_place=True, session=session, **{"resize": "50%", **settings})


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes of every file that is the user's."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".imgpar") for part in path.parts)
    }


def width(path: Path) -> int:
    with Image.open(path) as image:
        return image.width


def edit_with_kept_time(path: Path) -> bytes:
    """What `exiftool -P` or `touch -r` do: other bytes of the same size, and the old time."""
    status, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 0xFF
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return bytes(data)


# ----- until the user says so -----------------------------------------------------------------------


@pytest.mark.parametrize("again", [{"resize": "20"}, {"grey": True}, {"to": "webp"}, {}], ids=str)
def test_a_later_run_keeps_the_first_originals(session, photos, again):
    before = contents(photos)
    in_place(session, photos)
    in_place(session, photos, **again)
    assert imgpar.undo(photos).ok == 3
    assert contents(photos) == before


def test_a_run_on_one_folder_inside_keeps_the_originals_of_the_others(session, photos):
    before = contents(photos)
    in_place(session, photos)
    in_place(session, photos / "sub", resize="20")
    imgpar.undo(photos)
    assert contents(photos) == before


def test_retry_keeps_the_originals(session, photos):
    good = (photos / "b.png").read_bytes()
    (photos / "b.png").write_bytes(good[:200])
    in_place(session, photos)
    (photos / "b.png").write_bytes(good)
    assert imgpar.retry(photos, session=session).ok == 1
    assert imgpar.undo(photos).ok == 3
    assert {width(photos / name) for name in ("a.png", "b.png", "sub/c.png")} == {96}


def test_what_the_user_put_there_between_two_runs_is_an_original_too(session, photos):
    first = (photos / "a.png").read_bytes()
    in_place(session, photos)
    testing.write_pictures(photos, ["a.png"], size=(200, 100))
    newer = (photos / "a.png").read_bytes()
    in_place(session, photos, resize="10")
    report = imgpar.undo(photos)
    assert (photos / "a.png").read_bytes() == newer
    assert any("has an older original" in note for item in report.items for note in item.notes)
    kept = [path.read_bytes() for path in (photos / ".imgpar/undo").rglob("a.png")]
    assert kept == [first]


def test_an_edit_that_was_only_copied_is_no_output_for_undo(session, photos):
    in_place(session, photos)
    edited = (photos / "a.png").read_bytes() + b"edited"
    (photos / "a.png").write_bytes(edited)
    for size in ("5000", "4000"):  # it is smaller than that: both runs copy it as it is
        in_place(session, photos, resize=size)
    report = imgpar.undo(photos)
    assert (photos / "a.png").read_bytes() == edited
    assert any("has an older original" in note for item in report.items for note in item.notes)


def test_an_edit_between_two_changes_of_the_format_is_undone_before_what_it_was_made_of(session, photos):
    first = (photos / "a.png").read_bytes()
    in_place(session, photos / "a.png", to="webp")
    edited = (photos / "a.webp").read_bytes() + b"edited"
    (photos / "a.webp").write_bytes(edited)
    in_place(session, photos / "a.webp", to="png")
    report = imgpar.undo(photos)
    assert (report.ok, report.failed) == (2, 0)
    assert (photos / "a.png").read_bytes() == first
    assert (photos / "a.webp").read_bytes() == edited


def test_the_end_of_a_run_says_what_is_kept_and_how_to_free_it(session, photos):
    size = sum(map(len, contents(photos).values()))
    (note,) = in_place(session, photos).notes
    assert note.startswith(f"3 originals are kept in {photos}/.imgpar/undo ({size / 1000:.1f} kB).")
    assert f"imgpar undo {photos}" in note
    assert "--forget" in note


def test_none_keeps_no_originals(session, photos):
    report = in_place(session, photos, keep_originals="none")
    assert (report.ok, report.notes) == (3, ())
    assert list((photos / ".imgpar/undo").rglob("*.png")) == []


def test_days_forget_what_is_older(session, photos):
    in_place(session, photos)
    database = sqlite3.connect(photos / ".imgpar/undo/originals.db")
    database.execute("UPDATE originals SET time = time - 2 * 86400 WHERE path <> ?", (b"a.png",))
    database.commit()
    database.close()
    in_place(session, photos, keep_originals=1)
    assert [path.name for path in (photos / ".imgpar/undo").rglob("*.png")] == ["a.png"]


def test_what_was_forgotten_is_no_reason_to_keep_nothing(session, photos):
    in_place(session, photos)
    imgpar.undo(photos, forget=True)
    second = contents(photos)
    in_place(session, photos, grey=True)
    imgpar.undo(photos)
    assert contents(photos) == second


# ----- identities never come again ------------------------------------------------------------------


def test_an_original_is_no_input_when_the_journal_was_removed(session, photos):
    in_place(session, photos)
    (photos / ".imgpar/journal.db").unlink()
    testing.write_pictures(photos, ["a.png"], size=(300, 150))
    newer = (photos / "a.png").read_bytes()
    in_place(session, photos)
    assert width(photos / "a.png") == 150
    imgpar.undo(photos)
    assert (photos / "a.png").read_bytes() == newer


def test_undo_finds_what_a_run_with_a_journal_of_its_own_replaced(session, photos, tmp_path):
    before = contents(photos)
    in_place(session, photos, journal=str(tmp_path / "mine.db"))
    assert imgpar.undo(photos).ok == 3
    assert contents(photos) == before
    assert not (photos / ".imgpar/journal.db").exists()


def test_originals_whose_register_was_lost_are_kept_and_named(session, photos):
    in_place(session, photos)
    (photos / ".imgpar/undo/originals.db").unlink()
    (photos / ".imgpar/journal.db").unlink()
    report = imgpar.undo(photos)
    assert report.failed == 3
    assert len(list((photos / ".imgpar/undo").rglob("*.png"))) == 3
    assert "Its original is" in report.failures[0].error


# ----- after an interruption ------------------------------------------------------------------------

RUN = """
import os, signal, sys, time
from imgpar.api.pipeline import Pipeline
import imgpar.batch.run

def listen(event):
    if event.kind == "item":
        os.killpg(0, signal.SIGKILL)

imgpar.batch.run.FLUSH_SECONDS = 3600
Pipeline().resize("50%").run(
    sys.argv[1], None, in_place=True, jobs=1, on_event=listen, **({"to": sys.argv[2]} if sys.argv[2] else {})
)
"""


def killed(folder: Path, to: str = "") -> None:
    """A run that is killed, with all its processes, when the first file was replaced and nothing recorded."""
    command = [sys.executable, "-c", RUN, str(folder), to]
    code = subprocess.run(command, start_new_session=True, check=False).returncode
    assert code == -signal.SIGKILL


def replaced(folder: Path) -> list[Path]:
    return [
        path for path in sorted(folder.rglob("*.png")) if ".imgpar" not in path.parts and width(path) == 48
    ]


@posix
def test_what_a_killed_run_replaced_is_not_converted_again(session, photos):
    killed(photos)
    assert replaced(photos)
    in_place(session, photos)
    assert len(replaced(photos)) == 3


@posix
def test_nor_what_took_another_name(session, photos):
    before = contents(photos)
    killed(photos, "webp")
    assert len(list(photos.glob("*.webp"))) in (1, 2)  # its worker may have gone on
    in_place(session, photos, to="webp")
    assert sorted(width(path) for path in photos.rglob("*.webp") if ".imgpar" not in path.parts) == [48] * 3
    assert imgpar.undo(photos).ok == 3
    assert contents(photos) == before


@posix
def test_nor_where_the_folder_was_moved_since(session, photos, tmp_path):
    killed(photos)
    photos.rename(tmp_path / "moved")
    in_place(session, tmp_path / "moved")
    assert len(replaced(tmp_path / "moved")) == 3
    assert imgpar.undo(tmp_path / "moved").ok == 3


@posix
@pytest.mark.parametrize("who", ["run", "undo"])
@pytest.mark.parametrize("keep_time", [False, True])
def test_an_edit_after_a_kill_is_never_overwritten(session, photos, who, keep_time):
    killed(photos)
    path = replaced(photos)[0]
    if keep_time:
        edited = edit_with_kept_time(path)
    else:
        testing.write_pictures(path.parent, [path.name], size=(20, 10))
        edited = path.read_bytes()
    if who == "undo":
        imgpar.undo(photos)
        assert path.read_bytes() == edited
    else:
        in_place(session, photos)
        kept = [kept.read_bytes() for kept in (photos / ".imgpar/undo").rglob(path.name)]
        assert edited in [*kept, path.read_bytes()]


@posix
def test_what_the_user_removed_after_a_kill_does_not_come_back_by_itself(session, photos):
    killed(photos)
    path = replaced(photos)[0]
    path.unlink()
    in_place(session, photos)
    assert not path.exists()
    assert imgpar.undo(photos).ok == 3
    assert width(path) == 96


@posix
def test_two_runs_with_other_settings_that_were_stopped_and_then_edits(session, photos):
    """Both end early by Ctrl-C; what the user changes then is no business of the next run or of undo."""
    for settings in ({"resize": "50%"}, {"grey": True}):
        token = imgpar.CancelToken()
        stop = lambda event, token=token: token.cancel() if event.kind == "item" else None  # noqa: E731
        in_place(session, photos, on_event=stop, cancel=token, **settings)
    edited = {
        path.name: edit_with_kept_time(path) for path in photos.rglob("*.png") if ".imgpar" not in path.parts
    }
    imgpar.undo(photos)
    assert {Path(name).name: data for name, data in contents(photos).items()} == edited


@posix
def test_after_an_interrupted_run_and_another_one_undo_gives_back_all(session, photos):
    before = contents(photos)
    killed(photos)
    in_place(session, photos, resize="20")
    imgpar.undo(photos)
    assert contents(photos) == before


# ----- wherever the folder is -----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["renamed", "copied"])
def test_undo_works_where_the_folder_was_moved(session, photos, tmp_path, how):
    before = contents(photos)
    in_place(session, photos)
    moved = tmp_path / "elsewhere/pictures"
    moved.parent.mkdir()
    if how == "renamed":
        photos.rename(moved)
    else:
        shutil.copytree(photos, moved)
        shutil.rmtree(photos)
    assert imgpar.undo(moved).ok == 3
    assert contents(moved) == before


@pytest.mark.parametrize("how", ["renamed", "copied"])
def test_a_moved_folder_is_not_shrunk_again(session, photos, tmp_path, how):
    in_place(session, photos)
    moved = tmp_path / "pictures"
    if how == "renamed":
        photos.rename(moved)
    else:
        shutil.copytree(photos, moved)
    assert dict(in_place(session, moved).reasons) == {"unchanged": 3}


@posix
def test_a_folder_that_is_named_through_a_link_is_the_same(session, photos, tmp_path):
    before = contents(photos)
    (tmp_path / "link").symlink_to(photos)
    in_place(session, tmp_path / "link")
    assert dict(in_place(session, photos).reasons) == {"unchanged": 3}
    assert imgpar.undo(tmp_path / "link").ok == 3
    assert contents(photos) == before


def test_undo_of_a_folder_above_finds_those_that_keep_their_own(session, photos):
    before = contents(photos)
    in_place(session, photos / "sub")
    assert imgpar.undo(photos).ok == 1
    assert contents(photos) == before


def test_several_folders_of_one_that_keeps_its_own_are_recognised(session, tmp_path):
    inner = testing.write_pictures(tmp_path / "photos/inner", ["a.png", "x/b.png", "y/c.png"])
    in_place(session, inner)
    report = in_place(session, tmp_path / "photos")
    assert dict(report.reasons) == {"unchanged": 3}
    assert in_place(session, tmp_path / "photos", resize="20").ok == 3
    assert imgpar.undo(tmp_path / "photos").ok == 3


def test_the_nearest_folder_keeps_the_original(session, photos):
    before = contents(photos)
    in_place(session, photos / "sub")
    in_place(session, photos, resize="20")
    assert imgpar.undo(photos / "sub").ok == 1
    assert contents(photos / "sub") == {"c.png": before["sub/c.png"]}


# ----- an edit is an edit ---------------------------------------------------------------------------


@posix
def test_undo_sees_an_edit_that_keeps_size_and_time(session, photos):
    in_place(session, photos)
    edited = edit_with_kept_time(photos / "a.png")
    report = imgpar.undo(photos)
    assert (report.ok, report.failed) == (2, 1)
    assert (photos / "a.png").read_bytes() == edited


@posix
def test_a_second_run_in_place_sees_an_edit_that_keeps_size_and_time(session, photos):
    in_place(session, photos)
    edited = edit_with_kept_time(photos / "a.png")
    report = in_place(session, photos, accept_damaged=True)
    assert report.reasons["unchanged"] == 2
    kept = [path.read_bytes() for path in (photos / ".imgpar/undo").rglob("a.png")]
    assert edited in [*kept, (photos / "a.png").read_bytes()]


@posix
@pytest.mark.parametrize("what", ["saved", "deleted"])
@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_a_picture_that_changes_while_it_is_converted_stays(session, photos, what, schedule):
    path = photos / "a.png"

    def change(array):
        if array.shape[1] == 97:
            path.unlink()
            if what == "saved":
                path.write_bytes(b"newer")
        return array

    testing.write_pictures(photos, ["a.png"], size=(97, 64))
    pipe = imgpar.Pipeline().apply(change).resize("50%")
    report = session.run(pipe, photos, None, in_place=True, schedule=schedule)
    assert (report.ok, report.failed) == (2, 1)
    assert (path.read_bytes() if path.exists() else None) == (b"newer" if what == "saved" else None)


# ----- attributes -----------------------------------------------------------------------------------


@linux
def test_extended_attributes_stay(session, photos):
    os.setxattr(photos / "a.png", "user.note", b"of the user")
    in_place(session, photos)
    assert os.getxattr(photos / "a.png", "user.note") == b"of the user"
    imgpar.undo(photos)
    assert os.getxattr(photos / "a.png", "user.note") == b"of the user"


@posix
def test_the_whole_mode_stays(session, photos):
    (photos / "a.png").chmod(0o751)
    in_place(session, photos)
    assert stat.S_IMODE((photos / "a.png").stat().st_mode) == 0o751


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root may give files away")
def test_the_owner_stays(session, photos):
    os.chown(photos / "a.png", 12345, 54321)
    in_place(session, photos)
    status = (photos / "a.png").stat()
    assert (status.st_uid, status.st_gid) == (12345, 54321)


@posix
def test_hard_links_are_named(session, photos, tmp_path):
    os.link(photos / "a.png", tmp_path / "second name.png")
    report = in_place(session, photos)
    assert report.lost == {"hard links": 1}
    assert width(tmp_path / "second name.png") == 96


# ----- folders of strangers -------------------------------------------------------------------------


def strange_register(folder: Path, path: bytes, backup: bytes) -> None:
    """A register of originals as somebody else may have written it."""
    database = sqlite3.connect(folder / ".imgpar/undo/originals.db")
    database.execute("UPDATE originals SET path = ?, backup = ?", (path, backup))
    database.commit()
    database.close()


@pytest.mark.parametrize(
    "path", [b"../victim.txt", b"/etc/victim", b"sub/../../victim.txt", b"a\0b"], ids=repr
)
def test_undo_writes_nothing_outside_of_the_folder(session, tmp_path, path):
    folder = testing.write_pictures(tmp_path / "photos", ["a.png"])
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    in_place(session, folder)
    (backup,) = [
        found.relative_to(folder / ".imgpar/undo") for found in (folder / ".imgpar/undo").rglob("a.png")
    ]
    strange_register(folder, path, os.fsencode(backup.as_posix()))
    with pytest.raises(OutputError):
        imgpar.undo(folder)
    assert victim.read_text() == "mine"


def test_the_register_knows_nothing_outside_of_its_folder(tmp_path):
    with Originals(str(tmp_path), "run") as originals, pytest.raises(OutputError, match="does not lie in"):
        originals.of(f"{tmp_path}-other/a.png")


def test_undo_takes_nothing_from_outside_of_the_folder(session, tmp_path):
    folder = testing.write_pictures(tmp_path / "photos", ["a.png"])
    (tmp_path / "secret.png").write_text("secret")
    in_place(session, folder)
    strange_register(folder, b"a.png", b"../../../secret.png")
    with pytest.raises(OutputError):
        imgpar.undo(folder)
    assert (tmp_path / "secret.png").read_text() == "secret"


@posix
@pytest.mark.parametrize("link", [".imgpar", ".imgpar/undo"])
def test_a_link_in_the_place_of_our_folders_leads_nowhere(session, tmp_path, link):
    folder = testing.write_pictures(tmp_path / "photos", ["a.png"])
    victim = tmp_path / "victim/1/undo"
    victim.mkdir(parents=True)
    (victim / "kept.txt").write_text("mine")
    (folder / link).parent.mkdir(exist_ok=True)
    (folder / link).symlink_to(tmp_path / "victim")
    before = (folder / "a.png").read_bytes()
    with pytest.raises(OutputError):
        in_place(session, folder)
    assert (victim / "kept.txt").read_text() == "mine"
    assert (folder / "a.png").read_bytes() == before


@posix
def test_undo_follows_no_link_in_the_place_of_a_folder(session, photos, tmp_path):
    in_place(session, photos)
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/c.png").write_text("mine")
    shutil.rmtree(photos / "sub")
    (photos / "sub").symlink_to(tmp_path / "victim")
    report = imgpar.undo(photos)
    assert (report.ok, report.failed) == (2, 1)
    assert (tmp_path / "victim/c.png").read_text() == "mine"


def test_a_run_above_a_strange_folder_changes_nothing_outside_of_it(session, tmp_path):
    folder = testing.write_pictures(tmp_path / "photos/strange", ["a.png"])
    victim = tmp_path / "photos/victim.txt"
    in_place(session, folder)
    victim.write_text("mine")
    (backup,) = [
        found.relative_to(folder / ".imgpar/undo") for found in (folder / ".imgpar/undo").rglob("a.png")
    ]
    strange_register(folder, b"../victim.txt", os.fsencode(backup.as_posix()))
    in_place(session, tmp_path / "photos", grey=True)
    assert victim.read_text() == "mine"


# ----- the command ----------------------------------------------------------------------------------


def test_the_command_says_why_a_file_stays(session, photos, capsys):
    in_place(session, photos)
    (photos / "a.png").write_bytes(b"edited")
    assert main(["undo", str(photos)]) == 1
    out, err = capsys.readouterr()
    assert out == "2 originals were put back.\n"
    assert "It was changed after the run" in err


def test_keep_originals_is_checked(session, photos):
    with pytest.raises(imgpar.UsageError, match="a number of days, or none"):
        in_place(session, photos, keep_originals="soon")


@posix
@pytest.mark.parametrize(
    "name", ["undo/originals.db", "undo/originals.db-journal", "undo/written", "journal.db", "journal.db-wal"]
)
def test_a_link_in_the_place_of_a_file_of_ours_is_refused(session, photos, tmp_path, name):
    """SQLite would follow it, and workers would write their notes there."""
    victim = tmp_path / "victim"
    victim.mkdir() if name.endswith("written") else victim.write_bytes(b"")
    (photos / ".imgpar/undo").mkdir(parents=True)
    (photos / ".imgpar" / name).symlink_to(victim)
    before = contents(photos)
    with pytest.raises(OutputError):
        in_place(session, photos)
    assert (victim.read_bytes() == b"") if victim.is_file() else (list(victim.iterdir()) == [])
    assert contents(photos) == before


@posix
def test_what_cannot_be_put_back_when_a_job_fails_is_said(photos):
    """The disk refuses the last step, and the user has changed the file by then."""

    def refuse(array):
        import imgpar.outputs.commit

        def no(folder):
            (Path(folder) / "a.png").write_bytes(b"newer")
            raise OSError(5, "Input/output error")

        imgpar.outputs.commit.sync_folder = no
        return array

    with imgpar.Session(jobs=1, memory="64M") as own:
        pipe = imgpar.Pipeline().resize("50%").apply(refuse)
        report = own.run(pipe, photos / "a.png", None, in_place=True)
    assert (photos / "a.png").read_bytes() == b"newer"
    assert any("was changed after a run that ended too early" in note for note in report.notes)


@posix
def test_two_names_of_one_file_are_both_converted(session, tmp_path):
    """Replacing one changes the status of the other, but not its content."""
    folder = testing.write_pictures(tmp_path / "photos", ["a.png"])
    for number in range(12):
        os.link(folder / "a.png", folder / f"{number}.png")
    report = in_place(session, folder)
    assert (report.ok, report.failed) == (13, 0)
    assert imgpar.undo(folder).ok == 13


def test_an_original_is_found_by_the_name_of_what_was_made_of_it(session, photos):
    in_place(session, photos, to="webp")
    assert imgpar.undo(photos / "a.webp").ok == 1
    assert sorted(contents(photos)) == ["a.png", "b.webp", "sub/c.webp"]


def test_in_place_the_name_of_another_input_is_not_taken(session, tmp_path):
    folder = testing.write_pictures(tmp_path / "photos", ["a.png"])
    testing.write_pictures(folder, ["a.webp"], size=(50, 40))
    report = in_place(session, folder, to="webp", on_exists="overwrite")
    assert width(folder / "a.webp") == 25
    assert all("use --in-place" not in item.error for item in report.items)
