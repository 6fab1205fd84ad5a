"""Pictures out of clips, through the program."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image
from video_clips import decoded, ffmpeg, make_clip, make_uneven, psnr

import imgpar
from imgpar.batch.frames import sheets, stills
from imgpar.cli import main
from imgpar.formats.extraction import Grid
from imgpar.recipe.recipe import Recipe


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Four seconds, 100 frames of 96×64, a key frame every 25."""
    path = tmp_path_factory.mktemp("clips") / "a.mp4"
    return make_clip(path, size=(96, 64), frames=100, options=("-g", 25, "-crf", 10, "-sc_threshold", 0))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".imgpar")


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
    assert main(["frames", str(source), "-o", str(tmp_path / "p.png"), "--poster"]) == 0
    assert (tmp_path / "p.png").read_bytes() == b"mine"
    assert "1 skipped (1 there already)" in capsys.readouterr().out
    assert main(["frames", str(source), "-o", str(tmp_path / "p.png"), "--poster", "-y"]) == 0
    with Image.open(tmp_path / "p.png") as image:
        assert image.size == (96, 64)


def test_the_poster_is_no_black_frame(tmp_path):
    clip = make_clip(tmp_path / "fade.mp4", frames=50, filters="fade=t=in:st=0.9:d=0.2")
    assert stills.poster(str(clip), Recipe()).time >= 1.0


def test_a_poster_of_one_frame(tmp_path):
    clip = make_uneven(tmp_path / "one.mp4", [0.0])
    assert stills.poster(str(clip), Recipe()).index == 0


def test_a_contact_sheet_has_its_frames_in_order(tmp_path):
    clip = make_uneven(tmp_path / "in.mp4", [k / 10 for k in range(12)], last=0.1)
    sheet = sheets.sheet(str(clip), Grid(3, 2), Recipe())
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


@pytest.fixture(scope="module")
def cuts(tmp_path_factory) -> Path:
    """Two moving pictures in turn, 10 frames each, then a slow fade: scenes begin at 0, 10, 20."""
    path = tmp_path_factory.mktemp("cuts") / "cuts.mp4"
    parts = "[0]trim=end_frame=10[a];[1]trim=end_frame=10[b];[2]trim=end_frame=30,fade=out:0:30[c]"
    sources = [
        ("-f", "lavfi", "-i", f"{name}=size=96x64:rate=25")
        for name in ("testsrc2", "smptebars", "mandelbrot")
    ]
    graph = f"{parts};[a][b][c]concat=n=3"
    ffmpeg(
        *[part for source in sources for part in source],
        "-filter_complex",
        graph,
        "-pix_fmt",
        "yuv420p",
        path,
    )
    return path


