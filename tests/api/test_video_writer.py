"""Clips from arrays: exact where they are lossless, with any pixel format, rate and audio, or refused."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from painted_clips import beeps, paint
from PIL import Image
from video_clips import ffmpeg, kinds

import imgpar

SIZE = (24, 32)
CHANNELS = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
EXACT = [
    ("mp4", "h264", 1, "uint8", ""),
    ("mp4", "h264", 3, "uint8", ""),
    ("mp4", "h264", 3, "uint8", "rgb24"),
    ("mp4", "hevc", 3, "uint8", "gbrp"),
    ("mp4", "hevc", 3, "uint8", "gbrp12le"),
    ("mov", "", 4, "uint8", ""),
    ("mov", "", 2, "uint8", "rgba"),
    ("mkv", "", 4, "uint8", ""),
    ("mkv", "", 3, "uint16", ""),
    ("mkv", "", 4, "uint16", ""),
    ("mkv", "ffv1", 1, "uint16", "gray16le"),
    ("mkv", "ffv1", 1, "uint8", "rgb24"),
    ("webm", "", 3, "uint8", ""),
    ("webm", "", 1, "uint8", ""),
    ("avi", "", 3, "uint8", ""),
    ("avi", "", 4, "uint16", ""),
]


def random_frames(channels: int, dtype: str, count: int = 3) -> list[np.ndarray]:
    most = np.iinfo(dtype).max + 1
    random = np.random.default_rng(3)
    return [random.integers(0, most, (*SIZE, channels)).astype(dtype) for _ in range(count)]


def write(path: Path, arrays: list[np.ndarray], **settings) -> None:
    with imgpar.VideoWriter(path, effort=0, **settings) as writer:
        for array in arrays:
            writer.write(array)


def pixel_format(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.pix_fmt


@pytest.mark.parametrize(("suffix", "codec", "channels", "dtype", "form"), EXACT)
def test_lossless_frames_come_back_as_they_were(tmp_path, suffix, codec, channels, dtype, form):
    path, arrays = tmp_path / f"a.{suffix}", random_frames(channels, dtype)
    write(path, arrays, lossless=True, codec=codec, pixel_format=form)
    found = [frame.array for frame in imgpar.frames(path, channels=CHANNELS[channels], dtype=dtype)]
    assert np.array_equal(found, arrays)


def test_a_second_decoder_reads_the_same_pixels(tmp_path):
    arrays = random_frames(3, "uint8")
    write(tmp_path / "a.mp4", arrays, lossless=True)
    source = ["-i", str(tmp_path / "a.mp4"), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source], capture_output=True, check=True
    )
    assert done.stdout == b"".join(array.tobytes() for array in arrays)


@pytest.mark.parametrize("form", ["gbrp10le", "gbrp12le", "gray10le", "gray12le"])
def test_every_value_of_ten_and_twelve_bits_is_kept(tmp_path, form):
    bits = int(form[4:6])
    steps = np.arange(1 << bits, dtype=np.uint16).reshape(-1, 64, 1)
    array = (steps << (16 - bits)) | (steps >> (2 * bits - 16))
    channels = 1 if form.startswith("gray") else 3
    array = np.repeat(array, channels, axis=2)
    write(tmp_path / "a.mkv", [array], lossless=True, codec="ffv1", pixel_format=form)
    (frame,) = imgpar.frames(tmp_path / "a.mkv", channels=CHANNELS[channels], dtype="uint16")
    assert np.array_equal(frame.array, array)


def test_values_that_ten_bits_do_not_hold_are_refused(tmp_path):
    with pytest.raises(imgpar.EncodeError, match="values that gbrp10le does not hold"):
        write(
            tmp_path / "a.mkv",
            random_frames(3, "uint16"),
            lossless=True,
            codec="ffv1",
            pixel_format="gbrp10le",
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("suffix", "codec", "channels", "form"),
    [
        ("mp4", "", 3, "yuv444p"),
        ("mp4", "", 3, "yuv422p10le"),
        ("mp4", "h264", 1, "gray"),
        ("mp4", "hevc", 3, "yuv420p12le"),
        ("mp4", "av1", 3, "yuv420p10le"),
        ("mp4", "h264", 3, "gbrp"),
        ("mov", "prores", 4, "yuva444p10le"),
        ("webm", "", 4, "yuva420p"),
        ("webm", "vp9", 3, "yuv440p"),
        ("mkv", "ffv1", 4, "yuva444p"),
    ],
)
def test_the_pixel_format_is_the_requested_one(tmp_path, suffix, codec, channels, form):
    path = tmp_path / f"a.{suffix}"
    array = np.full((*SIZE, channels), 200, np.uint8)
    array[:, :16] = 60
    write(path, [array] * 2, codec=codec, pixel_format=form, quality=95)
    found = next(imgpar.frames(path, channels=CHANNELS[channels]))
    assert np.abs(found.array.astype(int) - array)[:, 2:14].max() < 8
    stored = pixel_format(path)
    # VP9 stores alpha beside the picture, ProRes in 12 bits; decoders of H.264 give grey as YUV
    others = {"yuva420p": "yuv420p", "yuva444p10le": "yuva444p12le", "gray": "yuvj420p"}
    assert stored in (form, others.get(form))


@pytest.mark.parametrize(
    ("settings", "channels", "words"),
    [
        (
            {"pixel_format": "yuv440p"},
            3,
            "YUV 4:4:0 of 8 bits cannot be stored by mp4. Choose one of yuv420p",
        ),
        ({"pixel_format": "yuva420p"}, 4, "with alpha of 8 bits cannot be stored by mp4"),
        ({"pixel_format": "gbrp16le", "codec": "h264"}, 3, "RGB of 16 bits cannot be stored by h264"),
        ({"pixel_format": "rgba", "lossless": True}, 4, "RGB with alpha of 8 bits cannot be stored by mp4"),
        (
            {"pixel_format": "yuv444p", "lossless": True},
            3,
            "4:4:4 of 8 bits does not hold RGB frames exactly",
        ),
        ({"pixel_format": "gray", "lossless": True}, 3, "grey of 8 bits does not hold RGB frames exactly"),
        ({"codec": "vp8"}, 3, "for codec"),
        ({"pixel_format": "yuv400"}, 3, "for pixel_format"),
        ({"pixel_format": 3}, 3, "for pixel_format"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(tmp_path, settings, channels, words):
    with pytest.raises(imgpar.ImgparError, match=words):
        write(tmp_path / "a.mp4", [np.zeros((*SIZE, channels), np.uint8)], **settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("settings", [{"path": "s3://bucket/a.mp4"}, {"audio": "https://host/a.mp4"}])
def test_an_address_is_no_file(tmp_path, settings):
    with pytest.raises(imgpar.UsageError, match="a file"):
        imgpar.VideoWriter(**{"path": tmp_path / "a.mp4", **settings})


# ----- rates and times ------------------------------------------------------------------------------


def test_a_rate_out_of_range_is_refused(tmp_path):
    with pytest.raises(imgpar.BadValueError, match="for fps"):
        imgpar.VideoWriter(tmp_path / "a.mp4", fps=1001)


@pytest.mark.parametrize("rate", ["24000/1001", "23.976", Fraction(1000), 12.5, "0.5", "60000/1001"])
@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_any_rate(tmp_path, suffix, rate):
    write(tmp_path / f"a.{suffix}", random_frames(3, "uint8", 4), fps=rate, lossless=True)
    exact = Fraction(24000, 1001) if rate == "23.976" else Fraction(rate)
    with av.open(str(tmp_path / f"a.{suffix}")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == exact
    times = [frame.time for frame in imgpar.frames(tmp_path / f"a.{suffix}")]
    assert times == pytest.approx([float(k / exact) for k in range(4)], abs=1e-6)


def test_times_as_fractions_are_kept_to_the_tick(tmp_path):
    times = [Fraction(k * k * 1001, 24000) for k in range(4)]
    with imgpar.VideoWriter(tmp_path / "a.mp4", effort=0, fps="24000/1001") as writer:
        for array, time in zip(random_frames(3, "uint8", 4), times, strict=True):
            writer.write(array, time)
    found = [frame.time for frame in imgpar.frames(tmp_path / "a.mp4")]
    assert found == pytest.approx([float(time) for time in times], abs=1e-6)


def test_an_avi_has_no_times_of_its_own(tmp_path):
    array = np.zeros((*SIZE, 3), np.uint8)
    with imgpar.VideoWriter(tmp_path / "a.avi", fps=10) as writer:
        writer.write(array, 0)
        writer.write(array, 0.1)
        with pytest.raises(imgpar.BadValueError, match="AVI stores a rate"):
            writer.write(array, 0.5)


@pytest.mark.parametrize(
    ("suffix", "times"),
    [("mp4", [0, 23_860]), ("mov", [0, 23_860]), ("mkv", [0, 190_000, 900_000_000]), ("webm", [0, 190_000])],
)
def test_frames_that_are_days_apart(tmp_path, suffix, times):
    with imgpar.VideoWriter(tmp_path / f"a.{suffix}", effort=0) as writer:
        for array, time in zip(random_frames(3, "uint8"), times, strict=False):
            writer.write(array, time)
    assert [frame.time for frame in imgpar.frames(tmp_path / f"a.{suffix}")] == times


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
@pytest.mark.parametrize("times", [[0, 23_861], [0, 5, 96_000], [k * 5000 for k in range(6)]])
def test_frames_too_far_apart_for_the_container_are_refused(tmp_path, suffix, times):
    array, writer = random_frames(3, "uint8", 1)[0], imgpar.VideoWriter(tmp_path / f"a.{suffix}", effort=0)
    for time in times[:-1]:
        writer.write(array, time)
    with pytest.raises(imgpar.EncodeError, match="stores at most 23860 s between"):
        writer.write(array, times[-1])
    writer.cancel()


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_a_slow_rate_that_is_no_round_number(tmp_path, suffix):
    write(tmp_path / f"a.{suffix}", random_frames(3, "uint8"), fps="123/100000")
    times = [frame.time for frame in imgpar.frames(tmp_path / f"a.{suffix}")]
    assert times == pytest.approx([k * 100_000 / 123 for k in range(3)], abs=1e-3)


# ----- audio ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> dict[str, Path]:
    """Three seconds with a beep at every full second: a clip with AAC, and a WAV."""
    folder = tmp_path_factory.mktemp("sounds")
    clip = paint(folder / "clip.mp4", "-c:v", "mpeg4", frames=75)
    ffmpeg("-i", clip, "-vn", folder / "sound.wav")
    return {"clip": clip, "wav": folder / "sound.wav"}


@pytest.mark.parametrize(
    ("suffix", "source", "codec"),
    [
        ("mp4", "clip", "aac"),
        ("mov", "wav", "pcm_s16le"),
        ("mp4", "wav", "aac"),
        ("mkv", "clip", "aac"),
        ("webm", "clip", "opus"),
        ("avi", "clip", "mp3"),
    ],
)
def test_audio_of_a_clip_or_a_file(tmp_path, sounds, suffix, source, codec):
    path = tmp_path / f"a.{suffix}"
    arrays = [np.zeros((*SIZE, 3), np.uint8)] * 45
    write(path, arrays, audio=sounds[source], fps=25)
    assert kinds(path)[1] == f"audio {codec}"
    assert len(list(imgpar.frames(path))) == 45
    assert beeps(path) == pytest.approx([0, 1], abs=0.03)


def test_short_audio_ends_before_the_frames(tmp_path, sounds):
    write(tmp_path / "a.mp4", [np.zeros((*SIZE, 3), np.uint8)] * 50, audio=sounds["clip"], fps=10)
    assert len(list(imgpar.frames(tmp_path / "a.mp4"))) == 50
    assert beeps(tmp_path / "a.mp4") == pytest.approx([0, 1, 2], abs=0.03)


def test_lossless_frames_stay_exact_beside_audio(tmp_path, sounds):
    arrays = random_frames(3, "uint8")
    write(tmp_path / "a.mp4", arrays, audio=sounds["clip"], lossless=True)
    assert np.array_equal([frame.array for frame in imgpar.frames(tmp_path / "a.mp4")], arrays)


def test_a_file_without_audio_is_refused_at_once(tmp_path, sounds):
    mute = tmp_path / "mute.mp4"
    ffmpeg("-i", sounds["clip"], "-an", "-c", "copy", mute)
    with pytest.raises(imgpar.ItemError, match="has no audio"):
        imgpar.VideoWriter(tmp_path / "a.mp4", audio=mute)


def test_nothing_is_left_where_the_audio_vanishes(tmp_path, sounds):
    copy = tmp_path / "sound.wav"
    copy.write_bytes(sounds["wav"].read_bytes())
    writer = imgpar.VideoWriter(tmp_path / "a.mp4", audio=copy)
    writer.write(np.zeros((*SIZE, 3), np.uint8))
    copy.unlink()
    with pytest.raises(imgpar.ImgparError):
        writer.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("suffix", "notes"),
    [("mp4", ("31×33 is odd: the last column or row was cut for libx264",)), ("webm", ())],
)
def test_a_note_tells_what_an_encoder_of_even_sizes_cuts(tmp_path, suffix, notes):
    with imgpar.VideoWriter(tmp_path / f"a.{suffix}", effort=0) as writer:
        writer.write(np.zeros((33, 31, 3), np.uint8))
    assert writer.notes == notes


def test_a_clip_of_pictures_has_the_same_note(tmp_path):
    pictures = {name: np.zeros((33, 31, 3), np.uint8) for name in "ab"}
    report = imgpar.Pipeline().assemble(pictures, tmp_path / "a.mp4", effort=0, jobs=1)
    noted = [note for each in (report, *report.items) for note in each.notes]
    assert any("31×33 is odd" in note for note in noted)


def test_a_clip_of_an_animation_has_the_same_note(tmp_path):
    frames = [Image.new("RGB", (31, 33), (value, 0, 0)) for value in (0, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    (item,) = imgpar.convert(tmp_path / "a.gif", tmp_path / "a.mp4", effort=0, jobs=1).items
    assert any("31×33 is odd" in note for note in item.notes)
