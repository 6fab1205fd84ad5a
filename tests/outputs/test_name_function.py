"""`name=` as a function: where outputs lie, and what it may not return."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import imgpar
from imgpar.outputs.name_function import FunctionName
from imgpar.testing import write_pictures

NAMES = ["2024/a.png", "2025/a.png"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Two pictures with one base name."""
    return write_pictures(tmp_path_factory.mktemp("photos"), NAMES, (8, 8))


def planned(photos: Path, function: Callable[[imgpar.Item], Any], out: Path, **settings: Any) -> list[str]:
    """Paths of the outputs below OUT."""
    plan = imgpar.dry_run(photos, out, name=function, to="webp", **settings)
    assert not plan.failed, [item.error for item in plan.items]
    return [os.path.relpath(output.path, out).replace(os.sep, "/") for output in plan.outputs]


def year_first(item: imgpar.Item) -> str:
    """2024/a.png → by-year/2024-a."""
    return "by-year/" + item.mirror.replace("/", "-").removesuffix(".png")


# ----- where outputs lie --------------------------------------------------------------------------


def test_it_returns_a_path_below_out(photos, tmp_path):
    assert planned(photos, year_first, tmp_path) == ["by-year/2024-a.webp", "by-year/2025-a.webp"]


def test_equal_names_do_not_meet(photos, tmp_path):
    assert len(set(planned(photos, lambda _: "same", tmp_path))) == 2


def test_prefix_and_suffix_are_put_around(photos, tmp_path):
    made = planned(photos, year_first, tmp_path, prefix="w_", suffix="_s")
    assert made == ["by-year/w_2024-a_s.webp", "by-year/w_2025-a_s.webp"]


def test_it_is_called_once_for_each_input(photos, tmp_path):
    seen = list[str]()

    def name(item: imgpar.Item) -> str:
        seen.append(item.name)
        return "same"

    planned(photos, name, tmp_path)
    assert len(seen) == 2


def test_names_of_several_outputs(photos, tmp_path):
    pipe = imgpar.Pipeline().output(to="jpg").output(to="webp", name=lambda item: f"small/{item.mirror[:4]}")
    plan = imgpar.dry_run(photos, tmp_path, recipe=pipe.recipe)
    made = [os.path.relpath(output.path, tmp_path).replace(os.sep, "/") for output in plan.outputs]
    assert sorted(made) == ["2024/a.jpg", "2025/a.jpg", "small/2024.webp", "small/2025.webp"]


# ----- runs ---------------------------------------------------------------------------------------


def test_a_second_run_does_nothing(photos, tmp_path):
    with imgpar.Session(jobs=1, memory="64M") as session:
        runs = [imgpar.convert(photos, tmp_path, name=year_first, session=session) for _ in range(2)]
    assert [(run.ok, run.skipped) for run in runs] == [(2, 0), (0, 2)]


def test_another_function_makes_other_outputs(photos, tmp_path):
    with imgpar.Session(jobs=1, memory="64M") as session:
        imgpar.convert(photos, tmp_path, name=lambda item: f"a-{item.mirror[:4]}", session=session)
        run = imgpar.convert(photos, tmp_path, name=lambda item: f"b-{item.mirror[:4]}", session=session)
    assert (run.ok, (tmp_path / "b-2024.png").is_file()) == (2, True)


def test_retry_says_what_to_do(photos, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes((photos / NAMES[0]).read_bytes()[:60])
    imgpar.convert(tmp_path / "in", tmp_path / "out", name=year_first, jobs=1, memory="64M")
    with pytest.raises(imgpar.UsageError, match="functions"):
        imgpar.retry(tmp_path / "out")


# ----- what it may not return ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("../a", "lead out"),
        ("/etc/a", "lead out"),
        ("a//b", "lead out"),
        ("", "lead out"),
        ("a/..", "lead out"),
        ("C:a", "':' in it"),
        ("a\\b", "in it"),
        ("a\nb", "in it"),
        ("a.webp", "suffix"),
        (7, "type int"),
        (None, "type NoneType"),
        (".imgpar/a", "no name for a folder"),
    ],
)
def test_what_it_may_not_return(photos, tmp_path, returned, words):
    plan = imgpar.dry_run(photos, tmp_path, name=lambda _: returned, to="webp")
    assert [words in item.error for item in plan.items] == [True, True]


def test_an_exception_fails_its_item(photos, tmp_path):
    def name(item: imgpar.Item) -> str:
        return {"2024/a.png": "fine"}[item.mirror]

    plan = imgpar.dry_run(photos, tmp_path, name=name, to="webp")
    assert [(item.status, "KeyError" in item.error) for item in plan.items] == [
        ("planned", False),
        ("failed", True),
    ]


def test_it_is_not_for_flat_outputs(photos, tmp_path):
    with pytest.raises(imgpar.UsageError, match="exclude each other"):
        planned(photos, year_first, tmp_path, flat=True)


def test_it_has_no_text_form():
    with pytest.raises(imgpar.UsageError, match="no text form"):
        imgpar.Recipe().merged({"name": year_first}).to_toml()


def test_it_can_be_pickled():
    name = pickle.loads(pickle.dumps(FunctionName(year_first, "a", "b")))
    assert (name.function, name.before, name.after) == (year_first, "a", "b")
