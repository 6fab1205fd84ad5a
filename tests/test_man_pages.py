"""The man pages: in step with the declarations, without warnings, and part of the wheel."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from terminals import needs

from imgpar.cli.commands import COMMANDS, SHELLS
from imgpar.cli.completing import parser_of
from imgpar.cli.topics import TOPICS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs" / "man").glob("*.1"))


def generator() -> ModuleType:
    """scripts/make_man.py, imported."""
    spec = importlib.util.spec_from_file_location("make_man", ROOT / "scripts" / "make_man.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(page: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """The page as man shows it, 80 columns wide."""
    needs("man")
    return subprocess.run(
        ["man", *flags, "-E", "UTF-8", "-l", "-Tutf8", str(page)], capture_output=True, text=True, check=True,
        encoding="utf-8", env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANROFFSEQ": ""},
    )  # fmt: skip


def plain(text: str) -> str:
    """Without overstriking, escape sequences and line breaks."""
    return " ".join(re.sub(r".\x08|\x1b\[[\d;]*m", "", text).split())


def test_the_pages_are_as_the_declarations_say():
    assert generator().stale() == []


def test_every_command_has_its_page():
    assert {page.stem for page in PAGES} == {"imgpar", *(f"imgpar-{name}" for name in COMMANDS)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_no_warnings(page):
    assert shown(page, "--warnings", "-Z").stderr == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_whatis_finds_the_name_of_a_page(page):
    needs("lexgrog")
    done = subprocess.run(["lexgrog", str(page)], capture_output=True, text=True, check=True)
    assert f'"{page.stem} - ' in done.stdout


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_page_has_every_flag(command):
    text = (ROOT / "docs" / "man" / f"imgpar-{command}.1").read_text("utf-8").replace("\\-", "-")
    assert [name for name in parser_of(command).flags() if f"\\fB{name}\\fR" not in text] == []


def test_a_page_reads_like_the_help():
    words = plain(shown(ROOT / "docs" / "man" / "imgpar-undo.1").stdout)
    assert "imgpar-undo - restore the originals that --in-place replaced" in words
    assert "imgpar undo photos/ --forget keep the outputs, delete the originals" in words
    assert "-q, --quiet print failures only" in words


def test_the_main_page_has_the_exit_codes():
    assert "130 interrupted with Ctrl-C" in plain(shown(ROOT / "docs" / "man" / "imgpar.1").stdout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel of this tree."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_the_wheel_installs_the_man_pages(wheel):
    installed = {Path(name).name for name in wheel if ".data/data/share/man/man1/" in name}
    assert installed == {page.name for page in PAGES}


def test_the_wheel_has_the_pages_of_all_topics(wheel):
    there = {Path(name).stem for name in wheel if name.startswith("imgpar/cli/docs/")}
    assert there == {topic.page for topic in TOPICS.values()}


def test_the_wheel_has_the_scripts_of_the_shells(wheel):
    assert len({name for name in wheel if name.startswith("imgpar/cli/shells/imgpar.")}) == len(SHELLS)


OF_DEVELOPERS = {"test", "dev", "docs"}


def extras() -> dict[str, list[str]]:
    """The extras of the project and what they need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project["optional-dependencies"]


def test_all_has_every_extra_but_those_of_clusters_and_of_developers():
    (named,) = extras()["all"]
    chosen = set(re.fullmatch(r"imgpar\[(.*)\]", named)[1].split(","))
    assert chosen == set(extras()) - {"all", "ray", "torch"} - OF_DEVELOPERS


@pytest.mark.parametrize("extra", sorted(set(extras()) - {"all"} - OF_DEVELOPERS))
def test_the_readme_explains_every_extra(extra):
    assert f"`{extra}`" in (ROOT / "README.md").read_text("utf-8")
