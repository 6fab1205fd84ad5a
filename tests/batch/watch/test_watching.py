"""A watch that runs: what it takes, what it leaves, what it does when things are gone and back."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from watching import PATIENCE, Shelf, arrive, old, watching

import imgpar
from imgpar.batch.report_lines import state_folder
from imgpar.batch.watch.log import WatchLog
from imgpar.batch.watch.status import every_status
from imgpar.cli import main

pytest.importorskip("watchfiles")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="leases and signals of Linux")


@pytest.fixture
def inbox(photo_folder, tmp_path: Path) -> Path:
    """A folder with two pictures that rest."""
    folder = photo_folder("a.jpg", "b.jpg", under="in")
    for path in folder.iterdir():
        old(path)
    return folder


@pytest.fixture
def spare(photo_folder) -> Path:
    """Pictures that arrive later."""
    return photo_folder("1.jpg", "2.jpg", "3.jpg", under="spare")


def outputs(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*.png")}


def once(inputs: object, out: object, **settings: object) -> imgpar.Report:
    return imgpar.watch(inputs, out, **{"once": True, "jobs": 1, "settle": 0.2, "to": "png", **settings})


# ----- what is taken -------------------------------------------------------------------------------


def test_it_takes_what_is_there_and_then_what_comes(inbox: Path, spare: Path, tmp_path: Path, no_leaks):
    out = tmp_path / "out"
    with watching(inbox, out) as watch:
        assert watch.items(2) == {"a.jpg": "ok", "b.jpg": "ok"}
        arrive(spare / "1.jpg", inbox / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
        arrive(spare / "2.jpg", inbox / "new" / "deep" / "d.jpg")
        assert watch.item() == ("d.jpg", "ok")
        arrive(spare / "3.jpg", inbox / "a.jpg")
        assert watch.item() == ("a.jpg", "ok")
    assert outputs(out) == {"a.png", "b.png", "c.png", "new/deep/d.png"}
    assert watch.nothing_else() == []
    assert watch.report is not None
    assert (watch.report.ok, watch.report.failed) == (5, 0)


@pytest.mark.slow
@LINUX
def test_a_growing_file_is_taken_once_at_its_end(inbox: Path, spare: Path, tmp_path: Path):
    data = (spare / "1.jpg").read_bytes()
    with watching(inbox, tmp_path / "out") as watch:
        watch.items(2)
        with (inbox / "slow.jpg").open("wb") as file:
            file.write(data[:500])
            file.flush()
            old(inbox / "slow.jpg")  # it rests for longer than a file has to, and is open
            for name in ("x.jpg", "y.jpg"):
                arrive(spare / "2.jpg", inbox / name)
                assert watch.item() == (name, "ok")
            file.write(data[500:])
        assert watch.item() == ("slow.jpg", "ok")
    assert watch.nothing_else() == []


def test_a_broken_file_fails_once_until_it_changes(inbox: Path, spare: Path, tmp_path: Path):
    (inbox / "broken.jpg").write_bytes(b"no picture")
    old(inbox / "broken.jpg")
    with watching(inbox, tmp_path / "out") as watch:
        assert watch.items(3)["broken.jpg"] == "failed"
        arrive(spare / "1.jpg", inbox / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
        arrive(spare / "2.jpg", inbox / "broken.jpg")
        assert watch.item() == ("broken.jpg", "ok")


def test_a_failure_is_known_after_a_restart_and_retry_repeats_it(inbox: Path, tmp_path: Path):
    (inbox / "broken.jpg").write_bytes(b"no picture")
    old(inbox / "broken.jpg")
    out = tmp_path / "out"
    assert once(inbox, out).exit_code == 1
    again = once(inbox, out)
    assert (again.failed, again.exit_code) == (0, 0)
    assert imgpar.retry(out, jobs=1).failed == 1


def test_it_never_takes_its_own_outputs(inbox: Path, spare: Path):
    with watching(inbox, inbox / "out") as watch:
        watch.items(2)
        arrive(spare / "1.jpg", inbox / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
        arrive(spare / "2.jpg", inbox / "d.jpg")
        assert watch.item() == ("d.jpg", "ok")
    assert watch.nothing_else() == []
    assert outputs(inbox / "out") == {f"{name}.png" for name in "abcd"}


def test_in_place_it_recognises_what_it_made(inbox: Path, spare: Path):
    with watching(inbox, None, in_place=True, to=None, resize="32") as watch:
        watch.items(2)
        arrive(spare / "1.jpg", inbox / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
        arrive(spare / "2.jpg", inbox / "d.jpg")
        assert watch.item() == ("d.jpg", "ok")
    assert watch.nothing_else() == []


def test_inputs_may_lie_in_the_output_folder_and_below_a_hidden_one(photo_folder, tmp_path: Path):
    for place in (Path("all/new"), Path(".cache/new")):
        folder = photo_folder("a.jpg", under=str(place))
        old(folder / "a.jpg")
        out = tmp_path / place.parts[0]
        assert once(folder, out).ok == 1
        assert once(folder, out).skipped == 1
        assert outputs(out) == {"a.png"}


def test_names_that_depend_on_all_inputs(inbox: Path, spare: Path, tmp_path: Path):
    with watching(inbox, tmp_path / "out", name="{stem}-{width}.{ext}") as watch:
        watch.items(2)
        arrive(spare / "1.jpg", inbox / "sub" / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
    assert outputs(tmp_path / "out") == {"a-96.png", "b-96.png", "sub/c-96.png"}


def test_equal_stems_keep_what_is_published(inbox: Path, spare: Path, tmp_path: Path):
    with watching(inbox, tmp_path / "out", to="webp") as watch:
        watch.items(2)
        arrive(spare / "1.jpg", inbox / "a.jpeg")
        assert watch.item() == ("a.jpeg", "ok")
    assert {path.name for path in (tmp_path / "out").glob("*.webp")} == {"a.webp", "b.webp", "a.jpeg.webp"}


# ----- polling, lists, archives --------------------------------------------------------------------


@pytest.mark.slow
def test_polling_finds_the_same(inbox: Path, spare: Path, tmp_path: Path):
    with watching(inbox, tmp_path / "out", poll=0.2) as watch:
        assert watch.items(2) == {"a.jpg": "ok", "b.jpg": "ok"}
        arrive(spare / "1.jpg", inbox / "sub" / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
    assert watch.nothing_else() == []


def test_a_pattern_waits_for_its_first_file_and_for_the_next_one(spare: Path, tmp_path: Path):
    inputs, done, status = tmp_path / "new", tmp_path / "done", tmp_path / "status"
    inputs.mkdir()
    settings = {"poll": 0.1, "move_done": str(done), "status_file": str(status)}
    with watching(str(inputs / "*.jpg"), tmp_path / "out", **settings) as watch:
        for source in (spare / "1.jpg", spare / "2.jpg"):
            wait_until(lambda: status.exists() and json.loads(status.read_text())["state"] == "waiting")
            arrive(source, inputs / source.name)
            assert watch.item() == (source.name, "ok")
            wait_until((done / source.name).exists)
            turns = json.loads(status.read_text())["turns"]
            wait_until(lambda turns=turns: json.loads(status.read_text())["turns"] > turns + 1)


def test_an_archive_is_polled(inbox: Path, spare: Path, tmp_path: Path):
    archive = tmp_path / "in.zip"
    shutil.make_archive(str(archive)[:-4], "zip", inbox)
    with watching(archive, tmp_path / "out", poll=0.2) as watch:
        assert watch.items(2) == {"a.jpg": "ok", "b.jpg": "ok"}
        shutil.copy(spare / "1.jpg", inbox / "c.jpg")
        shutil.make_archive(str(tmp_path / "next"), "zip", inbox)
        os.replace(tmp_path / "next.zip", archive)
        assert watch.item() == ("c.jpg", "ok")


def test_outputs_may_go_into_an_archive(inbox: Path, spare: Path, tmp_path: Path):
    with watching(inbox, tmp_path / "out.zip") as watch:
        watch.items(2)
        watch.next("end")
        arrive(spare / "1.jpg", inbox / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
    import zipfile

    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert sorted(archive.namelist()) == ["a.png", "b.png", "c.png"]


# ----- gone and back -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_folder_that_is_gone_has_lost_nothing(inbox: Path, spare: Path, tmp_path: Path):
    out, aside = tmp_path / "out", tmp_path / "aside"
    with watching(inbox, out, on_delete="remove", log=str(tmp_path / "log")) as watch:
        watch.items(2)
        watch.next("end")
        inbox.rename(aside)
        wait_for_log(tmp_path / "log", "is not there")
        inbox.mkdir()  # as a mount point without its disk
        assert outputs(out) == {"a.png", "b.png"}
        inbox.rmdir()
        arrive(spare / "1.jpg", aside / "c.jpg")
        aside.rename(inbox)
        assert watch.item() == ("c.jpg", "ok")
    assert outputs(out) == {"a.png", "b.png", "c.png"}


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline


def wait_for_log(log: Path, words: str) -> None:
    wait_until(lambda: words in log.read_text())


def test_outputs_of_deleted_inputs_are_removed_on_request(inbox: Path, spare: Path, tmp_path: Path):
    out = tmp_path / "out"
    arrive(spare / "1.jpg", inbox / "sub" / "deep" / "c.jpg")
    arrive(spare / "2.jpg", inbox / "edited.jpg")
    with watching(inbox, out, on_delete="remove") as watch:
        watch.items(4)
        (out / "edited.png").write_bytes(b"changed by the user")
        (inbox / "edited.jpg").unlink()
        (inbox / "a.jpg").rename(inbox / "renamed.jpg")
        assert watch.item() == ("renamed.jpg", "ok")
        watch.until(lambda: outputs(out) == {"renamed.png", "b.png", "edited.png", "sub/deep/c.png"})
        shutil.rmtree(inbox / "sub")
        watch.until(lambda: outputs(out) == {"renamed.png", "b.png", "edited.png"})
    assert not (out / "sub").exists()


def test_outputs_stay_by_default(inbox: Path, spare: Path, tmp_path: Path):
    with watching(inbox, tmp_path / "out") as watch:
        watch.items(2)
        (inbox / "a.jpg").unlink()
        arrive(spare / "1.jpg", inbox / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
    assert outputs(tmp_path / "out") == {"a.png", "b.png", "c.png"}


# ----- inputs that leave ---------------------------------------------------------------------------


def test_done_inputs_are_moved(inbox: Path, spare: Path, tmp_path: Path):
    (inbox / "broken.jpg").write_bytes(b"no picture")
    old(inbox / "broken.jpg")
    done = inbox / "done"  # inside of the input
    arrive(spare / "3.jpg", done / "a.jpg")  # the name is taken
    arrive(spare / "2.jpg", inbox / "sub" / "c.jpg")
    old(inbox / "sub" / "c.jpg")
    once(inbox, tmp_path / "out", move_done=str(done))
    left = {path.relative_to(inbox).as_posix() for path in inbox.rglob("*.jpg")}
    assert left == {"broken.jpg", "done/a.jpg", "done/a-1.jpg", "done/b.jpg", "done/sub/c.jpg"}
    assert outputs(tmp_path / "out") == {"a.png", "b.png", "sub/c.png"}


def test_done_inputs_are_deleted_only_with_their_outputs(inbox: Path, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"of the user")  # so a.jpg is skipped
    once(inbox, out, delete_source=True)
    assert [path.name for path in inbox.iterdir()] == ["a.jpg"]
    assert (out / "a.png").read_bytes() == b"of the user"


def test_an_input_without_one_of_its_outputs_stays(inbox: Path, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.webp").write_bytes(b"of the user")
    for _ in range(2):
        once(inbox, out, delete_source=True, to=["png", "webp"])
        assert [path.name for path in inbox.iterdir()] == ["a.jpg"]
    assert outputs(out) == {"a.png", "b.png"}


def test_what_a_killed_watch_left_is_deleted_after_a_check(inbox: Path, tmp_path: Path):
    out = tmp_path / "out"
    once(inbox, out)
    good = (out / "a.png").read_bytes()
    (out / "b.png").write_bytes(good)  # the user's
    once(inbox, out, delete_source=True)
    assert {path.name for path in inbox.iterdir()} == {"b.jpg"}


def test_what_an_earlier_run_made_is_read_before_its_input_is_deleted(inbox: Path, tmp_path: Path):
    out = tmp_path / "out"
    once(inbox, out)
    with contextlib.closing(sqlite3.connect(out / ".imgpar" / "journal.db")) as database:
        (outputs_of_b,) = database.execute("SELECT outputs FROM items WHERE name = ?", (b"b.jpg",)).fetchone()
        (file,) = json.loads(outputs_of_b)
        file[-1] = "0" * 32  # as if a bit of the output had changed: its times tell nothing
        database.execute("UPDATE items SET outputs = ? WHERE name = ?", (json.dumps([file]), b"b.jpg"))
        database.commit()
    once(inbox, out, delete_source=True)
    assert {path.name for path in inbox.iterdir()} == {"b.jpg"}


def test_a_file_that_was_about_to_leave_is_put_back(inbox: Path, tmp_path: Path):
    out = tmp_path / "out"
    once(inbox, out)
    held = inbox / ".imgpar-leaving"  # of a watch that was killed
    held.mkdir()
    (inbox / "a.jpg").rename(held / "a.jpg")
    (held / "b.jpg").write_bytes(b"another file")
    once(inbox, out, delete_source=True)
    assert {path.name: path.read_bytes() for path in inbox.iterdir()} == {"b-1.jpg": b"another file"}


def test_a_file_that_was_about_to_leave_is_named_and_no_input(inbox: Path, tmp_path: Path, capsys):
    status, held = tmp_path / "status", inbox / "sub" / ".imgpar-leaving" / "c.jpg"
    once(inbox, tmp_path / "out", move_done=str(tmp_path / "done"), status_file=str(status))
    held.parent.mkdir(parents=True)
    held.write_bytes(b"of a watch that was killed")
    assert main(["watch", "--status", "--status-file", str(status)]) == 3
    assert f"held     {held}; put back when" in capsys.readouterr().out
    report = imgpar.convert(inbox, tmp_path / "out", jobs=1)
    assert report.total == 0
    assert report.notes[0].startswith(f"{held.parent} holds inputs that a watch was about to move")


def test_a_loss_keeps_the_source(photo_folder, tmp_path: Path):
    from PIL import Image

    folder = photo_folder("a.jpg", under="in")
    Image.new("RGBA", (40, 30), (255, 0, 0, 90)).save(folder / "alpha.png")
    old(folder / "a.jpg")
    old(folder / "alpha.png")
    report = once(folder, tmp_path / "out", delete_source=True, to="jpg", quality=80)
    assert report.failed == 1
    assert [path.name for path in folder.iterdir()] == ["alpha.png"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"move_done": "x", "delete_source": True}, "exclude each other"),
        ({"delete_source": True, "on_delete": "remove"}, "exclude each other"),
        ({"delete_source": True, "in_place": True}, "In place"),
        ({"on_delete": "remove", "in_place": True}, "In place"),
        ({"delete_source": True, "duplicates": "skip"}, "--duplicates"),
        ({"settle": "soon"}, "a time such as"),
        ({"move_done": "in"}, "lies in the folder for what is done"),
        ({"move_done": "."}, "lies in the folder for what is done"),
        ({"dry_run": True}, "does not accept dry_run"),
    ],
)
def test_what_would_lose_data_is_refused(inbox: Path, tmp_path: Path, settings, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = None if settings.get("in_place") else tmp_path / "out"
    with pytest.raises(imgpar.UsageError, match=words):
        once(inbox, out, **settings)
    assert not (tmp_path / "out").exists()
    assert len(list(inbox.iterdir())) == 2


def test_sources_in_memory_cannot_be_deleted(inbox: Path, tmp_path: Path):
    source = imgpar.MemorySource({"a.jpg": (inbox / "a.jpg").read_bytes()})
    with pytest.raises(imgpar.UsageError, match="files in folders"):
        once(source, tmp_path / "out", delete_source=True)
    with pytest.raises(imgpar.UsageError, match="lost with this process"):
        once(inbox, imgpar.MemorySink(), delete_source=True)


def test_inputs_that_are_in_shards_can_be_deleted(inbox: Path, tmp_path: Path):
    pytest.importorskip("pyarrow")
    count = len(list(inbox.iterdir()))
    once(inbox, tmp_path / "out", delete_source=True, shard=1000)
    assert list(inbox.iterdir()) == []
    with tarfile.open(tmp_path / "out" / "00000.tar") as shard:
        assert len([name for name in shard.getnames() if name.endswith(".png")]) == count


# ----- once, locks, bookkeeping --------------------------------------------------------------------


def test_once_leaves_what_is_not_whole(inbox: Path, spare: Path, tmp_path: Path):
    shutil.copyfile(spare / "1.jpg", inbox / "new.jpg")
    report = once(inbox, tmp_path / "out", settle=60, log=str(tmp_path / "log"))
    assert report.ok == 2
    assert "1 file is not settled yet" in (tmp_path / "log").read_text()
    again = once(inbox, tmp_path / "out", settle=60)
    assert (again.ok, again.skipped, again.exit_code) == (0, 2, 0)


def test_a_second_watch_is_refused_and_a_run_is_not(inbox: Path, tmp_path: Path):
    out = tmp_path / "out"
    with watching(inbox, out) as watch:
        watch.items(2)
        watch.next("end")
        with pytest.raises(imgpar.OutputLockedError, match="Another watch works on"):
            once(inbox, out)
        with contextlib.suppress(imgpar.OutputLockedError):  # a turn may be in progress
            assert imgpar.convert(inbox, out, to="png", jobs=1).skipped == 2
        (status,) = [one for one in every_status() if one["out"] == str(out)]
        assert status["running"]
        assert status["done"] == 2
    (status,) = [one for one in every_status() if one["out"] == str(out)]
    assert not status["running"]
    assert status["state"] == "stopped"


@pytest.mark.slow
def test_many_turns_leave_few_traces(inbox: Path, spare: Path, tmp_path: Path, monkeypatch):
    from imgpar.batch.journal import journal

    monkeypatch.setattr(journal, "KEEP_RUNS", 3)
    out = tmp_path / "out"
    runs = Path(state_folder()) / "runs"
    before = set(runs.iterdir()) if runs.exists() else set()
    with watching(inbox, out) as watch:
        watch.items(2)
        for number in range(6):
            arrive(spare / "1.jpg", inbox / f"{number}.jpg")
            watch.item()
    with contextlib.closing(sqlite3.connect(out / ".imgpar" / "journal.db")) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone()[0] <= 4
    assert len(set(runs.iterdir()) - before) <= 4  # of the last turns: lines and facts


def test_a_full_log_begins_anew(inbox: Path, tmp_path: Path):
    for name in "cdefgh":
        (inbox / f"{name}.jpg").write_bytes(b"no picture")
        old(inbox / f"{name}.jpg")
    once(inbox, tmp_path / "out", log=str(tmp_path / "log"), log_size=300, log_count=2)
    assert {path.name for path in tmp_path.glob("log*")} == {"log", "log.1", "log.2"}
    assert all(path.stat().st_size <= 300 for path in tmp_path.glob("log*"))


@pytest.mark.parametrize("empty", [True, False])
def test_a_log_that_logrotate_takes_away_is_opened_again(tmp_path: Path, empty):
    path = tmp_path / "logs" / "log"
    path.parent.mkdir()
    log = WatchLog(str(path), size=1000, count=1, quiet=True)
    log("info", "one")
    path.rename(tmp_path / "log.old")
    if empty:
        path.touch()  # logrotate with `create`
    log("info", "two")
    assert path.read_text().endswith("two\n")
    assert "two" not in (tmp_path / "log.old").read_text()
    path.parent.rename(tmp_path / "aside")
    log("info", "three")  # its folder is gone: no error
    (tmp_path / "aside").rename(path.parent)
    log("info", "four")
    log.close()
    assert [line.split()[-1] for line in path.read_text().splitlines()] == ["two", "four"]


def test_a_status_file_where_the_user_wants_it(inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(inbox.parent)
    once(Path(inbox.name), tmp_path / "out", status_file=str(tmp_path / "status.json"))
    record = json.loads((tmp_path / "status.json").read_text())
    assert (record["schema"], record["state"], record["done"]) == (1, "stopped", 2)
    assert (record["pid"], record["inputs"]) == (os.getpid(), str(inbox))


@pytest.mark.slow
def test_without_out_nothing_is_begun_anew(inbox: Path, spare: Path, tmp_path: Path):
    out, aside = tmp_path / "out", tmp_path / "aside"
    with watching(inbox, out, log=str(tmp_path / "log")) as watch:
        watch.items(2)
        watch.next("end")
        out.rename(aside)
        arrive(spare / "1.jpg", inbox / "c.jpg")
        wait_for_log(tmp_path / "log", "is its disk missing?")
        assert not out.exists()
        aside.rename(out)
        assert watch.item() == ("c.jpg", "ok")
    assert outputs(out) == {"a.png", "b.png", "c.png"}


def test_a_failure_of_the_disk_is_tried_again(inbox: Path, tmp_path: Path, monkeypatch):
    from imgpar.batch.watch import scope

    monkeypatch.setattr(scope, "FIRST_PAUSE", 0.2)
    (inbox / "c.jpg").symlink_to(tmp_path / "later.jpg")  # leads nowhere yet
    with watching(inbox, tmp_path / "out") as watch:
        assert watch.items(3) == {"a.jpg": "ok", "b.jpg": "ok", "c.jpg": "failed"}
        shutil.copyfile(inbox / "a.jpg", tmp_path / "whole.jpg")
        os.replace(tmp_path / "whole.jpg", tmp_path / "later.jpg")  # never half of it
        assert watch.item() == ("c.jpg", "ok")
    assert watch.nothing_else() == []


def test_any_source_is_polled(inbox: Path, spare: Path, tmp_path: Path):
    with watching(Shelf(str(inbox)), tmp_path / "out", poll=0.2) as watch:
        assert watch.items(2) == {"a.jpg": "ok", "b.jpg": "ok"}
        arrive(spare / "1.jpg", inbox / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
    assert outputs(tmp_path / "out") == {"a.png", "b.png", "c.png"}
    assert watch.nothing_else() == []


@pytest.mark.slow
def test_an_input_that_could_not_leave_is_tried_again(inbox: Path, spare: Path, tmp_path: Path, monkeypatch):
    from imgpar.batch.watch import watcher

    monkeypatch.setattr(watcher, "AGAIN", 0.5)
    done = tmp_path / "done"
    done.write_bytes(b"in the way of the folder")
    with watching(inbox, tmp_path / "out", move_done=str(done), log=str(tmp_path / "log")) as watch:
        watch.items(2)
        wait_for_log(tmp_path / "log", "stays:")
        done.unlink()
        arrive(spare / "1.jpg", inbox / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
        wait_until(lambda: {path.name for path in done.glob("*")} == {"a.jpg", "b.jpg", "c.jpg"})


@LINUX
def test_a_name_that_is_not_utf_8(inbox: Path, spare: Path, tmp_path: Path):
    with watching(inbox, tmp_path / "out") as watch:
        watch.items(2)
        shutil.copyfile(spare / "1.jpg", os.path.join(os.fsencode(inbox), b"\xff.jpg"))
        assert watch.item() == ("\udcff.jpg", "ok")
        arrive(spare / "2.jpg", inbox / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")


def test_a_system_that_reports_nothing_is_polled(inbox: Path, spare: Path, tmp_path: Path, monkeypatch):
    from imgpar.batch.watch import watcher

    monkeypatch.setattr(watcher, "ENDED", 0)
    monkeypatch.setattr(watcher, "POLL", 0.2)
    log = tmp_path / "log"
    with watching(inbox, tmp_path / "out", log=str(log)) as watch:
        watch.items(2)
        shutil.copyfile(spare / "1.jpg", os.path.join(os.fsencode(inbox), b"\xff.jpg"))
        wait_for_log(log, "so folders are polled")
        assert watch.item() == ("\udcff.jpg", "ok")
        arrive(spare / "2.jpg", inbox / "c.jpg")
        assert watch.item() == ("c.jpg", "ok")
