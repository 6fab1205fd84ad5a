"""Mutation testing: change one node of a module at a time, and count how many changes the tests detect.

    python scripts/mutation.py                                    every module of the table, 10 mutants each
    python scripts/mutation.py outputs/commit core/digest --count 40 --seed 2

The tree is copied. The tests of a module run once as they are: a score means nothing where they fail. Then
one node of the syntax tree is changed in the copy (a comparison inverted, a condition fixed, a call left out,
an operator exchanged, a number moved), the tests run with -x until the first one fails, and the module is
restored. Survivors are printed with their line: a test is missing, or the mutant is equivalent. The same seed
takes the same sample as long as the module does not change.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = {
    "core/confined": "core/test_confined batch/inplace/test_originals",
    "core/digest": "core/test_digest outputs/test_commit batch/test_verify_outputs",
    "core/locks": "core/test_locks batch/journal/test_journal batch/inplace/test_undo",
    "core/spec": "core/test_spec pixels/test_layouts batch/picture/test_planar",
    "core/job": "core/test_job batch/test_incremental batch/test_planner batch/test_identity",
    "runtime/ledger": "runtime/test_ledger runtime/test_slices runtime/test_shared_frames"
    " runtime/test_poison runtime/test_false_messages",
    "runtime/leases": "runtime/test_leases runtime/test_leases_ahead runtime/test_ledger"
    " runtime/test_shortage runtime/test_faults",
    "runtime/task_queue": "runtime/test_ledger runtime/test_slices runtime/test_shared_frames"
    " runtime/test_poison",
    "runtime/validation": "runtime/test_validation runtime/test_slices runtime/test_ledger"
    " runtime/test_false_messages",
    "runtime/watchdog": "runtime/test_watchdog runtime/test_poison runtime/test_stopped_processes",
    "pixels/arrays": "pixels/test_arithmetic ops/test_colour_operations ops/test_operations ops/test_filters",
    "pixels/colour/convert": "pixels/test_table_profiles pixels/test_profiles pixels/test_colour"
    " formats/test_grey_profiles",
    "pixels/colour/matrix_profiles": "pixels/test_profiles pixels/test_colour formats/test_grey_profiles",
    "pixels/colour/transfer": "pixels/test_transfer",
    "pixels/linear_light": "pixels/test_linear_light pixels/test_arithmetic ops/test_resize",
    "ops/brightness": "pixels/test_arithmetic ops/test_colour_operations ops/test_filters",
    "ops/contrast": "pixels/test_arithmetic ops/test_colour_operations ops/test_filters",
    "ops/saturation": "pixels/test_arithmetic ops/test_colour_operations ops/test_filters",
    "formats/tlv": "formats/test_tlv",
    "formats/metadata/exif": "formats/test_exif formats/test_thumbnail formats/test_metadata",
    "formats/metadata/policy": "formats/test_thumbnail formats/test_metadata formats/test_strip"
    " formats/test_location",
    "formats/output_profile": "pixels/test_profiles pixels/test_colour formats/test_grey_profiles",
    "formats/quality": "formats/test_quality formats/test_relevance formats/test_writing",
    "outputs/commit": "outputs/test_commit batch/inplace/test_undo batch/inplace/test_originals"
    " batch/test_identity runtime/test_faults",
    "outputs/conflicts": "outputs/test_conflicts batch/test_planner batch/test_identity",
    "outputs/naming": "batch/test_planner batch/test_identity batch/test_incremental",
    "outputs/write_ahead": "outputs/test_write_ahead batch/inplace/test_originals runtime/test_faults"
    " batch/test_identity",
    "video/check": "video/test_check video/test_timing video/test_rates video/test_cuts",
    "batch/incremental": "batch/test_incremental batch/test_planner batch/test_identity",
    "batch/inplace/originals": "batch/inplace/test_originals batch/inplace/test_undo"
    " batch/journal/test_upgrade",
    "batch/inplace/restore": "batch/inplace/test_originals batch/inplace/test_undo"
    " batch/journal/test_upgrade batch/test_verify_outputs core/test_locks",
    "batch/inplace/run_folders": "batch/inplace/test_originals batch/inplace/test_undo"
    " batch/journal/test_upgrade",
    "batch/inplace/recovery": "batch/inplace/test_originals batch/inplace/test_undo",
    "batch/inplace/register": "batch/inplace/test_originals batch/inplace/test_undo",
    "batch/journal/recovery": "batch/journal/test_journal batch/test_identity batch/journal/test_upgrade",
    "batch/journal/history": "batch/journal/test_journal batch/test_identity batch/journal/test_upgrade",
    "batch/journal/journal": "batch/journal/test_journal batch/test_identity batch/inplace/test_originals"
    " batch/journal/test_upgrade",
    "batch/picture/verify": "batch/picture/test_verify",
}  # fmt: skip
"""Modules, and the files of tests that hold them, the narrow ones first."""
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
BOUNDARIES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
LEAST_SECONDS = 60.0
"""How long the tests may take with a mutant; three times as long as without, where that is more."""


def mutants(node: ast.AST) -> Iterator[ast.AST]:
    """What may take the place of a node."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        kind = type(node.ops[0])
        yield ast.Compare(node.left, [COMPARISONS[kind]()], node.comparators)
        if kind in BOUNDARIES:
            yield ast.Compare(node.left, [BOUNDARIES[kind]()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for rest in (node.values[1:], node.values[:-1]):
            yield ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        yield ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.If):
        for value in (True, False):
            yield ast.If(ast.Constant(value), node.body, node.orelse)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
    elif isinstance(node, ast.Return) and node.value is not None:
        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Constant) and type(node.value) is float:
        yield ast.Constant(node.value * 1.5 + 0.001)


