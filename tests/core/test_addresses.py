"""Addresses: told from paths, refused where nothing reads or writes them, written down without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgpar
from imgpar.cli import main
from imgpar.core.addresses import clean_address, last_part, scheme_of, without_secrets

UNKNOWN = "gopher://me:S3CRET@host/pictures?token=S3CRET"


@pytest.mark.parametrize("path", ["a.jpg", "C:\\photos", "c://x", "/a://b", "a:b", "", "://", "a b://c"])
def test_a_path_is_no_address(path: str) -> None:
    assert scheme_of(path) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:S3CRET@host/a.jpg?k=S3CRET failed", "https://host/a.jpg failed"),
        ("https://host/a@b.jpg", "https://host/a@b.jpg"),
        ("'s3://key:S3CRET@bucket/a b?x=S3CRET'", "'s3://bucket/a b'"),
        ("https://u:S3'CRET@h/it's.jpg?t=S3'CRET", "https://h/it's.jpg"),
        ("https://me:S3CR/ET@host/a", "https://"),
        ("s3://bucket/no #1?.jpg: failed", "s3://bucket/no #1?.jpg: failed"),
        ("az://me:S3CRET@box/a.jpg?sig=S3CRET", "az://box/a.jpg"),
        ("https://me:S3?CRET@host/a", "https://"),
        ("['http://h/a?x=S3CRET', 'http://h/b']", "['http://h/a', 'http://h/b']"),
        ("'https://h/a?x=S3CRET'.", "'https://h/a'."),
        ("failed with url: /a.jpg?k=S3CRET (Caused by X)", "failed with url: /a.jpg (Caused by X)"),
        ("http://[::1]:9000/a?S3CRET", "http://[::1]:9000/a"),
        ("http://h:9000: Is it there? No.", "http://h:9000: Is it there? No."),
        ("https:/me:S3CRET@host/a", "https:/host/a"),
        ("https://host?S3CRET", "https://host"),
        ("https://host/#S3CRET", "https://host/"),
        ("https://a:S3CRET@b@host/x", "https://host/x"),
        ("see http://h/a?S3CRET, http://h/b?S3CRET", "see http://h/a, http://h/b"),
        ("a question? no address", "a question? no address"),
    ],
)
def test_user_info_and_query_are_removed(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@pytest.mark.parametrize("user", ["", "me:S3CRET@"])
@pytest.mark.parametrize("path", ["", "/", '/it\'s a "picture" <1>.jpg', "/a@b:c"])
@pytest.mark.parametrize("end", ["", "?S3CRET", '?a=S3\'C "RET"', "#S3CRET"])
def test_a_whole_address_is_cleaned_whatever_is_in_its_path(user: str, path: str, end: str) -> None:
    assert clean_address(f"https://{user}host{path}{end}") == f"https://host{path}"


@given(st.text(alphabet="ahtps:/?#@'\"=&<> .,0]["))
def test_a_text_without_secrets_stays_so(text: str) -> None:
    assert without_secrets(without_secrets(text)) == without_secrets(text)


def test_the_last_part_is_decoded() -> None:
    assert last_part("https://host/a/b%2Fc%20d.jpg?x=/y") == "b/c d.jpg"


@pytest.mark.parametrize("command", ["convert", "info", "sheet", "frames", "concat", "duplicates", "compare"])
def test_an_input_of_an_unknown_scheme_is_refused(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    out = {"sheet": ["-o", "s.jpg"], "concat": ["-o", "c.mp4"], "compare": ["-o", "c.html"]}
    out |= {"convert": ["-o", "out"], "frames": ["-o", "out"]}
    assert main([command, UNKNOWN, *out.get(command, [])]) == 2
    told = capsys.readouterr().err
    assert "gopher://host/pictures" in told
    assert "S3CRET" not in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "argv",
    [
        ["convert", "a.png", "-o", UNKNOWN],
        ["sheet", "a.png", "-o", UNKNOWN + "/s.jpg"],
        ["frames", "a.png", "-o", UNKNOWN],
        ["convert", "a.png", "-o", "out", "--report", "gopher://host/r.json"],
        ["convert", "a.png", "-o", "out", "--journal", "gopher://host/j.db"],
        ["convert", "a.png", "-o", "out", "--manifest", "gopher://host/m.json"],
        ["undo", UNKNOWN],
        ["verify", UNKNOWN],
        ["retry", UNKNOWN],
    ],
)
def test_nothing_is_written_to_an_unknown_scheme(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("a.png")
    assert main(argv) == 2
    assert "gopher://host" in (told := capsys.readouterr().err)
    assert "S3CRET" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_python_refuses_as_the_command_line_does(tmp_path: Path) -> None:
    with pytest.raises(imgpar.UsageError, match=r"gopher://host/pictures\)"):
        imgpar.convert(tmp_path, UNKNOWN)
