"""The rules of the house: who may import whom, what is exported, what start-up costs, what is documented."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import imgpar
from imgpar.ops import Operation, operation_types

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(imgpar.__file__).parent
LAYERS = [
    "core", "runtime", "pixels", "ops", "formats", "inputs", "outputs", "recipe", "video", "batch", "engines",
    "api", "torch", "ray", "desktop", "cli", "__main__", "plugin", "testing",
]  # fmt: skip
"""A room may import from itself and from those before it."""
CLOSED = {
    "runtime": {"core"},
    "pixels": {"core"},
    "ops": {"core", "pixels"},
    "formats": {"core", "pixels"},
    "inputs": {"core", "formats"},
    "desktop": {"desktop", ""},
}
"""Rooms that may import less than all before them. The window takes what the package exports."""
MOST_ROOMS = 18
MOST_SHARED_NAMES = 25

FILES = sorted(PACKAGE.rglob("*.py"))

EXPORTS = {
    "__version__",
    *(
        "concat",
        "convert",
        "Pipeline",
        "Session",
        "CancelToken",
        "Report",
        "Recipe",
        "Outcome",
        "Event",
        "Item",
    ),
    *("retry", "undo", "verify", "OutputFile", "MemorySource", "MemorySink"),
    *("describe", "PictureInfo", "ClipInfo"),
    *("compare", "Comparison", "save_report", "read_table"),
    *("dry_run", "Plan", "PlannedItem", "PlannedOutput"),
    *("frames", "ClipFrame", "FrameBatch", "VideoWriter"),
    *("estimate", "Estimate"),
    "EventLog",
    *("EncodedPicture", "OutputData"),
    "InputList",
    "watch",
    *("duplicates", "Duplicates", "DuplicateGroup", "DuplicateFile"),
    *("ImgparError", "UsageError", "BadValueError", "UnknownSettingError", "NoInputError"),
    *(
        "ItemError",
        "SourceError",
        "UnknownFormatError",
        "UnsupportedError",
        "MissingExtraError",
        "LimitError",
        "LockedError",
        "DamagedError",
    ),
    *("TransformError", "EncodeError", "CommitError", "WorkerDiedError"),
    *(
        "RunError",
        "OutputLockedError",
        "OutputError",
        "DiskFullError",
        "ArenaError",
        "CancelledError",
        "NoFileError",
        "ArrayItem",
        "Batch",
    ),
}


def module_name(path: Path) -> str:
    """imgpar/formats/jpeg/reader.py → imgpar.formats.jpeg.reader."""
    parts = ("imgpar", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = sorted(map(module_name, FILES))
KNOWN = frozenset(MODULES)


def room(name: str) -> str:
    """imgpar.formats.jpeg.reader → formats; the package itself has no room."""
    return name.split(".")[1] if "." in name else ""


ROOMS = sorted({room(name) for name in MODULES} - {"__main__"})


@cache
def importable() -> frozenset[str]:
    """The modules that can be imported here: some Pythons lack tkinter, and torch and Ray may be missing."""
    needs = {"_tkinter": "tkinter", "torch": "torch", "ray": "ray"}
    missing = [package for needed, package in needs.items() if importlib.util.find_spec(needed) is None]
    users = {
        module_name(path)
        for package in missing
        for path in FILES
        if re.search(rf"^ *(from|import) {package}\b", path.read_text("utf-8"), re.M)
    }
    return frozenset(name for name in MODULES if name not in users and not name.endswith("__main__"))


def modules_in(place: str) -> Iterator[ModuleType]:
    """The modules of a room, imported."""
    return (importlib.import_module(name) for name in MODULES if name in importable() and room(name) == place)


class Facts(NamedTuple):
    """What the rules ask about a file. Its tree is not kept: those of all files have millions of objects."""

    documented: bool
    defined: list[str]
    """Public classes and functions of the module."""
    imports: list[tuple[int, str]]
    targets: set[str]
    used: set[str]
    """Attributes of `imgpar`."""


@cache
def facts(path: Path) -> Facts:
    """A file as Python 3.11 reads it."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=path.name, feature_version=(3, 11))
    nodes = list(ast.walk(tree))
    public = (node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    attributes = (node for node in nodes if isinstance(node, ast.Attribute))
    return Facts(
        bool(ast.get_docstring(tree)),
        [node.name for node in public if not node.name.startswith("_")],
        list(imports(path, nodes)),
        set(targets(nodes)),
        {node.attr for node in attributes if is_name(node.value, "imgpar")},
    )


def imports(path: Path, nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """Line and full name of every imgpar module that a file imports, inside functions too."""
    package = ["imgpar", *path.relative_to(PACKAGE).parts[:-1]]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.startswith("imgpar"))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            full = ".".join([*base, *([node.module] if node.module else [])])
            if full == "imgpar":
                yield from ((node.lineno, f"imgpar.{alias.name}") for alias in node.names)
            elif full.startswith("imgpar."):
                yield node.lineno, full
        elif isinstance(node, ast.Constant) and re.fullmatch(
            r"imgpar(?!\.toml$)(\.[a-z_]+)+", str(node.value)
        ):
            yield node.lineno, node.value  # for importlib.import_module


def against_the_order(path: Path) -> list[str]:
    """The imports of a file from rooms after its own."""
    here = room(module_name(path))
    if not here:
        return []  # the package itself only exports what others define
    allowed = {here, *CLOSED.get(here, LAYERS[: LAYERS.index(here)])}
    where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return [f"{where}:{line}: {name}" for line, name in facts(path).imports if room(name) not in allowed]


def test_imports_flow_one_way() -> None:
    wrong = [problem for path in FILES for problem in against_the_order(path)]
    assert not wrong, "\n".join(wrong)


@cache
def graph() -> dict[str, set[str]]:
    """Module → the modules that it imports, inside functions too."""
    return {module_name(path): facts(path).targets for path in FILES}


def targets(nodes: list[ast.AST]) -> Iterator[str]:
    """`from imgpar.x import y` is the module y, where y is one, else x."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in KNOWN)
        elif isinstance(node, ast.ImportFrom) and node.module in KNOWN:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in KNOWN else node.module


def reached(start: str) -> set[str]:
    """All modules that one imports, and those that they import."""
    seen, todo = set[str](), [start]
    while todo:
        for name in graph()[todo.pop()] - seen:
            seen.add(name)
            todo.append(name)
    return seen


def test_there_are_no_import_cycles() -> None:
    assert [name for name in sorted(graph()) if name in reached(name)] == []


def test_few_names_stand_at_the_top() -> None:
    assert len({room(name) for name in MODULES} - {"", "__main__"}) <= MOST_ROOMS


def test_a_name_says_which_thing_is_meant() -> None:
    where: dict[str, set[str]] = {}  # a function with overloads is one thing
    for path in FILES:
        for name in facts(path).defined:
            where.setdefault(name, set()).add(module_name(path))
    shared = {name: modules for name, modules in where.items() if len(modules) > 1}
    assert len(shared) <= MOST_SHARED_NAMES, shared


def beyond_the_exports(path: Path) -> set[str]:
    """What a file of the window uses of imgpar and is not exported."""
    own = {name for name in MODULES if name.startswith("imgpar.desktop")}
    allowed = own | {"imgpar"} | {f"imgpar.{name}" for name in imgpar.__all__}
    found = {name for _, name in facts(path).imports}
    imported = {name for name in found if name not in allowed and name.rpartition(".")[0] not in own}
    return imported | (facts(path).used - {*imgpar.__all__, "desktop"})


def test_the_window_is_a_client_like_any_other() -> None:
    files = sorted((PACKAGE / "desktop").glob("*.py"))
    assert files
    assert {path.name: found for path in files if (found := beyond_the_exports(path))} == {}


def is_name(node: ast.AST, name: str) -> bool:
    """Whether this is just that name."""
    return isinstance(node, ast.Name) and node.id == name


def test_every_room_has_its_place() -> None:
    assert {room(name) for name in MODULES} - {""} == set(LAYERS)


def test_the_architecture_page_lists_the_rooms_in_this_order() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    listed = [name.rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert listed == [name for name in LAYERS if name != "__main__"]


def test_the_architecture_page_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    quoted = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)+)(?:\.py|\.[A-Z]\w+|/)?`", text))
    chains = set(re.findall(r"(?<![\w/.])([a-z]+(?:/[a-z_]+)+)(?= ─►)", text))
    inside = [name for name in sorted(quoted | chains) if not (ROOT / f"{name}.py").exists()]
    paths = [PACKAGE / name for name in inside]
    missing = [str(path) for path in paths if not path.is_dir() and not path.with_suffix(".py").exists()]
    assert missing == []


def test_the_exports_are_the_documented_ones() -> None:
    assert set(imgpar.__all__) | {"__version__"} == EXPORTS


def test_every_export_is_there() -> None:
    assert [name for name in sorted(EXPORTS) if getattr(imgpar, name, None) is None] == []
    assert set(dir(imgpar)) >= EXPORTS


def imported_by(*arguments: str) -> set[str]:
    """Top-level packages that Python imports when it is started like this."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
    )
    lines = [line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if "|" in line]
    return {line.partition(".")[0] for line in lines}


