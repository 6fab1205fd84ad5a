"""What type checkers and editors see of the public API, and that it agrees with what happens at run time."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import pydoc
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Unpack, get_args, get_origin, get_type_hints

import pytest

import imgpar
from imgpar.api import typed
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import ARRAYS, DRY_RUN, ENCODE, RETRY, RUN, SESSION_ARRAYS, SESSION_RUN, Call
from imgpar.core import parsing
from imgpar.formats.metadata.gpx import parse_track
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Option, operation_types
from imgpar.recipe.tables import make_operation, parse_formats

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "typing"
KINDS = operation_types()
FIELDS = {key for kind in KINDS.values() for key in kind.options()}
NAMES = {
    "os": os,
    "Literal": Literal,
    "Fraction": Fraction,
    "Sequence": list,
    "Mapping": Mapping,
    "Callable": Callable,
    "Item": imgpar.Item,
}


def generator() -> ModuleType:
    """scripts/make_signatures.py, imported."""
    spec = importlib.util.spec_from_file_location("make_signatures", ROOT / "scripts" / "make_signatures.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_generated_modules_are_as_the_declarations_say():
    assert generator().stale() == []


def test_a_stale_module_is_seen(tmp_path, capsys):
    module = generator()
    module.ROOT = tmp_path
    assert module.main(["--check"]) == 1
    assert "imgpar/api/operations.py is stale" in capsys.readouterr().err


# ----- operations -------------------------------------------------------------------------------------


def test_every_operation_is_a_method_of_its_own():
    own = {name for name, _ in inspect.getmembers(imgpar.Pipeline, inspect.isfunction) if name in KINDS}
    assert own == KINDS.keys()
    with pytest.raises(AttributeError, match="rezise"):
        imgpar.Pipeline().rezise(3)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", list(KINDS))
def test_a_method_has_the_options_of_its_operation(name):
    parameters = list(inspect.signature(getattr(imgpar.Pipeline, name)).parameters.values())[1:]
    assert [parameter.name for parameter in parameters] == list(KINDS[name].options())
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters[1:])


def main_value(name: str) -> tuple[object, ...]:
    """A value for an operation, from its own example."""
    first = next(iter(KINDS[name].options().values()), None)
    return (first.example,) if first else ()


@pytest.mark.parametrize("name", list(KINDS))
def test_a_method_does_what_the_declaration_says(name):
    made = getattr(imgpar.Pipeline(), name)(*main_value(name))
    assert made.recipe.operations == (make_operation(name, *main_value(name)),)


def test_help_shows_parameters_and_what_they_mean():
    text = pydoc.render_doc(imgpar.Pipeline.resize, renderer=pydoc.plaintext)
    assert re.search(
        r"fit: .Literal\['inside', 'cover', 'contain', 'fill'\].? = 'inside'", text.replace('"', "'")
    )
    assert "allow inside to enlarge" in text


def test_a_pipeline_of_ones_own_stays_one():
    class Own(imgpar.Pipeline):
        """With a constructor of its own."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.width = width

    pipe = Own(3).resize("8").apply(lambda array: array)
    assert (type(pipe), pipe.width, len(pipe.recipe.operations)) == (Own, 3, 2)
    assert len(Own(3).recipe.operations) == 0


def test_wrong_arguments_of_a_method():
    with pytest.raises(imgpar.BadValueError, match="Did you mean 'inside'"):
        imgpar.Pipeline().resize("8", fit="insde")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="fti"):
        imgpar.Pipeline().resize("8", fti="inside")  # type: ignore[call-arg]


# ----- settings ---------------------------------------------------------------------------------------


def taken(call: Call) -> set[str]:
    return {*call.run, *call.recipe, *(KINDS.keys() | FIELDS if call.operations else ())}


@pytest.mark.parametrize(
    ("function", "settings", "call", "left_out"),
    [
        (imgpar.convert, typed.RunSettings, RUN, set()),
        (imgpar.dry_run, typed.DryRunSettings, DRY_RUN, set()),
        (imgpar.Pipeline.run, typed.RunSettings, RUN, set()),
        (imgpar.Session.run, typed.SessionRunSettings, SESSION_RUN, set()),
        (imgpar.Pipeline.arrays, typed.ArraysSettings, ARRAYS, set()),
        (imgpar.Session.arrays, typed.SessionArraysSettings, SESSION_ARRAYS, set()),
        (imgpar.Pipeline.encode, typed.EncodeSettings, ENCODE, {"to"}),
        (imgpar.retry, typed.RetrySettings, RETRY, set()),
    ],
)
def test_a_call_is_annotated_with_what_it_takes(
    function: Callable[..., Any], settings: type, call: Call, left_out: set[str]
):
    annotation = inspect.signature(function).parameters["settings"].annotation
    assert annotation in (f"Unpack[{settings.__name__}]", Unpack[settings])  # type: ignore[valid-type]
    assert get_type_hints(settings).keys() == taken(call) - left_out


def parsers() -> Iterable[tuple[str, Option]]:
    yield from RunOptions.options().items()
    yield from EncodeOptions.options().items()
    yield from (pair for kind in KINDS.values() for pair in kind.options().items())


