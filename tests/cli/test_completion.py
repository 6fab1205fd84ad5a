"""Completion: what is offered, and that real shells offer it."""

from __future__ import annotations

import os
import re
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminals import needs, open_terminal

from imgpar.cli import COMMANDS, main
from imgpar.cli.commands import SHELLS
from imgpar.cli.completing import candidates_for, parser_of
from imgpar.cli.topics import TOPICS
from imgpar.formats.registry import every_format
from imgpar.ops import operation_types
from imgpar.recipe.recipe import builtin_names


def offered(*words: str) -> list[str]:
    return [word for word, _ in candidates_for(words).words]


def paths(*words: str) -> str:
    return candidates_for(words).paths


def test_the_first_word_is_a_command():
    assert offered("") == [*COMMANDS, "--help", "--version"]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_offers_its_flags(command):
    shown = {name for name, action in parser_of(command).flags().items() if action.help != "==SUPPRESS=="}
    assert {name for name in shown if name.startswith("--")} == set(offered(command, "--"))


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_offered_flag_has_its_help(command):
    assert [word for word, text in candidates_for([command, "--"]).words if not text] == []


def test_a_modifier_is_offered_behind_its_operation_only():
    assert "--fit" not in offered("convert", "a.jpg", "--fi")
    assert "--fit" in offered("convert", "a.jpg", "--resize", "8x8", "--fi")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["convert", "--to", "av"], ["avif", "avi"]),
        (["convert", "--to", "webp,av"], ["webp,avif", "webp,avi"]),
        (["convert", "--to=av"], ["avif", "avi"]),
        (["convert", "--recipe", "w"], ["web"]),
        (["convert", "--on-exists", ""], ["skip", "overwrite", "rename", "error"]),
        (["convert", "--resize", "8x8", "--fit", "c"], ["cover", "contain"]),
        (["convert", "--crop", "8x8", "--gravity", "fa"], ["faces"]),
        (["frames", "--to", "pn"], ["png"]),
        (["compare", "--to", "webp,jx"], ["webp,jxl"]),
        (["ops", "sharp"], ["sharpen"]),
        (["desktop", "in"], ["install"]),
        (["desktop", "install", "in"], []),
        (["completion", "f"], ["fish"]),
        (["help", "nam"], ["names"]),
        (["help", "conv"], ["convert"]),
        (["convert", "--prefix", "--to", "av"], []),  # --to is the prefix
        (["convert", "--", "--to", "av"], []),
    ],
)
def test_values_are_offered(words, expected):
    assert offered(*words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["convert", ""], "files"),
        (["convert", "-o", ""], "files"),
        (["convert", "--out=w"], "files"),
        (["convert", "--recipe", "w"], "files"),
        (["convert", "--keep-failures", ""], "folders"),
        (["convert", "--quality", ""], "none"),
        (["convert", "--cache-control", ""], "none"),
        (["doctor", ""], "none"),
        (["undo", ""], "files"),
        (["nothing", ""], "files"),
    ],
)
def test_paths_are_left_to_the_shell(words, expected):
    assert paths(*words) == expected


def test_all_choices_are_offered():
    assert set(offered("convert", "--to", "")) == {one.suffix for one in every_format() if one.writable}
    assert offered("convert", "--recipe", "") == list(builtin_names())
    assert set(offered("ops", "")) >= set(operation_types())
    assert offered("help", "") == [*COMMANDS, *TOPICS]


