"""Clips through a run: streams, times, rotation, sizes, metadata; what damaged clips become."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from video_clips import decoded, ffmpeg, kinds, make_clip, make_uneven, psnr, rotated

import imgpar
from imgpar import testing
from imgpar.video.clip import ClipColour
from imgpar.video.probe import probe


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """25 frames of 64×48 with sound."""
    return make_clip(tmp_path_factory.mktemp("clips") / "a.mp4", sound=True)


@pytest.fixture
def convert(session, tmp_path):
    """`convert(clip, name, **settings)` gives the new file and its line of the report."""

    def run(clip: Path, name: str = "out.mp4", **settings):
        settings = {"effort": 0, "journal": str(tmp_path / "journal.db"), **settings}
        report = imgpar.convert(clip, tmp_path / "out" / name, session=session, **settings)
        (item,) = report.items
        return tmp_path / "out" / name, item

    return run


# ----- pictures and clips together ------------------------------------------------------------------


def test_a_folder_with_clips_among_pictures(session, tmp_path, source):
    folder = testing.write_pictures(tmp_path / "in", ["a.png"])
    shutil.copy(source, folder / "b.mp4")
    report = imgpar.convert(folder, tmp_path / "out", resize="32", to="webp,mkv", effort=0, session=session)
    assert (report.ok, report.failed) == (2, 0)
    with Image.open(tmp_path / "out/a.webp") as image:
        assert image.size == (32, 21)
    assert probe(str(tmp_path / "out/b.mkv")).picture.upright == (32, 24)


def test_without_a_format_for_clips_the_container_is_kept(session, tmp_path, source):
    (tmp_path / "in").mkdir()
    shutil.copy(source, tmp_path / "in" / "b.mov")
    report = imgpar.convert(
        tmp_path / "in", tmp_path / "out", resize="32", to="webp", effort=0, session=session
    )
    assert [Path(file.path).name for file in report.items[0].outputs] == ["b.mov"]


def test_a_clip_for_which_nothing_is_to_be_done_is_copied(convert, source):
    made, item = convert(source, resize="640", effort=None)
    assert made.read_bytes() == source.read_bytes()
    assert item.lost == ()


def test_a_second_run_does_nothing(session, tmp_path, source):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(source, folder)
    settings = {"resize": "32", "effort": 0, "session": session}
    imgpar.convert(folder, tmp_path / "out", **settings)
    assert imgpar.convert(folder, tmp_path / "out", **settings).skipped == 1


# ----- frames and times -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out.webm", "out.avi"])
def test_every_frame_arrives_at_its_time(convert, source, name):
    made, item = convert(source, name, resize="32", quality=90)
    assert item.status == "ok", item.error
    before, after = decoded(source), decoded(made)
    assert len(after[0]) == 25
    # An AVI has no time stamps, only a rate.
    late = after[0][0] if name == "out.avi" else 0
    assert np.abs(np.subtract(after[0], before[0]) - late).max() <= 0.001
    assert after[1][0].shape == (24, 32, 3)


def test_the_pixels_are_those_of_the_clip(convert, source):
    made, _ = convert(source, quality=100)
    for before, after in zip(decoded(source)[1], decoded(made)[1], strict=True):
        assert psnr(before, after) > 36


def test_uneven_times_stay_uneven(convert, tmp_path):
    times = [0, 0.04, 0.05, 0.5, 0.52, 1.5, 1.51]
    clip = make_uneven(tmp_path / "in" / "vfr.mp4", times)
    made, item = convert(clip, resize="32")
    assert item.status == "ok", item.error
    assert decoded(made)[0] == pytest.approx(times, abs=1e-4)
    assert probe(str(made)).variable


@pytest.mark.parametrize("schedule", ["auto", "staged"])
@pytest.mark.parametrize("effort", [0, 4])
def test_the_last_frame_lasts_as_long_as_it_did(convert, tmp_path, schedule, effort):
    times = [k / 10 for k in range(9)] + [0.85]
    clip = make_uneven(tmp_path / "in" / "vfr.mp4", times, last=1.5)
    assert probe(str(clip)).last == pytest.approx(1.5)
    made, item = convert(clip, resize="32", schedule=schedule, effort=effort)
    assert item.error == ""
    assert decoded(made)[0] == pytest.approx(times, abs=1e-4)
    assert probe(str(made)).duration == pytest.approx(2.35, abs=0.01)


@pytest.mark.parametrize("schedule", ["auto", "staged"])
def test_a_single_frame_lasts_as_long_as_it_did(convert, tmp_path, schedule):
    clip = make_uneven(tmp_path / "in.mp4", [0], last=2.0)
    made, _ = convert(clip, resize="32", schedule=schedule)
    assert probe(str(made)).last == pytest.approx(2.0, abs=0.01)


def test_a_clip_that_starts_late_keeps_its_distance_to_the_sound(convert, tmp_path, source):
    ffmpeg("-i", source, "-itsoffset", "0.2", "-i", source, "-map", "1:v", "-map", "0:a", "-c", "copy",
           tmp_path / "late.mp4")  # fmt: skip
    made, _ = convert(tmp_path / "late.mp4", resize="32")
    assert decoded(made)[0][0] == pytest.approx(0.2, abs=0.001)


# ----- how it is shown ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("degrees", "turn"),
    [
        (90, Image.Transpose.ROTATE_270),
        (180, Image.Transpose.ROTATE_180),
        (270, Image.Transpose.ROTATE_90),
    ],
)
def test_rotation_is_baked_once(convert, tmp_path, source, degrees, turn):
    clip = rotated(source, tmp_path / "turned.mp4", degrees)
    assert probe(str(clip)).picture.orientation != 1
    made, _ = convert(clip, quality=100)
    expected = np.asarray(Image.fromarray(decoded(source)[1][3]).transpose(turn))
    assert psnr(decoded(made)[1][3], expected) > 30
    assert probe(str(made)).picture.orientation == 1


def test_a_copied_stream_keeps_its_rotation_tag(convert, tmp_path, source):
    clip = rotated(source, tmp_path / "turned.mp4", 90)
    made, item = convert(clip, "out.mov", effort=None)
    assert probe(str(made)).picture.orientation == 6
    assert item.outputs[0].width == 48


def test_pixels_are_made_square(convert, tmp_path):
    clip = make_clip(tmp_path / "in.mp4", filters="setsar=2")
    made, item = convert(clip, resize="64")
    picture = probe(str(made)).picture
    assert (picture.upright, picture.aspect) == ((64, 24), 1)
    assert any("square" in note for note in item.notes)


def test_odd_sizes_lose_a_row_and_the_report_says_so(convert, source):
    made, item = convert(source, resize="33x25", fit="fill")
    assert probe(str(made)).picture.upright == (32, 24)
    assert any("33×25 is odd" in note for note in item.notes)


def smaller(array):
    return array[:-1, :-1]


@pytest.mark.parametrize("settings", [{}, {"window": 3}])
def test_odd_sizes_of_a_function_are_noted_as_well(session, tmp_path, source, settings):
    def given(array):
        return smaller(array[1] if settings else array)

    pipe = imgpar.Pipeline().apply(given, **settings)
    (item,) = pipe.run(source, tmp_path / "out.mp4", session=session, effort=0).items
    assert [note for note in item.notes if "63×47 is odd" in note], item


def test_odd_sizes_of_a_function_are_refused_where_nothing_may_be_lost(session, tmp_path, source):
    pipe = imgpar.Pipeline().apply(smaller)
    (item,) = pipe.run(
        source, tmp_path / "a.mp4", session=session, lossless=True, codec="av1", effort=0
    ).items
    assert "63×47" in item.error


def test_odd_sizes_stay_where_chroma_is_not_halved(convert, tmp_path):
    clip = make_clip(tmp_path / "in.mp4", filters="format=yuv444p,scale=63:47", options=("-crf", 12))
    made, _ = convert(clip, quality=80)
    assert probe(str(made)).picture.upright == (63, 47)


def test_ten_bits_stay_ten_bits_with_their_colours(convert, tmp_path):
    tags = "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc:range=tv"
    tags += ",format=yuv420p10le"
    clip = make_clip(tmp_path / "in.mp4", filters=tags, options=("-c:v", "libx265", "-preset", "ultrafast",
                     "-x265-params", "log-level=error:pools=1"))  # fmt: skip
    made, item = convert(clip, resize="32")
    picture = probe(str(made)).picture
    assert picture.depth == 10
    assert picture.colour == ClipColour("tv", "bt2020", "arib-std-b67", "bt2020nc")
    assert item.lost == ()


@pytest.fixture(scope="module")
def transparent(tmp_path_factory) -> Path:
    """A VP9 clip whose left half is see-through."""
    path = tmp_path_factory.mktemp("alpha") / "alpha.webm"
    half = "format=yuva420p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='if(lt(X,32),0,255)'"
    return make_clip(path, frames=5, filters=half, options=("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p",
                     "-deadline", "realtime", "-cpu-used", "8"))  # fmt: skip


def test_transparency_is_kept_where_the_container_can(convert, transparent):
    made, item = convert(transparent, "out.webm", resize="32")
    assert probe(str(made)).picture.alpha
    assert item.lost == ()


def test_transparency_is_laid_on_the_background_elsewhere(convert, transparent):
    made, item = convert(transparent, "out.mp4", quality=90, background="#ff0000")
    left = decoded(made)[1][2][:, 4:28].reshape(-1, 3).mean(axis=0)
    assert left == pytest.approx([255, 0, 0], abs=12)
    assert item.lost == ("alpha",)


@pytest.mark.parametrize(
    ("name", "codec", "form"),
    [
        ("out.mp4", "hevc", "yuv420p"),
        ("out.mkv", "av1", "yuv420p"),
        ("out.mov", "prores", "yuv422p10le"),
        ("out.mkv", "ffv1", "yuv420p"),
        ("out.mkv", "vp9", "yuv420p"),
    ],
)
def test_a_codec_can_be_asked_for(convert, source, name, codec, form):
    made, item = convert(source, name, codec=codec)
    assert item.error == ""
    picture = probe(str(made)).picture
    assert (picture.stream.codec, picture.pixel_format) == (codec, form)
    assert min(map(psnr, decoded(source)[1], decoded(made)[1])) > 25


def test_a_codec_that_the_container_does_not_hold_is_an_error(convert, source):
    _, item = convert(source, "out.webm", codec="hevc")
    assert item.error.startswith("webm holds no hevc. Choose --codec (codec=) from av1, vp9")


def test_lossless_keeps_every_pixel(convert, source):
    made, _ = convert(source, "out.mkv", codec="ffv1")
    assert all(map(np.array_equal, decoded(source)[1], decoded(made)[1]))


def test_a_stream_of_the_wanted_codec_is_copied(convert, source):
    made, _ = convert(source, codec="h264", effort=None)
    assert made.read_bytes() == source.read_bytes()


# ----- everything else ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rich(tmp_path_factory) -> Path:
    """Two languages of sound, subtitles, chapters, a title, a place, a cover."""
    folder = tmp_path_factory.mktemp("rich")
    base = make_clip(folder / "base.mp4", sound=True)
    (folder / "s.srt").write_text("1\n00:00:00,100 --> 00:00:00,800\nHello\n")
    (folder / "chapters.txt").write_text(
        ";FFMETADATA1\ntitle=A day\nlocation=+40.6800-074.4999/\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Two\n"
    )
    Image.new("RGB", (200, 200), "red").save(folder / "cover.jpg")
    ffmpeg("-i", base, "-i", folder / "s.srt", "-i", folder / "chapters.txt", "-i", folder / "cover.jpg",
           "-map", "3:v", "-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "1:s", "-map_metadata", 2,
           "-map_chapters", 2, "-c", "copy", "-c:s", "mov_text", "-disposition:v:0", "attached_pic",
           "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu",
           folder / "rich.mp4")  # fmt: skip
    return folder / "rich.mp4"


def test_the_cover_is_never_taken_for_the_film(rich):
    clip = probe(str(rich))
    assert clip.picture.upright == (64, 48)
    assert [stream.kind for stream in clip.of_kind("cover")] == ["cover"]


def test_sound_subtitles_chapters_title_and_cover_are_kept(convert, rich):
    made, item = convert(rich, resize="32")
    clip = probe(str(made))
    assert [stream.language for stream in clip.of_kind("audio")] == ["eng", "deu"]
    assert [stream.codec for stream in clip.of_kind("subtitle")] == ["mov_text"]
    assert (clip.chapters, clip.metadata["title"], len(clip.of_kind("cover"))) == (2, "A day", 1)
    assert item.lost == ()


def test_sound_is_copied_bit_by_bit_where_it_can_be(convert, source):
    made, _ = convert(source, resize="32")

    def packets(path):
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]

    assert packets(made) == packets(source)


def test_what_a_container_cannot_hold_is_converted_or_named(convert, rich):
    made, item = convert(rich, "out.webm", resize="32")
    assert kinds(made) == ["video vp9", "audio opus", "audio opus", "subtitle webvtt"]
    assert item.lost == ("cover picture",)
    assert sum("converted with" in note for note in item.notes) == 3


def test_chapters_are_named_where_they_are_lost(convert, rich):
    _, item = convert(rich, "out.avi", resize="32")
    assert "chapters" in item.lost


@pytest.mark.parametrize("settings", [{"effort": None}, {"resize": "32"}], ids=["copied", "encoded"])
def test_the_place_can_be_left_out(convert, rich, settings):
    made, item = convert(rich, strip="gps", **settings)
    assert "location" in probe(str(rich)).metadata
    assert not [key for key in probe(str(made)).metadata if "location" in key]
    assert probe(str(made)).metadata["title"] == "A day"
    assert item.lost == ()


def test_all_metadata_can_be_left_out_but_languages_stay(convert, rich):
    made, _ = convert(rich, strip="all")
    clip = probe(str(made))
    assert "title" not in clip.metadata
    assert [stream.language for stream in clip.of_kind("audio")] == ["eng", "deu"]


def test_strict_refuses_a_loss_and_writes_nothing(convert, rich):
    made, item = convert(rich, "out.avi", strict=True)
    assert item.status == "failed"
    assert "It would lose" in item.error
    assert not made.exists()


# ----- bad input ------------------------------------------------------------------------------------


@pytest.fixture
def truncated(tmp_path) -> Path:
    """The tables at the front promise 50 frames, the end is missing."""
    path = make_clip(tmp_path / "whole.mp4", frames=50, options=("-movflags", "+faststart", "-g", 5))
    data = path.read_bytes()
    (tmp_path / "short.mp4").write_bytes(data[: len(data) * 2 // 3])
    return tmp_path / "short.mp4"


def test_a_truncated_clip_is_failed_with_both_counts(convert, truncated):
    made, item = convert(truncated, resize="32")
    assert item.status == "failed"
    assert "of 50 frames" in item.error
    assert not made.exists()
    assert not list(made.parent.glob(".imgpar-*"))


def test_a_truncated_clip_is_not_even_copied(convert, truncated):
    _, item = convert(truncated, effort=None)
    assert item.status == "failed"


def test_a_truncated_clip_can_be_kept_and_the_report_says_how_much(convert, truncated):
    made, item = convert(truncated, resize="32", accept_damaged=True)
    assert item.status == "ok", item.error
    assert 0 < len(decoded(made)[0]) < 50
    assert any("of 50 frames" in note for note in item.notes)


def test_a_clip_that_is_corrupt_in_the_middle_is_failed(convert, tmp_path):
    path = make_clip(tmp_path / "c.mp4", frames=50, options=("-crf", 1, "-g", 50))
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 3, len(data) // 2, 97):
        data[at] ^= 0xFF
    path.write_bytes(data)
    _, item = convert(path, resize="32")
    assert item.status == "failed"
    assert "50 frames" in item.error


def test_a_playlist_under_the_name_of_a_clip_is_not_followed(convert, tmp_path, source):
    path = tmp_path / "evil.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{source}'\n")
    _, item = convert(path, resize="32")
    assert item.status == "failed"
    assert "known clip format" in item.error


def test_a_file_with_sound_only_is_failed(convert, tmp_path, source):
    ffmpeg("-i", source, "-vn", "-c", "copy", tmp_path / "sound.mp4")
    _, item = convert(tmp_path / "sound.mp4", resize="32")
    assert "no video stream" in item.error


def test_a_clip_larger_than_the_limit_is_refused(convert, source):
    _, item = convert(source, resize="32", max_pixels=1000)
    assert "the limit is 1,000" in item.error


@pytest.mark.parametrize("name", ["-y.mp4", "a:b.mp4", "%d.mp4", "new\nline.mp4", "é 'x'.mp4"])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_strange_names_are_only_names(session, tmp_path, source, name):
    (tmp_path / "in").mkdir()
    shutil.copy(source, tmp_path / "in" / name)
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", resize="32", effort=0, session=session)
    assert report.ok == 1
    assert len(decoded(tmp_path / "out" / name)[0]) == 25


# ----- the process ----------------------------------------------------------------------------------


def command_lines() -> list[str]:
    """Of everything that runs on this machine."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return lines


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ffmpeg ends by itself")
def test_ffmpeg_dies_with_its_worker(tmp_path):
    """A worker that is killed by its deadline takes its ffmpeg along, and the clip is failed."""
    clip = make_clip(tmp_path / "long.mp4", size=(640, 480), frames=2000, options=("-preset", "ultrafast"))
    with imgpar.Session(jobs=1, memory="64M") as session:
        report = imgpar.convert(
            clip, tmp_path / "out" / "x.mp4", resize="638", effort=10, timeout=1.0, session=session,
            journal=str(tmp_path / "j.db"),
        )  # fmt: skip
        assert "took longer" in report.items[0].error
        running = command_lines()
    assert not any(str(clip) in line for line in running)
    assert not (tmp_path / "out" / "x.mp4").exists()


