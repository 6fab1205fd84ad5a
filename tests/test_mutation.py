"""scripts/mutation.py: its table is about this tree, and a mutant is a change."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "mutation.py"

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the script is not here")


@pytest.fixture(scope="module")
def mutation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_names_modules_and_tests_that_exist(mutation: ModuleType) -> None:
    modules = [name for name in mutation.TESTS if not (ROOT / "imgpar" / f"{name}.py").exists()]
    tests = {name for names in mutation.TESTS.values() for name in names.split()}
    assert modules == []
    assert [name for name in sorted(tests) if not (ROOT / "tests" / f"{name}.py").exists()] == []


SOURCE = """
LIMIT: int = 5
FAR = 2.0
def f(a: list[1], b=3):
    if a and not b:
        call(a)
    c: int | None = a + 1 if a < b else None
    return c
"""


def test_every_mutant_is_another_program_that_can_be_compiled(mutation: ModuleType) -> None:
    places = mutation.places(ast.parse(SOURCE))
    made = [mutation.mutated(SOURCE, place) for place in places]
    plain = ast.unparse(ast.parse(SOURCE)) + "\n"
    sources = [source for source, _ in made]
    assert plain not in sources
    assert len(set(sources)) == len(sources) > 12
    for source in sources:
        compile(source, "mutant", "exec")


def test_annotations_are_not_mutated(mutation: ModuleType) -> None:
    words = " ".join(words for _, words in (
        mutation.mutated(SOURCE, place) for place in mutation.places(ast.parse(SOURCE))
    ))  # fmt: skip
    assert "line 4: 3  →  4" in words
    assert "line 4: 1  →  2" not in words
    assert "int & None" not in words
    assert "line 3: 2.0" in words
