"""`others`: files that are no pictures and clips go to their place in OUT, and are counted apart."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar.batch.picture import copies
from imgpar.core.errors import CommitError
from imgpar.core.job import Target
from imgpar.outputs.copying import commit_copy, commit_link


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, other files, and what is never copied."""
    folder = tmp_path / "in"
    (folder / "sub" / "deep").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(folder / "a.png")
    Image.new("RGB", (4, 4)).save(folder / "sub" / "b.png")
    (folder / "notes.txt").write_text("text")
    (folder / "a.xmp").write_text("<xmp/>")
    (folder / "sub" / "deep" / "README").write_text("read me")
    (folder / ".hidden").write_text("secret")
    (folder / ".imgpar-0123456789abcdef-7.tmp").write_text("half")
    return folder


@pytest.fixture(scope="module")
def session() -> object:
    with imgpar.Session(jobs=2) as session:
        yield session


def files(folder: Path) -> list[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if ".imgpar" not in path.parts)


COPIED = ["a.xmp", "notes.txt", "sub/deep/README"]


def test_other_files_are_copied_to_their_place(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    report = imgpar.convert(folder, out, to="webp", others="copy", session=session)
    assert files(out) == sorted([*COPIED, "a.webp", "sub/b.webp"])
    assert (out / "notes.txt").read_text() == "text"
    assert (out / "notes.txt").stat().st_mtime_ns == (folder / "notes.txt").stat().st_mtime_ns
    assert (report.ok, len(report.items), report.others, report.exit_code) == (2, 2, {"copied": 3}, 0)
    assert report.left_out == {"hidden": 2}


def test_a_second_run_copies_nothing(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    imgpar.convert(folder, out, others="copy", session=session)
    again = imgpar.convert(folder, out, others="copy", session=session)
    assert (again.skipped, again.others) == (2, {"unchanged": 3})


def test_a_changed_file_is_copied_again(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    imgpar.convert(folder, out, others="copy", session=session)
    (folder / "notes.txt").write_text("other text")
    again = imgpar.convert(folder, out, others="copy", session=session)
    assert again.others == {"copied": 1, "unchanged": 2}
    assert (out / "notes.txt").read_text() == "other text"


def test_links_are_the_same_files(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    report = imgpar.convert(folder, out, others="link", session=session)
    assert report.others == {"linked": 3}
    assert (out / "notes.txt").samefile(folder / "notes.txt")
    assert files(out) == sorted([*COPIED, "a.png", "sub/b.png"])


def test_a_second_run_leaves_the_links(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    for made in ("linked", "unchanged", "unchanged"):
        report = imgpar.convert(folder, out, others="link", session=session)
        assert report.others == {made: 3}
    assert imgpar.verify(out).ok == 5


def test_a_link_is_made_again_after_an_edit(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    imgpar.convert(folder, out, others="link", session=session)
    (out / "notes.txt").write_text("edited in OUT")
    again = imgpar.convert(folder, out, others="link", session=session)
    assert again.others == {"linked": 1, "unchanged": 2}
    assert (folder / "notes.txt").read_text() == "edited in OUT"
    assert (out / "notes.txt").samefile(folder / "notes.txt")


@pytest.mark.parametrize("runs", [1, 2])
def test_copies_replace_links(folder: Path, session: imgpar.Session, runs: int) -> None:
    out = folder.parent / "out"
    for _ in range(runs):  # after the second one the journal has the status of linked files
        imgpar.convert(folder, out, others="link", session=session)
    report = imgpar.convert(folder, out, others="copy", session=session)
    assert report.others == {"copied": 3}
    assert not (out / "notes.txt").samefile(folder / "notes.txt")
    assert (folder / "notes.txt").read_text() == "text"


def test_a_link_of_the_user_is_replaced_where_that_is_asked_for(
    folder: Path, session: imgpar.Session
) -> None:
    out = folder.parent / "out"
    out.mkdir()
    os.link(folder / "notes.txt", out / "notes.txt")
    kept = imgpar.convert(folder, out, others="copy", session=session)
    assert kept.others == {"copied": 2, "kept": 1}
    replaced = imgpar.convert(folder, out, others="copy", on_exists="overwrite", session=session)
    assert "failed" not in replaced.others
    assert not (out / "notes.txt").samefile(folder / "notes.txt")


def test_files_of_the_user_are_kept(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    report = imgpar.convert(folder, out, others="copy", session=session)
    assert report.others == {"kept": 1, "copied": 2}
    assert (out / "notes.txt").read_text() == "mine"
    replaced = imgpar.convert(folder, out, others="copy", on_exists="overwrite", session=session)
    assert replaced.others["copied"] == 1
    assert (out / "notes.txt").read_text() == "text"


def test_patterns_hold_for_other_files_too(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    imgpar.convert(folder, out, others="copy", exclude=["*.txt", "deep/"], session=session)
    assert files(out) == ["a.png", "a.xmp", "sub/b.png"]


@pytest.mark.parametrize("others", ["copy", "link"])
def test_links_that_lead_out_of_the_inputs_are_left_out(
    folder: Path, session: imgpar.Session, others: str
) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "sub" / "out.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "sub" / "in.txt").symlink_to(folder / "notes.txt")
    report = imgpar.convert(folder, folder.parent / "out", others=others, session=session)
    assert files(folder.parent / "out") == sorted([*COPIED, "a.png", "sub/b.png", "sub/in.txt"])
    (note,) = report.notes
    assert note.startswith(f"{folder / 'sub' / 'out.txt'} is a link to a file outside of the input folder")


def test_a_folder_with_many_links_has_one_note(folder: Path) -> None:
    for name in ("1.txt", "2.txt", "3.txt"):
        (folder / name).symlink_to(__file__)
    plan = imgpar.dry_run(folder, folder.parent / "out", others="copy")
    assert plan.others == {"planned": 3}
    assert ["and 2 more" in note for note in plan.notes] == [True]


def test_sidecars_go_with_their_pictures(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    report = imgpar.convert(folder, out, others="copy", companions="copy", session=session)
    assert (report.ok, report.others) == (3, {"copied": 2})


def test_verify_knows_them(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    imgpar.convert(folder, out, others="copy", session=session)
    (out / "notes.txt").write_text("edited")
    report = imgpar.verify(out)
    assert [os.path.basename(failure.source) for failure in report.failures] == ["notes.txt"]


def test_a_dry_run_counts_them(folder: Path) -> None:
    plan = imgpar.dry_run(folder, folder.parent / "out", others="copy")
    assert (plan.planned, plan.others) == (2, {"planned": 3})


def test_a_folder_without_pictures_is_copied(tmp_path: Path, session: imgpar.Session) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("text")
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", others="copy", session=session)
    assert (report.total, report.others, report.exit_code) == (0, {"copied": 1}, 0)


def test_nothing_is_copied_onto_itself(folder: Path, session: imgpar.Session) -> None:
    (folder.parent / "second").mkdir()
    report = imgpar.convert(
        [folder, folder.parent / "second"], folder.parent, to="webp", others="copy", session=session
    )
    assert (report.ok, report.others) == (2, {})


def test_they_keep_their_names_beside_a_template(folder: Path, session: imgpar.Session) -> None:
    out = folder.parent / "out"
    report = imgpar.convert(folder, out, name="{stem}-{width}", others="copy", session=session)
    assert report.others == {"copied": 3}
    assert files(out) == sorted([*COPIED, "a-4.png", "sub/b-4.png"])


def test_they_go_into_an_archive(folder: Path, session: imgpar.Session) -> None:
    import zipfile

    report = imgpar.convert(folder, folder.parent / "o.zip", others="copy", session=session)
    assert report.others == {"copied": 3}
    names = zipfile.ZipFile(folder.parent / "o.zip").namelist()
    assert sorted(names) == sorted([*COPIED, "a.png", "sub/b.png"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_one_that_cannot_be_read_is_a_failure(folder: Path, session: imgpar.Session) -> None:
    (folder / "notes.txt").chmod(0)
    report = imgpar.convert(folder, folder.parent / "out", others="copy", session=session)
    assert (report.others["failed"], report.exit_code) == (1, 1)


@pytest.mark.parametrize(("place", "words"), [(None, "In place"), ("a.webp", "OUT is one file")])
def test_they_need_a_folder(folder: Path, place: str | None, words: str) -> None:
    out = folder.parent / place if place else None
    with pytest.raises(imgpar.UsageError, match=words):
        imgpar.convert(folder / "a.png", out, others="copy", in_place=place is None)


def test_a_copy_has_the_bytes_and_the_time(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(3 << 20))
    os.utime(tmp_path / "a", (5, 5))
    made = commit_copy(str(tmp_path / "a"), Target("other", str(tmp_path / "x" / "b")), run="", job=0)
    assert (tmp_path / "x" / "b").read_bytes() == (tmp_path / "a").read_bytes()
    assert (made.bytes, made.mtime_ns) == (3 << 20, 5_000_000_000)


def test_a_link_replaces_nothing_unasked(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(CommitError, match="appeared after the run was planned"):
        commit_link(str(tmp_path / "a"), Target("other", str(tmp_path / "b")), run="", job=0)
    assert (tmp_path / "b").read_text() == "b"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_link_onto_itself_leaves_one_name_of_each(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    os.link(tmp_path / "a", tmp_path / "b")
    target = Target("other", str(tmp_path / "b"), replaces=True)
    made = commit_link(str(tmp_path / "a"), target, run="", job=0)
    assert made is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="there is no second file system")
def test_on_another_file_system_there_is_no_link(tmp_path: Path) -> None:
    import tempfile

    (tmp_path / "a").write_text("a")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if os.stat(other).st_dev == os.stat(tmp_path).st_dev:
            pytest.skip("it is the same file system")
        target = Target("other", os.path.join(other, "b"))
        assert commit_link(str(tmp_path / "a"), target, run="", job=0) is None
        assert os.listdir(other) == []


def test_the_note_of_a_copy_instead_of_a_link_says_why() -> None:
    assert "hard link" in copies.NO_LINK
