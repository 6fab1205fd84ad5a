"""The rules of the house: who may import whom, what is exported, what start-up costs, what is documented."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import imgpar
from imgpar.ops import operation_types

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
MODULES = sorted(
    ["imgpar", *(info.name for info in pkgutil.walk_packages([str(PACKAGE)], "imgpar."))],
)
IMPORTABLE = [name for name in MODULES if not name.endswith("__main__")]
for needed, package in (
    ("_tkinter", "tkinter"),
    ("torch", "torch"),
    ("ray", "ray"),
):  # some Pythons lack the first
    if importlib.util.find_spec(needed) is None:
        users = {
            path.stem
            for path in FILES
            if re.search(rf"^ *(from|import) {package}\b", path.read_text("utf-8"), re.M)
        }
        IMPORTABLE = [name for name in IMPORTABLE if name.rpartition(".")[2] not in users]

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
    """imgpar/codecs/jpeg.py → imgpar.formats.jpeg.reader."""
    parts = ("imgpar", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(name: str) -> str:
    """imgpar.formats.jpeg.reader → codecs; the package itself has no room."""
    return name.split(".")[1] if "." in name else ""


@cache
def syntax(path: Path) -> ast.Module:
    """The file as Python 3.11 reads it."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=path.name, feature_version=(3, 11))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every imgpar module that a file imports, inside functions too."""
    package = ["imgpar", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(syntax(path)):
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


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_flow_one_way(path: Path) -> None:
    here = room(module_name(path))
    if not here:
        return  # the package itself only exports what others define
    allowed = {here, *CLOSED.get(here, LAYERS[: LAYERS.index(here)])}
    assert [f"line {line}: {name}" for line, name in imports(path) if room(name) not in allowed] == []


@cache
def graph() -> dict[str, set[str]]:
    """Module → the modules that it imports, inside functions too."""
    return {module_name(path): set(targets(path)) for path in FILES}


def targets(path: Path) -> Iterator[str]:
    """`from imgpar.x import y` is the module y, where y is one, else x."""
    known = set(MODULES)
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


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
        for node in syntax(path).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                where.setdefault(node.name, set()).add(module_name(path))
    shared = {name: modules for name, modules in where.items() if len(modules) > 1}
    assert len(shared) <= MOST_SHARED_NAMES, shared


@pytest.mark.parametrize("path", sorted((PACKAGE / "desktop").glob("*.py")), ids=module_name)
def test_the_window_is_a_client_like_any_other(path: Path) -> None:
    own = {name for name in MODULES if name.startswith("imgpar.desktop")}
    allowed = own | {"imgpar"} | {f"imgpar.{name}" for name in imgpar.__all__}
    found = {name for _, name in imports(path)}
    assert {name for name in found if name not in allowed and name.rpartition(".")[0] not in own} == set()
    tree = ast.walk(syntax(path))
    used = {node.attr for node in tree if isinstance(node, ast.Attribute) and is_name(node.value, "imgpar")}
    assert used <= {*imgpar.__all__, "desktop"}


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


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_an_export_is_there(name: str) -> None:
    assert getattr(imgpar, name) is not None
    assert name in dir(imgpar)


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


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_module_is_python_3_11_and_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(syntax(path))


@pytest.mark.parametrize("name", IMPORTABLE)
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


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


@pytest.mark.parametrize("name", IMPORTABLE)
def test_everything_public_has_a_docstring(name: str) -> None:
    module = importlib.import_module(name)
    assert [thing for thing, value in public(module) if not inspect.getdoc(value)] == []


@pytest.mark.parametrize("name", sorted(operation_types()))
def test_an_operation_explains_itself_and_its_options(name: str) -> None:
    kind = operation_types()[name]
    assert kind.__doc__
    assert not kind.__doc__.startswith(f"{kind.__name__}(")  # what dataclass writes when there is none
    assert kind.summary
    assert all(option.help for option in kind.options().values())


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
