"""Columns of pictures in data sets of Ray, on a cluster of this machine. Runs where ray is installed."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import testing

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'ray[data]'")
pytest.importorskip("ray.data")
import imgpar.ray  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # those of Ray
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
HALF = imgpar.Pipeline().resize("12x8", fit="fill")
NAMES = ["a.png", "b.png", "c.png"]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Two cores and a small object store."""
    paths = [path for path in sys.path if path]
    ray.init(
        num_cpus=2, object_store_memory=100 << 20, include_dashboard=False, log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": ":".join(paths)}},
    )  # fmt: skip
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return testing.write_pictures(tmp_path_factory.mktemp("ray") / "in", NAMES, size=(24, 16))


def rows(folder: Path) -> list[dict[str, Any]]:
    return [{"path": str(folder / name), "bytes": (folder / name).read_bytes()} for name in NAMES]


def taken(
    given: list[dict[str, Any]], pipeline: imgpar.Pipeline = HALF, **settings: Any
) -> list[dict[str, Any]]:
    """The rows of a data set after `map_batches`, in order of their paths."""
    made = imgpar.ray.map_batches(
        ray.data.from_items(given), pipeline, **{"concurrency": 1, "memory": "32M", **settings}
    )
    return sorted(made.take_all(), key=lambda row: row["path"])


def test_bytes_become_the_bytes_that_encode_gives(folder: Path) -> None:
    given = rows(folder)
    made = taken(given, to="webp", quality=70)
    assert [row["encoded"] for row in made] == [
        HALF.encode(row["bytes"], to="webp", quality=70) for row in given
    ]
    assert [row["bytes"] for row in made] == [row["bytes"] for row in given]


def test_a_column_of_paths(folder: Path) -> None:
    made = taken([{"path": row["path"]} for row in rows(folder)], column="path", into="small", to="jpg")
    found = [Image.open(io.BytesIO(row["small"])) for row in made]
    assert [(one.size, one.mode) for one in found] == [((12, 8), "RGB")] * 3


def test_arrays_in_the_process_of_the_actor(folder: Path) -> None:
    made = taken(rows(folder), imgpar.Pipeline(), output="array", jobs=0)
    assert np.array_equal(
        [row["array"] for row in made], [testing.pattern(24, 16, seed) for seed in range(3)]
    )


def test_rows_that_fail_keep_their_place_with_the_error(folder: Path) -> None:
    given = rows(folder)
    given[1]["bytes"], given[2]["bytes"] = b"no picture", None
    made = taken(given, to="png", errors="column")
    assert [row["encoded"] is None for row in made] == [False, True, True]
    assert made[0]["encoded_error"] is None
    assert "not of a known picture format" in made[1]["encoded_error"]
    assert "nothing in this row" in made[2]["encoded_error"]


def test_an_array_that_is_missing_has_no_pixels(folder: Path) -> None:
    given = rows(folder)
    given[1]["bytes"] = b"no picture"
    made = taken(given, output="array", errors="column")
    assert [row["array"].shape for row in made] == [(8, 12, 3), (0, 0, 3), (8, 12, 3)]


def test_rows_that_fail_are_left_out(folder: Path) -> None:
    given = rows(folder)
    given[0]["bytes"] = b"no picture"
    assert [row["path"] for row in taken(given, to="png", errors="skip")] == [
        row["path"] for row in given[1:]
    ]


def test_an_error_ends_the_run_and_names_the_row(folder: Path) -> None:
    given = rows(folder)
    given[1]["bytes"] = b"no picture"
    with pytest.raises(Exception, match=r"b\.png: Its content is not of a known"):
        taken(given, to="png", key="path")


def test_a_file_that_kills_its_decoder_is_an_error_of_its_row(folder: Path) -> None:
    def dies(picture: Any) -> Any:
        import os

        if picture[0, 0, 0] == 200:
            os._exit(1)
        return picture

    given = rows(folder)
    red = io.BytesIO()
    Image.new("RGB", (24, 16), (200, 0, 0)).save(red, "png")
    given[1]["bytes"] = red.getvalue()
    made = taken(given, imgpar.Pipeline().apply(dies), errors="column")
    assert [row["encoded"] is None for row in made] == [False, True, False]


def test_a_column_that_is_not_there_is_an_error_of_the_run(folder: Path) -> None:
    with pytest.raises(Exception, match="has no column 'picture'"):
        taken(rows(folder), column="picture")


def test_a_column_of_earlier_errors_is_kept_where_none_is_added(folder: Path) -> None:
    given = [{**row, "encoded_error": "of before"} for row in rows(folder)]
    assert [row["encoded_error"] for row in taken(given)] == ["of before"] * 3


def test_a_column_of_earlier_errors_is_not_replaced(folder: Path) -> None:
    given = [{**row, "encoded_error": "of before"} for row in rows(folder)]
    with pytest.raises(Exception, match="has a column 'encoded_error' already"):
        taken(given, errors="column")


def test_two_calls_make_two_columns(folder: Path) -> None:
    first = imgpar.ray.map_batches(ray.data.from_items(rows(folder)), HALF, into="large", concurrency=1)
    both = imgpar.ray.map_batches(
        first, imgpar.Pipeline().resize("3"), column="large", into="small", concurrency=1
    )
    row = both.take(1)[0]
    assert Image.open(io.BytesIO(row["large"])).size == (12, 8)
    assert Image.open(io.BytesIO(row["small"])).size == (3, 2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"qualty": 3}, "qualty"),
        ({"quality": 300}, "quality"),
        ({"where": "width > 3"}, "where is not used by map_batches"),
        ({"output": "array", "to": "png"}, "to is not used with output='array'"),
        ({"channels": "L"}, "channels is not used with output='encoded'"),
        ({"errors": "yield"}, "errors"),
        ({"concurrency": (3, 1)}, "concurrency"),
        ({"memory": "much"}, "memory"),
        ({"column": ""}, "column"),
    ],
)
def test_settings_are_refused_before_the_run(folder: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(imgpar.UsageError, match=words.replace("(", r"\(")):
        imgpar.ray.map_batches(ray.data.from_items(rows(folder)), HALF, **settings)


def test_without_ray_the_error_is_the_command_that_installs_it() -> None:
    code = "import sys; sys.modules['ray'] = None; import imgpar; import imgpar.ray"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'install "ray[data]>=2.40"' in run.stderr
