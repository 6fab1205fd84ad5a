"""Which files of a folder are taken: `include` and `exclude`, folders of systems; what is said."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar.inputs.local import scan
from imgpar.inputs.patterns import Patterns


def make(root: Path, *names: str) -> None:
    """Small pictures, and text where the suffix is that of no picture."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".jpg"):
            Image.new("RGB", (4, 4), "red").save(path)
        else:
            path.write_text("text")


def taken(root: Path, *, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[str]:
    patterns = Patterns(include, exclude)
    return [item.mirror for batch in scan([str(root)], out=None, patterns=patterns) for item in batch.items]


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("*.jpg", ["a.jpg", "x/b.JPG", "x/y/c.jpg"]),
        ("/*.jpg", ["a.jpg"]),
        ("x", ["x/b.JPG", "x/y/c.jpg", "x/y/d.png"]),
        ("y/", ["x/y/c.jpg", "x/y/d.png"]),
        ("/y", []),
        ("x/*", ["x/b.JPG", "x/y/c.jpg", "x/y/d.png"]),
        ("x/*.jpg", ["x/b.JPG"]),
        ("x/**/*.jpg", ["x/b.JPG", "x/y/c.jpg"]),
        ("**/y/**", ["x/y/c.jpg", "x/y/d.png"]),
        ("?.jpg", ["a.jpg", "x/b.JPG", "x/y/c.jpg"]),
        ("[ab].*", ["a.jpg", "x/b.JPG"]),
        ("[!a].jpg", ["x/b.JPG", "x/y/c.jpg"]),
        ("a.jpg/", []),
    ],
)
def test_a_pattern_matches_paths_below_the_folder(tmp_path: Path, pattern: str, matching: list[str]) -> None:
    every = ["a.jpg", "x/b.JPG", "x/y/c.jpg", "x/y/d.png"]
    make(tmp_path, "a.jpg", "x/y/c.jpg", "x/y/d.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "x" / "b.JPG")
    assert taken(tmp_path, include=(pattern,)) == matching
    assert taken(tmp_path, exclude=(pattern,)) == [name for name in every if name not in matching]


def test_exclude_decides_where_both_match(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "proofs/b.jpg", "c.png")
    assert taken(tmp_path, include=("*.jpg",), exclude=("proofs/",)) == ["a.jpg"]


def test_patterns_see_through_unicode_forms(tmp_path: Path) -> None:
    make(tmp_path, unicodedata.normalize("NFD", "été.jpg"), "b.jpg")
    assert len(taken(tmp_path, include=(unicodedata.normalize("NFC", "ÉTÉ.*"),))) == 1


def test_a_file_that_was_named_obeys_patterns_too(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "b.png")
    batches = scan(
        [str(tmp_path / "a.jpg"), str(tmp_path / "b.png")], out=None, patterns=Patterns(exclude=["*.png"])
    )
    assert [item.mirror for batch in batches for item in batch.items] == ["a.jpg"]


def test_a_list_of_names_obeys_patterns_too(tmp_path: Path) -> None:
    make(tmp_path, "x/a.jpg", "y/b.jpg")
    (tmp_path / "list").write_text("x/a.jpg\ny/b.jpg\n")
    done = command("convert", "--files-from", "list", "-o", "out", "--exclude", "/y", "--json", cwd=tmp_path)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["ok"], last["excluded"]) == (1, 1)


@pytest.mark.parametrize(
    "folder",
    ["@eaDir/a.jpg", "__MACOSX", "#recycle", "@Recycle", "$RECYCLE.BIN", "System Volume Information",
     ".thumbnails", ".AppleDouble", "Catalog Previews.lrdata"],
)  # fmt: skip
def test_folders_of_systems_are_left_out_and_counted(tmp_path: Path, folder: str) -> None:
    make(tmp_path, "in/a.png", f"in/{folder}/b.png")
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="webp", jobs=1)
    assert (report.ok, report.left_out_folders) == (1, {folder.split("/")[0]: 1})
    assert f"Left out: folder {folder.split('/')[0]}." in report.summary()


def test_a_system_folder_that_was_named_is_taken(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "in/@eaDir/b.png")
    found = [
        item.mirror for batch in scan([str(tmp_path / "in" / "@eaDir")], out=None) for item in batch.items
    ]
    assert found == ["b.png"]
    both = scan([str(tmp_path / "in"), str(tmp_path / "in" / "@eaDir")], out=None)
    assert sorted(item.mirror for batch in both for item in batch.items) == ["@eaDir/b.png", "in/a.png"]


def test_other_files_are_counted_by_kind(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "in/b.txt", "in/x/c.TXT", "in/README", "in/._a.png", "in/d.docx")
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="webp", jobs=1)
    assert report.left_out == {".txt": 2, ".docx": 1, "without suffix": 1, "hidden": 1}
    assert report.ignored == 5
    assert "Left out: 2 .txt, 1 " in report.summary()
    assert report.summary_json()["left_out"] == report.left_out


def test_an_empty_picture_is_a_failed_line(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png")
    (tmp_path / "in" / "empty.jpg").touch()
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="webp", jobs=1)
    assert (report.ok, report.failed, report.failures[0].error) == (1, 1, "It is empty (0 bytes).")


def test_a_pattern_that_matches_nothing_is_named(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "in/b.txt")
    report = imgpar.convert(
        tmp_path / "in", tmp_path / "out", to="webp", jobs=1, exclude=["*.txt", "*.tiff"], include="*.png"
    )
    assert report.notes == ("Nothing in the input matches exclude '*.tiff'.",)


def test_a_dry_run_leaves_out_the_same(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "in/b.png", "in/c.txt", "in/@eaDir/d.png")
    given = {"to": "webp", "exclude": "b.*"}
    dry = imgpar.convert(tmp_path / "in", tmp_path / "out", dry_run=True, **given)
    done = imgpar.convert(tmp_path / "in", tmp_path / "out", jobs=1, **given)
    assert (dry.planned, done.ok) == (1, 1)
    assert (dry.left_out, dry.left_out_folders, dry.excluded) == (
        done.left_out,
        done.left_out_folders,
        done.excluded,
    )


def test_arrays_obey_patterns(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png")
    found = [item.mirror for item, _ in imgpar.Pipeline().arrays(tmp_path, jobs=1, exclude="a.*")]
    assert found == ["b.png"]


def test_a_retry_leaves_out_what_the_run_left_out(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "in/x.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    first = imgpar.convert(tmp_path / "in", tmp_path / "out", to="webp", jobs=1, exclude="x.*")
    again = imgpar.retry(tmp_path / "out", jobs=1)
    assert (first.ok, first.failed, first.excluded) == (1, 1, 1)
    assert (again.failed, again.excluded) == (1, 1)


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "imgpar", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_the_flags_may_be_repeated(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "in/b.png", "in/c.png")
    done = command(
        "convert", "in", "-o", "out", "--exclude", "a.*", "--exclude", "b.*", "--json", cwd=tmp_path
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(line["source"]).name for line in lines[:-1]] == ["c.png"]
    assert lines[-1]["excluded"] == 2


def test_a_folder_without_media_says_what_it_holds(tmp_path: Path) -> None:
    make(tmp_path, "in/a.docx", "in/b.docx", "in/@eaDir/c.png")
    done = command("convert", "in", "-o", "out", cwd=tmp_path)
    assert done.returncode == 3
    assert "Left out: 2 .docx; folder @eaDir." in done.stderr
