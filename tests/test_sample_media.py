"""sample_media is what the README says: every core format, small, and right in what it shows."""

from __future__ import annotations

import importlib.util
import io
import subprocess
from pathlib import Path
from types import ModuleType

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_media"

STILLS = {
    "colour/wide gamut.jpg": ("JPEG", "RGB", (1600, 1067)),
    "graphics/aperture.png": ("PNG", "RGBA", (512, 512)),
    "graphics/islands.avif": ("AVIF", "RGB", (1200, 800)),
    "graphics/julia.webp": ("WEBP", "RGB", (1200, 800)),
    "graphics/test card.png": ("PNG", "RGB", (1280, 720)),
    "holiday/day 1/lake at dusk.jpg": ("JPEG", "RGB", (1600, 1067)),
    "holiday/day 1/morning.jpg": ("JPEG", "RGB", (1600, 1067)),
    "holiday/day 2/fog.jpg": ("JPEG", "L", (1600, 1067)),
    "holiday/day 2/turned.jpg": ("JPEG", "RGB", (1600, 1067)),
    "scans/letter.tif": ("TIFF", "RGB", (850, 1100)),
    "scans/stamp.bmp": ("BMP", "RGB", (160, 120)),
    "海/波.jpg": ("JPEG", "RGB", (1600, 1067)),
}
OTHERS = {"animated/drift.gif", "animated/spin.webp", "clips/ball.mp4", "graphics/16 bit.png"}


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """The script, imported."""
    path = ROOT / "scripts" / "make_sample_media.py"
    spec = importlib.util.spec_from_file_location("make_sample_media", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(path.parent))
        spec.loader.exec_module(module)
    return module


def test_the_folder_holds_exactly_these_files() -> None:
    found = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*") if path.is_file()}
    assert found == OTHERS | set(STILLS)


def test_all_together_stay_below_3_mb() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 3_000_000


@pytest.mark.parametrize("name", STILLS)
def test_a_still_picture_is_what_its_name_says(name: str) -> None:
    with Image.open(SAMPLES / name) as picture:
        picture.load()
        assert (picture.format, picture.mode, picture.size) == STILLS[name]


def test_one_jpeg_is_progressive() -> None:
    with Image.open(SAMPLES / "holiday/day 1/morning.jpg") as picture:
        assert picture.info.get("progressive")


def test_the_turned_picture_has_up_at_the_top_when_it_is_upright() -> None:
    with Image.open(SAMPLES / "holiday/day 2/turned.jpg") as picture:
        assert picture.getexif()[ExifTags.Base.Orientation] == 6
        upright = ImageOps.exif_transpose(picture)
    assert upright.size == (1067, 1600)
    letters = np.asarray(upright.convert("L"))[100:240, 400:667] > 250
    columns = np.flatnonzero(letters.any(axis=0))
    left, right = columns[: len(columns) // 2], columns[len(columns) // 2 :]
    # U is open at the top, P is heavy there: only the upright, unmirrored text fits both.
    upper, lower = letters[:70], letters[70:]
    assert upper[:, left].sum() < lower[:, left].sum()
    assert upper[:, right].sum() > lower[:, right].sum()


@pytest.mark.parametrize("name", ["holiday/day 1/lake at dusk.jpg", "holiday/day 2/turned.jpg"])
def test_gps_and_camera_are_in_the_exif(name: str) -> None:
    with Image.open(SAMPLES / name) as picture:
        exif = picture.getexif()
    assert exif[ExifTags.Base.Model] == "Procedural 1"
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLength] == 35.0
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] == (47.0, 25.0, 16.2)


def test_the_wide_gamut_profile_has_the_red_of_p3() -> None:
    with Image.open(SAMPLES / "colour/wide gamut.jpg") as picture:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"])).profile
    assert profile.red_primary[1][:2] == pytest.approx((0.680, 0.320), abs=0.03)  # adapted to D50
    assert profile.red_colorant[0] == pytest.approx((0.5151, 0.2412, -0.0011), abs=1e-3)


def test_the_wide_gamut_picture_loses_colours_in_srgb() -> None:
    with Image.open(SAMPLES / "colour/wide gamut.jpg") as picture:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        srgb = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"))
        before, after = np.asarray(picture).astype(int), np.asarray(srgb).astype(int)
    assert (np.abs(before - after).max(axis=-1) > 20).mean() > 0.1


def test_the_deep_png_has_more_than_256_levels() -> None:
    deep = cv2.imdecode(np.fromfile(SAMPLES / "graphics/16 bit.png", np.uint8), cv2.IMREAD_UNCHANGED)
    assert deep.dtype == np.uint16
    assert deep.shape == (320, 480, 3)
    assert len(np.unique(deep[..., 0])) > 256


def test_the_png_with_alpha_is_soft_at_the_edges() -> None:
    with Image.open(SAMPLES / "graphics/aperture.png") as picture:
        levels = np.unique(np.asarray(picture)[..., 3])
    assert {levels[0], levels[-1]} == {0, 255}
    assert len(levels) > 100


@pytest.mark.parametrize("name", ["animated/drift.gif", "animated/spin.webp"])
def test_an_animation_has_twelve_frames_that_differ(name: str) -> None:
    with Image.open(SAMPLES / name) as picture:
        assert picture.n_frames == 12
        first = np.asarray(picture.convert("RGBA")).astype(int)
        picture.seek(6)
        later = np.asarray(picture.convert("RGBA")).astype(int)
    assert np.abs(first - later).mean() > 5


def test_the_clip_has_100_frames_and_sound() -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(SAMPLES / "clips/ball.mp4")]
    frames = subprocess.run(
        [*command, "-map", "0:v", "-f", "rawvideo", "-pix_fmt", "gray", "-"], capture_output=True, check=True
    )
    assert len(frames.stdout) == 320 * 180 * 100
    sound = subprocess.run(
        [*command, "-map", "0:a", "-f", "s16le", "-ac", "1", "-"], capture_output=True, check=True
    )
    samples = np.frombuffer(sound.stdout, np.int16)
    assert len(samples) / 44100 == pytest.approx(4, abs=0.1)
    assert np.abs(samples).max() > 3000


def test_the_script_draws_the_same_picture_twice(maker: ModuleType) -> None:
    draw = maker.draw
    first, again = (draw.eight_bit(draw.landscape(120, 80, draw.DUSK, 3)) for _ in range(2))
    assert np.array_equal(np.asarray(first), np.asarray(again))


def test_the_script_leaves_a_folder_with_files_alone(maker: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(SystemExit, match="not empty"):
        maker.main(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep"
