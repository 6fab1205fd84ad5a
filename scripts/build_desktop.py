"""Build the window as a folder that needs no Python: dist/imgpar/imgpar.

pip install pyinstaller '.[desktop]'     # in an environment of its own: what is installed there is bundled
python scripts/build_desktop.py          # dist/imgpar, for the system on which it runs
python scripts/build_desktop.py --to out --console

With arguments that are files, the program opens with them; `install` and `remove` are those of `imgpar
desktop`; `--convert IN OUT` converts without a window, by which a build is tested. On macOS
the folder lies in imgpar.app.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START = """\
import multiprocessing
import sys

if __name__ == "__main__":
    multiprocessing.freeze_support()  # a worker starts this program, too: it ends in here
    if sys.argv[1:2] == ["--convert"]:
        import imgpar

        report = imgpar.convert(sys.argv[2], sys.argv[3], recipe="web")
        print(report.summary())
        sys.exit(report.exit_code)
    if sys.argv[1:] in (["install"], ["remove"]):
        from imgpar.cli import main as command_line

        sys.exit(command_line(["desktop", *sys.argv[1:]]))
    from imgpar.desktop import main

    sys.exit(main())
"""
"""The program that is bundled."""
OPTIONAL = ("tkinterdnd2", "cykooz", "pypdfium2", "watchfiles", "obstore")
"""Packages with data or libraries that no import statement names."""
LEFT_OUT = ("torch", "ray", "pytest", "IPython", "matplotlib", "pandas")


def arguments(start: Path, given: argparse.Namespace) -> list[str]:
    """The command line of PyInstaller."""
    words = [str(start), "--name=imgpar", "--onedir", "--noconfirm", "--log-level=WARN"]
    words.append("--console" if given.console else "--windowed")
    words += [f"--distpath={given.to}", f"--workpath={start.parent / 'work'}", f"--specpath={start.parent}"]
    words += ["--collect-all=imgpar", "--copy-metadata=imgpar", f"--paths={ROOT}"]
    words += [f"--collect-all={name}" for name in OPTIONAL if importlib.util.find_spec(name)]
    words += [f"--exclude-module={name}" for name in LEFT_OUT]
    return words


def main() -> int:
    """Build; exit with 2 if PyInstaller is not installed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="the folder for the build")
    parser.add_argument("--console", action="store_true", help="keep a terminal open beside the window")
    given = parser.parse_args()
    try:
        from PyInstaller.__main__ import run
    except ImportError:
        print("This needs PyInstaller: pip install pyinstaller", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="imgpar-build-") as scratch:
        start = Path(scratch) / "imgpar_start.py"
        start.write_text(START, "utf-8")
        run(arguments(start, given))
    print(given.to / "imgpar")
    return 0


if __name__ == "__main__":
    sys.exit(main())
