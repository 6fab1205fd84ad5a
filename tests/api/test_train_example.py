"""examples/train.py learns, and a run that was stopped ends as one that was not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def train() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train", ROOT / "examples" / "train.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes: brighter at the top, or at the bottom, with noise."""
    made, random = tmp_path_factory.mktemp("classes"), np.random.default_rng(0)
    slope = np.linspace(90, 150, 32)[:, None, None]
    for name, picture in (("down", slope), ("up", slope[::-1])):
        (made / name).mkdir()
        for at in range(20):
            pixels = np.clip(picture + random.normal(0, 40, (32, 32, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(made / name / f"{at}.png")
    return made


def test_it_learns(train: ModuleType, folder: Path) -> None:
    classes, weights = train.train(folder, epochs=4, jobs=1)
    assert classes == ["down", "up"]
    assert train.accuracy(folder, classes, weights, jobs=1) > 0.9


def test_a_run_that_was_stopped_goes_on(train: ModuleType, folder: Path, tmp_path: Path) -> None:
    _, whole = train.train(folder, epochs=2, jobs=1)
    train.train(folder, epochs=2, jobs=1, saved=tmp_path / "saved.json", most=4)
    _, stopped = train.train(folder, epochs=2, jobs=1, saved=tmp_path / "saved.json")
    assert np.allclose(stopped, whole)