def test_scenes_are_those_of_scdet(cuts, tmp_path):
    """The same frames as ffmpeg's own filter finds."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-nostdin",
        "-i",
        str(cuts),
        "-vf",
        "scdet=t=8",
        "-f",
        "null",
        "-",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    expected = {0, *(round(float(time) * 25) for time in re.findall(r"scd.time: ([\d.]+)", said))}
    assert len(expected) > 2
    arguments = ["--every", "scene", "--threshold", "8"]
    assert main(["frames", str(cuts), "-o", str(tmp_path), *arguments]) == 0
    assert names(tmp_path) == [f"cuts-{number:06}.jpg" for number in sorted(expected)]


def test_scenes_in_python(cuts):
    found = [frame.index for frame in imgpar.frames(cuts, scenes=8)]
    assert found == [0, 10, 20]


def test_a_threshold_without_scenes_is_refused(cuts, tmp_path, capsys):
    assert main(["frames", str(cuts), "-o", str(tmp_path), "--threshold", "8"]) == 2
    assert "--every scene" in capsys.readouterr().err


CUE = re.compile(
    r"(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})\n(.+)#xywh=(\d+),(\d+),(\d+),(\d+)\n"
)


def cues(path: Path) -> list[tuple[float, float, str, tuple[int, ...]]]:
    """Begin, end, picture and rectangle of every cue of a WebVTT file."""
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    assert head == "WEBVTT"
    found = []
    for block in body.split("\n\n"):
        match = CUE.fullmatch(block.rstrip("\n") + "\n")
        assert match, block
        h, m, s, h2, m2, s2, name, *box = match.groups()
        begin, end = int(h) * 3600 + int(m) * 60 + float(s), int(h2) * 3600 + int(m2) * 60 + float(s2)
        found.append((begin, end, name, tuple(map(int, box))))
    return found


def test_sprites_show_what_is_seen_at_their_time(tmp_path):
    clip = make_uneven(tmp_path / "in dir" / "a b.mp4", [k / 10 for k in range(25)], last=0.1)
    assert main(["frames", str(clip), "-o", str(tmp_path / "out"), "--sprites", "0.2s", "--to", "png"]) == 0
    found = cues(tmp_path / "out" / "a b.vtt")
    assert [cue[0] for cue in found] == pytest.approx([k / 5 for k in range(13)])
    assert [cue[1] for cue in found] == pytest.approx([min((k + 1) / 5, 2.5) for k in range(13)])
    with Image.open(tmp_path / "out" / unquote(found[0][2])) as image:
        assert image.size == (10 * 64, 2 * 48)
        grey = [np.asarray(image.crop((x, y, x + w, y + h))).mean() for _, _, _, (x, y, w, h) in found]
    # The frame in the middle of 0.2 s, whose grey is ten times its number.
    assert grey[:-1] == pytest.approx([20 * k + 10 for k in range(12)], abs=2)
    assert grey[-1] == pytest.approx(240, abs=2)


def test_many_sprites_take_several_pictures(source, tmp_path):
    arguments = ["--sprites", "0.04s", "--resize", "16"]
    long = make_clip(tmp_path / "long.mp4", frames=120)
    assert main(["frames", str(long), "-o", str(tmp_path / "o"), *arguments]) == 0
    assert names(tmp_path / "o") == ["long-sprites-1.jpg", "long-sprites-2.jpg", "long.vtt"]
    found = cues(tmp_path / "o" / "long.vtt")
    assert len(found) == 120
    assert found[100][2:] == ("long-sprites-2.jpg", (0, 0, 16, 12))


def test_a_folder_stands_for_its_clips(source, tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    shutil.copy(source, tmp_path / "in" / "x.mp4")
    shutil.copy(source, tmp_path / "in" / "x.mov")
    shutil.copy(source, tmp_path / "in" / "sub" / "x.mp4")
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "photo.jpg")
    assert main(["frames", str(tmp_path / "in"), "-o", str(tmp_path / "o"), "--poster"]) == 0
    made = sorted(
        str(path.relative_to(tmp_path / "o").as_posix()) for path in (tmp_path / "o").rglob("*.jpg")
    )
    assert made == ["sub/x.jpg", "x.mov.jpg", "x.mp4.jpg"]


def test_stills_of_a_truncated_clip_are_written_but_not_called_whole(tmp_path, capsys):
    clip = make_clip(tmp_path / "c.mp4", frames=50, options=("-movflags", "+faststart", "-g", 5))
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 2 // 3])
    arguments = ["frames", str(clip), "-o", str(tmp_path / "o"), "--every", "10"]
    assert main(arguments) == 1
    assert "of 50 frames could be read" in capsys.readouterr().err
    assert main([*arguments, "-y", "--accept-damaged"]) == 0
    assert "c-000010.jpg" in names(tmp_path / "o")


@pytest.mark.parametrize(("asked", "level"), [(["--tonemap", "clip"], 255), ([], None)])
def test_stills_of_an_hdr_clip_are_sdr(tmp_path, asked, level):
    """PQ for 203 candelas is the white of SDR; in whole colours taken as they are it would be grey."""
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    options = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:pools=1")
    grey = f"format=yuv420p10le,geq=lum=593:cb=512:cr=512,{tags}"
    clip = make_clip(tmp_path / "hdr.mp4", frames=60, filters=grey, options=options)
    arguments = ["--every", "1s", "--trim", "1.6-", "--to", "png", *asked]
    assert main(["frames", str(clip), "-o", str(tmp_path / "o"), *arguments]) == 0
    assert names(tmp_path / "o") == ["hdr-000040.png"]
    with Image.open(tmp_path / "o" / "hdr-000040.png") as still:
        found = np.asarray(still).mean()
    raw = next(iter(imgpar.frames(clip))).array.mean()
    assert abs(found - raw) > 10
    assert level is None or abs(found - level) <= 4
