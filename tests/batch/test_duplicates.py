"""Files of equal content, pictures that look alike, and runs that convert equal ones once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageEnhance

import imgpar
from imgpar import Pipeline
from imgpar.batch.alike import Alike, find_groups
from imgpar.batch.duplicates import DuplicateFile, DuplicateGroup, in_lines
from imgpar.pixels.fingerprint import perceptual_hash


def scene(seed: int, size: tuple[int, int] = (96, 64)) -> Image.Image:
    """A smooth picture of blobs, another one for each seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def print_of(picture: Image.Image) -> str:
    return perceptual_hash(np.asarray(picture.convert("RGB").resize((32, 32), Image.Resampling.BOX)))


def distance(one: str, other: str) -> int:
    return (int(one[:16], 16) ^ int(other[:16], 16)).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_the_hash_is_that_of_a_reference(seed: int) -> None:
    """pHash with the DCT of OpenCV: the lowest 8×8 frequencies against their median."""
    small = np.asarray(scene(seed).resize((32, 32), Image.Resampling.BOX))
    luma = small.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    low = cv2.dct(luma)[:8, :8]
    low[0, :] *= np.sqrt(2)  # OpenCV scales the first row and column, the hash does not
    low[:, 0] *= np.sqrt(2)
    expected = np.packbits(low.ravel() > np.median(low)).tobytes().hex()
    assert distance(perceptual_hash(small), expected) <= 1


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture.resize((960, 640)),
        lambda picture: picture.resize((33, 22)),
        lambda picture: ImageEnhance.Brightness(picture).enhance(1.1),
        lambda picture: Image.open(BytesIO(Pipeline().encode(png(picture), to="jpg", quality=30))),
    ],
)
def test_a_changed_copy_is_near(change: object) -> None:
    for seed in range(4):
        assert distance(print_of(scene(seed)), print_of(change(scene(seed)))) <= 6  # type: ignore[operator]


def test_other_pictures_are_far() -> None:
    prints = [print_of(scene(seed)) for seed in range(20)]
    assert min(distance(one, other) for one in prints for other in prints if one != other) > 12


@pytest.mark.parametrize("limit", [0, 3, 6, 12])
def test_near_ones_are_those_of_a_comparison_of_all(limit: int) -> None:
    rng = np.random.default_rng(limit)
    hashes = [int(word) for word in rng.integers(0, 1 << 63, 60, dtype=np.uint64)]
    for word in hashes[:30]:  # copies with some bits turned
        turned = rng.choice(64, int(rng.integers(0, 16)), replace=False)
        hashes.append(word ^ sum(1 << int(bit) for bit in turned))
    items = [Alike(str(at), f"{word:016x}" + "80" * 12, 1.5) for at, word in enumerate(hashes)]
    expected, free = list[list[int]](), set(range(len(hashes)))
    for at, word in enumerate(hashes):
        if at in free:
            group = [n for n in sorted(free) if n >= at and (word ^ hashes[n]).bit_count() <= limit]
            free -= set(group)
            expected += [group] if len(group) > 1 else []
    assert [[member.place for member in group] for group in find_groups(items, limit)] == expected


