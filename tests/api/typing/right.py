"""Correct use of the public names: type checkers find nothing here. Checked, never run."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, assert_type

import numpy as np
import numpy.typing as npt

import imgpar


def warmer(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return picture


def grey(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return picture


def show(event: imgpar.Event) -> None:
    if event.kind == "item" and event.outcome is not None:
        print(event.done, event.total, event.outcome.source, event.outcome.status)


def convert_folders() -> None:
    report = imgpar.convert("photos/", "web/", resize="1920", to="webp", quality=82, jobs=8)
    status: str = report.items[0].status
    print(report.ok, report.failed, status, [file.path for file in report.items[0].outputs])
    for item in report.failures:
        print(item.source, item.error, item.kind)
    imgpar.convert(["a.jpg", Path("b.jpg")], Path("out"), resize=(1920, None), to=["webp", "jpg"])
    imgpar.convert("in", "out", resize=640, fit="cover", gravity="top left", grey=True, sharpen=True)
    imgpar.convert("in", "out", recipe="web", subsampling="4:2:0", memory="2G", max_pixels="200MP")
    imgpar.convert("in", in_place=True, rotate=90, background=(255, 255, 255), keep_originals="none")
    imgpar.convert("in", "out", watermark=Path("logo.png"), margin="5%", opacity=0.5, tile=True)
    imgpar.convert("in", "out", watermark_text="© Ada", colour="white", size=48, quality=None)
    imgpar.convert("in", "out", to="mp4", fps=Fraction(30000, 1001), trim="0:10-0:25", codec="hevc")
    imgpar.convert("in", "out", include="*.jpg", exclude=("proofs/", "old/"), timeout="2m")
    imgpar.convert("in", "out", on_event=show, cancel=imgpar.CancelToken(), report=Path("r.json"))
    imgpar.retry("web/", accept_damaged=True, on_event=show)
    imgpar.retry(Path("web"), ["photos/"], jobs=2, timeout=30)
    print(imgpar.undo("photos/", forget=True).ok, imgpar.verify("web/", journal="j.db").failed)


def previews() -> None:
    plan = imgpar.dry_run("photos/", "web/", recipe="web", resize="1920", to="webp", include="*.jpg")
    for item in plan.items:
        if item.status == "planned":
            print(item.source, [(file.path, file.format, file.replaces) for file in item.outputs])
        elif item.status == "skipped":
            print(item.reason)
        else:
            assert_type(item.status, Literal["failed"])
            print(item.error, item.kind)
    counts: tuple[int, int, int] = (plan.planned, plan.skipped, plan.failed)
    print(counts, len(list(plan.outputs)), plan.notes)
    info = imgpar.describe("a.pdf", password="sesame")
    width, height = info.size
    print(width * height, info.frames, info.as_dict())
    if isinstance(info, imgpar.ClipInfo):
        print(info.seconds, info.chapters)
    else:
        print(info.layout, info.dpi, info.detail.get("subsampling"))


def pipelines() -> None:
    pipe = imgpar.Pipeline().resize("1920x1080", fit="cover", gravity="north").sharpen(0.5, sigma=1.2).grey()
    pipe = pipe.crop("16:9").pad((800, 600), background="#f4f4f4").rotate(45).flip("h").blur(2)
    pipe = pipe.watermark("logo.png", margin=10).watermark_text("© Ada", outline=(0, 0, 0, 255))
    pipe = pipe.apply(warmer).apply(grey, channels="L", dtype="float32").brightness(1.1).sharpen()
    pipe = pipe.apply(grey, window=3, range=(0, 255)).apply_batch(
        warmer, size=8, dtype="float32", range=(-1, 1)
    )
    assert_type(pipe, imgpar.Pipeline)
    report = pipe.run("photos/", "web/", to="webp", quality=82, dry_run=True)
    print(report.planned, report.summary(), report.exit_code)
    for item, array in pipe.arrays("photos/", channels="RGBA", dtype="uint16", jobs=2, pages=3):
        print(item.path, array.shape, array.dtype)
    for pieces in pipe.batches(
        [("a", b"")], shuffle=False, rank=1, world=2, errors="yield", state=None, jobs=2
    ):
        print([one.shape for one in pieces.arrays if one is not None], [item.error for item in pieces.items])
    pairs = imgpar.read_table({"image": [b""]}, "image", key=None)
    print(len(list(pipe.arrays(pairs))))
    print(pipe.array("a.jpg", channels="L", max_pixels=10).shape)
    pipe.run({"a": b"", "b": Path("b.jpg")}, "web/")
    data: bytes = pipe.encode(b"", to="jpg", quality=80, resize=64, strict=True)
    data = pipe.encode(Path("a.jpg"), to="jpg", timeout=2, memory="1G")
    made: imgpar.EncodedPicture = pipe.encode_with_report("a.jpg")
    print(made.data, made.format, made.size, made.lost, made.notes, made.seconds)
    print(len(data))


def sessions() -> None:
    pipe = imgpar.Pipeline().resize("224x224", fit="cover")
    with imgpar.Session(jobs=8, memory="2G", start_method="spawn") as session:
        for item, array in session.arrays(pipe, "photos/", copy=True, density=300):
            print(item.mirror, item.index, item.key, array.mean())
        batches = session.batches(pipe, "photos/", size=32, shuffle=0, repeat=None, layout="NCHW", timeout=30)
        for batch in batches:
            assert_type(batch, imgpar.Batch[np.ndarray[Any, Any]])
            print(batch.array.mean(), batch.keys, batch.epoch, batches.state_dict()["epoch"])
        for item, maybe in session.arrays(
            pipe, [("a", b""), Path("b.jpg"), BytesIO()], errors="yield", prefetch=8
        ):
            print(item.error if maybe is None else maybe.mean())
        report = session.run(pipe, "photos/", "web/", to="webp", effort=4, on_event=show)
        imgpar.convert("photos/", "web/", session=session)
        print(report.reasons.get("exists"))


def clips() -> None:
    for frame in imgpar.frames("clip.mp4", start=10, stop=12.5, channels="L"):
        print(frame.index, frame.time, frame.array.shape)
    with imgpar.VideoWriter("out.mp4", fps="30000/1001", codec="hevc", quality=80) as writer:
        writer.write(np.zeros((480, 640, 3), np.uint8), time=0.5)
    with open("clip.mp4", "rb") as file:
        for batch in imgpar.frames(file, every="2s", batch=16):
            print(batch.array.shape, batch.times[0], batch.indices[0], len(batch))
    first, last = imgpar.frames(b"...", index=[0, -1])
    print(first.time)
    with imgpar.VideoWriter("out.mkv", pixel_format="yuv444p", audio="clip.mp4") as writer:
        writer.write(last.array, time=Fraction(1, 3))


def errors(settings: Mapping[str, int]) -> None:
    try:
        imgpar.convert("photos/", "web/", jobs=settings["jobs"])
    except imgpar.UnknownSettingError as error:
        print(error.message, error.fix)
    except imgpar.ImgparError as error:
        print(error.exit_code)


def outputs(pipe: imgpar.Pipeline) -> None:
    def store(output: imgpar.OutputData) -> None:
        print(output.name, output.source, output.format, output.size, len(output.data))

    pipe.run("photos/", store, to="webp")
    imgpar.convert("photos/", store)
    imgpar.dry_run("photos/", store)


def many(pipe: imgpar.Pipeline, session: imgpar.Session) -> None:
    for item, made in pipe.encode_all({"a": b"", "b": Path("b.jpg")}, to="webp", session=session):
        print(item.key, made.data)
    for item, perhaps in pipe.encode_all(["a.jpg"], errors="yield", jobs=2, quality=80):
        print(item.error, perhaps and perhaps.size)
    plan = pipe.dry_run("photos/", "web/", root="photos/", name=lambda item: item.mirror)
    print(plan.planned)


async def in_a_loop(pipe: imgpar.Pipeline, session: imgpar.Session) -> None:
    data: bytes = await pipe.aencode(b"", to="jpg", timeout="5s")
    report = await pipe.arun("photos/", "web/", to="webp", session=session)
    async for item, array in pipe.aarrays("photos/", jobs=2):
        print(item.path, array.shape, data, report.ok)
    async for item, array in session.aarrays(pipe, "photos/", channels="L"):
        print(item.path, array.shape)
