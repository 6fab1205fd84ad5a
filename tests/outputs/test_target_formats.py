"""Clips that become animations or sound, animations that become clips, and what cannot become either."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest
from codec_pictures import saved
from PIL import Image
from video_clips import decoded, make_clip, make_uneven, psnr

import imgpar
from imgpar.core.errors import UsageError

GREYS = (20, 90, 160, 230)
DURATIONS = (200, 50, 400, 150)


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of moving picture, with a tone."""
    return make_clip(tmp_path_factory.mktemp("clips") / "film.mp4", sound=True)


@pytest.fixture
def animation(tmp_path: Path) -> Path:
    """A GIF of four greys, each shown for a time of its own."""
    frames = [Image.new("L", (64, 48), grey) for grey in GREYS]
    path = tmp_path / "in" / "cat.gif"
    path.parent.mkdir()
    path.write_bytes(
        saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=list(DURATIONS), loop=0)
    )
    return path


def shown(path: Path) -> tuple[list[float], list[np.ndarray]]:
    """Until when each frame is shown, in milliseconds, and the frames; equal ones may have become one."""
    ends, frames, end = [], [], 0.0
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            end += image.info["duration"]
            ends.append(end)
            frames.append(np.asarray(image.convert("RGB")))
    return ends, frames


def sound_of(path: Path) -> tuple[str, float, float]:
    """Codec, seconds and loudness (RMS, 1 is full scale) of a file of sound alone."""
    with av.open(str(path)) as container:
        (stream,) = container.streams
        frames = [frame.to_ndarray().astype(float) for frame in container.decode(stream)]
        scale = 32768.0 if stream.codec_context.format.name.startswith("s16") else 1.0
        samples = np.concatenate([frame[:1].ravel() for frame in frames]) / scale
        channels = stream.codec_context.channels if not stream.codec_context.format.is_planar else 1
        return (
            stream.codec_context.name,
            samples.size / channels / stream.rate,
            float(np.sqrt(np.mean(samples**2))),
        )


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "avif"])
def test_a_clip_that_is_named_becomes_an_animation(tmp_path: Path, session, clip: Path, suffix: str) -> None:
    report = imgpar.convert(clip, tmp_path / "out", session=session, to=suffix)
    (item,) = report.items
    assert (item.status, item.lost) == ("ok", ("sound",))
    times, frames = shown(tmp_path / "out" / f"film.{suffix}")
    assert times[-1] == pytest.approx(1000, abs=5)
    at = next(index for index, end in enumerate(times) if end > 490)
    assert frames[at].shape == (48, 64, 3)
    assert psnr(frames[at], decoded(clip)[1][12]) > 22


def test_an_animation_keeps_the_times_of_the_frames(tmp_path: Path, session) -> None:
    uneven = make_uneven(tmp_path / "uneven.mp4", [0, 0.2, 0.25, 0.65], last=0.15)
    imgpar.convert(uneven, tmp_path / "out.webp", session=session)
    assert shown(tmp_path / "out.webp")[0] == list(accumulate(DURATIONS))


def test_trim_speed_and_fps_hold_for_the_animation(tmp_path: Path, session, clip: Path) -> None:
    out = tmp_path / "out.gif"
    imgpar.convert(clip, out, session=session, trim="0.2-0.8", speed=2, fps=10, resize="32")
    times, frames = shown(out)
    assert times[-1] == pytest.approx(300, abs=100)
    assert all(end % 100 == 0 for end in times)
    assert frames[0].shape == (24, 32, 3)


