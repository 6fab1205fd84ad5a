"""What other packages add: the example package, and packages that cannot be used."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from plugin_packages import OPERATION, install_example, write_package

import imgpar
from imgpar import cli, ops, plugin
from imgpar.core import parsing, plugins
from imgpar.core.spec import Frame, Header, Spec
from imgpar.formats import codec
from imgpar.inputs.batches import known_suffix
from imgpar.testing import check_format, check_operation, pattern

HALF = "0.5"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_example(tmp_path_factory.mktemp("example"))


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Put a folder with packages on the path; what was loaded from there is forgotten afterwards."""
    before = {*sys.modules}
    monkeypatch.setattr(ops, "_added", {})
    monkeypatch.setattr(ops, "_known", {})

    def put(folder: Path) -> None:
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
        importlib.invalidate_caches()
        known_suffix.cache_clear()

    yield put
    known_suffix.cache_clear()
    for name in {*sys.modules} - before:
        if name.partition(".")[0] in ("imgpar_example", "broken", "other"):
            del sys.modules[name]


@pytest.fixture
def plugged(example: Path, use: Callable[[Path], None]) -> Path:
    use(example)
    return example


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.fromarray(pattern(32, 24)).save(path)
    return path


def solarised(path: Path, strength: float = 1.0) -> np.ndarray:
    values = np.asarray(Image.open(path)).astype(np.float64)
    return np.rint(np.where(values >= 127.5, values + strength * (255 - 2 * values), values))


def run_cli(example: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with the example on its path."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(example), *sys.path])}
    command = [sys.executable, "-m", "imgpar", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True)


# ----- operations -------------------------------------------------------------------------------------


def test_a_flag_of_the_command_line(example: Path, picture: Path) -> None:
    done = run_cli(
        example, picture.parent, "convert", "a.png", "-o", "b.png", "--solarise", HALF, "--strength", "0.5"
    )
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.asarray(Image.open(picture.parent / "b.png")), solarised(picture, 0.5))


def test_a_method_in_this_process(plugged: Path, picture: Path) -> None:
    data = imgpar.Pipeline().solarise(0.5).encode(picture.read_bytes(), to="png")  # type: ignore[attr-defined]
    (picture.parent / "b.png").write_bytes(data)
    assert np.array_equal(np.asarray(Image.open(picture.parent / "b.png")), solarised(picture))


@pytest.mark.parametrize(
    "method",
    [pytest.param("forkserver", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux")), "spawn"],
)
def test_two_workers(method: str, plugged: Path, picture: Path, tmp_path: Path) -> None:
    (picture.parent / "b.png").write_bytes(picture.read_bytes())
    with imgpar.Session(jobs=2, start_method=method) as session:
        report = session.run(
            imgpar.Pipeline(), [picture, tmp_path / "b.png"], tmp_path / "out", solarise=HALF, strength=0.5
        )
    assert (report.ok, report.failed) == (2, 0)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "b.png")), solarised(picture, 0.5))


def test_a_keyword_and_its_field(plugged: Path) -> None:
    recipe = imgpar.api.settings.resolve(imgpar.Recipe(), {"solarise": HALF, "strength": 0.5})[0]
    assert recipe.operations == imgpar.Pipeline().solarise(0.5, strength=0.5).recipe.operations  # type: ignore[attr-defined]


def test_a_mistyped_method_is_told_the_name_of_the_plugin(plugged: Path) -> None:
    with pytest.raises(AttributeError, match="Did you mean 'solarise'"):
        imgpar.Pipeline().solarize  # type: ignore[attr-defined]  # noqa: B018


def test_a_mistyped_keyword_is_told_the_name_of_the_plugin(plugged: Path, picture: Path) -> None:
    with pytest.raises(imgpar.UsageError, match="Did you mean 'solarise'"):
        imgpar.Pipeline().encode(picture.read_bytes(), solarize=HALF)  # type: ignore[call-arg]


def test_a_mistyped_flag_is_told_the_name_of_the_plugin(plugged: Path, capsys) -> None:
    assert cli.main(["convert", "a.png", "-o", "b.png", "--solarize", HALF]) == 2
    assert "Did you mean --solarise?" in capsys.readouterr().err


