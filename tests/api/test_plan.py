"""`imgpar.dry_run` and `imgpar.describe`: values for programs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from PIL import Image
from video_clips import make_clip

import imgpar
from imgpar.cli import main


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (16, 8), "red").save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def names(plan: imgpar.Plan) -> list[tuple[str, str, bool]]:
    return [(Path(file.path).name, file.format, file.replaces) for file in plan.outputs]


def test_a_plan_names_every_output_and_writes_nothing(pictures, tmp_path):
    plan = imgpar.dry_run(pictures, tmp_path / "out", resize=8, to="webp,jpg")
    assert not (tmp_path / "out").exists()
    assert names(plan) == [
        ("a.webp", "webp", False), ("a.jpg", "jpeg", False),
        ("b.webp", "webp", False), ("b.jpg", "jpeg", False),
    ]  # fmt: skip
    assert [item.source for item in plan.items] == [str(pictures / "a.png"), str(pictures / "b.png")]
    assert (plan.planned, plan.skipped, plan.failed, plan.total) == (2, 0, 0, 2)
    assert (plan.ignored, plan.left_out, plan.out) == (1, {".txt": 1}, str(tmp_path / "out"))
    assert plan.items[0].bytes == (pictures / "a.png").stat().st_size


def test_a_plan_is_what_the_run_does(pictures, tmp_path):
    settings = {"resize": 8, "to": "webp"}
    plan = imgpar.dry_run(pictures, tmp_path / "out", recipe=imgpar.Recipe(), **settings)
    report = imgpar.convert(pictures, tmp_path / "out", jobs=1, **settings)
    written = [file.path for item in report.items for file in item.outputs]
    assert [file.path for file in plan.outputs] == written


def test_what_is_there_is_skipped_or_replaced(pictures, tmp_path):
    imgpar.convert(pictures, tmp_path / "out", to="webp", jobs=1)
    (tmp_path / "out" / "b.webp").write_bytes(b"of the user")
    plan = imgpar.dry_run(pictures, tmp_path / "out", to="webp")
    assert [(item.status, item.reason) for item in plan.items] == [
        ("skipped", "unchanged"), ("skipped", "changed"),
    ]  # fmt: skip
    assert plan.reasons == {"unchanged": 1, "changed": 1}
    assert list(plan.outputs) == []
    plan = imgpar.dry_run(pictures, tmp_path / "out", to="webp", on_exists="overwrite", quality=9)
    assert names(plan) == [("a.webp", "webp", True), ("b.webp", "webp", True)]


def test_what_would_fail_says_why(pictures, tmp_path):
    (pictures / "c.jpg").symlink_to("nowhere.jpg")
    plan = imgpar.dry_run(pictures, tmp_path / "out", to="webp")
    (item,) = [item for item in plan.items if item.status == "failed"]
    assert item.source.endswith("c.jpg")
    assert item.error
    assert issubclass(getattr(imgpar, item.kind), imgpar.ItemError)


def test_remarks_come_with_the_plan(pictures, tmp_path):
    plan = imgpar.dry_run(pictures, tmp_path / "out", to="webp", exclude="absent*")
    assert any("absent*" in note for note in plan.notes)


def test_a_plan_in_place(pictures):
    plan = imgpar.dry_run(pictures, in_place=True, resize=8)
    assert [Path(file.path) for file in plan.outputs] == [pictures / "a.png", pictures / "b.png"]


def test_a_plan_can_be_cancelled_and_listened_to(pictures, tmp_path):
    token, kinds = imgpar.CancelToken(), list[str]()

    def listen(event: imgpar.Event) -> None:
        kinds.append(event.kind)
        if event.kind == "item":
            token.cancel()

    plan = imgpar.dry_run(pictures, tmp_path / "out", to="webp", on_event=listen, cancel=token)
    assert (plan.cancelled, plan.planned, len(plan.items)) == (True, 1, 1)
    assert kinds == ["start", "item", "planned", "end"]


def test_a_plan_is_frozen(pictures, tmp_path):
    plan = imgpar.dry_run(pictures, tmp_path / "out", to="webp")
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.planned = 3  # type: ignore[misc]
    assert repr(plan) == "<Plan: 2 planned, 0 skipped, 0 failed>"


def test_wrong_calls_of_dry_run(tmp_path):
    with pytest.raises(imgpar.UnknownSettingError, match="Did you mean 'resize'"):
        imgpar.dry_run("in", "out", rezise=3)  # type: ignore[call-arg]
    with pytest.raises(imgpar.UsageError):
        imgpar.dry_run(tmp_path / "nothing", tmp_path / "out")


@pytest.mark.parametrize("suffix", ["png", "mp4"])
def test_info_prints_what_describe_knows(suffix, tmp_path, capsys):
    path = tmp_path / f"a.{suffix}"
    if suffix == "mp4":
        make_clip(path)
    else:
        Image.new("RGBA", (16, 8)).save(path, dpi=(72, 72))
    info = imgpar.describe(path)
    assert main(["info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(info.as_dict()))
    assert (info.path, info.bytes) == (str(path), path.stat().st_size)
    assert isinstance(info, imgpar.ClipInfo if suffix == "mp4" else imgpar.PictureInfo)


def test_a_picture_is_described(tmp_path):
    Image.new("L", (16, 8)).save(tmp_path / "a.png", dpi=(72, 72))
    info = imgpar.describe(tmp_path / "a.png")
    assert isinstance(info, imgpar.PictureInfo)
    assert (info.format, info.size, info.layout, info.dtype, info.frames) == ("png", (16, 8), "L", "uint8", 1)
    assert info.dpi == pytest.approx((72, 72), abs=0.1)
    assert info.as_dict()["bits"] == info.detail["bits"] == 8


def test_what_cannot_be_described(tmp_path):
    (tmp_path / "a.txt").write_text("no picture")
    with pytest.raises(imgpar.UnknownFormatError):
        imgpar.describe(tmp_path / "a.txt")
    with pytest.raises(imgpar.SourceError):
        imgpar.describe(tmp_path / "nothing.png")
    with pytest.raises(imgpar.UsageError, match="a path for path"):
        imgpar.describe(3)  # type: ignore[arg-type]


def test_a_pipeline_plans_as_it_runs(pictures, tmp_path):
    plan = imgpar.Pipeline().resize(8).dry_run(pictures, tmp_path / "out", to="webp")
    assert names(plan) == [("a.webp", "webp", False), ("b.webp", "webp", False)]
