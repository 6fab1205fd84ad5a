"""The page of all operations: each of them is on it, whatever is added later."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from imgpar.cli.flags import flag
from imgpar.ops import operation_types

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "gallery.py"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("gallery")
    Image.linear_gradient("L").convert("RGB").resize((120, 80)).save(folder / "a.png")
    command = [
        sys.executable,
        str(SCRIPT),
        "-o",
        str(folder),
        "--picture",
        str(folder / "a.png"),
        "--width",
        "120",
    ]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    return (folder / "index.html").read_text("utf-8")


@pytest.mark.parametrize("name", operation_types())
def test_every_operation_has_a_picture_and_a_command(page: str, name: str) -> None:
    (article,) = re.findall(rf'<article id="{name}">.*?</article>', page, re.DOTALL)
    assert 'src="data:image/webp;base64,UklGR' in article
    assert f"<span>{flag(name)}</span>" in article


def test_the_page_needs_no_other_file(page: str) -> None:
    assert set(re.findall(r'(?:src|href)="([^"#]{5})', page)) == {"data:"}