def test_a_wrong_value_is_refused_like_any_other(plugged: Path) -> None:
    with pytest.raises(imgpar.BadValueError, match="solarise"):
        imgpar.Pipeline().solarise(7)  # type: ignore[attr-defined]


def test_a_pipeline_with_it_is_pickled(plugged: Path) -> None:
    pipe = imgpar.Pipeline().solarise(0.5)  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(pipe)) == pipe


def test_help_lists_it_with_its_package(plugged: Path, capsys) -> None:
    cli.main(["convert", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert (
        "--solarise SHARE invert values from this share of white on (modifiers: --strength) [imgpar-example]"
        in shown
    )


def test_ops_lists_it_with_its_package(plugged: Path, capsys) -> None:
    assert cli.main(["ops", "solarise"]) == 0
    assert "invert values from this share of white on [imgpar-example 1.2]" in capsys.readouterr().out


def test_ops_as_json_names_the_package(plugged: Path, capsys) -> None:
    cli.main(["ops", "solarise", "grey", "--json"])
    facts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(fact["name"], fact["package"]) for fact in facts] == [
        ("solarise", "imgpar-example"), ("grey", "imgpar"),
    ]  # fmt: skip


# ----- recipes ----------------------------------------------------------------------------------------


def test_a_saved_recipe_names_the_package(plugged: Path, tmp_path: Path) -> None:
    recipe = imgpar.Pipeline().solarise(0.5).recipe  # type: ignore[attr-defined]
    recipe.save(tmp_path / "look.toml")
    assert (tmp_path / "look.toml").read_text().startswith('requires = ["imgpar-example>=1.2"]\n')
    assert imgpar.Recipe.load(tmp_path / "look.toml") == recipe


def test_a_recipe_says_which_package_is_missing(tmp_path: Path) -> None:
    text = 'requires = ["imgpar-example>=1.2"]\n[[operations]]\nsolarise = 0.5\n'
    (tmp_path / "look.toml").write_text(text)
    with pytest.raises(imgpar.UsageError) as caught:
        imgpar.Recipe.load(tmp_path / "look.toml")
    assert str(caught.value).startswith(
        f"The operation solarise of {tmp_path / 'look.toml'} is of the package imgpar-example>=1.2, "
        "which is not installed."
    )
    assert 'pip install "imgpar-example>=1.2"' in caught.value.fix


def test_a_recipe_says_which_packages_are_missing(tmp_path: Path) -> None:
    (tmp_path / "look.toml").write_text('requires = ["imgpar-one", "imgpar-two>=2"]\n')
    with pytest.raises(imgpar.UsageError, match="the packages imgpar-one and imgpar-two>=2, which are not"):
        imgpar.Recipe.load(tmp_path / "look.toml")


@pytest.mark.parametrize(("least", "fits"), [("1", True), ("1.2.0", True), ("1.3", False), ("1.10", False)])
def test_a_recipe_asks_for_a_version(least: str, fits: bool, plugged: Path) -> None:
    assert (plugins.unmet([f"imgpar-example>={least}"]) == []) == fits


def test_a_recipe_with_operations_of_imgpar_requires_nothing() -> None:
    assert "requires" not in imgpar.Pipeline().grey().recipe.to_toml()


@pytest.mark.parametrize("requires", ['"imgpar-example"', '["imgpar-example<2"]', "[1]", '[""]'])
def test_a_wrong_requirement_is_refused(requires: str, tmp_path: Path) -> None:
    (tmp_path / "look.toml").write_text(f"requires = {requires}\n")
    with pytest.raises(imgpar.BadValueError, match=r"requires in .*look\.toml"):
        imgpar.Recipe.load(tmp_path / "look.toml")


# ----- packages that cannot be used -------------------------------------------------------------------

BROKEN = {
    "its module broken cannot be imported: ModuleNotFoundError": "import nonsense_of_nobody",
    r"its module broken cannot be imported: ZeroDivisionError": "1 / 0",
    r"broken does not say for which interface it was written \(IMGPAR_API = 1\)": OPERATION.replace(
        "IMGPAR_API = 1", ""
    ),
    "broken was written for interface 2, and this version has 1": OPERATION.replace("API = 1", "API = 2"),
    "broken has no Nothing": OPERATION.replace("class Nothing", "class Something"),
    "broken:Nothing is no class that derives from imgpar.plugin.Operation": "IMGPAR_API, Nothing = 1, 2",
    "its class Nothing has the name 'noting'": OPERATION.replace('"nothing"', '"noting"'),
    "its class Nothing has no summary": OPERATION.replace('"keep everything"', '""'),
    "its class Nothing is no frozen dataclass": OPERATION.replace("(frozen=True)", "(frozen=True)").replace(
        "@dataclass(frozen=True)\n", ""
    ),
    "its field amount is not declared with option": OPERATION.replace(
        'option(number(0, 1), "how much of it", default=1.0)', "1.0"
    ),
    "its field timeout has the name of a setting of imgpar, so it needs another name": OPERATION.replace(
        "amount:", "timeout:"
    ),
    "its field blur has the name of an operation, so it needs another name": OPERATION.replace(
        "amount:", "blur:"
    ),
    "its field nothing has the name of an operation, so it needs another name": OPERATION.replace(
        "amount:", "nothing:"
    ),
    "its class Nothing has neither apply nor settled": OPERATION.replace("def apply", "def applied"),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_package_is_one_sentence(why: str, tmp_path: Path, use: Callable[[Path], None]) -> None:
    use(
        write_package(
            tmp_path, "imgpar-bad", "broken", code=BROKEN[why], operations="nothing = broken:Nothing"
        )
    )
    expected = rf"^The operation nothing is of the package imgpar-bad 1.0, which cannot be used: {why}"
    with pytest.raises(imgpar.UsageError, match=expected) as caught:
        imgpar.Pipeline().nothing()  # type: ignore[attr-defined]
    assert caught.value.fix == "Update the package, or remove it: pip uninstall imgpar-bad"


@pytest.mark.parametrize("name", ["run", "quality", "timeout", "recipe"])
def test_names_of_settings_and_methods_are_taken(
    name: str, tmp_path: Path, use: Callable[[Path], None]
) -> None:
    code = OPERATION.replace('"nothing"', f'"{name}"')
    use(write_package(tmp_path, "imgpar-bad", "broken", code=code, operations=f"{name} = broken:Nothing"))
    with pytest.raises(imgpar.UsageError, match="that is the name of a setting or method of imgpar"):
        ops.find_operation(name)


def test_the_operation_of_imgpar_keeps_its_name(tmp_path: Path, use: Callable[[Path], None]) -> None:
    use(write_package(tmp_path, "imgpar-bad", "broken", code="1 / 0", operations="grey = broken:Grey"))
    assert imgpar.Pipeline().grey().recipe.operations[0].__class__.__module__ == "imgpar.ops.grey"


def test_ops_tells_of_broken_packages_and_lists_the_others(
    tmp_path: Path, use: Callable[[Path], None], capsys
) -> None:
    points = "nothing = broken:Nothing\ngrey = broken:Grey"
    use(write_package(tmp_path, "imgpar-bad", "broken", operations=points))
    assert cli.main(["ops"]) == 0
    shown = capsys.readouterr()
    assert "--resize" in shown.out
    assert [line.partition(" is of")[0] for line in shown.err.splitlines()] == [
        "imgpar: The operation nothing", "imgpar: The operation grey",
    ]  # fmt: skip


def test_a_run_that_does_not_name_it_does_not_notice(
    tmp_path: Path, use: Callable[[Path], None], picture: Path
) -> None:
    folder = write_package(tmp_path / "site", "imgpar-bad", "broken", operations="nothing = broken:Nothing")
    use(folder)
    assert imgpar.Pipeline().grey().encode(picture.read_bytes(), to="png")[:4] == b"\x89PNG"


def test_two_packages_with_one_name(tmp_path: Path, use: Callable[[Path], None]) -> None:
    for name in ("imgpar-one", "imgpar-two"):
        write_package(tmp_path, name, "broken", code=OPERATION, operations="nothing = broken:Nothing")
    use(tmp_path)
    with pytest.raises(imgpar.UsageError, match="is added by two packages, imgpar-one and imgpar-two"):
        imgpar.Pipeline().nothing()  # type: ignore[attr-defined]


def test_nothing_is_looked_for_where_no_unknown_name_is_met(example: Path, picture: Path) -> None:
    script = (
        "import imgpar, sys; from imgpar.core import plugins\n"
        "imgpar.Pipeline().resize(8).encode(open('a.png', 'rb').read(), to='webp', quality=50)\n"
        "print(plugins._found.cache_info().currsize)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(example), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=picture.parent, env=environment, text=True, capture_output=True
    )
    assert done.stdout.split() == ["0"], done.stderr


# ----- formats ----------------------------------------------------------------------------------------


@pytest.fixture
def farbfeld(picture: Path) -> Path:
    """A file of the format of the example, with 16 bits."""
    values = np.dstack([pattern(32, 24).astype(">u2") * 257, np.full((24, 32), 65535, ">u2")])
    path = picture.parent / "b.ff"
    path.write_bytes(b"farbfeld" + (32).to_bytes(4, "big") + (24).to_bytes(4, "big") + values.tobytes())
    return path


def test_a_folder_with_its_files_is_converted(example: Path, farbfeld: Path, tmp_path: Path) -> None:
    done = run_cli(example, tmp_path, "convert", ".", "-o", "out", "--to", "png", "--grey", "-j", "2")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out" / "b.png") as made:
        assert made.size == (32, 24)


@pytest.mark.parametrize(
    "method",
    [pytest.param("forkserver", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux")), "spawn"],
)
def test_it_is_written_by_two_workers(method: str, plugged: Path, picture: Path, farbfeld: Path) -> None:
    out = picture.parent / "out"
    with imgpar.Session(jobs=2, start_method=method) as session:
        report = session.run(imgpar.Pipeline(), [picture, farbfeld], out, to="farbfeld", on_exists="rename")
    assert (report.ok, report.failed) == (2, 0), report.items
    assert (out / "a.ff").read_bytes() == farbfeld.read_bytes()


def test_content_decides_without_a_suffix(plugged: Path, farbfeld: Path) -> None:
    assert imgpar.Pipeline().encode(farbfeld.read_bytes(), to="png")[:4] == b"\x89PNG"


def test_a_decoder_says_what_is_damaged(plugged: Path, farbfeld: Path) -> None:
    with pytest.raises(imgpar.DamagedError, match="3,000 of 3,072 values are there"):
        imgpar.Pipeline().encode(farbfeld.read_bytes()[:-144], to="png")


def test_damage_is_accepted_where_asked_for(plugged: Path, farbfeld: Path) -> None:
    data = imgpar.Pipeline().encode(farbfeld.read_bytes()[:-144], to="png", accept_damaged=True)
    (farbfeld.parent / "c.png").write_bytes(data)
    assert np.asarray(Image.open(farbfeld.parent / "c.png").convert("RGBA"))[-1, -1, 3] == 0


def test_info_describes_it(example: Path, farbfeld: Path) -> None:
    done = run_cli(example, farbfeld.parent, "info", "b.ff", "--json")
    assert json.loads(done.stdout)["format"] == "farbfeld", done.stderr


def test_formats_lists_it_with_its_package(plugged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["formats"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("farbfeld")]
    assert line.split() == ["farbfeld", "yes", "yes", "yes", "-", "always", "ff", "[imgpar-example]"]


def test_a_mistyped_format_is_told_its_name(plugged: Path, picture: Path) -> None:
    with pytest.raises(imgpar.BadValueError, match="Did you mean 'farbfeld'"):
        imgpar.Pipeline().encode(picture.read_bytes(), to="farbfelt")


RECORD = """\
from imgpar.plugin import Format

IMGPAR_API = 1
OURS = Format(
    "ours", "Ours", ("our",), "image/x-ours", magic=((0, b"ours"),), readers=("broken",), layouts=("L",),
)
"""
BROKEN_RECORDS = {
    "its module broken cannot be imported: ZeroDivisionError": "1 / 0",
    "broken does not say for which interface it was written": RECORD.replace("IMGPAR_API", "API"),
    "broken:OURS is no imgpar.plugin.Format": "IMGPAR_API = OURS = 1",
    "its record has the name 'theirs'": RECORD.replace('"ours"', '"theirs"', 1),
    "its record has a kind, twin or pillow": RECORD.replace("readers", 'twin="tiff", readers'),
    "suffixes, readers and writers have to be tuples": RECORD.replace('("our",)', '"our"'),
    "its suffixes have to be of small letters, without dots": RECORD.replace('("our",)', '(".our",)'),
    "jpg is the name or suffix of another format": RECORD.replace('("our",)', '("our", "jpg")'),
    "its record has neither readers nor writers": RECORD.replace('readers=("broken",), ', ""),
    "its magic has to be of pairs": RECORD.replace("(0,", "(510,"),
    "qality among takes is no setting": RECORD.replace("readers", 'takes=frozenset({"qality"}), readers'),
    "its layouts or dtypes are not those of imgpar": RECORD.replace('("L",)', '("CMYK",)'),
}


@pytest.mark.parametrize("why", BROKEN_RECORDS)
def test_a_broken_format_is_one_sentence(why: str, tmp_path: Path, use: Callable[[Path], None]) -> None:
    use(
        write_package(
            tmp_path, "imgpar-bad", "broken", code=BROKEN_RECORDS[why], formats="ours = broken:OURS"
        )
    )
    expected = rf"^The format ours is of the package imgpar-bad 1.0, which cannot be used: {why}"
    with pytest.raises(imgpar.UsageError, match=expected):
        imgpar.Pipeline().encode(b"GIF89a", to="ours")


def test_a_broken_format_does_not_touch_other_files(
    tmp_path: Path, use: Callable[[Path], None], picture: Path
) -> None:
    (tmp_path / "notes.our").write_bytes(b"ours")
    use(write_package(tmp_path / "site", "imgpar-bad", "broken", code="1 / 0", formats="ours = broken:OURS"))
    report = imgpar.convert(tmp_path, tmp_path / "out", to="webp", jobs=1)
    assert (report.ok, report.failed) == (1, 0)


def test_formats_tells_of_a_broken_one(tmp_path: Path, use: Callable[[Path], None], capsys) -> None:
    use(write_package(tmp_path, "imgpar-bad", "broken", code="1 / 0", formats="ours = broken:OURS"))
    assert cli.main(["formats"]) == 0
    assert capsys.readouterr().err.startswith("imgpar: The format ours is of the package imgpar-bad 1.0")


def test_unknown_content_names_the_broken_format(tmp_path: Path, use: Callable[[Path], None]) -> None:
    use(write_package(tmp_path, "imgpar-bad", "broken", code="1 / 0", formats="ours = broken:OURS"))
    with pytest.raises(imgpar.UnknownFormatError, match="The format ours is of the package imgpar-bad"):
        imgpar.Pipeline().encode(b"nothing that is known", to="png", name="a.png")


def test_the_example_keeps_to_what_is_checked(plugged: Path) -> None:
    check_operation(imgpar.Pipeline().solarise(0.5).recipe.operations[0])  # type: ignore[attr-defined]
    check_format("farbfeld")


@dataclass(frozen=True)
class Faulty(ops.Operation):
    """Keep everything, with a fault."""

    name: ClassVar[str] = "faulty"
    summary: ClassVar[str] = "keep everything, with a fault"
    fault: str = plugin.option(parsing.text, "the fault", default="")

    def apply(self, src: Frame, dst: Frame) -> None:
        if self.fault == "unwritten":
            dst.array[1:] = src.array[1:]
            return
        dst.array[:] = src.array
        if self.fault == "modified":
            src.array[0] = 0


@pytest.mark.parametrize(
    ("fault", "why"), [("unwritten", "were not written"), ("modified", "the input was modified")]
)
def test_a_fault_of_an_operation_is_found(fault: str, why: str) -> None:
    check_operation(Faulty())
    with pytest.raises(AssertionError, match=why):
        check_operation(Faulty(fault))


@dataclass(frozen=True)
class Colliding(Faulty):
    """Its field is called like a setting of a run."""

    name: ClassVar[str] = "colliding"
    timeout: str = plugin.option(parsing.text, "a field", default="")


def test_an_operation_that_no_package_could_add_is_found() -> None:
    with pytest.raises(AssertionError, match="imgpar would refuse it: its field timeout has the name of a s"):
        check_operation(Colliding())


@pytest.mark.parametrize("where", ["plan", "apply"])
def test_an_error_in_an_operation_names_it(
    where: str, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise ValueError("on purpose")

    monkeypatch.setattr(Faulty, where, fail)
    with pytest.raises(imgpar.TransformError, match=r"^faulty failed: on purpose\."):
        imgpar.Pipeline().then(Faulty()).encode(picture.read_bytes(), to="png")


def test_a_fault_of_a_format_is_found(plugged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    farbfeld = importlib.import_module("imgpar_example.farbfeld")
    monkeypatch.setattr(farbfeld, "decode", lambda *_, **__: ())
    codec._backend.cache_clear()
    with pytest.raises(AssertionError, match="the pixels differ"):
        check_format("farbfeld")


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, -1)])
def test_a_reader_cannot_give_an_empty_picture(
    size: tuple[int, int], plugged: Path, farbfeld: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("imgpar_example.farbfeld")
    header = Header("farbfeld", Spec(*size, "RGBA", "uint16"))
    monkeypatch.setattr(module, "read_header", lambda *_: header)
    codec._backend.cache_clear()
    with pytest.raises(imgpar.DamagedError, match=f"its header says {size[0]}×{size[1]} pixels"):
        imgpar.Pipeline().encode(farbfeld.read_bytes(), to="png")


# ----- sources and sinks ------------------------------------------------------------------------------


def names_in(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM pictures ORDER BY name")]


def test_into_a_sink_and_out_of_the_source(example: Path, picture: Path, tmp_path: Path) -> None:
    place = f"album://{tmp_path}/photos.db"
    done = run_cli(example, tmp_path, "convert", "a.png", "-o", place, "--to", "ff,webp", "--solarise", HALF)
    assert done.returncode == 0, done.stderr
    assert names_in(tmp_path / "photos.db") == ["a.ff", "a.webp"]
    done = run_cli(example, tmp_path, "convert", place, "-o", "out", "--to", "png", "--on-exists", "rename")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 3  # two pictures, and the journal


def test_a_second_run_into_a_sink_does_nothing(plugged: Path, picture: Path, tmp_path: Path) -> None:
    place = f"album://{tmp_path}/photos.db"
    with imgpar.Session(jobs=1) as session:
        reports = [session.run(imgpar.Pipeline(), picture, place, to="webp") for _ in range(2)]
    assert [(report.ok, report.skipped) for report in reports] == [(1, 0), (0, 1)]


@pytest.mark.parametrize(
    "method",
    [pytest.param("forkserver", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux")), "spawn"],
)
def test_two_workers_read_a_source(method: str, plugged: Path, picture: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "photos.db")) as database, database:
        database.execute("CREATE TABLE pictures(name TEXT PRIMARY KEY, data BLOB)")
        rows = [(f"{number}.png", picture.read_bytes()) for number in range(3)]
        database.executemany("INSERT INTO pictures VALUES (?, ?)", rows)
    with imgpar.Session(jobs=2, start_method=method) as session:
        report = session.run(imgpar.Pipeline(), f"album://{tmp_path}/photos.db", tmp_path / "out")
    assert (report.ok, report.failed) == (3, 0)


def test_an_error_of_the_source_is_that_of_the_run(plugged: Path, tmp_path: Path) -> None:
    with pytest.raises(imgpar.SourceError, match="There is no database"):
        imgpar.convert(f"album://{tmp_path}/none.db", tmp_path / "out")


def test_formats_lists_the_schemes(plugged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["formats"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "album://" in line]
    assert [line.partition("  ")[0] for line in lines] == ["inputs come from", "outputs go to"]


def test_an_unknown_scheme_is_told_those_of_plugins(plugged: Path, tmp_path: Path) -> None:
    with pytest.raises(imgpar.UsageError, match=r"memory://, album://, or a path"):
        imgpar.convert("albun://photos.db", tmp_path / "out")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("1 / 0", "its module broken cannot be imported: ZeroDivisionError"),
        ("IMGPAR_API = 1\ndef Place(): pass", "broken:Place cannot be called with an address: TypeError"),
        ("IMGPAR_API = 1\ndef Place(*given): pass", "what broken:Place makes has no root, waits"),
    ],
)
@pytest.mark.parametrize("kind", ["source", "sink"])
def test_a_broken_place_is_one_sentence(
    kind: str, code: str, why: str, tmp_path: Path, use: Callable[[Path], None], picture: Path
) -> None:
    use(
        write_package(
            tmp_path / "site", "imgpar-bad", "broken", code=code, **{f"{kind}s": "x1 = broken:Place"}
        )
    )
    places = ("x1://a", tmp_path / "out") if kind == "source" else (picture, "x1://a")
    with pytest.raises(imgpar.UsageError, match=rf"^The {kind} x1 is of the package imgpar-bad 1.0.*: {why}"):
        imgpar.convert(*places)


# ----- imgpar doctor ----------------------------------------------------------------------------------


def checks(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    """Status and text of the checks of packages that extend imgpar, by their names."""
    cli.main(["doctor", "--json"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = ("imgpar-example", "imgpar-bad", "stubs")
    return {one["name"]: (one["status"], one["text"]) for one in found if one["name"] in names}


def test_doctor_lists_what_a_package_adds(plugged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = "operation solarise, format farbfeld, source album, sink album"
    assert checks(capsys) == {"imgpar-example": ("ok", f"1.2 ({parts})")}


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_doctor_tells_of_each_broken_part(
    kind: str, tmp_path: Path, use: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    use(write_package(tmp_path, "imgpar-bad", "broken", code="1 / 0", **{kind: "x1 = broken:X"}))
    status, text = checks(capsys)["imgpar-bad"]
    assert status == "warn"
    assert text.startswith(
        f"The {kind.removesuffix('s')} x1 is of the package imgpar-bad 1.0, which cannot be used"
    )


@pytest.mark.parametrize(
    "points",
    [{"operations": "grey = a:B"}, {"formats": "png = a:B"}, {"sources": "s3 = a:B"}, {"sinks": "s3 = a:B"}],
)
def test_doctor_tells_of_names_that_imgpar_has(
    points: dict[str, str], tmp_path: Path, use: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    use(write_package(tmp_path, "imgpar-bad", "broken", code="1 / 0", **points))
    assert "imgpar has one of that name" in checks(capsys)["imgpar-bad"][1]


# ----- the interface ----------------------------------------------------------------------------------

FIRST = """
    API Access BadValueError Batch Content DamagedError EncodeError EncodeOptions Encoded Entry Facts
    Format Frame Header ImgparError Item ItemError ItemFacts LimitError Limits LockedError Metadata
    MissingExtraError Operation OutputFile Patterns Sink Source SourceError Spec TransformError
    UnsupportedError UsageError accepts bad_value check_size choice colour content_digest damaged
    duration file_path in_folders integer number option pixels refused require switch text
"""
"""What interface 1 promises: names may be added, and without a new number none goes away."""


def test_no_name_of_the_interface_goes_away() -> None:
    assert plugins.API == 1
    assert {*FIRST.split()} <= {*plugin.__all__}
    assert all(hasattr(plugin, name) for name in plugin.__all__)


def test_importing_the_interface_loads_no_codec() -> None:
    script = "import sys, imgpar.plugin; print({'numpy', 'cv2', 'PIL'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=True)
    assert done.stdout == "set()\n"
