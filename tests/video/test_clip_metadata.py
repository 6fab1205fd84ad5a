"""What clips say beside their pixels: HDR10 data, time codes, transparency, second views."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image
from video_clips import ffmpeg, make_clip

import imgpar
from imgpar.cli import main
from imgpar.core.errors import EncodeError
from imgpar.video.boxes import tracks
from imgpar.video.hdr import LIGHT, MASTERING
from imgpar.video.probe import probe
from imgpar.video.timecode import advanced

SCREEN = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
PATHS = [{}, {"blur": 0.3}]
"""Settings that go through ffmpeg's filters, and through frames."""


def said(path: Path) -> str:
    """What ffmpeg says about a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def hdr(path: Path) -> Path:
    params = f"log-level=error:master-display={SCREEN}:max-cll=1000,400"
    tags = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    options = ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", f"{params}:{tags}")
    return make_clip(path, frames=5, options=options)


class TestHdr:
    @pytest.mark.slow
    @pytest.mark.parametrize("codec", ["hevc", "h264", "av1"])
    @pytest.mark.parametrize("more", PATHS)
    def test_screen_and_light_are_kept(self, tmp_path: Path, more: dict[str, object], codec: str) -> None:
        report = imgpar.convert(
            hdr(tmp_path / "a.mp4"), tmp_path / "b.mp4", codec=codec, flip="horizontal", **more
        )
        item = report.items[0]
        assert (item.status, item.lost) == ("ok", ())
        assert probe(str(tmp_path / "b.mp4")).picture.hdr == {MASTERING: SCREEN, LIGHT: "1000,400"}

    def test_what_an_encoder_cannot_say_is_named(self, tmp_path: Path) -> None:
        report = imgpar.convert(hdr(tmp_path / "a.mp4"), tmp_path / "b.mkv", codec="vp9", blur=0.3)
        assert set(report.items[0].lost) == {MASTERING, LIGHT}

    def test_what_became_sdr_says_nothing_of_it(self, tmp_path: Path) -> None:
        report = imgpar.convert(hdr(tmp_path / "a.mp4"), tmp_path / "b.mp4", tonemap="hable")
        assert (report.items[0].status, report.items[0].lost) == ("ok", ())


class TestTimecodes:
    @pytest.mark.slow
    @pytest.mark.parametrize("more", [{}, {"resize": "50%"}, {"blur": 0.3}, {"flip": "horizontal"}])
    @pytest.mark.parametrize("suffix", ["mov", "mp4", "mkv"])
    def test_it_stays(self, tmp_path: Path, suffix: str, more: dict[str, object]) -> None:
        source = make_clip(tmp_path / "a.mov", frames=5, options=("-timecode", "01:00:00:00"))
        report = imgpar.convert(source, tmp_path / f"b.{suffix}", **more)
        assert report.items[0].lost == ()
        assert "01:00:00:00" in said(tmp_path / f"b.{suffix}")

    @pytest.mark.parametrize("more", PATHS)
    def test_it_moves_with_the_beginning(self, tmp_path: Path, more: dict[str, object]) -> None:
        source = make_clip(tmp_path / "a.mov", frames=25, options=("-timecode", "01:00:00:20"))
        imgpar.convert(source, tmp_path / "b.mov", trim="0.4-0.8", **more)
        assert "01:00:01:05" in said(tmp_path / "b.mov")

    def test_a_container_without_a_place_for_it_is_named(self, tmp_path: Path) -> None:
        source = make_clip(tmp_path / "a.mov", frames=5, options=("-timecode", "01:00:00:00"))
        assert imgpar.convert(source, tmp_path / "b.avi").items[0].lost == ("timecode",)

    @pytest.mark.parametrize("second", [59, 60, 61, 599, 600, 601, 3599, 3600])
    def test_drop_frame_goes_by_the_clock(self, second: int) -> None:
        """By its definition: it never differs by more than two frames from the time since midnight."""
        rate = Fraction(30000, 1001)
        code = advanced("00:00:00;00", second, rate)
        hours, minutes, seconds, frames = (int(code[at : at + 2]) for at in (0, 3, 6, 9))
        assert abs(((hours * 60 + minutes) * 60 + seconds) + frames / 30 - second) < 0.1
        assert not (frames < 2 and seconds == 0 and minutes % 10)

    def test_every_drop_frame_number_is_followed_by_the_next(self) -> None:
        rate = Fraction(30000, 1001)
        assert advanced("00:00:59;29", float(1 / rate), rate) == "00:01:00;02"
        assert advanced("00:09:59;29", float(1 / rate), rate) == "00:10:00;00"
        assert advanced("00:01:59;29", float(1 / rate), rate) == "00:02:00;02"

    def test_drop_frame_is_written_as_it_is_read(self, tmp_path: Path) -> None:
        source = tmp_path / "a.mov"
        ffmpeg(
            "-f",
            "lavfi",
            "-i",
            "color=size=64x48:rate=30000/1001,trim=end_frame=60",
            "-timecode",
            "00:00:59;00",
            source,
        )
        imgpar.convert(source, tmp_path / "b.mov", trim="1.001-", flip="horizontal")
        assert "00:01:00;02" in said(tmp_path / "b.mov")


def see_through(path: Path, *options: str) -> Path:
    """The left half is transparent, the right half opaque."""
    array = np.zeros((48, 64, 4), np.uint8)
    array[..., 0], array[:, 32:, 3] = 200, 255
    still = path.with_suffix(".png")
    Image.fromarray(array).save(still)
    ffmpeg("-loop", "1", "-framerate", "25", "-t", "0.2", "-i", still, *options, path)
    return path


CLIPS = {
    "a.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p"),
    "a.mov": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"),
    "a.mkv": ("-c:v", "ffv1", "-pix_fmt", "bgra"),
}


class TestTransparency:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", CLIPS)
    @pytest.mark.parametrize("kind", [["--every", "5"], ["--poster"]])
    def test_pictures_out_of_a_clip_keep_it(self, tmp_path: Path, name: str, kind: list[str]) -> None:
        source = see_through(tmp_path / name, *CLIPS[name])
        out = tmp_path / "out"
        assert main(["frames", str(source), "-o", str(out), "--to", "png", *kind]) == 0
        with Image.open(next(out.glob("*.png"))) as image:
            assert image.mode == "RGBA"
            alpha = np.asarray(image)[..., 3]
        assert (alpha[24, 10], alpha[24, 54]) == (0, 255)

    def test_a_picture_format_without_it_is_told(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source = see_through(tmp_path / "a.webm", *CLIPS["a.webm"])
        assert main(["frames", str(source), "-o", str(tmp_path / "out"), "--every", "5"]) == 0
        assert "Lost: alpha (1)" in capsys.readouterr().out

    @pytest.mark.parametrize("suffix", ["webm", "mkv", "mov"])
    def test_arrays_keep_it(self, tmp_path: Path, suffix: str) -> None:
        array = np.full((48, 64, 4), 90, np.uint8)
        array[:, 32:, 3] = 255
        with imgpar.VideoWriter(tmp_path / f"a.{suffix}") as writer:
            writer.write(array)
        (frame,) = imgpar.frames(tmp_path / f"a.{suffix}", channels="RGBA")
        assert np.abs(frame.array[24, [10, 54], 3].astype(int) - [90, 255]).max() <= 3

    @pytest.mark.parametrize("suffix", ["mp4", "avi"])
    def test_arrays_with_it_are_refused_elsewhere(self, tmp_path: Path, suffix: str) -> None:
        writer = imgpar.VideoWriter(tmp_path / f"a.{suffix}")
        with pytest.raises(EncodeError, match="no transparency"), writer:
            writer.write(np.full((48, 64, 4), 90, np.uint8))

    def test_opaque_arrays_are_written_anywhere(self, tmp_path: Path) -> None:
        with imgpar.VideoWriter(tmp_path / "a.mp4") as writer:
            writer.write(np.full((48, 64, 4), 255, np.uint8))
        assert len(list(imgpar.frames(tmp_path / "a.mp4"))) == 1


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return (8 + len(body)).to_bytes(4, "big") + name + body


@pytest.mark.parametrize(
    ("inside", "layer"),
    [
        ([box(b"hvcC")], ""),
        ([box(b"hvcC"), box(b"lhvC"), box(b"vexu")], "second view"),
        ([box(b"hvcC"), box(b"lhvC")], "second layer"),
    ],
)
def test_the_sample_entry_tells_of_a_second_view(inside: list[bytes], layer: str) -> None:
    entry = box(b"hvc1", bytes(78), *inside)
    table = box(b"stbl", box(b"stsd", bytes(8), entry))
    moov = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", table))))
    assert [track.layer for track in tracks(BytesIO(moov))] == [layer]
