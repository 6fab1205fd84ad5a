"""Containers that are read and not written: transport and program streams, FLV, WMV, MXF, OGV, DV."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from video_clips import decoded, ffmpeg, kinds, make_clip, psnr

import imgpar
from imgpar.core.errors import UnknownFormatError
from imgpar.formats.registry import find_format, peek, sniff
from imgpar.inputs.local import scan
from imgpar.video.probe import probe

MADE: dict[str, tuple[str, tuple[str, ...]]] = {
    "a.ts": ("ts", ("-c:v", "libx264", "-c:a", "aac")),
    "a.m2ts": ("ts", ("-c:v", "libx264", "-c:a", "ac3", "-mpegts_m2ts_mode", "1", "-f", "mpegts")),
    "a.mpg": ("mpeg", ("-c:v", "mpeg1video", "-c:a", "mp2")),
    "a.vob": ("mpeg", ("-c:v", "mpeg2video", "-bf", "2", "-c:a", "ac3")),
    "a.flv": ("flv", ("-c:v", "libx264", "-c:a", "aac")),
    "a.wmv": ("wmv", ("-c:v", "wmv2", "-c:a", "wmav2")),
    "a.mxf": ("mxf", ("-c:v", "mpeg2video", "-c:a", "pcm_s16le", "-ar", "48000")),
    "a.ogv": ("ogv", ("-c:v", "libtheora", "-c:a", "libvorbis")),
    "a.dv": ("dv", ("-s", "720x576", "-pix_fmt", "yuv420p", "-ar", "48000", "-ac", "2")),
}
TARGETS = {"ts": "mp4", "flv": "mp4", "mxf": "mov", "dv": "mov", "mpeg": "mkv", "wmv": "mkv", "ogv": "mkv"}
SOURCE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25,trim=end_frame=20,gblur=sigma=2",
          "-f", "lavfi", "-i", "sine=duration=0.8")  # fmt: skip


def made(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    ffmpeg(*SOURCE, "-b:v", "2M", *MADE[name][1], folder / name)
    return folder / name


def frames_by_pyav(path: Path) -> int:
    """Every frame that its decoder gives; Theora repeats one by a packet without bytes."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        return sum(len(packet.decode()) for packet in packets) + len(
            container.streams.video[0].codec_context.decode(None)
        )


@pytest.mark.parametrize("name", MADE)
def test_content_tells_the_container(tmp_path: Path, name: str) -> None:
    with made(tmp_path, name).open("rb") as file:
        found = sniff(peek(file.read))
    assert found is find_format(MADE[name][0])


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_without_a_format_it_becomes_what_takes_its_streams(tmp_path: Path, name: str) -> None:
    source = made(tmp_path / "in", name)
    report = imgpar.convert(tmp_path / "in", tmp_path / "out")
    target = TARGETS[MADE[name][0]]
    output = tmp_path / "out" / f"a.{target}"
    assert report.items[0].status == "ok", report.items[0].error
    assert any(find_format(target).title in note for note in report.items[0].notes)
    assert len(decoded(output)[0]) == frames_by_pyav(source)
    assert [kind.partition(" ")[0] for kind in kinds(output)][:2] == ["video", "audio"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in MADE if name not in ("a.dv",)]
)  # whose pixels are not square: it is encoded
def test_the_picture_of_a_kept_stream_is_copied(tmp_path: Path, name: str) -> None:
    source = made(tmp_path / "in", name)
    imgpar.convert(tmp_path / "in", tmp_path / "out")
    output = tmp_path / "out" / f"a.{TARGETS[MADE[name][0]]}"
    assert kinds(output)[0] == kinds(source)[0]