def test_info_tells_what_is_in_a_clip(rich):
    from imgpar.api.describe import describe

    facts = describe(str(rich))
    assert (facts.size, facts.frames, facts.rate) == ((64, 48), 25, "25 a second")
    assert facts.chapters == ("0.000 to 0.500 s One", "0.500 to 1.000 s Two")
    assert facts.place == "40.68, -74.4999"


def test_the_fixtures_are_what_they_claim(source):
    assert len(decoded(source)[0]) == 25
    assert kinds(source) == ["video h264", "audio aac"]
    assert decoded(source)[1][0].shape == (48, 64, 3)


PLACES = re.compile(rb"[+-]40\.68|\xa9xyz|loci|ocation|GPS")


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"effort": None}, {"resize": "32"}], ids=["copied", "encoded"])
@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv"])
@pytest.mark.parametrize("key", ["location", "com.apple.quicktime.location.ISO6709"])
def test_no_byte_of_a_place_is_left(convert, source, tmp_path, key, name, settings):
    clip = tmp_path / "in" / "a.mov"
    clip.parent.mkdir()
    tags = ("-movflags", "use_metadata_tags") if key.startswith("com.") else ()
    ffmpeg("-i", source, "-c", "copy", *tags, "-metadata", f"{key}=+40.6800-074.4999/", clip)
    assert PLACES.search(clip.read_bytes())
    made, item = convert(clip, name, strip="gps", **settings)
    assert item.error == ""
    assert PLACES.search(made.read_bytes()) is None


