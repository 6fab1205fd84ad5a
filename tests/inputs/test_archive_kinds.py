"""Archives of every kind as inputs: each behaves like the folder that it was made of."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from packing import KINDS, TARS, packed, packed_folder
from PIL import Image

import imgpar
from imgpar.cli import main
from imgpar.core.job import Item
from imgpar.inputs.local import scan
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.resolving import with_sources

every_kind = pytest.mark.parametrize("kind", KINDS)
each_way = pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "7z"])
"""A kind for each way in which members are read."""


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


def picture(seed: int = 0, size: tuple[int, int] = (24, 16), kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, (seed * 20 % 256, 90, 120)).save(data, kind)
    return data.getvalue()


def items(*inputs: Path, patterns: Patterns | None = None) -> list[Item]:
    named = with_sources(str(path) for path in inputs)
    return [item for batch in scan(named, out=None, patterns=patterns) for item in batch.items]


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of every output."""
    files = (file for file in folder.rglob("*") if file.is_file() and ".imgpar" not in file.parts)
    return {
        file.relative_to(folder).as_posix(): (file.read_bytes(), int(file.stat().st_mtime)) for file in files
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Names that meet, nested ones, other files, a damaged and an empty picture."""
    root = tmp_path_factory.mktemp("kinds") / "trip"
    files = {
        "b10.png": picture(1),
        "b9.jpg": picture(2, kind="JPEG"),
        "2024/a.png": picture(3),
        "2024/a.jpg": picture(4, kind="JPEG"),
        "2024/mai/ü é.png": picture(5),
        "2024.d/x.png": picture(6),
        "notes.txt": b"text",
        "__MACOSX/._a.png": b"1",
        ".hidden.png": b"1",
        "damaged.png": picture(7)[:40],
        "empty.jpg": b"",
    }
    for number, (name, data) in enumerate(files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (1_600_000_000 + number * 2,) * 2)
    return root


@every_kind
def test_it_is_listed_like_its_folder(tmp_path: Path, folder: Path, kind: str) -> None:
    archive = packed_folder(folder, tmp_path / f"trip.{kind}")
    found = [(item.mirror, item.size, item.mtime_ns) for item in items(archive)]
    assert found == [(item.mirror, item.size, item.mtime_ns) for item in items(folder)]


@every_kind
def test_outputs_and_report_are_those_of_the_folder(
    tmp_path: Path, folder: Path, kind: str, session: imgpar.Session
) -> None:
    archive = packed_folder(folder, tmp_path / f"trip.{kind}")
    reports = []
    for given_, out in ((folder, tmp_path / "one"), (archive, tmp_path / "two")):
        report = imgpar.convert(given_, out, to="webp", resize="12", session=session)
        named = [
            (os.path.relpath(item.source, given_), item.status, item.kind, item.error, item.source_bytes)
            for item in report.items
        ]
        reports.append((named, report.ok, report.failed, report.ignored, report.left_out))
    assert reports[0] == reports[1]
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert len(tree(tmp_path / "two")) == 6


@pytest.mark.slow
@each_way
def test_samples_and_other_files_go_along(tmp_path: Path, kind: str, session: imgpar.Session) -> None:
    files = {
        "000/000123.jpg": picture(1, kind="JPEG"),
        "000/000123.json": b'{"a": 1}',
        "000/000123.txt": b"a caption",
        "000/000123.cls": b"7",
        "000/000124.seg.png": picture(2),
        "000/000124.json": b"{}",
        "000/readme.md": b"other",
        "b.png": picture(3),
        "b.xmp": b"<x/>",
        "c.txt": b"of no picture",
    }
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
        os.utime(tmp_path / "in" / name, (1_600_000_000,) * 2)
    archive = packed_folder(tmp_path / "in", tmp_path / f"a.{kind}")
    for settings_, count in ({"companions": "samples"}, 8), ({"companions": "copy", "others": "copy"}, 10):
        trees = []
        for given_ in (tmp_path / "in", archive):
            out = tmp_path / f"out-{given_.name}-{count}"
            report = imgpar.convert(given_, out, to="webp", session=session, **settings_)
            again = imgpar.convert(given_, out, to="webp", session=session, **settings_)
            assert (report.failed, set(again.reasons)) == (0, {"unchanged"})
            trees.append(tree(out))
        assert trees[0] == trees[1]
        assert len(trees[1]) == count


@every_kind
def test_a_second_run_does_only_what_changed(tmp_path: Path, kind: str, session: imgpar.Session) -> None:
    path = tmp_path / f"a.{kind}"
    first = {f"{number}.png": picture(number) for number in range(3)}
    packed(path, first)
    imgpar.convert(path, tmp_path / "out", to="jpg", session=session)
    again = imgpar.convert(path, tmp_path / "out", to="jpg", session=session)
    assert again.reasons == {"unchanged": 3}
    assert len(picture(2)) == len(picture(5))  # neither size nor time tells
    packed(path, {**first, "2.png": picture(5), "3.png": picture(6)})
    report = imgpar.convert(path, tmp_path / "out", to="jpg", session=session)
    assert [outcome.status for outcome in report.items] == ["skipped", "skipped", "ok", "ok"]


@each_way
def test_a_dry_run_names_what_a_run_makes(
    tmp_path: Path, folder: Path, kind: str, session: imgpar.Session
) -> None:
    archive = packed_folder(folder, tmp_path / f"trip.{kind}")
    plan = imgpar.dry_run(archive, tmp_path / "out", to="jpg")
    report = imgpar.convert(archive, tmp_path / "out", to="jpg", session=session)
    made = {file.path for item in report.items for file in item.outputs}
    assert made <= {file.path for item in plan.items for file in item.outputs}


@every_kind
def test_of_several_inputs_it_has_a_folder_of_its_name(tmp_path: Path, kind: str) -> None:
    (tmp_path / "trip").mkdir()
    (tmp_path / "trip/b.jpg").write_bytes(b"1")
    archive = packed(tmp_path / f"trip.{kind}", {"b.jpg": b"1"})
    found = {item.mirror for item in items(archive, tmp_path / "trip")}
    assert f"trip-{kind}/b.jpg" in found
    assert len(found) == 2


@each_way
@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "..\\evil.png"])
def test_a_name_that_leads_outside_is_a_failed_input(
    tmp_path: Path, kind: str, name: str, session: imgpar.Session
) -> None:
    (tmp_path / "in").mkdir()
    archive = packed(tmp_path / f"in/a.{kind}", {"good.png": picture(), "evil.png": picture(1)})
    if kind != "7z":
        archive = packed(archive, {name: picture(1), "good.png": picture()})
    else:
        pytest.skip("py7zr writes no such names: test_sevenzip_source.py")
    report = imgpar.convert(archive, tmp_path / "deep/out", to="jpg", session=session)
    assert (report.ok, report.failed) == (1, 1)
    assert report.failures[0].error.startswith("Its name leads outside of the input")
    assert [found.name for found in tmp_path.rglob("*.jpg")] == ["good.jpg"]


@each_way
def test_the_last_of_two_files_with_one_name_is_taken(
    tmp_path: Path, kind: str, session: imgpar.Session
) -> None:
    class Twice(dict[str, bytes]):
        def items(self):  # type: ignore[no-untyped-def,override]
            return [("a.png", picture(1)), ("a.png", picture(5)), ("b.png", picture(2))]

    if kind == "zip":
        pytest.skip("tested in test_zip_source.py")
    archive = packed(tmp_path / f"a.{kind}", Twice())
    report = imgpar.convert(archive, tmp_path / "out", session=session)
    assert (report.ok, len(report.notes)) == (2, 1)
    assert Image.open(tmp_path / "out/a.png").getpixel((0, 0))[0] == 100


@every_kind
def test_what_is_no_archive_is_one_failed_input(tmp_path: Path, kind: str, session: imgpar.Session) -> None:
    archive = packed(tmp_path / f"a.{kind}", {"b.png": picture()})
    archive.write_bytes(b"no archive at all" * 100)
    (item,) = imgpar.convert(archive, tmp_path / "out", session=session).items
    assert (item.status, item.source, item.kind) == ("failed", str(archive), "DamagedError")
    archive.write_bytes(b"")
    assert [item.path for item in items(archive) if item.error] == [str(archive)]


@pytest.mark.parametrize("kind", TARS)
def test_what_is_before_a_cut_is_converted(tmp_path: Path, kind: str, session: imgpar.Session) -> None:
    files = {f"{number}.png": picture(number) + os.urandom(400_000) for number in range(6)}
    archive = packed(tmp_path / f"a.{kind}", files)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size * 6 // 10])
    report = imgpar.convert(archive, tmp_path / "out", to="jpg", session=session)
    assert report.ok in (2, 3)
    assert report.failed in (1, 2)  # the member that is cut off, where it is known, and the archive
    assert report.failures[-1].source == str(archive)
    assert {item.kind for item in report.failures} == {"DamagedError"}


@each_way
def test_patterns_select_files(tmp_path: Path, kind: str) -> None:
    archive = packed(tmp_path / f"a.{kind}", {"a.jpg": b"1", "b.png": b"1", "proofs/c.jpg": b"1"})
    found = items(archive, patterns=Patterns(["*.jpg"], ["proofs/"]))
    assert [item.mirror for item in found] == ["a.jpg"]


@each_way
def test_facts_arrays_and_names_by_content(tmp_path: Path, kind: str, session: imgpar.Session) -> None:
    files = {f"{number}.png": picture(number, (20 + number, 10)) for number in (3, 1, 2)}
    archive = packed(tmp_path / f"a.{kind}", files)
    found = [info.size for _, info in session.describe(archive)]  # type: ignore[union-attr]
    assert found == [(21, 10), (22, 10), (23, 10)]
    shapes = [array.shape for _, array in session.arrays(imgpar.Pipeline(), archive)]
    assert shapes == [(10, 21, 3), (10, 22, 3), (10, 23, 3)]
    report = imgpar.convert(
        archive, tmp_path / "out", where="width>21", name="{width}-{stem}", to="jpg", session=session
    )
    assert sorted(tree(tmp_path / "out")) == ["22-2.jpg", "23-3.jpg"]
    assert report.filtered == 1


@each_way
def test_pictures_become_one_file(tmp_path: Path, kind: str, session: imgpar.Session) -> None:
    archive = packed(tmp_path / f"a.{kind}", {f"{at}.jpg": picture(at, kind="JPEG") for at in range(3)})
    pipe = imgpar.Pipeline()
    made = [
        pipe.assemble(archive, tmp_path / "pages.pdf", session=session),
        pipe.sheet(archive, tmp_path / "sheet.png", session=session),
        pipe.assemble(archive, tmp_path / "pages.pdf", session=session),
    ]
    assert [report.ok for report in made] == [3, 3, 0]
    assert made[2].reasons == {"unchanged": 3}


@pytest.mark.parametrize("comic", ["cbz", "cbt", "cb7"])
def test_comics_are_archives(tmp_path: Path, comic: str, session: imgpar.Session) -> None:
    kind = {"cbz": "zip", "cbt": "tar", "cb7": "7z"}[comic]
    archive = packed(tmp_path / f"a.{kind}", {f"{at}.jpg": picture(at, kind="JPEG") for at in range(3)})
    comic_path = archive.rename(tmp_path / f"a.{comic}")
    assert imgpar.Pipeline().assemble(comic_path, tmp_path / "a.pdf", session=session).ok == 3


@pytest.mark.parametrize("suffix", ["tgz", "tbz2", "txz"])
def test_short_suffixes_mean_the_same(tmp_path: Path, suffix: str) -> None:
    long = {"tgz": "tar.gz", "tbz2": "tar.bz2", "txz": "tar.xz"}[suffix]
    archive = packed(tmp_path / f"a.{long}", {"a.jpg": b"1"}).rename(tmp_path / f"a.{suffix}")
    assert [item.mirror for item in items(archive)] == ["a.jpg"]


@each_way
def test_failed_files_are_tried_again(tmp_path: Path, kind: str, session: imgpar.Session) -> None:
    archive = packed(tmp_path / f"a.{kind}", {"a.png": picture(1), "b.png": b"nothing"})
    assert imgpar.convert(archive, tmp_path / "out", to="jpg", session=session).failed == 1
    packed(archive, {"a.png": picture(1), "b.png": picture(2)})
    report = imgpar.retry(tmp_path / "out", session=session)
    assert [(item.source, item.status) for item in report.items] == [(f"{archive}/b.png", "ok")]
    assert imgpar.verify(tmp_path / "out").ok == 2


@pytest.mark.parametrize("kind", ["tar.gz", "7z"])
def test_the_pixel_limit_holds(tmp_path: Path, kind: str, session: imgpar.Session) -> None:
    archive = packed(tmp_path / f"a.{kind}", {"a.png": picture()})
    report = imgpar.convert(archive, tmp_path / "out", max_pixels=100, session=session)
    assert [item.kind for item in report.failures] == ["LimitError"]


def test_a_picture_that_is_larger_than_the_memory_fails(tmp_path: Path, session: imgpar.Session) -> None:
    data = os.urandom(4 << 20) * 18  # 72 MB, which do not unpack to a thousand times their size
    archive = packed(tmp_path / "a.tar.zst", {"a.png": picture(), "b.png": data})
    report = imgpar.convert(archive, tmp_path / "out", session=session)
    assert (report.ok, [item.kind for item in report.failures]) == (1, ["LimitError"])


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "7z"])
def test_what_unpacks_to_a_thousand_times_its_size_is_not_read(
    tmp_path: Path, kind: str, session: imgpar.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgpar.inputs.archives.FREE_BYTES", 1 << 20)
    monkeypatch.setattr("imgpar.inputs.archives.MOST_RATIO", 500)
    archive = packed(tmp_path / f"a.{kind}", {"a.png": picture(), "b.mp4": bytes(4 << 20)})
    report = imgpar.convert(archive, tmp_path / "out", session=session)
    assert (report.ok, [item.kind for item in report.failures]) == (1, ["LimitError"])
    assert "more than 500 times its size" in report.failures[0].error


def test_ranges_and_patterns_name_several_archives(
    tmp_path: Path, session: imgpar.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(8, 12):
        packed(tmp_path / f"s-{number:05}.tar", {f"{number}.png": picture(number)})
    code = main(
        ["convert", str(tmp_path / "s-{00009..00011}.tar"), "-o", str(tmp_path / "out"), "--to", "jpg"]
    )
    assert (code, len(tree(tmp_path / "out"))) == (0, 3)
    assert "s-00010/10.jpg" in tree(tmp_path / "out")
    report = imgpar.convert(str(tmp_path / "s-*.tar"), tmp_path / "all", to="jpg", session=session)
    assert report.ok == 4
    with pytest.raises(imgpar.UsageError, match="has 0 numbers"):
        imgpar.convert(str(tmp_path / "s-{9..1}.tar"), tmp_path / "none")


@pytest.mark.parametrize(
    ("kind", "flag"), [("tar", ""), ("tar.gz", "-z"), ("tar.bz2", "-j"), ("tar.xz", "-J")]
)
def test_archives_of_the_systems_tar(
    tmp_path: Path, folder: Path, kind: str, flag: str, session: imgpar.Session
) -> None:
    path = tmp_path / f"trip.{kind}"
    subprocess.run(["tar", "-C", folder, *([flag] if flag else []), "-cf", path, "."], check=True)
    imgpar.convert(folder, tmp_path / "one", to="webp", session=session)
    imgpar.convert(path, tmp_path / "two", to="webp", session=session)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


_NAMES = st.text(st.sampled_from("aB1 é.-_ü"), min_size=1, max_size=6).filter(lambda name: name.strip(". "))
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".png")


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(_PATHS, min_size=1, max_size=5), order=st.randoms(use_true_random=False))
def test_any_folder_and_its_archives_give_the_same(
    tmp_path_factory: pytest.TempPathFactory, session: imgpar.Session, names: set[str], order: object
) -> None:
    place = tmp_path_factory.mktemp("any")
    shuffled = sorted(names)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    files = {name: picture(at) for at, name in enumerate(shuffled)}
    for name, data in files.items():
        (place / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "in" / name).write_bytes(data)
        os.utime(place / "in" / name, (1_600_000_000,) * 2)
    imgpar.convert(place / "in", place / "out", to="webp", session=session)
    wanted = tree(place / "out")
    for kind in KINDS:
        archive = packed(place / f"in.{kind}", files, times=dict.fromkeys(files, 1_600_000_000))
        out = place / kind.replace(".", "-") / "out"
        imgpar.convert(archive, out, to="webp", session=session)
        assert tree(out) == wanted, kind
