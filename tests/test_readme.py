"""The README: its picture, its two languages, and its figures."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "before-after.webp"
RAW = json.loads((ROOT / "bench" / "runs" / "2026-11-30-2cores" / "set-public.json").read_text("utf-8"))
PEERS = ("imgpar", "sharp", "pyvips-pool", "pillow-pool")
"""The columns of the tables of the README and of docs/performance.md."""


@pytest.fixture(scope="module")
def check_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_docs", ROOT / "scripts" / "check_docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def both(tmp_path: Path) -> Path:
    for name in ("README.md", "README.zh-CN.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path / "README.zh-CN.md"


def test_both_languages_agree(check_docs: ModuleType, both: Path) -> None:
    assert list(check_docs.check_translation(both)) == []


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("## 开发\n", "a level of headings"),
        ("imgpar watch inbox/ -o web/ --recipe web", "a line of code"),
        ("[教程](docs/tutorial.md)、", "a link"),
        ("`--strict`", "a code"),
        ("7.73 s", "a figure"),
        ("| `watch` | 不带 `--poll` 的 `imgpar watch` |\n", "a row"),
    ],
)
def test_what_one_language_lacks_is_found(check_docs: ModuleType, both: Path, part: str, what: str) -> None:
    text = both.read_text("utf-8")
    assert part in text
    both.write_text(text.replace(part, "", 1), encoding="utf-8")
    assert any(problem.startswith(what) for problem in check_docs.check_translation(both))


def seconds(work: str) -> list[float]:
    """Of imgpar and its peers, in the order of the columns."""
    return [RAW["rows"][work]["medians"][peer]["seconds"] for peer in PEERS]


@pytest.mark.parametrize("page", ["README.md", "docs/performance.md"])
def test_figures_of_peers_are_those_of_the_raw_data(page: str) -> None:
    rows = re.findall(r"^\| `([\w-]+)`(.*)$", (ROOT / page).read_text("utf-8"), re.M)
    shown = {work: figures for work, row in rows if (figures := re.findall(r"\d+\.\d+", row))}
    assert len(shown) >= 6
    for work, figures in shown.items():
        for figure, measured in zip(figures, seconds(work), strict=True):
            assert abs(float(figure) - measured) <= 0.5001 * 10 ** -len(figure.partition(".")[2]), work


def test_the_picture_is_small() -> None:
    assert PICTURE.stat().st_size < 150_000


@pytest.mark.slow
def test_the_picture_is_what_the_script_draws(tmp_path: Path) -> None:
    out = tmp_path / "a.webp"
    script = ROOT / "scripts" / "readme_picture.py"
    subprocess.run([sys.executable, str(script), "-o", str(out)], check=True, stdout=subprocess.DEVNULL)
    drawn, kept = (np.asarray(Image.open(path).convert("RGB"), np.float32) for path in (out, PICTURE))
    assert drawn.shape == kept.shape
    assert float(np.abs(drawn - kept).mean()) < 2