@pytest.mark.parametrize("schedule", ["auto", "staged"])
@pytest.mark.parametrize(("option", "axis"), [("-display_hflip", 1), ("-display_vflip", 0)])
def test_mirroring_is_baked_once(convert, tmp_path, source, schedule, option, axis):
    clip = tmp_path / "mirrored.mp4"
    ffmpeg(option, "-i", source, "-c", "copy", clip)
    assert probe(str(clip)).picture.orientation == (2 if axis else 4)
    made, _ = convert(clip, quality=100, schedule=schedule)
    assert psnr(decoded(made)[1][3], np.flip(decoded(source)[1][3], axis)) > 30
    assert probe(str(made)).picture.orientation == 1


def test_a_cover_that_may_tell_a_place_is_left_out(convert, source, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    for name, block in (("tagged", exif.tobytes()), ("plain", b"")):
        Image.new("RGB", (60, 60), "red").save(tmp_path / "cover.jpg", exif=block)
        clip = tmp_path / f"{name}.mp4"
        ffmpeg("-i", source, "-i", tmp_path / "cover.jpg", "-map", "0", "-map", "1", "-c", "copy",
               "-disposition:v:1", "attached_pic", clip)  # fmt: skip
    made, item = convert(tmp_path / "tagged.mp4", strip="gps", effort=None)
    assert item.lost == ("cover picture",)
    assert b"Exif\0" not in made.read_bytes()
    made, item = convert(tmp_path / "plain.mp4", "plain.mp4", strip="gps", effort=None)
    assert item.lost == ()
    assert len(probe(str(made)).of_kind("cover")) == 1
