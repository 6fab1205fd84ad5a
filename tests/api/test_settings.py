"""Settings of public calls: each is taken and has an effect, or is refused with a sentence."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import imgpar
from imgpar.api import functions, retry
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import (
    ARRAY,
    ARRAYS,
    ASSEMBLE,
    BATCHES,
    COMPARE,
    CONCAT,
    DRY_RUN,
    DUPLICATES,
    ENCODE,
    ENCODE_ALL,
    EXTRACT,
    GATHER,
    RECIPE_KEYS,
    RETRY,
    RUN,
    SESSION_ARRAYS,
    SESSION_BATCHES,
    SESSION_DESCRIBE,
    SESSION_EXTRACT,
    SESSION_RUN,
    WATCH,
    Call,
)
from imgpar.formats.relevance import CLIP_SETTINGS
from imgpar.ops import operation_types

PIPE = imgpar.Pipeline()
TRACK = Path(__file__).parents[1] / "data" / "track.gpx"
GOOD: dict[str, Any] = {
    "jobs": 1, "memory": "64M", "timeout": 60, "on_exists": "rename", "schedule": "staged", "in_place": False,
    "keep_originals": 3,
    "dry_run": True, "strict": True, "companions": "copy", "accept_damaged": True, "verify": True,
    "password": "sesame",
    "keep_failures": "kept", "max_pixels": "1MP", "max_frames": 7, "worker_memory": "2G", "include": "*.png",
    "where": "width<90", "sort": "name", "reverse": True, "others": "copy", "duplicates": "skip",
    "exclude": "absent", "journal": "j.db", "manifest": "m.json", "html": "p.html", "base_url": "/img/",
    "recursive": False, "root": "in", "archives": True, "deterministic": True, "cache_control": "no-cache",
    "shard": 100, "shard_keys": "name", "shard_checksum": "md5", "caption_column": "text",
    "checksum_column": "md5",
    "allow_private": True, "downloads": 4, "per_host": 2, "retries": 1, "fetch_timeout": 60,
    "max_download": "1M", "robots": "noai", "user_agent": "mine", "engine": "ray", "ray_address": "auto",
    "sandbox": True,
}  # fmt: skip
RECIPE_GOOD: dict[str, Any] = {
    "to": "png", "quality": 50, "lossless": True, "effort": 1, "palette": 16, "subsampling": "444",
    "icon_sizes": "16,32", "loop": 2, "progressive": True, "strip": "gps", "metadata": "none",
    "set": {"title": "Lake"}, "shift_dates": "+1h", "gpx": str(TRACK), "gpx_gap": 60, "gpx_offset": "+02:00",
    "background": "red", "colour": "srgb", "pages": "1", "density": 72, "dpi": 300,
    "codec": "h264", "audio": "none", "trim": "1-2", "speed": 2, "fps": 5, "map": "all", "loudnorm": True,
    "deinterlace": True, "tonemap": "hable", "max_bytes": "1M", "target": "ssim=0.9", "hardware": True,
    "shrink": True, "only_if_smaller": True, "optimise": True, "best_format": True,
    "every": "2s", "threshold": 8, "poster": True, "sheet": "2x2", "sprites": "1s", "animation": True,
    "motion": True, "name": "{stem}-a", "prefix": "a-", "suffix": "-a", "flat": True, "sizes": [20],
}  # fmt: skip


def encoded(picture: Path, **settings: Any) -> bytes:
    return PIPE.encode(picture.read_bytes(), **settings)


def in_session(call: Callable[[imgpar.Session], Any]) -> Any:
    with imgpar.Session(jobs=1, memory="64M") as session:
        return call(session)


CALLS: dict[str, tuple[Call, Callable[..., Any]]] = {
    "convert": (RUN, lambda picture, out, **given: imgpar.convert(picture, out, **given)),
    "dry_run": (DRY_RUN, lambda picture, out, **given: imgpar.dry_run(picture, out, **given)),
    "Pipeline.run": (RUN, lambda picture, out, **given: PIPE.run(picture, out, **given)),
    "Session.run": (
        SESSION_RUN,
        lambda picture, out, **given: in_session(lambda session: session.run(PIPE, picture, out, **given)),
    ),
    "Pipeline.extract": (EXTRACT, lambda picture, out, **given: PIPE.extract(picture, out, **given)),
    "extract in a session": (
        SESSION_EXTRACT,
        lambda picture, out, **given: in_session(
            lambda session: PIPE.extract(picture, out, session=session, **given)
        ),
    ),
    "Pipeline.arrays": (ARRAYS, lambda picture, out, **given: list(PIPE.arrays(picture, **given))),
    "Pipeline.array": (ARRAY, lambda picture, out, **given: PIPE.array(picture, **given)),
    "Session.arrays": (
        SESSION_ARRAYS,
        lambda picture, out, **given: in_session(lambda own: list(own.arrays(PIPE, picture, **given))),
    ),
    "Session.describe": (
        SESSION_DESCRIBE,
        lambda picture, out, **given: in_session(lambda own: list(own.describe(picture, **given))),
    ),
    "encode": (ENCODE, lambda picture, out, **given: encoded(picture, **given)),
    "encode_all": (ENCODE_ALL, lambda picture, out, **given: list(PIPE.encode_all(picture, **given))),
    "retry": (RETRY, lambda picture, out, **given: retry.retry(out, **given)),
}
FILE_NAMES = {("encode", "name"), ("Pipeline.array", "name")}
"""Parameters that are no templates."""
REFUSED = {
    name: [
        key
        for key in sorted(RunOptions.options().keys() | RECIPE_KEYS)
        if key not in call.run | call.recipe and (name, key) not in FILE_NAMES
    ]
    for name, (call, _) in CALLS.items()
}


SIGNATURES = [
    (RUN, [imgpar.convert, imgpar.Pipeline.run]),
    (DRY_RUN, [imgpar.dry_run, imgpar.Pipeline.dry_run]),
    (WATCH, [imgpar.watch]),
    (EXTRACT, [imgpar.Pipeline.extract]),
    (ARRAYS, [imgpar.Pipeline.arrays]),
    (SESSION_ARRAYS, [imgpar.Session.arrays]),
    (BATCHES, [imgpar.Pipeline.batches]),
    (SESSION_BATCHES, [imgpar.Session.batches]),
    (ARRAY, [imgpar.Pipeline.array]),
    (ENCODE, [imgpar.Pipeline.encode, imgpar.Pipeline.encode_with_report]),
    (ENCODE_ALL, [imgpar.Pipeline.encode_all]),
    (RETRY, [imgpar.retry]),
    (SESSION_DESCRIBE, [imgpar.Session.describe]),
    (DUPLICATES, [imgpar.duplicates]),
    (COMPARE, [imgpar.compare]),
    (GATHER["assemble"], [imgpar.Pipeline.assemble]),
    (GATHER["sheet"], [imgpar.Pipeline.sheet]),
    (GATHER["concat"], [imgpar.concat]),
]


def keywords(function: Callable[..., Any]) -> set[str]:
    """The names in a signature that can be given by name only."""
    named = inspect.signature(function).parameters.values()
    return {each.name for each in named if each.kind is inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(("call", "functions"), SIGNATURES, ids=lambda given: getattr(given, "name", ""))
def test_what_a_call_says_it_takes_is_in_its_signature(call: Call, functions: list[Any]) -> None:
    shared = set.intersection(*map(keywords, functions))
    assert call.taken - call.run - call.recipe - call.gather - call.watch == shared - call.recipe, call


def test_a_refused_setting_is_told_what_else_there_is() -> None:
    with pytest.raises(imgpar.UsageError, match=r"it takes .*channels, copy, .*dtype, errors, .*on_event"):
        PIPE.arrays("a.jpg", quality=80)


def test_a_mistyped_parameter_is_recognised() -> None:
    with pytest.raises(imgpar.UnknownSettingError, match="Did you mean 'channels'"):
        PIPE.arrays("a.jpg", chanels="L")  # type: ignore[call-overload]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    Image.effect_noise((40, 30), 90).convert("RGB").save(path)
    return path


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every name below a folder, with time and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (path.lstat().st_mtime_ns, content)
    return found


def test_every_option_of_a_run_has_a_parser():
    assert list(RunOptions.options()) == list(RunOptions.__dataclass_fields__)


def test_every_setting_has_a_value_in_these_tests():
    assert (GOOD.keys(), RECIPE_GOOD.keys()) == (RunOptions.options().keys(), RECIPE_KEYS)
    assert CLIP_SETTINGS < RECIPE_KEYS


@pytest.mark.parametrize("key", list(RunOptions.options()))
def test_an_option_is_read(key):
    with pytest.raises(imgpar.BadValueError, match=key):
        RunOptions.read({key: object()})


@pytest.mark.parametrize("key", list(RunOptions.options()))
def test_nothing_stands_for_not_given(key):
    assert RunOptions.read({key: None}) == RunOptions()


@pytest.mark.parametrize("key", list(RunOptions.options()))
def test_an_option_that_is_taken_arrives(key):
    assert getattr(RunOptions.read({key: GOOD[key]}), key) != getattr(RunOptions(), key) or key == "in_place"


def answer(call: Callable[..., Any], picture: Path, out: Path, key: str) -> str:
    """What a call says of a setting; empty where it takes it."""
    try:
        call(picture, out, **{key: {**GOOD, **RECIPE_GOOD}[key]})
    except imgpar.UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_call_has_no_use_for_is_refused(name, picture, tmp_path):
    before = tree(tmp_path)
    said = {key: answer(CALLS[name][1], picture, tmp_path / "out", key) for key in REFUSED[name]}
    assert {
        key: text for key, text in said.items() if not re.search(rf"does not accept {key}\. \S", text)
    } == {}
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", [name for name, (call, _) in CALLS.items() if not call.operations])
@pytest.mark.parametrize("operation", ["resize", "grey"])
def test_operations_are_refused_where_they_belong_into_the_pipeline(name, operation, picture, tmp_path):
    with pytest.raises(imgpar.UsageError, match=rf"Pipeline\(\)\.{operation}"):
        CALLS[name][1](picture, tmp_path / "out", **{operation: 8})


@pytest.mark.parametrize("name", list(CALLS))
def test_a_mistyped_option_names_the_nearest(name, picture, tmp_path):
    with pytest.raises(imgpar.UsageError, match=r"Did you mean 'max_pixels'\?"):
        CALLS[name][1](picture, tmp_path / "out", max_pixel=8)


def words_of(function: object) -> set[str]:
    """The names in backquotes of the paragraph in a docstring that says which settings there are."""
    text = inspect.getdoc(function) or ""
    found = re.search(r"^    (?:settings|options): (.*?)(?:^$|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, text
    return set(re.findall(r"`([a-z_]+)`", found[1]))


@pytest.mark.parametrize(
    ("function", "call"),
    [
        (imgpar.Pipeline.run, RUN),
        (imgpar.Pipeline.extract, EXTRACT),
        (imgpar.Pipeline.arrays, ARRAYS),
        (imgpar.Session.arrays, SESSION_ARRAYS),
        (imgpar.Pipeline.encode, ENCODE),
        (retry.retry, RETRY),
    ],
)
def test_the_documents_of_a_call_list_what_it_takes(function, call):
    own = set(inspect.signature(function).parameters)
    assert words_of(function) == (call.run | call.recipe) - own


# ----- encode ----------------------------------------------------------------------------------------


def test_encode_fails_a_loss_where_it_is_to_be_strict():
    data = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 100)).save(data, "PNG")
    assert PIPE.encode(data.getvalue(), to="jpg")
    with pytest.raises(imgpar.TransformError, match="It would lose alpha"):
        PIPE.encode(data.getvalue(), to="jpg", strict=True)


def test_encode_verifies(picture, monkeypatch):
    from imgpar.batch.picture import stages

    right = stages.encode

    def wrong(frames: Any, *others: Any) -> Any:
        made = right(frames, *others)
        return made._replace(data=bytes(made.data)[:-400])

    monkeypatch.setattr(stages, "encode", wrong)
    assert encoded(picture, to="webp")
    with pytest.raises(imgpar.EncodeError, match="--verify found"):
        encoded(picture, to="webp", verify=True)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("max_pixels", 100, "limit is 100"),
        ("pages", "split", "cannot be split"),
        ("to", "jpg,png", "one format"),
    ],
)
def test_encode_honours(key, value, words, picture):
    with pytest.raises(imgpar.ImgparError, match=words):
        encoded(picture, **{key: value})


# ----- arrays ----------------------------------------------------------------------------------------


def test_arrays_refuse_at_once_and_not_with_the_first_picture(picture):
    with pytest.raises(imgpar.UsageError, match="strict"):
        PIPE.arrays(picture, strict=True)
    with pytest.raises(imgpar.BadValueError, match="copy"):
        PIPE.arrays(picture, copy="perhaps")  # type: ignore[arg-type]


def shapes(found: Iterator[tuple[imgpar.Item, Any]]) -> list[tuple[int, ...]]:
    return [array.shape for _, array in found]


def test_arrays_show_the_page_that_is_asked_for(tmp_path):
    pages = [Image.new("RGB", (20 + 10 * number, 16)) for number in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert shapes(PIPE.arrays(tmp_path / "a.tif", jobs=1)) == [(16, 20, 3)]
    assert shapes(PIPE.arrays(tmp_path / "a.tif", jobs=1, pages=3)) == [(16, 40, 3)]
    recipe = imgpar.Recipe().merged({"pages": "2"})
    assert shapes(imgpar.Pipeline(recipe).arrays(tmp_path / "a.tif", jobs=1)) == [(16, 30, 3)]


def test_pages_are_not_split_into_arrays(picture):
    with pytest.raises(imgpar.UsageError, match="cannot be split into arrays"):
        PIPE.arrays(picture, pages="split")


# ----- a dry run -------------------------------------------------------------------------------------

DRY = {name: CALLS[name][1] for name in ("convert", "Pipeline.run", "Session.run")}


@pytest.mark.parametrize("name", list(DRY))
def test_a_dry_run_writes_nothing_and_says_what_would_be_done(name, picture, tmp_path):
    (picture.parent / "broken.txt.png").mkdir()
    before = tree(tmp_path)
    report = DRY[name](picture.parent, tmp_path / "out", to="webp", dry_run=True)
    assert tree(tmp_path) == before
    assert (report.planned, report.ok, report.total, report.exit_code, report.dry_run) == (1, 0, 1, 0, True)
    (item,) = report.items
    assert (item.source, item.status) == (str(picture), "planned")
    assert [file.path for file in item.outputs] == [str(tmp_path / "out" / "a.webp")]
    assert report.summary() == "Would work on 1; 0 skipped, 0 failed. Nothing was written."


@pytest.mark.parametrize("name", list(DRY))
def test_a_dry_run_in_place_leaves_the_originals(name, picture, tmp_path):
    before = tree(tmp_path)
    report = DRY[name](picture, None, grey=True, in_place=True, dry_run=True)
    assert (report.planned, tree(tmp_path)) == (1, before)


def test_a_dry_run_after_a_run_leaves_its_journal_as_it_is(picture, tmp_path):
    imgpar.convert(picture, tmp_path / "out", to="webp", jobs=1)
    before = tree(tmp_path)
    report = imgpar.convert(picture, tmp_path / "out", to="webp", dry_run=True)
    assert (report.planned, report.skipped, tree(tmp_path)) == (0, 1, before)
    assert "Would work on 0; 1 skipped (1 unchanged)" in report.summary()


def test_a_dry_run_tells_its_listener(picture, tmp_path):
    kinds = list[str]()
    PIPE.run(picture, tmp_path / "out", dry_run=True, on_event=lambda event: kinds.append(event.kind))
    assert kinds == ["start", "item", "planned", "end"]


def test_no_option_of_a_run_has_the_name_of_an_operation_or_a_recipe_key():
    assert not RunOptions.options().keys() & (operation_types().keys() | RECIPE_KEYS)


# ----- clips ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(RECIPE_KEYS - CONCAT.recipe - {"to"}))
def test_clips_are_not_put_together_with_settings_that_count_for_nothing(key, tmp_path):
    with pytest.raises(imgpar.UsageError, match=f"concat does not accept {key}"):
        imgpar.concat(["a.mp4", "b.mp4"], tmp_path / "c.mp4", **{key: RECIPE_GOOD[key]})


@pytest.mark.parametrize(
    # Of metadata becomes strip, and two of gpx need it.
    "key",
    sorted(RECIPE_KEYS - ASSEMBLE.recipe - {"to", "metadata", "gpx_gap", "gpx_offset"}),
)
def test_clips_are_not_made_with_settings_that_count_for_nothing(key, picture, tmp_path):
    recipe = imgpar.Recipe().merged({key: RECIPE_GOOD[key]})
    with pytest.raises(imgpar.UsageError, match=f"assemble does not accept {key}"):
        imgpar.Pipeline(recipe).assemble(picture, tmp_path / "c.mp4")


def test_pages_are_not_split_into_frames(picture, tmp_path):
    recipe = imgpar.Recipe().merged({"pages": "split"})
    with pytest.raises(imgpar.UsageError, match="cannot be split"):
        imgpar.Pipeline(recipe).assemble(picture, tmp_path / "c.mp4")


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: imgpar.frames("a.mp4", keys="perhaps"), "keys"),  # type: ignore[arg-type]
        (lambda: imgpar.frames("a.mp4", accept_damaged="perhaps"), "accept_damaged"),  # type: ignore[arg-type]
        (lambda: imgpar.VideoWriter("a.mp4", replace="perhaps"), "replace"),  # type: ignore[arg-type]
        (lambda: functions.undo(".", forget="perhaps"), "forget"),  # type: ignore[arg-type]
    ],
)
def test_a_switch_is_read(call, name):
    with pytest.raises(imgpar.BadValueError, match=f"true or false for {name}"):
        call()


@pytest.mark.parametrize("name", RunOptions.options())
def test_a_default_can_be_given(name):  # as `imgpar retry` does, which passes all flags on
    value, option = getattr(RunOptions(), name), RunOptions.options()[name]
    assert value is None or option.parse(value) == value
