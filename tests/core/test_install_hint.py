"""The command that adds a package, for every kind of environment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imgpar.core import install_hint
from imgpar.core.install_hint import pip


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of its own, which has pip."""
    folder = tmp_path / "imgpar"
    folder.mkdir()
    monkeypatch.setattr(sys, "prefix", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "bin" / "python"))
    monkeypatch.setattr(install_hint, "find_spec", lambda _: object())
    return folder


def test_a_virtual_environment(prefix: Path) -> None:
    assert pip("rawpy>=0.23") == f'{prefix}/bin/python -m pip install "rawpy>=0.23"'


def test_pipx(prefix: Path) -> None:
    (prefix / "pipx_metadata.json").touch()
    assert pip("rawpy") == "pipx inject imgpar rawpy"


def test_a_tool_of_uv(prefix: Path) -> None:
    (prefix / "uv-receipt.toml").touch()
    assert pip("rawpy") == "uv tool install imgpar --with rawpy"


def test_an_environment_of_uv_has_no_pip(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_hint, "find_spec", lambda _: None)
    (prefix / "pyvenv.cfg").write_text("home = /usr/bin\nuv = 0.9.1\n")
    assert pip("rawpy") == f"uv pip install --python {prefix}/bin/python rawpy"


def test_an_environment_without_pip(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_hint, "find_spec", lambda _: None)
    python = f"{prefix}/bin/python"
    assert pip("rawpy") == f"{python} -m ensurepip, then {python} -m pip install rawpy"


def test_conda_has_pip(prefix: Path) -> None:
    (prefix / "conda-meta").mkdir()
    assert pip("rawpy") == f"{prefix}/bin/python -m pip install rawpy"


def test_the_python_of_the_system(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", str(prefix))
    monkeypatch.setattr(install_hint.sysconfig, "get_path", lambda _: str(prefix))
    (prefix / "EXTERNALLY-MANAGED").touch()
    assert pip("rawpy").endswith("-m pip install --break-system-packages rawpy")


def test_a_frozen_program(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert pip("rawpy") == "pip install imgpar rawpy (packages cannot be added to this program)"


def test_a_path_with_spaces_is_quoted(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/my tools/python")
    assert pip("rawpy") == '"/my tools/python" -m pip install rawpy'
