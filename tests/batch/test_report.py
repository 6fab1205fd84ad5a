"""The report: counts, exit codes, JSON for programs and a few lines for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imgpar.batch.journal.journal import Journal
from imgpar.batch.report import SHOWN, Report, Tally, item_json
from imgpar.core import errors
from imgpar.core.errors import OutputError
from imgpar.core.job import Item, Job, Outcome, OutputFile

OK = Outcome(
    "/in/a.jpg", "ok", (OutputFile("/out/a.webp", 50, 4, 3),), source_bytes=100, lost=("gps",), job=0
)
SKIPPED = Outcome("/in/b.jpg", "skipped", reason="unchanged", job=1)
FAILED = Outcome("/in/c\udcff.jpg", "failed", error="It is damaged.", stage="decode", job=2)


def report(*outcomes: Outcome, **facts: Any) -> Report:
    tally = Tally()
    for outcome in outcomes:
        tally.add(outcome)
    return tally.report(outcomes, **{"out": "/out", **facts})


def test_outcomes_are_counted() -> None:
    made = report(OK, SKIPPED, FAILED)
    assert (made.ok, made.skipped, made.failed, made.total) == (1, 1, 1, 3)
    assert (made.bytes_in, made.bytes_out) == (100, 50)
    assert (made.reasons, made.lost) == ({"unchanged": 1}, {"gps": 1})


@pytest.mark.parametrize(
    ("outcomes", "cancelled", "code"),
    [
        ((OK, SKIPPED), False, 0),
        ((SKIPPED,), False, 0),
        ((OK, FAILED), False, 1),
        ((), False, 3),
        ((OK,), True, 130),
    ],
)
def test_the_exit_code_says_how_it_went(outcomes: tuple[Outcome, ...], cancelled: bool, code: int) -> None:
    assert report(*outcomes, cancelled=cancelled).exit_code == code


def test_a_slow_run_is_counted_by_the_minute() -> None:
    assert report(OK, seconds=20.0).summary().splitlines()[0].endswith(" in 20.0 s, 3.0 a minute.")


def test_the_summary_names_failures_losses_and_what_to_do() -> None:
    failed = FAILED._replace(kind="CommitError")
    text = report(OK, SKIPPED, failed, seconds=2.0, left_out={".txt": 3}, can_retry=True).summary()
    assert text.splitlines()[0] == "Done: 1 ok, 1 skipped (1 unchanged), 1 failed in 2.0 s, 0.5 a second."
    for part in ("gps (1)", "/in/c\\xff.jpg: It is damaged.", "imgpar retry /out", "Left out: 3 .txt."):
        assert part in text
    text.encode()


def test_the_summary_stays_short() -> None:
    text = report(*[FAILED] * 100).summary()
    assert f"{100 - SHOWN} more" in text
    assert len(text.splitlines()) < 12


def test_the_json_report_holds_every_line(tmp_path: Path) -> None:
    report(OK, SKIPPED, FAILED, notes=("x\udcff",)).write_json(tmp_path / "report.json")
    written = json.loads((tmp_path / "report.json").read_text())
    assert (written["schema"], written["ok"], written["exit_code"]) == (1, 1, 1)
    assert [line["status"] for line in written["items"]] == ["ok", "skipped", "failed"]
    assert written["items"][0]["outputs"] == [{"path": "/out/a.webp", "bytes": 50, "width": 4, "height": 3}]
    assert written["items"][2]["source"] == "/in/c\\xff.jpg"
    assert bytes.fromhex(written["items"][2]["source_hex"]) == b"/in/c\xff.jpg"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_an_empty_report_is_json_too(tmp_path: Path) -> None:
    report().write_json(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["items"] == []


def test_a_report_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="report"):
        report(OK).write_json(tmp_path / "gone" / "report.json")


def test_a_json_line_holds_only_what_there_is_to_say() -> None:
    assert set(item_json(SKIPPED)) == {"source", "status", "outputs", "seconds", "bytes", "reason"}


def test_the_lines_may_come_from_a_journal_that_is_closed(tmp_path: Path) -> None:
    tally = Tally()
    with Journal.open(str(tmp_path / ".imgpar/journal.db"), str(tmp_path)) as journal:
        journal.begin("key")
        for number in range(3):
            work = Job(number, (Item(str(tmp_path / f"{number}.jpg"), "", 1, 1),))
            outcome = Outcome(work.item.path, "ok", job=number)
            tally.add(outcome)
            journal.record(outcome, work)
        lines = journal.outcomes()
    made = tally.report(lines, out=str(tmp_path))
    made.write_json(tmp_path / "report.json")
    assert len(made.items) == made.ok == 3
    written = json.loads((tmp_path / "report.json").read_text())["items"]
    assert [line["source"] for line in written] == [str(tmp_path / f"{number}.jpg") for number in range(3)]


PASSING = {
    *(
        "SourceError",
        "TryAgainError",
        "NoConnectionError",
        "CommitError",
        "WorkerDiedError",
        "MissingExtraError",
    ),
    *("HelperKilledError", "SetupError", "CancelledError", "ClosedOutputError"),
    *("OutOfMemoryError", "RunError", "OutputLockedError", "OutputError", "DiskFullError", "ArenaError"),
}


def test_what_may_go_better_a_second_time_is_told_by_the_kind_of_error() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert {name for name in kinds if errors.may_pass(name)} == PASSING


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["WorkerDiedError", "CommitError"], "Run these again: imgpar retry /out"),
        (["WorkerDiedError", "DamagedError"], "1 of them may go better a second time: imgpar retry /out"),
    ],
)
def test_a_retry_is_advised_for_those_that_it_may_help(kinds: list[str], words: str) -> None:
    made = report(*[FAILED._replace(kind=kind) for kind in kinds], can_retry=True)
    assert made.summary().splitlines()[-1] == words
