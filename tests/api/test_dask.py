"""A pipeline as the function of Dask, on a cluster of this machine. Runs where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import imgpar
from imgpar import testing

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install dask distributed")
bag = pytest.importorskip("dask.bag", reason="Dask is not installed: pip install dask distributed")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # those of Dask
PIPE = imgpar.Pipeline().resize("12x8", fit="fill").apply(lambda picture: 255 - picture)
ENCODE = partial(PIPE.encode, to="webp", quality=80)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two worker processes."""
    given = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**given) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = testing.write_pictures(tmp_path_factory.mktemp("dask") / "in", ["a.png", "b.png", "c.png"])
    return [str(path) for path in sorted(folder.iterdir())]


def test_a_bag_of_paths_becomes_the_bytes_that_encode_gives(client: Any, paths: list[str]) -> None:
    made = bag.from_sequence(paths, npartitions=2).map(ENCODE).compute(scheduler=client)
    assert made == [ENCODE(path) for path in paths]


def test_bytes_are_mapped_by_the_pipeline_itself(client: Any, paths: list[str]) -> None:
    contents = [Path(path).read_bytes() for path in paths]
    assert client.gather(client.map(PIPE, contents)) == [PIPE(content) for content in contents]


def test_a_picture_that_cannot_be_read_is_the_error_of_its_task(client: Any, paths: list[str]) -> None:
    good, bad = client.map(ENCODE, [paths[0], b"no picture"])
    assert good.result() == ENCODE(paths[0])
    assert isinstance(bad.exception(), imgpar.UnknownFormatError)