def code_of(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that runs: bodies of functions and constants of the module; no annotation, no class body."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for part in [*node.body, *node.args.defaults, *node.args.kw_defaults]:
                if part is not None:
                    yield from running(part)
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            yield from ast.walk(statement.value)


def running(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those below it, without annotations of variables."""
    yield node
    for field, value in ast.iter_fields(node):
        if field != "annotation":
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, ast.AST):
                    yield from running(each)


def places(tree: ast.Module) -> list[tuple[int, int]]:
    """What can be mutated: the number of a node in a walk, and the number of its mutant."""
    runs = {id(node) for node in code_of(tree)}
    return [
        (number, way)
        for number, node in enumerate(ast.walk(tree))
        if id(node) in runs
        for way, _ in enumerate(mutants(node))
    ]


class Swap(ast.NodeTransformer):
    """Puts one node in the place of another one."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.copy_location(self.new, node) if node is self.old else self.generic_visit(node)


def mutated(source: str, place: tuple[int, int]) -> tuple[str, str]:
    """The changed source, and the change in words."""
    tree = copy.deepcopy(ast.parse(source))
    node = list(ast.walk(tree))[place[0]]
    new = list(mutants(node))[place[1]]
    before = ast.unparse(node).split("\n")[0]
    line = getattr(node, "lineno", 0)
    changed = ast.fix_missing_locations(Swap(node, new).visit(tree))
    return ast.unparse(changed) + "\n", f"line {line}: {before}  →  {ast.unparse(new).split(chr(10))[0]}"


def files_of(copied: Path, module: str, *, narrow: bool = False) -> list[str]:
    """The files of tests of a module that are there."""
    paths = [copied / "tests" / f"{name}.py" for name in TESTS[module].split()]
    there = [str(path) for path in paths if path.exists()]
    return there[:1] if narrow else there


def passes(copied: Path, files: list[str], seconds: float) -> bool:
    """Whether all tests pass in time."""
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(copied)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # with it every process compiles the package anew
    with subprocess.Popen(
        command, cwd=copied, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)


def write(path: Path, source: str) -> None:
    """Replace a module; what was compiled of it is known by its size and second only, and goes."""
    path.write_text(source, "utf-8")
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def run(copied: Path, module: str, count: int, seed: int, *, narrow: bool) -> tuple[int, list[str]] | None:
    """How many mutants of a module were tried, and those that survived; None where its tests fail anyway."""
    files = files_of(copied, module, narrow=narrow)
    start = time.monotonic()
    if not passes(copied, files, 1200):
        print(f"{module}: its tests fail without any mutation", flush=True)
        return None
    seconds = max(LEAST_SECONDS, 3 * (time.monotonic() - start))
    path = copied / "imgpar" / f"{module}.py"
    source = path.read_text("utf-8")
    everything = places(ast.parse(source))
    sample = random.Random(f"{seed} {module}").sample(everything, min(count, len(everything)))
    print(f"{module}: {len(sample)} of {len(everything)} mutants, {seconds:.0f} s each at most", flush=True)
    survivors = []
    for number, place in enumerate(sample):
        changed, words = mutated(source, place)
        write(path, changed)
        survived = passes(copied, files, seconds)
        write(path, source)
        print(f"{number + 1:4} {'SURVIVED' if survived else 'killed  '} {module}.py {words}", flush=True)
        if survived:
            survivors.append(words)
    return len(sample), survivors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as outputs/commit; default: all")
    parser.add_argument("--count", type=int, default=10, help="mutants of each module (default: 10)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--narrow", action="store_true", help="only the first file of tests of each module")
    args = parser.parse_args()
    unknown = [module for module in args.modules if module not in TESTS]
    if unknown:
        parser.error(f"not in the table: {', '.join(unknown)}; it has: {', '.join(TESTS)}")
    results, failed = {}, False
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copied = Path(folder) / "imgpar"
        ignored = shutil.ignore_patterns(".venv", ".git", "out", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, copied, ignore=ignored)
        for module in args.modules or TESTS:
            result = run(copied, module, args.count, args.seed, narrow=args.narrow)
            if result is None:
                failed = True
            else:
                results[module] = result
    print("\nsurvivors:")
    for module, (_, survivors) in results.items():
        for words in survivors:
            print(f"  {module}.py {words}")
    print("\nkilled:")
    for module, (tried, survivors) in results.items():
        print(f"  {module:32} {tried - len(survivors):4} of {tried}")
    tried = sum(count for count, _ in results.values())
    killed = tried - sum(len(survivors) for _, survivors in results.values())
    print(f"  {'all':32} {killed:4} of {tried}")
    return 1 if failed or killed < tried else 0


if __name__ == "__main__":
    sys.exit(main())
