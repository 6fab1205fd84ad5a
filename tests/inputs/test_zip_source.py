"""A ZIP archive as an input: what is in it, what is not followed, and what is hostile."""

from __future__ import annotations

import io
import os
import shutil
import stat
import struct
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from video_clips import make_clip

import imgpar
from imgpar.cli import main
from imgpar.core.job import Item
from imgpar.inputs.local import scan
from imgpar.inputs.numbers import sources_of
from imgpar.inputs.opening import opened
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.zip_source import ZipSource

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


def picture(seed: int = 0, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (24, 16), (seed * 40, 90, 120)).save(data, kind)
    return data.getvalue()


def zipped(path: Path, files: Files, **how: int) -> Path:
    how.setdefault("compression", zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path, "w", **how) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def items(*inputs: Path, patterns: Patterns | None = None) -> list[Item]:
    named = with_sources(str(path) for path in inputs)
    return [item for batch in scan(named, out=None, patterns=patterns) for item in batch.items]


def test_an_archive_is_mirrored_like_a_folder(tmp_path: Path) -> None:
    path = zipped(tmp_path / "trip.zip", {"b.jpg": b"1", "2024/a.png": b"22", "readme.txt": b""})
    found = [(item.path, item.mirror, item.size) for item in items(path)]
    assert found == [(f"{path}/b.jpg", "b.jpg", 1), (f"{path}/2024/a.png", "2024/a.png", 2)]


def test_of_several_inputs_it_has_a_folder_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "c.png").write_bytes(picture())
    path = zipped(tmp_path / "trip.zip", {"b.jpg": b"1"})
    assert [item.mirror for item in items(path, tmp_path / "c.png")] == ["c.png", "trip/b.jpg"]


def test_a_folder_and_an_archive_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "trip").mkdir()
    (tmp_path / "trip/b.jpg").write_bytes(b"1")
    path = zipped(tmp_path / "trip.zip", {"b.jpg": b"1"})
    first, second = (item.mirror for item in items(tmp_path / "trip", path))
    assert first.endswith("-trip/b.jpg")
    assert second == "trip-zip/b.jpg"


def test_archives_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        paths.append(zipped(tmp_path / folder / "trip.zip", {"b.jpg": b"1"}))
    mirrors = [item.mirror for item in items(*paths)]
    assert len(set(mirrors)) == 2
    assert all(mirror.startswith("trip-") for mirror in mirrors)


def test_what_a_folder_published_keeps_its_name(tmp_path: Path, session: imgpar.Session) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/same.png").write_bytes(picture(1))
    (tmp_path / "d/other.png").write_bytes(picture(2))
    imgpar.convert(tmp_path / "d", tmp_path / "out", to="jpg", session=session)
    path = zipped(tmp_path / "a.zip", {"same.png": picture(1), "other.png": picture(3)})
    report = imgpar.convert(path, tmp_path / "out", to="jpg", session=session)
    found = {os.path.basename(item.source): (item.status, item.outputs[0].path) for item in report.items}
    assert found == {
        "same.png": ("skipped", str(tmp_path / "out/same.jpg")),
        "other.png": ("ok", str(tmp_path / "out/other.png.jpg")),
    }


def test_an_archive_inside_a_folder_is_counted_and_not_opened(tmp_path: Path) -> None:
    zipped(tmp_path / "trip.zip", {"b.jpg": b"1"})
    (batch,) = scan([str(tmp_path)], out=None)
    assert (len(batch.items), batch.kinds) == (0, {".zip": 1})


def test_one_archive_named_twice_is_read_once(tmp_path: Path) -> None:
    path = zipped(tmp_path / "trip.zip", {"b.jpg": b"1"})
    assert len(items(path, path)) == 1


def test_what_systems_put_into_archives_is_left_out(tmp_path: Path) -> None:
    files = {"__MACOSX/._a.jpg": b"1", ".hidden/a.jpg": b"1", "._a.jpg": b"1", "a.jpg": b"1", "d/": b""}
    assert [item.mirror for item in items(zipped(tmp_path / "a.zip", files))] == ["a.jpg"]


