"""Builds the site of the documents with Sphinx; a warning is an error.

    pip install -e '.[docs]' && python scripts/build_site.py DIR [--gallery]

What follows from declarations and docstrings is written first, into docs/reference, which is not kept: the
help of every command, the operations, the formats, and the Python API. With --gallery a page shows what each
operation does to a picture.
"""

from __future__ import annotations

import argparse
import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import imgpar
from imgpar.cli.commands import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
GALLERY = """
```{raw} html
<p><a href="../gallery/index.html">What each does to a picture</a></p>
```
"""
"""A link as HTML, because the gallery is no page of Sphinx."""
FIRST = ("convert", "Pipeline", "Session", "Report", "Outcome", "Event", "CancelToken")
"""What the page of the Python API begins with."""


def main() -> int:
    """Write the reference and build the site; returns the exit code of Sphinx."""
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gallery", action="store_true")
    options = parser.parse_args()
    write_reference(gallery=options.gallery)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    code = subprocess.call([*command, str(DOCS), str(options.folder)])
    if options.gallery and not code:
        folder = options.folder / "gallery"
        code = subprocess.call([sys.executable, str(ROOT / "scripts" / "gallery.py"), "-o", str(folder)])
    return code


def write_reference(*, gallery: bool) -> None:
    """Write the pages that follow from declarations and docstrings."""
    shutil.rmtree(REFERENCE, ignore_errors=True)
    REFERENCE.mkdir()
    pages = {
        "commands": commands(),
        "operations": operations(gallery=gallery),
        "formats": formats(),
        "python": python(),
    }
    for name, text in pages.items():
        (REFERENCE / f"{name}.md").write_text(text, encoding="utf-8")


def commands() -> str:
    """The help of every command."""
    parts = ["# Commands\n\n" + block(printed("--help"))]
    parts += [f"## imgpar {name}\n\n{block(printed(name, '--help'))}" for name in COMMANDS]
    return "\n".join(parts)


def operations(*, gallery: bool) -> str:
    """The operations and settings of the encoders, as `imgpar ops` prints them."""
    links = "Examples: [operations](../operations.md).\n\n"
    links += GALLERY if gallery else ""
    return f"# Operations and settings\n\n{links}\n{block(printed('ops'))}"


def formats() -> str:
    """The formats, as `imgpar formats` prints them."""
    links = "Details: [pictures](../pictures.md), [clips](../video.md).\n\n"
    return f"# Formats\n\n{links}{block(printed('formats'))}"


def python() -> str:
    """What `import imgpar` exports, from the docstrings."""
    names = [*FIRST, *sorted(set(imgpar.__all__) - set(FIRST) - {"__version__"})]
    parts = ["# Python API\n\nA guide with examples: [python](../python.md).\n"]
    for name in names:
        found = getattr(imgpar, name)
        kind = "exception" if is_error(found) else "class" if inspect.isclass(found) else "function"
        members = "\n   :members:" if kind == "class" else ""
        parts.append(f"## {name}\n\n```{{eval-rst}}\n.. auto{kind}:: imgpar.{name}{members}\n```\n")
    return "\n".join(parts)


def is_error(found: object) -> bool:
    """Whether this is a class of exceptions."""
    return inspect.isclass(found) and issubclass(found, BaseException)


def printed(*arguments: str) -> str:
    """What a command of imgpar prints."""
    environment = {**os.environ, "COLUMNS": "88", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "imgpar", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def block(text: str) -> str:
    """Text as it is."""
    return f"````text\n{text.rstrip()}\n````\n"


if __name__ == "__main__":
    sys.exit(main())