def test_tasks_of_the_project_are_offered(tmp_path, monkeypatch):
    (tmp_path / "imgpar.toml").write_text('out = "web/"\ninputs = "a/"\n[task.icons]\nto = "png"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    assert offered("run", "i") == ["icons"]


def test_a_broken_project_offers_nothing(tmp_path, monkeypatch):
    (tmp_path / "imgpar.toml").write_text("[[", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert offered("run", "") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_printed(capsys, shell):
    assert main(["completion", shell]) == 0
    said = capsys.readouterr()
    assert f"imgpar completion {shell} --" in said.out
    assert said.err == ""


def test_the_start_of_a_shell_loads_no_declarations():
    code = "import sys; from imgpar.cli import main; main(['completion', 'bash'])"
    code += "; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"argparse", "imgpar.cli.flags", "imgpar.formats.registry"}.isdisjoint(done.stderr.split())


def test_the_help_has_the_line_that_installs_it(capsys):
    assert main(["completion", "--help"]) == 0
    assert 'eval "$(imgpar completion bash)"' in capsys.readouterr().out


@pytest.mark.parametrize(("argv", "part"), [(["fsh"], "Did you mean 'fish'?"), ([], "Name one of bash")])
def test_another_shell_is_refused(capsys, argv, part):
    assert main(["completion", *argv]) == 2
    assert part in capsys.readouterr().err


def test_windows_powershell_drops_empty_arguments(capsys):
    assert main(["completion", "powershell", "--", "convert", "--on-exists", "="]) == 0
    assert capsys.readouterr().out.splitlines() == ["none", "skip", "overwrite", "rename", "error"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a picture, a folder with a blank in its name, and in `bin` a program that completes like
    imgpar and else prints its arguments."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "imgpar"
    python = shlex.quote(sys.executable)
    program.write_text(
        f'#!/bin/sh\n[ "$1" = completion ] && exec {python} -m imgpar "$@"\n'
        "printf 'got:'; printf ' [%s]' \"$@\"; echo\n", "utf-8",
    )  # fmt: skip
    program.chmod(0o755)
    (tmp_path / "my photos").mkdir()
    (tmp_path / "my photos" / "one.jpg").touch()
    (tmp_path / "web.toml").touch()
    return tmp_path


def environment(place: Path) -> dict[str, str]:
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(place), "TERM": "dumb", "PS1": "$ "}


class Shell:
    """An interactive shell in a terminal."""

    def __init__(self, place: Path, *command: str) -> None:
        needs(command[0])
        self._end, other = open_terminal()
        self._process = subprocess.Popen(
            command, cwd=place, env=environment(place), stdin=other, stdout=other, stderr=other,
            start_new_session=True,
        )  # fmt: skip
        os.close(other)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read until the pattern is there; what was read before it is forgotten."""
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, self.seen)):
            left = deadline - time.monotonic()
            assert left > 0, self.seen
            if select.select([self._end], [], [], left)[0]:
                self.seen += os.read(self._end, 65536).decode("utf-8", "replace")
        self.seen = self.seen[found.end() :]
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._end)


@pytest.fixture
def started(place: Path) -> Iterator[Callable[..., Shell]]:
    """Starts a shell, in which imgpar is completed and prints its arguments."""
    shells: list[Shell] = []

    def start(*command: str, before: str = "", name: str) -> Shell:
        shells.append(shell := Shell(place, *command))
        shell.type(f"{before}\n" if before else "")
        shell.type(f'eval "$(imgpar completion {name})"; echo rea""dy\n')
        shell.wait_for(r"ready\r?\n")
        return shell

    yield start
    for shell in shells:
        shell.close()


LINES = [
    ("conv", "[convert]"),
    ("convert --resiz", "[convert] [--resize]"),
    ("convert --on-exists o", "[convert] [--on-exists] [overwrite]"),
    ("convert --on-exists=o", "[convert] [--on-exists=overwrite]"),
    ("convert --to webp,pn", "[convert] [--to] [webp,png]"),
    ("convert --recipe soc", "[convert] [--recipe] [social]"),
    ("convert --recipe web.t", "[convert] [--recipe] [web.toml]"),
    ("convert my\\ photos/o", "[convert] [my photos/one.jpg]"),
    ("convert -o my", "[convert] [-o] [my photos/]"),
    ("convert --out=my", "[convert] [--out=my photos/]"),
    ("convert my\\ photos/one.jpg --save-r", "[convert] [my photos/one.jpg] [--save-recipe]"),
    ("help exit", "[help] [exit-codes]"),
]
BASH = ("bash", "--norc", "--noprofile", "-i")
ZSH = ("zsh", "-f", "-i")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "before"),
    [(BASH, "bind 'set enable-bracketed-paste off'"),
     (ZSH, "unset zle_bracketed_paste; autoload -U compinit; compinit -u -D")],
    ids=["bash", "zsh"],
)  # fmt: skip
def test_lines_are_completed_in_a_shell(started, command, before):
    shell = started(*command, before=before, name=command[0])
    got = {}
    for line, _ in LINES:
        shell.type(f"imgpar {line}\t")
        shell.type("\n")
        got[line] = shell.wait_for(r"got: ([^\r\n]*)\r?\n")[1]
    # zsh takes the slash away again when the line ends there.
    assert {line: words.replace("/]", "]") for line, words in got.items()} == {
        line: words.replace("/]", "]") for line, words in LINES
    }


@pytest.mark.slow
@pytest.mark.parametrize(("line", "expected"), LINES)
def test_lines_are_completed_in_fish(place, line, expected):
    needs("fish")
    script = f"imgpar completion fish | source; complete -C {shlex.quote(f'imgpar {line}')}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], cwd=place, env=environment(place), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    words = [row.partition("\t")[0] for row in done.stdout.splitlines()]
    assert words == [expected.rpartition("[")[2].rstrip("]")]
