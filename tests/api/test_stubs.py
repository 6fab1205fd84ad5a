"""Stubs with the operations of other packages, as mypy and pyright read them."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from plugin_packages import install_example

from imgpar.api import operations, typed
from imgpar.api.stubs import write_stubs
from imgpar.cli import main

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """\
import imgpar

pipe: imgpar.Pipeline = imgpar.Pipeline().solarise(0.5, strength=0.2).grey()
imgpar.convert("a", "b", solarise=0.5, strength=0.2, resize=8)
imgpar.Pipeline().solarise("much", strength=None)  # error
imgpar.Pipeline().solarise(0.5, strenght=0.2)  # error
imgpar.convert("a", "b", solarise=[])  # error
imgpar.Pipeline().solarize(0.5)  # error
"""
WRONG = {number for number, line in enumerate(SCRIPT.splitlines(), 1) if line.endswith("# error")}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with imgpar and the example, in which `imgpar stubs` was run."""
    folder = tmp_path_factory.mktemp("stubs")
    target = install_example(folder)
    venv.create(folder / "venv", with_pip=False, symlinks=os.name != "nt")
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    place = subprocess.run([python, "-c", purelib], check=True, text=True, capture_output=True).stdout.strip()
    lines = [str(ROOT), str(target), sysconfig.get_path("purelib")]
    (Path(place) / "all.pth").write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run([python, "-m", "imgpar", "stubs"], cwd=folder, text=True, capture_output=True)
    assert done.stdout.strip() == f"{Path(place) / 'imgpar-stubs'}: solarise", done.stderr
    (folder / "use.py").write_text(SCRIPT, encoding="utf-8")
    return python


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_knows_the_operations_of_the_package(environment: Path, tmp_path: Path) -> None:
    folder = environment.parents[2]
    command = [sys.executable, "-m", "mypy", "--config-file=", f"--cache-dir={tmp_path}"]
    command += ["--follow-imports=silent", "--no-pretty", f"--python-executable={environment}", "use.py"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    found = {int(line) for line in re.findall(r"^use\.py:(\d+): error", run.stdout, re.MULTILINE)}
    assert found == WRONG, run.stdout + run.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(importlib.util.find_spec("basedpyright") is None, reason="basedpyright is not installed")
def test_pyright_knows_the_operations_of_the_package(environment: Path) -> None:
    folder = environment.parents[2]
    settings = {"include": ["use.py"], "typeCheckingMode": "standard"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "basedpyright",
        "--outputjson",
        "--pythonpath",
        str(environment),
        "-p",
        ".",
    ]
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    said = json.loads(run.stdout)["generalDiagnostics"]
    assert {one["range"]["start"]["line"] + 1 for one in said} == WRONG, run.stdout


def test_without_other_packages_the_stubs_are_the_modules(tmp_path: Path) -> None:
    place = write_stubs(tmp_path)
    for module in (operations, typed):
        path = place / "api" / f"{module.__name__.rpartition('.')[2]}.pyi"
        own = Path(str(module.__file__)).read_text(encoding="utf-8")
        assert path.read_text(encoding="utf-8").partition("\n")[2].rstrip() == own.rstrip()


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["stubs", "-o", str(tmp_path / "file")]) == 2
    assert "Name another folder with -o, such as typings." in capsys.readouterr().err