@pytest.mark.slow
@pytest.mark.parametrize("path", ["native", "frames"])
@pytest.mark.parametrize("name", MADE)
def test_both_paths_show_every_frame(tmp_path: Path, name: str, path: str) -> None:
    source = made(tmp_path / "in", name)
    settings = {"schedule": "staged"} if path == "frames" else {}
    report = imgpar.convert(
        tmp_path / "in", tmp_path / "out", to="mp4", resize="32x24", fit="fill", **settings
    )
    assert report.items[0].status == "ok", report.items[0].error
    times, arrays = decoded(tmp_path / "out" / "a.mp4")
    assert len(times) == frames_by_pyav(source)
    assert arrays[0].shape == (24, 32, 3)


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3", "a.wma", "a.m4a"])
def test_sound_alone_is_no_clip(tmp_path: Path, name: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", tmp_path / name)
    batches = list(scan([str(tmp_path)], out=None))
    assert [len(batch.items) for batch in batches] == [0]
    assert batches[0].ignored == 1


def test_a_programme_called_ts_is_no_clip(tmp_path: Path) -> None:
    (tmp_path / "index.ts").write_text("export const answer: number = 42;\n" * 40)
    batches = list(scan([str(tmp_path)], out=None))
    assert [(len(batch.items), batch.ignored) for batch in batches] == [(0, 1)]


def test_a_broken_file_called_ts_is_a_failed_item(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.ts").write_bytes(bytes(4000))
    report = imgpar.convert(folder, tmp_path / "out")
    assert [item.status for item in report.items] == ["failed"]


def test_no_clip_is_written_as_a_transport_stream(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=2)
    with pytest.raises(imgpar.UsageError, match="does not write MPEG transport stream"):
        imgpar.convert(clip, tmp_path / "out.ts")


def test_a_playlist_is_no_clip_whatever_it_is_called(tmp_path: Path) -> None:
    make_clip(tmp_path / "secret.mp4", frames=2)
    (tmp_path / "a.ts").write_text("#EXTM3U\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n")
    with pytest.raises(UnknownFormatError):
        probe(str(tmp_path / "a.ts"))


class TestTransportStreams:
    def test_times_begin_at_zero_whatever_its_clock_says(self, tmp_path: Path) -> None:
        path = tmp_path / "late.ts"
        ffmpeg(*SOURCE[:4], "-output_ts_offset", "50000", path)
        assert [round(frame.time, 3) for frame in imgpar.frames(path, every=5)] == [0, 0.2, 0.4, 0.6]

    @pytest.mark.parametrize("suffix", ["ts", "mpg"])
    def test_a_moment_far_from_a_key_frame_is_the_right_frame(self, tmp_path: Path, suffix: str) -> None:
        """Seeking in it comes to any packet, mostly not to a key frame."""
        path = tmp_path / f"a.{suffix}"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25,trim=end_frame=75", "-g", "25", path)
        whole = [frame.array for frame in imgpar.frames(path)]
        found = list(imgpar.frames(path, at=[1.84, 0.2]))
        assert [frame.index for frame in found] == [46, 5]
        assert np.array_equal(found[0].array, whole[46])
        assert np.array_equal(found[1].array, whole[5])

    @pytest.mark.parametrize("more", [{}, {"blur": 0.3}, {"deinterlace": True}])
    def test_a_part_has_its_frames(self, tmp_path: Path, more: dict[str, object]) -> None:
        source = tmp_path / "a.ts"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25,trim=end_frame=75", "-g", "25", source)
        imgpar.convert(source, tmp_path / "b.mp4", trim="1.4-1.8", quality=100, **more)
        _, whole = decoded(source)
        _, part = decoded(tmp_path / "b.mp4")
        assert len(part) == 10
        assert int(np.argmax([psnr(part[0], frame) for frame in whole])) == 35


def jumping(path: Path) -> Path:
    """A transport stream of 20 frames that begins anew by its clock after the tenth."""
    size, parts = "testsrc2=size=64x48:rate=25,trim=end_frame=20", []
    for number, (first, offset) in enumerate(((0, 10), (10, 3000))):
        part = path.parent / f"{number}.ts"
        cut = ("-ss", first / 25, "-t", "0.4", "-c:v", "libx264", "-c:a", "mp2", "-muxdelay", "0")
        sound = ("-f", "lavfi", "-i", "sine=duration=0.8")
        ffmpeg("-f", "lavfi", "-i", size, *sound, *cut, "-output_ts_offset", offset, part)
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))
    return path


class TestClockThatJumps:
    def test_frames_follow_on_each_other(self, tmp_path: Path) -> None:
        times = probe(str(jumping(tmp_path / "a.ts"))).times
        assert len(times) == 20
        assert max(after - before for before, after in pairwise(times)) < 0.1

    @pytest.mark.parametrize("more", [{}, {"flip": "horizontal"}, {"blur": 0.3}])
    def test_picture_and_sound_stay_together(self, tmp_path: Path, more: dict[str, object]) -> None:
        report = imgpar.convert(jumping(tmp_path / "a.ts"), tmp_path / "b.mp4", **more)
        assert report.items[0].status == "ok", report.items[0].error
        with av.open(str(tmp_path / "b.mp4")) as clip:
            last = {packet.stream.type: float((packet.pts + packet.duration) * packet.time_base)
                    for packet in clip.demux() if packet.size}  # fmt: skip
        assert last["video"] == pytest.approx(0.8, abs=0.1)
        assert last["audio"] == pytest.approx(last["video"], abs=0.1)

    def test_no_part_is_cut_out_of_it(self, tmp_path: Path) -> None:
        report = imgpar.convert(jumping(tmp_path / "a.ts"), tmp_path / "b.mp4", trim="0.1-0.3")
        assert report.items[0].status == "failed"
        assert "timestamps of this clip are discontinuous" in report.items[0].error


def test_side_data_of_an_unknown_kind_hide_nothing(tmp_path: Path) -> None:
    """As if FFmpeg knew one more kind than PyAV."""
    from imgpar.video.side_data import side_data

    class Newer:
        @property
        def side_data(self) -> dict[str, bytes]:
            from av.sidedata.sidedata import Type

            return {Type(999).name: b"?", "DISPLAYMATRIX": b"matrix"}

    assert side_data(Newer(), "DISPLAYMATRIX", "A53_CC") == {"DISPLAYMATRIX": b"matrix"}


def test_metadata_that_are_no_utf_8_are_read(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2, options=("-metadata", "title=MARK"))
    path.write_bytes(path.read_bytes().replace(b"MARK", b"caf\xe9"))
    assert probe(str(path)).metadata["title"] == "café"


@pytest.mark.parametrize("more", [{}, {"blur": 0.3}, {"resize": "50%"}])
def test_a_clip_with_such_metadata_is_converted(tmp_path: Path, more: dict[str, object]) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2, options=("-metadata", "title=MARK"))
    path.write_bytes(path.read_bytes().replace(b"MARK", b"caf\xe9"))
    report = imgpar.convert(path, tmp_path / "b.mkv", **more)
    assert (report.items[0].status, report.items[0].error) == ("ok", "")
