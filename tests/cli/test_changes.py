"""`imgpar convert --check`: the exit code says whether a run would change anything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from imgpar.cli import main

CALL = ("convert", "photos", "-o", "web", "--to", "webp", "-j", "1")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a picture and its output, but without the journal: a fresh clone."""
    (tmp_path / "photos").mkdir()
    Image.linear_gradient("L").save(tmp_path / "photos" / "a.png")
    monkeypatch.chdir(tmp_path)
    assert main([*CALL, "-q"]) == 0
    shutil.rmtree(tmp_path / "web" / ".imgpar")
    return tmp_path


def checked(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """What a run would change: kind and name."""
    capsys.readouterr()
    code = main([*CALL, "--check", "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [(line["kind"], Path(line["path"]).name) for line in lines if "kind" in line]
    assert code == (1 if found else 0)
    return found


def test_nothing_changes_where_the_outputs_are_as_a_run_makes_them(made, capsys):
    assert checked(capsys) == []
    assert not (made / "web" / ".imgpar").exists()


def test_an_output_folder_in_the_input_is_no_input(made, capsys):
    (made / "photos" / "web").mkdir()
    assert main(["convert", "photos", "-o", "photos/web", "--to", "webp", "-q"]) == 0
    shutil.rmtree(made / "photos" / "web" / ".imgpar")
    assert main(["convert", "photos", "-o", "photos/web", "--to", "webp", "--check", "-q"]) == 0


def test_a_missing_output_is_found(made, capsys):
    (made / "web" / "a.webp").unlink()
    assert checked(capsys) == [("missing", "a.webp")]
    assert not (made / "web" / "a.webp").exists()


def test_an_output_of_another_input_is_found(made, capsys):
    Image.new("L", (9, 9)).save(made / "photos" / "a.png")
    assert checked(capsys) == [("different", "a.webp")]


def test_an_input_that_fails_is_found(made, capsys):
    (made / "photos" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert checked(capsys) == [("failed", "b.png")]


def test_in_place_the_original_is_compared(made, capsys):
    before = (made / "photos" / "a.png").read_bytes()
    assert main(["convert", "photos", "--in-place", "--check", "-q", "--resize", "20"]) == 1
    assert (made / "photos" / "a.png").read_bytes() == before
    assert main(["convert", "photos", "--in-place", "--check", "-q", "--resize", "9000"]) == 0


@pytest.mark.parametrize("other", ["--dry-run", "--explain", "--profile"])
def test_check_excludes_what_contradicts_it(made, capsys, other):
    assert main([*CALL, "--check", other]) == 2
    assert f"--check and {other} exclude each other" in capsys.readouterr().err


def test_check_says_that_a_run_keeps_what_no_journal_knows(made, capsys):
    Image.new("L", (9, 9)).save(made / "photos" / "a.png")
    capsys.readouterr()
    assert main([*CALL, "--check"]) == 1
    assert "so a run keeps it; with --overwrite (-y) it replaces it" in capsys.readouterr().err


def test_check_says_nothing_of_kept_files_where_a_run_replaces_them(made, capsys):
    assert main([*CALL, "-q", "-y"]) == 0
    Image.new("L", (9, 9)).save(made / "photos" / "a.png")
    capsys.readouterr()
    assert main([*CALL, "--check"]) == 1
    assert "keeps" not in capsys.readouterr().err


SITE = ("--manifest", "web/m.json", "--html", "web/s.html")


@pytest.fixture(params=[True, False], ids=["journal", "clone"])
def site(request, made: Path) -> Path:
    """The same with a manifest and a page of snippets; a clone has no journal."""
    assert main([*CALL, *SITE, "-q", "-y"]) == 0
    if not request.param:
        shutil.rmtree(made / "web" / ".imgpar")
    return made


def test_manifest_and_page_are_as_a_run_writes_them(site, capsys):
    assert main([*CALL, *SITE, "--check"]) == 0
    assert "would change nothing" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["m.json", "s.html"])
def test_a_missing_manifest_or_page_is_found(site, capsys, name):
    (site / "web" / name).unlink()
    assert main([*CALL, *SITE, "--check"]) == 1
    assert f"would write   {site / 'web' / name}" in capsys.readouterr().out


def test_a_manifest_of_other_settings_is_found(site, capsys):
    assert main([*CALL, *SITE, "--base-url", "/x/", "--check", "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()[:-1]]
    assert [(line["kind"], Path(line["path"]).name) for line in lines] == [
        ("different", "m.json"), ("different", "s.html"),
    ]  # fmt: skip


def test_a_dry_run_does_not_promise_to_write_what_may_be_current(made, capsys):
    assert main([*CALL, *SITE, "-q", "-y"]) == 0
    assert main([*CALL, *SITE, "-n"]) == 0
    assert "web/m.json would be written where its content is not up to date." in capsys.readouterr().err


@pytest.fixture(params=["copy", "link"])
def others(request, made: Path) -> list[str]:
    """A call that takes other files along, and one of them."""
    (made / "photos" / "notes.txt").write_text("text")
    return [*CALL, "--others", request.param]


def test_a_missing_other_file_is_found(made, capsys, others):
    assert main([*CALL, "-q"]) == 0  # the outputs are up to date
    before = (made / "photos" / "notes.txt").stat()
    assert main([*others, "--check"]) == 1
    assert f"would write   {made / 'web' / 'notes.txt'}" in capsys.readouterr().out
    assert (made / "photos" / "notes.txt").stat().st_ctime_ns == before.st_ctime_ns


def test_other_files_that_a_run_took_along_are_no_change(made, capsys, others):
    assert main([*others, "-q"]) == 0
    assert main([*others, "--check"]) == 0
    shutil.rmtree(made / "web" / ".imgpar")
    assert main([*others, "--check"]) == 0


def test_an_edited_other_file_is_found(made, capsys, others):
    assert main([*others, "-q"]) == 0
    (made / "web" / "notes.txt").unlink()
    (made / "web" / "notes.txt").write_text("edited")
    assert main([*others, "--check"]) == 1
    assert f"would change  {made / 'web' / 'notes.txt'}" in capsys.readouterr().out