def test_patterns_select_files_of_an_archive(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": b"1", "b.png": b"1", "proofs/c.jpg": b"1"})
    found = items(path, patterns=Patterns(["*.jpg"], ["proofs/"]))
    assert [item.mirror for item in found] == ["a.jpg"]


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "a//evil.jpg", "./evil.jpg"]
)
def test_a_name_that_leads_outside_is_a_failed_input(tmp_path: Path, name: str) -> None:
    (item,) = items(zipped(tmp_path / "a.zip", {name: b"1"}))
    assert item.error.startswith("Its name leads outside of the input")
    assert os.path.dirname(item.path) == str(tmp_path / "a.zip")
    assert "/" not in item.mirror


def test_nothing_is_written_outside(tmp_path: Path, session: imgpar.Session) -> None:
    (tmp_path / "in").mkdir()
    path = zipped(tmp_path / "in/a.zip", {"../evil.png": picture(), "good.png": picture()})
    report = imgpar.convert(path, tmp_path / "deep/out", to="jpg", session=session)
    assert (report.ok, report.failed) == (1, 1)
    assert [found.name for found in tmp_path.rglob("*.jpg")] == ["good.jpg"]


def test_a_path_of_thousands_of_parts_is_a_failed_input(tmp_path: Path) -> None:
    (item,) = items(zipped(tmp_path / "a.zip", {"a/" * 15_000 + "b.jpg": b"1"}))
    assert item.error == "Its name has 30,005 characters. Rename it."
    assert os.path.dirname(item.path) == str(tmp_path / "a.zip")


def test_links_are_not_followed(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    (item,) = items(tmp_path / "a.zip")
    assert item.error == "It is a link, and links in archives are not followed."


def encrypted(path: Path) -> Path:
    """An archive whose entry says that it is encrypted, in both headers."""
    data = bytearray(zipped(path, {"a.jpg": b"12345678901234567890"}, compression=0).read_bytes())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.find(mark) + at] |= 1
    path.write_bytes(data)
    return path


def test_an_encrypted_file_is_a_failed_input(tmp_path: Path) -> None:
    (item,) = items(encrypted(tmp_path / "a.zip"))
    assert (
        item.error == "It is encrypted. Give the password with --password-file FILE (password=), or in "
        "IMGPAR_PASSWORD."
    )


def test_of_two_files_with_one_name_the_last_is_taken(tmp_path: Path, session: imgpar.Session) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", picture(1))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.png", picture(5))
    report = imgpar.convert(tmp_path / "a.zip", tmp_path / "out", session=session)
    assert (report.ok, report.notes) == (
        1,
        (f"{tmp_path}/a.zip/a.png is there several times; the last one was taken.",),
    )
    assert Image.open(tmp_path / "out/a.png").getpixel((0, 0))[0] == 200


def test_names_that_differ_in_case_only_get_outputs_of_their_own(
    tmp_path: Path, session: imgpar.Session
) -> None:
    files = {"A/x.png": picture(1), "a/x.png": picture(2), "b/y.png": picture(3), "b/Y.png": picture(4)}
    files |= {"c/\u00e9.png": picture(1), "c/e\u0301.png": picture(2)}
    report = imgpar.convert(zipped(tmp_path / "a.zip", files), tmp_path / "out", to="jpg", session=session)
    outputs = [file.path.lower() for outcome in report.items for file in outcome.outputs]
    assert (report.ok, len(set(outputs))) == (6, 6)


def test_a_file_and_a_folder_may_have_one_name(tmp_path: Path, session: imgpar.Session) -> None:
    files = {"a.png": picture(), "a.png/b.png": picture(), "a.jpg/b.png": picture()}
    report = imgpar.convert(zipped(tmp_path / "a.zip", files), tmp_path / "out", to="jpg", session=session)
    made = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.jpg"))
    assert (report.ok, made) == (3, ["a.jpg", "a.jpg/b.jpg", "a.png.jpg", "a.png/b.jpg"])


