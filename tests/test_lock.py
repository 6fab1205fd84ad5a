"""requirements-dev.lock names every package that `pip install '.[dev]'` installs, and no other."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

requirements = pytest.importorskip("packaging.requirements")
utils = pytest.importorskip("packaging.utils")

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements-dev.lock"

pytestmark = [
    pytest.mark.skipif(not LOCK.exists(), reason="the lock file is no part of an sdist"),
    pytest.mark.skipif(
        sys.version_info[:2] != (3, 11) or sys.platform != "linux",
        reason="the lock file is for Linux and Python 3.11",
    ),
]


def locked() -> dict[str, str]:
    """Names as PyPI compares them → versions."""
    lines = [line for line in LOCK.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    pairs = [line.split("==") for line in lines]
    return {utils.canonicalize_name(name): version for name, version in pairs}


def required(texts: list[str], extras: set[str]) -> Iterator[tuple[str, set[str]]]:
    """Names and extras of the requirements that apply here."""
    for text in texts:
        wanted = requirements.Requirement(text)
        environments = [{"extra": extra} for extra in (extras or {""})]
        if wanted.marker is None or any(wanted.marker.evaluate(each) for each in environments):
            yield utils.canonicalize_name(wanted.name), set(wanted.extras)


def installed_by_dev() -> set[str]:
    """What `.[dev]` needs, and what that needs, as far as it is installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    own = {"": project["dependencies"], **project["optional-dependencies"]}
    waiting, seen = [("imgpar", frozenset({"", "dev"}))], set[tuple[str, frozenset[str]]]()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        if name == "imgpar":
            texts = [text for extra in extras for text in own[extra]]
        else:
            try:
                texts = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                texts = []
        waiting += [(each, frozenset(wanted)) for each, wanted in required(texts, set(extras))]
    return {name for name, _ in seen} - {"imgpar"}


def test_the_lock_file_is_complete() -> None:
    assert sorted(installed_by_dev() - set(locked())) == []


def test_the_lock_file_has_no_more_than_that() -> None:
    needed = installed_by_dev()
    missing = sorted(name for name in needed if not list(metadata.distributions(name=name)))
    if missing:
        pytest.skip(f"not all of .[dev] is installed here: {', '.join(missing)}")
    assert sorted(set(locked()) - needed) == []


def test_the_versions_of_the_lock_file_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = locked()
    for texts in (project["dependencies"], *project["optional-dependencies"].values()):
        for text in texts:
            wanted = requirements.Requirement(text)
            version = versions.get(utils.canonicalize_name(wanted.name))
            assert version is None or version in wanted.specifier, text
