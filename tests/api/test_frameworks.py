"""Other frameworks, as far as they are installed: lines of the table in docs/frameworks.md."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from multiprocessing import context
from pathlib import Path

import pytest

import imgpar
from imgpar import testing

SCRIPT = Path(__file__).parents[2] / "scripts" / "try_frameworks.py"
LINES = {
    "executor-forkserver": "multiprocessing",
    "forked-session": "multiprocessing",
    "threads": "concurrent.futures",
    "run-in-executor": "asyncio",
    "loader-fork": "torch",
    "loader-spawn": "torch",
    "joblib-loky": "joblib",
    "dask-processes": "distributed",
    "celery-prefork": "celery",
    "gunicorn-preload": "gunicorn",
    "notebook": "nbclient",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LINES)
def test_every_call_returns_what_it_returns_elsewhere(name):
    pytest.importorskip(LINES[name])
    done = subprocess.run([sys.executable, SCRIPT, name], capture_output=True, text=True, check=False)
    _, _, _, where, *results, _, _ = (cell.strip() for cell in done.stdout.splitlines()[-1].split("|"))
    assert (where in ("own workers", "in the process"), results) == (True, ["same"] * 5), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the context is that of a fork")
def test_workers_start_where_the_default_start_method_is_that_of_another_library(tmp_path, monkeypatch):
    class Foreign(type(multiprocessing.get_context("fork"))):
        _name = "loky"

    folder = testing.write_pictures(tmp_path / "in", ["a.png"])
    monkeypatch.setattr(context._default_context, "_actual_context", Foreign())
    with imgpar.Session(jobs=1, memory="64M") as session:
        assert len(list(session.arrays(imgpar.Pipeline(), folder))) == 1
