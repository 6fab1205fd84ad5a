"""`--archives`: archives in input folders behave like folders of their name."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from packing import packed
from PIL import Image

import imgpar
from imgpar.cli import main


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


def picture(seed: int = 0) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (24, 16), (seed * 20, 90, 120)).save(data, "PNG")
    return data.getvalue()


def outputs(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with pictures, archives and a folder of the same name as one of them."""
    folder = tmp_path / "photos"
    (folder / "2024/trip").mkdir(parents=True)
    (folder / "a.png").write_bytes(picture(1))
    (folder / "2024/trip/a.png").write_bytes(picture(2))
    packed(folder / "2024/trip.zip", {"a.png": picture(3), "in/b.png": picture(4), "c.txt": b""})
    packed(folder / "2024/other.tar.gz", {"a.png": picture(5)})
    packed(folder / "2024/other.tar", {"a.png": picture(6)})
    return folder


def test_they_are_opened_when_asked(photos: Path, tmp_path: Path, session: imgpar.Session) -> None:
    closed = imgpar.convert(photos, tmp_path / "closed", to="jpg", session=session)
    assert (closed.ok, closed.left_out) == (2, {".gz": 1, ".tar": 1, ".zip": 1})
    report = imgpar.convert(photos, tmp_path / "out", to="jpg", archives=True, session=session)
    assert (report.ok, report.left_out) == (6, {".txt": 1})
    assert outputs(tmp_path / "out") == [
        "2024/other-tar.gz/a.jpg",
        "2024/other-tar/a.jpg",
        "2024/trip-zip/a.jpg",
        "2024/trip-zip/in/b.jpg",
        "2024/trip/a.jpg",
        "a.jpg",
    ]
    sources = {item.source for item in report.items}
    assert f"{photos}/2024/trip.zip/in/b.png" in sources
    again = imgpar.convert(photos, tmp_path / "out", to="jpg", archives=True, session=session)
    assert again.reasons == {"unchanged": 6}


def test_a_folder_with_archives_may_move(photos: Path, tmp_path: Path, session: imgpar.Session) -> None:
    imgpar.convert(photos, tmp_path / "out", to="jpg", archives=True, session=session)
    moved = photos.rename(tmp_path / "moved")
    report = imgpar.convert(moved, tmp_path / "out", to="jpg", archives=True, session=session)
    assert (report.reasons, len(outputs(tmp_path / "out"))) == ({"unchanged": 6}, 6)


def test_patterns_see_the_path_below_the_folder(
    photos: Path, tmp_path: Path, session: imgpar.Session
) -> None:
    out = tmp_path / "out"
    imgpar.convert(
        photos,
        out,
        to="jpg",
        archives=True,
        include=["*.png"],
        exclude=["2024/trip/in/", "other*/"],
        session=session,
    )
    assert outputs(out) == ["2024/trip-zip/a.jpg", "2024/trip/a.jpg", "a.jpg"]
    imgpar.convert(photos, tmp_path / "top", to="jpg", archives=True, recursive=False, session=session)
    assert outputs(tmp_path / "top") == ["a.jpg"]


def test_damaged_ones_and_archives_in_archives(tmp_path: Path, session: imgpar.Session) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    inner = packed(tmp_path / "inner.zip", {"a.png": picture()}).read_bytes()
    packed(folder / "outer.zip", {"b.png": picture(1), "inner.zip": inner})
    (folder / "broken.zip").write_bytes(b"broken")
    (folder / ".hidden.zip").write_bytes(inner)
    (folder / "link.zip").symlink_to(tmp_path / "inner.zip")
    report = imgpar.convert(folder, tmp_path / "out", to="jpg", archives=True, session=session)
    assert outputs(tmp_path / "out") == ["link/a.jpg", "outer/b.jpg"]
    assert [item.source for item in report.failures] == [str(folder / "broken.zip")]
    assert report.left_out == {"hidden": 1, ".zip": 1}


def test_an_archive_that_is_named_too_is_read_once(
    photos: Path, tmp_path: Path, session: imgpar.Session
) -> None:
    report = imgpar.convert(
        [photos, photos / "2024/trip.zip"], tmp_path / "out", to="jpg", archives=True, session=session
    )
    assert (report.ok, report.skipped) == (6, 0)
    assert "trip/a.jpg" in outputs(tmp_path / "out")


def test_out_is_no_input(tmp_path: Path, session: imgpar.Session) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(picture())
    for _ in range(2):
        report = imgpar.convert(folder, folder / "out.zip", to="jpg", archives=True, session=session)
    assert (len(report.items), report.reasons) == (1, {"unchanged": 1})


def test_every_command_opens_them(
    photos: Path, tmp_path: Path, session: imgpar.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(dict(session.describe(photos, archives=True))) == 6
    assert sum(1 for _ in session.arrays(imgpar.Pipeline(), photos, archives=True)) == 6
    pipe = imgpar.Pipeline()
    assert pipe.sheet(photos, tmp_path / "sheet.jpg", archives=True, session=session).ok == 6
    assert len(imgpar.dry_run(photos, tmp_path / "none", archives=True).items) == 6
    capsys.readouterr()
    assert main(["info", "-r", "--archives", "--json", str(photos)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_a_retry_opens_them_again(tmp_path: Path, session: imgpar.Session) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    packed(folder / "a.zip", {"a.png": b"nothing", "b.png": picture()})
    assert imgpar.convert(folder, tmp_path / "out", to="jpg", archives=True, session=session).failed == 1
    packed(folder / "a.zip", {"a.png": picture(1), "b.png": picture()})
    assert imgpar.retry(tmp_path / "out", session=session).ok == 1


def test_in_place_and_lists_are_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(imgpar.UsageError, match="cannot be converted in place"):
        imgpar.convert(photos, in_place=True, archives=True, resize="10")
    (tmp_path / "list").write_text(str(photos / "a.png"))
    assert (
        main(["convert", "--files-from", str(tmp_path / "list"), "-o", str(tmp_path / "out"), "--archives"])
        == 2
    )


@pytest.mark.parametrize("options", [["--archives"], []])
def test_the_command_line(
    photos: Path, tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(photos), "-o", str(tmp_path / "out"), "--to", "jpg", *options]) == 0
    assert len(outputs(tmp_path / "out")) == (6 if options else 2)
    assert ("1 .zip" in capsys.readouterr().out) == (not options)
