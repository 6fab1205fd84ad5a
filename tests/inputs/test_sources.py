"""Inputs: what is found, in which order, under which name, and what is left alone."""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from imgpar.core.errors import NoInputError, UsageError
from imgpar.core.filenames import fold
from imgpar.inputs.batches import TOGETHER
from imgpar.inputs.lists import read_list, scan_list
from imgpar.inputs.local import scan

JPEG = b"\xff\xd8\xff\xe0" + bytes(60)
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
bytes_names = pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")


def make(folder: Path, *names: str, data: bytes = JPEG) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def mirrors(*inputs: object, out: object = None) -> list[str]:
    """Mirrored paths of all items that can be read."""
    batches = scan([os.fspath(path) for path in inputs], out=None if out is None else os.fspath(out))
    return [item.mirror for batch in batches for item in batch.items if not item.error]


def errors(*inputs: object) -> dict[str, str]:
    batches = scan([os.fspath(path) for path in inputs], out=None)
    return {item.path: item.error for batch in batches for item in batch.items if item.error}


def test_numbers_sort_as_numbers_and_parents_come_before_children(tmp_path: Path) -> None:
    make(tmp_path, "IMG_10.jpg", "IMG_2.jpg", "b10/x.jpg", "b9/x.jpg")
    assert mirrors(tmp_path) == ["IMG_2.jpg", "IMG_10.jpg", "b9/x.jpg", "b10/x.jpg"]


