"""Clips out of folders of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from video_clips import decoded

from imgpar.batch.gather.clip import numbering_gaps
from imgpar.cli import main
from imgpar.video.probe import probe


def grey(path: Path, value: int, size: tuple[int, int] = (64, 48), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, (value, value, value, 128)[: len(mode)] if mode != "L" else value).save(path)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Twelve pictures whose names sort otherwise as text than as numbers; 20 · k grey."""
    for k in range(1, 13):
        grey(tmp_path / "in" / f"f_{k}.png", 20 * k)
    return tmp_path / "in"


def assemble(*arguments: object) -> int:
    return main(["assemble", *map(str, arguments), "-j", "2", "--effort", "0"])


def test_every_picture_is_a_frame_in_natural_order(folder, tmp_path, capsys):
    assert assemble(folder, "-o", tmp_path / "o.mp4", "--fps", 10, "--quality", 95) == 0
    times, pictures = decoded(tmp_path / "o.mp4")
    assert times == pytest.approx([k / 10 for k in range(12)], abs=1e-4)
    assert [picture.mean() for picture in pictures] == pytest.approx([20 * k for k in range(1, 13)], abs=3)
    assert capsys.readouterr().out.startswith("Done: 12 ok")


def test_operations_are_done(folder, tmp_path):
    assert assemble(folder, "-o", tmp_path / "o.webm", "--resize", "32x32", "--fit", "cover") == 0
    assert probe(str(tmp_path / "o.webm")).picture.upright == (32, 32)


def test_gaps_in_the_numbering_are_named(folder, tmp_path, capsys):
    (folder / "f_5.png").unlink()
    (folder / "f_6.png").unlink()
    assert assemble(folder, "-o", tmp_path / "o.mp4") == 0
    assert "f_5.png to f_6.png are missing" in capsys.readouterr().err
    assert len(decoded(tmp_path / "o.mp4")[0]) == 10


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a1", "a2", "a3"], []),
        (["a10.png", "a20.png", "a30.png", "a50.png"], ["a40.png is missing"]),
        (["x_008.jpg", "x_009.jpg", "x_011.jpg"], ["x_010.jpg is missing"]),
        (["2024-1.jpg", "2024-2.jpg", "2025-1.jpg"], []),
        (["no number.png"], []),
    ],
)
def test_what_is_a_gap(names, expected):
    assert numbering_gaps(names) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mixed", "top", "middle"), [("pad", 0, 200), ("crop", 200, 200), ("stretch", 200, 200)]
)
def test_pictures_of_another_size(folder, tmp_path, capsys, mixed, top, middle):
    grey(folder / "f_10.png", 200, (64, 24))
    arguments = ("-o", tmp_path / "o.mp4", "--mixed", mixed, "--quality", 95)
    assert assemble(folder, *arguments) == 0
    picture = decoded(tmp_path / "o.mp4")[1][9]
    assert picture.shape == (48, 64, 3)
    assert picture[2].mean() == pytest.approx(top, abs=4)
    assert picture[24].mean() == pytest.approx(middle, abs=4)
    assert "1 of 12 pictures have another size" in capsys.readouterr().err


def test_another_size_can_be_refused(folder, tmp_path, capsys):
    grey(folder / "f_10.png", 200, (64, 24))
    assert assemble(folder, "-o", tmp_path / "o.mp4", "--mixed", "fail") == 1
    assert "f_10.png: It is 64×24, the first one 64×48" in capsys.readouterr().err
    assert not (tmp_path / "o.mp4").exists()


def test_a_damaged_picture_ends_the_work(folder, tmp_path, capsys):
    (folder / "f_7.png").write_bytes(b"no picture")
    assert assemble(folder, "-o", tmp_path / "o.mp4") == 1
    assert "f_7.png" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_where_a_picture_cannot_be_read_the_one_before_stays(folder, tmp_path, capsys):
    (folder / "f_7.png").write_bytes(b"no picture")
    assert assemble(folder, "-o", tmp_path / "o.mp4", "--fps", 10, "--accept-damaged") == 1
    times, _ = decoded(tmp_path / "o.mp4")
    assert times == pytest.approx([k / 10 for k in range(12) if k != 6], abs=1e-4)
    said = capsys.readouterr()
    assert "Done: 11 ok, 0 skipped, 1 failed" in said.out
    assert "f_7.png: Its content is not of a known picture format" in said.err


def test_deep_pictures_become_ten_bits(tmp_path):
    (tmp_path / "in").mkdir()
    for k in range(3):
        Image.fromarray(np.full((48, 64), 9000 * k, np.uint16)).save(tmp_path / "in" / f"{k}.png")
    assert assemble(tmp_path / "in", "-o", tmp_path / "o.mp4") == 0
    assert probe(str(tmp_path / "o.mp4")).picture.depth == 10


def test_transparency_is_kept_where_the_container_can(tmp_path):
    for k in range(3):
        grey(tmp_path / "in" / f"{k}.png", 90 * k, mode="RGBA")
    assert assemble(tmp_path / "in", "-o", tmp_path / "o.webm") == 0
    assert probe(str(tmp_path / "o.webm")).picture.alpha


def test_what_is_there_is_left_alone(folder, tmp_path, capsys):
    (tmp_path / "o.mp4").write_bytes(b"mine")
    assert assemble(folder, "-o", tmp_path / "o.mp4") == 0
    assert "12 skipped (12 there already)" in capsys.readouterr().out
    assert (tmp_path / "o.mp4").read_bytes() == b"mine"
    assert assemble(folder, "-o", tmp_path / "o.mp4", "-y") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "o.jpg"], "assemble does not write JPEG"),
        (["-o", "o.mp4", "--trim", "1-2"], "imgpar assemble does not accept --trim"),
        (["-o", "o.mp4", "--mixed", "squash"], "pad, crop, stretch, fail"),
        ([], "-o FILE is missing"),
    ],
)
def test_misuse_is_one_sentence(folder, capsys, arguments, words):
    assert main(["assemble", str(folder), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_folder_without_pictures(tmp_path, capsys):
    assert main(["assemble", str(tmp_path), "-o", str(tmp_path / "o.mp4")]) == 3
    assert "no pictures" in capsys.readouterr().err
