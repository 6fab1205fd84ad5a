"""The examples of the documentation add an operation and a format, in a package and in a copy of imgpar."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "docs" / "extending.py"
QUOTES = re.findall(
    r"^`(examples/\S+)`\n\n```\w+\n(.*?)^```$",
    (ROOT / "docs" / "extending.md").read_text("utf-8"),
    re.M | re.S,
)
"""Path of a file, and what the page shows of it. `test_plugins.py` installs and uses the package."""


def test_the_page_shows_the_package() -> None:
    assert [Path(path).name for path, _ in QUOTES] == ["pyproject.toml", "solarise.py"]


@pytest.mark.parametrize(("path", "shown"), QUOTES, ids=[path for path, _ in QUOTES])
def test_what_the_page_shows_is_in_the_package(path: str, shown: str) -> None:
    assert shown in (ROOT / path).read_text("utf-8")


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("extended")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], check=True, text=True, stdout=subprocess.PIPE
    )
    return folder, done.stdout


def test_the_new_operation_has_a_flag_and_its_help(extended: tuple[Path, str]) -> None:
    assert "--solarise SHARE          invert values from this share of white on" in extended[1]


def test_the_new_operation_and_format_keep_16_bits(extended: tuple[Path, str]) -> None:
    before = np.asarray(Image.open(extended[0] / "a.png"))
    data = (extended[0] / "negative.ff").read_bytes()
    values = np.frombuffer(data, ">u2", offset=16).reshape(256, 256, 4)
    assert data[:16] == b"farbfeld" + (256).to_bytes(4, "big") * 2
    assert np.array_equal(values[..., :3], (255 - before.astype(np.uint16)) * 257)


def test_the_new_format_is_read(extended: tuple[Path, str]) -> None:
    before, after = (Image.open(extended[0] / name).convert("RGB") for name in ("a.png", "again.png"))
    assert np.array_equal(np.asarray(after), 255 - np.asarray(before))