def values_of(annotation: str, option: Option) -> Iterable[object]:
    """A value of each type in an annotation: its words, else what the example of the option says."""
    found = eval(annotation, NAMES)
    digits = re.search(r"\d+(\.\d+)?", option.example)
    number = float(digits[0]) / (100 if "%" in option.example else 1) if digits else 1.0
    if option.parse in (parsing.shared_memory, parsing.worker_memory):
        number = 1 << 30
    for part in (found,) if get_origin(found) in (Literal, tuple, Mapping) else get_args(found) or (found,):
        if get_origin(part) is Literal:
            yield from get_args(part)
        elif get_origin(part) is tuple:
            yield tuple(range(7, 7 + len(get_args(part))))
        elif option.parse is parse_track:
            yield TRACK if part == os.PathLike[str] else str(TRACK)
        elif part is str:
            yield option.example or {"LENGTH": "5%"}.get(option.metavar, "text")
        elif get_origin(part) is Mapping:
            yield {"title": option.example}
        elif get_origin(part) is list:
            yield [option.example or "*.jpg"]
        elif part == os.PathLike[str]:
            yield Path("some.file")
        else:
            yield part(number)


TRACK = Path(__file__).parents[1] / "data" / "track.gpx"


@pytest.mark.parametrize("option", [pytest.param(option, id=name) for name, option in parsers()])
def test_a_parser_takes_every_type_it_is_annotated_with(option):
    values = list(values_of(parsing.annotation_of(option.parse), option))
    assert values
    for value in values:
        option.parse(value)


def test_formats_are_text_or_a_sequence():
    assert parse_formats("webp,jpg") == parse_formats(["webp", "jpg"]) == parse_formats(("webp", "jpg"))


def test_an_unknown_setting_is_a_usage_error_and_a_type_error():
    with pytest.raises(imgpar.UsageError, match=r"no setting 'qualty'\. Did you mean 'quality'") as caught:
        imgpar.convert("in", "out", qualty=82)  # type: ignore[call-arg]
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, imgpar.UnknownSettingError)


def test_no_module_has_the_name_of_a_public_function():
    package = Path(imgpar.__file__).parent
    modules = {path.stem for path in package.iterdir()}
    assert modules & set(imgpar.__all__) == set()


def test_public_functions_stay_functions_whatever_is_imported():
    names = ("convert", "retry", "undo", "verify", "dry_run", "describe", "frames")
    code = (
        "import imgpar.api.retry, imgpar.api.frames, imgpar.api.describe, imgpar.cli.undo, imgpar, inspect\n"
        f"assert all(inspect.isfunction(getattr(imgpar, name)) for name in {names})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def public_calls() -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Name, function and docstring of everything that is called by its public name."""
    for name in imgpar.__all__:
        value = getattr(imgpar, name)
        if inspect.isfunction(value):
            yield name, value, inspect.getdoc(value) or ""
        elif not hasattr(value, "__dataclass_fields__") and not issubclass(value, (tuple, Exception)):
            yield name, value.__init__, inspect.getdoc(value) or ""
        if inspect.isclass(value):
            for method, function in inspect.getmembers(value, inspect.isfunction):
                if not method.startswith("_") and function.__module__ != "imgpar.batch.workers":
                    yield f"{name}.{method}", function, inspect.getdoc(function) or ""


CALLS = {name: (function, text) for name, function, text in public_calls()}


@pytest.mark.parametrize("name", list(CALLS))
def test_a_call_with_many_parameters_explains_them(name):
    function, text = CALLS[name]
    parameters = {key for key in inspect.signature(function).parameters if key != "self"}
    if len(parameters) < 4:
        return
    lines = text.partition("Args:\n")[2].partition("\n\n")[0].splitlines()
    explained = {word for line in lines for word in line.strip().partition(":")[0].split(", ")}
    assert parameters <= explained
    assert "Raises:" in text
    assert ">>>" in text


# ----- what a user's script is told -------------------------------------------------------------------


def marked(path: Path) -> set[tuple[str, int]]:
    """Name and line of what is to be reported."""
    lines = path.read_text("utf-8").splitlines()
    return {(path.name, number) for number, line in enumerate(lines, 1) if line.endswith("# error")}


EXPECTED = marked(SCRIPTS / "right.py") | marked(SCRIPTS / "wrong.py")


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The scripts in a project of their own, which has no settings of checkers."""
    for path in SCRIPTS.glob("*.py"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_the_scripts_are_marked():
    assert marked(SCRIPTS / "right.py") == set()
    assert len(EXPECTED) > 40


@pytest.mark.timeout(300)
@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_reports_the_wrong_lines_and_no_others(scripts, request):
    cache = getattr(request.config, "cache", None)  # none with -p no:cacheprovider
    known = cache.mkdir("mypy") if cache else scripts / "cache"
    run = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--strict", "--config-file=", "--python-version=3.12",
            "--follow-imports=silent", "--no-pretty", f"--cache-dir={known}",
            "right.py", "wrong.py",
        ],
        capture_output=True, text=True, cwd=scripts, env={**os.environ, "MYPYPATH": str(ROOT)},
    )  # fmt: skip
    found = re.findall(r"^(\w+\.py):(\d+): error", run.stdout, re.MULTILINE)
    assert {(name, int(line)) for name, line in found} == EXPECTED, run.stdout + run.stderr


@pytest.mark.timeout(300)
@pytest.mark.skipif(importlib.util.find_spec("basedpyright") is None, reason="basedpyright is not installed")
def test_pyright_reports_the_wrong_lines_and_no_others(scripts):
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT)], "pythonVersion": "3.12"}
    (scripts / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable, "-p", "."],
        capture_output=True, text=True, cwd=scripts,
    )  # fmt: skip
    said = json.loads(run.stdout)["generalDiagnostics"]
    found = {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in said}
    assert found == EXPECTED, run.stdout + run.stderr
