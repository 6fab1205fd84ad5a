"""`--pages`: every page an output of its own, some of them, or all in one file, whatever their sizes."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from codec_pictures import LIMITS, read, saved
from PIL import Image, ImageCms, ImageSequence, TiffImagePlugin

import imgpar
from imgpar.batch.incremental import Recorded
from imgpar.batch.planner import Planner
from imgpar.core.errors import UsageError
from imgpar.core.job import Item, Job, Outcome, OutputFile
from imgpar.core.limits import Limits
from imgpar.formats.codec import read_header
from imgpar.formats.options import EncodeOptions
from imgpar.inputs.batches import Batch
from imgpar.outputs.destination import Out
from imgpar.outputs.prior import PriorResult
from imgpar.pixels.colour import profiles

SIZES = [(40, 30), (50, 20), (30, 60)]


def pages(count: int, shapes: Sequence[tuple[int, int]] = ()) -> list[Image.Image]:
    shapes = shapes or [(24, 16)] * count
    return [Image.new("RGB", size, (40 * number, 9, 200)) for number, size in enumerate(shapes, 1)]


def document(path: Path, *sizes: tuple[int, int], kind: str = "TIFF", **options: object) -> Path:
    first, *rest = pages(len(sizes), sizes)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(saved(first, kind, save_all=True, append_images=rest, **options))
    return path


def deep_pages(count: int, kind: type) -> list[np.ndarray]:
    peak = 65535 if kind is np.uint16 else 1
    return [(np.random.default_rng(seed).random((12, 20, 3)) * peak).astype(kind) for seed in range(count)]


def deep_document(arrays: list[np.ndarray]) -> bytes:
    return bytes(cv2.imencodemulti(".tif", [array[..., ::-1] for array in arrays])[1])


def tagged(made: list[Image.Image], own: list[bytes]) -> bytes:
    """A TIFF whose pages have a profile each."""
    sink = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(sink) as file:
        for page, icc in zip(made, own, strict=True):
            page.save(file, "TIFF", icc_profile=icc)
            file.newFrame()
    return sink.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".imgpar")


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def reds(folder: Path) -> list[int]:
    return [opened(folder / name).convert("RGB").getpixel((2, 2))[0] for name in names(folder)]


def sizes(folder: Path) -> list[tuple[int, int]]:
    return [opened(folder / name).size for name in names(folder)]


class TestSplit:
    @pytest.mark.parametrize("schedule", ["chain", "staged"])
    def test_every_page_becomes_an_output(self, tmp_path: Path, schedule: str) -> None:
        document(tmp_path / "in/scan.tif", *SIZES)
        report = imgpar.convert(
            tmp_path / "in", tmp_path / "out", to="png", pages="split", jobs=1, schedule=schedule
        )
        assert (report.ok, names(tmp_path / "out")) == (1, ["scan-p1.png", "scan-p2.png", "scan-p3.png"])
        assert reds(tmp_path / "out") == [40, 80, 120]
        assert sizes(tmp_path / "out") == SIZES

    def test_so_does_every_frame_as_it_is_seen(self, tmp_path: Path) -> None:
        document(tmp_path / "in/a.gif", *[(24, 16)] * 3, kind="GIF", duration=50)
        report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="webp", pages="split", jobs=1)
        assert [Path(file.path).name for file in report.items[0].outputs] == [
            f"a-p{n}.webp" for n in (1, 2, 3)
        ]
        assert report.items[0].lost == ()
        assert np.allclose(reds(tmp_path / "out"), [40, 80, 120], atol=4)

    def test_several_formats_are_told_one_after_the_other(self, tmp_path: Path) -> None:
        document(tmp_path / "in/a.tif", *SIZES[:2])
        report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="png,bmp", pages="split", jobs=1)
        made = [Path(file.path).name for file in report.items[0].outputs]
        assert made == ["a-p1.png", "a-p2.png", "a-p1.bmp", "a-p2.bmp"]

    def test_what_has_one_page_keeps_its_name_and_its_bytes(self, tmp_path: Path) -> None:
        one = document(tmp_path / "in/one.tif", SIZES[0])
        Image.new("RGB", (8, 8)).save(tmp_path / "in/photo.jpg")
        imgpar.convert(tmp_path / "in", tmp_path / "out", pages="split", jobs=1)
        assert names(tmp_path / "out") == ["one.tif", "photo.jpg"]
        assert (tmp_path / "out/one.tif").read_bytes() == one.read_bytes()
        assert (tmp_path / "out/photo.jpg").read_bytes() == (tmp_path / "in/photo.jpg").read_bytes()

    def test_of_several_pages_each_becomes_an_output_where_the_format_holds_one(self, tmp_path: Path) -> None:
        document(tmp_path / "in/a.tif", *SIZES)
        report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="png", pages="1,3", jobs=1)
        assert (report.ok, names(tmp_path / "out")) == (1, ["a-p1.png", "a-p3.png"])
        assert reds(tmp_path / "out") == [40, 120]

    def test_of_several_frames_of_an_animation_too(self, tmp_path: Path) -> None:
        document(tmp_path / "in/a.gif", *[(24, 16)] * 3, kind="GIF", duration=50)
        imgpar.convert(tmp_path / "in", tmp_path / "out", to="bmp", pages="2-", jobs=1)
        assert (names(tmp_path / "out"), reds(tmp_path / "out")) == (["a-p2.bmp", "a-p3.bmp"], [80, 120])

    def test_in_a_format_of_pages_they_stay_together(self, tmp_path: Path) -> None:
        document(tmp_path / "in/a.tif", *SIZES)
        imgpar.convert(tmp_path / "in", tmp_path / "out", pages="1,3", jobs=1)
        pages = ImageSequence.Iterator(opened(tmp_path / "out/a.tif"))
        assert [page.size for page in pages] == [SIZES[0], SIZES[2]]

    @pytest.mark.parametrize(
        ("chosen", "copied"), [("1", False), ("2-3", False), ("1-3", True), ("-9", True)]
    )
    def test_only_all_pages_are_a_copy(self, tmp_path: Path, chosen: str, *, copied: bool) -> None:
        path = document(tmp_path / "in/a.tif", *[(24, 16)] * 3)
        imgpar.convert(tmp_path / "in", tmp_path / "out", pages=chosen, jobs=1)
        assert ((tmp_path / "out/a.tif").read_bytes() == path.read_bytes()) is copied

    def test_a_shorter_document_is_skipped(self, tmp_path: Path) -> None:
        document(tmp_path / "in/long.tif", *SIZES)
        document(tmp_path / "in/short.tif", SIZES[0])
        report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="png", pages="2-5", jobs=1)
        short = report.items[1]
        assert (report.failed, names(tmp_path / "out")) == (0, ["long-p2.png", "long-p3.png"])
        assert (short.status, short.reason, short.notes) == (
            "skipped", "pages", ("It has 1 page; 2-5 was requested.",)
        )  # fmt: skip
        assert "1 skipped (1 without the requested pages)" in report.summary()

    def test_what_has_no_pages_is_not_concerned(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / "in/photo.png")
        report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="jpg", pages="2-", jobs=1)
        assert (report.ok, names(tmp_path / "out")) == (1, ["photo.jpg"])

    def test_operations_are_done_to_each_page(self, tmp_path: Path) -> None:
        document(tmp_path / "in/a.tif", *SIZES)
        imgpar.convert(tmp_path / "in", tmp_path / "out", to="png", pages="split", resize="50%", jobs=1)
        assert sizes(tmp_path / "out") == [(20, 15), (25, 10), (15, 30)]

    def test_a_page_that_cannot_be_read_fails_all(self, tmp_path: Path) -> None:
        path = document(tmp_path / "in/a.tif", (24, 16), (24, 16), compression="jpeg")
        header = read_header(path.read_bytes(), "a.tif", LIMITS)
        assert header.frames == 2
        with Image.open(path) as image:
            image.seek(1)
            offset = image.tag_v2[273][0]
        data = bytearray(path.read_bytes())
        data[offset : offset + 40] = bytes(40)
        path.write_bytes(data)
        report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="png", pages="split", jobs=1)
        assert (report.failed, names(tmp_path / "out")) == (1, [])

    def test_a_second_run_has_nothing_to_do(self, tmp_path: Path) -> None:
        path = document(tmp_path / "in/a.tif", *SIZES)
        for touched in (None, None, 10**9):
            if touched:
                os.utime(path, (touched, touched))
            report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="png", pages="split", jobs=1)
        assert report.items[0].reason == "unchanged"

    def test_a_page_that_is_gone_is_made_again(self, tmp_path: Path) -> None:
        document(tmp_path / "in/a.tif", *SIZES)
        for _ in range(2):
            report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="png", pages="split", jobs=1)
            (tmp_path / "out/a-p2.png").unlink(missing_ok=not report.ok)
        assert report.ok == 1
        assert names(tmp_path / "out") == ["a-p1.png", "a-p3.png"]

    @pytest.mark.parametrize(
        ("on_exists", "status", "made"),
        [
            ("skip", "skipped", ["a-p2.png"]),
            ("error", "failed", ["a-p2.png"]),
            ("overwrite", "ok", ["a-p1.png", "a-p2.png"]),
            ("rename", "ok", ["a-1-p1.png", "a-1-p2.png", "a-p2.png"]),
        ],
    )
    def test_a_page_of_somebody_else_is_respected(
        self, tmp_path: Path, on_exists: str, status: str, made: list[str]
    ) -> None:
        document(tmp_path / "in/a.tif", *SIZES[:2])
        (tmp_path / "out").mkdir()
        (tmp_path / "out/a-p2.png").write_bytes(b"mine")
        report = imgpar.convert(
            tmp_path / "in", tmp_path / "out", to="png", pages="split", on_exists=on_exists, jobs=1
        )
        assert (report.items[0].status, names(tmp_path / "out")) == (status, made)
        assert ((tmp_path / "out/a-p2.png").read_bytes() == b"mine") == (on_exists != "overwrite")

    def test_not_in_place(self, tmp_path: Path) -> None:
        document(tmp_path / "a.tif", *SIZES)
        with pytest.raises(UsageError, match="in place"):
            imgpar.convert(tmp_path, None, pages="split", in_place=True)

    def test_one_file_gives_names_after_it(self, tmp_path: Path) -> None:
        path = document(tmp_path / "a.tif", *SIZES[:2])
        imgpar.convert(path, tmp_path / "page.png", pages="split", jobs=1, journal=str(tmp_path / "j.db"))
        assert [path.name for path in sorted(tmp_path.glob("*.png"))] == ["page-p1.png", "page-p2.png"]


class Known:
    """What earlier runs knew."""

    def __init__(self, records: dict[str, list[PriorResult]]) -> None:
        self._records = records

    def done(self, batch: Batch, paths: object = None) -> dict[str, list[PriorResult]]:
        return self._records

    def recorded(self, batch: Batch, key: str, siblings: Sequence[str] = ()) -> Recorded:
        return Recorded({})

    def owners(self, batch: Batch) -> None:
        return None

    def taken(self, batch: Batch) -> list[tuple[str, PriorResult]]:
        return []


def planned(
    *inputs: str, done: dict[str, list[PriorResult]] | None = None, out: str = "/nowhere"
) -> dict[str, str]:
    items = [Item(f"/in/{name}", name, 10, 20, 30) for name in inputs]
    planner = Planner(
        Out(out), to=["webp"], options=EncodeOptions(pages="split"), past=Known(done or {}), recipe="key"
    )
    entries: list[Job | Outcome] = list(planner.plan(Batch("/in", "", items)))
    return {
        os.path.basename(job.item.path): os.path.basename(job.targets[0].path)
        for job in entries
        if isinstance(job, Job)
    }


class TestNames:
    def test_a_picture_named_like_a_page_makes_both_take_their_whole_names(self) -> None:
        assert planned("doc.pdf", "doc-p2.png") == {
            "doc.pdf": "doc.pdf.webp",
            "doc-p2.png": "doc-p2.png.webp",
        }

    def test_pictures_named_like_pages_of_nothing_keep_their_names(self) -> None:
        assert planned("a-p1.png", "a-p2.png") == {"a-p1.png": "a-p1.webp", "a-p2.png": "a-p2.webp"}

    def test_case_does_not_hide_a_collision(self) -> None:
        assert planned("DOC.pdf", "doc-p2.png")["DOC.pdf"] == "DOC.pdf.webp"

    def test_a_newcomer_does_not_take_the_name_of_a_page_that_is_there(self) -> None:
        page = OutputFile("/nowhere/doc-p1.webp", 5, 1, 1, 20)
        record = PriorResult("key", "ok", 10, 20, 0, 30, "", 1, (page,))
        names = planned("doc.pdf", "doc-p1.png", done={"/in/doc.pdf": [record]})
        assert names == {"doc.pdf": "doc.webp", "doc-p1.png": "doc-p1.png.webp"}

    def test_pages_of_a_run_that_died_are_ours(self, tmp_path: Path) -> None:
        page = tmp_path / "a-p1.webp"
        page.write_bytes(b"12345")
        claim = OutputFile(str(page), 5, 1, 1, 20)
        record = PriorResult("key", "planned", 10, 20, 0, 30, "", 1, (), (claim,))
        past = Known({"/in/a.tif": [record]})
        planner = Planner(
            Out(str(tmp_path)), to=["webp"], options=EncodeOptions(pages="split"), past=past, recipe="key"
        )
        (job,) = planner.plan(Batch("/in", "", [Item("/in/a.tif", "a.tif", 10, 20, 30)]))
        assert isinstance(job, Job)
        assert job.targets[0].parts == (str(page),)

    def test_a_page_that_is_an_input_is_not_overwritten(self, tmp_path: Path) -> None:
        inputs = [
            document(tmp_path / name, *SIZES[:count]) for name, count in (("a.tif", 2), ("a-p1.tif", 1))
        ]
        report = imgpar.convert(inputs, tmp_path, pages="split", on_exists="overwrite", jobs=1)
        assert report.failed + report.ok == 2
        assert opened(inputs[1]).size == SIZES[0]


class TestTogether:
    def test_pages_of_several_sizes_stay_together_in_a_tiff(self, tmp_path: Path) -> None:
        document(tmp_path / "in/a.tif", *SIZES)
        report = imgpar.convert(
            tmp_path / "in", tmp_path / "out", to="tiff", flip="horizontal", verify=True, jobs=1
        )
        assert (report.ok, report.items[0].lost) == (1, ())
        with Image.open(tmp_path / "out/a.tif") as image:
            found = []
            for number in range(image.n_frames):
                image.seek(number)
                found.append((image.size, image.getpixel((2, 2))[0]))
        assert found == list(zip(SIZES, [40, 80, 120], strict=True))

    def test_elsewhere_the_first_one_stays_and_the_others_are_named(self, tmp_path: Path) -> None:
        document(tmp_path / "in/a.tif", *SIZES)
        report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="png", jobs=1)
        assert report.items[0].lost == ("pages",)
        assert opened(tmp_path / "out/a.png").size == SIZES[0]

    @pytest.mark.parametrize("kind", [np.uint16, np.float32])
    def test_deep_pages_are_kept_bit_for_bit(self, tmp_path: Path, kind: type) -> None:
        wanted = deep_pages(3, kind)
        (tmp_path / "in").mkdir()
        (tmp_path / "in/deep.tif").write_bytes(deep_document(wanted))
        report = imgpar.convert(tmp_path / "in", tmp_path / "out", flip="horizontal", jobs=1)
        assert report.items[0].lost == ()
        _, found = cv2.imreadmulti(str(tmp_path / "out/deep.tif"), flags=cv2.IMREAD_UNCHANGED)
        assert len(found) == 3
        assert all(
            np.array_equal(one[..., ::-1], other[:, ::-1]) for one, other in zip(found, wanted, strict=True)
        )

    def test_pages_keep_profiles_of_their_own(self, tmp_path: Path) -> None:
        own = [profiles.display_p3(), profiles.rgb_profile("wide", profiles.REC2020), profiles.srgb()]
        made = [Image.fromarray(np.rint(page * 255).astype(np.uint8)) for page in deep_pages(3, np.float32)]
        (tmp_path / "in").mkdir()
        (tmp_path / "in/a.tif").write_bytes(tagged(made, own))
        imgpar.convert(tmp_path / "in", tmp_path / "out", flip="horizontal", jobs=1)
        for number, page in enumerate(ImageSequence.Iterator(opened(tmp_path / "out/a.tif"))):
            assert page.info["icc_profile"] == own[number]
            assert np.array_equal(np.asarray(page)[:, ::-1], np.asarray(made[number]))

    def test_pages_become_one_profile_where_it_is_asked_for(self, tmp_path: Path) -> None:
        own = [profiles.display_p3(), profiles.rgb_profile("wide", profiles.REC2020), profiles.srgb()]
        made = [Image.fromarray(np.rint(page * 255).astype(np.uint8)) for page in deep_pages(3, np.float32)]
        (tmp_path / "a.tif").write_bytes(tagged(made, own))
        imgpar.convert(tmp_path / "a.tif", tmp_path / "out.tif", colour="p3", jobs=1)
        for number, page in enumerate(ImageSequence.Iterator(opened(tmp_path / "out.tif"))):
            wanted = ImageCms.profileToProfile(
                made[number], *(ImageCms.ImageCmsProfile(io.BytesIO(icc)) for icc in (own[number], own[0])),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )  # fmt: skip
            assert np.abs(np.asarray(page).astype(int) - np.asarray(wanted)).max() <= 1

    def test_a_thumbnail_in_between_is_no_page(self) -> None:
        sink = io.BytesIO()
        with TiffImagePlugin.AppendingTiffWriter(sink, True) as writer:
            for number, page in enumerate(pages(3)):
                tags = TiffImagePlugin.ImageFileDirectory_v2()
                tags[254] = int(number == 1)
                page.save(writer, "TIFF", tiffinfo=tags)
                writer.newFrame()
        header, found = read(sink.getvalue())
        assert (header.frames, [frame[2, 2, 0] for frame in found]) == (2, [40, 120])


class TestSome:
    @pytest.mark.parametrize(("pages", "wanted"), [("2", [1]), ("2-3", [1, 2]), ("1", [0]), ("", [0, 1, 2])])
    def test_pages_of_a_deep_tiff(self, pages: str, wanted: list[int]) -> None:
        arrays = deep_pages(3, np.uint16)
        data = deep_document(arrays)
        _, found = read(data, header=read_header(data, "", Limits(pages=pages)))
        assert [np.array_equal(one, arrays[at]) for one, at in zip(found, wanted, strict=True)] == [
            True
        ] * len(wanted)

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
    def test_frames_of_an_animation(self, kind: str) -> None:
        options = {"lossless": True} if kind == "WEBP" else {}
        data = saved(
            pages(1)[0], kind, save_all=True, append_images=pages(4)[1:], duration=[10, 20, 30, 40], **options
        )
        header, found = read(data, header=read_header(data, "", Limits(pages="2-3")))
        assert (header.frames, header.metadata.durations) == (2, (20, 30))
        assert np.allclose([frame[2, 2, 0] for frame in found], [80, 120], atol=3)

    def test_the_first_frame_is_a_still_picture(self, tmp_path: Path) -> None:
        document(tmp_path / "in/a.gif", *[(24, 16)] * 3, kind="GIF", duration=50)
        report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="webp", pages="first", jobs=1)
        assert report.items[0].lost == ()
        assert getattr(opened(tmp_path / "out/a.webp"), "n_frames", 1) == 1


TEXTS = {270: "page {}", 285: "Sheet {}", 306: "2020:01:0{} 10:00:00", 315: "Ana {}"}
"""Texts of a page, by tag."""


class TestMetadata:
    """Every page says what it says of itself."""

    def document(self, *modes: str) -> bytes:
        sink = io.BytesIO()
        with TiffImagePlugin.AppendingTiffWriter(sink, True) as writer:
            for number, mode in enumerate(modes, 1):
                tags = TiffImagePlugin.ImageFileDirectory_v2()
                for tag, text in TEXTS.items():
                    tags[tag] = text.format(number)
                page = Image.new(mode, (40, 30), number * 40 if mode == "L" else (number * 40,) * 3)
                page.save(writer, "TIFF", tiffinfo=tags, dpi=(100 * number, 100 * number))
                writer.newFrame()
        return sink.getvalue()

    def check(self, path: Path, numbers: list[int]) -> None:
        found = list(ImageSequence.Iterator(opened(path)))
        assert len(found) == len(numbers)
        for number, page in zip(numbers, ImageSequence.Iterator(opened(path)), strict=True):
            told = {tag: page.tag_v2[tag] for tag in TEXTS}
            assert told == {tag: text.format(number) for tag, text in TEXTS.items()}
            assert page.info["dpi"] == (100 * number, 100 * number)

    @pytest.mark.parametrize("schedule", ["chain", "staged"])
    @pytest.mark.parametrize("modes", [("RGB", "RGB", "RGB"), ("RGB", "L")], ids=["alike", "of two kinds"])
    def test_pages_keep_it_when_they_change(
        self, tmp_path: Path, modes: tuple[str, ...], schedule: str
    ) -> None:
        (tmp_path / "a.tif").write_bytes(self.document(*modes))
        imgpar.convert(tmp_path / "a.tif", tmp_path / "b.tif", resize="50%", schedule=schedule, jobs=1)
        self.check(tmp_path / "b.tif", list(range(1, len(modes) + 1)))

    def test_split_pages_keep_it(self, tmp_path: Path) -> None:
        (tmp_path / "a.tif").write_bytes(self.document("RGB", "RGB"))
        imgpar.convert(tmp_path / "a.tif", tmp_path / "out", pages="split", resize="50%", jobs=1)
        for number in (1, 2):
            self.check(tmp_path / "out" / f"a-p{number}.tif", [number])

    def test_a_part_of_the_pages_keeps_it(self, tmp_path: Path) -> None:
        (tmp_path / "a.tif").write_bytes(self.document("RGB", "RGB", "RGB"))
        imgpar.convert(tmp_path / "a.tif", tmp_path / "b.tif", pages="2-3", resize="50%", jobs=1)
        self.check(tmp_path / "b.tif", [2, 3])

    def test_strip_holds_for_every_page(self, tmp_path: Path) -> None:
        (tmp_path / "a.tif").write_bytes(self.document("RGB", "RGB"))
        imgpar.convert(tmp_path / "a.tif", tmp_path / "b.tif", strip="all", resize="50%", jobs=1)
        for page in ImageSequence.Iterator(opened(tmp_path / "b.tif")):
            assert not set(TEXTS) & set(page.tag_v2)
