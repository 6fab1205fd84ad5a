"""`imgpar run`: tasks from imgpar.toml."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from imgpar.cli import main
from imgpar.cli.project import find_project, read_tasks
from imgpar.core.errors import UsageError

TWO = """
quality = 60
[task.small]
inputs = "photos/"
out = "small"
[[task.small.operations]]
resize = "8"
[task.grey]
inputs = ["photos/a.png"]
out = "grey"
to = "jpg"
[[task.grey.operations]]
grey = true
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two pictures in `photos`."""
    (tmp_path / "photos").mkdir()
    (tmp_path / ".git").mkdir()
    for name in "ab":
        Image.new("RGB", (16, 8), "red").save(tmp_path / "photos" / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> str:
    (folder / "imgpar.toml").write_text(text, encoding="utf-8")
    return str(folder / "imgpar.toml")


def made(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".imgpar" not in path.parts)
    return sorted(str(path.relative_to(folder)) for path in files if path.parent.name != "photos")


def test_all_tasks_are_run(project):
    write(project, TWO)
    assert main(["run", "-q"]) == 0
    assert made(project) == ["grey/a.jpg", "imgpar.toml", "small/a.png", "small/b.png"]
    with Image.open(project / "small" / "a.png") as small, Image.open(project / "grey" / "a.jpg") as grey:
        assert (small.size, grey.mode) == ((8, 4), "L")


def test_a_named_task_is_run_alone(project):
    write(project, TWO)
    assert main(["run", "grey", "-q"]) == 0
    assert made(project) == ["grey/a.jpg", "imgpar.toml"]


def test_a_dry_run_of_all_tasks_writes_nothing(project):
    write(project, TWO)
    assert main(["run", "-n"]) == 0
    assert made(project) == ["imgpar.toml"]


def test_paths_are_relative_to_the_file(project, monkeypatch):
    write(project, 'inputs = "photos/"\nout = "web"\nto = "webp"\n')
    monkeypatch.chdir(project / "photos")
    assert main(["run", "-q"]) == 0
    assert made(project) == ["imgpar.toml", "web/a.webp", "web/b.webp"]


def test_the_file_is_not_looked_for_above_the_repository(project):
    inner = project / "inner"
    (inner / ".git").mkdir(parents=True)
    write(project, TWO)
    with pytest.raises(UsageError, match=r"There is no imgpar\.toml in"):
        find_project(str(inner))


def test_a_recipe_file_is_relative_to_the_project_and_its_keys_give_way(project):
    (project / "tiny.toml").write_text(
        'to = "webp"\nquality = 10\n[[operations]]\nresize = "4"\n', encoding="utf-8"
    )
    path = write(project, 'inputs = "photos/"\nout = "web"\nrecipe = "tiny.toml"\nquality = 70\n')
    (task,) = read_tasks(path)
    assert (task.recipe.to, task.recipe.encode.quality, len(task.recipe.operations)) == (("webp",), 70, 1)


def test_options_of_the_run_are_given_by_their_names(project):
    path = write(
        project, 'inputs = "photos/"\nout = "web"\non_exists = "error"\nexclude = ["b*"]\nstrict = true\n'
    )
    (task,) = read_tasks(path)
    assert task.argv == ["--out=web", "--on-exists=error", "--exclude=b*", "--strict"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'inputs = "photos/"\nout = "x"\nexlude = ["b"]',
            "no key 'exlude' in imgpar.toml. Did you mean 'exclude'",
        ),
        ('inputs = "photos/"\nout = "x"\nformat = "webp"', "Did you mean 'to'"),
        ('inputs = "photos/"\nout = "x"\nquality = 700', "quality in imgpar.toml"),
        ('out = "x"', "names no inputs"),
        ("inputs = 3", "neither a text nor a list"),
        ('inputs = "photos/"\nout = ["a", "b"]', "out in imgpar.toml is a list"),
        ("x = " + "[" * 3000, "nested too deeply"),
        (
            '[task.a]\ninputs = "photos"\nout = "x"\n[task.b]\ninputs = "photos/"\nout = "x/"',
            "make the same files",
        ),
        ('inputs = "photos/"', "-o OUT is missing"),
        ("inputs =", "is not valid TOML"),
        ("task = 3", "task that is no table"),
        ('inputs = "photos/"\nout = "x"\nrecipe = "wbe"', "Did you mean"),
        ('inputs = "photos/"\nout = "x"\ndry_run = true', "no key 'dry_run'"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(project, capsys, text, said):
    write(project, text)
    assert main(["run"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert made(project) == ["imgpar.toml"]


def test_an_unknown_task_is_a_usage_error(project, capsys):
    write(project, TWO)
    assert main(["run", "gray"]) == 2
    assert "There is no task 'gray' in imgpar.toml. Did you mean 'grey'?" in capsys.readouterr().err


def test_check_is_one_until_everything_is_made(project):
    write(project, TWO)
    assert main(["run", "--check", "-q"]) == 1
    assert made(project) == ["imgpar.toml"]
    assert main(["run", "-q"]) == 0
    assert main(["run", "--check", "-q"]) == 0


def test_an_option_that_is_on_by_default_may_be_off(project):
    path = write(project, 'inputs = "photos/"\nout = "web"\nrecursive = false\nstrict = false\n')
    assert read_tasks(path)[0].argv == ["--out=web", "--no-recursive"]
