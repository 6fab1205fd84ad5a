"""What an older Python says in a source tree: one sentence instead of a syntax error."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READ_FIRST = [
    "imgpar/__init__.py", "imgpar/__main__.py", "imgpar/core/__init__.py", "imgpar/core/version.py",
    "scripts/imgpar_drop.pyw",
]  # fmt: skip
SENTENCE = f"imgpar needs Python 3.11 or newer, but this is Python 3.9 ({sys.executable})."


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python that takes itself for 3.9."""
    begin = "import sys, runpy; sys.version_info = (3, 9, 18, 'final', 0); "
    return subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize("name", READ_FIRST)
def test_python_3_8_can_read_what_it_reads_first(name):
    assert ast.parse((ROOT / name).read_text("utf-8"), feature_version=(3, 8))


def test_an_import_says_which_python_is_needed():
    done = python("import imgpar")
    assert done.stderr.splitlines()[-1] == f"ImportError: {SENTENCE}"


def test_the_program_says_it_in_one_line():
    # As `python -m imgpar` does: the package is imported with this argument.
    done = python("sys.argv = ['-m']; runpy.run_module('imgpar', run_name='__main__')")
    assert (done.returncode, done.stderr) == (1, f"{SENTENCE}\n")


def test_the_script_for_the_desktop_says_it():
    # Without tkinter the words go to standard error.
    done = python(
        "sys.modules['tkinter'] = None; runpy.run_path('scripts/imgpar_drop.pyw', run_name='__main__')"
    )
    assert (done.returncode, done.stderr) == (1, f"{SENTENCE}\n")
