"""A setting that does not apply to a file has no effect on it, and is reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from codec_pictures import saved
from PIL import Image
from video_clips import make_clip

import imgpar
from imgpar import Pipeline
from imgpar.cli import main
from imgpar.core.errors import UsageError
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS
from imgpar.formats.relevance import CLIP_SETTINGS, pointless, relevant, says_something, silent

VALUES = {
    "codec": "hevc", "audio": "none", "trim": "0-1", "speed": 2, "fps": 30, "map": "all", "loudnorm": True,
    "deinterlace": True, "tonemap": "hable", "hardware": True,
}  # fmt: skip
"""A value for every setting of clips."""
OF_PICTURES = {
    "jpg": {"density": 300, "effort": 3},
    "png": {"density": 300, "quality": 50, "subsampling": "444", "progressive": True, "lossless": True},
    "webp": {"density": 300, "subsampling": "444", "progressive": True},
    "tif": {"density": 300, "quality": 50, "subsampling": "444", "progressive": True, "lossless": True},
    "gif": {"density": 300, "quality": 50, "effort": 3, "subsampling": "420"},
}
"""Settings that say nothing about pictures of a format."""


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=1, memory="64M") as session:
        yield session


def picture(folder: Path, suffix: str) -> Path:
    noise = np.random.default_rng(3).integers(0, 255, (48, 64, 3), np.uint8)
    path = folder / "in" / f"a.{suffix}"
    path.parent.mkdir(exist_ok=True)
    image = Image.fromarray(noise)
    path.write_bytes(
        saved(image.quantize(64) if suffix == "gif" else image, Image.registered_extensions()[f".{suffix}"])
    )
    return path


def test_there_is_a_value_for_every_setting_of_clips() -> None:
    assert VALUES.keys() == CLIP_SETTINGS


@pytest.mark.parametrize("suffix", OF_PICTURES)
def test_settings_of_clips_leave_pictures_as_they_are(tmp_path: Path, session, suffix: str) -> None:
    source = picture(tmp_path, suffix)
    report = imgpar.convert(source, tmp_path / "out", session=session, **VALUES)
    assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()
    assert sum("does not apply to 1 input" in note for note in report.notes) == len(VALUES)


@pytest.mark.parametrize("schedule", ["chain", "staged"])
@pytest.mark.parametrize(
    ("suffix", "name"), [(suffix, name) for suffix, given in OF_PICTURES.items() for name in given]
)
def test_a_setting_of_other_formats_leaves_a_picture_as_it_is(
    tmp_path: Path, session, suffix: str, name: str, schedule: str
) -> None:
    source, given = picture(tmp_path, suffix), {name: OF_PICTURES[suffix][name]}
    imgpar.convert(source, tmp_path / "out", session=session, schedule=schedule, **given)
    assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()


def test_a_note_says_how_many_inputs_a_setting_did_not_concern(tmp_path: Path, session) -> None:
    picture(tmp_path, "jpg"), picture(tmp_path, "png")
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", session=session, codec="hevc")
    assert [note for note in report.notes if "--codec" in note] == [
        "--codec does not apply to 2 inputs (1 JPEG, 1 PNG): they were treated as if it were not there."
    ]


def test_a_quality_is_still_something_to_do_for_a_jpeg(tmp_path: Path, session) -> None:
    source = picture(tmp_path, "jpg")
    report = imgpar.convert(source, tmp_path / "out", session=session, quality=30, codec="hevc")
    assert (tmp_path / "out" / "a.jpg").stat().st_size < source.stat().st_size
    assert not [note for note in report.notes if "--quality" in note]


def test_bytes_are_copied_where_a_setting_says_nothing(tmp_path: Path) -> None:
    data = picture(tmp_path, "png").read_bytes()
    assert Pipeline().encode(data, quality=50) == data


@pytest.mark.parametrize(
    ("to", "given"),
    [("jpg", {"codec": "hevc"}), ("png", {"target": "ssim=0.9"}),
     ("jpg", {"lossless": True}), ("webp", {"progressive": True}), ("mp4", {"subsampling": "444"}),
     ("mp3", {"fps": 25}),
     ("webp", {"audio": "none"}), ("png", {"background": "red"})],
)  # fmt: skip
def test_a_setting_that_no_output_can_take_is_refused(
    tmp_path: Path, to: str, given: dict[str, object]
) -> None:
    picture(tmp_path, "jpg")
    with pytest.raises(UsageError, match=f"{next(iter(given))} does not apply to"):
        imgpar.convert(tmp_path / "in", tmp_path / "out", to=to, **given)
    assert not (tmp_path / "out").exists()


def test_the_command_refuses_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(tmp_path, "jpg")
    code = main(
        ["convert", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--to", "jpg", "--codec", "hevc"]
    )
    assert code == 2
    assert (
        "--codec does not apply to JPEG. Leave it out, or choose another format with --to."
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(("to", "name"), [("png", "quality"), ("jpg", "effort")])
def test_quality_and_effort_are_never_refused(tmp_path: Path, session, to: str, name: str) -> None:
    picture(tmp_path, "jpg")
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", session=session, to=to, **{name: 8})
    assert report.ok == 1
    assert f"--{name} does not apply to 1 input (1 JPEG)" in report.notes[-1]


def test_one_of_several_formats_is_enough(tmp_path: Path, session) -> None:
    picture(tmp_path, "jpg")
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", session=session, to=["jpg", "avif"], effort=3)
    assert (report.ok, report.notes) == (1, ())


def test_only_if_smaller_says_nothing_of_another_format(tmp_path: Path, session) -> None:
    picture(tmp_path, "jpg")
    report = imgpar.convert(
        tmp_path / "in", tmp_path / "out", session=session, to="png", only_if_smaller=True
    )
    assert [note for note in report.notes if "--only-if-smaller does not apply to 1 input (1 JPEG)" in note]


def test_a_dry_run_says_it_too(tmp_path: Path) -> None:
    picture(tmp_path, "jpg")
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", dry_run=True, codec="hevc")
    assert "--codec does not apply to 1 input (1 JPEG)" in report.notes[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("density", 300), ("pages", "first"), ("subsampling", "444"), ("progressive", True), ("colour", "srgb")],
)
def test_settings_of_pictures_leave_clips_as_they_are(
    tmp_path: Path, session, name: str, value: object
) -> None:
    clip = make_clip(tmp_path / "in" / "a.mp4", frames=3)
    report = imgpar.convert(clip, tmp_path / "out", session=session, **{name: value})
    assert (tmp_path / "out" / "a.mp4").read_bytes() == clip.read_bytes()
    assert f"--{name} does not apply to 1 input (1 MPEG-4)" in report.notes[-1]


def test_every_setting_says_something_about_some_file() -> None:
    for name in EncodeOptions.options():
        assert any(says_something(name, None, target) for target in FORMATS.values()), name


def test_what_says_nothing_is_left_out() -> None:
    given = EncodeOptions(quality=80, codec="hevc", effort=3)
    assert relevant(given, "png", "jpeg") == EncodeOptions(quality=80)
    assert silent(given, "png", ["jpeg", "webp"]) == ("codec",)


def test_lossless_is_kept_where_it_will_be_refused() -> None:
    assert relevant(EncodeOptions(lossless=True), "jpeg", "jpeg").lossless


def test_a_lossless_copy_of_a_jpeg_is_a_copy(tmp_path: Path, session) -> None:
    source = picture(tmp_path, "jpg")
    imgpar.convert(source, tmp_path / "out", session=session, lossless=True)
    assert (tmp_path / "out" / "a.jpg").read_bytes() == source.read_bytes()


def test_pages_and_density_depend_on_the_input() -> None:
    assert pointless(["pages", "density"], ["png"]) == ""
    assert silent(EncodeOptions(pages="1", density=300), "pdf", ["png"]) == ()
    assert silent(EncodeOptions(pages="1", density=300), "jpeg", ["png"]) == ("pages", "density")


IDLE = [{"fps": 25}, {"trim": "0-100"}, {"trim": "0-"}, {"speed": 1}, {"max_bytes": "100M"}, {"audio": "aac"},
        {"tonemap": "hable"}, {"deinterlace": True}, {"map": "all"}, {"codec": "h264"}]  # fmt: skip
"""Settings of clips that ask for what a usual clip is already."""


@pytest.mark.parametrize("given", IDLE, ids=str)
def test_what_a_clip_is_already_leaves_it_as_it_is(tmp_path: Path, session, given: dict[str, object]) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=10, sound=True)
    imgpar.convert(clip, tmp_path / "out", session=session, **given)
    assert (tmp_path / "out" / "a.mp4").read_bytes() == clip.read_bytes()


@pytest.mark.parametrize("given", [{"loudnorm": True}, {"audio": "none"}, {"audio": "opus"}], ids=str)
def test_settings_of_sound_leave_a_silent_clip_as_it_is(
    tmp_path: Path, session, given: dict[str, object]
) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=10)
    imgpar.convert(clip, tmp_path / "out", session=session, **given)
    assert (tmp_path / "out" / "a.mp4").read_bytes() == clip.read_bytes()


@pytest.mark.parametrize("given", [{"fps": 24}, {"trim": "0-0.2"}, {"max_bytes": "3k"}], ids=str)
def test_what_is_something_else_is_done(tmp_path: Path, session, given: dict[str, object]) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=10)
    imgpar.convert(clip, tmp_path / "out", session=session, **given)
    assert (tmp_path / "out" / "a.mp4").read_bytes() != clip.read_bytes()


def test_a_density_that_scaled_a_size_applies_to_clips_too() -> None:
    assert silent(EncodeOptions(dpi=300), "mp4", ["mp4"]) == ("dpi",)
    assert silent(EncodeOptions(dpi=300, scaled=True), "mp4", ["mp4"]) == ()


def test_a_clip_refuses_a_density_unless_a_size_needs_it(tmp_path) -> None:
    with pytest.raises(imgpar.UsageError, match="dpi does not apply to MPEG-4"):
        imgpar.convert(tmp_path / "a.mp4", tmp_path / "out", to="mp4", dpi=300)
    with pytest.raises(imgpar.UsageError, match="dpi does not apply to MPEG-4"):
        Pipeline().assemble([tmp_path / "a.png"], tmp_path / "b.mp4", dpi=300)
