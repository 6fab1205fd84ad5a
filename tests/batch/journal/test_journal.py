"""The journal: what is done stays known, whatever happens to the process that did it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imgpar.batch.incremental import Unchanged
from imgpar.batch.journal.database import read_database
from imgpar.batch.journal.history import Paths
from imgpar.batch.journal.journal import Journal, journal_path
from imgpar.batch.report_lines import state_folder
from imgpar.core.digest import file_digest
from imgpar.core.errors import OutputError, OutputLockedError
from imgpar.core.job import Item, Job, Outcome, OutputFile, Target
from imgpar.inputs.batches import Batch
from imgpar.outputs.destination import Out
from imgpar.outputs.parts import PartTargets, finish
from imgpar.outputs.prior import PLANNED
from imgpar.outputs.write_ahead import WrittenLog


def place(tmp_path: Path) -> str:
    return str(tmp_path / "out/.imgpar/journal.db")


def opened(tmp_path: Path, **facts: Any) -> Journal:
    return Journal.open(place(tmp_path), str(tmp_path / "out"), **facts)


def job(tmp_path: Path, name: str = "a.jpg", number: int = 0, **facts: Any) -> Job:
    stem = name.rpartition(".")[0]
    item = Item(str(tmp_path / "in" / name), os.path.basename(name), 10, 20, 30, ctime_ns=40)
    return Job(number, (item,), (Target("webp", str(tmp_path / "out" / f"{stem}.webp")),), **facts)


def ok(work: Job, **facts: Any) -> Outcome:
    made = tuple(OutputFile(target.path, 5, 4, 3, 20) for target in work.targets)
    return Outcome(work.item.path, "ok", made, source_bytes=10, job=work.id, **{"digest": "d1", **facts})


def done(journal: Journal, tmp_path: Path) -> Any:
    return journal.done_in(str(tmp_path / "in"))


def test_what_was_recorded_is_known_in_the_next_run(tmp_path: Path) -> None:
    work = job(tmp_path)
    with opened(tmp_path) as journal:
        journal.begin("key")
        journal.planned([work])
        journal.record(ok(work), work)
        journal.finish({"ok": 1})
    with opened(tmp_path) as journal:
        (record,) = done(journal, tmp_path)[work.item.path]
    assert record[:7] == ("key", "ok", 10, 20, 40, 30, "d1")
    assert record.outputs == (OutputFile(str(tmp_path / "out/a.webp"), 5, 4, 3, 20),)
    assert record.claims == ()


def test_out_may_be_moved(tmp_path: Path) -> None:
    work = job(tmp_path)
    with opened(tmp_path) as journal:
        journal.begin("key")
        journal.record(ok(work), work)
    (tmp_path / "out").rename(tmp_path / "moved")
    with Journal.open(str(tmp_path / "moved/.imgpar/journal.db"), str(tmp_path / "moved")) as journal:
        (record,) = done(journal, tmp_path)[work.item.path]
    assert record.outputs[0][0] == str(tmp_path / "moved/a.webp")


def test_a_planned_name_is_claimed_before_anything_is_recorded(tmp_path: Path) -> None:
    work = job(tmp_path)
    first = opened(tmp_path)
    first.begin("key")
    first.planned([work])
    copy = read_database(str(place(tmp_path)))  # what a crash now would leave behind
    assert copy.execute("SELECT state FROM items").fetchall() == [("planned",)]
    copy.close()
    (record,) = done(first, tmp_path)[work.item.path]
    first.close()
    assert (record.state, record.outputs) == ("planned", ())
    assert record.claims == (OutputFile(str(tmp_path / "out/a.webp"), PLANNED, 0, 0, 20),)


def test_a_new_plan_remembers_the_output_of_the_old_one(tmp_path: Path) -> None:
    work = job(tmp_path)
    with opened(tmp_path) as journal:
        journal.begin("key")
        journal.record(ok(work), work)
        journal.begin("key")
        journal.planned([work])
        (record,) = done(journal, tmp_path)[work.item.path]
        assert [made.bytes for made in record.claims] == [PLANNED, 5]
        journal.record(Outcome(work.item.path, "failed", error="no", stage="decode", job=0), work)
        (record,) = done(journal, tmp_path)[work.item.path]
        # The name that was planned stays its own too: a job of several outputs may have written it.
        assert (record.state, record.outputs, [made[1] for made in record.claims]) == (
            "failed",
            (),
            [PLANNED, 5],
        )


def test_an_equal_digest_renews_the_time_and_keeps_the_rest(tmp_path: Path) -> None:
    work = job(tmp_path)
    item = Item(work.item.path, "a.jpg", 10, 99, 77, ctime_ns=88)
    touched = Job(0, (item,), work.targets, digest="d1")
    with opened(tmp_path) as journal:
        journal.begin("key")
        journal.record(ok(work), work)
        journal.begin("key")
        journal.planned([touched])
        journal.record(Outcome(work.item.path, "skipped", reason="unchanged", job=0), touched)
        (record,) = done(journal, tmp_path)[work.item.path]
        assert record[:7] == ("key", "ok", 10, 99, 88, 77, "d1")
        assert (len(record.outputs), record.claims) == (1, ())


def test_recipes_are_remembered_apart_the_newest_first(tmp_path: Path) -> None:
    work = job(tmp_path)
    with opened(tmp_path) as journal:
        for key in ("one", "two"):
            journal.begin(key)
            journal.record(ok(work), work)
        assert [record.recipe for record in done(journal, tmp_path)[work.item.path]] == ["two", "one"]


def test_a_batch_of_several_folders_is_looked_up_in_all(tmp_path: Path) -> None:
    works = [job(tmp_path, name, at) for at, name in enumerate(["x/a.jpg", "y/b.jpg"])]
    with opened(tmp_path) as journal:
        journal.begin("key")
        for work in works:
            journal.record(ok(work), work)
        found = journal.done(Batch("", "", [work.item for work in works]))
    assert set(found) == {work.item.path for work in works}


def test_lines_come_back_as_they_were_in_order_after_the_journal_is_closed(tmp_path: Path) -> None:
    works = [job(tmp_path, f"{at}.jpg", at) for at in range(1200)]
    with opened(tmp_path) as journal:
        journal.begin("key")
        for work in reversed(works[1:]):
            journal.record(ok(work, lost=("gps",), stages=(("decode", 0.5),), seconds=0.5), work)
        bad = Outcome(works[0].item.path, "failed", error="bad\udcff", stage="decode", traceback="T", job=0)
        journal.record(bad, works[0])
        lines = journal.outcomes()
    assert len(lines) == 1200
    assert [line.job for line in lines] == list(range(1200))
    assert lines[0] == bad
    assert lines[-1] == ok(works[-1], lost=("gps",), stages=(("decode", 0.5),), seconds=0.5)
    assert [line.job for line in lines.select("failed")] == [0]
    with pytest.raises(IndexError):
        lines[1200]


def unchanged(journal: Journal, work: Job) -> Unchanged:
    """What the planner makes of a folder in which one input needs no work."""
    folder = os.path.dirname(work.item.path)
    known = journal.recorded(Batch(folder, "", [work.item]), "key")
    return Unchanged([work.item], 0, work.id, list(known.rows.values()), known)


def test_unchanged_lines_show_the_outputs_that_are_there(tmp_path: Path) -> None:
    works = [job(tmp_path, name, number) for number, name in enumerate(("a.jpg", "b.jpg"))]
    with opened(tmp_path) as journal:
        journal.begin("key")
        journal.record(ok(works[0]), works[0])
        first = journal.outcomes()
        journal.begin("key")
        journal.record_unchanged(unchanged(journal, works[0]))
        journal.record(ok(works[1]), works[1])
        second = journal.outcomes()
        assert [line.status for line in first] == ["ok"]
        assert [line.source for line in second] == [work.item.path for work in works]
        assert (len(second), second[1].status) == (2, "ok")
        line = second[0]
        assert (line.reason, line.source_bytes, line.outputs) == ("unchanged", 10, ok(works[0]).outputs)


def test_a_line_of_an_unchanged_item_leaves_what_is_known_of_it(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.begin("key")
        journal.record(Outcome(str(tmp_path / "in/new.webp"), "skipped", reason="unchanged", job=0))
        assert [line.source for line in journal.outcomes()] == [str(tmp_path / "in/new.webp")]
        assert done(journal, tmp_path) == {}


def test_lines_lie_in_the_state_folder_for_the_user_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        uid = journal.begin("key")
        path = Path(state_folder(), "runs", f"{uid}.db")
        assert path.stat().st_mode & 0o077 == 0 or os.name == "nt"


def test_the_journal_names_no_place_outside_of_its_home(tmp_path: Path) -> None:
    work = job(tmp_path)
    bad = Outcome(work.item.path, "failed", error=f"{tmp_path} is bad", traceback=str(tmp_path), job=0)
    with opened(tmp_path) as journal:
        journal.begin("key")
        journal.planned([work])
        journal.record(ok(work), work)
        journal.record(bad, work)
    content = Path(place(tmp_path)).read_bytes()
    assert os.fsencode(tmp_path) not in content
    assert b"a.jpg" in content


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes like these")
def test_the_journal_is_the_users_alone_and_out_of_version_control(tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert Path(place(tmp_path)).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "out/.imgpar/.gitignore").read_text() == "*\n"


def test_failed_items_are_those_of_the_latest_recipe_not_done_since(tmp_path: Path) -> None:
    works = [job(tmp_path, f"{at}.jpg", at) for at in range(3)]
    with opened(tmp_path) as journal:
        uid = journal.begin("key", recipe="[output]")
        for work in works:
            journal.record(Outcome(work.item.path, "failed", error="no", job=work.id), work)
        journal.record(ok(works[1]), works[1])
    with opened(tmp_path) as journal:
        batch = Batch(str(tmp_path / "in"), "", [work.item for work in works])
        assert journal.failed_in(batch) == {works[0].item.path, works[2].item.path}
        assert journal.count_failed() == 2
        last = journal.last_run()
        assert last is not None
        assert (last.recipe, last.uid, last.finished) == ("[output]", uid, None)


def test_a_run_that_did_not_end_is_noticed(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        assert not journal.unfinished
        journal.begin("key")
    with opened(tmp_path) as journal:
        assert journal.unfinished
        journal.begin("key")
        journal.finish({"ok": 0})
    with opened(tmp_path) as journal:
        assert not journal.unfinished


HOLD = """
import sys
from imgpar.batch.journal.journal import Journal
journal = Journal.open(sys.argv[1], sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_run_is_told_who_holds_out_and_death_frees_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, place(tmp_path), str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline().strip() == b"held"
        with pytest.raises(OutputLockedError, match=str(holder.pid)) as caught:
            opened(tmp_path)
        assert caught.value.exit_code == 4
        holder.kill()
    opened(tmp_path).close()


def test_a_shared_journal_is_open_to_several_runs(tmp_path: Path) -> None:
    one, two = (Journal.open(place(tmp_path), lock=False) for _ in range(2))
    works = job(tmp_path, "a.jpg"), job(tmp_path, "b.jpg")
    assert one.begin("k1") != two.begin("k2")
    one.record(ok(works[0]), works[0])
    two.record(ok(works[1]), works[1])
    one.close()
    two.close()
    assert [line.source for line in two.outcomes()] == [works[1].item.path]
    with Journal.open(place(tmp_path), lock=False) as journal:
        (record,) = done(journal, tmp_path)[works[0].item.path]
        assert record.outputs[0][0] == works[0].targets[0].path


@pytest.mark.parametrize("damage", [b"this is no database " * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_journal_is_set_aside_with_one_note(tmp_path: Path, damage: bytes) -> None:
    path = Path(place(tmp_path))
    path.parent.mkdir(parents=True)
    for number in (1, 2):
        path.write_bytes(damage)
        with opened(tmp_path) as journal:
            assert len(journal.notes) == 1
            assert f"broken-{number}" in journal.notes[0]
            journal.begin("key")
            assert journal.run == 1
        assert (path.parent / f"journal.db.broken-{number}").read_bytes() == damage


def test_a_journal_of_a_newer_version_is_refused_and_kept(tmp_path: Path) -> None:
    opened(tmp_path).close()
    database = sqlite3.connect(place(tmp_path))
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(OutputError, match="newer"):
        opened(tmp_path)


def test_out_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(OutputError, match="--journal"):
        opened(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
def test_any_path_survives(tmp_path: Path) -> None:
    base = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    source = os.path.join(base, "in\udcff", "a\n\udcfe.jpg")
    target = Target("webp", os.path.join(base, "a\udcfe.webp"))
    work = Job(0, (Item(source, "a", 1, 2, 3),), (target,))
    with Journal.open(os.path.join(base, ".imgpar", "journal.db"), base) as journal:
        journal.begin("key")
        journal.planned([work])
        journal.record(ok(work), work)
        (record,) = journal.done_in(os.path.dirname(source))[source]
        assert record.outputs[0][0] == target.path
        assert journal.outcomes()[0].source == source


def test_the_journal_is_where_the_user_says_in_out_or_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_STATE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    folder = str(tmp_path / "out")
    assert journal_path(Out(folder), str(tmp_path / "mine.db")) == str(tmp_path / "mine.db")
    assert journal_path(Out(folder)) == os.path.join(folder, ".imgpar", "journal.db")
    assert journal_path(Out(folder, "a.webp")) == os.path.join(state_folder(), "journal.db")
    assert state_folder().startswith(str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        *('[["a.webp", "5", 1, 1, 1]]', '[["a.webp", 5, 1.5, 1, 1]]', '[["a", true]]', "[[5, 5]]"),
        *('[["../a", 5]]', '[["/a", 5]]', '[["b/../../a", 5]]', '[["a\\u0000", 5]]', "[7]", "not JSON"),
    ],
)
def test_outputs_that_imgpar_did_not_write_are_not_read(tmp_path: Path, text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        Paths(str(tmp_path)).unpack(text)


def test_outputs_come_back_below_the_folder(tmp_path: Path) -> None:
    file = OutputFile(str(tmp_path / "sub/a.webp"), 5, 4, 3, 20, 30, 40, "digest")
    paths = Paths(str(tmp_path))
    assert paths.unpack(paths.pack([file])) == (file,)
    assert str(tmp_path) not in paths.pack([file])


# ----- split outputs after a kill ---------------------------------------------------------------------


def frames_job(tmp_path: Path) -> Job:
    work = job(tmp_path)
    target = Target("webp", work.targets[0].path, split="frames")
    return work._replace(targets=(target,))


def write_frames(journal: Journal, tmp_path: Path, *numbers: int, complete: bool) -> None:
    """What a worker that was killed has written."""
    log = WrittenLog(journal.written, journal.uid, journal.base)
    target = frames_job(tmp_path).targets[0]
    for number in numbers:
        path = PartTargets(target).target(number).path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_bytes(b"frame")
        log.note(OutputFile(path, 5, digest=file_digest(path)))
    if complete:
        files = [OutputFile(PartTargets(target).target(number).path, 5) for number in numbers]
        finish([target], files, log.note)
    log.close()


@pytest.mark.parametrize("complete", [True, False])
def test_frames_are_done_when_all_were_written(tmp_path: Path, complete: bool) -> None:
    work = frames_job(tmp_path)
    with opened(tmp_path) as journal:
        journal.begin("key")
        journal.planned([work])
        write_frames(journal, tmp_path, 0, 10, complete=complete)
    with opened(tmp_path) as journal:
        journal.recover()
        (record,) = done(journal, tmp_path)[work.item.path]
    assert record.state == ("ok" if complete else "planned")
    files = record.outputs if complete else [file for file in record.claims if file.bytes != PLANNED]
    assert [os.path.basename(file.path) for file in files] == ["a-000000.webp", "a-000010.webp"]


def test_frames_of_two_runs_that_were_killed_are_ours(tmp_path: Path) -> None:
    work = frames_job(tmp_path)
    for numbers in ((0, 10), (0,)):
        with opened(tmp_path) as journal:
            journal.recover()
            journal.begin("key")
            journal.planned([work])
            write_frames(journal, tmp_path, *numbers, complete=False)
    with opened(tmp_path) as journal:
        journal.recover()
        (record,) = done(journal, tmp_path)[work.item.path]
    owned = {os.path.basename(file.path) for file in record.claims if file.bytes != PLANNED}
    assert (record.state, owned) == ("planned", {"a-000000.webp", "a-000010.webp"})


def test_files_of_other_settings_do_not_complete_an_item(tmp_path: Path) -> None:
    """The second run was killed before it wrote anything; the files are those of the first."""
    work = frames_job(tmp_path)
    with opened(tmp_path) as journal:
        journal.begin("first")
        journal.planned([work])
        write_frames(journal, tmp_path, 0, 10, complete=True)
    with opened(tmp_path) as journal:
        journal.recover()
        journal.begin("second")
        journal.planned([work])
    with opened(tmp_path) as journal:
        journal.recover()
        records = done(journal, tmp_path)[work.item.path]
    assert {record.recipe: record.state for record in records} == {"first": "ok", "second": "planned"}