def test_an_animation_that_takes_too_much_memory_is_refused(tmp_path: Path, clip: Path) -> None:
    report = imgpar.convert(clip, tmp_path / "out.gif", memory="16M", resize="640", enlarge=True, jobs=1)
    (item,) = report.items
    assert item.kind == "LimitError"
    assert "Its 25 frames take" in item.error


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
def test_an_animation_that_is_named_becomes_a_clip(
    tmp_path: Path, session, animation: Path, suffix: str
) -> None:
    report = imgpar.convert(animation, tmp_path / "out", session=session, to=suffix)
    assert report.ok == 1
    times, frames = decoded(tmp_path / "out" / f"cat.{suffix}")
    assert times == pytest.approx([0, 0.2, 0.25, 0.65], abs=0.002)
    assert [round(float(frame.mean())) for frame in frames] == pytest.approx(GREYS, abs=3)


def test_the_last_frame_is_shown_for_its_time(tmp_path: Path, session, animation: Path) -> None:
    imgpar.convert(animation, tmp_path / "cat.mp4", session=session)
    with av.open(str(tmp_path / "cat.mp4")) as container:
        assert container.duration / 1e6 == pytest.approx(0.8, abs=0.01)


def test_a_container_of_one_rate_repeats_frames(tmp_path: Path, session, animation: Path) -> None:
    imgpar.convert(animation, tmp_path / "cat.avi", session=session)
    _, frames = decoded(tmp_path / "cat.avi")
    greys = [round(float(frame.mean())) for frame in frames]
    assert greys == pytest.approx([20] * 4 + [90] + [160] * 8 + [230] * 3, abs=3)


def test_what_is_transparent_gets_the_background(tmp_path: Path, session) -> None:
    frames = [Image.new("RGBA", (16, 16), (255, 0, 0, alpha)) for alpha in (0, 255)]
    (tmp_path / "a.webp").write_bytes(
        saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100, lossless=True)
    )
    imgpar.convert(tmp_path / "a.webp", tmp_path / "a.mp4", session=session, background="#0000ff")
    _, (first, second) = decoded(tmp_path / "a.mp4")
    assert first[8, 8].tolist() == pytest.approx([0, 0, 255], abs=6)
    assert second[8, 8].tolist() == pytest.approx([255, 0, 0], abs=6)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("m4a", "aac"), ("mp3", "mp3float"), ("wav", "pcm_s16le"), ("flac", "flac")],
)
def test_sound_comes_out_of_a_clip(tmp_path: Path, session, clip: Path, suffix: str, codec: str) -> None:
    report = imgpar.convert(clip.parent, tmp_path / "out", session=session, to=suffix)
    assert report.ok == 1
    name, seconds, loudness = sound_of(tmp_path / "out" / f"film.{suffix}")
    assert name == codec
    assert seconds == pytest.approx(1.0, abs=0.08)
    assert loudness == pytest.approx(0.125 / np.sqrt(2), rel=0.1)  # ffmpeg's sine has an amplitude of 1/8


def test_a_file_of_sound_is_no_folder(tmp_path: Path, session, clip: Path) -> None:
    imgpar.convert(clip, tmp_path / "film.mp3", session=session, trim="0.2-0.7", speed=2)
    assert (tmp_path / "film.mp3").is_file()
    assert sound_of(tmp_path / "film.mp3")[1] == pytest.approx(0.25, abs=0.08)


def test_sound_and_picture_at_once(tmp_path: Path, session, clip: Path) -> None:
    report = imgpar.convert(clip, tmp_path / "out", session=session, to="m4a,mkv")
    assert {path.name for path in (tmp_path / "out").glob("film.*")} == {"film.m4a", "film.mkv"}
    assert report.ok == 1


def test_a_silent_clip_has_no_sound_to_take(tmp_path: Path, session) -> None:
    silent = make_clip(tmp_path / "silent.mp4", frames=3)
    report = imgpar.convert(silent, tmp_path / "out", session=session, to="mp3")
    (item,) = report.items
    assert item.error.startswith("It has no audio.")
    assert not (tmp_path / "out" / "silent.mp3").exists()


