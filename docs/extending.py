"""Add an operation and a format to a copy of imgpar, each in one place, and use both.

    python docs/extending.py [FOLDER]

The copy is made in FOLDER, or in a temporary folder. An operation is one new file in `imgpar/ops/`; a format
is one record in `imgpar/formats/registry.py` and one module that reads and writes it. Nothing else is written
by hand: flags, help, recipe keys and the plan follow from the declarations, and `scripts/make_signatures.py`
writes the method of `Pipeline`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "imgpar"

OPERATION = '''\
"""solarise: invert bright colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from imgpar.core import parsing
from imgpar.core.spec import Frame
from imgpar.core.options import option
from imgpar.ops.base import Operation


@dataclass(frozen=True)
class Solarise(Operation):
    """Replace each colour value from a threshold on by its negative; alpha stays."""

    name: ClassVar[str] = "solarise"
    summary: ClassVar[str] = "invert values from this share of white on"
    depths: ClassVar[tuple[str, ...]] = ("uint8", "uint16")

    least: float = option(parsing.number(0, 1), "least value, 1 is white", metavar="SHARE", example="0.5")

    def apply(self, src: Frame, dst: Frame) -> None:
        peak = np.iinfo(src.array.dtype).max
        count = src.spec.channels - src.spec.alpha
        colours = src.array[..., :count]
        np.copyto(dst.array, src.array)
        dst.array[..., :count] = np.where(colours >= self.least * peak, peak - colours, colours)
'''

RECORD = """\
    Format(
        "farbfeld", "farbfeld", ("ff",), "image/x-farbfeld", magic=((0, b"farbfeld"),),
        readers=("farbfeld",), writers=("farbfeld",), layouts=("RGBA",), dtypes=("uint16",), alpha=True,
        lossless="always",
    ),
"""

FORMAT = '''\
"""farbfeld: a size, then red, green, blue and alpha with 16 bits each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats.base import Encoded, damaged
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format

HEAD = 16


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:  # noqa: ARG001
    """The size, from the 16 bytes before the pixels."""
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (8, 12))
    return Header(fmt.name, Spec(width, height, "RGBA", "uint16"))


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the one frame; missing pixels stay transparent where damage is accepted."""
    values = np.frombuffer(data, ">u2", offset=HEAD)
    wanted = frames[0].array.reshape(-1)
    if len(values) < len(wanted) and not accept_damaged:
        raise damaged("farbfeld", f"{len(values)} of {len(wanted)} values are there")
    wanted[:] = 0
    wanted[: len(values)] = values[: len(wanted)]
    return ()


def encode(
    frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions  # noqa: ARG001
) -> Encoded:
    """The first frame."""
    size = b"".join(side.to_bytes(4, "big") for side in frames[0].spec.size)
    return Encoded(b"farbfeld" + size + frames[0].array.astype(">u2").tobytes())
'''


def extend(folder: Path) -> None:
    """Copy the package into a folder, with one more operation and one more format."""
    copy = shutil.copytree(PACKAGE, folder / "imgpar", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "ops" / "solarise.py").write_text(OPERATION, encoding="utf-8")
    (copy / "formats" / "farbfeld.py").write_text(FORMAT, encoding="utf-8")
    registry = copy / "formats" / "registry.py"
    text = registry.read_text(encoding="utf-8")
    first, mark, rest = text.partition("_RECORDS = (\n")
    assert mark, "the records of the formats are not where they were"
    registry.write_text(first + mark + RECORD + rest, encoding="utf-8")
    (folder / "scripts").mkdir()
    script = shutil.copy(PACKAGE.parent / "scripts" / "make_signatures.py", folder / "scripts")
    subprocess.run([sys.executable, script], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def imgpar(folder: Path, *arguments: str) -> str:
    """What the command line of the copy prints."""
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "imgpar", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, text=True, stdout=subprocess.PIPE
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def main() -> None:
    """Extend a copy, and convert a picture with it."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        extend(folder)
        Image.linear_gradient("L").convert("RGB").save(folder / "a.png")
        print(next(line for line in imgpar(folder, "convert", "--help").splitlines() if "--solarise" in line))
        imgpar(folder, "convert", "a.png", "-o", "negative.ff", "--solarise", "0", "-q")
        imgpar(folder, "convert", "negative.ff", "-o", "again.png", "-q")
        print(imgpar(folder, "info", "negative.ff").strip())
        with Image.open(folder / "a.png") as before, Image.open(folder / "again.png") as after:
            method = "import imgpar; print(imgpar.Pipeline().solarise(0))"
            environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
            subprocess.run([sys.executable, "-c", method], cwd=folder, env=environment, check=True)
            print("top left:", before.getpixel((0, 0)), "→", after.convert("RGB").getpixel((0, 0)))


if __name__ == "__main__":
    main()
