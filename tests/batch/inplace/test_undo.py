"""In place: originals are replaced, recognised, kept, put back, forgotten; and whole at any moment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.api import functions, retry
from imgpar.api.pipeline import Pipeline
from imgpar.batch.journal.journal import Journal
from imgpar.cli import main
from imgpar.core.errors import UsageError

posix = pytest.mark.skipif(os.name == "nt", reason="there are no such signals, modes or links there")


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = testing.write_pictures(tmp_path / "photos", ["a.png", "b.png", "sub/c.png"])
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        path.chmod(0o640)
        os.utime(path, ns=(10**18 + number, 10**18 + number))
    return folder


def in_place(session, folder, **settings):
    return imgpar.convert(folder, None, in_place=True, session=session, **{"resize": "50%", **settings})


def facts(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Bytes, time and mode of every file that is the user's."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".imgpar") for part in path.parts)
    }


def width(path: Path) -> int:
    with Image.open(path) as image:
        return image.width


def kept(folder: Path) -> list[Path]:
    runs = [path for path in (folder / ".imgpar/undo").iterdir() if path.is_dir() and path.name != "written"]
    return [path for run in runs for path in run.rglob("*") if path.is_file()]


def test_files_are_replaced(session, photos):
    assert in_place(session, photos).ok == 3
    assert {width(path) for path in photos.rglob("*.png") if ".imgpar" not in path.parts} == {48}


def test_undo_gives_back_bytes_time_and_mode(session, photos):
    before = facts(photos)
    in_place(session, photos)
    assert facts(photos) != before
    assert functions.undo(photos).ok == 3
    assert facts(photos) == before


def test_undo_removes_what_took_another_name(session, photos):
    before = facts(photos)
    in_place(session, photos, to="webp")
    assert set(facts(photos)) == {"a.webp", "b.webp", "sub/c.webp"}
    functions.undo(photos)
    assert facts(photos) == before


def test_a_second_run_recognises_its_own_output(session, photos):
    in_place(session, photos)
    after = facts(photos)
    report = in_place(session, photos)
    assert (report.ok, dict(report.reasons)) == (0, {"unchanged": 3})
    assert facts(photos) == after


def test_a_run_on_a_folder_inside_recognises_it_too(session, photos):
    in_place(session, photos)
    assert in_place(session, photos / "sub").ok == 0


@pytest.mark.parametrize("formats", [None, "webp"])
def test_a_run_on_the_folder_above_recognises_it_too(session, photos, formats):
    in_place(session, photos / "sub", to=formats)
    assert in_place(session, photos, to=formats).ok == 2
    assert in_place(session, photos / "sub", to=formats).ok == 0


def test_what_a_run_above_made_is_recognised_inside(session, photos):
    in_place(session, photos / "sub")
    in_place(session, photos)
    testing.write_pictures(photos / "sub", ["new.png"], size=(96, 64))
    assert in_place(session, photos).ok == 1
    assert in_place(session, photos / "sub").ok == 0
    assert width(photos / "sub/new.png") == 48


def test_a_dry_run_above_knows_it_too(session, photos, capsys):
    in_place(session, photos / "sub")
    main(["convert", str(photos), "--in-place", "--resize", "50%", "-n"])
    assert capsys.readouterr().out.count("unchanged") == 1


def test_a_run_inside_keeps_others_out_of_its_folder(session, photos):
    in_place(session, photos / "sub")
    inside = str(photos / "sub")
    with Journal.open(f"{inside}/.imgpar/journal.db", inside), pytest.raises(imgpar.OutputLockedError):
        in_place(session, photos)


def test_a_run_after_undo_does_it_again(session, photos):
    in_place(session, photos)
    functions.undo(photos)
    assert in_place(session, photos).ok == 3
    assert width(photos / "a.png") == 48


def test_a_run_that_replaces_nothing_keeps_the_originals(session, photos):
    before = facts(photos)
    in_place(session, photos)
    in_place(session, photos)
    functions.undo(photos)
    assert facts(photos) == before


def test_the_next_run_that_replaces_something_keeps_the_first_originals(session, photos):
    before = facts(photos)
    in_place(session, photos)
    in_place(session, photos, resize="20")
    assert len(kept(photos)) == 3
    functions.undo(photos)
    assert facts(photos) == before


def test_undo_of_a_folder_inside_leaves_the_others(session, photos):
    in_place(session, photos)
    functions.undo(photos / "sub")
    assert (width(photos / "sub/c.png"), width(photos / "a.png")) == (96, 48)


def test_what_was_changed_since_is_left_alone(session, photos):
    in_place(session, photos)
    Image.new("RGB", (7, 7)).save(photos / "a.png")
    report = functions.undo(photos)
    assert (report.ok, report.failed, width(photos / "a.png")) == (2, 1, 7)
    assert "changed after the run" in report.failures[0].error
    assert [path.name for path in kept(photos)] == ["a.png"]


def test_what_was_deleted_since_comes_back(session, photos):
    in_place(session, photos)
    (photos / "a.png").unlink()
    assert functions.undo(photos).ok == 3
    assert width(photos / "a.png") == 96


def test_forget_frees_the_space_and_changes_nothing(session, photos):
    in_place(session, photos)
    after = facts(photos)
    assert functions.undo(photos, forget=True).ok == 3
    assert (facts(photos), kept(photos)) == (after, [])
    assert in_place(session, photos).ok == 0


def test_undo_twice_is_harmless(session, photos):
    before = facts(photos)
    in_place(session, photos)
    functions.undo(photos)
    assert functions.undo(photos).total == 0
    assert facts(photos) == before


def test_where_nothing_was_replaced_undo_says_so(tmp_path):
    with pytest.raises(UsageError, match="No run replaced anything"):
        functions.undo(tmp_path)


def test_the_command_says_what_it_did(session, photos, capsys):
    in_place(session, photos)
    assert main(["undo", str(photos)]) == 0
    assert capsys.readouterr().out == "3 originals were put back.\n"
    assert main(["undo", str(photos)]) == 3
    assert main(["undo", str(photos), "--forget"]) == 3
    assert capsys.readouterr().out == "There was nothing to put back.\nThere was nothing to forget.\n"


def test_the_command_puts_back_one_by_its_name(session, photos, capsys):
    in_place(session, photos)
    assert main(["undo", str(photos / "a.png")]) == 0
    assert capsys.readouterr().out == "1 original was put back.\n"


def test_python_needs_no_out_in_place(session, photos):
    assert imgpar.convert(photos, in_place=True, resize="50%", session=session).ok == 3
    assert "became" not in functions.undo(photos).summary()


def test_originals_of_earlier_runs_stay_where_none_are_to_be_kept(session, photos):
    before = facts(photos)
    in_place(session, photos)
    in_place(session, photos, resize="25%", keep_originals="none")
    assert functions.undo(photos).ok == 3
    assert facts(photos) == before


def test_the_command_forgets(session, photos, capsys):
    in_place(session, photos)
    assert main(["undo", "--forget", str(photos)]) == 0
    assert capsys.readouterr().out.startswith("3 originals were forgotten (")


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_an_output_that_cannot_be_made_leaves_the_original(session, tmp_path, schedule):
    """GIF holds this size, WebP does not: both or none."""
    folder = testing.write_pictures(tmp_path / "photos", ["a.png"], size=(17000, 2))
    before = facts(folder)
    report = in_place(session, folder, resize="100%", blur=1, to=["gif", "webp"], schedule=schedule)
    assert report.failed == 1
    assert facts(folder) == before


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_several_formats_take_the_place_of_one(session, photos, schedule):
    before = facts(photos)
    assert in_place(session, photos, to=["jpg", "webp"], schedule=schedule).ok == 3
    assert set(facts(photos)) == {
        f"{name}.{suffix}" for name in ("a", "b", "sub/c") for suffix in ("jpg", "webp")
    }
    functions.undo(photos)
    assert facts(photos) == before


@posix
def test_a_link_stays_and_what_it_leads_to_is_left_alone(session, photos, tmp_path):
    real = testing.write_pictures(tmp_path / "elsewhere", ["real.png"]) / "real.png"
    (photos / "link.png").symlink_to("../elsewhere/real.png")
    report = in_place(session, photos)
    assert dict(report.reasons) == {"link": 1}
    assert os.readlink(photos / "link.png") == "../elsewhere/real.png"
    assert width(real) == 96


@posix
def test_a_link_that_is_named_means_its_file(session, photos, tmp_path):
    (tmp_path / "link.png").symlink_to("photos/a.png")
    assert in_place(session, tmp_path / "link.png").ok == 1
    assert (tmp_path / "link.png").is_symlink()
    assert width(photos / "a.png") == 48
    assert functions.undo(photos).ok == 1
    assert width(photos / "a.png") == 96


def test_retry_goes_on_in_place(session, photos):
    good = (photos / "a.png").read_bytes()
    (photos / "a.png").write_bytes(good[:200])
    assert in_place(session, photos).failed == 1
    (photos / "a.png").write_bytes(good)
    assert retry.retry(str(photos), session=session).ok == 1
    assert width(photos / "a.png") == 48


# ----- killed ---------------------------------------------------------------------------------------


RUN = """
import sys
from imgpar import testing
from imgpar.api.pipeline import Pipeline
die = testing.die_at(int(sys.argv[2]), sys.argv[3], group=True)
Pipeline().resize("50%").apply(die).run(sys.argv[1], None, in_place=True, jobs=1, to=sys.argv[4].split())
"""


@posix
@pytest.mark.slow
@pytest.mark.parametrize("formats", ["png", "png webp"])
def test_a_power_cut_at_any_line_of_a_commit(tmp_path, session, formats):
    """Everything dies at once; then the same run again, and undo."""
    struck = 0
    for step in range(3, 130, 16):
        folder, marker = testing.write_pictures(tmp_path / str(step), ["a.png"]), tmp_path / f"{step}.marker"
        before = facts(folder)
        command = [sys.executable, "-c", RUN, str(folder), str(step), str(marker), formats]
        code = subprocess.run(command, start_new_session=True, check=False).returncode
        struck += code == -signal.SIGKILL
        for name in facts(folder):
            assert width(folder / name) in (96, 48)
        pipe = Pipeline().resize("50%").apply(testing.die_at(step, str(marker)))
        report = pipe.run(folder, None, in_place=True, session=session, to=formats.split())
        assert report.failed == 0
        assert {name: width(folder / name) for name in facts(folder)} == {
            f"a.{suffix}": 48 for suffix in formats.split()
        }
        functions.undo(folder)
        assert facts(folder) == before
        shutil.rmtree(folder)
    assert struck > 2


def die_after_replacing(array):
    """Let this worker be killed as soon as an original was replaced, before it can say so."""
    import imgpar.outputs.commit

    imgpar.outputs.commit.sync_folder = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    return array


@posix
@pytest.mark.parametrize("formats", ["", "webp"])
def test_what_was_replaced_by_a_worker_that_died_is_done(photos, formats):
    """The next attempt finds the notes of the one that died, and does not convert its output again."""
    before = facts(photos)
    with imgpar.Session(jobs=1, memory="64M") as own:
        pipe = Pipeline().resize("50%").apply(die_after_replacing)
        settings = {"to": formats} if formats else {}
        report = own.run(pipe, photos / "a.png", None, in_place=True, **settings)
    assert report.ok == 1
    assert width(photos / f"a.{formats or 'png'}") == 48
    assert (photos / "a.png").exists() == (not formats)
    assert functions.undo(photos).ok == 1
    assert facts(photos) == before


@posix
def test_what_was_replaced_and_then_failed_comes_back(photos):
    """The disk says no when it is told to keep the new name."""

    def refuse(array):
        import imgpar.outputs.commit

        def no(_):
            raise OSError(5, "Input/output error")

        imgpar.outputs.commit.sync_folder = no
        return array

    before = facts(photos)
    with imgpar.Session(jobs=1, memory="64M") as own:
        report = own.run(Pipeline().resize("50%").apply(refuse), photos, None, in_place=True)
    assert (report.ok, report.failed) == (0, 3)
    assert facts(photos) == before
    assert kept(photos) == []
