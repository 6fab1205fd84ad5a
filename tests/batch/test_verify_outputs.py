"""`imgpar verify` and `--verify` name outputs that are no longer what imgpar wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import imgpar
from imgpar import testing
from imgpar.cli import main


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture
def out(session, tmp_path: Path) -> Path:
    pictures = testing.write_pictures(tmp_path / "in", ["a.png", "b.png", "sub/c.png"])
    imgpar.convert(pictures, tmp_path / "out", to="webp", session=session)
    return tmp_path / "out"


def damage(path: Path) -> None:
    """What a bad disk does: other bytes, and no trace in what the system says of the file."""
    status, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES = {
    "edited": lambda path: path.write_bytes(b"other"),
    "damaged": damage,
    "removed": Path.unlink,
    "replaced by a link": lambda path: (path.rename(path.with_suffix(".old")), path.symlink_to("a.old")),
}


def test_what_nobody_touched_is_ok(out):
    report = imgpar.verify(out)
    assert (report.ok, report.failed, report.exit_code) == (3, 0, 0)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.skipif(os.name == "nt", reason="links")
def test_what_was_changed_is_named(out, change):
    change(out / "a.webp")
    report = imgpar.verify(out)
    assert (report.ok, report.failed, report.exit_code) == (2, 1, 1)
    assert report.failures[0].source == str(out / "a.webp")


def test_removed_and_changed_are_two_sentences(out):
    (out / "a.webp").unlink()
    (out / "b.webp").write_bytes(b"other")
    said = [item.error for item in imgpar.verify(out).items if item.error]
    assert said == ["It was removed since imgpar made it.", "It was changed since imgpar made it."]


def test_a_copy_of_the_folder_is_as_good(out, tmp_path):
    import shutil

    shutil.copytree(out, tmp_path / "copy")
    assert imgpar.verify(tmp_path / "copy").ok == 3


def test_a_folder_inside_can_be_asked_for(session, tmp_path):
    pictures = testing.write_pictures(tmp_path / "photos", ["a.png", "sub/c.png"])
    imgpar.convert(pictures, None, in_place=True, resize="50%", session=session)
    report = imgpar.verify(pictures / "sub")
    assert [item.source for item in report.items] == [str(pictures / "sub/c.png")]


def test_after_undo_there_is_nothing_to_verify(session, tmp_path):
    pictures = testing.write_pictures(tmp_path / "photos", ["a.png"])
    imgpar.convert(pictures, None, in_place=True, resize="50%", to="webp", session=session)
    imgpar.convert(pictures, None, in_place=True, resize="10", session=session)
    assert imgpar.verify(pictures).ok == 1
    imgpar.undo(pictures)
    assert imgpar.verify(pictures).total == 0


def test_with_a_journal_of_its_own(session, tmp_path):
    pictures, journal = testing.write_pictures(tmp_path / "in", ["a.png"]), tmp_path / "mine.db"
    imgpar.convert(pictures, tmp_path / "out", to="webp", session=session, journal=str(journal))
    assert imgpar.verify(tmp_path / "out", journal=journal).ok == 1


def test_what_is_no_output_is_a_usage_error(tmp_path):
    with pytest.raises(imgpar.UsageError, match="is not the output of a run"):
        imgpar.verify(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_names_what_is_wrong_and_exits_with_1(out, capsys):
    damage(out / "a.webp")
    assert main(["verify", str(out)]) == 1
    printed, said = capsys.readouterr()
    assert printed == f"{out / 'a.webp'}: It was changed since imgpar made it.\n"
    assert said == "2 outputs are as imgpar made them, 1 not.\n"


def test_the_command_knows_one_from_many(out, capsys):
    for name in ("a.webp", "b.webp"):
        (out / name).unlink()
    assert main(["verify", str(out), "-q"]) == 1
    capsys.readouterr()
    assert main(["verify", str(out)]) == 1
    assert capsys.readouterr().err == "1 output is as imgpar made it, 2 not.\n"


def test_outputs_of_a_journal_elsewhere_are_not_known(out, tmp_path, capsys):
    imgpar.convert(out, tmp_path / "other", to="jpg", jobs=1, journal=tmp_path / "own.db")
    imgpar.convert(out, tmp_path / "other", to="jpg", jobs=1)
    assert main(["verify", str(tmp_path / "other")]) == 3
    assert capsys.readouterr().err == "No outputs are recorded there. If the run had a --journal, name it.\n"


def test_the_command_as_json(out, capsys):
    (out / "a.webp").unlink()
    assert main(["verify", str(out), "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["status"] for line in lines] == ["failed", "ok", "ok"]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.skipif(os.name == "nt", reason="links")
def test_a_second_run_with_verify_does_the_same(session, out, tmp_path, change):
    change(out / "a.webp")
    report = imgpar.convert(tmp_path / "in", out, to="webp", verify=True, session=session)
    if change is Path.unlink:
        assert (report.ok, dict(report.reasons)) == (1, {"unchanged": 2})
    elif change is damage:
        assert (report.failed, dict(report.reasons)) == (1, {"unchanged": 2})
        assert "a.webp: It was changed since" in report.failures[0].error
    else:
        assert report.reasons.get("unchanged") == 2
        assert (report.ok, report.failed) == (0, 0)


def test_a_second_run_with_verify_writes_nothing(session, out, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.webp")}
    report = imgpar.convert(tmp_path / "in", out, to="webp", verify=True, session=session)
    assert dict(report.reasons) == {"unchanged": 3}
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.webp")} == before
