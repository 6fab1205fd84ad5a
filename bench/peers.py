"""Who is measured: a name, a command, and whether it is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = {"PYTHONPATH": str(HERE.parent)}
"""The imgpar beside these scripts is measured, whatever is installed."""


@dataclass(frozen=True)
class Work:
    """What every peer is asked to do."""

    folder: Path
    size: int
    quality: int
    to: str
    jobs: int
    extra: tuple[str, ...] = ()
    """More flags for imgpar."""
    linear: bool = False
    """In linear light; of the others only vipsthumbnail can."""


@dataclass(frozen=True)
class Peer:
    """One side of a comparison."""

    command: Callable[[Work, Path], list[str]]
    version: Callable[[], str]
    """Empty when it is not installed."""
    environment: Callable[[Work], dict[str, str]] = field(default=lambda _: {})


def _imgpar(work: Work, out: Path) -> list[str]:
    flags = f"-q --resize {work.size} --quality {work.quality} --to {work.to} -j {work.jobs}".split()
    flags += ["--linear"] if work.linear else []
    return [sys.executable, "-m", "imgpar", "convert", str(work.folder), "-o", str(out), *flags, *work.extra]


def _pillow_pool(work: Work, out: Path) -> list[str]:
    flags = [
        "--size",
        str(work.size),
        "--quality",
        str(work.quality),
        "--to",
        work.to,
        "--jobs",
        str(work.jobs),
    ]
    return [sys.executable, str(HERE / "pool_baseline.py"), str(work.folder), str(out), *flags]


def _plain(program: list[str]) -> Callable[[Work, Path], list[str]]:
    def command(work: Work, out: Path) -> list[str]:
        numbers = [str(work.size), str(work.quality), work.to, str(work.jobs)]
        return [*program, str(work.folder), str(out), *numbers]

    return command


def _mogrify(work: Work, out: Path) -> list[str]:
    """Flat folders only: it has no mirroring. One call for all files, as its users do it."""
    flags = f"-auto-orient -resize '{work.size}x{work.size}>' -quality {work.quality} -format {work.to}"
    return ["sh", "-c", f'mkdir -p "{out}" && mogrify -path "{out}" {flags} "{work.folder}"/*']


def _vipsthumbnail(work: Work, out: Path) -> list[str]:
    """Flat folders only. As many processes as cores, one thread each, some files a call."""
    options = f"[Q={work.quality}]" if work.to != "png" else "[compression=1]"
    linear = "--linear " if work.linear else ""
    call = f"vipsthumbnail {linear}--size '{work.size}x{work.size}>' -o '{out}/%s.{work.to}{options}'"
    many = f"xargs -0 -P {work.jobs} -n 24 {call}"
    return ["sh", "-c", f"mkdir -p '{out}' && find '{work.folder}' -type f -print0 | {many}"]


def _says(*command: str) -> Callable[[], str]:
    """The first line of a version command, empty when it cannot be run."""

    def version() -> str:
        if not shutil.which(command[0]):
            return ""
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout or done.stderr).strip().partition("\n")[0] if done.returncode == 0 else ""

    return version


VIPS_PYTHON = os.environ.get("BENCH_VIPS_PYTHON", sys.executable)
"""A Python that has pyvips; it need not be the one of imgpar."""
SHARP_VERSION = "const s=require('sharp').versions;console.log('sharp '+s.sharp+', libvips '+s.vips)"

PEERS: dict[str, Peer] = {
    "imgpar": Peer(
        _imgpar,
        _says(sys.executable, "-c", "import imgpar; print('imgpar', imgpar.__version__)"),
        lambda _: TREE,
    ),
    "pillow-pool": Peer(
        _pillow_pool, _says(sys.executable, "-c", "import PIL; print('Pillow', PIL.__version__)")
    ),
    "threads": Peer(
        _plain([sys.executable, str(HERE / "threads_pool.py")]),
        _says(sys.executable, "-c", "import imgpar; print('the codecs of imgpar', imgpar.__version__)"),
    ),
    "sharp": Peer(
        _plain(["node", str(HERE / "sharp_peer.mjs")]),
        _says("node", "-e", SHARP_VERSION),
        lambda work: {"UV_THREADPOOL_SIZE": str(work.jobs)},
    ),
    "pyvips-pool": Peer(
        _plain([VIPS_PYTHON, str(HERE / "pyvips_pool.py")]),
        _says(VIPS_PYTHON, "-c", "import pyvips as v; print('pyvips, libvips', *map(v.version, range(3)))"),
    ),
    "vipsthumbnail": Peer(
        _vipsthumbnail, _says("vipsthumbnail", "--vips-version"), lambda _: {"VIPS_CONCURRENCY": "1"}
    ),
    "opencv-pool": Peer(
        _plain([sys.executable, str(HERE / "opencv_pool.py")]),
        _says(sys.executable, "-c", "import cv2; print('OpenCV', cv2.__version__)"),
    ),
    "mogrify": Peer(_mogrify, _says("mogrify", "-version")),
}


def installed(names: list[str]) -> dict[str, str]:
    """Version by name, of those that are here."""
    return {name: version for name in names if (version := PEERS[name].version())}
