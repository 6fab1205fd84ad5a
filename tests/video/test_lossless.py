"""Lossless is exact or refused: noise through both paths, `VideoWriter` and `assemble`, read by ffmpeg."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image
from video_clips import ffmpeg

import imgpar
from imgpar.cli import main
from imgpar.core.errors import EncodeError

pytestmark = pytest.mark.slow

SIZE = 32, 24
FORMS = ["yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuv440p", "yuv420p10le", "yuv444p12le", "gray",
         "gray16le",
         "bgr0", "gbrp10le", "gbrp16le", "bgra", "gbrap16le", "yuva420p", "yuva444p10le"]  # fmt: skip
CODECS = ["h264", "hevc", "vp9", "av1", "ffv1", "prores", ""]


def raw(path: Path, form: str) -> bytes:
    """The samples of all frames in this pixel format, by ffmpeg alone."""
    decoder = []
    with subprocess.Popen([imageio_ffmpeg.get_ffmpeg_exe(), "-i", path], stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        if b"vp9" in child.stderr.read():
            decoder = ["-c:v", "libvpx-vp9"]  # its own decoder sees no transparency
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *decoder, "-i", path, "-map", "0:v:0"]
    done = subprocess.run(
        [*command, "-pix_fmt", form, "-f", "rawvideo", "-"], capture_output=True, check=True
    )
    return done.stdout


def noise(path: Path, form: str) -> Path:
    """Three frames of noise, in FFV1."""
    width, height = SIZE
    samples = np.random.default_rng(3).integers(0, 65536, (3, height, width, 4), np.uint16)
    given = path.with_suffix(".raw")
    given.write_bytes(samples.tobytes())
    source = ("-f", "rawvideo", "-pix_fmt", "rgba64le", "-s", f"{width}x{height}", "-r", "25", "-i", given)
    codec = ("-c:v", "mjpeg", "-q:v", "2") if form.startswith("yuvj") else ("-c:v", "ffv1")
    ffmpeg(*source, *codec, "-pix_fmt", form, path)
    return path


def read_as(form: str) -> str:
    """A pixel format in which the padding of `bgr0` does not count."""
    return {"bgr0": "rgb24", "bgra": "rgba"}.get(form, form)


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    """Workers for all clips: starting them takes longer than a clip."""
    with imgpar.Session(jobs=1) as made:
        yield made


@pytest.mark.parametrize("path", ["native", "frames"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("codec", CODECS)
def test_a_clip_is_exact_or_refused(
    tmp_path: Path, session: imgpar.Session, codec: str, form: str, path: str
) -> None:
    source = noise(tmp_path / "a.mkv", form)
    suffix = "mov" if codec == "prores" else "mkv"
    settings = {"schedule": "staged"} if path == "frames" else {}
    settings |= {"codec": codec} if codec else {}
    report = imgpar.convert(source, tmp_path / f"b.{suffix}", lossless=True, session=session, **settings)
    item = report.items[0]
    if item.status == "ok":
        form = read_as(form)
        assert raw(tmp_path / f"b.{suffix}", form) == raw(source, form)
        assert not item.lost
    else:
        assert "cannot be encoded losslessly" in item.error
        assert codec not in ("ffv1", "") or form in ("yuvj420p", "yuv440p")


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "av1", "ffv1"])
def test_every_codec_that_can_keeps_420(tmp_path: Path, codec: str) -> None:
    report = imgpar.convert(
        noise(tmp_path / "a.mkv", "yuv420p"), tmp_path / "b.mkv", codec=codec, lossless=True, jobs=1
    )
    assert report.items[0].status == "ok"


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "av1", "ffv1"])
def test_every_codec_that_can_keeps_rgb(tmp_path: Path, codec: str) -> None:
    report = imgpar.convert(
        noise(tmp_path / "a.mkv", "bgr0"), tmp_path / "b.mkv", codec=codec, lossless=True, jobs=1
    )
    assert report.items[0].status == "ok"


def test_it_is_no_size_or_quality_at_once(tmp_path: Path) -> None:
    source = noise(tmp_path / "a.mkv", "yuv420p")
    with pytest.raises(imgpar.UsageError, match="max_bytes and lossless exclude each other"):
        imgpar.convert(source, tmp_path / "b.mkv", lossless=True, max_bytes="1M")


def test_a_flip_of_an_rgb_clip_is_exact(tmp_path: Path) -> None:
    source = noise(tmp_path / "a.mkv", "bgr0")
    for number, settings in enumerate(({}, {"schedule": "staged"})):
        imgpar.convert(source, tmp_path / f"{number}.mkv", lossless=True, flip="horizontal", **settings)
        shape = (3, SIZE[1], SIZE[0], 3)
        found = np.frombuffer(raw(tmp_path / f"{number}.mkv", "rgb24"), np.uint8).reshape(shape)
        assert np.array_equal(found[:, :, ::-1], np.frombuffer(raw(source, "rgb24"), np.uint8).reshape(shape))


def test_frames_of_an_rgb_clip_are_exact(tmp_path: Path) -> None:
    source = noise(tmp_path / "a.mkv", "bgr0")
    wanted = np.frombuffer(raw(source, "rgb24"), np.uint8).reshape(3, SIZE[1], SIZE[0], 3)
    assert np.array_equal([frame.array for frame in imgpar.frames(source)], wanted)


ARRAYS = {"L": ("gray", 1, np.uint8), "RGB": ("rgb24", 3, np.uint8), "RGBA": ("rgba", 4, np.uint8),
          "L16": ("gray16le", 1, np.uint16), "RGB16": ("rgb48le", 3, np.uint16),
          "RGBA16": ("rgba64le", 4, np.uint16)}  # fmt: skip


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov", "webm", "avi"])
def test_arrays_are_exact_or_refused(tmp_path: Path, suffix: str, kind: str) -> None:
    form, channels, dtype = ARRAYS[kind]
    top = np.iinfo(dtype).max + 1
    arrays = np.random.default_rng(4).integers(0, top, (3, SIZE[1], SIZE[0], channels), dtype)
    path = tmp_path / f"a.{suffix}"
    try:
        with imgpar.VideoWriter(path, lossless=True) as writer:
            for array in arrays:
                writer.write(array)
    except EncodeError as error:
        assert "cannot be encoded losslessly" in str(error)  # noqa: PT017 - either is right
        assert suffix != "mkv"
        assert not path.exists()
    else:
        assert raw(path, form) == arrays.tobytes()


def test_arrays_of_float32_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(EncodeError, match="float32"),
        imgpar.VideoWriter(tmp_path / "a.mkv", lossless=True) as writer,
    ):
        writer.write(np.zeros((24, 32, 3), np.float32))


@pytest.mark.parametrize(("mode", "form"), [("L", "gray"), ("RGB", "rgb24"), ("RGBA", "rgba")])
def test_pictures_are_assembled_exactly(tmp_path: Path, mode: str, form: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    arrays = np.random.default_rng(5).integers(0, 256, (3, SIZE[1], SIZE[0], len(mode)), np.uint8)
    for number, array in enumerate(arrays):
        Image.fromarray(array.squeeze(), mode).save(folder / f"{number}.png")
    assert main(["assemble", str(folder), "-o", str(tmp_path / "a.mkv"), "--lossless"]) == 0
    assert raw(tmp_path / "a.mkv", form) == arrays.tobytes()


def test_rgb_becomes_video_with_its_colours(tmp_path: Path) -> None:
    """Without the flag RGB becomes YUV by BT.709, and says so."""
    source = tmp_path / "a.mkv"
    flat = "color=c=0xc83c28:size=32x24:rate=25,trim=end_frame=3,format=bgr0"
    ffmpeg("-f", "lavfi", "-i", flat, "-c:v", "ffv1", source)
    for number, settings in enumerate(({}, {"schedule": "staged"})):
        path = tmp_path / f"{number}.mp4"
        report = imgpar.convert(source, path, quality=95, **settings)
        assert not report.items[0].lost
        found = np.frombuffer(raw(path, "rgb24"), np.uint8).reshape(-1, 3)
        assert np.abs(found.mean(0) - (0xC8, 0x3C, 0x28)).max() < 3


def test_clips_are_put_together_exactly(tmp_path: Path) -> None:
    source = noise(tmp_path / "a.mkv", "bgr0")
    arguments = [
        "concat",
        str(source),
        str(source),
        "-o",
        str(tmp_path / "b.mkv"),
        "--lossless",
        "--codec",
        "ffv1",
    ]
    assert main(arguments) == 0
    assert raw(tmp_path / "b.mkv", "rgb24") == 2 * raw(source, "rgb24")


def test_clips_of_other_frames_are_not_put_together_without_loss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [str(noise(tmp_path / f"{form}.mkv", form)) for form in ("bgr0", "yuv420p")]
    assert main(["concat", *clips, "-o", str(tmp_path / "b.mkv"), "--lossless", "--codec", "ffv1"]) == 1
    assert "another size or kind" in capsys.readouterr().err
