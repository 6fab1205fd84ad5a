"""Pictures out of clips, through the program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from video_clips import decoded, make_clip, make_uneven, psnr

from imgpar import extract
from imgpar.cli import main
from imgpar.pipeline import Pipeline


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Four seconds, 100 frames of 96×64, a key frame every 25."""
    path = tmp_path_factory.mktemp("clips") / "a.mp4"
    return make_clip(path, size=(96, 64), frames=100, options=("-g", 25, "-crf", 10, "-sc_threshold", 0))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("every", "expected"), [("30", [0, 30, 60, 90]), ("1s", [0, 25, 50, 75]), ("key", [0, 25, 50, 75])]
)
def test_stills(source, tmp_path, every, expected):
    assert main(["frames", str(source), "-o", str(tmp_path), "--every", every, "--to", "png"]) == 0
    assert names(tmp_path) == [f"a-{number:06}.png" for number in expected]
    with Image.open(tmp_path / f"a-{expected[2]:06}.png") as image:
        assert psnr(np.asarray(image), decoded(source)[1][expected[2]]) > 28


def test_stills_of_a_part(source, tmp_path):
    main(["frames", str(source), "-o", str(tmp_path), "--every", "0.4s", "--trim", "1-2", "--to", "png"])
    assert names(tmp_path) == ["a-000025.png", "a-000035.png", "a-000045.png"]


def test_what_is_there_is_left_alone(source, tmp_path, capsys):
    (tmp_path / "p.png").write_bytes(b"mine")
    assert main(["frames", str(source), "-o", str(tmp_path / "p.png"), "--poster"]) == 1
    assert (tmp_path / "p.png").read_bytes() == b"mine"
    assert "is there already" in capsys.readouterr().err
    assert main(["frames", str(source), "-o", str(tmp_path / "p.png"), "--poster", "-y"]) == 0
    with Image.open(tmp_path / "p.png") as image:
        assert image.size == (96, 64)


def test_the_poster_is_no_black_frame(tmp_path):
    clip = make_clip(tmp_path / "fade.mp4", frames=50, filters="fade=t=in:st=0.9:d=0.2")
    assert extract.poster(str(clip), Pipeline()).time >= 1.0


def test_a_poster_of_one_frame(tmp_path):
    clip = make_uneven(tmp_path / "one.mp4", [0.0])
    assert extract.poster(str(clip), Pipeline()).index == 0


def test_a_contact_sheet_has_its_frames_in_order(tmp_path):
    clip = make_uneven(tmp_path / "in.mp4", [k / 10 for k in range(12)])
    sheet = extract.sheet(str(clip), 3, 2, width=64)
    assert sheet.shape == (2 * 52 + 4, 3 * 68 + 4, 3)
    middles = [sheet[20 + 52 * row, 40 + 68 * column].mean() for row in range(2) for column in range(3)]
    assert middles == pytest.approx([10, 30, 50, 70, 90, 110], abs=3)


def test_an_animation_keeps_the_time(source, tmp_path):
    path = tmp_path / "a.gif"
    arguments = ["--animation", "--trim", "1-2", "--fps", "5", "--resize", "48"]
    assert main(["frames", str(source), "-o", str(path), *arguments]) == 0
    with Image.open(path) as image:
        assert (image.n_frames, image.size) == (5, (48, 32))
        total = 0
        for number in range(5):
            image.seek(number)
            total += image.info["duration"]
    assert total == 1000


def test_a_clip_that_cannot_be_read_does_not_stop_the_others(source, tmp_path, capsys):
    (tmp_path / "bad.mp4").write_bytes(b"no clip")
    code = main(["frames", str(tmp_path / "bad.mp4"), str(source), "-o", str(tmp_path / "o"), "--poster"])
    assert code == 1
    assert names(tmp_path / "o") == ["a.jpg"]


@pytest.mark.parametrize(
    "arguments", [["--every", "0"], ["--sheet", "5"], ["--to", "mp4"], ["--poster", "--animation"]]
)
def test_wrong_calls_write_nothing(source, tmp_path, arguments):
    assert main(["frames", str(source), "-o", str(tmp_path / "o"), *arguments]) == 2
    assert not (tmp_path / "o").exists()
