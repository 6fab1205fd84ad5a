"""`imgpar run`: the tasks of a project, from its imgpar.toml.

inputs = "photos/"            # file, folder or pattern, or a list of them
out = "public/pictures/"
recipe = "web"                # and all keys of a recipe
exclude = ["drafts/"]         # and all options of `imgpar convert` by their names
[task.icons]                  # several tasks: what stands above holds for all of them
inputs = "icons/*.svg"
out = "public/icons/"
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import RECIPE_KEYS
from imgpar.cli.convert import convert_parser, convert_with
from imgpar.cli.outlets import (
    STDOUT,
    add_outlets,
    check_outlets,
    has_free_stdout,
    logs_json,
    outlets,
    print_log,
)
from imgpar.cli.parsing import Once, Parser
from imgpar.core.errors import UsageError, suggested
from imgpar.core.job import Listener

if TYPE_CHECKING:
    from imgpar.recipe.recipe import Recipe

FILE = "imgpar.toml"
DESCRIPTION = """\
Run the tasks of a project, as its imgpar.toml says: inputs, OUT, recipe and options. The file is looked for
in the current folder and those above it, up to the root of the repository. Paths in it are relative to it.

  imgpar run                    all tasks
  imgpar run photos icons       two of them
  imgpar run -n                 print what would be done
  imgpar run --check            for CI: exit with 1 if a picture is not up to date"""
_OWN = ("inputs", "recipe", "out", "task")
_TABLES = ("operations", "output")
_FILES = frozenset({"out", "report", "manifest", "html"})
_NOT_HERE = ("dry_run", "password", "password_file")
"""Options for one call, or that do not belong in a file."""


class ProjectTask(NamedTuple):
    """One task of a project."""

    name: str
    """Empty where the file has no [task] tables."""
    inputs: list[str]
    recipe: Recipe
    argv: list[str]
    """Options of `imgpar convert`, with OUT."""


def run_parser() -> Parser:
    """The parser of `imgpar run`."""
    parser = Parser("run", "[TASK...] [options]", DESCRIPTION)
    add = parser.add_argument
    add("--project", action=Once, metavar="FILE", help=f"the file to read (default: {FILE})")
    add("-n", "--dry-run", action="store_true", help="print what would be done and write nothing")
    add("--check", action="store_true", help="write nothing; exit with 1 if a run would change a file")
    add("-y", "--overwrite", action="store_true", help="replace existing files (--on-exists overwrite)")
    add("-j", "--jobs", action=Once, metavar="N", help="number of worker processes")
    add("--json", action="store_true", help="print results on standard output as JSON, one object per line")
    add("-q", "--quiet", action="store_true", help="print failures only")
    add("-v", "--verbose", action="count", default=0, help="print a line per input")
    add_outlets(parser)
    return parser


def run_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code: the highest of the tasks, 130 if interrupted."""
    args, names = run_parser().parse(argv)
    check_outlets(args)
    for name in ("events", "metrics"):  # relative to the folder of the call
        if (path := getattr(args, name)) not in (None, STDOUT):
            setattr(args, name, os.path.abspath(path))
    path = os.path.abspath(args.project) if args.project else find_project(os.getcwd())
    tasks = _chosen(read_tasks(path), names)
    _check_distinct(tasks)
    os.chdir(os.path.dirname(path))  # paths in the file, and in messages about them, are relative to it
    more = list(_forwarded(args))
    parsed = [(task, *convert_parser().parse([*task.argv, *more])) for task in tasks]
    say = partial(print_log, level="warning", as_json=logs_json(args))
    with outlets(args, say) as listeners:
        return max(_codes(args, parsed, listeners), default=0)


def _codes(
    args: argparse.Namespace,
    parsed: Iterable[tuple[ProjectTask, argparse.Namespace, list[str]]],
    listeners: Sequence[Listener],
) -> Iterator[int]:
    """The exit codes of the tasks, until one is interrupted."""
    for task, found, rest in parsed:
        if rest:
            raise UsageError(f"{rest[0]!r} is no option.", fix="Inputs stand under the key inputs.")
        if task.name and not (args.quiet or args.json):
            said = f"{task.name}:"
            if has_free_stdout(args) and not logs_json(args):
                print(said)
            else:
                print_log(said, as_json=logs_json(args), task=task.name)
        found.events, found.outlets = args.events, listeners
        yield (code := convert_with(found, task.inputs, task.recipe, f"imgpar run {task.name}".rstrip()))
        if code == 130:
            return


def find_project(folder: str) -> str:
    """The path of the project file of a folder: in it, or above it within the same repository.

    Raises:
        UsageError: there is none.
    """
    at = folder
    while True:
        if os.path.isfile(path := os.path.join(at, FILE)):
            return path
        above = os.path.dirname(at)
        if above == at or os.path.lexists(os.path.join(at, ".git")):
            raise UsageError(
                f"There is no {FILE} in {folder}.", fix="Write one, or name another file with --project."
            )
        at = above


def read_tasks(path: str) -> list[ProjectTask]:
    """The tasks of a project file, in its order; raises UsageError where it cannot be used."""
    import tomllib

    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.") from None
    except RecursionError:
        raise UsageError(f"{path} is nested too deeply.") from None
    return tasks_of(data, path)


