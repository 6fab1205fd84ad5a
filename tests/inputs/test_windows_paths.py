"""Patterns as they are written on Windows, tried with `ntpath`."""

from __future__ import annotations

import errno
import ntpath
import os
import posixpath
from pathlib import Path

import pytest

from imgpar.core.fs import long_path
from imgpar.inputs.roots import above_wildcards, read_inputs


@pytest.mark.parametrize(
    ("pattern", "folder", "below"),
    [
        (r"C:\**\*.jpg", "C:\\", ["**", "*.jpg"]),  # not `C:`, which is the current folder there
        ("C:/**/*.jpg", "C:\\", ["**", "*.jpg"]),
        (r"D:\photos\me\**\*.jpg", r"D:\photos\me", ["**", "*.jpg"]),
        (r"C:**\*.jpg", "C:", ["**", "*.jpg"]),
        (r"\photos\**", r"\photos", ["**"]),
        (r"\**", "\\", ["**"]),
        (r"\\server\share\**\*.jpg", "\\\\server\\share\\", ["**", "*.jpg"]),
        (r"\\?\C:\photos\**\*.jpg", r"\\?\C:\photos", ["**", "*.jpg"]),
        (r"photos\20??\**", "photos", ["20??", "**"]),
        ("**", ".", ["**"]),
    ],
)
def test_a_pattern_of_windows(pattern: str, folder: str, below: list[str]) -> None:
    above, parts = above_wildcards(pattern, ntpath)
    assert (ntpath.normpath(above), parts) == (ntpath.normpath(folder), below)


@pytest.mark.parametrize(
    ("pattern", "folder"), [("/**/*.jpg", "/"), ("a/b/**", "a/b"), ("**/*.jpg", "."), ("/a/**", "/a")]
)
def test_a_pattern_of_posix(pattern: str, folder: str) -> None:
    assert above_wildcards(pattern, posixpath)[0] == folder


def test_a_pattern_that_no_file_may_be_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows does not say that such a name is missing, but that it is invalid."""
    stat = os.stat

    def refusing(path: str, **options: object) -> os.stat_result:
        if "*" in str(path):
            raise OSError(errno.EINVAL, "The filename syntax is incorrect", path)
        return stat(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", refusing)
    named = read_inputs([str(tmp_path / "**" / "*.jpg")], None)
    assert [(root.path, root.patterns) for root in named.roots] == [(str(tmp_path), [["**", "*.jpg"]])]
    assert named.files == []


LONG = "\\".join(["a" * 50] * 6)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (f"C:\\{LONG}\\a.jpg", f"\\\\?\\C:\\{LONG}\\a.jpg"),
        (f"C:/{LONG}/a.jpg", f"\\\\?\\C:\\{LONG}\\a.jpg"),
        (f"\\\\server\\share\\{LONG}", f"\\\\?\\UNC\\server\\share\\{LONG}"),
        (f"\\\\?\\C:\\{LONG}", f"\\\\?\\C:\\{LONG}"),
        (r"C:\photos\a.jpg", r"C:\photos\a.jpg"),
    ],
)
def test_a_long_path_of_windows(path: str, form: str) -> None:
    assert long_path(path, windows=True) == form


@pytest.mark.skipif(os.name == "nt", reason="there it changes")
def test_elsewhere_a_long_path_is_what_it_was() -> None:
    assert long_path("/" + LONG) == "/" + LONG