def test_a_file_that_is_no_archive_is_one_failed_input(tmp_path: Path, session: imgpar.Session) -> None:
    (tmp_path / "a.zip").write_bytes(b"no archive")
    report = imgpar.convert(tmp_path / "a.zip", tmp_path / "out", session=session)
    (outcome,) = report.items
    assert (outcome.status, outcome.source) == ("failed", str(tmp_path / "a.zip"))
    assert outcome.error.startswith("It cannot be read as a ZIP archive: it has no directory at its end")


def test_a_damaged_file_fails_alone(tmp_path: Path, session: imgpar.Session) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture(1), "b.png": picture(2)}, compression=0)
    data = bytearray(path.read_bytes())
    data[data.find(b"IDAT") + 6] ^= 255
    path.write_bytes(data)
    report = imgpar.convert(path, tmp_path / "out", session=session)
    assert (report.ok, report.failed) == (1, 1)
    assert report.failures[0].error == "It is damaged: Bad CRC-32 for file 'a.png'."
    assert report.failures[0].kind == "DamagedError"


def test_a_file_larger_than_the_memory_is_not_unpacked(tmp_path: Path, session: imgpar.Session) -> None:
    bomb = zipped(tmp_path / "a.zip", {"a.png": picture() + bytes(80 << 20)})
    assert bomb.stat().st_size < 1 << 20
    report = imgpar.convert(bomb, tmp_path / "out", session=session)
    assert (report.failed, report.failures[0].kind) == (1, "LimitError")


def test_a_file_that_says_less_than_it_holds_is_cut(tmp_path: Path, session: imgpar.Session) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture() + bytes(8 << 20)})
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<L", data, data.find(mark) + at, 100)
    path.write_bytes(data)
    report = imgpar.convert(path, tmp_path / "out", session=session)
    assert (report.failed, report.failures[0].kind) == (1, "DamagedError")


def test_the_pixel_limit_holds_for_archives(tmp_path: Path, session: imgpar.Session) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture()})
    report = imgpar.convert(path, tmp_path / "out", max_pixels=100, session=session)
    assert (report.failed, report.failures[0].kind) == (1, "LimitError")


def test_a_second_run_does_only_what_changed(tmp_path: Path, session: imgpar.Session) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture(1), "b.png": picture(2)})
    imgpar.convert(path, tmp_path / "out", to="jpg", session=session)
    zipped(path, {"a.png": picture(1), "b.png": picture(3)})
    report = imgpar.convert(path, tmp_path / "out", to="jpg", session=session)
    assert [outcome.status for outcome in report.items] == ["skipped", "ok"]


def test_an_archive_may_move_with_its_outputs(tmp_path: Path, session: imgpar.Session) -> None:
    (tmp_path / "here").mkdir()
    zipped(tmp_path / "here/a.zip", {"a.png": picture(1)})
    imgpar.convert(tmp_path / "here/a.zip", tmp_path / "here/out", to="jpg", session=session)
    (tmp_path / "here").rename(tmp_path / "there")
    report = imgpar.convert(tmp_path / "there/a.zip", tmp_path / "there/out", to="jpg", session=session)
    assert report.reasons == {"unchanged": 1}


def test_failed_files_of_an_archive_are_tried_again(tmp_path: Path, session: imgpar.Session) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture(1), "b.png": b"nothing"})
    assert imgpar.convert(path, tmp_path / "out", to="jpg", session=session).failed == 1
    zipped(path, {"a.png": picture(1), "b.png": picture(2)})
    report = imgpar.retry(tmp_path / "out", session=session)
    assert [(outcome.source, outcome.status) for outcome in report.items] == [(f"{path}/b.png", "ok")]