HEAVY = {"numpy", "cv2", "PIL", "av", "tqdm", "simplejpeg", "imageio_ffmpeg", "cloudpickle"}


@pytest.mark.parametrize(
    "arguments",
    [("-c", "import imgpar"), ("-m", "imgpar", "--help"), ("-m", "imgpar", "convert", "--help")],
    ids=" ".join,
)
def test_start_up_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    loaded = imported_by(*arguments)
    assert "imgpar" in loaded
    assert not loaded & HEAVY


ELSEWHERE = {"asyncio", "concurrent", "fsspec", "logging", "obstore", "paramiko", "py7zr", "pyarrow"}
ELSEWHERE |= {"tarfile", "urllib3", "watchfiles", "zipfile"}


def test_a_run_from_folder_to_folder_imports_nothing_for_other_places(
    tmp_path: Path, photo_folder: Callable[..., Path]
) -> None:
    folder, out = photo_folder("a.jpg"), tmp_path / "out"
    loaded = imported_by("-m", "imgpar", "convert", str(folder), "-o", str(out), "--to", "png")
    assert "sqlite3" in loaded  # the journal: it was a run
    assert not loaded & ELSEWHERE


def test_a_module_is_python_3_11_and_says_what_it_is() -> None:
    wrong = [module_name(path) for path in FILES if not facts(path).documented]
    assert not wrong, "\n".join(wrong)


