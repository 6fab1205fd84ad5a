"""Mutation testing of the journal and in-place code: change one line at a time, count detected changes.

    python scripts/break_lines.py --count 60 --seed 1

In a copy of the tree one syntax node is changed (a comparison inverted, a condition fixed, a call removed, a
number changed), the tests of that module run until the first failure, and the node is restored. Undetected
changes are printed: either a test is missing, or the line has no effect.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = {
    "outputs/commit": "test_commit test_undo test_originals test_identity test_faults",
    "batch/inplace/originals": "test_originals test_undo test_upgrade",
    "batch/inplace/restore": "test_originals test_undo test_upgrade test_verify_outputs test_locks",
    "batch/inplace/run_folders": "test_originals test_undo test_upgrade",
    "batch/incremental": "test_incremental test_planner test_identity",
    "outputs/conflicts": "test_planner test_identity",
    "batch/journal/journal": "test_journal test_identity test_originals test_upgrade",
    "batch/journal/history": "test_journal test_identity test_upgrade",
    "outputs/write_ahead": "test_write_ahead test_originals test_faults test_identity",
    "runtime/validation": "test_false_messages test_poison test_ledger",
    "core/locks": "test_journal test_locks test_undo",
    "core/confined": "test_confined test_originals",
    "core/digest": "test_digest test_commit test_verify_outputs",
}
"""Modules under test, and their test files."""
SWAPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


def broken(node: ast.AST) -> Iterator[ast.AST]:
    """The possible mutations of a node."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield ast.Compare(node.left, [SWAPS[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        yield from (
            ast.BoolOp(node.op, rest) for rest in (node.values[1:], node.values[:-1]) if len(rest) > 1
        )
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.If):
        for value in (True, False):
            yield ast.If(ast.Constant(value), node.body, node.orelse)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)


def places(tree: ast.Module) -> list[tuple[int, int]]:
    """Mutable nodes in functions: their index in a walk, and the index of the mutation."""
    inside = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for part in ast.walk(node)
    }
    return [
        (number, way)
        for number, node in enumerate(ast.walk(tree))
        if id(node) in inside
        for way, _ in enumerate(broken(node))
    ]


class Swap(ast.NodeTransformer):
    """Replaces one node by another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.copy_location(self.new, node) if node is self.old else self.generic_visit(node)


def break_one(source: str, place: tuple[int, int]) -> tuple[str, str]:
    """The mutated source, and a description of the mutation."""
    tree = copy.deepcopy(ast.parse(source))
    node = list(ast.walk(tree))[place[0]]
    new = list(broken(node))[place[1]]
    before = ast.unparse(node).split("\n")[0]
    line = getattr(node, "lineno", 0)
    changed = ast.fix_missing_locations(Swap(node, new).visit(tree))
    return ast.unparse(changed) + "\n", f"line {line}: {before}  →  {ast.unparse(new).split(chr(10))[0]}"


def noticed(copied: Path, tests: list[str]) -> bool:
    """Whether a test fails."""
    files = [str(path) for name in tests for path in (copied / "tests").rglob(f"{name}.py")]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "2", "-p", "no:cacheprovider", *files]
    environment = os.environ | {"PYTHONPATH": str(copied)}
    try:
        done = subprocess.run(
            command, cwd=copied, env=environment, check=False, capture_output=True, timeout=400
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--modules", type=lambda text: text.split(","), default=list(TESTS))
    args = parser.parse_args()
    dice, survivors = random.Random(args.seed), list[str]()
    with tempfile.TemporaryDirectory(prefix="broken-") as folder:
        copied = Path(folder) / "imgpar"
        shutil.copytree(ROOT, copied, ignore=shutil.ignore_patterns(".venv", ".git", "out", "__pycache__"))
        for number in range(args.count):
            name = args.modules[number % len(args.modules)]
            path = copied / "imgpar" / f"{name}.py"
            source = path.read_text("utf-8")
            changed, words = break_one(source, dice.choice(places(ast.parse(source))))
            path.write_text(changed, "utf-8")
            found = noticed(copied, TESTS[name].split())
            path.write_text(source, "utf-8")
            print(f"{number + 1:3} {'noticed ' if found else 'SURVIVED'} {name}.py {words}", flush=True)
            if not found:
                survivors.append(f"{name}.py {words}")
    print(f"{args.count - len(survivors)} of {args.count} noticed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
