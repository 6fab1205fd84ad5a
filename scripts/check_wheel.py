"""Install the built files in fresh environments, one after the other, and use each as a person would.

    python scripts/check_wheel.py DIST

DIST holds a wheel and an sdist. From each the package is installed, a folder is converted, and what came out
is counted: so a file that is missing in one of them is found before it is published. Run by the release, on
each system and Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PICTURES = """
from PIL import Image
for number in range(3):
    Image.new("RGB", (640, 480), (40 * number, 90, 120)).save(f"{number}.png")
"""
COMMANDS = (
    (),
    ("--version",),
    ("formats",),
    ("help", "names"),
    ("doctor",),
)


def check(built: Path, folder: Path) -> None:
    """Install one file, and use it. Raises SystemExit, CalledProcessError."""
    venv.create(folder / "env", with_pip=True)
    scripts = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    suffix = ".exe" if os.name == "nt" else ""
    python, imgpar = scripts / f"python{suffix}", scripts / f"imgpar{suffix}"
    subprocess.run([python, "-m", "pip", "install", "-q", built], check=True)
    inputs = folder / "in"
    inputs.mkdir()
    subprocess.run([python, "-c", PICTURES], cwd=inputs, check=True)
    for command in COMMANDS:
        subprocess.run([imgpar, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    convert = [imgpar, "convert", "in", "-o", "out", "--to", "webp", "--resize", "320"]
    subprocess.run([*convert, "--report", "report.json"], cwd=folder, check=True)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    made = sorted(path.name for path in (folder / "out").glob("*.webp"))
    if report["ok"] != 3 or made != ["0.webp", "1.webp", "2.webp"]:
        raise SystemExit(f"{built.name}: {report['ok']} of 3 pictures were converted.")
    print(f"{built.name}: ok on Python {sys.version_info.major}.{sys.version_info.minor}, {sys.platform}")


def main() -> None:
    """Check every file of the folder given."""
    files = sorted(Path(sys.argv[1]).resolve().glob("imgpar-*"))
    if len(files) != 2:
        raise SystemExit(f"{sys.argv[1]} does not hold a wheel and an sdist.")
    for built in files:
        with tempfile.TemporaryDirectory() as folder:
            check(built, Path(folder))


if __name__ == "__main__":
    main()