def test_outputs_keep_the_times_of_the_archive(tmp_path: Path, session: imgpar.Session) -> None:
    info = zipfile.ZipInfo("a.png", (2001, 2, 3, 4, 5, 6))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, picture())
    (outcome,) = imgpar.convert(tmp_path / "a.zip", tmp_path / "out", session=session).items
    seconds = os.stat(outcome.outputs[0].path).st_mtime
    assert time.localtime(seconds)[:6] == (2001, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_clip_is_converted_from_an_archive(
    tmp_path: Path, session: imgpar.Session, compression: int
) -> None:
    make_clip(tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    path = zipped(tmp_path / "a.zip", {"clips/a.mp4": data}, compression=compression)
    report = imgpar.convert(path, tmp_path / "out", to="mkv", resize="32x", session=session)
    assert (report.ok, [file.width for file in report.items[0].outputs]) == (1, [32])
    assert (tmp_path / "out/clips/a.mkv").exists()


def test_an_archive_cannot_be_converted_in_place(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture()})
    with pytest.raises(imgpar.UsageError, match=r"a\.zip cannot be converted in place"):
        imgpar.convert(path, resize="10", in_place=True)


def test_a_dry_run_reads_the_directory_only(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture(), "../b.png": b""})
    plan = imgpar.dry_run(path, tmp_path / "out", to="jpg")
    assert [(item.status, [file.path for file in item.outputs]) for item in plan.items] == [
        ("failed", []),
        ("planned", [str(tmp_path / "out/a.jpg")]),
    ]


def test_arrays_come_from_an_archive(tmp_path: Path, session: imgpar.Session) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture(1), "b.png": picture(2)})
    found = [(item.mirror, array.shape) for item, array in session.arrays(imgpar.Pipeline(), path)]
    assert found == [("a.png", (16, 24, 3)), ("b.png", (16, 24, 3))]


# ----- one file of all inputs -----------------------------------------------------------------------


def test_pictures_of_an_archive_become_a_clip_a_sheet_and_a_document(
    tmp_path: Path, session: imgpar.Session
) -> None:
    path = zipped(tmp_path / "a.zip", {f"{at}.jpg": picture(at, "JPEG") for at in range(3)})
    pipe = imgpar.Pipeline()
    made = [
        pipe.assemble(path, tmp_path / "clip.mp4", fps=5, session=session),
        pipe.assemble(path, tmp_path / "pages.pdf", session=session),
        pipe.sheet(path, tmp_path / "sheet.png", session=session),
        pipe.assemble(path, tmp_path / "clip.mp4", fps=5, session=session),
    ]
    assert [report.ok for report in made] == [3, 3, 3, 0]
    assert made[3].reasons == {"unchanged": 3}


def test_clips_of_an_archive_are_joined(tmp_path: Path, session: imgpar.Session) -> None:
    make_clip(tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    path = zipped(tmp_path / "a.zip", {"1.mp4": data, "2.mp4": data})
    report = imgpar.concat(path, tmp_path / "all.mp4", session=session)
    clip = imgpar.describe(tmp_path / "all.mp4")
    assert (report.ok, clip.frames) == (2, 50)


# ----- facts ----------------------------------------------------------------------------------------


def test_files_of_an_archive_are_described(tmp_path: Path, session: imgpar.Session) -> None:
    make_clip(tmp_path / "c.mp4")
    clip = (tmp_path / "c.mp4").read_bytes()
    path = zipped(tmp_path / "a.zip", {"a.png": picture(), "b.mp4": clip, "c.png": b"nothing"})
    found = dict(session.describe([path, imgpar.MemorySource({"d.png": picture()})]))
    assert list(found) == [f"{path}/a.png", f"{path}/b.mp4", f"{path}/c.png", "memory://inputs/d.png"]
    sizes = [None if isinstance(info, imgpar.ItemError) else info.size for info in found.values()]
    assert sizes == [(24, 16), (64, 48), None, (24, 16)]


def test_a_plan_of_an_archive_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture(), "b.png": b"nothing"})
    code = main(["convert", str(path), "-o", str(tmp_path / "out"), "--resize", "12", "--explain"])
    said = capsys.readouterr()
    assert code == 1
    assert "24×16 → 12×8" in said.out
    assert f"failed  {path}/b.png" in said.err


# ----- the directory --------------------------------------------------------------------------------


