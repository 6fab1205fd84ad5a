"""Packages that are not there: slower ways round those that speed things up, one sentence for the others.

Each is hidden from a Python of its own by a module of the same name that cannot be imported.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import saved
from conftest import make_photo
from PIL import Image

EXTRAS = {
    "pillow_heif": ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "pillow-heif"),
    "imagecodecs": ("a.jxl", b"\xff\x0a" + bytes(20), "imagecodecs"),
    "rawpy": ("a.cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(20), "rawpy"),
    "resvg_py": ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "resvg-py"),
    "pypdfium2": ("a.pdf", b"%PDF-1.4\n", "pypdfium2"),
    "OpenEXR": ("a.exr", b"\x76\x2f\x31\x01" + bytes(20), "OpenEXR"),
}


def run_without(tmp_path: Path, packages: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """`imgpar` in a Python, and workers, that do not have these packages."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(exist_ok=True)
    for package in packages:
        (hidden / f"{package}.py").write_text(f"raise ImportError('no {package} here')\n")
    paths = [str(hidden), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-m", "imgpar", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=100,
    )


FAST = ("simplejpeg", "cykooz_resizer", "kornia_rs", "deflate")


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of JPEGs, converted without the fast decoder and the fast resizer."""
    base = tmp_path_factory.mktemp("without")
    photo = Image.fromarray(make_photo(640, 400, seed=1))
    kinds = {
        "plain": {},
        "progressive": {"progressive": True},
        "full": {"subsampling": 0},
        "turned": {"exif": turned()},
    }
    (base / "in").mkdir()
    for name, options in kinds.items():
        (base / f"in/{name}.jpg").write_bytes(saved(photo, "JPEG", quality=92, **options))
    (base / "in/grey.jpg").write_bytes(saved(photo.convert("L"), "JPEG", quality=92))
    (base / "in/print.jpg").write_bytes(saved(photo.convert("CMYK"), "JPEG", quality=92))
    done = run_without(
        base, FAST, "convert", str(base / "in"), "-o", str(base / "out"), "--resize", "200", "--report",
        str(base / "report.json"), "-j", "2", "-q",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return base


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


class TestSlowWays:
    def test_every_file_is_converted(self, converted: Path) -> None:
        report = json.loads((converted / "report.json").read_text())
        assert {item["status"] for item in report["items"]} == {"ok"}
        assert len(report["items"]) == 6

    @pytest.mark.parametrize("name", ["plain", "progressive", "full", "grey", "turned"])
    def test_the_picture_is_that_of_pillow(self, converted: Path, name: str) -> None:
        with Image.open(io.BytesIO((converted / f"in/{name}.jpg").read_bytes())) as image:
            upright = image.transpose(Image.Transpose.ROTATE_270) if name == "turned" else image
            size = (125, 200) if name == "turned" else (200, 125)
            wanted = np.asarray(upright.resize(size, Image.Resampling.LANCZOS)).astype(float)
        made = np.asarray(Image.open(io.BytesIO((converted / f"out/{name}.jpg").read_bytes())))
        assert made.shape == wanted.shape
        assert np.abs(made - wanted).mean() < 3

    def test_the_fast_packages_were_really_hidden(self, tmp_path: Path) -> None:
        hidden = tmp_path / "hidden"
        run_without(tmp_path, FAST, "--help")
        code = "import simplejpeg"
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(hidden)}, capture_output=True
        )
        assert b"no simplejpeg here" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [
        ["--redact", "faces"],
        ["--pixelate", "faces"],
        ["--crop", "1:1", "--gravity", "faces"],
        ["--resize", "9x9", "--fit", "cover", "--gravity", "faces"],
    ],
)
def test_without_a_detector_nothing_starts(tmp_path: Path, flags: list[str]) -> None:
    Image.fromarray(make_photo()).save(tmp_path / "a.png")
    done = run_without(
        tmp_path, ["dlib"], "convert", str(tmp_path / "a.png"), "-o", str(tmp_path / "out"), *flags
    )
    assert done.returncode == 2
    assert "faces needs the package dlib-bin, which is not installed. Run: " in done.stderr
    assert done.stderr.rstrip().endswith("install dlib-bin\nSee: imgpar help convert")
    assert not (tmp_path / "out").exists()


def test_a_missing_extra_is_the_command_that_gets_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, content, _ in EXTRAS.values():
        (tmp_path / "in" / name).write_bytes(content)
    Image.fromarray(make_photo()).save(tmp_path / "in/good.png")
    arguments = [
        "convert",
        str(tmp_path / "in"),
        "-o",
        str(tmp_path / "out"),
        "--to",
        "png",
        "--json",
        "-j",
        "1",
    ]
    done = run_without(tmp_path, list(EXTRAS), *arguments)
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    said = {Path(line["source"]).name: line.get("error", "") for line in lines if line.get("source")}
    for name, _, package in EXTRAS.values():
        assert said[name].endswith(f"-m pip install {package}"), said[name]
    assert (tmp_path / "out/good.png").exists()


def test_a_web_server_without_its_package(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/a.jpg"
    run = run_without(tmp_path, ["urllib3"], "convert", url, "-o", str(tmp_path / "out"), "--to", "webp")
    assert run.returncode == 1
    assert "Web servers need a package." in run.stderr
    assert "imgpar[remote]" in run.stderr