def test_other_colours_and_other_shapes_are_not_alike() -> None:
    items = [
        Alike("a", "ff" * 8 + "80" * 12, 1.5),
        Alike("b", "ff" * 8 + "ff" * 12, 1.5),
        Alike("c", "ff" * 8 + "80" * 12, 0.7),
    ]
    assert find_groups(items, 6) == []


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two equal files, a smaller copy of them, another picture, and a broken one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    scene(1, (300, 200)).save(folder / "a.png")
    shutil.copy(folder / "a.png", folder / "b.png")
    scene(1, (150, 100)).save(folder / "c.jpg", quality=60)
    scene(2, (300, 200)).save(folder / "d.png")
    (folder / "e.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return folder


@pytest.fixture(scope="module")
def session() -> object:
    with imgpar.Session(jobs=2) as session:
        yield session


def groups(found: imgpar.Duplicates) -> list[tuple[str, list[str]]]:
    return [(group.kind, [os.path.basename(file.path) for file in group.files]) for group in found.groups]


def test_equal_and_similar_files_are_one_group(photos: Path, session: imgpar.Session) -> None:
    found = imgpar.duplicates(photos, session=session)
    assert groups(found) == [("near", ["a.png", "b.png", "c.jpg"])]
    assert os.path.basename(found.groups[0].kept.path) == "a.png"
    assert (found.files, [os.path.basename(one.source) for one in found.failures]) == (5, ["e.jpg"])
    assert found.spare == (photos / "b.png").stat().st_size + (photos / "c.jpg").stat().st_size


def test_only_the_content_is_compared_without_a_distance(photos: Path, session: imgpar.Session) -> None:
    found = imgpar.duplicates(photos, distance=None, session=session)
    assert (groups(found), found.failures) == ([("exact", ["a.png", "b.png"])], ())


@pytest.mark.parametrize(("keep", "kept"), [("first", "a.png"), ("newest", "c.jpg"), ("oldest", "b.png")])
def test_the_file_to_keep_is_chosen(photos: Path, session: imgpar.Session, keep: str, kept: str) -> None:
    for name, seconds in (("a.png", 20), ("b.png", 10), ("c.jpg", 30)):
        os.utime(photos / name, (seconds, seconds))
    found = imgpar.duplicates(photos, keep=keep, session=session)  # type: ignore[arg-type]
    assert os.path.basename(found.groups[0].kept.path) == kept


@pytest.mark.parametrize("setting", [{"distance": 13}, {"keep": "bset"}, {"quality": 3}])
def test_a_bad_setting_is_refused(photos: Path, setting: dict[str, object]) -> None:
    with pytest.raises(imgpar.UsageError):
        imgpar.duplicates(photos, **setting)  # type: ignore[arg-type]


def test_the_command_prints_groups_as_json(photos: Path) -> None:
    command = [sys.executable, "-m", "imgpar", "duplicates", str(photos), "--exact", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    group, summary = map(json.loads, done.stdout.splitlines())
    assert [file["keep"] for file in group["files"]] == [True, False]
    assert (summary["summary"]["groups"], done.returncode) == (1, 0)


def statuses(report: imgpar.Report) -> dict[str, str]:
    return {os.path.basename(item.source): item.reason or item.status for item in report.items}


def test_duplicates_are_skipped(photos: Path, session: imgpar.Session) -> None:
    report = imgpar.convert(photos, photos.parent / "out", to="webp", duplicates="skip", session=session)
    assert statuses(report) == {
        "a.png": "ok", "b.png": "duplicate", "c.jpg": "ok", "d.png": "ok", "e.jpg": "failed",
    }  # fmt: skip
    assert next(item.notes for item in report.items if item.reason) == (
        f"its content is that of {photos / 'a.png'}",
    )
    assert not (photos.parent / "out" / "b.webp").exists()


def test_duplicates_become_links(photos: Path, session: imgpar.Session) -> None:
    out = photos.parent / "out"
    report = imgpar.convert(photos, out, to="webp", duplicates="link", session=session)
    assert (report.ok, report.failed) == (4, 1)
    assert (out / "b.webp").samefile(out / "a.webp")
    assert [item.notes for item in report.items][1] == (f"its content is that of {photos / 'a.png'}",)
    assert imgpar.verify(out).failed == 0


def test_a_second_run_with_links_does_nothing(photos: Path, session: imgpar.Session) -> None:
    out = photos.parent / "out"
    imgpar.convert(photos, out, to="webp", duplicates="link", session=session)
    again = imgpar.convert(photos, out, to="webp", duplicates="link", session=session)
    assert (again.skipped, again.failed) == (4, 1)


def test_a_new_duplicate_is_linked_to_what_is_there(photos: Path, session: imgpar.Session) -> None:
    out = photos.parent / "out"
    imgpar.convert(photos, out, to="webp,jpg", duplicates="link", session=session)
    shutil.copy(photos / "d.png", photos / "f.png")
    again = imgpar.convert(photos, out, to="webp,jpg", duplicates="link", session=session)
    assert (again.ok, again.skipped) == (1, 4)
    assert (out / "f.webp").samefile(out / "d.webp")
    assert (out / "f.jpg").samefile(out / "d.jpg")


def test_an_edit_of_a_link_is_not_an_edit_of_the_input(photos: Path, session: imgpar.Session) -> None:
    out = photos.parent / "out"
    imgpar.convert(photos, out, to="webp", duplicates="link", session=session)
    scene(3, (300, 200)).save(photos / "b.png")
    again = imgpar.convert(photos, out, to="webp", duplicates="link", session=session)
    assert again.ok == 1
    assert not (out / "b.webp").samefile(out / "a.webp")


def test_functions_may_see_the_name_so_nothing_is_linked(photos: Path, session: imgpar.Session) -> None:
    out = photos.parent / "out"
    pipe = imgpar.Pipeline().apply(lambda frame: frame)
    report = pipe.run(photos, out, to="webp", duplicates="link", session=session)
    assert report.ok == 4
    assert not (out / "b.webp").samefile(out / "a.webp")


def test_a_dry_run_knows_duplicates(photos: Path) -> None:
    plan = imgpar.dry_run(photos, photos.parent / "out", duplicates="skip")
    assert [item.reason for item in plan.items] == ["", "duplicate", "", "", ""]


@pytest.mark.parametrize(("out", "mode"), [(None, "skip"), (None, "link"), ("o.zip", "link")])
def test_where_nothing_can_be_linked_it_is_refused(photos: Path, out: str | None, mode: str) -> None:
    place = photos.parent / out if out else None
    with pytest.raises(imgpar.UsageError, match="duplicates"):
        imgpar.convert(photos, place, duplicates=mode, in_place=out is None)  # type: ignore[arg-type]


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A file with a symbolic link whose name comes first, and a hard link."""
    folder = tmp_path / "linked"
    folder.mkdir()
    scene(0).save(folder / "m.png")
    os.symlink("m.png", folder / "a.png")
    os.link(folder / "m.png", folder / "z.png")
    return folder


@pytest.mark.parametrize("distance", [None, 6])
def test_links_are_no_duplicates(linked: Path, session: imgpar.Session, distance: int | None) -> None:
    found = imgpar.duplicates(linked, distance=distance, session=session)
    assert (found.groups, found.files, found.links, found.spare) == ((), 1, 2, 0)


def test_a_link_is_never_what_is_kept(linked: Path, session: imgpar.Session) -> None:
    shutil.copy(linked / "m.png", linked / "n.png")
    (group,) = imgpar.duplicates(linked, session=session).groups
    assert [Path(file.path).name for file in group.files] == ["m.png", "n.png"]


def test_links_are_skipped_for_the_file(linked: Path, session: imgpar.Session) -> None:
    report = imgpar.convert(linked, linked.parent / "out", to="jpg", duplicates="skip", session=session)
    assert statuses(report) == {"a.png": "duplicate", "m.png": "ok", "z.png": "duplicate"}


def test_paths_are_shown_from_here_and_addresses_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = (str(tmp_path / "a.jpg"), os.path.abspath("/x/b.jpg"), "s3://bucket/c.jpg")
    files = tuple(DuplicateFile(path, 9, 4, 3, not at, 0, "jpeg") for at, path in enumerate(paths))
    assert [line[2] for line in in_lines(DuplicateGroup("exact", files))] == ["a.jpg", *paths[1:]]