def wrong_examples(module: ModuleType) -> int:
    """How many examples in the docstrings of a module print something else; doctest shows which ones."""
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    # Each run looks at every file that was imported, with no example, too.
    tests = (test for test in doctest.DocTestFinder().find(module) if test.examples)
    return sum(runner.run(test).failed for test in tests)


@pytest.mark.parametrize("place", ROOMS, ids=lambda place: place or "imgpar")
def test_the_examples_in_docstrings_are_true(place: str) -> None:
    assert [module.__name__ for module in modules_in(place) if wrong_examples(module)] == []


def public(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Name and object of every public function and class that a module defines, and of their methods."""
    for name, value in vars(module).items():
        own = getattr(value, "__module__", None) == module.__name__
        if name.startswith("_") or not own or not (inspect.isclass(value) or inspect.isroutine(value)):
            continue
        yield name, value
        if inspect.isclass(value):
            inherited = {attribute for base in value.__mro__[1:] for attribute in vars(base)}
            for method, body in vars(value).items():
                function = getattr(body, "__func__", body)
                is_code = inspect.isfunction(function) or isinstance(body, property)
                if is_code and not method.startswith("_") and method not in inherited:
                    yield f"{name}.{method}", function


@pytest.mark.parametrize("place", ROOMS, ids=lambda place: place or "imgpar")
def test_everything_public_has_a_docstring(place: str) -> None:
    found = ((module.__name__, *each) for module in modules_in(place) for each in public(module))
    wrong = [f"{module}.{thing}" for module, thing, value in found if not inspect.getdoc(value)]
    assert not wrong, "\n".join(wrong)


def unexplained(kind: type[Operation]) -> list[str]:
    """What an operation lacks: a docstring of its own, a summary, the help of an option."""
    text = kind.__doc__ or ""
    own = text and not text.startswith(f"{kind.__name__}(")  # what dataclass writes when there is none
    lacks = [] if own else ["docstring"]
    lacks += [] if kind.summary else ["summary"]
    return lacks + [name for name, option in kind.options().items() if not option.help]


def test_an_operation_explains_itself_and_its_options() -> None:
    assert {name: lacks for name, kind in operation_types().items() if (lacks := unexplained(kind))} == {}


def shipped_text() -> list[Path]:
    """Every text file of the repository that people read or run."""
    folders = ["imgpar", "tests", "scripts", "docs", "bench", "examples", ".ci"]
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    found += [path for path in ROOT.iterdir() if path.suffix in (".md", ".toml", ".lock", ".cfg")]
    hidden = {"__pycache__", "venv", ".venv", ".imgpar", ".hypothesis"}
    return sorted(path for path in found if not hidden & set(path.parts) and path.suffix != ".pyc")


def test_no_file_knows_the_machine_of_a_developer() -> None:
    # Examples may speak of the home of me or ana; other names are those of a real machine.
    private = re.compile(r"/(?:home|Users)/(?!me\b|ana\b)\w|/wor[k]/|/roo[t]/|[A-Z]:\\Users\\\w")
    wrong = []
    for path in shipped_text():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        wrong += [f"{path.relative_to(ROOT)}: {match[0]}" for match in private.finditer(text)]
    assert wrong == []


@cache
def document_checker() -> ModuleType:
    """scripts/check_docs.py, imported."""
    spec = importlib.util.spec_from_file_location("check_docs", ROOT / "scripts" / "check_docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_documents_are_true() -> None:
    assert document_checker().problems() == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[x](nowhere.md)", "leads nowhere"),
        ("[x](#not-there)", "no heading"),
        ("```python\nif:\n```\n", "does not compile"),
        ("```python\n>>> 1 + 1\n3\n```\n", "prints something else"),
        ("```toml\na = = 1\n```\n", "toml at line 1"),
        ("```sh\nimgpar concert a -o b\n```\n", "no 'imgpar concert'"),
        ("```sh\nimgpar convert a -o b --qualty 3\n```\n", "no --qualty"),
        ("```sh\npython scripts/gone.py\n```\n", "does not exist"),
    ],
)
def test_the_checker_of_documents_sees(
    text: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "page.md"
    document.write_text(text, encoding="utf-8")
    checks = document_checker().CHECKS
    assert any(complaint in problem for check in checks for problem in check(document))