def rewritten(path: Path, mark: bytes, at: int, form: str, *values: int) -> None:
    """Change fields after a mark of the archive."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.index(mark) + at, *values)
    path.write_bytes(data)


def test_what_is_before_an_archive_does_not_matter(tmp_path: Path, session: imgpar.Session) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture(1), "b.png": picture(2)})
    path.write_bytes(b"a program that unpacks itself" * 50 + path.read_bytes())
    assert imgpar.convert(path, tmp_path / "out", to="jpg", session=session).ok == 2


def test_a_comment_may_look_like_an_end(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": b"1"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"x" * 60_000
    assert [item.mirror for item in items(path)] == ["a.jpg"]


def test_sizes_and_places_beyond_32_bits_are_read(
    tmp_path: Path, session: imgpar.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as smaller:
        smaller.setattr(zipfile, "ZIP64_LIMIT", 50)  # then the fields of large archives are written
        zipped(tmp_path / "a.zip", {"a.png": picture(1), "b.png": picture(2)})
    assert b"PK\6\6" in (tmp_path / "a.zip").read_bytes()
    assert imgpar.convert(tmp_path / "a.zip", tmp_path / "out", session=session).ok == 2


@pytest.mark.slow
def test_more_than_65535_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(65_600):
            archive.writestr(zipfile.ZipInfo(f"{number}.jpg"), b"")
    assert len(items(tmp_path / "a.zip")) == 65_600


@pytest.mark.parametrize("where", [0, 4, 10, 12, 16])
def test_an_end_that_lies_is_one_failed_input(tmp_path: Path, where: int) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": b"1"})
    rewritten(path, b"PK\5\6", where, "<L", 0xFFFFFFF0)
    assert all(item.error or item.mirror == "a.jpg" for item in items(path))


def test_a_part_of_a_split_archive_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": b"1"})
    rewritten(path, b"PK\5\6", 4, "<2H", 2, 0)
    (item,) = items(path)
    assert item.kind == "UnsupportedError"
    assert "part of a split archive" in item.error


def test_members_with_the_same_data_are_failed_inputs(tmp_path: Path) -> None:
    """Many names of the same data make a small file unpack to any size."""
    path = zipped(tmp_path / "a.zip", {"a.jpg": b"1" * 900, "b.jpg": b"1" * 900, "c.jpg": b"2"})
    data = path.read_bytes()
    second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)
    path.write_bytes(data[: second + 42] + struct.pack("<L", 0) + data[second + 46 :])
    errors = {item.mirror: item.error for item in items(path)}
    assert "those of another file" in errors["a.jpg"]
    assert "those of another file" in errors["b.jpg"]
    assert errors["c.jpg"] == ""


@pytest.mark.parametrize(("method", "name"), [(9, "Deflate64"), (98, "PPMd"), (77, "method 77")])
def test_a_method_that_is_not_read_is_named(tmp_path: Path, method: int, name: str) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": b"1"})
    rewritten(path, b"PK\1\2", 10, "<H", method)
    (item,) = items(path)
    assert item.kind == "UnsupportedError"
    assert f"compressed with {name}" in item.error


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods(tmp_path: Path, session: imgpar.Session, compression: int) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture()}, compression=compression)
    assert imgpar.convert(path, tmp_path / "out", session=session).ok == 1


def test_members_in_zstandard(tmp_path: Path, session: imgpar.Session) -> None:
    library = pytest.importorskip("backports.zstd.zipfile", reason="backports.zstd is missing")
    with library.ZipFile(tmp_path / "a.zip", "w", library.ZIP_ZSTANDARD) as archive:
        archive.writestr("a.png", picture())
        archive.writestr("b.png", picture(1))
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[data.index(b"b.png") + 20] ^= 255
    (tmp_path / "a.zip").write_bytes(data)
    report = imgpar.convert(tmp_path / "a.zip", tmp_path / "out", session=session)
    assert (report.ok, report.failures[0].kind) == (1, "DamagedError")


def test_names_in_other_encodings(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("xxx1.jpg", "xxxx2.jpg", "xxxxxxx3.jpg"):
            archive.writestr(name, b"1")
    data = (tmp_path / "a.zip").read_bytes()
    data = data.replace(b"xxx1", "é".encode("cp437") + b"xx1")
    data = data.replace(b"xxxx2", "éé".encode() + b"2")  # UTF-8 that does not say so
    data = data.replace(b"xxxxxxx3", "写真だ".encode("cp932") + b"x3")
    (tmp_path / "a.zip").write_bytes(data)
    found = [item.mirror for item in items(tmp_path / "a.zip")]
    assert {"éxx1.jpg", "éé2.jpg"} < set(found)
    assert len(found) == 3


@pytest.mark.parametrize(
    ("extra", "seconds"),
    [
        (b"UT\5\0\1" + (1_600_000_001).to_bytes(4, "little"), 1_600_000_001),
        (
            b"\x0a\0\x20\0\0\0\0\0\1\0\x18\0"
            + (1_600_000_003 * 10**7 + 116_444_736_000_000_000).to_bytes(8, "little")
            + bytes(16),
            1_600_000_003,
        ),
        (b"UT\1\0", time.mktime((2001, 2, 3, 4, 5, 6, 0, 0, -1))),
    ],
)
def test_times_of_file_systems(tmp_path: Path, extra: bytes, seconds: int) -> None:
    info = zipfile.ZipInfo("a.jpg", (2001, 2, 3, 4, 5, 6))
    info.extra = extra
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, b"1")
    assert [item.mtime_ns for item in items(tmp_path / "a.zip")] == [seconds * 10**9]


def test_an_archive_that_was_replaced_after_it_was_listed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": picture(1)})
    sources = sources_of(with_sources([str(path)]))
    (item,) = items(path)
    zipped(path, {"b.png": picture(2), "a.png": picture(3)})
    with (
        pytest.raises(imgpar.SourceError, match="changed after its files were listed"),
        opened(item._replace(source=1), sources),
    ):
        pass


# ----- passwords ------------------------------------------------------------------------------------


def locked_by(method: str, path: Path, files: Files) -> Path:
    if method == "AES":
        library = pytest.importorskip("pyzipper", reason="pyzipper is missing")
        with library.AESZipFile(path, "w", encryption=library.WZ_AES) as archive:
            archive.setpassword(b"sesame")
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    if not shutil.which("zip"):
        pytest.skip("zip is missing")
    for name, data in files.items():
        (path.parent / name).write_bytes(data)
    subprocess.run(["zip", "-q", "-P", "sesame", path, *files], cwd=path.parent, check=True)
    return path


@pytest.mark.parametrize("method", ["AES", "ZipCrypto"])
def test_encrypted_files_need_their_password(tmp_path: Path, session: imgpar.Session, method: str) -> None:
    path = locked_by(method, tmp_path / "a.zip", {"a.png": picture(1), "b.png": picture(2)})
    report = imgpar.convert(path, tmp_path / "none", session=session)
    assert (report.ok, {item.kind for item in report.failures}) == (0, {"LockedError"})
    report = imgpar.convert(path, tmp_path / "wrong", password="other", session=session)
    assert {item.error.partition(".")[0] for item in report.failures} == {
        "It is encrypted, and the password is wrong"
    }
    report = imgpar.convert(path, tmp_path / "out", password="sesame", session=session)
    assert (report.ok, (tmp_path / "out/b.png").read_bytes()) == (2, picture(2))


@pytest.mark.parametrize("place", range(3))
def test_sizes_and_places_of_64_bits_that_are_lies(tmp_path: Path, place: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", b"a" * 99)
        archive.writestr("lie.png", b"b" * 99)
    data = bytearray((tmp_path / "a.zip").read_bytes())
    at, end = data.rindex(b"PK\1\2"), data.rindex(b"PK\5\6")
    values = [99, 99, 0]
    values[place] = (1 << 64) - 1
    struct.pack_into("<2L", data, at + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<L", data, at + 42, 0xFFFFFFFF)
    struct.pack_into("<H", data, at + 30, 28)
    struct.pack_into("<L", data, end + 12, struct.unpack_from("<L", data, end + 12)[0] + 28)
    data[end:end] = struct.pack("<2H3Q", 1, 24, *values)
    (tmp_path / "a.zip").write_bytes(data)
    found = [item for batch in ZipSource(str(tmp_path / "a.zip")).batches("") for item in batch.items]
    assert [bool(item.error) for item in found if item.path.endswith("lie.png")] == [True]
