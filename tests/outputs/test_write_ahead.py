"""Notes of what is put in place: they outlive a kill, and stay small."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgpar.core.job import OutputFile
from imgpar.outputs import write_ahead
from imgpar.outputs.write_ahead import WrittenLog, read_written, remove_written


def note(folder: Path, names: list[str], run: str = "run", base: str = "/out") -> WrittenLog:
    log = WrittenLog(str(folder), run, base)
    for number, name in enumerate(names):
        log.note(OutputFile(f"/out/{name}", number, 4, 3, 20, 30, 40, "digest"))
    return log


def test_a_note_comes_back_without_the_time_of_the_change(tmp_path: Path) -> None:
    note(tmp_path / "w", ["sub/a.webp"]).close()
    assert read_written(str(tmp_path / "w"), "/out") == {
        "/out/sub/a.webp": [OutputFile("/out/sub/a.webp", 0, 4, 3, 20, 0, 40, "digest")]
    }


def test_the_folder_may_have_moved(tmp_path: Path) -> None:
    note(tmp_path / "w", ["a.webp"]).close()
    assert list(read_written(str(tmp_path / "w"), "/elsewhere")) == ["/elsewhere/a.webp"]


def test_names_that_are_no_text_come_back(tmp_path: Path) -> None:
    note(tmp_path / "w", ["a\n\udcff.webp"]).close()
    assert list(read_written(str(tmp_path / "w"), "/out")) == ["/out/a\n\udcff.webp"]


def test_paths_that_lead_outside_are_left_out(tmp_path: Path) -> None:
    note(tmp_path / "w", ["../victim", "a.webp"]).close()
    note(tmp_path / "w", ["b.webp"], base="").close()
    assert list(read_written(str(tmp_path / "w"), "/out")) == ["/out/a.webp"]


@pytest.mark.parametrize("line", [b"half of a li", b"[]", b"{}", b'["zz", 1]', b'["61", 1, 2]', b"\xff"])
def test_a_line_that_is_no_note_is_left_out(tmp_path: Path, line: bytes) -> None:
    note(tmp_path / "w", ["a.webp"]).close()
    (path,) = (tmp_path / "w").iterdir()
    path.write_bytes(line + b"\n" + path.read_bytes() + line)
    assert list(read_written(str(tmp_path / "w"), "/out")) == ["/out/a.webp"]


def test_one_run_can_be_asked_for(tmp_path: Path) -> None:
    logs = [note(tmp_path / "w", [f"{run}.webp"], run) for run in ("one", "two")]
    assert list(read_written(str(tmp_path / "w"), "/out", "two")) == ["/out/two.webp"]
    assert len(logs) == 2


def test_two_files_take_turns_and_the_latest_notes_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_ahead, "LINES", 10)
    log = WrittenLog(str(tmp_path / "w"), "run", "/out")
    for number in range(35):
        log.turn()
        log.note(OutputFile(f"/out/{number}.webp", number))
    log.close()
    assert len(list((tmp_path / "w").iterdir())) == 2
    found = read_written(str(tmp_path / "w"), "/out")
    assert {f"/out/{number}.webp" for number in range(25, 35)} <= set(found)
    assert len(found) == 15


def test_all_notes_of_one_task_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_ahead, "LINES", 10)
    note(tmp_path / "w", [f"{number}.webp" for number in range(35)]).close()
    assert len(read_written(str(tmp_path / "w"), "/out")) == 35


def test_notes_of_living_processes_of_other_runs_stay(tmp_path: Path) -> None:
    mine, living = note(tmp_path / "w", ["a.webp"], "mine"), note(tmp_path / "w", ["b.webp"], "living")
    note(tmp_path / "w", ["c.webp"], "dead").close()
    remove_written(str(tmp_path / "w"), "mine")
    assert list(read_written(str(tmp_path / "w"), "/out")) == ["/out/b.webp"]
    for log in (mine, living):
        log.close()
    remove_written(str(tmp_path / "w"), "")
    assert not (tmp_path / "w").exists()


def test_without_a_base_paths_are_whole(tmp_path: Path) -> None:
    note(tmp_path / "w", ["a.webp"], base="").close()
    assert list(read_written(str(tmp_path / "w"), "")) == ["/out/a.webp"]


def test_a_link_in_the_place_of_the_folder_is_not_read(tmp_path: Path) -> None:
    note(tmp_path / "w", ["a.webp"]).close()
    (tmp_path / "link").symlink_to(tmp_path / "w")
    assert read_written(str(tmp_path / "link"), "/out") == {}
