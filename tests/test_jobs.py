"""The commands of docs/jobs.md: each is run on a few pictures, and does what its line says."""

from __future__ import annotations

import json
import os
import re
import shlex
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packing import packed
from PIL import Image, ImageDraw

from imgpar.cli import main

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "jobs.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"\| `(imgpar .+?)` \|$", TEXT, re.MULTILINE)
TRACK = """<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="48.0" lon="16.0"><time>2026-05-01T09:56:00Z</time></trkpt>
<trkpt lat="49.0" lon="17.0"><time>2026-05-01T10:04:00Z</time></trkpt></trkseg></trk></gpx>"""


def photo(path: Path, size: tuple[int, int], colour: str) -> None:
    """A JPEG with a date and a camera."""
    exif = Image.Exif()
    exif[0x0110] = "Cam 1"
    exif.get_ifd(0x8769)[0x9003] = "2026:05:01 10:00:00"
    exif.get_ifd(0x8769)[0x9011] = "+00:00"
    picture = Image.new("RGB", size, colour)
    ImageDraw.Draw(picture).ellipse((4, 4, size[0] // 2, size[1] // 2), fill="white")
    picture.save(path, exif=exif, quality=95)


def arrived(folder: Path) -> None:
    """A table, archives, and a folder for what arrives, with a picture in each."""
    picture = (folder / "site" / "a.jpg").read_bytes()
    (folder / "articles.csv").write_text("file,number\nsite/a.jpg,4711\n", encoding="utf-8")
    for name in ("boxes", "inbox"):
        (folder / name).mkdir()
    packed(folder / "trip.zip", {"day 1/a.jpg": picture})
    packed(folder / "boxes" / "1.tar", {"a.jpg": picture})
    packed(folder / "comic.zip", {"1.jpg": picture, "2.jpg": picture}).rename(folder / "comic.cbz")
    (folder / "inbox" / "a.jpg").write_bytes(picture)
    os.utime(folder / "inbox" / "a.jpg", (0, 0))  # it has settled


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with everything that the commands name."""
    for name in ("DCIM", "site", "scans", "papers"):
        (tmp_path / name).mkdir()
    photo(tmp_path / "DCIM" / "IMG_1.jpg", (2000, 1500), "green")
    photo(tmp_path / "DCIM" / "IMG_2.jpg", (48, 64), "navy")
    photo(tmp_path / "site" / "a.jpg", (1600, 1200), "teal")
    photo(tmp_path / "logo.png", (64, 64), "red")
    for at in range(3):
        page = Image.new("RGB", (60, 80), "white")
        ImageDraw.Draw(page).rectangle((15, 20, 40, 60), fill=(10 * at, 0, 90))
        page.save(tmp_path / "scans" / f"{at}.png")
    (tmp_path / "scans" / "notes.txt").write_text("box 4", encoding="utf-8")
    pages = [Image.new("L", (20, 30), 60 * at) for at in range(3)]
    pages[0].save(tmp_path / "papers" / "long.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "papers" / "short.tif")
    (tmp_path / "track.gpx").write_text(TRACK, encoding="utf-8")
    arrived(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(folder: str) -> list[str]:
    files = (path for path in Path(folder).rglob("*") if path.is_file() and ".imgpar" not in path.parts)
    return sorted(path.relative_to(folder).as_posix() for path in files)


def size(path: str) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def exif_of(path: str) -> Image.Exif:
    with Image.open(path) as picture:
        return picture.getexif()


def named() -> None:
    assert made("named") == ["2026-05-01_IMG_1.jpg", "2026-05-01_IMG_2.jpg"]


def sorted_by_month() -> None:
    assert made("archive") == ["2026/05/IMG_1.jpg", "2026/05/IMG_2.jpg"]


def prints() -> None:
    assert {size(f"prints/{name}") for name in made("prints")} == {(1772, 1181), (1181, 1772)}


def signed_originals() -> None:
    assert {exif_of(f"DCIM/{name}")[0x013B] for name in made("DCIM")} == {"Ana"}


def placed() -> None:
    latitude = exif_of("placed/IMG_1.jpg").get_ifd(0x8825)[2]
    assert float(latitude[0]) + float(latitude[1]) / 60 == pytest.approx(48.5, abs=0.02)


def sheet() -> None:
    assert size("sheet.jpg")[0] > 48


def signed() -> None:
    with Image.open("signed/IMG_1.jpg") as after, Image.open("DCIM/IMG_1.jpg") as before:
        assert after.tobytes() != before.tobytes()


def smaller_zip() -> None:
    with zipfile.ZipFile("small.zip") as archive:
        assert archive.namelist() == ["day 1/a.jpg"]


def responsive() -> None:
    names = [name for name in made("web") if name not in ("site.json", "pictures.html")]
    assert names == sorted(
        f"a-{width}.{kind}" for width in (320, 640, 1280, 1600) for kind in ("avif", "webp", "jpg")
    )
    assert json.loads(Path("web/site.json").read_text(encoding="utf-8"))
    assert "<picture>" in Path("web/pictures.html").read_text(encoding="utf-8")


def light() -> None:
    assert os.path.getsize("light/a.webp") <= 300_000


def even() -> None:
    assert made("even") == ["a.webp"]


def optimised() -> None:
    with Image.open("site/a.jpg") as picture:
        assert picture.size == (1600, 1200)


def best() -> None:
    assert [Path(name).stem for name in made("best")] == ["a"]


def articles() -> None:
    assert made("shop") == ["4711.webp"]


def icons() -> None:
    names = made("icons")
    assert len(names) > 2
    assert any("32" in name for name in names)


def compared() -> None:
    assert "data:image/" in Path("compare.html").read_text(encoding="utf-8")


def clean() -> None:
    assert size("clean/1.png")[0] < 40


def album() -> None:
    assert Path("album.pdf").read_bytes().startswith(b"%PDF-")


def comic() -> None:
    assert Path("comic.pdf").read_bytes().startswith(b"%PDF-")


def same_bytes() -> None:
    with tarfile.open("access.tar") as archive:
        assert [(member.name, member.mtime) for member in archive] == [
            (f"{at}.jpg", 315532800) for at in range(3)
        ]


def from_archives() -> None:
    assert made("opened") == ["1/a.jpg"]


def pages_of_a_tiff() -> None:
    with Image.open("album.tif") as picture:
        assert getattr(picture, "n_frames", 1) == 3


def some_pages() -> None:
    assert len(made("pages")) == 2
    assert all(name.startswith("long") for name in made("pages"))


def access() -> None:
    assert made("access") == ["0.jpg", "1.jpg", "2.jpg", "notes.txt"]
    assert "0.png" in Path("report.html").read_text(encoding="utf-8")


def mail() -> None:
    with zipfile.ZipFile("mail.zip") as archive:
        assert sorted(archive.namelist()) == ["IMG_1.jpg", "IMG_2.jpg"]


def wide() -> None:
    assert made("wide") == ["IMG_1.jpg"]


def series() -> None:
    with Image.open("series.gif") as picture:
        assert getattr(picture, "n_frames", 1) == 3


def safe() -> None:
    with Image.open("safe/a.jpg") as after, Image.open("site/a.jpg") as before:
        assert after.tobytes() != before.tobytes()


def moved_away() -> None:
    assert (made("web"), made("inbox"), made("done")) == (["a.webp"], [], ["a.jpg"])


def told() -> None:
    lines = [json.loads(line) for line in Path("events.ndjson").read_text(encoding="ascii").splitlines()]
    assert [line["event"] for line in lines].count("done") == 2
    assert lines[-1]["exit_code"] == 0


def shards() -> None:
    with tarfile.open("shards/00000.tar") as archive:
        assert len([name for name in archive.getnames() if name.endswith(".jpg")]) == 2


def nothing() -> None:
    assert not os.path.exists("web")


CHECKS: list[Callable[[], None]] = [
    named, sorted_by_month, prints, signed_originals, placed, sheet, smaller_zip, signed,
    responsive, light, even, optimised, best, articles, icons, compared,
    clean, album, comic, same_bytes, from_archives, pages_of_a_tiff, some_pages, nothing, access,
    mail, wide, series, safe, nothing,
    moved_away, told, shards,
]  # fmt: skip


def test_there_is_a_check_for_each_command():
    assert len(CHECKS) == len(COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "check"), list(zip(COMMANDS, CHECKS, strict=True)), ids=COMMANDS)
def test_the_command_does_what_its_line_says(command, check, folder):
    assert main([*shlex.split(command)[1:], "-q"]) == 0
    check()