def test_an_item_knows_size_time_and_inode(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    os.utime(tmp_path / "a.jpg", ns=(0, 1_500_000_000_123_456_700))
    (batch,) = scan([str(tmp_path)], out=None)
    (item,) = batch.items
    status = (tmp_path / "a.jpg").stat()
    assert (item.path, item.size, item.mtime_ns) == (str(tmp_path / "a.jpg"), 64, status.st_mtime_ns)
    assert item.inode in (status.st_ino, 0)
    assert batch.items[0] == batch.items[-1] == item


def test_media_without_a_suffix_is_found_by_its_content(tmp_path: Path) -> None:
    make(tmp_path, "IMG_0001", "photo.backup")
    (batch,) = scan([str(tmp_path)], out=None)
    assert [(item.mirror, item.format) for item in batch.items] == [
        ("IMG_0001", "jpeg"),
        ("photo.backup", "jpeg"),
    ]


def test_what_is_no_media_is_counted_and_left_alone(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt", "README", data=b"hello")
    make(tmp_path, "a.jpg", "._a.jpg", ".hidden.jpg", ".git/b.jpg", ".thumbnails/c.jpg")
    (batch,) = scan([str(tmp_path)], out=None)
    assert ([item.mirror for item in batch.items], batch.ignored) == (["a.jpg"], 4)


def test_a_named_file_is_an_item_whatever_it_holds(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt", ".hidden.jpg", data=b"hello")
    assert mirrors(tmp_path / "notes.txt", tmp_path / ".hidden.jpg") == ["notes.txt", ".hidden.jpg"]


def test_a_file_named_inside_a_named_folder_keeps_its_place_there(tmp_path: Path) -> None:
    make(tmp_path, "in/sub/a.jpg", "in/sub/notes.txt")
    inputs = (tmp_path / "in", tmp_path / "in/sub/notes.txt", tmp_path / "in/sub/a.jpg")
    assert mirrors(*inputs) == ["sub/a.jpg", "sub/notes.txt"]


def test_several_folders_go_under_their_own_names_and_files_to_the_top(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "b/2.jpg", "c.jpg")
    assert mirrors(tmp_path / "a", tmp_path / "b", tmp_path / "c.jpg") == ["c.jpg", "a/1.jpg", "b/2.jpg"]


def test_folders_of_the_same_name_are_told_apart_in_any_order(tmp_path: Path) -> None:
    make(tmp_path, "x/photos/1.jpg", "y/photos/1.jpg", "z/Photos/1.jpg")
    inputs = [tmp_path / "x/photos", tmp_path / "y/photos", tmp_path / "z/Photos"]
    expected = {"x-photos/1.jpg", "y-photos/1.jpg", "z-Photos/1.jpg"}
    assert set(mirrors(*inputs)) == set(mirrors(*reversed(inputs))) == expected


def test_what_is_named_twice_is_there_once(tmp_path: Path) -> None:
    make(tmp_path, "in/a.jpg", "in/sub/b.jpg")
    folder = tmp_path / "in"
    assert mirrors(folder, folder / "sub", tmp_path / "in/sub/../a.jpg", folder) == ["a.jpg", "sub/b.jpg"]
    assert mirrors(folder / "a.jpg", folder / "sub/../a.jpg") == ["a.jpg"]


def test_a_hidden_folder_named_beside_its_parent_is_walked_too(tmp_path: Path) -> None:
    make(tmp_path, "in/a.jpg", "in/.secret/b.jpg")
    assert mirrors(tmp_path / "in", tmp_path / "in/.secret") == ["in/a.jpg", ".secret/b.jpg"]


def test_out_inside_the_input_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "out/a.webp", "outer/b.jpg")
    assert mirrors(tmp_path, out=tmp_path / "out") == ["a.jpg", "outer/b.jpg"]


def test_out_among_the_inputs_changes_nothing(tmp_path: Path) -> None:
    make(tmp_path, "in/a.jpg", "out/a.webp")
    assert mirrors(tmp_path / "in", tmp_path / "out", out=tmp_path / "out") == ["a.jpg"]


def test_a_folder_with_outputs_of_a_run_is_left_out_unless_it_is_named(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "web/a.webp")
    (tmp_path / "web/.imgpar").mkdir()
    batches = list(scan([str(tmp_path)], out=None))
    assert [item.mirror for batch in batches for item in batch.items] == ["a.jpg"]
    assert any("web" in note for batch in batches for note in batch.notes)
    assert mirrors(tmp_path / "web") == ["a.webp"]


def test_a_folder_that_was_converted_in_place_is_still_an_input(tmp_path: Path) -> None:
    make(tmp_path, "sub/a.jpg")
    (tmp_path / "sub/.imgpar/undo").mkdir(parents=True)
    assert mirrors(tmp_path) == ["sub/a.jpg"]


@posix
def test_links_to_files_are_followed_to_folders_not(tmp_path: Path) -> None:
    make(tmp_path, "in/a.jpg", "else/b.jpg")
    (tmp_path / "in/link.jpg").symlink_to(tmp_path / "else/b.jpg")
    (tmp_path / "in/folder").symlink_to(tmp_path / "else")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    assert mirrors(tmp_path / "in") == ["a.jpg", "link.jpg"]
    assert mirrors(tmp_path / "in/folder") == ["b.jpg"]


@posix
def test_a_broken_link_that_looks_like_media_is_a_failed_item(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to(tmp_path / "gone.jpg")
    assert "link" in errors(tmp_path)[str(tmp_path / "a.jpg")]


@posix
def test_pipes_and_sockets_are_never_opened(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # names of sockets may not be long
        try:
            server.bind("socket.jpg")
        finally:
            os.chdir(here)
        (batch,) = scan([str(tmp_path)], out=None)
        assert ([item.mirror for item in batch.items], batch.ignored) == (["a.jpg"], 2)
        assert "named pipe" in errors(tmp_path / "a.jpg", tmp_path / "pipe.jpg")[str(tmp_path / "pipe.jpg")]


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_one_failed_item(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "locked/b.jpg")
    (tmp_path / "locked").chmod(0)
    try:
        assert list(errors(tmp_path)) == [str(tmp_path / "locked")]
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_a_missing_path_among_good_ones_is_one_failed_item(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    missing = tmp_path / "gone.jpg"
    assert mirrors(tmp_path / "a.jpg", missing) == ["a.jpg"]
    assert "does not exist" in errors(tmp_path / "a.jpg", missing)[str(missing)]


def test_nothing_but_missing_paths_is_a_usage_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist") as caught:
        scan([str(tmp_path / "gone")], out=None)
    assert caught.value.exit_code == 2
    with pytest.raises(NoInputError) as nothing:
        scan([str(tmp_path / "*.jpg")], out=None)
    assert nothing.value.exit_code == 3


def test_an_empty_folder_has_no_items(tmp_path: Path) -> None:
    assert mirrors(tmp_path) == []


def test_a_pattern_is_what_the_shell_makes_of_it(tmp_path: Path) -> None:
    make(tmp_path, "x/10.jpg", "x/9.jpg", "y/1.jpg", "y/1.png")
    assert mirrors(tmp_path / "*" / "*.jpg") == ["9.jpg", "10.jpg", "1.jpg"]


def test_two_stars_keep_the_folders(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "a.png", "x/y/b.jpg", "x/.hidden/c.jpg")
    assert mirrors(tmp_path / "**" / "*.jpg") == ["a.jpg", "x/y/b.jpg"]


def test_patterns_in_one_folder_give_each_file_once(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "a.png", "x/b.jpg", "x/c.gif")
    assert mirrors(tmp_path / "**" / "*.jpg", tmp_path / "**" / "[ab].*", tmp_path / "x") == [
        "a.jpg",
        "a.png",
        "x/b.jpg",
        "x/c.gif",
    ]


def test_a_file_that_is_called_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    make(tmp_path, "a[1].jpg", "a1.jpg")
    assert mirrors(tmp_path / "a[1].jpg") == ["a[1].jpg"]


@bytes_names
def test_any_name_survives(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(raw)
    with open(raw + b"/\xff\n.jpg", "wb") as file:
        file.write(JPEG)
    (batch,) = scan([str(tmp_path)], out=None)
    assert os.fsencode(batch.items[0].path) == raw + b"/\xff\n.jpg"


@bytes_names
def test_sibling_folders_that_differ_by_case_get_mirrors_that_do_not(tmp_path: Path) -> None:
    make(tmp_path, "A/1.jpg", "a/1.jpg", "b/1.jpg")
    found = mirrors(tmp_path)
    assert len({fold(mirror) for mirror in found}) == 3
    assert "b/1.jpg" in found


def test_an_endless_list_needs_little_memory() -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b"x.jpg\n" * (size // 6 + 1)

    names = read_list(Endless())  # type: ignore[arg-type]
    assert [next(names) for _ in range(50_000)][-1] == "x.jpg"


@pytest.mark.parametrize("chunk", [1, 2, 3, 1000])
def test_a_list_is_read_in_any_pieces(chunk: int) -> None:
    class Pieces(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(chunk, size or chunk))

    assert list(read_list(Pieces(b"a b.jpg\r\n\nc\xff.jpg\nd"))) == [
        "a b.jpg",
        os.fsdecode(b"c\xff.jpg"),
        "d",
    ]
    assert list(read_list(Pieces(b"a\nb.jpg\0\0c"), nul=True)) == ["a\nb.jpg", "c"]


def listed(names: Iterable[object]) -> list[tuple[str, list[str]]]:
    return [
        (batch.mirror, [item.mirror for item in batch.items]) for batch in scan_list(map(os.fspath, names))
    ]


def test_a_list_is_grouped_by_folder_and_mirrored_below_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "here/x/1.jpg", "here/2.jpg", "here/x/3.jpg")
    monkeypatch.chdir(tmp_path / "here")
    assert listed(["x/1.jpg", "2.jpg", "x/3.jpg", "./x/../x/1.jpg"]) == [
        ("x", ["x/1.jpg", "x/3.jpg"]),
        ("", ["2.jpg"]),
    ]


def test_files_outside_of_here_never_leave_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "here/1.jpg", "there/1.jpg")
    monkeypatch.chdir(tmp_path / "here")
    ((mirror, (name,)),) = listed(["../there/1.jpg"])
    assert mirror.endswith("there")
    assert not os.path.isabs(mirror)
    assert ".." not in name.split("/")


def test_a_list_names_what_is_missing_or_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "x/1.jpg")
    monkeypatch.chdir(tmp_path)
    items = [item for batch in scan_list(["x", "gone.jpg", "x/1.jpg"]) for item in batch.items]
    assert [bool(item.error) for item in items] == [True, True, False]


@posix
def test_files_of_a_folder_are_looked_at_when_they_are_due(tmp_path: Path) -> None:
    names = [f"{number:05d}.jpg" for number in range(TOGETHER + 1)]
    make(tmp_path, *names, data=b"1")
    (batch,) = scan([str(tmp_path)], out=None)
    assert batch.items[0].size == 1
    (tmp_path / names[0]).write_bytes(b"22")
    (tmp_path / names[-1]).write_bytes(b"22")
    assert [batch.items[0].size, batch.items[-1].size] == [1, 2]


@posix
def test_a_file_that_goes_before_it_is_due_is_a_failed_item(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "b.jpg")
    (batch,) = scan([str(tmp_path)], out=None)
    (tmp_path / "a.jpg").unlink()
    assert [item.error[:17] for item in batch.items] == ["It does not exist", ""]
