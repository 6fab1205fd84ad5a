"""Batches as tensors, beside a DataLoader and inside its workers. Runs where torch is installed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgpar
from imgpar import testing

torch = pytest.importorskip("torch")
import imgpar.torch  # noqa: E402

loading = pytest.importorskip("torch.utils.data")
NAMES = [f"{n}.png" for n in range(7)]
SQUARE = imgpar.Pipeline().resize("8x8", fit="fill")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven pictures of one size."""
    return testing.write_pictures(tmp_path_factory.mktemp("torch") / "in", NAMES, size=(24, 16))


def dataset(folder: Path, **given: Any) -> imgpar.torch.IterableDataset:
    return imgpar.torch.IterableDataset(SQUARE, folder, **{"size": 2, "jobs": 1, "memory": "32M", **given})


def loader(made: Any, workers: int = 2, **given: Any) -> Iterable[Any]:
    return loading.DataLoader(made, batch_size=None, num_workers=workers, **given)


def picked(batches: Iterable[Any]) -> list[list[int]]:
    return [batch.indices for batch in batches]


def test_a_batch_is_a_tensor(folder: Path) -> None:
    batch = next(iter(imgpar.torch.IterableDataset(imgpar.Pipeline(), folder, size=3, jobs=1, memory="32M")))
    assert isinstance(batch.array, torch.Tensor)
    assert np.array_equal(batch.array.numpy(), [testing.pattern(24, 16, seed) for seed in range(3)])


def test_a_loader_without_workers_gives_what_the_data_set_gives(folder: Path) -> None:
    assert picked(loader(dataset(folder, shuffle=1), 0)) == picked(dataset(folder, shuffle=1))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_loader_change_nothing_about_the_order(folder: Path, method: str) -> None:
    whole = list(dataset(folder, shuffle=1, repeat=2))
    given = {"multiprocessing_context": method}
    found = list(loader(dataset(folder, shuffle=1, repeat=2), **given))
    assert picked(found) == picked(whole)
    assert all(torch.equal(one.array, other.array) for one, other in zip(found, whole, strict=True))


def test_a_lambda_is_sent_to_workers_of_a_loader(folder: Path) -> None:
    inverted = imgpar.Pipeline().apply(lambda picture: 255 - picture)
    made = imgpar.torch.IterableDataset(inverted, folder, size=1, jobs=1, memory="32M")
    first = next(iter(loader(made, 1, multiprocessing_context="spawn")))
    assert np.array_equal(first.array[0].numpy(), 255 - testing.pattern(24, 16, 0))


def test_a_batch_of_a_worker_has_its_items(folder: Path) -> None:
    first = next(iter(loader(dataset(folder))))
    assert first.keys == [str(folder / "0.png"), str(folder / "1.png")]


def test_a_state_of_a_worker_goes_on_with_the_next_batch(folder: Path) -> None:
    whole = list(loader(dataset(folder, shuffle=1, repeat=2)))
    again = dataset(folder, shuffle=1, repeat=2)
    again.load_state_dict(whole[2].state)
    assert picked(loader(again)) == picked(whole[3:])


def test_each_epoch_has_an_order_of_its_own(folder: Path) -> None:
    made = dataset(folder, shuffle=1)
    first = picked(made)
    made.set_epoch(1)
    assert first + picked(made) == picked(dataset(folder, shuffle=1, repeat=2))


def test_workers_that_a_loader_keeps_hear_of_the_epoch(folder: Path) -> None:
    made = dataset(folder, shuffle=1)
    kept = loader(made, persistent_workers=True)
    first = picked(kept)
    made.set_epoch(1)
    assert first + picked(kept) == picked(dataset(folder, shuffle=1, repeat=2))


def test_a_state_in_a_later_epoch(folder: Path) -> None:
    made = dataset(folder, shuffle=1)
    made.set_epoch(3)
    whole = list(made)
    again = dataset(folder, shuffle=1)
    again.load_state_dict(whole[1].state)
    again.set_epoch(3)
    assert picked(again) == picked(whole[2:])


def test_a_state_of_a_later_epoch_than_repeat_is_gone_on_with(folder: Path) -> None:
    made = dataset(folder, shuffle=1)
    made.set_epoch(3)
    whole = list(made)
    again = dataset(folder, shuffle=1)
    again.load_state_dict(whole[1].state)
    assert picked(again) == picked(whole[2:])