def test_in_place_no_sound_replaces_a_clip(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(UsageError, match="would take the place of the clips"):
        imgpar.convert(clip, in_place=True, to="mp3")


def test_in_a_folder_kinds_keep_their_formats(tmp_path: Path, session, animation: Path) -> None:
    make_clip(animation.parent / "film.mp4", frames=3)
    report = imgpar.convert(animation.parent, tmp_path / "one", session=session, to="webp")
    assert (tmp_path / "one" / "film.mp4").read_bytes() == (animation.parent / "film.mp4").read_bytes()
    assert report.notes == ("--to does not apply to 1 input (1 MPEG-4): it keeps its format.",)
    imgpar.convert(animation.parent, tmp_path / "two", session=session, to="mkv")
    assert (tmp_path / "two" / "cat.gif").read_bytes() == animation.read_bytes()


def test_each_kind_takes_its_own_format(tmp_path: Path, session, clip: Path, animation: Path) -> None:
    report = imgpar.convert([clip, animation], tmp_path / "out", session=session, to="webp,mkv")
    assert {path.name for path in (tmp_path / "out").glob("[a-z]*.*")} == {"film.mkv", "cat.webp"}
    assert report.notes == ()


@pytest.mark.parametrize("to", ["mp4", "mp3"])
def test_still_pictures_become_no_clip(tmp_path: Path, photo_folder, to: str) -> None:
    photos = photo_folder("a.jpg", "b.png")
    with pytest.raises(UsageError, match="so nothing can be converted to"):
        imgpar.convert(sorted(photos.iterdir()), tmp_path / "out", to=to)
    with pytest.raises(UsageError, match="so nothing can be converted to"):
        imgpar.convert(photos / "b.png", tmp_path / f"out.{to}")
    assert not (tmp_path / "out").exists()


def test_a_clip_becomes_no_still_picture(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(UsageError, match=r"A clip cannot be converted to JPEG\. imgpar frames"):
        imgpar.convert(clip, tmp_path / "out", to="jpg")


def test_a_still_picture_beside_a_clip_keeps_its_format(
    tmp_path: Path, session, clip: Path, photo_folder
) -> None:
    still = photo_folder("b.png") / "b.png"
    report = imgpar.convert([still, clip], tmp_path / "out", session=session, to="mkv")
    assert report.ok == 2
    assert (tmp_path / "out" / "b.png").read_bytes() == still.read_bytes()


def test_a_folder_of_photos_is_copied_with_a_note(tmp_path: Path, session, photo_folder) -> None:
    report = imgpar.convert(photo_folder("a.jpg"), tmp_path / "out", session=session, to="mp4")
    assert report.notes == ("--to does not apply to 1 input (1 JPEG): it keeps its format.",)


def test_several_clips_become_gifs_and_nothing_else(tmp_path: Path, session) -> None:
    clips = [make_clip(tmp_path / name, frames=3) for name in ("a.mp4", "b.mp4")]
    assert imgpar.convert(clips, tmp_path / "out", session=session, to="gif").ok == 2
    with pytest.raises(UsageError, match="Several clips cannot be converted to WebP"):
        imgpar.convert(clips, tmp_path / "out", to="webp")


def test_the_formats_of_a_recipe_are_meant_for_pictures(tmp_path: Path, session, clip: Path) -> None:
    imgpar.convert(clip, tmp_path / "out", session=session, recipe="web")
    assert [path.name for path in (tmp_path / "out").glob("film.*")] == ["film.mp4"]


def test_a_retry_makes_the_same_kind(tmp_path: Path, session, clip: Path) -> None:
    source = tmp_path / "film.mp4"
    source.write_bytes(clip.read_bytes()[:3000])
    assert imgpar.convert(source, tmp_path / "out", session=session, to="webp").failed == 1
    source.write_bytes(clip.read_bytes())
    assert imgpar.retry(tmp_path / "out", session=session).ok == 1
    assert shown(tmp_path / "out" / "film.webp")[0][-1] == pytest.approx(1000, abs=5)
