"""Packages with entry points of imgpar, in folders on the path of modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "imgpar-plugin"


def install_example(folder: Path) -> Path:
    """Build the example package and install it into a new folder, without a network."""
    wheels, target = folder / "wheels", folder / "target"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=EXAMPLE, check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "-q", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    return target


def write_package(
    folder: Path, name: str, module: str, *, version: str = "1.0", code: str = "", **groups: str
) -> Path:
    """A package of one module, as if it were installed in a folder.

    Args:
        folder: is put on the path by the caller.
        name: for pip.
        module: name of the module, which is not there without `code`.
        version: of the package.
        code: of the module.
        groups: lines `name = module:attribute`, by the kind of the entry points.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"[imgpar.{kind}]\n{points}\n" for kind, points in groups.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))
    if code:
        (folder / f"{module}.py").write_text(code)
    return folder


OPERATION = '''\
"""An operation that does nothing."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from imgpar.plugin import Operation, number, option

IMGPAR_API = 1


@dataclass(frozen=True)
class Nothing(Operation):
    """Keep everything as it is."""

    name: ClassVar[str] = "nothing"
    summary: ClassVar[str] = "keep everything"

    amount: float = option(number(0, 1), "how much of it", default=1.0)

    def apply(self, src, dst):
        """Copy."""
        np.copyto(dst.array, src.array)
'''