def test_an_endless_data_set_may_be_left(folder: Path) -> None:
    endless = iter(loader(dataset(folder, repeat=None)))
    assert [batch.epoch for batch in islice(endless, 5)] == [0, 0, 0, 0, 1]


def test_different_sizes_are_a_list_of_tensors(folder: Path, tmp_path: Path) -> None:
    other = testing.write_pictures(tmp_path / "in", ["a.png"], size=(10, 16)) / "a.png"
    made = imgpar.torch.IterableDataset(imgpar.Pipeline(), [folder / "0.png", other], jobs=1, memory="32M")
    (batch,) = loader(made, 1)
    assert [tuple(tensor.shape) for tensor in batch.arrays] == [(16, 24, 3), (16, 10, 3)]


def test_an_error_in_a_worker_of_a_loader_names_the_input(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"not a picture")
    with pytest.raises(imgpar.ItemError, match=r"no\.png"):
        list(loader(dataset(tmp_path), 1))


def test_to_tensor_is_a_view_of_the_batch(folder: Path) -> None:
    batch = next(SQUARE.batches(folder, size=2, jobs=1, memory="32M"))
    tensor = imgpar.torch.to_tensor(batch)
    tensor[0, 0, 0, 0] = 77
    assert batch.array[0, 0, 0, 0] == 77


def test_a_pinned_copy(folder: Path) -> None:
    batch = next(SQUARE.batches(folder, size=2, jobs=1, memory="32M"))
    tensor = imgpar.torch.to_tensor(batch, pinned=True)
    assert np.array_equal(tensor.numpy(), batch.array)
    assert tensor.is_pinned() is torch.cuda.is_available()


def test_pinned_tensors_of_a_data_set(folder: Path) -> None:
    batch = next(iter(dataset(folder, pinned=True)))
    assert batch.array.is_pinned() is torch.cuda.is_available()


def test_workers_of_a_loader_refuse_to_pin(folder: Path) -> None:
    with pytest.raises(imgpar.UsageError, match=r"DataLoader\(pin_memory=True\)"):
        list(loader(dataset(folder, pinned=True), 1))


def test_a_batch_can_be_moved(folder: Path) -> None:
    batch = next(iter(dataset(folder)))
    moved = batch.to("meta")
    assert (moved.array.device.type, moved.keys) == ("meta", batch.keys)


def test_an_iterator_is_refused() -> None:
    with pytest.raises(imgpar.UsageError, match="an iterator can be read once"):
        imgpar.torch.IterableDataset(SQUARE, iter(["a.png"]))


@pytest.mark.parametrize("given", [{"size": 0}, {"pinned": "perhaps"}, {"quality": 3}], ids=str)
def test_a_bad_value_is_refused_at_once(folder: Path, given: dict[str, Any]) -> None:
    with pytest.raises(imgpar.UsageError, match=next(iter(given))):
        dataset(folder, **given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"drop_last": True},
        {"size": 3, "repeat": 2},
        {"world": 2, "rank": 1},
        {"world": 2, "rank": 1, "drop_last": True},
        {"exclude": ["1.png"]},
    ],
)
def test_the_length_is_the_number_of_batches(folder: Path, given: dict[str, Any]) -> None:
    made = dataset(folder, **given)
    assert len(made) == len(loader(made)) == sum(1 for _ in made)


def test_the_length_after_a_state_is_what_is_left(folder: Path) -> None:
    made = dataset(folder, repeat=2)
    made.load_state_dict(list(made)[4].state)
    assert len(made) == len(list(made)) == 3


def test_contents_are_counted() -> None:
    pictures = [np.zeros((8, 8, 3), np.uint8)] * 5
    assert len(imgpar.torch.IterableDataset(SQUARE, pictures, size=2)) == 3


@pytest.mark.parametrize("given", [{"repeat": None}, {"where": "width>2"}])
def test_a_length_that_is_not_known_is_a_type_error(folder: Path, given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="not known"):
        len(dataset(folder, **given))


@pytest.mark.parametrize("given", [{}, {"batch_size": 4}])
def test_a_loader_that_makes_batches_itself_is_refused(folder: Path, given: dict[str, Any]) -> None:
    with pytest.raises(imgpar.UsageError, match="batch_size=None"):
        next(iter(loading.DataLoader(dataset(folder), **given)))
