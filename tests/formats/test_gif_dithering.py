"""GIF of pictures with more colours than it holds: how near they come, and what they keep."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
from codec_pictures import read, written
from conftest import make_photo
from PIL import Image

from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.gif.dithering import dithered


def photo(width: int = 320, height: int = 240) -> Frame:
    return Frame(Spec(width, height, "RGB"), np.ascontiguousarray(make_photo(width, height, seed=3)))


def decibels(wanted: np.ndarray, made: np.ndarray) -> float:
    error = np.mean((wanted.astype(float) - made[..., :3]) ** 2)
    return float(10 * np.log10(255**2 / error))


def screenshot() -> Frame:
    """A photo in a white page."""
    page = np.full((240, 320, 3), 255, np.uint8)
    page[60:180, 80:240] = make_photo(160, 120, seed=4)
    return Frame(Spec(320, 240, "RGB"), page)


def median_cut(frame: Frame) -> np.ndarray:
    """Pillow's colours and dots."""
    image = Image.fromarray(frame.array)
    palette = image.quantize(256, Image.Quantize.MEDIANCUT)
    return np.asarray(image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).convert("RGB"))


def test_a_photo_is_3_db_nearer_than_with_median_cut() -> None:
    frame = photo()
    _, (made,) = read(written([frame], "gif", Metadata()))
    assert decibels(frame.array, made) > decibels(frame.array, median_cut(frame)) + 3


def test_an_animation_keeps_the_white_of_its_pages() -> None:
    frames = [photo(), screenshot()]
    _, (_, made) = read(written(frames, "gif", Metadata(durations=(100, 100))))
    assert (made[:50, :, :3] == 255).all()


def test_white_stays_white() -> None:
    frame = screenshot()
    _, (made,) = read(written([frame], "gif", Metadata()))
    assert (made[:50, :, :3] == 255).all()


def test_the_same_picture_makes_the_same_file() -> None:
    assert written([photo()], "gif", Metadata()) == written([photo()], "gif", Metadata())


def test_each_colour_of_the_palette_has_its_index() -> None:
    colours = np.unique(np.random.default_rng(1).integers(0, 256, (200, 3), np.uint8), axis=0)
    assert dithered(colours[None], colours)[0].tolist() == list(range(len(colours)))


def test_a_single_colour_is_a_palette() -> None:
    assert not dithered(make_photo(8, 8, seed=1), np.array([[9, 8, 7]], np.uint8)).any()


def test_without_pyav_gif_is_written(tmp_path: Path) -> None:
    (tmp_path / "av.py").write_text("raise ImportError('no av here')\n")
    Image.fromarray(photo().array).save(tmp_path / "a.png")
    code = (
        "import sys, imgpar; sys.stdout.buffer.write(imgpar.Pipeline()"
        ".encode(open('a.png', 'rb').read(), to='gif'))"
    )
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": f"{tmp_path}:{root}", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert decibels(photo().array, np.asarray(image.convert("RGB"))) > 30