def tasks_of(data: Mapping[str, Any], path: str) -> list[ProjectTask]:
    """The tasks in the parsed TOML of a project file.

    Args:
        data: the parsed file.
        path: of the file; recipes are relative to its folder.

    Raises:
        UsageError: a key is unknown, or a value invalid.
    """
    shared = {key: value for key, value in data.items() if key != "task"}
    tables, folder = data.get("task", {}), os.path.dirname(path)
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise UsageError(f"{path} has a task that is no table.", fix="Write [task.NAME] above its keys.")
    if not tables:
        return [_task("", shared, FILE, folder)]
    return [
        _task(name, _merged(shared, table), f"task {name} of {FILE}", folder)
        for name, table in tables.items()
    ]


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a task with those that stand above all tasks; its operations follow the shared ones."""
    both = {key: [*shared[key], *own[key]] for key in _TABLES if key in shared and key in own}
    return {**shared, **own, **both}


def _task(name: str, table: Mapping[str, Any], where: str, folder: str) -> ProjectTask:
    from imgpar.recipe.recipe import Recipe

    given = dict(table)
    inputs = given.pop("inputs", None)
    inputs = [inputs] if isinstance(inputs, str) else inputs
    if not inputs:
        raise UsageError(f"{where} names no inputs.", fix='Write, for example, inputs = "photos/".')
    if not isinstance(inputs, list) or not all(isinstance(one, str) for one in inputs):
        raise UsageError(f"inputs in {where} is neither a text nor a list of texts.")
    base = given.pop("recipe", None)
    recipe = _base(base, where, folder) if base is not None else Recipe()
    tables = {key: given.pop(key) for key in _TABLES if key in given}
    settings = {key: given.pop(key) for key in [*given] if key in RECIPE_KEYS}
    more = Recipe.from_dict(tables, where, folder=folder)
    for operation in more.operations:
        recipe = recipe.then(operation)
    for output in more.outputs:
        recipe = recipe.with_output(output)
    recipe = recipe.merged(settings, label=lambda key: f"{key} in {where}")
    argv = list(_options(given, where))
    return ProjectTask(name, inputs, recipe, argv)


def _base(given: object, where: str, folder: str) -> Recipe:
    from imgpar.recipe.recipe import Recipe

    if not isinstance(given, str):
        raise UsageError(f"recipe in {where} is no text.", fix="Name a TOML file or a built-in recipe.")
    path = os.path.join(folder, given)
    is_file = os.path.isfile(path) or os.path.splitext(given)[1]
    return Recipe.load(path if is_file else given)


def _options(given: Mapping[str, Any], where: str) -> Iterator[str]:
    """The flags of `imgpar convert` for the other keys."""
    known = option_keys()
    for key, value in given.items():
        if key not in known:
            near = suggested(key, [*known, *RECIPE_KEYS, *_OWN, *_TABLES])
            fix = f"Did you mean {near!r}?" if near else "See 'imgpar convert --help'."
            raise UsageError(f"There is no key {key!r} in {where}.", fix=fix)
        if isinstance(value, list) and key in _FILES:
            raise UsageError(f"{key} in {where} is a list, but there is one.", fix="Name one.")
        flag = "--" + key.replace("_", "-")
        usual = getattr(RunOptions(), key, False)
        if isinstance(value, bool):
            if value != usual:
                yield flag if value else f"--no-{flag[2:]}"
        else:
            for one in value if isinstance(value, list) else [value]:
                yield f"{flag}={one}"


def option_keys() -> frozenset[str]:
    """The options of `imgpar convert` that may stand in the file."""
    parser = convert_parser()
    flags = {action.dest for action in parser._actions if action.option_strings}
    options = {name for name, option in RunOptions.options().items() if "run" in option.calls}
    return frozenset((options | _FILES) & flags - set(_NOT_HERE))


def _chosen(tasks: list[ProjectTask], names: Sequence[str]) -> list[ProjectTask]:
    known = {task.name: task for task in tasks if task.name}
    for name in names:
        if name not in known:
            near = suggested(name, known)
            fix = f"Did you mean {near!r}?" if near else f"Tasks are {', '.join(known) or 'not named there'}."
            raise UsageError(f"There is no task {name!r} in {FILE}.", fix=fix)
    return [known[name] for name in names] or tasks


def _check_distinct(tasks: Sequence[ProjectTask]) -> None:
    """Refuse two tasks that would replace each other's outputs in every run; raises UsageError."""
    made: dict[tuple[object, ...], str] = {}
    for task in tasks:
        out = next((os.path.normpath(arg[6:]) for arg in task.argv if arg.startswith("--out=")), "")
        names = tuple((branch.name, branch.to) for branch in task.recipe.branches())
        for given in task.inputs:
            key = (os.path.normpath(given), out, names)
            if (other := made.setdefault(key, task.name)) != task.name:
                raise UsageError(
                    f"Tasks {other} and {task.name} in {FILE} make the same files of {given}.",
                    fix="Give one of them another out, name or to.",
                )


def _forwarded(args: Any) -> Iterator[str]:
    """The flags of this call that hold for every task."""
    for name in ("dry_run", "check", "overwrite", "json", "quiet"):
        if getattr(args, name):
            yield "--" + name.replace("_", "-")
    yield from ["-v"] * args.verbose
    if args.jobs is not None:
        yield f"--jobs={args.jobs}"
    yield f"--log-format={args.log_format}"
